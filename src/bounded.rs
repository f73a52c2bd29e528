//! Reads whole files with limits for size and time. A pipe without a writer cannot block a run, and a device or a huge file cannot
//! fill the memory. It never returns a part of a file.
#![expect(clippy::disallowed_methods, reason = "opens files, and reads them with a time limit")]

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Limit in bytes: 8 MiB, which is also the limit of a request.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Time limit for reading a pipe or a device to its end.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads a file of at most 8 MiB. Rejects pipes, which could not be read a second time.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a pipe, and those of [`read_stream`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe, not a file"));
    }
    read_to_end(file)
}

/// As [`read`], but returns text.
///
/// # Errors
/// As [`read`], and [`ErrorKind::InvalidData`] if the content is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

/// As [`read`], but accepts a pipe, such as that of bash's `<(…)`, and reads it to its end, for at most 60 s.
///
/// # Errors
/// [`ErrorKind::TimedOut`], [`ErrorKind::FileTooLarge`], and those of the system.
pub fn read_stream(path: &Path) -> io::Result<Vec<u8>> {
    read_to_end(open(path)?)
}

/// Opens a file without blocking: a named pipe may not have a writer yet.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

fn read_to_end(mut file: File) -> io::Result<Vec<u8>> {
    let end = Instant::now() + LIMIT;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => {
                let said = format!("it could not be read to its end within {} s", LIMIT.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, said));
            }
            Ok(_) => {}
            // Poll again: without a writer yet, a read of a pipe would look like its end.
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) if bytes.len() + count > MAX_BYTES => {
                let said = format!("it is larger than {} MiB", MAX_BYTES >> 20);
                return Err(io::Error::new(ErrorKind::FileTooLarge, said));
            }
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
