//! Generates the manual page (roff, for `man`) from the command line definition and the schema of events.
//! Never repeats a text that those two contain.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde_json::Value;

use super::arguments::Arguments;
use crate::protocol::schema;

/// The manual page as roff, for `man -l` and `groff -man`.
pub(crate) fn page() -> String {
    let program = Arguments::command();
    let mut commands: Vec<Command> = program.get_subcommands().map(on_its_own).collect();
    let mut page = Page::default();
    // The date is empty, so that the page is the same on every day. No hyphenation and no justification, so
    // that names of variables can be copied.
    let version = concat!("dpl-lambda ", env!("CARGO_PKG_VERSION"));
    page.line("TH", &[r"DPL\-LAMBDA", "1", "\"\"", version, "User commands"]);
    page.line("nh", &[]);
    page.line("ad", &["l"]);
    page.section("NAME");
    page.text(&format!("dpl-lambda - {}", about(&program)));
    page.section("SYNOPSIS");
    for command in &mut commands {
        let usage = command.render_usage().to_string();
        page.text(&format!("`{}`", usage.trim_start_matches("Usage: ")));
        page.line("br", &[]);
    }
    page.text("`dpl-lambda --help | --version`");
    page.line("PP", &[]);
    page.text(
        "`deploy`, `plan`, `check`, `rollback`, `package` and `policy` also accept the standalone options.",
    );
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.section("COMMANDS");
    for command in commands {
        page.line("SS", &[command.get_name()]);
        page.text(&format!("{}.", about(&command)));
        page.options(command);
    }
    page.section("OPTIONS");
    page.options(program.mut_args(|option| option.help_heading(None::<&'static str>)));
    page.section("REQUEST");
    page.paragraphs(REQUEST);
    page.section("EVENTS");
    page.text(
        "Each line of standard output is a JSON object. Its `event` is one of these tags, and its `message` \
         is one line of text for people:",
    );
    for (tag, meaning) in events(&schema::event()) {
        page.item(&format!("`{tag}`"), &meaning);
    }
    page.section("EXIT STATUS");
    page.items(EXIT_STATUS);
    page.section("ENVIRONMENT");
    page.text("Variables of the process, never of the job:");
    page.items(RUNNERS_VARIABLES);
    page.paragraphs(
        "Variables of the job (`env` of the request, or the process environment if there is none):",
    );
    page.items(JOBS_VARIABLES);
    page.section("FILES");
    page.items(FILES);
    page.section("EXAMPLES");
    for (text, code) in EXAMPLES {
        page.paragraphs(text);
        page.code(code);
    }
    page.section("SEE ALSO");
    page.text("`bash`(1), `git`(1), `gitignore`(5), `jq`(1)");
    page.paragraphs(SEE_ALSO);
    page.finish()
}

const DESCRIPTION: &str = "\
`dpl-lambda` reads a stanza, evaluates its conditions as Travis CI does, and deploys the function that it
  describes. It builds reproducible archives, changes only what differs at AWS, and finishes when the function
  is live.
In a terminal or in a script of any CI, `--stanza` or `--travis-yml` names the file with the stanza. A CI
  runner passes the stanza without a file: it starts `dpl-lambda` in the build directory, writes one JSON
  object to its standard input, closes standard input, reads lines from standard output until its end, and
  uses the exit status.
Running the same request again is safe: completed steps are not repeated, and an interrupted deployment
  continues.";

const REQUEST: &str = "\
The object on standard input is the stanza under `deploy:` of a `.travis.yml`, as JSON, with two keys of the
  CI runner. `protocol` is 1, which is also the default. `env`, an object of strings, is the complete
  environment of the job. If `env` is given, the job never uses the environment, the `~/.aws` files or the AWS
  identity of the `dpl-lambda` process.
In place of the stanza, the object can have `stanzas`, a list of stanzas. They are run in order until one
  fails. Those with the same `release` are deployed together.
The object can also have `plan`, an approved plan: `deploy` does exactly that, or fails before it changes
  anything.
If `env` is absent, the job has the environment of the process, and `dpl-lambda` detects the build from the
  variables of the CI. A pull request is never deployed. The build counts as one, unless these variables say
  that it is not a pull request, `--ci none` is given, or there is no CI and standard output or standard error
  is a terminal.
`on` contains the conditions. Without `on`, a stanza is deployed only if `TRAVIS_BRANCH` of the job is
  `master`.";

const EXIT_STATUS: &str = "\
`0`: The outcome in `finished` is `deployed`, `unchanged`, `planned`, `checked`, `packaged` or `skipped`, or
  it is `failed` and the stanza sets `allow_failure`. For commands without events: the document was printed.
`1`: The outcome is `failed`, after the first request to AWS or after the start of the stanza's first command;
  or standard output was closed. `changed` in `finished` lists the steps that took effect.
`2`: The outcome is `failed`, before the first request to AWS and before the stanza's first command: nothing
  was changed. For commands without events: the document could not be printed; standard error says why.
`3`: Only with `plan --exit-code`: the outcome is `planned`, and the plan changes something.
`130`, `143`: The outcome is `failed` with code `cancelled`, at most 5 seconds after SIGINT or SIGTERM. After
  another signal, the exit status is 128 plus its number.";

const RUNNERS_VARIABLES: &str = "\
`DPL_LAMBDA_LOG`: Log level: `error`, `warn`, `info`, `debug` or `trace`. The log goes to standard error and
  contains no secrets. Default: no log.
`DPL_LAMBDA_INPUT_TIMEOUT`: Time limit for reading the request, or a pipe given as `--stanza`,
  `--travis-yml` or `--plan`, in seconds. Default: 60.
`DPL_LAMBDA_CONDITION_TIMEOUT`: Time limit for bash to evaluate a condition, in seconds. Default: 60.
`PLUGIN_<SETTING>`: With the command `plugin`: a setting of the CI step. `PLUGIN_FUNCTION_NAME` is
  `function_name` of the stanza, and `PLUGIN_COMMAND` is `deploy` (the default), `plan`, `check` or
  `rollback`. The options of the command line are settings, too, such as `PLUGIN_REQUIRE_DEPLOY`.
`DPL_LAMBDA_TODAY`: For tests. The date at which runtimes are checked for deprecation, such as `2026-11-01`.
`DPL_LAMBDA_CONDITIONS`: For tests. `bash`: evaluates every condition with bash, even a plain word.
`DPL_LAMBDA_FAULT`: For tests. `panic`, `panic-in-thread` or `panic-standalone`: causes a panic, to show how a
  bug is reported.";

const JOBS_VARIABLES: &str = "\
`TRAVIS_BRANCH`, `TRAVIS_PULL_REQUEST`, `TRAVIS_TAG`, `TRAVIS_REPO_SLUG`, ...: Branch, pull request, tag and
  repository of the build, for the conditions.
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_ROLE_ARN`,
  `AWS_WEB_IDENTITY_TOKEN_FILE`: The credentials, if the stanza has none.
`AWS_REGION`, `AWS_DEFAULT_REGION`: The region, if the stanza has no `region`. Default: `us-east-1`.
`AWS_<OPTION>`, `LAMBDA_<OPTION>`: The value of an option of dpl that the stanza does not set. `<OPTION>` is
  its name in capitals, as in `AWS_TIMEOUT`.
`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`,
  `AWS_ENDPOINT_URL_CLOUDWATCH`, `AWS_ENDPOINT_URL_CODEDEPLOY`: Endpoints to use instead of AWS.
`AWS_CA_BUNDLE`: A file with the trusted certificates (PEM), used instead of those of the system.
`HTTPS_PROXY`, `NO_PROXY`: The proxy for requests to AWS, and the hosts to reach without it.
`PATH`: The search path for bash and git. Default: `/usr/local/bin:/usr/bin:/bin`.
`TMPDIR`: The directory in which an archive larger than 4 MiB is built. Default: `/tmp`.";

const FILES: &str = "\
`~/.aws/config`, `~/.aws/credentials`: The job's profiles, under the job's `HOME`. `AWS_CONFIG_FILE` and
  `AWS_SHARED_CREDENTIALS_FILE` name other files.
`.lambdaignore`: In a packaged directory: patterns, as in a `.gitignore` file, of files to leave out.
`/etc/ssl/certs`: The trusted certificates. A container needs them, or `AWS_CA_BUNDLE`.
`/etc/resolv.conf`, `/etc/hosts`: Name resolution. A container needs the first one to reach AWS.";

/// A test runs all of them in order, with a function's code in `dist`.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "Show the plan for the stanza in a file. The environment of the shell is that of the job, including \
         the AWS credentials:",
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
    (
        "Write the plan to a file, and later do exactly that plan, or fail before anything is changed:",
        r#"$ dpl-lambda plan --stanza stanza.json --out plan.json
$ dpl-lambda deploy --stanza stanza.json --plan plan.json"#,
    ),
    ("Build only the archive:", "$ dpl-lambda package --output hello.zip --stanza stanza.json"),
    ("Load completions into bash:", r#"$ source <(dpl-lambda completions bash)"#),
];

const SEE_ALSO: &str = "\
The release and the repository contain `docs/options.md`, which describes every option of a stanza, and
  `docs/errors.md`, which describes every error and warning. `dpl-lambda schema event` describes the events in
  detail.";

/// A command without the options of all commands, which are listed once.
fn on_its_own(command: &Command) -> Command {
    command.clone().bin_name(format!("dpl-lambda {}", command.get_name())).disable_help_flag(true)
}

/// The short description of a command.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
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

/// Builds the page. In texts, backticks surround literal text.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, request: &str, arguments: &[&str]) {
        self.0 += &Roff::new().control(request, arguments.iter().copied()).to_roff();
    }

    fn section(&mut self, title: &str) {
        self.line("SH", &[title]);
    }

    fn text(&mut self, text: &str) {
        self.0 += &Roff::new().text([roman(text)]).to_roff();
    }

    /// Paragraphs, each on a line. An indented line continues the one before.
    fn paragraphs(&mut self, texts: &str) {
        for text in texts.replace("\n  ", " ").lines() {
            self.line("PP", &[]);
            self.text(text);
        }
    }

    fn item(&mut self, what: &str, meaning: &str) {
        self.line("TP", &[]);
        self.text(what);
        self.text(meaning);
    }

    /// Items of the form `what: meaning`, in lines as for [`Self::paragraphs`].
    fn items(&mut self, items: &str) {
        for (what, meaning) in items.replace("\n  ", " ").lines().filter_map(|item| item.split_once(": ")) {
            self.item(what, meaning);
        }
    }

    /// The arguments of a command and their possible values, as clap_mangen lists them, without its heading.
    fn options(&mut self, command: Command) {
        let mut section = Vec::new();
        Man::new(command).render_options_section(&mut section).expect("a vector takes all bytes");
        let section = String::from_utf8(section).expect("names and help texts are UTF-8");
        let (_, options) = section.split_once(".SH OPTIONS\n").unwrap_or_default();
        self.0 += &options.replace(r"\*(Aq", "'");
    }

    /// Lines of code, unfilled and indented.
    fn code(&mut self, lines: &str) {
        self.line("PP", &[]);
        self.line("RS", &["4"]);
        self.line("nf", &[]);
        lines.lines().for_each(|line| self.text(line));
        self.line("fi", &[]);
        self.line("RE", &[]);
    }

    /// The page, with literal text in bold. Characters that roff would typeset as others are written so that
    /// they can be copied.
    fn finish(self) -> String {
        let (mut page, mut bold) = (String::new(), false);
        for character in self.0.chars() {
            match character {
                '`' => {
                    bold = !bold;
                    page += if bold { "\\fB" } else { "\\fR" };
                }
                '\'' => page += "\\(aq",
                '^' => page += "\\(ha",
                '~' => page += "\\(ti",
                character if character.is_ascii() => page.push(character),
                character => page += &format!("\\[u{:04X}]", u32::from(character)),
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, roff: &str) {
        let mut page = Page::default();
        page.text(text);
        assert_eq!(page.finish(), format!("{roff}\n"));
    }

    #[test]
    fn marks_become_fonts_and_everything_else_stays_what_it_is() {
        check("give `--output` FILE", "give \\fB\\-\\-output\\fR FILE");
        check("`AWS_<OPTION>`, `DPL_*`", "\\fBAWS_<OPTION>\\fR, \\fBDPL_*\\fR");
        check(".travis.yml", "\\&.travis.yml");
        check("'a' ~ \\ …", "\\&\\(aqa\\(aq \\(ti \\\\ \\[u2026]");
        check("", "");
    }

    #[test]
    fn each_command_option_and_event_is_explained() {
        let mut program = Arguments::command();
        program.build();
        for command in program.get_subcommands() {
            assert!(about(command).len() > 20, "{}", command.get_name());
        }
        for option in program.get_arguments() {
            assert!(option.get_help().is_some(), "{}", option.get_id());
        }
        let events = events(&schema::event());
        assert!(events.iter().any(|(tag, _)| tag == "finished"), "{events:?}");
        assert!(events.iter().all(|(tag, meaning)| !tag.is_empty() && !meaning.is_empty()), "{events:?}");
    }
}
