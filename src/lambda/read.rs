//! Converts GetFunction responses to the live function.
//! It never treats an unreadable setting as empty: it omits that setting.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::operation::get_function_url_config::GetFunctionUrlConfigOutput;
use aws_sdk_lambda::types::{FileSystemConfig, FunctionConfiguration, LastUpdateStatus, PackageType, State};
use serde_json::{Value, json};

use super::error::StateReason;
use crate::function::{
    CodeAndSettings, LiveFunction, LiveImage, LiveUrl, LiveVersion, Permission, PublicAccess, Setting,
    VersionState,
};
use crate::protocol::secret::Secret;
use crate::protocol::structures::{self, FunctionUrl};

/// State of a function or version, combined from `State` and `LastUpdateStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UpdateStatus {
    /// Ready, or idle.
    Settled,
    /// Being created.
    Creating,
    /// Being updated.
    Updating,
    /// Being deleted or deactivated.
    Leaving,
    /// Deactivated: it cannot be invoked.
    Deactivated,
    /// The creation failed.
    CreationFailed(StateReason),
    /// The last update failed.
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

    /// The state of a published version. It is never updated, so the `LastUpdateStatus` that it copies from
    /// the function is ignored.
    pub(super) fn for_version(self) -> Self {
        match self {
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

    pub(super) fn from_configuration(configuration: &FunctionConfiguration) -> Self {
        UpdateStatus::of(
            configuration.state(),
            StateReason {
                code: configuration.state_reason_code().map(|code| code.as_str().to_owned()),
                reason: configuration.state_reason().map(str::to_owned),
            },
            configuration.last_update_status(),
            StateReason {
                code: configuration.last_update_status_reason_code().map(|code| code.as_str().to_owned()),
                reason: configuration.last_update_status_reason().map(str::to_owned),
            },
        )
    }
}

/// Converts a GetFunction response. `None`: the response lacks a field that every function has.
pub(super) fn live(output: &GetFunctionOutput) -> Option<LiveFunction> {
    let configuration = output.configuration()?;
    let mut settings = settings(configuration);
    let reserved = output.concurrency().and_then(|concurrency| concurrency.reserved_concurrent_executions());
    settings.push(Setting::ReservedConcurrency(reserved));
    let code = output.code();
    settings.push(Setting::SourceKmsKeyArn(text(code.and_then(|code| code.source_kms_key_arn()))));
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
        url: None,
        public: PublicAccess::default(),
        latest_url: None,
        latest_public: PublicAccess::default(),
        aliases: Vec::new(),
        versions: Vec::new(),
        is_managed: configuration.capacity_provider_config().is_some(),
        latest_published: None,
        provisioned: BTreeMap::new(),
        revision_id: configuration.revision_id().map(str::to_owned),
        has_failed: matches!(
            UpdateStatus::from_configuration(configuration),
            UpdateStatus::CreationFailed(_) | UpdateStatus::UpdateFailed(_)
        ),
    })
}

/// Converts an entry of ListVersionsByFunction, which does not show whether the version is ready. `None`: it
/// lacks a field that every version has.
pub(super) fn listed_version(configuration: &FunctionConfiguration) -> Option<LiveVersion> {
    Some(LiveVersion {
        number: configuration.version()?.to_owned(),
        code_sha256: configuration.code_sha256()?.to_owned(),
        settings: settings(configuration),
        state: VersionState::Unknown,
    })
}

/// Converts the GetFunction response for a published version. `None`: it lacks a field that every version
/// has.
pub(super) fn version(configuration: &FunctionConfiguration) -> Option<LiveVersion> {
    let state = match UpdateStatus::from_configuration(configuration).for_version() {
        UpdateStatus::Settled | UpdateStatus::Updating | UpdateStatus::UpdateFailed(_) => VersionState::Ready,
        UpdateStatus::Creating | UpdateStatus::Leaving => VersionState::Pending,
        UpdateStatus::CreationFailed(_) | UpdateStatus::Deactivated => VersionState::Failed,
    };
    Some(LiveVersion { state, ..listed_version(configuration)? })
}

