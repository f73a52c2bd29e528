//! Plans the steps of a release: publish a version, verify it, move the aliases, delete old versions. Never
//! moves an alias to a version before its verification, and never deletes a version to which an alias may be
//! rolled back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Action, PlanError, Step, WriteCall};
use crate::function::{
    AliasHistory, LATEST_PUBLISHED, LiveAlias, LiveFunction, LiveVersion, ProvisionedState, Release, Setting,
    VersionState,
};
use crate::protocol::event::Change;

/// Stands for a version in changes until AWS has assigned its number.
const NEW: &str = "the new version";

/// AWS's limit for the description of a version, in characters.
const LONGEST_DESCRIPTION: usize = 256;

/// The steps of a release, grouped by their position in a plan.
#[derive(Debug, Default)]
pub(super) struct ReleaseSteps {
    /// Updates of aliases that end an unfinished traffic shift of an earlier run.
    pub(super) ended_shift: Vec<Step>,
    /// Publishes a numbered version.
    pub(super) publish: Option<Step>,
    /// Publishes `$LATEST.PUBLISHED`, which callers without a qualifier get on Lambda Managed Instances.
    pub(super) publish_latest: Option<Step>,
    /// The existing version at which the aliases should point. `None`: a step publishes it.
    pub(super) version: Option<String>,
    /// Verification and moves of the aliases. No alias sends traffic to the version before these steps.
    pub(super) go_live: Vec<Step>,
    /// Changes of provisioned concurrency.
    pub(super) provisioned: Vec<Step>,
    /// Verification of a function without an alias, whose code is live already.
    pub(super) verification: Vec<Step>,
    /// Deletions of old versions.
    pub(super) deletions: Vec<Step>,
    /// Weights of aliases that these steps remove.
    pub(super) cleared: Vec<ClearedWeights>,
}

/// A weight of an alias that a plan removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedWeights {
    /// Name of the alias.
    pub alias: String,
    /// The version that gets a share of the alias's traffic.
    pub version: String,
    /// The share, in percent.
    pub percent: u8,
}

/// Plans the release of `live` after its update. `settings` are those that the stanza wants. `changes` is
/// true if the update changes code or settings.
pub(super) fn plan_release(
    release: &Release,
    settings: &[Setting],
    live: Option<&LiveFunction>,
    changes: bool,
) -> Result<ReleaseSteps, PlanError> {
    let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
    let versions = live.map(|live| live.versions.as_slice()).unwrap_or_default();
    let find = |name: &String| aliases.iter().find(|alias| alias.name == *name);
    check_shares(release, aliases)?;
    let known = if changes { None } else { live.and_then(|live| copy_of(live, release)) };
    let version = known.map(|version| version.number.clone());
    let publish = (release.publish && version.is_none()).then(|| {
        let description =
            release.description.as_ref().map(|text| text.chars().take(LONGEST_DESCRIPTION).collect());
        Step::write(WriteCall::PublishVersion { description, to_latest: false }, Vec::new())
    });
    // On Managed Instances an update alone is not live: callers without a qualifier get `$LATEST.PUBLISHED`.
    let managed = live.filter(|live| live.is_managed && release.aliases.is_empty());
    let is_published = |live: &&LiveFunction| {
        let is_ready =
            |version: &LiveVersion| version.state == VersionState::Ready && version.is_copy_of(live);
        !changes && live.latest_published.as_ref().is_some_and(is_ready)
    };
    let publish_latest = managed
        .filter(|live| !is_published(live))
        .map(|_| Step::write(WriteCall::PublishVersion { description: None, to_latest: true }, Vec::new()));
    let is_latest = managed.is_some() && !release.publish && publish_latest.is_none();
    let version = is_latest.then(|| LATEST_PUBLISHED.to_owned()).or(version);
    let mut planned = ReleaseSteps { version, publish, publish_latest, ..ReleaseSteps::default() };
    let mut moved: Vec<LiveAlias> = Vec::new();
    let mut last: Vec<Step> = Vec::new();
    for name in &release.aliases {
        let Some(alias) = find(name) else {
            let change = alias_change(name, Value::Null, planned.version.as_deref());
            last.push(Step::write(WriteCall::CreateAlias { alias: name.clone() }, vec![change]));
            continue;
        };
        let is_at_version = planned.version.as_ref() == Some(&alias.version);
        if is_at_version && alias.shares().is_empty() {
            continue;
        }
        planned.cleared.extend(cleared(alias));
        let provisions = release.provisioned.flatten().is_some()
            && live.is_some_and(|live| live.provisioned.contains_key(name))
            && !is_at_version;
        let history = if is_at_version {
            alias.history_after_shift()
        } else {
            Some(alias.history.moved_from(&alias.version))
        };
        let mut update = alias_update_step(alias, planned.version.clone(), history, provisions);
        // End an unfinished shift of an earlier run first, so that its version gets no traffic during
        // verification.
        if (release.verifies || !release.shares.is_empty()) && !is_at_version {
            let ended = end_shift_step(alias);
            if ended.is_some() {
                update.changes.retain(|change| !change.field.ends_with(".weights"));
            }
            planned.ended_shift.extend(ended);
        }
        if !is_at_version {
            moved.push(alias.clone());
        }
        last.push(update);
    }
    let verify = || release.verifies.then_some(Step { action: Action::Verify, changes: Vec::new() });
    moved.retain(|alias| alias.version != "$LATEST");
    if !release.shares.is_empty() {
        check_shareable(&moved, versions, settings, live)?;
    }
    if !release.aliases.is_empty() {
        if !last.is_empty() {
            let is_cleanup = planned.publish.is_none() && last.iter().all(is_only_weights);
            planned.go_live.extend(verify().filter(|_| !is_cleanup));
            // Provisioned concurrency is removed before an alias moves: otherwise AWS moves it along, and the
            // old version serves until that is done.
            let (removed, kept): (Vec<Step>, Vec<Step>) =
                provisioned(release, live).into_iter().partition(removes);
            planned.go_live.extend(removed);
            planned.provisioned = kept;
        } else {
            planned.provisioned = provisioned(release, live);
        }
        let mut before = 0;
        for share in release.shares.iter().copied().filter(|_| !moved.is_empty()) {
            planned.go_live.extend(moved.iter().map(|alias| shift(alias, before, share)));
            planned
                .go_live
                .push(Step { action: Action::Wait { interval: release.interval }, changes: Vec::new() });
            planned.go_live.extend(verify());
            before = share;
        }
        planned.go_live.append(&mut last);
    } else {
        planned.verification.extend(verify());
    }
    let creates = planned.publish.is_some() && (changes || live.is_none_or(differs_from_newest));
    planned.deletions = deletions(release, live, planned.version.as_deref(), creates);
    Ok(planned)
}

