//! The wish that a run should end early, from a signal or a closed output, to whoever works or waits.
//! Never ends anything itself: each room looks, leaves things whole, and returns.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a run should end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGINT, 130 as an exit status.
    Interrupt,
    /// SIGTERM, 143 as an exit status.
    Terminate,
    /// The runner closed our standard output.
    OutputClosed,
}

/// A shared wish to end. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<Option<Reason>>>);

impl Stop {
    /// No wish yet.
    pub fn new() -> Self {
        Stop(Arc::new(watch::Sender::new(None)))
    }

    /// Asks for the end. The first reason stays.
    pub fn request(&self, reason: Reason) {
        self.0.send_if_modified(|current| match current {
            Some(_) => false,
            None => {
                *current = Some(reason);
                true
            }
        });
    }

    /// The reason, once there is one.
    pub fn reason(&self) -> Option<Reason> {
        *self.0.borrow()
    }

    /// `Err` once the end is asked for, so that work can stop with `?`.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self) -> Result<(), Reason> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) -> Reason {
        let mut receiver = self.0.subscribe();
        let seen = receiver.wait_for(Option::is_some).await.expect("the sender lives as long as `self`");
        seen.expect("waited for a reason")
    }
}

impl Default for Stop {
    fn default() -> Self {
        Stop::new()
    }
}
