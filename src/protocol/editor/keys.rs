//! Lists what an editor shows for each key of a stanza besides the doc comment: a title, examples and
//! possible values. Never allows more values than the schema of the key's type.

use serde_json::{Map, Value, json};

use super::known::REGIONS;
use super::{NOT_EMPTY, snippets};
use crate::protocol::stanza::ALIASES;

/// Possible values, each with its description.
pub(super) type ValueWords = &'static [(&'static str, &'static str)];

/// Which values an editor offers for a key.
pub(super) enum Kind {
    /// Those of the key's type.
    Plain,
    /// One value or a list. Most people write one value, so the editor inserts no list.
    Single,
    /// Values of the AWS API, case-sensitive.
    ValueWords(ValueWords),
    /// Values of dpl-lambda, in any case.
    Choice(ValueWords),
    /// These names. Other names are valid too, because AWS adds new ones.
    Open(ValueWords),
    /// Runtimes that are not deprecated. Other names are valid too.
    Runtime,
}

/// A key and what an editor shows for it.
pub(super) struct EditorKey {
    /// Name of the key. Inside a structure, the names are joined with dots: `logging_config.log_group`.
    pub(super) at: &'static str,
    pub(super) kind: Kind,
    /// Regular expression for a string value and the message for a mismatch. A value with a `$` always
    /// matches.
    pub(super) pattern: Option<(&'static str, &'static str)>,
    /// Minimum and maximum of a number.
    pub(super) range: Option<(i64, i64)>,
    /// YAML example for the hover. It is text, because editors show an entry of `examples` that is not a
    /// scalar as `[object Object]`.
    pub(super) yaml: Option<&'static str>,
    /// JSON Schema keywords that are copied as they are.
    pub(super) shown: Map<String, Value>,
}

impl EditorKey {
    fn with(mut self, keyword: &str, value: Value) -> Self {
        self.shown.insert(keyword.to_owned(), value);
        self
    }
    /// Sets a default of dpl-lambda. AWS defaults are in the description only, because an absent key keeps
    /// the live value.
    fn default(self, value: Value) -> Self {
        self.with("default", value)
    }
    fn example(self, value: Value) -> Self {
        self.with("examples", json!([value]))
    }
    fn yaml(mut self, yaml: &'static str) -> Self {
        self.yaml = Some(yaml);
        self
    }
    fn snippets(self, snippets: Value) -> Self {
        self.with("defaultSnippets", snippets)
    }
    /// Marks a key that is accepted without a warning. There is no `deprecationMessage`, because YAML editors
    /// underline such keys in red.
    fn deprecated(self) -> Self {
        self.with("deprecated", json!(true)).with("doNotSuggest", json!(true))
    }
    fn between(mut self, least: i64, most: i64) -> Self {
        self.range = Some((least, most));
        self
    }
    fn at_least(self, least: i64) -> Self {
        self.between(least, i64::from(i32::MAX))
    }
    fn pattern(mut self, pattern: &'static str, message: &'static str) -> Self {
        self.pattern = Some((pattern, message));
        self
    }
    /// Refuses an empty string, for keys without a value that it could clear.
    fn not_empty(self) -> Self {
        self.pattern(NOT_EMPTY, "Expected a value. To keep the default, leave the key out.")
    }
    fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
    fn words(self, words: ValueWords) -> Self {
        self.kind(Kind::ValueWords(words))
    }
    fn choice(self, words: ValueWords) -> Self {
        self.kind(Kind::Choice(words))
    }
    fn single(self) -> Self {
        self.kind(Kind::Single)
    }

    /// True if `at` is this key or an alternative name of it.
    pub(super) fn names(&self, at: &str) -> bool {
        self.at == at || ALIASES.contains(&(at, self.at))
    }
}

fn key(at: &'static str, title: &str) -> EditorKey {
    let shown = Map::from_iter([("title".to_owned(), json!(title))]);
    EditorKey { at, kind: Kind::Plain, pattern: None, range: None, yaml: None, shown }
}

/// A boolean whose default is false.
fn switch(at: &'static str, title: &str) -> EditorKey {
    key(at, title).default(json!(false))
}

/// The forms that [`crate::protocol::name::FunctionName`] accepts.
const FUNCTION_NAME: &str = "^([^:]*:function:|arn:[^:]*:lambda:[^:]*:[^:]*:function:)?[A-Za-z0-9_-]+$";
/// The form that [`crate::protocol::name::Region`] accepts.
const REGION: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// An alias name. It must not consist of digits only.
const ALIAS: &str = "^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$";
/// A version number in the form of AWS, without leading zeros.
const VERSION: &str = "^(0|[1-9][0-9]*)$";

