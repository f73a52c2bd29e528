//! Defines releases: published versions, verification and aliases, as the stanza wants them and as they are
//! live. Never decides what to do about a difference.

use std::time::Duration;

use super::{AliasHistory, ChangedBy, LiveFunction, Setting};
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::OrNone;

/// The versions and aliases that a stanza wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Release {
    /// True if a version is published.
    pub publish: bool,
    /// Description of the version, made of the stanza's description, the build and the commit. `None`: none
    /// of them is known.
    pub description: Option<String>,
    /// The aliases that should point at the version, without duplicates.
    pub aliases: Vec<String>,
    /// True if the version is verified.
    pub verifies: bool,
    /// Shares of the traffic that go to the version one after the other, in percent, each below 100.
    pub shares: Vec<u8>,
    /// Pause between two shares.
    pub interval: Duration,
    /// Provisioned concurrency of each alias. `Some(None)`: it is removed. `None`: the stanza does not set
    /// it.
    pub provisioned: Option<Option<i32>>,
    /// True if weights that someone else gave to an alias may be removed.
    pub clears_weights: bool,
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
            description: None,
            aliases,
            verifies: stanza.verify.is_some(),
            shares: shares.filter_map(|share| u8::try_from(*share).ok()).collect(),
            interval: stanza.traffic_interval.unwrap_or(INTERVAL),
            provisioned: stanza.provisioned_concurrency.as_ref().map(|desired| match desired {
                OrNone::Some(executions) => Some(*executions),
                OrNone::None => None,
            }),
            clears_weights: stanza.clear_weights == Some(true),
            keep: stanza.keep_versions.and_then(|versions| usize::try_from(versions).ok()),
        }
    }
}

/// A live alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveAlias {
    /// Name of the alias.
    pub name: String,
    /// The version at which it points.
    pub version: String,
    /// Other versions that get a share of its traffic, each with percent.
    pub weights: Vec<(String, u8)>,
    /// AWS's `RevisionId`, which changes with every change of the alias. `None`: AWS does not return it.
    pub revision_id: Option<String>,
    /// Its history, read from its description.
    pub history: AliasHistory,
}

impl LiveAlias {
    /// The versions that get a share of the traffic. While provisioned concurrency moves to another version,
    /// AWS shows the old version with a weight of 100 %. That is not a traffic split and ends by itself, so
    /// it is left out.
    pub fn shares(&self) -> &[(String, u8)] {
        if self.weights.iter().any(|(_, percent)| *percent == 100) { &[] } else { &self.weights }
    }

    /// The shares, if not all of them were set by a deployment of this program but by a person or another
    /// tool, such as CodeDeploy.
    pub fn shares_of_others(&self) -> &[(String, u8)] {
        let is_ours = |(version, _): &(String, u8)| self.history.shift(&self.version) == Some(version);
        if self.shares().iter().all(is_ours) { &[] } else { self.shares() }
    }

    /// The history to write when the alias stays at its version and a shift that the history records has
    /// ended. `None`: the history records no shift, so it stays unchanged.
    pub fn history_after_shift(&self) -> Option<AliasHistory> {
        self.history.shift(&self.version).map(|_| self.history.with_shift(&self.version, None))
    }
}

/// The version that callers without a qualifier get from a function on Lambda Managed Instances. It has no
/// number, can be published repeatedly and cannot be deleted.
pub const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

/// A published version.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveVersion {
    /// Number of the version.
    pub number: String,
    /// SHA-256 of the code, in Base64.
    pub code_sha256: String,
    /// The settings. A setting that cannot be read is missing.
    pub settings: Vec<Setting>,
    /// Whether the version is ready.
    pub state: VersionState,
}

/// Whether a published version is ready. AWS returns that from GetFunction for a single version, but not in a
/// list of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionState {
    /// The version was not read on its own.
    #[default]
    Unknown,
    /// AWS can invoke the version.
    Ready,
    /// AWS is preparing the version.
    Pending,
    /// AWS could not prepare the version, or deactivated it.
    Failed,
}

/// Code and settings of a function at one point in time, as AWS returned them.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeAndSettings {
    /// SHA-256 of the code, in Base64.
    pub code_sha256: String,
    /// The settings. A setting that cannot be read is missing.
    pub settings: Vec<Setting>,
}

impl CodeAndSettings {
    /// Copies code hash and settings of `live`.
    pub fn of(live: &LiveFunction) -> Self {
        CodeAndSettings { code_sha256: live.code_sha256.clone(), settings: live.settings.clone() }
    }

    /// True if every setting has the same value as `before`, except those for which `changes` returns true. A
    /// setting that is missing in one of the two is not compared.
    pub fn keeps(&self, before: &CodeAndSettings, changes: impl Fn(&Setting) -> bool) -> bool {
        self.settings.iter().filter(|setting| !changes(setting)).all(|setting| {
            let known = before.settings.iter().find(|known| known.is_kind_of(setting));
            known.is_none_or(|known| known == setting)
        })
    }
}

impl LiveVersion {
    /// The number as an integer; 0 for `$LATEST.PUBLISHED`.
    pub fn ordinal(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }

    /// True if the version has the function's code and settings. The description, which belongs to one
    /// version, and the package's KMS key are not compared. False if a setting cannot be read, since it may
    /// differ.
    pub fn is_copy_of(&self, live: &LiveFunction) -> bool {
        let is_held = |setting: &&Setting| {
            matches!(setting.changed_by(), ChangedBy::Configuration | ChangedBy::Code)
                && !matches!(setting, Setting::Description(_) | Setting::SourceKmsKeyArn(_))
        };
        let mut held = live.settings.iter().filter(is_held);
        self.code_sha256 == live.code_sha256
            && live.knows_environment()
            && held.all(|live| self.setting(live) == Some(live))
    }

    /// The version's value of the setting that `like` is. `None`: it cannot be read.
    pub fn setting(&self, like: &Setting) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.is_kind_of(like))
    }
}

/// Provisioned concurrency of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Requested number of executions.
    pub executions: i32,
    /// Whether they are ready.
    pub state: ProvisionedState,
}

/// Whether the provisioned concurrency of an alias is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionedState {
    /// All requested executions are ready.
    Ready,
    /// AWS is still allocating executions.
    InProgress,
    /// AWS could not allocate the executions.
    Failed,
}
