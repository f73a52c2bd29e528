//! Converts the conditions of a stanza into the bash expressions that Travis CI generates, and evaluates
//! those that need no bash. Never starts bash. The rules are those of `deploy/script.rb` in travis-build,
//! applied to the output of the normalizer in travis-yml.

use std::collections::HashSet;

use super::ConditionError;
use crate::protocol::branches::is_branch_specific;
use crate::protocol::environment::Environment;
use crate::protocol::event::Condition;
use crate::protocol::json::{self, Map, Node};

/// The map of conditions and its position in the stanza.
#[derive(Default)]
pub(super) struct On {
    pub(super) map: Map,
    /// Key of the stanza: `on`, `if` or `true`.
    pub(super) key: &'static str,
    /// JSON pointer to the map, or to the branch that is written instead of a map.
    at: String,
    /// Whether a branch is written instead of a map.
    is_branch: bool,
    /// Number of entries if the stanza has a list instead of a map. Travis CI reads only the first entry.
    pub(super) entries: Option<usize>,
    /// The map under `on` if `if` takes precedence. Travis CI then treats `on` as an option, whose keys count
    /// as branches.
    overridden: Option<Map>,
}

impl On {
    /// JSON pointer to a key of the map.
    pub(super) fn pointer(&self, key: &str) -> String {
        if self.is_branch { self.at.clone() } else { json::pointer(&self.at, key) }
    }

    /// JSON pointer to `branch` if the map has it, otherwise to the map.
    pub(super) fn of_branch(&self) -> String {
        if self.map.get("branch").is_some() { self.pointer("branch") } else { self.at.clone() }
    }

    /// Reads the map of conditions from a value. A string is a branch, and a list its first entry.
    fn read(&mut self, node: &Node) -> Result<(), ConditionError> {
        match node {
            Node::Map(map) => self.map = map.clone(),
            Node::Text(_) => {
                self.map = Map::from_iter([("branch".to_owned(), node.clone())]);
                self.is_branch = true;
            }
            Node::List(items) => {
                // Of nested lists, the first one with another number of entries counts.
                if self.entries.is_none_or(|entries| entries == 1) {
                    self.entries = Some(items.len());
                }
                if let Some(first) = items.first() {
                    self.at.push_str("/0");
                    self.read(first)?;
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) => {
                return Err(bad_shape(&self.at, node, "a map of conditions, or a branch"));
            }
        }
        Ok(())
    }
}

/// A group of elements that are evaluated and reported together.
pub(super) struct ConditionGroup {
    pub(super) condition: Condition,
    pub(super) elements: Vec<Element>,
    /// Value that the stanza requires.
    pub(super) want: String,
    /// Value in the job. `None`: only bash can evaluate it.
    pub(super) got: Option<String>,
}

/// One pair of parentheses in the expression of Travis CI.
pub(super) struct Element {
    /// bash source, as Travis CI inserts it.
    pub(super) text: String,
    /// The verdict, if bash would take all words literally. `None`: bash must evaluate the element.
    pub(super) decided: Option<bool>,
    /// JSON pointer to the value in the stanza.
    pub(super) at: String,
}

impl ConditionGroup {
    /// The verdict on the group. `None`: an element needs bash.
    pub(super) fn decided(&self) -> Option<bool> {
        self.elements.iter().try_fold(true, |met, element| Some(met & element.decided?))
    }
}

/// Joins elements as Travis CI does: each in its own parentheses.
pub(super) fn joined<'a>(elements: impl IntoIterator<Item = &'a Element>) -> String {
    elements.into_iter().map(|element| format!("({})", element.text)).collect::<Vec<_>>().join(" && ")
}

/// Joins the negated elements of a group as Travis CI does to report why it skips: all elements must fail.
pub(super) fn negated(elements: &[Element]) -> String {
    elements.iter().map(|element| format!(" ! ({})", element.text)).collect::<Vec<_>>().join(" &&")
}

/// The keys for runtimes under `on`, in the order of Travis CI.
#[rustfmt::skip]
pub(super) const RUNTIMES: [&str; 20] = [
    "d", "dart", "elixir", "elm", "ghc", "go", "haxe", "jdk", "julia", "mono", "node", "otp_release", "perl",
    "php", "python", "r", "ruby", "rust", "scala", "smalltalk",
];

/// The other keys that Travis CI reads under `on`.
pub(super) const KEYS: [&str; 7] = ["repo", "branch", "all_branches", "tags", "condition", "rvm", "node_js"];

