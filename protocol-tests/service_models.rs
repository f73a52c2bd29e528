//! Checks the requests to CodeDeploy and CloudWatch against botocore's models of these services: types,
//! required members, enumerations, patterns and lengths. The endpoint records the requests, and checks only
//! what it uses.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lambda_endpoint::{Alarm, Call, DeploymentGroup};
use serde_json::{Value, json};

use crate::emulators::PYTHON;
use crate::fixture::Fixture;

/// The problems of each request, which has the form `[service, operation, parameters]`.
fn problems(requests: &[Value]) -> Vec<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/emulators/check_requests.py");
    let mut command = Command::new(&*PYTHON);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(json!(requests).to_string().as_bytes()).expect("Python reads");
    drop(stdin);
    let output = child.wait_with_output().expect("Python ends");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// The calls of a deployment that CodeDeploy carries out, with every member of `codedeploy`, and of a
/// rollback that stops one.
fn calls_to_codedeploy() -> Vec<Call> {
    let codedeploy = |wait: &str| {
        json!({"codedeploy": {
            "application": "shop",
            "deployment_group": "live",
            "config": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
            "hooks": {"before": "shop-check", "after": "shop-smoke-test"},
            "wait": wait,
        }})
    };
    let mut fixture = Fixture::live(codedeploy("finished"));
    fixture.endpoint.set_deployment_group(DeploymentGroup::default());
    fixture.deployed("// 2\n");
    let mut calls = fixture.endpoint.calls();
    fixture.endpoint.set_shift_duration(Duration::from_secs(60));
    fixture.set(codedeploy("started"));
    fixture.deployed("// 3\n");
    fixture.endpoint.set_shift_duration(Duration::ZERO);
    let ended = fixture.rollback();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    calls.extend(fixture.endpoint.calls());
    calls
}

/// The calls of a deployment with a guard, until it has read the metrics once.
fn calls_to_cloudwatch() -> Vec<Call> {
    let guard = json!({"alarms": ["shop-5xx"], "errors": "1%", "bake": 120});
    let fixture = Fixture::live(json!({"traffic": [50], "traffic_interval": 30, "guard": guard}));
    fixture.endpoint.set_alarm(Alarm::named("shop-5xx"));
    let running = fixture.started("// 2\n", &["wait"]);
    fixture.wait_for_call("GetMetricData");
    running.kill();
    fixture.endpoint.calls()
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn requests_to_codedeploy_and_cloudwatch_fit_the_models_of_botocore() {
    let request = |call: &Call| {
        let service = match call.path.as_str() {
            "/" => "codedeploy",
            path if path.starts_with("/service/") => "cloudwatch",
            _ => return None,
        };
        Some(json!([service, call.operation, call.body]))
    };
    let calls = [calls_to_codedeploy(), calls_to_cloudwatch()].concat();
    let requests: Vec<Value> = calls.iter().filter_map(request).collect();
    let operations: BTreeSet<&str> = requests.iter().filter_map(|request| request[1].as_str()).collect();
    let expected = [
        "CreateDeployment",
        "DescribeAlarms",
        "GetDeployment",
        "GetMetricData",
        "ListDeployments",
        "StopDeployment",
    ];
    assert_eq!(operations.into_iter().collect::<Vec<_>>(), expected);
    let found = problems(&requests);
    let wrong: Vec<_> = requests.iter().zip(&found).filter(|(_, problems)| !problems.is_empty()).collect();
    assert!(found.len() == requests.len() && wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn requests_that_do_not_fit_are_found() {
    let of_codedeploy = |operation: &str, body: Value| json!(["codedeploy", operation, body]);
    let metric = |period: Value| {
        let metric = json!({"Namespace": "AWS/Lambda", "MetricName": "Errors"});
        json!([{"Id": "e", "MetricStat": {"Metric": metric, "Stat": "Sum", "Period": period}}])
    };
    let data = |period: Value| {
        let body = json!({"StartTime": 1, "EndTime": 2, "MetricDataQueries": metric(period)});
        json!(["cloudwatch", "GetMetricData", body])
    };
    let wrong = [
        of_codedeploy("CreateDeployment", json!({})),
        of_codedeploy("CreateDeployment", json!({"applicationName": 7})),
        of_codedeploy("CreateDeployment", json!({"applicationName": "two words"})),
        of_codedeploy("CreateDeployment", json!({"applicationName": "x".repeat(101)})),
        of_codedeploy("GetDeployment", json!({"deploymentId": "d-1", "id": "d-1"})),
        of_codedeploy("ListDeployments", json!({"includeOnlyStatuses": ["Running"]})),
        data(json!("60")),
        json!(["cloudwatch", "DescribeAlarms", {"AlarmTypes": ["Metric"]}]),
    ];
    for (request, problems) in wrong.iter().zip(problems(&wrong)) {
        assert_eq!(problems.len(), 1, "{request}: {problems:?}");
    }
    assert_eq!(problems(&[data(json!(60))]), [Vec::<String>::new()]);
}
