//! Defines the AWS client of a deployment: awaits one call, emits progress events while it is slow, and stops
//! waiting when the run is cancelled. Never decides which call to send.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::sync::SemaphorePermit;

use super::archive_interceptor::ArchiveInterceptor;
use super::error::{CallError, CallErrorKind, LambdaError, OperationError};
use super::pace::Pace;
use super::poll_backoff::{self, PollBackoff};
use super::request_recorder::{AttemptCounter, RequestStats};
use super::timeouts::{GRACE, timeouts};
use crate::cancel::{CancelReason, CancelToken};
use crate::event_writer::EventWriter;
use crate::package::Archive;
use crate::protocol::event::StepName;
use crate::protocol::secret::KnownSecrets;

/// Clients of Lambda, S3, CloudWatch and CodeDeploy for one identity in one region.
pub(crate) struct Lambda {
    pub(super) client: aws_sdk_lambda::Client,
    pub(super) s3: aws_sdk_s3::Client,
    /// `None`: the stanza has no `guard`.
    #[cfg(feature = "cloudwatch")]
    pub(super) cloudwatch: Option<aws_sdk_cloudwatch::Client>,
    /// `None`: the stanza has no `codedeploy`.
    #[cfg(feature = "codedeploy")]
    pub(super) codedeploy: Option<aws_sdk_codedeploy::Client>,
    pub(super) events: Arc<EventWriter>,
    pub(super) stop: CancelToken,
    pub(super) attempts: AttemptCounter,
    pub(super) wait_limit: Duration,
    pub(super) known_secrets: KnownSecrets,
    /// The rate that all functions of the request share. `None`: the request deploys one function.
    pub(super) pace: Option<Arc<Pace>>,
}

/// Requests that a step needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Number of HTTP requests, retries included.
    pub attempts: u32,
    /// AWS's id of the last request.
    pub request_id: Option<String>,
    /// True if a response was lost, so that AWS may have carried out its request.
    pub lost_response: bool,
}

impl Lambda {
    /// Request statistics of the last step.
    pub(crate) fn applied(&self) -> Applied {
        let RequestStats { requests, request_id, lost_response, .. } = self.attempts.stats();
        Applied { attempts: requests, request_id, lost_response }
    }

    /// Sleeps for the next interval of `backoff`, unless the run is cancelled.
    pub(super) async fn poll_sleep(
        &self,
        backoff: &mut PollBackoff,
        what: &'static str,
    ) -> Result<(), LambdaError> {
        let interval = backoff.next().ok_or(LambdaError::WaitedTooLong { what, limit: backoff.limit() })?;
        self.sleep(interval, what).await
    }

    /// As [`Lambda::poll_sleep`], but at the limit of `backoff` the error is `refused`. Before the limit,
    /// returns `refused`.
    pub(super) async fn poll_sleep_or(
        &self,
        backoff: &mut PollBackoff,
        what: &'static str,
        refused: LambdaError,
    ) -> Result<LambdaError, LambdaError> {
        match self.poll_sleep(backoff, what).await {
            Err(LambdaError::WaitedTooLong { .. }) => Err(refused),
            slept => slept.map(|()| refused),
        }
    }

    /// Polls once after the next interval of `backoff`. After a 429 or 5xx, polls again until the limit is
    /// reached; the error is then AWS's last one, even if the polls after it got no response.
    pub(super) async fn poll<T>(
        &self,
        backoff: &mut PollBackoff,
        what: &'static str,
        poll_once: impl AsyncFn() -> Result<T, LambdaError>,
    ) -> Result<T, LambdaError> {
        self.poll_sleep(backoff, what).await?;
        let mut refused = None;
        loop {
            match (poll_once().await, refused.take()) {
                (Err(LambdaError::Call(error)), _) if error.is_transient() => {
                    refused = Some(self.poll_sleep_or(backoff, what, LambdaError::Call(error)).await?);
                }
                (Err(LambdaError::Call(error)), Some(refused)) if error.is_timeout() => return Err(refused),
                (read, _) => return read,
            }
        }
    }

    /// Sleeps, unless the run is cancelled. `what` is the progress text.
    pub(crate) async fn sleep(&self, interval: Duration, what: &str) -> Result<(), LambdaError> {
        let sleep = tokio::time::sleep(interval);
        tokio::select! {
            () = poll_backoff::with_progress(&self.events, Duration::ZERO, || what.to_owned(), sleep) => Ok(()),
            reason = self.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
        }
    }

