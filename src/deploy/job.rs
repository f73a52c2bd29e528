//! Defines the input of a run: the command, and the CI job for which it runs.

use std::path::PathBuf;
use std::sync::Arc;

use crate::conditions::BashOptions;
use crate::protocol::approved_plan::ApprovedFunction;
use crate::protocol::environment::Environment;
use crate::protocol::json::Map;

/// The command to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Deploy,
    Plan,
    Check,
    /// Point the aliases at their previous version.
    Rollback,
    Package {
        /// Path of the file, relative to the build directory.
        output: PathBuf,
    },
}

impl Command {
    /// True if the command calls AWS, and so needs credentials.
    pub(crate) fn contacts_aws(&self) -> bool {
        !matches!(self, Command::Check | Command::Package { .. })
    }

    /// True if the command evaluates the conditions in `on`, and is skipped for pull requests.
    pub(crate) fn evaluates_conditions(&self) -> bool {
        !matches!(self, Command::Package { .. } | Command::Rollback)
    }
}

/// The stanzas of a request, each as a job.
#[derive(Debug)]
pub(crate) enum Jobs {
    /// The request is a stanza.
    One(Job),
    /// The request is a list of stanzas, perhaps of one.
    List(Vec<Job>),
}

/// The CI job to run a command for, with one stanza.
#[derive(Debug)]
pub(crate) struct Job {
    /// The stanza, without the keys for the CI runner.
    pub stanza: Map,
    /// The job's environment, which all stanzas of a list share.
    pub env: Arc<Environment>,
    /// True if `env` came with the request. The identity of this machine must not be used then.
    pub env_given: bool,
    /// True if the run fails when the conditions are not met; of a list, when those of no stanza are met.
    pub require_deploy: bool,
    /// The build directory.
    pub directory: PathBuf,
    /// How to run bash for conditions.
    pub bash_options: BashOptions,
    /// What the approved plan has for the stanza. `None`: the request has no approved plan.
    pub approved: Option<ApprovedFunction>,
    /// The files of the plan, the result and the summary. They are no part of a package.
    pub own_files: Vec<PathBuf>,
    /// The current date, such as `2026-11-01`, which decides whether a runtime is deprecated.
    pub today: String,
}
