//! Verifies a version: runs each check, which invokes it, runs the user's command, or both.
//! The messages for a failed check come from [`crate::diagnostics`].

use std::time::Duration;

use super::aws::Aws;
use super::context::Context;
use super::step::RunningStep;
use super::user_commands::run_in_bash;
use crate::child::ChildError;
use crate::commands::CommandError;
use crate::diagnostics::{self, FailureReason, VersionExposure};
use crate::function::{LiveAlias, LiveFunction};
use crate::lambda::{Applied, DeployState, LambdaError};
use crate::plan::Action;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, StepName, StepTarget, Stream};
use crate::protocol::version_check::VersionCheck;
use crate::verification::{InvokeRequest, InvokeResponse, check_response, payload};

/// Default time limit for the invocation, and for the command.
const LIMIT: Duration = Duration::from_secs(60);

/// Why a check failed, and the end of the function's log, redacted.
type Failure = (FailureReason, Vec<String>);

/// Verifies the version that was published last. The checks run in order, and the first that fails ends them.
/// Each is a step with its own events. `live` is the function before the plan. It shows what a failed
/// verification means for the users of the function.
pub(super) fn verify(
    aws: &Aws<'_>,
    state: &DeployState<'_>,
    live: Option<&LiveFunction>,
) -> Result<(), ErrorReport> {
    let context = aws.context;
    for check in context.stanza.verify.iter().flatten() {
        context.stop.check().map_err(diagnostics::from_stop)?;
        let target = StepTarget {
            check: check.index,
            check_name: check.verify.name.clone(),
            ..state.target_of(&Action::Verify)
        };
        let running = RunningStep::start(context, StepName::Verify, target);
        let Applied { attempts, request_id, .. } = run_check(aws, check, state, live)?;
        running.finish(context, attempts, request_id);
    }
    Ok(())
}

fn run_check(
    aws: &Aws<'_>,
    check: &VersionCheck,
    state: &DeployState<'_>,
    live: Option<&LiveFunction>,
) -> Result<Applied, ErrorReport> {
    let context = aws.context;
    let failed = |(reason, log): Failure| report(context, check, state, live, reason, log);
    let limit = check.verify.timeout.unwrap_or(LIMIT);
    let mut applied = Applied::default();
    if check.verify.invokes() {
        let response = invoke(aws, check, limit, state)?.map_err(failed)?;
        applied = aws.lambda.applied();
        let unmet = check_response(check.verify.expect.as_ref(), &response).err();
        let is_shown = unmet.is_some() || check.verify.log == Some(true);
        let log = if is_shown { show_log(context, &response) } else { Vec::new() };
        if let Some(unmet) = unmet {
            return Err(failed((FailureReason::UnexpectedResponse(unmet), log)));
        }
    }
    if let Some(command) = &check.verify.command {
        run_command(context, command, limit, state)?.map_err(failed)?;
    }
    Ok(applied)
}

/// Invokes the version. The outer error says that AWS refused the call.
fn invoke(
    aws: &Aws<'_>,
    check: &VersionCheck,
    limit: Duration,
    state: &DeployState<'_>,
) -> Result<Result<InvokeResponse, Failure>, ErrorReport> {
    let request = InvokeRequest {
        version: state.version(),
        tenant_id: check.verify.tenant_id.as_deref(),
        payload: payload(check.verify.payload.as_ref()),
        client_context: check.verify.client_context.as_deref(),
        limit,
    };
    match aws.block_on(aws.lambda.invoke(aws.context.name, &request)) {
        Ok(response) => Ok(Ok(response)),
        Err(LambdaError::NoResponse(limit)) => Ok(Err((FailureReason::NoResponse(limit), Vec::new()))),
        Err(error) => {
            let mut report = aws.context.failed(error);
            let member = report.at.as_deref().and_then(|at| at.strip_prefix("/verify"));
            report.at = member.map(|member| check.at() + member).or(report.at);
            Err(report)
        }
    }
}

/// Writes the end of the function's log as events. Returns its lines, redacted.
fn show_log(context: &Context<'_>, response: &InvokeResponse) -> Vec<String> {
    let redactor = context.redactor();
    let lines: Vec<String> = response.log.lines().map(|line| redactor.redact(line)).collect();
    for line in &lines {
        context.events.emit(Event::Output { stream: Stream::Log, line: line.clone() });
    }
    lines
}

/// Runs the command of a check. The outer error says that it could not run.
fn run_command(
    context: &Context<'_>,
    command: &str,
    limit: Duration,
    state: &DeployState<'_>,
) -> Result<Result<(), Failure>, ErrorReport> {
    let env = context.job.env.with("FUNCTION_ARN", &state.arn).with("VERSION", state.version());
    let reason = match run_in_bash(context, &[command.to_owned()], &env, Some(limit)) {
        Ok(()) => return Ok(Ok(())),
        Err(CommandError::RunFailed { status, .. }) => FailureReason::Command { status },
        Err(CommandError::Child(ChildError::TimedOut(limit))) => FailureReason::SlowCommand(limit),
        Err(error) => return Err(diagnostics::from_command(error, &context.redactor())),
    };
    Ok(Err((reason, Vec::new())))
}

fn report(
    context: &Context<'_>,
    check: &VersionCheck,
    state: &DeployState<'_>,
    live: Option<&LiveFunction>,
    reason: FailureReason,
    log: Vec<String>,
) -> ErrorReport {
    let redactor = context.redactor();
    let redact = |text: &str| redactor.redact(text);
    let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
    let exposure = exposure(context.stanza.alias.as_deref().unwrap_or_default(), state, aliases);
    let mut report = diagnostics::from_verification(check, state.version(), exposure, reason, log, &redact);
    // With an alias, the URL of the function itself serves the new code already.
    if let Some(latest) = live.and_then(|live| live.latest_url.as_ref()) {
        report.message = format!("{}; {} already serves the new code", report.message, redact(&latest.url));
    }
    report
}

/// Which version the users of the function get now that the verification has failed. `names` are the aliases
/// of the stanza, `aliases` those of the live function.
fn exposure<'a>(names: &[String], state: &DeployState<'_>, aliases: &'a [LiveAlias]) -> VersionExposure<'a> {
    let mut aliases = aliases.iter().filter(|alias| names.contains(&alias.name));
    if names.is_empty() {
        return VersionExposure::LiveFunction;
    }
    if !state.shifted.is_empty() {
        return VersionExposure::Shifted;
    }
    if let Some(alias) = aliases.clone().find(|alias| alias.version == state.version()) {
        return VersionExposure::Reached { alias: &alias.name };
    }
    match aliases.next() {
        Some(alias) => VersionExposure::Behind { alias: &alias.name, live: &alias.version },
        None => VersionExposure::Unreached,
    }
}
