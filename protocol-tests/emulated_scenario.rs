//! What the tests of releases on emulators share: an emulator with a build directory and a stanza, and boto3.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulators::Emulator;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::tools;

/// Calls Lambda operations, like `ask.py`, but also returns a function's answer and an error's code. For each
/// line of standard input, [OPERATION, ARGUMENTS], it writes the answer as a line of JSON. The script must
/// not contain a single quote, because bash gets it between single quotes.
const CALL_LAMBDA: &str = r#"
import json, sys, boto3
from botocore.exceptions import ClientError
client = boto3.client(
    "lambda", endpoint_url=sys.argv[1], region_name="us-east-1",
    aws_access_key_id="testing", aws_secret_access_key="testing")
for line in sys.stdin:
    operation, arguments = json.loads(line)
    try:
        result = getattr(client, operation)(**arguments)
    except ClientError as error:
        result = {"Code": error.response["Error"]["Code"]}
    if "Payload" in result:
        result["Payload"] = json.load(result["Payload"])
    print(json.dumps(result, default=str), flush=True)
"#;

/// A running boto3 process. A test makes many calls, and starting a process for each would cost half a
/// second.
pub(crate) struct Boto {
    child: Child,
    answers: RefCell<BufReader<ChildStdout>>,
}

impl Boto {
    fn of(python: &Path, url: &str) -> Self {
        let mut command = Command::new(python);
        command.args(["-c", CALL_LAMBDA, url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Boto { child, answers: RefCell::new(answers) }
    }

    pub(crate) fn reported(&self, operation: &str, arguments: &Value) -> Value {
        let mut questions = self.child.stdin.as_ref().expect("piped");
        writeln!(questions, "{}", json!([operation, arguments])).expect("boto3 reads its input");
        let mut line = String::new();
        self.answers.borrow_mut().read_line(&mut line).expect("boto3 answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{operation} {arguments}: {error}"))
    }
}

impl Drop for Boto {
    /// The process ends when its standard input is closed.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// An emulator, a build directory, and a stanza for the function `f` with the alias `live`.
pub(crate) struct Scenario {
    pub(crate) emulator: Emulator,
    python: PathBuf,
    pub(crate) boto: Boto,
    pub(crate) directory: TempDir,
    stanza: Value,
}

impl Scenario {
    pub(crate) fn moto() -> Self {
        Self::of(Emulator::moto(), "python3.13")
    }

    pub(crate) fn ministack(runtime: &str) -> Self {
        Self::of(Emulator::ministack(), runtime)
    }

    fn of(emulator: Emulator, runtime: &str) -> Self {
        let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/emulators/requirements.txt");
        let stanza = json!({
            "function_name": "f",
            "role": emulator.role(),
            "runtime": runtime,
            "handler_name": "handler",
            "alias": "live",
            "env": emulator.job_env(),
        });
        // This environment exists already: the emulator runs in it.
        let python = tools::python(Path::new(requirements), "emulators");
        let boto = Boto::of(&python, &emulator.url);
        Scenario { emulator, python, boto, directory: TempDir::new().expect("a temporary directory"), stanza }
    }

    /// Writes the function's code in Python. `lines` is the body of the handler.
    pub(crate) fn write(&self, lines: &str) {
        self.write_file("index.py", &format!("def handler(event, context):\n    {lines}\n"));
    }

    pub(crate) fn write_file(&self, name: &str, code: &str) {
        fs::write(self.directory.path().join(name), code).expect("written");
    }

    /// Returns the stanza with additional or changed keys.
    pub(crate) fn with(&self, keys: Value) -> Value {
        let mut stanza = self.stanza.clone();
        for (key, value) in keys.as_object().expect("keys") {
            stanza[key] = value.clone();
        }
        stanza
    }

    pub(crate) fn run(&self, arguments: &[&str], keys: Value) -> PluginOutput {
        PluginCommand::new(arguments).directory(self.directory.path()).run(&self.with(keys))
    }

