//! Answers a parsed request as AWS would: authenticates and authorizes it, and runs its operation. Never uses
//! a socket or reads the clock, so that its tests take no time.

use serde_json::Value;

use crate::account::{Account, Arguments};
use crate::document::Document;
use crate::fault::{CallOutcome, ConcurrentChange};
use crate::http::{Answer, BODY_LIMIT, Body, Head};
use crate::moment::{self, Moment};
use crate::refusal::Refusal;
use crate::route::{self, Operation, Route};
use crate::{ids, permissions, sigv4};

impl Account {
    /// Answers one call. `document` is the parsed `body` (see [`Document`]); `call_outcome` is the effect of
    /// a fault on the call.
    pub(crate) fn answer(
        &mut self,
        head: &Head,
        body: &Body,
        document: &Result<Document, Refusal>,
        call_outcome: CallOutcome,
        now: Moment,
    ) -> Answer {
        let route = route::of(head);
        let result = self
            .authenticate(head, body, route.as_ref(), now)
            .and_then(|()| route.ok_or(Refusal::UnknownOperation))
            .and_then(|route| {
                self.rates.take(route.operation, now.instant)?;
                let document = document.as_ref().map_err(Clone::clone)?;
                let arguments = Arguments {
                    subject: &route.subject,
                    item: &route.item,
                    query: &head.query,
                    headers: &head.headers,
                    body: &document.json,
                    code: document.code.as_ref(),
                    now,
                    ending: call_outcome.ending,
                    trusted: false,
                };
                self.authorize(&route, &arguments)?;
                let function = self.subject_of(&route, &arguments);
                self.mutate(call_outcome.before, &function, now)?;
                self.perform(&route, &arguments)
            });
        result.unwrap_or_else(|refusal| {
            let (status, code, _) = refusal.wire();
            Answer::error(status, code, &refusal.body())
        })
    }

    /// Applies the concurrent change of a fault to the function, if the function exists.
    fn mutate(
        &mut self,
        concurrent_change: Option<ConcurrentChange>,
        subject: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        let (Some(concurrent_change), Ok(name)) = (concurrent_change, self.name(subject)) else {
            return Ok(());
        };
        let Ok(function) = self.function(&name, now) else {
            return Ok(());
        };
        match concurrent_change {
            ConcurrentChange::Update => return Err(Refusal::UpdateInProgress { arn: function.arn.clone() }),
            ConcurrentChange::Delete => drop(self.functions.remove(&name.name)),
            ConcurrentChange::Touch => {
                let description = Value::from("changed by another client");
                function.latest.configuration.insert("Description".to_owned(), description);
                function.latest.revision_id = ids::unique();
                function.latest.last_modified = moment::last_modified(now.wall);
            }
        }
        Ok(())
    }

    /// Makes the checks that come before the operation. The size comes first: a body over the limit is not
    /// kept, so its hash cannot be verified.
    fn authenticate(
        &self,
        head: &Head,
        body: &Body,
        route: Option<&Route>,
        now: Moment,
    ) -> Result<(), Refusal> {
        if body.length > BODY_LIMIT {
            let operation = route.map_or("requested", |route| route.name);
            return Err(Refusal::RequestTooLarge { operation });
        }
        sigv4::verify(head, &body.bytes, &self.settings, now.wall)
    }

    /// Fails if the policy does not allow the request, whether or not the resource exists.
    fn authorize(&self, route: &Route, arguments: &Arguments<'_>) -> Result<(), Refusal> {
        if self.policy.is_none() {
            return Ok(());
        }
        let needed = permissions::needed(self, route, arguments)?;
        needed.into_iter().find_map(|permission| self.denial(permission)).map_or(Ok(()), Err)
    }

