//! Runs the program as the job of a CI does, without a terminal and without `--format`: people read text with
//! the groups and annotations of that CI, and a CI runner reads events. No text of a user, a command or AWS
//! is a command to the log.

use std::fs;
use std::path::Path;

use dpl_lambda::testing::Ci;
use lambda_endpoint::{Endpoint, Fault, FaultKind};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::endpoint;
use crate::plugin::PluginCommand;
use crate::standalone::{collected, stanza, with_keys};

type Pairs = &'static [(&'static str, &'static str)];

/// What each CI sets for a push to main.
const PUSHES: [(Ci, Pairs); 11] = [
    (Ci::Travis, &[("TRAVIS", "true"), ("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "false")]),
    (
        Ci::GitHubActions,
        &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")],
    ),
    (Ci::GitLab, &[("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main")]),
    (
        Ci::Buildkite,
        &[("BUILDKITE", "true"), ("BUILDKITE_BRANCH", "main"), ("BUILDKITE_PULL_REQUEST", "false")],
    ),
    (Ci::CircleCi, &[("CIRCLECI", "true"), ("CIRCLE_BRANCH", "main"), ("PIPELINE_EVENT", "push")]),
    (
        Ci::Woodpecker,
        &[
            ("CI", "woodpecker"),
            ("CI_PIPELINE_EVENT", "push"),
            ("CI_COMMIT_REF", "refs/heads/main"),
            ("CI_COMMIT_BRANCH", "main"),
        ],
    ),
    (
        Ci::Drone,
        &[
            ("DRONE", "true"),
            ("DRONE_BUILD_EVENT", "push"),
            ("DRONE_COMMIT_REF", "refs/heads/main"),
            ("DRONE_BRANCH", "main"),
        ],
    ),
    (Ci::Bitbucket, &[("BITBUCKET_BUILD_NUMBER", "7"), ("BITBUCKET_BRANCH", "main")]),
    (Ci::Azure, &[("TF_BUILD", "True"), ("BUILD_SOURCEBRANCH", "refs/heads/main")]),
    (Ci::Jenkins, &[("JENKINS_URL", "https://ci.example.com/"), ("BRANCH_NAME", "main")]),
    (
        Ci::CodeBuild,
        &[("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:a"), ("CODEBUILD_WEBHOOK_TRIGGER", "branch/main")],
    ),
];

/// Text that a log could take for commands, as the output of a command of the user.
const HOSTILE: &str = "::error file=x::y\n  ::set-env name=A::b\n##vso[task.setvariable variable=a]b\n\
    ##[endgroup]\n\u{1b}[0Ksection_end:7:x\r\u{1b}[0K\n--- x\n+++ y\n^^^ +++\ntravis_fold:end:x\r\u{1b}[0K\n\
    10 %\r20 %\n\u{1b}[31mred\u{1b}[0m\n";

/// A build directory with this stanza in `f.yml`.
fn directory(stanza: &str) -> TempDir {
    let directory = build_directory();
    fs::write(directory.path().join("f.yml"), stanza).expect("written");
    fs::write(directory.path().join("hostile.txt"), HOSTILE).expect("written");
    directory
}

/// The program in a job with these variables.
fn in_job(
    env: &[(&str, &str)],
    arguments: &[&str],
    directory: &Path,
    aws: Option<&Endpoint>,
) -> PluginCommand {
    with_keys(PluginCommand::new(arguments), directory, aws).envs(env.iter().copied())
}

/// Deploys the stanzas of a file in a job. Returns stdout, stderr and exit status.
fn deploy(env: &[(&str, &str)], directory: &Path, endpoint: &Endpoint) -> (String, String, Option<i32>) {
    collected(in_job(env, &["deploy", "--stanza", "f.yml"], directory, Some(endpoint)))
}

fn are_events(stdout: &str) -> bool {
    !stdout.is_empty() && stdout.lines().all(|line| line.starts_with("{\""))
}

#[test]
fn a_job_of_a_known_ci_prints_text_unless_events_are_asked_for() {
    let directory = directory(&stanza("f"));
    let request = r#"{"function_name": "f", "on": {"all_branches": true}}"#;
    let run =
        |env: &[(&str, &str)], arguments: &[&str]| collected(in_job(env, arguments, directory.path(), None));
    let check = ["check", "--stanza", "f.yml"];
    for (ci, env) in PUSHES {
        let (stdout, stderr, status) = run(env, &check);
        assert_eq!((stderr.as_str(), status), ("", Some(0)), "{ci:?}: {stdout}");
        assert!(stdout.contains("\nchecked: ") && !stdout.contains("{\""), "{ci:?}: {stdout}");
        let (stdout, _, status) = run(env, &[&check[..], &["--format", "json"]].concat());
        assert!(are_events(&stdout) && status == Some(0), "{ci:?}: {stdout}");
        // A runner sends a request, and reads its events.
        let ended = in_job(env, &["check"], directory.path(), None).run_on(request.as_bytes());
        assert_eq!(ended.outcome(), "checked", "{ci:?}: {}", ended.stdout);
        // A wrong command line is reported in the same way.
        let (stdout, stderr, status) = run(env, &[&check[..], &["--bogus"]].concat());
        assert_eq!((stdout.as_str(), stderr.lines().count(), status), ("", 1, Some(2)), "{ci:?}: {stderr}");
        let (stdout, _, status) = run(env, &[&check[..], &["--bogus", "--format=json"]].concat());
        assert!(are_events(&stdout) && status == Some(2), "{ci:?}: {stdout}");
        let (stdout, _, status) = run(env, &["--bogus"]);
        assert!(are_events(&stdout) && status == Some(2), "{ci:?}: {stdout}");
    }
    for env in [&[][..], &[("CI", "true")], &[("TEAMCITY_VERSION", "2026.1")]] {
        for arguments in [&check[..], &["check", "--stanza", "f.yml", "--bogus"]] {
            let (stdout, ..) = run(env, arguments);
            assert!(are_events(&stdout), "{env:?}: {stdout}");
        }
    }
    // `--ci` names a CI, or leaves out what the CI says about the build.
    let named = [&check[..], &["--ci", "gitlab"]].concat();
    let none = [&check[..], &["--ci", "none"]].concat();
    for (env, arguments) in [
        (&[("CI_COMMIT_BRANCH", "main")][..], &named),
        (&[("GITLAB_CI", "true"), ("TRAVIS_BRANCH", "main")], &none),
    ] {
        let (stdout, ..) = run(env, arguments);
        assert!(stdout.contains("checked: ") && !stdout.contains("{\""), "{arguments:?}: {stdout}");
    }
}

/// The lines of a log that a CI could take for a command, without digits.
fn commands(log: &str) -> Vec<String> {
    let is_command = |line: &&str| {
        line.trim_start().starts_with("::")
            || line.contains("##")
            || line.contains(['\r', '\u{1b}'])
            || ["---", "+++", "~~~", "^^^"].iter().any(|mark| line.starts_with(mark))
    };
    let commands = log.lines().filter(is_command);
    commands.map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect()).collect()
}

/// The lines of a group, as [`commands`] returns them. `next` is the title of what follows it in Buildkite.
fn group(ci: Ci, title: &str, next: &str) -> Vec<String> {
    let (start, end) = match ci {
        Ci::GitHubActions => (format!("::group::{title}"), "::endgroup::".to_owned()),
        Ci::GitLab => (
            format!("\u{1b}[Ksection_start::dpl_lambda__[collapsed=true]\r\u{1b}[K{title}"),
            "\u{1b}[Ksection_end::dpl_lambda__\r\u{1b}[K".to_owned(),
        ),
        Ci::Azure => (format!("##[group]{title}"), "##[endgroup]".to_owned()),
        Ci::Buildkite => (format!("--- {title}"), format!("+++ {next}")),
        Ci::Travis => (
            format!("travis_fold:start:dpl_lambda__\r\u{1b}[K{title}"),
            "travis_fold:end:dpl_lambda__\r\u{1b}[K".to_owned(),
        ),
        Ci::CircleCi | Ci::Woodpecker | Ci::Drone | Ci::Bitbucket | Ci::Jenkins | Ci::CodeBuild => {
            return Vec::new();
        }
    };
    vec![start, end]
}

const PLAN: &str = "plan: the function does not exist;  step,  changes";

#[test]
fn a_deployment_has_the_groups_of_the_ci_and_no_other_command() {
    let hostile = "  description: '::error::d ##vso[task.complete result=Failed]d'\n  run: cat hostile.txt\n";
    let directory = directory(&(stanza("f") + hostile));
    for (ci, env) in PUSHES {
        let (stdout, _, status) = deploy(env, directory.path(), &endpoint());
        assert_eq!(status, Some(0), "{ci:?}: {stdout}");
        let expected = [group(ci, PLAN, "steps"), group(ci, "output of run", "result")].concat();
        assert_eq!(commands(&stdout), expected, "{ci:?}: {stdout}");
        // The result is in no group.
        let (before, result) = stdout.split_once("\ndeployed f\n").expect("a result");
        assert_eq!(commands(result), [""; 0], "{ci:?}: {stdout}");
        assert!(before.contains("::error file=x::y\n"), "{ci:?}: {stdout}");
    }
}

#[test]
fn a_failure_is_an_annotation_where_the_ci_has_them_and_its_output_is_not_hidden() {
    let directory = directory(&(stanza("f") + "  run: cat hostile.txt; exit 3\n"));
    for (ci, env) in PUSHES {
        let (stdout, _, status) = deploy(env, directory.path(), &endpoint());
        assert_eq!(status, Some(1), "{ci:?}: {stdout}");
        assert!(stdout.contains("\nerror[run-failed]: "), "{ci:?}: {stdout}");
        let mut expected = [group(ci, PLAN, "steps"), group(ci, "output of run", "result")].concat();
        if ci == Ci::Buildkite {
            expected.insert(3, "^^^ +++".to_owned());
        }
        let mut found = commands(&stdout);
        for (annotates, annotation) in [
            (Ci::GitHubActions, "::error file=f.yml,line=,title=run-failed::"),
            (Ci::Azure, "##vso[task.logissue type=error;sourcepath=f.yml;linenumber=;code=run-failed]"),
        ] {
            if ci == annotates {
                let last = found.pop().expect("a command");
                assert!(last.starts_with(annotation), "{ci:?}: {last}");
            }
        }
        assert_eq!(found, expected, "{ci:?}: {stdout}");
        let is_hidden = !expected.is_empty() && ci != Ci::Buildkite;
        assert_eq!(stdout.contains("\nthe end of the output:\n"), is_hidden, "{ci:?}: {stdout}");
    }
}

#[test]
fn a_text_of_aws_is_no_command() {
    let directory = directory(&stanza("f"));
    for (ci, env) in PUSHES {
        let endpoint = endpoint();
        let message = "no\n::error::x\n##vso[task.complete result=Failed]y\r--- z\u{1b}[2J";
        let kind = FaultKind::status(400, "InvalidParameterValueException", message);
        endpoint.fault(Fault { times: 9, ..Fault::once("CreateFunction", kind) });
        let (stdout, stderr, status) = deploy(env, directory.path(), &endpoint);
        assert_eq!(status, Some(1), "{ci:?}: {stdout}");
        let mut found = commands(&stdout);
        if [Ci::GitHubActions, Ci::Azure].contains(&ci) {
            let annotation = found.pop().expect("a command");
            assert!(!annotation[2..].contains("##"), "{ci:?}: {annotation}");
        }
        assert_eq!(found, group(ci, PLAN, "steps"), "{ci:?}: {stdout}");
        assert_eq!(commands(&stderr), [""; 0], "{ci:?}: {stderr}");
    }
}

#[test]
fn each_of_several_stanzas_is_a_group() {
    let item = |name| stanza(name).replacen("  ", "- ", 1);
    let directory = directory(&[item("one"), item("two")].concat());
    for (ci, env) in PUSHES {
        let (stdout, _, status) = deploy(env, directory.path(), &endpoint());
        assert_eq!(status, Some(0), "{ci:?}: {stdout}");
        let groups = ["one (line )", "two (line )"].map(|title| group(ci, title, "result"));
        assert_eq!(commands(&stdout), groups.concat(), "{ci:?}: {stdout}");
        // Other CIs have the titles as text.
        assert_eq!(stdout.matches("two (line ").count(), 1, "{ci:?}: {stdout}");
        assert!(stdout.contains("\ndeployed one\n") && stdout.contains("\ndeployed two\n"), "{stdout}");
    }
}
