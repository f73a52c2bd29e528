//! Checks what an alias is after a response was lost, and restores its traffic after a failed
//! deployment. It never moves an alias that another caller has changed.

use std::time::Duration;

use aws_sdk_lambda::operation::get_alias::GetAliasOutput;
use aws_sdk_lambda::types::AliasRoutingConfiguration;

use super::client::{Applied, Lambda, found};
use super::deploy_state::{DeployState, ResponseFacts};
use super::error::{CallError, CallErrorKind, LambdaError};
use crate::cancel::CancelReason;
use crate::function::{AliasHistory, LiveAlias};
use crate::plan::WriteCall;
use crate::protocol::event::StepName;

/// Time limit for restoring the traffic of all aliases after a signal.
const RESTORE_LIMIT: Duration = Duration::from_millis(2500);

/// Where the traffic of an alias goes after the end of an unfinished traffic shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShiftOutcome {
    /// All traffic goes to the previous version again.
    Restored,
    /// All traffic goes to the new version: AWS applied the last step, although its response was lost.
    Completed,
}

impl Lambda {
    /// Whether an alias already points where the step wants it, or has the step's description, because AWS
    /// applied a request whose response was lost. If so, records the change.
    pub(super) async fn has_moved_alias(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
    ) -> Result<bool, LambdaError> {
        let (target, provisions) = match call {
            WriteCall::CreateAlias { alias, .. } => (state.updated_alias(alias, None), false),
            WriteCall::UpdateAlias { alias, version, provisions, .. } => {
                (state.updated_alias(alias, version.as_deref()), *provisions)
            }
            WriteCall::ShiftTraffic { alias, from, percent, .. } => {
                (state.shifted_alias(alias, from, *percent), false)
            }
            WriteCall::DescribeAlias { alias, text } => {
                let description = state.text_description(alias, text).unwrap_or_default();
                let Some(output) = self.read_alias(alias, state).await? else { return Ok(false) };
                let is_described = output.description().unwrap_or_default() == description;
                if is_described {
                    self.record_lost_response(call, live_alias(alias, &output), state);
                }
                return Ok(is_described);
            }
            _ => return Ok(false),
        };
        let LiveAlias { name, version, weights, .. } = target;
        let Some(output) = self.read_alias(&name, state).await? else { return Ok(false) };
        let now = live_alias(&name, &output);
        if now.version != version || now.shares() != weights.as_slice() {
            return Ok(false);
        }
        // While AWS moves provisioned concurrency, it shows a weight that no request has set.
        let is_moving = now.weights != weights;
        if is_moving && !self.is_provisioned(state.name, &name).await? {
            return Ok(false);
        }
        self.record_lost_response(call, now, state);
        if provisions || is_moving {
            state.unsettled.insert(name.clone());
            self.wait_for_provisioned(state.name, &name).await?;
        }
        Ok(true)
    }

    /// Reads an alias. `None`: it does not exist.
    async fn read_alias(
        &self,
        name: &str,
        state: &DeployState<'_>,
    ) -> Result<Option<GetAliasOutput>, LambdaError> {
        let read = self.client.get_alias().function_name(state.name.as_str()).name(name).send();
        found(self.read_call("GetAlias", read).await)
    }

    /// Records a step that AWS has applied although its response was lost: the alias is `now` as it wants it.
    fn record_lost_response(&self, call: &WriteCall, now: LiveAlias, state: &mut DeployState<'_>) {
        let alias = Some((now.name, now.revision_id));
        state.record_response(ResponseFacts { alias, ..ResponseFacts::default() });
        state.record_target(call);
        self.events.record_change(call.name());
    }

    /// Sends all traffic of an alias to the previous version again, even if the run is cancelled. In a
    /// release it does this also if the alias has moved. `count` is the number of aliases to restore: after a
    /// signal they share the remaining time.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`] if another caller has changed the alias since, and every other
    /// [`LambdaError`] of a call.
    pub(crate) async fn restore_traffic(
        &self,
        alias: &str,
        count: usize,
        state: &mut DeployState<'_>,
    ) -> Result<(ShiftOutcome, Applied), LambdaError> {
        self.attempts.reset();
        let share = RESTORE_LIMIT / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        // After a signal the `finished` event must be written within seconds, also if the signal comes later.
        let out_of_time = async {
            match self.stop.run_cancelled().await {
                CancelReason::Signal(_) | CancelReason::OutputClosed => tokio::time::sleep(share).await,
                CancelReason::Stopped => std::future::pending().await,
            }
        };
        let sent = tokio::select! {
            biased;
            sent = tokio::time::timeout(self.wait_limit, self.restore_weights(alias, state)) => sent.ok(),
            () = out_of_time => None,
        };
        let timed_out = || self.explain(CallError::without("UpdateAlias", CallErrorKind::Timeout));
        let outcome = sent.ok_or_else(timed_out)??;
        state.shifted.remove(alias);
        self.events.record_shared_traffic(!state.shifted.is_empty());
        Ok((outcome, self.applied()))
    }

