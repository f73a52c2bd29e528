//! Turns a call that AWS refused, or that did not reach AWS, into code, message, stanza key and hint.

use super::denied::{DenialSource, Denied};
use super::{aws_messages, constraint, cut, report, sentence, shortened};
use crate::lambda::{CallError, CallErrorKind};
use crate::protocol::error::{AwsDetail, Code, ErrorReport, Problem};
use crate::protocol::secret::Redactor;

/// Longest message or cause, in characters. AWS's own error texts have a few hundred; a text of megabytes,
/// such as one from a proxy, does not help and fills every log.
const MOST_CHARACTERS: usize = 4_000;

pub(super) fn from_call(mut error: CallError, redactor: &Redactor) -> ErrorReport {
    for address in [&mut error.address, &mut error.proxy].into_iter().flatten() {
        *address = redactor.redact(address);
    }
    let mut report = match error.kind {
        CallErrorKind::Service => from_refusal(&error, redactor),
        CallErrorKind::InvalidResponse => from_invalid_response(&error),
        CallErrorKind::Timeout => {
            let is_connected = !error.causes().iter().any(|cause| cause.contains("connect timeout"));
            report(Code::TimedOut, error.to_string()).hint(match is_connected {
                true => "try again in a few minutes",
                false => {
                    "check the job's network access: a firewall, a private subnet without a way to AWS, or a \
                     proxy that HTTPS_PROXY does not name"
                }
            })
        }
        CallErrorKind::Connect => from_unreachable(&error, redactor),
        CallErrorKind::Construction => report(Code::BadValue, error.to_string()).hint(
            "fix the value that the causes describe, in the stanza or in a variable that the stanza uses",
        ),
        CallErrorKind::Renewal => report(Code::NoCredentials, error.to_string())
            .hint("fix what the causes describe, then deploy again: this continues where the run stopped"),
    };
    // AWS uses the same texts for the archive of a layer and for that of the function.
    report.at = report.at.filter(|at| at != "/zip" || !is_of_layer(error.operation));
    report.at = report.at.or_else(|| at_of_operation(error.operation).map(str::to_owned));
    if error.kind != CallErrorKind::Service {
        let causes = error.causes().into_iter().map(|cause| redactor.redact(cause));
        let news: Vec<String> = causes.filter(|cause| !report.message.contains(cause.as_str())).collect();
        report.caused_by.extend(news);
    }
    // Redaction comes first: the redactor would not recognize half of a secret.
    for text in report.caused_by.iter_mut().chain([&mut report.message]) {
        *text = cut(text, MOST_CHARACTERS);
    }
    report.aws = Some(AwsDetail {
        operation: error.operation.to_owned(),
        code: error.code.map(|code| redactor.redact(&code)),
        http_status: error.http_status,
        request_id: error.request_id.map(|id| redactor.redact(&id)),
    });
    report
}

/// Reports a call that AWS refused. The most specific reading wins: a denied permission, a rejected value, a
/// row of the table in `aws_messages.rs`, a bare access-denied code, a server error; the last resort is AWS's
/// text with a code for the kind of operation.
fn from_refusal(error: &CallError, redactor: &Redactor) -> ErrorReport {
    if let Some(denied) = Denied::from_message(error) {
        return from_denied(&denied, error, redactor);
    }
    // `constraint` cuts values short, so redact first: the redactor would not recognize half of a secret.
    let problems = constraint::problems(&redactor.redact(error.message()));
    if !problems.is_empty() {
        return from_constraints(problems, error, redactor);
    }
    let refused = |words: &str| {
        let words = sentence(words, redactor);
        if words.is_empty() {
            format!("{error} with {}", redactor.redact(error.code()))
        } else {
            format!("{error}: {words}")
        }
    };
    if let Some(row) = aws_messages::row(error) {
        let mut report = report(row.code, refused(row.says.unwrap_or(error.message()))).hint(row.hint);
        report.at = row.at.map(str::to_owned);
        if let Some((hint, at)) = state_reason(error.message()).and_then(aws_messages::from_state) {
            report = report.hint(format!("{hint}; then deploy again"));
            report.at = at.map(str::to_owned);
        }
        if let Some(region) = error.bucket_region.as_ref().filter(|_| row.code == Code::WrongRegion) {
            report.message = format!("{}; the bucket is in {}", report.message, redactor.redact(region));
        }
        report.caused_by.extend(row.says.and_then(|_| aws_message(error, redactor)));
        return report;
    }
    if let Some(denied) = Denied::from_code(error) {
        return from_denied(&denied, error, redactor);
    }
    if error.http_status.is_some_and(|status| status >= 500) {
        return report(Code::ServiceUnavailable, refused(error.message())).hint("try again in a few minutes");
    }
    report(aws_messages::by_operation(error.operation), refused(error.message()))
        .hint("look up the error in AWS's documentation of this operation")
}

