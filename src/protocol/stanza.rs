//! Reads the JSON of a stanza into a [`Stanza`] with typed values, and collects all problems and warnings.
//! Never evaluates `on`, and never checks whether the values fit the live function.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;

use super::environment::Environment;
use super::error::{Code, Problem, Warning, WarningCode};
use super::json::{Map, Node};
use super::name::{FunctionName, Region};
use super::schema::{
    Anything, Conditions, FileSystems, Flag, NumberList, NumberOrNone, Pairs, SchemaOnly, SecretText, Text,
    TextList, UrlOrNone, WholeNumber,
};
use super::secret::{Redactor, Secret};
use super::stanza_reader::StanzaReader;
use super::structures::{self, FileSystemConfig, FunctionUrl, ImageConfig, LoggingConfig, OrNone, Verify};
use super::{limits, validate};

/// A stanza under `deploy:`. It describes one AWS Lambda function.
///
/// If a key is absent, an existing function keeps its live value, and a new function gets the AWS default.
/// An empty string, list or map clears the live value.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, title = "AWS Lambda deployment stanza")]
pub struct Stanza {
    /// Deployment provider: `lambda`, in upper or lower case. Required in a `.travis.yml`. Default in a
    /// request or a `--stanza` file: `lambda`.
    #[schemars(with = "Option<Text>")]
    pub provider: Option<String>,
    /// AWS access key ID, such as `AKIAIOSFODNN7EXAMPLE` or `{secure: …}`. Default: the job's variable
    /// `AWS_ACCESS_KEY_ID`, else the next source of credentials.
    #[schemars(with = "Option<SecretText>")]
    pub access_key_id: Option<Secret>,
    /// AWS secret access key that belongs to `access_key_id`. Write both or neither. Encrypt it, as `{secure:
    /// …}`. Default: the job's variable `AWS_SECRET_ACCESS_KEY`.
    #[schemars(with = "Option<SecretText>")]
    pub secret_access_key: Option<Secret>,
    /// AWS session token, such as the job's variable `$SESSION_TOKEN`. Temporary credentials need it in
    /// addition to `access_key_id` and `secret_access_key`. Default: none.
    #[schemars(with = "Option<SecretText>")]
    pub session_token: Option<Secret>,
    /// Name of a profile in the job's `~/.aws` files, such as `deployer`. It provides the credentials instead
    /// of `access_key_id`. Default: the job's variable `AWS_PROFILE`.
    #[schemars(with = "Option<Text>")]
    pub profile: Option<String>,
    /// ARN of the IAM role to assume for the deployment, such as `arn:aws:iam::123456789012:role/deploy`. It
    /// is assumed with the credentials of the stanza or the job, or with the token in
    /// `web_identity_token_env`. Default: no role is assumed.
    #[schemars(with = "Option<Text>")]
    pub role_to_assume: Option<String>,
    /// Session name of `role_to_assume`, by which CloudTrail identifies the deployment, such as
    /// `release-build`. Default: `dpl-lambda` with the repository and the build number, such as
    /// `dpl-lambda-owner-repo-7`.
    #[schemars(with = "Option<Text>")]
    pub role_session_name: Option<String>,
    /// External ID that the trust policy of `role_to_assume` requires, such as `our-contract-7`. Default:
    /// none.
    #[schemars(with = "Option<Text>")]
    pub external_id: Option<String>,
    /// Name of the job's variable that holds an OpenID Connect token, such as `OIDC_TOKEN`. `role_to_assume`
    /// is assumed with this token, so no keys are needed. Default: none.
    #[schemars(with = "Option<Text>")]
    pub web_identity_token_env: Option<String>,
    /// AWS region of the function, such as `eu-west-1`. Default: the region in the function's ARN, else the
    /// job's variable `AWS_REGION` or `AWS_DEFAULT_REGION`, else the region of the profile, else `us-east-1`.
    #[schemars(with = "Option<Text>")]
    pub region: Option<Region>,
    /// Name or ARN of the Lambda function, without a version or alias, such as `hello`. Required.
    #[schemars(with = "Option<Text>")]
    pub function_name: Option<FunctionName>,
    /// ARN of the IAM role with which the function runs (its execution role), such as
    /// `arn:aws:iam::123456789012:role/run`. Required to create a function. Default: the live value.
    #[schemars(with = "Option<Text>")]
    pub role: Option<String>,
    /// Name of the handler in `module_name`, such as `handler`. Without `module_name`, it can be a complete
    /// handler, such as `index.handler`. Required to create a function. Default: the live value.
    #[schemars(with = "Option<Text>")]
    pub handler_name: Option<String>,
    /// Module (file, class or assembly) that contains `handler_name`, such as `app`. With `handler_name:
    /// handler`, AWS's handler is `app.handler`, and for Java and .NET `app::handler`. Default: `index`,
    /// unless `handler_name` is a complete handler.
    #[schemars(with = "Option<Text>")]
    pub module_name: Option<String>,
    /// Description of the function, at most 256 characters. `%{build_number}`, `%{git_branch}`, `%{git_sha}`,
    /// `%{git_tag}` and other names are replaced by values of the build. Default: the live value; for a new
    /// function, `Deploy build %{build_number} to AWS Lambda via Travis CI`.
    #[schemars(with = "Option<Text>")]
    pub description: Option<String>,
    /// Time limit of one invocation in seconds, 1 to 5400, such as 30. Default: the live value; for a new
    /// function, 3.
    #[schemars(with = "Option<WholeNumber>")]
    pub timeout: Option<i32>,
    /// Memory of the function in MB, 128 to 32768, such as 512. Default: the live value; for a new function,
    /// 128.
    #[schemars(with = "Option<WholeNumber>")]
    pub memory_size: Option<i32>,
    /// IDs of the VPC subnets of the function, such as `subnet-0123456789abcdef0`; at most 16. Default: the
    /// live value. An empty list removes them.
    #[schemars(with = "Option<TextList>")]
    pub subnet_ids: Option<Vec<String>>,
    /// IDs of the VPC security groups of the function, such as `sg-0123456789abcdef0`; at most 5. Default:
    /// the live value. An empty list removes them.
    #[schemars(with = "Option<TextList>")]
    pub security_group_ids: Option<Vec<String>>,
    /// Environment variables of the function, as a map or as a list of `NAME=value`, such as
    /// `STAGE=production`. They replace all live variables unless `merge_environment` is true. Default: the
    /// live variables. An empty map removes them.
    #[schemars(with = "Option<Pairs>")]
    pub environment: Option<BTreeMap<String, Secret>>,
    /// Lambda runtime, such as `nodejs22.x` or `python3.13`. Required to create a function. Default: the live
    /// value.
    #[schemars(with = "Option<Text>")]
    pub runtime: Option<String>,
    /// ARN of the SQS queue or SNS topic to which Lambda sends asynchronous events that the function failed
    /// to process, such as `arn:aws:sqs:us-east-1:123456789012:failed`. Default: the live value. An empty
    /// string removes it.
    #[schemars(with = "Option<Text>")]
    pub dead_letter_arn: Option<String>,
    /// ARN of the KMS key that encrypts the environment variables, such as
    /// `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Default: the live value. An empty string selects
    /// the default key of AWS.
    #[schemars(with = "Option<Text>")]
    pub kms_key_arn: Option<String>,
    /// X-Ray tracing mode: `Active` or `PassThrough`. Default: the live value; for a new function,
    /// `PassThrough`.
    #[schemars(with = "Option<Text>")]
    pub tracing_mode: Option<String>,
    /// ARNs of layer versions, such as `arn:aws:lambda:us-east-1:123456789012:layer:tools:3`, in the order in
    /// which Lambda applies them; at most 5. They replace all live layers. Default: the live layers. An empty
    /// list removes them.
    #[schemars(with = "Option<TextList>")]
    pub layers: Option<Vec<String>>,
    /// Tags of the function, as a map or as a list of `NAME=value`, such as `team=payments`; at most 50. They
    /// are added to the live tags unless `function_tags_mode` is `replace`. Default: the live tags.
    #[schemars(with = "Option<Pairs>")]
    pub function_tags: Option<BTreeMap<String, Secret>>,
    /// Whether to publish a version of the deployed function. `alias` always publishes one. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub publish: Option<bool>,
    /// What to package, as a path in the build directory, such as `dist`: a directory, a single file, or a
    /// finished `.zip` or `.jar` archive. The contents of a directory are at the root of the archive. With
    /// several paths, each file keeps its path from the build directory. Default: the build directory.
    #[schemars(with = "Option<TextList>")]
    pub zip: Option<Vec<String>>,
    /// Patterns in the syntax of `.gitignore`, relative to the packaged directory, such as `src/**`. Only
    /// files that match one of them are packaged. Default: all files.
    #[schemars(with = "Option<TextList>")]
    pub include: Option<Vec<String>>,
    /// Patterns in the syntax of `.gitignore`, relative to the packaged directory, such as `*.test.js`. Files
    /// that match one of them are not packaged. A file `.lambdaignore` in the packaged directory can hold
    /// more patterns. Default: none.
    #[schemars(with = "Option<TextList>")]
    pub exclude: Option<Vec<String>>,
    /// How to package symbolic links: `preserve` keeps them as links, `follow` packages their targets,
    /// `external` packages the targets that are not in the package otherwise. Default: `preserve`.
    #[schemars(with = "Option<Text>")]
    pub symlinks: Option<String>,
    /// S3 bucket to which the package is uploaded and from which Lambda reads it, such as `our-packages`. It
    /// must be in the function's region. Required for packages over 50 MiB. With `s3_key`, it is the bucket
    /// of that object. Default: none; the package is sent to Lambda directly.
    #[schemars(with = "Option<Text>")]
    pub s3_bucket: Option<String>,
    /// Prefix for the keys of packages in `s3_bucket`, such as `lambda`. The whole key is
    /// `<s3_prefix>/<function>/<sha256>.zip`. Default: no prefix.
    #[schemars(with = "Option<Text>")]
    pub s3_prefix: Option<String>,
    /// Key of an existing archive in `s3_bucket`, such as `builds/hello-7.zip`. This archive is deployed, and
    /// nothing is packaged. Default: none.
    #[schemars(with = "Option<Text>")]
    pub s3_key: Option<String>,
    /// Version ID of the archive `s3_key`, in a bucket with versioning, such as `L4kqtJlcpXroDTDmpUMLUo`.
    /// Default: the latest version.
    #[schemars(with = "Option<Text>")]
    pub s3_object_version: Option<String>,
    /// Whether to package files and directories whose names begin with a dot. `.git` is never packaged.
    /// Default: false.
    #[schemars(with = "Option<Flag>")]
    pub dot_match: Option<bool>,
    /// Processor architecture: `x86_64` or `arm64`. Default: the live value; for a new function, `x86_64`.
    #[schemars(with = "Option<TextList>")]
    pub architectures: Option<String>,
    /// Size of `/tmp` in MB, 512 to 32768, such as 1024. Default: the live value; for a new function, 512.
    #[schemars(with = "Option<WholeNumber>")]
    pub ephemeral_storage: Option<i32>,
    /// Type of the code: `Zip` (files) or `Image` (a container image, see `image_uri`). `Image` without
    /// `image_uri` keeps the live image. AWS cannot change the type of an existing function. Default: `Image`
    /// with `image_uri`, else `Zip`.
    #[schemars(with = "Option<Text>")]
    pub package_type: Option<String>,
    /// Container image in Amazon ECR, by digest or tag, such as
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7`. An image with a tag is deployed each time,
    /// because the tag can point to another image. An image with a digest is deployed only if it differs from
    /// the live image. Default: none.
    #[schemars(with = "Option<Text>")]
    pub image_uri: Option<String>,
    /// Settings that replace those in the container image. Default: the live value. An empty map removes
    /// them.
    pub image_config: Option<ImageConfig>,
    /// File systems to mount below `/mnt/`; AWS allows one. They replace all live file systems. Default: the
    /// live value. An empty list removes them.
    #[schemars(with = "Option<FileSystems>")]
    pub file_system_configs: Option<Vec<FileSystemConfig>>,
    /// Whether new execution environments start from a snapshot: `PublishedVersions` or `None`. Default: the
    /// live value; for a new function, `None`.
    #[schemars(with = "Option<Text>")]
    pub snap_start: Option<String>,
    /// Format, destination and levels of the function's logs, such as `{log_format: JSON}`. Default: the live
    /// value. An empty map restores the AWS defaults.
    pub logging_config: Option<LoggingConfig>,
    /// Whether to allow outbound IPv6 traffic on dual-stack VPC subnets. Default: the live value; for a new
    /// function, false.
    #[schemars(with = "Option<Flag>")]
    pub ipv6_allowed_for_dual_stack: Option<bool>,
    /// Whether to add `environment` to the live variables instead of replacing them. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub merge_environment: Option<bool>,
    /// ARN of the code signing configuration, such as
    /// `arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0`. Default: the live
    /// value. An empty string removes it.
    #[schemars(with = "Option<Text>")]
    pub code_signing_config_arn: Option<String>,
    /// ARN of the KMS key that encrypts the deployment package in Lambda, such as
    /// `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Default: the live value. An empty string selects
    /// the default key of AWS.
    #[schemars(with = "Option<Text>")]
    pub source_kms_key_arn: Option<String>,
    /// Revision that the live function must have: its `RevisionId` from `aws lambda
    /// get-function-configuration`, such as `f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a`. If the live function has
    /// another revision, the deployment fails and changes nothing. Default: any revision.
    #[schemars(with = "Option<Text>")]
    pub revision_id: Option<String>,
    /// How to set `function_tags`: `add` keeps other live tags, `replace` removes them. Default: `add`.
    #[schemars(with = "Option<Text>")]
    pub function_tags_mode: Option<String>,
    /// Number of concurrent executions that are reserved for the function, such as 20. The function never has
    /// more. 0 stops all invocations. `none` removes the reservation and the limit. Default: the live value.
    #[schemars(with = "Option<NumberOrNone>")]
    pub reserved_concurrency: Option<OrNone<i32>>,
    /// HTTPS endpoint of the function, such as `{auth_type: AWS_IAM}`. `none` removes it. With `alias`, it is
    /// the endpoint of the first alias. Default: the live value.
    #[schemars(with = "Option<UrlOrNone>")]
    pub function_url: Option<OrNone<FunctionUrl>>,
    /// Alias that points at the published version, or a list of aliases, such as `live`. An alias is created
    /// or moved after the version is ready and has passed `verify`. Implies `publish`. Default: none.
    #[schemars(with = "Option<TextList>")]
    pub alias: Option<Vec<String>>,
    /// Check to run on a new version before the alias moves to it. `{}` invokes the function and expects no
    /// error. Without `alias`, the code is already live when the check runs. Default: no check.
    pub verify: Option<Verify>,
    /// Percentages of the alias's traffic that the new version gets step by step, in ascending order, such as
    /// `[10, 50, 100]`. After the last step, the new version gets all traffic. `verify` runs again at each
    /// step; if it fails, the old version gets all traffic back. Default: all traffic at once.
    #[schemars(with = "Option<NumberList>")]
    pub traffic: Option<Vec<i32>>,
    /// Time between two steps of `traffic` in seconds, at least 1, such as 120. Default: 60.
    #[schemars(with = "Option<WholeNumber>")]
    pub traffic_interval: Option<Duration>,
    /// Whether to remove traffic weights that another tool or a person has set on the alias, such as those of
    /// a CodeDeploy canary. Default: false; with such weights, the deployment fails.
    #[schemars(with = "Option<Flag>")]
    pub clear_weights: Option<bool>,
    /// Number of execution environments that each alias keeps ready, such as 5. The deployment waits until
    /// they are ready. `none` removes the provisioned concurrency. Default: the live value.
    #[schemars(with = "Option<NumberOrNone>")]
    pub provisioned_concurrency: Option<OrNone<i32>>,
    /// Number of published versions to keep, newest first, at least 1, such as 10. Older versions are deleted
    /// after the deployment, except those that an alias uses or can be rolled back to. Default: all versions.
    #[schemars(with = "Option<WholeNumber>")]
    pub keep_versions: Option<i32>,
    /// Number of the version to which `dpl-lambda rollback` moves the alias, such as 7. Other commands ignore
    /// it. Default: the previous version.
    #[schemars(with = "Option<Text>")]
    pub version: Option<String>,
    /// Conditions of the deployment, such as `{branch: main}`. If one of them is not met, the stanza is
    /// skipped. A string is a branch. Default: branch `master`, never `main`.
    #[schemars(with = "Option<Conditions>")]
    pub on: SchemaOnly,
    /// Commands to run in bash after a successful deployment, even if nothing changed, such as
    /// `./announce.sh`. They run in order in the build directory. If one fails, the others do not run, and
    /// the run fails. Default: none.
    #[schemars(with = "Option<TextList>")]
    pub run: Option<Vec<String>>,
    /// Whether to stash uncommitted, untracked and ignored files during the deployment (`git stash --all`)
    /// and to restore them afterwards. Ignored files include most build results, which are then not packaged.
    /// Default: false.
    #[schemars(with = "Option<Flag>")]
    pub cleanup: Option<bool>,
    /// Whether the build succeeds if the deployment fails: the exit status is then 0. An invalid stanza still
    /// fails the build. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub allow_failure: Option<bool>,
    /// Whether unknown keys are errors instead of warnings. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub strict: Option<bool>,
    /// Whether `deploy` and `rollback` only show their plan and change nothing. Default: false.
    #[schemars(with = "Option<Flag>")]
    pub dry_run: Option<bool>,
    /// Time limit in seconds for each wait, such as the wait for an update of the function, and for each call
    /// to AWS. At least 1, such as 900. Default: 600; with `snap_start` or `provisioned_concurrency`, 1800.
    #[schemars(with = "Option<WholeNumber>")]
    pub wait_timeout: Option<Duration>,
    /// Deprecated: the opposite of `cleanup`. Leave it out; files stay in place unless `cleanup` is true.
    #[schemars(with = "Option<Flag>")]
    pub skip_cleanup: SchemaOnly,
    /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub edge: SchemaOnly,
    /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub dpl_version: SchemaOnly,
    /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
    #[schemars(with = "Option<Anything>")]
    pub strategy: SchemaOnly,
}

