//! Tests that each member of Lambda's requests about a function has an option of a stanza, or a reason to
//! have none: every member in the SDK that is compiled in, and every member in botocore's newest model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use aws_sdk_lambda::operation::create_alias::builders::CreateAliasInputBuilder;
use aws_sdk_lambda::operation::create_function::builders::CreateFunctionInputBuilder;
use aws_sdk_lambda::operation::publish_version::builders::PublishVersionInputBuilder;
use aws_sdk_lambda::operation::update_function_code::builders::UpdateFunctionCodeInputBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationInputBuilder;
use aws_sdk_lambda::types::builders;
use dpl_lambda::testing::options_document;
use serde_json::Value;

use crate::tools;

/// The operations whose inputs describe a function, a version or an alias.
const OPERATIONS: [&str; 5] =
    ["CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", "CreateAlias"];

/// What a member of AWS is in a stanza.
#[derive(Clone, Copy)]
enum Cover {
    /// This option, or a member of an option after a dot.
    Key(&'static str),
    /// No option, for this reason.
    Reason(&'static str),
    /// No option yet: the SDK that is compiled in lacks the member.
    NotInSdk,
}

use Cover::{Key, NotInSdk, Reason};

/// The cover of each member. `STRUCTURE.MEMBER` goes before `MEMBER`, which covers the member of any
/// structure.
#[rustfmt::skip] // a table: one member, one line
const COVERED: [(&str, Cover); 72] = [
    ("FunctionName", Key("function_name")),
    ("Description", Key("description")),
    ("Role", Key("role")),
    ("Runtime", Key("runtime")),
    ("Handler", Key("handler_name")),
    ("Timeout", Key("timeout")),
    ("MemorySize", Key("memory_size")),
    ("EphemeralStorage", Key("ephemeral_storage")),
    ("EphemeralStorage.Size", Key("ephemeral_storage")),
    ("Environment", Key("environment")),
    ("Environment.Variables", Key("environment")),
    ("KMSKeyArn", Key("kms_key_arn")),
    ("Layers", Key("layers")),
    ("DeadLetterConfig", Key("dead_letter_arn")),
    ("DeadLetterConfig.TargetArn", Key("dead_letter_arn")),
    ("TracingConfig", Key("tracing_mode")),
    ("TracingConfig.Mode", Key("tracing_mode")),
    ("SnapStart", Key("snap_start")),
    ("SnapStart.ApplyOn", Key("snap_start")),
    ("LoggingConfig", Key("logging_config")),
    ("LoggingConfig.LogFormat", Key("logging_config.log_format")),
    ("LoggingConfig.ApplicationLogLevel", Key("logging_config.application_log_level")),
    ("LoggingConfig.SystemLogLevel", Key("logging_config.system_log_level")),
    ("LoggingConfig.LogGroup", Key("logging_config.log_group")),
    ("VpcConfig", Key("subnet_ids")),
    ("VpcConfig.SubnetIds", Key("subnet_ids")),
    ("VpcConfig.SecurityGroupIds", Key("security_group_ids")),
    ("VpcConfig.Ipv6AllowedForDualStack", Key("ipv6_allowed_for_dual_stack")),
    ("FileSystemConfigs", Key("file_system_configs")),
    ("FileSystemConfig.Arn", Key("file_system_configs.arn")),
    ("FileSystemConfig.LocalMountPath", Key("file_system_configs.local_mount_path")),
    ("FileSystemConfig.S3FilesConfig", Key("file_system_configs.direct_s3_read")),
    ("S3FilesConfig.DirectS3Read", Key("file_system_configs.direct_s3_read")),
    ("DurableConfig", Key("durable_config")),
    ("DurableConfig.ExecutionTimeout", Key("durable_config.execution_timeout")),
    ("DurableConfig.RetentionPeriodInDays", Key("durable_config.retention_period_in_days")),
    ("DurableConfig.KMSKeyArn", Key("durable_config.kms_key_arn")),
    ("CapacityProviderConfig", Key("capacity_provider_config")),
    ("LambdaManagedInstancesCapacityProviderConfig", Key("capacity_provider_config")),
    ("CapacityProviderArn", Key("capacity_provider_config.capacity_provider_arn")),
    (
        "PerExecutionEnvironmentMaxConcurrency",
        Key("capacity_provider_config.per_execution_environment_max_concurrency"),
    ),
    (
        "ExecutionEnvironmentMemoryGiBPerVCpu",
        Key("capacity_provider_config.execution_environment_memory_gib_per_vcpu"),
    ),
    ("TenancyConfig", Key("tenancy_config")),
    ("TenancyConfig.TenantIsolationMode", Key("tenancy_config.tenant_isolation_mode")),
    ("Tags", Key("function_tags")),
    ("RevisionId", Key("revision_id")),
    // Code.
    ("Code", Key("zip")),
    ("ZipFile", Key("zip")),
    ("S3Bucket", Key("s3_bucket")),
    ("S3Key", Key("s3_key")),
    ("S3ObjectVersion", Key("s3_object_version")),
    ("S3ObjectStorageMode", Key("s3_object_storage_mode")),
    ("SourceKMSKeyArn", Key("source_kms_key_arn")),
    ("ImageUri", Key("image_uri")),
    ("ImageConfig", Key("image_config")),
    ("ImageConfig.EntryPoint", Key("image_config.entry_point")),
    ("ImageConfig.Command", Key("image_config.command")),
    ("ImageConfig.WorkingDirectory", Key("image_config.working_directory")),
    ("PackageType", Key("package_type")),
    ("Architectures", Key("architectures")),
    ("CodeSigningConfigArn", Key("code_signing_config_arn")),
    ("DryRun", Reason("the command `plan` sends it")),
    ("CodeSha256", Reason("the program sends the hash of the package")),
    // Versions and aliases.
    ("Publish", Key("publish")),
    ("CreateAlias.Name", Key("alias")),
    ("CreateAlias.FunctionVersion", Reason("the program sends the version that it has published")),
    ("RoutingConfig", Key("traffic")),
    ("AliasRoutingConfiguration.AdditionalVersionWeights", Key("traffic")),
    ("CreateAlias.Description", Key("alias_description")),
    ("PublishTo", Key("publish_to")),
    // Members that AWS has added since.
    ("RuntimeConfig", NotInSdk),
    ("AcceleratorConfig", NotInSdk),
];

/// The members of each structure, and the structure of a member that has one. An operation's input has the
/// name of the operation.
type Structures = BTreeMap<String, BTreeMap<String, Option<String>>>;

/// Members as `STRUCTURE.MEMBER`, each with its cover. `None`: it has none.
type Members = BTreeMap<String, Option<Cover>>;

/// The name in a form that AWS's names and the SDK's share: `KMSKeyArn` and `kms_key_arn` are `kmskeyarn`.
fn letters(name: &str) -> String {
    name.chars().filter(|&c| c != '_').flat_map(char::to_lowercase).collect()
}

fn cover(structure: &str, member: &str) -> Option<Cover> {
    let find = |wanted: &str| COVERED.iter().find(|(name, _)| letters(name) == letters(wanted));
    let found = find(&format!("{structure}.{member}")).or_else(|| find(member))?;
    Some(found.1)
}

/// The members of the operations' inputs and of the structures in them. Those of a structure that has a
/// reason to have no option are left out.
fn members(structures: &Structures) -> Members {
    let mut members = Members::new();
    let mut open: Vec<&str> = OPERATIONS.to_vec();
    while let Some(structure) = open.pop() {
        for (member, inner) in &structures[structure] {
            let cover = cover(structure, member);
            let is_new = members.insert(format!("{structure}.{member}"), cover).is_none();
            if is_new && matches!(cover, Some(Key(_))) {
                open.extend(inner.as_deref());
            }
        }
    }
    members
}

/// Prints the table, and returns the members without a cover.
fn uncovered(members: &Members) -> Vec<&str> {
    for (member, cover) in members {
        let answer = match cover {
            Some(Key(option)) => format!("`{option}`"),
            Some(Reason(reason)) => format!("no option: {reason}"),
            Some(NotInSdk) => "no option yet: the AWS SDK has no such member".to_owned(),
            None => "no option and no reason".to_owned(),
        };
        println!("{member} → {answer}");
    }
    members.iter().filter(|(_, cover)| cover.is_none()).map(|(member, _)| member.as_str()).collect()
}

/// The structures of the SDK that the program is compiled with. A builder of the SDK shows all its members,
/// and no other place lists them.
fn of_the_sdk() -> Structures {
    macro_rules! structures {
        ($($name:literal: $builder:ty,)*) => {
            [$(($name, format!("{:?}", <$builder>::default()))),*]
        };
    }
    let shown = structures![
        "CreateFunction": CreateFunctionInputBuilder,
        "UpdateFunctionConfiguration": UpdateFunctionConfigurationInputBuilder,
        "UpdateFunctionCode": UpdateFunctionCodeInputBuilder,
        "PublishVersion": PublishVersionInputBuilder,
        "CreateAlias": CreateAliasInputBuilder,
        "AliasRoutingConfiguration": builders::AliasRoutingConfigurationBuilder,
        "CapacityProviderConfig": builders::CapacityProviderConfigBuilder,
        "DeadLetterConfig": builders::DeadLetterConfigBuilder,
        "DurableConfig": builders::DurableConfigBuilder,
        "Environment": builders::EnvironmentBuilder,
        "EphemeralStorage": builders::EphemeralStorageBuilder,
        "FileSystemConfig": builders::FileSystemConfigBuilder,
        "FunctionCode": builders::FunctionCodeBuilder,
        "ImageConfig": builders::ImageConfigBuilder,
        "LambdaManagedInstancesCapacityProviderConfig":
            builders::LambdaManagedInstancesCapacityProviderConfigBuilder,
        "LoggingConfig": builders::LoggingConfigBuilder,
        "S3FilesConfig": builders::S3FilesConfigBuilder,
        "SnapStart": builders::SnapStartBuilder,
        "TenancyConfig": builders::TenancyConfigBuilder,
        "TracingConfig": builders::TracingConfigBuilder,
        "VpcConfig": builders::VpcConfigBuilder,
    ];
    // The structures of members that have another name than the member.
    let named = [
        ("code", "FunctionCode"),
        ("file_system_configs", "FileSystemConfig"),
        ("routing_config", "AliasRoutingConfiguration"),
    ];
    let names = shown.each_ref().map(|(name, _)| *name);
    let inner = |member: &str| {
        let renamed = named.iter().find(|(name, _)| *name == member).map(|(_, structure)| *structure);
        let same = || names.into_iter().find(|name| letters(name) == letters(member));
        renamed.or_else(same).map(str::to_owned)
    };
    let members = |text: &str| -> BTreeMap<String, Option<String>> {
        let (_, inside) = text.split_once(" { ").expect("a structure");
        let inside = inside.strip_suffix(" }").expect("a structure");
        let members = inside.split(", ").filter_map(|member| member.split_once(": "));
        members.map(|(name, _)| (name.to_owned(), inner(name))).collect()
    };
    shown.iter().map(|(name, text)| ((*name).to_owned(), members(text))).collect()
}

/// All options, and the members of options as `option.member`: from the page of options.
fn options() -> BTreeSet<String> {
    let (mut options, mut option) = (BTreeSet::new(), String::new());
    for line in options_document().lines() {
        if let Some(name) = line.strip_prefix("### ") {
            option = name.to_owned();
            options.insert(option.clone());
        }
        if let Some((member, _)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) {
            options.insert(format!("{option}.{member}"));
        }
    }
    options
}

#[test]
fn each_member_of_the_sdk_has_an_option_or_a_reason() {
    let members = members(&of_the_sdk());
    assert!(members.len() > 90, "{:?}", members.keys());
    assert_eq!(uncovered(&members), [""; 0], "give them an option, or a reason in the table above");
    let late: Vec<&String> =
        members.iter().filter(|(_, cover)| matches!(cover, Some(NotInSdk))).map(|(name, _)| name).collect();
    assert!(late.is_empty(), "the SDK has these now, so they can become options: {late:?}");
    let known: BTreeSet<String> = members.keys().map(|member| letters(member)).collect();
    let is_met = |name: &str| {
        let name = letters(name);
        known.contains(&name) || known.iter().any(|member| member.split('.').nth(1) == Some(name.as_str()))
    };
    let options = options();
    for (name, cover) in COVERED {
        assert!(is_met(name) || matches!(cover, NotInSdk), "the SDK has no member `{name}`");
        if let Key(option) = cover {
            assert!(options.contains(option), "`{name}` is covered by `{option}`, which is no option");
        }
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn each_member_of_the_newest_model_has_an_option_or_a_reason() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/emulators");
    let requirements = directory.join("newest.txt");
    let python = tools::python(&requirements, "newest");
    // The environment may be older than the newest release.
    let mut upgrade = Command::new(&python);
    upgrade.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "-r"]);
    tools::run(upgrade.arg(&requirements), "cannot install botocore from PyPI");
    let output = Command::new(&python).arg(directory.join("members.py")).args(OPERATIONS).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut model: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    println!("botocore {}", model["version"]);
    let structures: Structures = serde_json::from_value(model["structures"].take()).expect("structures");
    let members = members(&structures);
    assert!(members.len() > 90, "{:?}", members.keys());
    assert_eq!(uncovered(&members), [""; 0], "give them an option, or a reason in the table above");
}
