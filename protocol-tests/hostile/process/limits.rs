//! Tests runs with few resources, and with values that the kernel does not pass to a process.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::*;
use crate::fixture::not_run;
use crate::plugin::program;
use crate::shell::PATH;

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
        let ended = run_without_check(
            behind(&line, &[]).current_dir(directory.path()),
            &bytes(&demanding(&endpoint)),
        );
        // If the system cannot start the program at all, there are no events to check.
        if ended.stdout.is_empty() {
            continue;
        }
        ended.check(&[]);
        assert_ne!(ended.code(), "internal", "{line}: {}", ended.stdout);
        // Too many open files, or too many processes, which counts for all users but root.
        let named = ["os error 24)", "os error 11)"].iter().any(|error| ended.stdout.contains(error));
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
            let ended = run_without_check(&mut run, &bytes(&request));
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
