//! What is live and what AWS answers in, what the next step has to name out: revisions, the version, shares of traffic.
//! Never asks AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::function::{Live, LiveAlias, Setting};
use crate::package::Archive;
use crate::plan::{Action, Plan};
use crate::protocol::event::Aim;
use crate::protocol::name::FunctionName;

/// What the steps of a deployment work on.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The function, as the stanza names it.
    pub name: &'a FunctionName,
    /// Its ARN; empty while there is no function.
    pub arn: String,
    /// The archive. `None`: the code is elsewhere.
    pub archive: Option<Arc<Archive>>,
    /// AWS's `CodeSha256` of the code that it is to have. `None`: it is not known before AWS has read it.
    pub code_sha256: Option<String>,
    /// The revision that the next change is meant for. `None`: any.
    pub revision_id: Option<String>,
    /// The version that was published, or that the aliases are to point at.
    pub version: Option<String>,
    /// `RevisionId` of aliases, by name.
    pub alias_revisions: BTreeMap<String, String>,
    /// Aliases that send a share of their traffic to the version, with the version that gets the rest.
    pub shifted: BTreeMap<String, String>,
    /// The function's own address.
    pub function_url: Option<String>,
    /// `CodeSha256` as a look at the function has told it since the last change. `None`: nobody has looked.
    pub seen_sha256: Option<String>,
    /// Every setting that the stanza asks for. Empty: a look at the function does not compare them.
    pub expected: Vec<Setting>,
}

impl<'a> Subject<'a> {
    /// The function called `name`, of which nothing is known yet.
    pub fn of(name: &'a FunctionName) -> Self {
        Subject {
            name,
            arn: String::new(),
            archive: None,
            code_sha256: None,
            revision_id: None,
            version: None,
            alias_revisions: BTreeMap::new(),
            shifted: BTreeMap::new(),
            function_url: None,
            seen_sha256: None,
            expected: Vec::new(),
        }
    }

    /// Takes over what is live, and what a plan for it will make of it.
    pub fn take(&mut self, live: &Live, plan: &Plan, code_sha256: Option<String>) {
        self.arn.clone_from(&live.arn);
        self.code_sha256 = code_sha256;
        self.revision_id.clone_from(&live.revision_id);
        self.version.clone_from(&plan.version);
        self.function_url = live.url.as_ref().map(|live| live.url.clone());
        self.seen_sha256 = None;
        self.shifted.clear();
        let revision = |alias: &LiveAlias| Some((alias.name.clone(), alias.revision_id.clone()?));
        self.alias_revisions = live.aliases.iter().filter_map(revision).collect();
    }

    /// What a step is about, as it is told.
    pub fn told(&self, action: &Action) -> Aim {
        let version = || Some(self.version().to_owned());
        match action {
            Action::Verify => Aim { version: version(), ..Aim::default() },
            Action::CreateAlias { alias } => Aim { alias: Some(alias.clone()), version: version(), ..Aim::default() },
            Action::UpdateAlias { alias, version: to, .. } => {
                Aim { alias: Some(alias.clone()), version: to.clone().or_else(version), ..Aim::default() }
            }
            Action::ShiftTraffic { alias, percent, .. } => {
                Aim { alias: Some(alias.clone()), version: version(), percent: Some(*percent), ..Aim::default() }
            }
            Action::Wait { interval } => Aim { seconds: Some(interval.as_secs()), ..Aim::default() },
            Action::WaitForProvisioned { alias }
            | Action::PutProvisionedConcurrencyConfig { alias, .. }
            | Action::DeleteProvisionedConcurrencyConfig { alias } => {
                Aim { alias: Some(alias.clone()), ..Aim::default() }
            }
            Action::DeleteVersion { version } => Aim { version: Some(version.clone()), ..Aim::default() },
            _ => Aim::default(),
        }
    }

    /// The version that the steps are about: `$LATEST` where none is published.
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("$LATEST")
    }

    /// Where a step wants an alias, whatever its revision.
    pub(super) fn aim(&self, action: &Action) -> Option<LiveAlias> {
        match action {
            Action::UpdateAlias { alias, version, .. } => {
                let version = version.as_deref().unwrap_or(self.version());
                Some(LiveAlias { name: alias.clone(), version: version.to_owned(), ..LiveAlias::default() })
            }
            Action::ShiftTraffic { alias, from, percent } => {
                let weights = vec![(self.version().to_owned(), *percent)];
                Some(LiveAlias { name: alias.clone(), version: from.clone(), weights, ..LiveAlias::default() })
            }
            _ => None,
        }
    }

    /// Notes whether an alias sends a share of its traffic to the version now.
    pub(super) fn note_aim(&mut self, action: &Action) {
        match action {
            Action::UpdateAlias { alias, .. } => drop(self.shifted.remove(alias)),
            Action::ShiftTraffic { alias, from, .. } => drop(self.shifted.insert(alias.clone(), from.clone())),
            _ => {}
        }
    }

    /// Whether somebody else's code was live already when our own had been put there.
    pub fn was_overtaken(&self) -> bool {
        self.seen_sha256.is_some() && self.code_sha256.is_some() && self.seen_sha256 != self.code_sha256
    }

    /// Whether AWS tells another hash of the code than the one that was packaged. Of code that is encrypted with a key of
    /// one's own nobody documents what is hashed.
    pub(super) fn got_other_code(&self, action: &Action, told: Option<&String>) -> bool {
        let (Action::CreateFunction { settings, .. } | Action::UpdateFunctionCode { settings, .. }) = action else {
            return false;
        };
        let is_encrypted = settings.iter().any(|setting| matches!(setting, Setting::SourceKmsKeyArn(_)));
        self.archive.is_some() && !is_encrypted && told.is_some() && told != self.code_sha256.as_ref()
    }

    /// Takes over what a call has told.
    pub(super) fn note(&mut self, told: Told) {
        if let Some(arn) = told.function_arn {
            self.arn = arn;
        }
        // What we have packaged has the hash that we know, whatever is told.
        if self.archive.is_none() {
            self.code_sha256 = told.code_sha256.or(self.code_sha256.take());
        }
        // A call that does not tell it may have changed it.
        self.revision_id = told.revision_id;
        self.seen_sha256 = None;
        self.version = told.version.or(self.version.take());
        if let Some((name, revision)) = told.alias {
            match revision {
                Some(revision) => self.alias_revisions.insert(name, revision),
                None => self.alias_revisions.remove(&name),
            };
        }
        self.function_url = told.function_url.or(self.function_url.take());
    }
}

/// What an answer tells of the function, as far as it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) function_arn: Option<String>,
    pub(super) code_sha256: Option<String>,
    pub(super) revision_id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) function_url: Option<String>,
    /// Whether executions that an alias keeps ready are on their way to another version.
    pub(super) is_moving: bool,
    /// An alias's name and revision.
    pub(super) alias: Option<(String, Option<String>)>,
}
