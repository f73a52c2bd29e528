//! Types of the events that a run writes to standard output: one JSON object per line, flushed after each
//! line. Secrets must be masked before they are put into an event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Code, ErrorReport, Warning};
pub use super::guard::{
    AlarmState, ErrorCounts, GuardAlarm, GuardCheck, GuardState, GuardSummary, VersionCounts,
};
pub use super::plan_basis::{AliasBasis, PlanBasis};
pub use super::step::StepName;
use super::text::display_as_in_json;

#[cfg(test)]
mod tests;

/// Protocol numbers that this version supports.
pub const PROTOCOLS: &[u32] = &[1];

/// Names of the features of protocol 1 that not every version has. `stanzas`: a request can be a list.
/// `plan`: a request can have an approved plan.
pub const FEATURES: &[&str] = &["stanzas", "plan"];

display_as_in_json!(CredentialsSource, Condition, Phase, Outcome, CodeState);

/// One line of standard output: an event, and a text that a runner can print for it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "dpl-lambda event")]
pub struct Line {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// The stanza to which the event belongs.
    #[serde(flatten)]
    pub scope: Scope,
    /// When the event was written: RFC 3339, in UTC, with milliseconds. The clock of the machine may be set
    /// during a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"))]
    pub time: Option<String>,
    /// The event as one line of text for people. The text can change in any release.
    pub message: String,
}

/// The stanza of a list to which an event belongs, and its function. Empty for `hello` and `phase`, and in a
/// run that is not one of a list. In the `finished` event of a list: the stanza that made the run fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Index of the stanza in `stanzas` of the request, from 0. Absent unless the request is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stanza: Option<u32>,
    /// The function, as the stanza names it. Absent unless the request is a list, and until the name is
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_name: Option<String>,
}

/// An event of a run. Readers must ignore unknown events and keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First event. It is written before standard input is read.
    Hello {
        /// Protocol numbers that this version supports.
        protocol: Vec<u32>,
        /// Name of the program: `dpl-lambda`.
        name: String,
        /// Version of the program.
        version: String,
        /// Features that not every version has. `stanzas`: a request can be a list of stanzas. `plan`: a
        /// request can have an approved plan.
        #[serde(default)]
        features: Vec<String>,
    },
    /// Credentials have been found.
    Identified {
        /// Source of the credentials.
        source: CredentialsSource,
        /// Profile of the credentials, or of those with which a role was assumed. Absent: they come from no
        /// profile.
        #[serde(skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        /// Access key ID, masked except for its first two characters.
        access_key_id: String,
        /// AWS region.
        region: String,
    },
    /// One group of conditions has been evaluated.
    ConditionChecked(ConditionResult),
    /// Progress of a long task. Packaging and uploads: at most five events per second, none in the first 300
    /// ms. Waiting: at most one event in five seconds.
    Progress(Progress),
    /// The archive is ready.
    Packaged(Package),
    /// The differences between the stanza and the live function are known.
    Planned(Plan),
    /// A release of several stanzas begins with a phase. Written once for each phase that it reaches.
    Phase {
        /// The phase.
        phase: Phase,
        /// Name of the release.
        release: String,
        /// Number of functions: those of all stanzas in `judge`, afterwards those that are not skipped.
        functions: u32,
    },
    /// A step has started.
    StepStarted {
        /// The step, named after its AWS operation.
        step: StepName,
        /// The function, as the stanza names it.
        function_name: String,
        /// Target of the step.
        #[serde(flatten)]
        target: StepTarget,
    },
    /// A step has taken effect and AWS has completed the update.
    StepFinished {
        /// The step, named after its AWS operation.
        step: StepName,
        /// Duration of the step in milliseconds, including waits.
        duration_ms: u64,
        /// Number of HTTP requests for the AWS call, including retries.
        attempts: u32,
        /// AWS request ID of the last attempt.
        request_id: Option<String>,
    },
    /// The guard was checked while traffic shifts: at each change of what it finds, otherwise every 30 s, and
    /// at the end of each wait.
    GuardChecked(GuardCheck),
    /// One line of output of a user's command, or of the log of a function that `verify` has invoked: if it
    /// failed, or with `verify.log`.
    Output {
        /// Stream on which the line was written.
        stream: Stream,
        /// The line without its line break: at most 64 KiB, invalid UTF-8 replaced.
        line: String,
    },
    /// A finding that does not stop the run.
    Warning(Warning),
    /// Last event. It is written exactly once.
    Finished(Finished),
}

