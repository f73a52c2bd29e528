//! Compares what a run would do with the approved plan, if the request has one. A plan that differs fails the
//! run before anything is changed.

use super::context::Context;
use super::job::Job;
use crate::diagnostics;
use crate::lambda::LambdaError;
use crate::plan::{Plan, PlanDifference, differences_from_approved};
use crate::protocol::approved_plan::{ApprovedFunction, ApprovedSteps};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::UnmetCondition;

/// Checks that the steps of a deployment are the approved ones.
pub(super) fn check(context: &Context<'_>, now: impl FnOnce() -> ApprovedSteps) -> Result<(), ErrorReport> {
    let differences = match &context.job.approved {
        None => return Ok(()),
        Some(ApprovedFunction::Skipped {}) => vec![PlanDifference::WasSkipped],
        Some(ApprovedFunction::Planned(approved)) => differences_from_approved(approved, &now()),
    };
    match differences.as_slice() {
        [] => Ok(()),
        differences => Err(diagnostics::from_outdated_plan(differences, &context.redactor())),
    }
}

/// Checks that a stanza whose conditions are not met is skipped in the approved plan, too.
pub(super) fn check_skipped(job: &Job, unmet: &[UnmetCondition]) -> Result<(), ErrorReport> {
    match &job.approved {
        None | Some(ApprovedFunction::Skipped {}) => Ok(()),
        Some(ApprovedFunction::Planned(_)) => Err(diagnostics::from_skipped_plan(unmet)),
    }
}

/// Checks that the steps that are left are a part of the approved plan `before`, in the same order. An upload
/// that has been done can be planned again.
pub(super) fn check_rest(context: &Context<'_>, before: &Plan, rest: &Plan) -> Result<(), ErrorReport> {
    let mut left = before.steps.iter().map(|step| step.action.name());
    let is_part = rest.steps.iter().all(|step| left.any(|name| name == step.action.name()));
    if context.job.approved.is_none() || is_part {
        return Ok(());
    }
    Err(diagnostics::from_outdated_plan(&[PlanDifference::Rest], &context.redactor()))
}

/// The report for a function that has changed before a step. What is left of an approved plan is then
/// outdated.
pub(super) fn outdated(context: &Context<'_>, error: LambdaError) -> ErrorReport {
    let report = context.failed(error);
    if context.job.approved.is_some() { diagnostics::from_interrupted_plan(report) } else { report }
}
