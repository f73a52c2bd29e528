//! Tests of the part of a plan that concerns versions, aliases and provisioned concurrency.

mod by_codedeploy;

use super::*;
use crate::function::{DesiredGuard, LastRelease};
use crate::plan::{Undone, roll_back};
use crate::protocol::event::StepName;
use crate::protocol::name::AlarmName;
use crate::protocol::structures::Scaling;
use std::time::Duration;

fn version(number: u64, code_sha256: &str) -> LiveVersion {
    LiveVersion {
        number: number.to_string(),
        code_sha256: code_sha256.to_owned(),
        settings: crate::plan::tests::live().settings,
        state: VersionState::Ready,
    }
}

fn alias(name: &str, at: u64, shares: &[(u64, u8)]) -> LiveAlias {
    LiveAlias {
        name: name.to_owned(),
        version: at.to_string(),
        weights: shares.iter().map(|(version, percent)| (version.to_string(), *percent)).collect(),
        ..LiveAlias::default()
    }
}

/// An alias with weights that an unfinished run of this program left behind.
fn shifting(name: &str, at: u64, share: (u64, u8)) -> LiveAlias {
    let history = AliasHistory::default().with_shift(&at.to_string(), Some(&share.0.to_string()));
    LiveAlias { history, ..alias(name, at, &[share]) }
}

/// A function whose code is `live`, with versions from 1 to `newest`. The newest is a copy of the function.
fn live(newest: u64, aliases: &[LiveAlias]) -> LiveFunction {
    let code = |number: u64| if number == newest { "live".to_owned() } else { number.to_string() };
    let versions = (1..=newest).map(|number| version(number, &code(number))).collect();
    LiveFunction { versions, aliases: aliases.to_vec(), ..crate::plan::tests::live() }
}

fn release(aliases: &[&str]) -> Release {
    let aliases: Vec<String> = aliases.iter().map(|name| (*name).to_owned()).collect();
    Release { publish: true, aliases, verifies: true, ..Release::default() }
}

/// The steps in order, each as a short text.
fn shown(steps: &[Step]) -> Vec<String> {
    let shown = |step: &Step| match &step.action {
        Action::Write(WriteCall::CreateAlias { alias, .. }) => format!("create {alias}"),
        Action::Write(WriteCall::UpdateAlias { alias, version, .. }) => {
            format!("{alias} to {}", version.as_deref().unwrap_or("new"))
        }
        Action::Write(WriteCall::ShiftTraffic { alias, from, percent, .. }) => {
            format!("{alias} {percent} % from {from}")
        }
        Action::Write(WriteCall::DeleteVersion { version, .. }) => version.clone(),
        other => other.name().as_str().to_owned(),
    };
    steps.iter().map(shown).collect()
}

fn of(release: &Release, live: &LiveFunction, changes: bool) -> ReleaseSteps {
    plan_release(release, &[], Some(live), changes).expect("a plan")
}

#[test]
fn an_alias_at_a_copy_of_the_function_is_left_alone() {
    let planned = of(&release(&["live"]), &live(2, &[alias("live", 2, &[])]), false);
    assert_eq!((planned.publish.is_none(), planned.version.as_deref()), (true, Some("2")));
    assert!(planned.go_live.is_empty() && planned.ended_shift.is_empty(), "{planned:?}");
}

#[test]
fn a_version_proves_itself_before_any_alias_moves() {
    let live = live(2, &[alias("live", 2, &[])]);
    let planned = of(&release(&["live", "next"]), &live, true);
    assert_eq!(shown(&planned.go_live), ["verify", "live to new", "create next"]);
    let back = of(&release(&["live"]), &self::live(2, &[alias("live", 1, &[])]), false);
    assert_eq!(shown(&back.go_live), ["verify", "live to 2"]);
    assert!(back.publish.is_none());
}

