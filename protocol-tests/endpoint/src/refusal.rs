//! Maps each error to its HTTP status, AWS's error code and AWS's message. No other file may contain an error
//! message of AWS, except `codedeploy/refusal.rs`.
//!
//! The messages were recorded from AWS, unless a comment names another source.

use serde_json::{Value, json};

use crate::codedeploy::refusal::CodeDeployRefusal;
use crate::permission::Permission;
use crate::runtimes;

/// The reason why AWS rejects a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    // Authentication and authorization.
    NotSigned,
    SignatureIncomplete {
        lacks: &'static str,
    },
    UnknownKeyOrToken,
    WrongSignature,
    HostNotSigned,
    WrongRegion,
    WrongService {
        service: &'static str,
    },
    WrongDateInScope,
    SignedTooLongAgo {
        signed: String,
        earliest: String,
        now: String,
    },
    SignedInTheFuture {
        signed: String,
        latest: String,
        now: String,
    },
    /// The policy does not allow the action. `explicitly`: a statement denies it.
    NotAuthorized {
        user: String,
        permission: Permission,
        explicitly: bool,
    },
    // The form of the request.
    UnknownOperation,
    NotJson {
        cause: String,
    },
    NotCbor {
        cause: String,
    },
    NotANumber {
        found: &'static str,
    },
    RequestTooLarge {
        operation: &'static str,
    },
    /// Broken constraints of the model, each as a message from `constraints.rs`.
    Constraints {
        unmet: Vec<String>,
    },
    // Functions.
    FunctionNotFound {
        arn: String,
    },
    OtherRegion {
        theirs: String,
        ours: String,
    },
    FunctionExists {
        name: String,
    },
    NameTooLong {
        name: String,
    },
    QualifiersDiffer,
    UnqualifiedOnly,
    Pending,
    /// The function is in a state in which it cannot be changed or invoked.
    InState {
        state: String,
    },
    /// The function was idle and is waking up.
    UserPending,
    /// The function does not run on Lambda Managed Instances.
    NotManaged,
    NoCapacityProvider,
    CapacityProviderLater,
    TooLittleMemoryForInstances,
    ScalingMinimumAboveMaximum,
    UpdateInProgress {
        arn: String,
    },
    WrongRevision,
    RuntimeAndHandlerMissing,
    RuntimeOrHandlerOfImage,
    UnknownRuntime {
        name: String,
    },
    RetiredRuntime {
        name: String,
    },
    EnvironmentTooLarge {
        measured: String,
    },
    ReservedVariables {
        names: String,
    },
    TooManyLayers,
    LayersOfOtherRegion {
        ours: String,
    },
    HalfAVpc,
    Ipv6WithoutVpc,
    FileSystemWithoutVpc {
        arn: String,
    },
    LevelsOfTextLogs,
    DurableWithoutTimeout,
    DurableLater,
    // Code.
    CodeMissing,
    CouldNotUnzip,
    EmptyZip,
    ZipTooLarge,
    UnzippedTooLarge,
    ImageForZip,
    ZipForImage,
    ReferenceWithoutObject,
    // Versions and aliases.
    OtherCode {
        given: String,
        current: String,
    },
    LatestNotDeletable,
    AliasNotDeletable,
    VersionAliased {
        aliases: String,
    },
    AliasExists {
        arn: String,
    },
    AliasNotFound {
        arn: String,
    },
    AliasToUpdateNotFound {
        arn: String,
    },
    TooManyWeights,
    WeightOfItsOwnVersion {
        version: String,
    },
    WeightsOfLatest,
    // Tags.
    TagsOfVersionOrAlias,
    TooManyTags,
    // Concurrency.
    ReservedBelowFloor {
        floor: u64,
    },
    ReservedBelowProvisioned {
        reserved: u64,
        provisioned: u64,
    },
    ProvisionedOfLatest,
    ProvisionedOfNoVersion,
    ProvisionedNotFound,
    ProvisionedAboveReserved,
    ProvisionedAboveUnreserved {
        unreserved: u64,
    },
    ProvisionedBelowFloor {
        floor: u64,
    },
    ProvisionedWithWeights,
    VersionProvisioned,
    AliasProvisioned,
    // Runtime management and asynchronous invocations.
    RuntimeVersionMissing,
    NoEventInvokeConfig {
        arn: String,
    },
    NothingToConfigure,
    OwnDestination,
    NoFunctionToConfigure,
    // Function URLs and policies.
    NoSuchFunction,
    NoSuchResource,
    UrlExists {
        arn: String,
    },
    OriginsMissing,
    PolicyOfLatest,
    InvalidPrincipal,
    AuthTypeOfAnotherAction,
    StatementExists {
        id: String,
    },
    WrongPolicyRevision,
    NoPolicyFound {
        arn: String,
    },
    NoPolicy,
    StatementNotFound {
        id: String,
    },
    SigningOfImages,
    EventSourceInUse,
    // Invocations and quotas.
    NoClientContext,
    CreationFailed,
    NoConcurrencyReserved,
    TenantMissing,
    TenantOfSharedFunction,
    RateExceeded,
    // CloudWatch.
    InvalidNextToken,
    /// A query that AWS refuses, or that the endpoint does not implement.
    InvalidQuery {
        reason: String,
    },
    // CodeDeploy.
    CodeDeploy(CodeDeployRefusal),
}

