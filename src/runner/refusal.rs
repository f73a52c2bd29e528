//! What is wrong with a file in, the report of it out: every sentence of a run by hand that does not begin.
//! Never shows a value of the file: any of them may be a secret.

use std::io;

use super::secure::Missing;
use super::travis_yml::{StanzaError, Written};
use super::yaml::YamlError;
use crate::failure;
use crate::git::GitError;
use crate::protocol::error::{Code, ErrorReport, Problem};
use crate::protocol::prose::size;
use crate::protocol::wire::{MAX_REQUEST_BYTES, MAX_VALUES, WireError};

/// Why nothing is run. Its sentences begin with the place in the file: `.travis.yml:14`.
#[derive(Debug)]
pub struct Refusal(ErrorReport);

impl Refusal {
    fn new(code: Code, place: &str, message: &str, hint: &str) -> Self {
        Refusal(ErrorReport::new(code, format!("{place}: {message}")).hint(hint))
    }

    /// Options that do not go together.
    pub fn of_arguments(message: &str, hint: &str) -> Self {
        Refusal(ErrorReport::new(Code::BadArguments, message).hint(hint))
    }

    /// The build's branch, tag or commit, which git cannot tell.
    /// This program does not find itself.
    pub fn of_program(error: &io::Error) -> Self {
        Refusal(failure::of_no_program(error))
    }

    pub(super) fn of_git(error: GitError) -> Self {
        Refusal(failure::of_git(error))
    }

    /// Lines for standard error: one for each thing that is wrong, with what to do.
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

    /// The same for programs.
    pub fn into_report(self) -> ErrorReport {
        self.0
    }

    /// Several stanzas, and one file for the archive.
    pub(super) fn of_one_archive(file: &str, stanzas: &[Written]) -> Self {
        let there: Vec<_> =
            stanzas.iter().enumerate().map(|(at, one)| format!("{} is {}", at + 1, one.title())).collect();
        let message =
            format!("there are {} stanzas, and one archive is asked for: {}", stanzas.len(), there.join(", "));
        Refusal::new(Code::BadArguments, file, &message, "say which one with --only")
    }

    /// A file that cannot be read at all.
    pub(super) fn of_file(file: &str, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "is this the directory in which the job runs?",
            _ => "give a file that can be read",
        };
        let said = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("it cannot be read: {error}"),
        };
        Refusal::new(Code::BadArguments, file, &said, hint)
    }

    /// A file that is larger than any that people write.
    pub(super) fn of_size(file: &str) -> Self {
        let most = size(MAX_REQUEST_BYTES as u64);
        Refusal::new(Code::RequestTooLarge, file, &format!("it is larger than {most}"), "is this the right file?")
    }

    /// A file that is not UTF-8.
    pub(super) fn of_encoding(file: &str, line: usize) -> Self {
        Refusal::new(Code::BadArguments, &format!("{file}:{line}"), "this is not UTF-8", "save the file as UTF-8")
    }

    /// A file without the stanza.
    pub(super) fn of_stanza(file: &str, error: StanzaError) -> Self {
        let at = |line: usize, column: usize| format!("{file}:{line}:{column}");
        let too_large = || {
            let said = format!(
                "it holds more than {MAX_VALUES} values, or {}, aliases resolved",
                size(MAX_REQUEST_BYTES as u64)
            );
            Refusal::new(Code::RequestTooLarge, file, &said, "a stanza is far smaller; is this the right file?")
        };
        match error {
            StanzaError::Yaml(YamlError::Syntax { detail, place }) => Refusal::new(
                Code::BadArguments,
                &at(place.line, place.column),
                &format!("this is not YAML: {detail}"),
                "correct the file",
            ),
            StanzaError::Yaml(YamlError::DuplicateKey { key, first, second }) => Refusal::new(
                Code::DuplicateKey,
                &at(second.line, second.column),
                &format!("the key `{key}` stands twice in one map, first in line {}", first.line),
                "keep one of the two",
            ),
            StanzaError::Yaml(YamlError::Tag { place }) => Refusal::new(
                Code::BadArguments,
                &at(place.line, place.column),
                "a value begins with `!`, which stands for something that a stanza cannot hold",
                "put the value into quotes, or write it without a tag",
            ),
            StanzaError::Yaml(YamlError::TooDeep { place }) => Refusal::new(
                Code::BadArguments,
                &at(place.line, place.column),
                "this is nested too deeply",
                "a stanza has some four levels",
            ),
            StanzaError::Yaml(YamlError::TooLarge) | StanzaError::Json(WireError::TooManyValues) => too_large(),
            StanzaError::Json(WireError::Syntax { detail, line, column }) => Refusal::new(
                Code::BadJson,
                &at(line, column),
                &format!("this is not JSON: {detail}"),
                "correct the file, or name it `.yml` if it is YAML",
            ),
            StanzaError::Json(WireError::DuplicateKey { key, line, column }) => Refusal::new(
                Code::DuplicateKey,
                &at(line, column),
                &format!("the key `{key}` stands twice in one object"),
                "keep one of the two",
            ),
            StanzaError::NotAMap { kind } => {
                Refusal::new(Code::BadArguments, file, &format!("it is {kind}, not a map"), "is this the right file?")
            }
            StanzaError::None { providers } if providers.is_empty() => Refusal::new(
                Code::WrongProvider,
                file,
                "it has no `deploy` with `provider: lambda`",
                "a file that is one stanza goes by --stanza",
            ),
            StanzaError::None { providers } => Refusal::new(
                Code::WrongProvider,
                file,
                &format!("it has no `deploy` with `provider: lambda`, only {}", providers.join(", ")),
                "is this the right file?",
            ),
            StanzaError::Ambiguous { only, there, several } => {
                let found = if several { "several stanzas are called" } else { "no stanza is" };
                let hint = if several { "say which one by its number" } else { "give a number or a function's name" };
                let message = format!("{found} `{only}`: {}", there.join(", "));
                Refusal::new(Code::BadArguments, file, &message, hint)
            }
        }
    }

    /// Encrypted values, all of them at once. `missing` must not be empty.
    pub(super) fn of_encrypted(file: &str, missing: &[(&Written, Vec<Missing>)]) -> Self {
        let mut problems = Vec::new();
        for (written, missing) in missing {
            for Missing { at, hint } in missing {
                let name = at.trim_start_matches('/').replace('/', ".");
                let message =
                    format!("{file}:{}: `{name}` is encrypted, and only Travis CI can decrypt it", written.line_of(at));
                problems.push(Problem {
                    code: Code::NotDecrypted,
                    message,
                    at: Some(at.clone()),
                    hint: Some(hint.clone()),
                });
            }
        }
        Refusal(ErrorReport::of_problems(problems))
    }
}
