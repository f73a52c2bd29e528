//! Takes the place of `codedeploy.rs` in a program without the feature `codedeploy`. The validation refuses
//! the key `codedeploy` there, so no request is ever wanted; none is sent.

use super::client::Lambda;
use super::deployment::{FoundDeployment, NewDeployment};
use super::error::{CallError, CallErrorKind, LambdaError};
use crate::protocol::structures::CodeDeploy;

fn absent<T>(operation: &'static str) -> Result<T, LambdaError> {
    Err(LambdaError::Call(CallError::without(operation, CallErrorKind::Construction)))
}

impl Lambda {
    pub(super) async fn create_deployment(&self, _: &NewDeployment<'_>) -> Result<String, LambdaError> {
        absent("CreateDeployment")
    }

    pub(super) async fn deployment(&self, _: &str) -> Result<FoundDeployment, LambdaError> {
        absent("GetDeployment")
    }

    pub(super) async fn running_deployments(&self, _: &CodeDeploy) -> Result<Vec<String>, LambdaError> {
        absent("ListDeployments")
    }

    pub(super) async fn request_stop(&self, _: &str) -> Result<(), LambdaError> {
        absent("StopDeployment")
    }
}
