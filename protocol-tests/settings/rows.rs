//! The table of settings. The tests are in `settings.rs`.

mod maps;

use serde_json::{Value, json};

use super::row::{At, Of, Row, row, rows};

const RUNTIME_VERSION: &str = "arn:aws:lambda:us-east-1::runtime:07a48df2";

/// All rows.
pub(super) fn table() -> Vec<Row> {
    let mut table = from_the_function();
    table.extend(from_its_job_environment());
    table.extend(from_durable_config());
    table.extend(from_managed_instances());
    table.extend(maps::from_logging());
    table.extend(maps::from_images());
    table.extend(maps::from_asynchronous_invocations());
    table.extend(maps::from_the_address());
    table
}

/// Settings of the function itself.
fn from_the_function() -> Vec<Row> {
    vec![
        row(
            "role",
            "/Configuration/Role",
            json!("arn:aws:iam::123456789012:role/a"),
            json!("arn:aws:iam::123456789012:role/b"),
        ),
        row("runtime", "/Configuration/Runtime", json!("python3.13"), json!("python3.14")).of(Of::Files),
        rows(
            "handler_name, module_name",
            "/Configuration/Handler",
            json!({"handler_name": "first", "module_name": "index"}),
            json!({"handler_name": "second", "module_name": "app"}),
        )
        .of(Of::Files)
        .reported(json!([["handler", "index.first", "app.second"]]))
        .live(json!("index.first"), json!("app.second")),
        row("description", "/Configuration/Description", json!("one"), json!("two"))
            .cleared(json!(""), json!("")),
        row("timeout", "/Configuration/Timeout", json!(5), json!(7)),
        row("memory_size", "/Configuration/MemorySize", json!(256), json!(512)),
        row("ephemeral_storage", "/Configuration/EphemeralStorage/Size", json!(1024), json!(2048)),
        row("tracing_mode", "/Configuration/TracingConfig/Mode", json!("PassThrough"), json!("Active"))
            .cleared(json!(""), json!("PassThrough")),
        row(
            "dead_letter_arn",
            "/Configuration/DeadLetterConfig/TargetArn",
            json!("arn:aws:sqs:us-east-1:123456789012:a"),
            json!("arn:aws:sns:us-east-1:123456789012:b"),
        )
        .cleared(json!(""), json!(null)),
        row(
            "kms_key_arn",
            "/Configuration/KMSKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/a"),
            json!("arn:aws:kms:us-east-1:123456789012:key/b"),
        )
        .cleared(json!(""), json!(null)),
        row(
            "layers",
            "/Configuration/Layers",
            json!(["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]),
            json!([
                "arn:aws:lambda:us-east-1:123456789012:layer:m:2",
                "arn:aws:lambda:us-east-1:123456789012:layer:l:1"
            ]),
        )
        .of(Of::Files)
        .live(
            json!([{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:l:1"}]),
            json!([
                {"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:m:2"},
                {"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:l:1"}
            ]),
        )
        .cleared(json!([]), json!(null)),
        row("snap_start", "/Configuration/SnapStart/ApplyOn", json!("None"), json!("PublishedVersions"))
            .of(Of::Files)
            .cleared(json!(""), json!("None")),
        row("architectures", "/Configuration/Architectures", json!("x86_64"), json!("arm64"))
            .live(json!(["x86_64"]), json!(["arm64"])),
        row(
            "source_kms_key_arn",
            "/Code/SourceKMSKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/c"),
            json!("arn:aws:kms:us-east-1:123456789012:key/d"),
        )
        .of(Of::Files)
        .cleared(json!(""), json!(null)),
        row(
            "code_signing_config_arn",
            "/CodeSigningConfigArn",
            json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"),
            json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef1"),
        )
        .of(Of::Files)
        .at(At::CodeSigning)
        .cleared(json!(""), json!(null)),
        row("reserved_concurrency", "/Concurrency/ReservedConcurrentExecutions", json!(5), json!(0))
            .cleared(json!("none"), json!(null)),
        row(
            "runtime_management",
            "",
            json!({"update_runtime_on": "FunctionUpdate"}),
            json!({"runtime_version_arn": RUNTIME_VERSION}),
        )
        .of(Of::Files)
        .at(At::RuntimeManagement)
        .reported(json!([["runtime_management", "FunctionUpdate", RUNTIME_VERSION]]))
        .live(
            json!({"UpdateRuntimeOn": "FunctionUpdate", "RuntimeVersionArn": null}),
            json!({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME_VERSION}),
        )
        .cleared(json!({}), json!({"UpdateRuntimeOn": "Auto"})),
        row("recursive_loop", "/RecursiveLoop", json!("Terminate"), json!("Allow"))
            .at(At::Recursion)
            .cleared(json!(""), json!("Terminate")),
    ]
}

fn network() -> Value {
    json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]})
}

