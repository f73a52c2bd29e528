//! Nothing in, a row for each key of a stanza out: what an editor shows beside its doc comment, and what may be chosen.
//! Never widens what a key may hold; the schema of its type does that.

use serde_json::{Map, Value, json};

use super::known::REGIONS;
use super::{NOT_EMPTY, snippets};
use crate::protocol::stanza::ALIASES;

/// Words, each with what it means.
pub(super) type Words = &'static [(&'static str, &'static str)];

/// What can be chosen for a key.
pub(super) enum Kind {
    /// What the type says.
    Plain,
    /// Most people give one value, and not a list: so that is what an editor begins.
    Single,
    /// One of AWS's words.
    Words(Words),
    /// One of our words, in any case.
    Choice(Words),
    /// One of these names, or a new one.
    Open(Words),
    /// A runtime that AWS still mends, or a new one.
    Runtime,
}

/// A key with what an editor shows.
pub(super) struct Key {
    /// Its name; inside a structure with that structure's name and a dot before it.
    pub(super) at: &'static str,
    pub(super) kind: Kind,
    /// What a text must match, unless a variable is in it, and what to say where it does not.
    pub(super) pattern: Option<(&'static str, &'static str)>,
    /// The least and the most of a number.
    pub(super) range: Option<(i64, i64)>,
    /// A short YAML of it, for a hover. Its text, because `examples` that are no scalars are offered as `[object Object]`.
    pub(super) yaml: Option<&'static str>,
    /// Keywords that are copied into the schema.
    pub(super) shown: Map<String, Value>,
}

impl Key {
    fn with(mut self, keyword: &str, value: Value) -> Self {
        self.shown.insert(keyword.to_owned(), value);
        self
    }
    /// A default of ours. AWS's stand in the description: a stanza that is silent keeps what is live.
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
    /// Taken in silence, so there is no `deprecationMessage` either: YAML editors underline that in red.
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
    /// An empty text is refused, because nothing could be cleared by it.
    fn not_empty(self) -> Self {
        self.pattern(NOT_EMPTY, "Give a value, or leave the key out.")
    }
    fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
    fn words(self, words: Words) -> Self {
        self.kind(Kind::Words(words))
    }
    fn choice(self, words: Words) -> Self {
        self.kind(Kind::Choice(words))
    }
    fn single(self) -> Self {
        self.kind(Kind::Single)
    }

    /// True when `at` is this key, or another name of it.
    pub(super) fn names(&self, at: &str) -> bool {
        self.at == at || ALIASES.contains(&(at, self.at))
    }
}

fn key(at: &'static str, title: &str) -> Key {
    let shown = Map::from_iter([("title".to_owned(), json!(title))]);
    Key { at, kind: Kind::Plain, pattern: None, range: None, yaml: None, shown }
}

/// A boolean that is false unless it is given.
fn switch(at: &'static str, title: &str) -> Key {
    key(at, title).default(json!(false))
}

/// The shapes that [`crate::protocol::name::FunctionName`] reads.
const FUNCTION_NAME: &str = "^([^:]*:function:|arn:[^:]*:lambda:[^:]*:[^:]*:function:)?[A-Za-z0-9_-]+$";
/// What [`crate::protocol::name::Region`] reads.
const REGION: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// A name that an alias can have: not of digits alone.
const ALIAS: &str = "^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$";
/// A number as AWS writes it.
const VERSION: &str = "^(0|[1-9][0-9]*)$";

const LAMBDA: Words = &[("lambda", "An AWS Lambda function.")];
const TRACING: Words = &[
    ("Active", "Lambda decides which invocations are traced, and traces them."),
    ("PassThrough", "Traced is what the caller traces."),
];
const SYMLINKS: Words = &[
    ("preserve", "Links stay links."),
    ("follow", "Packaged is what a link points to."),
    ("external", "Links that leave the directory are followed, others stay."),
];
const PROCESSORS: Words = &[("x86_64", "Intel and AMD."), ("arm64", "AWS Graviton.")];
const PACKAGES: Words = &[("Zip", "Files."), ("Image", "A container image.")];
const SNAPSHOTS: Words = &[
    ("PublishedVersions", "Each published version starts from a snapshot; `publish` or `alias` makes one."),
    ("None", "No snapshots."),
];
const TAGS_MODES: Words = &[("add", "Other live tags stay."), ("replace", "Other live tags are removed.")];
const LOG_FORMATS: Words =
    &[("Text", "Lines as the function writes them."), ("JSON", "Objects, with levels to filter by.")];
const SYSTEM_LEVELS: Words =
    &[("DEBUG", "All of Lambda's own logs."), ("INFO", "Without its details."), ("WARN", "Only what went wrong.")];
const APPLICATION_LEVELS: Words = &[
    ("TRACE", "Everything."),
    ("DEBUG", "What helps to find a fault, and more."),
    ("INFO", "What happens, and more."),
    ("WARN", "What may be wrong, and more."),
    ("ERROR", "What is wrong, and what ends the function."),
    ("FATAL", "What ends the function."),
];
const CALLERS: Words =
    &[("NONE", "Everybody, without a signature."), ("AWS_IAM", "Whom IAM permits, with a signed request.")];
