//! A stanza as it was written in, a warning for each value that AWS documents otherwise out: AWS decides.
//! Never refuses anything. Ranges of numbers and words of enums stand where their keys are read.
//!
//! Source: botocore's model of Lambda, API version 2015-03-31, and the Lambda quotas. A test holds the numbers against a
//! copy of that model.

use super::error::{Warning, WarningCode};
use super::wire::{Map, Node, pointer, short};

/// What AWS documents of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// At most so many characters.
    Characters(usize),
    /// At most so many entries of a list; a single value is one.
    Entries(usize),
    /// At most so many names of a map.
    Pairs(usize),
    /// Each value begins like this.
    Begins(&'static str),
    /// The names of a map are letters, digits and underscores, and begin with a letter.
    Names,
}

/// Each limit with its key. Keys inside a structure are written with a dot.
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

/// A warning for each value of `stanza` beyond a limit.
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
    match limit {
        Limit::Entries(most) | Limit::Pairs(most) => {
            let count = match node {
                Node::List(items) => items.len(),
                Node::Map(map) if limit == Limit::Pairs(most) => map.iter().count(),
                _ => 1,
            };
            let message = || format!("`{key}` has {count} entries, AWS documents at most {most}");
            if count > most { vec![warning(at, message())] } else { Vec::new() }
        }
        Limit::Characters(most) => {
            let too_long = values(node, &at, member).into_iter().filter(|(_, text)| text.chars().count() > most);
            let message =
                |text: &str| format!("`{key}` has {} characters, AWS documents at most {most}", text.chars().count());
            too_long.map(|(at, text)| warning(at, message(&text))).collect()
        }
        Limit::Begins(start) => {
            let others =
                values(node, &at, member).into_iter().filter(|(_, text)| !text.is_empty() && !text.starts_with(start));
            let message =
                |text: &str| format!("`{}` of `{key}` does not begin with `{start}`, as AWS documents it", short(text));
            others.map(|(at, text)| warning(at, message(&text))).collect()
        }
        Limit::Names => {
            let names = names(node, &at).into_iter().filter(|(_, name)| !is_name(name));
            // A value that stands where a name belongs is not quoted: it may be a secret.
            let message = |name: &str| {
                let is_harmless =
                    name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c)) && name.len() < 20;
                let name = if is_harmless { format!("`{name}`") } else { "a name".to_owned() };
                format!("{name} of `{key}` is no name that AWS documents: letters, digits and `_`, a letter first")
            };
            names.map(|(at, name)| warning(at, message(&name))).collect()
        }
    }
}

fn warning(at: String, message: String) -> Warning {
    Warning { code: WarningCode::OutOfRange, message, hint: Some("AWS decides".to_owned()), at: Some(at) }
}

/// The scalars under a node with their pointers: of a list each, of a map its `member`.
fn values(node: &Node, at: &str, member: &str) -> Vec<(String, String)> {
    match node {
        Node::List(items) => {
            items.iter().enumerate().flat_map(|(index, item)| values(item, &format!("{at}/{index}"), member)).collect()
        }
        Node::Map(map) if !member.is_empty() => {
            map.get(member).map(|inner| values(inner, &pointer(at, member), "")).unwrap_or_default()
        }
        // A scalar where a structure belongs is the reader's business.
        _ if !member.is_empty() => Vec::new(),
        scalar => scalar.scalar().map(|text| (at.to_owned(), text)).into_iter().collect(),
    }
}

/// The names of a map, or of a list of `NAME=value`.
fn names(node: &Node, at: &str) -> Vec<(String, String)> {
    match node {
        Node::List(items) => {
            items.iter().enumerate().flat_map(|(index, item)| names(item, &format!("{at}/{index}"))).collect()
        }
        Node::Map(map) if map.get("variables").is_some() => Vec::new(),
        Node::Map(map) => map.iter().map(|(name, _)| (pointer(at, name), name.to_owned())).collect(),
        Node::Text(text) => {
            text.split_once('=').map(|(name, _)| (at.to_owned(), name.trim().to_owned())).into_iter().collect()
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => Vec::new(),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire;

    #[track_caller]
    fn check(stanza: &str, expected: &[&str]) {
        let node = wire::parse(stanza.as_bytes()).expect("JSON");
        let warnings = warnings(node.as_map().expect("an object"));
        assert_eq!(
            warnings.iter().filter_map(|warning| warning.at.as_deref()).collect::<Vec<_>>(),
            expected,
            "{warnings:?}"
        );
    }

    #[test]
    fn what_aws_documents_otherwise_is_pointed_at() {
        check(r#"{"role":"run","subnet_ids":["subnet-1","vpc-1"],"layers":"arn:x"}"#, &["/role", "/subnet_ids/1"]);
        check(r#"{"security_group_ids":["sg-1","sg-2","sg-3","sg-4","sg-5","sg-6"]}"#, &["/security_group_ids"]);
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
