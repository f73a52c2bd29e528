//! Types of errors and warnings: problems and reports. Contains no text about a particular failure. Those
//! texts are in the error types of the modules and in `diagnostics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::codes::{Class, Code, WarningCode};
use super::policy_document::Statement;
use super::text::one_line;

/// How a hint ends if the error is always one before the first change.
pub(crate) const NOTHING_CHANGED: &str = "nothing was changed";

/// A finding that does not stop the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Code of the warning.
    pub code: WarningCode,
    /// The finding, in one line. In JSON it is part of the event's `message`.
    #[serde(skip)]
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// JSON pointer to the key in the request; for a stanza of a list, in that stanza.
    pub at: Option<String>,
    /// IAM statement that would allow the denied action, ready to paste into a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_statement: Option<Box<Statement>>,
}

impl Warning {
    /// Creates a warning.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Warning { code, message: message.into(), hint: None, at: None, policy_statement: None }
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the JSON pointer to the key.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.at = Some(pointer.into());
        self
    }

    /// Converts the warning into a problem with [`Code::UnknownKey`], for stanzas in which unknown keys are
    /// errors.
    pub fn into_unknown_key(self) -> Problem {
        Problem { code: Code::UnknownKey, message: self.message, at: self.at, hint: self.hint }
    }
}

/// One error in a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Code of the error.
    pub code: Code,
    /// What is wrong, with which value, and what is expected.
    pub message: String,
    /// JSON pointer to the key in the request; for a stanza of a list, in that stanza.
    pub at: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// Details of an AWS call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AwsDetail {
    /// AWS operation, such as `UpdateFunctionCode`.
    pub operation: String,
    /// AWS error code, such as `ResourceConflictException`.
    pub code: Option<String>,
    /// HTTP status of the response.
    pub http_status: Option<u16>,
    /// AWS request ID, which AWS Support asks for.
    pub request_id: Option<String>,
}

/// Why a run failed and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct ErrorReport {
    /// Error code.
    pub code: Code,
    /// Who must act.
    pub class: Class,
    /// What happened, in one line.
    pub message: String,
    /// Causes of the error, the nearest one first.
    pub caused_by: Vec<String>,
    /// JSON pointer to the key that causes the error, in the request; for a stanza of a list, in that stanza.
    pub at: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the same request can succeed later without a change.
    pub retryable: bool,
    /// The AWS call that failed.
    pub aws: Option<AwsDetail>,
    /// IAM statement that would allow the denied action, ready to paste into a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_statement: Option<Box<Statement>>,
    /// End of the function's log, with secrets masked. Absent unless a version failed `verify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// All errors in the stanza. Absent unless there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

impl ErrorReport {
    /// Creates a report. `class` and `retryable` follow from the code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        ErrorReport {
            code,
            class: code.class(),
            message: one_line(&message.into()),
            caused_by: Vec::new(),
            at: None,
            hint: None,
            retryable: code.is_retryable(),
            aws: None,
            policy_statement: None,
            log: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the JSON pointer to the key that causes the error.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.at = Some(pointer.into());
        self
    }

    /// The lines for standard error: one for each problem, with its hint.
    pub fn lines(&self) -> Vec<String> {
        let line = |message: &str, hint: &Option<String>| match hint {
            Some(hint) => format!("{message}; {hint}"),
            None => message.to_owned(),
        };
        match self.problems.as_slice() {
            [] => vec![line(&self.message, &self.hint)],
            problems => problems.iter().map(|problem| line(&problem.message, &problem.hint)).collect(),
        }
    }

    /// Creates a report of all problems of a stanza. Its code and message are those of the first problem;
    /// several problems are also in `problems`.
    ///
    /// # Panics
    /// If `problems` is empty.
    pub fn from_problems(problems: Vec<Problem>) -> Self {
        let first = problems.first().expect("a stanza is refused for at least one problem");
        let message = match problems.len() {
            1 => first.message.clone(),
            n => format!("{} (and {} more)", first.message, n - 1),
        };
        let mut report = ErrorReport::new(first.code, message);
        report.at = first.at.clone();
        report.hint = first.hint.clone();
        if problems.len() > 1 {
            report.problems = problems;
        }
        report
    }
}
