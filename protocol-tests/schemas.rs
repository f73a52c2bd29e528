//! Tests the schemas: the committed files are those that the types generate, they are valid, and they agree
//! with the program.

use std::path::PathBuf;
use std::sync::LazyLock;

use dpl_lambda::protocol::error::WarningCode;
use dpl_lambda::protocol::{branches, json, schema, stanza};
use dpl_lambda::testing::{errors_document, options_document};
use serde_json::{Value, json};

use crate::plugin::{PluginCommand, PluginOutput, stanzas_of};
use crate::repository::committed_schema;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema").join(name)
}

#[track_caller]
fn check_committed(name: &str, generated: &Value) {
    let text = format!("{generated:#}\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(name), &text).expect("schema/ is writable");
    }
    let same = std::fs::read_to_string(path(name)).is_ok_and(|committed| committed == text);
    assert!(same, "schema/{name} differs from the types; BLESS=1 rewrites it");
    assert!(jsonschema::draft7::meta::is_valid(generated), "schema/{name} is not a valid draft-07 schema");
}

/// A page of `docs/` is what its generator makes. `BLESS=1` rewrites it.
#[track_caller]
fn check_document(name: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, generated).expect("docs/ is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/{name} differs from what its types generate; BLESS=1 rewrites it");
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    check_committed("stanza.json", &schema::stanza());
    check_committed("request.json", &schema::request());
    check_committed("event.json", &schema::event());
    check_committed("plan.json", &schema::plan());
    check_committed("travis-yml.json", &schema::travis_yml());
    check_committed("editor/stanza.json", &schema::editor_stanza());
    check_committed("editor/travis-yml.json", &schema::editor_travis_yml());
}

#[test]
fn the_committed_catalogue_of_errors_is_that_of_the_types() {
    check_document("errors.md", &errors_document());
}

#[test]
fn the_committed_reference_of_options_is_that_of_the_types() {
    check_document("options.md", &options_document());
}

static STANZA: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("stanza.json"));
static REQUEST: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("request.json"));

fn validator(name: &str) -> jsonschema::Validator {
    jsonschema::draft7::new(&committed_schema(name)).expect("a valid schema")
}

/// Checks that `request.json` accepts the request if the program accepts it, and `stanza.json` each stanza if
/// the program also gives no warning.
pub(crate) fn check_agreement(request: &Value, ended: &PluginOutput) {
    let is_unread = |result: &Value| match result["outcome"].as_str() {
        Some("failed") => result["error"]["class"] == "config",
        outcome => outcome == Some("skipped") || outcome == Some("stopped"),
    };
    if is_unread(ended.finished()) || ended.functions().into_iter().any(is_unread) {
        return;
    }
    let complaint = |validator: &jsonschema::Validator, value: &Value| {
        validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect::<Vec<_>>()
    };
    let problems = complaint(&REQUEST, request);
    assert!(problems.is_empty(), "the program accepts it, request.json does not: {request}\n{problems:?}");
    if ended.event("warning").is_some() {
        return;
    }
    for stanza in stanzas_of(request) {
        let mut stanza = stanza.clone();
        let keys = stanza.as_object_mut().expect("an object");
        keys.retain(|key, _| !["env", "plan", "protocol", "stanzas"].contains(&key.as_str()));
        let problems = complaint(&STANZA, &stanza);
        assert!(
            problems.is_empty(),
            "the program accepts it without a warning, stanza.json does not: {stanza}\n{problems:?}"
        );
    }
}

