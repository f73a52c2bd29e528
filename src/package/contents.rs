//! Lists the entries of the archive to build, sorted by name.
//! It never reads the content of a file, except the header of one `.pyc`; sizes come from the file metadata.

use std::fs;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::error::{PackageError, unreadable};
use super::limits::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, threads};
use super::selection::{ExclusionReason, REPOSITORY, Rules, Selection, names_between};
use crate::protocol::stanza::Links;

/// What to package.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The path, as in the stanza.
    pub(super) source: String,
    pub(super) kind: ContentsKind,
    notes: Vec<PackageNote>,
}

/// Something unexpected about the contents, for a warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PackageNote {
    /// A socket, pipe or device was left out, because an archive cannot contain it.
    NoFile {
        /// Name it would have in the archive.
        name: String,
    },
    /// The target of a link will not exist at Lambda.
    Dangles {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
    },
    /// Python will treat compiled files as stale, because the archive gives their sources another
    /// modification time.
    StalePyc {
        /// Name of the first such file in the archive.
        name: String,
        /// Number of such files.
        count: usize,
    },
    /// A link to follow was left out, because its target is a hidden file or directory.
    Hidden {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
    },
    /// A link to follow was left out, because its target is a directory that contains the link.
    Cycle {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
    },
}

#[derive(Debug)]
pub(super) enum ContentsKind {
    /// An existing archive.
    Archive { path: PathBuf },
    /// Files, links and empty directories, sorted by name.
    Files(Vec<Item>),
}

/// One entry of the archive to build.
#[derive(Debug)]
pub(super) struct Item {
    /// Name in the archive: relative, with `/` as separator.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: ItemKind,
}

#[derive(Debug)]
pub(super) enum ItemKind {
    File { bytes: u64, executable: bool },
    Link { target: String },
    EmptyDirectory,
}

impl Contents {
    /// Notes for warnings, sorted.
    pub(crate) fn notes(&self) -> &[PackageNote] {
        &self.notes
    }

    /// Bytes of all files. `None` for an existing archive, which has not been read yet.
    fn uncompressed_bytes(&self) -> Option<u64> {
        match &self.kind {
            ContentsKind::Archive { .. } => None,
            ContentsKind::Files(items) => Some(items.iter().map(Item::bytes).sum()),
        }
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

    /// Checks that Lambda accepts the unzipped size of these files.
    ///
    /// # Errors
    /// [`PackageError::UnzippedTooLarge`] with the largest files.
    pub(crate) fn check_unzipped_size(&self) -> Result<(), PackageError> {
        match (&self.kind, self.uncompressed_bytes()) {
            (ContentsKind::Files(items), Some(bytes)) if bytes > MAX_UNZIPPED_BYTES => {
                let entries = items.iter().map(|item| (item.name.as_str(), item.bytes()));
                Err(PackageError::UnzippedTooLarge { bytes, largest: largest(entries) })
            }
            _ => Ok(()),
        }
    }
}

impl Item {
    pub(super) fn bytes(&self) -> u64 {
        match self.kind {
            ItemKind::File { bytes, .. } => bytes,
            ItemKind::Link { .. } | ItemKind::EmptyDirectory => 0,
        }
    }
}

/// The ten largest entries, largest first.
pub(super) fn largest<'a>(entries: impl Iterator<Item = (&'a str, u64)>) -> Vec<(String, u64)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    entries.into_iter().take(10).map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

/// Lists the files below `directory` that `selection` includes. `leave_out` is the output file, which must
/// not become part of the package.
///
/// # Errors
/// [`PackageError`] if there is nothing to package, or something that cannot be packaged.
pub(crate) fn scan(
    directory: &Path,
    selection: &Selection,
    leave_out: Option<&Path>,
) -> Result<Contents, PackageError> {
    let leave_out = leave_out.and_then(|path| fs::metadata(path).ok()).map(|file| identity(&file));
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
    leave_out: Option<FileId>,
) -> Result<Contents, PackageError> {
    let path = directory.join(source);
    let metadata = inspect(directory, source)?;
    if metadata.is_file() {
        let is_archive = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("zip") || end.eq_ignore_ascii_case("jar"));
        if is_archive {
            return Ok(Contents {
                source: source.to_owned(),
                kind: ContentsKind::Archive { path },
                notes: Vec::new(),
            });
        }
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| not_utf8(&path))?.to_owned();
        let kind = ContentsKind::Files(vec![Item { name, kind: file(&metadata), path }]);
        return Ok(Contents { source: source.to_owned(), kind, notes: Vec::new() });
    }
    let mut walk = Walker::new(Rules::of(selection, &path)?, selection.links, leave_out);
    walk.directory(path, String::new())?;
    walk.into_contents(source.to_owned())
}

