//! Reports a version that failed verification: why it failed, and whether callers in production reach it.

use std::time::Duration;

use super::{report, shortened};
use crate::lambda::ShiftOutcome;
use crate::protocol::error::{Class, Code, ErrorReport};
use crate::protocol::version_check::VersionCheck;
use crate::verification::FailedExpectation;

/// How callers in production reach a version that failed verification.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VersionExposure<'a> {
    /// All callers reach it, because the stanza has no alias.
    LiveFunction,
    /// Callers of the alias do not reach it, because the alias points at another version, `live`.
    Behind { alias: &'a str, live: &'a str },
    /// Callers of the alias reach it, because the alias pointed at it before this run.
    Reached { alias: &'a str },
    /// No caller of an alias reaches it, because none of the stanza's aliases exists yet.
    Unreached,
    /// It gets a share of an alias's traffic.
    Shifted,
}

/// Why a version failed verification.
#[derive(Clone, Debug)]
pub(crate) enum FailureReason {
    /// Its response is not the expected one.
    UnexpectedResponse(FailedExpectation),
    /// It did not respond within this time.
    NoResponse(Duration),
    /// `verify.command` failed.
    Command {
        /// How it ended, in words, such as `exit status: 1`.
        status: String,
    },
    /// `verify.command` did not exit within this time.
    SlowCommand(Duration),
}

/// Reports a version, or `$LATEST`, that failed `check`. `log` is the end of its log, redacted.
pub(crate) fn from_verification(
    check: &VersionCheck,
    version: &str,
    exposure: VersionExposure<'_>,
    reason: FailureReason,
    log: Vec<String>,
    redact: &dyn Fn(&str) -> String,
) -> ErrorReport {
    // Redact before shortening: the redactor would not recognize half of a secret.
    let shown = |text: &str| shortened(&redact(text));
    let reason = match reason {
        FailureReason::UnexpectedResponse(mut failed) => {
            match &mut failed {
                FailedExpectation::FunctionError { error: text }
                | FailedExpectation::NotJson { answer: text, .. }
                | FailedExpectation::OtherStatus { got: None, answer: text, .. } => *text = shown(text),
                FailedExpectation::LacksText { text, answer: other, .. }
                | FailedExpectation::OtherStatus { got: Some(text), answer: other, .. }
                | FailedExpectation::OtherValue { want: text, got: other, .. }
                | FailedExpectation::LacksValue { want: text, answer: other, .. } => {
                    (*text, *other) = (shown(text), shown(other));
                }
            }
            failed.to_string()
        }
        FailureReason::NoResponse(limit) => format!("it did not respond within {} s", limit.as_secs()),
        FailureReason::Command { status } => format!("`verify.command` failed with {status}"),
        FailureReason::SlowCommand(limit) => {
            format!("`verify.command` did not exit within {} s", limit.as_secs())
        }
    };
    let title = match (&check.verify.name, check.index) {
        (Some(name), _) => format!("check `{}`: ", shown(name)),
        (None, Some(index)) => format!("check {index}: "),
        (None, None) => String::new(),
    };
    let named = |version: &str| match version {
        "$LATEST" => "the function".to_owned(),
        number => format!("version {number}"),
    };
    let fix = "fix the code or the check, and deploy again";
    let hint = match exposure {
        VersionExposure::LiveFunction => {
            "deploy the previous code again; with an `alias`, only a version that passes `verify` becomes \
             live"
                .to_owned()
        }
        VersionExposure::Behind { alias, live } => {
            format!("{fix}; `{alias}` still points at {}, so its callers are not affected", named(live))
        }
        VersionExposure::Reached { alias } => format!(
            "{fix}; `{alias}` already pointed at this version and stays there, and no other alias was moved to \
             it"
        ),
        VersionExposure::Unreached => {
            format!("{fix}; none of the stanza's aliases points at this version")
        }
        VersionExposure::Shifted => fix.to_owned(),
    };
    let is_live = if matches!(exposure, VersionExposure::LiveFunction) { ", which is live," } else { "" };
    let mut report = report(
        Code::VerificationFailed,
        format!("{}{is_live} failed verification: {title}{reason}", named(version)),
    )
    .at(check.at())
    .hint(hint);
    report.log = log;
    report
}

/// Adds to a report which event sources call `alias` since this run, and which are still `left`.
pub(crate) fn report_event_sources(report: &mut ErrorReport, alias: &str, moved: &[String], left: &[String]) {
    let (moved, left) = (moved.join(", "), left.join(", "));
    report.message = format!("{}; moved to `{alias}`: {moved}; not moved: {left}", report.message);
}

/// Adds to a report that CodeDeploy goes on with a deployment.
pub(crate) fn report_deployment(report: &mut ErrorReport, id: &str) {
    report.message = format!("{}; CodeDeploy continues deployment {id}", report.message);
    report.hint = Some(format!(
        "repeat the run to follow that deployment, or stop it: `aws deploy stop-deployment --deployment-id \
         {id} --auto-rollback-enabled`"
    ));
}

/// Adds to a report the state of the traffic of `alias`, which was being shifted from `version` to `new`.
pub(crate) fn report_traffic(
    report: &mut ErrorReport,
    alias: &str,
    version: &str,
    new: &str,
    outcome: Result<ShiftOutcome, ErrorReport>,
) {
    let traffic = match outcome {
        Ok(ShiftOutcome::Restored) => format!("all traffic of `{alias}` is back at version {version}"),
        Ok(ShiftOutcome::Completed) => format!("all traffic of `{alias}` goes to version {new}"),
        Err(failure) => {
            let back = format!(
                "run `dpl-lambda rollback` with `version: {version}` to send all traffic back to that version"
            );
            // Without the permission, or with expired credentials, that rollback fails in the same way.
            report.hint = Some(match failure.hint.filter(|_| failure.class == Class::Auth) {
                Some(hint) => format!("{hint}; then {back}"),
                None => back,
            });
            report.policy_statement = failure.policy_statement;
            if report.message != failure.message {
                report.caused_by.push(failure.message);
            }
            format!(
                "`{alias}` may still send traffic to version {new}, because the attempt to send all traffic \
                 back failed"
            )
        }
    };
    report.message = format!("{}; {traffic}", report.message);
}
