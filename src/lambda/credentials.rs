//! Loads credentials from the stanza, its profile, the job's environment or the SDK's further sources. It
//! never mixes two sources: access key ID, secret and session token come from the same one. Effect: queries
//! credential sources.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::{self, credentials::ImdsCredentialsProvider};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::error::LambdaError;
use super::error_texts::error_texts;
use super::roles::{AssumedRole, Role};
use crate::child::orphans;
use crate::options::defines_profile;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::{KnownSecrets, Secret};
use crate::protocol::stanza::Stanza;

/// Why no credentials could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
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

/// Time limit for one request to a metadata service, which responds at once if it exists. The AWS CLI waits
/// as long. With 200 ms, a test on a busy machine found no credentials.
const METADATA_LIMIT: Duration = Duration::from_secs(1);

/// Time limit for a profile. Its process may call a remote service; one that prompts for input gets none in
/// CI.
const PROFILE_LIMIT: Duration = Duration::from_secs(60);

/// Factor on [`METADATA_LIMIT`] for a container's credential agent, which may have to call another service
/// first.
const CONTAINER_LIMIT_FACTOR: u32 = 3;

/// The variable by which a job sets its own metadata service.
const METADATA_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// Credentials, and the provider that renews them.
#[derive(Debug)]
pub(super) struct ResolvedCredentials {
    pub(super) credentials: Credentials,
    pub(super) source: CredentialsSource,
    /// Returns new credentials when these expire. `None`: they do not expire, or cannot be renewed.
    pub(super) provider: Option<SharedCredentialsProvider>,
}

impl ResolvedCredentials {
    fn fixed(credentials: Credentials, source: CredentialsSource) -> Self {
        ResolvedCredentials { credentials, source, provider: None }
    }

    /// The credential provider for the SDK: it returns these credentials first, and renewed ones when they
    /// expire. It adds all of them to `known_secrets` before it returns them.
    pub(super) fn into_provider(self, known_secrets: &KnownSecrets) -> SharedCredentialsProvider {
        add_secrets(known_secrets, &self.credentials);
        match self.provider {
            None => SharedCredentialsProvider::new(self.credentials),
            Some(provider) => {
                let first = Mutex::new(Some(self.credentials));
                SharedCredentialsProvider::new(FirstThenProvider {
                    first,
                    provider,
                    known_secrets: known_secrets.clone(),
                })
            }
        }
    }
}

/// Adds to `known_secrets` the parts of `credentials` that must never be shown.
pub(super) fn add_secrets(known_secrets: &KnownSecrets, credentials: &Credentials) {
    let keys = [credentials.access_key_id(), credentials.secret_access_key()];
    known_secrets.add(keys.into_iter().chain(credentials.session_token()).map(Secret::new));
}

/// Returns the first credentials once, then asks the provider for new ones. Asking the provider immediately
/// would start a profile's process a second time.
#[derive(Debug)]
struct FirstThenProvider {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
    known_secrets: KnownSecrets,
}

impl ProvideCredentials for FirstThenProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => future::ProvideCredentials::new(async {
                // The SDK sets no limit here, and leaves the process of a profile behind if the call is given
                // up.
                let guard = ProcessGuard { armed: true };
                let renewed = tokio::time::timeout(PROFILE_LIMIT, self.provider.provide_credentials()).await;
                let failed = |error| SdkCredentialsError::provider_error(RenewalFailed::of(&error));
                let renewed = match renewed {
                    Ok(renewed) => renewed.map_err(failed),
                    Err(_) => Err(failed(SdkCredentialsError::provider_timed_out(PROFILE_LIMIT))),
                };
                guard.disarm();
                renewed.iter().for_each(|credentials| add_secrets(&self.known_secrets, credentials));
                renewed
            }),
        }
    }
}

