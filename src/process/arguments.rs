//! Parses the command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::standalone_args::StandaloneArgs;

/// Deploys an AWS Lambda function as described by a `.travis.yml` stanza.
///
/// Reads one JSON object from standard input (the stanza, with the job's environment in `env`) and writes
/// events to standard output, one JSON object per line. With `--travis-yml` or `--stanza`, it reads the
/// stanza from a file, takes the job's variables from the CI or the local checkout, and prints text on a
/// terminal.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// The command to run. Default: deploy.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) standalone: StandaloneArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the function match the stanza (the default).
    Deploy,
    /// Show what a deployment would change, without changing anything.
    Plan,
    /// Validate the stanza and evaluate its conditions, without contacting AWS.
    Check,
    /// Point the alias at its previous version, or at the stanza's `version`, without deploying.
    Rollback,
    /// Build the archive and write it to a file.
    Package {
        /// The file to write.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: PathBuf,
    },
    /// Print the minimal IAM policy that deployments of the stanza need.
    Policy,
    /// Explain an error or warning code and what to do about it.
    Explain {
        /// The code of an error or a warning, such as access-denied.
        code: String,
    },
    /// Print a JSON Schema (draft-07).
    Schema {
        /// The document that the schema describes.
        document: SchemaDocument,
    },
    /// Print a shell completion script.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page (roff): `dpl-lambda manual | man -l -`.
    Manual,
}

/// The command of a command line that clap could not parse: the first argument that is neither an option nor
/// an option's value.
pub(crate) fn command_of(arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
    let known = Arguments::command();
    let takes_value = |argument: &OsStr| {
        let mut options = known.get_arguments().filter(|option| option.get_action().takes_values());
        options
            .any(|option| option.get_long().is_some_and(|long| argument == OsStr::new(&format!("--{long}"))))
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
pub(crate) enum SchemaDocument {
    /// A single stanza, for editors and other tools.
    Stanza,
    /// The request on standard input, for CI runners.
    Request,
    /// A line of standard output, for programs that read events.
    Event,
    /// A whole `.travis.yml` file, for editors.
    TravisYml,
}

/// The completion script of a shell for this command line.
pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut text);
    let text = String::from_utf8(text).expect("names and help texts are UTF-8");
    // For bash, clap_complete 4.6 sets the state after a command under one name and looks it up under another
    // if the program's name contains a hyphen. Without this, nothing after the command is completed
    // (clap-rs/clap#6421).
    text.replace("dpl__subcmd__lambda", "dpl__lambda")
}
