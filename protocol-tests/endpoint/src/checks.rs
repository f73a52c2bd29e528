//! Validates the settings in a CreateFunction or UpdateFunctionConfiguration request, with AWS's errors.
//! Never looks at the current function: the checks are about the request alone, or, in [`outcome`], about its
//! result.

use serde_json::{Map, Value};

use crate::configuration::{Configuration, MANAGED_MEMORY};
use crate::constraints::{self, Constraints};
use crate::document::strings;
use crate::refusal::Refusal;
use crate::runtimes;
use crate::shapes::{
    self, is_arn_or_empty, is_capacity_provider, is_file_system, is_id, is_layer, is_log_group, is_made_of,
    is_role, is_signing,
};

/// Limit for all variables together as JSON, in bytes (AWS's quotas page).
const ENVIRONMENT_LIMIT: usize = 4096;
const LAYER_LIMIT: usize = 5;

/// Names that Lambda sets itself: those marked reserved in "Defined runtime environment variables" of the
/// developer guide.
const RESERVED: [&str; 19] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
];

/// Checks in two rounds, as AWS does: it first reports all broken constraints of the model together, then the
/// first setting that is invalid for another reason.
pub(crate) fn check(request: &Value, region: &str) -> Result<(), Refusal> {
    check_constraints(request)?;
    check_runtime(request)?;
    check_environment(request)?;
    check_layers(request, region)?;
    check_logging(&request["LoggingConfig"])?;
    check_vpc(request)
}

/// Fails if the resulting settings contradict each other, whether they come from the request or were set
/// before.
pub(crate) fn outcome(configuration: &Configuration) -> Result<(), Refusal> {
    let vpc = configuration.get("VpcConfig").unwrap_or(&Value::Null);
    let memory = configuration.get("MemorySize").and_then(Value::as_u64);
    if configuration.contains_key("CapacityProviderConfig") && memory < Some(MANAGED_MEMORY) {
        return Err(Refusal::TooLittleMemoryForInstances);
    }
    if configuration.get("DurableConfig").is_some_and(|durable| durable["ExecutionTimeout"].is_null()) {
        return Err(Refusal::DurableWithoutTimeout);
    }
    if !strings(&vpc["SubnetIds"]).is_empty() {
        return Ok(());
    }
    if vpc["Ipv6AllowedForDualStack"] == true {
        return Err(Refusal::Ipv6WithoutVpc);
    }
    match configuration.get("FileSystemConfigs").and_then(|configs| configs[0]["Arn"].as_str()) {
        Some(arn) => Err(Refusal::FileSystemWithoutVpc { arn: arn.to_owned() }),
        None => Ok(()),
    }
}

