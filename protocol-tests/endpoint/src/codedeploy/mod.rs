//! CodeDeploy as far as it shifts the traffic of an alias: it moves the alias of a function of the account,
//! and never its description.
//!
//! Sources: names, statuses and shapes come from botocore's model of CodeDeploy, API version 2014-10-06. A
//! comment marks what is known only from users' reports. Nothing was recorded by this project.

pub(crate) mod appspec;
pub(crate) mod deployment;
pub(crate) mod group;
mod operations;
pub(crate) mod permissions;
pub(crate) mod refusal;
pub(crate) mod target;
pub(crate) mod traffic;
