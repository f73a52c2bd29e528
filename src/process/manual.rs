//! Generates the manual page (roff, for `man`) from the command line definition and the schema of events.
//! Never repeats a text that those two contain.

use std::fmt::Write;

use crate::protocol::schema;
use clap::{Arg, Command, CommandFactory};
use serde_json::Value;

use super::arguments::Arguments;

/// The manual page as roff, for `man -l` and `groff -man`.
pub(crate) fn page() -> String {
    let mut program = Arguments::command();
    program.build();
    let mut page = Page::titled("dpl-lambda", concat!("dpl-lambda ", env!("CARGO_PKG_VERSION")));
    page.section("NAME");
    page.text(&format!("dpl-lambda - {}", program.get_about().map(ToString::to_string).unwrap_or_default()));
    page.section("SYNOPSIS");
    for command in program.get_subcommands() {
        page.text(&format!("`dpl-lambda` {}", usage(command)));
        page.line("br");
    }
    page.text("`dpl-lambda` `--help` | `--version`");
    page.line("PP");
    page.text(
        "`deploy`, `plan`, `check`, `rollback`, `package` and `policy` also accept the standalone options.",
    );
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.section("COMMANDS");
    for command in program.get_subcommands() {
        page.item(&usage(command), &description(command));
    }
    page.section("OPTIONS");
    for option in program.get_arguments() {
        page.item(
            &flags(option),
            &format!("{}.", option.get_help().map(ToString::to_string).unwrap_or_default()),
        );
    }
    page.section("REQUEST");
    page.paragraphs(REQUEST);
    page.section("EVENTS");
    page.text(
        "Each line of standard output is a JSON object. Its `event` is one of these tags, and its `message` is one line of text for people:",
    );
    for (tag, meaning) in events(&schema::event()) {
        page.item(&format!("`{tag}`"), &meaning);
    }
    page.section("EXIT STATUS");
    page.items(EXIT_STATUS);
    page.section("ENVIRONMENT");
    page.text("Variables of the process, never of the job:");
    page.items(RUNNERS_VARIABLES);
    page.paragraphs(&[
        "Variables of the job (`env` of the request, or the process environment if there is none):",
    ]);
    page.items(JOBS_VARIABLES);
    page.section("FILES");
    page.items(FILES);
    page.section("EXAMPLES");
    for (text, code) in EXAMPLES {
        page.paragraphs(&[text]);
        page.code(code);
    }
    page.section("SEE ALSO");
    page.text("`bash`(1), `git`(1), `gitignore`(5), `jq`(1)");
    page.paragraphs(SEE_ALSO);
    page.text
}

const DESCRIPTION: &[&str] = &[
    "`dpl-lambda` reads a stanza, evaluates its conditions as Travis CI does, and deploys the function that it describes. It builds \
     reproducible archives, changes only what differs at AWS, and finishes when the function is live.",
    "In a terminal or in a script of any CI, `--stanza` or `--travis-yml` names the file with the stanza. A CI runner passes the stanza \
     without a file: it starts `dpl-lambda` in the build directory, writes one JSON object to its standard input, closes standard input, \
     reads lines from standard output until its end, and uses the exit status.",
    "Running the same request again is safe: completed steps are not repeated, and an interrupted deployment continues.",
];

const REQUEST: &[&str] = &[
    "The object on standard input is the stanza under `deploy:` of a `.travis.yml`, as JSON, with two keys of the CI runner. `protocol` is \
     1, which is also the default. `env`, an object of strings, is the complete environment of the job. If `env` is given, the job never \
     uses the environment, the `~/.aws` files or the AWS identity of the `dpl-lambda` process.",
    "If `env` is absent, the job has the environment of the process, and `dpl-lambda` detects the build from the variables of the CI. A \
     pull request is never deployed. The build counts as one, unless these variables say that it is not a pull request, `--ci none` \
     is given, or there is no CI and standard output or standard error is a terminal.",
    "`on` contains the conditions. Without `on`, a stanza is deployed only if `TRAVIS_BRANCH` of the job is `master`.",
];

const EXIT_STATUS: &[(&str, &str)] = &[
    (
        "`0`",
        "The outcome in `finished` is `deployed`, `unchanged`, `planned`, `checked`, `packaged` or `skipped`, or it is `failed` and the \
         stanza sets `allow_failure`. For commands without events: the document was printed.",
    ),
    (
        "`1`",
        "The outcome is `failed`, after the first request to AWS or after the start of the stanza's first command; or standard output \
         was closed. `changed` in `finished` lists the steps that took effect.",
    ),
    (
        "`2`",
        "The outcome is `failed`, before the first request to AWS and before the stanza's first command: nothing was changed. For \
         commands without events: the document could not be printed; standard error says why.",
    ),
    (
        "`130`, `143`",
        "The outcome is `failed` with code `cancelled`, at most 5 seconds after SIGINT or SIGTERM. After another signal, the exit status \
         is 128 plus its number.",
    ),
];

