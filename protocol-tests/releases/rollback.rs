//! Tests `rollback`.

use std::time::Instant;

use super::*;

#[test]
fn a_rollback_goes_to_where_the_alias_came_from_and_skips_what_failed() {
    let mut fixture = Fixture::live(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(from_version("2", thrown()));
    check_failed(&fixture.deploy("// 2\n"), "verification-failed", "/verify");
    fixture.deployed("// 3\n");
    assert_eq!((fixture.alias("live").as_str(), fixture.versions()), ("3", vec![1, 2, 3]));

    fixture.set(json!({"dry_run": true}));
    let planned = fixture.rollback();
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
    let change = json!({"field": "alias.live", "from": "3", "to": "1"});
    assert_eq!(planned.finished()["steps"], json!([{"step": "update-alias", "changes": [change]}]));
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "3"));

    fixture.set(json!({"dry_run": null}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), ended.status.code()), ("deployed", Some(0)), "{}", ended.stdout);
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec!["UpdateAlias 1".to_owned()], "1"));
    assert_eq!((ended.steps(), warnings(&ended)), (vec!["update-alias"], vec![]));
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"], &finished["alias"]], ["1", "3", "live"]);
    let version = fixture.endpoint.function("f:1").expect("the function exists");
    assert_eq!(finished["code_sha256"], version["Configuration"]["CodeSha256"]);
}

/// A fixture whose alias `live` has pointed at versions 1, 2 and, now, 3.
fn three_versions() -> Fixture {
    let fixture = Fixture::live(json!({}));
    fixture.deployed("// 2\n");
    fixture.deployed("// 3\n");
    fixture
}

#[test]
fn rollbacks_go_on_until_there_is_no_version_before() {
    let fixture = three_versions();
    for version in ["2", "1"] {
        let ended = fixture.rollback();
        assert_eq!(
            (ended.outcome(), fixture.alias("live").as_str()),
            ("deployed", version),
            "{}",
            ended.stdout
        );
    }
    check_failed(&fixture.rollback(), "no-previous-version", "/alias");
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "1"));
}

#[test]
fn a_rollback_to_what_is_not_there_is_refused() {
    let mut fixture = three_versions();
    for (members, at) in [
        (json!({"alias": "nobody"}), "/alias"),
        (json!({"alias": ["live", "nobody"]}), "/alias"),
        (json!({"alias": "live", "version": 4}), "/version"),
        (json!({"version": null, "function_name": "g"}), "/function_name"),
    ] {
        fixture.set(members);
        check_failed(&fixture.rollback(), "not-found", at);
        assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "3"));
    }
    fixture.set(json!({"alias": null}));
    let ended = fixture.rollback();
    assert_eq!((ended.code(), error(&ended, "at"), ended.status.code()), ("missing-key", "/alias", Some(2)));
    assert_eq!(fixture.operations(), [""; 0]);
}

#[test]
fn a_rollback_goes_to_the_version_that_is_named() {
    let mut fixture = three_versions();
    fixture.set(json!({"version": "1"}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
    let again = fixture.rollback();
    assert_eq!((again.outcome(), fixture.changes()), ("unchanged", vec![]), "{}", again.stdout);
    fixture.set(json!({"version": 3}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "3"), "{}", ended.stdout);
}

#[test]
fn aliases_go_back_together_or_not_at_all() {
    let mut fixture = three_versions();
    fixture.make_alias("other", "2");
    fixture.set(json!({"alias": ["live", "other"]}));
    let ended = fixture.rollback();
    check_failed(&ended, "ambiguous-rollback", "/alias");
    let message = error(&ended, "message");
    assert!(
        message.contains("`live` would go back to version 2, `other` would go back to version 1"),
        "{message}"
    );
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "3"));

    fixture.deployed("// 4\n");
    fixture.deployed("// 5\n");
    let ended = fixture.rollback();
    assert_eq!(
        (ended.outcome(), &ended.finished()["version"]),
        ("deployed", &json!("4")),
        "{}",
        ended.stdout
    );
    assert_eq!(["live", "other"].map(|name| fixture.alias(name)), ["4", "4"]);
    assert_eq!(fixture.changes(), ["UpdateAlias 4", "UpdateAlias 4"]);
}

#[test]
fn after_a_rollback_the_same_deployment_goes_forward_again() {
    let fixture = three_versions();
    assert_eq!(fixture.rollback().outcome(), "deployed");
    assert_eq!(fixture.alias("live"), "2");
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "3"), "{}", ended.stdout);
    assert_eq!(
        (fixture.versions(), fixture.endpoint.calls().iter().map(|call| call.code_bytes).sum()),
        (vec![1, 2, 3], 0)
    );
    assert_eq!(ended.finished()["previous_version"], "2");
}

