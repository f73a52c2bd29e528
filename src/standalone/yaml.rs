//! Parses YAML into a [`Tree`] of values with their line numbers, and interprets scalars as Travis CI does.
//! Never interprets a key, and never holds more values or bytes than a request may.
//!
//! Source: travis-yml's own loader (`support/yaml.rb`) on Ruby's Psych. Keys are strings as written, so that
//! `on` stays `on`. Fractions and lower-case `yes no on off` also stay strings: `1.10` must not become `1.1`,
//! and the reader of a boolean option accepts those words anyway. Values that Psych would convert against the
//! author's intention stay strings, too: `12:30` (45000 in Psych), `80,443` (80443), and dates.
//!
//! `yaml/writer.rs` writes values in the other direction.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

pub use self::builder::parse;
pub(crate) use self::libyaml::Position;
use crate::protocol::json::{MAX_REQUEST_BYTES, MAX_VALUES, Map, Node, pointer};
use crate::protocol::messages::size;

mod builder;
mod libyaml;
mod scalar;
mod tags;
pub(crate) mod writer;

/// Maximum nesting of the file. The request that is made from it may be nested 128 deep.
const MAX_DEPTH: usize = 100;

/// Maximum length in bytes of a JSON pointer whose line is stored.
const LONGEST_POINTER: usize = 500;

/// Maximum number of messages about one file.
const MAX_NOTES: usize = 50;

/// Why a text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// of the error, because it may be part of a password that begins with an exclamation mark.
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
    /// The file has more values or bytes than a request may have, counting what aliases refer to, or its jobs
    /// have more variables together.
    #[error("{}", too_large())]
    TooLarge,
}

/// The text about a file with too many values or bytes.
pub(super) fn too_large() -> String {
    format!(
        "the file contains more than {MAX_VALUES} values or {}, counting the values that aliases refer to, and \
         the variables of each job",
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
    is_collection: bool,
}

/// The pairs of a map, with `<<` (merge keys) resolved.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: Vec<Pair>,
    index: HashMap<String, usize>,
    /// What a stanza must not contain, such as duplicate keys.
    faults: Vec<YamlError>,
}

#[derive(Debug)]
struct Pair {
    key: String,
    place: Position,
    tree: Rc<Tree>,
    merged: bool,
}

/// The lines of values that have been read, and notes about them. By default for values outside of a stanza,
/// which are read as on Travis CI: of a duplicate key the later one counts, and a foreign tag is ignored.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// The line of each value, by JSON pointer.
    pub lines: BTreeMap<String, usize>,
    /// Messages for the user, such as those about merge keys that override an earlier key.
    pub notes: Vec<String>,
    is_strict: bool,
}

impl SourceMap {
    /// For a stanza, in which a duplicate key, and a value with a foreign tag, are errors.
    pub(crate) fn of_stanza() -> Self {
        SourceMap { is_strict: true, ..SourceMap::default() }
    }
}

/// Adds a message for the user, unless there are many.
pub(super) fn note(notes: &mut Vec<String>, line: usize, text: &str) {
    if notes.len() < MAX_NOTES {
        notes.push(format!("line {line}: {text}"));
    }
}

impl Tree {
    fn scalar(text: String, plain: bool, place: Position) -> Self {
        let bytes = text.len();
        let kind = NodeKind::Scalar { text, plain };
        Tree { kind, place, is_tagged: false, values: 1, bytes, depth: 1 }
    }

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

    /// The pairs of a map outside of a stanza. `None`: it is not a map. Of a duplicate key the later one
    /// counts, and a key that is a list or a map is ignored.
    ///
    /// # Errors
    /// [`YamlError::TooLarge`]
    pub(crate) fn pairs(&self, notes: &mut Vec<String>) -> Result<Option<Pairs>, YamlError> {
        let mut pairs = self.stanza_pairs(notes)?;
        for fault in pairs.iter_mut().flat_map(|pairs| pairs.faults.drain(..)) {
            if let YamlError::DuplicateKey { key, first, second } = fault {
                let text = format!(
                    "duplicate key `{key}` (first defined on line {}); only the later one counts, as on \
                     Travis CI",
                    first.line
                );
                note(notes, second.line, &text);
            }
        }
        Ok(pairs)
    }

    /// The pairs of a stanza. `None`: it is not a map. A duplicate key is an error only when [`Pairs::get`]
    /// or [`Tree::read`] reads it.
    ///
    /// # Errors
    /// [`YamlError::TooLarge`]
    pub(crate) fn stanza_pairs(&self, notes: &mut Vec<String>) -> Result<Option<Pairs>, YamlError> {
        let NodeKind::Map(written) = &self.kind else { return Ok(None) };
        self.bounded()?;
        let mut pairs = Pairs::default();
        for (key, tree) in written {
            if key.merges && pairs.merge(tree, key.place, notes)? {
                continue;
            }
            let misuse = match key {
                MapKey { is_collection: true, .. } => Some("a list or a map cannot be a key"),
                MapKey { merges: true, .. } => Some("`<<` expects a map or a list of maps"),
                MapKey { .. } => None,
            };
            if let Some(detail) = misuse {
                pairs.faults.push(YamlError::Syntax { detail: detail.to_owned(), place: key.place });
            }
            if !key.is_collection {
                let pair =
                    Pair { key: key.text.clone(), place: key.place, tree: tree.clone(), merged: false };
                pairs.put(pair, key.place, notes);
            }
        }
        Ok(Some(pairs))
    }