#[test]
fn a_text_of_the_stanza_replaces_that_before_the_history() {
    let wanted =
        |aliases: &[&str]| Release { alias_description: Some("shop".to_owned()), ..release(aliases) };
    let live_at = |at: u64, description: &str| {
        let history = AliasHistory::of(description);
        live(2, &[LiveAlias { history, ..alias("live", at, &[]) }])
    };
    // With its move, and with its creation.
    let planned = of(&wanted(&["live", "next"]), &live_at(1, "old (at 1, before: none)"), false);
    let [_, moved, created] = planned.go_live.as_slice() else { panic!("{planned:?}") };
    let Action::Write(WriteCall::UpdateAlias { history: Some(history), .. }) = &moved.action else {
        panic!("{moved:?}")
    };
    assert_eq!(history.to_description("2").as_deref(), Some("shop (at 2, before: 1)"));
    let Action::Write(WriteCall::CreateAlias { history, .. }) = &created.action else {
        panic!("{created:?}")
    };
    assert_eq!(history.to_description("2").as_deref(), Some("shop (at 2, before: none)"));
    // Alone.
    let planned = of(&wanted(&["live"]), &live_at(2, "old (at 2, before: 1)"), false);
    let [Step { action: Action::Write(WriteCall::DescribeAlias { text, .. }), changes }] =
        planned.descriptions.as_slice()
    else {
        panic!("{planned:?}")
    };
    assert_eq!((planned.go_live.len(), text.as_str()), (0, "shop"));
    let change = &changes[0];
    assert_eq!(change.field, "alias.live.description");
    assert_eq!((&change.from, &change.to), (&json!("old"), &json!("shop")));
    // What is equal, or not in the stanza, stays.
    for (release, description) in
        [(wanted(&["live"]), "shop (at 2, before: 1)"), (release(&["live"]), "old (at 2, before: 1)")]
    {
        let planned = of(&release, &live_at(2, description), false);
        assert!(planned.descriptions.is_empty() && planned.go_live.is_empty(), "{planned:?}");
    }
}

#[test]
fn on_managed_instances_a_function_without_an_alias_is_live_as_latest_published() {
    let release = |publish| Release { publish, ..release(&[]) };
    let mut managed = LiveFunction { is_managed: true, ..live(2, &[]) };
    let latest = |planned: &ReleaseSteps| planned.publish_latest.is_some();
    assert!(latest(&of(&release(false), &managed, false)), "none is published yet");
    managed.latest_published =
        Some(LiveVersion { number: LATEST_PUBLISHED.to_owned(), ..version(2, "live") });
    let same = of(&release(false), &managed, false);
    assert_eq!((latest(&same), same.version.as_deref()), (false, Some(LATEST_PUBLISHED)));
    assert!(latest(&of(&release(false), &managed, true)));
    let both = of(&release(true), &managed, true);
    assert!(latest(&both) && both.publish.is_some());
    for state in [VersionState::Failed, VersionState::Pending] {
        managed.latest_published.as_mut().expect("set above").state = state;
        assert!(latest(&of(&release(false), &managed, false)));
    }
    // An alias points at a numbered version, and other functions have no `$LATEST.PUBLISHED`.
    assert!(!latest(&of(&self::release(&["live"]), &managed, true)));
    assert!(!latest(&of(&release(false), &live(2, &[]), true)));
}

#[test]
fn what_no_alias_protects_proves_itself_each_time() {
    let planned = of(&release(&[]), &live(2, &[]), false);
    assert!(planned.publish.is_none() && planned.go_live.is_empty());
    assert_eq!(shown(&planned.verification), ["verify"]);
}

#[test]
fn a_version_that_failed_or_cannot_be_read_is_published_again() {
    let mut failed = live(2, &[alias("live", 2, &[])]);
    failed.versions[1].state = VersionState::Failed;
    assert!(of(&release(&["live"]), &failed, false).publish.is_some());
    let mut unknown = live(2, &[alias("live", 2, &[])]);
    unknown.settings.retain(|setting| !matches!(setting, Setting::Environment(_)));
    assert!(of(&release(&["live"]), &unknown, false).publish.is_some());
}

