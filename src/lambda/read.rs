//! Converts responses with the configuration of a function to the live function.
//! It never treats an unreadable setting as empty: it omits that setting.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::operation::create_function::CreateFunctionOutput;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::operation::get_function_code_signing_config::GetFunctionCodeSigningConfigOutput;
use aws_sdk_lambda::operation::get_function_event_invoke_config::GetFunctionEventInvokeConfigOutput;
use aws_sdk_lambda::operation::get_function_recursion_config::GetFunctionRecursionConfigOutput;
use aws_sdk_lambda::operation::get_function_url_config::GetFunctionUrlConfigOutput;
use aws_sdk_lambda::operation::get_runtime_management_config::GetRuntimeManagementConfigOutput;
use aws_sdk_lambda::operation::publish_version::PublishVersionOutput;
use aws_sdk_lambda::operation::update_function_code::UpdateFunctionCodeOutput;
use aws_sdk_lambda::operation::update_function_configuration::UpdateFunctionConfigurationOutput;
use aws_sdk_lambda::types::{
    CapacityProviderConfig, EventSourceMappingConfiguration, FileSystemConfig, FunctionCodeLocation,
    FunctionConfiguration, ImageConfig, ImageConfigResponse, LambdaManagedInstancesCapacityProviderConfig,
    LastUpdateStatus, PackageType, State,
};
use serde_json::{Value, json};

use super::deploy_state::ResponseFacts;
use super::error::StateReason;
use crate::function::{
    CodeAndSettings, EventSource, LATEST_PUBLISHED, LayerVersion, LiveFunction, LiveImage, LiveUrl,
    LiveVersion, Permission, PublicAccess, Setting, VersionState, resource_name, settings_table,
};
use crate::protocol::secret::Secret;
use crate::protocol::structures::{self, EventInvokeConfig, FunctionUrl};

/// State of a function or version, combined from `State` and `LastUpdateStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UpdateStatus {
    /// Ready, or idle.
    Settled,
    Creating,
    Updating,
    /// Being deleted or deactivated.
    Leaving,
    /// Deactivated: it cannot be invoked.
    Deactivated,
    CreationFailed(StateReason),
    UpdateFailed(StateReason),
}

impl UpdateStatus {
    /// Combines `State` (creation, deletion, deactivation) and `LastUpdateStatus` (updates). `Inactive`
    /// counts as ready: an idle function stays so until it is invoked.
    pub(super) fn of(
        state: Option<&State>,
        state_reason: StateReason,
        status: Option<&LastUpdateStatus>,
        update_reason: StateReason,
    ) -> Self {
        match (state, status) {
            (Some(State::Pending), _) => UpdateStatus::Creating,
            (Some(State::Failed), _) => UpdateStatus::CreationFailed(state_reason),
            (Some(State::Deleting | State::Deactivating), _) => UpdateStatus::Leaving,
            (Some(State::Deactivated), _) => UpdateStatus::Deactivated,
            (_, Some(LastUpdateStatus::InProgress)) => UpdateStatus::Updating,
            (_, Some(LastUpdateStatus::Failed)) => UpdateStatus::UpdateFailed(update_reason),
            _ => UpdateStatus::Settled,
        }
    }

    /// The state of a published version. One with a number is never updated, so the `LastUpdateStatus` that
    /// it copies from the function is ignored. `$LATEST.PUBLISHED` is: AWS publishes it again and again.
    pub(super) fn for_version(self, version: &str) -> Self {
        match self {
            UpdateStatus::Updating if version == LATEST_PUBLISHED => UpdateStatus::Creating,
            UpdateStatus::UpdateFailed(reason) if version == LATEST_PUBLISHED => {
                UpdateStatus::CreationFailed(reason)
            }
            UpdateStatus::Creating
            | UpdateStatus::CreationFailed(_)
            | UpdateStatus::Leaving
            | UpdateStatus::Deactivated => self,
            UpdateStatus::Settled | UpdateStatus::Updating | UpdateStatus::UpdateFailed(_) => {
                UpdateStatus::Settled
            }
        }
    }

    /// Whether an operation is in progress that ends by itself.
    pub(super) fn is_in_progress(&self) -> bool {
        matches!(self, UpdateStatus::Creating | UpdateStatus::Updating | UpdateStatus::Leaving)
    }
}

/// A response with the configuration of a function or version. AWS has five types with the same members.
pub(super) trait Configuration {
    /// The settings. A setting that cannot be read is missing.
    fn settings(&self) -> Vec<Setting>;

