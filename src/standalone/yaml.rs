//! Parses YAML into a [`Tree`] of values with their line numbers, and interprets scalars as Travis CI does.
//! Never interprets a key, and never holds more values or bytes than a request may.
//!
//! Source: travis-yml's own loader (`support/yaml.rb`) on Ruby's Psych. Keys are strings as written, so that
//! `on` stays `on`. Fractions and lower-case `yes no on off` also stay strings: `1.10` must not become `1.1`,
//! and the reader of a boolean option accepts those words anyway. Values that Psych would convert against the
//! author's intention stay strings, too: `12:30` (45000 in Psych), `80,443` (80443), and dates.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::protocol::json::{MAX_REQUEST_BYTES, MAX_VALUES, Map, Node, pointer};
use crate::protocol::messages::size;

/// Maximum nesting of the file. The request that is made from it may be nested 128 deep.
const MAX_DEPTH: usize = 100;

/// Maximum length in bytes of a JSON pointer whose line is stored.
const LONGEST_POINTER: usize = 500;

/// A position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Why a text cannot be parsed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The text is not valid YAML.
    #[error("invalid YAML: {detail}")]
    Syntax {
        /// The parser's message.
        detail: String,
        /// The position of the error.
        place: Position,
    },
    /// A map contains a key twice.
    #[error("duplicate key `{key}` (first defined on line {})", .first.line)]
    DuplicateKey {
        /// The name of the key.
        key: String,
        /// The position of its first occurrence.
        first: Position,
        /// The position of its second occurrence.
        second: Position,
    },
    /// A value has a tag for a type that a stanza cannot contain, such as `!ruby/object`. The tag is not part
    /// of the error, because it may be a password that begins with an exclamation mark.
    #[error("this value has a YAML tag (it begins with `!`), which a stanza cannot contain")]
    Tag {
        /// The position of the value.
        place: Position,
    },
    /// The nesting is too deep.
    #[error("the nesting is too deep")]
    TooDeep {
        /// The position at which the limit is exceeded.
        place: Position,
    },
    /// The file has more values or bytes than a request may have, counting what aliases refer to.
    #[error("{}", too_large())]
    TooLarge,
}

/// The text about a file with too many values or bytes.
pub(super) fn too_large() -> String {
    format!(
        "the file contains more than {MAX_VALUES} values or {}, counting the values that aliases refer to",
        size(MAX_REQUEST_BYTES as u64)
    )
}

/// A value of the file. An alias shares the value that it refers to.
#[derive(Debug)]
pub struct Tree {
    kind: NodeKind,
    place: Position,
    /// True if it has a tag other than those of YAML's own types.
    is_tagged: bool,
    /// Number of values within, counting what aliases refer to. So a small file that expands to a large one
    /// is detected before it is expanded.
    values: usize,
    bytes: usize,
    depth: usize,
}

#[derive(Debug)]
enum NodeKind {
    Scalar { text: String, plain: bool },
    List(Vec<Rc<Tree>>),
    Map(Vec<(MapKey, Rc<Tree>)>),
}

#[derive(Clone, Debug)]
struct MapKey {
    text: String,
    place: Position,
    merges: bool,
}

/// The pairs of a map, with `<<` (merge keys) resolved.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: Vec<Pair>,
    index: HashMap<String, usize>,
    duplicates: Vec<(String, Position, Position)>,
}

#[derive(Debug)]
struct Pair {
    key: String,
    place: Position,
    tree: Rc<Tree>,
    merged: bool,
}

/// The lines of values that have been read, and notes about them.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// The line of each value, by JSON pointer.
    pub lines: BTreeMap<String, usize>,
    /// Messages for the user about merge keys that override an earlier key.
    pub notes: Vec<String>,
}

/// Parses the first document. `None`: the document is empty.
///
/// # Errors
/// [`YamlError`]
pub fn parse(text: &str) -> Result<Option<Rc<Tree>>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = TreeBuilder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        if builder.on_event(event, span)? {
            break;
        }
    }
    Ok(builder.root)
}

fn syntax(error: &ScanError) -> YamlError {
    let marker = error.marker();
    let place = Position { line: marker.line(), column: marker.col() + 1 };
    // The parser has its own limit for nested `[` and `{`, and reaches it first, because it reads ahead.
    if error.info().contains("recursion limit") {
        return YamlError::TooDeep { place };
    }
    YamlError::Syntax { detail: error.info().to_owned(), place }
}

/// Builds the tree: the open collections, and the values of anchors.
#[derive(Default)]
struct TreeBuilder {
    open: Vec<OpenContainer>,
    anchors: BTreeMap<usize, Rc<Tree>>,
    root: Option<Rc<Tree>>,
    values: usize,
}

