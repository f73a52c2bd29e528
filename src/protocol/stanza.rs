//! A stanza as it was written in, a [`Stanza`] whose values are typed out, with every problem and surprise in it.
//! Never judges `on`, and never asks whether the values fit a function that is live.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;

use super::environment::Environment;
use super::error::{Code, Problem, Warning, WarningCode};
use super::name::{FunctionName, Region};
use super::reader::Reader;
use super::schema::{
    Anything, Conditions, FileSystems, Flag, NumberList, NumberOrNone, Pairs, SchemaOnly, SecretText, Text, TextList,
    UrlOrNone, WholeNumber,
};
use super::secret::{Redactor, Secret};
use super::structures::{self, FileSystemConfig, FunctionUrl, ImageConfig, LoggingConfig, OrNone, Verify};
use super::wire::{Map, Node};
use super::{judge, limits};

/// The stanza under `deploy:` that describes one AWS Lambda function.
///
/// In every field, `None` means that the stanza is silent: an existing function keeps its live value,
/// a new one gets AWS's default. An empty string, list or map clears the live value.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, title = "AWS Lambda deployment stanza")]
pub struct Stanza {
    /// The deployment provider: `lambda`, in any case.
    #[schemars(with = "Option<Text>")]
    pub provider: Option<String>,
    /// The AWS access key id, such as `AKIAIOSFODNN7EXAMPLE` or `{secure: …}`. Default: the job's `AWS_ACCESS_KEY_ID`.
    #[schemars(with = "Option<SecretText>")]
    pub access_key_id: Option<Secret>,
    /// The secret that belongs to `access_key_id`; encrypt it, as `{secure: …}`. Default: the job's `AWS_SECRET_ACCESS_KEY`.
    #[schemars(with = "Option<SecretText>")]
    pub secret_access_key: Option<Secret>,
    /// The session token that belongs to temporary keys, such as `$SESSION_TOKEN` of the job. Default: none.
    #[schemars(with = "Option<SecretText>")]
    pub session_token: Option<Secret>,
    /// The profile of the job's `~/.aws` files to act as, instead of keys, such as `deployer`. Default: the job's `AWS_PROFILE`.
    #[schemars(with = "Option<Text>")]
    pub profile: Option<String>,
    /// ARN of an IAM role to act as, such as `arn:aws:iam::123456789012:role/deploy`: it is assumed with the keys, the profile or the token that are found. Default: none.
    #[schemars(with = "Option<Text>")]
    pub role_to_assume: Option<String>,
    /// What CloudTrail shows of a session of `role_to_assume`, such as `release-build`. Default: `dpl-lambda`, the repository and the build's number.
    #[schemars(with = "Option<Text>")]
    pub role_session_name: Option<String>,
    /// What the owner of `role_to_assume` wants to hear before it is given, such as `our-contract-7`. Default: none.
    #[schemars(with = "Option<Text>")]
    pub external_id: Option<String>,
    /// The job's variable that holds an OpenID Connect token, such as `OIDC_TOKEN`; the token is exchanged for `role_to_assume`, and no keys are needed. Default: none.
    #[schemars(with = "Option<Text>")]
    pub web_identity_token_env: Option<String>,
    /// The AWS region, such as `eu-west-1`. Default: the job's `AWS_REGION`, else `us-east-1`.
    #[schemars(with = "Option<Text>")]
    pub region: Option<Region>,
    /// The function's name or ARN, such as `hello`. Required.
    #[schemars(with = "Option<Text>")]
    pub function_name: Option<FunctionName>,
    /// ARN of the IAM role that the function runs as, such as `arn:aws:iam::123456789012:role/run`. Required to create a function.
    #[schemars(with = "Option<Text>")]
    pub role: Option<String>,
    /// What Lambda calls: the function in `module_name`, such as `handler`, or a whole handler such as `index.handler`. Required to create a function.
    #[schemars(with = "Option<Text>")]
    pub handler_name: Option<String>,
    /// The module (file, class, assembly) that holds `handler_name`, such as `app`. Default: `index`.
    #[schemars(with = "Option<Text>")]
    pub module_name: Option<String>,
    /// What the function is for, at most 256 characters; `%{build_number}` and other values of the build are filled in. Default for a new function: the build that has deployed it.
    #[schemars(with = "Option<Text>")]
    pub description: Option<String>,
    /// Seconds that one invocation may take, 1 to 5400, such as 30. AWS's default: 3.
    #[schemars(with = "Option<WholeNumber>")]
    pub timeout: Option<i32>,
    /// Memory of the function in MB, 128 to 32768, such as 512. AWS's default: 128.
    #[schemars(with = "Option<WholeNumber>")]
    pub memory_size: Option<i32>,
    /// The VPC subnets that the function is attached to, such as `subnet-0123456789abcdef0`; at most 16. Empty: none.
    #[schemars(with = "Option<TextList>")]
    pub subnet_ids: Option<Vec<String>>,
    /// The VPC security groups of the function, such as `sg-0123456789abcdef0`; at most 5. Empty: none.
    #[schemars(with = "Option<TextList>")]
    pub security_group_ids: Option<Vec<String>>,
    /// The function's environment variables, as a map or as a list of `NAME=value`, such as `STAGE=production`; they replace all live ones. Empty: none.
    #[schemars(with = "Option<Pairs>")]
    pub environment: Option<BTreeMap<String, Secret>>,
    /// The runtime, such as `nodejs22.x` or `python3.13`. Required to create a function.
    #[schemars(with = "Option<Text>")]
    pub runtime: Option<String>,
    /// ARN of the SQS queue or SNS topic for events that could not be processed, such as `arn:aws:sqs:us-east-1:123456789012:failed`. Empty: none.
    #[schemars(with = "Option<Text>")]
    pub dead_letter_arn: Option<String>,
    /// ARN of the KMS key that encrypts the environment variables, such as `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Empty: AWS's own key.
    #[schemars(with = "Option<Text>")]
    pub kms_key_arn: Option<String>,
    /// X-Ray tracing: `Active` or `PassThrough`. AWS's default: `PassThrough`.
    #[schemars(with = "Option<Text>")]
    pub tracing_mode: Option<String>,
    /// ARNs of layer versions, such as `arn:aws:lambda:us-east-1:123456789012:layer:tools:3`, in the order in which they are laid over each other; at most 5. They replace all live ones. Empty: none.
    #[schemars(with = "Option<TextList>")]
    pub layers: Option<Vec<String>>,
    /// Tags of the function, as a map or as a list of `NAME=value`, such as `team=payments`; at most 50. They are added to the live ones, unless `function_tags_mode` says otherwise.
    #[schemars(with = "Option<Pairs>")]
    pub function_tags: Option<BTreeMap<String, Secret>>,
    /// Publish a version after the deployment; `alias` does so anyway. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub publish: Option<bool>,
    /// What to package, such as `dist`: a directory, a single file, or a `.zip` or `.jar` that is taken as it is; of several paths each keeps its name. Default: the build directory.
    #[schemars(with = "Option<TextList>")]
    pub zip: Option<Vec<String>>,
    /// Patterns as in a `.gitignore` file, such as `src/**`; only what matches one of them is packaged. Default: everything.
    #[schemars(with = "Option<TextList>")]
    pub include: Option<Vec<String>>,
    /// Patterns as in a `.gitignore` file, such as `*.test.js`; what matches one of them is not packaged. A file `.lambdaignore` in the packaged directory may hold more. Default: nothing.
    #[schemars(with = "Option<TextList>")]
    pub exclude: Option<Vec<String>>,
    /// What becomes of symbolic links: `preserve` keeps them, `follow` packages what they point to, `external` does so for those that leave the directory. Default: `preserve`.
    #[schemars(with = "Option<Text>")]
    pub symlinks: Option<String>,
    /// The S3 bucket, in the function's region, through which the package goes to Lambda, such as `our-packages`; needed over 50 MiB. With `s3_key`: the bucket of that object. Default: none.
    #[schemars(with = "Option<Text>")]
    pub s3_bucket: Option<String>,
    /// What the keys of packages in `s3_bucket` begin with, such as `lambda`; `<function>/<sha256>.zip` follows. Default: nothing.
    #[schemars(with = "Option<Text>")]
    pub s3_prefix: Option<String>,
    /// The key of an archive that is in `s3_bucket` already, such as `builds/hello-7.zip`; nothing is packaged then.
    #[schemars(with = "Option<Text>")]
    pub s3_key: Option<String>,
    /// The version of the object `s3_key`, such as `L4kqtJlcpXroDTDmpUMLUo`. Default: the newest.
    #[schemars(with = "Option<Text>")]
    pub s3_object_version: Option<String>,
    /// Also package files and directories whose name begins with a dot; `.git` stays out. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub dot_match: Option<bool>,
    /// The processor: `x86_64` or `arm64`. AWS's default: `x86_64`.
    #[schemars(with = "Option<TextList>")]
    pub architectures: Option<String>,
    /// Size of `/tmp` in MB, 512 to 32768, such as 1024. AWS's default: 512.
    #[schemars(with = "Option<WholeNumber>")]
    pub ephemeral_storage: Option<i32>,
    /// What the code is: `Zip` (files, the default) or `Image` (a container image, `image_uri`). A function keeps it for life.
    #[schemars(with = "Option<Text>")]
    pub package_type: Option<String>,
    /// The container image in Amazon ECR, by digest or tag, such as `123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7`. A tag may have moved, so that it is deployed each time; a digest only where it differs.
    #[schemars(with = "Option<Text>")]
    pub image_uri: Option<String>,
    /// What a container image is started with, instead of what is written in it. Empty: nothing.
    pub image_config: Option<ImageConfig>,
    /// File systems that the function sees below `/mnt/`; AWS takes one. They replace all live ones. Empty: none.
    #[schemars(with = "Option<FileSystems>")]
    pub file_system_configs: Option<Vec<FileSystemConfig>>,
    /// Start from a snapshot: `PublishedVersions` or `None`. AWS's default: `None`.
    #[schemars(with = "Option<Text>")]
    pub snap_start: Option<String>,
    /// Where and how the function logs, such as `{log_format: JSON}`. Empty: AWS's defaults.
    pub logging_config: Option<LoggingConfig>,
    /// Allow IPv6 traffic out of VPC subnets that have both. AWS's default: false.
    #[schemars(with = "Option<Flag>")]
    pub ipv6_allowed_for_dual_stack: Option<bool>,
    /// Add `environment` to the live variables instead of replacing them. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub merge_environment: Option<bool>,
    /// ARN of the code signing configuration, such as `arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0`. Empty: none.
    #[schemars(with = "Option<Text>")]
    pub code_signing_config_arn: Option<String>,
    /// ARN of the KMS key that encrypts the package at Lambda, such as `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Empty: AWS's own key.
    #[schemars(with = "Option<Text>")]
    pub source_kms_key_arn: Option<String>,
    /// The `RevisionId` that the live function must have, such as `f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a`; with another one nothing is deployed. Default: any.
    #[schemars(with = "Option<Text>")]
    pub revision_id: Option<String>,
    /// Whether `function_tags` are added to the live ones (`add`) or replace them (`replace`). Default: `add`.
    #[schemars(with = "Option<Text>")]
    pub function_tags_mode: Option<String>,
    /// How many executions at the same time are kept for this function, and the most that it may have, such as 20; 0 stops it. `none` removes the limit.
    #[schemars(with = "Option<NumberOrNone>")]
    pub reserved_concurrency: Option<OrNone<i32>>,
    /// The function's own HTTPS address, such as `{auth_type: AWS_IAM}`; `none` removes it. With `alias` it is the address of the first one.
    #[schemars(with = "Option<UrlOrNone>")]
    pub function_url: Option<OrNone<FunctionUrl>>,
    /// Names that point at the published version, such as `live`: each is made, or moved, once the version is ready and has passed `verify`. Implies `publish`. Default: none.
    #[schemars(with = "Option<TextList>")]
    pub alias: Option<Vec<String>>,
    /// How a version proves that it works before an alias points at it; without `alias` the code is live by then. Empty: it is invoked, and must not fail. Default: it need not.
    pub verify: Option<Verify>,
    /// Percent of the alias's traffic that go to the new version one after the other, such as 10, 50, 100; each time `verify` is asked again, and a failure sends all traffic back. Default: all at once.
    #[schemars(with = "Option<NumberList>")]
    pub traffic: Option<Vec<i32>>,
    /// Seconds between two steps of `traffic`, such as 120. Default: 60.
    #[schemars(with = "Option<WholeNumber>")]
    pub traffic_interval: Option<Duration>,
    /// Also take away weights of the alias that another tool or a person has set, such as a canary of CodeDeploy. Default: false, and such an alias is not deployed to.
    #[schemars(with = "Option<Flag>")]
    pub clear_weights: Option<bool>,
    /// How many executions the alias keeps ready, such as 5. `none` removes them. The deployment ends when they are ready.
    #[schemars(with = "Option<NumberOrNone>")]
    pub provisioned_concurrency: Option<OrNone<i32>>,
    /// How many published versions to keep, at least 1, such as 10; older ones are deleted. One that an alias names, or the one before it, always stays. Default: all.
    #[schemars(with = "Option<WholeNumber>")]
    pub keep_versions: Option<i32>,
    /// For `dpl-lambda rollback`: the number of the version to go back to, such as 7. Default: the one before.
    #[schemars(with = "Option<Text>")]
    pub version: Option<String>,
    /// The conditions under which Travis CI deploys, such as `{branch: main}`; all of them must be met. A string is a branch. Default: branch `master`, never `main`.
    #[schemars(with = "Option<Conditions>")]
    pub on: SchemaOnly,
    /// Commands for bash, such as `./announce.sh`, run in the build directory after a successful deployment, until one fails. Default: none.
    #[schemars(with = "Option<TextList>")]
    pub run: Option<Vec<String>>,
    /// Put uncommitted, untracked and ignored files aside while the stanza is deployed (`git stash --all`). Default: false.
    #[schemars(with = "Option<Flag>")]
    pub cleanup: Option<bool>,
    /// A failed deployment does not fail the build. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub allow_failure: Option<bool>,
    /// Refuse keys that are not known, instead of warning about them. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub strict: Option<bool>,
    /// Only tell what would be done, and change nothing. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub dry_run: Option<bool>,
    /// Seconds that one wait, or one call that hangs, may take, such as 900. Default: 600, and 1800 with `snap_start` or `provisioned_concurrency`.
    #[schemars(with = "Option<WholeNumber>")]
    pub wait_timeout: Option<Duration>,
    /// Deprecated: the opposite of `cleanup`. Leave it out: files stay where they are, unless `cleanup: true` is written.
    #[schemars(with = "Option<Flag>")]
    pub skip_cleanup: SchemaOnly,
    /// Deprecated: of dpl's own installation, and without effect. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub edge: SchemaOnly,
    /// Deprecated: of dpl's own installation, and without effect. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub dpl_version: SchemaOnly,
    /// Deprecated: of dpl's own installation, and without effect. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub strategy: SchemaOnly,
}

