//! A cause of refusal in; status, AWS's code and AWS's own words out.
//! Never a text anywhere else: what AWS says stands in this one `match`.
//!
//! Texts were recorded from AWS, unless a comment names another source.

use serde_json::{Value, json};

use crate::runtimes;

/// Why AWS would not do what it is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    // Who asks.
    NotSigned,
    SignatureIncomplete {
        lacks: &'static str,
    },
    UnknownKeyOrToken,
    WrongSignature,
    HostNotSigned,
    WrongRegion,
    WrongService,
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
    // What is asked, at all.
    UnknownOperation,
    NotJson {
        cause: String,
    },
    NotANumber {
        found: &'static str,
    },
    RequestTooLarge {
        operation: &'static str,
    },
    /// One or more members that the model's constraints refuse, each a sentence made by `checks.rs`.
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
    // Code.
    CodeMissing,
    CouldNotUnzip,
    EmptyZip,
    ZipTooLarge,
    UnzippedTooLarge,
    ImageForZip,
    ZipForImage,
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
}

const INVALID: &str = "InvalidParameterValueException";
const VALIDATION: &str = "ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const CONFLICT: &str = "ResourceConflictException";
const TOO_LARGE: &str = "RequestEntityTooLargeException";
const SIGNATURE: &str = "InvalidSignatureException";

impl Refusal {
    /// The HTTP status, the code of `x-amzn-errortype`, and the message.
    #[rustfmt::skip] // a table: one cause, one line
    pub(crate) fn wire(&self) -> (u16, &'static str, String) {
        match self {
            // Not recorded: the texts of this block are those that AWS's documentation and people's reports quote.
            Refusal::NotSigned => (403, "MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()),
            Refusal::UnknownKeyOrToken => (403, "UnrecognizedClientException", "The security token included in the request is invalid.".to_owned()),
            Refusal::WrongSignature => (403, SIGNATURE, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.".to_owned()),
            Refusal::SignatureIncomplete { lacks } => (403, "IncompleteSignatureException", format!("Authorization header requires '{lacks}' parameter.")),
            Refusal::HostNotSigned => (403, SIGNATURE, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()),
            Refusal::WrongRegion => (403, SIGNATURE, "Credential should be scoped to a valid region.".to_owned()),
            Refusal::WrongService => (403, SIGNATURE, "Credential should be scoped to correct service: 'lambda'.".to_owned()),
            Refusal::WrongDateInScope => (403, SIGNATURE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.".to_owned()),
            Refusal::SignedTooLongAgo { signed, earliest, now } => (403, SIGNATURE, format!("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")),
            Refusal::SignedInTheFuture { signed, latest, now } => (403, SIGNATURE, format!("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")),

            Refusal::UnknownOperation => (404, "UnknownOperationException", "Unable to determine service/operation name to be authorized".to_owned()), // not recorded
            Refusal::NotJson { cause } => (400, "InvalidRequestContentException", format!("Could not parse request body into json: Could not parse payload into json: {cause}")),
            // Seen in people's reports: AWS's JSON reader names the token that it met.
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

            // Not recorded; known from reports.
            Refusal::CodeMissing => (400, INVALID, "Please provide a source for function code.".to_owned()),
            Refusal::CouldNotUnzip => (400, INVALID, "Could not unzip uploaded file. Please check your file, then try to upload again.".to_owned()),
            Refusal::EmptyZip => (400, INVALID, "Uploaded file must be a non-empty zip".to_owned()), // not recorded, known from reports
            Refusal::ZipTooLarge => (413, TOO_LARGE, "Zipped size must be smaller than 52428800 bytes".to_owned()),
            Refusal::UnzippedTooLarge => (400, INVALID, "Unzipped size must be smaller than 262144000 bytes".to_owned()),
            Refusal::ImageForZip => (400, INVALID, "Please don't provide ImageUri when updating a function with packageType Zip.".to_owned()),
            Refusal::ZipForImage => (400, INVALID, "Please provide ImageUri when updating a function with packageType Image.".to_owned()),

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
        }
    }

    /// The body of the answer. What the front door of AWS refuses (403) carries no `Type`; what Lambda refuses does.
    pub(crate) fn body(&self) -> Value {
        let (status, _, message) = self.wire();
        if status == 403 { json!({ "message": message }) } else { json!({ "Type": "User", "message": message }) }
    }
}
