//! The services that the endpoint plays, and what differs between them before and after an operation: the
//! name in the signature, the prefix of the actions, and the protocol. Never carries out an operation.

use serde_json::{Value, json};

use crate::cbor;
use crate::document::Document;
use crate::http::{Answer, Head};
use crate::refusal::Refusal;

/// Path prefix of the operations of CloudWatch (botocore's model, `targetPrefix`).
const CLOUD_WATCH: &str = "/service/GraniteServiceVersion20100801/";

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
}

impl Service {
    /// Returns the service that a request is for.
    pub(crate) fn of(head: &Head) -> Service {
        if head.path.starts_with(CLOUD_WATCH) { Service::CloudWatch } else { Service::Lambda }
    }

    /// The name in the scope of a signature.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Service::Lambda => "lambda",
            Service::CloudWatch => "monitoring",
        }
    }

    /// The part of an action before the colon.
    pub(crate) fn iam_prefix(self) -> &'static str {
        match self {
            Service::Lambda => "lambda",
            Service::CloudWatch => "cloudwatch",
        }
    }

    /// Parses a request body.
    pub(crate) fn document(self, body: &[u8]) -> Result<Document, Refusal> {
        match self {
            Service::Lambda => Document::read(body),
            Service::CloudWatch => match cbor::read(body) {
                Ok(json) if json.is_object() => Ok(Document { json, code: None }),
                Ok(_) => Err(Refusal::NotCbor { cause: "not a map".to_owned() }),
                Err(error) => Err(Refusal::NotCbor { cause: error.to_string() }),
            },
        }
    }

    /// Converts an answer in Lambda's protocol into the one of the service. Changes nothing else than JSON.
    pub(crate) fn encoded(self, answer: Answer) -> Answer {
        match self {
            Service::Lambda => answer,
            Service::CloudWatch => match serde_json::from_slice(&answer.body) {
                Ok(value) => in_cbor(answer, value),
                Err(_) => answer,
            },
        }
    }
}

/// Converts an answer into Smithy's `rpc-v2-cbor`. An error has its code in the body and in the header
/// `x-amzn-query-error`; the SDKs use that of the header.
fn in_cbor(answer: Answer, mut value: Value) -> Answer {
    let kind = answer.headers.iter().find(|(name, _)| *name == "x-amzn-errortype");
    let code = kind.and_then(|(_, kind)| kind.split(':').next()).map(str::to_owned);
    if let Some(code) = &code {
        let message = value.get("message").or(value.get("Message")).cloned().unwrap_or_default();
        value = json!({"__type": format!("com.amazonaws.cloudwatch#{code}"), "message": message});
    }
    let mut encoded = Answer::new(answer.status, "application/cbor", cbor::write(&value));
    encoded.headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
    encoded.headers.extend(answer.headers.into_iter().filter(|(name, _)| *name == "retry-after"));
    if let Some(code) = code {
        let own = CODES.iter().find(|(lambdas, _)| *lambdas == code).map_or(code.as_str(), |(_, own)| *own);
        let side = if answer.status < 500 { "Sender" } else { "Receiver" };
        encoded.headers.push(("x-amzn-query-error", format!("{own};{side}")));
    }
    encoded
}
