//! AWS client of a deployment: connects, reads the live function, applies one step and waits until the step
//! has taken effect. It never decides what to change; the plan does. Effect: sends requests to AWS.

mod alias;
mod archive_body;
mod archive_interceptor;
mod bucket;
mod call;
mod connect;
mod credentials;
mod deploy_state;
mod error;
mod http;
mod poll_backoff;
mod read;
mod request;
mod request_recorder;
mod roles;
mod versions;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

pub use alias::ShiftOutcome;
pub use connect::{Identity, connect, default_region, named_region};
pub use credentials::{CredentialsError, without_process_output};
pub use deploy_state::DeployState;
pub use error::{CallError, CallErrorKind, LambdaError, StateReason};
pub use versions::VersionReads;

use crate::cancel::{CancelReason, CancelToken};
use crate::code_source::{Delivery, Object};
use crate::event_writer::EventWriter;
use crate::function::{LiveFunction, LiveUrl, PublicAccess};
use crate::package::Archive;
use crate::plan::{Action, WriteCall};
use crate::protocol::event::StepName;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::{KnownSecrets, Secret};
use archive_interceptor::ArchiveInterceptor;
use read::{Configuration, UpdateStatus};
use request_recorder::{AttemptCounter, RequestStats};

/// Default limit of one wait and of one call.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(600);

/// Progress text while an update by another caller is in progress.
pub const ANOTHER_UPDATE: &str = "another update of the function";

/// Progress text while the function is being deleted or deactivated.
const LEAVING: &str = "the deletion or deactivation of the function";

/// Timeout of one attempt of a call that carries no code; the SDK retries after it.
const RESPONSE_LIMIT: Duration = Duration::from_secs(60);

/// How long a write call may continue after a signal, so that its response can still be read.
const GRACE: Duration = Duration::from_secs(3);

/// Lambda and S3 clients for one identity in one region.
pub struct Lambda {
    client: aws_sdk_lambda::Client,
    s3: aws_sdk_s3::Client,
    events: Arc<EventWriter>,
    stop: CancelToken,
    attempts: AttemptCounter,
    wait_limit: Duration,
    known_secrets: KnownSecrets,
}

/// Which parts of the live function to read besides GetFunction, which does not return them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraReads {
    /// The code signing configuration.
    pub code_signing: bool,
    /// The function URL and the resource policy that controls access to it.
    pub url: bool,
    /// The alias that the function URL belongs to. `None`: the unqualified function.
    pub url_alias: Option<String>,
    /// Whether the plan removes function URLs. If so, the policy of the unqualified function is read, too.
    pub removes_url: bool,
}

/// Requests that a step needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Number of HTTP requests, retries included.
    pub attempts: u32,
    /// AWS's id of the last request.
    pub request_id: Option<String>,
}

/// The live function, and whether its state is final.
#[derive(Debug)]
pub struct LiveState {
    /// The function as AWS returned it.
    pub live: LiveFunction,
    /// True while the function is being created, updated, deleted or deactivated, by this run or by another
    /// caller.
    pub is_busy: bool,
    /// Progress text for a wait while `is_busy` is true.
    what: &'static str,
    /// Why the function is not ready although no operation is in progress. `None`: it is ready, or `is_busy`
    /// is true.
    pub failure: Option<LambdaError>,
}

impl Lambda {
    /// Reads the live function. `None`: it does not exist.
    ///
    /// # Errors
    /// [`LambdaError::Call`], and [`LambdaError::Cancelled`] as soon as the run is cancelled.
    pub async fn read_live(&self, name: &FunctionName) -> Result<Option<LiveState>, LambdaError> {
        let call = self.client.get_function().function_name(name.as_str()).send();
        let output = match self.read_call("GetFunction", call).await {
            Err(LambdaError::Call(error)) if error.is_function_not_found() => return Ok(None),
            other => other?,
        };
        let invalid_response = || self.invalid_response("GetFunction");
        let configuration = output.configuration().ok_or_else(invalid_response)?;
        let status = configuration.update_status();
        let live = read::live(&output).ok_or_else(invalid_response)?;
        self.known_secrets.add(live.secrets());
        let is_busy = status.is_in_progress();
        let what = if status == UpdateStatus::Leaving { LEAVING } else { ANOTHER_UPDATE };
        Ok(Some(LiveState { live, is_busy, what, failure: poll_backoff::failure(status) }))
    }

