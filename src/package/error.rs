//! Says why an archive could not be built.

use std::io;
use std::path::{Path, PathBuf};

use crate::cancel::CancelReason;

/// Why the archive could not be built.
#[derive(Debug)]
pub enum PackageError {
    /// The path to package does not exist.
    NotFound {
        /// The path, as in the stanza.
        path: String,
    },
    /// The directory has no file to package.
    Empty {
        /// The path, as in the stanza.
        path: String,
        /// True if all of its files are hidden.
        only_hidden: bool,
    },
    /// A file, link or directory cannot be read.
    Unreadable {
        /// The path of it.
        path: PathBuf,
        /// The error of the read.
        source: io::Error,
    },
    /// The size of a file changed while it was read.
    Changed {
        /// The path of the file.
        path: PathBuf,
    },
    /// A file name is not valid UTF-8.
    NotUtf8 {
        /// The path, with replacement characters.
        path: String,
    },
    /// A path cannot be a name in the archive: it is absolute, or leads out of the build directory.
    NoName {
        /// The path, as in the stanza.
        path: String,
    },
    /// The path leads into a `.git` directory.
    Repository {
        /// The path, as in the stanza.
        path: String,
    },
    /// A gitignore pattern is invalid.
    BadPattern {
        /// The option of the stanza with the pattern.
        option: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The path is neither a file nor a directory.
    NoFile {
        /// The path, as in the stanza.
        path: String,
    },
    /// The file to deploy is not a valid zip archive.
    NotAZip {
        /// The path, as in the stanza.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The archive is too large for a call to Lambda.
    ZipTooLarge {
        /// Size of the archive in bytes.
        bytes: u64,
        /// The largest entries, with their unzipped sizes in bytes.
        largest: Vec<(String, u64)>,
    },
    /// The unzipped package is larger than Lambda accepts.
    UnzippedTooLarge {
        /// Unzipped size in bytes.
        bytes: u64,
        /// The largest entries, with their unzipped sizes in bytes.
        largest: Vec<(String, u64)>,
    },
    /// There are too many files and directories.
    TooMany {
        /// The limit.
        most: usize,
    },
    /// The archive cannot be built, for example because the temporary file cannot be written.
    Unarchivable {
        /// The directory of temporary files, which large archives need.
        temporary: PathBuf,
        /// The error of the write.
        source: io::Error,
    },
    /// The archive cannot be written to the requested file.
    Unwritable {
        /// The path, as requested.
        path: PathBuf,
        /// The error of the write.
        source: io::Error,
    },
    /// The run was cancelled.
    Cancelled(CancelReason),
}

/// The error for a path that cannot be read.
pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> PackageError {
    move |source| PackageError::Unreadable { path: path.to_owned(), source }
}

/// The error for an archive that cannot be written.
pub(super) fn unarchivable(source: io::Error) -> PackageError {
    PackageError::Unarchivable { temporary: std::env::temp_dir(), source }
}
