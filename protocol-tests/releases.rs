//! Versions that prove themselves, aliases that move to them and back, traffic that is shared, versions that are deleted.
//! What is asserted of an alias is read from the endpoint, never from what the program tells of it.

mod address;
mod managed;
mod provisioned;
mod readiness;
mod rollback;
mod traffic;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout};
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, Fault, FaultKind, Invocation, Settings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::deployments::{build_directory, request};
use crate::fixture::{self, problems, wait_until};
use crate::interruptions::signal;
use crate::plugin::{Ended, Plugin, SIGNALS};

const ALIASES: &str = "/2015-03-31/functions/f/aliases";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const PROVISIONED: &str = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live";
const VERSIONS: &str = "/2015-03-31/functions/f/versions";

/// No run takes longer for its next call.
const PATIENCE: Duration = Duration::from_secs(30);

/// An endpoint, a build directory, and a stanza of the function `f`.
struct Stand {
    endpoint: Endpoint,
    directory: TempDir,
    request: Value,
}

impl Stand {
    /// Without a function; the stanza has these members, too.
    fn new(members: Value) -> Self {
        Stand::of(Settings::default(), members)
    }

    fn of(settings: Settings, members: Value) -> Self {
        let endpoint = Endpoint::start(settings).expect("a free port");
        let mut request = request(&endpoint);
        // Whatever a command writes into the build directory, the package is the same.
        request["zip"] = json!("index.js");
        let mut stand = Stand { endpoint, directory: build_directory(), request };
        stand.ask(members);
        stand
    }

    /// The alias `live` at version 1, and a stanza that has these members from then on.
    fn live(members: Value) -> Self {
        let mut stand = Stand::new(json!({"alias": "live"}));
        stand.deployed("// 1\n");
        stand.ask(members);
        stand
    }

    /// The function with that many published versions, and no alias.
    fn published(count: u32, members: Value) -> Self {
        let stand = Stand::new(members);
        let function = json!({
            "FunctionName": "f", "Role": stand.request["role"], "Runtime": "nodejs22.x", "Handler": "index.handler",
        });
        stand.endpoint.seed(function).expect("AWS would create it");
        for number in 1..=count {
            stand.somebody_else("PUT", CONFIGURATION, json!({"Timeout": number}));
            stand.somebody_else("POST", VERSIONS, json!({}));
        }
        stand
    }

    /// Changes the stanza; null takes a member away.
    fn ask(&mut self, members: Value) {
        let request = self.request.as_object_mut().expect("an object");
        for (name, value) in object(members) {
            if value.is_null() {
                request.remove(&name)
            } else {
                request.insert(name, value)
            };
        }
    }

    fn plugin(&self, arguments: &[&str]) -> Plugin {
        Plugin::new(arguments).directory(self.directory.path())
    }

    fn write(&self, code: &str) {
        fs::write(self.directory.path().join("index.js"), code).expect("written");
    }

    fn deploy(&self, code: &str) -> Ended {
        self.write(code);
        self.again()
    }

    /// The same request with the same code, and a new record of calls.
    fn again(&self) -> Ended {
        self.endpoint.forget_calls();
        self.plugin(&[]).run(&self.request)
    }

    #[track_caller]
    fn deployed(&self, code: &str) -> Ended {
        let ended = self.deploy(code);
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        ended
    }

    fn rollback(&self) -> Ended {
        self.endpoint.forget_calls();
        self.plugin(&["rollback"]).run(&self.request)
    }

    /// Starts a deployment of this code, and reads until these steps have begun, one behind the other.
    fn started(&self, code: &str, steps: &[&str]) -> Running {
        self.write(code);
        self.endpoint.forget_calls();
        let mut child = self.plugin(&[]).spawn();
        child.stdin.take().expect("piped").write_all(self.request.to_string().as_bytes()).expect("written");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut running = Running { child, lines, told: Vec::new() };
        steps.iter().for_each(|step| running.read_until(step));
        running
    }

    fn somebody_else(&self, method: &str, target: &str, body: Value) -> Value {
        self.endpoint.perform(method, target, body).unwrap_or_else(|words| panic!("{method} {target}: {words}"))
    }

    fn make_alias(&self, name: &str, version: &str) {
        self.somebody_else("POST", ALIASES, json!({"Name": name, "FunctionVersion": version}));
    }

    /// Where an alias points: `1`, or `1, 10 % to 2`.
    fn alias(&self, name: &str) -> String {
        place(&self.somebody_else("GET", &format!("{ALIASES}/{name}"), Value::Null))
    }

