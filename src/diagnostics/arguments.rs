//! Reports a command line that could not be parsed, with the command or option that its author means.

use super::report;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::json::short;
use crate::protocol::stanza::option_named;
use crate::protocol::suggest::suggest;
use crate::protocol::text::one_line;

/// What is wrong with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentMistake<'a> {
    /// An unknown word in the place of a command.
    Command(&'a str),
    /// An unknown option.
    Option {
        /// The option, with its hyphens.
        option: &'a str,
        /// The whole argument: the parser reads `-stanza` as several options, of which the first is `-s`.
        argument: &'a str,
    },
    /// A word after a command that takes none.
    Word {
        word: &'a str,
        /// Whether the command is for stanzas, one of which the word may name.
        is_for_stanzas: bool,
    },
    /// An option without its value, as the help shows it: `--stanza <FILE>`.
    NoValue(&'a str),
    /// An option that is given twice, as the help shows it.
    Repeated(&'a str),
    /// The command needs a further argument.
    Missing,
}

/// How to read a file from standard input.
const FROM_STDIN: &str = "write `--stanza -`, or `--travis-yml -` for a whole `.travis.yml`";

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
    (&["-"], FROM_STDIN),
    (&["show", "status"], "run `dpl-lambda plan`, which compares the stanza with the live function"),
    (&["delete", "destroy", "remove"], "use `aws lambda delete-function`: no command deletes a function"),
    (
        &["describe", "export", "generate", "import", "new"],
        "run `dpl-lambda init --function NAME` for the stanza of an existing function; for a new function, \
         write one with `function_name` and `zip`",
    ),
    (&["lambda"], "write the options into a file, and run `dpl-lambda deploy --stanza FILE`"),
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
    (
        &["j", "json", "o", "output"],
        "use `--format json`; `package --output FILE` and `plan --out FILE` write a file",
    ),
    (&["text", "human", "pretty"], "use `--format text`"),
    (&["md", "markdown"], "use `--format markdown`"),
    (&["detailed-exitcode", "exit-code", "exitcode"], "use the command `plan` with `--exit-code`"),
    (&["d", "debug", "v", "verbose"], "set DPL_LAMBDA_LOG=debug to log to standard error"),
    (&["force", "y", "yes"], "leave it out: no command asks for a confirmation"),
    (&["branch"], "set TRAVIS_BRANCH, the branch with which the conditions are evaluated"),
    (&["tag", "tags"], "set TRAVIS_TAG, the tag with which the conditions are evaluated"),
    (&["e", "env", "environment-variable"], "set the variable in the environment of dpl-lambda"),
    (&["no-color", "no-colour"], "set NO_COLOR=1"),
    (&["rollback"], "use the command `rollback`"),
    (&["to", "to-version"], "write `version` in the stanza: the number of a published version"),
    (&["wait"], "leave it out: a deployment waits until the function is ready"),
    (&["q", "quiet", "silent"], "leave it out, or redirect the output to a file"),
];

/// Reports a command line that could not be parsed. `command` is the command that it has, `commands` and
/// `options` are the known ones.
pub(crate) fn from_arguments(
    message: String,
    command: &str,
    mistake: Option<ArgumentMistake<'_>>,
    commands: &[String],
    options: &[String],
) -> ErrorReport {
    let hint = mistake.and_then(|mistake| match mistake {
        ArgumentMistake::Command(word) => about_command(word, commands),
        ArgumentMistake::Option { option, argument } => about_option(argument, command, options)
            .or_else(|| (option != argument).then(|| about_option(option, command, options)).flatten()),
        ArgumentMistake::Word { word, is_for_stanzas } => about_word(word, command, is_for_stanzas, commands),
        ArgumentMistake::NoValue(option) => about_missing_value(option).map(str::to_owned),
        ArgumentMistake::Repeated(option) => Some(about_repeated(option).to_owned()),
        ArgumentMistake::Missing => Some(format!("run `dpl-lambda {command} --help`")),
    });
    let help = || "run `dpl-lambda --help` for the commands and options".to_owned();
    report(Code::BadArguments, message).hint(hint.unwrap_or_else(help))
}

fn about_command(word: &str, commands: &[String]) -> Option<String> {
    about_file(word)
        .or_else(|| entry(COMMANDS, word))
        .or_else(|| Some(format!("did you mean `{}`?", suggest(word, commands.iter().map(String::as_str))?)))
}

fn about_option(option: &str, command: &str, options: &[String]) -> Option<String> {
    let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
    if option == "-version" {
        return Some("run `dpl-lambda --version`".to_owned());
    }
    if command == "package" && matches!(name, "o" | "out") {
        return Some("use `--output FILE`".to_owned());
    }
    if name == "out" || (command, name) == ("plan", "plan") {
        return Some("use `plan --out FILE`, and then `deploy --plan FILE`".to_owned());
    }
    let of_stanza = || {
        Some(format!("write `{}` in the stanza: it is no option of the command line", option_named(name)?))
    };
    let near = || Some(format!("did you mean `--{}`?", suggest(name, options.iter().map(String::as_str))?));
    entry(OPTIONS, name).or_else(of_stanza).or_else(near)
}

fn about_word(word: &str, command: &str, is_for_stanzas: bool, commands: &[String]) -> Option<String> {
    if word == "-" && (is_for_stanzas || command == "policy") {
        return Some(FROM_STDIN.to_owned());
    }
    if commands.iter().any(|known| known == word) {
        return Some(format!("give one command only: `{command}` or `{word}`"));
    }
    if command == "rollback" && word.parse::<u64>().is_ok() {
        return Some(format!("write `version: {word}` in the stanza"));
    }
    if command == "init" {
        return Some(format!("write `--function {}`", one_line(&short(word))));
    }
    if command == "explain" {
        return Some("explain one code at a time".to_owned());
    }
    let only = "use `--only NAME`, with `--travis-yml FILE`, to select a stanza";
    about_file(word).or_else(|| is_for_stanzas.then(|| only.to_owned()))
}

/// What to write after an option. `None`: the message says it.
fn about_missing_value(option: &str) -> Option<&'static str> {
    match option.split(' ').next().unwrap_or_default() {
        "--stanza" => Some("name the file, such as `--stanza lambda.yml`; `-` stands for standard input"),
        "--travis-yml" => Some("name the file, such as `--travis-yml .travis.yml`"),
        _ => None,
    }
}

