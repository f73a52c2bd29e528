//! Compares the warnings about the values of a stanza with botocore's model of Lambda: no warning at a limit,
//! and one beyond it.

use dpl_lambda::protocol::limits::{LIMITS, Limit};
use serde_json::{Value, json};

use crate::plugin::PluginCommand;

/// The part of the model for the members that stanzas can set: their `min`, `max`, `pattern` and `enum`.
fn model() -> Value {
    let text = include_str!("lambda-constraints.json");
    serde_json::from_str(text).expect("JSON")
}

/// Returns the pointers of the `out-of-range` warnings for this stanza.
fn warned(key: &str, value: &Value) -> Vec<String> {
    // `check` does not look at dependencies between options, so `subnet_ids` can be tested alone.
    let mut stanza = json!({"function_name": "f", "env": {"TRAVIS_BRANCH": "master"}});
    let mut parts = key.split('.').rev();
    let inner = json!({parts.next().expect("a key"): value});
    let nested = parts.fold(inner, |inner, part| json!({part: inner}));
    stanza.as_object_mut().expect("an object").extend(nested.as_object().expect("an object").clone());
    let ended = PluginCommand::new(&["check"]).run(&stanza);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let warnings = ended.events.iter().filter(|event| event["code"] == "out-of-range");
    warnings.filter_map(|warning| warning["at"].as_str()).map(str::to_owned).collect()
}

#[track_caller]
fn check(key: &str, inside: &[Value], beyond: &[Value]) {
    let pointer = format!("/{}", key.replace('.', "/"));
    for value in inside {
        assert_eq!(warned(key, value), [""; 0], "{key}: {value}");
    }
    for value in beyond {
        assert_eq!(warned(key, value), [pointer.as_str()], "{key}: {value}");
    }
}

#[test]
fn numbers_are_those_of_the_model() {
    let model = model();
    for (key, pointer) in [
        ("timeout", "/CreateFunction/Timeout"),
        ("memory_size", "/CreateFunction/MemorySize"),
        ("ephemeral_storage", "/CreateFunction/EphemeralStorage/members/Size"),
        ("function_url.cors.max_age", "/CreateFunctionUrlConfig/Cors/members/MaxAge"),
        ("durable_config.execution_timeout", "/CreateFunction/DurableConfig/members/ExecutionTimeout"),
        (
            "durable_config.retention_period_in_days",
            "/CreateFunction/DurableConfig/members/RetentionPeriodInDays",
        ),
        (
            "capacity_provider_config.per_execution_environment_max_concurrency",
            "/CreateFunction/CapacityProviderConfig/members/PerExecutionEnvironmentMaxConcurrency",
        ),
        (
            "capacity_provider_config.execution_environment_memory_gib_per_vcpu",
            "/CreateFunction/CapacityProviderConfig/members/ExecutionEnvironmentMemoryGiBPerVCpu",
        ),
        ("scaling.min_execution_environments", "/PutFunctionScalingConfig/MinExecutionEnvironments"),
        ("event_invoke_config.maximum_retry_attempts", "/PutFunctionEventInvokeConfig/MaximumRetryAttempts"),
        ("event_invoke_config.maximum_event_age", "/PutFunctionEventInvokeConfig/MaximumEventAgeInSeconds"),
    ] {
        let limits = model.pointer(pointer).expect("in the model");
        let (min, max) =
            (limits["min"].as_i64().expect("a number"), limits["max"].as_i64().expect("a number"));
        let below: Vec<Value> = (min > 0).then(|| json!(min - 1)).into_iter().collect();
        check(key, &[json!(min), json!(max)], &[below, vec![json!(max + 1)]].concat());
    }
    // The program refuses the maximum 0, which deactivates a version.
    let limits = &model["PutFunctionScalingConfig"]["MaxExecutionEnvironments"];
    let max = limits["max"].as_i64().expect("a number");
    check("scaling.max_execution_environments", &[json!(1), json!(max)], &[json!(max + 1)]);
}

#[test]
fn words_are_those_of_the_model() {
    let model = model();
    for (key, pointer) in [
        ("tracing_mode", "/CreateFunction/TracingConfig/members/Mode"),
        ("architectures", "/CreateFunction/Architectures/member"),
        ("snap_start", "/CreateFunction/SnapStart/members/ApplyOn"),
        ("logging_config.log_format", "/CreateFunction/LoggingConfig/members/LogFormat"),
        ("logging_config.application_log_level", "/CreateFunction/LoggingConfig/members/ApplicationLogLevel"),
        ("logging_config.system_log_level", "/CreateFunction/LoggingConfig/members/SystemLogLevel"),
        ("tenancy_config.tenant_isolation_mode", "/CreateFunction/TenancyConfig/members/TenantIsolationMode"),
        ("function_url.auth_type", "/CreateFunctionUrlConfig/AuthType"),
        ("function_url.invoke_mode", "/CreateFunctionUrlConfig/InvokeMode"),
        ("recursive_loop", "/PutFunctionRecursionConfig/RecursiveLoop"),
    ] {
        let words = model.pointer(pointer).expect("in the model")["enum"].as_array().expect("words").clone();
        check(key, &words, &[json!("Something")]);
    }
    // `Manual` is refused without a runtime version.
    let words = [json!("Auto"), json!("FunctionUpdate")];
    check("runtime_management.update_runtime_on", &words, &[json!("Never")]);
}

