//! Compares the response of a version with what `verify.expect` requires.
//! Never invokes the version, and never accepts a response that it cannot parse in place of the expected one.

use serde_json::Value;

use crate::protocol::structures::Expect;

/// Response of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InvokeResponse {
    /// The returned payload, or the error object.
    pub payload: String,
    /// `Handled` or `Unhandled`. `None`: the function did not fail.
    pub function_error: Option<String>,
    /// The last 4 KB of the function's log.
    pub log: String,
}

/// Why a response, the `answer`, does not meet the expectations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FailedExpectation {
    /// The function failed.
    #[error("the invocation failed with {error}")]
    FunctionError { error: String },
    /// The response does not contain `expect.contains`.
    #[error("expected `{text}` in its response, got {answer}")]
    LacksText { text: String, answer: String },
    /// The response is not JSON.
    #[error("its response is not JSON: {answer}")]
    NotJson { answer: String },
    /// The response has another value than `expect.json`. `at`: the JSON pointer to it; empty for the whole
    /// response. `want` and `got`: the values as JSON; `None`: the response has none.
    #[error("{}", other_value(.at, .want, .got.as_deref()))]
    OtherValue { at: String, want: String, got: Option<String> },
}

fn other_value(at: &str, want: &str, got: Option<&str>) -> String {
    match got {
        Some(got) if at.is_empty() => format!("its response is {got}, not {want}"),
        Some(got) => format!("`{at}` of its response is {got}, not {want}"),
        None => format!("its response has no `{at}`, which should be {want}"),
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
    if answer.function_error.is_some() {
        return Err(FailedExpectation::FunctionError { error: error_text(&answer.payload) });
    }
    let json = serde_json::from_str::<Value>(&answer.payload);
    let Some(expect) = expect else { return Ok(()) };
    if let Some(text) = &expect.contains {
        // A runtime may write "é" as "\u00e9", and if the whole response is a string, its quotes are escaped.
        let unescaped = json.as_ref().map_or_else(|_| String::new(), Value::to_string);
        let whole = json.as_ref().ok().and_then(Value::as_str).unwrap_or_default();
        if !answer.payload.contains(text) && !unescaped.contains(text) && !whole.contains(text) {
            return Err(FailedExpectation::LacksText { text: text.clone(), answer: answer.payload.clone() });
        }
    }
    let Some(want) = &expect.json else { return Ok(()) };
    let got = json.map_err(|_| FailedExpectation::NotJson { answer: answer.payload.clone() })?;
    difference(want, &got, "").map_or(Ok(()), Err)
}

/// The first difference between `want` and `got`. Objects in `got` can have additional members. Lists must
/// have the same length, and are compared entry by entry.
fn difference(want: &Value, got: &Value, at: &str) -> Option<FailedExpectation> {
    let other = |at: &str, want: &Value, got: Option<&Value>| {
        let (want, got) = (want.to_string(), got.map(Value::to_string));
        Some(FailedExpectation::OtherValue { at: at.to_owned(), want, got })
    };
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => want.iter().find_map(|(name, want)| {
            let at = crate::protocol::json::pointer(at, name);
            match got.get(name) {
                Some(got) => difference(want, got, &at),
                None => other(&at, want, None),
            }
        }),
        (Value::Array(wants), Value::Array(gots)) if wants.len() == gots.len() => {
            let mut entries = wants.iter().zip(gots).enumerate();
            entries.find_map(|(index, (want, got))| difference(want, got, &format!("{at}/{index}")))
        }
        // 1 and 1.0 are equal.
        (Value::Number(a), Value::Number(b))
            if a == b || (a.as_f64() == b.as_f64() && a.as_f64().is_some()) =>
        {
            None
        }
        (want, got) if want == got => None,
        (want, got) => other(at, want, Some(got)),
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
        let expect = Expect { json: Some(want), contains: None };
        let expected = expected.map_err(|(at, want, got)| FailedExpectation::OtherValue {
            at: at.to_owned(),
            want: want.to_owned(),
            got: got.map(str::to_owned),
        });
        assert_eq!(check_response(Some(&expect), &answer(&got.to_string())), expected);
    }

    #[test]
    fn expected_json_is_in_the_answer_and_others_may_are_beside_it() {
        check_json(json!({"ok": true}), json!({"ok": true, "more": 1}), Ok(()));
        check_json(json!({"a": {"b": 1}}), json!({"a": {"b": 1.0, "c": 2}}), Ok(()));
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
        let expect = Expect { contains: Some(text.to_owned()), json: None };
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
            let answer = InvokeResponse { function_error: Some("Unhandled".to_owned()), ..answer(payload) };
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
        let expect = Expect { json: Some(json!({})), contains: None };
        assert_eq!(
            check_response(Some(&expect), &answer("<html>")),
            Err(FailedExpectation::NotJson { answer: "<html>".to_owned() })
        );
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