const LAMBDA: ValueWords = &[("lambda", "An AWS Lambda function.")];
const TRACING: ValueWords = &[
    ("Active", "Lambda samples and traces invocations."),
    ("PassThrough", "Lambda traces only invocations that the caller traces."),
];
const SYMLINKS: ValueWords = &[
    ("preserve", "Keep links as links."),
    ("follow", "Package the targets of links."),
    ("external", "Package the targets that are not in the package otherwise; keep other links."),
];
const PROCESSORS: ValueWords =
    &[("x86_64", "64-bit x86 (Intel, AMD)."), ("arm64", "64-bit Arm (AWS Graviton).")];
const PACKAGES: ValueWords = &[("Zip", "Files, in a zip archive."), ("Image", "A container image.")];
const SNAPSHOTS: ValueWords = &[
    ("PublishedVersions", "Published versions start from a snapshot. Needs `publish` or `alias`."),
    ("None", "No snapshots."),
];
const TAGS_MODES: ValueWords = &[("add", "Keep other live tags."), ("replace", "Remove other live tags.")];
const LOG_FORMATS: ValueWords =
    &[("Text", "Lines as the function writes them."), ("JSON", "JSON objects with a log level.")];
const SYSTEM_LEVELS: ValueWords =
    &[("DEBUG", "All system logs."), ("INFO", "INFO and WARN."), ("WARN", "Only WARN.")];
const APPLICATION_LEVELS: ValueWords = &[
    ("TRACE", "All levels."),
    ("DEBUG", "DEBUG and higher."),
    ("INFO", "INFO and higher."),
    ("WARN", "WARN and higher."),
    ("ERROR", "ERROR and FATAL."),
    ("FATAL", "Only FATAL."),
];
const CALLERS: ValueWords = &[
    ("NONE", "Everyone, without authentication."),
    ("AWS_IAM", "Callers with IAM permission, by signed requests."),
];
const INVOKE_MODES: ValueWords = &[
    ("BUFFERED", "Send the response after the function has ended."),
    ("RESPONSE_STREAM", "Send the response while the function runs."),
];