fn about_repeated(option: &str) -> &'static str {
    match option.split(' ').next().unwrap_or_default() {
        "--stanza" => "run the command once per file, or write the stanzas as a list into one file",
        "--travis-yml" => "run the command once per file",
        "--only" => "run the command once per stanza",
        _ => "give it once",
    }
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
        let commands = ["deploy", "plan", "check", "rollback", "package", "explain"].map(str::to_owned);
        let options = ["stanza", "travis-yml", "only", "format"].map(str::to_owned);
        let unknown = |option| ArgumentMistake::Option { option, argument: option };
        let word = |word| ArgumentMistake::Word { word, is_for_stanzas: true };
        for (command, mistake, hint) in [
            ("", ArgumentMistake::Command("deplay"), "did you mean `deploy`?"),
            ("", ArgumentMistake::Command("validate"), "`dpl-lambda check`"),
            ("", ArgumentMistake::Command("lambda.yml"), "`--stanza lambda.yml`"),
            ("", ArgumentMistake::Command("lambda"), "`dpl-lambda deploy --stanza FILE`"),
            ("", ArgumentMistake::Command("import"), "`dpl-lambda init --function NAME`"),
            ("", ArgumentMistake::Command("delete"), "`aws lambda delete-function`"),
            ("", ArgumentMistake::Command("zebra"), "dpl-lambda --help"),
            ("policy", ArgumentMistake::Word { word: ".travis.yml", is_for_stanzas: false }, ".travis.yml`"),
            ("manual", ArgumentMistake::Word { word: "hello", is_for_stanzas: false }, "dpl-lambda --help"),
            ("deploy", word("hello"), "`--only NAME`"),
            ("deploy", word("plan"), "one command only: `deploy` or `plan`"),
            ("check", word("-"), "`--stanza -`"),
            ("rollback", word("3"), "`version: 3` in the stanza"),
            ("deploy", unknown("--dry-run"), "`plan`"),
            ("deploy", unknown("--dry-run=true"), "`plan`"),
            ("deploy", unknown("-n"), "`plan`"),
            ("deploy", ArgumentMistake::Option { option: "-n", argument: "-nq" }, "`plan`"),
            ("deploy", ArgumentMistake::Option { option: "-s", argument: "-stanza" }, "`--stanza`"),
            ("", ArgumentMistake::Option { option: "-v", argument: "-version" }, "`dpl-lambda --version`"),
            ("deploy", unknown("--stanzas"), "did you mean `--stanza`?"),
            ("deploy", unknown("--travis"), "did you mean `--travis-yml`?"),
            ("deploy", unknown("--region"), "write `region` in the stanza"),
            ("deploy", unknown("--memory-size"), "write `memory_size` in the stanza"),
            ("deploy", unknown("--zip-file"), "write `zip` in the stanza"),
            ("deploy", unknown("--file"), "`--stanza FILE`"),
            ("deploy", unknown("-o"), "`--format json`"),
            ("package", unknown("-o"), "use `--output FILE`"),
            ("deploy", unknown("--out"), "`plan --out FILE`"),
            ("plan", unknown("--plan"), "`deploy --plan FILE`"),
            ("init", ArgumentMistake::Word { word: "hello", is_for_stanzas: false }, "`--function hello`"),
            ("rollback", unknown("--to"), "write `version` in the stanza"),
            ("deploy", unknown("--zebra"), "dpl-lambda --help"),
            ("plan", ArgumentMistake::NoValue("--travis-yml <FILE>"), "`--travis-yml .travis.yml`"),
            ("plan", ArgumentMistake::NoValue("--only <N|NAME>"), "dpl-lambda --help"),
            ("policy", ArgumentMistake::Repeated("--stanza <FILE>"), "once per file"),
            ("schema", ArgumentMistake::Missing, "run `dpl-lambda schema --help`"),
        ] {
            let report = from_arguments("x".to_owned(), command, Some(mistake), &commands, &options);
            assert!(
                report.hint.as_deref().is_some_and(|found| found.contains(hint)),
                "{mistake:?}: {report:?}"
            );
        }
    }
}
