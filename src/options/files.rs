//! The job's `~/.aws` files in, dpl's options in them out.
//! Never looks beyond the job's own `HOME` and variables: without them there is no file.
#![expect(clippy::disallowed_methods, reason = "reads ~/.aws: this is the room for it")]

use std::collections::BTreeMap;
use std::fs;

use crate::protocol::environment::Environment;

/// Options by name, each with its value and where it stands. A leading `aws_` of a key is no part of the name.
/// The section is that of `profile`, else of `AWS_PROFILE`, else `default`. `credentials` goes before `config`, as in dpl.
pub(super) fn read(env: &Environment, profile: Option<String>) -> BTreeMap<String, (String, String)> {
    let variable = || env.get("AWS_PROFILE").filter(|profile| !profile.is_empty()).map(std::borrow::Cow::into_owned);
    let profile = profile.or_else(variable).unwrap_or_else(|| "default".to_owned());
    let mut options = BTreeMap::new();
    for (variable, name) in [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")] {
        let path = match (env.get(variable), env.get("HOME")) {
            (Some(path), _) => path.into_owned(),
            (None, Some(home)) => format!("{home}/.aws/{name}"),
            (None, None) => continue,
        };
        // A file that is not there, or not readable, has no options; the SDK complains if it needs it for credentials.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (key, value) in section(&text, &profile) {
            let key = key.strip_prefix("aws_").unwrap_or(key);
            options.entry(key.to_owned()).or_insert_with(|| (value.to_owned(), format!("the file {path}")));
        }
    }
    options
}

/// The `key = value` lines of `[profile]` or `[profile profile]`.
fn section<'a>(text: &'a str, profile: &str) -> Vec<(&'a str, &'a str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let name = name.trim();
            inside = name == profile || name.strip_prefix("profile ").is_some_and(|name| name.trim() == profile);
        } else if inside && !line.starts_with(['#', ';']) {
            lines.extend(line.split_once('=').map(|(key, value)| (key.trim(), value.trim())));
        }
    }
    lines
}
