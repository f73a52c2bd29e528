//! Finds the lambda stanzas of a `.travis.yml`, with their line numbers and the variables of their jobs.
//! Never validates an option: the stanza goes to the child run as any CI runner would send it.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::variables::{self, Assignment};
use super::yaml::{self, Pairs, SourceMap, Tree, YamlError};
use crate::protocol::json::{self, Map, Node, WireError};

/// A stanza of a file, with its location.
#[derive(Debug, Default)]
pub struct LocatedStanza {
    /// The keys and values under `deploy`.
    pub stanza: Map,
    /// The line on which it begins, from 1. 0: it is not from a file.
    pub line: usize,
    /// The line of each value, by JSON pointer.
    pub lines: BTreeMap<String, usize>,
    /// Variables that the file sets for the job: versions of runtimes, and `env`.
    pub variables: Vec<Assignment>,
    /// Messages for the user, such as `line 4: an encrypted variable is ignored; …`.
    pub notes: Vec<String>,
}

/// Why a file yields no stanza.
#[derive(Debug, PartialEq)]
pub enum StanzaError {
    /// The file is not valid YAML.
    Yaml(YamlError),
    /// The file is not valid JSON.
    Json(WireError),
    /// The file is not a map.
    NotAMap {
        /// What it is instead: `a list`, `empty`.
        kind: &'static str,
    },
    /// The file has no lambda stanza.
    None {
        /// The providers of its other stanzas.
        providers: Vec<String>,
    },
    /// `--only` does not select exactly one stanza.
    Ambiguous {
        /// The value of `--only`.
        only: String,
        /// The stanzas of the file: `1 is hello (line 4)`.
        there: Vec<String>,
        /// True if several stanzas match, false if none does.
        several: bool,
    },
}

impl From<YamlError> for StanzaError {
    fn from(error: YamlError) -> Self {
        StanzaError::Yaml(error)
    }
}

/// Keys for the version of a runtime, and the variable that Travis CI sets to it.
const RUNTIMES: [(&str, &str); 16] = [
    ("node_js", "TRAVIS_NODE_VERSION"),
    ("node", "TRAVIS_NODE_VERSION"),
    ("rvm", "TRAVIS_RUBY_VERSION"),
    ("ruby", "TRAVIS_RUBY_VERSION"),
    ("python", "TRAVIS_PYTHON_VERSION"),
    ("php", "TRAVIS_PHP_VERSION"),
    ("perl", "TRAVIS_PERL_VERSION"),
    ("jdk", "TRAVIS_JDK_VERSION"),
    ("go", "TRAVIS_GO_VERSION"),
    ("scala", "TRAVIS_SCALA_VERSION"),
    ("rust", "TRAVIS_RUST_VERSION"),
    ("elixir", "TRAVIS_ELIXIR_VERSION"),
    ("dart", "TRAVIS_DART_VERSION"),
    ("julia", "TRAVIS_JULIA_VERSION"),
    ("haxe", "TRAVIS_HAXE_VERSION"),
    ("r", "TRAVIS_R_VERSION"),
];

/// The lambda stanzas of a `.travis.yml`, in the order of the file: `deploy`, then those of `jobs.include`
/// and `matrix.include`. A stanza that several jobs share by an alias counts once.
///
/// # Errors
/// [`StanzaError`]
pub fn stanzas(text: &str) -> Result<Vec<LocatedStanza>, StanzaError> {
    let mut notes = Vec::new();
    let root = yaml::parse(text, &mut notes)?;
    let Some(file) = root.as_ref().map(|root| root.pairs(&mut notes)).transpose()?.flatten() else {
        return Err(StanzaError::NotAMap { kind: root.map_or("empty", |root| root.kind()) });
    };
    let mut found = FoundStanzas::default();
    let shared = JobEntry::of(&file, None, &mut notes)?;
    found.add(file.get("deploy")?, &shared)?;
    for key in ["jobs", "matrix"] {
        let Some(jobs) = file.get(key)?.map(|jobs| jobs.pairs(&mut notes)).transpose()?.flatten() else {
            continue;
        };
        let Some(include) = jobs.get("include")? else { continue };
        let included = include.items().map_or_else(|| vec![include.clone()], <[_]>::to_vec);
        for job in included {
            let Some(job) = job.pairs(&mut notes)? else { continue };
            if let Some(deploy) = job.get("deploy")? {
                found.add(Some(deploy), &JobEntry::of(&job, Some(&shared), &mut notes)?)?;
            }
        }
    }
    let FoundStanzas { mut stanzas, providers, .. } = found;
    let Some(first) = stanzas.first_mut() else { return Err(StanzaError::None { providers }) };
    first.notes.splice(0..0, notes);
    stanzas.iter_mut().for_each(LocatedStanza::remove_runner_keys);
    Ok(stanzas)
}

