//! AWS errors that quote values of the request, and all other failures of a call.

use std::time::Duration;

use lambda_endpoint::{Alarm, DeploymentGroup, FaultKind, Fires};
use serde_json::{Value, json};

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::secret;
use super::services::{http, serve};

/// The calls of a deployment that creates and changes everything.
const OPERATIONS: [&str; 21] = [
    "GetFunction",
    "CreateFunction",
    "UpdateFunctionConfiguration",
    "UpdateFunctionCode",
    "TagResource",
    "UntagResource",
    "PublishVersion",
    "Invoke",
    "ListAliases",
    "CreateAlias",
    "PutFunctionConcurrency",
    "PutRuntimeManagementConfig",
    "PutFunctionRecursionConfig",
    "PutFunctionEventInvokeConfig",
    "CreateFunctionUrlConfig",
    "AddPermission",
    "GetFunctionUrlConfig",
    "GetPolicy",
    "ListEventSourceMappings",
    "UpdateEventSourceMapping",
    "GetEventSourceMapping",
];

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for operation in OPERATIONS {
        scenarios.push(Scenario::new(
            &format!("AWS quotes secrets in an error of {operation}"),
            move |stage| {
                for words in quotations() {
                    play(stage, operation, FaultKind::status(400, "InvalidParameterValueException", &words));
                }
            },
        ));
    }
    for (name, words) in peculiar_quotations() {
        scenarios.push(Scenario::new(&format!("AWS quotes secrets: {name}"), move |stage| {
            let reason_code = "InvalidEnvironment".to_owned();
            let refusal = FaultKind::status(400, "InvalidParameterValueException", &words);
            play(stage, "UpdateFunctionConfiguration", refusal);
            play(stage, "UpdateFunctionCode", FaultKind::UpdateFails { reason_code, reason: words.clone() });
        }));
    }
    for (status, code) in [
        (400, "UnheardOfException"),
        (403, "AccessDeniedException"),
        (403, "InvalidSignatureException"),
        (404, "ResourceNotFoundException"),
        (409, "ResourceConflictException"),
        (412, "PreconditionFailedException"),
        (413, "RequestEntityTooLargeException"),
    ] {
        scenarios.push(Scenario::new(&format!("AWS quotes secrets in {status} {code}"), move |stage| {
            for operation in ["CreateFunction", "UpdateFunctionConfiguration", "PublishVersion"] {
                play(stage, operation, FaultKind::status(status, code, &quotations()[0]));
            }
        }));
    }
    for kind in without_words() {
        scenarios.push(Scenario::new(&format!("a call fails: {kind:?}"), move |stage| {
            for operation in ["GetFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"] {
                play(stage, operation, kind.clone());
            }
        }));
    }
    scenarios.push(Scenario::new("AWS quotes secrets when an update fails", updates_that_fail));
    scenarios.push(Scenario::new("CloudWatch quotes secrets", guard));
    scenarios.push(Scenario::new("CodeDeploy quotes secrets in an error", codedeploy));
    scenarios.push(Scenario::new("CodeDeploy quotes secrets when a deployment fails", deployments_that_fail));
    scenarios.push(Scenario::new("S3 quotes secrets in an error", bucket));
    scenarios.push(Scenario::new("the current description quotes secrets", live_description));
    scenarios
}

/// Failures without a message of AWS.
fn without_words() -> Vec<FaultKind> {
    vec![
        FaultKind::Html { status: 200 },
        FaultKind::Html { status: 503 },
        FaultKind::Empty { status: 200 },
        FaultKind::Empty { status: 400 },
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::ResetDuring { after_bytes: 20 },
        FaultKind::Slow { answer_over: Duration::from_millis(300) },
        FaultKind::hang(),
        FaultKind::DeleteFunction,
        FaultKind::TouchFunction,
        FaultKind::Busy { for_: Duration::from_millis(200) },
    ]
}

/// Messages that quote values of a request in the ways in which AWS does.
fn quotations() -> Vec<String> {
    let names = [
        "environment.PLAIN",
        "environment.LINES",
        "environment.DOLLAR",
        "environment.LONG",
        "function_tags.team",
        "GITHUB_TOKEN",
        "DB_PASSWORD",
        "access_key_id",
        "secret_access_key",
        "session_token",
    ];
    let map: Value = names.iter().map(|name| ((*name).to_owned(), json!(secret(name)))).collect();
    let pairs: Vec<String> = names.iter().map(|name| format!("{name}={}", secret(name))).collect();
    let values: Vec<String> =
        names.iter().map(|name| format!("Value '{}' at 'environment'", secret(name))).collect();
    vec![
        format!("the environment variables you have provided exceeded the 4KB limit. String measured: {map}"),
        format!("the variables are {{{}}}; {}", pairs.join(", "), values.join("; ")),
    ]
}

