//! A command in, its output piece by piece and its end out. Effect: starts a process, in a process group of its own.
//! Never outlives its limit or the wish to end, and never waits for a grandchild that keeps a pipe open.
#![expect(clippy::disallowed_methods, reason = "waits, with the clock in sight")]

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::event::Stream;
use crate::stop::{Reason, Stop};

/// Why a command has no end of its own.
#[derive(Debug)]
pub enum ChildError {
    /// It cannot be started, or somebody else has taken its end from us.
    Unstartable(io::Error),
    /// The job's environment is larger than the kernel passes on.
    EnvTooLarge {
        /// The largest variable.
        name: String,
        /// Its size in bytes, name included.
        bytes: usize,
    },
    /// It did not end within the limit.
    TimedOut(Duration),
    /// The run is to end.
    Stopped(Reason),
}

/// How often we look whether the run is to end.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a group may take to end after SIGTERM.
const COURTESY: Duration = Duration::from_secs(1);

/// Pieces of output that may wait for us; a command that writes faster than the runner reads is held up by its pipe.
const PIECES: usize = 16;

/// Bytes that are still read after the command itself has ended: more than the pipes and [`PIECES`] can hold, so that
/// nothing of its own is lost, and not for ever, because a grandchild may go on writing.
const AFTERMATH: usize = 1024 * 1024;

/// A variable may hold 128 KiB (`MAX_ARG_STRLEN` of Linux).
const MAX_VARIABLE: usize = 128 * 1024;

/// The process groups that run now, for [`kill_all`].
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Ends every command at once, for a process that is about to end itself. Commands that are never interrupted go on.
pub fn kill_all() {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Gives a command the job's environment and nothing else.
pub fn with_env<'a>(command: &'a mut Command, env: &Environment) -> &'a mut Command {
    command.env_clear().envs(env.iter());
    if env.get("PATH").is_none() {
        command.env("PATH", DEFAULT_PATH);
    }
    command
}

/// Runs a command to its end. `input` is its standard input, `hear` gets what it writes, as it comes. Without `stop` it
/// is never interrupted.
///
/// # Errors
/// [`ChildError`]; the process group has been ended by then.
pub fn run(
    command: &mut Command,
    env: &Environment,
    input: Option<Vec<u8>>,
    limit: Option<Duration>,
    stop: Option<&Stop>,
    hear: &mut dyn FnMut(Stream, &[u8]),
) -> Result<ExitStatus, ChildError> {
    let stopped = || stop.and_then(Stop::reason).map_or(Ok(()), |reason| Err(ChildError::Stopped(reason)));
    stopped()?;
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::ArgumentListTooLong => too_large(env).unwrap_or(ChildError::Unstartable(error)),
        _ => ChildError::Unstartable(error),
    })?;
    if stop.is_some() {
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).push(Pid::from_child(&child));
    }
    let mut group = Group(child);
    let child = &mut group.0;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // It may end before it has read everything; that shows in what it does.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let (sender, pieces) = mpsc::sync_channel(PIECES);
    forward(child.stdout.take(), Stream::Stdout, sender.clone());
    forward(child.stderr.take(), Stream::Stderr, sender);

    let deadline = limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
    let mut pipes_open = true;
    loop {
        let wait = if pipes_open { GLANCE } else { Duration::from_millis(1) };
        match pieces.recv_timeout(wait) {
            Ok((stream, bytes)) => hear(stream, &bytes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Nothing more will be heard. The end is a matter of microseconds, unless both pipes were closed on purpose.
                thread::sleep(if pipes_open { Duration::from_micros(50) } else { wait });
                pipes_open = false;
            }
        }
        // An error means that nobody will ever tell the end: whoever goes on asking waits for ever.
        let status = child.try_wait().map_err(|error| {
            ChildError::Unstartable(io::Error::new(error.kind(), format!("its end is not known: {error}")))
        })?;
        if let Some(status) = status {
            let mut left = AFTERMATH;
            while let Some(rest) = pieces.recv_timeout(GLANCE).ok().filter(|_| left > 0) {
                hear(rest.0, &rest.1);
                left = left.saturating_sub(rest.1.len());
            }
            return Ok(status);
        }
        stopped()?;
        if let Some((_, limit)) = deadline.filter(|(deadline, _)| Instant::now() >= *deadline) {
            return Err(ChildError::TimedOut(limit));
        }
    }
}

/// A child whose process group does not outlive us: SIGTERM first, then SIGKILL.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        let running = matches!(self.0.try_wait(), Ok(None));
        if !running {
            GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != group);
            return;
        }
        let _ = kill_process_group(group, Signal::TERM);
        let end = Instant::now() + COURTESY;
        while Instant::now() < end && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| *known != group);
    }
}

fn forward(stream: Option<impl Read + Send + 'static>, from: Stream, to: mpsc::SyncSender<(Stream, Vec<u8>)>) {
    let mut stream = stream.expect("was piped");
    thread::spawn(move || {
        let mut buffer = [0; 8 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if to.send((from, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// The largest variable, if it is the one that the kernel refuses.
fn too_large(env: &Environment) -> Option<ChildError> {
    let size = |(name, value): (&std::ffi::OsStr, &std::ffi::OsStr)| name.len() + value.len() + 1;
    let largest = env.iter().max_by_key(|variable| size(*variable))?;
    let bytes = size(largest);
    let name = largest.0.to_string_lossy().into_owned();
    (bytes > MAX_VARIABLE).then_some(ChildError::EnvTooLarge { name, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, waitpid};

    #[test]
    fn a_command_whose_end_somebody_else_has_taken_is_not_waited_for() {
        let env = Environment::default();
        let mut bash = Command::new("/bin/sh");
        let mut take = |_, bytes: &[u8]| {
            let id = String::from_utf8_lossy(bytes).trim().parse().ok().and_then(Pid::from_raw);
            waitpid(id, WaitOptions::empty()).expect("it ends, and is ours");
        };
        let limit = Some(Duration::from_secs(30));
        let ended = run(bash.args(["-c", "echo $$"]), &env, None, limit, None, &mut take);
        assert!(matches!(&ended, Err(ChildError::Unstartable(error)) if error.to_string().contains("not known")));
    }
}
