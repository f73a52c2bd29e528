//! Tests of plans in which CodeDeploy moves the alias.

use super::*;
use crate::function::{AppSpec, LiveDeployment};
use crate::protocol::structures::{CodeDeploy, DeploymentHooks, DeploymentWait};

fn by_codedeploy(wait: DeploymentWait) -> Release {
    let codedeploy = CodeDeploy {
        application: "shop".to_owned(),
        deployment_group: "live".to_owned(),
        wait: Some(wait),
        ..CodeDeploy::default()
    };
    Release { codedeploy: Some(codedeploy), keep: Some(1), ..release(&["live"]) }
}

/// A deployment that moves the alias `live` from one version to another, with these hooks.
fn running(from: &str, to: &str, hooks: &DeploymentHooks) -> Option<LiveDeployment> {
    let deployment =
        CodeDeployDeployment { deployment_id: "d-1".to_owned(), status: "InProgress".to_owned() };
    let sha256 = AppSpec::new("f", "live", (from, to), hooks).sha256;
    Some(LiveDeployment { deployment, app_spec_sha256: Some(sha256), moves: Some("f:live".to_owned()) })
}

/// A function with versions 1 to 3, whose alias is at version 2 and, as the history says, on its way to
/// version 3.
fn on_its_way(shares: &[(u64, u8)]) -> LiveFunction {
    let history = AliasHistory::of("(at 2, before: 1)").with_codedeploy("2", "3");
    live(3, &[LiveAlias { history, ..alias("live", 2, shares) }])
}

/// `live`, while CodeDeploy moves the alias of another function.
fn with_other(live: LiveFunction) -> LiveFunction {
    let other = running("8", "9", &NO_HOOKS);
    let moves = Some("g:live".to_owned());
    LiveFunction { deployment: other.map(|other| LiveDeployment { moves, ..other }), ..live }
}

fn moved_by(id: Option<&str>) -> PlanError {
    PlanError::MovedByCodeDeploy { alias: "live".to_owned(), deployment_id: id.map(str::to_owned) }
}

const NO_HOOKS: DeploymentHooks = DeploymentHooks { before: None, after: None };

#[test]
fn codedeploy_moves_the_alias_after_the_check_and_old_versions_go_once_it_has() {
    let live = live(3, &[alias("live", 2, &[])]);
    let finished = of(&by_codedeploy(DeploymentWait::Finished), &live, true);
    assert_eq!(shown(&finished.go_live), ["verify", "create-deployment"]);
    assert_eq!(shown(&finished.deletions), ["1", "3"]);
    assert!(!finished.is_left_to_codedeploy);
    let changes = finished.go_live[1].changes.iter();
    let changes: Vec<Value> = changes.map(|change| json!([change.field, change.from, change.to])).collect();
    let expected = [
        json!(["alias.live", "2", "the new version"]),
        json!(["codedeploy.application", null, "shop"]),
        json!(["codedeploy.deployment_group", null, "live"]),
    ];
    assert_eq!(changes, expected);
    let started = of(&by_codedeploy(DeploymentWait::Started), &live, true);
    assert_eq!(shown(&started.go_live), ["verify", "create-deployment"]);
    assert!(started.deletions.is_empty() && started.is_left_to_codedeploy);
}

#[test]
fn an_alias_without_a_published_version_is_moved_without_codedeploy() {
    let release = by_codedeploy(DeploymentWait::Finished);
    assert_eq!(shown(&of(&release, &live(3, &[]), true).go_live), ["verify", "create live"]);
    let latest = LiveAlias { version: "$LATEST".to_owned(), ..alias("live", 1, &[]) };
    assert_eq!(shown(&of(&release, &live(3, &[latest]), true).go_live), ["verify", "live to new"]);
    let there = of(&release, &live(3, &[alias("live", 3, &[])]), false);
    assert!(there.go_live.is_empty() && there.running.is_none());
}

#[test]
fn a_deployment_to_another_version_is_never_cut_into() {
    let release = by_codedeploy(DeploymentWait::Finished);
    let clears = Release { clears_weights: true, ..release.clone() };
    for shares in [&[] as &[(u64, u8)], &[(3, 10)]] {
        let live = LiveFunction { deployment: running("2", "3", &NO_HOOKS), ..on_its_way(shares) };
        for release in [&release, &clears] {
            assert_eq!(plan_release(release, &[], Some(&live), true).unwrap_err(), moved_by(Some("d-1")));
        }
        let hooks = DeploymentHooks { before: Some("check".to_owned()), after: None };
        let other = LiveFunction { deployment: running("2", "3", &hooks), ..live };
        let error = plan_release(&release, &[], Some(&other), false).unwrap_err();
        assert_eq!(error, moved_by(Some("d-1")), "its AppSpec has a hook");
    }
    // Without the group, the description says who shifts.
    let unread = on_its_way(&[(3, 10)]);
    let plain = Release { codedeploy: None, ..release };
    assert_eq!(plan_release(&plain, &[], Some(&unread), true).unwrap_err(), moved_by(None));
    let there = with_other(live(3, &[alias("live", 3, &[])]));
    assert!(of(&clears, &there, false).go_live.is_empty(), "the alias does not have to move");
    let busy = PlanError::GroupIsBusy { deployment_id: "d-1".to_owned(), moves: "g:live".to_owned() };
    assert_eq!(plan_release(&clears, &[], Some(&there), true).unwrap_err(), busy);
}

