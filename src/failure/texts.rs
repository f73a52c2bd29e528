//! What AWS says in, what that means for a deployment out: one table, the first row that fits speaks.
//! Never holds AWS's words beyond what is needed to know them again.
//!
//! Sources: error texts recorded from AWS, the API references of Lambda, S3 and STS, and the reasons in Lambda's
//! `StateReasonCode` and `LastUpdateStatusReasonCode`.

use crate::lambda::CallError;
use crate::protocol::error::Code;

/// What a refusal means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// AWS's codes for it. Empty: whatever the code is.
    aws: &'static [&'static str],
    /// The operations that it is about, each by how its name begins. Empty: whichever.
    operations: &'static [&'static str],
    /// Words that all stand in AWS's text, in whatever case.
    words: &'static [&'static str],
    /// Our code.
    pub(super) code: Code,
    /// JSON pointer to the key of the stanza.
    pub(super) at: Option<&'static str>,
    /// Our words, where AWS's own do not help.
    pub(super) says: Option<&'static str>,
    /// What to do.
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
            && self.words.iter().all(|words| lower.contains(words))
    }
}

/// The row for a refusal. `None`: nothing is known but AWS's words.
pub(super) fn row(error: &CallError) -> Option<&'static Row> {
    // A function may be called `subnet-cleaner`: what AWS names says nothing of what it complains about.
    let words = error.message().split_whitespace().filter(|word| !word.starts_with("arn:"));
    let lower = words.collect::<Vec<_>>().join(" ").to_lowercase();
    ROWS.iter().find(|row| row.fits(error.code(), error.operation, &lower))
}

/// What to do about a function, a version or an update that AWS could not make ready: AWS's reason code, our hint and key.
pub(super) fn of_state(reason: &str) -> Option<(&'static str, Option<&'static str>)> {
    STATES.iter().find(|(code, ..)| *code == reason).map(|(_, at, hint)| (*hint, *at))
}

/// The code of a refusal that nobody knows: by what was asked.
pub(super) fn by_operation(operation: &str) -> Code {
    match operation {
        "Invoke" => Code::InvocationRejected,
        _ if operation.starts_with("AssumeRole") => Code::IdentityRejected,
        _ if is_of_bucket(operation) => Code::UploadRejected,
        _ if operation.starts_with("Get") || operation.starts_with("List") => Code::ReadRejected,
        _ if RELEASE.iter().any(|name| operation.starts_with(name)) => Code::ReleaseRejected,
        _ => Code::UpdateRejected,
    }
}

/// Whether an operation is S3's.
pub(super) fn is_of_bucket(operation: &str) -> bool {
    S3.iter().any(|name| operation.starts_with(name))
}

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
    "DeleteFunction",
    "PutProvisionedConcurrency",
    "DeleteProvisionedConcurrency",
];
const PROVISIONED: &[&str] = &["PutProvisionedConcurrency"];

const fn row_of(aws: &'static [&'static str], words: &'static [&'static str], code: Code, hint: &'static str) -> Row {
    Row { aws, operations: &[], words, code, at: None, says: None, hint }
}

const ANY: &[&str] = &[];

const FAILED: &str = "the function failed when AWS was about to make it ready: its log in CloudWatch tells why; where AWS takes no other code for it either, delete it and deploy again";

/// AWS's codes for a value that it does not accept.
const VALUE: &[&str] = &["InvalidParameterValueException", "ValidationException"];

