//! Why the archive could not be built.

use std::io;
use std::path::{Path, PathBuf};

use super::limits::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES};
use crate::cancel::CancelReason;
use crate::protocol::messages::size;

/// Why the archive could not be built. A `path` that is a string is as in the stanza. `largest` has the
/// largest entries, with their unzipped sizes in bytes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("`{path}` does not exist in the build directory")]
    NotFound { path: String },
    /// The directory has no file to package. `only_hidden`: it has files, and all of them are hidden.
    #[error("`{path}` contains {}", content(*.only_hidden))]
    Empty { path: String, only_hidden: bool },
    #[error("the link `{}` points to `{target}`, which does not exist", .path.display())]
    DanglingLink { path: PathBuf, target: String },
    #[error("`{}` cannot be read", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` changed while it was packaged", .path.display())]
    Changed { path: PathBuf },
    /// A file name is not valid UTF-8. `path` has replacement characters.
    #[error("the name `{path}` is not UTF-8, so the file cannot be packaged")]
    NotUtf8 { path: String },
    /// A path cannot be a name in the archive: it is absolute, or leads out of the build directory.
    #[error("`{path}` cannot be used as a name in the archive")]
    NoName { path: String },
    #[error("`{path}` leads into `.git`, which is never packaged")]
    Repository { path: String },
    /// A gitignore pattern is invalid. `place`: the option of the stanza, or the file, that contains it.
    #[error("a pattern in `{place}` is invalid: {detail}")]
    BadPattern { place: &'static str, detail: String },
    #[error("`{path}` is neither a file nor a directory")]
    NoFile { path: String },
    #[error("`{path}` is not a zip archive: {detail}")]
    NotAZip { path: String, detail: String },
    #[error("`{name}` in `{path}` cannot be unpacked: {detail}")]
    BadEntry { path: String, name: String, detail: String },
    /// The archive is too large for a call to Lambda. `bytes`: its size.
    #[error(
        "the archive is {}, {} more than the {} that an API call accepts",
        size(*.bytes),
        size(.bytes.saturating_sub(MAX_ZIP_BYTES)),
        size(MAX_ZIP_BYTES)
    )]
    ZipTooLarge { bytes: u64, largest: Vec<(String, u64)> },
    /// The unzipped package is larger than Lambda accepts. `bytes`: its unzipped size.
    #[error(
        "the package is {} unpacked, {} more than the {} that Lambda accepts",
        size(*.bytes),
        size(.bytes.saturating_sub(MAX_UNZIPPED_BYTES)),
        size(MAX_UNZIPPED_BYTES)
    )]
    UnzippedTooLarge { bytes: u64, largest: Vec<(String, u64)> },
    #[error("the package has more than {most} files and directories")]
    TooMany { most: usize },
    /// The archive cannot be built, for example because the temporary file cannot be written. `temporary` is
    /// the directory of temporary files, which large archives need.
    #[error("the archive cannot be created")]
    Unarchivable { temporary: PathBuf, source: io::Error },
    #[error("the archive cannot be written to `{}`", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the run was cancelled")]
    Cancelled(#[from] CancelReason),
}

fn content(only_hidden: bool) -> &'static str {
    if only_hidden { "only files whose names begin with a dot" } else { "nothing to package" }
}

/// The error for a path that cannot be read.
pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> PackageError {
    move |source| PackageError::Unreadable { path: path.to_owned(), source }
}

/// The error for an archive that cannot be written.
pub(super) fn unarchivable(source: io::Error) -> PackageError {
    PackageError::Unarchivable { temporary: std::env::temp_dir(), source }
}
