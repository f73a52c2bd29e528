//! Defines the action of a step: what it does, its name in events, and what the step waits for. Never carries
//! an action out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::code_source::{BuiltLayer, Delivery, Object};
use crate::function::{AliasHistory, LayerVersion, Permission, Setting};
use crate::package::Archive;
use crate::protocol::event::{CodeDeployDeployment, StepName, WaitsFor};
use crate::protocol::secret::Secret;
use crate::protocol::structures::{CodeDeploy, EventInvokeConfig, FunctionUrl, Scaling};

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Sends a request to Lambda that changes something.
    Write(WriteCall),
    /// PutObject or CreateMultipartUpload of S3, unless the object exists already.
    UploadPackage {
        /// The object to create.
        object: Object,
        /// Its content.
        archive: Arc<Archive>,
    },
    /// Verification of the version: Invoke, `verify.command` or both.
    Verify,
    /// No operation: a pause between two shares of traffic, in which errors of the new version can show.
    Wait { interval: Duration },
    /// No operation: waits until provisioned concurrency that was requested earlier is ready.
    WaitForProvisioned { alias: String },
}

/// A request to Lambda that changes something, with its parameters. If a call can be about an alias or about
/// the function itself, an `alias` of `None` is the function itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WriteCall {
    /// CreateFunction.
    CreateFunction {
        /// The settings that the stanza names and that CreateFunction accepts.
        settings: Vec<Setting>,
        /// The tags that the stanza names.
        tags: BTreeMap<String, Secret>,
        delivery: Delivery,
    },
    /// PutFunctionCodeSigningConfig.
    PutFunctionCodeSigningConfig {
        /// ARN of the code signing configuration.
        arn: String,
    },
    /// DeleteFunctionCodeSigningConfig.
    DeleteFunctionCodeSigningConfig,
    /// UntagResource.
    UntagResource { names: Vec<String> },
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
        delivery: Delivery,
    },
    /// PutFunctionConcurrency.
    PutFunctionConcurrency {
        /// Number of reserved executions.
        executions: i32,
    },
    /// DeleteFunctionConcurrency.
    DeleteFunctionConcurrency,
    /// PutRuntimeManagementConfig, for `$LATEST`.
    PutRuntimeManagementConfig {
        /// `Auto`, `FunctionUpdate`, or the ARN of the runtime version to keep.
        mode: String,
    },
    /// PutFunctionRecursionConfig.
    PutFunctionRecursionConfig {
        /// `Terminate` or `Allow`.
        recursive_loop: String,
    },
    /// PutFunctionEventInvokeConfig, which replaces the whole configuration.
    PutFunctionEventInvokeConfig {
        /// All members that the configuration then has.
        config: EventInvokeConfig,
        alias: Option<String>,
    },
    /// DeleteFunctionEventInvokeConfig.
    DeleteFunctionEventInvokeConfig { alias: Option<String> },
    /// CreateFunctionUrlConfig.
    CreateFunctionUrlConfig {
        /// The members that the stanza names.
        config: FunctionUrl,
        alias: Option<String>,
    },
    /// UpdateFunctionUrlConfig.
    UpdateFunctionUrlConfig {
        /// The members that differ.
        config: FunctionUrl,
        alias: Option<String>,
    },
    /// DeleteFunctionUrlConfig.
    DeleteFunctionUrlConfig { alias: Option<String> },
    /// AddPermission, for public access.
    AddPermission { permission: Permission, alias: Option<String> },
    /// RemovePermission, which removes the statement of a permission.
    RemovePermission { permission: Permission, alias: Option<String> },
    /// PublishLayerVersion, unless the latest version has the content already.
    PublishLayerVersion { layer: Box<BuiltLayer> },
    /// PublishVersion.
    PublishVersion {
        /// Description of the version. `None`: that of the function.
        description: Option<String>,
        /// True to publish to `$LATEST.PUBLISHED` instead of a numbered version.
        to_latest: bool,
    },
    /// PutFunctionScalingConfig.
    PutFunctionScalingConfig {
        /// The version to scale. `None`: the version of the plan.
        version: Option<String>,
        /// Its numbers of execution environments. All absent: AWS's defaults.
        scaling: Scaling,
    },
    /// CreateAlias, at the version of the plan.
    CreateAlias {
        alias: String,
        /// The alias history to write into the description.
        history: AliasHistory,
    },
    /// UpdateAlias: sends all traffic to one version.
    UpdateAlias {
        alias: String,
        /// The version that gets the traffic. `None`: the version of the plan.
        version: Option<String>,
        /// The alias history to write into the description. `None`: the description stays unchanged.
        history: Option<AliasHistory>,
        /// True if provisioned concurrency moves with the alias.
        provisions: bool,
    },
    /// UpdateAlias of the description alone.
    DescribeAlias {
        alias: String,
        /// The text before the alias history, which stays.
        text: String,
    },
    /// UpdateAlias: sends a share of the traffic to the version of the plan.
    ShiftTraffic {
        alias: String,
        /// The version that gets the rest of the traffic.
        from: String,
        /// Share of the traffic, in percent.
        percent: u8,
        /// The alias history to write into the description.
        history: AliasHistory,
    },
    /// CreateDeployment of CodeDeploy, after UpdateAlias has recorded it in the description; or no request,
    /// if CodeDeploy already moves the alias to the version of the plan.
    CreateDeployment {
        alias: String,
        /// The version from which the alias moves.
        from: String,
        /// The alias history before the deployment.
        history: AliasHistory,
        /// Application, deployment group and the rest of what the stanza says.
        codedeploy: Box<CodeDeploy>,
        /// The running deployment to follow. `None`: a new one is created.
        running: Option<Box<CodeDeployDeployment>>,
        /// True if provisioned concurrency moves with the alias.
        provisions: bool,
    },
    /// StopDeployment of CodeDeploy, then UpdateAlias: sends all traffic to the version of the plan.
    StopDeployment {
        running: CodeDeployDeployment,
        alias: String,
        /// The alias history to write into the description.
        history: AliasHistory,
    },
    /// PutProvisionedConcurrencyConfig.
    PutProvisionedConcurrencyConfig {
        alias: String,
        /// Number of provisioned executions.
        executions: i32,
    },
    /// DeleteProvisionedConcurrencyConfig.
    DeleteProvisionedConcurrencyConfig { alias: String },
    /// UpdateEventSourceMapping: makes a mapping of the function itself call an alias.
    UpdateEventSourceMapping {
        /// AWS's id of the mapping.
        uuid: String,
        /// The event source, such as `SQS queue orders`.
        event_source: String,
        alias: String,
    },
    /// DeleteFunction with a qualifier: deletes one version.
    DeleteVersion { version: String },
    /// DeleteLayerVersion.
    DeleteLayerVersion {
        /// Name or ARN of the layer.
        layer: String,
        version: i64,
    },
}

