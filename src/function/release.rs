//! What becomes of a function once it is updated: a version, its proof, the aliases that point at it. Wanted and live.
//! Never decides what is to be done about a difference.

use std::time::Duration;

use super::{ChangedBy, Live, Setting, Trail};
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::OrNone;

/// What a stanza wants of versions and aliases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Release {
    /// Whether a version is published.
    pub publish: bool,
    /// What the version's description tells: the stanza's, the build, the commit. `None`: nothing is known.
    pub description: Option<String>,
    /// The aliases that are to point at it, each once.
    pub aliases: Vec<String>,
    /// Whether it has to prove itself.
    pub verifies: bool,
    /// Percent of the traffic that go to it one after the other, below 100.
    pub shares: Vec<u8>,
    /// Between two of them.
    pub interval: Duration,
    /// Executions that each alias keeps ready; `Some(None)`: none are to be. `None`: the stanza is silent.
    pub provisioned: Option<Option<i32>>,
    /// Whether shares of an alias's traffic that somebody else has given may go.
    pub clears_weights: bool,
    /// How many published versions to keep. `None`: all.
    pub keep: Option<usize>,
}

/// Between two shares of the traffic, unless the stanza says otherwise.
const INTERVAL: Duration = Duration::from_secs(60);

impl Release {
    /// What the stanza wants; the description is filled in by whoever knows the job.
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
            provisioned: stanza.provisioned_concurrency.as_ref().map(|wanted| match wanted {
                OrNone::Some(executions) => Some(*executions),
                OrNone::None => None,
            }),
            clears_weights: stanza.clear_weights == Some(true),
            keep: stanza.keep_versions.and_then(|versions| usize::try_from(versions).ok()),
        }
    }
}

/// An alias as it is live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveAlias {
    /// Its name.
    pub name: String,
    /// The version that it points at.
    pub version: String,
    /// Versions that get a part of its traffic instead, with percent.
    pub weights: Vec<(String, u8)>,
    /// What changes whenever the alias does.
    pub revision_id: Option<String>,
    /// Where it has been.
    pub trail: Trail,
}

impl LiveAlias {
    /// The versions that get a share of its traffic. While provisioned concurrency moves to another version, AWS shows the
    /// old one with all of the traffic: that is no share that somebody has given, and ends by itself.
    pub fn shares(&self) -> &[(String, u8)] {
        if self.weights.iter().any(|(_, percent)| *percent == 100) { &[] } else { &self.weights }
    }

    /// Those of them that no deployment of ours has given: CodeDeploy's, or a person's.
    pub fn shares_of_others(&self) -> &[(String, u8)] {
        let is_ours = |(version, _): &(String, u8)| self.trail.shift(&self.version) == Some(version);
        if self.shares().iter().all(is_ours) { &[] } else { self.shares() }
    }

    /// The trail of the alias where it stays, if what it tells of a shift has to go. `None`: it stays as it is.
    pub fn settled_trail(&self) -> Option<Trail> {
        self.trail.shift(&self.version).map(|_| self.trail.sharing(&self.version, None))
    }
}

/// What callers of a function on Lambda Managed Instances get who name no version. It is no number, is published again and again, and
/// nobody may delete it.
pub const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

/// A published version.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveVersion {
    /// Its number.
    pub number: String,
    /// Base64 of the SHA-256 of its code.
    pub code_sha256: String,
    /// Its settings; one that cannot be read is not in here.
    pub settings: Vec<Setting>,
    /// Whether it is ready.
    pub state: VersionState,
}

/// Whether a published version is ready. A list of versions does not tell it, GetFunction of that one version does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionState {
    /// Nobody has asked about this version alone.
    #[default]
    Unknown,
    /// It is.
    Ready,
    /// It is made ready.
    Pending,
    /// It could not be made ready, or was switched off.
    Failed,
}

/// Code and settings that a version of a function holds, as AWS tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Base64 of the SHA-256 of the code.
    pub code_sha256: String,
    /// The settings; one that cannot be read is not in here.
    pub settings: Vec<Setting>,
}

impl Held {
    /// What `live` holds.
    pub fn of(live: &Live) -> Self {
        Held { code_sha256: live.code_sha256.clone(), settings: live.settings.clone() }
    }

    /// Whether every setting, but those for which `changes` is true, is the one that was known before. What cannot be read
    /// at one of the two times is not compared.
    pub fn keeps(&self, before: &Held, changes: impl Fn(&Setting) -> bool) -> bool {
        self.settings.iter().filter(|setting| !changes(setting)).all(|setting| {
            let known = before.settings.iter().find(|known| known.is_kind_of(setting));
            known.is_none_or(|known| known == setting)
        })
    }
}

impl LiveVersion {
    /// Its number as one; 0 for what is none.
    pub fn ordinal(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }

    /// Whether it holds the code and the settings of the function, its description aside, which is its own. What cannot
    /// be read is not known to be the same.
    pub fn is_copy_of(&self, live: &Live) -> bool {
        let is_held = |setting: &&Setting| {
            matches!(setting.changed_by(), ChangedBy::Configuration | ChangedBy::Code)
                && !matches!(setting, Setting::Description(_) | Setting::SourceKmsKeyArn(_))
        };
        let mut held = live.settings.iter().filter(is_held);
        self.code_sha256 == live.code_sha256
            && live.knows_environment()
            && held.all(|live| self.setting(live) == Some(live))
    }

    /// Its value of the same setting. `None`: it cannot be read.
    pub fn setting(&self, like: &Setting) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.is_kind_of(like))
    }
}

/// Provisioned concurrency of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Executions that were asked for.
    pub executions: i32,
    /// Whether they are.
    pub state: ProvisionedState,
}

/// Whether executions that an alias is to keep ready are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionedState {
    /// They are.
    Ready,
    /// They are made ready.
    InProgress,
    /// They could not be.
    Failed,
}
