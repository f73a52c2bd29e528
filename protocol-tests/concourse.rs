//! Runs the program as Concourse runs a resource: by the path of a script, with one JSON object on standard
//! input. Checks each run against the documented contract: a document on standard output whose values are
//! strings, or, after a failure, nothing there and the reason on standard error.
//!
//! The `PATH` of each run is an empty directory, as an image without a shell and without git has none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::aws_state::VERSIONS;
use crate::fixture::{deny_changes, wait_until};
use crate::interruptions::signal;
use crate::plugin::program;
use crate::policies::policy;

/// A secret variable of the function.
const SECRET: &str = "secret-of-the-function";

/// An image with the resource, a directory with the inputs of a step, and one into which it fetches.
pub(crate) struct Resource {
    root: TempDir,
    pub(crate) endpoint: Endpoint,
    pub(crate) source: Value,
}

/// A run of a script that has ended.
#[derive(Debug)]
pub(crate) struct ScriptOutput {
    pub(crate) status: Option<i32>,
    /// Standard output. Null: it is empty.
    pub(crate) document: Value,
    pub(crate) stderr: String,
}

impl Resource {
    /// Creates a resource with the function `f`. `members` are added to `source`; null removes a member.
    fn new(members: Value) -> Self {
        let mut source = json!({
            "function_name": "f", "region": "us-east-1", "alias": "live",
            "access_key_id": "AKIDENDPOINTEXAMPLE1", "secret_access_key": "endpoint-secret-key",
        });
        let map = source.as_object_mut().expect("an object");
        map.extend(members.as_object().expect("an object").clone());
        map.retain(|_, value| !value.is_null());
        Resource::of(Settings::default(), source)
    }