impl Action {
    /// What the run waits for before the next step. `None`: the operation is complete when AWS responds.
    pub(crate) fn waits_for(&self) -> Option<WaitsFor> {
        match self {
            Action::Write(call) => call.name_and_wait().1,
            Action::WaitForProvisioned { .. } => Some(WaitsFor::ProvisionedConcurrencyReady),
            Action::UploadPackage { .. } | Action::Verify | Action::Wait { .. } => None,
        }
    }

    /// True for an operation that changes code or settings that are part of a version.
    pub(super) fn changes_function(&self) -> bool {
        use WriteCall::{UpdateFunctionCode, UpdateFunctionConfiguration};
        matches!(self, Action::Write(UpdateFunctionConfiguration { .. } | UpdateFunctionCode { .. }))
    }

    /// True for an operation that decides which code AWS accepts in later steps.
    pub(crate) fn affects_code_signing(&self) -> bool {
        use WriteCall::{DeleteFunctionCodeSigningConfig, PutFunctionCodeSigningConfig};
        matches!(self, Action::Write(PutFunctionCodeSigningConfig { .. } | DeleteFunctionCodeSigningConfig))
    }

    /// True for an action that changes nothing at AWS.
    pub(crate) fn is_read_only(&self) -> bool {
        matches!(self, Action::Verify | Action::Wait { .. } | Action::WaitForProvisioned { .. })
    }

    /// Name of the step in events.
    pub(crate) fn name(&self) -> StepName {
        match self {
            Action::Write(call) => call.name(),
            Action::UploadPackage { .. } => StepName::UploadPackage,
            Action::Verify => StepName::Verify,
            Action::Wait { .. } | Action::WaitForProvisioned { .. } => StepName::Wait,
        }
    }
}

impl WriteCall {
    /// Name of the step in events.
    pub(crate) fn name(&self) -> StepName {
        self.name_and_wait().0
    }

    /// True for a call that does not depend on the revision of the function: a version never changes, and an
    /// alias has a revision of its own.
    pub(crate) fn is_of_version_or_alias(&self) -> bool {
        use WriteCall::{CreateAlias, DeleteVersion, DescribeAlias, ShiftTraffic, UpdateAlias};
        matches!(
            self,
            DeleteVersion { .. }
                | CreateAlias { .. }
                | UpdateAlias { .. }
                | DescribeAlias { .. }
                | ShiftTraffic { .. }
        )
    }

