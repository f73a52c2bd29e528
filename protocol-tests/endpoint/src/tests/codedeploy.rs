//! CodeDeploy: its statuses and errors, and what it does to the alias.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::codedeploy::group::DeploymentGroup;
use crate::scenario::TestAccount;
use crate::settings::Settings;

const ALIASES: &str = "/2015-03-31/functions/f/aliases";
const LIVE: &str = "/2015-03-31/functions/f/aliases/live";

/// `f` with the versions 1 and 2, `live` at version 1, and a deployment group. Traffic stays at a share for
/// 800 ms, and each other status lasts 100 ms.
fn scenario(group: DeploymentGroup) -> TestAccount {
    let settings = Settings {
        shift_duration: Duration::from_millis(800),
        deployment_groups: vec![group],
        ..Settings::default()
    };
    let mut scenario = TestAccount::with_versions(settings);
    let alias = json!({"Name": "live", "FunctionVersion": "1", "Description": "for the shop"});
    scenario.done("POST", ALIASES, alias);
    scenario
}

fn app_spec() -> Value {
    json!({
        "version": 0.0,
        "Resources": [{"f": {"Type": "AWS::Lambda::Function", "Properties": {
            "Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2",
        }}}],
        "Hooks": [{"BeforeAllowTraffic": "before"}, {"AfterAllowTraffic": "after"}],
    })
}

/// A CreateDeployment request.
fn request(app_spec: &Value) -> Value {
    let content = app_spec.to_string();
    let sha256 = hex::encode(Sha256::digest(content.as_bytes()));
    json!({
        "applicationName": "shop",
        "deploymentGroupName": "live",
        "revision": {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": content, "sha256": sha256},
        },
    })
}

#[track_caller]
fn done(scenario: &mut TestAccount, operation: &str, body: Value) -> Value {
    let (status, code, body) = scenario.ask_codedeploy(operation, body);
    assert_eq!((status, code.as_str()), (200, ""), "{body}");
    body
}

#[track_caller]
fn refused(scenario: &mut TestAccount, operation: &str, body: Value, code: &str, message: &str) {
    let (status, its_code, body) = scenario.ask_codedeploy(operation, body);
    assert_eq!((status, its_code.as_str(), &body["message"]), (400, code, &json!(message)));
}

/// Creates a deployment and returns its id.
#[track_caller]
fn create(scenario: &mut TestAccount, request: Value) -> Value {
    done(scenario, "CreateDeployment", request)["deploymentId"].clone()
}

