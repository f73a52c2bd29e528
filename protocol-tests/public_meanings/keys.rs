//! Tests mistaken keys, AWS's names among them, and function names: the answer names the right one.

use std::collections::{BTreeMap, BTreeSet};

use dpl_lambda::testing::options_document;

use super::*;

/// The warning about a key, or the problem if the key is refused: the message and the hint.
#[track_caller]
fn reported_at(ended: &PluginOutput, at: &str) -> String {
    let error = &ended.finished()["error"];
    let problems = error["problems"].as_array().into_iter().flatten().chain([error]);
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let report = warnings.chain(problems).find(|report| report["at"] == at);
    let report = report.unwrap_or_else(|| panic!("{at}: {}", ended.stdout));
    format!("{} {}", report["message"], report["hint"])
}

/// What a mistaken key is answered with, after the key.
const ADVICE: [(&str, &str); 36] = [
    ("tags", "belongs under `on`"),
    ("branch", "belongs under `on`"),
    ("branches", "belongs under `on`"),
    ("condition", "belongs under `on`"),
    ("all_branches", "belongs under `on`"),
    ("repo", "belongs under `on`"),
    ("node_js", "belongs under `on`"),
    ("vpc_config", "`subnet_ids` and `security_group_ids`"),
    ("function", "`function_name`"),
    ("name", "`function_name`"),
    ("role_name", "`role`"),
    ("source", "`zip`"),
    ("file", "`zip`"),
    ("path", "`zip`"),
    ("local_dir", "`zip`"),
    ("code", "`zip`"),
    ("s3_object_key", "`s3_key`"),
    ("qualifier", "`alias`"),
    ("env_vars", "`environment`"),
    ("concurrency", "`reserved_concurrency`"),
    ("before_deploy", "belongs beside `deploy`, not in it"),
    ("after_deploy", "belongs beside `deploy`, not in it"),
    ("script", "belongs beside `deploy`, not in it"),
    ("memory", "`memory_size`"),
    ("handler", "`handler_name`"),
    ("CodeUri", "`zip`"),
    ("AutoPublishAlias", "`alias`"),
    ("code-artifacts-dir", "`zip`"),
    ("function-description", "`description`"),
    ("zip-file", "`zip`"),
    ("secret_key", "`secret_access_key`"),
    ("subnets", "`subnet_ids`"),
    ("memorySize", "`memory_size`"),
    ("reservedConcurrency", "`reserved_concurrency`"),
    ("aws_region", "`region`"),
    ("imeout", "`timeout`"),
];

#[test]
fn a_mistaken_key_is_answered_with_what_is_meant() {
    let keys = ADVICE.iter().map(|(key, _)| ((*key).to_owned(), json!("x"))).collect();
    let ended = checked(Value::Object(keys));
    for (key, advice) in ADVICE {
        let report = reported_at(&ended, &format!("/{key}"));
        assert!(report.contains(advice), "{report}");
    }
}

