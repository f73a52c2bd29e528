//! Tracks revision ids, version and traffic weights between steps, so that each request can name the state it
//! expects. It never sends a request to AWS.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::code_source::Delivery;
use crate::function::{
    AliasHistory, CodeAndSettings, LATEST_PUBLISHED, LiveAlias, LiveFunction, ReleaseMark, Setting,
};
use crate::plan::{Action, Plan, WriteCall};
use crate::protocol::event::{CodeDeployDeployment, StepTarget};
use crate::protocol::name::FunctionName;

/// State of the function that the steps of a deployment share.
#[derive(Clone, Debug)]
pub(crate) struct DeployState<'a> {
    /// Name of the function, as in the stanza.
    pub name: &'a FunctionName,
    /// ARN of the function. Empty until the function exists.
    pub arn: String,
    /// True if the code is an archive of this run, so that its hash is known. False: it is an S3 object or a
    /// container image.
    pub has_archive: bool,
    /// AWS's `CodeSha256` of the code to deploy. `None`: unknown until AWS returns it.
    pub code_sha256: Option<String>,
    /// The `RevisionId` that the next change expects. `None`: any.
    pub revision_id: Option<String>,
    /// The version that was published, or that the aliases will point at. `None`: there is none yet.
    pub version: Option<String>,
    /// The numbered version that PublishVersion returned, which may have existed before. `None`: none yet.
    pub published: Option<String>,
    /// `RevisionId` of each alias, by alias name.
    pub alias_revisions: BTreeMap<String, String>,
    /// History of each alias, by alias name.
    pub histories: BTreeMap<String, AliasHistory>,
    /// Aliases that send part of their traffic to the new version, each with the version that gets the rest.
    /// In a release also those that have moved, each with the version at which it pointed before.
    pub shifted: BTreeMap<String, String>,
    /// The versions at which the aliases point before a release, by alias name. `None`: the function is not
    /// part of a release, so an alias that has moved stays where it is.
    pub at: Option<BTreeMap<String, String>>,
    /// What the release writes into the description of each alias that it moves. `None`: nothing.
    pub mark: Option<ReleaseMark>,
    /// Aliases whose revision may have changed since the last response without another caller: a response was
    /// lost, or AWS moves provisioned concurrency.
    pub unsettled: BTreeSet<String>,
    /// The deployment of CodeDeploy that moves the alias, or has moved it. `None`: there is none.
    pub deployment: Option<CodeDeployDeployment>,
    /// Ids of the event source mappings that call the alias since this run.
    pub moved_event_sources: Vec<String>,
    /// The function URL, of the alias or of the function. `None`: there is none.
    pub function_url: Option<String>,
    /// `CodeSha256` of the function as read after the last change. `None`: it was not read since.
    pub seen_sha256: Option<String>,
    /// Code and settings as AWS returned them last. The next response must have the same, except for what the
    /// call itself changes; otherwise another caller has changed the function. `None`: unknown.
    pub known: Option<CodeAndSettings>,
    /// How long the last update took. The next one takes about as long. `None`: there was none yet.
    pub last_update: Option<Duration>,
    /// ARNs of the layer versions that earlier steps have published, by the name or ARN of the layer.
    pub layers: BTreeMap<String, String>,
}

impl<'a> DeployState<'a> {
    /// The initial state for the function `name`: everything else is unknown.
    pub(crate) fn of(name: &'a FunctionName) -> Self {
        DeployState {
            name,
            arn: String::new(),
            has_archive: false,
            code_sha256: None,
            revision_id: None,
            version: None,
            published: None,
            alias_revisions: BTreeMap::new(),
            histories: BTreeMap::new(),
            shifted: BTreeMap::new(),
            at: None,
            mark: None,
            unsettled: BTreeSet::new(),
            deployment: None,
            moved_event_sources: Vec::new(),
            function_url: None,
            seen_sha256: None,
            known: None,
            last_update: None,
            layers: BTreeMap::new(),
        }
    }

