//! Evaluates an identity policy as IAM does: one action on one resource in its context. Never guesses:
//! reading a policy fails on features that are not implemented, because they would allow or deny silently.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements reference".

use serde_json::Value;

use crate::fixture::Fixture;

/// The condition keys of a call with their values. IAM treats a key that is not in this list as absent.
pub(crate) type Context = Vec<(String, Vec<String>)>;

/// The keys that `permissions.rs` may set. A condition on any other key could never be met, which is always a
/// mistake.
const KEYS: [&str; 10] = [
    "aws:PrincipalAccount",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "iam:PassedToService",
    "kms:GrantIsForAWSResource",
    "kms:ViaService",
    "lambda:CodeSigningConfigArn",
    "lambda:FunctionArn",
    "lambda:FunctionUrlAuthType",
    "lambda:Principal",
];

/// Keys that can have several values: IAM requires a set operator for them.
const SETS: [&str; 4] = ["aws:TagKeys", "lambda:Layer", "lambda:SecurityGroupIds", "lambda:SubnetIds"];

/// Prefix of the condition key for one tag's value; the tag's key follows.
const REQUEST_TAG: &str = "aws:RequestTag/";

/// The result of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// No statement matches the call.
    ImplicitlyDenied,
    /// A statement denies the call; this overrides every allow.
    ExplicitlyDenied,
}

/// A parsed policy document.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    /// In lower case, because IAM compares actions without case.
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
struct Condition {
    operator: Operator,
    key: String,
    /// One match is enough.
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    StringLike,
    /// Also `ArnEquals`: IAM treats both the same.
    ArnLike,
    Bool,
    ForAllValuesStringEquals,
}

impl Policy {
    /// Parses a policy. Fails on documents that IAM rejects as malformed, and on unsupported features. The
    /// error says what to write instead.
    pub(crate) fn read(document: &Value) -> Result<Policy, String> {
        let mut fixture = Fixture::read("policy", document)?;
        fixture.text("Id")?;
        match fixture.text("Version")?.as_deref() {
            Some("2012-10-17") => {}
            Some(other) => return Err(format!("`Version` of policy is `{other}`; give `2012-10-17`")),
            None => return Err("policy has no `Version`; give `2012-10-17`".to_owned()),
        }
        let statements = match fixture.value("Statement") {
            None => return Err("policy has no `Statement`; give a list of statements".to_owned()),
            Some(Value::Array(list)) => list,
            Some(one) => vec![one],
        };
        fixture.finish()?;
        let statements = statements.iter().map(Statement::read).collect::<Result<_, _>>()?;
        Ok(Policy { statements })
    }

    /// A deny wins, then an allow; a call that no statement matches is denied.
    pub(crate) fn judge(&self, action: &str, resource: &str, context: &Context) -> Decision {
        let action = action.to_ascii_lowercase();
        let some = |effect| {
            self.statements.iter().any(|it| it.effect == effect && it.fits(&action, resource, context))
        };
        if some(Effect::Deny) {
            Decision::ExplicitlyDenied
        } else if some(Effect::Allow) {
            Decision::Allowed
        } else {
            Decision::ImplicitlyDenied
        }
    }
}

