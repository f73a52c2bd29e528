//! What callers ask in, the body of AWS's answer out: one file to a subject.
//! Never a status or a header, but those of Invoke: all others are `account.rs`'s and `route.rs`'s.

mod aliases;
mod concurrency;
mod functions;
mod invoke;
mod policy;
mod provisioned;
mod signing;
pub(crate) mod tags;
mod urls;
mod versions;

use serde_json::{Value, json};

use crate::account::Ask;

/// A page of a list, after `Marker` and no longer than `MaxItems` (50 where the caller is silent, as with AWS).
fn page(key: &str, all: &[Value], ask: &Ask<'_>) -> Value {
    let number = |name| ask.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let start = number("Marker").unwrap_or(0).min(all.len());
    let end = start.saturating_add(number("MaxItems").unwrap_or(50).max(1)).min(all.len());
    let mut page = json!({ key: all[start..end] });
    if end < all.len() {
        page["NextMarker"] = json!(end.to_string());
    }
    page
}
