//! Parses JSON into a [`Node`]. Unlike `serde_json::Value`, it keeps the order of keys and refuses duplicate
//! keys. Never interprets keys; the readers do that.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// Maximum size of a request in bytes: 8 MiB.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// Maximum number of values in a request: a hundred times as many as in a large stanza with a large
/// environment. The limit bounds the memory: a value takes about forty bytes of memory, but can be as short
/// as two bytes in the request.
pub const MAX_VALUES: usize = 20_000;

/// One JSON value. Maps keep their order, and no map has a key twice.
///
/// Its `Debug` output shows only types and keys, because any text in it can be a secret.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Node {
    /// `null`. It always means the same as an absent key.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. `3.10` and `3.1` are the same number; the JSON parser does not keep the difference.
    Number(serde_json::Number),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Map(Map),
}

/// A JSON object. Keys are unique and keep the order in which they were written.
#[derive(Clone, Default, PartialEq)]
pub struct Map(Vec<(String, Node)>);

/// Why bytes are not an acceptable JSON document.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not JSON. `line` and `column` count from 1; column 0 is before the first character.
    #[error("{detail} at line {line}, column {column}")]
    Syntax {
        /// Message of the parser, without the position.
        detail: String,
        /// Line of the error.
        line: usize,
        /// Column of the error, in bytes.
        column: usize,
    },
    /// The document has more than [`MAX_VALUES`] values.
    #[error("more than {} values", MAX_VALUES)]
    TooManyValues,
    /// An object has a key twice. JSON does not define which of the two counts.
    #[error("duplicate key `{key}` at line {line}, column {column}")]
    DuplicateKey {
        /// The duplicate key, as text for a message.
        key: String,
        /// Line of the second occurrence.
        line: usize,
        /// Column of the second occurrence, in bytes.
        column: usize,
    },
}

/// Parses one JSON document. Skips a byte order mark at its start, because PowerShell writes one.
///
/// # Errors
/// [`WireError`], if the text is not JSON, is nested deeper than 128, has too many values or has a duplicate
/// key.
pub fn parse(bytes: &[u8]) -> Result<Node, WireError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(WireError::Syntax { detail: EMPTY.to_owned(), line: 1, column: 0 });
    }
    let count = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let node = Counted(&count).deserialize(&mut deserializer);
    node.and_then(|node| deserializer.end().map(|()| node)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let detail = match text.rsplit_once(" at line ").map_or(text.as_str(), |(detail, _)| detail) {
            // The parser's texts for a high one and a low one.
            "unexpected end of hex escape" | "lone leading surrogate in hex escape" => HALF_PAIR,
            detail => detail,
        };
        match detail.strip_prefix(DUPLICATE) {
            _ if count.get() > MAX_VALUES => WireError::TooManyValues,
            Some(key) if error.is_data() => WireError::DuplicateKey { key: short(key), line, column },
            _ => WireError::Syntax { detail: detail.to_owned(), line, column },
        }
    })
}

/// Message for a text without a value.
pub const EMPTY: &str = "it is empty";

/// Message for half of a surrogate pair.
const HALF_PAIR: &str = "a string contains half of a surrogate pair";

/// Prefix of our own error message. serde errors have only a text, so the text must distinguish them.
const DUPLICATE: &str = "duplicate key ";

impl Node {
    /// The text of a scalar. Numbers and booleans are converted to text as Travis CI does it.
    /// `None` for lists, maps and null.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Node::Text(text) => Some(text.clone()),
            Node::Number(number) => Some(in_ruby(number)),
            Node::Bool(flag) => Some(flag.to_string()),
            Node::Null | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// Whether the value is true in Ruby. All values are, except null and false.
    pub fn is_truthy(&self) -> bool {
        !matches!(self, Node::Null | Node::Bool(false))
    }

