//! Parses AWS's access-denied errors into caller, action, resource and the IAM statement to add.
//! Never suggests a statement where AWS reports an explicit deny: no allow statement can override one.

use super::aws_messages;
use crate::lambda::CallError;
use crate::protocol::policy_document::Statement;

/// A permission that AWS found missing, as far as AWS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denied {
    /// The caller's ARN. `None`: AWS does not name it.
    pub(super) caller: Option<String>,
    /// The action, such as `lambda:UpdateFunctionCode`.
    pub(super) action: String,
    /// ARN of the resource. `None`: AWS does not name it.
    pub(super) resource: Option<String>,
    /// The kind of policy that is the reason.
    pub(super) by: DenialSource,
}

/// The kind of policy that is the reason for a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DenialSource {
    /// No policy allows the action.
    Nothing,
    /// A policy of this kind, such as `a service control policy`, does not allow the action; another policy
    /// may already.
    Unallowed(&'static str),
    /// A policy of this kind explicitly denies the action.
    Denied(&'static str),
}

impl Denied {
    /// Reads the text of a refused call. `None`: the text is not about a permission.
    pub(super) fn from_message(error: &CallError) -> Option<Denied> {
        not_authorized(error.message()).or_else(|| by_service(error.message()))
    }

    /// Concludes a missing permission from the error code alone, for a refused call without such a text.
    /// `None`: the code is not about a permission.
    pub(super) fn from_code(error: &CallError) -> Option<Denied> {
        let codes = ["AccessDeniedException", "AccessDenied", "UnauthorizedOperation"];
        let action = action_of(error.operation);
        let resource = error.resource.clone();
        let denied = Denied { caller: None, action, resource, by: DenialSource::Nothing };
        codes.contains(&error.code()).then_some(denied)
    }

    /// The IAM statement that allows the action. `None`: no statement would, because a policy denies the
    /// action, or because the action depends on a role's trust policy.
    pub(super) fn statement(&self) -> Option<Statement> {
        if matches!(self.by, DenialSource::Denied(_)) || self.action.starts_with("sts:") {
            return None;
        }
        let resource = self.resource.clone().unwrap_or_else(|| "*".to_owned());
        Some(match self.action.as_str() {
            "iam:PassRole" => Statement::pass_role(resource),
            "lambda:AddPermission" => {
                Statement::allow([self.action.as_str()], [resource]).only_if("lambda:Principal", "*")
            }
            action => Statement::allow([action], [resource]),
        })
    }
}

/// `User: <arn> is not authorized to perform: <action> on resource: <arn> because <reason>`; S3 quotes the
/// ARN.
fn not_authorized(message: &str) -> Option<Denied> {
    let (before, after) = message.split_once("is not authorized to perform: ")?;
    // Here Lambda quotes KMS, whose text is about the function's role and not about the caller.
    if before.contains("KMS Message") {
        return None;
    }
    let (action, rest) = match after.split_once(char::is_whitespace) {
        Some((action, rest)) => (action, rest),
        None => (after, ""),
    };
    let resource = rest.trim_start().strip_prefix("on resource: ").map(|rest| {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest[..end].trim_matches('"').trim_end_matches('.').to_owned()
    });
    let caller = before
        .rsplit_once("User: ")
        .map(|(_, caller)| caller.trim().to_owned())
        .filter(|caller| !caller.is_empty());
    let action = action.trim_end_matches(['.', ',']).to_owned();
    Some(Denied { caller, action, resource: resource.filter(|arn| !arn.is_empty()), by: by(rest) })
}

/// `Your access has been denied by <service>, please make sure your request credentials have permission to
/// <Operation> for <what>. …`: Lambda calls the service with the caller's permissions.
fn by_service(message: &str) -> Option<Denied> {
    let (_, rest) = message.split_once("access has been denied by ")?;
    let (service, rest) = rest.split_once(',')?;
    let (_, rest) = rest.split_once("have permission to ")?;
    let operation: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    let what =
        rest.split_once(" for ").map(|(_, what)| what.split(char::is_whitespace).next().unwrap_or_default());
    let resource = match (service, what) {
        ("S3", Some(object)) => Some(format!("arn:aws:s3:::{}", object.trim_end_matches('.'))),
        _ => None,
    };
    let action = format!("{}:{operation}", service.to_ascii_lowercase());
    (!operation.is_empty()).then_some(Denied { caller: None, action, resource, by: DenialSource::Nothing })
}

/// The reason that AWS gives after `because` or `with`.
fn by(rest: &str) -> DenialSource {
    let kinds = [
        ("identity-based policy", "an identity-based policy"),
        ("service control policy", "a service control policy of the organization"),
        ("resource control policy", "a resource control policy of the organization"),
        ("permissions boundary", "the caller's permissions boundary"),
        ("session policy", "the policy of the caller's session"),
        ("VPC endpoint policy", "the policy of the VPC endpoint"),
        ("resource-based policy", "the resource's own policy"),
        ("role trust policy", "the role's trust policy"),
    ];
    let Some((_, kind)) = kinds.iter().find(|(words, _)| rest.contains(words)) else {
        return DenialSource::Nothing;
    };
    if rest.contains("explicit deny") {
        DenialSource::Denied(kind)
    } else if rest.contains("no identity-based policy") || rest.contains("no resource-based policy") {
        DenialSource::Nothing
    } else {
        DenialSource::Unallowed(kind)
    }
}

/// The IAM action of an operation, for errors in which AWS does not name it.
fn action_of(operation: &str) -> String {
    match operation {
        "Invoke" => "lambda:InvokeFunction".to_owned(),
        "HeadObject" => "s3:GetObject".to_owned(),
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            "s3:PutObject".to_owned()
        }
        "AbortMultipartUpload" => "s3:AbortMultipartUpload".to_owned(),
        "DescribeAlarms" | "GetMetricData" => format!("cloudwatch:{operation}"),
        operation if operation.starts_with("AssumeRole") => format!("sts:{operation}"),
        operation if aws_messages::is_of_codedeploy(operation) => format!("codedeploy:{operation}"),
        operation => format!("lambda:{operation}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::CallErrorKind;

    fn denied(operation: &'static str, code: &str, message: &str) -> Option<Denied> {
        let error = CallError {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            ..CallError::without(operation, CallErrorKind::Service)
        };
        Denied::from_message(&error).or_else(|| Denied::from_code(&error))
    }

    const USER: &str = "arn:aws:iam::123456789012:user/ci";
    const F: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

    #[test]
    fn action_resource_and_obstacle_are_read_from_every_form_of_the_text() {
        let head = format!("User: {USER} is not authorized to perform: lambda:GetFunction on resource: {F}");
        let no = |policy: &str| format!(" because no {policy} allows the lambda:GetFunction action");
        let explicit = |policy: &str| format!(" with an explicit deny in {policy}");
        let organization = "a service control policy of the organization";
        for (tail, by) in [
            (String::new(), DenialSource::Nothing),
            (no("identity-based policy"), DenialSource::Nothing),
            (no("resource-based policy"), DenialSource::Nothing),
            (explicit("an identity-based policy"), DenialSource::Denied("an identity-based policy")),
            (explicit("a service control policy"), DenialSource::Denied(organization)),
            (no("permissions boundary"), DenialSource::Unallowed("the caller's permissions boundary")),
            (no("session policy"), DenialSource::Unallowed("the policy of the caller's session")),
            (no("service control policy"), DenialSource::Unallowed(organization)),
            (no("VPC endpoint policy"), DenialSource::Unallowed("the policy of the VPC endpoint")),
        ] {
            let found = denied("GetFunction", "AccessDeniedException", &format!("{head}{tail}"));
            let (caller, action, resource) =
                (Some(USER.to_owned()), "lambda:GetFunction".to_owned(), Some(F.to_owned()));
            assert_eq!(found, Some(Denied { caller, action, resource, by }), "{tail}");
        }
    }

    #[test]
    fn other_services_deny_in_their_own_forms() {
        let s3 = format!(
            "User: {USER} is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::b/k.zip\" \
             because no identity-based policy allows the s3:PutObject action"
        );
        let found = denied("PutObject", "AccessDenied", &s3).expect("denied");
        assert_eq!(
            (found.action.as_str(), found.resource.as_deref()),
            ("s3:PutObject", Some("arn:aws:s3:::b/k.zip"))
        );
        let from_lambda = "Your access has been denied by S3, please make sure your request credentials have \
            permission to GetObject for b/k.zip. S3 Error Code: AccessDenied. S3 Error Message: Access \
            Denied";
        let found = denied("UpdateFunctionCode", "AccessDeniedException", from_lambda).expect("denied");
        assert_eq!(
            (found.action.as_str(), found.resource.as_deref()),
            ("s3:GetObject", Some("arn:aws:s3:::b/k.zip"))
        );
        let from_ec2 = "Your access has been denied by EC2, please make sure your request credentials have \
            permission to DescribeSecurityGroups for sg-1. EC2 Error Code: UnauthorizedOperation.";
        let found = denied("CreateFunction", "InvalidParameterValueException", from_ec2).expect("denied");
        assert_eq!((found.action.as_str(), found.resource), ("ec2:DescribeSecurityGroups", None));
    }

    #[test]
    fn without_words_the_action_is_that_of_the_operation() {
        for (operation, code, message, action) in [
            ("PublishVersion", "AccessDeniedException", "None", "lambda:PublishVersion"),
            ("Invoke", "AccessDeniedException", "", "lambda:InvokeFunction"),
            ("PutObject", "AccessDenied", "Access Denied", "s3:PutObject"),
            ("GetMetricData", "AccessDenied", "", "cloudwatch:GetMetricData"),
            ("ListDeployments", "AccessDeniedException", "", "codedeploy:ListDeployments"),
        ] {
            assert_eq!(denied(operation, code, message).expect("denied").action, action);
        }
        assert_eq!(denied("GetFunction", "ResourceNotFoundException", "Function not found"), None);
    }

    #[test]
    fn the_statement_allows_just_that_and_passes_a_role_to_lambda_alone() {
        let role = "arn:aws:iam::123456789012:role/run";
        let text = format!("User: {USER} is not authorized to perform: iam:PassRole on resource: {role}");
        let found = denied("CreateFunction", "AccessDeniedException", &text).expect("denied");
        assert_eq!(found.statement(), Some(Statement::pass_role(role)));
        let forbidden = format!("{text} with an explicit deny in an identity-based policy");
        assert_eq!(
            denied("CreateFunction", "AccessDeniedException", &forbidden).expect("denied").statement(),
            None
        );
    }
}
