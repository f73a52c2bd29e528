//! Runs the user's commands: `run` after a deployment, and `verify.command` during one. Also implements
//! `cleanup`, which stashes uncommitted files. Side effects: starts bash and git in the job's environment.
//! Never inserts other values of the stanza into a command line.
#![expect(clippy::disallowed_methods, reason = "starts the user's commands")]

mod tree;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::child::{self, ChildError};
use crate::git;
use crate::protocol::environment::Environment;
use crate::protocol::event::Stream;

/// Why a user's command or `cleanup` failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("`{command}` of `run` failed with {status}")]
    RunFailed {
        command: String,
        /// Index of the command in `run`, from 0.
        index: usize,
        /// Exit status or signal, as text.
        status: String,
    },
    /// git could not stash or restore uncommitted files.
    #[error("git cannot stash uncommitted files: {output}")]
    CleanupFailed { output: String },
    /// The command could not be started, or was ended early.
    #[error(transparent)]
    Child(#[from] ChildError),
}

/// Maximum length of an output line in bytes: 64 KiB. Longer lines are split.
const MAX_LINE: usize = 64 * 1024;

/// Runs commands one after the other in the job's bash, until one fails or takes longer than `limit`. Passes
/// each line of output to `report`, with secrets masked.
///
/// # Errors
/// [`CommandError::RunFailed`] for the first command that fails, or [`CommandError::Child`].
pub(crate) fn run_in_bash(
    commands: &[String],
    env: &Environment,
    directory: &Path,
    limit: Option<Duration>,
    stop: &CancelToken,
    redact: &dyn Fn(&str) -> String,
    report: &mut dyn FnMut(Stream, String),
) -> Result<(), CommandError> {
    for (index, line) in commands.iter().enumerate() {
        let mut bash = Command::new("bash");
        child::with_env(bash.args(["-c", line]).current_dir(directory), env);
        let mut lines = LineSplitter { redact, stdout: Vec::new(), stderr: Vec::new() };
        let ended = child::run(&mut bash, env, None, limit, Some(stop), &mut |stream, bytes| {
            lines.push(stream, bytes, report)
        });
        lines.finish(report);
        let status = ended?;
        if !status.success() {
            return Err(CommandError::RunFailed { command: line.clone(), index, status: status.to_string() });
        }
    }
    Ok(())
}

/// Number of bytes at the end of an unfinished long line that are not written yet, because a secret may
/// continue in the next bytes.
const REDACTION_OVERLAP: usize = 8 * 1024;

/// Splits output into lines, separately for each stream.
struct LineSplitter<'a> {
    redact: &'a dyn Fn(&str) -> String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl LineSplitter<'_> {
    fn push(&mut self, stream: Stream, bytes: &[u8], report: &mut dyn FnMut(Stream, String)) {
        let begun = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr | Stream::Log => &mut self.stderr,
        };
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            begun.extend_from_slice(text);
            if begun.len() > MAX_LINE + REDACTION_OVERLAP {
                let unfinished = begun.split_off(begun.len() - unfinished(begun));
                let text = String::from_utf8_lossy(begun).into_owned();
                let masked = (self.redact)(&text);
                // The rest is held as it was written: a secret that goes on would not be found behind a mask.
                // If a secret is where the rest begins, it can only be held masked.
                let rest = end_of(&text);
                let (shown, rest) = match masked.strip_suffix((self.redact)(rest).as_str()) {
                    Some(shown) => (shown, rest),
                    None => masked.split_at(masked.len() - end_of(&masked).len()),
                };
                pieces(shown).for_each(|piece| report(stream, piece.to_owned()));
                *begun = [rest.as_bytes(), &unfinished].concat();
            }
            if ended {
                end(self.redact, begun, &mut |piece| report(stream, piece));
            }
        }
    }

    fn finish(&mut self, report: &mut dyn FnMut(Stream, String)) {
        for (stream, rest) in [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)] {
            if !rest.is_empty() {
                end(self.redact, rest, &mut |piece| report(stream, piece));
            }
        }
    }
}

/// The end of an unfinished long line, of about [`REDACTION_OVERLAP`] bytes.
fn end_of(text: &str) -> &str {
    &text[text.floor_char_boundary(text.len().saturating_sub(REDACTION_OVERLAP))..]
}

