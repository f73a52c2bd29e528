//! Reads names with values: `environment` and `function_tags`. Forms of other tools are read as what they
//! mean, with a warning. Never quotes a value, or a name that may be a part of one.

use std::collections::BTreeMap;

use super::error::{Code, Problem, Warning, WarningCode};
use super::json::{Node, pointer, short};
use super::pair_limits::is_name;
use super::secret::Secret;
use super::stanza_reader::StanzaReader;

type Pairs = BTreeMap<String, Secret>;

const RIGHT: &str = "expected a map, or a list of `NAME=value`";

/// Names of branches that are hardly names of variables.
const BRANCHES: [&str; 4] = ["master", "main", "develop", "dev"];

/// The value of the first key of a map that is one of `names`, in any case.
fn member<'a>(entry: &'a Node, names: &[&str]) -> Option<&'a Node> {
    let is_named = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
    entry.as_map()?.iter().find(|(key, _)| is_named(key)).map(|(_, node)| node)
}

/// The name and the value of an entry of a list that is `{name: …, value: …}` or `{Key: …, Value: …}` in any
/// case, and nothing else.
pub(crate) fn named_pair(entry: &Node) -> Option<(&Node, &Node)> {
    entry.as_map().filter(|map| map.len() == 2)?;
    Some((member(entry, &["name", "key"])?, member(entry, &["value"])?))
}

/// Whether an entry of a list has a name and a value, but is no [`named_pair`], such as
/// `{name: …, valueFrom: …}`.
fn is_other_pair(entry: &Node) -> bool {
    let has = |names: &[&str]| member(entry, names).is_some();
    has(&["name", "key"]) && has(&["value", "valueFrom", "value_from"]) && named_pair(entry).is_none()
}

impl<'a> StanzaReader<'a> {
    /// As [`StanzaReader::pairs`], else those of `alias`, which is another name of `key`.
    pub(super) fn pairs_or(&mut self, key: &'static str, alias: &'static str) -> Option<Pairs> {
        let (pairs, others) = (self.pairs(key), self.pairs(alias));
        if pairs.is_some() && others.is_some() {
            let message = format!("`{alias}` is ignored because `{key}` is also set");
            self.warn(WarningCode::LenientValue, alias, message, "keep one of the two");
        }
        pairs.or(others)
    }

    /// Reads names with secret values: a map, a list of `NAME=value`, of maps or of `{name, value}`, or one
    /// `NAME=value`. An empty string means no names.
    pub(super) fn pairs(&mut self, key: &'static str) -> Option<Pairs> {
        let node = self.read_present(key)?;
        let (at, node) = self.unwrapped(key, node);
        let entries = match node {
            Node::Text(text) if text.is_empty() => Vec::new(),
            node => node.entries(&at),
        };
        let is_named = |item: &Node| matches!(node, Node::List(_)) && named_pair(item).is_some();
        let all_are_named = entries.iter().all(|(_, item)| **item == Node::Null || is_named(item));
        if all_are_named && entries.iter().any(|(_, item)| is_named(item)) {
            let message =
                format!("`{key}` is a list of names and values; each entry is read as `NAME=value`");
            let hint = "write a list of `NAME=value`, or a map of names to values";
            self.warn(WarningCode::LenientValue, key, message, hint);
        }
        // `NAME` and `VALUE` may be names of variables.
        let is_lower_case = |name: &str| name.ends_with(|c: char| c.is_ascii_lowercase());
        if named_pair(node).is_some()
            && node.as_map().is_some_and(|map| map.iter().all(|(name, _)| is_lower_case(name)))
        {
            let message =
                format!("`{key}` is read as two names with their values, not as one name with its value");
            self.warn(WarningCode::LenientValue, key, message, "write `NAME=value` if one is meant");
        }
        let mut pairs = Pairs::new();
        for (at, item) in entries {
            let (mut own, place) = (Pairs::new(), at.clone());
            match named_pair(item).filter(|_| is_named(item)) {
                Some((name, value)) if all_are_named => self.named(key, at, (name, value), &mut own),
                Some(_) => {
                    let what = "has a name and a value, which other entries have not";
                    self.refuse_at(at, format!("an entry of `{key}` {what}; {RIGHT}"));
                }
                None if matches!(node, Node::List(_)) && is_other_pair(item) => {
                    let what = "has a name and a value, but not as `name` and `value` alone";
                    self.refuse_at(at, format!("an entry of `{key}` {what}; {RIGHT}"));
                }
                None => self.pair(key, &at, item, &mut own),
            }
            if own.iter().any(|(name, value)| pairs.get(name).is_some_and(|known| known != value)) {
                let message =
                    format!("an entry of `{key}` has the name of an earlier one; the later one counts");
                let warning = Warning::new(WarningCode::LenientValue, message);
                self.warnings.push(warning.hint("keep one of the two").at(place));
            }
            pairs.extend(own);
        }
        Some(pairs)
    }

