//! Says why no credentials could be loaded or renewed.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;

use crate::protocol::event::CredentialsSource;

/// Why no credentials could be loaded.
#[derive(Debug)]
pub enum CredentialsError {
    /// One of the values that belong together is missing.
    Incomplete {
        /// The option or variable that is set.
        given: &'static str,
        /// The option or variable that is missing.
        missing: &'static str,
        /// JSON pointer of the missing option. `None`: it is an environment variable.
        at: Option<&'static str>,
    },
    /// No source has credentials.
    None,
    /// The profile that the stanza names has no credentials.
    NoProfile {
        /// Name of the profile.
        name: String,
    },
    /// The AWS configuration files of the job define no such profile.
    UnknownProfile {
        /// The environment variable that names the profile. `None`: the stanza names it.
        variable: Option<&'static str>,
        /// Name of the profile.
        name: String,
    },
    /// The variable that `web_identity_token_env` names is missing or blank in the job's environment.
    NoToken {
        /// Name of the variable.
        variable: String,
    },
    /// The web identity token file cannot be read.
    NoTokenFile {
        /// Path of the file.
        path: String,
        /// The error of the read.
        source: std::io::Error,
    },
    /// A file that the SDK reads is a pipe, a device or too large.
    BadFile {
        /// Path of the file.
        path: String,
        /// The error of the read.
        source: std::io::Error,
    },
    /// A source that is configured did not respond in time.
    NoResponse {
        /// The source.
        origin: CredentialsSource,
    },
    /// The `credential_process` of a profile did not exit in time.
    ProcessTimedOut {
        /// How long it ran.
        limit: Duration,
    },
    /// A source that is configured returned an error.
    Unavailable {
        /// The source.
        origin: CredentialsSource,
        /// The error that the SDK returned.
        source: SdkCredentialsError,
    },
}

/// The SDK's text about a failed `credential_process`, without the process's own output. That may contain
/// keys, which the redactor does not know yet.
pub fn without_process_output(words: &str) -> String {
    match words.split_once("Stderr: ") {
        Some((before, _)) => {
            format!("{before}The process's output is not shown, because it may contain keys")
        }
        None => words.to_owned(),
    }
}

/// Error of a failed renewal, with a text for the user. It replaces the SDK's error, which quotes the output
/// of a `credential_process`.
#[derive(Debug)]
pub(super) struct RenewalFailed(String);

impl RenewalFailed {
    /// Keeps the innermost cause.
    pub(super) fn of(error: &SdkCredentialsError) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        RenewalFailed(without_process_output(&cause.to_string()))
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

impl std::fmt::Display for RenewalFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RenewalFailed {}
