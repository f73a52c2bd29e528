//! Callers that go around the alias, a guard, and CodeDeploy, on emulators. The tests check with boto3 where
//! an alias and a mapping point, which version got a message, and what CodeDeploy was to do.
//!
//! ministack (1.5.33) runs the functions, also for a queue. It evaluates alarms when metrics are put,
//! whatever dimensions they have, and composite alarms with them. Its own metrics of an invocation have only
//! the dimension `FunctionName`, so the tests put those of versions. It has no CodeDeploy. moto (5.2.3) never
//! evaluates alarms, and answers 404 in the protocol in which the program calls CloudWatch. A deployment of
//! its CodeDeploy stays `Created` and moves no traffic; StopDeployment and GetDeploymentConfig fail with
//! status 500.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::emulated_scenario::{Scenario, has_failed_with, shares};
use crate::fixture::{object, wait_until};
use crate::plugin::{PluginCommand, PluginOutput, agrees};

/// An SQS queue that calls the function of a scenario, at first without the alias.
struct Queue<'a> {
    scenario: &'a Scenario,
    url: Value,
    mapping: Value,
}

impl<'a> Queue<'a> {
    fn orders(scenario: &'a Scenario) -> Self {
        // A message with which the function fails does not come back during the test.
        let queue = json!({"QueueName": "orders", "Attributes": {"VisibilityTimeout": "600"}});
        let url = scenario.emulator.ask("sqs", "create_queue", &queue)["QueueUrl"].clone();
        let arn = "arn:aws:sqs:us-east-1:000000000000:orders";
        let mapping = json!({"EventSourceArn": arn, "FunctionName": "f"});
        let mapping = scenario.boto.reported("create_event_source_mapping", &mapping)["UUID"].clone();
        Queue { scenario, url, mapping }
    }

    /// What the queue calls: `f` or `f:live`.
    fn calls(&self) -> String {
        let mapping = json!({"UUID": self.mapping});
        let mapping = self.scenario.boto.reported("get_event_source_mapping", &mapping);
        let arn = mapping["FunctionArn"].as_str().expect("an ARN");
        arn.rsplit_once("function:").expect("of a function").1.to_owned()
    }

    /// Sends a message, and returns which version has logged it, and how.
    fn send(&self, order: &str) -> String {
        let ask = |service: &str, operation: &str, arguments: Value| {
            self.scenario.emulator.ask(service, operation, &arguments)
        };
        ask("sqs", "send_message", json!({"QueueUrl": self.url, "MessageBody": order}));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let logged = ask("logs", "filter_log_events", json!({"logGroupName": "/aws/lambda/f"}));
            let mut events = logged["events"].as_array().expect("a list").iter();
            let message = |event: &Value| event["message"].as_str().unwrap_or_default().trim().to_owned();
            if let Some(event) = events.find(|event| message(event).ends_with(order)) {
                // Such as `2026/11/29/[$LATEST]a8642588db9e46f18d0141a03fbcea11`.
                let stream = event["logStreamName"].as_str().expect("a name");
                let version = stream.split(['[', ']']).nth(1).expect("a version in brackets");
                return format!("{order}: version {version} logs `{}`", message(event));
            }
        }
        panic!("no version logs {order}");
    }
}

