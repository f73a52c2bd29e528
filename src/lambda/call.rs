//! Sends the one Lambda request of a step and returns the function's state after it.
//! It never waits and never retries: both are the caller's job.

use std::collections::BTreeMap;
use std::future::Future;

use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, FunctionVersionLatestPublished, UpdateRuntimeOn};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::alias::{routing, shares};
use super::client::Lambda;
use super::deploy_state::{DeployState, ResponseFacts};
use super::error::{LambdaError, OperationError};
use super::read::{Configuration, UpdateStatus};
use super::request::{self, exposed};
use crate::code_source::{Delivery, Object};
use crate::function::{LiveAlias, Permission, Setting};
use crate::plan::WriteCall;
use crate::protocol::event::StepName;
use crate::protocol::secret::Secret;

/// The facts from a response, and the state of the function after it.
pub(super) type Response = (ResponseFacts, UpdateStatus);

impl Lambda {
    pub(super) async fn call(
        &self,
        call: &WriteCall,
        state: &DeployState<'_>,
    ) -> Result<Response, LambdaError> {
        let (client, name, step) = (&self.client, state.name.as_str(), call.name());
        match call {
            WriteCall::CreateFunction { settings, tags, delivery } => {
                self.create_function(settings, tags, delivery, state).await
            }
            WriteCall::UpdateFunctionCode { settings, delivery } => {
                self.update_function_code(settings, delivery, state, false).await
            }
            WriteCall::UpdateFunctionConfiguration { settings } => {
                let request = client.update_function_configuration().function_name(name);
                let request = request::update(request, settings).set_revision_id(state.revision_id.clone());
                let output =
                    self.send(step, request.send(), |output| output.function_arn().is_some()).await?;
                Ok((ResponseFacts { function_arn: None, ..output.facts() }, output.update_status()))
            }
            WriteCall::TagResource { tags } => {
                let request = client.tag_resource().resource(&state.arn).set_tags(Some(exposed(tags)));
                self.send_silent(step, request.send()).await
            }
            WriteCall::UntagResource { names } => {
                let request = client.untag_resource().resource(&state.arn);
                self.send_silent(step, request.set_tag_keys(Some(names.clone())).send()).await
            }
            WriteCall::PutFunctionCodeSigningConfig { arn } => {
                let request = client.put_function_code_signing_config().function_name(name);
                let request = request.code_signing_config_arn(arn).send();
                self.send_plain(step, request, |output| !output.code_signing_config_arn().is_empty()).await
            }
            WriteCall::DeleteFunctionCodeSigningConfig => {
                let request = client.delete_function_code_signing_config().function_name(name);
                self.send_silent(step, request.send()).await
            }
            WriteCall::PutFunctionConcurrency { executions } => {
                let request = client.put_function_concurrency().function_name(name);
                let request = request.reserved_concurrent_executions(*executions).send();
                self.send_plain(step, request, |output| output.reserved_concurrent_executions().is_some())
                    .await
            }
            WriteCall::DeleteFunctionConcurrency => {
                let request = client.delete_function_concurrency().function_name(name);
                self.send_silent(step, request.send()).await
            }
            WriteCall::PutRuntimeManagementConfig { mode } => {
                let request = client.put_runtime_management_config().function_name(name);
                let request = if mode.starts_with("arn:") {
                    request.update_runtime_on(UpdateRuntimeOn::Manual).runtime_version_arn(mode)
                } else {
                    request.update_runtime_on(mode.as_str().into())
                };
                self.send(step, request.send(), |output| !output.function_arn().is_empty()).await?;
                // The response has neither the status nor the revision of the function, so it is read again.
                Ok((ResponseFacts::default(), UpdateStatus::Updating))
            }
            WriteCall::PutFunctionRecursionConfig { recursive_loop } => {
                let request = client.put_function_recursion_config().function_name(name);
                let request = request.recursive_loop(recursive_loop.as_str().into()).send();
                self.send_plain(step, request, |output| output.recursive_loop().is_some()).await
            }
            WriteCall::PutFunctionEventInvokeConfig { config, alias } => {
                let request = client.put_function_event_invoke_config().function_name(name);
                let request = request.set_qualifier(alias.clone());
                let request = request.set_maximum_retry_attempts(config.maximum_retry_attempts);
                let request = request.set_maximum_event_age_in_seconds(config.maximum_event_age);
                let request = request.set_destination_config(request::destinations(config)).send();
                self.send_plain(step, request, |output| output.function_arn().is_some()).await
            }
            WriteCall::DeleteFunctionEventInvokeConfig { alias } => {
                let request = client.delete_function_event_invoke_config().function_name(name);
                self.send_silent(step, request.set_qualifier(alias.clone()).send()).await
            }
            WriteCall::CreateFunctionUrlConfig { config, alias } => {
                let request = client.create_function_url_config().function_name(name);
                let request = request.set_qualifier(alias.clone());
                let request = request.set_auth_type(config.auth_type.as_deref().map(Into::into));
                let request = request.set_invoke_mode(config.invoke_mode.as_deref().map(Into::into));
                let request = request.set_cors(config.cors.as_ref().map(request::cors)).send();
                let output = self.send(step, request, |output| !output.function_url().is_empty()).await?;
                let function_url = Some(output.function_url().to_owned());
                Ok((ResponseFacts { function_url, ..ResponseFacts::default() }, UpdateStatus::Settled))
            }
            WriteCall::UpdateFunctionUrlConfig { config, alias } => {
                let request = client.update_function_url_config().function_name(name);
                let request = request.set_qualifier(alias.clone());
                let request = request.set_auth_type(config.auth_type.as_deref().map(Into::into));
                let request = request.set_invoke_mode(config.invoke_mode.as_deref().map(Into::into));
                let request = request.set_cors(config.cors.as_ref().map(request::cors)).send();
                self.send_plain(step, request, |output| !output.function_url().is_empty()).await
            }
            WriteCall::DeleteFunctionUrlConfig { alias } => {
                let request = client.delete_function_url_config().function_name(name);
                self.send_silent(step, request.set_qualifier(alias.clone()).send()).await
            }
            WriteCall::AddPermission { permission, alias } => {
                let request = client.add_permission().function_name(name).set_qualifier(alias.clone());
                let request = request.principal("*").statement_id(permission.statement_id());
                let request = request.action(permission.action());
                let request = match permission {
                    Permission::InvokeFunctionUrl => request.function_url_auth_type("NONE".into()),
                    Permission::InvokeFunction => request.invoked_via_function_url(true),
                };
                self.send_plain(step, request.send(), |output| output.statement().is_some()).await
            }
            WriteCall::RemovePermission { permission, alias } => {
                let request = client.remove_permission().function_name(name).set_qualifier(alias.clone());
                self.send_silent(step, request.statement_id(permission.statement_id()).send()).await
            }
            WriteCall::PublishLayerVersion { layer } => self.publish_layer_version(layer).await,
            WriteCall::PublishVersion { description, to_latest } => {
                self.publish_version(description.clone(), *to_latest, state).await
            }
            WriteCall::PutFunctionScalingConfig { version, scaling } => {
                let request = client.put_function_scaling_config().function_name(name);
                let request = request.qualifier(state.version_or(version.as_deref()));
                let request = request.function_scaling_config(request::scaling(*scaling)).send();
                self.send_plain(step, request, |output| output.function_state().is_some()).await
            }
            WriteCall::CreateAlias { alias, history } => {
                let request = client.create_alias().function_name(name).name(alias);
                let request = request.function_version(state.version());
                let description = state.description_of(alias, state.version(), history);
                let request = request.set_description(description).send();
                let output = self.send(step, request, |output| output.alias_arn().is_some()).await?;
                let alias = Some((alias.clone(), output.revision_id().map(str::to_owned)));
                Ok((ResponseFacts { alias, ..ResponseFacts::default() }, UpdateStatus::Settled))
            }
            WriteCall::UpdateAlias { alias, version, history, .. } => {
                let target = state.updated_alias(alias, version.as_deref());
                let history = history.as_ref();
                let description =
                    history.and_then(|history| state.description_of(alias, &target.version, history));
                self.update_alias(step, target, description, state).await
            }
            WriteCall::DescribeAlias { alias, text } => {
                let request = client.update_alias().function_name(name).name(alias);
                let request = request.set_description(state.text_description(alias, text));
                let request = request.set_revision_id(state.alias_revisions.get(alias).cloned()).send();
                let output = self.send(step, request, |output| output.alias_arn().is_some()).await?;
                let alias = Some((alias.clone(), output.revision_id().map(str::to_owned)));
                Ok((ResponseFacts { alias, ..ResponseFacts::default() }, UpdateStatus::Settled))
            }
            WriteCall::ShiftTraffic { alias, from, percent, history } => {
                let target = state.shifted_alias(alias, from, *percent);
                let description = history.with_shift(from, Some(state.version())).to_description(from);
                self.update_alias(step, target, description, state).await
            }
            WriteCall::CreateDeployment { running: Some(running), .. } => {
                let deployment = Some((**running).clone());
                Ok((ResponseFacts { deployment, ..ResponseFacts::default() }, UpdateStatus::Settled))
            }
            WriteCall::CreateDeployment { alias, from, history, codedeploy, running: None, .. } => {
                // The history comes first: weights that CodeDeploy sets must never look like those of others.
                let revision = self.record_shift(alias, from, history, state).await?;
                // The attempts of a step are those of its last request.
                self.attempts.reset();
                let deployment = Some(self.start_deployment(codedeploy, alias, from, state).await?);
                let alias = Some((alias.clone(), revision));
                Ok((ResponseFacts { alias, deployment, ..ResponseFacts::default() }, UpdateStatus::Settled))
            }
            WriteCall::StopDeployment { running, .. } => {
                self.request_stop(&running.deployment_id).await?;
                Ok((ResponseFacts::default(), UpdateStatus::Settled))
            }
            WriteCall::PutProvisionedConcurrencyConfig { alias, executions } => {
                let request =
                    client.put_provisioned_concurrency_config().function_name(name).qualifier(alias);
                let request = request.provisioned_concurrent_executions(*executions).send();
                self.send_plain(step, request, |output| output.status().is_some()).await
            }
            WriteCall::DeleteProvisionedConcurrencyConfig { alias } => {
                let request = client.delete_provisioned_concurrency_config().function_name(name);
                self.send_silent(step, request.qualifier(alias).send()).await
            }
            WriteCall::UpdateEventSourceMapping { uuid, alias, .. } => {
                let request = client.update_event_source_mapping().uuid(uuid);
                let request = request.function_name(format!("{name}:{alias}")).send();
                self.send_plain(step, request, |output| output.uuid().is_some()).await
            }
            WriteCall::DeleteVersion { version } => {
                // Without a qualifier this call would delete the whole function.
                let request = client.delete_function().function_name(name).qualifier(version);
                self.send_silent(step, request.send()).await
            }
            WriteCall::DeleteLayerVersion { layer, version } => {
                let request = client.delete_layer_version().layer_name(layer).version_number(*version);
                self.send_silent(step, request.send()).await
            }
        }
    }

