//! Describes one entry of an archive: of one to build, and of a finished one.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

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
    File { state: FileState, executable: bool },
    Link { target: String },
    EmptyDirectory,
}

/// Size and modification time of a file, which change with its content. The inode is not compared: some
/// network file systems give a file another one at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl FileState {
    pub(super) fn of(metadata: &Metadata) -> Self {
        FileState { bytes: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

impl ItemKind {
    /// A regular file.
    pub(super) fn file(metadata: &Metadata) -> Self {
        let executable = metadata.permissions().mode() & 0o111 != 0;
        ItemKind::File { state: FileState::of(metadata), executable }
    }

    /// Whether this is a file in the state `now`.
    pub(super) fn is_unchanged(&self, now: FileState) -> bool {
        matches!(self, ItemKind::File { state, .. } if *state == now)
    }
}

impl Item {
    pub(super) fn bytes(&self) -> u64 {
        match self.kind {
            ItemKind::File { state, .. } => state.bytes,
            ItemKind::Link { .. } | ItemKind::EmptyDirectory => 0,
        }
    }
}

/// An entry of a finished archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Unzipped size in bytes.
    pub(super) bytes: u64,
    /// Whether the file is executable. Always true for a link, because its target decides.
    pub(super) executable: bool,
}
