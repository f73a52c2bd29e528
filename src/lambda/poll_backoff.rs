//! Computes the poll intervals of a wait: short at first, then longer. Also emits progress events during a
//! wait. It never polls itself, and never waits beyond the limit.
#![expect(clippy::disallowed_methods, reason = "measures how long a wait takes")]

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::error::LambdaError;
use super::read::UpdateStatus;
use crate::event_writer::EventWriter;

/// How long to retry while Lambda cannot assume a role: a new role propagates from IAM to Lambda within
/// seconds.
pub(super) const ROLE_LIMIT: Duration = Duration::from_secs(30);

/// How long to wait for AWS to remove the weights of an alias.
pub(super) const WEIGHTS_LIMIT: Duration = Duration::from_secs(60);

/// Time without events after which a progress event for a wait is emitted.
const SILENCE: Duration = Duration::from_secs(5);

const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_secs(2);

/// The poll interval is at most this fraction of the time waited so far. So completion is noticed at most an
/// eighth (12.5 %) too late, and half of that on average. With intervals that grow by half, as is common, the
/// end of a 1.5 s update was noticed 0.7 s too late.
const WAIT_FRACTION: u32 = 8;

/// Poll intervals of one wait. GetFunction has a quota of its own, 100 requests per second, so frequent
/// polling does not use up the quota of other calls.
#[derive(Debug)]
pub(super) struct PollBackoff {
    least: Duration,
    began: Instant,
    limit: Duration,
}

impl PollBackoff {
    /// Starts with 100 ms, then uses an eighth of the elapsed time, at most 2 s.
    pub(super) fn new(limit: Duration) -> Self {
        PollBackoff { least: MIN_INTERVAL, began: Instant::now(), limit }
    }

    /// As [`PollBackoff::new`], but at least 1 s, for write calls, which have a lower quota.
    pub(super) fn slowly(limit: Duration) -> Self {
        PollBackoff { least: Duration::from_secs(1), began: Instant::now(), limit }
    }

    /// For one sleep of a random time between `least` and `most`.
    pub(super) fn between(least: Duration, most: Duration) -> Self {
        let span = most.saturating_sub(least);
        PollBackoff { least: least + span.mul_f64(fastrand::f64()), began: Instant::now(), limit: most * 2 }
    }

    /// The next time to sleep. `None`: the limit is reached. Jitter prevents many CI jobs from polling at the
    /// same moments.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let elapsed = self.began.elapsed();
        let left = self.limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
        Some(interval(self.least, elapsed).mul_f64(0.9 + 0.2 * fastrand::f64()).min(left))
    }

    /// Limit of the whole wait.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

fn interval(least: Duration, elapsed: Duration) -> Duration {
    (elapsed / WAIT_FRACTION).clamp(least, MAX_INTERVAL.max(least))
}

/// Awaits `work`. Whenever no event was written for five seconds, emits a progress event with the text
/// `what`, but not before the work has lasted for `least`.
pub(super) async fn with_progress<T>(
    events: &EventWriter,
    least: Duration,
    what: impl Fn() -> String,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut least = least;
    loop {
        let silence = SILENCE.saturating_sub(events.silence()).max(least);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(silence) => least = Duration::ZERO,
        }
        // Another task may have written an event in the meantime.
        if events.silence() >= SILENCE {
            events.emit_wait(what());
        }
    }
}

/// The error of a function that is not ready although no operation is in progress.
pub(super) fn failure(status: UpdateStatus) -> Option<LambdaError> {
    match status {
        UpdateStatus::Settled | UpdateStatus::Creating | UpdateStatus::Updating | UpdateStatus::Leaving => {
            None
        }
        UpdateStatus::Deactivated => Some(LambdaError::Deactivated),
        UpdateStatus::CreationFailed(state_reason) => Some(LambdaError::CreationFailed(state_reason)),
        UpdateStatus::UpdateFailed(state_reason) => Some(LambdaError::UpdateFailed(state_reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_comes_an_eighth_of_the_wait_late_at_most() {
        for (elapsed, expected) in [(0, 100), (500, 100), (1600, 200), (8000, 1000), (60_000, 2000)] {
            let interval = interval(MIN_INTERVAL, Duration::from_millis(elapsed));
            assert_eq!(interval.as_millis(), expected, "after {elapsed} ms");
        }
        let first =
            PollBackoff::new(Duration::from_secs(600)).next().expect("far from the limit").as_millis();
        assert!((90..=111).contains(&first), "{first}");
    }

    #[test]
    fn a_wait_ends_at_its_limit() {
        assert_eq!(PollBackoff::new(Duration::ZERO).next(), None);
        assert!(
            PollBackoff::new(Duration::from_millis(20)).next().expect("some left")
                <= Duration::from_millis(20)
        );
    }
}
