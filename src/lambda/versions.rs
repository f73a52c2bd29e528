//! Reads a function's aliases, versions and provisioned concurrency, and invokes a version.
//! It never changes anything at AWS itself, but an invoked function may.

use std::time::Duration;

use aws_sdk_lambda::operation::get_provisioned_concurrency_config::GetProvisionedConcurrencyConfigOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{LogType, ProvisionedConcurrencyStatusEnum};

use super::alias::shares;
use super::client::{Lambda, found};
use super::error::{CallError, LambdaError, StateReason};
use super::poll_backoff::PollBackoff;
use super::read::{self, Configuration, UpdateStatus};
use super::timeouts::timeouts;
use crate::function::{
    AliasHistory, LATEST_PUBLISHED, LiveAlias, LiveFunction, LiveVersion, Provisioned, ProvisionedState,
    VersionState,
};
use crate::protocol::name::FunctionName;
use crate::verification::{InvokeRequest, InvokeResponse};

/// Progress text while a published version becomes active.
pub(super) const VERSION: &str = "the new version";

/// Limit of pages to read. AWS returns about 50 items per page, so no function needs 1,000 pages. Without a
/// limit, a proxy that returns the same page again and again would never end the loop.
const MAX_PAGES: u32 = 1000;

/// How far a list with several pages is read.
#[derive(Default)]
pub(super) struct Pages {
    /// The marker of the next page. `None`: the first one.
    marker: Option<String>,
    count: u32,
    /// True if the last page is read.
    pub(super) are_read: bool,
}

impl Pages {
    pub(super) fn marker(&self) -> Option<String> {
        self.marker.clone()
    }
}

/// Progress text while an idle function becomes active again.
const IDLE: &str = "the idle function to become active";

/// Which facts about versions and aliases to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VersionReads {
    /// If not empty: all aliases of the function, and the versions that the aliases with these names point
    /// at.
    pub aliases: Vec<String>,
    /// All aliases, even if `aliases` is empty.
    pub all_aliases: bool,
    /// All versions.
    pub versions: bool,
    /// The provisioned concurrency of the aliases in `aliases`.
    pub provisioned: bool,
}

impl Lambda {
    /// Adds aliases, versions and provisioned concurrency to `live`, as far as `reads` asks for them.
    pub(crate) async fn read_release(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        reads: &VersionReads,
    ) -> Result<(), LambdaError> {
        if live.is_managed && reads.aliases.is_empty() {
            let call =
                self.client.get_function().function_name(name.as_str()).qualifier(LATEST_PUBLISHED).send();
            let output = found(self.read_call("GetFunction", call).await)?;
            live.latest_published = output.and_then(|output| output.configuration().and_then(read::version));
        }
        if reads.all_aliases || !reads.aliases.is_empty() {
            live.aliases = self.in_time("the list of aliases", self.aliases(name)).await?;
        }
        if reads.versions {
            live.versions = self.in_time("the list of versions", self.versions(name)).await?;
            return self.read_provisioned(name, live, reads).await;
        }
        let mut numbers: Vec<&str> = Vec::new();
        for alias in live.aliases.iter().filter(|alias| reads.aliases.contains(&alias.name)) {
            if alias.version != "$LATEST" && !numbers.contains(&alias.version.as_str()) {
                numbers.push(&alias.version);
            }
        }
        for number in numbers {
            // If the alias points at a deleted version, that is not a version to deploy.
            live.versions.extend(self.published_version(name, number).await?);
        }
        self.read_provisioned(name, live, reads).await
    }

    /// Reads one published version. `None`: it does not exist.
    pub(crate) async fn published_version(
        &self,
        name: &FunctionName,
        number: &str,
    ) -> Result<Option<LiveVersion>, LambdaError> {
        let call = self.client.get_function().function_name(name.as_str()).qualifier(number).send();
        let Some(output) = found(self.read_call("GetFunction", call).await)? else { return Ok(None) };
        let version = output.configuration().and_then(read::version);
        version.map(Some).ok_or_else(|| self.invalid_response("GetFunction"))
    }