/// ErrorCode and Message of `Environment.Error`, for a function whose variables AWS cannot decrypt. The code
/// is from the model's example; the message is known from reports and quotes KMS.
pub(crate) const ENVIRONMENT_HIDDEN: (&str, &str) = (
    "AccessDeniedException",
    "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions. KMS Exception: AccessDeniedException KMS Message: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
);

const INVALID: &str = "InvalidParameterValueException";
const VALIDATION: &str = "ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const CONFLICT: &str = "ResourceConflictException";
const TOO_LARGE: &str = "RequestEntityTooLargeException";
const SIGNATURE: &str = "InvalidSignatureException";

impl Refusal {
    /// Returns the error of some operations for a qualifier that does not exist: a number is a version, all
    /// else an alias.
    pub(crate) fn no_such_qualifier(arn: String, qualifier: &str) -> Refusal {
        if qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
            return Refusal::FunctionNotFound { arn };
        }
        Refusal::AliasNotFound { arn }
    }

    /// Returns the HTTP status, the code for `x-amzn-errortype`, and the message.
    #[rustfmt::skip] // a table: one cause, one line
    pub(crate) fn wire(&self) -> (u16, &'static str, String) {
        match self {
            // Not recorded: the messages of this block are quoted in AWS's documentation and in users'
            // reports.
            Refusal::NotSigned => (403, "MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()),
            Refusal::UnknownKeyOrToken => (403, "UnrecognizedClientException", "The security token included in the request is invalid.".to_owned()),
            Refusal::WrongSignature => (403, SIGNATURE, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.".to_owned()),
            Refusal::SignatureIncomplete { lacks } => (403, "IncompleteSignatureException", format!("Authorization header requires '{lacks}' parameter.")),
            Refusal::HostNotSigned => (403, SIGNATURE, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()),
            Refusal::WrongRegion => (403, SIGNATURE, "Credential should be scoped to a valid region.".to_owned()),
            Refusal::WrongService { service } => (403, SIGNATURE, format!("Credential should be scoped to correct service: '{service}'.")),
            Refusal::WrongDateInScope => (403, SIGNATURE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.".to_owned()),
            Refusal::SignedTooLongAgo { signed, earliest, now } => (403, SIGNATURE, format!("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")),
            Refusal::SignedInTheFuture { signed, latest, now } => (403, SIGNATURE, format!("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")),
            Refusal::NotAuthorized { user, permission, explicitly } => (403, "AccessDeniedException", not_authorized(user, permission, *explicitly)),

            Refusal::UnknownOperation => (404, "UnknownOperationException", "Unable to determine service/operation name to be authorized".to_owned()), // not recorded
            Refusal::NotJson { cause } => (400, "InvalidRequestContentException", format!("Could not parse request body into json: Could not parse payload into json: {cause}")),
            Refusal::NotCbor { cause } => (400, "SerializationException", cause.clone()), // not recorded
            // Known from users' reports: AWS's JSON parser names the token that it found.
            Refusal::NotANumber { found } => (400, "SerializationException", format!("{found} can not be converted to an Integer")),
            Refusal::RequestTooLarge { operation } => (413, TOO_LARGE, format!("Request must be smaller than 70167211 bytes for the {operation} operation")),
            Refusal::Constraints { unmet } => {
                let errors = if unmet.len() == 1 { "error" } else { "errors" };
                (400, VALIDATION, format!("{} validation {errors} detected: {}", unmet.len(), unmet.join("; ")))
            }

            Refusal::FunctionNotFound { arn } => (404, NOT_FOUND, format!("Function not found: {arn}")),
            Refusal::OtherRegion { theirs, ours } => (404, NOT_FOUND, format!("Functions from '{theirs}' are not reachable in this region ('{ours}')")),
            Refusal::FunctionExists { name } => (409, CONFLICT, format!("Function already exist: {name}")), // sic; not recorded, known from reports
            Refusal::NameTooLong { name } => (400, INVALID, format!("1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64")),
            Refusal::QualifiersDiffer => (400, INVALID, "The derived qualifier from the function name does not match the specified qualifier.".to_owned()),
            Refusal::UnqualifiedOnly => (400, INVALID, "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.".to_owned()),
            // Not recorded; known from reports.
            Refusal::Pending => (409, CONFLICT, "The operation cannot be performed at this time. The function is currently in the following state: Pending".to_owned()),
            Refusal::NoClientContext => (400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.".to_owned()), // not recorded, known from reports
            // A guess, derived from the message for a function that is Pending.
            Refusal::InState { state } => (409, CONFLICT, format!("The operation cannot be performed at this time. The function is currently in the following state: {state}")),
            Refusal::UserPending => (409, "CodeArtifactUserPendingException", "Lambda is initializing your function. It will be ready to invoke shortly.".to_owned()), // boto3#3788
            Refusal::NotManaged => (400, INVALID, "PublishTo is supported for Lambda Managed Instances functions only.".to_owned()), // a guess
            // Known from reports, except the last.
            Refusal::NoCapacityProvider => (403, "AccessDeniedException", "The function provided by the arn does not contain a capacity provider configuration".to_owned()),
            Refusal::CapacityProviderLater => (400, INVALID, "CapacityProviderConfig isn't supported for Lambda Default functions.".to_owned()),
            Refusal::TooLittleMemoryForInstances => (400, VALIDATION, "Lambda Managed Instance functions must have memory size greater than or equal to 2048".to_owned()),
            Refusal::ScalingMinimumAboveMaximum => (400, INVALID, "MinExecutionEnvironments cannot be greater than MaxExecutionEnvironments.".to_owned()), // a guess
            Refusal::UpdateInProgress { arn } => (409, CONFLICT, format!("The operation cannot be performed at this time. An update is in progress for resource: {arn}")),
            Refusal::WrongRevision => (412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id".to_owned()),
            // Not recorded; the next two are known from reports.
            Refusal::RuntimeAndHandlerMissing => (400, INVALID, "Runtime and Handler are mandatory parameters for functions created with deployment packages.".to_owned()),
            Refusal::RuntimeOrHandlerOfImage => (400, INVALID, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.".to_owned()),
            Refusal::UnknownRuntime { name } => (400, INVALID, format!("Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a valid ARN", runtimes::CURRENT.join(", "))),
            Refusal::RetiredRuntime { name } => (400, INVALID, format!("The runtime parameter of {name} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.")),
            Refusal::EnvironmentTooLarge { measured } => (400, INVALID, format!("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {measured}")),
            // Not recorded; known from reports.
            Refusal::ReservedVariables { names } => (400, INVALID, format!("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {names}")),
            Refusal::TooManyLayers => (400, INVALID, "Cannot reference more than 5 layers.".to_owned()),
            Refusal::LayersOfOtherRegion { ours } => (400, INVALID, format!("Layers are not in the same region as the function. Layers are expected to be in region {ours}.")),
            // Not recorded; known from reports.
            Refusal::HalfAVpc => (400, INVALID, "SubnetIds and SecurityIds must coexist or be both empty list.".to_owned()),
            // The next three are known from reports. Some reports have "Json" in the last one.
            Refusal::Ipv6WithoutVpc => (400, INVALID, "Ipv6AllowedForDualStack cannot be true without subnet or security groups. Please remove Ipv6AllowedForDualStack value from your request and try again.".to_owned()),
            Refusal::FileSystemWithoutVpc { arn } => (400, INVALID, format!("Function must be configured to execute in a VPC to reference access point {arn}. Please update the function configuration to include VPC subnets and security groups.")),
            Refusal::LevelsOfTextLogs => (400, INVALID, "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the LogFormat to \"JSON\" and try again.".to_owned()),
            // Not recorded; the next two are known from reports.
            Refusal::DurableWithoutTimeout => (400, INVALID, "You cannot create a function with a durable configuration without an executionTimeout".to_owned()),
            Refusal::DurableLater => (400, INVALID, "You cannot add a durable configuration to a function that was originally created with no durable configuration".to_owned()),

            // Not recorded; known from reports.
            Refusal::CodeMissing => (400, INVALID, "Please provide a source for function code.".to_owned()),
            Refusal::CouldNotUnzip => (400, INVALID, "Could not unzip uploaded file. Please check your file, then try to upload again.".to_owned()),
            Refusal::EmptyZip => (400, INVALID, "Uploaded file must be a non-empty zip".to_owned()), // not recorded, known from reports
            Refusal::ZipTooLarge => (413, TOO_LARGE, "Zipped size must be smaller than 52428800 bytes".to_owned()),
            Refusal::UnzippedTooLarge => (400, INVALID, "Unzipped size must be smaller than 262144000 bytes".to_owned()),
            Refusal::ImageForZip => (400, INVALID, "Please don't provide ImageUri when updating a function with packageType Zip.".to_owned()),
            Refusal::ZipForImage => (400, INVALID, "Please provide ImageUri when updating a function with packageType Image.".to_owned()),
            Refusal::ReferenceWithoutObject => (400, INVALID, "S3ObjectStorageMode REFERENCE is supported for code in Amazon S3 only.".to_owned()), // a guess

            Refusal::OtherCode { given, current } => (400, INVALID, format!("CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST.")),
            Refusal::LatestNotDeletable => (400, INVALID, "$LATEST version cannot be deleted without deleting the function.".to_owned()),
            // Not recorded; the next two are known from reports.
            Refusal::AliasNotDeletable => (400, INVALID, "Deletion of aliases is not currently supported.".to_owned()),
            Refusal::VersionAliased { aliases } => (409, CONFLICT, format!("Unable to delete version because the following aliases reference it: [{aliases}]")),
            Refusal::AliasExists { arn } => (409, CONFLICT, format!("Alias already exists: {arn}")),
            Refusal::AliasNotFound { arn } => (404, NOT_FOUND, format!("Cannot find alias arn: {arn}")),
            Refusal::AliasToUpdateNotFound { arn } => (404, NOT_FOUND, format!("Alias not found: {arn}")),
            Refusal::TooManyWeights => (400, INVALID, "Number of items in AdditionalVersionWeights cannot be greater than 1".to_owned()),
            Refusal::WeightOfItsOwnVersion { version } => (400, INVALID, format!("Invalid function version {version}. Function version {version} is already included in routing configuration.")),
            Refusal::WeightsOfLatest => (400, INVALID, "$LATEST is not supported for an alias pointing to more than 1 version".to_owned()),

            Refusal::TagsOfVersionOrAlias => (400, INVALID, "Tags on function aliases and versions are not supported. Please specify a function ARN.".to_owned()),
            Refusal::TooManyTags => (400, INVALID, "Number of tags exceeds resource tag limit.".to_owned()),

            Refusal::ReservedBelowFloor { floor } => (400, INVALID, format!("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{floor}].")),
            Refusal::ReservedBelowProvisioned { reserved, provisioned } => (400, INVALID, format!(" ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency [{provisioned}].")), // sic
            Refusal::ProvisionedOfLatest => (400, INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.".to_owned()),
            Refusal::ProvisionedOfNoVersion => (400, INVALID, "The function resource provided must be an alias or a published version.".to_owned()),
            Refusal::ProvisionedNotFound => (404, "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function".to_owned()),
            Refusal::ProvisionedAboveReserved => (400, INVALID, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function".to_owned()),
            Refusal::ProvisionedAboveUnreserved { unreserved } => (400, INVALID, format!("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}].")),
            Refusal::ProvisionedBelowFloor { floor } => (400, INVALID, format!("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{floor}].")),
            Refusal::ProvisionedWithWeights => (400, INVALID, "Alias with weights can not be used with Provisioned Concurrency".to_owned()), // not recorded, known from reports
            Refusal::VersionProvisioned => (409, CONFLICT, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version".to_owned()),
            Refusal::AliasProvisioned => (409, CONFLICT, "Version is pointed by a Provisioned Concurrency alias".to_owned()),

            Refusal::RuntimeVersionMissing => (400, INVALID, "RuntimeVersionArn is required when UpdateRuntimeOn is Manual.".to_owned()), // a guess
            Refusal::NoEventInvokeConfig { arn } => (404, NOT_FOUND, format!("The function {arn} doesn't have an EventInvokeConfig")),
            Refusal::NothingToConfigure => (400, INVALID, "You must specify at least one of error handling or destination setting.".to_owned()),
            Refusal::OwnDestination => (400, INVALID, "You can't specify the function as a destination for itself.".to_owned()),
            Refusal::NoFunctionToConfigure => (404, NOT_FOUND, "The function doesn't exist.".to_owned()),

            Refusal::NoSuchFunction => (404, NOT_FOUND, "Function does not exist".to_owned()),
            Refusal::NoSuchResource => (404, NOT_FOUND, "The resource you requested does not exist.".to_owned()),
            Refusal::UrlExists { arn } => (409, CONFLICT, format!("Failed to create function url config for [functionArn = {arn}]. Error message:  FunctionUrlConfig exists for this Lambda function")),
            Refusal::OriginsMissing => (400, INVALID, "You can't leave AllowOrigins as empty when Cors is enabled.".to_owned()), // not recorded, known from reports
            Refusal::PolicyOfLatest => (400, INVALID, "We currently do not support adding policies for $LATEST.".to_owned()),
            Refusal::InvalidPrincipal => (400, INVALID, "The provided principal was invalid. Please check the principal and try again.".to_owned()),
            Refusal::AuthTypeOfAnotherAction => (400, INVALID, "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action".to_owned()), // not recorded, known from reports
            Refusal::StatementExists { id } => (409, CONFLICT, format!("The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement.")),
            Refusal::WrongPolicyRevision => (412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id".to_owned()),
            Refusal::NoPolicyFound { arn } => (404, NOT_FOUND, format!("No policy found for: {arn}")),
            Refusal::NoPolicy => (404, NOT_FOUND, "No policy is associated with the given resource.".to_owned()),
            Refusal::StatementNotFound { id } => (404, NOT_FOUND, format!("Statement {id} is not found in resource policy.")),
            Refusal::SigningOfImages => (400, INVALID, "Code signing is not supported for functions created with container images.".to_owned()), // not recorded, known from reports
            Refusal::EventSourceInUse => (400, "ResourceInUseException", "Cannot update the event source mapping because it is in use.".to_owned()), // not recorded, known from reports

            // A guess, derived from the message for a function that is Pending.
            Refusal::CreationFailed => (409, CONFLICT, "The operation cannot be performed at this time. The function is currently in the following state: Failed".to_owned()),
            // From "Building multi-tenant SaaS applications with AWS Lambda's new tenant isolation mode" (AWS
            // Compute Blog). The second text is a guess.
            Refusal::TenantMissing => (400, INVALID, "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.".to_owned()),
            Refusal::TenantOfSharedFunction => (400, INVALID, "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.".to_owned()),
            Refusal::NoConcurrencyReserved | Refusal::RateExceeded => (429, "TooManyRequestsException", "Rate Exceeded.".to_owned()),
            Refusal::InvalidNextToken => (400, "InvalidNextToken", "The next token specified is invalid.".to_owned()), // not recorded
            Refusal::InvalidQuery { reason } => (400, VALIDATION, reason.clone()),
            Refusal::CodeDeploy(refusal) => {
                let (code, message) = refusal.wire();
                (400, code, message)
            }
        }
    }

    /// Returns the body of the answer. Errors of AWS's authentication (403) have no `Type`, errors of Lambda
    /// do.
    pub(crate) fn body(&self) -> Value {
        let (status, _, message) = self.wire();
        // The reason is from the model. That it applies to a reserved concurrency of 0 is known from reports.
        if *self == Refusal::NoConcurrencyReserved {
            let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
            return json!({ "Reason": reason, "Type": "User", "message": message });
        }
        // IAM's message has the key `Message`. Tools that read only `message` therefore show this error
        // without a text (known from reports of Terraform and of GitHub actions). They do show Lambda's
        // message about an error of another service.
        if let Refusal::NotAuthorized { permission, .. } = self
            && !is_reported_by_lambda(permission)
        {
            return json!({ "Message": message });
        }
        if status == 403 {
            json!({ "message": message })
        } else {
            json!({ "Type": "User", "message": message })
        }
    }
}

/// True if Lambda replaces the errors of that service with its own message. That it passes on IAM's message
/// for other services is known from reports for IAM itself and for layers. For KMS and EFS it is a guess.
fn is_reported_by_lambda(permission: &Permission) -> bool {
    ["ec2:", "ecr:", "s3:"].iter().any(|service| permission.action.starts_with(service))
}

/// Returns IAM's message, or Lambda's message about an error of another service. All are known from reports.
fn not_authorized(user: &str, permission: &Permission, explicitly: bool) -> String {
    let Permission { action, resource, about, .. } = permission;
    let because = if explicitly {
        "with an explicit deny in an identity-based policy".to_owned()
    } else {
        format!("because no identity-based policy allows the {action} action")
    };
    let who = format!("User: {user} is not authorized to perform: {action}");
    let (service, name) = action.split_once(':').unwrap_or_default();
    match service {
        // EC2 names no resource for an action that has none.
        "ec2" => format!(
            "Your access has been denied by EC2, please make sure your request credentials have permission to {name} for {about}. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation. {who} {because}"
        ),
        "ecr" => {
            "Lambda does not have permission to access the ECR image. Check the ECR permissions.".to_owned()
        }
        // Older reports end with "Access Denied": S3 gives the reason since 2024.
        "s3" => {
            let object = resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource);
            format!(
                "Your access has been denied by S3, please make sure your request credentials have permission to {name} for {object}. S3 Error Code: AccessDenied. S3 Error Message: {who} on resource: \"{resource}\" {because}"
            )
        }
        // CloudWatch names no resource for an action that has none.
        "cloudwatch" if resource == "*" => format!("{who} {because}"),
        _ => format!("{who} on resource: {resource} {because}"),
    }
}
