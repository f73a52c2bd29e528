//! Runs the step of the GitHub Action (`action.yml`) as GitHub's runner does: with its variables, its files
//! for the outputs and the summary, and its commands in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::Value;
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::{deny_changes, wait_until};
use crate::interruptions::{signal, slow_kill};
use crate::plugin::{aws_env, program};
use crate::repository;
use crate::shell::PATH;
use crate::standalone::{stanza, two_stanzas};

/// The names of the outputs.
const OUTPUTS: [&str; 5] = ["function_arn", "outcome", "previous_version", "url", "version"];

fn action() -> Value {
    yaml(&repository::read(Path::new("action.yml")))
}

/// The value of a YAML document.
pub(crate) fn yaml(text: &str) -> Value {
    let tree = dpl_lambda::testing::parse_yaml(text, &mut Vec::new())
        .unwrap_or_else(|error| panic!("{error:?}"))
        .expect("a document");
    let node = tree.read("", &mut Default::default()).unwrap_or_else(|error| panic!("{error:?}"));
    Value::from(&node)
}

pub(crate) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().expect("a map").iter().map(|(name, value)| (name.as_str(), value))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The name in an expression such as `${{ inputs.name }}`.
fn named<'a>(expression: &'a str, object: &str) -> Option<&'a str> {
    expression.strip_prefix("${{ ")?.strip_prefix(object)?.strip_prefix('.')?.strip_suffix(" }}")
}

/// A checkout with a stanza in `lambda.yml`, and a step that uses the Action in it.
struct Step {
    checkout: TempDir,
    /// The directory of the runner's own files.
    runner: TempDir,
    endpoint: Endpoint,
    inputs: BTreeMap<String, String>,
}

/// A step that has ended.
#[derive(Debug)]
struct StepOutput {
    status: Option<i32>,
    log: String,
    outputs: BTreeMap<String, String>,
    summary: String,
}

impl Step {
    fn new(stanza: &str) -> Self {
        let (checkout, runner) = (build_directory(), TempDir::new().expect("a temporary directory"));
        fs::write(checkout.path().join("lambda.yml"), stanza).expect("written");
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        let inputs = [("program", program()), ("stanza", "lambda.yml".to_owned())];
        let inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Step { checkout, runner, endpoint, inputs }
    }

    fn input(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.checkout.path().join(file), text).expect("written");
    }

    fn read_only(self) -> Self {
        deny_changes(&self.endpoint);
        self
    }

    /// The command that the runner starts. Its files for the outputs and the summary are empty, as for each
    /// step.
    fn command(&self) -> Command {
        let action = action();
        let step = &action["runs"]["steps"][0];
        let path = |name: &str| self.runner.path().join(name);
        fs::write(path("script.sh"), text(&step["run"])).expect("written");
        for name in ["output", "summary"] {
            fs::write(path(name), "").expect("written");
        }
        assert_eq!(step["shell"], "bash");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(path("script.sh"));
        command.current_dir(self.checkout.path()).env_clear().env("PATH", &*PATH);
        command.envs([
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GIT_CEILING_DIRECTORIES", "/"),
            ("DPL_LAMBDA_TODAY", "2026-11-01"),
        ]);
        command.env("GITHUB_ACTION_PATH", repository::root()).env("RUNNER_TEMP", self.runner.path());
        command.env("GITHUB_OUTPUT", path("output")).env("GITHUB_STEP_SUMMARY", path("summary"));
        for (name, expression) in members(&step["env"]) {
            let expression = text(expression);
            let value = match named(expression, "inputs") {
                Some(input) => {
                    let default = text(&action["inputs"][input]["default"]);
                    self.inputs.get(input).map_or(default, String::as_str)
                }
                None => named(expression, "github").expect("an expression of a known object"),
            };
            command.env(name, value);
        }
        command.envs(aws_env(&self.endpoint));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> StepOutput {
        self.ended(self.command().output().expect("bash starts"))
    }

    /// Reads what a step has written, and checks what holds for every step.
    #[track_caller]
    fn ended(&self, output: Output) -> StepOutput {
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let read = |name: &str| fs::read_to_string(self.runner.path().join(name)).expect("readable");
        let outputs = read("output");
        let outputs = outputs.lines().map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}")));
        let outputs: BTreeMap<String, String> =
            outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (status, log, summary) = (output.status.code(), log.concat(), read("summary"));
        let ended = StepOutput { status, log, outputs, summary };
        assert!(ended.outputs.keys().all(|name| OUTPUTS.contains(&name.as_str())), "{ended:#?}");
        let mut commands = ended.log.lines().filter(|line| line.trim_start().starts_with("::"));
        let ours = ["::error ", "::warning ", "::group::", "::endgroup::"];
        assert!(commands.all(|line| ours.iter().any(|begin| line.starts_with(begin))), "{ended:#?}");
        let count = |begin: &str| ended.log.lines().filter(|line| line.starts_with(begin)).count();
        assert_eq!(count("::group::"), count("::endgroup::"), "{ended:#?}");
        ended
    }
}

