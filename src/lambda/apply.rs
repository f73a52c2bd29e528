//! Applies one step: sends its request until AWS accepts it, and waits until it has taken effect.
//! Never decides what to change; the plan does.

use std::sync::Arc;

use super::bypass::EVENT_SOURCE;
use super::client::{Applied, Lambda};
use super::deploy_state::{DeployState, ResponseFacts};
use super::error::{CallError, LambdaError};
use super::poll_backoff::{self, PollBackoff, ROLE_LIMIT, WEIGHTS_LIMIT};
use super::read::{self, Configuration, UpdateStatus};
use super::versions;
use crate::code_source::{Delivery, Object};
use crate::function::LiveFunction;
use crate::package::Archive;
use crate::plan::{Action, WriteCall};
use crate::protocol::event::StepName;

impl Lambda {
    /// Sends the request of one step, waits until it has taken effect and records the new state of the
    /// function in `state`.
    ///
    /// If another caller's update is in progress, waits for its end first. If Lambda cannot assume the role
    /// yet, retries for 30 s and calls `role_not_ready` before each retry.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`] if the function is not in the state that the step was planned for, and every
    /// other [`LambdaError`] of its calls. The event writer records whether the step took effect.
    pub(crate) async fn apply(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let call = call.with_layers(&state.layers);
        let call: &WriteCall = &call;
        if let WriteCall::ShiftTraffic { .. } = call {
            self.events.record_shared_traffic(true);
        }
        let applied = self.send_until_accepted(call, state, role_not_ready).await;
        let must_be_restored = match call {
            WriteCall::ShiftTraffic { .. } => true,
            WriteCall::UpdateAlias { .. } => state.at.is_some(),
            _ => false,
        };
        if let Err(error) = &applied
            && must_be_restored
            && (self.attempts.stats().lost_response || error.outcome_is_unknown())
        {
            // AWS may have applied the shift or the move in spite of the error.
            state.record_uncertain(call);
        }
        self.events.record_shared_traffic(!state.shifted.is_empty());
        applied
    }

    /// Checks with AWS whether a step would succeed, without changing anything. AWS has a dry run for
    /// UpdateFunctionCode only, and code that must be uploaded to a bucket first is not there yet. For every
    /// other step, does nothing.
    pub(crate) async fn dry_run(&self, action: &Action, state: &DeployState<'_>) -> Result<(), LambdaError> {
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
        let mut busy = PollBackoff::new(self.wait_limit);
        let mut role = PollBackoff::slowly(ROLE_LIMIT);
        let mut weights = PollBackoff::slowly(WEIGHTS_LIMIT.min(self.wait_limit));
        let mut in_use = PollBackoff::slowly(self.wait_limit);
        loop {
            match self.call(call, state).await {
                Ok((reported, status)) => return self.finish_step(call, state, reported, status).await,
                Err(LambdaError::Call(error)) if error.is_busy() => {
                    tracing::debug!(operation = error.operation, "an update is in progress");
                    let found =
                        self.poll_until_idle(state.name, &mut busy).await?.ok_or(LambdaError::Gone)?;
                    let names_revision = state.revision_id.is_some() && !call.is_of_version_or_alias();
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
                Err(LambdaError::Call(error)) if error.is_event_source_in_use() => {
                    self.poll_sleep_or(&mut in_use, EVENT_SOURCE, LambdaError::Call(error)).await?;
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
                    return Ok(self.applied());
                }
                Err(LambdaError::Call(error)) if error.is_not_found() && !state.arn.is_empty() => {
                    return Err(not_found(call, error));
                }
                Err(error) => {
                    let is_lost = error.outcome_is_unknown() || self.attempts.stats().lost_response;
                    let may_have_moved = is_lost && matches!(call, WriteCall::UpdateAlias { .. });
                    if !may_have_moved || !self.has_moved_alias(call, state).await.unwrap_or(false) {
                        return Err(error);
                    }
                    return Ok(self.applied());
                }
            }
        }
    }

    /// Records the response to the accepted request of a step, and waits until the step has taken effect.
    async fn finish_step(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
        reported: ResponseFacts,
        status: UpdateStatus,
    ) -> Result<Applied, LambdaError> {
        let step = call.name();
        self.events.record_change(step);
        let applied = self.applied();
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
            WriteCall::PutFunctionScalingConfig { version, .. } => {
                let version = state.version_or(version.as_deref()).to_owned();
                let scaled = self.wait_for_scaling(state.name, &version).await;
                if let Err(LambdaError::VersionFailed { .. }) = scaled {
                    self.events.retract_change(step);
                }
                scaled?;
            }
            WriteCall::UpdateAlias { alias, provisions, .. } if *provisions || is_moving => {
                state.unsettled.insert(alias.clone());
                self.wait_for_provisioned(state.name, alias).await?;
            }
            WriteCall::UpdateEventSourceMapping { uuid, alias, .. } => {
                self.wait_for_event_source(uuid, alias).await?;
            }
            WriteCall::CreateDeployment { .. } => self.finish_deployment(call, state).await?,
            WriteCall::StopDeployment { running, alias, history } => {
                self.finish_stop(running, alias, history, state).await?;
            }
            _ => {}
        }
        if code_mismatch { Err(LambdaError::Outdated(None)) } else { Ok(applied) }
    }

