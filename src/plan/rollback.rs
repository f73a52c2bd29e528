//! Plans a rollback: moves the stanza's aliases back to their previous version.
//! Never guesses: aliases with different previous versions, or a version that does not exist, are errors.

use super::release::{alias_update_step, at, check_shares, cleared, rollback_target};
use super::{Plan, PlanError, codedeploy};
use crate::function::{LastRelease, LiveAlias, LiveFunction, LiveVersion, Release};
use crate::protocol::event::FunctionPresence;

/// What a rollback takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undone {
    /// The last move of each alias: no release of several functions is known.
    LastMove,
    /// A release of several functions. An alias that it did not move stays.
    Release(LastRelease),
    /// A release of several functions that still shifts traffic, and has moved no alias. An alias without a
    /// shift stays.
    Shift,
}

impl Undone {
    /// What a rollback of a release takes back: `last`, or the shift of a later release. `is_shifting`: one
    /// of the aliases sends a share of its traffic to another version.
    pub(crate) fn of(last: Option<LastRelease>, is_shifting: bool) -> Self {
        match last {
            Some(last) if last.unmoved.is_some() || !is_shifting => Undone::Release(last),
            Some(_) => Undone::Shift,
            None if is_shifting => Undone::Shift,
            None => Undone::LastMove,
        }
    }

    /// True if the rollback leaves the function as it is, because what it takes back did not move an alias of
    /// `release`. `version`: the version that the stanza names.
    pub(crate) fn leaves(&self, release: &Release, version: Option<&str>, live: &LiveFunction) -> bool {
        let last = match self {
            Undone::LastMove => return false,
            Undone::Release(last) => Some(last),
            Undone::Shift => None,
        };
        if version.is_some() {
            return false;
        }
        let is_moved =
            |alias: &LiveAlias| last.is_some_and(|last| last.takes_back(&alias.version, &alias.history));
        let is_shifting = |alias: &LiveAlias| {
            !alias.shares().is_empty() || alias.history.codedeploy_shift(&alias.version).is_some()
        };
        let mut aliases = live.aliases.iter().filter(|alias| release.aliases.contains(&alias.name));
        !aliases.any(|alias| is_moved(alias) || is_shifting(alias))
    }

    /// True if what is undone did not move `alias`, although it moved or shifted another alias of the
    /// function: it, or an earlier rollback of it, was killed between the two.
    fn keeps(&self, alias: &LiveAlias) -> bool {
        match self {
            Undone::LastMove => false,
            Undone::Release(last) => !last.has_moved(&alias.version, &alias.history),
            Undone::Shift => true,
        }
    }
}

/// Moves the aliases of `release` back to `version`, or to where they were before what is `undone`. An alias
/// that splits its traffic was being shifted to the other version, so all its traffic goes back to the
/// version at which it points. A deployment of CodeDeploy that moves the alias is stopped. An alias that
/// CodeDeploy did not get to the other version stays, so that a repeated rollback does not go further back.
///
/// # Errors
/// [`PlanError`], if the version to go back to is unknown or differs between the aliases.
pub(crate) fn roll_back(
    release: &Release,
    version: Option<&str>,
    live: &LiveFunction,
    undone: &Undone,
) -> Result<Plan, PlanError> {
    let mut aliases: Vec<&LiveAlias> = Vec::new();
    for name in &release.aliases {
        aliases.push(live.alias(name).ok_or_else(|| PlanError::NoAlias { alias: name.clone() })?);
    }
    let running = aliases.first().and_then(|alias| codedeploy::to_stop(live, alias));
    if running.is_none() {
        check_shares(release, &live.aliases)?;
    }
    let function = FunctionPresence::Exists;
    let plan = |steps, version, cleared| Plan { function, steps, version, cleared, running: None };
    if undone.leaves(release, version, live) {
        return Ok(plan(Vec::new(), aliases.first().map(|alias| alias.version.clone()), Vec::new()));
    }
    let mut targets: Vec<String> = Vec::new();
    for alias in &aliases {
        targets.push(match version {
            Some(version) => version.to_owned(),
            None if !alias.shares().is_empty() => alias.version.clone(),
            // CodeDeploy has not sent any traffic to the other version yet, or has sent all of it back.
            None if alias.history.codedeploy_shift(&alias.version).is_some() => alias.version.clone(),
            None if undone.keeps(alias) => alias.version.clone(),
            None => {
                let before = target_of(alias, &live.versions, undone);
                let none = || PlanError::NoPreviousVersion {
                    alias: alias.name.clone(),
                    version: alias.version.clone(),
                };
                before.ok_or_else(none)?.number.clone()
            }
        });
    }
    let target = targets.first().cloned().unwrap_or_default();
    if targets.iter().any(|other| *other != target) {
        let named = aliases.iter().zip(&targets).map(|(alias, target)| (alias.name.clone(), target.clone()));
        return Err(PlanError::AmbiguousRollback { targets: named.collect() });
    }
    if !live.versions.iter().any(|version| version.number == target) {
        return Err(PlanError::NoVersion { version: target });
    }
    if let (Some(running), Some(alias)) = (running, aliases.first()) {
        let stop = codedeploy::stop_step(running, alias, &target);
        return Ok(plan(vec![stop], Some(target), Vec::new()));
    }
    let steps = aliases.iter().map(|alias| {
        let provisions =
            release.provisioned.flatten().is_some() && live.provisioned.contains_key(&alias.name);
        let history = match alias.version == target {
            true => alias.history_after_shift(),
            false => Some(alias.history.rolled_back(&alias.version, &target)),
        };
        alias_update_step(alias, Some(target.clone()), history, provisions)
    });
    let steps = steps.filter(|step| !step.changes.is_empty()).collect();
    Ok(plan(steps, Some(target), aliases.iter().flat_map(|alias| cleared(alias)).collect()))
}

/// The version to which a rollback moves an alias. `None`: there is none.
fn target_of<'a>(alias: &LiveAlias, versions: &'a [LiveVersion], undone: &Undone) -> Option<&'a LiveVersion> {
    let release = match undone {
        Undone::Release(last) => alias.history.before_release(&alias.version, &last.name, last.number),
        Undone::LastMove | Undone::Shift => None,
    };
    match release {
        Some(earlier) => earlier.iter().find_map(|number| at(number, versions)),
        None => rollback_target(alias, versions),
    }
}
