//! Tests `codedeploy`: CodeDeploy moves the alias, and the program starts it, follows it, and does not touch
//! an alias that it is moving.

use lambda_endpoint::{Call, DeploymentGroup};

use super::*;
use crate::fixture::object;
use crate::plugin::kill;

/// How long CodeDeploy leaves the traffic at a share. It begins with the first share after half of that.
const SHIFT: Duration = Duration::from_millis(1600);

/// A stanza with `codedeploy`, and with these members in it.
fn codedeploy(members: Value) -> Value {
    let mut codedeploy = json!({"application": "shop", "deployment_group": "live"});
    codedeploy.as_object_mut().expect("an object").extend(object(members));
    json!({ "codedeploy": codedeploy })
}

/// A fixture with `live` at version 1, a deployment group, and these members in `codedeploy`.
fn grouped(group: DeploymentGroup, members: Value) -> Fixture {
    let fixture = Fixture::live(codedeploy(members));
    fixture.endpoint.set_deployment_group(group);
    fixture.endpoint.set_shift_duration(SHIFT);
    fixture
}

impl Fixture {
    fn ask_codedeploy(&self, operation: &str, body: Value) -> Value {
        self.another_client("POST", &format!("CodeDeploy_20141006.{operation}"), body)
    }

    /// The ids of all deployments with one of these statuses, or with any, the newest first.
    fn deployments(&self, statuses: &[&str]) -> Vec<String> {
        let mut group = json!({"applicationName": "shop", "deploymentGroupName": "live"});
        if !statuses.is_empty() {
            group["includeOnlyStatuses"] = json!(statuses);
        }
        let listed = self.ask_codedeploy("ListDeployments", group);
        serde_json::from_value(listed["deployments"].clone()).expect("a list of ids")
    }

    /// The id of the only deployment so far.
    #[track_caller]
    fn only_deployment(&self) -> String {
        let mut ids = self.deployments(&[]);
        assert_eq!(ids.len(), 1, "{ids:?}");
        ids.remove(0)
    }

    fn deployment(&self, id: &str) -> Value {
        self.ask_codedeploy("GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
    }

    /// Waits until CodeDeploy has ended all deployments.
    #[track_caller]
    fn settle(&self) {
        let active = ["Created", "Queued", "InProgress"];
        wait_until("the end of all deployments", || self.deployments(&active).is_empty());
    }

    /// Waits until CodeDeploy gives version 2 a tenth of the traffic.
    #[track_caller]
    fn wait_for_share(&self) {
        wait_until("the first share", || self.alias("live") == "1, 10 % to 2");
    }

    /// The names of the calls that change something.
    fn changed_by(&self) -> Vec<String> {
        self.endpoint.calls().into_iter().filter(|call| !call.is_read()).map(|call| call.operation).collect()
    }

    /// Starts a deployment of version 2, and returns the id of the deployment that shifts its first share.
    #[track_caller]
    fn shifting(&self) -> String {
        let stanza = codedeploy(json!({"wait": "started"}));
        self.write("// 2\n");
        let started = self.run(&[], &stanza);
        assert_eq!(started.outcome(), "deployed", "{}", started.stdout);
        self.wait_for_share();
        self.deployments(&[]).remove(0)
    }
}

fn reported<'a>(ended: &'a PluginOutput, key: &str) -> &'a str {
    ended.finished()["codedeploy"][key].as_str().unwrap_or_default()
}

#[track_caller]
fn check_code(ended: &PluginOutput, code: &str) {
    assert_eq!((ended.code(), ended.status.code()), (code, Some(1)), "{}", ended.stdout);
}

