//! Describes one entry of an archive: of one to build, and of a finished one.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
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
    File { bytes: u64, executable: bool },
    Link { target: String },
    EmptyDirectory,
}

impl ItemKind {
    /// A regular file.
    pub(super) fn file(metadata: &Metadata) -> Self {
        ItemKind::File { bytes: metadata.len(), executable: metadata.permissions().mode() & 0o111 != 0 }
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

/// An entry of a finished archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Unzipped size in bytes.
    pub(super) bytes: u64,
    /// Whether the file is executable. Always true for a link, because its target decides.
    pub(super) executable: bool,
}