/// The environment of a function: network, file systems, variables and tags.
fn from_its_job_environment() -> Vec<Row> {
    let access_point = |number: u32| {
        format!("arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef{number}")
    };
    vec![
        rows(
            "subnet_ids, security_group_ids",
            "/Configuration/VpcConfig",
            json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}),
            json!({"subnet_ids": ["subnet-2", "subnet-3"], "security_group_ids": ["sg-2"]}),
        )
        .reported(json!([
            ["subnet_ids", ["subnet-1"], ["subnet-2", "subnet-3"]],
            ["security_group_ids", ["sg-1"], ["sg-2"]]
        ]))
        .live(
            json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
            json!({"SubnetIds": ["subnet-2", "subnet-3"], "SecurityGroupIds": ["sg-2"]}),
        )
        .cleared_by(
            json!({"subnet_ids": [], "security_group_ids": []}),
            json!({"SubnetIds": [], "SecurityGroupIds": []}),
        )
        .never(json!(null)),
        row(
            "ipv6_allowed_for_dual_stack",
            "/Configuration/VpcConfig/Ipv6AllowedForDualStack",
            json!(false),
            json!(true),
        )
        .needs(network())
        .cleared(json!(false), json!(false)),
        row(
            "file_system_configs",
            "/Configuration/FileSystemConfigs",
            json!([{"arn": access_point(0), "local_mount_path": "/mnt/a"}]),
            json!([{"arn": access_point(1), "local_mount_path": "/mnt/b"}]),
        )
        .needs(network())
        .live(
            json!([{"Arn": access_point(0), "LocalMountPath": "/mnt/a"}]),
            json!([{"Arn": access_point(1), "LocalMountPath": "/mnt/b"}]),
        )
        .cleared(json!([]), json!(null)),
        direct_s3_read("ENABLED", "DISABLED"),
        row(
            "environment",
            "/Configuration/Environment/Variables",
            json!({"BOTH": "secret-a", "OLD": "secret-o"}),
            json!({"BOTH": "secret-b", "NEW": "secret-n"}),
        )
        .reported(json!([
            ["environment.BOTH", "[secure]", "[secure]"],
            ["environment.NEW", null, "[secure]"],
            ["environment.OLD", "[secure]", null]
        ]))
        .live(
            json!({"BOTH": "secret-a", "OLD": "secret-o"}),
            json!({"BOTH": "secret-b", "NEW": "secret-n", "OLD": null}),
        )
        .cleared(json!({}), json!(null)),
        rows(
            "environment, merge_environment",
            "/Configuration/Environment/Variables",
            json!({"environment": {"OLD": "secret-o"}}),
            json!({"environment": {"NEW": "secret-n"}}),
        )
        .needs(json!({"merge_environment": true}))
        .reported(json!([["environment.NEW", null, "[secure]"]]))
        .live(json!({"OLD": "secret-o"}), json!({"OLD": "secret-o", "NEW": "secret-n"}))
        .alone(),
        row(
            "function_tags",
            "/Tags",
            json!({"team": "secret-a", "old": "secret-o"}),
            json!({"team": "secret-b", "new": "secret-n"}),
        )
        .reported(json!([
            ["function_tags.new", null, "[secure]"],
            ["function_tags.team", "[secure]", "[secure]"]
        ]))
        .live(
            json!({"team": "secret-a", "old": "secret-o"}),
            json!({"team": "secret-b", "old": "secret-o", "new": "secret-n"}),
        )
        .alone(),
        rows(
            "function_tags, function_tags_mode",
            "/Tags",
            json!({"function_tags": {"team": "secret-a", "old": "secret-o"}}),
            json!({"function_tags": {"team": "secret-b", "new": "secret-n"}}),
        )
        .needs(json!({"function_tags_mode": "replace"}))
        .reported(json!([
            ["function_tags.old", "[secure]", null],
            ["function_tags.new", null, "[secure]"],
            ["function_tags.team", "[secure]", "[secure]"]
        ]))
        .live(
            json!({"team": "secret-a", "old": "secret-o"}),
            json!({"team": "secret-b", "old": null, "new": "secret-n"}),
        )
        .cleared_by(json!({"function_tags": {}}), json!(null)),
    ]
}