struct OpenContainer {
    tree: Tree,
    anchor: usize,
    key: Option<MapKey>,
}

impl TreeBuilder {
    /// Handles an event of the parser. Returns true at the end of the first document.
    fn on_event(&mut self, event: Event<'_>, span: Span) -> Result<bool, YamlError> {
        let place = Position { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (is_tagged, plain) = scalar_tag(tag.as_deref(), style == ScalarStyle::Plain);
                let bytes = text.len();
                let kind = NodeKind::Scalar { text: text.into_owned(), plain };
                let tree = Rc::new(Tree { kind, place, is_tagged, values: 1, bytes, depth: 1 });
                self.remember(anchor, &tree);
                self.add(tree, place)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(NodeKind::List(Vec::new()), anchor, tag.as_deref(), place)?
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(NodeKind::Map(Vec::new()), anchor, tag.as_deref(), place)?
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let OpenContainer { tree, anchor, .. } =
                    self.open.pop().expect("a collection that ends has been opened");
                let (tree, place) = (Rc::new(tree), place);
                self.remember(anchor, &tree);
                self.add(tree, place)?;
            }
            Event::Alias(anchor) => {
                let Some(tree) = self.anchors.get(&anchor).cloned() else {
                    let detail = "an alias refers to the value that contains it".to_owned();
                    return Err(YamlError::Syntax { detail, place });
                };
                self.add(tree, place)?;
            }
            Event::DocumentEnd => return Ok(true),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
        Ok(false)
    }

    fn begin(
        &mut self,
        kind: NodeKind,
        anchor: usize,
        tag: Option<&Tag>,
        place: Position,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::TooDeep { place });
        }
        let tree = Tree { kind, place, is_tagged: is_foreign(tag), values: 1, bytes: 0, depth: 1 };
        self.open.push(OpenContainer { tree, anchor, key: None });
        Ok(())
    }

    fn remember(&mut self, anchor: usize, tree: &Rc<Tree>) {
        // 0 means no anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
    }

    fn add(&mut self, tree: Rc<Tree>, place: Position) -> Result<(), YamlError> {
        self.values += 1;
        if self.values > 2 * MAX_VALUES {
            return Err(YamlError::TooLarge);
        }
        let Some(OpenContainer { tree: parent, key, .. }) = self.open.last_mut() else {
            self.root = Some(tree);
            return Ok(());
        };
        let is_key = key.is_none() && matches!(parent.kind, NodeKind::Map(_));
        parent.values = parent.values.saturating_add(if is_key { 0 } else { tree.values });
        parent.bytes = parent.bytes.saturating_add(tree.bytes);
        parent.depth = parent.depth.max(tree.depth + 1);
        if parent.depth > MAX_DEPTH {
            return Err(YamlError::TooDeep { place });
        }
        match &mut parent.kind {
            NodeKind::List(items) => items.push(tree),
            NodeKind::Map(pairs) => match key.take() {
                Some(key) => pairs.push((key, tree)),
                None => *key = Some(as_key(&tree, place)?),
            },
            NodeKind::Scalar { .. } => unreachable!("a scalar is never open"),
        }
        Ok(())
    }
}

/// A key as Travis reads it: the text as written, without the colon of a Ruby symbol (`:key`).
fn as_key(tree: &Tree, place: Position) -> Result<MapKey, YamlError> {
    let NodeKind::Scalar { text, plain } = &tree.kind else {
        let detail = "a list or a map cannot be a key".to_owned();
        return Err(YamlError::Syntax { detail, place });
    };
    let name = text.strip_prefix(':').filter(|name| *plain && !name.is_empty()).unwrap_or(text);
    Ok(MapKey { text: name.to_owned(), place, merges: *plain && text == "<<" })
}

/// Whether a scalar has a foreign tag, and whether it is plain. Applies the tags of YAML's own types;
/// [`Tree::read`] rejects all other tags.
fn scalar_tag(tag: Option<&Tag>, plain: bool) -> (bool, bool) {
    match tag {
        None => (false, plain),
        Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
            "str" => (false, false),
            "int" | "float" | "bool" | "null" => (false, true),
            _ => (true, plain),
        },
        Some(tag) if ["!", "!!", "", "!str"].contains(&tag.to_string().as_str()) => (false, false),
        Some(_) => (true, plain),
    }
}

/// Whether a collection has a foreign tag. Accepts YAML's own types, and Travis's tags for merging imported
/// files, such as `!map+deep_merge`.
fn is_foreign(tag: Option<&Tag>) -> bool {
    let Some(tag) = tag else { return false };
    if tag.is_yaml_core_schema() {
        return !["map", "seq"].contains(&tag.suffix.as_str());
    }
    let text = tag.to_string();
    !["!map+", "!seq+"].iter().any(|known| text.starts_with(known)) && text != "!"
}

