//! Deployments to AWS emulators from other projects. The tests check with boto3 that the settings on the
//! emulator are those of the stanza.
//!
//! The emulators come from PyPI and run in a virtual environment under `target/`, which the first test
//! creates.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::deployments::build_directory;
use crate::plugin::{PluginCommand, PluginOutput, agrees};
use crate::tools;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/emulators");

/// The Python of the virtual environment.
pub(crate) static PYTHON: LazyLock<PathBuf> =
    LazyLock::new(|| tools::python(&Path::new(HERE).join("requirements.txt"), "emulators"));

/// A server that ends when this value is dropped.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) url: String,
}

impl Emulator {
    /// Starts [moto](https://docs.getmoto.org), which stores settings; every change takes effect at once.
    pub(crate) fn moto() -> Self {
        Self::start("serve_moto.py")
    }

    /// Starts [ministack](https://github.com/ministackorg/ministack), which needs half a second for each
    /// change and runs Python and Node functions.
    pub(crate) fn ministack() -> Self {
        Self::start("serve_ministack.py")
    }

    fn start(script: &str) -> Self {
        let mut command = Command::new(&*PYTHON);
        command.arg(Path::new(HERE).join(script)).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("the script prints its port");
        let port: u16 = port.trim().parse().unwrap_or_else(|_| panic!("{script} did not start"));
        Emulator { child, url: format!("http://127.0.0.1:{port}") }
    }

    /// Creates a role for Lambda: moto requires that it exists.
    pub(crate) fn role(&self) -> Value {
        self.ask("iam", "create_role", &new_role("run"))["Role"]["Arn"].clone()
    }

    /// The `env` of a job that can deploy to the emulator.
    pub(crate) fn job_env(&self) -> Value {
        json!({
            "TRAVIS_BRANCH": "master",
            "AWS_ACCESS_KEY_ID": "testing-key",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_ENDPOINT_URL": self.url,
        })
    }

    /// Calls an operation with boto3. Returns null if the resource does not exist.
    pub(crate) fn ask(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        self.ask_all(&[(service, operation, arguments.clone())]).remove(0)
    }

    /// Calls several operations with boto3, one after the other. Starting the process takes half a second.
    pub(crate) fn ask_all(&self, questions: &[(&str, &str, Value)]) -> Vec<Value> {
        ask_all(&self.url, questions)
    }
}

/// Calls several operations of the services at this URL with boto3, one after the other. The key id and the
/// secret key are both `testing`.
pub(crate) fn ask_all(url: &str, questions: &[(&str, &str, Value)]) -> Vec<Value> {
    let output = Command::new(&*PYTHON)
        .arg(Path::new(HERE).join("ask.py"))
        .args([url, &json!(questions).to_string()])
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{questions:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

impl Drop for Emulator {
    /// The server and its processes end when their standard input is closed. A server that does not end is
    /// killed.
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a server by closing its standard input, and kills it if it does not end.
pub(crate) fn end(child: &mut Child) {
    drop(child.stdin.take());
    let began = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The arguments of `create_role`.
pub(crate) fn new_role(name: &str) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    json!({"RoleName": name, "AssumeRolePolicyDocument": trust})
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_holds_what_the_stanza_says() {
    let moto = Emulator::moto();
    let role = moto.role();
    let directory = build_directory();
    let mut request = json!({
        "function_name": "f",
        "role": role,
        "runtime": "nodejs22.x",
        "handler_name": "handler",
        "description": "first",
        "timeout": 10,
        "memory_size": 256,
        "environment": ["A=1=2", "B=secret-b"],
        "function_tags": {"team": "secret-team"},
        "tracing_mode": "Active",
        "env": moto.job_env(),
    });
    let deploy = |request: &Value| -> PluginOutput {
        PluginCommand::new(&[]).directory(directory.path()).run(request)
    };
    let held = || moto.ask("lambda", "get_function", &json!({"FunctionName": "f"}));
    let holds = |expected: Value| {
        let actual = held();
        assert!(agrees(&expected, &actual), "expected\n{expected:#}\nmoto holds\n{actual:#}");
    };

    let created = deploy(&request);
    assert_eq!(created.outcome(), "deployed", "{}", created.stdout);
    holds(json!({
        "Configuration": {
            "Role": role,
            "Runtime": "nodejs22.x",
            "Handler": "index.handler",
            "Description": "first",
            "Timeout": 10,
            "MemorySize": 256,
            "Environment": {"Variables": {"A": "1=2", "B": "secret-b"}},
            "TracingConfig": {"Mode": "Active"},
            "CodeSha256": created.finished()["code_sha256"],
        },
        "Tags": {"team": "secret-team"},
    }));

    let identical = deploy(&request);
    assert_eq!(identical.outcome(), "unchanged", "{}", identical.stdout);

    request["timeout"] = json!(20);
    request["environment"] = json!({"C": "3"});
    request["function_tags"] = json!({"stage": "production"});
    request.as_object_mut().expect("an object").remove("memory_size");
    fs::write(directory.path().join("index.js"), "// new\n").expect("written");
    let updated = deploy(&request);
    assert_eq!(updated.outcome(), "deployed", "{}", updated.stdout);
    assert_eq!(updated.steps(), ["update-function-configuration", "update-function-code", "tag-resource"]);
    holds(json!({
        "Configuration": {
            "Timeout": 20,
            "MemorySize": 256,
            "Environment": {"Variables": {"C": "3"}},
            "CodeSha256": updated.finished()["code_sha256"],
        },
        "Tags": {"team": "secret-team", "stage": "production"},
    }));
    assert_eq!(
        held()["Configuration"]["Environment"]["Variables"],
        json!({"C": "3"}),
        "the variables must be replaced, not merged"
    );
}
