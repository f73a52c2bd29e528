//! Lists the entries of the archive to build, sorted by name.
//! Sizes come from the file metadata: the content of a file is not read here.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::error::{PackageError, unreadable};
use super::item::{Item, ItemKind};
use super::limits::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES};
use super::note::PackageNote;
use super::selection::{REPOSITORY, Rules, Selection, names_between};
use super::walk::{FileId, Walker, canonical, identity, not_utf8};

/// What to package.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The path, as in the stanza.
    pub(super) source: String,
    pub(super) kind: ContentsKind,
    notes: Vec<PackageNote>,
}

#[derive(Debug)]
pub(super) enum ContentsKind {
    /// An existing archive.
    Archive { path: PathBuf },
    /// Files, links and empty directories, sorted by name.
    Files(Vec<Item>),
}

impl Contents {
    /// Notes for warnings, sorted.
    pub(crate) fn notes(&self) -> &[PackageNote] {
        &self.notes
    }

    /// True if Lambda will certainly accept the size of the archive, even if its files do not compress.
    /// `in_call`: it is sent in the call, and not through a bucket. Always false for an existing archive,
    /// which has not been read yet.
    pub(crate) fn fits_upper_bound(&self, in_call: bool) -> bool {
        match &self.kind {
            ContentsKind::Archive { .. } => false,
            ContentsKind::Files(_) if !in_call => true,
            ContentsKind::Files(items) => {
                // Each entry has two headers. Deflate adds five bytes for each 64 KiB that it cannot
                // compress.
                let entry =
                    |item: &Item| item.bytes() + item.bytes() / 1000 + 2 * item.name.len() as u64 + 200;
                items.iter().map(entry).sum::<u64>() + 1000 <= MAX_ZIP_BYTES
            }
        }
    }

    /// Checks that Lambda accepts the unzipped size of these files. That of an existing archive is not known
    /// yet.
    ///
    /// # Errors
    /// [`PackageError::UnzippedTooLarge`] with the largest files.
    pub(crate) fn check_unzipped_size(&self) -> Result<(), PackageError> {
        let ContentsKind::Files(items) = &self.kind else { return Ok(()) };
        let bytes: u64 = items.iter().map(Item::bytes).sum();
        if bytes <= MAX_UNZIPPED_BYTES {
            return Ok(());
        }
        let entries = items.iter().map(|item| (item.name.as_str(), item.bytes()));
        Err(PackageError::UnzippedTooLarge { bytes, largest: largest(entries) })
    }
}

/// The ten largest entries, largest first.
pub(super) fn largest<'a>(entries: impl Iterator<Item = (&'a str, u64)>) -> Vec<(String, u64)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    entries.into_iter().take(10).map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

/// Lists the files below `directory` that `selection` includes. `leave_out` are the files that this program
/// writes or reads, which must not become part of the package.
///
/// # Errors
/// [`PackageError`] if there is nothing to package, or something that cannot be packaged.
pub(crate) fn scan(
    directory: &Path,
    selection: &Selection,
    leave_out: &[PathBuf],
) -> Result<Contents, PackageError> {
    let leave_out =
        leave_out.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| identity(&file)).collect();
    match selection.paths.as_slice() {
        [] => one(directory, ".", selection, leave_out),
        [path] => one(directory, path, selection, leave_out),
        paths => several(directory, paths, selection, leave_out),
    }
}

/// Contents for one path: a directory, a single file, or an existing archive.
fn one(
    directory: &Path,
    source: &str,
    selection: &Selection,
    leave_out: Vec<FileId>,
) -> Result<Contents, PackageError> {
    let path = directory.join(source);
    let metadata = inspect(directory, source)?;
    if metadata.is_file() {
        let is_archive = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("zip") || end.eq_ignore_ascii_case("jar"));
        let kind = if is_archive {
            ContentsKind::Archive { path }
        } else {
            let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| not_utf8(&path))?;
            ContentsKind::Files(vec![Item { name: name.to_owned(), kind: ItemKind::file(&metadata), path }])
        };
        let has_patterns = !selection.include.is_empty() || !selection.exclude.is_empty();
        let unused = has_patterns.then(|| PackageNote::PatternsUnused { path: source.to_owned() });
        return Ok(Contents { source: source.to_owned(), kind, notes: unused.into_iter().collect() });
    }
    let mut walk = Walker::new(Rules::of(selection, &path)?, selection.links, leave_out);
    if let Some(note) = name_of(source).and_then(|name| misplaced_pattern(&name, &path, selection)) {
        walk.note(note);
    }
    walk.directory(path, String::new())?;
    contents(walk, source.to_owned())
}

/// A pattern that begins with the `name` of the packaged directory, to which it is relative.
fn misplaced_pattern(name: &str, directory: &Path, selection: &Selection) -> Option<PackageNote> {
    let mut lines = selection.exclude.iter().chain(&selection.include).flat_map(|text| text.lines());
    let misplaced = lines.find_map(|line| {
        let pattern = line.trim_start_matches('!').trim_start_matches("./").trim_start_matches('/');
        let inside = pattern.strip_prefix(name)?.strip_prefix('/').filter(|inside| !inside.is_empty())?;
        let (pattern, inside) = (line.to_owned(), format!("/{inside}"));
        Some(PackageNote::MisplacedPattern { pattern, directory: name.to_owned(), inside })
    });
    misplaced.filter(|_| !directory.join(name).exists())
}

/// Contents for several paths, each of which keeps its name.
fn several(
    directory: &Path,
    paths: &[String],
    selection: &Selection,
    leave_out: Vec<FileId>,
) -> Result<Contents, PackageError> {
    let mut walk = Walker::new(Rules::of(selection, directory)?, selection.links, leave_out);
    let mut names = Vec::with_capacity(paths.len());
    for source in paths {
        let name = name_of(source).ok_or_else(|| PackageError::NoName { path: source.clone() })?;
        let path = directory.join(source);
        let metadata = inspect(directory, source)?;
        if metadata.is_file() {
            walk.push(Item { name: name.clone(), kind: ItemKind::file(&metadata), path });
        } else {
            walk.directory(path, format!("{name}/"))?;
        }
        names.push(name);
    }
    walk.drop_links_on(&names);
    contents(walk, paths.join(", "))
}

/// The name of a path in the archive. `None`: it is absolute or empty, or leads out of the build directory.
fn name_of(source: &str) -> Option<String> {
    let parts = Path::new(source).components().filter(|part| *part != Component::CurDir);
    let names: Option<Vec<&str>> = parts
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        })
        .collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join("/"))
}

fn contents(walk: Walker, source: String) -> Result<Contents, PackageError> {
    let (items, notes) = walk.finish(&source)?;
    Ok(Contents { source, kind: ContentsKind::Files(items), notes })
}

fn inspect(directory: &Path, source: &str) -> Result<fs::Metadata, PackageError> {
    let path = &directory.join(source);
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            PackageError::NotFound { path: source.to_owned() }
        }
        _ => unreadable(path)(error),
    })?;
    let (root, place) = (canonical(directory)?, canonical(path)?);
    if names_between(&root, &place).iter().any(|name| name.eq_ignore_ascii_case(REPOSITORY)) {
        return Err(PackageError::Repository { path: source.to_owned() });
    }
    let is_something = metadata.is_file() || metadata.is_dir();
    if is_something { Ok(metadata) } else { Err(PackageError::NoFile { path: source.to_owned() }) }
}
