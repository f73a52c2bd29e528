//! Writes settings into the fields of AWS requests. It never omits a setting: each one has a field in the
//! create and update requests, or is sent by a separate call.

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_code::builders::UpdateFunctionCodeFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::types::builders::{ImageConfigBuilder, LoggingConfigBuilder, VpcConfigBuilder};
use aws_sdk_lambda::types::{
    Cors, DeadLetterConfig, Environment, EphemeralStorage, FileSystemConfig, SnapStart, TracingConfig,
};

use crate::function::Setting;
use crate::protocol::structures;

/// AWS structures that combine several settings. `None`: no setting belongs to the structure.
#[derive(Default)]
struct Structures {
    vpc: Option<VpcConfigBuilder>,
    logging: Option<LoggingConfigBuilder>,
    image: Option<ImageConfigBuilder>,
}

impl Structures {
    fn of(settings: &[Setting]) -> Self {
        let Structures { mut vpc, mut logging, mut image } = Structures::default();
        let list = |items: &[String]| (!items.is_empty()).then(|| items.to_vec());
        for setting in settings.iter().cloned() {
            match setting {
                Setting::SubnetIds(ids) => {
                    vpc = Some(vpc.unwrap_or_default().set_subnet_ids(Some(ids.into_iter().collect())));
                }
                Setting::SecurityGroupIds(ids) => {
                    vpc =
                        Some(vpc.unwrap_or_default().set_security_group_ids(Some(ids.into_iter().collect())));
                }
                Setting::Ipv6AllowedForDualStack(allowed) => {
                    vpc = Some(vpc.unwrap_or_default().ipv6_allowed_for_dual_stack(allowed));
                }
                Setting::LogFormat(format) => {
                    logging = Some(logging.unwrap_or_default().log_format(format.as_str().into()))
                }
                Setting::LogGroup(group) => logging = Some(logging.unwrap_or_default().log_group(group)),
                Setting::ApplicationLogLevel(level) => {
                    logging = Some(logging.unwrap_or_default().application_log_level(level.as_str().into()));
                }
                Setting::SystemLogLevel(level) => {
                    logging = Some(logging.unwrap_or_default().system_log_level(level.as_str().into()));
                }
                // A field that is omitted from this structure has the value from the image.
                Setting::EntryPoint(parts) => {
                    image = Some(image.unwrap_or_default().set_entry_point(list(&parts)))
                }
                Setting::Command(parts) => image = Some(image.unwrap_or_default().set_command(list(&parts))),
                Setting::WorkingDirectory(path) => {
                    let path = (!path.is_empty()).then_some(path);
                    image = Some(image.unwrap_or_default().set_working_directory(path));
                }
                _ => {}
            }
        }
        Structures { vpc, logging, image }
    }
}

