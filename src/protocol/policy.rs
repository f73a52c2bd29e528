//! The words of an IAM policy: what a caller may do, as IAM reads it.
//! Never decides what somebody needs.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A policy document, as IAM takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    /// The version of the policy language: `2012-10-17`.
    pub version: &'static str,
    /// What is allowed.
    pub statement: Vec<Statement>,
}

/// One statement of a policy, ready to be pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'static str>,
    /// `Allow`.
    pub effect: &'static str,
    /// The actions, such as `lambda:GetFunction`.
    pub action: Vec<String>,
    /// ARNs of what they may be done to.
    pub resource: Vec<String>,
    /// Under which condition, by operator and key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl PolicyDocument {
    /// A document of these statements.
    pub fn of(statement: Vec<Statement>) -> Self {
        PolicyDocument { version: "2012-10-17", statement }
    }
}

impl Statement {
    /// Allows `actions` on `resources`.
    pub fn allow<A: Into<String>>(
        actions: impl IntoIterator<Item = A>,
        resources: impl IntoIterator<Item = String>,
    ) -> Self {
        Statement {
            sid: None,
            effect: "Allow",
            action: actions.into_iter().map(Into::into).collect(),
            resource: resources.into_iter().collect(),
            condition: None,
        }
    }

    /// Allows Lambda, and nobody else, to be given a role.
    pub fn pass_role(role: impl Into<String>) -> Self {
        Statement::allow(["iam:PassRole"], [role.into()]).only_if("iam:PassedToService", "lambda.amazonaws.com")
    }

    /// Only where a key of the request has this value.
    #[must_use]
    pub fn only_if(mut self, key: &str, value: &str) -> Self {
        self.condition = Some(serde_json::json!({"StringEquals": {key: value}}));
        self
    }

    /// With a name, letters and digits only.
    #[must_use]
    pub fn named(mut self, sid: &'static str) -> Self {
        self.sid = Some(sid);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
