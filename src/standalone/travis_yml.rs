//! Finds the lambda stanzas of a `.travis.yml`, with their line numbers and the jobs that deploy them.
//! Never validates an option: the stanza goes to the child run as any CI runner would send it.

mod jobs;

use std::collections::{BTreeMap, HashSet};
use std::iter;
use std::rc::Rc;

use super::variables::Assignment;
use super::yaml::{self, Position, SourceMap, Tree, YamlError};
use crate::protocol::json::{self, Map, Node, WireError};
use crate::protocol::messages::dotted;
use crate::protocol::other_document::{self, OtherDocument};
use crate::protocol::request::KEYS_OF_REQUEST;
use crate::protocol::text::is_number;
use jobs::Jobs;
pub(crate) use jobs::{JobCondition, JobTest, TravisJob};

/// A stanza of a file, with its location.
#[derive(Debug, Default)]
pub(crate) struct LocatedStanza {
    /// The keys and values under `deploy`.
    pub stanza: Map,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The line of each value, by JSON pointer.
    pub lines: BTreeMap<String, usize>,
    /// True if it consists of the settings of a plugin, which have no lines.
    pub has_settings: bool,
    /// The jobs that deploy it. Empty: it is not from a `.travis.yml`.
    pub jobs: Vec<TravisJob>,
    /// Variables that the file sets for the job, or for each of several jobs.
    pub variables: Vec<Assignment>,
    /// Messages for the user, such as `line 4: an encrypted variable is ignored; …`.
    pub notes: Vec<String>,
    /// Other providers that its job would also deploy to, each with the line of its stanza.
    pub other_providers: Vec<(String, usize)>,
}

/// Why a file yields no stanza.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum StanzaError {
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("{}", without_position(.0))]
    Json(#[from] WireError),
    /// The file is not a map, but `a list`, `empty`, …
    #[error("the file is {kind}; expected a map")]
    NotAMap { kind: &'static str },
    /// The file is a list, and an item of it is not a map. `number` counts from 1.
    #[error("stanza {number} is {kind}; expected a map")]
    NotAStanza { number: usize, kind: &'static str },
    #[error("the file is {document}; expected {expected}")]
    OtherDocument { document: OtherDocument, expected: &'static str },
    /// The file has no lambda stanza, only some of these other providers.
    #[error("the file has no `deploy` with `provider: lambda`{}", only_these(.providers))]
    None { providers: Vec<String> },
    /// `--only` does not select exactly one stanza.
    #[error("{} `{only}`; {}", matching(*.several), .there.join(", "))]
    Ambiguous {
        only: String,
        /// The stanzas of the file: `1 is hello (line 4)`.
        there: Vec<String>,
        /// True if several stanzas match, false if none does.
        several: bool,
    },
}

fn without_position(error: &WireError) -> String {
    match error {
        WireError::Syntax { detail, .. } => format!("invalid JSON: {detail}"),
        WireError::TooManyValues => yaml::too_large(),
        WireError::DuplicateKey { key, .. } => format!("duplicate key `{key}`"),
    }
}

fn only_these(providers: &[String]) -> String {
    if providers.is_empty() { String::new() } else { format!(", only {}", providers.join(", ")) }
}

fn matching(several: bool) -> &'static str {
    if several { "several stanzas match" } else { "no stanza matches" }
}

impl StanzaError {
    /// Where in the file the error is. `None`: it concerns the whole file.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            StanzaError::Yaml(
                YamlError::Syntax { place, .. }
                | YamlError::DuplicateKey { second: place, .. }
                | YamlError::Tag { place }
                | YamlError::TooDeep { place },
            ) => Some(*place),
            StanzaError::Json(
                WireError::Syntax { line, column, .. } | WireError::DuplicateKey { line, column, .. },
            ) => Some(Position { line: *line, column: *column }),
            StanzaError::Yaml(YamlError::TooLarge)
            | StanzaError::Json(WireError::TooManyValues)
            | StanzaError::NotAMap { .. }
            | StanzaError::NotAStanza { .. }
            | StanzaError::OtherDocument { .. }
            | StanzaError::None { .. }
            | StanzaError::Ambiguous { .. } => None,
        }
    }
}

