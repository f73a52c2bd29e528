//! Compares the response of a version with what `verify.expect` requires.
//! Never invokes the version, and never accepts a response that it cannot parse in place of the expected one.

use std::time::Duration;

use base64_simd::STANDARD as BASE64;
use serde_json::Value;

use crate::protocol::structures::Expect;

/// Invocation of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvokeRequest<'a> {
    /// The version, or `$LATEST`.
    pub version: &'a str,
    /// The payload as JSON.
    pub payload: String,
    /// The tenant for which the function runs. `None`: the function does not isolate tenants.
    pub tenant_id: Option<&'a str>,
    /// A JSON object in Base64. `None`: the invocation has no client context.
    pub client_context: Option<&'a str>,
    /// Time limit for the response.
    pub limit: Duration,
}

/// Response of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InvokeResponse {
    /// The returned payload, or the error object.
    pub payload: String,
    /// True if the function failed.
    pub has_failed: bool,
    /// The last 4 KB of the function's log.
    pub log: String,
}

/// Why a response, the `answer`, does not meet the expectations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FailedExpectation {
    #[error("the invocation failed with {error}")]
    FunctionError { error: String },
    /// The status of the response is not `expect.status`. `got`: the status as the response has it; `None`:
    /// it has none. `answer`: the body, or without a status the whole response.
    #[error("{}", other_status(.want, .got.as_deref(), .answer))]
    OtherStatus { want: u16, got: Option<String>, answer: String },
    /// The response, or its body, does not contain `expect.contains`. `part`: which of the two.
    #[error("expected `{text}` in {part}, got {answer}")]
    LacksText { part: &'static str, text: String, answer: String },
    /// The response, or its body, is not JSON. `part`: which of the two.
    #[error("{part} is not JSON: {answer}")]
    NotJson { part: &'static str, answer: String },
    /// The response has another value than `expect.json`. `at`: the JSON pointer to it; empty for the whole
    /// response. `want` and `got`: the values as JSON.
    #[error("{}", other_value(.at, .want, .got))]
    OtherValue { at: String, want: String, got: String },
    /// The response, or its body, has no value at the JSON pointer `at`. `want`: the value as JSON.
    #[error("its response has no `{at}`, which should be {want}: {answer}")]
    LacksValue { at: String, want: String, answer: String },
}

/// A part of a response: its name in messages, and the JSON pointer to it.
type Part = (&'static str, &'static str);

const WHOLE: Part = ("its response", "");
const BODY: Part = ("the body of its response", "/body");

fn other_status(want: &u16, got: Option<&str>, answer: &str) -> String {
    match got {
        Some(got) if answer.is_empty() => format!("the status of its response is {got}, not {want}"),
        Some(got) => format!("the status of its response is {got}, not {want}; its body is {answer}"),
        None => format!("its response has no `statusCode`, which should be {want}: {answer}"),
    }
}

fn other_value(at: &str, want: &str, got: &str) -> String {
    match at {
        "" => format!("its response is {got}, not {want}"),
        at => format!("`{at}` of its response is {got}, not {want}"),
    }
}

/// The payload for the invocation. A string that contains JSON is used unchanged; any other value is
/// serialized as JSON.
pub(crate) fn payload(payload: Option<&Value>) -> String {
    match payload {
        None => "{}".to_owned(),
        Some(Value::String(text)) if serde_json::from_str::<Value>(text).is_ok() => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// Checks a response.
///
/// # Errors
/// The first expectation that is not met.
pub(crate) fn check_response(
    expect: Option<&Expect>,
    answer: &InvokeResponse,
) -> Result<(), FailedExpectation> {
    if answer.has_failed {
        return Err(FailedExpectation::FunctionError { error: error_text(&answer.payload) });
    }
    let Some(expect) = expect else { return Ok(()) };
    match expect.status {
        None => check_part(expect, &answer.payload, WHOLE),
        Some(status) => check_part(expect, &body(status, &answer.payload)?, BODY),
    }
}

/// Checks the response or its body, which is `content`.
fn check_part(expect: &Expect, content: &str, (part, at): Part) -> Result<(), FailedExpectation> {
    let json = serde_json::from_str::<Value>(content);
    if let Some(text) = &expect.contains {
        // A runtime may write "é" as "\u00e9", and if the whole response is a string, its quotes are escaped.
        let unescaped = json.as_ref().map_or_else(|_| String::new(), Value::to_string);
        let whole = json.as_ref().ok().and_then(Value::as_str).unwrap_or_default();
        if !content.contains(text) && !unescaped.contains(text) && !whole.contains(text) {
            return Err(FailedExpectation::LacksText {
                part,
                text: text.clone(),
                answer: content.to_owned(),
            });
        }
    }
    let Some(want) = &expect.json else { return Ok(()) };
    let got = json.map_err(|_| FailedExpectation::NotJson { part, answer: content.to_owned() })?;
    difference(want, &got, at, content).map_or(Ok(()), Err)
}

/// The body of a response of HTTP in the format that API Gateway and function URLs take from a function:
/// `{"statusCode": 200, "body": "…", "isBase64Encoded": false}`.
///
/// # Errors
/// The response is not JSON, or its status is not `want`. API Gateway also takes a status that is a string.
fn body(want: u16, payload: &str) -> Result<String, FailedExpectation> {
    let response: Value = serde_json::from_str(payload)
        .map_err(|_| FailedExpectation::NotJson { part: WHOLE.0, answer: payload.to_owned() })?;
    let body = match &response["body"] {
        Value::Null => String::new(),
        Value::String(text) if response["isBase64Encoded"] == true => {
            let bytes = BASE64.decode_to_vec(text.as_bytes());
            bytes.map_or_else(|_| text.clone(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Some(status) = response.get("statusCode") else {
        return Err(FailedExpectation::OtherStatus { want, got: None, answer: payload.to_owned() });
    };
    let got = status.as_str().map_or_else(|| status.to_string(), str::to_owned);
    if got == want.to_string() {
        Ok(body)
    } else {
        Err(FailedExpectation::OtherStatus { want, got: Some(got), answer: body })
    }
}

/// The first difference between `want` and `got`, which is a part of `answer`. Objects in `got` can have
/// additional members. Lists must have the same length, and are compared entry by entry.
fn difference(want: &Value, got: &Value, at: &str, answer: &str) -> Option<FailedExpectation> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => want.iter().find_map(|(name, want)| {
            let at = crate::protocol::json::pointer(at, name);
            match got.get(name) {
                Some(got) => difference(want, got, &at, answer),
                None => {
                    let (want, answer) = (want.to_string(), answer.to_owned());
                    Some(FailedExpectation::LacksValue { at, want, answer })
                }
            }
        }),
        (Value::Array(wants), Value::Array(gots)) if wants.len() == gots.len() => {
            let mut entries = wants.iter().zip(gots).enumerate();
            entries.find_map(|(index, (want, got))| difference(want, got, &format!("{at}/{index}"), answer))
        }
        // 1 and 1.0 are equal. Two whole numbers are not compared as floats, which have only 53 bits.
        (Value::Number(a), Value::Number(b)) if (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64() => {
            None
        }
        (want, got) if want == got => None,
        (want, got) => {
            let (at, want, got) = (at.to_owned(), want.to_string(), got.to_string());
            Some(FailedExpectation::OtherValue { at, want, got })
        }
    }
}

/// Type and message from the error object of a runtime, such as `TypeError: x is not a function`. If there
/// are none, the whole payload.
fn error_text(payload: &str) -> String {
    let object: Value = serde_json::from_str(payload).unwrap_or_default();
    let text = |key: &str| object[key].as_str().filter(|text| !text.is_empty());
    match (text("errorType"), text("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (None, Some(error)) | (Some(error), None) => error.to_owned(),
        (None, None) => payload.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(payload: &str) -> InvokeResponse {
        InvokeResponse { payload: payload.to_owned(), ..InvokeResponse::default() }
    }

    #[track_caller]
    fn check_json(want: Value, got: Value, expected: Result<(), (&str, &str, Option<&str>)>) {
        let expect = Expect { json: Some(want), ..Expect::default() };
        let payload = got.to_string();
        let expected = expected.map_err(|(at, want, got)| {
            let (at, want) = (at.to_owned(), want.to_owned());
            match got.map(str::to_owned) {
                Some(got) => FailedExpectation::OtherValue { at, want, got },
                None => FailedExpectation::LacksValue { at, want, answer: payload.clone() },
            }
        });
        assert_eq!(check_response(Some(&expect), &answer(&payload)), expected);
    }

    #[test]
    fn expected_json_is_in_the_answer_and_others_may_are_beside_it() {
        check_json(json!({"ok": true}), json!({"ok": true, "more": 1}), Ok(()));
        check_json(json!({"a": {"b": 1}}), json!({"a": {"b": 1.0, "c": 2}}), Ok(()));
        let (id, next) = (9_007_199_254_740_992_u64, 9_007_199_254_740_993_u64);
        let differ = Err(("/id", "9007199254740992", Some("9007199254740993")));
        check_json(json!({"id": id}), json!({"id": next}), differ);
        check_json(json!([{"a": 1}, 2]), json!([{"a": 1, "b": 2}, 2]), Ok(()));
        check_json(json!(null), json!(null), Ok(()));
        check_json(json!({"ok": true}), json!({"ok": false}), Err(("/ok", "true", Some("false"))));
        check_json(json!({"ok": null}), json!({}), Err(("/ok", "null", None)));
        check_json(
            json!({"a/b": {"c": "x"}}),
            json!({"a/b": {"c": 1}}),
            Err(("/a~1b/c", "\"x\"", Some("1"))),
        );
        check_json(json!([1]), json!([1, 2]), Err(("", "[1]", Some("[1,2]"))));
        check_json(json!({}), json!("text"), Err(("", "{}", Some("\"text\""))));
    }

    #[track_caller]
    fn check_text(text: &str, payload: &str, is_met: bool) {
        let expect = Expect { contains: Some(text.to_owned()), ..Expect::default() };
        assert_eq!(check_response(Some(&expect), &answer(payload)).is_ok(), is_met, "{text} in {payload}");
    }

    #[test]
    fn a_text_is_found_however_the_runtime_escapes_it() {
        check_text("pong", r#""pong""#, true);
        check_text("\"status\":\"ok\"", r#"{"status":"ok"}"#, true);
        check_text("é", r#""caf\u00e9""#, true);
        check_text("say \"hi\"", r#""say \"hi\"""#, true);
        check_text("pong", "null", false);
        check_text("pong", "", false);
    }

    #[test]
    fn a_function_that_failed_is_quoted_whatever_was_expected() {
        let failed = |payload: &str| {
            let answer = InvokeResponse { has_failed: true, ..answer(payload) };
            match check_response(None, &answer) {
                Err(FailedExpectation::FunctionError { error }) => error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failed(r#"{"errorType":"TypeError","errorMessage":"x"}"#), "TypeError: x");
        assert_eq!(
            failed(r#"{"errorMessage":"Task timed out after 3.00 seconds"}"#),
            "Task timed out after 3.00 seconds"
        );
        assert_eq!(failed("gone"), "gone");
        assert_eq!(check_response(None, &answer("null")), Ok(()));
        assert_eq!(check_response(None, &answer("")), Ok(()));
    }

    #[test]
    fn an_answer_that_is_not_json_is_not_what_was_expected() {
        let expect = Expect { json: Some(json!({})), ..Expect::default() };
        assert_eq!(
            check_response(Some(&expect), &answer("<html>")),
            Err(FailedExpectation::NotJson { part: "its response", answer: "<html>".to_owned() })
        );
    }

    /// `words`: the whole message. Empty: the response is the expected one.
    #[track_caller]
    fn check_http(expect: Expect, response: &str, words: &str) {
        let expect = Expect { status: Some(200), ..expect };
        let message = check_response(Some(&expect), &answer(response)).err().map(|unmet| unmet.to_string());
        assert_eq!(message.unwrap_or_default(), words, "{response}");
    }

    #[test]
    fn a_status_is_that_of_api_gateways_format() {
        let status = |response: &str, words: &str| check_http(Expect::default(), response, words);
        status(r#"{"statusCode":200}"#, "");
        status(r#"{"statusCode":"200","body":null}"#, "");
        status(r#"{"statusCode":500}"#, "the status of its response is 500, not 200");
        status(r#"{"statusCode":null}"#, "the status of its response is null, not 200");
        status(
            r#"{"statusCode":502,"body":"no database"}"#,
            "the status of its response is 502, not 200; its body is no database",
        );
        let lacks = "its response has no `statusCode`, which should be 200: ";
        status(r#"{"ok":true}"#, &format!(r#"{lacks}{{"ok":true}}"#));
        status(r#""pong""#, &format!(r#"{lacks}"pong""#));
        status("", "its response is not JSON: ");
    }

    #[test]
    fn other_expectations_are_of_the_body_of_a_response_with_a_status() {
        let json = || Expect { json: Some(json!({"ok": true})), ..Expect::default() };
        let text = || Expect { contains: Some("pong".to_owned()), ..Expect::default() };
        let ok = r#"{"statusCode":200,"body":"{\"ok\":true,\"more\":1}"}"#;
        check_http(json(), ok, "");
        check_http(json(), r#"{"statusCode":200,"body":{"ok":true}}"#, "");
        // {"ok":true}
        check_http(json(), r#"{"statusCode":200,"body":"eyJvayI6dHJ1ZX0=","isBase64Encoded":true}"#, "");
        check_http(
            json(),
            r#"{"statusCode":200,"ok":true,"body":"{\"ok\":false}"}"#,
            "`/body/ok` of its response is false, not true",
        );
        check_http(
            json(),
            r#"{"statusCode":200,"body":"[]"}"#,
            "`/body` of its response is [], not {\"ok\":true}",
        );
        check_http(
            json(),
            r#"{"statusCode":200,"body":"<html>"}"#,
            "the body of its response is not JSON: <html>",
        );
        check_http(json(), r#"{"statusCode":200}"#, "the body of its response is not JSON: ");
        check_http(text(), r#"{"statusCode":200,"body":"ping pong"}"#, "");
        check_http(text(), ok, "expected `pong` in the body of its response, got {\"ok\":true,\"more\":1}");
        let header = r#"{"statusCode":200,"headers":{"x":"pong"}}"#;
        check_http(text(), header, "expected `pong` in the body of its response, got ");
        let failed = InvokeResponse { has_failed: true, ..answer(ok) };
        assert!(check_response(Some(&Expect { status: Some(200), ..json() }), &failed).is_err());
    }

    #[test]
    fn a_payload_is_any_json_and_text_that_is_json_already_stays() {
        for (given, sent) in [
            (None, "{}"),
            (Some(json!({"a": null})), r#"{"a":null}"#),
            (Some(json!(r#"{"a": 1}"#)), r#"{"a": 1}"#),
            (Some(json!("ping")), r#""ping""#),
            (Some(json!(7)), "7"),
        ] {
            assert_eq!(payload(given.as_ref()), sent);
        }
    }
}