    fn update_status(&self) -> UpdateStatus;

    /// The facts that the next steps need.
    fn facts(&self) -> ResponseFacts;
}

macro_rules! impl_configuration {
    ($response:ident; $($(#[doc = $doc:literal])* $name:ident($value:ty) changed by $call:ident {
        option: $option:literal, aws: $aws:literal $(in $unit:literal)?,
        desired: $desired:expr,
        live: $(configuration($live:expr))? $(get_function($of_function:expr))?
            $(get_function_code_signing_config($of_code_signing:expr))?
            $(get_runtime_management_config($of_runtime:expr))?
            $(get_function_recursion_config($of_recursion:expr))?,
        request: $($target:ident($write:expr))+,
    })*) => {
        impl Configuration for $response {
            fn settings(&self) -> Vec<Setting> {
                [$($(Setting::read(self, $live, Setting::$name),)?)*].into_iter().flatten().collect()
            }

            fn update_status(&self) -> UpdateStatus {
                let state_reason = StateReason {
                    code: self.state_reason_code().map(|code| code.as_str().to_owned()),
                    reason: self.state_reason().map(str::to_owned),
                };
                let update_reason = StateReason {
                    code: self.last_update_status_reason_code().map(|code| code.as_str().to_owned()),
                    reason: self.last_update_status_reason().map(str::to_owned),
                };
                UpdateStatus::of(self.state(), state_reason, self.last_update_status(), update_reason)
            }

            fn facts(&self) -> ResponseFacts {
                let code_sha256 = self.code_sha256().map(str::to_owned);
                ResponseFacts {
                    function_arn: self.function_arn().map(str::to_owned),
                    revision_id: self.revision_id().map(str::to_owned),
                    code_and_settings: code_sha256
                        .clone()
                        .map(|code_sha256| CodeAndSettings { code_sha256, settings: self.settings() }),
                    code_sha256,
                    ..ResponseFacts::default()
                }
            }
        }
    };
}

settings_table!(impl_configuration, FunctionConfiguration);
settings_table!(impl_configuration, CreateFunctionOutput);
settings_table!(impl_configuration, UpdateFunctionConfigurationOutput);
settings_table!(impl_configuration, UpdateFunctionCodeOutput);
settings_table!(impl_configuration, PublishVersionOutput);

macro_rules! define_other_settings {
    ($($(#[doc = $doc:literal])* $name:ident($value:ty) changed by $call:ident {
        option: $option:literal, aws: $aws:literal $(in $unit:literal)?,
        desired: $desired:expr,
        live: $(configuration($live:expr))? $(get_function($of_function:expr))?
            $(get_function_code_signing_config($of_code_signing:expr))?
            $(get_runtime_management_config($of_runtime:expr))?
            $(get_function_recursion_config($of_recursion:expr))?,
        request: $($target:ident($write:expr))+,
    })*) => {
        /// The settings that GetFunction returns beside the configuration.
        fn settings_beside(output: &GetFunctionOutput) -> Vec<Setting> {
            [$($(Setting::read(output, $of_function, Setting::$name),)?)*].into_iter().flatten().collect()
        }

        /// The settings that GetFunctionCodeSigningConfig returns.
        pub(super) fn code_signing(output: &GetFunctionCodeSigningConfigOutput) -> Vec<Setting> {
            [$($(Setting::read(output, $of_code_signing, Setting::$name),)?)*].into_iter().flatten().collect()
        }

        /// The settings that GetRuntimeManagementConfig returns.
        pub(super) fn runtime_management(output: &GetRuntimeManagementConfigOutput) -> Vec<Setting> {
            [$($(Setting::read(output, $of_runtime, Setting::$name),)?)*].into_iter().flatten().collect()
        }

        /// The settings that GetFunctionRecursionConfig returns.
        pub(super) fn recursion(output: &GetFunctionRecursionConfigOutput) -> Vec<Setting> {
            [$($(Setting::read(output, $of_recursion, Setting::$name),)?)*].into_iter().flatten().collect()
        }
    };
}

settings_table!(define_other_settings);

/// AWS's default settings of a function called `name`. A setting that is empty by default can be missing.
pub(crate) fn default_settings(name: &str) -> Vec<Setting> {
    // AWS returns these two for every function, so reading them needs no default.
    let configuration =
        FunctionConfiguration::builder().function_name(name).timeout(3).memory_size(128).build();
    let code = FunctionCodeLocation::builder().build();
    let beside = settings_beside(&GetFunctionOutput::builder().code(code).build());
    let updates = runtime_management(&GetRuntimeManagementConfigOutput::builder().build());
    let loops = recursion(&GetFunctionRecursionConfigOutput::builder().build());
    configuration.settings().into_iter().chain(beside).chain(updates).chain(loops).collect()
}

