//! Loads the credentials that a stanza and the job's environment name, and builds the AWS clients with them.
//! It never sends a request to Lambda, only to credential sources and STS. Effect: reads `AWS_CA_BUNDLE`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::meta::region::ProvideRegion;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_sdk_lambda::config::retry::RetryPartition;
use aws_smithy_types::retry::RetryConfig;

use super::client::Lambda;
use super::credentials_error::CredentialsError;
use super::error::LambdaError;
use super::http::{CaBundle, LazyTls, TooLarge};
use super::pace::Pace;
use super::request_recorder::{AttemptCounter, RequestRecorder, address};
use super::resolved_credentials::ResolvedCredentials;
use super::roles::{AssumedRole, Role};
use super::timeouts::{DEFAULT_WAIT, RESPONSE_LIMIT, timeouts};
use super::{credential_files, credentials, poll_backoff};
use crate::bounded_read;
use crate::cancel::CancelToken;
use crate::event_writer::EventWriter;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::name::Region;
use crate::protocol::secret::{KnownSecrets, Secret};
use crate::protocol::stanza::{RoleToAssume, Stanza, StanzaIdentity, UnusableKeys};
use crate::protocol::structures::OrNone;

/// Progress text while credentials are being loaded.
const CREDENTIALS: &str = "the credential source";

/// The AWS identity and region of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub source: CredentialsSource,
    /// The profile of the credentials, or of those with which a role was assumed. `None`: they come from no
    /// profile.
    pub profile: Option<String>,
    pub access_key_id: Secret,
    pub region: Region,
}

/// The credentials of one identity in one region, and what all clients with it share: the connections, and
/// the cache of renewed credentials.
pub(crate) struct Session {
    config: SdkConfig,
    identity: Identity,
    /// Host and port of the job's proxy. `None`: the job has none.
    proxy: Option<String>,
    /// True if S3 has a custom endpoint.
    has_own_endpoint: bool,
    known_secrets: KnownSecrets,
}

/// What the identity of a stanza depends on besides the job's environment. Stanzas with equal keys can share
/// a [`Session`].
#[derive(PartialEq)]
pub(crate) struct IdentityKey {
    identity: Result<StanzaIdentity, UnusableKeys>,
    profile: Option<String>,
    role: Option<RoleToAssume>,
    region: Option<Region>,
}

impl IdentityKey {
    pub(crate) fn of(stanza: &Stanza, env: &Environment) -> Result<Self, LambdaError> {
        Ok(IdentityKey {
            identity: stanza.identity.clone(),
            profile: stanza.profile().map(str::to_owned),
            role: stanza.role_to_assume.clone(),
            region: named_region(stanza, env)?,
        })
    }
}

/// Loads credentials and determines the region, without a request to Lambda. Adds all credentials to
/// `known_secrets` before their first use, now and when they are renewed.
///
/// # Errors
/// [`LambdaError::Credentials`], [`LambdaError::BadRegion`], [`LambdaError::BadEndpoint`],
/// [`LambdaError::BadCaBundle`], [`LambdaError::Call`] for STS, [`LambdaError::Cancelled`], and
/// [`LambdaError::WaitedTooLong`] for a credential source that does not respond.
pub(crate) async fn log_in(
    stanza: &Stanza,
    env: &Environment,
    env_given: bool,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
    known_secrets: &KnownSecrets,
) -> Result<Session, LambdaError> {
    check_endpoints(env)?;
    credential_files::check(env, known_secrets)?;
    let http = LazyTls::trusting(ca_bundle(env)?);
    let proxy = proxy(env);
    let attempts = AttemptCounter::with_proxy(proxy.clone());
    let recorder = RequestRecorder { attempts: attempts.clone(), events: events.clone(), pace: None };
    let wait_limit = wait_limit(stanza);
    let lookup = IdentityLookup { stanza, env, env_given, http, recorder, wait_limit, known_secrets };
    // A call to STS has the same limit but a better error message, so it must time out first.
    let identifying = tokio::time::timeout(wait_limit + Duration::from_secs(1), lookup.identify());
    let reported = |error| match error {
        LambdaError::Call(error) => LambdaError::Call(attempts.explain(error)),
        other => other,
    };
    let (config, identity) = tokio::select! {
        biased;
        // The `credential_process` of a profile ends with `identifying`.
        reason = stop.cancelled() => return Err(LambdaError::Cancelled { reason, in_flight: None }),
        found = poll_backoff::with_progress(events, Duration::ZERO, || CREDENTIALS.to_owned(), identifying) => {
            found.map_err(|_| LambdaError::WaitedTooLong { what: CREDENTIALS, limit: wait_limit })?.map_err(reported)?
        }
    };
    let has_own_endpoint = has_own_endpoint(env);
    Ok(Session { config, identity, proxy, has_own_endpoint, known_secrets: known_secrets.clone() })
}