const RUNNERS_VARIABLES: &[(&str, &str)] = &[
    (
        "`DPL_LAMBDA_LOG`",
        "Log level: `error`, `warn`, `info`, `debug` or `trace`. The log goes to standard error and contains no secrets. Default: no log.",
    ),
    (
        "`DPL_LAMBDA_INPUT_TIMEOUT`",
        "Time limit for reading the request, or a pipe given as `--stanza` or `--travis-yml`, in seconds. Default: 60.",
    ),
    (
        "`DPL_LAMBDA_CONDITION_TIMEOUT`",
        "Time limit for bash to evaluate a condition, in seconds. Default: 60.",
    ),
    (
        "`DPL_LAMBDA_TODAY`",
        "For tests. The date at which runtimes are checked for deprecation, such as `2026-11-01`.",
    ),
    ("`DPL_LAMBDA_CONDITIONS`", "For tests. `bash`: evaluates every condition with bash, even a plain word."),
    (
        "`DPL_LAMBDA_FAULT`",
        "For tests. `panic`, `panic-in-thread` or `panic-standalone`: causes a panic, to show how a bug is reported.",
    ),
];

const JOBS_VARIABLES: &[(&str, &str)] = &[
    (
        "`TRAVIS_BRANCH`, `TRAVIS_PULL_REQUEST`, `TRAVIS_TAG`, `TRAVIS_REPO_SLUG`, ...",
        "Branch, pull request, tag and repository of the build, for the conditions.",
    ),
    (
        "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`",
        "The credentials, if the stanza has none.",
    ),
    (
        "`AWS_REGION`, `AWS_DEFAULT_REGION`",
        "The region, if the stanza has no `region`. Default: `us-east-1`.",
    ),
    (
        "`AWS_`*OPTION*, `LAMBDA_`*OPTION*",
        "The value of an option of dpl that the stanza does not set. *OPTION* is its name in capitals, as in `AWS_TIMEOUT`.",
    ),
    (
        "`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`",
        "Endpoints to use instead of AWS.",
    ),
    ("`AWS_CA_BUNDLE`", "A file with the trusted certificates (PEM), used instead of those of the system."),
    ("`HTTPS_PROXY`, `NO_PROXY`", "The proxy for requests to AWS, and the hosts to reach without it."),
    ("`PATH`", "The search path for bash and git. Default: `/usr/local/bin:/usr/bin:/bin`."),
    ("`TMPDIR`", "The directory in which an archive larger than 4 MiB is built. Default: `/tmp`."),
];

const FILES: &[(&str, &str)] = &[
    (
        "`~/.aws/config`, `~/.aws/credentials`",
        "The job's profiles, under the job's `HOME`. `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name other files.",
    ),
    (
        "`.lambdaignore`",
        "In a packaged directory: patterns, as in a `.gitignore` file, of files to leave out.",
    ),
    ("`/etc/ssl/certs`", "The trusted certificates. A container needs them, or `AWS_CA_BUNDLE`."),
    ("`/etc/resolv.conf`, `/etc/hosts`", "Name resolution. A container needs the first one to reach AWS."),
];

/// A test runs all of them in order, with a function's code in `dist`.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "Show the plan for the stanza in a file. The environment of the shell is that of the job, including the AWS credentials:",
        r#"$ export TRAVIS_BRANCH=master
$ echo '{"function_name": "hello", "runtime": "nodejs22.x", "handler_name": "handler", "zip": "dist",
         "role": "arn:aws:iam::123456789012:role/run"}' > stanza.json
$ dpl-lambda plan --stanza stanza.json"#,
    ),
    ("Deploy the same stanza:", "$ dpl-lambda deploy --stanza stanza.json"),
    (
        "Deploy as a CI runner does, with the job's environment in the request:",
        "$ jq '. + {protocol: 1, env: env}' stanza.json | dpl-lambda deploy",
    ),
    ("Build only the archive:", "$ dpl-lambda package --output hello.zip --stanza stanza.json"),
    ("Load completions into bash:", r#"$ source <(dpl-lambda completions bash)"#),
];

const SEE_ALSO: &[&str] = &[
    "The release and the repository contain `docs/options.md`, which describes every option of a stanza, and `docs/errors.md`, which \
     describes every error and warning. `dpl-lambda schema event` describes the events in detail.",
];

/// The usage line of a command.
fn usage(command: &Command) -> String {
    let mut usage = format!("`{}`", command.get_name());
    for argument in own_arguments(command) {
        let words = flags(argument);
        let _ =
            if argument.is_required_set() { write!(usage, " {words}") } else { write!(usage, " [{words}]") };
    }
    usage
}

/// The arguments of this command only. Global ones are listed under OPTIONS.
fn own_arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| argument.get_id() != "help" && !argument.is_global_set())
}

/// The help text of a command and of its arguments' values.
fn description(command: &Command) -> String {
    let mut text = command.get_about().map(ToString::to_string).unwrap_or_default();
    text += ".";
    for argument in own_arguments(command) {
        for value in argument.get_possible_values() {
            if let Some(help) = value.get_help() {
                let _ = write!(text, " `{}`: {help}.", value.get_name());
            }
        }
    }
    text
}

