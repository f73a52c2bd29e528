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
use crate::function::{LiveFunction, Release};
use crate::lambda::{BypassReads, DeployState, LambdaError, VersionReads};
use crate::plan::{Plan, roll_back as plan_rollback, version_to_read};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::Finished;

/// Moves the aliases back; with `only_plan` only plans it.
pub(super) fn roll_back(
    context: &Context<'_>,
    runtime: &Runtime,
    only_plan: bool,
) -> Result<Finished, ErrorReport> {
    let aws = Aws::connect(context, runtime)?;
    let desired = context.desired_function();
    let live = read(&aws, &desired.release)?;
    let (plan, mut live) = choose_version(&aws, &desired.release, live, !only_plan)?;
    if !live.is_managed && (only_plan || !plan.steps.is_empty()) {
        let reads = BypassReads { url: true, policy: true, requires_event_sources: false };
        let denied = aws.call(aws.lambda.read_bypasses(context.name, &mut live, reads))?;
        warn::about_denied_reads(context, &desired, &denied);
    }
    warn::about_cleared_weights(context, &plan);
    warn::about_bypasses(context, &desired, Some(&live), true);
    let planned = plan::emit(context, &plan);
    if only_plan {
        return Ok(Finished::Planned(planned));
    }
    let version = live.versions.iter().find(|version| Some(&version.number) == plan.version.as_ref());
    let code_sha256 = version.map(|version| version.code_sha256.clone());
    let mut state = DeployState::of(context.name);
    state.refresh(&live, &plan, code_sha256.clone());
    match apply(&aws, &plan, Some(&live), state, None)? {
        Round::Done(state) => {
            let before = Baseline { code_sha256, aliases: live.aliases };
            let now = deployment(&aws, *state, before, None);
            Ok(if plan.steps.is_empty() { Finished::Unchanged(now) } else { Finished::Deployed(now) })
        }
        Round::Replan(outdated) => Err(diagnostics::from_moved_alias(outdated.error, &context.redactor())),
    }
}

/// Reads the live function with its aliases and versions.
fn read(aws: &Aws<'_>, release: &Release) -> Result<LiveFunction, ErrorReport> {
    let (name, redactor) = (aws.context.name, &aws.context.redaction.variables);
    let found = aws.call(aws.lambda.read_live(name))?;
    let mut live = found.ok_or_else(|| diagnostics::from_no_function(name.as_str(), redactor))?.live;
    let reads = VersionReads {
        aliases: release.aliases.clone(),
        versions: true,
        provisioned: release.provisioned.is_some(),
        ..VersionReads::default()
    };
    aws.call(aws.lambda.read_release(name, &mut live, &reads))?;
    read_deployment(aws, release, &mut live, &reads)?;
    Ok(live)
}

/// Plans the rollback, and reads the version to which it goes. Skips a version that has failed.
fn choose_version(
    aws: &Aws<'_>,
    release: &Release,
    mut live: LiveFunction,
    waits: bool,
) -> Result<(Plan, LiveFunction), ErrorReport> {
    let context = aws.context;
    let version = context.stanza.version.as_deref();
    loop {
        let plan = plan_rollback(release, version, &live).map_err(|error| plan::failed(context, error))?;
        let Some(number) = version_to_read(&plan, &live, waits) else { return Ok((plan, live)) };
        let reading = aws.lambda.read_version(context.name, &mut live, &number, waits);
        let Some(error) = aws.call(reading)? else { continue };
        // Whether the rollback has another target now that `number` is known to have failed.
        let next = plan_rollback(release, version, &live);
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
