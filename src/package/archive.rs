//! Builds a zip archive from a list of files, or reads an existing one, and computes its hash.
//! An archive that it builds never depends on file times, owners or the order of the file system.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use base64_simd::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};
use zip::ZipArchive;

use super::compress::{Piece, compress};
use super::contents::{Contents, ContentsKind, largest};
use super::error::{PackageError, unarchivable, unreadable};
use super::foreign_archive;
use super::handler::{self, BOOTSTRAP, MissingHandler, is_java_library};
use super::item::{Entry, FileState, Item, ItemKind};
use super::limits::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, threads};
use super::native;
use super::note::PackageNote;
use super::program::{Program, head, is_archive};
use super::writer::{Head, Writer};
use crate::cancel::CancelToken;
use crate::protocol::event::Package;

/// Largest archive in bytes that is kept in memory. A larger one goes to a temporary file without a name,
/// which disappears with the process, even if that is killed.
pub(crate) const MAX_IN_MEMORY: usize = 4 * 1024 * 1024;

/// File size from which ZIP64 is used. The compressed size is not known in advance, but it exceeds 4 GiB only
/// if the file is about as large.
const ZIP64_FROM: u64 = 0xF000_0000;

/// Upper bound in bytes for the names and headers of an archive that Lambda would accept.
const MAX_HEADER_BYTES: u64 = 50 * 1024 * 1024;

/// A zip archive, ready to upload.
#[derive(Debug)]
pub(crate) struct Archive {
    data: Data,
    package: Package,
    sha256: Vec<u8>,
    entries: Vec<Entry>,
    notes: Vec<PackageNote>,
    /// What `bootstrap` is. `None`: it is missing, or a link.
    bootstrap: Option<Program>,
}

#[derive(Debug)]
enum Data {
    Memory(Vec<u8>),
    Temporary(File),
    /// A finished archive of the job, as it was when its hash was computed.
    Given(File, FileState),
}

/// Archives with the same hash have the same content.
impl PartialEq for Archive {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Eq for Archive {}

impl Archive {
    /// An archive without notes. `source` is the path, as in the stanza.
    fn new(data: Data, zip_bytes: u64, sha256: Vec<u8>, entries: Vec<Entry>, source: String) -> Self {
        let package = Package {
            entries: entries.len() as u64,
            uncompressed_bytes: unpacked_bytes(&entries),
            zip_bytes,
            code_sha256: BASE64.encode_to_string(&sha256),
            source,
            layer: None,
        };
        Archive { data, package, sha256, entries, notes: Vec::new(), bootstrap: None }
    }

    /// An empty archive, for tests of what is done with archives.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Archive::new(Data::Memory(Vec::new()), 0, Vec::new(), Vec::new(), String::new())
    }

    pub(crate) fn size(&self) -> u64 {
        self.package.zip_bytes
    }

    /// How many of its bytes are in memory.
    pub(crate) fn bytes_in_memory(&self) -> usize {
        match &self.data {
            Data::Memory(bytes) => bytes.len(),
            Data::Temporary(_) | Data::Given(..) => 0,
        }
    }