/// Code and settings of a response. `None`: it has no `CodeSha256`.
pub(super) fn code_and_settings(configuration: &FunctionConfiguration) -> Option<CodeAndSettings> {
    Some(CodeAndSettings {
        code_sha256: configuration.code_sha256()?.to_owned(),
        settings: settings(configuration),
    })
}

/// Converts the settings. Where AWS omits a field, the function has its documented default.
fn settings(c: &FunctionConfiguration) -> Vec<Setting> {
    let or = |value: Option<&str>, default: &str| value.unwrap_or(default).to_owned();
    let vpc = c.vpc_config();
    let environment = match c.environment() {
        Some(environment) if environment.error().is_some() => None,
        Some(environment) => Some(secrets(environment.variables())),
        None => Some(BTreeMap::new()),
    };
    let logging = c.logging_config();
    let group = format!("/aws/lambda/{}", c.function_name().unwrap_or_default());
    let image = c.image_config_response().and_then(|response| response.image_config());
    let file_system = |system: &FileSystemConfig| structures::FileSystemConfig {
        arn: system.arn().to_owned(),
        local_mount_path: system.local_mount_path().to_owned(),
    };
    let mut settings = vec![
        Setting::Role(text(c.role())),
        Setting::Runtime(text(c.runtime().map(|runtime| runtime.as_str()))),
        Setting::Handler(text(c.handler())),
        Setting::Description(text(c.description())),
        Setting::EphemeralStorage(c.ephemeral_storage().map_or(512, |storage| storage.size())),
        Setting::SubnetIds(vpc.map(|vpc| vpc.subnet_ids().iter().cloned().collect()).unwrap_or_default()),
        Setting::SecurityGroupIds(
            vpc.map(|vpc| vpc.security_group_ids().iter().cloned().collect()).unwrap_or_default(),
        ),
        Setting::Ipv6AllowedForDualStack(
            vpc.and_then(|vpc| vpc.ipv6_allowed_for_dual_stack()).unwrap_or_default(),
        ),
        Setting::DeadLetterArn(text(c.dead_letter_config().and_then(|config| config.target_arn()))),
        Setting::KmsKeyArn(text(c.kms_key_arn())),
        Setting::TracingMode(or(
            c.tracing_config().and_then(|t| t.mode()).map(|mode| mode.as_str()),
            "PassThrough",
        )),
        Setting::Layers(c.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect()),
        Setting::FileSystems(c.file_system_configs().iter().map(file_system).collect()),
        Setting::SnapStart(or(
            c.snap_start().and_then(|snap| snap.apply_on()).map(|mode| mode.as_str()),
            "None",
        )),
        Setting::LogFormat(or(logging.and_then(|l| l.log_format()).map(|format| format.as_str()), "Text")),
        Setting::LogGroup(or(logging.and_then(|l| l.log_group()), &group)),
        Setting::ApplicationLogLevel(text(
            logging.and_then(|l| l.application_log_level()).map(|level| level.as_str()),
        )),
        Setting::SystemLogLevel(text(logging.and_then(|l| l.system_log_level()).map(|level| level.as_str()))),
        Setting::EntryPoint(image.map(|image| image.entry_point().to_vec()).unwrap_or_default()),
        Setting::Command(image.map(|image| image.command().to_vec()).unwrap_or_default()),
        Setting::WorkingDirectory(text(image.and_then(|image| image.working_directory()))),
        Setting::Architecture(or(c.architectures().first().map(|name| name.as_str()), "x86_64")),
    ];
    settings.extend(c.timeout().map(Setting::Timeout));
    settings.extend(c.memory_size().map(Setting::MemorySize));
    settings.extend(environment.map(Setting::Environment));
    settings
}

/// Converts a function URL.
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
