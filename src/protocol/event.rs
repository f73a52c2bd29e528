//! What a run tells: one JSON object a line on standard output, flushed line by line.
//! Never holds a secret: values that are secret arrive here masked.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::error::{Code, ErrorReport, Warning};
use super::prose;

/// The protocol numbers that this version speaks.
pub const PROTOCOLS: &[u32] = &[1];

/// One line of standard output: an event and the sentence that a runner may print for it.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "dpl-lambda event")]
pub struct Line<'a> {
    /// What is told.
    #[serde(flatten)]
    event: &'a Event,
    /// One rendered line for people. Prose: it may change in any release.
    message: String,
}

impl<'a> Line<'a> {
    /// The event with its sentence.
    pub fn new(event: &'a Event) -> Self {
        Line { event, message: prose::one_line(&prose::message(event)) }
    }
}

/// Something that a run tells. Readers skip events and keys that they do not know.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line, written before standard input is read.
    Hello {
        /// The protocol numbers that this version speaks.
        protocol: Vec<u32>,
        /// The program's name: `dpl-lambda`.
        name: String,
        /// The program's version.
        version: String,
    },
    /// It is known who acts, and where.
    Identified {
        /// Where the credentials come from.
        source: CredentialsSource,
        /// The access key id, masked to its first two characters.
        access_key_id: String,
        /// The AWS region.
        region: String,
    },
    /// One group of conditions was judged.
    ConditionChecked(Checked),
    /// Long work goes on: at most five a second, none in the first 300 ms; of a wait at most one each five seconds.
    Progress(Progress),
    /// The archive is ready.
    Packaged(Package),
    /// The difference between the stanza and the live function is known.
    Planned(Plan),
    /// A step begins.
    StepStarted {
        /// The step, named after the AWS operation that it makes.
        step: StepName,
        /// The function, as the stanza names it.
        function_name: String,
        /// What of it the step is about.
        #[serde(flatten)]
        aim: Aim,
    },
    /// A step has taken effect and its update has ended at AWS.
    StepFinished {
        /// The step, named after the AWS operation that it makes.
        step: StepName,
        /// Milliseconds from its start, waiting included.
        duration_ms: u64,
        /// HTTP requests that its call took, retries included.
        attempts: u32,
        /// AWS's id of the last of them.
        request_id: Option<String>,
    },
    /// One line that a command of the user's wrote, or a function that did not pass `verify`.
    Output {
        /// Where it was written.
        stream: Stream,
        /// The line without its end, lossy UTF-8, at most 64 KiB.
        line: String,
    },
    /// Something will surprise.
    Warning(Warning),
    /// The last line, exactly once.
    Finished(Finished),
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsSource {
    /// Keys in the stanza.
    Stanza,
    /// `AWS_ACCESS_KEY_ID` and its companions in the job's environment.
    Environment,
    /// A profile of `~/.aws`.
    Profile,
    /// A web identity token, exchanged at AWS STS.
    WebIdentity,
    /// A role that was assumed with other credentials.
    AssumedRole,
    /// The container's credentials endpoint.
    Container,
    /// The instance's metadata service.
    Instance,
}

impl CredentialsSource {
    /// Its tag: `web-identity`.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialsSource::Stanza => "stanza",
            CredentialsSource::Environment => "environment",
            CredentialsSource::Profile => "profile",
            CredentialsSource::WebIdentity => "web-identity",
            CredentialsSource::AssumedRole => "assumed-role",
            CredentialsSource::Container => "container",
            CredentialsSource::Instance => "instance",
        }
    }
}

/// Long work, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Progress {
    /// Reading and compressing files.
    Package {
        /// Bytes of files read so far.
        done_bytes: u64,
        /// Bytes of files in all.
        total_bytes: u64,
    },
    /// Sending the archive.
    Upload {
        /// Bytes of the archive sent so far.
        done_bytes: u64,
        /// Bytes of the archive.
        total_bytes: u64,
    },
    /// Waiting, when nothing else has been told for five seconds.
    Wait {
        /// What is waited for, as a part of a sentence: `another update of the function`.
        what: String,
        /// Milliseconds since something else was told.
        elapsed_ms: u64,
    },
}

impl Progress {
    /// Of packaging.
    pub fn package(done_bytes: u64, total_bytes: u64) -> Self {
        Progress::Package { done_bytes, total_bytes }
    }

    /// Of an upload.
    pub fn upload(done_bytes: u64, total_bytes: u64) -> Self {
        Progress::Upload { done_bytes, total_bytes }
    }
}

/// A stream of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The log of a function that was invoked.
    Log,
}

/// A group of conditions, in the order in which Travis judges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Pull requests never deploy.
    PullRequest,
    /// `on.repo`.
    Repo,
    /// `on.branch`, or the default branch.
    Branch,
    /// `on.node`, `on.python`, …: the version that the job runs.
    Runtime,
    /// `on.condition`: bash.
    Condition,
    /// `on.tags`.
    Tags,
}

/// A group of conditions and whether it is met.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Checked {
    /// The group.
    pub condition: Condition,
    /// True when it does not stand in the way of a deployment.
    pub met: bool,
    /// What the stanza asks for.
    pub want: String,
    /// What the job has.
    pub got: String,
}

/// A group of conditions that stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Unmet {
    /// The group.
    pub condition: Condition,
    /// What the stanza asks for.
    pub want: String,
    /// What the job has.
    pub got: String,
    /// The reason in Travis's words.
    pub message: String,
}

/// An archive.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Package {
    /// Files, links and empty directories in it.
    pub entries: u64,
    /// Bytes of all of them, unpacked.
    pub uncompressed_bytes: u64,
    /// Bytes of the archive.
    pub zip_bytes: u64,
    /// Base64 of the SHA-256 of the archive: AWS's `CodeSha256`.
    pub code_sha256: String,
    /// The path that was packaged, as the stanza names it.
    pub source: String,
}

