//! Sends the one Lambda request of a step and returns the function's state after it.
//! It never waits and never retries: both are the caller's job.

use aws_sdk_lambda::operation::add_permission::AddPermissionOutput;
use aws_sdk_lambda::operation::put_function_code_signing_config::PutFunctionCodeSigningConfigOutput;
use aws_sdk_lambda::operation::put_function_concurrency::PutFunctionConcurrencyOutput;
use aws_sdk_lambda::operation::put_provisioned_concurrency_config::PutProvisionedConcurrencyConfigOutput;
use aws_sdk_lambda::operation::update_function_url_config::UpdateFunctionUrlConfigOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, FunctionConfiguration, FunctionVersionLatestPublished};

use super::alias::{routing, shares};
use super::client::Lambda;
use super::deploy_state::{DeployState, ResponseFacts, archive};
use super::error::LambdaError;
use super::read::UpdateStatus;
use super::{read, request};
use crate::code_source::{Delivery, Object};
use crate::function::AliasHistory;
use crate::plan::Action;
use crate::protocol::secret::Secret;

/// Builds a `FunctionConfiguration` from a response that has the same members as separate fields.
macro_rules! configuration {
    ($output:expr) => {
        configuration!($output =>
            function_name set_function_name, function_arn set_function_arn, version set_version, role set_role,
            runtime set_runtime, handler set_handler, description set_description, timeout set_timeout,
            memory_size set_memory_size, ephemeral_storage set_ephemeral_storage, vpc_config set_vpc_config,
            dead_letter_config set_dead_letter_config, kms_key_arn set_kms_key_arn, tracing_config set_tracing_config,
            layers set_layers, file_system_configs set_file_system_configs, snap_start set_snap_start,
            logging_config set_logging_config, image_config_response set_image_config_response,
            architectures set_architectures, environment set_environment, code_sha256 set_code_sha256,
            revision_id set_revision_id, state set_state, state_reason set_state_reason,
            state_reason_code set_state_reason_code, last_update_status set_last_update_status,
            last_update_status_reason set_last_update_status_reason,
            last_update_status_reason_code set_last_update_status_reason_code,
        )
    };
    ($output:expr => $($member:ident $set:ident,)*) => {
        FunctionConfiguration::builder()$(.$set($output.$member.clone()))*.build()
    };
}

/// Extracts the facts about the function from a response.
fn response_facts(configuration: &FunctionConfiguration) -> ResponseFacts {
    ResponseFacts {
        function_arn: configuration.function_arn().map(str::to_owned),
        code_sha256: configuration.code_sha256().map(str::to_owned),
        revision_id: configuration.revision_id().map(str::to_owned),
        code_and_settings: read::code_and_settings(configuration),
        ..ResponseFacts::default()
    }
}

