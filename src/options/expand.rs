//! Replaces `$VAR` and `${VAR}` in a value by variables of the job. Never runs `$(…)` or backticks, and
//! leaves a `$` that it cannot replace unchanged, so that a password with a `$` stays valid.

use crate::protocol::environment::Environment;
use crate::protocol::error::{Code, Problem, Warning, WarningCode};
use crate::protocol::json::{MAX_REQUEST_BYTES, Map, Node, pointer};
use crate::protocol::stanza::NON_SECRET_KEYS;
use crate::protocol::text::is_variable_name;

/// Options whose value is bash source. bash itself expands the variables in them.
const BASH: [&str; 4] = ["on", "if", "true", "run"];

/// Options whose entries can be empty, because `NAME=` sets an empty value.
const PAIRS: [&str; 3] = ["environment", "environment_variables", "function_tags"];

/// Option and key with bash source in a nested map, or in each map of a list. bash itself expands the
/// variables in it.
const COMMAND: (&str, &str) = ("verify", "command");

/// Pointers to the keys of AWS, which never contain a dollar sign.
const CREDENTIALS: [&str; 3] = ["/access_key_id", "/secret_access_key", "/session_token"];

/// A variable in a value that the job does not set.
#[derive(Debug)]
pub(super) struct UnsetVariable {
    /// JSON pointer to the option.
    pub(super) at: String,
    /// Its name as a message shows it, or a neutral phrase if it can be a part of a secret.
    pub(super) shown: String,
}

/// What the replacement of variables has found.
pub(super) struct Findings {
    /// Bytes that variables may still add to the stanza.
    pub(super) remaining: usize,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
    pub(super) unset: Vec<UnsetVariable>,
}

/// Replaces the variables in one option. `None`: the value has become empty and counts as absent, so it does
/// not clear the live value.
pub(super) fn option(
    key: String,
    node: Node,
    env: &Environment,
    findings: &mut Findings,
) -> Option<(String, Node)> {
    if BASH.contains(&key.as_str()) {
        return Some((key, node));
    }
    let at = pointer("", &key);
    // An entry of them can be empty. As a text, the whole option would be, and clear the live value.
    let is_of_pairs = PAIRS.contains(&key.as_str()) && !matches!(node, Node::Text(_));
    let mut expander = Expander {
        env,
        at: &at,
        member: None,
        findings,
        keeps_empty: is_of_pairs || key == COMMAND.0,
        may_be_quoted: NON_SECRET_KEYS.contains(&key.as_str()),
    };
    let filled = match node {
        node if key == COMMAND.0 => expander.checks(node)?,
        Node::Map(pairs) if PAIRS.contains(&key.as_str()) => {
            let filled = pairs.iter().filter_map(|(name, node)| {
                expander.member = Some(pointer(&at, name));
                Some((name.to_owned(), expander.node(node.clone())?))
            });
            Node::Map(filled.collect())
        }
        Node::List(items) if PAIRS.contains(&key.as_str()) => {
            let filled = items.into_iter().enumerate().filter_map(|(index, item)| {
                expander.member = Some(format!("{at}/{index}"));
                expander.node(item)
            });
            Node::List(filled.collect())
        }
        node => expander.node(node)?,
    };
    Some((key, filled))
}

/// Maximum number of warnings with the same code for one option.
const MOST_WARNINGS: usize = 20;

struct Expander<'a> {
    env: &'a Environment,
    at: &'a str,
    /// JSON pointer to the entry of a map or list of [`PAIRS`]: its name may be shown, and its value may not.
    member: Option<String>,
    findings: &'a mut Findings,
    keeps_empty: bool,
    /// Whether a warning may quote a part of the value. What looks like a variable can be a part of a
    /// password.
    may_be_quoted: bool,
}

