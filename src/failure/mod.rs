//! Each room's error in, the report that a person reads at night out: code, sentence, hint. All sentences of failures
//! stand here.
//! Never shows a secret: what others wrote goes through the redactor first.

mod credentials;
mod verification;

use credentials::of_credentials;
pub use verification::{Unproven, Why, of_verification, tell_way_back};

use std::time::Duration;

use crate::child::ChildError;
use crate::commands::CommandError;
use crate::conditions::{BashError, ConditionError};
use crate::lambda::{CallError, CallErrorKind, LambdaError, Trouble};
use crate::package::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, PackageError};
use crate::plan::PlanError;
use crate::protocol::error::{AwsDetail, Code, ErrorReport, Problem};
use crate::protocol::event::StepName;
use crate::protocol::prose::size;
use crate::protocol::request::RequestError;
use crate::protocol::secret::Redactor;
use crate::protocol::wire::{MAX_REQUEST_BYTES, MAX_VALUES, WireError};
use crate::stop::Reason;

/// A request that cannot be read; `limit` is the time that it may take.
pub fn of_request(error: RequestError, limit: Duration) -> ErrorReport {
    match error {
        RequestError::Unreadable(source) if source.kind() == std::io::ErrorKind::TimedOut => {
            report(Code::RequestTimeout, format!("standard input did not come to its end within {} s", limit.as_secs()))
                .hint("the runner writes one JSON object to it and closes it")
        }
        RequestError::Unreadable(source) => caused(
            report(Code::BadRequest, "standard input cannot be read")
                .hint("the runner writes one JSON object to it and closes it"),
            &source,
        ),
        RequestError::TooLarge => {
            report(Code::RequestTooLarge, format!("the request is larger than {}", size(MAX_REQUEST_BYTES as u64)))
                .hint("a stanza and a job's environment are far smaller; is this the right input?")
        }
        RequestError::Wire(WireError::Syntax { detail, line, column }) => {
            report(Code::BadJson, format!("the request is not JSON: {detail} at line {line}, column {column}"))
                .hint("standard input takes one JSON object: the stanza, with the job's `env`")
        }
        RequestError::Wire(WireError::TooManyValues) => {
            report(Code::RequestTooLarge, format!("the request holds more than {MAX_VALUES} values"))
                .hint("a stanza and a job's environment are far smaller; is this the right input?")
        }
        RequestError::Wire(WireError::DuplicateKey { key, line, column }) => report(
            Code::DuplicateKey,
            format!("the key `{key}` stands twice in one object, the second time at line {line}, column {column}"),
        )
        .hint("keep one of the two"),
        RequestError::NotAnObject { kind } => report(Code::BadRequest, format!("the request is {kind}, not an object"))
            .hint("standard input takes one JSON object: the stanza, with the job's `env`"),
        RequestError::UnsupportedProtocol { given } => {
            report(Code::UnsupportedProtocol, format!("`protocol` is {given}, and this version speaks 1"))
                .at("/protocol")
                .hint("`hello` lists the protocols that a version speaks")
        }
        RequestError::BadEnv { at, detail } => report(
            Code::BadRequest,
            format!("the job's environment cannot be used at `{}`: {detail}", at.trim_start_matches('/')),
        )
        .at(at)
        .hint("`env` is a map of strings"),
    }
}

/// A stanza with problems. A variable that was filled in may have brought a secret into a complaint.
pub fn of_problems(mut problems: Vec<Problem>, redactor: &Redactor) -> ErrorReport {
    problems.iter_mut().for_each(|problem| problem.message = redactor.redact(&problem.message));
    ErrorReport::of_problems(problems)
}