/// From the particular to the general.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Who asks.
    row_of(ANY, &["signature expired"], Code::ClockSkewed, "set the clock of the machine that runs the job; AWS takes requests up to five minutes old"),
    row_of(ANY, &["signature not yet current"], Code::ClockSkewed, "set the clock of the machine that runs the job; it is ahead"),
    row_of(&["RequestTimeTooSkewed", "RequestExpired"], ANY, Code::ClockSkewed, "set the clock of the machine that runs the job"),
    row_of(ANY, &["credential should be scoped to a valid region"], Code::WrongRegion, "is `region` the region of the endpoint that the job names?").at("/region"),
    row_of(&["UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"], ANY, Code::CredentialsRejected,
        "was the key deleted, is its session token missing, or is it of another partition? make a new one in IAM")
        .says("AWS does not know this access key or its session token"),
    row_of(&["InvalidSignatureException", "SignatureDoesNotMatch"], ANY, Code::CredentialsRejected,
        "copy both of them again, whole and without a space around them; were they rotated?")
        .says("the secret access key is not that of the access key"),
    row_of(&["MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignatureException", "IncompleteSignature"], ANY, Code::CredentialsRejected,
        "does a proxy on the way take the `Authorization` header off?"),
    row_of(&["InvalidToken"], ANY, Code::CredentialsRejected, "keys that begin with ASIA need the session token that came with them"),
    row_of(&["ExpiredTokenException", "ExpiredToken"], &[], Code::CredentialsExpired, "ask for the token in this job, shortly before the deployment; it ends soon after it was made").of(WEB_IDENTITY),
    row_of(&["ExpiredTokenException", "ExpiredToken"], ANY, Code::CredentialsExpired, "temporary credentials end; fetch new ones in this job"),
    row_of(&["OptInRequired", "OptInRequiredException", "NotSignedUp"], ANY, Code::AccessDenied, "is the account active, and is the region enabled in it?"),
    // Roles that the caller assumes.
    row_of(&["InvalidIdentityToken", "InvalidIdentityTokenException"], &["no openidconnect provider"], Code::CredentialsRejected,
        "make an IAM identity provider for the CI system's issuer in this account").at("/role_to_assume"),
    row_of(&["InvalidIdentityToken", "InvalidIdentityTokenException"], &["audience"], Code::CredentialsRejected,
        "ask the CI system for a token whose audience is that of the IAM identity provider, such as sts.amazonaws.com").at("/web_identity_token_env"),
    row_of(&["InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim", "IDPRejectedClaimException"], ANY, Code::CredentialsRejected,
        "is it the CI system's token, made in this job, for this account's identity provider?").at("/web_identity_token_env"),
    row_of(&["IDPCommunicationError", "IDPCommunicationErrorException"], ANY, Code::ServiceUnavailable, "AWS cannot ask the CI system for its keys; try again in some minutes").at("/web_identity_token_env"),
    row_of(&["RegionDisabledException"], ANY, Code::AccessDenied, "enable STS for this region in the account's IAM settings").at("/role_to_assume"),
    row_of(&["ValidationError"], &["rolearn"], Code::InvalidParameter, "give the role's ARN: arn:aws:iam::123456789012:role/name").of(STS).at("/role_to_assume"),
    row_of(&["ValidationError"], &["rolesessionname"], Code::InvalidParameter, "give 2 to 64 of letters, digits and +=,.@_-").of(STS).at("/role_session_name"),
    row_of(&["ValidationError"], &["externalid"], Code::InvalidParameter, "give 2 to 1224 of letters, digits and +=,.@:/_-").of(STS).at("/external_id"),
    // The function's role.
    row_of(ANY, &["cross-account pass role"], Code::InvalidParameter, "a function's role is in the function's own account; is it the right account?").at("/role"),
    row_of(ANY, &["cannot be assumed by lambda"], Code::RoleNotAssumable, "the role's trust policy must let `lambda.amazonaws.com` assume it; a new role needs some seconds").at("/role"),
    row_of(ANY, &["execution role does not have permissions to call", "networkinterface"], Code::RoleLacksPermission,
        "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role, not to the caller").at("/role"),
    row_of(ANY, &["execution role does not have permissions to call"], Code::RoleLacksPermission,
        "give the function's role, not the caller, the permission that AWS names").at("/role"),
    // Keys.
    row_of(&["KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"], ANY, Code::KeyNotUsable, "the key that encrypts the bucket must be enabled").of(S3).at("/s3_bucket"),
    row_of(&["KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"], ANY, Code::KeyNotUsable,
        "the function's role needs kms:Decrypt on the key, and the key must be enabled and in the function's region").at("/kms_key_arn"),
    row_of(ANY, &["kms access was denied"], Code::KeyNotUsable, "the function's role needs kms:Decrypt on the key").at("/kms_key_arn"),
    row_of(ANY, &["kms", "invalid for creategrant"], Code::KeyNotUsable, "the function's old role is gone from the key's grant: set `kms_key_arn` anew, or give the role again").at("/kms_key_arn"),
    row_of(ANY, &["kms key"], Code::KeyNotUsable, "is it an enabled, symmetric key of the function's region, and may the caller use it (kms:GenerateDataKey, Decrypt)?").at("/source_kms_key_arn").of(&["UpdateFunctionCode"]),
    row_of(ANY, &["kms key"], Code::KeyNotUsable, "is it an enabled, symmetric key of the function's region, and may the caller use it (kms:CreateGrant, Encrypt, Decrypt)?").at("/kms_key_arn"),
    // Networks. EC2's throttling comes as a 400.
    row_of(&["InvalidSubnetIDException"], ANY, Code::NotFound, "are they subnets of this region and account?").at("/subnet_ids"),
    row_of(&["InvalidSecurityGroupIDException"], ANY, Code::NotFound, "are they groups of this region, and of the subnets' VPC?").at("/security_group_ids"),
    row_of(ANY, &["requestlimitexceeded"], Code::Throttled, "EC2 is throttling Lambda's calls; try again in some minutes"),
    row_of(ANY, &["ec2", "throttl"], Code::Throttled, "EC2 is throttling Lambda's calls; try again in some minutes"),
    row_of(&["EC2ThrottledException"], ANY, Code::Throttled, "EC2 is throttling Lambda's calls; try again in some minutes"),
    row_of(VALUE, &["hyperplane"], Code::QuotaExceeded, "ask AWS for more network interfaces, or put functions into the same subnets and groups").at("/subnet_ids"),
    row_of(VALUE, &["must coexist"], Code::InvalidParameter, "a function in a VPC has both: name `subnet_ids` and `security_group_ids`, or empty both").at("/subnet_ids"),
    row_of(ANY, &["invalidgroup.notfound"], Code::NotFound, "are they groups of this region, and of the subnets' VPC?").at("/security_group_ids"),
    row_of(VALUE, &["security group", "does not exist"], Code::NotFound, "are they groups of this region, and of the subnets' VPC?").at("/security_group_ids"),
    row_of(VALUE, &["security group"], Code::InvalidParameter, "are they groups of this region, and of the subnets' VPC?").at("/security_group_ids"),
    row_of(ANY, &["invalidsubnetid.notfound"], Code::NotFound, "are they subnets of this region and account?").at("/subnet_ids"),
    row_of(&["SubnetIPAddressLimitReachedException"], ANY, Code::QuotaExceeded, "name a larger subnet, or one more").at("/subnet_ids"),
    row_of(&["ENILimitReachedException", "EniLimitReachedException"], ANY, Code::QuotaExceeded, "ask AWS for more network interfaces in the VPC, or put functions into the same subnets and groups").at("/subnet_ids"),
    row_of(&["EC2AccessDeniedException"], ANY, Code::RoleLacksPermission, "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role").at("/role"),
    row_of(VALUE, &["efs file system"], Code::FileSystemNotUsable, "give the ARN of an access point in the subnets' VPC, and let each zone have a mount target").at("/file_system_configs"),
    row_of(VALUE, &["subnet"], Code::InvalidParameter, "are they subnets of one VPC, in this region?").at("/subnet_ids"),
    // Variables.
    row_of(ANY, &["exceeded the 4kb limit"], Code::EnvironmentTooLarge, "names and values together have 4 KB; keep large values in Systems Manager or Secrets Manager, or in the package")
        .at("/environment").says("the variables are larger than the 4 KB that Lambda takes"),
    row_of(&["RequestEntityTooLargeException"], &["5120 bytes"], Code::EnvironmentTooLarge, "names and values together have 4 KB; keep large values in Systems Manager or Secrets Manager, or in the package")
        .at("/environment").says("the variables are larger than the 4 KB that Lambda takes"),
    row_of(VALUE, &["reserved keys"], Code::InvalidParameter, "Lambda sets these variables itself; leave them out, or take other names").at("/environment"),
    // Code.
    row_of(ANY, &["must be a non-empty zip"], Code::PackageInvalid, "is it a zip archive with files in it? name the directory, and it is packaged for you").at("/zip"),
    row_of(ANY, &["could not unzip"], Code::PackageInvalid, "is it a zip archive, whole, without a password? name the directory, and it is packaged for you").at("/zip"),
    row_of(&["InvalidZipFileException"], ANY, Code::PackageInvalid, "is it a zip archive, whole, without a password? name the directory, and it is packaged for you").at("/zip"),
    row_of(ANY, &["unzipped size must be smaller"], Code::PackageTooLarge, "leave out what the function does not need, put it into a layer, or deploy a container image (10 GB)").at("/zip")
        .says("the package has more than 250 MiB unpacked, its layers included"),
    row_of(ANY, &["combined with layers exceeds"], Code::PackageTooLarge, "leave out what the function or its layers do not need, or deploy a container image (10 GB)").at("/layers"),
    row_of(ANY, &["layers consume more"], Code::PackageTooLarge, "leave out what the layers do not need, or deploy a container image (10 GB)").at("/layers"),
    row_of(ANY, &["zipped size must be smaller"], Code::PackageTooLarge, "name an `s3_bucket` in the function's region to go through").at("/zip"),
    row_of(&["RequestEntityTooLargeException"], ANY, Code::PackageTooLarge, "name an `s3_bucket` in the function's region to go through").at("/zip").of(CODE),
    row_of(&["RequestEntityTooLargeException", "RequestTooLargeException"], ANY, Code::InvalidParameter, "a payload has at most 6 MB").at("/verify/payload").of(INVOKE),
    row_of(&["CodeStorageExceededException"], ANY, Code::QuotaExceeded, "`keep_versions` deletes old versions at each deployment; or ask AWS for more code storage (75 GB by default)").at("/keep_versions"),
    row_of(&["CodeSigningConfigNotFoundException"], ANY, Code::NotFound, "is it a configuration of this region and account?").at("/code_signing_config_arn"),
    row_of(ANY, &["code signing configuration", "found"], Code::NotFound, "is it a configuration of this region and account?").at("/code_signing_config_arn"),
    row_of(&["CodeVerificationFailedException", "InvalidCodeSignatureException"], ANY, Code::CodeSignatureRejected,
        "sign the package with a profile of the function's code signing configuration, and deploy the signed object by `s3_bucket` and `s3_key`").at("/code_signing_config_arn"),
    row_of(&["CodeArtifactUserPendingException"], ANY, Code::FunctionNotReady, "AWS makes the image ready; deploy again in a minute"),
    row_of(&["CodeArtifactUserFailedException", "CodeArtifactUserDeletedException"], ANY, Code::ImageNotUsable, "is the image of one platform, the function's, and still in its repository?").at("/image_uri"),
    row_of(ANY, &["don't provide imageuri"], Code::PackageTypeMismatch, "the function runs files: name `zip`; an image needs a function of another name").at("/image_uri"),
    row_of(ANY, &["provide imageuri when updating"], Code::PackageTypeMismatch, "the function runs a container image: name `image_uri`; files need a function of another name").at("/image_uri"),
    row_of(ANY, &["ecr image"], Code::ImageNotUsable, "the repository's policy must let `lambda.amazonaws.com` take the image (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)").at("/image_uri"),
    row_of(ANY, &["image manifest"], Code::ImageNotUsable, "push one image of one platform: docker buildx build --provenance=false --platform linux/amd64").at("/image_uri"),
    row_of(ANY, &["source image"], Code::ImageNotUsable, "is the image pushed, under this tag or digest, to this account's and region's repository, for the function's architecture?").at("/image_uri"),
    row_of(ANY, &["getobject", "nosuchbucket"], Code::NotFound, "make the bucket, in the function's region").at("/s3_bucket"),
    row_of(ANY, &["getobject", "nosuchkey"], Code::PackageNotFound, "is it the whole key, with its prefix?").at("/s3_key"),
    row_of(ANY, &["getobject", "permanentredirect"], Code::WrongRegion, "Lambda takes packages from a bucket in the function's own region only").at("/s3_bucket"),
    row_of(ANY, &["getobject", "access denied"], Code::AccessDenied, "the caller needs s3:GetObject on the object; Lambda takes it in the caller's name").at("/s3_bucket"),
    // Runtimes, layers, versions.
    row_of(ANY, &["layer", "access denied"], Code::AccessDenied, "the layer's owner must allow lambda:GetLayerVersion to this account").at("/layers"),
    row_of(ANY, &["layer version", "does not exist"], Code::NotFound, "is it the ARN with its version, of this region?").at("/layers"),
    row_of(ANY, &["layers are not in the same region"], Code::WrongRegion, "publish the layer in the function's region, and name that one").at("/layers"),
    row_of(ANY, &["cannot reference more than 5 layers"], Code::InvalidParameter, "put several of them into one").at("/layers"),
    row_of(ANY, &["two different versions of the same layer"], Code::InvalidParameter, "keep one of the two").at("/layers"),
    row_of(VALUE, &["layer version"], Code::InvalidParameter, "give the ARN with its version: arn:aws:lambda:us-east-1:123456789012:layer:name:1").at("/layers"),
    row_of(VALUE, &["dead letter"], Code::InvalidParameter, "give the ARN of an SQS queue or SNS topic that the function's role may send to").at("/dead_letter_arn"),
    row_of(&["S3FilesMountConnectivityException", "S3FilesMountFailureException", "S3FilesMountTimeoutException"], ANY, Code::FileSystemNotUsable,
        "the function's subnets need a way to a mount target (TCP 2049), and its role may have to mount the file system").at("/file_system_configs"),
    row_of(&["EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException", "EFSIOException"], ANY, Code::FileSystemNotUsable,
        "the function's subnets need a way to a mount target (TCP 2049), and its role elasticfilesystem:ClientMount").at("/file_system_configs"),
    row_of(&["SnapStartException", "SnapStartNotReadyException", "SnapStartTimeoutException", "SnapStartRegenerationFailureException"], ANY, Code::FunctionNotReady, "does the function's start-up code end, and without an error?").at("/snap_start"),
    row_of(VALUE, &["snapstart"], Code::InvalidParameter, "SnapStart needs a runtime, an architecture and settings that AWS supports it for; leave `snap_start` out otherwise").at("/snap_start"),
    row_of(ANY, &["does not support the following architectures"], Code::InvalidParameter,
        "name an architecture that the runtime has; the runtime is changed before the code is, so a change of both at once may take two deployments").at("/architectures"),
    row_of(&["InvalidRuntimeException"], ANY, Code::UnsupportedRuntime, "name a runtime that AWS supports").at("/runtime"),
    row_of(&["NoPublishedVersionException"], ANY, Code::NotFound, "publish a version first: name an `alias`, or `publish: true`").at("/publish"),
    row_of(&["RecursiveInvocationException"], ANY, Code::InvocationRejected, "the function calls itself by way of another service; end the loop, or let its recursive loop detection allow it"),
    row_of(&["ResourceNotReadyException", "ENINotReadyException"], ANY, Code::FunctionNotReady, "the function is being made ready; deploy again in a minute"),
    // Concurrency.
    row_of(ANY, &["unreservedconcurrentexecution"], Code::QuotaExceeded, "AWS keeps some executions for all other functions: keep fewer ready, or ask AWS for a higher limit").at("/provisioned_concurrency").of(PROVISIONED),
    row_of(ANY, &["unreservedconcurrentexecution"], Code::QuotaExceeded, "AWS keeps some executions for all other functions: reserve fewer, or ask AWS for a higher limit").at("/reserved_concurrency"),
    row_of(ANY, &["account's unreserved concurrency"], Code::QuotaExceeded, "reserve fewer executions, or ask AWS for a higher limit").at("/reserved_concurrency"),
    row_of(ANY, &["total provisioned concurrency"], Code::InvalidParameter, "reserve at least as many executions as `provisioned_concurrency` keeps ready").at("/reserved_concurrency"),
    row_of(ANY, &["provisioned concurrency should not be greater"], Code::InvalidParameter, "keep at most as many executions ready as `reserved_concurrency` reserves").at("/provisioned_concurrency"),
    row_of(ANY, &["provisioned concurrency", "exceeds"], Code::QuotaExceeded, "keep fewer executions ready, or ask AWS for a higher limit").at("/provisioned_concurrency"),
    row_of(ANY, &["provisioned concurrency config", "unpublished"], Code::InvalidParameter, "name an `alias`; `$LATEST` keeps nothing ready").at("/provisioned_concurrency"),
    row_of(ANY, &["must be an alias or a published version"], Code::InvalidParameter, "name an `alias`; `$LATEST` keeps nothing ready").at("/provisioned_concurrency"),
    row_of(ANY, &["alias with weights"], Code::Conflict, "the alias shares its traffic between two versions; end that first, or deploy again in a minute").at("/provisioned_concurrency"),
    row_of(ANY, &["already provisioned version"], Code::Conflict, "another alias keeps executions of this version ready; remove `provisioned_concurrency` there first").at("/provisioned_concurrency"),
    row_of(ANY, &["pointed by a provisioned concurrency alias"], Code::Conflict, "an alias with provisioned concurrency points at it").at("/keep_versions"),
    row_of(&["ProvisionedConcurrencyConfigNotFoundException"], ANY, Code::NotFound, "somebody has removed it; deploy again").at("/provisioned_concurrency"),
    row_of(&["InvalidParameterValueException"], &["concurren"], Code::InvalidParameter, "keep at least one execution ready, or `none`").at("/provisioned_concurrency").of(PROVISIONED),
    // Aliases and addresses.
    row_of(ANY, &["$latest is not supported for an alias"], Code::InvalidParameter, "an alias shares its traffic between published versions only").at("/traffic"),
    row_of(ANY, &["already included in routing"], Code::Conflict, "somebody else has moved the alias meanwhile; look where it points now, and decide again").at("/alias"),
    row_of(ANY, &["additionalversionweights"], Code::InvalidParameter, "an alias shares its traffic between two versions at most").at("/traffic"),
    row_of(&["ResourceConflictException"], &["function url"], Code::Conflict, "somebody else has made the address meanwhile; deploy again").at("/function_url"),
    row_of(ANY, &["alloworigins as empty"], Code::InvalidParameter, "name the sites that may read answers in `allow_origins`, or `'*'`; or leave `cors` out").at("/function_url/cors/allow_origins"),
    row_of(&["PolicyLengthExceededException"], ANY, Code::QuotaExceeded, "the policy of a function holds 20 KB: remove statements that nobody needs any more (aws lambda get-policy, remove-permission)").at("/function_url"),
    row_of(&["PublicPolicyException"], ANY, Code::InvalidParameter, "public access is blocked for the function or the account: allow it there, or give `auth_type: AWS_IAM`").at("/function_url"),
    row_of(&["AliasLimitExceededException"], ANY, Code::QuotaExceeded, "delete aliases that nobody needs any more, or ask AWS for a higher limit").at("/alias"),
    row_of(ANY, &["statement id", "already exists"], Code::Conflict, "somebody else has added it meanwhile; deploy again").at("/function_url"),
    row_of(VALUE, &["tag limit"], Code::QuotaExceeded, "a function has at most 50 tags; `function_tags_mode: replace` removes the live ones").at("/function_tags"),
    row_of(VALUE, &["number of tags"], Code::QuotaExceeded, "a function has at most 50 tags; `function_tags_mode: replace` removes the live ones").at("/function_tags"),
    row_of(VALUE, &["tags on function aliases"], Code::InvalidParameter, "give the function's name without a version or alias").at("/function_name"),
    row_of(ANY, &["permitted on lambda functions only"], Code::InvalidParameter, "give the function's name without a version or alias").at("/function_name"),
    row_of(ANY, &["derived qualifier"], Code::InvalidParameter, "give the function's name without a version or alias").at("/function_name"),
    row_of(ANY, &["codesha256", "different from current"], Code::Conflict, "somebody else deploys this function at the same time; deploy again")
        .says("other code than this deployment's is there now"),
    // What is not there, or is not what was read.
    row_of(ANY, &["not reachable in this region"], Code::WrongRegion, "is `region` that of the function's ARN?").at("/region"),
    row_of(&["ResourceNotFoundException"], &["find alias"], Code::NotFound, "somebody has deleted it meanwhile; deploy again").at("/alias"),
    row_of(&["ResourceNotFoundException"], &["alias not found"], Code::NotFound, "somebody has deleted it meanwhile; deploy again").at("/alias"),
    row_of(ANY, &["function not found"], Code::NotFound, "is this the right region and account? the version or alias may be gone, too").at("/function_name"),
    row_of(ANY, &["function doesn't exist"], Code::NotFound, "is this the right region and account?").at("/function_name"),
    row_of(ANY, &["function does not exist"], Code::NotFound, "is this the right region and account?").at("/function_name"),
    row_of(&["ResourceNotFoundException"], ANY, Code::NotFound, "check names, ARNs and the region"),
    row_of(&["PreconditionFailedException"], &["getpolicy"], Code::Conflict, "somebody else changes the function's permissions; deploy again"),
    row_of(&["PreconditionFailedException"], ANY, Code::Conflict, "somebody else changes this function; deploy again")
        .says("the function, or its alias, is not at the revision any more that was read"),
    row_of(&["ResourceConflictException"], &["following state: failed"], Code::FunctionStartFailed, FAILED),
    row_of(&["ResourceConflictException"], &["following state: 'failed'"], Code::FunctionStartFailed, FAILED),
    row_of(&["ResourceConflictException"], &["concurrent update"], Code::UpdateInProgress, "another update did not end in time: look at the function, or set `wait_timeout` higher").at("/wait_timeout"),
    row_of(&["ResourceConflictException"], &["in progress"], Code::UpdateInProgress, "another update did not end in time: look at the function, or set `wait_timeout` higher").at("/wait_timeout"),
    row_of(&["ResourceConflictException"], &["pending"], Code::UpdateInProgress, "the function is still being created; set `wait_timeout` higher").at("/wait_timeout"),
    row_of(&["ResourceConflictException", "ResourceInUseException"], ANY, Code::Conflict, "somebody else changes this function; deploy again"),
    // Buckets that the package goes through.
    row_of(&["NoSuchBucket", "NotFound"], ANY, Code::NotFound, "make the bucket, in the function's region").of(S3).at("/s3_bucket"),
    row_of(&["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"], ANY, Code::WrongRegion,
        "Lambda takes packages from a bucket in the function's own region only").of(S3).at("/s3_bucket"),
    row_of(&["InvalidBucketName"], ANY, Code::InvalidParameter, "give the bucket's name alone, without s3:// and without a key").of(S3).at("/s3_bucket"),
    row_of(ANY, &["bucketowner"], Code::AccessDenied, "is it the bucket of the right account?").of(S3).at("/s3_bucket"),
    row_of(&["BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest"], ANY, Code::PackageUnreadable, "did the archive change while it was sent? deploy again").of(S3).at("/zip"),
    row_of(&["NoSuchUpload"], ANY, Code::Conflict, "a rule of the bucket has ended the upload; deploy again").of(S3).at("/s3_bucket"),
    row_of(&["InternalError", "RequestTimeout", "ServiceUnavailable"], ANY, Code::ServiceUnavailable, "deploy again; the upload is made anew").of(S3),
    row_of(&["OperationAborted"], ANY, Code::Conflict, "something else changes the bucket or the object at the same time; deploy again").of(S3).at("/s3_bucket"),
    row_of(&["SlowDown", "503"], ANY, Code::Throttled, "try again in some minutes").of(S3),
    // In general.
    row_of(&["TooManyRequestsException"], ANY, Code::Throttled, "the function's executions, or the account's, are used up; is `reserved_concurrency` 0?").of(INVOKE),
    row_of(&["TooManyRequestsException", "ThrottlingException", "Throttling", "SlowDown", "RequestLimitExceeded", "ThrottledException"], ANY, Code::Throttled,
        "the account's other deployments and tools ask at the same time; try again in some minutes"),
    row_of(&["ServiceQuotaExceededException", "LimitExceededException", "CapacityProviderLimitExceededException", "FunctionVersionsPerCapacityProviderLimitExceededException"], ANY, Code::QuotaExceeded, "ask AWS for a higher limit"),
    row_of(&["InvalidRequestContentException"], ANY, Code::InvalidParameter, "is the payload of `verify` JSON that the function takes?").of(INVOKE).at("/verify/payload"),
    row_of(&["InvalidRequestContentException", "SerializationException"], ANY, Code::UnexpectedAnswer, "does something on the way change requests? deploy again"),
    row_of(&["InvalidParameterValueException", "ValidationException", "ValidationError", "InvalidRequest", "InvalidArgument"], ANY, Code::InvalidParameter,
        "AWS's words name the value; change it in the stanza"),
];

