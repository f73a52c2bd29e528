//! Reads the live function, and waits until no update of it is in progress.

use std::time::Duration;

use super::client::{Lambda, found};
use super::error::LambdaError;
use super::poll_backoff::{self, PollBackoff};
use super::read::{self, Configuration, UpdateStatus};
use crate::function::{LiveFunction, LiveUrl, PublicAccess};
use crate::protocol::name::FunctionName;

/// Progress text while an update by another caller is in progress.
pub(crate) const ANOTHER_UPDATE: &str = "another update of the function";

/// Progress text while the function is being deleted or deactivated.
const LEAVING: &str = "the deletion or deactivation of the function";

/// Which parts of the live function to read besides GetFunction, which does not return them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExtraReads {
    pub code_signing: bool,
    pub runtime_management: bool,
    pub recursion: bool,
    /// The configurations of asynchronous invocations of these aliases; `None` is the unqualified function.
    pub event_invoke: Vec<Option<String>>,
    /// The function URL and the resource policy that controls access to it.
    pub url: bool,
    /// The alias that the function URL belongs to. `None`: the unqualified function.
    pub url_alias: Option<String>,
    /// Whether the plan removes function URLs. If so, the policy of the unqualified function is read, too.
    pub removes_url: bool,
}

impl ExtraReads {
    /// All reads, one in each, so that AWS can deny one of them without the others.
    /// `alias` is the one of the function URL and of asynchronous invocations.
    pub(super) fn each(alias: Option<&str>) -> [ExtraReads; 5] {
        let none = ExtraReads::default();
        let alias = alias.map(str::to_owned);
        [
            ExtraReads { code_signing: true, ..none.clone() },
            ExtraReads { runtime_management: true, ..none.clone() },
            ExtraReads { recursion: true, ..none.clone() },
            ExtraReads { event_invoke: vec![alias.clone()], ..none.clone() },
            ExtraReads { url: true, url_alias: alias, ..none },
        ]
    }
}

/// The live function, and whether its state is final.
#[derive(Debug)]
pub(crate) struct LiveState {
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
    pub(crate) async fn read_live(&self, name: &FunctionName) -> Result<Option<LiveState>, LambdaError> {
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
    pub(crate) async fn read_extras(
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
        if extras.runtime_management && live.image.is_none() {
            const OPERATION: &str = "GetRuntimeManagementConfig";
            let call = self.client.get_runtime_management_config().function_name(name).send();
            let output = found(self.read_call(OPERATION, call).await)?.ok_or(LambdaError::Gone)?;
            output.update_runtime_on().ok_or_else(|| self.invalid_response(OPERATION))?;
            live.settings.extend(read::runtime_management(&output));
        }
        if extras.recursion {
            const OPERATION: &str = "GetFunctionRecursionConfig";
            let call = self.client.get_function_recursion_config().function_name(name).send();
            let output = found(self.read_call(OPERATION, call).await)?.ok_or(LambdaError::Gone)?;
            output.recursive_loop().ok_or_else(|| self.invalid_response(OPERATION))?;
            live.settings.extend(read::recursion(&output));
        }
        for alias in extras.event_invoke {
            const OPERATION: &str = "GetFunctionEventInvokeConfig";
            let call = self.client.get_function_event_invoke_config().function_name(name);
            let call = call.set_qualifier(alias.clone()).send();
            if let Some(output) = found(self.read_call(OPERATION, call).await)? {
                output.function_arn().ok_or_else(|| self.invalid_response(OPERATION))?;
                live.event_invoke.insert(alias, read::event_invoke(&output));
            }
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
    pub(super) async fn url(
        &self,
        name: &str,
        alias: Option<String>,
    ) -> Result<Option<LiveUrl>, LambdaError> {
        let call = self.client.get_function_url_config().function_name(name).set_qualifier(alias).send();
        let Some(output) = found(self.read_call("GetFunctionUrlConfig", call).await)? else {
            return Ok(None);
        };
        // The SDK fills in what an empty response lacks.
        if output.function_url().is_empty() {
            return Err(self.invalid_response("GetFunctionUrlConfig"));
        }
        Ok(Some(read::url(&output)))
    }

    /// Reads which public access the resource policy of an alias, or of the unqualified function, grants.
    async fn public(&self, name: &str, alias: Option<String>) -> Result<PublicAccess, LambdaError> {
        let call = self.client.get_policy().function_name(name).set_qualifier(alias).send();
        let policy = found(self.read_call("GetPolicy", call).await)?;
        self.require_aws_request_id("GetPolicy")?;
        Ok(policy.and_then(|output| output.policy().map(read::public)).unwrap_or_default())
    }

    /// Waits until no update of the function is in progress. Returns the function as read after that.
    pub(crate) async fn wait_until_idle(
        &self,
        name: &FunctionName,
    ) -> Result<Option<LiveState>, LambdaError> {
        self.poll_until_idle(name, &mut PollBackoff::new(self.wait_limit)).await
    }

    pub(super) async fn poll_until_idle(
        &self,
        name: &FunctionName,
        backoff: &mut PollBackoff,
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
    pub(crate) async fn read_when_idle(&self, name: &FunctionName) -> Result<Option<LiveState>, LambdaError> {
        match self.read_live(name).await? {
            Some(found) if found.is_busy => self.wait_until_idle(name).await,
            found => Ok(found),
        }
    }

    /// Backs off for a random time, longer in later rounds. If two deployments change the same function, one
    /// of them can finish while the other one sleeps.
    pub(crate) async fn back_off_with_jitter(&self, round: u32) -> Result<(), LambdaError> {
        let mut backoff =
            PollBackoff::between(Duration::from_millis(100), Duration::from_millis(400 << round.min(3)));
        self.poll_sleep(&mut backoff, ANOTHER_UPDATE).await
    }
}