impl StepOutput {
    #[track_caller]
    fn check(&self, status: i32, outcome: &str) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert_eq!(self.output("outcome"), outcome, "{self:#?}");
        assert!(self.summary.contains(&format!("**{outcome}:**")), "{self:#?}");
    }

    fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    /// Checks that the log has exactly one annotation, which begins with `expected`.
    #[track_caller]
    fn check_annotation(&self, expected: &str) {
        let is_annotation = |line: &&str| line.starts_with("::error ") || line.starts_with("::warning ");
        let commands: Vec<&str> = self.log.lines().filter(is_annotation).collect();
        assert!(commands.len() == 1 && commands[0].starts_with(expected), "expected {expected}\n{self:#?}");
    }
}

#[test]
fn a_deployment_has_its_outputs_and_its_summary() {
    let more = "  alias: live\n  function_url: {auth_type: AWS_IAM}\n";
    let step = Step::new(&(stanza("f") + more));
    let first = step.run();
    first.check(0, "deployed");
    assert!(first.log.contains("\ndeployed f\n") && first.log.contains("\n::group::plan: "), "{first:#?}");
    assert!(first.output("function_arn").ends_with(":function:f"), "{first:#?}");
    assert!(first.output("url").starts_with("https://"), "{first:#?}");
    assert_eq!((first.output("version"), first.output("previous_version")), ("1", ""));
    step.write("index.js", "// 2\n");
    let second = step.run();
    second.check(0, "deployed");
    assert_eq!((second.output("version"), second.output("previous_version")), ("2", "1"));
    let third = step.run();
    third.check(0, "unchanged");
    assert_eq!(third.output("version"), "2");
    let back = step.input("command", "rollback").run();
    back.check(0, "deployed");
    assert_eq!((back.output("version"), back.output("previous_version")), ("1", "2"));
}

#[test]
fn a_plan_is_a_table_in_the_summary_and_changes_nothing() {
    let step = Step::new(&stanza("f")).input("command", "plan");
    let ended = step.run();
    ended.check(0, "planned");
    assert!(ended.summary.contains("| Step | Change | From | To |"), "{ended:#?}");
    assert_eq!(ended.outputs.len(), 1, "{ended:#?}");
    assert!(step.endpoint.function("f").is_none());
}

#[test]
fn only_and_a_travis_yml_select_a_stanza() {
    let step = Step::new("").input("stanza", "").input("travis-yml", ".travis.yml").input("only", "two");
    step.write(".travis.yml", &two_stanzas());
    step.run().check(0, "deployed");
    assert!(step.endpoint.function("one").is_none() && step.endpoint.function("two").is_some());
}

