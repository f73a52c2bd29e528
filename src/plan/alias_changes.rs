//! Describes changes of an alias: of the version at which it points, of its weights and of its description.

use serde_json::{Value, json};

use crate::function::LiveAlias;
use crate::protocol::event::Change;

/// Stands for a version in changes until AWS has assigned its number.
const NEW: &str = "the new version";

/// The change of the version at which an alias points. `None`: a step publishes it.
pub(super) fn alias_change(name: &str, from: Value, to: Option<&str>) -> Change {
    Change { field: format!("alias.{name}"), from, to: json!(to.unwrap_or(NEW)) }
}

/// The change of the text in the description of an alias, without its history. `None`: it does not change.
pub(super) fn description_change(alias: &LiveAlias, described: &LiveAlias) -> Option<Change> {
    let shown = |alias: &LiveAlias| Some(alias.history.text().to_owned()).filter(|text| !text.is_empty());
    let (from, to) = (json!(shown(alias)), json!(shown(described)));
    (from != to).then(|| Change { field: format!("alias.{}.description", alias.name), from, to })
}

/// The change that removes the weights of an alias. `None`: it has none.
pub(super) fn weights_change(alias: &LiveAlias) -> Option<Change> {
    let shares = alias.shares();
    let weights: serde_json::Map<String, Value> =
        shares.iter().map(|(version, percent)| (version.clone(), json!(percent))).collect();
    let change =
        Change { field: format!("alias.{}.weights", alias.name), from: json!(weights), to: Value::Null };
    (!shares.is_empty()).then_some(change)
}
