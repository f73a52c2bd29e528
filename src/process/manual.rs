//! The arguments and the schema of events in, a manual page (roff, for `man`) out. Never asks anybody, and holds nothing twice that
//! those two say already.

use std::fmt::Write;

use crate::protocol::schema;
use clap::{Arg, Command, CommandFactory};
use serde_json::Value;

use super::arguments::Arguments;

/// The manual page, as `man -l` and `groff -man` read it.
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
    page.text("Each of the first six takes the options for work by hand, too.");
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.section("COMMANDS");
    for command in program.get_subcommands() {
        page.item(&usage(command), &description(command));
    }
    page.section("OPTIONS");
    for option in program.get_arguments() {
        page.item(&flags(option), &option.get_help().map(ToString::to_string).unwrap_or_default());
    }
    page.section("REQUEST");
    page.paragraphs(REQUEST);
    page.section("EVENTS");
    page.text("A line of standard output is an object with `event`, its tag, and `message`, a line for people.");
    for (tag, meaning) in events(&schema::event()) {
        page.item(&format!("`{tag}`"), &meaning);
    }
    page.section("EXIT STATUS");
    page.items(EXIT_STATUS);
    page.section("ENVIRONMENT");
    page.text("Of the process, never of the job:");
    page.items(RUNNERS_VARIABLES);
    page.paragraphs(&["Of the job, which is `env` of the request, or else the process's environment:"]);
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
    "A CI runner starts `dpl-lambda` in the build directory, writes one JSON object to its standard input, closes it, reads lines from its \
     standard output to the end, and takes the exit status. Whether a stanza is deployed at all is judged as Travis CI judges it. Files are \
     packaged into the same bytes every time, only what differs is changed at AWS, and a deployment ends when the function is live.",
    "Running the same request again is safe: what is done already is left alone, and what was interrupted goes on.",
];

const REQUEST: &[&str] = &[
    "The object on standard input is the stanza under `deploy:` of a `.travis.yml`, as JSON. `dpl-lambda schema stanza` describes each of \
     its keys. Two keys are the runner's: `env`, an object of strings, is the job's whole environment; where it is given, nothing of the \
     process's own environment, files or identity is used for the job. Where it is absent, what does not say that it is no pull request \
     counts as one, which is never deployed, unless `--ci none` is given or a terminal shows the run to a person. `protocol` is 1, also \
     when it is absent.",
    "`on` holds the conditions. Without `branch` in it only `master` is deployed, which is told by `TRAVIS_BRANCH` of the job.",
];

const EXIT_STATUS: &[(&str, &str)] = &[
    (
        "`0`",
        "`deployed`, `unchanged`, `planned`, `checked`, `packaged` or `skipped`; also `failed` where the stanza says `allow_failure`. A \
         document was printed.",
    ),
    (
        "`1`",
        "`failed` after the first request to AWS or the first command of the user's, or standard output was closed. `changed` of `finished` \
         lists what had taken effect.",
    ),
    ("`2`", "`failed` before that: nothing was changed. A document could not be printed; standard error says why."),
    ("`130`, `143`", "`failed` with code `cancelled`, by SIGINT or SIGTERM; at most 5 seconds after the signal."),
];

const RUNNERS_VARIABLES: &[(&str, &str)] = &[
    (
        "`DPL_LAMBDA_LOG`",
        "`error`, `warn`, `info`, `debug` or `trace`: tells on standard error what the program does, without secrets. Default: nothing.",
    ),
    ("`DPL_LAMBDA_INPUT_TIMEOUT`", "Seconds that the request may take to be there. Default: 60."),
    ("`DPL_LAMBDA_CONDITION_TIMEOUT`", "Seconds that bash may take for a condition. Default: 60."),
    ("`DPL_LAMBDA_TODAY`", "For tests. The day, such as `2026-11-01`, by which runtimes are judged."),
    ("`DPL_LAMBDA_CONDITIONS`", "For tests. `bash`: asks bash about plain words, too."),
    ("`DPL_LAMBDA_FAULT`", "For tests. `panic`, `panic-in-thread` or `panic-by-hand`: shows how a bug is told."),
];