/// Other names of keys, each with the key that it stands for.
pub(crate) const ALIASES: [(&str, &str); 3] = [("environment_variables", "environment"), ("if", "on"), ("true", "on")];

/// A stanza with what was found while it was read.
#[derive(Debug)]
pub struct ReadStanza {
    /// The values that could be read.
    pub stanza: Stanza,
    /// What makes it unusable. Empty: the stanza can be used.
    pub problems: Vec<Problem>,
    /// What will surprise.
    pub warnings: Vec<Warning>,
}

/// Reads a stanza that is without the runner's keys and without branch-specific values.
pub fn read(map: &Map) -> ReadStanza {
    let mut r = Reader::new(map);
    for key in ["on", "if", "true", "edge", "dpl_version", "strategy"] {
        let _ = r.take(key);
    }
    let stanza = Stanza {
        provider: r.text("provider"),
        access_key_id: r.secret("access_key_id"),
        secret_access_key: r.secret("secret_access_key"),
        session_token: r.secret("session_token"),
        profile: r.name("profile"),
        role_to_assume: r.name("role_to_assume"),
        role_session_name: r.name("role_session_name"),
        external_id: r.name("external_id"),
        web_identity_token_env: r.name("web_identity_token_env"),
        region: r.parsed("region", Region::parse),
        function_name: r.parsed("function_name", FunctionName::parse),
        role: r.name("role"),
        handler_name: r.name("handler_name"),
        module_name: r.name("module_name"),
        description: r.text("description"),
        timeout: r.whole_number("timeout", "seconds", Some(1..=5400)),
        memory_size: r.whole_number("memory_size", "MB", Some(128..=32768)),
        subnet_ids: r.texts("subnet_ids"),
        security_group_ids: r.texts("security_group_ids"),
        environment: read_environment(&mut r),
        runtime: r.name("runtime"),
        dead_letter_arn: r.text("dead_letter_arn"),
        kms_key_arn: r.text("kms_key_arn"),
        tracing_mode: r.word("tracing_mode", &["Active", "PassThrough"]),
        layers: r.texts("layers"),
        function_tags: r.pairs("function_tags"),
        publish: r.flag("publish"),
        zip: r.texts("zip"),
        include: r.texts("include"),
        exclude: r.texts("exclude"),
        symlinks: r.choice("symlinks", &["preserve", "follow", "external"]),
        s3_bucket: r.text("s3_bucket"),
        s3_prefix: r.text("s3_prefix"),
        s3_key: r.name("s3_key"),
        s3_object_version: r.name("s3_object_version"),
        dot_match: r.flag("dot_match"),
        architectures: read_architecture(&mut r),
        ephemeral_storage: r.whole_number("ephemeral_storage", "MB", Some(512..=32768)),
        package_type: r.choice("package_type", &["Zip", "Image"]),
        image_uri: r.name("image_uri"),
        image_config: r.structure("image_config", structures::image_config),
        file_system_configs: r.structures("file_system_configs", structures::file_system_config),
        snap_start: r.word("snap_start", &["PublishedVersions", "None"]),
        logging_config: r.structure("logging_config", structures::logging_config),
        ipv6_allowed_for_dual_stack: r.flag("ipv6_allowed_for_dual_stack"),
        merge_environment: r.flag("merge_environment"),
        code_signing_config_arn: r.text("code_signing_config_arn"),
        source_kms_key_arn: r.text("source_kms_key_arn"),
        revision_id: r.name("revision_id"),
        function_tags_mode: r.choice("function_tags_mode", &["add", "replace"]),
        reserved_concurrency: structures::reserved_concurrency(&mut r),
        function_url: structures::function_url(&mut r),
        alias: r.texts("alias").map(each_once),
        verify: structures::verify(&mut r),
        traffic: r.whole_numbers("traffic", "percent"),
        traffic_interval: r.seconds("traffic_interval"),
        clear_weights: r.flag("clear_weights"),
        provisioned_concurrency: structures::provisioned_concurrency(&mut r),
        keep_versions: r.whole_number("keep_versions", "numbers", None),
        version: r.name("version"),
        run: r.texts("run"),
        cleanup: read_cleanup(&mut r),
        allow_failure: r.flag("allow_failure"),
        strict: r.flag("strict"),
        dry_run: r.flag("dry_run"),
        wait_timeout: r.seconds("wait_timeout"),
        on: SchemaOnly,
        skip_cleanup: SchemaOnly,
        edge: SchemaOnly,
        dpl_version: SchemaOnly,
        strategy: SchemaOnly,
    };
    judge::provider(&mut r, &stanza);
    judge::needed(&mut r, &stanza);
    judge::bucket(&mut r, &stanza);
    judge::image(&mut r, &stanza);
    judge::release(&mut r, &stanza);
    judge::identity(&mut r, &stanza);
    judge::untaken(&mut r, stanza.strict == Some(true));
    r.warnings.extend(limits::warnings(map));
    // A stanza for another provider is not ours to criticise.
    if let Some(wrong) = r.problems.iter().position(|problem| problem.code == Code::WrongProvider) {
        return ReadStanza { stanza, problems: vec![r.problems.swap_remove(wrong)], warnings: Vec::new() };
    }
    ReadStanza { stanza, problems: r.problems, warnings: r.warnings }
}

