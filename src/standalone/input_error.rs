//! Input errors of the standalone mode, and the report that users see of each. Never shows a value of the
//! file, because any value may be a secret.

use std::io::{self, ErrorKind};

use super::encrypted::{MissingSecret, Replacement};
use super::travis_yml::{JobCondition, StanzaError};
use super::yaml::YamlError;
use crate::diagnostics;
use crate::git::GitError;
use crate::protocol::approved_plan::{LayerChangedTwice, PlanFormatError};
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::json::MAX_REQUEST_BYTES;
use crate::protocol::messages::size;
use crate::protocol::other_document::OtherDocument;
use crate::protocol::request::stanzas_of;
use crate::travis_if::InvalidCondition;

/// The reason why no child run is started. Texts about a file begin with its path, or a place in it:
/// `.travis.yml:14`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("--travis-yml and --stanza cannot be used together")]
    TwoFiles,
    #[error("--only requires --travis-yml or --stanza")]
    OnlyWithoutFile,
    #[error("--plan and --out require --travis-yml or --stanza")]
    PlanFileWithoutFile,
    #[error("cannot locate the dpl-lambda executable")]
    Program(#[source] io::Error),
    /// git does not know the build's branch, tag or commit.
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("{file}: file not found")]
    NotFound { file: String },
    #[error("{file}: this is a directory; expected a file")]
    Directory { file: String },
    #[error("{file}: cannot read the file")]
    Unreadable { file: String, source: io::Error },
    /// The file of `--result` or `--summary` cannot be written.
    #[error("{file}: cannot write to the file")]
    Unwritable { file: String, source: io::Error },
    #[error("{file}: the file is larger than {}", size(MAX_REQUEST_BYTES as u64))]
    TooLarge { file: String },
    #[error("{file}:{line}: invalid UTF-8")]
    NotUtf8 { file: String, line: usize },
    /// The file has no usable stanza, or not the one that `--only` selects.
    #[error("{}: {error}", location(.file, .error))]
    Stanza { file: String, error: StanzaError },
    #[error("{file}: found {} stanzas, but this command takes only one: {}", .there.len(), .there.join(", "))]
    SeveralStanzas {
        file: String,
        /// The stanzas: `1 is hello (line 4)`.
        there: Vec<String>,
    },
    /// A condition for a job that Travis CI cannot evaluate.
    #[error("{file}:{}: {} cannot be evaluated: {error}", .condition.line, .condition.what)]
    Condition { file: String, condition: JobCondition, error: InvalidCondition },
    /// The jobs of two stanzas of a release, on these lines, have different variables.
    #[error(
        "{file}: the stanzas on lines {first} and {second} belong to the release `{release}`, but their jobs \
         have different variables"
    )]
    DifferentVariables { file: String, release: String, first: usize, second: usize },
    /// The file is no approved plan that this version can read.
    #[error("{file}: the file {error}")]
    Plan { file: String, error: PlanFormatError },
    /// The file ends within an approved plan, or is empty.
    #[error("{file}: the plan is incomplete: the file ends too early")]
    CutPlan { file: String },
    #[error("{file}: the plan is for {}, but there {}", stanzas_of(*.planned), are(*.given))]
    OtherPlan { file: String, planned: usize, given: usize },
    /// A deployment of the approved plan would make another one outdated.
    #[error("{file}: {error}")]
    PlannedLayers { file: String, error: LayerChangedTwice },
    /// The file of `--out` exists and is something else.
    #[error("{file}: this is no plan, so it is not overwritten")]
    NotOverwritten { file: String },
    /// The file of `--out` exists and is a link, a pipe or a device.
    #[error("{file}: this is no regular file, so no plan is written to it")]
    NotRegular { file: String },
    #[error("{file}: the directory of the file does not exist")]
    NoDirectory { file: String },
    /// The settings of a plugin have these problems, at least one.
    #[error("the settings cannot be used")]
    Settings(Vec<Problem>),
    /// Values of the file, at least one, are encrypted.
    #[error("{file}: {} encrypted values are missing", .missing.len())]
    Encrypted { file: String, missing: Vec<MissingSecret> },
}

/// A number of stanzas with its verb.
fn are(number: usize) -> String {
    format!("{} {}", if number == 1 { "is" } else { "are" }, stanzas_of(number))
}

fn location(file: &str, error: &StanzaError) -> String {
    match error.position() {
        Some(position) => format!("{file}:{}:{}", position.line, position.column),
        None => file.to_owned(),
    }
}