/// Loads credentials: from the stanza's keys or its profile, else from the job's variables, else from the
/// SDK's further sources in the SDK's order.
///
/// With `env_given` the job's environment came with the request, and the identity of this machine must not be
/// used.
pub(super) async fn find(
    stanza: &Stanza,
    env: &Environment,
    env_given: bool,
    config: &ProviderConfig,
    (known_secrets, limit): (&KnownSecrets, Duration),
    sts: impl Fn() -> aws_sdk_sts::Client,
) -> Result<ResolvedCredentials, LambdaError> {
    if let Some(credentials) = from_stanza(stanza)? {
        return Ok(ResolvedCredentials::fixed(credentials, CredentialsSource::Stanza));
    }
    if let Some(name) = &stanza.profile {
        if !defines_profile(env, name) {
            return Err(CredentialsError::UnknownProfile { variable: None, name: name.clone() }.into());
        }
        let profile = ProfileFileCredentialsProvider::builder().configure(config).profile_name(name).build();
        let found = from_profile(profile, limit).await?;
        return found.ok_or_else(|| CredentialsError::NoProfile { name: name.clone() }.into());
    }
    // As the AWS CLI and boto3 do. The SDK would go on to the next source, and deploy with another identity.
    const PROFILE: &str = "AWS_PROFILE";
    if let Some(name) = env.get(PROFILE).filter(|name| !name.is_empty() && !defines_profile(env, name)) {
        return Err(
            CredentialsError::UnknownProfile { variable: Some(PROFILE), name: name.into_owned() }.into()
        );
    }
    if let Some(credentials) = from_environment(env)? {
        return Ok(ResolvedCredentials::fixed(credentials, CredentialsSource::Environment));
    }
    let profile = ProfileFileCredentialsProvider::builder().configure(config).build();
    if let Some(found) = from_profile(profile, limit).await? {
        return Ok(found);
    }
    if let Some(role) = Role::from_token_file(env)? {
        return AssumedRole::new(role, sts(), known_secrets.clone())
            .into_credentials(CredentialsSource::WebIdentity)
            .await;
    }
    let container = EcsCredentialsProvider::builder().configure(config).build();
    // The SDK's provider ignores configured timeouts.
    let origin = CredentialsSource::Container;
    let result =
        tokio::time::timeout(METADATA_LIMIT * CONTAINER_LIMIT_FACTOR, try_source(container, origin)).await;
    if let Some(found) = result.unwrap_or(Err(CredentialsError::NoResponse { origin }))? {
        return Ok(found);
    }
    if !env_given || env.get(METADATA_ENDPOINT).is_some() {
        let client = imds::Client::builder()
            .configure(config)
            .connect_timeout(METADATA_LIMIT)
            .read_timeout(METADATA_LIMIT)
            .max_attempts(1)
            .build();
        let instance = ImdsCredentialsProvider::builder().configure(config).imds_client(client).build();
        // Errors are ignored: most machines have no metadata service.
        if let Ok(Some(found)) = try_source(instance, CredentialsSource::Instance).await {
            return Ok(found);
        }
    }
    Err(CredentialsError::None.into())
}

fn from_stanza(stanza: &Stanza) -> Result<Option<Credentials>, CredentialsError> {
    let half = |given, missing, at| Err(CredentialsError::Incomplete { given, missing, at: Some(at) });
    match (&stanza.access_key_id, &stanza.secret_access_key, &stanza.session_token) {
        (Some(id), Some(secret), token) => {
            let token = token.as_ref().map(|token| token.expose().to_owned());
            Ok(Some(Credentials::new(id.expose(), secret.expose(), token, None, "stanza")))
        }
        (Some(_), None, _) => half("access_key_id", "secret_access_key", "/secret_access_key"),
        (None, Some(_), _) => half("secret_access_key", "access_key_id", "/access_key_id"),
        (None, None, Some(_)) => half("session_token", "access_key_id", "/access_key_id"),
        (None, None, None) => Ok(None),
    }
}

/// Credentials from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, else from the same
/// names with dpl's other prefix, `LAMBDA_`.
fn from_environment(env: &Environment) -> Result<Option<Credentials>, CredentialsError> {
    const NAMES: [[&str; 3]; 2] = [
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        ["LAMBDA_ACCESS_KEY_ID", "LAMBDA_SECRET_ACCESS_KEY", "LAMBDA_SESSION_TOKEN"],
    ];
    let variable = |name| env.get(name).filter(|value| !value.is_empty());
    let half = |given, missing| Err(CredentialsError::Incomplete { given, missing, at: None });
    for [id_name, secret_name, token_name] in NAMES {
        match (variable(id_name), variable(secret_name)) {
            (Some(id), Some(secret)) => {
                let token = variable(token_name).map(|token| token.into_owned());
                return Ok(Some(Credentials::new(id, secret, token, None, "environment")));
            }
            (Some(_), None) => return half(id_name, secret_name),
            (None, Some(_)) => return half(secret_name, id_name),
            (None, None) => {}
        }
    }
    Ok(None)
}