/// Number of bytes at the end that are the start of an incomplete UTF-8 character, or part of none.
fn unfinished(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len())
}

/// Writes the rest of a line and clears it.
fn end(redact: &dyn Fn(&str) -> String, line: &mut Vec<u8>, report: &mut dyn FnMut(String)) {
    let text = redact(&String::from_utf8_lossy(&std::mem::take(line)));
    let text = text.trim_end_matches('\r');
    if text.is_empty() {
        return report(String::new());
    }
    pieces(text).for_each(|piece| report(piece.to_owned()));
}

/// Splits a text into pieces of at most [`MAX_LINE`] bytes.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(text.floor_char_boundary(MAX_LINE.min(text.len())));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The uncommitted, untracked and ignored files that `cleanup` has stashed.
#[derive(Debug)]
pub(crate) struct Stash {
    /// Hash of the stash commit.
    pub commit: String,
    /// The files and directories that git removed or changed, with their modes, which git does not keep.
    removed: Vec<tree::FileState>,
}

/// The message of a stash made by this process. It is known before the stash exists.
pub(crate) fn stash_name() -> String {
    format!("stashed by dpl-lambda (cleanup: true), process {}", std::process::id())
}

/// Stashes uncommitted files as dpl does, with `git stash --all`. Returns the stash, or `None` if there was
/// nothing to stash, and the paths that git cannot stash: pipes, sockets and changes in repositories inside
/// the checkout.
///
/// A signal does not interrupt it, because an incomplete stash could not be restored.
///
/// # Errors
/// [`CommandError::CleanupFailed`], for example if there is no repository.
pub(crate) fn stash(
    env: &Environment,
    directory: &Path,
) -> Result<(Option<Stash>, Vec<String>), CommandError> {
    let git = |arguments: &[&str]| git(arguments, env, directory);
    let newest = || {
        let ended = git(&["rev-parse", "--quiet", "--verify", "refs/stash"])?;
        match ended.status.code() {
            // There is no stash.
            Some(1) => Ok(None),
            Some(_) | None => ended.answer().map(|answer| Some(answer.trim().to_owned())),
        }
    };
    let before = newest()?;
    let top = git(&["rev-parse", "--show-toplevel"])?.bytes()?;
    let top = top.strip_suffix(b"\n").unwrap_or(&top);
    let (mut removed, mut left) = tree::read(Path::new(OsStr::from_bytes(top)));
    // Quiet: if this process ends before git, output to the closed pipe would end git in the middle of its
    // work.
    let pushed = git(&["stash", "push", "--quiet", "--all", "--message", &stash_name()])?;
    let made = newest().map_err(|error| naming_stash(error, &stash_name()))?;
    let made = made.filter(|newest| before.as_ref() != Some(newest));
    if let Err(error) = pushed.bytes() {
        return Err(match made {
            Some(commit) => naming_stash(error, &commit),
            None => error,
        });
    }
    removed.retain(tree::FileState::has_changed);
    let status = git(&["-c", "core.quotePath=false", "status", "--porcelain", "--ignored"]);
    // Without this answer, only the warning about these paths is not complete. The stash must be popped.
    let status = status.and_then(GitRun::answer).unwrap_or_default();
    left.extend(status.lines().filter_map(|line| line.get(2..)).map(|path| path.trim().to_owned()));
    Ok((made.map(|commit| Stash { commit, removed }), left))
}

/// The error of git, with the stash that has the files which git may have removed.
fn naming_stash(error: CommandError, stash: &str) -> CommandError {
    let output = match error {
        CommandError::CleanupFailed { output } => output,
        error => error.to_string(),
    };
    CommandError::CleanupFailed { output: format!("{output}; the removed files are in the stash `{stash}`") }
}

impl Stash {
    /// Restores the files. If git cannot do that, the stash is kept, so that nothing is lost.
    ///
    /// # Errors
    /// [`CommandError::CleanupFailed`] with the output of git.
    pub(crate) fn pop(&self, env: &Environment, directory: &Path) -> Result<(), CommandError> {
        let git = |arguments: &[&str]| git(arguments, env, directory);
        // A command of `run` may have made another stash since, so find the entry by its commit.
        let list = git(&["stash", "list", "--format=%H %gd"])?.answer()?;
        let entry = list.lines().find_map(|line| line.strip_prefix(&self.commit)).map(str::trim);
        let gone = || CommandError::CleanupFailed { output: "the stash does not exist any more".to_owned() };
        git(&["stash", "pop", "--quiet", entry.ok_or_else(gone)?])?.bytes()?;
        tree::restore(&self.removed);
        Ok(())
    }
}