#[test]
fn lengths_are_those_of_the_model() {
    let model = model();
    for (key, pointer, entry) in [
        ("subnet_ids", "/CreateFunction/VpcConfig/members/SubnetIds", "subnet-"),
        ("security_group_ids", "/CreateFunction/VpcConfig/members/SecurityGroupIds", "sg-"),
    ] {
        let max = model.pointer(pointer).expect("in the model")["max"].as_u64().expect("a number");
        let list = |count: u64| (0..count).map(|number| json!(format!("{entry}{number}"))).collect::<Value>();
        check(key, &[list(max)], &[list(max + 1)]);
    }
    for (key, pointer) in [
        ("description", "/CreateFunction/Description"),
        ("handler_name", "/CreateFunction/Handler"),
        ("logging_config.log_group", "/CreateFunction/LoggingConfig/members/LogGroup"),
    ] {
        let max = model.pointer(pointer).expect("in the model")["max"].as_u64().expect("a number") as usize;
        check(key, &[json!("x".repeat(max))], &[json!("x".repeat(max + 1))]);
    }
}

/// Each key with a limit, and its member in the model.
const MEMBERS: [(&str, &str); 31] = [
    ("role", "/CreateFunction/Role"),
    ("description", "/CreateFunction/Description"),
    ("handler_name", "/CreateFunction/Handler"),
    ("module_name", "/CreateFunction/Handler"),
    ("subnet_ids", "/CreateFunction/VpcConfig/members/SubnetIds"),
    ("security_group_ids", "/CreateFunction/VpcConfig/members/SecurityGroupIds"),
    ("dead_letter_arn", "/CreateFunction/DeadLetterConfig/members/TargetArn"),
    ("kms_key_arn", "/CreateFunction/KMSKeyArn"),
    ("layers", "/CreateFunction/Layers"),
    ("s3_key", "/CreateFunction/Code/members/S3Key"),
    ("s3_object_version", "/CreateFunction/Code/members/S3ObjectVersion"),
    ("source_kms_key_arn", "/CreateFunction/Code/members/SourceKMSKeyArn"),
    ("image_config.entry_point", "/CreateFunction/ImageConfig/members/EntryPoint"),
    ("image_config.command", "/CreateFunction/ImageConfig/members/Command"),
    ("image_config.working_directory", "/CreateFunction/ImageConfig/members/WorkingDirectory"),
    ("file_system_configs", "/CreateFunction/FileSystemConfigs"),
    ("file_system_configs.arn", "/CreateFunction/FileSystemConfigs/member/members/Arn"),
    (
        "file_system_configs.local_mount_path",
        "/CreateFunction/FileSystemConfigs/member/members/LocalMountPath",
    ),
    ("logging_config.log_group", "/CreateFunction/LoggingConfig/members/LogGroup"),
    ("code_signing_config_arn", "/CreateFunction/CodeSigningConfigArn"),
    ("durable_config.kms_key_arn", "/CreateFunction/DurableConfig/members/KMSKeyArn"),
    (
        "capacity_provider_config.capacity_provider_arn",
        "/CreateFunction/CapacityProviderConfig/members/CapacityProviderArn",
    ),
    ("verify.tenant_id", "/Invoke/TenantId"),
    ("function_url.cors.allow_origins", "/CreateFunctionUrlConfig/Cors/members/AllowOrigins"),
    ("function_url.cors.allow_methods", "/CreateFunctionUrlConfig/Cors/members/AllowMethods"),
    ("function_url.cors.allow_headers", "/CreateFunctionUrlConfig/Cors/members/AllowHeaders"),
    ("function_url.cors.expose_headers", "/CreateFunctionUrlConfig/Cors/members/ExposeHeaders"),
    ("s3_bucket", "/CreateFunction/Code/members/S3Bucket"),
    (
        "event_invoke_config.on_success",
        "/PutFunctionEventInvokeConfig/DestinationConfig/members/OnSuccess/members/Destination",
    ),
    (
        "event_invoke_config.on_failure",
        "/PutFunctionEventInvokeConfig/DestinationConfig/members/OnFailure/members/Destination",
    ),
    ("runtime_management.runtime_version_arn", "/PutRuntimeManagementConfig/RuntimeVersionArn"),
];

