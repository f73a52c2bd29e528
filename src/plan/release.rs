//! Plans the steps of a release: publish a version, verify it, move the aliases, delete old versions. Never
//! moves an alias to a version before its verification, and never deletes a version to which an alias may be
//! rolled back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::alias_changes::{alias_change, description_change, weights_change};
use super::codedeploy::{self, Route};
use super::phases::is_removal;
use super::{Action, PlanError, Step, WriteCall, managed};
use crate::function::{
    AliasHistory, LATEST_PUBLISHED, LiveAlias, LiveFunction, LiveVersion, ProvisionedState, Release, Setting,
    VersionState,
};
use crate::protocol::event::{Change, CodeDeployDeployment};
use crate::protocol::limits::cut_description;
use crate::protocol::structures::CodeDeploy;

/// The steps of a release, grouped by their position in a plan.
#[derive(Debug, Default)]
pub(super) struct ReleaseSteps {
    /// Updates of aliases that end an unfinished traffic shift of an earlier run.
    pub(super) ended_shift: Vec<Step>,
    /// Publishes a numbered version.
    pub(super) publish: Option<Step>,
    /// Publishes `$LATEST.PUBLISHED`, which callers without a qualifier get on Lambda Managed Instances.
    pub(super) publish_latest: Option<Step>,
    /// Scales the version before it goes live.
    pub(super) scaling: Option<Step>,
    /// The existing version at which the aliases should point. `None`: a step publishes it.
    pub(super) version: Option<String>,
    /// Verification and moves of the aliases. No alias sends traffic to the version before these steps.
    pub(super) go_live: Vec<Step>,
    /// Changes of the descriptions of aliases that no other step changes.
    pub(super) descriptions: Vec<Step>,
    /// Changes of provisioned concurrency, and of the scaling of a version that is live already.
    pub(super) provisioned: Vec<Step>,
    /// Verification of a function without an alias, whose code is live already.
    pub(super) verification: Vec<Step>,
    /// Deletions of old versions.
    pub(super) deletions: Vec<Step>,
    /// Weights of aliases that these steps remove.
    pub(super) cleared: Vec<ClearedWeights>,
    /// The deployment that already moves the alias to the version. `None`: there is none.
    pub(super) running: Option<CodeDeployDeployment>,
    /// True if CodeDeploy still moves the alias when all steps are done. What needs the alias at the version
    /// is left to a later run.
    pub(super) is_left_to_codedeploy: bool,
}

/// A weight of an alias that a plan removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClearedWeights {
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
    let find = |name: &String| aliases.iter().find(|alias| alias.name == *name);
    // Weights that CodeDeploy sets now are checked with the version to which it moves the alias.
    if live.is_none_or(|live| live.deployment.is_none()) {
        check_shares(release, aliases)?;
    }
    managed::check(release, settings, live)?;
    let has_latest = release.aliases.is_empty() && managed::is_managed(settings, live);
    let mut planned = version_steps(release, live, changes, has_latest);
    let is_new = if has_latest { planned.publish_latest.is_some() } else { planned.publish.is_some() };
    let mut scaling = managed::scaling(release, live, is_new)?;
    let (mut moved, mut last) = (Vec::new(), Vec::new());
    for name in &release.aliases {
        last.extend(match find(name) {
            Some(alias) => alias_step(release, live, alias, &mut planned, &mut moved)?,
            None => {
                let text = release.alias_description.as_deref();
                Some(alias_creation_step(name, planned.version.as_deref(), text))
            }
        });
    }
    // The environments of a version must run before it gets calls.
    let is_at_version = |alias: &LiveAlias| planned.version.as_ref() == Some(&alias.version);
    let is_there = |name: &String| find(name).is_some_and(is_at_version);
    if release.aliases.is_empty() || !release.aliases.iter().all(is_there) {
        planned.scaling = scaling.take();
    }
    moved.retain(|alias| alias.version != "$LATEST");
    if !release.shifts().is_empty() {
        let versions = live.map(|live| live.versions.as_slice()).unwrap_or_default();
        check_shareable(release, &moved, versions, settings, live)?;
    }
    go_live(release, live, &mut planned, &moved, last);
    planned.provisioned.extend(scaling);
    if planned.is_left_to_codedeploy {
        // AWS provisions no concurrency for an alias with weights.
        planned.provisioned.clear();
        return Ok(planned);
    }
    let creates = planned.publish.is_some() && (changes || live.is_none_or(differs_from_newest));
    planned.deletions = deletions(release, live, planned.version.as_deref(), creates);
    Ok(planned)
}