    pub(crate) fn deploy(&self, keys: Value) -> PluginOutput {
        self.run(&[], keys)
    }

    pub(crate) fn roll_back(&self, keys: Value) -> PluginOutput {
        self.run(&["rollback"], keys)
    }

    /// Returns the alias `live`, read by boto3.
    pub(crate) fn alias(&self) -> Value {
        self.boto.reported("get_alias", &json!({"FunctionName": "f", "Name": "live"}))
    }

    /// Returns the version numbers, read by boto3.
    pub(crate) fn versions(&self) -> Vec<String> {
        let listed = self.boto.reported("list_versions_by_function", &json!({"FunctionName": "f"}));
        let listed = listed["Versions"].as_array().expect("a list").iter();
        let numbers = listed.map(|version| version["Version"].as_str().expect("a number").to_owned());
        numbers.filter(|number| number != "$LATEST").collect()
    }

    /// Returns a bash command that calls an operation. bash gets `arguments` between double quotes and
    /// expands variables in it.
    pub(crate) fn asking(&self, operation: &str, arguments: &str) -> String {
        let question = format!("[\"{operation}\", {arguments}]").replace('"', "\\\"");
        format!("'{}' -c '{CALL_LAMBDA}' '{}' <<< \"{question}\"", self.python.display(), self.emulator.url)
    }

    /// Invokes the alias and returns the function's answer.
    pub(crate) fn answer(&self) -> Value {
        self.boto.reported("invoke", &json!({"FunctionName": "f", "Qualifier": "live"}))["Payload"].clone()
    }

    /// Gives another version a share of the traffic, as another client would.
    pub(crate) fn share(&self, version: &str, weight: f64) {
        let weights = json!({"AdditionalVersionWeights": {version: weight}});
        let arguments = json!({"FunctionName": "f", "Name": "live", "RoutingConfig": weights});
        let shared = self.boto.reported("update_alias", &arguments);
        assert_eq!(shares(&shared), json!({version: weight}));
    }

    /// Asserts that all traffic goes to this version.
    #[track_caller]
    pub(crate) fn is_at(&self, version: &str) {
        let alias = self.alias();
        assert_eq!(alias["FunctionVersion"], version, "{alias:#}");
        assert_eq!(shares(&alias), json!({}), "{alias:#}");
    }

    /// Asserts that the deployment or rollback succeeded and ended at this version.
    #[track_caller]
    pub(crate) fn went_live(&self, ended: &PluginOutput, version: &str) {
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        assert_eq!(ended.finished()["version"], version, "{}", ended.stdout);
        self.is_at(version);
    }

    /// Asserts that the version failed its check with this message, and that no traffic was sent to it.
    #[track_caller]
    pub(crate) fn did_not_pass(&self, ended: &PluginOutput, words: &str, still: &str) {
        has_failed(ended, words);
        let hint = ended.finished()["error"]["hint"].as_str().unwrap_or_default();
        assert!(hint.contains(&format!("`live` still points at version {still}")), "{}", ended.stdout);
        assert!(!ended.steps().contains(&"update-alias"), "{}", ended.stdout);
        self.is_at(still);
    }
}

#[track_caller]
pub(crate) fn has_failed(ended: &PluginOutput, words: &str) {
    has_failed_with(ended, "verification-failed", words);
}

/// Asserts that the run failed with this code, and that its message contains these words.
#[track_caller]
pub(crate) fn has_failed_with(ended: &PluginOutput, code: &str, words: &str) {
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(words), "{words}: {}", ended.stdout);
}

/// Returns the weights of an alias. Without weights moto returns an empty map; ministack and AWS return
/// nothing.
pub(crate) fn shares(alias: &Value) -> Value {
    match &alias["RoutingConfig"]["AdditionalVersionWeights"] {
        Value::Null => json!({}),
        weights => weights.clone(),
    }
}
