//! Expressions in, bash's own verdicts out. Effect: starts bash, with the job's environment and nothing else.
//! Never lets that environment, or a condition's output, decide in bash's place.
#![expect(
    clippy::disallowed_methods,
    reason = "starts bash and looks at the clock: this is the room for it"
)]

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::protocol::environment::Environment;
use crate::stop::{Reason, Stop};

/// What bash made of the expressions.
#[derive(Debug, PartialEq)]
pub(super) struct Answers {
    /// The verdict on each expression; `None` where bash gave none.
    pub(super) verdicts: Vec<Option<bool>>,
    /// What bash and the condition's commands wrote to standard error, in one line.
    pub(super) words: String,
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

/// Where bash is looked for when the job has no `PATH`.
pub(super) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How often we look whether the run is to end while bash works.
const GLANCE: Duration = Duration::from_millis(50);

/// What bash writes to standard error is kept up to here.
const MAX_WORDS: usize = 16 * 1024;

/// Evaluates each expression inside `[[ … ]]`, until the first one is true or they have all been tried.
pub(super) fn evaluate(
    expressions: &[String],
    env: &Environment,
    limit: Duration,
    stop: &Stop,
) -> Result<Answers, BashError> {
    let child = Running(start(env)?);
    let (verdicts, words) = converse(child, script(expressions), limit, stop)?;
    Ok(Answers {
        verdicts: read_verdicts(&verdicts, expressions.len()),
        words: one_line(&words),
    })
}

/// `-p` ignores exported functions, `SHELLOPTS`, `BASHOPTS` and `BASH_ENV`; `POSIXLY_CORRECT` is dropped. Verdicts get a
/// descriptor of their own, so that what a condition prints is no verdict. The text travels by pipe: a variable or an
/// argument holds 128 KiB at most.
fn start(env: &Environment) -> Result<Child, BashError> {
    let mut command = Command::new("bash");
    command
        .args([
            "--noprofile",
            "--norc",
            "-p",
            "-c",
            r#"exec 9>&1 1>&2; builtin eval "$(</dev/stdin)""#,
        ])
        .env_clear()
        .envs(env.iter().filter(|(name, _)| *name != "POSIXLY_CORRECT"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if env.get("PATH").is_none() {
        command.env("PATH", DEFAULT_PATH);
    }
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BashError::NotFound {
            path: env.get("PATH").unwrap_or(DEFAULT_PATH.into()).into_owned(),
        },
        io::ErrorKind::ArgumentListTooLong => {
            let size = |(name, value): (&std::ffi::OsStr, &std::ffi::OsStr)| name.len() + value.len() + 1;
            let largest = env.iter().max_by_key(|variable| size(*variable));
            let name = largest
                .map(|(name, _)| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            BashError::EnvTooLarge {
                name,
                bytes: largest.map(size).unwrap_or_default(),
            }
        }
        _ => BashError::Unstartable(error),
    })
}

/// One `if` for each expression, parsed alone. The record is written inside the text that must parse: bash 5.2 exits 0
/// for text that it cannot parse, so an exit status never means yes, and without a record there is no verdict.
fn script(expressions: &[String]) -> String {
    let mut script = "exec 0</dev/null\n".to_owned();
    for (index, expression) in expressions.iter().enumerate() {
        let test = format!(
            "if [[ {expression} ]]; then builtin printf '{index} T\\n' >&9; builtin exit; \
             else builtin printf '{index} F\\n' >&9; fi"
        );
        script.push_str(&format!("builtin eval '{}'\n", test.replace('\'', r"'\''")));
    }
    script
}

/// The last complete record of each expression counts.
fn read_verdicts(output: &[u8], expressions: usize) -> Vec<Option<bool>> {
    let mut verdicts = vec![None; expressions];
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

/// A child that does not outlive us, and neither does its process group.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let group = rustix::process::Pid::from_child(&self.0);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

/// Which stream some bytes came from.
#[derive(Clone, Copy)]
enum From {
    Verdicts,
    Words,
}

/// Writes the script and reads both streams, each by a thread of its own, so that no full pipe holds another up.
fn converse(
    mut running: Running,
    script: String,
    limit: Duration,
    stop: &Stop,
) -> Result<(Vec<u8>, Vec<u8>), BashError> {
    let child = &mut running.0;
    let mut stdin = child.stdin.take().expect("was piped");
    let stdout = child.stdout.take().expect("was piped");
    let stderr = child.stderr.take().expect("was piped");
    let (sender, receiver) = mpsc::channel();
    // A condition may end bash before it has read everything; that shows in the verdicts.
    thread::spawn(move || drop(stdin.write_all(script.as_bytes())));
    let other = sender.clone();
    thread::spawn(move || forward(stdout, From::Verdicts, &sender));
    thread::spawn(move || forward(stderr, From::Words, &other));

    let deadline = Instant::now() + limit;
    let (mut verdicts, mut words) = (Vec::new(), Vec::new());
    let mut take = |(from, bytes): (From, Vec<u8>)| match from {
        From::Verdicts => verdicts.extend(bytes),
        From::Words if words.len() < MAX_WORDS => words.extend(bytes),
        From::Words => {}
    };
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(chunk) => take(chunk),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(reason) = stop.reason() {
            return Err(BashError::Stopped(reason));
        }
        if Instant::now() >= deadline {
            return Err(BashError::TimedOut { limit });
        }
        // A command in the background may keep the pipes open; what bash itself wrote has arrived by now.
        if matches!(child.try_wait(), Ok(Some(_))) {
            while let Ok(chunk) = receiver.recv_timeout(Duration::from_millis(10)) {
                take(chunk);
            }
            break;
        }
    }
    // Both pipes may be closed by a condition that goes on working.
    while matches!(child.try_wait(), Ok(None)) {
        if let Some(reason) = stop.reason() {
            return Err(BashError::Stopped(reason));
        }
        if Instant::now() >= deadline {
            return Err(BashError::TimedOut { limit });
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok((verdicts, words))
}

fn forward(mut stream: impl Read, from: From, to: &mpsc::Sender<(From, Vec<u8>)>) {
    let mut buffer = [0; 8 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if to.send((from, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

/// bash's complaints without their prefixes, in one line.
fn one_line(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix("bash: ").unwrap_or(line);
        let line = line.strip_prefix("eval: ").unwrap_or(line);
        let rest = line
            .strip_prefix("line ")
            .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line).trim()
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let words = b"bash: eval: line 2: unexpected argument\nbash: line 3: ${X b}: bad substitution\n";
        assert_eq!(one_line(words), "unexpected argument; ${X b}: bad substitution");
    }

    #[test]
    fn a_command_in_the_background_does_not_hold_us_up() {
        let env: Environment = [("PATH", DEFAULT_PATH)].into_iter().collect();
        let started = Instant::now();
        let expression = "(x = \"$(sleep 30 >/dev/null 2>&1 & echo x)\")".to_owned();
        let kept = "(x = \"$(sleep 30 >&2 & echo x)\")".to_owned();
        for expression in [expression, kept] {
            let answers = evaluate(&[expression], &env, Duration::from_secs(20), &Stop::new()).expect("bash is here");
            assert_eq!(answers.verdicts, [Some(true)]);
        }
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
