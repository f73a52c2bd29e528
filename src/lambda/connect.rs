//! A stanza and the job's environment in, Lambda as one caller in one region out.
//! Never sends a request to Lambda; a credentials' source may be asked.

use std::sync::Arc;
use std::time::Duration;

use aws_config::meta::region::ProvideRegion;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::error::LambdaError;
use super::http::LazyTls;
use super::observer::{Attempts, Observer};
use super::{ANSWER_LIMIT, DEFAULT_WAIT, Lambda, credentials};
use crate::journal::Journal;
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;
use crate::protocol::name::Region;
use crate::protocol::secret::Secret;
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::OrNone;
use crate::stop::Stop;

/// Who acts, and where.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where the credentials come from.
    pub source: CredentialsSource,
    /// The access key id.
    pub access_key_id: Secret,
    /// The region.
    pub region: Region,
    /// What must not be shown of credentials that were found outside the request.
    pub secrets: Vec<Secret>,
}

/// Finds out who acts and where, without a request to Lambda.
///
/// # Errors
/// [`LambdaError::Credentials`], [`LambdaError::BadRegion`], and [`LambdaError::WaitedTooLong`] for a source that does
/// not answer.
pub async fn connect(
    stanza: &Stanza,
    env: &Environment,
    env_given: bool,
    journal: Arc<Journal>,
    stop: Stop,
) -> Result<(Lambda, Identity), LambdaError> {
    let http = LazyTls::default();
    let takes_long = stanza.snap_start.as_deref() == Some("PublishedVersions")
        || matches!(stanza.provisioned_concurrency, Some(OrNone::Some(_)));
    let wait_limit = stanza.wait_timeout.unwrap_or(if takes_long { DEFAULT_WAIT * 3 } else { DEFAULT_WAIT });
    let identifying = tokio::time::timeout(wait_limit, identify(stanza, env, env_given, http.clone()));
    let (credentials, identity) = tokio::select! {
        biased;
        reason = stop.requested() => return Err(LambdaError::Stopped { reason, in_flight: None }),
        found = identifying => {
            found.map_err(|_| LambdaError::WaitedTooLong { what: "the source of credentials", limit: wait_limit })??
        }
    };
    let attempts = Attempts::default();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(SdkRegion::new(identity.region.as_str().to_owned()))
        .credentials_provider(credentials)
        .timeout_config(timeouts(wait_limit, ANSWER_LIMIT))
        .retry_config(retries())
        .app_name(AppName::new(concat!("dpl-lambda-", env!("CARGO_PKG_VERSION"))).expect("letters, digits, - and ."));
    let observer = Observer { attempts: attempts.clone(), journal: journal.clone() };
    let config = loader.load().await;
    let lambda = aws_sdk_lambda::config::Builder::from(&config).interceptor(observer.clone()).build();
    // A part of an upload may take as long as a wait. An endpoint of one's own has no name for each bucket.
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .interceptor(observer)
        .timeout_config(timeouts(wait_limit, wait_limit))
        .force_path_style(has_own_endpoint(env))
        .build();
    let (client, s3) = (aws_sdk_lambda::Client::from_conf(lambda), aws_sdk_s3::Client::from_conf(s3));
    Ok((Lambda { client, s3, journal, stop, attempts, wait_limit }, identity))
}

fn has_own_endpoint(env: &Environment) -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| env.get(name).is_some_and(|url| !url.is_empty()))
}

async fn identify(
    stanza: &Stanza,
    env: &Environment,
    env_given: bool,
    http: LazyTls,
) -> Result<(Credentials, Identity), LambdaError> {
    let region = region(stanza, env).await?;
    let sdk_region = SdkRegion::new(region.as_str().to_owned());
    let config = ProviderConfig::without_region().with_http_client(http).with_region(Some(sdk_region));
    let (credentials, source) =
        credentials::find(stanza, env, env_given, &config).await.map_err(LambdaError::Credentials)?;
    let secrets = std::iter::once(credentials.secret_access_key()).chain(credentials.session_token());
    let identity = Identity {
        source,
        access_key_id: Secret::new(credentials.access_key_id()),
        region,
        secrets: secrets.map(Secret::new).collect(),
    };
    Ok((credentials, identity))
}

/// The stanza's region, then the job's, then the profile's; `us-east-1` as in dpl.
async fn region(stanza: &Stanza, env: &Environment) -> Result<Region, LambdaError> {
    if let Some(region) = &stanza.region {
        return Ok(region.clone());
    }
    let parse = |origin, region: &str| {
        Region::parse(region).map_err(|right| LambdaError::BadRegion { origin, region: region.to_owned(), right })
    };
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "LAMBDA_REGION"] {
        if let Some(region) = env.get(name).filter(|region| !region.is_empty()) {
            return parse(name, &region);
        }
    }
    match ProfileFileRegionProvider::new().region().await {
        Some(region) => parse("the profile's region", region.as_ref()),
        None => parse("the default region", "us-east-1"),
    }
}

/// Tries again, with jitter, for some twenty seconds; once AWS throttles, also fewer calls a second.
fn retries() -> RetryConfig {
    RetryConfig::adaptive()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(500))
        .with_max_backoff(Duration::from_secs(5))
}

/// How long a whole call may take, and how long one attempt of it.
pub(super) fn timeouts(whole: Duration, answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(answer.min(whole))
        .operation_timeout(whole)
        .build()
}
