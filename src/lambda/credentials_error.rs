//! Says why there are no credentials, and why a renewal failed.

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;

use super::error_texts::error_texts;
use crate::protocol::event::CredentialsSource;
use crate::protocol::stanza::UnusableKeys;

/// An error of a library below one of ours.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why no credentials could be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    #[error("`{given}` is set, but `{missing}` is not")]
    Incomplete {
        given: &'static str,
        missing: &'static str,
        /// JSON pointer of the missing option. `None`: it is an environment variable.
        at: Option<&'static str>,
    },
    /// A key of the stanza names a variable that is not set.
    #[error("`{key}` {}", unset(.variable.as_deref()))]
    UnsetKey {
        key: &'static str,
        /// Name of the variable. `None`: the value is more than the name of a variable.
        variable: Option<String>,
    },
    #[error(
        "`{part}` of the credential source `{origin}` contains a line break or another control character"
    )]
    ControlCharacter {
        /// The part, by its name in a stanza.
        part: &'static str,
        origin: CredentialsSource,
    },
    #[error("`{key}` of the profile `{profile}` contains a line break or another control character")]
    ControlCharacterInProfile {
        /// The key, by its name in a profile.
        key: &'static str,
        profile: String,
    },
    #[error("no AWS credentials were found")]
    None,
    #[error("the profile `{name}` has no credentials")]
    NoProfile { name: String },
    #[error(
        "`{}` is `{name}`, a profile that no AWS file of the job defines",
        .variable.unwrap_or("profile")
    )]
    UnknownProfile {
        /// The environment variable that names the profile. `None`: the stanza names it.
        variable: Option<&'static str>,
        name: String,
    },
    /// The variable that `web_identity_token_env` names is missing or blank in the job's environment.
    #[error("the job has no variable `{variable}`, which should contain a token")]
    NoToken { variable: String },
    #[error("`AWS_WEB_IDENTITY_TOKEN_FILE` is `{path}`, which cannot be read")]
    NoTokenFile { path: String, source: std::io::Error },
    /// A file that the SDK reads is a pipe, a device or too large.
    #[error("`{path}` cannot be read")]
    BadFile { path: String, source: std::io::Error },
    #[error("the credential source `{origin}` did not respond in time")]
    NoResponse { origin: CredentialsSource },
    #[error(
        "the `credential_process` of the profile `{profile}` did not exit within {} s and was killed",
        .limit.as_secs()
    )]
    ProcessTimedOut { profile: String, limit: Duration },
    /// A profile that asks other sources or services for its keys got none in time.
    #[error("the profile `{profile}` got no credentials within {} s", .limit.as_secs())]
    ProfileTimedOut { profile: String, limit: Duration },
    #[error("the profile `{profile}` returned no credentials")]
    ProfileFailed { profile: String, source: SdkCredentialsError },
    /// The job's `~/.aws` files cannot be parsed, or one of them cannot be read.
    #[error("the profile `{profile}` cannot be read from the AWS files of the job")]
    BadProfiles {
        profile: String,
        /// The error that the SDK returned, with file and line.
        source: Cause,
    },
    /// A role of a profile can be assumed only with a code of an MFA device.
    #[error("the profile `{profile}` assumes its role with `mfa_serial`, which is not supported")]
    NeedsMfa { profile: String },
    #[error(
        "this program was built without the feature `{}`, which the profile `{profile}` needs",
        .kind.feature().0
    )]
    NoFeature { profile: String, kind: SessionKind },
    /// The session that a profile names was not started, or has been ended with `logout`.
    #[error("the profile `{profile}` has no {} session: {}", .kind.as_str(), absence(.file.as_deref()))]
    NoSession {
        profile: String,
        kind: SessionKind,
        /// The file that does not exist. `None`: the job has no home directory in which it could be.
        file: Option<String>,
    },
    /// The file of a session cannot be read, contains no session, or cannot be replaced by a renewed one.
    #[error("the {} session of the profile `{profile}` in `{file}` cannot be used", .kind.as_str())]
    BadSession {
        profile: String,
        kind: SessionKind,
        file: String,
        /// The error of the read, or the error that the SDK returned.
        source: Cause,
    },
    #[error("the {} session of the profile `{profile}` has expired", .kind.as_str())]
    SessionExpired { profile: String, kind: SessionKind, source: SdkCredentialsError },
    #[error("the credential source `{origin}` returned no credentials")]
    Unavailable { origin: CredentialsSource, source: SdkCredentialsError },
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

fn absence(file: Option<&str>) -> String {
    match file {
        Some(file) => format!("`{file}` does not exist"),
        None => "the job has no absolute `HOME`".to_owned(),
    }
}

/// How a person starts a session, from which a profile then gets its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionKind {
    /// `aws sso login`.
    IdentityCenter,
    /// `aws login`.
    Console,
}

impl SessionKind {
    fn as_str(self) -> &'static str {
        match self {
            SessionKind::IdentityCenter => "IAM Identity Center",
            SessionKind::Console => "AWS console",
        }
    }

    /// The Cargo feature with which a program uses such a session, and whether this program has it.
    pub(super) fn feature(self) -> (&'static str, bool) {
        match self {
            SessionKind::IdentityCenter => ("sso", cfg!(feature = "sso")),
            SessionKind::Console => ("login", cfg!(feature = "login")),
        }
    }

    /// The command of the AWS CLI that starts a session, to be pasted into a shell.
    pub(crate) fn command(self, profile: &str) -> String {
        let command = match self {
            SessionKind::IdentityCenter => "aws sso login",
            SessionKind::Console => "aws login",
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@+/:".contains(&byte);
        if profile.bytes().all(is_plain) {
            format!("{command} --profile {profile}")
        } else {
            format!("{command} --profile '{}'", profile.replace('\'', r"'\''"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        for (kind, profile, command) in [
            (SessionKind::IdentityCenter, "dev", "aws sso login --profile dev"),
            (SessionKind::Console, "me@dev", "aws login --profile me@dev"),
            (SessionKind::Console, "my $(x)'s", r"aws login --profile 'my $(x)'\''s'"),
        ] {
            assert_eq!(kind.command(profile), command);
        }
    }
}
