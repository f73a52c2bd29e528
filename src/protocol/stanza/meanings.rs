//! What people mean by a key that is no option: an option of another tool, a member of AWS's API, a
//! condition, or a key of the job. Never compares spellings: a misspelt option has no entry here, and
//! `suggest.rs` finds it.
//!
//! Names of AWS and of members follow from the tables of keys. The other names are those of dpl 1, of the
//! inputs of aws-actions/aws-lambda-deploy, of drone-lambda, of lambroll, and of the files of SAM, Serverless
//! and Terraform.

use std::sync::LazyLock;

use super::options::KEYS;
use super::tables::{aws_fields, editor_keys};
use crate::protocol::json::Node;
use crate::protocol::suggest::{is_in_style_of_aws, letters};

/// What the author of an unknown key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// These options, or a member of an option, such as `verify.payload`.
    Options(Vec<&'static str>),
    /// This condition under `on`.
    Condition(&'static str),
    /// A key of the job.
    JobKey,
}

/// Other names of options, after the options that they mean.
#[rustfmt::skip]
const OTHER_NAMES: &[(&[&str], &[&str])] = &[
    (&["access_key_id"], &["access_key", "api_key", "key_id"]),
    (&["alias"], &["alias_name", "aliases", "auto_publish_alias", "qualifier"]),
    (&["architectures"], &["arch", "architecture"]),
    (
        &["capacity_provider_config"],
        &["capacity_provider", "lambda_managed_instances_capacity_provider_config", "managed_instances"],
    ),
    (&["dead_letter_arn"], &["dead_letter_config", "dead_letter_queue", "dlq", "on_error", "target_arn"]),
    (&["description"], &["function_description", "version_description"]),
    (&["environment"], &["env_variables", "env_vars", "environment_vars", "envs", "variables"]),
    (&["ephemeral_storage"], &["ephemeral_storage_size", "size"]),
    (&["event_invoke_config"], &["destinations", "event_invoke"]),
    (&["exclude"], &["exclude_file", "excludes", "ignore"]),
    (&["file_system_configs"], &["efs", "file_system_config", "file_systems"]),
    (
        &["function_name"],
        &["arn", "function", "function_arn", "lambda", "lambda_function", "lambda_name", "name"],
    ),
    (&["function_tags"], &["resource_tags"]),
    (&["function_url"], &["function_url_config", "url"]),
    (&["handler_name"], &["function_handler", "handler"]),
    (&["image_uri"], &["container_image", "docker_image", "image", "image_url"]),
    (&["include"], &["files", "includes", "patterns"]),
    (&["ipv6_allowed_for_dual_stack"], &["ipv6", "ipv6_dual_stack"]),
    (&["kms_key_arn"], &["kms_arn", "kms_key"]),
    (&["logging_config"], &["log", "log_config", "logging"]),
    (&["memory_size"], &["memory", "memory_mb", "ram"]),
    (&["module_name"], &["module"]),
    (&["provisioned_concurrency"], &["provisioned_concurrency_config"]),
    (&["publish"], &["publish_version", "version_functions"]),
    (&["recursive_loop"], &["recursion_config", "recursive_loop_detection"]),
    (&["region"], &["region_name"]),
    (&["reserved_concurrency"], &["concurrency", "reserved_concurrent_executions"]),
    (&["revision_id"], &["reversion_id"]),
    (&["role"], &["execution_role", "execution_role_arn", "iam_role", "role_arn", "role_name"]),
    (&["role_session_name"], &["session_name"]),
    (&["role_to_assume"], &["assume_role", "assume_role_arn"]),
    (&["runtime_management"], &["runtime_management_config"]),
    (&["s3_bucket"], &["bucket", "bucket_name", "deployment_bucket"]),
    (&["s3_key"], &["object_key", "s3_object_key"]),
    (&["s3_object_version"], &["object_version"]),
    (&["scaling"], &["function_scaling_config"]),
    (&["secret_access_key"], &["secret", "secret_key"]),
    (&["security_group_ids"], &["security_group", "security_groups"]),
    (&["session_token"], &["security_token"]),
    (&["snap_start"], &["apply_on"]),
    (&["subnet_ids"], &["subnet", "subnets"]),
    (&["subnet_ids", "security_group_ids"], &["vpc", "vpc_config"]),
    (&["timeout"], &["time_limit", "timeout_seconds"]),
    (&["tracing_mode"], &["mode", "tracing", "tracing_config", "xray"]),
    (&["traffic"], &["canary", "deployment_preference", "weights"]),
    (
        &["zip"],
        &[
            "archive", "artifact", "artifacts", "code", "code_artifacts_dir", "code_path", "code_uri", "dir",
            "directory", "file", "file_name", "folder", "local_dir", "package", "path", "source",
            "source_dir", "src", "zip_file", "zip_path",
        ],
    ),
];

/// AWS's names for options in the style of a stanza. They are the names that people take from AWS's pages and
/// from Terraform, so an author who writes one relies on its effect.
#[rustfmt::skip]
const NAMES_OF_AWS: &[&str] = &[
    "dead_letter_config", "function_scaling_config", "function_url_config", "kms_key",
    "lambda_managed_instances_capacity_provider_config", "provisioned_concurrency_config", "recursion_config",
    "reserved_concurrent_executions", "runtime_management_config", "tracing_config", "vpc_config", "zip_file",
];

/// Other names of conditions, after the conditions that they mean.
const OTHER_CONDITIONS: &[(&str, &[&str])] = &[
    ("branch", &["branch_name", "branches", "only"]),
    ("condition", &["conditions"]),
    ("repo", &["repository", "slug"]),
    ("tags", &["tag"]),
];

/// Keys of a job, which Travis CI reads beside `deploy`.
#[rustfmt::skip]
const JOB_KEYS: &[&str] = &[
    "addons", "after_deploy", "after_failure", "after_script", "after_success", "before_cache",
    "before_deploy", "before_install", "before_script", "cache", "install", "jobs", "language", "matrix",
    "notifications", "script", "services", "stage", "stages", "sudo",
];

/// Prefixes without which a name can be that of an option: `aws_region`, `function_timeout`.
const PREFIXES: [&str; 3] = ["aws", "function", "lambda"];

/// Maximum length in bytes of a key with a meaning.
const MAX_LENGTH: usize = 64;

/// The keys of maps inside a stanza, such as `verify.payload` and `on.branch`.
static MEMBERS: LazyLock<Vec<&str>> =
    LazyLock::new(|| editor_keys().iter().map(|key| key.at).filter(|at| at.contains('.')).collect());

/// What the author of an unknown key means. `None`: it is not known.
pub(super) fn meaning(key: &str, value: &Node) -> Option<Meaning> {
    if key.len() > MAX_LENGTH {
        return None;
    }
    let word: String = letters(key).collect();
    // Tags of the function have a name and a value; `tags: true` is a condition.
    if word == "tags" && (matches!(value, Node::Map(_) | Node::List(_)) || is_in_style_of_aws(key)) {
        return Some(Meaning::Options(vec!["function_tags"]));
    }
    of_word(&word).or_else(|| PREFIXES.iter().find_map(|prefix| of_word(word.strip_prefix(prefix)?)))
}

/// The option that is meant by a name, such as that of a command line option. `None`: none is.
pub(crate) fn option_named(name: &str) -> Option<&'static str> {
    match meaning(name, &Node::Null)? {
        Meaning::Options(options) => options.first().copied(),
        Meaning::Condition(_) | Meaning::JobKey => None,
    }
}

