//! Types for what a plan was made from: the account, the region, the state of the live function, the code.
//! Never contains a secret or a hash of one, so that a plan can be kept in a file and shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plan was made from. A deployment with an approved plan compares it with what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBasis {
    /// The function, as the stanza names it.
    pub function_name: String,
    /// AWS account of the function. Of a function that does not exist: the account of its role, the only one
    /// in which Lambda creates a function with that role. Null: it is not known.
    pub account_id: Option<String>,
    /// AWS region.
    pub region: String,
    /// `RevisionId` of the function, which changes with every change of its code and settings. Null: the
    /// function does not exist, or AWS returned no revision.
    pub revision_id: Option<String>,
    /// SHA-256 of the code to deploy in Base64, as in `CodeSha256` of AWS. Null: it is not known, as for a
    /// container image.
    pub code_sha256: Option<String>,
    /// The aliases of the stanza that exist.
    pub aliases: Vec<AliasBasis>,
}

/// An alias when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasBasis {
    /// Name of the alias.
    pub name: String,
    /// The version at which it points.
    pub version: String,
    /// `RevisionId` of the alias, which changes with every change of it. Null: AWS returned none.
    pub revision_id: Option<String>,
}