/// How git has ended, and what it wrote.
struct GitRun {
    status: ExitStatus,
    stdout: Vec<u8>,
    /// Standard output and standard error.
    all: Vec<u8>,
}

impl GitRun {
    /// Standard output alone: on standard error are warnings, and with `GIT_TRACE` more lines.
    fn bytes(self) -> Result<Vec<u8>, CommandError> {
        let all = String::from_utf8_lossy(self.all.trim_ascii());
        match all.as_ref() {
            _ if self.status.success() => Ok(self.stdout),
            "" => Err(CommandError::CleanupFailed { output: self.status.to_string() }),
            output => Err(CommandError::CleanupFailed { output: output.to_owned() }),
        }
    }

    /// As [`GitRun::bytes`], but returns text.
    fn answer(self) -> Result<String, CommandError> {
        self.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn git(arguments: &[&str], env: &Environment, directory: &Path) -> Result<GitRun, CommandError> {
    let (mut git, mut stdout, mut all) = (git::command(arguments, env, directory), Vec::new(), Vec::new());
    let status = child::run(&mut git, env, None, None, None, &mut |stream, bytes| {
        all.extend_from_slice(bytes);
        if stream == Stream::Stdout {
            stdout.extend_from_slice(bytes);
        }
    })?;
    Ok(GitRun { status, stdout, all })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::secret::Redactor;

    #[test]
    fn a_character_that_is_cut_is_known_by_its_beginning() {
        for (bytes, expected) in [
            ("aé".as_bytes(), 0),
            (&"aé".as_bytes()[..2], 1),
            (&"a😀".as_bytes()[..4], 3),
            ("a😀".as_bytes(), 0),
            (b"a".as_slice(), 0),
            (b"".as_slice(), 0),
            (b"\xff".as_slice(), 1),
        ] {
            assert_eq!(unfinished(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_secret_at_the_border_of_two_pieces_is_masked() {
        let long: String = (0..60).map(|number| format!("s3cré😀t-{number}-")).collect();
        let border = MAX_LINE + REDACTION_OVERLAP + 1;
        for (secrets, text, masked, step) in [
            (&["s3cré😀t-of-the-job"][..], "s3cré😀t-of-the-job", "[secure]", 1),
            (&["token-1", "token-1-and-more"], "token-1-and-more", "[secure]", 1),
            (&[], "https://h/?token=0123456789", "https://h/?token=[secure]", 1),
            (&[long.as_str()], long.as_str(), "[secure]", 29),
        ] {
            let redactor = Redactor::new(secrets, &[]);
            let redact = |text: &str| redactor.redact(text);
            for before in (border - text.len()..=border).step_by(step) {
                let mut lines = LineSplitter { redact: &redact, stdout: Vec::new(), stderr: Vec::new() };
                let mut reported = String::new();
                let line = format!("{} {text} and more\n", "x".repeat(before));
                let (first, rest) = line.as_bytes().split_at(border);
                for bytes in [first, rest] {
                    lines.push(Stream::Stdout, bytes, &mut |_, text| {
                        assert!(text.len() <= MAX_LINE);
                        reported += &text;
                    });
                }
                assert!(reported.ends_with(&format!("x {masked} and more")), "{before} {text}");
            }
        }
    }

    #[test]
    fn a_long_line_without_an_end_is_reported_while_it_goes_on() {
        let redactor = Redactor::new(["0123456789abcdef"], &[]);
        let redact = |text: &str| redactor.redact(text);
        let mut lines = LineSplitter { redact: &redact, stdout: Vec::new(), stderr: Vec::new() };
        let (mut reported, line) = (String::new(), "0123456789abcdef ".repeat(30_000));
        for bytes in line.as_bytes().chunks(16 * 1024) {
            lines.push(Stream::Stdout, bytes, &mut |_, text| reported += &text);
            assert!(lines.stdout.len() <= MAX_LINE + REDACTION_OVERLAP);
        }
        lines.finish(&mut |_, text| reported += &text);
        assert_eq!(reported, "[secure] ".repeat(30_000));
    }
}
