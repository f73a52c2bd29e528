//! Runs the program with unusual or missing process resources: umask, temporary directory, disk space,
//! memory, locale, working directory.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{behind, run_on};
use crate::deployments::{build_directory, noise, request};
use crate::fixture::not_run;
use crate::interruptions::signal;
use crate::plugin::{PluginOutput, program};
use crate::shell::PATH;

/// The smallest stanza that can be packaged and checked.
fn stanza() -> Value {
    json!({"function_name": "f", "on": {"all_branches": true}})
}

fn bytes(request: &Value) -> Vec<u8> {
    request.to_string().into_bytes()
}

fn endpoint() -> Endpoint {
    Endpoint::start(Settings::default()).expect("a free port")
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

#[test]
fn the_mask_decides_the_mode_of_the_archive_and_nothing_else() {
    for mebibytes in [1, 6] {
        let mut hashes = Vec::new();
        for mask in [0o777, 0o077, 0o022, 0o000] {
            let (directory, temporary) =
                (directory_of(mebibytes), TempDir::new().expect("a temporary directory"));
            let mut command = behind(&format!("umask {mask:04o}"), &["package", "--output", "out.zip"]);
            let ended = run_on(
                command.current_dir(directory.path()).env("TMPDIR", temporary.path()),
                &bytes(&stanza()),
            );
            assert_eq!(ended.outcome(), "packaged", "{mask:o}: {}", ended.stdout);
            let written = fs::metadata(directory.path().join("out.zip")).expect("exists");
            assert_eq!(written.mode() & 0o7777, 0o666 & !mask, "{mask:o}");
            assert_eq!(written.len(), ended.finished()["package"]["zip_bytes"]);
            assert_eq!(names(directory.path()), ["index.js", "noise.bin", "out.zip"]);
            assert_eq!(names(temporary.path()), [""; 0]);
            hashes.push(ended.finished()["package"]["code_sha256"].clone());
        }
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
    }
}

/// Starts a deployment of a large package and blocks it: Lambda does not answer CreateFunction.
fn waiting_for_lambda(line: &str, endpoint: &Endpoint, directory: &Path, temporary: &Path) -> Child {
    let kind = FaultKind::Hang { for_: Duration::from_secs(60) };
    endpoint.fault(Fault { operation: Some("CreateFunction".to_owned()), after: 0, times: 1, kind });
    let mut request = request(endpoint);
    request["env"]["TMPDIR"] = json!(temporary);
    let mut child = behind(line, &[]).current_dir(directory).spawn().expect("bash is installed");
    child.stdin.take().expect("piped").write_all(&bytes(&request)).expect("writable");
    let mut lines =
        BufReader::new(child.stdout.as_mut().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    assert!(lines.any(|line| line.contains(r#""event":"step-started""#)), "the first step starts");
    child
}

#[test]
fn what_a_large_package_needs_beside_is_private_and_gone_with_the_process() {
    for line in ["umask 000", "umask 0777"] {
        let (directory, temporary) = (directory_of(17), TempDir::new().expect("a temporary directory"));
        let endpoint = endpoint();
        let mut child = waiting_for_lambda(line, &endpoint, directory.path(), temporary.path());
        for name in names(temporary.path()) {
            let mode = fs::metadata(temporary.path().join(&name)).expect("exists").mode() & 0o7777;
            assert_eq!(mode & 0o177, 0, "{line}: {name} has mode {mode:o}");
        }
        if cfg!(target_os = "linux") {
            let open = fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it is alive");
            let targets = open.filter_map(|entry| fs::read_link(entry.expect("readable").path()).ok());
            let here = targets.filter(|target| target.starts_with(temporary.path())).count();
            assert_eq!(here, 1, "one open file in the temporary directory: the archive");
        }
        signal(&child, "KILL");
        child.wait().expect("can be waited for");
        assert_eq!(names(temporary.path()), [""; 0], "{line}");
        assert_eq!(names(directory.path()), ["index.js", "noise.bin"], "{line}");
    }
}

#[test]
fn what_was_planted_beside_the_archive_is_not_written_through() {
    // The name that an unfinished archive would have if it were predictable. `exec` keeps the process id.
    let line = "echo precious >victim; ln -s victim \".out.zip.$$.part\"";
    let directory = build_directory();
    let mut command = behind(line, &["package", "--output", "out.zip"]);
    let ended = run_on(command.current_dir(directory.path()), &bytes(&stanza()));
    assert_eq!(ended.outcome(), "packaged", "{}", ended.stdout);
    assert_eq!(fs::read_to_string(directory.path().join("victim")).expect("readable"), "precious\n");
    assert!(fs::symlink_metadata(directory.path().join("out.zip")).expect("exists").is_file());
    let left = names(directory.path()).into_iter().filter(|name| name.ends_with(".part")).count();
    assert_eq!(left, 1, "only the planted link ends in .part");
}

/// Runs `package` with this `TMPDIR`, in the job's environment or in that of the process.
fn package_with(temporary: &str, is_jobs: bool, directory: &Path) -> PluginOutput {
    let mut command = behind(":", &["package", "--output", "out.zip"]);
    let mut request = stanza();
    if is_jobs {
        request["env"] = json!({"TMPDIR": temporary});
    } else {
        command.env("TMPDIR", temporary);
    }
    run_on(command.current_dir(directory), &bytes(&request))
}

#[test]
fn a_temporary_directory_that_cannot_be_used_is_named() {
    let (small, large) = (build_directory(), directory_of(6));
    let file = small.path().join("index.js").display().to_string();
    for temporary in ["/nowhere/to/be/found", "nowhere", &file, "/dev/null"] {
        for is_jobs in [true, false] {
            let ended = package_with(temporary, is_jobs, large.path());
            assert_eq!(ended.status.code(), Some(2), "{temporary}: {}", ended.stdout);
            assert_eq!(ended.finished()["error"]["class"], "package", "{temporary}: {}", ended.stdout);
            let reported = ended.finished()["error"].to_string();
            assert!(reported.contains(temporary) || reported.contains("TMPDIR"), "{temporary}: {reported}");
            assert_eq!(names(large.path()), ["index.js", "noise.bin"]);

            let ended = package_with(temporary, is_jobs, small.path());
            assert_eq!(
                ended.outcome(),
                "packaged",
                "a small package needs no temporary directory: {}",
                ended.stdout
            );
            fs::remove_file(small.path().join("out.zip")).expect("can be removed");
        }
    }
    // A directory without write permission.
    let closed = TempDir::new().expect("a temporary directory");
    for (directory, mode) in [(&closed, 0o555), (&large, 0o755)] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("can be changed");
    }
    let mut command = behind(":", &["package", "--output", "/dev/null"]);
    let request = bytes(&stanza());
    if let Some(ended) = as_nobody(command.env("TMPDIR", closed.path()), large.path(), &request) {
        let reported = ended.finished()["error"].to_string();
        assert!(
            reported.contains("ermission denied") && reported.contains(&*closed.path().to_string_lossy()),
            "{reported}"
        );
    }
    // An empty `TMPDIR` counts as unset.
    assert_eq!(package_with("", false, large.path()).outcome(), "packaged");
}

#[test]
fn a_file_that_may_not_grow_is_reported_and_the_one_before_it_stays() {
    // 1 MiB is too small for the temporary file of a large package and for the archive of a small one.
    for mebibytes in [3, 9] {
        for line in ["trap '' XFSZ; ulimit -f 1024", "ulimit -f 1024"] {
            let directory = directory_of(mebibytes);
            fs::write(directory.path().join("out.zip"), "before").expect("writable");
            let mut command = behind(line, &["package", "--output", "out.zip"]);
            let ended = run_on(command.current_dir(directory.path()), &bytes(&stanza()));
            assert_eq!(
                (ended.outcome(), ended.status.code()),
                ("failed", Some(2)),
                "{line}: {}",
                ended.stdout
            );
            assert_eq!(ended.finished()["error"]["class"], "package", "{line}: {}", ended.stdout);
            assert_eq!(
                fs::read_to_string(directory.path().join("out.zip")).expect("readable"),
                "before",
                "{line}"
            );
            let mut left = names(directory.path());
            left.retain(|name| !["index.js", "noise.bin", "out.zip"].contains(&name.as_str()));
            assert_eq!(left, [""; 0], "{line}");
        }
    }
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

/// The events of a run without durations, and without bash's warnings about a missing locale.
fn reported(ended: &PluginOutput) -> Vec<Value> {
    let mut events = ended.events.clone();
    let is_of_bash =
        |event: &Value| event["stream"] == "stderr" && event["line"].to_string().contains("setlocale");
    events.retain(|event| event["event"] != "progress" && !is_of_bash(event));
    for event in &mut events {
        let event = event.as_object_mut().expect("an object");
        for key in ["duration_ms", "message", "time"] {
            event.remove(key);
        }
    }
    events
}

/// The program with exactly these environment variables.
fn alone_with<'a>(variables: impl IntoIterator<Item = (&'a OsStr, &'a OsStr)>) -> Command {
    let mut command = Command::new(program());
    command.env_clear().envs(variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Usual environment variables with unusual values. An empty name means: no additional variable.
const ODD: [(&str, &str); 33] = [
    ("", ""),
    ("HOME", ""),
    ("HOME", "/nowhere/to/be/found"),
    ("HOME", "relative"),
    ("HOME", "/dev/null"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("LC_ALL", "C"),
    ("LC_ALL", "POSIX"),
    ("LC_ALL", "zh_CN.GB18030"),
    ("LC_ALL", "there is no such language"),
    ("LANG", "../../../../etc/passwd"),
    ("LC_CTYPE", "\u{fffd}"),
    ("LC_NUMERIC", "de_DE"),
    ("LANGUAGE", "tr:de"),
    ("TZ", "Asia/Kathmandu"),
    ("TZ", "Mars/Phobos"),
    ("TZ", ":/etc/passwd"),
    ("TZ", "<-99>99:59:59"),
    ("TZ", ""),
    ("USER", ""),
    ("SHELL", "/bin/false"),
    ("PWD", "/nowhere/to/be/found"),
    ("IFS", "abcdefghijklmnopqrstuvwxyz"),
    ("TERM", "dumb"),
    ("COLUMNS", "0"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_MIN_STACK", "1"),
    ("MALLOC_ARENA_MAX", "0"),
    ("http_proxy", ""),
    ("no_proxy", "*"),
    ("AWS_PROFILE", ""),
    ("A\u{0301}", "\u{202e}\u{1b}[2J"),
];

#[test]
fn odd_variables_of_the_job_change_nothing() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let usual = demanding(&endpoint);
    let deploy = |request: &Value| {
        let nothing: [(&OsStr, &OsStr); 0] = [];
        run_on(alone_with(nothing).current_dir(directory.path()), &bytes(request))
    };
    assert_eq!(deploy(&usual).outcome(), "deployed");
    let unchanged = deploy(&usual);
    assert_eq!(unchanged.outcome(), "unchanged", "{}", unchanged.stdout);
    let expected = reported(&unchanged);
    let mut without_path = usual.clone();
    without_path["env"].as_object_mut().expect("an object").remove("PATH");
    assert_eq!(reported(&deploy(&without_path)), expected, "no PATH");
    for (name, value) in ODD {
        let mut request = usual.clone();
        if !name.is_empty() {
            request["env"][name] = json!(value);
        }
        let mut got = reported(&deploy(&request));
        // Bash's warning about its locale belongs to the job.
        let is_complaint =
            |event: &Value| event["stream"] == "stderr" && event["line"].to_string().contains("setlocale");
        got.retain(|event| !is_complaint(event));
        assert_eq!(got, expected, "{name}={value}");
    }
}

#[test]
fn odd_variables_of_the_process_change_nothing() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let mut request = demanding(&endpoint);
    let env = request.as_object_mut().and_then(|request| request.remove("env")).expect("`env` exists");
    let env: Vec<(OsString, OsString)> = env
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.into(), value.as_str().expect("a string").into()))
        .collect();
    let deploy = |without: &str, name: &OsStr, value: &OsStr| {
        let usual = env
            .iter()
            .filter(|(name, _)| *name != without)
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let odd = (!name.is_empty()).then_some((name, value));
        run_on(alone_with(usual.chain(odd)).current_dir(directory.path()), &bytes(&request))
    };
    let usually = || deploy("", OsStr::new(""), OsStr::new(""));
    assert_eq!(usually().outcome(), "deployed");
    let unchanged = usually();
    assert_eq!(unchanged.outcome(), "unchanged", "{}", unchanged.stdout);
    let expected = reported(&unchanged);
    assert_eq!(reported(&deploy("PATH", OsStr::new(""), OsStr::new(""))), expected, "no PATH");
    let ours = [
        ("DPL_LAMBDA_CONDITION_TIMEOUT", "soon"),
        ("DPL_LAMBDA_CONDITION_TIMEOUT", "-1"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "soon"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "-1"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "99999999999999999999"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "4294967295"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", ""),
        ("DPL_LAMBDA_CONDITIONS", "fish"),
        ("DPL_LAMBDA_LOG", "loudly"),
        ("DPL_LAMBDA_FAULT", "none"),
    ];
    for (name, value) in ODD.into_iter().chain(ours) {
        assert_eq!(reported(&deploy("", OsStr::new(name), OsStr::new(value))), expected, "{name}={value}");
    }
    let (name, value) = (OsStr::from_bytes(b"B\xff"), OsStr::from_bytes(b"\xfe\xff"));
    assert_eq!(reported(&deploy("", name, value)), expected, "invalid UTF-8");
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

#[test]
fn a_build_directory_may_have_any_name() {
    let long = "n".repeat(255);
    for name in [
        b"$(touch pwned) 'x' \"y\"".as_slice(),
        b"-rf",
        b"a\nb",
        b"\xff\xfe",
        b" ",
        long.as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        let (endpoint, parent) = (endpoint(), TempDir::new().expect("a temporary directory"));
        let directory = parent.path().join(OsStr::from_bytes(name));
        fs::create_dir(&directory).expect("can be created");
        fs::write(directory.join("index.js"), "x").expect("writable");
        let ended = run_on(behind(":", &[]).current_dir(&directory), &bytes(&demanding(&endpoint)));
        assert_eq!(ended.outcome(), "deployed", "{name:?}: {}", ended.stdout);
        let ended = run_on(
            behind(":", &["package", "--output", "out.zip"]).current_dir(&directory),
            &bytes(&stanza()),
        );
        assert_eq!(ended.outcome(), "packaged", "{name:?}: {}", ended.stdout);
        assert_eq!(names(&directory), ["index.js", "out.zip"]);
        assert_eq!(names(parent.path()).len(), 1);
    }
}

#[test]
fn little_is_enough() {
    // In KiB. Not the address space (`ulimit -v`): glibc reserves 64 MiB of it for each thread.
    let memory = 128 * 1024;
    for line in ["ulimit -n 64", &format!("ulimit -d {memory}"), "ulimit -c 0; ulimit -l 0"] {
        for mebibytes in [0, 30] {
            let (endpoint, directory) = (endpoint(), directory_of(mebibytes));
            let mut request = request(&endpoint);
            request["on"] = json!({"branch": "m*"});
            request["run"] = json!("echo well");
            let ended = run_on(behind(line, &[]).current_dir(directory.path()), &bytes(&request));
            assert_eq!(
                (ended.outcome(), ended.status.code()),
                ("deployed", Some(0)),
                "{line}: {}",
                ended.stdout
            );
            let package = ended.event("packaged").expect("the event exists")["code_sha256"].clone();
            assert_eq!(
                endpoint.function("f").expect("the function exists")["Configuration"]["CodeSha256"],
                package,
                "{line}"
            );
        }
    }
}

#[test]
fn too_little_is_reported() {
    let (endpoint, directory) = (endpoint(), directory_of(9));
    for line in (4..16).map(|files| format!("ulimit -n {files}")).chain(["ulimit -u 1".to_owned()]) {
        let ended = super::run_without_check(
            behind(&line, &[]).current_dir(directory.path()),
            &bytes(&demanding(&endpoint)),
        );
        // If the system cannot start the program at all, there are no events to check.
        if ended.stdout.is_empty() {
            continue;
        }
        ended.check(&[]);
        assert_ne!(ended.code(), "internal", "{line}: {}", ended.stdout);
        let named = ended.stdout.contains("os error 24)");
        assert_eq!(named, ended.code() == "system-limit", "{line}: {}", ended.stdout);
    }
}

/// The limit counts all processes and threads of a user, and does not apply to root.
#[test]
#[ignore = "second tier: needs root and setpriv"]
fn too_few_threads_are_reported() {
    let user = ["--reuid", "64321", "--regid", "64321", "--clear-groups"];
    if !Command::new("setpriv").args(user).arg("true").status().is_ok_and(|status| status.success()) {
        return not_run("a limit of threads (needs root and setpriv)");
    }
    let parent = TempDir::new().expect("a temporary directory");
    fs::set_permissions(parent.path(), Permissions::from_mode(0o755)).expect("ours");
    let copy = parent.path().join("dpl-lambda");
    fs::copy(program(), &copy).expect("copied");
    fs::create_dir(parent.path().join("dist")).expect("can be created");
    // Enough files for several threads.
    for number in 0..400 {
        fs::write(parent.path().join(format!("dist/{number}.js")), "x").expect("writable");
    }
    let endpoint = endpoint();
    let mut request = request(&endpoint);
    request["zip"] = json!("dist");
    let codes: BTreeSet<String> = (1..=16)
        .filter_map(|limit| {
            let mut run = Command::new("setpriv");
            run.args(user).args(["bash", "-c", &format!("ulimit -u {limit}; exec \"$0\"")]).arg(&copy);
            run.current_dir(parent.path()).env_clear().env("PATH", &*PATH).env("TMPDIR", parent.path());
            run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let ended = super::run_without_check(&mut run, &bytes(&request));
            // If the system cannot start the program at all, there are no events to check.
            (!ended.stdout.is_empty()).then(|| ended.check(&[]));
            (!ended.stdout.is_empty()).then(|| format!("{}{}", ended.code(), ended.outcome()))
        })
        .collect();
    let allowed = ["system-limitfailed", "deployed", "unchanged"].map(str::to_owned);
    assert!(
        codes.iter().all(|code| allowed.contains(code)) && codes.contains("system-limitfailed"),
        "{codes:?}"
    );
}

#[test]
fn an_environment_and_a_command_that_the_kernel_does_not_pass_are_named() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let mut all_together = demanding(&endpoint);
    for number in 0..60 {
        all_together["env"][format!("LARGE_{number}")] = json!("x".repeat(100_000));
    }
    let mut command = request(&endpoint);
    command["run"] = json!(format!("true {}", "x".repeat(200_000)));
    for (request, code, hint) in [(all_together, "env-too-large", "keep"), (command, "run-failed", "keep")] {
        let ended = run_on(behind(":", &[]).current_dir(directory.path()), &bytes(&request));
        let error = &ended.finished()["error"];
        assert_eq!(ended.code(), code, "{error}");
        assert!(error["hint"].as_str().is_some_and(|reported| reported.starts_with(hint)), "{error}");
    }
    // A standalone run starts the program a second time.
    fs::write(directory.path().join("f.yml"), "function_name: f\n").expect("writable");
    fs::write(
        directory.path().join(".travis.yml"),
        format!("env:\n  - LARGE={}\ndeploy: {{provider: lambda, function_name: f}}\n", "x".repeat(200_000)),
    )
    .expect("writable");
    let arguments = ["check", "--travis-yml", ".travis.yml", "--ci", "none", "--format", "json"];
    let ended = run_on(behind(":", &arguments).current_dir(directory.path()), b"");
    assert_eq!((ended.code(), ended.status.code()), ("env-too-large", Some(2)), "{}", ended.stdout);
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

#[test]
fn a_build_directory_that_is_gone_is_reported() {
    for (arguments, cleanup) in [
        (&[][..], false),
        (&[], true),
        (&["plan"], false),
        (&["package", "--output", "out.zip"], false),
        (&["check"], false),
    ] {
        let (endpoint, parent) = (endpoint(), TempDir::new().expect("a temporary directory"));
        let mut request = request(&endpoint);
        request["on"] = json!({"branch": "m*"});
        request["description"] = json!("%{git_sha}");
        request["publish"] = json!(true);
        request["cleanup"] = json!(cleanup);
        let mut command = behind("mkdir gone && cd gone && rmdir ../gone", arguments);
        let ended = run_on(command.current_dir(parent.path()), &bytes(&request));
        let expected = match (arguments, cleanup) {
            (["check"], _) => ("checked", 0),
            (_, true) => ("failed", 1),
            _ => ("failed", 2),
        };
        assert_eq!(
            (ended.outcome(), ended.status.code()),
            (expected.0, Some(expected.1)),
            "{arguments:?}: {}",
            ended.stdout
        );
        assert_ne!(ended.code(), "internal", "{arguments:?}: {}", ended.stdout);
        assert_eq!(names(parent.path()), [""; 0]);
        assert!(endpoint.function("f").is_none());
    }
}

/// Runs the command as a user other than root, for whom permissions matter. `None` if that user cannot start
/// the program here.
fn as_nobody(command: &mut Command, directory: &Path, input: &[u8]) -> Option<PluginOutput> {
    if fs::metadata(directory).expect("exists").uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let ended = super::run_without_check(command.current_dir(directory), input);
    let cannot_start = matches!(ended.status.code(), Some(126 | 127));
    if cannot_start {
        println!("not tried: {}", ended.stderr);
        return None;
    }
    ended.check(&[]);
    Some(ended)
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let mode =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("can be changed");
    let build = || {
        let directory = build_directory();
        fs::create_dir(directory.path().join("lib")).expect("can be created");
        fs::write(directory.path().join("lib/a.js"), "a").expect("writable");
        mode(directory.path(), 0o755);
        directory
    };
    for (closed, closed_mode, output, named) in [
        ("index.js", 0o000, "/dev/null", "index.js"),
        ("lib", 0o000, "/dev/null", "lib"),
        ("lib", 0o444, "/dev/null", "lib"),
        ("lib/a.js", 0o200, "/dev/null", "a.js"),
        (".", 0o311, "/dev/null", "."),
        (".", 0o555, "out.zip", "out.zip"),
    ] {
        let directory = build();
        mode(&directory.path().join(closed), closed_mode);
        let mut command = behind(":", &["package", "--output", output]);
        let ended = as_nobody(&mut command, directory.path(), &bytes(&stanza()));
        // Restore the mode, so that the directory can be removed.
        mode(&directory.path().join(closed), 0o755);
        let Some(ended) = ended else { return };
        assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(2)), "{closed}: {}", ended.stdout);
        let error = &ended.finished()["error"];
        assert_eq!(error["class"], "package", "{closed}: {error}");
        let message = error["message"].as_str().expect("a string");
        assert!(message.contains(named) && message.contains("ermission denied"), "{closed}: {message}");
    }
}
