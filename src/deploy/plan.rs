//! Fourth phase: compares the desired function with the live one, and writes the plan as an event.

use super::context::Context;
use super::read::PlanInput;
use super::step::OutdatedStep;
use super::warn;
use crate::diagnostics;
use crate::lambda::DeployState;
use crate::plan::{Plan, PlanError, phases};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{self, Event};
use crate::warnings;

/// A plan, and what it was made from.
pub(super) struct Planned {
    pub(super) input: PlanInput,
    pub(super) plan: Plan,
    /// How often the deployment was planned before, each time until another caller changed the function.
    pub(super) replans: u32,
}

impl Planned {
    /// The state of the function before the first step of the plan.
    pub(super) fn state<'a>(&self, context: &Context<'a>) -> DeployState<'a> {
        let code = &self.input.code;
        let mut state =
            DeployState { has_archive: code.archive().is_some(), ..DeployState::of(context.name) };
        match self.input.live() {
            Some(live) => state.refresh(live, &self.plan, code.sha256.clone()),
            None => state.code_sha256.clone_from(&code.sha256),
        }
        state
    }
}

/// Plans a deployment, with the warnings that it needs, and writes the plan. Returns also what was written.
pub(super) fn plan(context: &Context<'_>, input: PlanInput) -> Result<(Planned, event::Plan), ErrorReport> {
    let planned = plan_silently(context, input)?;
    let event = emit(context, &planned.plan);
    Ok((planned, event))
}

/// Plans a deployment, with the warnings that it needs.
pub(super) fn plan_silently(context: &Context<'_>, input: PlanInput) -> Result<Planned, ErrorReport> {
    let plan = plan_of(context, &input)?;
    let (desired, live) = (&input.desired, input.live());
    warn::about_unknown_values(context, desired, live);
    warn::about_planned_runtime(context, desired, live);
    warn::about_refused_values(context, desired, live, &plan);
    let (archive, architecture) = (input.code.archive(), desired.architecture(live));
    warn::about_code(context, desired, live, archive, Some(architecture));
    warn::about_cleared_weights(context, &plan);
    warn::about_executing_versions(context, live);
    warn::about_bypasses(context, desired, live, false);
    Ok(Planned { input, plan, replans: 0 })
}

/// Plans the rest of a deployment after the function has changed. If our own request has changed it, this is
/// still the plan that was written, so it is not written again.
pub(super) fn plan_again(
    context: &Context<'_>,
    input: PlanInput,
    outdated: OutdatedStep,
    replans: u32,
) -> Result<Planned, ErrorReport> {
    let plan = plan_of(context, &input)?;
    let may_be_ours = outdated.may_be_ours;
    match outdated.check_was_ours(context, &plan) {
        Ok(()) => {}
        Err(error) if context.stanza.revision_id.is_some() => return Err(context.failed(error)),
        Err(_) => {
            context.warn(&warnings::function_changed(may_be_ours));
            emit(context, &plan);
        }
    }
    Ok(Planned { input, plan, replans })
}

/// Writes a plan as an event, and returns what was written. In a release it shows the phase of each step.
pub(super) fn emit(context: &Context<'_>, plan: &Plan) -> event::Plan {
    let mut event = context.redaction.plan(plan);
    if context.release.is_some() {
        let phases = phases(&plan.steps, context.has_alias());
        for (index, step) in event.steps.iter_mut().enumerate() {
            step.phase = Some(phases.of_step(index));
        }
    }
    context.events.emit(Event::Planned(event.clone()));
    event
}

pub(super) fn failed(context: &Context<'_>, error: PlanError) -> ErrorReport {
    diagnostics::from_plan(error, context.name.as_str(), &context.redaction.variables)
}

fn plan_of(context: &Context<'_>, input: &PlanInput) -> Result<Plan, ErrorReport> {
    crate::plan::plan(&input.desired, &input.code, input.live()).map_err(|error| failed(context, error))
}