/// Messages in which a secret is harder to find; they come after the function was read.
fn peculiar_quotations() -> Vec<(&'static str, String)> {
    let (plain, token) = (secret("environment.PLAIN"), secret("GITHUB_TOKEN"));
    vec![
        // With `merge_environment` a request also contains the current variables.
        (
            "a current variable",
            format!("exceeded the 4KB limit: {}", json!({"LIVE": secret("live environment")})),
        ),
        ("a current tag", format!("the tag may not be {}", secret("live tag"))),
        ("after a line break", format!("the value is not allowed:\n{plain}\t{token}\n")),
        ("before a full stop", format!("the value is not allowed: {}", secret("environment.STOP"))),
        ("JSON in JSON", json!({"message": json!({"A": plain, "B": token}).to_string()}).to_string()),
    ]
}

/// Deploys while one call fails.
fn play(stage: &mut Stage<'_>, operation: &str, kind: FaultKind) {
    let mut scene = stage.again();
    if operation != "CreateFunction" {
        scene.seed();
        let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
        let mapping = json!({"EventSourceArn": queue, "FunctionName": "f"});
        let made = scene.endpoint.perform("POST", "/2015-03-31/event-source-mappings", mapping);
        made.expect("AWS would create it");
    }
    scene.say(json!({
        "merge_environment": true,
        "function_tags_mode": "replace",
        "description": "of $GITHUB_TOKEN",
        "reserved_concurrency": 5,
        "runtime_management": {"update_runtime_on": "FunctionUpdate"},
        "recursive_loop": "Allow",
        "event_invoke_config": {"maximum_retry_attempts": 0},
        "function_url": {"auth_type": "NONE"},
        "alias": "live",
        "follow_alias": true,
        "verify": {"payload": {"token": "$DB_PASSWORD"}, "client_context": {"custom": {"token": "$GITHUB_TOKEN"}}},
        "wait_timeout": if matches!(kind, FaultKind::Hang { .. }) { 2 } else { 60 },
    }));
    scene.fault(operation, kind);
    let ended = scene.run(&[]);
    assert!(scene.endpoint.count(operation) > 0, "{operation} was not called: {}", ended.stdout);
}

fn updates_that_fail(stage: &mut Stage<'_>) {
    for words in quotations() {
        let (reason_code, reason) = ("InvalidEnvironment".to_owned(), words.clone());
        let update = FaultKind::UpdateFails { reason_code: reason_code.clone(), reason: reason.clone() };
        play(stage, "UpdateFunctionConfiguration", update);
        play(stage, "CreateFunction", FaultKind::CreateFails { reason_code, reason });
        let mut scene = stage.again();
        scene.seed();
        scene.say(json!({"alias": "live", "provisioned_concurrency": 1}));
        scene.fault("PutProvisionedConcurrencyConfig", FaultKind::ProvisionFails { reason: words });
        assert_eq!(scene.run(&[]).code(), "provisioning-failed");
        // A second run finds the failed state.
        scene.run(&[]);
    }
}

/// A job whose alias exists, and whose next deployment CodeDeploy carries out in this group.
fn with_codedeploy<'a>(stage: &Stage<'a>, group: DeploymentGroup) -> Stage<'a> {
    let mut scene = stage.again();
    scene.endpoint.set_deployment_group(group);
    scene.say(json!({"alias": "live"}));
    assert_eq!(scene.run(&[]).outcome(), "deployed");
    let codedeploy = json!({"application": "shop", "deployment_group": "live", "hooks": {"before": "check"}});
    scene.say(json!({"timeout": 9, "codedeploy": codedeploy}));
    scene
}

fn codedeploy(stage: &mut Stage<'_>) {
    for operation in ["ListDeployments", "CreateDeployment", "GetDeployment", "StopDeployment"] {
        for words in quotations() {
            let mut scene = with_codedeploy(stage, DeploymentGroup::default());
            if operation == "StopDeployment" {
                scene.endpoint.set_shift_duration(Duration::from_secs(60));
                scene.request["codedeploy"]["wait"] = json!("started");
                assert_eq!(scene.run(&[]).outcome(), "deployed");
            }
            scene.fault(operation, FaultKind::status(400, "InvalidInputException", &words));
            let arguments: &[&str] = if operation == "StopDeployment" { &["rollback"] } else { &[] };
            assert_eq!(scene.run(arguments).outcome(), "failed", "{operation}");
        }
    }
}

