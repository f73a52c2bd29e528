//! Turns a [`RequestError`] or [`ConditionError`] into the report that the author of the runner or of the
//! stanza reads.

use std::time::Duration;

use super::plan::PLAN_AGAIN;
use super::{caused, from_stop, report, shortened, too_large};
use crate::conditions::{BashError, ConditionError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::json::{EMPTY, WireError, pointer};
use crate::protocol::other_document::OtherDocument;
use crate::protocol::request::{MAX_STANZAS, RequestError};
use crate::protocol::secret::Redactor;

/// Reports a request that cannot be read. `limit` is the time within which it must arrive.
pub(crate) fn from_request(error: RequestError, limit: Duration) -> ErrorReport {
    let text = error.to_string();
    let close = "write one JSON object to standard input, then close it";
    let object = "write one JSON object to standard input: the stanza, with the job's `env`";
    let smaller = "check that this is the right input: a stanza and a job's environment are far smaller";
    match error {
        RequestError::Unreadable(source) if source.kind() == std::io::ErrorKind::TimedOut => report(
            Code::RequestTimeout,
            format!("standard input was not closed within {} s", limit.as_secs()),
        )
        .hint(close),
        RequestError::Unreadable(source) => caused(report(Code::BadRequest, text).hint(close), &source),
        RequestError::TooLarge => report(Code::RequestTooLarge, text).hint(smaller),
        RequestError::Wire(WireError::Syntax { detail, .. }) if detail == EMPTY => {
            let file = "`--stanza FILE` and `--travis-yml FILE` read a file instead";
            report(Code::BadJson, text).hint(format!("{object}; {file}"))
        }
        RequestError::Wire(error) => {
            let (code, hint) = about_json(&error, object, smaller);
            report(code, text).hint(hint)
        }
        RequestError::Yaml => report(Code::BadJson, text).hint(
            "write JSON; `--stanza FILE` reads a stanza in YAML, `--stanza -` from standard input, and \
             `--travis-yml FILE` a whole `.travis.yml`",
        ),
        RequestError::OtherDocument(document) => {
            let mut report = report(Code::BadRequest, text).hint(hint_for_document(&document));
            if let OtherDocument::Wrapped(key) = &document {
                report.at = Some(pointer("", key));
            }
            report
        }
        RequestError::NotAnObject { kind: "a list" } => report(Code::BadRequest, text)
            .hint(format!("{object}; several stanzas are a list under its key `stanzas`")),
        RequestError::NotAnObject { .. } => report(Code::BadRequest, text).hint(object),
        RequestError::UnsupportedProtocol { .. } => report(Code::UnsupportedProtocol, text)
            .at("/protocol")
            .hint("use a protocol that the `hello` event lists"),
        RequestError::BadEnv { at, .. } => {
            report(Code::BadRequest, text).at(at).hint("make `env` a map of strings")
        }
        RequestError::BadPlan(_) => report(Code::BadRequest, text)
            .at("/plan")
            .hint("send the file that `plan --out` has written, or make a new plan with this version"),
        RequestError::OtherPlan { .. } => report(Code::PlanOutdated, text).at("/plan").hint(PLAN_AGAIN),
        RequestError::TooManyStanzas(_) => report(Code::BadRequest, text)
            .at("/stanzas")
            .hint(format!("send at most {MAX_STANZAS} stanzas, and the others in another request")),
        RequestError::BadList { at, .. } => report(Code::BadRequest, text).at(at).hint(
            "write each stanza as an item of `stanzas`, with its own options; `env`, `plan` and `protocol` are \
             beside `stanzas`",
        ),
    }
}

/// Reports that the command `package` was given a list of several stanzas.
pub(crate) fn from_list_to_package(stanzas: usize) -> ErrorReport {
    let message =
        format!("`stanzas` has {stanzas} stanzas; expected 1, because `package` writes one archive");
    report(Code::BadRequest, message)
        .at("/stanzas")
        .hint("run `package` once for each stanza, with another `--output`")
}

/// Reports a stanza of a list whose release is not known before its variables are.
pub(crate) fn from_unclear_release() -> ErrorReport {
    report(Code::BadValue, "`release` depends on a variable or a branch; expected plain text")
        .at("/release")
        .hint("write the name of the release itself: it decides which stanzas are deployed together")
}

/// Reports a release of too many stanzas.
pub(crate) fn from_large_release(release: &str, stanzas: usize, most: usize) -> ErrorReport {
    report(Code::BadValue, format!("the release `{release}` has {stanzas} stanzas; expected at most {most}"))
        .at("/release")
        .hint("divide it into several releases, which are deployed one after the other")
}

/// Reports a release with two stanzas for one function. `function_name` has its secrets masked.
pub(crate) fn from_repeated_function(release: &str, function_name: &str) -> ErrorReport {
    let message = format!("the release `{release}` has several stanzas for the function `{function_name}`");
    report(Code::BadValue, message)
        .at("/release")
        .hint("keep one of them, or deploy the other one without `release`")
}

/// Reports a release in which two functions build a layer of one name with different content. `layer` has its
/// secrets masked.
pub(crate) fn from_differing_layer(release: &str, layer: &str) -> ErrorReport {
    let message = format!(
        "functions of the release `{release}` build the layer `{layer}` with different content; expected the \
         same content for one name"
    );
    report(Code::BadValue, message)
        .at("/layers")
        .hint("give one of the layers another `name`, or build both from the same files")
}

/// Hint for a key or a setting that is given twice.
pub(crate) const KEEP_ONE: &str = "keep one of the two";

/// The code for JSON that cannot be read, and what to do: `write` if the parser's message says what is wrong,
/// and `smaller` if there are too many values.
pub(crate) fn about_json(
    error: &WireError,
    write: &'static str,
    smaller: &'static str,
) -> (Code, &'static str) {
    match error {
        WireError::Syntax { detail, .. } => {
            let hint = match detail.as_str() {
                "key must be a string" => "put each key in double quotes, and remove comments: JSON has none",
                "trailing comma" => "remove the comma before the closing bracket",
                "trailing characters" => "remove what follows the first JSON value",
                _ => write,
            };
            (Code::BadJson, hint)
        }
        WireError::DuplicateKey { .. } => (Code::DuplicateKey, KEEP_ONE),
        WireError::TooManyValues => (Code::RequestTooLarge, smaller),
    }
}

/// What to do with a document that is no stanza.
pub(crate) fn hint_for_document(document: &OtherDocument) -> &'static str {
    match document {
        OtherDocument::TravisYml => "use `--travis-yml FILE`, which reads a whole `.travis.yml`",
        OtherDocument::Wrapped(key) if key == "deploy" => {
            "pass only what is under `deploy`, or use `--travis-yml FILE`, which reads a whole `.travis.yml`"
        }
        OtherDocument::Wrapped(_) => "pass only what is under this key",
        OtherDocument::Template => {
            "write a stanza with `function_name` and `zip`; `sam deploy` deploys a template"
        }
        OtherDocument::Serverless => {
            "write a stanza with `function_name` and `zip`; `serverless deploy` deploys this file"
        }
        OtherDocument::Workflow | OtherDocument::GitLabCi => {
            "write the stanza into a file of its own, and run `dpl-lambda deploy --stanza FILE` in a job"
        }
        OtherDocument::PackageJson => "write a stanza with `function_name` and `zip` into a file of its own",
        OtherDocument::AwsFunction => {
            "write the names of a stanza, such as `function_name` for `FunctionName`"
        }
    }
}

