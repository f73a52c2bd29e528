//! Resource policies of functions, versions and aliases. Never evaluates the statements: it only stores and
//! returns them.

use serde_json::{Map, Value, json};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::constraints::Constraints;
use crate::function::Function;
use crate::function_name::{FunctionName, is_account, is_word};
use crate::ids;
use crate::refusal::Refusal;

impl Account {
    pub(crate) fn add_permission(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        check(arguments.body)?;
        if name.qualifier.as_deref() == Some("$LATEST") {
            return Err(Refusal::PolicyOfLatest);
        }
        let function = self.function(&name, arguments.now)?;
        let qualifier = name.qualifier.as_deref().unwrap_or("$LATEST");
        function.check_qualifier(qualifier)?;
        check_revision(arguments.body["RevisionId"].as_str(), function, qualifier)?;
        let id = checks::required(arguments.body, "StatementId", "statementId")?;
        let none = Vec::new();
        if function.policies.get(qualifier).unwrap_or(&none).iter().any(|statement| statement["Sid"] == id) {
            return Err(Refusal::StatementExists { id: id.to_owned() });
        }
        let statement = statement(arguments.body, &function.qualified(name.qualifier.as_deref()))?;
        function.policies.entry(qualifier.to_owned()).or_default().push(statement.clone());
        change_revision(function, qualifier);
        Ok(json!({"Statement": statement.to_string()}))
    }

    /// The RevisionId is that of the function, version or alias: a policy has none of its own on AWS.
    pub(crate) fn get_policy(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        let function = self.function(&name, arguments.now)?;
        let qualifier = name.qualifier.as_deref().unwrap_or("$LATEST");
        let statements = function.policies.get(qualifier).ok_or(Refusal::NoSuchResource)?;
        let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements}).to_string();
        Ok(json!({"Policy": policy, "RevisionId": revision(function, qualifier).cloned()}))
    }

    pub(crate) fn remove_permission(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        let unqualified = self.arn(&FunctionName { qualifier: None, ..name.clone() });
        let function = self.function(&name, arguments.now);
        let function = function.map_err(|_| Refusal::NoPolicyFound { arn: unqualified })?;
        let qualifier = name.qualifier.as_deref().unwrap_or("$LATEST");
        function.check_qualifier(qualifier)?;
        let statements = function.policies.get(qualifier).ok_or(Refusal::NoPolicy)?;
        let place = statements.iter().position(|statement| statement["Sid"] == arguments.item);
        let place = place.ok_or_else(|| Refusal::StatementNotFound { id: arguments.item.to_owned() })?;
        check_revision(arguments.parameter("RevisionId"), function, qualifier)?;
        let statements = function.policies.entry(qualifier.to_owned()).or_default();
        statements.remove(place);
        if statements.is_empty() {
            function.policies.remove(qualifier);
        }
        change_revision(function, qualifier);
        Ok(Value::Null)
    }
}

fn check(body: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.present(&body["StatementId"], "statementId");
    constraints.length(&body["StatementId"], "statementId", 100);
    constraints.shape(&body["StatementId"], "statementId", "([a-zA-Z0-9-_]+)", is_word);
    constraints.present(&body["Action"], "action");
    let is_action = |text: &str| {
        let name = text.strip_prefix("lambda:");
        text == "*"
            || name.is_some_and(|it| {
                it == "*" || (!it.is_empty() && it.bytes().all(|b| b.is_ascii_alphabetic()))
            })
    };
    constraints.shape(&body["Action"], "action", "(lambda:[*]|lambda:[a-zA-Z]+|[*])", is_action);
    constraints.present(&body["Principal"], "principal");
    constraints.one_of(&body["FunctionUrlAuthType"], "functionUrlAuthType", &["NONE", "AWS_IAM"]);
    constraints.shape(&body["SourceAccount"], "sourceAccount", r"\d{12}", is_account);
    constraints.finish()?;
    if !body["FunctionUrlAuthType"].is_null() && body["Action"] != "lambda:InvokeFunctionUrl" {
        return Err(Refusal::AuthTypeOfAnotherAction);
    }
    Ok(())
}

/// Builds the statement for a request, with its members in AWS's order.
fn statement(body: &Value, arn: &str) -> Result<Value, Refusal> {
    let mut statement = json!({
        "Sid": body["StatementId"],
        "Effect": "Allow",
        "Principal": principal(body["Principal"].as_str().unwrap_or_default())?,
        "Action": body["Action"],
        "Resource": arn,
    });
    let conditions = conditions(body);
    if !conditions.is_empty() {
        statement["Condition"] = Value::Object(conditions);
    }
    Ok(statement)
}

/// Parses a principal: `*`, a service, an account or an ARN. Fails on anything else.
fn principal(text: &str) -> Result<Value, Refusal> {
    match text {
        "*" => Ok(json!("*")),
        account if is_account(account) => Ok(json!({"AWS": format!("arn:aws:iam::{account}:root")})),
        arn if arn.starts_with("arn:") => Ok(json!({"AWS": arn})),
        service if service.contains('.') => Ok(json!({"Service": service})),
        _ => Err(Refusal::InvalidPrincipal),
    }
}

/// Member of the request, operator of the condition, key of the condition.
const CONDITIONS: [(&str, &str, &str); 6] = [
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
];

/// Returns `{operator: {key: value}}`, with booleans as strings. A flag that is false is left out, which is a
/// guess.
fn conditions(body: &Value) -> Map<String, Value> {
    let mut conditions = Map::new();
    for (member, operator, key) in CONDITIONS {
        let value = match &body[member] {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "true".to_owned(),
            _ => continue,
        };
        let operands = conditions.entry(operator).or_insert_with(|| json!({}));
        operands[key] = json!(value);
    }
    conditions
}

/// Returns the RevisionId of the function, version or alias that has the policy.
fn revision<'a>(function: &'a Function, qualifier: &str) -> Option<&'a String> {
    if let Some(alias) = function.aliases.get(qualifier) {
        return Some(&alias.revision_id);
    }
    function.version(Some(qualifier)).ok().map(|version| &version.revision_id)
}

fn check_revision(given: Option<&str>, function: &Function, qualifier: &str) -> Result<(), Refusal> {
    match (given, revision(function, qualifier)) {
        (Some(given), Some(live)) if given != live => Err(Refusal::WrongPolicyRevision),
        _ => Ok(()),
    }
}

/// A permission changes the RevisionId of the resource that it is added to (LocalStack's tests against
/// recordings of AWS).
fn change_revision(function: &mut Function, qualifier: &str) {
    let id = ids::unique();
    if let Some(alias) = function.aliases.get_mut(qualifier) {
        alias.revision_id = id;
    } else if qualifier == "$LATEST" {
        function.latest.revision_id = id;
    } else if let Some(version) =
        qualifier.parse().ok().and_then(|number: u64| function.published.get_mut(&number))
    {
        version.revision_id = id;
    }
}