fn from_denied(denied: &Denied, error: &CallError, redactor: &Redactor) -> ErrorReport {
    let redact = |text: &str| redactor.redact(text);
    let caller = denied.caller.as_deref().map_or_else(|| "the caller".to_owned(), redact);
    let action = redact(&denied.action);
    let on =
        denied.resource.as_deref().map(|resource| format!(" on {}", redact(resource))).unwrap_or_default();
    let forbids = match denied.by {
        DenialSource::Denied(by) => format!(": {by} denies it"),
        DenialSource::Unallowed(by) => format!(": {by} does not allow it"),
        DenialSource::Nothing => String::new(),
    };
    let mut report =
        report(Code::AccessDenied, format!("{caller} is not allowed to perform {action}{on}{forbids}"));
    // An S3 call may be denied `kms:` actions on the bucket's own key, so the bucket is to blame, not
    // `kms_key_arn`.
    let from_bucket = aws_messages::is_of_bucket(error.operation).then_some("/s3_bucket");
    report.at = from_bucket.or_else(|| at_of_action(&denied.action)).map(str::to_owned);
    report.caused_by.extend(aws_message(error, redactor));
    let mut statement = denied.statement();
    if let Some(statement) = &mut statement {
        let texts = statement.action.iter_mut().chain(&mut statement.resource);
        texts.for_each(|text| *text = redactor.redact(text));
    }
    let ready = statement.as_ref().map(ToString::to_string).unwrap_or_default();
    let hint = match (denied.by, error.operation) {
        (_, operation) if operation.starts_with("AssumeRole") => {
            "check that the role exists: AWS refuses a role that does not exist with the same words; then \
             add this caller to its trust policy, and check the policy's conditions (audience, subject, \
             external ID)"
                .to_owned()
        }
        (DenialSource::Denied(by), _) => {
            format!("have the denial removed from {by}: until then, no statement can allow the action")
        }
        (DenialSource::Unallowed(by), _) => format!("allow the action in {by} as well: {ready}"),
        (DenialSource::Nothing, _) => format!(
            "add this statement to {}: {ready} (`dpl-lambda policy` prints all permissions that the stanza \
             needs)",
            whose_policy(&caller)
        ),
    };
    // "because no resource-based policy allows": AddLayerVersionPermission takes no action but
    // GetLayerVersion.
    report.hint = Some(match error.operation {
        "ListLayerVersions" => format!(
            "{hint}; for a layer of another account write the number of the version, because only its own \
             account can list the versions"
        ),
        _ => hint,
    });
    report.policy_statement = statement.map(Box::new);
    report
}

/// The state reason code in AWS's text: `FunctionError.InitTimeout` of `…: 'Failed'. StateReasonCode:
/// 'FunctionError.InitTimeout'`.
fn state_reason(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("StateReasonCode: '")?;
    rest.split('\'').next()
}

