//! Turns a [`CredentialsError`] into the report that says which credentials are missing or unusable, and what
//! to set.

use super::{caused, report};
use crate::lambda::{CredentialsError, without_process_output};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::secret::Redactor;
use crate::protocol::text::one_line;

/// Reports a source of credentials that has none or only a part of them, or does not return them.
pub(super) fn from_credentials(error: CredentialsError, redactor: &Redactor) -> ErrorReport {
    match error {
        CredentialsError::Incomplete { given, missing, at } => {
            let mut report = self::report(
                Code::IncompleteCredentials,
                format!("`{given}` is set, but `{missing}` is not"),
            )
            .hint(match given {
                "AWS_WEB_IDENTITY_TOKEN_FILE" => "set AWS_ROLE_ARN to the role to assume with the token, or unset AWS_WEB_IDENTITY_TOKEN_FILE",
                _ => "set the access key ID, its secret and its session token in one place: the stanza or the job's environment",
            });
            report.at = at.map(str::to_owned);
            report
        }
        CredentialsError::None => report(Code::NoCredentials, "no AWS credentials were found").hint(
            "set `access_key_id` and `secret_access_key` in the stanza, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the job, a `profile` with credentials, or `role_to_assume` with `web_identity_token_env`",
        ),
        CredentialsError::NoProfile { name } => report(
            Code::NoCredentials,
            format!("the profile `{}` has no credentials", redactor.redact(&name)),
        )
        .at("/profile")
        .hint("add credentials to the profile in the job's `~/.aws`, or in the file that the job's AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE names"),
        CredentialsError::UnknownProfile { variable, name } => {
            let (what, at) = match variable {
                Some(variable) => (variable, format!("/env/{variable}")),
                None => ("profile", "/profile".to_owned()),
            };
            report(Code::NoCredentials, format!("`{what}` is `{}`, a profile that no AWS file of the job defines", redactor.redact(&name)))
                .at(at)
                .hint("define the profile in the job's `~/.aws`, or in the file that the job's AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE names; or use another profile")
        }
        CredentialsError::NoToken { variable } => report(
            Code::NoCredentials,
            format!("the job has no variable `{}`, which should contain a token", redactor.redact(&variable)),
        )
        .at("/web_identity_token_env")
        .hint("configure the CI system to put an OpenID Connect token into this variable"),
        CredentialsError::NoTokenFile { path, source } => caused(
            report(Code::NoCredentials, format!("`AWS_WEB_IDENTITY_TOKEN_FILE` is `{}`, which cannot be read", redactor.redact(&path))),
            &source,
        )
        .hint("set AWS_WEB_IDENTITY_TOKEN_FILE to the file to which the CI system writes the token, and make the file readable for the job"),
        CredentialsError::BadFile { path, source } => caused(
            report(Code::NoCredentials, format!("`{}` cannot be read", redactor.redact(&path))).hint(
                "replace it with a regular file, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to other files",
            ),
            &source,
        ),
        CredentialsError::NoResponse { origin } => {
            report(Code::NoCredentials, format!("the credential source `{}` did not respond in time", origin.as_str()))
                .hint("check the address of this source in the job's variables; it has to respond at once")
        }
        CredentialsError::ProcessTimedOut { limit } => {
            let message = format!("the profile's `credential_process` did not exit within {} s and was killed", limit.as_secs());
            report(Code::TimedOut, message)
                .hint(format!("run the process in a shell to see why: it has to exit within {} s without asking for input", limit.as_secs()))
        }
        CredentialsError::Unavailable { origin, source } => {
            let mut report =
                self::report(Code::NoCredentials, format!("the credential source `{}` returned no credentials", origin.as_str()))
                    .hint("fix what the causes describe, or use other credentials");
            let mut next: Option<&dyn std::error::Error> = Some(&source);
            while let Some(cause) = next {
                let words = one_line(&without_process_output(&redactor.redact(&cause.to_string())));
                if report.caused_by.last() != Some(&words) {
                    report.caused_by.push(words);
                }
                next = cause.source();
            }
            report
        }
    }
}
