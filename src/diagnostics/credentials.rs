//! Turns a [`CredentialsError`] into the report that says which credentials are missing or unusable, and what
//! to set.

use std::error::Error;

use super::{caused, report};
use crate::lambda::{CredentialsError, error_texts};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::{MASK, Redactor};
use crate::protocol::text::one_line;

/// Reports a source of credentials that has none or only a part of them, or does not return them.
pub(super) fn from_credentials(mut error: CredentialsError, redactor: &Redactor) -> ErrorReport {
    redact(&mut error, redactor);
    let text = error.to_string();
    let no_credentials = |text| report(Code::NoCredentials, text);
    match error {
        CredentialsError::Incomplete { given, at, .. } => {
            let hint = match given {
                "AWS_WEB_IDENTITY_TOKEN_FILE" => {
                    "set AWS_ROLE_ARN to the role to assume with the token, or unset \
                     AWS_WEB_IDENTITY_TOKEN_FILE"
                }
                _ => {
                    "set the access key ID, its secret and its session token in one place: the stanza or the \
                     job's environment"
                }
            };
            ErrorReport { at: at.map(str::to_owned), ..report(Code::IncompleteCredentials, text).hint(hint) }
        }
        CredentialsError::UnsetKey { key, variable } => {
            let hint = match variable {
                Some(_) => "set the variable in the job; Travis CI passes no secrets to builds of forks",
                None => "write the key, or `$NAME` with the name of a variable of the job",
            };
            no_credentials(text).at(format!("/{key}")).hint(hint)
        }
        CredentialsError::ControlCharacter { part, origin } => ErrorReport {
            at: (origin == CredentialsSource::Stanza).then(|| format!("/{part}")),
            ..no_credentials(text)
                .hint("set it again on one line; a copied value often ends with a line break")
        },
        CredentialsError::ControlCharacterInProfile { .. } => no_credentials(text).hint(format!(
            "write it on one line in {AWS_FILES}; an indented line continues the value above it"
        )),
        CredentialsError::None => no_credentials(text).hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the job, or AWS_PROFILE to a profile with \
             credentials; or, in the stanza, `role_to_assume` with `web_identity_token_env`",
        ),
        CredentialsError::NoProfile { name } => {
            no_credentials(text).at("/profile").hint(about_profile("add credentials to", &name))
        }
        CredentialsError::UnknownProfile { variable, name } => no_credentials(text)
            .at(variable.map_or_else(|| "/profile".to_owned(), |variable| format!("/env/{variable}")))
            .hint(format!("define the profile in {AWS_FILES}; {}; or use another profile", sections(&name))),
        CredentialsError::NoToken { .. } => no_credentials(text).at("/web_identity_token_env").hint(
            "configure the CI system to put an OpenID Connect token into this variable; on GitHub, the job \
                 needs `permissions: id-token: write`",
        ),
        CredentialsError::NoTokenFile { source, .. } => caused(no_credentials(text), &source).hint(
            "set AWS_WEB_IDENTITY_TOKEN_FILE to the file to which the CI system writes the token, and make \
             the file readable for the job",
        ),
        CredentialsError::BadFile { source, .. } => caused(
            no_credentials(text).hint(
                "replace it with a regular file, or name another one: in AWS_CONFIG_FILE, in \
                 AWS_SHARED_CREDENTIALS_FILE, or where a token file is named",
            ),
            &source,
        ),
        CredentialsError::NoResponse { .. } => no_credentials(text)
            .hint("check the address of this source in the job's variables; it has to respond at once"),
        CredentialsError::ProcessTimedOut { limit, .. } => report(Code::TimedOut, text).hint(format!(
            "run the process in a shell to see why: it has to exit within {} s without asking for input",
            limit.as_secs()
        )),
        CredentialsError::ProfileTimedOut { .. } => report(Code::TimedOut, text)
            .hint("check that the job can reach what the profile uses, such as STS or IAM Identity Center"),
        CredentialsError::BadProfiles { source, .. } => ErrorReport {
            caused_by: causes(&*source, redactor),
            ..no_credentials(text).hint("fix what the causes describe, or use other credentials")
        },
        CredentialsError::NeedsMfa { .. } => no_credentials(text).hint(
            "use another profile; or put the keys that `aws sts get-session-token --serial-number … \
             --token-code …` returns into AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of \
             the job, and name the role in `role_to_assume` instead of the profile",
        ),
        CredentialsError::NoFeature { .. } => {
            no_credentials(text).hint("use a program that was built with this feature, or other credentials")
        }
        CredentialsError::BadSession { profile, kind, source, .. } => ErrorReport {
            caused_by: causes(&*source, redactor),
            ..no_credentials(text).hint(format!(
                "make it a file that the job can read and write; or remove it, and run `{}`",
                kind.command(&profile)
            ))
        },
        CredentialsError::NoSession { profile, kind, file } => no_credentials(text).hint(match file {
            Some(_) => format!("run `{}`", kind.command(&profile)),
            None => "set HOME of the job to the directory whose `.aws` has the session".to_owned(),
        }),
        CredentialsError::SessionExpired { profile, kind, source } => ErrorReport {
            caused_by: causes(&source, redactor),
            ..report(Code::CredentialsExpired, text).hint(format!("run `{}`", kind.command(&profile)))
        },
        CredentialsError::ProfileFailed { source, .. } | CredentialsError::Unavailable { source, .. } => {
            let caused_by = causes(&source, redactor);
            let undefined = caused_by.iter().find_map(|cause| undefined_profile(cause));
            let hint = undefined.map(|name| about_profile("define", name));
            let hint =
                hint.unwrap_or_else(|| "fix what the causes describe, or use other credentials".into());
            ErrorReport { caused_by, ..no_credentials(text).hint(hint) }
        }
    }
}

