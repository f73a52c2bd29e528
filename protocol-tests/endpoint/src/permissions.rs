//! Lists every permission that AWS checks before it handles an authenticated request. Never evaluates a
//! policy: that is the task of `iam.rs`.
//!
//! The sources are beside the rows, as titles of AWS's documents. The first permission is the operation's
//! own, which AWS checks first; the order of the others is a guess. Where the code or a setting comes from
//! another service, Lambda calls that service in the caller's name.

use serde_json::Value;

use crate::account::{Account, Arguments};
use crate::checks::required;
use crate::codedeploy;
use crate::configuration::VPC;
use crate::document::{string_map, strings};
use crate::function_name::FunctionName;
use crate::iam::Context;
use crate::permission::{Permission, add};
use crate::refusal::Refusal;
use crate::route::{Operation, Route};
use crate::settings::Settings;

/// Returns all permissions that a request needs, its own action first. Fails if the request names no valid
/// resource.
pub(crate) fn needed(
    account: &Account,
    route: &Route,
    arguments: &Arguments<'_>,
) -> Result<Vec<Permission>, Refusal> {
    let resource = resource(account, route.operation, arguments)?;
    // "Fine-tuning the Resources and Conditions sections of policies" (Lambda guide): only this action has
    // another name than its operation.
    let name = if route.operation == Operation::Invoke { "InvokeFunction" } else { route.name };
    let prefix = route.operation.service().iam_prefix();
    let context = context(account, route.operation, arguments);
    let own = Permission::new(&format!("{prefix}:{name}"), &resource, context);
    let mut needed = vec![own];
    let (body, settings) = (arguments.body, &account.settings);
    if route.operation == Operation::CreateFunction {
        // "Using tags on Lambda functions" (Lambda guide).
        if body["Tags"].as_object().is_some_and(|tags| !tags.is_empty()) {
            needed.push(Permission::new("lambda:TagResource", &resource, tags_of(&body["Tags"])));
        }
        needed.extend(from_settings(body, settings));
        needed.extend(from_code(&body["Code"], settings));
        needed.extend(from_signing(&body["CodeSigningConfigArn"]));
    } else if route.operation == Operation::UpdateFunctionConfiguration {
        needed.extend(from_settings(body, settings));
    } else if route.operation == Operation::UpdateFunctionCode {
        needed.extend(from_code(body, settings));
    } else if route.operation == Operation::PutFunctionCodeSigningConfig {
        // Needed on the function and on the configuration ("Actions, resources, and condition keys for AWS
        // Lambda", Service Authorization Reference).
        if let Some(config) = body["CodeSigningConfigArn"].as_str() {
            needed.push(Permission::new("lambda:PutFunctionCodeSigningConfig", config, Context::new()));
        }
        needed.extend(from_signing(&body["CodeSigningConfigArn"]));
    } else if route.operation == Operation::PublishLayerVersion {
        needed.extend(from_code(&body["Content"], settings));
    } else if let Operation::CodeDeploy(operation) = route.operation {
        needed.extend(codedeploy::permissions::others(account, operation, body));
    }
    Ok(needed)
}

