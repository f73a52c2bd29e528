//! Ends the process: writes the last event and determines the exit status, also after a signal.
//! Never writes the last event twice.
#![expect(clippy::disallowed_methods, reason = "exits the process")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, process as std_process, thread};

use super::closed;
use super::signals::{FINAL_EVENT_TIMEOUT, SHUTDOWN_GRACE, Signals};
use super::streams::print_report;
use crate::cancel::{CancelReason, CancelToken};
use crate::child;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::protocol::error::Code;
use crate::protocol::event::Finished;
use crate::standalone::DIFFERS;

/// Exits the process if standard output was not open at the start: the events of a deployment would be lost.
pub(crate) fn refuse_closed_output(status: i32) {
    if closed::stdout_was_closed() {
        print_report(&diagnostics::from_closed_output());
        std_process::exit(status)
    }
}

/// Writes the last line and exits the process. If two threads get here, the second one blocks until the first
/// one exits the process. With `exit_code` the status also shows whether a plan changes something.
pub(crate) fn finish_and_exit(
    events: &EventWriter,
    stop: &CancelToken,
    finished: Finished,
    exit_code: bool,
) -> ! {
    match events.finish(finished) {
        Some(finished) => {
            let status = exit_status(&finished, events.has_side_effects(), stop.reason());
            let differs = exit_code && status == 0 && finished.plans_changes();
            std_process::exit(if differs { DIFFERS } else { status })
        }
        None => loop {
            thread::park();
        },
    }
}

/// The exit status for an outcome.
fn exit_status(finished: &Finished, has_side_effects: bool, stop: Option<CancelReason>) -> i32 {
    match (finished.code(), stop) {
        (_, Some(CancelReason::OutputClosed)) => 1,
        (Some(Code::Cancelled), Some(reason)) => reason.exit_status(),
        (Some(_), _) if !finished.is_allowed() => 2 - i32::from(has_side_effects),
        (Some(_) | None, _) => 0,
    }
}

/// Starts a thread that turns the first signal, or a closed standard output, into a cancellation. It exits
/// the process itself if the cancellation takes too long, if a second signal arrives, or if `has_started` is
/// false, because then nothing has to shut down. If even the last line cannot be written because standard
/// output is not read, the process exits without it.
///
/// The thread is started before the first line is written, so that signals are handled even if the output
/// pipe is full.
pub(crate) fn handle_signals(
    events: Arc<EventWriter>,
    stop: CancelToken,
    has_started: Arc<AtomicBool>,
) -> io::Result<()> {
    let mut signals = Signals::catch()?;
    let listen = move || {
        let first = signals.first(|| stop.cancel(CancelReason::OutputClosed));
        let Some((reason, _)) = first else { return };
        stop.cancel(reason);
        if has_started.load(Ordering::Relaxed) {
            signals.wait(None, Some(SHUTDOWN_GRACE));
        }
        child::kill_all();
        let report = diagnostics::from_stop(reason);
        let report = diagnostics::naming_leftovers(report, events.stash(), events.shares_traffic());
        let finished = events.failed(report);
        let status = exit_status(&finished, true, Some(reason));
        thread::spawn(move || finish_and_exit(&events, &stop, finished, false));
        thread::sleep(FINAL_EVENT_TIMEOUT);
        std_process::exit(status)
    };
    thread::Builder::new().spawn(listen).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorReport;
    use crate::protocol::event::{FunctionOutcome, ListOutcome};

    #[test]
    fn the_exit_status_follows_from_the_outcome() {
        let failed = |code, allowed| match Finished::failed(ErrorReport::new(code, ""), Vec::new()) {
            Finished::Failed { error, changed, .. } => Finished::Failed { error, changed, allowed },
            other => other,
        };
        let listed = |finished| {
            let function = FunctionOutcome::of(0, None, finished);
            Finished::List(Box::new(ListOutcome::of(vec![function], Vec::new(), 1)))
        };
        let skipped = Finished::Skipped { unmet: Vec::new() };
        for (finished, acted, stop, status) in [
            (Finished::Checked {}, false, None, 0),
            (skipped.clone(), false, None, 0),
            (skipped, true, Some(CancelReason::OutputClosed), 1),
            (failed(Code::BadJson, false), false, None, 2),
            (failed(Code::AccessDenied, false), true, None, 1),
            (failed(Code::AccessDenied, true), true, None, 0),
            (failed(Code::Cancelled, false), false, Some(CancelReason::Signal(2)), 130),
            (failed(Code::Cancelled, true), true, Some(CancelReason::Signal(15)), 143),
            (Finished::Checked {}, false, Some(CancelReason::Signal(15)), 0),
            (listed(Finished::Checked {}), true, None, 0),
            (listed(failed(Code::AccessDenied, false)), true, None, 1),
            (listed(failed(Code::BadValue, false)), false, None, 2),
            (listed(failed(Code::AccessDenied, true)), true, None, 0),
            (listed(failed(Code::Cancelled, false)), true, Some(CancelReason::Signal(2)), 130),
        ] {
            assert_eq!(exit_status(&finished, acted, stop), status, "{finished:?}");
        }
    }
}
