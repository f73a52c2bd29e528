//! Defines the action of a step: the AWS operation with its parameters, its name in events and what the step
//! waits for. Never carries an action out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::code_source::{Delivery, Object};
use crate::function::{AliasHistory, Permission, Setting};
use crate::protocol::event::{StepName, WaitsFor};
use crate::protocol::secret::Secret;
use crate::protocol::structures::FunctionUrl;

/// The AWS operation of a step, with all request parameters except the archive.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// CreateFunction.
    CreateFunction {
        /// The settings that the stanza names and that CreateFunction accepts.
        settings: Vec<Setting>,
        /// The tags that the stanza names.
        tags: BTreeMap<String, Secret>,
        /// How Lambda gets the code.
        delivery: Delivery,
    },
    /// PutObject or CreateMultipartUpload of S3, unless the object exists already.
    UploadPackage {
        /// The object to create.
        object: Object,
    },
    /// PutFunctionCodeSigningConfig.
    PutFunctionCodeSigningConfig {
        /// ARN of the code signing configuration.
        arn: String,
    },
    /// DeleteFunctionCodeSigningConfig.
    DeleteFunctionCodeSigningConfig,
    /// UntagResource.
    UntagResource {
        /// Names of the tags to remove.
        names: Vec<String>,
    },
    /// TagResource.
    TagResource {
        /// The tags that are new or have another value.
        tags: BTreeMap<String, Secret>,
    },
    /// UpdateFunctionConfiguration.
    UpdateFunctionConfiguration {
        /// The settings that differ. A member of a structure that AWS replaces as a whole comes with the
        /// other members.
        settings: Vec<Setting>,
    },
    /// UpdateFunctionCode.
    UpdateFunctionCode {
        /// The settings that are sent with the code.
        settings: Vec<Setting>,
        /// How Lambda gets the code.
        delivery: Delivery,
    },
    /// PutFunctionConcurrency.
    PutFunctionConcurrency {
        /// Number of reserved executions.
        executions: i32,
    },
    /// DeleteFunctionConcurrency.
    DeleteFunctionConcurrency,
    /// CreateFunctionUrlConfig.
    CreateFunctionUrlConfig {
        /// The members that the stanza names.
        config: FunctionUrl,
        /// The alias to which the URL belongs. `None`: it belongs to the function.
        alias: Option<String>,
    },
    /// UpdateFunctionUrlConfig.
    UpdateFunctionUrlConfig {
        /// The members that differ.
        config: FunctionUrl,
        /// The alias to which the URL belongs. `None`: it belongs to the function.
        alias: Option<String>,
    },
    /// DeleteFunctionUrlConfig.
    DeleteFunctionUrlConfig {
        /// The alias to which the URL belongs. `None`: it belongs to the function.
        alias: Option<String>,
    },
    /// AddPermission, for public access.
    AddPermission {
        /// The permission to grant.
        permission: Permission,
        /// The alias to whose policy it is added. `None`: the function's policy.
        alias: Option<String>,
    },
    /// RemovePermission.
    RemovePermission {
        /// The permission whose statement is removed.
        permission: Permission,
        /// The alias from whose policy it is removed. `None`: the function's policy.
        alias: Option<String>,
    },
    /// PublishVersion.
    PublishVersion {
        /// Description of the version. `None`: that of the function.
        description: Option<String>,
        /// True to publish to `$LATEST.PUBLISHED` instead of a numbered version.
        to_latest: bool,
    },
    /// Verification of the version: Invoke, `verify.command` or both.
    Verify,
    /// CreateAlias, at the version of the plan.
    CreateAlias {
        /// Name of the alias.
        alias: String,
    },
    /// UpdateAlias: sends all traffic to one version.
    UpdateAlias {
        /// Name of the alias.
        alias: String,
        /// The version that gets the traffic. `None`: the version of the plan.
        version: Option<String>,
        /// The alias history to write into the description. `None`: the description stays unchanged.
        history: Option<AliasHistory>,
        /// True if provisioned concurrency moves with the alias.
        provisions: bool,
    },
    /// UpdateAlias: sends a share of the traffic to the version of the plan.
    ShiftTraffic {
        /// Name of the alias.
        alias: String,
        /// The version that gets the rest of the traffic.
        from: String,
        /// Share of the traffic, in percent.
        percent: u8,
        /// The alias history to write into the description.
        history: AliasHistory,
    },
    /// No operation: a pause between two shares of traffic, in which errors of the new version can show.
    Wait {
        /// Length of the pause.
        interval: Duration,
    },
    /// No operation: waits until provisioned concurrency that was requested earlier is ready.
    WaitForProvisioned {
        /// Name of the alias.
        alias: String,
    },
    /// PutProvisionedConcurrencyConfig.
    PutProvisionedConcurrencyConfig {
        /// Name of the alias.
        alias: String,
        /// Number of provisioned executions.
        executions: i32,
    },
    /// DeleteProvisionedConcurrencyConfig.
    DeleteProvisionedConcurrencyConfig {
        /// Name of the alias.
        alias: String,
    },
    /// DeleteFunction with a qualifier: deletes one version.
    DeleteVersion {
        /// Number of the version.
        version: String,
    },
}

