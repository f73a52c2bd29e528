//! Reads typed values from one JSON map. Converts values as Travis CI does, and collects all problems.
//! Does not depend on the keys of a stanza, and never quotes a secret in a message.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::error::{Code, Problem, Warning, WarningCode};
use super::json::{Map, Node, pointer, quoted, short};
use super::secret::Secret;

/// Reads keys of a map and collects problems and warnings.
pub(super) struct StanzaReader<'a> {
    map: &'a Map,
    /// Position of the map in the stanza: its JSON pointer, and its name followed by a dot. Empty for the
    /// stanza itself.
    place: (String, String),
    read_keys: BTreeSet<&'static str>,
    /// Errors that make the stanza unusable.
    pub(super) problems: Vec<Problem>,
    /// Findings that do not prevent the deployment.
    pub(super) warnings: Vec<Warning>,
}

/// Whether a message may quote a value.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Openly,
    Hidden,
}

/// Possible values, each with its description.
pub(super) type ValueWords = &'static [(&'static str, &'static str)];

/// The words as a choice, each in backticks: `a`, `b` or `c`.
pub(super) fn choice_of(words: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

impl<'a> StanzaReader<'a> {
    /// Creates a reader for `map`. Each `{"secure": …}` in it, at any depth, becomes a problem at once.
    pub(super) fn new(map: &'a Map) -> Self {
        let mut reader = StanzaReader::inside(map, (String::new(), String::new()));
        for (key, node) in map.iter() {
            for at in encrypted(node, &pointer("", key)) {
                let name = at.trim_start_matches('/').replace('/', ".");
                reader.problems.push(Problem {
                    code: Code::NotDecrypted,
                    message: format!("`{name}` is still encrypted: its value is `{{\"secure\": …}}`"),
                    at: Some(at),
                    hint: Some("let the runner decrypt such values before it writes the request".to_owned()),
                });
            }
        }
        reader
    }

    fn inside(map: &'a Map, place: (String, String)) -> Self {
        StanzaReader { map, place, read_keys: BTreeSet::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Whether the map has `key`. Null counts as absent, and a map or list of nothing but null too.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|node| !node.is_absent())
    }

    /// Reads a string. Numbers and booleans are converted to text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.read_node(key)?;
        self.scalar(key, &self.at(key), node, "a string", Shown::Openly)
    }

    /// Reads a string that must not be empty, because there is no live value that an empty one could clear.
    pub(super) fn name(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        self.not_empty(key, text)
    }

    /// As [`StanzaReader::name`], for a string that messages must not quote.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let node = self.read_node(key)?;
        let text = self.scalar(key, &self.at(key), node, "a string", Shown::Hidden)?;
        self.not_empty(key, text).map(Secret::new)
    }

    fn not_empty(&mut self, key: &'static str, text: String) -> Option<String> {
        if text.trim().is_empty() {
            self.refuse(key, format!("`{}` is empty; set a value or remove the key", self.name_of(key)));
            return None;
        }
        Some(text)
    }

    /// Reads a string and converts it with `parse`, whose error completes the sentence "`key` is `value`; …".
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(right) => {
                self.refuse(key, format!("`{}` is {}; {right}", self.name_of(key), quoted(&text)));
                None
            }
        }
    }

    /// Reads a whole number, which can be a string. `unit` is a plural, such as `seconds`, or empty.
    pub(super) fn whole_number(&mut self, key: &'static str, unit: &str) -> Option<i32> {
        self.number_like(10, key, unit)
    }

    /// As [`StanzaReader::whole_number`]. Adds a warning if the number is outside the `range` that AWS
    /// documents.
    pub(super) fn number_within(
        &mut self,
        key: &'static str,
        unit: &str,
        range: RangeInclusive<i32>,
    ) -> Option<i32> {
        let (low, high) = (*range.start(), *range.end());
        let number = self.number_like(low.max(10), key, unit)?;
        if !range.contains(&number) {
            self.warn(
                WarningCode::OutOfRange,
                key,
                format!("`{}` is {number}; AWS documents {low} to {high} {unit}", self.name_of(key)),
                "check the value; AWS may refuse it".to_owned(),
            );
        }
        Some(number)
    }

    /// Reads a whole number. `example` is one, for messages.
    fn number_like(&mut self, example: i32, key: &'static str, unit: &str) -> Option<i32> {
        let node = self.read_node(key)?;
        let name = self.name_of(key);
        let right = match unit {
            "" => format!("expected a whole number, such as {example}"),
            unit => format!("expected whole {unit}, such as {example}"),
        };
        let text = match node {
            Node::Number(_) | Node::Text(_) => node.scalar(),
            Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => None,
        };
        let Some(text) = text else {
            self.refuse(key, format!("`{name}` is {}; {right}", node.quoted()));
            return None;
        };
        let Some((number, exact)) = leading_number(&text) else {
            self.refuse(key, format!("`{name}` is {}; {right}", quoted(&text)));
            return None;
        };
        if !exact {
            self.warn(
                WarningCode::LenientValue,
                key,
                format!("`{name}` is {} and is read as {number}", quoted(&text)),
                match in_unit(&text, number, unit) {
                    Some(meant) => format!("write {meant}, or {number} if {unit} are meant"),
                    None => format!("write {number}"),
                },
            );
        }
        Some(number)
    }

    /// Reads a list of whole numbers. A single one means a list with one entry, an empty string an empty
    /// list.
    pub(super) fn whole_numbers(&mut self, key: &'static str, unit: &str) -> Option<Vec<i32>> {
        let right = format!("whole {unit}, such as 10, 50, 100");
        let texts = self.list(key, &right)?;
        let number = |text: &String| leading_number(text).filter(|(_, exact)| *exact);
        let numbers: Option<Vec<_>> = texts.iter().map(|text| Some(number(text)?.0)).collect();
        if numbers.is_none() {
            let shown = quoted(&texts.join(", "));
            self.refuse(key, format!("`{}` is {shown}; expected {right}", self.name_of(key)));
        }
        numbers
    }

    /// Reads a boolean, or one of the words that Travis CI accepts for it.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.read_node(key)?;
        let flag = node.as_flag();
        if flag.is_none() {
            self.refuse(key, format!("`{}` is {}; expected true or false", self.name_of(key), node.quoted()));
        }
        flag
    }

    /// Reads a boolean, else the opposite of the boolean `other`.
    pub(super) fn flag_or_not(&mut self, key: &'static str, other: &'static str) -> Option<bool> {
        let (flag, other) = (self.flag(key), self.flag(other));
        flag.or(other.map(|other| !other))
    }

    /// Reads one of the words in `known`. A word in another case is corrected, an unknown word is kept
    /// because AWS may accept it; both add a warning.
    pub(super) fn word(&mut self, key: &'static str, known: ValueWords) -> Option<String> {
        let text = self.text(key)?;
        self.known_word(key, text, known)
    }

    /// As [`StanzaReader::word`]. The word can also be the only entry of a list, and must not be empty.
    pub(super) fn single_word(&mut self, key: &'static str, known: ValueWords) -> Option<String> {
        let given = self.texts(key)?;
        let (name, right) = (self.name_of(key), choice_of(known));
        match given.as_slice() {
            [one] if !one.is_empty() => return self.known_word(key, one.clone(), known),
            [] | [_] => self.refuse(key, format!("`{name}` is empty; expected {right}")),
            several => {
                let shown = quoted(&several.join(", "));
                let message = format!("`{name}` is {shown}; expected {right}, not both");
                self.refuse(key, message);
            }
        }
        None
    }

    /// As [`StanzaReader::word`], for a text that has already been read.
    fn known_word(&mut self, key: &'static str, text: String, known: ValueWords) -> Option<String> {
        if text.is_empty() || known.iter().any(|(word, _)| *word == text) {
            return Some(text);
        }
        let name = self.name_of(key);
        let options = choice_of(known);
        match known.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            Some((word, _)) => {
                let message = format!("`{name}` is {} and is read as `{word}`", quoted(&text));
                self.warn(WarningCode::LenientValue, key, message, format!("write `{word}`"));
                Some((*word).to_owned())
            }
            None => {
                let message = format!("`{name}` is {}; AWS documents {options}", quoted(&text));
                self.warn(
                    WarningCode::OutOfRange,
                    key,
                    message,
                    "check the value; AWS may refuse it".to_owned(),
                );
                Some(text)
            }
        }
    }

    /// Reads one of the words in `known`, in any case, for an option of dpl-lambda. Returns the value at the
    /// place of the word. Other words are refused.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        known: ValueWords,
        values: &[T],
    ) -> Option<T> {
        let text = self.text(key)?;
        let found = known.iter().position(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            self.refuse(
                key,
                format!("`{}` is {}; expected {}", self.name_of(key), quoted(&text), choice_of(known)),
            );
        }
        values.get(found?).copied()
    }

    /// Reads a list of strings. A single one means a list with one entry, an empty string an empty list.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.list(key, "a list of strings")
    }

    /// As [`StanzaReader::texts`]. `right` says what is expected. `None` also if an entry is refused.
    fn list(&mut self, key: &'static str, right: &str) -> Option<Vec<String>> {
        let items = match self.read_present(key)? {
            Node::Text(text) if text.is_empty() => Vec::new(),
            node => entries(&self.at(key), node),
        };
        let items = items.into_iter().filter(|(_, item)| **item != Node::Null);
        let texts: Vec<_> =
            items.map(|(at, item)| self.scalar(key, &at, item, right, Shown::Openly)).collect();
        texts.into_iter().collect()
    }

    /// As [`StanzaReader::texts`], without repetitions; the first of equal strings stays.
    pub(super) fn distinct_texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let mut texts = self.texts(key)?;
        let mut seen = BTreeSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        Some(texts)
    }

    /// Reads a nested map with `read`. An empty map clears the live value and returns the default of `T`. A
    /// map without any readable value does not clear and returns `None`.
    pub(super) fn structure<T: Default + PartialEq>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut StanzaReader<'_>) -> T,
    ) -> Option<T> {
        let node = self.read_node(key)?;
        let is_empty = node.as_map().is_some_and(Map::is_empty);
        self.inner(self.at(key), self.name_of(key), node, read)
            .filter(|value| is_empty || *value != T::default())
    }

    /// Reads any value as JSON.
    pub(super) fn anything(&mut self, key: &'static str) -> Option<serde_json::Value> {
        self.read_node(key).map(serde_json::Value::from)
    }

    /// Converts each warning about an unknown member of `key` into a problem.
    pub(super) fn refuse_unknown_members(&mut self, key: &str) {
        let below = format!("{}/", self.at(key));
        let is_below = |warning: &Warning| {
            warning.code == WarningCode::UnknownKey
                && warning.at.as_ref().is_some_and(|at| at.starts_with(&below))
        };
        let (unknown, others): (Vec<Warning>, Vec<Warning>) =
            std::mem::take(&mut self.warnings).into_iter().partition(is_below);
        self.warnings = others;
        self.problems.extend(unknown.into_iter().map(Warning::into_unknown_key));
    }

    /// Reads a list of maps. A single one means a list with one entry, an empty string an empty list.
    pub(super) fn structures<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut StanzaReader<'_>) -> T,
    ) -> Option<Vec<T>> {
        let items = match self.read_present(key)? {
            Node::Text(text) if text.is_empty() => Vec::new(),
            node => entries(&self.at(key), node),
        };
        let name = self.name_of(key);
        let items = items.into_iter().filter(|(_, item)| **item != Node::Null);
        Some(items.filter_map(|(at, item)| self.inner(at, name.clone(), item, &read)).collect())
    }

    fn inner<T>(
        &mut self,
        at: String,
        name: String,
        node: &Node,
        read: impl FnOnce(&mut StanzaReader<'_>) -> T,
    ) -> Option<T> {
        let map = match node {
            Node::Map(_) if node.is_secure() => return None,
            Node::Map(map) => map,
            other => {
                self.refuse_at(at, format!("`{name}` is {}; expected a map", other.quoted()));
                return None;
            }
        };
        let mut inner = StanzaReader::inside(map, (at, format!("{name}.")));
        let value = read(&mut inner);
        let unknown: Vec<(&str, &Node)> = inner.unread_keys().collect();
        for (key, _) in unknown {
            let known = inner.read_keys.iter().copied().collect::<Vec<_>>().join("`, `");
            let message = format!("`{}` is not a key of `{name}`", inner.name_of(&short(key)));
            inner.warn(WarningCode::UnknownKey, key, message, format!("use one of `{known}`"));
        }
        self.problems.append(&mut inner.problems);
        self.warnings.append(&mut inner.warnings);
        Some(value)
    }

    /// The JSON pointer to a key of this map.
    pub(super) fn at(&self, key: &str) -> String {
        pointer(&self.place.0, key)
    }

    /// The name of a key in messages, such as `logging_config.log_group`.
    pub(super) fn name_of(&self, key: &str) -> String {
        format!("{}{key}", self.place.1)
    }

    /// The node of a key. Marks the key as read. `None` for encrypted values, which are already a problem.
    pub(super) fn read_node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.read_keys.insert(key);
        self.map.get(key).filter(|node| !node.is_secure())
    }

    /// As [`StanzaReader::read_node`]. `None` also for a map or list of nothing but null: it must not clear
    /// the live value, as an empty one does.
    pub(super) fn read_present(&mut self, key: &'static str) -> Option<&'a Node> {
        self.read_node(key).filter(|node| !node.is_absent())
    }

    /// The keys that have not been read and are not null, with their values.
    pub(super) fn unread_keys(&self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.map.iter().filter(|(key, node)| **node != Node::Null && !self.read_keys.contains(key))
    }

    /// Adds a problem with the value of `key`.
    pub(super) fn refuse(&mut self, key: &str, message: String) {
        self.refuse_at(self.at(key), message);
    }

    /// Adds the problem that `key` is missing.
    pub(super) fn require(&mut self, key: &str, message: String) {
        let at = Some(self.at(key));
        self.problems.push(Problem { code: Code::MissingKey, message, at, hint: None });
    }

    /// Adds a problem with the value at a JSON pointer.
    pub(super) fn refuse_at(&mut self, at: String, message: String) {
        self.problems.push(Problem { code: Code::BadValue, message, at: Some(at), hint: None });
    }

    /// Adds a warning about the value of `key`.
    pub(super) fn warn(&mut self, code: WarningCode, key: &str, message: String, hint: String) {
        self.warnings.push(Warning::new(code, message).hint(hint).at(self.at(key)));
    }

    fn scalar(
        &mut self,
        key: &'static str,
        at: &str,
        node: &Node,
        right: &str,
        shown: Shown,
    ) -> Option<String> {
        if node.is_secure() {
            return None;
        }
        match node.scalar() {
            Some(text) if text.contains('\0') => {
                self.refuse_at(
                    at.to_owned(),
                    format!("`{}` contains a NUL character; expected text without one", self.name_of(key)),
                );
                None
            }
            Some(text) => Some(text),
            None => {
                let value = if shown == Shown::Openly { node.quoted() } else { node.kind().to_owned() };
                self.refuse_at(
                    at.to_owned(),
                    format!("`{}` is {value}; expected {right}", self.name_of(key)),
                );
                None
            }
        }
    }
}

