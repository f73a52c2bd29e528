//! Reads whole files with limits for size and time. A pipe without a writer cannot block a run, and a device
//! or a huge file cannot fill the memory. It never returns a part of a file.
#![expect(clippy::disallowed_methods, reason = "opens files, and reads them with a time limit")]

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use crate::cancel::CancelToken;

/// Limit in bytes: 8 MiB, which is also the limit of a request.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Time limit for reading a device to its end.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads a file of at most 8 MiB. Rejects pipes, which could not be read a second time.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a pipe, and those of [`read_stream`].
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe, not a file"));
    }
    read_to_end(file, LIMIT, &CancelToken::new())
}

/// As [`read`], but returns text.
///
/// # Errors
/// As [`read`], and [`ErrorKind::InvalidData`] if the content is not UTF-8.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

/// As [`read`], but accepts a pipe, such as that of bash's `<(…)`, and reads it to its end.
///
/// # Errors
/// [`ErrorKind::TimedOut`] after `limit`, [`ErrorKind::Interrupted`] when `stop` is cancelled,
/// [`ErrorKind::FileTooLarge`], and those of the system.
pub(crate) fn read_stream(path: &Path, limit: Duration, stop: &CancelToken) -> io::Result<Vec<u8>> {
    read_to_end(open(path)?, limit, stop)
}

/// As [`read_stream`], for standard input.
pub(crate) fn read_stdin(limit: Duration, stop: &CancelToken) -> io::Result<Vec<u8>> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    read_to_end(File::from(stdin), limit, stop)
}

/// Opens a file without blocking: a named pipe may not have a writer yet.
///
/// # Errors
/// Those of the system.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// How long one wait for a pipe lasts, before `stop` is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

fn read_to_end(mut file: File, limit: Duration, stop: &CancelToken) -> io::Result<Vec<u8>> {
    let end = Instant::now() + limit;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if let Some(reason) = stop.reason() {
            return Err(io::Error::new(ErrorKind::Interrupted, format!("cancelled by {reason}")));
        }
        if left.is_zero() {
            let message = format!("it could not be read to its end within {} s", limit.as_secs());
            return Err(io::Error::new(ErrorKind::TimedOut, message));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: left.min(POLL_INTERVAL).subsec_nanos().into() };
        match poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&timeout)) {
            // A read from a pipe that has no writer yet would return its end.
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) if bytes.len() + count > MAX_BYTES => {
                let message = format!("it is larger than {} MiB", MAX_BYTES >> 20);
                return Err(io::Error::new(ErrorKind::FileTooLarge, message));
            }
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