/// The reason of a failed deployment names the alarm, or the hook function.
fn deployments_that_fail(stage: &mut Stage<'_>) {
    for name in ["GITHUB_TOKEN", "environment.PLAIN"] {
        let scene = with_codedeploy(stage, DeploymentGroup::with_firing_alarm(&secret(name)));
        assert_eq!(scene.run(&[]).code(), "codedeploy-failed", "{name}");
    }
    let scene = with_codedeploy(stage, DeploymentGroup::with_failing_hook("check"));
    assert_eq!(scene.run(&[]).code(), "codedeploy-failed");
}

/// The current description contains current variables and tags, and a plan shows it.
fn live_description(stage: &mut Stage<'_>) {
    stage.seed();
    let words = [secret("live environment"), secret("live tag"), secret("GITHUB_TOKEN")].join(" and ");
    let quoting =
        json!({"description": format!("of {words}"), "environment": {"LIVE": secret("live environment")}});
    stage.saying(quoting, |stage| drop(stage.run(&["deploy"])));
    // From here on the request does not contain these secrets any more.
    stage.say(json!({"description": "another", "merge_environment": true, "environment": {"A": "b"}}));
    let ended = stage.run(&["plan"]);
    let changes = ended.event("planned").expect("the event exists").to_string();
    assert!(changes.contains("another") && changes.contains("[secure] and [secure]"), "{changes}");
}

/// An alarm whose name and reason quote secrets, and errors of CloudWatch that quote them.
fn guard(stage: &mut Stage<'_>) {
    let peculiar = peculiar_quotations().into_iter().map(|(_, words)| words);
    for words in quotations().into_iter().chain(peculiar) {
        let mut scene = stage.again();
        scene.seed();
        let alias = json!({"Name": "live", "FunctionVersion": "1"});
        for (made, body) in [("versions", json!({})), ("aliases", alias)] {
            let target = format!("/2015-03-31/functions/f/{made}");
            scene.endpoint.perform("POST", &target, body).expect("AWS would create it");
        }
        let guard = json!({"alarms": ["of $GITHUB_TOKEN"], "bake": 1});
        scene.say(json!({"alias": "live", "merge_environment": true, "guard": guard}));
        assert_eq!(scene.run(&["plan"]).code(), "not-found");
        let alarm = |fires: Option<Fires>, state: &str| {
            let (reason, state) = (words.clone(), state.to_owned());
            Alarm { reason, state, fires, ..Alarm::named(&format!("of {}", secret("GITHUB_TOKEN"))) }
        };
        scene.endpoint.set_alarm(alarm(Some(Fires::AtPercent(100)), "OK"));
        assert_eq!(scene.run(&[]).code(), "alarm-fired");
        let refusal = || FaultKind::status(400, "InvalidParameterValue", &words);
        scene.fault("DescribeAlarms", refusal());
        assert_eq!(scene.run(&[]).outcome(), "failed");
        scene.saying(json!({"guard": {"errors": "1%"}}), |scene| {
            scene.fault("GetMetricData", refusal());
            assert_eq!(scene.run(&[]).outcome(), "failed");
        });
        scene.endpoint.set_alarm(alarm(None, "ALARM"));
        assert_eq!(scene.run(&[]).outcome(), "deployed");
    }
}

/// An S3 service that rejects every request.
fn bucket(stage: &mut Stage<'_>) {
    let words = ["GITHUB_TOKEN", "secret_access_key", "access_key_id"]
        .map(secret)
        .join(" and ")
        .replace('"', "&quot;");
    let body = format!("<Error><Code>AccessDenied</Code><Message>no access for {words}</Message></Error>");
    let service = serve(move || http(403, "application/xml", &body));
    stage.request["env"]["AWS_ENDPOINT_URL_S3"] = json!(service);
    std::fs::write(stage.path("build/noise.bin"), crate::deployments::noise(51 << 20)).expect("written");
    let large =
        json!({"zip": ["index.js", "noise.bin"], "s3_bucket": "packages", "s3_prefix": "of/$GITHUB_TOKEN/"});
    stage.saying(large, |stage| {
        let ended = stage.run(&[]);
        assert!(
            ended.finished()["error"]["caused_by"][0]
                .as_str()
                .is_some_and(|words| words.contains("no access"))
        );
    });
    stage.request.as_object_mut().expect("an object").remove("zip");
    stage.say(json!({"s3_bucket": "packages", "s3_key": "of/$DB_PASSWORD.zip", "s3_object_version": "$GITHUB_TOKEN"}));
    stage.run_each(&[&["plan"], &["deploy"]]);
}
