//! Forwards each signal once to the running child. If our standard output is closed, it stops reading the
//! child, which then shuts down itself. Never signals a process that has been waited for. Side effects:
//! starts the child, and sends it signals.
//!
//! A second signal ends a run at once, so a signal must not reach the child twice. At a terminal, the child
//! stays in our process group: the terminal sends SIGINT to the whole group, and a credential helper of AWS
//! may prompt for a code there. So an interrupt typed at the terminal is not forwarded, but a signal that
//! another process sends only to us is. Without a terminal, the child has its own process group, so that a
//! signal that a CI sends to our group reaches it only through us.
#![expect(clippy::disallowed_methods, reason = "opens /dev/tty to find the foreground process group")]

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;

use crate::cancel::CancelReason;

/// The running child, and the reason why it should end, if any. Shared with the thread that waits for
/// signals.
#[derive(Debug)]
pub(crate) struct SignalForwarder {
    state: Mutex<State>,
    /// Becomes readable (end of file) when our standard output is closed. Wakes the thread that reads the
    /// child's output.
    closed: UnixStream,
}

#[derive(Debug)]
struct State {
    /// The other end of `closed`. Dropped when our standard output is closed.
    read: Option<UnixStream>,
    run: Option<Pid>,
    reason: Option<CancelReason>,
    at_terminal: bool,
}

/// A running child.
#[derive(Debug)]
pub(super) struct RunningChild(Child);

impl RunningChild {
    /// Its standard input, if it is a pipe that has not been taken yet.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.0.stdin.take()
    }
}

/// Why a child was not started.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// There is already a reason to end.
    Cancelled(CancelReason),
    /// The operating system refused it.
    Failed(io::Error),
}

/// The standard output of a child. It ends when the child closes it, or when our own standard output is
/// closed. Dropping it then closes the child's output, which makes the child shut down.
pub(super) struct ChildOutput<'a> {
    stdout: PipeReader,
    forwarder: &'a SignalForwarder,
}

impl Read for ChildOutput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = [
                PollFd::new(&self.stdout, PollFlags::IN),
                PollFd::new(&self.forwarder.closed, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) if !ready[1].revents().is_empty() => return Ok(0),
                Ok(_) => return self.stdout.read(buffer),
            }
        }
    }
}

impl SignalForwarder {
    /// A forwarder without a child.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        let (closed, read) = UnixStream::pair()?;
        let state = State { read: Some(read), run: None, reason: None, at_terminal: false };
        Ok(SignalForwarder { state: Mutex::new(state), closed })
    }

    /// Forwards a signal to the child. `typed`: a terminal has sent it to our whole process group. For a
    /// closed output, stops reading the child, which finishes its current call, as with any CI runner that
    /// stops reading. Keeps the first reason.
    pub(crate) fn forward(&self, reason: CancelReason, typed: bool) {
        let mut state = self.lock();
        state.reason.get_or_insert(reason);
        let signal = match reason {
            CancelReason::Signal(_) if typed && state.at_terminal => return,
            // A signal without a POSIX name is forwarded as SIGTERM.
            CancelReason::Signal(signal) => Signal::from_named_raw(signal).unwrap_or(Signal::TERM),
            CancelReason::OutputClosed | CancelReason::Stopped => {
                state.read = None;
                return;
            }
        };
        if let Some(run) = state.run {
            let _ = kill_process(run, signal);
        }
    }

    /// Why the run should end. `None`: it should not.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.lock().reason
    }

    /// Starts a child, and returns it with its standard output.
    pub(super) fn start(&self, mut command: Command) -> Result<(RunningChild, ChildOutput<'_>), NotStarted> {
        let (stdout, theirs) = io::pipe().map_err(NotStarted::Failed)?;
        let mut state = self.lock();
        if let Some(reason) = state.reason {
            return Err(NotStarted::Cancelled(reason));
        }
        state.at_terminal = at_terminal();
        if !state.at_terminal {
            command.process_group(0);
        }
        let child = command.stdout(theirs).spawn().map_err(NotStarted::Failed)?;
        state.run = Some(Pid::from_child(&child));
        // `command` ends here, and with it our copy of the child's end. The output then ends with the child.
        Ok((RunningChild(child), ChildOutput { stdout, forwarder: self }))
    }

    /// Waits until the child has exited. Polls, so that the lock is free in between and a signal that arrives
    /// meanwhile can be forwarded.
    ///
    /// # Errors
    /// The exit status has been collected elsewhere and is lost.
    pub(super) fn wait(&self, mut run: RunningChild) -> io::Result<ExitStatus> {
        loop {
            let mut state = self.lock();
            if let Some(ended) = run.0.try_wait().transpose() {
                state.run = None;
                return ended;
            }
            drop(state);
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if we are the foreground process group of a terminal, which gets the signals typed there.
fn at_terminal() -> bool {
    let terminal = File::open("/dev/tty").ok();
    terminal.is_some_and(|terminal| tcgetpgrp(terminal).is_ok_and(|shown| shown == getpgrp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, waitpid};

    #[test]
    fn a_run_that_other_code_has_reaped_is_not_waited_for() {
        let forwarder = SignalForwarder::new().expect("two descriptors");
        let (run, _) = forwarder.start(Command::new("true")).expect("it starts");
        waitpid(Some(Pid::from_child(&run.0)), WaitOptions::empty()).expect("it is our child and exits");
        assert!(forwarder.wait(run).is_err());
    }
}
