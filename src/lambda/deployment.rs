//! Moves an alias with CodeDeploy: starts a deployment, follows it to its end, or stops it. Never stops a
//! deployment that it follows: if the run ends, CodeDeploy goes on.
#![cfg_attr(not(feature = "codedeploy"), allow(dead_code, reason = "only the client uses some fields"))]

use std::time::Duration;

use super::alias::live_alias;
use super::client::Lambda;
use super::deploy_state::DeployState;
use super::error::{FailedDeployment, LambdaError, StateReason};
use super::poll_backoff::PollBackoff;
use crate::function::{AliasHistory, AppSpec, LiveAlias, LiveDeployment};
use crate::plan::WriteCall;
use crate::protocol::event::{CodeDeployDeployment, StepName};
use crate::protocol::structures::CodeDeploy;

/// How the description of a deployment of this program begins. The function and the alias follow.
const DESCRIPTION: &str = "dpl-lambda: ";

/// Follows the function and the alias in the description of a deployment.
const FROM_VERSION: &str = " from version ";

/// How long to repeat a request to create a deployment whose response was lost.
const CREATION_LIMIT: Duration = Duration::from_secs(20);

/// The function and the alias that a deployment with this description moves, such as `shop:live`. `None`:
/// this program did not create it.
pub(super) fn described_move(description: &str) -> Option<&str> {
    Some(description.strip_prefix(DESCRIPTION)?.split_once(FROM_VERSION)?.0)
}

/// A deployment to create.
#[derive(Debug)]
pub(super) struct NewDeployment<'a> {
    /// Its application, deployment group and deployment configuration.
    pub(super) codedeploy: &'a CodeDeploy,
    /// What it moves.
    pub(super) app_spec: AppSpec,
    /// Its description, which people see in the console of AWS.
    pub(super) description: String,
}

/// A deployment as AWS returned it.
#[derive(Clone, Debug)]
pub(super) struct FoundDeployment {
    /// Its id, its status and what it moves.
    pub(super) live: LiveDeployment,
    /// Why it failed or was stopped.
    pub(super) reason: StateReason,
    /// The deployment that sends the traffic back. `None`: CodeDeploy does not roll back.
    pub(super) rollback_id: Option<String>,
    /// What CodeDeploy says of that deployment.
    pub(super) rollback_message: Option<String>,
}

impl Lambda {
    /// The deployment in the stanza's deployment group that has not ended. `None`: there is none.
    pub(crate) async fn running_deployment(
        &self,
        codedeploy: &CodeDeploy,
    ) -> Result<Option<LiveDeployment>, LambdaError> {
        let ids = self.in_time("the list of deployments", self.running_deployments(codedeploy)).await?;
        for id in ids {
            let live = self.deployment(&id).await?.live;
            if live.deployment.is_running() {
                return Ok(Some(live));
            }
        }
        Ok(None)
    }

    /// Writes into the description of an alias that CodeDeploy moves it. Returns the alias's new revision.
    pub(super) async fn record_shift(
        &self,
        alias: &str,
        from: &str,
        history: &AliasHistory,
        state: &DeployState<'_>,
    ) -> Result<Option<String>, LambdaError> {
        let target = state.updated_alias(alias, Some(from));
        let description = history.with_codedeploy(from, state.version()).to_description(from);
        match self.update_alias(StepName::UpdateAlias, target, description, state).await {
            // AWS may have applied the request whose response was lost.
            Err(LambdaError::Call(error)) if error.is_outdated() && self.attempts.stats().lost_response => {
                let now = self.alias_now(alias, state).await?;
                let is_ours = now.version == *from
                    && now.shares().is_empty()
                    && now.history.codedeploy_shift(from) == Some(state.version());
                if is_ours { Ok(now.revision_id) } else { Err(LambdaError::Outdated(Some(error))) }
            }
            answer => answer.map(|(facts, _)| facts.alias.and_then(|(_, revision)| revision)),
        }
    }

    /// Creates the deployment that moves `alias` from the version `from` to that of the steps. After a lost
    /// response, creates a second one only if the first one neither runs nor has moved the alias.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`] if a deployment whose id was lost has moved the alias, and those of the call.
    pub(super) async fn start_deployment(
        &self,
        codedeploy: &CodeDeploy,
        alias: &str,
        from: &str,
        state: &DeployState<'_>,
    ) -> Result<CodeDeployDeployment, LambdaError> {
        let (name, to) = (state.name.name(), state.version());
        let new = NewDeployment {
            codedeploy,
            app_spec: AppSpec::new(name, alias, (from, to), &codedeploy.hooks()),
            description: format!("{DESCRIPTION}{name}:{alias}{FROM_VERSION}{from} to version {to}"),
        };
        let mut backoff = PollBackoff::slowly(CREATION_LIMIT);
        loop {
            let error = match self.create_deployment(&new).await {
                Ok(deployment_id) => {
                    return Ok(CodeDeployDeployment { deployment_id, status: "Created".to_owned() });
                }
                Err(LambdaError::Call(error)) => error,
                Err(error) => return Err(error),
            };
            // A request whose response was lost may have created it: CodeDeploy then refuses a second one.
            let may_exist = self.attempts.stats().lost_response;
            if may_exist || error.code() == "DeploymentLimitExceededException" {
                let running = self.running_deployment(codedeploy).await.ok().flatten();
                let is_ours =
                    |running: &LiveDeployment| running.app_spec_sha256.as_ref() == Some(&new.app_spec.sha256);
                if let Some(running) = running.filter(is_ours) {
                    return Ok(running.deployment);
                }
            }
            // It may have ended already.
            if may_exist
                && let Ok(now) = self.alias_now(alias, state).await
                && now.version == to
                && now.shares().is_empty()
            {
                return Err(LambdaError::Outdated(Some(error)));
            }
            if !error.has_lost_response() {
                return Err(LambdaError::Call(error));
            }
            self.poll_sleep_or(&mut backoff, "CodeDeploy", LambdaError::Call(error)).await?;
        }
    }

