//! Recognises responses after which the same request may succeed later.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::Value;

/// Error codes that mean that the same request may succeed later, with any HTTP status.
const TRANSIENT_CODES: &[&str] = &["InternalError", "RequestTimeout", "RequestTimeoutException"];

/// A response with a 429 or 5xx. What cannot be parsed of it is `None`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("HTTP {http_status}")]
pub(super) struct TransientError {
    pub(super) http_status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl TransientError {
    /// The facts of a response. `None`: the same request would fail again.
    pub(super) fn of(response: &HttpResponse, request_id: Option<String>) -> Option<Self> {
        let http_status = response.status().as_u16();
        let body = response.body().bytes().unwrap_or_default();
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let xml = String::from_utf8_lossy(body);
        let within = |tag: &str| {
            let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
            rest.split_once("</").map(|(text, _)| text.to_owned())
        };
        let member = |names: &[&str]| names.iter().find_map(|name| json[name].as_str()).map(str::to_owned);
        let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
        let code = header.or_else(|| member(&["code", "__type"])).or_else(|| within("Code"));
        // `aws.lambda#TooManyRequestsException:http://…`
        let bare = |code: String| {
            let code = code.split(':').next().unwrap_or_default();
            code.rsplit('#').next().unwrap_or_default().to_owned()
        };
        let message = member(&["message", "Message"]).or_else(|| within("Message"));
        let code = code.map(bare).filter(|code| !code.is_empty());
        // S3 uses these codes with other statuses, too: InternalError after a 200 has begun, RequestTimeout
        // with a 400.
        let passes =
            is_transient(http_status) || code.as_deref().is_some_and(|code| TRANSIENT_CODES.contains(&code));
        passes.then_some(TransientError { http_status, code, message, request_id })
    }
}

/// Whether an HTTP status means that the same request may succeed later.
pub(super) fn is_transient(status: u16) -> bool {
    status == 429 || status >= 500
}
