//! Decides in which format the results of a run are written to standard output.
#![expect(clippy::disallowed_methods, reason = "reads the process environment and the clock")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;

use crate::standalone::ci::Ci;
use crate::standalone::ci_log::ci_of_log;

/// A value of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Json,
    Text,
    Markdown,
}

impl Format {
    /// The format of `--format`, or its default: text if people read it, on a terminal or in the log of a
    /// known CI. Without both it is JSON, and for a request on standard input (`has_file` is false), because
    /// a CI runner reads the events.
    fn of(given: Option<Format>, is_terminal: bool, has_file: bool, ci: Option<Ci>) -> Format {
        let is_read = is_terminal || (has_file && ci.is_some());
        given.unwrap_or(if is_read { Format::Text } else { Format::Json })
    }

    /// The format for standard output of this process.
    pub(super) fn of_stdout(given: Option<Format>, has_file: bool, ci: Option<Ci>) -> Format {
        Format::of(given, io::stdout().is_terminal(), has_file, ci)
    }
}

/// The CI whose log shows the output of this process. `named` is the CI of `--ci`.
pub(super) fn ci_of_process(named: Option<Ci>) -> Option<Ci> {
    ci_of_log(&|name| env::var(name).ok(), named)
}

/// Seconds since 1970.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// True if output is for people (no JSON events), so a wrong command line is reported on standard error only.
/// Scans the raw arguments, because clap could not parse them.
pub(super) fn is_for_people() -> bool {
    let arguments: Vec<OsString> = env::args_os().collect();
    let says = |option: &str, value: &str| {
        let joined = OsString::from(format!("{option}={value}"));
        let apart = [OsStr::new(option), OsStr::new(value)];
        arguments.contains(&joined) || arguments.windows(2).any(|pair| pair == apart)
    };
    let begins = |option: &str| {
        arguments.iter().any(|argument| argument.as_encoded_bytes().starts_with(option.as_bytes()))
    };
    let formats = [("text", Format::Text), ("markdown", Format::Markdown), ("json", Format::Json)];
    let given = formats.into_iter().find(|(name, _)| says("--format", name)).map(|(_, format)| format);
    let named = Ci::ALL.into_iter().find(|ci| says("--ci", ci.name()));
    let has_file = begins("--stanza") || begins("--travis-yml");
    Format::of_stdout(given, has_file, ci_of_process(named)) != Format::Json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_for_people_and_events_are_for_programs() {
        for (given, is_terminal, has_file, ci, expected) in [
            // The program alone.
            (None, false, false, None, Format::Json),
            (None, false, true, None, Format::Json),
            // A terminal.
            (None, true, false, None, Format::Text),
            (None, true, true, None, Format::Text),
            (None, true, true, Some(Ci::GitLab), Format::Text),
            // A known CI. Its job writes a file on the command line, and a CI runner a request.
            (None, false, true, Some(Ci::GitLab), Format::Text),
            (None, false, true, Some(Ci::Jenkins), Format::Text),
            (None, false, false, Some(Ci::GitLab), Format::Json),
            // What is asked for.
            (Some(Format::Json), true, true, Some(Ci::GitLab), Format::Json),
            (Some(Format::Json), false, true, Some(Ci::GitLab), Format::Json),
            (Some(Format::Text), false, false, None, Format::Text),
            (Some(Format::Text), false, false, Some(Ci::GitLab), Format::Text),
            (Some(Format::Markdown), false, true, Some(Ci::GitLab), Format::Markdown),
        ] {
            let format = Format::of(given, is_terminal, has_file, ci);
            assert_eq!(format, expected, "{given:?}, {is_terminal}, {has_file}, {ci:?}");
        }
    }
}