#[test]
fn traffic_moves_by_shares_with_a_proof_between() {
    let shares =
        Release { shares: vec![10, 50], interval: Duration::from_secs(1), ..release(&["live", "next"]) };
    let planned = of(&shares, &live(2, &[alias("live", 1, &[])]), true);
    assert_eq!(
        shown(&planned.go_live),
        [
            "verify",
            "live 10 % from 1",
            "wait",
            "verify",
            "live 50 % from 1",
            "wait",
            "verify",
            "live to new",
            "create next"
        ]
    );
    let first = of(&shares, &live(1, &[]), true);
    assert_eq!(shown(&first.go_live), ["verify", "create live", "create next"]);
}

fn guard(bake: u64) -> DesiredGuard {
    DesiredGuard {
        alarms: vec![AlarmName::parse("a").expect("a name")],
        errors: None,
        bake: Duration::from_secs(bake),
    }
}

#[test]
fn with_a_guard_all_traffic_goes_as_a_weight_before_the_alias_moves() {
    let guarded = Release { guard: Some(guard(600)), verifies: false, ..release(&["live"]) };
    let moving = live(2, &[alias("live", 1, &[])]);
    let planned = of(&guarded, &moving, true);
    assert_eq!(shown(&planned.go_live), ["live 100 % from 1", "wait", "live to new"]);
    let waits = |planned: &ReleaseSteps| {
        let wait = |step: &Step| match step.action {
            Action::Wait { interval } => Some(interval.as_secs()),
            _ => None,
        };
        planned.go_live.iter().filter_map(wait).collect::<Vec<u64>>()
    };
    assert_eq!(waits(&planned), [600]);
    let shares = Release { shares: vec![10], interval: Duration::from_secs(5), ..guarded.clone() };
    let planned = of(&shares, &moving, true);
    assert_eq!(
        shown(&planned.go_live),
        ["live 10 % from 1", "wait", "live 100 % from 1", "wait", "live to new"]
    );
    assert_eq!(waits(&planned), [5, 600]);
    let first = of(&guarded, &live(1, &[]), true);
    assert_eq!(shown(&first.go_live), ["create live"], "there is nothing to go back to");
    let at_latest = LiveAlias { version: "$LATEST".to_owned(), ..alias("live", 1, &[]) };
    assert_eq!(shown(&of(&guarded, &live(1, &[at_latest]), true).go_live), ["live to new"]);
    // A killed run left its weight of 100 % behind.
    let killed = live(2, &[shifting("live", 1, (2, 100))]);
    let planned = of(&guarded, &killed, false);
    assert_eq!(shown(&planned.ended_shift), ["live to 1"]);
    assert_eq!(shown(&planned.go_live), ["live 100 % from 1", "wait", "live to 2"]);
    check_back(&killed, &["live"], None, Ok(&["live to 1"]));
}

#[test]
fn a_guard_needs_space_for_the_record_of_its_shift() {
    let described = |length| {
        let history = AliasHistory::of(&"x".repeat(length));
        LiveAlias { history, ..alias("live", 1, &[]) }
    };
    let planned = |release: &Release, length| {
        plan_release(release, &[], Some(&live(2, &[described(length)])), true).map(|_| ())
    };
    let guarded = Release { guard: Some(guard(600)), ..release(&["live"]) };
    // The record is ` (at 1, to 99)`.
    assert_eq!(planned(&guarded, 242), Ok(()));
    let refused = PlanError::ShiftNotRecordable { alias: "live".to_owned() };
    assert_eq!(planned(&guarded, 243), Err(refused));
    assert_eq!(planned(&release(&["live"]), 256), Ok(()));
}

#[test]
fn a_shift_without_an_end_goes_back_first() {
    let half = live(2, &[shifting("live", 1, (2, 10))]);
    let shares = Release { shares: vec![50], ..release(&["live"]) };
    let planned = of(&shares, &half, false);
    assert_eq!(shown(&planned.ended_shift), ["live to 1"]);
    assert_eq!(shown(&planned.go_live), ["verify", "live 50 % from 1", "wait", "verify", "live to 2"]);
    assert_eq!(planned.cleared.len(), 1);
    assert_eq!(shown(&of(&release(&["live"]), &half, false).ended_shift), ["live to 1"]);
    let at_once = of(&Release { verifies: false, ..release(&["live"]) }, &half, false);
    assert!(at_once.ended_shift.is_empty());
    assert_eq!(at_once.go_live[0].changes.len(), 2, "the version, and the weights");
}

