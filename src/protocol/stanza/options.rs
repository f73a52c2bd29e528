//! The table of all options of a stanza. `keys.rs` says what an entry means.
//! Contains no rule about several options; those are in `validate.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::snippets;
use super::values::{
    ALIAS, ALIAS_DESCRIPTION, FUNCTION_NAME, LAMBDA, LOOPS, Links, PROCESSORS, PackageType, PublishTo,
    REGION, RELEASE, SHARES, SNAPSHOTS, STORAGE_MODES, TRACING, TagsMode, VERSION,
};
use crate::protocol::keys::{Kind, options};
use crate::protocol::layer::{Layer, Layers};
use crate::protocol::name::{FunctionName, Region};
use crate::protocol::on::Conditions;
use crate::protocol::schema_types::{
    Anything, Flag, NameList, NumberList, NumberOrNone, Pairs, SecretText, Text, TextList, WholeNumber,
};
use crate::protocol::secret::Secret;
use crate::protocol::structures::{
    CapacityProviderConfig, CodeDeploy, DurableConfig, EventInvokeConfig, FileSystemConfig, FileSystems,
    FunctionUrl, Guard, ImageConfig, LoggingConfig, OrNone, RuntimeManagement, Scaling, TenancyConfig,
    UrlOrNone,
};
use crate::protocol::text_form::TextForm;
use crate::protocol::version_check::{Checks, VersionCheck};

/// Alternative names of keys, each with the key that it means.
pub(crate) const ALIASES: [(&str, &str); 3] =
    [("environment_variables", "environment"), ("if", "on"), ("true", "on")];

/// A group of options in `docs/options.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Function,
    Package,
    Settings,
    Versions,
    Credentials,
    Conditions,
    Deployment,
    Deprecated,
}

/// All keys of a stanza, including alternative names.
pub(crate) fn all_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().copied().chain(ALIASES.map(|(alias, _)| alias))
}

/// The option that a key means: the key itself, unless it is an alternative name.
pub(crate) fn option_of(key: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, option)| *option)
}

/// How a text stands for a value of the key. `None`: it is no key of a stanza.
pub(crate) fn text_form(key: &str) -> Option<TextForm> {
    let option = option_of(key);
    TEXT_FORMS.iter().find(|(name, _)| *name == option).map(|(_, form)| *form)
}

/// The options of a group in the order in which they are documented.
pub(crate) fn in_group(group: Group) -> Vec<&'static str> {
    let mut options: Vec<&str> = Vec::new();
    for (key, _, before) in GROUPED.iter().filter(|(_, of, _)| *of == group) {
        let place = before.and_then(|next| options.iter().position(|option| *option == next));
        options.insert(place.unwrap_or(options.len()), *key);
    }
    options
}

