//! Runs a command, passes on its output as it comes, and returns its exit status.
//! Never loses what the command itself has written, and never waits long for a grandchild that keeps a pipe open.
//! Effect: starts a process, in a process group of its own, and ends what it has started when it does not end itself.
#![expect(clippy::disallowed_methods, reason = "waits, with the clock in sight")]

pub mod orphans;

use std::fmt;
use std::io::{self, BufRead, Cursor};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::event::Stream;
use crate::stop::{Reason, Stop};

pub use orphans::adopt;

/// Why a command has no end of its own.
#[derive(Debug)]
pub enum ChildError {
    /// It cannot be started, or somebody else has taken its end from us.
    Unstartable(io::Error),
    /// The job's environment is larger than the kernel passes on.
    EnvTooLarge {
        /// The largest variable: it alone may be too much, or all together.
        name: String,
        /// Its size in bytes, name included.
        bytes: usize,
    },
    /// It did not end within the limit.
    TimedOut(Duration),
    /// The run is to end.
    Stopped(Reason),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Unstartable(error) => write!(f, "the command cannot be run: {error}"),
            ChildError::EnvTooLarge { name, bytes } => {
                write!(
                    f,
                    "the environment is more than a program can be given; the variable `{name}` alone has {bytes} bytes"
                )
            }
            ChildError::TimedOut(limit) => write!(f, "the command did not end within {} s", limit.as_secs()),
            ChildError::Stopped(_) => f.write_str("the run was cancelled"),
        }
    }
}

/// How often the exit status and the cancellation are checked while the command is silent.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long a process group may take to end after SIGTERM.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// How long a grandchild may keep a pipe open after the command itself has ended.
const GRANDCHILD_GRACE: Duration = Duration::from_secs(1);

/// Bytes that are still read after the command has ended: more than its pipes can hold, so that none of its own output is
/// lost; bounded, because a grandchild may go on writing.
const MAX_TRAILING_BYTES: usize = 1024 * 1024;

/// An argument, and a variable, may hold 128 KiB (`MAX_ARG_STRLEN` of Linux).
pub const MAX_ARGUMENT: usize = 128 * 1024;

/// The commands that run now.
static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

struct Running {
    group: Pid,
    is_interruptible: bool,
    /// What commands before it have left behind on purpose, and may keep.
    kept: Vec<Pid>,
}

fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends every command at once, for a process that is about to end itself. Commands that are never interrupted go on.
pub fn kill_all() {
    let ended: Vec<Running> = running().extract_if(.., |command| command.is_interruptible).collect();
    for command in &ended {
        let _ = kill_process_group(command.group, Signal::KILL);
    }
    if let Some(command) = ended.first() {
        orphans::end(&command.kept);
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
    let kept = orphans::alive();
    let child = {
        // Locked until the child is listed: a thread that ends orphans would take an unlisted child for one of them.
        let mut running = running();
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::ArgumentListTooLong => too_large(env, command).unwrap_or(ChildError::Unstartable(error)),
            _ => ChildError::Unstartable(error),
        })?;
        let group = Pid::from_child(&child);
        running.push(Running { group, is_interruptible: stop.is_some(), kept: kept.clone() });
        child
    };
    let mut group = Group(child, kept);
    let child = &mut group.0;
    let mut pipes = Pipes::of(child, input).map_err(ChildError::Unstartable)?;
    let deadline = limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
    loop {
        pipes.transfer(POLL_INTERVAL, hear);
        // An error means that the exit status can never be had: to go on asking would take for ever.
        let status = child.try_wait().map_err(|error| {
            ChildError::Unstartable(io::Error::new(error.kind(), format!("its end is not known: {error}")))
        })?;
        if let Some(status) = status {
            pipes.drain(hear, &|| stopped().is_err());
            // A second signal to us has killed it: that is no end of its own.
            return if status.signal().is_some() { stopped().map(|()| status) } else { Ok(status) };
        }
        stopped()?;
        if let Some((_, limit)) = deadline.filter(|(deadline, _)| Instant::now() >= *deadline) {
            return Err(ChildError::TimedOut(limit));
        }
    }
}

