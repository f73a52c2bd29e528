//! The texts of warnings about what a run finds: in the package, at AWS, in git. Warnings about the stanza's
//! text are made by the modules that read it. Never decides whether something is worth a warning; the caller
//! does.

mod package;

use crate::function::{ErrorThreshold, EventSource, PolicyCaller, VersionUse};
use crate::plan::ClearedWeights;
use crate::protocol::error::{ErrorReport, Problem, Warning, WarningCode};
use crate::protocol::event::VersionCounts;
use crate::protocol::messages::counted;
use crate::protocol::runtimes::{Runtime, RuntimeSupport};

pub(crate) use package::{from_handler_mistake, from_note, missing_from_package};

const TWO_JOBS: &str = "check whether two jobs deploy the function at the same time";

/// Warns about a deprecated or unknown runtime. `is_named`: the stanza names the runtime `id`, else the live
/// function has it.
pub(crate) fn from_runtime(id: &str, runtime_support: &RuntimeSupport, is_named: bool) -> Warning {
    let whose = if is_named { "the runtime" } else { "the live function's runtime" };
    let deprecated = |runtime: &Runtime, then: String| {
        let message = format!("{whose} `{id}` has been deprecated since {}; {then}", runtime.deprecated);
        let hint = format!("switch to `{}`", runtime.successor);
        warning(WarningCode::DeprecatedRuntime, "/runtime", message, hint)
    };
    match runtime_support {
        RuntimeSupport::Deprecated(runtime) => deprecated(
            runtime,
            format!("from {} AWS refuses to update functions that use it", runtime.blocked),
        ),
        RuntimeSupport::NotCreated(runtime) => deprecated(
            runtime,
            format!(
                "AWS no longer creates functions that use it, and refuses to update them from {} on",
                runtime.blocked
            ),
        ),
        RuntimeSupport::Blocked(runtime) => deprecated(
            runtime,
            format!("since {} AWS refuses to update functions that use it", runtime.blocked),
        ),
        RuntimeSupport::Unknown { nearest, is_deprecated } => {
            let message = format!(
                "{whose} `{id}` is unknown to this version of dpl-lambda; AWS decides whether it exists"
            );
            let hint = match nearest {
                Some(near) if *is_deprecated => {
                    format!("did you mean `{}`? It is deprecated; switch to `{}`", near.id, near.successor)
                }
                Some(near) => format!("did you mean `{}`?", near.id),
                None => "look up the runtimes in AWS's documentation".to_owned(),
            };
            warning(WarningCode::UnknownRuntime, "/runtime", message, hint)
        }
    }
}

/// Warns that the function would have one list of the VPC configuration without the other one.
pub(crate) fn half_vpc(given: &str, missing: &str, names_subnets: bool) -> Warning {
    let message =
        format!("the function would have `{given}` without `{missing}`; AWS refuses one without the other");
    let at = if names_subnets { "/subnet_ids" } else { "/security_group_ids" };
    warning(WarningCode::OutOfRange, at, message, "set both, or neither of them")
}

/// Warns that the description of a new version does not fit.
pub(crate) fn version_description_cut(characters: usize) -> Warning {
    let message = format!(
        "the description of the version has {characters} characters with the build and the commit; \
         AWS documents at most 256, so the rest is cut off"
    );
    warning(WarningCode::OutOfRange, "/description", message, "shorten `description`")
}

/// Warns that AWS refused the code in the dry run of a plan, or that the dry run itself failed.
pub(crate) fn from_failed_dry_run(error: &ErrorReport) -> Warning {
    if error.retryable || error.aws.is_none() {
        let message = format!("the dry run of UpdateFunctionCode failed: {}", error.message);
        let hint =
            "run the plan again to repeat the dry run; nothing was changed, and the plan itself is valid";
        return warning(WarningCode::NotRehearsed, "/zip", message, hint);
    }
    let reason = error.message.trim_start_matches("AWS refused UpdateFunctionCode: ");
    let message = format!("AWS would refuse UpdateFunctionCode: {reason}");
    Warning {
        hint: error.hint.clone(),
        at: error.at.clone(),
        policy_statement: error.policy_statement.clone(),
        ..Warning::new(WarningCode::WouldBeRefused, message)
    }
}

