//! Function settings in creations, updates and GetFunction: which are kept, cleared and rejected.

use serde_json::{Value, json};

use crate::scenario::{ROLE, TestAccount, create_request, zip_file};
use crate::settings::Settings;

const FUNCTIONS: &str = "/2015-03-31/functions";
const FUNCTION: &str = "/2015-03-31/functions/f";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const CODE: &str = "/2015-03-31/functions/f/code";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const VALIDATION: (u16, &str) = (400, "ValidationException");
const ACCESS_POINT: &str =
    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111";

fn file_systems() -> Value {
    json!([{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/data"}])
}

fn vpc() -> Value {
    json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
}

/// Checks that the answer has a member after a creation or an update that sets it, that an update without the
/// member keeps it, and that `clear` clears it.
#[track_caller]
fn check(set: Value, member: &str, answered: Value, clear: Value, cleared: Value) {
    let mut request = create_request();
    request.as_object_mut().unwrap().extend(set.as_object().unwrap().clone());
    let mut created = TestAccount::new(0, 0);
    created.done("POST", FUNCTIONS, request);
    let mut updated = TestAccount::with_function();
    assert_eq!(updated.done("PUT", CONFIGURATION, set)[member], answered);
    for mut scenario in [created, updated] {
        scenario.done("PUT", CONFIGURATION, json!({"Timeout": 7}));
        let found = scenario.done("GET", FUNCTION, Value::Null);
        assert_eq!(found["Configuration"][member], answered);
        assert_eq!(scenario.done("PUT", CONFIGURATION, clear.clone())[member], cleared);
    }
}

#[test]
fn every_setting_is_held_kept_and_cleared() {
    check(
        json!({"EphemeralStorage": {"Size": 1024}}),
        "EphemeralStorage",
        json!({"Size": 1024}),
        json!({"EphemeralStorage": {"Size": 512}}),
        json!({"Size": 512}),
    );
    check(
        json!({"TracingConfig": {"Mode": "Active"}}),
        "TracingConfig",
        json!({"Mode": "Active"}),
        json!({"TracingConfig": {"Mode": "PassThrough"}}),
        json!({"Mode": "PassThrough"}),
    );
    check(
        json!({"SnapStart": {"ApplyOn": "PublishedVersions"}}),
        "SnapStart",
        json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}),
        json!({"SnapStart": {"ApplyOn": "None"}}),
        json!({"ApplyOn": "None", "OptimizationStatus": "Off"}),
    );
    check(
        json!({"LoggingConfig": {"LogFormat": "JSON", "LogGroup": "group"}}),
        "LoggingConfig",
        json!({"ApplicationLogLevel": "INFO", "LogFormat": "JSON", "LogGroup": "group", "SystemLogLevel": "INFO"}),
        json!({"LoggingConfig": {"LogFormat": "Text"}}),
        json!({"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}),
    );
    check(json!({"KMSKeyArn": KEY}), "KMSKeyArn", json!(KEY), json!({"KMSKeyArn": ""}), Value::Null);
    let queue = "arn:aws:sqs:us-east-1:123456789012:dead";
    check(
        json!({"DeadLetterConfig": {"TargetArn": queue}}),
        "DeadLetterConfig",
        json!({"TargetArn": queue}),
        json!({"DeadLetterConfig": {"TargetArn": ""}}),
        Value::Null,
    );
    let layer = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:layer:{name}:1");
    check(
        json!({"Layers": [layer("z"), layer("a")]}),
        "Layers",
        json!([{"Arn": layer("z"), "CodeSize": 1024}, {"Arn": layer("a"), "CodeSize": 1024}]),
        json!({"Layers": []}),
        Value::Null,
    );
    check(
        json!({"Environment": {"Variables": {"A": "1"}}}),
        "Environment",
        json!({"Variables": {"A": "1"}}),
        json!({"Environment": {"Variables": {}}}),
        Value::Null,
    );
    check(json!({"Description": "d"}), "Description", json!("d"), json!({"Description": ""}), json!(""));
    check(
        json!({"VpcConfig": vpc(), "FileSystemConfigs": file_systems()}),
        "FileSystemConfigs",
        file_systems(),
        json!({"FileSystemConfigs": []}),
        Value::Null,
    );
    check(
        json!({"VpcConfig": vpc()}),
        "VpcConfig",
        json!({"Ipv6AllowedForDualStack": false, "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1"], "VpcId": "vpc-0123456789abcdef0"}),
        json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}),
        json!({"Ipv6AllowedForDualStack": false, "SecurityGroupIds": [], "SubnetIds": [], "VpcId": ""}),
    );
}

