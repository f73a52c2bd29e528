//! Reads typed values from one JSON map. Converts values as Travis CI does, and collects all problems.
//! Does not depend on the keys of a stanza, and never quotes a secret in a message.

mod numbers;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use self::numbers::{decimal, in_unit, leading_number};
use super::error::{Code, Problem, Warning, WarningCode};
use super::json::{Map, Node, pointer, quoted, short};
use super::secret::Secret;
use super::suggest::{is_in_style_of_aws, letters};

/// Reads keys of a map and collects problems and warnings.
pub(super) struct StanzaReader<'a> {
    map: &'a Map,
    /// Position of the map in the stanza: its JSON pointer, and its name followed by a dot. Empty for the
    /// stanza itself.
    place: (String, String),
    read_keys: BTreeSet<&'static str>,
    /// Keys of this map, each with AWS's field, such as `DestinationConfig.OnSuccess`, and its operation.
    pub(super) aws_fields: &'static [(&'static str, &'static str, &'static str)],
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
            for at in node.encrypted(&pointer("", key)) {
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
        let (problems, warnings) = (Vec::new(), Vec::new());
        StanzaReader { map, place, read_keys: BTreeSet::new(), aws_fields: &[], problems, warnings }
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

    /// As [`StanzaReader::name`], for a string without which the map is incomplete. `right` says what is
    /// expected.
    pub(super) fn required(&mut self, key: &'static str, right: &str) -> String {
        if !self.has(key) {
            self.require(key, format!("`{}` is missing; expected {right}", self.name_of(key)));
        }
        self.name(key).unwrap_or_default()
    }

    /// As [`StanzaReader::name`], for a string that messages must not quote.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let node = self.read_node(key)?;
        let text = self.scalar(key, &self.at(key), node, "a string", Shown::Hidden)?;
        self.not_empty(key, text).map(Secret::new)
    }

    fn not_empty(&mut self, key: &'static str, text: String) -> Option<String> {
        if text.trim().is_empty() {
            return self.unexpected(key, "empty", "set a value or remove the key");
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
            Err(right) => self.unexpected(key, &quoted(&text), &right),
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
        let number = self.number_like(low.max(10).min(high), key, unit)?;
        if !range.contains(&number) {
            self.warn_undocumented(key, &number.to_string(), &format!("{low} to {high} {unit}"));
        }
        Some(number)
    }

    /// Reads a number that can have decimals. Adds a warning if it is outside the `range` that AWS documents.
    pub(super) fn decimal_within(
        &mut self,
        key: &'static str,
        unit: &str,
        range: RangeInclusive<i32>,
    ) -> Option<f64> {
        let (low, high) = (*range.start(), *range.end());
        let node = self.read_node(key)?;
        let text = match node {
            Node::Number(_) | Node::Text(_) => node.scalar(),
            Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => None,
        };
        let Some(number) = text.as_deref().and_then(decimal) else {
            return self.unexpected(key, &node.quoted(), &format!("expected a number, such as {low}"));
        };
        if !(f64::from(low)..=f64::from(high)).contains(&number) {
            self.warn_undocumented(key, &number.to_string(), &format!("{low} to {high} {unit}"));
        }
        Some(number)
    }

    /// Reads a whole number. `example` is one, for messages.
    fn number_like(&mut self, example: i32, key: &'static str, unit: &str) -> Option<i32> {
        let node = self.read_node(key)?;
        let right = match unit {
            "" => format!("expected a whole number, such as {example}"),
            unit => format!("expected whole {unit}, such as {example}"),
        };
        let text = match node {
            Node::Number(_) | Node::Text(_) => node.scalar(),
            Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => None,
        };
        let Some(text) = text else { return self.unexpected(key, &node.quoted(), &right) };
        let Some((number, exact)) = leading_number(&text) else {
            return self.unexpected(key, &quoted(&text), &right);
        };
        if !exact {
            let message = format!("`{}` is {} and is read as {number}", self.name_of(key), quoted(&text));
            let hint = match in_unit(&text, number, unit) {
                Some(meant) => format!("write {meant}, or {number} if {unit} are meant"),
                None => format!("write {number}"),
            };
            self.warn(WarningCode::LenientValue, key, message, hint);
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
        numbers.or_else(|| self.unexpected(key, &quoted(&texts.join(", ")), &format!("expected {right}")))
    }

    /// Reads a boolean, or one of the words that Travis CI accepts for it.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.read_node(key)?;
        node.as_flag().or_else(|| self.unexpected(key, &node.quoted(), "expected true or false"))
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
        let right = format!("expected {}", choice_of(known));
        match given.as_slice() {
            [one] if !one.is_empty() => self.known_word(key, one.clone(), known),
            [] | [_] => self.unexpected(key, "empty", &right),
            several => self.unexpected(key, &quoted(&several.join(", ")), &format!("{right}, not both")),
        }
    }

    /// As [`StanzaReader::word`], for a text that has already been read.
    fn known_word(&mut self, key: &'static str, text: String, known: ValueWords) -> Option<String> {
        if text.is_empty() || known.iter().any(|(word, _)| *word == text) {
            return Some(text);
        }
        match known.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            Some((word, _)) => {
                let message = format!("`{}` is {} and is read as `{word}`", self.name_of(key), quoted(&text));
                self.warn(WarningCode::LenientValue, key, message, format!("write `{word}`"));
                Some((*word).to_owned())
            }
            None => {
                self.warn_undocumented(key, &quoted(&text), &choice_of(known));
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
        match known.iter().position(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            Some(at) => values.get(at).copied(),
            None => self.unexpected(key, &quoted(&text), &format!("expected {}", choice_of(known))),
        }
    }

    /// Reads a list of strings. A single one means a list with one entry, an empty string an empty list.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.list(key, "a list of strings")
    }

    /// As [`StanzaReader::texts`]. `right` says what is expected. `None` also if an entry is refused.
    fn list(&mut self, key: &'static str, right: &str) -> Option<Vec<String>> {
        let items = self.items(key)?.into_iter();
        let texts: Vec<_> =
            items.map(|(at, item)| self.scalar(key, &at, item, right, Shown::Openly)).collect();
        texts.into_iter().collect()
    }

    /// The entries of a list that are not null, with their JSON pointers. A single value means a list with
    /// one entry, an empty string an empty list.
    fn items(&mut self, key: &'static str) -> Option<Vec<(String, &'a Node)>> {
        let mut items = match self.read_present(key)? {
            Node::Text(text) if text.is_empty() => Vec::new(),
            node => node.entries(&self.at(key)),
        };
        items.retain(|(_, item)| **item != Node::Null);
        Some(items)
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

    /// As [`StanzaReader::structure`]. An unknown member is an error here and not only a warning, because a
    /// misspelt one would drop a safeguard, such as an alarm or a hook.
    pub(super) fn strict_structure<T: Default + PartialEq>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut StanzaReader<'_>) -> T,
    ) -> Option<T> {
        let value = self.structure(key, read);
        self.refuse_unknown_keys(&self.at(key));
        value
    }

    /// Reads any value as JSON.
    pub(super) fn anything(&mut self, key: &'static str) -> Option<serde_json::Value> {
        self.read_node(key).map(serde_json::Value::from)
    }

    /// Converts each warning about an unknown key in the map at a JSON pointer into a problem.
    pub(super) fn refuse_unknown_keys(&mut self, map: &str) {
        let below = format!("{map}/");
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
        let items = self.items(key)?.into_iter();
        let name = self.name_of(key);
        Some(items.filter_map(|(at, item)| self.inner(at, name.clone(), item, &read)).collect())
    }

    /// Reads a list of strings and maps. A single one means a list with one entry, an empty string an empty
    /// list. `None` also if an entry is refused.
    pub(super) fn texts_or_structures<T>(
        &mut self,
        key: &'static str,
        from_text: impl Fn(String) -> T,
        read: impl Fn(&mut StanzaReader<'_>) -> T,
    ) -> Option<Vec<T>> {
        let name = self.name_of(key);
        let mut entries = Vec::new();
        for (at, item) in self.items(key)? {
            entries.push(match item {
                Node::Map(_) => self.inner(at, name.clone(), item, &read),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                    let right = "a list of strings or maps";
                    self.scalar(key, &at, item, right, Shown::Openly).map(&from_text)
                }
            });
        }
        entries.into_iter().collect()
    }

    /// Reads the map in `node`, which is at the JSON pointer `at`. `name` is the name of the map in messages.
    pub(super) fn inner<T>(
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
            let meant = inner.meant_by_name_of_aws(key).join("` and `");
            if !meant.is_empty() {
                let message = format!("AWS's {} in `{name}` is `{meant}`", quoted(key));
                inner.problem(Code::UnknownKey, key, message, format!("write `{meant}`"));
                continue;
            }
            let known = inner.read_keys.iter().copied().collect::<Vec<_>>().join("`, `");
            let message = format!("`{}` is not a key of `{name}`", inner.name_of(&short(key)));
            inner.warn(WarningCode::UnknownKey, key, message, format!("use one of `{known}`"));
        }
        self.problems.append(&mut inner.problems);
        self.warnings.append(&mut inner.warnings);
        Some(value)
    }

    /// The keys of this map that are meant by a name of AWS: `log_group` by `LogGroup`, `on_success` and
    /// `on_failure` by `DestinationConfig` or `destination_config`.
    fn meant_by_name_of_aws(&self, name: &str) -> Vec<&'static str> {
        let is = |other: &str| letters(other).eq(letters(name));
        if let Some(key) = self.read_keys.iter().copied().find(|key| is(key)) {
            return if is_in_style_of_aws(name) { vec![key] } else { Vec::new() };
        }
        let fields = self.aws_fields.iter().filter(|(_, field, _)| field.split('.').any(is));
        fields.filter_map(|(key, ..)| key.rsplit('.').next()).collect()
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
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.refuse_at(self.at(key), message);
    }

    /// Adds the problem that the value of `key` is `shown`; `right` says what is expected. Returns `None`:
    /// there is no value.
    pub(super) fn unexpected<T>(&mut self, key: &str, shown: &str, right: &str) -> Option<T> {
        self.refuse(key, format!("`{}` is {shown}; {right}", self.name_of(key)));
        None
    }

    /// Adds the warning that the value of `key` is `shown`, and not what AWS documents.
    fn warn_undocumented(&mut self, key: &str, shown: &str, documented: &str) {
        let message = format!("`{}` is {shown}; AWS documents {documented}", self.name_of(key));
        self.warn(WarningCode::OutOfRange, key, message, "check the value; AWS may refuse it");
    }

    /// Adds the problem that `key` is missing.
    pub(super) fn require(&mut self, key: &str, message: impl Into<String>) {
        let (message, at) = (message.into(), Some(self.at(key)));
        self.problems.push(Problem { code: Code::MissingKey, message, at, hint: None });
    }

    /// Adds a problem with the value at a JSON pointer.
    pub(super) fn refuse_at(&mut self, at: String, message: impl Into<String>) {
        let (message, at) = (message.into(), Some(at));
        self.problems.push(Problem { code: Code::BadValue, message, at, hint: None });
    }

    /// Adds a problem with `key`, and what to do.
    pub(super) fn problem(
        &mut self,
        code: Code,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (message, at, hint) = (message.into(), Some(self.at(key)), Some(hint.into()));
        self.problems.push(Problem { code, message, at, hint });
    }

    /// Adds a warning about the value of `key`.
    pub(super) fn warn(
        &mut self,
        code: WarningCode,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
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
        let problem = match node.scalar() {
            Some(text) if !text.contains('\0') => return Some(text),
            Some(_) => "contains a NUL character; expected text without one".to_owned(),
            None if shown == Shown::Openly => format!("is {}; expected {right}", node.quoted()),
            None => format!("is {}; expected {right}", node.kind()),
        };
        self.refuse_at(at.to_owned(), format!("`{}` {problem}", self.name_of(key)));
        None
    }
}
