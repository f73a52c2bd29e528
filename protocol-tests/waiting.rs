//! Tests waits and retries: how long a run waits, how soon it retries, and its `progress` events meanwhile.

use std::time::Duration;

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::aws_state::create_request;
use crate::deployments::{build_directory, request};
use crate::fixture::check_each;
use crate::identity::recorder::Recorder;
use crate::identity::sources::{ROLE, refusal};
use crate::plugin::{PluginCommand, PluginOutput};

fn status(operation: &str, after: u32, times: u32, (status, code): (u16, &str)) -> Fault {
    let once = Fault::once(operation, FaultKind::status(status, code, "AWS's own words."));
    Fault { after, times, ..once }
}

const PASSING: [(u16, &str); 3] =
    [(429, "TooManyRequestsException"), (500, "ServiceException"), (503, "ServiceUnavailableException")];

/// An endpoint with the function `f`.
fn endpoint(update: Duration) -> Endpoint {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    endpoint.seed(create_request()).expect("a valid function");
    endpoint.set_update_duration(update);
    endpoint
}

fn deploy(endpoint: &Endpoint, members: &Value) -> PluginOutput {
    let mut request = request(endpoint);
    request.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    PluginCommand::new(&[]).directory(build_directory().path()).run(&request)
}

/// The `what` of all `progress` events of waits.
fn waits(ended: &PluginOutput) -> Vec<&str> {
    let waits = ended.events.iter().filter(|event| event["event"] == "progress" && event["task"] == "wait");
    waits.map(|event| event["what"].as_str().expect("a string")).collect()
}

#[test]
fn two_refusals_that_pass_cost_less_than_three_seconds() {
    for refusal in PASSING {
        let endpoint = endpoint(Duration::ZERO);
        endpoint.fault(status("UpdateFunctionCode", 0, 2, refusal));
        let ended = deploy(&endpoint, &json!({}));
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        let calls = endpoint.calls();
        let tries: Vec<_> =
            calls.iter().filter(|call| call.operation == "UpdateFunctionCode").map(|it| it.at).collect();
        let [first, second, third] = tries.as_slice() else {
            panic!("expected 3 attempts, got {}", tries.len())
        };
        let took = (*second - *first, *third - *first);
        assert!(took.0 < Duration::from_secs(1) && took.1 < Duration::from_secs(3), "{refusal:?}: {took:?}");
    }
}

#[test]
fn a_wait_that_ends_while_aws_refuses_reports_what_aws_said() {
    // The first read, a call that changes something, and a poll during a wait.
    let at = [("GetFunction", 0), ("UpdateFunctionCode", 0), ("GetFunction", 1)];
    let all: Vec<_> = PASSING.iter().flat_map(|refusal| at.map(|at| (*refusal, at))).collect();
    let name = |(refusal, at): &((u16, &str), (&str, u32))| format!("{refusal:?} at {at:?}");
    check_each(&all, all.len(), name, |(refusal, (operation, after))| {
        let ours = if refusal.0 == 429 { "throttled" } else { "service-unavailable" };
        let endpoint = endpoint(Duration::from_secs(60));
        endpoint.fault(status(operation, *after, u32::MAX, *refusal));
        // Long enough for one response, even on a busy machine.
        let ended = deploy(&endpoint, &json!({"wait_timeout": 10}));
        let (error, at) =
            (&ended.finished()["error"], format!("{operation} after {after}: {}", ended.stdout));
        assert_eq!(error["code"], ours, "{at}");
        assert_eq!(error["aws"]["operation"], *operation, "{at}");
        assert_eq!(
            (&error["aws"]["code"], &error["aws"]["http_status"]),
            (&json!(refusal.1), &json!(refusal.0)),
            "{at}"
        );
        assert!(error["aws"]["request_id"].is_string(), "{at}");
        let message = error["message"].as_str().expect("a string");
        assert!(message.contains("AWS's own words") && !message.contains("did not respond"), "{at}");
    });
}

#[test]
fn sts_that_is_down_until_the_end_of_the_wait_is_named() {
    let sts = Recorder::start(|_| refusal(503, "ServiceUnavailable", "Service Unavailable"));
    let endpoint = endpoint(Duration::ZERO);
    let mut request = request(&endpoint);
    request["role_to_assume"] = json!(ROLE);
    // Long enough for one response, even on a busy machine.
    request["wait_timeout"] = json!(6);
    request["env"]["AWS_ENDPOINT_URL_STS"] = json!(sts.url());
    let ended = PluginCommand::new(&[]).directory(build_directory().path()).run(&request);
    let error = &ended.finished()["error"];
    assert_eq!(
        (&error["code"], &error["aws"]["operation"]),
        (&json!("service-unavailable"), &json!("AssumeRole")),
        "{error}"
    );
    assert_eq!(error["aws"]["request_id"], "b25f48e8-84fd-11e6-80d9-574e0c4664cb");
}

#[test]
fn a_refusal_that_passes_ends_no_wait() {
    let endpoint = endpoint(Duration::from_millis(500));
    // More attempts than one call makes.
    endpoint.fault(status("GetFunction", 1, 12, (429, "TooManyRequestsException")));
    let ended = deploy(&endpoint, &json!({}));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let reported = waits(&ended);
    assert!(reported.iter().any(|what| what.contains("GetFunction") && what.contains("429")), "{reported:?}");
}

#[test]
fn a_wait_of_more_than_five_seconds_says_what_it_is_for() {
    let long = Duration::from_secs(7);
    let cases = [
        (long, None, "the update"),
        (Duration::ZERO, Some(FaultKind::Hang { for_: long }), "AWS's response to UpdateFunctionCode"),
        (Duration::ZERO, Some(FaultKind::Busy { for_: long }), "another update of the function"),
    ];
    let name = |(_, _, what): &(Duration, Option<FaultKind>, &str)| (*what).to_owned();
    check_each(&cases, cases.len(), name, |(update, fault, what)| {
        let endpoint = endpoint(*update);
        if let Some(kind) = fault {
            endpoint.fault(Fault::once("UpdateFunctionCode", kind.clone()));
        }
        let ended = deploy(&endpoint, &json!({}));
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        assert!(waits(&ended).contains(what), "{}", ended.stdout);
    });
    let ended = deploy(&endpoint(Duration::ZERO), &json!({}));
    assert!(ended.elapsed > Duration::from_secs(5) || waits(&ended).is_empty(), "{}", ended.stdout);
}
