//! Builds the [`Tree`] of a document from the parser's events. Never interprets a value.

use std::collections::HashMap;
use std::rc::Rc;

use super::libyaml::{Event, Parser, Position, Properties, SyntaxError};
use super::{MAX_DEPTH, MapKey, NodeKind, Tree, YamlError, note, tags};
use crate::protocol::json::MAX_VALUES;

impl From<SyntaxError> for YamlError {
    fn from(SyntaxError { detail, place }: SyntaxError) -> Self {
        YamlError::Syntax { detail, place }
    }
}

/// Parses the first document. `None`: the document is empty. `notes` gets messages for the user.
pub fn parse(text: &str, notes: &mut Vec<String>) -> Result<Option<Rc<Tree>>, YamlError> {
    let mut parser = Parser::new(text);
    let mut builder = TreeBuilder::default();
    loop {
        let (event, place) = parser.read_event()?;
        if builder.on_event(event, place)? {
            break;
        }
    }
    // After the first document, only another one may begin. Travis CI ignores what follows. But if the first
    // line is indented by mistake, the document ends before the next line, and the rest has to be read.
    let (next, place) = parser.read_event()?;
    let has_content = |line: &str| {
        let line = line.trim_start_matches(['-', '.']).trim();
        !line.is_empty() && !line.starts_with('#')
    };
    // Not the end of the text.
    let is_other = matches!(next, Event::Other) && builder.root.is_some();
    if is_other && text.lines().skip(place.line - 1).any(has_content) {
        let only = "a second document begins here; only the first one is read, as on Travis CI";
        note(&mut builder.notes, place.line, only);
    }
    notes.append(&mut builder.notes);
    Ok(builder.root)
}

/// Builds the tree: the open collections, and the values of anchors.
#[derive(Default)]
struct TreeBuilder {
    open: Vec<OpenContainer>,
    anchors: HashMap<String, Rc<Tree>>,
    root: Option<Rc<Tree>>,
    values: usize,
    notes: Vec<String>,
}

struct OpenContainer {
    tree: Tree,
    anchor: Option<String>,
    key: Option<MapKey>,
}

impl TreeBuilder {
    /// Handles an event of the parser. Returns true at the end of the first document.
    fn on_event(&mut self, event: Event, place: Position) -> Result<bool, YamlError> {
        match event {
            Event::Scalar { text, plain, properties: Properties { anchor, tag } } => {
                // An encrypted value is not used, so its type does not matter.
                let key = self.open.last().and_then(|open| open.key.as_ref());
                let is_encrypted = key.is_some_and(|key| key.text == "secure");
                let (text, plain, is_foreign) = tags::apply(tag.as_deref(), text, plain);
                let is_tagged = is_foreign && !is_encrypted;
                let tree = Rc::new(Tree { is_tagged, ..Tree::scalar(text, plain, place) });
                self.remember(anchor, &tree);
                self.add(tree, place)?;
            }
            Event::ListStart(properties) => self.begin(NodeKind::List(Vec::new()), properties, place)?,
            Event::MapStart(properties) => self.begin(NodeKind::Map(Vec::new()), properties, place)?,
            Event::CollectionEnd => {
                let OpenContainer { tree, anchor, .. } =
                    self.open.pop().expect("a collection that ends has been opened");
                let tree = Rc::new(tree);
                self.remember(anchor, &tree);
                self.add(tree, place)?;
            }
            Event::Alias(anchor) => {
                let tree = self.anchors.get(&anchor).cloned().unwrap_or_else(|| {
                    // The name is not shown, because it may be a password that begins with an asterisk.
                    let text = "an alias without an anchor is null, as on Travis CI; define its anchor \
                                before it, or quote the value if it begins with `*`";
                    note(&mut self.notes, place.line, text);
                    Rc::new(Tree::scalar(String::new(), true, place))
                });
                self.add(tree, place)?;
            }
            Event::DocumentEnd => return Ok(true),
            Event::Other => {}
        }
        Ok(false)
    }

    fn begin(&mut self, kind: NodeKind, properties: Properties, place: Position) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::TooDeep { place });
        }
        let Properties { anchor, tag } = properties;
        if let Some(anchor) = &anchor {
            // Until the value is complete, its anchor refers to nothing.
            self.anchors.remove(anchor);
        }
        let is_tagged = tag.is_some_and(|tag| tags::is_foreign(&tag));
        let tree = Tree { kind, place, is_tagged, values: 1, bytes: 0, depth: 1 };
        self.open.push(OpenContainer { tree, anchor, key: None });
        Ok(())
    }

    fn remember(&mut self, anchor: Option<String>, tree: &Rc<Tree>) {
        if let Some(anchor) = anchor {
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
                None => *key = Some(as_key(&tree, place)),
            },
            NodeKind::Scalar { .. } => unreachable!("a scalar is never open"),
        }
        Ok(())
    }
}

/// A key as Travis reads it: the text as written, without the colon of a Ruby symbol (`:key`).
fn as_key(tree: &Tree, place: Position) -> MapKey {
    let NodeKind::Scalar { text, plain } = &tree.kind else {
        return MapKey { text: String::new(), place, merges: false, is_collection: true };
    };
    let name = text.strip_prefix(':').filter(|name| *plain && !name.is_empty()).unwrap_or(text);
    MapKey { text: name.to_owned(), place, merges: *plain && text == "<<", is_collection: false }
}
