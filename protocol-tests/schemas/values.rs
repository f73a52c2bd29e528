//! Tests that the schema and the program accept the same values of each key, with few exceptions.

use super::*;
use crate::plugin::PluginCommand;
use crate::shell::PATH;

const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:tools:3";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:failed";

/// Values that are valid for some option, and values that are valid for none. None has a null under an
/// unknown name: the program treats that as absent, and a schema marks the name.
fn values() -> Vec<Value> {
    let text = |length: usize| "x".repeat(length);
    let entries =
        |count: usize, start: &str| (0..count).map(|n| json!(format!("{start}{n}"))).collect::<Value>();
    let pairs = |count: usize| (0..count).map(|n| json!(format!("N{n}=x"))).collect::<Value>();
    let mut values =
        vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!(1.5), json!(-1)];
    values
        .extend([0, 1, 7, 64, 512, 5400, 5401, 32769, 86401, 2_147_483_648_u64].map(|number| json!(number)));
    values.extend(
        [
            "",
            " ",
            "x",
            "none",
            "NONE",
            "true",
            "yes",
            "maybe",
            "10",
            "0",
            "10,",
            " 10 ",
            "10.0",
            "1.5",
            "arn:x",
            "A=b",
            "AB=c",
            "=b",
            "A B=c",
            "AWS_REGION=x",
            "3-prod",
            "COPY",
            "REFERENCE",
            "a b",
            "lambda",
            "LAMBDA",
            "s3",
            "Active",
            "active",
            "Zip",
            "zip",
            "image",
            "x86_64",
            "arm64",
            "PublishedVersions",
            "None",
            "JSON",
            "us-east-1",
            "US-EAST-1",
            "a.b/c",
            "subnet-1",
            "sg-1",
            "/mnt/x",
            "index.handler",
            "replace",
            "follow",
            "007",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            ROLE,
            LAYER,
            IMAGE,
            "our-packages",
            "f:live",
        ]
        .map(|text| json!(text)),
    );
    values.extend([text(128), text(129), text(256), text(257)].map(|text| json!(text)));
    values.extend(
        ["arn:", "subnet-", "sg-"]
            .iter()
            .flat_map(|start| [1, 5, 6, 16, 17].map(|count| entries(count, start))),
    );
    values.extend([pairs(50), pairs(51)]);
    values.extend([100, 101].map(|count| Value::from(vec![json!({}); count])));
    values.extend([
        json!([""]),
        json!([null]),
        json!(["x"]),
        json!(["arm64"]),
        json!(["x86_64", "arm64"]),
        json!([10, 50, 100]),
        json!([1, "2"]),
        json!([0]),
        json!([101]),
        json!([true]),
        json!([[1]]),
        json!([{}]),
        json!(["A=b", {"C": 1}]),
        json!(["AB=c", {"CD": 1}]),
        json!(["AWS_REGION=x"]),
        json!([LAYER]),
        json!([format!("{LAYER},{LAYER}")]),
        json!(["A"]),
        json!([{"a-b": 1}]),
        json!({"A": "b", "C": 1, "D": null}),
        json!({"AB": "b", "CD": 1, "EF": null}),
        json!({"AWS_REGION": "x"}),
        json!({"a-b": "c"}),
        json!({"A": {"B": 1}}),
        json!({"bogus": 1}),
        json!({"variables": {"A": "b"}}),
        json!({"auth_type": "NONE"}),
        json!({"auth_type": ""}),
        json!({"auth_type": "none", "cors": {}}),
        json!({"cors": {"max_age": 86401}}),
        json!({"cors": {"bogus": 1}}),
        json!({"maximum_retry_attempts": 0, "on_success": "", "on_failure": QUEUE}),
        json!({"maximum_retry_attempts": 3}),
        json!({"maximum_event_age": 59}),
        json!({"update_runtime_on": "FunctionUpdate"}),
        json!({"update_runtime_on": "Manual"}),
        json!({"update_runtime_on": "Manual", "runtime_version_arn": RUNTIME_VERSION}),
        json!({"update_runtime_on": "Auto", "runtime_version_arn": RUNTIME_VERSION}),
        json!({"runtime_version_arn": RUNTIME_VERSION}),
        json!({"log_format": "JSON", "log_group": ""}),
        json!({"log_format": "json"}),
        json!({"system_log_level": "TRACE"}),
        json!({"arn": "arn:x", "local_mount_path": "/mnt/x"}),
        json!({"arn": "arn:x"}),
        json!({"arn": "x", "local_mount_path": "/x"}),
        json!([{"arn": "arn:x", "local_mount_path": "/mnt/x"}, null]),
        json!({"arn": "arn:x", "local_mount_path": "/mnt/x", "direct_s3_read": "DISABLED"}),
        json!({"execution_timeout": 3600, "retention_period_in_days": 90, "kms_key_arn": ""}),
        json!({"execution_timeout": "3600", "retention_period_in_days": 91}),
        json!({"execution_timeout": 0}),
        json!({"kms_key_arn": "x"}),
        json!({"capacity_provider_arn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours"}),
        json!({"capacity_provider_arn": "ours"}),
        json!({"per_execution_environment_max_concurrency": 1600}),
        json!({"per_execution_environment_max_concurrency": 1601}),
        json!({"execution_environment_memory_gib_per_vcpu": 2.5}),
        json!({"execution_environment_memory_gib_per_vcpu": "2.5"}),
        json!({"execution_environment_memory_gib_per_vcpu": 9}),
        json!({"execution_environment_memory_gib_per_vcpu": [4]}),
        json!({"min_execution_environments": 0, "max_execution_environments": 20}),
        json!({"max_execution_environments": 0}),
        json!({"tenant_isolation_mode": "PER_TENANT"}),
        json!({"tenant_isolation_mode": "x"}),
        json!({"tenant_id": "customer 7"}),
        json!({"tenant_id": ""}),
        json!({"payload": [1], "expect": {"json": 1}}),
        json!({"timeout": 0}),
        json!({"timeout": "5"}),
        json!({"command": ""}),
        json!({"expect": {"bogus": 1}}),
        json!({"expect": {"contains": ""}}),
        json!([{"name": "x", "payload": [1]}, null, {"expect": {"status": 200}, "log": true}]),
        json!([{"bogus": 1}]),
        json!({"expect": {"status": 99}}),
        json!({"client_context": {"custom": {}}}),
        json!({"client_context": "{}"}),
        json!({"client_context": 7}),
        json!({"command": ["a", 1], "entry_point": "x"}),
        json!({"working_directory": ["x"]}),
        json!({"alarms": "x"}),
        json!({"alarms": ["x", "y"], "bake": 1}),
        json!({"alarms": "x", "bake": 0}),
        json!({"bake": 600}),
        json!({"errors": "1%"}),
        json!({"errors": 1.5, "bake": "120"}),
        json!({"errors": 0}),
        json!({"errors": "0.0 %"}),
        json!({"errors": 100}),
    ]);
    values
}

