//! Says why there are no credentials, and why a renewal failed.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;

use super::error_texts::error_texts;
use crate::protocol::event::CredentialsSource;
use crate::protocol::stanza::UnusableKeys;

/// Why no credentials could be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// One of the values that belong together is missing.
    #[error("`{given}` is set, but `{missing}` is not")]
    Incomplete {
        /// The option or variable that is set.
        given: &'static str,
        /// The option or variable that is missing.
        missing: &'static str,
        /// JSON pointer of the missing option. `None`: it is an environment variable.
        at: Option<&'static str>,
    },
    /// A key of the stanza names a variable that is not set.
    #[error("`{key}` {}", unset(.variable.as_deref()))]
    UnsetKey {
        /// The key.
        key: &'static str,
        /// Name of the variable. `None`: the value is more than the name of a variable.
        variable: Option<String>,
    },
    /// No source has credentials.
    #[error("no AWS credentials were found")]
    None,
    /// The profile that the stanza names has no credentials.
    #[error("the profile `{name}` has no credentials")]
    NoProfile {
        /// Name of the profile.
        name: String,
    },
    /// The AWS configuration files of the job define no such profile.
    #[error(
        "`{}` is `{name}`, a profile that no AWS file of the job defines",
        .variable.unwrap_or("profile")
    )]
    UnknownProfile {
        /// The environment variable that names the profile. `None`: the stanza names it.
        variable: Option<&'static str>,
        /// Name of the profile.
        name: String,
    },
    /// The variable that `web_identity_token_env` names is missing or blank in the job's environment.
    #[error("the job has no variable `{variable}`, which should contain a token")]
    NoToken {
        /// Name of the variable.
        variable: String,
    },
    /// The web identity token file cannot be read.
    #[error("`AWS_WEB_IDENTITY_TOKEN_FILE` is `{path}`, which cannot be read")]
    NoTokenFile {
        /// Path of the file.
        path: String,
        /// The error of the read.
        source: std::io::Error,
    },
    /// A file that the SDK reads is a pipe, a device or too large.
    #[error("`{path}` cannot be read")]
    BadFile {
        /// Path of the file.
        path: String,
        /// The error of the read.
        source: std::io::Error,
    },
    /// A source that is configured did not respond in time.
    #[error("the credential source `{}` did not respond in time", .origin.as_str())]
    NoResponse {
        /// The source.
        origin: CredentialsSource,
    },
    /// The `credential_process` of a profile did not exit in time.
    #[error(
        "the profile's `credential_process` did not exit within {} s and was killed",
        .limit.as_secs()
    )]
    ProcessTimedOut {
        /// How long it ran.
        limit: Duration,
    },
    /// A source that is configured returned an error.
    #[error("the credential source `{}` returned no credentials", .origin.as_str())]
    Unavailable {
        /// The source.
        origin: CredentialsSource,
        /// The error that the SDK returned.
        source: SdkCredentialsError,
    },
}

fn unset(variable: Option<&str>) -> String {
    match variable {
        Some(variable) => format!("names the variable `{variable}`, which is not set"),
        None => "contains a `$`, which no key of AWS does".to_owned(),
    }
}

impl From<UnusableKeys> for CredentialsError {
    fn from(unusable: UnusableKeys) -> Self {
        match unusable {
            UnusableKeys::Incomplete { given, missing, at } => {
                CredentialsError::Incomplete { given, missing, at: Some(at) }
            }
            UnusableKeys::Unset { key, variable } => CredentialsError::UnsetKey { key, variable },
        }
    }
}

/// Error of a failed renewal, with a text for the user. It replaces the SDK's error, which quotes the output
/// of a `credential_process`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RenewalFailed(String);

impl RenewalFailed {
    /// Keeps the text of the innermost cause that says something.
    pub(super) fn of(error: &SdkCredentialsError) -> Self {
        RenewalFailed(error_texts(error).pop().unwrap_or_else(|| error.to_string()))
    }

    /// The failed renewal among the causes of an error.
    pub(super) fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a RenewalFailed> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(renewal) = cause.downcast_ref() {
                return Some(renewal);
            }
            next = cause.source();
        }
        None
    }
}