impl Action {
    /// What the run waits for before the next step. `None`: the operation is complete when AWS responds.
    pub fn waits_for(&self) -> Option<WaitsFor> {
        match self {
            Action::CreateFunction { .. } => Some(WaitsFor::FunctionActive),
            Action::UpdateFunctionConfiguration { .. } | Action::UpdateFunctionCode { .. } => {
                Some(WaitsFor::FunctionUpdated)
            }
            Action::PublishVersion { .. } => Some(WaitsFor::VersionActive),
            Action::PutProvisionedConcurrencyConfig { .. }
            | Action::WaitForProvisioned { .. }
            | Action::UpdateAlias { provisions: true, .. } => Some(WaitsFor::ProvisionedConcurrencyReady),
            Action::UploadPackage { .. }
            | Action::PutFunctionCodeSigningConfig { .. }
            | Action::DeleteFunctionCodeSigningConfig
            | Action::UntagResource { .. }
            | Action::TagResource { .. }
            | Action::PutFunctionConcurrency { .. }
            | Action::DeleteFunctionConcurrency
            | Action::CreateFunctionUrlConfig { .. }
            | Action::UpdateFunctionUrlConfig { .. }
            | Action::DeleteFunctionUrlConfig { .. }
            | Action::AddPermission { .. }
            | Action::RemovePermission { .. }
            | Action::Verify
            | Action::CreateAlias { .. }
            | Action::UpdateAlias { .. }
            | Action::ShiftTraffic { .. }
            | Action::Wait { .. }
            | Action::DeleteProvisionedConcurrencyConfig { .. }
            | Action::DeleteVersion { .. } => None,
        }
    }

    /// True for an operation that changes code or settings that are part of a version.
    pub(super) fn changes_function(&self) -> bool {
        matches!(self, Action::UpdateFunctionConfiguration { .. } | Action::UpdateFunctionCode { .. })
    }

    /// True for an operation that decides which code AWS accepts in later steps.
    pub fn affects_code_signing(&self) -> bool {
        matches!(self, Action::PutFunctionCodeSigningConfig { .. } | Action::DeleteFunctionCodeSigningConfig)
    }

    /// True for an action that changes nothing at AWS.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Action::Verify | Action::Wait { .. } | Action::WaitForProvisioned { .. })
    }

    /// Name of the step in events.
    pub fn name(&self) -> StepName {
        match self {
            Action::CreateFunction { .. } => StepName::CreateFunction,
            Action::UploadPackage { .. } => StepName::UploadPackage,
            Action::PutFunctionCodeSigningConfig { .. } => StepName::PutFunctionCodeSigningConfig,
            Action::DeleteFunctionCodeSigningConfig => StepName::DeleteFunctionCodeSigningConfig,
            Action::UntagResource { .. } => StepName::UntagResource,
            Action::TagResource { .. } => StepName::TagResource,
            Action::UpdateFunctionConfiguration { .. } => StepName::UpdateFunctionConfiguration,
            Action::UpdateFunctionCode { .. } => StepName::UpdateFunctionCode,
            Action::PutFunctionConcurrency { .. } => StepName::PutFunctionConcurrency,
            Action::DeleteFunctionConcurrency => StepName::DeleteFunctionConcurrency,
            Action::CreateFunctionUrlConfig { .. } => StepName::CreateFunctionUrlConfig,
            Action::UpdateFunctionUrlConfig { .. } => StepName::UpdateFunctionUrlConfig,
            Action::DeleteFunctionUrlConfig { .. } => StepName::DeleteFunctionUrlConfig,
            Action::AddPermission { .. } => StepName::AddPermission,
            Action::RemovePermission { .. } => StepName::RemovePermission,
            Action::PublishVersion { .. } => StepName::PublishVersion,
            Action::Verify => StepName::Verify,
            Action::CreateAlias { .. } => StepName::CreateAlias,
            Action::UpdateAlias { .. } => StepName::UpdateAlias,
            Action::ShiftTraffic { .. } => StepName::ShiftTraffic,
            Action::Wait { .. } | Action::WaitForProvisioned { .. } => StepName::Wait,
            Action::PutProvisionedConcurrencyConfig { .. } => StepName::PutProvisionedConcurrencyConfig,
            Action::DeleteProvisionedConcurrencyConfig { .. } => StepName::DeleteProvisionedConcurrencyConfig,
            Action::DeleteVersion { .. } => StepName::DeleteFunction,
        }
    }
}