/// A version with the function's code and settings. One at which an alias of the stanza points is preferred
/// to the newest version.
fn copy_of<'a>(live: &'a LiveFunction, release: &Release) -> Option<&'a LiveVersion> {
    let is_copy = |version: &&LiveVersion| version.state != VersionState::Failed && version.is_copy_of(live);
    let aliased =
        release.aliases.iter().filter_map(|name| live.aliases.iter().find(|alias| alias.name == *name));
    let aliased = aliased.filter_map(|alias| at(&alias.version, &live.versions));
    let newest = || live.versions.iter().max_by_key(|version| version.ordinal()).filter(is_copy);
    aliased.filter(is_copy).max_by_key(|version| version.ordinal()).or_else(newest)
}

/// The version to which an alias is rolled back: the previous one in its alias history. If someone else moved
/// the alias, it is the next older version, which may never have been live.
pub(super) fn rollback_target<'a>(alias: &LiveAlias, versions: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
    match alias.history.before(&alias.version) {
        Some(before) => before.iter().find_map(|number| at(number, versions)),
        None => {
            let ordinal = alias.version.parse::<u64>().ok()?;
            // A failed version has never been live.
            let is_older =
                |version: &&LiveVersion| version.ordinal() < ordinal && version.state != VersionState::Failed;
            versions.iter().filter(is_older).max_by_key(|version| version.ordinal())
        }
    }
}

/// True if the function surely differs from its newest version, so that PublishVersion creates a new one.
fn differs_from_newest(live: &LiveFunction) -> bool {
    let newest = live.versions.iter().max_by_key(|version| version.ordinal());
    newest.is_none_or(|newest| live.knows_environment() && !newest.is_copy_of(live))
}

fn at<'a>(number: &str, versions: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
    versions.iter().find(|version| version.number == number)
}

/// The step that points an alias at `version` with all its traffic. `None`: at the version of the plan.
pub(super) fn alias_update_step(
    alias: &LiveAlias,
    version: Option<String>,
    history: Option<AliasHistory>,
    provisions: bool,
) -> Step {
    let mut changes = Vec::new();
    if version.as_ref() != Some(&alias.version) {
        changes.push(alias_change(&alias.name, json!(alias.version), version.as_deref()));
    }
    changes.extend(weights_change(alias));
    let alias = alias.name.clone();
    Step::write(WriteCall::UpdateAlias { alias, version, history, provisions }, changes)
}

/// The step that sends all traffic of an alias to the version at which it points. `None`: that is so already.
fn end_shift_step(alias: &LiveAlias) -> Option<Step> {
    let step = alias_update_step(alias, Some(alias.version.clone()), alias.history_after_shift(), false);
    (!step.changes.is_empty()).then_some(step)
}