#[test]
fn a_canary_is_followed_to_its_end_and_recorded() {
    let hooks = json!({"before": "shop-check", "after": "shop-smoke-test"});
    let config = "CodeDeployDefault.LambdaCanary10Percent30Minutes";
    let fixture = grouped(DeploymentGroup::default(), json!({"config": config, "hooks": hooks}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(ended.steps(), ["update-function-code", "publish-version", "create-deployment"]);
    let changes = ["UpdateFunctionCode", "PublishVersion", "UpdateAlias", "CreateDeployment", "UpdateAlias"];
    assert_eq!(fixture.changed_by(), changes);
    assert_eq!((fixture.alias("live").as_str(), description(&fixture).as_str()), ("2", "(at 2, before: 1)"));
    let id = fixture.only_deployment();
    assert_eq!((reported(&ended, "deployment_id"), reported(&ended, "status")), (id.as_str(), "Succeeded"));
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"], &finished["alias"]], ["2", "1", "live"]);

    let calls = fixture.endpoint.calls();
    let created = calls.iter().find(|call| call.operation == "CreateDeployment").expect("the call is made");
    assert_eq!(created.body["deploymentConfigName"], config);
    let content = created.body["revision"]["appSpecContent"]["content"].as_str().expect("a string");
    let spec: Value = serde_json::from_str(content).expect("JSON");
    let properties = json!({"Name": "f", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"});
    assert_eq!(spec["Resources"][0]["f"]["Properties"], properties);
    let hooks = json!([{"BeforeAllowTraffic": "shop-check"}, {"AfterAllowTraffic": "shop-smoke-test"}]);
    assert_eq!(spec["Hooks"], hooks);

    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), fixture.changes()), ("unchanged", vec![]), "{}", again.stdout);
}

#[test]
#[ignore = "second tier: long"]
fn a_long_deployment_is_followed_with_progress() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.endpoint.set_shift_duration(Duration::from_secs(8));
    let ended = fixture.deployed("// 2\n");
    let id = reported(&ended, "deployment_id");
    let names_status = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default();
        event["event"] == "progress" && message.contains(id) && message.contains("InProgress")
    };
    assert!(ended.events.iter().any(names_status), "{}", ended.stdout);
}

#[test]
fn versions_that_codedeploy_has_moved_to_are_rolled_back_in_their_order() {
    let fixture = grouped(DeploymentGroup::default(), json!({"config": "CodeDeployDefault.LambdaAllAtOnce"}));
    fixture.endpoint.set_shift_duration(Duration::from_millis(200));
    fixture.deployed("// 2\n");
    fixture.deployed("// 3\n");
    assert_eq!(description(&fixture), "(at 3, before: 2, 1)");
    for version in ["2", "1"] {
        let ended = fixture.rollback();
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        assert_eq!(fixture.changes(), [format!("UpdateAlias {version}")]);
        assert_eq!(fixture.alias("live"), version);
    }
    assert_eq!(description(&fixture), "(at 1, before: none)");
}

#[test]
fn a_run_that_waits_for_the_start_only_says_that_the_traffic_still_moves() {
    let fixture = grouped(DeploymentGroup::default(), json!({"wait": "started"}));
    let ended = fixture.deployed("// 2\n");
    let message = ended.finished()["message"].as_str().unwrap_or_default();
    let id = fixture.only_deployment();
    let moving = format!("CodeDeploy deployment {id} is still moving the traffic");
    assert!(message.contains(&moving), "{message}");
    assert_eq!(reported(&ended, "deployment_id"), id);
    assert!(["Created", "Queued", "InProgress"].contains(&reported(&ended, "status")), "{}", ended.stdout);
    assert_eq!(description(&fixture), "(at 1, codedeploy to 2, before: none)");
    fixture.settle();
    assert_eq!(fixture.alias("live"), "2");
    // CodeDeploy has left the description as it was. The history in it is known anyway.
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
    assert_eq!(description(&fixture), "(at 1, before: none)");
}

#[test]
fn what_needs_the_alias_at_the_new_version_is_left_to_the_next_run() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({"wait": "started"}));
    fixture.set(json!({"follow_alias": true}));
    fixture.map_queue("orders", "f");
    fixture.write("// 2\n");
    let planned = fixture.plugin(&["plan"]).run(&fixture.request);
    let steps: Vec<&Value> =
        planned.finished()["steps"].as_array().expect("a list").iter().map(|step| &step["step"]).collect();
    assert_eq!(steps, ["update-function-code", "publish-version", "create-deployment"]);
    let started = fixture.deployed("// 2\n");
    assert!(!started.steps().contains(&"update-event-source-mapping"), "{}", started.stdout);
    fixture.settle();
    let again = fixture.deploy_again();
    assert_eq!(again.steps(), ["update-event-source-mapping"], "{}", again.stdout);
}