    /// Removes the additional level in `environment: {variables: {…}}`, which the AWS API and other AWS tools
    /// use. Also returns the JSON pointer to the rest.
    fn unwrapped(&mut self, key: &'static str, node: &'a Node) -> (String, &'a Node) {
        let inner = node.as_map().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        match inner {
            Some((name, inside @ Node::Map(_)))
                if name.eq_ignore_ascii_case("variables") && !inside.is_secure() =>
            {
                let message = format!(
                    "`{key}` nests its variables in `{name}`; they are read as if they were not nested"
                );
                self.warn(WarningCode::LenientValue, key, message, format!("remove `{name}`"));
                (pointer(&self.at(key), name), inside)
            }
            _ => (self.at(key), node),
        }
    }

    /// Reads an entry that has the name and the value in two keys.
    fn named(&mut self, key: &str, at: String, (name, value): (&Node, &Node), pairs: &mut Pairs) {
        let Some(name) = name.scalar().filter(|name| !name.trim().is_empty()) else {
            return self.refuse_at(at, format!("an entry of `{key}` has no name; {RIGHT}"));
        };
        match value {
            Node::Null => {}
            value if value.is_secure() => {}
            value => match value.scalar() {
                Some(value) => drop(pairs.insert(name, Secret::new(value))),
                None => {
                    let kind = value.kind();
                    self.refuse_at(at, format!("the value of an entry of `{key}` is {kind}; {RIGHT}"));
                }
            },
        }
    }

    fn pair(&mut self, key: &'static str, at: &str, node: &Node, pairs: &mut Pairs) {
        match node {
            Node::Null => {}
            node if node.is_secure() => {}
            node if is_map_of_branches(node, at != self.at(key)) => self.problems.push(Problem {
                code: Code::BadValue,
                message: format!("`{key}` has a map of branches; {RIGHT}"),
                at: Some(at.to_owned()),
                hint: Some("write one stanza per branch, with `on.branch`".to_owned()),
            }),
            Node::Map(map) => {
                for (name, value) in
                    map.iter().filter(|(_, value)| **value != Node::Null && !value.is_secure())
                {
                    match value.scalar() {
                        Some(value) => drop(pairs.insert(name.to_owned(), Secret::new(value))),
                        None => {
                            let at = pointer(at, name);
                            let (name, kind) = (short(name), value.kind());
                            let message = format!("`{key}.{name}` is {kind}; expected a string");
                            self.refuse_at(at, message);
                        }
                    }
                }
            }
            Node::Text(text) => match text.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    // AWS would refuse a name that ends with a space.
                    let is_spaced = name.ends_with(char::is_whitespace);
                    if is_spaced {
                        let message = format!("an entry of `{key}` has spaces around `=`; they are ignored");
                        let warning = Warning::new(WarningCode::LenientValue, message);
                        self.warnings.push(warning.hint("write `NAME=value` without spaces").at(at));
                    }
                    let value = if is_spaced { value.trim_start() } else { value };
                    pairs.insert(name.trim().to_owned(), Secret::new(value));
                }
                // Do not quote the text: it may be a secret that was split at the wrong place.
                _ => {
                    self.refuse_at(at.to_owned(), format!("an entry of `{key}` is not `NAME=value`; {RIGHT}"))
                }
            },
            Node::Bool(_) | Node::Number(_) | Node::List(_) => {
                self.refuse_at(at.to_owned(), format!("an entry of `{key}` is {}; {RIGHT}", node.kind()));
            }
        }
    }
}

