//! Runs the jobs of the GitLab component (`templates/deploy.yml`) and the CircleCI orb (`orb.yml`): inserts
//! the inputs as the CI does, and starts the script with its shell. `ci_examples` also lets them install the
//! program.

mod gitlab_ci_local;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::action::{members, text, yaml};
use crate::deployments::build_directory;
use crate::fixture::deny_changes;
use crate::install::{OTHER, SUM};
use crate::plugin::{aws_env, program};
use crate::repository;
use crate::shell::PATH;
use crate::standalone::{stanza, two_stanzas};
use crate::tools;

/// How the CIs start a script: with bash, or with sh if the image has no bash.
const SHELLS: [&[&str]; 2] = [&["bash", "-eo", "pipefail", "-c"], &["sh", "-e", "-c"]];

/// A job that other pipelines include, before its inputs are inserted.
struct Component {
    ci: &'static str,
    /// What is before and after the name of an input where it is inserted.
    marks: [&'static str; 2],
    /// The declarations of the inputs, by their names.
    inputs: Value,
    variables: Value,
    script: String,
    /// The CI's variables for a push to `main`.
    push: &'static [(&'static str, &'static str)],
}

fn gitlab() -> Component {
    let file = repository::read(Path::new("templates/deploy.yml"));
    let (header, template) = file.split_once("\n---\n").expect("a header");
    let (header, template) = (yaml(header), yaml(template));
    let (_, job) = members(&template).next().expect("a job");
    Component {
        ci: "GitLab",
        marks: ["$[[ inputs.", " ]]"],
        inputs: header["spec"]["inputs"].clone(),
        variables: job["variables"].clone(),
        script: text(&job["script"][0]).to_owned(),
        push: &[
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_PIPELINE_SOURCE", "push"),
            ("CI_COMMIT_BRANCH", "main"),
        ],
    }
}

fn circleci() -> Component {
    let orb = yaml(&repository::read(Path::new("orb.yml")));
    let (job, command) = (&orb["jobs"]["deploy"], &orb["commands"]["deploy"]);
    // The job runs the steps of the command in its checkout.
    assert_eq!(job["steps"], json!(["checkout", command["steps"][0], command["steps"][1]]));
    let run = &command["steps"][0]["run"];
    Component {
        ci: "CircleCI",
        marks: ["<< parameters.", " >>"],
        inputs: job["parameters"].clone(),
        variables: run["environment"].clone(),
        script: text(&run["command"]).to_owned(),
        push: &[("CI", "true"), ("CIRCLECI", "true"), ("CIRCLE_BRANCH", "main")],
    }
}

impl Component {
    /// The input that is inserted as this value.
    fn input<'a>(&self, value: &'a str) -> &'a str {
        let [before, after] = self.marks;
        let name = value.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        name.unwrap_or_else(|| panic!("{}: `{value}` is not an input alone", self.ci))
    }
}

/// Runs the check for each CI and each shell.
fn with_each(check: impl Fn(&Component, &'static [&'static str])) {
    for component in [gitlab(), circleci()] {
        for shell in SHELLS {
            check(&component, shell);
        }
    }
}

/// A checkout with a stanza in `lambda.yml`, and a job of a component in it.
struct Job<'a> {
    component: &'a Component,
    shell: &'static [&'static str],
    checkout: TempDir,
    endpoint: Endpoint,
    inputs: BTreeMap<String, String>,
}

/// A job that has ended.
#[derive(Debug)]
struct JobOutput {
    ci: &'static str,
    status: Option<i32>,
    log: String,
    /// The lines of the result file, and the summary. Empty if the program was not started.
    result: String,
    summary: String,
}

