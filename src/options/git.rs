//! The facts of a git repository that a description may name.

use std::path::Path;

use crate::git::{self, GitError};
use crate::protocol::environment::Environment;
use crate::stop::Stop;

/// The arguments by which git prints a fact. `None`: there is no fact of this name. Names are dpl's.
fn arguments(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "git_author_email" => &["log", "-1", "--pretty=%ae"],
        "git_author_name" => &["log", "-1", "--pretty=%an"],
        "git_branch" => &["rev-parse", "--abbrev-ref", "HEAD"],
        "git_commit_author" => &["log", "-1", "--pretty=%cn"],
        "git_commit_msg" => &["log", "-1", "--pretty=%B"],
        "git_sha" => &["rev-parse", "HEAD"],
        "git_tag" => &["describe", "--tags", "--exact-match"],
        _ => return None,
    })
}

/// True for the name of a git fact.
pub(super) fn is_fact(name: &str) -> bool {
    arguments(name).is_some()
}

/// The fact of this name. `None`: the repository has none, or there is no repository.
///
/// # Errors
/// [`GitError`]: git could not be asked.
pub(super) fn fact(name: &str, env: &Environment, directory: &Path, stop: &Stop) -> Result<Option<String>, GitError> {
    arguments(name).map_or(Ok(None), |arguments| git::ask(arguments, env, directory, stop))
}
