//! Turns a [`RequestError`] or [`ConditionError`] into the report that the author of the runner or of the
//! stanza reads.

use std::time::Duration;

use super::{caused, from_stop, report, shortened, too_large};
use crate::conditions::{BashError, ConditionError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::json::{MAX_REQUEST_BYTES, MAX_VALUES, WireError};
use crate::protocol::messages::{dotted, size};
use crate::protocol::request::RequestError;
use crate::protocol::secret::Redactor;

/// Reports a request that cannot be read. `limit` is the time within which it must arrive.
pub fn from_request(error: RequestError, limit: Duration) -> ErrorReport {
    match error {
        RequestError::Unreadable(source) if source.kind() == std::io::ErrorKind::TimedOut => report(
            Code::RequestTimeout,
            format!("standard input was not closed within {} s", limit.as_secs()),
        )
        .hint("write one JSON object to standard input, then close it"),
        RequestError::Unreadable(source) => caused(
            report(Code::BadRequest, "standard input cannot be read")
                .hint("write one JSON object to standard input, then close it"),
            &source,
        ),
        RequestError::TooLarge => report(
            Code::RequestTooLarge,
            format!("the request is larger than {}", size(MAX_REQUEST_BYTES as u64)),
        )
        .hint("check that this is the right input: a stanza and a job's environment are far smaller"),
        RequestError::Wire(WireError::Syntax { detail, line, column }) => report(
            Code::BadJson,
            format!("the request is not JSON: {detail} at line {line}, column {column}"),
        )
        .hint("write one JSON object to standard input: the stanza, with the job's `env`"),
        RequestError::Wire(WireError::TooManyValues) => {
            report(Code::RequestTooLarge, format!("the request contains more than {MAX_VALUES} values"))
                .hint("check that this is the right input: a stanza and a job's environment are far smaller")
        }
        RequestError::Wire(WireError::DuplicateKey { key, line, column }) => {
            report(Code::DuplicateKey, format!("duplicate key `{key}` at line {line}, column {column}"))
                .hint("keep one of the two")
        }
        RequestError::NotAnObject { kind } => {
            report(Code::BadRequest, format!("the request is {kind}; expected an object"))
                .hint("write one JSON object to standard input: the stanza, with the job's `env`")
        }
        RequestError::UnsupportedProtocol { given } => report(
            Code::UnsupportedProtocol,
            format!("`protocol` is {given}, but this version supports only 1"),
        )
        .at("/protocol")
        .hint("use a protocol that the `hello` event lists"),
        RequestError::BadEnv { at, detail } => {
            report(Code::BadRequest, format!("`{}` {detail}", dotted(&at)))
                .at(at)
                .hint("make `env` a map of strings")
        }
    }
}

/// Reports a condition that could not be evaluated.
pub fn from_conditions(error: ConditionError, redactor: &Redactor) -> ErrorReport {
    match error {
        ConditionError::NotDecrypted { at } => report(
            Code::NotDecrypted,
            format!("`{}` is still encrypted: its value is `{{\"secure\": …}}`", dotted(&at)),
        )
        .at(at)
        .hint("let the runner decrypt such values before it writes the request"),
        ConditionError::BadShape { at, kind, right } => {
            report(Code::BadCondition, format!("`{}` is {kind}; expected {right}", dotted(&at))).at(at)
        }
        ConditionError::BadCondition { at, text, error_text } => {
            let text = shortened(&redactor.redact(&text));
            // For an arithmetic condition bash appends the rest of the expression, which may be a part of a
            // secret value.
            let error_text = redactor.redact(error_text.split(" (error token").next().unwrap_or_default());
            let error_text =
                if error_text.is_empty() { "bash exited without a result".to_owned() } else { error_text };
            report(
                Code::BadCondition,
                format!("bash cannot evaluate `[[ {text} ]]` of `{}`: {error_text}", dotted(&at)),
            )
            .at(at)
            .hint("fix the condition: Travis CI puts it into bash's [[ ]], and never deploys if bash cannot parse it")
        }
        ConditionError::Bash(BashError::NotFound { path }) => report(
            Code::BashNotFound,
            format!("a condition needs bash, which is not on the job's `PATH` (`{path}`)"),
        )
        .at("/on")
        .hint("install bash, or use plain words in the conditions, which need no bash"),
        ConditionError::Bash(BashError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        ConditionError::Bash(BashError::Unstartable(source)) => {
            let hint = "make the first `bash` on the job's `PATH` executable";
            let message = "a condition needs bash, which cannot be started";
            caused(report(Code::BashNotFound, message).at("/on").hint(hint), &source)
        }
        ConditionError::Bash(BashError::TimedOut { limit }) => report(
            Code::ConditionTimeout,
            format!("the evaluation of a condition did not finish within {} s", limit.as_secs()),
        )
        .at("/on")
        .hint("remove waiting and downloads from the condition: it is evaluated before every deployment"),
        ConditionError::Bash(BashError::Cancelled(reason)) => from_stop(reason),
    }
}
