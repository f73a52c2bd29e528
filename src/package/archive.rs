//! A list of files in, the bytes of a zip archive and their hash out.
//! Never lets a time, an owner or the order of a file system into the archive.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use base64_simd::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::contents::{Contents, Item, ItemKind, Kind, largest, unreadable};
use super::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, PackageError};
use crate::protocol::event::Package;
use crate::stop::Stop;

/// An archive, ready to be sent.
#[derive(Debug)]
pub struct Archive {
    bytes: Vec<u8>,
    package: Package,
    largest: Vec<(String, u64)>,
}

impl Archive {
    /// The archive itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// AWS's `CodeSha256` of it.
    pub fn code_sha256(&self) -> &str {
        &self.package.code_sha256
    }

    /// The archive as it is told.
    pub fn told(&self) -> Package {
        self.package.clone()
    }

    /// Whether Lambda takes it.
    ///
    /// # Errors
    /// [`PackageError::ZipTooLarge`] and [`PackageError::UnzippedTooLarge`].
    pub fn check_size(&self) -> Result<(), PackageError> {
        if self.package.zip_bytes > MAX_ZIP_BYTES {
            return Err(PackageError::ZipTooLarge { bytes: self.package.zip_bytes });
        }
        if self.package.uncompressed_bytes > MAX_UNZIPPED_BYTES {
            let (bytes, largest) = (self.package.uncompressed_bytes, self.largest.clone());
            return Err(PackageError::UnzippedTooLarge { bytes, largest });
        }
        Ok(())
    }

    /// Writes it to a file: beside it first, so that nobody ever finds half an archive there. What is no file, such as
    /// `/dev/null`, is written to as it is.
    ///
    /// # Errors
    /// [`PackageError::Unwritable`] with the path as it was `named`.
    pub fn write_to(&self, path: &Path, named: &Path) -> Result<(), PackageError> {
        let unwritable = |source| PackageError::Unwritable { path: named.to_owned(), source };
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return fs::write(path, &self.bytes).map_err(unwritable);
        }
        // A link stays one: what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Its name begins with a dot, so that it is left out of a package should we be killed here.
        let beside = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let written = fs::write(&beside, &self.bytes).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| {
            let _ = fs::remove_file(&beside);
            unwritable(source)
        })
    }
}

impl Contents {
    /// Makes the archive, or reads and checks the one that was given. `progress` hears the bytes that have been read so
    /// far, and of how many.
    ///
    /// # Errors
    /// [`PackageError`], also when `stop` asks for the end.
    pub fn into_archive(self, progress: &mut dyn FnMut(Progress), stop: &Stop) -> Result<Archive, PackageError> {
        match &self.kind {
            Kind::Archive { path, .. } => given(path, self.source),
            Kind::Files(items) => made(items, self.source.clone(), progress, stop),
        }
    }
}

/// How far packaging has come, in bytes of the files.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Read so far.
    pub done_bytes: u64,
    /// In all.
    pub total_bytes: u64,
}

fn given(path: &Path, source: String) -> Result<Archive, PackageError> {
    let bytes = fs::read(path).map_err(unreadable(path))?;
    let not_a_zip =
        |error: zip::result::ZipError| PackageError::NotAZip { path: source.clone(), detail: error.to_string() };
    let mut zip = ZipArchive::new(Cursor::new(&bytes)).map_err(not_a_zip)?;
    let mut entries = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(not_a_zip)?;
        entries.push((entry.name().map_err(not_a_zip)?.into_owned(), entry.size()));
    }
    if entries.is_empty() {
        return Err(PackageError::Empty { path: source, only_hidden: false });
    }
    // What an archive says of its own entries may be a lie as large as it likes.
    let uncompressed = entries.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
    Ok(archive(bytes, source, entries.len(), uncompressed, largest(entries.into_iter())))
}

fn made(
    items: &[Item],
    source: String,
    progress: &mut dyn FnMut(Progress),
    stop: &Stop,
) -> Result<Archive, PackageError> {
    let total_bytes = items.iter().map(Item::bytes).sum();
    let mut done_bytes = 0;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut buffer = vec![0; 256 * 1024];
    for item in items {
        stop.check().map_err(PackageError::Stopped)?;
        let options = options(&item.kind);
        match &item.kind {
            ItemKind::EmptyDirectory => zip.add_directory(item.name.as_str(), options).map_err(unarchivable)?,
            ItemKind::Link { target } => zip.add_symlink(&item.name, target, options).map_err(unarchivable)?,
            ItemKind::File { .. } => {
                zip.start_file(&item.name, options).map_err(unarchivable)?;
                let mut file = File::open(&item.path).map_err(unreadable(&item.path))?;
                loop {
                    stop.check().map_err(PackageError::Stopped)?;
                    let count = file.read(&mut buffer).map_err(unreadable(&item.path))?;
                    if count == 0 {
                        break;
                    }
                    zip.write_all(&buffer[..count]).map_err(|source| PackageError::Unarchivable { source })?;
                    done_bytes += count as u64;
                    progress(Progress { done_bytes, total_bytes });
                }
            }
        }
    }
    let bytes = zip.finish().map_err(unarchivable)?.into_inner();
    let largest = largest(items.iter().map(|item| (item.name.clone(), item.bytes())));
    Ok(archive(bytes, source, items.len(), done_bytes, largest))
}

/// Fixed time, two modes, always deflate: the same files are the same bytes on every machine.
fn options(kind: &ItemKind) -> SimpleFileOptions {
    let mode = match kind {
        ItemKind::File { executable: false, .. } => 0o644,
        ItemKind::File { executable: true, .. } | ItemKind::EmptyDirectory => 0o755,
        ItemKind::Link { .. } => 0o777,
    };
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(mode)
        .large_file(matches!(kind, ItemKind::File { bytes, .. } if *bytes >= u64::from(u32::MAX)))
}

fn unarchivable(error: zip::result::ZipError) -> PackageError {
    PackageError::Unarchivable { source: io::Error::from(error) }
}

fn archive(
    bytes: Vec<u8>,
    source: String,
    entries: usize,
    uncompressed_bytes: u64,
    largest: Vec<(String, u64)>,
) -> Archive {
    let code_sha256 = BASE64.encode_to_string(Sha256::digest(&bytes));
    let package =
        Package { entries: entries as u64, uncompressed_bytes, zip_bytes: bytes.len() as u64, code_sha256, source };
    Archive { bytes, package, largest }
}