impl<'a> Job<'a> {
    fn new(component: &'a Component, shell: &'static [&'static str], stanza: &str) -> Self {
        let checkout = build_directory();
        fs::write(checkout.path().join("lambda.yml"), stanza).expect("written");
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        let job = Job { component, shell, checkout, endpoint, inputs: BTreeMap::new() };
        job.input("event", "push").input("stanza", "lambda.yml").input("program", &program())
    }

    fn input(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts a tool into the `PATH` of the job.
    fn tool(&self, name: &str, script: &str) {
        let tools = self.checkout.path().join("tools");
        fs::create_dir_all(&tools).expect("created");
        let tool = tools.join(name);
        fs::write(&tool, format!("#!/usr/bin/env sh\n{script}\n")).expect("written");
        fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("permitted");
    }

    fn run(&self) -> JobOutput {
        let Component { ci, inputs, variables, script, push, .. } = self.component;
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]).arg(script).current_dir(self.checkout.path()).env_clear();
        let path = format!("{}:{}", self.checkout.path().join("tools").display(), *PATH);
        command.env("PATH", path).env("GIT_CEILING_DIRECTORIES", "/").env("DPL_LAMBDA_TODAY", "2026-11-01");
        command.envs(aws_env(&self.endpoint));
        command.envs(push.iter().copied());
        for (variable, value) in members(variables) {
            let input = self.component.input(text(value));
            let given = self.inputs.get(input).map(String::as_str);
            command.env(variable, given.unwrap_or_else(|| text(&inputs[input]["default"])));
        }
        let output = command.stdin(Stdio::null()).output().expect("the shell starts");
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let read = |name: &str| {
            let path = self.checkout.path().join(".dpl-lambda-job").join(name);
            fs::read_to_string(path).unwrap_or_default()
        };
        let (result, summary) = (read("result.env"), read("summary.md"));
        JobOutput { ci, status: output.status.code(), log: log.concat(), result, summary }
    }
}

impl JobOutput {
    #[track_caller]
    fn check(&self, status: i32, outcome: &str) {
        assert_eq!(self.status, Some(status), "{}: {self:#?}", self.ci);
        assert!(self.result.starts_with(&format!("outcome={outcome}\n")), "{self:#?}");
        assert!(self.summary.contains(&format!("**{outcome}:**")), "{self:#?}");
    }
}

#[test]
fn a_deployment_has_its_result_and_its_summary() {
    with_each(|component, shell| {
        let job = Job::new(component, shell, &(stanza("f") + "  alias: live\n"));
        let first = job.run();
        first.check(0, "deployed");
        assert!(first.log.contains("deployed f\n"), "{first:#?}");
        assert!(first.result.contains("\nversion=1\nfunction_arn=arn:"), "{first:#?}");
        // The files of the first job are gone.
        let second = job.run();
        second.check(0, "unchanged");
        assert_eq!(second.result.matches("outcome=").count(), 1, "{second:#?}");
    });
}

#[test]
fn a_plan_changes_nothing() {
    with_each(|component, shell| {
        let job = Job::new(component, shell, &stanza("f")).input("command", "plan");
        let ended = job.run();
        ended.check(0, "planned");
        assert!(ended.summary.contains("| Step | Change | From | To |"), "{ended:#?}");
        assert!(job.endpoint.function("f").is_none());
    });
}

#[test]
fn a_failure_fails_the_job_and_has_its_result() {
    with_each(|component, shell| {
        let job = Job::new(component, shell, &stanza("f"));
        deny_changes(&job.endpoint);
        let ended = job.run();
        ended.check(1, "failed");
        assert!(ended.log.contains("access-denied"), "{ended:#?}");
        Job::new(component, shell, "function_name: [\n").run().check(2, "failed");
    });
}

#[test]
fn only_and_a_travis_yml_select_a_stanza() {
    with_each(|component, shell| {
        let job = Job::new(component, shell, "").input("stanza", "").input("travis-yml", ".travis.yml");
        let job = job.input("only", "two");
        fs::write(job.checkout.path().join(".travis.yml"), two_stanzas()).expect("written");
        job.run().check(0, "deployed");
        assert!(job.endpoint.function("one").is_none() && job.endpoint.function("two").is_some());
    });
}