/// The stanza of a file that contains nothing else, as JSON or YAML.
///
/// # Errors
/// [`StanzaError`]
pub fn stanza(text: &str, is_json: bool) -> Result<LocatedStanza, StanzaError> {
    let tree = |notes: &mut Vec<String>| {
        yaml::parse(text, notes).map(|tree| tree.map(|tree| (tree.place().line, tree)))
    };
    let mut read = SourceMap::of_stanza();
    let json =
        if is_json || text.trim_start().starts_with('{') { Some(json::parse(text.as_bytes())) } else { None };
    let (line, node) = match json {
        Some(Ok(node)) => {
            // The YAML reader knows the lines, and JSON is nearly a subset of YAML. If it cannot read the
            // file, line numbers are missing.
            let tree = tree(&mut read.notes).ok().flatten();
            let line = tree.and_then(|(line, tree)| tree.read("", &mut read).ok().map(|_| line));
            (line.unwrap_or(1), node)
        }
        Some(Err(error)) if is_json => return Err(StanzaError::Json(error)),
        Some(Err(_)) | None => match tree(&mut read.notes)? {
            Some((line, tree)) => (line, tree.read("", &mut read)?),
            None => return Err(StanzaError::NotAMap { kind: "empty" }),
        },
    };
    let Node::Map(stanza) = node else { return Err(StanzaError::NotAMap { kind: node.kind() }) };
    let mut located =
        LocatedStanza { stanza, line, lines: read.lines, variables: Vec::new(), notes: read.notes };
    located.remove_runner_keys();
    Ok(located)
}

/// The stanza that `only` selects: a number counts from 1, any other text is a function name.
///
/// # Errors
/// [`StanzaError::Ambiguous`] if no stanza or several stanzas match.
pub fn choose(stanzas: Vec<LocatedStanza>, only: &str) -> Result<Vec<LocatedStanza>, StanzaError> {
    let is_number = !only.is_empty() && only.bytes().all(|b| b.is_ascii_digit());
    let number = only.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).filter(|_| is_number);
    let meant = |index: usize, located: &LocatedStanza| match number {
        Some(number) => number == index,
        None => located.names().iter().any(|name| name == only),
    };
    let chosen: Vec<bool> =
        stanzas.iter().enumerate().map(|(index, located)| meant(index, located)).collect();
    let count = chosen.iter().filter(|chosen| **chosen).count();
    if count != 1 {
        let there = stanzas
            .iter()
            .enumerate()
            .map(|(index, located)| format!("{} is {}", index + 1, located.title()));
        return Err(StanzaError::Ambiguous {
            only: only.to_owned(),
            there: there.collect(),
            several: count > 1,
        });
    }
    Ok(stanzas.into_iter().zip(chosen).filter_map(|(located, chosen)| chosen.then_some(located)).collect())
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

    /// The function name and the line: `hello (line 4)`.
    pub fn title(&self) -> String {
        let names = self.names();
        let name =
            if names.is_empty() { "a stanza without `function_name`".to_owned() } else { names.join(" or ") };
        format!("{name} (line {})", self.line)
    }

    /// The line of the value at a JSON pointer, or of the nearest enclosing value whose line is known.
    pub fn line_of(&self, at: &str) -> usize {
        let mut at = at;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rsplit_once('/') {
                Some((parent, _)) => at = parent,
                None => return self.line,
            }
        }
    }

    /// Removes keys that only a CI runner may write: `env` in a stanza would replace the job's environment.
    /// Also removes duplicate notes.
    fn remove_runner_keys(&mut self) {
        for key in ["env", "protocol"] {
            if self.stanza.remove(key).is_some() {
                let line = self.line_of(&json::pointer("", key));
                let meant =
                    if key == "env" { "; use `environment` for the function's variables" } else { "" };
                self.notes.push(format!("line {line}: `{key}` is not an option and is ignored{meant}"));
            }
        }
        let mut seen = Vec::new();
        self.notes.retain(|note| {
            !seen.contains(note) && {
                seen.push(note.clone());
                true
            }
        });
    }
}

