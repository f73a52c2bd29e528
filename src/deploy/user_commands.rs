//! Runs the commands of the stanza in bash, and stashes files for `cleanup`. Writes their output as events.

use std::time::Duration;

use super::context::Context;
use super::shared::Shared;
use crate::commands::{self, CommandError, Stash};
use crate::diagnostics;
use crate::protocol::environment::Environment;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::Event;
use crate::warnings;

/// Stashes uncommitted files, if the stanza asks for that. `None`: there is nothing to restore.
pub(super) fn clean_up(context: &Context<'_>) -> Result<Option<Stash>, ErrorReport> {
    if context.stanza.cleanup != Some(true) {
        return Ok(None);
    }
    context.events.mark_side_effects_started();
    context.events.record_stash(Some(commands::stash_name()));
    let stashed = commands::stash(&context.job.env, &context.job.directory);
    if !stashed.as_ref().is_ok_and(|(stash, _)| stash.is_some()) {
        context.events.record_stash(None);
    }
    let (stash, left) = stashed.map_err(|error| diagnostics::from_command(error, &context.redactor()))?;
    if let Some(stash) = &stash {
        context.warn(&warnings::stashed(&stash.commit));
    }
    if !left.is_empty() {
        context.warn(&warnings::not_stashed(&left));
    }
    Ok(stash)
}

pub(super) fn restore_stash(context: &Context<'_>, stash: &Stash) {
    match stash.pop(&context.job.env, &context.job.directory) {
        Ok(()) => context.events.record_stash(None),
        Err(error) => {
            let reason = diagnostics::from_command(error, &context.redactor()).message;
            context.warn(&warnings::stash_kept(&stash.commit, &reason));
        }
    }
}

pub(super) fn run_commands(context: &Context<'_>) -> Result<(), ErrorReport> {
    let Some(commands) = &context.stanza.run else { return Ok(()) };
    context.stop.check().map_err(diagnostics::from_stop)?;
    context.events.mark_side_effects_started();
    run_in_bash(context, commands, &context.job.env, None)
        .map_err(|error| diagnostics::from_command(error, &context.redactor()))
}

/// Runs commands in the build directory, until one fails or takes longer than `limit`.
pub(super) fn run_in_bash(
    context: &Context<'_>,
    commands: &[String],
    env: &Environment,
    limit: Option<Duration>,
) -> Result<(), CommandError> {
    let _turn = context.shared.map(Shared::begin_command);
    let redactor = context.redactor();
    let redact = |text: &str| redactor.redact(text);
    let mut report = |stream, line: String| context.events.emit(Event::Output { stream, line });
    let directory = &context.job.directory;
    commands::run_in_bash(commands, env, directory, limit, context.stop, &redact, &mut report)
}