/// Returns the resource of the operation's own action ("Fine-tuning the Resources and Conditions sections of
/// policies", Lambda guide). That page says for AddPermission, RemovePermission and Invoke that the qualifier
/// belongs to the resource; for GetFunction "Set up IAM permissions and roles for Lambda@Edge" (CloudFront
/// guide) does. For the others it is a guess.
fn resource(account: &Account, operation: Operation, arguments: &Arguments<'_>) -> Result<String, Refusal> {
    match operation {
        Operation::CreateFunction => {
            let name = account.name(required(arguments.body, "FunctionName", "functionName")?)?;
            Ok(account.arn(&FunctionName { qualifier: None, ..name }))
        }
        Operation::TagResource | Operation::UntagResource | Operation::ListTags => {
            Ok(arguments.subject.to_owned())
        }
        // "Actions, resources, and condition keys for AWS Lambda" (Service Authorization Reference).
        Operation::CreateEventSourceMapping | Operation::ListEventSourceMappings => Ok("*".to_owned()),
        Operation::GetEventSourceMapping | Operation::UpdateEventSourceMapping => {
            let Settings { region, account, .. } = &account.settings;
            Ok(format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{}", arguments.subject))
        }
        // AWS's errors about ListLayerVersions name the layer (serverless-latest-layer-version, issue 31).
        // For the others: "Granting users access to a Lambda layer" (Lambda guide).
        Operation::PublishLayerVersion | Operation::ListLayerVersions => {
            Ok(account.layer_named(arguments.subject)?.1)
        }
        Operation::GetLayerVersion | Operation::DeleteLayerVersion => {
            Ok(format!("{}:{}", account.layer_named(arguments.subject)?.1, arguments.item))
        }
        Operation::CodeDeploy(operation) => {
            Ok(codedeploy::permissions::resource(account, operation, arguments.body))
        }
        // Composite alarms need `*` ("Amazon CloudWatch permissions reference", CloudWatch guide).
        Operation::DescribeAlarms if !strings(&arguments.body["AlarmTypes"]).contains(&"CompositeAlarm") => {
            let Settings { region, account, .. } = &account.settings;
            Ok(format!("arn:aws:cloudwatch:{region}:{account}:alarm:*"))
        }
        Operation::DescribeAlarms | Operation::GetMetricData => Ok("*".to_owned()),
        Operation::GetFunction
        | Operation::GetFunctionConfiguration
        | Operation::DeleteFunction
        | Operation::PutRuntimeManagementConfig
        | Operation::GetRuntimeManagementConfig
        | Operation::PutFunctionEventInvokeConfig
        | Operation::GetFunctionEventInvokeConfig
        | Operation::DeleteFunctionEventInvokeConfig
        | Operation::PutProvisionedConcurrencyConfig
        | Operation::GetProvisionedConcurrencyConfig
        | Operation::DeleteProvisionedConcurrencyConfig
        | Operation::PutFunctionScalingConfig
        | Operation::GetFunctionScalingConfig
        | Operation::CreateFunctionUrlConfig
        | Operation::GetFunctionUrlConfig
        | Operation::UpdateFunctionUrlConfig
        | Operation::DeleteFunctionUrlConfig
        | Operation::AddPermission
        | Operation::GetPolicy
        | Operation::RemovePermission
        | Operation::ListDurableExecutionsByFunction
        | Operation::Invoke => Ok(account.arn(&account.named(arguments)?)),
        Operation::UpdateFunctionConfiguration
        | Operation::UpdateFunctionCode
        | Operation::PublishVersion
        | Operation::ListVersionsByFunction
        | Operation::CreateAlias
        | Operation::GetAlias
        | Operation::UpdateAlias
        | Operation::DeleteAlias
        | Operation::ListAliases
        | Operation::PutFunctionConcurrency
        | Operation::GetFunctionConcurrency
        | Operation::DeleteFunctionConcurrency
        | Operation::PutFunctionRecursionConfig
        | Operation::GetFunctionRecursionConfig
        | Operation::PutFunctionCodeSigningConfig
        | Operation::GetFunctionCodeSigningConfig
        | Operation::DeleteFunctionCodeSigningConfig => {
            Ok(account.arn(&FunctionName { qualifier: None, ..account.name(arguments.subject)? }))
        }
    }
}

/// Returns the condition keys of the operation's own action ("Actions, resources, and condition keys for AWS
/// Lambda", Service Authorization Reference). A key is absent if the request has no value for it.
fn context(account: &Account, operation: Operation, arguments: &Arguments<'_>) -> Context {
    let body = arguments.body;
    let mut context = Context::new();
    match operation {
        Operation::CreateFunction | Operation::UpdateFunctionConfiguration => {
            add(&mut context, "lambda:Layer", &strings(&body["Layers"]));
            add(&mut context, "lambda:SubnetIds", &strings(&body["VpcConfig"]["SubnetIds"]));
            add(&mut context, "lambda:SecurityGroupIds", &strings(&body["VpcConfig"]["SecurityGroupIds"]));
            add(&mut context, "lambda:CodeSigningConfigArn", &text(&body["CodeSigningConfigArn"]));
            context.extend(tags_of(&body["Tags"]));
        }
        Operation::PutFunctionCodeSigningConfig => {
            add(&mut context, "lambda:CodeSigningConfigArn", &text(&body["CodeSigningConfigArn"]));
        }
        Operation::TagResource => context.extend(tags_of(&body["Tags"])),
        // That the function in the request counts, if it names one, is a guess.
        Operation::CreateEventSourceMapping
        | Operation::GetEventSourceMapping
        | Operation::UpdateEventSourceMapping => {
            let asked = body["FunctionName"].as_str().and_then(|name| account.name(name).ok());
            let asked = asked.map(|name| account.arn(&name));
            let arn = asked.or_else(|| account.called_by(arguments.subject).map(str::to_owned));
            add(&mut context, "lambda:FunctionArn", &arn.as_deref().into_iter().collect::<Vec<_>>());
        }
        Operation::UntagResource => {
            let keys =
                arguments.query.iter().filter(|(name, _)| name == "tagKeys").map(|(_, key)| key.as_str());
            add(&mut context, "aws:TagKeys", &keys.collect::<Vec<_>>());
        }
        Operation::AddPermission => {
            add(&mut context, "lambda:Principal", &text(&body["Principal"]));
            add(&mut context, "lambda:FunctionUrlAuthType", &text(&body["FunctionUrlAuthType"]));
        }
        Operation::CreateFunctionUrlConfig
        | Operation::GetFunctionUrlConfig
        | Operation::UpdateFunctionUrlConfig
        | Operation::DeleteFunctionUrlConfig => {
            // That the current value counts if the request has none is a guess.
            let live = live_auth_type(account, arguments).unwrap_or(&Value::Null);
            let asked = &body["AuthType"];
            add(
                &mut context,
                "lambda:FunctionUrlAuthType",
                &text(if asked.is_null() { live } else { asked }),
            );
        }
        Operation::GetFunction
        | Operation::GetFunctionConfiguration
        | Operation::UpdateFunctionCode
        | Operation::DeleteFunction
        | Operation::PublishVersion
        | Operation::ListVersionsByFunction
        | Operation::CreateAlias
        | Operation::GetAlias
        | Operation::UpdateAlias
        | Operation::DeleteAlias
        | Operation::ListAliases
        | Operation::ListTags
        | Operation::PutFunctionConcurrency
        | Operation::GetFunctionConcurrency
        | Operation::DeleteFunctionConcurrency
        | Operation::PutRuntimeManagementConfig
        | Operation::GetRuntimeManagementConfig
        | Operation::PutFunctionRecursionConfig
        | Operation::GetFunctionRecursionConfig
        | Operation::PutFunctionEventInvokeConfig
        | Operation::GetFunctionEventInvokeConfig
        | Operation::DeleteFunctionEventInvokeConfig
        | Operation::PutProvisionedConcurrencyConfig
        | Operation::GetProvisionedConcurrencyConfig
        | Operation::DeleteProvisionedConcurrencyConfig
        | Operation::PutFunctionScalingConfig
        | Operation::GetFunctionScalingConfig
        | Operation::GetPolicy
        | Operation::RemovePermission
        | Operation::GetFunctionCodeSigningConfig
        | Operation::DeleteFunctionCodeSigningConfig
        | Operation::ListEventSourceMappings
        | Operation::ListDurableExecutionsByFunction
        | Operation::PublishLayerVersion
        | Operation::GetLayerVersion
        | Operation::ListLayerVersions
        | Operation::DeleteLayerVersion
        | Operation::Invoke
        | Operation::DescribeAlarms
        | Operation::GetMetricData
        | Operation::CodeDeploy(_) => {}
    }
    context
}

fn live_auth_type<'a>(account: &'a Account, arguments: &Arguments<'_>) -> Option<&'a Value> {
    let name = account.named(arguments).ok()?;
    let url = account.functions.get(&name.name)?.urls.get(name.qualifier.as_deref().unwrap_or("$LATEST"))?;
    Some(&url["AuthType"])
}

fn from_settings(request: &Value, settings: &Settings) -> Vec<Permission> {
    let mut needed = Vec::new();
    // "Grant a user permissions to pass a role to an AWS service" (IAM guide). Also needed if the role does
    // not change.
    if let Some(role) = request["Role"].as_str() {
        let service = ("iam:PassedToService".to_owned(), vec!["lambda.amazonaws.com".to_owned()]);
        needed.push(Permission::new("iam:PassRole", role, vec![service]));
    }
    // "Fine-tuning the Resources and Conditions sections of policies" (Lambda guide): layers are used by
    // version.
    for layer in strings(&request["Layers"]) {
        needed.push(Permission::new("lambda:GetLayerVersion", layer, Context::new()));
    }
    let first = |key: &str| strings(&request["VpcConfig"][key]).first().copied().unwrap_or_default();
    let (subnet, group) = (first("SubnetIds"), first("SecurityGroupIds"));
    if !subnet.is_empty() || !group.is_empty() {
        // "Configuring a Lambda function to access resources in a VPC" (Lambda guide), user permissions. That
        // groups come first is known from reports.
        for (action, about) in [
            ("ec2:DescribeSecurityGroups", group),
            ("ec2:DescribeSubnets", subnet),
            ("ec2:DescribeVpcs", VPC),
        ] {
            needed
                .push(Permission { about: about.to_owned(), ..Permission::new(action, "*", Context::new()) });
        }
    }
    // "Configuring file system access for Lambda functions" (Lambda guide), user permissions.
    if request["FileSystemConfigs"].as_array().is_some_and(|configs| !configs.is_empty()) {
        needed.push(Permission::new("elasticfilesystem:DescribeMountTargets", "*", Context::new()));
    }
    // "Using AWS Lambda environment variables" (Lambda guide), securing them: a caller without kms:Decrypt
    // may change a function but cannot see its variables.
    if let Some(key) = request["KMSKeyArn"].as_str().filter(|arn| !arn.is_empty()) {
        for action in ["kms:CreateGrant", "kms:Encrypt"] {
            needed.push(from_key(action, key, settings));
        }
    }
    // "Core concepts" of Managed Instances (Lambda guide): permission to assign functions to a provider.
    let instances = &request["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"];
    if let Some(provider) = instances["CapacityProviderArn"].as_str() {
        needed.push(Permission::new("lambda:PassCapacityProvider", provider, Context::new()));
    }
    // "Encrypting durable execution data" (Lambda guide), permissions of the caller.
    if let Some(key) = request["DurableConfig"]["KMSKeyArn"].as_str().filter(|arn| !arn.is_empty()) {
        for action in ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"] {
            needed.push(from_key(action, key, settings));
        }
    }
    needed
}

