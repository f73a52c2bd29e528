//! Collects what the aliases of a function record of its release, and takes over from a release that has not
//! ended. Never moves an alias.

use super::aws::Aws;
use super::context::Context;
use crate::function::{LastRelease, LiveFunction, ReleaseAlias};
use crate::lambda::{DeployState, LambdaError};
use crate::plan::{Action, Step, WriteCall, moved_aliases};
use crate::warnings;

/// The aliases of the stanza, as the release needs them. `moves`: the steps with which they move, to
/// `version`.
pub(super) fn aliases(
    context: &Context<'_>,
    live: Option<&LiveFunction>,
    moves: &[Step],
    version: &str,
) -> Vec<ReleaseAlias> {
    let moved = moved_aliases(moves);
    let of = |name: &String| {
        let live = live.and_then(|live| live.alias(name));
        let is_there = live.is_some_and(|alias| alias.version == version);
        let moves = moved.contains(&name.as_str()) && !is_there;
        let known = live.map(|alias| ReleaseAlias {
            version: alias.version.clone(),
            history: alias.history.clone(),
            is_shifting: !alias.shares().is_empty(),
            ..ReleaseAlias::default()
        });
        ReleaseAlias { name: full_name(context, name), moves, ..known.unwrap_or_default() }
    };
    context.stanza.alias.iter().flatten().map(of).collect()
}

/// Warns that the last release has not moved an alias of this function, which it moves last.
pub(super) fn warn_about_unfinished(context: &Context<'_>, last: Option<&LastRelease>, is_rollback: bool) {
    let Some((last, unmoved)) = last.and_then(|last| Some((last, last.unmoved.as_ref()?))) else { return };
    if context.stanza.alias.iter().flatten().any(|alias| full_name(context, alias) == *unmoved) {
        context.warn(&warnings::release_unfinished(&last.name, unmoved, is_rollback));
    }
}

/// Writes each alias that this run leaves where it is once more, if the last release has not ended. If that
/// release still runs, it must neither move nor send back an alias that this run has read. `moves`: the steps
/// of the other aliases.
///
/// # Errors
/// [`LambdaError::Outdated`] if that release has changed an alias meanwhile, and those of the call.
pub(super) fn take_over(
    aws: &Aws<'_>,
    last: Option<&LastRelease>,
    live: Option<&LiveFunction>,
    moves: &[Step],
    state: &mut DeployState<'_>,
) -> Result<(), LambdaError> {
    let Some(last) = last.filter(|last| last.unmoved.is_some()) else { return Ok(()) };
    let is_written = |name: &str| {
        let mut due = moves.iter().filter_map(|step| state.due_action(&step.action, live));
        due.any(|action| match &*action {
            Action::Write(WriteCall::UpdateAlias { alias, .. } | WriteCall::CreateAlias { alias, .. }) => {
                alias == name
            }
            _ => false,
        })
    };
    let names: Vec<&String> = aws.context.stanza.alias.iter().flatten().collect();
    let aliases = live.into_iter().flat_map(|live| &live.aliases);
    let aliases = aliases.filter(|alias| names.contains(&&alias.name) && !is_written(&alias.name));
    for alias in aliases.collect::<Vec<_>>() {
        // The alias that the release moves last may be another one now.
        let mark = state.mark.as_ref().filter(|_| last.has_moved(&alias.version, &alias.history));
        let history = mark.map(|mark| alias.history.with_last_of_release(mark.last.as_deref()));
        let description = history.as_ref().and_then(|history| history.to_description(&alias.version));
        let revision = aws.block_on(aws.lambda.renew_alias(alias, description, state))?;
        state.record_renewal(&alias.name, revision, history);
    }
    Ok(())
}

/// Function and alias, such as `users:live`, with secrets masked.
fn full_name(context: &Context<'_>, alias: &str) -> String {
    context.redaction.variables.redact(&format!("{}:{alias}", context.name.name()))
}
