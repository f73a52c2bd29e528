//! Turns a [`PlanError`] into the report that says why a deployment or rollback stopped before it changed
//! anything.

use super::{reasons, report};
use crate::plan::{PlanDifference, PlanError};
use crate::protocol::approved_plan::LayerChangedTwice;
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::event::UnmetCondition;
use crate::protocol::secret::Redactor;

/// Reports a deployment or rollback that cannot be planned.
pub(crate) fn from_plan(mut error: PlanError, function_name: &str, redactor: &Redactor) -> ErrorReport {
    redact_texts(&mut error, redactor);
    let function_name = redactor.redact(function_name);
    let text = error.text(Some(&function_name));
    match error {
        PlanError::CannotCreate { missing } => cannot_create(&missing, &function_name),
        PlanError::EnvironmentUnreadable => {
            report(Code::EnvironmentUnreadable, text).at("/merge_environment").hint(
                "grant the caller kms:Decrypt on the function's KMS key, or set all variables and remove \
                 `merge_environment`",
            )
        }
        PlanError::TagsUnreadable => report(Code::TagsUnreadable, text).at("/function_tags_mode").hint(
            "grant the caller lambda:ListTags on the function, or remove `function_tags_mode: replace` to \
             only add tags",
        ),
        PlanError::OtherPackageType { is_image: true } => {
            report(Code::PackageTypeMismatch, text).at("/image_uri").hint(
                "set `image_uri`, or `package_type: Image` to keep the image; to deploy files, use another \
                 function name",
            )
        }
        PlanError::OtherPackageType { is_image: false } => report(Code::PackageTypeMismatch, text)
            .at("/image_uri")
            .hint("use another function name for the image: AWS cannot change a function's package type"),
        PlanError::OtherDurability { .. } => report(Code::FixedAtCreation, text).at("/durable_config").hint(
            "remove `durable_config`, or use another function name: AWS makes a function durable only when it \
             creates it; nothing was changed",
        ),
        PlanError::OtherTenantIsolation { .. } => {
            report(Code::FixedAtCreation, text).at("/tenancy_config/tenant_isolation_mode").hint(
                "remove `tenancy_config`, or use another function name: AWS sets the mode only when it \
                 creates a function; nothing was changed",
            )
        }
        PlanError::OtherInstances { .. } => {
            report(Code::FixedAtCreation, text).at("/capacity_provider_config").hint(
                "remove `capacity_provider_config`, or use another function name: AWS decides only when it \
                 creates a function whether it runs on Managed Instances; nothing was changed",
            )
        }
        PlanError::NeedsManagedInstances { key, exists: true } => {
            report(Code::FixedAtCreation, text).at(format!("/{key}")).hint(format!(
                "remove `{key}`, or use another function name with `capacity_provider_config`; nothing was \
                 changed"
            ))
        }
        PlanError::NeedsManagedInstances { key, exists: false } => {
            report(Code::MissingKey, text).at("/capacity_provider_config").hint(format!(
                "set `capacity_provider_config`, or remove `{key}`; check the region and the account if the \
                 function should exist"
            ))
        }
        PlanError::ScalingOrder { names_min, .. } => {
            let (named, other) = if names_min { ("min", "max") } else { ("max", "min") };
            report(Code::BadValue, text).at(format!("/scaling/{named}_execution_environments")).hint(format!(
                "set `scaling.{other}_execution_environments`, too; nothing was changed"
            ))
        }
        PlanError::StorageNeedsBucket => report(Code::MissingKey, text).at("/s3_bucket").hint(
            "set `s3_bucket`, or set `s3_object_storage_mode: COPY` to let Lambda keep a copy; nothing was \
             changed",
        ),
        PlanError::OtherRevision { .. } => report(Code::RevisionMismatch, text)
            .at("/revision_id")
            .hint("read the function again before you deploy; someone else changed it"),
        PlanError::TrafficNotShareable { keys, .. } => report(Code::TrafficNotShareable, text)
            .at(format!("/{}", keys.first().copied().unwrap_or("alias")))
            .hint(format!("deploy this once without `{}`; nothing was changed", keys.join("` and `"))),
        PlanError::ShiftNotRecordable { .. } => report(Code::TrafficNotShareable, text)
            .at("/guard")
            .hint("shorten the description of the alias to at most 150 characters; nothing was changed"),
        PlanError::TrafficShared { .. } => report(Code::TrafficShared, text).at("/alias").hint(
            "wait until CodeDeploy or the other tool has finished, or set `clear_weights: true` to end the \
             split; nothing was changed",
        ),
        PlanError::LeftByCodeDeploy { .. } => report(Code::TrafficShared, text).at("/alias").hint(
            "set `clear_weights: true` to send all traffic to the version at which the alias points; if a \
             deployment of another group moves the alias, wait until it has ended; nothing was changed",
        ),
        PlanError::GroupIsBusy { deployment_id: id, .. } => {
            report(Code::TrafficShared, text).at("/codedeploy/deployment_group").hint(format!(
                "wait until the deployment has ended (`aws deploy get-deployment --deployment-id {id}` shows \
                 its status), or give each alias its own deployment group; nothing was changed"
            ))
        }
        PlanError::MovedByCodeDeploy { deployment_id: Some(id), .. } => {
            report(Code::TrafficShared, text).at("/alias").hint(format!(
                "wait until the deployment has ended (`aws deploy get-deployment --deployment-id {id}` shows \
                 its status), or stop it with `dpl-lambda rollback`; nothing was changed"
            ))
        }
        PlanError::MovedByCodeDeploy { deployment_id: None, .. } => {
            report(Code::TrafficShared, text).at("/alias").hint(
                "wait until CodeDeploy has finished, or, if no deployment runs, set `clear_weights: true` to \
                 end the split; nothing was changed",
            )
        }
        PlanError::NoAlias { .. } => report(Code::NotFound, text)
            .at("/alias")
            .hint("deploy with `alias` to create it; `aws lambda list-aliases` lists the existing aliases"),
        PlanError::NoVersion { .. } => report(Code::NotFound, text)
            .at("/version")
            .hint("choose an existing version; `aws lambda list-versions-by-function` lists them"),
        PlanError::NoPreviousVersion { .. } => report(Code::NoPreviousVersion, text).at("/alias").hint(
            "set `version` to the version to go back to (`aws lambda list-versions-by-function` lists them), \
             or deploy the code that should be live",
        ),
        PlanError::AmbiguousRollback { .. } => report(Code::AmbiguousRollback, text)
            .at("/alias")
            .hint("roll back one alias at a time, or set `version`"),
        PlanError::UrlNeedsAuthType => report(Code::MissingKey, text)
            .at("/function_url/auth_type")
            .hint("set `NONE` for public access, or `AWS_IAM` for callers with an IAM permission"),
    }
}

