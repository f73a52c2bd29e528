//! Loads and renews the credentials of a profile, within a time limit. It adds the tokens of a session to the
//! known secrets before the SDK reads them, and never leaves the `credential_process` of a profile behind.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::credential_files;
use super::credentials_error::{Cause, CredentialsError};
use super::error_texts::error_texts;
use super::profile::{KeySource, LoginSession, UsedProfile};
use super::resolved_credentials::ResolvedCredentials;
use crate::child::orphans::SdkProcesses;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::KnownSecrets;

/// Time limit for a profile. Its process may call a remote service; one that prompts for input gets none in
/// CI.
const PROFILE_LIMIT: Duration = Duration::from_secs(30);

/// Parts of the SDK's texts about a session that has ended. IAM Identity Center refuses a token that has
/// expired or was revoked with `UnauthorizedException`.
const ENDED: [&str; 4] = [
    "the SSO token has expired",
    "UnauthorizedException",
    "cached Login token is expired",
    "Please reauthenticate",
];

/// Parts of the SDK's texts about the file of a session that has no session, or that it cannot replace.
const BROKEN: [&str; 3] =
    ["failed to load the cached SSO token", "cached Login token file", "failed to load cached Login token"];

/// Credential provider of a profile.
#[derive(Debug)]
pub(super) struct ProfileCredentials {
    profile: UsedProfile,
    provider: ProfileFileCredentialsProvider,
    limit: Duration,
    known_secrets: KnownSecrets,
}

impl ProfileCredentials {
    /// The provider of the profile `name`. `None`: the job's `AWS_PROFILE`, else `default`. Loading takes at
    /// most `limit`, and at most 30 s.
    pub(super) async fn new(
        name: Option<&str>,
        env: &Environment,
        config: &ProviderConfig,
        (known_secrets, limit): (&KnownSecrets, Duration),
    ) -> Result<Self, CredentialsError> {
        let builder = ProfileFileCredentialsProvider::builder().configure(config);
        let builder = match name {
            Some(name) => builder.profile_name(name),
            None => builder,
        };
        Ok(ProfileCredentials {
            profile: UsedProfile::read(name, env).await?,
            provider: builder.build(),
            limit: limit.min(PROFILE_LIMIT),
            known_secrets: known_secrets.clone(),
        })
    }

    /// Loads the credentials, and becomes the provider that renews them. `None`: the profile has none.
    pub(super) async fn into_credentials(self) -> Result<Option<ResolvedCredentials>, CredentialsError> {
        let Some(credentials) = self.load().await? else { return Ok(None) };
        let (source, profile) = (CredentialsSource::Profile, Some(self.profile.name.clone()));
        let provider = Some(SharedCredentialsProvider::new(self));
        Ok(Some(ResolvedCredentials { credentials, source, profile, provider }))
    }

    /// Loads the credentials. `None`: the profile has none.
    async fn load(&self) -> Result<Option<Credentials>, CredentialsError> {
        self.check_session()?;
        let processes = SdkProcesses::from_now();
        let Ok(loaded) = tokio::time::timeout(self.limit, self.provider.provide_credentials()).await else {
            return Err(self.timed_out());
        };
        processes.keep();
        // The SDK may have renewed the token of the session. The new one is a secret, too.
        let _ = self.check_session();
        match loaded {
            Ok(credentials) => Ok(Some(credentials)),
            // A missing `source_profile` must end the search for credentials, too. The SDK reports it only in
            // the text of the error.
            Err(error @ SdkCredentialsError::CredentialsNotLoaded(_)) if !names_no_profile(&error) => {
                Ok(None)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Checks that the session exists on which the profile depends, if it depends on one.
    fn check_session(&self) -> Result<(), CredentialsError> {
        let KeySource::Session(session) = &self.profile.keys else {
            return Ok(());
        };
        let exists = match &session.file {
            Some(file) => credential_files::check_session(file, &self.known_secrets)
                .map_err(|source| session.unusable(source))?,
            None => false,
        };
        match exists {
            true => Ok(()),
            false => {
                let (profile, file) = (session.profile.clone(), session.file.clone());
                Err(CredentialsError::NoSession { profile, kind: session.kind, file })
            }
        }
    }

    fn timed_out(&self) -> CredentialsError {
        let (profile, limit) = (self.profile.name.clone(), self.limit);
        match self.profile.keys {
            KeySource::Process => CredentialsError::ProcessTimedOut { profile, limit },
            KeySource::Session(_) | KeySource::Other => CredentialsError::ProfileTimedOut { profile, limit },
        }
    }

    fn failed(&self, source: SdkCredentialsError) -> CredentialsError {
        let texts = error_texts(&source);
        let has_any = |parts: &[&str]| texts.iter().any(|text| parts.iter().any(|part| text.contains(part)));
        match &self.profile.keys {
            KeySource::Session(session) if has_any(&ENDED) => {
                let (profile, kind) = (session.profile.clone(), session.kind);
                CredentialsError::SessionExpired { profile, kind, source }
            }
            KeySource::Session(session) if has_any(&BROKEN) => session.unusable(source.into()),
            KeySource::Process | KeySource::Session(_) | KeySource::Other => {
                CredentialsError::ProfileFailed { profile: self.profile.name.clone(), source }
            }
        }
    }
}

impl LoginSession {
    /// The error for a session whose file exists.
    fn unusable(&self, source: Cause) -> CredentialsError {
        CredentialsError::BadSession {
            profile: self.profile.clone(),
            kind: self.kind,
            file: self.file.clone().unwrap_or_default(),
            source,
        }
    }
}

impl ProvideCredentials for ProfileCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            match self.load().await {
                Ok(Some(credentials)) => Ok(credentials),
                Ok(None) => {
                    let text = format!("the profile `{}` has no credentials any more", self.profile.name);
                    Err(SdkCredentialsError::provider_error(text))
                }
                Err(error) => Err(SdkCredentialsError::provider_error(renewal_error(&error))),
            }
        })
    }
}

/// Why credentials could not be renewed, for the user.
fn renewal_error(error: &CredentialsError) -> String {
    if let CredentialsError::SessionExpired { profile, kind, .. }
    | CredentialsError::NoSession { profile, kind, .. }
    | CredentialsError::BadSession { profile, kind, .. } = error
    {
        return format!("{error}; run `{}`", kind.command(profile));
    }
    if let CredentialsError::ProfileFailed { source, .. } = error
        && let Some(text) = error_texts(source).pop()
    {
        return text;
    }
    error.to_string()
}

fn names_no_profile(error: &dyn std::error::Error) -> bool {
    error.source().is_some_and(|words| words.to_string().contains("was not defined"))
}
