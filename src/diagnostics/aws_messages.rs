//! Maps AWS's error codes and texts to our code, stanza key and hint. One table; the first row that matches
//! counts. Never contains more of AWS's texts than is needed to recognize them.
//!
//! Sources: error texts recorded from AWS, the API references of Lambda, S3 and STS, and the reasons in
//! Lambda's `StateReasonCode` and `LastUpdateStatusReasonCode`.

use crate::lambda::CallError;
use crate::protocol::error::Code;

/// Recognizes one error of AWS, and says what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// AWS's codes for the error. Empty: any code matches.
    aws: &'static [&'static str],
    /// Prefixes of the names of operations to which the row applies. Empty: it applies to all operations.
    operations: &'static [&'static str],
    /// Lowercase texts that AWS's message must all contain, `a|b` one of two; its case is ignored.
    words: &'static [&'static str],
    /// Our code.
    pub(super) code: Code,
    /// JSON pointer to the stanza key at fault. `None`: no key is known to be.
    pub(super) at: Option<&'static str>,
    /// Our message, where AWS's own does not help. `None`: AWS's message is used.
    pub(super) says: Option<&'static str>,
    /// What to do, an instruction.
    pub(super) hint: &'static str,
}

impl Row {
    const fn at(mut self, pointer: &'static str) -> Row {
        self.at = Some(pointer);
        self
    }

    const fn says(mut self, says: &'static str) -> Row {
        self.says = Some(says);
        self
    }

    const fn of(mut self, operations: &'static [&'static str]) -> Row {
        self.operations = operations;
        self
    }

    fn fits(&self, code: &str, operation: &str, lower: &str) -> bool {
        (self.aws.is_empty() || self.aws.contains(&code))
            && (self.operations.is_empty() || self.operations.iter().any(|name| operation.starts_with(name)))
            && self.words.iter().all(|words| words.split('|').any(|words| lower.contains(words)))
    }
}

/// The row for a refused call. `None`: the table does not know the error.
pub(super) fn row(error: &CallError) -> Option<&'static Row> {
    // Leave out ARNs: a function may be called `subnet-cleaner`, and its error need not be about subnets.
    let words = error.message().split_whitespace().filter(|word| !word.starts_with("arn:"));
    let lower = words.collect::<Vec<_>>().join(" ").to_lowercase();
    ROWS.iter().find(|row| row.fits(error.code(), error.operation, &lower))
}

/// Hint and stanza key for AWS's reason code of a function, a version or an update that AWS could not make
/// ready. `None`: the table does not know the reason code.
pub(super) fn from_state(reason: &str) -> Option<(&'static str, Option<&'static str>)> {
    let row = STATES.iter().find(|(codes, ..)| codes.split('|').any(|code| code == reason));
    row.map(|(_, at, hint)| (*hint, *at))
}

/// The code for a refused call that no row matches: it depends on the kind of operation.
pub(super) fn by_operation(operation: &str) -> Code {
    match operation {
        "Invoke" => Code::InvocationRejected,
        _ if operation.starts_with("AssumeRole") => Code::IdentityRejected,
        _ if is_of_bucket(operation) => Code::UploadRejected,
        _ if ["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb)) => Code::ReadRejected,
        _ if RELEASE.iter().any(|name| operation.starts_with(name)) => Code::ReleaseRejected,
        _ => Code::UpdateRejected,
    }
}

/// True for an operation of S3.
pub(super) fn is_of_bucket(operation: &str) -> bool {
    S3.iter().any(|name| operation.starts_with(name))
}

/// True for an operation of CodeDeploy.
pub(super) fn is_of_codedeploy(operation: &str) -> bool {
    CODEDEPLOY.contains(&operation)
}

const CODEDEPLOY: &[&str] = &["CreateDeployment", "GetDeployment", "ListDeployments", "StopDeployment"];
const S3: &[&str] = &[
    "HeadObject",
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
];
const STS: &[&str] = &["AssumeRole"];
const WEB_IDENTITY: &[&str] = &["AssumeRoleWithWebIdentity"];
const INVOKE: &[&str] = &["Invoke"];
const CODE: &[&str] = &["CreateFunction", "UpdateFunctionCode"];
const RELEASE: &[&str] = &[
    "PublishVersion",
    "CreateAlias",
    "UpdateAlias",
    "CreateDeployment",
    "StopDeployment",
    "DeleteFunction",
    "PutProvisionedConcurrency",
    "DeleteProvisionedConcurrency",
    "PutFunctionScalingConfig",
];
const PROVISIONED: &[&str] = &["PutProvisionedConcurrency"];

const fn row_of(
    aws: &'static [&'static str],
    words: &'static [&'static str],
    code: Code,
    hint: &'static str,
) -> Row {
    Row { aws, operations: &[], words, code, at: None, says: None, hint }
}

const ANY: &[&str] = &[];

