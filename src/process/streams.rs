//! Reads standard input with a deadline, and writes standard output and standard error without a buffer.
#![expect(clippy::disallowed_methods, reason = "reads standard input with a time limit")]

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::signals::timespec;
use crate::protocol::error::ErrorReport;
use crate::protocol::messages::without_log_commands;
use crate::protocol::text::one_line;

/// Standard input, with a deadline.
pub(crate) struct Stdin {
    pub(crate) deadline: Instant,
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match poll(&mut [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)], Some(&timespec(left))) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return rustix::io::read(stdin.as_fd(), buffer).map_err(io::Error::from),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Standard output without a buffer: each event is one write. If a CI runner has made the pipe non-blocking,
/// a write to a full pipe waits, because a full pipe is not a closed one.
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stdout = io::stdout();
        loop {
            match rustix::io::write(stdout.as_fd(), bytes) {
                Err(Errno::AGAIN) => {
                    let mut writable = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::OUT)];
                    let _ = poll(&mut writable, None);
                }
                written => return written.map_err(io::Error::from),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints a report in lines, each with its hint.
pub(crate) fn print_report(report: &ErrorReport) {
    report.lines().iter().for_each(|line| print_stderr(line));
}

/// Writes a line on standard error, without control characters and without commands to a CI's log.
pub(crate) fn print_stderr(text: &str) {
    let text = one_line(text);
    // A single write, so that lines of several processes are not mixed.
    let _ = io::stderr().write_all(format!("dpl-lambda: {}\n", without_log_commands(&text)).as_bytes());
}