#[test]
fn a_reserved_concurrency_below_the_provisioned_one_is_left_to_the_next_run() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({"wait": "started"}));
    fixture.set(json!({"reserved_concurrency": 10, "provisioned_concurrency": 10}));
    assert_eq!(fixture.deploy_again().outcome(), "deployed");
    fixture.set(json!({"reserved_concurrency": 5, "provisioned_concurrency": 5}));
    let started = fixture.deployed("// 2\n");
    let steps = ["update-function-code", "publish-version", "create-deployment"];
    assert_eq!(started.steps(), steps, "{}", started.stdout);
    fixture.settle();
    let again = fixture.deploy_again();
    let steps = ["put-provisioned-concurrency-config", "put-function-concurrency"];
    assert_eq!(again.steps(), steps, "{}", again.stdout);
}

/// Checks that a deployment in this group fails with this error of CodeDeploy, that all traffic is back, and
/// that the same deployment succeeds in another group.
#[track_caller]
fn check_rolled_back(group: DeploymentGroup, error_code: &str, reason: &str) {
    let fixture = grouped(group, json!({"hooks": {"before": "shop-check"}}));
    let ended = fixture.deploy("// 2\n");
    check_code(&ended, "codedeploy-failed");
    let message = error(&ended, "message");
    let id = fixture.deployments(&["Failed", "Stopped"]).remove(0);
    for expected in [id.as_str(), error_code, reason] {
        assert!(message.contains(expected), "{expected} is missing in: {message}");
    }
    let rollback = fixture.deployment(&id)["rollbackInfo"]["rollbackDeploymentId"].clone();
    let rollback = rollback.as_str().expect("it is rolled back");
    assert!(message.contains("version 1"), "where the alias points is missing in: {message}");
    fixture.settle();
    assert_eq!(fixture.deployment(rollback)["status"], "Succeeded");
    assert_eq!(fixture.alias("live"), "1");

    fixture.endpoint.set_deployment_group(DeploymentGroup::default());
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", again.stdout);
    assert_eq!(description(&fixture), "(at 2, before: 1)");
}

#[test]
fn a_hook_that_fails_fails_the_run() {
    let hook = "shop-check";
    check_rolled_back(DeploymentGroup::with_failing_hook(hook), "HOOK_EXECUTION_FAILURE", hook);
}

#[test]
fn an_alarm_that_fires_fails_the_run_and_is_named() {
    let alarm = "shop-5xx";
    check_rolled_back(DeploymentGroup::with_firing_alarm(alarm), "ALARM_ACTIVE", alarm);
}

#[test]
fn a_deployment_that_another_client_stops_fails_the_run() {
    let fixture = grouped(DeploymentGroup { rolls_back: false, ..DeploymentGroup::default() }, json!({}));
    let running = fixture.started("// 2\n", &["create-deployment"]);
    fixture.wait_for_share();
    let id = fixture.deployments(&[]).remove(0);
    fixture.ask_codedeploy("StopDeployment", json!({"deploymentId": id}));
    let ended = running.ended();
    check_code(&ended, "codedeploy-failed");
    let message = error(&ended, "message");
    assert!(message.contains("MANUAL_STOP") && message.contains(&id), "{message}");
    assert!(error(&ended, "hint").contains("`clear_weights: true`"), "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "1, 10 % to 2");
    for ended in [fixture.rollback(), fixture.deploy_again()] {
        check_code(&ended, "traffic-shared");
        let message = error(&ended, "message");
        assert!(message.contains("`live` still splits its traffic (10 % to version 2)"), "{message}");
    }
}

#[test]
fn a_rollback_leaves_the_deployment_of_another_function_alone() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.deployed("// 2\n");
    fixture.set(codedeploy(json!({"wait": "started"})));
    fixture.deployed("// 3\n");
    fixture.settle();
    assert_eq!(description(&fixture), "(at 2, codedeploy to 3, before: 1)");
    fixture.endpoint.set_shift_duration(Duration::from_secs(30));
    fixture.set(json!({"function_name": "g"}));
    fixture.deployed("// 1\n");
    fixture.deployed("// 2\n");
    fixture.set(json!({"function_name": "f"}));
    let refused = fixture.deploy("// 4\n");
    check_code(&refused, "traffic-shared");
    assert!(error(&refused, "message").contains("is shifting the traffic of `g:live`"), "{}", refused.stdout);
    let back = fixture.rollback();
    assert_eq!((back.outcome(), back.steps()), ("deployed", vec!["update-alias"]), "{}", back.stdout);
    assert_eq!((fixture.alias("live").as_str(), description(&fixture).as_str()), ("2", "(at 2, before: 1)"));
    assert_eq!(fixture.deployments(&["Created", "Queued", "InProgress"]).len(), 1);
}