/// An argument in usage notation: `-h`, `--help`, `--output FILE`, `stanza | request`.
fn flags(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}`"));
    let mut words = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if argument.get_action().takes_values() {
        let possible = argument.get_possible_values();
        let offered = possible.iter().filter(|value| !value.is_hide_set());
        let values: Vec<String> = offered.map(|value| format!("`{}`", value.get_name())).collect();
        let names: Vec<String> =
            argument.get_value_names().unwrap_or_default().iter().map(|name| format!("*{name}*")).collect();
        let space = if words.is_empty() { "" } else { " " };
        let _ =
            write!(words, "{space}{}", if values.is_empty() { names.join(" ") } else { values.join(" | ") });
    }
    words
}

/// The tag and the description of each event in the schema.
fn events(schema: &Value) -> Vec<(String, String)> {
    let variants = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    variants
        .iter()
        .map(|variant| (text(&variant["properties"]["event"]["const"]), text(&variant["description"])))
        .collect()
}

/// Builds the page. Texts may contain two kinds of markup: backticks around literal text, stars around
/// placeholders.
struct Page {
    text: String,
}

impl Page {
    fn titled(name: &str, source: &str) -> Self {
        // The date is empty, so that the page is the same on every day. No hyphenation and no justification,
        // so that names of variables can be copied.
        Page {
            text: format!(
                ".TH {} 1 \"\" \"{source}\" \"User commands\"\n.nh\n.ad l\n",
                escape(&name.to_uppercase())
            ),
        }
    }

    fn line(&mut self, request: &str) {
        self.text += &format!(".{request}\n");
    }

    fn section(&mut self, title: &str) {
        self.line(&format!("SH \"{title}\""));
    }

    fn text(&mut self, text: &str) {
        let mut marked = String::new();
        let (mut bold, mut italic) = (false, false);
        for piece in text.split_inclusive(['`', '*']) {
            let words = piece.trim_end_matches(['`', '*']);
            marked += &escape(words);
            match piece.chars().last() {
                Some('`') => {
                    bold = !bold;
                    marked += if bold { "\\fB" } else { "\\fR" };
                }
                Some('*') if bold => marked.push('*'),
                Some('*') => {
                    italic = !italic;
                    marked += if italic { "\\fI" } else { "\\fR" };
                }
                _ => {}
            }
        }
        // Without the guard, roff would read a line that begins with one of these as a request.
        let guard = if marked.starts_with(['.', '\'']) { "\\&" } else { "" };
        self.text += &format!("{guard}{marked}\n");
    }

    fn paragraphs(&mut self, texts: &[&str]) {
        for text in texts {
            self.line("PP");
            self.text(text);
        }
    }

    fn item(&mut self, what: &str, meaning: &str) {
        self.line("TP");
        self.text(what);
        self.text(meaning);
    }

    fn items(&mut self, items: &[(&str, &str)]) {
        for (what, meaning) in items {
            self.item(what, meaning);
        }
    }

    /// Lines of code, unfilled and indented.
    fn code(&mut self, lines: &str) {
        for request in ["PP", "RS 4", "nf"] {
            self.line(request);
        }
        for line in lines.lines() {
            self.text += &format!("\\&{}\n", escape(line));
        }
        for request in ["fi", "RE"] {
            self.line(request);
        }
    }
}

/// Escapes text so that roff prints it literally, in characters that can be copied.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' => escaped += "\\(rs",
            '-' => escaped += "\\-",
            '\'' => escaped += "\\(aq",
            '`' => escaped += "\\(ga",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            '"' => escaped += "\\(dq",
            character if character.is_ascii() => escaped.push(character),
            character => escaped += &format!("\\[u{:04X}]", u32::from(character)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, roff: &str) {
        let mut page = Page { text: String::new() };
        page.text(text);
        assert_eq!(page.text, format!("{roff}\n"));
    }

    #[test]
    fn marks_become_fonts_and_everything_else_stays_what_it_is() {
        check("give `--output` *FILE*", "give \\fB\\-\\-output\\fR \\fIFILE\\fR");
        check("`AWS_`*OPTION*, `DPL_*`", "\\fBAWS_\\fR\\fIOPTION\\fR, \\fBDPL_*\\fR");
        check(".travis.yml", "\\&.travis.yml");
        check("'a' ~ \\ …", "\\(aqa\\(aq \\(ti \\(rs \\[u2026]");
        check("", "");
    }

    #[test]
    fn each_command_option_and_event_is_explained() {
        let mut program = Arguments::command();
        program.build();
        for command in program.get_subcommands() {
            assert!(description(command).len() > 20, "{}", command.get_name());
        }
        let events = events(&schema::event());
        assert!(events.iter().any(|(tag, _)| tag == "finished"), "{events:?}");
        assert!(events.iter().all(|(tag, meaning)| !tag.is_empty() && !meaning.is_empty()), "{events:?}");
    }
}
