//! Processes that a command has started and that have left its process group, such as by `setsid`: once their parents have ended, the
//! kernel makes them our children, if we ask for it (Linux's subreaper). Elsewhere, and without `/proc`, nobody can tell whose they are.
#![cfg_attr(
    target_os = "linux",
    expect(clippy::disallowed_methods, reason = "looks for processes, with the clock in sight")
)]

use rustix::process::Pid;

#[cfg(target_os = "linux")]
use {
    rustix::process::{Signal, getpgrp, getpid, kill_process, set_child_subreaper},
    std::fs,
    std::thread::sleep,
    std::time::{Duration, Instant},
};

/// Asks the kernel for them.
pub fn adopt() {
    #[cfg(target_os = "linux")]
    let _ = set_child_subreaper(Some(getpid()));
}

/// Our children that run and that we have not started: ours are known, and those of the SDK are in our own process group.
#[cfg(target_os = "linux")]
pub(super) fn alive() -> Vec<Pid> {
    children(|group| group != getpgrp())
}

/// Our children that run in such a process group and that [`super::run`] has not started.
#[cfg(target_os = "linux")]
fn children(is_meant: impl Fn(Pid) -> bool) -> Vec<Pid> {
    let is_ours = |stat: &str| {
        // State, parent and process group, behind a name in parentheses that may hold anything.
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
    let started = super::running();
    ours.into_iter().filter(|pid| started.iter().all(|command| command.group != *pid)).collect()
}

/// Ends them but for these.
#[cfg(target_os = "linux")]
pub(super) fn end(kept: &[Pid]) {
    end_all(|| alive().into_iter().filter(|pid| !kept.contains(pid)).collect());
}

/// Ends what the SDK has started: a profile's `credential_process`.
#[cfg(target_os = "linux")]
pub fn end_those_of_the_sdk() {
    end_all(|| children(|group| group == getpgrp()));
}

/// The end of one makes orphans of those that it has started, so they are looked for until twice there are none: one look passes over a
/// process whose parent ends between the look at the one and at the other.
#[cfg(target_os = "linux")]
fn end_all(alive: impl Fn() -> Vec<Pid>) {
    let (began, mut looks_without) = (Instant::now(), 0);
    while looks_without < 2 && began.elapsed() < Duration::from_secs(1) {
        let left = alive();
        looks_without = if left.is_empty() { looks_without + 1 } else { 0 };
        for pid in left {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(Duration::from_millis(1));
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn alive() -> Vec<Pid> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn end(_: &[Pid]) {}

#[cfg(not(target_os = "linux"))]
pub fn end_those_of_the_sdk() {}