options! {
    /// A stanza under `deploy:`. It describes one AWS Lambda function.
    ///
    /// If a key is absent, an existing function keeps its live value, and a new function gets the AWS
    /// default. An empty string, list or map clears the live value.
    pub struct Options titled "AWS Lambda deployment stanza" {
        /// Deployment provider: `lambda`, in upper or lower case. Required in a `.travis.yml`. Default in a
        /// request or a `--stanza` file: `lambda`.
        pub provider: Option<String> as Option<Text> = text(),
            "Provider".choice(LAMBDA) [Function, open];
        /// AWS access key ID, such as `AKIAIOSFODNN7EXAMPLE` or `{secure: …}`. Default: the job's variable
        /// `AWS_ACCESS_KEY_ID`, else the next source of credentials.
        pub(super) access_key_id: Option<Secret> as Option<SecretText> = secret(),
            "Access key ID".example("$AWS_ACCESS_KEY_ID").yaml("access_key_id:\n  secure: …") [Credentials];
        /// AWS secret access key that belongs to `access_key_id`. Write both or neither. Encrypt it, as
        /// `{secure: …}`. Default: the job's variable `AWS_SECRET_ACCESS_KEY`.
        pub(super) secret_access_key: Option<Secret> as Option<SecretText> = secret(),
            "Secret access key".example("$AWS_SECRET_ACCESS_KEY").yaml("secret_access_key:\n  secure: …")
                [Credentials];
        /// AWS session token, such as the job's variable `$SESSION_TOKEN`. Temporary credentials need it in
        /// addition to `access_key_id` and `secret_access_key`. Default: none.
        pub(super) session_token: Option<Secret> as Option<SecretText> = secret(),
            "Session token".example("$SESSION_TOKEN") [Credentials];
        /// Name of a profile in the job's `~/.aws` files, such as `deployer`. It provides the credentials
        /// instead of `access_key_id`. Default: the job's variable `AWS_PROFILE`.
        pub(super) profile: Option<String> as Option<Text> = name(),
            "AWS profile".example("deployer") [Credentials, open];
        /// ARN of the IAM role to assume for the deployment, such as `arn:aws:iam::123456789012:role/deploy`.
        /// It is assumed with the credentials of the stanza or the job, or with the token in
        /// `web_identity_token_env`. Default: no role is assumed.
        pub(super) role_to_assume: Option<String> as Option<Text> = name(),
            "Role to assume".example("arn:aws:iam::123456789012:role/deploy")
                [Credentials, open] => "RoleArn" of AssumeRole;
        /// Session name of `role_to_assume`, by which CloudTrail identifies the deployment, such as
        /// `release-build`. Default: `dpl-lambda` with the repository and the build number, such as
        /// `dpl-lambda-owner-repo-7`.
        pub(super) role_session_name: Option<String> as Option<Text> = name(),
            "Role session name".example("release-build")
                [Credentials, open] => "RoleSessionName" of AssumeRole;
        /// External ID that the trust policy of `role_to_assume` requires, such as `our-contract-7`. Default:
        /// none.
        pub(super) external_id: Option<String> as Option<Text> = name(),
            "External ID".example("our-contract-7")
                [Credentials before role_session_name] => "ExternalId" of AssumeRole;
        /// Name of the job's variable that holds an OpenID Connect token, such as `OIDC_TOKEN`.
        /// `role_to_assume` is assumed with this token, so no keys are needed. Default: none.
        pub(super) web_identity_token_env: Option<String> as Option<Text> = name(),
            "Variable with the OIDC token".example("OIDC_TOKEN")
                [Credentials, open] => "WebIdentityToken" of AssumeRoleWithWebIdentity;
        /// AWS region of the function, such as `eu-west-1`. Default: the region in the function's ARN, else
        /// the job's variable `AWS_REGION` or `AWS_DEFAULT_REGION`, else the region of the profile, else
        /// `us-east-1`.
        pub region: Option<Region> as Option<Text> = parsed(Region::parse),
            "AWS region".kind(Kind::Region).pattern(REGION, "Expected an AWS region, such as `us-east-1`.")
                .default("us-east-1") [Function, open];
        /// Name or ARN of the Lambda function, without a version or alias, such as `hello`. Required.
        pub(super) function_name: Option<FunctionName> as Option<Text> = parsed(FunctionName::parse),
            "Function name"
                .pattern(FUNCTION_NAME, "Expected a function name (letters, digits, `-`, `_`) or an ARN.")
                .example("hello") [Function before region, open] => "FunctionName" of CreateFunction;
        /// ARN of the IAM role with which the function runs (its execution role), such as
        /// `arn:aws:iam::123456789012:role/run`. Required to create a function. Default: the live value.
        pub role: Option<String> as Option<Text> = name(),
            "Execution role".example("arn:aws:iam::123456789012:role/run") [Settings, open];
        /// Name of the handler in `module_name`, such as `handler`. Without `module_name`, it can be a
        /// complete handler, such as `index.handler`. Required to create a function. Default: the live value.
        pub handler_name: Option<String> as Option<Text> = name(),
            "Handler".example("handler") [Settings, open] => "Handler" of UpdateFunctionConfiguration;
        /// Module (file, class or assembly) that contains `handler_name`, such as `app`. With `handler_name:
        /// handler`, AWS's handler is `app.handler`, and for Java and .NET `app::handler`. Default: `index`,
        /// unless `handler_name` is a complete handler.
        pub module_name: Option<String> as Option<Text> = name(),
            "Handler module".default("index").example("app")
                [Settings, open] => "Handler" of UpdateFunctionConfiguration;
        /// Description of the function; the rest after 256 characters is cut off. `%{build_number}`,
        /// `%{git_branch}`, `%{git_sha}`, `%{git_tag}` and other names are replaced by values of the build.
        /// Default: the live value; for a new function, `Deploy build %{build_number} to AWS Lambda via
        /// Travis CI`.
        pub description: Option<String> as Option<Text> = description(),
            "Description".example("Says hello, build %{build_number}") [Settings, open];
        /// Time limit of one invocation in seconds, 1 to 5400, such as 30. Default: the live value; for a new
        /// function, 3.
        pub timeout: Option<i32> as Option<WholeNumber> = number_within("seconds", 1..=5400),
            "Timeout (seconds)".example(30) [Settings, open];
        /// Memory of the function in MB, 128 to 32768, such as 512. Default: the live value; for a new
        /// function, 128.
        pub memory_size: Option<i32> as Option<WholeNumber> = number_within("MB", 128..=32768),
            "Memory (MB)".example(512) [Settings, open];
        /// IDs of the VPC subnets of the function, such as `subnet-0123456789abcdef0`; at most 16. Default:
        /// the live value. An empty list removes them.
        pub subnet_ids: Option<Vec<String>> as Option<NameList> = texts(),
            "Subnets".example(["subnet-0123456789abcdef0"]) [Settings, open];
        /// IDs of the VPC security groups of the function, such as `sg-0123456789abcdef0`; at most 5.
        /// Default: the live value. An empty list removes them.
        pub security_group_ids: Option<Vec<String>> as Option<NameList> = texts(),
            "Security groups".example(["sg-0123456789abcdef0"]) [Settings, open];
        /// Environment variables of the function, as a map or as a list of `NAME=value`, such as
        /// `STAGE=production`. They replace all live variables unless `merge_environment` is true. Default:
        /// the live variables. An empty map removes them.
        pub environment: Option<BTreeMap<String, Secret>> as Option<Pairs>
            = pairs_or("environment_variables"),
            "Environment variables".yaml("environment:\n  STAGE: production\n  TOKEN:\n    secure: …")
                [Settings before subnet_ids];
        /// Lambda runtime, such as `nodejs22.x` or `python3.13`. Required to create a function. Default: the
        /// live value.
        pub runtime: Option<String> as Option<Text> = name(),
            "Runtime".kind(Kind::Runtime) [Settings before handler_name, open];
        /// ARN of the SQS queue or SNS topic to which Lambda sends asynchronous events that the function
        /// failed to process, such as `arn:aws:sqs:us-east-1:123456789012:failed`. Default: the live value.
        /// An empty string removes it.
        pub dead_letter_arn: Option<String> as Option<Text> = text(),
            "Dead letter queue".example("arn:aws:sqs:us-east-1:123456789012:failed") [Settings, open];
        /// ARN of the KMS key that encrypts the environment variables, such as
        /// `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Default: the live value. An empty string
        /// selects the default key of AWS.
        pub kms_key_arn: Option<String> as Option<Text> = text(),
            "KMS key for environment variables".example("arn:aws:kms:us-east-1:123456789012:key/1234abcd")
                [Settings before subnet_ids, open];
        /// X-Ray tracing mode: `Active` or `PassThrough`. Default: the live value; for a new function,
        /// `PassThrough`.
        pub tracing_mode: Option<String> as Option<Text> = word(TRACING),
            "X-Ray tracing" [Settings, open];
        /// Layers in the order in which Lambda applies them; at most 5. They replace all live layers. A text
        /// is the ARN of a layer version, such as `arn:aws:lambda:us-east-1:123456789012:layer:tools:3`, or
        /// names a layer: `tools` and `tools:latest` are its latest version, `tools:3` is version 3. A map is
        /// a layer that the deployment builds. Default: the live layers. An empty list removes them.
        pub layers: Option<Vec<Layer>> as Option<Layers> = layers(),
            "Layers".yaml("layers:\n  - tools:latest\n  - name: deps\n    zip: layer\n    keep_versions: 3")
                [Settings before environment, open];
        /// Tags of the function, as a map or as a list of `NAME=value`, such as `team=payments`; at most 50.
        /// They are added to the live tags unless `function_tags_mode` is `replace`. Default: the live tags.
        pub function_tags: Option<BTreeMap<String, Secret>> as Option<Pairs> = pairs(),
            "Tags".yaml("function_tags:\n  team: payments") [Settings] => "Tags" of TagResource;
        /// Whether to publish a version of the deployed function. `alias` always publishes one. Default:
        /// false.
        pub publish: Option<bool> as Option<Flag> = flag(),
            "Publish a version".default(false) [Versions, open];
        /// What to package, as a path in the build directory, such as `dist`: a directory, a single file, or
        /// a finished `.zip` or `.jar` archive. The contents of a directory are at the root of the archive.
        /// With several paths, each file keeps its path from the build directory. Default: the build
        /// directory.
        pub zip: Option<Vec<String>> as Option<TextList> = texts(),
            "What to package".single().default(".").example("dist")
                [Package, open] => "ZipFile" of UpdateFunctionCode;
        /// Patterns in the syntax of `.gitignore`, relative to the packaged directory, such as `src/**`. Only
        /// files that match one of them are packaged. Default: all files.
        pub include: Option<Vec<String>> as Option<TextList> = texts(),
            "Files to package".example(["src/**"]) [Package];
        /// Patterns in the syntax of `.gitignore`, relative to the packaged directory, such as `*.test.js`.
        /// Files that match one of them are not packaged. A file `.lambdaignore` in the packaged directory
        /// can hold more patterns. Default: none.
        pub exclude: Option<Vec<String>> as Option<TextList> = texts(),
            "Files to leave out".example(["*.test.js"]) [Package];
        /// How to package symbolic links: `preserve` keeps them as links, `follow` packages their targets,
        /// `external` packages the targets that are not in the package otherwise. Default: `preserve`.
        pub symlinks: Option<Links> as Option<Text> = choice(Links::WORDS, Links::ALL),
            "Symbolic links".default("preserve") [Package];
        /// S3 bucket to which the package is uploaded and from which Lambda reads it, such as `our-packages`.
        /// It must be in the function's region. Required for packages over 50 MiB. With `s3_key`, it is the
        /// bucket of that object. Default: none; the package is sent to Lambda directly.
        pub s3_bucket: Option<String> as Option<Text> = text(),
            "S3 bucket".example("our-packages") [Package, open] => "S3Bucket" of UpdateFunctionCode;
        /// Prefix for the keys of packages in `s3_bucket`, such as `lambda`. The whole key is
        /// `<s3_prefix>/<function>/<sha256>.zip`. Default: no prefix.
        pub s3_prefix: Option<String> as Option<Text> = text(),
            "S3 key prefix".example("lambda") [Package, open];
        /// Key of an existing archive in `s3_bucket`, such as `builds/hello-7.zip`. This archive is deployed,
        /// and nothing is packaged. Default: none.
        pub s3_key: Option<String> as Option<Text> = name(),
            "S3 key of the archive".example("builds/hello-7.zip")
                [Package, open] => "S3Key" of UpdateFunctionCode;
        /// Version ID of the archive `s3_key`, in a bucket with versioning, such as `L4kqtJlcpXroDTDmpUMLUo`.
        /// Default: the latest version.
        pub s3_object_version: Option<String> as Option<Text> = name(),
            "S3 version of the archive".example("L4kqtJlcpXroDTDmpUMLUo")
                [Package, open] => "S3ObjectVersion" of UpdateFunctionCode;
        /// How Lambda stores a package from `s3_bucket`: `COPY` or `REFERENCE`. `REFERENCE` needs a bucket
        /// with versioning whose policy permits the service `lambda.amazonaws.com` to read the package.
        /// Default: the live value; for a new function, `COPY`.
        pub s3_object_storage_mode: Option<String> as Option<Text> = word(STORAGE_MODES),
            "Storage of the package" [Package, open];
        /// Whether to package files and directories whose names begin with a dot. `.git` is never packaged.
        /// Default: false.
        pub dot_match: Option<bool> as Option<Flag> = flag(),
            "Package dot files".default(false) [Package before symlinks];
        /// Processor architecture: `x86_64` or `arm64`. Default: the live value; for a new function,
        /// `x86_64`.
        pub architectures: Option<String> as Option<NameList> = single_word(PROCESSORS),
            "Architecture" [Settings before layers, open];
        /// Size of `/tmp` in MB, 512 to 32768, such as 1024. Default: the live value; for a new function,
        /// 512.
        pub ephemeral_storage: Option<i32> as Option<WholeNumber> = number_within("MB", 512..=32768),
            "Size of /tmp (MB)".example(1024) [Settings before architectures, open];
        /// Type of the code: `Zip` (files) or `Image` (a container image, see `image_uri`). `Image` without
        /// `image_uri` keeps the live image. AWS cannot change the type of an existing function. Default:
        /// `Image` with `image_uri`, else `Zip`.
        pub package_type: Option<PackageType> as Option<Text> = choice(PackageType::WORDS, PackageType::ALL),
            "Package type".default("Zip") [Package, open] => "PackageType" of CreateFunction;
        /// Container image in Amazon ECR, by digest or tag, such as
        /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7`. An image with a tag is deployed each time,
        /// because the tag can point to another image. An image with a digest is deployed only if it differs
        /// from the live image. Default: none.
        pub image_uri: Option<String> as Option<Text> = name(),
            "Container image".example("123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7")
                [Package, open] => "ImageUri" of UpdateFunctionCode;
        /// Settings that replace those in the container image. Default: the live value. An empty map removes
        /// them.
        pub image_config: Option<ImageConfig> as Option<ImageConfig> = structure(ImageConfig::read),
            "Image settings".yaml("image_config:\n  command: [app.handler]") [Package, open];
        /// Settings of a durable function, whose executions can last up to a year, such as
        /// `{execution_timeout: 3600}`. AWS makes a function durable only when it creates it. Default: the
        /// live value; a new function is not durable.
        pub durable_config: Option<DurableConfig> as Option<DurableConfig> = structure(DurableConfig::read),
            "Durable function"
                .yaml("durable_config:\n  execution_timeout: 3600\n  retention_period_in_days: 30")
                [Settings before environment, open];
        /// Isolation of the function's tenants, such as `{tenant_isolation_mode: PER_TENANT}`. AWS sets it
        /// only when it creates the function. Default: the live value; for a new function, no isolation.
        pub tenancy_config: Option<TenancyConfig> as Option<TenancyConfig> = structure(TenancyConfig::read),
            "Tenant isolation".yaml("tenancy_config:\n  tenant_isolation_mode: PER_TENANT")
                [Settings before timeout, open];
        /// Capacity provider on whose instances the function runs (Lambda Managed Instances), such as
        /// `{capacity_provider_arn: arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours}`. AWS
        /// decides only when it creates a function whether it runs on Managed Instances. Default: the live
        /// value; a new function does not.
        pub capacity_provider_config: Option<CapacityProviderConfig> as Option<CapacityProviderConfig>
            = structure(CapacityProviderConfig::checked),
            "Capacity provider"
                .yaml(
                    "capacity_provider_config:\n  capacity_provider_arn: arn:aws:lambda:us-east-1:\
                    123456789012:capacity-provider:ours\n  execution_environment_memory_gib_per_vcpu: 4"
                )
                [Settings before environment, open];
        /// File systems to mount below `/mnt/`; AWS allows one. They replace all live file systems. Default:
        /// the live value. An empty list removes them.
        pub file_system_configs: Option<Vec<FileSystemConfig>> as Option<FileSystems>
            = structures(FileSystemConfig::read),
            "File systems"
                .yaml(
                    "file_system_configs:\n  - arn: arn:aws:elasticfilesystem:us-east-1:123456789012:\
                    access-point/fsap-0123456789abcdef0\n    local_mount_path: /mnt/data"
                )
                [Settings before dead_letter_arn, open];
        /// Whether new execution environments start from a snapshot: `PublishedVersions` or `None`. Default:
        /// the live value; for a new function, `None`.
        pub snap_start: Option<String> as Option<Text> = word(SNAPSHOTS),
            "SnapStart" [Settings before function_tags, open];
        /// Format, destination and levels of the function's logs, such as `{log_format: JSON}`. Default: the
        /// live value. An empty map restores the AWS defaults.
        pub logging_config: Option<LoggingConfig> as Option<LoggingConfig> = structure(LoggingConfig::read),
            "Logging".yaml("logging_config:\n  log_format: JSON\n  application_log_level: WARN")
                .snippets(snippets::logging_config()) [Settings before snap_start, open];
        /// Whether to allow outbound IPv6 traffic on dual-stack VPC subnets. Default: the live value; for a
        /// new function, false.
        pub ipv6_allowed_for_dual_stack: Option<bool> as Option<Flag> = flag(),
            "Outbound IPv6" [Settings before file_system_configs, open];
        /// Whether to add `environment` to the live variables instead of replacing them. Default: false.
        pub merge_environment: Option<bool> as Option<Flag> = flag(),
            "Merge environment variables".default(false) [Settings before kms_key_arn, open];
        /// ARN of the code signing configuration, such as
        /// `arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0`. Default: the
        /// live value. An empty string removes it.
        pub code_signing_config_arn: Option<String> as Option<Text> = text(),
            "Code signing"
                .example("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0")
                [Package before package_type, open];
        /// ARN of the KMS key that encrypts the deployment package in Lambda, such as
        /// `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. Default: the live value. An empty string
        /// selects the default key of AWS.
        pub source_kms_key_arn: Option<String> as Option<Text> = text(),
            "KMS key for the package".example("arn:aws:kms:us-east-1:123456789012:key/1234abcd")
                [Package before code_signing_config_arn, open];
        /// Revision that the live function must have: its `RevisionId` from `aws lambda
        /// get-function-configuration`, such as `f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a`. If the live function
        /// has another revision, the deployment fails and changes nothing. Default: any revision.
        pub revision_id: Option<String> as Option<Text> = name(),
            "Expected revision".example("f7a1c3d2-0b7e-4a50-9d3f-6f1e2d3c4b5a")
                [Function, open] => "RevisionId" of UpdateFunctionConfiguration;
        /// How to set `function_tags`: `add` keeps other live tags, `replace` removes them. Default: `add`.
        pub function_tags_mode: Option<TagsMode> as Option<Text> = choice(TagsMode::WORDS, TagsMode::ALL),
            "Tag mode".default("add") [Settings, open];
        /// Number of concurrent executions that are reserved for the function, such as 20. The function never
        /// has more. 0 stops all invocations. `none` removes the reservation and the limit. Default: the live
        /// value.
        pub reserved_concurrency: Option<OrNone<i32>> as Option<NumberOrNone> = number_or_none(),
            "Reserved concurrency".examples(json!([20, "none"])) [Settings before function_tags, open];
        /// How Lambda treats asynchronous invocations: retries, age of events, destinations. With `alias`, it
        /// is set on each alias and not on the function itself. Default: the live value. An empty map
        /// restores the AWS defaults.
        pub event_invoke_config: Option<EventInvokeConfig> as Option<EventInvokeConfig>
            = structure(EventInvokeConfig::read),
            "Asynchronous invocations"
                .yaml(
                    "event_invoke_config:\n  maximum_retry_attempts: 0\n  \
                    on_failure: arn:aws:sqs:us-east-1:123456789012:failed"
                )
                [Settings before function_tags, open];
        /// When Lambda updates the function to a new version of its runtime, such as `{update_runtime_on:
        /// FunctionUpdate}`. It is set before a version is published, and published versions keep theirs.
        /// Default: the live value; for a new function, `Auto`. An empty map restores `Auto`.
        pub runtime_management: Option<RuntimeManagement> as Option<RuntimeManagement>
            = structure(RuntimeManagement::checked),
            "Runtime updates".yaml("runtime_management:\n  update_runtime_on: FunctionUpdate")
                [Settings before handler_name, open];
        /// What Lambda does when the function invokes itself in a loop through another service, such as a
        /// queue: `Terminate` stops the loop, `Allow` lets it go on. Default: the live value; for a new
        /// function, `Terminate`.
        pub recursive_loop: Option<String> as Option<Text> = word(LOOPS),
            "Recursive loops" [Settings before function_tags, open];
        /// HTTPS endpoint of the function, such as `{auth_type: AWS_IAM}`. `none` removes it. With `alias`,
        /// it is the endpoint of the first alias. Default: the live value.
        pub function_url: Option<OrNone<FunctionUrl>> as Option<UrlOrNone> = function_url(),
            "Function URL".example("none").yaml("function_url:\n  auth_type: AWS_IAM")
                .snippets(snippets::function_url()) [Settings before function_tags, open];
        /// Alias that points at the published version, or a list of aliases, such as `live`. An alias is
        /// created or moved after the version is ready and has passed `verify`. Implies `publish`. Default:
        /// none.
        pub alias: Option<Vec<String>> as Option<NameList> = distinct_texts(),
            "Alias".single().pattern(ALIAS, "Expected letters, digits, `-` and `_`, and not only digits.")
                .example("live") [Versions, open] => "Name" of CreateAlias;
        /// Description of each alias, such as `The live shop`, at most 128 characters: AWS allows 256, and
        /// the previous versions of the alias are recorded after it. Needs `alias`. Default: the live text.
        /// An empty string removes it.
        pub alias_description: Option<String> as Option<Text> = alias_description(),
            "Description of the alias".pattern(ALIAS_DESCRIPTION, "Expected at most 128 characters.")
                .example("The live shop") [Versions, open] => "Description" of UpdateAlias;
        /// Check to run on a new version before the alias moves to it, or a list of 1 to 100 checks, which
        /// run in order until one fails. `{}` invokes the function and expects no error. Without `alias`, the
        /// code is already live when the checks run. Default: no check.
        pub verify: Option<Vec<VersionCheck>> as Option<Checks> = verify(),
            "Version check".yaml("verify:\n  payload: {ping: true}\n  expect:\n    contains: pong")
                .snippets(snippets::verify()) [Versions];
        /// Percentages of the alias's traffic that the new version gets step by step, in ascending order,
        /// such as `[10, 50, 100]`. After the last step, the new version gets all traffic. `verify` runs
        /// again at each step; if it fails, the old version gets all traffic back. Default: all traffic at
        /// once.
        pub traffic: Option<Vec<i32>> as Option<NumberList> = whole_numbers("percentages"),
            "Traffic (percent)".between(SHARES).example([10, 50, 100]).snippets(snippets::traffic())
                [Versions, open] => "RoutingConfig.AdditionalVersionWeights" of UpdateAlias;
        /// Time between two steps of `traffic` in seconds, at least 1, such as 120. Default: 60.
        pub traffic_interval: Option<Duration> as Option<WholeNumber> = seconds(),
            "Traffic interval (seconds)".default(60).example(120) [Versions, open];
        /// What to watch while the alias sends traffic to the new version: CloudWatch alarms, the share of
        /// its invocations that fail, or both. If it fires, all traffic goes back. Also without `traffic`:
        /// then all traffic goes to the new version at once. Default: nothing is watched.
        pub guard: Option<Guard> as Option<Guard> = strict_structure(Guard::checked),
            "Guard".yaml("guard:\n  alarms: [shop-5xx, shop-latency]\n  errors: 1%\n  bake: 600")
                .snippets(snippets::guard()) [Versions, open];
        /// Whether to remove traffic weights that another tool or a person has set on the alias, such as
        /// those of a CodeDeploy canary. Default: false; with such weights, the deployment fails.
        pub clear_weights: Option<bool> as Option<Flag> = flag(),
            "Clear traffic weights".default(false) [Versions, open];
        /// Whether to move event source mappings that call the function itself, such as those of SQS queues,
        /// to the first alias, after the alias has moved. No mapping is created. Default: false; a warning
        /// names each such mapping.
        pub follow_alias: Option<bool> as Option<Flag> = flag(),
            "Follow the alias".default(false) [Versions, open];
        /// CodeDeploy application and deployment group that move the alias to the new version, instead of
        /// `traffic`. CodeDeploy shifts the traffic, also for hours after the run has ended. An alias that
        /// does not exist yet is created without it. Needs `alias` with one name. Default: dpl-lambda moves
        /// the alias.
        pub codedeploy: Option<CodeDeploy> as Option<CodeDeploy> = strict_structure(CodeDeploy::read),
            "CodeDeploy".yaml("codedeploy:\n  application: shop\n  deployment_group: live\n  wait: started")
                [Versions, open];
        /// Number of execution environments that each alias keeps ready, such as 5. The deployment waits
        /// until they are ready. `none` removes the provisioned concurrency. Default: the live value.
        pub provisioned_concurrency: Option<OrNone<i32>> as Option<NumberOrNone> = positive_or_none(),
            "Provisioned concurrency".examples(json!([5, "none"]))
                [Versions, open] => "ProvisionedConcurrentExecutions" of PutProvisionedConcurrencyConfig;
        /// Which version to publish besides those with a number: `latest_published` is `$LATEST.PUBLISHED`,
        /// which callers without a version get from a function on Lambda Managed Instances. Without `alias`,
        /// it is published also if this key is absent. Default: none.
        pub publish_to: Option<PublishTo> as Option<Text> = choice(PublishTo::WORDS, PublishTo::ALL),
            "Publish to" [Versions, open] => "PublishTo" of PublishVersion;
        /// Numbers of execution environments of a function on Lambda Managed Instances, such as
        /// `{min_execution_environments: 3, max_execution_environments: 20}`. They apply to the version that
        /// goes live: the one of the alias, or `$LATEST.PUBLISHED`. The deployment waits until AWS has
        /// applied them. Default: the live value; for a new version, that of AWS. An empty map restores the
        /// AWS defaults.
        pub scaling: Option<Scaling> as Option<Scaling> = structure(Scaling::checked),
            "Scaling".yaml("scaling:\n  min_execution_environments: 3\n  max_execution_environments: 20")
                [Versions, open];
        /// Number of published versions to keep, newest first, at least 1, such as 10. Older versions are
        /// deleted after the deployment, except those that an alias uses or can be rolled back to, and those
        /// that something else uses by their number, such as an event source. Default: all versions.
        pub keep_versions: Option<i32> as Option<WholeNumber> = whole_number(""),
            "Versions to keep".at_least(1).example(10) [Versions, open];
        /// Number of the version to which `dpl-lambda rollback` moves the alias, such as 7. Other commands
        /// ignore it. Default: the previous version.
        pub version: Option<String> as Option<Text> = name(),
            "Rollback version".pattern(VERSION, "Expected the number of a published version, such as 7.")
                .example("7") [Versions, open] => "FunctionVersion" of UpdateAlias;
        /// Commands to run in bash after a successful deployment, even if nothing changed, such as
        /// `./announce.sh`. They run in order in the build directory. If one fails, the others do not run,
        /// and the run fails. Default: none.
        pub run: Option<Vec<String>> as Option<TextList> = texts(),
            "Commands after the deployment".example(["./announce.sh"]) [Deployment];
        /// Whether to stash uncommitted, untracked and ignored files during the deployment (`git stash
        /// --all`) and to restore them afterwards. Ignored files include most build results, which are then
        /// not packaged. Default: false.
        pub cleanup: Option<bool> as Option<Flag> = flag_or_not("skip_cleanup"),
            "Stash uncommitted files".default(false) [Deployment];
        /// Whether the build succeeds if the deployment fails: the exit status is then 0. An invalid stanza
        /// still fails the build. Default: false.
        pub allow_failure: Option<bool> as Option<Flag> = flag(),
            "Allow failure".default(false) [Deployment];
        /// Whether unknown keys are errors instead of warnings. Default: false.
        pub strict: Option<bool> as Option<Flag> = flag(),
            "Strict".default(false) [Deployment before run];
        /// Whether `deploy` and `rollback` only show their plan and change nothing. Default: false.
        pub dry_run: Option<bool> as Option<Flag> = flag(),
            "Dry run".default(false) [Deployment before strict];
        /// Time limit in seconds for each wait, such as the wait for an update of the function, and for each
        /// call to AWS. At least 1, such as 900. Default: 600; with `snap_start`,
        /// `provisioned_concurrency`, `capacity_provider_config`, `publish_to` or `scaling`, 1800.
        pub wait_timeout: Option<Duration> as Option<WholeNumber> = seconds(),
            "Wait timeout (seconds)".default(600).example(900) [Deployment before strict, open];
        /// Name of the release to which the function belongs, such as `shop`. The stanzas of one request or
        /// file with the same name are deployed together: no alias moves until each function has a version
        /// that has passed `verify`, and if one of them fails, all aliases go back. Not with `codedeploy`.
        /// Default: the function is deployed on its own.
        pub release: Option<String> as Option<Text> = name(),
            "Release".pattern(RELEASE, "Expected 1 to 64 letters, digits, `.`, `_` and `-`.").example("shop")
                [Deployment before strict, open];
    }
    read elsewhere {
        /// Conditions of the deployment, such as `{branch: main}`. If one of them is not met, the stanza is
        /// skipped. A string is a branch. Default: branch `master`, never `main`.
        on as Option<Conditions>,
            "Conditions".yaml("on:\n  branch: [main, release/*]\n  condition: $NIGHTLY != true")
                .snippets(snippets::on()) [Conditions];
        /// Deprecated: the opposite of `cleanup`. Leave it out; files stay in place unless `cleanup` is true.
        skip_cleanup as Option<Flag>,
            "Skip cleanup".deprecated() [Deprecated];
        /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
        edge as Option<Anything>,
            "dpl edge version".deprecated() [Deprecated];
        /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
        dpl_version as Option<Anything>,
            "dpl version".deprecated() [Deprecated];
        /// Deprecated: an option for the installation of dpl, without effect here. Leave it out.
        strategy as Option<Anything>,
            "dpl strategy".deprecated() [Deprecated];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_documented_before_one_of_its_group_that_is_declared_earlier() {
        for (place, (key, group, before)) in GROUPED.iter().enumerate() {
            let mut earlier = GROUPED[..place].iter().filter(|(_, of, _)| of == group);
            assert!(before.is_none_or(|next| earlier.any(|(key, ..)| *key == next)), "{key}");
        }
    }
}
