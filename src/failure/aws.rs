//! AWS's part of a failure in, the report that tells what is live and what to do out.

use super::call::of_call;
use super::credentials::of_credentials;
use super::{caused, of_stop, report, sentence, texts};
use crate::lambda::{ANOTHER_UPDATE, LambdaError, Trouble};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::StepName;
use crate::protocol::secret::{MASK, Redactor};

/// AWS's part of a failure.
pub fn of_lambda(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    match error {
        LambdaError::Credentials(error) => of_credentials(error, redactor),
        LambdaError::BadRegion { origin, region, right } => {
            report(Code::BadValue, format!("`{origin}` is `{}`; {right}", redactor.redact(&region)))
                .hint("or name `region` in the stanza")
        }
        LambdaError::BadEndpoint { variable, url } => {
            // What stands before an `@` may be a password, however it is written.
            let url = url.rsplit_once('@').map_or(url.clone(), |(_, host)| format!("{MASK}@{host}"));
            report(Code::BadValue, format!("`{variable}` is `{}`, which is no address", redactor.redact(&url)))
                .at(format!("/env/{variable}"))
                .hint("give http:// or https:// and a host; without it AWS itself is asked")
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
        LambdaError::Call(error) | LambdaError::RoleNotReady(error) => of_call(error, redactor),
        LambdaError::Outdated(error) => {
            let unseen = || report(Code::Conflict, "the function has other settings or other code than it was given");
            let mut report = error.map_or_else(unseen, |error| of_call(error, redactor));
            report.hint = Some("somebody else changes this function at the same time; deploy again".to_owned());
            report
        }
        LambdaError::CreationFailed(trouble) => of_trouble(
            Code::CreationFailed,
            "AWS has created the function, but cannot make it ready",
            trouble,
            "then deploy again; the function is there, but cannot be called",
            redactor,
        ),
        LambdaError::VersionFailed { version, trouble } => of_failed_version(&version, trouble, None, redactor),
        LambdaError::Deactivated => {
            report(Code::FunctionDeactivated, "the function is deactivated, so that nobody can call it")
                .hint("activate it again, then deploy; nothing was changed")
        }
        LambdaError::UpdateFailed(trouble) => of_trouble(
            Code::UpdateFailed,
            "AWS has accepted the update, but cannot carry it out",
            trouble,
            "then deploy again; what was live before goes on running",
            redactor,
        ),
        LambdaError::ProvisioningFailed(trouble) => of_trouble(
            Code::ProvisioningFailed,
            "AWS cannot make the provisioned concurrency ready",
            trouble,
            "then deploy again; the alias is live without it",
            redactor,
        ),
        LambdaError::NoAnswer(limit) => {
            report(Code::TimedOut, format!("the function did not answer within {} s", limit.as_secs()))
                .hint("`verify.timeout` sets another limit")
        }
        LambdaError::WaitedTooLong { what: ANOTHER_UPDATE, limit } => {
            let message = format!("another update of the function did not end within {} s", limit.as_secs());
            report(Code::UpdateInProgress, message)
                .at("/wait_timeout")
                .hint("deploy again to wait on, or set `wait_timeout` higher")
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
                .hint("was it deleted or changed while it was sent? deploy again")
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

/// A version that AWS could not make ready; `alias` is one that was to point at it, and where it points.
pub fn of_failed_version(
    version: &str,
    trouble: Trouble,
    alias: Option<(String, &str)>,
    redactor: &Redactor,
) -> ErrorReport {
    let stays = match alias {
        Some((alias, at)) if at == version => format!("; `{alias}` points at it"),
        Some((alias, at)) => format!("; `{alias}` stays at {at}"),
        None => String::new(),
    };
    let what = format!("version {version} could not be made ready{stays}");
    of_trouble(Code::VersionFailed, &what, trouble, "then deploy again", redactor)
}

/// An alias that somebody else has moved while it was shifted or rolled back.
pub fn of_moved_alias(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    of_lambda(error, redactor)
        .at("/alias")
        .hint("somebody else has changed the alias meanwhile; look where it points now, and decide again")
}

/// What AWS could not make ready. `next` is what follows once the cause is mended.
fn of_trouble(code: Code, what: &str, trouble: Trouble, next: &str, redactor: &Redactor) -> ErrorReport {
    let known = trouble.code.as_deref().and_then(texts::of_state);
    let told = |text: &Option<String>, words: &str| text.as_deref().is_some_and(|text| text.contains(words));
    let asked = (code == Code::ProvisioningFailed).then_some("/provisioned_concurrency");
    let is_start = told(&trouble.code, "FunctionError") || told(&trouble.reason, "FUNCTION_ERROR");
    let code = if is_start { Code::FunctionStartFailed } else { code };
    let reason = trouble.reason.map(|reason| format!(": {}", sentence(&reason, redactor)));
    let (hint, at) = match (known, code) {
        (Some(known), _) => known,
        (None, Code::FunctionStartFailed) => {
            ("the function's own start-up code failed: its log in CloudWatch tells where", None)
        }
        (None, _) => ("fix what AWS names", None),
    };
    let mut report = report(code, format!("{what}{}", reason.unwrap_or_default()))
        .hint(format!("{hint}{} {next}", if hint.ends_with('?') { "" } else { ";" }));
    report.at = at.or(asked).map(str::to_owned);
    report.caused_by.extend(trouble.code.map(|code| redactor.redact(&code)));
    report
}
