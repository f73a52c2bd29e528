//! Verifies a version: invokes it, runs the user's command, and checks both results.
//! The messages for a failed check come from [`crate::diagnostics`].

use std::time::Duration;

use super::DeployRun;
use crate::child::ChildError;
use crate::commands::{self, CommandError};
use crate::diagnostics::{self, VerificationFailure};
use crate::function::LiveAlias;
use crate::lambda::{Applied, DeployState, Lambda, LambdaError};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Stream};
use crate::protocol::structures::Verify;
use crate::verification::{judge, payload};

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
        subject: &DeployState<'_>,
        proof: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<Applied, ErrorReport> {
        let verify = self.stanza.verify.clone().unwrap_or_default();
        let limit = verify.timeout.unwrap_or(LIMIT);
        let mut applied = Applied::default();
        if verify.invokes() {
            applied = self.invoke(&verify, limit, subject, proof, lambda).await?;
        }
        if let Some(command) = &verify.command {
            self.run_check(command, limit, subject, proof)?;
        }
        Ok(applied)
    }

    async fn invoke(
        &self,
        verify: &Verify,
        limit: Duration,
        subject: &DeployState<'_>,
        proof: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<Applied, ErrorReport> {
        let payload = payload(verify.payload.as_ref());
        // Gets the redactor for each text: the call may renew credentials.
        let redact = |text: &str| self.redactor().redact(text);
        let failed = |why, log| self.unproved(subject, proof, why, log);
        let answer = match lambda.invoke(self.name, subject.version(), &payload, limit).await {
            Ok(answer) => answer,
            Err(LambdaError::NoAnswer(limit)) => {
                return Err(failed(diagnostics::FailureReason::NoAnswer(limit), Vec::new()));
            }
            Err(error) => return Err(self.failed(error)),
        };
        judge(verify.expect.as_ref(), &answer).map_err(|unmet| {
            let lines: Vec<String> = answer.log.lines().map(redact).collect();
            for line in &lines {
                self.journal.emit(Event::Output { stream: Stream::Log, line: line.clone() });
            }
            failed(diagnostics::FailureReason::Answer(unmet), lines)
        })?;
        Ok(lambda.applied())
    }

    fn run_check(
        &self,
        command: &str,
        limit: Duration,
        subject: &DeployState<'_>,
        proof: &VerifyContext<'_>,
    ) -> Result<(), ErrorReport> {
        let env = self.job.env.with("FUNCTION_ARN", &subject.arn).with("VERSION", subject.version());
        let redactor = self.redactor();
        let redact = |text: &str| redactor.redact(text);
        let mut report = |stream, line: String| self.journal.emit(Event::Output { stream, line });
        let commands = [command.to_owned()];
        let ended =
            commands::run_in_bash(&commands, &env, &self.job.directory, Some(limit), self.stop, &redact, &mut report);
        let why = match ended {
            Ok(()) => return Ok(()),
            Err(CommandError::RunFailed { how, .. }) => diagnostics::FailureReason::Command { how },
            Err(CommandError::Child(ChildError::TimedOut(limit))) => diagnostics::FailureReason::SlowCommand(limit),
            Err(error) => return Err(diagnostics::from_command(error, &redactor)),
        };
        Err(self.unproved(subject, proof, why, Vec::new()))
    }

    fn unproved(
        &self,
        subject: &DeployState<'_>,
        proof: &VerifyContext<'_>,
        why: diagnostics::FailureReason,
        log: Vec<String>,
    ) -> ErrorReport {
        let redactor = self.redactor();
        let redact = |text: &str| redactor.redact(text);
        let mut report = diagnostics::from_verification(&self.unproven(subject, proof), why, log, &redact);
        if let Some(url) = proof.latest_url {
            report.message = format!("{}; {} already serves the new code", report.message, redact(url));
        }
        report
    }

    /// Which version the users of the function get now that the verification has failed.
    fn unproven<'a>(&self, subject: &'a DeployState<'_>, proof: &'a VerifyContext<'_>) -> VerificationFailure<'a> {
        let version = subject.version();
        let names = self.stanza.alias.as_deref().unwrap_or_default();
        let mut aliases = proof.aliases.iter().filter(|alias| names.contains(&alias.name));
        if names.is_empty() {
            return VerificationFailure::LiveFunction { version };
        }
        if !subject.shifted.is_empty() {
            return VerificationFailure::Shifted { version };
        }
        if let Some(alias) = aliases.clone().find(|alias| alias.version == version) {
            return VerificationFailure::Reached { version, alias: &alias.name };
        }
        match aliases.next() {
            Some(alias) => VerificationFailure::Behind { version, alias: &alias.name, live: &alias.version },
            None => VerificationFailure::Unreached { version },
        }
    }
}
