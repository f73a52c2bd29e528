//! Runs the program with unusual or missing process resources: umask, temporary directory, disk space,
//! memory, locale, working directory, `/proc`.

mod archive;
mod directories;
mod limits;
mod variables;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{behind, run_on, run_without_check};
use crate::deployments::{build_directory, noise, request};
use crate::fixture::endpoint;
use crate::plugin::PluginOutput;

/// The smallest stanza that can be packaged and checked.
fn stanza() -> Value {
    json!({"function_name": "f", "on": {"all_branches": true}})
}

fn bytes(request: &Value) -> Vec<u8> {
    request.to_string().into_bytes()
}

/// A build directory with this many MiB of incompressible data. An archive of 4 MiB or more is not held in
/// memory.
fn directory_of(mebibytes: usize) -> TempDir {
    let directory = build_directory();
    fs::write(directory.path().join("noise.bin"), noise(mebibytes << 20)).expect("writable");
    directory
}

fn names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).expect("readable").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A request whose conditions need bash, and whose commands print what they see.
fn demanding(endpoint: &Endpoint) -> Value {
    let mut request = request(endpoint);
    request["env"]["A"] = json!("x I ı");
    request["on"] = json!({"branch": "m*", "condition": ["$A =~ ^x", "$A != X*"]});
    request["run"] = json!("echo \"$A\" | tr a-z A-Z | cat");
    request["description"] = json!("of $A");
    request["publish"] = json!(true);
    request
}

/// Ignores SIGCHLD, as daemons do, so that the system discards the exit status of a child. Child processes
/// inherit this.
const FORGETFUL: &str = r#"import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])"#;

#[test]
#[ignore = "second tier: needs Python"]
fn commands_end_also_where_the_runner_forgets_its_children() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let mut command = behind(&format!("exec python3 -c '{FORGETFUL}' \"$0\" \"$@\""), &[]);
    command.env("DPL_LAMBDA_CONDITION_TIMEOUT", "10");
    let ended = run_on(command.current_dir(directory.path()), &bytes(&demanding(&endpoint)));
    assert_eq!((ended.outcome(), ended.status.code()), ("deployed", Some(0)), "{}", ended.stdout);
}

/// The program in a system without `/proc`. `None` if this machine does not allow us to unmount it.
fn without_proc(arguments: &[&str]) -> Option<Command> {
    let line = "unshare --mount bash -c 'umount -l /proc' 2>/dev/null || { echo none; exit; }\n\
                exec unshare --mount bash -c 'umount -l /proc; exec \"$0\" \"$@\"' \"$0\" \"$@\"";
    let probe = behind(line, &["--version"]).output().expect("bash is installed");
    (probe.stdout != b"none\n").then(|| behind(line, arguments))
}

#[test]
fn a_system_without_proc_is_named_where_that_matters() {
    let directory = build_directory();
    fs::write(directory.path().join("f.yml"), "function_name: f\n").expect("writable");
    let standalone = ["check", "--stanza", "f.yml", "--ci", "none", "--format", "json"];
    let Some(mut command) = without_proc(&standalone) else {
        println!("not tried: /proc cannot be unmounted here");
        return;
    };
    let ended = run_on(command.current_dir(directory.path()), b"");
    assert_eq!((ended.code(), ended.status.code()), ("system-limit", Some(2)), "{}", ended.stdout);
    assert!(ended.finished()["error"]["hint"].as_str().is_some_and(|hint| hint.starts_with("mount /proc")));
    let mut command = without_proc(&["check"]).expect("/proc could be unmounted above");
    assert_eq!(
        run_on(&mut command, &bytes(&stanza())).outcome(),
        "checked",
        "a run for a runner needs no /proc"
    );
}

/// Runs the command as a user other than root, for whom permissions matter. `None` if that user cannot start
/// the program here.
fn as_nobody(command: &mut Command, directory: &Path, input: &[u8]) -> Option<PluginOutput> {
    if fs::metadata(directory).expect("exists").uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let ended = run_without_check(command.current_dir(directory), input);
    let cannot_start = matches!(ended.status.code(), Some(126 | 127));
    if cannot_start {
        println!("not tried: {}", ended.stderr);
        return None;
    }
    ended.check(&[]);
    Some(ended)
}