/// Source of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsSource {
    /// Keys in the stanza.
    Stanza,
    /// `AWS_ACCESS_KEY_ID` or `LAMBDA_ACCESS_KEY_ID`, and its secret, in the job's environment.
    Environment,
    /// A profile in the `~/.aws` files.
    Profile,
    /// A web identity token, exchanged at AWS STS.
    WebIdentity,
    /// A role, assumed with other credentials.
    AssumedRole,
    /// The credentials endpoint of the container.
    Container,
    /// The metadata service of the instance.
    Instance,
}

/// Progress of a long task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Progress {
    /// Reading and compressing files.
    Package {
        /// Bytes of files that have been read.
        done_bytes: u64,
        /// Total bytes of all files.
        total_bytes: u64,
    },
    /// Uploading the archive.
    Upload {
        /// Bytes of the archive sent so far.
        done_bytes: u64,
        /// Bytes of the archive.
        total_bytes: u64,
    },
    /// Waiting. Written if there has been no other event for five seconds.
    Wait {
        /// What the run waits for, as part of a sentence: `another update of the function`.
        what: String,
        /// Milliseconds since the last other event, except `guard-checked`.
        elapsed_ms: u64,
    },
}

impl Progress {
    /// Progress of packaging.
    pub fn package(done_bytes: u64, total_bytes: u64) -> Self {
        Progress::Package { done_bytes, total_bytes }
    }

    /// Progress of an upload.
    pub fn upload(done_bytes: u64, total_bytes: u64) -> Self {
        Progress::Upload { done_bytes, total_bytes }
    }
}

/// Stream on which an output line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output of a command.
    Stdout,
    /// Standard error of a command.
    Stderr,
    /// Log of an invoked function.
    Log,
}

/// A group of conditions, in the order in which Travis CI evaluates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Whether the build is a pull request. Pull requests are never deployed.
    PullRequest,
    /// `on.repo`.
    Repo,
    /// `on.branch`, or the default branch.
    Branch,
    /// `on.node`, `on.python`, …: the version of the runtime in the job.
    Runtime,
    /// `on.condition`: bash expressions.
    Condition,
    /// `on.tags`.
    Tags,
    /// Whether Travis CI makes a job that deploys the stanza: `if`, `branches` and `os` of the `.travis.yml`.
    /// Only in standalone use; then no other group is evaluated.
    Job,
}

/// Result of one group of conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Checked")]
pub struct ConditionResult {
    /// The group.
    pub condition: Condition,
    /// Whether the group permits the deployment.
    pub met: bool,
    /// Value that the stanza requires.
    pub want: String,
    /// Value in the job.
    pub got: String,
}

/// A group of conditions that is not met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Unmet")]
pub struct UnmetCondition {
    /// The group.
    pub condition: Condition,
    /// Value that the stanza requires.
    pub want: String,
    /// Value in the job.
    pub got: String,
    /// The reason, in the words of Travis CI.
    pub message: String,
}

/// The archive with the code, or with a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Number of files, links and empty directories in the archive.
    pub entries: u64,
    /// Size of all entries in bytes, unpacked.
    pub uncompressed_bytes: u64,
    /// Size of the archive in bytes.
    pub zip_bytes: u64,
    /// SHA-256 of the archive in Base64, as in `CodeSha256` of AWS.
    pub code_sha256: String,
    /// Path that was packaged, as the stanza names it.
    pub source: String,
    /// Name of the layer whose content it is. Absent: it is the code of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
}

/// Whether the function exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionPresence {
    /// The function does not exist and will be created.
    Absent,
    /// The function exists and will be updated where it differs.
    Exists,
}

/// The steps of a deployment, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Whether the function exists.
    pub function: FunctionPresence,
    /// The steps in order. Empty: the function already matches the stanza.
    pub steps: Vec<PlannedStep>,
    /// What the plan was made from. Absent unless the run only plans a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Box<PlanBasis>>,
}