#[test]
fn a_rollback_passes_over_what_was_live_for_another_client_only() {
    let mut fixture = three_versions();
    fixture.endpoint.answer_invocations(from_version("4", thrown()));
    fixture.set(json!({"verify": {}}));
    check_failed(&fixture.deploy("// 4\n"), "verification-failed", "/verify");
    fixture.another_client("PUT", CONFIGURATION, json!({"Timeout": 9}));
    fixture.another_client("POST", VERSIONS, json!({}));
    fixture.another_client("PUT", &format!("{ALIASES}/live"), json!({"FunctionVersion": "5"}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "3"), "{}", ended.stdout);
    assert_eq!(description(&fixture), "(at 3, before: 2, 1)");
}

/// A fault of one call of UpdateAlias, after so many others.
fn of_update_alias(after: u32, kind: FaultKind) -> Fault {
    Fault { operation: Some("UpdateAlias".to_owned()), after, times: 1, kind }
}

fn denied() -> FaultKind {
    let (code, message) = ("AccessDeniedException".to_owned(), "You may not.".to_owned());
    FaultKind::Status { status: 403, code, message, retry_after: None }
}

/// Checks that a failed rollback of [`three_versions`] names the version with which it can be repeated.
#[track_caller]
fn check_repeatable(ended: &PluginOutput, code: &str) {
    assert_eq!(ended.code(), code, "{}", ended.stdout);
    assert!(error(ended, "hint").contains("repeat the rollback with `version: 2`"), "{}", ended.stdout);
    assert_eq!(ended.finished()["error"]["retryable"], false);
}

#[test]
fn a_rollback_that_may_have_moved_an_alias_says_how_to_repeat_it() {
    let mut fixture = three_versions();
    fixture.endpoint.fault(of_update_alias(0, FaultKind::Hang { for_: Duration::from_secs(30) }));
    fixture.endpoint.forget_calls();
    let child = fixture.start_with(&["rollback"]);
    fixture.wait_for_call("UpdateAlias");
    signal(&child, "TERM");
    check_repeatable(&PluginOutput::of(child, Instant::now()), "cancelled");

    fixture.set(json!({"alias": ["live", "next"]}));
    fixture.make_alias("next", "3");
    fixture.endpoint.fault(of_update_alias(1, denied()));
    let ended = fixture.rollback();
    check_repeatable(&ended, "access-denied");
    let message = error(&ended, "message");
    assert!(message.ends_with("; the rollback has moved an alias to version 2"), "{message}");
    fixture.set(json!({"version": 2}));
    assert_eq!(fixture.rollback().outcome(), "deployed");
    assert_eq!(["live", "next"].map(|name| fixture.alias(name)), ["2", "2"]);
}

#[test]
fn a_move_whose_response_was_lost_counts_although_the_next_attempt_is_refused() {
    let fixture = three_versions();
    let (code, message) = ("ServiceException".to_owned(), "An error occurred.".to_owned());
    fixture.endpoint.fault(of_update_alias(0, FaultKind::StatusAfter { status: 500, code, message }));
    fixture.endpoint.fault(of_update_alias(0, denied()));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", ended.stdout);
}

#[test]
fn a_rollback_waits_for_an_update_of_the_function_by_another_client() {
    let fixture = three_versions();
    fixture.endpoint.fault(of_update_alias(0, FaultKind::Busy { for_: Duration::from_millis(300) }));
    // The first two calls read the function and the version; the third waits for the end of the update.
    let operation = Some("GetFunction".to_owned());
    fixture.endpoint.fault(Fault { operation, after: 2, times: 1, kind: FaultKind::TouchFunction });
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", ended.stdout);
}

#[test]
fn a_rollback_does_not_move_an_alias_that_another_client_has_moved_meanwhile() {
    let fixture = three_versions();
    // The endpoint records the call when it handles it. So the rollback has already read the alias, and waits
    // for the slow response.
    let kind = FaultKind::Slow { answer_over: Duration::from_secs(2) };
    fixture.endpoint.fault(Fault::once("ListVersionsByFunction", kind));
    let ended = thread::scope(|scope| {
        fixture.endpoint.forget_calls();
        let rollback = scope.spawn(|| fixture.plugin(&["rollback"]).run(&fixture.request));
        fixture.wait_for_call("ListVersionsByFunction");
        fixture.another_client("PUT", &format!("{ALIASES}/live"), json!({"FunctionVersion": "1"}));
        rollback.join().expect("no thread panicked")
    });
    assert_eq!((ended.code(), ended.status.code()), ("conflict", Some(1)), "{}", ended.stdout);
    assert_eq!(ended.finished()["changed"], json!([]));
    assert_eq!(fixture.alias("live"), "1");
}