    /// The value as a request contains it. Stores the lines of its parts in `read`, under the JSON pointer
    /// `at`.
    pub fn read(&self, at: &str, read: &mut SourceMap) -> Result<Node, YamlError> {
        self.bounded()?;
        read.lines.entry(at.to_owned()).or_insert(self.place().line);
        self.node(at, read)
    }

    /// Whether it is null because nothing is written.
    fn is_empty(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, plain: true } if text.is_empty())
    }

    /// Checks that a request may have so many values and bytes.
    ///
    /// # Errors
    /// [`YamlError::TooLarge`]
    pub(crate) fn bounded(&self) -> Result<(), YamlError> {
        let fits = self.values <= MAX_VALUES && self.bytes <= MAX_REQUEST_BYTES;
        if fits { Ok(()) } else { Err(YamlError::TooLarge) }
    }

    fn node(&self, at: &str, read: &mut SourceMap) -> Result<Node, YamlError> {
        // `!$VAR` is a tag and no value, so Travis CI reads it as null.
        if self.is_tagged && read.is_strict && !self.is_empty() {
            return Err(YamlError::Tag { place: self.place });
        }
        if self.is_tagged {
            let text = "a YAML tag is ignored, as on Travis CI; quote the value if it begins with `!`";
            note(&mut read.notes, self.place.line, text);
        }
        match &self.kind {
            NodeKind::Scalar { text, plain: false } => Ok(Node::Text(text.clone())),
            // The payload of a verification is JSON, in which 0.5 is a number.
            NodeKind::Scalar { text, plain: true } => {
                let node = scalar::plain(text, at.starts_with("/verify/"));
                if read.is_strict && is_surprising(at, text, &node) {
                    let note_text = "a value without quotes is not read as it is written, as on Travis CI: `NO` \
                                     is false, and `012` is 10; quote it if it is a text";
                    note(&mut read.notes, self.place.line, note_text);
                }
                Ok(node)
            }
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
                let resolve = if read.is_strict { Tree::stanza_pairs } else { Tree::pairs };
                let pairs = resolve(self, &mut read.notes)?.expect("it is a map");
                if let Some(fault) = pairs.faults.into_iter().next() {
                    return Err(fault);
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

/// Whether a value is read as another text than the one that is written: a variable or a tag, which is a text
/// for its author, or a number with another base than 10.
fn is_surprising(at: &str, text: &str, node: &Node) -> bool {
    let is_text = ["/environment", "/function_tags"].iter().any(|key| at.starts_with(key));
    let has_base = text.trim_start_matches(['-', '+']).starts_with('0') && !text.contains('.');
    (is_text || has_base) && node.scalar().is_some_and(|read| read != text)
}

impl Pairs {
    /// The value of a key.
    ///
    /// # Errors
    /// [`YamlError::DuplicateKey`] for this key, in [`Tree::stanza_pairs`].
    pub(crate) fn get(&self, key: &str) -> Result<Option<&Rc<Tree>>, YamlError> {
        let is_this =
            |fault: &&YamlError| matches!(fault, YamlError::DuplicateKey { key: name, .. } if name == key);
        match self.faults.iter().find(is_this) {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.index.get(key).map(|index| &self.pairs[*index].tree)),
        }
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
            (false, false) => {
                let key = pair.key.clone();
                self.faults.push(YamlError::DuplicateKey { key, first: known.place, second: pair.place });
            }
            (false, true) => {
                let (key, line) = (&pair.key, known.place.line);
                let text = format!(
                    "`<<` comes after `{key}` (line {line}) and overrides it, as on Travis CI; put `<<` first"
                );
                note(notes, place.line, &text);
            }
            (true, _) => {}
        }
        *known = pair;
    }

    /// Adds what `<<` (at `place`) merges. Returns false if that is neither a map nor a list of maps. Null,
    /// as which an unknown alias counts, merges nothing.
    fn merge(
        &mut self,
        from: &Rc<Tree>,
        place: Position,
        notes: &mut Vec<String>,
    ) -> Result<bool, YamlError> {
        let sources = match &from.kind {
            NodeKind::Map(_) => vec![from],
            // The first of several maps takes precedence.
            NodeKind::List(items) => items.iter().rev().collect(),
            NodeKind::Scalar { .. } => return Ok(from.is_empty()),
        };
        let mut merged = Pairs::default();
        for source in sources {
            let Some(source) = source.pairs(notes)? else { return Ok(false) };
            for pair in source.pairs {
                merged.put(Pair { merged: true, ..pair }, place, notes);
            }
        }
        merged.pairs.into_iter().for_each(|pair| self.put(pair, place, notes));
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