/// Warns about a problem of a stanza that is skipped. It must not fail the run: Travis would not have run dpl
/// at all.
pub(crate) fn from_harmless(problem: &Problem) -> Warning {
    let message = format!(
        "this error has no effect in this run, but would make a deployment fail: {}",
        problem.message
    );
    Warning {
        hint: problem.hint.clone(),
        at: problem.at.clone(),
        ..Warning::new(WarningCode::StanzaProblem, message)
    }
}

/// Warns that `cleanup` has no effect in a command that does not deploy.
pub(crate) fn not_cleaned_up() -> Warning {
    let message = "`cleanup` applies to deployments only: this package also contains uncommitted files";
    let hint = "expect the package of a deployment to have another hash";
    warning(WarningCode::NotCleanedUp, "/cleanup", message, hint)
}

/// Warns that `cleanup` stashed uncommitted files. Sent right after that, so that a user of a killed run
/// knows the stash's name.
pub(crate) fn stashed(commit: &str) -> Warning {
    let hint = "run `git stash pop` if this run is killed; otherwise the run restores the files at its end; git keeps copies in `.git` until `git gc` removes them";
    warning(WarningCode::Stashed, "/cleanup", format!("uncommitted files were stashed as {commit}"), hint)
}

/// Warns about uncommitted files that `cleanup` could not stash.
pub(crate) fn not_stashed(names: &[String]) -> Warning {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
    let message =
        format!("git cannot stash {}{more}; the build directory still contains them", shown.join(", "));
    let hint = "exclude them with `exclude`; in a repository inside the checkout, commit or undo the changes";
    warning(WarningCode::NotStashed, "/cleanup", message, hint)
}

/// Warns about stashed files that could not be restored. `reason` is git's error text, redacted.
pub(crate) fn stash_kept(commit: &str, reason: &str) -> Warning {
    let message = format!("the stashed files could not be restored: {reason}");
    let hint = format!("run `git stash apply {commit}` to restore them; nothing is lost");
    warning(WarningCode::StashKept, "/cleanup", message, hint)
}

/// Warns that Lambda cannot assume a new role yet, because IAM's change has not reached Lambda.
pub(crate) fn role_not_ready() -> Warning {
    let message = "Lambda cannot assume the function's role yet; retrying for up to 30 s";
    let hint = "wait: Lambda can assume a new role only after a few seconds";
    warning(WarningCode::RoleNotReady, "/role", message, hint)
}

/// Warns that the function changed after it was planned. `may_be_ours`: the response to an earlier request of
/// this run was lost, so that request may have made the change.
pub(crate) fn function_changed(may_be_ours: bool) -> Warning {
    let who = match may_be_ours {
        true => "a request of this run whose response was lost, or by someone else",
        false => "someone else",
    };
    let message =
        format!("the function was changed by {who} during this run; re-planned against its new state");
    let warning = Warning::new(WarningCode::FunctionChanged, message);
    if may_be_ours { warning } else { warning.hint(TWO_JOBS) }
}

/// Warns that someone else's deployment replaced the code of this one.
pub(crate) fn overtaken() -> Warning {
    let message =
        "the code of this deployment was live, but someone else deployed other code immediately afterwards";
    Warning::new(WarningCode::Overtaken, message).hint(TWO_JOBS)
}

/// Warns that another deployment has changed an alias or a function of a release.
pub(crate) fn release_overtaken(release: &str) -> Warning {
    let message = format!("someone else changed this function during the release `{release}`");
    Warning::new(WarningCode::Overtaken, message).hint(TWO_JOBS)
}

