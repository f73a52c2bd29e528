//! Verifies a version: invokes it, runs the user's command, and checks both results.
//! The messages for a failed check come from [`crate::diagnostics`].

use std::time::Duration;

use super::DeployRun;
use crate::child::ChildError;
use crate::commands::{self, CommandError};
use crate::diagnostics::{self, VersionExposure};
use crate::function::LiveAlias;
use crate::lambda::{Applied, DeployState, Lambda, LambdaError};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Stream};
use crate::protocol::structures::Verify;
use crate::verification::{check_response, payload};

/// Default time limit for the invocation, and for the command.
const LIMIT: Duration = Duration::from_secs(60);

/// Facts about the live function that show what a failed verification means for its users.
pub(super) struct VerifyContext<'a> {
    /// The live aliases of the function.
    pub(super) aliases: &'a [LiveAlias],
    /// URL of the function itself, if the stanza asks for one with an alias. It serves the new code already.
    pub(super) latest_url: Option<&'a str>,
}

impl DeployRun<'_> {
    /// Verifies the version that was published last.
    pub(super) async fn verify(
        &self,
        state: &DeployState<'_>,
        context: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<Applied, ErrorReport> {
        let verify = self.stanza.verify.clone().unwrap_or_default();
        let limit = verify.timeout.unwrap_or(LIMIT);
        let mut applied = Applied::default();
        if verify.invokes() {
            applied = self.invoke(&verify, limit, state, context, lambda).await?;
        }
        if let Some(command) = &verify.command {
            self.run_check(command, limit, state, context)?;
        }
        Ok(applied)
    }

    async fn invoke(
        &self,
        verify: &Verify,
        limit: Duration,
        state: &DeployState<'_>,
        context: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<Applied, ErrorReport> {
        let payload = payload(verify.payload.as_ref());
        // Gets the redactor for each text: the call may renew credentials.
        let redact = |text: &str| self.redactor().redact(text);
        let failed = |reason, log| self.verification_report(state, context, reason, log);
        let answer = match lambda.invoke(self.name, state.version(), &payload, limit).await {
            Ok(answer) => answer,
            Err(LambdaError::NoResponse(limit)) => {
                return Err(failed(diagnostics::FailureReason::NoResponse(limit), Vec::new()));
            }
            Err(error) => return Err(self.failed(error)),
        };
        check_response(verify.expect.as_ref(), &answer).map_err(|unmet| {
            let lines: Vec<String> = answer.log.lines().map(redact).collect();
            for line in &lines {
                self.events.emit(Event::Output { stream: Stream::Log, line: line.clone() });
            }
            failed(diagnostics::FailureReason::UnexpectedResponse(unmet), lines)
        })?;
        Ok(lambda.applied())
    }

    fn run_check(
        &self,
        command: &str,
        limit: Duration,
        state: &DeployState<'_>,
        context: &VerifyContext<'_>,
    ) -> Result<(), ErrorReport> {
        let env = self.job.env.with("FUNCTION_ARN", &state.arn).with("VERSION", state.version());
        let redactor = self.redactor();
        let redact = |text: &str| redactor.redact(text);
        let mut report = |stream, line: String| self.events.emit(Event::Output { stream, line });
        let commands = [command.to_owned()];
        let ended = commands::run_in_bash(
            &commands,
            &env,
            &self.job.directory,
            Some(limit),
            self.stop,
            &redact,
            &mut report,
        );
        let reason = match ended {
            Ok(()) => return Ok(()),
            Err(CommandError::RunFailed { status, .. }) => diagnostics::FailureReason::Command { status },
            Err(CommandError::Child(ChildError::TimedOut(limit))) => {
                diagnostics::FailureReason::SlowCommand(limit)
            }
            Err(error) => return Err(diagnostics::from_command(error, &redactor)),
        };
        Err(self.verification_report(state, context, reason, Vec::new()))
    }

    fn verification_report(
        &self,
        state: &DeployState<'_>,
        context: &VerifyContext<'_>,
        reason: diagnostics::FailureReason,
        log: Vec<String>,
    ) -> ErrorReport {
        let redactor = self.redactor();
        let redact = |text: &str| redactor.redact(text);
        let mut report = diagnostics::from_verification(&self.exposure(state, context), reason, log, &redact);
        if let Some(url) = context.latest_url {
            report.message = format!("{}; {} already serves the new code", report.message, redact(url));
        }
        report
    }

    /// Which version the users of the function get now that the verification has failed.
    fn exposure<'a>(
        &self,
        state: &'a DeployState<'_>,
        context: &'a VerifyContext<'_>,
    ) -> VersionExposure<'a> {
        let version = state.version();
        let names = self.stanza.alias.as_deref().unwrap_or_default();
        let mut aliases = context.aliases.iter().filter(|alias| names.contains(&alias.name));
        if names.is_empty() {
            return VersionExposure::LiveFunction { version };
        }
        if !state.shifted.is_empty() {
            return VersionExposure::Shifted { version };
        }
        if let Some(alias) = aliases.clone().find(|alias| alias.version == version) {
            return VersionExposure::Reached { version, alias: &alias.name };
        }
        match aliases.next() {
            Some(alias) => VersionExposure::Behind { version, alias: &alias.name, live: &alias.version },
            None => VersionExposure::Unreached { version },
        }
    }
}
