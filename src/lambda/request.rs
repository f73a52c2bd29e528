//! Settings in, the fields of AWS's requests out.
//! Never leaves a setting out: each one has its field in creation and in update.

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::types::{DeadLetterConfig, Environment, TracingConfig, VpcConfig};

use crate::function::Setting;

/// The structures of AWS's that several settings share.
#[derive(Default)]
struct Shared {
    vpc: Option<aws_sdk_lambda::types::builders::VpcConfigBuilder>,
}

impl Shared {
    fn of(settings: &[Setting]) -> Self {
        let mut shared = Shared::default();
        for setting in settings {
            match setting {
                Setting::SubnetIds(ids) => {
                    shared.vpc = Some(shared.vpc.take().unwrap_or_default().set_subnet_ids(Some(ids.clone())));
                }
                Setting::SecurityGroupIds(ids) => {
                    shared.vpc = Some(shared.vpc.take().unwrap_or_default().set_security_group_ids(Some(ids.clone())));
                }
                _ => {}
            }
        }
        shared
    }

    fn vpc(self) -> Option<VpcConfig> {
        self.vpc.map(|builder| builder.build())
    }
}

macro_rules! apply {
    ($request:expr, $settings:expr) => {{
        let mut request = $request.set_vpc_config(Shared::of($settings).vpc());
        for setting in $settings {
            request = match setting.clone() {
                Setting::Role(arn) => request.role(arn),
                Setting::Runtime(runtime) => request.runtime(runtime.as_str().into()),
                Setting::Handler(handler) => request.handler(handler),
                Setting::Description(text) => request.description(text),
                Setting::Timeout(seconds) => request.timeout(seconds),
                Setting::MemorySize(megabytes) => request.memory_size(megabytes),
                Setting::SubnetIds(_) | Setting::SecurityGroupIds(_) => request,
                Setting::Environment(variables) => {
                    let variables =
                        variables.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect();
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
            };
        }
        request
    }};
}

/// The request of a creation with these settings.
pub(super) fn create(request: CreateFunctionFluentBuilder, settings: &[Setting]) -> CreateFunctionFluentBuilder {
    apply!(request, settings)
}

/// The request of an update to these settings. An empty one clears the live value.
pub(super) fn update(
    request: UpdateFunctionConfigurationFluentBuilder,
    settings: &[Setting],
) -> UpdateFunctionConfigurationFluentBuilder {
    apply!(request, settings)
}