/// The version that goes live, and the step that publishes it if it does not exist yet. `has_latest`: the
/// function runs what `$LATEST.PUBLISHED` points at.
fn version_steps(
    release: &Release,
    live: Option<&LiveFunction>,
    changes: bool,
    has_latest: bool,
) -> ReleaseSteps {
    let known = if changes { None } else { live.and_then(|live| copy_of(live, release)) };
    let version = known.map(|version| version.number.clone());
    let publish = (release.publish && version.is_none()).then(|| {
        let description = release.description.as_deref().map(cut_description);
        Step::write(WriteCall::PublishVersion { description, to_latest: false }, Vec::new())
    });
    let publish_latest = has_latest.then(|| managed::publish_latest(live, changes)).flatten();
    let is_latest = has_latest && !release.publish && publish_latest.is_none();
    let version = is_latest.then(|| LATEST_PUBLISHED.to_owned()).or(version);
    ReleaseSteps { version, publish, publish_latest, ..ReleaseSteps::default() }
}

/// The step that moves an alias to the version, ends a shift of its traffic, or both. Adds to `planned` what
/// goes before it, and to `moved` an alias that moves. `None`: the alias stays, or CodeDeploy moves it.
fn alias_step(
    release: &Release,
    live: Option<&LiveFunction>,
    live_alias: &LiveAlias,
    planned: &mut ReleaseSteps,
    moved: &mut Vec<LiveAlias>,
) -> Result<Option<Step>, PlanError> {
    let alias = &live_alias.described(release.alias_description.as_deref());
    let described = description_change(live_alias, alias);
    let is_at_version = planned.version.as_ref() == Some(&alias.version);
    let provisions = release.provisioned.flatten().is_some()
        && live.is_some_and(|live| live.provisioned.contains_key(&alias.name))
        && !is_at_version;
    if let (Some(codedeploy), Some(live)) = (&release.codedeploy, live) {
        let route = codedeploy::route(codedeploy, live, alias, planned.version.as_deref())?;
        if !matches!(route, Route::Direct) {
            // A deployment that runs already keeps the description until it has ended.
            let described = described.filter(|_| matches!(route, Route::Create));
            let step = move_by_codedeploy(planned, codedeploy, alias, &route, provisions);
            return Ok(step.map(|step| step.also(described)));
        }
    }
    if is_at_version && alias.shares().is_empty() {
        planned.descriptions.extend(description_step(alias, described));
        return Ok(None);
    }
    planned.cleared.extend(cleared(alias));
    let history = match (is_at_version, &described) {
        (false, _) => Some(alias.history.moved_from(&alias.version)),
        (true, Some(_)) => Some(alias.history.with_shift(&alias.version, None)),
        (true, None) => alias.history_after_shift(),
    };
    let update = alias_update_step(alias, planned.version.clone(), history, provisions);
    let mut update = update.also(described);
    if is_at_version {
        return Ok(Some(update));
    }
    // End an unfinished shift of an earlier run first, so that its version gets no traffic during
    // verification.
    if release.verifies || !release.shifts().is_empty() {
        let ended = end_shift_step(alias);
        if ended.is_some() {
            update.changes.retain(|change| !change.field.ends_with(".weights"));
        }
        planned.ended_shift.extend(ended);
    }
    moved.push(alias.clone());
    Ok(Some(update))
}

