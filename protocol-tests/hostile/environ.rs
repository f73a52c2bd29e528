//! Checks that the job's commands cannot read the runner's keys from `/proc`, and that a crash of the program
//! leaves no core dump.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};

use super::{behind, run_on};
use crate::deployments::{build_directory, request};
use crate::fixture::{endpoint, git};
use crate::interruptions::signal;

/// A secret of the runner, which no job may see.
const OWN: &str = "the-runners-own-key-Zx81";

/// Shell code that appends the environments of all ancestor processes to `$SEEN`, as far as they can be read.
const LOOK: &str = "id=$$; while next=; while read -r key value _; do [ \"$key\" = PPid: ] && next=$value; done </proc/$id/status; \
                    id=$next; [ ${id:-0} -gt 1 ]; do \
                    echo looked >>\"$SEEN\"; tr '\\0' '\\n' </proc/$id/environ >>\"$SEEN\" 2>>\"$SEEN\"; done; true";

/// A request whose condition, git hook and commands run `look`.
fn looking(endpoint: &Endpoint, directory: &Path, look: &str) -> Value {
    git(directory, &["init", "--quiet"]);
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message", "one"]);
    fs::write(directory.join("left"), "uncommitted").expect("writable");
    let hook = directory.join(".git/hooks/post-index-change");
    fs::write(&hook, format!("#!/bin/sh\n{look}\n")).expect("writable");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("can be changed");
    let mut request = request(endpoint);
    request["env"]["SEEN"] = json!(directory.join(".git/seen"));
    request["on"] = json!({"all_branches": true, "condition": format!("-n $({look}; echo x)")});
    request["cleanup"] = json!(true);
    request["alias"] = json!("live");
    request["verify"] = json!({"command": look});
    request["run"] = json!([look]);
    request
}

#[test]
fn no_command_of_the_job_finds_the_runners_variables() {
    // Once as a runner starts it, and once as a standalone run, where a second process of ours is an ancestor
    // of the commands.
    for arguments in [&["deploy"][..], &["deploy", "--format", "json", "--ci", "none"]] {
        let (endpoint, directory) = (endpoint(), build_directory());
        let request = looking(&endpoint, directory.path(), LOOK);
        let mut command = behind(":", arguments);
        command
            .env("RUNNER_KEY", OWN)
            .env("AWS_SECRET_ACCESS_KEY", OWN)
            .env("DPL_LAMBDA_LOG", "")
            .current_dir(directory.path());
        let ended = run_on(&mut command, request.to_string().as_bytes());
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        let seen = fs::read_to_string(directory.path().join(".git/seen")).expect("readable");
        assert!(seen.matches("looked").count() >= 4, "{seen}");
        assert!(!seen.contains(OWN), "{arguments:?}: {seen}");
    }
}

#[test]
fn no_process_without_privileges_reads_ours() {
    if Command::new("setpriv").arg("--version").output().is_err() {
        println!("not tried: setpriv is not installed");
        return;
    }
    // Drops these capabilities as a container does for root; other users do not have them anyway. Since Linux
    // 6.13, two of them are enough to read memory too.
    const LACKS: &str = "-sys_ptrace,-perfmon,-sys_admin";
    let line = format!("exec setpriv --bounding-set={LACKS} --inh-caps={LACKS} \"$0\" \"$@\"");
    let look = "for file in environ maps; do head -c 1 /proc/$PPID/$file >/dev/null && echo \"$file is read\"; done 2>/dev/null; true";
    let (endpoint, directory) = (endpoint(), build_directory());
    let mut request = request(&endpoint);
    request["run"] = json!([look, "head -c 1 /proc/$$/maps >/dev/null && echo own"]);
    let ended = run_on(behind(&line, &[]).current_dir(directory.path()), request.to_string().as_bytes());
    let lines: Vec<&Value> =
        ended.events.iter().filter(|event| event["event"] == "output").map(|event| &event["line"]).collect();
    assert_eq!(lines, ["own"], "{}", ended.stdout);
}

#[test]
fn no_core_is_left_that_holds_keys() {
    let unlimited = "ulimit -c unlimited || exit 99";
    let directory = build_directory();
    let leaves_core = |command: &mut Command| {
        let mut child = command.current_dir(directory.path()).spawn().expect("bash is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("UTF-8");
        // Not SIGSEGV: the standard library handles that one, to detect stack overflows.
        signal(&child, "ABRT");
        let status = child.wait().expect("can be waited for");
        assert_eq!(status.signal(), Some(6), "{status}");
        status.core_dumped()
    };
    assert!(!leaves_core(&mut behind(unlimited, &[])));
    // Check that this machine writes core dumps at all.
    if !leaves_core(&mut behind(&format!("{unlimited}; echo started; exec sleep 60"), &[])) {
        println!("not tried: this machine writes no core dumps");
    }
}