/// The variables of a job, and notes about them.
#[derive(Default)]
struct JobEntry {
    variables: Vec<Assignment>,
    notes: Vec<String>,
}

impl JobEntry {
    /// Reads a job. A job of `jobs.include` also has the variables of the top level, `shared`.
    fn of(pairs: &Pairs, shared: Option<&JobEntry>, notes: &mut Vec<String>) -> Result<JobEntry, YamlError> {
        let mut job = JobEntry::default();
        for (key, name) in RUNTIMES {
            let Some(version) = pairs.get(key)?.and_then(single) else { continue };
            if let Some(version) = version.read("", &mut SourceMap::default())?.scalar() {
                job.variables.push(Assignment::plain(name, &version));
            }
        }
        if let Some(env) = pairs.get("env")? {
            variables::collect(env, &mut job.variables, &mut job.notes, notes)?;
        }
        if let Some(shared) = shared {
            job.variables.splice(0..0, shared.variables.iter().cloned());
            job.notes.splice(0..0, shared.notes.iter().cloned());
        }
        Ok(job)
    }
}

/// A value, or the only item of a list. Several items define several jobs, and the standalone mode cannot
/// choose one.
fn single(tree: &Rc<Tree>) -> Option<&Rc<Tree>> {
    match tree.items() {
        None => Some(tree),
        Some([one]) => Some(one),
        Some(_) => None,
    }
}

#[derive(Default)]
struct FoundStanzas {
    stanzas: Vec<LocatedStanza>,
    providers: Vec<String>,
    seen: Vec<Rc<Tree>>,
}

impl FoundStanzas {
    fn add(&mut self, deploy: Option<&Rc<Tree>>, job: &JobEntry) -> Result<(), StanzaError> {
        let Some(deploy) = deploy else { return Ok(()) };
        let entries = deploy.items().map_or_else(|| vec![deploy.clone()], <[_]>::to_vec);
        for entry in entries {
            if self.seen.iter().any(|seen| Rc::ptr_eq(seen, &entry)) {
                continue;
            }
            self.seen.push(entry.clone());
            let pairs = entry.stanza_pairs(&mut Vec::new())?;
            let provider = match &pairs {
                Some(pairs) => pairs.get("provider")?,
                // `deploy: lambda`. Its options are variables, such as LAMBDA_FUNCTION_NAME.
                None => Some(&entry),
            };
            let provider = provider.map(|tree| tree.read("", &mut SourceMap::default())).transpose()?;
            let provider = provider.and_then(|provider| provider.scalar());
            if provider.as_ref().is_none_or(|provider| !provider.trim().eq_ignore_ascii_case("lambda")) {
                self.add_provider(provider);
                continue;
            }
            let mut read = SourceMap::of_stanza();
            let stanza = match entry.read("", &mut read)? {
                Node::Map(stanza) => stanza,
                provider => Map::from_iter([("provider".to_owned(), provider)]),
            };
            self.stanzas.push(LocatedStanza {
                stanza,
                line: entry.place().line,
                lines: read.lines,
                variables: job.variables.clone(),
                notes: job.notes.iter().cloned().chain(read.notes).collect(),
            });
        }
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
