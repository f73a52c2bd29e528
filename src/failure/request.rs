//! A request or a condition that cannot be read in, the report that tells the runner or the author what is wrong out.

use std::time::Duration;

use super::{caused, of_stop, report, shortened, too_large};
use crate::conditions::{BashError, ConditionError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::prose::{dotted, size};
use crate::protocol::request::RequestError;
use crate::protocol::secret::Redactor;
use crate::protocol::wire::{MAX_REQUEST_BYTES, MAX_VALUES, WireError};

/// A request that cannot be read; `limit` is the time that it may take.
pub fn of_request(error: RequestError, limit: Duration) -> ErrorReport {
    match error {
        RequestError::Unreadable(source) if source.kind() == std::io::ErrorKind::TimedOut => {
            report(Code::RequestTimeout, format!("standard input was not closed within {} s", limit.as_secs()))
                .hint("the runner writes one JSON object to it and closes it")
        }
        RequestError::Unreadable(source) => caused(
            report(Code::BadRequest, "standard input cannot be read")
                .hint("the runner writes one JSON object to it and closes it"),
            &source,
        ),
        RequestError::TooLarge => {
            report(Code::RequestTooLarge, format!("the request is larger than {}", size(MAX_REQUEST_BYTES as u64)))
                .hint("a stanza and a job's environment are far smaller; is this the right input?")
        }
        RequestError::Wire(WireError::Syntax { detail, line, column }) => {
            report(Code::BadJson, format!("the request is not JSON: {detail} at line {line}, column {column}"))
                .hint("standard input takes one JSON object: the stanza, with the job's `env`")
        }
        RequestError::Wire(WireError::TooManyValues) => {
            report(Code::RequestTooLarge, format!("the request holds more than {MAX_VALUES} values"))
                .hint("a stanza and a job's environment are far smaller; is this the right input?")
        }
        RequestError::Wire(WireError::DuplicateKey { key, line, column }) => report(
            Code::DuplicateKey,
            format!("the key `{key}` stands twice in one object, the second time at line {line}, column {column}"),
        )
        .hint("keep one of the two"),
        RequestError::NotAnObject { kind } => report(Code::BadRequest, format!("the request is {kind}, not an object"))
            .hint("standard input takes one JSON object: the stanza, with the job's `env`"),
        RequestError::UnsupportedProtocol { given } => {
            report(Code::UnsupportedProtocol, format!("`protocol` is {given}, and this version speaks 1"))
                .at("/protocol")
                .hint("`hello` lists the protocols that a version speaks")
        }
        RequestError::BadEnv { at, detail } => report(
            Code::BadRequest,
            format!("the job's environment cannot be used at `{}`: {detail}", at.trim_start_matches('/')),
        )
        .at(at)
        .hint("`env` is a map of strings"),
    }
}

/// A condition without a verdict.
pub fn of_conditions(error: ConditionError, redactor: &Redactor) -> ErrorReport {
    match error {
        ConditionError::NotDecrypted { at } => report(
            Code::NotDecrypted,
            format!("`{}` is still encrypted: it reached us as `{{\"secure\": …}}`", dotted(&at)),
        )
        .at(at)
        .hint("the runner decrypts such values before it writes the request"),
        ConditionError::BadShape { at, kind, right } => {
            report(Code::BadCondition, format!("`{}` is {kind}; give {right}", dotted(&at))).at(at)
        }
        ConditionError::BadCondition { at, text, words } => {
            let text = shortened(&redactor.redact(&text));
            // Of a condition that computes, bash quotes the rest from where it gave up: a part of a value.
            let words = redactor.redact(words.split(" (error token").next().unwrap_or_default());
            let words = if words.is_empty() { "it ended without a verdict".to_owned() } else { words };
            report(Code::BadCondition, format!("bash cannot evaluate `[[ {text} ]]` of `{}`: {words}", dotted(&at)))
                .at(at)
                .hint("Travis CI pastes conditions into bash's [[ ]], and never deploys on one that does not parse")
        }
        ConditionError::Bash(BashError::NotFound { path }) => {
            report(Code::BashNotFound, format!("a condition needs bash, and there is none in `{path}`"))
                .at("/on")
                .hint("install bash, or use plain words, which need none")
        }
        ConditionError::Bash(BashError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        ConditionError::Bash(BashError::Unstartable(source)) => {
            let hint = "is the first `bash` on the job's `PATH` one that can be run?";
            let message = "a condition needs bash, and it cannot be started";
            caused(report(Code::BashNotFound, message).at("/on").hint(hint), &source)
        }
        ConditionError::Bash(BashError::TimedOut { limit }) => {
            report(Code::ConditionTimeout, format!("a condition did not end within {} s", limit.as_secs()))
                .at("/on")
                .hint("a condition is evaluated before every deployment; let it look only at what is there already")
        }
        ConditionError::Bash(BashError::Stopped(reason)) => of_stop(reason),
    }
}
