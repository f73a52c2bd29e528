//! Defines an event source mapping.

use std::time::Instant;

use serde_json::{Value, json};

/// An event source mapping. It belongs to the account, so it outlives its function.
pub(crate) struct EventSource {
    /// EventSourceMappingConfiguration without `State`.
    pub(crate) mapping: Value,
    pub(crate) is_enabled: bool,
    /// When the state `Updating` ends. `None`: no update is in progress.
    pub(crate) until: Option<Instant>,
}

impl EventSource {
    /// EventSourceMappingConfiguration.
    pub(crate) fn answer(&self) -> Value {
        let mut answer = self.mapping.clone();
        let settled = if self.is_enabled { "Enabled" } else { "Disabled" };
        answer["State"] = json!(if self.until.is_some() { "Updating" } else { settled });
        answer
    }
}