impl Stanza {
    /// The token that the job's variable holds which the stanza names. `None`: it names none, or that is empty.
    pub fn web_identity_token(&self, env: &Environment) -> Option<Secret> {
        let token = env.get(self.web_identity_token_env.as_ref()?)?.trim().to_owned();
        (!token.is_empty()).then(|| Secret::new(token))
    }

    /// Masks this stanza's secrets, and those in `more`, in texts that others wrote. Values that also stand openly in
    /// `written`, the stanza before anything was filled in, are left standing.
    pub fn redactor<S: AsRef<str>>(&self, written: &Map, more: impl Iterator<Item = S>) -> Redactor {
        let keys = [&self.access_key_id, &self.secret_access_key, &self.session_token];
        let maps = [&self.environment, &self.function_tags];
        let values = maps.into_iter().flatten().flat_map(BTreeMap::values);
        let own = keys.into_iter().flatten().chain(values).map(|secret| secret.expose().to_owned());
        Redactor::new(own.chain(more.map(|secret| secret.as_ref().to_owned())), &open_texts(written))
    }
}

/// What stands openly in a stanza, as it was written, before anything was filled in.
pub fn open_texts(written: &Map) -> Vec<String> {
    let mut open = Vec::new();
    for (_, node) in written.iter().filter(|(key, _)| OPEN.contains(key)) {
        collect_texts(node, &mut open);
    }
    open
}

