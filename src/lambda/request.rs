//! Writes settings into the fields of AWS requests, as the table of settings says. It never omits a setting:
//! each one has a field in the create and update requests, or is sent by a call of its own.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_code::builders::UpdateFunctionCodeFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::types::builders::FunctionCodeBuilder;
use aws_sdk_lambda::types::{
    self, CapacityProviderConfig, DurableConfig, ImageConfig, LambdaManagedInstancesCapacityProviderConfig,
    LoggingConfig, VpcConfig,
};

use crate::function::{Setting, settings_table};
use crate::protocol::secret::Secret;
use crate::protocol::structures::{self, Scaling};

macro_rules! define_requests {
    ($($(#[doc = $doc:literal])* $name:ident($value:ty) changed by $call:ident {
        option: $option:literal, aws: $aws:literal $(in $unit:literal)?,
        desired: $desired:expr,
        live: $($source:ident($live:expr))+,
        request: $(configuration($configuration:expr))? $(vpc_config($vpc_config:expr))?
            $(logging_config($logging_config:expr))? $(image_config($image_config:expr))?
            $(durable_config($durable_config:expr))? $(capacity_provider($capacity_provider:expr))?
            $(create($create:expr))? $(create_code($create_code:expr))? $(update_code($update_code:expr))?
            $(own_call($own_call:expr))?,
    })*) => {
        fn structures_of(settings: &[Setting]) -> Structures {
            let (mut vpc, mut logs, mut image) = (None, None, None);
            let (mut durable, mut capacity) = (None, None);
            for setting in settings.iter().cloned() {
                match setting {
                    $($(Setting::$name(value) => {
                        vpc = Some(write(vpc.unwrap_or_else(VpcConfig::builder), value, $vpc_config));
                    })?)*
                    $($(Setting::$name(value) => {
                        let logging = logs.unwrap_or_else(LoggingConfig::builder);
                        logs = Some(write(logging, value, $logging_config));
                    })?)*
                    $($(Setting::$name(value) => {
                        image = Some(write(image.unwrap_or_else(ImageConfig::builder), value, $image_config));
                    })?)*
                    $($(Setting::$name(value) => {
                        let config = durable.unwrap_or_else(DurableConfig::builder);
                        durable = Some(write(config, value, $durable_config));
                    })?)*
                    $($(Setting::$name(value) => {
                        let instances = capacity
                            .unwrap_or_else(LambdaManagedInstancesCapacityProviderConfig::builder);
                        capacity = Some(write(instances, value, $capacity_provider));
                    })?)*
                    _ => {}
                }
            }
            Structures {
                vpc: vpc.map(|vpc| vpc.build()),
                logs: logs.map(|logs| logs.build()),
                image: image.map(|image| image.build()),
                durable: durable.map(|durable| durable.build()),
                capacity: capacity.map(|instances| {
                    let instances = instances.build().expect("the plan adds the ARN to the other members");
                    CapacityProviderConfig::builder()
                        .lambda_managed_instances_capacity_provider_config(instances)
                        .build()
                }),
            }
        }

        /// Writes settings into a CreateFunction request, except those of the code: see [`create_code`].
        pub(super) fn create(
            request: CreateFunctionFluentBuilder,
            settings: &[Setting],
        ) -> CreateFunctionFluentBuilder {
            let Structures { vpc, logs, image, durable, capacity } = structures_of(settings);
            let request = request.set_vpc_config(vpc).set_logging_config(logs).set_image_config(image);
            let request = request.set_durable_config(durable).set_capacity_provider_config(capacity);
            settings.iter().cloned().fold(request, |request, setting| match setting {
                $($(Setting::$name(value) => write(request, value, $configuration),)?)*
                $($(Setting::$name(value) => write(request, value, $create),)?)*
                _ => request,
            })
        }

        /// Writes settings into the code of a CreateFunction request.
        pub(super) fn create_code(code: FunctionCodeBuilder, settings: &[Setting]) -> FunctionCodeBuilder {
            settings.iter().cloned().fold(code, |code, setting| match setting {
                $($(Setting::$name(value) => write(code, value, $create_code),)?)*
                _ => code,
            })
        }

        /// Writes settings into an UpdateFunctionConfiguration request. An empty setting clears the live
        /// value.
        pub(super) fn update(
            request: UpdateFunctionConfigurationFluentBuilder,
            settings: &[Setting],
        ) -> UpdateFunctionConfigurationFluentBuilder {
            let Structures { vpc, logs, image, durable, capacity } = structures_of(settings);
            let request = request.set_vpc_config(vpc).set_logging_config(logs).set_image_config(image);
            let request = request.set_durable_config(durable).set_capacity_provider_config(capacity);
            settings.iter().cloned().fold(request, |request, setting| match setting {
                $($(Setting::$name(value) => write(request, value, $configuration),)?)*
                _ => request,
            })
        }

        /// Writes the settings that belong to an UpdateFunctionCode request.
        pub(super) fn update_code(
            request: UpdateFunctionCodeFluentBuilder,
            settings: &[Setting],
        ) -> UpdateFunctionCodeFluentBuilder {
            settings.iter().cloned().fold(request, |request, setting| match setting {
                $($(Setting::$name(value) => write(request, value, $update_code),)?)*
                _ => request,
            })
        }
    };
}

