//! Each room's error in, the report that a person reads at night out: code, sentence, hint. All sentences of failures
//! stand here; what AWS says, and what that means, is the table in `texts.rs`.
//! Never shows a secret: what others wrote goes through the redactor first.

mod aws;
mod call;
pub mod catalogue;
mod commands;
mod constraint;
mod credentials;
mod denied;
mod examples;
mod package;
mod plan;
mod request;
mod texts;
mod verification;

pub use aws::{of_failed_version, of_lambda, of_moved_alias};
pub use commands::{of_command, of_git};
pub use package::of_package;
pub use plan::{of_no_function, of_plan, of_rollback_without_alias};
pub use request::{of_conditions, of_request};
pub use verification::{Unproven, Why, of_verification, tell_way_back};

use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::prose::size;
use crate::protocol::secret::Redactor;
use crate::stop::Reason;

/// A stanza with problems. A variable that was filled in may have brought a secret into a complaint.
pub fn of_problems(mut problems: Vec<Problem>, redactor: &Redactor) -> ErrorReport {
    problems.iter_mut().for_each(|problem| problem.message = redactor.redact(&problem.message));
    ErrorReport::of_problems(problems)
}

/// The end that was asked for.
pub fn of_stop(reason: Reason) -> ErrorReport {
    match reason {
        Reason::Interrupt => report(Code::Cancelled, "cancelled by SIGINT"),
        Reason::Terminate => report(Code::Cancelled, "cancelled by SIGTERM"),
        Reason::OutputClosed => report(Code::OutputClosed, "the runner closed our standard output"),
    }
    .hint("the same request can be given again: it goes on where this run ended")
}

/// A bug of ours. `place` is file and line; what a panic says may quote a secret and is left out.
pub fn of_panic(place: &str) -> ErrorReport {
    report(Code::Internal, format!("a bug in dpl-lambda, at {place}"))
        .hint("please report it with this line and the version")
}

/// A command line that is not ours.
pub fn of_arguments(message: String) -> ErrorReport {
    report(Code::BadArguments, message).hint("`dpl-lambda --help` lists the commands")
}

fn too_large(name: &str, bytes: usize) -> ErrorReport {
    let largest = size(bytes as u64);
    report(
        Code::EnvTooLarge,
        format!("the job's environment is too large for any program; `{name}` alone has {largest}"),
    )
    .at(format!("/env/{name}"))
    .hint("the kernel passes at most 128 KiB in one variable; keep such a value in a file")
}

/// AWS's words as part of our line: without secrets, and without the full stop that a hint would follow.
fn sentence(words: &str, redactor: &Redactor) -> String {
    // A secret may end where the sentence does.
    redactor.redact(words).trim().trim_end_matches('.').replace('\n', " ")
}

fn caused(mut report: ErrorReport, source: &dyn std::error::Error) -> ErrorReport {
    report.message = format!("{}: {source}", report.message);
    report
}

fn report(code: Code, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, message)
}

/// Enough of a long text to know it again.
fn shortened(text: &str) -> String {
    cut(text, 300)
}

/// The text, or as many of its characters, and a sign that there are more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            // Not in the middle of a word, where there is one near.
            let whole = text[..end].rfind(' ').filter(|space| end - space < 40).unwrap_or(end);
            format!("{} …", text[..whole].trim_end())
        }
        None => text.to_owned(),
    }
}
