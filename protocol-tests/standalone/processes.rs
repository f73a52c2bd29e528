//! Tests the processes of a standalone run: signals and the end of a reader reach the run that the program
//! starts.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lambda_endpoint::{Fault, FaultKind};

use super::*;
use crate::fixture::{git, wait_until};
use crate::interruptions::{signal, signal_group};
use crate::plugin::{SIGNALS, program, variables};
use crate::shell;

/// Returns the ids of the child processes of a process.
pub(super) fn children(of: u32) -> Vec<String> {
    let all = fs::read_dir("/proc").expect("Linux").map(|entry| entry.expect("readable").file_name());
    let ids = all.filter_map(|name| name.into_string().ok()).filter(|name| name.parse::<u32>().is_ok());
    let is_child = |id: &String| {
        // "7 (a name) S 1 ...": the parent's id follows the state. A process may end while we read, so a
        // missing file is not an error.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
        behind.split(' ').nth(1) == Some(&of.to_string())
    };
    ids.filter(is_child).collect()
}

#[test]
fn for_a_runner_there_is_one_process() {
    let mut plugin = PluginCommand::new(&["check"]);
    let mut child = plugin.spawn();
    let mut hello = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut hello).expect("`hello` comes before the request is read");
    assert_eq!(children(child.id()), Vec::<String>::new());
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("the child can be waited for").code(), Some(2));
}

/// A function, and a file whose stanza changes it.
fn changed() -> (Endpoint, TempDir) {
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{}", stanza("f"))));
    let created = standalone(&with_file(&[]), directory.path(), Some(&endpoint)).run_on(b"");
    assert_eq!(created.outcome(), "deployed");
    endpoint.forget_calls();
    let changed = format!("deploy:\n{}  timeout: 9\n", stanza("f"));
    fs::write(directory.path().join(".travis.yml"), changed).expect("written");
    (endpoint, directory)
}

/// Starts a standalone deployment and returns while it waits for its update to finish.
fn waiting(format: &str) -> (Endpoint, TempDir, Child) {
    let (endpoint, directory) = changed();
    endpoint.set_update_duration(Duration::from_secs(60));
    let mut plugin = standalone(&with_file(&["--format", format]), directory.path(), Some(&endpoint));
    let mut child = plugin.spawn();
    drop(child.stdin.take());
    // A call after the update shows that the program has received the update's answer.
    wait_until("a call after the update", || {
        let calls = endpoint.calls();
        calls.iter().skip_while(|call| call.operation != "UpdateFunctionConfiguration").nth(1).is_some()
    });
    (endpoint, directory, child)
}

#[test]
fn a_signal_to_the_one_process_that_is_known_reaches_the_run() {
    for (name, number) in SIGNALS {
        let (_endpoint, _directory, child) = waiting("json");
        let runs = children(child.id());
        assert_eq!(runs.len(), 1);
        signal(&child, name);
        let ended = PluginOutput::ended(child);
        assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(128 + number)), "{name}");
        assert_eq!(ended.finished()["changed"], json!(["update-function-configuration"]));
        assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
        let alive = shell::kill().args(["-0", &runs[0]]).stderr(Stdio::null()).status().expect("kill runs");
        assert!(!alive.success(), "the child run is still alive");
    }
}

/// A function whose next update hangs at AWS, and a standalone command that deploys it. A run that gets a
/// second signal ends at once, and then cannot report that the update may still take effect.
pub(super) fn hanging() -> (Endpoint, TempDir, Command) {
    updating(FaultKind::hang())
}

/// A function whose next update has this fault, and a standalone command that deploys it.
fn updating(kind: FaultKind) -> (Endpoint, TempDir, Command) {
    let (endpoint, directory) = changed();
    endpoint.fault(Fault::once("UpdateFunctionConfiguration", kind));
    let mut command = Command::new(program());
    command.args(with_file(&[])).current_dir(directory.path()).env_clear();
    command.envs(variables(&job_env(&endpoint)));
    (endpoint, directory, command)
}

#[test]
fn a_signal_to_the_whole_process_group_is_one_signal() {
    let (endpoint, _directory, mut command) = hanging();
    let command = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    wait_until("the call that hangs", || endpoint.count("UpdateFunctionConfiguration") > 0);
    signal_group(&child, "TERM");
    let ended = PluginOutput::ended(child);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("may still take effect"), "{message}");
}