/// Contents for several paths, each of which keeps its name.
fn several(
    directory: &Path,
    paths: &[String],
    selection: &Selection,
    leave_out: Option<FileId>,
) -> Result<Contents, PackageError> {
    let mut walk = Walker::new(Rules::of(selection, directory)?, selection.links, leave_out);
    for source in paths {
        let name = source.trim_start_matches("./").trim_end_matches('/');
        if name.is_empty() || Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(PackageError::NoName { path: source.clone() });
        }
        let path = directory.join(source);
        let metadata = inspect(directory, source)?;
        if metadata.is_file() {
            walk.items.push(Item { name: name.to_owned(), kind: file(&metadata), path });
        } else {
            walk.directory(path, format!("{name}/"))?;
        }
    }
    walk.into_contents(paths.join(", "))
}

fn inspect(directory: &Path, source: &str) -> Result<fs::Metadata, PackageError> {
    let path = &directory.join(source);
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PackageError::NotFound { path: source.to_owned() },
        _ => unreadable(path)(error),
    })?;
    let (root, place) = (canonical(directory)?, canonical(path)?);
    if names_between(&root, &place).iter().any(|name| name.eq_ignore_ascii_case(REPOSITORY)) {
        return Err(PackageError::Repository { path: source.to_owned() });
    }
    let is_something = metadata.is_file() || metadata.is_dir();
    if is_something { Ok(metadata) } else { Err(PackageError::NoFile { path: source.to_owned() }) }
}

fn canonical(path: &Path) -> Result<PathBuf, PackageError> {
    fs::canonicalize(path).map_err(unreadable(path))
}

/// Number of files from which reading their metadata takes longer than starting threads.
const WORTH_A_THREAD: usize = 256;

/// Device and inode, which identify a file independently of its path.
type FileId = (u64, u64);

