//! The wish that a run should end early, from a signal or a closed output, to whoever works or waits.
//! Never ends anything itself: each room looks, leaves things whole, and returns.

use std::fmt;
use std::sync::Arc;

use signal_hook::low_level::signal_name;
use tokio::sync::watch;

/// Why a run should end early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This signal arrived.
    Signal(i32),
    /// The runner closed our standard output.
    OutputClosed,
}

impl Reason {
    /// The exit status of a run that ends for it: of a signal 128 and its number, as in a shell.
    pub fn exit_status(self) -> i32 {
        match self {
            Reason::Signal(signal) => 128 + signal,
            Reason::OutputClosed => 1,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Signal(signal) => match signal_name(*signal) {
                Some(name) => f.write_str(name),
                None => write!(f, "signal {signal}"),
            },
            Reason::OutputClosed => f.write_str("a closed standard output"),
        }
    }
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
