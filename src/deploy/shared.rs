//! Defines what the functions of one request share: the rate of calls, the identities, the secrets and the
//! runtime. Functions with the same identity log in once and use the same connections.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::diagnostics;
use crate::lambda::{IdentityKey, Pace, Session};
use crate::protocol::error::ErrorReport;
use crate::protocol::secret::KnownSecrets;

/// How an identity has logged in.
type LogIn = Result<Arc<Session>, ErrorReport>;

/// What the functions of one request share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) pace: Arc<Pace>,
    pub(super) known_secrets: KnownSecrets,
    /// A login that failed is kept, too: it was retried already.
    sessions: Mutex<Vec<(IdentityKey, LogIn)>>,
    /// Held while a command of a stanza runs: the processes that a command leaves behind are known only if no
    /// other one runs at the same time.
    commands: Mutex<()>,
    /// Made when it is first needed.
    runtime: OnceLock<Result<Runtime, ErrorReport>>,
}

impl Shared {
    /// The session of an identity, or why there is none. Calls `log_in` only once; other callers wait until
    /// it returns.
    pub(super) fn session(
        &self,
        key: IdentityKey,
        log_in: impl FnOnce() -> Result<Session, ErrorReport>,
    ) -> Result<Arc<Session>, ErrorReport> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, session)) = sessions.iter().find(|(known, _)| *known == key) {
            return session.clone();
        }
        let session = log_in().map(Arc::new);
        sessions.push((key, session.clone()));
        session
    }

    /// Waits until no command of another stanza runs. No other one starts before the result is dropped.
    pub(super) fn begin_command(&self) -> MutexGuard<'_, ()> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runtime for requests. The connections of a session need the one with which they were opened.
    pub(super) fn runtime(&self) -> Result<&Runtime, ErrorReport> {
        self.runtime.get_or_init(new_runtime).as_ref().map_err(Clone::clone)
    }
}

impl Drop for Shared {
    /// Does not wait for a DNS lookup that is still running.
    fn drop(&mut self) {
        if let Some(Ok(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime for requests on the calling thread.
pub(super) fn new_runtime() -> Result<Runtime, ErrorReport> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| diagnostics::from_system(&error))
}