#[test]
fn a_second_rollback_does_not_go_further_back_than_codedeploy_did() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.deployed("// 2\n");
    fixture.endpoint.set_deployment_group(DeploymentGroup::with_failing_hook("shop-check"));
    fixture.set(codedeploy(json!({"hooks": {"after": "shop-check"}})));
    check_code(&fixture.deploy("// 3\n"), "codedeploy-failed");
    fixture.settle();
    let stays = fixture.rollback();
    assert_eq!((stays.outcome(), fixture.alias("live").as_str()), ("unchanged", "2"), "{}", stays.stdout);
}

#[test]
fn a_rollback_stops_a_deployment_and_waits_until_all_traffic_is_back() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    let id = fixture.shifting();
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), ended.steps()), ("deployed", vec!["stop-deployment"]), "{}", ended.stdout);
    let calls = fixture.endpoint.calls();
    let stopped = calls.iter().find(|call| call.operation == "StopDeployment").expect("the call is made");
    assert_eq!(stopped.body, json!({"deploymentId": id, "autoRollbackEnabled": true}));
    assert_eq!(fixture.deployment(&id)["status"], "Stopped");
    assert_eq!(fixture.deployments(&["Created", "Queued", "InProgress"]), [""; 0]);
    assert_eq!(fixture.alias("live"), "1");
    assert_eq!(description(&fixture), "(at 1, before: none)");
    assert_eq!((reported(&ended, "deployment_id"), reported(&ended, "status")), (id.as_str(), "Stopped"));
    assert_eq!(ended.finished()["version"], "1");
}

#[test]
fn a_rollback_that_was_killed_is_completed_by_the_next_one() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.shifting();
    // The deployment that sends the traffic back takes 3 s.
    fixture.endpoint.set_shift_duration(Duration::from_secs(8));
    fixture.endpoint.forget_calls();
    let child = fixture.start_with(&["rollback"]);
    fixture.wait_for_call("StopDeployment");
    kill(child);
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
    assert_eq!(description(&fixture), "(at 1, before: none)");
    fixture.settle();
    assert_eq!(fixture.alias("live"), "1");
}

#[test]
fn a_rollback_that_loses_the_answer_to_its_stop_succeeds() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.shifting();
    fixture.endpoint.fault(Fault::once("StopDeployment", FaultKind::ResetAfter));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
}