/// Fails if a person or another tool split the traffic of an alias of the stanza, unless `clear_weights`
/// permits to end that.
pub(super) fn check_shares(release: &Release, aliases: &[LiveAlias]) -> Result<(), PlanError> {
    let is_others =
        |alias: &&LiveAlias| release.aliases.contains(&alias.name) && !alias.shares_of_others().is_empty();
    match aliases.iter().find(is_others) {
        Some(alias) if !release.clears_weights => {
            Err(PlanError::TrafficShared { alias: alias.name.clone(), shares: alias.shares().to_vec() })
        }
        _ => Ok(()),
    }
}

/// The weights that an update of the alias removes.
pub(super) fn cleared(alias: &LiveAlias) -> impl Iterator<Item = ClearedWeights> {
    let cleared = |(version, percent): &(String, u8)| ClearedWeights {
        alias: alias.name.clone(),
        version: version.clone(),
        percent: *percent,
    };
    alias.shares().iter().map(cleared)
}

fn is_only_weights(step: &Step) -> bool {
    step.changes.iter().all(|change| change.field.ends_with(".weights"))
}

fn weights_change(alias: &LiveAlias) -> Option<Change> {
    let shares = alias.shares();
    let weights: serde_json::Map<String, Value> =
        shares.iter().map(|(version, percent)| (version.clone(), json!(percent))).collect();
    let change =
        Change { field: format!("alias.{}.weights", alias.name), from: json!(weights), to: Value::Null };
    (!shares.is_empty()).then_some(change)
}

fn alias_change(name: &str, from: Value, to: Option<&str>) -> Change {
    Change { field: format!("alias.{name}"), from, to: json!(to.unwrap_or(NEW)) }
}

fn shift(alias: &LiveAlias, from: u8, percent: u8) -> Step {
    let change =
        Change { field: format!("alias.{}.traffic", alias.name), from: json!(from), to: json!(percent) };
    let (name, history) = (alias.name.clone(), alias.history.clone());
    let call = WriteCall::ShiftTraffic { alias: name, from: alias.version.clone(), percent, history };
    Step::write(call, vec![change])
}