/// The lambda stanzas of a `.travis.yml`, in the order of the file: `deploy`, then those of `jobs.include`
/// and `matrix.include`. A stanza that several jobs share by an alias counts once.
pub(crate) fn stanzas(text: &str) -> Result<Vec<LocatedStanza>, StanzaError> {
    let mut notes = Vec::new();
    let root = yaml::parse(text, &mut notes)?;
    let Some(file) = root.as_ref().map(|root| root.pairs(&mut notes)).transpose()?.flatten() else {
        return Err(StanzaError::NotAMap { kind: root.map_or("empty", |root| root.kind()) });
    };
    let mut found = FoundStanzas::default();
    let jobs = Jobs::read(&file, &mut notes)?;
    if let Some(deploy) = file.get("deploy")? {
        found.add(deploy, &jobs.shared)?;
    }
    for (deploy, job) in &jobs.own {
        found.add(deploy, std::slice::from_ref(job))?;
    }
    let FoundStanzas { mut stanzas, providers, .. } = found;
    if stanzas.is_empty() {
        let other = root.as_ref().filter(|_| providers.is_empty()).and_then(|root| other_file(root));
        return Err(other.unwrap_or(StanzaError::None { providers }));
    }
    for located in &mut stanzas {
        // Of each, because `--only` may select any of them. No note is shown twice.
        located.notes.splice(0..0, notes.iter().cloned());
        located.variables = common_variables(&located.jobs);
        located.remove_runner_keys();
    }
    Ok(stanzas)
}

/// The error about a file that is no `.travis.yml`, but of another tool. `None`: it may be one.
fn other_file(root: &Tree) -> Option<StanzaError> {
    let file = root.read("", &mut SourceMap::default()).ok()?;
    match OtherDocument::of(file.as_map()?)? {
        OtherDocument::TravisYml | OtherDocument::Wrapped(_) => None,
        document @ (OtherDocument::Template
        | OtherDocument::Serverless
        | OtherDocument::AwsFunction
        | OtherDocument::Workflow
        | OtherDocument::GitLabCi
        | OtherDocument::PackageJson) => {
            Some(StanzaError::OtherDocument { document, expected: "a `.travis.yml`" })
        }
    }
}

/// The error about a file with `document` in the place of a stanza.
fn no_stanza(document: OtherDocument) -> StanzaError {
    StanzaError::OtherDocument { document, expected: "a stanza" }
}

/// The stanzas of a file that contains nothing else, as JSON or YAML: one stanza, or a list of them.
pub(crate) fn bare_stanzas(text: &str, is_json: bool) -> Result<Vec<LocatedStanza>, StanzaError> {
    let is_json = is_json && !text.trim().is_empty();
    let may_be_json = is_json || text.trim_start().starts_with(['{', '[']);
    let json = match may_be_json.then(|| json::parse(text.as_bytes())) {
        Some(Ok(node)) => Some(node),
        Some(Err(error)) if is_json => return Err(StanzaError::Json(error)),
        Some(Err(_)) | None => None,
    };
    let mut notes = Vec::new();
    // The YAML reader knows the lines, and JSON is nearly a subset of YAML. If it cannot read the file, line
    // numbers are missing.
    let tree = match (yaml::parse(text, &mut notes), &json) {
        (Ok(tree), _) => tree,
        (Err(_), Some(_)) => None,
        (Err(error), None) => return Err(error.into()),
    };
    if let (Some(tree), None) = (&tree, &json) {
        tree.bounded()?;
    }
    let is_list = tree.as_ref().map_or(matches!(json, Some(Node::List(_))), |tree| tree.items().is_some());
    let trees = tree.as_ref().map(Tree::entries).unwrap_or_default();
    let nodes = match json {
        Some(Node::List(nodes)) => nodes.into_iter().map(Some).collect(),
        Some(node) => vec![Some(node)],
        None if is_list => vec![None; trees.len()],
        None => vec![None],
    };
    if nodes.is_empty() {
        return Err(StanzaError::NotAMap { kind: "an empty list" });
    }
    let stanzas = nodes.into_iter().enumerate().map(|(index, node)| {
        bare_stanza(node, trees.get(index), notes.clone(), is_list.then_some(index + 1))
    });
    stanzas.collect()
}