    /// Replaces the state by that of the live function and of the plan for it.
    pub(crate) fn refresh(&mut self, live: &LiveFunction, plan: &Plan, code_sha256: Option<String>) {
        self.arn.clone_from(&live.arn);
        self.code_sha256 = code_sha256;
        self.revision_id.clone_from(&live.revision_id);
        self.version.clone_from(&plan.version);
        self.function_url = live.url.as_ref().map(|live| live.url.clone());
        self.seen_sha256 = None;
        self.known = Some(CodeAndSettings::of(live));
        self.shifted.clear();
        self.deployment.clone_from(&plan.running);
        self.histories =
            live.aliases.iter().map(|alias| (alias.name.clone(), alias.history.clone())).collect();
        let revision = |alias: &LiveAlias| Some((alias.name.clone(), alias.revision_id.clone()?));
        self.alias_revisions = live.aliases.iter().filter_map(revision).collect();
    }

    /// Makes the state one of a release, in which an alias that has moved can be sent back. `live` is the
    /// function before the first step.
    pub(crate) fn begin_release(&mut self, live: Option<&LiveFunction>) {
        let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
        self.at = Some(aliases.iter().map(|alias| (alias.name.clone(), alias.version.clone())).collect());
    }

    /// Makes the moves of the release final.
    pub(crate) fn end_release(&mut self) {
        (self.at, self.mark) = (None, None);
        self.shifted.clear();
    }

    /// The description of an alias with this history when it is at `version`: with the mark of the release,
    /// if the release moves or creates it. `None`: it would exceed AWS's limit.
    pub(super) fn description_of(
        &self,
        alias: &str,
        version: &str,
        history: &AliasHistory,
    ) -> Option<String> {
        let before = self.at.as_ref().and_then(|at| at.get(alias));
        match &self.mark {
            Some(mark) if before.is_none_or(|before| before != version) => {
                history.marked(mark).to_description(version)
            }
            Some(_) | None => history.to_description(version),
        }
    }

    /// The description of an alias that stays where it is, with this text before its history.
    pub(super) fn text_description(&self, alias: &str, text: &str) -> Option<String> {
        let history = self.histories.get(alias).cloned().unwrap_or_default();
        history.with_text(text).unmoved_description()
    }

    /// Records that the release has written an alias that it does not move, which has this revision since.
    /// `history`: what its description records now. `None`: what it recorded before.
    pub(crate) fn record_renewal(
        &mut self,
        alias: &str,
        revision: Option<String>,
        history: Option<AliasHistory>,
    ) {
        self.histories.extend(history.map(|history| (alias.to_owned(), history)));
        self.record_revision(alias.to_owned(), revision);
    }

    /// Records the revision that an alias has since a call. `None`: AWS did not return it.
    fn record_revision(&mut self, alias: String, revision: Option<String>) {
        match revision {
            Some(revision) => self.alias_revisions.insert(alias, revision),
            None => self.alias_revisions.remove(&alias),
        };
    }

    /// The aliases that the release has created.
    pub(crate) fn created_aliases(&self) -> Vec<String> {
        let Some(at) = &self.at else { return Vec::new() };
        self.alias_revisions.keys().filter(|alias| !at.contains_key(*alias)).cloned().collect()
    }