    /// The numbers of the published versions.
    fn versions(&self) -> Vec<u64> {
        let listed = self.somebody_else("GET", &format!("{VERSIONS}?MaxItems=1000"), Value::Null);
        let versions = listed["Versions"].as_array().expect("a list").iter();
        versions.filter_map(|version| version["Version"].as_str()?.parse().ok()).collect()
    }

    fn operations(&self) -> Vec<String> {
        self.endpoint.calls().into_iter().map(|call| call.operation).collect()
    }

    /// The calls that do more than read, an alias with its place: `UpdateAlias 1, 10 % to 2`.
    fn changes(&self) -> Vec<String> {
        let told = |call: Call| match call.body["FunctionVersion"] {
            Value::Null => call.operation,
            _ => format!("{} {}", call.operation, place(&call.body)),
        };
        self.endpoint.calls().into_iter().filter(|call| call.method != "GET").map(told).collect()
    }

    /// Waits until a call of this operation is on record.
    fn heard(&self, operation: &str) {
        let began = Instant::now();
        while !self.operations().iter().any(|heard| heard == operation) {
            assert!(began.elapsed() < PATIENCE, "no {operation}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A deployment that goes on, and what it has told so far.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Vec<String>,
}

impl Running {
    /// Reads until a step of this name begins.
    fn read_until(&mut self, step: &str) {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("no {step} in\n{}", self.told.join("\n")));
            let line = line.expect("readable");
            let event: Value = serde_json::from_str(&line).expect("an event is JSON");
            self.told.push(line);
            if event["event"] == "step-started" && event["step"] == step {
                return;
            }
        }
    }

    fn kill(mut self) {
        self.child.kill().expect("ours");
        self.child.wait().expect("ours");
    }

    fn ended(mut self) -> Ended {
        let began = Instant::now();
        self.told.extend(self.lines.map(|line| line.expect("readable")));
        let status = self.child.wait().expect("ended");
        let events = self.told.iter().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect();
        let stdout = self.told.join("\n");
        let ended = Ended { events, stdout, stderr: String::new(), status, elapsed: began.elapsed() };
        ended.check(&[]);
        ended
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

/// The place of an alias, in a request or in an answer.
fn place(alias: &Value) -> String {
    let mut place = alias["FunctionVersion"].as_str().expect("an alias points somewhere").to_owned();
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    for (version, weight) in weights.into_iter().flatten() {
        let percent = (weight.as_f64().expect("a number") * 100.0).round();
        place = format!("{place}, {percent} % to {version}");
    }
    place
}

/// What a function answers that throws.
fn thrown() -> Invocation {
    let payload = json!({"errorType": "TypeError", "errorMessage": "x is not a function"});
    Invocation { payload, function_error: Some("Unhandled".to_owned()), ..Invocation::default() }
}

fn of_version(version: &str, invocation: Invocation) -> Invocation {
    Invocation { version: Some(version.to_owned()), ..invocation }
}

/// Every warning's code.
fn warnings(ended: &Ended) -> Vec<&str> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    warnings.filter_map(|event| event["code"].as_str()).collect()
}

fn error<'a>(ended: &'a Ended, key: &str) -> &'a str {
    ended.finished()["error"][key].as_str().unwrap_or_default()
}

#[track_caller]
fn check_failed(ended: &Ended, code: &str, at: &str) {
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
    assert_eq!((error(ended, "at"), ended.status.code()), (at, Some(1)), "{}", ended.stdout);
}

#[test]
fn a_version_goes_live_only_after_it_has_passed() {
    let mut stand = Stand::new(json!({"alias": "live"}));
    let mut expect = |version: u32| {
        // Only the version itself knows what to answer.
        let answer = Invocation { payload: json!({"executed": version}), ..Invocation::default() };
        stand.endpoint.answer_invocations(of_version(&version.to_string(), answer));
        stand.ask(json!({"verify": {"expect": {"json": {"executed": version}}}}));
        stand.deployed(&format!("// {version}\n"))
    };
    let created = expect(1);
    assert_eq!(created.steps(), ["create-function", "publish-version", "verify", "create-alias"]);
    assert_eq!(created.finished()["previous_version"], Value::Null);
    let moved = expect(2);
    assert_eq!(moved.steps(), ["update-function-code", "publish-version", "verify", "update-alias"]);
    assert_eq!(stand.changes(), ["UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias 2"]);
    assert_eq!(stand.alias("live"), "2");
    let finished = moved.finished();
    assert_eq!([&finished["version"], &finished["previous_version"], &finished["alias"]], ["2", "1", "live"]);
    assert_eq!((moved.status.code(), warnings(&moved)), (Some(0), vec![]));
}

