//! GetFunction's answer in, the live function out.
//! Never takes what cannot be read for empty: such a setting is left out.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{FunctionConfiguration, LastUpdateStatus, State};

use super::error::Trouble;
use crate::function::{Live, Setting};
use crate::protocol::secret::Secret;

/// Where a function stands between two updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Ready; idle counts, too.
    Settled,
    /// It is being created.
    Creating,
    /// It is being updated.
    Updating,
    /// It could not be created.
    CreationFailed(Trouble),
    /// Its last update could not be carried out.
    UpdateFailed(Trouble),
}

impl Standing {
    /// `LastUpdateStatus` tells of updates; `State` matters after creation only, an idle function is `Inactive` for ever.
    pub(super) fn of(
        state: Option<&State>,
        state_trouble: Trouble,
        status: Option<&LastUpdateStatus>,
        status_trouble: Trouble,
    ) -> Self {
        match (state, status) {
            (Some(State::Pending), _) => Standing::Creating,
            (Some(State::Failed), _) => Standing::CreationFailed(state_trouble),
            (_, Some(LastUpdateStatus::InProgress)) => Standing::Updating,
            (_, Some(LastUpdateStatus::Failed)) => Standing::UpdateFailed(status_trouble),
            _ => Standing::Settled,
        }
    }

    /// The same of a published version, which has no updates, whatever status it inherits from the function.
    pub(super) fn of_version(self) -> Self {
        match self {
            Standing::Creating | Standing::CreationFailed(_) => self,
            Standing::Settled | Standing::Updating | Standing::UpdateFailed(_) => Standing::Settled,
        }
    }

    pub(super) fn of_configuration(configuration: &FunctionConfiguration) -> Self {
        Standing::of(
            configuration.state(),
            Trouble {
                code: configuration.state_reason_code().map(|code| code.as_str().to_owned()),
                reason: configuration.state_reason().map(str::to_owned),
            },
            configuration.last_update_status(),
            Trouble {
                code: configuration.last_update_status_reason_code().map(|code| code.as_str().to_owned()),
                reason: configuration.last_update_status_reason().map(str::to_owned),
            },
        )
    }
}

/// The live function of a GetFunction answer. `None` when the answer lacks what every function has.
pub(super) fn live(output: &GetFunctionOutput) -> Option<Live> {
    let configuration = output.configuration()?;
    Some(Live {
        arn: configuration.function_arn()?.to_owned(),
        settings: settings(configuration),
        tags: match output.tags_error() {
            Some(_) => None,
            None => Some(secrets(output.tags())),
        },
        code_sha256: configuration.code_sha256()?.to_owned(),
    })
}

fn settings(c: &FunctionConfiguration) -> Vec<Setting> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let vpc = c.vpc_config();
    let environment = match c.environment() {
        Some(environment) if environment.error().is_some() => None,
        Some(environment) => Some(secrets(environment.variables())),
        None => Some(BTreeMap::new()),
    };
    let mut settings = vec![
        Setting::Role(text(c.role())),
        Setting::Runtime(text(c.runtime().map(|runtime| runtime.as_str()))),
        Setting::Handler(text(c.handler())),
        Setting::Description(text(c.description())),
        Setting::SubnetIds(vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default()),
        Setting::SecurityGroupIds(vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default()),
        Setting::DeadLetterArn(text(c.dead_letter_config().and_then(|config| config.target_arn()))),
        Setting::KmsKeyArn(text(c.kms_key_arn())),
        Setting::TracingMode(text(c.tracing_config().and_then(|config| config.mode()).map(|mode| mode.as_str()))),
        Setting::Layers(c.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect()),
    ];
    settings.extend(c.timeout().map(Setting::Timeout));
    settings.extend(c.memory_size().map(Setting::MemorySize));
    settings.extend(environment.map(Setting::Environment));
    settings
}

fn secrets(map: Option<&std::collections::HashMap<String, String>>) -> BTreeMap<String, Secret> {
    map.into_iter().flatten().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect()
}
