//! Decides which warnings a run needs. Their messages are in [`crate::warnings`].

use super::context::Context;
use super::job::Command;
use crate::function::{ChangedBy, DesiredFunction, EventSource, LiveFunction, PolicyCaller, Setting};
use crate::lambda;
use crate::package::Archive;
use crate::plan::{self, Plan};
use crate::protocol::pair_limits;
use crate::protocol::regions;
use crate::protocol::runtimes;
use crate::protocol::structures::OrNone;
use crate::warnings;

/// Warns that only a rollback uses `version`.
pub(super) fn about_version(context: &Context<'_>, command: &Command) {
    if context.stanza.version.is_some() && *command != Command::Rollback {
        context.warn(&warnings::version_without_rollback());
    }
}

/// Warns about a region that is none, and about values in another region than the function. An invalid region
/// is an error of the connection.
pub(super) fn about_region(context: &Context<'_>) {
    let region = lambda::named_region(context.stanza, &context.job.env);
    if let Ok(Some(region)) = region {
        regions::warnings(&region, context.stanza).iter().for_each(|warning| context.warn(warning));
    }
}

/// Warns about the runtime of the stanza. If AWS no longer creates functions with it, a command that plans
/// warns with the plan, which shows whether the function exists.
pub(super) fn about_named_runtime(context: &Context<'_>, command: &Command) {
    let runtime = context.stanza.runtime.as_deref();
    let plans = matches!(command, Command::Deploy | Command::Plan);
    if !(plans && is_closed(context, runtime)) {
        about_runtime(context, runtime, true, None);
    }
}

/// Warns about the runtime of the function, unless [`about_named_runtime`] has done that.
pub(super) fn about_planned_runtime(
    context: &Context<'_>,
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
) {
    let is_new = Some(live.is_none());
    match desired.runtime() {
        None => about_runtime(context, live.and_then(LiveFunction::runtime), false, is_new),
        named if is_closed(context, named) => about_runtime(context, named, true, is_new),
        Some(_) => {}
    }
}

fn is_closed(context: &Context<'_>, runtime: Option<&str>) -> bool {
    runtime.is_some_and(|id| runtimes::is_closed(id, &context.job.today))
}

fn about_runtime(context: &Context<'_>, id: Option<&str>, is_named: bool, is_new: Option<bool>) {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return };
    if let Some(runtime_support) = runtimes::runtime_support(id, &context.job.today, is_new) {
        context.warn(&warnings::from_runtime(id, &runtime_support, is_named));
    }
}

/// Warns about values that AWS will refuse because of what the function is now, or because it does not exist.
pub(super) fn about_refused_values(
    context: &Context<'_>,
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
    plan: &Plan,
) {
    if let Some((given, missing)) = plan::half_vpc(desired, live) {
        context.warn(&warnings::half_vpc(given, missing, context.stanza.subnet_ids.is_some()));
    }
    let merged = plan::merged_variables(desired, live);
    if let Some(warning) = merged.as_ref().and_then(pair_limits::too_large) {
        context.warn(&warning);
    }
    if let Some(characters) = plan::cut_version_description(desired, plan) {
        context.warn(&warnings::version_description_cut(characters));
    }
}

/// Warns that `cleanup` does not run: planning and packaging change nothing in the build directory.
pub(super) fn about_cleanup(context: &Context<'_>) {
    if context.stanza.cleanup == Some(true) {
        context.warn(&warnings::not_cleaned_up());
    }
}

/// Warns that Lambda cannot load native modules of the archive, that it will not find the handler there, or
/// that the stanza names the handler in a way that no archive can fit. `architecture`: `None` if it is not
/// known.
pub(super) fn about_code(
    context: &Context<'_>,
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
    archive: Option<&Archive>,
    architecture: Option<&str>,
) {
    let expected = desired.runtime_and_handler(live);
    let missing = archive
        .zip(expected.as_ref())
        .and_then(|(archive, (runtime, handler))| archive.missing(runtime, handler, architecture));
    let runtime = desired.runtime().or(live.and_then(LiveFunction::runtime)).unwrap_or_default();
    if let Some(note) = archive.and_then(|archive| archive.foreign_modules(runtime, architecture)) {
        context.warn(&warnings::from_note(&note));
    }
    let named = desired.handler.as_ref();
    if let Some((named, mistake)) =
        named.and_then(|named| Some((named, named.mistake(runtime, missing.is_some())?)))
    {
        context.warn(&warnings::from_handler_mistake(&mistake, named, &named.joined(runtime)));
    } else if let (Some(missing), Some((_, handler))) = (missing, expected) {
        context.warn(&warnings::missing_from_package(&missing, &handler));
    }
}

