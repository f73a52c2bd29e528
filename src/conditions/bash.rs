//! Expressions in, bash's own verdicts out. Effect: starts bash, with the job's environment and nothing else.
//! Never lets that environment, or a condition's output, decide in bash's place.
#![expect(clippy::disallowed_methods, reason = "starts bash: this is the room for it")]

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::{self, ChildError};
use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::event::Stream;
use crate::stop::{Reason, Stop};

/// What bash made of some texts.
#[derive(Debug, PartialEq)]
pub(super) struct Answers {
    /// The verdict on each; `None` where bash gave none.
    pub(super) verdicts: Vec<Option<bool>>,
    /// What bash and the condition's commands wrote to standard error, in one line.
    pub(super) words: String,
}

/// A text that bash parses in one go.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// What is evaluated inside `[[ … ]]`.
    pub(super) expression: String,
    /// What bash has to be able to parse beside it, without evaluating it.
    pub(super) beside: Vec<String>,
}

/// Why bash could not be asked.
#[derive(Debug)]
pub enum BashError {
    /// There is no bash.
    NotFound {
        /// Where it was looked for.
        path: String,
    },
    /// The job's environment is larger than the kernel passes on.
    EnvTooLarge {
        /// The largest variable.
        name: String,
        /// Its size in bytes, name included.
        bytes: usize,
    },
    /// It cannot be started for another reason.
    Unstartable(io::Error),
    /// The condition did not end within the limit.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The run is to end.
    Stopped(Reason),
}

/// What bash writes to standard error is kept up to here.
const MAX_WORDS: usize = 16 * 1024;

