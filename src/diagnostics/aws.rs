//! Turns a [`LambdaError`] into the report that says what failed at AWS, what is live now and what to do.

use super::call::from_call;
use super::credentials::from_credentials;
use super::{aws_messages, caused, from_stop, report, sentence};
use crate::lambda::{ANOTHER_UPDATE, LambdaError, StateReason};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::StepName;
use crate::protocol::secret::{MASK, Redactor};

/// Reports a failed call to AWS, a wait that ran out of time, or a function that AWS could not make ready.
pub fn from_lambda(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    match error {
        LambdaError::Credentials(error) => from_credentials(error, redactor),
        LambdaError::BadRegion { origin, region, right } => {
            // The origin is the name of a variable, or a description such as "the profile's region".
            let origin = if origin.contains(' ') { origin.to_owned() } else { format!("`{origin}`") };
            report(Code::BadValue, format!("{origin} is `{}`; {right}", redactor.redact(&region)))
                .hint("fix this value, or set `region` in the stanza")
        }
        LambdaError::BadEndpoint { variable, url } => {
            // The text before an `@` may be a password, even if the URL does not parse.
            let url = url.rsplit_once('@').map_or(url.clone(), |(_, host)| format!("{MASK}@{host}"));
            report(Code::BadValue, format!("`{variable}` is `{}`, which is not a URL", redactor.redact(&url)))
                .at(format!("/env/{variable}"))
                .hint("set a URL with http:// or https:// and a host, or unset the variable to use AWS itself")
        }
        LambdaError::BadCaBundle { path, source } => {
            let path = redactor.redact(&path);
            let hint = "set AWS_CA_BUNDLE to a file of PEM certificates, or unset it to trust the system's certificates";
            let report =
                |what| report(Code::BadCaBundle, format!("`AWS_CA_BUNDLE` is `{path}`, which {what}")).hint(hint);
            match source {
                Some(source) => caused(report("cannot be read"), &source),
                None => report("contains no certificates"),
            }
        }
        LambdaError::Call(error) | LambdaError::RoleNotReady(error) => from_call(error, redactor),
        LambdaError::Outdated(error) => {
            let unseen = || report(Code::Conflict, "the function does not have the settings or code that were just deployed");
            let mut report = error.map_or_else(unseen, |error| from_call(error, redactor));
            report.hint = Some("deploy again; if this recurs, find out who else changes this function at the same time".to_owned());
            report
        }
        LambdaError::CreationFailed(state_reason) => from_state_reason(
            Code::CreationFailed,
            "AWS created the function but could not make it active",
            state_reason,
            "then deploy again; the function exists, but cannot be invoked",
            redactor,
        ),
        LambdaError::VersionFailed { version, state_reason } => from_failed_version(&version, state_reason, None, redactor),
        LambdaError::Deactivated => {
            report(Code::FunctionDeactivated, "the function is deactivated and cannot be invoked")
                .hint("activate the function, then deploy again; nothing was changed")
        }
        LambdaError::UpdateFailed(state_reason) => from_state_reason(
            Code::UpdateFailed,
            "AWS accepted the update but could not apply it",
            state_reason,
            "then deploy again; the previous code and settings are still live",
            redactor,
        ),
        LambdaError::ProvisioningFailed(state_reason) => from_state_reason(
            Code::ProvisioningFailed,
            "AWS could not allocate the provisioned concurrency",
            state_reason,
            "then deploy again; the alias is live without provisioned concurrency",
            redactor,
        ),
        LambdaError::NoResponse(limit) => {
            report(Code::TimedOut, format!("the function did not respond within {} s", limit.as_secs()))
                .hint("make the function respond sooner, or increase `verify.timeout`")
        }
        LambdaError::WaitedTooLong { what: ANOTHER_UPDATE, limit } => {
            let message = format!("another update of the function did not finish within {} s", limit.as_secs());
            report(Code::UpdateInProgress, message)
                .at("/wait_timeout")
                .hint("deploy again to keep waiting, or increase `wait_timeout`")
        }
        LambdaError::WaitedTooLong { what, limit } => {
            report(Code::TimedOut, format!("timed out after {} s waiting for {what}", limit.as_secs()))
                .hint("deploy again to keep waiting, or increase `wait_timeout`")
        }
        LambdaError::NoObject { object } => report(
            Code::PackageNotFound,
            format!("`{}` does not exist", redactor.redact(&object.to_string())),
        )
        .at("/s3_key")
        .hint(
            "check the bucket and the complete key with its prefix, or remove `s3_key` to package and upload the build directory",
        ),
        LambdaError::Archive(source) => {
            caused(report(Code::PackageUnreadable, "the archive could not be read for the upload").at("/zip"), &source)
                .hint("deploy again, and make sure that nothing deletes or changes the archive during the upload")
        }
        LambdaError::Gone => report(Code::FunctionGone, "the function was deleted during the deployment")
            .hint("deploy again to create the function, and find out what deletes it"),
        LambdaError::Cancelled { reason, in_flight } => {
            let mut report = from_stop(reason);
            // `report_traffic` reports the state of traffic that was being shifted.
            if let Some(step) = in_flight.filter(|step| *step != StepName::ShiftTraffic) {
                report.message = format!("{} during {}, which may still take effect", report.message, step.as_str());
            }
            report
        }
    }
}

