//! Spreads the calls to Lambda over time, for all functions of one request together: AWS's quotas count the
//! calls of an account, not those of a function. It never sends a call, and never refuses one.
#![expect(clippy::disallowed_methods, reason = "computes when the next call may be sent")]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

/// Largest number of calls in flight.
const SLOTS: usize = 16;

/// Rate of GetFunction. AWS allows 100 calls a second. All rates here are a little lower than AWS's, because
/// calls do not take equally long to reach AWS.
const GET_FUNCTION_RATE: f64 = 95.0;

/// Rate of GetPolicy, and of all other calls together. AWS allows 15 calls a second for each of the two.
const CONTROL_PLANE_RATE: f64 = 14.5;

/// Rate below which no 429 slows the calls.
const MIN_RATE: f64 = 1.0;

/// How long no further call is sent after a 429, in seconds.
const CLOSED_TIME: f64 = 1.0;

/// By how much the rate grows each second after a 429.
const GROWTH: f64 = 1.0;

/// The quotas of "Lambda API requests" (AWS's quotas page).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quota {
    GetFunction,
    GetPolicy,
    ControlPlane,
}

impl Quota {
    /// The quota of an operation. `None`: Invoke, and the operations of other services. An operation that is
    /// missing here only waits longer than necessary.
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "GetFunction" => Some(Quota::GetFunction),
            "GetPolicy" => Some(Quota::GetPolicy),
            "Invoke"
            | "HeadObject"
            | "PutObject"
            | "CreateMultipartUpload"
            | "CompleteMultipartUpload"
            | "DescribeAlarms"
            | "GetMetricData"
            | "CreateDeployment"
            | "GetDeployment"
            | "ListDeployments"
            | "StopDeployment" => None,
            _ => Some(Quota::ControlPlane),
        }
    }
}

/// The rate of a request's calls to Lambda.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    /// In the order of [`Quota`].
    buckets: Mutex<[Bucket; 3]>,
    slots: Semaphore,
    /// How long the last update of any function took. `None`: none has been measured.
    update: Mutex<Option<Duration>>,
    /// Locked while a layer is published. Functions that build the same layer publish it once.
    publication: tokio::sync::Mutex<()>,
}

impl Default for Pace {
    fn default() -> Self {
        let control_plane = || Bucket::new(CONTROL_PLANE_RATE, 8.0);
        Pace {
            began: Instant::now(),
            buckets: Mutex::new([Bucket::new(GET_FUNCTION_RATE, 40.0), control_plane(), control_plane()]),
            slots: Semaphore::new(SLOTS),
            update: Mutex::default(),
            publication: tokio::sync::Mutex::default(),
        }
    }
}

impl Pace {
    /// Waits until a call may be sent. The caller keeps the permit until the response. `None`: the operation
    /// has no quota here.
    pub(super) async fn turn(&self, operation: &str) -> Option<SemaphorePermit<'_>> {
        let quota = Quota::of(operation)?;
        loop {
            let (wait, throttled) = self.bucket(quota, |bucket, now| (bucket.take(now), bucket.throttled));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            // A 429 in the meantime makes the token invalid.
            if self.bucket(quota, |bucket, _| bucket.throttled == throttled) {
                break;
            }
        }
        Some(self.slots.acquire().await.expect("the semaphore is never closed"))
    }

    /// Takes a token for a retry of the SDK, which does not wait for its turn.
    pub(super) fn charge(&self, operation: &str) {
        if let Some(quota) = Quota::of(operation) {
            self.bucket(quota, Bucket::take);
        }
    }

    /// Slows the calls down after a 429.
    pub(super) fn throttled(&self, operation: &str) {
        if let Some(quota) = Quota::of(operation) {
            self.bucket(quota, Bucket::slow_down);
        }
    }

    /// Waits until no other function publishes a layer. The caller keeps the guard until its own is
    /// published.
    pub(super) async fn begin_publication(&self) -> MutexGuard<'_, ()> {
        self.publication.lock().await
    }

    /// How long an update will take, as far as those of other functions show.
    pub(super) fn expected_update(&self) -> Option<Duration> {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records how long an update took.
    pub(super) fn update_took(&self, took: Duration) {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner) = Some(took);
    }

    /// Does `work` with the bucket of a quota and the current time.
    fn bucket<T>(&self, quota: Quota, work: impl FnOnce(&mut Bucket, f64) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut buckets[quota as usize], self.began.elapsed().as_secs_f64())
    }
}

/// A token bucket. All times are seconds since the start of the pace, and all rates are calls per second.
#[derive(Debug)]
struct Bucket {
    max_rate: f64,
    /// Number of calls that need not wait after a pause.
    burst: f64,
    /// The rate at `opens`. It grows from then on, up to `max_rate`.
    rate: f64,
    /// End of the time without calls after the last 429.
    opens: f64,
    /// When the next token is due. It is in the past if tokens were saved up.
    next: f64,
    /// Number of 429 so far.
    throttled: u32,
}