/// `source` has the members of FunctionCode, which are in `Code` of CreateFunction and at the top level of
/// UpdateFunctionCode.
fn from_code(source: &Value, settings: &Settings) -> Vec<Permission> {
    let mut needed = Vec::new();
    // AWS's message says so ("make sure your request credentials have permission to GetObject"). For versions
    // the source is "Actions, resources, and condition keys for Amazon S3" (Service Authorization Reference).
    if let (Some(bucket), Some(key)) = (source["S3Bucket"].as_str(), source["S3Key"].as_str()) {
        let version = source["S3ObjectVersion"].as_str().is_some_and(|version| !version.is_empty());
        let action = if version { "s3:GetObjectVersion" } else { "s3:GetObject" };
        needed.push(Permission::new(action, &format!("arn:aws:s3:::{bucket}/{key}"), Context::new()));
    }
    // "Create a Lambda function using a container image" (Lambda guide), Amazon ECR permissions. This is the
    // strictest case: the repository's policy does not mention Lambda. Lambda then writes that policy itself
    // with the caller's permissions, but never in another account.
    if let Some((account, repository)) = source["ImageUri"].as_str().and_then(repository) {
        let read = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
        let write = ["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"];
        for action in read.into_iter().chain(write.into_iter().filter(|_| account == settings.account)) {
            needed.push(Permission::new(action, &repository, Context::new()));
        }
    }
    // "Encrypting Lambda .zip deployment packages" (Lambda guide), principal permissions.
    if let Some(key) = source["SourceKMSKeyArn"].as_str().filter(|arn| !arn.is_empty()) {
        for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
            needed.push(from_key(action, key, settings));
        }
    }
    needed
}

