//! Makes one example error for each code, for the catalogue. Contains no error texts of its own: each example
//! is an error as a run meets it, passed to the function that reports such errors.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    ArgumentMistake, FailureReason, VersionExposure, from_arguments, from_command, from_conditions,
    from_failed_version, from_git, from_guard, from_lambda, from_outdated_plan, from_package, from_panic,
    from_plan, from_problems, from_request, from_required_skip, from_stop, from_system, from_verification,
};
use crate::cancel::CancelReason;
use crate::commands::CommandError;
use crate::conditions::{BashError, ConditionError};
use crate::function::{Counts, ErrorThreshold, GuardError, LiveAlias};
use crate::git::GitError;
use crate::lambda::{
    CallError, CallErrorKind, Cause, CredentialsError, FailedDeployment, LambdaError, StateReason,
};
use crate::package::PackageError;
use crate::plan::{PlanDifference, PlanError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{CodeDeployDeployment, Condition, ErrorCounts, UnmetCondition};
use crate::protocol::json::{self, Node};
use crate::protocol::messages::skip_reason;
use crate::protocol::request::{self, RequestError};
use crate::protocol::secret::Redactor;
use crate::protocol::stanza;
use crate::protocol::version_check::VersionCheck;
use crate::verification::FailedExpectation;
use signal_hook::consts::SIGTERM;

const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn example(code: Code) -> ErrorReport {
    let redactor = Redactor::default();
    match code {
        Code::BadArguments => {
            let message = "unrecognized subcommand 'deplay'".to_owned();
            let mistake = ArgumentMistake::Command("deplay");
            from_arguments(message, "deplay", Some(mistake), &["deploy".to_owned()], &[])
        }
        Code::BadJson => from_input("{\"function_name\": \"hello\",}"),
        Code::DuplicateKey => from_input("{\"zip\": \"dist\", \"zip\": \"build\"}"),
        Code::RequestTooLarge => from_request(RequestError::TooLarge, LIMIT),
        Code::RequestTimeout => from_request(RequestError::Unreadable(io::ErrorKind::TimedOut.into()), LIMIT),
        Code::BadRequest => from_input("[]"),
        Code::UnsupportedProtocol => from_input("{\"protocol\": 2}"),
        Code::WrongProvider => from_stanza(r#"{"provider": "s3", "function_name": "hello"}"#),
        Code::BadValue => from_stanza(r#"{"function_name": "hello", "timeout": "soon"}"#),
        Code::MissingKey => from_stanza("{}"),
        Code::UnknownKey => {
            from_stanza(r#"{"function_name": "hello", "runtme": "nodejs24.x", "strict": true}"#)
        }
        Code::NotDecrypted => {
            from_stanza(r#"{"function_name": "hello", "secret_access_key": {"secure": "kT6a"}}"#)
        }
        Code::BadCondition => from_conditions(
            ConditionError::BadCondition {
                at: "/on/condition".to_owned(),
                text: "$STAGE = ".to_owned(),
                error_text: "unexpected argument `]]' to conditional binary operator".to_owned(),
            },
            &redactor,
        ),
        Code::ConditionTimeout => from_bash(BashError::TimedOut { limit: LIMIT }),
        Code::BashNotFound => from_bash(BashError::NotFound { path: "/usr/bin:/bin".to_owned() }),
        Code::SkippedButRequired => {
            let (want, got) = ("main".to_owned(), "dev".to_owned());
            let message = skip_reason(Condition::Branch, &want, &got);
            from_required_skip(&[UnmetCondition { condition: Condition::Branch, want, got, message }])
        }
        Code::GitFailed => from_git(GitError::Refused {
            message: "fatal: detected dubious ownership in repository at '/builds/shop'".to_owned(),
        }),
        Code::EnvTooLarge => {
            from_bash(BashError::EnvTooLarge { name: "CHANGED_FILES".to_owned(), bytes: 200_000 })
        }
        Code::PackageNotFound => packaging(PackageError::NotFound { path: "dist".to_owned() }),
        Code::PackageEmpty => packaging(PackageError::Empty { path: "dist".to_owned(), only_hidden: false }),
        Code::PackageUnreadable => {
            let source = io::ErrorKind::PermissionDenied.into();
            packaging(PackageError::Unreadable { path: PathBuf::from("dist/key.pem"), source })
        }
        Code::PackageTooLarge => {
            let largest = vec![("node_modules/big/data.bin".to_owned(), 48 << 20)];
            packaging(PackageError::ZipTooLarge { bytes: 61 << 20, largest })
        }
        Code::PackageInvalid => packaging(PackageError::NotAZip {
            path: "dist.zip".to_owned(),
            detail: "the end of its directory is missing".to_owned(),
        }),
        Code::PackageUnwritable => {
            let source = io::ErrorKind::PermissionDenied.into();
            packaging(PackageError::Unwritable { path: PathBuf::from("out/code.zip"), source })
        }
        Code::BadCaBundle => at_aws(LambdaError::EmptyCaBundle { path: "ca.pem".to_owned() }),
        Code::NoCredentials => at_aws(CredentialsError::None.into()),
        Code::IncompleteCredentials => at_aws(
            CredentialsError::Incomplete {
                given: "AWS_ACCESS_KEY_ID",
                missing: "AWS_SECRET_ACCESS_KEY",
                at: None,
            }
            .into(),
        ),
        Code::CredentialsRejected => refused(
            "GetFunction",
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        ),
        Code::CredentialsExpired => refused(
            "GetFunction",
            "ExpiredTokenException",
            403,
            "The security token included in the request is expired",
        ),
        Code::AccessDenied => refused(
            "UpdateFunctionCode",
            "AccessDeniedException",
            403,
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: lambda:UpdateFunctionCode \
             on resource: arn:aws:lambda:eu-west-1:123456789012:function:hello because no identity-based \
             policy allows the lambda:UpdateFunctionCode action",
        ),
        Code::ClockSkewed => refused(
            "GetFunction",
            "InvalidSignatureException",
            403,
            "Signature expired: 20261101T115425Z is now earlier than 20261101T115554Z (20261101T120054Z - 5 \
             min.)",
        ),
        Code::InvalidParameter => refused(
            "UpdateFunctionConfiguration",
            "ValidationException",
            400,
            "1 validation error detected: Value '4096' at 'memorySize' failed to satisfy constraint: Member \
             must have value less than or equal to 3008",
        ),
        Code::RoleNotAssumable => {
            invalid("CreateFunction", "The role defined for the function cannot be assumed by Lambda.")
        }
        Code::RoleLacksPermission => invalid(
            "UpdateFunctionConfiguration",
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        ),
        Code::KeyNotUsable => invalid(
            "UpdateFunctionConfiguration",
            "Lambda was unable to configure access to your environment variables because the KMS key used is \
             disabled. Please check your KMS key settings.",
        ),
        Code::NotFound => invalid(
            "UpdateFunctionConfiguration",
            "Layer version arn:aws:lambda:eu-west-1:123456789012:layer:tools:9 does not exist.",
        ),
        Code::WrongRegion => invalid(
            "UpdateFunctionConfiguration",
            "Layers are not in the same region as the function. Layers are expected to be in region \
             eu-west-1.",
        ),
        Code::FunctionGone => at_aws(LambdaError::Gone),
        Code::RevisionMismatch => planning(PlanError::OtherRevision {
            exists: true,
            live: Some("0f1e2d3c-0000-4000-8000-000000000000".to_owned()),
        }),
        Code::PlanOutdated => {
            let (planned, now) =
                ("`0f1e2d3c-0000-4000-8000-000000000000`", "`4b5a6978-0000-4000-8000-000000000000`");
            let difference = PlanDifference::Revision { planned: planned.to_owned(), now: now.to_owned() };
            from_outdated_plan(&[difference], &redactor)
        }
        Code::PackageTypeMismatch => planning(PlanError::OtherPackageType { is_image: true }),
        Code::FixedAtCreation => planning(PlanError::OtherDurability { is_durable: false }),
        Code::UnsupportedRuntime => invalid(
            "UpdateFunctionConfiguration",
            "The runtime parameter of nodejs16.x is no longer supported for creating or updating AWS Lambda \
             functions. We recommend you use a supported runtime while creating or updating functions.",
        ),
        Code::EnvironmentTooLarge => refused(
            "UpdateFunctionConfiguration",
            "RequestEntityTooLargeException",
            413,
            "Request must be smaller than 5120 bytes for the UpdateFunctionConfiguration operation",
        ),
        Code::ImageNotUsable => invalid(
            "UpdateFunctionCode",
            "Source image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:7 does not exist. Provide a valid \
             source image.",
        ),
        Code::CodeSignatureRejected => refused(
            "UpdateFunctionCode",
            "InvalidCodeSignatureException",
            400,
            "The code signature failed the integrity check.",
        ),
        Code::FileSystemNotUsable => refused(
            "Invoke",
            "EFSMountFailureException",
            403,
            "The function could not mount the EFS file system with access point \
             arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1.",
        ),
        Code::FunctionNotReady => refused(
            "Invoke",
            "SnapStartNotReadyException",
            409,
            "Lambda is initializing your function. It will be ready to invoke once your function state \
             becomes ACTIVE.",
        ),
        Code::EnvironmentUnreadable => planning(PlanError::EnvironmentUnreadable),
        Code::TagsUnreadable => planning(PlanError::TagsUnreadable),
        Code::Conflict => at_aws(LambdaError::Outdated(None)),
        Code::UpdateInProgress => refused(
            "UpdateAlias",
            "ResourceConflictException",
            409,
            "The operation cannot be performed at this time. An update is in progress for resource: \
             arn:aws:lambda:eu-west-1:123456789012:function:hello",
        ),
        Code::QuotaExceeded => {
            refused("UpdateFunctionCode", "CodeStorageExceededException", 400, "Code storage limit exceeded.")
        }
        Code::Throttled => refused("GetFunction", "TooManyRequestsException", 429, "Rate Exceeded."),
        Code::ServiceUnavailable => refused(
            "PublishVersion",
            "ServiceException",
            500,
            "An error occurred and the request cannot be processed.",
        ),
        Code::NetworkFailure => {
            unreachable("failed to lookup address information: Name or service not known")
        }
        Code::CertificateNotTrusted => unreachable("invalid peer certificate: UnknownIssuer"),
        Code::ProxyRefused => unreachable("tunnel error: proxy authorization required"),
        Code::TimedOut => at_aws(LambdaError::WaitedTooLong { what: "the update", limit: LIMIT * 10 }),
        Code::CreationFailed => at_aws(LambdaError::CreationFailed(state_reason(
            "InvalidSubnet",
            "The subnet ID 'subnet-1' does not exist",
        ))),
        Code::VersionFailed => from_failed_version(
            "8",
            state_reason("DisabledKMSKey", "The KMS key of the function is disabled"),
            Some(("live".to_owned(), "7")),
            &redactor,
        ),
        Code::FunctionDeactivated => at_aws(LambdaError::Deactivated),
        Code::UpdateFailed => at_aws(LambdaError::UpdateFailed(state_reason(
            "ImageAccessDenied",
            "The function does not have permission to access the specified image.",
        ))),
        Code::FunctionStartFailed => at_aws(LambdaError::ProvisioningFailed(StateReason {
            code: None,
            reason: Some("FUNCTION_ERROR_INIT_FAILURE".to_owned()),
        })),
        Code::VerificationFailed => from_verification(
            &VersionCheck::default(),
            "8",
            VersionExposure::Behind { alias: "live", live: "7" },
            FailureReason::UnexpectedResponse(FailedExpectation::FunctionError {
                error: "KeyError: 'orders'".to_owned(),
            }),
            vec!["[ERROR] KeyError: 'orders'".to_owned()],
            &str::to_owned,
        ),
        Code::AlarmFired => from_guard(
            GuardError::AlarmFired {
                name: "shop-5xx".to_owned(),
                reason: "Threshold Crossed: 1 datapoint [7.0] was greater than 5.0.".to_owned(),
                version: "8".to_owned(),
                percent: 10,
            },
            &redactor,
        ),
        Code::ErrorsExceeded => {
            let counts = ErrorCounts {
                new: Counts { invocations: 340, errors: 12 }.of("8".to_owned()),
                previous: Counts { invocations: 3000, errors: 3 }.of("7".to_owned()),
            };
            let threshold = ErrorThreshold { tenths: 10 };
            from_guard(GuardError::ErrorsExceeded { counts, threshold, percent: 10 }, &redactor)
        }
        Code::ProvisioningFailed => at_aws(LambdaError::ProvisioningFailed(StateReason {
            code: None,
            reason: Some("The account's concurrency is used up".to_owned()),
        })),
        Code::NoPreviousVersion => {
            planning(PlanError::NoPreviousVersion { alias: "live".to_owned(), version: "1".to_owned() })
        }
        Code::AmbiguousRollback => planning(PlanError::AmbiguousRollback {
            targets: vec![("live".to_owned(), "6".to_owned()), ("beta".to_owned(), "7".to_owned())],
        }),
        Code::TrafficNotShareable => {
            let (field, version) = ("role", "7".to_owned());
            planning(PlanError::TrafficNotShareable { field, version, keys: vec!["traffic"] })
        }
        Code::TrafficShared => planning(PlanError::TrafficShared {
            alias: "live".to_owned(),
            shares: vec![("8".to_owned(), 10)],
        }),
        Code::CodedeployFailed => at_aws(LambdaError::DeploymentFailed(Box::new(FailedDeployment {
            deployment: deployment("d-ABCDEF123", "Failed"),
            reason: state_reason("ALARM_ACTIVE", "One or more alarms have been activated: shop-5xx"),
            rollback: Some((deployment("d-GHIJKL456", "Succeeded"), None)),
            alias: LiveAlias { name: "live".to_owned(), version: "7".to_owned(), ..LiveAlias::default() },
        }))),
        Code::ReadRejected => unknown("GetFunction"),
        Code::UpdateRejected => unknown("UpdateFunctionConfiguration"),
        Code::ReleaseRejected => unknown("UpdateAlias"),
        Code::UploadRejected => unknown("PutObject"),
        Code::IdentityRejected => unknown("AssumeRole"),
        Code::InvocationRejected => unknown("Invoke"),
        Code::UnexpectedAnswer => at_aws(LambdaError::Call(CallError {
            http_status: Some(200),
            ..CallError::without("GetFunction", CallErrorKind::InvalidResponse)
        })),
        Code::CleanupFailed => from_command(
            CommandError::CleanupFailed { output: "fatal: not a git repository".to_owned() },
            &redactor,
        ),
        Code::RunFailed => from_command(
            CommandError::RunFailed {
                command: "./announce.sh".to_owned(),
                index: 0,
                status: "exit status 1".to_owned(),
            },
            &redactor,
        ),
        Code::SystemLimit => from_system(&io::Error::from_raw_os_error(24)),
        Code::Cancelled => from_stop(CancelReason::Signal(SIGTERM)),
        Code::OutputClosed => from_stop(CancelReason::OutputClosed),
        Code::Internal => from_panic("src/deploy/mod.rs:1:1"),
    }
}

fn from_input(text: &str) -> ErrorReport {
    match request::read(text.as_bytes()) {
        Err(error) => from_request(error, LIMIT),
        Ok(_) => from_panic("an example that is right"),
    }
}

fn from_stanza(text: &str) -> ErrorReport {
    match json::parse(text.as_bytes()) {
        Ok(Node::Map(map)) => from_problems(stanza::read(&map).problems().to_vec(), &Redactor::default()),
        _ => from_panic("an example that is no stanza"),
    }
}

fn from_bash(error: BashError) -> ErrorReport {
    from_conditions(ConditionError::Bash(error), &Redactor::default())
}

fn packaging(error: PackageError) -> ErrorReport {
    from_package(error, &Redactor::default())
}

fn planning(error: PlanError) -> ErrorReport {
    from_plan(error, "hello", &Redactor::default())
}

fn at_aws(error: LambdaError) -> ErrorReport {
    from_lambda(error, &Redactor::default())
}

fn state_reason(code: &str, reason: &str) -> StateReason {
    StateReason { code: Some(code.to_owned()), reason: Some(reason.to_owned()) }
}

fn deployment(id: &str, status: &str) -> CodeDeployDeployment {
    CodeDeployDeployment { deployment_id: id.to_owned(), status: status.to_owned() }
}

fn refused(operation: &'static str, code: &str, status: u16, message: &str) -> ErrorReport {
    at_aws(LambdaError::Call(CallError {
        code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        http_status: Some(status),
        request_id: Some("5f2c3e9a-0000-4000-8000-000000000000".to_owned()),
        ..CallError::without(operation, CallErrorKind::Service)
    }))
}

fn invalid(operation: &'static str, message: &str) -> ErrorReport {
    refused(operation, "InvalidParameterValueException", 400, message)
}

fn unknown(operation: &'static str) -> ErrorReport {
    refused(operation, "SomethingNewException", 400, "A sentence that this version has not read yet.")
}

fn unreachable(cause: &str) -> ErrorReport {
    at_aws(LambdaError::Call(CallError {
        address: Some("lambda.eu-west-1.amazonaws.com:443".to_owned()),
        proxy: Some("proxy.example.com:3128".to_owned()),
        cause: Cause::chain(vec![cause.to_owned()]),
        ..CallError::without("GetFunction", CallErrorKind::Connect)
    }))
}
