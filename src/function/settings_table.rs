//! The table of settings: each setting of a function is declared here, once, in one row.
//!
//! A row has these columns. Only the last two name types of the AWS SDK, and each module expands only the
//! columns that it needs, so that `function` does not depend on the SDK: `setting.rs` makes the enum
//! `Setting`, `lambda/read.rs` reads the settings of a response, and `lambda/request.rs` writes them into
//! requests.
//!
//! - **`Name(Type) changed by Call`**: the variant of `Setting` with the type of its value, and the call that
//!   changes the setting of an existing function, as a `ChangedBy`. The documentation of the variant begins
//!   with `aws`, and the doc comments of the row follow.
//! - **`option`**: the key in the stanza, as events show it. A member of a structure has a dot.
//! - **`aws`**: AWS's field and, after `in`, its unit. AWS replaces a structure as a whole, so settings whose
//!   field has the same first part, such as `VpcConfig`, are sent together.
//! - **`desired`**: the value in a stanza. `None`: the stanza does not set it. An empty `logging_config` or
//!   `image_config` has been replaced by one with empty members.
//! - **`live`**: the value in a response, with AWS's default where AWS omits the field. `None`: it cannot be
//!   read. The word before it says in which response: `configuration` is that of every call that returns the
//!   configuration of a function; `get_function`, `get_function_code_signing_config`,
//!   `get_runtime_management_config` and `get_function_recursion_config` are those of one call.
//! - **`request`**: writes the value. The word before it says into what: `configuration` is CreateFunction
//!   and UpdateFunctionConfiguration; `vpc_config`, `logging_config`, `image_config`, `durable_config` and
//!   `capacity_provider` are structures of both; `create` is CreateFunction alone, and `create_code` its
//!   structure `Code`; `update_code` is UpdateFunctionCode; `own_call` is a call that changes nothing else,
//!   and is made in `lambda/call.rs`.
//!
//! The order of the rows is that of the changes in a plan.

