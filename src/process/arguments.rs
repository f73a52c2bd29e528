//! Parses the command line.
#![expect(clippy::disallowed_methods, reason = "exits the process after a wrong command line")]

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::{env, process};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::closed;
use super::output_format::is_for_people;
use super::standalone_args::{PlanOptions, StandaloneArgs};
use super::streams::print_report;
use crate::deploy;
use crate::diagnostics::{self, ArgumentMistake};
use crate::protocol::error::ErrorReport;

/// Deploys an AWS Lambda function as described by a `.travis.yml` stanza.
///
/// With `--stanza lambda.yml` or `--travis-yml .travis.yml`, it reads the stanza from the file, takes the
/// job's variables from the CI or the local checkout, and prints text on a terminal. Without a file, it works
/// as a CI runner expects: it reads one JSON object from standard input (the stanza, with the job's
/// environment in `env`) and writes events to standard output, one JSON object per line.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, mut_subcommands = hide_unaccepted)]
pub(crate) struct Arguments {
    /// The command to run. Default: deploy.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) standalone: StandaloneArgs,
}

/// Hides the standalone options in the help of a command that accepts none of them. clap adds a global option
/// only to commands that do not define it themselves.
fn hide_unaccepted(command: clap::Command) -> clap::Command {
    if EventCommand::has_subcommand(command.get_name()) || command.get_name() == "policy" {
        return command;
    }
    let options = StandaloneArgs::augment_args(clap::Command::new("options"));
    command.args(options.get_arguments().map(|option| option.clone().hide(true)))
}

/// A command of the command line.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Events(EventCommand),
    #[command(flatten)]
    Document(DocumentCommand),
    /// Run the command that the settings of a CI step say, with their stanza: the variables `PLUGIN_*` of
    /// Drone and Woodpecker.
    Plugin,
}

/// A command that writes events.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Make the function match the stanza (the default).
    Deploy {
        /// Carry out the approved plan in this file of `plan --out`. Any other plan fails before anything is
        /// changed. Requires `--stanza` or `--travis-yml`.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        plan: Option<PathBuf>,
    },
    /// Show what a deployment would change, without changing anything.
    Plan {
        /// Write the plan to this file, for `deploy --plan`. Requires `--stanza` or `--travis-yml`.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
        /// Exit with status 3 if the plan changes something.
        #[arg(long)]
        exit_code: bool,
    },
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
}

/// A command that prints a document, and no events.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DocumentCommand {
    /// Print the minimal IAM policy that deployments of the stanza need.
    Policy,
    /// Print the stanza of an existing function as a `.travis.yml`. Changes nothing.
    Init(InitArguments),
    /// Explain an error or warning code and what to do about it. Without a code, list all codes.
    Explain {
        /// The code of an error or a warning, such as access-denied.
        code: Option<String>,
    },
    /// Print a JSON Schema (draft-07).
    Schema {
        /// The document that the schema describes.
        document: SchemaDocument,
        /// Add what editors read: snippets, Markdown and messages. A strict validator refuses these keywords.
        #[arg(long)]
        editor: bool,
    },
    /// Print a shell completion script.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page (roff): `dpl-lambda manual | man -l -`.
    Manual,
}

/// The options of the command `init`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArguments {
    /// Name or ARN of the function.
    #[arg(long, value_name = "NAME")]
    pub(crate) function: String,
    /// Alias that deployments move to the new version. Default: none.
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Option<String>,
    /// What deployments package: a directory, a file or a finished archive. Default: the build directory.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) zip: Option<String>,
    /// AWS region of the function. Default: that of the ARN, the environment or the profile.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Profile of `~/.aws` with which to read the function. It is not written into the stanza.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
}

impl From<EventCommand> for deploy::Command {
    fn from(command: EventCommand) -> Self {
        match command {
            EventCommand::Deploy { .. } => deploy::Command::Deploy,
            EventCommand::Plan { .. } => deploy::Command::Plan,
            EventCommand::Check => deploy::Command::Check,
            EventCommand::Rollback => deploy::Command::Rollback,
            EventCommand::Package { output } => deploy::Command::Package { output },
        }
    }
}