/// Whether a map has the variables of each branch: `{master: [A=b], dev: [A=c]}`. In a list, also
/// `{master: A=b}`.
fn is_map_of_branches(node: &Node, is_in_list: bool) -> bool {
    let Some(map) = node.as_map() else { return false };
    let holds_variables = |node: &Node| match node {
        Node::List(_) | Node::Map(_) => !node.is_secure(),
        Node::Text(text) => is_in_list && text.split_once('=').is_some_and(|(name, _)| is_name(name)),
        Node::Null | Node::Bool(_) | Node::Number(_) => false,
    };
    map.iter().any(|(key, _)| BRANCHES.contains(&key)) && map.iter().all(|(_, node)| holds_variables(node))
}

#[cfg(test)]
mod tests {
    use crate::protocol::json::Map;
    use crate::protocol::stanza;

    /// The variables as `NAME=value`, and the codes of warnings and problems, each joined by spaces.
    fn read(environment: &str) -> (String, String) {
        let stanza = format!(r#"{{"function_name":"f","environment":{environment}}}"#);
        let read = stanza::read(&Map::of_json(&stanza));
        let variables = read.options().environment.iter().flatten();
        let variables = variables.map(|(name, value)| format!("{name}={}", value.expose()));
        let warnings = read.warnings.iter().map(|warning| warning.code.to_string());
        let codes = warnings.chain(read.problems().iter().map(|problem| problem.code.to_string()));
        (variables.collect::<Vec<_>>().join(" "), codes.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_list_of_names_and_values_is_read_as_what_it_means() {
        for (environment, variables, warning) in [
            (r#"[{"name":"STAGE","value":"production"}]"#, "STAGE=production", "lenient-value"),
            (r#"[{"Key":"AA","Value":1},null,{"value":true,"NAME":"BB"}]"#, "AA=1 BB=true", "lenient-value"),
            (r#"[{"key":"AA","value":null},{"key":"BB","value":""}]"#, "BB=", "lenient-value"),
            // Anything else is a map of names to values.
            (r#"{"name":"STAGE","value":"production"}"#, "name=STAGE value=production", "lenient-value"),
            (r#"{"NAME":"a","VALUE":"b"}"#, "NAME=a VALUE=b", ""),
            (r#"[{"name":"STAGE"}]"#, "name=STAGE", ""),
        ] {
            let (found, warned) = read(environment);
            assert_eq!((found.as_str(), warned.as_str()), (variables, warning), "{environment}");
        }
        for environment in [
            r#"[{"name":"A","value":"b"},"C=d"]"#,
            r#"[{"name":"","value":"b"}]"#,
            r#"[{"name":"A","value":["b"]}]"#,
            r#"[{"name":"A","value":"b","kind":"c"}]"#,
            r#"[{"name":"A","valueFrom":"b"},{"name":"B","valueFrom":"c"}]"#,
        ] {
            assert!(read(environment).1.contains("bad-value"), "{environment}");
        }
    }

    #[test]
    fn spaces_around_the_equals_sign_are_ignored_with_a_warning() {
        for (entry, variable, warning) in [
            ("BB = 1", "BB=1", "lenient-value"),
            ("BB =1", "BB=1", "lenient-value"),
            ("BB= 1", "BB= 1", ""),
            (" BB=1 ", "BB=1 ", ""),
        ] {
            assert_eq!(read(&format!(r#"["{entry}"]"#)), (variable.to_owned(), warning.to_owned()));
        }
    }

    #[test]
    fn a_name_that_is_twice_in_a_list_is_noticed() {
        for (environment, variables, warning) in [
            (r#"["AA=1","BB=2","AA=3"]"#, "AA=3 BB=2", "lenient-value"),
            (r#"[{"AA":1,"BB":2},{"AA":3},"BB=4"]"#, "AA=3 BB=4", "lenient-value lenient-value"),
            (r#"[{"AA":1},"AA=1"]"#, "AA=1", ""),
        ] {
            assert_eq!(read(environment), (variables.to_owned(), warning.to_owned()), "{environment}");
        }
    }

    #[test]
    fn a_map_of_branches_is_no_map_of_variables() {
        for (environment, is_refused) in [
            (r#"[{"master":"STAGE=prod","develop":"STAGE=test"}]"#, true),
            (r#"{"master":["STAGE=prod"],"develop":["STAGE=test"]}"#, true),
            (r#"{"master":{"STAGE":"prod"}}"#, true),
            (r#"{"master":"STAGE=prod"}"#, false),
            (r#"[{"master":"db1"}]"#, false),
            (r#"[{"OPTIONS":"A=b"}]"#, false),
        ] {
            assert_eq!(read(environment).1.contains("bad-value"), is_refused, "{environment}");
        }
    }
}
