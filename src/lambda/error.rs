//! Errors of this module, and the facts of a failed call, extracted from the SDK's error types.
//! It never redacts and never says what to do: [`crate::diagnostics`] does both.

use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::credentials_error::{CredentialsError, RenewalFailed};
use super::error_texts::error_texts;
use super::transient_error::{TransientError, is_transient};
use crate::cancel::CancelReason;
use crate::code_source::Object;
use crate::function::LiveAlias;
use crate::protocol::event::{CodeDeployDeployment, StepName};
use crate::protocol::structures::CodeDeploy;

/// Why the AWS part of a deployment failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LambdaError {
    /// No credentials could be loaded.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// `AWS_REGION` or another source has a value that is not a region name.
    #[error("{} is `{region}`; {right}", quoted(.origin))]
    BadRegion {
        /// The variable or other source of the value.
        origin: &'static str,
        region: String,
        /// What the value must be.
        right: String,
    },
    #[error("`{variable}` is `{url}`, which is not a URL")]
    BadEndpoint { variable: &'static str, url: String },
    #[error("`AWS_CA_BUNDLE` is `{path}`, which cannot be read")]
    BadCaBundle { path: String, source: std::io::Error },
    #[error("`AWS_CA_BUNDLE` is `{path}`, which contains no certificates")]
    EmptyCaBundle { path: String },
    /// A call failed, after the SDK's own retries.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The function is not in the state that the step was planned for. Another caller has changed it, or an
    /// earlier request of ours whose response was lost. `None`: no call failed, but the state of the function
    /// showed it.
    #[error("the function does not have the settings or code that were just deployed")]
    Outdated(#[source] Option<CallError>),
    /// Lambda could not assume the function's role for 30 s.
    #[error(transparent)]
    RoleNotReady(CallError),
    #[error("AWS created the function but could not make it active")]
    CreationFailed(StateReason),
    #[error("AWS could not make version {version} active")]
    VersionFailed { version: String, state_reason: StateReason },
    #[error("the function is deactivated and cannot be invoked")]
    Deactivated,
    #[error("AWS accepted the update but could not apply it")]
    UpdateFailed(StateReason),
    #[error("AWS could not allocate the provisioned concurrency")]
    ProvisioningFailed(StateReason),
    #[error("the function did not respond within {} s", .0.as_secs())]
    NoResponse(Duration),
    #[error("timed out after {} s waiting for {what}", .limit.as_secs())]
    WaitedTooLong {
        /// What the wait was for, as part of a sentence.
        what: &'static str,
        limit: Duration,
    },
    /// The S3 object with the code does not exist.
    #[error("`{object}` does not exist")]
    NoObject { object: Object },
    /// A layer that the stanza names does not exist, or not in this version.
    #[error("{}", absence_of_layer(.layer, *.version, .region))]
    NoLayer {
        /// Name or ARN of the layer.
        layer: String,
        /// Number of the version. `None`: the layer has no version at all.
        version: Option<i64>,
        region: String,
    },
    #[error("the archive could not be read for the upload")]
    Archive(#[source] std::io::Error),
    #[error("CodeDeploy deployment {} did not move the alias", .0.deployment.deployment_id)]
    DeploymentFailed(Box<FailedDeployment>),
    /// CodeDeploy does not have what the stanza names.
    #[error("{}", .resource.absence(.codedeploy))]
    #[cfg_attr(not(feature = "codedeploy"), expect(dead_code, reason = "only the client returns it"))]
    NotInCodeDeploy {
        /// What it does not have.
        resource: MissingResource,
        /// What the stanza names.
        codedeploy: Box<CodeDeploy>,
    },
    #[error("the function was deleted during the deployment")]
    Gone,
    #[error("cancelled by {reason}")]
    Cancelled {
        reason: CancelReason,
        /// The step whose call had no response yet. It may or may not have taken effect. `None`: no such
        /// call.
        in_flight: Option<StepName>,
    },
}

impl LambdaError {
    /// True if AWS may have carried out a request of this operation in spite of the error.
    pub(crate) fn has_lost_response_to(&self, operation: &str) -> bool {
        matches!(self, LambdaError::Call(error) if error.operation == operation && error.has_lost_response())
    }

    /// True if it is unknown whether AWS carried out the failed call.
    pub(super) fn outcome_is_unknown(&self) -> bool {
        match self {
            LambdaError::Cancelled { in_flight, .. } => in_flight.is_some(),
            LambdaError::Call(error) => error.has_no_answer(),
            _ => false,
        }
    }
}

fn absence_of_layer(layer: &str, version: Option<i64>, region: &str) -> String {
    let version = version.map(|version| format!("version {version} of ")).unwrap_or_default();
    format!("{version}the layer `{layer}` does not exist in {region}")
}

/// The source of a value: the name of a variable in backticks, or a description such as "the profile's
/// region".
fn quoted(origin: &str) -> String {
    if origin.contains(' ') { origin.to_owned() } else { format!("`{origin}`") }
}

/// AWS's reason why a function or version is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateReason {
    /// `StateReasonCode` or `LastUpdateStatusReasonCode`.
    pub code: Option<String>,
    /// `StateReason` or `LastUpdateStatusReason`.
    pub reason: Option<String>,
}

/// A deployment of CodeDeploy that failed or was stopped, or after which the alias is elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct FailedDeployment {
    /// Its id and status.
    pub deployment: CodeDeployDeployment,
    /// AWS's reason: `code` and `message` of its `errorInformation`.
    pub reason: StateReason,
    /// The deployment that sent the traffic back, and what CodeDeploy says of it. `None`: CodeDeploy did not
    /// roll back.
    pub rollback: Option<(CodeDeployDeployment, Option<String>)>,
    /// The alias after it.
    pub alias: LiveAlias,
}

