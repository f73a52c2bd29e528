//! The words for what went wrong or will surprise: codes, classes, problems, warnings.
//! Holds no sentence about a particular failure; those are made in the rooms' errors and in `failure`.

use schemars::JsonSchema;
use serde::Serialize;

use super::policy::Statement;
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

impl Class {
    /// Who that is.
    pub fn who(self) -> &'static str {
        match self {
            Class::Config => "the author of the stanza, or of the runner's request",
            Class::Package => "whoever builds the files to be packaged",
            Class::Auth => "whoever manages credentials and permissions",
            Class::Quota => "whoever manages the AWS account's limits",
            Class::Transient => "nobody; try again",
            Class::Interrupted => "nobody; the run was ended from outside",
            Class::Command => "the author of a command that the stanza names",
            Class::Internal => "the authors of dpl-lambda",
        }
    }

    /// The word itself, as events have it.
    pub fn word(self) -> String {
        word(&self)
    }
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Makes an enum of stable words with what each means, and what is to be done: the catalogue.
macro_rules! words {
    ($(#[$attribute:meta])* $enum:ident { $($(#[doc = $doc:literal])* $name:ident => $advice:literal;)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum { $($(#[doc = $doc])* $name,)* }

        impl $enum {
            /// Every one, in the order of their declaration.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];

            /// What happened, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $($enum::$name => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// What to do about it.
            pub fn advice(self) -> &'static str {
                match self { $($enum::$name => $advice,)* }
            }

            /// The word itself, as events have it.
            pub fn word(self) -> String {
                word(&self)
            }
        }
    };
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident: $class:ident $(, $retryable:ident)? => $advice:literal;)*) => {
        words! {
            /// What went wrong, as a stable word: kebab-case, part of protocol 1.
            Code { $($(#[doc = $doc])* $name => $advice;)* }
        }

        impl Code {
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
    BadArguments: Config =>
        "`dpl-lambda --help` lists the commands.";
    /// Standard input is not JSON.
    BadJson: Config =>
        "Standard input takes one JSON object: the stanza, with the job's `env`. The message names line and column.";
    /// A key stands twice in one JSON object.
    DuplicateKey: Config =>
        "Keep one of the two; JSON leaves open which one counts.";
    /// Standard input holds more than 8 MiB.
    RequestTooLarge: Config =>
        "A stanza and a job's environment are far smaller. Is it the right input?";
    /// Standard input did not come to its end in time.
    RequestTimeout: Config =>
        "The runner has to write the request and close our standard input. `DPL_LAMBDA_INPUT_TIMEOUT` sets another limit, in seconds.";
    /// The document is JSON, but no request: not an object, or an `env` that is no map of strings.
    BadRequest: Config =>
        "Standard input takes one JSON object, and `env` in it is an object of strings.";
    /// The runner speaks a protocol number that this version does not.
    UnsupportedProtocol: Config =>
        "`hello` lists the protocols that a version speaks. Take a newer dpl-lambda, or let the runner ask for one of these.";
    /// The stanza is for another provider than `lambda`.
    WrongProvider: Config =>
        "Let the runner give each stanza to the plugin of its provider.";
    /// A value of the stanza cannot be read.
    BadValue: Config =>
        "Fix the value at `at`; the message says what would be right.";
    /// The stanza lacks a key that is needed here.
    MissingKey: Config =>
        "Add the key at `at`. If the function should exist already: is it the right region and account?";
    /// The stanza has a key that is not known, and asks for `strict` reading.
    UnknownKey: Config =>
        "The hint names the nearest known key. Without `strict` this is a warning.";
    /// A `{"secure": …}` value reached us: the runner did not decrypt it.
    NotDecrypted: Config =>
        "The runner has to decrypt `secure` values before it writes the request. By hand: set the option's variable, such as AWS_SECRET_ACCESS_KEY, and leave the key out.";
    /// A condition under `on` is not what bash can evaluate.
    BadCondition: Config =>
        "Try the condition in bash: `[[ … ]]`. A condition that does not parse never deploys.";
    /// A condition did not end in time.
    ConditionTimeout: Config =>
        "A condition should look at what is there already, and not wait or fetch. `DPL_LAMBDA_CONDITION_TIMEOUT` sets another limit, in seconds.";
    /// A condition needs bash, and there is none on the job's `PATH`.
    BashNotFound: Config =>
        "Install bash where the job runs, or use plain words, which need none.";
    /// Git could not be asked about the checkout, so that branch, tag or commit are not known.
    GitFailed: Config =>
        "Let git read the checkout: is git installed, and does the directory belong to the user of the job (`safe.directory`)? Where there is no git, set TRAVIS_BRANCH.";
    /// The job's environment is larger than the kernel passes to a program.
    EnvTooLarge: Config =>
        "Keep large values in files; the kernel passes at most 128 KiB in one variable.";
    /// The path to package does not exist.
    PackageNotFound: Package =>
        "`zip` names a directory, a file or an archive, relative to where the job runs. Did the build run, and write its result there?";
    /// There is nothing to package.
    PackageEmpty: Package =>
        "Does the build write its result somewhere else? Files whose names begin with a dot need `dot_match: true`.";
    /// A file to package cannot be read or cannot stand in an archive.
    PackageUnreadable: Package =>
        "Fix the file that the message names, or leave it out by `exclude`.";
    /// The package is larger than Lambda takes.
    PackageTooLarge: Package =>
        "Over 50 MiB: name an `s3_bucket`. Over 250 MiB unpacked: leave out what the function does not need, or deploy a container image. The hint names the largest entries.";
    /// The given archive is not a zip file.
    PackageInvalid: Package =>
        "Name the directory instead of an archive, and it is packaged for you.";
    /// The archive cannot be written to the file that `--output` names.
    PackageUnwritable: Package =>
        "Is there room, and may the job write there?";
    /// `AWS_CA_BUNDLE` names a file without certificates.
    BadCaBundle: Config =>
        "`AWS_CA_BUNDLE` names a file of certificates in PEM. Without it the system's are trusted.";
    /// No source of AWS credentials has any.
    NoCredentials: Auth =>
        "Give `access_key_id` and `secret_access_key`, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the job, or `role_to_assume` with `web_identity_token_env`. Travis CI gives secrets to no build of a fork.";
    /// Half a pair of keys was given.
    IncompleteCredentials: Auth =>
        "A key, its secret and its session token come from one place: all in the stanza, or all in the job's environment.";
    /// AWS does not know the key, or the signature is wrong.
    CredentialsRejected: Auth =>
        "Check the access key, its secret and, for keys that begin with ASIA, the session token. Were they rotated or deleted?";
    /// The session of temporary credentials is over.
    CredentialsExpired: Auth =>
        "Fetch temporary credentials in this job, shortly before the deployment.";
    /// The caller is known, but may not do this.
    AccessDenied: Auth =>
        "`policy_statement` is the IAM statement to add; `dpl-lambda policy` prints all that the stanza needs. Where the message says that a policy denies it, ask whoever manages that policy.";
    /// The caller's clock differs from AWS's by more than five minutes.
    ClockSkewed: Config =>
        "Set the clock of the machine that runs the job.";
    /// AWS found a value that it does not take.
    InvalidParameter: Config =>
        "The message says which value AWS does not take, and `at` which key it came from.";
    /// Lambda may not assume the function's role.
    RoleNotAssumable: Config =>
        "The trust policy of the function's role must let `lambda.amazonaws.com` assume it. A new role needs some seconds, which are waited for.";
    /// The function's own role may not do what the function's settings need.
    RoleLacksPermission: Auth =>
        "Give the function's role, not the caller, the permission that the message names.";
    /// A KMS key cannot be used by the function, or for it.
    KeyNotUsable: Auth =>
        "Is the key enabled and in the function's region, and may the function's role, or the caller, use it? The hint says who.";
    /// Something that the stanza names does not exist at AWS.
    NotFound: Config =>
        "Check names, ARNs, region and account. `at` names the key.";
    /// Something that the stanza names is in another region than the function.
    WrongRegion: Config =>
        "Name the one of the function's region, or another `region`.";
    /// The function does not exist any more; it was deleted during the deployment.
    FunctionGone: Transient, retryable =>
        "Deploy again to create it anew, and look who deletes it.";
    /// The function is not at the revision that `revision_id` names.
    RevisionMismatch: Config =>
        "Somebody has changed the function since its revision was read. Read it again, and decide again.";
    /// The function runs a container image and the stanza packages files, or the other way round.
    PackageTypeMismatch: Config =>
        "A function keeps its package type: give it what it runs, or deploy to a function of another name.";
    /// AWS does not let functions have this runtime.
    UnsupportedRuntime: Config =>
        "Go to the runtime that the hint names.";
    /// The function's variables are larger than Lambda takes.
    EnvironmentTooLarge: Config =>
        "Names and values together have 4 KB. Keep large values in Systems Manager, in Secrets Manager, or in the package.";
    /// Lambda cannot take or run the container image.
    ImageNotUsable: Package =>
        "Is it pushed to this account's and region's repository, for one platform, and may Lambda take it?";
    /// The package is not signed as the function's code signing configuration asks.
    CodeSignatureRejected: Package =>
        "Sign it with a profile of the configuration, and deploy the signed object by `s3_bucket` and `s3_key`.";
    /// The function cannot reach its file system.
    FileSystemNotUsable: Config =>
        "Is there a mount target in each subnet's zone, open on TCP 2049, and may the function's role mount it?";
    /// The function is not ready to be called yet.
    FunctionNotReady: Transient, retryable =>
        "Run the deployment again in a minute.";
    /// AWS does not show the live variables, which were to be kept.
    EnvironmentUnreadable: Auth =>
        "The caller needs kms:Decrypt on the function's key; or give all variables, without `merge_environment`.";
    /// AWS does not show the live tags, which were to be replaced.
    TagsUnreadable: Auth =>
        "The caller needs lambda:ListTags on the function; or add tags, without `function_tags_mode: replace`.";
    /// Somebody else changed the function during the deployment.
    Conflict: Transient, retryable =>
        "Run the deployment again. If it stays: who else deploys this function?";
    /// Another update of the function did not end in time.
    UpdateInProgress: Transient, retryable =>
        "Run the deployment again, or set `wait_timeout` higher. A function that is busy for ever is one for AWS Support.";
    /// A limit of the AWS account is reached.
    QuotaExceeded: Quota =>
        "Ask AWS for a higher limit, or use less of it; the hint says of what.";
    /// AWS asks for fewer calls, after several attempts still.
    Throttled: Transient, retryable =>
        "Run the deployment again in some minutes. Which other tools ask AWS in this account at the same time?";
    /// AWS answers with a server error, after several attempts still.
    ServiceUnavailable: Transient, retryable =>
        "Run the deployment again in some minutes.";
    /// AWS cannot be reached.
    NetworkFailure: Transient, retryable =>
        "Check the region's name, the job's network and its proxy; then run the deployment again.";
    /// A certificate on the way to AWS is not trusted.
    CertificateNotTrusted: Config =>
        "Name the certificate of a proxy that opens TLS in `AWS_CA_BUNDLE`; check the clock.";
    /// The proxy on the way to AWS refuses.
    ProxyRefused: Config =>
        "`HTTPS_PROXY` of the job is http://user:password@host:port; `NO_PROXY` names what goes past it.";
    /// Something at AWS did not end within `wait_timeout`, or a call got no answer.
    TimedOut: Transient, retryable =>
        "Run the deployment again, which waits on; or set `wait_timeout` higher.";
    /// AWS accepted the new function, but could not make it ready.
    CreationFailed: Config =>
        "Fix what AWS names and deploy again. The function is there, but cannot be called.";
    /// AWS published a version, but could not make it ready, or has switched it off. No alias moves to it.
    VersionFailed: Config =>
        "Fix what AWS names and deploy again. A version never changes: it takes other code or another setting to get a new one.";
    /// Somebody has deactivated the function.
    FunctionDeactivated: Config =>
        "Activate it again: Lambda Managed Instances are deactivated when they are scaled to none. Nothing was changed.";
    /// AWS accepted the update, but could not carry it out.
    UpdateFailed: Config =>
        "Fix what AWS names and deploy again. What was live before goes on running.";
    /// The function's own start-up code failed, when AWS was about to make it ready.
    FunctionStartFailed: Package =>
        "The function's log in CloudWatch tells where. Fix the code and deploy again.";
    /// The version did not pass the stanza's `verify`.
    VerificationFailed: Package =>
        "The log of the function stands in the error. Fix the code and deploy again; with an `alias` its callers see nothing of the version.";
    /// AWS could not make the provisioned concurrency ready.
    ProvisioningFailed: Quota =>
        "Fix what AWS names and deploy again. The alias is live without the executions that were to be kept ready.";
    /// There is no version before the one that the alias points at.
    NoPreviousVersion: Config =>
        "Name the `version` to go to, or deploy what is to be live.";
    /// The aliases of the stanza do not agree on the version before.
    AmbiguousRollback: Config =>
        "Roll one alias back at a time, or name the `version`.";
    /// The traffic cannot be shared between the version before and the new one.
    TrafficNotShareable: Config =>
        "Deploy this once without `traffic`. Nothing was changed.";
    /// Another tool or a person shares an alias's traffic between two versions.
    TrafficShared: Config =>
        "Wait until that has ended, or set `clear_weights: true`, which sends all traffic to one version. Nothing was changed.";
    /// AWS refused a question, for a reason that has no code of its own here.
    ReadRejected: Config =>
        "The message holds AWS's own words.";
    /// AWS refused to change the function, for a reason that has no code of its own here.
    UpdateRejected: Config =>
        "The message holds AWS's own words. `changed` tells what had taken effect.";
    /// AWS refused a version, an alias or provisioned concurrency, for a reason that has no code of its own here.
    ReleaseRejected: Config =>
        "The message holds AWS's own words. The code is at Lambda; the alias points where it did.";
    /// S3 refused the package, for a reason that has no code of its own here.
    UploadRejected: Config =>
        "The message holds S3's own words. Nothing of the function was changed.";
    /// AWS refused who the caller is to be, for a reason that has no code of its own here.
    IdentityRejected: Auth =>
        "The message holds AWS's own words.";
    /// AWS refused to call the function, for a reason that has no code of its own here.
    InvocationRejected: Config =>
        "The message holds AWS's own words. The function itself was not called.";
    /// AWS answered with something that cannot be understood.
    UnexpectedAnswer: Transient, retryable =>
        "Does a proxy on the way answer for AWS? Run the deployment again.";
    /// `cleanup` could not put uncommitted files aside.
    CleanupFailed: Command =>
        "`cleanup` needs a git checkout; without it everything in the build directory is kept.";
    /// A command of `run` failed.
    RunFailed: Command =>
        "What the command wrote stands in `output` events. The deployment itself has succeeded.";
    /// The system gives the program no more descriptors, processes or memory, or does not let it find itself.
    SystemLimit: Config =>
        "Raise the limits of the job (`ulimit -a` shows them), and give it `/proc`. The message says what was missing.";
    /// A signal ended the run.
    Cancelled: Interrupted, retryable =>
        "Run the deployment again: it goes on where this run ended. `changed` tells what had taken effect.";
    /// The runner closed our standard output.
    OutputClosed: Interrupted, retryable =>
        "The runner has to read our standard output to its end.";
    /// A bug in dpl-lambda. Please report it.
    Internal: Internal =>
        "Please report it with the message and the version.";
}

words! {
    /// What will surprise, as a stable word: kebab-case, part of protocol 1.
    WarningCode {
        /// A key that is not known was left out of account.
        UnknownKey =>
            "The hint names the nearest known key. `strict: true` makes it an error.";
        /// A value was read, though it is not written as it should be.
        LenientValue =>
            "Write it as the hint says, so that other readers of the stanza understand it, too.";
        /// The value is outside the range that AWS documents; AWS decides.
        OutOfRange =>
            "If AWS refuses it, the error says so; the range is AWS's documented one.";
        /// The way this is written is deprecated.
        Deprecated =>
            "Write it as the hint says.";
        /// The stanza has a problem that does not matter in this run, because nothing is deployed.
        StanzaProblem =>
            "Fix it before the conditions are met for the first time.";
        /// A condition under `on` does not mean what its author surely meant.
        SurprisingCondition =>
            "The hint says what was surely meant, and how to write it.";
        /// A variable in a value is not set, so that the value stays as it is written.
        UnsetVariable =>
            "Set the variable in the job, or write `\\$` for a dollar sign.";
        /// A value holds what bash would run or compute, which stays as it is written.
        NotExpanded =>
            "Compute the value in a step before, into a variable, and name that.";
        /// A value has become empty by a variable, and counts as absent.
        BecameEmpty =>
            "Set the variable. An empty value that is written clears; one that came about so does not.";
        /// The description names git facts, and git tells none.
        NoRepository =>
            "Run where the job has its checkout, or write another description.";
        /// `cleanup` is not carried out, because nothing is deployed.
        NotCleanedUp =>
            "Nothing has to be done: `cleanup` is for deployments.";
        /// `cleanup` has put uncommitted files aside.
        Stashed =>
            "They come back at the end. If the run is killed, `git stash pop` brings them back. Copies stay in `.git`, as of anything that git has seen, until `git gc` removes them.";
        /// `cleanup` could not put everything aside: git stores no pipes and sockets, and nothing of a repository inside the checkout.
        NotStashed =>
            "Leave these files out by `exclude`; in a submodule commit what was changed, or undo it.";
        /// The files that `cleanup` has put aside could not be brought back.
        StashKept =>
            "Nothing is lost: the hint names the stash and how to bring it back.";
        /// A file was left out of the package.
        FileLeftOut =>
            "Leave it out by `exclude`, and the warning is gone.";
        /// A link in the package will point to nothing.
        DanglingLink =>
            "`symlinks: external` packages what such a link points to.";
        /// The package lacks what Lambda will look for when it calls the handler.
        HandlerNotFound =>
            "Is `zip` the right directory, and `module_name` the file's path without its ending?";
        /// The runtime is deprecated: AWS no longer patches it.
        DeprecatedRuntime =>
            "Go to the runtime that the hint names, before AWS refuses updates.";
        /// The runtime is not one that this version knows.
        UnknownRuntime =>
            "Is the name right? AWS decides; a newer runtime is deployed all the same.";
        /// AWS could not be asked whether it would take the plan's code.
        NotRehearsed =>
            "Nothing was changed, and the plan itself holds; plan again to ask again.";
        /// AWS will refuse what the plan holds.
        WouldBeRefused =>
            "Do what the hint says before the deployment; nothing was changed.";
        /// Compiled Python files in the package will be compiled again at each cold start.
        StalePyc =>
            "Leave `__pycache__` out, or compile with `--invalidation-mode unchecked-hash`.";
        /// The function's role cannot be assumed yet; it is tried again.
        RoleNotReady =>
            "Nothing has to be done: a role that was created just now needs some seconds.";
        /// Somebody else has changed the function during the deployment, so that it was planned again.
        FunctionChanged =>
            "Do two jobs deploy the same function at the same time? Let the CI system run one at a time.";
        /// The code was live, and somebody else's is now.
        Overtaken =>
            "Look whose deployment came last, and whether it is the right one.";
        /// An alias sent a part of its traffic to another version; the weights are gone.
        WeightsCleared =>
            "Share traffic by `traffic`, and it is part of the deployment.";
        /// The function has an address of its own beside that of the alias, which serves whatever was deployed last.
        UrlOnLatest =>
            "Send its callers to the address of the alias, then remove it: `aws lambda delete-function-url-config --function-name …`.";
        /// A version that was to be deleted is in use, and stays.
        VersionKept =>
            "Move the alias that uses it; the next deployment deletes it.";
        /// A key of the stanza that has no effect in this command.
        WithoutEffect =>
            "Remove the key, or run the command that it is for.";
        /// A live value cannot be read, so that it is changed without being compared.
        LiveValueUnknown =>
            "Give the caller the permission to read it, and it is changed only where it differs.";
    }
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
    pub fn into_unknown_key(self) -> Problem {
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
    /// The IAM statement that would allow what was denied, ready to be pasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_statement: Option<Box<Statement>>,
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
            policy_statement: None,
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
