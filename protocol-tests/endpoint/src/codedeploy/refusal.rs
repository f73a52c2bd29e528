//! Maps each error of CodeDeploy to AWS's error code and message. No other file may contain an error message
//! of CodeDeploy.
//!
//! The codes are from the model. A message without a comment is known from users' reports.

/// The reason why CodeDeploy rejects a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CodeDeployRefusal {
    /// A member is missing. `code` names it.
    Missing {
        code: &'static str,
        what: &'static str,
    },
    NoApplication {
        name: String,
    },
    NoGroup {
        name: String,
    },
    NoConfig {
        name: String,
    },
    /// The revision is not an AppSpec that CodeDeploy accepts.
    InvalidRevision {
        reason: String,
    },
    Active {
        group: String,
        id: String,
    },
    NoDeployment {
        id: String,
    },
    Completed {
        id: String,
    },
    InvalidStatus,
    InvalidNextToken,
}

impl CodeDeployRefusal {
    /// Returns the error code and the message.
    #[rustfmt::skip] // a table: one cause, one line
    pub(crate) fn wire(&self) -> (&'static str, String) {
        match self {
            CodeDeployRefusal::Missing { code, what } => (*code, format!("{what} is required")), // a guess
            CodeDeployRefusal::NoApplication { name } => ("ApplicationDoesNotExistException", format!("No application found for name: {name}")),
            CodeDeployRefusal::NoGroup { name } => ("DeploymentGroupDoesNotExistException", format!("No Deployment Group found for name: {name}")),
            CodeDeployRefusal::NoConfig { name } => ("DeploymentConfigDoesNotExistException", format!("No Deployment Configuration found for name: {name}")), // a guess
            CodeDeployRefusal::InvalidRevision { reason } => ("InvalidRevisionException", reason.clone()), // the reasons are guesses
            CodeDeployRefusal::Active { group, id } => ("DeploymentLimitExceededException", format!("The Deployment Group '{group}' already has an active Deployment '{id}'")),
            CodeDeployRefusal::NoDeployment { id } => ("DeploymentDoesNotExistException", format!("The deployment {id} could not be found")), // a guess
            CodeDeployRefusal::Completed { id } => ("DeploymentAlreadyCompletedException", format!("Deployment {id} is already completed")), // a guess
            CodeDeployRefusal::InvalidStatus => ("InvalidDeploymentStatusException", "The specified deployment status doesn't exist or cannot be determined.".to_owned()), // from the model
            CodeDeployRefusal::InvalidNextToken => ("InvalidNextTokenException", "The next token was specified in an invalid format.".to_owned()), // from the model
        }
    }
}

/// The code and the message of a deployment that a client has stopped (a guess; the code is from the model).
pub(crate) const STOPPED: (&str, &str) = ("MANUAL_STOP", "The deployment was stopped by a user.");

/// The code and the message of a deployment whose function, version or alias does not exist.
pub(crate) fn no_function(function: &str) -> (&'static str, String) {
    let message = format!(
        "The deployment failed because either the target Lambda function {function} does not exist or the specified function version or alias cannot be found."
    );
    ("INVALID_LAMBDA_FUNCTION", message)
}

/// The code and the message of a deployment whose alias points at another version than `CurrentVersion`, or
/// shares its traffic (a guess).
pub(crate) fn other_version(alias: &str) -> (&'static str, String) {
    let message =
        format!("The deployment failed because the alias {alias} does not point at the current version.");
    ("INVALID_LAMBDA_CONFIGURATION", message)
}

/// The code and the message of a deployment whose hook function reported a failure (a guess; the code is from
/// the model).
pub(crate) fn hook_failed(event: &str, hook: &str) -> (&'static str, String) {
    let message = format!(
        "The deployment failed because the function {hook} of the lifecycle event {event} reported a failure."
    );
    ("HOOK_EXECUTION_FAILURE", message)
}

/// The code and the message of a deployment that an alarm has stopped.
pub(crate) fn alarm_active(alarm: &str) -> (&'static str, String) {
    let message = format!(
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <{alarm}>"
    );
    ("ALARM_ACTIVE", message)
}

/// The message of a deployment about the one that rolls it back.
pub(crate) fn rolled_back(id: &str, by: &str) -> String {
    format!("Deployment {id} terminated. Automatic rollback is triggered with a DeploymentId {by}.")
}
