//! AWS's part of a failure in, the report that tells what is live and what to do out.

use super::call::of_call;
use super::credentials::of_credentials;
use super::{caused, of_stop, report, sentence};
use crate::lambda::{LambdaError, Trouble};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::StepName;
use crate::protocol::secret::Redactor;

/// AWS's part of a failure.
pub fn of_lambda(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    match error {
        LambdaError::Credentials(error) => of_credentials(error, redactor),
        LambdaError::BadRegion { origin, region, right } => {
            report(Code::BadValue, format!("`{origin}` is `{}`; {right}", redactor.redact(&region)))
                .hint("or name `region` in the stanza")
        }
        LambdaError::BadCaBundle { path, source } => {
            let path = redactor.redact(&path);
            let hint = "it names a file of certificates in PEM; without it the system's are trusted";
            let report =
                |what| report(Code::BadCaBundle, format!("`AWS_CA_BUNDLE` is `{path}`, which {what}")).hint(hint);
            match source {
                Some(source) => caused(report("cannot be read"), &source),
                None => report("holds no certificates"),
            }
        }
        LambdaError::Call(error) => of_call(error, redactor),
        LambdaError::Outdated(error) => {
            let unseen = || report(Code::Conflict, "the function has other settings or other code than it was given");
            let mut report = error.map_or_else(unseen, |error| of_call(error, redactor));
            report.hint = Some("somebody else changes this function at the same time; deploy again".to_owned());
            report
        }
        LambdaError::RoleNotReady(error) => {
            let mut report = of_call(error, redactor);
            report.at = Some("/role".to_owned());
            report.hint = Some(
                "the role's trust policy must let `lambda.amazonaws.com` assume it; a new role needs some seconds"
                    .to_owned(),
            );
            report
        }
        LambdaError::CreationFailed(trouble) => of_trouble(
            Code::CreationFailed,
            "AWS has created the function, but cannot make it ready",
            trouble,
            redactor,
        )
        .hint("mend what AWS names and deploy again; the function is there, but cannot be called"),
        LambdaError::UpdateFailed(trouble) => {
            of_trouble(Code::UpdateFailed, "AWS has accepted the update, but cannot carry it out", trouble, redactor)
                .hint("what was live before goes on running; mend what AWS names and deploy again")
        }
        LambdaError::ProvisioningFailed(trouble) => {
            of_trouble(Code::ProvisioningFailed, "AWS cannot make the provisioned concurrency ready", trouble, redactor)
                .at("/provisioned_concurrency")
                .hint("the alias is live without it; mend what AWS names and deploy again")
        }
        LambdaError::NoAnswer(limit) => {
            report(Code::TimedOut, format!("the function did not answer within {} s", limit.as_secs()))
        }
        LambdaError::WaitedTooLong { what, limit } => {
            report(Code::TimedOut, format!("{what} was not ready after {} s", limit.as_secs()))
                .hint("deploy again to wait on, or set `wait_timeout` higher")
        }
        LambdaError::NoObject { object } => report(
            Code::PackageNotFound,
            format!("`{}` does not exist", redactor.redact(&object.to_string())),
        )
        .at("/s3_key")
        .hint(
            "is it the right bucket, and the whole key with its prefix? without `s3_key` the package is sent for you",
        ),
        LambdaError::Archive(source) => {
            caused(report(Code::PackageUnreadable, "the archive cannot be read again").at("/zip"), &source)
        }
        LambdaError::Gone => report(Code::FunctionGone, "the function was deleted during the deployment")
            .hint("deploy again to create it anew"),
        LambdaError::Stopped { reason, in_flight } => {
            let mut report = of_stop(reason);
            // What has become of traffic that was on its way is told besides.
            if let Some(step) = in_flight.filter(|step| *step != StepName::ShiftTraffic) {
                report.message = format!("{} during {}, which may still take effect", report.message, step.as_str());
            }
            report
        }
    }
}

/// An alias that somebody else has moved while it was shifted or rolled back.
pub fn of_moved_alias(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    of_lambda(error, redactor)
        .at("/alias")
        .hint("somebody else has changed the alias meanwhile; look where it points now, and decide again")
}

fn of_trouble(code: Code, what: &str, trouble: Trouble, redactor: &Redactor) -> ErrorReport {
    let reason = trouble.reason.map(|reason| format!(": {}", sentence(&reason, redactor)));
    let mut report = report(code, format!("{what}{}", reason.unwrap_or_default()));
    report.caused_by.extend(trouble.code);
    report
}
