//! What is wanted of versions and aliases and what is live of them in; publication, proof, moves and removals out.
//! Never lets an alias point at a version that has yet to prove itself, and never plans to delete a way back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Action, PlanError, Step};
use crate::function::{Live, LiveAlias, LiveVersion, Release, Setting};
use crate::protocol::event::Change;

/// What an alias points at before its number is known.
const NEW: &str = "the new version";

/// AWS's limit of a version's description, in characters.
const LONGEST_DESCRIPTION: usize = 256;

/// The steps of a release, by the place that they have in a plan.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Traffic that a shift without an end has left at another version goes back.
    pub(super) ended_shift: Vec<Step>,
    /// The version.
    pub(super) publish: Option<Step>,
    /// What the aliases are to point at, where no publication has to tell it.
    pub(super) version: Option<String>,
    /// The proof and the moves: nobody is sent to the version before these.
    pub(super) go_live: Vec<Step>,
    /// Executions that the aliases keep ready.
    pub(super) provisioned: Vec<Step>,
    /// The proof of what is live already, where no alias stands between.
    pub(super) proof: Vec<Step>,
    /// Versions that nobody needs any more.
    pub(super) pruned: Vec<Step>,
    /// Weights that somebody has given, and that go.
    pub(super) cleared: Vec<Cleared>,
}

/// Weights of an alias that go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The alias.
    pub alias: String,
    /// The version that got a share of its traffic.
    pub version: String,
    /// The share, in percent.
    pub percent: u8,
}

/// What becomes of `live` once it is updated; `settings` are those that it will have then, as far as they are wanted.
/// With `changes` its code or its settings differ from what is live.
pub(super) fn parts(
    release: &Release,
    settings: &[Setting],
    live: Option<&Live>,
    changes: bool,
) -> Result<Parts, PlanError> {
    let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
    let versions = live.map(|live| live.versions.as_slice()).unwrap_or_default();
    let find = |name: &String| aliases.iter().find(|alias| alias.name == *name);
    let known = if changes { None } else { live.and_then(|live| copy_of(live, release)) };
    let version = known.map(|version| version.number.clone());
    let publish = (release.publish && version.is_none()).then(|| {
        let before: Vec<(&str, &str)> = release.aliases.iter().filter_map(find).map(points_at).collect();
        Step {
            action: Action::PublishVersion { description: described(release.description.as_deref(), &before) },
            changes: Vec::new(),
        }
    });
    let mut parts = Parts { version, publish, ..Parts::default() };
    let mut moved: Vec<LiveAlias> = Vec::new();
    let mut last: Vec<Step> = Vec::new();
    for name in &release.aliases {
        let Some(alias) = find(name) else {
            let change = alias_change(name, Value::Null, parts.version.as_deref());
            last.push(Step { action: Action::CreateAlias { alias: name.clone() }, changes: vec![change] });
            continue;
        };
        let is_right = parts.version.as_ref() == Some(&alias.version);
        if is_right && alias.shares().is_empty() {
            continue;
        }
        parts.cleared.extend(cleared(alias));
        let provisions = release.provisioned.flatten().is_some()
            && live.is_some_and(|live| live.provisioned.contains_key(name))
            && !is_right;
        let mut update = update(alias, parts.version.clone(), provisions);
        // A share that is given step by step was given by a run of ours that did not come to its end.
        if !release.shares.is_empty() && !is_right {
            let ended = update_back(alias);
            if ended.is_some() {
                update.changes.retain(|change| !change.field.ends_with(".weights"));
            }
            parts.ended_shift.extend(ended);
            moved.push(alias.clone());
        }
        last.push(update);
    }
    let verify = || release.verifies.then_some(Step { action: Action::Verify, changes: Vec::new() });
    moved.retain(|alias| alias.version != "$LATEST");
    check_shareable(&moved, versions, settings, live)?;
    if !release.aliases.is_empty() {
        if !last.is_empty() {
            let is_cleanup = parts.publish.is_none() && last.iter().all(is_only_weights);
            parts.go_live.extend(verify().filter(|_| !is_cleanup));
        }
        let mut before = 0;
        for share in release.shares.iter().copied().filter(|_| !moved.is_empty()) {
            parts.go_live.extend(moved.iter().map(|alias| shift(alias, before, share)));
            parts.go_live.push(Step { action: Action::Wait { interval: release.interval }, changes: Vec::new() });
            parts.go_live.extend(verify());
            before = share;
        }
        parts.go_live.append(&mut last);
    } else {
        parts.proof.extend(verify());
    }
    parts.provisioned = provisioned(release, live);
    parts.pruned =
        pruned(release, live, parts.version.as_deref(), parts.publish.is_some() && (changes || live.is_none()));
    Ok(parts)
}

