//! Records the file attributes of a checkout that git does not keep, and restores them: modes other than the
//! executable bit, and empty directories. Also lists pipes and sockets, which git does not store. Never
//! enters a repository inside the checkout, and never follows a link.
#![expect(clippy::disallowed_methods, reason = "reads directories and restores modes")]

use std::fs::{self, FileType, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The recorded state of a file or a directory.
#[derive(Debug)]
pub(super) struct FileState {
    path: PathBuf,
    is_directory: bool,
    mode: u32,
}

/// All files and directories, each directory before its contents, and the names of all entries that are not
/// files, directories or links.
pub(super) fn read(top: &Path) -> (Vec<FileState>, Vec<String>) {
    let (mut all, mut others, mut directories) = (Vec::new(), Vec::new(), vec![top.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (Ok(metadata), path) = (entry.metadata(), entry.path()) else { continue };
            let kind = metadata.file_type();
            if kind.is_symlink() || entry.file_name() == ".git" {
                continue;
            }
            if !kind.is_dir() && !kind.is_file() {
                others.push(path.strip_prefix(top).unwrap_or(&path).display().to_string());
                continue;
            }
            if kind.is_dir() && path.join(".git").exists() {
                continue;
            }
            if kind.is_dir() {
                directories.push(path.clone());
            }
            all.push(FileState {
                path,
                is_directory: kind.is_dir(),
                mode: metadata.permissions().mode() & 0o7777,
            });
        }
    }
    (all, others)
}

impl FileState {
    fn now(&self) -> Option<(FileType, u32)> {
        let metadata = fs::symlink_metadata(&self.path).ok()?;
        Some((metadata.file_type(), metadata.permissions().mode() & 0o7777))
    }

    /// Whether the file or directory does not exist any more, or has another mode.
    pub(super) fn has_changed(&self) -> bool {
        self.now().is_none_or(|(_, mode)| mode != self.mode)
    }
}

/// Restores the modes of files and directories, and creates empty directories that git did not restore.
pub(super) fn restore(all: &[FileState]) {
    for was in all.iter().filter(|was| was.is_directory && was.now().is_none()) {
        let _ = fs::create_dir_all(&was.path);
    }
    // In reverse order, each directory after its contents, because its recorded mode may not allow writes.
    for was in all.iter().rev() {
        let is_same =
            was.now().is_some_and(|(kind, _)| if was.is_directory { kind.is_dir() } else { kind.is_file() });
        if is_same && was.has_changed() {
            let _ = fs::set_permissions(&was.path, Permissions::from_mode(was.mode));
        }
    }
}
