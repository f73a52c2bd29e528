//! Joins the tables of keys: of a stanza, of the maps in it, and of its conditions.

use super::options::Options;
use crate::protocol::keys::EditorKey;
use crate::protocol::layer::LayerContent;
use crate::protocol::on::On;
use crate::protocol::structures::{
    CapacityProviderConfig, CodeDeploy, Cors, DeploymentHooks, DurableConfig, EventInvokeConfig, Expect,
    FileSystemConfig, FunctionUrl, Guard, ImageConfig, LoggingConfig, RuntimeManagement, Scaling,
    TenancyConfig, Verify,
};

/// A key, AWS's field for it, and the operation that takes the field.
type AwsField = (&'static str, &'static str, &'static str);

/// What editors show for the keys of a table, and AWS's fields.
type Table = (fn() -> Vec<EditorKey>, &'static [AwsField]);

const TABLES: [Table; 19] = [
    (Options::editor_keys, Options::AWS_FIELDS),
    (LoggingConfig::editor_keys, LoggingConfig::AWS_FIELDS),
    (ImageConfig::editor_keys, ImageConfig::AWS_FIELDS),
    (DurableConfig::editor_keys, DurableConfig::AWS_FIELDS),
    (TenancyConfig::editor_keys, TenancyConfig::AWS_FIELDS),
    (CapacityProviderConfig::editor_keys, CapacityProviderConfig::AWS_FIELDS),
    (Scaling::editor_keys, Scaling::AWS_FIELDS),
    (FileSystemConfig::editor_keys, FileSystemConfig::AWS_FIELDS),
    (EventInvokeConfig::editor_keys, EventInvokeConfig::AWS_FIELDS),
    (RuntimeManagement::editor_keys, RuntimeManagement::AWS_FIELDS),
    (LayerContent::editor_keys, LayerContent::AWS_FIELDS),
    (FunctionUrl::editor_keys, FunctionUrl::AWS_FIELDS),
    (Cors::editor_keys, Cors::AWS_FIELDS),
    (Verify::editor_keys, Verify::AWS_FIELDS),
    (Expect::editor_keys, Expect::AWS_FIELDS),
    (Guard::editor_keys, Guard::AWS_FIELDS),
    (CodeDeploy::editor_keys, CodeDeploy::AWS_FIELDS),
    (DeploymentHooks::editor_keys, DeploymentHooks::AWS_FIELDS),
    (On::editor_keys, On::AWS_FIELDS),
];

/// What editors show for the keys of a stanza, of the maps in it, and of its conditions.
pub(in crate::protocol) fn editor_keys() -> Vec<EditorKey> {
    TABLES.iter().flat_map(|(editor_keys, _)| editor_keys()).collect()
}

/// AWS's field for a key, and the operation that takes it. `None`: there is none, or the key is a setting of
/// the function.
pub(crate) fn aws_field(at: &str) -> Option<(&'static str, &'static str)> {
    aws_fields().find(|(key, ..)| *key == at).map(|(_, field, operation)| (*field, *operation))
}

/// All keys with a field of AWS that are no settings of the function.
pub(crate) fn aws_fields() -> impl Iterator<Item = &'static AwsField> {
    TABLES.into_iter().flat_map(|(_, fields)| fields)
}
