//! The own address of a function that has an alias: it serves what has passed.

use super::*;

const URL: &str = "/2021-10-31/functions/f/url";
const POLICY: &str = "/2015-03-31/functions/f/policy";

impl Stand {
    /// The address of the function, or with `?Qualifier=live` of the alias. `None`: it has none.
    fn address(&self, qualifier: &str) -> Option<String> {
        let told = self.endpoint.perform("GET", &format!("{URL}{qualifier}"), Value::Null).ok()?;
        told["FunctionUrl"].as_str().map(str::to_owned)
    }

    /// How many statements the policy beside it has.
    fn statements(&self, qualifier: &str) -> usize {
        let Ok(told) = self.endpoint.perform("GET", &format!("{POLICY}{qualifier}"), Value::Null) else { return 0 };
        let policy: Value = told["Policy"].as_str().and_then(|text| text.parse().ok()).expect("a document");
        policy["Statement"].as_array().expect("a list").len()
    }
}

const OF_ALIAS: &str = "?Qualifier=live";

#[test]
fn an_address_and_its_permissions_belong_to_the_first_alias() {
    let mut stand = Stand::new(json!({"alias": ["live", "next"], "function_url": {"auth_type": "NONE"}}));
    let created = stand.deployed("// 1\n");
    let address = stand.address(OF_ALIAS).expect("it was made");
    assert_eq!(created.finished()["function_url"], json!(address));
    assert_eq!((stand.address(""), stand.address("?Qualifier=next")), (None, None));
    assert_eq!((stand.statements(OF_ALIAS), stand.statements("")), (2, 0));
    assert_eq!((stand.again().outcome(), stand.changes()), ("unchanged", vec![]));

    // A version that does not pass is not what the address serves.
    stand.ask(json!({"verify": {}}));
    stand.endpoint.answer_invocations(thrown());
    let failed = stand.deploy("// 2\n");
    check_failed(&failed, "verification-failed", "/verify");
    assert_eq!((stand.alias("live").as_str(), stand.address("")), ("1", None));
    assert!(!error(&failed, "message").contains("serves it all the same"), "{}", failed.stdout);

    stand.ask(json!({"function_url": {"auth_type": "AWS_IAM"}, "verify": null}));
    let closed = stand.deployed("// 2\n");
    assert_eq!((closed.outcome(), stand.statements(OF_ALIAS)), ("deployed", 0));
    stand.ask(json!({"function_url": "none"}));
    assert_eq!((stand.again().outcome(), stand.address(OF_ALIAS)), ("deployed", None));
}

/// A function whose address is its own, from the time before it had an alias.
fn with_an_old_address() -> (Stand, String) {
    let mut stand = Stand::new(json!({"function_url": {"auth_type": "NONE"}}));
    stand.deployed("// 1\n");
    let old = stand.address("").expect("it was made");
    stand.ask(json!({"alias": "live"}));
    (stand, old)
}

#[test]
fn an_address_that_serves_the_latest_beside_an_alias_is_told_until_its_owner_removes_it() {
    let (mut stand, old) = with_an_old_address();
    let is_told = |ended: &Ended| {
        let warned = ended.events.iter().find(|event| event["code"] == "url-on-latest");
        warned.is_some_and(|warning| warning["message"].as_str().is_some_and(|message| message.contains(&old)))
    };
    let planned = stand.plugin(&["plan"]).run(&stand.request);
    assert!(is_told(&planned), "{}", planned.stdout);
    let moved = stand.deployed("// 2\n");
    assert!(is_told(&moved), "{}", moved.stdout);
    // The new one is there first, and the old one goes when its owner says so.
    let new = stand.address(OF_ALIAS).expect("it was made");
    assert_eq!((stand.address(""), moved.finished()["function_url"].as_str()), (Some(old.clone()), Some(new.as_str())));
    assert_eq!((stand.statements(OF_ALIAS), stand.statements("")), (2, 2));
    let again = stand.again();
    assert!(again.outcome() == "unchanged" && is_told(&again), "{}", again.stdout);

    stand.ask(json!({"verify": {}}));
    stand.endpoint.answer_invocations(Invocation { times: Some(1), ..thrown() });
    let failed = stand.deploy("// 3\n");
    check_failed(&failed, "verification-failed", "/verify");
    let message = error(&failed, "message");
    assert!(message.contains(&format!("{old} serves it all the same")), "{message}");
    assert!(!failed.stdout.contains("nobody was sent"), "{}", failed.stdout);

    stand.somebody_else("DELETE", URL, Value::Null);
    let quiet = stand.deployed("// 4\n");
    assert!(!is_told(&quiet), "{}", quiet.stdout);
    assert_eq!(stand.address(OF_ALIAS), Some(new));
}

#[test]
fn none_leaves_no_address_at_all() {
    let (mut stand, _) = with_an_old_address();
    stand.deployed("// 2\n");
    stand.ask(json!({"function_url": "none"}));
    let ended = stand.again();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec![]), "{}", ended.stdout);
    assert_eq!((stand.address(""), stand.address(OF_ALIAS)), (None, None));
    assert_eq!((stand.statements(""), stand.statements(OF_ALIAS)), (0, 0));
    assert_eq!(stand.again().outcome(), "unchanged");
}
