//! `run`, `cleanup` and `allow_failure`: the user's commands around a deployment, with real bash and real git.

use std::fs;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::{build_directory, request};
use crate::fixture;
use crate::fixture::{git, wait_until};
use crate::interruptions::signal;
use crate::plugin::{Ended, Plugin};

struct Stand {
    endpoint: Endpoint,
    directory: TempDir,
    request: Value,
}

fn stand() -> Stand {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let mut request = request(&endpoint);
    request["zip"] = json!("index.js");
    Stand { directory: build_directory(), request, endpoint }
}

impl Stand {
    fn deploy(&self) -> Ended {
        Plugin::new(&[]).directory(self.directory.path()).run(&self.request)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }
}

fn lines(ended: &Ended) -> Vec<(&str, &str)> {
    let output = ended.events.iter().filter(|event| event["event"] == "output");
    output.map(|event| (event["stream"].as_str().unwrap_or(""), event["line"].as_str().unwrap_or(""))).collect()
}

#[test]
fn run_follows_a_success_and_an_unchanged_function_in_the_jobs_environment() {
    let mut stand = stand();
    stand.request["run"] = json!(["echo \"$TRAVIS_BRANCH\"; cat; echo two >&2", "printf 'no end of line'"]);
    for outcome in ["deployed", "unchanged"] {
        let ended = stand.deploy();
        assert_eq!(ended.outcome(), outcome);
        let mut told = lines(&ended);
        told.sort_unstable();
        assert_eq!(told, [("stderr", "two"), ("stdout", "master"), ("stdout", "no end of line")]);
    }
}

#[test]
fn run_is_not_for_a_plan_a_skip_or_a_failure() {
    let mut stand = stand();
    stand.request["run"] = json!(format!("touch {}", stand.path("ran").display()));
    let plan = Plugin::new(&["plan"]).directory(stand.directory.path()).run(&stand.request);
    assert_eq!(plan.outcome(), "planned");
    stand.request["env"]["TRAVIS_BRANCH"] = json!("dev");
    assert_eq!(stand.deploy().outcome(), "skipped");
    stand.request["env"]["TRAVIS_BRANCH"] = json!("master");
    stand.request["env"]["AWS_SECRET_ACCESS_KEY"] = json!("wrong-secret");
    assert_eq!(stand.deploy().outcome(), "failed");
    assert!(!stand.path("ran").exists());
}

#[test]
fn a_command_that_fails_leaves_the_deployment_in_changed() {
    let mut stand = stand();
    stand.request["run"] = json!(["echo before", "exit 3", "echo never"]);
    let ended = stand.deploy();
    assert_eq!((ended.code(), ended.status.code()), ("run-failed", Some(1)));
    assert_eq!(ended.finished()["error"]["class"], "command");
    assert_eq!(ended.finished()["error"]["at"], "/run/1");
    assert_eq!(ended.finished()["changed"], json!(["create-function"]));
    assert_eq!(lines(&ended), [("stdout", "before")]);
}

#[test]
fn a_grandchild_that_keeps_the_pipe_does_not_hang_us() {
    let mut stand = stand();
    stand.request["run"] = json!("sleep 60 & echo done");
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed");
    assert_eq!(lines(&ended), [("stdout", "done")]);
    assert!(ended.elapsed < Duration::from_secs(20), "{:?}", ended.elapsed);
}

#[test]
fn no_line_is_lost_however_fast_they_come() {
    let mut stand = stand();
    stand.request["run"] = json!("seq 1 30000");
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed");
    let told = lines(&ended);
    assert_eq!((told.len(), told[29_999].1), (30_000, "30000"));
}

#[test]
fn output_is_lossy_split_and_without_secrets() {
    let mut stand = stand();
    stand.request["env"]["DEPLOY_TOKEN"] = json!("secret-in-a-job");
    stand.request["env"]["DEPLOY_KEY"] = json!("-----BEGIN-----\nsecret-line-of-a-key\n-----END-----\n");
    stand.request["run"] = json!([
        "printf 'a\\377b\\n'",
        "head -c 70000 /dev/zero | tr '\\0' x",
        "echo \"token $DEPLOY_TOKEN\"; echo \"$DEPLOY_KEY\""
    ]);
    let ended = Plugin::new(&[])
        .directory(stand.directory.path())
        .secrets(["secret-in-a-job".to_owned(), "secret-line-of-a-key".to_owned()])
        .run(&stand.request);
    let told = lines(&ended);
    assert_eq!(told[0].1, "a\u{fffd}b");
    assert_eq!((told[1].1.len(), told[2].1.len()), (65_536, 70_000 - 65_536));
    assert_eq!(told[3].1, "token [secure]");
}

