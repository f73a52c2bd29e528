//! Reads the scaling of a version on Lambda Managed Instances, and waits until AWS has applied it. It never
//! changes the scaling.

use aws_sdk_lambda::operation::get_function_scaling_config::GetFunctionScalingConfigOutput;
use aws_sdk_lambda::types::FunctionScalingConfig;

use super::client::{Lambda, found};
use super::error::LambdaError;
use super::poll_backoff::PollBackoff;
use super::read::{Configuration, UpdateStatus};
use super::versions::from_version;
use crate::protocol::name::FunctionName;
use crate::protocol::structures::Scaling;

/// Progress text while AWS applies the scaling of a version.
const SCALING: &str = "the scaling of the version";

impl Lambda {
    /// Reads the scaling that was requested last for a version. `None`: the version does not exist.
    pub(crate) async fn scaling(
        &self,
        name: &FunctionName,
        version: &str,
    ) -> Result<Option<Scaling>, LambdaError> {
        let Some(output) = self.scaling_config(name, version).await? else { return Ok(None) };
        // AWS returns the requested numbers only until it has applied them.
        let requested = output.requested_function_scaling_config();
        Ok(Some(scaling(requested.or(output.applied_function_scaling_config()))))
    }

    /// Waits until AWS has applied the scaling of a version, and until the version is active.
    ///
    /// # Errors
    /// [`LambdaError::VersionFailed`], [`LambdaError::Outdated`] if the version does not exist any more,
    /// [`LambdaError::WaitedTooLong`], and those of every call.
    pub(super) async fn wait_for_scaling(
        &self,
        name: &FunctionName,
        version: &str,
    ) -> Result<(), LambdaError> {
        let poll_once = async || self.scaled_status(name, version).await;
        let mut backoff = PollBackoff::new(self.wait_limit);
        let mut status = poll_once().await?;
        while status.is_in_progress() {
            status = self.poll(&mut backoff, SCALING, &poll_once).await?;
        }
        from_version(version, status)
    }

    /// State of a version whose scaling has been requested. `Creating`: AWS has not applied it.
    async fn scaled_status(&self, name: &FunctionName, version: &str) -> Result<UpdateStatus, LambdaError> {
        let gone = || LambdaError::Outdated(None);
        let config = self.scaling_config(name, version).await?.ok_or_else(gone)?;
        if !is_applied(&config) {
            return Ok(UpdateStatus::Creating);
        }
        let call = self.client.get_function().function_name(name.as_str()).qualifier(version).send();
        let output = found(self.read_call("GetFunction", call).await)?.ok_or_else(gone)?;
        let configuration = output.configuration().ok_or_else(|| self.invalid_response("GetFunction"))?;
        Ok(configuration.update_status().for_version(version))
    }

    async fn scaling_config(
        &self,
        name: &FunctionName,
        version: &str,
    ) -> Result<Option<GetFunctionScalingConfigOutput>, LambdaError> {
        let operation = "GetFunctionScalingConfig";
        let call = self.client.get_function_scaling_config().function_name(name.as_str()).qualifier(version);
        let Some(output) = found(self.read_call(operation, call.send()).await)? else { return Ok(None) };
        if output.function_arn().is_none() {
            return Err(self.invalid_response(operation));
        }
        Ok(Some(output))
    }
}

/// True if AWS has applied what was requested. A number that was not requested may have any value.
fn is_applied(output: &GetFunctionScalingConfigOutput) -> bool {
    let Some(requested) = output.requested_function_scaling_config() else { return true };
    let (requested, applied) = (scaling(Some(requested)), scaling(output.applied_function_scaling_config()));
    requested.or(applied) == applied
}

fn scaling(config: Option<&FunctionScalingConfig>) -> Scaling {
    Scaling {
        min_execution_environments: config.and_then(FunctionScalingConfig::min_execution_environments),
        max_execution_environments: config.and_then(FunctionScalingConfig::max_execution_environments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(min: i32) -> FunctionScalingConfig {
        FunctionScalingConfig::builder().min_execution_environments(min).build()
    }

    #[test]
    fn scaling_is_applied_when_aws_has_what_was_requested() {
        for (requested, applied, is_it) in [
            (None, None, true),
            (None, Some(config(3)), true),
            (Some(config(3)), Some(config(1)), false),
            (Some(config(3)), None, false),
            (Some(config(3)), Some(config(3)), true),
            (Some(FunctionScalingConfig::builder().build()), Some(config(3)), true),
        ] {
            let output = GetFunctionScalingConfigOutput::builder()
                .set_requested_function_scaling_config(requested.clone())
                .set_applied_function_scaling_config(applied.clone())
                .build();
            assert_eq!(is_applied(&output), is_it, "{requested:?} {applied:?}");
        }
    }
}
