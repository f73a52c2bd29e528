//! Lists the commands that [`super::run`] has started and that are still running.
//! Never starts or kills a process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;

static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// A command that is running.
pub(super) struct Running {
    pub(super) group: Pid,
    pub(super) is_interruptible: bool,
    /// Processes that earlier commands have left running on purpose. They are not killed.
    pub(super) kept: Vec<Pid>,
}

/// The commands that are running. The list stays locked until the result is dropped.
pub(super) fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
