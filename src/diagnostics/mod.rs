//! Turns each module's error into the [`ErrorReport`] that users read: code, message, pointer, hint. The
//! error's own text says what happened; only this module knows which code it has and what to do, except for
//! problems of a stanza, which its readers report. `aws_messages.rs` maps AWS's error texts to codes and
//! hints. Never shows a secret: text from outside the program passes through the redactor first.

mod arguments;
mod aws;
mod aws_messages;
mod call;
pub(crate) mod catalogue;
mod codedeploy;
mod commands;
mod constraint;
mod credentials;
mod denied;
mod examples;
mod guard;
mod package;
mod plan;
mod request;
mod verification;

use std::error::Error;
use std::io;
use std::path::Path;

use rustix::io::Errno;

pub(crate) use arguments::{ArgumentMistake, from_arguments};
pub(crate) use aws::{from_failed_rollback, from_failed_version, from_lambda, from_moved_alias};
pub(crate) use commands::{from_command, from_git};
pub(crate) use guard::from_guard;
pub(crate) use package::from_package;
pub(crate) use plan::{
    ONE_RELEASE, PLAN_AGAIN, from_interrupted_plan, from_layer_changed_twice, from_no_function,
    from_outdated_plan, from_plan, from_plan_without_deployment, from_rollback_without_alias,
    from_skipped_plan,
};
pub(crate) use request::{
    KEEP_ONE, about_json, from_conditions, from_differing_layer, from_large_release, from_list_to_package,
    from_repeated_function, from_request, from_unclear_release, hint_for_document,
};
pub(crate) use verification::{
    FailureReason, VersionExposure, from_verification, report_deployment, report_event_sources,
    report_traffic,
};

use crate::cancel::CancelReason;
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::event::{StepName, UnmetCondition};
use crate::protocol::messages::size;
use crate::protocol::secret::Redactor;

/// The hint for a run that was ended from outside.
const REPEAT: &str = "repeat the run; the new run continues where this one stopped";

/// Reports a stanza with problems. Redacts each text, because an expanded variable may have put a secret into
/// a value.
pub(crate) fn from_problems(mut problems: Vec<Problem>, redactor: &Redactor) -> ErrorReport {
    for problem in &mut problems {
        let texts = std::iter::once(&mut problem.message).chain(&mut problem.hint);
        texts.for_each(|text| *text = redactor.redact(text));
    }
    ErrorReport::from_problems(problems)
}

/// Reports a run that a signal, a closed standard output or another function of its release ended.
pub(crate) fn from_stop(reason: CancelReason) -> ErrorReport {
    match reason {
        CancelReason::Signal(_) => report(Code::Cancelled, format!("cancelled by {reason}")),
        CancelReason::OutputClosed => report(
            Code::OutputClosed,
            "standard output cannot be written: its reader has closed it, or the disk is full",
        ),
        CancelReason::Stopped => {
            report(Code::Cancelled, "stopped, because another function of the release failed")
        }
    }
    .hint(REPEAT)
}

/// Adds to the report of a step that AWS may have carried out, although its response was lost.
pub(crate) fn naming_uncertain_step(mut report: ErrorReport, step: StepName) -> ErrorReport {
    report.message = format!("{}; {} may have taken effect", report.message, step.as_str());
    report
}

/// Adds to the report of a run that ends in the middle what it leaves behind: the stash in which `cleanup`
/// still holds uncommitted files, or which it is creating, and traffic that a failure would send back.
pub(crate) fn naming_leftovers(
    mut report: ErrorReport,
    stash: Option<String>,
    shares_traffic: bool,
) -> ErrorReport {
    let mut hints = Vec::new();
    if shares_traffic {
        report.message = format!("{}; an alias may still send traffic to the new version", report.message);
        hints.push(
            "run `dpl-lambda rollback` to send all traffic back, or repeat the run, which begins with that",
        );
    }
    if let Some(name) = stash {
        report.message = format!(
            "{}; uncommitted files are in the stash `{name}`, or git is still moving them there",
            report.message
        );
        hints.push(
            "wait until git has exited; then, if `git stash list` shows that stash, restore the files with \
             `git stash pop`",
        );
    }
    if hints.is_empty() { report } else { report.hint(hints.join("; ")) }
}

/// Reports a file descriptor, a thread or memory that the operating system refused to this process.
pub(crate) fn from_system(source: &io::Error) -> ErrorReport {
    caused(report(Code::SystemLimit, "the operating system refused a resource that dpl-lambda needs"), source)
}

