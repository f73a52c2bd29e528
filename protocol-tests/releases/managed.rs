//! Tests functions on Lambda Managed Instances, where callers without a version get `$LATEST.PUBLISHED`.

use super::*;
use crate::aws_state::{create_request, publish};

const PUBLISHED: &str = "f:$LATEST.PUBLISHED";
const PROVIDER: &str = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p";

/// A function on Managed Instances with three versions. `$LATEST.PUBLISHED` has the state before the first of
/// them.
fn managed(members: Value) -> Fixture {
    let fixture = Fixture::new(members);
    let mut function = create_request();
    function["CapacityProviderConfig"] =
        json!({"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}});
    fixture.endpoint.seed(function).expect("AWS would create it");
    fixture.another_client("POST", VERSIONS, json!({"PublishTo": "LATEST_PUBLISHED"}));
    publish(&fixture.endpoint, 1..=3);
    fixture
}

fn code(fixture: &Fixture, name: &str) -> Value {
    fixture.endpoint.function(name).expect("the function exists")["Configuration"]["CodeSha256"].clone()
}

#[test]
fn keep_versions_never_deletes_what_callers_without_a_version_get() {
    for members in
        [json!({"alias": "live", "keep_versions": 1}), json!({"publish": true, "keep_versions": 1})]
    {
        let fixture = managed(members);
        fixture.deployed("// 4\n");
        assert!(fixture.endpoint.function(PUBLISHED).is_some(), "{:?}", fixture.changes());
        assert!(fixture.versions().len() < 4, "older numbered versions are deleted");
    }
}

#[test]
fn a_deployment_that_makes_no_new_number_deletes_no_version() {
    let fixture = managed(json!({"publish": true, "keep_versions": 1, "timeout": 5}));
    fixture.deployed("// 4\n");
    let versions = fixture.versions();
    // The deployment changes this back, so that AWS returns the newest version again.
    fixture.another_client("PUT", CONFIGURATION, json!({"Timeout": 9}));
    let ended = fixture.deploy_again();
    let steps = ["update-function-configuration", "publish-version", "publish-version"];
    assert_eq!((ended.steps(), fixture.versions()), (steps.to_vec(), versions), "{}", ended.stdout);
}

#[test]
fn without_an_alias_a_deployment_ends_when_callers_without_a_version_get_it() {
    let mut fixture = managed(json!({}));
    let ended = fixture.deployed("// 4\n");
    let package = ended.event("packaged").expect("the event exists")["code_sha256"].clone();
    assert_eq!(
        (code(&fixture, PUBLISHED), &ended.finished()["version"]),
        (package, &json!("$LATEST.PUBLISHED"))
    );
    assert_eq!(fixture.versions(), [1, 2, 3], "no numbered version is published");
    assert_eq!((fixture.deploy_again().outcome(), fixture.changes()), ("unchanged", vec![]));

    // The check invokes `$LATEST.PUBLISHED`, because `$LATEST` cannot be called.
    fixture.set(json!({"verify": {}}));
    fixture.deployed("// 5\n");
    assert_eq!(
        (fixture.deploy_again().outcome(), fixture.changes()),
        ("unchanged", vec!["Invoke".to_owned()])
    );

    fixture.set(json!({"publish": true}));
    fixture.deployed("// 6\n");
    assert_eq!((code(&fixture, PUBLISHED), fixture.versions().len()), (code(&fixture, "f:4"), 4));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn a_publication_that_is_missing_or_failed_is_not_unchanged() {
    let fixture = managed(json!({}));
    let kind =
        FaultKind::PublishFails { reason_code: "DisabledKMSKey".to_owned(), reason: "Because.".to_owned() };
    fixture.endpoint.fault(Fault { operation: None, after: 0, times: 2, kind });
    for ended in [fixture.deploy("// 4\n"), fixture.deploy_again()] {
        assert_eq!((ended.outcome(), ended.code()), ("failed", "version-failed"), "{}", ended.stdout);
    }
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), ended.steps()), ("deployed", vec!["publish-version"]), "{}", ended.stdout);
    assert_eq!(code(&fixture, PUBLISHED), code(&fixture, "f"));
}

/// A fixture without a function, whose stanza has a capacity provider, a scaling and these members.
fn new(members: &Value) -> Fixture {
    let moment = Duration::from_millis(20);
    let settings = Settings { create_duration: moment, provision_duration: moment, ..Settings::default() };
    let mut fixture = Fixture::of(settings, members.clone());
    fixture.set(json!({"capacity_provider_config": {"capacity_provider_arn": PROVIDER}}));
    fixture.set(json!({"scaling": {"min_execution_environments": 1, "max_execution_environments": 9}}));
    fixture
}