impl Plan {
    /// True if the plan changes something: not all of its steps are checks and waits.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step.step, StepName::Verify | StepName::Wait))
    }
}

/// A step and its changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// The step, named after its AWS operation.
    pub step: StepName,
    /// Values that the step changes.
    pub changes: Vec<Change>,
    /// Condition that must hold before the next step starts. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// The phase of the release in which the step is carried out: `prepare`, `go-live` or `clean-up`. Absent
    /// unless the function is deployed with others as a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

/// A phase of a release, in the order in which a release goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Evaluates all conditions and reads all stanzas.
    Judge,
    /// Packages the code of all functions.
    Package,
    /// Reads all live functions.
    Read,
    /// Shows the plans of all functions.
    Plan,
    /// Updates all functions that have an alias, publishes and verifies their versions, side by side. No
    /// alias moves.
    Prepare,
    /// Moves the aliases in the order of the stanzas, then updates the functions without an alias.
    GoLive,
    /// Sends back the aliases that have moved, newest first, because the release failed.
    SendBack,
    /// Changes what is left when all functions are live, such as tags.
    CleanUp,
}

/// State at AWS that ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// `State` of the new function is `Active`.
    FunctionActive,
    /// `LastUpdateStatus` of the function is `Successful`.
    FunctionUpdated,
    /// `State` of the new version is `Active`.
    VersionActive,
    /// `State` of the version is `Active`, and AWS has applied its scaling.
    ScalingApplied,
    /// `Status` of the provisioned concurrency is `READY`.
    ProvisionedConcurrencyReady,
    /// `State` of the event source mapping is `Enabled` or `Disabled`.
    EventSourceMappingSettled,
    /// CodeDeploy has ended the deployment.
    DeploymentEnded,
}

/// One value that changes. Secrets are masked in both values. Null means that there is no value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Name of the value: an option, such as `timeout`; a member or an entry, such as
    /// `logging_config.log_format` or `environment.NAME`; `handler` for `module_name` and `handler_name`
    /// together; or a value of AWS, such as `code_sha256` or `alias.NAME`.
    pub field: String,
    /// The live value.
    pub from: Value,
    /// The value in the stanza.
    pub to: Value,
}

/// Target of a step. Keys that do not apply to the step are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepTarget {
    /// The alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The published version, or `$LATEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Index of the check in `verify`, from 0. Absent unless `verify` is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<u32>,
    /// Name of the check, as the stanza has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_name: Option<String>,
    /// Percentage of the alias's traffic that goes to the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Duration of the wait in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// The event source that calls the alias from now on, such as `SQS queue orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// Name or ARN of the layer. `version` is then a version of the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
}

/// Result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Finished {
    /// The function was created or changed, and is live.
    Deployed(Deployment),
    /// The live function already matches the stanza.
    Unchanged(Deployment),
    /// The plan of a deployment. Nothing was changed.
    Planned(Plan),
    /// The stanza is valid and its conditions are met.
    Checked {},
    /// The archive was written.
    Packaged {
        /// The archive.
        package: Package,
        /// Path of the archive, as in `--output`.
        output: String,
    },
    /// The conditions are not met. Nothing was changed.
    Skipped {
        /// All groups of conditions that are not met.
        unmet: Vec<UnmetCondition>,
    },
    /// The run failed.
    Failed {
        /// Cause, and what to do.
        error: Box<ErrorReport>,
        /// Steps that took effect before the failure.
        changed: Vec<StepName>,
        /// Whether the stanza allows the failure (`allow_failure`). The exit status is then 0.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        allowed: bool,
    },
    /// The run ended before this stanza was deployed, or another function of its release failed. Only in
    /// `functions` of a list.
    Stopped {
        /// Steps that took effect before that. Absent if there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<StepName>,
        /// Aliases that had moved and point at their earlier version again. Absent if there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restored: Vec<String>,
        /// Aliases that were created or could not be sent back. Absent if there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<String>,
    },
    /// The stanzas of a list have ended.
    #[serde(untagged)]
    List(Box<ListOutcome>),
}

