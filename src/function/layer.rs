//! Defines a layer version as a setting of the function. Never looks up a version.

use std::fmt;

/// A version of a layer that the function uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LayerVersion {
    /// A version that exists, by its ARN.
    Arn(String),
    /// The version that a step of the plan publishes. The step after it knows its ARN.
    New {
        /// Name or ARN of the layer, without a version.
        layer: String,
        /// SHA-256 of the content, in Base64.
        sha256: String,
    },
}

impl fmt::Display for LayerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerVersion::Arn(arn) => f.write_str(arn),
            LayerVersion::New { layer, sha256 } => write!(f, "{layer}: {}", new_version(sha256)),
        }
    }
}

/// How a plan shows a version that it publishes.
pub(crate) fn new_version(sha256: &str) -> String {
    format!("new version ({sha256})")
}
