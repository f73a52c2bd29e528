//! Reads an encrypted value with other keys beside `secure`, which a wrong indentation causes. The value
//! counts as encrypted, and the other keys are ignored with a warning. Applies only to options whose value is
//! no map.

use std::borrow::Cow;

use super::options::KEYS;
use crate::protocol::branches::can_be_branch_specific;
use crate::protocol::error::{Warning, WarningCode};
use crate::protocol::json::{Map, Node, pointer};

/// Whether the value of an option is `{secure: …}` with other keys. `secure` can be null: the standalone mode
/// writes that if the environment replaces the value.
pub(crate) fn has_keys_beside_secure(key: &str, node: &Node) -> bool {
    (can_be_branch_specific(key) || key == "session_token")
        && node.as_map().is_some_and(|map| map.contains("secure") && map.len() > 1)
}

/// The stanza without the keys beside `secure`, and a warning for each of them.
pub(super) fn without_other_keys(map: &Map) -> (Cow<'_, Map>, Vec<Warning>) {
    let mut warnings = Vec::new();
    if !map.iter().any(|(key, node)| has_keys_beside_secure(key, node)) {
        return (Cow::Borrowed(map), warnings);
    }
    let options = map.iter().filter_map(|(key, node)| {
        let Some(inner) = node.as_map().filter(|_| has_keys_beside_secure(key, node)) else {
            return Some((key.to_owned(), node.clone()));
        };
        let others = inner.iter().filter(|(name, _)| *name != "secure");
        warnings.extend(others.map(|(name, _)| ignored(key, name)));
        let value = ("secure".to_owned(), inner.get("secure")?.clone());
        Some((key.to_owned(), Node::Map(Map::from_iter([value]))))
    });
    let options: Map = options.collect();
    (Cow::Owned(options), warnings)
}

/// The warning about the key `name` inside the value of `key`. Does not show a name that is no option: it may
/// be a part of a secret.
fn ignored(key: &str, name: &str) -> Warning {
    let indent = format!("indent `{name}` like `{key}`");
    let (message, hint) = match name {
        "on" | "if" | "true" => (format!("`{name}` is inside `{key}`, so it is no condition"), indent),
        name if KEYS.contains(&name) => (format!("`{name}` is inside `{key}` and is ignored"), indent),
        _ => {
            let message = format!("`{key}` has another key beside `secure`, which is ignored");
            return Warning::new(WarningCode::UnknownKey, message).hint("remove it").at(pointer("", key));
        }
    };
    Warning::new(WarningCode::UnknownKey, message).hint(hint).at(pointer(&pointer("", key), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The remaining options, and the warnings: pointer and message.
    fn cleaned(text: &str) -> (serde_json::Value, Vec<(String, String)>) {
        let map = Map::of_json(text);
        let (options, warnings) = without_other_keys(&map);
        let options = Node::Map(options.into_owned());
        let warnings = warnings.into_iter().map(|warning| (warning.at.unwrap_or_default(), warning.message));
        ((&options).into(), warnings.collect())
    }

    #[test]
    fn a_key_beside_secure_is_ignored_with_a_warning() {
        let (options, warnings) = cleaned(
            r#"{"secret_access_key":{"secure":"x","on":{"tags":true},"region":"r","hunter2":1},
                "environment":{"secure":"x","A":"b"},"role":{"master":"r"}}"#,
        );
        let expected = serde_json::json!({
            "secret_access_key": {"secure": "x"}, "environment": {"secure": "x", "A": "b"},
            "role": {"master": "r"},
        });
        assert_eq!(options, expected);
        let expected = [
            ("/secret_access_key/on", "`on` is inside `secret_access_key`, so it is no condition"),
            ("/secret_access_key/region", "`region` is inside `secret_access_key` and is ignored"),
            ("/secret_access_key", "`secret_access_key` has another key beside `secure`, which is ignored"),
        ];
        assert_eq!(warnings, expected.map(|(at, message)| (at.to_owned(), message.to_owned())));
    }

    #[test]
    fn a_value_that_is_replaced_is_absent() {
        let (options, warnings) = cleaned(r#"{"session_token":{"secure":null,"on":"main"}}"#);
        assert_eq!((options, warnings.len()), (serde_json::json!({}), 1));
    }
}
