//! A limit in, the intervals of a wait out: the first look soon, then ever more slowly.
//! Never polls by itself, and never waits beyond its limit.
#![expect(clippy::disallowed_methods, reason = "a wait looks at the clock")]

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::error::LambdaError;
use super::read::Standing;
use crate::journal::Journal;

/// How long a role that cannot be assumed yet is tried again: IAM tells Lambda within seconds.
pub(super) const ROLE_LIMIT: Duration = Duration::from_secs(30);

/// How long an alias may show weights that AWS takes away by itself.
pub(super) const WEIGHTS_LIMIT: Duration = Duration::from_secs(60);

/// How long a run is silent before it tells what it waits for.
const SILENCE: Duration = Duration::from_secs(5);

const FIRST: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_secs(2);

/// A look comes at most this part of the wait so far too late: an eighth, and half of that on average. Growing by half,
/// as most do, the last look at an update of 1.5 s came 0.7 s too late.
const PART: u32 = 8;

/// The pace of one wait. GetFunction has a quota of its own, 100 a second, so looking often costs nobody anything.
#[derive(Debug)]
pub(super) struct Pace {
    least: Duration,
    began: Instant,
    limit: Duration,
}

impl Pace {
    /// First after 100 ms, then after an eighth of the time that has gone by, at most 2 s.
    pub(super) fn new(limit: Duration) -> Self {
        Pace { least: FIRST, began: Instant::now(), limit }
    }

    /// At least a second, for calls that count against the quota of changes.
    pub(super) fn slowly(limit: Duration) -> Self {
        Pace { least: Duration::from_secs(1), began: Instant::now(), limit }
    }

    /// One sleep between the two.
    pub(super) fn between(least: Duration, most: Duration) -> Self {
        let span = most.saturating_sub(least);
        Pace { least: least + span.mul_f64(fastrand::f64()), began: Instant::now(), limit: most * 2 }
    }

    /// How long to sleep now; `None` when the limit is reached. Jitter keeps many runners from looking in step.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let elapsed = self.began.elapsed();
        let left = self.limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
        Some(interval(self.least, elapsed).mul_f64(0.9 + 0.2 * fastrand::f64()).min(left))
    }

    /// The limit of the whole wait.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

fn interval(least: Duration, elapsed: Duration) -> Duration {
    (elapsed / PART).clamp(least, SLOWEST.max(least))
}

/// The end of some work. Whenever nothing has been told for five seconds, the journal tells what is waited for; never before
/// the work itself has lasted for `least`.
pub(super) async fn told<T>(
    journal: &Journal,
    least: Duration,
    what: impl Fn() -> String,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut least = least;
    loop {
        let silence = SILENCE.saturating_sub(journal.silence()).max(least);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(silence) => least = Duration::ZERO,
        }
        // Somebody else may have told something meanwhile.
        if journal.silence() >= SILENCE {
            journal.tell_wait(what());
        }
    }
}

/// The error of a function that is not ready although nothing goes on.
pub(super) fn failure(standing: Standing) -> Option<LambdaError> {
    match standing {
        Standing::Settled | Standing::Creating | Standing::Updating | Standing::Leaving => None,
        Standing::Deactivated => Some(LambdaError::Deactivated),
        Standing::CreationFailed(trouble) => Some(LambdaError::CreationFailed(trouble)),
        Standing::UpdateFailed(trouble) => Some(LambdaError::UpdateFailed(trouble)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_comes_an_eighth_of_the_wait_late_at_most() {
        for (elapsed, expected) in [(0, 100), (500, 100), (1600, 200), (8000, 1000), (60_000, 2000)] {
            let interval = interval(FIRST, Duration::from_millis(elapsed));
            assert_eq!(interval.as_millis(), expected, "after {elapsed} ms");
        }
        let first = Pace::new(Duration::from_secs(600)).next().expect("far from the limit").as_millis();
        assert!((90..=111).contains(&first), "{first}");
    }

    #[test]
    fn a_wait_ends_at_its_limit() {
        assert_eq!(Pace::new(Duration::ZERO).next(), None);
        assert!(Pace::new(Duration::from_millis(20)).next().expect("some left") <= Duration::from_millis(20));
    }
}
