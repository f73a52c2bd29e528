//! Resolves branch-specific values of a stanza for the current branch.
//! Never decides whether a branch is deployed; the conditions do that.

use super::error::{Warning, WarningCode};
use super::json::{self, Map, Node};
use super::stanza::all_keys;

/// Options whose value can be a map with another meaning, so that a map is not branch-specific.
const MAP_OPTIONS: [&str; 7] =
    ["environment", "environment_variables", "function_tags", "layers", "on", "if", "true"];

/// Options of dpl that can also come from a variable `AWS_<OPTION>` or `LAMBDA_<OPTION>`, or from `~/.aws`
/// files. Credentials and region are not in this list: they have their own sources, and values from two
/// sources are never combined.
#[rustfmt::skip]
pub(crate) const VARIABLE_OPTIONS: [&str; 22] = [
    "function_name", "role", "handler_name", "module_name", "description", "timeout", "memory_size",
    "subnet_ids", "security_group_ids", "environment", "environment_variables", "runtime", "dead_letter_arn",
    "kms_key_arn", "tracing_mode", "layers", "function_tags", "publish", "zip", "dot_match", "cleanup", "run",
];

/// All other options of dpl.
const OTHER_DPL_OPTIONS: [&str; 7] =
    ["provider", "access_key_id", "secret_access_key", "region", "skip_cleanup", "allow_failure", "strategy"];

/// Whether `value` is a branch-specific value of `key`, such as `{"master": "a", "develop": "b"}`. A map with
/// the key `secure` is an encrypted value, even if a wrong indentation has put other keys into it.
pub fn is_branch_specific(key: &str, value: &Node) -> bool {
    value.as_map().is_some_and(|map| !map.contains("secure"))
        && key != "edge"
        && !MAP_OPTIONS.contains(&key)
        && (is_of_dpl(key) || !is_ours(key))
}

/// Whether an option exists in dpl and its value is not a map. A map is then a map of branches.
pub(super) fn can_be_branch_specific(key: &str) -> bool {
    is_of_dpl(key) && !MAP_OPTIONS.contains(&key)
}

/// Whether dpl has this option. `edge` and `dpl_version` are left out: they only select which dpl Travis CI
/// installs.
pub(crate) fn is_of_dpl(key: &str) -> bool {
    VARIABLE_OPTIONS.contains(&key) || OTHER_DPL_OPTIONS.contains(&key)
}

/// Whether dpl-lambda has this option. Options that dpl lacks have never been branch-specific.
fn is_ours(key: &str) -> bool {
    all_keys().any(|known| known == key)
}

/// Replaces each branch-specific value by its entry for the current branch, and removes the option if there
/// is none. Travis CI has deprecated such values, but they are still in use. In a list, an entry without a
/// value for the branch stays as it is, and the reader refuses it: it may be no map of branches.
pub fn select_branch(stanza: &Map, branch: &str) -> (Map, Vec<Warning>) {
    let mut warnings = Vec::new();
    let selected = stanza.iter().filter_map(|(key, value)| {
        if let Some(entries) = selected_entries(key, value, branch) {
            warnings.push(deprecated(key, branch, "this build uses the value of"));
            return Some((key.to_owned(), Node::List(entries)));
        }
        // An unknown key is left unchanged, because the reader warns about it.
        if !is_branch_specific(key, value) || !is_ours(key) {
            return Some((key.to_owned(), value.clone()));
        }
        let chosen = value.as_map().and_then(|map| map.get(branch)).cloned();
        let effect = if chosen.is_some() {
            "this build uses the value of"
        } else {
            "it is ignored, because it has no value for"
        };
        warnings.push(deprecated(key, branch, effect));
        chosen.map(|chosen| (key.to_owned(), chosen))
    });
    let selected = selected.collect();
    (selected, warnings)
}

fn deprecated(key: &str, branch: &str, effect: &str) -> Warning {
    Warning::new(WarningCode::Deprecated, format!("`{key}` is a map of branches: {effect} branch `{branch}`"))
        .hint("write one stanza per branch, with `on.branch`")
        .at(json::pointer("", key))
}

/// The entries of a list with each branch-specific one replaced by its value for the branch, which can be a
/// list. `None`: the list has no such entry.
fn selected_entries(key: &str, value: &Node, branch: &str) -> Option<Vec<Node>> {
    let Node::List(entries) = value else { return None };
    let chosen = |entry: &Node| {
        let map = entry.as_map().filter(|_| can_be_branch_specific(key) && is_branch_specific(key, entry))?;
        map.get(branch).cloned()
    };
    entries.iter().find_map(chosen)?;
    let selected = entries.iter().flat_map(|entry| match chosen(entry) {
        Some(Node::List(several)) => several,
        Some(one) => vec![one],
        None => vec![entry.clone()],
    });
    Some(selected.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_specific_values_are_picked_by_exact_name() {
        let stanza = Map::of_json(
            r#"{"function_name":{"master":"a","develop":"b"},"role":{"master":"r"},
                "environment":{"X":"1"}}"#,
        );
        let (selected, warnings) = select_branch(&stanza, "develop");
        assert_eq!(selected.get("function_name"), Some(&Node::Text("b".to_owned())));
        assert_eq!(selected.get("role"), None);
        assert!(selected.get("environment").is_some());
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn a_branch_specific_entry_of_a_list_is_picked_too() {
        let stanza = Map::of_json(
            r#"{"subnet_ids":["s-0",{"master":"s-1","dev":["s-2","s-3"]}],"layers":[{"dev":"l"}],
                "security_group_ids":[{"Ref":"g"}],"environment":[{"dev":"x"}]}"#,
        );
        let (selected, warnings) = select_branch(&stanza, "dev");
        let subnets = ["s-0", "s-2", "s-3"].map(|id| Node::Text(id.to_owned()));
        assert_eq!(selected.get("subnet_ids"), Some(&Node::List(subnets.to_vec())));
        for key in ["layers", "security_group_ids", "environment"] {
            assert_eq!(selected.get(key), stanza.get(key), "{key}");
        }
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn an_encrypted_value_is_no_map_of_branches_whatever_is_beside_it() {
        for value in [r#"{"secure":"x"}"#, r#"{"secure":"x","on":{"tags":true}}"#] {
            assert!(!is_branch_specific("secret_access_key", &json::parse(value.as_bytes()).unwrap()));
        }
    }

    #[test]
    fn an_option_that_dpl_never_had_is_no_map_of_branches() {
        let node = json::parse(br#"{"size":1024}"#).unwrap();
        for (key, expected) in
            [("timeout", true), ("nobody_knows", true), ("ephemeral_storage", false), ("verify", false)]
        {
            assert_eq!(is_branch_specific(key, &node), expected, "{key}");
        }
    }
}
