//! What a run comes upon in, the warning that tells it out. All sentences of such warnings stand here; those about what is
//! written in a stanza stand with its readers.
//! Never decides whether something is worth a warning.

use crate::package::{Missing, Note};
use crate::plan::Cleared;
use crate::protocol::error::{ErrorReport, Problem, Warning, WarningCode};
use crate::protocol::runtimes::Outlook;

/// What will surprise about a package's contents.
pub fn of_note(note: &Note) -> Warning {
    let (message, hint) = match note {
        Note::NoFile { name } => (
            format!("`{name}` is a socket, a pipe or a device, and is left out of the package"),
            "no archive can hold it",
        ),
        Note::Dangles { name, target } => (
            format!("the link `{name}` to `{target}` will point to nothing at Lambda"),
            "`symlinks: external` packages what such a link points to",
        ),
        Note::StalePyc { name, count } => (
            format!(
                "{count} compiled Python files such as `{name}` will be stale at Lambda, where each cold start compiles their sources again"
            ),
            "leave them out (`exclude: __pycache__/`), or make them with `python -m compileall --invalidation-mode unchecked-hash`",
        ),
        Note::Hidden { name, target } => (
            format!("the link `{name}` leads to `{target}`, which is hidden, and is left out of the package"),
            "`dot_match: true` packages hidden files; `.git` is never packaged",
        ),
        Note::Circle { name, target } => (
            format!("the link `{name}` to `{target}` leads back to where it stands, and is left out of the package"),
            "`symlinks: preserve` keeps it as a link",
        ),
    };
    let code = match note {
        Note::NoFile { .. } | Note::Hidden { .. } | Note::Circle { .. } => WarningCode::FileLeftOut,
        Note::Dangles { .. } => WarningCode::DanglingLink,
        Note::StalePyc { .. } => WarningCode::StalePyc,
    };
    warning(code, "/zip", message, hint)
}

/// What Lambda will not find in the package when it calls `handler`.
pub fn missing_from_package(missing: &Missing, handler: &str) -> Warning {
    let moved = |elsewhere: &Option<String>, otherwise: &str| match elsewhere {
        Some(name) => format!("the package has `{name}`: is `zip` the right directory?"),
        None => otherwise.to_owned(),
    };
    match missing {
        Missing::Handler { candidates, elsewhere } => warning(
            WarningCode::HandlerNotFound,
            "/handler_name",
            format!("the handler is `{handler}`, and the package has no `{}`", candidates.join("`, `")),
            &moved(elsewhere, "`module_name` is the file's path without its ending"),
        ),
        Missing::Bootstrap { elsewhere } => warning(
            WarningCode::HandlerNotFound,
            "/zip",
            "a runtime of one's own starts `bootstrap`, and the package has none at its root".to_owned(),
            &moved(elsewhere, "name the program so, or name a layer that holds it"),
        ),
        Missing::ExecutableBit => warning(
            WarningCode::HandlerNotFound,
            "/zip",
            "`bootstrap` is not executable, so Lambda cannot start it".to_owned(),
            "chmod +x bootstrap",
        ),
    }
}

/// What will surprise about the runtime `id`; `is_named`: the stanza says so, and not the live function.
pub fn of_runtime(id: &str, outlook: &Outlook, is_named: bool) -> Warning {
    let whose = if is_named { "the runtime" } else { "the live function's runtime" };
    let go_to = |successor: &str| format!("switch to `{successor}`");
    let (code, message, hint) = match outlook {
        Outlook::Deprecated(runtime) => (
            WarningCode::DeprecatedRuntime,
            format!(
                "{whose} `{id}` is deprecated since {}; from {} AWS refuses to update functions that have it",
                runtime.deprecated, runtime.blocked
            ),
            go_to(runtime.successor),
        ),
        Outlook::Blocked(runtime) => (
            WarningCode::DeprecatedRuntime,
            format!(
                "{whose} `{id}` is deprecated since {}; since {} AWS refuses to update functions that have it",
                runtime.deprecated, runtime.blocked
            ),
            go_to(runtime.successor),
        ),
        Outlook::Unknown { nearest, is_deprecated } => (
            WarningCode::UnknownRuntime,
            format!("{whose} `{id}` is not one that this version knows; AWS decides"),
            match nearest {
                Some(near) if *is_deprecated => {
                    format!("did you mean `{}`? that is deprecated; switch to `{}`", near.id, near.successor)
                }
                Some(near) => format!("did you mean `{}`?", near.id),
                None => "AWS's documentation lists the runtimes that there are".to_owned(),
            },
        ),
    };
    warning(code, "/runtime", message, &hint)
}

/// A plan whose code AWS would refuse, or of which it did not say.
pub fn of_rehearsal(error: &ErrorReport) -> Warning {
    if error.retryable || error.aws.is_none() {
        let message = format!("AWS did not say whether it would take the code: {}", error.message);
        return warning(WarningCode::NotRehearsed, "/zip", message, "nothing was changed; the plan itself holds");
    }
    let words = error.message.trim_start_matches("AWS refused UpdateFunctionCode: ");
    let message = format!("AWS would refuse this: {words}");
    Warning { code: WarningCode::WouldBeRefused, message, hint: error.hint.clone(), at: error.at.clone() }
}

