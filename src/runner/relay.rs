//! Signals in, each handed to the run that is going on, once. Effect: starts that run, and sends it signals.
//! Never sends one to a process that has been waited for.
//!
//! A second signal ends a run at once, so none may reach it twice. At a terminal the run stays in our process group: the
//! terminal sends SIGINT to all of it, and a helper of AWS's may ask for a code there. Elsewhere the run has a group of
//! its own, so that what a CI sends to ours reaches it through us alone.
#![expect(clippy::disallowed_methods, reason = "opens the terminal to ask whose it is")]

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;

use crate::stop::Reason;

/// The run that goes on, and why it is to end. Shared with the thread that waits for signals.
#[derive(Debug, Default)]
pub struct Relay(Mutex<State>);

#[derive(Debug, Default)]
struct State {
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

    /// Its standard output, once, if it was piped.
    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Relay {
    /// Hands a signal on, or ends the run whose output nobody reads. The first reason stays.
    pub fn tell(&self, reason: Reason) {
        let mut state = self.lock();
        state.reason.get_or_insert(reason);
        let signal = match reason {
            Reason::Interrupt if state.at_terminal => return,
            Reason::Interrupt => Signal::INT,
            Reason::Terminate | Reason::OutputClosed => Signal::TERM,
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
    pub(super) fn wait(&self, mut run: Going) -> ExitStatus {
        loop {
            let mut state = self.lock();
            if let Ok(Some(status)) = run.0.try_wait() {
                state.run = None;
                return status;
            }
            drop(state);
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True when we are what a terminal shows, to which it sends what is typed there.
fn at_terminal() -> bool {
    let terminal = File::open("/dev/tty").ok();
    terminal.is_some_and(|terminal| tcgetpgrp(terminal).is_ok_and(|shown| shown == getpgrp()))
}