/// A version that holds what the function holds: the one that an alias of the stanza points at, else the newest.
fn copy_of<'a>(live: &'a Live, release: &Release) -> Option<&'a LiveVersion> {
    let is_copy = |version: &&LiveVersion| version.is_ready && version.is_copy_of(live);
    let aliased = release.aliases.iter().filter_map(|name| live.aliases.iter().find(|alias| alias.name == *name));
    let aliased = aliased.filter_map(|alias| live.versions.iter().find(|version| version.number == alias.version));
    let newest = || live.versions.iter().max_by_key(|version| version.ordinal()).filter(is_copy);
    aliased.filter(is_copy).max_by_key(|version| version.ordinal()).or_else(newest)
}

fn points_at(alias: &LiveAlias) -> (&str, &str) {
    (&alias.name, &alias.version)
}

/// `Deploys orders, build 7, commit 1a2b3c4 (before: live 5)`. The end tells `rollback` where the alias came from: a
/// version that was published and did not pass is nobody's way back.
fn described(text: Option<&str>, before: &[(&str, &str)]) -> Option<String> {
    let numbered = before.iter().filter(|(_, version)| version.parse::<u64>().is_ok());
    let names: Vec<String> = numbered.map(|(alias, version)| format!("{alias} {version}")).collect();
    let end = if names.is_empty() { String::new() } else { format!("(before: {})", names.join(", ")) };
    let room = LONGEST_DESCRIPTION.checked_sub(end.chars().count() + 1)?;
    let text: String = text.unwrap_or_default().chars().take(room).collect();
    Some(format!("{text} {end}").trim().to_owned()).filter(|description| !description.is_empty())
}

/// Where `alias` came from when this version went live, as [`described`] has written it.
fn recorded<'a>(version: &'a LiveVersion, alias: &str) -> Option<&'a str> {
    let (_, list) = version.description.strip_suffix(')')?.rsplit_once("(before: ")?;
    list.split(", ").find_map(|entry| entry.strip_prefix(alias)?.strip_prefix(' '))
}

/// The version that `alias` goes back to from `version`: where it came from, if that is still there; else the next older one.
pub(super) fn before<'a>(alias: &str, version: &str, versions: &'a [LiveVersion]) -> Option<&'a LiveVersion> {
    let at = |number: &str| versions.iter().find(|version| version.number == number);
    let ordinal = version.parse::<u64>().ok()?;
    let came_from = at(version).and_then(|version| recorded(version, alias)).and_then(at);
    let older = versions.iter().filter(|version| version.ordinal() < ordinal);
    came_from.or_else(|| older.max_by_key(|version| version.ordinal()))
}

/// The alias at `version`, with all of its traffic.
pub(super) fn update(alias: &LiveAlias, version: Option<String>, provisions: bool) -> Step {
    let mut changes = Vec::new();
    if version.as_ref() != Some(&alias.version) {
        changes.push(alias_change(&alias.name, json!(alias.version), version.as_deref()));
    }
    changes.extend(weights_change(alias));
    Step { action: Action::UpdateAlias { alias: alias.name.clone(), version, provisions }, changes }
}

/// The alias where it is, with all of its traffic; `None`: it has it.
fn update_back(alias: &LiveAlias) -> Option<Step> {
    let step = update(alias, Some(alias.version.clone()), false);
    (!step.changes.is_empty()).then_some(step)
}

