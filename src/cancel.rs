//! Cooperative cancellation of a run, set by a signal or by a closed standard output.
//! It never stops anything itself: long-running work polls it, and returns early with a consistent state.

use std::fmt;
use std::sync::Arc;

use signal_hook::low_level::signal_name;
use tokio::sync::watch;

/// Why a run was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CancelReason {
    /// The process received the signal with this number.
    Signal(i32),
    /// The CI runner closed our standard output.
    OutputClosed,
}

impl CancelReason {
    /// Exit status of a run that was cancelled for this reason. For a signal: 128 plus its number, as in a
    /// shell.
    pub(crate) fn exit_status(self) -> i32 {
        match self {
            CancelReason::Signal(signal) => 128 + signal,
            CancelReason::OutputClosed => 1,
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CancelReason::Signal(signal) => match signal_name(*signal) {
                Some(name) => f.write_str(name),
                None => write!(f, "signal {signal}"),
            },
            CancelReason::OutputClosed => f.write_str("a closed standard output"),
        }
    }
}

/// Shared cancellation state. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct CancelToken(Arc<watch::Sender<Option<CancelReason>>>);

impl CancelToken {
    /// Creates a state that is not cancelled.
    pub(crate) fn new() -> Self {
        CancelToken(Arc::new(watch::Sender::new(None)))
    }

    /// Cancels the run. Only the first reason is kept.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.0.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(reason);
            is_first
        });
    }

    /// The reason of the cancellation. `None`: not cancelled.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        *self.0.borrow()
    }

    /// Fails if the run is cancelled, so that work can stop with `?`.
    ///
    /// # Errors
    /// The reason of the cancellation.
    pub(crate) fn check(&self) -> Result<(), CancelReason> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Waits until the run is cancelled.
    pub(crate) async fn cancelled(&self) -> CancelReason {
        let mut receiver = self.0.subscribe();
        let seen = receiver.wait_for(Option::is_some).await.expect("the sender lives as long as `self`");
        seen.expect("waited for a reason")
    }
}
