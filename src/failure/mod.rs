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

use std::error::Error;
use std::io;
use std::path::Path;

use rustix::io::Errno;

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
        Reason::Signal(_) => report(Code::Cancelled, format!("cancelled by {reason}")),
        Reason::OutputClosed => report(Code::OutputClosed, "the runner closed our standard output"),
    }
    .hint("the same request can be given again: it goes on where this run ended")
}

/// An end that does not wait until files that `cleanup` has put aside, or is putting aside, are back.
pub fn naming_stash(report: ErrorReport, stash: Option<String>) -> ErrorReport {
    let Some(name) = stash else { return report };
    let message = format!("{}; uncommitted files are in the stash `{name}`, or git is moving them", report.message);
    ErrorReport { message, ..report }.hint(
        "wait until git has ended; if `git stash list` shows that stash then, `git stash pop` brings the files back",
    )
}

/// A descriptor, a thread or memory of our own that the system does not give.
pub fn of_system(source: &io::Error) -> ErrorReport {
    caused(report(Code::SystemLimit, "the system does not give this process what it needs"), source)
}

/// This program, which a run by hand starts again for each stanza, and which cannot be started.
pub fn of_unstartable(program: &Path, source: &io::Error) -> ErrorReport {
    let is_large = source.kind() == io::ErrorKind::ArgumentListTooLong;
    let code = if is_large { Code::EnvTooLarge } else { Code::SystemLimit };
    let hint = "let this program be read and run where it is; nothing was changed";
    caused(report(code, format!("{} cannot be started", program.display())).hint(hint), source)
}

/// This program, whose place the kernel does not tell.
pub fn of_no_program(source: &io::Error) -> ErrorReport {
    let message = format!("this program does not find itself: {source}");
    report(Code::SystemLimit, message).hint("mount /proc, and leave the program where it was started from")
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
    .hint("keep large values in files: the kernel passes at most 128 KiB in one variable, and some MiB in all")
}

/// AWS's words as part of our line: without secrets, and without the full stop that a hint would follow.
fn sentence(words: &str, redactor: &Redactor) -> String {
    // A secret may end where the sentence does.
    redactor.redact(words).trim().trim_end_matches('.').replace('\n', " ")
}

/// A report with its cause, which decides alone where it is that the system gives us no more: what was to be done is all right then.
fn caused(mut report: ErrorReport, source: &(dyn Error + 'static)) -> ErrorReport {
    report.message = format!("{}: {source}", report.message);
    match source.downcast_ref().and_then(Errno::from_io_error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => {
            ErrorReport::new(Code::SystemLimit, report.message)
                .hint("raise the limits of the job: `ulimit -a` shows them, and `ulimit -n 64` is enough for files")
        }
        Some(Errno::TOOBIG) => {
            report.hint("keep what is large in a file: the kernel passes at most 128 KiB in one argument or variable")
        }
        _ => report,
    }
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
