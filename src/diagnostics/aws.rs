//! Turns a [`LambdaError`] into the report that says what failed at AWS, what is live now and what to do.

use super::call::from_call;
use super::codedeploy::{from_failed_deployment, from_missing_resource};
use super::credentials::from_credentials;
use super::{aws_messages, caused, from_stop, report, sentence};
use crate::lambda::{ANOTHER_UPDATE, LambdaError, StateReason};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::StepName;
use crate::protocol::secret::{MASK, Redactor};

/// Reports a failed call to AWS, a wait that ran out of time, or a function that AWS could not make ready.
pub(crate) fn from_lambda(mut error: LambdaError, redactor: &Redactor) -> ErrorReport {
    redact_texts(&mut error, redactor);
    let text = error.to_string();
    let wait = "deploy again to keep waiting, or increase `wait_timeout`";
    match error {
        LambdaError::Credentials(error) => from_credentials(error, redactor),
        LambdaError::BadRegion { .. } => {
            report(Code::BadValue, text).hint("fix this value, or set `region` in the stanza")
        }
        LambdaError::BadEndpoint { variable, .. } => report(Code::BadValue, text)
            .at(format!("/env/{variable}"))
            .hint("set a URL with http:// or https:// and a host, or unset the variable to use AWS itself"),
        LambdaError::BadCaBundle { source, .. } => caused(bad_ca_bundle(text), &source),
        LambdaError::EmptyCaBundle { .. } => bad_ca_bundle(text),
        LambdaError::Call(error) | LambdaError::RoleNotReady(error) => from_call(error, redactor),
        LambdaError::Outdated(error) => {
            let unseen = || report(Code::Conflict, text);
            error.map_or_else(unseen, |error| from_call(error, redactor)).hint(
                "deploy again; if this recurs, find out who else changes this function at the same time",
            )
        }
        LambdaError::CreationFailed(state_reason) => {
            let next = "then deploy again; the function exists, but cannot be invoked";
            from_state_reason(Code::CreationFailed, &text, state_reason, next, redactor)
        }
        LambdaError::VersionFailed { version, state_reason } => {
            from_failed_version(&version, state_reason, None, redactor)
        }
        LambdaError::Deactivated => report(Code::FunctionDeactivated, text)
            .hint("activate the function, then deploy again; nothing was changed"),
        LambdaError::UpdateFailed(state_reason) => {
            let next = "then deploy again; the function keeps what it had before this update";
            from_state_reason(Code::UpdateFailed, &text, state_reason, next, redactor)
        }
        LambdaError::ProvisioningFailed(state_reason) => {
            let next = "then deploy again; the alias is live without provisioned concurrency";
            from_state_reason(Code::ProvisioningFailed, &text, state_reason, next, redactor)
        }
        LambdaError::NoResponse(_) => report(Code::TimedOut, text)
            .hint("make the function respond sooner, or increase `verify.timeout`"),
        LambdaError::WaitedTooLong { what: ANOTHER_UPDATE, limit } => {
            let message = format!("{ANOTHER_UPDATE} did not finish within {} s", limit.as_secs());
            report(Code::UpdateInProgress, message).at("/wait_timeout").hint(wait)
        }
        LambdaError::WaitedTooLong { .. } => report(Code::TimedOut, text).hint(wait),
        LambdaError::NoObject { .. } => {
            report(Code::PackageNotFound, redactor.redact(&text)).at("/s3_key").hint(
                "check the bucket and the complete key with its prefix, or remove `s3_key` to package and \
                 upload the build directory",
            )
        }
        LambdaError::NoLayer { layer, version, region } => {
            let hint = match version {
                Some(_) => format!(
                    "choose a version that exists: `aws lambda list-layer-versions --layer-name {layer} \
                     --region {region}` lists them; nothing was changed"
                ),
                None => format!(
                    "publish the layer, or choose another one: `aws lambda list-layers --region {region}` lists \
                     them; nothing was changed"
                ),
            };
            report(Code::NotFound, redactor.redact(&text)).at("/layers").hint(redactor.redact(&hint))
        }
        LambdaError::Archive(source) => caused(report(Code::PackageUnreadable, text).at("/zip"), &source)
            .hint(
                "deploy again, and make sure that nothing deletes or changes the archive during the upload",
            ),
        LambdaError::DeploymentFailed(failed) => from_failed_deployment(*failed, redactor),
        LambdaError::NotInCodeDeploy { resource, codedeploy } => {
            from_missing_resource(&text, resource, &codedeploy, redactor)
        }
        LambdaError::Gone => report(Code::FunctionGone, text)
            .hint("deploy again to create the function, and find out what deletes it"),
        LambdaError::Cancelled { reason, in_flight } => {
            let mut report = from_stop(reason);
            // `report_traffic` reports the state of traffic that was being shifted.
            if let Some(step) = in_flight.filter(|step| *step != StepName::ShiftTraffic) {
                let (message, step) = (&report.message, step.as_str());
                report.message = format!("{message}; {step} may still take effect");
            }
            report
        }
    }
}

/// Masks secrets in a value that a variable of the job may have.
fn redact_texts(error: &mut LambdaError, redactor: &Redactor) {
    if let LambdaError::BadEndpoint { url, .. } = error
        && let Some((_, host)) = url.rsplit_once('@')
    {
        // The text before the `@` may be a password, even if the URL does not parse.
        *url = format!("{MASK}@{host}");
    }
    if let LambdaError::BadRegion { region: text, .. }
    | LambdaError::BadEndpoint { url: text, .. }
    | LambdaError::BadCaBundle { path: text, .. }
    | LambdaError::EmptyCaBundle { path: text } = error
    {
        *text = redactor.redact(text);
    }
}

fn bad_ca_bundle(text: String) -> ErrorReport {
    report(Code::BadCaBundle, text).hint(
        "set AWS_CA_BUNDLE to a file of PEM certificates, or unset it to trust the system's certificates",
    )
}

/// Reports a version that AWS could not make active. `alias` is the name of an alias that should point at it,
/// with the version at which the alias points.
pub(crate) fn from_failed_version(
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
pub(crate) fn from_moved_alias(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    from_lambda(error, redactor).at("/alias").hint(
        "check where the alias points now before you deploy again; someone else changed it during this run",
    )
}

/// Adds to the report of a rollback to `version` how to repeat it, if it has moved an alias or may have. The
/// same rollback would then go further back.
pub(crate) fn from_failed_rollback(mut report: ErrorReport, version: &str, has_moved: bool) -> ErrorReport {
    // A conflict says that the alias has not moved. After other errors that may pass, it may have.
    if !has_moved && (!report.retryable || report.code == Code::Conflict) {
        return report;
    }
    if has_moved {
        report.message = format!("{}; the rollback has moved an alias to version {version}", report.message);
    }
    report.retryable = false;
    let (repeat, further) = (
        format!("repeat the rollback with `version: {version}`"),
        "without `version` it may go further back",
    );
    let hint = match report.hint.take().filter(|_| report.policy_statement.is_some()) {
        Some(allow) => format!("{allow}; then {repeat}; {further}"),
        None => format!("{repeat} when the cause is gone; {further}"),
    };
    report.hint(hint)
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
