//! Decides what CodeDeploy has to do with an alias. Never lets it begin while it already moves the alias to
//! another version.

use serde_json::{Value, json};

use super::alias_changes::{alias_change, weights_change};
use super::{PlanError, Step, WriteCall};
use crate::function::{AppSpec, LiveAlias, LiveDeployment, LiveFunction};
use crate::protocol::event::Change;
use crate::protocol::structures::CodeDeploy;

/// How an alias gets to the version of a plan.
#[derive(Debug)]
pub(super) enum Route<'a> {
    /// By this program, or it is there already.
    Direct,
    /// By a new deployment of CodeDeploy.
    Create,
    /// By the deployment that CodeDeploy carries out already.
    Follow(&'a LiveDeployment),
}

/// How `alias` gets to `version`. `None`: a step publishes the version.
///
/// # Errors
/// [`PlanError::MovedByCodeDeploy`], if CodeDeploy moves the alias to another version, and
/// [`PlanError::GroupIsBusy`], if it moves the alias of another function.
pub(super) fn route<'a>(
    codedeploy: &CodeDeploy,
    live: &'a LiveFunction,
    alias: &LiveAlias,
    version: Option<&str>,
) -> Result<Route<'a>, PlanError> {
    // CodeDeploy moves an alias between published versions only.
    if alias.version == "$LATEST" {
        return Ok(Route::Direct);
    }
    let is_there = version == Some(alias.version.as_str()) && alias.shares().is_empty();
    match &live.deployment {
        Some(running) if is_wanted(running, codedeploy, live, alias, version) => Ok(Route::Follow(running)),
        _ if is_there => Ok(Route::Direct),
        Some(running) => {
            let deployment_id = running.deployment.deployment_id.clone();
            Err(match other_move(running, live, alias) {
                Some(moves) => PlanError::GroupIsBusy { deployment_id, moves: moves.to_owned() },
                None => PlanError::MovedByCodeDeploy {
                    alias: alias.name.clone(),
                    deployment_id: Some(deployment_id),
                },
            })
        }
        None if version == Some(alias.version.as_str()) => Ok(Route::Direct),
        None => Ok(Route::Create),
    }
}

/// True if a running deployment moves `alias` to `version` as the stanza wants it. After the last part of the
/// traffic, the alias is at `version` already, while CodeDeploy runs its last hook.
fn is_wanted(
    running: &LiveDeployment,
    codedeploy: &CodeDeploy,
    live: &LiveFunction,
    alias: &LiveAlias,
    version: Option<&str>,
) -> bool {
    let Some(version) = version else { return false };
    let Some(from) = start(alias, version) else { return false };
    let wanted = AppSpec::new(name(live), &alias.name, (from, version), &codedeploy.hooks());
    running.app_spec_sha256.as_ref() == Some(&wanted.sha256)
}

/// The name of a function, without the rest of its ARN.
fn name(live: &LiveFunction) -> &str {
    live.arn.rsplit(':').next().unwrap_or_default()
}

/// The function and the alias that a running deployment moves, such as `shop:live`. `None`: it moves `alias`,
/// or this program did not create it.
fn other_move<'a>(running: &'a LiveDeployment, live: &LiveFunction, alias: &LiveAlias) -> Option<&'a str> {
    let ours = format!("{}:{}", name(live), alias.name);
    running.moves.as_deref().filter(|moves| *moves != ours)
}

/// The version from which a deployment moves, or has moved, `alias` to `version`. `None`: it is unknown.
fn start<'a>(alias: &'a LiveAlias, version: &str) -> Option<&'a str> {
    if alias.version != version {
        return Some(&alias.version);
    }
    alias.history.before(version)?.first().copied()
}

/// The step in which CodeDeploy moves `alias` to `version`, or to the version that a step publishes. With
/// `running` it follows that deployment.
pub(super) fn deployment_step(
    codedeploy: &CodeDeploy,
    alias: &LiveAlias,
    version: Option<&str>,
    running: Option<&LiveDeployment>,
    provisions: bool,
) -> Step {
    let from = version.and_then(|version| start(alias, version)).unwrap_or(&alias.version).to_owned();
    let moved = alias_change(&alias.name, from.clone().into(), version);
    let parameters = parameters(codedeploy).filter(|_| running.is_none());
    let changes = std::iter::once(moved).chain(parameters).collect();
    let call = WriteCall::CreateDeployment {
        alias: alias.name.clone(),
        from,
        history: alias.history.clone(),
        codedeploy: Box::new(codedeploy.clone()),
        running: running.map(|running| Box::new(running.deployment.clone())),
        provisions,
    };
    Step::write(call, changes)
}

/// With what a new deployment is created.
fn parameters(codedeploy: &CodeDeploy) -> impl Iterator<Item = Change> {
    let hooks = codedeploy.hooks();
    let members = [
        ("application", Some(codedeploy.application.clone())),
        ("deployment_group", Some(codedeploy.deployment_group.clone())),
        ("config", codedeploy.config.clone()),
        ("hooks.before", hooks.before),
        ("hooks.after", hooks.after),
    ];
    let change = |(member, to): (&str, Option<String>)| {
        let field = format!("codedeploy.{member}");
        to.map(|to| Change { field, from: Value::Null, to: json!(to) })
    };
    members.into_iter().filter_map(change)
}

/// The deployment that a rollback of `alias` must stop first. `None`: none moves this alias.
pub(super) fn to_stop<'a>(live: &'a LiveFunction, alias: &LiveAlias) -> Option<&'a LiveDeployment> {
    let is_recorded = alias.history.codedeploy_shift(&alias.version).is_some()
        || alias.history.is_codedeploy_target(&alias.version);
    let may_be_moved = is_recorded || !alias.shares().is_empty();
    live.deployment.as_ref().filter(|running| may_be_moved && other_move(running, live, alias).is_none())
}

/// The step that stops a deployment and sends all traffic of `alias` to `target`.
pub(super) fn stop_step(running: &LiveDeployment, alias: &LiveAlias, target: &str) -> Step {
    let history = match alias.version == target {
        true => alias.history.with_shift(target, None),
        false => alias.history.rolled_back(&alias.version, target),
    };
    let moved = (alias.version != target)
        .then(|| alias_change(&alias.name, alias.version.clone().into(), Some(target)));
    let call =
        WriteCall::StopDeployment { running: running.deployment.clone(), alias: alias.name.clone(), history };
    Step::write(call, moved.into_iter().chain(weights_change(alias)).collect())
}