/// Evaluates each text in a subshell of its own, so that none sees what another has assigned.
///
/// `-p` ignores exported functions, `SHELLOPTS`, `BASHOPTS` and `BASH_ENV`; `POSIXLY_CORRECT` is dropped. Verdicts get a
/// descriptor of their own, so that what a condition prints is no verdict. The texts travel by pipe: a variable or an
/// argument holds 128 KiB at most. (`-o privileged` is therefore true in a condition here, and false at Travis.)
/// What the dynamic linker would load into bash reaches the condition as a variable, and the linker not at all; and a
/// bash that stands in the build directory is none.
pub(super) fn evaluate(texts: &[Text], env: &Environment, limit: Duration, stop: &Stop) -> Result<Answers, BashError> {
    let not_found = || BashError::NotFound { path: env.get("PATH").unwrap_or(DEFAULT_PATH.into()).into_owned() };
    let mut bash = Command::new(program(env).ok_or_else(not_found)?);
    bash.args(["--noprofile", "--norc", "-p", "-c", r#"exec 9>&1 1>&2; builtin eval "$(</dev/stdin)""#]);
    child::with_env(&mut bash, env).env_remove("POSIXLY_CORRECT");
    for (name, _) in of_linker(env) {
        bash.env_remove(name);
    }
    let (mut verdicts, mut words) = (Vec::new(), Vec::new());
    let mut hear = |stream, bytes: &[u8]| match stream {
        Stream::Stdout => verdicts.extend_from_slice(bytes),
        Stream::Stderr if words.len() < MAX_WORDS => words.extend_from_slice(bytes),
        Stream::Stderr | Stream::Log => {}
    };
    let status = child::run(&mut bash, env, Some(script(texts, env).into_bytes()), Some(limit), Some(stop), &mut hear);
    let status = status.map_err(|error| match error {
        ChildError::Unstartable(error) if error.kind() == io::ErrorKind::NotFound => not_found(),
        ChildError::Unstartable(error) => BashError::Unstartable(error),
        ChildError::EnvTooLarge { name, bytes } => BashError::EnvTooLarge { name, bytes },
        ChildError::TimedOut(limit) => BashError::TimedOut { limit },
        ChildError::Stopped(reason) => BashError::Stopped(reason),
    })?;
    let words = match status.signal() {
        Some(signal) => format!("bash was killed by signal {signal}"),
        None => one_line(&words),
    };
    Ok(Answers { verdicts: read_verdicts(&verdicts, texts.len()), words })
}

/// The first bash on the `PATH`, by a directory that does not depend on where the job is.
fn program(env: &Environment) -> Option<PathBuf> {
    let path = env.get("PATH").unwrap_or(DEFAULT_PATH.into());
    let directories = path.split(':').map(Path::new).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join("bash")).find(|bash| bash.is_file())
}

/// Variables that the dynamic linker obeys.
fn of_linker(env: &Environment) -> impl Iterator<Item = (&OsStr, String)> {
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    env.iter().filter_map(move |(name, value)| {
        let text = name.to_str().filter(|text| is_plain(text))?;
        ["LD_", "DYLD_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            .then(|| (name, value.to_string_lossy().into_owned()))
    })
}

/// The record is written inside the text that must parse: bash 5.2 exits 0 for text that it cannot parse, so an exit
/// status never means yes, and without a record there is no verdict. After a text that does not parse, bash's parser may
/// fail on the next one, too; a subshell has a parser of its own.
fn script(texts: &[Text], env: &Environment) -> String {
    let mut script = "exec 0</dev/null\n".to_owned();
    for (name, value) in of_linker(env) {
        script.push_str(&format!("{}='{}'\n", name.to_string_lossy(), value.replace('\'', r"'\''")));
    }
    for (index, Text { expression, beside }) in texts.iter().enumerate() {
        let verdict = |letter| format!("builtin printf '{index} {letter}\\n' >&9");
        let mut source = format!("if [[ {expression} ]]; then {}; else {}; fi", verdict('T'), verdict('F'));
        for expression in beside {
            source.push_str(&format!("\nif [[ never = true ]]; then if [[ {expression} ]]; then :; fi; fi"));
        }
        // In braces it is one command, of which bash evaluates nothing before it has parsed all.
        let source = format!("{{ {source}\n}}");
        let eval = format!("builtin eval '{}'", source.replace('\'', r"'\''"));
        // The usual case is one text, which needs no further process.
        script.push_str(&if texts.len() == 1 { eval } else { format!("({eval})\n") });
    }
    script
}

/// The last complete record of each text counts.
fn read_verdicts(output: &[u8], texts: usize) -> Vec<Option<bool>> {
    let mut verdicts = vec![None; texts];
    let text = String::from_utf8_lossy(output);
    for record in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some((index, verdict)) = record.split_once(' ') else {
            continue;
        };
        if let Some(slot) = index.parse().ok().and_then(|index: usize| verdicts.get_mut(index)) {
            *slot = Some(verdict == "T");
        }
    }
    verdicts
}

/// bash's complaints without their prefixes, in one line.
fn one_line(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix("bash: ").unwrap_or(line);
        let line = line.strip_prefix("eval: ").unwrap_or(line);
        let rest = line.strip_prefix("line ").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line).trim()
    });
    // The parenthesis that bash misses is ours: the condition stands in one.
    lines.filter(|line| !line.is_empty() && *line != "expected `)'").collect::<Vec<_>>().join("; ")
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
        ] {
            assert_eq!(read_verdicts(output.as_bytes(), 2), verdicts, "{output:?}");
        }
    }

    #[test]
    fn bashs_words_fit_on_a_line() {
        let words = b"bash: eval: line 2: unexpected argument\nbash: eval: line 2: expected `)'\nbash: line 3: ${X b}: bad substitution\n";
        assert_eq!(one_line(words), "unexpected argument; ${X b}: bad substitution");
    }

    #[test]
    fn what_a_linker_obeys_is_seen_by_the_condition_alone() {
        let forge = "/nowhere/it's.so";
        let env: Environment = [("PATH", DEFAULT_PATH), ("LD_PRELOAD", forge)].into_iter().collect();
        let texts = [
            Text { expression: r#""$LD_PRELOAD" = "/nowhere/it's.so""#.to_owned(), beside: Vec::new() },
            Text { expression: r#"-z "$(env | grep LD_PRELOAD)""#.to_owned(), beside: Vec::new() },
        ];
        let answers = evaluate(&texts, &env, Duration::from_secs(20), &Stop::new()).expect("bash is here");
        // The linker would complain of a file that is not there.
        assert_eq!(answers, Answers { verdicts: vec![Some(true), Some(true)], words: String::new() });
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
            let text = Text { expression, beside: Vec::new() };
            let answers = evaluate(&[text], &env, Duration::from_secs(20), &Stop::new()).expect("bash is here");
            assert_eq!(answers.verdicts, [Some(true)]);
        }
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
