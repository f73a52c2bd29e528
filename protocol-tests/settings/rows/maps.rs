//! Settings that are maps: a row for each member, and one for the whole map.

use serde_json::{Value, json};

use crate::settings::row::{At, Of, Row, row, rows};

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:events";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:events";

/// `logging_config`.
pub(super) fn from_logging() -> Vec<Row> {
    let live = |application: Value, format: &str, group: &str, system: Value| {
        json!({
            "ApplicationLogLevel": application, "LogFormat": format, "LogGroup": group, "SystemLogLevel": system,
        })
    };
    let at_level = |level: &str| live(json!(level), "JSON", "/team/a", json!("DEBUG"));
    vec![
        row("logging_config.log_format", "/Configuration/LoggingConfig/LogFormat", json!("Text"), json!("JSON"))
            .cleared(json!(""), json!("Text")),
        row(
            "logging_config.log_group",
            "/Configuration/LoggingConfig/LogGroup",
            json!("/team/a"),
            json!("/team/b"),
        )
        .cleared(json!(""), json!("/aws/lambda/f")),
        row(
            "logging_config.application_log_level",
            "/Configuration/LoggingConfig",
            json!("WARN"),
            json!("ERROR"),
        )
        .needs(json!({"logging_config": {"log_format": "JSON", "log_group": "/team/a", "system_log_level": "DEBUG"}}))
        .live(at_level("WARN"), at_level("ERROR"))
        .cleared(json!(""), at_level("INFO")),
        row(
            "logging_config.system_log_level",
            "/Configuration/LoggingConfig/SystemLogLevel",
            json!("WARN"),
            json!("DEBUG"),
        )
        .needs(json!({"logging_config": {"log_format": "JSON"}}))
        .cleared(json!(""), json!("INFO")),
        row(
            "logging_config",
            "/Configuration/LoggingConfig",
            json!({"log_format": "Text", "log_group": "/team/a"}),
            json!({
                "log_format": "JSON",
                "log_group": "/team/b",
                "application_log_level": "ERROR",
                "system_log_level": "WARN"
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
            live(json!("ERROR"), "JSON", "/team/b", json!("WARN")),
        )
        .cleared(json!({}), live(json!(null), "Text", "/aws/lambda/f", json!(null))),
    ]
}

/// The image, and `image_config`.
pub(super) fn from_images() -> Vec<Row> {
    let image = |hash: &str| json!(format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:{hash}"));
    let in_directory = |entry: Value| json!({"EntryPoint": entry, "WorkingDirectory": "/app"});
    vec![
        row("image_uri", "/Code/ImageUri", image("aa11"), image("bb22")),
        row(
            "image_config.entry_point",
            "/Configuration/ImageConfigResponse/ImageConfig",
            json!(["/a", "-a"]),
            json!(["/b"]),
        )
        .needs(json!({"image_config": {"working_directory": "/app"}}))
        .live(in_directory(json!(["/a", "-a"])), in_directory(json!(["/b"])))
        .cleared(json!([]), in_directory(json!(null))),
        row(
            "image_config.command",
            "/Configuration/ImageConfigResponse/ImageConfig/Command",
            json!(["app.first"]),
            json!(["app.second", "x"]),
        )
        .cleared(json!([]), json!(null)),
        row(
            "image_config.working_directory",
            "/Configuration/ImageConfigResponse/ImageConfig/WorkingDirectory",
            json!("/a"),
            json!("/b"),
        )
        .cleared(json!(""), json!(null)),
        row(
            "image_config",
            "/Configuration/ImageConfigResponse/ImageConfig",
            json!({"entry_point": ["/a"], "command": ["a"]}),
            json!({"entry_point": ["/b"], "command": ["b"], "working_directory": "/b"}),
        )
        .reported(json!([
            ["image_config.entry_point", ["/a"], ["/b"]],
            ["image_config.command", ["a"], ["b"]],
            ["image_config.working_directory", null, "/b"]
        ]))
        .live(
            json!({"EntryPoint": ["/a"], "Command": ["a"]}),
            json!({"EntryPoint": ["/b"], "Command": ["b"], "WorkingDirectory": "/b"}),
        )
        .cleared(json!({}), json!(null)),
    ]
    .into_iter()
    .map(|row| row.of(Of::Image))
    .collect()
}

/// `event_invoke_config`.
pub(super) fn from_asynchronous_invocations() -> Vec<Row> {
    let fails_to = |arn: &str| json!({"DestinationConfig": {"OnFailure": {"Destination": arn}}});
    let aged = |age: u32| json!({"MaximumEventAgeInSeconds": age, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}});
    vec![
        row("event_invoke_config.maximum_retry_attempts", "", json!(0), json!(1))
            .live(json!({"MaximumRetryAttempts": 0}), json!({"MaximumRetryAttempts": 1}))
            .cleared_by(json!({"event_invoke_config": {}}), json!(null)),
        row("event_invoke_config.maximum_event_age", "", json!(60), json!(3600))
            .needs(json!({"event_invoke_config": {"on_failure": QUEUE}}))
            .live(aged(60), aged(3600)),
        row(
            "event_invoke_config.on_success",
            "/DestinationConfig/OnSuccess/Destination",
            json!(QUEUE),
            json!(TOPIC),
        )
        .needs(json!({"event_invoke_config": {"maximum_retry_attempts": 0}}))
        .cleared(json!(""), json!(null)),
        row("event_invoke_config.on_failure", "", json!(QUEUE), json!(TOPIC))
            .live(fails_to(QUEUE), fails_to(TOPIC))
            .cleared(json!(""), json!(null)),
        row(
            "event_invoke_config",
            "",
            json!({"maximum_retry_attempts": 0, "maximum_event_age": 60, "on_failure": QUEUE}),
            json!({
                "maximum_retry_attempts": 1,
                "maximum_event_age": 3600,
                "on_success": QUEUE,
                "on_failure": TOPIC
            }),
        )
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
                "DestinationConfig": {"OnFailure": {"Destination": TOPIC}, "OnSuccess": {"Destination": QUEUE}}
            }),
        )
        .cleared(json!({}), json!(null)),
    ]
    .into_iter()
    .map(|row| row.at(At::EventInvoke))
    .collect()
}