#[test]
fn weights_beside_the_right_version_go_without_a_proof() {
    let planned = of(&release(&["live"]), &live(2, &[shifting("live", 2, (1, 10))]), false);
    assert_eq!(shown(&planned.go_live), ["live to 2"]);
    // A weight of 100 % is AWS's own, while provisioned concurrency moves.
    let moving = alias("live", 2, &[(1, 100)]);
    let planned = of(&release(&["live"]), &live(2, std::slice::from_ref(&moving)), false);
    assert!(planned.go_live.is_empty() && planned.cleared.is_empty());
    // Without provisioned concurrency, someone else has set it.
    let shared = live(2, &[LiveAlias { is_unprovisioned: true, ..moving }]);
    let shares = vec![("1".to_owned(), 100)];
    let refused = PlanError::TrafficShared { alias: "live".to_owned(), shares };
    assert_eq!(plan_release(&release(&["live"]), &[], Some(&shared), false).unwrap_err(), refused);
}

#[test]
fn weights_that_another_client_has_given_are_refused_unless_they_may_go() {
    let theirs = |at, share: (u64, u8)| live(3, &[alias("live", at, &[share])]);
    let shared = |version: &str, percent| {
        let shares = vec![(version.to_owned(), percent)];
        PlanError::TrafficShared { alias: "live".to_owned(), shares }
    };
    for (live, error) in [(theirs(1, (2, 10)), shared("2", 10)), (theirs(3, (1, 10)), shared("1", 10))] {
        for changes in [false, true] {
            assert_eq!(plan_release(&release(&["live"]), &[], Some(&live), changes).unwrap_err(), error);
        }
        check_back(&live, &["live"], None, Err(error));
        let clears = Release { clears_weights: true, ..release(&["live"]) };
        assert_eq!(of(&clears, &live, true).cleared.len(), 1);
        assert!(roll_back(&clears, None, &live, &Undone::LastMove).is_ok());
        // Aliases outside of the stanza do not matter.
        assert!(plan_release(&release(&["next"]), &[], Some(&live), true).is_ok());
    }
    // The alias history records a shift with both versions. A shift with another pair is not ours.
    let mut moved = live(3, &[shifting("live", 1, (2, 10))]);
    moved.aliases[0].version = "3".to_owned();
    assert!(plan_release(&release(&["live"]), &[], Some(&moved), false).is_err());
    moved.aliases[0] = LiveAlias { weights: vec![("3".to_owned(), 10)], ..shifting("live", 1, (2, 10)) };
    assert!(plan_release(&release(&["live"]), &[], Some(&moved), false).is_err());
}

#[test]
fn versions_of_another_role_cannot_share_traffic() {
    let mut live = live(2, &[alias("live", 1, &[])]);
    let role = |name: &str| Setting::Role(name.to_owned());
    live.versions.iter_mut().for_each(|version| version.settings.push(role("a")));
    let shares = Release { shares: vec![50], ..release(&["live"]) };
    let error = plan_release(&shares, &[role("b")], Some(&live), true).unwrap_err();
    let refused = |keys| PlanError::TrafficNotShareable { field: "role", version: "1".to_owned(), keys };
    assert_eq!(error, refused(vec!["traffic"]));
    let guarded = Release { guard: Some(guard(1)), ..release(&["live"]) };
    let error = plan_release(&guarded, &[role("b")], Some(&live), true).unwrap_err();
    assert_eq!(error, refused(vec!["guard"]));
    assert!(plan_release(&shares, &[role("a")], Some(&live), true).is_ok());
    assert!(plan_release(&release(&["live"]), &[role("b")], Some(&live), true).is_ok());
}