/// Warns that the last release has not moved all its aliases. `alias` is the one that it moves last.
pub(crate) fn release_unfinished(release: &str, alias: &str, is_rollback: bool) -> Warning {
    let now = if is_rollback { "takes back what it has moved" } else { "ends it" };
    let message = format!(
        "the last release `{release}` is incomplete: it has not moved `{alias}`, because it was killed or still \
         runs, or that alias was moved back; this run {now}"
    );
    warning(WarningCode::ReleaseUnfinished, "/release", message, TWO_JOBS)
}

/// Warns that the description of an alias has no space for the mark of a release.
pub(crate) fn release_not_recorded(release: &str, alias: &str) -> Warning {
    let message = format!(
        "the description of `{alias}` is too long to record the release `{release}`; a rollback of the \
         release leaves this function as it is"
    );
    let hint = "shorten the description of the alias to at most 140 characters";
    warning(WarningCode::ReleaseNotRecorded, "/alias", message, hint)
}

/// Warns that a function of a release has no alias, so that its changes cannot be held back.
pub(crate) fn not_held_back(release: &str) -> Warning {
    let message = format!(
        "without `alias`, this function is updated as the last one of the release `{release}`, and the update \
         is not undone if the release fails"
    );
    warning(WarningCode::NotHeldBack, "/alias", message, "set `alias`, and let callers use the alias")
}

/// Warns that this run ends an alias's traffic split.
pub(crate) fn weights_cleared(cleared: &ClearedWeights) -> Warning {
    let ClearedWeights { alias, version, percent } = cleared;
    let message =
        format!("`{alias}` sends {percent} % of its traffic to version {version}; this run ends that split");
    let hint = "check whether someone else needs the split; it may be left over from a deployment that did not finish";
    warning(WarningCode::WeightsCleared, "/alias", message, hint)
}

/// Warns about an event source mapping that calls the function itself. `effect` says what follows from that.
pub(crate) fn event_source_bypasses_alias(source: &EventSource, alias: &str, effect: &str) -> Warning {
    let EventSource { uuid, name, is_enabled } = source;
    let calls = if *is_enabled { "calls" } else { "is disabled; once enabled, it calls" };
    let hint = format!("set `follow_alias: true`, and a deployment moves the mapping {uuid} to `{alias}`");
    bypasses_alias(format!("{name} {calls} the function, not `{alias}`: {effect}"), hint)
}

/// Warns about a caller that may invoke the function itself. `effect` says what follows from that.
pub(crate) fn caller_bypasses_alias(
    caller: &PolicyCaller,
    alias: &str,
    effect: &str,
    function_name: &str,
) -> Warning {
    let PolicyCaller { name, statement_id } = caller;
    let hint = format!(
        "permit it to call `{alias}` (aws lambda add-permission --function-name {function_name} --qualifier \
         {alias} …), let it use the ARN of `{alias}`, then remove the statement `{statement_id}` from the \
         function's policy (aws lambda remove-permission)"
    );
    bypasses_alias(format!("{name} may call the function, not `{alias}`: {effect}"), hint)
}

/// Warns about the URL of the function itself.
pub(crate) fn url_bypasses_alias(url: &str, alias: &str, function_name: &str) -> Warning {
    let message =
        format!("{url} serves the code that was deployed last, not the version at which `{alias}` points");
    let hint = format!(
        "move the callers of this URL to the URL of `{alias}`, which `function_url` creates, then delete this \
         URL: aws lambda delete-function-url-config --function-name {function_name}"
    );
    bypasses_alias(message, hint)
}

fn bypasses_alias(message: String, hint: String) -> Warning {
    warning(WarningCode::BypassesAlias, "/alias", message, hint)
}

