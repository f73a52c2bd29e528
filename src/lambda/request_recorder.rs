//! SDK interceptor that counts the HTTP requests of a step and records facts of their responses.
//! It never changes a request, and never reads a request body.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::http::Headers;

use super::error::CallError;
use super::pace::Pace;
use super::transient_error::TransientError;
use crate::event_writer::EventWriter;

/// Statistics of the current step's HTTP requests.
#[derive(Clone, Debug, Default)]
pub(super) struct AttemptCounter {
    stats: Arc<Mutex<RequestStats>>,
    /// Host and port of the job's proxy for `https://`, which a host in `NO_PROXY` does not use. `None`: the
    /// job has none.
    proxy: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RequestStats {
    pub(super) requests: u32,
    pub(super) http_status: Option<u16>,
    pub(super) request_id: Option<String>,
    /// Whether the last response came from AWS: it has a request id, and the response of a proxy has none.
    pub(super) is_from_aws: bool,
    /// Whether a response was lost, so that AWS may have carried out its request.
    pub(super) lost_response: bool,
    /// The calls by operation. Two can be in progress at the same time: HeadObject and GetFunction.
    calls: BTreeMap<String, CallFacts>,
}

/// Facts about the calls of one operation.
#[derive(Clone, Debug, Default)]
pub(super) struct CallFacts {
    /// Host and port of the last request. `None`: none was sent.
    address: Option<String>,
    /// The last response of the current call, if it was a 429 or 5xx.
    pub(super) transient_error: Option<TransientError>,
}

impl RequestStats {
    /// The facts about the call that the SDK is making with `config`.
    fn call(&mut self, config: &ConfigBag) -> &mut CallFacts {
        self.calls.entry(operation(config).to_owned()).or_default()
    }
}

/// The operation that the SDK is calling with `config`.
fn operation(config: &ConfigBag) -> &str {
    config.load::<Metadata>().map(Metadata::name).unwrap_or_default()
}

impl AttemptCounter {
    pub(super) fn with_proxy(proxy: Option<String>) -> Self {
        AttemptCounter { proxy, ..AttemptCounter::default() }
    }

    pub(super) fn reset(&self) {
        *self.lock() = RequestStats::default();
    }

    pub(super) fn stats(&self) -> RequestStats {
        self.lock().clone()
    }

    /// The facts about the calls of an operation.
    pub(super) fn call(&self, operation: &str) -> CallFacts {
        self.lock().calls.get(operation).cloned().unwrap_or_default()
    }

    /// Adds the addresses to an error. Replaces a timeout by AWS's last 429 or 5xx, if there was one: that is
    /// the better explanation.
    pub(super) fn explain(&self, error: CallError) -> CallError {
        let CallFacts { transient_error, address } = self.call(error.operation);
        match transient_error {
            Some(transient_error) if error.is_timeout() => {
                CallError::from_transient(error.operation, transient_error)
            }
            _ => CallError { address, proxy: self.proxy.clone(), ..error },
        }
    }

    fn lock(&self) -> MutexGuard<'_, RequestStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Interceptor that records every HTTP request and its response.
#[derive(Clone)]
pub(super) struct RequestRecorder {
    pub(super) attempts: AttemptCounter,
    pub(super) events: Arc<EventWriter>,
    /// The rate that counts the retries of the SDK, and slows down after a 429. `None`: the request deploys
    /// one function, or these are not calls to Lambda.
    pub(super) pace: Option<Arc<Pace>>,
}

impl std::fmt::Debug for RequestRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestRecorder")
    }
}

#[dyn_dispatch_hint]
impl Intercept for RequestRecorder {
    fn name(&self) -> &'static str {
        "RequestRecorder"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.attempts.lock().call(config).transient_error = None;
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.events.mark_side_effects_started();
        self.attempts.lock().requests += 1;
        let is_retry = config.load::<RequestAttempts>().is_some_and(|number| number.attempts() > 1);
        if let Some(pace) = self.pace.as_ref().filter(|_| is_retry) {
            pace.charge(operation(config));
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.attempts.lock().call(config).address = address(context.request().uri());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // S3 uses another header name.
        let id = |headers: &Headers| {
            headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id")).map(str::to_owned)
        };
        let id = context.response().and_then(|response| id(response.headers()));
        let status = context.response().map(|response| response.status().as_u16());
        tracing::debug!(status, request_id = id.as_deref(), "answered");
        if let Some(pace) = self.pace.as_ref().filter(|_| status == Some(429)) {
            pace.throttled(operation(config));
        }
        let mut stats = self.attempts.lock();
        stats.http_status = status;
        stats.is_from_aws = id.is_some();
        let has_failed = context.output_or_error().is_some_and(|answer| answer.is_err());
        // PublishVersion may return 429 although it took effect (terraform-provider-aws, issue 29907).
        let publishes = operation(config) == "PublishVersion";
        let is_lost = |status| status >= 500 || (status < 300 && has_failed) || (status == 429 && publishes);
        stats.lost_response |= status.is_none_or(is_lost);
        if let Some(response) = context.response() {
            let transient_error = has_failed.then(|| TransientError::of(response, id.clone())).flatten();
            stats.call(config).transient_error = transient_error;
        }
        stats.request_id = id.or(stats.request_id.take());
        Ok(())
    }
}

/// Host and port of a URL, without credentials: `lambda.eu-west-1.amazonaws.com:443`.
pub(super) fn address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if host.rsplit_once(':').is_some_and(|(_, port)| is_port(port)) {
        return Some(host.to_owned());
    }
    Some(format!("{host}:{}", if scheme == "http" { 80 } else { 443 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::CallErrorKind;

    #[test]
    fn an_error_names_the_address_of_its_own_operation() {
        let attempts = AttemptCounter::default();
        for (operation, address) in [("GetFunction", "lambda.example:443"), ("HeadObject", "s3.example:443")]
        {
            let facts = CallFacts { address: Some(address.to_owned()), transient_error: None };
            attempts.lock().calls.insert(operation.to_owned(), facts);
        }
        let address =
            |operation| attempts.explain(CallError::without(operation, CallErrorKind::Timeout)).address;
        assert_eq!(address("GetFunction").as_deref(), Some("lambda.example:443"));
        assert_eq!(address("HeadObject").as_deref(), Some("s3.example:443"));
        assert_eq!(address("Invoke"), None);
    }

    #[test]
    fn an_address_is_host_and_port_without_a_password() {
        for (url, expected) in [
            (
                "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f",
                "lambda.eu-west-1.amazonaws.com:443",
            ),
            ("http://localhost:4566/x?y=a:1", "localhost:4566"),
            ("http://me:pass@localhost/", "localhost:80"),
            ("http://[::1]/", "[::1]:80"),
            ("http://[::1]:9?x", "[::1]:9"),
        ] {
            assert_eq!(address(url).as_deref(), Some(expected));
        }
        assert_eq!(address("/2015-03-31/functions"), None);
    }
}
