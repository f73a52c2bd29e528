//! Reads and runs one file of `cases/`: one or more runs with the same endpoint and files, described as plain
//! JSON.

use std::collections::BTreeMap;
use std::path::Path;

use lambda_endpoint::{Call, Endpoint, Fault, Settings};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin::{PluginCommand, PluginOutput, agrees, secrets_of};
use crate::plugin_settings::settings_of;

/// A file of `cases/`. People and programs write these files, so the format is derived and unknown keys are
/// errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The property that the case shows, as a sentence.
    #[serde(rename = "title")]
    _title: String,
    /// The source of the expectation: an AWS page, dpl's source, an issue number, "tried".
    source: String,
    /// True if the case takes longer than a second, because a timeout must expire. It then belongs to the
    /// second tier.
    #[serde(default)]
    pub(crate) long: bool,
    /// Files in the build directory. Default: a small `index.js`.
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
    /// A Lambda endpoint. Absent: the job has neither an endpoint nor keys.
    #[serde(default)]
    endpoint: Option<EndpointSetup>,
    /// The runs, in order.
    runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointSetup {
    /// Settings in the endpoint's JSON format: `{"update_ms": 300}`.
    #[serde(default)]
    settings: Option<Value>,
    /// Functions that exist at the start, as bodies of CreateFunction.
    #[serde(default)]
    functions: Vec<Value>,
    /// Faults in the endpoint's JSON format.
    #[serde(default)]
    faults: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// Arguments. Default: none, which means `deploy`.
    #[serde(default)]
    args: Vec<String>,
    /// The request. With an endpoint, its `env` gets keys, the endpoint's URL and branch `master` for all
    /// variables that it does not set itself.
    #[serde(default)]
    stdin: Option<Value>,
    /// The raw text of standard input, instead of `stdin`.
    #[serde(default)]
    stdin_text: Option<String>,
    /// Files to write before this run.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The expected exit status.
    exit: i32,
    /// All expected events in order, without `hello`. An actual event may have more keys.
    #[serde(default)]
    events: Option<Vec<Value>>,
    /// The expected last event.
    #[serde(default)]
    finished: Option<Value>,
    /// Codes and pointers of the expected warnings, in order. Default: none.
    #[serde(default)]
    warnings: Vec<Warned>,
    /// The expected calls to the endpoint in this run.
    #[serde(default)]
    calls: Option<Vec<Value>>,
    /// The expected answer of GetFunction for the function `f` after this run.
    #[serde(default)]
    function: Option<Value>,
    /// The expected answers of GetFunction after this run, by the function's name. Null: it does not exist.
    #[serde(default)]
    functions: BTreeMap<String, Value>,
    /// Texts that must not occur in any output.
    #[serde(default)]
    secrets: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Warned {
    code: String,
    at: Option<String>,
    /// The expected message, if the case gives one.
    #[serde(default)]
    message: Option<String>,
    /// The expected hint, if the case gives one.
    #[serde(default)]
    hint: Option<String>,
    /// The expected IAM statement, if the case gives one.
    #[serde(default)]
    policy_statement: Option<Value>,
}

impl Case {
    /// Reads a case. The error says why it is invalid.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let case: Case = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if case.source.is_empty() { Err("`source` is empty".to_owned()) } else { Ok(case) }
    }

    /// Runs the case. Panics at the first difference.
    pub(crate) fn play(&self) {
        self.play_each(|run, directory, endpoint, number| {
            run.play(directory, endpoint, number);
            true
        });
    }

    /// Runs the case with the stanzas in the settings of a plugin, as far as settings can say them, and returns
    /// the number of these runs. Panics at the first difference.
    pub(crate) fn play_as_plugin(&self) -> usize {
        self.play_each(Run::play_as_plugin)
    }

    /// Returns the number of runs for which `play` returns true.
    fn play_each(&self, play: impl Fn(&Run, &Path, Option<&Endpoint>, usize) -> bool) -> usize {
        let directory = TempDir::new().expect("a temporary directory");
        let default =
            BTreeMap::from([("index.js".to_owned(), "exports.handler = async () => 'hello'\n".to_owned())]);
        write(directory.path(), self.files.as_ref().unwrap_or(&default));
        let endpoint = self.endpoint.as_ref().map(EndpointSetup::start);
        let played = self.runs.iter().enumerate().filter(|(number, run)| {
            write(directory.path(), &run.files);
            play(run, directory.path(), endpoint.as_ref(), number + 1)
        });
        played.count()
    }
}

impl EndpointSetup {
    fn start(&self) -> Endpoint {
        let settings = self.settings.as_ref().map_or(Ok(Settings::default()), Settings::from_json);
        let endpoint = Endpoint::start(settings.expect("valid settings")).expect("a free port");
        for function in &self.functions {
            endpoint.seed(function.clone()).expect("a valid function");
        }
        for fault in &self.faults {
            endpoint.fault(Fault::from_json(fault).expect("a valid fault"));
        }
        endpoint
    }
}

impl Run {
    fn play(&self, directory: &Path, endpoint: Option<&Endpoint>, number: usize) {
        let arguments: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let plugin = PluginCommand::new(&arguments).directory(directory).secrets(self.secrets.clone());
        if let Some(endpoint) = endpoint {
            endpoint.forget_calls();
        }
        let request = self.stdin.as_ref().map(|request| completed(request, endpoint));
        let ended = match (&request, &self.stdin_text) {
            (Some(request), None) => {
                plugin.secrets(secrets_of(request)).run_on(request.to_string().as_bytes())
            }
            (None, Some(text)) => plugin.run_on(text.as_bytes()),
            _ => panic!("run {number}: give `stdin` or `stdin_text`"),
        };
        self.compare(&ended, endpoint, number);
        crate::terminal_snapshots::check(&ended.events);
        if let Some(request) = &request {
            crate::schemas::check_agreement(request, &ended);
        }
    }