    /// Adds to `live` what GetFunction does not return. Sends only the requests that `extras` asks for.
    ///
    /// # Errors
    /// As [`Lambda::read_live`].
    pub async fn read_extras(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        extras: ExtraReads,
    ) -> Result<(), LambdaError> {
        let name = name.as_str();
        // AWS rejects this call for container images, which have no code signing configuration.
        if extras.code_signing && live.image.is_none() {
            let call = self.client.get_function_code_signing_config().function_name(name).send();
            let output = found(self.read_call("GetFunctionCodeSigningConfig", call).await)?
                .ok_or(LambdaError::Gone)?;
            self.require_aws_request_id("GetFunctionCodeSigningConfig")?;
            live.settings.extend(read::code_signing(&output));
        }
        if extras.url {
            live.url = self.url(name, extras.url_alias.clone()).await?;
            live.public = self.public(name, extras.url_alias.clone()).await?;
        }
        if extras.url && extras.url_alias.is_some() {
            live.latest_url = self.url(name, None).await?;
            if extras.removes_url {
                live.latest_public = self.public(name, None).await?;
            }
        }
        Ok(())
    }

    /// Reads the function URL of an alias, or of the unqualified function.
    async fn url(&self, name: &str, alias: Option<String>) -> Result<Option<LiveUrl>, LambdaError> {
        let call = self.client.get_function_url_config().function_name(name).set_qualifier(alias).send();
        Ok(found(self.read_call("GetFunctionUrlConfig", call).await)?.map(|output| read::url(&output)))
    }

    /// Reads which public access the resource policy of an alias, or of the unqualified function, grants.
    async fn public(&self, name: &str, alias: Option<String>) -> Result<PublicAccess, LambdaError> {
        let call = self.client.get_policy().function_name(name).set_qualifier(alias).send();
        let policy = found(self.read_call("GetPolicy", call).await)?;
        self.require_aws_request_id("GetPolicy")?;
        Ok(policy.and_then(|output| output.policy().map(read::public)).unwrap_or_default())
    }

    /// Waits until no update of the function is in progress. Returns the function as read after that.
    ///
    /// # Errors
    /// [`LambdaError::WaitedTooLong`], and those of [`Lambda::read_live`].
    pub async fn wait_until_idle(&self, name: &FunctionName) -> Result<Option<LiveState>, LambdaError> {
        self.poll_until_idle(name, &mut poll_backoff::PollBackoff::new(self.wait_limit)).await
    }

    async fn poll_until_idle(
        &self,
        name: &FunctionName,
        backoff: &mut poll_backoff::PollBackoff,
    ) -> Result<Option<LiveState>, LambdaError> {
        let mut what = ANOTHER_UPDATE;
        loop {
            match self.poll(backoff, what, async || self.read_live(name).await).await? {
                Some(found) if found.is_busy => what = found.what,
                settled => return Ok(settled),
            }
        }
    }

    /// Reads the live function. If an update is in progress, waits for its end first.
    ///
    /// # Errors
    /// As [`Lambda::wait_until_idle`].
    pub async fn read_when_idle(&self, name: &FunctionName) -> Result<Option<LiveState>, LambdaError> {
        match self.read_live(name).await? {
            Some(found) if found.is_busy => self.wait_until_idle(name).await,
            found => Ok(found),
        }
    }

    /// Backs off for a random time, longer in later rounds. If two deployments change the same function, one
    /// of them can finish while the other one sleeps.
    ///
    /// # Errors
    /// [`LambdaError::Cancelled`].
    pub async fn back_off_with_jitter(&self, round: u32) -> Result<(), LambdaError> {
        let mut backoff = poll_backoff::PollBackoff::between(
            Duration::from_millis(100),
            Duration::from_millis(400 << round.min(3)),
        );
        self.poll_sleep(&mut backoff, ANOTHER_UPDATE).await
    }

    /// Request statistics of the last step.
    pub fn applied(&self) -> Applied {
        let stats = self.attempts.stats();
        Applied { attempts: stats.requests, request_id: stats.request_id }
    }

    /// Number of HTTP requests of the last step, and whether a response to one of them was lost.
    pub fn attempts(&self) -> (u32, bool) {
        let stats = self.attempts.stats();
        (stats.requests, stats.lost_response)
    }

    /// Sends the request of one step, waits until it has taken effect and records the new state of the
    /// function in `state`.
    ///
    /// If another caller's update is in progress, waits for its end first. If Lambda cannot assume the role
    /// yet, retries for 30 s and calls `role_not_ready` before each retry.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`] if the function is not in the state that the step was planned for, and every
    /// other [`LambdaError`] of its calls. The event writer records whether the step took effect.
    pub async fn apply(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let applied = self.send_until_accepted(call, state, role_not_ready).await;
        if let (WriteCall::ShiftTraffic { .. }, Err(error)) = (call, &applied)
            && (self.attempts.stats().lost_response || error.outcome_is_unknown())
        {
            // AWS may have applied the shift in spite of the error.
            state.record_target(call);
        }
        applied
    }