/// A condition without a verdict.
pub fn of_conditions(error: ConditionError, redactor: &Redactor) -> ErrorReport {
    match error {
        ConditionError::NotDecrypted { at } => report(
            Code::NotDecrypted,
            format!("`{}` is still encrypted: it reached us as `{{\"secure\": …}}`", dotted(&at)),
        )
        .at(at)
        .hint("the runner decrypts such values before it writes the request"),
        ConditionError::BadShape { at, kind, right } => {
            report(Code::BadCondition, format!("`{}` is {kind}; give {right}", dotted(&at))).at(at)
        }
        ConditionError::BadCondition { at, text, words } => {
            let text = shortened(&redactor.redact(&text));
            // Of a condition that computes, bash quotes the rest from where it gave up: a part of a value.
            let words = redactor.redact(words.split(" (error token").next().unwrap_or_default());
            let words = if words.is_empty() { "it ended without a verdict".to_owned() } else { words };
            report(Code::BadCondition, format!("bash cannot evaluate `[[ {text} ]]` of `{}`: {words}", dotted(&at)))
                .at(at)
                .hint("Travis CI pastes conditions into bash's [[ ]], and never deploys on one that does not parse")
        }
        ConditionError::Bash(BashError::NotFound { path }) => {
            report(Code::BashNotFound, format!("a condition needs bash, and there is none in `{path}`"))
                .at("/on")
                .hint("install bash, or use plain words, which need none")
        }
        ConditionError::Bash(BashError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        ConditionError::Bash(BashError::Unstartable(source)) => {
            caused(report(Code::BashNotFound, "a condition needs bash, and it cannot be started").at("/on"), &source)
        }
        ConditionError::Bash(BashError::TimedOut { limit }) => {
            report(Code::ConditionTimeout, format!("a condition did not end within {} s", limit.as_secs()))
                .at("/on")
                .hint("a condition is evaluated before every deployment; let it look only at what is there already")
        }
        ConditionError::Bash(BashError::Stopped(reason)) => of_stop(reason),
    }
}

/// A package that cannot be made, or cannot go to Lambda. Its path may hold a secret variable that was filled in.
pub fn of_package(error: PackageError, redactor: &Redactor) -> ErrorReport {
    let mut report = package_report(error);
    report.message = redactor.redact(&report.message);
    report.hint = report.hint.map(|hint| redactor.redact(&hint));
    report
}

fn package_report(error: PackageError) -> ErrorReport {
    let report = |code, message: String| report(code, message).at("/zip");
    match error {
        PackageError::NotFound { path } => {
            report(Code::PackageNotFound, format!("`{path}` does not exist in the build directory"))
                .hint("`zip` names a directory, a file or an archive, relative to where the job runs")
        }
        PackageError::Empty { path, only_hidden: false } => {
            report(Code::PackageEmpty, format!("`{path}` holds nothing to package"))
                .hint("does the build write its result somewhere else, or not at all?")
        }
        PackageError::Empty { path, only_hidden: true } => {
            report(Code::PackageEmpty, format!("`{path}` holds only files whose name begins with a dot"))
                .hint("`dot_match: true` packages those, too")
        }
        PackageError::Unreadable { path, source } => {
            caused(report(Code::PackageUnreadable, format!("`{}` cannot be read", path.display())), &source)
        }
        PackageError::Changed { path } => {
            report(Code::PackageUnreadable, format!("`{}` changed while it was packaged", path.display()))
                .hint("does something still write into the directory? let it end first")
        }
        PackageError::NotUtf8 { path } => {
            report(Code::PackageUnreadable, format!("the name `{path}` is not UTF-8, so no archive can hold it"))
                .hint("rename the file, or leave it out of the directory")
        }
        PackageError::NoName { path } => {
            report(Code::PackageUnreadable, format!("`{path}` cannot be a name in the archive")).hint(
                "of several paths each keeps its name, so name them relative to the build directory, without `..`",
            )
        }
        PackageError::BadPattern { option, detail } => {
            self::report(Code::BadValue, format!("a pattern of `{option}` cannot be read: {detail}"))
                .at(format!("/{option}"))
                .hint("patterns are those of a .gitignore file")
        }
        PackageError::NoFile { path } => {
            report(Code::PackageUnreadable, format!("`{path}` is neither a file nor a directory"))
        }
        PackageError::NotAZip { path, detail } => {
            report(Code::PackageInvalid, format!("`{path}` is not a zip archive: {detail}"))
                .hint("an archive is taken as it is; name the directory instead, and it is packaged for you")
        }
        PackageError::ZipTooLarge { bytes, largest } => {
            let over = size(bytes - MAX_ZIP_BYTES);
            let message = format!(
                "the archive has {}, {over} more than the {} that a call takes",
                size(bytes),
                size(MAX_ZIP_BYTES)
            );
            let largest = listed(&largest);
            report(Code::PackageTooLarge, message).hint(format!(
                "name an `s3_bucket` in the function's region to go through, or leave out what the function does not need; the largest entries, unpacked: {largest}"
            ))
        }
        PackageError::UnzippedTooLarge { bytes, largest } => {
            let over = size(bytes.saturating_sub(MAX_UNZIPPED_BYTES));
            let message = format!(
                "the package has {} unpacked, {over} more than the {} that Lambda takes",
                size(bytes),
                size(MAX_UNZIPPED_BYTES)
            );
            report(Code::PackageTooLarge, message).hint(format!("the largest entries: {}", listed(&largest)))
        }
        PackageError::Unarchivable { temporary, source } => {
            let hint = format!(
                "a large one goes through a temporary file in `{}`: is there room, and may it be written to? TMPDIR names another place",
                temporary.display()
            );
            caused(report(Code::PackageUnreadable, "the archive cannot be made".to_owned()), &source).hint(hint)
        }
        PackageError::Unwritable { path, source } => caused(
            ErrorReport::new(Code::PackageUnwritable, format!("the archive cannot be written to `{}`", path.display())),
            &source,
        ),
        PackageError::Stopped(reason) => of_stop(reason),
    }
}

fn listed(entries: &[(String, u64)]) -> String {
    entries.iter().map(|(name, bytes)| format!("{name} ({})", size(*bytes))).collect::<Vec<_>>().join(", ")
}

/// A function that cannot be planned.
pub fn of_plan(error: PlanError, function_name: &str, redactor: &Redactor) -> ErrorReport {
    let function_name = redactor.redact(function_name);
    match error {
        PlanError::CannotCreate { missing } => cannot_create(&missing, &function_name),
        PlanError::EnvironmentUnreadable => report(
            Code::EnvironmentUnreadable,
            "AWS does not show the live variables, so that `merge_environment` would lose them",
        )
        .at("/merge_environment")
        .hint("the caller needs kms:Decrypt on the function's key; or give all variables, without `merge_environment`"),
        PlanError::TagsUnreadable => report(
            Code::TagsUnreadable,
            "AWS does not show the live tags, so that it is not known which ones to remove",
        )
        .at("/function_tags_mode")
        .hint("the caller needs lambda:ListTags on the function; or add tags, without `replace`"),
        PlanError::OtherPackageType { is_image: true } => report(
            Code::PackageTypeMismatch,
            format!("the function `{function_name}` runs a container image, and the stanza packages files"),
        )
        .at("/image_uri")
        .hint("name `image_uri`, or `package_type: Image` to keep the image; files need a function of another name"),
        PlanError::OtherPackageType { is_image: false } => report(
            Code::PackageTypeMismatch,
            format!("the function `{function_name}` runs files, and the stanza names a container image"),
        )
        .at("/image_uri")
        .hint("a function keeps its package type: an image needs a function of another name"),
        PlanError::OtherRevision { exists, live } => {
            let state = match live {
                Some(live) => format!("is at revision {}", redactor.redact(&live)),
                None if exists => "has a revision that AWS does not tell".to_owned(),
                None => "does not exist".to_owned(),
            };
            report(
                Code::RevisionMismatch,
                format!("`revision_id` is not that of the live function: `{function_name}` {state}"),
            )
            .at("/revision_id")
            .hint("somebody has changed it since; read it again, and decide again")
        }
        PlanError::TrafficNotShareable { field, version } => report(
            Code::TrafficNotShareable,
            format!(
                "`{field}` is another than that of version {version}, and AWS shares traffic only where it is the same"
            ),
        )
        .at("/traffic")
        .hint("deploy this once without `traffic`; nothing was changed"),
        PlanError::NoAlias { alias } => {
            report(Code::NotFound, format!("the function `{function_name}` has no alias `{alias}`"))
                .at("/alias")
                .hint("a deployment with `alias` makes it; `aws lambda list-aliases` lists those that are there")
        }
        PlanError::NoVersion { version } => {
            report(Code::NotFound, format!("the function `{function_name}` has no version {version}"))
                .at("/version")
                .hint("`aws lambda list-versions-by-function` lists those that are there")
        }
        PlanError::NoPreviousVersion { alias, version } => report(
            Code::NoPreviousVersion,
            format!("`{alias}` points at version {version}, and there is none before it"),
        )
        .at("/alias")
        .hint("name the one to go to as `version`, or deploy what is to be live"),
        PlanError::AmbiguousRollback { targets } => {
            let targets: Vec<String> = targets
                .iter()
                .map(|(alias, version)| format!("`{alias}` would go back to version {version}"))
                .collect();
            report(Code::AmbiguousRollback, format!("the aliases do not agree: {}", targets.join(", ")))
                .at("/alias")
                .hint("roll one alias back at a time, or name the `version`")
        }
        PlanError::UrlNeedsAuthType => report(
            Code::MissingKey,
            "`function_url.auth_type` is missing, and the address has to be created; give `NONE` or `AWS_IAM`",
        )
        .at("/function_url/auth_type")
        .hint("`NONE` lets everybody in, `AWS_IAM` those whom IAM permits"),
    }
}

/// An alias that somebody else has moved while it was shifted or rolled back.
pub fn of_moved_alias(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    of_lambda(error, redactor)
        .at("/alias")
        .hint("somebody else has changed the alias meanwhile; look where it points now, and decide again")
}

/// Nothing to roll back.
pub fn of_no_function(function_name: &str, redactor: &Redactor) -> ErrorReport {
    report(Code::NotFound, format!("the function `{}` does not exist", redactor.redact(function_name)))
        .at("/function_name")
        .hint("is this the right region and account?")
}

/// A rollback that does not know what goes back.
pub fn of_rollback_without_alias() -> ErrorReport {
    report(Code::MissingKey, "`alias` is missing; give the name that is to point at the version before")
        .at("/alias")
        .hint("a function without an alias has no way back but deploying what ran before")
}

fn cannot_create(missing: &[&'static str], function_name: &str) -> ErrorReport {
    let problems = missing.iter().map(|key| {
        let example = match *key {
            "role" => "the ARN of the IAM role that it runs as",
            "runtime" => "a runtime, such as nodejs22.x",
            "image_uri" => "a container image in Amazon ECR",
            _ => "what Lambda calls, such as index.handler",
        };
        Problem {
            code: Code::MissingKey,
            message: format!(
                "`{key}` is missing, and the function `{function_name}` has to be created; give {example}"
            ),
            at: Some(format!("/{key}")),
            hint: Some("if the function should exist: is this the right region and account?".to_owned()),
        }
    });
    ErrorReport::of_problems(problems.collect())
}

/// AWS's part of a failure.
pub fn of_lambda(error: LambdaError, redactor: &Redactor) -> ErrorReport {
    match error {
        LambdaError::Credentials(error) => of_credentials(error, redactor),
        LambdaError::BadRegion { origin, region, right } => {
            report(Code::BadValue, format!("`{origin}` is `{}`; {right}", redactor.redact(&region)))
                .hint("or name `region` in the stanza")
        }
        LambdaError::BadCaBundle { path, source } => {
            let path = redactor.redact(&path);
            let hint = "it names a file of certificates in PEM; without it the system's are trusted";
            let report =
                |what| report(Code::BadCaBundle, format!("`AWS_CA_BUNDLE` is `{path}`, which {what}")).hint(hint);
            match source {
                Some(source) => caused(report("cannot be read"), &source),
                None => report("holds no certificates"),
            }
        }
        LambdaError::Call(error) => of_call(error, redactor),
        LambdaError::Outdated(error) => {
            let unseen = || report(Code::Conflict, "the function has other settings or other code than it was given");
            let mut report = error.map_or_else(unseen, |error| of_call(error, redactor));
            report.hint = Some("somebody else changes this function at the same time; deploy again".to_owned());
            report
        }
        LambdaError::RoleNotReady(error) => {
            let mut report = of_call(error, redactor);
            report.at = Some("/role".to_owned());
            report.hint = Some(
                "the role's trust policy must let `lambda.amazonaws.com` assume it; a new role needs some seconds"
                    .to_owned(),
            );
            report
        }
        LambdaError::CreationFailed(trouble) => of_trouble(
            Code::CreationFailed,
            "AWS has created the function, but cannot make it ready",
            trouble,
            redactor,
        )
        .hint("mend what AWS names and deploy again; the function is there, but cannot be called"),
        LambdaError::UpdateFailed(trouble) => {
            of_trouble(Code::UpdateFailed, "AWS has accepted the update, but cannot carry it out", trouble, redactor)
                .hint("what was live before goes on running; mend what AWS names and deploy again")
        }
        LambdaError::ProvisioningFailed(trouble) => {
            of_trouble(Code::ProvisioningFailed, "AWS cannot make the provisioned concurrency ready", trouble, redactor)
                .at("/provisioned_concurrency")
                .hint("the alias is live without it; mend what AWS names and deploy again")
        }
        LambdaError::NoAnswer(limit) => {
            report(Code::TimedOut, format!("the function did not answer within {} s", limit.as_secs()))
        }
        LambdaError::WaitedTooLong { what, limit } => {
            report(Code::TimedOut, format!("{what} was not ready after {} s", limit.as_secs()))
                .hint("deploy again to wait on, or set `wait_timeout` higher")
        }
        LambdaError::NoObject { object } => report(
            Code::PackageNotFound,
            format!("`{}` does not exist", redactor.redact(&object.to_string())),
        )
        .at("/s3_key")
        .hint(
            "is it the right bucket, and the whole key with its prefix? without `s3_key` the package is sent for you",
        ),
        LambdaError::Archive(source) => {
            caused(report(Code::PackageUnreadable, "the archive cannot be read again").at("/zip"), &source)
        }
        LambdaError::Gone => report(Code::FunctionGone, "the function was deleted during the deployment")
            .hint("deploy again to create it anew"),
        LambdaError::Stopped { reason, in_flight } => {
            let mut report = of_stop(reason);
            // What has become of traffic that was on its way is told besides.
            if let Some(step) = in_flight.filter(|step| *step != StepName::ShiftTraffic) {
                report.message = format!("{} during {}, which may still take effect", report.message, step.as_str());
            }
            report
        }
    }
}

/// A command of the user's.
pub fn of_command(error: CommandError, redactor: &Redactor) -> ErrorReport {
    match error {
        CommandError::RunFailed { command, index, how } => {
            let command = shortened(&redactor.redact(&command));
            report(Code::RunFailed, format!("`{command}` of `run` failed with {how}"))
                .at(format!("/run/{index}"))
                .hint("what it wrote stands above; the deployment itself has succeeded")
        }
        CommandError::CleanupFailed { words } => report(
            Code::CleanupFailed,
            format!("git cannot put uncommitted files aside: {}", sentence(&words, redactor)),
        )
        .at("/cleanup")
        .hint("`cleanup` needs a git checkout; without it everything in the build directory is kept"),
        CommandError::Child(ChildError::Unstartable(source)) => {
            caused(report(Code::RunFailed, "a command of the stanza cannot be started"), &source)
                .hint("`run` needs bash, and `cleanup` git, on the job's `PATH`")
        }
        CommandError::Child(ChildError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        CommandError::Child(ChildError::TimedOut(limit)) => {
            report(Code::TimedOut, format!("a command did not end within {} s", limit.as_secs()))
        }
        CommandError::Child(ChildError::Stopped(reason)) => of_stop(reason),
    }
}

/// The end that was asked for.
pub fn of_stop(reason: Reason) -> ErrorReport {
    match reason {
        Reason::Interrupt => report(Code::Cancelled, "cancelled by SIGINT"),
        Reason::Terminate => report(Code::Cancelled, "cancelled by SIGTERM"),
        Reason::OutputClosed => report(Code::OutputClosed, "the runner closed our standard output"),
    }
    .hint("the same request can be given again: it goes on where this run ended")
}

/// A bug of ours. `place` is file and line; what a panic says may quote a secret and is left out.
pub fn of_panic(place: &str) -> ErrorReport {
    report(Code::Internal, format!("a bug in dpl-lambda, at {place}"))
        .hint("please report it with this line and the version")
}

/// A command line that is not ours.
pub fn of_arguments(message: String) -> ErrorReport {
    report(Code::BadArguments, message).hint("`dpl-lambda --help` lists the commands")
}

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

fn of_call(error: CallError, redactor: &Redactor) -> ErrorReport {
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
    let mut report = self::report(code, message);
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

fn of_trouble(code: Code, what: &str, trouble: Trouble, redactor: &Redactor) -> ErrorReport {
    let reason = trouble.reason.map(|reason| format!(": {}", sentence(&reason, redactor)));
    let mut report = report(code, format!("{what}{}", reason.unwrap_or_default()));
    report.caused_by.extend(trouble.code);
    report
}

fn too_large(name: &str, bytes: usize) -> ErrorReport {
    let largest = size(bytes as u64);
    report(
        Code::EnvTooLarge,
        format!("the job's environment is too large for any program; `{name}` alone has {largest}"),
    )
    .at(format!("/env/{name}"))
    .hint("the kernel passes at most 128 KiB in one variable; keep such a value in a file")
}

/// AWS's words as part of our line: without secrets, and without the full stop that a hint would follow.
fn sentence(words: &str, redactor: &Redactor) -> String {
    // A secret may end where the sentence does.
    redactor.redact(words).trim().trim_end_matches('.').replace('\n', " ")
}

fn caused(mut report: ErrorReport, source: &dyn std::error::Error) -> ErrorReport {
    report.message = format!("{}: {source}", report.message);
    report
}

/// A pointer as people write a key: `on.condition.1`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn report(code: Code, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, message)
}

/// Enough of a long text to know it again.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
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

    #[test]
    fn a_package_that_is_too_large_tells_by_how_much() {
        let report = of_package(
            PackageError::ZipTooLarge {
                bytes: MAX_ZIP_BYTES + 1024 * 1024,
                largest: vec![("a.bin".to_owned(), 3 << 20)],
            },
            &Redactor::default(),
        );
        assert_eq!(report.message, "the archive has 51.0 MiB, 1.0 MiB more than the 50.0 MiB that a call takes");
        let hint = report.hint.expect("there is a way out");
        assert!(hint.contains("`s3_bucket`") && hint.ends_with("a.bin (3.0 MiB)"), "{hint}");
    }

    #[test]
    fn every_key_that_a_creation_lacks_is_a_problem() {
        let report = of_plan(PlanError::CannotCreate { missing: vec!["role", "runtime"] }, "f", &Redactor::default());
        assert_eq!(report.problems.len(), 2);
        assert_eq!(report.at.as_deref(), Some("/role"));
    }
}
