//! Tests versions that are not ready or cannot become ready: no alias moves to one, and the run never reports
//! success.

use super::*;

fn fails(reason_code: &str) -> Fault {
    let kind = FaultKind::PublishFails { reason_code: reason_code.to_owned(), reason: "Because.".to_owned() };
    Fault { operation: None, after: 0, times: 1, kind }
}

#[test]
fn a_version_that_cannot_be_made_ready_is_reported_as_that_and_no_alias_moves_to_it() {
    for members in [json!({}), json!({"keep_versions": 5}), json!({"verify": {}})] {
        let mut fixture = Fixture::live(members);
        fixture.endpoint.fault(fails("DisabledKMSKey"));
        for ended in [fixture.deploy("// 2\n"), fixture.deploy_again(), fixture.deploy_again()] {
            assert_eq!((ended.outcome(), ended.code()), ("failed", "version-failed"), "{}", ended.stdout);
            let message = error(&ended, "message");
            assert_eq!(message, "AWS could not make version 2 active: Because; `live` stays at version 1");
            assert_eq!(fixture.alias("live"), "1");
        }
        assert_eq!(fixture.versions(), [1, 2]);
        fixture.set(json!({"version": "2"}));
        let back = fixture.rollback();
        assert_eq!((back.code(), fixture.alias("live").as_str()), ("version-failed", "1"), "{}", back.stdout);
        assert_eq!(fixture.changes(), [""; 0]);
    }
}

#[test]
fn a_version_whose_own_code_fails_at_its_start_is_the_codes_fault() {
    let fixture = Fixture::live(json!({}));
    fixture.endpoint.fault(fails("FunctionError"));
    let ended = fixture.deploy("// 2\n");
    assert_eq!((error(&ended, "code"), error(&ended, "class")), ("function-start-failed", "package"));
    assert!(error(&ended, "message").contains("`live` stays at version 1"), "{}", ended.stdout);
}

/// A fixture whose last run was killed after PublishVersion, while version 2 was still pending.
fn killed(members: Value, fault: Option<Fault>) -> Fixture {
    let settings = Settings { create_duration: Duration::from_millis(1500), ..Settings::default() };
    let mut fixture = Fixture::of(settings, json!({"snap_start": "PublishedVersions"}));
    fixture.set(members);
    fixture.deployed("// 1\n");
    fault.into_iter().for_each(|fault| fixture.endpoint.fault(fault));
    let running = fixture.started("// 2\n", &["publish-version"]);
    fixture.wait_for_call("PublishVersion");
    running.kill();
    fixture
}

#[test]
fn a_version_that_is_pending_after_a_kill_is_waited_for() {
    for (members, outcome) in [
        (json!({"alias": "live"}), "deployed"),
        (json!({"alias": "live", "keep_versions": 5}), "deployed"),
        (json!({"publish": true}), "unchanged"),
    ] {
        let fixture = killed(members, None);
        let ended = fixture.deploy_again();
        assert_eq!(
            (ended.outcome(), &ended.finished()["version"]),
            (outcome, &json!("2")),
            "{}",
            ended.stdout
        );
        // More than two calls of GetFunction: the run waited until the version was ready.
        assert!(fixture.endpoint.count("GetFunction") > 2, "{:?}", fixture.operations());
        assert_eq!(fixture.versions(), [1, 2]);
    }
}

#[test]
fn a_version_that_fails_after_a_kill_is_never_unchanged() {
    for members in
        [json!({"alias": "live"}), json!({"alias": "live", "keep_versions": 5}), json!({"publish": true})]
    {
        let fixture = killed(members, Some(fails("DisabledKMSKey")));
        for ended in [fixture.deploy_again(), fixture.deploy_again()] {
            assert_eq!((ended.outcome(), ended.code()), ("failed", "version-failed"), "{}", ended.stdout);
            assert_eq!(ended.status.code(), Some(1));
        }
    }
}

#[test]
fn an_alias_at_a_version_that_has_failed_since_is_not_unchanged() {
    let fixture = Fixture::live(json!({}));
    for state in ["Failed", "Deactivated"] {
        fixture.endpoint.set_state("f:1", state).expect("the function exists");
        let ended = fixture.deploy_again();
        assert_eq!((ended.outcome(), ended.code()), ("failed", "version-failed"), "{}", ended.stdout);
        assert!(error(&ended, "message").contains("`live` points at this version"), "{}", ended.stdout);
    }
}

#[test]
fn a_rollback_never_goes_to_a_version_that_failed_or_is_pending() {
    let mut fixture = Fixture::published(3, json!({"alias": "live", "wait_timeout": 1}));
    fixture.make_alias("live", "3");
    fixture.endpoint.set_state("f:2", "Failed").expect("the function exists");
    fixture.set(json!({"version": "2"}));
    assert_eq!(fixture.rollback().code(), "version-failed");
    fixture.endpoint.set_state("f:2", "Pending").expect("the function exists");
    let ended = fixture.rollback();
    assert_eq!((ended.code(), fixture.alias("live").as_str()), ("timed-out", "3"), "{}", ended.stdout);
    // Without a recorded history, the rollback skips a version that failed, because it was never live.
    fixture.endpoint.set_state("f:2", "Failed").expect("the function exists");
    fixture.set(json!({"version": null}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
}

#[test]
fn a_function_that_goes_or_is_switched_off_is_not_unchanged() {
    let mut fixture = Fixture::new(json!({}));
    fixture.deployed("// 1\n");
    fixture.set(json!({"wait_timeout": 1}));
    for (state, code) in
        [("Deleting", "timed-out"), ("Deactivating", "timed-out"), ("Deactivated", "function-deactivated")]
    {
        fixture.endpoint.set_state("f", state).expect("the function exists");
        let ended = fixture.deploy_again();
        assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{state}: {}", ended.stdout);
        assert_eq!(fixture.changes(), [""; 0]);
    }
    // A function that is finally deleted is created again.
    fixture.endpoint.set_state("f", "Deleting").expect("the function exists");
    fixture.set(json!({"wait_timeout": 60}));
    let running = fixture.started("// 1\n", &["wait"]);
    fixture.another_client("DELETE", "/2015-03-31/functions/f", Value::Null);
    let ended = running.ended();
    assert_eq!(
        (ended.outcome(), ended.steps().last()),
        ("deployed", Some(&"create-function")),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_idle_function_is_woken_before_its_check_fails() {
    let fixture = Fixture::new(json!({"verify": {}}));
    fixture.deployed("// 1\n");
    fixture.endpoint.idle("f", Duration::from_millis(400)).expect("the function exists");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "unchanged", "{}", ended.stdout);
    assert!(fixture.endpoint.count("Invoke") > 1);

    let fixture = Fixture::live(json!({"verify": {}}));
    fixture.deployed("// 2\n");
    fixture.make_alias("other", "1");
    fixture.another_client("PUT", &format!("{ALIASES}/live"), json!({"FunctionVersion": "1"}));
    fixture.endpoint.idle("f:2", Duration::from_millis(400)).expect("the function exists");
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", ended.stdout);
}