const INVOKE_MODES: Words = &[
    ("BUFFERED", "The answer is sent when the function has ended."),
    ("RESPONSE_STREAM", "The answer is sent while the function runs."),
];

/// A row for each key, in the order of the stanza's type.
pub(super) fn keys() -> Vec<Key> {
    let role = "arn:aws:iam::123456789012:role";
    let kms = "arn:aws:kms:us-east-1:123456789012:key/1234abcd";
    let of_stanza = vec![
        key("provider", "Provider").choice(LAMBDA),
        key("access_key_id", "Access key id").example(json!("$AWS_ACCESS_KEY_ID")).yaml("access_key_id:\n  secure: …"),
        key("secret_access_key", "Secret access key").example(json!("$AWS_SECRET_ACCESS_KEY")).yaml("secret_access_key:\n  secure: …"),
        key("session_token", "Session token").example(json!("$SESSION_TOKEN")),
        key("profile", "Profile").not_empty().example(json!("deployer")),
        key("role_to_assume", "Role to assume").not_empty().example(json!(format!("{role}/deploy"))),
        key("role_session_name", "Name of the session").not_empty().example(json!("release-build")),
        key("external_id", "External id").not_empty().example(json!("our-contract-7")),
        key("web_identity_token_env", "Variable with a token").not_empty().example(json!("OIDC_TOKEN")),
        key("region", "Region").kind(Kind::Open(REGIONS)).pattern(REGION, "Give an AWS region, such as `us-east-1`.").default(json!("us-east-1")),
        key("function_name", "Function").pattern(FUNCTION_NAME, "Give a function's name (letters, digits, `-`, `_`) or its ARN.").example(json!("hello")),
        key("role", "Role of the function").not_empty().example(json!(format!("{role}/run"))),
        key("handler_name", "Handler").not_empty().example(json!("handler")),
        key("module_name", "Module of the handler").not_empty().default(json!("index")).example(json!("app")),
        key("description", "Description").example(json!("Answers hello, build %{build_number}")),
        key("timeout", "Time limit (seconds)").between(1, 5400).example(json!(30)),
        key("memory_size", "Memory (MB)").between(128, 32768).example(json!(512)),
        key("subnet_ids", "Subnets").example(json!(["subnet-0123456789abcdef0"])),
        key("security_group_ids", "Security groups").example(json!(["sg-0123456789abcdef0"])),
        key("environment", "Environment variables").yaml("environment:\n  STAGE: production\n  TOKEN:\n    secure: …"),
        key("runtime", "Runtime").kind(Kind::Runtime).not_empty(),
        key("dead_letter_arn", "Dead letter queue").example(json!("arn:aws:sqs:us-east-1:123456789012:failed")),
        key("kms_key_arn", "Key of the variables").example(json!(kms)),
        key("tracing_mode", "Tracing").words(TRACING),
        key("layers", "Layers").example(json!(["arn:aws:lambda:us-east-1:123456789012:layer:tools:3"])),
        key("function_tags", "Tags").yaml("function_tags:\n  team: payments"),
        switch("publish", "Publish a version"),
        key("zip", "What to package").single().default(json!(".")).example(json!("dist")),
        key("include", "Files to package").example(json!(["src/**"])),
        key("exclude", "Files to leave out").example(json!(["*.test.js"])),
        key("symlinks", "Symbolic links").choice(SYMLINKS).default(json!("preserve")),
        key("s3_bucket", "Bucket").example(json!("our-packages")),
        key("s3_prefix", "Beginning of keys").example(json!("lambda")),
        key("s3_key", "Archive in the bucket").not_empty().example(json!("builds/hello-7.zip")),
        key("s3_object_version", "Version of the archive").not_empty().example(json!("L4kqtJlcpXroDTDmpUMLUo")),
        switch("dot_match", "Package dot files"),
        key("architectures", "Processor").words(PROCESSORS),
        key("ephemeral_storage", "Size of /tmp (MB)").between(512, 32768).example(json!(1024)),
        key("package_type", "Kind of package").choice(PACKAGES).default(json!("Zip")),
        key("image_uri", "Container image")
            .not_empty()
            .example(json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7")),
        key("image_config", "Start of the image").yaml("image_config:\n  command: [app.handler]"),
        key("file_system_configs", "File systems").yaml(
            "file_system_configs:\n  - arn: arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0\n    local_mount_path: /mnt/data",
        ),
        key("snap_start", "SnapStart").words(SNAPSHOTS),
        key("logging_config", "Logs").yaml("logging_config:\n  log_format: JSON\n  application_log_level: WARN").snippets(snippets::logging_config()),
        key("ipv6_allowed_for_dual_stack", "IPv6 out of the VPC"),
        switch("merge_environment", "Keep live variables"),
        key("code_signing_config_arn", "Code signing")
            .example(json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0")),
        key("source_kms_key_arn", "Key of the package").example(json!(kms)),
        key("revision_id", "Expected revision").not_empty().example(json!("f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a")),
        key("function_tags_mode", "How tags are set").choice(TAGS_MODES).default(json!("add")),
        key("reserved_concurrency", "Reserved concurrency").with("examples", json!([20, "none"])),
        key("function_url", "Function URL")
            .example(json!("none"))
            .yaml("function_url:\n  auth_type: AWS_IAM")
            .snippets(snippets::function_url()),
        key("alias", "Alias").single().pattern(ALIAS, "Give letters, digits, `-` and `_`, not digits alone.").example(json!("live")),
        key("verify", "Check of a version")
            .yaml("verify:\n  payload: {ping: true}\n  expect:\n    contains: pong")
            .snippets(snippets::verify()),
        key("traffic", "Traffic (percent)").between(1, 100).example(json!([10, 50, 100])).snippets(snippets::traffic()),
        key("traffic_interval", "Time between steps (seconds)").at_least(1).default(json!(60)).example(json!(120)),
        switch("clear_weights", "Take other weights away"),
        key("provisioned_concurrency", "Provisioned concurrency").with("examples", json!([5, "none"])),
        key("keep_versions", "Versions to keep").at_least(1).example(json!(10)),
        key("version", "Version to go back to").pattern(VERSION, "Give the number of a published version, such as 7.").example(json!("7")),
        key("on", "Conditions").yaml("on:\n  branch: [main, release/*]\n  condition: $NIGHTLY != true").snippets(snippets::on()),
        key("run", "Commands afterwards").example(json!(["./announce.sh"])),
        switch("cleanup", "Put files aside"),
        switch("allow_failure", "May fail"),
        switch("strict", "Refuse unknown keys"),
        switch("dry_run", "Only tell"),
        key("wait_timeout", "Patience (seconds)").at_least(1).default(json!(600)).example(json!(900)),
        key("skip_cleanup", "Leave files where they are").deprecated(),
        key("edge", "Version of dpl").deprecated(),
        key("dpl_version", "Version of dpl").deprecated(),
        key("strategy", "Strategy of dpl").deprecated(),
    ];
    let of_structures = vec![
        key("logging_config.log_format", "Format").words(LOG_FORMATS),
        key("logging_config.log_group", "Log group").example(json!("/our/functions")),
        key("logging_config.application_log_level", "Level of the function's logs").words(APPLICATION_LEVELS),
        key("logging_config.system_log_level", "Level of Lambda's logs").words(SYSTEM_LEVELS),
        key("image_config.entry_point", "Program").example(json!(["/lambda-entrypoint.sh"])),
        key("image_config.command", "Arguments").example(json!(["app.handler"])),
        key("image_config.working_directory", "Working directory").example(json!("/var/task")),
        key("file_system_configs.arn", "Access point")
            .not_empty()
            .example(json!("arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0")),
        key("file_system_configs.local_mount_path", "Path").not_empty().example(json!("/mnt/data")),
        key("function_url.auth_type", "Who may call").not_empty().words(CALLERS),
        key("function_url.invoke_mode", "When the answer is sent").words(INVOKE_MODES),
        key("function_url.cors", "Other sites").yaml("cors:\n  allow_origins: ['https://www.example.com']"),
        key("function_url.cors.allow_origins", "Sites").example(json!(["https://www.example.com"])),
        key("function_url.cors.allow_methods", "Methods").example(json!(["GET"])),
        key("function_url.cors.allow_headers", "Headers of requests").example(json!(["content-type"])),
        key("function_url.cors.expose_headers", "Headers of answers").example(json!(["x-request-id"])),
        key("function_url.cors.allow_credentials", "Cookies"),
        key("function_url.cors.max_age", "Time to remember (seconds)").between(0, 86400).example(json!(3600)),
        key("verify.payload", "Payload").yaml("payload:\n  ping: true"),
        key("verify.expect", "Expected answer").yaml("expect:\n  json:\n    statusCode: 200"),
        key("verify.expect.contains", "Text in the answer").not_empty().example(json!("pong")),
        key("verify.expect.json", "JSON in the answer").yaml("json:\n  statusCode: 200"),
        key("verify.timeout", "Time limit (seconds)").at_least(1).default(json!(60)).example(json!(30)),
        key("verify.command", "Command").not_empty().example(json!("./smoke-test.sh")),
    ];
    // No defaults: an editor that begins `on` writes each that it knows.
    let of_conditions = vec![
        key("on.repo", "Repository").example(json!("owner/name")),
        key("on.branch", "Branch").with("examples", json!(["main", ["main", "release/*"]])),
        key("on.all_branches", "All branches").example(json!(true)),
        key("on.tags", "Tags").example(json!(true)),
        key("on.condition", "Condition in bash").single().example(json!("$NIGHTLY = true")),
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
    of_stanza.into_iter().chain(of_structures).chain(of_conditions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_of_a_key_that_there_is() {
        let stanza = crate::protocol::schema::stanza();
        for key in keys() {
            let pointer: String = key.at.split('.').map(|part| format!("/properties/{part}")).collect();
            assert!(stanza.pointer(&pointer).is_some(), "`{}` is no key of a stanza", key.at);
        }
    }
}
