//! Types of the last event of a run: how the run ended, for one stanza or a list of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::UnmetCondition;
use super::error::{Code, ErrorReport, NOTHING_CHANGED};
use super::guard::GuardSummary;
use super::planned::Plan;
use super::step::StepName;
use super::text::display_as_in_json;

display_as_in_json!(Outcome, CodeState);

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

/// The error of a run in which these steps took effect. If there are any, its hint does not say that nothing
/// was changed: an earlier plan or another stanza has changed something.
fn after(mut error: ErrorReport, changed: &[StepName]) -> ErrorReport {
    if !changed.is_empty() {
        error.hint = error.hint.map(|hint| hint.replace(&format!("; {NOTHING_CHANGED}"), ""));
    }
    error
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
        Finished::Failed { error: Box::new(after(error, &changed)), changed, allowed: false }
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
            list.error = error.map(|error| Box::new(after(error, &changed)));
            (list.allowed, list.changed) = (allowed, changed);
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