    /// The target of a step, as shown in events.
    pub(crate) fn target_of(&self, action: &Action) -> StepTarget {
        let version = || Some(self.version().to_owned());
        let of = |alias: Option<&String>, version: Option<String>| StepTarget {
            alias: alias.cloned(),
            version,
            ..StepTarget::default()
        };
        match action {
            Action::Verify => of(None, version()),
            Action::Write(WriteCall::PutFunctionScalingConfig { version, .. }) => {
                of(None, Some(self.version_or(version.as_deref()).to_owned()))
            }
            Action::Write(WriteCall::CreateAlias { alias, .. }) => of(Some(alias), version()),
            Action::Write(
                WriteCall::PutFunctionEventInvokeConfig { alias, .. }
                | WriteCall::DeleteFunctionEventInvokeConfig { alias },
            ) => of(alias.as_ref(), None),
            Action::Write(WriteCall::UpdateAlias { alias, version: to, .. }) => {
                of(Some(alias), to.clone().or_else(version))
            }
            Action::Write(WriteCall::ShiftTraffic { alias, percent, .. }) => {
                StepTarget { percent: Some(*percent), ..of(Some(alias), version()) }
            }
            Action::Write(
                WriteCall::CreateDeployment { alias, .. } | WriteCall::StopDeployment { alias, .. },
            ) => of(Some(alias), version()),
            Action::Wait { interval } => {
                StepTarget { seconds: Some(interval.as_secs()), ..StepTarget::default() }
            }
            Action::WaitForProvisioned { alias }
            | Action::Write(
                WriteCall::DescribeAlias { alias, .. }
                | WriteCall::PutProvisionedConcurrencyConfig { alias, .. }
                | WriteCall::DeleteProvisionedConcurrencyConfig { alias },
            ) => of(Some(alias), None),
            Action::Write(WriteCall::UpdateEventSourceMapping { event_source, alias, .. }) => {
                StepTarget { event_source: Some(event_source.clone()), ..of(Some(alias), None) }
            }
            Action::Write(WriteCall::DeleteVersion { version, .. }) => of(None, Some(version.clone())),
            Action::Write(WriteCall::PublishLayerVersion { layer }) => {
                StepTarget { layer: Some(layer.layer.clone()), ..StepTarget::default() }
            }
            Action::Write(WriteCall::DeleteLayerVersion { layer, version, .. }) => {
                StepTarget { layer: Some(layer.clone()), ..of(None, Some(version.to_string())) }
            }
            _ => StepTarget::default(),
        }
    }

