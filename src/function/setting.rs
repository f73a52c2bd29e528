//! Defines all settings of a function in one table: value type, name in the stanza, and the API call that
//! changes each. Never decides what to do about a difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::protocol::secret::{MASK, Secret};
use crate::protocol::structures::FileSystemConfig;

/// The value of a setting.
trait SettingValue: PartialEq {
    /// True if the value means that the function does not have the setting.
    fn is_empty(&self) -> bool;
    /// The value to show in plans, with secrets masked.
    fn shown(&self) -> Value;
}

/// Implements [`SettingValue`] for types that contain no secrets. Each line has the type and its test for
/// emptiness.
macro_rules! setting_values {
    ($($(#[doc = $doc:literal])* $value:ty: $is_empty:expr;)*) => { $(
        $(#[doc = $doc])*
        impl SettingValue for $value {
            fn is_empty(&self) -> bool {
                let is_empty: fn(&Self) -> bool = $is_empty;
                is_empty(self)
            }
            fn shown(&self) -> Value {
                json!(self)
            }
        }
    )* };
}

setting_values! {
    String: String::is_empty;
    i32: |_| false;
    bool: |_| false;
    /// A limit; `None` means no limit.
    Option<i32>: Option::is_none;
    /// A list whose order matters.
    Vec<String>: Vec::is_empty;
    /// A list whose order does not matter.
    BTreeSet<String>: BTreeSet::is_empty;
}

impl SettingValue for BTreeSet<FileSystemConfig> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn shown(&self) -> Value {
        self.iter()
            .map(|system| json!({"arn": system.arn, "local_mount_path": system.local_mount_path}))
            .collect()
    }
}

impl SettingValue for BTreeMap<String, Secret> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn shown(&self) -> Value {
        self.keys().map(|name| (name.clone(), json!(MASK))).collect()
    }
}

/// The API call that changes a setting of an existing function. CreateFunction accepts all settings except
/// those of [`ChangedBy::Concurrency`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// UpdateFunctionConfiguration.
    Configuration,
    /// UpdateFunctionCode: the setting is sent with the code.
    Code,
    /// PutFunctionCodeSigningConfig and DeleteFunctionCodeSigningConfig.
    CodeSigning,
    /// PutFunctionConcurrency and DeleteFunctionConcurrency, also for a new function.
    Concurrency,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident($value:ty): $field:literal, $call:ident;)*) => {
        /// One setting of a function with its desired or live value. An empty value means that the function
        /// does not have the setting.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Setting { $($(#[doc = $doc])* $name($value),)* }

        impl Setting {
            /// Each setting: its name in the stanza, its doc comment, which begins with AWS's field, and the
            /// call that changes it.
            pub const FIELDS: &'static [(&'static str, &'static str, ChangedBy)] =
                &[$(($field, concat!($($doc),*), ChangedBy::$call),)*];

            /// Name of the setting in the stanza; members of structures have a dot, as in
            /// `logging_config.log_format`.
            pub fn field(&self) -> &'static str {
                match self { $(Setting::$name(_) => $field,)* }
            }

            /// The API call that changes the setting.
            pub fn changed_by(&self) -> ChangedBy {
                match self { $(Setting::$name(_) => ChangedBy::$call,)* }
            }

            /// True if the value means that the function does not have the setting.
            pub fn is_empty(&self) -> bool {
                match self { $(Setting::$name(value) => SettingValue::is_empty(value),)* }
            }

            /// The value to show in plans, with secrets masked; null if it is empty.
            pub fn shown(&self) -> Value {
                match self {
                    empty if empty.is_empty() => Value::Null,
                    $(Setting::$name(value) => SettingValue::shown(value),)*
                }
            }
        }
    };
}

