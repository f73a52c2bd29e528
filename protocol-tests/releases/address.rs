//! Tests the function URL of a function with an alias: it serves the version of the alias, which has passed
//! its check.

use super::*;

const URL: &str = "/2021-10-31/functions/f/url";
const POLICY: &str = "/2015-03-31/functions/f/policy";

impl Fixture {
    /// The URL of the function, or of the alias with `?Qualifier=live`. `None` if it has none.
    fn address(&self, qualifier: &str) -> Option<String> {
        let reported = self.endpoint.perform("GET", &format!("{URL}{qualifier}"), Value::Null).ok()?;
        reported["FunctionUrl"].as_str().map(str::to_owned)
    }

    /// The number of statements in the resource policy of the function or the alias.
    fn statements(&self, qualifier: &str) -> usize {
        let Ok(reported) = self.endpoint.perform("GET", &format!("{POLICY}{qualifier}"), Value::Null) else {
            return 0;
        };
        let policy: Value =
            reported["Policy"].as_str().and_then(|text| text.parse().ok()).expect("a document");
        policy["Statement"].as_array().expect("a list").len()
    }
}

const OF_ALIAS: &str = "?Qualifier=live";

#[test]
fn an_address_and_its_permissions_belong_to_the_first_alias() {
    let mut fixture = Fixture::new(json!({"alias": ["live", "next"], "function_url": {"auth_type": "NONE"}}));
    let created = fixture.deployed("// 1\n");
    let address = fixture.address(OF_ALIAS).expect("the function URL exists");
    assert_eq!(created.finished()["function_url"], json!(address));
    assert_eq!((fixture.address(""), fixture.address("?Qualifier=next")), (None, None));
    assert_eq!((fixture.statements(OF_ALIAS), fixture.statements("")), (2, 0));
    assert_eq!((fixture.deploy_again().outcome(), fixture.changes()), ("unchanged", vec![]));

    // The URL does not serve a version that does not pass its check.
    fixture.set(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(thrown());
    let failed = fixture.deploy("// 2\n");
    check_failed(&failed, "verification-failed", "/verify");
    assert_eq!((fixture.alias("live").as_str(), fixture.address("")), ("1", None));
    assert!(!error(&failed, "message").contains("already serves the new code"), "{}", failed.stdout);

    fixture.set(json!({"function_url": {"auth_type": "AWS_IAM"}, "verify": null}));
    let closed = fixture.deployed("// 2\n");
    assert_eq!((closed.outcome(), fixture.statements(OF_ALIAS)), ("deployed", 0));
    fixture.set(json!({"function_url": "none"}));
    assert_eq!((fixture.deploy_again().outcome(), fixture.address(OF_ALIAS)), ("deployed", None));
}

/// A function with a URL of its own, from a deployment without alias. Returns the URL too.
fn with_an_old_address() -> (Fixture, String) {
    let mut fixture = Fixture::new(json!({"function_url": {"auth_type": "NONE"}}));
    fixture.deployed("// 1\n");
    let old = fixture.address("").expect("the function URL exists");
    fixture.set(json!({"alias": "live"}));
    (fixture, old)
}

#[test]
fn an_address_that_serves_the_latest_beside_an_alias_is_reported_until_its_owner_removes_it() {
    let (mut fixture, old) = with_an_old_address();
    let is_reported = |ended: &PluginOutput| {
        let warned = ended.events.iter().find(|event| event["code"] == "bypasses-alias");
        warned
            .is_some_and(|warning| warning["message"].as_str().is_some_and(|message| message.contains(&old)))
    };
    let planned = fixture.plugin(&["plan"]).run(&fixture.request);
    assert!(is_reported(&planned), "{}", planned.stdout);
    let moved = fixture.deployed("// 2\n");
    assert!(is_reported(&moved), "{}", moved.stdout);
    // The deployment creates the new URL; the old one stays until its owner removes it.
    let new = fixture.address(OF_ALIAS).expect("the function URL exists");
    assert_eq!(
        (fixture.address(""), moved.finished()["function_url"].as_str()),
        (Some(old.clone()), Some(new.as_str()))
    );
    assert_eq!((fixture.statements(OF_ALIAS), fixture.statements("")), (2, 2));
    let again = fixture.deploy_again();
    assert!(again.outcome() == "unchanged" && is_reported(&again), "{}", again.stdout);

    fixture.set(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(Invocation { times: Some(1), ..thrown() });
    let failed = fixture.deploy("// 3\n");
    check_failed(&failed, "verification-failed", "/verify");
    let message = error(&failed, "message");
    assert!(message.contains(&format!("{old} already serves the new code")), "{message}");
    assert!(!failed.stdout.contains("nobody was sent"), "{}", failed.stdout);

    fixture.another_client("DELETE", URL, Value::Null);
    let quiet = fixture.deployed("// 4\n");
    assert!(!is_reported(&quiet), "{}", quiet.stdout);
    assert_eq!(fixture.address(OF_ALIAS), Some(new));
}

#[test]
fn none_leaves_no_address_at_all() {
    let (mut fixture, _) = with_an_old_address();
    fixture.deployed("// 2\n");
    fixture.set(json!({"function_url": "none"}));
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec![]), "{}", ended.stdout);
    assert_eq!((fixture.address(""), fixture.address(OF_ALIAS)), (None, None));
    assert_eq!((fixture.statements(""), fixture.statements(OF_ALIAS)), (0, 0));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}
