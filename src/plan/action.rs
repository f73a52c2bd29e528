//! What a step does, by the AWS operation that it makes; its name in events, and what it waits for.
//! Never carries anything out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::code::{Delivery, Object};
use crate::function::{Permission, Setting, Trail};
use crate::protocol::event::{StepName, WaitsFor};
use crate::protocol::secret::Secret;
use crate::protocol::structures::FunctionUrl;

/// The AWS operation of a step, with everything that its request needs but the archive.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// CreateFunction.
    CreateFunction {
        /// All settings that the stanza names and a creation takes.
        settings: Vec<Setting>,
        /// The tags that it names.
        tags: BTreeMap<String, Secret>,
        /// How Lambda gets the code.
        delivery: Delivery,
    },
    /// PutObject or CreateMultipartUpload of S3, unless the archive is there already.
    UploadPackage {
        /// Where it goes.
        object: Object,
    },
    /// PutFunctionCodeSigningConfig.
    PutFunctionCodeSigningConfig {
        /// The configuration's ARN.
        arn: String,
    },
    /// DeleteFunctionCodeSigningConfig.
    DeleteFunctionCodeSigningConfig,
    /// UntagResource.
    UntagResource {
        /// The names of the tags that go.
        names: Vec<String>,
    },
    /// TagResource.
    TagResource {
        /// The tags that are new or differ.
        tags: BTreeMap<String, Secret>,
    },
    /// UpdateFunctionConfiguration.
    UpdateFunctionConfiguration {
        /// The settings that differ, each whole structure of AWS's with them.
        settings: Vec<Setting>,
    },
    /// UpdateFunctionCode.
    UpdateFunctionCode {
        /// The settings that travel with the code.
        settings: Vec<Setting>,
        /// How Lambda gets the code.
        delivery: Delivery,
    },
    /// PutFunctionConcurrency.
    PutFunctionConcurrency {
        /// How many executions are reserved.
        executions: i32,
    },
    /// DeleteFunctionConcurrency.
    DeleteFunctionConcurrency,
    /// CreateFunctionUrlConfig.
    CreateFunctionUrlConfig {
        /// All that the stanza names.
        config: FunctionUrl,
        /// The alias to which it belongs. `None`: the function.
        alias: Option<String>,
    },
    /// UpdateFunctionUrlConfig.
    UpdateFunctionUrlConfig {
        /// The members that differ.
        config: FunctionUrl,
        /// The alias to which it belongs. `None`: the function.
        alias: Option<String>,
    },
    /// DeleteFunctionUrlConfig.
    DeleteFunctionUrlConfig {
        /// The alias to which it belongs. `None`: the function.
        alias: Option<String>,
    },
    /// AddPermission, for everybody.
    AddPermission {
        /// To do what.
        permission: Permission,
        /// With which alias. `None`: the function.
        alias: Option<String>,
    },
    /// RemovePermission.
    RemovePermission {
        /// Whose statement goes.
        permission: Permission,
        /// From which alias. `None`: the function.
        alias: Option<String>,
    },
    /// PublishVersion.
    PublishVersion {
        /// What the version's description tells. `None`: the function's own.
        description: Option<String>,
        /// Whether it becomes `$LATEST.PUBLISHED`, and no number.
        to_latest: bool,
    },
    /// Invoke, or a command of the user's.
    Verify,
    /// CreateAlias, at the version.
    CreateAlias {
        /// Its name.
        alias: String,
    },
    /// UpdateAlias: all of the traffic.
    UpdateAlias {
        /// Its name.
        alias: String,
        /// Where to. `None`: the version.
        version: Option<String>,
        /// Where it has been by then. `None`: it stays where it is.
        trail: Option<Trail>,
        /// Whether executions that it keeps ready move with it.
        provisions: bool,
    },
    /// UpdateAlias: a share of the traffic goes to the version.
    ShiftTraffic {
        /// Its name.
        alias: String,
        /// The version that gets the rest.
        from: String,
        /// The share, in percent.
        percent: u8,
        /// Where it has been.
        trail: Trail,
    },
    /// Nothing, for a while: the version shows what it is worth.
    Wait {
        /// How long.
        interval: Duration,
    },
    /// Nothing, until executions that somebody has asked for are ready.
    WaitForProvisioned {
        /// The alias.
        alias: String,
    },
    /// PutProvisionedConcurrencyConfig.
    PutProvisionedConcurrencyConfig {
        /// The alias.
        alias: String,
        /// How many executions it keeps ready.
        executions: i32,
    },
    /// DeleteProvisionedConcurrencyConfig.
    DeleteProvisionedConcurrencyConfig {
        /// The alias.
        alias: String,
    },
    /// DeleteFunction, of one version.
    DeleteVersion {
        /// Its number.
        version: String,
    },
}

impl Action {
    /// What is waited for before the next step begins. `None`: AWS has done it when it answers.
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

    /// True for what changes code or settings that a version holds.
    pub(super) fn is_of_function(&self) -> bool {
        matches!(self, Action::UpdateFunctionConfiguration { .. } | Action::UpdateFunctionCode { .. })
    }

    /// True for what decides which code AWS takes afterwards.
    pub fn decides_about_code(&self) -> bool {
        matches!(self, Action::PutFunctionCodeSigningConfig { .. } | Action::DeleteFunctionCodeSigningConfig)
    }

    /// True for what only looks on, and changes nothing.
    pub fn only_looks(&self) -> bool {
        matches!(self, Action::Verify | Action::Wait { .. } | Action::WaitForProvisioned { .. })
    }

    /// The step's name in events.
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
