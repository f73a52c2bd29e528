//! Defines the settings of a function, which `settings_table.rs` declares, and how their values are shown.
//! Never decides what to do about a difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::layer::LayerVersion;
use super::settings_table::settings_table;
use crate::protocol::secret::{MASK, Secret};
use crate::protocol::stanza::Options;
use crate::protocol::structures::{CapacityProviderConfig, DurableConfig, FileSystemConfig, OrNone};

/// The value of a setting.
trait SettingValue: PartialEq {
    /// True if the value means that the function does not have the setting.
    fn is_empty(&self) -> bool;
    /// The value to show in plans, with secrets masked.
    fn shown(&self) -> Value;
    /// The value with what `replacement` returns in place of each secret, by its name. `None`: the type
    /// contains no secrets, so [`SettingValue::shown`] is the whole value.
    fn replacing_secrets(&self, _replacement: &mut dyn FnMut(&str, &Secret) -> Value) -> Option<Value> {
        None
    }
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

/// A size; `None` means that there is none.
impl SettingValue for Option<f64> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
    /// A whole number has no decimals, as in most stanzas.
    fn shown(&self) -> Value {
        match self {
            Some(number) if number.fract() == 0.0 => json!(*number as i64),
            other => json!(other),
        }
    }
}

impl SettingValue for Vec<LayerVersion> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn shown(&self) -> Value {
        self.iter().map(|version| json!(version.to_string())).collect()
    }
}

impl SettingValue for BTreeSet<FileSystemConfig> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn shown(&self) -> Value {
        let shown = |system: &FileSystemConfig| {
            let mut shown = json!({"arn": system.arn, "local_mount_path": system.local_mount_path});
            if let Some(mode) = &system.direct_s3_read {
                shown["direct_s3_read"] = json!(mode);
            }
            shown
        };
        self.iter().map(shown).collect()
    }
}

impl SettingValue for BTreeMap<String, Secret> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn shown(&self) -> Value {
        self.keys().map(|name| (name.clone(), json!(MASK))).collect()
    }
    fn replacing_secrets(&self, replacement: &mut dyn FnMut(&str, &Secret) -> Value) -> Option<Value> {
        Some(self.iter().map(|(name, secret)| (name.clone(), replacement(name, secret))).collect())
    }
}

/// The API call that changes a setting of an existing function. CreateFunction accepts all settings except
/// those of [`ChangedBy::Concurrency`], [`ChangedBy::RuntimeManagement`] and [`ChangedBy::Recursion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangedBy {
    /// UpdateFunctionConfiguration.
    Configuration,
    /// UpdateFunctionCode: the setting is sent with the code.
    Code,
    /// PutFunctionCodeSigningConfig and DeleteFunctionCodeSigningConfig.
    CodeSigning,
    /// PutFunctionConcurrency and DeleteFunctionConcurrency, also for a new function.
    Concurrency,
    /// No call: AWS fixes the setting when it creates the function.
    Creation,
    /// PutRuntimeManagementConfig, also for a new function.
    RuntimeManagement,
    /// PutFunctionRecursionConfig, also for a new function.
    Recursion,
}

macro_rules! define_settings {
    ($($(#[doc = $doc:literal])* $name:ident($value:ty) changed by $call:ident {
        option: $option:literal, aws: $aws:literal $(in $unit:literal)?,
        desired: $desired:expr,
        live: $($source:ident($live:expr))+,
        request: $($target:ident($write:expr))+,
    })*) => {
        /// One setting of a function with its desired or live value. An empty value means that the function
        /// does not have the setting.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Setting { $(
            #[doc = concat!("`", $aws, "`" $(, " in ", $unit)?, ".")]
            $(#[doc = $doc])*
            $name($value),
        )* }

        impl Setting {
            /// All settings, in the order of their declaration.
            pub(crate) const FIELDS: &'static [SettingField] =
                &[$(SettingField { option: $option, aws: $aws, changed_by: ChangedBy::$call },)*];

            /// Name and AWS field of the setting, and the call that changes it.
            pub(crate) fn about(&self) -> SettingField {
                match self { $(Setting::$name(_) => {
                    SettingField { option: $option, aws: $aws, changed_by: ChangedBy::$call }
                })* }
            }

            /// True if the value means that the function does not have the setting.
            pub(crate) fn is_empty(&self) -> bool {
                match self { $(Setting::$name(value) => SettingValue::is_empty(value),)* }
            }

            /// The value to show in plans, with secrets masked; null if it is empty.
            pub(crate) fn shown(&self) -> Value {
                match self {
                    empty if empty.is_empty() => Value::Null,
                    $(Setting::$name(value) => SettingValue::shown(value),)*
                }
            }

            /// The value with what `replacement` returns in place of each secret, by its name. `None`: the
            /// setting contains no secrets, so [`Setting::shown`] is the whole value.
            pub(super) fn replacing_secrets(
                &self,
                replacement: &mut dyn FnMut(&str, &Secret) -> Value,
            ) -> Option<Value> {
                match self {
                    $(Setting::$name(value) => SettingValue::replacing_secrets(value, replacement),)*
                }
            }

            /// Every setting that a stanza names, except the handler.
            pub(super) fn desired(stanza: &Options) -> Vec<Setting> {
                [$(Setting::read(stanza, $desired, Setting::$name),)*].into_iter().flatten().collect()
            }
        }
    };
}

