//! `run`, `cleanup` and `allow_failure`: the user's commands around a deployment, run with real bash and git.

use std::fs;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, git, wait_until};
use crate::interruptions::signal;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::shell::{PATH, kill};

fn fixture() -> Fixture {
    Fixture::new(json!({}))
}

fn lines(ended: &PluginOutput) -> Vec<(&str, &str)> {
    let output = ended.events.iter().filter(|event| event["event"] == "output");
    output
        .map(|event| (event["stream"].as_str().unwrap_or(""), event["line"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn run_follows_a_success_and_an_unchanged_function_in_the_jobs_environment() {
    let mut fixture = fixture();
    fixture.request["run"] = json!(["echo \"$TRAVIS_BRANCH\"; cat; echo two >&2", "printf 'no end of line'"]);
    for outcome in ["deployed", "unchanged"] {
        let ended = fixture.deploy_again();
        assert_eq!(ended.outcome(), outcome);
        let mut reported = lines(&ended);
        reported.sort_unstable();
        assert_eq!(reported, [("stderr", "two"), ("stdout", "master"), ("stdout", "no end of line")]);
    }
}

#[test]
fn run_is_not_for_a_plan_a_skip_or_a_failure() {
    let mut fixture = fixture();
    fixture.request["run"] = json!(format!("touch {}", fixture.path("ran").display()));
    let plan = PluginCommand::new(&["plan"]).directory(fixture.directory.path()).run(&fixture.request);
    assert_eq!(plan.outcome(), "planned");
    fixture.request["env"]["TRAVIS_BRANCH"] = json!("dev");
    assert_eq!(fixture.deploy_again().outcome(), "skipped");
    fixture.request["env"]["TRAVIS_BRANCH"] = json!("master");
    fixture.request["env"]["AWS_SECRET_ACCESS_KEY"] = json!("wrong-secret");
    assert_eq!(fixture.deploy_again().outcome(), "failed");
    assert!(!fixture.path("ran").exists());
}

#[test]
fn a_command_that_fails_leaves_the_deployment_in_changed() {
    let mut fixture = fixture();
    fixture.request["run"] = json!(["echo before", "exit 3", "echo never"]);
    let ended = fixture.deploy_again();
    assert_eq!((ended.code(), ended.status.code()), ("run-failed", Some(1)));
    assert_eq!(ended.finished()["error"]["class"], "command");
    assert_eq!(ended.finished()["error"]["at"], "/run/1");
    assert_eq!(ended.finished()["changed"], json!(["create-function"]));
    assert_eq!(lines(&ended), [("stdout", "before")]);
}

#[test]
fn a_grandchild_that_keeps_the_pipe_does_not_hang_us() {
    let mut fixture = fixture();
    fixture.request["run"] = json!("sleep 60 & echo done");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed");
    assert_eq!(lines(&ended), [("stdout", "done")]);
    assert!(ended.elapsed < Duration::from_secs(20), "{:?}", ended.elapsed);
}

#[test]
fn no_line_is_lost_however_fast_they_come() {
    let mut fixture = fixture();
    fixture.request["run"] = json!("seq 1 30000");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed");
    let reported = lines(&ended);
    assert_eq!((reported.len(), reported[29_999].1), (30_000, "30000"));
}

#[test]
fn output_is_lossy_split_and_without_secrets() {
    let mut fixture = fixture();
    fixture.request["env"]["DEPLOY_TOKEN"] = json!("secret-in-a-job");
    fixture.request["env"]["DEPLOY_KEY"] = json!("-----BEGIN-----\nsecret-line-of-a-key\n-----END-----\n");
    fixture.request["run"] = json!([
        "printf 'a\\377b\\n'",
        "head -c 70000 /dev/zero | tr '\\0' x",
        "echo \"token $DEPLOY_TOKEN\"; echo \"$DEPLOY_KEY\""
    ]);
    let ended = PluginCommand::new(&[])
        .directory(fixture.directory.path())
        .secrets(["secret-in-a-job".to_owned(), "secret-line-of-a-key".to_owned()])
        .run(&fixture.request);
    let reported = lines(&ended);
    assert_eq!(reported[0].1, "a\u{fffd}b");
    assert_eq!((reported[1].1.len(), reported[2].1.len()), (65_536, 70_000 - 65_536));
    assert_eq!(reported[3].1, "token [secure]");
}

#[test]
fn an_allowed_failure_does_not_fail_the_build() {
    let mut fixture = fixture();
    fixture.request["allow_failure"] = json!("yes");
    fixture.request["run"] = json!("false");
    let ended = fixture.deploy_again();
    assert_eq!((ended.code(), ended.status.code()), ("run-failed", Some(0)));
    assert_eq!(ended.finished()["allowed"], true);
}

/// A repository with a committed `index.js`, a change to it, and an untracked and an ignored file.
fn repository() -> Fixture {
    let mut fixture = fixture();
    let directory = fixture.directory.path();
    git(directory, &["init", "--quiet"]);
    fs::write(fixture.path(".gitignore"), "ignored\n").expect("written");
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message", "first"]);
    fs::write(fixture.path("index.js"), "// changed\n").expect("written");
    fs::write(fixture.path("untracked"), "u").expect("written");
    fs::write(fixture.path("ignored"), "i").expect("written");
    fixture.request["cleanup"] = json!(true);
    fixture
}

fn assert_brought_back(fixture: &Fixture) {
    assert_eq!(fs::read_to_string(fixture.path("index.js")).expect("it exists"), "// changed\n");
    assert_eq!(fs::read_to_string(fixture.path("untracked")).expect("it exists"), "u");
    assert_eq!(fs::read_to_string(fixture.path("ignored")).expect("it exists"), "i");
    assert_eq!(git(fixture.directory.path(), &["stash", "list"]), "");
}

#[test]
fn cleanup_packages_what_is_committed_and_brings_everything_back() {
    let mut fixture = repository();
    fixture.request["run"] = json!("ls; cat index.js");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(
        lines(&ended).iter().any(|(_, line)| line.contains("hello")),
        "not the committed code: {}",
        ended.stdout
    );
    assert!(lines(&ended).iter().all(|(_, line)| *line != "untracked"));
    assert_eq!(ended.event("packaged").expect("the event exists")["uncompressed_bytes"], 38);
    assert_brought_back(&fixture);
}

#[test]
fn cleanup_brings_everything_back_after_a_failure_too() {
    let mut fixture = repository();
    fixture.request["env"]["AWS_SECRET_ACCESS_KEY"] = json!("wrong-secret");
    assert_eq!(fixture.deploy_again().code(), "credentials-rejected");
    assert_brought_back(&fixture);
    fixture.request["zip"] = json!("ignored");
    let ended = fixture.deploy_again();
    assert_eq!(
        (ended.code(), ended.status.code()),
        ("package-not-found", Some(1)),
        "exit status after a command has run"
    );
    assert_brought_back(&fixture);
}

/// Whether a git process works in this directory. Always false without `/proc`.
fn git_runs_in(directory: &Path) -> bool {
    let directory = directory.canonicalize().expect("the directory exists");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.into_iter().any(|process| {
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        name.starts_with("git") && fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == directory)
    })
}

#[test]
fn a_signal_during_cleanup_loses_nothing() {
    for delay in [0, 20, 40, 80, 160] {
        let fixture = repository();
        for number in 0..300 {
            fs::write(fixture.path(&format!("untracked-{number}")), "u").expect("written");
        }
        let mut plugin = PluginCommand::new(&[]).directory(fixture.directory.path());
        let mut child = plugin.spawn();
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(fixture.request.to_string().as_bytes())
            .expect("written");
        // The program handles signals before it writes the first line.
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut reported = String::new();
        stdout.read_line(&mut reported).expect("hello");
        std::thread::sleep(Duration::from_millis(delay));
        kill().args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
        stdout.read_to_string(&mut reported).expect("the output can be read");
        assert!(
            [Some(143), Some(0)].contains(&child.wait().expect("the child can be waited for").code()),
            "{reported}"
        );
        let last = reported.lines().last().unwrap_or_default();
        assert!(last.contains("\"finished\""), "{reported}");
        // On a very busy machine git may outlive the program. Then the last event names the stash, and says
        // what to do.
        if last.contains("stashed by dpl-lambda") {
            wait_until("the end of git", || !git_runs_in(fixture.directory.path()));
            if git(fixture.directory.path(), &["stash", "list"]).contains("stashed by dpl-lambda") {
                git(fixture.directory.path(), &["stash", "pop", "--quiet"]);
            }
        }
        // The test runner shows this if a file was not restored.
        println!("{reported}");
        assert_brought_back(&fixture);
    }
}

#[test]
fn cleanup_with_nothing_to_put_aside_loses_nothing() {
    let mut fixture = repository();
    let directory = fixture.directory.path().to_owned();
    git(&directory, &["stash", "push", "--quiet", "--all", "--message", "mine"]);
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(git(&directory, &["stash", "list"]).contains("mine"), "the user's own stash was popped");
    fixture.request["skip_cleanup"] = json!(false);
    fixture.request.as_object_mut().expect("an object").remove("cleanup");
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn a_stash_that_cannot_be_popped_is_kept_and_named() {
    let mut fixture = repository();
    fixture.request["run"] = json!("echo conflict > index.js; echo conflict > untracked");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed");
    let kept = ended.events.iter().find(|event| event["code"] == "stash-kept").expect("the event exists");
    let commit = git(fixture.directory.path(), &["rev-parse", "refs/stash"]);
    assert!(kept["hint"].as_str().expect("a hint").contains(&commit), "{kept}");
    assert_eq!(fs::read_to_string(fixture.path("index.js")).expect("it exists"), "conflict\n");
    assert_eq!(git(fixture.directory.path(), &["show", &format!("{commit}^3:untracked")]), "u");
}

#[test]
fn a_stash_is_named_before_anything_can_kill_us() {
    let mut fixture = repository();
    fixture.endpoint.set_update_duration(Duration::from_secs(60));
    fixture.request["run"] = json!("kill -KILL $PPID");
    let mut plugin = PluginCommand::new(&[]).directory(fixture.directory.path());
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(fixture.request.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("the output can be read");
    let reported = String::from_utf8_lossy(&output.stdout);
    let commit = git(fixture.directory.path(), &["rev-parse", "refs/stash"]);
    assert!(reported.contains(r#""code":"stashed""#) && reported.contains(&commit), "{reported}");
}

#[test]
fn cleanup_brings_back_what_git_does_not_keep() {
    let fixture = repository();
    let top = fixture.directory.path();
    let modes = [
        ("index.js", 0o640),
        ("untracked", 0o600),
        ("ignored", 0o400),
        ("secrets", 0o700),
        ("secrets/key", 0o600),
        ("empty/deep", 0o750),
    ];
    for directory in ["secrets", "empty/deep"] {
        fs::create_dir_all(fixture.path(directory)).expect("created");
    }
    fs::write(fixture.path("secrets/key"), "k").expect("written");
    for (name, mode) in modes {
        fs::set_permissions(fixture.path(name), Permissions::from_mode(mode)).expect("changed");
    }
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(ended.events.iter().all(|event| event["code"] != "not-stashed"), "{}", ended.stdout);
    assert_brought_back(&fixture);
    for (name, mode) in modes {
        let now = fs::metadata(fixture.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(now.permissions().mode() & 0o7777, mode, "{name}");
    }
    // A copy of the stashed files stays in the repository, and the warning says so.
    let stashed = ended.events.iter().find(|event| event["code"] == "stashed").expect("the event exists");
    assert!(stashed["hint"].as_str().is_some_and(|hint| hint.contains("`git gc`")), "{stashed}");
    assert!(!git(top, &["fsck", "--unreachable", "--no-reflogs"]).is_empty());
}

#[test]
fn what_cleanup_cannot_put_aside_is_named() {
    let fixture = repository();
    fs::create_dir(fixture.path("inner")).expect("created");
    git(&fixture.path("inner"), &["init", "--quiet"]);
    fs::write(fixture.path("inner/a"), "a").expect("written");
    git(&fixture.path("inner"), &["add", "."]);
    git(&fixture.path("inner"), &["commit", "--quiet", "--message", "inner"]);
    git(fixture.directory.path(), &["-c", "advice.addEmbeddedRepo=false", "add", "inner"]);
    git(fixture.directory.path(), &["commit", "--quiet", "--message", "a submodule", "inner"]);
    fs::write(fixture.path("inner/a"), "changed").expect("written");
    let _socket = std::os::unix::net::UnixListener::bind(fixture.path("socket")).expect("a short path");
    let made = Command::new("mkfifo").arg(fixture.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let reported =
        ended.events.iter().find(|event| event["code"] == "not-stashed").expect("the event exists");
    for name in ["`inner`", "`socket`", "`pipe`"] {
        assert!(
            reported["message"].as_str().is_some_and(|message| message.contains(name)),
            "{name}: {reported}"
        );
    }
    assert_eq!(fs::read_to_string(fixture.path("inner/a")).expect("it exists"), "changed");
    assert_brought_back(&fixture);
}

#[test]
fn a_run_that_cannot_wait_for_git_names_the_stash() {
    let fixture = repository();
    let top = fixture.directory.path();
    fs::write(fixture.path(".git/info/attributes"), "untracked filter=slow\n").expect("written");
    let slow = "touch .git/begun; while [ -e .git/begun ] && ! [ -e .git/go ]; do sleep 0.02; done; cat";
    git(top, &["config", "filter.slow.clean", slow]);
    let mut plugin = PluginCommand::new(&[]).directory(top);
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(fixture.request.to_string().as_bytes()).expect("written");
    wait_until("git starts the filter", || fixture.path(".git/begun").exists());
    // The second signal ends the program at once, but not git.
    for name in ["TERM", "HUP"] {
        signal(&child, name);
    }
    let ended = PluginOutput::ended(child);
    assert_eq!(ended.code(), "cancelled", "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence").to_owned();
    let name = message.split('`').nth(1).unwrap_or_else(|| panic!("no name: {message}"));
    fs::write(fixture.path(".git/go"), "").expect("written");
    // Restoring the committed files is the last thing that git does.
    let is_clean = || fs::read_to_string(fixture.path("index.js")).is_ok_and(|code| code.contains("hello"));
    wait_until("the end of git", || is_clean() && !fixture.path(".git/index.lock").exists());
    assert!(git(top, &["stash", "list"]).contains(name), "{message}");
    git(top, &["stash", "pop", "--quiet"]);
    assert_brought_back(&fixture);
}

#[test]
fn the_messages_of_git_are_not_its_answers() {
    let mut fixture = repository();
    // A mode that git does not keep is restored only if the name of the checkout was understood.
    fs::set_permissions(fixture.path("untracked"), Permissions::from_mode(0o600)).expect("changed");
    fixture.request["env"]["GIT_TRACE"] = json!("1");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let warned = |code: &str| ended.events.iter().any(|event| event["code"] == code);
    assert!(warned("stashed") && !warned("stash-kept") && !warned("not-stashed"), "{}", ended.stdout);
    assert_brought_back(&fixture);
    let now = fs::metadata(fixture.path("untracked")).expect("it exists");
    assert_eq!(now.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_git_that_does_not_answer_is_not_one_without_a_stash() {
    let mut fixture = repository();
    let top = fixture.directory.path().to_owned();
    git(&top, &["stash", "push", "--quiet", "--all", "--message", "mine"]);
    let programs = fixture.temporary.path().display().to_string();
    let script = "#!/bin/sh\n[ \"$4\" = refs/stash ] && kill -KILL $$\nPATH=${PATH#*:}; exec git \"$@\"\n";
    fs::write(format!("{programs}/git"), script).expect("written");
    fs::set_permissions(format!("{programs}/git"), Permissions::from_mode(0o755)).expect("changed");
    fixture.request["env"]["PATH"] = json!(format!("{programs}:{}", *PATH));
    let ended = fixture.deploy_again();
    assert_eq!(ended.code(), "cleanup-failed", "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("SIGKILL"), "{message}");
    assert!(git(&top, &["stash", "list"]).contains("mine"), "the user's own stash was popped");
}

#[test]
fn cleanup_without_a_repository_is_refused_before_anything_is_changed() {
    let mut fixture = fixture();
    fixture.request["cleanup"] = json!(true);
    let ended = fixture.deploy_again();
    assert_eq!((ended.code(), ended.status.code()), ("cleanup-failed", Some(1)));
    assert!(fixture.endpoint.calls().is_empty());
}