/// Reports a condition that could not be evaluated.
pub(crate) fn from_conditions(mut error: ConditionError, redactor: &Redactor) -> ErrorReport {
    if let ConditionError::BadCondition { text, error_text, .. } = &mut error {
        *text = shortened(&redactor.redact(text));
        // For an arithmetic condition bash appends the rest of the expression, which may be a part of a
        // secret value.
        *error_text = redactor.redact(error_text.split(" (error token").next().unwrap_or_default());
        if error_text.is_empty() {
            *error_text = "bash exited without a result".to_owned();
        }
    }
    let text = error.to_string();
    match error {
        ConditionError::NotDecrypted { at } => report(Code::NotDecrypted, text)
            .at(at)
            .hint("let the runner decrypt such values before it writes the request"),
        ConditionError::BadShape { at, .. } => report(Code::BadCondition, text).at(at),
        ConditionError::BadCondition { at, .. } => report(Code::BadCondition, text).at(at).hint(
            "fix the condition: Travis CI puts it into bash's [[ ]], and never deploys if bash cannot parse \
             it",
        ),
        ConditionError::TooLong { at, .. } => report(Code::BadCondition, text)
            .at(at)
            .hint("put a long test into a script, and let the condition compare its output"),
        ConditionError::Bash(BashError::NotFound { .. }) => report(Code::BashNotFound, text)
            .at("/on")
            .hint("install bash, or use plain words in the conditions, which need no bash"),
        ConditionError::Bash(BashError::EnvTooLarge { name, bytes }) => too_large(&name, bytes),
        ConditionError::Bash(BashError::Unstartable(source)) => {
            let hint = "make the first `bash` on the job's `PATH` executable";
            caused(report(Code::BashNotFound, text).at("/on").hint(hint), &source)
        }
        ConditionError::Bash(BashError::TimedOut { .. }) => report(Code::ConditionTimeout, text)
            .at("/on")
            .hint("remove waiting and downloads from the condition: it is evaluated before every deployment"),
        ConditionError::Bash(BashError::Cancelled(reason)) => from_stop(reason),
    }
}