    /// Checks with AWS whether a step would succeed, without changing anything. AWS has a dry run for
    /// UpdateFunctionCode only, and code that must be uploaded to a bucket first is not there yet. For every
    /// other step, does nothing.
    ///
    /// # Errors
    /// [`LambdaError::Call`] as for the step itself, and [`LambdaError::Cancelled`].
    pub async fn dry_run(&self, action: &Action, state: &DeployState<'_>) -> Result<(), LambdaError> {
        let Action::Write(WriteCall::UpdateFunctionCode { settings, delivery }) = action else {
            return Ok(());
        };
        if matches!(delivery, Delivery::Upload(..)) {
            return Ok(());
        }
        self.attempts.reset();
        match self.update_function_code(settings, delivery, state, true).await {
            // A dry run cannot take effect later.
            Err(LambdaError::Cancelled { reason, .. }) => {
                Err(LambdaError::Cancelled { reason, in_flight: None })
            }
            answer => answer.map(drop),
        }
    }

    async fn send_until_accepted(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let step = call.name();
        self.attempts.reset();
        // One wait limit for the whole step: AWS may reject a call with "in progress" while GetFunction shows
        // no update.
        let mut busy = poll_backoff::PollBackoff::new(self.wait_limit);
        let mut role = poll_backoff::PollBackoff::slowly(poll_backoff::ROLE_LIMIT);
        let mut weights = poll_backoff::PollBackoff::slowly(poll_backoff::WEIGHTS_LIMIT.min(self.wait_limit));
        loop {
            match self.call(call, state).await {
                Ok((reported, status)) => {
                    self.events.record_change(step);
                    let stats = self.attempts.stats();
                    let is_moving = reported.is_moving;
                    let code_mismatch = state.code_mismatch(call, reported.code_sha256.as_ref());
                    let is_ours = reported
                        .code_and_settings
                        .as_ref()
                        .is_none_or(|code_and_settings| state.allows_response(call, code_and_settings));
                    state.record_response(reported);
                    state.record_target(call);
                    if !is_ours {
                        return Err(LambdaError::Outdated(None));
                    }
                    let settled = self.wait_until_settled(call, state, status).await;
                    if let Err(LambdaError::UpdateFailed(_)) = settled {
                        self.events.retract_change(step);
                    }
                    settled?;
                    match call {
                        WriteCall::PutProvisionedConcurrencyConfig { alias, .. } => {
                            let ready = self.wait_for_provisioned(state.name, alias).await;
                            if let Err(LambdaError::ProvisioningFailed(_)) = ready {
                                self.events.retract_change(step);
                            }
                            ready?;
                        }
                        WriteCall::UpdateAlias { alias, provisions, .. } if *provisions || is_moving => {
                            self.wait_for_provisioned(state.name, alias).await?;
                        }
                        _ => {}
                    }
                    if code_mismatch {
                        return Err(LambdaError::Outdated(None));
                    }
                    return Ok(Applied { attempts: stats.requests, request_id: stats.request_id });
                }
                Err(LambdaError::Call(error)) if error.is_busy() => {
                    tracing::debug!(operation = error.operation, "an update is in progress");
                    let found =
                        self.poll_until_idle(state.name, &mut busy).await?.ok_or(LambdaError::Gone)?;
                    // Deleting an old version does not depend on the revision of the function.
                    let names_revision =
                        state.revision_id.is_some() && !matches!(call, WriteCall::DeleteVersion { .. });
                    if names_revision && state.revision_id != found.live.revision_id {
                        return Err(LambdaError::Outdated(Some(error)));
                    }
                }
                Err(LambdaError::Call(error)) if error.is_role_not_ready() => {
                    role_not_ready();
                    self.poll_sleep_or(&mut role, "the function's role", LambdaError::RoleNotReady(error))
                        .await?;
                }
                Err(LambdaError::Call(error)) if error.is_alias_with_weights() => {
                    self.poll_sleep_or(
                        &mut weights,
                        "the removal of the alias's weights",
                        LambdaError::Call(error),
                    )
                    .await?;
                }
                Err(LambdaError::Call(error)) if self.was_done(call, &error) => {
                    self.events.record_change(step);
                    return Ok(self.applied());
                }
                // PublishVersion changes the revision, so the lost request may have caused this. Without the
                // revision it is safe to repeat: AWS publishes no second version of the same code.
                Err(LambdaError::Call(error))
                    if error.is_outdated()
                        && matches!(call, WriteCall::PublishVersion { .. })
                        && self.attempts.stats().lost_response
                        && state.revision_id.is_some() =>
                {
                    state.revision_id = None;
                }
                Err(LambdaError::Call(error)) if error.is_outdated() => {
                    if !self.attempts.stats().lost_response || !self.has_moved_alias(call, state).await? {
                        return Err(LambdaError::Outdated(Some(error)));
                    }
                    self.events.record_change(step);
                    return Ok(self.applied());
                }
                Err(LambdaError::Call(error)) if error.is_not_found() && !state.arn.is_empty() => {
                    // The function URL, its permission, the alias, the version or the whole function may have
                    // been deleted.
                    let is_of_more = matches!(
                        call,
                        WriteCall::UpdateFunctionUrlConfig { .. }
                            | WriteCall::CreateFunctionUrlConfig { alias: Some(_), .. }
                            | WriteCall::AddPermission { alias: Some(_), .. }
                            | WriteCall::DeleteFunctionUrlConfig { .. }
                            | WriteCall::RemovePermission { .. }
                            | WriteCall::CreateAlias { .. }
                            | WriteCall::UpdateAlias { .. }
                            | WriteCall::ShiftTraffic { .. }
                            | WriteCall::PutProvisionedConcurrencyConfig { .. }
                            | WriteCall::DeleteProvisionedConcurrencyConfig { .. }
                    );
                    return Err(match is_of_more {
                        true => LambdaError::Outdated(Some(error)),
                        false if error.is_function_not_found() => LambdaError::Gone,
                        false => LambdaError::Call(error),
                    });
                }
                Err(error) => {
                    let moves = matches!(call, WriteCall::UpdateAlias { .. }) && error.outcome_is_unknown();
                    if !moves || !self.has_moved_alias(call, state).await.unwrap_or(false) {
                        return Err(error);
                    }
                    self.events.record_change(step);
                    return Ok(self.applied());
                }
            }
        }
    }