/// The minimum and the maximum of a version.
fn scaling(fixture: &Fixture, version: &str) -> (Value, Value) {
    let target = format!("/2025-11-30/functions/f/function-scaling-config?Qualifier={version}");
    let config = fixture.another_client("GET", &target, Value::Null);
    let applied = &config["AppliedFunctionScalingConfig"];
    (applied["MinExecutionEnvironments"].clone(), applied["MaxExecutionEnvironments"].clone())
}

#[test]
fn without_an_alias_the_latest_publication_is_scaled_before_it_is_verified() {
    let latest = "$LATEST.PUBLISHED";
    let mut fixture = new(&json!({"verify": {}}));
    let ended = fixture.deployed("// 1\n");
    let steps = ["create-function", "publish-version", "put-function-scaling-config", "verify"];
    assert_eq!(ended.steps(), steps, "{}", ended.stdout);
    assert_eq!(ended.finished()["version"], latest);
    assert_eq!(scaling(&fixture, latest), (json!(1), json!(9)));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");

    fixture.set(json!({"scaling": {"max_execution_environments": 20}}));
    let ended = fixture.deployed("// 1\n");
    assert_eq!(ended.steps(), ["put-function-scaling-config", "verify"], "{}", ended.stdout);
    assert_eq!(scaling(&fixture, latest), (json!(1), json!(20)));

    let ended = fixture.deployed("// 2\n");
    let steps = ["update-function-code", "publish-version", "put-function-scaling-config", "verify"];
    assert_eq!(ended.steps(), steps, "{}", ended.stdout);
    assert_eq!(code(&fixture, PUBLISHED), code(&fixture, "f"));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn each_version_of_an_alias_is_scaled_before_the_alias_moves_to_it() {
    let mut fixture = new(&json!({"alias": "live"}));
    let ended = fixture.deployed("// 1\n");
    let steps = ["create-function", "publish-version", "put-function-scaling-config", "create-alias"];
    assert_eq!(ended.steps(), steps, "{}", ended.stdout);
    assert_eq!(scaling(&fixture, "1"), (json!(1), json!(9)));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");

    // The version is live, so only its scaling changes.
    fixture.set(json!({"scaling": {"min_execution_environments": 2}}));
    let ended = fixture.deployed("// 1\n");
    assert_eq!(ended.steps(), ["put-function-scaling-config"], "{}", ended.stdout);
    assert_eq!(scaling(&fixture, "1"), (json!(2), json!(9)));

    fixture.set(json!({"scaling": {"min_execution_environments": 3, "max_execution_environments": 30}}));
    let ended = fixture.deployed("// 2\n");
    let steps = ["update-function-code", "publish-version", "put-function-scaling-config", "update-alias"];
    assert_eq!(ended.steps(), steps, "{}", ended.stdout);
    assert_eq!(scaling(&fixture, "2"), (json!(3), json!(30)));

    // The version before keeps its own scaling.
    let ended = fixture.rollback();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!((fixture.alias("live").as_str(), scaling(&fixture, "1")), ("1", (json!(2), json!(9))));
}

#[test]
fn a_number_that_does_not_fit_the_live_one_is_refused_before_the_first_change() {
    let mut fixture = new(&json!({}));
    fixture.deployed("// 1\n");
    fixture.set(json!({"scaling": {"min_execution_environments": 10}}));
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "bad-value", "/scaling/min_execution_environments");
    assert_eq!(fixture.changes(), Vec::<String>::new());
    fixture.set(json!({"scaling": {"min_execution_environments": 10, "max_execution_environments": 12}}));
    fixture.deployed("// 2\n");
    fixture.set(json!({"scaling": {"max_execution_environments": 9}}));
    let ended = fixture.deploy("// 3\n");
    check_failed(&ended, "bad-value", "/scaling/max_execution_environments");
    assert_eq!(fixture.changes(), Vec::<String>::new());
}

#[test]
fn a_scaling_that_aws_refuses_leaves_the_alias_where_it_is() {
    let mut fixture = new(&json!({"alias": "live"}));
    fixture.deployed("// 1\n");
    fixture.set(json!({"scaling": {"max_execution_environments": 30}}));
    let refusal = FaultKind::status(400, "InvalidParameterValueException", "Too many.");
    fixture.endpoint.fault(Fault::once("PutFunctionScalingConfig", refusal));
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "invalid-parameter", "/scaling");
    assert_eq!(fixture.alias("live"), "1");
    let ended = fixture.deployed("// 2\n");
    // AWS answers the second PublishVersion with the version of the first one.
    let steps = ["publish-version", "put-function-scaling-config", "update-alias"];
    assert_eq!(ended.steps(), steps, "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "2");
}