/// Plans the way to the last steps of the aliases: verification, provisioned concurrency, and the shifts of
/// those that move.
fn go_live(
    release: &Release,
    live: Option<&LiveFunction>,
    planned: &mut ReleaseSteps,
    moved: &[LiveAlias],
    last: Vec<Step>,
) {
    let verify = || release.verifies.then_some(Step { action: Action::Verify, changes: Vec::new() });
    if release.aliases.is_empty() {
        planned.verification.extend(verify());
        return;
    }
    if last.is_empty() {
        planned.provisioned = provisioned(release, live);
    } else {
        // A version to which CodeDeploy already sends traffic has been verified by an earlier run.
        let is_cleanup = planned.publish.is_none() && last.iter().all(is_beside_versions);
        planned.go_live.extend(verify().filter(|_| !is_cleanup && planned.running.is_none()));
        // Provisioned concurrency is removed before an alias moves: otherwise AWS moves it along, and the old
        // version serves until that is done.
        let (removed, kept): (Vec<Step>, Vec<Step>) =
            provisioned(release, live).into_iter().partition(is_removal);
        planned.go_live.extend(removed);
        planned.provisioned = kept;
    }
    let mut before = 0;
    for (share, interval) in release.shifts().into_iter().filter(|_| !moved.is_empty()) {
        planned.go_live.extend(moved.iter().map(|alias| shift(alias, before, share)));
        planned.go_live.push(Step { action: Action::Wait { interval }, changes: Vec::new() });
        planned.go_live.extend(verify());
        before = share;
    }
    planned.go_live.extend(last);
}

/// Plans how CodeDeploy moves `alias`: by a new deployment, after an unfinished shift has ended, or by the
/// one that runs. `None`: the deployment runs already, and the run does not wait for it.
fn move_by_codedeploy(
    planned: &mut ReleaseSteps,
    codedeploy: &CodeDeploy,
    alias: &LiveAlias,
    route: &Route<'_>,
    provisions: bool,
) -> Option<Step> {
    planned.is_left_to_codedeploy = !codedeploy.waits();
    let running = match route {
        Route::Follow(running) => Some(*running),
        Route::Create | Route::Direct => {
            planned.cleared.extend(cleared(alias));
            planned.ended_shift.extend(end_shift_step(alias));
            None
        }
    };
    planned.running = running.map(|running| running.deployment.clone());
    let version = planned.version.as_deref();
    let is_needed = running.is_none() || codedeploy.waits();
    is_needed.then(|| codedeploy::deployment_step(codedeploy, alias, version, running, provisions))
}

/// A version with the function's code and settings. One at which an alias of the stanza points is preferred
/// to the newest version.
fn copy_of<'a>(live: &'a LiveFunction, release: &Release) -> Option<&'a LiveVersion> {
    let is_copy = |version: &&LiveVersion| version.state != VersionState::Failed && version.is_copy_of(live);
    let aliased = release.aliases.iter().filter_map(|name| live.alias(name));
    let aliased = aliased.filter_map(|alias| at(&alias.version, &live.versions));
    let newest = || live.versions.iter().max_by_key(|version| version.ordinal()).filter(is_copy);
    aliased.filter(is_copy).max_by_key(|version| version.ordinal()).or_else(newest)
}

/// The version to which an alias is rolled back: the previous one in its alias history, also if someone else
/// has moved the alias since. If the history has none of such an alias, it is the next older version, which
/// may never have been live.
pub(super) fn rollback_target<'a>(alias: &LiveAlias, versions: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
    let known = alias.history.versions_before(&alias.version);
    let target = known.into_iter().find_map(|number| at(number, versions));
    if target.is_some() || alias.history.before(&alias.version).is_some() {
        return target;
    }
    let ordinal = alias.version.parse::<u64>().ok()?;
    // A failed version has never been live.
    let is_older =
        |version: &&LiveVersion| version.ordinal() < ordinal && version.state != VersionState::Failed;
    versions.iter().filter(is_older).max_by_key(|version| version.ordinal())
}

/// True if the function surely differs from its newest version, so that PublishVersion creates a new one.
fn differs_from_newest(live: &LiveFunction) -> bool {
    let newest = live.versions.iter().max_by_key(|version| version.ordinal());
    newest.is_none_or(|newest| live.knows_environment() && !newest.is_copy_of(live))
}

/// The version with this number.
pub(super) fn at<'a>(number: &str, versions: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
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
        Some(alias)
            if !release.clears_weights && alias.history.codedeploy_shift(&alias.version).is_some() =>
        {
            // With `codedeploy`, the deployments of its group have been read, and none moves the alias.
            Err(if release.codedeploy.is_some() {
                PlanError::LeftByCodeDeploy { alias: alias.name.clone(), shares: alias.shares().to_vec() }
            } else {
                PlanError::MovedByCodeDeploy { alias: alias.name.clone(), deployment_id: None }
            })
        }
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

