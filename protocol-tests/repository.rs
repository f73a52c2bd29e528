//! Lists the files of this repository, for tests that read its documents and sources.
//! Never lists files that a build or an installation made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Directories that git does not track, and git's own.
const UNTRACKED: [&str; 4] = [".git", "target", "node_modules", "__pycache__"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files at or below a path, relative to the root and sorted.
pub(crate) fn files(path: &str) -> Vec<PathBuf> {
    let (mut files, mut pending) = (Vec::new(), vec![root().join(path)]);
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let entries = entries.map(|entry| entry.expect("readable"));
            let tracked = entries.filter(|entry| UNTRACKED.iter().all(|name| entry.file_name() != *name));
            pending.extend(tracked.map(|entry| entry.path()));
        } else {
            files.push(path.strip_prefix(root()).expect("below the root").to_owned());
        }
    }
    files.sort();
    files
}

/// Every Markdown document, relative to the root and sorted.
pub(crate) fn documents() -> Vec<PathBuf> {
    files("").into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The text of a file that is named relative to the root.
pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The YAML in `docs/ci.md` whose first line begins with this comment.
pub(crate) fn documented(comment: &str) -> String {
    let page = read(Path::new("docs/ci.md"));
    let (_, rest) = page.split_once(&format!("```yaml\n{comment}")).expect("the page has that block");
    let (yaml, _) = rest.split_once("```\n").expect("the block ends");
    format!("{comment}{yaml}")
}

/// The JSON of a file in `schema/`.
pub(crate) fn committed_schema(name: &str) -> Value {
    serde_json::from_str(&read(&Path::new("schema").join(name)))
        .unwrap_or_else(|error| panic!("schema/{name}: {error}"))
}
