//! The codes of errors and warnings, with their meaning and advice, and the classes of errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::display_as_in_json;

display_as_in_json!(Class, Code, WarningCode);

/// Who must act before a run can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The author of the stanza or of the runner's request.
    Config,
    /// The author of the build that makes the files to package.
    Package,
    /// The administrator of credentials and permissions.
    Auth,
    /// The administrator of the AWS account's quotas.
    Quota,
    /// No one: a retry can succeed.
    Transient,
    /// No one: the run was cancelled.
    Interrupted,
    /// The author of a command in the stanza.
    Command,
    /// The authors of dpl-lambda.
    Internal,
}

impl Class {
    /// Who must act, as part of a sentence.
    pub fn who(self) -> &'static str {
        match self {
            Class::Config => "the author of the stanza or of the runner's request",
            Class::Package => "the author of the build that makes the files to package",
            Class::Auth => "the administrator of credentials and permissions",
            Class::Quota => "the administrator of the AWS account's quotas",
            Class::Transient => "no one; retry",
            Class::Interrupted => "no one; the run was cancelled",
            Class::Command => "the author of a command in the stanza",
            Class::Internal => "the authors of dpl-lambda",
        }
    }
}

/// Defines an enum of codes. Each has its meaning (the doc comment) and advice; `docs/errors.md` is generated
/// from them.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        $enum:ident { $($(#[doc = $doc:literal])* $name:ident => $advice:literal;)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum { $($(#[doc = $doc])* $name,)* }

        impl $enum {
            /// All codes in the order of their declaration.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];

            /// What the code means, in one or two sentences.
            pub fn meaning(self) -> &'static str {
                match self { $($enum::$name => concat!($($doc,)*).trim_ascii(),)* }
            }

            /// What to do.
            pub fn advice(self) -> &'static str {
                match self { $($enum::$name => $advice,)* }
            }
        }
    };
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident: $class:ident $(, $retryable:ident)? => $advice:literal;)*) => {
        words! {
            /// Error code. Codes are in kebab case and stable within protocol 1.
            Code { $($(#[doc = $doc])* $name => $advice;)* }
        }

        impl Code {
            /// Who must act.
            pub fn class(self) -> Class {
                match self { $(Code::$name => Class::$class,)* }
            }

            /// Whether the same request can succeed later without a change.
            pub fn is_retryable(self) -> bool {
                match self { $(Code::$name => codes!(@retryable $($retryable)?),)* }
            }
        }
    };
    (@retryable) => { false };
    (@retryable retryable) => { true };
}

codes! {
    /// The command line is invalid.
    BadArguments: Config =>
        "Run `dpl-lambda --help` for the commands and options.";
    /// Standard input is not JSON.
    BadJson: Config =>
        "Write one JSON object to standard input: the stanza, with the job's `env`. The message names line \
         and column.";
    /// A JSON object has the same key twice, or the settings of a plugin have two values for one option.
    DuplicateKey: Config =>
        "Keep one of the two. No rule says which one counts.";
    /// Standard input is larger than 8 MiB, or contains too many values.
    RequestTooLarge: Config =>
        "Check that this is the right input. A stanza and a job's environment are far smaller.";
    /// Standard input was not closed within the time limit.
    RequestTimeout: Config =>
        "Let the runner write the request and close standard input. `DPL_LAMBDA_INPUT_TIMEOUT` sets another \
         limit, in seconds.";
    /// The document is JSON, but not a request: it is not an object, its `env` is not a map of strings, or
    /// its `plan` is no plan.
    BadRequest: Config =>
        "Write one JSON object to standard input. Its `env` is an object of strings, its `plan` what the \
         command `plan` has printed.";
    /// The request asks for a protocol that this version does not support.
    UnsupportedProtocol: Config =>
        "Install a newer dpl-lambda, or let the runner ask for a protocol that the `hello` event lists.";
    /// The stanza is for a provider other than `lambda`.
    WrongProvider: Config =>
        "Let the runner give each stanza to the plugin of its provider.";
    /// A value of the stanza is invalid.
    BadValue: Config =>
        "Fix the value at `at`. The message says what is expected.";
    /// The stanza lacks a required key.
    MissingKey: Config =>
        "Add the key at `at`. If the function should already exist, check the region and the account.";
    /// The stanza has a key that is AWS's name of an option, such as `MemorySize`; with `strict: true`, any
    /// unknown key.
    UnknownKey: Config =>
        "Write the option that the hint names. Without `strict`, any other unknown key is a warning.";
    /// A value is still encrypted: it is `{"secure": …}`.
    NotDecrypted: Config =>
        "Let the runner decrypt `secure` values before it writes the request. In standalone use, set the \
         option's variable, such as AWS_SECRET_ACCESS_KEY, and remove the key.";
    /// A condition cannot be evaluated: one under `on` by bash, or an `if` of the `.travis.yml`.
    BadCondition: Config =>
        "Try a condition of `on` in bash: `[[ … ]]`. A stanza with an invalid condition is never deployed.";
    /// The evaluation of a condition did not finish within the time limit.
    ConditionTimeout: Config =>
        "Let the condition test only what already exists; it should not wait or download. \
         `DPL_LAMBDA_CONDITION_TIMEOUT` sets another limit, in seconds.";
    /// A condition needs bash, which is not on the job's `PATH`.
    BashNotFound: Config =>
        "Install bash where the job runs, or use plain words in the conditions, which need no bash.";
    /// The conditions are not met, and `--require-deploy` is given.
    SkippedButRequired: Config =>
        "Fix the conditions, or check which build this is: branch, tag, pull request. Without \
         `--require-deploy`, such a run ends with `skipped`. `allow_failure` does not allow this failure.";
    /// git could not read the checkout, so branch, tag or commit are unknown.
    GitFailed: Config =>
        "Install git, and check that the directory belongs to the user that runs the job (`safe.directory`). \
         Without git, set TRAVIS_BRANCH.";
    /// The job's environment is larger than the kernel passes to a program.
    EnvTooLarge: Config =>
        "Keep large values in files. The kernel passes at most 128 KiB in one variable.";
    /// A path in `zip`, or the object in `s3_key`, does not exist.
    PackageNotFound: Package =>
        "Check that the build ran and wrote its output there; dpl-lambda does not run `before_deploy`. `zip` \
         names a directory, a file or an archive, relative to the directory in which the job runs. Patterns \
         and `~` are not expanded.";
    /// There are no files to package.
    PackageEmpty: Package =>
        "Check where the build writes its output. Files whose names begin with a dot need `dot_match: true`.";
    /// A file to package cannot be read, or an archive cannot contain it.
    PackageUnreadable: Package =>
        "Fix the file that the message names, or exclude it with `exclude`.";
    /// The package is larger than Lambda allows.
    PackageTooLarge: Package =>
        "Over 50 MiB, set `s3_bucket`. Over 250 MiB unpacked, remove files that the function does not need, \
         or deploy a container image. The hint names the largest entries.";
    /// The archive is not a valid zip file.
    PackageInvalid: Package =>
        "Set `zip` to the directory instead of the archive; dpl-lambda then makes the archive.";
    /// The archive cannot be written to the file that `--output` names.
    PackageUnwritable: Package =>
        "Check the free space and the write permission of the job.";
    /// The file that `AWS_CA_BUNDLE` names cannot be read, or contains no certificates.
    BadCaBundle: Config =>
        "Set `AWS_CA_BUNDLE` to a file of PEM certificates, or unset it to trust the system's certificates.";
    /// No source provides AWS credentials.
    NoCredentials: Auth =>
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the job, or AWS_PROFILE, or, in the stanza, \
         `role_to_assume` with `web_identity_token_env`. Travis CI passes no secrets to builds of forks.";
    /// A part of the credentials is missing.
    IncompleteCredentials: Auth =>
        "Take the access key ID, its secret and its session token from one source: all from the stanza, or \
         all from the job's environment.";
    /// AWS does not know the access key, or the signature is wrong.
    CredentialsRejected: Auth =>
        "Check the access key, its secret and, for keys that begin with ASIA, the session token. They may \
         have been rotated or deleted.";
    /// The session of the temporary credentials has expired.
    CredentialsExpired: Auth =>
        "Get new temporary credentials in this job, shortly before the deployment.";
    /// The caller lacks a permission.
    AccessDenied: Auth =>
        "Add the IAM statement in `policy_statement` to the caller's policy. `dpl-lambda policy` prints all \
         statements that the stanza needs. If the message names a policy that denies the action, ask the \
         owner of that policy.";
    /// The clock of the caller differs from that of AWS by more than five minutes.
    ClockSkewed: Config =>
        "Set the clock of the machine that runs the job.";
    /// AWS does not accept a value.
    InvalidParameter: Config =>
        "Fix the value that the message names; `at` is its key.";
    /// Lambda cannot assume the function's role.
    RoleNotAssumable: Config =>
        "Check that the role exists, and add `lambda.amazonaws.com` to its trust policy. Lambda can assume a \
         new role only after a few seconds; the run has already waited for that.";
    /// The function's role lacks a permission that the function's settings need.
    RoleLacksPermission: Auth =>
        "Add the permission that the message names to the function's role, not to the caller.";
    /// The function or the caller cannot use a KMS key.
    KeyNotUsable: Auth =>
        "Check that the key is enabled and in the function's region, and that the function's role or the \
         caller can use it. The hint says which.";
    /// Something that the stanza names does not exist at AWS.
    NotFound: Config =>
        "Check the names, the ARNs, the region and the account. `at` is the key of the stanza.";
    /// Something that the stanza names is not in the function's region.
    WrongRegion: Config =>
        "Use a resource in the function's region, or change `region`.";
    /// The function was deleted during the deployment.
    FunctionGone: Transient, retryable =>
        "Deploy again to create the function, and find out what deletes it.";
    /// The function does not have the revision in `revision_id`.
    RevisionMismatch: Config =>
        "Read the function again; someone changed it after its revision was read. Then decide whether to \
         deploy.";
    /// The deployment is not the approved one: since the plan was made, the function, an alias, the code, the
    /// account, the region or the conditions have changed, or the steps differ for another reason.
    PlanOutdated: Config =>
        "Make a new plan with `dpl-lambda plan --out FILE`, and approve that. The message says what differs; \
         a run that was interrupted, or has succeeded, also makes its plan outdated.";
    /// The function runs a container image and the stanza packages files, or the reverse.
    PackageTypeMismatch: Config =>
        "Deploy the type that the function has, or use a function with another name. A function cannot \
         change its package type.";
    /// The stanza changes what AWS fixes when it creates a function: whether it is durable, how it isolates
    /// its tenants, or whether it runs on Lambda Managed Instances.
    FixedAtCreation: Config =>
        "Remove the key at `at`, or use a function with another name.";
    /// AWS does not allow functions with this runtime.
    UnsupportedRuntime: Config =>
        "Switch to the runtime that the hint names.";
    /// The function's environment variables are larger than Lambda allows.
    EnvironmentTooLarge: Config =>
        "Reduce names and values to 4 KB in total. Keep large values in Systems Manager, in Secrets Manager, \
         or in the package.";
    /// Lambda cannot use the container image.
    ImageNotUsable: Package =>
        "Check that the image is in a repository of this account and region, is built for one platform, and \
         can be read by Lambda.";
    /// The package is not signed as the function's code signing configuration requires.
    CodeSignatureRejected: Package =>
        "Sign the package with a profile of the configuration, and deploy the signed object with `s3_bucket` \
         and `s3_key`.";
    /// The function cannot reach its file system.
    FileSystemNotUsable: Config =>
        "Check that each subnet's availability zone has a mount target with TCP port 2049 open, and that the \
         function's role can mount the file system.";
    /// The function is not ready for invocations yet.
    FunctionNotReady: Transient, retryable =>
        "Deploy again in a minute.";
    /// AWS does not return the live variables, which `merge_environment` needs.
    EnvironmentUnreadable: Auth =>
        "Grant the caller kms:Decrypt on the function's KMS key, or set all variables and remove \
         `merge_environment`.";
    /// AWS does not return the live tags, which `function_tags_mode: replace` needs.
    TagsUnreadable: Auth =>
        "Grant the caller lambda:ListTags on the function, or remove `function_tags_mode: replace` to only \
         add tags.";
    /// Someone else changed the function during the deployment.
    Conflict: Transient, retryable =>
        "Deploy again. If this recurs, find out who else changes this function at the same time.";
    /// Another update of the function did not finish within the time limit.
    UpdateInProgress: Transient, retryable =>
        "Deploy again, or increase `wait_timeout`. If the update never finishes, contact AWS Support.";
    /// A quota of the AWS account is exhausted.
    QuotaExceeded: Quota =>
        "Request a higher quota from AWS, or use less of it. The hint names the quota.";
    /// AWS throttled the call, even after several attempts.
    Throttled: Transient, retryable =>
        "Try again in a few minutes. Check which other tools call AWS in this account at the same time.";
    /// AWS returned a server error, even after several attempts.
    ServiceUnavailable: Transient, retryable =>
        "Try again in a few minutes.";
    /// AWS cannot be reached.
    NetworkFailure: Transient, retryable =>
        "Check the region name, the job's network access and its proxy. Then deploy again.";
    /// A certificate on the connection to AWS is not trusted.
    CertificateNotTrusted: Config =>
        "If a proxy inspects TLS, set `AWS_CA_BUNDLE` to the proxy's certificate file. Check the machine's \
         clock.";
    /// The proxy on the connection to AWS refuses the request.
    ProxyRefused: Config =>
        "Set `HTTPS_PROXY` in the job to http://user:password@host:port. List hosts to reach without the \
         proxy in `NO_PROXY`.";
    /// A wait took longer than its time limit, or a call got no response.
    TimedOut: Transient, retryable =>
        "Deploy again to keep waiting, or increase `wait_timeout`.";
    /// AWS accepted the new function, but its creation failed.
    CreationFailed: Config =>
        "Fix what AWS reports and deploy again. The function exists, but cannot be invoked.";
    /// AWS could not make a published version active, or has deactivated it. No alias moves to it.
    VersionFailed: Config =>
        "Fix what AWS reports and deploy again. A version never changes; a new one needs other code or \
         another setting.";
    /// The function is deactivated.
    FunctionDeactivated: Config =>
        "Activate the function. Lambda Managed Instances are deactivated when they are scaled to zero.";
    /// AWS accepted the update, but the update failed.
    UpdateFailed: Config =>
        "Fix what AWS reports and deploy again. The function keeps what it had before this update; `changed` \
         lists the steps that took effect.";
    /// The function's initialization code failed when AWS started the function.
    FunctionStartFailed: Package =>
        "Find the cause in the function's CloudWatch log, fix the code and deploy again.";
    /// The version did not pass the check in `verify`.
    VerificationFailed: Package =>
        "Fix the code and deploy again; the error contains the end of the function's log. An alias moves \
         only to a version that passes.";
    /// A CloudWatch alarm of the guard fired while the new version got traffic.
    AlarmFired: Package =>
        "Find the cause in the log of the version that the message names, fix it and deploy again.";
    /// More invocations of the new version failed than `guard.errors` allows.
    ErrorsExceeded: Package =>
        "Find the cause in the log of the version that the message names, fix it and deploy again.";
    /// AWS could not allocate the provisioned concurrency.
    ProvisioningFailed: Quota =>
        "Fix what AWS reports and deploy again. The alias is live without provisioned concurrency.";
    /// The previous version of the alias is unknown, so there is none to go back to.
    NoPreviousVersion: Config =>
        "Set `version` to the version to go back to, or deploy the code that should be live.";
    /// The aliases of the stanza have different previous versions.
    AmbiguousRollback: Config =>
        "Roll back one alias at a time, or set `version`.";
    /// The traffic cannot be split between the previous version and the new one.
    TrafficNotShareable: Config =>
        "Deploy once without `traffic` and `guard`.";
    /// Another tool or a person splits an alias's traffic between two versions.
    TrafficShared: Config =>
        "Wait until the split has ended, or set `clear_weights: true`, which sends all traffic to one \
         version.";
    /// CodeDeploy did not move the alias to the new version: its deployment failed or was stopped.
    CodedeployFailed: Package =>
        "Find the cause in CodeDeploy: a hook that failed, an alarm that fired, or a person who stopped the \
         deployment. Then deploy again. The message says where the alias points.";
    /// AWS refused a read for a reason that has no specific code.
    ReadRejected: Config =>
        "Look up the error in AWS's documentation.";
    /// AWS refused to change the function for a reason that has no specific code.
    UpdateRejected: Config =>
        "Look up the error in AWS's documentation. `changed` lists the steps that took effect.";
    /// AWS refused a version, an alias or provisioned concurrency for a reason that has no specific code.
    ReleaseRejected: Config =>
        "Look up the error in AWS's documentation. `changed` lists the steps that took effect.";
    /// S3 refused the package for a reason that has no specific code.
    UploadRejected: Config =>
        "Look up the error in S3's documentation. The function was not changed.";
    /// AWS refused the identity of the caller for a reason that has no specific code.
    IdentityRejected: Auth =>
        "Look up the error in AWS's documentation.";
    /// AWS refused to invoke the function for a reason that has no specific code.
    InvocationRejected: Config =>
        "Look up the error in AWS's documentation. The function did not run.";
    /// AWS returned a response that could not be parsed.
    UnexpectedAnswer: Transient, retryable =>
        "Check whether a proxy responds in place of AWS, then try again in a few minutes.";
    /// `cleanup` could not stash uncommitted files.
    CleanupFailed: Command =>
        "Run in a git checkout, which `cleanup` needs. Without `cleanup`, all files stay in the build \
         directory.";
    /// A command of `run` failed.
    RunFailed: Command =>
        "Read the command's output in the `output` events. The deployment itself succeeded.";
    /// The operating system refused more file descriptors, processes or memory, or dpl-lambda could not find
    /// its own executable.
    SystemLimit: Config =>
        "Raise the limits of the job (`ulimit -a` shows them) and mount `/proc`. The message names the \
         missing resource.";
    /// A signal ended the run.
    Cancelled: Interrupted, retryable =>
        "Repeat the run; the new run continues where this one stopped. `changed` lists the steps that took \
         effect.";
    /// The runner closed standard output.
    OutputClosed: Interrupted, retryable =>
        "Let the runner read standard output to its end.";
    /// This is a bug in dpl-lambda.
    Internal: Internal =>
        "Report the bug with the message and the version of dpl-lambda.";
}

words! {
    /// Warning code. Codes are in kebab case and stable within protocol 1.
    WarningCode {
        /// An unknown key was ignored.
        UnknownKey =>
            "Fix the key; the hint names the most similar known one. `strict: true` makes this an error.";
        /// A value was accepted, although it is not in the documented form.
        LenientValue =>
            "Write the value as the hint says, so that other tools can read it too.";
        /// The value is outside the range that AWS documents. It is sent anyway; only a description is cut.
        OutOfRange =>
            "Check the value. If AWS refuses it, the run fails with AWS's error.";
        /// The stanza uses a deprecated form.
        Deprecated =>
            "Write the key as the hint says.";
        /// The stanza has an error that does not matter in this run, because nothing is deployed.
        StanzaProblem =>
            "Fix the error before the conditions are met for the first time.";
        /// A condition under `on` has another effect than it seems to have.
        SurprisingCondition =>
            "Write the condition as the hint says.";
        /// A variable in a value is not set, so the value is left unchanged.
        UnsetVariable =>
            "Set the variable in the job, or write `\\$` for a dollar sign.";
        /// A value contains a bash expansion that is not supported, so it is left unchanged.
        NotExpanded =>
            "Compute the value in an earlier step, store it in a variable, and use that variable.";
        /// A value is empty because a variable is empty, so its key counts as absent.
        BecameEmpty =>
            "Set the variable. To clear the live value, write an empty value in the stanza itself.";
        /// The description uses git values, and git does not return them.
        NoRepository =>
            "Run in the checkout of the job, or write another description.";
        /// `cleanup` is skipped, because nothing is deployed.
        NotCleanedUp =>
            "No action is needed: `cleanup` applies to deployments only.";
        /// `cleanup` has stashed uncommitted files.
        Stashed =>
            "No action is needed: the files are restored at the end. If the run is killed, run `git stash \
             pop`. Copies stay in `.git` until `git gc` removes them.";
        /// `cleanup` could not stash everything. git does not store pipes and sockets, or changes in a
        /// repository inside the checkout.
        NotStashed =>
            "Exclude these files with `exclude`; in a repository inside the checkout, commit or undo the \
             changes.";
        /// `cleanup` could not restore the stashed files.
        StashKept =>
            "Restore the files as the hint says. Nothing is lost; the hint names the stash.";
        /// A file was left out of the package.
        FileLeftOut =>
            "Set `dot_match: true` if the function needs a hidden file. Exclude the file with `exclude` to avoid the warning.";
        /// The target of a link in the package will not exist at Lambda.
        DanglingLink =>
            "Package the target: `dot_match: true` packages hidden files, and `symlinks: external` replaces such links by their targets.";
        /// An entry of the package cannot be used at Lambda: only its owner may read it, its name has
        /// backslashes, it is itself an archive, or it is built for another runtime or processor.
        UnusableEntry =>
            "Set `zip` to the directory instead of the archive, or make the package as the hint says.";
        /// Lambda will not find the handler in the package, or cannot start it.
        HandlerNotFound =>
            "Check that `zip` is the right directory, and that `module_name`, or `handler_name` before its `.`, \
             is the file's path without its extension. A custom runtime needs an executable `bootstrap` for the \
             function's architecture.";
        /// The runtime is deprecated: AWS no longer patches it.
        DeprecatedRuntime =>
            "Switch to the runtime that the hint names, before AWS refuses updates.";
        /// This version of dpl-lambda does not know the runtime. The function is deployed anyway.
        UnknownRuntime =>
            "Check the name. AWS decides whether the runtime exists.";
        /// The dry run of UpdateFunctionCode failed, so the plan does not say whether AWS accepts the code.
        NotRehearsed =>
            "Plan again. The plan itself is valid, and nothing was changed.";
        /// AWS would refuse a part of the plan.
        WouldBeRefused =>
            "Follow the hint before you deploy. Nothing was changed.";
        /// Compiled Python files in the package will be compiled again at each cold start.
        StalePyc =>
            "Exclude `__pycache__`, or compile with `--invalidation-mode unchecked-hash`.";
        /// Lambda cannot assume the function's role yet. The call is repeated.
        RoleNotReady =>
            "No action is needed: Lambda can assume a new role only after a few seconds.";
        /// Someone else changed the function during the deployment. The deployment was planned again for the
        /// new state.
        FunctionChanged =>
            "If two jobs deploy the same function at the same time, let the CI system run one at a time.";
        /// The code of this deployment was live, but someone else has replaced it since.
        Overtaken =>
            "Check which deployment finished last, and whether it is the right one.";
        /// A function of a release has no alias, so its new code is live before all functions of the release
        /// are ready to go live.
        NotHeldBack =>
            "Give the function an `alias`, and let its callers use the alias.";
        /// The last release of this name has not moved all its aliases: it was killed, or it still runs. Or
        /// the alias that it moved last was moved back alone. This run ends it, or takes it back.
        ReleaseUnfinished =>
            "If that run has not ended, let the CI system run one release at a time. Otherwise no action is \
             needed.";
        /// The description of an alias is too long for the record of a release, so that a rollback of the
        /// release leaves the function as it is.
        ReleaseNotRecorded =>
            "Shorten the description of the alias to at most 140 characters.";
        /// An alias sent a part of its traffic to another version. These weights were removed.
        WeightsCleared =>
            "Use `traffic` to split traffic, so that it is part of the deployment.";
        /// An event source, a URL or another caller calls the function itself and not the alias of the
        /// stanza, so it gets new code before `verify`, and a rollback does not reach it.
        BypassesAlias =>
            "Let the caller use the ARN or the URL of the alias, as the hint says.";
        /// AWS denied the reads that show what calls the function itself and not the alias.
        CallersUnknown =>
            "Allow the actions in the message to get the warning `bypasses-alias`. The deployment does not \
             need them.";
        /// A CloudWatch alarm of the guard fires before the deployment, so it is ignored.
        AlarmAlreadyFiring =>
            "Fix what the alarm reports. It is ignored so that a deployment can be the fix; the other alarms \
             are watched.";
        /// Too few invocations of the new version were counted to judge its errors. The deployment succeeded.
        GuardUndecided =>
            "Increase `guard.bake`, or watch an alarm with `guard.alarms`.";
        /// A version that should have been deleted was kept, because something still uses it: an alias, a
        /// durable execution, an event source mapping, provisioned concurrency, a caller in its resource
        /// policy, or CloudFront.
        VersionKept =>
            "Make what uses the version use an alias, or wait until the executions have ended. A later \
             deployment then deletes the version.";
        /// A key of the stanza has no effect in this command, or beside another key.
        WithoutEffect =>
            "Remove the key, or run the command to which it applies.";
        /// A live value cannot be read, so the value of the stanza is set without a comparison.
        LiveValueUnknown =>
            "Grant the caller the permission to read the live value. The setting is then changed only if it \
             differs.";
    }
}