#[test]
fn a_deployment_to_the_same_version_is_followed_and_not_checked_again() {
    let follows = |wait, live: &LiveFunction| of(&by_codedeploy(wait), live, false);
    let history = AliasHistory::of("(at 2, before: 1)").with_codedeploy("2", "3");
    let in_its_last_hook = live(3, &[LiveAlias { history, ..alias("live", 3, &[]) }]);
    for live in [on_its_way(&[]), on_its_way(&[(3, 10)]), in_its_last_hook] {
        let live = LiveFunction { deployment: running("2", "3", &NO_HOOKS), ..live };
        let finished = follows(DeploymentWait::Finished, &live);
        assert_eq!(shown(&finished.go_live), ["create-deployment"]);
        assert!(finished.publish.is_none() && finished.ended_shift.is_empty() && finished.cleared.is_empty());
        let Action::Write(WriteCall::CreateDeployment { running, from, .. }) = &finished.go_live[0].action
        else {
            panic!("{finished:?}")
        };
        assert_eq!((running.as_deref(), from.as_str()), (finished.running.as_ref(), "2"));
        assert_eq!(finished.go_live[0].changes.len(), 1, "the deployment has its parameters already");
        let started = follows(DeploymentWait::Started, &live);
        assert!(started.go_live.is_empty() && started.deletions.is_empty(), "{started:?}");
        assert_eq!(started.running, finished.running);
    }
}

#[test]
fn what_an_ended_deployment_has_left_behind_is_recorded_anew_or_refused() {
    let release = by_codedeploy(DeploymentWait::Finished);
    // The run was killed before CreateDeployment, or CodeDeploy has gone back.
    let again = of(&release, &on_its_way(&[]), false);
    assert_eq!(shown(&again.go_live), ["verify", "create-deployment"]);
    let left = on_its_way(&[(3, 10)]);
    let shares = vec![("3".to_owned(), 10)];
    let refused = PlanError::LeftByCodeDeploy { alias: "live".to_owned(), shares };
    assert_eq!(plan_release(&release, &[], Some(&left), false).unwrap_err(), refused);
    assert_eq!(roll_back(&release, None, &left, &Undone::LastMove).unwrap_err(), refused);
    let clears = Release { clears_weights: true, ..release };
    let cleared = of(&clears, &left, false);
    assert_eq!(shown(&cleared.ended_shift), ["live to 2"]);
    assert_eq!(shown(&cleared.go_live), ["verify", "create-deployment"]);
    assert_eq!(cleared.cleared.len(), 1);
    // An unfinished shift of this program ends first.
    let ours = of(&clears, &live(3, &[shifting("live", 2, (3, 10))]), false);
    assert_eq!(shown(&ours.ended_shift), ["live to 2"]);
}

#[test]
fn a_rollback_stops_the_deployment_that_moves_the_alias() {
    let release = by_codedeploy(DeploymentWait::Finished);
    let plan = |live: &LiveFunction, to| roll_back(&release, to, live, &Undone::LastMove).expect("a plan");
    let history = AliasHistory::of("(at 2, before: 1)").with_codedeploy("2", "3");
    let in_its_last_hook = live(3, &[LiveAlias { history, ..alias("live", 3, &[]) }]);
    for live in [on_its_way(&[]), on_its_way(&[(3, 10)]), in_its_last_hook] {
        let live = LiveFunction { deployment: running("2", "3", &NO_HOOKS), ..live };
        let back = plan(&live, None);
        assert_eq!(shown(&back.steps), ["stop-deployment"]);
        assert_eq!(back.version.as_deref(), Some("2"));
        let Action::Write(WriteCall::StopDeployment { history, .. }) = &back.steps[0].action else {
            panic!("{back:?}")
        };
        assert_eq!(history.to_description("2").as_deref(), Some("(at 2, before: 1)"));
        assert_eq!(plan(&live, Some("1")).version.as_deref(), Some("1"));
    }
    // CodeDeploy has sent the traffic back, perhaps after a rollback that was killed.
    let ended = on_its_way(&[]);
    let stays = plan(&ended, None);
    assert_eq!((stays.steps.len(), stays.version.as_deref()), (0, Some("2")));
    assert_eq!(shown(&plan(&ended, Some("1")).steps), ["live to 1"]);
    let other = with_other(live(3, &[alias("live", 3, &[])]));
    assert_eq!(shown(&plan(&other, None).steps), ["live to 2"], "it is not known to move this alias");
    // The description keeps the record of a shift that ended after its run.
    let history = AliasHistory::of("(at 2, before: 1)").with_codedeploy("2", "3");
    let has_moved = with_other(live(3, &[LiveAlias { history, ..alias("live", 3, &[]) }]));
    assert_eq!(shown(&plan(&has_moved, None).steps), ["live to 2"], "it moves the alias of another function");
}

#[test]
fn a_version_that_codedeploy_is_about_to_move_an_alias_to_is_not_deleted() {
    let release = Release { keep: Some(1), ..release(&["staging"]) };
    let aliases = |shares: &[(u64, u8)]| {
        let on_its_way = on_its_way(shares).aliases.remove(0);
        live(5, &[on_its_way, alias("staging", 5, &[])])
    };
    for shares in [&[] as &[(u64, u8)], &[(3, 10)]] {
        assert_eq!(shown(&of(&release, &aliases(shares), true).deletions), ["4"], "{shares:?}");
    }
}
