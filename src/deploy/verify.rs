//! Verifies a version: invokes it, runs the user's command, and checks both results.
//! The messages for a failed check come from [`crate::diagnostics`].

use std::time::Duration;

use super::aws::Aws;
use super::context::Context;
use super::user_commands::run_in_bash;
use crate::child::ChildError;
use crate::commands::CommandError;
use crate::diagnostics::{self, FailureReason, VersionExposure};
use crate::function::{LiveAlias, LiveFunction};
use crate::lambda::{Applied, DeployState, LambdaError};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Stream};
use crate::protocol::structures::Verify;
use crate::verification::{check_response, payload};

/// Default time limit for the invocation, and for the command.
const LIMIT: Duration = Duration::from_secs(60);

/// Verifies the version that was published last. `live` is the function before the plan. It shows what a
/// failed verification means for the users of the function.
pub(super) fn verify(
    aws: &Aws<'_>,
    state: &DeployState<'_>,
    live: Option<&LiveFunction>,
) -> Result<Applied, ErrorReport> {
    let context = aws.context;
    let verify = context.stanza.verify.clone().unwrap_or_default();
    let limit = verify.timeout.unwrap_or(LIMIT);
    let failed = |reason, log| report(context, state, live, reason, log);
    let mut applied = Applied::default();
    if verify.invokes() {
        applied = invoke(aws, &verify, limit, state, &failed)?;
    }
    if let Some(command) = &verify.command {
        run_check(context, command, limit, state, &failed)?;
    }
    Ok(applied)
}

fn invoke(
    aws: &Aws<'_>,
    verify: &Verify,
    limit: Duration,
    state: &DeployState<'_>,
    failed: &dyn Fn(FailureReason, Vec<String>) -> ErrorReport,
) -> Result<Applied, ErrorReport> {
    let context = aws.context;
    let payload = payload(verify.payload.as_ref());
    let tenant = verify.tenant_id.as_deref();
    let invocation = aws.lambda.invoke(context.name, state.version(), tenant, &payload, limit);
    let answer = match aws.block_on(invocation) {
        Ok(answer) => answer,
        Err(LambdaError::NoResponse(limit)) => {
            return Err(failed(FailureReason::NoResponse(limit), Vec::new()));
        }
        Err(error) => return Err(context.failed(error)),
    };
    check_response(verify.expect.as_ref(), &answer).map_err(|unmet| {
        let redactor = context.redactor();
        let lines: Vec<String> = answer.log.lines().map(|line| redactor.redact(line)).collect();
        for line in &lines {
            context.events.emit(Event::Output { stream: Stream::Log, line: line.clone() });
        }
        failed(FailureReason::UnexpectedResponse(unmet), lines)
    })?;
    Ok(aws.lambda.applied())
}

fn run_check(
    context: &Context<'_>,
    command: &str,
    limit: Duration,
    state: &DeployState<'_>,
    failed: &dyn Fn(FailureReason, Vec<String>) -> ErrorReport,
) -> Result<(), ErrorReport> {
    let env = context.job.env.with("FUNCTION_ARN", &state.arn).with("VERSION", state.version());
    let reason = match run_in_bash(context, &[command.to_owned()], &env, Some(limit)) {
        Ok(()) => return Ok(()),
        Err(CommandError::RunFailed { status, .. }) => FailureReason::Command { status },
        Err(CommandError::Child(ChildError::TimedOut(limit))) => FailureReason::SlowCommand(limit),
        Err(error) => return Err(diagnostics::from_command(error, &context.redactor())),
    };
    Err(failed(reason, Vec::new()))
}

fn report(
    context: &Context<'_>,
    state: &DeployState<'_>,
    live: Option<&LiveFunction>,
    reason: FailureReason,
    log: Vec<String>,
) -> ErrorReport {
    let redactor = context.redactor();
    let redact = |text: &str| redactor.redact(text);
    let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
    let exposure = exposure(context.stanza.alias.as_deref().unwrap_or_default(), state, aliases);
    let mut report = diagnostics::from_verification(&exposure, reason, log, &redact);
    // With an alias, the URL of the function itself serves the new code already.
    if let Some(latest) = live.and_then(|live| live.latest_url.as_ref()) {
        report.message = format!("{}; {} already serves the new code", report.message, redact(&latest.url));
    }
    report
}

/// Which version the users of the function get now that the verification has failed. `names` are the aliases
/// of the stanza, `aliases` those of the live function.
fn exposure<'a>(
    names: &[String],
    state: &'a DeployState<'_>,
    aliases: &'a [LiveAlias],
) -> VersionExposure<'a> {
    let version = state.version();
    let mut aliases = aliases.iter().filter(|alias| names.contains(&alias.name));
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
