//! Defines one step of a plan: an action, and the values that it changes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::action::{Action, WriteCall};
use crate::code_source::Object;
use crate::package::Archive;
use crate::protocol::event::Change;

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub action: Action,
    /// The values that the step changes, with secrets masked.
    pub changes: Vec<Change>,
}

impl Step {
    pub(super) fn write(call: WriteCall, changes: Vec<Change>) -> Step {
        Step { action: Action::Write(call), changes }
    }

    /// The step that uploads an archive. Shows the object, so that an approved plan holds the bucket.
    pub(super) fn upload(object: Object, archive: Arc<Archive>) -> Step {
        let to = json!(object.to_string());
        let change = Change { field: "package".to_owned(), from: Value::Null, to };
        Step { action: Action::UploadPackage { object, archive }, changes: vec![change] }
    }

    /// The step with one more change. `None`: there is none.
    #[must_use]
    pub(super) fn also(mut self, change: Option<Change>) -> Step {
        self.changes.extend(change);
        self
    }

    /// The version of the function that the step deletes. `None`: it deletes none.
    pub(super) fn deleted_version(&self) -> Option<&str> {
        match &self.action {
            Action::Write(WriteCall::DeleteVersion { version }) => Some(version),
            _ => None,
        }
    }
}
