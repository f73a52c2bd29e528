//! Defines releases: published versions, verification and aliases, as the stanza wants them.

use std::time::Duration;

use super::guard::DesiredGuard;
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::{CodeDeploy, OrNone, Scaling};

/// The versions and aliases that a stanza wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Release {
    /// True if a version is published.
    pub publish: bool,
    /// True if the stanza asks for `$LATEST.PUBLISHED`, which only functions on Lambda Managed Instances
    /// have. Without an alias, these publish it in any case.
    pub publishes_latest: bool,
    /// Numbers of execution environments of the version that goes live. `None`: the stanza does not set them.
    pub scaling: Option<Scaling>,
    /// Description of the version, made of the stanza's description, the build and the commit. `None`: none
    /// of them is known.
    pub description: Option<String>,
    /// The aliases that should point at the version, without duplicates.
    pub aliases: Vec<String>,
    /// Text in the description of each alias, before its history. `None`: the live text stays.
    pub alias_description: Option<String>,
    /// True if the version is verified.
    pub verifies: bool,
    /// Shares of the traffic that go to the version one after the other, in percent, each below 100.
    pub shares: Vec<u8>,
    /// Pause between two shares.
    pub interval: Duration,
    /// What to watch while traffic shifts. `None`: nothing.
    pub guard: Option<DesiredGuard>,
    /// Provisioned concurrency of each alias. `Some(None)`: it is removed. `None`: the stanza does not set
    /// it.
    pub provisioned: Option<Option<i32>>,
    /// True if weights that someone else gave to an alias may be removed.
    pub clears_weights: bool,
    /// True if event source mappings of the function itself move to the first alias.
    pub follows_alias: bool,
    /// How CodeDeploy moves the alias. `None`: this program moves it.
    pub codedeploy: Option<CodeDeploy>,
    /// Number of published versions to keep. `None`: all.
    pub keep: Option<usize>,
}

/// Default pause between two shares of the traffic.
const INTERVAL: Duration = Duration::from_secs(60);

impl Release {
    /// Reads the release from a stanza. The description stays empty, because it also depends on the job.
    pub(super) fn of(stanza: &Stanza) -> Self {
        let aliases = stanza.alias.clone().unwrap_or_default();
        let shares = stanza.traffic.iter().flatten().filter(|share| **share < 100);
        Release {
            publish: stanza.publish == Some(true) || !aliases.is_empty(),
            publishes_latest: stanza.publish_to.is_some(),
            scaling: stanza.scaling,
            description: None,
            aliases,
            alias_description: stanza.alias_description.clone(),
            verifies: stanza.verify.is_some(),
            shares: shares.filter_map(|share| u8::try_from(*share).ok()).collect(),
            interval: stanza.traffic_interval.unwrap_or(INTERVAL),
            guard: stanza.guard.as_ref().map(DesiredGuard::of),
            provisioned: stanza.provisioned_concurrency.as_ref().map(|desired| match desired {
                OrNone::Some(executions) => Some(*executions),
                OrNone::None => None,
            }),
            clears_weights: stanza.clear_weights == Some(true),
            follows_alias: stanza.follow_alias == Some(true),
            codedeploy: stanza.codedeploy.clone(),
            keep: stanza.keep_versions.and_then(|versions| usize::try_from(versions).ok()),
        }
    }

    /// The shifts of traffic before the aliases move: each share in percent, and the pause after it. With a
    /// guard the last one sends all traffic as a weight, while the alias still points at the previous
    /// version, so that the traffic can go back until the guard has passed. AWS's API reference gives 0.0 to
    /// 1.0 as the valid range of a weight.
    pub(crate) fn shifts(&self) -> Vec<(u8, Duration)> {
        let shares = self.shares.iter().map(|share| (*share, self.interval));
        shares.chain(self.guard.as_ref().map(|guard| (100, guard.bake))).collect()
    }
}