#[test]
fn a_run_that_is_killed_is_reported_as_a_failure() {
    let (_endpoint, _directory, child) = waiting("json");
    let killed = shell::kill().args(["-KILL", &children(child.id())[0]]).status().expect("kill runs");
    assert!(killed.success());
    let ended = PluginOutput::of(child, Instant::now());
    assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(1)));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("signal 9"), "{message}");
    assert_eq!(ended.events[0]["event"], "hello");
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    for format in ["json", "text"] {
        let (endpoint, _directory, mut child) = waiting(format);
        let run = children(child.id());
        drop(child.stdout.take());
        let began = Instant::now();
        assert_eq!(child.wait().expect("the child can be waited for").code(), Some(1), "{format}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(endpoint.count("UpdateFunctionCode"), 0, "a further step began");
        let alive = shell::kill().args(["-0", &run[0]]).stderr(Stdio::null()).status().expect("kill runs");
        assert!(!alive.success(), "the child run is still alive");
    }
}

#[test]
fn a_call_in_flight_is_finished_when_the_reader_goes_away() {
    // Longer than a call may continue after a signal.
    const ANSWER: Duration = Duration::from_secs(5);
    for format in ["json", "text"] {
        let (endpoint, directory, mut command) = updating(FaultKind::Slow { answer_over: ANSWER });
        fs::write(directory.path().join("index.js"), "// new\n").expect("written");
        command.args(["--format", format, "--result", ".result"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        wait_until("the call", || endpoint.count("UpdateFunctionConfiguration") > 0);
        let began = Instant::now();
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the child can be waited for");
        assert_eq!(output.status.code(), Some(1), "{format}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("standard output cannot be written"), "{format}: {stderr}");
        let result = fs::read_to_string(directory.path().join(".result")).expect("readable");
        assert_eq!(result, "outcome=failed\n", "{format}");
        assert!(
            began.elapsed() > ANSWER - Duration::from_secs(1),
            "{format}: cut after {:?}",
            began.elapsed()
        );
        assert_eq!(endpoint.count("UpdateFunctionCode"), 0, "a further step began");
    }
}

#[test]
fn a_reader_that_goes_away_after_a_signal_changes_nothing() {
    let (_endpoint, _directory, mut child) = {
        let (endpoint, directory, mut command) = hanging();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().expect("started");
        wait_until("the call that hangs", || endpoint.count("UpdateFunctionConfiguration") > 0);
        (endpoint, directory, child)
    };
    let began = Instant::now();
    signal(&child, "INT");
    // The signal must arrive before stdout is closed. No event reports the signal before the end, so only a
    // sleep can ensure that.
    std::thread::sleep(Duration::from_secs(1));
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("the child can be waited for").code(), Some(130));
    // A second signal would have ended the run at once.
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
}

/// The program with SIGCHLD ignored, as a parent process may leave it. It is killed if it does not end.
fn where_children_are_ignored(arguments: &[&str], directory: &Path) -> Command {
    const IGNORE: &str = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("timeout");
    command
        .args(["-s", "KILL", "60", "python3", "-c", IGNORE, &program()])
        .args(arguments)
        .current_dir(directory)
        .env_clear();
    command.env("PATH", &*PATH).env("TRAVIS_PULL_REQUEST", "false").stdin(Stdio::null());
    command
}

#[test]
#[ignore = "second tier: needs Python"]
fn a_parent_that_ignores_its_children_makes_no_difference() {
    let directory =
        directory(&format!("deploy:\n{}", stanza("f").replace("all_branches: true", "branch: main")));
    git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
    let output = |command: &str| {
        let output = where_children_are_ignored(&with_file(&[command]), directory.path())
            .output()
            .expect("Python runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr), output.status.code())
    };
    let (policy, reported, status) = output("policy");
    assert_eq!(status, Some(0), "{reported}");
    assert!(policy.contains("lambda:CreateFunction"), "{policy}");
    let (events, reported, status) = output("check");
    assert_eq!(status, Some(0), "{reported}");
    assert!(events.contains(r#""got":"main""#), "the branch is not from git: {events}");
}