/// The map of conditions that takes precedence: `if`, else `true` (which overwrites `on`), else `on`, else an
/// empty map.
pub(super) fn on(stanza: &Map) -> Result<On, ConditionError> {
    let on_key = if stanza.get("true").is_some() { "true" } else { "on" };
    let on_node = stanza.get(on_key).filter(|node| node.is_truthy());
    let (key, node) = match stanza.get("if").filter(|node| node.is_truthy()) {
        Some(node) => ("if", Some(node)),
        None => (on_key, on_node),
    };
    let mut on = On { key, at: format!("/{key}"), ..On::default() };
    if key == "if" {
        let mut overridden = On::default();
        on.overridden = on_node.and_then(|node| overridden.read(node).ok()).map(|()| overridden.map);
    }
    if let Some(node) = node {
        on.read(node)?;
    }
    if let Some(at) = on.map.iter().flat_map(|(key, node)| node.encrypted(&on.pointer(key))).next() {
        return Err(ConditionError::NotDecrypted { at });
    }
    Ok(on)
}

/// The groups that apply, in the order in which Travis CI evaluates and reports them.
pub(super) fn groups(
    on: &On,
    stanza: &Map,
    env: &Environment,
) -> Result<Vec<ConditionGroup>, ConditionError> {
    let groups = [repo(on, env)?, branch(on, stanza, env)?, runtime(on, env), condition(on)?, tags(on, env)];
    Ok(groups.into_iter().flatten().collect())
}

/// `$TRAVIS_REPO_SLUG = "…"`. The value is in double quotes, so it is not a pattern, but bash expands `$X` in
/// it.
fn repo(on: &On, env: &Environment) -> Result<Option<ConditionGroup>, ConditionError> {
    let Some(node) = on.map.get("repo").map(first).filter(|node| node.is_truthy()) else {
        return Ok(None);
    };
    let at = on.pointer("repo");
    let want = node.scalar().ok_or_else(|| bad_shape(&at, node, "a repository, as owner/name"))?;
    let slug = env.expand("TRAVIS_REPO_SLUG");
    let decided = (want.is_empty() || is_plain(&want)).then(|| slug == want);
    let elements = vec![Element { text: format!("$TRAVIS_REPO_SLUG = \"{want}\""), decided, at }];
    let got = Some(slug.into_owned());
    Ok(Some(ConditionGroup { condition: Condition::Repo, elements, want, got }))
}

/// `$TRAVIS_BRANCH = a || $TRAVIS_BRANCH = b`. The values are not quoted, so they are patterns. `None` with
/// `all_branches`, or with `tags` that is true in Ruby.
fn branch(on: &On, stanza: &Map, env: &Environment) -> Result<Option<ConditionGroup>, ConditionError> {
    let holds = |key| on.map.get(key).is_some_and(|node| node.as_flag().unwrap_or(node.is_truthy()));
    if holds("all_branches") || holds("tags") {
        return Ok(None);
    }
    let at = on.of_branch();
    let branches = match on.map.get("branch") {
        Some(node) => {
            named_branches(node).ok_or_else(|| bad_shape(&at, node, "a branch, or a list of branches"))?
        }
        None => default_branches(on, stanza),
    };
    let current = env.expand("TRAVIS_BRANCH");
    let tests: Vec<String> = branches.iter().map(|branch| format!("$TRAVIS_BRANCH = {branch}")).collect();
    let plain = !branches.is_empty() && branches.iter().all(|branch| is_plain(branch));
    let decided = plain.then(|| branches.iter().any(|branch| *branch == current));
    let elements = vec![Element { text: tests.join(" || "), decided, at }];
    let (want, got) = (branches.join(", "), Some(current.into_owned()));
    Ok(Some(ConditionGroup { condition: Condition::Branch, elements, want, got }))
}

/// The branches in the value of `on.branch`. For a map, these are its keys. `None`: the value has another
/// type.
fn named_branches(node: &Node) -> Option<Vec<String>> {
    match node {
        Node::Map(map) => Some(map.iter().map(|(key, _)| key.to_owned()).collect()),
        Node::List(items) => {
            let branches: Option<Vec<Vec<String>>> =
                items.iter().filter(|item| **item != Node::Null).map(named_branches).collect();
            branches.map(|branches| branches.concat())
        }
        scalar => scalar.scalar().map(|branch| vec![branch]),
    }
}

/// The keys of all branch-specific options, in order and without duplicates. If there are none: `master`.
pub(super) fn default_branches(on: &On, stanza: &Map) -> Vec<String> {
    let overridden = on.overridden.iter().flat_map(Map::iter).map(|(key, _)| key);
    let options =
        stanza.iter().filter(|(key, value)| *key != "allow_failure" && is_branch_specific(key, value));
    let maps = options.filter_map(|(_, value)| value.as_map());
    let keys = maps.flat_map(Map::iter).map(|(key, _)| key).chain(overridden);
    let mut seen = HashSet::new();
    let branches: Vec<String> = keys.filter(|key| seen.insert(*key)).map(str::to_owned).collect();
    if branches.is_empty() { vec!["master".to_owned()] } else { branches }
}

