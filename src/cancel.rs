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
    /// Another function of the release failed. Only in the token of a release, never in that of the process.
    Stopped,
}

impl CancelReason {
    /// Exit status of a run that was cancelled for this reason. For a signal: 128 plus its number, as in a
    /// shell.
    pub(crate) fn exit_status(self) -> i32 {
        match self {
            CancelReason::Signal(signal) => 128 + signal,
            CancelReason::OutputClosed | CancelReason::Stopped => 1,
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
            CancelReason::Stopped => f.write_str("the failure of another function"),
        }
    }
}

type State = watch::Sender<Option<CancelReason>>;

/// Shared cancellation state. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct CancelToken {
    own: Arc<State>,
    /// The state of the run, if this is that of a part of it.
    parent: Option<Arc<State>>,
}

impl CancelToken {
    /// Creates a state that is not cancelled.
    pub(crate) fn new() -> Self {
        CancelToken { own: Arc::new(watch::Sender::new(None)), parent: None }
    }

    /// Creates the state of a part of the run. It is cancelled with the run, or on its own.
    pub(crate) fn child(&self) -> Self {
        debug_assert!(self.parent.is_none(), "a part of a run has no parts");
        CancelToken { parent: Some(self.own.clone()), ..CancelToken::new() }
    }

    /// Cancels the run, or the part of it. Only the first reason is kept.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.own.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(reason);
            is_first
        });
    }

    /// The reason of the cancellation; that of the run, if both the run and its part are cancelled. `None`:
    /// not cancelled.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        let of_run = self.parent.as_ref().and_then(|parent| *parent.borrow());
        of_run.or_else(|| *self.own.borrow())
    }

    /// Fails if the run is cancelled, so that work can stop with `?`.
    ///
    /// # Errors
    /// The reason of the cancellation.
    pub(crate) fn check(&self) -> Result<(), CancelReason> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Waits until the run is cancelled, also if its part was cancelled before.
    pub(crate) async fn run_cancelled(&self) -> CancelReason {
        reason_of(self.parent.as_ref().unwrap_or(&self.own)).await
    }

    /// Waits until the run, or the part of it, is cancelled.
    pub(crate) async fn cancelled(&self) -> CancelReason {
        let Some(parent) = &self.parent else { return reason_of(&self.own).await };
        tokio::select! {
            biased;
            reason = reason_of(parent) => reason,
            reason = reason_of(&self.own) => reason,
        }
    }
}

/// Waits for a reason.
async fn reason_of(state: &State) -> CancelReason {
    let mut receiver = state.subscribe();
    let seen = receiver.wait_for(Option::is_some).await.expect("the sender lives as long as `state`");
    seen.expect("waited for a reason")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_part_of_a_run_is_cancelled_with_the_run_or_on_its_own() {
        let run = CancelToken::new();
        let (part, other) = (run.child(), run.child());
        part.cancel(CancelReason::Stopped);
        assert_eq!(part.clone().cancelled().await, CancelReason::Stopped);
        let waiting = tokio::time::timeout(Duration::from_millis(1), part.run_cancelled());
        assert!(waiting.await.is_err(), "the run goes on");
        assert_eq!((run.reason(), other.reason()), (None, None));
        assert_eq!((part.check(), other.check()), (Err(CancelReason::Stopped), Ok(())));
        run.cancel(CancelReason::Signal(15));
        // The reason of the run comes first, also if it is the later one.
        assert_eq!(part.reason(), Some(CancelReason::Signal(15)));
        assert_eq!(part.cancelled().await, CancelReason::Signal(15));
        assert_eq!(other.cancelled().await, CancelReason::Signal(15));
        assert_eq!(part.run_cancelled().await, CancelReason::Signal(15));
    }
}
