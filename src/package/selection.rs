//! Decides which names go into the package, by the options of the stanza and by `.lambdaignore`.
//! It never opens any other file.

use std::path::Path;
use std::{io, iter};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::{PackageError, unreadable};
use super::limits::MAX_WILDCARD_BYTES;
use crate::bounded_read;
use crate::protocol::messages::size;
use crate::protocol::stanza::{Links, Stanza};

/// Options of the stanza that select the files to package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Paths below the build directory. Empty: the whole directory. One path: its contents, or the existing
    /// archive. Several paths: each keeps its name in the package.
    pub paths: Vec<String>,
    /// Whether to package names that begin with a dot.
    pub dot_match: bool,
    /// gitignore patterns. Only files that match one of them are packaged. Empty: all files.
    pub include: Vec<String>,
    /// gitignore patterns. Files that match one of them are not packaged. The patterns in `.lambdaignore`
    /// apply as well.
    pub exclude: Vec<String>,
    pub links: Links,
}

impl Selection {
    pub(crate) fn of(stanza: &Stanza) -> Self {
        Selection {
            paths: stanza.zip.clone().unwrap_or_default(),
            dot_match: stanza.dot_match.unwrap_or_default(),
            include: stanza.include.clone().unwrap_or_default(),
            exclude: stanza.exclude.clone().unwrap_or_default(),
            links: stanza.symlinks.unwrap_or_default(),
        }
    }
}

/// Name of the file with further exclude patterns, in the root of the packaged directory.
const IGNORE_FILE: &str = ".lambdaignore";

/// Name of a git repository, which contains its history, its hooks, and often a token.
pub(super) const REPOSITORY: &str = ".git";

/// Where pnpm puts all packages; `node_modules` has links to those that the project names.
pub(super) const PNPM_STORE: &str = ".pnpm";

/// The compiled patterns of a selection.
pub(super) struct Rules {
    dot_match: bool,
    include: Option<Gitignore>,
    exclude: Gitignore,
}

impl Rules {
    /// Compiles the patterns of the selection and of `.lambdaignore` in `root`.
    pub(super) fn of(selection: &Selection, root: &Path) -> Result<Self, PackageError> {
        let path = root.join(IGNORE_FILE);
        let ignored = match bounded_read::read_to_string(&path) {
            Ok(text) => text,
            // A link to nothing is an error: otherwise what its patterns should leave out would be packaged.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => String::new(),
            Err(error) => return Err(unreadable(&path)(error)),
        };
        // Programs of Windows write a byte order mark, which is no part of the first pattern.
        let ignored = ignored.trim_start_matches('\u{feff}');
        let include = selection.include.iter().map(|text| ("include", text.as_str()));
        let include = (!selection.include.is_empty()).then(|| patterns(include));
        let exclude = selection.exclude.iter().map(|text| ("exclude", text.as_str()));
        let exclude = patterns(iter::once((IGNORE_FILE, ignored)).chain(exclude))?;
        Ok(Rules { dot_match: selection.dot_match, include: include.transpose()?, exclude })
    }

    /// Why an entry is left out. `None`: it is kept. If a directory is left out, so is everything in it.
    pub(super) fn exclusion(
        &self,
        name: &str,
        file_name: &str,
        is_directory: bool,
    ) -> Option<ExclusionReason> {
        // Neither is ever deployed, so `dot_match` does not help.
        if name == IGNORE_FILE || file_name.eq_ignore_ascii_case(REPOSITORY) {
            return Some(ExclusionReason::Rule);
        }
        if self.hides(file_name) {
            return Some(ExclusionReason::Hidden);
        }
        (!self.selects(name, is_directory)).then_some(ExclusionReason::Rule)
    }

    /// Whether no pattern leaves an entry out. `include` selects files only.
    pub(super) fn selects(&self, name: &str, is_directory: bool) -> bool {
        !self.exclude.matched_path_or_any_parents(name, is_directory).is_ignore()
            && (is_directory || self.includes(name, false))
    }

