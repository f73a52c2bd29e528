//! Versions that prove themselves, aliases that move to them and back, traffic that is shared, versions that are deleted.
//! What is asserted of an alias is read from the endpoint, never from what the program tells of it.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout};
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, Fault, FaultKind, Invocation, Settings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::deployments::{build_directory, request};
use crate::interruptions::signal;
use crate::plugin::{Ended, Plugin};

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
fn traffic_goes_over_step_by_step_and_is_proved_at_each() {
    let stand = Stand::new(json!({
        "alias": "live", "verify": {}, "traffic": [10, 50, 100], "traffic_interval": 1,
    }));
    let created = stand.deployed("// 1\n");
    assert_eq!(
        created.steps(),
        ["create-function", "publish-version", "verify", "create-alias"],
        "nobody to share with"
    );
    let ended = stand.deployed("// 2\n");
    let moves = ["Invoke", "UpdateAlias 1, 10 % to 2", "Invoke", "UpdateAlias 1, 50 % to 2", "Invoke", "UpdateAlias 2"];
    assert_eq!(stand.changes()[2..], moves);
    assert_eq!(stand.alias("live"), "2");
    let at_each = ["shift-traffic", "wait", "verify"];
    let steps = [["update-function-code", "publish-version", "verify"], at_each, at_each].concat();
    assert_eq!(ended.steps(), [steps, vec!["update-alias"]].concat());
    assert!(ended.elapsed >= Duration::from_secs(2), "an interval each: {:?}", ended.elapsed);
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
    assert_eq!(warnings(&ended), [""; 0]);
}

#[test]
fn a_check_that_fails_at_half_of_the_traffic_sends_all_of_it_back() {
    let stand = Stand::live(json!({"verify": {}, "traffic": [10, 50, 100], "traffic_interval": 1}));
    stand.endpoint.answer_invocations(thrown());
    stand.endpoint.answer_invocations(Invocation { times: Some(2), ..Invocation::default() });
    let ended = stand.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    let moves = ["Invoke", "UpdateAlias 1, 10 % to 2", "Invoke", "UpdateAlias 1, 50 % to 2", "Invoke", "UpdateAlias 1"];
    assert_eq!(stand.changes()[2..], moves);
    assert_eq!(stand.alias("live"), "1");
    let message = error(&ended, "message");
    assert!(message.contains("all traffic of `live` is back at version 1"), "{message}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
}

/// Version 2 has a tenth of the traffic for half a minute.
fn with_a_tenth() -> Stand {
    Stand::live(json!({"verify": {}, "traffic": [10, 50, 100], "traffic_interval": 30}))
}

#[track_caller]
fn check_cancelled(stand: &Stand, running: Running) {
    assert_eq!(stand.alias("live"), "1, 10 % to 2");
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)), "{}", ended.stdout);
    assert_eq!(stand.alias("live"), "1");
    let message = error(&ended, "message");
    assert!(message.contains("all traffic of `live` is back at version 1"), "{message}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
}

#[test]
fn a_signal_while_traffic_is_shared_sends_it_back() {
    let stand = with_a_tenth();
    let running = stand.started("// 2\n", &["wait"]);
    check_cancelled(&stand, running);
}

#[test]
fn a_signal_while_a_version_is_invoked_sends_shared_traffic_back() {
    let mut stand = with_a_tenth();
    stand.ask(json!({"traffic_interval": 1}));
    stand.endpoint.answer_invocations(Invocation { delay: Duration::from_secs(3), ..Invocation::default() });
    stand.endpoint.answer_invocations(Invocation { times: Some(1), ..Invocation::default() });
    let running = stand.started("// 2\n", &["wait", "verify"]);
    thread::sleep(Duration::from_millis(300));
    check_cancelled(&stand, running);
}

#[test]
fn when_the_runner_closes_our_output_shared_traffic_goes_back() {
    let mut stand = with_a_tenth();
    // Nothing is written for a long time, and it is noticed all the same.
    stand.ask(json!({"traffic_interval": 600}));
    let Running { mut child, lines, .. } = stand.started("// 2\n", &["wait"]);
    assert_eq!(stand.alias("live"), "1, 10 % to 2");
    drop(lines);
    assert_eq!(child.wait().expect("ended").code(), Some(1));
    assert_eq!(stand.alias("live"), "1");
}