impl Session {
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Builds the clients for one function. `pace` is the rate that it shares with the other functions of the
    /// request. `None`: it is the only one.
    pub(crate) fn lambda(
        &self,
        stanza: &Stanza,
        events: &Arc<EventWriter>,
        stop: &CancelToken,
        pace: Option<&Arc<Pace>>,
    ) -> Lambda {
        let config = &self.config;
        let wait_limit = wait_limit(stanza);
        let attempts = AttemptCounter::with_proxy(self.proxy.clone());
        let recorder = RequestRecorder { attempts: attempts.clone(), events: events.clone(), pace: None };
        let mut lambda = aws_sdk_lambda::config::Builder::from(config)
            .interceptor(RequestRecorder { pace: pace.cloned(), ..recorder.clone() })
            .retry_classifier(TooLarge)
            .timeout_config(timeouts(wait_limit, RESPONSE_LIMIT));
        // Clients of the same partition share the SDK's limit of retries, and the last functions would have
        // none left.
        let partition = || RetryPartition::new(format!("dpl-lambda-{}", stanza.function_name.as_str()));
        lambda.set_retry_partition(pace.map(|_| partition()));
        #[cfg(feature = "cloudwatch")]
        let cloudwatch = stanza.guard.is_some().then(|| {
            let config = aws_sdk_cloudwatch::config::Builder::from(config)
                .interceptor(recorder.clone())
                .retry_classifier(TooLarge)
                // As long as a call lasts, nothing watches the new version.
                .timeout_config(timeouts(wait_limit.min(RESPONSE_LIMIT), RESPONSE_LIMIT / 4));
            aws_sdk_cloudwatch::Client::from_conf(config.build())
        });
        #[cfg(feature = "codedeploy")]
        let codedeploy = stanza.codedeploy.is_some().then(|| {
            let config = aws_sdk_codedeploy::config::Builder::from(config)
                .interceptor(recorder.clone())
                .retry_classifier(TooLarge)
                .timeout_config(timeouts(wait_limit, RESPONSE_LIMIT));
            aws_sdk_codedeploy::Client::from_conf(config.build())
        });
        // Sending a part of an upload may take as long as a wait. A custom endpoint has no host name for each
        // bucket.
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .interceptor(recorder)
            .retry_classifier(TooLarge)
            .timeout_config(timeouts(wait_limit, wait_limit))
            .force_path_style(self.has_own_endpoint)
            .build();
        Lambda {
            client: aws_sdk_lambda::Client::from_conf(lambda.build()),
            s3: aws_sdk_s3::Client::from_conf(s3),
            #[cfg(feature = "cloudwatch")]
            cloudwatch,
            #[cfg(feature = "codedeploy")]
            codedeploy,
            events: events.clone(),
            stop: stop.clone(),
            attempts,
            wait_limit,
            known_secrets: self.known_secrets.clone(),
            pace: pace.cloned(),
        }
    }
}