/// The profile that the SDK does not find, from its text. It also ignores a section of the other form.
fn undefined_profile(cause: &str) -> Option<&str> {
    let (before, _) = cause.split_once("` was not defined")?;
    before.rsplit_once("profile `").map(|(_, name)| name)
}

/// How to write a profile that the SDK does not find, or that has no credentials.
fn about_profile(advice: &str, name: &str) -> String {
    match is_plain(name) {
        true => format!("{advice} the profile in {AWS_FILES}; {}", sections(name)),
        false => format!("rename the profile: its name can have letters, digits and `{NAME_MARKS}` only"),
    }
}

/// Masks secrets in the names that a message contains.
fn redact(error: &mut CredentialsError, redactor: &Redactor) {
    if let CredentialsError::NoProfile { name: text }
    | CredentialsError::UnknownProfile { name: text, .. }
    | CredentialsError::UnsetKey { variable: Some(text), .. }
    | CredentialsError::NoToken { variable: text }
    | CredentialsError::NoTokenFile { path: text, .. }
    | CredentialsError::BadFile { path: text, .. }
    | CredentialsError::ProcessTimedOut { profile: text, .. }
    | CredentialsError::ProfileTimedOut { profile: text, .. }
    | CredentialsError::ProfileFailed { profile: text, .. }
    | CredentialsError::BadProfiles { profile: text, .. }
    | CredentialsError::NeedsMfa { profile: text }
    | CredentialsError::ControlCharacterInProfile { profile: text, .. }
    | CredentialsError::NoFeature { profile: text, .. }
    | CredentialsError::NoSession { profile: text, .. }
    | CredentialsError::BadSession { profile: text, .. }
    | CredentialsError::SessionExpired { profile: text, .. } = error
    {
        *text = redactor.redact(text);
    }
    if let CredentialsError::NoSession { file: Some(file), .. } | CredentialsError::BadSession { file, .. } =
        error
    {
        *file = redactor.redact(file);
    }
}

/// The texts of an error of the SDK and of its causes, each on one line and without secrets.
fn causes(error: &(dyn Error + 'static), redactor: &Redactor) -> Vec<String> {
    error_texts(error).into_iter().map(|text| one_line(&redactor.redact(&text))).collect()
}

/// Other characters than letters and digits that the SDK accepts in the name of a profile.
const NAME_MARKS: &str = "_-/.%@:+";

/// Whether the SDK accepts the name of a profile. It ignores a profile with another name.
fn is_plain(name: &str) -> bool {
    name.replace(MASK, "").chars().all(|c| c.is_ascii_alphanumeric() || NAME_MARKS.contains(c))
}

/// How the files name a profile. A section with the other form is ignored.
fn sections(name: &str) -> String {
    format!("its section is `[profile {name}]` in `config`, and `[{name}]` in `credentials`")
}

/// The files in which a job defines profiles.
const AWS_FILES: &str = "the job's `~/.aws`, or in the file that the job's AWS_CONFIG_FILE or \
    AWS_SHARED_CREDENTIALS_FILE names";