/// Reports a version that AWS could not make active. `alias` is the name of an alias that should point at it,
/// with the version at which the alias points.
pub fn from_failed_version(
    version: &str,
    state_reason: StateReason,
    alias: Option<(String, &str)>,
    redactor: &Redactor,
) -> ErrorReport {
    let stays = match alias {
        Some((alias, at)) if at == version => format!("; `{alias}` points at this version"),
        Some((alias, at)) => format!("; `{alias}` stays at version {at}"),
        None => String::new(),
    };
    let what = format!("AWS could not make version {version} active");
    let mut report =
        from_state_reason(Code::VersionFailed, &what, state_reason, "then deploy again", redactor);
    report.message.push_str(&stays);
    report
}

/// Reports an alias that someone else moved while this run shifted its traffic or rolled it back.
pub fn from_moved_alias(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    from_lambda(error, redactor).at("/alias").hint(
        "check where the alias points now before you deploy again; someone else changed it during this run",
    )
}

/// Reports a function, a version, an update or provisioned concurrency that AWS could not make ready. `what`
/// begins the message; `next` is the second part of the hint, what to do once the cause is fixed.
fn from_state_reason(
    code: Code,
    what: &str,
    state_reason: StateReason,
    next: &str,
    redactor: &Redactor,
) -> ErrorReport {
    let known = state_reason.code.as_deref().and_then(aws_messages::from_state);
    let mentions =
        |text: &Option<String>, words: &str| text.as_deref().is_some_and(|text| text.contains(words));
    let default_at = (code == Code::ProvisioningFailed).then_some("/provisioned_concurrency");
    let is_start =
        mentions(&state_reason.code, "FunctionError") || mentions(&state_reason.reason, "FUNCTION_ERROR");
    let code = if is_start { Code::FunctionStartFailed } else { code };
    let reason = state_reason.reason.map(|reason| format!(": {}", sentence(&reason, redactor)));
    let (hint, at) = match (known, code) {
        (Some(known), _) => known,
        (None, Code::FunctionStartFailed) => {
            ("find the cause in the function's CloudWatch log: the initialization code failed", None)
        }
        (None, _) => ("fix the cause that AWS names", None),
    };
    let mut report =
        report(code, format!("{what}{}", reason.unwrap_or_default())).hint(format!("{hint}; {next}"));
    report.at = at.or(default_at).map(str::to_owned);
    report.caused_by.extend(state_reason.code.map(|code| redactor.redact(&code)));
    report
}