/// A resource of CodeDeploy that a stanza names and that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "codedeploy"), allow(dead_code, reason = "only the client finds out"))]
pub(crate) enum MissingResource {
    Application,
    DeploymentGroup,
    DeploymentConfig,
}

impl MissingResource {
    fn absence(self, codedeploy: &CodeDeploy) -> String {
        let CodeDeploy { application, deployment_group, config, .. } = codedeploy;
        match self {
            MissingResource::Application => format!("CodeDeploy has no application `{application}`"),
            MissingResource::DeploymentGroup => {
                format!("CodeDeploy application `{application}` has no deployment group `{deployment_group}`")
            }
            MissingResource::DeploymentConfig => {
                let config = config.as_deref().unwrap_or("of the deployment group");
                format!("CodeDeploy has no deployment configuration `{config}`")
            }
        }
    }
}

/// AWS's error of an operation, as all clients of the SDK have it.
pub(super) trait OperationError: ProvideErrorMetadata + Error + 'static {}

impl<E: ProvideErrorMetadata + Error + 'static> OperationError for E {}

/// A call that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) struct CallError {
    /// The AWS operation, such as `UpdateFunctionCode`.
    pub operation: &'static str,
    pub kind: CallErrorKind,
    /// AWS's error code, such as `ResourceConflictException`.
    pub code: Option<String>,
    pub message: Option<String>,
    /// Status of the HTTP response. `None`: there was no response.
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    /// ARN that a permission for the call must cover, for operations whose error messages do not contain it.
    pub resource: Option<String>,
    /// The region of the bucket, if S3 reports that it is in another region.
    pub bucket_region: Option<String>,
    /// Host and port to which the request was sent, without a proxy. `None`: it was not sent, or its response
    /// explains the failure.
    pub address: Option<String>,
    /// Host and port of the job's proxy for `https://`. `None`: it has none.
    pub proxy: Option<String>,
    /// Why the call failed, in the words of the SDK. `None`: the other fields say it all.
    #[source]
    pub cause: Option<Cause>,
}

/// The text of an error below a failed call. The SDK's own errors are not kept: some of their texts say
/// nothing, and some quote what must not be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// A chain of causes with these texts, nearest first. `None`: there are no texts.
    pub(crate) fn chain(texts: Vec<String>) -> Option<Cause> {
        let enclose = |source: Option<Cause>, text| Some(Cause { text, source: source.map(Box::new) });
        texts.into_iter().rev().fold(None, enclose)
    }
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallErrorKind {
    /// AWS returned an error.
    Service,
    /// The response could not be parsed.
    InvalidResponse,
    /// The call timed out.
    Timeout,
    /// The connection to AWS failed or broke.
    Connect,
    /// The request could not be constructed.
    Construction,
    /// The request could not be signed: the credentials expired, and the renewal failed.
    Renewal,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation;
        let aws =
            self.address.as_ref().map_or_else(|| "AWS".to_owned(), |address| format!("AWS at {address}"));
        match (self.kind, self.http_status) {
            (CallErrorKind::Service, _) => write!(f, "AWS refused {operation}"),
            (CallErrorKind::InvalidResponse, Some(status)) => {
                write!(f, "{operation} returned HTTP {status} with a response that could not be parsed")
            }
            (CallErrorKind::InvalidResponse, None) => {
                write!(f, "{operation} returned a response that could not be parsed")
            }
            (CallErrorKind::Timeout, _) => write!(f, "{aws} did not respond to {operation} in time"),
            (CallErrorKind::Connect, _) => write!(f, "{aws} cannot be reached for {operation}"),
            (CallErrorKind::Construction, _) => {
                write!(f, "the {operation} request cannot be built, because a value is invalid")
            }
            (CallErrorKind::Renewal, _) => write!(
                f,
                "{operation} could not be signed: the credentials expired, and their source returned no new \
                 ones"
            ),
        }
    }
}

