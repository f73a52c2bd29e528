//! A call that AWS refused, or that never reached AWS, in; code, sentence, key and hint out.

use super::sentence;
use crate::lambda::{CallError, CallErrorKind};
use crate::protocol::error::{AwsDetail, Code, ErrorReport};
use crate::protocol::secret::Redactor;

/// The code of a call that failed, by AWS's own code where it has one.
fn code_of(error: &CallError) -> Code {
    match error.kind {
        CallErrorKind::Silent => return Code::TimedOut,
        CallErrorKind::Unreachable => return Code::NetworkFailure,
        CallErrorKind::Unmade => return Code::BadValue,
        CallErrorKind::Garbled if error.http_status.is_some_and(|status| status >= 500) => {
            return Code::ServiceUnavailable;
        }
        CallErrorKind::Garbled => return Code::UnexpectedAnswer,
        CallErrorKind::Refused => {}
    }
    match error.code() {
        "AccessDeniedException" | "AccessDenied" => Code::AccessDenied,
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId" => Code::CredentialsRejected,
        "InvalidIdentityToken" | "IDPRejectedClaim" => Code::CredentialsRejected,
        "ExpiredTokenException" | "ExpiredToken" => Code::CredentialsExpired,
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" | "SlowDown" => Code::Throttled,
        "ResourceConflictException" if error.message().contains("in progress") => Code::UpdateInProgress,
        "ResourceConflictException" | "PreconditionFailedException" => Code::Conflict,
        "ResourceNotFoundException" | "NoSuchBucket" => Code::NotFound,
        "InvalidParameterValueException" if error.message().contains("cannot be assumed") => Code::RoleNotAssumable,
        "InvalidParameterValueException" | "ValidationException" | "InvalidRequestContentException"
        // S3's ways to say that a bucket is in another region.
        | "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
            Code::InvalidParameter
        }
        "RequestEntityTooLargeException" => Code::PackageTooLarge,
        "CodeStorageExceededException" => Code::QuotaExceeded,
        _ if error.http_status.is_some_and(|status| status >= 500) => Code::ServiceUnavailable,
        _ => Code::AwsRejected,
    }
}

pub(super) fn of_call(error: CallError, redactor: &Redactor) -> ErrorReport {
    let code = code_of(&error);
    let operation = error.operation;
    let words = sentence(error.message(), redactor);
    let message = match error.kind {
        CallErrorKind::Refused if words.is_empty() => {
            format!("AWS refused {operation} with {}", redactor.redact(error.code()))
        }
        CallErrorKind::Refused => format!("AWS refused {operation}: {words}"),
        CallErrorKind::Garbled => match error.http_status {
            Some(status) => format!("AWS answered {operation} with status {status} and something that is no answer"),
            None => format!("AWS answered {operation} with something that is no answer"),
        },
        CallErrorKind::Silent => format!("AWS did not answer {operation} in time"),
        CallErrorKind::Unreachable => format!("AWS cannot be reached for {operation}"),
        CallErrorKind::Unmade => format!("{operation} cannot be asked of AWS with these values"),
    };
    let hint = match code {
        Code::AccessDenied => Some("the caller needs an IAM policy that allows this action on this function"),
        Code::CredentialsRejected => Some("check the access key, its secret and its session token; were they rotated?"),
        Code::CredentialsExpired => Some("temporary credentials end; fetch new ones in this job"),
        Code::Throttled | Code::ServiceUnavailable | Code::TimedOut => Some("try again in some minutes"),
        Code::NetworkFailure => Some("check the region's name, the job's network and its proxy"),
        Code::NotFound => Some("check names, ARNs and the region"),
        Code::Conflict => Some("somebody else changes this function; deploy again"),
        Code::QuotaExceeded => Some("delete old versions, or ask AWS for a higher quota"),
        _ => None,
    };
    let mut report = super::report(code, message);
    report.hint = hint.map(str::to_owned);
    if operation.starts_with("AssumeRole") {
        let of_token = "the token ends soon after it was made, and is made for one audience; ask for it in this job";
        let of_role = "the role's trust policy must let this caller assume it, and its conditions must hold";
        report.at = Some("/role_to_assume".to_owned());
        report.hint = match code {
            Code::AccessDenied => Some(of_role.to_owned()),
            Code::CredentialsExpired | Code::CredentialsRejected if operation.ends_with("WebIdentity") => {
                Some(of_token.to_owned())
            }
            _ => report.hint,
        };
    }
    if S3_OPERATIONS.contains(&operation) {
        report.at = Some("/s3_bucket".to_owned());
        report.hint = of_bucket(code).map(str::to_owned).or(report.hint);
    }
    if error.kind != CallErrorKind::Refused {
        report.caused_by = error.causes.iter().map(|cause| redactor.redact(cause)).collect();
    }
    report.aws = Some(AwsDetail {
        operation: operation.to_owned(),
        code: error.code.map(|code| redactor.redact(&code)),
        http_status: error.http_status,
        request_id: error.request_id.map(|id| redactor.redact(&id)),
    });
    report
}

const S3_OPERATIONS: [&str; 5] =
    ["HeadObject", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];

/// What to do about a bucket.
fn of_bucket(code: Code) -> Option<&'static str> {
    match code {
        Code::NotFound => Some("make the bucket, in the function's region"),
        Code::AccessDenied => Some("the caller needs s3:PutObject and s3:GetObject on the objects of this bucket"),
        Code::InvalidParameter => Some("Lambda takes packages from a bucket in the function's own region only"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16, message: &str) -> CallError {
        CallError {
            operation: "UpdateFunctionCode",
            kind: CallErrorKind::Refused,
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            http_status: Some(status),
            request_id: Some("id".to_owned()),
            causes: Vec::new(),
        }
    }

    #[test]
    fn awss_codes_become_ours() {
        for (code, status, message, expected) in [
            ("AccessDeniedException", 403, "User is not authorized", Code::AccessDenied),
            (
                "UnrecognizedClientException",
                403,
                "The security token included in the request is invalid.",
                Code::CredentialsRejected,
            ),
            (
                "ExpiredTokenException",
                403,
                "The security token included in the request is expired",
                Code::CredentialsExpired,
            ),
            ("TooManyRequestsException", 429, "Rate Exceeded.", Code::Throttled),
            ("ResourceConflictException", 409, "An update is in progress for resource: x", Code::UpdateInProgress),
            ("ResourceConflictException", 409, "Function already exist: f", Code::Conflict),
            ("PreconditionFailedException", 412, "The Revision Id provided does not match", Code::Conflict),
            ("InvalidParameterValueException", 400, "Layer Version Cannot be less than 1", Code::InvalidParameter),
            (
                "RequestEntityTooLargeException",
                413,
                "Zipped size must be smaller than 52428800 bytes",
                Code::PackageTooLarge,
            ),
            ("ServiceException", 500, "oops", Code::ServiceUnavailable),
            ("BrandNewException", 400, "new", Code::AwsRejected),
        ] {
            let report = of_call(refused(code, status, message), &Redactor::default());
            assert_eq!(report.code, expected, "{code}");
            assert!(report.message.contains(message.trim_end_matches('.')), "{}", report.message);
        }
    }

    #[test]
    fn aws_quoting_a_variable_does_not_show_it() {
        let redactor = Redactor::new(["hunter2!"], &[]);
        let text = r#"exceeded the 4KB limit. String measured: {"PASSWORD":"hunter2!"}"#;
        let report = of_call(refused("InvalidParameterValueException", 400, text), &redactor);
        assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
    }
}
