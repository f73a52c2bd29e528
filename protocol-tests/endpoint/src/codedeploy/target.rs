//! The operations of CodeDeploy that the endpoint implements, and how a request names them: in the header
//! `X-Amz-Target`. Never looks at a body.

/// The header that names the operation, in lower case.
pub(crate) const HEADER: &str = "x-amz-target";

/// The part of the header before the operation.
pub(crate) const PREFIX: &str = "CodeDeploy_20141006.";

/// An operation of CodeDeploy, under AWS's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeDeployOperation {
    CreateDeployment,
    GetApplication,
    GetDeployment,
    GetDeploymentConfig,
    GetDeploymentGroup,
    ListDeployments,
    StopDeployment,
}

use CodeDeployOperation::*;

const OPERATIONS: [(CodeDeployOperation, &str); 7] = [
    (CreateDeployment, "CreateDeployment"),
    (GetApplication, "GetApplication"),
    (GetDeployment, "GetDeployment"),
    (GetDeploymentConfig, "GetDeploymentConfig"),
    (GetDeploymentGroup, "GetDeploymentGroup"),
    (ListDeployments, "ListDeployments"),
    (StopDeployment, "StopDeployment"),
];

/// Returns the operation of this name, and the name. `None`: the endpoint has no such operation.
pub(crate) fn named(text: &str) -> Option<(CodeDeployOperation, &'static str)> {
    OPERATIONS.into_iter().find(|(_, name)| *name == text)
}