    /// Awaits a call, and emits progress events while it is slow.
    pub(super) async fn with_progress<T>(&self, operation: &'static str, call: impl Future<Output = T>) -> T {
        let what = || match self.attempts.call(operation).transient_error {
            Some(transient_error) => {
                format!("{operation} to succeed; its last response was {transient_error}")
            }
            None => format!("AWS's response to {operation}"),
        };
        // A poll of a longer wait must not replace the text of that wait.
        poll_backoff::with_progress(&self.events, Duration::from_secs(1), what, call).await
    }

    /// Waits until the shared rate allows a call, unless the run is cancelled. The caller keeps the result
    /// until the response.
    async fn turn(&self, operation: &str) -> Result<Option<SemaphorePermit<'_>>, LambdaError> {
        let Some(pace) = &self.pace else { return Ok(None) };
        let what = || "its turn to call AWS, which allows 15 calls a second".to_owned();
        let least = Duration::from_secs(1);
        tokio::select! {
            biased;
            reason = self.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
            turn = poll_backoff::with_progress(&self.events, least, what, pace.turn(operation)) => Ok(turn),
        }
    }

    pub(super) fn failed<E: OperationError>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
    ) -> LambdaError {
        self.explain(CallError::of(operation, error))
    }

    pub(super) fn explain(&self, error: CallError) -> LambdaError {
        LambdaError::Call(self.attempts.explain(error))
    }

    /// Awaits a read call; abandons it as soon as the run is cancelled.
    pub(super) async fn read_call<T, E: OperationError>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError> {
        let _turn = self.turn(operation).await?;
        tokio::select! {
            biased;
            reason = self.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
            answer = self.with_progress(operation, call) => answer.map_err(|error| self.failed(operation, error)),
        }
    }

    /// Awaits a write call. Does not send it if the run is already cancelled. A call in flight gets [`GRACE`]
    /// after a signal, also if the signal comes after another function of the release has failed.
    pub(super) async fn write_call<T, E: OperationError>(
        &self,
        step: StepName,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError> {
        let _turn = self.turn(operation).await?;
        self.stop.check().map_err(|reason| LambdaError::Cancelled { reason, in_flight: None })?;
        let grace_is_over = async {
            match self.stop.run_cancelled().await {
                CancelReason::OutputClosed | CancelReason::Stopped => std::future::pending().await,
                reason @ CancelReason::Signal(_) => {
                    // After a traffic shift, restoring the traffic must also fit into the shutdown time.
                    let is_shift = matches!(step, StepName::ShiftTraffic | StepName::UpdateAlias);
                    tokio::time::sleep(if is_shift { GRACE / 3 } else { GRACE }).await;
                    reason
                }
            }
        };
        tokio::select! {
            biased;
            answer = self.with_progress(operation, call) => answer.map_err(|error| self.failed(operation, error)),
            reason = grace_is_over => Err(LambdaError::Cancelled { reason, in_flight: Some(step) }),
        }
    }

    /// The error for a success response without its required fields: it does not come from AWS, but from a
    /// proxy on the way.
    pub(super) fn invalid_response(&self, operation: &'static str) -> LambdaError {
        let RequestStats { http_status, request_id, .. } = self.attempts.stats();
        LambdaError::Call(CallError {
            http_status,
            request_id,
            ..CallError::without(operation, CallErrorKind::InvalidResponse)
        })
    }

    /// Checks that a response whose fields are all optional comes from AWS and not from a proxy on the way.
    pub(super) fn require_aws_request_id(&self, operation: &'static str) -> Result<(), LambdaError> {
        if self.attempts.stats().is_from_aws { Ok(()) } else { Err(self.invalid_response(operation)) }
    }

    pub(super) fn upload(&self, archive: &Arc<Archive>) -> ArchiveInterceptor {
        ArchiveInterceptor { archive: archive.clone(), events: self.events.clone() }
    }

    /// Timeouts for a call that carries an archive: an upload may take as long as a wait.
    pub(super) fn upload_override(&self) -> aws_sdk_lambda::config::Builder {
        aws_sdk_lambda::config::Builder::new().timeout_config(timeouts(self.wait_limit, self.wait_limit))
    }
}

/// Turns "not found" into `None`.
pub(super) fn found<T>(answer: Result<T, LambdaError>) -> Result<Option<T>, LambdaError> {
    match answer {
        Err(LambdaError::Call(error)) if error.is_not_found() => Ok(None),
        answer => answer.map(Some),
    }
}
