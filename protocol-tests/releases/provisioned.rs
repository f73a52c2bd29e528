//! Tests provisioned concurrency of an alias.

use super::*;

/// The provisioned concurrency of `live` and its status. `None` if there is none.
fn provisioned(fixture: &Fixture) -> Option<(u64, String)> {
    let reported = fixture.endpoint.perform("GET", PROVISIONED, Value::Null).ok()?;
    let executions = reported["RequestedProvisionedConcurrentExecutions"].as_u64()?;
    Some((executions, reported["Status"].as_str()?.to_owned()))
}

fn with_provisioned(provision_duration: Duration) -> Fixture {
    let settings = Settings { provision_duration, ..Settings::default() };
    Fixture::of(settings, json!({"alias": "live", "provisioned_concurrency": 2}))
}

#[test]
fn provisioned_concurrency_is_ready_when_the_deployment_ends() {
    let fixture = with_provisioned(Duration::from_millis(700));
    let ready = Some((2, "READY".to_owned()));
    let created = fixture.deployed("// 1\n");
    assert_eq!(provisioned(&fixture), ready);
    assert_eq!(created.steps()[2..], ["create-alias", "put-provisioned-concurrency-config"]);

    let moved = fixture.deployed("// 2\n");
    assert_eq!((provisioned(&fixture), fixture.alias("live").as_str()), (ready.clone(), "2"));
    assert_eq!(moved.steps(), ["update-function-code", "publish-version", "update-alias"]);
    assert_eq!(warnings(&moved), [""; 0], "weights that AWS sets itself cause no warning");
    let steps = &moved.event("planned").expect("the event exists")["steps"];
    assert_eq!(steps[2]["waits_for"], "provisioned-concurrency-ready");
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");

    let back = fixture.rollback();
    assert_eq!((back.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", back.stdout);
    assert_eq!((provisioned(&fixture), warnings(&back)), (ready, vec![]));
}

#[test]
fn provisioned_concurrency_is_removed() {
    let mut fixture = with_provisioned(Duration::ZERO);
    fixture.deployed("// 1\n");
    fixture.set(json!({"provisioned_concurrency": "none"}));
    let removed = fixture.deploy_again();
    assert_eq!(removed.steps(), ["delete-provisioned-concurrency-config"], "{}", removed.stdout);
    assert_eq!(
        (removed.outcome(), provisioned(&fixture), fixture.alias("live").as_str()),
        ("deployed", None, "1")
    );
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn an_alias_that_loses_its_provisioned_concurrency_has_moved_when_the_deployment_ends() {
    let mut fixture = with_provisioned(Duration::from_millis(1500));
    fixture.deployed("// 1\n");
    fixture.set(json!({"provisioned_concurrency": "none"}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!((provisioned(&fixture), fixture.alias("live").as_str()), (None, "2"), "{}", ended.stdout);
}

#[test]
fn provisioned_concurrency_that_fails_is_reported_and_tried_again() {
    let fixture = with_provisioned(Duration::ZERO);
    let kind = FaultKind::ProvisionFails { reason: "FUNCTION_ERROR_INIT_FAILURE".to_owned() };
    fixture.endpoint.fault(Fault { operation: None, after: 0, times: 1, kind });
    let failed = fixture.deploy("// 1\n");
    // The code is at fault, not the account.
    assert_eq!((error(&failed, "code"), error(&failed, "class")), ("function-start-failed", "package"));
    assert!(error(&failed, "message").contains("FUNCTION_ERROR_INIT_FAILURE"), "{}", failed.stdout);
    assert_eq!(fixture.alias("live"), "1");
    let again = fixture.deploy_again();
    assert_eq!(
        (again.outcome(), provisioned(&fixture)),
        ("deployed", Some((2, "READY".to_owned()))),
        "{}",
        again.stdout
    );
    assert_eq!(again.steps(), ["put-provisioned-concurrency-config"]);
}

#[test]
fn a_lost_response_to_the_move_of_provisioned_concurrency_is_no_change_by_others() {
    // Long enough for the second attempt to find the alias while AWS still shows a weight of 100 %.
    let fixture = with_provisioned(Duration::from_millis(1500));
    fixture.deployed("// 1\n");
    let lose = || {
        let operation = Some("UpdateAlias".to_owned());
        fixture.endpoint.fault(Fault { operation, after: 0, times: 1, kind: FaultKind::ResetAfter });
    };
    lose();
    let moved = fixture.deployed("// 2\n");
    assert_eq!(moved.steps(), ["update-function-code", "publish-version", "update-alias"]);
    assert_eq!(warnings(&moved), [""; 0]);
    lose();
    let back = fixture.rollback();
    assert_eq!((back.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", back.stdout);
    assert_eq!(provisioned(&fixture), Some((2, "READY".to_owned())));
}

#[test]
fn a_run_killed_while_provisioned_concurrency_moves_is_ended_by_the_next() {
    let fixture = with_provisioned(Duration::from_millis(1500));
    fixture.deployed("// 1\n");
    let running = fixture.started("// 2\n", &["update-alias"]);
    fixture.wait_for_call("UpdateAlias");
    running.kill();
    let ended = fixture.deploy_again();
    assert!(["deployed", "unchanged"].contains(&ended.outcome()), "{}", ended.stdout);
    assert_eq!((provisioned(&fixture), fixture.alias("live").as_str()), (Some((2, "READY".to_owned())), "2"));
    assert_eq!(warnings(&ended), [""; 0]);
}

#[test]
fn reserved_and_provisioned_concurrency_change_in_an_order_that_aws_accepts() {
    let both = json!({"alias": ["live", "next"], "reserved_concurrency": 20, "provisioned_concurrency": 8});
    let mut fixture = Fixture::new(both);
    fixture.deployed("// 1\n");
    for (reserved, each) in [(6, json!(3)), (20, json!(10)), (1, json!("none")), (10, json!(5))] {
        fixture.set(json!({"reserved_concurrency": reserved, "provisioned_concurrency": each}));
        let changed = fixture.deploy_again();
        assert_eq!(changed.outcome(), "deployed", "{}", changed.stdout);
        assert_eq!(fixture.deploy_again().outcome(), "unchanged");
    }
    // Nothing is reserved beside these, so one alias gets more only after the other one has less.
    for (alias, executions) in [("live", 2), ("next", 8)] {
        let target = PROVISIONED.replace("live", alias);
        fixture.another_client("PUT", &target, json!({"ProvisionedConcurrentExecutions": executions}));
    }
    let evened = fixture.deploy_again();
    assert_eq!(evened.outcome(), "deployed", "{}", evened.stdout);
    assert_eq!(provisioned(&fixture), Some((5, "READY".to_owned())));
}
