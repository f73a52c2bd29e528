//! CloudWatch's alarms and metrics, and its protocol.

use serde_json::{Value, json};

use super::sockets::{exchange, start};
use crate::scenario::TestAccount;
use crate::{Alarm, Fires, Metrics, cbor};

const ALARMS: &str = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
const METRICS: &str = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
const ALL: [&str; 2] = ["CompositeAlarm", "MetricAlarm"];

/// An account with two metric alarms, a composite one, and the alias `live`, which sends a tenth of its
/// traffic to version 2.
fn prepared() -> TestAccount {
    let mut scenario = TestAccount::with_function();
    for timeout in 1..=2 {
        scenario.done("PUT", "/2015-03-31/functions/f/configuration", json!({"Timeout": timeout}));
        scenario.done("POST", "/2015-03-31/functions/f/versions", json!({}));
    }
    let routing = json!({"AdditionalVersionWeights": {"2": 0.1}});
    let live = json!({"Name": "live", "FunctionVersion": "1", "RoutingConfig": routing});
    scenario.done("POST", "/2015-03-31/functions/f/aliases", live);
    let cloud_watch = &mut scenario.account().cloud_watch;
    cloud_watch.set_alarm(Alarm::named("errors"));
    cloud_watch.set_alarm(Alarm::firing("latency", Fires::AtPercent(10)));
    cloud_watch.set_alarm(Alarm { is_composite: true, ..Alarm::named("shop") });
    cloud_watch.set_metrics(Metrics::of("1", 9, 1000));
    cloud_watch.set_metrics(Metrics::of("2", 50, 1000));
    scenario
}

/// The names and states in a list of alarms.
fn states(alarms: &Value) -> Vec<[&str; 2]> {
    let alarms = alarms.as_array().into_iter().flatten();
    let keys = ["AlarmName", "StateValue"];
    alarms.map(|alarm| keys.map(|key| alarm[key].as_str().unwrap_or_default())).collect()
}

#[test]
fn alarms_are_found_by_name_and_type() {
    let mut scenario = prepared();
    let names = ["errors", "latency", "missing", "shop"];
    let found = scenario.done("POST", ALARMS, json!({"AlarmNames": names}));
    assert_eq!(states(&found["MetricAlarms"]), [["errors", "OK"], ["latency", "ALARM"]]);
    assert_eq!(found.get("CompositeAlarms"), None, "{found}");
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors";
    assert_eq!(found["MetricAlarms"][0]["AlarmArn"], arn);
    let found = scenario.done("POST", ALARMS, json!({"AlarmNames": names, "AlarmTypes": ALL}));
    assert_eq!(states(&found["CompositeAlarms"]), [["shop", "OK"]]);
    assert_eq!(states(&found["MetricAlarms"]).len(), 2);
}

#[test]
fn alarms_have_pages() {
    let mut scenario = prepared();
    let mut asked = json!({"AlarmTypes": ALL, "MaxRecords": 2});
    let first = scenario.done("POST", ALARMS, asked.clone());
    assert_eq!((states(&first["MetricAlarms"]).len(), states(&first["CompositeAlarms"]).len()), (2, 0));
    asked["NextToken"] = first["NextToken"].clone();
    let second = scenario.done("POST", ALARMS, asked.clone());
    assert_eq!((states(&second["CompositeAlarms"]), second.get("NextToken")), (vec![["shop", "OK"]], None));
    asked["NextToken"] = json!("another");
    let refused = (400, "InvalidNextToken");
    scenario.refused("POST", ALARMS, asked, refused, "The next token specified is invalid.");
}

#[test]
fn more_than_a_hundred_names_are_refused() {
    let (status, code, _) = prepared().ask("POST", ALARMS, json!({"AlarmNames": vec!["a"; 101]}));
    assert_eq!((status, code.as_str()), (400, "ValidationException"));
}

