//! Test harness: a job with an endpoint, a build directory and a home directory. It runs the program and
//! scans what it shows. Never checks outcomes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::observers::{EventSink, files};
use super::secrets::{secret, variables};
use crate::aws_state::create_request;
use crate::plugin::{PluginOutput, program};
use crate::shell::PATH;

/// A job, and a request with a secret in every place that can hold one.
pub(super) struct Stage<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) request: Value,
    /// Variables of the process, in addition to those of every run.
    pub(super) process: Vec<(OsString, OsString)>,
    name: String,
    observers: &'a EventSink,
    root: TempDir,
}

impl<'a> Stage<'a> {
    /// Creates a job whose stanza contains the credentials.
    pub(super) fn new(name: &str, observers: &'a EventSink) -> Self {
        let mut stage = Stage::at(name, observers, identity(""));
        stage.request = stage.full();
        stage
    }

    /// Creates a job with this endpoint and an empty request.
    fn at(name: &str, observers: &'a EventSink, settings: Settings) -> Self {
        let root = TempDir::new().expect("a temporary directory");
        for name in ["build", "home", "tmp"] {
            fs::create_dir(root.path().join(name)).expect("created");
        }
        let endpoint = Endpoint::start(settings).expect("a free port");
        let stage = Stage {
            endpoint,
            request: json!({}),
            process: Vec::new(),
            name: name.to_owned(),
            observers,
            root,
        };
        stage.write("build/index.js", "exports.handler = async () => 'hello'\n");
        stage
    }

