//! Applies AWS's request quotas to each call. Never waits: a call over the quota fails, as on AWS.

use std::time::Instant;

use crate::refusal::Refusal;
use crate::route::Operation;
use crate::settings::Settings;

/// The three quotas of "Lambda API requests" (AWS's quotas page): GetFunction, GetPolicy, and all other
/// control plane calls together. Invocations and calls of other services have none here.
pub(crate) struct Rates {
    get_function: Option<Bucket>,
    get_policy: Option<Bucket>,
    others: Option<Bucket>,
}

impl Rates {
    pub(crate) fn new(settings: &Settings) -> Rates {
        // AWS gives GetPolicy its own quota, as large as that of all others together.
        Rates {
            get_function: settings.get_function_per_second.map(Bucket::new),
            get_policy: settings.calls_per_second.map(Bucket::new),
            others: settings.calls_per_second.map(Bucket::new),
        }
    }

    /// Takes a token for the call. Fails if none is left.
    pub(crate) fn take(&mut self, operation: Operation, now: Instant) -> Result<(), Refusal> {
        let bucket = match operation {
            Operation::GetFunction => &mut self.get_function,
            Operation::GetPolicy => &mut self.get_policy,
            // The other services have quotas of their own, which the endpoint does not have.
            Operation::Invoke
            | Operation::DescribeAlarms
            | Operation::GetMetricData
            | Operation::CodeDeploy(_) => return Ok(()),
            _ => &mut self.others, // all other operations share one quota
        };
        let available = bucket.as_mut().is_none_or(|bucket| bucket.take(now));
        if available { Ok(()) } else { Err(Refusal::RateExceeded) }
    }
}

/// A token bucket. It refills evenly and holds at most the tokens of one second.
struct Bucket {
    per_second: f64,
    tokens: f64,
    /// The time of the last count. `None`: the bucket was never used and is full.
    at: Option<Instant>,
}

impl Bucket {
    fn new(per_second: u32) -> Bucket {
        let per_second = f64::from(per_second);
        Bucket { per_second, tokens: per_second, at: None }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.at = Some(now);
        self.tokens = (self.tokens + since * self.per_second).min(self.per_second);
        // Allows a rounding error of a thousandth of a token.
        if self.tokens < 0.999 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
