//! What a run comes upon in, the warning that tells it out. All sentences of such warnings stand here; those about what is
//! written in a stanza stand with its readers.
//! Never decides whether something is worth a warning.

use crate::package::Note;
use crate::protocol::error::{Problem, Warning, WarningCode};

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
        Note::Circle { name, target } => (
            format!("the link `{name}` to `{target}` leads back to where it stands, and is left out of the package"),
            "`symlinks: preserve` keeps it as a link",
        ),
    };
    let code = match note {
        Note::NoFile { .. } | Note::Circle { .. } => WarningCode::FileLeftOut,
        Note::Dangles { .. } => WarningCode::DanglingLink,
    };
    warning(code, "/zip", message, hint)
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
    let hint = "they come back at the end; if this run is killed, `git stash pop` brings them back";
    warning(WarningCode::Stashed, "/cleanup", format!("uncommitted files are put aside as stash {commit}"), hint)
}

/// Files that were put aside and are not back. `words` are git's, without secrets.
pub fn stash_kept(commit: &str, words: &str) -> Warning {
    let message = format!("the files that were put aside are not back: {words}");
    let hint = format!("nothing is lost: `git stash apply {commit}` brings them back");
    warning(WarningCode::StashKept, "/cleanup", message, &hint)
}

/// A role that IAM has not yet told Lambda about.
pub fn role_not_ready() -> Warning {
    let message = "Lambda cannot assume the function's role yet; trying for up to 30 s".to_owned();
    warning(WarningCode::RoleNotReady, "/role", message, "a role that was created just now needs some seconds")
}

/// A live value that AWS does not show.
pub fn live_value_unknown(field: &str) -> Warning {
    let message = format!("the live value of `{field}` cannot be read, so it is set without being compared");
    let hint = "the caller may lack a permission, or the function's KMS key";
    warning(WarningCode::LiveValueUnknown, &format!("/{field}"), message, hint)
}

fn warning(code: WarningCode, at: &str, message: String, hint: &str) -> Warning {
    Warning { code, message, hint: Some(hint.to_owned()), at: Some(at.to_owned()) }
}