/// JSON pointer to the stanza key that causes an operation. Used when nothing more specific is known.
fn at_of_operation(operation: &str) -> Option<&'static str> {
    match operation {
        "DescribeAlarms" => Some("/guard/alarms"),
        "GetMetricData" => Some("/guard/errors"),
        _ if operation.starts_with("AssumeRole") => Some("/role_to_assume"),
        _ if is_of_layer(operation) => Some("/layers"),
        _ if aws_messages::is_of_bucket(operation) => Some("/s3_bucket"),
        _ if aws_messages::is_of_codedeploy(operation) => Some("/codedeploy"),
        _ => at_of_configuration(operation),
    }
}

/// JSON pointer to the stanza key that has calls of its own, from an operation or an IAM action.
fn at_of_configuration(name: &str) -> Option<&'static str> {
    let keys = [
        ("FunctionEventInvokeConfig", "/event_invoke_config"),
        ("RuntimeManagementConfig", "/runtime_management"),
        ("FunctionRecursionConfig", "/recursive_loop"),
        ("FunctionScalingConfig", "/scaling"),
    ];
    keys.iter().find(|(of, _)| name.ends_with(*of)).map(|(_, at)| *at)
}

/// True for an operation on versions of layers, and for its IAM action.
fn is_of_layer(operation: &str) -> bool {
    operation.contains("LayerVersion")
}

/// The policy to change so that `caller` gains a permission; for an assumed role's session, the policy of the
/// role.
fn whose_policy(caller: &str) -> String {
    match caller.split_once(":assumed-role/").and_then(|(_, session)| session.split('/').next()) {
        Some(role) => format!("the policy of the role {role}"),
        None => format!("the policy of {caller}"),
    }
}

/// JSON pointer to the stanza key that causes an IAM action.
fn at_of_action(action: &str) -> Option<&'static str> {
    Some(match action {
        "iam:PassRole" => "/role",
        _ if is_of_layer(action) => "/layers",
        "lambda:TagResource" | "lambda:UntagResource" | "lambda:ListTags" => "/function_tags",
        "lambda:InvokeFunction" => "/verify",
        "lambda:ListDurableExecutionsByFunction" => "/keep_versions",
        "lambda:PassCapacityProvider" => "/capacity_provider_config",
        "cloudwatch:DescribeAlarms" => "/guard/alarms",
        "cloudwatch:GetMetricData" => "/guard/errors",
        _ if action.contains("EventSourceMapping") => "/follow_alias",
        _ if action.starts_with("codedeploy:") => "/codedeploy",
        _ if action.starts_with("sts:") => "/role_to_assume",
        _ if action.starts_with("s3:") => "/s3_bucket",
        _ if action.starts_with("ecr:") => "/image_uri",
        _ if action.starts_with("ec2:") => "/subnet_ids",
        _ if action.starts_with("kms:") => "/kms_key_arn",
        _ if action.starts_with("elasticfilesystem:") => "/file_system_configs",
        _ => return at_of_configuration(action),
    })
}

fn from_constraints(problems: Vec<Problem>, error: &CallError, redactor: &Redactor) -> ErrorReport {
    let mut report = ErrorReport::from_problems(problems);
    report.message = format!("{error}: {}", report.message);
    report.caused_by.extend(aws_message(error, redactor));
    report
}

/// AWS's own text as a cause, for a report whose message is ours. `None`: AWS gave no text.
fn aws_message(error: &CallError, redactor: &Redactor) -> Option<String> {
    // After "String measured" AWS quotes all environment variables.
    let words = error.message().split("String measured").next().unwrap_or_default();
    let words = sentence(words, redactor);
    (!words.is_empty() && words != "None").then(|| shortened(&words))
}

fn from_invalid_response(error: &CallError) -> ErrorReport {
    let is_down = error.http_status.is_some_and(|status| status >= 500);
    let code = if is_down { Code::ServiceUnavailable } else { Code::UnexpectedAnswer };
    report(code, error.to_string())
        .hint("check whether a proxy responds in place of AWS, then try again in a few minutes")
}

