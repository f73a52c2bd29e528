//! Evaluates expressions in bash. Side effects: starts bash, with the job's environment and no other
//! variables. Neither that environment nor the output of a condition can forge a verdict.
#![expect(clippy::disallowed_methods, reason = "starts bash")]

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cancel::{CancelReason, CancelToken};
use crate::child::{self, ChildError};
use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::event::Stream;

/// Results of bash for a list of texts.
#[derive(Debug, PartialEq)]
pub(super) struct BashOutput {
    /// The verdict on each text. `None`: bash returned none.
    pub(super) verdicts: Vec<Option<bool>>,
    /// Standard error of bash and of commands in the conditions, in one line.
    pub(super) error_text: String,
}

/// A text that bash parses as a unit.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The expression for `[[ … ]]`.
    pub(super) expression: String,
    /// Further expressions that bash must be able to parse, but does not evaluate.
    pub(super) parse_only: Vec<String>,
}

/// Why bash could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BashError {
    #[error("a condition needs bash, which is not on the job's `PATH` (`{path}`)")]
    NotFound { path: String },
    /// The job's environment is larger than the kernel passes to a program. `name` is its largest variable,
    /// which has `bytes` bytes, including its name.
    #[error("the job's environment is too large to start bash")]
    EnvTooLarge { name: String, bytes: usize },
    #[error("a condition needs bash, which cannot be started")]
    Unstartable(#[source] io::Error),
    #[error("the evaluation of a condition did not finish within {} s", .limit.as_secs())]
    TimedOut { limit: Duration },
    #[error("the run was cancelled")]
    Cancelled(#[source] CancelReason),
}

/// The function in which Travis CI evaluates conditions.
const FUNCTION: &str = "travis_run_after_success";

/// Maximum number of bytes of standard error to keep. The last read can exceed it.
const MAX_STDERR_BYTES: usize = 16 * 1024;

/// Evaluates each text in its own subshell, so that assignments in one text do not affect another.
///
/// Several measures prevent the job from forging a verdict. `-p` makes bash ignore exported functions,
/// `SHELLOPTS`, `BASHOPTS` and `BASH_ENV` (therefore `-o privileged` is true in a condition here, but false
/// on Travis CI). `POSIXLY_CORRECT` and `POSIX_PEDANTIC` are removed. Verdicts are written to a separate file
/// descriptor, so that output of a condition is not a verdict. Variables of the dynamic linker, such as
/// `LD_PRELOAD`, are set after bash has started, so that the condition sees them but the linker does not. A
/// bash in the build directory is not used.
///
/// The texts are passed through a pipe, because a variable or an argument can have at most 128 KiB.
pub(super) fn evaluate(
    texts: &[Text],
    env: &Environment,
    limit: Duration,
    stop: &CancelToken,
) -> Result<BashOutput, BashError> {
    let not_found =
        || BashError::NotFound { path: env.get("PATH").unwrap_or(DEFAULT_PATH.into()).into_owned() };
    let mut bash = Command::new(program(env).ok_or_else(not_found)?);
    // bash begins each error message with this name.
    bash.arg0("bash");
    bash.args(["--noprofile", "--norc", "-p", "-c", r#"exec 9>&1 1>&2; builtin eval "$(</dev/stdin)""#]);
    child::with_env(&mut bash, env).env_remove("POSIXLY_CORRECT").env_remove("POSIX_PEDANTIC");
    for (name, _) in linker_variables(env) {
        bash.env_remove(name);
    }
    let (mut records, mut error_text) = (Records::of(texts.len()), Vec::new());
    let mut receive = |stream, bytes: &[u8]| match stream {
        Stream::Stdout => records.push(bytes),
        Stream::Stderr if error_text.len() < MAX_STDERR_BYTES => error_text.extend_from_slice(bytes),
        Stream::Stderr | Stream::Log => {}
    };
    let script = script(texts, env).into_bytes();
    let status = child::run(&mut bash, env, Some(script), Some(limit), Some(stop), &mut receive);
    let status = status.map_err(|error| match error {
        ChildError::Unstartable(error) if error.kind() == io::ErrorKind::NotFound => not_found(),
        ChildError::Unstartable(error) => BashError::Unstartable(error),
        ChildError::EnvTooLarge { name, bytes } => BashError::EnvTooLarge { name, bytes },
        ChildError::TimedOut(limit) => BashError::TimedOut { limit },
        ChildError::Cancelled(reason) => BashError::Cancelled(reason),
    })?;
    let error_text = match status.signal() {
        Some(signal) => format!("bash was killed by signal {signal}"),
        None => one_line(&error_text),
    };
    Ok(BashOutput { verdicts: records.verdicts, error_text })
}

/// The first bash on the `PATH`. Skips relative directories, which depend on the job's current directory.
fn program(env: &Environment) -> Option<PathBuf> {
    let path = env.get("PATH").unwrap_or(DEFAULT_PATH.into());
    let directories = path.split(':').map(Path::new).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join("bash")).find(|bash| bash.is_file())
}

/// Variables that affect the dynamic linker.
fn linker_variables(env: &Environment) -> impl Iterator<Item = (&OsStr, String)> {
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    env.iter().filter_map(move |(name, value)| {
        let text = name.to_str().filter(|text| is_plain(text))?;
        ["LD_", "DYLD_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            .then(|| (name, value.to_string_lossy().into_owned()))
    })
}

/// The script that evaluates all texts and writes one record per verdict.
///
/// The command that writes the record is inside the text that bash parses. bash 5.2 exits with 0 for a text
/// that it cannot parse, so the exit status is not used, and without a record there is no verdict. After a
/// text that it cannot parse, bash can also fail to parse the next one; a subshell has a new parser.
fn script(texts: &[Text], env: &Environment) -> String {
    let mut script = "exec 0</dev/null\n".to_owned();
    for (name, value) in linker_variables(env) {
        script.push_str(&format!("{}='{}'\n", name.to_string_lossy(), value.replace('\'', r"'\''")));
    }
    for (index, Text { expression, parse_only }) in texts.iter().enumerate() {
        let verdict = |letter| format!("builtin printf '{index} {letter}\\n' >&9");
        let mut source = format!("if [[ {expression} ]]; then {}; else {}; fi", verdict('T'), verdict('F'));
        for expression in parse_only {
            source.push_str(&format!("\nif [[ never = true ]]; then if [[ {expression} ]]; then :; fi; fi"));
        }
        // A function is one command, which bash parses completely before it evaluates any part of it. On
        // Travis CI, too, the conditions are in this function, so that a `return` in one ends the deployment.
        let source = format!("{FUNCTION}() {{ {source}\n}}\n{FUNCTION}");
        // The usual case is a single text, which needs no parser of its own.
        script.push_str(&match texts.len() {
            1 => source,
            _ => format!("(builtin eval '{}')\n", source.replace('\'', r"'\''")),
        });
    }
    script
}

/// The verdict of each text, from its last complete record. Keeps no more than one record of what bash writes:
/// a condition could write to the same file descriptor without an end.
struct Records {
    verdicts: Vec<Option<bool>>,
    /// The first bytes of an incomplete record.
    begun: Vec<u8>,
}

/// Longest part of a record that is read, in bytes. Those of the script have at most 22.
const MAX_RECORD_BYTES: usize = 32;

impl Records {
    fn of(texts: usize) -> Self {
        Records { verdicts: vec![None; texts], begun: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let left = MAX_RECORD_BYTES.saturating_sub(self.begun.len());
            self.begun.extend(part.iter().filter(|byte| **byte != b'\n').take(left));
            if part.ends_with(b"\n") {
                self.read();
                self.begun.clear();
            }
        }
    }

    fn read(&mut self) {
        let record = String::from_utf8_lossy(&self.begun);
        let Some((index, verdict)) = record.split_once(' ') else { return };
        if let Some(slot) = index.parse().ok().and_then(|index: usize| self.verdicts.get_mut(index)) {
            *slot = Some(verdict == "T");
        }
    }
}

/// Joins error messages of bash into one line, without their prefixes.
fn one_line(error_text: &[u8]) -> String {
    let text = String::from_utf8_lossy(error_text);
    let lines = text.lines().map(|line| {
        // `environment` is the source of a function that was defined by `eval`.
        let line = line.strip_prefix("bash: ").or(line.strip_prefix("environment: ")).unwrap_or(line);
        let line = line.strip_prefix("eval: ").unwrap_or(line);
        let rest =
            line.strip_prefix("line ").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line).trim()
    });
    // Drop messages about a missing parenthesis: it is the one that this module puts around the condition.
    let shown =
        lines.filter(|line| !line.is_empty() && *line != "expected `)'").collect::<Vec<_>>().join("; ");
    if shown.is_empty() && !text.trim().is_empty() { "syntax error".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn only_complete_records_count_and_the_last_one_wins() {
        for (output, verdicts) in [
            ("0 T\n", vec![Some(true), None]),
            ("0 T", vec![None, None]),
            ("0 T\n0 F\n1 T\n", vec![Some(false), Some(true)]),
            ("T\n7 T\n0 X\n", vec![Some(false), None]),
            (&format!("1 T\n0 T{}\n", " ".repeat(1000))[..], vec![Some(false), Some(true)]),
            (&format!("{}0 T\n", "x".repeat(1000))[..], vec![None, None]),
        ] {
            for length in [1, 2, 3000] {
                let mut records = Records::of(2);
                output.as_bytes().chunks(length).for_each(|bytes| records.push(bytes));
                assert_eq!(records.verdicts, verdicts, "{output:?}");
                assert!(records.begun.len() <= MAX_RECORD_BYTES, "{output:?}");
            }
        }
    }

    #[test]
    fn bashs_words_fit_on_a_line() {
        let error_text = b"bash: eval: line 2: unexpected argument\nbash: eval: line 2: expected `)'\n\
            bash: line 3: ${X b}: bad substitution\n";
        assert_eq!(one_line(error_text), "unexpected argument; ${X b}: bad substitution");
        assert_eq!(one_line(b"bash: eval: line 2: expected `)'\n"), "syntax error");
        assert_eq!(one_line(b"environment: line 2: 1/0: division by 0"), "1/0: division by 0");
        assert_eq!(one_line(b"\n"), "");
    }

    fn evaluated(texts: &[Text], env: &Environment) -> BashOutput {
        evaluate(texts, env, Duration::from_secs(20), &CancelToken::new()).expect("bash is here")
    }

    #[test]
    fn what_a_linker_obeys_is_seen_by_the_condition_alone() {
        let forge = "/nowhere/it's.so";
        let env: Environment = [("PATH", DEFAULT_PATH), ("LD_PRELOAD", forge)].into_iter().collect();
        let texts = [
            Text { expression: r#""$LD_PRELOAD" = "/nowhere/it's.so""#.to_owned(), parse_only: Vec::new() },
            Text { expression: r#"-z "$(env | grep LD_PRELOAD)""#.to_owned(), parse_only: Vec::new() },
        ];
        // The linker would report that the file does not exist.
        let answers = evaluated(&texts, &env);
        assert_eq!(answers, BashOutput { verdicts: vec![Some(true), Some(true)], error_text: String::new() });
    }

    #[test]
    fn a_bash_of_the_build_directory_is_none() {
        let of = |path: &str| program(&[("PATH", path)].into_iter().collect());
        assert_eq!(of(".:bin:"), None);
        let found = of(&format!("bin:{DEFAULT_PATH}")).expect("bash is here");
        assert!(found.is_absolute() && found.ends_with("bash"), "{found:?}");
    }

    #[test]
    fn a_command_in_the_background_does_not_hold_us_up() {
        let env: Environment = [("PATH", DEFAULT_PATH)].into_iter().collect();
        let started = Instant::now();
        let expression = "(x = \"$(sleep 30 >/dev/null 2>&1 & echo x)\")".to_owned();
        let kept = "(x = \"$(sleep 30 >&2 & echo x)\")".to_owned();
        for expression in [expression, kept] {
            let answers = evaluated(&[Text { expression, parse_only: Vec::new() }], &env);
            assert_eq!(answers.verdicts, [Some(true)]);
        }
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