    async fn create_function(
        &self,
        settings: &[Setting],
        tags: &BTreeMap<String, Secret>,
        delivery: &Delivery,
        state: &DeployState<'_>,
    ) -> Result<Response, LambdaError> {
        let request = self.client.create_function().function_name(state.name.as_str());
        let request = request::create(request, settings);
        let request = request.set_tags((!tags.is_empty()).then(|| exposed(tags)));
        let code = request::create_code(FunctionCode::builder(), settings);
        let step = StepName::CreateFunction;
        let output = match delivery {
            Delivery::Call(archive) => {
                // Only a package in a bucket has a storage mode.
                let code = code.set_s3_object_storage_mode(None).zip_file(Blob::default());
                let request = request.code(code.build());
                let request = request.customize().config_override(self.upload_override());
                self.write_call(step, step.operation(), request.interceptor(self.upload(archive)).send())
                    .await?
            }
            Delivery::Upload(Object { bucket, key, version }, _)
            | Delivery::Object(Object { bucket, key, version }) => {
                let code = code.s3_bucket(bucket).s3_key(key).set_s3_object_version(version.clone());
                self.write_call(step, step.operation(), request.code(code.build()).send()).await?
            }
            Delivery::Image(uri) => {
                let request = request.package_type("Image".into()).code(code.image_uri(uri).build());
                self.write_call(step, step.operation(), request.send()).await?
            }
        };
        output.function_arn().ok_or_else(|| self.invalid_response(step.operation()))?;
        Ok((output.facts(), output.update_status()))
    }