impl Statement {
    fn read(value: &Value) -> Result<Statement, String> {
        for unsupported in ["NotAction", "NotResource"] {
            if !value[unsupported].is_null() {
                return Err(format!("`{unsupported}` is not supported; use `Action`, `Resource` and `Deny`"));
            }
        }
        let mut fixture = Fixture::read("statement", value)?;
        fixture.text("Sid")?;
        let effect = match fixture.text("Effect")?.as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            other => {
                let other = other.unwrap_or("missing");
                return Err(format!("`Effect` of statement is `{other}`; give `Allow` or `Deny`"));
            }
        };
        let actions = texts("Action", fixture.value("Action"))?;
        let resources = texts("Resource", fixture.value("Resource"))?;
        let conditions = conditions(fixture.value("Condition"))?;
        fixture.finish()?;
        for action in &actions {
            // IAM allows no wildcard in the service name ("Vendor * is not valid").
            let service = action.split_once(':').map_or("*", |(service, _)| service);
            if action != "*" && service.contains(['*', '?']) {
                return Err(format!(
                    "`{action}` is not an action; give one such as `lambda:GetFunction`, or `*`"
                ));
            }
        }
        for resource in &resources {
            let is_arn = resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6;
            if resource != "*" && !is_arn {
                return Err(format!("`{resource}` is not a resource; give an ARN, or `*`"));
            }
        }
        let actions = actions.iter().map(|action| action.to_ascii_lowercase()).collect();
        Ok(Statement { effect, actions, resources, conditions })
    }

    /// `action` must be in lower case.
    fn fits(&self, action: &str, resource: &str, context: &Context) -> bool {
        self.actions.iter().any(|pattern| matches(pattern, action))
            && self.resources.iter().any(|pattern| matches(pattern, resource))
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

/// Parses the conditions of a statement, all of which must hold; an empty list if it has no `Condition`.
fn conditions(value: Option<Value>) -> Result<Vec<Condition>, String> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let operators =
        value.as_object().ok_or("`Condition` of statement is not an object; give one such as `{}`")?;
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let operator = Operator::read(name)?;
        let keys = keys
            .as_object()
            .ok_or_else(|| format!("`{name}` of `Condition` is not an object; give `{{}}`"))?;
        for (key, values) in keys {
            check_key(key, operator)?;
            let values = texts(key, Some(values.clone()))?;
            conditions.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn check_key(key: &str, operator: Operator) -> Result<(), String> {
    let is = |known: &&str| known.eq_ignore_ascii_case(key);
    let tag = key.get(..REQUEST_TAG.len()).is_some_and(|start| start.eq_ignore_ascii_case(REQUEST_TAG));
    match (SETS.iter().any(is), operator) {
        (true, Operator::ForAllValuesStringEquals) => Ok(()),
        (true, _) => Err(format!("`{key}` has many values; give `ForAllValues:StringEquals`")),
        (false, _) if tag || KEYS.iter().any(is) => Ok(()),
        (false, _) => Err(format!("the condition key `{key}` is not supported")),
    }
}

/// Parses a string or a list of strings. Fails on an empty list, which IAM treats as malformed, and on a
/// policy variable.
fn texts(what: &str, value: Option<Value>) -> Result<Vec<String>, String> {
    let list = match value {
        None => return Err(format!("statement has no `{what}`")),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    if list.is_empty() {
        return Err(format!("`{what}` is an empty list; give at least one value"));
    }
    let text = |value: &Value| match value {
        Value::String(text) if text.contains("${") => {
            Err(format!("`{what}` has the policy variable `{text}`, which is not supported"))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("`{what}` is `{other}`; give a string")),
    };
    list.iter().map(text).collect()
}

impl Operator {
    fn read(name: &str) -> Result<Operator, String> {
        match name {
            "StringEquals" => Ok(Operator::StringEquals),
            "StringLike" => Ok(Operator::StringLike),
            "ArnLike" | "ArnEquals" => Ok(Operator::ArnLike),
            "Bool" => Ok(Operator::Bool),
            "ForAllValues:StringEquals" => Ok(Operator::ForAllValuesStringEquals),
            _ => Err(format!("the condition operator `{name}` is not supported")),
        }
    }

    fn fits(self, expected: &str, found: &str) -> bool {
        match self {
            Operator::StringEquals | Operator::ForAllValuesStringEquals => expected == found,
            Operator::StringLike => matches(expected, found),
            Operator::ArnLike => arn_matches(expected, found),
            Operator::Bool => expected.eq_ignore_ascii_case(found),
        }
    }
}

impl Condition {
    /// A missing key meets no condition except `ForAllValues`, which holds for an empty set.
    fn holds(&self, context: &Context) -> bool {
        let found = context.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let found = found.map(|(_, values)| values.as_slice()).unwrap_or_default();
        let fits = |value: &String| self.values.iter().any(|expected| self.operator.fits(expected, value));
        match self.operator {
            Operator::ForAllValuesStringEquals => found.iter().all(fits),
            Operator::StringEquals | Operator::StringLike | Operator::ArnLike | Operator::Bool => {
                found.iter().any(fits)
            }
        }
    }
}

/// True if the text matches the pattern, in which `*` matches any characters and `?` matches one.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // The position after the last `*`, and the position in the text up to which that `*` matches.
    let mut last: Option<(usize, usize)> = None;
    while from < text.len() {
        match (pattern.get(at), last) {
            (Some('*'), _) => {
                at += 1;
                last = Some((at, from));
            }
            (Some(one), _) if *one == '?' || *one == text[from] => {
                at += 1;
                from += 1;
            }
            (_, Some((behind, taken))) => {
                (at, from) = (behind, taken + 1);
                last = Some((behind, taken + 1));
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// Like `matches`, but for each of the six parts of an ARN separately: a `*` does not match across a colon.
fn arn_matches(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == 6
        && arn.len() == 6
        && pattern.iter().zip(&arn).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const F: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

    fn policy(statements: &Value) -> Result<Policy, String> {
        Policy::read(&json!({"Version": "2012-10-17", "Statement": statements}))
    }

    fn context(pairs: &[(&str, &[&str])]) -> Context {
        let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        pairs.iter().map(|&(key, values)| (key.to_owned(), texts(values))).collect()
    }

    #[track_caller]
    fn check(
        statements: &Value,
        action: &str,
        resource: &str,
        pairs: &[(&str, &[&str])],
        expected: Decision,
    ) {
        let policy = policy(statements).unwrap();
        assert_eq!(policy.judge(action, resource, &context(pairs)), expected, "{action} on {resource}");
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    }

    #[test]
    fn actions_and_resources_fit_with_wildcards() {
        let get = "lambda:GetFunction";
        for (action, resource, expected) in [
            (json!(get), json!(F), Decision::Allowed),
            (json!(["lambda:Invoke*", get]), json!(["arn:aws:s3:::b/*", F]), Decision::Allowed),
            (json!("LAMBDA:getfunction"), json!("*"), Decision::Allowed),
            (json!("lambda:*"), json!("arn:aws:lambda:*:*:function:*"), Decision::Allowed),
            (json!("*"), json!("*"), Decision::Allowed),
            (json!("lambda:Get*tion"), json!(F), Decision::Allowed),
            (json!("lambda:Get*on*"), json!(F), Decision::Allowed),
            (
                json!("lambda:Ge?Function"),
                json!("arn:aws:lambda:us-east-?:123456789012:function:?"),
                Decision::Allowed,
            ),
            (json!("lambda:GetFunction?"), json!(F), Decision::ImplicitlyDenied),
            (json!("lambda:Get"), json!(F), Decision::ImplicitlyDenied),
            (json!("s3:*"), json!(F), Decision::ImplicitlyDenied),
            (
                json!(get),
                json!("arn:aws:lambda:us-east-1:123456789012:function:F"),
                Decision::ImplicitlyDenied,
            ),
            (json!(get), json!(format!("{F}:*")), Decision::ImplicitlyDenied),
            (
                json!(get),
                json!("arn:aws:lambda:us-east-1:123456789012:function:"),
                Decision::ImplicitlyDenied,
            ),
        ] {
            check(&json!([allow(action, resource)]), get, F, &[], expected);
        }
    }

    #[test]
    fn a_call_on_everything_is_allowed_on_everything_alone() {
        let describe = "ec2:DescribeVpcs";
        check(&json!(allow(json!(describe), json!("*"))), describe, "*", &[], Decision::Allowed);
        check(
            &json!(allow(json!(describe), json!("arn:aws:ec2:*:*:*"))),
            describe,
            "*",
            &[],
            Decision::ImplicitlyDenied,
        );
    }

    #[test]
    fn a_deny_wins_wherever_it_is_and_silence_denies() {
        let deny = json!({"Effect": "Deny", "Action": "lambda:Delete*", "Resource": "*"});
        let all = allow(json!("*"), json!("*"));
        for statements in [json!([deny, all]), json!([all, deny]), json!([deny])] {
            check(&statements, "lambda:DeleteFunction", F, &[], Decision::ExplicitlyDenied);
        }
        check(&json!([deny, all]), "lambda:GetFunction", F, &[], Decision::Allowed);
        check(&json!([deny]), "lambda:GetFunction", F, &[], Decision::ImplicitlyDenied);
        check(&json!([]), "lambda:GetFunction", F, &[], Decision::ImplicitlyDenied);
    }

    #[test]
    fn conditions_are_met_or_not() {
        let service: &[(&str, &[&str])] = &[("iam:PassedToService", &["lambda.amazonaws.com"])];
        let secure: &[(&str, &[&str])] = &[("aws:SecureTransport", &["true"])];
        let signing: &[(&str, &[&str])] =
            &[("lambda:CodeSigningConfigArn", &["arn:aws:lambda:us-east-1:1:code-signing-config:csc-1"])];
        let layers: &[(&str, &[&str])] = &[("lambda:Layer", &["a", "b"])];
        let none: &[(&str, &[&str])] = &[];
        let (met, unmet) = (Decision::Allowed, Decision::ImplicitlyDenied);
        for (condition, pairs, expected) in [
            (json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}), service, met),
            (
                json!({"StringEquals": {"IAM:passedtoservice": ["ec2.x", "lambda.amazonaws.com"]}}),
                service,
                met,
            ),
            (json!({"StringEquals": {"iam:PassedToService": "Lambda.amazonaws.com"}}), service, unmet),
            (json!({"StringEquals": {"iam:PassedToService": "lambda.*"}}), service, unmet),
            (json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}), none, unmet),
            (json!({"StringLike": {"iam:PassedToService": "lambda.*"}}), service, met),
            (json!({"StringLike": {"iam:PassedToService": "ec2.*"}}), service, unmet),
            (json!({"Bool": {"aws:SecureTransport": "True"}}), secure, met),
            (json!({"Bool": {"aws:SecureTransport": true}}), secure, met),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), secure, unmet),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), none, unmet),
            (
                json!({"ArnLike": {"lambda:CodeSigningConfigArn": "arn:aws:lambda:*:1:code-signing-config:*"}}),
                signing,
                met,
            ),
            (json!({"ArnEquals": {"lambda:CodeSigningConfigArn": "arn:*:lambda:*:1:code-*"}}), signing, met),
            (
                json!({"ArnLike": {"lambda:CodeSigningConfigArn": "arn:aws:*:code-signing-config:csc-1"}}),
                signing,
                unmet,
            ),
            (json!({"ArnLike": {"lambda:CodeSigningConfigArn": "arn:aws:lambda:*:2:*"}}), signing, unmet),
            (json!({"ForAllValues:StringEquals": {"lambda:Layer": ["a", "b", "c"]}}), layers, met),
            (json!({"ForAllValues:StringEquals": {"lambda:Layer": "a"}}), layers, unmet),
            (json!({"ForAllValues:StringEquals": {"lambda:Layer": "a"}}), none, met),
            (
                json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}, "Bool": {"aws:SecureTransport": "true"}}),
                service,
                unmet,
            ),
        ] {
            let mut statement = allow(json!("*"), json!("*"));
            statement["Condition"] = condition.clone();
            let decision = policy(&json!([statement])).unwrap().judge("a:B", F, &context(pairs));
            assert_eq!(decision, expected, "{condition}");
        }
    }

    #[test]
    fn a_deny_whose_condition_is_not_met_denies_nothing() {
        let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}});
        let statements = json!([deny, allow(json!("*"), json!("*"))]);
        let action = "lambda:CreateFunctionUrlConfig";
        check(&statements, action, F, &[("lambda:FunctionUrlAuthType", &["AWS_IAM"])], Decision::Allowed);
        check(
            &statements,
            action,
            F,
            &[("lambda:FunctionUrlAuthType", &["NONE"])],
            Decision::ExplicitlyDenied,
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let statement = allow(json!("*"), json!("*"));
        for (document, problem) in [
            (json!([]), "policy is `[]`; give an object, such as `{}`"),
            (json!({"Statement": [statement]}), "policy has no `Version`; give `2012-10-17`"),
            (
                json!({"Version": "2012-10-18", "Statement": []}),
                "`Version` of policy is `2012-10-18`; give `2012-10-17`",
            ),
            (json!({"Version": "2012-10-17"}), "policy has no `Statement`; give a list of statements"),
            (
                json!({"Version": "2012-10-17", "Statement": [], "Statment": []}),
                "policy has no key `Statment`",
            ),
        ] {
            assert_eq!(Policy::read(&document).unwrap_err(), problem);
        }
    }

    #[track_caller]
    fn refused(change: &Value, problem: &str) {
        let mut statement = allow(json!("*"), json!("*"));
        for (key, value) in change.as_object().unwrap() {
            statement[key] = value.clone();
        }
        statement.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(policy(&json!([statement])).unwrap_err(), problem);
    }

    #[test]
    fn a_statement_that_cannot_be_judged_is_refused() {
        let not = |name: &str| format!("`{name}` is not supported; use `Action`, `Resource` and `Deny`");
        refused(&json!({"NotAction": "lambda:*", "Action": null}), &not("NotAction"));
        refused(&json!({"NotResource": F, "Resource": null}), &not("NotResource"));
        refused(&json!({"Effect": "allow"}), "`Effect` of statement is `allow`; give `Allow` or `Deny`");
        refused(&json!({"Effect": null}), "`Effect` of statement is `missing`; give `Allow` or `Deny`");
        refused(&json!({"Action": null}), "statement has no `Action`");
        refused(&json!({"Resource": null}), "statement has no `Resource`");
        refused(&json!({"Resource": []}), "`Resource` is an empty list; give at least one value");
        refused(&json!({"Action": [1]}), "`Action` is `1`; give a string");
        let no_action =
            |text: &str| format!("`{text}` is not an action; give one such as `lambda:GetFunction`, or `*`");
        refused(&json!({"Action": "GetFunction"}), &no_action("GetFunction"));
        refused(&json!({"Action": "lam*:GetFunction"}), &no_action("lam*:GetFunction"));
        refused(&json!({"Resource": "f"}), "`f` is not a resource; give an ARN, or `*`");
        refused(
            &json!({"Resource": "arn:aws:lambda:f"}),
            "`arn:aws:lambda:f` is not a resource; give an ARN, or `*`",
        );
        refused(&json!({"Principal": "*"}), "statement has no key `Principal`");
        let user = "arn:aws:s3:::b/${aws:username}/*";
        refused(
            &json!({"Resource": user}),
            &format!("`Resource` has the policy variable `{user}`, which is not supported"),
        );
    }

    #[test]
    fn a_condition_that_cannot_be_judged_is_refused() {
        for (condition, problem) in [
            (
                json!({"StringNotEquals": {"iam:PassedToService": "x"}}),
                "the condition operator `StringNotEquals` is not supported",
            ),
            (
                json!({"StringEqualsIfExists": {"iam:PassedToService": "x"}}),
                "the condition operator `StringEqualsIfExists` is not supported",
            ),
            (
                json!({"StringEquals": {"aws:SourceIp": "x"}}),
                "the condition key `aws:SourceIp` is not supported",
            ),
            (
                json!({"StringEquals": {"aws:TagKeys": "x"}}),
                "`aws:TagKeys` has many values; give `ForAllValues:StringEquals`",
            ),
            (json!({"StringEquals": "x"}), "`StringEquals` of `Condition` is not an object; give `{}`"),
            (json!([]), "`Condition` of statement is not an object; give one such as `{}`"),
        ] {
            refused(&json!({"Condition": condition}), problem);
        }
    }
}