impl InputError {
    /// Why a file cannot be read.
    pub(super) fn from_reading(file: String, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::FileTooLarge => InputError::TooLarge { file },
            ErrorKind::NotFound => InputError::NotFound { file },
            ErrorKind::IsADirectory => InputError::Directory { file },
            _ => InputError::Unreadable { file, source },
        }
    }

    /// The file and the line of each problem, such as `.travis.yml:14`. Empty: they are not on a line.
    pub(crate) fn places(&self) -> Vec<String> {
        let (file, lines) = match self {
            InputError::NotUtf8 { file, line } => (file, vec![*line]),
            InputError::Stanza { file, error } => {
                (file, error.position().map(|position| position.line).into_iter().collect())
            }
            InputError::Condition { file, condition, .. } => (file, vec![condition.line]),
            InputError::Encrypted { file, missing } => {
                (file, missing.iter().map(|missing| missing.line).collect())
            }
            InputError::TwoFiles
            | InputError::OnlyWithoutFile
            | InputError::PlanFileWithoutFile
            | InputError::Program(_)
            | InputError::Git(_)
            | InputError::NotFound { .. }
            | InputError::Directory { .. }
            | InputError::Unreadable { .. }
            | InputError::Unwritable { .. }
            | InputError::TooLarge { .. }
            | InputError::SeveralStanzas { .. }
            | InputError::DifferentVariables { .. }
            | InputError::Plan { .. }
            | InputError::CutPlan { .. }
            | InputError::OtherPlan { .. }
            | InputError::PlannedLayers { .. }
            | InputError::NotOverwritten { .. }
            | InputError::NotRegular { .. }
            | InputError::NoDirectory { .. }
            | InputError::Settings(_) => return Vec::new(),
        };
        lines.iter().map(|line| format!("{file}:{line}")).collect()
    }

    /// The report, for events and for standard error.
    pub(crate) fn into_report(self) -> ErrorReport {
        let (code, hint) = match self {
            InputError::Git(error) => return diagnostics::from_git(error),
            InputError::Settings(problems) => return ErrorReport::from_problems(problems),
            InputError::Encrypted { file, missing } => {
                let problems = missing.into_iter().map(|missing| from_encrypted(&file, missing));
                return ErrorReport::from_problems(problems.collect());
            }
            InputError::TwoFiles => (Code::BadArguments, "use only one of them"),
            InputError::OnlyWithoutFile => {
                (Code::BadArguments, "add the file, such as --travis-yml .travis.yml")
            }
            InputError::PlanFileWithoutFile => (
                Code::BadArguments,
                "add the file, such as --travis-yml .travis.yml; a runner reads the plan from `finished`, and \
                 sends it as `plan` of the request",
            ),
            InputError::Plan { .. } => (
                Code::BadArguments,
                "check that this is the file that `plan --out` of this version has written",
            ),
            InputError::CutPlan { .. } => (Code::BadJson, diagnostics::PLAN_AGAIN),
            InputError::OtherPlan { .. } => (Code::PlanOutdated, diagnostics::PLAN_AGAIN),
            InputError::PlannedLayers { .. } => (Code::PlanOutdated, diagnostics::ONE_RELEASE),
            InputError::NotOverwritten { .. } => {
                (Code::BadArguments, "use another file for the plan, or delete this one")
            }
            InputError::NotRegular { .. } => (Code::BadArguments, "use another file for the plan"),
            InputError::NoDirectory { .. } => {
                (Code::BadArguments, "create the directory, or use another file")
            }
            InputError::Program(_) => {
                (Code::SystemLimit, "mount /proc, and do not move or delete the executable while it runs")
            }
            InputError::NotFound { ref file } => (Code::BadArguments, about_missing_file(file)),
            InputError::Directory { .. } => (Code::BadArguments, "name a file in it"),
            InputError::Unreadable { .. } => {
                (Code::BadArguments, "make the file readable, or use another file")
            }
            InputError::Unwritable { .. } => {
                (Code::BadArguments, "make the file and its directory writable, or use another file")
            }
            InputError::TooLarge { .. } => (Code::RequestTooLarge, "check that this is the right file"),
            InputError::NotUtf8 { .. } => (Code::BadArguments, "save the file as UTF-8"),
            InputError::Condition { .. } => {
                (Code::BadCondition, "fix the condition; with it, Travis CI makes no build")
            }
            InputError::SeveralStanzas { .. } => (Code::BadArguments, "select one with --only"),
            InputError::DifferentVariables { .. } => (
                Code::BadArguments,
                "set each variable to the same value in both jobs, or give the stanzas different releases",
            ),
            InputError::Stanza { ref error, .. } => from_stanza(error),
        };
        diagnostics::with_cause(&self, code, hint)
    }
}