/// Warns about live values that cannot be read, so that they cannot be compared.
pub(super) fn about_unknown_values(
    context: &Context<'_>,
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
) {
    let Some(live) = live else { return };
    let is_reported =
        |setting: &&Setting| live.image.is_none() || setting.changed_by() != ChangedBy::CodeSigning;
    let unknown =
        desired.settings.iter().filter(is_reported).filter(|setting| live.setting(setting).is_none());
    let unknown = unknown.map(|setting| setting.field());
    let tags = (desired.tags.is_some() && live.tags.is_none()).then_some("function_tags");
    unknown.chain(tags).for_each(|field| context.warn(&warnings::live_value_unknown(field)));
}

/// Warns that the function is updated before all functions of its release have passed, or that its alias
/// cannot record the release.
pub(super) fn about_release(context: &Context<'_>, plan: &Plan, live: Option<&LiveFunction>) {
    let Some(release) = context.release else { return };
    if !context.has_alias() && plan.steps.iter().any(|step| !step.action.is_read_only()) {
        context.warn(&warnings::not_held_back(release));
    }
    let moved = plan::moved_aliases(&plan.steps);
    let text = context.stanza.alias_description.as_deref();
    let aliases = live.into_iter().flat_map(|live| &live.aliases);
    let moved = aliases.filter(|alias| moved.contains(&alias.name.as_str()));
    for alias in moved.map(|alias| alias.described(text)) {
        if !alias.history.can_record_release(&alias.version, release) {
            let alias = context.redaction.variables.redact(&alias.name);
            context.warn(&warnings::release_not_recorded(release, &alias));
        }
    }
}

pub(super) fn about_cleared_weights(context: &Context<'_>, plan: &Plan) {
    plan.cleared.iter().for_each(|cleared| context.warn(&warnings::weights_cleared(cleared)));
}

/// Warns about old versions that stay because something still uses them.
pub(super) fn about_versions_in_use(context: &Context<'_>, live: Option<&LiveFunction>) {
    let in_use = live.map(|live| live.in_use.as_slice()).unwrap_or_default();
    in_use.iter().for_each(|(version, used)| context.warn(&warnings::version_in_use(version, *used)));
}

/// Warns about what calls the function itself if the stanza has an alias: it gets code that has not been
/// verified, and a rollback does not reach it.
pub(super) fn about_bypasses(
    context: &Context<'_>,
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
    is_rollback: bool,
) {
    let (Some(live), Some(alias)) = (live, desired.url_alias()) else { return };
    let (name, redactor) = (desired.name.as_str(), context.redactor());
    let effect = match (is_rollback, desired.release.verifies) {
        (true, _) => "this rollback does not reach it",
        (false, true) => "it gets new code before `verify`",
        (false, false) => "it gets new code before the alias does",
    };
    // With `follow_alias` a deployment moves them.
    let moves = desired.release.follows_alias && !is_rollback;
    for source in live.event_sources.iter().filter(|_| !moves) {
        let source = EventSource { name: redactor.redact(&source.name), ..source.clone() };
        context.warn(&warnings::event_source_bypasses_alias(&source, alias, effect));
    }
    for caller in &live.callers {
        let caller = PolicyCaller { name: redactor.redact(&caller.name), ..caller.clone() };
        context.warn(&warnings::caller_bypasses_alias(&caller, alias, effect, name));
    }
    if let Some(latest) =
        live.latest_url.as_ref().filter(|_| desired.url != Some(OrNone::None) || is_rollback)
    {
        context.warn(&warnings::url_bypasses_alias(&redactor.redact(&latest.url), alias, name));
    }
}

/// Warns that it is not known what calls the function itself, because AWS denied these operations.
pub(super) fn about_denied_reads(context: &Context<'_>, desired: &DesiredFunction, denied: &[&str]) {
    if let Some(alias) = desired.url_alias().filter(|_| !denied.is_empty()) {
        context.warn(&warnings::callers_unknown(alias, denied));
    }
}