/// Somebody else changes the description of `live` while a tenth of its traffic is shared, so that the next share is
/// refused; the run ends with this code.
#[track_caller]
fn check_touched(stand: &Stand, code: &str) {
    let running = stand.started("// 2\n", &["wait"]);
    stand.somebody_else("PUT", &format!("{ALIASES}/live"), json!({"Description": "touched"}));
    let ended = running.ended();
    assert_eq!((ended.code(), ended.status.code()), (code, Some(1)), "{}", ended.stdout);
    assert_eq!(stand.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn a_deployment_whose_alias_somebody_touches_in_the_middle_sends_shared_traffic_back() {
    let mut stand = with_a_tenth();
    stand.ask(json!({"traffic_interval": 3}));
    check_touched(&stand, "conflict");
}

#[test]
fn a_rollback_in_the_middle_of_a_shift_is_not_overridden() {
    let mut stand = with_a_tenth();
    stand.ask(json!({"traffic_interval": 3}));
    let running = stand.started("// 2\n", &["wait"]);
    assert_eq!(stand.rollback().outcome(), "deployed");
    let ended = running.ended();
    assert_eq!((ended.code(), ended.status.code()), ("conflict", Some(1)), "{}", ended.stdout);
    assert_eq!(stand.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn a_deployment_of_one_revision_that_meets_somebody_else_sends_shared_traffic_back() {
    let mut stand = with_a_tenth();
    let live = stand.endpoint.function("f").expect("is there");
    stand.ask(json!({"traffic_interval": 3, "revision_id": live["Configuration"]["RevisionId"]}));
    check_touched(&stand, "conflict");
}

/// A run that was killed while a tenth of the traffic went to version 2.
fn killed_with_a_tenth() -> Stand {
    let mut stand = with_a_tenth();
    stand.started("// 2\n", &["wait"]).kill();
    assert_eq!(stand.alias("live"), "1, 10 % to 2", "nobody is left to send it back");
    stand.ask(json!({"traffic_interval": 1}));
    stand
}

#[track_caller]
fn check_cleared(ended: &Ended) {
    assert_eq!(warnings(ended), ["weights-cleared"], "{}", ended.stdout);
    let message = ended.event("warning").expect("told")["message"].as_str().unwrap_or_default();
    assert!(message.contains("10 % of the alias live's traffic goes to version 2"), "{message}");
}

#[test]
fn after_a_kill_the_next_deployment_begins_with_all_traffic_where_it_was() {
    let stand = killed_with_a_tenth();
    let ended = stand.again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    check_cleared(&ended);
    assert_eq!(stand.changes()[..3], ["UpdateAlias 1", "PublishVersion", "Invoke"]);
    assert_eq!((stand.alias("live").as_str(), stand.versions()), ("2", vec![1, 2]));
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
}

#[test]
fn after_a_kill_a_check_that_fails_leaves_nobody_at_the_new_version() {
    let stand = killed_with_a_tenth();
    stand.endpoint.answer_invocations(thrown());
    let ended = stand.again();
    check_failed(&ended, "verification-failed", "/verify");
    check_cleared(&ended);
    assert_eq!(stand.alias("live"), "1");
}

#[test]
fn after_a_kill_a_check_that_fails_without_traffic_leaves_nobody_at_the_new_version() {
    let mut stand = killed_with_a_tenth();
    stand.ask(json!({"traffic": null, "traffic_interval": null}));
    stand.endpoint.answer_invocations(thrown());
    let ended = stand.again();
    check_failed(&ended, "verification-failed", "/verify");
    check_cleared(&ended);
    assert_eq!(stand.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn after_a_kill_a_rollback_sends_all_traffic_to_where_the_alias_points() {
    let stand = killed_with_a_tenth();
    let ended = stand.rollback();
    assert_eq!((ended.outcome(), ended.status.code()), ("deployed", Some(0)), "{}", ended.stdout);
    check_cleared(&ended);
    assert_eq!(stand.changes(), ["UpdateAlias 1"]);
    assert_eq!((stand.alias("live").as_str(), &ended.finished()["version"]), ("1", &json!("1")));
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
fn a_rollback_goes_to_where_the_alias_came_from_and_skips_what_failed() {
    let mut stand = Stand::live(json!({"verify": {}}));
    stand.endpoint.answer_invocations(of_version("2", thrown()));
    check_failed(&stand.deploy("// 2\n"), "verification-failed", "/verify");
    stand.deployed("// 3\n");
    assert_eq!((stand.alias("live").as_str(), stand.versions()), ("3", vec![1, 2, 3]));

    stand.ask(json!({"dry_run": true}));
    let planned = stand.rollback();
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
    let change = json!({"field": "alias.live", "from": "3", "to": "1"});
    assert_eq!(planned.finished()["steps"], json!([{"step": "update-alias", "changes": [change]}]));
    assert_eq!((stand.changes(), stand.alias("live").as_str()), (vec![], "3"));

    stand.ask(json!({"dry_run": null}));
    let ended = stand.rollback();
    assert_eq!((ended.outcome(), ended.status.code()), ("deployed", Some(0)), "{}", ended.stdout);
    assert_eq!((stand.changes(), stand.alias("live").as_str()), (vec!["UpdateAlias 1".to_owned()], "1"));
    assert_eq!((ended.steps(), warnings(&ended)), (vec!["update-alias"], vec![]));
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"], &finished["alias"]], ["1", "3", "live"]);
    let version = stand.endpoint.function("f:1").expect("is there");
    assert_eq!(finished["code_sha256"], version["Configuration"]["CodeSha256"]);
}

/// `live` at version 3, and where it has been before: at 1 and 2.
fn three_versions() -> Stand {
    let stand = Stand::live(json!({}));
    stand.deployed("// 2\n");
    stand.deployed("// 3\n");
    stand
}

#[test]
fn rollbacks_go_on_until_there_is_no_version_before() {
    let stand = three_versions();
    for version in ["2", "1"] {
        let ended = stand.rollback();
        assert_eq!((ended.outcome(), stand.alias("live").as_str()), ("deployed", version), "{}", ended.stdout);
    }
    check_failed(&stand.rollback(), "no-previous-version", "/alias");
    assert_eq!((stand.changes(), stand.alias("live").as_str()), (vec![], "1"));
}

#[test]
fn a_rollback_to_what_is_not_there_is_refused() {
    let mut stand = three_versions();
    for (members, at) in [
        (json!({"alias": "nobody"}), "/alias"),
        (json!({"alias": ["live", "nobody"]}), "/alias"),
        (json!({"alias": "live", "version": 4}), "/version"),
        (json!({"version": null, "function_name": "g"}), "/function_name"),
    ] {
        stand.ask(members);
        check_failed(&stand.rollback(), "not-found", at);
        assert_eq!((stand.changes(), stand.alias("live").as_str()), (vec![], "3"));
    }
    stand.ask(json!({"alias": null}));
    let ended = stand.rollback();
    assert_eq!((ended.code(), error(&ended, "at"), ended.status.code()), ("missing-key", "/alias", Some(2)));
    assert_eq!(stand.operations(), [""; 0]);
}

#[test]
fn a_rollback_goes_to_the_version_that_is_named() {
    let mut stand = three_versions();
    stand.ask(json!({"version": "1"}));
    let ended = stand.rollback();
    assert_eq!((ended.outcome(), stand.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
    let again = stand.rollback();
    assert_eq!((again.outcome(), stand.changes()), ("unchanged", vec![]), "{}", again.stdout);
    stand.ask(json!({"version": 3}));
    let ended = stand.rollback();
    assert_eq!((ended.outcome(), stand.alias("live").as_str()), ("deployed", "3"), "{}", ended.stdout);
}

#[test]
fn aliases_go_back_together_or_not_at_all() {
    let mut stand = three_versions();
    stand.make_alias("other", "2");
    stand.ask(json!({"alias": ["live", "other"]}));
    let ended = stand.rollback();
    check_failed(&ended, "ambiguous-rollback", "/alias");
    let message = error(&ended, "message");
    assert!(message.contains("`live` would go back to version 2, `other` would go back to version 1"), "{message}");
    assert_eq!((stand.changes(), stand.alias("live").as_str()), (vec![], "3"));

    stand.deployed("// 4\n");
    stand.deployed("// 5\n");
    let ended = stand.rollback();
    assert_eq!((ended.outcome(), &ended.finished()["version"]), ("deployed", &json!("4")), "{}", ended.stdout);
    assert_eq!(["live", "other"].map(|name| stand.alias(name)), ["4", "4"]);
    assert_eq!(stand.changes(), ["UpdateAlias 4", "UpdateAlias 4"]);
}

#[test]
fn after_a_rollback_the_same_deployment_goes_forward_again() {
    let stand = three_versions();
    assert_eq!(stand.rollback().outcome(), "deployed");
    assert_eq!(stand.alias("live"), "2");
    let ended = stand.again();
    assert_eq!((ended.outcome(), stand.alias("live").as_str()), ("deployed", "3"), "{}", ended.stdout);
    assert_eq!((stand.versions(), stand.endpoint.calls().iter().map(|call| call.code_bytes).sum()), (vec![1, 2, 3], 0));
    assert_eq!(ended.finished()["previous_version"], "2");
}

#[test]
fn a_rollback_does_not_move_an_alias_that_somebody_else_has_moved_meanwhile() {
    let stand = three_versions();
    // On record once it is handled: what the rollback knows of the alias is from before, and it is still reading.
    let kind = FaultKind::Slow { answer_over: Duration::from_secs(2) };
    let operation = Some("ListVersionsByFunction".to_owned());
    stand.endpoint.fault(Fault { operation, after: 0, times: 1, kind });
    let ended = thread::scope(|scope| {
        stand.endpoint.forget_calls();
        let rollback = scope.spawn(|| stand.plugin(&["rollback"]).run(&stand.request));
        stand.heard("ListVersionsByFunction");
        stand.somebody_else("PUT", &format!("{ALIASES}/live"), json!({"FunctionVersion": "1"}));
        rollback.join().expect("no panic")
    });
    assert_eq!((ended.code(), ended.status.code()), ("conflict", Some(1)), "{}", ended.stdout);
    assert_eq!(ended.finished()["changed"], json!([]));
    assert_eq!(stand.alias("live"), "1");
}

/// Executions of `live` that are kept ready, with their status. `None`: none are.
fn provisioned(stand: &Stand) -> Option<(u64, String)> {
    let told = stand.endpoint.perform("GET", PROVISIONED, Value::Null).ok()?;
    let executions = told["RequestedProvisionedConcurrentExecutions"].as_u64()?;
    Some((executions, told["Status"].as_str()?.to_owned()))
}

fn with_provisioned(provision_duration: Duration) -> Stand {
    let settings = Settings { provision_duration, ..Settings::default() };
    Stand::of(settings, json!({"alias": "live", "provisioned_concurrency": 2}))
}

#[test]
fn provisioned_concurrency_is_ready_when_the_deployment_ends() {
    let stand = with_provisioned(Duration::from_millis(700));
    let ready = Some((2, "READY".to_owned()));
    let created = stand.deployed("// 1\n");
    assert_eq!(provisioned(&stand), ready);
    assert_eq!(created.steps()[2..], ["create-alias", "put-provisioned-concurrency-config"]);

    let moved = stand.deployed("// 2\n");
    assert_eq!((provisioned(&stand), stand.alias("live").as_str()), (ready.clone(), "2"));
    assert_eq!(moved.steps(), ["update-function-code", "publish-version", "update-alias"]);
    assert_eq!(warnings(&moved), [""; 0], "weights that AWS itself shows are nobody's");
    let steps = &moved.event("planned").expect("told")["steps"];
    assert_eq!(steps[2]["waits_for"], "provisioned-concurrency-ready");
    assert_eq!(stand.again().outcome(), "unchanged");

    let back = stand.rollback();
    assert_eq!((back.outcome(), stand.alias("live").as_str()), ("deployed", "1"), "{}", back.stdout);
    assert_eq!((provisioned(&stand), warnings(&back)), (ready, vec![]));
}

#[test]
fn provisioned_concurrency_is_removed() {
    let mut stand = with_provisioned(Duration::ZERO);
    stand.deployed("// 1\n");
    stand.ask(json!({"provisioned_concurrency": "none"}));
    let removed = stand.again();
    assert_eq!(removed.steps(), ["delete-provisioned-concurrency-config"], "{}", removed.stdout);
    assert_eq!((removed.outcome(), provisioned(&stand), stand.alias("live").as_str()), ("deployed", None, "1"));
    assert_eq!(stand.again().outcome(), "unchanged");
}

#[test]
fn an_alias_that_loses_its_provisioned_concurrency_has_moved_when_the_deployment_ends() {
    let mut stand = with_provisioned(Duration::from_millis(1500));
    stand.deployed("// 1\n");
    stand.ask(json!({"provisioned_concurrency": "none"}));
    let ended = stand.deployed("// 2\n");
    assert_eq!((provisioned(&stand), stand.alias("live").as_str()), (None, "2"), "{}", ended.stdout);
}

#[test]
fn provisioned_concurrency_that_fails_is_told_and_tried_again() {
    let stand = with_provisioned(Duration::ZERO);
    let kind = FaultKind::ProvisionFails { reason: "FUNCTION_ERROR_INIT_FAILURE".to_owned() };
    stand.endpoint.fault(Fault { operation: None, after: 0, times: 1, kind });
    let failed = stand.deploy("// 1\n");
    check_failed(&failed, "provisioning-failed", "/provisioned_concurrency");
    assert!(error(&failed, "message").contains("FUNCTION_ERROR_INIT_FAILURE"), "{}", failed.stdout);
    assert_eq!(stand.alias("live"), "1");
    let again = stand.again();
    assert_eq!((again.outcome(), provisioned(&stand)), ("deployed", Some((2, "READY".to_owned()))), "{}", again.stdout);
    assert_eq!(again.steps(), ["put-provisioned-concurrency-config"]);
}

#[test]
fn a_run_killed_while_provisioned_concurrency_moves_is_ended_by_the_next() {
    let stand = with_provisioned(Duration::from_millis(1500));
    stand.deployed("// 1\n");
    let running = stand.started("// 2\n", &["update-alias"]);
    stand.heard("UpdateAlias");
    running.kill();
    let ended = stand.again();
    assert!(["deployed", "unchanged"].contains(&ended.outcome()), "{}", ended.stdout);
    assert_eq!((provisioned(&stand), stand.alias("live").as_str()), (Some((2, "READY".to_owned())), "2"));
    assert_eq!(warnings(&ended), [""; 0]);
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
