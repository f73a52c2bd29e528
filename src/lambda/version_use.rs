//! Reads what still uses old versions of a function by their numbers. Lambda deletes a version in spite of
//! that, and what uses it fails from then on. Never decides which versions are deleted.

use aws_sdk_lambda::types::ExecutionStatus;

use super::client::{Lambda, found};
use super::error::LambdaError;
use super::versions::Pages;
use crate::function::{LiveFunction, VersionUse, policy_callers};
use crate::protocol::name::FunctionName;

impl Lambda {
    /// Those of `versions` that something still uses, each with the first use that was found.
    pub(crate) async fn versions_in_use(
        &self,
        name: &FunctionName,
        live: &LiveFunction,
        versions: Vec<String>,
    ) -> Result<Vec<(String, VersionUse)>, LambdaError> {
        let mut in_use = Vec::new();
        for version in versions {
            let reading = self.use_of(name, live, &version);
            let used = self.in_time("what still uses old versions", reading).await?;
            in_use.extend(used.map(|used| (version, used)));
        }
        Ok(in_use)
    }

    /// What uses a version. `None`: nothing does, as far as Lambda knows.
    async fn use_of(
        &self,
        name: &FunctionName,
        live: &LiveFunction,
        version: &str,
    ) -> Result<Option<VersionUse>, LambdaError> {
        if live.is_durable() && self.is_executing(name, version).await? {
            return Ok(Some(VersionUse::DurableExecution));
        }
        let arn = format!("{}:{version}", live.arn);
        let mappings = self.event_source_mappings(&arn).await?;
        let calls = |state: Option<&str>| state != Some("Deleting");
        if mappings.iter().any(|it| it.function_arn() == Some(arn.as_str()) && calls(it.state())) {
            return Ok(Some(VersionUse::EventSource));
        }
        if self.is_provisioned(name, version).await? {
            return Ok(Some(VersionUse::ProvisionedConcurrency));
        }
        let policy = self.policy(name, Some(version)).await?;
        let has_callers = policy.is_some_and(|policy| !policy_callers(&policy).is_empty());
        Ok(has_callers.then_some(VersionUse::Callers))
    }

    /// Whether durable executions have not ended in a version. They need it until then: AWS runs its code
    /// again at each of their steps.
    async fn is_executing(&self, name: &FunctionName, version: &str) -> Result<bool, LambdaError> {
        let operation = "ListDurableExecutionsByFunction";
        // botocore's model has the last two, too; this SDK does not.
        let statuses = ["RUNNING", "PAUSING", "PAUSED"].map(ExecutionStatus::from).to_vec();
        let mut pages = Pages::default();
        while !pages.are_read {
            let call = self.client.list_durable_executions_by_function().function_name(name.as_str());
            let call = call.qualifier(version).set_statuses(Some(statuses.clone()));
            let call = call.set_marker(pages.marker()).send();
            // Another caller has deleted the version.
            let Some(output) = found(self.read_call(operation, call).await)? else { return Ok(false) };
            self.require_aws_request_id(operation)?;
            if !output.durable_executions().is_empty() {
                return Ok(true);
            }
            self.next_page(operation, &mut pages, output.next_marker())?;
        }
        Ok(false)
    }
}