    /// Whether an error only means that AWS has already applied an earlier request of the same step, whose
    /// response was lost.
    fn was_done(&self, call: &WriteCall, error: &CallError) -> bool {
        if let WriteCall::DeleteVersion { .. } = call {
            // The goal is reached, even if another caller deleted the version.
            return error.is_not_found();
        }
        self.attempts.stats().lost_response
            && match call {
                WriteCall::AddPermission { .. } => error.is_outdated(),
                WriteCall::RemovePermission { .. } | WriteCall::DeleteFunctionUrlConfig { .. } => {
                    error.is_not_found()
                }
                _ => false,
            }
    }

    /// Sleeps between two traffic shifts, unless the run is cancelled.
    ///
    /// # Errors
    /// [`LambdaError::Cancelled`].
    pub async fn pause_traffic(&self, interval: Duration) -> Result<(), LambdaError> {
        self.sleep(interval, "the next traffic shift").await
    }

    /// Uploads an archive to an S3 object, unless the object exists already.
    ///
    /// # Errors
    /// [`LambdaError::Call`], and [`LambdaError::Cancelled`].
    pub async fn upload_package(
        &self,
        object: &Object,
        archive: &Arc<Archive>,
    ) -> Result<Applied, LambdaError> {
        self.attempts.reset();
        if self.send_to_bucket(object, archive).await? {
            self.events.record_change(StepName::UploadPackage);
        }
        Ok(self.applied())
    }

    /// Waits until the operation that a step started has ended.
    async fn wait_until_settled(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
        mut status: UpdateStatus,
    ) -> Result<(), LambdaError> {
        let (what, version) = match call {
            WriteCall::CreateFunction { .. } => ("the new function", None),
            WriteCall::PublishVersion { .. } => (versions::VERSION, state.version.clone()),
            _ => ("the update", None),
        };
        let mut seen: Option<LiveFunction> = None;
        let mut backoff = poll_backoff::PollBackoff::new(self.wait_limit);
        while status.is_in_progress() {
            let get_function =
                self.client.get_function().function_name(state.name.as_str()).set_qualifier(version.clone());
            let poll_once = async || self.read_call("GetFunction", get_function.clone().send()).await;
            let output = match self.poll(&mut backoff, what, poll_once).await {
                Err(LambdaError::Call(error)) if error.is_function_not_found() => {
                    return Err(LambdaError::Gone);
                }
                other => other?,
            };
            let configuration = output.configuration().ok_or_else(|| self.invalid_response("GetFunction"))?;
            let reported = configuration.update_status();
            status = if version.is_some() { reported.for_version() } else { reported };
            if version.is_none() {
                state.seen_sha256 = configuration.code_sha256().map(str::to_owned);
                seen = read::live(&output);
            }
        }
        if let Some(version) = version {
            return versions::from_version(&version, status);
        }
        if let Some(live) = seen
            && !state.has_stayed(call, live)
        {
            return Err(LambdaError::Outdated(None));
        }
        poll_backoff::failure(status).map_or(Ok(()), Err)
    }

