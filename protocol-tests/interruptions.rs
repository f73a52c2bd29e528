//! Tests runs that end early because of a signal, a closed output or a bug: `finished` is still the last
//! line, and the exit status gives the reason.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::deployments::{build_directory, request};
use crate::fixture::{check_each, wait_until};
use crate::plugin::{PluginCommand, PluginOutput, program};
use crate::shell::{self, PATH};

/// Sends a signal to the process of the program, and to no other process.
pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = shell::kill().args([&format!("-{name}"), &id]).status().expect("kill runs");
    assert!(sent.success(), "the program is still running");
}

/// Sends a signal to the process group of a program, as a terminal does.
pub(crate) fn signal_group(child: &Child, name: &str) {
    let group = format!("-{}", child.id());
    let sent = shell::kill().args(["-s", name, "--", &group]).status().expect("kill runs");
    assert!(sent.success(), "the program is still running");
}

/// Makes `kill` in a shell with this `BASH_ENV` return only after the process has ended, as on a busy machine
/// that runs the shell again too late.
pub(crate) fn slow_kill(directory: &Path) -> PathBuf {
    let file = directory.join("slow-kill.sh");
    let wait = "while builtin kill -0 \"${!#}\" 2>/dev/null; do sleep 0.02; done";
    fs::write(&file, format!("kill() {{ builtin kill \"$@\" && {wait}; }}\n")).expect("written");
    file
}

/// Starts the program with a request, and returns when `ready` returns true.
fn started(plugin: &mut PluginCommand, request: &Value, ready: impl Fn() -> bool) -> Child {
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("writable");
    wait_until("the run", ready);
    child
}

/// Waits for the end of a run that just received a signal. It must end within 5 s.
#[track_caller]
fn ended(child: Child) -> PluginOutput {
    let ended = PluginOutput::ended(child);
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
    ended
}

fn live_function(settings: Settings) -> (Endpoint, tempfile::TempDir, Value) {
    let endpoint = Endpoint::start(settings).expect("a free port");
    let directory = build_directory();
    let mut request = request(&endpoint);
    let created = PluginCommand::new(&[]).directory(directory.path()).run(&request);
    assert_eq!(created.outcome(), "deployed");
    endpoint.forget_calls();
    request["timeout"] = json!(5);
    std::fs::write(directory.path().join("index.js"), "// new\n").expect("writable");
    (endpoint, directory, request)
}

#[test]
fn a_signal_during_a_wait_ends_it_and_reports_what_was_changed() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let (endpoint, directory, request) = live_function(Settings::default());
        endpoint.set_update_duration(Duration::from_secs(60));
        let mut plugin = PluginCommand::new(&[]).directory(directory.path());
        let child = started(&mut plugin, &request, || endpoint.count("UpdateFunctionConfiguration") > 0);
        std::thread::sleep(Duration::from_millis(150));
        signal(&child, name);
        let ended = ended(child);
        assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(status)));
        assert_eq!(ended.finished()["changed"], json!(["update-function-configuration"]));
        assert_eq!(endpoint.count("UpdateFunctionCode"), 0, "no further step");
    }
}

/// A run that waits for an update call to which AWS does not respond.
fn hanging() -> (Endpoint, tempfile::TempDir, Child) {
    let (endpoint, directory, request) = live_function(Settings::default());
    endpoint.fault(Fault::once("UpdateFunctionConfiguration", FaultKind::hang()));
    let mut plugin = PluginCommand::new(&[]).directory(directory.path());
    let child = started(&mut plugin, &request, || endpoint.count("GetFunction") > 0);
    std::thread::sleep(Duration::from_millis(300));
    (endpoint, directory, child)
}

#[test]
fn a_signal_during_a_call_that_hangs_ends_it_in_time() {
    let (_endpoint, _directory, child) = hanging();
    signal(&child, "TERM");
    let ended = ended(child);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)));
    let message = ended.finished()["error"]["message"].as_str().expect("a string");
    assert!(message.contains("may still take effect"), "{message}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let (_endpoint, _directory, child) = hanging();
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "TERM");
    let ended = ended(child);
    assert_eq!(ended.status.code(), Some(143));
    assert!(ended.elapsed < Duration::from_millis(1500), "{:?}", ended.elapsed);
}

#[test]
fn a_signal_while_standard_input_is_read_ends_the_run() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let mut child = PluginCommand::new(&["check"]).spawn();
        let stdin = child.stdin.take().expect("piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut hello = String::new();
        stdout.read_line(&mut hello).expect("`hello` comes before the request is read");
        signal(&child, name);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("readable");
        assert_eq!(child.wait().expect("can be waited for").code(), Some(status));
        assert!(rest.contains(r#""code":"cancelled""#), "{rest}");
        drop(stdin);
    }
}

#[test]
fn a_signal_while_a_condition_runs_ends_bash_too() {
    let marker = build_directory();
    let path = marker.path().join("started");
    let request = json!({
        "function_name": "f",
        "on": {"all_branches": true, "condition": format!("$(touch '{}'; sleep 60) = x", path.display())},
        "env": {"PATH": &*PATH},
    });
    let mut plugin = PluginCommand::new(&["check"]);
    let child = started(&mut plugin, &request, || path.exists());
    signal(&child, "TERM");
    let ended = ended(child);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)));
}