/// AWS's reasons why a function, a version or an update cannot be made ready.
#[rustfmt::skip]
const STATES: &[(&str, Option<&str>, &str)] = &[
    ("EniLimitExceeded", Some("/subnet_ids"), "ask AWS for more network interfaces in the VPC, or put functions into the same subnets and groups"),
    ("InsufficientRolePermissions", Some("/role"), "attach the managed policy AWSLambdaVPCAccessExecutionRole to the function's role"),
    ("InvalidConfiguration", None, "fix what AWS names and deploy again"),
    ("InternalError", None, "deploy again; if it stays, AWS Support can look it up"),
    ("SubnetOutOfIPAddresses", Some("/subnet_ids"), "name a larger subnet, or one more"),
    ("InvalidSubnet", Some("/subnet_ids"), "are they subnets of one VPC, in this region?"),
    ("InvalidSecurityGroup", Some("/security_group_ids"), "are they groups of the subnets' VPC?"),
    ("ImageDeleted", Some("/image_uri"), "push the image again, and deploy it"),
    ("ImageAccessDenied", Some("/image_uri"), "the repository's policy must let `lambda.amazonaws.com` take the image (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)"),
    ("InvalidImage", Some("/image_uri"), "is it an image of one platform, the function's, with an entry point?"),
    ("KMSKeyAccessDenied", Some("/kms_key_arn"), "the function's role needs kms:Decrypt on the key"),
    ("KMSKeyNotFound", Some("/kms_key_arn"), "is it a key of the function's region?"),
    ("InvalidStateKMSKey", Some("/kms_key_arn"), "enable the key, or end its deletion"),
    ("DisabledKMSKey", Some("/kms_key_arn"), "enable the key"),
    ("EFSIOError", Some("/file_system_configs"), "look at the file system; then deploy again"),
    ("EFSMountConnectivityError", Some("/file_system_configs"), "the function's subnets need a way to a mount target (TCP 2049)"),
    ("EFSMountFailure", Some("/file_system_configs"), "the function's role needs elasticfilesystem:ClientMount, and the access point must exist"),
    ("EFSMountTimeout", Some("/file_system_configs"), "the function's subnets need a way to a mount target (TCP 2049)"),
    ("InvalidRuntime", Some("/runtime"), "name a runtime that AWS supports"),
    ("InvalidZipFileException", Some("/zip"), "is it a zip archive, whole, without a password?"),
    ("FunctionError", None, "the function's own start-up code failed: its log in CloudWatch tells where"),
    ("FunctionError.InitTimeout", None, "the function's own start-up code takes too long: its log in CloudWatch tells where"),
    ("FunctionError.RuntimeExitError", None, "the function's program ended while it was started: its log in CloudWatch tells why"),
    ("FunctionError.InvalidEntryPoint", Some("/image_config/entry_point"), "name a program that is in the image and executable"),
    ("FunctionError.InvalidWorkingDirectory", Some("/image_config/working_directory"), "name a directory that is in the image"),
    ("FunctionError.PermissionDenied", None, "the function's program is not executable for everybody: chmod 755 in the image or package"),
    ("FunctionError.TooManyExtensions", Some("/layers"), "at most ten extensions can be in the layers"),
    ("FunctionError.InitResourceExhausted", Some("/memory_size"), "the function needs more memory to start"),
    ("CapacityProviderScalingLimitExceeded", None, "raise the limit of the capacity provider"),
    ("ServiceQuotaExceededException", None, "ask AWS for a higher limit, or use less of it"),
    ("VcpuLimitExceeded", None, "ask AWS for more vCPUs of the capacity provider's instances"),
    ("InsufficientCapacity", None, "AWS has no such instance free: deploy again later, or let the capacity provider have other instance types or zones"),
    ("EC2RequestLimitExceeded", None, "EC2 is throttling Lambda's calls; wait some minutes"),
    ("FunctionError.RuntimeInitError", None, "the function's own start-up code failed: its log in CloudWatch tells where"),
    ("FunctionError.ExtensionInitError", Some("/layers"), "an extension of the function's layers failed to start: its log in CloudWatch tells why"),
    ("DependencyError", None, "something that the function needs is not ready; AWS's words name it"),
    ("DrainingDurableExecutions", None, "wait until the durable executions that still run have ended"),
    ("DisallowedByVpcEncryptionControl", Some("/subnet_ids"), "the VPC demands encryption in transit, which this function's settings do not give"),
];
