//! Reads `verify`: one check of a new version, or a list of checks.
//! Never drops a check: an unknown member and a list without a check are errors, not warnings.

use base64_simd::STANDARD as BASE64;
use schemars::json_schema;
use serde_json::{Value, json};

use super::error::WarningCode;
use super::json::Node;
use super::schema_types::schema_types;
use super::stanza_reader::StanzaReader;
use super::structures::Verify;

/// Maximum number of entries of `verify`.
pub(super) const MAX_CHECKS: usize = 100;

/// Maximum size of a client context that AWS documents, in bytes of Base64.
const MAX_CLIENT_CONTEXT: usize = 3583;

/// A check of a new version, and its place in `verify`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionCheck {
    /// Index in the list, from 0. `None`: `verify` is one check and no list.
    pub index: Option<u32>,
    /// What to check.
    pub verify: Verify,
}

impl VersionCheck {
    /// JSON pointer to the check in the stanza.
    pub fn at(&self) -> String {
        self.index.map_or_else(|| "/verify".to_owned(), |index| format!("/verify/{index}"))
    }
}

schema_types! {
    /// A check, or a list of checks.
    Checks => |generator| {
        let one = json!(generator.subschema_for::<Verify>());
        let entry = json!({"anyOf": [one.clone(), {"type": "null"}]});
        let list = json!({"type": "array", "items": entry, "contains": one.clone(), "minItems": 1, "maxItems": MAX_CHECKS});
        json_schema!({"anyOf": [one, list]})
    };
}

impl StanzaReader<'_> {
    /// Reads a check, or a list of checks. An unknown member is an error here and not only a warning, because
    /// a misspelt one would drop a check. A map whose members are all null counts as an empty map, so that
    /// the requested check still runs.
    pub(super) fn verify(&mut self, key: &'static str) -> Option<Vec<VersionCheck>> {
        let node = self.read_node(key)?;
        let is_list = matches!(node, Node::List(_));
        let entries = node.entries(&self.at(key));
        if !(1..=MAX_CHECKS).contains(&entries.len()) {
            let count = entries.len();
            self.refuse(key, format!("`{key}` has {count} entries; expected 1 to {MAX_CHECKS} checks"));
            return None;
        }
        let mut checks = Vec::new();
        if is_list && entries.iter().all(|(_, entry)| **entry == Node::Null) {
            self.refuse(key, format!("`{key}` is a list without a check; write a check, or remove `{key}`"));
            return None;
        }
        // A null counts as absent, but the entries after it keep their index.
        for (index, (at, entry)) in (0..).zip(entries) {
            if *entry != Node::Null {
                let verify = self.inner(at, self.name_of(key), entry, check);
                checks.extend(verify.map(|verify| VersionCheck { index: is_list.then_some(index), verify }));
            }
        }
        self.refuse_unknown_keys(&self.at(key));
        (!checks.is_empty()).then_some(checks)
    }

    /// Reads a JSON object, or a string that contains one, and returns it in Base64, as Invoke takes it.
    pub(super) fn client_context(&mut self, key: &'static str) -> Option<String> {
        let node = self.read_node(key)?;
        let object = match node {
            Node::Map(_) => Some(Value::from(node).to_string()),
            Node::Text(text) => Some(text.clone()).filter(|text| is_json_object(text)),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) => None,
        };
        let Some(object) = object else {
            return self.unexpected(key, &node.quoted(), "expected a map, such as {custom: {caller: ci}}");
        };
        let name = self.name_of(key);
        let encoded = BASE64.encode_to_string(object.as_bytes());
        if encoded.len() > MAX_CLIENT_CONTEXT {
            let size = encoded.len();
            let message =
                format!("`{name}` has {size} bytes in Base64; AWS documents at most {MAX_CLIENT_CONTEXT}");
            self.warn(WarningCode::OutOfRange, key, message, format!("shorten `{name}`; AWS may refuse it"));
        }
        Some(encoded)
    }

    /// Reads a status of HTTP.
    pub(super) fn http_status(&mut self, key: &'static str) -> Option<u16> {
        let number = self.whole_number(key, "")?;
        let status = u16::try_from(number).ok().filter(|status| (100..=599).contains(status));
        let right = "expected a status of HTTP, 100 to 599, such as 200";
        status.or_else(|| self.unexpected(key, &number.to_string(), right))
    }
}

/// Reads one check. A URL is refused with the reason, because another key does what its author wants.
fn check(r: &mut StanzaReader<'_>) -> Verify {
    let verify = Verify::read(r);
    if r.has("url") {
        let _ = r.read_node("url");
        let message = "`verify.url` is not supported: a version has no URL before an alias points at it; \
            expected `payload` with `expect.status`, or `command`";
        r.refuse("url", message);
    }
    verify
}