fn check_constraints(request: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.shape(&request["Role"], "role", shapes::ROLE, is_role);
    constraints.range(&request["Timeout"], "timeout", 1, 900)?;
    constraints.range(&request["MemorySize"], "memorySize", 128, 10_240)?;
    constraints.range(&request["EphemeralStorage"]["Size"], "ephemeralStorage.size", 512, 10_240)?;
    constraints.length(&request["Description"], "description", 256);
    constraints.length(&request["Handler"], "handler", 128);
    constraints.shape(&request["Handler"], "handler", r"[^\s]+", |text| {
        !text.is_empty() && !text.contains(char::is_whitespace)
    });
    // AWS writes a member's name with a lower-case first letter. That this also holds for the next three
    // names is a guess.
    constraints.shape(&request["KMSKeyArn"], "kMSKeyArn", shapes::ARN_OR_EMPTY, is_arn_or_empty);
    let target = &request["DeadLetterConfig"]["TargetArn"];
    constraints.shape(target, "deadLetterConfig.targetArn", shapes::ARN_OR_EMPTY, is_arn_or_empty);
    constraints.shape(&request["CodeSigningConfigArn"], "codeSigningConfigArn", shapes::SIGNING, is_signing);
    constraints.each(&request["Layers"], "layers", shapes::LAYER, is_layer);
    let vpc = &request["VpcConfig"];
    constraints.count(&vpc["SubnetIds"], "vpcConfig.subnetIds", 16);
    constraints.each(&vpc["SubnetIds"], "vpcConfig.subnetIds", shapes::SUBNET, |id| is_id(id, "subnet-"));
    constraints.count(&vpc["SecurityGroupIds"], "vpcConfig.securityGroupIds", 5);
    constraints.each(&vpc["SecurityGroupIds"], "vpcConfig.securityGroupIds", shapes::SECURITY_GROUP, |id| {
        is_id(id, "sg-")
    });
    let image = &request["ImageConfig"];
    constraints.length(&image["WorkingDirectory"], "imageConfig.workingDirectory", 1000);
    let logging = &request["LoggingConfig"];
    constraints.one_of(&logging["LogFormat"], "loggingConfig.logFormat", &["JSON", "Text"]);
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    constraints.one_of(&logging["ApplicationLogLevel"], "loggingConfig.applicationLogLevel", &levels);
    constraints.one_of(
        &logging["SystemLogLevel"],
        "loggingConfig.systemLogLevel",
        &["DEBUG", "INFO", "WARN"],
    );
    constraints.length(&logging["LogGroup"], "loggingConfig.logGroup", 512);
    constraints.shape(&logging["LogGroup"], "loggingConfig.logGroup", r"[\.\-_/#A-Za-z0-9]+", is_log_group);
    check_file_systems(&mut constraints, &request["FileSystemConfigs"]);
    let durable = &request["DurableConfig"];
    let timeout = &durable["ExecutionTimeout"];
    constraints.range(timeout, "durableConfig.executionTimeout", 1, 31_622_400)?;
    let retention = &durable["RetentionPeriodInDays"];
    constraints.range(retention, "durableConfig.retentionPeriodInDays", 1, 90)?;
    let key = &durable["KMSKeyArn"];
    constraints.shape(key, "durableConfig.kMSKeyArn", shapes::ARN_OR_EMPTY, is_arn_or_empty);
    check_capacity_provider(&mut constraints, &request["CapacityProviderConfig"])?;
    let isolation = &request["TenancyConfig"]["TenantIsolationMode"];
    constraints.one_of(isolation, "tenancyConfig.tenantIsolationMode", &["PER_TENANT"]);
    constraints.one_of(&request["PackageType"], "packageType", &["Image", "Zip"]);
    constraints.one_of(&request["TracingConfig"]["Mode"], "tracingConfig.mode", &["Active", "PassThrough"]);
    constraints.one_of(&request["SnapStart"]["ApplyOn"], "snapStart.applyOn", &["PublishedVersions", "None"]);
    constraints.architectures(&request["Architectures"]);
    constraints.finish()
}

fn check_capacity_provider(constraints: &mut Constraints, config: &Value) -> Result<(), Refusal> {
    if config.is_null() {
        return Ok(());
    }
    let place = "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig";
    let instances = &config["LambdaManagedInstancesCapacityProviderConfig"];
    constraints.present(instances, place);
    if instances.is_null() {
        return Ok(());
    }
    let (arn, at) = (&instances["CapacityProviderArn"], format!("{place}.capacityProviderArn"));
    constraints.present(arn, &at);
    constraints.length(arn, &at, 140);
    constraints.shape(arn, &at, shapes::CAPACITY_PROVIDER, is_capacity_provider);
    let (concurrency, at) = (
        &instances["PerExecutionEnvironmentMaxConcurrency"],
        format!("{place}.perExecutionEnvironmentMaxConcurrency"),
    );
    constraints.range(concurrency, &at, 1, 1600)?;
    let (memory, at) = (
        &instances["ExecutionEnvironmentMemoryGiBPerVCpu"],
        format!("{place}.executionEnvironmentMemoryGiBPerVCpu"),
    );
    for (is_beyond, limit) in [
        (memory.as_f64().is_some_and(|memory| memory < 2.0), "greater than or equal to 2"),
        (memory.as_f64().is_some_and(|memory| memory > 8.0), "less than or equal to 8"),
    ] {
        if is_beyond {
            constraints.add(&memory.to_string(), &at, &format!("have value {limit}"));
        }
    }
    Ok(())
}