impl Expander<'_> {
    /// A check or a list of checks, whose commands stay as they are.
    fn checks(&mut self, node: Node) -> Option<Node> {
        match node {
            Node::Map(map) => {
                let entries = map.iter().filter_map(|(name, node)| {
                    let filled = if name == COMMAND.1 { Some(node.clone()) } else { self.node(node.clone()) };
                    Some((name.to_owned(), filled?))
                });
                Some(Node::Map(entries.collect()))
            }
            Node::List(items) => {
                Some(Node::List(items.into_iter().filter_map(|item| self.checks(item)).collect()))
            }
            other => self.node(other),
        }
    }

    fn node(&mut self, node: Node) -> Option<Node> {
        match node {
            Node::Text(text) => {
                let filled = self.text(&text);
                if filled.is_empty() && !text.is_empty() && !self.keeps_empty {
                    let message = format!("{} is empty, so the value counts as absent", self.named(&text));
                    let hint =
                        "set the variable; to clear the live value, write an empty value in the stanza";
                    self.warn(WarningCode::BecameEmpty, message, hint);
                    return None;
                }
                Some(Node::Text(filled))
            }
            Node::List(items) => {
                let was_empty = items.is_empty();
                let filled: Vec<Node> = items.into_iter().filter_map(|item| self.node(item)).collect();
                (was_empty || !filled.is_empty()).then_some(Node::List(filled))
            }
            Node::Map(map) => {
                let was_empty = map.is_empty();
                let entries =
                    map.iter().filter_map(|(key, node)| Some((key.to_owned(), self.node(node.clone())?)));
                let filled: Map = entries.collect();
                (was_empty || !filled.is_empty()).then_some(Node::Map(filled))
            }
            scalar @ (Node::Null | Node::Bool(_) | Node::Number(_)) => Some(scalar),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['$', '`']) {
            let before = &rest[..at];
            let sign = &rest[at..];
            if let Some(before) = before.strip_suffix('\\') {
                filled.push_str(before);
                filled.push_str(&sign[..1]);
                rest = &sign[1..];
                continue;
            }
            filled.push_str(before);
            rest = match variable(sign) {
                Some((name, rest)) => {
                    match self.env.get(name) {
                        Some(value) if value.len() <= self.findings.remaining => {
                            self.findings.remaining -= value.len();
                            filled.push_str(&value);
                        }
                        Some(_) => {
                            let problem = too_large(self.at);
                            if self.findings.problems.last() != Some(&problem) {
                                self.findings.problems.push(problem);
                            }
                            return text.to_owned();
                        }
                        // AWS's word for the unpublished version, and no variable.
                        None if name == "LATEST" && ["/function_name", "/alias"].contains(&self.at) => {
                            filled.push_str(&sign[..sign.len() - rest.len()]);
                        }
                        None => {
                            let is_credential = CREDENTIALS.contains(&self.at);
                            let hint = match is_credential {
                                true => "set the variable in the job",
                                false => "set the variable in the job, or write `\\$` for a dollar sign",
                            };
                            // Its name is no part of a secret.
                            let is_whole = is_credential
                                && variable(text.trim()).is_some_and(|(_, rest)| rest.is_empty());
                            let shown = match is_whole {
                                true => format!("the variable `{name}`"),
                                false => self.named(&format!("${name}")),
                            };
                            let message = format!("{shown} is not set, so it is left unchanged");
                            if self.warn(WarningCode::UnsetVariable, message, hint) {
                                let at = self.at.to_owned();
                                self.findings.unset.push(UnsetVariable { at, shown });
                            }
                            filled.push_str(&sign[..sign.len() - rest.len()]);
                        }
                    }
                    rest
                }
                None => {
                    if sign.starts_with("$(")
                        || sign.starts_with("${")
                        || (sign.starts_with('`') && sign[1..].contains('`'))
                    {
                        let hint = "use only `$NAME` and `${NAME}`; commands are not run";
                        let message = "command substitution and `${…}` expressions are not supported; the \
                            value is left unchanged";
                        self.warn(WarningCode::NotExpanded, message.to_owned(), hint);
                    }
                    filled.push_str(&sign[..1]);
                    &sign[1..]
                }
            };
        }
        filled.push_str(rest);
        filled
    }

    /// A part of the value for a message, or a neutral phrase if it can be secret.
    fn named(&self, part: &str) -> String {
        if self.may_be_quoted { format!("`{part}`") } else { "a variable of this value".to_owned() }
    }

    /// Adds a warning, unless the option already has one with this code. Warnings about different unset
    /// variables are all added, up to [`MOST_WARNINGS`]. Returns whether it was added.
    fn warn(&mut self, code: WarningCode, message: String, hint: &str) -> bool {
        let warning = Warning::new(code, message).hint(hint).at(self.member.as_deref().unwrap_or(self.at));
        let same = |known: &Warning| {
            known.code == code
                && known.at == warning.at
                && (code != WarningCode::UnsetVariable || *known == warning)
        };
        let warnings = &mut self.findings.warnings;
        let is_of_option = |known: &&Warning| {
            let rest = known.at.as_deref().and_then(|at| at.strip_prefix(self.at));
            known.code == code && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let from_this_kind = warnings.iter().filter(is_of_option);
        let is_new = from_this_kind.count() < MOST_WARNINGS && !warnings.iter().any(same);
        if is_new {
            warnings.push(warning);
        }
        is_new
    }
}

/// The name in `$NAME…` or `${NAME}…`, and the text after it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$')?;
    let (name, rest) = match text.strip_prefix('{') {
        // Search only to the end of the name, because a large text may have no closing brace at all.
        Some(inside) => {
            let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            (&inside[..end], inside[end..].strip_prefix('}')?)
        }
        None => {
            text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()))
        }
    };
    is_variable_name(name).then_some((name, rest))
}

/// The problem that replacements would make a value larger than a request may be.
pub(super) fn too_large(at: &str) -> Problem {
    Problem {
        code: Code::BadValue,
        message: format!("variables make this value larger than {} MiB", MAX_REQUEST_BYTES >> 20),
        at: Some(at.to_owned()),
        hint: Some("shorten the variables in this value, or use them less often".to_owned()),
    }
}
