//! Runs pipelines that include the GitLab component with `gitlab-ci-local`, which reads the component, checks
//! the inputs and runs the jobs as GitLab does, but with a shell of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::{deny_changes, git};
use crate::plugin::{aws_env, program};
use crate::shell::PATH;
use crate::standalone::stanza;
use crate::{node, repository};

/// Does what `gitlab-ci-local` needs of rsync without containers: it copies a report of a job.
const RSYNC: &str = "#!/bin/sh\n[ \"$1\" != -Ra ] || exec cp --parents \"$2\" \"$3\"\n";

/// A repository with a stanza in `lambda.yml` and the component, which its pipeline includes.
struct Pipeline {
    checkout: TempDir,
    /// The home directory, with the tools of the machine.
    home: TempDir,
    endpoint: Endpoint,
}

impl Pipeline {
    /// `inputs`: those of the component, besides the program.
    fn new(mut inputs: Value) -> Self {
        inputs["program"] = json!(program());
        let (checkout, home) = (build_directory(), TempDir::new().expect("a temporary directory"));
        let file = json!({
            "include": [
                {"component": "$CI_SERVER_FQDN/$CI_PROJECT_PATH/deploy@$CI_COMMIT_SHA", "inputs": inputs},
            ],
            "stages": ["deploy", "after"],
            "deploy-lambda": {"rules": [{"if": "$CI_COMMIT_BRANCH == \"main\""}]},
            "after": {"stage": "after", "script": ["echo \"after: $outcome $function_arn\""]},
        });
        let path = |name: &str| checkout.path().join(name);
        fs::create_dir(path("templates")).expect("created");
        fs::copy(repository::root().join("templates/deploy.yml"), path("templates/deploy.yml"))
            .expect("copied");
        // YAML includes JSON.
        fs::write(path(".gitlab-ci.yml"), file.to_string()).expect("written");
        fs::write(path("lambda.yml"), stanza("f")).expect("written");
        git(checkout.path(), &["init", "--quiet", "--initial-branch=main"]);
        git(checkout.path(), &["remote", "add", "origin", "https://gitlab.example.com/group/project.git"]);
        git(checkout.path(), &["add", "--all"]);
        git(checkout.path(), &["commit", "--quiet", "--message", "The first commit"]);
        let rsync = home.path().join("rsync");
        fs::write(&rsync, RSYNC).expect("written");
        fs::set_permissions(&rsync, fs::Permissions::from_mode(0o755)).expect("permitted");
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        Pipeline { checkout, home, endpoint }
    }

    /// Runs the pipeline. Returns whether it has passed, and its log.
    fn run(&self) -> (bool, String) {
        let packages = node::npm_packages(&repository::root().join("protocol-tests/gitlab"));
        let mut command = Command::new(node::node());
        command.arg(packages.join("gitlab-ci-local/dist/index.js"));
        // By default, GITLAB_CI is false there.
        command.args(["--force-shell-executor", "--variable", "GITLAB_CI=true"]);
        command.current_dir(self.checkout.path()).env_clear().env("HOME", self.home.path());
        command.env("PATH", format!("{}:{}", self.home.path().display(), *PATH));
        command.env("DPL_LAMBDA_TODAY", "2026-11-01");
        // No request may leave the machine.
        command.env("HTTPS_PROXY", "http://127.0.0.1:9").env("NO_PROXY", "127.0.0.1");
        command.envs(aws_env(&self.endpoint));
        let output = command.stdin(Stdio::null()).output().expect("Node.js starts");
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), log.concat())
    }
}

#[test]
#[ignore = "second tier: needs npm"]
fn gitlab_ci_local_deploys_and_gives_the_result_to_the_next_job() {
    let pipeline = Pipeline::new(json!({"stanza": "lambda.yml"}));
    let (passed, log) = pipeline.run();
    assert!(passed && pipeline.endpoint.function("f").is_some(), "{log}");
    assert!(log.contains("> after: deployed arn:aws:lambda:us-east-1:123456789012:function:f\n"), "{log}");
    let pipeline = Pipeline::new(json!({"stanza": "lambda.yml", "command": "plan"}));
    let (passed, log) = pipeline.run();
    assert!(passed && log.contains("> after: planned \n"), "{log}");
    assert!(pipeline.endpoint.function("f").is_none(), "{log}");
}

#[test]
#[ignore = "second tier: needs npm"]
fn gitlab_ci_local_fails_where_the_deployment_fails_and_starts_no_next_job() {
    let pipeline = Pipeline::new(json!({"stanza": "lambda.yml"}));
    deny_changes(&pipeline.endpoint);
    let (passed, log) = pipeline.run();
    assert!(!passed && log.contains("access-denied") && !log.contains("> after: "), "{log}");
}

#[test]
#[ignore = "second tier: needs npm"]
fn gitlab_ci_local_never_runs_an_input_as_a_command() {
    for (input, value, message) in [
        ("stanza", "$(touch pwned)`touch pwned`'\";touch pwned;.yml", "file not found"),
        ("stanza", "a b.yml", "a b.yml: file not found"),
        ("only", "$(touch pwned)", "no stanza matches"),
        ("command", "deploy; touch pwned", "not in the list of allowed options"),
    ] {
        let mut inputs = json!({"stanza": "lambda.yml"});
        inputs[input] = json!(value);
        let pipeline = Pipeline::new(inputs);
        let (passed, log) = pipeline.run();
        assert!(!passed && log.contains(message), "{input}: {value}\n{log}");
        assert!(!pipeline.checkout.path().join("pwned").exists(), "{input}: {value}\n{log}");
        assert_eq!(pipeline.endpoint.calls().len(), 0, "{input}: {value}\n{log}");
    }
}