/// One entry for each key, in the order of the fields of `Stanza`.
pub(super) fn keys() -> Vec<EditorKey> {
    let role = "arn:aws:iam::123456789012:role";
    let kms = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";
    let from_stanza = vec![
        key("provider", "Provider").choice(LAMBDA),
        key("access_key_id", "Access key ID").example(json!("$AWS_ACCESS_KEY_ID")).yaml("access_key_id:\n  secure: …"),
        key("secret_access_key", "Secret access key").example(json!("$AWS_SECRET_ACCESS_KEY")).yaml("secret_access_key:\n  secure: …"),
        key("session_token", "Session token").example(json!("$SESSION_TOKEN")),
        key("profile", "AWS profile").not_empty().example(json!("deployer")),
        key("role_to_assume", "Role to assume").not_empty().example(json!(format!("{role}/deploy"))),
        key("role_session_name", "Role session name").not_empty().example(json!("release-build")),
        key("external_id", "External ID").not_empty().example(json!("our-contract-7")),
        key("web_identity_token_env", "Variable with the OIDC token").not_empty().example(json!("OIDC_TOKEN")),
        key("region", "AWS region").kind(Kind::Open(REGIONS)).pattern(REGION, "Expected an AWS region, such as `us-east-1`.").default(json!("us-east-1")),
        key("function_name", "Function name").pattern(FUNCTION_NAME, "Expected a function name (letters, digits, `-`, `_`) or an ARN.").example(json!("hello")),
        key("role", "Execution role").not_empty().example(json!(format!("{role}/run"))),
        key("handler_name", "Handler").not_empty().example(json!("handler")),
        key("module_name", "Handler module").not_empty().default(json!("index")).example(json!("app")),
        key("description", "Description").example(json!("Says hello, build %{build_number}")),
        key("timeout", "Timeout (seconds)").between(1, 5400).example(json!(30)),
        key("memory_size", "Memory (MB)").between(128, 32768).example(json!(512)),
        key("subnet_ids", "Subnets").example(json!(["subnet-0123456789abcdef0"])),
        key("security_group_ids", "Security groups").example(json!(["sg-0123456789abcdef0"])),
        key("environment", "Environment variables").yaml("environment:\n  STAGE: production\n  TOKEN:\n    secure: …"),
        key("runtime", "Runtime").kind(Kind::Runtime).not_empty(),
        key("dead_letter_arn", "Dead letter queue").example(json!("arn:aws:sqs:us-east-1:123456789012:failed")),
        key("kms_key_arn", "KMS key for environment variables").example(json!(kms)),
        key("tracing_mode", "X-Ray tracing").words(TRACING),
        key("layers", "Layers").example(json!(["arn:aws:lambda:us-east-1:123456789012:layer:tools:3"])),
        key("function_tags", "Tags").yaml("function_tags:\n  team: payments"),
        switch("publish", "Publish a version"),
        key("zip", "What to package").single().default(json!(".")).example(json!("dist")),
        key("include", "Files to package").example(json!(["src/**"])),
        key("exclude", "Files to leave out").example(json!(["*.test.js"])),
        key("symlinks", "Symbolic links").choice(SYMLINKS).default(json!("preserve")),
        key("s3_bucket", "S3 bucket").example(json!("our-packages")),
        key("s3_prefix", "S3 key prefix").example(json!("lambda")),
        key("s3_key", "S3 key of the archive").not_empty().example(json!("builds/hello-7.zip")),
        key("s3_object_version", "S3 version of the archive").not_empty().example(json!("L4kqtJlcpXroDTDmpUMLUo")),
        switch("dot_match", "Package dot files"),
        key("architectures", "Architecture").words(PROCESSORS),
        key("ephemeral_storage", "Size of /tmp (MB)").between(512, 32768).example(json!(1024)),
        key("package_type", "Package type").choice(PACKAGES).default(json!("Zip")),
        key("image_uri", "Container image")
            .not_empty()
            .example(json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7")),
        key("image_config", "Image settings").yaml("image_config:\n  command: [app.handler]"),
        key("file_system_configs", "File systems").yaml(
            "file_system_configs:\n  - arn: arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0\n    local_mount_path: /mnt/data",
        ),
        key("snap_start", "SnapStart").words(SNAPSHOTS),
        key("logging_config", "Logging").yaml("logging_config:\n  log_format: JSON\n  application_log_level: WARN").snippets(snippets::logging_config()),
        key("ipv6_allowed_for_dual_stack", "Outbound IPv6"),
        switch("merge_environment", "Merge environment variables"),
        key("code_signing_config_arn", "Code signing")
            .example(json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0")),
        key("source_kms_key_arn", "KMS key for the package").example(json!(kms)),
        key("revision_id", "Expected revision").not_empty().example(json!("f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a")),
        key("function_tags_mode", "Tag mode").choice(TAGS_MODES).default(json!("add")),
        key("reserved_concurrency", "Reserved concurrency").with("examples", json!([20, "none"])),
        key("function_url", "Function URL")
            .example(json!("none"))
            .yaml("function_url:\n  auth_type: AWS_IAM")
            .snippets(snippets::function_url()),
        key("alias", "Alias").single().pattern(ALIAS, "Expected letters, digits, `-` and `_`, and not only digits.").example(json!("live")),
        key("verify", "Version check")
            .yaml("verify:\n  payload: {ping: true}\n  expect:\n    contains: pong")
            .snippets(snippets::verify()),
        key("traffic", "Traffic (percent)").between(1, 100).example(json!([10, 50, 100])).snippets(snippets::traffic()),
        key("traffic_interval", "Traffic interval (seconds)").at_least(1).default(json!(60)).example(json!(120)),
        switch("clear_weights", "Clear traffic weights"),
        key("provisioned_concurrency", "Provisioned concurrency").with("examples", json!([5, "none"])),
        key("keep_versions", "Versions to keep").at_least(1).example(json!(10)),
        key("version", "Rollback version").pattern(VERSION, "Expected the number of a published version, such as 7.").example(json!("7")),
        key("on", "Conditions").yaml("on:\n  branch: [main, release/*]\n  condition: $NIGHTLY != true").snippets(snippets::on()),
        key("run", "Commands after the deployment").example(json!(["./announce.sh"])),
        switch("cleanup", "Stash uncommitted files"),
        switch("allow_failure", "Allow failure"),
        switch("strict", "Strict"),
        switch("dry_run", "Dry run"),
        key("wait_timeout", "Wait timeout (seconds)").at_least(1).default(json!(600)).example(json!(900)),
        key("skip_cleanup", "Skip cleanup").deprecated(),
        key("edge", "dpl edge version").deprecated(),
        key("dpl_version", "dpl version").deprecated(),
        key("strategy", "dpl strategy").deprecated(),
    ];
    let from_structures = vec![
        key("logging_config.log_format", "Log format").words(LOG_FORMATS),
        key("logging_config.log_group", "Log group").example(json!("/our/functions")),
        key("logging_config.application_log_level", "Application log level").words(APPLICATION_LEVELS),
        key("logging_config.system_log_level", "System log level").words(SYSTEM_LEVELS),
        key("image_config.entry_point", "Entry point").example(json!(["/lambda-entrypoint.sh"])),
        key("image_config.command", "Arguments").example(json!(["app.handler"])),
        key("image_config.working_directory", "Working directory").example(json!("/var/task")),
        key("file_system_configs.arn", "Access point ARN").not_empty().example(json!(
            "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"
        )),
        key("file_system_configs.local_mount_path", "Mount path").not_empty().example(json!("/mnt/data")),
        key("function_url.auth_type", "Authentication").not_empty().words(CALLERS),
        key("function_url.invoke_mode", "Invoke mode").words(INVOKE_MODES),
        key("function_url.cors", "CORS").yaml("cors:\n  allow_origins: ['https://www.example.com']"),
        key("function_url.cors.allow_origins", "Allowed origins").example(json!(["https://www.example.com"])),
        key("function_url.cors.allow_methods", "Allowed methods").example(json!(["GET"])),
        key("function_url.cors.allow_headers", "Allowed headers").example(json!(["content-type"])),
        key("function_url.cors.expose_headers", "Exposed headers").example(json!(["x-request-id"])),
        key("function_url.cors.allow_credentials", "Allow credentials"),
        key("function_url.cors.max_age", "Cache time (seconds)").between(0, 86400).example(json!(3600)),
        key("verify.payload", "Payload").yaml("payload:\n  ping: true"),
        key("verify.expect", "Expected response").yaml("expect:\n  json:\n    statusCode: 200"),
        key("verify.expect.contains", "Text in the response").not_empty().example(json!("pong")),
        key("verify.expect.json", "JSON in the response").yaml("json:\n  statusCode: 200"),
        key("verify.timeout", "Timeout (seconds)").at_least(1).default(json!(60)).example(json!(30)),
        key("verify.command", "Command").not_empty().example(json!("./smoke-test.sh")),
    ];
    // No defaults: an editor that inserts `on` would also insert each key that has one.
    let from_conditions = vec![
        key("on.repo", "Repository").example(json!("owner/name")),
        key("on.branch", "Branch").with("examples", json!(["main", ["main", "release/*"]])),
        key("on.all_branches", "All branches").example(json!(true)),
        key("on.tags", "Tags").example(json!(true)),
        key("on.condition", "Bash condition").single().example(json!("$NIGHTLY = true")),
        key("on.dart", "Dart").example(json!("3.5")),
        key("on.elixir", "Elixir").example(json!("1.17")),
        key("on.elm", "Elm").example(json!("0.19")),
        key("on.go", "Go").example(json!("1.23")),
        key("on.haxe", "Haxe").example(json!("4.3")),
        key("on.jdk", "JDK").example(json!("openjdk21")),
        key("on.julia", "Julia").example(json!("1.11")),
        key("on.node", "Node.js").example(json!("22")),
        key("on.node_js", "Node.js").example(json!("22")),
        key("on.perl", "Perl").example(json!("5.40")),
        key("on.php", "PHP").example(json!("8.3")),
        key("on.python", "Python").example(json!("3.13")),
        key("on.r", "R").example(json!("4.4")),
        key("on.ruby", "Ruby").example(json!("3.4")),
        key("on.rvm", "Ruby").example(json!("3.4")),
        key("on.rust", "Rust").example(json!("stable")),
        key("on.scala", "Scala").example(json!("3.5")),
        key("on.smalltalk", "Smalltalk").example(json!("Squeak-6.0")),
    ];
    from_stanza.into_iter().chain(from_structures).chain(from_conditions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_of_a_key_that_there_is() {
        let stanza = crate::protocol::schema::stanza();
        for key in keys() {
            let pointer: String = key.at.split('.').map(|part| format!("/properties/{part}")).collect();
            assert!(stanza.pointer(&pointer).is_some(), "`{}` is not a key of a stanza", key.at);
        }
    }
}