    /// The boolean that Travis CI reads: `true`, `on`, `yes`, `enabled` and `required`, or `false`, `off`,
    /// `no` and `disabled`, in any case. `None` for all other values.
    pub fn as_flag(&self) -> Option<bool> {
        match self {
            Node::Bool(flag) => Some(*flag),
            Node::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "enabled" | "required" => Some(true),
                "false" | "off" | "no" | "disabled" => Some(false),
                _ => None,
            },
            Node::Null | Node::Number(_) | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// Whether the value is null, or a map or list in which every value is. An empty map or list is not.
    pub fn is_absent(&self) -> bool {
        match self {
            Node::Null => true,
            Node::List(items) => !items.is_empty() && items.iter().all(Node::is_absent),
            Node::Map(map) => !map.is_empty() && map.iter().all(|(_, node)| node.is_absent()),
            Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
        }
    }

    /// The map, if the node is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether the value is `{"secure": …}`, which the runner should have decrypted.
    pub fn is_secure(&self) -> bool {
        self.as_map().is_some_and(|map| map.get("secure").is_some() && map.len() == 1)
    }

    /// JSON pointers to all `{"secure": …}` in the value, which is at the pointer `at`.
    pub(crate) fn encrypted(&self, at: &str) -> Vec<String> {
        match self {
            node if node.is_secure() => vec![at.to_owned()],
            Node::Map(map) => map.iter().flat_map(|(key, node)| node.encrypted(&pointer(at, key))).collect(),
            Node::List(_) => self.entries(at).iter().flat_map(|(at, node)| node.encrypted(at)).collect(),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => Vec::new(),
        }
    }

    /// The entries of a list with their JSON pointers. Any other value counts as a list with one entry.
    pub(crate) fn entries(&self, at: &str) -> Vec<(String, &Node)> {
        match self {
            Node::List(items) => {
                items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect()
            }
            single => vec![(at.to_owned(), single)],
        }
    }

    /// The type with an article, for messages: `a map`, `a number`, ….
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Number(_) => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
        }
    }

    /// The value for a message: a string as it is, any other value as JSON. For a long value only its type
    /// and length, because a part of it can be a part of a secret, which the redactor would not recognize.
    /// Must not be used for secrets.
    pub fn shown(&self) -> String {
        match self {
            Node::Text(text) => short(text),
            other => {
                let text = serde_json::Value::from(other).to_string();
                if text.len() <= LONGEST_SHOWN {
                    text
                } else {
                    format!("{} of {} bytes", self.kind(), text.len())
                }
            }
        }
    }

    /// As [`Node::shown`], in backticks if it is the whole value.
    pub fn quoted(&self) -> String {
        match self {
            Node::Text(text) => quoted(text),
            other => {
                let shown = other.shown();
                // JSON of any other value does not begin so.
                if shown.starts_with("a ") { shown } else { format!("`{shown}`") }
            }
        }
    }
}

impl Map {
    /// Whether the map has `key`, even if its value is null.
    pub fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// The value of `key`. Null counts as absent.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| **node != Node::Null)
    }

    /// Iterates over keys and values in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// Number of keys, including those whose value is null.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the map has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes a key and returns its value, which can be null.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }
}

impl FromIterator<(String, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(pairs: I) -> Self {
        Map(pairs.into_iter().collect())
    }
}

impl From<&Node> for serde_json::Value {
    fn from(node: &Node) -> Self {
        serde_json::to_value(node).expect("a node is JSON")
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Map(map) => map.fmt(f),
            other => f.write_str(other.kind()),
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// A number as Ruby's `to_s` writes it, such as `1.0e+16` or `1.0e-05`. Travis CI compares with this text.
/// The JSON parser has already converted an integer of more than 64 bits to a float.
fn in_ruby(number: &serde_json::Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`e` formats with an exponent");
    let exponent: i32 = exponent.parse().expect("a whole number");
    if (-4..16).contains(&exponent) || float == 0.0 {
        return format!("{float:?}");
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{point}e{sign}{:02}", exponent.abs())
}

/// Maximum length of a value in a message.
const LONGEST_SHOWN: usize = 80;

/// A text for a message. For a long text only its length, see [`Node::shown`].
pub fn short(text: &str) -> String {
    match text.chars().count() {
        0..=LONGEST_SHOWN => text.to_owned(),
        length => format!("a string of {length} characters"),
    }
}

/// A text in backticks for a message. Of a long text only its length, which is no quotation.
pub fn quoted(text: &str) -> String {
    let shown = short(text);
    if shown == text { format!("`{text}`") } else { shown }
}

/// The JSON pointer (RFC 6901) to `key` in the object at `parent`.
pub fn pointer(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Deserializes a value and counts it, to enforce [`MAX_VALUES`].
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > MAX_VALUES {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Bool(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Node::Null, Node::Number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut seen = HashSet::new();
        let mut pairs = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("{DUPLICATE}{key}")));
            }
            pairs.push((key, access.next_value_seed(self)?));
        }
        Ok(Node::Map(Map(pairs)))
    }
}