/// Result of a run for a list of stanzas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListOutcome {
    /// `failed` if the run failed for a stanza; otherwise the first of `deployed`, `planned`, `unchanged`,
    /// `checked`, `packaged` and `skipped` that occurs in `functions`.
    pub outcome: Outcome,
    /// The result for each stanza, in the order of the request. None is itself the result of a list.
    pub functions: Vec<FunctionOutcome>,
    /// Cause, and what to do. Absent unless the run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<ErrorReport>>,
    /// If the run failed: the steps that took effect, for any function. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<StepName>,
    /// Whether each stanza that failed allows the failure (`allow_failure`). The exit status is then 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allowed: bool,
    /// Duration of the run in milliseconds.
    pub duration_ms: u64,
}

/// Result for one stanza of a list.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FunctionOutcome {
    /// Index of the stanza in `stanzas` of the request, from 0.
    pub stanza: u32,
    /// The function, as the stanza names it. Absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_name: Option<String>,
    /// Name of the release of the stanza. Absent if the function was deployed on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The result.
    #[serde(flatten)]
    pub finished: Finished,
}

/// How a run or a stanza ended, without the facts about it. In the order in which an outcome decides about
/// that of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It failed.
    Failed,
    /// The function was created or changed, and is live.
    Deployed,
    /// The deployment was planned.
    Planned,
    /// The live function already matches the stanza.
    Unchanged,
    /// The stanza is valid and its conditions are met.
    Checked,
    /// The archive was written.
    Packaged,
    /// The conditions are not met.
    Skipped,
    /// The run ended before the stanza was deployed, or another function of its release failed. Never the
    /// outcome of a run.
    Stopped,
}

/// The live function after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// ARN of the function, without a version.
    pub function_arn: String,
    /// Name of the function.
    pub function_name: String,
    /// AWS region.
    pub region: String,
    /// The published version, or `$LATEST`.
    pub version: String,
    /// Alias that points at the version; the first one if there are several.
    pub alias: Option<String>,
    /// All aliases of the stanza. Absent unless there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Version at which the alias pointed before, the target of a rollback. Null: this run moved no alias.
    pub previous_version: Option<String>,
    /// SHA-256 of the code in Base64: `CodeSha256` of AWS.
    pub code_sha256: String,
    /// Whether the code changed.
    pub code: CodeState,
    /// URL of the function. Absent unless the stanza has `function_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_url: Option<String>,
    /// What the guard watched. Absent unless the stanza has `guard` and this run shifted traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Box<GuardSummary>>,
    /// The CodeDeploy deployment that this run started, followed or stopped. Absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codedeploy: Option<CodeDeployDeployment>,
    /// Why a rollback left the function as it is: the last release did not move it. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// Duration of the run in milliseconds.
    pub duration_ms: u64,
}

/// A deployment of CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeDeployDeployment {
    /// AWS's id, such as `d-ABCDEF123`.
    pub deployment_id: String,
    /// AWS's status at the end of the run: `Succeeded`, `Stopped`, or another one, such as `InProgress`, of a
    /// deployment that still moves the traffic.
    pub status: String,
}

impl CodeDeployDeployment {
    /// True if CodeDeploy has not ended the deployment.
    pub fn is_running(&self) -> bool {
        !["Succeeded", "Failed", "Stopped"].contains(&self.status.as_str())
    }
}

/// Whether the run changed the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeState {
    /// The run changed the code.
    Uploaded,
    /// The live code was already the same.
    Unchanged,
}

impl Deployment {
    /// All aliases that point at the version.
    pub fn aliases(&self) -> &[String] {
        if self.aliases.is_empty() { self.alias.as_slice() } else { &self.aliases }
    }
}

impl Finished {
    /// Creates a failure that the stanza does not allow.
    pub fn failed(error: ErrorReport, changed: Vec<StepName>) -> Self {
        Finished::Failed { error: Box::new(error), changed, allowed: false }
    }

    /// Creates the result for a stanza of a list that did not fail itself and is not deployed.
    pub fn stopped(changed: Vec<StepName>) -> Self {
        Finished::Stopped { changed, restored: Vec::new(), left: Vec::new() }
    }