/// True for a step that moves no alias to another version.
fn is_beside_versions(step: &Step) -> bool {
    let is_beside = |field: &str| field.ends_with(".weights") || field.ends_with(".description");
    step.changes.iter().all(|change| is_beside(&change.field))
}

/// The step that creates an alias at `version`, with this text in its description. `None`: at the version of
/// the plan, and without a text.
fn alias_creation_step(name: &str, version: Option<&str>, text: Option<&str>) -> Step {
    let alias = LiveAlias { name: name.to_owned(), history: AliasHistory::new(), ..LiveAlias::default() };
    let described = alias.described(text);
    let change = alias_change(name, Value::Null, version);
    let call = WriteCall::CreateAlias { alias: name.to_owned(), history: described.history.clone() };
    Step::write(call, vec![change]).also(description_change(&alias, &described))
}

/// The step that changes the description of an alias alone. `None`: it does not change, or would be too long.
fn description_step(alias: &LiveAlias, change: Option<Change>) -> Option<Step> {
    let change = change.filter(|_| alias.history.unmoved_description().is_some())?;
    let (alias, text) = (alias.name.clone(), alias.history.text().to_owned());
    Some(Step::write(WriteCall::DescribeAlias { alias, text }, vec![change]))
}

fn shift(alias: &LiveAlias, from: u8, percent: u8) -> Step {
    let change =
        Change { field: format!("alias.{}.traffic", alias.name), from: json!(from), to: json!(percent) };
    let (name, history) = (alias.name.clone(), alias.history.clone());
    let call = WriteCall::ShiftTraffic { alias: name, from: alias.version.clone(), percent, history };
    Step::write(call, vec![change])
}

/// Fails if AWS would reject a traffic shift: the two versions must have the same role and dead letter queue.
/// Also fails if a later run could not recognize the shift: without a record, a weight of 100 % looks like
/// one of AWS's own.
fn check_shareable(
    release: &Release,
    moved: &[LiveAlias],
    versions: &[LiveVersion],
    settings: &[Setting],
    live: Option<&LiveFunction>,
) -> Result<(), PlanError> {
    for alias in moved {
        if release.guard.is_some() && !alias.history.can_record_shift(&alias.version) {
            return Err(PlanError::ShiftNotRecordable { alias: alias.name.clone() });
        }
        let Some(old) = at(&alias.version, versions) else { continue };
        for kind in [Setting::Role(String::new()), Setting::DeadLetterArn(String::new())] {
            let desired = settings.iter().find(|setting| setting.is_kind_of(&kind));
            let new = desired.or_else(|| live.and_then(|live| live.setting(&kind)));
            if let (Some(new), Some(old)) = (new, old.setting(&kind))
                && new != old
            {
                let keys = [
                    (!release.shares.is_empty()).then_some("traffic"),
                    release.guard.is_some().then_some("guard"),
                ];
                return Err(PlanError::TrafficNotShareable {
                    field: kind.field(),
                    version: alias.version.clone(),
                    keys: keys.into_iter().flatten().collect(),
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

/// The steps that delete versions beyond the number to keep. All published versions count. A version that
/// gets traffic through an alias stays, and so do the one to which an alias can be rolled back, and those
/// that something uses by their numbers. `creates`: this run publishes one more version before.
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
    protected.extend(live.in_use.iter().map(|(version, _)| version.as_str()));
    for alias in &live.aliases {
        protected.insert(&alias.version);
        protected.extend(alias.weights.iter().map(|(version, _)| version.as_str()));
        // CodeDeploy may run a hook before it sends traffic to its target.
        protected.extend(alias.history.codedeploy_shift(&alias.version));
    }
    let is_ours = |alias: &&LiveAlias| release.aliases.contains(&alias.name);
    for alias in &live.aliases {
        // A rollback of a release of several functions goes to the version before it.
        let before_release = alias.history.before_newest_release(&alias.version).unwrap_or_default();
        protected.extend(before_release.iter().find_map(|number| at(number, &live.versions)).map(number));
        // An alias that moves can be rolled back to its current version, which is protected above. The
        // previous version of an alias outside of the stanza is known only from its alias history.
        let stays = !is_ours(&alias) || version.is_some_and(|version| version == alias.version);
        let is_known = is_ours(&alias) || !alias.history.versions_before(&alias.version).is_empty();
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
mod tests;