settings_table!(define_settings);

/// What is the same for every value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettingField {
    /// Name in the stanza; members of structures have a dot, as in `logging_config.log_format`.
    pub option: &'static str,
    /// AWS's field, such as `EphemeralStorage.Size`.
    pub aws: &'static str,
    /// The API call that changes the setting.
    pub changed_by: ChangedBy,
}

impl Setting {
    /// The setting of the variant `setting` with the value in `source`. `None`: `value` finds none.
    pub(crate) fn read<S, V>(
        source: &S,
        value: fn(&S) -> Option<V>,
        setting: fn(V) -> Setting,
    ) -> Option<Setting> {
        value(source).map(setting)
    }

    /// Name of the setting in the stanza; members of structures have a dot, as in
    /// `logging_config.log_format`.
    pub(crate) fn field(&self) -> &'static str {
        self.about().option
    }

    /// The API call that changes the setting.
    pub(crate) fn changed_by(&self) -> ChangedBy {
        self.about().changed_by
    }

    /// True if both are the same setting; values are not compared.
    pub(crate) fn is_kind_of(&self, other: &Setting) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// True if both are the same setting, or members of one structure, which AWS replaces as a whole.
    pub(crate) fn is_replaced_with(&self, other: &Setting) -> bool {
        self.about().structure() == other.about().structure()
    }
}

impl SettingField {
    /// The first part of AWS's field: `EphemeralStorage` of `EphemeralStorage.Size`.
    pub(crate) fn structure(&self) -> &'static str {
        self.aws.split('.').next().unwrap_or_default()
    }
}

/// A text of the stanza. An empty one becomes `default`: AWS rejects an empty value.
fn or_default(text: Option<&str>, default: &str) -> Option<String> {
    text.map(|text| if text.is_empty() { default.to_owned() } else { text.to_owned() })
}

/// A number in `durable_config`. An empty `durable_config` means that the function is not durable. The outer
/// `None`: the stanza does not set it.
fn durable(stanza: &Options, number: fn(&DurableConfig) -> Option<i32>) -> Option<Option<i32>> {
    let config = stanza.durable_config.as_ref()?;
    if *config == DurableConfig::default() { Some(None) } else { number(config).map(Some) }
}

/// A member of `capacity_provider_config`. An empty map means that the function does not run on Lambda
/// Managed Instances, so each member is empty. The outer `None`: the stanza does not set it.
fn managed<V: Default>(stanza: &Options, member: fn(&CapacityProviderConfig) -> Option<V>) -> Option<V> {
    let config = stanza.capacity_provider_config.as_ref()?;
    if *config == CapacityProviderConfig::default() { Some(V::default()) } else { member(config) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_subnets_means_nothing_and_that_of_layers_does() {
        let list = |items: [&str; 2]| items.map(str::to_owned);
        assert_eq!(Setting::SubnetIds(list(["a", "b"]).into()), Setting::SubnetIds(list(["b", "a"]).into()));
        let layers = |items| Setting::Layers(list(items).map(LayerVersion::Arn).into());
        assert_ne!(layers(["a", "b"]), layers(["b", "a"]));
    }

    #[test]
    fn an_empty_durable_config_means_a_function_that_is_not_durable() {
        use crate::protocol::stanza::Stanza;
        let read = |config: Value| Setting::desired(&Stanza::of_json(json!({"durable_config": config})));
        let (timeout, days) = (Setting::DurableExecutionTimeout, Setting::DurableRetentionPeriod);
        assert_eq!(read(json!({})), [timeout(None), days(None)]);
        assert_eq!(read(json!({"execution_timeout": 60})), [timeout(Some(60))]);
        assert_eq!(read(json!({"kms_key_arn": ""})), [Setting::DurableKmsKeyArn(String::new())]);
        assert!(read(Value::Null).is_empty());
    }

    #[test]
    fn an_empty_capacity_provider_config_means_no_managed_instances() {
        use crate::protocol::stanza::Stanza;
        let read =
            |config: Value| Setting::desired(&Stanza::of_json(json!({"capacity_provider_config": config})));
        let (arn, concurrency, memory) =
            (Setting::CapacityProviderArn, Setting::EnvironmentConcurrency, Setting::MemoryPerVcpu);
        assert_eq!(read(json!({})), [arn(String::new()), concurrency(None), memory(None)]);
        let four = read(json!({"execution_environment_memory_gib_per_vcpu": 4}));
        assert_eq!(four, [memory(Some(4.0))]);
        assert_eq!(memory(Some(4.0)).shown(), json!(4));
        assert_eq!(memory(Some(2.5)).shown(), json!(2.5));
        assert_eq!(read(Value::Null), []);
    }

    #[test]
    fn an_update_of_one_subnet_replaces_its_whole_structure() {
        let subnets = Setting::SubnetIds(BTreeSet::new());
        assert!(subnets.is_replaced_with(&Setting::Ipv6AllowedForDualStack(true)));
        assert!(subnets.is_replaced_with(&subnets));
        assert!(!subnets.is_replaced_with(&Setting::Timeout(1)));
    }

    #[test]
    fn an_environment_is_shown_without_its_values() {
        let pairs = BTreeMap::from([("TOKEN".to_owned(), Secret::new("hunter2"))]);
        assert_eq!(Setting::Environment(pairs).shown(), json!({"TOKEN": "[secure]"}));
    }
}