    /// Reads one version and updates it in `live`: only GetFunction for that version shows whether it is
    /// ready. With `waits`, waits until it is ready or has failed. Returns the reason if it has failed.
    pub(crate) async fn read_version(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        number: &str,
        waits: bool,
    ) -> Result<Option<LambdaError>, LambdaError> {
        let mut backoff = PollBackoff::new(self.wait_limit);
        loop {
            let call = self.client.get_function().function_name(name.as_str()).qualifier(number).send();
            let Some(output) = found(self.read_call("GetFunction", call).await)? else {
                live.versions.retain(|version| version.number != number);
                return Ok(None);
            };
            let configuration = output.configuration().ok_or_else(|| self.invalid_response("GetFunction"))?;
            let reported =
                read::version(configuration).ok_or_else(|| self.invalid_response("GetFunction"))?;
            let is_pending = reported.state == VersionState::Pending;
            live.versions
                .iter_mut()
                .filter(|version| version.number == number)
                .for_each(|it| *it = reported.clone());
            if !is_pending || !waits {
                return Ok(from_version(number, configuration.update_status()).err());
            }
            self.poll_sleep(&mut backoff, VERSION).await?;
        }
    }

    async fn aliases(&self, name: &FunctionName) -> Result<Vec<LiveAlias>, LambdaError> {
        let (mut aliases, mut pages) = (Vec::new(), Pages::default());
        while !pages.are_read {
            let call = self.client.list_aliases().function_name(name.as_str()).set_marker(pages.marker());
            let output = found(self.read_call("ListAliases", call.send()).await)?.ok_or(LambdaError::Gone)?;
            self.require_aws_request_id("ListAliases")?;
            aliases.extend(output.aliases().iter().map(|alias| LiveAlias {
                name: alias.name().unwrap_or_default().to_owned(),
                version: alias.function_version().unwrap_or_default().to_owned(),
                weights: shares(alias.routing_config()),
                revision_id: alias.revision_id().map(str::to_owned),
                history: AliasHistory::of(alias.description().unwrap_or_default()),
                is_unprovisioned: false,
            }));
            self.next_page("ListAliases", &mut pages, output.next_marker())?;
        }
        Ok(aliases)
    }

    async fn versions(&self, name: &FunctionName) -> Result<Vec<LiveVersion>, LambdaError> {
        let operation = "ListVersionsByFunction";
        let (mut versions, mut pages) = (Vec::new(), Pages::default());
        while !pages.are_read {
            let call = self.client.list_versions_by_function().function_name(name.as_str());
            let call = call.set_marker(pages.marker()).send();
            let output = found(self.read_call(operation, call).await)?.ok_or(LambdaError::Gone)?;
            self.require_aws_request_id(operation)?;
            // `$LATEST.PUBLISHED` of Managed Instances must not be counted or deleted, and neither must
            // future special versions.
            let is_number = |version: &str| version.parse::<u64>().is_ok();
            let published =
                output.versions().iter().filter(|version| version.version().is_some_and(is_number));
            versions.extend(published.filter_map(read::listed_version));
            self.next_page(operation, &mut pages, output.next_marker())?;
        }
        Ok(versions)
    }

    /// Records that a page was read, and what follows it.
    ///
    /// The SDK's paginators take a page that is followed by itself for the last one; a list that is cut off
    /// there would hide the alias that protects a version from deletion.
    pub(super) fn next_page(
        &self,
        operation: &'static str,
        pages: &mut Pages,
        next: Option<&str>,
    ) -> Result<(), LambdaError> {
        let next = next.filter(|marker| !marker.is_empty()).map(str::to_owned);
        pages.count += 1;
        if next.is_some() && (next == pages.marker || pages.count == MAX_PAGES) {
            return Err(self.invalid_response(operation));
        }
        pages.are_read = next.is_none();
        pages.marker = next;
        Ok(())
    }

