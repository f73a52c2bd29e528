//! The permissions that each request needs: it succeeds with all of them, and fails with AWS's message
//! without any one.

use serde_json::{Value, json};

use super::sockets::{exchange, start};
use crate::scenario::{ARN as F, ROLE, TestAccount, create_request, zip_file};

const FUNCTIONS: &str = "/2015-03-31/functions";
const FUNCTION: &str = "/2015-03-31/functions/f";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const CODE: &str = "/2015-03-31/functions/f/code";
const SIGNING: &str = "/2020-06-30/functions/f/code-signing-config";
const EVENT_INVOKE: &str = "/2019-09-25/functions/f/event-invoke-config";
const RUNTIME: &str = "/2021-07-20/functions/f/runtime-management-config";
const RECURSION: &str = "/2024-08-31/functions/f/recursion-config";
const LAYERS: &str = "/2018-10-31/layers/l/versions";
const DENIED: (u16, &str) = (403, "AccessDeniedException");
const LIVE: &str = "arn:aws:lambda:us-east-1:123456789012:function:f:live";
const NEW: &str = "arn:aws:lambda:us-east-1:123456789012:function:new";
const IMAGE: &str = "arn:aws:lambda:us-east-1:123456789012:function:image";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:l:1";
const OTHER_LAYER: &str = "arn:aws:lambda:us-east-1:999999999999:layer:m:7";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111";
const CSC: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/team/app";
const IMAGE_URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:2";

const GROUPS: &str = "ec2:DescribeSecurityGroups";
const SUBNETS: &str = "ec2:DescribeSubnets";
const VPCS: &str = "ec2:DescribeVpcs";
const ECR: [(&str, &str); 4] = [
    ("ecr:BatchGetImage", REPOSITORY),
    ("ecr:GetDownloadUrlForLayer", REPOSITORY),
    ("ecr:GetRepositoryPolicy", REPOSITORY),
    ("ecr:SetRepositoryPolicy", REPOSITORY),
];