/// Converts a GetFunction response. `None`: the response lacks a field that every function has.
pub(super) fn live(output: &GetFunctionOutput) -> Option<LiveFunction> {
    let configuration = output.configuration()?;
    let settings = configuration.settings().into_iter().chain(settings_beside(output)).collect();
    let code = output.code();
    let is_image = configuration.package_type() == Some(&PackageType::Image);
    Some(LiveFunction {
        arn: configuration.function_arn()?.to_owned(),
        settings,
        tags: match output.tags_error() {
            Some(_) => None,
            None => Some(secrets(output.tags())),
        },
        code_sha256: configuration.code_sha256()?.to_owned(),
        image: is_image.then(|| LiveImage {
            uri: text(code.and_then(|code| code.image_uri())),
            resolved: text(code.and_then(|code| code.resolved_image_uri())),
        }),
        package_bucket: code
            .and_then(|code| code.resolved_s3_object())
            .and_then(|object| object.s3_bucket())
            .map(str::to_owned),
        is_managed: configuration.capacity_provider_config().is_some(),
        revision_id: configuration.revision_id().map(str::to_owned),
        has_failed: matches!(
            configuration.update_status(),
            UpdateStatus::CreationFailed(_) | UpdateStatus::UpdateFailed(_)
        ),
        ..LiveFunction::default()
    })
}

/// Converts an entry of ListVersionsByFunction, which does not show whether the version is ready. `None`: it
/// lacks a field that every version has.
pub(super) fn listed_version(configuration: &FunctionConfiguration) -> Option<LiveVersion> {
    Some(LiveVersion {
        number: configuration.version()?.to_owned(),
        code_sha256: configuration.code_sha256()?.to_owned(),
        settings: configuration.settings(),
        state: VersionState::Unknown,
    })
}

/// Converts the GetFunction response for a published version. `None`: it lacks a field that every version
/// has.
pub(super) fn version(configuration: &FunctionConfiguration) -> Option<LiveVersion> {
    let listed = listed_version(configuration)?;
    let state = match configuration.update_status().for_version(&listed.number) {
        UpdateStatus::Settled | UpdateStatus::Updating | UpdateStatus::UpdateFailed(_) => VersionState::Ready,
        UpdateStatus::Creating | UpdateStatus::Leaving => VersionState::Pending,
        UpdateStatus::CreationFailed(_) | UpdateStatus::Deactivated => VersionState::Failed,
    };
    Some(LiveVersion { state, ..listed })
}

pub(super) fn url(output: &GetFunctionUrlConfigOutput) -> LiveUrl {
    let list = |items: &[String]| Some(items.to_vec()).filter(|items| !items.is_empty());
    let cors = output.cors().map(|cors| structures::Cors {
        allow_origins: list(cors.allow_origins()),
        allow_methods: list(cors.allow_methods()),
        allow_headers: list(cors.allow_headers()),
        expose_headers: list(cors.expose_headers()),
        allow_credentials: cors.allow_credentials(),
        max_age: cors.max_age(),
    });
    let config = FunctionUrl {
        auth_type: Some(output.auth_type().as_str().to_owned()),
        invoke_mode: Some(output.invoke_mode().map_or("BUFFERED", |mode| mode.as_str()).to_owned()),
        cors,
    };
    LiveUrl { url: output.function_url().to_owned(), config }
}

pub(super) fn event_invoke(output: &GetFunctionEventInvokeConfigOutput) -> EventInvokeConfig {
    let destinations = output.destination_config();
    let set = |arn: Option<&str>| arn.filter(|arn| !arn.is_empty()).map(str::to_owned);
    EventInvokeConfig {
        maximum_retry_attempts: output.maximum_retry_attempts(),
        maximum_event_age: output.maximum_event_age_in_seconds(),
        on_success: set(destinations.and_then(|both| both.on_success()).and_then(|one| one.destination())),
        on_failure: set(destinations.and_then(|both| both.on_failure()).and_then(|one| one.destination())),
    }
}

