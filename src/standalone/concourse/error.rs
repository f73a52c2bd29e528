//! Why a script of the resource prints no document, and the report that people see of it. Never shows a value
//! of the request, because any value may be a secret.

use std::io::{self, ErrorKind};

use crate::diagnostics;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::Outcome;
use crate::protocol::json::WireError;

/// Why a script prints no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResourceError {
    /// Concourse passes the directory of a step as the first argument.
    #[error("the first argument is missing; expected {expected}")]
    NoDirectory { expected: &'static str },
    #[error("{directory}: this directory cannot be used")]
    BadDirectory { directory: String, source: io::Error },
    #[error("standard input cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("standard input: {0}")]
    Json(WireError),
    #[error("standard input is {kind}; expected an object with `source`")]
    NotAnObject { kind: &'static str },
    #[error("`{name}` is {kind}; expected a map")]
    NotAMap { name: &'static str, kind: &'static str },
    #[error("`{name}.{key}` is a condition{}, but Concourse decides when a step runs", unquoted(.key))]
    Condition { name: &'static str, key: &'static str },
    /// A part of the request has a key that only runners write.
    #[error("`{name}.{key}` is no option of a stanza")]
    KeyOfRequest { name: &'static str, key: &'static str },
    /// `params` has an option of which `check` reads only the value in `source`.
    #[error("`params.{key}` is not what `source` says, but `check` and `get` read only `source`")]
    NotOfSource { key: &'static str },
    #[error("`{name}.{key}` is encrypted; only Travis CI can decrypt it")]
    Encrypted { name: &'static str, key: String },
    #[error("the request names no version of a function; expected `version` and `code_sha256` in `version`")]
    NoVersion,
    #[error("the function does not exist, so it has no version {number}")]
    NoFunction { number: String },
    #[error("the function has no version {number}; it was deleted")]
    NoSuchVersion { number: String },
    #[error("version {number} of the function has other code than the version that Concourse asks for")]
    OtherCode { number: String },
    #[error("{file}: the file cannot be written")]
    Unwritable { file: String, source: io::Error },
    #[error("the input `{input}` is a checkout of a pull request, which is never deployed")]
    PullRequest { input: String },
    #[error("nothing is deployed (outcome: {outcome}), so there is no version for Concourse")]
    NothingLive { outcome: Outcome },
}

/// How the key of conditions comes to be called `true`.
fn unquoted(key: &str) -> &'static str {
    if key == "true" { " (`on` without quotes)" } else { "" }
}

impl ResourceError {
    /// The report for standard error.
    pub(crate) fn into_report(self) -> ErrorReport {
        let smaller = "check that `source` and `params` are those of a function";
        let (code, hint) = match &self {
            ResourceError::NoDirectory { .. } => {
                (Code::BadArguments, "pass a directory; Concourse does that itself")
            }
            ResourceError::BadDirectory { .. } => (Code::BadArguments, "pass a directory that exists"),
            ResourceError::Unreadable(source) => match source.kind() {
                ErrorKind::FileTooLarge => (Code::RequestTooLarge, smaller),
                ErrorKind::TimedOut => (Code::RequestTimeout, "write one JSON object to it, then close it"),
                _ => (Code::BadRequest, "write one JSON object to it, then close it"),
            },
            ResourceError::Json(error) => {
                diagnostics::about_json(error, "write one JSON object with `source`", smaller)
            }
            ResourceError::NotAnObject { .. } | ResourceError::NotAMap { .. } => {
                (Code::BadRequest, "write the options of the stanza as a map")
            }
            ResourceError::Condition { .. } => {
                (Code::BadValue, "remove it; the branch of the `get` step, `trigger` and `passed` decide")
            }
            ResourceError::KeyOfRequest { key: "env", .. } => {
                (Code::BadRequest, "use `environment` for the variables of the function")
            }
            ResourceError::KeyOfRequest { .. } => {
                (Code::BadRequest, "remove it; a resource is one function, with the options of one stanza")
            }
            ResourceError::NotOfSource { .. } => {
                (Code::BadValue, "move it to `source`; another function or alias is another resource")
            }
            ResourceError::Encrypted { .. } => {
                (Code::NotDecrypted, "use a variable of the credential manager instead, such as `((name))`")
            }
            ResourceError::NoVersion => {
                (Code::BadRequest, "use a version that `check` or `put` has reported")
            }
            ResourceError::NoFunction { .. } => (Code::NotFound, "check the region and the account"),
            ResourceError::NoSuchVersion { .. } | ResourceError::OtherCode { .. } => {
                (Code::NotFound, "use the latest version of the resource, or deploy again with `put`")
            }
            ResourceError::Unwritable { .. } => (Code::BadArguments, "pass a directory that is writable"),
            ResourceError::PullRequest { .. } => (
                Code::SkippedButRequired,
                "deploy from a job that gets a branch, or name the `inputs` of the step without this one",
            ),
            ResourceError::NothingLive { .. } => {
                (Code::BadValue, "remove `dry_run` and `allow_failure`; `try` of Concourse allows a failure")
            }
        };
        diagnostics::with_cause(&self, code, hint)
    }
}