    /// Sends UpdateFunctionCode. With `is_dry_run` it is a dry run: AWS only validates the request.
    pub(super) async fn update_function_code(
        &self,
        settings: &[Setting],
        delivery: &Delivery,
        state: &DeployState<'_>,
        is_dry_run: bool,
    ) -> Result<Response, LambdaError> {
        let request = self.client.update_function_code().function_name(state.name.as_str());
        let request = request::update_code(request, settings).set_revision_id(state.revision_id.clone());
        let request = request.set_dry_run(is_dry_run.then_some(true));
        let step = StepName::UpdateFunctionCode;
        let output = match delivery {
            Delivery::Call(archive) => {
                let request = request.set_s3_object_storage_mode(None).zip_file(Blob::default());
                let request = request.customize().config_override(self.upload_override());
                self.write_call(step, step.operation(), request.interceptor(self.upload(archive)).send())
                    .await?
            }
            Delivery::Upload(Object { bucket, key, version }, _)
            | Delivery::Object(Object { bucket, key, version }) => {
                let request = request.s3_bucket(bucket).s3_key(key).set_s3_object_version(version.clone());
                self.write_call(step, step.operation(), request.send()).await?
            }
            Delivery::Image(uri) => {
                self.write_call(step, step.operation(), request.image_uri(uri).send()).await?
            }
        };
        output.function_arn().ok_or_else(|| self.invalid_response(step.operation()))?;
        Ok((ResponseFacts { function_arn: None, ..output.facts() }, output.update_status()))
    }

