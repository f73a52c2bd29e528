//! Holds the environment of the job: `env` of the request, or the environment of the process if the request
//! has none. Never combines the two: a variable that is not in one is not taken from the other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::secret::secrets_within;
use super::secret_names::names_a_secret;

/// Search path for programs if the job has no `PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The environment variables of a job. Its `Debug` output shows only names.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The value of a variable, with invalid UTF-8 replaced. `None`: the variable is not set.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(OsStr::new(name)).map(|value| value.to_string_lossy())
    }

    /// As [`Environment::get`]. `None` also for an empty value.
    pub fn non_empty(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable as bash expands it: empty if the variable is not set.
    pub fn expand(&self, name: &str) -> Cow<'_, str> {
        self.get(name).unwrap_or_default()
    }

    /// Iterates over names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A copy of the environment in which the variable `name` has this value.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Environment {
        let mut env = self.clone();
        env.set(name, value);
        env
    }

    /// Sets the variable `name` to this value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
    }

    /// The values of all variables with a secret name (see `secret_names.rs`), and the secret parts of all
    /// other values: passwords in URLs and tokens in their queries.
    pub fn secrets(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.iter().flat_map(|(name, value)| {
            let value = value.to_string_lossy();
            if name.to_str().is_some_and(names_a_secret) {
                return vec![value];
            }
            secrets_within(&value).into_iter().map(Cow::Owned).collect()
        })
    }
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
    fn what_is_secret_within_a_value_is_found_whatever_its_name() {
        let env: Environment = [
            ("DATABASE_URL", "postgres://app:s3cr3t-of-db@db:5432/app?sslmode=require"),
            ("HTTPS_PROXY", "http://me:of%2Fproxy@proxy:3128"),
            ("ORIGIN", "https://x-access-token:ghs_0123456789@github.com/o/r.git"),
            ("HOME", "/home/me"),
        ]
        .into_iter()
        .collect();
        let found: Vec<_> = env.secrets().collect();
        assert_eq!(found, ["s3cr3t-of-db", "of%2Fproxy", "of/proxy", "ghs_0123456789"]);
    }
}