/// Masks secrets in the texts that come from AWS or from a variable of the job.
fn redact_texts(error: &mut PlanError, redactor: &Redactor) {
    if let PlanError::OtherRevision { live: Some(text), .. }
    | PlanError::OtherTenantIsolation { live: Some(text) }
    | PlanError::ShiftNotRecordable { alias: text }
    | PlanError::TrafficShared { alias: text, .. }
    | PlanError::LeftByCodeDeploy { alias: text, .. }
    | PlanError::MovedByCodeDeploy { alias: text, deployment_id: None }
    | PlanError::NoAlias { alias: text }
    | PlanError::NoPreviousVersion { alias: text, .. } = error
    {
        *text = redactor.redact(text);
    } else if let PlanError::GroupIsBusy { deployment_id, moves: text }
    | PlanError::MovedByCodeDeploy { alias: text, deployment_id: Some(deployment_id) } = error
    {
        *text = redactor.redact(text);
        *deployment_id = redactor.redact(deployment_id);
    } else if let PlanError::AmbiguousRollback { targets } = error {
        targets.iter_mut().for_each(|(alias, _)| *alias = redactor.redact(alias));
    }
}

/// What to do about an approved plan that cannot be carried out.
pub(crate) const PLAN_AGAIN: &str = "make a new plan with `dpl-lambda plan --out FILE`, and approve that";

