//! Parses a request body as JSON and moves the code out of it. Never validates the code: code that is not
//! base64 becomes empty bytes, and the check of the zip rejects it later.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::refusal::Refusal;

/// A parsed request body.
#[derive(Debug)]
pub(crate) struct Document {
    /// The request, with each `ZipFile` replaced by `{"bytes": n}`, so that tests can compare it and people
    /// can read it.
    pub(crate) json: Value,
    /// The decoded `ZipFile`; empty if it is not base64, since empty bytes are not a zip either. `None`: the
    /// request has no `ZipFile`.
    pub(crate) code: Option<Arc<[u8]>>,
}

impl Document {
    /// Parses a request body. An empty body, as DELETE and GET have, becomes an empty object. Fails if the
    /// body is not a JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Document, Refusal> {
        if body.is_empty() {
            return Ok(Document::from_value(json!({})));
        }
        let not_json = |cause: String| Refusal::NotJson { cause };
        let value: Value = serde_json::from_slice(body).map_err(|error| not_json(error.to_string()))?;
        if !value.is_object() {
            return Err(not_json("not an object".to_owned()));
        }
        Ok(Document::from_value(value))
    }

    /// Parses the payload of an invocation: any JSON, in which nothing is code. Fails with the same error if
    /// it is not JSON.
    pub(crate) fn payload(body: &[u8]) -> Result<Document, Refusal> {
        let text = if body.is_empty() { b"{}" } else { body };
        match serde_json::from_slice(text) {
            Ok(json) => Ok(Document { json, code: None }),
            Err(error) => Err(Refusal::NotJson { cause: error.to_string() }),
        }
    }

    /// Moves the code out of `ZipFile`. CreateFunction has `ZipFile` in `Code`, PublishLayerVersion in
    /// `Content`, UpdateFunctionCode at the top level.
    pub(crate) fn from_value(mut json: Value) -> Document {
        let mut code = None;
        for place in ["/ZipFile", "/Code/ZipFile", "/Content/ZipFile"] {
            let Some(Value::String(base64)) = json.pointer_mut(place).map(Value::take) else {
                continue;
            };
            let bytes = base64_simd::STANDARD.decode_to_vec(&base64).unwrap_or_default();
            if let Some(value) = json.pointer_mut(place) {
                *value = json!({ "bytes": bytes.len() });
            }
            code = Some(Arc::from(bytes));
        }
        Document { json, code }
    }

    /// The size of the code in the request, in bytes.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.code.as_ref().map_or(0, |code| code.len() as u64)
    }
}

/// Returns the strings of a list; an empty list if the value is not a list.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}

/// Returns the strings of an object by their keys, such as tags; empty if the value is not an object.
pub(crate) fn string_map(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_out_and_its_size_stays() {
        let document = Document::read(br#"{"Code":{"ZipFile":"UEs="},"Role":"r"}"#).unwrap();
        assert_eq!(document.json, json!({"Code": {"ZipFile": {"bytes": 2}}, "Role": "r"}));
        assert_eq!(document.code.as_deref(), Some(&b"PK"[..]));
    }

    #[test]
    fn code_that_is_no_base64_is_empty() {
        let document = Document::read(br#"{"ZipFile":"%%"}"#).unwrap();
        assert_eq!(document.code.as_deref(), Some(&b""[..]));
    }

    #[test]
    fn what_is_no_json_is_refused_with_aws_words() {
        let (status, code, message) = Document::read(b"\x87").unwrap_err().wire();
        assert_eq!((status, code), (400, "InvalidRequestContentException"));
        assert!(message.starts_with("Could not parse request body into json: "));
    }
}