/// Warns that it is not known what calls the function itself, because AWS denied these operations.
pub(crate) fn callers_unknown(alias: &str, denied: &[&str]) -> Warning {
    let actions: Vec<String> = denied.iter().map(|operation| format!("lambda:{operation}")).collect();
    let message = format!(
        "it is not known what calls the function instead of `{alias}`: this identity may not call {}",
        actions.join(", ")
    );
    let hint = "allow these actions, which `dpl-lambda policy` lists in the statements that begin with \
                `Optional`, or ignore this warning; the deployment does not need them";
    warning(WarningCode::CallersUnknown, "/alias", message, hint)
}

/// Warns about an alarm of the guard that fires before the deployment.
pub(crate) fn alarm_already_firing(name: &str) -> Warning {
    let message = format!("CloudWatch alarm `{name}` fires already; this run ignores it");
    let hint = "fix what the alarm reports; it is ignored so that this deployment can be the fix";
    warning(WarningCode::AlarmAlreadyFiring, "/guard/alarms", message, hint)
}

/// Warns that too few invocations of the new version were counted to judge its errors.
pub(crate) fn guard_undecided(new: &VersionCounts, threshold: ErrorThreshold) -> Warning {
    let message = format!(
        "only {} of version {} {} counted; `errors: {}%` needs {}",
        counted(new.invocations, "invocation", "invocations"),
        new.version,
        if new.invocations == 1 { "was" } else { "were" },
        threshold.text(),
        threshold.needed()
    );
    let hint = "increase `guard.bake`, or watch an alarm with `guard.alarms`; nothing has fired";
    warning(WarningCode::GuardUndecided, "/guard/errors", message, hint)
}

/// Warns about an old version that AWS refuses to delete: an alias uses it, or CloudFront has replicas of it.
pub(crate) fn version_kept(version: Option<&str>, is_replicated: bool) -> Warning {
    let message = format!("version {} is in use and was not deleted", version.unwrap_or_default());
    let hint = if is_replicated {
        "remove the version from its CloudFront distributions; a deployment some hours later deletes it"
    } else {
        "move the alias that someone else set to this version during the run; a later deployment then deletes the version"
    };
    warning(WarningCode::VersionKept, "/keep_versions", message, hint)
}

/// Warns about an old version that is not deleted, because something still uses it.
pub(crate) fn version_in_use(version: &str, used: VersionUse) -> Warning {
    let (what, hint) = match used {
        VersionUse::DurableExecution => (
            "still has durable executions",
            "wait until they have ended, or stop them with `aws lambda stop-durable-execution`",
        ),
        VersionUse::EventSource => (
            "is called by an event source mapping",
            "make the mapping call an alias, with `aws lambda update-event-source-mapping`",
        ),
        VersionUse::ProvisionedConcurrency => (
            "has provisioned concurrency",
            "remove that with `aws lambda delete-provisioned-concurrency-config` if nobody needs it",
        ),
        VersionUse::Callers => (
            "has a resource policy that lets others call it",
            "make them call an alias, and remove the statements with `aws lambda remove-permission`",
        ),
    };
    let message = format!("version {version} {what} and is not deleted");
    let hint = format!("{hint}; a later deployment then deletes the version");
    warning(WarningCode::VersionKept, "/keep_versions", message, hint)
}

/// Warns that `version` has no effect in a command other than `rollback`.
pub(crate) fn version_without_rollback() -> Warning {
    let message = "`version` applies to `dpl-lambda rollback` only and has no effect here";
    let hint = "remove `version`: a deployment publishes a new version";
    warning(WarningCode::WithoutEffect, "/version", message, hint)
}

/// Warns about a live value that cannot be read, so that it is set even if it is the same.
pub(crate) fn live_value_unknown(field: &str) -> Warning {
    let message = format!(
        "the live value of `{field}` cannot be read, so the value of the stanza is set without a comparison"
    );
    let hint = "check that the caller may read the setting and use the function's KMS key";
    warning(WarningCode::LiveValueUnknown, &format!("/{}", field.replace('.', "/")), message, hint)
}

fn warning(code: WarningCode, at: &str, message: impl Into<String>, hint: impl Into<String>) -> Warning {
    Warning::new(code, message).hint(hint).at(at)
}