    /// The error. `None` unless the run failed.
    pub fn error(&self) -> Option<&ErrorReport> {
        if let Finished::List(list) = self {
            return list.error.as_deref();
        }
        if let Finished::Failed { error, .. } = self { Some(error) } else { None }
    }

    /// The error code. `None` unless the run failed.
    pub fn code(&self) -> Option<Code> {
        self.error().map(|error| error.code)
    }

    /// True if the run failed, and the stanza allows that.
    pub fn is_allowed(&self) -> bool {
        if let Finished::List(list) = self {
            return list.allowed;
        }
        matches!(self, Finished::Failed { allowed: true, .. })
    }

    /// The outcome, without the facts about it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Finished::Deployed(_) => Outcome::Deployed,
            Finished::Unchanged(_) => Outcome::Unchanged,
            Finished::Planned(_) => Outcome::Planned,
            Finished::Checked {} => Outcome::Checked,
            Finished::Packaged { .. } => Outcome::Packaged,
            Finished::Skipped { .. } => Outcome::Skipped,
            Finished::Failed { .. } => Outcome::Failed,
            Finished::Stopped { .. } => Outcome::Stopped,
            Finished::List(list) => list.outcome,
        }
    }

    /// True if the run planned changes, for at least one stanza.
    pub fn plans_changes(&self) -> bool {
        if let Finished::List(list) = self {
            return list.functions.iter().any(|function| function.finished.plans_changes());
        }
        self.plan().is_some_and(Plan::has_changes)
    }

    /// The plan. `None` unless the run planned a deployment.
    pub fn plan(&self) -> Option<&Plan> {
        if let Finished::Planned(plan) = self { Some(plan) } else { None }
    }

    /// The function after the run. `None` unless it was deployed or is unchanged.
    pub fn deployment(&self) -> Option<&Deployment> {
        if let Finished::Deployed(live) | Finished::Unchanged(live) = self { Some(live) } else { None }
    }
}

impl Event {
    /// The name of the function among the event's own keys.
    pub fn function_name(&self) -> Option<&str> {
        if let Event::StepStarted { function_name, .. } = self {
            return Some(function_name);
        }
        let Event::Finished(finished) = self else { return None };
        finished.deployment().map(|live| live.function_name.as_str())
    }
}

impl ListOutcome {
    /// The result of a run of which these are the results. `changed`: the steps that took effect.
    pub fn of(functions: Vec<FunctionOutcome>, changed: Vec<StepName>, duration_ms: u64) -> Self {
        let outcomes = functions.iter().map(|function| function.finished.outcome());
        let mut list = ListOutcome {
            // What is left if nothing else occurs.
            outcome: outcomes.fold(Outcome::Skipped, Outcome::min),
            functions,
            error: None,
            changed: Vec::new(),
            allowed: false,
            duration_ms,
        };
        let failure = list.failure().map(|failure| &failure.finished);
        if let Some((allowed, error)) = failure.map(|failed| (failed.is_allowed(), failed.error().cloned())) {
            (list.allowed, list.error, list.changed) = (allowed, error.map(Box::new), changed);
        }
        list
    }

    /// The first stanza that made the run fail; if each failure is allowed, the first that failed.
    pub fn failure(&self) -> Option<&FunctionOutcome> {
        let failures =
            || self.functions.iter().filter(|function| function.finished.outcome() == Outcome::Failed);
        failures().find(|failure| !failure.finished.is_allowed()).or_else(|| failures().next())
    }
}

impl FunctionOutcome {
    /// The result for a stanza. A name that `finished` has itself is left out.
    pub fn of(stanza: u32, function_name: Option<String>, finished: Finished) -> Self {
        let function_name = function_name.filter(|_| finished.deployment().is_none());
        FunctionOutcome { stanza, function_name, release: None, finished }
    }

    /// The stanza and its function.
    pub fn scope(&self) -> Scope {
        let live = self.finished.deployment().map(|live| live.function_name.clone());
        Scope { stanza: Some(self.stanza), function_name: self.function_name.clone().or(live) }
    }
}