#[test]
fn each_limit_is_that_of_the_model() {
    let model = model();
    for (key, limit) in LIMITS {
        let Some((_, pointer)) = MEMBERS.iter().find(|(name, _)| *name == key) else {
            // Names, tags and images have no limit in the model that is AWS's own.
            let others =
                ["function_name", "environment", "environment_variables", "function_tags", "image_uri"];
            assert!(others.contains(&key), "{key}");
            continue;
        };
        let member = model.pointer(pointer).expect("in the model");
        let one = member.get("member").unwrap_or(member);
        match limit {
            Limit::Characters(most) => assert_eq!(one["max"], json!(most), "{key}"),
            // That a function has at most five layers is a quota.
            Limit::Entries(_) if key == "layers" => {}
            Limit::Entries(most) => assert_eq!(member["max"], json!(most), "{key}"),
            // The program knows no `(?<!…)`.
            Limit::Form(_) if key == "s3_bucket" => {
                assert_eq!(one["pattern"], r"[0-9A-Za-z\.\-_]*(?<!\.)");
                assert_eq!((&one["min"], &one["max"]), (&json!(3), &json!(63)));
            }
            // The other forms are those of this program.
            Limit::Form(form) if key == "layers" => {
                let of_aws = one["pattern"].as_str().expect("a pattern");
                assert!(form.pattern.starts_with(of_aws), "{of_aws}");
            }
            Limit::Form(form) => assert_eq!(one["pattern"], form.pattern, "{key}"),
            Limit::NameCharacters(_) | Limit::Pairs(_) | Limit::Names => panic!("{key}: {limit:?}"),
        }
    }
}

#[test]
fn values_of_another_form_are_warned_about() {
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:tools";
    let (two_layers, latest) = (format!("{layer}:1, {layer}:2"), format!("{layer}:latest"));
    let (first, second) = ("x".repeat(3), "x".repeat(63));
    for (key, inside, beyond) in [
        (
            "role",
            &["arn:aws:iam::123456789012:role/run", "arn:aws-cn:iam::123456789012:role/path/to/run"][..],
            &["run", "arn:aws:lambda:us-east-1:123456789012:function:g"][..],
        ),
        (
            "subnet_ids",
            &["subnet-0123456789abcdef0", ""],
            &["subnet-1a,subnet-1b", "subnet-1a subnet-1b", "vpc-1"],
        ),
        ("security_group_ids", &["sg-1"], &["sg-1, sg-2", "default"]),
        (
            "layers",
            &[
                &format!("{layer}:1"),
                "arn:aws:lambda:::awslayer:x",
                layer,
                &latest,
                "tools",
                "tools:latest",
                "tools:7",
            ],
            &["tools:newest", "tools:0", "arn:x", &two_layers],
        ),
        (
            "kms_key_arn",
            &["arn:aws:kms:us-east-1:123456789012:key/1234abcd", ""],
            &["alias/ours", "1234abcd"],
        ),
        ("handler_name", &["index.handler", "Pkg.Class::method"], &["index handler"]),
        (
            "image_uri",
            &[
                "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/hello:7",
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/hello@sha256:aa11",
                "123456789012.dkr-ecr.us-east-1.on.aws/hello:7",
            ],
            &["hello:7", "docker.io/library/node:24", "public.ecr.aws/lambda/nodejs:24"],
        ),
        ("s3_bucket", &["our-packages", "a.b", &first, &second], &["b", "ours.", "ours/packages"]),
        ("logging_config.log_group", &["/our/functions", ""], &["our functions"]),
        (
            "code_signing_config_arn",
            &["arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0", ""],
            &["csc-0123456789abcdef0"],
        ),
        (
            "event_invoke_config.on_failure",
            &["arn:aws:sqs:us-east-1:123456789012:failed", "arn:aws:s3:::failed-events", "kafka://x", ""],
            &["failed", "https://sqs.us-east-1.amazonaws.com/123456789012/failed"],
        ),
        (
            "runtime_management.runtime_version_arn",
            &["arn:aws:lambda:us-east-1::runtime:07a48df2"],
            &["07a48df2", "python3.13"],
        ),
        ("region", &["eu-west-1", "us-gov-west-1", "us-iso-east-1"], &["us-east-1a", "us-est-1"]),
    ] {
        let values = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
        check(key, &values(inside), &values(beyond));
    }
    check("function_name", &[json!("f".repeat(64))], &[json!("f".repeat(65))]);
}

#[test]
fn variables_and_tags_that_aws_refuses_are_warned_about() {
    let large = json!({"VALUE": "x".repeat(4096)});
    for (key, value, expected) in [
        ("environment", json!(["AWS_REGION=eu-west-1", "OK=1"]), &["/environment/0"][..]),
        (
            "environment",
            json!({"_HANDLER": "x", "X": "1", "LAMBDA_TASK_ROOT": "/"}),
            &["/environment/LAMBDA_TASK_ROOT", "/environment/X", "/environment/_HANDLER"],
        ),
        ("environment_variables", json!({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper", "TZ": "UTC"}), &[]),
        ("environment", large, &["/environment"]),
        ("function_tags", json!(["aws:x=1", "v=1,2", "team=a b"]), &["/function_tags/0", "/function_tags/1"]),
        ("function_tags", json!({"v": "x".repeat(257)}), &["/function_tags/v"]),
    ] {
        assert_eq!(warned(key, &value), expected, "{key}: {value}");
    }
}
