//! Defines what calls a function itself and not one of its aliases: event source mappings, and callers in the
//! function's resource policy. Never calls AWS, and never decides what to do about a caller.

use serde_json::Value;

/// An event source mapping that calls the function itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSource {
    /// AWS's id of the mapping.
    pub uuid: String,
    /// The event source, such as `SQS queue orders`.
    pub name: String,
    /// False if the mapping is disabled: it calls nothing until it is enabled.
    pub is_enabled: bool,
}

/// A caller that the resource policy of the function itself permits to invoke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyCaller {
    /// The caller, such as `S3 bucket uploads`.
    pub name: String,
    /// ID of the first statement about the caller.
    pub statement_id: String,
}

/// The callers that a resource policy permits to invoke the function, each once. Callers that need the
/// function URL are left out, because that URL is read on its own. A policy of unknown form has no callers.
pub(crate) fn policy_callers(policy: &str) -> Vec<PolicyCaller> {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut callers: Vec<PolicyCaller> = Vec::new();
    for statement in document["Statement"].as_array().into_iter().flatten().filter(|it| permits_invoke(it)) {
        for name in caller_names(statement) {
            if !callers.iter().any(|caller| caller.name == name) {
                let statement_id = statement["Sid"].as_str().unwrap_or_default().to_owned();
                callers.push(PolicyCaller { name, statement_id });
            }
        }
    }
    callers
}

fn permits_invoke(statement: &Value) -> bool {
    let invoke = ["lambda:InvokeFunction", "lambda:InvokeAsync", "lambda:*", "*"];
    statement["Effect"] == "Allow"
        && texts(&statement["Action"]).iter().any(|action| invoke.contains(action))
        && condition(statement, "lambda:InvokedViaFunctionUrl").is_empty()
}

/// The callers of a statement: the resources in its condition, else its principals.
fn caller_names(statement: &Value) -> Vec<String> {
    let sources = condition(statement, "aws:SourceArn");
    if !sources.is_empty() {
        return sources.into_iter().map(resource_name).collect();
    }
    let principal = &statement["Principal"];
    let services = texts(&principal["Service"]).into_iter().map(service_name);
    let organization = condition(statement, "aws:PrincipalOrgID");
    let accounts = texts(principal).into_iter().chain(texts(&principal["AWS"]));
    let accounts = accounts.map(|account| match (account, organization.first()) {
        ("*", Some(organization)) => format!("everyone in the organization {organization}"),
        ("*", None) => "everyone".to_owned(),
        (account, _) => account_name(account),
    });
    services.chain(accounts).collect()
}

/// The name of an AWS service in a policy, such as `API Gateway` for `apigateway.amazonaws.com`.
fn service_name(service: &str) -> String {
    match service.split('.').next() {
        Some("apigateway") => "API Gateway",
        Some("elasticloadbalancing") => "the load balancer",
        Some("events") => "EventBridge",
        Some("s3") => "S3",
        Some("sns") => "SNS",
        _ => service,
    }
    .to_owned()
}

/// The name of an account, such as `account 123456789012`; for a role or a user, its ARN.
fn account_name(principal: &str) -> String {
    let account = match principal.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", _, account, "root"] => Some(*account),
        [account] => Some(*account),
        _ => None,
    };
    account.map_or_else(|| principal.to_owned(), |account| format!("account {account}"))
}

/// The resource of an ARN, such as `SQS queue orders`; for other services, the ARN.
pub(crate) fn resource_name(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &[_, _, service, _, _, resource] = parts.as_slice() else { return arn.to_owned() };
    let after = |separator: char| resource.split(separator).nth(1).unwrap_or(resource);
    let (kind, name) = match service {
        "dynamodb" => ("DynamoDB table", after('/')),
        "elasticloadbalancing" => ("target group", after('/')),
        "events" => ("EventBridge rule", resource.rsplit('/').next().unwrap_or(resource)),
        "execute-api" => ("API Gateway", resource.split('/').next().unwrap_or(resource)),
        "kafka" => ("Kafka cluster", after('/')),
        "kinesis" => ("Kinesis stream", after('/')),
        "logs" => ("log group", after(':')),
        "mq" => ("MQ broker", after(':')),
        "rds" => ("DocumentDB cluster", after(':')),
        "s3" => ("S3 bucket", resource),
        "sns" => ("SNS topic", resource),
        "sqs" => ("SQS queue", resource),
        _ => return arn.to_owned(),
    };
    format!("{kind} {name}")
}