/// A stanza of a file that contains nothing else, from JSON, or else from YAML. `number`: its place in a
/// list.
fn bare_stanza(
    json: Option<Node>,
    tree: Option<&Rc<Tree>>,
    notes: Vec<String>,
    number: Option<usize>,
) -> Result<LocatedStanza, StanzaError> {
    let mut read = SourceMap::of_stanza();
    read.notes = notes;
    let yaml = tree.map(|tree| (tree, tree.read("", &mut read)));
    let (line, node) = match (json, yaml) {
        (Some(node), Some((tree, Ok(_)))) | (None, Some((tree, Ok(node)))) => (tree.place().line, node),
        (Some(node), Some((_, Err(_))) | None) => (1, node),
        // Such as a tag of CloudFormation, or a key that is there twice outside of the stanza.
        (None, Some((tree, Err(error)))) => return Err(recognize(tree).unwrap_or_else(|| error.into())),
        (None, None) => return Err(StanzaError::NotAMap { kind: "empty" }),
    };
    let Node::Map(stanza) = node else {
        let kind = node.kind();
        return Err(match number {
            Some(number) => StanzaError::NotAStanza { number, kind },
            None => StanzaError::NotAMap { kind },
        });
    };
    if let Some(document) = OtherDocument::of(&stanza) {
        return Err(no_stanza(document));
    }
    let mut located =
        LocatedStanza { stanza, line, lines: read.lines, notes: read.notes, ..LocatedStanza::default() };
    located.remove_runner_keys();
    Ok(located)
}

/// The document that a file is that cannot be read as a stanza. `None`: it may be meant as one.
fn recognize(tree: &Tree) -> Option<StanzaError> {
    let pairs = tree.pairs(&mut Vec::new()).ok().flatten()?;
    let known = other_document::KEYS.into_iter().filter_map(|key| {
        let (value, _) = pairs.last(key)?;
        // Of a value that cannot be read, only its presence counts.
        let node = value.read("", &mut SourceMap::default()).unwrap_or_else(|_| Node::Map(Map::default()));
        Some((key.to_owned(), node))
    });
    OtherDocument::of(&known.collect()).map(no_stanza)
}

/// The stanza that `only` selects: a number counts from 1, any other text is a function name.
///
/// # Errors
/// [`StanzaError::Ambiguous`] if no stanza or several stanzas match.
pub(crate) fn choose(stanzas: Vec<LocatedStanza>, only: &str) -> Result<Vec<LocatedStanza>, StanzaError> {
    let number = only.parse::<usize>().ok().filter(|_| is_number(only));
    let number = number.and_then(|number| number.checked_sub(1));
    let is_meant = |(index, located): &(usize, LocatedStanza)| match number {
        Some(number) => number == *index,
        None => located.names().iter().any(|name| name == only),
    };
    let there = numbered(&stanzas);
    let chosen = stanzas.into_iter().enumerate().filter(is_meant).map(|(_, located)| located);
    let chosen: Vec<LocatedStanza> = chosen.collect();
    match chosen.len() {
        1 => Ok(chosen),
        count => Err(StanzaError::Ambiguous { only: only.to_owned(), there, several: count > 1 }),
    }
}

/// The stanzas with their numbers: `1 is hello (line 4)`.
pub(super) fn numbered(stanzas: &[LocatedStanza]) -> Vec<String> {
    let titles = stanzas.iter().map(LocatedStanza::title).enumerate();
    titles.map(|(index, title)| format!("{} is {title}", index + 1)).collect()
}

