//! Runs the program once: starts it, writes its input, collects its output, and checks the properties that
//! every run must have.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Once};
use std::time::{Duration, Instant};

use crate::shell::{self, PATH};
use lambda_endpoint::Endpoint;
use serde_json::{Value, json};

/// The path of the program under test: `DPL_LAMBDA`, or the program of this package.
pub(crate) fn program() -> String {
    static ONCE: Once = Once::new();
    ONCE.call_once(restore_signals);
    std::env::var("DPL_LAMBDA").unwrap_or_else(|_| env!("CARGO_BIN_EXE_dpl-lambda").to_owned())
}

/// Ensures that the programs that tests start do not ignore signals. If the tests run in the background of a
/// shell (SIGINT, SIGQUIT) or under `nohup`, some signals are ignored, and child processes inherit that. A
/// signal with a handler here gets its default action in a child; the handler does nothing.
fn restore_signals() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    for (_, signal) in SIGNALS.into_iter().filter(|(_, signal)| ignored & (1 << (signal - 1)) != 0) {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .expect("a signal that can have a handler");
    }
}

/// The signals that cancel a run cleanly, with their numbers on Linux.
pub(crate) const SIGNALS: [(&str, i32); 11] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("TERM", 15),
    ("XCPU", 24),
    ("VTALRM", 26),
    ("PROF", 27),
    ("IO", 29),
];

/// Time limit of a run.
const LIMIT: Duration = Duration::from_secs(120);

/// A run that is being set up.
pub(crate) struct PluginCommand {
    command: Command,
    secrets: Vec<String>,
}

/// A run that has ended, with its output.
#[derive(Debug)]
pub(crate) struct PluginOutput {
    pub(crate) events: Vec<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
    pub(crate) elapsed: Duration,
}

impl PluginCommand {
    /// The program with these arguments. Its environment has only a `PATH` and the variable of a runner that
    /// states that the build is no pull request.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().env("PATH", &*PATH);
        command.env("TRAVIS_PULL_REQUEST", "false");
        // Warnings about old runtimes must not depend on the date of the test run.
        command.env("DPL_LAMBDA_TODAY", "2026-11-01");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        PluginCommand { command, secrets: Vec::new() }
    }

    /// The same behind limits that bash sets, such as `ulimit -d 307200`.
    pub(crate) fn limited(limits: &str, arguments: &[&str]) -> Self {
        let mut plugin = PluginCommand::new(&[]);
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), &program()]).args(arguments).env_clear();
        bash.envs(plugin.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        plugin.command = bash;
        plugin
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Adds texts that must not occur in any output.
    pub(crate) fn secrets(mut self, secrets: impl IntoIterator<Item = String>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    pub(crate) fn spawn(&mut self) -> Child {
        self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program()))
    }

    /// Runs the program with a request, and checks the properties that every run must have.
    pub(crate) fn run(self, request: &Value) -> PluginOutput {
        let secrets = secrets_of(request);
        self.secrets(secrets).run_on(request.to_string().as_bytes())
    }

    /// Runs the program with these bytes as input, and checks the properties that every run must have.
    pub(crate) fn run_on(mut self, input: &[u8]) -> PluginOutput {
        let began = Instant::now();
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // The program may stop reading early, so an error of the write is no failure of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ended = PluginOutput::of(child, began);
        writer.join().expect("the writer thread does not panic");
        ended.check(&self.secrets);
        ended
    }
}

