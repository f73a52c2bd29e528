//! Moves the aliases of a stanza back to their previous version. It never packages anything. It never plans
//! again after a change by another caller, because that change may also change which version is the previous
//! one.

use tokio::runtime::Runtime;

use super::apply::{Round, apply};
use super::aws::Aws;
use super::context::Context;
use super::finish::{Baseline, deployment};
use super::read::read_deployment;
use super::{plan, warn};
use crate::diagnostics;
use crate::function::{DesiredFunction, LiveFunction, Release};
use crate::lambda::{BypassReads, DeployState, LambdaError, VersionReads};
use crate::plan::{Plan, Undone, roll_back as plan_rollback, version_to_read};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Deployment, Finished, StepName};
use crate::protocol::messages;

/// Moves the aliases back; with `only_plan` only plans it.
pub(super) fn roll_back(
    context: &Context<'_>,
    runtime: &Runtime,
    only_plan: bool,
) -> Result<Finished, ErrorReport> {
    let aws = Aws::connect(context, runtime)?;
    let planned = PlannedRollback::of(&aws, read(&aws)?, &Undone::LastMove, only_plan)?;
    let event = plan::emit(context, &planned.plan);
    if only_plan {
        return Ok(Finished::Planned(event));
    }
    let PlannedRollback { plan, live, .. } = &planned;
    let report = match apply(&aws, plan, Some(live), planned.state(context), None) {
        Ok(Round::Done(state)) => return Ok(planned.finish(&aws, *state)),
        Ok(Round::Replan(outdated)) => diagnostics::from_moved_alias(outdated.error, &context.redactor()),
        Err(report) => report,
    };
    let has_moved = context.events.changed().contains(&StepName::UpdateAlias);
    // A rollback to a version that the stanza names can be repeated as it is.
    match plan.version.as_ref().filter(|_| context.stanza.version.is_none()) {
        Some(version) => Err(diagnostics::from_failed_rollback(report, version, has_moved)),
        None => Err(report),
    }
}

/// What the plan of a rollback depends on: the desired function, and the live one with its aliases and
/// versions.
pub(super) struct RollbackInput {
    desired: DesiredFunction,
    pub(super) live: LiveFunction,
}

/// The plan of a rollback, and the function that it was made for.
pub(super) struct PlannedRollback {
    pub(super) plan: Plan,
    pub(super) live: LiveFunction,
    /// Why the rollback leaves the function as it is. `None`: it moves aliases, or they are there already.
    reason: Option<Box<str>>,
}

impl PlannedRollback {
    /// Plans the rollback of a function, with the warnings that it needs.
    pub(super) fn of(
        aws: &Aws<'_>,
        input: RollbackInput,
        undone: &Undone,
        only_plan: bool,
    ) -> Result<Self, ErrorReport> {
        let (context, RollbackInput { desired, live }) = (aws.context, input);
        let is_left = undone.leaves(&desired.release, context.stanza.version.as_deref(), &live);
        let (plan, mut live) = choose_version(aws, &desired.release, live, undone, !only_plan)?;
        if !live.is_managed && (only_plan || !plan.steps.is_empty()) {
            let reads = BypassReads { url: true, policy: true, requires_event_sources: false };
            let denied = aws.call(aws.lambda.read_bypasses(context.name, &mut live, reads))?;
            warn::about_denied_reads(context, &desired, &denied);
        }
        warn::about_cleared_weights(context, &plan);
        warn::about_bypasses(context, &desired, Some(&live), true);
        let reason = context.release.filter(|_| is_left).map(messages::left_by_rollback);
        Ok(PlannedRollback { plan, live, reason })
    }

    /// The state of the function before the first step of the plan.
    pub(super) fn state<'a>(&self, context: &Context<'a>) -> DeployState<'a> {
        let mut state = DeployState::of(context.name);
        state.refresh(&self.live, &self.plan, self.code_sha256());
        state
    }

    /// The outcome after all steps took effect.
    pub(super) fn finish(self, aws: &Aws<'_>, state: DeployState<'_>) -> Finished {
        let before = Baseline { code_sha256: self.code_sha256(), aliases: self.live.aliases };
        let now = Deployment { reason: self.reason, ..deployment(aws, state, before, None) };
        if self.plan.steps.is_empty() { Finished::Unchanged(now) } else { Finished::Deployed(now) }
    }

    /// The hash of the version to which the rollback goes.
    fn code_sha256(&self) -> Option<String> {
        let mut versions = self.live.versions.iter();
        let version = versions.find(|version| Some(&version.number) == self.plan.version.as_ref());
        version.map(|version| version.code_sha256.clone())
    }
}

pub(super) fn read(aws: &Aws<'_>) -> Result<RollbackInput, ErrorReport> {
    let desired = aws.context.desired_function();
    let release = &desired.release;
    let (name, redactor) = (aws.context.name, &aws.context.redaction.variables);
    let found = aws.call(aws.lambda.read_live(name))?;
    let region = aws.identity.region.as_str();
    let not_found = || diagnostics::from_no_function(name.as_str(), region, redactor);
    let mut live = found.ok_or_else(not_found)?.live;
    let reads = VersionReads {
        aliases: release.aliases.clone(),
        versions: true,
        provisioned: release.provisioned.is_some(),
        ..VersionReads::default()
    };
    aws.call(aws.lambda.read_release(name, &mut live, &reads))?;
    read_deployment(aws, release, &mut live, &reads)?;
    Ok(RollbackInput { desired, live })
}

/// Plans the rollback, and reads the version to which it goes. Skips a version that has failed.
fn choose_version(
    aws: &Aws<'_>,
    release: &Release,
    mut live: LiveFunction,
    undone: &Undone,
    waits: bool,
) -> Result<(Plan, LiveFunction), ErrorReport> {
    let context = aws.context;
    let version = context.stanza.version.as_deref();
    loop {
        let plan = plan_rollback(release, version, &live, undone);
        let plan = plan.map_err(|error| plan::failed(context, error))?;
        let is_left = undone.leaves(release, version, &live);
        let number = version_to_read(&plan, &live, waits).filter(|_| !is_left);
        let Some(number) = number else { return Ok((plan, live)) };
        let reading = aws.lambda.read_version(context.name, &mut live, &number, waits);
        let Some(error) = aws.call(reading)? else { continue };
        // Whether the rollback has another target now that `number` is known to have failed.
        let next = plan_rollback(release, version, &live, undone);
        let has_other_target = next.is_ok_and(|plan| plan.version.as_deref() != Some(number.as_str()));
        if !has_other_target {
            return Err(match error {
                LambdaError::VersionFailed { version, state_reason } => {
                    context.version_failed(&version, state_reason, &live.aliases)
                }
                error => context.failed(error),
            });
        }
    }
}