fn is_json_object(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::Code;
    use crate::protocol::json::Map;
    use crate::protocol::stanza::{self, ReadStanza};

    fn stanza(verify: Value) -> ReadStanza {
        let stanza = json!({"function_name": "f", "verify": verify}).to_string();
        stanza::read(&Map::of_json(&stanza))
    }

    #[track_caller]
    fn check_places(verify: Value, places: &[&str]) {
        let read = stanza(verify);
        assert!(read.problems().is_empty() && read.warnings.is_empty(), "{:?}", read.problems());
        let checks = read.options().verify.iter().flatten();
        assert_eq!(checks.map(VersionCheck::at).collect::<Vec<_>>(), places);
    }

    #[test]
    fn a_check_is_named_by_its_place() {
        check_places(json!({}), &["/verify"]);
        check_places(json!({"payload": null}), &["/verify"]);
        check_places(json!([{}]), &["/verify/0"]);
        check_places(json!([{"payload": null}]), &["/verify/0"]);
        check_places(json!([{"name": "a"}, null, {"command": "true"}]), &["/verify/0", "/verify/2"]);
        check_places(json!(null), &[]);
    }

    #[track_caller]
    fn check_refused(verify: Value, code: Code, at: &str, words: &str) {
        let read = stanza(verify);
        let problems: Vec<_> =
            read.problems().iter().map(|it| (it.code, it.at.as_deref().unwrap_or_default())).collect();
        assert_eq!(problems, [(code, at)]);
        let message = &read.problems()[0].message;
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn no_check_is_dropped() {
        check_refused(json!([null]), Code::BadValue, "/verify", "a list without a check");
        check_refused(json!([{}, 7]), Code::BadValue, "/verify/1", "`verify` is `7`; expected a map");
        check_refused(json!([{}, [{}]]), Code::BadValue, "/verify/1", "expected a map");
        check_refused(json!(""), Code::BadValue, "/verify", "expected a map");
        check_refused(json!([{"paylod": 1}]), Code::UnknownKey, "/verify/0/paylod", "not a key of `verify`");
        check_refused(
            json!([{"expect": {"x": 1}}]),
            Code::UnknownKey,
            "/verify/0/expect/x",
            "`verify.expect`",
        );
        check_refused(
            json!({"url": "/health"}),
            Code::BadValue,
            "/verify/url",
            "`verify.url` is not supported",
        );
        check_refused(json!([{"url": "/"}]), Code::BadValue, "/verify/0/url", "`expect.status`");
        check_refused(json!({"name": ""}), Code::BadValue, "/verify/name", "is empty");
        check_refused(json!([{"timeout": 0}]), Code::BadValue, "/verify/0/timeout", "is 0");
    }

    #[test]
    fn a_status_is_one_of_http() {
        for (status, expected) in
            [(json!(200), Some(200)), (json!("404"), Some(404)), (json!(599), Some(599))]
        {
            let read = stanza(json!({"expect": {"status": status}}));
            let check = read.options().verify.iter().flatten().next().expect("a check");
            assert_eq!(check.verify.expect.as_ref().and_then(|expect| expect.status), expected);
        }
        for status in [json!(0), json!(99), json!(600), json!(65736), json!(-200), json!("ok"), json!([200])]
        {
            check_refused(json!({"expect": {"status": status}}), Code::BadValue, "/verify/expect/status", "");
        }
    }

    #[test]
    fn a_client_context_is_a_json_object_in_base64() {
        for (given, sent) in [
            (json!({"custom": {"a": null}}), r#"{"custom":{"a":null}}"#),
            (json!({}), "{}"),
            (json!(r#"{"custom": {"a": "é"}}"#), r#"{"custom": {"a": "é"}}"#),
        ] {
            let read = stanza(json!({"client_context": given}));
            let check = read.options().verify.iter().flatten().next().expect("a check");
            let decoded = BASE64.decode_to_vec(check.verify.client_context.as_deref().unwrap_or_default());
            assert_eq!(decoded.ok().as_deref(), Some(sent.as_bytes()));
        }
        for wrong in [json!("x"), json!("[1]"), json!(7), json!(true), json!([{}])] {
            let words = "expected a map, such as {custom: {caller: ci}}";
            check_refused(json!({"client_context": wrong}), Code::BadValue, "/verify/client_context", words);
        }
    }

    #[test]
    fn a_client_context_that_aws_may_refuse_is_warned_about() {
        // 2685 bytes are 3580 in Base64, and one more is 3584.
        for (length, expected) in [(2685, None), (2686, Some("/verify/client_context"))] {
            let value = "x".repeat(length - r#"{"custom":""}"#.len());
            let read = stanza(json!({"client_context": {"custom": value}}));
            let found: Vec<_> = read.warnings.iter().map(|it| (it.code, it.at.as_deref())).collect();
            let expected: Vec<_> =
                expected.map(|at| (WarningCode::OutOfRange, Some(at))).into_iter().collect();
            assert_eq!((read.problems().len(), found), (0, expected), "{length}");
        }
    }
}