#[test]
fn an_allowed_failure_does_not_fail_the_build() {
    let mut stand = stand();
    stand.request["allow_failure"] = json!("yes");
    stand.request["run"] = json!("false");
    let ended = stand.deploy();
    assert_eq!((ended.code(), ended.status.code()), ("run-failed", Some(0)));
    assert_eq!(ended.finished()["allowed"], true);
}

/// A repository with a committed `index.js`, a change to it, and an untracked and an ignored file.
fn repository() -> Stand {
    let mut stand = stand();
    let directory = stand.directory.path();
    git(directory, &["init", "--quiet"]);
    fs::write(stand.path(".gitignore"), "ignored\n").expect("written");
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message", "first"]);
    fs::write(stand.path("index.js"), "// changed\n").expect("written");
    fs::write(stand.path("untracked"), "u").expect("written");
    fs::write(stand.path("ignored"), "i").expect("written");
    stand.request["cleanup"] = json!(true);
    stand
}

fn assert_brought_back(stand: &Stand) {
    assert_eq!(fs::read_to_string(stand.path("index.js")).expect("there"), "// changed\n");
    assert_eq!(fs::read_to_string(stand.path("untracked")).expect("there"), "u");
    assert_eq!(fs::read_to_string(stand.path("ignored")).expect("there"), "i");
    assert_eq!(git(stand.directory.path(), &["stash", "list"]), "");
}

#[test]
fn cleanup_packages_what_is_committed_and_brings_everything_back() {
    let mut stand = repository();
    stand.request["run"] = json!("ls; cat index.js");
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(lines(&ended).iter().any(|(_, line)| line.contains("hello")), "the committed code: {}", ended.stdout);
    assert!(lines(&ended).iter().all(|(_, line)| *line != "untracked"));
    assert_eq!(ended.event("packaged").expect("told")["uncompressed_bytes"], 38);
    assert_brought_back(&stand);
}

#[test]
fn cleanup_brings_everything_back_after_a_failure_too() {
    let mut stand = repository();
    stand.request["env"]["AWS_SECRET_ACCESS_KEY"] = json!("wrong-secret");
    assert_eq!(stand.deploy().code(), "credentials-rejected");
    assert_brought_back(&stand);
    stand.request["zip"] = json!("ignored");
    let ended = stand.deploy();
    assert_eq!((ended.code(), ended.status.code()), ("package-not-found", Some(1)), "a command of the user's has run");
    assert_brought_back(&stand);
}

#[test]
fn a_signal_during_cleanup_loses_nothing() {
    for delay in [0, 20, 40, 80, 160] {
        let stand = repository();
        for number in 0..1000 {
            fs::write(stand.path(&format!("untracked-{number}")), "u").expect("written");
        }
        let mut plugin = Plugin::new(&[]).directory(stand.directory.path());
        let mut child = plugin.spawn();
        child.stdin.take().expect("piped").write_all(stand.request.to_string().as_bytes()).expect("written");
        // Signals are caught from the first line on.
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut told = String::new();
        stdout.read_line(&mut told).expect("hello");
        std::thread::sleep(Duration::from_millis(delay));
        fixture::kill().args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
        stdout.read_to_string(&mut told).expect("told to the end");
        assert!([Some(143), Some(0)].contains(&child.wait().expect("ended").code()), "{told}");
        assert!(told.lines().last().is_some_and(|line| line.contains("\"finished\"")), "{told}");
        // Where git takes longer than a run may, the last line names the stash.
        if !told.contains("uncommitted files are in the stash") {
            assert_brought_back(&stand);
        }
    }
}

#[test]
fn cleanup_with_nothing_to_put_aside_loses_nothing() {
    let mut stand = repository();
    let directory = stand.directory.path().to_owned();
    git(&directory, &["stash", "push", "--quiet", "--all", "--message", "mine"]);
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(git(&directory, &["stash", "list"]).contains("mine"), "somebody else's stash is not ours to pop");
    stand.request["skip_cleanup"] = json!(false);
    stand.request.as_object_mut().expect("an object").remove("cleanup");
    assert_eq!(stand.deploy().outcome(), "unchanged");
}

#[test]
fn a_stash_that_cannot_be_popped_is_kept_and_named() {
    let mut stand = repository();
    stand.request["run"] = json!("echo conflict > index.js; echo conflict > untracked");
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed");
    let kept = ended.events.iter().find(|event| event["code"] == "stash-kept").expect("told");
    let commit = git(stand.directory.path(), &["rev-parse", "refs/stash"]);
    assert!(kept["hint"].as_str().expect("a hint").contains(&commit), "{kept}");
    assert_eq!(fs::read_to_string(stand.path("index.js")).expect("there"), "conflict\n");
    assert_eq!(git(stand.directory.path(), &["show", &format!("{commit}^3:untracked")]), "u");
}

