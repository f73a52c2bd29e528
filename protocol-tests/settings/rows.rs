//! The table of settings: for each, the stanza members, the changes in the plan, and the live values. The
//! tests are in `settings.rs`.

use serde_json::{Value, json};

const RUNTIME_VERSION: &str = "arn:aws:lambda:us-east-1::runtime:07a48df2";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:events";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:events";

/// The kind of function that can have a setting. The endpoint does not know which settings AWS refuses in
/// combination (such as SnapStart with a file system), so the rows ignore that.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    Files,
    Image,
    Either,
}

/// The operation that returns a live value.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// GetFunction.
    Function,
    /// GetFunctionCodeSigningConfig.
    CodeSigning,
    /// GetRuntimeManagementConfig.
    RuntimeManagement,
    /// GetFunctionRecursionConfig.
    Recursion,
    /// GetFunctionEventInvokeConfig.
    EventInvoke,
    /// GetFunctionScalingConfig of `$LATEST.PUBLISHED`.
    Scaling,
    /// GetFunctionUrlConfig, with the actions of the function's policy as `Actions`.
    Url,
}

/// One setting, or several keys of one AWS structure.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) of: Of,
    /// Other stanza members that every run needs.
    pub(super) needs: Value,
    /// The stanza members with a first and with a second value.
    pub(super) a: Value,
    pub(super) b: Value,
    /// The stanza members that clear the setting. `None` if it cannot be cleared.
    pub(super) clearing: Option<Value>,
    /// The changes in a plan from `a` to `b`: field, from, to.
    pub(super) reported: Value,
    pub(super) at: At,
    /// JSON pointer of the live value in the response.
    pub(super) pointer: &'static str,
    pub(super) live_a: Value,
    pub(super) live_b: Value,
    pub(super) live_cleared: Value,
    /// The live value of a function that never had another one. `None`: the same as after clearing.
    pub(super) live_never: Option<Value>,
    /// False if the row repeats keys of another row. Such a row is left out when all rows are combined in one
    /// stanza.
    pub(super) joins: bool,
}

/// A row for a key whose live value has the same form as in the stanza.
fn row(key: &'static str, pointer: &'static str, a: Value, b: Value) -> Row {
    Row {
        name: key,
        of: Of::Either,
        needs: json!({}),
        a: json!({key: a}),
        b: json!({key: b}),
        clearing: None,
        reported: json!([[key, a, b]]),
        at: At::Function,
        pointer,
        live_a: a,
        live_b: b,
        live_cleared: Value::Null,
        live_never: None,
        joins: true,
    }
}

/// A row for several keys, or for members of one key.
fn rows(name: &'static str, pointer: &'static str, a: Value, b: Value) -> Row {
    Row { name, a, b, ..row(name, pointer, json!(null), json!(null)) }
}

impl Row {
    fn of(self, of: Of) -> Self {
        Row { of, ..self }
    }

    fn needs(self, needs: Value) -> Self {
        Row { needs, ..self }
    }

    fn at(self, at: At) -> Self {
        Row { at, ..self }
    }

    fn reported(self, reported: Value) -> Self {
        Row { reported, ..self }
    }

    fn live(self, a: Value, b: Value) -> Self {
        Row { live_a: a, live_b: b, ..self }
    }

    fn cleared_by(self, clearing: Value, live: Value) -> Self {
        Row { clearing: Some(clearing), live_cleared: live, ..self }
    }

    fn never(self, live: Value) -> Self {
        Row { live_never: Some(live), ..self }
    }

    fn alone(self) -> Self {
        Row { joins: false, ..self }
    }
}