    /// Fills `buffer` with the bytes of the archive from `offset` on.
    ///
    /// # Errors
    /// An I/O error if the archive cannot be read, has changed, or ends before the buffer is full.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.data {
            Data::Memory(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                rest.get(..buffer.len())
                    .map(|part| buffer.copy_from_slice(part))
                    .ok_or(io::ErrorKind::UnexpectedEof.into())
            }
            Data::Temporary(file) => file.read_exact_at(buffer, offset),
            Data::Given(file, state) => {
                file.read_exact_at(buffer, offset)?;
                check_unchanged(file, *state)
            }
        }
    }

    /// SHA-256 of the archive, as raw bytes.
    pub(crate) fn sha256(&self) -> &[u8] {
        &self.sha256
    }

    /// SHA-256 of the archive in base64, which AWS calls `CodeSha256`.
    pub(crate) fn code_sha256(&self) -> &str {
        &self.package.code_sha256
    }

    /// Facts about the archive for events.
    pub(crate) fn to_event(&self) -> Package {
        self.package.clone()
    }

    /// Checks that Lambda accepts the size of the archive. `in_call`: it is sent in the call, and not through
    /// a bucket.
    pub(crate) fn check_size(&self, in_call: bool) -> Result<(), PackageError> {
        let largest = || largest(self.entries.iter().map(|entry| (entry.name.as_str(), entry.bytes)));
        let Package { zip_bytes, uncompressed_bytes, .. } = self.package;
        if uncompressed_bytes > MAX_UNZIPPED_BYTES {
            return Err(PackageError::UnzippedTooLarge { bytes: uncompressed_bytes, largest: largest() });
        }
        if in_call && zip_bytes > MAX_ZIP_BYTES {
            return Err(PackageError::ZipTooLarge { bytes: zip_bytes, largest: largest() });
        }
        Ok(())
    }

    /// Notes about the entries, for warnings.
    pub(crate) fn notes(&self) -> &[PackageNote] {
        &self.notes
    }

    /// Returns what Lambda will not find in the archive, or cannot start, when it loads `handler` with
    /// `runtime`. `architecture` is that of the function, if it is known. `None`: the archive shows no
    /// problem.
    pub(crate) fn missing(
        &self,
        runtime: &str,
        handler: &str,
        architecture: Option<&str>,
    ) -> Option<MissingHandler> {
        let program = self.bootstrap.filter(|_| runtime.starts_with("provided"));
        handler::missing(&self.entries, runtime, handler).or_else(|| program?.fault(architecture))
    }

    /// A note about native modules that `runtime` cannot load. `architecture` is as in [`Archive::missing`].
    pub(crate) fn foreign_modules(&self, runtime: &str, architecture: Option<&str>) -> Option<PackageNote> {
        native::foreign_modules(&self.entries, runtime, architecture)
    }

    /// Writes the archive to `path`: first to a temporary file in the same directory, which is then renamed,
    /// so that `path` never contains an incomplete archive. A device such as `/dev/null` is written to
    /// directly.
    ///
    /// # Errors
    /// [`PackageError::Unwritable`] with the path `named`.
    pub(crate) fn write_to(&self, path: &Path, named: &Path) -> Result<(), PackageError> {
        let unwritable = |source| PackageError::Unwritable { path: named.to_owned(), source };
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return File::options()
                .write(true)
                .open(path)
                .and_then(|file| self.copy_to(&file))
                .map_err(unwritable);
        }
        // If `path` is a link, replace its target and keep the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The name begins with a dot, so that the file is not packaged later if we are killed here. It is
        // unpredictable, and the file is created exclusively: we never write through a link that another user
        // has put there.
        let temporary = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
            )
            .map_err(unwritable)?;
        self.copy_to(temporary.as_file()).map_err(unwritable)?;
        temporary.persist(&path).map(drop).map_err(|error| unwritable(error.error))
    }

    fn copy_to(&self, mut file: &File) -> io::Result<()> {
        match &self.data {
            Data::Memory(bytes) => file.write_all(bytes),
            Data::Temporary(archive) => copy(archive, file),
            Data::Given(archive, state) => {
                copy(archive, file)?;
                check_unchanged(archive, *state)
            }
        }
    }
}

/// Copies a whole file. The kernel copies the data.
fn copy(mut from: &File, mut to: &File) -> io::Result<()> {
    from.rewind()?;
    io::copy(&mut from, &mut to).map(drop)
}

/// Fails if a finished archive is not as it was when its hash was computed.
fn check_unchanged(file: &File, state: FileState) -> io::Result<()> {
    if FileState::of(&file.metadata()?) == state {
        return Ok(());
    }
    Err(io::Error::other("the archive has changed since it was read first"))
}

impl Contents {
    /// Builds the archive, or reads and checks an existing one. Calls `progress` with the bytes read so far
    /// and those of all files. An archive of more than `in_memory` bytes goes to a temporary file.
    ///
    /// # Errors
    /// [`PackageError`], which is [`PackageError::Cancelled`] if `stop` is set meanwhile.
    pub(crate) fn into_archive(
        self,
        in_memory: usize,
        progress: &mut dyn FnMut(u64, u64),
        stop: &CancelToken,
    ) -> Result<Archive, PackageError> {
        self.into_archive_with(threads(), in_memory, progress, stop)
    }

