//! Connects to AWS, and runs requests on this thread. Blocking work, such as a command of the stanza, runs
//! between two requests and never inside of one.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::context::Context;
use super::shared::{Shared, new_runtime};
use crate::lambda::{self, Identity, IdentityKey, Lambda, LambdaError};
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
        let Context { job, stanza, events, stop, shared, .. } = *context;
        let failed = |error| context.failed(error);
        let log_in = || {
            let known_secrets = &context.redaction.known_secrets;
            let logging_in = lambda::log_in(stanza, &job.env, job.env_given, events, stop, known_secrets);
            runtime.block_on(logging_in).map_err(failed)
        };
        let session = match shared {
            None => Arc::new(log_in()?),
            Some(shared) => shared.session(IdentityKey::of(stanza, &job.env).map_err(failed)?, log_in)?,
        };
        let lambda = session.lambda(stanza, events, stop, shared.map(|shared| &shared.pace));
        let identity = session.identity().clone();
        let variables = &context.redaction.variables;
        events.emit(Event::Identified {
            source: identity.source,
            profile: identity.profile.as_deref().map(|profile| variables.redact(profile)),
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

/// Does `work` with the runtime that the functions of the request share, or else with one of its own.
pub(super) fn with_runtime<T>(
    shared: Option<&Shared>,
    work: impl FnOnce(&Runtime) -> Result<T, ErrorReport>,
) -> Result<T, ErrorReport> {
    if let Some(shared) = shared {
        return work(shared.runtime()?);
    }
    let runtime = new_runtime()?;
    let done = work(&runtime);
    // Does not wait for a DNS lookup that is still running.
    runtime.shutdown_background();
    done
}
