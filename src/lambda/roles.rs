//! Assumes the role that the stanza names, with other credentials or with a web identity token. It never
//! writes a token to disk, and never falls back to another identity. Effect: sends requests to AWS STS.

use std::path::Path;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::types::Credentials as StsCredentials;

use super::credentials_error::CredentialsError;
use super::error::{CallError, CallErrorKind, LambdaError};
use super::resolved_credentials::{ResolvedCredentials, add_secrets};
use crate::bounded_read;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::{KnownSecrets, Secret};
use crate::protocol::stanza::{RoleSource, Stanza};

/// A role to assume, and how to assume it.
#[derive(Clone, Debug)]
pub(super) struct Role {
    arn: String,
    external_id: Option<String>,
    session_name: String,
    /// The web identity token for AssumeRoleWithWebIdentity. `None`: AssumeRole with other credentials.
    token: Option<Token>,
}

/// Source of an OpenID Connect token.
#[derive(Clone, Debug)]
enum Token {
    /// The token itself.
    Value(Secret),
    /// Path of a file. It is read for every use, because the issuer replaces its content.
    File(String),
}

impl Role {
    /// The role that the stanza names. `None`: it names none.
    ///
    /// # Errors
    /// The name of the variable in `web_identity_token_env`, if it is missing or blank in the job's
    /// environment.
    pub(super) fn of(stanza: &Stanza, env: &Environment) -> Result<Option<Role>, String> {
        let Some(role) = &stanza.role_to_assume else { return Ok(None) };
        let (external_id, token) = match &role.with {
            RoleSource::Credentials { external_id } => (external_id.clone(), None),
            RoleSource::WebIdentity { variable } => {
                let token = stanza.web_identity_token(env).ok_or_else(|| variable.clone())?;
                (None, Some(Token::Value(token)))
            }
        };
        let session_name = role.session_name.clone().unwrap_or_else(|| default_session_name(env));
        Ok(Some(Role { arn: role.arn.clone(), external_id, session_name, token }))
    }

    /// The role from `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` of the job. `None`: the job has no such
    /// token file.
    pub(super) fn from_token_file(env: &Environment) -> Result<Option<Role>, CredentialsError> {
        let variable = |name| env.non_empty(name).map(std::borrow::Cow::into_owned);
        let half = |given, missing| Err(CredentialsError::Incomplete { given, missing, at: None });
        let session_name = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| default_session_name(env));
        match (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
            (Some(path), Some(arn)) => {
                Ok(Some(Role { arn, external_id: None, session_name, token: Some(Token::File(path)) }))
            }
            (Some(_), None) => half("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
            (None, _) => Ok(None),
        }
    }

    /// Whether the role is assumed with a web identity token.
    pub(super) fn exchanges_token(&self) -> bool {
        self.token.is_some()
    }
}

/// The default session name, such as `dpl-lambda-owner-repo-7`, by which CloudTrail identifies the build. It
/// has at most 64 characters, and only those that STS accepts.
fn default_session_name(env: &Environment) -> String {
    let parts = ["TRAVIS_REPO_SLUG", "TRAVIS_BUILD_NUMBER"].map(|name| env.expand(name).into_owned());
    let parts = std::iter::once("dpl-lambda".to_owned()).chain(parts).filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<_>>().join("-");
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let name: Vec<char> = name.chars().map(|c| if is_accepted(c) { c } else { '-' }).collect();
    // Cut at the start, to keep the build number at the end.
    name[name.len().saturating_sub(64)..].iter().collect()
}

impl Token {
    fn read(&self) -> Result<Secret, LambdaError> {
        match self {
            Token::Value(token) => Ok(token.clone()),
            Token::File(path) => {
                let unreadable = |source| CredentialsError::NoTokenFile { path: path.clone(), source };
                let token = bounded_read::read_to_string(Path::new(path)).map_err(unreadable)?;
                Ok(Secret::new(token.trim()))
            }
        }
    }
}

/// Credential provider that assumes a role, and assumes it again when the credentials expire.
#[derive(Debug)]
pub(super) struct AssumedRole {
    role: Role,
    client: aws_sdk_sts::Client,
    known_secrets: KnownSecrets,
}

impl AssumedRole {
    pub(super) fn new(role: Role, client: aws_sdk_sts::Client, known_secrets: KnownSecrets) -> Self {
        AssumedRole { role, client, known_secrets }
    }

