//! The stanza's keys or profile and the job's environment in, credentials and their source out. Effect: asks credential
//! sources. Never mixes two sources: a key, its secret and its session token come from one place.

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
use super::roles::{AssumedRole, Role};
use crate::child::orphans;
use crate::options::defines_profile;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::{Learnt, Secret};
use crate::protocol::stanza::Stanza;

/// Why nobody can act.
#[derive(Debug)]
pub enum CredentialsError {
    /// One half of a pair of keys is missing.
    Incomplete {
        /// What is there.
        given: &'static str,
        /// What is missing.
        missing: &'static str,
        /// JSON pointer, when it is the stanza's.
        at: Option<&'static str>,
    },
    /// No source has credentials.
    None,
    /// The profile that the stanza names has none.
    NoProfile {
        /// Its name.
        name: String,
    },
    /// There is no profile of that name in the job's `~/.aws` files.
    UnknownProfile {
        /// The variable that names it. `None`: the stanza does.
        variable: Option<&'static str>,
        /// Its name.
        name: String,
    },
    /// The job has no variable of that name, which the stanza says holds a token.
    NoToken {
        /// The variable.
        variable: String,
    },
    /// The file that is to hold a token cannot be read.
    NoTokenFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the SDK is to read is none, or too large.
    BadFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A source has credentials, but does not give them in time.
    Silent {
        /// The source.
        origin: CredentialsSource,
    },
    /// The process that a profile names does not end.
    Hangs {
        /// How long it has run.
        limit: Duration,
    },
    /// A source has credentials, but they cannot be had.
    Unavailable {
        /// The source.
        origin: CredentialsSource,
        /// Why.
        source: SdkCredentialsError,
    },
}

/// The metadata service answers at once, or is not there.
const METADATA_LIMIT: Duration = Duration::from_millis(200);

/// A process that a profile names may ask somebody else; one that asks a person waits for nobody here.
const PROFILE_LIMIT: Duration = Duration::from_secs(60);

/// An agent of a container may have to ask somebody else first.
const CONTAINER_TRIES: u32 = 3;

/// The variable by which a job names a metadata service of its own.
const METADATA_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// Credentials, and who gives new ones when they end.
#[derive(Debug)]
pub(super) struct Acting {
    /// The credentials.
    pub(super) credentials: Credentials,
    /// Where they come from.
    pub(super) source: CredentialsSource,
    /// Whoever gives them. `None`: they do not end, or nobody has others.
    pub(super) provider: Option<SharedCredentialsProvider>,
}

impl Acting {
    fn fixed(credentials: Credentials, source: CredentialsSource) -> Self {
        Acting { credentials, source, provider: None }
    }

    /// What the SDK signs with: these credentials, and when they end, those that the provider has then. None of them is
    /// given to it that is not `learnt` first.
    pub(super) fn into_provider(self, learnt: &Learnt) -> SharedCredentialsProvider {
        learn(learnt, &self.credentials);
        match self.provider {
            None => SharedCredentialsProvider::new(self.credentials),
            Some(provider) => {
                let first = Mutex::new(Some(self.credentials));
                SharedCredentialsProvider::new(Remembered { first, provider, learnt: learnt.clone() })
            }
        }
    }
}

/// What must not be shown of credentials.
pub(super) fn learn(learnt: &Learnt, credentials: &Credentials) {
    let keys = [credentials.access_key_id(), credentials.secret_access_key()];
    learnt.add(keys.into_iter().chain(credentials.session_token()).map(Secret::new));
}

/// Gives the credentials that were told first once; asking their source twice would start its process twice.
#[derive(Debug)]
struct Remembered {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
    learnt: Learnt,
}

impl ProvideCredentials for Remembered {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => future::ProvideCredentials::new(async {
                // The SDK gives up after 5 s, and leaves the process of a profile behind.
                let guard = EndsProcess { armed: true };
                let renewed = self.provider.provide_credentials().await;
                guard.disarm();
                renewed.iter().for_each(|credentials| learn(&self.learnt, credentials));
                renewed
            }),
        }
    }
}