settings! {
    /// `Role`: an ARN.
    Role(String): "role", Configuration;
    /// `Runtime`.
    Runtime(String): "runtime", Configuration;
    /// `Handler`, in the form that the runtime requires.
    Handler(String): "handler", Configuration;
    /// `Description`.
    Description(String): "description", Configuration;
    /// `Timeout` in seconds.
    Timeout(i32): "timeout", Configuration;
    /// `MemorySize` in MB.
    MemorySize(i32): "memory_size", Configuration;
    /// `EphemeralStorage.Size` in MB.
    EphemeralStorage(i32): "ephemeral_storage", Configuration;
    /// `VpcConfig.SubnetIds`.
    SubnetIds(BTreeSet<String>): "subnet_ids", Configuration;
    /// `VpcConfig.SecurityGroupIds`.
    SecurityGroupIds(BTreeSet<String>): "security_group_ids", Configuration;
    /// `VpcConfig.Ipv6AllowedForDualStack`.
    Ipv6AllowedForDualStack(bool): "ipv6_allowed_for_dual_stack", Configuration;
    /// `Environment.Variables`.
    Environment(BTreeMap<String, Secret>): "environment", Configuration;
    /// `DeadLetterConfig.TargetArn`.
    DeadLetterArn(String): "dead_letter_arn", Configuration;
    /// `KMSKeyArn`.
    KmsKeyArn(String): "kms_key_arn", Configuration;
    /// `TracingConfig.Mode`.
    TracingMode(String): "tracing_mode", Configuration;
    /// `Layers`: ARNs.
    Layers(Vec<String>): "layers", Configuration;
    /// `FileSystemConfigs`.
    FileSystems(BTreeSet<FileSystemConfig>): "file_system_configs", Configuration;
    /// `SnapStart.ApplyOn`.
    SnapStart(String): "snap_start", Configuration;
    /// `LoggingConfig.LogFormat`.
    LogFormat(String): "logging_config.log_format", Configuration;
    /// `LoggingConfig.LogGroup`.
    LogGroup(String): "logging_config.log_group", Configuration;
    /// `LoggingConfig.ApplicationLogLevel`; empty with `LogFormat` `Text`.
    ApplicationLogLevel(String): "logging_config.application_log_level", Configuration;
    /// `LoggingConfig.SystemLogLevel`; empty with `LogFormat` `Text`.
    SystemLogLevel(String): "logging_config.system_log_level", Configuration;
    /// `ImageConfig.EntryPoint`.
    EntryPoint(Vec<String>): "image_config.entry_point", Configuration;
    /// `ImageConfig.Command`.
    Command(Vec<String>): "image_config.command", Configuration;
    /// `ImageConfig.WorkingDirectory`.
    WorkingDirectory(String): "image_config.working_directory", Configuration;
    /// `Architectures`, a list with one entry.
    Architecture(String): "architectures", Code;
    /// `SourceKMSKeyArn`.
    SourceKmsKeyArn(String): "source_kms_key_arn", Code;
    /// `CodeSigningConfigArn`.
    CodeSigningConfigArn(String): "code_signing_config_arn", CodeSigning;
    /// `ReservedConcurrentExecutions`.
    ReservedConcurrency(Option<i32>): "reserved_concurrency", Concurrency;
}

impl Setting {
    /// True if both are the same setting; values are not compared.
    pub fn is_kind_of(&self, other: &Setting) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The structures that AWS replaces as a whole, each as the list of its members with placeholder values.
    pub fn structures() -> [Vec<Setting>; 3] {
        use Setting::*;
        [
            vec![
                SubnetIds(BTreeSet::new()),
                SecurityGroupIds(BTreeSet::new()),
                Ipv6AllowedForDualStack(false),
            ],
            vec![
                LogFormat(String::new()),
                LogGroup(String::new()),
                ApplicationLogLevel(String::new()),
                SystemLogLevel(String::new()),
            ],
            vec![EntryPoint(Vec::new()), Command(Vec::new()), WorkingDirectory(String::new())],
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_subnets_means_nothing_and_that_of_layers_does() {
        let list = |items: [&str; 2]| items.map(str::to_owned);
        assert_eq!(Setting::SubnetIds(list(["a", "b"]).into()), Setting::SubnetIds(list(["b", "a"]).into()));
        assert_ne!(Setting::Layers(list(["a", "b"]).into()), Setting::Layers(list(["b", "a"]).into()));
    }

    #[test]
    fn an_environment_is_shown_without_its_values() {
        let pairs = BTreeMap::from([("TOKEN".to_owned(), Secret::new("hunter2"))]);
        assert_eq!(Setting::Environment(pairs).shown(), json!({"TOKEN": "[secure]"}));
    }
}
