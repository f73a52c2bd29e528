//! What the SDK says of a call that failed in, the facts that a sentence and a code can be made of out.
//! Never redacts and never judges: that is `failure`'s business.

use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::credentials::CredentialsError;
use super::observer::Refusal;
use crate::code::Object;
use crate::protocol::event::StepName;
use crate::stop::Reason;

/// Why AWS's part did not go well.
#[derive(Debug)]
pub enum LambdaError {
    /// Nobody can act.
    Credentials(CredentialsError),
    /// `AWS_REGION` or another source names no region.
    BadRegion {
        /// Where it stands.
        origin: &'static str,
        /// What it is.
        region: String,
        /// What would be right.
        right: String,
    },
    /// A variable that names an endpoint of one's own holds no address.
    BadEndpoint {
        /// The variable.
        variable: &'static str,
        /// What it is.
        url: String,
    },
    /// `AWS_CA_BUNDLE` names a file that holds no certificates.
    BadCaBundle {
        /// The file.
        path: String,
        /// Why it cannot be read. `None`: it can.
        source: Option<std::io::Error>,
    },
    /// A call failed, after the SDK's own retries.
    Call(CallError),
    /// A call was refused because the function is not the one that it was meant for: somebody has changed it, or an
    /// earlier request of ours has, whose answer was lost. `None`: no call was refused, but a look at the function told it.
    Outdated(Option<CallError>),
    /// The role could not be assumed for half a minute.
    RoleNotReady(CallError),
    /// The new function could not be made ready.
    CreationFailed(Trouble),
    /// A version could not be made ready.
    VersionFailed {
        /// Its number.
        version: String,
        /// Why.
        trouble: Trouble,
    },
    /// The function was switched off.
    Deactivated,
    /// An update could not be carried out.
    UpdateFailed(Trouble),
    /// Provisioned concurrency could not be made ready.
    ProvisioningFailed(Trouble),
    /// A function that was invoked did not answer in time.
    NoAnswer(Duration),
    /// Something did not end in time.
    WaitedTooLong {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The object that holds the code does not exist.
    NoObject {
        /// Which one.
        object: Object,
    },
    /// The archive cannot be read again.
    Archive(std::io::Error),
    /// The function is not there any more.
    Gone,
    /// The run is to end, and `in_flight` may or may not have taken effect.
    Stopped {
        /// Why.
        reason: Reason,
        /// The step whose call had not been answered.
        in_flight: Option<StepName>,
    },
}

impl LambdaError {
    /// True when nobody knows whether the call that failed was carried out.
    pub(super) fn leaves_in_doubt(&self) -> bool {
        match self {
            LambdaError::Stopped { in_flight, .. } => in_flight.is_some(),
            LambdaError::Call(error) => !matches!(error.kind, CallErrorKind::Refused | CallErrorKind::Unmade),
            _ => false,
        }
    }
}

impl From<CredentialsError> for LambdaError {
    fn from(error: CredentialsError) -> Self {
        LambdaError::Credentials(error)
    }
}

/// AWS's own word on why a function is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// `StateReasonCode` or `LastUpdateStatusReasonCode`.
    pub code: Option<String>,
    /// `StateReason` or `LastUpdateStatusReason`.
    pub reason: Option<String>,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub struct CallError {
    /// The operation, as AWS names it.
    pub operation: &'static str,
    /// How it failed.
    pub kind: CallErrorKind,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's words.
    pub message: Option<String>,
    /// Status of the HTTP answer.
    pub http_status: Option<u16>,
    /// AWS's id of the call.
    pub request_id: Option<String>,
    /// ARN of what the call is about, where it is known and AWS may not tell it.
    pub resource: Option<String>,
    /// The region that the bucket is in, where S3 tells that it is not this one.
    pub bucket_region: Option<String>,
    /// The causes, nearest first.
    pub causes: Vec<String>,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// AWS answered with an error.
    Refused,
    /// The answer cannot be understood.
    Garbled,
    /// There was no answer in time.
    Silent,
    /// AWS cannot be reached, or the connection broke.
    Unreachable,
    /// The request could not be made.
    Unmade,
}

impl CallError {
    /// Takes apart what the SDK says.
    pub(super) fn of<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let kind = match &error {
            SdkError::ConstructionFailure(_) => CallErrorKind::Unmade,
            SdkError::TimeoutError(_) => CallErrorKind::Silent,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => CallErrorKind::Silent,
            SdkError::DispatchFailure(failure) if failure.is_user() => CallErrorKind::Unmade,
            SdkError::DispatchFailure(_) => CallErrorKind::Unreachable,
            SdkError::ServiceError(service) if service.err().code().is_none() => CallErrorKind::Garbled,
            SdkError::ServiceError(_) => CallErrorKind::Refused,
            _ => CallErrorKind::Garbled,
        };
        let raw = error.raw_response();
        CallError {
            operation,
            kind,
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            http_status: raw.map(|response| response.status().as_u16()),
            request_id: error.request_id().map(str::to_owned),
            resource: None,
            bucket_region: raw.and_then(|raw| raw.headers().get("x-amz-bucket-region")).map(str::to_owned),
            causes: causes(&error),
        }
    }

    /// A call that was given up while AWS refused it.
    pub(super) fn refused(operation: &'static str, refusal: Refusal) -> Self {
        let Refusal { http_status, code, message, request_id } = refusal;
        let kind = if code.is_some() { CallErrorKind::Refused } else { CallErrorKind::Garbled };
        CallError { code, message, http_status: Some(http_status), request_id, ..CallError::without(operation, kind) }
    }