#[test]
fn a_value_is_right_to_the_schema_when_it_is_right_to_the_program() {
    let (mut tried, mut refused, mut passed_over) = (0, 0, Vec::new());
    for key in keys() {
        // The other keys that this key requires.
        let needed = match key.as_str() {
            "s3_prefix" | "s3_key" => json!({"s3_bucket": "our-packages"}),
            "s3_object_version" => json!({"s3_bucket": "our-packages", "s3_key": "k"}),
            "s3_object_storage_mode" => json!({"s3_bucket": "our-packages"}),
            "traffic"
            | "guard"
            | "provisioned_concurrency"
            | "alias_description"
            | "follow_alias"
            | "codedeploy" => json!({"alias": "live"}),
            "traffic_interval" => json!({"alias": "live", "traffic": [10, 100]}),
            "external_id" | "role_session_name" | "web_identity_token_env" => {
                json!({"role_to_assume": "arn:r"})
            }
            "image_config" => json!({"image_uri": IMAGE}),
            "module_name" => json!({"handler_name": "h"}),
            _ => json!({}),
        };
        for value in values() {
            let mut stanza = needed.clone();
            if key != "function_name" {
                stanza["function_name"] = json!("f");
            }
            stanza[&key] = value;
            let (said, is_valid) = (said(&stanza), STANZA.is_valid(&stanza));
            tried += 1;
            match said {
                // AWS would accept the alias `-1`. For people it is better if the schema rejects numbers such
                // as 7.
                Said::Nothing if key == "alias" && stanza[&key].is_number() => {}
                Said::Nothing => {
                    assert!(
                        is_valid,
                        "the program accepts it without a warning, stanza.json does not: {stanza}"
                    )
                }
                Said::Deprecated => {}
                // The map has a value for each branch. A schema does not know the branches.
                Said::Warned | Said::Refused if key == "function_name" && stanza[&key].is_object() => {}
                Said::Warned | Said::Refused if is_valid => passed_over.push(stanza.to_string()),
                Said::Warned | Said::Refused => refused += 1,
            }
            assert!(
                said == Said::Refused || REQUEST.is_valid(&stanza),
                "the program accepts it, request.json does not: {stanza}"
            );
        }
    }
    println!(
        "{tried} values, {refused} rejected by the program and the schema, {} only by the program:",
        passed_over.len()
    );
    println!("{}", passed_over.join("\n"));
    // The exceptions are strings with numbers beyond a limit, names that a pattern cannot describe, and two
    // members of `guard` that do not fit each other.
    assert!(refused > 5000 && passed_over.len() < 40, "{refused} {}", passed_over.len());
}

#[test]
fn a_condition_is_right_to_the_schema_when_it_is_right_to_the_program() {
    let values = json!([
        null, true, false, 0, 1.5, "", "x", "none", "yes", "master", [], [null], ["master"], [["master"]], {},
        {"a": 1},
    ]);
    let values = values.as_array().expect("a list");
    let schema = committed_schema("stanza.json");
    let keys = schema["properties"]["on"]["properties"].as_object().expect("an object").keys();
    let mut stanzas = Vec::new();
    for (key, value) in keys.flat_map(|key| values.iter().map(move |value| (key, value))) {
        // An empty list of branches is never looked at beside `all_branches`.
        let mut on = if key == "branch" { json!({}) } else { json!({"all_branches": true}) };
        on[key] = value.clone();
        stanzas.push(json!({"function_name": "f", "on": on}));
    }
    for key in ["on", "if", "true"] {
        stanzas.extend(values.iter().map(|value| json!({"function_name": "f", (key): value})));
    }
    let request = json!({"stanzas": stanzas, "env": {"TRAVIS_BRANCH": "master", "PATH": &*PATH}});
    let ended = PluginCommand::new(&["check"]).run(&request);
    let warned = |function: &Value| {
        let mut warnings = ended.events.iter().filter(|event| event["event"] == "warning");
        warnings.any(|warning| warning["stanza"] == function["stanza"])
    };
    let mut accepted = 0;
    for (stanza, function) in stanzas.iter().zip(ended.functions()) {
        if function["outcome"] == "checked" && !warned(function) {
            assert!(STANZA.is_valid(stanza), "the program accepts it, stanza.json does not: {stanza}");
            accepted += 1;
        }
    }
    assert!(accepted > 50, "{accepted} of {}", stanzas.len());
}