/// All rows.
pub(super) fn table() -> Vec<Row> {
    let mut table = from_the_function();
    table.extend(from_its_job_environment());
    table.extend(from_durable_config());
    table.extend(from_managed_instances());
    table.extend(from_structures());
    table.extend(from_asynchronous_invocations());
    table.extend(from_the_address());
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
            .cleared_by(json!({"description": ""}), json!("")),
        row("timeout", "/Configuration/Timeout", json!(5), json!(7)),
        row("memory_size", "/Configuration/MemorySize", json!(256), json!(512)),
        row("ephemeral_storage", "/Configuration/EphemeralStorage/Size", json!(1024), json!(2048)),
        row("tracing_mode", "/Configuration/TracingConfig/Mode", json!("PassThrough"), json!("Active"))
            .cleared_by(json!({"tracing_mode": ""}), json!("PassThrough")),
        row(
            "dead_letter_arn",
            "/Configuration/DeadLetterConfig/TargetArn",
            json!("arn:aws:sqs:us-east-1:123456789012:a"),
            json!("arn:aws:sns:us-east-1:123456789012:b"),
        )
        .cleared_by(json!({"dead_letter_arn": ""}), json!(null)),
        row(
            "kms_key_arn",
            "/Configuration/KMSKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/a"),
            json!("arn:aws:kms:us-east-1:123456789012:key/b"),
        )
        .cleared_by(json!({"kms_key_arn": ""}), json!(null)),
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
        .cleared_by(json!({"layers": []}), json!(null)),
        row("snap_start", "/Configuration/SnapStart/ApplyOn", json!("None"), json!("PublishedVersions"))
            .of(Of::Files)
            .cleared_by(json!({"snap_start": ""}), json!("None")),
        row("architectures", "/Configuration/Architectures", json!("x86_64"), json!("arm64"))
            .live(json!(["x86_64"]), json!(["arm64"])),
        row(
            "source_kms_key_arn",
            "/Code/SourceKMSKeyArn",
            json!("arn:aws:kms:us-east-1:123456789012:key/c"),
            json!("arn:aws:kms:us-east-1:123456789012:key/d"),
        )
        .of(Of::Files)
        .cleared_by(json!({"source_kms_key_arn": ""}), json!(null)),
        row(
            "code_signing_config_arn",
            "/CodeSigningConfigArn",
            json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"),
            json!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef1"),
        )
        .of(Of::Files)
        .at(At::CodeSigning)
        .cleared_by(json!({"code_signing_config_arn": ""}), json!(null)),
        row("reserved_concurrency", "/Concurrency/ReservedConcurrentExecutions", json!(5), json!(0))
            .cleared_by(json!({"reserved_concurrency": "none"}), json!(null)),
        rows(
            "runtime_management",
            "",
            json!({"runtime_management": {"update_runtime_on": "FunctionUpdate"}}),
            json!({"runtime_management": {"runtime_version_arn": RUNTIME_VERSION}}),
        )
        .of(Of::Files)
        .at(At::RuntimeManagement)
        .reported(json!([["runtime_management", "FunctionUpdate", RUNTIME_VERSION]]))
        .live(
            json!({"UpdateRuntimeOn": "FunctionUpdate", "RuntimeVersionArn": null}),
            json!({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME_VERSION}),
        )
        .cleared_by(json!({"runtime_management": {}}), json!({"UpdateRuntimeOn": "Auto"})),
        row("recursive_loop", "/RecursiveLoop", json!("Terminate"), json!("Allow"))
            .at(At::Recursion)
            .cleared_by(json!({"recursive_loop": ""}), json!("Terminate")),
    ]
}

/// The environment of a function: network, file systems, variables and tags.
fn from_its_job_environment() -> Vec<Row> {
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
        .needs(json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}))
        .cleared_by(json!({"ipv6_allowed_for_dual_stack": false}), json!(false)),
        row(
            "file_system_configs",
            "/Configuration/FileSystemConfigs",
            json!([
                {
                    "arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
                    "local_mount_path": "/mnt/a"
                }
            ]),
            json!([
                {
                    "arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef1",
                    "local_mount_path": "/mnt/b"
                }
            ]),
        )
        .needs(json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}))
        .live(
            json!([
                {
                    "Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
                    "LocalMountPath": "/mnt/a"
                }
            ]),
            json!([
                {
                    "Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef1",
                    "LocalMountPath": "/mnt/b"
                }
            ]),
        )
        .cleared_by(json!({"file_system_configs": []}), json!(null)),
        direct_s3_read("ENABLED", "DISABLED"),
        rows(
            "environment",
            "/Configuration/Environment/Variables",
            json!({"environment": {"BOTH": "secret-a", "OLD": "secret-o"}}),
            json!({"environment": {"BOTH": "secret-b", "NEW": "secret-n"}}),
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
        .cleared_by(json!({"environment": {}}), json!(null)),
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
        rows(
            "function_tags",
            "/Tags",
            json!({"function_tags": {"team": "secret-a", "old": "secret-o"}}),
            json!({"function_tags": {"team": "secret-b", "new": "secret-n"}}),
        )
        .reported(json!([["function_tags.new", null, "[secure]"], ["function_tags.team", "[secure]", "[secure]"]]))
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
    .needs(json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}))
    .reported(json!([["file_system_configs", shown(a), shown(b)]]))
    .live(live(a), live(b))
    .cleared_by(json!({"file_system_configs": []}), json!(null))
    .alone()
}