#[track_caller]
fn check_pruned(keep: usize, live: &LiveFunction, aliases: &[&str], changes: bool, expected: &[u64]) {
    let release = Release { keep: Some(keep), ..release(aliases) };
    let expected: Vec<String> = expected.iter().map(u64::to_string).collect();
    assert_eq!(shown(&of(&release, live, changes).deletions), expected);
}

#[test]
fn versions_that_nobody_needs_go_and_every_way_back_stays() {
    let aliases = [alias("live", 9, &[]), alias("old", 2, &[]), alias("canary", 4, &[(5, 10)])];
    let live = self::live(10, &aliases);
    // Kept: the new version, 10, 9. Protected: 2, 4, 5, 9.
    check_pruned(3, &live, &["live"], true, &[1, 3, 6, 7, 8]);
    // The alias moves to 10 and can be rolled back to its current version, 9.
    check_pruned(1, &live, &["live"], false, &[1, 3, 6, 7, 8]);
    // The alias can be rolled back from 10 to 9.
    check_pruned(1, &self::live(10, &[alias("live", 10, &[])]), &["live"], false, &[1, 2, 3, 4, 5, 6, 7, 8]);
    check_pruned(20, &live, &["live"], true, &[]);
    // The previous version of an alias outside of the stanza is protected if its history names it.
    let mut reported = live.clone();
    reported.aliases[1].history = AliasHistory::of("(at 2, before: 1)");
    check_pruned(3, &reported, &["live"], true, &[3, 6, 7, 8]);
    // A rollback of the release goes to version 3.
    let twice = "(at 9 #4, before: 8 #4, 3, release: shop)";
    check_pruned(
        1,
        &self::live(10, &[recorded("live", 9, twice)]),
        &["live"],
        true,
        &[1, 2, 4, 5, 6, 7, 8, 10],
    );
    // Without an alias the newest version counts as live.
    check_pruned(1, &self::live(4, &[]), &[], false, &[1, 2]);
    check_pruned(1, &self::live(4, &[]), &[], true, &[1, 2, 3]);
}

#[test]
fn versions_that_stay_without_a_new_one_are_marked() {
    let marked = |keep, live: &LiveFunction, aliases: &[&str]| {
        let release = Release { keep: Some(keep), ..release(aliases) };
        let needs_new = |step: Step| match step.action {
            Action::Write(WriteCall::DeleteVersion { version, needs_new: true }) => Some(version),
            _ => None,
        };
        of(&release, live, true).deletions.into_iter().filter_map(needs_new).collect::<Vec<String>>()
    };
    // Version 2 is the way back from version 4.
    let four = live(4, &[recorded("live", 4, "(at 4, before: 2)")]);
    assert_eq!(marked(1, &four, &["live"]), ["2"]);
    assert_eq!(marked(2, &four, &["live"]), ["2", "3"]);
    assert_eq!(marked(1, &live(4, &[]), &[]), ["3"]);
}

#[track_caller]
fn check_back(live: &LiveFunction, aliases: &[&str], to: Option<&str>, expected: Result<&[&str], PlanError>) {
    check_undone(live, aliases, to, &Undone::LastMove, expected);
}

#[track_caller]
fn check_undone(
    live: &LiveFunction,
    aliases: &[&str],
    to: Option<&str>,
    undone: &Undone,
    expected: Result<&[&str], PlanError>,
) {
    let plan = roll_back(&release(aliases), to, live, undone).map(|plan| shown(&plan.steps));
    assert_eq!(plan, expected.map(|steps| steps.iter().map(|step| (*step).to_owned()).collect()));
}

/// An alias with this history.
fn recorded(name: &str, at: u64, history: &str) -> LiveAlias {
    LiveAlias { history: AliasHistory::of(history), ..alias(name, at, &[]) }
}

