//! The words for what went wrong or will surprise: codes, classes, problems, warnings.
//! Holds no sentence about a particular failure; those are made in the rooms' errors and in `failure`.

use schemars::JsonSchema;
use serde::Serialize;

use super::prose::one_line;

/// Who must act so that the next run succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The author of the stanza or of the runner's request.
    Config,
    /// Whoever builds the files to be packaged.
    Package,
    /// Whoever manages credentials and permissions.
    Auth,
    /// Whoever manages the AWS account's limits.
    Quota,
    /// Nobody: try again.
    Transient,
    /// Nobody: the run was ended from outside.
    Interrupted,
    /// The author of a command that the stanza names.
    Command,
    /// The authors of dpl-lambda.
    Internal,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident: $class:ident $(, $retryable:ident)?;)*) => {
        /// What went wrong, as a stable word: kebab-case, part of protocol 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// Who must act.
            pub fn class(self) -> Class {
                match self { $(Code::$name => Class::$class,)* }
            }

            /// True when the same request may succeed later without any change.
            pub fn is_retryable(self) -> bool {
                match self { $(Code::$name => codes!(@retryable $($retryable)?),)* }
            }
        }
    };
    (@retryable) => { false };
    (@retryable retryable) => { true };
}

codes! {
    /// The command line is not one of ours.
    BadArguments: Config;
    /// Standard input is not JSON.
    BadJson: Config;
    /// A key stands twice in one JSON object.
    DuplicateKey: Config;
    /// Standard input holds more than 8 MiB.
    RequestTooLarge: Config;
    /// Standard input did not come to its end in time.
    RequestTimeout: Config;
    /// The document is JSON, but no request: not an object, or an `env` that is no map of strings.
    BadRequest: Config;
    /// The runner speaks a protocol number that this version does not.
    UnsupportedProtocol: Config;
    /// The stanza is for another provider than `lambda`.
    WrongProvider: Config;
    /// A value of the stanza cannot be read.
    BadValue: Config;
    /// The stanza lacks a key that is needed here.
    MissingKey: Config;
    /// The stanza has a key that is not known, and asks for `strict` reading.
    UnknownKey: Config;
    /// A `{"secure": …}` value reached us: the runner did not decrypt it.
    NotDecrypted: Config;
    /// A condition under `on` is not what bash can evaluate.
    BadCondition: Config;
    /// A condition did not end in time.
    ConditionTimeout: Config;
    /// A condition needs bash, and there is none on the job's `PATH`.
    BashNotFound: Config;
    /// The job's environment is larger than the kernel passes to a program.
    EnvTooLarge: Config;
    /// The path to package does not exist.
    PackageNotFound: Package;
    /// There is nothing to package.
    PackageEmpty: Package;
    /// A file to package cannot be read or cannot stand in an archive.
    PackageUnreadable: Package;
    /// The package is larger than Lambda takes.
    PackageTooLarge: Package;
    /// The given archive is not a zip file.
    PackageInvalid: Package;
    /// The archive cannot be written to the file that `--output` names.
    PackageUnwritable: Package;
    /// `AWS_CA_BUNDLE` names a file without certificates.
    BadCaBundle: Config;
    /// No source of AWS credentials has any.
    NoCredentials: Auth;
    /// Half a pair of keys was given.
    IncompleteCredentials: Auth;
    /// AWS does not know the key, or the signature is wrong.
    CredentialsRejected: Auth;
    /// The session of temporary credentials is over.
    CredentialsExpired: Auth;
    /// The caller is known, but may not do this.
    AccessDenied: Auth;
    /// AWS found a value that it does not take.
    InvalidParameter: Config;
    /// Lambda may not assume the function's role.
    RoleNotAssumable: Config;
    /// Something that the stanza names does not exist at AWS.
    NotFound: Config;
    /// The function does not exist any more; it was deleted during the deployment.
    FunctionGone: Transient, retryable;
    /// The function is not at the revision that `revision_id` names.
    RevisionMismatch: Config;
    /// The function runs a container image and the stanza packages files, or the other way round.
    PackageTypeMismatch: Config;
    /// AWS does not show the live variables, which were to be kept.
    EnvironmentUnreadable: Auth;
    /// AWS does not show the live tags, which were to be replaced.
    TagsUnreadable: Auth;
    /// Somebody else changed the function during the deployment.
    Conflict: Transient, retryable;
    /// Another update of the function did not end in time.
    UpdateInProgress: Transient, retryable;
    /// A limit of the AWS account is reached.
    QuotaExceeded: Quota;
    /// AWS asks for fewer calls, after several attempts still.
    Throttled: Transient, retryable;
    /// AWS answers with a server error, after several attempts still.
    ServiceUnavailable: Transient, retryable;
    /// AWS cannot be reached.
    NetworkFailure: Transient, retryable;
    /// Something at AWS did not end within `wait_timeout`, or a call got no answer.
    TimedOut: Transient, retryable;
    /// AWS accepted the new function, but could not make it ready.
    CreationFailed: Config;
    /// AWS accepted the update, but could not carry it out.
    UpdateFailed: Config;
    /// The version did not pass the stanza's `verify`.
    VerificationFailed: Package;
    /// AWS could not make the provisioned concurrency ready.
    ProvisioningFailed: Quota;
    /// There is no version before the one that the alias points at.
    NoPreviousVersion: Config;
    /// The aliases of the stanza do not agree on the version before.
    AmbiguousRollback: Config;
    /// The traffic cannot be shared between the version before and the new one.
    TrafficNotShareable: Config;
    /// AWS refused the request for a reason that has no code of its own here.
    AwsRejected: Config;
    /// AWS answered with something that cannot be understood.
    UnexpectedAnswer: Transient, retryable;
    /// `cleanup` could not put uncommitted files aside.
    CleanupFailed: Command;
    /// A command of `run` failed.
    RunFailed: Command;
    /// A signal ended the run.
    Cancelled: Interrupted, retryable;
    /// The runner closed our standard output.
    OutputClosed: Interrupted, retryable;
    /// A bug in dpl-lambda. Please report it.
    Internal: Internal;
}

