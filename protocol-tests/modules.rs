//! Reads from the sources which module uses which, and checks that a module of `src/` uses only modules above
//! it in the table of `src/lib.rs`, and that no two files need each other.
//!
//! A file uses another one if its code names an item of that file, directly or through a re-export. `mod x;`,
//! `pub use x::…` of a module's own children, and code for tests do not count. A method that is called on a
//! value names no file, so it is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::repository;

/// Returns the tokens of a source without comments. A literal begins with a quotation mark.
fn tokens(source: &str) -> Vec<String> {
    let stream = source.parse::<TokenStream>().unwrap_or_else(|error| panic!("{error}: {source}"));
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    let mut is_joint = false;
    for tree in stream {
        let was_joint = std::mem::take(&mut is_joint);
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            TokenTree::Ident(name) => tokens.push(name.to_string()),
            TokenTree::Literal(literal) => tokens.push(format!("\"{literal}")),
            TokenTree::Punct(punct) if was_joint && punct.as_char() == ':' => {
                *tokens.last_mut().expect("a colon") = "::".to_owned();
            }
            TokenTree::Punct(punct) => {
                is_joint = punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
                tokens.push(punct.as_char().to_string());
            }
        }
    }
}

/// Returns the position of the token that closes the group that begins at `at`.
fn closing(tokens: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return position;
        }
    }
    panic!("a group is not closed: {:?}", &tokens[at..])
}