    /// Awaits a list, which may have many pages, for at most `wait_timeout`.
    pub(super) async fn in_time<T>(
        &self,
        what: &'static str,
        list: impl Future<Output = Result<T, LambdaError>>,
    ) -> Result<T, LambdaError> {
        let limit = self.wait_limit;
        tokio::time::timeout(limit, list).await.unwrap_or(Err(LambdaError::WaitedTooLong { what, limit }))
    }

    async fn read_provisioned(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        reads: &VersionReads,
    ) -> Result<(), LambdaError> {
        let is_asked = |alias: &&mut LiveAlias| {
            reads.aliases.contains(&alias.name) && (reads.provisioned || alias.seems_to_move())
        };
        for alias in live.aliases.iter_mut().filter(is_asked) {
            let output = match found(self.provisioned(name, &alias.name).await) {
                // The stanza does not set it.
                Err(LambdaError::Call(error)) if error.is_denied() && !reads.provisioned => continue,
                output => output?.flatten(),
            };
            let Some(output) = output else {
                alias.is_unprovisioned = true;
                continue;
            };
            let executions = output.requested_provisioned_concurrent_executions().unwrap_or_default();
            let state = match output.status() {
                Some(ProvisionedConcurrencyStatusEnum::InProgress) => ProvisionedState::InProgress,
                Some(ProvisionedConcurrencyStatusEnum::Failed) => ProvisionedState::Failed,
                _ => ProvisionedState::Ready,
            };
            live.provisioned.insert(alias.name.clone(), Provisioned { executions, state });
        }
        Ok(())
    }