    /// Creates the same job again, in its initial state.
    pub(super) fn again(&self) -> Stage<'a> {
        Stage::new(&self.name, self.observers)
    }

    /// Creates the same job with an endpoint that accepts only other credentials: `profile`, `process`,
    /// `role`.
    pub(super) fn acting_as(&self, who: &str) -> Stage<'a> {
        let mut stage = self.with(identity(&format!("{who} ")));
        stage.request = stage.full();
        stage
    }

    /// Creates the same job with another endpoint and an empty request.
    pub(super) fn with(&self, settings: Settings) -> Stage<'a> {
        Stage::at(&self.name, self.observers, settings)
    }

    fn full(&self) -> Value {
        let names = ["DOLLAR", "LINES", "LONG", "PLAIN", "STOP"];
        let environment: Value = names
            .map(|name| (name.to_owned(), json!(secret(&format!("environment.{name}")))))
            .into_iter()
            .collect();
        json!({
            "function_name": "f",
            "role": "arn:aws:iam::123456789012:role/run",
            "runtime": "nodejs22.x",
            "handler_name": "handler",
            "zip": "index.js",
            "access_key_id": secret("access_key_id"),
            "secret_access_key": secret("secret_access_key"),
            "session_token": secret("session_token"),
            "environment": environment,
            "function_tags": {"cost": secret("function_tags.cost"), "team": secret("function_tags.team")},
            "env": self.env(),
        })
    }

    /// The variables of the job, including every secret one.
    pub(super) fn env(&self) -> Value {
        let mut env = json!({
            "PATH": self.observers.path(),
            "HOME": self.path("home"),
            "TMPDIR": self.path("tmp"),
            "TRAVIS_BRANCH": "master",
            "TRAVIS_PULL_REQUEST": "false",
            "AWS_ENDPOINT_URL": self.endpoint.url(),
        });
        for (name, value) in variables() {
            env[name] = json!(value);
        }
        env
    }

    /// Returns a path in the job's directory, which contains `build`, `home` and `tmp`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("created");
        fs::write(path, text).expect("written");
    }

    /// Adds members to the stanza, or replaces them.
    pub(super) fn say(&mut self, stanza: Value) -> &mut Self {
        for (key, value) in stanza.as_object().expect("an object") {
            self.request[key] = value.clone();
        }
        self
    }

    /// Changes the request only while `act` runs.
    pub(super) fn saying(&mut self, stanza: Value, act: impl FnOnce(&mut Self)) {
        let before = self.request.clone();
        self.say(stanza);
        act(self);
        self.request = before;
    }

    /// Removes the credentials from the stanza and from the job's variables.
    pub(super) fn anonymous(&mut self) -> &mut Self {
        for key in ["access_key_id", "secret_access_key", "session_token"] {
            let variable = format!("AWS_{}", key.to_uppercase());
            self.request.as_object_mut().expect("an object").remove(key);
            self.request["env"].as_object_mut().expect("an object").remove(&variable);
        }
        self
    }

    /// Creates a function with other secrets.
    pub(super) fn seed(&self) {
        let mut function = create_request();
        function["Environment"] =
            json!({"Variables": {"LIVE": secret("live environment"), "PLAIN": "another"}});
        function["Tags"] = json!({"live": secret("live tag"), "team": "another"});
        self.endpoint.seed(function).expect("a valid function");
    }

    /// Adds a fault for the next call of the operation.
    pub(super) fn fault(&self, operation: &str, kind: FaultKind) {
        self.endpoint.fault(Fault::once(operation, kind));
    }

    /// Runs each command with the request.
    pub(super) fn run_each(&self, commands: &[&[&str]]) {
        commands.iter().for_each(|arguments| drop(self.run(arguments)));
    }

    /// Runs a command with the request.
    pub(super) fn run(&self, arguments: &[&str]) -> PluginOutput {
        self.run_on(arguments, self.request.to_string().as_bytes())
    }

    /// Runs a command with these bytes as input.
    pub(super) fn run_on(&self, arguments: &[&str], input: &[u8]) -> PluginOutput {
        self.run_while(arguments, input, |_| ())
    }

    /// Runs a command with these bytes as input, and calls `act` while it runs.
    pub(super) fn run_while(
        &self,
        arguments: &[&str],
        input: &[u8],
        act: impl FnOnce(&Child),
    ) -> PluginOutput {
        let before: BTreeSet<PathBuf> = files(self.root.path()).into_iter().collect();
        let began = Instant::now();
        let mut child = self.command(arguments).spawn().expect("the program starts");
        let id = child.id();
        self.observers.begin(id, &self.name, self.path("tmp"));
        let (mut stdin, input) = (child.stdin.take().expect("piped"), input.to_vec());
        // The program may stop reading early, so an error is expected here.
        thread::spawn(move || drop(stdin.write_all(&input)));
        act(&child);
        let ended = PluginOutput::of(child, began);
        self.observers.end(id);
        let show = |what: &str, bytes: &[u8]| {
            self.observers.read(&self.name, &format!("{what} of `{}`", arguments.join(" ")), bytes);
        };
        show("standard output", ended.stdout.as_bytes());
        show("standard error", ended.stderr.as_bytes());
        for file in files(self.root.path()).into_iter().filter(|file| !before.contains(file)) {
            let name = file.strip_prefix(self.root.path()).unwrap_or(&file).display().to_string();
            show(&format!("the file {name}"), &fs::read(&file).unwrap_or_default());
            if name.starts_with("tmp") {
                self.observers.find_left(&self.name, name);
            }
        }
        ended
    }

    /// Runs a command that writes no events, with secrets in its environment.
    pub(super) fn look(&self, arguments: &[&str]) {
        let mut command = self.command(arguments);
        let child = command.envs(variables()).stdin(Stdio::null()).spawn().expect("the program starts");
        let id = child.id();
        self.observers.begin(id, &self.name, self.path("tmp"));
        let output = child.wait_with_output().expect("the output can be read");
        self.observers.end(id);
        for bytes in [output.stdout, output.stderr] {
            self.observers.read(&self.name, &format!("what `{}` prints", arguments.join(" ")), &bytes);
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.path("build")).env_clear().env("PATH", &*PATH);
        command.env("DPL_LAMBDA_LOG", "trace").env("TMPDIR", self.path("tmp"));
        command.envs(self.process.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Settings of an endpoint that accepts these credentials. `whose` is empty for those of the stanza.
fn identity(whose: &str) -> Settings {
    Settings {
        access_key_id: secret(&format!("{whose}access_key_id")),
        secret_access_key: secret(&format!("{whose}secret_access_key")),
        session_token: Some(secret(&format!("{whose}session_token"))),
        ..Settings::default()
    }
}