/// Reports that `program`, our own executable, could not be started. Standalone mode starts it once for each
/// stanza.
pub(crate) fn from_unstartable(program: &Path, source: &io::Error) -> ErrorReport {
    let is_large = source.kind() == io::ErrorKind::ArgumentListTooLong;
    let code = if is_large { Code::EnvTooLarge } else { Code::SystemLimit };
    let hint = "make this file readable and executable; nothing was changed";
    caused(report(code, format!("`{}` cannot be started", program.display())).hint(hint), source)
}

/// Reports a run in a process of its own that wrote no `finished` event. `exit` is how that process ended.
pub(crate) fn from_no_result(exit: &str, is_cancelled: bool) -> ErrorReport {
    let code = if is_cancelled { Code::Cancelled } else { Code::Internal };
    report(code, format!("the run ended without a result: {exit}")).hint(REPEAT)
}

/// Reports that standard output was not open at the start.
pub(crate) fn from_closed_output() -> ErrorReport {
    report(Code::OutputClosed, "standard output is closed, so nothing was done")
        .hint("open it, or redirect it to /dev/null")
}

/// Reports a run that must not be skipped (`--require-deploy`), but whose conditions are not met.
pub(crate) fn from_required_skip(unmet: &[UnmetCondition]) -> ErrorReport {
    let message = format!("the deployment is required, but skipped because {}", reasons(unmet));
    report(Code::SkippedButRequired, message).hint(
        "fix the conditions, or check which build this is: branch, tag, pull request; without \
         `--require-deploy`, this run ends with `skipped`",
    )
}

/// Why a deployment is skipped, as a part of a sentence.
fn reasons(unmet: &[UnmetCondition]) -> String {
    unmet.iter().map(|unmet| unmet.message.trim_end_matches('.')).collect::<Vec<_>>().join("; ")
}

/// Reports a panic, which is a bug. `place` is its file and line; the panic's message is left out, because it
/// may quote a secret.
pub(crate) fn from_panic(place: &str) -> ErrorReport {
    report(Code::Internal, format!("the run failed because of a bug in dpl-lambda, at {place}"))
        .hint("report the bug with this message and the version of dpl-lambda")
}

/// Reports a standalone option with a command that accepts none.
pub(crate) fn from_unaccepted_option(command: &str, option: &str) -> ErrorReport {
    report(Code::BadArguments, format!("`{command}` does not accept {option}"))
        .hint(format!("leave it out; `dpl-lambda {command} --help` lists what it accepts"))
}

fn too_large(name: &str, bytes: usize) -> ErrorReport {
    let largest = size(bytes as u64);
    report(
        Code::EnvTooLarge,
        format!("the job's environment is too large to start a program; `{name}` alone has {largest}"),
    )
    .at(format!("/env/{name}"))
    .hint(
        "keep large values in files: the kernel passes at most 128 KiB in one variable and a few MiB in \
         total",
    )
}

/// AWS's text as part of our message: redacted, on one line and without its full stop, since a hint may
/// follow.
fn sentence(words: &str, redactor: &Redactor) -> String {
    // Redact first: a secret may end with the full stop that is trimmed.
    redactor.redact(words).trim().trim_end_matches('.').replace('\n', " ")
}

/// Reports an error with the text of its cause.
pub(crate) fn with_cause(error: &dyn Error, code: Code, hint: &str) -> ErrorReport {
    let message = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    report(code, message).hint(hint)
}

/// Appends the cause to the message. A cause that is an exhausted limit of the operating system replaces code
/// and hint, since the operation itself is not to blame.
fn caused(mut report: ErrorReport, source: &(dyn Error + 'static)) -> ErrorReport {
    report.message = format!("{}: {source}", report.message);
    match source.downcast_ref().and_then(Errno::from_io_error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => {
            ErrorReport::new(Code::SystemLimit, report.message).hint(
                "raise the limits of the job: `ulimit -a` shows them, and `ulimit -n 64` is enough for open \
                 files",
            )
        }
        Some(Errno::TOOBIG) => report.hint(
            "keep large values in files: the kernel passes at most 128 KiB in one argument or \
             variable",
        ),
        _ => report,
    }
}

fn report(code: Code, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, message)
}

/// The first 300 characters of a text, enough to recognize it.
fn shortened(text: &str) -> String {
    cut(text, 300)
}

/// The text, or its first `most` characters with an ellipsis.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            // Prefer to cut at a space, if there is one within 40 bytes.
            let whole = text[..end].rfind(' ').filter(|space| end - space < 40).unwrap_or(end);
            format!("{} …", text[..whole].trim_end())
        }
        None => text.to_owned(),
    }
}
