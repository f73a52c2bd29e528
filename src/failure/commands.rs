//! A command of the user's that failed in, the report that names it out.

use super::{caused, of_stop, report, sentence, shortened, too_large};
use crate::child::ChildError;
use crate::commands::CommandError;
use crate::git::GitError;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::secret::Redactor;

/// A checkout that git cannot be asked about.
pub fn of_git(error: GitError) -> ErrorReport {
    let readable = "let git read this directory; `git status` there says what is in its way";
    let (said, hint) = match error {
        GitError::NotInstalled => ("git is not installed".to_owned(), "install git, or set TRAVIS_BRANCH"),
        GitError::Refused { words } => {
            (sentence(words.lines().next().unwrap_or_default(), &Redactor::default()), readable)
        }
        GitError::Child(ChildError::Stopped(reason)) => return of_stop(reason),
        GitError::Child(error) => (error.to_string(), readable),
    };
    report(Code::GitFailed, format!("git cannot tell which branch this is: {said}")).hint(hint)
}

/// A command of the user's.
pub fn of_command(error: CommandError, redactor: &Redactor) -> ErrorReport {
    match error {
        CommandError::RunFailed { command, index, how } => {
            let command = shortened(&redactor.redact(&command));
            report(Code::RunFailed, format!("`{command}` of `run` failed with {how}"))
                .at(format!("/run/{index}"))
                .hint("what it wrote stands above; the deployment itself has succeeded")
        }
        CommandError::CleanupFailed { words } => report(
            Code::CleanupFailed,
            format!("git cannot put uncommitted files aside: {}", sentence(&words, redactor)),
        )
        .at("/cleanup")
        .hint("`cleanup` needs a git checkout; without it everything in the build directory is kept"),
        CommandError::Child(ChildError::Unstartable(source)) => {
            let hint = "`run` needs bash, and `cleanup` git, on the job's `PATH`";
            caused(report(Code::RunFailed, "a command of the stanza cannot be started").hint(hint), &source)
        }
        CommandError::Child(ChildError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        CommandError::Child(ChildError::TimedOut(limit)) => {
            report(Code::TimedOut, format!("a command did not end within {} s", limit.as_secs()))
                .hint("let it look only at what is there already, or run it in a step of its own")
        }
        CommandError::Child(ChildError::Stopped(reason)) => of_stop(reason),
    }
}