/// Alternative names of keys, each with the key that it means.
pub(crate) const ALIASES: [(&str, &str); 3] =
    [("environment_variables", "environment"), ("if", "on"), ("true", "on")];

/// A stanza with its problems and warnings.
#[derive(Debug)]
pub struct ReadStanza {
    /// All values that are readable.
    pub stanza: Stanza,
    /// Errors. If there are any, the stanza must not be used.
    pub problems: Vec<Problem>,
    /// Findings that do not prevent the deployment.
    pub warnings: Vec<Warning>,
}

/// Reads a stanza. The runner's keys must have been removed and branch-specific values resolved.
pub fn read(map: &Map) -> ReadStanza {
    let mut r = StanzaReader::new(map);
    for key in ["on", "if", "true", "edge", "dpl_version", "strategy"] {
        let _ = r.read_node(key);
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
        traffic: r.whole_numbers("traffic", "percentages"),
        traffic_interval: r.seconds("traffic_interval"),
        clear_weights: r.flag("clear_weights"),
        provisioned_concurrency: structures::provisioned_concurrency(&mut r),
        keep_versions: r.whole_number("keep_versions", "", None),
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
    validate::provider(&mut r, &stanza);
    validate::needed(&mut r, &stanza);
    validate::bucket(&mut r, &stanza);
    validate::image(&mut r, &stanza);
    validate::release(&mut r, &stanza);
    validate::identity(&mut r, &stanza);
    validate::unread_keys(&mut r, stanza.strict == Some(true));
    r.warnings.extend(limits::warnings(map));
    // The other keys of such a stanza belong to another provider, so their problems do not matter.
    if let Some(wrong) = r.problems.iter().position(|problem| problem.code == Code::WrongProvider) {
        return ReadStanza { stanza, problems: vec![r.problems.swap_remove(wrong)], warnings: Vec::new() };
    }
    ReadStanza { stanza, problems: r.problems, warnings: r.warnings }
}

impl Stanza {
    /// The OpenID Connect token from the variable that `web_identity_token_env` names.
    /// `None`: the stanza has no such key, or the variable is not set or empty.
    pub fn web_identity_token(&self, env: &Environment) -> Option<Secret> {
        let token = env.get(self.web_identity_token_env.as_ref()?)?.trim().to_owned();
        (!token.is_empty()).then(|| Secret::new(token))
    }

    /// A redactor for this stanza's secrets and those in `more`. It does not mask values that also occur
    /// under a non-secret key of `written`, which is the stanza before variables were filled in.
    pub fn redactor<S: AsRef<str>>(&self, written: &Map, more: impl Iterator<Item = S>) -> Redactor {
        let keys = [&self.access_key_id, &self.secret_access_key, &self.session_token];
        let maps = [&self.environment, &self.function_tags];
        let values = maps.into_iter().flatten().flat_map(BTreeMap::values);
        let own = keys.into_iter().flatten().chain(values).map(|secret| secret.expose().to_owned());
        Redactor::new(own.chain(more.map(|secret| secret.as_ref().to_owned())), &non_secret_texts(written))
    }
}

/// The values of all non-secret keys of a stanza, before variables are filled in.
pub fn non_secret_texts(written: &Map) -> Vec<String> {
    let mut open = Vec::new();
    for (_, node) in written.iter().filter(|(key, _)| NON_SECRET_KEYS.contains(key)) {
        collect_texts(node, &mut open);
    }
    open
}

/// Keys whose values are not secret. Any other value can be secret: that of a misspelt key, a command, a
/// condition.
pub(crate) const NON_SECRET_KEYS: [&str; 50] = [
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

/// Appends all scalars in a value, as text.
fn collect_texts(node: &Node, into: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Node::Map(map) => map.iter().for_each(|(_, node)| collect_texts(node, into)),
        scalar => into.extend(scalar.scalar()),
    }
}

fn read_environment(r: &mut StanzaReader<'_>) -> Option<BTreeMap<String, Secret>> {
    let (environment, alias) = (r.pairs("environment"), r.pairs("environment_variables"));
    if environment.is_some() && alias.is_some() {
        r.warn(
            WarningCode::LenientValue,
            "environment_variables",
            "`environment_variables` is ignored because `environment` is also set".to_owned(),
            "keep one of the two".to_owned(),
        );
    }
    environment.or(alias)
}

/// `cleanup`, else the opposite of its predecessor `skip_cleanup`.
fn read_cleanup(r: &mut StanzaReader<'_>) -> Option<bool> {
    let (cleanup, skip) = (r.flag("cleanup"), r.flag("skip_cleanup"));
    cleanup.or(skip.map(|skip| !skip))
}

/// Removes repeated names; the first of each stays.
fn each_once(names: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// Reads a string, or a list with one entry, which is the form of the AWS API.
fn read_architecture(r: &mut StanzaReader<'_>) -> Option<String> {
    let given = r.texts("architectures")?;
    let right = "expected `x86_64` or `arm64`";
    match given.as_slice() {
        [one] if !one.is_empty() => r.known_word("architectures", one.clone(), &["x86_64", "arm64"]),
        [] | [_] => {
            r.refuse("architectures", format!("`architectures` is empty; {right}"));
            None
        }
        several => {
            r.refuse(
                "architectures",
                format!("`architectures` is `{}`; {right}, not both", several.join(", ")),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json;

    fn stanza(text: &str) -> ReadStanza {
        let node = json::parse(text.as_bytes()).expect("the test's own JSON is valid");
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
        let environment: Vec<_> =
            s.environment.iter().flatten().map(|(k, v)| (k.as_str(), v.expose())).collect();
        assert_eq!(environment, [("A", "b=c"), ("E", ""), ("N", "1")]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
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
    fn a_secret_never_is_in_a_complaint() {
        let read = stanza(
            r#"{"function_name":"f","secret_access_key":["hunter2"],"environment":["hunter2",{"A":["hunter2"]}],"function_tags":[["hunter2"]]}"#,
        );
        assert_eq!(read.problems.len(), 4);
        assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
    }

    #[test]
    fn a_problem_names_the_value_and_what_would_be_right() {
        let read = stanza(r#"{"function_name":"f","timeout":"ten"}"#);
        assert_eq!(read.problems[0].message, "`timeout` is `ten`; expected whole seconds, such as 10");
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
        assert_eq!(
            problems(r#"{"provider":"s3","bucket":"b"}"#),
            [(Code::WrongProvider, "/provider".to_owned())]
        );
    }

    #[test]
    fn an_everyday_or_open_value_is_no_secret() {
        let text =
            r#"{"function_name":"orders","environment":{"A":"orders","B":"production","C":"s3cr3t-x"}}"#;
        let node = json::parse(text.as_bytes()).unwrap();
        let redactor =
            read(node.as_map().unwrap()).stanza.redactor(node.as_map().unwrap(), std::iter::empty::<&str>());
        assert_eq!(redactor.redact("orders production s3cr3t-x"), "orders production [secure]");
    }
}
