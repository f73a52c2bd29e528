//! Finds entries of a finished archive that will not be usable at Lambda: by the archive's directory, by the
//! first bytes of a few entries, and by unpacking all of them to nowhere.

use std::io::{self, Read, Seek};

use zip::{CompressionMethod, ZipArchive};

use super::handler::{BOOTSTRAP, is_java_library};
use super::links::{Destination, Names};
use super::note::{DanglingReason, PackageNote};
use super::program::{HEAD_BYTES, Program, is_archive};
use crate::cancel::{CancelReason, CancelToken};

/// File type bits of a Unix mode, and their value for a link.
const S_IFMT: u32 = 0o170_000;
const S_IFLNK: u32 = 0o120_000;

/// Number of links above which links are not judged, because the target of each has to be read.
const MAX_LINKS: usize = 1000;

/// Longest target of a link in bytes, on Linux.
const MAX_TARGET_BYTES: u64 = 4096;

/// Notes about the entries of an archive: the name of each, and its Unix mode. A mode of 0 is not known.
pub(super) fn notes<R: Read + Seek>(zip: &mut ZipArchive<R>, entries: &[(&str, u32)]) -> Vec<PackageNote> {
    let inner = inner_archive(zip, entries);
    let dangling = dangling_links(zip, entries).unwrap_or_default();
    [owner_only(entries), backslashes(entries), inner].into_iter().flatten().chain(dangling).collect()
}

/// The program that a custom runtime starts. `None`: it is missing, cannot be read, or is a link.
pub(super) fn bootstrap<R: Read + Seek>(zip: &mut ZipArchive<R>, entries: &[(&str, u32)]) -> Option<Program> {
    let index = entries.iter().position(|(name, mode)| *name == BOOTSTRAP && !is_link(*mode))?;
    start(zip, index, HEAD_BYTES).map(|head| Program::of(&head))
}

/// The first entry that nobody can unpack, and why: it is encrypted, or its data is damaged. Entries with a
/// compression that is not known here are not judged.
pub(super) fn damage<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    stop: &CancelToken,
) -> Result<Option<(usize, String)>, CancelReason> {
    for index in 0..zip.len() {
        stop.check()?;
        match zip.by_index_data(index).map(|entry| (entry.encrypted(), entry.compression())) {
            Ok((true, _)) => return Ok(Some((index, "it is encrypted".to_owned()))),
            Ok((false, CompressionMethod::Stored | CompressionMethod::Deflated)) => {}
            Ok((false, _)) | Err(_) => continue,
        }
        // Reading to the end compares the size and the checksum.
        let entry = zip.by_index(index).map_err(io::Error::from);
        if let Err(error) = entry.and_then(|mut entry| io::copy(&mut entry, &mut io::sink())) {
            return Ok(Some((index, error.to_string())));
        }
    }
    Ok(None)
}

fn owner_only(entries: &[(&str, u32)]) -> Option<PackageNote> {
    let mut found = entries.iter().filter(|(name, mode)| is_owner_only(name, *mode));
    let (name, mode) = found.next()?;
    Some(PackageNote::OwnerOnly { name: (*name).to_owned(), mode: mode & 0o777, more: found.count() })
}

/// Whether Lambda, which runs as another user, cannot read a file, or cannot list and enter a directory.
fn is_owner_only(name: &str, mode: u32) -> bool {
    let needed = if name.ends_with('/') { 0o005 } else { 0o004 };
    // Without any permission, the archive is from a system that has none, such as Windows.
    !is_link(mode) && mode & 0o777 != 0 && mode & needed != needed
}

fn is_link(mode: u32) -> bool {
    mode & S_IFMT == S_IFLNK
}

fn backslashes(entries: &[(&str, u32)]) -> Option<PackageNote> {
    let mut found = entries.iter().filter(|(name, _)| name.contains('\\'));
    let (name, _) = found.next()?;
    let directory = name.rsplit_once('\\').map_or("", |(directory, _)| directory).replace('\\', "/");
    Some(PackageNote::Backslashes { name: (*name).to_owned(), directory, more: found.count() })
}

fn inner_archive<R: Read + Seek>(zip: &mut ZipArchive<R>, entries: &[(&str, u32)]) -> Option<PackageNote> {
    let mut files = entries.iter().enumerate().filter(|(_, (name, _))| !name.ends_with('/'));
    let (index, (name, _)) = files.next()?;
    let is_inner = files.next().is_none()
        && !is_java_library(name)
        && start(zip, index, HEAD_BYTES).is_some_and(|head| is_archive(&head));
    is_inner.then(|| PackageNote::InnerArchive { name: (*name).to_owned() })
}

/// Links whose target is not in the archive. `None`: there are too many links, or one cannot be read.
fn dangling_links<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    entries: &[(&str, u32)],
) -> Option<Vec<PackageNote>> {
    let links = entries.iter().enumerate().filter(|(_, (_, mode))| is_link(*mode)).map(|(index, _)| index);
    let links: Vec<usize> = links.take(MAX_LINKS + 1).collect();
    if links.is_empty() || links.len() > MAX_LINKS {
        return None;
    }
    let mut targets = vec![None; entries.len()];
    for index in links {
        targets[index] = Some(String::from_utf8(start(zip, index, MAX_TARGET_BYTES)?).ok()?);
    }
    let linked = || entries.iter().zip(&targets).map(|((name, _), target)| (*name, target.as_deref()));
    let names = Names::new(linked());
    let dangling = linked().filter_map(|(name, target)| {
        let target = target?;
        let reason = match names.destination(name, target, false) {
            Destination::Package | Destination::Lambda => return None,
            Destination::Absent(_) | Destination::Outside => DanglingReason::NotInArchive,
        };
        Some(PackageNote::Dangles { name: name.to_owned(), target: target.to_owned(), reason })
    });
    Some(dangling.collect())
}

/// The first bytes of an entry, unpacked. `None`: it cannot be read.
fn start<R: Read + Seek>(zip: &mut ZipArchive<R>, index: usize, bytes: u64) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    zip.by_index(index).ok()?.take(bytes).read_to_end(&mut start).ok()?;
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_must_be_able_to_read_files_and_enter_directories() {
        for (name, mode) in [("a", 0o100_644), ("a", 0o644), ("a/", 0o040_755), ("a", 0), ("l", 0o120_700)] {
            assert!(!is_owner_only(name, mode), "{name} {mode:o}");
        }
        for (name, mode) in [("a", 0o100_600), ("a", 0o600), ("a", 0o100_440), ("a/", 0o040_744)] {
            assert!(is_owner_only(name, mode), "{name} {mode:o}");
        }
        let entries = [("ok", 0o100_644), ("index.js", 0o100_600), ("lib/a.js", 0o100_400)];
        let note = PackageNote::OwnerOnly { name: "index.js".to_owned(), mode: 0o600, more: 1 };
        assert_eq!(owner_only(&entries), Some(note));
        assert_eq!(owner_only(&entries[..1]), None);
    }

    #[test]
    fn backslashes_are_those_of_windows() {
        let entries = [("index.js", 0), ("node_modules\\x\\y.js", 0), ("lib\\z.js", 0)];
        let name = "node_modules\\x\\y.js".to_owned();
        let note = PackageNote::Backslashes { name, directory: "node_modules/x".to_owned(), more: 1 };
        assert_eq!(backslashes(&entries), Some(note));
        assert_eq!(backslashes(&entries[..1]), None);
    }
}