/// AWS structures that combine several settings. `None`: no setting belongs to the structure.
struct Structures {
    vpc: Option<VpcConfig>,
    logs: Option<LoggingConfig>,
    image: Option<ImageConfig>,
    durable: Option<DurableConfig>,
    capacity: Option<CapacityProviderConfig>,
}

settings_table!(define_requests);

fn write<R, V>(request: R, value: V, write: fn(R, V) -> R) -> R {
    write(request, value)
}

/// `None` for an empty value, where AWS expects no field instead.
fn unless_empty<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

fn file_system(system: structures::FileSystemConfig) -> types::FileSystemConfig {
    let reads = |mode: String| types::S3FilesConfig::builder().direct_s3_read(mode.as_str().into()).build();
    let builder =
        types::FileSystemConfig::builder().arn(system.arn).local_mount_path(system.local_mount_path);
    let builder = builder.set_s3_files_config(system.direct_s3_read.map(reads));
    builder.build().expect("both members are given")
}

pub(super) fn scaling(scaling: Scaling) -> types::FunctionScalingConfig {
    types::FunctionScalingConfig::builder()
        .set_min_execution_environments(scaling.min_execution_environments)
        .set_max_execution_environments(scaling.max_execution_environments)
        .build()
}

pub(super) fn cors(cors: &structures::Cors) -> types::Cors {
    types::Cors::builder()
        .set_allow_origins(cors.allow_origins.clone())
        .set_allow_methods(cors.allow_methods.clone())
        .set_allow_headers(cors.allow_headers.clone())
        .set_expose_headers(cors.expose_headers.clone())
        .set_allow_credentials(cors.allow_credentials)
        .set_max_age(cors.max_age)
        .build()
}

/// Converts the destinations of asynchronous invocations. `None`: there are none.
pub(super) fn destinations(config: &structures::EventInvokeConfig) -> Option<types::DestinationConfig> {
    let success = |arn: &String| types::OnSuccess::builder().destination(arn).build();
    let failure = |arn: &String| types::OnFailure::builder().destination(arn).build();
    let (success, failure) =
        (config.on_success.as_ref().map(success), config.on_failure.as_ref().map(failure));
    if success.is_none() && failure.is_none() {
        return None;
    }
    Some(types::DestinationConfig::builder().set_on_success(success).set_on_failure(failure).build())
}

/// Names and secret values as AWS takes them.
pub(super) fn exposed(pairs: &BTreeMap<String, Secret>) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
