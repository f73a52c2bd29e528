//! Reads options of dpl from the job's `~/.aws` files.
//! Finds the files only by `HOME` and other variables of the job. Without these variables it reads no file.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::bounded_read;
use crate::protocol::environment::Environment;

/// Options by name, each with its value and the file that contains it. A prefix `aws_` of a key is removed.
/// Reads the section of `profile`, else of `AWS_PROFILE`, else `default`. `credentials` takes precedence over
/// `config`, as in dpl.
pub(super) fn read(env: &Environment, profile: Option<String>) -> BTreeMap<String, (String, String)> {
    let variable = || env.non_empty("AWS_PROFILE").map(Cow::into_owned);
    let profile = profile.or_else(variable).unwrap_or_else(|| "default".to_owned());
    let mut options = BTreeMap::new();
    for (path, text) in texts(env) {
        for (key, value) in section(&text, &profile) {
            let key = key.strip_prefix("aws_").unwrap_or(key);
            options.entry(key.to_owned()).or_insert_with(|| (value.to_owned(), format!("the file {path}")));
        }
    }
    options
}

/// Whether one of the files has a section for the profile `name`: `[name]` in `credentials`, or `[profile
/// name]` in `config`.
pub(crate) fn defines_profile(env: &Environment, name: &str) -> bool {
    let is_it = |line: &str| {
        let header =
            line.trim().strip_prefix('[').and_then(|line| line.split(']').next()).unwrap_or_default().trim();
        let after = header.strip_prefix("profile").filter(|after| after.starts_with([' ', '\t']));
        after.unwrap_or(header).trim() == name
    };
    !name.is_empty() && texts(env).iter().any(|(_, text)| text.lines().any(is_it))
}

/// Paths and contents of the files that can be read, `credentials` first.
fn texts(env: &Environment) -> Vec<(String, String)> {
    // Ignore a file that does not exist or cannot be read. The SDK reports it if it needs the file for
    // credentials.
    let read = |path: String| bounded_read::read_to_string(Path::new(&path)).ok().map(|text| (path, text));
    paths(env).into_iter().filter_map(read).collect()
}

/// Paths of the files in which the SDK looks for profiles, `credentials` first.
pub(crate) fn paths(env: &Environment) -> Vec<String> {
    let mut paths = Vec::new();
    for (variable, name) in [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")] {
        // The same rules as in the SDK, except that without a home the SDK reads from a directory named `~`.
        let home = env.get("HOME").filter(|home| home.starts_with('/'));
        let path = env
            .get(variable)
            .filter(|path| !path.is_empty())
            .map_or(format!("~/.aws/{name}"), Cow::into_owned);
        let path = match (path.strip_prefix("~/"), home) {
            (None, _) => path,
            (Some(rest), Some(home)) => format!("{home}/{rest}"),
            (Some(_), None) => continue,
        };
        paths.push(path);
    }
    paths
}

/// The `key = value` lines in the section `[profile]` or `[profile profile]`, where the last word is the name
/// in `profile`.
fn section<'a>(text: &'a str, profile: &str) -> Vec<(&'a str, &'a str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let name = name.trim();
            inside =
                name == profile || name.strip_prefix("profile ").is_some_and(|name| name.trim() == profile);
        } else if inside && !line.starts_with(['#', ';']) {
            lines.extend(line.split_once('=').map(|(key, value)| (key.trim(), value.trim())));
        }
    }
    lines
}
