//! Types of the events about a guard: the alarms and failed invocations that a deployment watches while it
//! shifts traffic. Contains no rule about when a guard fires.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::display_as_in_json;

display_as_in_json!(GuardState, AlarmState);

/// What a guard has found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuardState {
    /// Nothing has fired.
    Passed,
    /// Nothing has fired, but the new version had too few invocations to judge its errors.
    Undecided,
    /// An alarm fired, or too many invocations failed. All traffic goes back.
    Fired,
}

/// State of a CloudWatch alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// The metric is within its threshold.
    Ok,
    /// The alarm fires.
    Alarm,
    /// There is not enough data. The alarm counts as one that does not fire.
    InsufficientData,
}

/// A CloudWatch alarm of a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardAlarm {
    /// Name of the alarm.
    pub name: String,
    /// Its state.
    pub state: AlarmState,
    /// Whether the alarm fired before the deployment, so that it is ignored. Absent: it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
}

/// Invocations of a version through the aliases of the stanza, since the traffic began to shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionCounts {
    /// The version. Several, separated by commas, if the aliases came from different ones.
    pub version: String,
    /// Number of invocations.
    pub invocations: u64,
    /// Number of those that failed.
    pub errors: u64,
}

/// Invocations of the new version and of the previous one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorCounts {
    /// Those of the new version.
    #[serde(flatten)]
    pub new: VersionCounts,
    /// Those of the previous version.
    pub previous: VersionCounts,
}

/// One check of a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardCheck {
    /// What the guard has found so far.
    pub state: GuardState,
    /// Percentage of the traffic that goes to the new version.
    pub percent: u8,
    /// The alarms of the stanza.
    pub alarms: Vec<GuardAlarm>,
    /// The counted invocations. Absent unless the stanza has `guard.errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorCounts>,
    /// Seconds until the end of this wait.
    pub remaining_seconds: u64,
}

/// What a guard has watched in a deployment that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardSummary {
    /// What it found: `passed` or `undecided`.
    pub state: GuardState,
    /// Names of the alarms that were watched.
    pub alarms: Vec<String>,
    /// Names of the alarms that fired before the deployment and were ignored.
    pub ignored: Vec<String>,
    /// The counted invocations. Absent unless the stanza has `guard.errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorCounts>,
    /// How long it watched, in seconds.
    pub watched_seconds: u64,
}
