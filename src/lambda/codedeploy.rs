//! Sends the requests to CodeDeploy. It never waits and never decides which request to send.

use aws_sdk_codedeploy::Config;
use aws_sdk_codedeploy::types::{
    AppSpecContent, DeploymentInfo, DeploymentStatus, RevisionLocation, RevisionLocationType,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use super::client::Lambda;
use super::deployment::{FoundDeployment, NewDeployment, described_move};
use super::error::{CallError, CallErrorKind, LambdaError, MissingResource, StateReason};
use super::versions::Pages;
use crate::function::LiveDeployment;
use crate::protocol::event::{CodeDeployDeployment, StepName};
use crate::protocol::structures::CodeDeploy;

impl Lambda {
    fn codedeploy(&self, operation: &'static str) -> Result<&aws_sdk_codedeploy::Client, LambdaError> {
        let absent = || LambdaError::Call(CallError::without(operation, CallErrorKind::Construction));
        self.codedeploy.as_ref().ok_or_else(absent)
    }

    /// Creates a deployment, and returns its id. Is not repeated after a lost response.
    pub(super) async fn create_deployment(&self, new: &NewDeployment<'_>) -> Result<String, LambdaError> {
        let step = StepName::CreateDeployment;
        let content = AppSpecContent::builder().content(&new.app_spec.content).sha256(&new.app_spec.sha256);
        let revision = RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(content.build())
            .build();
        let call = self
            .codedeploy(step.operation())?
            .create_deployment()
            .application_name(&new.codedeploy.application)
            .deployment_group_name(&new.codedeploy.deployment_group)
            .set_deployment_config_name(new.codedeploy.config.clone())
            .revision(revision)
            .description(&new.description)
            .customize()
            .config_override(Config::builder().retry_classifier(LostResponse));
        let output = self.write_call(step, step.operation(), call.send()).await;
        let output = output.map_err(|error| missing(error, new.codedeploy))?;
        let id = output.deployment_id().ok_or_else(|| self.invalid_response(step.operation()))?;
        Ok(id.to_owned())
    }

    pub(super) async fn deployment(&self, id: &str) -> Result<FoundDeployment, LambdaError> {
        const OPERATION: &str = "GetDeployment";
        let call = self.codedeploy(OPERATION)?.get_deployment().deployment_id(id).send();
        let output = self.read_call(OPERATION, call).await?;
        let found = output.deployment_info().and_then(|info| found(id, info));
        found.ok_or_else(|| self.invalid_response(OPERATION))
    }

    /// The ids of the deployments in a group that have not ended.
    pub(super) async fn running_deployments(
        &self,
        codedeploy: &CodeDeploy,
    ) -> Result<Vec<String>, LambdaError> {
        const OPERATION: &str = "ListDeployments";
        let (mut ids, mut pages) = (Vec::new(), Pages::default());
        while !pages.are_read {
            let call = self
                .codedeploy(OPERATION)?
                .list_deployments()
                .application_name(&codedeploy.application)
                .deployment_group_name(&codedeploy.deployment_group)
                .include_only_statuses(DeploymentStatus::Created)
                .include_only_statuses(DeploymentStatus::Queued)
                .include_only_statuses(DeploymentStatus::InProgress)
                .include_only_statuses(DeploymentStatus::Baking)
                .include_only_statuses(DeploymentStatus::Ready)
                .set_next_token(pages.marker());
            let output = self.read_call(OPERATION, call.send()).await;
            let output = output.map_err(|error| missing(error, codedeploy))?;
            self.require_aws_request_id(OPERATION)?;
            ids.extend(output.deployments().iter().cloned());
            self.next_page(OPERATION, &mut pages, output.next_token())?;
        }
        Ok(ids)
    }

    /// Asks CodeDeploy to stop a deployment and to send all traffic back. Does nothing if it has ended.
    pub(super) async fn request_stop(&self, id: &str) -> Result<(), LambdaError> {
        let step = StepName::StopDeployment;
        let call = self.codedeploy(step.operation())?.stop_deployment().deployment_id(id);
        let call = call.auto_rollback_enabled(true).send();
        let output = match self.write_call(step, step.operation(), call).await {
            Err(LambdaError::Call(error)) if error.code() == "DeploymentAlreadyCompletedException" => {
                return Ok(());
            }
            answer => answer?,
        };
        output.status().map(drop).ok_or_else(|| self.invalid_response(step.operation()))
    }
}

fn found(id: &str, info: &DeploymentInfo) -> Option<FoundDeployment> {
    let spec = info.revision().and_then(|revision| revision.app_spec_content());
    let (error, rollback) = (info.error_information(), info.rollback_info());
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Some(FoundDeployment {
        live: LiveDeployment {
            deployment: CodeDeployDeployment {
                deployment_id: id.to_owned(),
                status: info.status()?.as_str().to_owned(),
            },
            app_spec_sha256: spec.and_then(|spec| text(spec.sha256())),
            moves: info.description().and_then(described_move).map(str::to_owned),
        },
        reason: StateReason {
            code: error.and_then(|error| text(error.code().map(|code| code.as_str()))),
            reason: error.and_then(|error| text(error.message())),
        },
        rollback_id: rollback.and_then(|rollback| text(rollback.rollback_deployment_id())),
        rollback_message: rollback.and_then(|rollback| text(rollback.rollback_message())),
    })
}

/// Forbids the SDK to repeat a request whose response was lost: a second deployment is created only after a
/// look for the first one.
#[derive(Debug)]
struct LostResponse;

impl ClassifyRetry for LostResponse {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let status = context.response().map(|response| response.status().as_u16());
        let has_failed = context.output_or_error().is_some_and(|answer| answer.is_err());
        if has_failed && status.is_none_or(|status| status >= 500) {
            return RetryAction::RetryForbidden;
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "LostResponse"
    }
}

/// The error for an application, a deployment group or a deployment configuration that does not exist. Other
/// errors stay as they are.
fn missing(error: LambdaError, codedeploy: &CodeDeploy) -> LambdaError {
    let LambdaError::Call(error) = error else { return error };
    let resource = match error.code() {
        "ApplicationDoesNotExistException" => MissingResource::Application,
        "DeploymentGroupDoesNotExistException" => MissingResource::DeploymentGroup,
        "DeploymentConfigDoesNotExistException" => MissingResource::DeploymentConfig,
        _ => return LambdaError::Call(error),
    };
    LambdaError::NotInCodeDeploy { resource, codedeploy: Box::new(codedeploy.clone()) }
}
