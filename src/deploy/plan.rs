//! Fourth phase: compares the desired function with the live one, and writes the plan as an event.

use super::approval;
use super::aws::Aws;
use super::context::Context;
use super::read::PlanInput;
use super::step::OutdatedStep;
use super::warn;
use crate::diagnostics;
use crate::lambda::DeployState;
use crate::plan::{Plan, PlanError, phases};
use crate::protocol::approved_plan::ApprovedSteps;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{self, AliasBasis, Event, PlanBasis};
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

    /// Writes the plan as an event, and returns what was written. With `only_plan` also what it was made
    /// from, so that it can be approved.
    pub(super) fn emit(&self, aws: &Aws<'_>, only_plan: bool) -> event::Plan {
        let event = to_event(aws.context, &self.plan);
        let basis = only_plan.then(|| Box::new(self.basis(aws)));
        written(aws.context, event::Plan { basis, ..event })
    }

    /// The steps, and what they were planned from, as an approved plan has them.
    fn to_approve(&self, aws: &Aws<'_>) -> ApprovedSteps {
        let event::Plan { function, steps, .. } = to_event(aws.context, &self.plan);
        ApprovedSteps { function, steps, basis: self.basis(aws) }
    }

    /// What the plan was made from. Lambda creates a function only with a role of the same account.
    fn basis(&self, aws: &Aws<'_>) -> PlanBasis {
        let (context, live) = (aws.context, self.input.live());
        let redaction = &context.redaction;
        let text = |text: &String| redaction.foreign_text(text);
        let arn = live.map(|live| live.arn.as_str()).or(context.stanza.role.as_deref());
        let names = &self.input.desired.release.aliases;
        let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default().iter();
        let aliases = aliases.filter(|alias| names.contains(&alias.name)).map(|alias| AliasBasis {
            name: redaction.variables.redact(&alias.name),
            version: redaction.version(alias.version.clone()),
            revision_id: alias.revision_id.as_ref().map(text),
        });
        PlanBasis {
            function_name: redaction.variables.redact(context.name.as_str()),
            account_id: arn.and_then(account).map(|account| redaction.variables.redact(account)),
            region: aws.identity.region.as_str().to_owned(),
            revision_id: live.and_then(|live| live.revision_id.as_ref()).map(text),
            code_sha256: self.input.code.sha256.as_ref().map(text),
            aliases: aliases.collect(),
        }
    }
}

/// The account in an ARN.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// Plans a deployment, with the warnings that it needs. Fails also for a plan that is not the approved one.
pub(super) fn plan(aws: &Aws<'_>, input: PlanInput) -> Result<Planned, ErrorReport> {
    let context = aws.context;
    let plan = plan_of(context, &input)?;
    let (desired, live) = (&input.desired, input.live());
    warn::about_unknown_values(context, desired, live);
    warn::about_planned_runtime(context, desired, live);
    warn::about_refused_values(context, desired, live, &plan);
    let (archive, architecture) = (input.code.archive(), desired.architecture(live));
    warn::about_code(context, desired, live, archive, Some(architecture));
    warn::about_cleared_weights(context, &plan);
    warn::about_versions_in_use(context, live);
    warn::about_bypasses(context, desired, live, false);
    let planned = Planned { input, plan, replans: 0 };
    approval::check(context, || planned.to_approve(aws))?;
    Ok(planned)
}

/// Plans the rest of a deployment after the function has changed. If our own request has changed it, this is
/// still the plan `before` that was written, so it is not written again.
pub(super) fn plan_again(
    context: &Context<'_>,
    input: PlanInput,
    before: &Plan,
    outdated: OutdatedStep,
    replans: u32,
) -> Result<Planned, ErrorReport> {
    let plan = plan_of(context, &input)?;
    let may_be_ours = outdated.may_be_ours;
    match outdated.check_was_ours(context, &plan) {
        Ok(()) => approval::check_rest(context, before, &plan)?,
        Err(error) if context.is_for_one_state() => return Err(approval::outdated(context, error)),
        Err(_) => {
            context.warn(&warnings::function_changed(may_be_ours));
            emit(context, &plan);
        }
    }
    Ok(Planned { input, plan, replans })
}

/// Writes a plan as an event, and returns what was written.
pub(super) fn emit(context: &Context<'_>, plan: &Plan) -> event::Plan {
    written(context, to_event(context, plan))
}

fn written(context: &Context<'_>, event: event::Plan) -> event::Plan {
    context.events.emit(Event::Planned(event.clone()));
    event
}

/// A plan as an event. In a release it shows the phase of each step.
fn to_event(context: &Context<'_>, plan: &Plan) -> event::Plan {
    let mut event = context.redaction.plan(plan);
    if context.release.is_some() {
        let phases = phases(&plan.steps, context.has_alias());
        for (index, step) in event.steps.iter_mut().enumerate() {
            step.phase = Some(phases.of_step(index));
        }
    }
    event
}

pub(super) fn failed(context: &Context<'_>, error: PlanError) -> ErrorReport {
    diagnostics::from_plan(error, context.name.as_str(), &context.redaction.variables)
}

fn plan_of(context: &Context<'_>, input: &PlanInput) -> Result<Plan, ErrorReport> {
    crate::plan::plan(&input.desired, &input.code, input.live()).map_err(|error| failed(context, error))
}
