//! Validates a deployment package as AWS does, and computes its `CodeSha256`. Never decompresses: it reads
//! names and sizes but no contents, so that the endpoint stays fast in benchmarks.

use std::io::{Cursor, Write};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::refusal::Refusal;

/// The largest zip in a request, and the largest sum of its unpacked files, in bytes. Both are from AWS's
/// error messages.
const ZIP_LIMIT: usize = 52_428_800;
const UNZIPPED_LIMIT: u64 = 262_144_000;

/// Fails with AWS's error for a package that AWS rejects without looking at its files.
pub(crate) fn check(zip: &[u8]) -> Result<(), Refusal> {
    if zip.len() > ZIP_LIMIT {
        return Err(Refusal::ZipTooLarge);
    }
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| Refusal::CouldNotUnzip)?;
    if archive.is_empty() {
        return Err(Refusal::EmptyZip);
    }
    let mut unzipped = 0_u64;
    for index in 0..archive.len() {
        // This also reads the local header: an archive that was truncated in the middle may still end with a
        // complete directory.
        let entry = archive.by_index_raw(index).map_err(|_| Refusal::CouldNotUnzip)?;
        unzipped = unzipped.saturating_add(entry.size());
    }
    if unzipped > UNZIPPED_LIMIT {
        return Err(Refusal::UnzippedTooLarge);
    }
    Ok(())
}

/// Returns `CodeSha256` as AWS computes it: base64 of the SHA-256 of the bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(Sha256::digest(bytes))
}

/// Returns a valid package with one file of these contents, for functions that a test creates without code.
pub(crate) fn tiny(contents: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let written = writer
        .start_file("index.mjs", options)
        .and_then(|()| Ok(writer.write_all(contents)?))
        .and_then(|()| writer.finish());
    written.expect("writing to memory does not fail").into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_accepted_and_known_by_its_hash() {
        assert_eq!(check(&tiny(b"export {}")), Ok(()));
        assert_eq!(sha256(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[track_caller]
    fn refused(zip: &[u8], status: u16, message: &str) {
        let (its_status, _, its_message) = check(zip).unwrap_err().wire();
        assert_eq!((its_status, its_message.as_str()), (status, message));
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        let text = "Could not unzip uploaded file. Please check your file, then try to upload again.";
        refused(b"no zip", 400, text);
        let package = tiny(b"export {}");
        refused(&package[..package.len() - 1], 400, text);
        refused(&package[4..], 400, text);
    }

    #[test]
    fn an_empty_zip_is_refused() {
        let empty = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        refused(empty, 400, "Uploaded file must be a non-empty zip");
    }

    #[test]
    fn a_zip_of_more_than_50_mib_is_refused_by_its_size_alone() {
        let zip = vec![0; ZIP_LIMIT + 1];
        refused(&zip, 413, "Zipped size must be smaller than 52428800 bytes");
    }

    #[test]
    fn a_zip_of_more_than_250_mib_unpacked_is_refused_though_it_is_small() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file("zeros", options).unwrap();
        let megabyte = vec![0; 1_000_000];
        for _ in 0..263 {
            writer.write_all(&megabyte).unwrap();
        }
        let zip = writer.finish().unwrap().into_inner();
        refused(&zip, 400, "Unzipped size must be smaller than 262144000 bytes");
    }
}