macro_rules! apply {
    ($request:expr, $settings:expr) => {{
        let Structures { vpc, logging, image } = Structures::of($settings);
        let mut request = $request
            .set_vpc_config(vpc.map(|vpc| vpc.build()))
            .set_logging_config(logging.map(|logging| logging.build()))
            .set_image_config(image.map(|image| image.build()));
        for setting in $settings {
            request = match setting.clone() {
                Setting::Role(arn) => request.role(arn),
                Setting::Runtime(runtime) => request.runtime(runtime.as_str().into()),
                Setting::Handler(handler) => request.handler(handler),
                Setting::Description(text) => request.description(text),
                Setting::Timeout(seconds) => request.timeout(seconds),
                Setting::MemorySize(megabytes) => request.memory_size(megabytes),
                Setting::EphemeralStorage(megabytes) => {
                    let storage = EphemeralStorage::builder().size(megabytes).build();
                    request.ephemeral_storage(storage.expect("a size is given"))
                }
                Setting::Environment(variables) => {
                    let variables = variables
                        .into_iter()
                        .map(|(name, value)| (name, value.expose().to_owned()))
                        .collect();
                    request.environment(Environment::builder().set_variables(Some(variables)).build())
                }
                Setting::DeadLetterArn(arn) => {
                    request.dead_letter_config(DeadLetterConfig::builder().target_arn(arn).build())
                }
                Setting::KmsKeyArn(arn) => request.kms_key_arn(arn),
                Setting::TracingMode(mode) => {
                    request.tracing_config(TracingConfig::builder().mode(mode.as_str().into()).build())
                }
                Setting::Layers(arns) => request.set_layers(Some(arns)),
                Setting::FileSystems(systems) => {
                    let system = |system: structures::FileSystemConfig| {
                        let builder = FileSystemConfig::builder()
                            .arn(system.arn)
                            .local_mount_path(system.local_mount_path);
                        builder.build().expect("both members are given")
                    };
                    request.set_file_system_configs(Some(systems.into_iter().map(system).collect()))
                }
                Setting::SnapStart(mode) => {
                    request.snap_start(SnapStart::builder().apply_on(mode.as_str().into()).build())
                }
                // Sent as members of the structures above.
                Setting::SubnetIds(_)
                | Setting::SecurityGroupIds(_)
                | Setting::Ipv6AllowedForDualStack(_)
                | Setting::LogFormat(_)
                | Setting::LogGroup(_)
                | Setting::ApplicationLogLevel(_)
                | Setting::SystemLogLevel(_)
                | Setting::EntryPoint(_)
                | Setting::Command(_)
                | Setting::WorkingDirectory(_) => request,
                // Sent only at creation, or by other calls.
                Setting::Architecture(_)
                | Setting::SourceKmsKeyArn(_)
                | Setting::CodeSigningConfigArn(_)
                | Setting::ReservedConcurrency(_) => request,
            };
        }
        request
    }};
}

/// Writes settings into a CreateFunction request, except the KMS key of the code, which is a member of
/// `FunctionCode`.
pub(super) fn create(
    request: CreateFunctionFluentBuilder,
    settings: &[Setting],
) -> CreateFunctionFluentBuilder {
    let request = apply!(request, settings);
    settings.iter().cloned().fold(request, |request, setting| match setting {
        Setting::Architecture(name) => request.architectures(name.as_str().into()),
        Setting::CodeSigningConfigArn(arn) => request.code_signing_config_arn(arn),
        _ => request,
    })
}

/// Writes settings into an UpdateFunctionConfiguration request. An empty setting clears the live value.
pub(super) fn update(
    request: UpdateFunctionConfigurationFluentBuilder,
    settings: &[Setting],
) -> UpdateFunctionConfigurationFluentBuilder {
    apply!(request, settings)
}

/// Writes the settings that belong to an UpdateFunctionCode request.
pub(super) fn update_code(
    request: UpdateFunctionCodeFluentBuilder,
    settings: &[Setting],
) -> UpdateFunctionCodeFluentBuilder {
    settings.iter().cloned().fold(request, |request, setting| match setting {
        Setting::Architecture(name) => request.architectures(name.as_str().into()),
        Setting::SourceKmsKeyArn(arn) => request.set_source_kms_key_arn((!arn.is_empty()).then_some(arn)),
        _ => request,
    })
}

/// ARN of the KMS key for the code. `None`: an AWS owned key.
pub(super) fn source_kms_key_arn(settings: &[Setting]) -> Option<String> {
    settings.iter().find_map(|setting| match setting {
        Setting::SourceKmsKeyArn(arn) if !arn.is_empty() => Some(arn.clone()),
        _ => None,
    })
}

/// Converts `cors` to the AWS structure.
pub(super) fn cors(cors: &structures::Cors) -> Cors {
    Cors::builder()
        .set_allow_origins(cors.allow_origins.clone())
        .set_allow_methods(cors.allow_methods.clone())
        .set_allow_headers(cors.allow_headers.clone())
        .set_expose_headers(cors.expose_headers.clone())
        .set_allow_credentials(cors.allow_credentials)
        .set_max_age(cors.max_age)
        .build()
}
