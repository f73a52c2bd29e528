//! Connects to AWS for a command that only reads a function. It writes no events and evaluates no conditions.
#![expect(clippy::disallowed_methods, reason = "measures how long the run takes")]

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::aws::{Aws, with_runtime};
use super::context::Context;
use super::job::Job;
use super::redaction::{Redaction, secrets_of_job};
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::protocol::error::ErrorReport;
use crate::protocol::json::Map;
use crate::protocol::secret::{KnownSecrets, Secret};
use crate::protocol::stanza;

/// Connects as the stanza in `options` says, and calls `work`, until `stop` is set. `options`: the stanza of
/// `job`, or what it becomes when its variables are filled in.
///
/// # Errors
/// All problems of the stanza, credentials that cannot be used, and those of `work`.
pub(super) fn inspect<T>(
    job: &Job,
    options: &Map,
    stop: &CancelToken,
    work: impl FnOnce(&Aws<'_>) -> Result<T, ErrorReport>,
) -> Result<T, ErrorReport> {
    let events = Arc::new(EventWriter::new(io::sink(), stop.clone()));
    let read = stanza::read(options);
    let secrets_of_job = secrets_of_job(job, read.options());
    let redactor = read.options().redactor(&job.stanza, secrets_of_job.iter().map(Secret::expose));
    let stanza = match read.stanza {
        Ok(stanza) => stanza,
        Err(invalid) => return Err(diagnostics::from_problems(invalid.problems, &redactor)),
    };
    let redaction = Redaction::new(job, &stanza, secrets_of_job, redactor, KnownSecrets::default());
    let (name, began) = (&stanza.function_name, Instant::now());
    let (shared, release) = (None, None);
    let (stanza, events) = (&stanza, &events);
    let context = Context { job, stanza, name, redaction, events, stop, shared, release, began };
    with_runtime(None, |runtime| work(&Aws::connect(&context, runtime)?))
}
