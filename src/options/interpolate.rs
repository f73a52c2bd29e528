//! Replaces `%{name}` in a description by values of options and of git.
//! Runs git only for values that the description uses.

use std::collections::BTreeMap;
use std::path::Path;

use super::expand::too_large;
use super::git;
use crate::cancel::CancelToken;
use crate::git::GitError;
use crate::protocol::environment::Environment;
use crate::protocol::error::{Problem, Warning, WarningCode};
use crate::protocol::json::{MAX_REQUEST_BYTES, Map, Node};

/// The options that a description can use, in addition to git values and the build number.
#[rustfmt::skip]
const OPTIONS: [&str; 12] = [
    "dead_letter_arn", "function_name", "handler_name", "kms_key_arn", "memory_size", "module_name", "region",
    "role", "runtime", "timeout", "tracing_mode", "zip",
];

/// The default description of a new function, which is that of dpl. `None`: the job has no build number.
pub(crate) fn default_description(env: &Environment) -> Option<String> {
    let number = env.non_empty("TRAVIS_BUILD_NUMBER")?;
    Some(format!("Deploy build {number} to AWS Lambda via Travis CI"))
}

/// The description of a published version: the description in the stanza, the build and the commit. `None`:
/// none of them is known.
pub(crate) fn version_description(
    description: Option<&str>,
    env: &Environment,
    directory: &Path,
    stop: &CancelToken,
) -> Option<String> {
    let build = env.non_empty("TRAVIS_BUILD_NUMBER").map(|number| format!("build {number}"));
    let commit = env.non_empty("TRAVIS_COMMIT").map(std::borrow::Cow::into_owned);
    // Ignore git errors, because nothing depends on the description. Without git it lacks the commit.
    let commit = commit.or_else(|| git::fact("git_sha", env, directory, stop).ok().flatten());
    let commit = commit.map(|sha| format!("commit {}", sha.chars().take(SHORT_SHA).collect::<String>()));
    let own = description.filter(|text| !text.is_empty()).map(str::to_owned);
    let parts: Vec<String> = [own, build, commit].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Length of the commit hash in descriptions, in characters.
const SHORT_SHA: usize = 12;

/// Replaces `%{name}` in the description of the stanza.
pub(super) fn description(
    stanza: &mut Map,
    warnings: &mut Vec<Warning>,
    problems: &mut Vec<Problem>,
    env: &Environment,
    directory: &Path,
    stop: &CancelToken,
) {
    let Some(Node::Text(text)) = stanza.get("description") else { return };
    if !text.contains("%{") {
        return;
    }
    let mut lacks_git = false;
    let mut facts: BTreeMap<String, Result<Option<String>, GitError>> = BTreeMap::new();
    let filled = fill(text, |name| match name {
        "build_number" => env.expand("TRAVIS_BUILD_NUMBER").into_owned(),
        name if OPTIONS.contains(&name) => {
            stanza.get(name).and_then(Node::scalar).unwrap_or_else(|| default(name, env))
        }
        name if git::is_fact(name) => {
            let ask = || git::fact(name, env, directory, stop);
            let fact = facts.entry(name.to_owned()).or_insert_with(ask);
            lacks_git |= match fact {
                // Most commits have no tag, so a missing tag is no reason for a warning.
                Ok(None) => name != "git_tag",
                Ok(Some(_)) => false,
                Err(_) => true,
            };
            fact.as_ref().ok().cloned().flatten().unwrap_or_default()
        }
        name => format!("[unknown variable: {name}]"),
    });
    if lacks_git {
        let message = "`description` uses values that git did not return; they are left empty";
        let hint = "check that git is installed and the build directory is a checkout";
        warnings.push(Warning::new(WarningCode::NoRepository, message).hint(hint).at("/description"));
    }
    let Some(filled) = filled else {
        problems.push(too_large("/description"));
        return;
    };
    let filled = Node::Text(filled);
    *stanza = stanza
        .iter()
        .map(|(key, node)| (key.to_owned(), if key == "description" { filled.clone() } else { node.clone() }))
        .collect();
}

/// The default of an option that the stanza does not have. Empty if the default depends on the live function.
fn default(name: &str, env: &Environment) -> String {
    let region =
        || ["AWS_REGION", "AWS_DEFAULT_REGION", "LAMBDA_REGION"].iter().find_map(|name| env.get(name));
    match name {
        "region" => region().unwrap_or("us-east-1".into()).into_owned(),
        "module_name" => "index".to_owned(),
        "zip" => ".".to_owned(),
        _ => String::new(),
    }
}

/// Replaces each `%{name}`. A `%{` without a closing brace is left unchanged. `None`: the result would be
/// larger than a request may be.
fn fill(text: &str, mut value: impl FnMut(&str) -> String) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("%{") {
        let Some((name, behind)) = inside.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&value(name));
        if filled.len() > MAX_REQUEST_BYTES {
            return None;
        }
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}
