//! Expresses in JSON Schema which keys of a stanza exclude or require each other. Each rule here must also be
//! a rule of the program, in `stanza/validate.rs`. There is no rule for a key that variables of the job
//! (`AWS_…`, `LAMBDA_…`) can supply: `function_name`, `role`, `runtime`, and `handler_name` with
//! `module_name`.

use serde_json::{Map, Value, json};

use crate::protocol::stanza::{FILE_KEYS, PACKAGE_KEYS};
use crate::protocol::text::in_any_case;

/// The value of `allOf`: one rule in each entry.
pub(super) fn rules() -> Value {
    let mut rules = Vec::new();
    // validate::bucket
    for key in ["s3_prefix", "s3_key"] {
        rules.push(rule(&not(&has_bucket()), [(key, format!("`{key}` requires `s3_bucket`."))]));
    }
    rules.push(needs("s3_object_version", "s3_key"));
    rules.push(json!({"if": not(&has_bucket()), "then": {"properties": {"s3_object_storage_mode": {
        "not": {"const": "REFERENCE"},
        "errorMessage": "`REFERENCE` requires `s3_bucket`.",
    }}}}));
    rules.push(rule(
        &has("s3_key"),
        PACKAGE_KEYS.map(|key| (key, format!("`s3_key` names a finished archive; leave `{key}` out."))),
    ));
    // validate::image
    let image = format!("^{}$", in_any_case("image"));
    let zip = format!("^{}$", in_any_case("zip"));
    let is_image =
        json!({"anyOf": [has("image_uri"), is("package_type", json!({"type": "string", "pattern": image}))]});
    // The value of a variable is not known in the editor.
    let image_or_variable = json!({"type": ["string", "object"], "pattern": format!(r"{image}|\$")});
    let may_be_image = json!({"anyOf": [has("image_uri"), is("package_type", image_or_variable)]});
    let message = "`image_config` requires `image_uri` or `package_type: Image`.";
    rules.push(rule(&not(&may_be_image), [("image_config", message)]));
    let own_files = "A container image has its own files, runtime and handler; leave";
    rules.push(rule(&is_image, FILE_KEYS.map(|key| (key, format!("{own_files} `{key}` out.")))));
    let message = format!("{own_files} this key out.");
    rules.push(json!({"if": has("image_uri"), "then": {"properties": {"package_type": {
        "not": {"type": "string", "pattern": zip},
        "errorMessage": message,
        "doNotSuggest": true,
    }}}}));
    rules.push(json!({"if": is_image, "then": {"properties": {
        "code_signing_config_arn": {"pattern": "^$", "patternErrorMessage": message, "doNotSuggest": true},
    }}}));
    // validate::release
    for key in
        ["traffic", "guard", "provisioned_concurrency", "alias_description", "follow_alias", "codedeploy"]
    {
        rules.push(rule(&not(&has_alias()), [(key, format!("`{key}` requires `alias`."))]));
    }
    rules.push(needs("traffic_interval", "traffic"));
    let message = "An alias points at a numbered version; leave `publish_to` out.";
    rules.push(rule(&has_alias(), [("publish_to", message)]));
    // structures::RuntimeManagement
    let (manual, others) = (json!({"const": "Manual"}), json!({"enum": ["", "Auto", "FunctionUpdate"]}));
    let (none, some) = (json!({"type": "null"}), json!({"not": {"type": "null"}}));
    let unfit = |word: Value, version: Value, required: &[&str]| {
        let properties = json!({"update_runtime_on": word, "runtime_version_arn": version});
        json!({"type": "object", "required": required, "properties": properties})
    };
    rules.push(json!({"if": has("runtime_management"), "then": {"properties": {"runtime_management": {
        "not": {"anyOf": [
            unfit(manual, none, &["update_runtime_on"]),
            unfit(others, some, &["update_runtime_on", "runtime_version_arn"]),
        ]},
        "errorMessage": "`update_runtime_on: Manual` and `runtime_version_arn` require each other.",
    }}}}));
    // structures::Guard
    let nothing = json!({"alarms": {"type": "null"}, "errors": {"type": "null"}});
    rules.push(json!({"if": has("guard"), "then": {"properties": {"guard": {
        "not": {"type": "object", "properties": nothing},
        "errorMessage": "`guard` requires `alarms` or `errors`.",
    }}}}));
    rules.push(rule(
        &has("codedeploy"),
        [
            ("traffic", "`codedeploy` and `traffic` both shift the alias's traffic; keep one."),
            ("guard", "CodeDeploy watches alarms itself: add them to the deployment group."),
            ("release", "CodeDeploy moves its alias on its own; leave `release` out."),
        ],
    ));
    // validate::identity
    for key in ["access_key_id", "secret_access_key"] {
        rules.push(rule(&has("profile"), [(key, "Keys and `profile` are two identities; keep one.")]));
    }
    for key in ["external_id", "role_session_name", "web_identity_token_env"] {
        rules.push(needs(key, "role_to_assume"));
    }
    rules.push(rule(
        &has("web_identity_token_env"),
        [
            ("access_key_id", "`web_identity_token_env` and keys are two identities; keep one."),
            ("profile", "`web_identity_token_env` and `profile` are two identities; keep one."),
            ("external_id", "`web_identity_token_env` and `external_id` exclude each other; keep one."),
        ],
    ));
    // As in the reader of `environment`: only one of the two has an effect.
    let message = "`environment_variables` is ignored because `environment` is also set; keep one.";
    rules.push(rule(&has("environment"), [("environment_variables", message)]));
    Value::Array(rules)
}

/// Matches a stanza that has `key`. A null counts as absent.
fn has(key: &str) -> Value {
    is(key, json!({"not": {"type": "null"}}))
}

/// Matches a stanza whose `key` matches the schema `value`.
fn is(key: &str, value: Value) -> Value {
    json!({"required": [key], "properties": {key: value}})
}

/// Matches a stanza whose `s3_bucket` is not empty.
fn has_bucket() -> Value {
    is("s3_bucket", json!({"not": {"type": ["null", "string"], "maxLength": 0}}))
}

/// Matches a stanza with at least one alias.
fn has_alias() -> Value {
    is(
        "alias",
        json!({"not": {"type": ["null", "string", "array"], "maxLength": 0, "items": {"type": "null"}}}),
    )
}

fn not(condition: &Value) -> Value {
    json!({"not": condition})
}

fn needs(key: &'static str, needed: &str) -> Value {
    rule(&not(&has(needed)), [(key, format!("`{key}` requires `{needed}`."))])
}

/// If `condition` matches, each key in `refused` is an error with its message. The error is shown at the key.
fn rule<const N: usize>(condition: &Value, refused: [(&str, impl Into<String>); N]) -> Value {
    let refused = refused.map(|(key, message)| {
        let message: String = message.into();
        (key.to_owned(), json!({"type": "null", "errorMessage": message, "doNotSuggest": true}))
    });
    let properties: Map<String, Value> = refused.into_iter().collect();
    json!({"if": condition, "then": {"properties": properties}})
}
