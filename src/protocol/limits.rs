//! Warns about values of a stanza that are outside the limits that AWS documents. Never refuses a value,
//! because AWS may change its limits. Ranges of numbers and words of enums are checked where their keys are
//! read.
//!
//! Source: botocore's model of Lambda, API version 2015-03-31, and the Lambda quotas. A test compares the
//! numbers with a copy of that model.

use super::error::{Warning, WarningCode};
use super::json::{Map, Node, pointer, short};

/// A limit that AWS documents for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Maximum number of characters.
    Characters(usize),
    /// Maximum number of entries of a list. A single value counts as one entry.
    Entries(usize),
    /// Maximum number of names in a map.
    Pairs(usize),
    /// Each value begins with this prefix.
    Begins(&'static str),
    /// The names in a map consist of letters, digits and underscores, and begin with a letter.
    Names,
}

/// All limits, each with its key. A key inside a structure is written with a dot: `logging_config.log_group`.
pub const LIMITS: [(&str, Limit); 20] = [
    ("role", Limit::Begins("arn:")),
    ("description", Limit::Characters(256)),
    ("handler_name", Limit::Characters(128)),
    ("subnet_ids", Limit::Entries(16)),
    ("subnet_ids", Limit::Begins("subnet-")),
    ("security_group_ids", Limit::Entries(5)),
    ("security_group_ids", Limit::Begins("sg-")),
    ("environment", Limit::Names),
    ("environment_variables", Limit::Names),
    ("dead_letter_arn", Limit::Begins("arn:")),
    ("kms_key_arn", Limit::Begins("arn:")),
    ("layers", Limit::Entries(5)),
    ("layers", Limit::Begins("arn:")),
    ("function_tags", Limit::Pairs(50)),
    ("file_system_configs", Limit::Entries(1)),
    ("file_system_configs.local_mount_path", Limit::Begins("/mnt/")),
    ("file_system_configs.arn", Limit::Begins("arn:")),
    ("logging_config.log_group", Limit::Characters(512)),
    ("code_signing_config_arn", Limit::Begins("arn:")),
    ("source_kms_key_arn", Limit::Begins("arn:")),
];

/// A warning for each value of `stanza` that exceeds a limit.
pub(super) fn warnings(stanza: &Map) -> Vec<Warning> {
    let warnings = LIMITS.iter().flat_map(|(key, limit)| {
        let (key, member) = key.split_once('.').unwrap_or((key, ""));
        let node = stanza.get(key).filter(|node| !node.is_secure());
        node.map(|node| beyond(key, member, *limit, node)).unwrap_or_default()
    });
    warnings.collect()
}

fn beyond(key: &str, member: &str, limit: Limit, node: &Node) -> Vec<Warning> {
    let at = pointer("", key);
    let name = if member.is_empty() { key.to_owned() } else { format!("{key}.{member}") };
    match limit {
        Limit::Entries(most) | Limit::Pairs(most) => {
            let count = match node {
                Node::List(items) => items.len(),
                Node::Map(map) if limit == Limit::Pairs(most) => map.iter().count(),
                _ => 1,
            };
            let message = || format!("`{name}` has {count} entries; AWS documents at most {most}");
            if count > most { vec![warning(at, message())] } else { Vec::new() }
        }
        Limit::Characters(most) => {
            let too_long =
                values(node, &at, member).into_iter().filter(|(_, text)| text.chars().count() > most);
            let message = |text: &str| {
                format!("`{name}` has {} characters; AWS documents at most {most}", text.chars().count())
            };
            too_long.map(|(at, text)| warning(at, message(&text))).collect()
        }
        Limit::Begins(start) => {
            let others = values(node, &at, member)
                .into_iter()
                .filter(|(_, text)| !text.is_empty() && !text.starts_with(start));
            let message = |text: &str| {
                format!(
                    "`{}` in `{name}` does not begin with `{start}`; AWS documents this prefix",
                    short(text)
                )
            };
            others.map(|(at, text)| warning(at, message(&text))).collect()
        }
        Limit::Names => {
            let names = names(node, &at).into_iter().filter(|(_, name)| !is_name(name));
            // Quote only what looks like a name: a value in the place of a name may be a secret.
            let message = |name: &str| {
                let is_harmless =
                    name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c)) && name.len() < 20;
                let name = if is_harmless { format!("`{name}`") } else { "a name".to_owned() };
                format!(
                    "{name} in `{key}` is not valid; AWS documents letters, digits and `_`, \
                     with a letter first"
                )
            };
            names.map(|(at, name)| warning(at, message(&name))).collect()
        }
    }
}

fn warning(at: String, message: String) -> Warning {
    Warning::new(WarningCode::OutOfRange, message).hint("check the value; AWS may refuse it").at(at)
}

/// The scalars in a node with their JSON pointers: all entries of a list, or the `member` of a map.
fn values(node: &Node, at: &str, member: &str) -> Vec<(String, String)> {
    match node {
        Node::List(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| values(item, &format!("{at}/{index}"), member))
            .collect(),
        Node::Map(map) if !member.is_empty() => {
            map.get(member).map(|inner| values(inner, &pointer(at, member), "")).unwrap_or_default()
        }
        // The reader reports a scalar in the place of a structure.
        _ if !member.is_empty() => Vec::new(),
        scalar => scalar.scalar().map(|text| (at.to_owned(), text)).into_iter().collect(),
    }
}

/// The names in a map, or in a list of `NAME=value`, with their JSON pointers.
fn names(node: &Node, at: &str) -> Vec<(String, String)> {
    match node {
        Node::List(items) => {
            items.iter().enumerate().flat_map(|(index, item)| names(item, &format!("{at}/{index}"))).collect()
        }
        Node::Map(map) if map.get("variables").is_some() => Vec::new(),
        Node::Map(map) => map.iter().map(|(name, _)| (pointer(at, name), name.to_owned())).collect(),
        Node::Text(text) => text
            .split_once('=')
            .map(|(name, _)| (at.to_owned(), name.trim().to_owned()))
            .into_iter()
            .collect(),
        Node::Null | Node::Bool(_) | Node::Number(_) => Vec::new(),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json;

    #[track_caller]
    fn check(stanza: &str, expected: &[&str]) {
        let node = json::parse(stanza.as_bytes()).expect("JSON");
        let warnings = warnings(node.as_map().expect("an object"));
        assert_eq!(
            warnings.iter().filter_map(|warning| warning.at.as_deref()).collect::<Vec<_>>(),
            expected,
            "{warnings:?}"
        );
    }

    #[test]
    fn what_aws_documents_otherwise_is_pointed_at() {
        check(
            r#"{"role":"run","subnet_ids":["subnet-1","vpc-1"],"layers":"arn:x"}"#,
            &["/role", "/subnet_ids/1"],
        );
        check(
            r#"{"security_group_ids":["sg-1","sg-2","sg-3","sg-4","sg-5","sg-6"]}"#,
            &["/security_group_ids"],
        );
        check(r#"{"environment":["OK=1","no-dash=2"]}"#, &["/environment/1"]);
        check(r#"{"environment":{"A":"1","_B":"2","3":"3"}}"#, &["/environment/_B", "/environment/3"]);
        check(
            r#"{"file_system_configs":[{"arn":"arn:x","local_mount_path":"/data"}]}"#,
            &["/file_system_configs/0/local_mount_path"],
        );
    }

    #[test]
    fn what_is_empty_or_encrypted_is_left_alone() {
        check(r#"{"kms_key_arn":"","layers":[],"environment":{"secure":"x"},"role":{"secure":"x"}}"#, &[]);
    }
}
