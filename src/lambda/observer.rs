//! Every HTTP request on its way out and back in, a tally of them out.
//! Never changes a request, and never looks into its body.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::http::Headers;

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
}

impl Attempts {
    pub(super) fn forget(&self) {
        *self.lock() = Tally::default();
    }

    pub(super) fn told(&self) -> Tally {
        self.lock().clone()
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
        _: &mut ConfigBag,
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
        tally.has_lost |= status.is_none_or(|status| status >= 500 || (status < 300 && has_failed));
        tally.request_id = id.or(tally.request_id.take());
        Ok(())
    }
}