/// AWS's codes for a value that it rejects.
const VALUE: &[&str] = &["InvalidParameterValueException", "ValidationException"];

/// Ordered from specific to general, since the first match counts.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // The caller's credentials and clock.
    row_of(ANY, &["signature expired"], Code::ClockSkewed,
        "set the clock of the machine that runs the job: AWS accepts requests that are up to five minutes \
         old"),
    row_of(ANY, &["signature not yet current"], Code::ClockSkewed,
        "set the clock of the machine that runs the job: it is ahead"),
    row_of(&["RequestTimeTooSkewed", "RequestExpired"], ANY, Code::ClockSkewed,
        "set the clock of the machine that runs the job"),
    row_of(ANY, &["credential should be scoped to a valid region"], Code::WrongRegion,
        "set `region` to the region of the endpoint that the job uses").at("/region"),
    row_of(&["UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"], ANY,
        Code::CredentialsRejected,
        "check that the access key was not deleted, is used with its session token and belongs to this \
         partition, or create a new one in IAM")
        .says("AWS does not know this access key or its session token"),
    row_of(&["InvalidSignatureException", "SignatureDoesNotMatch"], ANY, Code::CredentialsRejected,
        "copy the access key ID and the secret access key again, complete and without spaces, and check \
         whether they were rotated")
        .says("the secret access key does not belong to the access key"),
    row_of(
        &["MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignatureException",
          "IncompleteSignature"],
        ANY, Code::CredentialsRejected,
        "check whether a proxy removes the `Authorization` header"),
    row_of(&["InvalidToken"], ANY, Code::CredentialsRejected,
        "set the session token too: an access key that begins with ASIA needs it"),
    row_of(&["ExpiredTokenException", "ExpiredToken"], &[], Code::CredentialsExpired,
        "request the token in this job, shortly before the deployment: it is valid for a short time only")
        .of(WEB_IDENTITY),
    row_of(&["ExpiredTokenException", "ExpiredToken"], ANY, Code::CredentialsExpired,
        "get new temporary credentials in this job, shortly before the deployment"),
    row_of(&["OptInRequired", "OptInRequiredException", "NotSignedUp"], ANY, Code::AccessDenied,
        "check that the account is active and that the region is enabled in it"),
    // Roles that the caller assumes.
    row_of(&["InvalidIdentityToken", "InvalidIdentityTokenException"], &["no openidconnect provider"],
        Code::CredentialsRejected,
        "create an IAM identity provider for the CI system's issuer in this account").at("/role_to_assume"),
    row_of(&["InvalidIdentityToken", "InvalidIdentityTokenException"], &["audience"],
        Code::CredentialsRejected,
        "request a token from the CI system with the audience of the IAM identity provider, such as \
         sts.amazonaws.com").at("/web_identity_token_env"),
    row_of(
        &["InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim",
          "IDPRejectedClaimException"],
        ANY, Code::CredentialsRejected,
        "use a token that the CI system issued in this job, for this account's identity provider")
        .at("/web_identity_token_env"),
    row_of(&["IDPCommunicationError", "IDPCommunicationErrorException"], ANY, Code::ServiceUnavailable,
        "try again in a few minutes: AWS cannot fetch the CI system's public keys")
        .at("/web_identity_token_env"),
    row_of(&["RegionDisabledException"], ANY, Code::AccessDenied,
        "enable STS for this region in the account's IAM settings").at("/role_to_assume"),
    row_of(&["ValidationError"], &["rolearn"], Code::InvalidParameter,
        "set `role_to_assume` to the role's ARN: arn:aws:iam::123456789012:role/name")
        .of(STS).at("/role_to_assume"),
    row_of(&["ValidationError"], &["rolesessionname"], Code::InvalidParameter,
        "use 2 to 64 characters: letters, digits and +=,.@_-").of(STS).at("/role_session_name"),
    row_of(&["ValidationError"], &["externalid"], Code::InvalidParameter,
        "use 2 to 1224 characters: letters, digits and +=,.@:/_-").of(STS).at("/external_id"),
    // The function's role.
    row_of(ANY, &["cross-account pass role"], Code::InvalidParameter,
        "use a role in the function's own account").at("/role"),
    row_of(ANY, &["cannot be assumed by lambda"], Code::RoleNotAssumable,
        "check that the role exists, and add `lambda.amazonaws.com` to its trust policy; if the role is new, \
         deploy again in a minute")
        .at("/role"),
    row_of(ANY, &["execution role does not have permissions to call", "networkinterface"],
        Code::RoleLacksPermission,
        "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role, not to the caller")
        .at("/role"),
    row_of(ANY, &["execution role does not have permissions to call"], Code::RoleLacksPermission,
        "grant the function's role, not the caller, the permission that AWS names").at("/role"),
    // KMS keys.
    row_of(&["KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"], ANY,
        Code::KeyNotUsable,
        "enable the KMS key that encrypts the bucket").of(S3).at("/s3_bucket"),
    row_of(
        &["KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
          "KMSNotFoundException"],
        ANY, Code::KeyNotUsable,
        "grant the function's role kms:Decrypt on the KMS key, and check that the key is enabled and in the \
         function's region").at("/kms_key_arn"),
    row_of(ANY, &["kms access was denied"], Code::KeyNotUsable,
        "grant the function's role kms:Decrypt on the KMS key").at("/kms_key_arn"),
    row_of(ANY, &["kms", "invalid for creategrant"], Code::KeyNotUsable,
        "set `kms_key_arn` or `role` again: the KMS key's grant names a role that does not exist")
        .at("/kms_key_arn"),
    row_of(ANY, &["kms key"], Code::KeyNotUsable,
        "use an enabled, symmetric KMS key in the function's region, and grant the caller \
         kms:GenerateDataKey and kms:Decrypt on it").at("/source_kms_key_arn").of(&["UpdateFunctionCode"]),
    row_of(ANY, &["kms key"], Code::KeyNotUsable,
        "use an enabled, symmetric KMS key in the function's region, and grant the caller kms:CreateGrant, \
         kms:Encrypt and kms:Decrypt on it").at("/kms_key_arn"),
    // VPC networks. AWS reports throttling by EC2 with status 400.
    row_of(&["InvalidSubnetIDException"], ANY, Code::NotFound,
        "use subnets of this region and account").at("/subnet_ids"),
    row_of(&["InvalidSecurityGroupIDException"], ANY, Code::NotFound,
        "use security groups of this region and of the subnets' VPC").at("/security_group_ids"),
    row_of(ANY, &["requestlimitexceeded"], Code::Throttled,
        "try again in a few minutes: EC2 is throttling Lambda's calls"),
    row_of(ANY, &["ec2", "throttl"], Code::Throttled,
        "try again in a few minutes: EC2 is throttling Lambda's calls"),
    row_of(&["EC2ThrottledException"], ANY, Code::Throttled,
        "try again in a few minutes: EC2 is throttling Lambda's calls"),
    row_of(VALUE, &["hyperplane"], Code::QuotaExceeded,
        "request more network interfaces from AWS, or use the same subnets and security groups for several \
         functions").at("/subnet_ids"),
    row_of(VALUE, &["must coexist"], Code::InvalidParameter,
        "set both `subnet_ids` and `security_group_ids` for a function in a VPC, or set both to empty lists")
        .at("/subnet_ids"),
    row_of(ANY, &["invalidgroup.notfound"], Code::NotFound,
        "use security groups of this region and of the subnets' VPC").at("/security_group_ids"),
    row_of(VALUE, &["security group", "does not exist"], Code::NotFound,
        "use security groups of this region and of the subnets' VPC").at("/security_group_ids"),
    row_of(VALUE, &["security group"], Code::InvalidParameter,
        "use security groups of this region and of the subnets' VPC").at("/security_group_ids"),
    row_of(ANY, &["invalidsubnetid.notfound"], Code::NotFound,
        "use subnets of this region and account").at("/subnet_ids"),
    row_of(&["SubnetIPAddressLimitReachedException"], ANY, Code::QuotaExceeded,
        "use a larger subnet, or an additional one").at("/subnet_ids"),
    row_of(&["ENILimitReachedException", "EniLimitReachedException"], ANY, Code::QuotaExceeded,
        "request more network interfaces for the VPC from AWS, or use the same subnets and security groups \
         for several functions").at("/subnet_ids"),
    row_of(&["EC2AccessDeniedException"], ANY, Code::RoleLacksPermission,
        "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role").at("/role"),
    row_of(VALUE, &["efs file system"], Code::FileSystemNotUsable,
        "use an access point in the subnets' VPC, and create a mount target in each availability zone")
        .at("/file_system_configs"),
    row_of(VALUE, &["subnet"], Code::InvalidParameter,
        "use subnets of one VPC in this region").at("/subnet_ids"),
    // Environment variables.
    row_of(ANY, &["exceeded the 4kb limit"], Code::EnvironmentTooLarge,
        "keep large values in Systems Manager, in Secrets Manager or in the package: names and values \
         together can have 4 KB")
        .at("/environment")
        .says("the environment variables are larger than the 4 KB that Lambda accepts"),
    row_of(&["RequestEntityTooLargeException"], &["5120 bytes"], Code::EnvironmentTooLarge,
        "keep large values in Systems Manager, in Secrets Manager or in the package: names and values \
         together can have 4 KB")
        .at("/environment")
        .says("the environment variables are larger than the 4 KB that Lambda accepts"),
    row_of(VALUE, &["reserved keys"], Code::InvalidParameter,
        "remove or rename these variables: Lambda sets them itself").at("/environment"),
    // Code and images.
    row_of(ANY, &["must be a non-empty zip"], Code::PackageInvalid,
        "set `zip` to an archive that contains files, or to the directory to package").at("/zip"),
    row_of(ANY, &["could not unzip"], Code::PackageInvalid,
        "set `zip` to a complete archive without a password, or to the directory to package").at("/zip"),
    row_of(&["InvalidZipFileException"], ANY, Code::PackageInvalid,
        "set `zip` to a complete archive without a password, or to the directory to package").at("/zip"),
    row_of(ANY, &["unzipped size must be smaller"], Code::PackageTooLarge,
        "remove files that the function does not need, or deploy a container image (up to 10 GB)")
        .at("/zip")
        .says("the package and its layers are larger than 250 MiB unpacked"),
    row_of(ANY, &["combined with layers exceeds"], Code::PackageTooLarge,
        "remove files that the function or its layers do not need, or deploy a container image (up to 10 GB)")
        .at("/layers"),
    row_of(ANY, &["layers consume more"], Code::PackageTooLarge,
        "remove files that the layers do not need, or deploy a container image (up to 10 GB)").at("/layers"),
    row_of(ANY, &["zipped size must be smaller"], Code::PackageTooLarge,
        "set `s3_bucket` to a bucket in the function's region, to upload the package through S3").at("/zip"),
    row_of(&["RequestEntityTooLargeException"], ANY, Code::PackageTooLarge,
        "set `s3_bucket` to a bucket in the function's region, to upload the package through S3")
        .at("/zip").of(CODE),
    row_of(&["RequestEntityTooLargeException", "RequestTooLargeException"], ANY, Code::InvalidParameter,
        "reduce `verify.payload` to at most 6 MB").at("/verify/payload").of(INVOKE),
    row_of(&["CodeStorageExceededException"], ANY, Code::QuotaExceeded,
        "set `keep_versions` to delete old versions at each deployment, or request more code storage from \
         AWS (75 GB by default)").at("/keep_versions"),
    row_of(&["CodeSigningConfigNotFoundException"], ANY, Code::NotFound,
        "use a code signing configuration of this region and account").at("/code_signing_config_arn"),
    row_of(ANY, &["code signing configuration", "found"], Code::NotFound,
        "use a code signing configuration of this region and account").at("/code_signing_config_arn"),
    row_of(&["CodeVerificationFailedException", "InvalidCodeSignatureException"], ANY,
        Code::CodeSignatureRejected,
        "sign the package with a signing profile of the function's code signing configuration, and deploy \
         the signed object with `s3_bucket` and `s3_key`").at("/code_signing_config_arn"),
    row_of(&["CodeArtifactUserPendingException"], ANY, Code::FunctionNotReady,
        "deploy again in a minute: AWS is preparing the image"),
    row_of(&["CodeArtifactUserFailedException", "CodeArtifactUserDeletedException"], ANY,
        Code::ImageNotUsable,
        "check that the image still exists in its repository, and is for the function's platform only")
        .at("/image_uri"),
    row_of(ANY, &["don't provide imageuri"], Code::PackageTypeMismatch,
        "set `zip`: the function runs packaged files; to deploy an image, use another function name")
        .at("/image_uri"),
    row_of(ANY, &["provide imageuri when updating"], Code::PackageTypeMismatch,
        "set `image_uri`: the function runs a container image; to deploy files, use another function name")
        .at("/image_uri"),
    row_of(ANY, &["ecr image"], Code::ImageNotUsable,
        "grant `lambda.amazonaws.com` ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the repository's \
         policy").at("/image_uri"),
    row_of(ANY, &["image manifest"], Code::ImageNotUsable,
        "push a single image for one platform: docker buildx build --provenance=false --platform linux/amd64")
        .at("/image_uri"),
    row_of(ANY, &["source image"], Code::ImageNotUsable,
        "check that the image was pushed with this tag or digest to a repository of this account and region, \
         for the function's architecture").at("/image_uri"),
    row_of(ANY, &["getobject", "nosuchbucket"], Code::NotFound,
        "create the bucket in the function's region").at("/s3_bucket"),
    row_of(ANY, &["getobject", "nosuchkey"], Code::PackageNotFound,
        "check the bucket and the complete key with its prefix").at("/s3_key"),
    row_of(ANY, &["getobject", "permanentredirect"], Code::WrongRegion,
        "use a bucket in the function's region: Lambda reads packages from no other region").at("/s3_bucket"),
    row_of(ANY, &["getobject", "access denied"], Code::AccessDenied,
        "grant the caller s3:GetObject on the object: Lambda reads it with the caller's permissions")
        .at("/s3_bucket"),
    // Runtimes, layers, file systems, versions.
    row_of(ANY, &["layer", "access denied"], Code::AccessDenied,
        "ask the layer's owner to allow lambda:GetLayerVersion for this account").at("/layers"),
    row_of(ANY, &["layer version", "does not exist"], Code::NotFound,
        "use the ARN of an existing layer version in this region").at("/layers"),
    row_of(ANY, &["layers are not in the same region"], Code::WrongRegion,
        "publish the layer in the function's region, and use the ARN from there").at("/layers"),
    row_of(ANY, &["cannot reference more than 5 layers"], Code::InvalidParameter,
        "merge several layers into one").at("/layers"),
    row_of(ANY, &["two different versions of the same layer"], Code::InvalidParameter,
        "keep one of the two versions").at("/layers"),
    row_of(VALUE, &["layer version"], Code::InvalidParameter,
        "use the layer's ARN with its version: arn:aws:lambda:us-east-1:123456789012:layer:name:1")
        .at("/layers"),
    row_of(VALUE, &["dead letter"], Code::InvalidParameter,
        "use an SQS queue or SNS topic to which the function's role may send messages")
        .at("/dead_letter_arn"),
    row_of(VALUE, &["as a destination for itself"], Code::InvalidParameter,
        "use another function, a queue or a topic as the destination").at("/event_invoke_config"),
    row_of(VALUE, &["destination"], Code::InvalidParameter,
        "use the ARN of an existing queue, topic, function or event bus to which the function's role may \
         send; a bucket only for `on_failure`")
        .at("/event_invoke_config").of(&["PutFunctionEventInvokeConfig"]),
    row_of(
        &["S3FilesMountConnectivityException", "S3FilesMountFailureException",
          "S3FilesMountTimeoutException"],
        ANY, Code::FileSystemNotUsable,
        "allow TCP 2049 from the function's subnets to a mount target, and check that the function's role \
         may mount the file system").at("/file_system_configs"),
    row_of(
        &["EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException",
          "EFSIOException"],
        ANY, Code::FileSystemNotUsable,
        "allow TCP 2049 from the function's subnets to a mount target, and grant the function's role \
         elasticfilesystem:ClientMount").at("/file_system_configs"),
    row_of(
        &["SnapStartException", "SnapStartNotReadyException", "SnapStartTimeoutException",
          "SnapStartRegenerationFailureException"],
        ANY, Code::FunctionNotReady,
        "check that the function's initialization code finishes without an error").at("/snap_start"),
    row_of(VALUE, &["snapstart"], Code::InvalidParameter,
        "remove `snap_start`, or use a runtime, an architecture and settings for which AWS supports \
         SnapStart").at("/snap_start"),
    row_of(VALUE, &["plain text logs", "durable"], Code::InvalidParameter,
        "set `logging_config.log_format: JSON`: a durable function writes no text logs")
        .at("/logging_config/log_format"),
    row_of(VALUE, &["loglevel is not supported"], Code::InvalidParameter,
        "set `logging_config.log_format: JSON`, or remove the log levels, which text logs do not have")
        .at("/logging_config/log_format"),
    row_of(VALUE, &["durable configuration"], Code::InvalidParameter,
        "set `durable_config.execution_timeout` when the function is created: AWS makes no existing function \
         durable").at("/durable_config"),
    row_of(&["ResourceNotFoundException"], &["capacity provider not found"], Code::NotFound,
        "use the ARN of an existing capacity provider in the function's region: dpl-lambda creates none")
        .at("/capacity_provider_config/capacity_provider_arn"),
    row_of(VALUE, &["lambda default functions"], Code::InvalidParameter,
        "set `capacity_provider_config` when the function is created: AWS moves no existing function to \
         Managed Instances").at("/capacity_provider_config"),
    row_of(VALUE, &["managed instance functions", "memory size"], Code::InvalidParameter,
        "set `memory_size` to at least 2048, the least on Managed Instances").at("/memory_size"),
    row_of(VALUE, &["tenancy configuration", "tenant id"], Code::InvalidParameter,
        "set `verify.tenant_id` if the function isolates its tenants, and remove it if not")
        .at("/verify/tenant_id").of(INVOKE),
    row_of(ANY, &["does not support the following architectures"], Code::InvalidParameter,
        "use an architecture that the runtime supports; dpl-lambda changes the runtime before the \
         architecture, so a change of both may need two deployments").at("/architectures"),
    row_of(&["InvalidRuntimeException"], ANY, Code::UnsupportedRuntime,
        "switch to a runtime that AWS supports").at("/runtime"),
    row_of(&["NoPublishedVersionException"], ANY, Code::NotFound,
        "publish a version first: set `alias` or `publish: true`").at("/publish"),
    row_of(&["RecursiveInvocationException"], ANY, Code::InvocationRejected,
        "remove the loop in which the function invokes itself through another service, or allow it in the \
         recursive loop detection settings"),
    row_of(&["ResourceNotReadyException", "ENINotReadyException"], ANY, Code::FunctionNotReady,
        "deploy again in a minute: AWS is preparing the function"),
    // Concurrency.
    row_of(ANY, &["unreservedconcurrentexecution"], Code::QuotaExceeded,
        "provision less concurrency, or request a higher quota from AWS: AWS keeps a part of the quota for \
         all other functions").at("/provisioned_concurrency").of(PROVISIONED),
    row_of(ANY, &["unreservedconcurrentexecution"], Code::QuotaExceeded,
        "reserve less concurrency, or request a higher quota from AWS: AWS keeps a part of the quota for all \
         other functions").at("/reserved_concurrency"),
    row_of(ANY, &["account's unreserved concurrency"], Code::QuotaExceeded,
        "reserve less concurrency, or request a higher quota from AWS").at("/reserved_concurrency"),
    row_of(ANY, &["total provisioned concurrency"], Code::InvalidParameter,
        "set `reserved_concurrency` to at least `provisioned_concurrency`").at("/reserved_concurrency"),
    row_of(ANY, &["provisioned concurrency should not be greater"], Code::InvalidParameter,
        "set `provisioned_concurrency` to at most `reserved_concurrency`").at("/provisioned_concurrency"),
    row_of(ANY, &["provisioned concurrency", "exceeds"], Code::QuotaExceeded,
        "provision less concurrency, or request a higher quota from AWS").at("/provisioned_concurrency"),
    row_of(ANY, &["provisioned concurrency config", "unpublished"], Code::InvalidParameter,
        "set `alias`: `$LATEST` cannot have provisioned concurrency").at("/provisioned_concurrency"),
    row_of(ANY, &["must be an alias or a published version"], Code::InvalidParameter,
        "set `alias`: `$LATEST` cannot have provisioned concurrency").at("/provisioned_concurrency"),
    row_of(ANY, &["alias with weights"], Code::Conflict,
        "end the alias's traffic split between two versions first, or deploy again in a minute")
        .at("/provisioned_concurrency"),
    row_of(ANY, &["already provisioned version"], Code::Conflict,
        "remove `provisioned_concurrency` from the other alias of this version first")
        .at("/provisioned_concurrency"),
    row_of(ANY, &["pointed by a provisioned concurrency alias"], Code::Conflict,
        "move or delete the alias with provisioned concurrency that points at this version")
        .at("/keep_versions"),
    row_of(&["ProvisionedConcurrencyConfigNotFoundException"], ANY, Code::NotFound,
        "deploy again: someone else removed the provisioned concurrency").at("/provisioned_concurrency"),
    row_of(&["InvalidParameterValueException"], &["concurren"], Code::InvalidParameter,
        "set `provisioned_concurrency` to at least 1, or to `none`")
        .at("/provisioned_concurrency").of(PROVISIONED),
    // Aliases, function URLs, tags.
    row_of(ANY, &["$latest is not supported for an alias"], Code::InvalidParameter,
        "use published versions only: an alias cannot split its traffic with `$LATEST`").at("/traffic"),
    row_of(ANY, &["already included in routing"], Code::Conflict,
        "check where the alias points now before you deploy again; someone else moved it during this run")
        .at("/alias"),
    row_of(ANY, &["additionalversionweights"], Code::InvalidParameter,
        "use at most two versions: an alias cannot split its traffic between more").at("/traffic"),
    row_of(&["ResourceConflictException"], &["function url"], Code::Conflict,
        "deploy again: someone else created the function URL during this run").at("/function_url"),
    row_of(ANY, &["alloworigins as empty"], Code::InvalidParameter,
        "set `allow_origins` to the origins that may read responses, or to `'*'`; or remove `cors`")
        .at("/function_url/cors/allow_origins"),
    row_of(&["PolicyLengthExceededException"], ANY, Code::QuotaExceeded,
        "remove unneeded statements from the function's policy, which can have at most 20 KB (aws lambda \
         get-policy, remove-permission)").at("/function_url"),
    row_of(&["PublicPolicyException"], ANY, Code::InvalidParameter,
        "allow public access, which is blocked for the function or the account, or set `auth_type: AWS_IAM`")
        .at("/function_url"),
    row_of(&["AliasLimitExceededException"], ANY, Code::QuotaExceeded,
        "delete unneeded aliases, or request a higher quota from AWS").at("/alias"),
    row_of(ANY, &["statement id", "already exists"], Code::Conflict,
        "deploy again: someone else added this permission during this run").at("/function_url"),
    row_of(VALUE, &["tag limit|number of tags"], Code::QuotaExceeded,
        "remove tags: a function can have at most 50; `function_tags_mode: replace` removes live tags that \
         the stanza does not name").at("/function_tags"),
    row_of(VALUE, &["tags on function aliases"], Code::InvalidParameter,
        "set `function_name` to the name without a version or alias").at("/function_name"),
    row_of(ANY, &["permitted on lambda functions only|derived qualifier"], Code::InvalidParameter,
        "set `function_name` to the name without a version or alias").at("/function_name"),
    row_of(ANY, &["codesha256", "different from current"], Code::Conflict,
        "deploy again: someone else deployed this function at the same time")
        .says("the function no longer has the code of this deployment"),
    // Resources that do not exist, or have changed since they were read.
    row_of(ANY, &["not reachable in this region"], Code::WrongRegion,
        "set `region` to the region of the function's ARN").at("/region"),
    row_of(&["ResourceNotFoundException"], &["find alias|alias not found"], Code::NotFound,
        "deploy again: someone else deleted the alias during this run").at("/alias"),
    row_of(ANY, &["function not found"], Code::NotFound,
        "check the region and the account; the version or alias may also have been deleted")
        .at("/function_name"),
    row_of(ANY, &["function doesn't exist|function does not exist"], Code::NotFound,
        "check the region and the account").at("/function_name"),
    row_of(&["ResourceNotFoundException"], ANY, Code::NotFound,
        "check the names, the ARNs and the region in the stanza"),
    row_of(&["PreconditionFailedException"], &["getpolicy"], Code::Conflict,
        "deploy again: someone else changed the function's permissions at the same time"),
    row_of(&["PreconditionFailedException"], ANY, Code::Conflict,
        "deploy again: someone else changed this function at the same time")
        .says("the function or its alias changed after it was read"),
    row_of(&["ResourceConflictException"], &["following state: failed|following state: 'failed'"],
        Code::FunctionStartFailed,
        "find the cause in the function's CloudWatch log: the function failed to start; if AWS accepts no new \
         code for the function, delete the function and deploy again"),
    row_of(&["ResourceConflictException"], &["concurrent update|in progress"], Code::UpdateInProgress,
        "increase `wait_timeout`, or check what updates the function: the other update did not finish in \
         time").at("/wait_timeout"),
    row_of(&["ResourceConflictException"], &["pending"], Code::UpdateInProgress,
        "increase `wait_timeout`: the function is still being created").at("/wait_timeout"),
    row_of(&["ResourceConflictException", "ResourceInUseException"], ANY, Code::Conflict,
        "deploy again: someone else changed this function at the same time"),
    // CodeDeploy. The run has found no running deployment, so this one has begun since then.
    row_of(&["DeploymentLimitExceededException"], ANY, Code::TrafficShared,
        "wait until the other deployment of the group has ended, then deploy again: the alias has not moved")
        .of(&["CreateDeployment"]).at("/codedeploy"),
    // Buckets for the package.
    row_of(&["NoSuchBucket", "NotFound"], ANY, Code::NotFound,
        "create the bucket in the function's region").of(S3).at("/s3_bucket"),
    row_of(
        &["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
          "IllegalLocationConstraintException", "301", "307"],
        ANY, Code::WrongRegion,
        "use a bucket in the function's region: Lambda reads packages from no other region")
        .of(S3).at("/s3_bucket"),
    row_of(&["InvalidBucketName"], ANY, Code::InvalidParameter,
        "set `s3_bucket` to the bucket's name only, without s3:// and without a key").of(S3).at("/s3_bucket"),
    row_of(ANY, &["bucketowner"], Code::AccessDenied,
        "check that the bucket belongs to the right account").of(S3).at("/s3_bucket"),
    row_of(&["BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest"], ANY, Code::PackageUnreadable,
        "deploy again, and make sure that nothing deletes or changes the archive during the upload")
        .of(S3).at("/zip"),
    row_of(&["NoSuchUpload"], ANY, Code::Conflict,
        "deploy again: a lifecycle rule of the bucket aborted the upload").of(S3).at("/s3_bucket"),
    row_of(&["InternalError", "RequestTimeout", "ServiceUnavailable"], ANY, Code::ServiceUnavailable,
        "deploy again: this repeats the upload").of(S3),
    row_of(&["OperationAborted"], ANY, Code::Conflict,
        "deploy again: something else changed the bucket or the object at the same time")
        .of(S3).at("/s3_bucket"),
    row_of(&["SlowDown", "503"], ANY, Code::Throttled, "try again in a few minutes").of(S3),
    // Any other error.
    row_of(&["TooManyRequestsException"], ANY, Code::Throttled,
        "check `reserved_concurrency`, which may be 0, and the account's concurrency quota: no concurrent \
         execution is available").of(INVOKE),
    row_of(
        &["TooManyRequestsException", "ThrottlingException", "Throttling", "SlowDown", "RequestLimitExceeded",
          "ThrottledException"],
        ANY, Code::Throttled,
        "try again in a few minutes: other deployments and tools in this account make too many requests"),
    row_of(
        &["ServiceQuotaExceededException", "LimitExceededException", "CapacityProviderLimitExceededException",
          "FunctionVersionsPerCapacityProviderLimitExceededException"],
        ANY, Code::QuotaExceeded,
        "request a higher quota from AWS"),
    row_of(&["InvalidRequestContentException"], &["client context"], Code::InvalidParameter,
        "set `verify.client_context` to a map that AWS accepts").of(INVOKE).at("/verify/client_context"),
    row_of(&["InvalidRequestContentException"], ANY, Code::InvalidParameter,
        "set `verify.payload` to JSON that the function accepts").of(INVOKE).at("/verify/payload"),
    row_of(&["InvalidRequestContentException", "SerializationException"], ANY, Code::UnexpectedAnswer,
        "check whether a proxy changes requests, then deploy again"),
    row_of(
        &["InvalidParameterValueException", "ValidationException", "ValidationError", "InvalidRequest",
          "InvalidArgument"],
        ANY, Code::InvalidParameter,
        "change the value that the message names"),
];

