//! Input errors of the standalone mode: turns a problem with the options or the file into the report that
//! users see. Never shows a value of the file, because any value may be a secret.

use std::io;

use super::encrypted::MissingSecret;
use super::travis_yml::{JobCondition, LocatedStanza, StanzaError};
use super::yaml::YamlError;
use crate::diagnostics;
use crate::git::GitError;
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::json::{MAX_REQUEST_BYTES, MAX_VALUES, WireError};
use crate::protocol::messages::size;
use crate::travis_if::InvalidCondition;

/// The reason why no child run is started. Messages about a file begin with the location: `.travis.yml:14`.
#[derive(Debug)]
pub struct InputError(ErrorReport);

impl InputError {
    fn new(code: Code, place: &str, message: &str, hint: &str) -> Self {
        InputError(ErrorReport::new(code, format!("{place}: {message}")).hint(hint))
    }

    /// Command line options that cannot be combined.
    pub fn from_arguments(message: &str, hint: &str) -> Self {
        InputError(ErrorReport::new(Code::BadArguments, message).hint(hint))
    }

    /// The path of this program's executable cannot be determined.
    pub fn from_program(error: &io::Error) -> Self {
        InputError(diagnostics::from_no_program(error))
    }

    /// git does not know the build's branch, tag or commit.
    pub(super) fn from_git(error: GitError) -> Self {
        InputError(diagnostics::from_git(error))
    }

    /// Lines for standard error: one for each problem, with its hint.
    pub fn lines(&self) -> Vec<String> {
        let line = |message: &str, hint: &Option<String>| match hint {
            Some(hint) => format!("{message}; {hint}"),
            None => message.to_owned(),
        };
        match self.0.problems.as_slice() {
            [] => vec![line(&self.0.message, &self.0.hint)],
            problems => problems.iter().map(|problem| line(&problem.message, &problem.hint)).collect(),
        }
    }

    /// The report for JSON events.
    pub fn into_report(self) -> ErrorReport {
        self.0
    }

    /// Several stanzas for a command that writes one archive or prints one document.
    pub(super) fn from_one_archive(file: &str, stanzas: &[LocatedStanza]) -> Self {
        let there: Vec<_> =
            stanzas.iter().enumerate().map(|(at, one)| format!("{} is {}", at + 1, one.title())).collect();
        let message =
            format!("found {} stanzas, but this command takes only one: {}", stanzas.len(), there.join(", "));
        InputError::new(Code::BadArguments, file, &message, "select one with --only")
    }

