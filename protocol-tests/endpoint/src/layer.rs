//! A layer with its versions. Never gives a number twice, also not after a version is deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    /// Number of the version that was published last; 0 if there is none.
    last: u64,
    /// The answer of GetLayerVersion, by number.
    pub(crate) versions: BTreeMap<u64, Value>,
}

impl Layer {
    /// Adds a version with these members. `arn` is that of the layer. Returns the answer about it.
    pub(crate) fn publish(&mut self, arn: &str, members: &Value) -> Value {
        self.last += 1;
        let mut version = members.clone();
        version["LayerArn"] = json!(arn);
        version["LayerVersionArn"] = json!(format!("{arn}:{}", self.last));
        version["Version"] = json!(self.last);
        self.versions.insert(self.last, version.clone());
        version
    }
}