    /// What a step has to do. It is less than planned if AWS has published no new version because code and
    /// settings are those of an existing one. `None`: nothing. `live` is the function before the first step.
    pub(crate) fn due_action<'s>(
        &self,
        action: &'s Action,
        live: Option<&LiveFunction>,
    ) -> Option<Cow<'s, Action>> {
        let planned = |is_due: bool| is_due.then_some(Cow::Borrowed(action));
        let is_old = || {
            let mut versions = live.into_iter().flat_map(|live| &live.versions);
            versions.any(|version| self.published.as_ref() == Some(&version.number))
        };
        match action {
            Action::Wait { .. } => planned(!self.shifted.is_empty()),
            // AWS refuses to shift traffic from a version to itself, and so does CodeDeploy.
            Action::Write(WriteCall::ShiftTraffic { from, .. }) => planned(from != self.version()),
            Action::Write(
                WriteCall::UpdateAlias { alias, version: None, history: Some(history), .. }
                | WriteCall::CreateDeployment { alias, history, running: None, .. },
            ) => match live.and_then(|live| live.alias(alias)) {
                Some(alias) if alias.version == self.version() => {
                    self.unmoved(alias, history.text()).map(|call| Cow::Owned(Action::Write(call)))
                }
                _ => planned(true),
            },
            Action::Write(
                WriteCall::DeleteVersion { needs_new: true, .. }
                | WriteCall::DeleteLayerVersion { needs_new: true, .. },
            ) => planned(!is_old()),
            _ => planned(true),
        }
    }

    /// What is left to do for an alias that is at the version of the steps already, and should have this text
    /// in its description. `None`: nothing.
    fn unmoved(&self, alias: &LiveAlias, text: &str) -> Option<WriteCall> {
        let name = alias.name.clone();
        let is_described = text != alias.history.text();
        if alias.shares().is_empty() {
            let fits = self.text_description(&name, text).is_some();
            let describe = || WriteCall::DescribeAlias { alias: name, text: text.to_owned() };
            return (is_described && fits).then(describe);
        }
        let history = match is_described {
            true => Some(alias.history.with_text(text).with_shift(&alias.version, None)),
            false => alias.history_after_shift(),
        };
        Some(WriteCall::UpdateAlias { alias: name, version: None, history, provisions: false })
    }

    /// The version that the steps work on; `$LATEST` if none is published.
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("$LATEST")
    }

    /// This version, or else the one that the steps work on.
    pub(super) fn version_or<'v>(&'v self, version: Option<&'v str>) -> &'v str {
        version.unwrap_or(self.version())
    }

    /// An alias as UpdateAlias leaves it: all traffic goes to `version`, or else to that of the steps. The
    /// revision is not set.
    pub(super) fn updated_alias(&self, alias: &str, version: Option<&str>) -> LiveAlias {
        let version = self.version_or(version).to_owned();
        LiveAlias { name: alias.to_owned(), version, ..LiveAlias::default() }
    }

    /// An alias as a traffic shift leaves it: `percent` of the traffic goes to the version of the steps, the
    /// rest to `from`. The revision is not set.
    pub(super) fn shifted_alias(&self, alias: &str, from: &str, percent: u8) -> LiveAlias {
        let weights = vec![(self.version().to_owned(), percent)];
        LiveAlias { name: alias.to_owned(), version: from.to_owned(), weights, ..LiveAlias::default() }
    }

    /// Records after a step whether an alias sends part of its traffic to the new version, or has moved to it
    /// in a release, and which event source mapping has moved.
    pub(super) fn record_target(&mut self, call: &WriteCall) {
        match call {
            WriteCall::UpdateAlias { alias, version, .. } => {
                let target = self.version_or(version.as_deref());
                let before = self.at.as_ref().and_then(|at| at.get(alias));
                match before.filter(|before| *before != target).cloned() {
                    Some(before) => drop(self.shifted.insert(alias.clone(), before)),
                    None => drop(self.shifted.remove(alias)),
                }
            }
            WriteCall::ShiftTraffic { alias, from, .. } => {
                drop(self.shifted.insert(alias.clone(), from.clone()))
            }
            WriteCall::UpdateEventSourceMapping { uuid, .. } => self.moved_event_sources.push(uuid.clone()),
            _ => {}
        }
    }

    /// Records a step that shifts or moves an alias, and that AWS may have carried out although it failed.
    pub(super) fn record_uncertain(&mut self, call: &WriteCall) {
        self.record_target(call);
        if let WriteCall::UpdateAlias { alias, .. } | WriteCall::ShiftTraffic { alias, .. } = call {
            self.unsettled.insert(alias.clone());
        }
    }

    /// Whether another caller replaced our code after we deployed it.
    pub(crate) fn was_overtaken(&self) -> bool {
        self.seen_sha256.is_some() && self.code_sha256.is_some() && self.seen_sha256 != self.code_sha256
    }

    /// Whether AWS returned another hash than that of the package. Code that is encrypted with a customer
    /// managed key is not compared: it is not documented what AWS hashes there.
    pub(super) fn code_mismatch(&self, call: &WriteCall, reported: Option<&String>) -> bool {
        let (WriteCall::CreateFunction { settings, .. } | WriteCall::UpdateFunctionCode { settings, .. }) =
            call
        else {
            return false;
        };
        let is_encrypted = settings.iter().any(|setting| matches!(setting, Setting::SourceKmsKeyArn(_)));
        self.has_archive && !is_encrypted && reported.is_some() && reported != self.code_sha256.as_ref()
    }

    /// Whether a response has the code and settings known before, except for what the call itself changes.
    /// AWS replaces a structure as a whole, so if one member changes, the others may change, too.
    pub(super) fn allows_response(&self, call: &WriteCall, reported: &CodeAndSettings) -> bool {
        let Some(known) = &self.known else { return true };
        let description = [Setting::Description(String::new())];
        let (sent, brings_code): (&[Setting], bool) = match call {
            WriteCall::UpdateFunctionConfiguration { settings } => (settings, false),
            WriteCall::UpdateFunctionCode { settings, .. } => (settings, true),
            WriteCall::PublishVersion { .. } => (&description, false),
            _ => return true,
        };
        let changes = |setting: &Setting| sent.iter().any(|sent| sent.is_replaced_with(setting));
        (brings_code || reported.code_sha256 == known.code_sha256) && reported.keeps(known, changes)
    }

    /// Whether a version has the code and settings that PublishVersion returned. Until AWS has published it
    /// again, `$LATEST.PUBLISHED` may have those of the publication before.
    pub(super) fn has_published(&self, version: &str, seen: Option<&CodeAndSettings>) -> bool {
        let (LATEST_PUBLISHED, Some(known), Some(seen)) = (version, &self.known, seen) else { return true };
        seen.code_sha256 == known.code_sha256 && seen.keeps(known, |_| false)
    }

    /// Whether the function still has the settings of our own call. If so, adopts its revision, which AWS
    /// changes once more when an update ends. If only the code is another caller's, keeps our revision, so
    /// that AWS rejects every later step.
    pub(super) fn has_stayed(&mut self, call: &WriteCall, live: LiveFunction) -> bool {
        let now = CodeAndSettings::of(&live);
        if self.known.as_ref().is_some_and(|known| !now.keeps(known, |_| false)) {
            return false;
        }
        // Which image a tag means is known only after Lambda has resolved it.
        if let WriteCall::CreateFunction { delivery, .. } | WriteCall::UpdateFunctionCode { delivery, .. } =
            call
            && let (Delivery::Image(uri), Some(image)) = (delivery, &live.image)
            && *uri == image.uri
        {
            self.known = Some(now.clone());
        }
        if self.known.as_ref().is_none_or(|known| known.code_sha256 == now.code_sha256) {
            self.revision_id = live.revision_id;
        }
        true
    }

    /// Records the facts from a response.
    pub(super) fn record_response(&mut self, reported: ResponseFacts) {
        if let Some((layer, arn)) = reported.layer {
            // A layer is no part of the function, whose revision stays.
            self.layers.insert(layer, arn);
            return;
        }
        if let Some(arn) = reported.function_arn {
            self.arn = arn;
        }
        // The hash of our own package is known, whatever AWS returns.
        if !self.has_archive {
            self.code_sha256 = reported.code_sha256.or(self.code_sha256.take());
        }
        // A call that does not return the revision may have changed it.
        self.revision_id = reported.revision_id;
        self.known = reported.code_and_settings.or(self.known.take());
        self.seen_sha256 = None;
        let number = reported.version.clone().filter(|version| version != LATEST_PUBLISHED);
        self.published = number.or(self.published.take());
        self.version = reported.version.or(self.version.take());
        if let Some((alias, revision)) = reported.alias {
            self.record_revision(alias, revision);
        }
        self.deployment = reported.deployment.or(self.deployment.take());
        self.function_url = reported.function_url.or(self.function_url.take());
    }
}

/// Facts about the function from one response. `None`: the response does not have that field.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseFacts {
    pub(super) function_arn: Option<String>,
    pub(super) code_sha256: Option<String>,
    pub(super) revision_id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) function_url: Option<String>,
    pub(super) code_and_settings: Option<CodeAndSettings>,
    /// Whether AWS is moving an alias's provisioned concurrency to another version.
    pub(super) is_moving: bool,
    /// The deployment of CodeDeploy that AWS has accepted.
    pub(super) deployment: Option<CodeDeployDeployment>,
    /// Name and `RevisionId` of an alias.
    pub(super) alias: Option<(String, Option<String>)>,
    /// Name or ARN of a layer, and the ARN of the version that was published.
    pub(super) layer: Option<(String, String)>,
}

#[cfg(test)]
mod tests;
