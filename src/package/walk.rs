//! Walks through directories, and lists the entries of a package.
//! It reads no content of the files to package, except the header of one `.pyc`.

use std::fs;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{PackageError, unreadable};
use super::hidden;
use super::item::{Item, ItemKind};
use super::limits::threads;
use super::links::{Destination, Names};
use super::note::{DanglingReason, PackageNote};
use super::selection::{ExclusionReason, Rules};
use crate::protocol::stanza::Links;

pub(super) fn canonical(path: &Path) -> Result<PathBuf, PackageError> {
    fs::canonicalize(path).map_err(unreadable(path))
}

/// Number of files from which reading their metadata takes longer than starting threads.
const WORTH_A_THREAD: usize = 256;

/// Device and inode, which identify a file independently of its path.
pub(super) type FileId = (u64, u64);

pub(super) fn identity(metadata: &fs::Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Walks through directories. It uses no recursion, because a deep tree could overflow the stack.
pub(super) struct Walker {
    rules: Rules,
    links: Links,
    leave_out: Vec<FileId>,
    /// Names and paths of files whose metadata is not read yet.
    files: Vec<(String, PathBuf)>,
    /// Links that stay links.
    kept: Vec<KeptLink>,
    items: Vec<Item>,
    notes: Vec<PackageNote>,
    hidden: bool,
    /// Names of hidden entries that are left out, although code of the package may load them.
    hidden_code: Vec<String>,
    /// Names of followed links whose targets need packages that are left out.
    lacking: Vec<String>,
    /// Canonical path of the directory where the walk started.
    root: Rc<Path>,
    open: Vec<OpenDirectory>,
    /// Number of files and directories so far.
    entries: usize,
}

/// A link, with what is needed to follow it later.
struct KeptLink {
    name: String,
    path: PathBuf,
    target: String,
    /// [`Walker::root`] where the link was found.
    root: Rc<Path>,
    /// [`OpenDirectory::ancestors`] of its directory.
    ancestors: Option<Rc<Ancestors>>,
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
    /// Begins without entries. `leave_out` are files that do not become one.
    pub(super) fn new(rules: Rules, links: Links, leave_out: Vec<FileId>) -> Self {
        Walker {
            rules,
            links,
            leave_out,
            files: Vec::new(),
            kept: Vec::new(),
            items: Vec::new(),
            notes: Vec::new(),
            hidden: false,
            hidden_code: Vec::new(),
            lacking: Vec::new(),
            root: Path::new("").into(),
            open: Vec::new(),
            entries: 0,
        }
    }

    pub(super) fn note(&mut self, note: PackageNote) {
        self.notes.push(note);
    }

    pub(super) fn push(&mut self, file: Item) {
        self.items.push(file);
    }

    /// Returns the entries, sorted by name, and the notes about them. `source` is the path, as in the stanza.
    pub(super) fn finish(mut self, source: &str) -> Result<(Vec<Item>, Vec<PackageNote>), PackageError> {
        self.follow_leaving_links()?;
        let dangling = self.dangling_links();
        let mut items = self.items;
        items.extend(read_metadata(self.files, &self.leave_out)?);
        items.extend(self.kept.into_iter().map(KeptLink::into_item));
        if items.is_empty() {
            return Err(PackageError::Empty { path: source.to_owned(), only_hidden: self.hidden });
        }
        items.sort_by(|a, b| a.name.cmp(&b.name));
        // If paths overlap, a name occurs more than once.
        items.dedup_by(|a, b| a.name == b.name);
        let mut notes = self.notes;
        notes.extend(dangling);
        notes.extend(stale_pyc(&items));
        let first = |names: Vec<String>| {
            let more = names.len().saturating_sub(1);
            names.into_iter().min().map(|name| (name, more))
        };
        notes.extend(first(self.hidden_code).map(|(name, more)| PackageNote::HiddenCode { name, more }));
        notes.extend(first(self.lacking).map(|(name, more)| PackageNote::LacksDependencies { name, more }));
        notes.sort();
        notes.dedup();
        Ok((items, notes))
    }

    /// Drops the links through which these names lead, because an archive cannot have both a link and entries
    /// below it. The names are those of paths in the stanza.
    pub(super) fn drop_links_on(&mut self, names: &[String]) {
        let is_on = |link: &KeptLink| names.iter().any(|name| Path::new(name).starts_with(&link.name));
        self.kept.retain(|link| !is_on(link));
    }

    /// Adds the entries of a directory, and of those below it. Their names begin with `prefix`.
    pub(super) fn directory(&mut self, path: PathBuf, prefix: String) -> Result<(), PackageError> {
        self.root = canonical(&path)?.into();
        self.enter(path, prefix, None)?;
        self.walk()
    }

    /// Reads the open directories, and the directories in them.
    fn walk(&mut self) -> Result<(), PackageError> {
        while let Some(OpenDirectory { path, prefix, ancestors }) = self.open.pop() {
            let mut is_empty = true;
            for entry in fs::read_dir(&path).map_err(unreadable(&path))? {
                let entry = entry.map_err(unreadable(&path))?;
                is_empty = false;
                let path = entry.path();
                let file_name = entry.file_name();
                let is_utf8 = file_name.to_str().is_some();
                let file_name = file_name.to_string_lossy();
                let name = format!("{prefix}{file_name}");
                let kind = entry.file_type().map_err(unreadable(&path))?;
                match self.rules.exclusion(&name, &file_name, kind.is_dir()) {
                    Some(ExclusionReason::Hidden) => {
                        self.hidden = true;
                        if hidden::is_code(&self.rules, self.links, &name, &path) {
                            self.hidden_code.push(name);
                        }
                    }
                    Some(ExclusionReason::Rule) => {}
                    None if !is_utf8 => return Err(not_utf8(&path)),
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
        let target = target.into_os_string().into_string().map_err(|target| PackageError::NotUtf8 {
            path: format!("{} -> {}", path.display(), target.display()),
        })?;
        let link = KeptLink { name, path, target, root: self.root.clone(), ancestors: ancestors.cloned() };
        // Of a link into the package it is not known yet whether its target is packaged.
        let destination = || Names::default().destination(&link.name, &link.target, link.is_whole());
        let follows = match self.links {
            Links::Preserve => false,
            Links::Follow => link.is_whole() || destination() != Destination::Lambda,
            Links::External => destination() == Destination::Outside,
        };
        if follows {
            self.follow(link)
        } else {
            self.kept.push(link);
            Ok(())
        }
    }

    /// Packages the target of a link in its place.
    fn follow(&mut self, link: KeptLink) -> Result<(), PackageError> {
        let KeptLink { name, path, target, root, ancestors } = link;
        let there = match fs::metadata(&path) {
            Ok(there) => there,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(PackageError::DanglingLink { path, target });
            }
            Err(error) => return Err(unreadable(&path)(error)),
        };
        let place = canonical(&path)?;
        if self.rules.hides_target(&root, &place, there.is_file()) {
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
        if Ancestors::contains(ancestors.as_ref(), identity(&there)) {
            self.notes.push(PackageNote::Cycle { name, target });
            return Ok(());
        }
        self.enter(path.clone(), format!("{name}/"), ancestors)?;
        if hidden::lacks_dependencies(&path, &place) {
            self.lacking.push(name);
        }
        Ok(())
    }

    /// With [`Links::External`], follows the links whose targets are here but not in the package, and those
    /// that are found on the way.
    fn follow_leaving_links(&mut self) -> Result<(), PackageError> {
        while self.links == Links::External && !self.kept.is_empty() {
            let mut leaves = self.leaving_links().into_iter();
            let (leaving, kept): (Vec<_>, Vec<_>) =
                mem::take(&mut self.kept).into_iter().partition(|_| leaves.next() == Some(true));
            self.kept = kept;
            if leaving.is_empty() {
                break;
            }
            for link in leaving {
                self.root = link.root.clone();
                self.follow(link)?;
                self.walk()?;
            }
        }
        Ok(())
    }

    /// For each kept link, whether its target is here but neither in the package nor at Lambda.
    fn leaving_links(&self) -> Vec<bool> {
        let names = self.names();
        let leaves = |link: &KeptLink| {
            let is_here = link.is_whole();
            let destination = names.destination(&link.name, &link.target, is_here);
            is_here && matches!(destination, Destination::Absent(_) | Destination::Outside)
        };
        self.kept.iter().map(leaves).collect()
    }

    /// The names of the package so far.
    fn names(&self) -> Names<'_> {
        let items = self.items.iter().map(|item| item.name.as_str());
        let files = self.files.iter().map(|(name, _)| name.as_str());
        let links = self.kept.iter().map(|link| (link.name.as_str(), Some(link.target.as_str())));
        Names::new(items.chain(files).map(|name| (name, None)).chain(links))
    }

    /// Notes about links to nothing. There is one note for all links to hidden targets, because a project can
    /// have as many as dependencies.
    fn dangling_links(&self) -> Vec<PackageNote> {
        let (mut notes, mut hidden) = (Vec::new(), Vec::new());
        if self.kept.is_empty() {
            return notes;
        }
        let names = self.names();
        for link in &self.kept {
            let is_here = link.is_whole();
            let reason = match names.destination(&link.name, &link.target, is_here) {
                Destination::Package | Destination::Lambda => continue,
                Destination::Outside | Destination::Absent(_) if !is_here => DanglingReason::Missing,
                Destination::Outside => DanglingReason::Outside,
                Destination::Absent(name) if self.rules.needs_dot_match(&name) => {
                    hidden.push(link);
                    continue;
                }
                Destination::Absent(_) => DanglingReason::LeftOut,
            };
            notes.push(link.dangles(reason));
        }
        let more = hidden.len().saturating_sub(1);
        let first = hidden.into_iter().min_by(|a, b| a.name.cmp(&b.name));
        notes.extend(first.map(|link| link.dangles(DanglingReason::Hidden { more })));
        notes
    }
}

impl KeptLink {
    /// Whether the link leads to something on this machine.
    fn is_whole(&self) -> bool {
        fs::metadata(&self.path).is_ok()
    }

    fn dangles(&self, reason: DanglingReason) -> PackageNote {
        PackageNote::Dangles { name: self.name.clone(), target: self.target.clone(), reason }
    }

    fn into_item(self) -> Item {
        Item { name: self.name, path: self.path, kind: ItemKind::Link { target: self.target } }
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
fn read_metadata(mut files: Vec<(String, PathBuf)>, leave_out: &[FileId]) -> Result<Vec<Item>, PackageError> {
    let read_item = |(name, path): (String, PathBuf)| match fs::metadata(&path) {
        Ok(metadata) if leave_out.contains(&identity(&metadata)) => None,
        Ok(metadata) => Some(Ok(Item { name, kind: ItemKind::file(&metadata), path })),
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

pub(super) fn not_utf8(path: &Path) -> PackageError {
    PackageError::NotUtf8 { path: path.display().to_string() }
}