    /// As [`Contents::into_archive`], with a number of threads. The archive does not depend on that number.
    pub(super) fn into_archive_with(
        self,
        threads: usize,
        in_memory: usize,
        progress: &mut dyn FnMut(u64, u64),
        stop: &CancelToken,
    ) -> Result<Archive, PackageError> {
        match self.kind {
            ContentsKind::Archive { path } => read_archive(&path, self.source, stop),
            ContentsKind::Files(items) => {
                let out = spooled_tempfile(in_memory);
                build_archive(items, self.source, threads, out, progress, stop)
            }
        }
    }
}

fn read_archive(path: &Path, source: String, stop: &CancelToken) -> Result<Archive, PackageError> {
    let mut file = File::open(path).map_err(unreadable(path))?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    let (bytes, state) = (metadata.len(), FileState::of(&metadata));
    // Lambda would reject an archive of this size in any case, and reading it would take long.
    if bytes > MAX_UNZIPPED_BYTES + MAX_HEADER_BYTES {
        return Err(PackageError::UnzippedTooLarge { bytes, largest: Vec::new() });
    }
    let mut hash = Hashing::new(io::sink());
    let zip_bytes = io::copy(&mut file, &mut hash).map_err(unreadable(path))?;
    let not_a_zip = |error: zip::result::ZipError| PackageError::NotAZip {
        path: source.clone(),
        detail: error.to_string(),
    };
    let mut zip = ZipArchive::new(io::BufReader::new(&file)).map_err(not_a_zip)?;
    let (mut entries, mut modes) = (Vec::with_capacity(zip.len()), Vec::with_capacity(zip.len()));
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(not_a_zip)?;
        // An archive without Unix modes was not made on Unix. Its files are not executable at Lambda.
        let mode = entry.unix_mode().unwrap_or_default();
        let executable = mode & 0o111 != 0;
        modes.push(mode);
        let written = entry.name().map_err(not_a_zip)?;
        // Some programs write `./` before each name; unpacked, the names are the same without it.
        let name = match written.trim_start_matches("./") {
            "" => &*written,
            name => name,
        };
        entries.push(Entry { name: name.to_owned(), bytes: entry.size(), executable });
    }
    let listed: Vec<_> = entries.iter().map(|entry: &Entry| entry.name.as_str()).zip(modes).collect();
    let notes = foreign_archive::notes(&mut zip, &listed);
    let bootstrap = foreign_archive::bootstrap(&mut zip, &listed);
    if entries.is_empty() {
        return Err(PackageError::Empty { path: source, only_hidden: false });
    }
    // Lambda refuses more in any case, and unpacking it would take long.
    if unpacked_bytes(&entries) <= MAX_UNZIPPED_BYTES
        && let Some((index, detail)) = foreign_archive::damage(&mut zip, stop)?
    {
        return Err(PackageError::BadEntry { path: source, name: entries[index].name.clone(), detail });
    }
    drop(zip);
    check_unchanged(&file, state).map_err(|_| PackageError::Changed { path: path.to_owned() })?;
    let archive = Archive::new(Data::Given(file, state), zip_bytes, hash.finish().1, entries, source);
    Ok(Archive { notes, bootstrap, ..archive })
}

/// The size of all entries. In the headers of an untrusted archive, sizes may be false and arbitrarily large.
fn unpacked_bytes(entries: &[Entry]) -> u64 {
    entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes))
}

