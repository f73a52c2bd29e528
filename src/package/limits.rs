//! Limits of Lambda for packages, of patterns, and the number of threads that build an archive.

/// Largest archive that can be sent in a call to Lambda: 50 MiB (Lambda quotas).
pub(crate) const MAX_ZIP_BYTES: u64 = 50 * 1024 * 1024;

/// Largest unzipped package that Lambda accepts: 250 MiB (Lambda quotas).
pub(crate) const MAX_UNZIPPED_BYTES: u64 = 250 * 1024 * 1024;

/// Maximum length in bytes of all patterns with a wildcard together. Compiling them takes several hundred bytes
/// of memory for each byte.
pub(super) const MAX_WILDCARD_BYTES: usize = 512 * 1024;

/// Number of threads that read and compress. More than eight gain nothing, because a single thread writes.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