/// Known from the permissions that CloudFormation's handler of `AWS::Lambda::Function` requests. The action
/// is in "Configuring IAM policies for Lambda code signing configurations" (Lambda guide).
fn from_signing(arn: &Value) -> Option<Permission> {
    arn.as_str().map(|arn| Permission::new("lambda:GetCodeSigningConfig", arn, Context::new()))
}

/// Returns the permission for an action with a key that Lambda performs in the caller's name ("AWS KMS
/// condition keys", KMS guide).
pub(crate) fn from_key(action: &str, key: &str, settings: &Settings) -> Permission {
    let mut context = Context::new();
    add(&mut context, "kms:ViaService", &[&format!("lambda.{}.amazonaws.com", settings.region)]);
    if action == "kms:CreateGrant" {
        add(&mut context, "kms:GrantIsForAWSResource", &["true"]);
    }
    Permission::new(action, key, context)
}

/// Returns the permission that shows a function's tags. GetFunction needs it for a tagged function ("Using
/// tags on Lambda functions", Lambda guide).
pub(crate) fn from_tags(arn: &str) -> Permission {
    Permission::new("lambda:ListTags", arn, Context::new())
}

/// Returns the account and the ARN of the repository in `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG`, or
/// with `@sha256:…`. `None`: it is not an image in ECR.
fn repository(uri: &str) -> Option<(&str, String)> {
    let (host, path) = uri.split_once('/')?;
    let mut labels = host.split('.');
    let account = labels.next()?;
    if labels.next()? != "dkr" || labels.next()? != "ecr" {
        return None;
    }
    let region = labels.next()?;
    let name = path.split(['@', ':']).next()?;
    Some((account, format!("arn:aws:ecr:{region}:{account}:repository/{name}")))
}

/// Returns the tags that a request sets, as condition keys.
fn tags_of(tags: &Value) -> Context {
    let mut context = Context::new();
    let tags = string_map(tags);
    for (key, value) in &tags {
        add(&mut context, &format!("aws:RequestTag/{key}"), &[value]);
    }
    add(&mut context, "aws:TagKeys", &tags.keys().map(String::as_str).collect::<Vec<_>>());
    context
}

fn text(value: &Value) -> Vec<&str> {
    value.as_str().into_iter().collect()
}
