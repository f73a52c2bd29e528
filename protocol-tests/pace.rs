//! Tests what the functions of one request share: the rate of their calls to Lambda, and the login.

use std::time::Duration;

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::deployments::{build_directory, request};
use crate::identity::sources::{ROLE, ROLE_KEYS, sts};
use crate::plugin::{PluginCommand, PluginOutput, take_env};

/// Deploys the functions `f0`, `f1` and so on. Each has the stanza of [`request`] and its members of `more`.
fn deploy(endpoint: &Endpoint, env: &Value, more: &[Value]) -> PluginOutput {
    let mut stanza = request(endpoint);
    let mut job = take_env(&mut stanza);
    job.as_object_mut().expect("an object").extend(env.as_object().expect("an object").clone());
    let stanza = |(number, more): (usize, &Value)| {
        let mut stanza = stanza.clone();
        stanza["function_name"] = json!(format!("f{number}"));
        stanza.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        stanza
    };
    let stanzas: Vec<Value> = more.iter().enumerate().map(stanza).collect();
    let ended = PluginCommand::new(&[])
        .directory(build_directory().path())
        .run(&json!({"env": job, "stanzas": stanzas}));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    ended
}

#[test]
fn a_list_of_functions_keeps_to_awss_quotas() {
    let settings =
        Settings { calls_per_second: Some(15), get_function_per_second: Some(100), ..Settings::default() };
    let endpoint = Endpoint::start(settings).expect("a free port");
    let ended = deploy(&endpoint, &json!({}), &vec![json!({"alias": "live"}); 20]);
    let calls = endpoint.calls();
    let throttled: Vec<&str> =
        calls.iter().filter(|call| call.status == 429).map(|call| call.operation.as_str()).collect();
    assert!(throttled.is_empty(), "of {} calls: {throttled:?}", calls.len());
    // Three calls for each function, and 8 of them need not wait.
    let others = calls.iter().filter(|call| call.operation != "GetFunction").count();
    assert!(others >= 60, "{others} calls");
    assert!(ended.elapsed >= Duration::from_secs_f64((others - 15) as f64 / 15.0), "{:?}", ended.elapsed);
    assert!(ended.elapsed < Duration::from_secs(60), "{:?}", ended.elapsed);
}

#[test]
fn a_429_for_one_function_slows_the_calls_for_the_next() {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let throttled = FaultKind::status(429, "TooManyRequestsException", "Rate Exceeded.");
    endpoint.fault(Fault { after: 1, ..Fault::once("CreateFunction", throttled) });
    deploy(&endpoint, &json!({}), &vec![json!({"alias": "live"}); 3]);
    let calls = endpoint.calls();
    let first = calls.iter().position(|call| call.status == 429).expect("throttled once");
    let later = calls[first + 1..].iter().filter(|call| call.operation != "GetFunction");
    let later: Vec<Duration> = later.map(|call| call.at - calls[first].at).collect();
    // The SDK's retry does not wait. After a second the next call comes, and the others at half the rate.
    assert!(later[1] >= Duration::from_secs(1), "{later:?}");
    assert!(later[4] >= Duration::from_millis(1300), "{later:?}");
}

#[test]
fn functions_with_the_same_identity_log_in_once() {
    let (sts, endpoint) = (sts(), ROLE_KEYS.endpoint("us-east-1"));
    let session = |name: &str| json!({"role_to_assume": ROLE, "role_session_name": name});
    let env = json!({"AWS_ENDPOINT_URL_STS": sts.url()});
    let ended = deploy(&endpoint, &env, &[session("one"), session("two"), session("one")]);
    let asked = sts.asked();
    let names: Vec<String> = asked.iter().map(|asked| asked.form()["RoleSessionName"].clone()).collect();
    assert_eq!(names, ["one", "two"]);
    let identified = ended.events.iter().filter(|event| event["event"] == "identified");
    assert_eq!(identified.count(), 3, "{}", ended.stdout);
}
