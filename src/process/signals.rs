//! SIGINT, SIGTERM and SIGHUP in, an orderly end out: first the wish to end, then after some seconds the end itself.

#![expect(clippy::disallowed_methods, reason = "reads what the kernel tells of this process")]

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::stop::Reason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How long a run may take to end by itself after the first signal. `finished` is promised within 5 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// Signals that have arrived, as bytes in pipes: nothing is done in a handler, and no thread is needed to notice them.
pub(crate) struct Signals {
    interrupt: UnixStream,
    terminate: UnixStream,
}

/// Whether SIGHUP was ignored when we were started, as far as the kernel tells.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored & (1 << (SIGHUP - 1)) != 0
}

impl Signals {
    /// Catches the signals from now on. A terminal that is closed (SIGHUP) ends a run as SIGTERM does, unless whoever
    /// started us has said that it shall not, as `nohup` does.
    pub(crate) fn catch() -> io::Result<Self> {
        // As few descriptors as can be: there may be no more than a handful.
        let catch = |signal, another: Option<i32>| {
            let (ours, handlers) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            if let Some(another) = another {
                signal_hook::low_level::pipe::register(another, handlers.try_clone()?)?;
            }
            signal_hook::low_level::pipe::register(signal, handlers)?;
            Ok::<_, io::Error>(ours)
        };
        let hangup = (!ignores_hangup()).then_some(SIGHUP);
        Ok(Signals { interrupt: catch(SIGINT, None)?, terminate: catch(SIGTERM, hangup)? })
    }

    /// Waits for a signal, or until `other` can be read, or, with no flags, until nobody reads what is written to it.
    /// `None`: that is so, or the time is over.
    pub(crate) fn wait(&self, other: Option<(BorrowedFd<'_>, PollFlags)>, limit: Option<Duration>) -> Option<Reason> {
        let limit =
            limit.map(|limit| Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() });
        loop {
            let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
            let mut watched: Vec<PollFd<'_>> = vec![watch(self.interrupt.as_fd()), watch(self.terminate.as_fd())];
            watched.extend(other.map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)));
            // EINTR is a signal's doing: look again.
            let Ok(ready) = poll(&mut watched, limit.as_ref()) else {
                continue;
            };
            for (pipe, reason) in [(&self.interrupt, Reason::Interrupt), (&self.terminate, Reason::Terminate)] {
                if matches!((&*pipe).read(&mut [0]), Ok(1..)) {
                    return Some(reason);
                }
            }
            let other_ready = watched.get(2).is_some_and(|other| !other.revents().is_empty());
            if other_ready || ready == 0 {
                return None;
            }
        }
    }
}