/// Converts an event source mapping. `None`: it calls a version or an alias of the function with this ARN, or
/// is being deleted.
pub(super) fn event_source(
    mapping: &EventSourceMappingConfiguration,
    function_arn: &str,
) -> Option<EventSource> {
    let qualifier = mapping.function_arn()?.strip_prefix(function_arn)?;
    if !["", ":$LATEST"].contains(&qualifier) || mapping.state() == Some("Deleting") {
        return None;
    }
    let uuid = mapping.uuid()?;
    let name = match (mapping.event_source_arn(), mapping.topics()) {
        (Some(arn), _) => resource_name(arn),
        (None, []) => format!("event source {uuid}"),
        (None, topics) => format!("Kafka topic {}", topics.join(", ")),
    };
    let is_enabled = !matches!(mapping.state(), Some("Disabled" | "Disabling"));
    Some(EventSource { uuid: uuid.to_owned(), name, is_enabled })
}

/// Finds the public access that a resource policy grants. A statement of unknown form counts as granting
/// nothing.
pub(super) fn public(policy: &str) -> PublicAccess {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = document["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_public = |statement: &Value| {
        statement["Effect"] == "Allow"
            && (statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*")
    };
    let condition = |permission| match permission {
        Permission::InvokeFunctionUrl => json!({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}),
        Permission::InvokeFunction => json!({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    };
    let grants = |statement: &Value, permission: Permission| {
        is_public(statement)
            && statement["Action"] == permission.action()
            && statement["Condition"] == condition(permission)
    };
    let all = |is_it: &dyn Fn(&Value, Permission) -> bool| {
        Permission::ALL
            .into_iter()
            .filter(|it| statements.iter().any(|statement| is_it(statement, *it)))
            .collect()
    };
    PublicAccess {
        granted: all(&grants),
        own: all(&|statement, permission| statement["Sid"] == permission.statement_id()),
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// A word of AWS, or `default` if there is none.
fn word<W: AsRef<str>>(word: Option<&W>, default: &str) -> Option<String> {
    Some(word.map_or(default, |word| word.as_ref()).to_owned())
}

fn list(items: Option<&[String]>) -> Vec<String> {
    items.unwrap_or_default().to_vec()
}

fn set(items: Option<&[String]>) -> BTreeSet<String> {
    items.unwrap_or_default().iter().cloned().collect()
}

fn image(response: Option<&ImageConfigResponse>) -> Option<&ImageConfig> {
    response.and_then(ImageConfigResponse::image_config)
}

/// On which Managed Instances the function runs. `None`: it does not run on any.
fn managed_instances(
    config: Option<&CapacityProviderConfig>,
) -> Option<&LambdaManagedInstancesCapacityProviderConfig> {
    config.and_then(CapacityProviderConfig::lambda_managed_instances_capacity_provider_config)
}

/// AWS may omit the default of `DirectS3Read`, which only S3 Files has.
fn file_system(system: &FileSystemConfig) -> structures::FileSystemConfig {
    let reads = system.s3_files_config().and_then(|config| config.direct_s3_read());
    let default = system.arn().contains(":s3files:").then_some("AUTO");
    structures::FileSystemConfig {
        arn: system.arn().to_owned(),
        local_mount_path: system.local_mount_path().to_owned(),
        direct_s3_read: reads.map(|mode| mode.as_str()).or(default).map(str::to_owned),
    }
}

/// The S3ObjectStorageMode, which AWS does not return: only for `REFERENCE` it names the object. `None`: the
/// code is an image, or AWS cannot read the package.
fn storage_mode(code: &FunctionCodeLocation) -> Option<String> {
    let is_copy = code.image_uri().is_none() && code.error().is_none();
    let reference = code.resolved_s3_object().map(|_| "REFERENCE");
    reference.or(is_copy.then_some("COPY")).map(str::to_owned)
}

fn secrets(map: Option<&std::collections::HashMap<String, String>>) -> BTreeMap<String, Secret> {
    map.into_iter().flatten().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_shows_what_everybody_may_do_through_the_url() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "console", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
             "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
            {"Sid": "dpl-lambda-function-url-invoke", "Effect": "Allow", "Principal": {"AWS": "*"},
             "Action": "lambda:InvokeFunction", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        ]});
        let own = vec![Permission::InvokeFunction];
        assert_eq!(public(&policy.to_string()), PublicAccess { granted: Permission::ALL.to_vec(), own });
        for other in [
            json!({"Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunctionUrl"}),
            json!({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction"}),
            json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}),
        ] {
            assert_eq!(public(&json!({"Statement": [other]}).to_string()), PublicAccess::default());
        }
        assert_eq!(public("no policy"), PublicAccess::default());
    }
}
