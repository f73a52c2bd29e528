//! Defines what every phase needs and none changes. What a phase computes is not kept here; it is returned.

use std::sync::Arc;
use std::time::Instant;

use super::job::Job;
use super::redaction::Redaction;
use super::shared::Shared;
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::function::{DesiredFunction, LiveAlias};
use crate::lambda::{LambdaError, StateReason};
use crate::options;
use crate::protocol::error::{ErrorReport, Warning};
use crate::protocol::event::Event;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::Redactor;
use crate::protocol::stanza::Stanza;

/// A run whose stanza is valid and whose conditions are met.
pub(super) struct Context<'a> {
    pub(super) job: &'a Job,
    pub(super) stanza: &'a Stanza,
    pub(super) name: &'a FunctionName,
    pub(super) redaction: Redaction<'a>,
    pub(super) events: &'a Arc<EventWriter>,
    pub(super) stop: &'a CancelToken,
    /// What the functions of the request share. `None`: the request deploys one function.
    pub(super) shared: Option<&'a Shared>,
    /// Name of the release that the function is deployed with, with secrets masked. `None`: it is deployed on
    /// its own.
    pub(super) release: Option<&'a str>,
    /// The start of the run.
    pub(super) began: Instant,
}

impl Context<'_> {
    pub(super) fn warn(&self, warning: &Warning) {
        self.events.emit(Event::Warning(self.redaction.warning(warning)));
    }

    /// True if the stanza has an alias, so that an update of the function alone is not live.
    pub(super) fn has_alias(&self) -> bool {
        self.stanza.first_alias().is_some()
    }

    /// True if the deployment is wanted for one state of the function only, so that it is not planned again
    /// after a change by another caller.
    pub(super) fn is_for_one_state(&self) -> bool {
        self.stanza.revision_id.is_some() || self.job.approved.is_some()
    }

    /// Masks all secrets known now, in texts from other sources.
    pub(super) fn redactor(&self) -> Arc<Redactor> {
        self.redaction.complete()
    }

    /// The function that the stanza describes. Runs git if the description of a version needs it.
    pub(super) fn desired_function(&self) -> DesiredFunction {
        let job = self.job;
        let mut desired =
            DesiredFunction::of(self.stanza, self.name.clone(), options::default_description(&job.env));
        if desired.release.publish {
            let description = self.stanza.description.as_deref();
            desired.release.description =
                options::version_description(description, &job.env, &job.directory, self.stop);
        }
        desired
    }

    pub(super) fn failed(&self, error: LambdaError) -> ErrorReport {
        let mut report = diagnostics::from_lambda(error, &self.redactor());
        // AWS's error refers to the zip, even if it comes from S3.
        if self.stanza.s3_key.is_some() && report.at.as_deref() == Some("/zip") {
            report.at = Some("/s3_key".to_owned());
        }
        report
    }

    /// The report for a version that failed. It names the version at which the first alias of the stanza
    /// stays.
    pub(super) fn version_failed(
        &self,
        version: &str,
        state_reason: StateReason,
        aliases: &[LiveAlias],
    ) -> ErrorReport {
        let names = self.stanza.alias.iter().flatten();
        let alias = names.filter_map(|name| aliases.iter().find(|alias| alias.name == *name)).next();
        let alias = alias.map(|alias| (self.redaction.variables.redact(&alias.name), alias.version.as_str()));
        diagnostics::from_failed_version(version, state_reason, alias, &self.redactor())
    }
}