/// Finds who acts: the stanza's keys or its profile, the job's variables, then the SDK's further sources in the SDK's order.
///
/// `env_given`: the job's environment came with the request, so that the machine's own identity is out of bounds.
pub(super) async fn find(
    stanza: &Stanza,
    env: &Environment,
    env_given: bool,
    config: &ProviderConfig,
    (learnt, limit): (&Learnt, Duration),
    sts: impl Fn() -> aws_sdk_sts::Client,
) -> Result<Acting, LambdaError> {
    if let Some(credentials) = of_stanza(stanza)? {
        return Ok(Acting::fixed(credentials, CredentialsSource::Stanza));
    }
    if let Some(name) = &stanza.profile {
        if !defines_profile(env, name) {
            return Err(CredentialsError::UnknownProfile { variable: None, name: name.clone() }.into());
        }
        let profile = ProfileFileCredentialsProvider::builder().configure(config).profile_name(name).build();
        let found = of_profile(profile, limit).await?;
        return found.ok_or_else(|| CredentialsError::NoProfile { name: name.clone() }.into());
    }
    // As the AWS CLI and boto3 do; the SDK would go on to the next source, and deploy as somebody else.
    const PROFILE: &str = "AWS_PROFILE";
    if let Some(name) = env.get(PROFILE).filter(|name| !name.is_empty() && !defines_profile(env, name)) {
        return Err(CredentialsError::UnknownProfile { variable: Some(PROFILE), name: name.into_owned() }.into());
    }
    if let Some(credentials) = of_environment(env)? {
        return Ok(Acting::fixed(credentials, CredentialsSource::Environment));
    }
    let profile = ProfileFileCredentialsProvider::builder().configure(config).build();
    if let Some(found) = of_profile(profile, limit).await? {
        return Ok(found);
    }
    if let Some(role) = Role::of_token_file(env)? {
        return AssumedRole::new(role, sts(), learnt.clone()).act(CredentialsSource::WebIdentity).await;
    }
    let container = EcsCredentialsProvider::builder().configure(config).build();
    // The SDK keeps to times of its own.
    let origin = CredentialsSource::Container;
    let asked = tokio::time::timeout(METADATA_LIMIT * CONTAINER_TRIES, ask(container, origin)).await;
    if let Some(found) = asked.unwrap_or(Err(CredentialsError::Silent { origin }))? {
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
        // A machine without a metadata service is no failure of one.
        if let Ok(Some(found)) = ask(instance, CredentialsSource::Instance).await {
            return Ok(found);
        }
    }
    Err(CredentialsError::None.into())
}

fn of_stanza(stanza: &Stanza) -> Result<Option<Credentials>, CredentialsError> {
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

/// `AWS_ACCESS_KEY_ID` and its companions; else dpl's other names, `LAMBDA_ACCESS_KEY_ID` and so on.
fn of_environment(env: &Environment) -> Result<Option<Credentials>, CredentialsError> {
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

/// `None` when the source has nothing to say; an error when it has, and fails.
async fn ask(
    provider: impl ProvideCredentials + 'static,
    origin: CredentialsSource,
) -> Result<Option<Acting>, CredentialsError> {
    let provider = SharedCredentialsProvider::new(provider);
    match provider.provide_credentials().await {
        Ok(credentials) => Ok(Some(Acting { credentials, source: origin, provider: Some(provider) })),
        // A `source_profile` that is not there ends the search, too; the SDK says so in words alone.
        Err(error @ SdkCredentialsError::CredentialsNotLoaded(_)) if !names_no_profile(&error) => Ok(None),
        Err(source) => Err(CredentialsError::Unavailable { origin, source }),
    }
}

/// As [`ask`], within `limit`, since a profile may name a process that never ends. The SDK does not end it.
async fn of_profile(
    provider: ProfileFileCredentialsProvider,
    limit: Duration,
) -> Result<Option<Acting>, CredentialsError> {
    let origin = CredentialsSource::Profile;
    let limit = limit.min(PROFILE_LIMIT);
    let guard = EndsProcess { armed: true };
    let found =
        tokio::time::timeout(limit, ask(provider, origin)).await.map_err(|_| CredentialsError::Hangs { limit })?;
    guard.disarm();
    found
}

/// Ends the `credential_process` of a profile when the SDK's request for credentials is given up.
struct EndsProcess {
    armed: bool,
}

impl EndsProcess {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for EndsProcess {
    fn drop(&mut self) {
        if self.armed {
            orphans::end_those_of_the_sdk();
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
        match of_stanza(stanza).and_then(|found| found.map_or_else(|| of_environment(&env), |found| Ok(Some(found)))) {
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
        let credentials = of_stanza(&stanza).expect("whole").expect("given");
        assert_eq!(credentials.session_token(), None);
    }
}
