//! Reads the settings of the command `plugin`: the variables `PLUGIN_*` of the process. Each option of the
//! command line is a setting, and all others are a stanza. Never leaves a setting in the environment, so
//! that no command of the job gets one.
#![expect(clippy::disallowed_methods, reason = "reads the process environment")]

use std::env;

use clap::builder::PossibleValue;
use clap::{Arg, CommandFactory, Parser};

use super::arguments::{Arguments, Command, EventCommand};
use super::environ;
use super::standalone_args::StandaloneArgs;
use super::streams::print_stderr;
use crate::standalone::PluginSettings;

/// The values of the setting `command`. The first one is the default.
const COMMANDS: [&str; 4] = ["deploy", "plan", "check", "rollback"];

/// The command and the options that the settings say. Text is the default format: the output of a plugin is
/// always a log.
pub(super) fn read() -> (EventCommand, StandaloneArgs) {
    let mut settings = PluginSettings::of(env::vars_os());
    environ::remove_prefixed(PluginSettings::PREFIX);
    let program = Arguments::command();
    let command = settings.choice("command", &COMMANDS).unwrap_or_else(|| COMMANDS[0].to_owned());
    let mut line = vec![program.get_name().to_owned(), command.clone()];
    line.extend(program.get_arguments().filter_map(|option| argument(option, &mut settings)));
    for name in COMMANDS {
        let options = program.find_subcommand(name).into_iter().flat_map(|command| command.get_arguments());
        for option in options {
            let argument = argument(option, &mut settings);
            if name == command {
                line.extend(argument);
            } else if argument.is_some() {
                settings.refuse_option_of(name, &setting(option).unwrap_or_default());
            }
        }
    }
    if !line.iter().any(|argument| argument.starts_with("--format=")) {
        line.push("--format=text".to_owned());
    }
    let arguments = Arguments::try_parse_from(line).expect("each value has been checked");
    let Arguments { command: Some(Command::Events(command)), mut standalone } = arguments else {
        unreachable!("each of the commands writes events")
    };
    let plugin = settings.into_stanza();
    plugin.notes.iter().for_each(|note| print_stderr(note));
    standalone.plan_options = command.plan_options();
    standalone.plugin = Some(plugin);
    (command, standalone)
}

/// The setting for an option, such as `require_deploy`. `None`: there is none.
fn setting(option: &Arg) -> Option<String> {
    option.get_long().filter(|_| !option.is_hide_set()).map(|long| long.replace('-', "_"))
}

/// The argument for an option that is set, such as `--only=hello`.
fn argument(option: &Arg, settings: &mut PluginSettings) -> Option<String> {
    let (long, setting) = (option.get_long()?, setting(option)?);
    if !option.get_action().takes_values() {
        return settings.flag(&setting).then(|| format!("--{long}"));
    }
    let values = option.get_possible_values();
    let words: Vec<&str> =
        values.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
    let value = match words.as_slice() {
        [] => settings.option(&setting)?,
        words => settings.choice(&setting, words)?,
    };
    Some(format!("--{long}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::stanza;

    #[test]
    fn no_option_of_the_command_is_one_of_the_stanza() {
        let program = Arguments::command();
        let own = COMMANDS.iter().filter_map(|name| program.find_subcommand(name));
        let options = program.get_arguments().chain(own.flat_map(|command| command.get_arguments()));
        let settings: Vec<String> = options.filter_map(setting).chain(["command".to_owned()]).collect();
        for name in ["stanza", "travis_yml", "only", "format", "ci", "out", "plan", "exit_code", "command"] {
            assert!(settings.iter().any(|setting| setting == name), "{name}: {settings:?}");
        }
        for name in &settings {
            assert_eq!(stanza::text_form(name), None, "{name}");
        }
    }
}