    /// Whether a name is left out by default: `.git` at any depth, even with `dot_match` (in a submodule or a
    /// worktree it is a file), and without `dot_match` all other names that begin with a dot.
    fn hides(&self, file_name: &str) -> bool {
        file_name.eq_ignore_ascii_case(REPOSITORY) || (!self.dot_match && file_name.starts_with('.'))
    }

    /// Whether a name is left out because a part of it is hidden, and `dot_match` would package it.
    pub(super) fn needs_dot_match(&self, name: &str) -> bool {
        let is_hidden = |part: &str| part.starts_with('.') && !matches!(part, "." | "..");
        !self.dot_match
            && name.split('/').any(is_hidden)
            && !name.split('/').any(|part| part.eq_ignore_ascii_case(REPOSITORY))
    }

    /// Whether the target of a link below `root` is left out: a repository and everything in it, and without
    /// `dot_match` hidden targets. A target below the root is hidden if any name on its path is, except
    /// `.pnpm`, where pnpm puts the targets of its links. A target elsewhere is hidden if its own name is, or
    /// if it is a file directly in a hidden directory; other directories above it do not count, because a
    /// build cache is often in a hidden directory.
    pub(super) fn hides_target(&self, root: &Path, place: &Path, is_file: bool) -> bool {
        let names = names_between(root, place);
        let near = if place.starts_with(root) { names.len() } else { 1 + usize::from(is_file) };
        let is_hidden = |name: &String| name != PNPM_STORE && self.hides(name);
        names.iter().any(|name| name.eq_ignore_ascii_case(REPOSITORY))
            || names.iter().rev().take(near).any(is_hidden)
    }

    /// Whether `include` selects a file, link or empty directory.
    pub(super) fn includes(&self, name: &str, is_directory: bool) -> bool {
        let matches =
            |include: &Gitignore| include.matched_path_or_any_parents(name, is_directory).is_ignore();
        self.include.as_ref().is_none_or(matches)
    }
}

/// The names in the canonical path `to` after its common prefix with `from`. The common prefix says nothing
/// about `to`.
pub(super) fn names_between(from: &Path, to: &Path) -> Vec<String> {
    let same = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    to.components().skip(same).map(|name| name.as_os_str().to_string_lossy().into_owned()).collect()
}

/// Why a name is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExclusionReason {
    /// It begins with a dot.
    Hidden,
    /// A pattern excludes it, no `include` pattern matches it, or it is never packaged.
    Rule,
}

/// Compiles gitignore patterns: texts of one or more lines, each with the option or file that it is from. They
/// are matched against names relative to the root, so the root of the matcher is empty.
fn patterns<'a>(texts: impl Iterator<Item = (&'static str, &'a str)>) -> Result<Gitignore, PackageError> {
    let bad = |place, error: ignore::Error| PackageError::BadPattern { place, detail: error.to_string() };
    let (mut builder, mut place, mut wildcard_bytes) = (GitignoreBuilder::new(""), "", 0);
    for (of, text) in texts {
        place = of;
        for line in text.lines() {
            wildcard_bytes += if line.contains(['*', '?', '[']) { line.len() } else { 0 };
            if wildcard_bytes > MAX_WILDCARD_BYTES {
                let most = size(MAX_WILDCARD_BYTES as u64);
                let detail = format!("the patterns with a wildcard have more than {most} together");
                return Err(PackageError::BadPattern { place, detail });
            }
            // `./a` means `/a` to its author, and matches nothing in a .gitignore file.
            let (negation, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern));
            let inside = pattern.trim_start_matches("./");
            let rooted = (inside.len() < pattern.len()).then(|| format!("{negation}/{inside}"));
            builder.add_line(None, rooted.as_deref().unwrap_or(line)).map_err(|error| bad(place, error))?;
        }
    }
    builder.build().map_err(|error| bad(place, error))
}
