//! Writes the events of a step. Defines a step that failed because the function has changed.
#![expect(clippy::disallowed_methods, reason = "measures how long steps take")]

use std::time::Instant;

use super::context::Context;
use crate::lambda::LambdaError;
use crate::plan::{Plan, Step};
use crate::protocol::event::{Event, StepName, StepTarget};

/// A step whose start event has been written.
pub(super) struct RunningStep {
    name: StepName,
    began: Instant,
}

impl RunningStep {
    pub(super) fn start(context: &Context<'_>, name: StepName, mut target: StepTarget) -> Self {
        let redaction = &context.redaction;
        target.alias = target.alias.map(|alias| redaction.variables.redact(&alias));
        target.version = target.version.map(|version| redaction.version(version));
        target.check_name = target.check_name.map(|name| redaction.variables.redact(&name));
        target.event_source = target.event_source.map(|source| redaction.foreign_text(&source));
        target.layer = target.layer.map(|layer| redaction.foreign_text(&layer));
        context.events.emit(Event::StepStarted {
            step: name,
            function_name: redaction.variables.redact(context.name.as_str()),
            target,
        });
        RunningStep { name, began: Instant::now() }
    }

    pub(super) fn finish(self, context: &Context<'_>, attempts: u32, request_id: Option<String>) {
        let (step, duration_ms) = (self.name, milliseconds(self.began));
        let request_id = request_id.map(|id| context.redaction.foreign_text(&id));
        context.events.emit(Event::StepFinished { step, duration_ms, attempts, request_id });
    }
}

/// The time since an instant.
pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A step that failed because the function has changed since the plan was made.
pub(super) struct OutdatedStep {
    pub(super) step: RunningStep,
    /// The error of the step.
    pub(super) error: LambdaError,
    /// True if a response was lost before, so that the change may be our own.
    pub(super) may_be_ours: bool,
    pub(super) attempts: u32,
    /// True if the function existed when the step failed.
    pub(super) function_exists: bool,
}

impl OutdatedStep {
    /// Checks whether the step was in fact applied by our own request, whose response was lost: then the new
    /// plan no longer contains it.
    ///
    /// # Errors
    /// The error of the step, if it was not our own request.
    pub(super) fn check_was_ours(self, context: &Context<'_>, plan: &Plan) -> Result<(), LambdaError> {
        let step = self.step.name;
        let is_left = |planned: &Step| match step {
            // If the function has everything that the stanza asks for, our own CreateFunction has made it.
            StepName::CreateFunction => planned.action.name().is_part_of_creation(),
            other => planned.action.name() == other,
        };
        let is_ours = self.may_be_ours && !plan.steps.iter().any(is_left);
        if !is_ours {
            return Err(self.error);
        }
        context.events.record_change(step);
        self.step.finish(context, self.attempts, None);
        Ok(())
    }
}