#[test]
fn no_input_is_interpreted_by_the_shell_or_is_an_option() {
    with_each(|component, shell| {
        for (name, value) in [
            ("command", "deploy; touch pwned"),
            ("stanza", "$(touch pwned)`touch pwned`'\";touch pwned;.yml"),
            ("stanza", "--help"),
            ("stanza", "lambda.yml --dry-run"),
            ("stanza", "*.yml"),
            ("stanza", "lambda.yml\ntouch pwned"),
            ("only", "--format=json"),
            ("only", "1\n$(touch pwned)"),
            ("program", "$(touch pwned)"),
            ("program", "touch pwned"),
            ("program", "-c"),
        ] {
            let job = Job::new(component, shell, &stanza("f")).input(name, value);
            let ended = job.run();
            assert!(ended.status != Some(0), "{name}: {value}\n{ended:#?}");
            assert!(!job.checkout.path().join("pwned").exists(), "{name}: {value}\n{ended:#?}");
            assert_eq!(job.endpoint.calls().len(), 0, "{name}: {value}\n{ended:#?}");
        }
    });
}

#[test]
fn inputs_that_contradict_each_other_or_are_missing_stop_the_job() {
    with_each(|component, shell| {
        for (name, value, message) in [
            ("travis-yml", ".travis.yml", "set one of `stanza` and `travis-yml`, and not both"),
            ("stanza", "", "set one of `stanza` and `travis-yml`, and not both"),
            ("program", "", "set `version` and `sha256`, or `program`"),
        ] {
            let job = Job::new(component, shell, &stanza("f")).input("version", "0.1.0").input(name, value);
            let ended = job.run();
            assert_eq!(ended.status, Some(2), "{name}: {value}\n{ended:#?}");
            assert_eq!(ended.log, format!("dpl-lambda: {message}\n"), "{name}: {value}\n{ended:#?}");
            assert_eq!(job.endpoint.calls().len(), 0, "{name}: {value}\n{ended:#?}");
        }
    });
}

/// A job that installs the program, on a machine such as `Linux x86_64`. `curl` prints the URL and downloads
/// the text `archive`, and `tar` unpacks it to a program that prints its command.
fn installing<'a>(component: &'a Component, shell: &'static [&'static str], machine: &str) -> Job<'a> {
    let job = Job::new(component, shell, &stanza("f")).input("program", "");
    job.tool("uname", &format!("echo '{machine}'"));
    job.tool("curl", "for url; do :; done; echo \"$url\"; printf archive >.dpl-lambda-job/archive.tar.gz");
    let unpack = r#"
        printf '#!/usr/bin/env sh\necho "runs $1"\n' >.dpl-lambda-job/dpl-lambda
        chmod +x .dpl-lambda-job/dpl-lambda
    "#;
    job.tool("tar", unpack);
    job
}

#[test]
fn the_processor_decides_which_archive_of_a_release_is_installed() {
    let release = "https://github.com/OWNER/dpl-lambda/releases/download/v0.1.0/";
    let upper = SUM.to_uppercase();
    let files = format!("{OTHER}  dpl-lambda-aarch64-linux.tar.gz\n{SUM}  dpl-lambda-x86_64-linux.tar.gz\n");
    with_each(|component, shell| {
        for (machine, processor, sums) in [
            ("Linux x86_64", "x86_64", SUM),
            ("Linux aarch64", "aarch64", upper.as_str()),
            ("Linux arm64", "aarch64", files.as_str()),
        ] {
            let job = installing(component, shell, machine).input("version", "0.1.0").input("sha256", sums);
            let ended = job.run();
            let log = format!("{release}dpl-lambda-{processor}-linux.tar.gz\nruns deploy\n");
            assert_eq!((ended.status, &ended.log), (Some(0), &log), "{machine}\n{ended:#?}");
        }
        let job = installing(component, shell, "Linux riscv64").input("version", "0.1.0");
        let ended = job.input("sha256", SUM).run();
        let complaint = "dpl-lambda: this machine is Linux riscv64, and releases are for Linux";
        assert!(ended.status == Some(2) && ended.log.starts_with(complaint), "{ended:#?}");
    });
}