/// Keys whose values are no secret. Everything else may be one: a misspelt key, a command, a condition.
pub(crate) const OPEN: [&str; 50] = [
    "provider",
    "region",
    "function_name",
    "role",
    "handler_name",
    "module_name",
    "description",
    "timeout",
    "memory_size",
    "subnet_ids",
    "security_group_ids",
    "runtime",
    "dead_letter_arn",
    "kms_key_arn",
    "tracing_mode",
    "layers",
    "publish",
    "zip",
    "s3_bucket",
    "s3_prefix",
    "s3_key",
    "s3_object_version",
    "wait_timeout",
    "architectures",
    "ephemeral_storage",
    "package_type",
    "image_uri",
    "image_config",
    "file_system_configs",
    "snap_start",
    "logging_config",
    "ipv6_allowed_for_dual_stack",
    "merge_environment",
    "code_signing_config_arn",
    "source_kms_key_arn",
    "revision_id",
    "function_tags_mode",
    "reserved_concurrency",
    "function_url",
    "alias",
    "traffic",
    "traffic_interval",
    "clear_weights",
    "provisioned_concurrency",
    "keep_versions",
    "version",
    "profile",
    "role_to_assume",
    "role_session_name",
    "web_identity_token_env",
];

/// The texts of a value.
fn collect_texts(node: &Node, into: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Node::Map(map) => map.iter().for_each(|(_, node)| collect_texts(node, into)),
        scalar => into.extend(scalar.scalar()),
    }
}