    /// Whether an error only means that AWS has already applied an earlier request of the same step, whose
    /// response was lost.
    fn was_done(&self, call: &WriteCall, error: &CallError) -> bool {
        if let WriteCall::DeleteVersion { .. } | WriteCall::DeleteLayerVersion { .. } = call {
            // The goal is reached, even if another caller deleted the version.
            return error.is_not_found();
        }
        self.attempts.stats().lost_response
            && match call {
                WriteCall::AddPermission { .. } => error.is_outdated(),
                WriteCall::RemovePermission { .. }
                | WriteCall::DeleteFunctionUrlConfig { .. }
                | WriteCall::DeleteFunctionEventInvokeConfig { .. } => error.is_not_found(),
                _ => false,
            }
    }

    /// Uploads an archive to an S3 object, unless the object exists already.
    pub(crate) async fn upload_package(
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
        let is_update = version.is_none();
        let of_others = || self.pace.as_ref().and_then(|pace| pace.expected_update());
        let expected = state.last_update.or_else(of_others).filter(|_| is_update);
        let mut backoff = PollBackoff::new(self.wait_limit).expecting(expected);
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
            let published = configuration.facts().code_and_settings;
            status = match version.as_deref() {
                Some(version) => match reported.for_version(version) {
                    UpdateStatus::Settled if !state.has_published(version, published.as_ref()) => {
                        UpdateStatus::Creating
                    }
                    status => status,
                },
                None => reported,
            };
            if is_update {
                state.seen_sha256 = configuration.code_sha256().map(str::to_owned);
                seen = read::live(&output);
            }
        }
        if let Some(version) = version {
            return versions::from_version(&version, status);
        }
        if let Some(took) = backoff.took() {
            state.last_update = Some(took);
            if let Some(pace) = &self.pace {
                pace.update_took(took);
            }
        }
        if let Some(live) = seen
            && !state.has_stayed(call, live)
        {
            return Err(LambdaError::Outdated(None));
        }
        poll_backoff::failure(status).map_or(Ok(()), Err)
    }
}

/// The error for a step of an existing function if AWS does not find what the step names. The function URL,
/// its permission, a configuration, the alias, the version or the whole function may have been deleted.
fn not_found(call: &WriteCall, error: CallError) -> LambdaError {
    let is_of_more = matches!(
        call,
        WriteCall::UpdateFunctionUrlConfig { .. }
            | WriteCall::CreateFunctionUrlConfig { alias: Some(_), .. }
            | WriteCall::AddPermission { alias: Some(_), .. }
            | WriteCall::DeleteFunctionUrlConfig { .. }
            | WriteCall::RemovePermission { .. }
            | WriteCall::PutFunctionEventInvokeConfig { alias: Some(_), .. }
            | WriteCall::DeleteFunctionEventInvokeConfig { .. }
            | WriteCall::CreateAlias { .. }
            | WriteCall::UpdateAlias { .. }
            | WriteCall::DescribeAlias { .. }
            | WriteCall::ShiftTraffic { .. }
            | WriteCall::CreateDeployment { .. }
            | WriteCall::StopDeployment { .. }
            | WriteCall::PutFunctionScalingConfig { .. }
            | WriteCall::PutProvisionedConcurrencyConfig { .. }
            | WriteCall::DeleteProvisionedConcurrencyConfig { .. }
            | WriteCall::UpdateEventSourceMapping { .. }
    );
    match is_of_more {
        true => LambdaError::Outdated(Some(error)),
        false if error.is_function_not_found() => LambdaError::Gone,
        false => LambdaError::Call(error),
    }
}