    /// Creates a resource with this `source`, and the input `code` with the file `index.js`.
    pub(crate) fn of(settings: Settings, source: Value) -> Self {
        // Beside the program, so that a hard link to it is possible.
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
        for name in ["opt/resource", "inputs/code", "fetched", "empty"] {
            fs::create_dir_all(root.path().join(name)).expect("created");
        }
        for script in ["check", "in", "out"] {
            let link = root.path().join("opt/resource").join(script);
            std::os::unix::fs::symlink(program(), link).expect("linked");
        }
        let endpoint = Endpoint::start(settings).expect("a free port");
        let resource = Resource { root, endpoint, source };
        resource.write("// 1\n");
        resource
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Replaces the code of the function.
    fn write(&self, code: &str) {
        fs::write(self.path("inputs/code/index.js"), code).expect("written");
    }

    /// The script with this directory as its argument, in the environment that Concourse gives it.
    fn command(&self, script: &str, directory: Option<&Path>) -> Command {
        let mut command = Command::new(self.path("opt/resource").join(script));
        command.args(directory).current_dir("/").env_clear().env("PATH", self.path("empty"));
        command.env("AWS_ENDPOINT_URL", self.endpoint.url()).env("DPL_LAMBDA_TODAY", "2026-11-01");
        if script != "check" {
            command.envs([
                ("BUILD_ID", "1234"),
                ("BUILD_NAME", "41"),
                ("BUILD_JOB_NAME", "deploy"),
                ("BUILD_PIPELINE_NAME", "hello-pr"),
                ("BUILD_TEAM_NAME", "main"),
                ("ATC_EXTERNAL_URL", "https://ci.example.com"),
            ]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, script: &str, directory: Option<&Path>, input: &[u8]) -> Child {
        let mut child = self.command(script, directory).spawn().expect("the script starts");
        child.stdin.take().expect("piped").write_all(input).expect("the script reads its input");
        child
    }

    fn run(&self, script: &str, directory: Option<&Path>, input: &[u8]) -> ScriptOutput {
        let child = self.start(script, directory, input);
        self.ended(script, child.wait_with_output().expect("the script ends"))
    }

    /// Checks what holds for every run.
    #[track_caller]
    fn ended(&self, script: &str, output: Output) -> ScriptOutput {
        let written = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let (stdout, stderr) = (written(output.stdout), written(output.stderr));
        for secret in [SECRET, text(&self.source["access_key_id"]), text(&self.source["secret_access_key"])] {
            assert!(!stdout.contains(secret) && !stderr.contains(secret), "{secret} in\n{stdout}{stderr}");
        }
        let status = output.status.code();
        if status == Some(0) {
            let document = serde_json::from_str(&stdout);
            let document: Value = document.unwrap_or_else(|error| panic!("{error}: {stdout}"));
            check_document(script, &document);
            return ScriptOutput { status, document, stderr };
        }
        assert!(status.is_some(), "{script} was killed: {stderr}");
        assert_eq!(stdout, "", "{script}: {stderr}");
        assert!(!stderr.trim().is_empty(), "{script} fails without a reason");
        ScriptOutput { status, document: Value::Null, stderr }
    }

    /// Runs `check`, and returns the versions. Null: Concourse knows no version.
    #[track_caller]
    pub(crate) fn check(&self, version: &Value) -> Value {
        let request = json!({"source": self.source, "version": version});
        let ended = self.run("check", None, request.to_string().as_bytes());
        assert_eq!(ended.status, Some(0), "{ended:#?}");
        ended.document
    }

    /// Runs `in`, as after a `put`: without `params`.
    pub(crate) fn get(&self, version: &Value) -> ScriptOutput {
        let request = json!({"source": self.source, "version": version});
        self.run("in", Some(&self.path("fetched")), request.to_string().as_bytes())
    }

    pub(crate) fn put(&self, params: &Value) -> ScriptOutput {
        self.run("out", Some(&self.path("inputs")), &self.put_request(params))
    }

    fn put_request(&self, params: &Value) -> Vec<u8> {
        json!({"source": self.source, "params": params}).to_string().into_bytes()
    }

    /// Runs `out` with the stanza of the function, and returns the version.
    #[track_caller]
    fn deployed(&self, code: &str) -> Value {
        self.write(code);
        let ended = self.put(&params());
        assert_eq!((ended.status, ended.fact("outcome")), (Some(0), Some("deployed")), "{ended:#?}");
        ended.document["version"].clone()
    }

    fn operations(&self) -> Vec<String> {
        self.endpoint.calls().into_iter().map(|call| call.operation).collect()
    }

    fn fetched(&self, name: &str) -> String {
        fs::read_to_string(self.path("fetched").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl ScriptOutput {
    /// The value of an entry of `metadata`.
    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        let metadata = self.document["metadata"].as_array()?;
        metadata.iter().find(|fact| fact["name"] == name)?["value"].as_str()
    }

    /// Checks that the script has failed with this status, and with this text in the log.
    #[track_caller]
    fn fails(&self, status: i32, reason: &str) {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert!(self.stderr.contains(reason), "expected {reason}\n{self:#?}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Checks a document of a script against the contract of Concourse.
#[track_caller]
fn check_document(script: &str, document: &Value) {
    let keys = |value: &Value| -> Vec<String> {
        let map = value.as_object().unwrap_or_else(|| panic!("{script}: no object: {value}"));
        let mut keys: Vec<String> = map.keys().cloned().collect();
        keys.sort_unstable();
        keys
    };
    let check_version = |version: &Value| {
        assert_eq!(keys(version), ["code_sha256", "version"], "{script}: {document}");
        assert!(version.as_object().is_some_and(|map| map.values().all(Value::is_string)), "{document}");
    };
    if script == "check" {
        return document.as_array().expect("a list").iter().for_each(check_version);
    }
    assert_eq!(keys(document), ["metadata", "version"], "{script}: {document}");
    check_version(&document["version"]);
    for fact in document["metadata"].as_array().expect("a list") {
        assert_eq!(keys(fact), ["name", "value"], "{script}: {document}");
        assert!(fact["name"].is_string() && fact["value"].is_string(), "{script}: {document}");
    }
}

/// The stanza of the function, without what `source` has.
fn params() -> Value {
    json!({
        "role": "arn:aws:iam::123456789012:role/run", "runtime": "nodejs22.x", "handler_name": "handler",
        "zip": "code/index.js", "environment": {"TOKEN": SECRET},
    })
}

#[test]
fn a_put_deploys_and_its_version_can_be_checked_and_got() {
    let resource = Resource::new(json!({}));
    assert_eq!(resource.check(&Value::Null), json!([]));
    assert_eq!(resource.operations(), ["GetFunction"]);

    let first = resource.put(&params());
    let live = resource.endpoint.function("f").expect("the function exists");
    let version = json!({"version": "1", "code_sha256": live["Configuration"]["CodeSha256"]});
    assert_eq!((first.status, &first.document["version"]), (Some(0), &version), "{first:#?}");
    let arn = text(&live["Configuration"]["FunctionArn"]);
    for (name, value) in [
        ("outcome", Some("deployed")),
        ("function_arn", Some(arn)),
        ("version", Some("1")),
        ("alias", Some("live")),
        ("previous_version", None),
        ("url", None),
        ("code_sha256", Some(text(&version["code_sha256"]))),
    ] {
        assert_eq!(first.fact(name), value, "{name}: {first:#?}");
    }
    // The log is text with colours, and does not mention the condition that the resource adds.
    for (part, is_there) in
        [("create-function", true), ("\u{1b}[", true), ("{\"", false), ("pull request", false)]
    {
        assert_eq!(first.stderr.contains(part), is_there, "{part}: {first:#?}");
    }
    let listed = resource.endpoint.perform("GET", VERSIONS, Value::Null).expect("a list");
    let listed = listed["Versions"].as_array().expect("a list").iter();
    let published: Vec<_> = listed.filter(|listed| listed["Version"] == "1").collect();
    assert_eq!(published[0]["Description"], "build 41");

    resource.endpoint.forget_calls();
    let got = resource.get(&version);
    assert_eq!((got.status, &got.document["version"]), (Some(0), &version), "{got:#?}");
    assert_eq!(resource.operations(), ["GetFunction", "GetFunction"]);
    assert_eq!((got.fact("function_arn"), got.fact("version")), (Some(arn), Some("1")), "{got:#?}");
    let sha256 = text(&version["code_sha256"]);
    for (name, content) in [("version", "1"), ("function_arn", arn), ("code_sha256", sha256)] {
        assert_eq!(resource.fetched(name), content);
    }
    let whole: Value = serde_json::from_str(&resource.fetched("function.json")).expect("JSON");
    let expected = json!({
        "function_arn": arn, "function_name": "f", "region": "us-east-1", "alias": "live", "version": "1",
        "code_sha256": sha256,
    });
    assert_eq!(whole, expected);
    for known in [&Value::Null, &version] {
        assert_eq!(resource.check(known), json!([version]));
    }
}

#[test]
fn check_lists_the_known_version_before_the_live_one_as_long_as_it_exists() {
    let resource = Resource::new(json!({}));
    let (first, second) = (resource.deployed("// 1\n"), resource.deployed("// 2\n"));
    assert_eq!(resource.check(&first), json!([first, second]));
    // `fly check-resource --from version:1`
    assert_eq!(resource.check(&json!({"version": "1"})), json!([first, second]));
    let of_another_function = json!({"version": "1", "code_sha256": second["code_sha256"]});
    for unknown in [&of_another_function, &json!({"version": "9"}), &json!({"ref": "61cbef"})] {
        assert_eq!(resource.check(unknown), json!([second]), "{unknown}");
    }
    assert_eq!(resource.get(&first).status, Some(0), "an older version can be fetched");
    resource.get(&of_another_function).fails(1, "version 1 of the function has other code");
    resource.endpoint.perform("DELETE", "/2015-03-31/functions/f?Qualifier=1", Value::Null).expect("deleted");
    assert_eq!(resource.check(&first), json!([second]));
    resource.get(&first).fails(1, "the function has no version 1");
    resource.endpoint.perform("DELETE", "/2015-03-31/functions/f", Value::Null).expect("deleted");
    assert_eq!(resource.check(&second), json!([]));
    resource.get(&second).fails(1, "the function does not exist");
}

#[test]
fn an_unchanged_function_has_the_version_that_is_live() {
    let resource = Resource::new(json!({}));
    let (first, second) = (resource.deployed("// 1\n"), resource.deployed("// 2\n"));
    assert_ne!(first, second);
    let again = resource.put(&params());
    assert_eq!(again.document["version"], second, "{again:#?}");
    let facts = ["outcome", "previous_version"].map(|name| again.fact(name));
    assert_eq!(facts, [Some("unchanged"), None], "{again:#?}");
    assert!(again.stderr.contains("unchanged:"), "{again:#?}");
}

#[test]
fn without_an_alias_a_version_is_the_newest_one_or_the_code_of_the_function() {
    let resource = Resource::new(json!({"alias": null}));
    let (first, second) = (resource.deployed("// 1\n"), resource.deployed("// 2\n"));
    assert_eq!((&first["version"], &second["version"]), (&json!("$LATEST"), &json!("$LATEST")));
    assert_eq!(resource.check(&first), json!([second]));
    resource.get(&first).fails(1, "version $LATEST of the function has other code");
    assert_eq!(resource.get(&second).document["version"], second);
    assert_eq!(resource.fetched("version"), "$LATEST");

    let resource = Resource::new(json!({"alias": null, "publish": true}));
    assert_eq!(resource.check(&Value::Null), json!([]));
    let (first, second) = (resource.deployed("// 1\n"), resource.deployed("// 2\n"));
    assert_eq!((&first["version"], &second["version"]), (&json!("1"), &json!("2")));
    assert_eq!(resource.check(&first), json!([first, second]));
}

#[test]
fn what_is_no_request_of_a_function_is_refused_before_the_first_call() {
    let resource = Resource::new(json!({}));
    let (inputs, fetched) = (resource.path("inputs"), resource.path("fetched"));
    let with = |part: &str, key: &str, value: Value| {
        let mut request = json!({"source": resource.source, "params": params()});
        request[part][key] = value;
        request.to_string()
    };
    let (branch, valid) = (json!({"branch": "main"}), with("params", "timeout", json!(3)));
    let gone = fetched.join("gone");
    for (script, directory, input, reason) in [
        ("out", Some(&inputs), with("params", "on", branch.clone()), "`params.on` is a condition"),
        ("out", Some(&inputs), with("source", "on", branch.clone()), "`source.on` is a condition"),
        ("out", Some(&inputs), with("params", "true", branch.clone()), "(`on` without quotes)"),
        ("out", Some(&inputs), with("params", "if", json!("x")), "decides when a step runs; remove it"),
        ("check", None, with("source", "on", branch), "`source.on` is a condition"),
        ("out", Some(&inputs), with("params", "env", json!({"A": "b"})), "use `environment`"),
        ("out", Some(&inputs), with("source", "stanzas", json!([])), "`source.stanzas` is no option"),
        ("out", Some(&inputs), with("params", "alias", json!("other")), "`params.alias` is not what"),
        ("out", Some(&inputs), with("params", "function_name", json!("g")), "move it to `source`"),
        ("check", None, with("source", "role", json!({"secure": "x"})), "`source.role` is encrypted"),
        ("check", None, String::new(), "standard input: it is empty"),
        ("check", None, "function_name: f\n".to_owned(), "standard input: expected"),
        ("out", Some(&inputs), "{\"source\":{},\"source\":{}}".to_owned(), "duplicate key `source`"),
        ("in", Some(&fetched), "[]".to_owned(), "standard input is a list"),
        ("out", Some(&inputs), r#"{"source":[]}"#.to_owned(), "`source` is a list; expected a map"),
        ("out", None, valid.clone(), "the first argument is missing"),
        ("in", None, valid.clone(), "the first argument is missing"),
        ("in", Some(&fetched), valid.clone(), "the request names no version"),
        ("out", Some(&gone), valid.clone(), "gone: this directory cannot be used"),
        ("check", None, r#"{"source":{"region":"us-east-1"}}"#.to_owned(), "`function_name` is missing"),
        ("check", None, with("source", "timeout", json!("ten")), "`timeout` is `ten`"),
    ] {
        let ended = resource.run(script, directory.map(PathBuf::as_path), input.as_bytes());
        ended.fails(1, reason);
        assert_eq!(resource.operations(), [""; 0], "{script}: {input}");
    }
}

#[test]
fn a_put_that_fails_prints_no_version_and_says_why() {
    let resource = Resource::new(json!({}));
    let with = |key: &str, value: Value| {
        let mut params = params();
        params[key] = value;
        params
    };
    let wrong = resource.put(&with("timeout", json!("ten")));
    wrong.fails(2, "`timeout` is `ten`");
    assert!(wrong.stderr.contains("params (timeout)"), "{wrong:#?}");
    let nameless = json!({"source": {"region": "us-east-1"}, "params": params()}).to_string();
    let nameless = resource.run("out", Some(&resource.path("inputs")), nameless.as_bytes());
    nameless.fails(2, "source (function_name)");
    resource.put(&with("zip", json!("code/none.js"))).fails(2, "code/none.js");
    assert_eq!(resource.operations(), [""; 0]);

    resource.put(&with("dry_run", json!(true))).fails(1, "nothing is deployed (outcome: planned)");
    deny_changes(&resource.endpoint);
    resource.put(&params()).fails(1, "error[access-denied]");
    resource.put(&with("allow_failure", json!(true))).fails(1, "nothing is deployed (outcome: failed)");
    assert!(resource.endpoint.function("f").is_none());
}

#[test]
fn a_put_with_a_checkout_of_a_pull_request_deploys_nothing() {
    let resource = Resource::new(json!({}));
    fs::create_dir_all(resource.path("inputs/fork/.git/resource")).expect("created");
    assert_eq!(resource.put(&params()).status, Some(0));
    resource.endpoint.forget_calls();
    fs::write(resource.path("inputs/fork/.git/resource/metadata.json"), "[]").expect("written");
    resource.put(&params()).fails(1, "the input `fork` is a checkout of a pull request");
    assert_eq!(resource.operations(), [""; 0]);
}

#[test]
fn a_read_that_aws_denies_fails_the_check_and_the_get() {
    let resource = Resource::new(json!({}));
    let version = resource.deployed("// 1\n");
    resource.endpoint.enforce(json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "lambda:List*", "Resource": "*"}],
    }));
    let request = json!({"source": resource.source, "version": version}).to_string();
    resource.run("check", None, request.as_bytes()).fails(1, "lambda:GetFunction");
    resource.get(&version).fails(1, "lambda:GetFunction");
}

#[test]
fn the_policy_of_the_whole_stanza_is_enough_for_each_script() {
    for members in [json!({}), json!({"alias": null, "publish": true}), json!({"alias": null})] {
        let resource = Resource::new(members.clone());
        let mut stanza = resource.source.clone();
        let rest = params().as_object().expect("an object").clone();
        stanza.as_object_mut().expect("an object").extend(rest);
        resource.endpoint.enforce(policy(&stanza).0);
        assert_eq!(resource.check(&Value::Null), json!([]), "{members}");
        let (first, second) = (resource.deployed("// 1\n"), resource.deployed("// 2\n"));
        let listed = resource.check(&first);
        assert_eq!(listed.as_array().and_then(|versions| versions.last()), Some(&second), "{members}");
        let got = resource.get(&second);
        assert_eq!(got.status, Some(0), "{members}: {got:#?}");
    }
}

#[test]
fn an_aborted_build_ends_the_run_in_time() {
    let resource = Resource::new(json!({}));
    let version = resource.deployed("// 1\n");
    resource.endpoint.set_update_duration(Duration::from_secs(60));
    resource.endpoint.forget_calls();
    resource.write("// 2\n");
    let mut params = params();
    params["timeout"] = json!(9);
    let child = resource.start("out", Some(&resource.path("inputs")), &resource.put_request(&params));
    wait_until("the first update", || resource.endpoint.count("UpdateFunctionConfiguration") > 0);
    check_aborted(&resource, "out", child);
    assert_eq!(resource.endpoint.count("UpdateFunctionCode"), 0, "a further step began");

    for script in ["check", "in"] {
        resource.endpoint.forget_calls();
        resource.endpoint.fault(Fault::once("GetFunction", FaultKind::hang()));
        let request = json!({"source": resource.source, "version": version}).to_string();
        let child = resource.start(script, Some(&resource.path("fetched")), request.as_bytes());
        wait_until("the call that hangs", || resource.endpoint.count("GetFunction") > 0);
        check_aborted(&resource, script, child);
    }
}

/// Sends SIGTERM, as Concourse does ten seconds before it kills a script.
#[track_caller]
fn check_aborted(resource: &Resource, script: &str, child: Child) {
    let began = Instant::now();
    signal(&child, "TERM");
    let ended = resource.ended(script, child.wait_with_output().expect("the script ends"));
    ended.fails(143, "cancelled by SIGTERM");
    assert!(began.elapsed() < Duration::from_secs(6), "{script}: {:?}", began.elapsed());
}

#[test]
fn a_program_that_is_itself_in_the_place_of_a_script_deploys_once() {
    let resource = Resource::new(json!({}));
    let out = resource.path("opt/resource/out");
    fs::remove_file(&out).expect("removed");
    fs::hard_link(program(), &out).or_else(|_| fs::copy(program(), &out).map(drop)).expect("linked");
    resource.deployed("// 1\n");
    assert_eq!(resource.endpoint.count("CreateFunction"), 1);
}