/// Checks that creation and update fail with the same error, and change nothing.
#[track_caller]
fn refused(members: Value, status_and_code: (u16, &str), message: &str) {
    let mut request = create_request();
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    TestAccount::new(0, 0).refused("POST", FUNCTIONS, request, status_and_code, message);
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration();
    scenario.refused("PUT", CONFIGURATION, members, status_and_code, message);
    assert_eq!(scenario.configuration(), before);
}

#[test]
fn a_file_system_and_ipv6_need_a_vpc() {
    let message = format!(
        "Function must be configured to execute in a VPC to reference access point {ACCESS_POINT}. Please update the function configuration to include VPC subnets and security groups."
    );
    refused(json!({"FileSystemConfigs": file_systems()}), INVALID, &message);
    let message = "Ipv6AllowedForDualStack cannot be true without subnet or security groups. Please remove Ipv6AllowedForDualStack value from your request and try again.";
    refused(json!({"VpcConfig": {"Ipv6AllowedForDualStack": true}}), INVALID, message);
}

#[test]
fn a_function_cannot_leave_the_vpc_that_its_other_settings_need() {
    let mut scenario = TestAccount::with_function();
    let detach = json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
    let mut dual = vpc();
    dual["Ipv6AllowedForDualStack"] = json!(true);
    scenario.done("PUT", CONFIGURATION, json!({"VpcConfig": dual}));
    let (status, code, _) = scenario.ask("PUT", CONFIGURATION, detach.clone());
    assert_eq!((status, code.as_str()), INVALID);
    scenario.done(
        "PUT",
        CONFIGURATION,
        json!({"VpcConfig": {"Ipv6AllowedForDualStack": false}, "FileSystemConfigs": file_systems()}),
    );
    let (status, code, _) = scenario.ask("PUT", CONFIGURATION, detach.clone());
    assert_eq!((status, code.as_str()), INVALID);
    let mut both = detach;
    both["FileSystemConfigs"] = json!([]);
    assert_eq!(scenario.done("PUT", CONFIGURATION, both)["VpcConfig"]["VpcId"], "");
}

#[test]
fn levels_belong_to_json_logs() {
    let message = "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the LogFormat to \"JSON\" and try again.";
    refused(json!({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "INFO"}}), INVALID, message);
    refused(json!({"LoggingConfig": {"ApplicationLogLevel": "INFO"}}), INVALID, message);
}

#[test]
fn values_that_the_model_forbids_are_refused_in_aws_words() {
    let one = "1 validation error detected: ";
    for (members, sentence) in [
        (
            json!({"EphemeralStorage": {"Size": 511}}),
            "Value '511' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512",
        ),
        (
            json!({"SnapStart": {"ApplyOn": "invalidOption"}}),
            "Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]",
        ),
        (
            json!({"VpcConfig": {"SubnetIds": ["net-1"], "SecurityGroupIds": ["sg-1"]}}),
            "Value '[net-1]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]",
        ),
        (
            json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["g"]}}),
            "Value '[g]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*]",
        ),
        (
            json!({"Layers": ["l"]}),
            r"Value '[l]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null]",
        ),
        (
            json!({"KMSKeyArn": "k"}),
            "Value 'k' at 'kMSKeyArn' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
        ),
        (
            json!({"LoggingConfig": {"LogFormat": "json"}}),
            "Value 'json' at 'loggingConfig.logFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, Text]",
        ),
        (
            json!({"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 91}}),
            "Value '91' at 'durableConfig.retentionPeriodInDays' failed to satisfy constraint: Member must have value less than or equal to 90",
        ),
        (
            json!({"FileSystemConfigs": [{"Arn": ACCESS_POINT, "LocalMountPath": "/data"}]}),
            "Value '/data' at 'fileSystemConfigs.1.member.localMountPath' failed to satisfy constraint: Member must satisfy regular expression pattern: /mnt/[a-zA-Z0-9-_.]+",
        ),
    ] {
        refused(members, VALIDATION, &format!("{one}{sentence}"));
    }
}

