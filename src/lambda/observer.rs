//! Every HTTP request on its way out and back in, a tally of them out.
//! Never changes a request, and never looks into its body.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::http::Headers;
use serde_json::Value;

use super::error::{CallError, is_passing};
use crate::journal::Journal;

/// The HTTP requests of the current step. Calls follow one another, so one tally is enough.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts(Arc<Mutex<Tally>>);

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u32,
    pub(super) http_status: Option<u16>,
    pub(super) request_id: Option<String>,
    /// Whether the last answer was AWS's own: it carries an id, and what a proxy says does not.
    pub(super) is_awss: bool,
    /// Whether an answer was lost, so that its request may have been carried out.
    pub(super) has_lost: bool,
    /// The last answer to the call that goes on, if it was a 429 or 5xx.
    pub(super) refusal: Option<Refusal>,
}

/// Codes by which AWS says that it cannot answer now, whatever the status.
const PASSING: &[&str] = &["InternalError", "RequestTimeout", "RequestTimeoutException"];

/// A 429 or 5xx, as far as it can be read.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) http_status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Refusal {
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
        // S3 says so with other statuses, too: it may have begun to answer, or have waited for the request.
        let passes = is_passing(http_status) || code.as_deref().is_some_and(|code| PASSING.contains(&code));
        passes.then_some(Refusal { http_status, code, message, request_id })
    }
}

impl Attempts {
    pub(super) fn forget(&self) {
        *self.lock() = Tally::default();
    }

    pub(super) fn told(&self) -> Tally {
        self.lock().clone()
    }

    /// A call that was given up for lack of an answer, unless AWS has answered so far that it cannot now: then that.
    pub(super) fn explained(&self, error: CallError) -> CallError {
        match self.told().refusal {
            Some(refusal) if error.is_silence() => CallError::refused(error.operation, refusal),
            _ => error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees every HTTP request on its way out, and what comes back.
#[derive(Clone)]
pub(super) struct Observer {
    pub(super) attempts: Attempts,
    pub(super) journal: Arc<Journal>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

#[dyn_dispatch_hint]
impl Intercept for Observer {
    fn name(&self) -> &'static str {
        "Observer"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.attempts.lock().refusal = None;
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.journal.note_acted();
        self.attempts.lock().requests += 1;
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // S3 has a name of its own for it.
        let id = |headers: &Headers| {
            headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id")).map(str::to_owned)
        };
        let id = context.response().and_then(|response| id(response.headers()));
        let status = context.response().map(|response| response.status().as_u16());
        tracing::debug!(status, request_id = id.as_deref(), "answered");
        let mut tally = self.attempts.lock();
        tally.http_status = status;
        tally.is_awss = id.is_some();
        let has_failed = context.output_or_error().is_some_and(|answer| answer.is_err());
        // AWS answers 429 to publications that have taken effect, too (terraform-provider-aws, issue 29907).
        let publishes = config.load::<Metadata>().is_some_and(|call| call.name() == "PublishVersion");
        let is_lost = |status| status >= 500 || (status < 300 && has_failed) || (status == 429 && publishes);
        tally.has_lost |= status.is_none_or(is_lost);
        let refusal = |response| Refusal::of(response, id.clone());
        tally.refusal = context.response().filter(|_| has_failed).and_then(refusal);
        tally.request_id = id.or(tally.request_id.take());
        Ok(())
    }
}