impl Lambda {
    pub(super) async fn call(
        &self,
        action: &Action,
        state: &DeployState<'_>,
    ) -> Result<(ResponseFacts, UpdateStatus), LambdaError> {
        let (name, step) = (state.name.as_str(), action.name());
        // A call whose response must have a certain field, and after which the function is ready.
        macro_rules! plain {
            ($operation:literal, $call:expr, $holds:expr) => {{
                let output = self.write_call(step, $operation, $call).await?;
                let holds: fn(&_) -> bool = $holds;
                if !holds(&output) {
                    return Err(self.invalid_response($operation));
                }
                (ResponseFacts::default(), UpdateStatus::Settled)
            }};
        }
        // A call whose response has no required field.
        macro_rules! silent {
            ($operation:literal, $call:expr) => {{
                self.write_call(step, $operation, $call).await?;
                if !self.attempts.stats().is_from_aws {
                    return Err(self.invalid_response($operation));
                }
                (ResponseFacts::default(), UpdateStatus::Settled)
            }};
        }
        Ok(match action {
            Action::CreateFunction { .. } => self.create_function(action, state).await?,
            Action::UpdateFunctionCode { .. } => self.update_function_code(action, state, false).await?,
            Action::UploadPackage { .. } => unreachable!("it is a request to S3, not to Lambda"),
            Action::UpdateFunctionConfiguration { settings } => {
                let request = self.client.update_function_configuration().function_name(name);
                let call =
                    request::update(request, settings).set_revision_id(state.revision_id.clone()).send();
                let output = self.write_call(step, "UpdateFunctionConfiguration", call).await?;
                output.function_arn().ok_or_else(|| self.invalid_response("UpdateFunctionConfiguration"))?;
                let configuration = configuration!(output);
                (
                    ResponseFacts { function_arn: None, ..response_facts(&configuration) },
                    UpdateStatus::from_configuration(&configuration),
                )
            }
            Action::TagResource { tags } => {
                let call =
                    self.client.tag_resource().resource(&state.arn).set_tags(Some(exposed(tags))).send();
                silent!("TagResource", call)
            }
            Action::UntagResource { names } => {
                let call = self
                    .client
                    .untag_resource()
                    .resource(&state.arn)
                    .set_tag_keys(Some(names.clone()))
                    .send();
                silent!("UntagResource", call)
            }
            Action::PutFunctionCodeSigningConfig { arn } => {
                let call = self.client.put_function_code_signing_config().function_name(name);
                let call = call.code_signing_config_arn(arn).send();
                plain!("PutFunctionCodeSigningConfig", call, |output: &PutFunctionCodeSigningConfigOutput| {
                    !output.code_signing_config_arn().is_empty()
                })
            }
            Action::DeleteFunctionCodeSigningConfig => {
                let call = self.client.delete_function_code_signing_config().function_name(name).send();
                silent!("DeleteFunctionCodeSigningConfig", call)
            }
            Action::PutFunctionConcurrency { executions } => {
                let call = self.client.put_function_concurrency().function_name(name);
                let call = call.reserved_concurrent_executions(*executions).send();
                plain!("PutFunctionConcurrency", call, |output: &PutFunctionConcurrencyOutput| {
                    output.reserved_concurrent_executions().is_some()
                })
            }
            Action::DeleteFunctionConcurrency => {
                silent!(
                    "DeleteFunctionConcurrency",
                    self.client.delete_function_concurrency().function_name(name).send()
                )
            }
            Action::CreateFunctionUrlConfig { config, alias } => {
                let call =
                    self.client.create_function_url_config().function_name(name).set_qualifier(alias.clone());
                let call = call.set_auth_type(config.auth_type.as_deref().map(Into::into));
                let call = call.set_invoke_mode(config.invoke_mode.as_deref().map(Into::into));
                let call = call.set_cors(config.cors.as_ref().map(request::cors)).send();
                let output = self.write_call(step, "CreateFunctionUrlConfig", call).await?;
                let function_url = Some(output.function_url().to_owned()).filter(|url| !url.is_empty());
                let function_url =
                    Some(function_url.ok_or_else(|| self.invalid_response("CreateFunctionUrlConfig"))?);
                (ResponseFacts { function_url, ..ResponseFacts::default() }, UpdateStatus::Settled)
            }
            Action::UpdateFunctionUrlConfig { config, alias } => {
                let call =
                    self.client.update_function_url_config().function_name(name).set_qualifier(alias.clone());
                let call = call.set_auth_type(config.auth_type.as_deref().map(Into::into));
                let call = call.set_invoke_mode(config.invoke_mode.as_deref().map(Into::into));
                let call = call.set_cors(config.cors.as_ref().map(request::cors)).send();
                plain!("UpdateFunctionUrlConfig", call, |output: &UpdateFunctionUrlConfigOutput| {
                    !output.function_url().is_empty()
                })
            }
            Action::DeleteFunctionUrlConfig { alias } => {
                let call =
                    self.client.delete_function_url_config().function_name(name).set_qualifier(alias.clone());
                silent!("DeleteFunctionUrlConfig", call.send())
            }
            Action::AddPermission { permission, alias } => {
                use crate::function::Permission;
                let call = self
                    .client
                    .add_permission()
                    .function_name(name)
                    .set_qualifier(alias.clone())
                    .principal("*");
                let call = call.statement_id(permission.statement_id()).action(permission.action());
                let call = match permission {
                    Permission::InvokeFunctionUrl => call.function_url_auth_type("NONE".into()),
                    Permission::InvokeFunction => call.invoked_via_function_url(true),
                };
                plain!("AddPermission", call.send(), |output: &AddPermissionOutput| output
                    .statement()
                    .is_some())
            }
            Action::RemovePermission { permission, alias } => {
                let call = self.client.remove_permission().function_name(name).set_qualifier(alias.clone());
                silent!("RemovePermission", call.statement_id(permission.statement_id()).send())
            }
            Action::PublishVersion { description, to_latest } => {
                // With hash and revision, AWS refuses to publish a version of what another caller has
                // deployed in between.
                let request = self.client.publish_version().function_name(name);
                let request =
                    request.set_revision_id(state.revision_id.clone()).set_description(description.clone());
                let publish_to = to_latest.then_some(FunctionVersionLatestPublished::LatestPublished);
                let request = request.set_publish_to(publish_to);
                let call = request.set_code_sha256(state.code_sha256.clone()).send();
                let output = self.write_call(step, "PublishVersion", call).await?;
                let version =
                    output.version().ok_or_else(|| self.invalid_response("PublishVersion"))?.to_owned();
                let configuration = configuration!(output);
                let status = UpdateStatus::from_configuration(&configuration).for_version();
                (
                    ResponseFacts {
                        version: Some(version),
                        code_and_settings: read::code_and_settings(&configuration),
                        ..ResponseFacts::default()
                    },
                    status,
                )
            }
            Action::CreateAlias { alias } => {
                let call = self
                    .client
                    .create_alias()
                    .function_name(name)
                    .name(alias)
                    .function_version(state.version());
                let call = call.set_description(AliasHistory::new().to_description(state.version())).send();
                let output = self.write_call(step, "CreateAlias", call).await?;
                output.alias_arn().ok_or_else(|| self.invalid_response("CreateAlias"))?;
                let alias = Some((alias.clone(), output.revision_id().map(str::to_owned)));
                (ResponseFacts { alias, ..ResponseFacts::default() }, UpdateStatus::Settled)
            }
            Action::UpdateAlias { .. } | Action::ShiftTraffic { .. } => {
                let target = state.alias_target(action).expect("both actions name an alias");
                let (alias, version) = (target.name, target.version);
                let description = match action {
                    Action::UpdateAlias { history: Some(history), .. } => history.to_description(&version),
                    Action::ShiftTraffic { history, .. } => {
                        history.with_shift(&version, Some(state.version())).to_description(&version)
                    }
                    _ => None,
                };
                let call =
                    self.client.update_alias().function_name(name).name(&alias).function_version(version);
                let call = call.set_description(description);
                // Without a routing configuration AWS would keep the current weights.
                let call = call.routing_config(routing(&target.weights));
                let call = call.set_revision_id(state.alias_revisions.get(&alias).cloned()).send();
                let output = self.write_call(step, "UpdateAlias", call).await?;
                output.alias_arn().ok_or_else(|| self.invalid_response("UpdateAlias"))?;
                let alias = Some((alias, output.revision_id().map(str::to_owned)));
                // While provisioned concurrency is still allocated on the old version, AWS returns a weight
                // of 100 % for it.
                let is_moving = shares(output.routing_config()).iter().any(|(_, percent)| *percent == 100);
                (ResponseFacts { alias, is_moving, ..ResponseFacts::default() }, UpdateStatus::Settled)
            }
            Action::PutProvisionedConcurrencyConfig { alias, executions } => {
                let call =
                    self.client.put_provisioned_concurrency_config().function_name(name).qualifier(alias);
                let call = call.provisioned_concurrent_executions(*executions).send();
                plain!(
                    "PutProvisionedConcurrencyConfig",
                    call,
                    |output: &PutProvisionedConcurrencyConfigOutput| { output.status().is_some() }
                )
            }
            Action::DeleteProvisionedConcurrencyConfig { alias } => {
                let call =
                    self.client.delete_provisioned_concurrency_config().function_name(name).qualifier(alias);
                silent!("DeleteProvisionedConcurrencyConfig", call.send())
            }
            Action::DeleteVersion { version } => {
                // Without a qualifier this call would delete the whole function.
                let call = self.client.delete_function().function_name(name).qualifier(version).send();
                silent!("DeleteFunction", call)
            }
            Action::Verify | Action::Wait { .. } | Action::WaitForProvisioned { .. } => {
                unreachable!("these steps send no write request")
            }
        })
    }

