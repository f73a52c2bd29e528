//! The job's environment: the request's `env`, or the process's own when the request has none.
//! Never falls back from one to the other for a single variable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// Where programs are looked for when the job has no `PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variables of a job. Its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// Words in a variable's name that common usage gives to secrets.
const SECRET_WORDS: [&str; 23] = [
    "PAT",
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "KEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "WEBHOOK",
    "SECRETS",
    "TOKENS",
    "PASSWORDS",
    "KEYS",
    "AUTHORIZATION",
    "JWT",
    "DSN",
    "COOKIE",
    "SSHPASS",
    "WEBHOOKS",
];

/// Ends of words that are run together: `PGPASSWORD`, `APIKEY`.
const SECRET_ENDS: [&str; 8] =
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "PRIVATEKEY", "ACCESSKEY", "CREDENTIALS"];

/// Names with such a word in them that hold nothing secret: the shell's directories.
const NO_SECRETS: [&str; 2] = ["PWD", "OLDPWD"];

impl Environment {
    /// The variable's value, lossy where it is not UTF-8; `None` when it is not set.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(OsStr::new(name)).map(|value| value.to_string_lossy())
    }

    /// The variable's value as bash would expand it: empty when it is not set.
    pub fn expand(&self, name: &str) -> Cow<'_, str> {
        self.get(name).unwrap_or_default()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The same with another variable, which replaces one of its name.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Environment {
        let mut variables = self.0.clone();
        variables.insert(name.into(), value.into());
        Environment(variables)
    }

    /// The values of variables whose name AWS or common usage calls secret.
    pub fn secrets(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(names_a_secret))
            .map(|(_, value)| value.to_string_lossy())
    }
}

/// True for `AWS_SECRET_ACCESS_KEY`, `GITHUB_TOKEN`, `dbPassword`, …; false for `KEYBOARD` and `MONKEY`.
pub fn names_a_secret(name: &str) -> bool {
    let is_secret = |word: &str| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        SECRET_WORDS.contains(&word) || SECRET_ENDS.iter().any(|end| word.ends_with(end))
    };
    !NO_SECRETS.contains(&name) && words(name).split('_').any(is_secret)
}

/// `dbPassword` as `DB_PASSWORD`: words in upper case, apart by underscores.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for c in name.chars() {
        if was_lower && c.is_uppercase() {
            words.push('_');
        }
        was_lower = c.is_lowercase();
        words.push(if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    }
    words
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Environment(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_common_usage_calls_its_value_secret() {
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "dbPassword",
            "API_KEY",
            "SLACK_WEBHOOK",
            "PGPASSWORD",
            "TOKEN2",
            "APIKEY",
            "GH_PAT",
            "AWS_ACCESS_KEY_ID",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["PATH", "KEYBOARD", "MONKEY", "TRAVIS_BRANCH", "PWD", "OLDPWD", "COMPASS", "PATTERN"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