/// The function `f` with a version and an alias that has every setting, and the function `image` with an
/// image.
fn prepared() -> TestAccount {
    let mut scenario = TestAccount::with_function();
    scenario.done("POST", "/2015-03-31/functions/f/versions", json!({}));
    scenario.done("POST", "/2015-03-31/functions/f/aliases", json!({"Name": "live", "FunctionVersion": "1"}));
    let provisioned = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live";
    scenario.done("PUT", provisioned, json!({"ProvisionedConcurrentExecutions": 1}));
    scenario.done("POST", "/2021-10-31/functions/f/url?Qualifier=live", json!({"AuthType": "NONE"}));
    let permission =
        json!({"StatementId": "one", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    scenario.done("POST", "/2015-03-31/functions/f/policy?Qualifier=live", permission);
    scenario.done("PUT", EVENT_INVOKE, json!({"MaximumRetryAttempts": 1}));
    let layer = json!({"Content": {"ZipFile": zip_file("layer")}});
    scenario.done("POST", LAYERS, layer);
    let image =
        json!({"FunctionName": "image", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": "i:1"}});
    scenario.done("POST", FUNCTIONS, image);
    scenario
}

/// One statement for each permission.
fn statements(permissions: &[(&str, &str)]) -> Value {
    let one = |(action, resource): &(&str, &str)| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    permissions.iter().map(one).collect()
}

fn message(body: &Value) -> String {
    body.get("message").or(body.get("Message")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Checks that the request succeeds with all permissions, that it fails without any one of them and names
/// that one, and that it names the first if all are missing.
#[track_caller]
fn check(method: &str, target: &str, body: &Value, needed: &[(&str, &str)]) {
    let mut scenario = prepared();
    scenario.enforce(statements(needed));
    scenario.done(method, target, body.clone());
    let refused_for = |kept: &[(&str, &str)], missing: (&str, &str)| {
        let mut scenario = prepared();
        scenario.enforce(statements(kept));
        let (status, code, answer) = scenario.ask(method, target, body.clone());
        assert_eq!((status, code.as_str()), DENIED, "without {missing:?}: {answer}");
        let (action, resource) = missing;
        let reported = match action.split_once(':').unwrap() {
            ("ec2", name) => format!("have permission to {name} for "),
            ("ecr", _) => "Check the ECR permissions.".to_owned(),
            ("s3", _) => format!("to perform: {action} on resource: \"{resource}\" because"),
            _ => format!("to perform: {action} on resource: {resource} because"),
        };
        assert!(message(&answer).contains(&reported), "without {missing:?}: {answer}");
    };
    refused_for(&[], needed[0]);
    for (index, &missing) in needed.iter().enumerate() {
        let mut kept = needed.to_vec();
        kept.remove(index);
        refused_for(&kept, missing);
    }
}

#[test]
fn every_operation_needs_its_own_action_on_what_it_names() {
    let none = Value::Null;
    let url = json!({"AuthType": "NONE"});
    let provision = json!({"ProvisionedConcurrentExecutions": 2});
    let permission =
        json!({"StatementId": "two", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    let tags = &format!("/2017-03-31/tags/{}", crate::uri::encode(F, b""));
    let first = &format!("{F}:1");
    let latest = &format!("{F}:$LATEST");
    let layer = LAYER.trim_end_matches(":1");
    for (method, target, body, action, resource) in [
        ("GET", FUNCTION, &none, "GetFunction", F),
        ("GET", "/2015-03-31/functions/f?Qualifier=live", &none, "GetFunction", LIVE),
        ("GET", "/2015-03-31/functions/f%3Alive", &none, "GetFunction", LIVE),
        ("GET", CONFIGURATION, &none, "GetFunctionConfiguration", F),
        (
            "GET",
            "/2015-03-31/functions/f/configuration?Qualifier=1",
            &none,
            "GetFunctionConfiguration",
            first,
        ),
        ("PUT", CONFIGURATION, &json!({"Timeout": 7}), "UpdateFunctionConfiguration", F),
        ("PUT", CODE, &json!({"ZipFile": zip_file("2")}), "UpdateFunctionCode", F),
        ("PUT", CODE, &json!({"ZipFile": zip_file("2"), "DryRun": true}), "UpdateFunctionCode", F),
        ("DELETE", FUNCTION, &none, "DeleteFunction", F),
        ("DELETE", "/2015-03-31/functions/f?Qualifier=9", &none, "DeleteFunction", &format!("{F}:9")),
        ("POST", "/2015-03-31/functions/f/versions", &json!({}), "PublishVersion", F),
        ("GET", "/2015-03-31/functions/f/versions", &none, "ListVersionsByFunction", F),
        (
            "POST",
            "/2015-03-31/functions/f/aliases",
            &json!({"Name": "a", "FunctionVersion": "1"}),
            "CreateAlias",
            F,
        ),
        ("GET", "/2015-03-31/functions/f/aliases/live", &none, "GetAlias", F),
        ("PUT", "/2015-03-31/functions/f/aliases/live", &json!({"Description": "d"}), "UpdateAlias", F),
        ("DELETE", "/2015-03-31/functions/f/aliases/live", &none, "DeleteAlias", F),
        ("GET", "/2015-03-31/functions/f/aliases", &none, "ListAliases", F),
        ("POST", tags, &json!({"Tags": {"a": "1"}}), "TagResource", F),
        ("DELETE", &format!("{tags}?tagKeys=a"), &none, "UntagResource", F),
        ("GET", tags, &none, "ListTags", F),
        (
            "PUT",
            "/2017-10-31/functions/f/concurrency",
            &json!({"ReservedConcurrentExecutions": 3}),
            "PutFunctionConcurrency",
            F,
        ),
        ("GET", "/2019-09-30/functions/f/concurrency", &none, "GetFunctionConcurrency", F),
        ("DELETE", "/2017-10-31/functions/f/concurrency", &none, "DeleteFunctionConcurrency", F),
        ("GET", RUNTIME, &none, "GetRuntimeManagementConfig", F),
        ("PUT", RUNTIME, &json!({"UpdateRuntimeOn": "Auto"}), "PutRuntimeManagementConfig", F),
        ("GET", RECURSION, &none, "GetFunctionRecursionConfig", F),
        ("PUT", RECURSION, &json!({"RecursiveLoop": "Allow"}), "PutFunctionRecursionConfig", F),
        ("GET", EVENT_INVOKE, &none, "GetFunctionEventInvokeConfig", F),
        (
            "PUT",
            "/2019-09-25/functions/f/event-invoke-config?Qualifier=live",
            &json!({"MaximumRetryAttempts": 0}),
            "PutFunctionEventInvokeConfig",
            LIVE,
        ),
        ("DELETE", EVENT_INVOKE, &none, "DeleteFunctionEventInvokeConfig", F),
        (
            "PUT",
            "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live",
            &provision,
            "PutProvisionedConcurrencyConfig",
            LIVE,
        ),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live",
            &none,
            "GetProvisionedConcurrencyConfig",
            LIVE,
        ),
        (
            "DELETE",
            "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live",
            &none,
            "DeleteProvisionedConcurrencyConfig",
            LIVE,
        ),
        ("POST", "/2021-10-31/functions/f/url", &url, "CreateFunctionUrlConfig", F),
        ("GET", "/2021-10-31/functions/f/url?Qualifier=live", &none, "GetFunctionUrlConfig", LIVE),
        ("PUT", "/2021-10-31/functions/f/url?Qualifier=live", &url, "UpdateFunctionUrlConfig", LIVE),
        ("DELETE", "/2021-10-31/functions/f/url?Qualifier=live", &none, "DeleteFunctionUrlConfig", LIVE),
        ("POST", "/2015-03-31/functions/f/policy", &permission, "AddPermission", F),
        ("POST", "/2015-03-31/functions/f/policy?Qualifier=live", &permission, "AddPermission", LIVE),
        ("GET", "/2015-03-31/functions/f/policy?Qualifier=live", &none, "GetPolicy", LIVE),
        ("DELETE", "/2015-03-31/functions/f/policy/one?Qualifier=live", &none, "RemovePermission", LIVE),
        ("GET", LAYERS, &none, "ListLayerVersions", layer),
        ("POST", LAYERS, &json!({"Content": {"ZipFile": zip_file("2")}}), "PublishLayerVersion", layer),
        ("GET", "/2018-10-31/layers/l/versions/1", &none, "GetLayerVersion", LAYER),
        ("DELETE", "/2018-10-31/layers/l/versions/1", &none, "DeleteLayerVersion", LAYER),
        ("GET", SIGNING, &none, "GetFunctionCodeSigningConfig", F),
        ("DELETE", SIGNING, &none, "DeleteFunctionCodeSigningConfig", F),
        (
            "GET",
            "/2025-12-01/functions/f/durable-executions?Qualifier=1",
            &none,
            "ListDurableExecutionsByFunction",
            first,
        ),
        ("POST", "/2015-03-31/functions/f/invocations", &json!({}), "InvokeFunction", F),
        (
            "POST",
            "/2015-03-31/functions/f/invocations?Qualifier=$LATEST",
            &json!({}),
            "InvokeFunction",
            latest,
        ),
    ] {
        check(method, target, body, &[(&format!("lambda:{action}"), resource)]);
    }
}

#[test]
fn what_a_creation_names_needs_permissions_of_its_own() {
    let own = [("lambda:CreateFunction", NEW), ("iam:PassRole", ROLE)];
    let source_key = [("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)];
    let environment_key = [("kms:CreateGrant", KEY), ("kms:Encrypt", KEY)];
    let object = json!({"S3Bucket": "b", "S3Key": "a/k.zip"});
    let version = json!({"S3Bucket": "b", "S3Key": "a/k.zip", "S3ObjectVersion": "v"});
    let encrypted = json!({"ZipFile": zip_file("1"), "SourceKMSKeyArn": KEY});
    let vpc = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]});
    let network = [(GROUPS, "*"), (SUBNETS, "*"), (VPCS, "*")];
    let access_point = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";
    let file_systems = json!([{"Arn": access_point, "LocalMountPath": "/mnt/data"}]);
    let executions_key = [("kms:DescribeKey", KEY), ("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)];
    let provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p";
    let instances =
        json!({"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": provider}});
    let rows: [(Value, &[(&str, &str)]); 13] = [
        (json!({}), &[]),
        (json!({"Tags": {}, "Layers": [], "KMSKeyArn": ""}), &[]),
        (json!({"Tags": {"a": "1"}}), &[("lambda:TagResource", NEW)]),
        (
            json!({"Layers": [LAYER, OTHER_LAYER]}),
            &[("lambda:GetLayerVersion", LAYER), ("lambda:GetLayerVersion", OTHER_LAYER)],
        ),
        (json!({"Code": object}), &[("s3:GetObject", "arn:aws:s3:::b/a/k.zip")]),
        (json!({"Code": version}), &[("s3:GetObjectVersion", "arn:aws:s3:::b/a/k.zip")]),
        (json!({"Code": encrypted}), &source_key),
        (json!({"VpcConfig": vpc}), &network),
        (
            json!({"VpcConfig": vpc, "FileSystemConfigs": file_systems}),
            &[network[0], network[1], network[2], ("elasticfilesystem:DescribeMountTargets", "*")],
        ),
        (json!({"KMSKeyArn": KEY}), &environment_key),
        (json!({"DurableConfig": {"ExecutionTimeout": 60, "KMSKeyArn": KEY}}), &executions_key),
        (json!({"CodeSigningConfigArn": CSC}), &[("lambda:GetCodeSigningConfig", CSC)]),
        (json!({"CapacityProviderConfig": instances}), &[("lambda:PassCapacityProvider", provider)]),
    ];
    for (members, needed) in rows {
        let mut request = create_request();
        request["FunctionName"] = json!("new");
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        check("POST", FUNCTIONS, &request, &[&own[..], needed].concat());
    }
    let image =
        json!({"FunctionName": "new", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": IMAGE_URI}});
    check("POST", FUNCTIONS, &image, &[&own[..], &ECR].concat());
}

#[test]
fn what_an_update_names_needs_permissions_of_its_own() {
    let own = [("lambda:UpdateFunctionConfiguration", F)];
    let vpc = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]});
    let access_point = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";
    let file_systems = json!([{"Arn": access_point, "LocalMountPath": "/mnt/data"}]);
    let nothing = json!({"Layers": [], "KMSKeyArn": "", "FileSystemConfigs": [], "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
    let rows: [(Value, &[(&str, &str)]); 6] = [
        (nothing, &[]),
        (json!({"Role": ROLE}), &[("iam:PassRole", ROLE)]),
        (json!({"Layers": [LAYER]}), &[("lambda:GetLayerVersion", LAYER)]),
        (json!({"VpcConfig": vpc}), &[(GROUPS, "*"), (SUBNETS, "*"), (VPCS, "*")]),
        (
            json!({"VpcConfig": vpc, "FileSystemConfigs": file_systems}),
            &[(GROUPS, "*"), (SUBNETS, "*"), (VPCS, "*"), ("elasticfilesystem:DescribeMountTargets", "*")],
        ),
        (json!({"KMSKeyArn": KEY}), &[("kms:CreateGrant", KEY), ("kms:Encrypt", KEY)]),
    ];
    for (body, needed) in rows {
        check("PUT", CONFIGURATION, &body, &[&own[..], needed].concat());
    }
    let own = [("lambda:UpdateFunctionCode", F)];
    let rows: [(Value, &[(&str, &str)]); 3] = [
        (json!({"S3Bucket": "b", "S3Key": "k"}), &[("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            json!({"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v", "DryRun": true}),
            &[("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            json!({"ZipFile": zip_file("2"), "SourceKMSKeyArn": KEY}),
            &[("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)],
        ),
    ];
    for (body, needed) in rows {
        check("PUT", CODE, &body, &[&own[..], needed].concat());
    }
    let own = [("lambda:UpdateFunctionCode", IMAGE)];
    let by_digest =
        format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app@sha256:{}", "0".repeat(64));
    for uri in [IMAGE_URI, &by_digest] {
        let body = json!({"ImageUri": uri});
        check("PUT", "/2015-03-31/functions/image/code", &body, &[&own[..], &ECR].concat());
    }
    let elsewhere = "arn:aws:ecr:us-east-1:999999999999:repository/app";
    let read = [("ecr:BatchGetImage", elsewhere), ("ecr:GetDownloadUrlForLayer", elsewhere)];
    let body = json!({"ImageUri": "999999999999.dkr.ecr.us-east-1.amazonaws.com/app:1"});
    check("PUT", "/2015-03-31/functions/image/code", &body, &[&own[..], &read].concat());
    let put = "lambda:PutFunctionCodeSigningConfig";
    let needed = [(put, F), (put, CSC), ("lambda:GetCodeSigningConfig", CSC)];
    check("PUT", SIGNING, &json!({"CodeSigningConfigArn": CSC}), &needed);
}

/// Checks whether AWS handles the request if every action is allowed under this condition.
#[track_caller]
fn decided(condition: &Value, method: &str, target: &str, body: &Value, expected: bool) {
    let mut scenario = prepared();
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    scenario.enforce(json!([all]));
    let (status, _, answer) = scenario.ask(method, target, body.clone());
    assert_eq!(status < 300, expected, "{condition} {method} {target} {answer}");
}

#[test]
fn conditions_see_what_the_request_says() {
    let all = |key: &str, value: &str| json!({"ForAllValues:StringEquals": {key: value}});
    let equals = |key: &str, value: &str| json!({"StringEquals": {key: value}});
    let layers = json!({"Layers": [LAYER]});
    decided(&all("lambda:Layer", LAYER), "PUT", CONFIGURATION, &layers, true);
    decided(&all("lambda:Layer", OTHER_LAYER), "PUT", CONFIGURATION, &layers, false);
    let vpc = json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}});
    decided(&all("lambda:SubnetIds", "subnet-1"), "PUT", CONFIGURATION, &vpc, true);
    decided(&all("lambda:SubnetIds", "subnet-2"), "PUT", CONFIGURATION, &vpc, false);
    decided(&all("lambda:SecurityGroupIds", "sg-2"), "PUT", CONFIGURATION, &vpc, false);
    let tags = &format!("/2017-03-31/tags/{}", crate::uri::encode(F, b""));
    let tag = json!({"Tags": {"team": "a"}});
    decided(&equals("aws:RequestTag/team", "a"), "POST", tags, &tag, true);
    decided(&equals("aws:RequestTag/team", "b"), "POST", tags, &tag, false);
    decided(&all("aws:TagKeys", "team"), "POST", tags, &tag, true);
    decided(&all("aws:TagKeys", "other"), "DELETE", &format!("{tags}?tagKeys=team"), &Value::Null, false);
    let auth_type = "lambda:FunctionUrlAuthType";
    let url = "/2021-10-31/functions/f/url?Qualifier=live";
    decided(&equals(auth_type, "AWS_IAM"), "PUT", url, &json!({"AuthType": "AWS_IAM"}), true);
    decided(&equals(auth_type, "AWS_IAM"), "PUT", url, &json!({"AuthType": "NONE"}), false);
    decided(&equals(auth_type, "NONE"), "GET", url, &Value::Null, true);
    let permission =
        json!({"StatementId": "two", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    let policy = "/2015-03-31/functions/f/policy";
    decided(&equals("lambda:Principal", "s3.amazonaws.com"), "POST", policy, &permission, true);
    decided(&equals("lambda:Principal", "sns.amazonaws.com"), "POST", policy, &permission, false);
    decided(&json!({"Bool": {"aws:SecureTransport": "true"}}), "GET", FUNCTION, &Value::Null, true);
    decided(&equals("aws:RequestedRegion", "eu-west-1"), "GET", FUNCTION, &Value::Null, false);
    decided(&equals("aws:PrincipalAccount", "123456789012"), "GET", FUNCTION, &Value::Null, true);
}

/// Checks whether an update succeeds if this one action is allowed under a condition.
#[track_caller]
fn conditional(action: &str, condition: &Value, body: &Value, expected: bool) {
    let mut scenario = prepared();
    let others: Vec<&str> = ["iam:*", "kms:CreateGrant", "kms:Encrypt", "lambda:*"]
        .into_iter()
        .filter(|other| *other != action)
        .collect();
    scenario.enforce(json!([
        {"Effect": "Allow", "Action": others, "Resource": "*"},
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition},
    ]));
    let (status, _, answer) = scenario.ask("PUT", CONFIGURATION, body.clone());
    assert_eq!(status < 300, expected, "{action} {condition} {answer}");
}

#[test]
fn a_role_and_a_key_are_passed_to_lambda() {
    let role = json!({"Role": ROLE});
    let service = |name: &str| json!({"StringEquals": {"iam:PassedToService": name}});
    conditional("iam:*", &service("lambda.amazonaws.com"), &role, true);
    conditional("iam:*", &service("ec2.amazonaws.com"), &role, false);
    let key = json!({"KMSKeyArn": KEY});
    let via = |name: &str| json!({"StringEquals": {"kms:ViaService": name}});
    conditional("kms:Encrypt", &via("lambda.us-east-1.amazonaws.com"), &key, true);
    conditional("kms:Encrypt", &via("lambda.eu-west-1.amazonaws.com"), &key, false);
    let grant = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
    conditional("kms:CreateGrant", &grant, &key, true);
    conditional("kms:Encrypt", &grant, &key, false);
}

#[test]
fn refusals_are_in_the_words_of_aws() {
    let user = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform:";
    let mut scenario = prepared();
    scenario.enforce(json!([]));
    let zip = json!({"ZipFile": zip_file("2")});
    let text = format!(
        "{user} lambda:UpdateFunctionCode on resource: {F} because no identity-based policy allows the lambda:UpdateFunctionCode action"
    );
    scenario.refused("PUT", CODE, zip.clone(), DENIED, &text);
    let (_, _, body) = scenario.ask("PUT", CODE, zip);
    assert_eq!(body, json!({"Message": text}));

    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let deny = |action: &str| json!([all, {"Effect": "Deny", "Action": action, "Resource": "*"}]);
    scenario.enforce(deny("lambda:GetFunction"));
    let text = format!(
        "{user} lambda:GetFunction on resource: {LIVE} with an explicit deny in an identity-based policy"
    );
    scenario.refused("GET", "/2015-03-31/functions/f?Qualifier=live", Value::Null, DENIED, &text);

    scenario.enforce(statements(&[("lambda:UpdateFunctionCode", F)]));
    let text = format!(
        "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for b/k. S3 Error Code: AccessDenied. S3 Error Message: {user} s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject action"
    );
    scenario.refused("PUT", CODE, json!({"S3Bucket": "b", "S3Key": "k"}), DENIED, &text);

    scenario.enforce(deny("ec2:DescribeSubnets"));
    let vpc = json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}});
    let text = format!(
        "Your access has been denied by EC2, please make sure your request credentials have permission to DescribeSubnets for subnet-1. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation. {user} ec2:DescribeSubnets with an explicit deny in an identity-based policy"
    );
    scenario.refused("PUT", CONFIGURATION, vpc, DENIED, &text);

    scenario.enforce(deny("ecr:BatchGetImage"));
    let text = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";
    scenario.refused("PUT", "/2015-03-31/functions/image/code", json!({"ImageUri": IMAGE_URI}), DENIED, text);
}

#[test]
fn only_who_may_ask_is_reported_that_there_is_nothing() {
    let mut scenario = TestAccount::new(0, 0);
    scenario.enforce(statements(&[("lambda:GetFunction", NEW)]));
    let (status, code, _) = scenario.ask("GET", FUNCTION, Value::Null);
    assert_eq!((status, code.as_str()), DENIED);
    scenario.enforce(statements(&[("lambda:GetFunction", F)]));
    scenario.refused(
        "GET",
        FUNCTION,
        Value::Null,
        (404, "ResourceNotFoundException"),
        &format!("Function not found: {F}"),
    );
}

#[test]
fn a_refused_call_changes_nothing() {
    let mut scenario = prepared();
    let before = scenario.configuration();
    scenario.enforce(statements(&[
        ("lambda:UpdateFunctionConfiguration", F),
        ("lambda:GetFunctionConfiguration", F),
    ]));
    let (status, _, _) = scenario.ask("PUT", CONFIGURATION, json!({"Timeout": 7, "Role": ROLE}));
    assert_eq!(status, 403);
    assert_eq!(scenario.configuration(), before);
}

#[test]
fn tags_are_shown_to_who_may_list_them() {
    let mut scenario = prepared();
    let get = [("lambda:GetFunction", F), ("lambda:GetFunction", LIVE)];
    scenario.enforce(statements(&get));
    let untagged = scenario.done("GET", FUNCTION, Value::Null);
    assert_eq!((untagged.get("Tags"), untagged.get("TagsError")), (None, None));

    scenario.account().policy = None;
    let tags = format!("/2017-03-31/tags/{}", crate::uri::encode(F, b""));
    scenario.done("POST", &tags, json!({"Tags": {"a": "1"}}));
    scenario.enforce(statements(&get));
    let message = format!(
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: lambda:ListTags on resource: {F} because no identity-based policy allows the lambda:ListTags action"
    );
    for target in [FUNCTION, "/2015-03-31/functions/f?Qualifier=live"] {
        let found = scenario.done("GET", target, Value::Null);
        assert_eq!(found.get("Tags"), None);
        assert_eq!(found["TagsError"], json!({"ErrorCode": "AccessDeniedException", "Message": message}));
    }
    scenario.enforce(statements(&[get[0], get[1], ("lambda:ListTags", F)]));
    let found = scenario.done("GET", FUNCTION, Value::Null);
    assert_eq!((&found["Tags"], found.get("TagsError")), (&json!({"a": "1"}), None));
}

#[test]
fn variables_are_shown_to_who_may_decrypt_them() {
    let mut scenario = prepared();
    let variables = json!({"Variables": {"A": "1"}});
    scenario.done("PUT", CONFIGURATION, json!({"Environment": variables}));
    let get = [("lambda:GetFunction", F), ("lambda:GetFunctionConfiguration", F)];
    scenario.enforce(statements(&get));
    assert_eq!(scenario.configuration()["Environment"], variables);

    scenario.account().policy = None;
    scenario.done("PUT", CONFIGURATION, json!({"KMSKeyArn": KEY}));
    scenario.enforce(statements(&get));
    for configuration in
        [scenario.done("GET", FUNCTION, Value::Null)["Configuration"].clone(), scenario.configuration()]
    {
        assert_eq!(configuration["Environment"]["Error"]["ErrorCode"], "AccessDeniedException");
        assert_eq!(configuration["Environment"].get("Variables"), None);
    }
    scenario.enforce(statements(&[get[0], get[1], ("kms:Decrypt", KEY)]));
    assert_eq!(scenario.configuration()["Environment"], variables);
}

#[test]
fn a_policy_is_enforced_until_everything_is_permitted() {
    let endpoint = start();
    endpoint.enforce(json!({"Version": "2012-10-17", "Statement": statements(&[("lambda:GetFunction", F)])}));
    assert!(exchange(&endpoint, "GET", FUNCTION, b"").unwrap().0.starts_with("HTTP/1.1 200"));
    let (head, body) = exchange(&endpoint, "GET", CONFIGURATION, b"").unwrap();
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    assert!(body.contains("not authorized to perform: lambda:GetFunctionConfiguration"), "{body}");
    endpoint.permit_everything();
    assert!(exchange(&endpoint, "GET", CONFIGURATION, b"").unwrap().0.starts_with("HTTP/1.1 200"));
    let statuses: Vec<u16> = endpoint.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [200, 403, 200]);
}

#[test]
fn what_the_test_asks_itself_is_not_judged() {
    let endpoint = start();
    let variables = json!({"Variables": {"A": "1"}});
    let body = json!({"Environment": variables, "KMSKeyArn": KEY});
    endpoint.enforce(json!({"Version": "2012-10-17", "Statement": []}));
    endpoint.perform("PUT", CONFIGURATION, body).unwrap();
    let tags = format!("/2017-03-31/tags/{}", crate::uri::encode(F, b""));
    endpoint.perform("POST", &tags, json!({"Tags": {"a": "1"}})).unwrap();
    let function = endpoint.function("f").unwrap();
    assert_eq!(
        (&function["Configuration"]["Environment"], &function["Tags"]),
        (&variables, &json!({"a": "1"}))
    );
}

#[test]
#[should_panic(expected = "policy has no `Version`; give `2012-10-17`")]
fn a_document_without_a_version_stops_the_test() {
    start().enforce(json!({"Statement": []}));
}

#[test]
#[should_panic(expected = "`NotAction` is not supported")]
fn a_document_that_cannot_be_judged_stops_the_test() {
    let statement = json!({"Effect": "Allow", "NotAction": "lambda:*", "Resource": "*"});
    start().enforce(json!({"Version": "2012-10-17", "Statement": [statement]}));
}