/// At most one, with both members set. How AWS names a member of a list item is known from reports about
/// other lists.
fn check_file_systems(constraints: &mut Constraints, configs: &Value) {
    constraints.count(configs, "fileSystemConfigs", 1);
    for (index, config) in configs.as_array().into_iter().flatten().enumerate() {
        let member = |name: &str| format!("fileSystemConfigs.{}.member.{name}", index + 1);
        constraints.present(&config["Arn"], &member("arn"));
        constraints.shape(&config["Arn"], &member("arn"), shapes::FILE_SYSTEM, is_file_system);
        constraints.present(&config["LocalMountPath"], &member("localMountPath"));
        let path = |text: &str| text.strip_prefix("/mnt/").is_some_and(|name| is_made_of(name, b"-_."));
        constraints.shape(&config["LocalMountPath"], &member("localMountPath"), "/mnt/[a-zA-Z0-9-_.]+", path);
        let direct = &config["S3FilesConfig"]["DirectS3Read"];
        constraints.one_of(direct, &member("s3FilesConfig.directS3Read"), &["ENABLED", "DISABLED", "AUTO"]);
    }
}

/// Checks the settings in a code request. UpdateFunctionCode has them at the top level, CreateFunction in
/// `Code`.
pub(crate) fn check_code(architectures: &Value, source: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.architectures(architectures);
    constraints.shape(&source["SourceKMSKeyArn"], "sourceKMSKeyArn", shapes::ARN_OR_EMPTY, is_arn_or_empty);
    constraints.one_of(&source["S3ObjectStorageMode"], "s3ObjectStorageMode", &["COPY", "REFERENCE"]);
    constraints.finish()
}

/// Fails if the ARN of the code signing configuration is missing or malformed.
pub(crate) fn check_signing(request: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.present(&request["CodeSigningConfigArn"], "codeSigningConfigArn");
    constraints.shape(&request["CodeSigningConfigArn"], "codeSigningConfigArn", shapes::SIGNING, is_signing);
    constraints.finish()
}

/// Returns a required string. Fails if it is missing. `member` is its name as AWS's messages write it.
pub(crate) fn required<'a>(request: &'a Value, key: &str, member: &str) -> Result<&'a str, Refusal> {
    request[key].as_str().ok_or_else(|| Refusal::Constraints { unmet: vec![constraints::absent(member)] })
}

/// Returns the error for a value that does not match a pattern.
pub(crate) fn pattern(value: &str, member: &str, pattern: &str) -> Refusal {
    let mut constraints = Constraints::default();
    constraints.pattern(value, member, pattern);
    Refusal::Constraints { unmet: constraints.unmet }
}

fn check_runtime(request: &Value) -> Result<(), Refusal> {
    match request["Runtime"].as_str() {
        None => Ok(()),
        Some(name) if runtimes::CURRENT.contains(&name) => Ok(()),
        Some(name) if runtimes::RETIRED.contains(&name) => {
            Err(Refusal::RetiredRuntime { name: name.to_owned() })
        }
        Some(name) => Err(Refusal::UnknownRuntime { name: name.to_owned() }),
    }
}

fn check_environment(request: &Value) -> Result<(), Refusal> {
    let none = Map::new();
    let variables = request["Environment"]["Variables"].as_object().unwrap_or(&none);
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(Refusal::ReservedVariables { names: reserved.join(", ") });
    }
    let measured = request["Environment"]["Variables"].to_string();
    if measured.len() > ENVIRONMENT_LIMIT {
        return Err(Refusal::EnvironmentTooLarge { measured });
    }
    Ok(())
}

