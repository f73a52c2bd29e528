//! Loads credentials from the stanza, its profile, the job's environment or the SDK's further sources. It
//! never mixes two sources: access key ID, secret and session token come from the same one. Effect: queries
//! credential sources.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::{self, credentials::ImdsCredentialsProvider};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::credentials_error::CredentialsError;
use super::error::LambdaError;
use super::profile_credentials::ProfileCredentials;
use super::resolved_credentials::ResolvedCredentials;
use super::roles::{AssumedRole, Role};
use crate::options::defines_profile;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::KnownSecrets;
use crate::protocol::stanza::{Stanza, StanzaIdentity};

/// Time limit for one request to a metadata service, which responds at once if it exists. The AWS CLI waits
/// as long. With 200 ms, a test on a busy machine found no credentials.
const METADATA_LIMIT: Duration = Duration::from_secs(1);

/// Factor on [`METADATA_LIMIT`] for a container's credential agent, which may have to call another service
/// first.
const CONTAINER_LIMIT_FACTOR: u32 = 3;

/// The variable by which a job sets its own metadata service.
const METADATA_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

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
    match &stanza.identity {
        Err(unusable) => return Err(CredentialsError::from(unusable.clone()).into()),
        Ok(StanzaIdentity::Keys { access_key_id, secret_access_key, session_token }) => {
            let token = session_token.as_ref().map(|token| token.expose().to_owned());
            let (id, secret) = (access_key_id.expose(), secret_access_key.expose());
            let credentials = Credentials::new(id, secret, token, None, "stanza");
            return Ok(ResolvedCredentials::fixed(credentials, CredentialsSource::Stanza));
        }
        Ok(StanzaIdentity::Profile(name)) => {
            if !defines_profile(env, name) {
                return Err(CredentialsError::UnknownProfile { variable: None, name: name.clone() }.into());
            }
            let profile = ProfileCredentials::new(Some(name), env, config, (known_secrets, limit)).await?;
            let found = profile.into_credentials().await?;
            return found.ok_or_else(|| CredentialsError::NoProfile { name: name.clone() }.into());
        }
        Ok(StanzaIdentity::Job) => {}
    }
    // As the AWS CLI and boto3 do. The SDK would go on to the next source, and deploy with another identity.
    const PROFILE: &str = "AWS_PROFILE";
    if let Some(name) = env.non_empty(PROFILE).filter(|name| !defines_profile(env, name)) {
        return Err(
            CredentialsError::UnknownProfile { variable: Some(PROFILE), name: name.into_owned() }.into()
        );
    }
    if let Some(credentials) = from_environment(env)? {
        return Ok(ResolvedCredentials::fixed(credentials, CredentialsSource::Environment));
    }
    let name = profile_name(stanza, env);
    let profile = ProfileCredentials::new(name, env, config, (known_secrets, limit)).await?;
    if let Some(found) = profile.into_credentials().await? {
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

/// The profile for the SDK. `None`: the job's `AWS_PROFILE`, else `default`. With an empty `AWS_PROFILE`, the
/// SDK would look for a profile without a name; a CI passes an empty variable for one that is not set.
pub(super) fn profile_name<'a>(stanza: &'a Stanza, env: &Environment) -> Option<&'a str> {
    let is_empty = env.get("AWS_PROFILE").is_some_and(|name| name.is_empty());
    stanza.profile().or(is_empty.then_some("default"))
}

/// Credentials from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, else from the same
/// names with dpl's other prefix, `LAMBDA_`.
fn from_environment(env: &Environment) -> Result<Option<Credentials>, CredentialsError> {
    const NAMES: [[&str; 3]; 2] = [
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        ["LAMBDA_ACCESS_KEY_ID", "LAMBDA_SECRET_ACCESS_KEY", "LAMBDA_SESSION_TOKEN"],
    ];
    let half = |given, missing| Err(CredentialsError::Incomplete { given, missing, at: None });
    for [id_name, secret_name, token_name] in NAMES {
        match (env.non_empty(id_name), env.non_empty(secret_name)) {
            (Some(id), Some(secret)) => {
                let token = env.non_empty(token_name).map(|token| token.into_owned());
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
            let (source, provider) = (origin, Some(provider));
            Ok(Some(ResolvedCredentials { credentials, source, profile: None, provider }))
        }
        Err(SdkCredentialsError::CredentialsNotLoaded(_)) => Ok(None),
        Err(source) => Err(CredentialsError::Unavailable { origin, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(env: &[(&str, &str)]) -> &'static str {
        match from_environment(&env.iter().copied().collect()) {
            Err(CredentialsError::Incomplete { missing, .. }) => missing,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn half_a_pair_names_the_missing_half() {
        assert_eq!(missing(&[("AWS_ACCESS_KEY_ID", "x")]), "AWS_SECRET_ACCESS_KEY");
        assert_eq!(missing(&[("AWS_SECRET_ACCESS_KEY", "x")]), "AWS_ACCESS_KEY_ID");
        assert_eq!(missing(&[("LAMBDA_ACCESS_KEY_ID", "x")]), "LAMBDA_SECRET_ACCESS_KEY");
    }
}