#[test]
fn a_deployment_in_the_middle_of_a_shift_is_refused_and_changes_nothing() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.endpoint.set_shift_duration(Duration::from_secs(8));
    fixture.write("// 2\n");
    let started = fixture.run(&[], &codedeploy(json!({"wait": "started"})));
    assert_eq!(started.outcome(), "deployed", "{}", started.stdout);
    let id = fixture.only_deployment();
    // The first share comes after 4 s. Before it, the alias has no weights.
    let by_codedeploy = fixture.deploy("// 3\n");
    check_code(&by_codedeploy, "traffic-shared");
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "1"));
    fixture.wait_for_share();
    let others = [
        codedeploy(json!({})),
        json!({"codedeploy": null}),
        json!({"codedeploy": null, "traffic": [50], "traffic_interval": 1}),
    ];
    for members in others {
        fixture.set(members.clone());
        let planned = fixture.plugin(&["plan"]).run(&fixture.request);
        for ended in [planned, fixture.deploy_again()] {
            check_code(&ended, "traffic-shared");
            let message = error(&ended, "message");
            assert!(message.contains("is shifting the traffic of `live`"), "{members}: {message}");
            assert_eq!(message.contains(&id), members["codedeploy"].is_object(), "{members}: {message}");
            assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "1, 10 % to 2"));
        }
        fixture.set(json!({"traffic": null, "traffic_interval": null}));
    }
}

#[test]
fn a_run_that_was_killed_while_it_waited_follows_the_same_deployment() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    let running = fixture.started("// 2\n", &["create-deployment"]);
    fixture.wait_for_share();
    running.kill();
    let id = fixture.only_deployment();
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!((reported(&ended, "deployment_id"), reported(&ended, "status")), (id.as_str(), "Succeeded"));
    assert_eq!((fixture.deployments(&[]).len(), fixture.versions()), (1, vec![1, 2]));
    assert_eq!((fixture.alias("live").as_str(), description(&fixture).as_str()), ("2", "(at 2, before: 1)"));
}

#[test]
fn a_run_that_was_killed_before_it_created_the_deployment_begins_again() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.endpoint.fault(Fault::once("CreateDeployment", FaultKind::hang()));
    let running = fixture.started("// 2\n", &["create-deployment"]);
    fixture.wait_for_call("CreateDeployment");
    running.kill();
    assert_eq!(fixture.deployments(&[]), [""; 0]);
    assert_eq!(description(&fixture), "(at 1, codedeploy to 2, before: none)");
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), fixture.deployments(&[]).len()), ("deployed", 1), "{}", ended.stdout);
    assert_eq!((fixture.alias("live").as_str(), description(&fixture).as_str()), ("2", "(at 2, before: 1)"));
    assert_eq!(fixture.versions(), [1, 2]);
}

#[test]
fn when_the_runner_closes_our_output_codedeploy_goes_on() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    let Running { mut child, lines, .. } = fixture.started("// 2\n", &["create-deployment"]);
    fixture.wait_for_share();
    drop(lines);
    assert_eq!(child.wait().expect("can be waited for").code(), Some(1));
    assert!(!fixture.operations().contains(&"StopDeployment".to_owned()));
    fixture.settle();
    assert_eq!(fixture.alias("live"), "2");
}

#[test]
fn a_signal_ends_the_run_and_not_the_deployment() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    let running = fixture.started("// 2\n", &["create-deployment"]);
    fixture.wait_for_share();
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)), "{}", ended.stdout);
    let id = fixture.deployments(&[]).remove(0);
    let words = format!("{} {}", error(&ended, "message"), error(&ended, "hint"));
    assert!(words.contains(&format!("aws deploy stop-deployment --deployment-id {id}")), "{words}");
    assert!(!fixture.operations().contains(&"StopDeployment".to_owned()));
    fixture.settle();
    assert_eq!(fixture.alias("live"), "2");
}

/// Checks that a deployment with these members in `codedeploy` fails because something is missing, that the
/// hint has the command that creates it, and that the alias stays where it is.
#[track_caller]
fn check_missing(members: Value, at: &str, command: &str) {
    let fixture = grouped(DeploymentGroup::default(), members);
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "not-found", at);
    let hint = error(&ended, "hint");
    assert!(hint.contains(command), "{hint}");
    assert_eq!((fixture.alias("live").as_str(), fixture.deployments(&[]).len()), ("1", 0));
}