    /// Runs the operation without authentication and authorization.
    pub(crate) fn perform(&mut self, route: &Route, arguments: &Arguments<'_>) -> Result<Answer, Refusal> {
        self.advance_deployments(arguments.now);
        let value = match route.operation {
            Operation::CreateFunction => self.create_function(arguments),
            Operation::GetFunction => self.get_function(arguments),
            Operation::GetFunctionConfiguration => self.get_function_configuration(arguments),
            Operation::UpdateFunctionConfiguration => self.update_function_configuration(arguments),
            Operation::UpdateFunctionCode => self.update_function_code(arguments),
            Operation::DeleteFunction => self.delete_function(arguments),
            Operation::PublishVersion => self.publish_version(arguments),
            Operation::ListVersionsByFunction => self.list_versions_by_function(arguments),
            Operation::CreateAlias => self.create_alias(arguments),
            Operation::GetAlias => self.get_alias(arguments),
            Operation::UpdateAlias => self.update_alias(arguments),
            Operation::DeleteAlias => self.delete_alias(arguments),
            Operation::ListAliases => self.list_aliases(arguments),
            Operation::TagResource => self.tag_resource(arguments),
            Operation::UntagResource => self.untag_resource(arguments),
            Operation::ListTags => self.list_tags(arguments),
            Operation::PutFunctionConcurrency => self.put_function_concurrency(arguments),
            Operation::GetFunctionConcurrency => self.get_function_concurrency(arguments),
            Operation::DeleteFunctionConcurrency => self.delete_function_concurrency(arguments),
            Operation::PutRuntimeManagementConfig => self.put_runtime_management_config(arguments),
            Operation::GetRuntimeManagementConfig => self.get_runtime_management_config(arguments),
            Operation::PutFunctionRecursionConfig => self.put_function_recursion_config(arguments),
            Operation::GetFunctionRecursionConfig => self.get_function_recursion_config(arguments),
            Operation::PutFunctionEventInvokeConfig => self.put_function_event_invoke_config(arguments),
            Operation::GetFunctionEventInvokeConfig => self.get_function_event_invoke_config(arguments),
            Operation::DeleteFunctionEventInvokeConfig => self.delete_function_event_invoke_config(arguments),
            Operation::PutProvisionedConcurrencyConfig => self.put_provisioned_concurrency_config(arguments),
            Operation::GetProvisionedConcurrencyConfig => self.get_provisioned_concurrency_config(arguments),
            Operation::DeleteProvisionedConcurrencyConfig => {
                self.delete_provisioned_concurrency_config(arguments)
            }
            Operation::PutFunctionScalingConfig => self.put_function_scaling_config(arguments),
            Operation::GetFunctionScalingConfig => self.get_function_scaling_config(arguments),
            Operation::CreateFunctionUrlConfig => self.create_function_url_config(arguments),
            Operation::GetFunctionUrlConfig => self.get_function_url_config(arguments),
            Operation::UpdateFunctionUrlConfig => self.update_function_url_config(arguments),
            Operation::DeleteFunctionUrlConfig => self.delete_function_url_config(arguments),
            Operation::AddPermission => self.add_permission(arguments),
            Operation::GetPolicy => self.get_policy(arguments),
            Operation::RemovePermission => self.remove_permission(arguments),
            Operation::PutFunctionCodeSigningConfig => self.put_function_code_signing_config(arguments),
            Operation::GetFunctionCodeSigningConfig => self.get_function_code_signing_config(arguments),
            Operation::DeleteFunctionCodeSigningConfig => self.delete_function_code_signing_config(arguments),
            Operation::CreateEventSourceMapping => self.create_event_source_mapping(arguments),
            Operation::GetEventSourceMapping => self.get_event_source_mapping(arguments),
            Operation::ListEventSourceMappings => self.list_event_source_mappings(arguments),
            Operation::UpdateEventSourceMapping => self.update_event_source_mapping(arguments),
            Operation::ListDurableExecutionsByFunction => self.list_durable_executions_by_function(arguments),
            Operation::PublishLayerVersion => self.publish_layer_version(arguments),
            Operation::GetLayerVersion => self.get_layer_version(arguments),
            Operation::ListLayerVersions => self.list_layer_versions(arguments),
            Operation::DeleteLayerVersion => self.delete_layer_version(arguments),
            Operation::DescribeAlarms => self.describe_alarms(arguments),
            Operation::GetMetricData => self.get_metric_data(arguments),
            Operation::CodeDeploy(operation) => self.codedeploy(operation, arguments),
            Operation::Invoke => return self.invoke(arguments),
        };
        Ok(Answer::json(route.status, &value?))
    }
}