#[test]
fn a_stash_is_named_before_anything_can_kill_us() {
    let mut stand = repository();
    stand.endpoint.set_update_duration(Duration::from_secs(60));
    stand.request["run"] = json!("kill -KILL $PPID");
    let mut plugin = Plugin::new(&[]).directory(stand.directory.path());
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(stand.request.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ended");
    let told = String::from_utf8_lossy(&output.stdout);
    let commit = git(stand.directory.path(), &["rev-parse", "refs/stash"]);
    assert!(told.contains(r#""code":"stashed""#) && told.contains(&commit), "{told}");
}

#[test]
fn cleanup_brings_back_what_git_does_not_keep() {
    let stand = repository();
    let top = stand.directory.path();
    let modes = [
        ("index.js", 0o640),
        ("untracked", 0o600),
        ("ignored", 0o400),
        ("secrets", 0o700),
        ("secrets/key", 0o600),
        ("empty/deep", 0o750),
    ];
    for directory in ["secrets", "empty/deep"] {
        fs::create_dir_all(stand.path(directory)).expect("made");
    }
    fs::write(stand.path("secrets/key"), "k").expect("written");
    for (name, mode) in modes {
        fs::set_permissions(stand.path(name), Permissions::from_mode(mode)).expect("ours");
    }
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(ended.events.iter().all(|event| event["code"] != "not-stashed"), "{}", ended.stdout);
    assert_brought_back(&stand);
    for (name, mode) in modes {
        let now = fs::metadata(stand.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(now.permissions().mode() & 0o7777, mode, "{name}");
    }
    // A copy of what was put aside stays in the repository, which is told.
    let stashed = ended.events.iter().find(|event| event["code"] == "stashed").expect("told");
    assert!(stashed["hint"].as_str().is_some_and(|hint| hint.contains("`git gc`")), "{stashed}");
    assert!(!git(top, &["fsck", "--unreachable", "--no-reflogs"]).is_empty());
}

#[test]
fn what_cleanup_cannot_put_aside_is_named() {
    let stand = repository();
    fs::create_dir(stand.path("inner")).expect("made");
    git(&stand.path("inner"), &["init", "--quiet"]);
    fs::write(stand.path("inner/a"), "a").expect("written");
    git(&stand.path("inner"), &["add", "."]);
    git(&stand.path("inner"), &["commit", "--quiet", "--message", "inner"]);
    git(stand.directory.path(), &["-c", "advice.addEmbeddedRepo=false", "add", "inner"]);
    git(stand.directory.path(), &["commit", "--quiet", "--message", "a submodule", "inner"]);
    fs::write(stand.path("inner/a"), "changed").expect("written");
    let _socket = std::os::unix::net::UnixListener::bind(stand.path("socket")).expect("a short path");
    let made = Command::new("mkfifo").arg(stand.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let ended = stand.deploy();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let told = ended.events.iter().find(|event| event["code"] == "not-stashed").expect("told");
    for name in ["`inner`", "`socket`", "`pipe`"] {
        assert!(told["message"].as_str().is_some_and(|message| message.contains(name)), "{name}: {told}");
    }
    assert_eq!(fs::read_to_string(stand.path("inner/a")).expect("there"), "changed");
    assert_brought_back(&stand);
}

#[test]
fn a_run_that_cannot_wait_for_git_names_the_stash() {
    let stand = repository();
    let top = stand.directory.path();
    fs::write(stand.path(".git/info/attributes"), "untracked filter=slow\n").expect("written");
    let slow = "touch .git/begun; while [ -e .git/begun ] && ! [ -e .git/go ]; do sleep 0.02; done; cat";
    git(top, &["config", "filter.slow.clean", slow]);
    let mut plugin = Plugin::new(&[]).directory(top);
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(stand.request.to_string().as_bytes()).expect("written");
    wait_until("git is at work", || stand.path(".git/begun").exists());
    // The second signal ends the process at once, and not git.
    for name in ["TERM", "HUP"] {
        signal(&child, name);
    }
    let ended = Ended::of(child, Instant::now());
    ended.check(&[]);
    assert_eq!(ended.code(), "cancelled", "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence").to_owned();
    let name = message.split('`').nth(1).unwrap_or_else(|| panic!("no name: {message}"));
    fs::write(stand.path(".git/go"), "").expect("written");
    // That the committed files are back is the last that it does.
    let is_clean = || fs::read_to_string(stand.path("index.js")).is_ok_and(|code| code.contains("hello"));
    wait_until("git has ended", || is_clean() && !stand.path(".git/index.lock").exists());
    assert!(git(top, &["stash", "list"]).contains(name), "{message}");
    git(top, &["stash", "pop", "--quiet"]);
    assert_brought_back(&stand);
}

#[test]
fn cleanup_without_a_repository_is_refused_before_anything_is_changed() {
    let mut stand = stand();
    stand.request["cleanup"] = json!(true);
    let ended = stand.deploy();
    assert_eq!((ended.code(), ended.status.code()), ("cleanup-failed", Some(1)));
    assert!(stand.endpoint.calls().is_empty());
}
