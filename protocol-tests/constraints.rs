//! Compares the warnings about the values of a stanza with botocore's model of Lambda: no warning at a limit,
//! and one beyond it.

use serde_json::{Value, json};

use crate::plugin::PluginCommand;

/// The part of the model for the members that stanzas can set: their `min`, `max` and `enum`.
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
    ] {
        let limits = model.pointer(pointer).expect("in the model");
        let (min, max) =
            (limits["min"].as_i64().expect("a number"), limits["max"].as_i64().expect("a number"));
        let below: Vec<Value> = (min > 0).then(|| json!(min - 1)).into_iter().collect();
        check(key, &[json!(min), json!(max)], &[below, vec![json!(max + 1)]].concat());
    }
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
        ("function_url.auth_type", "/CreateFunctionUrlConfig/AuthType"),
        ("function_url.invoke_mode", "/CreateFunctionUrlConfig/InvokeMode"),
    ] {
        let words = model.pointer(pointer).expect("in the model")["enum"].as_array().expect("words").clone();
        check(key, &words, &[json!("Something")]);
    }
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