/// Fails if AWS would reject a traffic shift: the two versions must have the same role and dead letter queue.
fn check_shareable(
    moved: &[LiveAlias],
    versions: &[LiveVersion],
    settings: &[Setting],
    live: Option<&LiveFunction>,
) -> Result<(), PlanError> {
    for alias in moved {
        let Some(old) = at(&alias.version, versions) else { continue };
        for kind in [Setting::Role(String::new()), Setting::DeadLetterArn(String::new())] {
            let desired = settings.iter().find(|setting| setting.is_kind_of(&kind));
            let new = desired.or_else(|| live.and_then(|live| live.setting(&kind)));
            if let (Some(new), Some(old)) = (new, old.setting(&kind))
                && new != old
            {
                return Err(PlanError::TrafficNotShareable {
                    field: kind.field(),
                    version: alias.version.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The steps that change the provisioned concurrency of the stanza's aliases.
fn provisioned(release: &Release, live: Option<&LiveFunction>) -> Vec<Step> {
    let Some(desired) = release.provisioned else { return Vec::new() };
    let steps = |alias: &String| {
        let current = live.and_then(|live| live.provisioned.get(alias));
        // AWS rejects a new number while provisioned concurrency is still moving to another version.
        let is_moving = current.is_some_and(|current| current.state == ProvisionedState::InProgress);
        let wait = is_moving
            .then(|| Action::WaitForProvisioned { alias: alias.clone() })
            .filter(|_| desired.is_some());
        let change = match (desired, current) {
            (None, None) => None,
            (Some(desired), Some(current))
                if current.executions == desired && current.state != ProvisionedState::Failed =>
            {
                None
            }
            (Some(executions), _) => {
                Some(WriteCall::PutProvisionedConcurrencyConfig { alias: alias.clone(), executions })
            }
            (None, Some(_)) => Some(WriteCall::DeleteProvisionedConcurrencyConfig { alias: alias.clone() }),
        };
        let from = current.map_or(Value::Null, |current| json!(current.executions));
        let shown = Change { field: format!("provisioned_concurrency.{alias}"), from, to: json!(desired) };
        let wait = wait.map(|action| Step { action, changes: Vec::new() });
        wait.into_iter().chain(change.map(|call| Step::write(call, vec![shown]))).collect::<Vec<Step>>()
    };
    release.aliases.iter().flat_map(steps).collect()
}

fn removes(step: &Step) -> bool {
    matches!(step.action, Action::Write(WriteCall::DeleteProvisionedConcurrencyConfig { .. }))
}

/// The steps that delete versions beyond the number to keep. All published versions count. A version that
/// gets traffic through an alias stays, and so does the one to which an alias can be rolled back. `creates`:
/// this run publishes one more version before.
fn deletions(
    release: &Release,
    live: Option<&LiveFunction>,
    version: Option<&str>,
    creates: bool,
) -> Vec<Step> {
    let (Some(keep), Some(live)) = (release.keep, live) else { return Vec::new() };
    let mut versions: Vec<&LiveVersion> = live.versions.iter().collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.ordinal()));
    let mut protected: BTreeSet<&str> = version.into_iter().collect();
    for alias in &live.aliases {
        protected.insert(&alias.version);
        protected.extend(alias.weights.iter().map(|(version, _)| version.as_str()));
    }
    let is_ours = |alias: &&LiveAlias| release.aliases.contains(&alias.name);
    for alias in &live.aliases {
        // An alias that moves can be rolled back to its current version, which is protected above. The
        // previous version of an alias outside of the stanza is known only from its alias history.
        let stays = !is_ours(&alias) || version.is_some_and(|version| version == alias.version);
        let is_known = is_ours(&alias) || alias.history.before(&alias.version).is_some();
        protected.extend(rollback_target(alias, &live.versions).filter(|_| stays && is_known).map(number));
    }
    if release.aliases.is_empty() {
        // Without an alias only the numbers say which versions matter: the newest, and the one before it.
        protected.extend(versions.iter().take(if creates { 1 } else { 2 }).map(|version| number(version)));
    }
    let beyond = versions.iter().skip(keep.saturating_sub(usize::from(creates)));
    let mut unneeded: Vec<&&LiveVersion> =
        beyond.filter(|version| !protected.contains(version.number.as_str())).collect();
    unneeded.sort_by_key(|version| version.ordinal());
    let delete = |version: &&&LiveVersion| {
        let change = Change { field: "version".to_owned(), from: json!(version.number), to: Value::Null };
        Step::write(WriteCall::DeleteVersion { version: version.number.clone() }, vec![change])
    };
    unneeded.iter().map(delete).collect()
}

fn number(version: &LiveVersion) -> &str {
    &version.number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::roll_back;
    use crate::protocol::event::StepName;
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
            revision_id: None,
            history: AliasHistory::default(),
        }
    }

    /// An alias with weights that an unfinished run of this program left behind.
    fn shifting(name: &str, at: u64, share: (u64, u8)) -> LiveAlias {
        let history = AliasHistory::default().with_shift(&at.to_string(), Some(&share.0.to_string()));
        LiveAlias { history, ..alias(name, at, &[share]) }
    }

    /// A function whose code is `live`, with versions from 1 to `newest`. The newest is a copy of the
    /// function.
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
            Action::Write(WriteCall::CreateAlias { alias }) => format!("create {alias}"),
            Action::Write(WriteCall::UpdateAlias { alias, version, .. }) => {
                format!("{alias} to {}", version.as_deref().unwrap_or("new"))
            }
            Action::Write(WriteCall::ShiftTraffic { alias, from, percent, .. }) => {
                format!("{alias} {percent} % from {from}")
            }
            Action::Write(WriteCall::DeleteVersion { version }) => version.clone(),
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
        let moving = of(&release(&["live"]), &live(2, &[alias("live", 2, &[(1, 100)])]), false);
        assert!(moving.go_live.is_empty() && moving.cleared.is_empty());
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
            assert!(roll_back(&clears, None, &live).is_ok());
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
        assert_eq!(error, PlanError::TrafficNotShareable { field: "role", version: "1".to_owned() });
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
        check_pruned(
            1,
            &self::live(10, &[alias("live", 10, &[])]),
            &["live"],
            false,
            &[1, 2, 3, 4, 5, 6, 7, 8],
        );
        check_pruned(20, &live, &["live"], true, &[]);
        // The previous version of an alias outside of the stanza is protected if its history names it.
        let mut reported = live.clone();
        reported.aliases[1].history = AliasHistory::of("(at 2, before: 1)");
        check_pruned(3, &reported, &["live"], true, &[3, 6, 7, 8]);
        // Without an alias the newest version counts as live.
        check_pruned(1, &self::live(4, &[]), &[], false, &[1, 2]);
        check_pruned(1, &self::live(4, &[]), &[], true, &[1, 2, 3]);
    }

    #[track_caller]
    fn check_back(
        live: &LiveFunction,
        aliases: &[&str],
        to: Option<&str>,
        expected: Result<&[&str], PlanError>,
    ) {
        let plan = roll_back(&release(aliases), to, live).map(|plan| shown(&plan.steps));
        assert_eq!(plan, expected.map(|steps| steps.iter().map(|step| (*step).to_owned()).collect()));
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
}
