//! Reports a panic. Never shows the message of the panic, which may quote a secret.
#![expect(clippy::disallowed_methods, reason = "exits the process")]

use std::sync::Arc;
use std::{panic, process};

use rustix::io::Errno;

use super::exit::finish_and_exit;
use super::streams::print_report;
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::protocol::error::ErrorReport;

/// Makes a panic in any thread write an `internal` error as the last event and exit the process.
pub(crate) fn report_panics(events: Arc<EventWriter>, stop: CancelToken) {
    panic::set_hook(Box::new(move |panic| {
        let report = panic_report(panic);
        let report = diagnostics::naming_leftovers(report, events.stash(), events.shares_traffic());
        finish_and_exit(&events, &stop, events.failed(report), false)
    }));
}

/// Makes a panic print its report on standard error and exit the process with this status.
pub(crate) fn print_panics(status: i32) {
    panic::set_hook(Box::new(move |panic| {
        print_report(&panic_report(panic));
        process::exit(status)
    }));
}

/// The report of a panic. The standard library and tokio also panic if the system refuses a thread, which is
/// not a bug.
pub(crate) fn panic_report(panic: &panic::PanicHookInfo<'_>) -> ErrorReport {
    let message = panic.payload_as_str().unwrap_or_default();
    if message.contains("spawn") && message.contains("thread") {
        return diagnostics::from_system(&Errno::AGAIN.into());
    }
    diagnostics::from_panic(
        &panic.location().map_or_else(|| "an unknown location".to_owned(), ToString::to_string),
    )
}
