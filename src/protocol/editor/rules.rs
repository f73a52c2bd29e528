//! Nothing in, the rules out by which keys of a stanza do not go together, as far as JSON Schema can tell them.
//! Never a rule that the program does not have, in `judge.rs`. What the job may give besides (`AWS_…`, `LAMBDA_…`) is not
//! asked for: `function_name`, `role`, `runtime`, `handler_name` beside `module_name`.

use serde_json::{Map, Value, json};

use super::in_any_case;

/// What is refused of a key when it is written at all.
const OF_FILES: [&str; 9] =
    ["zip", "include", "exclude", "symlinks", "dot_match", "s3_bucket", "runtime", "handler_name", "layers"];

/// An `allOf` with a rule in each entry.
pub(super) fn rules() -> Value {
    let mut rules = Vec::new();
    // judge::bucket
    for key in ["s3_prefix", "s3_key"] {
        rules.push(rule(&not(&has_bucket()), [(key, format!("`{key}` needs `s3_bucket` beside it."))]));
    }
    rules.push(needs("s3_object_version", "s3_key"));
    let of_a_package = ["zip", "include", "exclude", "symlinks", "dot_match", "s3_prefix"];
    rules.push(rule(
        &has("s3_key"),
        of_a_package.map(|key| (key, format!("`s3_key` names an archive that is there already; leave `{key}` out."))),
    ));
    // judge::image
    let image = format!("^{}$", in_any_case("image"));
    let zip = format!("^{}$", in_any_case("zip"));
    let is_image =
        json!({"anyOf": [has("image_uri"), is("package_type", json!({"type": "string", "pattern": image}))]});
    // What a variable becomes, nobody knows here.
    let may_be_image = json!({"anyOf": [has("image_uri"), is("package_type", json!({"type": ["string", "object"], "pattern": format!(r"{image}|\$")}))]});
    rules.push(rule(
        &not(&may_be_image),
        [("image_config", "`image_config` needs `image_uri` beside it, or `package_type: Image`.".to_owned())],
    ));
    rules.push(rule(
        &is_image,
        OF_FILES.map(|key| {
            (key, format!("A container image brings its own files, runtime and handler; leave `{key}` out."))
        }),
    ));
    let message = "A container image brings its own files, runtime and handler; leave this out.";
    rules.push(json!({"if": has("image_uri"), "then": {"properties": {
        "package_type": {"not": {"type": "string", "pattern": zip}, "errorMessage": message, "doNotSuggest": true},
    }}}));
    rules.push(json!({"if": is_image, "then": {"properties": {
        "code_signing_config_arn": {"pattern": "^$", "patternErrorMessage": message, "doNotSuggest": true},
    }}}));
    // judge::release
    for key in ["traffic", "provisioned_concurrency"] {
        rules.push(rule(&not(&has_alias()), [(key, format!("`{key}` needs `alias` beside it."))]));
    }
    rules.push(needs("traffic_interval", "traffic"));
    // judge::identity
    for key in ["access_key_id", "secret_access_key"] {
        rules.push(rule(&has("profile"), [(key, "Keys and a `profile` are two identities; keep one.".to_owned())]));
    }
    for key in ["external_id", "role_session_name", "web_identity_token_env"] {
        rules.push(needs(key, "role_to_assume"));
    }
    rules.push(rule(
        &has("web_identity_token_env"),
        [
            ("access_key_id", "A token and keys are two identities; keep one.".to_owned()),
            ("profile", "A token and a `profile` are two identities; keep one.".to_owned()),
            ("external_id", "A token is exchanged without `external_id`; leave it out.".to_owned()),
        ],
    ));
    // The reader of `environment`: only one of the two is heeded.
    rules.push(rule(
        &has("environment"),
        [(
            "environment_variables",
            "`environment` is written, too, and this is left out of account; keep one.".to_owned(),
        )],
    ));
    Value::Array(rules)
}

/// True of a stanza that names `key`; null is absent.
fn has(key: &str) -> Value {
    is(key, json!({"not": {"type": "null"}}))
}

/// True of a stanza whose `key` is such a value.
fn is(key: &str, value: Value) -> Value {
    let mut properties = Map::new();
    properties.insert(key.to_owned(), value);
    json!({"required": [key], "properties": properties})
}

/// A bucket that is not empty.
fn has_bucket() -> Value {
    is("s3_bucket", json!({"not": {"type": ["null", "string"], "maxLength": 0}}))
}

/// At least one alias.
fn has_alias() -> Value {
    is("alias", json!({"not": {"type": ["null", "string", "array"], "maxLength": 0, "items": {"type": "null"}}}))
}

fn not(condition: &Value) -> Value {
    json!({"not": condition})
}

fn needs(key: &'static str, needed: &str) -> Value {
    rule(&not(&has(needed)), [(key, format!("`{key}` needs `{needed}` beside it."))])
}

/// Where the condition holds, each of these keys is one too many, for that reason. It is told at the key.
fn rule<const N: usize>(condition: &Value, refused: [(&str, String); N]) -> Value {
    let properties: Map<String, Value> = refused
        .into_iter()
        .map(|(key, message)| (key.to_owned(), json!({"type": "null", "errorMessage": message, "doNotSuggest": true})))
        .collect();
    json!({"if": condition, "then": {"properties": properties}})
}
