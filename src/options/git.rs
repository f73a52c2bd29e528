//! The name of a git fact in, what git itself says of it out. Effect: starts git, in the job's environment.
#![expect(clippy::disallowed_methods, reason = "asks git: this is the room for it")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::child;
use crate::protocol::environment::Environment;
use crate::protocol::event::Stream;
use crate::stop::Stop;

/// The arguments by which git tells a fact, or nothing for a name that is none. Names are dpl's.
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

/// How long git may take to tell a fact; it looks at what is there already.
const LIMIT: Duration = Duration::from_secs(10);

/// What git says. `None`: there is no git or no repository, or for a tag: the commit has none.
pub(super) fn fact(name: &str, env: &Environment, directory: &Path, stop: &Stop) -> Option<String> {
    let mut git = Command::new("git");
    child::with_env(git.args(arguments(name)?).current_dir(directory), env);
    let mut told = Vec::new();
    let mut hear = |stream, bytes: &[u8]| {
        if stream == Stream::Stdout {
            told.extend_from_slice(bytes);
        }
    };
    let status = child::run(&mut git, env, None, Some(LIMIT), Some(stop), &mut hear).ok()?;
    status.success().then(|| String::from_utf8_lossy(&told).trim().to_owned())
}