/// The time limit of each wait of a deployment.
fn wait_limit(stanza: &Stanza) -> Duration {
    // AWS lets the code of Managed Instances start for 15 minutes, after it has launched the instances.
    let is_managed =
        stanza.capacity_provider_config.is_some() || stanza.publish_to.is_some() || stanza.scaling.is_some();
    let takes_long = is_managed
        || stanza.snap_start.as_deref() == Some("PublishedVersions")
        || matches!(stanza.provisioned_concurrency, Some(OrNone::Some(_)));
    stanza.wait_timeout.unwrap_or(if takes_long { DEFAULT_WAIT * 3 } else { DEFAULT_WAIT })
}

/// Rejects invalid endpoint URLs, which the SDK would report as network errors.
fn check_endpoints(env: &Environment) -> Result<(), LambdaError> {
    for variable in [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_CLOUDWATCH",
        "AWS_ENDPOINT_URL_CODEDEPLOY",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_SIGNIN",
        "AWS_ENDPOINT_URL_SSO",
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "AWS_ENDPOINT_URL_STS",
    ] {
        if let Some(url) = env.non_empty(variable).filter(|url| !is_address(url)) {
            return Err(LambdaError::BadEndpoint { variable, url: url.into_owned() });
        }
    }
    Ok(())
}

fn is_address(url: &str) -> bool {
    let rest = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    rest.is_some_and(begins) && url.bytes().all(|byte| byte.is_ascii_graphic())
}

fn has_own_endpoint(env: &Environment) -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| env.non_empty(name).is_some())
}

/// Host and port of the proxy for `https://`. `None`: the job has none.
fn proxy(env: &Environment) -> Option<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let url = names.iter().find_map(|name| env.non_empty(name))?;
    if url.contains("://") { address(&url) } else { address(&format!("http://{url}")) }
}

/// Inputs for loading credentials.
struct IdentityLookup<'a> {
    stanza: &'a Stanza,
    env: &'a Environment,
    env_given: bool,
    http: LazyTls,
    recorder: RequestRecorder,
    wait_limit: Duration,
    known_secrets: &'a KnownSecrets,
}

impl IdentityLookup<'_> {
    /// Loads the credentials. Returns them with the configuration that all clients share.
    async fn identify(&self) -> Result<(SdkConfig, Identity), LambdaError> {
        let (stanza, env) = (self.stanza, self.env);
        let region = match named_region(stanza, env)? {
            Some(region) => region,
            None => default_region(stanza, env).await?,
        };
        let role = Role::of(stanza, env).map_err(|variable| CredentialsError::NoToken { variable })?;
        let config = self.config(&region).await;
        let sts = |resolved: Option<ResolvedCredentials>| {
            let base = config.to_builder();
            let base = match resolved {
                Some(resolved) => base.credentials_provider(resolved.into_provider(self.known_secrets)),
                None => base,
            };
            let config =
                aws_sdk_sts::config::Builder::from(&base.build()).interceptor(self.recorder.clone()).build();
            aws_sdk_sts::Client::from_conf(config)
        };
        let resolved = match role {
            None => self.first(&config, || sts(None)).await?,
            Some(role) => {
                let (first, source) = if role.exchanges_token() {
                    (None, CredentialsSource::WebIdentity)
                } else {
                    let first = self.first(&config, || sts(None)).await?;
                    (Some(first), CredentialsSource::AssumedRole)
                };
                let profile = first.as_ref().and_then(|first| first.profile.clone());
                let role = AssumedRole::new(role, sts(first), self.known_secrets.clone());
                ResolvedCredentials { profile, ..role.into_credentials(source).await? }
            }
        };
        let identity = Identity {
            source: resolved.source,
            profile: resolved.profile.clone(),
            access_key_id: Secret::new(resolved.credentials.access_key_id()),
            region,
        };
        Ok((
            config.into_builder().credentials_provider(resolved.into_provider(self.known_secrets)).build(),
            identity,
        ))
    }

    /// The configuration that all clients share, without credentials.
    async fn config(&self, region: &Region) -> SdkConfig {
        let name = concat!("dpl-lambda-", env!("CARGO_PKG_VERSION"));
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(SdkRegion::new(region.as_str().to_owned()))
            .no_credentials()
            .timeout_config(timeouts(self.wait_limit, RESPONSE_LIMIT))
            .retry_config(sdk_retry_config())
            .app_name(AppName::new(name).expect("letters, digits, - and ."));
        match credentials::profile_name(self.stanza, self.env) {
            Some(name) => loader.profile_name(name).load().await,
            None => loader.load().await,
        }
    }

    /// Loads the credentials with which a role is assumed, or which are used directly if there is no role.
    async fn first(
        &self,
        config: &SdkConfig,
        sts: impl Fn() -> aws_sdk_sts::Client,
    ) -> Result<ResolvedCredentials, LambdaError> {
        let config = ProviderConfig::without_region()
            .with_http_client(self.http.clone())
            .with_region(config.region().cloned())
            .with_use_fips(config.use_fips())
            .with_use_dual_stack(config.use_dual_stack());
        let found = credentials::find(
            self.stanza,
            self.env,
            self.env_given,
            &config,
            (self.known_secrets, self.wait_limit),
            sts,
        )
        .await?;
        Ok(found.checked()?)
    }
}