    /// A file that does not exist or cannot be read.
    pub(super) fn from_file(file: &str, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path, and run the command in the job's directory",
            _ => "make the file readable, or use another file",
        };
        let message = match error.kind() {
            io::ErrorKind::NotFound => "file not found".to_owned(),
            _ => format!("cannot read the file: {error}"),
        };
        InputError::new(Code::BadArguments, file, &message, hint)
    }

    /// A file that is larger than a request may be.
    pub(super) fn from_size(file: &str) -> Self {
        let most = size(MAX_REQUEST_BYTES as u64);
        let message = format!("the file is larger than {most}");
        InputError::new(Code::RequestTooLarge, file, &message, "check that this is the right file")
    }

    /// A file that is not UTF-8.
    pub(super) fn from_encoding(file: &str, line: usize) -> Self {
        InputError::new(
            Code::BadArguments,
            &format!("{file}:{line}"),
            "invalid UTF-8",
            "save the file as UTF-8",
        )
    }

    /// A file without a usable stanza, or without the one that `--only` selects.
    pub(super) fn from_stanza(file: &str, error: StanzaError) -> Self {
        let at = |line: usize, column: usize| format!("{file}:{line}:{column}");
        let too_large = || {
            let message = format!(
                "the file contains more than {MAX_VALUES} values or {}, counting the values that aliases refer to",
                size(MAX_REQUEST_BYTES as u64)
            );
            InputError::new(
                Code::RequestTooLarge,
                file,
                &message,
                "check that this is the right file; a stanza is far smaller",
            )
        };
        match error {
            StanzaError::Yaml(YamlError::Syntax { detail, place }) => InputError::new(
                Code::BadArguments,
                &at(place.line, place.column),
                &format!("invalid YAML: {detail}"),
                "fix the file",
            ),
            StanzaError::Yaml(YamlError::DuplicateKey { key, first, second }) => InputError::new(
                Code::DuplicateKey,
                &at(second.line, second.column),
                &format!("duplicate key `{key}` (first defined on line {})", first.line),
                "keep one of the two",
            ),
            StanzaError::Yaml(YamlError::Tag { place }) => InputError::new(
                Code::BadArguments,
                &at(place.line, place.column),
                "this value has a YAML tag (it begins with `!`), which a stanza cannot contain",
                "quote the value, or remove the tag",
            ),
            StanzaError::Yaml(YamlError::TooDeep { place }) => InputError::new(
                Code::BadArguments,
                &at(place.line, place.column),
                "the nesting is too deep",
                "reduce the nesting; a stanza has about four levels",
            ),
            StanzaError::Yaml(YamlError::TooLarge) | StanzaError::Json(WireError::TooManyValues) => {
                too_large()
            }
            StanzaError::Json(WireError::Syntax { detail, line, column }) => InputError::new(
                Code::BadJson,
                &at(line, column),
                &format!("invalid JSON: {detail}"),
                "fix the file, or rename it to `.yml` if it is YAML",
            ),
            StanzaError::Json(WireError::DuplicateKey { key, line, column }) => InputError::new(
                Code::DuplicateKey,
                &at(line, column),
                &format!("duplicate key `{key}`"),
                "keep one of the two",
            ),
            StanzaError::NotAMap { kind } => {
                let message = format!("the file is {kind}; expected a map");
                InputError::new(Code::BadArguments, file, &message, "check that this is the right file")
            }
            StanzaError::None { providers } if providers.is_empty() => InputError::new(
                Code::WrongProvider,
                file,
                "the file has no `deploy` with `provider: lambda`",
                "use --stanza if the file contains a single stanza and nothing else",
            ),
            StanzaError::None { providers } => InputError::new(
                Code::WrongProvider,
                file,
                &format!("the file has no `deploy` with `provider: lambda`, only {}", providers.join(", ")),
                "check that this is the right file",
            ),
            StanzaError::Ambiguous { only, there, several } => {
                let found = if several { "several stanzas match" } else { "no stanza matches" };
                let hint = if several {
                    "select one by its number"
                } else {
                    "use a number or a function name from this list"
                };
                let message = format!("{found} `{only}`; {}", there.join(", "));
                InputError::new(Code::BadArguments, file, &message, hint)
            }
        }
    }

    /// A condition for a job that Travis CI cannot evaluate.
    pub(super) fn from_condition(file: &str, condition: &JobCondition, error: &InvalidCondition) -> Self {
        InputError::new(
            Code::BadCondition,
            &format!("{file}:{}", condition.line),
            &format!("{} cannot be evaluated: {error}", condition.what),
            "fix the condition; with it, Travis CI makes no build",
        )
    }

    /// Encrypted values, all of them in one report. `missing` must not be empty.
    pub(super) fn from_encrypted(file: &str, missing: &[(&LocatedStanza, Vec<MissingSecret>)]) -> Self {
        let mut problems = Vec::new();
        for (located, missing) in missing {
            for MissingSecret { at, hint } in missing {
                let name = at.trim_start_matches('/').replace('/', ".");
                let message = format!(
                    "{file}:{}: `{name}` is encrypted; only Travis CI can decrypt it",
                    located.line_of(at)
                );
                problems.push(Problem {
                    code: Code::NotDecrypted,
                    message,
                    at: Some(at.clone()),
                    hint: Some(hint.clone()),
                });
            }
        }
        InputError(ErrorReport::from_problems(problems))
    }
}
