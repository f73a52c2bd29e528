//! Types of the events that a run writes to standard output: one JSON object per line, flushed after each
//! line. Secrets must be masked before they are put into an event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::condition::{Condition, ConditionResult, UnmetCondition};
use super::error::Warning;
pub use super::finished::{
    CodeDeployDeployment, CodeState, Deployment, Finished, FunctionOutcome, ListOutcome, Outcome, Package,
    Scope,
};
pub use super::guard::{
    AlarmState, ErrorCounts, GuardAlarm, GuardCheck, GuardState, GuardSummary, VersionCounts,
};
pub use super::planned::{
    AliasBasis, Change, FunctionPresence, Phase, Plan, PlanBasis, PlannedStep, WaitsFor,
};
pub use super::step::StepName;
use super::text::display_as_in_json;

#[cfg(test)]
mod tests;

/// Protocol numbers that this version supports.
pub const PROTOCOLS: &[u32] = &[1];

/// Names of the features of protocol 1 that not every version has. `stanzas`: a request can be a list.
/// `plan`: a request can have an approved plan.
pub const FEATURES: &[&str] = &["stanzas", "plan"];

display_as_in_json!(CredentialsSource);

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