impl PluginOutput {
    /// Waits for the end of a run, for at most [`LIMIT`].
    pub(crate) fn of(child: Child, began: Instant) -> Self {
        let id = child.id();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || drop(sender.send(child.wait_with_output())));
        let Ok(output) = receiver.recv_timeout(LIMIT) else {
            let _ = shell::kill().args(["-KILL", &id.to_string()]).status();
            panic!("the run did not end within {LIMIT:?}");
        };
        let output = output.expect("readable");
        let stdout = String::from_utf8(output.stdout).expect("events are UTF-8");
        let events = stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("invalid JSON: {line}: {error}"))
            })
            .collect();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        PluginOutput { events, stdout, stderr, status: output.status, elapsed: began.elapsed() }
    }

    /// Waits for the end of a run, and checks the properties that every run must have.
    #[track_caller]
    pub(crate) fn ended(child: Child) -> Self {
        let ended = PluginOutput::of(child, Instant::now());
        ended.check(&[]);
        ended
    }

    /// Checks the properties that every run must have.
    #[track_caller]
    pub(crate) fn check(&self, secrets: &[String]) {
        let tag = |event: &Value| event["event"].as_str().unwrap_or_default().to_owned();
        let tags: Vec<String> = self.events.iter().map(tag).collect();
        assert_eq!(
            tags.first().map(String::as_str),
            Some("hello"),
            "the first event is not `hello`\n{}",
            self.stdout
        );
        assert_eq!(
            tags.last().map(String::as_str),
            Some("finished"),
            "the last event is not `finished`\n{}\n{}",
            self.stdout,
            self.stderr
        );
        assert_eq!(
            tags.iter().filter(|tag| *tag == "finished").count(),
            1,
            "there is not exactly one `finished`\n{}",
            self.stdout
        );
        for event in &self.events {
            let problems: Vec<String> = EVENT.iter_errors(event).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "not valid against schema/event.json: {event}\n{problems:?}");
            assert!(
                event["message"].as_str().is_some_and(|message| !message.contains('\n')),
                "`message` is not one line: {event}"
            );
            assert!(is_time(&event["time"]), "`time` is not in UTC with milliseconds: {event}");
        }
        self.check_scopes();
        assert_eq!(self.status.code(), Some(self.expected_status()), "exit status of\n{}", self.stdout);
        for secret in secrets {
            assert!(!self.stdout.contains(secret), "a secret on stdout: {secret}\n{}", self.stdout);
            assert!(!self.stderr.contains(secret), "a secret on stderr: {secret}\n{}", self.stderr);
        }
    }

    /// Checks that each event of a list names its stanza and its function, and that no other event does.
    #[track_caller]
    fn check_scopes(&self) {
        let Some(functions) = self.finished()["functions"].as_array() else {
            let scoped = self.events.iter().find(|event| !event["stanza"].is_null());
            return assert!(scoped.is_none(), "an event of a list in a run without one\n{}", self.stdout);
        };
        for (index, function) in functions.iter().enumerate() {
            assert_eq!(function["stanza"], index, "`functions` of\n{}", self.stdout);
        }
        let of_a_stanza =
            |event: &&Value| !["hello", "phase", "finished"].map(Some).contains(&event["event"].as_str());
        for event in self.events.iter().filter(of_a_stanza) {
            let stanza = event["stanza"].as_u64().unwrap_or_else(|| panic!("no `stanza`: {event}"));
            assert!(stanza < functions.len() as u64, "no stanza has this index: {event}");
            let name = event["function_name"].as_str().map(str::to_owned);
            let prefix = name.unwrap_or_else(|| format!("stanza {stanza}")) + ": ";
            let message = event["message"].as_str().expect("a string");
            assert!(message.starts_with(&prefix), "the message does not begin with `{prefix}`: {event}");
        }
    }

    /// The results of the functions of a list, in the order of its stanzas.
    pub(crate) fn functions(&self) -> Vec<&Value> {
        self.finished()["functions"].as_array().into_iter().flatten().collect()
    }

    /// The outcomes of the functions of a list, in the order of its stanzas.
    pub(crate) fn outcomes(&self) -> Vec<&str> {
        self.functions().into_iter().filter_map(|function| function["outcome"].as_str()).collect()
    }

    /// The exit status for the outcome. The events show whether a request to AWS was made: `identified` and
    /// those after it.
    fn expected_status(&self) -> i32 {
        let finished = self.finished();
        let error = &finished["error"];
        match (finished["outcome"].as_str(), error["code"].as_str()) {
            (Some("failed"), Some("cancelled")) => {
                let words = error["message"].as_str().unwrap_or_default();
                let named = SIGNALS.into_iter().find(|(name, _)| words.contains(&format!("SIG{name}")));
                let number =
                    words.split_once("by signal ").and_then(|(_, rest)| rest.split(';').next()?.parse().ok());
                128 + named.map_or(number.unwrap_or(15), |(_, number)| number)
            }
            (Some("failed"), _) if finished["allowed"] == json!(true) => 0,
            // There is a response of AWS, so a request was made.
            (Some("failed"), _) if error["aws"].is_object() || self.event("planned").is_some() => 1,
            (Some("failed"), _) => match self.status.code() {
                // Both are possible after `identified`, or if a command of the user may have run. A test that
                // needs one of them compares the status itself.
                Some(1) if self.may_have_acted() => 1,
                _ => 2,
            },
            _ => 0,
        }
    }

    fn may_have_acted(&self) -> bool {
        let cleaned_up = self.events.iter().any(|event| event["code"] == "stashed");
        cleaned_up || self.event("identified").is_some() || self.code() == "cleanup-failed"
    }

    /// Standard output with the same time in every event, to compare runs and to show one in a document.
    pub(crate) fn with_fixed_time(&self) -> String {
        let time = |time: &Value| format!("\"time\":{time}");
        let fixed = time(&json!("2026-11-01T12:00:00.000Z"));
        let lines = self.stdout.lines().zip(&self.events);
        lines.map(|(line, event)| line.replacen(&time(&event["time"]), &fixed, 1) + "\n").collect()
    }

    pub(crate) fn finished(&self) -> &Value {
        self.events.last().expect("at least one event")
    }

    pub(crate) fn outcome(&self) -> &str {
        self.finished()["outcome"].as_str().unwrap_or_default()
    }

    /// The error code; empty if the run did not fail.
    pub(crate) fn code(&self) -> &str {
        self.finished()["error"]["code"].as_str().unwrap_or_default()
    }

    /// The first event with this tag.
    pub(crate) fn event(&self, tag: &str) -> Option<&Value> {
        self.events.iter().find(|event| event["event"] == tag)
    }

    /// The steps that were finished, in order.
    pub(crate) fn steps(&self) -> Vec<&str> {
        let finished = self.events.iter().filter(|event| event["event"] == "step-finished");
        finished.filter_map(|event| event["step"].as_str()).collect()
    }
}

