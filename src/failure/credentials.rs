//! Why nobody can act in, the report that tells what to give out.

use super::{caused, report};
use crate::lambda::CredentialsError;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::prose::one_line;
use crate::protocol::secret::Redactor;

/// A source of credentials that has none, or half, or keeps them to itself.
pub(super) fn of_credentials(error: CredentialsError, redactor: &Redactor) -> ErrorReport {
    match error {
        CredentialsError::Incomplete { given, missing, at } => {
            let mut report = self::report(
                Code::IncompleteCredentials,
                format!("`{given}` is given, but `{missing}` is not"),
            )
            .hint("a key, its secret and its session token come from one place: the stanza or the job's environment");
            report.at = at.map(str::to_owned);
            report
        }
        CredentialsError::None => report(Code::NoCredentials, "no AWS credentials were found").hint(
            "give `access_key_id` and `secret_access_key` in the stanza, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the job, a `profile` that has keys, or `role_to_assume` with `web_identity_token_env`",
        ),
        CredentialsError::NoProfile { name } => report(
            Code::NoCredentials,
            format!("the profile `{}` has no credentials", redactor.redact(&name)),
        )
        .at("/profile")
        .hint("profiles are read from the job's `~/.aws`, or from AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE of the job"),
        CredentialsError::UnknownProfile { variable, name } => {
            let (what, at) = match variable {
                Some(variable) => (format!("the profile of `{variable}`"), format!("/env/{variable}")),
                None => ("the profile".to_owned(), "/profile".to_owned()),
            };
            report(Code::NoCredentials, format!("{what}, `{}`, is in none of the job's files", redactor.redact(&name)))
                .at(at)
                .hint("add it to the job's `~/.aws`, or to AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE of the job; or name another")
        }
        CredentialsError::NoToken { variable } => report(
            Code::NoCredentials,
            format!("the job has no variable `{}`, which is to hold a token", redactor.redact(&variable)),
        )
        .at("/web_identity_token_env")
        .hint("the CI system writes an OpenID Connect token into it, once it is asked to"),
        CredentialsError::NoTokenFile { path, source } => caused(
            report(Code::NoCredentials, format!("the token of `AWS_WEB_IDENTITY_TOKEN_FILE` cannot be read from `{}`", redactor.redact(&path))),
            &source,
        )
        .hint("give a file that can be read: whoever runs the job writes the token into it"),
        CredentialsError::BadFile { path, source } => caused(
            report(Code::NoCredentials, format!("`{}` cannot be read", redactor.redact(&path))).hint(
                "write what it holds to a regular file; AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name others than those of `~/.aws`",
            ),
            &source,
        ),
        CredentialsError::Silent { origin } => {
            report(Code::NoCredentials, format!("the credentials of the {} did not arrive in time", origin.as_str()))
                .hint("it has to answer at once; do the job's variables name the right address?")
        }
        CredentialsError::Hangs { limit } => {
            let message = format!("the profile's `credential_process` did not end within {} s, and was killed", limit.as_secs());
            report(Code::TimedOut, message)
                .hint("run it by hand: it has to end within 60 s, or `wait_timeout`, without asking anybody")
        }
        CredentialsError::Unavailable { origin, source } => {
            let mut report =
                self::report(Code::NoCredentials, format!("the credentials of the {} could not be obtained", origin.as_str()))
                    .hint("what its source says stands among the causes; or give other credentials");
            let mut next: Option<&dyn std::error::Error> = Some(&source);
            while let Some(cause) = next {
                let words = one_line(&without_its_words(&redactor.redact(&cause.to_string())));
                if report.caused_by.last() != Some(&words) {
                    report.caused_by.push(words);
                }
                next = cause.source();
            }
            report
        }
    }
}

/// What the SDK says of a process that was to tell keys, without what that wrote: it may hold the keys, which nobody knows yet.
fn without_its_words(words: &str) -> String {
    match words.split_once("Stderr: ") {
        Some((before, _)) => format!("{before}What it wrote is not shown, as it may hold keys"),
        None => words.to_owned(),
    }
}
