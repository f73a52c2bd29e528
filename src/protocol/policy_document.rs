//! Types of an IAM policy document, in the JSON form that IAM accepts.
//! Never decides which permissions are needed.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::json_without_log_commands;

/// An IAM policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// Version of the policy language: `2012-10-17`.
    pub version: Cow<'static, str>,
    /// The statements of the policy.
    pub statement: Vec<Statement>,
}

/// One statement of an IAM policy, ready to paste.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Statement ID: letters and digits only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Cow<'static, str>>,
    /// Effect: `Allow`.
    pub effect: Cow<'static, str>,
    /// Allowed actions, such as `lambda:GetFunction`.
    pub action: Vec<String>,
    /// ARNs of the resources for which the actions are allowed.
    pub resource: Vec<String>,
    /// Condition, by operator and key: `{"StringEquals": {…}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl PolicyDocument {
    /// Creates a document with these statements.
    pub fn of(statement: Vec<Statement>) -> Self {
        PolicyDocument { version: Cow::Borrowed("2012-10-17"), statement }
    }

    /// The document as indented JSON, with a line feed at its end. Nothing in it is a command to the log of a
    /// CI.
    pub fn to_text(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("every policy can be written as JSON");
        json_without_log_commands(json) + "\n"
    }
}

impl Statement {
    /// Creates a statement that allows `actions` on `resources`.
    pub fn allow<A: Into<String>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = String>,
    ) -> Self {
        Statement {
            sid: None,
            effect: Cow::Borrowed("Allow"),
            action: actions.into_iter().map(Into::into).collect(),
            resource: resources.into_iter().collect(),
            condition: None,
        }
    }

    /// Creates a statement that allows to pass `role` to Lambda and to no other service.
    pub fn pass_role(role: impl Into<String>) -> Self {
        Statement::allow(["iam:PassRole"], [role.into()])
            .only_if("iam:PassedToService", "lambda.amazonaws.com")
    }

    /// Limits the statement to requests in which the condition key `key` has this value.
    #[must_use]
    pub fn only_if(mut self, key: &str, value: &str) -> Self {
        self.condition = Some(serde_json::json!({"StringEquals": {key: value}}));
        self
    }

    /// Sets the statement ID, which can contain letters and digits only.
    #[must_use]
    pub fn named(mut self, sid: &'static str) -> Self {
        self.sid = Some(Cow::Borrowed(sid));
        self
    }
}

/// The statement as one line of JSON, as hints quote it.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&serde_json::json!(self), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_value_is_a_command_to_a_log() {
        let hostile =
            ["##vso[task.setvariable variable=a]b", "###[x]", "\n::error::x", "\n--- x", "\u{1b}[0K"];
        let document = PolicyDocument::of(vec![Statement::allow(hostile, hostile.map(str::to_owned))]);
        let text = document.to_text();
        assert_eq!(serde_json::from_str::<PolicyDocument>(&text).unwrap(), document);
        for line in text.lines() {
            let begins = |command: &str| line.trim_start().starts_with(command);
            let is_command = line.contains("##") || line.contains('\u{1b}') || begins("::") || begins("---");
            assert!(!is_command, "{line}");
        }
    }

    #[test]
    fn a_document_is_written_as_iam_reads_it() {
        let role = "arn:aws:iam::123456789012:role/run";
        let document = PolicyDocument::of(vec![Statement::pass_role(role).named("PassRole")]);
        assert_eq!(
            json!(document),
            json!({"Version": "2012-10-17", "Statement": [{
                "Sid": "PassRole", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": [role],
                "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
            }]})
        );
    }
}