impl Tree {
    /// The position where it begins. For a map this is its first key, because an anchor may be some lines
    /// earlier. For an alias it is the value that the alias refers to.
    pub fn place(&self) -> Position {
        match &self.kind {
            NodeKind::Map(pairs) => pairs.first().map_or(self.place, |(key, _)| key.place),
            NodeKind::Scalar { .. } | NodeKind::List(_) => self.place,
        }
    }

    /// Its kind, for messages: `a list`.
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// Whether it is a single value.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar { .. })
    }

    /// The items of a list. `None`: it is not a list.
    pub fn items(&self) -> Option<&[Rc<Tree>]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            NodeKind::Scalar { .. } | NodeKind::Map(_) => None,
        }
    }

    /// The items of a list, or the value itself: Travis CI accepts a single value for a list of one.
    pub(crate) fn entries(self: &Rc<Self>) -> Vec<Rc<Tree>> {
        self.items().map_or_else(|| vec![self.clone()], <[_]>::to_vec)
    }

    /// The pairs of a map. `None`: it is not a map. A duplicate key is an error only when [`Pairs::get`] or
    /// [`Tree::read`] reads it.
    ///
    /// # Errors
    /// [`YamlError::Syntax`] if the value of `<<` is neither a map nor a list of maps, and
    /// [`YamlError::TooLarge`].
    pub(crate) fn pairs(&self, notes: &mut Vec<String>) -> Result<Option<Pairs>, YamlError> {
        let NodeKind::Map(written) = &self.kind else { return Ok(None) };
        self.bounded()?;
        let mut pairs = Pairs::default();
        for (key, tree) in written {
            if key.merges {
                pairs.merge(tree, key.place, notes)?;
            } else {
                let pair =
                    Pair { key: key.text.clone(), place: key.place, tree: tree.clone(), merged: false };
                pairs.put(pair, key.place, notes);
            }
        }
        Ok(Some(pairs))
    }

    /// The value as a request contains it. Stores the lines of its parts in `read`, under the JSON pointer
    /// `at`.
    ///
    /// # Errors
    /// [`YamlError`]
    pub fn read(&self, at: &str, read: &mut SourceMap) -> Result<Node, YamlError> {
        self.bounded()?;
        read.lines.entry(at.to_owned()).or_insert(self.place().line);
        self.node(at, read)
    }

    fn bounded(&self) -> Result<(), YamlError> {
        let fits = self.values <= MAX_VALUES && self.bytes <= MAX_REQUEST_BYTES;
        if fits { Ok(()) } else { Err(YamlError::TooLarge) }
    }

    fn node(&self, at: &str, read: &mut SourceMap) -> Result<Node, YamlError> {
        if self.is_tagged {
            return Err(YamlError::Tag { place: self.place });
        }
        match &self.kind {
            NodeKind::Scalar { text, plain: false } => Ok(Node::Text(text.clone())),
            // The payload of a verification is JSON, in which 0.5 is a number.
            NodeKind::Scalar { text, plain: true } => Ok(plain(text, at.starts_with("/verify/"))),
            NodeKind::List(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    read.lines.entry(at.clone()).or_insert(item.place().line);
                    nodes.push(item.node(&at, read)?);
                }
                Ok(Node::List(nodes))
            }
            NodeKind::Map(_) => {
                let pairs = self.pairs(&mut read.notes)?.expect("it is a map");
                if let Some((key, first, second)) = pairs.duplicates.into_iter().next() {
                    return Err(YamlError::DuplicateKey { key, first, second });
                }
                let mut nodes = Vec::with_capacity(pairs.pairs.len());
                for pair in pairs.pairs {
                    // Values under a longer key have the line of the map that contains the key.
                    let known = at.len() + pair.key.len() <= LONGEST_POINTER;
                    let below = if known { pointer(at, &pair.key) } else { at.to_owned() };
                    read.lines.entry(below.clone()).or_insert(pair.place.line);
                    nodes.push((pair.key, pair.tree.node(&below, read)?));
                }
                Ok(Node::Map(nodes.into_iter().collect::<Map>()))
            }
        }
    }
}

