//! Joins the tables of keys: of a stanza, of the maps in it, and of its conditions.

use super::options::Options;
use crate::protocol::keys::EditorKey;
use crate::protocol::on::On;
use crate::protocol::structures::{
    CodeDeploy, Cors, DeploymentHooks, Expect, FileSystemConfig, FunctionUrl, ImageConfig, LoggingConfig,
    Verify,
};

/// What editors show for the keys of a stanza, of the maps in it, and of its conditions.
pub(in crate::protocol) fn editor_keys() -> Vec<EditorKey> {
    let keys = [
        Options::editor_keys(),
        LoggingConfig::editor_keys(),
        ImageConfig::editor_keys(),
        FileSystemConfig::editor_keys(),
        FunctionUrl::editor_keys(),
        Cors::editor_keys(),
        Verify::editor_keys(),
        Expect::editor_keys(),
        CodeDeploy::editor_keys(),
        DeploymentHooks::editor_keys(),
        On::editor_keys(),
    ];
    keys.into_iter().flatten().collect()
}

/// AWS's field for a key, and the operation that takes it. `None`: there is none, or the key is a setting of
/// the function.
pub(crate) fn aws_field(at: &str) -> Option<(&'static str, &'static str)> {
    aws_fields().find(|(key, ..)| *key == at).map(|(_, field, operation)| (*field, *operation))
}

/// All keys with a field of AWS that are no settings of the function.
pub(crate) fn aws_fields() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    let fields = [
        Options::AWS_FIELDS,
        LoggingConfig::AWS_FIELDS,
        ImageConfig::AWS_FIELDS,
        FileSystemConfig::AWS_FIELDS,
        FunctionUrl::AWS_FIELDS,
        Cors::AWS_FIELDS,
        Verify::AWS_FIELDS,
        Expect::AWS_FIELDS,
        CodeDeploy::AWS_FIELDS,
        DeploymentHooks::AWS_FIELDS,
        On::AWS_FIELDS,
    ];
    fields.into_iter().flatten()
}
