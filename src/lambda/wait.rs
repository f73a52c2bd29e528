//! A limit in, the intervals of a wait out: the first look soon, then ever more slowly.
//! Never polls by itself, and never waits beyond its limit.
#![expect(clippy::disallowed_methods, reason = "a wait looks at the clock")]

use std::time::{Duration, Instant};

use super::error::LambdaError;
use super::read::Standing;

/// How long a role that cannot be assumed yet is tried again: IAM tells Lambda within seconds.
pub(super) const ROLE_LIMIT: Duration = Duration::from_secs(30);

const FIRST: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_secs(2);

/// The pace of one wait. GetFunction has a quota of its own, 100 a second, so looking often costs nobody anything.
#[derive(Debug)]
pub(super) struct Pace {
    next: Duration,
    began: Instant,
    limit: Duration,
}

impl Pace {
    /// First after 100 ms, each further interval half as long again, up to 2 s.
    pub(super) fn new(limit: Duration) -> Self {
        Pace { next: FIRST, began: Instant::now(), limit }
    }

    /// From one second on, for calls that count against the quota of changes.
    pub(super) fn slowly(limit: Duration) -> Self {
        Pace { next: Duration::from_secs(1), began: Instant::now(), limit }
    }

    /// One sleep between the two.
    pub(super) fn between(least: Duration, most: Duration) -> Self {
        let span = most.saturating_sub(least);
        Pace { next: least + span.mul_f64(fastrand::f64()), began: Instant::now(), limit: most * 2 }
    }

    /// How long to sleep now; `None` when the limit is reached. Jitter keeps many runners from looking in step.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let left = self.limit.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero())?;
        let interval = self.next.mul_f64(0.9 + 0.2 * fastrand::f64());
        self.next = (self.next * 3 / 2).min(SLOWEST);
        Some(interval.min(left))
    }

    /// The limit of the whole wait.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

/// The error of a function that is not ready although nothing goes on.
pub(super) fn failure(standing: Standing) -> Option<LambdaError> {
    match standing {
        Standing::Settled | Standing::Creating | Standing::Updating => None,
        Standing::CreationFailed(trouble) => Some(LambdaError::CreationFailed(trouble)),
        Standing::UpdateFailed(trouble) => Some(LambdaError::UpdateFailed(trouble)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_by_half_from_100_ms_to_2_s() {
        let mut pace = Pace::new(Duration::from_secs(600));
        let intervals: Vec<u128> = (0..12).map(|_| pace.next().expect("far from the limit").as_millis()).collect();
        let ideal = [100, 150, 225, 337, 506, 759, 1139, 1708, 2000, 2000, 2000, 2000];
        for (interval, ideal) in intervals.iter().zip(ideal) {
            assert!((ideal * 9 / 10..=ideal * 11 / 10 + 1).contains(interval), "{intervals:?}");
        }
    }

    #[test]
    fn a_wait_ends_at_its_limit() {
        assert_eq!(Pace::new(Duration::ZERO).next(), None);
        assert!(Pace::new(Duration::from_millis(20)).next().expect("some left") <= Duration::from_millis(20));
    }
}