impl LocatedStanza {
    /// The function name as written in the file, or several names if it depends on the branch.
    fn names(&self) -> Vec<String> {
        match self.stanza.get("function_name") {
            Some(Node::Map(map)) => map.iter().filter_map(|(_, name)| name.scalar()).collect(),
            Some(name) => name.scalar().into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The release, as written in the file.
    pub(super) fn release(&self) -> Option<String> {
        self.stanza.get("release").and_then(Node::scalar)
    }

    /// The function name and the line: `hello (line 4)`. Settings have no line.
    pub(crate) fn title(&self) -> String {
        let names = self.names();
        let name =
            if names.is_empty() { "a stanza without `function_name`".to_owned() } else { names.join(" or ") };
        if self.has_settings { name } else { format!("{name} (line {})", self.line) }
    }

    /// The line of the value at a JSON pointer, or of the nearest enclosing value whose line is known.
    pub(crate) fn line_of(&self, at: &str) -> usize {
        let mut enclosing = iter::successors(Some(at), |at| Some(at.rsplit_once('/')?.0));
        enclosing.find_map(|at| self.lines.get(at)).copied().unwrap_or(self.line)
    }

    /// The place of the value at a JSON pointer: its line in the file, such as `.travis.yml:14`, or its
    /// setting, such as `settings.timeout`.
    pub(crate) fn place(&self, file: &str, at: &str) -> String {
        match (self.has_settings, at.is_empty()) {
            (false, _) => format!("{file}:{}", self.line_of(at)),
            (true, true) => file.to_owned(),
            (true, false) => format!("{file}.{}", dotted(at)),
        }
    }

    fn add_jobs(&mut self, jobs: &[TravisJob]) {
        self.notes.extend(jobs.iter().flat_map(|job| job.notes.iter().cloned()));
        self.jobs.extend_from_slice(jobs);
    }

    /// Removes keys that only a CI runner may write: `env` in a stanza would replace the job's environment,
    /// and `stanzas` would replace the stanza. Also removes duplicate notes.
    fn remove_runner_keys(&mut self) {
        for key in KEYS_OF_REQUEST {
            if self.stanza.remove(key).is_some() {
                let line = self.line_of(&json::pointer("", key));
                let meant =
                    if key == "env" { "; use `environment` for the function's variables" } else { "" };
                self.notes.push(format!("line {line}: `{key}` is not an option and is ignored{meant}"));
            }
        }
        let mut seen = HashSet::new();
        self.notes.retain(|note| seen.insert(note.clone()));
    }
}

/// The variables that all jobs set to the same values.
pub(super) fn common_variables<'a>(jobs: impl IntoIterator<Item = &'a TravisJob>) -> Vec<Assignment> {
    let mut jobs = jobs.into_iter();
    let Some(first) = jobs.next() else { return Vec::new() };
    let (mut common, assignments) = (first.variables.clone(), first.assignments());
    for job in jobs {
        let others = job.assignments();
        let is_same = |name: &&str| assignments.get(*name) == others.get(*name);
        let same: HashSet<&str> = assignments.keys().copied().filter(is_same).collect();
        common.retain(|variable| same.contains(variable.name.as_str()));
    }
    common
}

#[derive(Default)]
struct FoundStanzas {
    stanzas: Vec<LocatedStanza>,
    providers: Vec<String>,
    /// Each entry of a `deploy`, and the index of its stanza if it is one for lambda.
    seen: Vec<(Rc<Tree>, Option<usize>)>,
}

impl FoundStanzas {
    /// Adds the stanzas of a `deploy`, which these jobs deploy.
    fn add(&mut self, deploy: &Rc<Tree>, jobs: &[TravisJob]) -> Result<(), StanzaError> {
        let (first, mut others) = (self.stanzas.len(), Vec::new());
        for entry in deploy.entries() {
            if let Some((_, index)) = self.seen.iter().find(|(seen, _)| Rc::ptr_eq(seen, &entry)) {
                // Jobs share the stanza by an alias.
                if let Some(located) = index.and_then(|index| self.stanzas.get_mut(index)) {
                    located.add_jobs(jobs);
                }
                continue;
            }
            let line = entry.place().line;
            let pairs = entry.stanza_pairs(&mut Vec::new())?;
            let provider = match &pairs {
                Some(pairs) => pairs.get("provider")?,
                // `deploy: lambda`. Its options are variables, such as LAMBDA_FUNCTION_NAME.
                None => Some(&entry),
            };
            let provider = provider.map(|tree| tree.read("", &mut SourceMap::default())).transpose()?;
            // `deploy: false` names no provider.
            let provider =
                provider.filter(|node| matches!(node, Node::Text(_))).and_then(|node| node.scalar());
            if provider.as_ref().is_none_or(|provider| !provider.trim().eq_ignore_ascii_case("lambda")) {
                others.extend(provider.clone().map(|provider| (provider, line)));
                self.seen.push((entry, None));
                self.add_provider(provider);
                continue;
            }
            let mut read = SourceMap::of_stanza();
            let stanza = match entry.read("", &mut read)? {
                Node::Map(stanza) => stanza,
                provider => Map::from_iter([("provider".to_owned(), provider)]),
            };
            let mut located = LocatedStanza { stanza, line, lines: read.lines, ..LocatedStanza::default() };
            located.add_jobs(jobs);
            located.notes.extend(read.notes);
            self.seen.push((entry, Some(self.stanzas.len())));
            self.stanzas.push(located);
        }
        self.stanzas[first..].iter_mut().for_each(|located| located.other_providers.clone_from(&others));
        Ok(())
    }

    fn add_provider(&mut self, provider: Option<String>) {
        if let Some(provider) = provider.filter(|provider| !self.providers.contains(provider)) {
            self.providers.push(provider);
        }
    }
}

#[cfg(test)]
mod tests;
