//! Runs a command, forwards its output as it arrives, and returns its exit status.
//! It never loses output of the command itself, and never waits long for a grandchild that keeps a pipe open.
//! Effect: starts a process in a new process group, and kills it and its descendants if they do not exit.
#![expect(clippy::disallowed_methods, reason = "waits for processes with a time limit")]

pub(crate) mod orphans;
mod registry;

use std::io::{self, BufRead, Cursor};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::cancel::{CancelReason, CancelToken};
use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::event::Stream;

pub(crate) use orphans::adopt;
use registry::{Running, running};

/// Why a command has no exit status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// The command could not be started, or other code in this process has reaped it.
    #[error("cannot run the command")]
    Unstartable(#[from] io::Error),
    /// The job's environment exceeds a limit of the kernel.
    #[error("the environment is too large for a command; the largest variable, `{name}`, has {bytes} bytes")]
    EnvTooLarge {
        /// Name of the largest variable. It alone may be too large, or all variables together.
        name: String,
        /// Size of that variable in bytes, including its name.
        bytes: usize,
    },
    #[error("the command did not exit within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the run was cancelled")]
    Cancelled(#[from] CancelReason),
}

/// How often to check for the exit status and for cancellation while the command writes nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time between SIGTERM and SIGKILL to a process group.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// How long to read from a pipe that a grandchild keeps open after the command itself has exited.
const GRANDCHILD_GRACE: Duration = Duration::from_secs(1);

/// Upper bound of the output read after the command has exited. It is larger than the pipe buffers, so none
/// of the command's own output is lost. It is bounded because a grandchild may keep writing.
const MAX_TRAILING_BYTES: usize = 1024 * 1024;

/// Largest argument or environment variable in bytes: 128 KiB (`MAX_ARG_STRLEN` of Linux).
pub(crate) const MAX_ARGUMENT: usize = 128 * 1024;

/// Kills all running commands at once, just before this process exits. Commands that must not be interrupted
/// keep running.
pub(crate) fn kill_all() {
    let ended: Vec<Running> = running().extract_if(.., |command| command.is_interruptible).collect();
    for command in &ended {
        let _ = kill_process_group(command.group, Signal::KILL);
    }
    if let Some(command) = ended.first() {
        orphans::kill(&command.kept);
    }
}

/// Sets the environment of a command to the job's environment, and nothing else. Sets a default `PATH` if
/// that has none.
pub(crate) fn with_env<'a>(command: &'a mut Command, env: &Environment) -> &'a mut Command {
    command.env_clear().envs(env.iter());
    if env.get("PATH").is_none() {
        command.env("PATH", DEFAULT_PATH);
    }
    command
}

/// Runs a command until it exits. `input` is its standard input, `receive` receives its output as it arrives.
/// Without `stop` the command is never interrupted.
///
/// # Errors
/// [`ChildError`]. The process group has been killed by then.
pub(crate) fn run(
    command: &mut Command,
    env: &Environment,
    input: Option<Vec<u8>>,
    limit: Option<Duration>,
    stop: Option<&CancelToken>,
    receive: &mut dyn FnMut(Stream, &[u8]),
) -> Result<ExitStatus, ChildError> {
    let stopped = || stop.map_or(Ok(()), CancelToken::check);
    stopped()?;
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let kept = orphans::list();
    let child = {
        // Locked until the child is listed: a thread that ends orphans would take an unlisted child for one
        // of them.
        let mut running = running();
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::ArgumentListTooLong => {
                too_large(env, command).unwrap_or(ChildError::Unstartable(error))
            }
            _ => ChildError::Unstartable(error),
        })?;
        let group = Pid::from_child(&child);
        running.push(Running { group, is_interruptible: stop.is_some(), kept: kept.clone() });
        child
    };
    let mut group = ProcessGroup(child, kept);
    let child = &mut group.0;
    let mut pipes = Pipes::of(child, input)?;
    let deadline = limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
    loop {
        pipes.transfer(POLL_INTERVAL, receive);
        // After an error the exit status can never be read, so polling on would never end.
        let status = child.try_wait().map_err(|error| {
            io::Error::new(error.kind(), format!("its exit status is not known: {error}"))
        })?;
        if let Some(status) = status {
            pipes.drain(receive, &|| stopped().is_err());
            if status.signal().is_some() {
                // If the run is cancelled, `kill_all` sent that signal: report the cancellation.
                stopped()?;
            }
            return Ok(status);
        }
        stopped()?;
        if let Some((_, limit)) = deadline.filter(|(deadline, _)| Instant::now() >= *deadline) {
            return Err(ChildError::TimedOut(limit));
        }
    }
}

/// Our ends of a child's pipes, served by one thread. Once the child has exited, an empty pipe means that all
/// of its output has been read, even on a busy machine. (With reader threads, we would have to wait for them
/// without knowing how long.)
struct Pipes {
    stdin: Option<(ChildStdin, Cursor<Vec<u8>>)>,
    outputs: [(Stream, Option<OwnedFd>); 2],
    closed_pause: Duration,
}

impl Pipes {
    fn of(child: &mut Child, input: Option<Vec<u8>>) -> io::Result<Self> {
        let stdin = child.stdin.take().zip(input.map(Cursor::new));
        if let Some((stdin, _)) = &stdin {
            rustix::io::ioctl_fionbio(stdin, true)?;
        }
        let stdout = (Stream::Stdout, child.stdout.take().map(OwnedFd::from));
        let stderr = (Stream::Stderr, child.stderr.take().map(OwnedFd::from));
        Ok(Pipes { stdin, outputs: [stdout, stderr], closed_pause: Duration::from_micros(50) })
    }