#[test]
fn what_is_missing_is_said_with_the_command_that_creates_it() {
    let application = json!({"application": "office"});
    let command = "aws deploy create-application --application-name office --compute-platform Lambda";
    check_missing(application, "/codedeploy/application", command);
    let command = "aws deploy create-deployment-group --application-name shop --deployment-group-name blue";
    check_missing(json!({"deployment_group": "blue"}), "/codedeploy/deployment_group", command);
    let command = "aws deploy create-deployment-config --deployment-config-name Slowly";
    check_missing(json!({"config": "Slowly"}), "/codedeploy/config", command);
}

#[test]
fn an_application_and_a_group_that_are_missing_are_noticed_before_anything_is_changed() {
    for members in [json!({"application": "office"}), json!({"deployment_group": "blue"})] {
        let fixture = grouped(DeploymentGroup::default(), members);
        check_code(&fixture.deploy("// 2\n"), "not-found");
        assert_eq!(fixture.changes(), [""; 0]);
    }
}

#[test]
fn a_denied_call_is_named() {
    for action in ["ListDeployments", "CreateDeployment", "GetDeployment", "RegisterApplicationRevision"] {
        let fixture = grouped(DeploymentGroup::default(), json!({}));
        let action = format!("codedeploy:{action}");
        fixture.deny(&[&action]);
        let ended = fixture.deploy("// 2\n");
        check_code(&ended, "access-denied");
        assert!(ended.finished()["error"].to_string().contains(&action), "{}", ended.stdout);
    }
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.shifting();
    fixture.deny(&["codedeploy:StopDeployment"]);
    let ended = fixture.rollback();
    check_code(&ended, "access-denied");
    assert!(ended.finished()["error"].to_string().contains("codedeploy:StopDeployment"), "{}", ended.stdout);
}

#[test]
fn the_first_deployment_creates_the_alias_without_codedeploy() {
    let mut fixture = Fixture::new(codedeploy(json!({})));
    fixture.set(json!({"alias": "live"}));
    fixture.endpoint.set_deployment_group(DeploymentGroup::default());
    let ended = fixture.deployed("// 1\n");
    assert_eq!(ended.steps(), ["create-function", "publish-version", "create-alias"]);
    assert_eq!((fixture.deployments(&[]).len(), fixture.alias("live").as_str()), (0, "1"));
    assert_eq!(ended.finished().get("codedeploy"), None);
}

#[test]
fn a_version_that_fails_its_check_is_not_given_to_codedeploy() {
    let mut fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.set(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(thrown());
    check_failed(&fixture.deploy("// 2\n"), "verification-failed", "/verify");
    assert_eq!((fixture.deployments(&[]).len(), fixture.alias("live").as_str()), (0, "1"));
    assert_eq!(description(&fixture), "(at 1, before: none)");
}

#[test]
fn codedeploy_excludes_what_it_does_itself_and_needs_one_alias() {
    for (members, code, at) in [
        (json!({"alias": "live", "traffic": [50]}), "bad-value", "/traffic"),
        (json!({"alias": "live", "guard": {"alarms": ["shop-5xx"]}}), "bad-value", "/guard"),
        (json!({"alias": ["live", "blue"]}), "bad-value", "/alias"),
        (json!({}), "missing-key", "/alias"),
    ] {
        let mut fixture = Fixture::new(codedeploy(json!({})));
        fixture.set(members.clone());
        let ended = fixture.deploy("// 1\n");
        assert_eq!((ended.code(), error(&ended, "at")), (code, at), "{members}: {}", ended.stdout);
        assert_eq!((ended.status.code(), fixture.operations()), (Some(2), vec![]), "{members}");
    }
}

#[test]
fn a_lost_answer_does_not_create_two_deployments() {
    let fixture = grouped(DeploymentGroup::default(), json!({}));
    fixture.endpoint.fault(Fault::once("CreateDeployment", FaultKind::ResetAfter));
    let ended = fixture.deployed("// 2\n");
    let created = |call: &&Call| call.operation == "CreateDeployment" && call.status == 200;
    assert_eq!(fixture.endpoint.calls().iter().filter(created).count(), 0, "the second one is refused");
    assert_eq!((fixture.deployments(&[]).len(), reported(&ended, "status")), (1, "Succeeded"));
}