    async fn publish_version(
        &self,
        description: Option<String>,
        to_latest: bool,
        state: &DeployState<'_>,
    ) -> Result<Response, LambdaError> {
        // With hash and revision, AWS refuses to publish a version of what another caller has deployed in
        // between.
        let request = self.client.publish_version().function_name(state.name.as_str());
        let request = request.set_revision_id(state.revision_id.clone()).set_description(description);
        let publish_to = to_latest.then_some(FunctionVersionLatestPublished::LatestPublished);
        let request = request.set_publish_to(publish_to).set_code_sha256(state.code_sha256.clone());
        let step = StepName::PublishVersion;
        let output = self.send(step, request.send(), |output| output.version().is_some()).await?;
        let facts = ResponseFacts {
            version: output.version().map(str::to_owned),
            code_and_settings: output.facts().code_and_settings,
            ..ResponseFacts::default()
        };
        let status = output.update_status().for_version(output.version().unwrap_or_default());
        Ok((facts, status))
    }

    /// Sends UpdateAlias: the alias gets version, weights and description.
    pub(super) async fn update_alias(
        &self,
        step: StepName,
        target: LiveAlias,
        description: Option<String>,
        state: &DeployState<'_>,
    ) -> Result<Response, LambdaError> {
        let LiveAlias { name, version, weights, .. } = target;
        let request = self.client.update_alias().function_name(state.name.as_str()).name(&name);
        let request = request.function_version(version).set_description(description);
        // Without a routing configuration AWS would keep the current weights.
        let request = request.routing_config(routing(&weights));
        let request = request.set_revision_id(state.alias_revisions.get(&name).cloned()).send();
        let output = self.send(step, request, |output| output.alias_arn().is_some()).await?;
        let alias = Some((name, output.revision_id().map(str::to_owned)));
        // While provisioned concurrency is still allocated on the old version, AWS returns a weight of 100 %
        // for it.
        let is_moving = shares(output.routing_config()).iter().any(|(_, percent)| *percent == 100);
        Ok((ResponseFacts { alias, is_moving, ..ResponseFacts::default() }, UpdateStatus::Settled))
    }

    /// Sends a request and checks that its response has a field that AWS always returns: a response without
    /// it comes from a proxy on the way.
    async fn send<T, E: OperationError>(
        &self,
        step: StepName,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        is_complete: fn(&T) -> bool,
    ) -> Result<T, LambdaError> {
        let output = self.write_call(step, step.operation(), request).await?;
        if is_complete(&output) { Ok(output) } else { Err(self.invalid_response(step.operation())) }
    }

    /// As [`Lambda::send`], for a request whose response has no facts, and after which the function is ready.
    async fn send_plain<T, E: OperationError>(
        &self,
        step: StepName,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        is_complete: fn(&T) -> bool,
    ) -> Result<Response, LambdaError> {
        self.send(step, request, is_complete).await?;
        Ok((ResponseFacts::default(), UpdateStatus::Settled))
    }

    /// As [`Lambda::send_plain`], for a request whose response has no required field.
    async fn send_silent<T, E: OperationError>(
        &self,
        step: StepName,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<Response, LambdaError> {
        self.write_call(step, step.operation(), request).await?;
        self.require_aws_request_id(step.operation())?;
        Ok((ResponseFacts::default(), UpdateStatus::Settled))
    }
}
