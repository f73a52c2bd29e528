//! SDK interceptor that counts the HTTP requests of a step and records facts of their responses.
//! It never changes a request, and never reads a request body.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::http::Headers;
use serde_json::Value;

use super::error::{CallError, is_transient};
use crate::event_writer::EventWriter;

/// Statistics of the current step's HTTP requests. Calls are sequential, so one record is enough.
#[derive(Clone, Debug, Default)]
pub(super) struct AttemptCounter(Arc<Mutex<RequestStats>>);

#[derive(Clone, Debug, Default)]
pub(super) struct RequestStats {
    pub(super) requests: u32,
    pub(super) http_status: Option<u16>,
    pub(super) request_id: Option<String>,
    /// Whether the last response came from AWS: it has a request id, and the response of a proxy has none.
    pub(super) is_from_aws: bool,
    /// Whether a response was lost, so that AWS may have carried out its request.
    pub(super) lost_response: bool,
    /// The last response of the current call, if it was a 429 or 5xx.
    pub(super) transient_error: Option<TransientError>,
}

/// Error codes that mean that the same request may succeed later, with any HTTP status.
const TRANSIENT_CODES: &[&str] = &["InternalError", "RequestTimeout", "RequestTimeoutException"];

/// A response with a 429 or 5xx. What cannot be parsed of it is `None`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("HTTP {http_status}")]
pub(super) struct TransientError {
    pub(super) http_status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl TransientError {
    fn of(response: &HttpResponse, request_id: Option<String>) -> Option<Self> {
        let http_status = response.status().as_u16();
        let body = response.body().bytes().unwrap_or_default();
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let xml = String::from_utf8_lossy(body);
        let within = |tag: &str| {
            let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
            rest.split_once("</").map(|(text, _)| text.to_owned())
        };
        let member = |names: &[&str]| names.iter().find_map(|name| json[name].as_str()).map(str::to_owned);
        let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
        let code = header.or_else(|| member(&["code", "__type"])).or_else(|| within("Code"));
        // `aws.lambda#TooManyRequestsException:http://…`
        let bare = |code: String| {
            let code = code.split(':').next().unwrap_or_default();
            code.rsplit('#').next().unwrap_or_default().to_owned()
        };
        let message = member(&["message", "Message"]).or_else(|| within("Message"));
        let code = code.map(bare).filter(|code| !code.is_empty());
        // S3 uses these codes with other statuses, too: InternalError after a 200 has begun, RequestTimeout
        // with a 400.
        let passes =
            is_transient(http_status) || code.as_deref().is_some_and(|code| TRANSIENT_CODES.contains(&code));
        passes.then_some(TransientError { http_status, code, message, request_id })
    }
}

impl AttemptCounter {
    pub(super) fn reset(&self) {
        *self.lock() = RequestStats::default();
    }

    pub(super) fn stats(&self) -> RequestStats {
        self.lock().clone()
    }

    /// Replaces a timeout by AWS's last 429 or 5xx, if there was one: that is the better explanation.
    pub(super) fn explain_timeout(&self, error: CallError) -> CallError {
        match self.stats().transient_error {
            Some(transient_error) if error.is_timeout() => {
                CallError::from_transient(error.operation, transient_error)
            }
            _ => error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, RequestStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Interceptor that records every HTTP request and its response.
#[derive(Clone)]
pub(super) struct RequestRecorder {
    pub(super) attempts: AttemptCounter,
    pub(super) events: Arc<EventWriter>,
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

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.attempts.lock().transient_error = None;
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.events.mark_side_effects_started();
        self.attempts.lock().requests += 1;
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
        let mut stats = self.attempts.lock();
        stats.http_status = status;
        stats.is_from_aws = id.is_some();
        let has_failed = context.output_or_error().is_some_and(|answer| answer.is_err());
        // PublishVersion may return 429 although it took effect (terraform-provider-aws, issue 29907).
        let publishes = config.load::<Metadata>().is_some_and(|call| call.name() == "PublishVersion");
        let is_lost = |status| status >= 500 || (status < 300 && has_failed) || (status == 429 && publishes);
        stats.lost_response |= status.is_none_or(is_lost);
        if let Some(response) = context.response() {
            stats.transient_error = has_failed.then(|| TransientError::of(response, id.clone())).flatten();
        }
        stats.request_id = id.or(stats.request_id.take());
        Ok(())
    }
}