fn read_environment(r: &mut Reader<'_>) -> Option<BTreeMap<String, Secret>> {
    let (environment, alias) = (r.pairs("environment"), r.pairs("environment_variables"));
    if environment.is_some() && alias.is_some() {
        r.warn(
            WarningCode::LenientValue,
            "environment_variables",
            "`environment_variables` is left out of account, because `environment` is given too".to_owned(),
            "keep one of the two".to_owned(),
        );
    }
    environment.or(alias)
}

/// `cleanup`, else the opposite of the older `skip_cleanup`.
fn read_cleanup(r: &mut Reader<'_>) -> Option<bool> {
    let (cleanup, skip) = (r.flag("cleanup"), r.flag("skip_cleanup"));
    cleanup.or(skip.map(|skip| !skip))
}

/// The same names in their order, each once.
fn each_once(names: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// One word; AWS's own form is a list of one.
fn read_architecture(r: &mut Reader<'_>) -> Option<String> {
    let given = r.texts("architectures")?;
    let right = "give `x86_64` or `arm64`";
    match given.as_slice() {
        [one] if !one.is_empty() => r.known_word("architectures", one.clone(), &["x86_64", "arm64"]),
        [] | [_] => {
            r.refuse("architectures", format!("`architectures` is empty; {right}"));
            None
        }
        several => {
            r.refuse("architectures", format!("`architectures` is `{}`; {right}, not both", several.join(", ")));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire;

    fn stanza(text: &str) -> ReadStanza {
        let node = wire::parse(text.as_bytes()).expect("the test's own JSON is valid");
        read(node.as_map().expect("an object"))
    }

    #[track_caller]
    fn problems(text: &str) -> Vec<(Code, String)> {
        let read = stanza(text);
        read.problems.into_iter().map(|problem| (problem.code, problem.at.unwrap_or_default())).collect()
    }

    #[test]
    fn values_are_cast_as_travis_casts_them() {
        let read = stanza(
            r#"{"function_name":"f","timeout":"10","publish":"true","module_name":7,"handler_name":"h","subnet_ids":"subnet-1",
                "environment":["A=b=c","E=",{"N":1}],"function_tags":"team=x","provider":"LAMBDA","memory_size":256.0}"#,
        );
        assert_eq!(read.problems, []);
        let s = read.stanza;
        assert_eq!((s.timeout, s.publish, s.memory_size), (Some(10), Some(true), Some(256)));
        assert_eq!(s.module_name.as_deref(), Some("7"));
        assert_eq!(s.subnet_ids, Some(vec!["subnet-1".to_owned()]));
        let environment: Vec<_> = s.environment.iter().flatten().map(|(k, v)| (k.as_str(), v.expose())).collect();
        assert_eq!(environment, [("A", "b=c"), ("E", ""), ("N", "1")]);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        assert_eq!(
            problems(
                r#"{"timeout":"ten","memory_size":true,"publish":"maybe","access_key_id":{"secure":"x"},"traffic":[50]}"#
            ),
            [
                (Code::NotDecrypted, "/access_key_id".to_owned()),
                (Code::BadValue, "/timeout".to_owned()),
                (Code::BadValue, "/memory_size".to_owned()),
                (Code::BadValue, "/publish".to_owned()),
                (Code::MissingKey, "/function_name".to_owned()),
                (Code::MissingKey, "/alias".to_owned()),
            ]
        );
    }

    #[test]
    fn a_secret_never_stands_in_a_complaint() {
        let read = stanza(
            r#"{"function_name":"f","secret_access_key":["hunter2"],"environment":["hunter2",{"A":["hunter2"]}],"function_tags":[["hunter2"]]}"#,
        );
        assert_eq!(read.problems.len(), 4);
        assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
    }

    #[test]
    fn a_complaint_tells_the_value_and_what_would_be_right() {
        let read = stanza(r#"{"function_name":"f","timeout":"ten"}"#);
        assert_eq!(read.problems[0].message, "`timeout` is `ten`; give whole seconds, such as 10");
    }

    #[test]
    fn a_misspelt_key_is_warned_about_with_the_nearest_name() {
        for (key, hint) in [
            ("imeout", "did you mean `timeout`?"),
            ("handler", "did you mean `handler_name`?"),
            ("function-name", "did you mean `function_name`?"),
            ("memory", "did you mean `memory_size`?"),
            ("event_source", "remove it"),
        ] {
            let read = stanza(&format!(r#"{{"function_name":"f","{key}":"x"}}"#));
            let hints: Vec<_> = read.warnings.iter().filter_map(|w| w.hint.as_deref()).collect();
            assert_eq!(hints, [hint], "{key}");
            assert_eq!(
                problems(&format!(r#"{{"function_name":"f","strict":true,"{key}":"x"}}"#)),
                [(Code::UnknownKey, format!("/{key}"))]
            );
        }
    }

    #[test]
    fn a_trailing_comma_is_read_as_ruby_reads_it_and_warned_about() {
        let read = stanza(r#"{"function_name":"f","timeout":"10,"}"#);
        assert_eq!(read.stanza.timeout, Some(10));
        assert_eq!(read.warnings[0].code, WarningCode::LenientValue);
    }

    #[test]
    fn limits_that_aws_may_change_are_warned_about_only() {
        let read = stanza(r#"{"function_name":"f","timeout":9999,"memory_size":1,"tracing_mode":"active"}"#);
        assert_eq!(read.problems, []);
        let codes: Vec<_> = read.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, [WarningCode::OutOfRange, WarningCode::OutOfRange, WarningCode::LenientValue]);
        assert_eq!(read.stanza.tracing_mode.as_deref(), Some("Active"));
    }

    #[test]
    fn another_providers_stanza_is_refused_for_that_alone() {
        assert_eq!(problems(r#"{"provider":"s3","bucket":"b"}"#), [(Code::WrongProvider, "/provider".to_owned())]);
    }

    #[test]
    fn an_everyday_or_open_value_is_no_secret() {
        let text = r#"{"function_name":"orders","environment":{"A":"orders","B":"production","C":"s3cr3t-x"}}"#;
        let node = wire::parse(text.as_bytes()).unwrap();
        let redactor = read(node.as_map().unwrap()).stanza.redactor(node.as_map().unwrap(), std::iter::empty::<&str>());
        assert_eq!(redactor.redact("orders production s3cr3t-x"), "orders production [secure]");
    }
}