    /// A call that has no answer that could be told.
    pub(super) fn without(operation: &'static str, kind: CallErrorKind) -> Self {
        CallError {
            operation,
            kind,
            code: None,
            message: None,
            http_status: None,
            request_id: None,
            resource: None,
            bucket_region: None,
            causes: Vec::new(),
        }
    }

    /// AWS's error code, or nothing.
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    /// AWS's words, or nothing.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// True for the 409 of a function that is being updated, created or deleted: it passes by waiting. `Failed` does not.
    pub(super) fn is_busy(&self) -> bool {
        let words = self.message().to_lowercase();
        let state =
            words.split_once("currently in the following state: ").map(|(_, rest)| rest.trim_start_matches('\''));
        self.code() == "ResourceConflictException"
            && (words.contains("update is in progress")
                || words.contains("concurrent update operation")
                || state.is_some_and(|state| !state.starts_with("failed")))
    }

    /// True for an alias that still shows weights: AWS takes them away a moment after its provisioned concurrency is ready.
    pub(super) fn is_of_weights(&self) -> bool {
        self.operation == "PutProvisionedConcurrencyConfig"
            && self.message().to_lowercase().contains("alias with weights")
    }

    /// True for a 429 or 5xx: AWS may take the same call a little later.
    pub(super) fn is_passing(&self) -> bool {
        let has_answered = matches!(self.kind, CallErrorKind::Refused | CallErrorKind::Garbled);
        has_answered && self.http_status.is_some_and(is_passing)
    }

    /// True for a function that was idle, and that its call has begun to wake: it passes by waiting.
    pub(super) fn is_waking(&self) -> bool {
        let codes = ["CodeArtifactUserPendingException", "SnapStartNotReadyException", "ResourceNotReadyException"];
        self.operation == "Invoke" && (codes.contains(&self.code()) || self.is_busy())
    }

    /// True for a role that IAM has not yet told Lambda about: it passes within seconds after the role's creation.
    pub(super) fn is_role_not_ready(&self) -> bool {
        self.code() == "InvalidParameterValueException" && self.message().contains("cannot be assumed by Lambda")
    }

    /// True when the live function is not the one that the call was meant for: another revision, other code under the
    /// version to be published, or something that is there although it was to be made.
    pub(super) fn is_outdated(&self) -> bool {
        match self.code() {
            "PreconditionFailedException" => true,
            "ResourceConflictException" => self.message().contains("exist"),
            "InvalidParameterValueException" => {
                self.operation == "PublishVersion" && self.message().to_lowercase().contains("codesha256")
            }
            _ => false,
        }
    }

    /// True when there was no answer in time.
    pub(super) fn is_silence(&self) -> bool {
        self.kind == CallErrorKind::Silent
    }

    /// True for a version that cannot be deleted because an alias points at it.
    pub fn is_used_by_alias(&self) -> bool {
        self.code() == "ResourceConflictException" && self.message().to_lowercase().contains("alias")
    }

    /// True for a function that is not there, or another thing that was asked about.
    pub(super) fn is_not_found(&self) -> bool {
        self.code() == "ResourceNotFoundException"
    }

    /// True when AWS says that what is not there is the function itself, and not a layer or another thing that it was to
    /// have. A function that only cannot be reached (`Functions from 'us-west-2' are not reachable in this region`) may exist.
    pub(super) fn is_function_not_found(&self) -> bool {
        let words = self.message().to_lowercase();
        let words = words.trim_start_matches("the ");
        let is_absent = ["not found", "does not exist", "doesn't exist"].iter().any(|absent| words.contains(absent));
        self.is_not_found() && is_absent && (words.starts_with("function ") || words.starts_with("function:"))
    }
}

/// Statuses by which AWS says that it cannot answer now.
pub(super) fn is_passing(status: u16) -> bool {
    status == 429 || status >= 500
}

/// The chain of causes below the SDK's own error, each once.
fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !text.is_empty() && causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> CallError {
        let error = CallError::without("UpdateFunctionCode", CallErrorKind::Refused);
        CallError { code: Some(code.to_owned()), message: Some(message.to_owned()), ..error }
    }

    #[test]
    fn a_function_is_busy_in_all_of_awss_words_and_a_failed_one_is_not() {
        const HEAD: &str = "The operation cannot be performed at this time.";
        for (text, expected) in [
            ("An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f", true),
            ("The function could not be updated due to a concurrent update operation.", true),
            ("The function is currently in the following state: Pending", true),
            ("The function is currently in the following state: 'Pending'. StateReasonCode: 'Creating'", true),
            ("The function is currently in the following state: 'Deleting'", true),
            ("The function is currently in the following state: Failed", false),
            ("The function is currently in the following state: 'Failed'", false),
            ("Alias already exists: arn", false),
        ] {
            let text = format!("{HEAD} {text}");
            assert_eq!(refused("ResourceConflictException", &text).is_busy(), expected, "{text}");
            assert!(!refused("InvalidParameterValueException", &text).is_busy(), "{text}");
        }
    }

    #[test]
    fn a_function_is_absent_only_where_aws_says_so() {
        for (text, expected) in [
            ("Function not found: arn:aws:lambda:us-east-1:123456789012:function:f", true),
            ("Function does not exist", true),
            ("The function doesn't exist.", true),
            ("Functions from 'us-west-2' are not reachable in this region ('us-east-1')", false),
            ("Function arn:aws:lambda:us-west-2:123456789012:function:f is not reachable", false),
            ("Layer version arn does not exist.", false),
            ("", false),
        ] {
            assert_eq!(refused("ResourceNotFoundException", text).is_function_not_found(), expected, "{text}");
        }
    }
}