/// Whether the function is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionPresence {
    /// It will be created.
    Absent,
    /// It will be updated, where it differs.
    Exists,
}

/// What will be done, in order.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// Whether the function is there already.
    pub function: FunctionPresence,
    /// The steps; none when nothing differs.
    pub steps: Vec<PlannedStep>,
}

/// A step and what it changes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlannedStep {
    /// The step, named after the AWS operation that it makes.
    pub step: StepName,
    /// What it changes.
    pub changes: Vec<Change>,
    /// What is waited for before the next step begins. Absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
}

/// What is waited for at AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// The new function's `State` is `Active`.
    FunctionActive,
    /// The function's `LastUpdateStatus` is `Successful`.
    FunctionUpdated,
    /// The new version's `State` is `Active`.
    VersionActive,
    /// `Status` of the provisioned concurrency is `READY`.
    ProvisionedConcurrencyReady,
}

/// One value that changes. Secrets are masked on both sides; null stands for "not there".
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The option of the stanza; `handler` for `module_name` and `handler_name` together,
    /// `environment.NAME` and `function_tags.NAME` for single entries.
    pub field: String,
    /// The live value.
    pub from: Value,
    /// The value that the stanza asks for.
    pub to: Value,
}

/// A step of a deployment, named after the AWS operation that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// Creates the function, with all its settings and its code.
    CreateFunction,
    /// Changes settings.
    UpdateFunctionConfiguration,
    /// Decides which signatures of code are taken.
    PutFunctionCodeSigningConfig,
    /// Takes any code.
    DeleteFunctionCodeSigningConfig,
    /// Removes tags.
    UntagResource,
    /// Adds and changes tags.
    TagResource,
    /// Uploads code.
    UpdateFunctionCode,
    /// Reserves executions.
    PutFunctionConcurrency,
    /// Removes the reservation of executions.
    DeleteFunctionConcurrency,
    /// Gives the function its own address.
    CreateFunctionUrlConfig,
    /// Changes the function's own address.
    UpdateFunctionUrlConfig,
    /// Removes the function's own address.
    DeleteFunctionUrlConfig,
    /// Lets everybody call the function through its address.
    AddPermission,
    /// Lets nobody call the function through its address who has no permission of their own.
    RemovePermission,
    /// Sends the archive to S3, unless it is there already.
    UploadPackage,
    /// Publishes a version of code and settings.
    PublishVersion,
    /// Waits for an update that somebody else began, or between two shares of the traffic.
    Wait,
    /// Invokes the version, or runs the user's command, and judges the answer.
    Verify,
    /// Makes an alias.
    CreateAlias,
    /// Lets an alias send all of its traffic to a version.
    UpdateAlias,
    /// Lets an alias send a share of its traffic to a version.
    ShiftTraffic,
    /// Keeps executions of an alias ready.
    PutProvisionedConcurrencyConfig,
    /// Keeps no executions of an alias ready any more.
    DeleteProvisionedConcurrencyConfig,
    /// Deletes a version that nobody needs any more.
    DeleteFunction,
}

/// What of a function a step is about; what does not belong to the step is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Aim {
    /// The alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The published version, or `$LATEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The share of the alias's traffic that goes to the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// How long is waited, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Finished {
    /// The function was created or changed, and is live.
    Deployed(Deployment),
    /// The function is live already, exactly as the stanza asks.
    Unchanged(Deployment),
    /// What a deployment would do; nothing was changed.
    Planned(Plan),
    /// The stanza is valid and its conditions are met.
    Checked {},
    /// The archive was written.
    Packaged {
        /// The archive.
        package: Package,
        /// The file that holds it.
        output: String,
    },
    /// The conditions are not met; nothing was done.
    Skipped {
        /// Every group of conditions that stands in the way.
        unmet: Vec<Unmet>,
    },
    /// The run failed.
    Failed {
        /// Why, and what to do.
        error: Box<ErrorReport>,
        /// The steps that did take effect before it.
        changed: Vec<StepName>,
        /// True when the stanza allows this failure (`allow_failure`), so that the exit status is 0.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        allowed: bool,
    },
}

/// A function as it is live after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deployment {
    /// The function's ARN, without a version.
    pub function_arn: String,
    /// The function's name.
    pub function_name: String,
    /// The AWS region.
    pub region: String,
    /// The published version, or `$LATEST`.
    pub version: String,
    /// The alias that points at it; of several the first.
    pub alias: Option<String>,
    /// All aliases of the stanza, where it names several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The version that the alias pointed at before: the way back. Null: this run has moved no alias.
    pub previous_version: Option<String>,
    /// Base64 of the SHA-256 of the code: AWS's `CodeSha256`.
    pub code_sha256: String,
    /// Whether the function has got other code.
    pub code: CodeState,
    /// The function's own address, where the stanza speaks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_url: Option<String>,
    /// Milliseconds of the whole run.
    pub duration_ms: u64,
}

/// Whether the function has got other code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeState {
    /// The function has got other code.
    Uploaded,
    /// The live code was this code already.
    Unchanged,
}

impl Finished {
    /// A failure.
    pub fn failed(error: ErrorReport, changed: Vec<StepName>) -> Self {
        Finished::Failed { error: Box::new(error), changed, allowed: false }
    }

    /// The code of a failure.
    pub fn code(&self) -> Option<Code> {
        match self {
            Finished::Failed { error, .. } => Some(error.code),
            Finished::Deployed(_)
            | Finished::Unchanged(_)
            | Finished::Planned(_)
            | Finished::Checked {}
            | Finished::Packaged { .. }
            | Finished::Skipped { .. } => None,
        }
    }
}