#[test]
fn an_archive_with_another_sum_is_not_unpacked_and_no_message_shows_a_password() {
    let [longer, joined] = [format!("{SUM}0"), format!("{OTHER}{SUM}")];
    with_each(|component, shell| {
        for sums in [OTHER, &SUM[..63], longer.as_str(), joined.as_str(), "*", " "] {
            let url = "https://user:secret@host/a@b.tar.gz?signature=secret";
            let job = installing(component, shell, "Darwin arm64").input("url", url).input("sha256", sums);
            let ended = job.run();
            let message = "https://host/a@b.tar.gz has another SHA-256 than `sha256` says";
            let log = format!("{url}\ndpl-lambda: {message}: {SUM}\n");
            assert_eq!((ended.status, &ended.log), (Some(2), &log), "{sums}\n{ended:#?}");
            assert!(!job.checkout.path().join(".dpl-lambda-job/dpl-lambda").exists(), "{sums}");
        }
    });
}

#[test]
fn each_input_is_a_variable_of_the_same_script() {
    let [gitlab, circleci] = [gitlab(), circleci()];
    let (first, rest) = circleci.script.split_once('\n').expect("several lines");
    assert!(first.starts_with("export AWS_ID_TOKEN="), "{first}");
    assert_eq!(rest, gitlab.script);
    for (component, others) in [(gitlab, &["job", "stage", "image", "aud"][..]), (circleci, &["image"][..])] {
        let ci = component.ci;
        assert!(!component.script.contains(component.marks[0]), "{ci}: an input in a script");
        assert!(!component.script.contains("<<"), "{ci}: CircleCI inserts a value at <<");
        let variables = members(&component.variables).map(|(_, value)| component.input(text(value)));
        let inserted: BTreeSet<&str> = variables.chain(others.iter().copied()).collect();
        let declared: BTreeSet<&str> = members(&component.inputs).map(|(name, _)| name).collect();
        assert_eq!(inserted, declared, "{ci}");
        let command = &component.inputs["command"];
        let allowed = if ci == "GitLab" { &command["options"] } else { &command["enum"] };
        assert_eq!(*allowed, json!(["deploy", "plan", "check", "rollback"]), "{ci}");
    }
}

#[test]
fn the_page_shows_the_complete_examples_and_each_input() {
    let page = repository::read(Path::new("docs/ci.md"));
    for (component, heading, example) in [
        (gitlab(), "### The GitLab component\n", "examples/ci/gitlab-component.yml"),
        (circleci(), "### The CircleCI orb\n", "examples/ci/circleci-orb.yml"),
    ] {
        let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n##").next().unwrap_or_default();
        let block = format!("\n```yaml\n{}```\n", repository::read(Path::new(example)));
        assert!(section.contains(&block), "docs/ci.md does not show {example} as it is");
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| row.split('|').nth(1));
        let shown: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let declared: BTreeSet<&str> = members(&component.inputs).map(|(name, _)| name).collect();
        assert_eq!(shown, declared, "{heading}");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn shellcheck_accepts_the_script_and_refuses_a_broken_one() {
    let requirements = repository::root().join("protocol-tests/ci/requirements.txt");
    let shellcheck = tools::python(&requirements, "ci").with_file_name("shellcheck");
    let directory = TempDir::new().expect("a temporary directory");
    let check = |script: &str| {
        let file = directory.path().join("script.sh");
        fs::write(&file, format!("#!/bin/sh\n{script}")).expect("written");
        let output = Command::new(&shellcheck).arg(&file).output().expect("ShellCheck starts");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for component in [gitlab(), circleci()] {
        assert_eq!(check(&component.script), (true, String::new()), "{}", component.ci);
        let (accepted, said) = check(&component.script.replace("\"$INPUT_PROGRAM\" ", "$INPUT_PROGRAM "));
        assert!(!accepted && said.contains("SC2086"), "{}: {said}", component.ci);
    }
}