#[cfg(test)]
impl Map {
    /// Reads a map for a test.
    #[track_caller]
    pub(crate) fn of_json(text: &str) -> Self {
        match parse(text.as_bytes()) {
            Ok(Node::Map(map)) => map,
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> Node {
        parse(text.as_bytes()).expect("the test's own JSON is valid")
    }

    #[test]
    fn maps_keep_the_order_in_which_they_were_written() {
        let node = read(r#"{"zebra":1,"apple":2,"mango":null}"#);
        let keys: Vec<_> = node.as_map().unwrap().iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["zebra", "apple", "mango"]);
    }

    #[test]
    fn null_is_absent() {
        let node = read(r#"{"a":null}"#);
        let map = node.as_map().unwrap();
        assert_eq!((map.get("a"), map.len()), (None, 1));
        for (text, is_absent) in
            [("null", true), ("[null,{\"a\":null}]", true), ("[]", false), ("{}", false), ("[null,0]", false)]
        {
            assert_eq!(read(text).is_absent(), is_absent, "{text}");
        }
    }

    #[test]
    fn a_duplicate_key_is_refused_also_inside_maps() {
        for (text, key) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"x":[{"b c":1,"b c":2}]}"#, "b c"),
            (r#"{"a at line b":1,"a at line b":1}"#, "a at line b"),
        ] {
            match parse(text.as_bytes()) {
                Err(WireError::DuplicateKey { key: found, line: 1, .. }) => assert_eq!(found, key),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_syntax_error_knows_its_place() {
        let place = |text: &[u8]| match parse(text) {
            Err(WireError::Syntax { line, column, .. }) => (line, column),
            other => panic!("{other:?}"),
        };
        assert_eq!(place(b"{"), (1, 1));
        assert_eq!(place(b""), (1, 0));
        assert_eq!(place(b"{\n \"a\": }"), (2, 7));
        assert_eq!(place(b"{} x"), (1, 4));
        assert_eq!(place(b"[1e999]").0, 1);
        assert_eq!(place(b"\"\\ud800\"").0, 1);
        for text in [r#""\ud800""#, r#""\ud800\n""#, r#""\ud800\u0041""#, r#""\udc80""#] {
            let error = parse(text.as_bytes());
            assert!(
                matches!(&error, Err(WireError::Syntax { detail, .. }) if detail == HALF_PAIR),
                "{error:?}"
            );
        }
        assert_eq!(place(&[b'['; 100_000]).0, 1);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse(b"\xef\xbb\xbf1"), parse(b"1"));
    }

    #[test]
    fn words_are_read_as_travis_reads_booleans() {
        for (text, flag) in [
            ("true", Some(true)),
            ("\"yes\"", Some(true)),
            ("\"Off\"", Some(false)),
            ("\"v1\"", None),
            ("1", None),
        ] {
            assert_eq!(read(text).as_flag(), flag, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_ruby_writes_them() {
        for (text, ruby) in [
            ("3.10", "3.1"),
            ("7", "7"),
            ("7.0", "7.0"),
            ("1e16", "1.0e+16"),
            ("1e15", "1000000000000000.0"),
            ("1e-5", "1.0e-05"),
            ("0.0001", "0.0001"),
            ("-1.5e300", "-1.5e+300"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(read(text).scalar().as_deref(), Some(ruby));
        }
    }

    #[test]
    fn encrypted_values_are_found_at_any_depth() {
        let node = read(r#"{"a":{"secure":"x"},"b":[{"c":{"secure":"y"}}],"d":{"secure":1,"more":2}}"#);
        assert_eq!(node.encrypted(""), ["/a", "/b/0/c"]);
    }

    #[test]
    fn a_pointer_escapes_slash_and_tilde() {
        assert_eq!(pointer("/on", "a/b~c"), "/on/a~1b~0c");
    }

    #[test]
    fn only_a_short_text_is_quoted() {
        assert_eq!(quoted("a b"), "`a b`");
        assert_eq!(quoted(&"x".repeat(81)), "a string of 81 characters");
        assert_eq!(Node::Text("x".repeat(81)).quoted(), "a string of 81 characters");
        assert_eq!(read("[1]").quoted(), "`[1]`");
    }

    #[test]
    fn debug_shows_no_value() {
        let debug = format!("{:?}", read(r#"{"password":"hunter2"}"#));
        assert_eq!(debug, r#"{"password"}"#);
    }
}
