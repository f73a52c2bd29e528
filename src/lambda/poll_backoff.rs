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

const MIN_INTERVAL: Duration = Duration::from_millis(250);

/// Shortest interval once the operation lasts as long as expected.
const MIN_INTERVAL_NEAR_END: Duration = Duration::from_millis(100);

const MAX_INTERVAL: Duration = Duration::from_secs(2);

/// CodeDeploy allows few calls of GetDeployment per second and account.
const MAX_INTERVAL_OF_CODEDEPLOY: Duration = Duration::from_secs(15);

/// The poll interval is at most this fraction of the time waited so far. So the end of a long operation is
/// noticed at most an eighth (12.5 %) too late, and half of that on average. With intervals that grow by
/// half, as is common, the end of a 1.5 s update was noticed 0.7 s too late.
const WAIT_FRACTION: u32 = 8;

/// As [`WAIT_FRACTION`], once the operation lasts as long as expected.
const WAIT_FRACTION_NEAR_END: u32 = 16;

/// Poll intervals of one wait. GetFunction has a quota of its own, 100 requests per second, so frequent
/// polling does not use up the quota of other calls.
#[derive(Debug)]
pub(super) struct PollBackoff {
    least: Duration,
    most: Duration,
    began: Instant,
    limit: Duration,
    /// How long the operation will take, as far as an earlier one shows.
    expected: Option<Duration>,
    /// When the operation was last seen to be in progress, after `began`.
    last_seen: Duration,
}

impl PollBackoff {
    /// Starts with 250 ms, then uses an eighth of the elapsed time, at most 2 s.
    pub(super) fn new(limit: Duration) -> Self {
        PollBackoff::with_least(MIN_INTERVAL, limit)
    }

    /// As [`PollBackoff::new`], but at least 1 s, for write calls, which have a lower quota.
    pub(super) fn slowly(limit: Duration) -> Self {
        PollBackoff::with_least(Duration::from_secs(1), limit)
    }

    /// As [`PollBackoff::slowly`], but at most 15 s and without a limit, for an operation of CodeDeploy,
    /// which can take hours and always ends.
    pub(super) fn for_codedeploy() -> Self {
        PollBackoff { most: MAX_INTERVAL_OF_CODEDEPLOY, ..PollBackoff::slowly(Duration::MAX) }
    }

    /// For one sleep of a random time between `least` and `most`.
    pub(super) fn between(least: Duration, most: Duration) -> Self {
        let span = most.saturating_sub(least);
        PollBackoff::with_least(least + span.mul_f64(fastrand::f64()), most * 2)
    }

    fn with_least(least: Duration, limit: Duration) -> Self {
        PollBackoff {
            least,
            most: MAX_INTERVAL.max(least),
            began: Instant::now(),
            limit,
            expected: None,
            last_seen: Duration::ZERO,
        }
    }

    /// Makes the first poll when the operation is expected to end, but at most 2 s after the last one.
    pub(super) fn expecting(self, expected: Option<Duration>) -> Self {
        PollBackoff { expected, ..self }
    }

    /// The next time to sleep. `None`: the limit is reached. Jitter prevents many CI jobs from polling at the
    /// same moments.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let elapsed = self.began.elapsed();
        self.last_seen = elapsed;
        let left = self.limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
        let interval = interval(self.least, self.most, elapsed, self.expected);
        Some(interval.mul_f64(0.9 + 0.2 * fastrand::f64()).min(left))
    }

    /// How long the operation took, if it has just been seen to have ended: the middle between the last two
    /// polls. `None`: it had ended before the first poll.
    pub(super) fn took(&self) -> Option<Duration> {
        (!self.last_seen.is_zero()).then(|| (self.last_seen + self.began.elapsed()) / 2)
    }

    /// Limit of the whole wait.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

fn interval(least: Duration, most: Duration, elapsed: Duration, expected: Option<Duration>) -> Duration {
    match expected {
        None => (elapsed / WAIT_FRACTION).clamp(least, most),
        Some(expected) => expected
            .saturating_sub(elapsed)
            .max(elapsed / WAIT_FRACTION_NEAR_END)
            .clamp(MIN_INTERVAL_NEAR_END, MAX_INTERVAL),
    }
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
        for (elapsed, expected) in [(0, 250), (500, 250), (1600, 250), (8000, 1000), (60_000, 2000)] {
            let interval = interval(MIN_INTERVAL, MAX_INTERVAL, Duration::from_millis(elapsed), None);
            assert_eq!(interval.as_millis(), expected, "after {elapsed} ms");
        }
        let first =
            PollBackoff::new(Duration::from_secs(600)).next().expect("far from the limit").as_millis();
        assert!((225..=276).contains(&first), "{first}");
    }

    #[test]
    fn a_second_wait_polls_when_the_first_one_would_have_ended() {
        for (elapsed, expected) in [(0, 1500), (1450, 100), (1600, 100), (3200, 200), (60_000, 2000)] {
            let (elapsed_time, update) = (Duration::from_millis(elapsed), Duration::from_millis(1500));
            let interval = interval(MIN_INTERVAL, MAX_INTERVAL, elapsed_time, Some(update));
            assert_eq!(interval.as_millis(), expected, "after {elapsed} ms");
        }
        // A second wait can be much shorter than the first one.
        let first = interval(MIN_INTERVAL, MAX_INTERVAL, Duration::ZERO, Some(Duration::from_secs(60)));
        assert_eq!(first, MAX_INTERVAL);
    }

    #[test]
    fn a_wait_for_codedeploy_has_no_limit_and_polls_every_fifteen_seconds_in_the_end() {
        let backoff = PollBackoff::for_codedeploy();
        for (elapsed, expected) in [(0, 1000), (40_000, 5000), (7_200_000, 15_000)] {
            let interval = interval(backoff.least, backoff.most, Duration::from_millis(elapsed), None);
            assert_eq!(interval.as_millis(), expected, "after {elapsed} ms");
        }
        assert_eq!(backoff.limit(), Duration::MAX);
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
