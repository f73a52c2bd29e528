//! Fifth phase: applies the steps of a plan. It never interprets a value of the stanza, and contains no
//! user-facing messages.

use std::sync::Once;

use super::aws::Aws;
use super::guard::{GuardWatch, NEXT_SHIFT};
use super::plan::Planned;
use super::step::{OutdatedStep, RunningStep};
use super::verify::verify;
use crate::diagnostics;
use crate::function::LiveFunction;
use crate::lambda::{Applied, DeployState, LambdaError, ShiftOutcome};
use crate::plan::{Action, Plan, Step, WriteCall};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{StepName, StepTarget};
use crate::warnings;

/// How applying a plan ended, if it did not fail. Both values are large, so they are boxed.
pub(super) enum Round<'a> {
    /// All steps took effect. This is the new state of the function.
    Done(Box<DeployState<'a>>),
    /// The function has changed since the plan was made. It can be planned again.
    Replan(Box<OutdatedStep>),
}

/// Applies a plan to the function in `state`, and watches `guard` while it shifts traffic. If it fails during
/// a traffic shift, restores the traffic.
pub(super) fn apply<'a>(
    aws: &Aws<'a>,
    plan: &Plan,
    live: Option<&LiveFunction>,
    mut state: DeployState<'a>,
    guard: Option<&mut GuardWatch>,
) -> Result<Round<'a>, ErrorReport> {
    let report = match apply_steps(aws, &plan.steps, live, &mut state, guard) {
        Ok(None) => return Ok(Round::Done(Box::new(state))),
        Ok(Some(outdated)) if state.shifted.is_empty() => return Ok(Round::Replan(Box::new(outdated))),
        // Another caller has changed the function or the alias during a traffic shift: do not plan again.
        Ok(Some(outdated)) => diagnostics::from_moved_alias(outdated.error, &aws.context.redactor()),
        Err(report) => report,
    };
    let mut report = restore_traffic(aws, report, &mut state);
    if let Some(running) = state.deployment.as_ref().filter(|deployment| deployment.is_running()) {
        let id = aws.context.redaction.foreign_text(&running.deployment_id);
        diagnostics::report_deployment(&mut report, &id);
    }
    Err(name_event_sources(aws, plan, &state, report))
}

/// Sends the dry run of UpdateFunctionCode, so that a missing permission shows before anything is changed.
/// AWS has no dry run for other steps. After a step that decides which code AWS accepts, the result would
/// mean nothing.
pub(super) fn dry_run(aws: &Aws<'_>, planned: &Planned) -> Result<(), ErrorReport> {
    if planned.input.live().is_none() {
        return Ok(());
    }
    let context = aws.context;
    let state = planned.state(context);
    let actions = planned.plan.steps.iter().map(|step| &step.action);
    for action in actions.take_while(|action| !action.affects_code_signing()) {
        match aws.block_on(aws.lambda.dry_run(action, &state)) {
            Ok(()) => {}
            Err(error @ LambdaError::Cancelled { .. }) => return Err(context.failed(error)),
            Err(error) => context.warn(&warnings::from_failed_dry_run(&context.failed(error))),
        }
    }
    Ok(())
}

/// Restores the traffic of shifted aliases, and adds the result to the report.
fn restore_traffic(aws: &Aws<'_>, mut report: ErrorReport, state: &mut DeployState<'_>) -> ErrorReport {
    let count = state.shifted.len();
    for SentBack { alias, version, ended } in send_back(aws, state, count) {
        if ended == Ok(ShiftOutcome::Completed) {
            aws.context.events.record_change(StepName::UpdateAlias);
        }
        diagnostics::report_traffic(&mut report, &alias, &version, state.version(), ended);
    }
    report
}

/// An alias to which all traffic of another version was sent back, and how that ended.
pub(super) struct SentBack {
    pub(super) alias: String,
    /// The version that gets all traffic.
    pub(super) version: String,
    pub(super) ended: Result<ShiftOutcome, ErrorReport>,
}

/// Sends back all traffic of shifted aliases, and in a release of those that have moved. `count`: the number
/// of aliases that are sent back at about the same time.
pub(super) fn send_back(aws: &Aws<'_>, state: &mut DeployState<'_>, count: usize) -> Vec<SentBack> {
    let context = aws.context;
    let shifted: Vec<(String, String)> = state.shifted.clone().into_iter().collect();
    let mut sent_back = Vec::with_capacity(shifted.len());
    for (alias, version) in shifted {
        let target = StepTarget {
            alias: Some(alias.clone()),
            version: Some(version.clone()),
            percent: Some(100),
            ..StepTarget::default()
        };
        let running = RunningStep::start(context, StepName::UpdateAlias, target);
        let ended = match aws.block_on(aws.lambda.restore_traffic(&alias, count, state)) {
            Ok((outcome, applied)) => {
                running.finish(context, applied.attempts, applied.request_id);
                Ok(outcome)
            }
            Err(error) => Err(context.failed(error)),
        };
        sent_back.push(SentBack { alias, version, ended });
    }
    if !sent_back.is_empty() && state.shifted.is_empty() {
        context.events.retract_change(StepName::ShiftTraffic);
    }
    sent_back
}

