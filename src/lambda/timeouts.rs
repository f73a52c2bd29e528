//! Time limits of calls and waits.

use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;

/// Default limit of one wait and of one call.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(600);

/// Timeout of one attempt of a call that carries no code; the SDK retries after it.
pub(super) const RESPONSE_LIMIT: Duration = Duration::from_secs(60);

/// How long a write call may continue after a signal, so that its response can still be read.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Timeouts of a call: `whole` for the call with its retries, `answer` for one attempt.
pub(super) fn timeouts(whole: Duration, answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(answer.min(whole))
        .operation_timeout(whole)
        .build()
}