/// Requests the URL of the alias, and returns the body of the answer. ministack serves all URLs at its own
/// port and distinguishes them by `Host`.
fn url_answer(scenario: &Scenario) -> String {
    let alias = json!({"FunctionName": "f", "Qualifier": "live"});
    let config = scenario.boto.reported("get_function_url_config", &alias);
    let url = config["FunctionUrl"].as_str().expect("a URL");
    let host = url.trim_start_matches("https://").trim_end_matches('/');
    let address = scenario.emulator.url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).expect("ministack listens");
    write!(connection, "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("written");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("readable");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_queue_reaches_broken_code_until_it_follows_the_alias() {
    let scenario = Scenario::ministack("python3.13");
    let deploy = |name: &str, keys: Value| {
        let end = match name {
            "broken" => "raise ValueError('no table')".to_owned(),
            _ => format!("return '{name}'"),
        };
        let log = format!("print('{name} code got', record['body'])");
        scenario.write(&format!("for record in event.get('Records', []):\n        {log}\n    {end}"));
        scenario.deploy(keys)
    };
    let keys = json!({"verify": {}, "function_url": {"auth_type": "NONE"}});
    let following = json!({"verify": {}, "function_url": {"auth_type": "NONE"}, "follow_alias": true});
    scenario.went_live(&deploy("good", keys.clone()), "1");
    let queue = Queue::orders(&scenario);
    let state = || {
        let version = scenario.alias()["FunctionVersion"].as_str().expect("a number").to_owned();
        let (calls, answer) = (queue.calls(), url_answer(&scenario));
        format!("orders calls {calls}, live is at {version}, its URL answers {answer}")
    };
    let mut transcript = vec![format!("good code deployed: {}", state()), queue.send("order-1")];

    let ended = deploy("broken", keys);
    scenario.did_not_pass(&ended, "no table", "1");
    let warning = ended.events.iter().find(|event| event["code"] == "bypasses-alias").expect("a warning");
    let (warning, _) = warning["message"].as_str().and_then(|text| text.split_once(';')).expect("a hint");
    transcript.push(warning.to_owned());
    transcript.extend([format!("broken code failed: {}", state()), queue.send("order-2")]);

    let ended = deploy("mended", following.clone());
    scenario.went_live(&ended, "3");
    assert!(ended.steps().contains(&"update-event-source-mapping"), "{}", ended.stdout);
    transcript.extend([format!("mended code follows the alias: {}", state()), queue.send("order-3")]);

    let ended = deploy("broken", following);
    scenario.did_not_pass(&ended, "no table", "3");
    let is_warned = ended.events.iter().any(|event| event["code"] == "bypasses-alias");
    assert!(!is_warned, "{}", ended.stdout);
    transcript.extend([format!("broken code failed again: {}", state()), queue.send("order-4")]);

    transcript.iter().for_each(|line| println!("{line}"));
    let expected = [
        "good code deployed: orders calls f, live is at 1, its URL answers good",
        "order-1: version $LATEST logs `good code got order-1`",
        "warning: SQS queue orders calls the function, not `live`: it gets new code before `verify`",
        "broken code failed: orders calls f, live is at 1, its URL answers good",
        "order-2: version $LATEST logs `broken code got order-2`",
        "mended code follows the alias: orders calls f:live, live is at 3, its URL answers mended",
        "order-3: version 3 logs `mended code got order-3`",
        "broken code failed again: orders calls f:live, live is at 3, its URL answers mended",
        "order-4: version 3 logs `mended code got order-4`",
    ];
    assert_eq!(transcript, expected);
}

