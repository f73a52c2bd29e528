//! Defines one step of a plan: an action, and the values that it changes.

use super::action::{Action, WriteCall};
use crate::protocol::event::Change;

/// One step of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What the step does.
    pub action: Action,
    /// The values that the step changes, with secrets masked.
    pub changes: Vec<Change>,
}

impl Step {
    pub(super) fn write(call: WriteCall, changes: Vec<Change>) -> Step {
        Step { action: Action::Write(call), changes }
    }

    /// The step with one more change. `None`: there is none.
    #[must_use]
    pub(super) fn also(mut self, change: Option<Change>) -> Step {
        self.changes.extend(change);
        self
    }
}
