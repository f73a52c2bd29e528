//! The command line in, a command out.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::by_hand::ByHand;

/// Deploys an AWS Lambda function as a stanza of `.travis.yml` describes it.
///
/// Reads one JSON object from standard input, the stanza with the job's `env`, and writes events to standard output,
/// one JSON object a line. With `--travis-yml .travis.yml` it takes the stanzas from the file and the job from its
/// surroundings, and shows on a terminal what it does.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do. Default: deploy.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) by_hand: ByHand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the function live as the stanza asks (the default).
    Deploy,
    /// Tell what a deployment would do; change nothing.
    Plan,
    /// Validate the stanza and evaluate its conditions; ask AWS nothing.
    Check,
    /// Let an alias point at the version before, or at `version`; deploy nothing.
    Rollback,
    /// Build the archive and write it to a file.
    Package {
        /// The file.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print the least IAM policy that the stanza's deployments need.
    Policy,
    /// Print what an error's code means and what to do.
    Explain {
        /// The code, such as access-denied; of a warning, too.
        code: String,
    },
    /// Print a JSON Schema (draft-07).
    Schema {
        /// Of what.
        document: Document,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Document {
    /// A stanza, for config editors.
    Stanza,
    /// A request, for runners.
    Request,
    /// A line of standard output, for readers of it.
    Event,
    /// A whole `.travis.yml`, for editors.
    TravisYml,
}