    async fn create_function(
        &self,
        action: &Action,
        state: &DeployState<'_>,
    ) -> Result<(ResponseFacts, UpdateStatus), LambdaError> {
        let Action::CreateFunction { settings, tags, delivery } = action else {
            unreachable!("only for this action")
        };
        let code = FunctionCode::builder().set_source_kms_key_arn(request::source_kms_key_arn(settings));
        let code = match delivery {
            Delivery::Call => code.zip_file(Blob::default()),
            Delivery::Upload(Object { bucket, key, version })
            | Delivery::Object(Object { bucket, key, version }) => {
                code.s3_bucket(bucket).s3_key(key).set_s3_object_version(version.clone())
            }
            Delivery::Image(uri) => code.image_uri(uri),
            Delivery::LiveImage => unreachable!("a new function has no live image"),
        };
        let request =
            request::create(self.client.create_function(), settings).function_name(state.name.as_str());
        let request = match delivery {
            Delivery::Image(_) => request.package_type("Image".into()),
            Delivery::Call | Delivery::Upload(_) | Delivery::Object(_) | Delivery::LiveImage => request,
        };
        let request = request.code(code.build()).set_tags((!tags.is_empty()).then(|| exposed(tags)));
        let output = if *delivery == Delivery::Call {
            let call = request.customize().config_override(self.upload_override());
            let call = call.interceptor(self.upload(archive(state))).send();
            self.write_call(action.name(), "CreateFunction", call).await?
        } else {
            self.write_call(action.name(), "CreateFunction", request.send()).await?
        };
        output.function_arn().ok_or_else(|| self.invalid_response("CreateFunction"))?;
        let configuration = configuration!(output);
        Ok((response_facts(&configuration), UpdateStatus::from_configuration(&configuration)))
    }