fn info(scenario: &mut TestAccount, id: &Value) -> Value {
    done(scenario, "GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
}

/// The version and the weights of `live`; null if it has none.
fn live(scenario: &mut TestAccount) -> (Value, Value) {
    let alias = scenario.done("GET", LIVE, Value::Null);
    assert_eq!(alias["Description"], "for the shop", "CodeDeploy does not change it");
    (alias["FunctionVersion"].clone(), alias["RoutingConfig"]["AdditionalVersionWeights"].clone())
}

/// Checks that `live` is at one version, without weights.
#[track_caller]
fn check_at(scenario: &mut TestAccount, version: &str) {
    assert_eq!(live(scenario), (json!(version), Value::Null));
}

#[test]
fn a_canary_moves_the_alias_at_its_end() {
    let mut scenario = scenario(DeploymentGroup::default());
    let id = create(&mut scenario, request(&app_spec()));
    assert!(id.as_str().is_some_and(|id| id.starts_with("d-") && id.len() == 11), "{id}");
    for (ms, status) in [(0, "Created"), (150, "Queued"), (100, "InProgress")] {
        scenario.later(ms);
        assert_eq!(info(&mut scenario, &id)["status"], status);
        check_at(&mut scenario, "1");
    }
    scenario.later(200);
    assert_eq!(live(&mut scenario), (json!("1"), json!({"2": 0.1})));
    scenario.later(800);
    check_at(&mut scenario, "2");
    scenario.later(100);
    let info = info(&mut scenario, &id);
    assert_eq!((&info["status"], &info["creator"]), (&json!("Succeeded"), &json!("user")));
    assert_eq!(info.get("rollbackInfo"), None);
    assert!(info["completeTime"].as_f64() >= info["createTime"].as_f64(), "{info}");
}

#[test]
fn a_linear_deployment_goes_over_in_nine_shares_and_one_at_once_in_none() {
    let mut scenario = scenario(DeploymentGroup::default());
    let mut by_tenths = request(&app_spec());
    by_tenths["deploymentConfigName"] = json!("CodeDeployDefault.LambdaLinear10PercentEvery1Minute");
    create(&mut scenario, by_tenths);
    scenario.later(450);
    for tenths in 1..10 {
        assert_eq!(live(&mut scenario).1["2"].as_f64(), Some(f64::from(tenths * 10) / 100.0));
        scenario.later(800);
    }
    check_at(&mut scenario, "2");

    let mut back = app_spec();
    let properties = &mut back["Resources"][0]["f"]["Properties"];
    (properties["CurrentVersion"], properties["TargetVersion"]) = (json!("2"), json!("1"));
    let mut at_once = request(&back);
    at_once["deploymentConfigName"] = json!("CodeDeployDefault.LambdaAllAtOnce");
    scenario.later(800);
    create(&mut scenario, at_once);
    scenario.later(450);
    check_at(&mut scenario, "1");
}

/// Checks that a deployment in this group ends with this status and error code, and is rolled back.
#[track_caller]
fn check_rolled_back(group: DeploymentGroup, status: &str, code: &str) {
    let mut scenario = scenario(group);
    let id = create(&mut scenario, request(&app_spec()));
    scenario.later(1350);
    let failed = info(&mut scenario, &id);
    assert_eq!((&failed["status"], &failed["errorInformation"]["code"]), (&json!(status), &json!(code)));
    scenario.later(400);
    check_at(&mut scenario, "1");
    let rollback = failed["rollbackInfo"]["rollbackDeploymentId"].clone();
    let rollback = info(&mut scenario, &rollback);
    assert_eq!([&rollback["status"], &rollback["creator"]], ["Succeeded", "codeDeployRollback"]);
    assert_eq!(rollback["rollbackInfo"]["rollbackTriggeringDeploymentId"], id);
}

#[test]
fn a_hook_that_fails_and_an_alarm_that_fires_send_the_traffic_back() {
    let hook = "HOOK_EXECUTION_FAILURE";
    check_rolled_back(DeploymentGroup::with_failing_hook("before"), "Failed", hook);
    check_rolled_back(DeploymentGroup::with_failing_hook("after"), "Failed", hook);
    check_rolled_back(DeploymentGroup::with_firing_alarm("shop-5xx"), "Stopped", "ALARM_ACTIVE");
}

#[test]
fn a_deployment_is_stopped_with_a_rollback_or_without_and_once() {
    for (rolls_back, weights) in [(true, Value::Null), (false, json!({"2": 0.1}))] {
        let mut scenario = scenario(DeploymentGroup::default());
        let id = create(&mut scenario, request(&app_spec()));
        scenario.later(500);
        let stop = json!({"deploymentId": id, "autoRollbackEnabled": rolls_back});
        done(&mut scenario, "StopDeployment", stop.clone());
        let stopped = info(&mut scenario, &id);
        assert_eq!(stopped["status"], "Stopped");
        assert_eq!(stopped["errorInformation"]["code"], "MANUAL_STOP");
        scenario.later(400);
        assert_eq!(live(&mut scenario), (json!("1"), weights));
        let id = id.as_str().unwrap_or_default();
        refused(
            &mut scenario,
            "StopDeployment",
            stop,
            "DeploymentAlreadyCompletedException",
            &format!("Deployment {id} is already completed"),
        );
    }
}

#[test]
fn a_group_has_one_active_deployment() {
    let mut scenario = scenario(DeploymentGroup::default());
    let id = create(&mut scenario, request(&app_spec()));
    let id = id.as_str().unwrap_or_default();
    refused(
        &mut scenario,
        "CreateDeployment",
        request(&app_spec()),
        "DeploymentLimitExceededException",
        &format!("The Deployment Group 'live' already has an active Deployment '{id}'"),
    );
}

#[test]
fn an_alias_that_is_elsewhere_and_a_version_that_is_missing_end_a_deployment() {
    for (property, value, code) in [
        ("CurrentVersion", "2", "INVALID_LAMBDA_CONFIGURATION"),
        ("TargetVersion", "9", "INVALID_LAMBDA_FUNCTION"),
        ("Alias", "other", "INVALID_LAMBDA_FUNCTION"),
    ] {
        let mut scenario = scenario(DeploymentGroup::default());
        let mut spec = app_spec();
        spec["Resources"][0]["f"]["Properties"][property] = json!(value);
        let id = create(&mut scenario, request(&spec));
        scenario.later(250);
        let info = info(&mut scenario, &id);
        assert_eq!((&info["status"], &info["errorInformation"]["code"]), (&json!("Failed"), &json!(code)));
        assert_eq!(info.get("rollbackInfo"), None);
        check_at(&mut scenario, "1");
    }
}

#[test]
fn what_does_not_exist_is_refused() {
    let mut scenario = scenario(DeploymentGroup::default());
    for (what, named, key) in [
        ("Application", "application", "applicationName"),
        ("DeploymentGroup", "Deployment Group", "deploymentGroupName"),
        ("DeploymentConfig", "Deployment Configuration", "deploymentConfigName"),
    ] {
        let mut request = request(&app_spec());
        request[key] = json!("x");
        let code = format!("{what}DoesNotExistException");
        let message = format!("No {named} found for name: x");
        refused(&mut scenario, "CreateDeployment", request, &code, &message);
    }
    let (code, message) = ("DeploymentDoesNotExistException", "The deployment d-1 could not be found");
    refused(&mut scenario, "GetDeployment", json!({"deploymentId": "d-1"}), code, message);
    let unknown = scenario.ask_codedeploy("DeleteApplication", json!({}));
    assert_eq!((unknown.0, unknown.1.as_str()), (400, "UnknownOperationException"));
}

#[test]
fn a_revision_that_is_no_app_spec_is_refused() {
    let mut scenario = scenario(DeploymentGroup::default());
    let mut wrong_digest = request(&app_spec());
    wrong_digest["revision"]["appSpecContent"]["sha256"] = json!("0");
    let mut of_s3 = request(&app_spec());
    of_s3["revision"]["revisionType"] = json!("S3");
    let mut misspelt = app_spec();
    misspelt["hooks"] = json!([]);
    let mut no_resource = app_spec();
    no_resource["Resources"] = json!([]);
    for (request, message) in [
        (wrong_digest, "The sha256 of the AppSpec content is wrong"),
        (of_s3, "The revision type must be AppSpecContent"),
        (request(&misspelt), "The AppSpec has the unknown member hooks"),
        (request(&no_resource), "The AppSpec must have one resource"),
    ] {
        refused(&mut scenario, "CreateDeployment", request, "InvalidRevisionException", message);
    }
}

#[test]
fn deployments_are_listed_by_status_and_in_pages() {
    let mut scenario = scenario(DeploymentGroup { rolls_back: false, ..DeploymentGroup::default() });
    let mut ids = Vec::new();
    for _ in 0..101 {
        let id = create(&mut scenario, request(&app_spec()));
        done(&mut scenario, "StopDeployment", json!({"deploymentId": id}));
        ids.insert(0, id);
    }
    let group = json!({"applicationName": "shop", "deploymentGroupName": "live"});
    let page = done(&mut scenario, "ListDeployments", group.clone());
    assert_eq!(page["deployments"], json!(ids[..100]));
    let mut next = group.clone();
    next["nextToken"] = page["nextToken"].clone();
    let last = done(&mut scenario, "ListDeployments", next);
    assert_eq!(last, json!({"deployments": ids[100..]}));

    let id = create(&mut scenario, request(&app_spec()));
    let mut active = group;
    active["includeOnlyStatuses"] = json!(["Created", "Queued", "InProgress", "Ready"]);
    assert_eq!(done(&mut scenario, "ListDeployments", active.clone()), json!({"deployments": [id]}));
    active["includeOnlyStatuses"] = json!(["Running"]);
    let code = scenario.ask_codedeploy("ListDeployments", active).1;
    assert_eq!(code, "InvalidDeploymentStatusException");
}

#[test]
fn a_group_its_application_and_its_configuration_are_read() {
    let mut scenario = scenario(DeploymentGroup::default());
    let group = json!({"applicationName": "shop", "deploymentGroupName": "live"});
    let read = done(&mut scenario, "GetDeploymentGroup", group)["deploymentGroupInfo"].clone();
    let config = read["deploymentConfigName"].clone();
    assert_eq!(config, "CodeDeployDefault.LambdaCanary10Percent5Minutes");
    let read = done(&mut scenario, "GetDeploymentConfig", json!({"deploymentConfigName": config}));
    let canary = json!({"canaryPercentage": 10, "canaryInterval": 5});
    assert_eq!(read["deploymentConfigInfo"]["trafficRoutingConfig"]["timeBasedCanary"], canary);
    let read = done(&mut scenario, "GetApplication", json!({"applicationName": "shop"}));
    assert_eq!(read["application"]["computePlatform"], "Lambda");
}

#[test]
fn a_deployment_needs_four_permissions() {
    let mut scenario = scenario(DeploymentGroup::default());
    let arn = |kind: &str| format!("arn:aws:codedeploy:us-east-1:123456789012:{kind}");
    let allowed = [
        ("CreateDeployment", arn("deploymentgroup:shop/live")),
        ("GetDeploymentConfig", arn("deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes")),
        ("GetApplicationRevision", arn("application:shop")),
        ("RegisterApplicationRevision", arn("application:shop")),
    ];
    let statement = |(action, resource): &(&str, String)| {
        let action = format!("codedeploy:{action}");
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    };
    for missing in 0..4 {
        let mut others = allowed.to_vec();
        let (action, resource) = others.remove(missing);
        scenario.enforce(others.iter().map(statement).collect());
        let message = format!(
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: codedeploy:{action} on resource: {resource} because no identity-based policy allows the codedeploy:{action} action"
        );
        refused(&mut scenario, "CreateDeployment", request(&app_spec()), "AccessDeniedException", &message);
    }
    scenario.enforce(allowed.iter().map(statement).collect());
    create(&mut scenario, request(&app_spec()));
}
