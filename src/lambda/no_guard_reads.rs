//! Replaces `guard_reads.rs` in a program without the feature `cloudwatch`. Never called, because a stanza
//! with `guard` is refused then.

use super::client::Lambda;
use super::error::LambdaError;
use crate::function::{CountedVersions, Counts, LiveAlarm};
use crate::protocol::name::AlarmName;

impl Lambda {
    pub(crate) async fn read_alarms(&self, _: &[AlarmName]) -> Result<Vec<LiveAlarm>, LambdaError> {
        Err(self.invalid_response("DescribeAlarms"))
    }

    pub(crate) async fn count_invocations(&self, _: CountedVersions<'_>) -> Result<[Counts; 2], LambdaError> {
        Err(self.invalid_response("GetMetricData"))
    }
}