    /// Follows the deployment of a step as long as the stanza wants it, and records in the alias's
    /// description that it has moved.
    pub(super) async fn finish_deployment(
        &self,
        call: &WriteCall,
        state: &mut DeployState<'_>,
    ) -> Result<(), LambdaError> {
        let (WriteCall::CreateDeployment { alias, from, codedeploy, provisions, .. }, Some(started)) =
            (call, state.deployment.clone())
        else {
            return Ok(());
        };
        let found = match codedeploy.waits() {
            true => self.follow(&started.deployment_id).await?,
            false => self.deployment(&started.deployment_id).await?,
        };
        let deployment = found.live.deployment;
        state.deployment = Some(deployment.clone());
        if deployment.is_running() {
            return Ok(());
        }
        let rollback = match &found.rollback_id {
            Some(id) => Some((self.follow(id).await?.live.deployment, found.rollback_message)),
            None => None,
        };
        let now = self.alias_now(alias, state).await?;
        let has_moved = now.version == state.version() && now.shares().is_empty();
        if !has_moved || deployment.status != "Succeeded" {
            if now.version == *from && now.shares().is_empty() {
                self.events.retract_change(StepName::CreateDeployment);
            }
            let failed = FailedDeployment { deployment, reason: found.reason, rollback, alias: now };
            return Err(LambdaError::DeploymentFailed(Box::new(failed)));
        }
        self.record_move(from, now, state).await?;
        if *provisions { self.wait_for_provisioned(state.name, alias).await } else { Ok(()) }
    }

    /// Waits until a deployment that is being stopped, and the one that sends its traffic back, have ended.
    /// Then sends all traffic of the alias to the version of the steps, whatever CodeDeploy has left behind.
    pub(super) async fn finish_stop(
        &self,
        running: &CodeDeployDeployment,
        alias: &str,
        history: &AliasHistory,
        state: &mut DeployState<'_>,
    ) -> Result<(), LambdaError> {
        let found = self.follow(&running.deployment_id).await?;
        if let Some(rollback_id) = &found.rollback_id {
            self.follow(rollback_id).await?;
        }
        state.deployment = Some(found.live.deployment);
        let now = self.alias_now(alias, state).await?;
        if let Some(revision) = now.revision_id {
            state.alias_revisions.insert(alias.to_owned(), revision);
        }
        let target = state.updated_alias(alias, None);
        let description = history.to_description(&target.version);
        match self.update_alias(StepName::UpdateAlias, target, description, state).await {
            Err(LambdaError::Call(error)) if error.is_outdated() => Err(LambdaError::Outdated(Some(error))),
            answer => answer.map(drop),
        }
    }

    /// Polls a deployment until it has ended. CodeDeploy limits its duration, so this has no limit. Failed
    /// polls are repeated for as long as a wait may take.
    async fn follow(&self, id: &str) -> Result<FoundDeployment, LambdaError> {
        let mut backoff = PollBackoff::for_codedeploy();
        let mut retry = PollBackoff::slowly(self.wait_limit);
        loop {
            match self.deployment(id).await {
                Ok(found) if found.live.deployment.is_running() => {
                    retry = PollBackoff::slowly(self.wait_limit);
                    let what = format!("CodeDeploy deployment {id} ({})", found.live.deployment.status);
                    self.sleep(backoff.next().unwrap_or_default(), &what).await?;
                }
                Err(LambdaError::Call(error)) if error.is_transient() => {
                    self.poll_sleep_or(&mut retry, "CodeDeploy", LambdaError::Call(error)).await?;
                }
                ended => return ended,
            }
        }
    }

    /// The alias as it is now.
    async fn alias_now(&self, alias: &str, state: &DeployState<'_>) -> Result<LiveAlias, LambdaError> {
        let call = self.client.get_alias().function_name(state.name.as_str()).name(alias).send();
        let output = match self.read_call("GetAlias", call).await {
            Err(LambdaError::Call(error)) if error.is_function_not_found() => return Err(LambdaError::Gone),
            answer => answer?,
        };
        output.function_version().ok_or_else(|| self.invalid_response("GetAlias"))?;
        Ok(live_alias(alias, &output))
    }

    /// Records in the description of an alias that CodeDeploy has moved it from the version `from`.
    async fn record_move(
        &self,
        from: &str,
        now: LiveAlias,
        state: &DeployState<'_>,
    ) -> Result<(), LambdaError> {
        let Some(description) = now.history.moved_from(from).to_description(&now.version) else {
            return Ok(());
        };
        let call = self.client.update_alias().function_name(state.name.as_str()).name(now.name);
        let call = call.description(description).set_revision_id(now.revision_id).send();
        match self.write_call(StepName::UpdateAlias, "UpdateAlias", call).await {
            // Someone else changes the alias or the function. The description still names the shift and its
            // versions, which is enough for a rollback.
            Err(LambdaError::Call(error)) if error.is_outdated() || error.is_busy() => Ok(()),
            Err(LambdaError::Call(error)) if error.is_function_not_found() => Err(LambdaError::Gone),
            answer => answer.map(drop),
        }
    }
}