/// The certificates of `AWS_CA_BUNDLE`, which replace the system's.
fn ca_bundle(env: &Environment) -> Result<Option<CaBundle>, LambdaError> {
    let Some(path) = env.non_empty("AWS_CA_BUNDLE") else { return Ok(None) };
    let pem = match bounded_read::read(Path::new(&*path)) {
        Ok(pem) => pem,
        Err(source) => return Err(LambdaError::BadCaBundle { path: path.into_owned(), source }),
    };
    CaBundle::from_pem(&pem).map(Some).ok_or_else(|| LambdaError::EmptyCaBundle { path: path.into_owned() })
}

/// The region from the stanza, else from the function's ARN, else from the job's environment. `None`: none of
/// them has one.
pub(crate) fn named_region(stanza: &Stanza, env: &Environment) -> Result<Option<Region>, LambdaError> {
    if let Some(region) = &stanza.region {
        return Ok(Some(region.clone()));
    }
    if let Some(region) = stanza.function_name.region() {
        return parse_region("the region of the function's ARN", region).map(Some);
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "LAMBDA_REGION"] {
        if let Some(region) = env.non_empty(name) {
            return parse_region(name, &region).map(Some);
        }
    }
    Ok(None)
}

/// The default region: the profile's, else `us-east-1` as in dpl.
///
/// # Errors
/// [`LambdaError::BadRegion`], and [`LambdaError::Credentials`] for an AWS configuration file that is not a
/// regular file.
pub(crate) async fn default_region(stanza: &Stanza, env: &Environment) -> Result<Region, LambdaError> {
    credential_files::check(env, &KnownSecrets::default())?;
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = credentials::profile_name(stanza, env) {
        profile = profile.profile_name(name);
    }
    match profile.build().region().await {
        Some(region) => parse_region("the profile's region", region.as_ref()),
        None => parse_region("the default region", "us-east-1"),
    }
}

fn parse_region(origin: &'static str, region: &str) -> Result<Region, LambdaError> {
    Region::parse(region).map_err(|right| LambdaError::BadRegion { origin, region: region.to_owned(), right })
}

/// Retries with jitter: first within half a second, then at growing intervals, for about twenty seconds. Not
/// `adaptive` mode: its token bucket delays a run by 5 s after a single 429 (tried), and a deployment makes
/// only a few calls, all of which are necessary.
fn sdk_retry_config() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(10)
        .with_initial_backoff(Duration::from_millis(500))
        .with_max_backoff(Duration::from_secs(5))
}