/// A query of a sum for a version behind `live`.
fn query(metric: &str, version: &str) -> Value {
    let dimensions = [("FunctionName", "f"), ("Resource", "f:live"), ("ExecutedVersion", version)];
    let dimensions = dimensions.map(|(name, value)| json!({"Name": name, "Value": value}));
    let metric_of_lambda = json!({"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions});
    let stat = json!({"Metric": metric_of_lambda, "Period": 60, "Stat": "Sum"});
    json!({"Id": format!("{}{version}", metric.to_lowercase()), "MetricStat": stat})
}

#[test]
fn metrics_follow_from_the_weights() {
    let mut scenario = prepared();
    let queries: Vec<Value> = ["1", "2", "3"]
        .iter()
        .flat_map(|version| ["Invocations", "Errors"].map(|metric| query(metric, version)))
        .collect();
    let mut asked = json!({"MetricDataQueries": queries, "StartTime": 90.5, "EndTime": 200.0});
    let first = scenario.done("POST", METRICS, asked.clone());
    let results = &first["MetricDataResults"];
    assert_eq!(results.as_array().map(Vec::len), Some(4));
    assert_eq!(results[0]["Timestamps"], json!([120.0, 60.0]));
    let values: Vec<&Value> = (0..4).map(|place| &results[place]["Values"]).collect();
    let expected = [json!([450.0, 450.0]), json!([4.0, 4.0]), json!([50.0, 50.0]), json!([2.0, 3.0])];
    assert_eq!(values, expected.iter().collect::<Vec<_>>());
    asked["NextToken"] = first["NextToken"].clone();
    let second = scenario.done("POST", METRICS, asked);
    let results = second["MetricDataResults"].as_array().expect("a list");
    assert_eq!((results.len(), second.get("NextToken")), (2, None));
    assert_eq!(results[0]["Values"], json!([]));
}

#[test]
fn a_time_without_length_and_another_statistic_are_refused() {
    let mut average = query("Errors", "1");
    average["MetricStat"]["Stat"] = json!("Average");
    for (query, end) in [(query("Errors", "1"), 60), (average, 120)] {
        let asked = json!({"MetricDataQueries": [query], "StartTime": 60, "EndTime": end});
        let (status, code, answer) = prepared().ask("POST", METRICS, asked);
        assert_eq!((status, code.as_str()), (400, "ValidationException"), "{answer}");
    }
}

#[test]
fn requests_and_answers_are_cbor() {
    let endpoint = start();
    endpoint.set_alarm(Alarm::named("errors"));
    let body = json!({"AlarmNames": ["errors"]});
    let (head, answer) = exchange(&endpoint, "POST", ALARMS, &cbor::write(&body)).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/cbor\r\n"), "{head}");
    assert!(head.contains("smithy-protocol: rpc-v2-cbor\r\n"), "{head}");
    assert!(answer.contains("AlarmName"), "{answer}");
    let call = &endpoint.calls()[0];
    assert_eq!((call.operation.as_str(), &call.body, call.is_read()), ("DescribeAlarms", &body, true));
    let (head, answer) = exchange(&endpoint, "POST", ALARMS, b"{}").unwrap();
    assert!(head.contains("x-amzn-query-error: SerializationException;Sender\r\n"), "{head}");
    assert!(answer.contains("com.amazonaws.cloudwatch#SerializationException"), "{answer}");
}

#[test]
fn a_denied_call_has_the_code_of_cloudwatch() {
    let endpoint = start();
    endpoint.enforce(json!({"Version": "2012-10-17", "Statement": []}));
    let (head, answer) = exchange(&endpoint, "POST", ALARMS, &cbor::write(&json!({}))).unwrap();
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    assert!(head.contains("x-amzn-query-error: AccessDenied;Sender\r\n"), "{head}");
    let alarms = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*";
    let denied = format!("to perform: cloudwatch:DescribeAlarms on resource: {alarms} because");
    assert!(answer.contains(&denied), "{answer}");
    let times = json!({"MetricDataQueries": [], "StartTime": 1, "EndTime": 2});
    let (_, answer) = exchange(&endpoint, "POST", METRICS, &cbor::write(&times)).unwrap();
    assert!(answer.contains("to perform: cloudwatch:GetMetricData because no"), "{answer}");
}

#[test]
fn the_json_protocol_has_the_operation_in_a_header() {
    let header = [("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms")];
    let answer = prepared().answer("POST", "/", &header, json!({"AlarmNames": ["errors"]}));
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(states(&answer["MetricAlarms"]), [["errors", "OK"]], "{answer}");
}
