//! A value in, the value with `$VAR` and `${VAR}` filled in from the job's environment out.
//! Never runs `$(…)` or backticks, and never drops what it cannot fill in: a password with a `$` survives.

use super::too_large;
use crate::protocol::environment::Environment;
use crate::protocol::error::{Problem, Warning, WarningCode};
use crate::protocol::stanza::OPEN;
use crate::protocol::wire::{Map, Node, pointer};

/// Options that are bash source themselves, so that bash expands them.
const BASH: [&str; 4] = ["on", "if", "true", "run"];

/// Options whose entries may be empty, because `NAME=` means something.
const PAIRS: [&str; 3] = ["environment", "environment_variables", "function_tags"];

/// Options that have bash source under this key; a variable there is bash's to fill in.
const COMMAND: (&str, &str) = ("verify", "command");

/// Fills in one option. `None`: it has become empty by that, which clears nothing.
pub(super) fn option(
    key: String,
    node: Node,
    env: &Environment,
    room: &mut usize,
    warnings: &mut Vec<Warning>,
    problems: &mut Vec<Problem>,
) -> Option<(String, Node)> {
    if BASH.contains(&key.as_str()) {
        return Some((key, node));
    }
    let at = pointer("", &key);
    let mut filling = Filling {
        env,
        at: &at,
        room,
        warnings,
        problems,
        keeps_empty: PAIRS.contains(&key.as_str()) || key == COMMAND.0,
        is_open: OPEN.contains(&key.as_str()),
    };
    let filled = match node {
        Node::Map(map) if key == COMMAND.0 => {
            let entries = map.iter().filter_map(|(name, node)| {
                let filled = if name == COMMAND.1 { Some(node.clone()) } else { filling.node(node.clone()) };
                Some((name.to_owned(), filled?))
            });
            Node::Map(entries.collect())
        }
        node => filling.node(node)?,
    };
    Some((key, filled))
}

/// As many surprises of one kind are told of one option.
const MOST_WARNINGS: usize = 20;

struct Filling<'a> {
    env: &'a Environment,
    at: &'a str,
    /// Bytes that may still be filled in.
    room: &'a mut usize,
    warnings: &'a mut Vec<Warning>,
    problems: &'a mut Vec<Problem>,
    keeps_empty: bool,
    /// Whether a part of the value may stand in a warning. What looks like a variable may be a part of a password.
    is_open: bool,
}

impl Filling<'_> {
    fn node(&mut self, node: Node) -> Option<Node> {
        match node {
            Node::Text(text) => {
                let filled = self.text(&text);
                if filled.is_empty() && !text.is_empty() && !self.keeps_empty {
                    let hint = "an empty value in the stanza itself would clear the live one";
                    self.warn(
                        WarningCode::BecameEmpty,
                        format!("{} is empty here, so it counts as absent", self.named(&text)),
                        hint,
                    );
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
                let was_empty = map.iter().next().is_none();
                let entries = map.iter().filter_map(|(key, node)| Some((key.to_owned(), self.node(node.clone())?)));
                let filled: Map = entries.collect();
                (was_empty || filled.iter().next().is_some()).then_some(Node::Map(filled))
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
                        Some(value) if value.len() <= *self.room => {
                            *self.room -= value.len();
                            filled.push_str(&value);
                        }
                        Some(_) => {
                            let problem = too_large(self.at);
                            if self.problems.last() != Some(&problem) {
                                self.problems.push(problem);
                            }
                            return text.to_owned();
                        }
                        None => {
                            let hint = "set it in the job, or write `\\$` for a dollar sign";
                            let what = self.named(&format!("${name}"));
                            self.warn(
                                WarningCode::UnsetVariable,
                                format!("{what} is not set, so it stays as it is written"),
                                hint,
                            );
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
                        let hint = "only `$NAME` and `${NAME}` are filled in; nothing is run";
                        let message = "what bash would run or compute stays as it is written".to_owned();
                        self.warn(WarningCode::NotExpanded, message, hint);
                    }
                    filled.push_str(&sign[..1]);
                    &sign[1..]
                }
            };
        }
        filled.push_str(rest);
        filled
    }

    /// A part of the value for people, or where it may be secret only what it is.
    fn named(&self, part: &str) -> String {
        if self.is_open { format!("`{part}`") } else { "a variable of this value".to_owned() }
    }

    /// Each kind of surprise once for an option: a list of ten says it once.
    fn warn(&mut self, code: WarningCode, message: String, hint: &str) {
        let warning = Warning { code, message, hint: Some(hint.to_owned()), at: Some(self.at.to_owned()) };
        let same = |known: &Warning| {
            known.code == code && known.at == warning.at && (code != WarningCode::UnsetVariable || *known == warning)
        };
        let of_this_kind = self.warnings.iter().filter(|known| known.code == code && known.at == warning.at);
        if of_this_kind.count() < MOST_WARNINGS && !self.warnings.iter().any(same) {
            self.warnings.push(warning);
        }
    }
}

/// The name of `$NAME…` or `${NAME}…`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$')?;
    let (name, rest) = match text.strip_prefix('{') {
        // Up to where the name ends, and no further: there may be no brace in all of a large text.
        Some(inside) => {
            let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            (&inside[..end], inside[end..].strip_prefix('}')?)
        }
        None => text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, rest))
}
