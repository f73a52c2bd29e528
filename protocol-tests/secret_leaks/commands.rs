//! The user's commands and git, which print secrets.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::{MORE_VARIABLES, secret};
use crate::fixture;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        Scenario::new("a command that inspects processes", looks_around),
        Scenario::new("files that are stashed", put_aside),
        Scenario::new("a description with git placeholders", git_facts),
        Scenario::new("a secret that ends with a carriage return", |stage| {
            stage.request["env"]["VAULT_SECRET"] = json!(secret("VAULT_SECRET"));
            stage.say(
                json!({"run": ["echo \"$VAULT_SECRET\"; echo \"VAULT_SECRET=$VAULT_SECRET\"; printenv"]}),
            );
            assert_eq!(stage.run(&[]).outcome(), "deployed");
        }),
        Scenario::new("variables with common names of secrets", |stage| {
            for name in MORE_VARIABLES {
                stage.request["env"][name] = json!(secret(name));
            }
            stage.say(json!({"run": ["printenv"]}));
            assert_eq!(stage.run(&[]).outcome(), "deployed");
        }),
    ];
    scenarios.extend(["TERM", "INT", "KILL"].map(|signal| {
        Scenario::new(&format!("a run that SIG{signal} ends"), move |stage| ended_by(signal, stage))
    }));
    scenarios.extend(printing(&PRINTING));
    scenarios
}

/// Commands that print the job's secrets.
const PRINTING: [(&str, &str); 8] = [
    (
        "each variable",
        "for name in API_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN DATABASE_PASSWORD_URL DB_PASSWORD \
         DEPLOY_AUTH GITHUB_TOKEN NPM_TOKEN PRIVATE_KEY SLACK_WEBHOOK dbPassphrase; do echo \"${!name}\"; \
         echo \"token=${!name};\" >&2; printf '%s\\n' \"'${!name}'\" \"<${!name}>\"; done",
    ),
    ("all variables", "printenv; env -0; printenv >&2"),
    // bash splits unquoted values into words and drops spaces at both ends.
    ("words", "echo $DEPLOY_AUTH $GITHUB_TOKEN $NPM_TOKEN"),
    ("a line without an end", "printf 'a %s' \"$GITHUB_TOKEN\"; printf 'b %s' \"$DB_PASSWORD\" >&2"),
    ("carriage returns", "printf '10 %%\\r%s\\r20 %%\\r\\n' \"$GITHUB_TOKEN\""),
    ("a line that is split", "printf '%065520d %s\\n' 0 \"$GITHUB_TOKEN\""),
    ("a trace of bash", "set -x; : \"$API_KEY\" \"$SLACK_WEBHOOK\"; test \"$API_KEY\" = x"),
    ("a failure", "echo \"$GITHUB_TOKEN\"; \"$API_KEY\"; exit 3"),
];

/// Returns one scenario per command, which uses it as a command of `run` and as the check of a version.
pub(super) fn printing(commands: &'static [(&str, &str)]) -> impl Iterator<Item = Scenario> {
    commands.iter().map(|(name, command)| {
        Scenario::new(&format!("a command prints {name}"), move |stage| {
            stage.saying(json!({"run": [command]}), |stage| {
                assert!(stage.run(&[]).event("output").is_some());
            });
            stage.saying(json!({"verify": {"command": command}, "alias": "live"}), |stage| {
                assert!(stage.run(&[]).event("output").is_some());
            });
        })
    })
}

/// A command records the arguments and the open files of itself and of its parent.
fn looks_around(stage: &mut Stage<'_>) {
    let look = "for id in $$ $PPID; do tr '\\0' '\\n' <\"/proc/$id/cmdline\"; ls -l \"/proc/$id/fd\"; done >>seen; \
                ls \"$TMPDIR\" >>seen";
    stage.say(json!({
        "on": {"condition": format!("-n $({look})x")},
        "verify": {"command": look, "payload": {"token": "$GITHUB_TOKEN"}},
        "alias": "live",
        "run": [look],
    }));
    let ended = stage.run(&[]);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let seen = fs::read_to_string(stage.path("build/seen")).expect("written");
    let program = crate::plugin::program();
    assert_eq!(seen.lines().filter(|line| *line == program).count(), 3, "{seen}");
}

fn git(stage: &Stage<'_>, arguments: &[&str]) {
    fixture::git(&stage.path("build"), arguments);
}

/// Creates a repository whose last commit message contains a secret.
fn checkout(stage: &Stage<'_>) {
    stage.write("message", &format!("a commit with {}\n", secret("GITHUB_TOKEN")));
    for arguments in [
        &["init", "--quiet", "--initial-branch=master"][..],
        &["config", "user.name", "Ann"],
        &["config", "user.email", "ann@example.invalid"],
        &["add", "--all"],
        &["commit", "--quiet", "--file", "../message"],
    ] {
        git(stage, arguments);
    }
}

/// Uncommitted files with a secret as their name, and stashes that mention it.
fn put_aside(stage: &mut Stage<'_>) {
    checkout(stage);
    let name = secret("file name");
    stage.request["env"]["FILE_TOKEN"] = json!(name);
    stage.say(json!({"cleanup": true}));
    for (run, warning) in [
        ("true", None),
        ("printenv", None),
        // The stashed file cannot be restored.
        ("echo other >\"$FILE_TOKEN\"", Some("stash-kept")),
        ("git stash; git stash list", None),
        ("git stash drop", Some("stash-kept")),
        ("git log; rm -r .git", Some("stash-kept")),
    ] {
        stage.write(&format!("build/{name}"), "uncommitted");
        stage.say(json!({"run": [run]}));
        let ended = stage.run(&[]);
        let warned =
            ended.events.iter().any(|event| event["event"] == "warning" && event["code"] == json!(warning));
        assert_eq!(warned, warning.is_some(), "{run}: {}", ended.stdout);
        let _ = fs::remove_file(stage.path(&format!("build/{name}")));
    }
    assert_eq!(stage.run(&[]).code(), "cleanup-failed");
}

fn git_facts(stage: &mut Stage<'_>) {
    checkout(stage);
    stage.say(json!({"description": "%{git_commit_msg} %{git_sha} $DB_PASSWORD %{role}", "alias": "live"}));
    stage.run_each(&[&["check"], &["plan"], &["deploy"], &["deploy"], &["rollback"]]);
}

/// A run that ends just after a command has printed a secret.
fn ended_by(signal: &str, stage: &mut Stage<'_>) {
    stage.say(json!({"run": ["echo \"$GITHUB_TOKEN\"; touch begun; sleep 5"]}));
    let begun = stage.path("build/begun");
    stage.run_while(&["deploy"], stage.request.to_string().as_bytes(), |child| {
        let began = Instant::now();
        while !begun.exists() && began.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(5));
        }
        crate::interruptions::signal(child, signal);
    });
}
