//! Types of a plan in events: its steps, and what it was made from. Never contains a secret or a hash of one,
//! so that a plan can be kept in a file and shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::step::StepName;
use super::text::display_as_in_json;

display_as_in_json!(Phase);

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

/// What a plan was made from. A deployment with an approved plan compares it with what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBasis {
    /// The function, as the stanza names it.
    pub function_name: String,
    /// AWS account of the function. Of a function that does not exist: the account of its role, the only one
    /// in which Lambda creates a function with that role. Null: it is not known.
    pub account_id: Option<String>,
    /// AWS region.
    pub region: String,
    /// `RevisionId` of the function, which changes with every change of its code and settings. Null: the
    /// function does not exist, or AWS returned no revision.
    pub revision_id: Option<String>,
    /// SHA-256 of the code to deploy in Base64, as in `CodeSha256` of AWS. Null: it is not known, as for a
    /// container image.
    pub code_sha256: Option<String>,
    /// The aliases of the stanza that exist.
    pub aliases: Vec<AliasBasis>,
}

/// An alias when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasBasis {
    /// Name of the alias.
    pub name: String,
    /// The version at which it points.
    pub version: String,
    /// `RevisionId` of the alias, which changes with every change of it. Null: AWS returned none.
    pub revision_id: Option<String>,
}