/// Our ends of a child's pipes. They are served by one thread: after the child's end, a pipe without anything to read is known to
/// hold nothing of the child's, however busy the machine is. (Threads that read would have to be waited for, and nothing tells how long.)
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

    /// Waits until a pipe is ready, at most `wait`, and serves those that are. Returns how many bytes were read.
    fn transfer(&mut self, wait: Duration, hear: &mut dyn FnMut(Stream, &[u8])) -> usize {
        let open = self.outputs.iter().filter_map(|(_, pipe)| pipe.as_ref());
        let mut ready: Vec<PollFd<'_>> = open.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        if ready.is_empty() && self.stdin.is_none() {
            // The exit status follows within microseconds, unless the command has closed its pipes on purpose.
            thread::sleep(self.closed_pause.min(wait));
            self.closed_pause = Duration::from_millis(1);
            return 0;
        }
        ready.extend(self.stdin.as_ref().map(|(stdin, _)| PollFd::new(stdin, PollFlags::OUT)));
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        // EINTR is the doing of a signal, after which the caller looks at everything again.
        let _ = poll(&mut ready, Some(&timeout));
        let mut is_ready = ready.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let mut count = 0;
        for (stream, pipe) in &mut self.outputs {
            if pipe.is_some() && is_ready.next() == Some(true) {
                count += read_once(pipe, |bytes| hear(*stream, bytes));
            }
        }
        if is_ready.next() == Some(true) {
            self.write_once();
        }
        count
    }

    /// Passes on a part of the input. The command may end, or close the pipe, before it has read everything; that shows in what it does.
    fn write_once(&mut self) {
        let Some((stdin, input)) = &mut self.stdin else { return };
        let left = input.fill_buf().unwrap_or_default();
        match rustix::io::write(stdin.as_fd(), left) {
            Ok(count) if count < left.len() => input.consume(count),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(_) | Err(_) => self.stdin = None,
        }
    }

    /// Reads what is left after the command's end: all of its own output, and for a moment what grandchildren add.
    fn drain(&mut self, hear: &mut dyn FnMut(Stream, &[u8]), is_stopped: &dyn Fn() -> bool) {
        self.stdin = None;
        let (mut left, end) = (MAX_TRAILING_BYTES, Instant::now() + GRANDCHILD_GRACE);
        while left > 0 && self.outputs.iter().any(|(_, pipe)| pipe.is_some()) {
            let count = self.transfer(Duration::ZERO, hear);
            left = left.saturating_sub(count);
            if count == 0 && (Instant::now() >= end || is_stopped()) {
                return;
            }
            if count == 0 {
                left = left.saturating_sub(self.transfer(POLL_INTERVAL, hear));
            }
        }
    }
}

/// Reads once from a pipe that is ready, and closes it at its end. Returns the number of bytes.
fn read_once(pipe: &mut Option<OwnedFd>, hear: impl FnOnce(&[u8])) -> usize {
    let mut buffer = [0; 16 * 1024];
    let read = pipe.as_ref().map(|pipe| rustix::io::read(pipe, &mut buffer));
    match read {
        Some(Ok(count @ 1..)) => {
            hear(&buffer[..count]);
            count
        }
        Some(Err(Errno::AGAIN | Errno::INTR)) => 0,
        Some(Ok(0) | Err(_)) | None => {
            *pipe = None;
            0
        }
    }
}

/// A child that does not outlive us: SIGTERM to its process group first, then SIGKILL, also to what has left that group.
/// Beside it what commands before it have left behind.
struct Group(Child, Vec<Pid>);

impl Drop for Group {
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
        // One that is not known any more was ended by `kill_all`, whose thread may not be done when the run has come to its end.
        if !ends_by_itself || !is_known {
            orphans::end(&self.1);
        }
    }
}

/// The largest variable, unless it is an argument that the kernel refuses.
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