#[test]
fn what_is_live_behind_its_alias_is_unchanged_and_not_invoked() {
    let stand = Stand::new(json!({"alias": "live", "verify": {}}));
    stand.deployed("// 1\n");
    let again = stand.again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
    assert_eq!((&again.finished()["version"], &again.finished()["alias"]), (&json!("1"), &json!("live")));
    let operations = stand.operations();
    assert!(operations.len() <= 3 && !operations.contains(&"Invoke".to_owned()), "{operations:?}");
    assert_eq!(stand.changes(), [""; 0]);
}

/// Version 2 fails its check, and is told to have done so with these words.
#[track_caller]
fn check_unproven(verify: Value, answer: Invocation, words: &str) {
    let stand = Stand::live(json!({"verify": verify}));
    stand.endpoint.answer_invocations(answer);
    let ended = stand.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    assert_eq!(error(&ended, "message"), format!("version 2 did not pass its check: {words}"));
    let hint = error(&ended, "hint");
    assert!(hint.contains("`live` still points at version 1"), "{hint}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
    assert_eq!(stand.alias("live"), "1");
    let changes = stand.changes();
    assert!(!changes.iter().any(|change| change.contains("Alias")), "{changes:?}");
}

#[test]
fn a_version_that_throws_does_not_go_live() {
    check_unproven(json!({}), thrown(), "it failed with TypeError: x is not a function");
}

#[test]
fn a_version_that_answers_something_else_does_not_go_live() {
    let answer = || Invocation { payload: json!({"ok": false}), ..Invocation::default() };
    let expect = |expect: Value| json!({"expect": expect});
    check_unproven(expect(json!({"json": {"ok": true}})), answer(), "`/ok` of its answer is false, not true");
    let lacks = r#"its answer does not contain `pong`: {"ok":false}"#;
    check_unproven(expect(json!({"contains": "pong"})), answer(), lacks);
}

#[test]
fn a_version_that_is_too_slow_does_not_go_live() {
    let answer = Invocation { delay: Duration::from_secs(3), ..Invocation::default() };
    check_unproven(json!({"timeout": 1}), answer, "it did not answer within 1 s");
}

#[test]
fn a_version_whose_command_fails_or_takes_too_long_does_not_go_live() {
    let ended = "`verify.command` ended with exit status: 3";
    check_unproven(json!({"command": "exit 3"}), Invocation::default(), ended);
    let too_long = "`verify.command` did not end within 1 s";
    check_unproven(json!({"command": "sleep 30", "timeout": 1}), Invocation::default(), too_long);
}

#[test]
fn the_log_of_a_version_that_failed_is_told_without_secrets() {
    let mut stand = Stand::new(json!({"alias": "live", "environment": {"OLD": "secret-of-before"}}));
    stand.deployed("// 1\n");
    let log = "START RequestId: 1\nold is secret-of-before\nEND RequestId: 1\n";
    stand.endpoint.answer_invocations(Invocation { log: Some(log.to_owned()), ..thrown() });
    // Silent about the environment: the live variable stays, and no request names it.
    stand.ask(json!({"environment": null, "verify": {}}));
    stand.write("// 2\n");
    let kept = stand.plugin(&[]).secrets(["secret-of-before".to_owned()]).run(&stand.request);
    check_failed(&kept, "verification-failed", "/verify");
    let lines = ["START RequestId: 1", "old is [secure]", "END RequestId: 1"];
    assert_eq!(kept.finished()["error"]["log"], json!(lines));
    let output = |event: &&Value| event["event"] == "output" && event["stream"] == "log";
    let told: Vec<&Value> = kept.events.iter().filter(output).map(|event| &event["line"]).collect();
    assert_eq!(told, lines);

    let log = "new is secret-of-now";
    stand.endpoint.answer_invocations(Invocation { log: Some(log.to_owned()), ..thrown() });
    stand.ask(json!({"environment": {"NEW": "secret-of-now"}}));
    let ended = stand.deploy("// 3\n");
    check_failed(&ended, "verification-failed", "/verify");
    assert_eq!(ended.finished()["error"]["log"], json!(["new is [secure]"]));
    assert_eq!(stand.alias("live"), "1");
}

/// A version that answers this, of a function with one variable, `secret-of-the-function`.
fn with_a_secret(answer: Invocation) -> Ended {
    let mut stand = Stand::new(json!({"alias": "live", "environment": {"KEY": "secret-of-the-function"}}));
    stand.deployed("// 1\n");
    stand.ask(json!({"verify": {}}));
    stand.endpoint.answer_invocations(answer);
    stand.deploy("// 2\n")
}

#[test]
fn a_secret_is_masked_before_a_long_error_is_cut() {
    // Whatever is shown of it, it ends behind 200 characters: in the middle of the secret.
    let payload = json!({"errorMessage": format!("{} secret-of-the-function", "x".repeat(188))});
    let ended = with_a_secret(Invocation { payload, ..thrown() });
    check_failed(&ended, "verification-failed", "/verify");
    assert!(!ended.stdout.contains("secret-of"), "{}", error(&ended, "message"));
}

#[test]
fn a_secret_of_which_aws_tells_the_end_only_is_not_told() {
    // The last 4 KB begin in the middle of the secret.
    let log = format!("{} secret-of-the-function\n{}\n", "x".repeat(100), "y".repeat(4096 - 16));
    let ended = with_a_secret(Invocation { log: Some(log), ..thrown() });
    check_failed(&ended, "verification-failed", "/verify");
    assert!(!ended.stdout.contains("the-function\""), "{}", ended.finished()["error"]["log"][0]);
}

#[test]
fn a_version_that_failed_goes_live_once_it_passes() {
    let stand = Stand::live(json!({"verify": {}}));
    stand.endpoint.answer_invocations(Invocation { times: Some(2), ..thrown() });
    for ended in [stand.deploy("// 2\n"), stand.again()] {
        check_failed(&ended, "verification-failed", "/verify");
        assert_eq!(stand.alias("live"), "1");
    }
    let passed = stand.again();
    assert_eq!((passed.outcome(), stand.alias("live").as_str()), ("deployed", "2"), "{}", passed.stdout);
    assert_eq!(stand.versions(), [1, 2], "the version is there already");
}

/// A command that leaves a process in a session of its own, which has one of its own again, and waits; `LEFT` gets their ids.
const LEAVES: &str =
    "setsid bash -c 'setsid sleep 600 & echo $! $$ >left; wait' & while ! [ -s left ]; do sleep 0.01; done; sleep 600";

/// Waits until a command has written a file of so many bytes.
fn wait_for(stand: &Stand, name: &str, bytes: u64) {
    let file = stand.directory.path().join(name);
    wait_until(name, || fs::metadata(&file).is_ok_and(|file| file.len() >= bytes));
}

#[track_caller]
fn check_nothing_left(stand: &Stand) {
    let left = fs::read_to_string(stand.directory.path().join("left")).expect("the command has begun");
    for id in left.split_whitespace() {
        let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let runs = state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'));
        assert!(!runs, "{state}");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "other systems cannot tell whose a process is")]
fn what_leaves_the_process_group_of_a_command_does_not_outlive_it() {
    let stand = Stand::live(json!({"verify": {"command": LEAVES, "timeout": 3}}));
    let ended = stand.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    check_nothing_left(&stand);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "other systems cannot tell whose a process is")]