/// `function_url`, with its public permissions.
pub(super) fn from_the_address() -> Vec<Row> {
    let member = |name, pointer, a, b| {
        row(name, pointer, a, b)
            .needs(json!({"function_url": {"auth_type": "AWS_IAM", "cors": {"allow_origins": ["https://x.example"]}}}))
    };
    let open =
        || json!({"AuthType": "NONE", "Actions": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]});
    let closed = || json!({"AuthType": "AWS_IAM", "Actions": []});
    vec![
        row("function_url.auth_type", "", json!("NONE"), json!("AWS_IAM"))
            .reported(json!([
                ["function_url.auth_type", "NONE", "AWS_IAM"],
                ["function_url.permission.lambda:InvokeFunctionUrl", "*", null],
                ["function_url.permission.lambda:InvokeFunction", "*", null]
            ]))
            .live(open(), closed())
            .cleared_by(json!({"function_url": "none"}), json!({"AuthType": null, "Actions": []})),
        rows(
            "function_url.auth_type, opened",
            "",
            json!({"function_url": {"auth_type": "AWS_IAM"}}),
            json!({"function_url": {"auth_type": "NONE"}}),
        )
        .reported(json!([
            ["function_url.auth_type", "AWS_IAM", "NONE"],
            ["function_url.permission.lambda:InvokeFunctionUrl", null, "*"],
            ["function_url.permission.lambda:InvokeFunction", null, "*"]
        ]))
        .live(closed(), open())
        .cleared_by(json!({"function_url": ""}), json!({"AuthType": null, "Actions": []})),
        member("function_url.invoke_mode", "/InvokeMode", json!("BUFFERED"), json!("RESPONSE_STREAM")),
        member(
            "function_url.cors.allow_origins",
            "/Cors/AllowOrigins",
            json!(["https://a.example"]),
            json!(["https://b.example", "https://c.example"]),
        )
        .needs(json!({"function_url": {"auth_type": "AWS_IAM"}}))
        .cleared_by(json!({"function_url": {"cors": {}}}), json!(null)),
        member("function_url.cors.allow_methods", "/Cors/AllowMethods", json!(["GET"]), json!(["*"]))
            .cleared(json!([]), json!([])),
        member(
            "function_url.cors.allow_headers",
            "/Cors/AllowHeaders",
            json!(["Content-Type"]),
            json!(["X-B", "Authorization"]),
        )
        .reported(json!([["function_url.cors.allow_headers", ["content-type"], ["authorization", "x-b"]]]))
        .live(json!(["content-type"]), json!(["x-b", "authorization"]))
        .cleared(json!([]), json!([])),
        member("function_url.cors.expose_headers", "/Cors/ExposeHeaders", json!(["X-A"]), json!(["x-b"]))
            .reported(json!([["function_url.cors.expose_headers", ["x-a"], ["x-b"]]]))
            .live(json!(["x-a"]), json!(["x-b"]))
            .cleared(json!([]), json!([])),
        member("function_url.cors.allow_credentials", "/Cors/AllowCredentials", json!(false), json!(true))
            .reported(json!([["function_url.cors.allow_credentials", null, true]]))
            .cleared(json!(false), json!(false)),
        member("function_url.cors.max_age", "/Cors/MaxAge", json!(60), json!(600))
            .cleared(json!(0), json!(0)),
        row(
            "function_url",
            "",
            json!({
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
            }),
            json!({
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
            }),
        )
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
        .cleared(json!("none"), json!({"AuthType": null, "Actions": []})),
    ]
    .into_iter()
    .map(|row| row.at(At::Url))
    .collect()
}
