//! The command line in, a command out.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

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
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
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
    /// Print completions of the command line for a shell.
    Completions {
        /// Which one.
        shell: Shell,
    },
    /// Print the manual page (roff): `dpl-lambda manual | man -l -`.
    Manual,
}

/// The command of a command line that may be wrong elsewhere: what stands first beside the options and their values.
pub(crate) fn command_of(arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
    let known = Arguments::command();
    let takes_value = |argument: &OsStr| {
        let mut options = known.get_arguments().filter(|option| option.get_action().takes_values());
        options.any(|option| option.get_long().is_some_and(|long| argument == OsStr::new(&format!("--{long}"))))
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if takes_value(&argument) {
            arguments.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return Some(argument);
        }
    }
    None
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

/// What a shell reads to complete our command line.
pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut text);
    let text = String::from_utf8(text).expect("our names and sentences are UTF-8");
    // For bash, clap_complete 4.6 calls the state behind a command by one name and looks for another where a program's name has a
    // hyphen, so that nothing behind the command is completed (clap-rs/clap#6421).
    text.replace("dpl__subcmd__lambda", "dpl__lambda")
}
