//! A path in, the list of what goes into the archive out, sorted by name.
//! Never reads a file's content; sizes are those that the directory tells.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, PackageError};

/// What will be packaged.
#[derive(Debug)]
pub struct Contents {
    /// The path, as the stanza names it.
    pub(super) source: String,
    pub(super) kind: Kind,
    left_out: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A finished archive.
    Archive { path: PathBuf, bytes: u64 },
    /// Files, links and empty directories, sorted by name.
    Files(Vec<Item>),
}

/// One entry of the archive to be.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name in the archive: relative, with `/`.
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
    /// Sockets, pipes and devices that were found, and that no archive can hold.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Bytes of all files. `None` for a finished archive, which has not been read yet.
    fn uncompressed_bytes(&self) -> Option<u64> {
        match &self.kind {
            Kind::Archive { .. } => None,
            Kind::Files(items) => Some(items.iter().map(Item::bytes).sum()),
        }
    }

    /// True when the archive is sure to be one that Lambda takes, however badly its files compress. What a finished
    /// archive holds is known only once it has been read.
    pub fn surely_fits(&self) -> bool {
        match &self.kind {
            Kind::Archive { .. } => false,
            Kind::Files(items) => {
                // Two headers for each entry, and deflate's own five bytes for each 64 KiB that it cannot make smaller.
                let entry = |item: &Item| item.bytes() + item.bytes() / 1000 + 2 * item.name.len() as u64 + 200;
                items.iter().map(entry).sum::<u64>() + 1000 <= MAX_ZIP_BYTES
            }
        }
    }

    /// Whether a finished archive can travel in a call to Lambda.
    ///
    /// # Errors
    /// [`PackageError::ZipTooLarge`].
    pub fn check_given_size(&self) -> Result<(), PackageError> {
        match self.kind {
            Kind::Archive { bytes, .. } if bytes > MAX_ZIP_BYTES => Err(PackageError::ZipTooLarge { bytes }),
            Kind::Archive { .. } | Kind::Files(_) => Ok(()),
        }
    }

    /// Whether Lambda would unpack these files.
    ///
    /// # Errors
    /// [`PackageError::UnzippedTooLarge`] with the largest of them.
    pub fn check_unzipped_size(&self) -> Result<(), PackageError> {
        match (&self.kind, self.uncompressed_bytes()) {
            (Kind::Files(items), Some(bytes)) if bytes > MAX_UNZIPPED_BYTES => {
                let entries = items.iter().map(|item| (item.name.clone(), item.bytes()));
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
pub(super) fn largest(entries: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    entries.truncate(10);
    entries
}

pub(super) fn survey(
    directory: &Path,
    source: &str,
    dot_match: bool,
    leave_out: Option<&Path>,
) -> Result<Contents, PackageError> {
    let path = directory.join(source);
    let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PackageError::NotFound { path: source.to_owned() },
        _ => unreadable(&path)(error),
    })?;
    let contents = |kind, left_out| Contents { source: source.to_owned(), kind, left_out };
    if metadata.is_file() {
        let is_archive =
            path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip") || end.eq_ignore_ascii_case("jar"));
        if is_archive {
            return Ok(contents(Kind::Archive { path, bytes: metadata.len() }, Vec::new()));
        }
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| not_utf8(&path))?.to_owned();
        let item = Item { name, kind: file(&metadata), path };
        return Ok(contents(Kind::Files(vec![item]), Vec::new()));
    }
    if !metadata.is_dir() {
        return Err(PackageError::NoFile { path: source.to_owned() });
    }
    let leave_out = leave_out.and_then(|path| fs::canonicalize(path).ok());
    let mut walk = Walk { root: &path, dot_match, leave_out, items: Vec::new(), left_out: Vec::new(), hidden: false };
    walk.directory()?;
    if walk.items.is_empty() {
        return Err(PackageError::Empty { path: source.to_owned(), only_hidden: walk.hidden });
    }
    walk.items.sort_by(|a, b| a.name.cmp(&b.name));
    walk.left_out.sort();
    let (items, left_out) = (walk.items, walk.left_out);
    Ok(contents(Kind::Files(items), left_out))
}

/// A walk through a directory, deep first, without recursion: a tree may be deeper than a stack.
struct Walk<'a> {
    root: &'a Path,
    dot_match: bool,
    leave_out: Option<PathBuf>,
    items: Vec<Item>,
    left_out: Vec<String>,
    hidden: bool,
}

impl Walk<'_> {
    fn directory(&mut self) -> Result<(), PackageError> {
        let mut open = vec![(self.root.to_owned(), String::new())];
        while let Some((path, prefix)) = open.pop() {
            let mut is_empty = true;
            for entry in fs::read_dir(&path).map_err(unreadable(&path))? {
                let entry = entry.map_err(unreadable(&path))?;
                is_empty = false;
                let path = entry.path();
                let name = entry.file_name().into_string().map_err(|_| not_utf8(&path))?;
                if self.is_hidden(&name, prefix.is_empty()) {
                    self.hidden = true;
                    continue;
                }
                let name = format!("{prefix}{name}");
                let kind = entry.file_type().map_err(unreadable(&path))?;
                if kind.is_dir() {
                    open.push((path, format!("{name}/")));
                } else {
                    self.item(name, path, kind)?;
                }
            }
            if is_empty && !prefix.is_empty() {
                self.items.push(Item { name: prefix, path, kind: ItemKind::EmptyDirectory });
            }
        }
        Ok(())
    }

    /// The repository itself is never deployed, whatever `dot_match` says.
    fn is_hidden(&self, name: &str, at_the_root: bool) -> bool {
        (at_the_root && name == ".git") || (!self.dot_match && name.starts_with('.'))
    }

    fn item(&mut self, name: String, path: PathBuf, kind: fs::FileType) -> Result<(), PackageError> {
        let kind = if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(unreadable(&path))?;
            ItemKind::Link { target: target.into_os_string().into_string().map_err(|_| not_utf8(&path))? }
        } else if kind.is_file() {
            if self.leave_out.is_some() && fs::canonicalize(&path).ok() == self.leave_out {
                return Ok(());
            }
            file(&fs::symlink_metadata(&path).map_err(unreadable(&path))?)
        } else {
            self.left_out.push(name);
            return Ok(());
        };
        self.items.push(Item { name, path, kind });
        Ok(())
    }
}

fn file(metadata: &fs::Metadata) -> ItemKind {
    ItemKind::File { bytes: metadata.len(), executable: metadata.permissions().mode() & 0o111 != 0 }
}

pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> PackageError {
    move |source| PackageError::Unreadable { path: path.to_owned(), source }
}

fn not_utf8(path: &Path) -> PackageError {
    PackageError::NotUtf8 { path: path.display().to_string() }
}
