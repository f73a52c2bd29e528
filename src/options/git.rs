//! Reads the values of a git repository that a description can use.

use std::path::Path;

use crate::cancel::CancelToken;
use crate::git::{self, GitError};
use crate::protocol::environment::Environment;

/// The arguments with which git prints a value. `None`: there is no value of this name. The names are those
/// of dpl.
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

pub(super) fn is_fact(name: &str) -> bool {
    arguments(name).is_some()
}

/// The git value named `name`. `None`: the repository does not have it, or there is no repository.
///
/// # Errors
/// [`GitError`], if git could not be run.
pub(super) fn fact(
    name: &str,
    env: &Environment,
    directory: &Path,
    stop: &CancelToken,
) -> Result<Option<String>, GitError> {
    arguments(name).map_or(Ok(None), |arguments| git::query(arguments, env, directory, stop))
}
