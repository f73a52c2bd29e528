//! Implements the operations: each takes the request's arguments and returns the body of the answer. One file
//! per subject. Only Invoke sets a status or headers; for all other operations `dispatch.rs` and `route.rs`
//! do.

mod alarms;
mod aliases;
mod concurrency;
mod durable;
mod event_invoke;
pub(crate) mod event_sources;
mod functions;
mod invoke;
mod layers;
mod metrics;
mod policy;
mod provisioned;
mod recursion;
mod runtime_management;
mod scaling;
mod signing;
mod tags;
mod urls;
mod versions;

use serde_json::{Value, json};

use crate::account::Arguments;
use crate::refusal::Refusal;

/// Returns a page of a list that starts at `Marker` and has at most `MaxItems` entries (default 50, as on
/// AWS).
fn page(key: &str, all: &[Value], arguments: &Arguments<'_>) -> Value {
    let number = |name| arguments.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let start = number("Marker").unwrap_or(0).min(all.len());
    let end = start.saturating_add(number("MaxItems").unwrap_or(50).max(1)).min(all.len());
    let mut page = json!({ key: all[start..end] });
    if end < all.len() {
        page["NextMarker"] = json!(end.to_string());
    }
    page
}

/// Returns where a page of a list of `count` items starts, as its `NextToken` says, and the token of the next
/// page. `None`: no page follows. Fails if the token is none of ours.
fn token(body: &Value, count: usize, most: usize) -> Result<(usize, Option<String>), Refusal> {
    let start = match body["NextToken"].as_str() {
        None => 0,
        Some(token) => {
            let start = token.strip_prefix("from-").and_then(|start| start.parse().ok());
            start.ok_or(Refusal::InvalidNextToken)?
        }
    };
    let end = most.saturating_add(start);
    Ok((start, (end < count).then(|| format!("from-{end}"))))
}
