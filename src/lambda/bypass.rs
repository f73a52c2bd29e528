//! Reads what calls the function itself and not one of its aliases. A denied read is no failure: a deployment
//! does not depend on it.

use super::client::{Lambda, found};
use super::error::LambdaError;
use super::read;
use super::versions::MAX_PAGES;
use crate::function::{EventSource, LiveFunction, policy_callers};
use crate::protocol::name::FunctionName;

impl Lambda {
    /// Adds to `live` the URL, the callers in the resource policy and the event source mappings of the
    /// function itself. With `knows_url` the URL has been read already. Returns the operations that AWS
    /// denied.
    ///
    /// # Errors
    /// As [`Lambda::read_live`], but not for a denied read.
    pub(crate) async fn read_bypasses(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        knows_url: bool,
    ) -> Result<Vec<&'static str>, LambdaError> {
        let mut denied = Vec::new();
        if !knows_url {
            live.latest_url = permitted(self.url(name.as_str(), None).await, &mut denied)?.flatten();
        }
        let policy = permitted(self.own_policy(name).await, &mut denied)?.flatten();
        live.callers = policy.map(|policy| policy_callers(&policy)).unwrap_or_default();
        let list = self.event_sources(name, &live.arn);
        let sources = self.in_time("the list of event source mappings", list).await;
        live.event_sources = permitted(sources, &mut denied)?.unwrap_or_default();
        Ok(denied)
    }

    /// The resource policy of the function itself. `None`: it has none.
    async fn own_policy(&self, name: &FunctionName) -> Result<Option<String>, LambdaError> {
        let call = self.client.get_policy().function_name(name.as_str()).send();
        let Some(output) = found(self.read_call("GetPolicy", call).await)? else { return Ok(None) };
        let policy = output.policy().ok_or_else(|| self.invalid_response("GetPolicy"))?;
        Ok(Some(policy.to_owned()))
    }

    /// The event source mappings of the function itself.
    async fn event_sources(&self, name: &FunctionName, arn: &str) -> Result<Vec<EventSource>, LambdaError> {
        const OPERATION: &str = "ListEventSourceMappings";
        let mut sources = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let call = self.client.list_event_source_mappings().function_name(name.as_str());
            let call = call.set_marker(marker.clone()).send();
            let Some(output) = found(self.read_call(OPERATION, call).await)? else { return Ok(sources) };
            let mappings = output.event_source_mappings.as_ref();
            let mappings = mappings.ok_or_else(|| self.invalid_response(OPERATION))?;
            sources.extend(mappings.iter().filter_map(|mapping| read::event_source(mapping, arn)));
            marker = self.next_page(OPERATION, marker, output.next_marker())?;
            if marker.is_none() {
                return Ok(sources);
            }
        }
        Err(self.invalid_response(OPERATION))
    }
}

/// Turns a denied read into `None`, and adds its operation to `denied`.
fn permitted<T>(
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
