//! Holds the answers that a test defines for invocations and selects one for each invocation. Never runs a
//! function's code: the endpoint executes nothing that is uploaded.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::Fixture;

/// The answer of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The version that must be invoked, such as `2` or `$LATEST`. `None`: any.
    pub version: Option<String>,
    /// The number of invocations that this answers. `None`: no limit.
    pub times: Option<u32>,
    /// The return value of the function, or the error object.
    pub payload: Value,
    /// `X-Amz-Function-Error`, such as `Unhandled`. `None`: the function succeeded.
    pub function_error: Option<String>,
    /// The function's log; a caller that requests it gets the last 4 KB. `None`: the three lines that AWS
    /// always writes.
    pub log: Option<String>,
    /// How long the function runs.
    pub delay: Duration,
}

impl Default for Invocation {
    fn default() -> Invocation {
        Invocation {
            version: None,
            times: None,
            payload: json!({"statusCode": 200}),
            function_error: None,
            log: None,
            delay: Duration::ZERO,
        }
    }
}

impl Invocation {
    /// Parses `{"version": "2", "times": 1, "payload": {"ok": true}, "function_error": "Unhandled", "log":
    /// "…", "delay_ms": 100}`. Absent members have the default's value, except that the payload of a
    /// `function_error` is an error object. Fails on unknown members.
    pub fn from_json(value: &Value) -> Result<Invocation, String> {
        let mut fixture = Fixture::read("invocation", value)?;
        let default = Invocation::default();
        let function_error = fixture.text("function_error")?;
        let usual = match function_error {
            None => default.payload,
            Some(_) => json!({"errorMessage": "the endpoint is configured to fail", "errorType": "Error"}),
        };
        let invocation = Invocation {
            version: fixture.text("version")?,
            times: fixture.number("times")?,
            payload: fixture.value("payload").unwrap_or(usual),
            function_error,
            log: fixture.text("log")?,
            delay: fixture.millis("delay_ms")?.unwrap_or(default.delay),
        };
        fixture.finish()?;
        Ok(invocation)
    }
}

/// Returns the JSON in `X-Amz-Client-Context`, which the function finds in its context object. Null: there is
/// none, or the header is not JSON in Base64.
pub(crate) fn client_context(header: Option<&str>) -> Value {
    let json = header.and_then(|header| base64_simd::STANDARD.decode_to_vec(header).ok());
    json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

/// All answers that a test defined.
pub(crate) struct Invocations {
    scripted: Vec<Invocation>,
}

impl Invocations {
    pub(crate) fn new(scripted: Vec<Invocation>) -> Invocations {
        Invocations { scripted }
    }

    pub(crate) fn add(&mut self, invocation: Invocation) {
        self.scripted.push(invocation);
    }

    /// Returns the answer for an invocation of this version: the last one added that matches and is not used
    /// up.
    pub(crate) fn next(&mut self, version: &str) -> Invocation {
        let fits = |it: &&mut Invocation| {
            it.times != Some(0) && it.version.as_deref().is_none_or(|its| its == version)
        };
        match self.scripted.iter_mut().rev().find(fits) {
            Some(found) => {
                found.times = found.times.map(|times| times - 1);
                found.clone()
            }
            None => Invocation::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scripted: &[Value], versions: &[&str], payloads: &[Value]) {
        let scripted = scripted.iter().map(|it| Invocation::from_json(it).unwrap()).collect();
        let mut invocations = Invocations::new(scripted);
        let found: Vec<Value> = versions.iter().map(|version| invocations.next(version).payload).collect();
        assert_eq!(found, payloads);
    }

    #[test]
    fn the_last_answer_that_fits_is_given() {
        let scripted = [json!({"payload": 1}), json!({"version": "2", "payload": 2})];
        check(&scripted, &["1", "2"], &[json!(1), json!(2)]);
        check(&[], &["1"], &[json!({"statusCode": 200})]);
    }

    #[test]
    fn an_answer_that_is_spent_gives_way_to_the_one_before() {
        check(
            &[json!({"payload": 1}), json!({"payload": 2, "times": 1})],
            &["1", "1"],
            &[json!(2), json!(1)],
        );
    }

    #[test]
    fn a_misspelt_answer_is_refused() {
        let problem = Invocation::from_json(&json!({"playload": 1})).unwrap_err();
        assert_eq!(problem, "invocation has no key `playload`");
    }
}