/// The values of a condition key, with any operator. IAM compares keys without case.
fn condition<'a>(statement: &'a Value, key: &str) -> Vec<&'a str> {
    let operators = statement["Condition"].as_object().into_iter().flat_map(|operators| operators.values());
    let keys = operators.filter_map(Value::as_object).flatten();
    keys.filter(|(name, _)| name.eq_ignore_ascii_case(key)).flat_map(|(_, value)| texts(value)).collect()
}

/// A string, or the strings of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(statement: Value) -> Vec<String> {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        policy_callers(&policy.to_string()).into_iter().map(|caller| caller.name).collect()
    }

    #[test]
    fn a_caller_has_the_name_that_people_know() {
        let service = |service: &str, source: &str| {
            let condition = if source.is_empty() { json!({}) } else { json!({"AWS:SourceArn": source}) };
            json!({"Sid": "s", "Effect": "Allow", "Principal": {"Service": service},
                "Action": "lambda:InvokeFunction", "Condition": {"ArnLike": condition}})
        };
        let account = |principal: Value| json!({"Effect": "Allow", "Principal": principal, "Action": ["lambda:GetFunction", "lambda:*"]});
        let api = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/GET/items";
        for (statement, name) in [
            (service("apigateway.amazonaws.com", api), "API Gateway abc123"),
            (service("apigateway.amazonaws.com", ""), "API Gateway"),
            (
                service("events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/bus/nightly"),
                "EventBridge rule nightly",
            ),
            (service("s3.amazonaws.com", "arn:aws:s3:::uploads"), "S3 bucket uploads"),
            (service("sns.amazonaws.com", "arn:aws:sns:us-east-1:123456789012:news"), "SNS topic news"),
            (
                service("logs.amazonaws.com", "arn:aws:logs:us-east-1:123456789012:log-group:/a/b:*"),
                "log group /a/b",
            ),
            (service("iot.amazonaws.com", ""), "iot.amazonaws.com"),
            (account(json!({"AWS": "arn:aws:iam::210987654321:root"})), "account 210987654321"),
            (account(json!({"AWS": "210987654321"})), "account 210987654321"),
            (account(json!({"AWS": "arn:aws:iam::210987654321:role/x"})), "arn:aws:iam::210987654321:role/x"),
            (account(json!("*")), "everyone"),
        ] {
            assert_eq!(names(statement.clone()), [name], "{statement}");
        }
        let mut organization = account(json!({"AWS": "*"}));
        organization["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        assert_eq!(names(organization), ["everyone in the organization o-1"]);
    }

    #[test]
    fn an_event_source_has_the_name_that_people_know() {
        for (service, resource, name) in [
            ("sqs", "orders", "SQS queue orders"),
            ("kinesis", "stream/clicks", "Kinesis stream clicks"),
            ("dynamodb", "table/users/stream/2026-01-01T00:00:00.000", "DynamoDB table users"),
            ("kafka", "cluster/main/0123", "Kafka cluster main"),
            ("mq", "broker:jobs:b-0123", "MQ broker jobs"),
            ("rds", "cluster:docs", "DocumentDB cluster docs"),
        ] {
            assert_eq!(resource_name(&format!("arn:aws:{service}:us-east-1:123456789012:{resource}")), name);
        }
        let other = "arn:aws:other:us-east-1:123456789012:thing";
        assert_eq!((resource_name(other).as_str(), resource_name("no ARN").as_str()), (other, "no ARN"));
    }

    #[test]
    fn what_cannot_invoke_the_function_without_its_url_is_no_caller() {
        let url = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl"});
        let mut through_url = url.clone();
        through_url["Action"] = json!("lambda:InvokeFunction");
        through_url["Condition"] = json!({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}});
        let reads = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:GetFunction"});
        let denies = json!({"Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunction"});
        for statement in [url, through_url, reads, denies] {
            assert_eq!(names(statement.clone()), Vec::<String>::new(), "{statement}");
        }
        assert!(policy_callers("no policy").is_empty());
    }

    #[test]
    fn a_caller_with_several_statements_is_named_once() {
        let statement = |id: &str, stage: &str| {
            let arn = format!("arn:aws:execute-api:us-east-1:123456789012:abc/{stage}/*");
            json!({"Sid": id, "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
                "Action": "lambda:InvokeFunction", "Condition": {"ArnLike": {"AWS:SourceArn": arn}}})
        };
        let policy = json!({"Statement": [statement("one", "test"), statement("two", "prod")]});
        let caller = PolicyCaller { name: "API Gateway abc".to_owned(), statement_id: "one".to_owned() };
        assert_eq!(policy_callers(&policy.to_string()), [caller]);
    }
}