    /// Returns false if settings cannot say what the request says.
    fn play_as_plugin(&self, directory: &Path, endpoint: Option<&Endpoint>, number: usize) -> bool {
        let command = self.args.first().map_or("deploy", String::as_str);
        let request = self.stdin.as_ref().map(|request| completed(request, endpoint));
        let Some(request) = request.filter(|request| command != "package" && request["stanzas"].is_null())
        else {
            return false;
        };
        let Some(settings) = settings_of(&request) else { return false };
        if let Some(endpoint) = endpoint {
            endpoint.forget_calls();
        }
        let mut plugin = PluginCommand::new(&["plugin"]).directory(directory).secrets(self.secrets.clone());
        plugin = plugin.env("GIT_CEILING_DIRECTORIES", "/");
        for (name, value) in request["env"].as_object().into_iter().flatten() {
            plugin = plugin.env(name, value.as_str().unwrap_or_default());
        }
        for (name, text) in &settings {
            plugin = plugin.env(&format!("PLUGIN_{name}"), text);
        }
        plugin = plugin.env("PLUGIN_COMMAND", command).env("PLUGIN_FORMAT", "json");
        let ended = plugin.secrets(secrets_of(&request)).run_on(b"");
        self.compare(&ended, endpoint, number);
        true
    }

    fn compare(&self, ended: &PluginOutput, endpoint: Option<&Endpoint>, number: usize) {
        let output = &ended.stdout;
        assert_eq!(ended.status.code(), Some(self.exit), "run {number}: exit status\n{output}");
        if let Some(events) = &self.events {
            let expected: Vec<&Value> = events.iter().collect();
            // On a busy machine any task can take long enough to report its progress.
            let is_expected = |event: &&Value| {
                let same = |other: &Value| other["event"] == "progress" && other["task"] == event["task"];
                event["event"] != "progress" || events.iter().any(same)
            };
            let actual: Vec<&Value> = ended.events.iter().skip(1).filter(is_expected).collect();
            let order =
                |events: &[&Value]| events.iter().map(|event| event["event"].clone()).collect::<Vec<_>>();
            assert_eq!(order(&actual), order(&expected), "run {number}: the order of events\n{output}");
            for (expected, actual) in expected.iter().zip(&actual) {
                assert!(agrees(expected, actual), "run {number}: expected\n{expected}\ngot\n{actual}");
            }
        }
        if let Some(finished) = &self.finished {
            let actual = ended.finished();
            assert!(agrees(finished, actual), "run {number}: expected\n{finished}\ngot\n{actual}");
        }
        let warned: Vec<Warned> = ended
            .events
            .iter()
            .filter(|event| event["event"] == "warning")
            .enumerate()
            .map(|(place, event)| {
                let expected = self.warnings.get(place);
                let text = |key: &str| event[key].as_str().map(str::to_owned);
                Warned {
                    code: text("code").unwrap_or_default(),
                    at: text("at"),
                    message: expected
                        .and_then(|warned| warned.message.as_ref())
                        .and_then(|_| text("message")),
                    hint: expected.and_then(|warned| warned.hint.as_ref()).and_then(|_| text("hint")),
                    policy_statement: expected
                        .and_then(|warned| warned.policy_statement.as_ref())
                        .map(|_| event["policy_statement"].clone()),
                }
            })
            .collect();
        assert_eq!(warned, self.warnings, "run {number}: warnings\n{output}");
        if let Some(calls) = &self.calls {
            let endpoint = endpoint.expect("calls need an endpoint");
            let actual: Vec<Value> = endpoint.calls().iter().map(reported).collect();
            assert!(
                agrees(&json!(calls), &json!(actual)),
                "run {number}: expected calls\n{calls:#?}\ngot\n{actual:#?}"
            );
        }
        let functions = self.functions.iter().map(|(name, function)| (name.as_str(), function));
        for (name, function) in functions.chain(self.function.as_ref().map(|function| ("f", function))) {
            let actual = endpoint.and_then(|endpoint| endpoint.function(name)).unwrap_or_default();
            assert!(
                agrees(function, &actual),
                "run {number}: expected function {name}\n{function:#}\ngot\n{actual:#}"
            );
        }
    }
}

/// The part of a call that cases compare.
fn reported(call: &Call) -> Value {
    json!({
        "operation": call.operation, "path": call.path, "status": call.status, "body": call.body,
        "access_key_id": call.access_key_id, "client_context": call.client_context,
    })
}

/// Returns the request with the variables that a job needs to reach the endpoint.
fn completed(request: &Value, endpoint: Option<&Endpoint>) -> Value {
    let mut request = request.clone();
    let Some(endpoint) = endpoint else { return request };
    let mut env = crate::plugin::job_env(endpoint);
    let own = request["env"].take();
    let env_map = env.as_object_mut().expect("an object");
    if request.get("access_key_id").is_some() || request.get("secret_access_key").is_some() {
        env_map.retain(|name, _| !name.contains("ACCESS_KEY"));
    }
    env_map.extend(own.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    request["env"] = env;
    request
}

fn write(directory: &Path, files: &BTreeMap<String, String>) {
    for (name, content) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }
}
