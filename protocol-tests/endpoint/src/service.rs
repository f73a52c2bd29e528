//! The services that the endpoint plays, and what differs between them before and after an operation: the
//! name in the signature, the prefix of the actions, and the protocol. Never carries out an operation.

use serde_json::{Value, json};

use crate::cbor;
use crate::codedeploy::target;
use crate::document::Document;
use crate::http::{Answer, Head};
use crate::refusal::Refusal;

/// The path of an operation of CloudWatch, without its name (botocore's model, `targetPrefix`).
pub(crate) const CLOUD_WATCH_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";

/// The same in the header of CloudWatch's JSON protocol, which boto3 speaks.
pub(crate) const CLOUD_WATCH_TARGET: &str = "GraniteServiceVersion20100801.";

/// CloudWatch's codes of errors that all services have ("Common Errors" of its reference and users' reports).
/// It keeps the codes of its older protocol.
const CODES: [(&str, &str); 7] = [
    ("AccessDeniedException", "AccessDenied"),
    ("ExpiredTokenException", "ExpiredToken"),
    ("InvalidSignatureException", "SignatureDoesNotMatch"),
    ("ServiceException", "InternalServiceError"),
    ("TooManyRequestsException", "Throttling"),
    ("UnrecognizedClientException", "InvalidClientTokenId"),
    ("ValidationException", "ValidationError"),
];

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Lambda,
    CloudWatch,
    CodeDeploy,
}

impl Service {
    /// Returns the service that a request is for.
    pub(crate) fn of(head: &Head) -> Service {
        match head.header(target::HEADER) {
            Some(target) if target.starts_with(CLOUD_WATCH_TARGET) => Service::CloudWatch,
            Some(_) => Service::CodeDeploy,
            None if has_cbor(head) => Service::CloudWatch,
            None => Service::Lambda,
        }
    }

    /// The name in the scope of a signature.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Service::Lambda => "lambda",
            Service::CloudWatch => "monitoring",
            Service::CodeDeploy => "codedeploy",
        }
    }

    /// The part of an action before the colon.
    pub(crate) fn iam_prefix(self) -> &'static str {
        match self {
            Service::Lambda => "lambda",
            Service::CloudWatch => "cloudwatch",
            Service::CodeDeploy => "codedeploy",
        }
    }

    /// Converts an answer in Lambda's protocol into the one of the request. Changes nothing else than JSON.
    pub(crate) fn encoded(self, head: &Head, answer: Answer) -> Answer {
        match (self, serde_json::from_slice(&answer.body)) {
            (Service::Lambda, _) | (_, Err(_)) => answer,
            (Service::CloudWatch, Ok(value)) => of_cloud_watch(head, answer, value),
            (Service::CodeDeploy, Ok(value)) => in_json(answer, &value),
        }
    }
}

/// Parses a request body.
pub(crate) fn document(head: &Head, body: &[u8]) -> Result<Document, Refusal> {
    if !has_cbor(head) {
        return Document::read(body);
    }
    match cbor::read(body) {
        Ok(json) if json.is_object() => Ok(Document { json, code: None }),
        Ok(_) => Err(Refusal::NotCbor { cause: "not a map".to_owned() }),
        Err(error) => Err(Refusal::NotCbor { cause: error.to_string() }),
    }
}

/// True if the bodies of a request and its answer are CBOR. Only CloudWatch has such requests here.
fn has_cbor(head: &Head) -> bool {
    head.path.starts_with(CLOUD_WATCH_PATH)
}

/// Converts an answer into a protocol of CloudWatch. An error has its code in the body and in the header
/// `x-amzn-query-error`; the SDKs use that of the header.
fn of_cloud_watch(head: &Head, answer: Answer, value: Value) -> Answer {
    let (code, status) = (code_of(&answer), answer.status);
    let mut encoded = if has_cbor(head) { in_cbor(answer, value) } else { in_json(answer, &value) };
    if let Some(code) = code {
        let own = CODES.iter().find(|(lambdas, _)| *lambdas == code).map_or(code.as_str(), |(_, own)| *own);
        let side = if status < 500 { "Sender" } else { "Receiver" };
        encoded.headers.push(("x-amzn-query-error", format!("{own};{side}")));
    }
    encoded
}

/// Converts an answer into Smithy's `rpc-v2-cbor`.
fn in_cbor(answer: Answer, mut value: Value) -> Answer {
    if let Some(code) = code_of(&answer) {
        value = error(&format!("com.amazonaws.cloudwatch#{code}"), &value);
    }
    let mut encoded = Answer::new(answer.status, "application/cbor", cbor::write(&value));
    encoded.headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
    encoded.headers.extend(answer.headers.into_iter().filter(|(name, _)| *name == "retry-after"));
    encoded
}

/// Converts an answer into AWS's JSON protocol 1.1, in which an error has its code in the body, and each
/// error of the request has the status 400.
fn in_json(answer: Answer, value: &Value) -> Answer {
    let Some(code) = code_of(&answer) else { return answer };
    let status = if answer.status < 500 { 400 } else { answer.status };
    let body = error(&code, value).to_string().into_bytes();
    let mut encoded = Answer::new(status, "application/x-amz-json-1.1", body);
    encoded.headers.extend(answer.headers.into_iter().filter(|(name, _)| *name == "retry-after"));
    encoded
}

/// The code of an error in Lambda's protocol. `None`: the answer is not an error.
fn code_of(answer: &Answer) -> Option<String> {
    let (_, kind) = answer.headers.iter().find(|(name, _)| *name == "x-amzn-errortype")?;
    kind.split(':').next().map(str::to_owned)
}

/// The body of an error, with the message of the same error in Lambda's protocol.
fn error(kind: &str, lambdas: &Value) -> Value {
    let message = lambdas.get("message").or(lambdas.get("Message")).cloned().unwrap_or_default();
    json!({"__type": kind, "message": message})
}