#[test]
fn a_function_is_durable_from_its_creation_on() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["DurableConfig"] = json!({"RetentionPeriodInDays": 7});
    let text = "You cannot create a function with a durable configuration without an executionTimeout";
    scenario.refused("POST", FUNCTIONS, request.clone(), INVALID, text);
    request["DurableConfig"]["ExecutionTimeout"] = json!(60);
    scenario.done("POST", FUNCTIONS, request);
    let changed = scenario.done("PUT", CONFIGURATION, json!({"DurableConfig": {"ExecutionTimeout": 90}}));
    assert_eq!(changed["DurableConfig"], json!({"ExecutionTimeout": 90, "RetentionPeriodInDays": 7}));
    let later = json!({"DurableConfig": {"ExecutionTimeout": 60}});
    let text = "You cannot add a durable configuration to a function that was originally created with no durable configuration";
    TestAccount::with_function().refused("PUT", CONFIGURATION, later, INVALID, text);
}

#[test]
fn tenants_are_isolated_from_the_creation_on() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["TenancyConfig"] = json!({"TenantIsolationMode": "PER_TENANT"});
    scenario.done("POST", FUNCTIONS, request);
    let updated = scenario.done("PUT", CONFIGURATION, json!({"TenancyConfig": {}}));
    assert_eq!(updated["TenancyConfig"], json!({"TenantIsolationMode": "PER_TENANT"}));
}

#[test]
fn architectures_come_with_code_alone() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["Architectures"] = json!(["arm64"]);
    assert_eq!(scenario.done("POST", FUNCTIONS, request)["Architectures"], json!(["arm64"]));
    let both = json!({"ZipFile": zip_file("2"), "Architectures": ["x86_64", "arm64"]});
    let text = "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1";
    scenario.refused("PUT", CODE, both, VALIDATION, text);
}

#[test]
fn a_key_belongs_to_the_package_that_it_came_with() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["Code"]["SourceKMSKeyArn"] = json!(KEY);
    scenario.done("POST", FUNCTIONS, request);
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Code"]["SourceKMSKeyArn"], KEY);
    scenario.done("PUT", CODE, json!({"ZipFile": zip_file("2")}));
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Code"].get("SourceKMSKeyArn"), None);
    scenario.done("PUT", CODE, json!({"ZipFile": zip_file("3"), "SourceKMSKeyArn": KEY}));
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Code"]["SourceKMSKeyArn"], KEY);
}

#[test]
fn an_image_has_an_image_config_and_neither_runtime_nor_handler_nor_layers() {
    let mut scenario = TestAccount::new(0, 0);
    let config = json!({"EntryPoint": ["sh"], "Command": ["-c", "x"], "WorkingDirectory": "/app"});
    let request = json!({"FunctionName": "f", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": "i:1"}, "ImageConfig": config});
    assert_eq!(
        scenario.done("POST", FUNCTIONS, request)["ImageConfigResponse"],
        json!({"ImageConfig": config})
    );
    let part = json!({"Command": ["y"]});
    let updated = scenario.done("PUT", CONFIGURATION, json!({"ImageConfig": part}));
    assert_eq!(updated["ImageConfigResponse"], json!({"ImageConfig": part}));
    assert_eq!(
        scenario.done("PUT", CONFIGURATION, json!({"ImageConfig": {}})).get("ImageConfigResponse"),
        None
    );
    let text =
        "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.";
    scenario.refused("PUT", CONFIGURATION, json!({"Handler": "index.handler"}), INVALID, text);
}

#[test]
fn a_version_is_found_with_its_own_code() {
    let mut scenario = TestAccount::with_function();
    let first = scenario.done("POST", "/2015-03-31/functions/f/versions", json!({}));
    scenario.done("PUT", CODE, json!({"ZipFile": zip_file("2"), "SourceKMSKeyArn": KEY}));
    let found = scenario.done("GET", &format!("{FUNCTION}?Qualifier=1"), Value::Null);
    assert_eq!(found["Configuration"]["CodeSha256"], first["CodeSha256"]);
    assert_eq!(found["Code"].get("SourceKMSKeyArn"), None);
}

#[test]
fn hidden_variables_are_an_error_and_the_rest_is_shown() {
    let settings = Settings { hide_environment: true, ..Settings::default() };
    let mut scenario = TestAccount::of(settings);
    scenario.create();
    assert_eq!(scenario.configuration().get("Environment"), None);
    scenario.done("PUT", CONFIGURATION, json!({"Environment": {"Variables": {"A": "1"}}}));
    for configuration in
        [scenario.done("GET", FUNCTION, Value::Null)["Configuration"].clone(), scenario.configuration()]
    {
        let environment = configuration["Environment"].as_object().unwrap();
        assert_eq!(environment.keys().collect::<Vec<_>>(), ["Error"]);
        assert_eq!(environment["Error"]["ErrorCode"], "AccessDeniedException");
        assert_eq!(configuration["Timeout"], 3);
    }
}