fn what_leaves_the_process_group_of_a_command_does_not_outlive_signals() {
    for twice in [false, true] {
        let stand = Stand::live(json!({"verify": {"command": format!("trap '' TERM; {LEAVES}")}}));
        let running = stand.started("// 2\n", &["verify"]);
        wait_for(&stand, "left", 1);
        signal(&running.child, "TERM");
        if twice {
            signal(&running.child, "HUP");
        }
        assert_eq!(running.ended().code(), "cancelled");
        check_nothing_left(&stand);
    }
}

#[test]
fn what_a_command_leaves_behind_on_purpose_stays() {
    let mut stand =
        Stand::live(json!({"verify": {"command": "setsid sleep 600 </dev/null &>/dev/null & echo $! >stays"}}));
    stand.ask(json!({"run": "touch begun; sleep 600"}));
    let running = stand.started("// 2\n", &["update-alias"]);
    wait_for(&stand, "begun", 0);
    signal(&running.child, "TERM");
    assert_eq!(running.ended().code(), "cancelled");
    let id = fs::read_to_string(stand.directory.path().join("stays")).expect("written");
    let stays = fixture::kill().args(["-KILL", id.trim()]).status().expect("kill runs");
    assert!(stays.success());
}

#[test]
fn a_command_is_told_which_version_it_has_to_check() {
    let command = "echo \"$FUNCTION_ARN $VERSION\" | tee checked";
    let mut stand = Stand::live(json!({"verify": {"command": command}}));
    let ended = stand.deployed("// 2\n");
    let told = "arn:aws:lambda:us-east-1:123456789012:function:f 2";
    let checked = || fs::read_to_string(stand.directory.path().join("checked")).expect("the command has written it");
    assert_eq!(checked().trim_end(), told);
    let output = ended.event("output").expect("told");
    assert_eq!((&output["stream"], &output["line"]), (&json!("stdout"), &json!(told)));
    assert!(!stand.operations().contains(&"Invoke".to_owned()), "the command stands for the invocation");

    stand.ask(json!({"verify": {"command": command, "payload": {"ping": 1}}}));
    stand.deployed("// 3\n");
    let calls = stand.endpoint.calls();
    let invoked = calls.iter().find(|call| call.operation == "Invoke").expect("with a payload it comes after it");
    assert_eq!(invoked.body, json!({"ping": 1}));
    assert_eq!(stand.alias("live"), "3");
}

