//! The groups of conditions, and their results in events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::display_as_in_json;

display_as_in_json!(Condition);

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
