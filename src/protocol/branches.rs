//! A stanza with branch-specific values in, the stanza of the current branch out.
//! Never judges a branch; that is a condition's business.

use super::error::{Warning, WarningCode};
use super::schema::stanza_keys;
use super::wire::{self, Map, Node};

/// Options whose value may be a map of their own, so that a map there selects nothing by branch.
const MAP_OPTIONS: [&str; 7] = ["environment", "environment_variables", "function_tags", "layers", "on", "if", "true"];

/// The options of dpl that may also come as `AWS_<OPTION>` or `LAMBDA_<OPTION>`, and from files. Credentials and region
/// are not among them: they have sources of their own, and a key never mixes two of them.
pub(crate) const FOREIGN: [&str; 22] = [
    "function_name",
    "role",
    "handler_name",
    "module_name",
    "description",
    "timeout",
    "memory_size",
    "subnet_ids",
    "security_group_ids",
    "environment",
    "environment_variables",
    "runtime",
    "dead_letter_arn",
    "kms_key_arn",
    "tracing_mode",
    "layers",
    "function_tags",
    "publish",
    "zip",
    "dot_match",
    "cleanup",
    "run",
];

/// What dpl has besides.
const BESIDES: [&str; 7] =
    ["provider", "access_key_id", "secret_access_key", "region", "skip_cleanup", "allow_failure", "strategy"];

/// True for an option that may come from a variable of the job, `AWS_<OPTION>` or `LAMBDA_<OPTION>`.
pub fn is_from_variable(key: &str) -> bool {
    FOREIGN.contains(&key)
}

/// True when a map as the value of this option is branch-specific: `{"master": "a", "develop": "b"}`.
pub fn is_branch_specific(key: &str, value: &Node) -> bool {
    value.as_map().is_some()
        && !value.is_secure()
        && key != "edge"
        && !MAP_OPTIONS.contains(&key)
        && (is_of_dpl(key) || !is_ours(key))
}

/// True for the options that dpl has, too, and whose value is no map: there, one is a map of branches.
pub(super) fn can_be_branch_specific(key: &str) -> bool {
    is_of_dpl(key) && !MAP_OPTIONS.contains(&key)
}

fn is_of_dpl(key: &str) -> bool {
    FOREIGN.contains(&key) || BESIDES.contains(&key)
}

/// True for the options of this version and of the contract; nobody ever wrote a map of branches for those that dpl lacks.
fn is_ours(key: &str) -> bool {
    stanza_keys().iter().any(|known| known == key)
}

/// Picks the current branch's entry of each branch-specific value; a branch that has none drops the option.
/// Deprecated at Travis, and still in use.
pub fn select_branch(stanza: &Map, branch: &str) -> (Map, Vec<Warning>) {
    let mut warnings = Vec::new();
    let selected = stanza.iter().filter_map(|(key, value)| {
        // An unknown key stays as it is, for the reader to warn about.
        if !is_branch_specific(key, value) || !stanza_keys().iter().any(|known| known == key) {
            return Some((key.to_owned(), value.clone()));
        }
        let chosen = value.as_map().and_then(|map| map.get(branch)).cloned();
        let effect = if chosen.is_some() { "the entry of" } else { "left out, as it has no entry for" };
        warnings.push(Warning {
            code: WarningCode::Deprecated,
            message: format!("`{key}` is a map of branches: {effect} branch `{branch}`"),
            hint: Some("write one stanza for each branch, with `on.branch`".to_owned()),
            at: Some(wire::pointer("", key)),
        });
        chosen.map(|chosen| (key.to_owned(), chosen))
    });
    let selected = selected.collect();
    (selected, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_specific_values_are_picked_by_exact_name() {
        let node = wire::parse(
            br#"{"function_name":{"master":"a","develop":"b"},"role":{"master":"r"},"environment":{"X":"1"}}"#,
        )
        .unwrap();
        let (selected, warnings) = select_branch(node.as_map().unwrap(), "develop");
        assert_eq!(selected.get("function_name"), Some(&Node::Text("b".to_owned())));
        assert_eq!(selected.get("role"), None);
        assert!(selected.get("environment").is_some());
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn an_option_that_dpl_never_had_is_no_map_of_branches() {
        let node = wire::parse(br#"{"size":1024}"#).unwrap();
        for (key, expected) in
            [("timeout", true), ("nobody_knows", true), ("ephemeral_storage", false), ("verify", false)]
        {
            assert_eq!(is_branch_specific(key, &node), expected, "{key}");
        }
    }
}