/// Adds to the report which event source mappings have moved to the alias, if it ends their moves half-way.
pub(super) fn name_event_sources(
    aws: &Aws<'_>,
    plan: &Plan,
    state: &DeployState<'_>,
    mut report: ErrorReport,
) -> ErrorReport {
    let redactor = aws.context.redactor();
    let (mut moved, mut left, mut to) = (Vec::new(), Vec::new(), "");
    for step in &plan.steps {
        if let Action::Write(WriteCall::UpdateEventSourceMapping { uuid, event_source, alias }) = &step.action
        {
            let list = if state.moved_event_sources.contains(uuid) { &mut moved } else { &mut left };
            list.push(redactor.redact(event_source));
            to = alias;
        }
    }
    if !moved.is_empty() && !left.is_empty() {
        diagnostics::report_event_sources(&mut report, to, &moved, &left);
    }
    report
}

/// Applies the steps in order, and records the new state of the function in `state`. Leaves out those that
/// have nothing to do. Returns the step before which the function has changed. `None`: all steps took effect.
pub(super) fn apply_steps(
    aws: &Aws<'_>,
    steps: &[Step],
    live: Option<&LiveFunction>,
    state: &mut DeployState<'_>,
    mut guard: Option<&mut GuardWatch>,
) -> Result<Option<OutdatedStep>, ErrorReport> {
    let Aws { context, lambda, .. } = aws;
    let has_warned = Once::new();
    let role_not_ready = || has_warned.call_once(|| context.warn(&warnings::role_not_ready()));
    for step in steps {
        context.stop.check().map_err(diagnostics::from_stop)?;
        let Some(action) = state.due_action(&step.action, live) else { continue };
        let start = || RunningStep::start(context, action.name(), state.target_of(&action));
        let (running, applied) = match &*action {
            // Each check is a step with its own events.
            Action::Verify => {
                verify(aws, state, live)?;
                continue;
            }
            Action::Wait { interval } => {
                let running = start();
                let waited = match guard.as_deref_mut() {
                    Some(guard) => {
                        guard.watch(aws, state, *interval)?;
                        Ok(())
                    }
                    None => aws.block_on(lambda.sleep(*interval, NEXT_SHIFT)),
                };
                (running, waited.map(|()| Applied::default()))
            }
            Action::WaitForProvisioned { alias } => {
                let running = start();
                let waited = aws.block_on(lambda.wait_for_provisioned(context.name, alias));
                (running, waited.map(|()| Applied::default()))
            }
            Action::UploadPackage { object, archive } => {
                (start(), aws.block_on(lambda.upload_package(object, archive)))
            }
            Action::Write(call) => {
                let running = start();
                if let (WriteCall::ShiftTraffic { percent, .. }, Some(guard)) = (call, guard.as_deref_mut()) {
                    guard.shifts_to(*percent);
                }
                (running, aws.block_on(lambda.apply(call, state, &role_not_ready)))
            }
        };
        match applied {
            Ok(applied) => running.finish(context, applied.attempts, applied.request_id),
            Err(error @ LambdaError::Outdated(_)) => {
                let Applied { attempts, lost_response: may_be_ours, .. } = lambda.applied();
                let (step, function_exists) = (running, !state.arn.is_empty());
                return Ok(Some(OutdatedStep { step, error, may_be_ours, attempts, function_exists }));
            }
            Err(LambdaError::Call(error))
                if action.name() == StepName::DeleteFunction
                    && (error.is_used_by_alias() || error.is_replicated()) =>
            {
                let version = state.target_of(&action).version;
                context.warn(&warnings::version_kept(version.as_deref(), error.is_replicated()));
                running.finish(context, lambda.applied().attempts, error.request_id);
            }
            Err(LambdaError::VersionFailed { version, state_reason }) => {
                let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
                return Err(context.version_failed(&version, state_reason, aliases));
            }
            Err(error) => {
                let name = action.name();
                let is_uncertain = matches!(*action, Action::Write(_))
                    && error.has_lost_response_to(name.operation())
                    // What follows says where shifted traffic goes.
                    && state.shifted.is_empty();
                let report = context.failed(error);
                return Err(match is_uncertain {
                    true => diagnostics::naming_uncertain_step(report, name),
                    false => report,
                });
            }
        }
        if matches!(*action, Action::Write(WriteCall::DeleteFunctionUrlConfig { .. })) {
            state.function_url = None;
        }
    }
    Ok(None)
}
