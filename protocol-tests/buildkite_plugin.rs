//! Runs the hook of the Buildkite plugin (`plugin.yml`) as Buildkite's agent does: sourced in a shell, with
//! the settings in variables, and with a `buildkite-agent` that records its calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::action::{members, yaml};
use crate::deployments::build_directory;
use crate::fixture::{deny_changes, git, wait_until};
use crate::interruptions::{signal_group, slow_kill};
use crate::plugin::{aws_env, program};
use crate::repository;
use crate::shell::PATH;
use crate::standalone::{stanza, two_stanzas};

/// A `buildkite-agent` that records the arguments of each call in a line, and the body of the annotation.
const AGENT: &str = "#!/usr/bin/env bash
printf '%s\\n' \"$*\" >>\"$RECORDS/calls\"
case $1 in
  annotate) cat >>\"$RECORDS/annotation\" ;;
  oidc) echo header.claims.signature ;;
esac
[ -z \"${AGENT_FAILS:-}\" ]
";

/// The shell in which the agent runs a hook. A hook that exits does not reach the last line.
const WRAPPER: &str = "#!/usr/bin/env bash
. \"$HOOK\"
exit $?
";

/// A checkout with a stanza in `lambda.yml`, and a step that uses the plugin in it.
struct Step {
    checkout: TempDir,
    /// The directory of the agent's own files.
    agent: TempDir,
    /// The checkout of the plugin.
    plugin: PathBuf,
    endpoint: Endpoint,
    settings: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

/// A step that has ended.
#[derive(Debug)]
struct StepOutput {
    status: Option<i32>,
    log: String,
    /// The arguments of each call of `buildkite-agent`.
    calls: Vec<String>,
    annotation: String,
}

impl Step {
    fn new(stanza: &str) -> Self {
        let (checkout, agent) = (build_directory(), TempDir::new().expect("a temporary directory"));
        fs::write(checkout.path().join("lambda.yml"), stanza).expect("written");
        fs::create_dir(agent.path().join("bin")).expect("created");
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        let (settings, env) = (BTreeMap::new(), BTreeMap::new());
        let step = Step { checkout, agent, plugin: repository::root().to_owned(), endpoint, settings, env };
        step.tool("buildkite-agent", AGENT);
        step.set("program", &program()).set("stanza", "lambda.yml")
    }

    fn set(mut self, setting: &str, value: &str) -> Self {
        self.settings.insert(setting.to_owned(), value.to_owned());
        self
    }

    fn without(mut self, setting: &str) -> Self {
        self.settings.remove(setting);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes a program that the step finds before all others.
    fn tool(&self, name: &str, script: &str) -> PathBuf {
        let path = self.agent.path().join("bin").join(name);
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permitted");
        path
    }

    fn read_only(self) -> Self {
        deny_changes(&self.endpoint);
        self
    }

    /// The command that the agent starts.
    fn command(&self) -> Command {
        let path = |name: &str| self.agent.path().join(name);
        fs::write(path("wrapper"), WRAPPER).expect("written");
        for name in ["calls", "annotation"] {
            fs::write(path(name), "").expect("written");
        }
        let mut command = Command::new("bash");
        command.arg(path("wrapper")).current_dir(self.checkout.path()).env_clear();
        command.env("PATH", format!("{}:{}", path("bin").display(), *PATH));
        command.env("HOOK", self.plugin.join("hooks/command")).env("RECORDS", self.agent.path());
        command.env("TMPDIR", self.agent.path());
        command.envs([
            ("CI", "true"),
            ("BUILDKITE", "true"),
            ("BUILDKITE_BRANCH", "main"),
            ("BUILDKITE_PULL_REQUEST", "false"),
            ("BUILDKITE_STEP_ID", "0190a5c2"),
            ("BUILDKITE_PLUGIN_NAME", "DPL_LAMBDA"),
            ("BUILDKITE_PLUGIN_CONFIGURATION", "{}"),
            ("GIT_CEILING_DIRECTORIES", "/"),
            ("DPL_LAMBDA_TODAY", "2026-11-01"),
        ]);
        command.envs(aws_env(&self.endpoint));
        command.envs(&self.env);
        let plugin = self.env.get("BUILDKITE_PLUGIN_NAME").map_or("DPL_LAMBDA", String::as_str);
        for (setting, value) in &self.settings {
            let name = setting.to_uppercase().replace('-', "_");
            command.env(format!("BUILDKITE_PLUGIN_{plugin}_{name}"), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> StepOutput {
        self.ended(self.command().output().expect("bash starts"))
    }

    /// Reads what a step has written, and checks that it leaves no file.
    #[track_caller]
    fn ended(&self, output: Output) -> StepOutput {
        let read = |name: &str| fs::read_to_string(self.agent.path().join(name)).expect("readable");
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let calls = read("calls").lines().map(str::to_owned).collect();
        let annotation = read("annotation");
        let ended = StepOutput { status: output.status.code(), log: log.concat(), calls, annotation };
        let left = fs::read_dir(self.agent.path()).expect("readable");
        let left = left.map(|entry| entry.expect("readable").file_name());
        let is_temporary = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("dpl-lambda.");
        assert_eq!(left.filter(is_temporary).count(), 0, "{ended:#?}");
        ended
    }

    /// Waits for a call of this operation, and sends SIGTERM to the process group of the step, as the agent
    /// does when the job is cancelled.
    fn cancelled_in(&self, operation: &str) -> StepOutput {
        let child = self.command().process_group(0).spawn().expect("bash starts");
        wait_until("the call", || self.endpoint.count(operation) > 0);
        signal_group(&child, "TERM");
        self.ended(child.wait_with_output().expect("the step ends"))
    }
}

impl StepOutput {
    /// Checks the exit status, the annotation and its style, and the outcome in the meta-data.
    #[track_caller]
    fn check(&self, status: i32, style: &str, outcome: &str) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert_eq!(self.meta_data("outcome"), outcome, "{self:#?}");
        let annotate = format!("annotate --style {style} --context dpl-lambda-0190a5c2");
        assert!(self.calls.contains(&annotate), "expected {annotate}\n{self:#?}");
        assert!(self.annotation.contains(&format!("**{outcome}:**")), "{self:#?}");
    }

    /// The value that the step has set. Empty: it has set none.
    fn meta_data(&self, name: &str) -> &str {
        let start = format!("meta-data set dpl-lambda:{name} ");
        self.calls.iter().find_map(|call| call.strip_prefix(&start)).unwrap_or_default()
    }

    /// Checks that the step ends before dpl-lambda starts, with this message and without a result.
    #[track_caller]
    fn refused(&self, message: &str) {
        assert_eq!(self.status, Some(2), "{self:#?}");
        let has_message = self.log.contains("dpl-lambda: ") && self.log.contains(message);
        assert!(has_message, "expected {message}\n{self:#?}");
        assert!(!self.calls.iter().any(|call| call.starts_with("annotate")), "{self:#?}");
    }
}

#[test]
fn a_deployment_has_its_annotation_and_its_meta_data() {
    let more = "  alias: live\n  function_url: {auth_type: AWS_IAM}\n";
    let step = Step::new(&(stanza("f") + more));
    let first = step.run();
    first.check(0, "success", "deployed");
    assert!(first.log.contains("deployed f\n"), "{first:#?}");
    assert!(first.meta_data("function_arn").ends_with(":function:f"), "{first:#?}");
    assert!(first.meta_data("url").starts_with("https://"), "{first:#?}");
    assert_eq!((first.meta_data("version"), first.meta_data("previous_version")), ("1", ""));
    fs::write(step.checkout.path().join("index.js"), "// 2\n").expect("written");
    let second = step.run();
    second.check(0, "success", "deployed");
    assert_eq!((second.meta_data("version"), second.meta_data("previous_version")), ("2", "1"));
    step.run().check(0, "success", "unchanged");
    let step = step.set("command", "plan");
    fs::write(step.checkout.path().join("index.js"), "// 3\n").expect("written");
    let planned = step.run();
    planned.check(0, "info", "planned");
    assert!(planned.annotation.contains("| Step | Change | From | To |"), "{planned:#?}");
    let step = step.set("command", "rollback").env("BUILDKITE_STEP_KEY", "back");
    let back = step.run();
    assert_eq!((back.meta_data("back:version"), back.meta_data("back:previous_version")), ("1", "2"));
    let step = step.set("command", "deploy").env("BUILDKITE_PULL_REQUEST", "7");
    step.env("BUILDKITE_STEP_KEY", "").run().check(0, "info", "skipped");
}

#[test]
fn a_failure_is_an_error_unless_the_stanza_allows_it() {
    Step::new(&(stanza("f") + "  timeout: ten\n")).run().check(2, "error", "failed");
    Step::new(&stanza("f")).read_only().run().check(1, "error", "failed");
    Step::new(&(stanza("f") + "  allow_failure: true\n")).read_only().run().check(0, "warning", "failed");
    let missing = Step::new(&stanza("f")).set("program", "/nowhere/dpl-lambda").run();
    assert_eq!((missing.status, missing.calls.len()), (Some(2), 0), "{missing:#?}");
    assert!(missing.log.contains("`program` is `/nowhere/dpl-lambda`, which cannot be run"), "{missing:#?}");
}

#[test]
fn an_agent_that_fails_or_is_missing_does_not_change_the_status() {
    for (stanza, status) in [(stanza("f"), 0), (stanza("f") + "  timeout: ten\n", 2)] {
        let ended = Step::new(&stanza).env("AGENT_FAILS", "1").run();
        assert_eq!(ended.status, Some(status), "{ended:#?}");
        for what in ["the meta-data dpl-lambda:outcome", "the annotation"] {
            let message =
                format!("cannot set {what} of the build; the deployment ended with exit status {status}\n");
            assert!(ended.log.contains(&message), "expected {message}{ended:#?}");
        }
        let step = Step::new(&stanza);
        fs::remove_file(step.agent.path().join("bin/buildkite-agent")).expect("it exists");
        let ended = step.run();
        assert_eq!((ended.status, ended.calls.len()), (Some(status), 0), "{ended:#?}");
    }
}

#[test]
fn only_and_a_travis_yml_select_a_stanza() {
    let step = Step::new("").without("stanza").set("travis-yml", ".travis.yml").set("only", "two");
    fs::write(step.checkout.path().join(".travis.yml"), two_stanzas()).expect("written");
    step.run().check(0, "success", "deployed");
    assert!(step.endpoint.function("one").is_none() && step.endpoint.function("two").is_some());
}

#[test]
fn no_setting_is_interpreted_by_a_shell_or_is_an_option() {
    for (name, value) in [
        ("command", "deploy; touch pwned"),
        ("command", "--help"),
        ("stanza", "$(touch pwned)`touch pwned`'\";touch pwned;.yml"),
        ("stanza", "--help"),
        ("only", "--format=json"),
        ("only", "1\n--- pwned"),
        ("program", "$(touch pwned)"),
        ("oidc", "$(touch pwned)"),
        ("version", "$(touch pwned)"),
        ("archive", "$(touch pwned)"),
    ] {
        let step = Step::new(&stanza("f")).set(name, value);
        let step = if ["version", "archive"].contains(&name) { step.without("program") } else { step };
        let ended = step.run();
        assert!(ended.status != Some(0), "{name}: {value}\n{ended:#?}");
        assert!(!ended.log.contains("Usage:"), "{name}: {value}\n{ended:#?}");
        assert!(!ended.log.lines().any(|line| line == "--- pwned"), "{name}: {value}\n{ended:#?}");
        assert!(!step.checkout.path().join("pwned").exists(), "{name}: {value}");
        assert_eq!(step.endpoint.calls().len(), 0, "{name}: {value}");
    }
}

#[test]
fn what_the_plugin_cannot_do_ends_the_step() {
    let step = || Step::new(&stanza("f"));
    step().set("onlly", "f").run().refused("`BUILDKITE_PLUGIN_DPL_LAMBDA_ONLLY` is no setting");
    step().set("only-0", "f").run().refused("`BUILDKITE_PLUGIN_DPL_LAMBDA_ONLY_0` is no setting");
    step().set("oidc", "yes").run().refused("`oidc` is `yes`; expected true or false");
    step().set("travis-yml", ".travis.yml").run().refused("set one of `stanza` and `travis-yml`");
    step().without("stanza").run().refused("set one of `stanza` and `travis-yml`");
    step().env("BUILDKITE_COMMAND", "npm run build").run().refused("the step has a command");
    let token = step().set("oidc", "true").env("AGENT_FAILS", "1").run();
    token.refused("Buildkite returned no token");
}

#[test]
fn oidc_passes_a_token_of_the_agent() {
    let step = Step::new(&stanza("f"));
    let program = step.tool("program", "#!/usr/bin/env bash\necho \"token: ${AWS_ID_TOKEN:-none}\"\n");
    let step = step.set("program", &program.display().to_string());
    let without = step.run();
    assert!(without.log.contains("token: none\n") && without.calls.is_empty(), "{without:#?}");
    let with = step.set("oidc", "true").run();
    assert!(with.log.contains("token: header.claims.signature\n"), "{with:#?}");
    assert_eq!(with.calls, ["oidc request-token --audience sts.amazonaws.com"]);
}

#[test]
fn settings_are_found_if_the_address_of_the_plugin_ends_with_git() {
    let step = Step::new(&stanza("f")).env("BUILDKITE_PLUGIN_NAME", "DPL_LAMBDA_GIT");
    step.run().check(0, "success", "deployed");
}

#[test]
fn a_version_is_installed_from_where_the_plugin_comes_from() {
    let checkout = TempDir::new().expect("a temporary directory");
    for file in ["hooks/command", "action.sh", "examples/ci/install.sh"] {
        let copy = checkout.path().join(file);
        fs::create_dir_all(copy.parent().expect("a directory")).expect("created");
        fs::write(copy, repository::read(Path::new(file))).expect("written");
    }
    let plugin = checkout.path();
    git(plugin, &["init", "--quiet"]);
    git(plugin, &["remote", "add", "origin", "placeholder"]);
    let mut step = Step::new(&stanza("f")).without("program").set("version", "0.1.0");
    plugin.clone_into(&mut step.plugin);
    let step = step.set("sha256", &"0".repeat(64));
    step.tool("curl", "#!/usr/bin/env bash\necho \"curl: ${!#}\"\nexit 22\n");
    for (address, server) in [
        ("https://example.com/OWNER/dpl-lambda", "example.com"),
        ("https://user:password@example.com:8443/OWNER/dpl-lambda.git", "example.com:8443"),
        ("git@example.com:OWNER/dpl-lambda.git", "example.com"),
        ("ssh://git@example.com/OWNER/dpl-lambda", "example.com"),
    ] {
        git(plugin, &["remote", "set-url", "origin", address]);
        let ended = step.run();
        let release = format!("curl: https://{server}/OWNER/dpl-lambda/releases/download/v0.1.0/dpl-lambda-");
        assert!(ended.log.contains(&release), "expected {release}\n{ended:#?}");
        ended.refused("dpl-lambda is not installed");
        assert!(!ended.log.contains("password"), "{ended:#?}");
    }
    git(plugin, &["remote", "set-url", "origin", "/srv/password/dpl-lambda"]);
    let ended = step.run();
    ended.refused("the releases of this plugin cannot be found");
    assert!(!ended.log.contains("password"), "{ended:#?}");
}

/// A second signal would end the program at once, before the answer of the call.
#[test]
fn a_cancelled_job_sends_the_program_one_signal() {
    let step = Step::new(&stanza("f"));
    let kind = FaultKind::Slow { answer_over: Duration::from_secs(1) };
    let create = "CreateFunction";
    step.endpoint.fault(Fault::once(create, kind));
    let ended = step.cancelled_in(create);
    let is_known =
        ["deployed f\n", "already done: create-function"].iter().any(|text| ended.log.contains(text));
    assert!(is_known && !ended.annotation.is_empty(), "{ended:#?}");
}

#[test]
fn a_cancelled_job_ends_the_run_and_has_its_annotation() {
    let step = Step::new(&stanza("f"));
    step.endpoint.fault(Fault::once("GetFunction", FaultKind::hang()));
    step.cancelled_in("GetFunction").check(143, "error", "failed");
}

/// The status of the program counts, and not that of the signal, even if the program has ended before the hook
/// waits for it again.
#[test]
fn a_cancelled_job_has_the_status_of_the_program() {
    let step = Step::new(&stanza("f"));
    let script = "#!/usr/bin/env bash\ntrap 'exit 7' TERM\ntouch \"$RECORDS/started\"\n\
                  while :; do sleep 0.02; done\n";
    let program = step.tool("program", script).display().to_string();
    let slow_kill = slow_kill(step.agent.path()).display().to_string();
    let step = step.set("program", &program).env("BASH_ENV", &slow_kill);
    let child = step.command().process_group(0).spawn().expect("bash starts");
    wait_until("the program", || step.agent.path().join("started").exists());
    signal_group(&child, "INT");
    let ended = step.ended(child.wait_with_output().expect("the step ends"));
    assert_eq!(ended.status, Some(7), "{ended:#?}");
}

#[test]
fn the_settings_are_the_inputs_of_the_action_and_oidc() {
    let names = |value: &Value| -> BTreeSet<String> { members(value).map(|(k, _)| k.to_owned()).collect() };
    let file = |name: &str| yaml(&repository::read(Path::new(name)));
    let (plugin, action) = (file("plugin.yml"), file("action.yml"));
    let (properties, inputs) = (&plugin["configuration"]["properties"], &action["inputs"]);
    for (name, input) in members(inputs).filter(|(name, _)| *name != "command") {
        assert_eq!(properties[name]["description"], input["description"], "{name}");
    }
    let (settings, mut expected) = (names(properties), names(inputs));
    expected.insert("oidc".to_owned());
    assert_eq!(settings, expected);
    // Each is a setting of the hook, too, which then refuses the command of the step.
    let step = || Step::new(&stanza("f")).env("BUILDKITE_COMMAND", "npm test");
    for name in settings {
        step().set(&name, "x").run().refused("the step has a command");
    }
}

#[test]
fn the_documented_step_is_valid_by_the_schema_of_the_settings_which_refuses_others() {
    let plugin = yaml(&repository::read(Path::new("plugin.yml")));
    let configuration = &plugin["configuration"];
    assert!(jsonschema::draft7::meta::is_valid(configuration));
    let pipeline = yaml(&repository::documented("# .buildkite/pipeline.yml"));
    let mut plugins = members(&pipeline["steps"][0]["plugins"][0]);
    let (address, settings) = plugins.next().expect("a plugin");
    assert_eq!(address, format!("https://github.com/OWNER/dpl-lambda#v{}", env!("CARGO_PKG_VERSION")));
    assert!(jsonschema::draft7::is_valid(configuration, settings), "{settings}");
    for (name, value) in [
        ("onlly", json!("f")),
        ("command", json!("destroy")),
        ("oidc", json!("yes")),
        ("only", json!(["a", "b"])),
        ("travis-yml", json!(".travis.yml")),
    ] {
        let mut other = settings.clone();
        other[name] = value;
        assert!(!jsonschema::draft7::is_valid(configuration, &other), "{other}");
    }
}