#[test]
fn a_release_is_taken_back_to_where_each_alias_was_before_it() {
    let undone = |number, unmoved: Option<&str>, is_shifting| {
        let (name, unmoved) = ("shop".to_owned(), unmoved.map(str::to_owned));
        Undone::of(Some(LastRelease { name, number, unmoved, creates_all: false }), is_shifting)
    };
    let check = |history: &str, undone: &Undone, to, expected: &[&str]| {
        check_undone(&live(9, &[recorded("live", 9, history)]), &["live"], to, undone, Ok(expected));
    };
    let history = "(at 9 #4, before: 7 #3, 5 #3, 3, release: shop)";
    check(history, &undone(4, None, false), None, &["live to 7"]);
    check(history, &undone(3, None, false), None, &["live to 3"]);
    // Another deployment followed the release. Version 6 is not in the history.
    check("(at 9, before: 8 #4, 7, release: shop)", &undone(4, None, false), None, &["live to 7"]);
    // The release did not move it, or created it.
    check(history, &undone(5, None, false), None, &[]);
    check("(at 9, before: 8)", &undone(4, None, false), None, &[]);
    check("(at 9 #4, before: none, release: shop)", &undone(4, None, false), None, &[]);
    check(history, &undone(5, None, false), Some("8"), &["live to 8"]);
    // A later release shifts the traffic of other functions, or has moved some of them.
    check(history, &undone(4, None, true), None, &[]);
    check(history, &undone(4, Some("z:live"), true), None, &["live to 7"]);
    assert_eq!(Undone::of(None, false), Undone::LastMove);
    let shifts = Undone::of(None, true);
    check("(at 9, before: 8)", &shifts, None, &[]);
    let shifting = live(9, &[shifting("live", 8, (9, 10))]);
    check_undone(&shifting, &["live"], None, &shifts, Ok(&["live to 8"]));
    // What stays is no reason to refuse: neither the version, nor that the aliases point at different ones.
    let apart = live(9, &[recorded("live", 9, history), recorded("next", 20, history)]);
    check_undone(&apart, &["live", "next"], None, &undone(5, None, false), Ok(&[]));
    let none = PlanError::NoAlias { alias: "nope".to_owned() };
    check_undone(&apart, &["nope"], None, &undone(5, None, false), Err(none));
    // Killed between two aliases of the function: the one that was not moved or shifted stays.
    let before = "(at 7 #3, before: 5, release: shop)";
    let two = |first: LiveAlias| live(9, &[first, recorded("next", 7, before)]);
    let killed = two(recorded("live", 9, "(at 9 #4, before: 7 #3, 5, release: shop)"));
    let unmoved = undone(4, Some("z:live"), false);
    check_undone(&killed, &["live", "next"], None, &unmoved, Ok(&["live to 7"]));
    let shifted = two(self::shifting("live", 7, (9, 10)));
    check_undone(&shifted, &["live", "next"], None, &shifts, Ok(&["live to 7"]));
    // The version before the release is deleted.
    let mut deleted = live(9, &[recorded("live", 9, "(at 9 #4, before: 7, release: shop)")]);
    deleted.versions.retain(|version| version.number != "7");
    let none = PlanError::NoPreviousVersion { alias: "live".to_owned(), version: "9".to_owned() };
    check_undone(&deleted, &["live"], None, &undone(4, None, false), Err(none));
}

#[test]
fn the_way_back_leads_to_where_the_alias_came_from() {
    let mut three = live(3, &[alias("live", 3, &[])]);
    check_back(&three, &["live"], None, Ok(&["live to 2"]));
    check_back(&three, &["live"], Some("1"), Ok(&["live to 1"]));
    check_back(&three, &["live"], Some("3"), Ok(&[]));
    // Version 2 failed verification, so the history leaves it out.
    three.aliases[0].history = AliasHistory::of("(at 3, before: 1)");
    check_back(&three, &["live"], None, Ok(&["live to 1"]));
    // The previous version is deleted, and version 2 is not in the history.
    three.versions.remove(0);
    let none = || PlanError::NoPreviousVersion { alias: "live".to_owned(), version: "3".to_owned() };
    check_back(&three, &["live"], None, Err(none()));
    three.aliases[0].history = AliasHistory::of("(at 3, before: none)");
    check_back(&three, &["live"], None, Err(none()));
    // Someone else has moved the alias since. Version 8 was never live.
    let moved = |at| live(9, &[recorded("live", at, "(at 7, before: 5, 4)")]);
    check_back(&moved(9), &["live"], None, Ok(&["live to 7"]));
    check_back(&moved(5), &["live"], None, Ok(&["live to 4"]));
    check_back(&moved(3), &["live"], None, Ok(&["live to 2"]));
    check_back(&live(3, &[shifting("live", 2, (3, 10))]), &["live"], None, Ok(&["live to 2"]));
}