fn build_archive(
    items: Vec<Item>,
    source: String,
    threads: usize,
    out: SpooledTempFile,
    progress: &mut dyn FnMut(u64, u64),
    stop: &CancelToken,
) -> Result<Archive, PackageError> {
    let total_bytes = items.iter().map(Item::bytes).sum();
    let mut done_bytes = 0;
    let mut zip = Writer::new(Hashing::new(io::BufWriter::with_capacity(256 * 1024, out)));
    let mut checksum = crc32fast::Hasher::new();
    let check = || stop.check().map_err(PackageError::Cancelled);
    compress(&items, threads, &check, &mut |piece| {
        let written = match piece {
            Piece::Whole { first, entries, data } => {
                let mut data = data.as_slice();
                items[first..].iter().zip(entries).try_for_each(|(item, (method, sizes))| {
                    let (own, rest) = data.split_at(sizes.compressed as usize);
                    data = rest;
                    done_bytes += item.bytes();
                    zip.entry(Head { name: &item.name, mode: mode(&item.kind), method }, sizes, own)
                })
            }
            Piece::Block { item, place, crc32, uncompressed, data } => {
                let item = &items[item];
                done_bytes += uncompressed;
                if place.is_first {
                    checksum = crc32;
                    zip.begin(&item.name, mode(&item.kind), item.bytes() >= ZIP64_FROM)
                } else {
                    checksum.combine(&crc32);
                    Ok(())
                }
                .and_then(|()| zip.part(&data))
                .and_then(|()| {
                    if place.is_last { zip.end(checksum.clone().finalize(), item.bytes()) } else { Ok(()) }
                })
            }
        };
        progress(done_bytes, total_bytes);
        written.map_err(unarchivable)
    })?;
    let (out, sha256) = zip.finish().map_err(unarchivable)?.finish();
    let spooled: SpooledTempFile = out.into_inner().map_err(|error| unarchivable(error.into_error()))?;
    let data = match spooled.into_inner() {
        SpooledData::InMemory(bytes) => Data::Memory(bytes.into_inner()),
        SpooledData::OnDisk(file) => Data::Temporary(file),
    };
    let zip_bytes = match &data {
        Data::Memory(bytes) => bytes.len() as u64,
        Data::Temporary(file) | Data::Given(file, _) => file.metadata().map_err(unarchivable)?.len(),
    };
    let notes = inner_archive(&items).into_iter().collect();
    let bootstrap = items.iter().find(|item| item.name == BOOTSTRAP).and_then(first_bytes);
    let bootstrap = bootstrap.map(|head| Program::of(&head));
    let entry = |item: Item| Entry {
        bytes: item.bytes(),
        executable: matches!(item.kind, ItemKind::File { executable: true, .. } | ItemKind::Link { .. }),
        name: item.name,
    };
    let archive = Archive::new(data, zip_bytes, sha256, items.into_iter().map(entry).collect(), source);
    Ok(Archive { notes, bootstrap, ..archive })
}

/// The first bytes of a file. `None`: it is no file.
fn first_bytes(item: &Item) -> Option<Vec<u8>> {
    if matches!(item.kind, ItemKind::File { .. }) { head(&item.path) } else { None }
}

/// Finds a package whose only file is an archive, which Lambda does not unpack.
fn inner_archive(items: &[Item]) -> Option<PackageNote> {
    let [only] = items else { return None };
    let is_inner = !is_java_library(&only.name) && first_bytes(only).is_some_and(|head| is_archive(&head));
    is_inner.then(|| PackageNote::InnerArchive { name: only.name.clone() })
}

/// File type bits of a Unix mode.
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;
const S_IFDIR: u32 = 0o040_000;

/// The mode of an entry. Files have one of two modes, so that the archive does not depend on the umask.
fn mode(kind: &ItemKind) -> u32 {
    match kind {
        ItemKind::File { executable: false, .. } => S_IFREG | 0o644,
        ItemKind::File { executable: true, .. } => S_IFREG | 0o755,
        ItemKind::Link { .. } => S_IFLNK | 0o777,
        ItemKind::EmptyDirectory => S_IFDIR | 0o755,
    }
}

/// A writer that hashes what is written through it.
struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    fn new(out: W) -> Self {
        Hashing { out, hash: Sha256::new() }
    }

    /// Returns the inner writer and the SHA-256 of everything written.
    fn finish(self) -> (W, Vec<u8>) {
        (self.out, self.hash.finalize().to_vec())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