/// What goes of an alias's weights.
pub(super) fn cleared(alias: &LiveAlias) -> impl Iterator<Item = Cleared> {
    let cleared = |(version, percent): &(String, u8)| Cleared {
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
    let change = Change { field: format!("alias.{}.weights", alias.name), from: json!(weights), to: Value::Null };
    (!shares.is_empty()).then_some(change)
}

fn alias_change(name: &str, from: Value, to: Option<&str>) -> Change {
    Change { field: format!("alias.{name}"), from, to: json!(to.unwrap_or(NEW)) }
}

fn shift(alias: &LiveAlias, from: u8, percent: u8) -> Step {
    let change = Change { field: format!("alias.{}.traffic", alias.name), from: json!(from), to: json!(percent) };
    let action = Action::ShiftTraffic { alias: alias.name.clone(), from: alias.version.clone(), percent };
    Step { action, changes: vec![change] }
}

/// AWS shares traffic between two versions of the same role and dead letter queue only.
fn check_shareable(
    moved: &[LiveAlias],
    versions: &[LiveVersion],
    settings: &[Setting],
    live: Option<&Live>,
) -> Result<(), PlanError> {
    for alias in moved {
        let Some(old) = versions.iter().find(|version| version.number == alias.version) else { continue };
        for kind in [Setting::Role(String::new()), Setting::DeadLetterArn(String::new())] {
            let wanted = settings.iter().find(|setting| setting.is_kind_of(&kind));
            let new = wanted.or_else(|| live.and_then(|live| live.setting(&kind)));
            if let (Some(new), Some(old)) = (new, old.setting(&kind))
                && new != old
            {
                return Err(PlanError::TrafficNotShareable { field: kind.field(), version: alias.version.clone() });
            }
        }
    }
    Ok(())
}

/// What differs of the executions that the aliases keep ready.
fn provisioned(release: &Release, live: Option<&Live>) -> Vec<Step> {
    let Some(wanted) = release.provisioned else { return Vec::new() };
    let step = |alias: &String| {
        let is = live.and_then(|live| live.provisioned.get(alias));
        let action = match (wanted, is) {
            (None, None) => return None,
            (Some(wanted), Some(is)) if is.executions == wanted && is.is_ready => return None,
            (Some(executions), _) => Action::PutProvisionedConcurrencyConfig { alias: alias.clone(), executions },
            (None, Some(_)) => Action::DeleteProvisionedConcurrencyConfig { alias: alias.clone() },
        };
        let from = is.map_or(Value::Null, |is| json!(is.executions));
        let change = Change { field: format!("provisioned_concurrency.{alias}"), from, to: json!(wanted) };
        Some(Step { action, changes: vec![change] })
    };
    release.aliases.iter().filter_map(step).collect()
}

/// The removal of versions beyond those to keep. Every published version counts; one that an alias names, with whatever
/// share, stays, and so does the one before what is live. `creates`: one more will have been published by then.
fn pruned(release: &Release, live: Option<&Live>, version: Option<&str>, creates: bool) -> Vec<Step> {
    let (Some(keep), Some(live)) = (release.keep, live) else { return Vec::new() };
    let mut versions: Vec<&LiveVersion> = live.versions.iter().collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.ordinal()));
    let mut protected: BTreeSet<&str> = version.into_iter().collect();
    for alias in &live.aliases {
        protected.insert(&alias.version);
        protected.extend(alias.weights.iter().map(|(version, _)| version.as_str()));
    }
    let is_ours = |alias: &&LiveAlias| release.aliases.contains(&alias.name);
    for alias in live.aliases.iter().filter(is_ours) {
        // Of one that moves, where it is now is the way back.
        let goes_on = version.is_some_and(|version| version == alias.version);
        protected.extend(before(&alias.name, &alias.version, &live.versions).filter(|_| goes_on).map(number));
    }
    if live.aliases.iter().all(|alias| !is_ours(&alias)) {
        // Nothing but its number tells which version is live: the newest, and the one before it.
        protected.extend(versions.iter().take(if creates { 1 } else { 2 }).map(|version| number(version)));
    }
    let beyond = versions.iter().skip(keep.saturating_sub(usize::from(creates)));
    let mut unneeded: Vec<&&LiveVersion> =
        beyond.filter(|version| !protected.contains(version.number.as_str())).collect();
    unneeded.sort_by_key(|version| version.ordinal());
    let delete = |version: &&&LiveVersion| Step {
        action: Action::DeleteVersion { version: version.number.clone() },
        changes: vec![Change { field: "version".to_owned(), from: json!(version.number), to: Value::Null }],
    };
    unneeded.iter().map(delete).collect()
}

fn number(version: &LiveVersion) -> &str {
    &version.number
}