    /// Sleeps for the next interval of `backoff`, unless the run is cancelled.
    async fn poll_sleep(
        &self,
        backoff: &mut poll_backoff::PollBackoff,
        what: &'static str,
    ) -> Result<(), LambdaError> {
        let interval = backoff.next().ok_or(LambdaError::WaitedTooLong { what, limit: backoff.limit() })?;
        self.sleep(interval, what).await
    }

    /// As [`Lambda::poll_sleep`], but at the limit of `backoff` the error is `refused`. Before the limit,
    /// returns `refused`.
    async fn poll_sleep_or(
        &self,
        backoff: &mut poll_backoff::PollBackoff,
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
    async fn poll<T>(
        &self,
        backoff: &mut poll_backoff::PollBackoff,
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

    async fn sleep(&self, interval: Duration, what: &'static str) -> Result<(), LambdaError> {
        let sleep = tokio::time::sleep(interval);
        tokio::select! {
            () = poll_backoff::with_progress(&self.events, Duration::ZERO, || what.to_owned(), sleep) => Ok(()),
            reason = self.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
        }
    }

    /// Awaits a call, and emits progress events while it is slow.
    async fn with_progress<T>(&self, operation: &'static str, call: impl Future<Output = T>) -> T {
        let what = || match self.attempts.stats().transient_error {
            Some(transient_error) => {
                format!("{operation} to succeed; its last response was HTTP {}", transient_error.http_status)
            }
            None => format!("AWS's response to {operation}"),
        };
        // A poll of a longer wait must not replace the text of that wait.
        poll_backoff::with_progress(&self.events, Duration::from_secs(1), what, call).await
    }

    fn failed<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> LambdaError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.explain_timeout(CallError::of(operation, error))
    }

    fn explain_timeout(&self, error: CallError) -> LambdaError {
        LambdaError::Call(self.attempts.explain_timeout(error))
    }

    /// Awaits a read call; abandons it as soon as the run is cancelled.
    async fn read_call<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        tokio::select! {
            biased;
            reason = self.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
            answer = self.with_progress(operation, call) => answer.map_err(|error| self.failed(operation, error)),
        }
    }

    /// Awaits a write call. Does not send it if the run is already cancelled; a call in flight gets [`GRACE`]
    /// after a signal.
    async fn write_call<T, E>(
        &self,
        step: StepName,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.stop.check().map_err(|reason| LambdaError::Cancelled { reason, in_flight: None })?;
        let grace_is_over = async {
            match self.stop.cancelled().await {
                CancelReason::OutputClosed => std::future::pending().await,
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
    fn invalid_response(&self, operation: &'static str) -> LambdaError {
        let RequestStats { http_status, request_id, .. } = self.attempts.stats();
        LambdaError::Call(CallError {
            http_status,
            request_id,
            ..CallError::without(operation, CallErrorKind::InvalidResponse)
        })
    }

    /// Checks that a response whose fields are all optional comes from AWS and not from a proxy on the way.
    fn require_aws_request_id(&self, operation: &'static str) -> Result<(), LambdaError> {
        if self.attempts.stats().is_from_aws { Ok(()) } else { Err(self.invalid_response(operation)) }
    }

    fn upload(&self, archive: &Arc<Archive>) -> ArchiveInterceptor {
        ArchiveInterceptor::of(archive.clone(), self.events.clone())
    }

    /// Timeouts for a call that carries an archive: an upload may take as long as a wait.
    fn upload_override(&self) -> aws_sdk_lambda::config::Builder {
        aws_sdk_lambda::config::Builder::new()
            .timeout_config(connect::timeouts(self.wait_limit, self.wait_limit))
    }
}

/// Turns "not found" into `None`.
fn found<T>(answer: Result<T, LambdaError>) -> Result<Option<T>, LambdaError> {
    match answer {
        Err(LambdaError::Call(error)) if error.is_not_found() => Ok(None),
        answer => answer.map(Some),
    }
}

fn exposed(tags: &std::collections::BTreeMap<String, Secret>) -> std::collections::HashMap<String, String> {
    tags.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