/// What will surprise, as a stable word: kebab-case, part of protocol 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// A key that is not known was left out of account.
    UnknownKey,
    /// A value was read, though it is not written as it should be.
    LenientValue,
    /// The value is outside the range that AWS documents; AWS decides.
    OutOfRange,
    /// The way this is written is deprecated.
    Deprecated,
    /// The stanza has a problem that does not matter in this run, because nothing is deployed.
    StanzaProblem,
    /// A condition under `on` does not mean what its author surely meant.
    SurprisingCondition,
    /// A variable in a value is not set, so that the value stays as it is written.
    UnsetVariable,
    /// A value holds what bash would run or compute, which stays as it is written.
    NotExpanded,
    /// A value has become empty by a variable, and counts as absent.
    BecameEmpty,
    /// The description names git facts, and git tells none.
    NoRepository,
    /// `cleanup` is not carried out, because nothing is deployed.
    NotCleanedUp,
    /// `cleanup` has put uncommitted files aside.
    Stashed,
    /// The files that `cleanup` has put aside could not be brought back.
    StashKept,
    /// A file was left out of the package.
    FileLeftOut,
    /// A link in the package will point to nothing.
    DanglingLink,
    /// The package lacks what Lambda will look for when it calls the handler.
    HandlerNotFound,
    /// Compiled Python files in the package will be compiled again at each cold start.
    StalePyc,
    /// The function's role cannot be assumed yet; it is tried again.
    RoleNotReady,
    /// Somebody else has changed the function during the deployment, so that it was planned again.
    FunctionChanged,
    /// The code was live, and somebody else's is now.
    Overtaken,
    /// An alias sent a part of its traffic to another version; the weights are gone.
    WeightsCleared,
    /// A version that was to be deleted is in use, and stays.
    VersionKept,
    /// A key of the stanza that has no effect in this command.
    WithoutEffect,
    /// A live value cannot be read, so that it is changed without being compared.
    LiveValueUnknown,
}

/// Something that will surprise, told while the run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Warning {
    /// The kind of surprise.
    pub code: WarningCode,
    /// What was found, in one line.
    #[serde(skip)]
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// JSON pointer to the place in the request.
    pub at: Option<String>,
}

impl Warning {
    /// The same as a problem, where a key that is not known cannot be left out of account.
    pub(super) fn into_unknown_key(self) -> Problem {
        Problem { code: Code::UnknownKey, message: self.message, at: self.at, hint: self.hint }
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Problem {
    /// The kind of problem.
    pub code: Code,
    /// What was found, with which value, and what would be right.
    pub message: String,
    /// JSON pointer to the place in the request.
    pub at: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What AWS said about a call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AwsDetail {
    /// The operation, as AWS names it: `UpdateFunctionCode`.
    pub operation: String,
    /// AWS's error code, such as `ResourceConflictException`.
    pub code: Option<String>,
    /// Status of the HTTP answer.
    pub http_status: Option<u16>,
    /// The id under which AWS Support finds the call.
    pub request_id: Option<String>,
}

/// Why a run failed, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ErrorReport {
    /// The kind of failure.
    pub code: Code,
    /// Who must act.
    pub class: Class,
    /// What happened, in one line.
    pub message: String,
    /// The causes beneath it, nearest first.
    pub caused_by: Vec<String>,
    /// JSON pointer to the key of the request that is to blame.
    pub at: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// True when the same request may succeed later without any change.
    pub retryable: bool,
    /// The AWS call that failed.
    pub aws: Option<AwsDetail>,
    /// The end of the function's log, secrets masked, where a version did not pass `verify`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// All problems, where several were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

impl ErrorReport {
    /// A failure with its code and sentence; class and `retryable` follow from the code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        ErrorReport {
            code,
            class: code.class(),
            message: one_line(&message.into()),
            caused_by: Vec::new(),
            at: None,
            hint: None,
            retryable: code.is_retryable(),
            aws: None,
            log: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the JSON pointer of the key to blame.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.at = Some(pointer.into());
        self
    }

    /// All problems of a stanza at once: the first one speaks, the others stand in `problems`.
    ///
    /// `problems` must not be empty.
    pub fn of_problems(problems: Vec<Problem>) -> Self {
        let first = problems.first().expect("a stanza is refused for at least one problem");
        let message = match problems.len() {
            1 => first.message.clone(),
            n => format!("{} (and {} more)", first.message, n - 1),
        };
        let mut report = ErrorReport::new(first.code, message);
        report.at = first.at.clone();
        report.hint = first.hint.clone();
        if problems.len() > 1 {
            report.problems = problems;
        }
        report
    }
}