    /// Assumes the role, and becomes the provider that renews the credentials.
    pub(super) async fn into_credentials(
        self,
        source: CredentialsSource,
    ) -> Result<ResolvedCredentials, LambdaError> {
        let credentials = self.assume().await?;
        let provider = Some(SharedCredentialsProvider::new(self));
        Ok(ResolvedCredentials { credentials, source, profile: None, provider })
    }

    /// Requests credentials from STS.
    ///
    /// # Errors
    /// [`LambdaError::Call`] with the STS operation, and [`LambdaError::Credentials`] if the token file
    /// cannot be read.
    pub(super) async fn assume(&self) -> Result<Credentials, LambdaError> {
        let role = &self.role;
        let (operation, credentials) = match &role.token {
            Some(token) => {
                let token = token.read()?;
                // An error message of STS may quote the token.
                self.known_secrets.add([token.clone()]);
                let call = self.client.assume_role_with_web_identity().role_arn(&role.arn);
                let call = call.role_session_name(&role.session_name).web_identity_token(token.expose());
                let operation = "AssumeRoleWithWebIdentity";
                let answer = call.send().await.map_err(|error| CallError::of(operation, error))?;
                (operation, answer.credentials)
            }
            None => {
                let call =
                    self.client.assume_role().role_arn(&role.arn).role_session_name(&role.session_name);
                let call = call.set_external_id(role.external_id.clone());
                let answer = call.send().await.map_err(|error| CallError::of("AssumeRole", error))?;
                ("AssumeRole", answer.credentials)
            }
        };
        credentials
            .and_then(from_sts)
            .inspect(|credentials| add_secrets(&self.known_secrets, credentials))
            .ok_or_else(|| CallError::without(operation, CallErrorKind::InvalidResponse).into())
    }
}

fn from_sts(credentials: StsCredentials) -> Option<Credentials> {
    let expiry = credentials.expiration.try_into().ok()?;
    let (id, secret, token) =
        (credentials.access_key_id, credentials.secret_access_key, credentials.session_token);
    Some(Credentials::new(id, secret, Some(token), Some(expiry), "assumed-role"))
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let failed = |error: LambdaError| SdkCredentialsError::provider_error(renewal_error(&error));
        future::ProvideCredentials::new(async move { self.assume().await.map_err(failed) })
    }
}

/// Why a role could not be assumed again, for the user.
fn renewal_error(error: &LambdaError) -> String {
    match error {
        LambdaError::Call(error) if error.code.is_some() => {
            format!("{error} with {}: {}", error.code(), error.message())
        }
        LambdaError::Call(error) => match error.causes().last() {
            Some(cause) => format!("{} failed: {cause}", error.operation),
            None => error.to_string(),
        },
        LambdaError::Credentials(CredentialsError::NoTokenFile { path, source }) => {
            format!("the token file `{path}` cannot be read: {source}")
        }
        _ => "the role could not be assumed again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_the_build() {
        let name = |env: &[(&str, &str)]| default_session_name(&env.iter().copied().collect());
        assert_eq!(name(&[]), "dpl-lambda");
        assert_eq!(
            name(&[("TRAVIS_REPO_SLUG", "o w/r"), ("TRAVIS_BUILD_NUMBER", "7")]),
            "dpl-lambda-o-w-r-7"
        );
        let long = name(&[("TRAVIS_REPO_SLUG", &"x".repeat(99)), ("TRAVIS_BUILD_NUMBER", "7")]);
        assert_eq!((long.len(), long.ends_with("x-7")), (64, true));
    }

    #[test]
    fn a_token_is_taken_from_the_variable_that_is_named() {
        let stanza = Stanza::of_json(serde_json::json!({
            "role_to_assume": "arn:aws:iam::123456789012:role/deploy",
            "web_identity_token_env": "ID_TOKEN",
        }));
        let of = |env: &[(&str, &str)]| Role::of(&stanza, &env.iter().copied().collect());
        let role = of(&[("ID_TOKEN", "a.b.c\n")]).expect("there").expect("named");
        let token = role.token.expect("named").read().expect("there");
        assert_eq!(token.expose(), "a.b.c");
        assert_eq!(of(&[("ID_TOKEN", " ")]).unwrap_err(), "ID_TOKEN");
    }
}
