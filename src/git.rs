//! Asks git one question about a directory, in the job's environment.
//! Never takes a question that git could not answer for one that it answered with no.
//! Effect: starts git.
#![expect(clippy::disallowed_methods, reason = "starts git: this is the module for it")]

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::child::{self, ChildError};
use crate::protocol::environment::Environment;
use crate::protocol::event::Stream;
use crate::stop::Stop;

/// Why there is no answer.
#[derive(Debug)]
pub enum GitError {
    /// There is no git on the `PATH`.
    NotInstalled,
    /// It gave up before it could look, for example because the checkout belongs to somebody else.
    Refused {
        /// What it said.
        words: String,
    },
    /// It could not be run to its end.
    Child(ChildError),
}

/// How long git may take. It reads what is there already; a machine that needs longer is not idle but stuck.
const LIMIT: Duration = Duration::from_secs(60);

/// What git prints, without white space around it. `None`: it has looked, and there is no such thing here.
///
/// # Errors
/// [`GitError`]: nothing is known.
pub fn ask(arguments: &[&str], env: &Environment, directory: &Path, stop: &Stop) -> Result<Option<String>, GitError> {
    let mut git = Command::new("git");
    // Its sentences are looked at below, so they must not be translated.
    child::with_env(git.args(arguments).current_dir(directory), env).env("LC_ALL", "C");
    let (mut answer, mut words) = (Vec::new(), Vec::new());
    let mut hear = |stream, bytes: &[u8]| {
        let text = if stream == Stream::Stdout { &mut answer } else { &mut words };
        text.extend(bytes.iter().take(MAX_BYTES - text.len()));
    };
    let ended = child::run(&mut git, env, None, Some(LIMIT), Some(stop), &mut hear);
    let status = ended.map_err(|error| match error {
        ChildError::Unstartable(error) if error.kind() == io::ErrorKind::NotFound => GitError::NotInstalled,
        error => GitError::Child(error),
    })?;
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    match status.code() {
        Some(0) => {
            let answer = String::from_utf8_lossy(&answer).trim().to_owned();
            Ok((!answer.is_empty()).then_some(answer))
        }
        // 128 is how git gives up; these are the sentences with which it says no by that.
        Some(128) if !NO.iter().any(|no| words.contains(no)) => Err(GitError::Refused { words }),
        Some(_) => Ok(None),
        None => Err(GitError::Refused { words: status.to_string() }),
    }
}

/// Git's answers here are one line; what a broken hook or wrapper writes beyond this is dropped.
const MAX_BYTES: usize = 1024 * 1024;

/// Sentences of git 2.30 to 2.47 by which a thing is not there.
const NO: [&str; 5] = [
    "not a git repository",
    "No such remote",
    "no tag exactly matches",
    "No names found",
    "does not have any commits yet",
];

/// True where the directory lies in a checkout, as far as can be seen without git.
pub fn is_checkout(directory: &Path) -> bool {
    directory.ancestors().any(|ancestor| ancestor.join(".git").exists())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files")]
mod tests {
    use super::*;
    use std::process::Command;
    use tempfile::TempDir;

    /// Asks a `git` that is this script.
    fn asked_of(script: &str) -> Result<Option<String>, GitError> {
        let bin = TempDir::new().expect("a temporary directory");
        let git = bin.path().join("git");
        // By another process: a file that this one has open for writing, another test's child may hold open when it is to be run.
        let mut bash = Command::new("bash");
        bash.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod +x \"$2\"", "bash", script]).arg(&git);
        assert!(bash.status().expect("bash runs").success());
        let path = bin.path().display().to_string();
        let env: Environment = [("PATH", path.as_str())].into_iter().collect();
        ask(&["symbolic-ref", "HEAD"], &env, bin.path(), &Stop::new())
    }

    #[test]
    fn an_answer_and_a_no_are_told_from_no_answer() {
        assert_eq!(asked_of("echo main").ok(), Some(Some("main".to_owned())));
        for no in ["exit 1", "exit 129", "echo 'fatal: not a git repository' >&2; exit 128", "echo; exit 0"] {
            assert_eq!(asked_of(no).ok(), Some(None), "{no}");
        }
        for silence in ["echo 'fatal: detected dubious ownership' >&2; exit 128", "exit 128", "kill -9 $$"] {
            assert!(matches!(asked_of(silence), Err(GitError::Refused { .. })), "{silence}");
        }
        let env: Environment = [("PATH", "/nowhere")].into_iter().collect();
        let absent = ask(&["status"], &env, Path::new("/"), &Stop::new());
        assert!(matches!(absent, Err(GitError::NotInstalled)), "{absent:?}");
    }
}