fn identity(metadata: &fs::Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Walks through directories. It uses no recursion, because a deep tree could overflow the stack.
struct Walker {
    rules: Rules,
    links: Links,
    leave_out: Option<FileId>,
    /// Names and paths of files whose metadata is not read yet.
    files: Vec<(String, PathBuf)>,
    items: Vec<Item>,
    notes: Vec<PackageNote>,
    hidden: bool,
    /// Canonical path of the directory where the walk started.
    root: PathBuf,
    open: Vec<OpenDirectory>,
    /// Number of files and directories so far.
    entries: usize,
}

/// A directory to read.
struct OpenDirectory {
    path: PathBuf,
    /// Name in the archive, with a trailing `/`; empty for the root.
    prefix: String,
    /// This directory and its ancestors, to detect cycles. `None`: links are not followed.
    ancestors: Option<Rc<Ancestors>>,
}

/// A directory and its ancestors, as a linked list. Sibling directories share their ancestors, so memory
/// stays proportional to the number of directories.
struct Ancestors {
    place: FileId,
    ancestors: Option<Rc<Ancestors>>,
}

impl Ancestors {
    fn contains(mut ancestors: Option<&Rc<Ancestors>>, place: FileId) -> bool {
        while let Some(it) = ancestors {
            if it.place == place {
                return true;
            }
            ancestors = it.ancestors.as_ref();
        }
        false
    }
}

/// Limit of files and directories. No function has as many, but a few links that lead to each other can
/// produce more.
const MAX_ENTRIES: usize = 200_000;

impl Walker {
    fn new(rules: Rules, links: Links, leave_out: Option<FileId>) -> Self {
        Walker {
            rules,
            links,
            leave_out,
            files: Vec::new(),
            items: Vec::new(),
            notes: Vec::new(),
            hidden: false,
            root: PathBuf::new(),
            open: Vec::new(),
            entries: 0,
        }
    }

    fn into_contents(mut self, source: String) -> Result<Contents, PackageError> {
        self.items.extend(read_metadata(self.files, self.leave_out)?);
        if self.items.is_empty() {
            return Err(PackageError::Empty { path: source, only_hidden: self.hidden });
        }
        self.items.sort_by(|a, b| a.name.cmp(&b.name));
        // If paths overlap, a name occurs more than once.
        self.items.dedup_by(|a, b| a.name == b.name);
        self.notes.extend(stale_pyc(&self.items));
        self.notes.sort();
        Ok(Contents { source, kind: ContentsKind::Files(self.items), notes: self.notes })
    }

    fn directory(&mut self, path: PathBuf, prefix: String) -> Result<(), PackageError> {
        self.root = canonical(&path)?;
        self.enter(path, prefix, None)?;
        while let Some(OpenDirectory { path, prefix, ancestors }) = self.open.pop() {
            let mut is_empty = true;
            for entry in fs::read_dir(&path).map_err(unreadable(&path))? {
                let entry = entry.map_err(unreadable(&path))?;
                is_empty = false;
                let path = entry.path();
                let file_name = entry.file_name().into_string().map_err(|_| not_utf8(&path))?;
                let name = format!("{prefix}{file_name}");
                let kind = entry.file_type().map_err(unreadable(&path))?;
                match self.rules.exclusion(&name, &file_name, kind.is_dir()) {
                    Some(ExclusionReason::Hidden) => self.hidden = true,
                    Some(ExclusionReason::Rule) => {}
                    None if kind.is_dir() => self.enter(path, format!("{name}/"), ancestors.clone())?,
                    None if kind.is_symlink() => self.link(name, path, ancestors.as_ref())?,
                    None if kind.is_file() => self.file(name, path)?,
                    None => self.notes.push(PackageNote::NoFile { name }),
                }
            }
            if is_empty && !prefix.is_empty() && self.rules.includes(prefix.trim_end_matches('/'), true) {
                self.items.push(Item { name: prefix, path, kind: ItemKind::EmptyDirectory });
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        path: PathBuf,
        prefix: String,
        ancestors: Option<Rc<Ancestors>>,
    ) -> Result<(), PackageError> {
        self.count()?;
        let ancestors = if self.links == Links::Preserve {
            None
        } else {
            let place = identity(&fs::metadata(&path).map_err(unreadable(&path))?);
            Some(Rc::new(Ancestors { place, ancestors }))
        };
        self.open.push(OpenDirectory { path, prefix, ancestors });
        Ok(())
    }

    fn file(&mut self, name: String, path: PathBuf) -> Result<(), PackageError> {
        self.count()?;
        self.files.push((name, path));
        Ok(())
    }

    fn count(&mut self) -> Result<(), PackageError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES { Err(PackageError::TooMany { most: MAX_ENTRIES }) } else { Ok(()) }
    }

    fn link(
        &mut self,
        name: String,
        path: PathBuf,
        ancestors: Option<&Rc<Ancestors>>,
    ) -> Result<(), PackageError> {
        self.count()?;
        let target = fs::read_link(&path).map_err(unreadable(&path))?;
        let target = target.into_os_string().into_string().map_err(|_| not_utf8(&path))?;
        let leaves = leaves_directory(&name, &target);
        if self.links == Links::Preserve || (self.links == Links::External && !leaves) {
            if leaves || fs::metadata(&path).is_err() {
                self.notes.push(PackageNote::Dangles { name: name.clone(), target: target.clone() });
            }
            self.items.push(Item { name, path, kind: ItemKind::Link { target } });
            return Ok(());
        }
        let there = fs::metadata(&path).map_err(unreadable(&path))?;
        let place = canonical(&path)?;
        if self.rules.hides_target(&self.root, &place, there.is_file()) {
            self.hidden = true;
            self.notes.push(PackageNote::Hidden { name, target });
            return Ok(());
        }
        if there.is_file() {
            return self.file(name, path);
        }
        if !there.is_dir() {
            self.notes.push(PackageNote::NoFile { name });
            return Ok(());
        }
        if Ancestors::contains(ancestors, identity(&there)) {
            self.notes.push(PackageNote::Cycle { name, target });
            return Ok(());
        }
        self.enter(path, format!("{name}/"), ancestors.cloned())
    }
}

/// Detects `.pyc` files that contain the modification time of their source, which the fixed times of the
/// archive invalidate. Those with a hash of the source (PEP 552) stay valid. A build makes only one of the
/// two kinds, so reading one file is enough.
fn stale_pyc(items: &[Item]) -> Option<PackageNote> {
    // Not a link, whose target may be a pipe.
    let is_file = |item: &Item| matches!(item.kind, ItemKind::File { .. });
    let is_cached =
        |item: &&Item| item.name.ends_with(".pyc") && item.name.contains("__pycache__/") && is_file(item);
    let mut cached = items.iter().filter(is_cached);
    let first = cached.next()?;
    let mut head = [0; 8];
    fs::File::open(&first.path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    let has_timestamp = head[4..] == [0; 4];
    has_timestamp.then(|| PackageNote::StalePyc { name: first.name.clone(), count: 1 + cached.count() })
}

/// Reads size and mode of each file. Uses several threads for many files, because these reads take most of
/// the time of a walk.
fn read_metadata(
    mut files: Vec<(String, PathBuf)>,
    leave_out: Option<FileId>,
) -> Result<Vec<Item>, PackageError> {
    let read_item = |(name, path): (String, PathBuf)| match fs::metadata(&path) {
        Ok(metadata) if leave_out == Some(identity(&metadata)) => None,
        Ok(metadata) => Some(Ok(Item { name, kind: file(&metadata), path })),
        Err(error) => Some(Err(unreadable(&path)(error))),
    };
    if files.len() < WORTH_A_THREAD {
        return files.into_iter().filter_map(read_item).collect();
    }
    let share = files.len().div_ceil(threads());
    std::thread::scope(|scope| {
        let read_items =
            |files: &mut [(String, PathBuf)]| files.iter_mut().map(mem::take).filter_map(read_item).collect();
        let reading: Vec<_> =
            files.chunks_mut(share).map(|files| scope.spawn(move || read_items(files))).collect();
        let mut items = Vec::new();
        for reading in reading {
            let found: Result<Vec<Item>, PackageError> = reading.join().expect("a panic ends the process");
            items.extend(found?);
        }
        Ok(items)
    })
}

/// True if the target of a link, relative to the directory of the link, is outside the root.
fn leaves_directory(name: &str, target: &str) -> bool {
    let mut depth = name.matches('/').count();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

fn file(metadata: &fs::Metadata) -> ItemKind {
    ItemKind::File { bytes: metadata.len(), executable: metadata.permissions().mode() & 0o111 != 0 }
}

fn not_utf8(path: &Path) -> PackageError {
    PackageError::NotUtf8 { path: path.display().to_string() }
}