/// Creates the metric alarms `shop-5xx` and `shop-latency`, and `shop`, a composite alarm that fires with the
/// first one.
fn put_alarms(scenario: &Scenario) {
    let alarm = |metric: &str| {
        let alarm = json!({
            "AlarmName": format!("shop-{metric}"), "Namespace": "Shop", "MetricName": metric,
            "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        });
        ("cloudwatch", "put_metric_alarm", alarm)
    };
    let composite = json!({"AlarmName": "shop", "AlarmRule": "ALARM(\"shop-5xx\")"});
    scenario.emulator.ask_all(&[
        alarm("5xx"),
        alarm("latency"),
        ("cloudwatch", "put_composite_alarm", composite),
    ]);
}

/// The arguments of `put_metric_data` that make the alarms `shop-5xx` and `shop` fire.
fn failures() -> Value {
    json!({"Namespace": "Shop", "MetricData": [{"MetricName": "5xx", "Value": 9}]})
}

/// Deploys a first version, and then a second one with a guard. Puts metrics as soon as the second version
/// gets 10 % of the traffic, and checks that all traffic then goes back.
#[track_caller]
fn check_traffic_goes_back(
    scenario: &Scenario,
    guard: Value,
    metrics: &Value,
    (code, message): (&str, &str),
) -> PluginOutput {
    scenario.write("return 'first'");
    scenario.went_live(&scenario.deploy(json!({})), "1");
    scenario.write("return 'second'");
    let stanza = scenario.with(json!({"traffic": [10, 100], "traffic_interval": 10, "guard": guard}));
    let directory = scenario.directory.path();
    let ended = thread::scope(|scope| {
        let run = scope.spawn(move || PluginCommand::new(&[]).directory(directory).run(&stanza));
        wait_until("traffic of version 2", || shares(&scenario.alias()) == json!({"2": 0.1}));
        scenario.emulator.ask("cloudwatch", "put_metric_data", metrics);
        run.join().expect("no panic")
    });
    has_failed_with(&ended, code, message);
    has_failed_with(&ended, code, "all traffic of `live` is back at version 1");
    let changed = &ended.finished()["changed"];
    assert_eq!(changed, &json!(["update-function-code", "publish-version"]), "{}", ended.stdout);
    scenario.is_at("1");
    assert_eq!(scenario.answer(), json!("first"));
    ended
}

/// Asserts what the first and the last event `guard-checked` of a run say.
#[track_caller]
fn check_guard(ended: &PluginOutput, first: Value, last: Value) {
    let checks: Vec<_> = ended.events.iter().filter(|event| event["event"] == "guard-checked").collect();
    for (expected, check) in [(first, checks.first()), (last, checks.last())] {
        assert!(check.is_some_and(|check| agrees(&expected, check)), "{expected}: {}", ended.stdout);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_alarm_that_fires_during_a_shift_sends_all_traffic_back() {
    for (named, name, reason) in [
        ("shop-5xx", "shop-5xx", "Threshold Crossed: Sum 9.0 GreaterThanThreshold 5.0"),
        (
            "arn:aws:cloudwatch:us-east-1:000000000000:alarm:shop",
            "shop",
            "arn:aws:cloudwatch:us-east-1:000000000000:alarm:shop-5xx transitioned to ALARM at ",
        ),
    ] {
        let scenario = Scenario::ministack("python3.13");
        put_alarms(&scenario);
        let message =
            format!("CloudWatch alarm `{name}` fired while version 2 got 10 % of the traffic: {reason}");
        let guard = json!({"alarms": named});
        let ended = check_traffic_goes_back(&scenario, guard, &failures(), ("alarm-fired", &message));
        let fired = json!({"state": "fired", "percent": 10, "alarms": [{"name": name, "state": "ALARM"}]});
        check_guard(&ended, json!({"state": "passed", "percent": 10, "alarms": [{"name": name}]}), fired);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_alarm_that_fires_already_does_not_hold_back_a_mended_version() {
    let scenario = Scenario::ministack("python3.13");
    put_alarms(&scenario);
    scenario.write("return 'first'");
    scenario.went_live(&scenario.deploy(json!({})), "1");
    scenario.emulator.ask("cloudwatch", "put_metric_data", &failures());

    scenario.write("return 'mended'");
    let missing = scenario.deploy(json!({"guard": {"alarms": ["shop-5xx", "shop-orders"]}}));
    has_failed_with(&missing, "not-found", "CloudWatch alarm `shop-orders` does not exist in us-east-1");
    assert_eq!(missing.finished()["error"]["at"], "/guard/alarms", "{}", missing.stdout);
    assert!(missing.steps().is_empty(), "{}", missing.stdout);

    let ended = scenario.deploy(json!({"guard": {"alarms": ["shop-5xx", "shop-latency"], "bake": 2}}));
    scenario.went_live(&ended, "2");
    let ignored = ended.events.iter().filter(|event| event["code"] == "alarm-already-firing");
    assert_eq!(ignored.count(), 1, "{}", ended.stdout);
    let guard = &ended.finished()["guard"];
    assert!(agrees(&json!({"ignored": ["shop-5xx"], "state": "passed"}), guard), "{}", ended.stdout);
    assert_eq!(scenario.answer(), json!("mended"));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_version_that_fails_more_often_than_errors_allows_loses_its_traffic() {
    let metric = |version: &str, name: &str, value: u32| {
        let dimensions = [("FunctionName", "f"), ("Resource", "f:live"), ("ExecutedVersion", version)];
        let dimensions = dimensions.map(|(name, value)| json!({"Name": name, "Value": value}));
        json!({"MetricName": name, "Dimensions": dimensions, "Value": value})
    };
    let metrics = json!({"Namespace": "AWS/Lambda", "MetricData": [
        metric("1", "Invocations", 3000), metric("1", "Errors", 3),
        metric("2", "Invocations", 340), metric("2", "Errors", 12),
    ]});
    let scenario = Scenario::ministack("python3.13");
    let message = "version 2 failed 12 of 340 invocations";
    let guard = json!({"errors": "1%", "bake": 120});
    let ended = check_traffic_goes_back(&scenario, guard, &metrics, ("errors-exceeded", message));
    let counted = json!({
        "version": "2", "invocations": 340, "errors": 12,
        "previous": {"version": "1", "invocations": 3000, "errors": 3},
    });
    let fired = json!({"state": "fired", "percent": 10, "errors": counted});
    check_guard(&ended, json!({"state": "undecided", "percent": 10}), fired);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn code_deploy_gets_a_deployment_that_moves_the_alias() {
    let scenario = Scenario::moto();
    let ask = |operation: &str, arguments: Value| scenario.emulator.ask("codedeploy", operation, &arguments);
    let in_group = |keys: Value| {
        let mut codedeploy = json!({"application": "shop", "deployment_group": "live", "wait": "started"});
        codedeploy.as_object_mut().expect("an object").extend(object(keys));
        scenario.deploy(json!({"codedeploy": codedeploy}))
    };
    ask("create_application", json!({"applicationName": "shop", "computePlatform": "Lambda"}));
    let group = json!({"applicationName": "shop", "deploymentGroupName": "live"});
    let mut new_group = group.clone();
    new_group["serviceRoleArn"] = scenario.with(json!({}))["role"].clone();
    ask("create_deployment_group", new_group);

    // There is no traffic to move yet.
    scenario.write("return 'first'");
    scenario.went_live(&in_group(json!({})), "1");

    scenario.write("return 'second'");
    for key in ["application", "deployment_group"] {
        let missing = in_group(json!({key: "none"}));
        has_failed_with(&missing, "not-found", "none");
        let error = &missing.finished()["error"];
        assert_eq!(error["at"], format!("/codedeploy/{key}"), "{}", missing.stdout);
        let command = format!("aws deploy create-{}", key.replace('_', "-"));
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains(&command)), "{}", missing.stdout);
        scenario.is_at("1");
    }

    let config = "CodeDeployDefault.LambdaCanary10Percent30Minutes";
    let keys = json!({"config": config, "hooks": {"before": "check", "after": "report"}});
    let started = in_group(keys.clone());
    assert_eq!(started.outcome(), "deployed", "{}", started.stdout);
    let id = started.finished()["codedeploy"]["deployment_id"].clone();
    assert_eq!(started.finished()["codedeploy"]["status"], "Created", "{}", started.stdout);
    scenario.is_at("1");

    let deployment = ask("get_deployment", json!({"deploymentId": id}))["deploymentInfo"].clone();
    let expected = json!({
        "applicationName": "shop", "deploymentGroupName": "live", "deploymentConfigName": config,
        "revision": {"revisionType": "AppSpecContent"},
    });
    assert!(agrees(&expected, &deployment), "{deployment:#}");
    let revision = &deployment["revision"]["appSpecContent"];
    let content = revision["content"].as_str().expect("a document");
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(content));
    assert_eq!(revision["sha256"], sha256, "{deployment:#}");
    let document: Value = serde_json::from_str(content).expect("JSON");
    let properties = json!({"Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"});
    let resources = document["Resources"].as_array().expect("a list").iter();
    let resources = resources.flat_map(|named| named.as_object().expect("a map").values());
    let function = json!({"Type": "AWS::Lambda::Function", "Properties": properties});
    assert_eq!(resources.collect::<Vec<_>>(), [&function]);
    let hooks = json!([{"BeforeAllowTraffic": "check"}, {"AfterAllowTraffic": "report"}]);
    assert_eq!(document["Hooks"], hooks, "{document:#}");

    // While it has not ended, a run with the same code starts no other deployment, and one with other code is
    // refused.
    let again = in_group(keys.clone());
    assert_eq!(again.finished()["codedeploy"]["deployment_id"], id, "{}", again.stdout);
    scenario.write("return 'third'");
    let refused = in_group(keys);
    has_failed_with(&refused, "traffic-shared", id.as_str().expect("an id"));
    assert_eq!(ask("list_deployments", group)["deployments"], json!([id]));
    scenario.is_at("1");
}