impl Pairs {
    /// The value of a key.
    ///
    /// # Errors
    /// [`YamlError::DuplicateKey`] for this key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&Rc<Tree>>, YamlError> {
        if let Some((key, first, second)) = self.duplicates.iter().find(|(duplicate, ..)| duplicate == key) {
            return Err(YamlError::DuplicateKey { key: key.clone(), first: *first, second: *second });
        }
        Ok(self.index.get(key).map(|index| &self.pairs[*index].tree))
    }

    /// The value of a key, and the line of the key. Of a duplicate key it is the last value, as on Travis CI.
    pub(crate) fn last(&self, key: &str) -> Option<(&Rc<Tree>, usize)> {
        self.index.get(key).map(|index| &self.pairs[*index]).map(|pair| (&pair.tree, pair.place.line))
    }

    /// Adds a pair. As in Psych, a later pair overrides an earlier one, even if it comes from a `<<` (at
    /// `place`).
    fn put(&mut self, pair: Pair, place: Position, notes: &mut Vec<String>) {
        let Some(known) = self.index.get(&pair.key).map(|index| &mut self.pairs[*index]) else {
            self.index.insert(pair.key.clone(), self.pairs.len());
            self.pairs.push(pair);
            return;
        };
        match (known.merged, pair.merged) {
            (false, false) => self.duplicates.push((pair.key.clone(), known.place, pair.place)),
            (false, true) => notes.push(format!(
                "line {}: `<<` comes after `{}` (line {}) and overrides it, as on Travis CI; put `<<` first",
                place.line, pair.key, known.place.line
            )),
            (true, _) => {}
        }
        *known = pair;
    }

    fn merge(&mut self, from: &Rc<Tree>, place: Position, notes: &mut Vec<String>) -> Result<(), YamlError> {
        let refused =
            || YamlError::Syntax { detail: "`<<` expects a map or a list of maps".to_owned(), place };
        let sources = match &from.kind {
            NodeKind::Map(_) => vec![from],
            // The first of several maps takes precedence.
            NodeKind::List(items) => items.iter().rev().collect(),
            NodeKind::Scalar { .. } => return Err(refused()),
        };
        let mut merged = Pairs::default();
        for source in sources {
            for pair in source.pairs(notes)?.ok_or_else(refused)?.pairs {
                merged.put(Pair { merged: true, ..pair }, place, notes);
            }
        }
        merged.pairs.into_iter().for_each(|pair| self.put(pair, place, notes));
        Ok(())
    }
}

/// The value of a scalar without quotes.
fn plain(text: &str, fractions: bool) -> Node {
    let kept = || Node::Text(text.to_owned());
    match text.to_ascii_lowercase().as_str() {
        "" | "~" | "null" => Node::Null,
        "yes" | "no" | "on" | "off" if text.bytes().all(|b| b.is_ascii_lowercase()) => kept(),
        "true" | "yes" | "on" => Node::Bool(true),
        "false" | "no" | "off" => Node::Bool(false),
        _ => match text.strip_prefix(':').filter(|name| !name.is_empty()) {
            // A Ruby symbol.
            Some(name) => Node::Text(unquoted(name).to_owned()),
            None => integer(text).or_else(|| fraction(text).filter(|_| fractions)).unwrap_or_else(kept),
        },
    }
}

fn unquoted(name: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(name)
}

/// An integer: `10`, `-1_000`, `017` (octal), `0x1f`, `0b11`. One that does not fit into 64 bits stays a
/// string.
fn integer(text: &str) -> Option<Node> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', rest @ ..] if !rest.is_empty() => (16, &digits[2..]),
        [b'0', b'b', rest @ ..] if !rest.is_empty() => (2, &digits[2..]),
        [b'0', rest @ ..] if !rest.is_empty() => (8, &digits[1..]),
        [b'_', ..] => return None,
        _ => (10, digits),
    };
    if !digits.bytes().all(|b| b == b'_' || char::from(b).is_digit(radix)) {
        return None;
    }
    let digits = digits.replace('_', "");
    // Psych reads `0_` as zero; `0x_` is not a number.
    let digits = if digits.is_empty() && radix == 8 { "0" } else { &digits };
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -number } else { number };
    let number = i64::try_from(number).map(Into::into).or_else(|_| u64::try_from(number).map(Into::into));
    number.ok().map(Node::Number)
}

/// A fraction: `1.5`, `.5`, `1.`, `1.5e+3`.
fn fraction(text: &str) -> Option<Node> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits.split_once('.')?;
    let (decimals, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(d, e)| (d, Some(e)));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let whole_fits =
        whole.is_empty() || (whole.as_bytes()[0].is_ascii_digit() && is_number(&whole.replace('_', "")));
    let exponent_fits =
        exponent.is_none_or(|e| e.strip_prefix(['-', '+']).is_some_and(|e| !e.is_empty() && is_number(e)));
    if !whole_fits || !is_number(decimals) || !exponent_fits || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    serde_json::Number::from_f64(text.replace('_', "").parse().ok()?).map(Node::Number)
}

#[cfg(test)]
mod tests;