#[test]
fn the_stanza_schema_is_closed_and_knows_encrypted_values() {
    for (stanza, valid) in [
        (json!({"provider": "lambda", "function_name": "f", "timeout": 10}), true),
        (json!({"function_name": "f", "timeout": "10", "publish": "yes", "region": null}), true),
        (json!({"function_name": "f", "secret_access_key": {"secure": "abc"}}), true),
        (json!({"function_name": "f", "environment": [{"AA": {"secure": "abc"}}, "BB=c"]}), true),
        (json!({"function_name": "f", "environment": ["A=b"]}), false),
        (json!({"function_name": "f", "environment": {"AWS_REGION": "eu-west-1"}}), false),
        (
            json!({"function_name": "f", "on": {"branch": ["main", "release/*"], "tags": true, "node": 22}}),
            true,
        ),
        (json!({"function_name": "f", "if": "main", "environment_variables": {"AA": 1}}), true),
        (json!({"function_name": "f", "imeout": 10}), false),
        (json!({"function_name": "f", "timeout": "ten"}), false),
        (json!({"function_name": "f", "timeout": 1.5}), false),
        (json!({"function_name": "f", "publish": "perhaps"}), false),
        (json!({"function_name": "f", "on": {"branches": "main"}}), false),
        (json!({"function_name": "f", "environment": ["no pair"]}), false),
        (
            json!({"function_name": "f", "role": {"secure": "abc"}, "timeout": "$LIMIT", "publish": "${PUBLISH}"}),
            true,
        ),
        (json!({"function_name": "f", "env": {}}), false),
        (json!([]), false),
    ] {
        assert_eq!(STANZA.is_valid(&stanza), valid, "{stanza}");
    }
}

#[test]
fn the_request_schema_is_open_and_knows_the_runners_keys() {
    for (request, valid) in [
        (json!({"function_name": "f", "env": {"A": "b"}, "protocol": 1}), true),
        (json!({"function_name": {"master": "f"}, "a_new_key": 1, "timeout": "10,"}), true),
        (json!({"protocol": 2}), false),
        (json!({"env": {"A": 1}}), false),
        (json!({"env": "A=b"}), false),
        (json!({"layers": 7.5, "environment": 7}), false),
    ] {
        assert_eq!(REQUEST.is_valid(&request), valid, "{request}");
    }
}

