//! Turns a failed command of the stanza, or of git, into the report that names it.

use super::{caused, from_stop, report, sentence, shortened, too_large};
use crate::child::ChildError;
use crate::commands::CommandError;
use crate::git::GitError;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::secret::Redactor;

/// Reports that git could not describe the checkout.
pub(crate) fn from_git(error: GitError) -> ErrorReport {
    let text = match &error {
        GitError::Refused { message } => {
            sentence(message.lines().next().unwrap_or_default(), &Redactor::default())
        }
        GitError::Child(ChildError::Unstartable(source)) => format!("{error}: {source}"),
        GitError::Child(ChildError::Cancelled(reason)) => return from_stop(*reason),
        GitError::NotInstalled | GitError::Child(_) => error.to_string(),
    };
    let hint = match error {
        GitError::NotInstalled => "install git, or set TRAVIS_BRANCH",
        GitError::Refused { .. } | GitError::Child(_) => {
            "make the build directory readable for git; `git status` shows the problem"
        }
    };
    report(Code::GitFailed, format!("git cannot determine the branch: {text}")).hint(hint)
}

/// Reports a command of the stanza that failed, could not be started or did not exit in time.
pub(crate) fn from_command(mut error: CommandError, redactor: &Redactor) -> ErrorReport {
    match &mut error {
        CommandError::RunFailed { command, .. } => *command = shortened(&redactor.redact(command)),
        CommandError::CleanupFailed { output } => *output = sentence(output, redactor),
        CommandError::Child(_) => {}
    }
    let text = error.to_string();
    match error {
        CommandError::RunFailed { index, .. } => report(Code::RunFailed, text)
            .at(format!("/run/{index}"))
            .hint("read the command's output above; the deployment itself succeeded"),
        CommandError::CleanupFailed { .. } => report(Code::CleanupFailed, text)
            .at("/cleanup")
            .hint("run in a git checkout, or remove `cleanup` to keep everything in the build directory"),
        CommandError::Child(ChildError::Unstartable(source)) => {
            let hint = "put bash (for `run`) and git (for `cleanup`) on the job's `PATH`";
            caused(report(Code::RunFailed, "a command of the stanza cannot be started").hint(hint), &source)
        }
        CommandError::Child(ChildError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        CommandError::Child(ChildError::TimedOut(limit)) => report(
            Code::TimedOut,
            format!("a command of the stanza did not exit within {} s", limit.as_secs()),
        )
        .hint("remove waiting and downloads from the command, or run it in a separate step of the job"),
        CommandError::Child(ChildError::Cancelled(reason)) => from_stop(reason),
    }
}