/// How a function reads from S3 Files, which no file system of EFS has.
fn direct_s3_read(a: &str, b: &str) -> Row {
    let arn = "arn:aws:s3files:us-east-1:123456789012:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0";
    let shown = |mode: &str| json!([{"arn": arn, "local_mount_path": "/mnt/a", "direct_s3_read": mode}]);
    let live = |mode: &str| json!([{"Arn": arn, "LocalMountPath": "/mnt/a", "S3FilesConfig": {"DirectS3Read": mode}}]);
    rows(
        "file_system_configs.direct_s3_read",
        "/Configuration/FileSystemConfigs",
        json!({"file_system_configs": shown(a)}),
        json!({"file_system_configs": shown(b)}),
    )
    .needs(network())
    .reported(json!([["file_system_configs", shown(a), shown(b)]]))
    .live(live(a), live(b))
    .cleared_by(json!({"file_system_configs": []}), json!(null))
}

/// `durable_config`, which AWS removes from no function. A key of its own can be removed.
fn from_durable_config() -> Vec<Row> {
    let (first, second) =
        ("arn:aws:kms:us-east-1:123456789012:key/e", "arn:aws:kms:us-east-1:123456789012:key/g");
    let durable = |seconds: u32, days: u32, key: &str| json!({"execution_timeout": seconds, "retention_period_in_days": days, "kms_key_arn": key});
    let live = |seconds: u32, days: u32, key: &str| json!({"ExecutionTimeout": seconds, "RetentionPeriodInDays": days, "KMSKeyArn": key});
    vec![
        row(
            "durable_config",
            "/Configuration/DurableConfig",
            durable(3600, 7, first),
            durable(31_622_400, 90, second),
        )
        .reported(json!([
            ["durable_config.execution_timeout", 3600, 31_622_400],
            ["durable_config.retention_period_in_days", 7, 90],
            ["durable_config.kms_key_arn", first, second]
        ]))
        .live(live(3600, 7, first), live(31_622_400, 90, second)),
        row(
            "durable_config.kms_key_arn",
            "/Configuration/DurableConfig/KMSKeyArn",
            json!(first),
            json!(second),
        )
        .needs(json!({"durable_config": {"execution_timeout": 60}}))
        .cleared(json!(""), json!(null)),
    ]
}

/// `capacity_provider_config`, which AWS removes from no function, and `scaling`.
fn from_managed_instances() -> Vec<Row> {
    let provider = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:capacity-provider:{name}");
    let managed = |name: &str, calls: u32, memory: f64| {
        json!({
            "capacity_provider_arn": provider(name),
            "per_execution_environment_max_concurrency": calls,
            "execution_environment_memory_gib_per_vcpu": memory,
        })
    };
    let live = |name: &str, calls: u32, memory: f64| {
        json!({
            "CapacityProviderArn": provider(name),
            "PerExecutionEnvironmentMaxConcurrency": calls,
            "ExecutionEnvironmentMemoryGiBPerVCpu": memory,
        })
    };
    let scaling =
        |min: u32, max: u32| json!({"min_execution_environments": min, "max_execution_environments": max});
    let applied = |a: u32, b: u32| json!({"MinExecutionEnvironments": a, "MaxExecutionEnvironments": b});
    vec![
        row(
            "capacity_provider_config",
            "/Configuration/CapacityProviderConfig/LambdaManagedInstancesCapacityProviderConfig",
            managed("a", 8, 4.0),
            managed("b", 1600, 2.5),
        )
        .reported(json!([
            ["capacity_provider_config.capacity_provider_arn", provider("a"), provider("b")],
            ["capacity_provider_config.per_execution_environment_max_concurrency", 8, 1600],
            ["capacity_provider_config.execution_environment_memory_gib_per_vcpu", 4, 2.5],
            ["version", null, "$LATEST.PUBLISHED"]
        ]))
        .live(live("a", 8, 4.0), live("b", 1600, 2.5))
        .alone(),
        row("scaling", "/AppliedFunctionScalingConfig", scaling(1, 9), scaling(2, 20))
            .needs(json!({"capacity_provider_config": {"capacity_provider_arn": provider("a")}}))
            .at(At::Scaling)
            .reported(json!([
                ["scaling.min_execution_environments", 1, 2],
                ["scaling.max_execution_environments", 9, 20]
            ]))
            .live(applied(1, 9), applied(2, 20))
            .cleared(json!({}), json!({"MinExecutionEnvironments": null, "MaxExecutionEnvironments": null}))
            .never(json!(null))
            .alone(),
    ]
}
