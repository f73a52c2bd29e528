//! Defines a scenario of the tests for leaked secrets.

use super::harness::Stage;

/// A scenario: runs of the program whose output is searched for secrets.
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) act: Box<dyn Fn(&mut Stage<'_>) + Send + Sync>,
}

impl Scenario {
    pub(super) fn new(name: &str, act: impl Fn(&mut Stage<'_>) + Send + Sync + 'static) -> Self {
        Scenario { name: name.to_owned(), act: Box::new(act) }
    }
}