#[test]
fn when_the_runner_closes_our_output_no_further_step_is_taken() {
    let (endpoint, directory, request) = live_function(Settings::default());
    endpoint.set_update_duration(Duration::from_millis(300));
    let mut plugin = PluginCommand::new(&[]).directory(directory.path());
    let mut child = started(&mut plugin, &request, || true);
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("step-started") {
        line.clear();
        assert!(
            stdout.read_line(&mut line).expect("readable") > 0,
            "standard output ended before `step-started`"
        );
    }
    // Wait for the call: the program also notices a closed output before it.
    wait_until("the call", || endpoint.count("UpdateFunctionConfiguration") > 0);
    drop(stdout);
    assert_eq!(child.wait().expect("can be waited for").code(), Some(1));
    assert_eq!(endpoint.count("UpdateFunctionCode"), 0, "no further step");
}

#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    let directory = build_directory();
    let request = json!({
        "function_name": "f",
        "on": {"all_branches": true, "condition": format!("$A != {}", "x".repeat(1_000_000))},
        "env": {"PATH": &*PATH},
    });
    let mut plugin = PluginCommand::new(&["check"]).directory(directory.path());
    let mut child = started(&mut plugin, &request, || true);
    // The events about that condition are larger than a pipe's buffer.
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "TERM");
    let began = Instant::now();
    assert_eq!(child.wait().expect("can be waited for").code(), Some(143));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A pipe whose buffer is full.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("two free file descriptors");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
    while writer.write(&[b' '; 4096]).is_ok() {}
    while writer.write(b" ").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
    (reader, writer)
}

/// Waits until the first thread of a process sleeps.
fn wait_until_asleep(child: &Child) {
    let sleeps = || {
        let stat = std::fs::read_to_string(format!("/proc/{0}/task/{0}/stat", child.id()))
            .expect("it has not ended");
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    let (mut in_a_row, began) = (0, Instant::now());
    while in_a_row < 100 && began.elapsed() < Duration::from_secs(30) {
        in_a_row = if sleeps() { in_a_row + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks that signals end runs with these arguments whose standard output is a full pipe, so that even the
/// first line blocks.
#[track_caller]
fn check_received(runs: &[&[&str]]) {
    let directory = build_directory();
    std::fs::write(directory.path().join("f.yml"), "function_name: f\non: {all_branches: true}\n")
        .expect("writable");
    let runs: Vec<_> = runs.iter().flat_map(|run| [(*run, ("TERM", 15)), (*run, ("QUIT", 3))]).collect();
    let name = |run: &(&[&str], (&str, i32))| format!("{run:?}");
    check_each(&runs, 4, name, |(arguments, (name, number))| {
        let (_reader, writer) = full_pipe();
        let mut command = std::process::Command::new(program());
        command.args(*arguments).current_dir(directory.path()).env_clear().env("PATH", &*PATH);
        command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
        let mut child = command.spawn().expect("can be started");
        drop(command);
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(br#"{"function_name":"f","on":{"all_branches":true}}"#).expect("fits into a pipe");
        drop(stdin);
        wait_until_asleep(&child);
        signal(&child, name);
        let ended = crate::hostile::end_within(Duration::from_secs(20), child, Instant::now());
        let status = ended.status.code().or(ended.status.signal().map(|signal| 128 + signal));
        assert_eq!(status, Some(128 + number), "{}", ended.status);
    });
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs /proc")]
fn a_full_pipe_makes_no_run_deaf() {
    let policy_standalone = ["policy", "--stanza", "f.yml", "--ci", "none"];
    check_received(&[&[], &["check"], &["policy"], &policy_standalone, &["schema", "stanza"], &["manual"]]);
}

#[test]
#[ignore = "second tier: long"]
fn a_full_pipe_makes_no_run_standalone_deaf() {
    let standalone = |format| ["check", "--stanza", "f.yml", "--ci", "none", "--format", format];
    check_received(&[&standalone("json"), &standalone("text")]);
}

#[test]
fn a_bug_is_reported_whatever_thread_it_happens_in() {
    for fault in ["panic", "panic-in-thread"] {
        let ended =
            PluginCommand::new(&["check"]).env("DPL_LAMBDA_FAULT", fault).run(&json!({"function_name": "f"}));
        assert_eq!((ended.code(), ended.status.code()), ("internal", Some(2)), "{fault}");
        assert!(ended.finished()["error"]["message"].as_str().unwrap().contains("process/settings.rs"));
        assert_eq!(ended.events.len(), 2);
    }
}