    async fn restore_weights(
        &self,
        alias: &str,
        state: &DeployState<'_>,
    ) -> Result<ShiftOutcome, LambdaError> {
        let failed = |error| CallError::of("UpdateAlias", error);
        let ours = state.version();
        let is_unsettled = state.unsettled.contains(alias);
        let from = state.shifted.get(alias).cloned().unwrap_or_default();
        let mut revision = state.alias_revisions.get(alias).cloned();
        let mut history = state.histories.get(alias).cloned().unwrap_or_default();
        for is_last in [false, true] {
            let call = self.client.update_alias().function_name(state.name.as_str()).name(alias);
            let call = call.function_version(&from).routing_config(routing(&[]));
            let call = call.set_description(history.with_shift(&from, None).to_description(&from));
            match call.set_revision_id(revision).send().await.map_err(failed) {
                Ok(_) => return Ok(ShiftOutcome::Restored),
                // AWS may have applied the shift or this request, although the response was lost.
                Err(error) if error.is_outdated() && !is_last => {
                    let call = self.client.get_alias().function_name(state.name.as_str()).name(alias).send();
                    let output = call.await.map_err(|error| self.failed("GetAlias", error))?;
                    let now = live_alias(alias, &output);
                    revision = now.revision_id.clone();
                    // While AWS moves provisioned concurrency, a moved alias shows a weight of 100 %.
                    match now.version.as_str() {
                        // Another release has taken over what this one has moved.
                        version if version == ours && state.at.is_some() && !is_unsettled => {
                            return Err(LambdaError::Outdated(Some(error)));
                        }
                        version if version == ours && state.at.is_some() => continue,
                        version if version == ours && now.shares().is_empty() => {
                            return Ok(ShiftOutcome::Completed);
                        }
                        version if version == from && now.weights.is_empty() => {
                            return Ok(ShiftOutcome::Restored);
                        }
                        version if version == from && now.weights.iter().all(|(to, _)| to == ours) => {}
                        _ => return Err(LambdaError::Outdated(Some(error))),
                    }
                    history = now.history;
                }
                Err(error) => return Err(self.explain(error)),
            }
        }
        unreachable!("the last round returns")
    }

    /// Writes an alias as it is, with this description, so that it gets another revision: a run that has read
    /// or moved it before cannot change it any more. `None`: the description stays unchanged. Returns the new
    /// revision. `None`: it is unknown.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`] if another caller has changed the alias since it was read, and every other
    /// [`LambdaError`] of a call.
    pub(crate) async fn renew_alias(
        &self,
        alias: &LiveAlias,
        description: Option<String>,
        state: &DeployState<'_>,
    ) -> Result<Option<String>, LambdaError> {
        self.attempts.reset();
        let step = StepName::UpdateAlias;
        let revision = state.alias_revisions.get(&alias.name).cloned();
        let request = self.client.update_alias().function_name(state.name.as_str()).name(&alias.name);
        let request = request.function_version(&alias.version).set_description(description);
        let request = request.set_revision_id(revision).send();
        match self.write_call(step, step.operation(), request).await {
            Ok(output) if output.alias_arn().is_some() => Ok(output.revision_id().map(str::to_owned)),
            Ok(_) => Err(self.invalid_response(step.operation())),
            // It may have been our own request, whose response was lost.
            Err(LambdaError::Call(error)) if error.is_outdated() && self.attempts.stats().lost_response => {
                let now = self.read_alias(&alias.name, state).await?;
                let now = now.map(|output| live_alias(&alias.name, &output));
                match now.filter(|now| (&now.version, &now.weights) == (&alias.version, &alias.weights)) {
                    Some(now) => Ok(now.revision_id),
                    None => Err(LambdaError::Outdated(Some(error))),
                }
            }
            Err(LambdaError::Call(error)) if error.is_outdated() || error.is_not_found() => {
                Err(LambdaError::Outdated(Some(error)))
            }
            Err(error) => Err(error),
        }
    }
}

/// The alias `name` as GetAlias returned it.
pub(super) fn live_alias(name: &str, output: &GetAliasOutput) -> LiveAlias {
    LiveAlias {
        name: name.to_owned(),
        version: output.function_version().unwrap_or_default().to_owned(),
        weights: shares(output.routing_config()),
        revision_id: output.revision_id().map(str::to_owned),
        history: AliasHistory::of(output.description().unwrap_or_default()),
        ..LiveAlias::default()
    }
}

/// Routing weights in percent, sorted by version. A weight below 1.0 never rounds up to 100 %.
pub(super) fn shares(routing: Option<&AliasRoutingConfiguration>) -> Vec<(String, u8)> {
    let weights = routing.and_then(|routing| routing.additional_version_weights());
    let percent =
        |weight: f64| (weight * 100.0).round().clamp(0.0, if weight < 1.0 { 99.0 } else { 100.0 }) as u8;
    let mut weights: Vec<(String, u8)> =
        weights.into_iter().flatten().map(|(version, weight)| (version.clone(), percent(*weight))).collect();
    weights.sort();
    weights
}

/// Weights in percent as an AWS `RoutingConfig`. An empty list removes all weights.
pub(super) fn routing(shares: &[(String, u8)]) -> AliasRoutingConfiguration {
    let weights =
        shares.iter().map(|(version, percent)| (version.clone(), f64::from(*percent) / 100.0)).collect();
    AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build()
}