    /// Sends UpdateFunctionCode. With `is_dry_run` it is a dry run: AWS only validates the request.
    pub(super) async fn update_function_code(
        &self,
        action: &Action,
        state: &DeployState<'_>,
        is_dry_run: bool,
    ) -> Result<(ResponseFacts, UpdateStatus), LambdaError> {
        let Action::UpdateFunctionCode { settings, delivery } = action else {
            unreachable!("only for this action")
        };
        let request = self.client.update_function_code().function_name(state.name.as_str());
        let request = request::update_code(request, settings).set_revision_id(state.revision_id.clone());
        let request = request.set_dry_run(is_dry_run.then_some(true));
        let output = match delivery {
            Delivery::Call => {
                let call =
                    request.zip_file(Blob::default()).customize().config_override(self.upload_override());
                let call = call.interceptor(self.upload(archive(state))).send();
                self.write_call(action.name(), "UpdateFunctionCode", call).await?
            }
            Delivery::Upload(Object { bucket, key, version })
            | Delivery::Object(Object { bucket, key, version }) => {
                let request = request.s3_bucket(bucket).s3_key(key).set_s3_object_version(version.clone());
                self.write_call(action.name(), "UpdateFunctionCode", request.send()).await?
            }
            Delivery::Image(uri) => {
                self.write_call(action.name(), "UpdateFunctionCode", request.image_uri(uri).send()).await?
            }
            Delivery::LiveImage => unreachable!("the live image is not deployed again"),
        };
        output.function_arn().ok_or_else(|| self.invalid_response("UpdateFunctionCode"))?;
        let configuration = configuration!(output);
        let facts = ResponseFacts { function_arn: None, ..response_facts(&configuration) };
        Ok((facts, UpdateStatus::from_configuration(&configuration)))
    }
}

fn exposed(tags: &std::collections::BTreeMap<String, Secret>) -> std::collections::HashMap<String, String> {
    tags.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