/// Leaves out what is compiled only for tests: each item behind a `cfg` with `test`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_cfg = tokens[at] == "#" && tokens.get(at + 2).is_some_and(|name| name == "cfg");
        if is_cfg && tokens[at..closing(tokens, at + 1)].iter().any(|token| token == "test") {
            at = behind_item(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns the position behind the item whose first attribute begins at `at`.
fn behind_item(tokens: &[String], mut at: usize) -> usize {
    while tokens[at] == "#" {
        at = closing(tokens, at + 1) + 1;
    }
    let mut head = tokens[at..].iter().take_while(|token| !["{", ";"].contains(&token.as_str()));
    let is_import = head.any(|token| token == "use");
    loop {
        match tokens[at].as_str() {
            ";" => return at + 1,
            "{" if !is_import => return closing(tokens, at) + 1,
            "(" | "[" | "{" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
}

/// A name that a `use` brings into scope, and its path. The name is `*` for all names of a module.
type Import = (String, Vec<String>);

/// Reads the tree of a `use` that begins at `at`, such as `a::{b, c as d}`. Returns the position behind it.
fn read_tree(tokens: &[String], mut at: usize, prefix: &[String], imports: &mut Vec<Import>) -> usize {
    let mut path = prefix.to_vec();
    at += usize::from(tokens[at] == "::");
    loop {
        match tokens[at].as_str() {
            "{" => {
                let end = closing(tokens, at);
                at += 1;
                while at < end {
                    at = read_tree(tokens, at, &path, imports);
                    at += usize::from(tokens[at] == ",");
                }
                return end + 1;
            }
            "*" => {
                imports.push(("*".to_owned(), path));
                return at + 1;
            }
            name => path.push(name.to_owned()),
        }
        at += 1;
        if tokens[at] == "::" {
            at += 1;
            continue;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if tokens[at] == "as" {
            name.clone_from(&tokens[at + 1]);
            at += 2;
        }
        imports.push((name, path));
        return at;
    }
}

/// Whether a token is a name or a keyword.
fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Keywords before the name of an item.
const ITEMS: [&str; 8] = ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];

/// What one file declares and names.
#[derive(Default)]
struct Module {
    /// The modules that it declares with `mod x;`.
    children: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    /// The modules whose names are all imported.
    globs: Vec<Vec<String>>,
    /// The names of its items, except those in macros.
    items: BTreeSet<String>,
    /// The names in its code, outside of `use`.
    words: BTreeSet<String>,
    /// The paths in its code and in each `use`; those of `pub use` with the new name.
    paths: Vec<(Vec<String>, Option<String>)>,
}

impl Module {
    fn read(source: &str) -> Module {
        let tokens = without_tests(&tokens(source));
        let token = |at: usize| tokens.get(at).map(String::as_str).unwrap_or_default();
        let mut module = Module::default();
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            let before = if at == 0 { "" } else { token(at - 1) };
            match token(at) {
                "mod" if token(at + 2) == ";" => {
                    module.children.insert(token(at + 1).to_owned());
                }
                "use" => {
                    // `pub` or `pub(crate)`.
                    let is_public = before == "pub" || before == ")";
                    let mut imports = Vec::new();
                    at = read_tree(&tokens, at + 1, &[], &mut imports);
                    for (name, path) in imports {
                        if name == "*" {
                            module.globs.push(path);
                        } else {
                            module.paths.push((path.clone(), is_public.then(|| name.clone())));
                            module.imports.insert(name, path);
                        }
                    }
                }
                "{" => depth += 1,
                "}" => depth -= 1,
                "macro_rules" => {
                    module.items.insert(token(at + 2).to_owned());
                }
                item if ITEMS.contains(&item) && depth == 0 => {
                    module.items.insert(token(at + 1).to_owned());
                }
                word if is_word(word) && !["::", "."].contains(&before) => {
                    module.words.insert(word.to_owned());
                    let mut path = vec![word.to_owned()];
                    while token(at + 1) == "::" && is_word(token(at + 2)) {
                        path.push(token(at + 2).to_owned());
                        at += 2;
                    }
                    if path.len() > 1 {
                        module.paths.push((path, None));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        module
    }
}

/// The modules of a crate, by their paths. The path of the root is empty.
struct Crate(BTreeMap<String, Module>);

/// For each module the modules that it uses, each with the name of one item.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

fn joined(parent: &str, child: &str) -> String {
    if parent.is_empty() { child.to_owned() } else { format!("{parent}::{child}") }
}

impl Crate {
    /// Reads a crate from its root file on. `read` returns `None` for a file that does not exist.
    fn read(root: &str, read: impl Fn(&Path) -> Option<String>) -> Crate {
        let root = PathBuf::from(root);
        let directory = root.parent().expect("the root is in a directory").to_owned();
        let mut modules = BTreeMap::new();
        let mut pending = vec![(String::new(), root, directory)];
        while let Some((name, file, directory)) = pending.pop() {
            let source = read(&file).unwrap_or_else(|| panic!("{} does not exist", file.display()));
            let module = Module::read(&source);
            for child in &module.children {
                let nested = directory.join(child);
                let path = nested.with_extension("rs");
                let path = if read(&path).is_some() { path } else { nested.join("mod.rs") };
                pending.push((joined(&name, child), path, nested));
            }
            modules.insert(name, module);
        }
        Crate(modules)
    }

    /// Returns the module in which a path of `module` ends, and the item there. No item: the path is that of
    /// the module itself. `None`: the path leads out of the crate. `depth` counts the imports on the way.
    fn resolve(&self, module: &str, path: &[String], depth: usize) -> Option<(String, Option<String>)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            // An import of a name as itself.
            _ if depth > 16 => None,
            "crate" => self.walk("", rest, depth),
            "self" => self.walk(module, rest, depth),
            "super" => {
                let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(parent, rest, depth + 1),
                    _ => self.walk(parent, rest, depth),
                }
            }
            name => {
                let Module { children, imports, globs, .. } = &self.0[module];
                if children.contains(name) || imports.contains_key(name) {
                    return self.walk(module, path, depth);
                }
                globs.iter().filter(|_| depth == 0).find_map(|glob| {
                    match self.resolve(module, glob, depth + 1)? {
                        (target, None) if self.has(&target, name) => self.walk(&target, path, depth + 1),
                        _ => None,
                    }
                })
            }
        }
    }

    /// Whether a module has an item or an import of this name.
    fn has(&self, module: &str, name: &str) -> bool {
        self.0[module].items.contains(name) || self.0[module].imports.contains_key(name)
    }

    /// Follows a path that begins in `module`, through re-exports.
    fn walk(&self, module: &str, path: &[String], depth: usize) -> Option<(String, Option<String>)> {
        let Some((first, rest)) = path.split_first() else { return Some((module.to_owned(), None)) };
        let Module { children, imports, .. } = &self.0[module];
        if children.contains(first) {
            return self.walk(&joined(module, first), rest, depth);
        }
        match imports.get(first) {
            Some(import) => match self.resolve(module, import, depth + 1)? {
                (target, None) => self.walk(&target, rest, depth + 1),
                found => Some(found),
            },
            None => Some((module.to_owned(), Some(first.clone()))),
        }
    }

    fn graph(&self) -> Graph {
        let uses = |(name, module): (&String, &Module)| {
            let mut uses = BTreeMap::new();
            for (path, new_name) in &module.paths {
                let Some((target, Some(item))) = self.resolve(name, path, 0) else { continue };
                let is_below = name.is_empty() || target.starts_with(&format!("{name}::"));
                let only_passed_on = new_name.as_ref().is_some_and(|new| !module.words.contains(new));
                if target != *name && !(is_below && only_passed_on) {
                    uses.entry(target).or_insert(item);
                }
            }
            for glob in &module.globs {
                let Some((target, None)) = self.resolve(name, glob, 0) else { continue };
                for word in module.words.iter().filter(|word| self.has(&target, word)) {
                    if let Some((home, Some(item))) = self.walk(&target, std::slice::from_ref(word), 0)
                        && home != *name
                    {
                        uses.entry(home).or_insert(item);
                    }
                }
            }
            (name.clone(), uses)
        };
        self.0.iter().map(uses).collect()
    }
}

/// Returns the modules in the table of a crate's documentation, in order.
fn table(root: &str) -> Vec<&str> {
    let rows = root.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split('`').next()).collect()
}

/// Returns a complaint for each use of a module that is below its user in the table.
fn upward(graph: &Graph, table: &[&str]) -> Vec<String> {
    let position = |module: &str| {
        let top = module.split("::").next().unwrap_or_default();
        table.iter().position(|name| *name == top)
    };
    let mut complaints = Vec::new();
    for (user, uses) in graph {
        for (used, item) in uses {
            if position(user).zip(position(used)).is_some_and(|(user, used)| user < used) {
                complaints.push(format!("{user} uses `{item}` of {used}, which is below it in the table"));
            }
        }
    }
    complaints
}

/// Returns a complaint for each use that is a part of a circle.
fn circles(graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for (user, uses) in graph {
        for (used, item) in uses {
            if reaches(graph, used, user) {
                complaints.push(format!("{user} uses `{item}` of {used}, which needs {user}"));
            }
        }
    }
    complaints
}

fn reaches(graph: &Graph, from: &str, to: &str) -> bool {
    let mut pending = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(module) = pending.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            pending.extend(graph[module].keys().map(String::as_str));
        }
    }
    false
}

/// Prints the graph and fails if there are complaints.
#[track_caller]
fn check(graph: &Graph, complaints: &[String]) {
    if complaints.is_empty() {
        return;
    }
    for (user, uses) in graph {
        let uses: Vec<String> = uses.iter().map(|(used, item)| format!("{used} ({item})")).collect();
        println!("{user} → {}", uses.join(", "));
    }
    panic!("{}", complaints.join("\n"));
}

/// Reads a crate of this repository.
fn of_repository(root: &str) -> Crate {
    Crate::read(root, |file| repository::root().join(file).is_file().then(|| repository::read(file)))
}

#[test]
fn a_module_uses_only_modules_above_it_in_the_table() {
    let root = repository::read(Path::new("src/lib.rs"));
    let source = of_repository("src/lib.rs");
    let table = table(&root);
    let declared: BTreeSet<&str> = source.0[""].children.iter().map(String::as_str).collect();
    assert_eq!(table.iter().copied().collect::<BTreeSet<_>>(), declared, "the table names each module");
    let graph = source.graph();
    assert!(graph.values().map(BTreeMap::len).sum::<usize>() > 400, "few uses were found");
    check(&graph, &upward(&graph, &table));
}

#[test]
fn no_two_files_need_each_other() {
    for root in ["src/lib.rs", "protocol-tests/main.rs", "protocol-tests/endpoint/src/lib.rs"] {
        let graph = of_repository(root).graph();
        assert!(graph.len() > 30, "{root}: {}", graph.len());
        check(&graph, &circles(&graph));
    }
}

/// The graph of a crate with two modules, `low` above `high` in the table, and `low::part`.
fn planted(low: &str, part: &str, high: &str) -> Graph {
    let files = [
        ("planted/lib.rs", "mod low; mod high;"),
        ("planted/low/mod.rs", low),
        ("planted/low/part.rs", part),
        ("planted/high.rs", high),
    ];
    let find = |path: &Path| files.iter().find(|(name, _)| path == Path::new(name));
    Crate::read("planted/lib.rs", |path| find(path).map(|(_, source)| (*source).to_owned())).graph()
}

#[test]
fn a_circle_between_a_module_and_its_part_is_found() {
    let part = "use super::Limit; pub fn run(_: Limit) {}";
    for low in [
        "mod part; pub struct Limit; fn all() { part::run(Limit) }",
        "mod part; pub use part::run; pub struct Limit; fn all() { run(Limit) }",
        "mod part; use {part as other}; pub struct Limit; fn all() { other::run(Limit) }",
        "mod part; use self::part::*; pub struct Limit; fn all() { run(Limit) }",
    ] {
        let expected = [
            "low uses `run` of low::part, which needs low",
            "low::part uses `Limit` of low, which needs low::part",
        ];
        assert_eq!(circles(&planted(low, part, "")), expected, "{low}");
    }
    for low in [
        "mod part; pub use part::run; pub struct Limit;",
        "mod part; pub struct Limit; // part::run\n/* part::run */ const TEXT: &str = \"part::run\";",
        "mod part; pub struct Limit; #[cfg(test)] mod tests { use super::part::run; }",
    ] {
        assert_eq!(circles(&planted(low, part, "")), [""; 0], "{low}");
    }
}

#[test]
fn an_import_against_the_table_is_found_however_it_is_written() {
    let table = table("//! | module |\n//! |---|\n//! | [`low`] | |\n//! | `high` | |\n");
    assert_eq!(table, ["low", "high"]);
    let high = "pub mod inner { } pub struct Top; pub fn act() {}";
    for part in [
        "use crate::high::Top;",
        "use super::super::high::{Top, act};",
        "use crate::{high::{self, Top}}; fn f() { high::act() }",
        "fn f() -> crate::high::Top { crate::high::Top }",
        "fn f() { println!(\"{}\", crate::high::Top) }",
    ] {
        let expected = ["low::part uses `Top` of high, which is below it in the table"];
        assert_eq!(upward(&planted("mod part;", part, high), &table), expected, "{part}");
    }
    let down = planted("mod part; pub use part::Part;", "pub struct Part;", "use crate::low::Part;");
    assert_eq!(upward(&down, &table), [""; 0]);
    assert_eq!(down["high"]["low::part"], "Part");
}