fn check_layers(request: &Value, region: &str) -> Result<(), Refusal> {
    let layers = strings(&request["Layers"]);
    if layers.len() > LAYER_LIMIT {
        return Err(Refusal::TooManyLayers);
    }
    // `arn:aws:lambda:::awslayer:…` has no region and is available in all regions.
    let theirs = |arn: &&str| arn.split(':').nth(3).unwrap_or_default().to_owned();
    if layers.iter().map(theirs).any(|its| !its.is_empty() && its != region) {
        return Err(Refusal::LayersOfOtherRegion { ours: region.to_owned() });
    }
    Ok(())
}

/// Checks only the LoggingConfig in the request, because it replaces the current one as a whole: without a
/// format it asks for text. (It is a guess that AWS also does so where the current format is JSON.)
fn check_logging(config: &Value) -> Result<(), Refusal> {
    let levels = !config["ApplicationLogLevel"].is_null() || !config["SystemLogLevel"].is_null();
    if levels && config["LogFormat"] != "JSON" {
        return Err(Refusal::LevelsOfTextLogs);
    }
    Ok(())
}

fn check_vpc(request: &Value) -> Result<(), Refusal> {
    let count = |key: &str| strings(&request["VpcConfig"][key]).len();
    if (count("SubnetIds") == 0) != (count("SecurityGroupIds") == 0) {
        return Err(Refusal::HalfAVpc);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn refused(request: &Value, code: &str, message: &str) {
        let (_, its_code, its_message) = check(request, "us-east-1").unwrap_err().wire();
        assert_eq!((its_code, its_message.as_str()), (code, message));
    }

    #[test]
    fn numbers_out_of_range_are_refused_in_the_shape_that_aws_uses() {
        refused(
            &json!({"Timeout": 1000}),
            "ValidationException",
            "1 validation error detected: Value '1000' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
        );
        refused(
            &json!({"Timeout": 0, "MemorySize": 64}),
            "ValidationException",
            "2 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128",
        );
        refused(
            &json!({"Timeout": "10"}),
            "SerializationException",
            "STRING_VALUE can not be converted to an Integer",
        );
    }

    #[test]
    fn what_is_no_role_is_refused() {
        refused(
            &json!({"Role": "r1"}),
            "ValidationException",
            r"1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
        );
        for role in ["arn:aws:iam::123456789012:role/run", "arn:aws-cn:iam::123456789012:role/path/to/run"] {
            assert_eq!(check(&json!({"Role": role}), "us-east-1"), Ok(()), "{role}");
        }
    }

    #[test]
    fn unknown_and_retired_runtimes_have_texts_of_their_own() {
        refused(
            &json!({"Runtime": "go1.x"}),
            "InvalidParameterValueException",
            "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.",
        );
        let (_, _, message) = check(&json!({"Runtime": "PYTHON3.9"}), "us-east-1").unwrap_err().wire();
        assert!(message.starts_with("Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14,"), "{message}");
        assert!(message.ends_with("] or be a valid ARN"), "{message}");
    }

    #[test]
    fn an_architecture_of_another_spelling_is_refused() {
        refused(
            &json!({"Architectures": ["X86_64"]}),
            "ValidationException",
            "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
        );
    }

    #[test]
    fn four_kilobytes_of_variables_are_too_many_and_are_quoted() {
        let fits = json!({"Environment": {"Variables": {"V": "x".repeat(4096 - r#"{"V":""}"#.len())}}});
        assert_eq!(check(&fits, "us-east-1"), Ok(()));
        let value = "x".repeat(4096);
        refused(
            &json!({"Environment": {"Variables": {"V": value}}}),
            "InvalidParameterValueException",
            &format!(
                "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {{\"V\":\"{value}\"}}"
            ),
        );
    }

    #[test]
    fn reserved_variables_layers_elsewhere_and_half_a_vpc_are_refused() {
        let invalid = "InvalidParameterValueException";
        refused(
            &json!({"Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:l:1"]}),
            invalid,
            "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
        );
        refused(
            &json!({"VpcConfig": {"SubnetIds": ["subnet-1"]}}),
            invalid,
            "SubnetIds and SecurityIds must coexist or be both empty list.",
        );
        refused(
            &json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}),
            invalid,
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION",
        );
    }
}