impl CallError {
    /// Extracts the facts from the SDK's error.
    pub(super) fn of<E: OperationError>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self {
        let renewal = RenewalFailed::cause_of(&error);
        let kind = match &error {
            _ if renewal.is_some() => CallErrorKind::Renewal,
            SdkError::ConstructionFailure(_) => CallErrorKind::Construction,
            SdkError::TimeoutError(_) => CallErrorKind::Timeout,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => CallErrorKind::Timeout,
            SdkError::DispatchFailure(failure) if failure.is_user() => CallErrorKind::Construction,
            SdkError::DispatchFailure(_) => CallErrorKind::Connect,
            SdkError::ServiceError(service) if service.err().code().is_none() => {
                CallErrorKind::InvalidResponse
            }
            SdkError::ServiceError(_) => CallErrorKind::Service,
            _ => CallErrorKind::InvalidResponse,
        };
        let raw = error.raw_response();
        CallError {
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            http_status: raw.map(|response| response.status().as_u16()),
            request_id: error.request_id().map(str::to_owned),
            bucket_region: raw.and_then(|raw| raw.headers().get("x-amz-bucket-region")).map(str::to_owned),
            cause: Cause::chain(match renewal {
                Some(renewal) => vec![renewal.to_string()],
                None => error.source().map(error_texts).unwrap_or_default(),
            }),
            ..CallError::without(operation, kind)
        }
    }

    /// A call that timed out while AWS responded to every attempt with a 429 or 5xx.
    pub(super) fn from_transient(operation: &'static str, transient_error: TransientError) -> Self {
        let TransientError { http_status, code, message, request_id } = transient_error;
        let kind = if code.is_some() { CallErrorKind::Service } else { CallErrorKind::InvalidResponse };
        CallError {
            code,
            message,
            http_status: Some(http_status),
            request_id,
            ..CallError::without(operation, kind)
        }
    }

    /// A failure without a response to report.
    pub(crate) fn without(operation: &'static str, kind: CallErrorKind) -> Self {
        CallError {
            operation,
            kind,
            code: None,
            message: None,
            http_status: None,
            request_id: None,
            resource: None,
            bucket_region: None,
            address: None,
            proxy: None,
            cause: None,
        }
    }

    /// Texts of the causes, nearest first.
    pub(crate) fn causes(&self) -> Vec<&str> {
        let causes = successors(self.cause.as_ref(), |cause| cause.source.as_deref());
        causes.map(|cause| cause.text.as_str()).collect()
    }

    /// AWS's error code, or an empty string.
    pub(crate) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    /// AWS's error message, or an empty string.
    pub(crate) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// True for the 409 of a function that is being updated, created or deleted. That state ends by itself;
    /// `Failed` does not.
    pub(super) fn is_busy(&self) -> bool {
        let message = self.message().to_lowercase();
        let state = message
            .split_once("currently in the following state: ")
            .map(|(_, rest)| rest.trim_start_matches('\''));
        self.code() == "ResourceConflictException"
            && (message.contains("update is in progress")
                || message.contains("concurrent update operation")
                || state.is_some_and(|state| !state.starts_with("failed")))
    }

    /// True for an alias that still has weights: AWS removes them a moment after its provisioned concurrency
    /// is ready.
    pub(super) fn is_alias_with_weights(&self) -> bool {
        self.operation == "PutProvisionedConcurrencyConfig"
            && self.message().to_lowercase().contains("alias with weights")
    }