#[test]
fn a_name_of_aws_is_refused_with_the_name_of_the_option() {
    for (name, option) in [
        ("FunctionName", "function_name"),
        ("MemorySize", "memory_size"),
        ("memorySize", "memory_size"),
        ("Environment", "environment"),
        ("Tags", "function_tags"),
        ("KMSKeyArn", "kms_key_arn"),
        ("kms_key", "kms_key_arn"),
        ("TracingConfig", "tracing_mode"),
        ("tracing_config", "tracing_mode"),
        ("VpcConfig", "subnet_ids` and `security_group_ids"),
        ("DurableConfig", "durable_config"),
        ("TenancyConfig", "tenancy_config"),
        ("CapacityProviderConfig", "capacity_provider_config"),
        ("LambdaManagedInstancesCapacityProviderConfig", "capacity_provider_config"),
        ("PublishTo", "publish_to"),
        ("FunctionScalingConfig", "scaling"),
        ("S3ObjectStorageMode", "s3_object_storage_mode"),
    ] {
        let ended = checked(json!({name: "x"}));
        let error = &ended.finished()["error"];
        assert_eq!((&error["code"], &error["class"]), (&json!("unknown-key"), &json!("config")), "{name}");
        assert_eq!(error["message"], format!("AWS's `{name}` is `{option}` in a stanza"));
        assert_eq!(error["hint"], format!("write `{option}`"));
    }
    for (option, name, member) in [
        ("logging_config", "LogGroup", "log_group"),
        ("durable_config", "ExecutionTimeout", "execution_timeout"),
        ("tenancy_config", "TenantIsolationMode", "tenant_isolation_mode"),
        ("capacity_provider_config", "CapacityProviderArn", "capacity_provider_arn"),
        ("scaling", "MinExecutionEnvironments", "min_execution_environments"),
        ("function_url", "AuthType", "auth_type"),
        ("function_url", "authType", "auth_type"),
    ] {
        let ended = checked(json!({option: {name: "x"}}));
        let error = &ended.finished()["error"];
        assert_eq!(error["at"], format!("/{option}/{name}"), "{}", ended.stdout);
        assert_eq!(error["message"], format!("AWS's `{name}` in `{option}` is `{member}`"));
    }
}

/// `MemorySize` as `memory_size`.
fn in_snake_case(field: &str) -> String {
    let mut snake = String::new();
    for (index, c) in field.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Each name of a field of AWS, or of a part of it, with the options that have it. From the page of options,
/// which is generated from the tables of options and settings.
fn fields_of_aws() -> BTreeMap<String, BTreeSet<String>> {
    // In a stanza they mean the name, the role or the ARN of the function itself.
    const OTHER: [&str; 3] = ["Arn", "Name", "RoleArn"];
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut option = String::new();
    for line in options_document().lines() {
        if let Some(name) = line.strip_prefix("### ") {
            option = name.to_owned();
        }
        let field = line.strip_prefix("- AWS field: `").and_then(|rest| rest.split('`').next());
        let member = line.strip_prefix("| `").and_then(|row| row.split(" | ").nth(2));
        let of_member = member.and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        let of_member = of_member.filter(|cell| cell.starts_with(|c: char| c.is_ascii_uppercase()));
        for part in field.or(of_member).into_iter().flat_map(|field| field.split('.')) {
            if !OTHER.contains(&part) {
                fields.entry(part.to_owned()).or_default().insert(option.clone());
            }
        }
    }
    fields
}

#[test]
fn every_field_of_aws_is_answered_with_an_option() {
    let schema = committed_schema("stanza.json");
    let is_option = |name: &str| schema["properties"].get(name).is_some();
    let fields = fields_of_aws();
    assert!(fields.len() > 50, "{fields:?}");
    let value = |field: &str| if field == "Tags" { json!({"team": "x"}) } else { json!("x") };
    let words = fields
        .keys()
        .flat_map(|field| [(field.clone(), value(field)), (in_snake_case(field), value(field))].into_iter());
    let unknown: BTreeMap<String, Value> = words.filter(|(word, _)| !is_option(word)).collect();
    let ended = checked(json!(unknown));
    for (field, options) in &fields {
        for word in [field.clone(), in_snake_case(field)].iter().filter(|word| !is_option(word)) {
            let message = reported_at(&ended, &format!("/{word}"));
            let is_named = |option: &String| message.contains(&format!("`{option}"));
            assert!(options.iter().any(is_named), "{word} means one of {options:?}: {message}");
        }
    }
}

#[test]
fn a_function_name_with_something_else_is_answered_with_the_right_one() {
    for (name, right) in [
        ("123456789012:f", "write `123456789012:function:f`"),
        ("function:f", "write `f`"),
        ("f:PROD", "to move an alias, write `alias: PROD`"),
        ("f:$LATEST", "leave out `:$LATEST`"),
        ("f:12", "leave out `:12`: a deployment changes `$LATEST`, not a version"),
    ] {
        let ended = checked(json!({"function_name": name}));
        assert_eq!(ended.code(), "bad-value");
        assert!(error_message(&ended).contains(right), "{}", ended.stdout);
    }
}
