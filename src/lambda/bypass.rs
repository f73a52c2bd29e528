//! Reads what calls the function itself and not one of its aliases, and waits until an event source mapping
//! calls an alias. A denied read is no failure, unless the deployment depends on it.

use aws_sdk_lambda::types::EventSourceMappingConfiguration;

use super::client::{Lambda, found};
use super::error::LambdaError;
use super::poll_backoff::PollBackoff;
use super::read;
use super::versions::Pages;
use crate::function::{EventSource, LiveFunction, policy_callers};
use crate::protocol::name::FunctionName;

/// Progress text while an event source mapping is being updated.
pub(super) const EVENT_SOURCE: &str = "the update of the event source mapping";

/// Which callers of the function itself to read, besides its event source mappings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BypassReads {
    /// The URL of the function itself.
    pub url: bool,
    /// The callers in its resource policy.
    pub policy: bool,
    /// True if the plan depends on the event source mappings, so that a denied list of them is an error.
    pub requires_event_sources: bool,
}

impl Lambda {
    /// Adds to `live` the event source mappings of the function itself, and what `reads` asks for. Returns
    /// the operations that AWS denied.
    pub(crate) async fn read_bypasses(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        reads: BypassReads,
    ) -> Result<Vec<&'static str>, LambdaError> {
        let mut denied = Vec::new();
        if reads.url {
            live.latest_url = permitted(self.url(name.as_str(), None).await, &mut denied)?.flatten();
        }
        if reads.policy {
            let policy = permitted(self.policy(name, None).await, &mut denied)?.flatten();
            live.callers = policy.map(|policy| policy_callers(&policy)).unwrap_or_default();
        }
        let list = self.event_sources(name, &live.arn);
        let sources = self.in_time("the list of event source mappings", list).await;
        live.event_sources = match reads.requires_event_sources {
            true => sources?,
            false => permitted(sources, &mut denied)?.unwrap_or_default(),
        };
        Ok(denied)
    }

    /// Waits until an event source mapping calls an alias. A mapping that someone else has deleted calls
    /// nothing.
    pub(super) async fn wait_for_event_source(&self, uuid: &str, alias: &str) -> Result<(), LambdaError> {
        const OPERATION: &str = "GetEventSourceMapping";
        let poll_once = async || {
            let call = self.client.get_event_source_mapping().uuid(uuid).send();
            found(self.read_call(OPERATION, call).await)
        };
        let mut backoff = PollBackoff::new(self.wait_limit);
        loop {
            let answer = self.poll(&mut backoff, EVENT_SOURCE, &poll_once).await?;
            let Some(output) = answer else { return Ok(()) };
            let is_at_alias = output.function_arn().is_some_and(|arn| arn.rsplit(':').next() == Some(alias));
            match output.state() {
                Some("Enabled" | "Disabled") if is_at_alias => return Ok(()),
                Some(_) => {}
                None => return Err(self.invalid_response(OPERATION)),
            }
        }
    }

    /// The resource policy of the function itself, or of one of its versions. `None`: it has none.
    pub(super) async fn policy(
        &self,
        name: &FunctionName,
        version: Option<&str>,
    ) -> Result<Option<String>, LambdaError> {
        let call = self.client.get_policy().function_name(name.as_str());
        let call = call.set_qualifier(version.map(str::to_owned)).send();
        let Some(output) = found(self.read_call("GetPolicy", call).await)? else { return Ok(None) };
        let policy = output.policy().ok_or_else(|| self.invalid_response("GetPolicy"))?;
        Ok(Some(policy.to_owned()))
    }

    /// The event source mappings of the function itself.
    async fn event_sources(&self, name: &FunctionName, arn: &str) -> Result<Vec<EventSource>, LambdaError> {
        let mappings = self.event_source_mappings(name.as_str()).await?;
        Ok(mappings.iter().filter_map(|mapping| read::event_source(mapping, arn)).collect())
    }

    /// The event source mappings of a function, a version or an alias.
    pub(super) async fn event_source_mappings(
        &self,
        function: &str,
    ) -> Result<Vec<EventSourceMappingConfiguration>, LambdaError> {
        const OPERATION: &str = "ListEventSourceMappings";
        let (mut mappings, mut pages) = (Vec::new(), Pages::default());
        while !pages.are_read {
            let call = self.client.list_event_source_mappings().function_name(function);
            let call = call.set_marker(pages.marker()).send();
            let Some(output) = found(self.read_call(OPERATION, call).await)? else { return Ok(mappings) };
            let page = output.event_source_mappings.as_ref();
            mappings.extend_from_slice(page.ok_or_else(|| self.invalid_response(OPERATION))?);
            self.next_page(OPERATION, &mut pages, output.next_marker())?;
        }
        Ok(mappings)
    }
}

/// Turns a denied read into `None`, and adds its operation to `denied`.
pub(super) fn permitted<T>(
    answer: Result<T, LambdaError>,
    denied: &mut Vec<&'static str>,
) -> Result<Option<T>, LambdaError> {
    match answer {
        Err(LambdaError::Call(error)) if error.is_denied() => {
            denied.push(error.operation);
            Ok(None)
        }
        answer => answer.map(Some),
    }
}
