//! A function that cannot be planned, or rolled back, in; the report that tells why nothing was changed out.

use super::report;
use crate::plan::PlanError;
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::secret::Redactor;

/// A function that cannot be planned.
pub fn of_plan(error: PlanError, function_name: &str, redactor: &Redactor) -> ErrorReport {
    let function_name = redactor.redact(function_name);
    match error {
        PlanError::CannotCreate { missing } => cannot_create(&missing, &function_name),
        PlanError::EnvironmentUnreadable => report(
            Code::EnvironmentUnreadable,
            "AWS does not show the live variables, so that `merge_environment` would lose them",
        )
        .at("/merge_environment")
        .hint("the caller needs kms:Decrypt on the function's key; or give all variables, without `merge_environment`"),
        PlanError::TagsUnreadable => report(
            Code::TagsUnreadable,
            "AWS does not show the live tags, so that it is not known which ones to remove",
        )
        .at("/function_tags_mode")
        .hint("the caller needs lambda:ListTags on the function; or add tags, without `replace`"),
        PlanError::OtherPackageType { is_image: true } => report(
            Code::PackageTypeMismatch,
            format!("the function `{function_name}` runs a container image, and the stanza packages files"),
        )
        .at("/image_uri")
        .hint("name `image_uri`, or `package_type: Image` to keep the image; files need a function of another name"),
        PlanError::OtherPackageType { is_image: false } => report(
            Code::PackageTypeMismatch,
            format!("the function `{function_name}` runs files, and the stanza names a container image"),
        )
        .at("/image_uri")
        .hint("a function keeps its package type: an image needs a function of another name"),
        PlanError::OtherRevision { exists, live } => {
            let state = match live {
                Some(live) => format!("is at revision {}", redactor.redact(&live)),
                None if exists => "has a revision that AWS does not tell".to_owned(),
                None => "does not exist".to_owned(),
            };
            report(
                Code::RevisionMismatch,
                format!("`revision_id` is not that of the live function: `{function_name}` {state}"),
            )
            .at("/revision_id")
            .hint("somebody has changed it since; read it again, and decide again")
        }
        PlanError::TrafficNotShareable { field, version } => report(
            Code::TrafficNotShareable,
            format!(
                "`{field}` differs from that of version {version}, and AWS shares traffic only where it is the same"
            ),
        )
        .at("/traffic")
        .hint("deploy this once without `traffic`; nothing was changed"),
        PlanError::TrafficShared { alias, shares } => {
            let shares: Vec<String> =
                shares.iter().map(|(version, percent)| format!("{percent} % to version {version}")).collect();
            report(
                Code::TrafficShared,
                format!(
                    "`{}` shares its traffic, {}, and no deployment of ours has begun that",
                    redactor.redact(&alias),
                    shares.join(", ")
                ),
            )
            .at("/alias")
            .hint("wait until CodeDeploy, or whoever shares it, has ended; or set `clear_weights: true` to end it; nothing was changed")
        }
        PlanError::NoAlias { alias } => {
            report(Code::NotFound, format!("the function `{function_name}` has no alias `{alias}`"))
                .at("/alias")
                .hint("a deployment with `alias` makes it; `aws lambda list-aliases` lists those that are there")
        }
        PlanError::NoVersion { version } => {
            report(Code::NotFound, format!("the function `{function_name}` has no version {version}"))
                .at("/version")
                .hint("`aws lambda list-versions-by-function` lists those that are there")
        }
        PlanError::NoPreviousVersion { alias, version } => report(
            Code::NoPreviousVersion,
            format!("`{alias}` points at version {version}, and there is none before it"),
        )
        .at("/alias")
        .hint("name the one to go to as `version`, or deploy what is to be live"),
        PlanError::AmbiguousRollback { targets } => {
            let targets: Vec<String> = targets
                .iter()
                .map(|(alias, version)| format!("`{alias}` would go back to version {version}"))
                .collect();
            report(Code::AmbiguousRollback, format!("the aliases do not agree: {}", targets.join(", ")))
                .at("/alias")
                .hint("roll one alias back at a time, or name the `version`")
        }
        PlanError::UrlNeedsAuthType => report(
            Code::MissingKey,
            "`function_url.auth_type` is missing, and the address has to be created; give `NONE` or `AWS_IAM`",
        )
        .at("/function_url/auth_type")
        .hint("`NONE` lets everybody in, `AWS_IAM` those whom IAM permits"),
    }
}

/// Nothing to roll back.
pub fn of_no_function(function_name: &str, redactor: &Redactor) -> ErrorReport {
    report(Code::NotFound, format!("the function `{}` does not exist", redactor.redact(function_name)))
        .at("/function_name")
        .hint("is this the right region and account?")
}

/// A rollback that does not know what goes back.
pub fn of_rollback_without_alias() -> ErrorReport {
    report(Code::MissingKey, "`alias` is missing; give the name that is to point at the version before")
        .at("/alias")
        .hint("a function without an alias has no way back but deploying what ran before")
}

fn cannot_create(missing: &[&'static str], function_name: &str) -> ErrorReport {
    let problems = missing.iter().map(|key| {
        let example = match *key {
            "role" => "the ARN of the IAM role that it runs as",
            "runtime" => "a runtime, such as nodejs22.x",
            "image_uri" => "a container image in Amazon ECR",
            _ => "what Lambda calls, such as index.handler",
        };
        Problem {
            code: Code::MissingKey,
            message: format!(
                "`{key}` is missing, and the function `{function_name}` has to be created; give {example}"
            ),
            at: Some(format!("/{key}")),
            hint: Some("if the function should exist: is this the right region and account?".to_owned()),
        }
    });
    ErrorReport::of_problems(problems.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_creation_lacks_is_a_problem() {
        let report = of_plan(PlanError::CannotCreate { missing: vec!["role", "runtime"] }, "f", &Redactor::default());
        assert_eq!(report.problems.len(), 2);
        assert_eq!(report.at.as_deref(), Some("/role"));
    }
}