/// True for AWS's own name of an option. Such a key is refused, even if unknown keys are only warned about:
/// its author knows what it does at AWS, and to ignore it would deploy something else.
pub(super) fn is_name_of_aws(key: &str) -> bool {
    is_in_style_of_aws(key) || NAMES_OF_AWS.contains(&key)
}

fn of_word(word: &str) -> Option<Meaning> {
    let is = |name: &str| letters(name).eq(word.chars());
    let is_any = |names: &[&str]| names.iter().any(|name| is(name));
    if let Some(&(options, _)) = OTHER_NAMES.iter().find(|(_, names)| is_any(names)) {
        return Some(Meaning::Options(options.to_vec()));
    }
    if let Some(&(condition, _)) = OTHER_CONDITIONS.iter().find(|(_, names)| is_any(names)) {
        return Some(Meaning::Condition(condition));
    }
    if is_any(JOB_KEYS) {
        return Some(Meaning::JobKey);
    }
    let is_field = |field: &str| is(field) || field.split('.').any(is);
    let option = KEYS.iter().copied().find(|key| is(key));
    let member = || MEMBERS.iter().copied().find(|at| at.rsplit('.').next().is_some_and(is));
    let field = || Some(aws_fields().find(|(_, field, _)| is_field(field))?.0);
    let option = option.or_else(member).or_else(field)?;
    Some(match option.strip_prefix("on.") {
        Some(condition) => Meaning::Condition(condition),
        None => Meaning::Options(vec![option]),
    })
}

impl Meaning {
    /// What the key is, after its name: "is a condition: …".
    pub(super) fn what(&self) -> &'static str {
        match self {
            Meaning::Options(_) => NOT_AN_OPTION,
            Meaning::Condition(_) => "is a condition: it belongs under `on`",
            Meaning::JobKey => "belongs beside `deploy`, not in it",
        }
    }

    pub(super) fn hint(&self) -> String {
        match self {
            Meaning::Options(options) => match options.as_slice() {
                [one] => format!("did you mean `{one}`?"),
                _ => format!("write {}", self.names()),
            },
            Meaning::Condition(condition) => format!("write `on: {{{condition}: …}}`"),
            Meaning::JobKey => "move it out of the stanza".to_owned(),
        }
    }

    /// The options, each in backticks; nothing for the other meanings.
    pub(super) fn names(&self) -> String {
        match self {
            Meaning::Options(options) => format!("`{}`", options.join("` and `")),
            Meaning::Condition(_) | Meaning::JobKey => String::new(),
        }
    }
}

