//! Connects to AWS, and runs requests on this thread. Blocking work, such as a command of the stanza, runs
//! between two requests and never inside of one.

use tokio::runtime::{Builder, Runtime};

use super::context::Context;
use crate::diagnostics;
use crate::lambda::{self, Identity, Lambda, LambdaError};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::Event;

/// The context of a run, with its connection to AWS.
pub(super) struct Aws<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) lambda: Lambda,
    pub(super) identity: Identity,
    runtime: &'a Runtime,
}

impl<'a> Aws<'a> {
    /// Loads credentials and builds the clients, without a request to Lambda.
    pub(super) fn connect(context: &'a Context<'a>, runtime: &'a Runtime) -> Result<Self, ErrorReport> {
        let Context { job, stanza, events, stop, .. } = *context;
        let known_secrets = &context.redaction.known_secrets;
        let connecting =
            lambda::connect(stanza, &job.env, job.env_given, events.clone(), stop.clone(), known_secrets);
        let (lambda, identity) = runtime.block_on(connecting).map_err(|error| context.failed(error))?;
        events.emit(Event::Identified {
            source: identity.source,
            access_key_id: identity.access_key_id.masked_key(),
            region: identity.region.as_str().to_owned(),
        });
        Ok(Aws { context, lambda, identity, runtime })
    }

    /// Runs requests to completion.
    pub(super) fn block_on<T>(&self, requests: impl Future<Output = T>) -> T {
        self.runtime.block_on(requests)
    }

    /// Runs requests whose error makes the run fail.
    pub(super) fn call<T>(
        &self,
        requests: impl Future<Output = Result<T, LambdaError>>,
    ) -> Result<T, ErrorReport> {
        self.block_on(requests).map_err(|error| self.context.failed(error))
    }
}

/// Does `work` with a runtime for requests.
pub(super) fn with_runtime<T>(
    work: impl FnOnce(&Runtime) -> Result<T, ErrorReport>,
) -> Result<T, ErrorReport> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| diagnostics::from_system(&error))?;
    let done = work(&runtime);
    // Does not wait for a DNS lookup that is still running.
    runtime.shutdown_background();
    done
}