/// Asks one source. `None`: the source is not configured. An error: it is configured, and failed.
async fn try_source(
    provider: impl ProvideCredentials + 'static,
    origin: CredentialsSource,
) -> Result<Option<ResolvedCredentials>, CredentialsError> {
    let provider = SharedCredentialsProvider::new(provider);
    match provider.provide_credentials().await {
        Ok(credentials) => {
            Ok(Some(ResolvedCredentials { credentials, source: origin, provider: Some(provider) }))
        }
        // A missing `source_profile` must end the search, too. The SDK reports it only in the text of the
        // error.
        Err(error @ SdkCredentialsError::CredentialsNotLoaded(_)) if !names_no_profile(&error) => Ok(None),
        Err(source) => Err(CredentialsError::Unavailable { origin, source }),
    }
}

/// As [`try_source`], within `limit`: a profile may name a process that never exits, and the SDK does not
/// kill it.
async fn from_profile(
    provider: ProfileFileCredentialsProvider,
    limit: Duration,
) -> Result<Option<ResolvedCredentials>, CredentialsError> {
    let origin = CredentialsSource::Profile;
    let limit = limit.min(PROFILE_LIMIT);
    let guard = ProcessGuard { armed: true };
    let found = tokio::time::timeout(limit, try_source(provider, origin))
        .await
        .map_err(|_| CredentialsError::ProcessTimedOut { limit })?;
    guard.disarm();
    found
}

/// Error of a failed renewal, with a text for the user. It replaces the SDK's error, which quotes the output
/// of a `credential_process`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RenewalFailed(String);

impl RenewalFailed {
    /// Keeps the text of the innermost cause that says something.
    fn of(error: &SdkCredentialsError) -> Self {
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

/// Ends the `credential_process` of a profile when the SDK's request for credentials is given up.
struct ProcessGuard {
    armed: bool,
}

impl ProcessGuard {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        if self.armed {
            orphans::kill_sdk_processes();
        }
    }
}

fn names_no_profile(error: &dyn std::error::Error) -> bool {
    error.source().is_some_and(|words| words.to_string().contains("was not defined"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::secret::Secret;

    fn missing(stanza: &Stanza, env: &[(&str, &str)]) -> &'static str {
        let env: Environment = env.iter().copied().collect();
        match from_stanza(stanza)
            .and_then(|found| found.map_or_else(|| from_environment(&env), |found| Ok(Some(found))))
        {
            Err(CredentialsError::Incomplete { missing, .. }) => missing,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn half_a_pair_names_the_missing_half() {
        let secret = || Some(Secret::new("x"));
        let stanza = |id, key, token| Stanza {
            access_key_id: id,
            secret_access_key: key,
            session_token: token,
            ..Stanza::default()
        };
        assert_eq!(missing(&stanza(secret(), None, None), &[]), "secret_access_key");
        assert_eq!(missing(&stanza(None, secret(), None), &[]), "access_key_id");
        assert_eq!(missing(&stanza(None, None, secret()), &[]), "access_key_id");
        assert_eq!(missing(&Stanza::default(), &[("AWS_ACCESS_KEY_ID", "x")]), "AWS_SECRET_ACCESS_KEY");
        assert_eq!(missing(&Stanza::default(), &[("AWS_SECRET_ACCESS_KEY", "x")]), "AWS_ACCESS_KEY_ID");
        assert_eq!(missing(&Stanza::default(), &[("LAMBDA_ACCESS_KEY_ID", "x")]), "LAMBDA_SECRET_ACCESS_KEY");
    }

    #[test]
    fn the_stanzas_keys_never_take_the_environments_token() {
        let stanza = Stanza {
            access_key_id: Some(Secret::new("id")),
            secret_access_key: Some(Secret::new("secret")),
            ..Stanza::default()
        };
        let credentials = from_stanza(&stanza).expect("whole").expect("given");
        assert_eq!(credentials.session_token(), None);
    }
}