#[test]
fn without_an_alias_what_fails_its_check_is_live_and_fails_again() {
    for (members, named) in
        [(json!({"verify": {}}), "the function"), (json!({"verify": {}, "publish": true}), "version 1")]
    {
        let stand = Stand::new(members);
        stand.endpoint.answer_invocations(Invocation { times: Some(2), ..thrown() });
        let (first, second) = (stand.deploy("// 1\n"), stand.again());
        for ended in [&first, &second] {
            check_failed(ended, "verification-failed", "/verify");
            let message = error(ended, "message");
            assert!(message.starts_with(&format!("{named}, which is live, did not pass its check")), "{message}");
            assert!(error(ended, "hint").starts_with("deploy again what ran before"), "{}", ended.stdout);
        }
        assert_eq!(second.finished()["changed"], json!([]));
        assert_eq!(stand.again().outcome(), "unchanged", "it passes, and nothing differs");
    }
}

#[test]
fn versions_that_an_alias_needs_outlive_keep_versions() {
    let stand = Stand::published(30, json!({"alias": "live", "keep_versions": 5}));
    stand.make_alias("live", "30");
    stand.make_alias("old", "12");
    let routing = json!({"AdditionalVersionWeights": {"25": 0.1}});
    let canary = json!({"Name": "canary", "FunctionVersion": "20", "RoutingConfig": routing});
    stand.somebody_else("POST", ALIASES, canary);
    let ended = stand.deployed("// new\n");
    // The five newest, and three that aliases need; 30 is the way back of `live`, too.
    assert_eq!(stand.versions(), [12, 20, 25, 27, 28, 29, 30, 31]);
    assert_eq!(ended.steps().iter().filter(|step| **step == "delete-function").count(), 23);
    let aliases = ["live", "old", "canary"].map(|name| stand.alias(name));
    assert_eq!(aliases, ["31", "12", "20, 10 % to 25"]);
    assert!(stand.endpoint.function("f").is_some(), "a version is deleted, never the function");
    assert_eq!(warnings(&ended), [""; 0]);

    let again = stand.again();
    assert_eq!((again.outcome(), stand.changes()), ("unchanged", vec![]), "{}", again.stdout);
}

#[test]
fn without_an_alias_the_newest_version_and_the_one_before_it_outlive_keep_versions() {
    // More than AWS tells on one page.
    let stand = Stand::published(55, json!({"publish": true, "keep_versions": 1}));
    stand.deployed("// new\n");
    assert_eq!(stand.versions(), [55, 56]);
    let again = stand.again();
    assert_eq!((again.outcome(), stand.changes()), ("unchanged", vec![]), "{}", again.stdout);
    assert_eq!(stand.versions(), [55, 56]);
}

#[test]
fn a_version_that_an_alias_is_given_meanwhile_is_kept() {
    let stand = Stand::published(3, json!({"alias": "live", "verify": {}, "keep_versions": 1}));
    stand.endpoint.answer_invocations(Invocation { delay: Duration::from_secs(2), ..Invocation::default() });
    let running = stand.started("// new\n", &["verify"]);
    stand.make_alias("other", "2");
    let ended = running.ended();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec!["version-kept"]), "{}", ended.stdout);
    assert_eq!((stand.versions(), stand.alias("live").as_str()), (vec![2, 4], "4"));
    let again = stand.again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
}

#[test]
fn several_aliases_go_live_together() {
    let stand = Stand::new(json!({"alias": ["live", "blue", "green"]}));
    stand.deployed("// 1\n");
    stand.make_alias("other", "1");
    let ended = stand.deployed("// 2\n");
    assert_eq!(["live", "blue", "green", "other"].map(|name| stand.alias(name)), ["2", "2", "2", "1"]);
    let finished = ended.finished();
    assert_eq!((&finished["alias"], &finished["aliases"]), (&json!("live"), &json!(["live", "blue", "green"])));
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
    let message = finished["message"].as_str().unwrap_or_default();
    assert!(message.contains("version 2 (alias live, blue, green; before it version 1)"), "{message}");
    assert_eq!(stand.again().outcome(), "unchanged");
}