/// Expands `$callback!` with all rows; `$argument`, if there is one, comes before them.
macro_rules! settings_table {
    ($callback:ident $(, $argument:ident)?) => { $callback! { $($argument;)?
        /// An ARN.
        Role(String) changed by Configuration {
            option: "role", aws: "Role",
            desired: |stanza| stanza.role.clone(),
            live: configuration(|c| Some(text(c.role()))),
            request: configuration(|r, arn| r.role(arn)),
        }
        /// Empty for a container image.
        Runtime(String) changed by Configuration {
            option: "runtime", aws: "Runtime",
            desired: |stanza| stanza.runtime.clone(),
            live: configuration(|c| word(c.runtime(), "")),
            request: configuration(|r, runtime| r.runtime(runtime.as_str().into())),
        }
        /// Its form depends on the runtime, so it is not among the settings of the stanza, but follows from
        /// [`DesiredFunction::settings_for`](super::DesiredFunction::settings_for).
        Handler(String) changed by Configuration {
            option: "handler", aws: "Handler",
            desired: |_| None,
            live: configuration(|c| Some(text(c.handler()))),
            request: configuration(|r, handler| r.handler(handler)),
        }
        Description(String) changed by Configuration {
            option: "description", aws: "Description",
            desired: |stanza| stanza.description.clone(),
            live: configuration(|c| Some(text(c.description()))),
            request: configuration(|r, text| r.description(text)),
        }
        Timeout(i32) changed by Configuration {
            option: "timeout", aws: "Timeout" in "seconds",
            desired: |stanza| stanza.timeout,
            live: configuration(|c| c.timeout()),
            request: configuration(|r, seconds| r.timeout(seconds)),
        }
        MemorySize(i32) changed by Configuration {
            option: "memory_size", aws: "MemorySize" in "MB",
            desired: |stanza| stanza.memory_size,
            live: configuration(|c| c.memory_size()),
            request: configuration(|r, size| r.memory_size(size)),
        }
        EphemeralStorage(i32) changed by Configuration {
            option: "ephemeral_storage", aws: "EphemeralStorage.Size" in "MB",
            desired: |stanza| stanza.ephemeral_storage,
            live: configuration(|c| Some(c.ephemeral_storage().map_or(512, |storage| storage.size()))),
            request: configuration(|r, size| {
                let storage = types::EphemeralStorage::builder().size(size).build();
                r.ephemeral_storage(storage.expect("a size is given"))
            }),
        }
        SubnetIds(BTreeSet<String>) changed by Configuration {
            option: "subnet_ids", aws: "VpcConfig.SubnetIds",
            desired: |stanza| stanza.subnet_ids.clone().map(BTreeSet::from_iter),
            live: configuration(|c| Some(set(c.vpc_config().map(|vpc| vpc.subnet_ids())))),
            request: vpc_config(|vpc, ids| vpc.set_subnet_ids(Some(ids.into_iter().collect()))),
        }
        SecurityGroupIds(BTreeSet<String>) changed by Configuration {
            option: "security_group_ids", aws: "VpcConfig.SecurityGroupIds",
            desired: |stanza| stanza.security_group_ids.clone().map(BTreeSet::from_iter),
            live: configuration(|c| Some(set(c.vpc_config().map(|vpc| vpc.security_group_ids())))),
            request: vpc_config(|vpc, ids| vpc.set_security_group_ids(Some(ids.into_iter().collect()))),
        }
        Ipv6AllowedForDualStack(bool) changed by Configuration {
            option: "ipv6_allowed_for_dual_stack", aws: "VpcConfig.Ipv6AllowedForDualStack",
            desired: |stanza| stanza.ipv6_allowed_for_dual_stack,
            live: configuration(|c| {
                Some(c.vpc_config().and_then(|vpc| vpc.ipv6_allowed_for_dual_stack()).unwrap_or_default())
            }),
            request: vpc_config(|vpc, allowed| vpc.ipv6_allowed_for_dual_stack(allowed)),
        }
        Environment(BTreeMap<String, Secret>) changed by Configuration {
            option: "environment", aws: "Environment.Variables",
            desired: |stanza| stanza.environment.clone(),
            live: configuration(|c| match c.environment() {
                Some(environment) if environment.error().is_some() => None,
                Some(environment) => Some(secrets(environment.variables())),
                None => Some(BTreeMap::new()),
            }),
            request: configuration(|r, variables| {
                r.environment(types::Environment::builder().set_variables(Some(exposed(&variables))).build())
            }),
        }
        DeadLetterArn(String) changed by Configuration {
            option: "dead_letter_arn", aws: "DeadLetterConfig.TargetArn",
            desired: |stanza| stanza.dead_letter_arn.clone(),
            live: configuration(|c| {
                Some(text(c.dead_letter_config().and_then(|config| config.target_arn())))
            }),
            request: configuration(|r, arn| {
                r.dead_letter_config(types::DeadLetterConfig::builder().target_arn(arn).build())
            }),
        }
        KmsKeyArn(String) changed by Configuration {
            option: "kms_key_arn", aws: "KMSKeyArn",
            desired: |stanza| stanza.kms_key_arn.clone(),
            live: configuration(|c| Some(text(c.kms_key_arn()))),
            request: configuration(|r, arn| r.kms_key_arn(arn)),
        }
        TracingMode(String) changed by Configuration {
            option: "tracing_mode", aws: "TracingConfig.Mode",
            desired: |stanza| or_default(stanza.tracing_mode.as_deref(), "PassThrough"),
            live: configuration(|c| word(c.tracing_config().and_then(|config| config.mode()), "PassThrough")),
            request: configuration(|r, mode| {
                r.tracing_config(types::TracingConfig::builder().mode(mode.as_str().into()).build())
            }),
        }
        /// A stanza can name a layer without its version, so they are not among its settings, but are added
        /// by [`DesiredFunction::set_layers`](super::DesiredFunction::set_layers).
        Layers(Vec<LayerVersion>) changed by Configuration {
            option: "layers", aws: "Layers",
            desired: |_| None,
            live: configuration(|c| {
                let arns = c.layers().iter().filter_map(|layer| layer.arn());
                Some(arns.map(|arn| LayerVersion::Arn(arn.to_owned())).collect())
            }),
            request: configuration(|r, versions| {
                r.set_layers(Some(versions.iter().map(ToString::to_string).collect()))
            }),
        }
        FileSystems(BTreeSet<FileSystemConfig>) changed by Configuration {
            option: "file_system_configs", aws: "FileSystemConfigs",
            desired: |stanza| stanza.file_system_configs.clone().map(BTreeSet::from_iter),
            live: configuration(|c| Some(c.file_system_configs().iter().map(file_system).collect())),
            request: configuration(|r, systems| {
                r.set_file_system_configs(Some(systems.into_iter().map(file_system).collect()))
            }),
        }
        SnapStart(String) changed by Configuration {
            option: "snap_start", aws: "SnapStart.ApplyOn",
            desired: |stanza| or_default(stanza.snap_start.as_deref(), "None"),
            live: configuration(|c| word(c.snap_start().and_then(|mode| mode.apply_on()), "None")),
            request: configuration(|r, mode| {
                r.snap_start(types::SnapStart::builder().apply_on(mode.as_str().into()).build())
            }),
        }
        /// Empty: tenants are not isolated.
        TenantIsolationMode(String) changed by Creation {
            option: "tenancy_config.tenant_isolation_mode", aws: "TenancyConfig.TenantIsolationMode",
            desired: |stanza| stanza.tenancy_config.as_ref()?.tenant_isolation_mode.clone(),
            live: configuration(|c| {
                word(c.tenancy_config().map(|tenancy| tenancy.tenant_isolation_mode()), "")
            }),
            request: create(|r, mode| {
                let mode = types::TenancyConfig::builder().tenant_isolation_mode(mode.as_str().into());
                r.tenancy_config(mode.build().expect("a mode is given"))
            }),
        }
        /// `None`: the function is not durable.
        DurableExecutionTimeout(Option<i32>) changed by Configuration {
            option: "durable_config.execution_timeout", aws: "DurableConfig.ExecutionTimeout" in "seconds",
            desired: |stanza| durable(stanza, |durable| durable.execution_timeout),
            live: configuration(|c| Some(c.durable_config().and_then(|durable| durable.execution_timeout()))),
            request: durable_config(|durable, timeout| durable.set_execution_timeout(timeout)),
        }
        /// `None`: the function is not durable.
        DurableRetentionPeriod(Option<i32>) changed by Configuration {
            option: "durable_config.retention_period_in_days",
            aws: "DurableConfig.RetentionPeriodInDays" in "days",
            desired: |stanza| durable(stanza, |durable| durable.retention_period_in_days),
            live: configuration(|c| {
                Some(c.durable_config().and_then(|durable| durable.retention_period_in_days()))
            }),
            request: durable_config(|durable, days| durable.set_retention_period_in_days(days)),
        }
        /// Empty for a key that AWS owns.
        DurableKmsKeyArn(String) changed by Configuration {
            option: "durable_config.kms_key_arn", aws: "DurableConfig.KMSKeyArn",
            desired: |stanza| stanza.durable_config.as_ref()?.kms_key_arn.clone(),
            live: configuration(|c| Some(text(c.durable_config().and_then(|durable| durable.kms_key_arn())))),
            request: durable_config(|durable, arn| durable.kms_key_arn(arn)),
        }
        /// Empty: the function does not run on Lambda Managed Instances.
        CapacityProviderArn(String) changed by Configuration {
            option: "capacity_provider_config.capacity_provider_arn",
            aws: "CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn",
            desired: |stanza| managed(stanza, |config| config.capacity_provider_arn.clone()),
            live: configuration(|c| {
                let instances = managed_instances(c.capacity_provider_config());
                Some(text(instances.map(|instances| instances.capacity_provider_arn())))
            }),
            request: capacity_provider(|instances, arn| instances.capacity_provider_arn(arn)),
        }
        /// `None`: the function does not run on Lambda Managed Instances.
        EnvironmentConcurrency(Option<i32>) changed by Configuration {
            option: "capacity_provider_config.per_execution_environment_max_concurrency",
            aws: "CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency",
            desired: |stanza| {
                managed(stanza, |config| config.per_execution_environment_max_concurrency.map(Some))
            },
            live: configuration(|c| {
                let instances = managed_instances(c.capacity_provider_config());
                Some(instances.and_then(|instances| instances.per_execution_environment_max_concurrency()))
            }),
            request: capacity_provider(|instances, invocations| {
                instances.set_per_execution_environment_max_concurrency(invocations)
            }),
        }
        /// `None`: the function does not run on Lambda Managed Instances.
        MemoryPerVcpu(Option<f64>) changed by Configuration {
            option: "capacity_provider_config.execution_environment_memory_gib_per_vcpu",
            aws: "CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.ExecutionEnvironmentMemoryGiBPerVCpu" in "GiB",
            desired: |stanza| {
                managed(stanza, |config| config.execution_environment_memory_gib_per_vcpu.map(Some))
            },
            live: configuration(|c| {
                let instances = managed_instances(c.capacity_provider_config());
                Some(instances.and_then(|instances| instances.execution_environment_memory_gib_per_v_cpu()))
            }),
            request: capacity_provider(|instances, memory| {
                instances.set_execution_environment_memory_gib_per_v_cpu(memory)
            }),
        }
        /// A list with one entry.
        Architecture(String) changed by Code {
            option: "architectures", aws: "Architectures",
            desired: |stanza| stanza.architectures.clone(),
            live: configuration(|c| word(c.architectures().first(), "x86_64")),
            request: create(|r, name| r.architectures(name.as_str().into()))
                update_code(|r, name| r.architectures(name.as_str().into())),
        }
        /// Empty for a key that AWS owns.
        SourceKmsKeyArn(String) changed by Code {
            option: "source_kms_key_arn", aws: "SourceKMSKeyArn",
            desired: |stanza| stanza.source_kms_key_arn.clone(),
            live: get_function(|output| {
                Some(text(output.code().and_then(|code| code.source_kms_key_arn())))
            }),
            request: create_code(|code, arn| code.set_source_kms_key_arn(unless_empty(arn)))
                update_code(|r, arn| r.set_source_kms_key_arn(unless_empty(arn))),
        }
        /// Not known for a container image, and for a package that AWS cannot read.
        S3ObjectStorageMode(String) changed by Code {
            option: "s3_object_storage_mode", aws: "S3ObjectStorageMode",
            desired: |stanza| or_default(stanza.s3_object_storage_mode.as_deref(), "COPY"),
            live: get_function(|output| output.code().and_then(storage_mode)),
            request: create_code(|code, mode| code.s3_object_storage_mode(mode.as_str().into()))
                update_code(|r, mode| r.s3_object_storage_mode(mode.as_str().into())),
        }
        CodeSigningConfigArn(String) changed by CodeSigning {
            option: "code_signing_config_arn", aws: "CodeSigningConfigArn",
            desired: |stanza| stanza.code_signing_config_arn.clone(),
            live: get_function_code_signing_config(|output| {
                Some(output.code_signing_config_arn().to_owned())
            }),
            request: create(|r, arn| r.code_signing_config_arn(arn)) own_call(PutFunctionCodeSigningConfig),
        }
        ReservedConcurrency(Option<i32>) changed by Concurrency {
            option: "reserved_concurrency", aws: "ReservedConcurrentExecutions",
            desired: |stanza| stanza.reserved_concurrency.as_ref().map(|executions| match executions {
                OrNone::Some(executions) => Some(*executions),
                OrNone::None => None,
            }),
            live: get_function(|output| {
                Some(output.concurrency().and_then(|reserved| reserved.reserved_concurrent_executions()))
            }),
            request: own_call(PutFunctionConcurrency),
        }
        /// AWS's word, or the ARN of the runtime version that the function keeps, for which AWS's word is
        /// `Manual`.
        RuntimeManagement(String) changed by RuntimeManagement {
            option: "runtime_management", aws: "UpdateRuntimeOn",
            desired: |stanza| Some(stanza.runtime_management.as_ref()?.mode()),
            live: get_runtime_management_config(|output| {
                let mode = word(output.update_runtime_on(), "Auto")?;
                let kept = output.runtime_version_arn().filter(|_| mode == "Manual").map(str::to_owned);
                Some(kept.unwrap_or(mode))
            }),
            request: own_call(PutRuntimeManagementConfig),
        }
        RecursiveLoop(String) changed by Recursion {
            option: "recursive_loop", aws: "RecursiveLoop",
            desired: |stanza| or_default(stanza.recursive_loop.as_deref(), "Terminate"),
            live: get_function_recursion_config(|output| word(output.recursive_loop(), "Terminate")),
            request: own_call(PutFunctionRecursionConfig),
        }
        LogFormat(String) changed by Configuration {
            option: "logging_config.log_format", aws: "LoggingConfig.LogFormat",
            desired: |stanza| or_default(stanza.logging_config.as_ref()?.log_format.as_deref(), "Text"),
            live: configuration(|c| word(c.logging_config().and_then(|logs| logs.log_format()), "Text")),
            request: logging_config(|logs, format| logs.log_format(format.as_str().into())),
        }
        LogGroup(String) changed by Configuration {
            option: "logging_config.log_group", aws: "LoggingConfig.LogGroup",
            desired: |stanza| stanza.logging_config.as_ref()?.log_group.clone(),
            live: configuration(|c| {
                let group = c.logging_config().and_then(|logs| logs.log_group()).map(str::to_owned);
                group.or_else(|| Some(format!("/aws/lambda/{}", c.function_name().unwrap_or_default())))
            }),
            request: logging_config(|logs, group| logs.log_group(group)),
        }
        /// Empty with the log format `Text`. In a stanza: AWS's default for the format.
        ApplicationLogLevel(String) changed by Configuration {
            option: "logging_config.application_log_level", aws: "LoggingConfig.ApplicationLogLevel",
            desired: |stanza| stanza.logging_config.as_ref()?.application_log_level.clone(),
            live: configuration(|c| {
                word(c.logging_config().and_then(|logs| logs.application_log_level()), "")
            }),
            request: logging_config(|logs, level| logs.application_log_level(level.as_str().into())),
        }
        /// Empty with the log format `Text`. In a stanza: AWS's default for the format.
        SystemLogLevel(String) changed by Configuration {
            option: "logging_config.system_log_level", aws: "LoggingConfig.SystemLogLevel",
            desired: |stanza| stanza.logging_config.as_ref()?.system_log_level.clone(),
            live: configuration(|c| word(c.logging_config().and_then(|logs| logs.system_log_level()), "")),
            request: logging_config(|logs, level| logs.system_log_level(level.as_str().into())),
        }
        /// Empty: that of the image.
        EntryPoint(Vec<String>) changed by Configuration {
            option: "image_config.entry_point", aws: "ImageConfig.EntryPoint",
            desired: |stanza| stanza.image_config.as_ref()?.entry_point.clone(),
            live: configuration(|c| {
                Some(list(image(c.image_config_response()).map(|image| image.entry_point())))
            }),
            request: image_config(|image, parts| image.set_entry_point(unless_empty(parts))),
        }
        /// Empty: that of the image.
        Command(Vec<String>) changed by Configuration {
            option: "image_config.command", aws: "ImageConfig.Command",
            desired: |stanza| stanza.image_config.as_ref()?.command.clone(),
            live: configuration(|c| {
                Some(list(image(c.image_config_response()).map(|image| image.command())))
            }),
            request: image_config(|image, parts| image.set_command(unless_empty(parts))),
        }
        /// Empty: that of the image.
        WorkingDirectory(String) changed by Configuration {
            option: "image_config.working_directory", aws: "ImageConfig.WorkingDirectory",
            desired: |stanza| stanza.image_config.as_ref()?.working_directory.clone(),
            live: configuration(|c| {
                Some(text(image(c.image_config_response()).and_then(|image| image.working_directory())))
            }),
            request: image_config(|image, path| image.set_working_directory(unless_empty(path))),
        }
    } };
}
pub(crate) use settings_table;