#[test]
fn an_error_is_an_annotation_at_its_line() {
    let wrong = Step::new(&(stanza("f") + "  timeout: ten\n")).run();
    wrong.check(2, "failed");
    wrong.check_annotation("::error file=lambda.yml,line=9,title=bad-value::");
    assert!(wrong.summary.starts_with("### <code>f "), "{wrong:#?}");
    let syntax = Step::new("function_name: f\nrole: [\n").run();
    syntax.check(2, "failed");
    syntax.check_annotation("::error file=lambda.yml,line=");
    let missing = Step::new("").input("stanza", "other.yml").run();
    missing.check(2, "failed");
    missing.check_annotation("::error title=bad-arguments::other.yml: file not found");
    let missing = Step::new(&stanza("f")).input("program", "./other").run();
    let message = "::error title=dpl-lambda::`program` is `./other`, which cannot be run here\n";
    assert_eq!((missing.status, missing.log.as_str()), (Some(2), message));
    let refused = Step::new(&stanza("f")).read_only().run();
    refused.check(1, "failed");
    assert!(refused.log.contains("title=access-denied::"), "{refused:#?}");
    assert!(refused.summary.starts_with("### <code>f "), "{refused:#?}");
    let allowed = Step::new(&(stanza("f") + "  allow_failure: true\n")).read_only().run();
    allowed.check(0, "failed");
    allowed.check_annotation("::warning ");
}

#[test]
fn no_input_is_interpreted_by_a_shell_or_is_an_option() {
    for (name, value) in [
        ("command", "deploy; touch pwned"),
        ("command", "--help"),
        ("command", "plan\n::set-output name=outcome::deployed"),
        ("stanza", "$(touch pwned)`touch pwned`'\";touch pwned;.yml"),
        ("stanza", "--help"),
        ("stanza", "a\n::error::x"),
        ("only", "--format=json"),
        ("only", "1\n::set-output name=outcome::deployed"),
        ("program", "$(touch pwned)"),
        ("travis-yml", ".travis.yml"),
        ("stanza", ""),
    ] {
        let step = Step::new(&stanza("f")).input(name, value);
        let ended = step.run();
        assert!(ended.status != Some(0), "{name}: {value}\n{ended:#?}");
        assert!(!ended.log.contains("Usage:"), "{name}: {value}\n{ended:#?}");
        assert!(!step.checkout.path().join("pwned").exists(), "{name}: {value}");
        assert_eq!(step.endpoint.calls().len(), 0, "{name}: {value}");
    }
}

#[test]
fn a_cancelled_job_ends_the_run_and_has_its_outputs() {
    let step = Step::new(&stanza("f"));
    step.endpoint.fault(Fault::once("GetFunction", FaultKind::hang()));
    let mut command = step.command();
    let child = command.env("BASH_ENV", slow_kill(step.runner.path())).spawn().expect("bash starts");
    wait_until("the call that hangs", || step.endpoint.count("GetFunction") > 0);
    signal(&child, "INT");
    let ended = step.ended(child.wait_with_output().expect("the step ends"));
    ended.check(143, "failed");
    assert!(ended.log.contains("title=cancelled::"), "{ended:#?}");
}

#[test]
fn each_input_is_a_variable_and_each_output_one_of_the_program() {
    let action = action();
    let step = &action["runs"]["steps"][0];
    assert_eq!(action["runs"]["steps"].as_array().map(Vec::len), Some(1));
    assert!(!text(&step["run"]).contains("${{"), "an expression in a script");
    let inputs: BTreeSet<&str> = members(&action["inputs"]).map(|(name, _)| name).collect();
    let variables = members(&step["env"]).filter_map(|(_, value)| named(text(value), "inputs"));
    assert_eq!(variables.collect::<BTreeSet<_>>(), inputs);
    let mut outputs = Vec::new();
    for (name, output) in members(&action["outputs"]) {
        assert_eq!(named(text(&output["value"]), "steps.run.outputs"), Some(name));
        outputs.push(name);
    }
    outputs.sort_unstable();
    assert_eq!(outputs, OUTPUTS);
}
