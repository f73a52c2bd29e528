//! The state of functions in the endpoint: how tests prepare it, and how they compare two of them.

use std::collections::BTreeSet;

use lambda_endpoint::Endpoint;
use serde_json::{Map, Value, json};

pub(crate) const ALIASES: &str = "/2015-03-31/functions/f/aliases";
pub(crate) const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
pub(crate) const EVENT_INVOKE: &str = "/2019-09-25/functions/f/event-invoke-config";
pub(crate) const EVENT_SOURCES: &str = "/2015-03-31/event-source-mappings";
pub(crate) const PROVISIONED: &str = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live";
pub(crate) const VERSIONS: &str = "/2015-03-31/functions/f/versions";

/// The members that differ between runs.
pub(crate) const VARYING: [&str; 5] =
    ["RevisionId", "LastModified", "LastModifiedTime", "CreationTime", "FunctionUrl"];

/// A CreateFunction request for `f` that AWS would accept.
pub(crate) fn create_request() -> Value {
    json!({
        "FunctionName": "f",
        "Role": "arn:aws:iam::123456789012:role/run",
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
    })
}

/// Calls an operation as another client, which AWS must not refuse.
#[track_caller]
pub(crate) fn perform(endpoint: &Endpoint, method: &str, target: &str, body: Value) -> Value {
    endpoint.perform(method, target, body).unwrap_or_else(|words| panic!("{method} {target}: {words}"))
}

/// Publishes a version of `f` with each of these timeouts.
#[track_caller]
pub(crate) fn publish(endpoint: &Endpoint, timeouts: impl IntoIterator<Item = u32>) {
    for timeout in timeouts {
        perform(endpoint, "PUT", CONFIGURATION, json!({"Timeout": timeout}));
        perform(endpoint, "POST", VERSIONS, json!({}));
    }
}

/// Returns a list of versions or aliases as a map, so that the list of differences shows the names.
pub(crate) fn keyed(list: &Value, key: &str) -> Value {
    let items = list.as_array().into_iter().flatten();
    let named = |item: &Value| (item[key].as_str().unwrap_or_default().to_owned(), with_version_before(item));
    items.map(named).collect::<Map<_, _>>().into()
}

/// Returns an alias with the history that its description stands for. CodeDeploy leaves the description as it
/// is, so after a run that was killed or failed, `(at 1, codedeploy to 2)` stands for `(at 2, before: 1)`.
fn with_version_before(live: &Value) -> Value {
    let mut alias = live.clone();
    let description = live["Description"].as_str().unwrap_or_default();
    let inside = description.strip_prefix("(at ").and_then(|rest| rest.strip_suffix(')'));
    if let Some((at, to)) = inside.and_then(|inside| inside.split_once(", codedeploy to "))
        && live["FunctionVersion"] == to
    {
        alias["Description"] = json!(format!("(at {to}, before: {at})"));
    }
    alias
}

/// Removes the members with these names, at any depth.
pub(crate) fn strip(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(&name.as_str()));
            members.values_mut().for_each(|member| strip(member, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lists every difference between two values, with its pointer.
pub(crate) fn differences(expected: &Value, actual: &Value, at: &str) -> Vec<String> {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let within = |name: &String| differences(&expected[name], &actual[name], &format!("{at}/{name}"));
            names.into_iter().flat_map(within).collect()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let within = |place: usize| differences(&left[place], &right[place], &format!("{at}/{place}"));
            (0..left.len()).flat_map(within).collect()
        }
        _ if expected == actual => Vec::new(),
        _ => vec![format!("{at} is {actual}, not {expected}")],
    }
}
