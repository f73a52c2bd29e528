//! Checks that pull requests never deploy, whatever their files contain, in known and unknown CIs, with a
//! file and with a request.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin::{PluginCommand, PluginOutput, program};
use crate::pty::Pty;
use crate::shell::PATH;

type Pairs = &'static [(&'static str, &'static str)];

/// Builds of pull requests: the name of the CI and the variables that it sets.
const REQUESTS: [(&str, Pairs); 5] = [
    (
        "GitHub Actions",
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REF", "refs/pull/12/merge"),
        ],
    ),
    ("GitLab", &[("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "12"), ("CI_COMMIT_REF_NAME", "fix")]),
    ("TeamCity", &[("TEAMCITY_VERSION", "2026.1"), ("BUILD_NUMBER", "7")]),
    ("Screwdriver", &[("SCREWDRIVER", "true"), ("SD_PULL_REQUEST", "12")]),
    ("a CI without variables", &[]),
];

/// A stanza that deploys every branch.
const STANZA: &str = r#"{"function_name": "f", "on": {"all_branches": true}}"#;

/// A build directory with a stanza file.
fn directory() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::write(directory.path().join("f.json"), STANZA).expect("writable");
    directory
}

/// The program in an environment that does not state that the build is no pull request.
fn plugin(arguments: &[&str], directory: &Path, env: &[(&str, &str)]) -> PluginCommand {
    let plugin = PluginCommand::new(arguments).directory(directory).env("TRAVIS_PULL_REQUEST", "");
    let plugin = plugin.env("GIT_CEILING_DIRECTORIES", "/");
    env.iter().fold(plugin, |plugin, (name, value)| plugin.env(name, value))
}

fn is_of_a_request(ended: &PluginOutput) -> bool {
    ended.outcome() == "skipped" && ended.finished()["unmet"][0]["condition"] == "pull-request"
}

#[test]
fn a_request_without_env_is_judged_as_its_stanza_in_a_file_is() {
    const PUSHES: [Pairs; 3] = [
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")],
        &[("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main")],
        &[("TEAMCITY_VERSION", "2026.1"), ("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_BRANCH", "main")],
    ];
    let directory = directory();
    let builds = REQUESTS.iter().map(|(_, env)| (*env, true)).chain(PUSHES.map(|env| (env, false)));
    for (env, is_request) in builds {
        let run = |arguments: &[&str], input: &str| {
            let ended = plugin(arguments, directory.path(), env).run_on(input.as_bytes());
            assert_eq!(is_of_a_request(&ended), is_request, "{env:?} {arguments:?}: {}", ended.stdout);
            (ended.with_fixed_time(), ended.stderr)
        };
        let by_file = run(&["check", "--stanza", "f.json", "--format", "json"], "");
        for arguments in [&["check"][..], &["check", "--ci", "auto"], &["check", "--format", "json"]] {
            assert_eq!(run(arguments, STANZA), by_file, "{env:?} {arguments:?}");
        }
        let text = |arguments: &[&str]| {
            let mut plugin = plugin(&[arguments, &["--format", "text"]].concat(), directory.path(), env);
            let mut child = plugin.spawn();
            let mut stdin = child.stdin.take().expect("piped");
            std::io::Write::write_all(&mut stdin, STANZA.as_bytes()).unwrap_or_default();
            drop(stdin);
            let output = child.wait_with_output().expect("can be waited for");
            (
                String::from_utf8_lossy(&output.stdout).into_owned(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        };
        let (shown, noted) = text(&["check"]);
        assert_eq!(
            (shown.contains("is a pull request"), &noted),
            (is_request, &by_file.1),
            "{env:?}: {shown}"
        );
        assert_eq!(text(&["check", "--stanza", "f.json"]), (shown, noted), "{env:?}");
    }
}

#[test]
fn a_request_with_env_says_itself_what_is_built() {
    let directory = directory();
    for (ci, env) in REQUESTS {
        for arguments in [&["check"][..], &["check", "--ci", "auto"], &["check", "--ci", "gitlab"]] {
            let mut request: Value = serde_json::from_str(STANZA).expect("JSON");
            request["env"] = json!({"TRAVIS_BRANCH": "main"});
            let ended = plugin(arguments, directory.path(), env).run(&request);
            assert_eq!((ended.outcome(), ended.stderr.as_str()), ("checked", ""), "{ci} {arguments:?}");
        }
    }
}

#[test]
fn a_stanza_of_a_pull_request_is_checked_only_if_the_job_asserts_that_it_is_none() {
    let directory = TempDir::new().expect("a temporary directory");
    let stanza = r#"{"function_name": "f", "publish": "maybe", "on": "main"}"#;
    fs::write(directory.path().join("f.json"), stanza).expect("writable");
    for (ci, env) in REQUESTS {
        let check = |arguments: &[&str]| {
            let arguments = [&["check", "--stanza", "f.json", "--format", "json"][..], arguments].concat();
            plugin(&arguments, directory.path(), env).env("TRAVIS_BRANCH", "main").run_on(b"")
        };
        let ended = check(&[]);
        assert!(is_of_a_request(&ended), "{ci}: {}", ended.stdout);
        let ended = check(&["--ci", "none"]);
        assert_eq!(ended.finished()["error"]["code"], "bad-value", "{ci}: {}", ended.stdout);
    }
}

#[test]
fn no_file_of_a_pull_request_makes_a_push_of_it() {
    for file in [
        "env: {global: [TRAVIS_PULL_REQUEST=false TRAVIS_BRANCH=master]}",
        "env: {global: {TRAVIS_PULL_REQUEST: false, TRAVIS_BRANCH: master}}",
        "env: TRAVIS_PULL_REQUEST=false TRAVIS_BRANCH=master CI=false",
        "env: {jobs: [\"A=1 TRAVIS_PULL_REQUEST='false' TRAVIS_BRANCH=master TRAVIS=true\"]}",
    ] {
        let directory = TempDir::new().expect("a temporary directory");
        let text = format!("{file}\ndeploy: {{provider: lambda, function_name: f, run: touch ran}}\n");
        fs::write(directory.path().join(".travis.yml"), text).expect("writable");
        let file_given = ["--travis-yml", ".travis.yml", "--format", "json"];
        for (ci, env) in REQUESTS.iter().chain([&("a CI", &[("CI", "true")][..])]) {
            let ended = plugin(&file_given, directory.path(), env).run_on(b"");
            assert!(is_of_a_request(&ended), "{ci}: {file}: {}", ended.stdout);
            let reported =
                ".travis.yml: line 1: `TRAVIS_PULL_REQUEST`, which only the CI may set, is ignored";
            assert!(ended.stderr.contains(reported), "{}", ended.stderr);
            assert!(!directory.path().join("ran").exists());
        }
        // For a build that is no pull request, the file does not set the branch either.
        let person = plugin(&["check", "--ci", "none", file_given[0], file_given[1]], directory.path(), &[]);
        let ended = person.run_on(b"");
        assert_eq!(ended.finished()["unmet"][0]["condition"], "branch", "{file}: {}", ended.stdout);
    }
}

#[test]
fn without_anybody_who_sees_it_a_build_counts_as_a_pull_request_and_says_what_to_do() {
    let directory = directory();
    let run = |arguments: &[&str], env: &[(&str, &str)]| {
        plugin(&[arguments, &["--stanza", "f.json"]].concat(), directory.path(), env).run_on(b"")
    };
    let ended = run(&["check"], &[]);
    assert!(is_of_a_request(&ended), "{}", ended.stdout);
    assert!(ended.stderr.contains("`--ci none`") && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    for (arguments, env) in [
        (&["check", "--ci", "none"][..], &[][..]),
        (&["check"], &[("TRAVIS_PULL_REQUEST", "false")]),
        // `package` evaluates no conditions, so it prints nothing about pull requests.
        (&["package", "--output", "f.zip"], &[]),
    ] {
        let ended = run(arguments, env);
        assert!(
            !is_of_a_request(&ended) && ended.stderr.is_empty(),
            "{arguments:?}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn a_person_sees_what_is_shown_on_a_terminal_or_reported_there() {
    let directory = directory();
    for (line, is_person) in [
        ("\"$0\" check --stanza f.json", true),
        ("\"$0\" check <f.json", true),
        ("\"$0\" check --stanza f.json >out", true),
        ("\"$0\" check --format json <f.json >out", true),
        ("\"$0\" check <f.json 2>err", true),
        // No output is on the terminal: an agent that a person started may have started this.
        ("\"$0\" check --stanza f.json >out 2>err", false),
        ("\"$0\" check --format json --stanza f.json 2>&1 | cat", false),
    ] {
        let mut bash = Command::new("bash");
        bash.args(["-c", line, &program()]).current_dir(directory.path()).env_clear();
        bash.env("PATH", &*PATH).env("GIT_CEILING_DIRECTORIES", "/");
        let (mut reported, status) = Pty::open(80).run(&mut bash, None);
        assert!(status.success(), "{line}: {status}: {reported}");
        for file in ["out", "err"].map(|name| directory.path().join(name)).iter().filter(|file| file.exists())
        {
            reported += &fs::read_to_string(file).expect("readable");
            fs::remove_file(file).expect("can be removed");
        }
        assert_eq!(reported.contains("is a pull request"), !is_person, "{line}: {reported}");
    }
}
