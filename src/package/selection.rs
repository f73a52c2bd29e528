//! What the stanza says of the package's contents in, a verdict on each name out.
//! Never touches a file but `.lambdaignore`.

use std::io;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::PackageError;
use super::contents::unreadable;
use crate::bounded;
use crate::protocol::stanza::Stanza;

/// What goes into the package.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Paths below the build directory. None: all of it. One: its contents, or the archive that it is. Several: each
    /// under its own name.
    pub paths: Vec<String>,
    /// Whether names that begin with a dot go in.
    pub dot_match: bool,
    /// gitignore patterns; only what matches one of them goes in. Empty: everything.
    pub include: Vec<String>,
    /// gitignore patterns; what matches stays out. Beside them counts `.lambdaignore`.
    pub exclude: Vec<String>,
    /// What becomes of symbolic links.
    pub links: Links,
}

impl Selection {
    /// What a stanza says of it.
    pub fn of(stanza: &Stanza) -> Self {
        Selection {
            paths: stanza.zip.clone().unwrap_or_default(),
            dot_match: stanza.dot_match.unwrap_or_default(),
            include: stanza.include.clone().unwrap_or_default(),
            exclude: stanza.exclude.clone().unwrap_or_default(),
            links: match stanza.symlinks.as_deref() {
                Some("follow") => Links::Follow,
                Some("external") => Links::External,
                _ => Links::Preserve,
            },
        }
    }
}

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// They stay links.
    #[default]
    Preserve,
    /// What they point to stands in their place.
    Follow,
    /// Those that leave the directory are followed, the others stay links.
    External,
}

/// The file with more patterns, at the root of the directory that is packaged.
const IGNORE_FILE: &str = ".lambdaignore";

/// What holds a repository: its history, its hooks, and often a token.
pub(super) const REPOSITORY: &str = ".git";

/// The patterns of a selection.
pub(super) struct Rules {
    dot_match: bool,
    include: Option<Gitignore>,
    exclude: Gitignore,
}

impl Rules {
    /// Reads the patterns, and `.lambdaignore` in `root`.
    pub(super) fn of(selection: &Selection, root: &Path) -> Result<Self, PackageError> {
        let path = root.join(IGNORE_FILE);
        let ignored = match bounded::read_to_string(&path) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unreadable(&path)(error)),
        };
        let include = (!selection.include.is_empty()).then(|| patterns(&selection.include, "include"));
        let exclude: Vec<String> = ignored.into_iter().chain(selection.exclude.iter().cloned()).collect();
        let exclude = patterns(&exclude, "exclude")?;
        Ok(Rules { dot_match: selection.dot_match, include: include.transpose()?, exclude })
    }

    /// Why something stays out, whatever is in it.
    pub(super) fn keeps_out(&self, name: &str, file_name: &str, is_directory: bool) -> Option<Reason> {
        // Our own instructions are never deployed.
        if name == IGNORE_FILE || self.hides(file_name) {
            return Some(Reason::Hidden);
        }
        let excluded = self.exclude.matched_path_or_any_parents(name, is_directory).is_ignore();
        let not_included = !is_directory && !self.includes(name, false);
        (excluded || not_included).then_some(Reason::Rule)
    }

    /// Whether a name is one of those that stay out by themselves: a repository, at any depth and whatever `dot_match` says (of a
    /// submodule or a worktree it is a file), and others that begin with a dot.
    fn hides(&self, file_name: &str) -> bool {
        file_name.eq_ignore_ascii_case(REPOSITORY) || (!self.dot_match && file_name.starts_with('.'))
    }

    /// Whether what a link below `root` leads to stays out: a repository and what is in it, and without `dot_match` what is hidden.
    /// Below the root that is what has a hidden name on the way; pnpm keeps what its links lead to in `.pnpm`. Elsewhere, where a
    /// hidden directory may be a cache of builds, it is what has such a name itself, and a file right in such a directory.
    pub(super) fn hides_target(&self, root: &Path, place: &Path, is_file: bool) -> bool {
        let names = names_between(root, place);
        let near = if place.starts_with(root) { names.len() } else { 1 + usize::from(is_file) };
        let is_hidden = |name: &String| name != ".pnpm" && self.hides(name);
        names.iter().any(|name| name.eq_ignore_ascii_case(REPOSITORY)) || names.iter().rev().take(near).any(is_hidden)
    }

    /// Whether a file, link or empty directory goes in, as far as `include` is concerned.
    pub(super) fn includes(&self, name: &str, is_directory: bool) -> bool {
        let matches = |include: &Gitignore| include.matched_path_or_any_parents(name, is_directory).is_ignore();
        self.include.as_ref().is_none_or(matches)
    }
}

/// The names on the way from one real place to another. What lies above both says nothing about either.
pub(super) fn names_between(from: &Path, to: &Path) -> Vec<String> {
    let same = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    to.components().skip(same).map(|name| name.as_os_str().to_string_lossy().into_owned()).collect()
}

/// Why a name stays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It begins with a dot.
    Hidden,
    /// A pattern says so.
    Rule,
}

/// Patterns are matched against names below the root, so the root itself has no name.
fn patterns(lines: &[String], option: &'static str) -> Result<Gitignore, PackageError> {
    let bad = |error: ignore::Error| PackageError::BadPattern { option, detail: error.to_string() };
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        builder.add_line(None, line).map_err(bad)?;
    }
    builder.build().map_err(bad)
}