/// `durable_config`, which AWS removes from no function. A key of its own can be removed.
fn from_durable_config() -> Vec<Row> {
    let (first, second) =
        ("arn:aws:kms:us-east-1:123456789012:key/e", "arn:aws:kms:us-east-1:123456789012:key/g");
    let durable = |seconds: u32, days: u32, key: &str| json!({"durable_config": {"execution_timeout": seconds, "retention_period_in_days": days, "kms_key_arn": key}});
    let live = |seconds: u32, days: u32, key: &str| json!({"ExecutionTimeout": seconds, "RetentionPeriodInDays": days, "KMSKeyArn": key});
    let key = |arn: &str| json!({"durable_config": {"kms_key_arn": arn}});
    vec![
        rows(
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
        rows("durable_config.kms_key_arn", "/Configuration/DurableConfig/KMSKeyArn", key(first), key(second))
            .needs(json!({"durable_config": {"execution_timeout": 60}}))
            .reported(json!([["durable_config.kms_key_arn", first, second]]))
            .live(json!(first), json!(second))
            .cleared_by(key(""), json!(null))
            .alone(),
    ]
}

/// `capacity_provider_config`, which AWS removes from no function, and `scaling`.
fn from_managed_instances() -> Vec<Row> {
    let provider = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:capacity-provider:{name}");
    let managed = |name: &str, calls: u32, memory: f64| {
        json!({"capacity_provider_config": {
            "capacity_provider_arn": provider(name),
            "per_execution_environment_max_concurrency": calls,
            "execution_environment_memory_gib_per_vcpu": memory,
        }})
    };
    let live = |name: &str, calls: u32, memory: f64| {
        json!({
            "CapacityProviderArn": provider(name),
            "PerExecutionEnvironmentMaxConcurrency": calls,
            "ExecutionEnvironmentMemoryGiBPerVCpu": memory,
        })
    };
    let scaling = |min: u32, max: u32| json!({"scaling": {"min_execution_environments": min, "max_execution_environments": max}});
    let applied = |a: u32, b: u32| json!({"MinExecutionEnvironments": a, "MaxExecutionEnvironments": b});
    vec![
        rows(
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
        rows("scaling", "/AppliedFunctionScalingConfig", scaling(1, 9), scaling(2, 20))
            .needs(json!({"capacity_provider_config": {"capacity_provider_arn": provider("a")}}))
            .at(At::Scaling)
            .reported(json!([
                ["scaling.min_execution_environments", 1, 2],
                ["scaling.max_execution_environments", 9, 20]
            ]))
            .live(applied(1, 9), applied(2, 20))
            .cleared_by(
                json!({"scaling": {}}),
                json!({"MinExecutionEnvironments": null, "MaxExecutionEnvironments": null}),
            )
            .never(json!(null))
            .alone(),
    ]
}

/// `logging_config` and `image_config`: each member, and the whole structure.
fn from_structures() -> Vec<Row> {
    vec![
        rows(
            "logging_config.log_format",
            "/Configuration/LoggingConfig/LogFormat",
            json!({"logging_config": {"log_format": "Text"}}),
            json!({"logging_config": {"log_format": "JSON"}}),
        )
        .reported(json!([["logging_config.log_format", "Text", "JSON"]]))
        .live(json!("Text"), json!("JSON"))
        .cleared_by(json!({"logging_config": {"log_format": ""}}), json!("Text"))
        .alone(),
        rows(
            "logging_config.log_group",
            "/Configuration/LoggingConfig/LogGroup",
            json!({"logging_config": {"log_group": "/team/a"}}),
            json!({"logging_config": {"log_group": "/team/b"}}),
        )
        .reported(json!([["logging_config.log_group", "/team/a", "/team/b"]]))
        .live(json!("/team/a"), json!("/team/b"))
        .cleared_by(json!({"logging_config": {"log_group": ""}}), json!("/aws/lambda/f"))
        .alone(),
        rows(
            "logging_config.application_log_level",
            "/Configuration/LoggingConfig",
            json!({"logging_config": {"application_log_level": "WARN"}}),
            json!({"logging_config": {"application_log_level": "ERROR"}}),
        )
        .needs(json!({"logging_config": {"log_format": "JSON", "log_group": "/team/a", "system_log_level": "DEBUG"}}))
        .reported(json!([["logging_config.application_log_level", "WARN", "ERROR"]]))
        .live(
            json!({
                "ApplicationLogLevel": "WARN",
                "LogFormat": "JSON",
                "LogGroup": "/team/a",
                "SystemLogLevel": "DEBUG"
            }),
            json!({
                "ApplicationLogLevel": "ERROR",
                "LogFormat": "JSON",
                "LogGroup": "/team/a",
                "SystemLogLevel": "DEBUG"
            }),
        )
        .cleared_by(
            json!({"logging_config": {"application_log_level": ""}}),
            json!({
                "ApplicationLogLevel": "INFO",
                "LogFormat": "JSON",
                "LogGroup": "/team/a",
                "SystemLogLevel": "DEBUG"
            }),
        )
        .alone(),
        rows(
            "logging_config.system_log_level",
            "/Configuration/LoggingConfig/SystemLogLevel",
            json!({"logging_config": {"system_log_level": "WARN"}}),
            json!({"logging_config": {"system_log_level": "DEBUG"}}),
        )
        .needs(json!({"logging_config": {"log_format": "JSON"}}))
        .reported(json!([["logging_config.system_log_level", "WARN", "DEBUG"]]))
        .live(json!("WARN"), json!("DEBUG"))
        .cleared_by(json!({"logging_config": {"system_log_level": ""}}), json!("INFO"))
        .alone(),
        rows(
            "logging_config",
            "/Configuration/LoggingConfig",
            json!({"logging_config": {"log_format": "Text", "log_group": "/team/a"}}),
            json!({
                "logging_config": {
                    "log_format": "JSON",
                    "log_group": "/team/b",
                    "application_log_level": "ERROR",
                    "system_log_level": "WARN"
                }
            }),
        )
        .reported(json!([
            ["logging_config.log_format", "Text", "JSON"],
            ["logging_config.log_group", "/team/a", "/team/b"],
            ["logging_config.application_log_level", null, "ERROR"],
            ["logging_config.system_log_level", null, "WARN"]
        ]))
        .live(
            json!({"LogFormat": "Text", "LogGroup": "/team/a"}),
            json!({
                "ApplicationLogLevel": "ERROR",
                "LogFormat": "JSON",
                "LogGroup": "/team/b",
                "SystemLogLevel": "WARN"
            }),
        )
        .cleared_by(
            json!({"logging_config": {}}),
            json!({
                "ApplicationLogLevel": null,
                "LogFormat": "Text",
                "LogGroup": "/aws/lambda/f",
                "SystemLogLevel": null
            }),
        ),
        row(
            "image_uri",
            "/Code/ImageUri",
            json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:aa11"),
            json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:bb22"),
        )
        .of(Of::Image),
        rows(
            "image_config.entry_point",
            "/Configuration/ImageConfigResponse/ImageConfig",
            json!({"image_config": {"entry_point": ["/a", "-a"]}}),
            json!({"image_config": {"entry_point": ["/b"]}}),
        )
        .needs(json!({"image_config": {"working_directory": "/app"}}))
        .of(Of::Image)
        .reported(json!([["image_config.entry_point", ["/a", "-a"], ["/b"]]]))
        .live(
            json!({"EntryPoint": ["/a", "-a"], "WorkingDirectory": "/app"}),
            json!({"EntryPoint": ["/b"], "WorkingDirectory": "/app"}),
        )
        .cleared_by(
            json!({"image_config": {"entry_point": []}}),
            json!({"EntryPoint": null, "WorkingDirectory": "/app"}),
        )
        .alone(),
        rows(
            "image_config.command",
            "/Configuration/ImageConfigResponse/ImageConfig/Command",
            json!({"image_config": {"command": ["app.first"]}}),
            json!({"image_config": {"command": ["app.second", "x"]}}),
        )
        .of(Of::Image)
        .reported(json!([["image_config.command", ["app.first"], ["app.second", "x"]]]))
        .live(json!(["app.first"]), json!(["app.second", "x"]))
        .cleared_by(json!({"image_config": {"command": []}}), json!(null))
        .alone(),
        rows(
            "image_config.working_directory",
            "/Configuration/ImageConfigResponse/ImageConfig/WorkingDirectory",
            json!({"image_config": {"working_directory": "/a"}}),
            json!({"image_config": {"working_directory": "/b"}}),
        )
        .of(Of::Image)
        .reported(json!([["image_config.working_directory", "/a", "/b"]]))
        .live(json!("/a"), json!("/b"))
        .cleared_by(json!({"image_config": {"working_directory": ""}}), json!(null))
        .alone(),
        rows(
            "image_config",
            "/Configuration/ImageConfigResponse/ImageConfig",
            json!({"image_config": {"entry_point": ["/a"], "command": ["a"]}}),
            json!({"image_config": {"entry_point": ["/b"], "command": ["b"], "working_directory": "/b"}}),
        )
        .of(Of::Image)
        .reported(json!([
            ["image_config.entry_point", ["/a"], ["/b"]],
            ["image_config.command", ["a"], ["b"]],
            ["image_config.working_directory", null, "/b"]
        ]))
        .live(
            json!({"EntryPoint": ["/a"], "Command": ["a"]}),
            json!({"EntryPoint": ["/b"], "Command": ["b"], "WorkingDirectory": "/b"}),
        )
        .cleared_by(json!({"image_config": {}}), json!(null)),
    ]
}

/// `event_invoke_config`: each member, and the whole structure.
fn from_asynchronous_invocations() -> Vec<Row> {
    let member = |name, pointer, a: Value, b: Value| {
        rows(name, pointer, json!({"event_invoke_config": a}), json!({"event_invoke_config": b}))
            .at(At::EventInvoke)
            .alone()
    };
    vec![
        member(
            "event_invoke_config.maximum_retry_attempts",
            "",
            json!({"maximum_retry_attempts": 0}),
            json!({"maximum_retry_attempts": 1}),
        )
        .reported(json!([["event_invoke_config.maximum_retry_attempts", 0, 1]]))
        .live(json!({"MaximumRetryAttempts": 0}), json!({"MaximumRetryAttempts": 1}))
        .cleared_by(json!({"event_invoke_config": {}}), json!(null)),
        member(
            "event_invoke_config.maximum_event_age",
            "",
            json!({"maximum_event_age": 60}),
            json!({"maximum_event_age": 3600}),
        )
        .needs(json!({"event_invoke_config": {"on_failure": QUEUE}}))
        .reported(json!([["event_invoke_config.maximum_event_age", 60, 3600]]))
        .live(
            json!({
                "MaximumEventAgeInSeconds": 60,
                "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}
            }),
            json!({
                "MaximumEventAgeInSeconds": 3600,
                "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}
            }),
        ),
        member(
            "event_invoke_config.on_success",
            "/DestinationConfig/OnSuccess/Destination",
            json!({"on_success": QUEUE}),
            json!({"on_success": TOPIC}),
        )
        .needs(json!({"event_invoke_config": {"maximum_retry_attempts": 0}}))
        .reported(json!([["event_invoke_config.on_success", QUEUE, TOPIC]]))
        .live(json!(QUEUE), json!(TOPIC))
        .cleared_by(json!({"event_invoke_config": {"on_success": ""}}), json!(null)),
        member(
            "event_invoke_config.on_failure",
            "",
            json!({"on_failure": QUEUE}),
            json!({"on_failure": TOPIC}),
        )
        .reported(json!([["event_invoke_config.on_failure", QUEUE, TOPIC]]))
        .live(
            json!({"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}),
            json!({"DestinationConfig": {"OnFailure": {"Destination": TOPIC}}}),
        )
        .cleared_by(json!({"event_invoke_config": {"on_failure": ""}}), json!(null)),
        rows(
            "event_invoke_config",
            "",
            json!({
                "event_invoke_config": {
                    "maximum_retry_attempts": 0,
                    "maximum_event_age": 60,
                    "on_failure": QUEUE
                }
            }),
            json!({
                "event_invoke_config": {
                    "maximum_retry_attempts": 1,
                    "maximum_event_age": 3600,
                    "on_success": QUEUE,
                    "on_failure": TOPIC
                }
            }),
        )
        .at(At::EventInvoke)
        .reported(json!([
            ["event_invoke_config.maximum_retry_attempts", 0, 1],
            ["event_invoke_config.maximum_event_age", 60, 3600],
            ["event_invoke_config.on_success", null, QUEUE],
            ["event_invoke_config.on_failure", QUEUE, TOPIC]
        ]))
        .live(
            json!({
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 60,
                "DestinationConfig": {"OnFailure": {"Destination": QUEUE}, "OnSuccess": {"Destination": null}}
            }),
            json!({
                "MaximumRetryAttempts": 1,
                "MaximumEventAgeInSeconds": 3600,
                "DestinationConfig": {
                    "OnFailure": {"Destination": TOPIC},
                    "OnSuccess": {"Destination": QUEUE}
                }
            }),
        )
        .cleared_by(json!({"event_invoke_config": {}}), json!(null)),
    ]
}

/// `function_url`: each member, and the whole structure with its public permissions.
fn from_the_address() -> Vec<Row> {
    let member = |name, pointer, a, b| {
        rows(name, pointer, a, b)
            .needs(json!({"function_url": {"auth_type": "AWS_IAM", "cors": {"allow_origins": ["https://x.example"]}}}))
            .at(At::Url)
            .alone()
    };
    vec![
        rows(
            "function_url.auth_type",
            "",
            json!({"function_url": {"auth_type": "NONE"}}),
            json!({"function_url": {"auth_type": "AWS_IAM"}}),
        )
        .at(At::Url)
        .reported(json!([
            ["function_url.auth_type", "NONE", "AWS_IAM"],
            ["function_url.permission.lambda:InvokeFunctionUrl", "*", null],
            ["function_url.permission.lambda:InvokeFunction", "*", null]
        ]))
        .live(
            json!({"AuthType": "NONE", "Actions": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]}),
            json!({"AuthType": "AWS_IAM", "Actions": []}),
        )
        .cleared_by(json!({"function_url": "none"}), json!({"AuthType": null, "Actions": []}))
        .alone(),
        rows(
            "function_url.auth_type, opened",
            "",
            json!({"function_url": {"auth_type": "AWS_IAM"}}),
            json!({"function_url": {"auth_type": "NONE"}}),
        )
        .at(At::Url)
        .reported(json!([
            ["function_url.auth_type", "AWS_IAM", "NONE"],
            ["function_url.permission.lambda:InvokeFunctionUrl", null, "*"],
            ["function_url.permission.lambda:InvokeFunction", null, "*"]
        ]))
        .live(
            json!({"AuthType": "AWS_IAM", "Actions": []}),
            json!({"AuthType": "NONE", "Actions": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]}),
        )
        .cleared_by(json!({"function_url": ""}), json!({"AuthType": null, "Actions": []}))
        .alone(),
        member(
            "function_url.invoke_mode",
            "/InvokeMode",
            json!({"function_url": {"invoke_mode": "BUFFERED"}}),
            json!({"function_url": {"invoke_mode": "RESPONSE_STREAM"}}),
        )
        .reported(json!([["function_url.invoke_mode", "BUFFERED", "RESPONSE_STREAM"]]))
        .live(json!("BUFFERED"), json!("RESPONSE_STREAM")),
        member(
            "function_url.cors.allow_origins",
            "/Cors/AllowOrigins",
            json!({"function_url": {"cors": {"allow_origins": ["https://a.example"]}}}),
            json!({"function_url": {"cors": {"allow_origins": ["https://b.example", "https://c.example"]}}}),
        )
        .needs(json!({"function_url": {"auth_type": "AWS_IAM"}}))
        .reported(json!([[
            "function_url.cors.allow_origins",
            ["https://a.example"],
            ["https://b.example", "https://c.example"]
        ]]))
        .live(json!(["https://a.example"]), json!(["https://b.example", "https://c.example"]))
        .cleared_by(json!({"function_url": {"cors": {}}}), json!(null)),
        member(
            "function_url.cors.allow_methods",
            "/Cors/AllowMethods",
            json!({"function_url": {"cors": {"allow_methods": ["GET"]}}}),
            json!({"function_url": {"cors": {"allow_methods": ["*"]}}}),
        )
        .reported(json!([["function_url.cors.allow_methods", ["GET"], ["*"]]]))
        .live(json!(["GET"]), json!(["*"]))
        .cleared_by(json!({"function_url": {"cors": {"allow_methods": []}}}), json!([])),
        member(
            "function_url.cors.allow_headers",
            "/Cors/AllowHeaders",
            json!({"function_url": {"cors": {"allow_headers": ["x-a"]}}}),
            json!({"function_url": {"cors": {"allow_headers": ["x-b"]}}}),
        )
        .reported(json!([["function_url.cors.allow_headers", ["x-a"], ["x-b"]]]))
        .live(json!(["x-a"]), json!(["x-b"]))
        .cleared_by(json!({"function_url": {"cors": {"allow_headers": []}}}), json!([])),
        member(
            "function_url.cors.expose_headers",
            "/Cors/ExposeHeaders",
            json!({"function_url": {"cors": {"expose_headers": ["x-a"]}}}),
            json!({"function_url": {"cors": {"expose_headers": ["x-b"]}}}),
        )
        .reported(json!([["function_url.cors.expose_headers", ["x-a"], ["x-b"]]]))
        .live(json!(["x-a"]), json!(["x-b"]))
        .cleared_by(json!({"function_url": {"cors": {"expose_headers": []}}}), json!([])),
        member(
            "function_url.cors.allow_credentials",
            "/Cors/AllowCredentials",
            json!({"function_url": {"cors": {"allow_credentials": false}}}),
            json!({"function_url": {"cors": {"allow_credentials": true}}}),
        )
        .reported(json!([["function_url.cors.allow_credentials", null, true]]))
        .live(json!(false), json!(true))
        .cleared_by(json!({"function_url": {"cors": {"allow_credentials": false}}}), json!(false)),
        member(
            "function_url.cors.max_age",
            "/Cors/MaxAge",
            json!({"function_url": {"cors": {"max_age": 60}}}),
            json!({"function_url": {"cors": {"max_age": 600}}}),
        )
        .reported(json!([["function_url.cors.max_age", 60, 600]]))
        .live(json!(60), json!(600))
        .cleared_by(json!({"function_url": {"cors": {"max_age": 0}}}), json!(0)),
        rows(
            "function_url",
            "",
            json!({
                "function_url": {
                    "auth_type": "NONE",
                    "invoke_mode": "BUFFERED",
                    "cors": {
                        "allow_origins": ["https://a.example"],
                        "allow_methods": ["GET"],
                        "allow_headers": ["x-a"],
                        "expose_headers": ["x-a"],
                        "allow_credentials": false,
                        "max_age": 60
                    }
                }
            }),
            json!({
                "function_url": {
                    "auth_type": "AWS_IAM",
                    "invoke_mode": "RESPONSE_STREAM",
                    "cors": {
                        "allow_origins": ["https://b.example"],
                        "allow_methods": ["*"],
                        "allow_headers": ["x-b"],
                        "expose_headers": ["x-b"],
                        "allow_credentials": true,
                        "max_age": 600
                    }
                }
            }),
        )
        .at(At::Url)
        .reported(json!([
            ["function_url.auth_type", "NONE", "AWS_IAM"],
            ["function_url.invoke_mode", "BUFFERED", "RESPONSE_STREAM"],
            ["function_url.cors.allow_origins", ["https://a.example"], ["https://b.example"]],
            ["function_url.cors.allow_methods", ["GET"], ["*"]],
            ["function_url.cors.allow_headers", ["x-a"], ["x-b"]],
            ["function_url.cors.expose_headers", ["x-a"], ["x-b"]],
            ["function_url.cors.allow_credentials", null, true],
            ["function_url.cors.max_age", 60, 600],
            ["function_url.permission.lambda:InvokeFunctionUrl", "*", null],
            ["function_url.permission.lambda:InvokeFunction", "*", null]
        ]))
        .live(
            json!({
                "AuthType": "NONE",
                "InvokeMode": "BUFFERED",
                "Actions": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"],
                "Cors": {
                    "AllowOrigins": ["https://a.example"],
                    "AllowMethods": ["GET"],
                    "AllowHeaders": ["x-a"],
                    "ExposeHeaders": ["x-a"],
                    "AllowCredentials": false,
                    "MaxAge": 60
                }
            }),
            json!({
                "AuthType": "AWS_IAM",
                "InvokeMode": "RESPONSE_STREAM",
                "Actions": [],
                "Cors": {
                    "AllowOrigins": ["https://b.example"],
                    "AllowMethods": ["*"],
                    "AllowHeaders": ["x-b"],
                    "ExposeHeaders": ["x-b"],
                    "AllowCredentials": true,
                    "MaxAge": 600
                }
            }),
        )
        .cleared_by(json!({"function_url": "none"}), json!({"AuthType": null, "Actions": []})),
    ]
}