/// `$TRAVIS_NODE_VERSION = 9`. Travis CI quotes the value, so the comparison is literal and needs no bash.
/// The other name of a key counts if the key is absent or false.
fn runtime(on: &On, env: &Environment) -> Option<ConditionGroup> {
    let (mut elements, mut want, mut got) = (Vec::new(), Vec::new(), Vec::new());
    for name in RUNTIMES {
        let other = match name {
            "ruby" => "rvm",
            "node" => "node_js",
            _ => name,
        };
        let given = |key| on.map.get(key).map(|node| (key, node));
        let first_choice = given(name).filter(|(_, node)| node.is_truthy());
        let Some((key, node)) = first_choice.or_else(|| given(other)).or_else(|| given(name)) else {
            continue;
        };
        let version = first(node).scalar().unwrap_or_else(|| node.shown());
        let variable = format!("TRAVIS_{}_VERSION", name.to_uppercase());
        let actual = env.expand(&variable);
        want.push(format!("{name} {version}"));
        got.push(format!("{name} {actual}").trim_end().to_owned());
        elements.push(Element {
            text: format!("${variable} = '{}'", version.replace('\'', r"'\''")),
            decided: Some(actual == version),
            at: on.pointer(key),
        });
    }
    let (want, got) = (want.join(", "), Some(got.join(", ")));
    let is_given = !elements.is_empty();
    is_given.then_some(ConditionGroup { condition: Condition::Runtime, elements, want, got })
}

/// The conditions, which are bash source and not changed.
fn condition(on: &On) -> Result<Option<ConditionGroup>, ConditionError> {
    let mut elements = Vec::new();
    if let Some(node) = on.map.get("condition") {
        flatten(node, &on.pointer("condition"), &mut elements)?;
    }
    let want = elements.iter().map(|element| element.text.as_str()).collect::<Vec<_>>().join(" && ");
    let group = ConditionGroup { condition: Condition::Condition, elements, want, got: None };
    Ok((!group.elements.is_empty()).then_some(group))
}

fn flatten(node: &Node, at: &str, elements: &mut Vec<Element>) -> Result<(), ConditionError> {
    match node {
        Node::Null => Ok(()),
        Node::List(_) => node.entries(at).iter().try_for_each(|(at, item)| flatten(item, at, elements)),
        Node::Map(_) => Err(bad_shape(at, node, "a bash expression for [[ ]], or a list of them")),
        Node::Text(text) if text.contains('\0') => Err(ConditionError::BadCondition {
            at: at.to_owned(),
            text: text.replace('\0', "\u{fffd}"),
            error_text: "a condition cannot contain a NUL character".to_owned(),
        }),
        Node::Bool(_) | Node::Number(_) | Node::Text(_) => {
            let text = node.scalar().expect("a scalar");
            elements.push(Element { text, decided: None, at: at.to_owned() });
            Ok(())
        }
    }
}

/// `tags: true` requires a tag, `tags: false` requires that there is none. Any other string checks nothing,
/// as on Travis CI.
fn tags(on: &On, env: &Environment) -> Option<ConditionGroup> {
    let wanted = on.map.get("tags")?.as_flag()?;
    let tag = env.expand("TRAVIS_TAG");
    let (operator, want) = if wanted { ("!=", "a tag") } else { ("=", "no tag") };
    let (text, decided) = (format!("\"$TRAVIS_TAG\" {operator} \"\""), Some(wanted != tag.is_empty()));
    let elements = vec![Element { text, decided, at: on.pointer("tags") }];
    let got = Some(if tag.is_empty() { "no tag".to_owned() } else { tag.into_owned() });
    Some(ConditionGroup { condition: Condition::Tags, elements, want: want.to_owned(), got })
}

fn bad_shape(at: &str, node: &Node, right: &'static str) -> ConditionError {
    ConditionError::BadShape { at: at.to_owned(), kind: node.kind(), right }
}

/// The first entry of a list, as travis-yml reads a list in the place of a single value; any other node is
/// unchanged.
fn first(node: &Node) -> &Node {
    match node {
        Node::List(items) => items.first().unwrap_or(node),
        node => node,
    }
}

/// Whether bash takes the word literally on the right side of `=`, and as a single word.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || b"._/-".contains(&c))
}
