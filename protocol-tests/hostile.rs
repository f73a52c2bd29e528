//! Nothing around the program is as it should be: any bytes as its input, a runner that neither writes nor reads, a
//! process that lacks what processes have, values that are commands. It says so, or works all the same.

mod environ;
mod inputs;
mod mutants;
mod process;
mod runs;
mod shells;
mod streams;

use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::fixture;
use crate::fixture::PATH;
use crate::plugin::{Ended, program};

/// No run here has a reason to take longer, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The program with these arguments, behind a line of bash that changes what a process inherits: `umask 077`.
fn behind(line: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{line}\nexec \"$0\" \"$@\""), &program()]).args(arguments);
    command.env_clear().env("PATH", &*PATH).env("TRAVIS_PULL_REQUEST", "false");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it on some bytes, and checks what must always be true.
#[track_caller]
fn run_on(command: &mut Command, input: &[u8]) -> Ended {
    let ended = run_without_check(command, input);
    ended.check(&[]);
    ended
}

/// Runs it on some bytes.
fn run_without_check(command: &mut Command, input: &[u8]) -> Ended {
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdin = child.stdin.take();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        // The program may refuse to read it all; that is its right.
        stdin.map(|mut stdin| stdin.write_all(&input))
    });
    let ended = end_within(LIMIT, child, began);
    drop(writer.join().expect("a writer does not panic"));
    ended
}

/// The end of a run, which is killed at the limit: a run without an end has no last line, and a test says so soon.
pub(crate) fn end_within(limit: Duration, child: Child, began: Instant) -> Ended {
    let id = child.id().to_string();
    let (end, over) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if over.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = fixture::kill().args(["-KILL", &id]).status();
        }
    });
    let ended = Ended::of(child, began);
    drop(end);
    watch.join().expect("a watch does not panic");
    ended
}
