//! Signals in, each handed to the run that is going on, once; a reader that is gone, and the run is not listened to any more.
//! Effect: starts that run, and sends it signals. Never sends one to a process that has been waited for.
//!
//! A second signal ends a run at once, so none may reach it twice. At a terminal the run stays in our process group: the
//! terminal sends SIGINT to all of it, and a helper of AWS's may ask for a code there. So an interrupt that is typed is not
//! handed on, and one that a process has sent to us alone is. Elsewhere the run has a group of its own, so that what a CI
//! sends to ours reaches it through us alone.
#![expect(clippy::disallowed_methods, reason = "opens the terminal to ask whose it is")]

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;

use crate::stop::Reason;

/// The run that goes on, and why it is to end. Shared with the thread that waits for signals.
#[derive(Debug)]
pub struct Relay {
    state: Mutex<State>,
    /// Can be read, to its end, once nobody reads what we write: whoever waits for a run's words hears of that, too.
    gone: UnixStream,
}

#[derive(Debug)]
struct State {
    /// The other end of `gone`, for as long as somebody reads.
    read: Option<UnixStream>,
    run: Option<Pid>,
    reason: Option<Reason>,
    at_terminal: bool,
}

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Going(Child);

impl Going {
    /// Its standard input, once, if it was piped.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.0.stdin.take()
    }

    /// What it says, once, if its standard output was piped.
    pub(super) fn words<'a>(&mut self, relay: &'a Relay) -> Option<Words<'a>> {
        self.0.stdout.take().map(|stdout| Words { stdout, relay })
    }
}

/// What a run says. Its end is also where nobody reads any more; dropped then, it tells the run so by its closed output.
pub(super) struct Words<'a> {
    stdout: ChildStdout,
    relay: &'a Relay,
}

impl Read for Words<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = [PollFd::new(&self.stdout, PollFlags::IN), PollFd::new(&self.relay.gone, PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) if !ready[1].revents().is_empty() => return Ok(0),
                Ok(_) => return self.stdout.read(buffer),
            }
        }
    }
}

impl Relay {
    /// One with nothing to hand on yet.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (gone, read) = UnixStream::pair()?;
        let state = State { read: Some(read), run: None, reason: None, at_terminal: false };
        Ok(Relay { state: Mutex::new(state), gone })
    }

    /// Hands a signal on; `typed`: a terminal has sent it, and to all of our process group. Or stops listening to the run
    /// whose output nobody reads: it finishes its call, as under any runner that goes away. The first reason stays.
    pub fn tell(&self, reason: Reason, typed: bool) {
        let mut state = self.lock();
        state.reason.get_or_insert(reason);
        let signal = match reason {
            Reason::Signal(_) if typed && state.at_terminal => return,
            // One without a name in POSIX is told to the run as the common one.
            Reason::Signal(signal) => Signal::from_named_raw(signal).unwrap_or(Signal::TERM),
            Reason::OutputClosed => {
                state.read = None;
                return;
            }
        };
        if let Some(run) = state.run {
            let _ = kill_process(run, signal);
        }
    }

    /// Why the run is to end.
    pub fn reason(&self) -> Option<Reason> {
        self.lock().reason
    }

    /// Starts a run; `None` when it is to end already.
    pub(super) fn start(&self, command: &mut Command) -> io::Result<Option<Going>> {
        let mut state = self.lock();
        if state.reason.is_some() {
            return Ok(None);
        }
        state.at_terminal = at_terminal();
        if !state.at_terminal {
            command.process_group(0);
        }
        let child = command.spawn()?;
        state.run = Some(Pid::from_child(&child));
        Ok(Some(Going(child)))
    }

    /// Waits for its end, in glances: a signal that arrives meanwhile must find it there.
    ///
    /// # Errors
    /// Somebody else has taken its end from us, and nobody will ever tell it.
    pub(super) fn wait(&self, mut run: Going) -> io::Result<ExitStatus> {
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

/// True when we are what a terminal shows, to which it sends what is typed there.
fn at_terminal() -> bool {
    let terminal = File::open("/dev/tty").ok();
    terminal.is_some_and(|terminal| tcgetpgrp(terminal).is_ok_and(|shown| shown == getpgrp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, waitpid};

    #[test]
    fn a_run_whose_end_somebody_else_has_taken_is_not_waited_for() {
        let relay = Relay::new().expect("two descriptors");
        let run = relay.start(&mut Command::new("true")).expect("it starts").expect("nothing keeps it");
        waitpid(Some(Pid::from_child(&run.0)), WaitOptions::empty()).expect("it ends, and is ours");
        assert!(relay.wait(run).is_err());
    }
}