    /// True if an alias or a version has provisioned concurrency.
    pub(super) async fn is_provisioned(
        &self,
        name: &FunctionName,
        qualifier: &str,
    ) -> Result<bool, LambdaError> {
        match found(self.provisioned(name, qualifier).await)?.flatten() {
            Some(output) if output.status().is_none() => {
                Err(self.invalid_response("GetProvisionedConcurrencyConfig"))
            }
            output => Ok(output.is_some()),
        }
    }

    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &str,
    ) -> Result<Option<GetProvisionedConcurrencyConfigOutput>, LambdaError> {
        let call =
            self.client.get_provisioned_concurrency_config().function_name(name.as_str()).qualifier(alias);
        match self.read_call("GetProvisionedConcurrencyConfig", call.send()).await {
            Err(LambdaError::Call(error))
                if error.code() == "ProvisionedConcurrencyConfigNotFoundException" =>
            {
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    /// Waits until the provisioned concurrency of an alias is ready.
    pub(crate) async fn wait_for_provisioned(
        &self,
        name: &FunctionName,
        alias: &str,
    ) -> Result<(), LambdaError> {
        let poll_once = async || match self.provisioned(name, alias).await {
            // If the function was deleted, AWS reports that the alias does not exist.
            Err(LambdaError::Call(error)) if error.is_not_found() => Err(LambdaError::Outdated(Some(error))),
            answer => answer,
        };
        let mut backoff = PollBackoff::new(self.wait_limit);
        let mut answer = poll_once().await?;
        loop {
            let Some(output) = answer else { return Ok(()) };
            match output.status() {
                Some(ProvisionedConcurrencyStatusEnum::InProgress) => {}
                Some(ProvisionedConcurrencyStatusEnum::Failed) => {
                    let reason = output.status_reason().map(str::to_owned);
                    return Err(LambdaError::ProvisioningFailed(StateReason { code: None, reason }));
                }
                Some(_) => return Ok(()),
                None => return Err(self.invalid_response("GetProvisionedConcurrencyConfig")),
            }
            answer = self.poll(&mut backoff, "the provisioned concurrency", &poll_once).await?;
        }
    }

    /// Invokes a version and returns its response.
    ///
    /// # Errors
    /// [`LambdaError::NoResponse`] if the response takes longer than the limit of the request,
    /// [`LambdaError::Gone`], and those of every call.
    pub(crate) async fn invoke(
        &self,
        name: &FunctionName,
        request: &InvokeRequest<'_>,
    ) -> Result<InvokeResponse, LambdaError> {
        let mut waking = PollBackoff::new(self.wait_limit);
        loop {
            match self.invoke_once(name, request).await {
                // AWS rejects the first invocation of an idle function, and makes the function active again.
                Err(LambdaError::Call(error)) if error.wakes_function() => {
                    // AWS's error is more useful than a timeout.
                    self.poll_sleep_or(&mut waking, IDLE, LambdaError::Call(error)).await?;
                }
                answer => return answer,
            }
        }
    }

    async fn invoke_once(
        &self,
        name: &FunctionName,
        request: &InvokeRequest<'_>,
    ) -> Result<InvokeResponse, LambdaError> {
        self.attempts.reset();
        let limit = request.limit;
        let call = self
            .client
            .invoke()
            .function_name(name.as_str())
            .qualifier(request.version)
            .log_type(LogType::Tail)
            .set_tenant_id(request.tenant_id.map(str::to_owned))
            .set_client_context(request.client_context.map(str::to_owned))
            .payload(Blob::new(request.payload.as_str()));
        let patient = aws_sdk_lambda::config::Builder::new().timeout_config(timeouts(limit, limit));
        let call = call.customize().config_override(patient).send();
        let answer = tokio::time::timeout(limit, self.read_call("Invoke", call));
        let output = match answer.await {
            Err(_) => return Err(self.unanswered(limit)),
            Ok(Err(LambdaError::Call(error))) if error.is_timeout() => return Err(self.unanswered(limit)),
            Ok(Err(LambdaError::Call(error))) if error.is_function_not_found() => {
                return Err(LambdaError::Gone);
            }
            Ok(answer) => answer?,
        };
        self.require_aws_request_id("Invoke")?;
        let log = output.log_result().and_then(|log| base64_simd::STANDARD.decode_to_vec(log).ok());
        Ok(InvokeResponse {
            payload: output
                .payload()
                .map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned())
                .unwrap_or_default(),
            has_failed: output.function_error().is_some(),
            log: log.map(|log| whole_lines(&log)).unwrap_or_default(),
        })
    }

    /// Why there is no response: the function is slow, unless AWS responded to every attempt with a 429 or
    /// 5xx.
    fn unanswered(&self, limit: Duration) -> LambdaError {
        match self.attempts.call("Invoke").transient_error {
            Some(transient_error) => LambdaError::Call(CallError::from_transient("Invoke", transient_error)),
            None => LambdaError::NoResponse(limit),
        }
    }
}

/// An error if a version has failed. `Ok`: it is ready, or may still become ready.
pub(super) fn from_version(number: &str, status: UpdateStatus) -> Result<(), LambdaError> {
    let failed = |state_reason| Err(LambdaError::VersionFailed { version: number.to_owned(), state_reason });
    match status.for_version(number) {
        UpdateStatus::CreationFailed(state_reason) => failed(state_reason),
        UpdateStatus::Deactivated => {
            failed(StateReason { code: None, reason: Some("it was deactivated".to_owned()) })
        }
        _ => Ok(()),
    }
}

/// Drops the first line of a log tail if it may be incomplete: AWS returns the last 4 KB. An incomplete line
/// may begin in the middle of a secret, which redaction would not recognise.
fn whole_lines(log: &[u8]) -> String {
    const TAIL: usize = 4096;
    let start = if log.len() < TAIL {
        Some(0)
    } else {
        log.iter().position(|byte| *byte == b'\n').map(|end| end + 1)
    };
    String::from_utf8_lossy(&log[start.unwrap_or(log.len())..]).into_owned()
}
