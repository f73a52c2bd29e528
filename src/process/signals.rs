//! Receives signals and reports each one with its origin. Never does work in a signal handler, and never
//! starts a thread.
#![expect(clippy::disallowed_methods, reason = "reads /proc/self/status and the clock")]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::cancel::CancelReason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    SIGXFSZ,
};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

/// How long a run may take to shut down by itself after the first signal. The contract promises `finished`
/// within 5 s.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(4);

/// How long writing the last line may take before the process exits without it.
pub(crate) const FINAL_EVENT_TIMEOUT: Duration = Duration::from_millis(500);

/// Installs handlers without effect for SIGCHLD and SIGXFSZ. If the parent has left SIGCHLD ignored, we could
/// not wait for commands; without a handler for SIGXFSZ, the kernel kills a process that exceeds its file
/// size limit. With handlers, both become ordinary errors.
pub(crate) fn install_noop_handlers() {
    for signal in [SIGCHLD, SIGXFSZ] {
        let seen = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, seen).expect("both signals may be handled");
    }
}

/// All signals that terminate a process without a handler, except those that report a bug in it. Linux has
/// more than POSIX: SIGSTKFLT, SIGPWR and the real-time signals, of which the C library reserves the first
/// ones.
fn ending() -> impl Iterator<Item = i32> {
    let posix =
        [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO]
            .into_iter();
    let linux = cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));
    posix.chain([16, 30].into_iter().chain(35..=64).filter(move |_| linux))
}

/// The signals that were ignored when the process was started, as a bit mask. 0 if `/proc` is not available.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Signals that have arrived.
pub(crate) struct Signals {
    delivery: SignalDelivery<UnixStream, WithOrigin>,
    arrived: VecDeque<Origin>,
}

impl Signals {
    /// Catches all signals that would terminate the process, from now on. A signal that the parent has set to
    /// be ignored stays ignored, as SIGHUP is under `nohup`. SIGINT and SIGTERM are caught anyway: a shell
    /// ignores SIGINT for every process that it starts in the background.
    pub(crate) fn catch() -> io::Result<Self> {
        let ignored = ignored();
        let caught = ending()
            .filter(|signal| [SIGINT, SIGTERM].contains(signal) || ignored & (1 << (signal - 1)) == 0);
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, WithOrigin::default(), caught)?;
        Ok(Signals { delivery, arrived: VecDeque::new() })
    }

    /// Waits for the first signal. If the reader of standard output closes it before, calls `on_closed` at once,
    /// not only when the next event is written: shifted traffic must not stay shared until then.
    pub(crate) fn first(&mut self, on_closed: impl FnOnce()) -> Option<(CancelReason, bool)> {
        self.wait(Some(io::stdout().as_fd()), None).or_else(|| {
            on_closed();
            self.wait(None, None)
        })
    }

    /// Waits for a signal. The boolean is true if a terminal has sent it, which means to our whole process
    /// group. `None`: the reader of `output` has closed it, or the time limit is over.
    pub(crate) fn wait(
        &mut self,
        output: Option<BorrowedFd<'_>>,
        limit: Option<Duration>,
    ) -> Option<(CancelReason, bool)> {
        let end = limit.map(|limit| Instant::now() + limit);
        loop {
            self.arrived.extend(self.delivery.pending());
            if let Some(origin) = self.arrived.pop_front() {
                let from_terminal = [SIGHUP, SIGINT, SIGQUIT].contains(&origin.signal);
                return Some((
                    CancelReason::Signal(origin.signal),
                    from_terminal && !matches!(origin.cause, Cause::Sent(_)),
                ));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let signals = self.delivery.get_read().as_fd();
            let mut watched = vec![PollFd::from_borrowed_fd(signals, PollFlags::IN)];
            watched.extend(output.map(|output| PollFd::from_borrowed_fd(output, PollFlags::empty())));
            // EINTR means that a signal has arrived; check again.
            let ready = poll(&mut watched, left.map(timespec).as_ref());
            let closed = watched.get(1).is_some_and(|output| !output.revents().is_empty());
            if ready == Ok(0) || (ready.is_ok() && closed && watched[0].revents().is_empty()) {
                return None;
            }
        }
    }
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: duration.subsec_nanos().into() }
}