impl EventCommand {
    /// The options of `plan` and `deploy`. All other commands have none.
    pub(crate) fn plan_options(&self) -> PlanOptions {
        match self {
            EventCommand::Deploy { plan } => PlanOptions { approved: plan.clone(), ..PlanOptions::default() },
            EventCommand::Plan { out, exit_code } => {
                PlanOptions { out: out.clone(), exit_code: *exit_code, ..PlanOptions::default() }
            }
            EventCommand::Check | EventCommand::Rollback | EventCommand::Package { .. } => {
                PlanOptions::default()
            }
        }
    }
}

/// Handles what clap returns instead of a command. Prints help and version. Reports a wrong command line on
/// standard error, and as an event, too, unless the command prints a document: a CI runner reads only events.
pub(crate) fn report_parse_error(error: clap::Error) -> ErrorReport {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let is_printed = error.print().is_ok() && !closed::stdout_was_closed();
        process::exit(i32::from(!is_printed))
    }
    let text = error.to_string();
    // Up to the first empty line; after it, clap explains the usage.
    let line = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let given = command_of(env::args_os().skip(1)).unwrap_or_default();
    let is_for_stanzas = given.to_str().is_some_and(EventCommand::has_subcommand);
    let known = Arguments::command();
    let commands: Vec<String> =
        known.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let options: Vec<String> =
        known.get_arguments().filter_map(|option| option.get_long().map(str::to_owned)).collect();
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mistake = mistake(&error, &arguments, is_for_stanzas);
    let command = given.to_string_lossy();
    let report = diagnostics::from_arguments(line.to_owned(), &command, mistake, &commands, &options);
    print_report(&report);
    let prints_document = given.to_str().is_some_and(DocumentCommand::has_subcommand);
    if prints_document || given == "plugin" || is_for_people() {
        process::exit(2)
    }
    report
}

/// What is wrong with the command line. `None`: clap's message says it all.
fn mistake<'a>(
    error: &'a clap::Error,
    arguments: &'a [String],
    is_for_stanzas: bool,
) -> Option<ArgumentMistake<'a>> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let invalid = || text(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidSubcommand => text(ContextKind::InvalidSubcommand).map(ArgumentMistake::Command),
        ErrorKind::UnknownArgument => invalid().map(|word| match word.starts_with('-') && word != "-" {
            true => ArgumentMistake::Option { option: word, argument: whole_argument(word, arguments) },
            false => ArgumentMistake::Word { word, is_for_stanzas },
        }),
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_none_or(str::is_empty) => {
            invalid().map(ArgumentMistake::NoValue)
        }
        ErrorKind::ArgumentConflict if invalid() == text(ContextKind::PriorArg) => {
            invalid().map(ArgumentMistake::Repeated)
        }
        ErrorKind::MissingRequiredArgument => Some(ArgumentMistake::Missing),
        _ => None,
    }
}

/// The argument that begins with the short option `option`, which is all that clap shows of it.
fn whole_argument<'a>(option: &'a str, arguments: &'a [String]) -> &'a str {
    let is_short = option.len() == 2 && option != "--";
    let whole = arguments.iter().find(|argument| is_short && argument.starts_with(option));
    whole.map_or(option, String::as_str)
}

/// The command of a command line that clap could not parse: the first argument that is neither an option nor
/// an option's value.
fn command_of(arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
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
    /// A single stanza.
    Stanza,
    /// The request on standard input, for CI runners.
    Request,
    /// A line of standard output, for programs that read events.
    Event,
    /// A whole `.travis.yml` file.
    TravisYml,
    /// The file of `plan --out`.
    Plan,
}

/// The completion script of a shell for this command line.
pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut text);
    let text = String::from_utf8(text).expect("names and help texts are UTF-8");
    // For bash, clap_complete 4.6 sets the state after a command under one name and looks it up under another
    // if the program's name contains a hyphen. Without this, nothing after the command is completed
    // (clap-rs/clap#6421).
    let text = text.replace("dpl__subcmd__lambda", "dpl__lambda");
    // clap_complete also offers hidden options. For bash, an option is a word of a list, otherwise a line.
    let shown = |line: &str| match (shell, line.contains("leave-out")) {
        (_, false) => Some(line.to_owned()),
        (Shell::Bash, true) => Some(line.replace(" --leave-out ", " ")),
        (_, true) => None,
    };
    text.lines().filter_map(shown).map(|line| line + "\n").collect()
}
