//! Defines CloudWatch's metrics of a version, and reads them from JSON. Never counts invocations: a test says
//! how many a version gets and fails.

use serde_json::Value;

use crate::fixture::Fixture;

/// The metrics of a version to which an alias sends all of its traffic. With a smaller share, the numbers are
/// smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The version, such as `2`.
    pub version: String,
    /// The sum of `Invocations`.
    pub invocations: u32,
    /// The sum of `Errors`.
    pub errors: u32,
}

impl Metrics {
    /// The metrics of a version that fails `errors` of its `invocations`.
    pub fn of(version: &str, errors: u32, invocations: u32) -> Metrics {
        Metrics { version: version.to_owned(), invocations, errors }
    }

    /// Parses `{"version": "2", "invocations": 1000, "errors": 50}`. Absent numbers are 0. Fails on unknown
    /// members and without a version.
    pub fn from_json(value: &Value) -> Result<Metrics, String> {
        let mut fixture = Fixture::read("metrics", value)?;
        let metrics = Metrics {
            version: fixture.text("version")?.ok_or("metrics need `version`")?,
            invocations: fixture.number("invocations")?.unwrap_or(0),
            errors: fixture.number("errors")?.unwrap_or(0),
        };
        fixture.finish()?;
        Ok(metrics)
    }
}
