//! Runs git in a directory, with the job's environment.
//! A query always distinguishes a query that failed from one with a negative result. Effect: starts git.
#![expect(clippy::disallowed_methods, reason = "starts git: this is the module for it")]

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::child::{self, ChildError};
use crate::protocol::environment::Environment;
use crate::protocol::event::Stream;

/// Why a git query failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("it is not installed")]
    NotInstalled,
    /// git exited with an error before it looked up the value, for example because the checkout belongs to
    /// another user.
    #[error("{message}")]
    Refused {
        /// Standard error of git, or its exit status if that is empty.
        message: String,
    },
    /// git could not be started, or did not exit by itself.
    #[error(transparent)]
    Child(#[from] ChildError),
}

/// Time limit for git. It only reads local files, so a query that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// git with these arguments, in a directory and with the job's environment.
pub(crate) fn command(arguments: &[&str], env: &Environment, directory: &Path) -> Command {
    let mut git = Command::new("git");
    child::with_env(git.args(arguments).current_dir(directory), env);
    git
}

/// Runs git in a test, and returns its output. The configuration of the person who runs the test does not count,
/// which may sign each commit; nor do the variables of a git hook that runs the test.
#[cfg(test)]
pub(crate) fn run_in_test(directory: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.invalid"]).args(arguments);
    git.current_dir(directory).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let output = git.env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Runs git and returns its output without white space of ASCII around it; a branch name can begin or end
/// with other white space. `None`: git found nothing.
///
/// # Errors
/// [`GitError`] if the result is unknown.
pub(crate) fn query(
    arguments: &[&str],
    env: &Environment,
    directory: &Path,
    stop: &CancelToken,
) -> Result<Option<String>, GitError> {
    let mut git = command(arguments, env, directory);
    // The messages of git are compared below, so they must not be translated.
    git.env("LC_ALL", "C");
    let (mut answer, mut message) = (Vec::new(), Vec::new());
    let mut receive = |stream, bytes: &[u8]| {
        let text = if stream == Stream::Stdout { &mut answer } else { &mut message };
        text.extend(bytes.iter().take(MAX_BYTES - text.len()));
    };
    let ended = child::run(&mut git, env, None, Some(LIMIT), Some(stop), &mut receive);
    let status = ended.map_err(|error| match error {
        ChildError::Unstartable(error) if error.kind() == io::ErrorKind::NotFound => GitError::NotInstalled,
        error => GitError::Child(error),
    })?;
    let message = String::from_utf8_lossy(&message).trim().to_owned();
    match status.code() {
        Some(0) => {
            let answer = String::from_utf8_lossy(answer.trim_ascii()).into_owned();
            Ok((!answer.is_empty()).then_some(answer))
        }
        // What does not exist.
        Some(1) => Ok(None),
        // git exits with 128 on fatal errors, and `git remote` with 2. These messages mean a negative result in
        // spite of that status. A shell, too, exits with 2 if it cannot run a script.
        Some(2 | 128) if is_negative(&message, directory) => Ok(None),
        // With other statuses, a wrapper in the place of git ends that could not run it, or whose git a signal
        // has killed.
        Some(_) | None if message.is_empty() => Err(GitError::Refused { message: status.to_string() }),
        Some(_) | None => Err(GitError::Refused { message }),
    }
}

/// Limit of each output of git in bytes. The answers needed here are one line; the rest is dropped.
const MAX_BYTES: usize = 1024 * 1024;

/// Whether a fatal error of git means that something does not exist. A checkout that git calls no repository
/// is damaged, or its `.git` names a directory that is not there, as that of a worktree or a submodule which
/// was copied alone.
fn is_negative(message: &str, directory: &Path) -> bool {
    if message.contains("not a git repository") {
        return !message.contains("not a git repository:") && !is_checkout(directory);
    }
    NEGATIVE_MESSAGES.iter().any(|no| message.contains(no))
}

/// Messages of git 2.30 to 2.47 that mean that something does not exist.
const NEGATIVE_MESSAGES: [&str; 4] =
    ["No such remote", "no tag exactly matches", "No names found", "does not have any commits yet"];

/// Whether the directory is in a git checkout, judged by `.git` in it or in one of its ancestors, without
/// running git.
pub(crate) fn is_checkout(directory: &Path) -> bool {
    directory.ancestors().any(|ancestor| ancestor.join(".git").exists())
}

/// The file by which a checkout of Concourse shows that it is one of a pull request.
///
/// Source: the resources telia-oss/github-pr-resource (and its forks), jtarchie/github-pullrequest-resource
/// and swisscom/gitlab-merge-request-resource.
pub(crate) fn request_file(directory: &Path) -> Option<&'static str> {
    let files = [".git/resource/metadata.json", ".git/base_branch", ".git/merge-request.json"];
    files.into_iter().find(|file| directory.join(file).exists())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files")]
mod tests {
    use super::*;
    use std::process::Command;
    use tempfile::TempDir;

    /// Runs a query with this script as `git`.
    fn answer_from(script: &str) -> Result<Option<String>, GitError> {
        let bin = TempDir::new().expect("a temporary directory");
        let git = bin.path().join("git");
        // Another process writes the script. If this process had it open for writing, a child of a concurrent
        // test could inherit the descriptor, and running the script would fail.
        let mut bash = Command::new("bash");
        bash.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod +x \"$2\"", "bash", script])
            .arg(&git);
        assert!(bash.status().expect("bash runs").success());
        let path = bin.path().display().to_string();
        let env: Environment = [("PATH", path.as_str())].into_iter().collect();
        query(&["symbolic-ref", "HEAD"], &env, bin.path(), &CancelToken::new())
    }

    #[test]
    fn no_answer_is_neither_an_answer_nor_a_no() {
        assert_eq!(answer_from("echo main").ok(), Some(Some("main".to_owned())));
        // A no-break space belongs to the name: the branch is not `main`.
        assert_eq!(answer_from("printf 'main\\302\\240\\n'").ok(), Some(Some("main\u{a0}".to_owned())));
        for no in [
            "exit 1",
            "echo \"error: No such remote 'origin'\" >&2; exit 2",
            "echo 'fatal: not a git repository' >&2; exit 128",
            "echo; exit 0",
        ] {
            assert_eq!(answer_from(no).ok(), Some(None), "{no}");
        }
        let endless = answer_from("i=0; while [ $i -lt 3000 ]; do printf '%01000d\\n' 0; i=$((i+1)); done")
            .expect("an answer")
            .expect("a text");
        assert!(endless.len() <= MAX_BYTES, "{}", endless.len());
        for silence in [
            "echo 'fatal: detected dubious ownership' >&2; exit 128",
            // The `.git` of a worktree whose repository is elsewhere, and a damaged one.
            "echo 'fatal: not a git repository: /x/.git/worktrees/y' >&2; exit 128",
            ": >.git; echo 'fatal: not a git repository' >&2; exit 128",
            "exit 128",
            "exit 2",
            "if then",
            "exit 127",
            "exit 129",
            "exit 137",
            "kill -9 $$",
        ] {
            let Err(GitError::Refused { message }) = answer_from(silence) else { panic!("{silence}") };
            assert!(!message.is_empty(), "{silence}");
        }
        let env: Environment = [("PATH", "/nowhere")].into_iter().collect();
        let absent = query(&["status"], &env, Path::new("/"), &CancelToken::new());
        assert!(matches!(absent, Err(GitError::NotInstalled)), "{absent:?}");
    }
}