/// AWS's reason codes for a function, a version or an update that AWS could not make ready, each with stanza
/// key and hint; `a|b` are two codes. The caller appends what to do afterwards, such as "then deploy again".
#[rustfmt::skip]
const STATES: &[(&str, Option<&str>, &str)] = &[
    ("EniLimitExceeded", Some("/subnet_ids"),
     "request more network interfaces for the VPC from AWS, or use the same subnets and security groups for \
      several functions"),
    ("InsufficientRolePermissions", Some("/role"),
     "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role"),
    ("InvalidConfiguration", None, "fix the configuration that AWS names"),
    ("InternalError", None, "wait a few minutes, and contact AWS Support if the error persists"),
    ("SubnetOutOfIPAddresses", Some("/subnet_ids"), "use a larger subnet, or an additional one"),
    ("InvalidSubnet", Some("/subnet_ids"), "use subnets of one VPC in this region"),
    ("InvalidSecurityGroup", Some("/security_group_ids"), "use security groups of the subnets' VPC"),
    ("ImageDeleted", Some("/image_uri"), "push the image again"),
    ("ImageAccessDenied", Some("/image_uri"),
     "grant `lambda.amazonaws.com` ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the repository's \
      policy"),
    ("InvalidImage", Some("/image_uri"),
     "use an image for the function's platform only, with an entry point"),
    ("KMSKeyAccessDenied", Some("/kms_key_arn"), "grant the function's role kms:Decrypt on the KMS key"),
    ("KMSKeyNotFound", Some("/kms_key_arn"), "use a KMS key in the function's region"),
    ("InvalidStateKMSKey", Some("/kms_key_arn"), "enable the KMS key, or cancel its deletion"),
    ("DisabledKMSKey", Some("/kms_key_arn"), "enable the KMS key"),
    ("EFSIOError", Some("/file_system_configs"), "check that the file system is available"),
    ("EFSMountConnectivityError|EFSMountTimeout", Some("/file_system_configs"),
     "allow TCP 2049 from the function's subnets to a mount target"),
    ("EFSMountFailure", Some("/file_system_configs"),
     "grant the function's role elasticfilesystem:ClientMount, and check that the access point exists"),
    ("InvalidRuntime", Some("/runtime"), "switch to a runtime that AWS supports"),
    ("InvalidZipFileException", Some("/zip"), "set `zip` to a complete archive without a password"),
    ("FunctionError|FunctionError.RuntimeInitError", None,
     "find the cause in the function's CloudWatch log: the initialization code failed"),
    ("FunctionError.InitTimeout", None,
     "find the cause in the function's CloudWatch log: the initialization code takes too long"),
    ("FunctionError.RuntimeExitError", None,
     "find the cause in the function's CloudWatch log: the program exited during initialization"),
    ("FunctionError.InvalidEntryPoint", Some("/image_config/entry_point"),
     "set `image_config.entry_point` to an executable program in the image"),
    ("FunctionError.InvalidWorkingDirectory", Some("/image_config/working_directory"),
     "set `image_config.working_directory` to a directory in the image"),
    ("FunctionError.PermissionDenied", None,
     "make the function's program executable for all users: chmod 755 in the image or package"),
    ("FunctionError.TooManyExtensions", Some("/layers"), "use layers with at most ten extensions"),
    ("FunctionError.InitResourceExhausted", Some("/memory_size"),
     "increase `memory_size`: the function needs more memory to start"),
    ("CapacityProviderScalingLimitExceeded", None, "increase the scaling limit of the capacity provider"),
    ("ServiceQuotaExceededException", None, "request a higher quota from AWS, or use less of the resource"),
    ("VcpuLimitExceeded", None, "request more vCPUs for the capacity provider's instances from AWS"),
    ("InsufficientCapacity", None,
     "wait until AWS has capacity for the capacity provider's instance types, or allow other instance types \
      or availability zones"),
    ("EC2RequestLimitExceeded", None, "wait a few minutes: EC2 is throttling Lambda's calls"),
    ("FunctionError.ExtensionInitError", Some("/layers"),
     "find the cause in the function's CloudWatch log: an extension in the layers failed to start"),
    ("DependencyError", None, "wait until the resource that AWS names is ready: the function depends on it"),
    ("DrainingDurableExecutions", None, "wait until the running durable executions have ended"),
    ("DisallowedByVpcEncryptionControl", Some("/subnet_ids"),
     "use subnets of another VPC, or change the VPC's encryption controls: the VPC requires encryption in \
      transit"),
];