/// Reports a deployment that is not the approved one, before it changes anything. There is at least one
/// difference.
pub(crate) fn from_outdated_plan(differences: &[PlanDifference], redactor: &Redactor) -> ErrorReport {
    let problem = |(index, difference): (usize, &PlanDifference)| Problem {
        code: Code::PlanOutdated,
        message: redactor.redact(&difference.to_string()),
        at: None,
        hint: (index == 0).then(|| PLAN_AGAIN.to_owned()),
    };
    ErrorReport::from_problems(differences.iter().enumerate().map(problem).collect())
}

/// Hint for functions that cannot be deployed from one plan as they are.
pub(crate) const ONE_RELEASE: &str =
    "give the stanzas of these functions the same `release`, then make a new plan, and approve that";

/// Reports an approved plan of which one deployment would make another one outdated.
pub(crate) fn from_layer_changed_twice(error: &LayerChangedTwice) -> ErrorReport {
    report(Code::PlanOutdated, error.to_string()).hint(ONE_RELEASE)
}

/// Reports a stanza that the approved plan deploys, but whose conditions are not met.
pub(crate) fn from_skipped_plan(unmet: &[UnmetCondition]) -> ErrorReport {
    let difference = PlanDifference::IsSkipped { reasons: reasons(unmet) };
    from_outdated_plan(&[difference], &Redactor::default())
}

/// Reports a function that was changed while its approved plan was carried out. `report` says how AWS refused
/// the next step.
pub(crate) fn from_interrupted_plan(report: ErrorReport) -> ErrorReport {
    let message = format!("the rest of the plan was not carried out: {}", report.message);
    let ErrorReport { caused_by, aws, .. } = report;
    ErrorReport { caused_by, aws, ..ErrorReport::new(Code::PlanOutdated, message) }
        .hint(format!("find out who else changes this function; then {PLAN_AGAIN}"))
}

/// Reports an approved plan in the request of a command that deploys nothing.
pub(crate) fn from_plan_without_deployment() -> ErrorReport {
    report(Code::BadRequest, "`plan` is an approved plan, which only the command `deploy` accepts")
        .at("/plan")
        .hint("remove `plan`, or run `deploy`")
}

/// Reports a function that a command needs and that does not exist.
pub(crate) fn from_no_function(function_name: &str, region: &str, redactor: &Redactor) -> ErrorReport {
    let name = redactor.redact(function_name);
    report(Code::NotFound, format!("the function `{name}` does not exist in {region}"))
        .at("/function_name")
        .hint("check the region and the account")
}

/// Reports a rollback without an alias, which is the only thing that a rollback can move.
pub(crate) fn from_rollback_without_alias() -> ErrorReport {
    report(
        Code::MissingKey,
        "`alias` is missing; expected the name of the alias to move back to its previous version",
    )
    .at("/alias")
    .hint("deploy the previous code again if the function has no alias")
}

fn cannot_create(missing: &[&'static str], function_name: &str) -> ErrorReport {
    let problems = missing.iter().map(|key| {
        let example = match *key {
            "role" => "the ARN of the function's IAM role",
            "runtime" => "a runtime, such as nodejs22.x",
            "image_uri" => "a container image in Amazon ECR",
            "capacity_provider_config.capacity_provider_arn" => "the ARN of a capacity provider",
            "durable_config.execution_timeout" => "whole seconds, such as 3600",
            _ => "the handler that Lambda invokes, such as index.handler",
        };
        Problem {
            code: Code::MissingKey,
            message: format!(
                "`{key}` is missing, and the function `{function_name}` has to be created; expected {example}"
            ),
            at: Some(format!("/{}", key.replace('.', "/"))),
            hint: Some("check the region and the account if the function should exist".to_owned()),
        }
    });
    ErrorReport::from_problems(problems.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_creation_lacks_is_a_problem() {
        let report = from_plan(
            PlanError::CannotCreate { missing: vec!["role", "runtime"] },
            "f",
            &Redactor::default(),
        );
        assert_eq!(report.problems.len(), 2);
        assert_eq!(report.at.as_deref(), Some("/role"));
    }
}