/// What an unknown key is, after its name.
pub(super) const NOT_AN_OPTION: &str = "is not an option of a lambda stanza";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::suggest::suggest;

    #[test]
    fn a_name_of_another_tool_means_an_option() {
        for (names, option) in [
            (&["MemorySize", "memory", "memorySize", "memory-size", "MEMORY_SIZE"][..], "memory_size"),
            (&["FunctionName", "function", "name", "function-name", "lambda_function_name"], "function_name"),
            (&["Role", "role_name", "RoleArn", "iam_role"], "role"),
            (&["Handler", "handler"], "handler_name"),
            (&["CodeUri", "zip-file", "source", "file", "path", "local_dir", "code", "filename"], "zip"),
            (&["S3Key", "s3_object_key"], "s3_key"),
            (&["KMSKeyArn", "awsKmsKeyArn", "kms-key-arn"], "kms_key_arn"),
            (&["qualifier", "AutoPublishAlias"], "alias"),
            (&["env_vars", "Environment", "Variables"], "environment"),
            (&["concurrency", "ReservedConcurrentExecutions"], "reserved_concurrency"),
            (&["ProvisionedConcurrentExecutions"], "provisioned_concurrency"),
            (&["aws_region", "Region"], "region"),
            (&["aws_access_key_id", "access_key"], "access_key_id"),
            (&["securitygroups", "SecurityGroupIds"], "security_group_ids"),
            (&["LogFormat"], "logging_config.log_format"),
            (&["DurableConfig"], "durable_config"),
            (&["ExecutionTimeout"], "durable_config.execution_timeout"),
            (&["TenantIsolationMode"], "tenancy_config.tenant_isolation_mode"),
            (&["CapacityProviderConfig", "capacity_provider"], "capacity_provider_config"),
            (&["CapacityProviderArn"], "capacity_provider_config.capacity_provider_arn"),
            (&["PublishTo"], "publish_to"),
            (&["FunctionScalingConfig"], "scaling"),
            (&["MinExecutionEnvironments"], "scaling.min_execution_environments"),
            (&["S3FilesConfig", "DirectS3Read"], "file_system_configs.direct_s3_read"),
            (&["S3ObjectStorageMode"], "s3_object_storage_mode"),
            (&["TenantId"], "verify.tenant_id"),
            (&["AuthType"], "function_url.auth_type"),
            (&["Payload"], "verify.payload"),
        ] {
            for name in names {
                assert_eq!(option_named(name), Some(option), "{name}");
            }
        }
        let vpc = Some(Meaning::Options(vec!["subnet_ids", "security_group_ids"]));
        assert_eq!(meaning("VpcConfig", &Node::Null), vpc);
    }

    #[test]
    fn a_condition_or_a_key_of_the_job_is_no_option() {
        for (key, condition) in [
            ("tags", "tags"),
            ("branch", "branch"),
            ("branches", "branch"),
            ("condition", "condition"),
            ("all_branches", "all_branches"),
            ("repo", "repo"),
            ("node_js", "node_js"),
            ("python", "python"),
        ] {
            assert_eq!(meaning(key, &Node::Bool(true)), Some(Meaning::Condition(condition)), "{key}");
        }
        for key in ["before_deploy", "script", "after_deploy"] {
            assert_eq!(meaning(key, &Node::Null), Some(Meaning::JobKey), "{key}");
        }
        let tags = meaning("tags", &Node::List(Vec::new()));
        assert_eq!(tags, Some(Meaning::Options(vec!["function_tags"])));
    }

    #[test]
    fn other_names_are_no_options_and_mean_options() {
        let conditions: Vec<&str> = MEMBERS.iter().filter_map(|at| at.strip_prefix("on.")).collect();
        for (options, names) in OTHER_NAMES {
            assert!(options.iter().all(|option| KEYS.contains(option)), "{options:?}");
            for name in *names {
                assert!(!KEYS.contains(name) && !conditions.contains(name), "{name}");
            }
        }
        for name in NAMES_OF_AWS {
            assert!(matches!(meaning(name, &Node::Null), Some(Meaning::Options(_))), "{name}");
        }
        for (condition, names) in OTHER_CONDITIONS {
            assert!(conditions.contains(condition), "{condition}");
            assert!(names.iter().all(|name| !KEYS.contains(name)), "{names:?}");
        }
        assert!(JOB_KEYS.iter().all(|key| !KEYS.contains(key) && !conditions.contains(key)));
    }

    #[test]
    fn a_misspelt_option_is_left_to_its_spelling() {
        for (key, near) in [("imeout", "timeout"), ("memroy_size", "memory_size"), ("verifi", "verify")] {
            assert_eq!(meaning(key, &Node::Null), None, "{key}");
            assert_eq!(suggest(key, KEYS.iter().copied()), Some(near));
        }
        for key in ["event_source", "zebra", "", "aws", "lambda_"] {
            let meant = meaning(key, &Node::Null);
            assert!(meant.is_none() || key == "lambda_", "{key}: {meant:?}");
        }
    }
}
