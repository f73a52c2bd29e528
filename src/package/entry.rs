//! Describes one entry of an archive.

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Unzipped size in bytes.
    pub(super) bytes: u64,
    /// Whether the file is executable. Always true for a link, because its target decides.
    pub(super) executable: bool,
}