/// The entries of a list with their JSON pointers. Any other node counts as a list with one entry.
pub(super) fn entries<'a>(at: &str, node: &'a Node) -> Vec<(String, &'a Node)> {
    match node {
        Node::List(items) => {
            items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect()
        }
        single => vec![(at.to_owned(), single)],
    }
}

/// The number at the start of a text as Ruby's `to_i` finds it, and whether it is the whole text.
/// `None` for fractions, signs and numbers beyond 2³¹.
fn leading_number(text: &str) -> Option<(i32, bool)> {
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix(".0").unwrap_or(trimmed);
    let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, rest) = trimmed.split_at(end);
    // "10.5" is a fraction, not 10 followed by other text.
    let fraction =
        rest.strip_prefix(['.', 'e', 'E']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if fraction {
        return None;
    }
    Some((digits.parse().ok()?, rest.is_empty()))
}

/// The number at the start of a text in `unit`, if the text has a larger unit: `5m` is 300 seconds.
fn in_unit(text: &str, number: i32, unit: &str) -> Option<i32> {
    let rest = text.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let factor = match (unit, rest.to_ascii_lowercase().as_str()) {
        ("seconds", "m" | "min" | "minute" | "minutes") => 60,
        ("seconds", "h" | "hour" | "hours") => 3600,
        ("MB", "g" | "gb" | "gib") => 1024,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// JSON pointers to all `{"secure": …}` in a node.
pub(crate) fn encrypted(node: &Node, at: &str) -> Vec<String> {
    match node {
        node if node.is_secure() => vec![at.to_owned()],
        Node::Map(map) => map.iter().flat_map(|(key, node)| encrypted(node, &pointer(at, key))).collect(),
        Node::List(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, node)| encrypted(node, &format!("{at}/{index}")))
            .collect(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_at_the_start_of_a_text_counts() {
        for (text, number) in [
            ("10", Some((10, true))),
            (" 10 ", Some((10, true))),
            ("10.0", Some((10, true))),
            ("10,", Some((10, false))),
            ("10 seconds", Some((10, false))),
            ("10.5", None),
            ("1e3", None),
            ("-1", None),
            ("", None),
            ("ten", None),
            ("99999999999", None),
        ] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }

    #[test]
    fn encrypted_values_are_found_at_any_depth() {
        let node = crate::protocol::json::parse(
            br#"{"a":{"secure":"x"},"b":[{"c":{"secure":"y"}}],"d":{"secure":1,"more":2}}"#,
        )
        .unwrap();
        assert_eq!(encrypted(&node, ""), ["/a", "/b/0/c"]);
    }
}