/// Every documented property in a schema, at any depth, with its name.
fn properties(schema: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            // Skip the properties in rules (if/then), which have no description.
            let is_reported =
                |property: &&Value| property.get("description").is_some() || property.get("$ref").is_some();
            all.extend(
                properties
                    .iter()
                    .filter(|(_, reported)| is_reported(reported))
                    .map(|(key, reported)| (key.clone(), reported)),
            );
        }
        open.extend(value.as_object().into_iter().flat_map(|map| map.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    all
}

#[test]
fn every_property_of_a_schema_is_described() {
    for name in ["stanza.json", "request.json"] {
        let schema = committed_schema(name);
        for (key, property) in schema["properties"].as_object().expect("the schema of an object") {
            assert!(property["description"].is_string(), "{name}: `{key}` has no description: {property}");
        }
    }
    let schema = committed_schema("editor/stanza.json");
    let reported = properties(&schema);
    assert!(reported.len() > 120, "{}", reported.len());
    for (key, property) in reported {
        assert!(
            property["title"].is_string() && property["markdownDescription"].is_string(),
            "{key}: {property}"
        );
        let is_shown =
            property["examples"].is_array() || !property["default"].is_null() || property["anyOf"].is_array();
        let has_yaml = property["markdownDescription"].as_str().is_some_and(|text| text.contains("```yaml"));
        let is_plain = property["type"].as_array().is_some_and(|types| types.contains(&json!("boolean")))
            || property["deprecated"] == json!(true)
            || property["doNotSuggest"] == json!(true)
            || key == "secure";
        assert!(is_shown || has_yaml || is_plain, "`{key}` has no example: {property}");
    }
}

#[test]
fn what_is_for_editors_stays_out_of_what_is_for_programs() {
    let text = |name: &str| committed_schema(name).to_string();
    for keyword in [
        "markdownDescription",
        "defaultSnippets",
        "enumDescriptions",
        "errorMessage",
        "examples",
        "doNotSuggest",
    ] {
        let keyword = format!("\"{keyword}\":");
        for name in ["editor/stanza.json", "editor/travis-yml.json"] {
            assert!(text(name).contains(&keyword), "{name} has no {keyword}");
        }
        for name in ["request.json", "event.json"] {
            assert!(!text(name).contains(&keyword), "{name} has {keyword}");
        }
    }
}

/// The keywords of draft-07 without `format`, whose values a validator may not know, and `deprecated`, which
/// validators of draft-07 know, too.
const KEYWORDS: [&str; 43] = [
    "$comment",
    "$id",
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "definitions",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// Keywords of a schema, at any depth, that are not in [`KEYWORDS`].
fn unknown_keywords(schema: &Value) -> Vec<String> {
    let Some(map) = schema.as_object() else { return Vec::new() };
    let mut unknown = Vec::new();
    for (keyword, value) in map {
        match keyword.as_str() {
            "const" | "default" | "enum" | "examples" => {}
            "properties" | "definitions" | "patternProperties" => {
                unknown.extend(
                    value.as_object().into_iter().flat_map(|map| map.values()).flat_map(unknown_keywords),
                );
            }
            known if KEYWORDS.contains(&known) => {
                unknown.extend(unknown_keywords(value));
                unknown.extend(value.as_array().into_iter().flatten().flat_map(unknown_keywords));
            }
            other => unknown.push(other.to_owned()),
        }
    }
    unknown
}

#[test]
fn a_strict_validator_knows_each_keyword() {
    for name in ["stanza.json", "travis-yml.json", "request.json", "event.json"] {
        assert_eq!(unknown_keywords(&committed_schema(name)), [""; 0], "{name}");
    }
    let for_editors = unknown_keywords(&committed_schema("editor/stanza.json"));
    assert!(for_editors.contains(&"defaultSnippets".to_owned()), "{for_editors:?}");
}

/// The result of validating a stanza without variables and encrypted values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    Deprecated,
    Warned,
    Refused,
}

fn said(stanza: &Value) -> Said {
    let node = json::parse(stanza.to_string().as_bytes()).expect("JSON");
    let (selected, mut warnings) = branches::select_branch(node.as_map().expect("an object"), "master");
    let read = stanza::read(&selected);
    warnings.extend(read.warnings);
    match warnings.iter().all(|warning| warning.code == WarningCode::Deprecated) {
        _ if read.stanza.is_err() => Said::Refused,
        false => Said::Warned,
        true if warnings.is_empty() => Said::Nothing,
        true => Said::Deprecated,
    }
}

const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:tools:3";
const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7";
const SIGNING: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:failed";
const RUNTIME_VERSION: &str = "arn:aws:lambda:us-east-1::runtime:07a48df2";

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

/// The keys of a stanza except those of conditions, which other code reads.
fn keys() -> Vec<String> {
    let schema = committed_schema("stanza.json");
    let keys = schema["properties"].as_object().expect("an object").keys();
    keys.filter(|key| !["on", "if", "true"].contains(&key.as_str())).cloned().collect()
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
    // The exceptions are strings with numbers beyond a limit, names that a pattern cannot describe, and two members
    // of `guard` that do not fit each other.
    assert!(refused > 5000 && passed_over.len() < 40, "{refused} {}", passed_over.len());
}

#[test]
fn keys_go_together_in_the_schema_when_they_do_in_the_program() {
    let fitting = |key: &str| match key {
        "provider" => vec![json!("lambda")],
        "function_name" => vec![json!("f")],
        "package_type" => vec![json!("Image"), json!("zip")],
        "architectures" => vec![json!("arm64")],
        "alias" => vec![json!("live"), json!([])],
        "s3_bucket" => vec![json!("our-packages"), json!("")],
        "image_uri" => vec![json!(IMAGE), json!(null)],
        "code_signing_config_arn" => vec![json!(SIGNING), json!("")],
        "environment" | "environment_variables" | "function_tags" => vec![json!({"AB": "c"})],
        "traffic" => vec![json!([10, 100])],
        "guard" => vec![json!({"errors": "1%"})],
        "image_config"
        | "verify"
        | "logging_config"
        | "function_url"
        | "durable_config"
        | "tenancy_config"
        | "capacity_provider_config"
        | "scaling"
        | "event_invoke_config"
        | "runtime_management" => vec![json!({})],
        "publish_to" => vec![json!("latest_published")],
        "s3_object_storage_mode" => vec![json!("COPY"), json!("REFERENCE")],
        "codedeploy" => vec![json!({"application": "shop", "deployment_group": "live"})],
        "file_system_configs" | "subnet_ids" | "security_group_ids" | "layers" => vec![json!([])],
        "timeout" | "memory_size" | "ephemeral_storage" | "wait_timeout" | "traffic_interval"
        | "keep_versions" => {
            vec![json!(1024)]
        }
        "reserved_concurrency" | "provisioned_concurrency" | "version" => vec![json!(7), json!(null)],
        "publish"
        | "dot_match"
        | "merge_environment"
        | "ipv6_allowed_for_dual_stack"
        | "cleanup"
        | "allow_failure"
        | "dry_run"
        | "follow_alias"
        | "skip_cleanup" => vec![json!(true)],
        "strict" => vec![json!(false)],
        "tracing_mode" => vec![json!("Active")],
        "recursive_loop" => vec![json!("Allow")],
        "snap_start" => vec![json!("None")],
        "symlinks" => vec![json!("follow")],
        "function_tags_mode" => vec![json!("add")],
        "region" => vec![json!("us-east-1")],
        "role" | "dead_letter_arn" | "kms_key_arn" | "source_kms_key_arn" => vec![json!(ROLE)],
        _ => vec![json!("x"), json!(null)],
    };
    let (mut tried, mut refused) = (0, 0);
    let keys = keys();
    for first in &keys {
        for (one, two) in
            keys.iter().flat_map(|second| fitting(first).into_iter().map(move |one| (one, second)))
        {
            for other in fitting(two) {
                let mut stanza = json!({"function_name": "f"});
                stanza[first] = one.clone();
                stanza[two] = other;
                // The job may provide the handler in `LAMBDA_HANDLER_NAME`.
                let asks_the_job = !stanza["module_name"].is_null() && stanza["handler_name"].is_null();
                let is_right = said(&stanza) == Said::Nothing;
                assert!(
                    is_right == STANZA.is_valid(&stanza) || asks_the_job,
                    "accepted by the program: {is_right}: {stanza}"
                );
                tried += 1;
                refused += u32::from(!is_right);
            }
        }
    }
    println!("{tried} pairs of keys, {refused} of them refused by both");
    assert!(tried > 5000 && refused > 500, "{tried} {refused}");
}

#[test]
fn each_rule_of_the_judge_is_one_of_the_schema() {
    for (wrong, right) in [
        (json!({"provider": "s3"}), json!({"provider": "Lambda"})),
        (json!({"s3_prefix": "p"}), json!({"s3_prefix": "p", "s3_bucket": "our-packages"})),
        (json!({"s3_key": "k", "s3_bucket": ""}), json!({"s3_key": "k", "s3_bucket": "our-packages"})),
        (
            json!({"s3_object_version": "v"}),
            json!({"s3_object_version": "v", "s3_key": "k", "s3_bucket": "our-packages"}),
        ),
        (
            json!({"s3_object_storage_mode": "REFERENCE"}),
            json!({"s3_object_storage_mode": "REFERENCE", "s3_bucket": "our-packages"}),
        ),
        (
            json!({"s3_object_storage_mode": "REFERENCE", "s3_bucket": ""}),
            json!({"s3_object_storage_mode": "COPY", "s3_bucket": ""}),
        ),
        (
            json!({"s3_key": "k", "s3_bucket": "our-packages", "zip": "d"}),
            json!({"s3_bucket": "our-packages", "zip": "d"}),
        ),
        (
            json!({"s3_key": "k", "s3_bucket": "our-packages", "s3_prefix": "p"}),
            json!({"s3_key": "k", "s3_bucket": "our-packages", "s3_prefix": null}),
        ),
        (json!({"image_config": {}}), json!({"image_config": {}, "package_type": "image"})),
        (json!({"image_config": {}, "package_type": "Zip"}), json!({"image_config": {}, "image_uri": IMAGE})),
        (json!({"image_uri": IMAGE, "runtime": "nodejs22.x"}), json!({"image_uri": IMAGE})),
        (
            json!({"package_type": "Image", "handler_name": "h"}),
            json!({"package_type": "Zip", "handler_name": "h"}),
        ),
        (json!({"image_uri": IMAGE, "layers": []}), json!({"image_uri": IMAGE, "layers": null})),
        (
            json!({"image_uri": IMAGE, "package_type": "zip"}),
            json!({"image_uri": IMAGE, "package_type": "Image"}),
        ),
        (
            json!({"image_uri": IMAGE, "code_signing_config_arn": SIGNING}),
            json!({"image_uri": IMAGE, "code_signing_config_arn": ""}),
        ),
        (json!({"alias": "7"}), json!({"alias": "v7"})),
        (json!({"traffic": [50, 100]}), json!({"traffic": [50, 100], "alias": "live"})),
        (json!({"traffic": [50, 100], "alias": []}), json!({"traffic": [50, 100], "alias": ["live"]})),
        (json!({"traffic": [0], "alias": "live"}), json!({"traffic": [1], "alias": "live"})),
        (json!({"guard": {"errors": 1}}), json!({"guard": {"errors": 1}, "alias": "live"})),
        (json!({"guard": {}, "alias": "live"}), json!({"guard": {"alarms": "a"}, "alias": "live"})),
        (json!({"provisioned_concurrency": 5}), json!({"provisioned_concurrency": 5, "alias": "live"})),
        (
            json!({"publish_to": "latest_published", "alias": "live"}),
            json!({"publish_to": "latest_published", "publish": true}),
        ),
        (json!({"alias_description": "x"}), json!({"alias_description": "x", "alias": "live"})),
        (
            json!({"alias_description": "x".repeat(129), "alias": "live"}),
            json!({"alias_description": "x".repeat(128), "alias": "live"}),
        ),
        (
            json!({"runtime_management": {"update_runtime_on": "Manual"}}),
            json!({"runtime_management": {"runtime_version_arn": RUNTIME_VERSION}}),
        ),
        (
            json!({"runtime_management": {"update_runtime_on": "Auto", "runtime_version_arn": "arn:r"}}),
            json!({"runtime_management": {"update_runtime_on": "Auto", "runtime_version_arn": null}}),
        ),
        (
            json!({"image_uri": IMAGE, "runtime_management": {}}),
            json!({"image_uri": IMAGE, "recursive_loop": "Allow"}),
        ),
        (json!({"follow_alias": true}), json!({"follow_alias": true, "alias": "live"})),
        (
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}}),
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}, "alias": "live"}),
        ),
        (
            json!({"codedeploy": {"application": "a"}, "alias": "live"}),
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}, "alias": "live"}),
        ),
        (
            json!({"alias": "live", "traffic": 9, "codedeploy": {"application": "a", "deployment_group": "g"}}),
            json!({"alias": "live", "codedeploy": {"application": "a", "deployment_group": "g"}}),
        ),
        (
            json!({"traffic_interval": 5, "alias": "live"}),
            json!({"traffic_interval": 5, "traffic": 9, "alias": "live"}),
        ),
        (json!({"keep_versions": 0}), json!({"keep_versions": 1})),
        (json!({"version": "live"}), json!({"version": 7})),
        (json!({"profile": "p", "access_key_id": "k"}), json!({"profile": "p"})),
        (json!({"profile": "p", "secret_access_key": "k"}), json!({"secret_access_key": "k"})),
        (json!({"external_id": "e"}), json!({"external_id": "e", "role_to_assume": "r"})),
        (
            json!({"web_identity_token_env": "T"}),
            json!({"web_identity_token_env": "T", "role_to_assume": "r"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "profile": "p"}),
            json!({"role_to_assume": "r", "profile": "p"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "access_key_id": "k"}),
            json!({"role_to_assume": "r", "access_key_id": "k"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "external_id": "e"}),
            json!({"role_to_assume": "r", "external_id": "e"}),
        ),
    ] {
        for (mut stanza, is_right) in [(wrong, false), (right, true)] {
            stanza["function_name"] = json!("f");
            let ended = PluginCommand::new(&["check"]).run(&with_an_empty_job(&stanza));
            assert_eq!(ended.outcome() == "checked", is_right, "{stanza}\n{}", ended.stdout);
            assert_eq!(STANZA.is_valid(&stanza), is_right, "{stanza}");
        }
    }
}

fn with_an_empty_job(stanza: &Value) -> Value {
    let mut request = stanza.clone();
    request["env"] = json!({"TRAVIS_BRANCH": "master"});
    request
}
