//! Runs the program in a hostile environment: arbitrary bytes as input, a runner that neither writes nor
//! reads, a process without the usual resources, values that contain shell commands. The program must report
//! the problem or work anyway.

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

use crate::plugin::{PluginOutput, program};
use crate::shell::{self, PATH};

/// Time limit of one run. No run of these tests needs longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Starts the program from bash, after a line of bash that changes what the process inherits, such as `umask
/// 077`.
fn behind(line: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{line}\nexec \"$0\" \"$@\""), &program()]).args(arguments);
    command.env_clear().env("PATH", &*PATH).env("TRAVIS_PULL_REQUEST", "false");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command with `input` as its standard input, and checks the properties that every run must have.
#[track_caller]
fn run_on(command: &mut Command, input: &[u8]) -> PluginOutput {
    let ended = run_without_check(command, input);
    ended.check(&[]);
    ended
}

/// Runs the command with `input` as its standard input, without checks.
fn run_without_check(command: &mut Command, input: &[u8]) -> PluginOutput {
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdin = child.stdin.take();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        // The program may stop reading early, so an error of the write is no failure of the test.
        stdin.map(|mut stdin| stdin.write_all(&input))
    });
    let ended = end_within(LIMIT, child, began);
    drop(writer.join().expect("the writer thread does not panic"));
    ended
}

/// Waits for the end of a run, and kills it after `limit`. A killed run has no last line, so a run that hangs
/// fails its test soon.
pub(crate) fn end_within(limit: Duration, child: Child, began: Instant) -> PluginOutput {
    let id = child.id().to_string();
    let (end, over) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if over.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = shell::kill().args(["-KILL", &id]).status();
        }
    });
    let ended = PluginOutput::of(child, began);
    drop(end);
    watch.join().expect("the watchdog thread does not panic");
    ended
}
