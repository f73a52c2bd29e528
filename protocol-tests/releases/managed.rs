//! Tests functions on Lambda Managed Instances, where callers without a version get `$LATEST.PUBLISHED`.

use super::*;

const PUBLISHED: &str = "f:$LATEST.PUBLISHED";

/// A function on Managed Instances with three versions. `$LATEST.PUBLISHED` has the state before the first of
/// them.
fn managed(members: Value) -> Fixture {
    let fixture = Fixture::new(members);
    let arn = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p";
    let function = json!({
        "FunctionName": "f", "Role": fixture.request["role"], "Runtime": "nodejs22.x", "Handler": "index.handler",
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}},
    });
    fixture.endpoint.seed(function).expect("AWS would create it");
    fixture.another_client("POST", VERSIONS, json!({"PublishTo": "LATEST_PUBLISHED"}));
    for number in 1..=3 {
        fixture.another_client("PUT", CONFIGURATION, json!({"Timeout": number}));
        fixture.another_client("POST", VERSIONS, json!({}));
    }
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
