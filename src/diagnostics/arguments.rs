//! Reports a command line that could not be parsed, with the command or option that its author means.

use super::report;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::json::short;
use crate::protocol::stanza::option_named;
use crate::protocol::suggest::suggest;
use crate::protocol::text::one_line;

/// The part of a command line that is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownArgument<'a> {
    /// A word in the place of a command.
    Command(&'a str),
    /// An option, with its hyphens.
    Option(&'a str),
    /// A word after a command.
    Word {
        /// The word.
        word: &'a str,
        /// Whether the command is for stanzas, one of which the word may name.
        is_for_stanzas: bool,
    },
}

/// What to do about words that people write as a command.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["help"], "run `dpl-lambda --help`"),
    (&["version"], "run `dpl-lambda --version`"),
    (&["apply", "create", "push", "release", "ship", "up", "update", "upload"], "run `dpl-lambda deploy`"),
    (&["diff", "dry-run", "dryrun", "preview"], "run `dpl-lambda plan`"),
    (&["lint", "test", "validate", "verify"], "run `dpl-lambda check`"),
    (&["revert", "undo"], "run `dpl-lambda rollback`"),
    (&["archive", "build", "zip"], "run `dpl-lambda package --output FILE`"),
    (&["iam", "permissions", "policies"], "run `dpl-lambda policy`"),
    (&["codes", "errors"], "run `dpl-lambda explain`, which lists all codes"),
    (&["man"], "run `dpl-lambda manual`"),
];

/// What to do about words that people write as an option, without the hyphens before them.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["check", "validate"], "use the command `check`"),
    (
        &["diff", "dry-run", "dryrun", "n", "no-op", "noop", "plan", "what-if", "whatif"],
        "use the command `plan`",
    ),
    (
        &["c", "conf", "config", "config-file", "f", "file", "i", "input", "yaml", "yml"],
        "use `--stanza FILE` for a single stanza, or `--travis-yml FILE` for a whole `.travis.yml`",
    ),
    (&["j", "json", "o", "output"], "use `--format json`; only `package` writes a file, to `--output FILE`"),
    (&["text", "human", "pretty"], "use `--format text`"),
    (&["d", "debug", "v", "verbose"], "set DPL_LAMBDA_LOG=debug to log to standard error"),
    (&["force", "y", "yes"], "leave it out: no command asks for a confirmation"),
    (&["branch"], "set TRAVIS_BRANCH, the branch with which the conditions are evaluated"),
    (&["tag", "tags"], "set TRAVIS_TAG, the tag with which the conditions are evaluated"),
    (&["e", "env", "environment-variable"], "set the variable in the environment of dpl-lambda"),
    (&["no-color", "no-colour"], "set NO_COLOR=1"),
    (&["rollback"], "use the command `rollback`"),
];

/// Reports a command line that could not be parsed. `commands` and `options` are the known ones.
pub(crate) fn from_arguments(
    message: String,
    unknown: Option<UnknownArgument<'_>>,
    commands: &[String],
    options: &[String],
) -> ErrorReport {
    let hint = unknown.and_then(|unknown| match unknown {
        UnknownArgument::Command(word) => about_command(word, commands),
        UnknownArgument::Option(option) => about_option(option, options),
        UnknownArgument::Word { word, is_for_stanzas } => about_word(word, is_for_stanzas),
    });
    let help = || "run `dpl-lambda --help` for the commands and options".to_owned();
    report(Code::BadArguments, message).hint(hint.unwrap_or_else(help))
}

fn about_command(word: &str, commands: &[String]) -> Option<String> {
    about_file(word)
        .or_else(|| entry(COMMANDS, word))
        .or_else(|| Some(format!("did you mean `{}`?", suggest(word, commands.iter().map(String::as_str))?)))
}

fn about_option(option: &str, options: &[String]) -> Option<String> {
    let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
    let of_stanza = || {
        Some(format!("write `{}` in the stanza: it is no option of the command line", option_named(name)?))
    };
    let near = || Some(format!("did you mean `--{}`?", suggest(name, options.iter().map(String::as_str))?));
    entry(OPTIONS, name).or_else(of_stanza).or_else(near)
}

fn about_word(word: &str, is_for_stanzas: bool) -> Option<String> {
    let only = "use `--only NAME`, with `--travis-yml FILE`, to select a stanza";
    about_file(word).or_else(|| is_for_stanzas.then(|| only.to_owned()))
}

/// The advice for a word that looks like the name of a file.
fn about_file(word: &str) -> Option<String> {
    let is_file = [".yml", ".yaml", ".json"].iter().any(|end| word.to_ascii_lowercase().ends_with(end));
    if !is_file {
        return None;
    }
    let word = one_line(&short(word));
    Some(match word.contains("travis") {
        true => format!("write `--travis-yml {word}`"),
        false => format!("write `--stanza {word}`, or `--travis-yml {word}` for a whole `.travis.yml`"),
    })
}

fn entry(table: &[(&[&str], &str)], word: &str) -> Option<String> {
    let (_, advice) =
        table.iter().find(|(words, _)| words.iter().any(|known| known.eq_ignore_ascii_case(word)))?;
    Some((*advice).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_answered_with_what_is_meant() {
        let commands = ["deploy", "plan", "check", "rollback", "explain"].map(str::to_owned);
        let options = ["stanza", "travis-yml", "only", "format"].map(str::to_owned);
        for (unknown, hint) in [
            (UnknownArgument::Command("deplay"), "did you mean `deploy`?"),
            (UnknownArgument::Command("validate"), "`dpl-lambda check`"),
            (UnknownArgument::Command("lambda.yml"), "`--stanza lambda.yml`"),
            (
                UnknownArgument::Word { word: ".travis.yml", is_for_stanzas: false },
                "`--travis-yml .travis.yml`",
            ),
            (UnknownArgument::Word { word: "hello", is_for_stanzas: true }, "`--only NAME`"),
            (UnknownArgument::Word { word: "hello", is_for_stanzas: false }, "dpl-lambda --help"),
            (UnknownArgument::Option("--dry-run"), "`plan`"),
            (UnknownArgument::Option("--dry-run=true"), "`plan`"),
            (UnknownArgument::Option("-n"), "`plan`"),
            (UnknownArgument::Option("--stanzas"), "did you mean `--stanza`?"),
            (UnknownArgument::Option("--travis"), "did you mean `--travis-yml`?"),
            (UnknownArgument::Option("--region"), "write `region` in the stanza"),
            (UnknownArgument::Option("--memory-size"), "write `memory_size` in the stanza"),
            (UnknownArgument::Option("--zip-file"), "write `zip` in the stanza"),
            (UnknownArgument::Option("--file"), "`--stanza FILE`"),
            (UnknownArgument::Option("--zebra"), "dpl-lambda --help"),
            (UnknownArgument::Command("zebra"), "dpl-lambda --help"),
        ] {
            let report = from_arguments("x".to_owned(), Some(unknown), &commands, &options);
            assert!(
                report.hint.as_deref().is_some_and(|found| found.contains(hint)),
                "{unknown:?}: {report:?}"
            );
        }
    }
}