    /// The call with the ARNs of the layer versions that earlier steps have published, by layer.
    pub(crate) fn with_layers(&self, published: &BTreeMap<String, String>) -> Cow<'_, WriteCall> {
        let mut call = Cow::Borrowed(self);
        if published.is_empty() {
            return call;
        }
        if let WriteCall::CreateFunction { settings, .. }
        | WriteCall::UpdateFunctionConfiguration { settings } = call.to_mut()
        {
            for version in settings.iter_mut().filter_map(layers_of).flatten() {
                let arn = match &*version {
                    LayerVersion::New { layer, .. } => published.get(layer).cloned(),
                    LayerVersion::Arn(_) => None,
                };
                if let Some(arn) = arn {
                    *version = LayerVersion::Arn(arn);
                }
            }
        }
        call
    }

    fn name_and_wait(&self) -> (StepName, Option<WaitsFor>) {
        let provisioned = Some(WaitsFor::ProvisionedConcurrencyReady);
        match self {
            WriteCall::CreateFunction { .. } => (StepName::CreateFunction, Some(WaitsFor::FunctionActive)),
            WriteCall::PutFunctionCodeSigningConfig { .. } => (StepName::PutFunctionCodeSigningConfig, None),
            WriteCall::DeleteFunctionCodeSigningConfig => (StepName::DeleteFunctionCodeSigningConfig, None),
            WriteCall::UntagResource { .. } => (StepName::UntagResource, None),
            WriteCall::TagResource { .. } => (StepName::TagResource, None),
            WriteCall::UpdateFunctionConfiguration { .. } => {
                (StepName::UpdateFunctionConfiguration, Some(WaitsFor::FunctionUpdated))
            }
            WriteCall::UpdateFunctionCode { .. } => {
                (StepName::UpdateFunctionCode, Some(WaitsFor::FunctionUpdated))
            }
            WriteCall::PutFunctionConcurrency { .. } => (StepName::PutFunctionConcurrency, None),
            WriteCall::DeleteFunctionConcurrency => (StepName::DeleteFunctionConcurrency, None),
            WriteCall::PutRuntimeManagementConfig { .. } => {
                (StepName::PutRuntimeManagementConfig, Some(WaitsFor::FunctionUpdated))
            }
            WriteCall::PutFunctionRecursionConfig { .. } => (StepName::PutFunctionRecursionConfig, None),
            WriteCall::PutFunctionEventInvokeConfig { .. } => (StepName::PutFunctionEventInvokeConfig, None),
            WriteCall::DeleteFunctionEventInvokeConfig { .. } => {
                (StepName::DeleteFunctionEventInvokeConfig, None)
            }
            WriteCall::CreateFunctionUrlConfig { .. } => (StepName::CreateFunctionUrlConfig, None),
            WriteCall::UpdateFunctionUrlConfig { .. } => (StepName::UpdateFunctionUrlConfig, None),
            WriteCall::DeleteFunctionUrlConfig { .. } => (StepName::DeleteFunctionUrlConfig, None),
            WriteCall::AddPermission { .. } => (StepName::AddPermission, None),
            WriteCall::RemovePermission { .. } => (StepName::RemovePermission, None),
            WriteCall::PublishLayerVersion { .. } => (StepName::PublishLayerVersion, None),
            WriteCall::PublishVersion { .. } => (StepName::PublishVersion, Some(WaitsFor::VersionActive)),
            WriteCall::PutFunctionScalingConfig { .. } => {
                (StepName::PutFunctionScalingConfig, Some(WaitsFor::ScalingApplied))
            }
            WriteCall::CreateAlias { .. } => (StepName::CreateAlias, None),
            WriteCall::UpdateAlias { provisions, .. } => {
                (StepName::UpdateAlias, provisioned.filter(|_| *provisions))
            }
            WriteCall::DescribeAlias { .. } => (StepName::UpdateAlias, None),
            WriteCall::ShiftTraffic { .. } => (StepName::ShiftTraffic, None),
            WriteCall::CreateDeployment { codedeploy, .. } => {
                (StepName::CreateDeployment, codedeploy.waits().then_some(WaitsFor::DeploymentEnded))
            }
            WriteCall::StopDeployment { .. } => (StepName::StopDeployment, Some(WaitsFor::DeploymentEnded)),
            WriteCall::PutProvisionedConcurrencyConfig { .. } => {
                (StepName::PutProvisionedConcurrencyConfig, provisioned)
            }
            WriteCall::DeleteProvisionedConcurrencyConfig { .. } => {
                (StepName::DeleteProvisionedConcurrencyConfig, None)
            }
            WriteCall::UpdateEventSourceMapping { .. } => {
                (StepName::UpdateEventSourceMapping, Some(WaitsFor::EventSourceMappingSettled))
            }
            WriteCall::DeleteVersion { .. } => (StepName::DeleteFunction, None),
            WriteCall::DeleteLayerVersion { .. } => (StepName::DeleteLayerVersion, None),
        }
    }
}

/// The layers that a setting names. `None`: it is another setting.
fn layers_of(setting: &mut Setting) -> Option<&mut Vec<LayerVersion>> {
    match setting {
        Setting::Layers(versions) => Some(versions),
        _ => None,
    }
}
