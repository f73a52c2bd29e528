//! Functions on Lambda Managed Instances, where callers who name no version get `$LATEST.PUBLISHED`.

use super::*;

const PUBLISHED: &str = "f:$LATEST.PUBLISHED";

/// A function on Managed Instances with three versions, that was published for callers without a qualifier at the first.
fn managed(members: Value) -> Stand {
    let stand = Stand::new(members);
    let arn = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p";
    let function = json!({
        "FunctionName": "f", "Role": stand.request["role"], "Runtime": "nodejs22.x", "Handler": "index.handler",
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}},
    });
    stand.endpoint.seed(function).expect("AWS would create it");
    stand.somebody_else("POST", VERSIONS, json!({"PublishTo": "LATEST_PUBLISHED"}));
    for number in 1..=3 {
        stand.somebody_else("PUT", CONFIGURATION, json!({"Timeout": number}));
        stand.somebody_else("POST", VERSIONS, json!({}));
    }
    stand
}

fn code(stand: &Stand, name: &str) -> Value {
    stand.endpoint.function(name).expect("it is there")["Configuration"]["CodeSha256"].clone()
}

#[test]
fn keep_versions_never_deletes_what_callers_without_a_version_get() {
    for members in [json!({"alias": "live", "keep_versions": 1}), json!({"publish": true, "keep_versions": 1})] {
        let stand = managed(members);
        stand.deployed("// 4\n");
        assert!(stand.endpoint.function(PUBLISHED).is_some(), "{:?}", stand.changes());
        assert!(stand.versions().len() < 4, "older numbers go");
    }
}

#[test]
fn without_an_alias_a_deployment_ends_when_callers_without_a_version_get_it() {
    let mut stand = managed(json!({}));
    let ended = stand.deployed("// 4\n");
    let package = ended.event("packaged").expect("told")["code_sha256"].clone();
    assert_eq!((code(&stand, PUBLISHED), &ended.finished()["version"]), (package, &json!("$LATEST.PUBLISHED")));
    assert_eq!(stand.versions(), [1, 2, 3], "no number was asked for");
    assert_eq!((stand.again().outcome(), stand.changes()), ("unchanged", vec![]));

    // It is what proves itself: nobody can call `$LATEST`.
    stand.ask(json!({"verify": {}}));
    stand.deployed("// 5\n");
    assert_eq!((stand.again().outcome(), stand.changes()), ("unchanged", vec!["Invoke".to_owned()]));

    stand.ask(json!({"publish": true}));
    stand.deployed("// 6\n");
    assert_eq!((code(&stand, PUBLISHED), stand.versions().len()), (code(&stand, "f:4"), 4));
    assert_eq!(stand.again().outcome(), "unchanged");
}

#[test]
fn a_publication_that_is_missing_or_failed_is_not_unchanged() {
    let stand = managed(json!({}));
    let kind = FaultKind::PublishFails { reason_code: "DisabledKMSKey".to_owned(), reason: "Because.".to_owned() };
    stand.endpoint.fault(Fault { operation: None, after: 0, times: 2, kind });
    for ended in [stand.deploy("// 4\n"), stand.again()] {
        assert_eq!((ended.outcome(), ended.code()), ("failed", "version-failed"), "{}", ended.stdout);
    }
    let ended = stand.again();
    assert_eq!((ended.outcome(), ended.steps()), ("deployed", vec!["publish-version"]), "{}", ended.stdout);
    assert_eq!(code(&stand, PUBLISHED), code(&stand, "f"));
}