impl Bucket {
    fn new(max_rate: f64, burst: f64) -> Self {
        Bucket { max_rate, burst, rate: max_rate, opens: 0.0, next: f64::NEG_INFINITY, throttled: 0 }
    }

    fn rate(&self, at: f64) -> f64 {
        (self.rate + GROWTH * (at - self.opens).max(0.0)).min(self.max_rate)
    }

    /// Takes the next token. Returns how long to wait for it.
    fn take(&mut self, now: f64) -> Duration {
        let rate = self.rate(self.next.max(now));
        let due = self.next.max(now - (self.burst - 1.0) / rate);
        self.next = due + 1.0 / rate;
        Duration::from_secs_f64((due - now).max(0.0))
    }

    /// Halves the rate, and lets no call through for a second. A 429 during that second is the response to an
    /// earlier call, so it does not halve the rate again. Tokens that were taken for later are invalid.
    fn slow_down(&mut self, now: f64) {
        if now >= self.opens {
            self.rate = (self.rate(now) / 2.0).max(MIN_RATE);
        }
        self.opens = now + CLOSED_TIME;
        self.next = self.opens;
        self.throttled += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes tokens at `now`. Returns when each is due.
    fn due(bucket: &mut Bucket, now: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| now + bucket.take(now).as_secs_f64()).collect()
    }

    #[track_caller]
    fn assert_near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual}, expected {expected}");
    }

    #[test]
    fn after_a_burst_the_calls_come_at_the_rate() {
        let mut bucket = Bucket::new(CONTROL_PLANE_RATE, 8.0);
        // The second time, the pause has filled the bucket again.
        for now in [0.0, 60.0] {
            let due = due(&mut bucket, now, 100);
            assert!(due[..8].iter().all(|due| *due == now), "{due:?}");
            for (number, due) in due.iter().enumerate().skip(8) {
                assert_near(*due, now + (number - 7) as f64 / CONTROL_PLANE_RATE);
            }
        }
    }

    #[test]
    fn a_short_pause_saves_up_only_its_own_tokens() {
        let mut bucket = Bucket::new(10.0, 8.0);
        due(&mut bucket, 0.0, 8);
        // 0.25 s bring two and a half tokens.
        let due = due(&mut bucket, 0.25, 3);
        assert_eq!(due[..2], [0.25, 0.25]);
        assert_near(due[2], 0.3);
    }

    #[test]
    fn a_429_closes_the_bucket_for_a_second_and_halves_the_rate() {
        let mut bucket = Bucket::new(16.0, 8.0);
        due(&mut bucket, 0.0, 20);
        bucket.slow_down(2.0);
        // Another call that was in flight.
        bucket.slow_down(2.5);
        assert_eq!(bucket.rate(3.5), 8.0);
        let due = due(&mut bucket, 2.6, 3);
        assert_near(due[0], 3.5);
        assert_near(due[1], 3.5 + 1.0 / 8.0);
        // The rate has grown by then.
        assert_near(due[2], due[1] + 1.0 / 8.125);
    }

    #[test]
    fn the_rate_stays_above_its_minimum_and_grows_back() {
        let mut bucket = Bucket::new(CONTROL_PLANE_RATE, 8.0);
        for second in 0..8 {
            bucket.slow_down(f64::from(second));
        }
        assert_eq!(bucket.rate(8.0), MIN_RATE);
        assert_eq!(bucket.rate(8.0 + CONTROL_PLANE_RATE), CONTROL_PLANE_RATE);
        bucket.slow_down(100.0);
        assert_eq!(bucket.rate(101.0), CONTROL_PLANE_RATE / 2.0);
        assert_eq!(bucket.rate(104.0), CONTROL_PLANE_RATE / 2.0 + 3.0);
    }

    #[test]
    fn each_operation_has_its_quota() {
        for (operation, quota) in [
            ("GetFunction", Some(Quota::GetFunction)),
            ("GetPolicy", Some(Quota::GetPolicy)),
            ("GetFunctionUrlConfig", Some(Quota::ControlPlane)),
            ("UpdateFunctionCode", Some(Quota::ControlPlane)),
            ("Invoke", None),
            ("PutObject", None),
        ] {
            assert_eq!(Quota::of(operation), quota, "{operation}");
        }
    }

    #[test]
    fn a_call_that_waits_while_another_is_throttled_waits_longer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let pace = Pace::default();
            for _ in 0..16 {
                pace.charge("GetAlias");
            }
            let throttled = async { pace.throttled("UpdateAlias") };
            let (permit, ()) = tokio::join!(pace.turn("GetAlias"), throttled);
            assert!(permit.is_some());
            assert!(pace.began.elapsed() >= Duration::from_secs(1));
            assert!(pace.turn("Invoke").await.is_none());
        });
    }
}