/// Reports a connection that could not be made, or broke. The causes say why.
fn from_unreachable(error: &CallError, redactor: &Redactor) -> ErrorReport {
    let causes = error.causes();
    let all = causes.join(" ").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| all.contains(words));
    let operation = error.operation;
    let named = |preposition: &str, address: &Option<String>| {
        address.as_ref().map(|address| format!(" {preposition} {address}")).unwrap_or_default()
    };
    if has(&["invalid peer certificate", "unknownissuer", "certificate"]) {
        return report(
            Code::CertificateNotTrusted,
            format!(
                "the TLS certificate presented{} for {operation} is not trusted",
                named("by", &error.address)
            ),
        )
        .hint(
            "set AWS_CA_BUNDLE in the job to the proxy's certificate file if a proxy inspects TLS; also \
             check the machine's clock",
        );
    }
    if has(&["proxy", "tunnel"]) {
        let (at, to) = (named("at", &error.proxy), named("to", &error.address));
        return report(
            Code::ProxyRefused,
            format!("the proxy{at} refused the connection{to} for {operation}"),
        )
        .hint(
            "set HTTPS_PROXY in the job to http://user:password@host:port, or list hosts to reach directly \
             in NO_PROXY",
        );
    }
    let hint = if has(&["dns error", "failed to lookup", "name or service not known"]) {
        "check the region name and the job's network access: the host name cannot be resolved"
    } else if has(&["refused"]) {
        "check AWS_ENDPOINT_URL, and whether a firewall blocks the connection: the connection was refused"
    } else {
        "check the region name, the job's network access and its proxy"
    };
    // The last cause is the most specific one.
    let why = causes.last().map(|cause| format!(": {}", sentence(cause, redactor))).unwrap_or_default();
    report(Code::NetworkFailure, format!("{error}{why}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Cause;

    fn refused(code: &str, status: u16, message: &str) -> CallError {
        CallError {
            operation: "UpdateFunctionCode",
            kind: CallErrorKind::Service,
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            http_status: Some(status),
            request_id: Some("id".to_owned()),
            resource: None,
            bucket_region: None,
            address: None,
            proxy: None,
            cause: None,
        }
    }

    #[test]
    fn what_nobody_knows_keeps_awss_words_under_a_code_of_the_operations_kind() {
        let unknown =
            |operation| CallError { operation, ..refused("BrandNewException", 400, "Something new.") };
        for (operation, code) in [
            ("GetFunction", Code::ReadRejected),
            ("ListAliases", Code::ReadRejected),
            ("DescribeAlarms", Code::ReadRejected),
            ("UpdateFunctionConfiguration", Code::UpdateRejected),
            ("TagResource", Code::UpdateRejected),
            ("PublishVersion", Code::ReleaseRejected),
            ("UpdateAlias", Code::ReleaseRejected),
            ("CreateDeployment", Code::ReleaseRejected),
            ("GetDeployment", Code::ReadRejected),
            ("PutObject", Code::UploadRejected),
            ("AssumeRoleWithWebIdentity", Code::IdentityRejected),
            ("Invoke", Code::InvocationRejected),
        ] {
            let report = from_call(unknown(operation), &Redactor::default());
            assert_eq!(report.code, code, "{operation}");
            assert_eq!(report.message, format!("AWS refused {operation}: Something new"));
            assert!(report.hint.is_some());
        }
        let down = from_call(refused("BrandNewException", 503, "oops"), &Redactor::default());
        assert_eq!((down.code, down.retryable), (Code::ServiceUnavailable, true));
    }

    #[test]
    fn the_error_of_a_failed_connection_names_its_cause() {
        let unreachable = |cause: &str| CallError {
            kind: CallErrorKind::Connect,
            code: None,
            message: None,
            http_status: None,
            address: Some("lambda.example:443".to_owned()),
            proxy: Some("proxy.example:3128".to_owned()),
            cause: Cause::chain(vec!["client error".to_owned(), cause.to_owned()]),
            ..refused("", 0, "")
        };
        for (cause, code, hint) in [
            ("dns error: failed to lookup address information", Code::NetworkFailure, "region name"),
            (
                "tcp connect error: Connection refused (os error 111)",
                Code::NetworkFailure,
                "AWS_ENDPOINT_URL",
            ),
            ("invalid peer certificate: UnknownIssuer", Code::CertificateNotTrusted, "AWS_CA_BUNDLE"),
            ("tunnel error: proxy authorization required", Code::ProxyRefused, "HTTPS_PROXY"),
            ("connection reset by peer", Code::NetworkFailure, "network"),
        ] {
            let report = from_call(unreachable(cause), &Redactor::default());
            assert_eq!(report.code, code, "{cause}");
            assert!(report.hint.as_deref().is_some_and(|text| text.contains(hint)), "{report:?}");
            assert!(report.message.contains("lambda.example:443"), "{report:?}");
            assert_eq!(report.message.contains("proxy.example:3128"), code == Code::ProxyRefused);
        }
    }

    #[test]
    fn a_call_without_a_response_names_host_and_port() {
        let late = CallError {
            kind: CallErrorKind::Timeout,
            address: Some("lambda.example:443".to_owned()),
            ..refused("", 0, "")
        };
        let unconnected = CallError {
            cause: Cause::chain(vec!["HTTP connect timeout occurred after 10s".to_owned()]),
            ..late.clone()
        };
        for (error, hint) in [(late, "try again"), (unconnected, "HTTPS_PROXY")] {
            let report = from_call(error, &Redactor::default());
            let message = "AWS at lambda.example:443 did not respond to UpdateFunctionCode in time";
            assert_eq!(report.message, message);
            assert!(report.hint.as_deref().is_some_and(|text| text.contains(hint)), "{report:?}");
        }
    }

    #[test]
    fn a_role_that_cannot_be_assumed_may_not_exist() {
        let text = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:AssumeRole on \
            resource: arn:aws:iam::123456789012:role/nowhere";
        let assumed = CallError { operation: "AssumeRole", ..refused("AccessDenied", 403, text) };
        let lambdas = "The role defined for the function cannot be assumed by Lambda.";
        for error in [assumed, refused("InvalidParameterValueException", 400, lambdas)] {
            let hint = from_call(error, &Redactor::default()).hint.expect("a hint");
            assert!(hint.starts_with("check that the role exists"), "{hint}");
        }
    }

    #[test]
    fn a_denied_call_brings_the_statement_that_would_allow_it() {
        let text = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: \
            lambda:UpdateFunctionCode on resource: arn:aws:lambda:us-east-1:123456789012:function:f because \
            no identity-based policy allows the lambda:UpdateFunctionCode action";
        let report = from_call(refused("AccessDeniedException", 403, text), &Redactor::default());
        let statement = report.policy_statement.clone().expect("a statement");
        assert_eq!(
            serde_json::json!(statement),
            serde_json::json!({"Effect": "Allow", "Action": ["lambda:UpdateFunctionCode"],
                "Resource": ["arn:aws:lambda:us-east-1:123456789012:function:f"]})
        );
        let hint = report.hint.expect("a hint");
        assert!(hint.contains(&serde_json::json!(statement).to_string()), "{hint}");
        let forbidden = text.replace("because no", "with an explicit deny in a service control policy, no");
        let report = from_call(refused("AccessDeniedException", 403, &forbidden), &Redactor::default());
        assert!(report.policy_statement.is_none());
        assert!(
            report.hint.is_some_and(|hint| hint.contains("no statement can allow the action")),
            "{}",
            report.message
        );
    }

    #[test]
    fn aws_quoting_a_variable_does_not_show_it() {
        let redactor = Redactor::new(["hunter2!"], &[]);
        let text = r#"exceeded the 4KB limit. String measured: {"PASSWORD":"hunter2!"}"#;
        let report = from_call(refused("InvalidParameterValueException", 400, text), &redactor);
        assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
    }
}