    /// Waits at most `wait` for a pipe to be ready, and serves the ready ones. Returns the number of bytes
    /// read.
    fn transfer(&mut self, wait: Duration, receive: &mut dyn FnMut(Stream, &[u8])) -> usize {
        let open = self.outputs.iter().filter_map(|(_, pipe)| pipe.as_ref());
        let mut ready: Vec<PollFd<'_>> = open.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        if ready.is_empty() && self.stdin.is_none() {
            // The command exits within microseconds now, unless it has closed its pipes on purpose.
            thread::sleep(self.closed_pause.min(wait));
            self.closed_pause = Duration::from_millis(1);
            return 0;
        }
        ready.extend(self.stdin.as_ref().map(|(stdin, _)| PollFd::new(stdin, PollFlags::OUT)));
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        // After EINTR the caller checks everything again.
        let _ = poll(&mut ready, Some(&timeout));
        let mut is_ready = ready.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let mut count = 0;
        for (stream, pipe) in &mut self.outputs {
            if pipe.is_some() && is_ready.next() == Some(true) {
                count += read_once(pipe, |bytes| receive(*stream, bytes));
            }
        }
        if is_ready.next() == Some(true) {
            self.write_once();
        }
        count
    }

    /// Writes a part of the input. The command may exit or close the pipe before it has read everything,
    /// which is not an error.
    fn write_once(&mut self) {
        let Some((stdin, input)) = &mut self.stdin else { return };
        let left = input.fill_buf().unwrap_or_default();
        match rustix::io::write(stdin.as_fd(), left) {
            Ok(count) if count < left.len() => input.consume(count),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(_) | Err(_) => self.stdin = None,
        }
    }

    /// Reads the remaining output after the command has exited: all of its own, and for a moment that of
    /// grandchildren.
    fn drain(&mut self, receive: &mut dyn FnMut(Stream, &[u8]), is_stopped: &dyn Fn() -> bool) {
        self.stdin = None;
        let (mut left, end) = (MAX_TRAILING_BYTES, Instant::now() + GRANDCHILD_GRACE);
        while left > 0 && self.outputs.iter().any(|(_, pipe)| pipe.is_some()) {
            let count = self.transfer(Duration::ZERO, receive);
            left = left.saturating_sub(count);
            if count == 0 && (Instant::now() >= end || is_stopped()) {
                return;
            }
            if count == 0 {
                left = left.saturating_sub(self.transfer(POLL_INTERVAL, receive));
            }
        }
    }
}

/// Reads once from a pipe that is ready, and closes it at its end. Returns the number of bytes.
fn read_once(pipe: &mut Option<OwnedFd>, receive: impl FnOnce(&[u8])) -> usize {
    let mut buffer = [0; 16 * 1024];
    let read = pipe.as_ref().map(|pipe| rustix::io::read(pipe, &mut buffer));
    match read {
        Some(Ok(count @ 1..)) => {
            receive(&buffer[..count]);
            count
        }
        Some(Err(Errno::AGAIN | Errno::INTR)) => 0,
        Some(Ok(0) | Err(_)) | None => {
            *pipe = None;
            0
        }
    }
}

/// A child that does not outlive this value. On drop, its process group gets SIGTERM and then SIGKILL, and
/// processes that have left the group are killed. The second field lists the processes that earlier commands
/// have left running.
struct ProcessGroup(Child, Vec<Pid>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        let ends_by_itself = !matches!(self.0.try_wait(), Ok(None));
        if !ends_by_itself {
            let _ = kill_process_group(group, Signal::TERM);
            let end = Instant::now() + TERM_GRACE;
            while Instant::now() < end && matches!(self.0.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(5));
            }
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.0.wait();
        }
        let is_known = running().extract_if(.., |command| command.group == group).next().is_some();
        // If it is no longer listed, `kill_all` has killed it. The thread of `kill_all` may not be done
        // when the run ends.
        if !ends_by_itself || !is_known {
            orphans::kill(&self.1);
        }
    }
}

/// The error with the largest variable. `None`: an argument of the command exceeds the limit.
fn too_large(env: &Environment, command: &Command) -> Option<ChildError> {
    if command.get_args().any(|argument| argument.len() >= MAX_ARGUMENT) {
        return None;
    }
    let size = |(name, value): (&std::ffi::OsStr, &std::ffi::OsStr)| name.len() + value.len() + 1;
    let largest = env.iter().max_by_key(|variable| size(*variable))?;
    let bytes = size(largest);
    let name = largest.0.to_string_lossy().into_owned();
    Some(ChildError::EnvTooLarge { name, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, waitpid};

    #[test]
    fn a_command_that_other_code_has_reaped_is_not_waited_for() {
        let env = Environment::default();
        let mut bash = Command::new("/bin/sh");
        let mut take = |_, bytes: &[u8]| {
            let id = String::from_utf8_lossy(bytes).trim().parse().ok().and_then(Pid::from_raw);
            waitpid(id, WaitOptions::empty()).expect("it exits, and is our child");
        };
        let limit = Some(Duration::from_secs(30));
        let ended = run(bash.args(["-c", "echo $$"]), &env, None, limit, None, &mut take);
        let Err(ChildError::Unstartable(error)) = ended else { panic!("{ended:?}") };
        assert!(error.to_string().contains("not known"), "{error}");
    }
}
