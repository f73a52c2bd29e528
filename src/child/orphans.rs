//! Finds and kills processes that a command has started and that have left its process group, for example
//! with `setsid`. On Linux this process is a subreaper: when the parent of such a process exits, the kernel
//! makes it our child. On other systems, and without `/proc`, these processes cannot be found.
#![expect(clippy::disallowed_methods, reason = "reads /proc, with a time limit")]

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process};

use super::registry;

/// Makes this process a subreaper.
pub(crate) fn adopt() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Running children that this process has not started. Those that [`super::run`] has started are known, and
/// what the SDK starts is in our own process group.
pub(super) fn list() -> Vec<Pid> {
    children(|group| group != getpgrp())
}

/// Running children that [`super::run`] has not started, in the process groups that `is_meant` accepts.
fn children(is_meant: impl Fn(Pid) -> bool) -> Vec<Pid> {
    let is_ours = |stat: &str| {
        // State, parent and process group follow the name in parentheses, which may contain any character.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let runs = fields.next()? != "Z";
        let mut number = || fields.next()?.parse().ok().and_then(Pid::from_raw);
        Some(runs && number()? == getpid() && is_meant(number()?))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        is_ours(&stat)?.then_some(pid)
    });
    let ours: Vec<Pid> = ours.collect();
    let started = registry::running();
    ours.into_iter().filter(|pid| started.iter().all(|command| command.group != *pid)).collect()
}

/// Kills all processes that [`list`] finds, except those in `kept`.
pub(super) fn kill(kept: &[Pid]) {
    kill_until_gone(|| list().into_iter().filter(|pid| !kept.contains(pid)).collect());
}

/// Kills what the SDK starts while this value exists, when it is dropped: the `credential_process` of a
/// profile, which the SDK would leave behind, and what that has started.
pub(crate) struct SdkProcesses {
    /// Processes that were running before. `None`: nothing is killed.
    kept: Option<Vec<Pid>>,
}

impl SdkProcesses {
    /// Everything that is started from now on, except by the commands of [`super::run`].
    pub(crate) fn from_now() -> Self {
        SdkProcesses { kept: Some(children(|_| true)) }
    }

    /// Lets the processes run: the `credential_process` has exited, and may leave others behind.
    pub(crate) fn keep(mut self) {
        self.kept = None;
    }
}

impl Drop for SdkProcesses {
    fn drop(&mut self) {
        let Some(kept) = &self.kept else { return };
        let is_of_command = |group: Pid| registry::running().iter().any(|command| command.group == group);
        kill_until_gone(|| {
            children(|group| !is_of_command(group)).into_iter().filter(|pid| !kept.contains(pid)).collect()
        });
    }
}

/// Kills processes until two scans in a row find none, at most for 1 s. Killing a process makes its children
/// our children. One scan may miss a process whose parent exits between the reads of the two.
fn kill_until_gone(list: impl Fn() -> Vec<Pid>) {
    let (began, mut empty_scans) = (Instant::now(), 0);
    while empty_scans < 2 && began.elapsed() < Duration::from_secs(1) {
        let left = list();
        empty_scans = if left.is_empty() { empty_scans + 1 } else { 0 };
        for pid in left {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(Duration::from_millis(1));
    }
}