fn about_missing_file(file: &str) -> &'static str {
    if file.starts_with('~') {
        "write `$HOME` instead of `~`, which the shell has not replaced"
    } else if file.contains("://") {
        "download the file, and name the copy"
    } else {
        "check the path, and run the command in the job's directory"
    }
}

/// What to do about libyaml's message.
fn about_yaml(detail: &str) -> &'static str {
    let is = |part: &str| detail.contains(part);
    if is("cannot start any token") {
        "quote a value that begins with `%`, `@` or a backtick, and indent with spaces instead of tabs"
    } else if is("tab character") {
        "indent with spaces instead of tabs"
    } else if is("mapping values are not allowed") {
        "check the indentation, and quote a value that contains `: `"
    } else if is("unexpected end of stream") {
        "close the quote that begins here"
    } else if is("not find expected") {
        "check indentation, quotes and brackets here and in the lines before"
    } else {
        "fix the file"
    }
}

fn from_stanza(error: &StanzaError) -> (Code, &'static str) {
    let smaller = "check that this is the right file; a stanza is far smaller";
    match error {
        StanzaError::Yaml(YamlError::Syntax { detail, .. }) => (Code::BadArguments, about_yaml(detail)),
        StanzaError::Yaml(YamlError::DuplicateKey { .. }) => (Code::DuplicateKey, diagnostics::KEEP_ONE),
        StanzaError::Yaml(YamlError::Tag { .. }) => {
            (Code::BadArguments, "quote the value, or remove the tag")
        }
        StanzaError::Yaml(YamlError::TooDeep { .. }) => {
            (Code::BadArguments, "reduce the nesting; a stanza has about four levels")
        }
        StanzaError::Yaml(YamlError::TooLarge) => (Code::RequestTooLarge, smaller),
        StanzaError::Json(error) => {
            diagnostics::about_json(error, "fix the file, or rename it to `.yml` if it is YAML", smaller)
        }
        StanzaError::NotAMap { kind: "a list" } => {
            (Code::BadArguments, "use --stanza if it is a list of stanzas, or write the list under `deploy`")
        }
        StanzaError::NotAMap { kind: "empty" } => (Code::BadArguments, "check that this is the right file"),
        StanzaError::NotAMap { .. } | StanzaError::NotAStanza { .. } => (
            Code::BadArguments,
            "check that this is the right file; a stanza has lines such as `function_name: hello`",
        ),
        StanzaError::OtherDocument { document: OtherDocument::TravisYml, .. } => {
            (Code::BadArguments, "use --travis-yml instead of --stanza")
        }
        StanzaError::OtherDocument { document, .. } => {
            (Code::BadArguments, diagnostics::hint_for_document(document))
        }
        StanzaError::None { providers } if providers.is_empty() => {
            (Code::WrongProvider, "use --stanza if the file contains stanzas and nothing else")
        }
        StanzaError::None { .. } => (Code::WrongProvider, "check that this is the right file"),
        StanzaError::Ambiguous { several: true, .. } => (Code::BadArguments, "select one by its number"),
        StanzaError::Ambiguous { several: false, .. } => {
            (Code::BadArguments, "use a number or a function name from this list")
        }
    }
}

fn from_encrypted(file: &str, missing: MissingSecret) -> Problem {
    let MissingSecret { line, at, replacement } = missing;
    let name = at.trim_start_matches('/').replace('/', ".");
    Problem {
        code: Code::NotDecrypted,
        message: format!("{file}:{line}: `{name}` is encrypted; only Travis CI can decrypt it"),
        at: Some(at),
        hint: Some(replacement.hint()),
    }
}

impl Replacement {
    pub(super) fn hint(&self) -> String {
        match self {
            Replacement::Credentials => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment; or \
                 replace the keys by `role_to_assume` with `web_identity_token_env`"
                    .to_owned()
            }
            Replacement::Variable(variable) => format!("set {variable} in the environment"),
            Replacement::Reference { name, variable } => {
                format!("write `{name}: ${variable}` instead, and set {variable} in the environment")
            }
            Replacement::Assignment => {
                "write `NAME=$NAME` instead, and set NAME in the environment".to_owned()
            }
            Replacement::Nothing(name) => {
                format!("remove `{name}`, which is not an option of a lambda stanza")
            }
        }
    }
}