const JOBS_VARIABLES: &[(&str, &str)] = &[
    ("`TRAVIS_BRANCH`, `TRAVIS_PULL_REQUEST`, `TRAVIS_TAG`, `TRAVIS_REPO_SLUG`, ...", "What conditions are judged by."),
    (
        "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`",
        "Who acts, where the stanza does not say it.",
    ),
    ("`AWS_REGION`, `AWS_DEFAULT_REGION`", "Where, if the stanza has no `region`. Default: `us-east-1`."),
    ("`AWS_`*OPTION*, `LAMBDA_`*OPTION*", "An option of dpl's, in capitals, that the stanza does not name."),
    (
        "`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`",
        "Who is asked instead of AWS.",
    ),
    ("`AWS_CA_BUNDLE`", "A file with the certificates to trust (PEM), instead of the system's."),
    ("`HTTPS_PROXY`, `NO_PROXY`", "The proxy for AWS, and for whom there is none."),
    ("`PATH`", "Where bash and git are looked for. Default: `/usr/local/bin:/usr/bin:/bin`."),
    ("`TMPDIR`", "Where the archive is while it is made, if it is larger than 4 MiB. Default: `/tmp`."),
];

const FILES: &[(&str, &str)] = &[
    (
        "`~/.aws/config`, `~/.aws/credentials`",
        "The job's profiles. `HOME` is the job's, too; `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name other files.",
    ),
    ("`.lambdaignore`", "In a directory that is packaged: patterns, as in a `.gitignore` file, of what stays out."),
    ("`/etc/ssl/certs`", "The certificates to trust. A container needs them, or `AWS_CA_BUNDLE`."),
    ("`/etc/resolv.conf`, `/etc/hosts`", "How names become addresses. A container needs the first to reach AWS."),
];

/// Each is run by a test, with a function's code in `dist`.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "A plan by hand. Without `env` in it the request is judged by the environment of the shell, which has the keys, too:",
        r#"$ export TRAVIS_BRANCH=master
$ echo '{"function_name": "hello", "runtime": "nodejs22.x", "handler_name": "handler", "zip": "dist",
         "role": "arn:aws:iam::123456789012:role/run"}' > stanza.json
$ dpl-lambda plan < stanza.json | jq -r .message"#,
    ),
    ("The same, deployed:", "$ dpl-lambda < stanza.json | jq -r .message"),
    (
        "As a runner does it, with a job's environment and nothing else:",
        "$ jq '. + {protocol: 1, env: env}' stanza.json | dpl-lambda deploy",
    ),
    ("The archive alone, to look into it:", "$ dpl-lambda package --output hello.zip < stanza.json | jq -r .message"),
    ("Completions for this shell, if it is bash:", r#"$ source <(dpl-lambda completions bash)"#),
];

const SEE_ALSO: &[&str] =
    &["The README, with all that a stanza can say; `dpl-lambda schema event`, for who reads events."];

/// A command as it is typed.
fn usage(command: &Command) -> String {
    let mut usage = format!("`{}`", command.get_name());
    for argument in own(command) {
        let words = flags(argument);
        let _ = if argument.is_required_set() { write!(usage, " {words}") } else { write!(usage, " [{words}]") };
    }
    usage
}

/// The arguments that a command has for itself; those of all commands stand among the options.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| argument.get_id() != "help" && !argument.is_global_set())
}

/// What a command does, and what its arguments mean.
fn description(command: &Command) -> String {
    let mut text = command.get_about().map(ToString::to_string).unwrap_or_default();
    text += ".";
    for argument in own(command) {
        for value in argument.get_possible_values() {
            if let Some(help) = value.get_help() {
                let _ = write!(text, " `{}`: {help}.", value.get_name());
            }
        }
    }
    text
}

/// An argument as it is typed: `-h`, `--help`, `--output FILE`, `stanza|request`.
fn flags(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}`"));
    let mut words = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if argument.get_action().takes_values() {
        let values: Vec<String> =
            argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let names: Vec<String> =
            argument.get_value_names().unwrap_or_default().iter().map(|name| format!("*{name}*")).collect();
        let space = if words.is_empty() { "" } else { " " };
        let _ = write!(words, "{space}{}", if values.is_empty() { names.join(" ") } else { values.join(" | ") });
    }
    words
}

/// Tags and meanings, as the schema tells them.
fn events(schema: &Value) -> Vec<(String, String)> {
    let variants = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    variants
        .iter()
        .map(|variant| (text(&variant["properties"]["event"]["const"]), text(&variant["description"])))
        .collect()
}

/// A page in the making. Texts have two marks: backticks around what is typed, stars around what stands for something else.
struct Page {
    text: String,
}

impl Page {
    fn titled(name: &str, source: &str) -> Self {
        // The date stays empty: the same program prints the same page on every day. Words stay whole, and their distances even: names of
        // variables are to be copied.
        Page {
            text: format!(".TH {} 1 \"\" \"{source}\" \"User commands\"\n.nh\n.ad l\n", escape(&name.to_uppercase())),
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
        // A line that begins with one of these would be a request.
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

    /// Lines as they are.
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

/// Text that roff shows as it is, to be copied as it is.
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