#[test]
fn a_way_back_that_nobody_knows_is_refused() {
    let one = live(1, &[alias("live", 1, &[])]);
    let none = PlanError::NoPreviousVersion { alias: "live".to_owned(), version: "1".to_owned() };
    check_back(&one, &["live"], None, Err(none));
    check_back(&one, &["nope"], None, Err(PlanError::NoAlias { alias: "nope".to_owned() }));
    check_back(&one, &["live"], Some("9"), Err(PlanError::NoVersion { version: "9".to_owned() }));
    let two = live(3, &[alias("live", 3, &[]), alias("canary", 2, &[])]);
    let targets = vec![("live".to_owned(), "2".to_owned()), ("canary".to_owned(), "1".to_owned())];
    check_back(&two, &["live", "canary"], None, Err(PlanError::AmbiguousRollback { targets }));
    check_back(&two, &["live", "canary"], Some("1"), Ok(&["live to 1", "canary to 1"]));
}

#[test]
fn a_version_is_scaled_before_it_goes_live() {
    let scaling = Scaling { min_execution_environments: Some(3), max_execution_environments: None };
    let names = |steps: &[Step]| steps.iter().map(|step| step.action.name()).collect::<Vec<_>>();
    for (aliases, at, changes, is_before) in [
        (&["live"][..], 2, true, true),
        (&["live"], 1, false, true),
        (&["live"], 2, false, false),
        (&["live", "next"], 2, false, true),
        (&[], 2, false, true),
    ] {
        let live = LiveFunction { is_managed: true, ..live(2, &[alias("live", at, &[])]) };
        let planned = of(&Release { scaling: Some(scaling), ..release(aliases) }, &live, changes);
        let own = |is_here: bool| if is_here { vec![StepName::PutFunctionScalingConfig] } else { Vec::new() };
        assert_eq!(names(planned.scaling.as_slice()), own(is_before), "{aliases:?} {at} {changes}");
        assert_eq!(names(&planned.provisioned), own(!is_before), "{aliases:?} {at} {changes}");
    }
}

#[test]
fn executions_are_kept_ready_as_many_as_are_asked_for() {
    let mut live = live(2, &[alias("live", 2, &[])]);
    let steps = |desired, live: &LiveFunction| {
        let release = Release { provisioned: Some(desired), ..release(&["live"]) };
        of(&release, live, false).provisioned.iter().map(|step| step.action.name()).collect::<Vec<_>>()
    };
    assert_eq!(steps(Some(2), &live), [StepName::PutProvisionedConcurrencyConfig]);
    assert_eq!(steps(None, &live), []);
    let state = ProvisionedState::Ready;
    let ready = crate::function::Provisioned { executions: 2, state };
    live.provisioned.insert("live".to_owned(), ready);
    assert_eq!(steps(Some(2), &live), []);
    assert_eq!(steps(Some(3), &live), [StepName::PutProvisionedConcurrencyConfig]);
    assert_eq!(steps(None, &live), [StepName::DeleteProvisionedConcurrencyConfig]);
    let with = |live: &mut LiveFunction, state| {
        live.provisioned.get_mut("live").expect("set above").state = state;
    };
    with(&mut live, ProvisionedState::InProgress);
    assert_eq!(steps(Some(2), &live), [StepName::Wait]);
    assert_eq!(steps(Some(3), &live), [StepName::Wait, StepName::PutProvisionedConcurrencyConfig]);
    with(&mut live, ProvisionedState::Failed);
    assert_eq!(steps(Some(2), &live), [StepName::PutProvisionedConcurrencyConfig]);
}