    /// True for an event source mapping that is being updated.
    pub(super) fn is_event_source_in_use(&self) -> bool {
        self.operation == "UpdateEventSourceMapping" && self.code() == "ResourceInUseException"
    }

    /// True if a request may have been sent and its response says neither success nor an error.
    fn has_no_answer(&self) -> bool {
        let is_answer = [CallErrorKind::Service, CallErrorKind::Construction, CallErrorKind::Renewal];
        !is_answer.contains(&self.kind)
    }

    /// True if AWS may have carried out the last request of the call in spite of the error.
    pub(super) fn has_lost_response(&self) -> bool {
        self.has_no_answer() || self.http_status.is_some_and(|status| status >= 500)
    }

    /// True for a 429 or 5xx: the same call may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        let has_answered = matches!(self.kind, CallErrorKind::Service | CallErrorKind::InvalidResponse);
        has_answered && self.http_status.is_some_and(is_transient)
    }

    /// True for an invocation of an idle function. The call makes the function active again, so a later one
    /// succeeds.
    pub(super) fn wakes_function(&self) -> bool {
        let codes =
            ["CodeArtifactUserPendingException", "SnapStartNotReadyException", "ResourceNotReadyException"];
        self.operation == "Invoke" && (codes.contains(&self.code()) || self.is_busy())
    }

    /// True for a new role that has not yet propagated from IAM to Lambda, which takes a few seconds.
    pub(super) fn is_role_not_ready(&self) -> bool {
        self.code() == "InvalidParameterValueException"
            && self.message().contains("cannot be assumed by Lambda")
    }

    /// True if the live function is not in the state that the call expects: it has another revision, its code
    /// is not the code to be published, or what the call creates exists already.
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

    pub(super) fn is_timeout(&self) -> bool {
        self.kind == CallErrorKind::Timeout
    }

    /// True if a version cannot be deleted because CloudFront has replicas of it, also some hours after no
    /// distribution uses it any more (terraform-provider-aws, issue 1721).
    pub(crate) fn is_replicated(&self) -> bool {
        self.code() == "InvalidParameterValueException" && self.message().contains("replicated function")
    }

    /// True if a version cannot be deleted because an alias points at it. Another caller has moved it there.
    pub(crate) fn is_used_by_alias(&self) -> bool {
        self.code() == "ResourceConflictException" && self.message().to_lowercase().contains("alias")
    }

    /// True if the caller lacks the permission for the call.
    pub(super) fn is_denied(&self) -> bool {
        ["AccessDeniedException", "AccessDenied"].contains(&self.code())
    }

    /// True if the function or another resource of the call does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        self.code() == "ResourceNotFoundException"
    }

    /// True if the resource that does not exist is the function itself, and not a layer or another resource.
    /// A function that is only out of reach (`Functions from 'us-west-2' are not reachable in this region`)
    /// may exist.
    pub(super) fn is_function_not_found(&self) -> bool {
        let message = self.message().to_lowercase();
        let message = message.trim_start_matches("the ");
        let is_absent =
            ["not found", "does not exist", "doesn't exist"].iter().any(|absent| message.contains(absent));
        self.is_not_found()
            && is_absent
            && (message.starts_with("function ") || message.starts_with("function:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_the_source_of_the_error_above_it() {
        let cause = Cause::chain(vec!["no route".to_owned(), "host is down".to_owned()]);
        let error = CallError { cause, ..CallError::without("GetFunction", CallErrorKind::Connect) };
        let error = LambdaError::from(error);
        assert_eq!(error.to_string(), "AWS cannot be reached for GetFunction");
        assert_eq!(error_texts(&error)[1..], ["no route", "host is down"]);
    }

    fn refused(code: &str, message: &str) -> CallError {
        let error = CallError::without("UpdateFunctionCode", CallErrorKind::Service);
        CallError { code: Some(code.to_owned()), message: Some(message.to_owned()), ..error }
    }

    #[test]
    fn a_function_is_busy_in_all_of_awss_words_and_a_failed_one_is_not() {
        const HEAD: &str = "The operation cannot be performed at this time.";
        for (text, expected) in [
            ("An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f", true),
            ("The function could not be updated due to a concurrent update operation.", true),
            ("The function is currently in the following state: Pending", true),
            (
                "The function is currently in the following state: 'Pending'. StateReasonCode: 'Creating'",
                true,
            ),
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
            assert_eq!(
                refused("ResourceNotFoundException", text).is_function_not_found(),
                expected,
                "{text}"
            );
        }
    }
}
