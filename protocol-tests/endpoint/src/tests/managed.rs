//! Functions on Lambda Managed Instances: their capacity provider, `$LATEST.PUBLISHED`, and the scaling of
//! versions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount, create_request};
use crate::settings::Settings;

const FUNCTIONS: &str = "/2015-03-31/functions";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const INVOKE: &str = "/2015-03-31/functions/f/invocations";
const PUBLISHED: &str = "/2015-03-31/functions/f/configuration?Qualifier=$LATEST.PUBLISHED";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const VALIDATION: (u16, &str) = (400, "ValidationException");

fn scaling(qualifier: &str) -> String {
    format!("/2025-11-30/functions/f/function-scaling-config?Qualifier={qualifier}")
}

fn provider(name: &str) -> Value {
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:capacity-provider:{name}");
    json!({"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}})
}

fn to_latest() -> Value {
    json!({"PublishTo": "LATEST_PUBLISHED"})
}

/// `f` on Managed Instances. A publication and a change of its scaling take this long.
fn managed(ms: u64) -> TestAccount {
    let mut scenario =
        TestAccount::of(Settings { provision_duration: Duration::from_millis(ms), ..Settings::default() });
    let mut request = create_request();
    request["CapacityProviderConfig"] = provider("p");
    scenario.done("POST", FUNCTIONS, request);
    scenario.account().settings.create_duration = Duration::from_millis(ms);
    scenario
}

#[test]
fn callers_without_a_version_get_what_was_published_as_the_latest() {
    let mut scenario = managed(0);
    assert_eq!(scenario.configuration()["State"], "ActiveNonInvocable");
    assert_eq!(scenario.ask("POST", INVOKE, Value::Null).0, 404);
    let published = scenario.done("POST", VERSIONS, to_latest());
    assert_eq!(published["Version"], "$LATEST.PUBLISHED");
    scenario.done("POST", INVOKE, Value::Null);
    let listed = scenario.done("GET", VERSIONS, Value::Null);
    let versions: Vec<&Value> =
        listed["Versions"].as_array().unwrap().iter().map(|it| &it["Version"]).collect();
    assert_eq!(versions, ["$LATEST", "$LATEST.PUBLISHED"]);
}

#[test]
fn a_publication_is_pending_until_its_environments_run() {
    let mut scenario = managed(100);
    for (body, target) in
        [(to_latest(), PUBLISHED), (json!({}), "/2015-03-31/functions/f/configuration?Qualifier=1")]
    {
        assert_eq!(scenario.done("POST", VERSIONS, body)["State"], "Pending");
        scenario.later(99);
        assert_eq!(scenario.done("GET", target, Value::Null)["State"], "Pending");
        scenario.later(1);
        assert_eq!(scenario.done("GET", target, Value::Null)["State"], "Active");
    }
}

#[test]
fn a_function_has_a_capacity_provider_from_its_creation_or_never() {
    let mut scenario = TestAccount::with_function();
    let later = json!({"CapacityProviderConfig": provider("p")});
    let text = "CapacityProviderConfig isn't supported for Lambda Default functions.";
    scenario.refused("PUT", CONFIGURATION, later, INVALID, text);
    let text = "PublishTo is supported for Lambda Managed Instances functions only.";
    scenario.refused("POST", VERSIONS, to_latest(), INVALID, text);
    let text = "The function provided by the arn does not contain a capacity provider configuration";
    let denied = (403, "AccessDeniedException");
    scenario.refused("GET", &scaling("$LATEST.PUBLISHED"), Value::Null, denied, text);

    let mut scenario = managed(0);
    let moved = scenario.done("PUT", CONFIGURATION, json!({"CapacityProviderConfig": provider("q")}));
    let instances = &moved["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"];
    assert_eq!(instances["CapacityProviderArn"], "arn:aws:lambda:us-east-1:123456789012:capacity-provider:q");
    let text = "1 validation error detected: Value null at 'capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig' failed to satisfy constraint: Member must not be null";
    scenario.refused("PUT", CONFIGURATION, json!({"CapacityProviderConfig": {}}), VALIDATION, text);
    let text = "Lambda Managed Instance functions must have memory size greater than or equal to 2048";
    scenario.refused("PUT", CONFIGURATION, json!({"MemorySize": 1024}), VALIDATION, text);
    let mut ratio = provider("q");
    ratio["LambdaManagedInstancesCapacityProviderConfig"]["ExecutionEnvironmentMemoryGiBPerVCpu"] =
        json!(9.0);
    let (status, _, _) = scenario.ask("PUT", CONFIGURATION, json!({"CapacityProviderConfig": ratio}));
    assert_eq!(status, 400);
}

#[test]
fn scaling_applies_after_a_time() {
    let mut scenario = managed(100);
    scenario.done("POST", VERSIONS, to_latest());
    scenario.later(100);
    let target = scaling("$LATEST.PUBLISHED");
    let arn = json!(format!("{ARN}:$LATEST.PUBLISHED"));
    assert_eq!(scenario.done("GET", &target, Value::Null), json!({"FunctionArn": arn}));
    let three = json!({"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 9});
    let (status, _, accepted) = scenario.ask("PUT", &target, json!({"FunctionScalingConfig": three}));
    assert_eq!((status, &accepted["FunctionState"]), (202, &json!("Active")));
    let pending = scenario.done("GET", &target, Value::Null);
    assert_eq!(pending["AppliedFunctionScalingConfig"], json!({}));
    assert_eq!(pending["RequestedFunctionScalingConfig"], three);
    scenario.later(100);
    let applied = scenario.done("GET", &target, Value::Null);
    assert_eq!(applied, json!({"FunctionArn": arn, "AppliedFunctionScalingConfig": three}));
    scenario.done("PUT", &target, json!({"FunctionScalingConfig": {}}));
    scenario.later(100);
    let reset = scenario.done("GET", &target, Value::Null);
    assert_eq!(reset["AppliedFunctionScalingConfig"], json!({}));

    let off = json!({"FunctionScalingConfig": {"MaxExecutionEnvironments": 0}});
    assert_eq!(scenario.done("PUT", &target, off)["FunctionState"], "Deactivated");
    let on = json!({"FunctionScalingConfig": {"MaxExecutionEnvironments": 1}});
    assert_eq!(scenario.done("PUT", &target, on)["FunctionState"], "Active");
}

#[test]
fn only_a_published_version_is_scaled() {
    let mut scenario = managed(0);
    let text = "1 validation error detected: Value null at 'qualifier' failed to satisfy constraint: Member must not be null";
    let bare = "/2025-11-30/functions/f/function-scaling-config";
    scenario.refused("PUT", bare, json!({}), VALIDATION, text);
    let text = r"1 validation error detected: Value '$LATEST' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: (\$LATEST\.PUBLISHED|[0-9]+)";
    scenario.refused("PUT", &scaling("$LATEST"), json!({}), VALIDATION, text);
    assert_eq!(scenario.ask("PUT", &scaling("7"), json!({})).0, 404);
    let text = "1 validation error detected: Value '15001' at 'functionScalingConfig.maxExecutionEnvironments' failed to satisfy constraint: Member must have value less than or equal to 15000";
    let many = json!({"FunctionScalingConfig": {"MaxExecutionEnvironments": 15_001}});
    scenario.refused("PUT", &scaling("$LATEST.PUBLISHED"), many, VALIDATION, text);
}