/// What is wrong with a stanza that is skipped: Travis would never have run dpl.
pub fn of_harmless(problem: &Problem) -> Warning {
    Warning {
        code: WarningCode::StanzaProblem,
        message: format!("this does not matter now, but would fail a deployment: {}", problem.message),
        hint: problem.hint.clone(),
        at: problem.at.clone(),
    }
}

/// `cleanup` where nothing is deployed.
pub fn not_cleaned_up() -> Warning {
    let message = "`cleanup` is for deployments: this package holds uncommitted files, too".to_owned();
    warning(WarningCode::NotCleanedUp, "/cleanup", message, "its hash may differ from that of the deployment")
}

/// Files that were put aside, named before anything can go wrong.
pub fn stashed(commit: &str) -> Warning {
    let hint = "they come back at the end; if this run is killed, `git stash pop` brings them back. git keeps copies in `.git` until `git gc` removes them";
    warning(WarningCode::Stashed, "/cleanup", format!("uncommitted files are put aside as stash {commit}"), hint)
}

/// Files that could not be put aside.
pub fn not_stashed(names: &[String]) -> Warning {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
    let message = format!("git cannot put {}{more} aside; the build directory holds them still", shown.join(", "));
    let hint = "leave them out by `exclude`, or commit or remove what was changed in a repository inside this one";
    warning(WarningCode::NotStashed, "/cleanup", message, hint)
}

/// Files that were put aside and are not back. `words` are git's, without secrets.
pub fn stash_kept(commit: &str, words: &str) -> Warning {
    let message = format!("the stashed files could not be restored: {words}");
    let hint = format!("nothing is lost: `git stash apply {commit}` brings them back");
    warning(WarningCode::StashKept, "/cleanup", message, &hint)
}

/// A role that IAM has not yet told Lambda about.
pub fn role_not_ready() -> Warning {
    let message = "Lambda cannot assume the function's role yet; trying for up to 30 s".to_owned();
    warning(WarningCode::RoleNotReady, "/role", message, "a role that was created just now needs some seconds")
}

/// A function that is not the one that was planned for. `may_be_ours`: an answer was lost before.
pub fn function_changed(may_be_ours: bool) -> Warning {
    let (who, hint) = match may_be_ours {
        true => ("a request of ours whose answer was lost, or somebody else,", None),
        false => ("somebody else", Some("do two jobs deploy it at the same time?".to_owned())),
    };
    let message = format!("{who} has changed the function meanwhile; it was read again, and this is the new plan");
    Warning { code: WarningCode::FunctionChanged, message, hint, at: None }
}

/// Code that is not live any more.
pub fn overtaken() -> Warning {
    let message = "this code was live, and somebody else has deployed other code right behind it".to_owned();
    let hint = Some("do two jobs deploy the function at the same time?".to_owned());
    Warning { code: WarningCode::Overtaken, message, hint, at: None }
}

/// A share of an alias's traffic that goes.
pub fn weights_cleared(cleared: &Cleared) -> Warning {
    let Cleared { alias, version, percent } = cleared;
    let message = format!("{percent} % of the alias {alias}'s traffic goes to version {version}, and that has to end");
    let hint = "left over from a deployment that did not come to its end, or from somebody else's";
    warning(WarningCode::WeightsCleared, "/alias", message, hint)
}

/// An address of the function itself beside that of an alias.
pub fn url_on_latest(url: &str, alias: &str, function_name: &str) -> Warning {
    let message = format!("{url} serves what was deployed last, and not what `{alias}` points at");
    let hint = format!(
        "send its callers to the address of `{alias}`, then remove it: aws lambda delete-function-url-config --function-name {function_name}"
    );
    warning(WarningCode::UrlOnLatest, "/function_url", message, &hint)
}

/// A version that AWS does not delete.
pub fn version_kept(version: Option<&str>) -> Warning {
    let message = format!("version {} is in use, and is not deleted", version.unwrap_or_default());
    let hint = "an alias was moved to it meanwhile; a later deployment deletes it, once nobody needs it";
    warning(WarningCode::VersionKept, "/keep_versions", message, hint)
}

/// `version` where nothing goes back.
pub fn version_without_rollback() -> Warning {
    let message = "`version` is for `dpl-lambda rollback`, and has no effect here".to_owned();
    warning(WarningCode::WithoutEffect, "/version", message, "leave it out; a deployment makes a version of its own")
}

/// A live value that AWS does not show.
pub fn live_value_unknown(field: &str) -> Warning {
    let message = format!("the live value of `{field}` cannot be read, so it is set without being compared");
    let hint = "the caller may lack a permission, or the function's KMS key";
    warning(WarningCode::LiveValueUnknown, &format!("/{}", field.replace('.', "/")), message, hint)
}

fn warning(code: WarningCode, at: &str, message: String, hint: &str) -> Warning {
    Warning { code, message, hint: Some(hint.to_owned()), at: Some(at.to_owned()) }
}