/// True for a time such as `2026-11-01T12:00:00.000Z`.
fn is_time(value: &Value) -> bool {
    let zero_for_digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let pattern = value.as_str().map(|time| time.chars().map(zero_for_digit).collect::<String>());
    pattern.is_some_and(|pattern| pattern == "0000-00-00T00:00:00.000Z")
}

static EVENT: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = crate::repository::committed_schema("event.json");
    jsonschema::draft7::new(&schema).expect("schema/event.json is a valid schema")
});

/// Values of a request that must not occur in the output: keys, and the values of `environment` and
/// `function_tags` that begin with `secret-`. Other values could also occur in ordinary text.
pub(crate) fn secrets_of(request: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        secrets.extend(request["env"][name].as_str().map(str::to_owned));
    }
    for stanza in stanzas_of(request) {
        let keys = ["secret_access_key", "session_token", "access_key_id"];
        secrets.extend(keys.iter().filter_map(|key| stanza[key].as_str()).map(str::to_owned));
        for key in ["environment", "environment_variables", "function_tags"] {
            let mut values = Vec::new();
            collect(&stanza[key], &mut values);
            secrets.extend(values.into_iter().filter(|value| value.starts_with("secret-")));
        }
    }
    secrets.into_iter().filter(|secret| secret.len() >= 4).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The stanzas of a request: those of its list, or the request itself.
pub(crate) fn stanzas_of(request: &Value) -> &[Value] {
    request["stanzas"].as_array().map_or(std::slice::from_ref(request), Vec::as_slice)
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            into.push(text.split_once('=').map_or(text.clone(), |(_, value)| value.to_owned()))
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(map) => map.values().for_each(|item| collect(item, into)),
        _ => {}
    }
}

/// The `env` of a job with keys for this endpoint.
pub(crate) fn job_env(endpoint: &Endpoint) -> Value {
    let mut env = json!({"PATH": &*PATH, "TRAVIS_BRANCH": "master", "TRAVIS_PULL_REQUEST": "false"});
    for (name, value) in aws_env(endpoint) {
        env[name] = json!(value);
    }
    env
}

/// The variables with the keys and the address of this endpoint.
pub(crate) fn aws_env(endpoint: &Endpoint) -> [(&'static str, String); 3] {
    [
        ("AWS_ACCESS_KEY_ID", "AKIDENDPOINTEXAMPLE1".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "endpoint-secret-key".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.url()),
    ]
}

/// The variables of an `env`.
pub(crate) fn variables(env: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = env.as_object().expect("an object").iter();
    variables.map(|(name, value)| (name.as_str(), value.as_str().expect("a string")))
}

/// Removes the `env` of a request, and returns it.
pub(crate) fn take_env(request: &mut Value) -> Value {
    request.as_object_mut().and_then(|request| request.remove("env")).expect("the request has `env`")
}

/// True if `actual` contains everything in `expected`: objects may have extra keys, lists must have the same
/// length.
pub(crate) fn agrees(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(key, value)| agrees(value, actual.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(e, a)| agrees(e, a))
        }
        (expected, actual) => expected == actual,
    }
}

/// Kills a program, and waits for its end.
pub(crate) fn kill(mut child: Child) {
    child.kill().expect("the child can be killed");
    child.wait().expect("the child can be waited for");
}
