//! The state of one Lambda function: `$LATEST`, versions, aliases, tags, and states that end after a time.
//! Never waits: [`Function::settle`] ends the states that are over, at the next access.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::configuration::Configuration;
use crate::ids;
use crate::moment::{self, Moment};
use crate::refusal::Refusal;

/// Everything that belongs to one function name.
pub(crate) struct Function {
    /// The ARN without a qualifier.
    pub(crate) arn: String,
    pub(crate) latest: Version,
    pub(crate) published: BTreeMap<u64, Version>,
    /// `$LATEST.PUBLISHED` of Lambda Managed Instances, which unqualified invocations run. `None`: it was
    /// never published.
    pub(crate) latest_published: Option<Version>,
    /// The highest version number so far. AWS never reuses a number, not even after the version was deleted.
    pub(crate) last_number: u64,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Reserved concurrency. `None`: the function uses the unreserved concurrency of the account.
    pub(crate) reserved: Option<u64>,
    /// `Terminate` or `Allow`.
    pub(crate) recursive_loop: String,
    /// FunctionEventInvokeConfig by version or alias; the function's own has the key `$LATEST`.
    pub(crate) event_invoke: BTreeMap<String, Value>,
    /// Keyed by version or alias.
    pub(crate) provisioned: BTreeMap<String, Provisioned>,
    /// Numbers of execution environments on Lambda Managed Instances, by version or `$LATEST.PUBLISHED`.
    pub(crate) scaling: BTreeMap<String, Scaling>,
    /// FunctionUrlConfig by alias; the function's own has the key `$LATEST`.
    pub(crate) urls: BTreeMap<String, Value>,
    /// Policy statements by version or alias; the function's own have the key `$LATEST`. Never an empty list.
    pub(crate) policies: BTreeMap<String, Vec<Value>>,
    /// ARN of the code signing configuration. `None`: unsigned code is accepted.
    pub(crate) signing: Option<String>,
    /// True if callers may not decrypt the variables. `None`: the setting of the endpoint applies.
    pub(crate) hides_environment: Option<bool>,
    /// The status of each durable execution, by version: `RUNNING`, `SUCCEEDED` and so on.
    pub(crate) executions: BTreeMap<String, Vec<String>>,
}

/// `$LATEST` or a published version.
#[derive(Clone)]
pub(crate) struct Version {
    /// `None` for `$LATEST` and `$LATEST.PUBLISHED`.
    pub(crate) number: Option<u64>,
    /// True for `$LATEST.PUBLISHED`.
    pub(crate) is_latest_published: bool,
    pub(crate) configuration: Configuration,
    /// The description given to PublishVersion. `None`: that of `$LATEST` at that time.
    pub(crate) description: Option<String>,
    pub(crate) code: Code,
    /// `UpdateRuntimeOn`, and with `Manual` the ARN of the runtime version.
    pub(crate) runtime_management: (String, Option<String>),
    pub(crate) revision_id: String,
    pub(crate) last_modified: String,
    pub(crate) phase: Phase,
}

/// The code of a version.
#[derive(Clone)]
pub(crate) struct Code {
    /// The zip. `None`: the code comes from S3 or is an image, which the endpoint cannot read.
    pub(crate) zip: Option<Arc<[u8]>>,
    pub(crate) sha256: String,
    /// `None`: the code is a zip.
    pub(crate) image_uri: Option<String>,
    /// ARN of the KMS key that encrypts the zip. `None`: a key that AWS manages.
    pub(crate) kms_key: Option<String>,
    /// `ResolvedS3Object` of a package that Lambda reads from S3 (`REFERENCE`). `None`: Lambda has a copy.
    pub(crate) reference: Option<Value>,
}

/// An alias: a name for a version.
pub(crate) struct Alias {
    /// A version number or `$LATEST`.
    pub(crate) version: String,
    pub(crate) description: String,
    /// Additional versions and their share of the traffic; empty if all of it goes to `version`.
    pub(crate) weights: Map<String, Value>,
    pub(crate) revision_id: String,
    /// The version that receives all traffic until provisioned concurrency has moved to the new version, and
    /// the time when that happens. Until then AWS shows this version with a weight of 1
    /// (terraform-provider-aws, pull request 48116).
    pub(crate) leaving: Option<(String, Instant)>,
    /// The number of invocations through this alias. It makes the split by weight exact instead of random.
    pub(crate) invoked: u32,
}

impl Alias {
    /// Returns each version that gets traffic, with its share.
    pub(crate) fn shares(&self) -> Vec<(String, f64)> {
        let weights = self.weights.iter();
        let mut shares: Vec<(String, f64)> =
            weights.map(|(version, weight)| (version.clone(), weight.as_f64().unwrap_or_default())).collect();
        let others: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.push((self.version.clone(), 1.0 - others));
        shares
    }
}

/// FunctionScalingConfig of a version.
pub(crate) struct Scaling {
    /// The numbers that were requested, and when they apply. `None`: they do.
    pub(crate) requested: Option<(Value, Instant)>,
    pub(crate) applied: Value,
}

impl Scaling {
    /// Ends the change that is over at `now`.
    pub(crate) fn settle(&mut self, now: Instant) {
        match self.requested.take() {
            Some((requested, until)) if until <= now => self.applied = requested,
            other => self.requested = other,
        }
    }
}

/// Provisioned concurrency of a version or an alias.
pub(crate) struct Provisioned {
    /// The requested number of concurrent executions.
    pub(crate) requested: u64,
    pub(crate) last_modified: String,
    pub(crate) phase: Provisioning,
}

/// The status of provisioned concurrency, and the time when it changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Provisioning {
    Allocating { until: Instant, ending: Ending },
    Ready,
    Failed(Failure),
}

/// `State` and `LastUpdateStatus`, and the time when they change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    Creating {
        until: Instant,
        ending: Ending,
    },
    CreationFailed(Failure),
    Active,
    Updating {
        until: Instant,
        ending: Ending,
    },
    UpdateFailed(Failure),
    /// `Inactive`: there was no invocation for weeks. The first invocation wakes the function, which takes
    /// `wakes_in`.
    Idle {
        wakes_in: Duration,
    },
    Waking {
        until: Instant,
    },
    /// A fixed state, such as `Deleting`, until the test sets another.
    Fixed {
        state: String,
    },
}

/// How a state ends. `None`: successfully.
pub(crate) type Ending = Option<Failure>;

/// Why a state ended as `Failed`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) reason_code: String,
    pub(crate) reason: String,
}

/// A state that starts now, lasts for a time, and ends successfully or not.
#[derive(Clone)]
pub(crate) struct Span {
    pub(crate) from: Moment,
    pub(crate) lasts: Duration,
    pub(crate) ending: Ending,
}

impl Span {
    pub(crate) fn until(&self) -> Instant {
        self.from.instant + self.lasts
    }

    /// True if the state has no length and ends successfully: it is over before the answer is written.
    fn is_over_at_once(&self) -> bool {
        self.lasts.is_zero() && self.ending.is_none()
    }

    pub(crate) fn creation(self) -> Phase {
        if self.is_over_at_once() {
            return Phase::Active;
        }
        Phase::Creating { until: self.until(), ending: self.ending }
    }

    fn update(self) -> Phase {
        if self.is_over_at_once() {
            return Phase::Active;
        }
        Phase::Updating { until: self.until(), ending: self.ending }
    }
}

impl Phase {
    /// Returns the phase that follows this one at `now`. `None`: this phase continues.
    fn next(&self, now: Instant) -> Option<Phase> {
        match self {
            Phase::Creating { until, ending } if *until <= now => {
                Some(ending.clone().map_or(Phase::Active, Phase::CreationFailed))
            }
            Phase::Updating { until, ending } if *until <= now => {
                Some(ending.clone().map_or(Phase::Active, Phase::UpdateFailed))
            }
            Phase::Waking { until } if *until <= now => Some(Phase::Active),
            Phase::Creating { .. }
            | Phase::Updating { .. }
            | Phase::CreationFailed(_)
            | Phase::Active
            | Phase::UpdateFailed(_)
            | Phase::Idle { .. }
            | Phase::Waking { .. }
            | Phase::Fixed { .. } => None,
        }
    }

    /// Returns the members of FunctionConfiguration for this phase. A Pending function has no
    /// LastUpdateStatus.
    fn members(&self) -> Value {
        match self {
            Phase::Creating { .. } => json!({
                "State": "Pending",
                "StateReason": "The function is being created.",
                "StateReasonCode": "Creating",
            }),
            Phase::CreationFailed(failure) => json!({
                "State": "Failed",
                "StateReason": failure.reason,
                "StateReasonCode": failure.reason_code,
            }),
            Phase::Active => json!({"State": "Active", "LastUpdateStatus": "Successful"}),
            // AWS uses "being created" for an update too, as many published AWS CLI outputs show.
            Phase::Updating { .. } => json!({
                "State": "Active",
                "LastUpdateStatus": "InProgress",
                "LastUpdateStatusReason": "The function is being created.",
                "LastUpdateStatusReasonCode": "Creating",
            }),
            Phase::UpdateFailed(failure) => json!({
                "State": "Active",
                "LastUpdateStatus": "Failed",
                "LastUpdateStatusReason": failure.reason,
                "LastUpdateStatusReasonCode": failure.reason_code,
            }),
            Phase::Idle { .. } => json!({
                "State": "Inactive",
                "StateReason": "The function is idle.",
                "StateReasonCode": "Idle",
                "LastUpdateStatus": "Successful",
            }),
            Phase::Waking { .. } => json!({
                "State": "Pending",
                "StateReason": "The function is being restored.",
                "StateReasonCode": "Restoring",
                "LastUpdateStatus": "Successful",
            }),
            Phase::Fixed { state } => json!({"State": state, "LastUpdateStatus": "Successful"}),
        }
    }
}

impl Version {
    /// Records a change: sets a new RevisionId and starts an update.
    pub(crate) fn changed(&mut self, span: Span) {
        self.revision_id = ids::unique();
        self.last_modified = moment::last_modified(span.from.wall);
        self.phase = span.update();
    }

    /// Ends the phases that are over. Each end changes the RevisionId, as on AWS, so that callers must read
    /// it again.
    fn settle(&mut self, now: Instant) {
        while let Some(next) = self.phase.next(now) {
            self.phase = next;
            self.revision_id = ids::unique();
        }
    }

    /// Returns the version number, `$LATEST` or `$LATEST.PUBLISHED`.
    pub(crate) fn name(&self) -> String {
        let latest = if self.is_latest_published { "$LATEST.PUBLISHED" } else { "$LATEST" };
        self.number.map_or(latest.to_owned(), |number| number.to_string())
    }

    /// Returns the FunctionConfiguration. `arn` is the ARN in the caller's form, with or without a qualifier.
    pub(crate) fn answer(&self, arn: &str) -> Value {
        let mut answer = self.configuration.clone();
        let code_size = self.code.zip.as_ref().map_or(0, |zip| zip.len());
        let own = json!({
            "CodeSha256": self.code.sha256,
            "CodeSize": code_size,
            "FunctionArn": arn,
            "LastModified": self.last_modified,
            "RevisionId": self.revision_id,
            "Version": self.name(),
        });
        for members in [own, self.phase.members()] {
            answer.extend(members.as_object().cloned().unwrap_or_default());
        }
        if let Some(description) = &self.description {
            answer.insert("Description".to_owned(), json!(description));
        }
        if self.number.is_some() && self.has_snap_start() {
            let on = json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"});
            answer.insert("SnapStart".to_owned(), on);
        }
        // `$LATEST` of Lambda Managed Instances cannot be invoked. (It is a guess that this state means
        // that.)
        if self.is_managed() && self.name() == "$LATEST" && self.phase == Phase::Active {
            answer.insert("State".to_owned(), json!("ActiveNonInvocable"));
        }
        Value::Object(answer)
    }

    pub(crate) fn is_image(&self) -> bool {
        self.configuration.get("PackageType") == Some(&json!("Image"))
    }

    /// True if the function runs on Lambda Managed Instances.
    pub(crate) fn is_managed(&self) -> bool {
        self.configuration.contains_key("CapacityProviderConfig")
    }

    fn has_snap_start(&self) -> bool {
        let snap_start = self.configuration.get("SnapStart");
        snap_start.is_some_and(|it| it["ApplyOn"] == "PublishedVersions")
    }
}

impl Provisioned {
    fn settle(&mut self, now: Instant) {
        if let Provisioning::Allocating { until, ending } = &self.phase
            && *until <= now
        {
            self.phase = ending.clone().map_or(Provisioning::Ready, Provisioning::Failed);
        }
    }
}

impl Function {
    /// Creates a function that has only code, settings and tags.
    pub(crate) fn new(arn: String, latest: Version, tags: BTreeMap<String, String>) -> Function {
        Function {
            arn,
            latest,
            published: BTreeMap::new(),
            latest_published: None,
            last_number: 0,
            aliases: BTreeMap::new(),
            tags,
            reserved: None,
            recursive_loop: "Terminate".to_owned(),
            event_invoke: BTreeMap::new(),
            provisioned: BTreeMap::new(),
            scaling: BTreeMap::new(),
            urls: BTreeMap::new(),
            policies: BTreeMap::new(),
            signing: None,
            hides_environment: None,
            executions: BTreeMap::new(),
        }
    }

    /// Ends the states that are over at `now`. Call this before any read or change.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.latest.settle(now);
        for version in self.published.values_mut().chain(&mut self.latest_published) {
            version.settle(now);
        }
        for provisioned in self.provisioned.values_mut() {
            provisioned.settle(now);
        }
        for scaling in self.scaling.values_mut() {
            scaling.settle(now);
        }
        for alias in self.aliases.values_mut() {
            alias.leaving = alias.leaving.take().filter(|(_, until)| *until > now);
        }
    }

    /// Removes everything that belongs to a deleted version or alias. (That AWS deletes these too, instead of
    /// rejecting the deletion while they are in use, is a guess.)
    pub(crate) fn forget(&mut self, qualifier: &str) {
        self.provisioned.remove(qualifier);
        self.scaling.remove(qualifier);
        self.event_invoke.remove(qualifier);
        self.urls.remove(qualifier);
        self.policies.remove(qualifier);
        self.executions.remove(qualifier);
    }

    /// Fails while another change is in progress.
    pub(crate) fn check_ready(&self) -> Result<(), Refusal> {
        match self.latest.phase {
            Phase::Creating { .. } => Err(Refusal::Pending),
            Phase::Updating { .. } => Err(Refusal::UpdateInProgress { arn: self.arn.clone() }),
            Phase::Waking { .. } => Err(Refusal::Pending),
            Phase::Fixed { ref state } => Err(Refusal::InState { state: state.clone() }),
            Phase::Active | Phase::CreationFailed(_) | Phase::UpdateFailed(_) | Phase::Idle { .. } => Ok(()),
        }
    }

    /// Returns the version for a qualifier: a number, an alias or `$LATEST`; `$LATEST` if there is no
    /// qualifier. Fails if it does not exist.
    pub(crate) fn version(&self, qualifier: Option<&str>) -> Result<&Version, Refusal> {
        let Some(qualifier) = qualifier else {
            return Ok(&self.latest);
        };
        let aliased = self.aliases.get(qualifier).map(|alias| alias.version.as_str());
        let found = match aliased.unwrap_or(qualifier) {
            "$LATEST" => Some(&self.latest),
            "$LATEST.PUBLISHED" => self.latest_published.as_ref(),
            number => number.parse().ok().and_then(|number: u64| self.published.get(&number)),
        };
        found.ok_or_else(|| Refusal::FunctionNotFound { arn: self.qualified(Some(qualifier)) })
    }

    /// Like [`Function::version`], but mutable.
    pub(crate) fn version_mut(&mut self, qualifier: Option<&str>) -> Result<&mut Version, Refusal> {
        let name = self.version(qualifier)?.name();
        let found = match name.as_str() {
            "$LATEST" => Some(&mut self.latest),
            "$LATEST.PUBLISHED" => self.latest_published.as_mut(),
            number => number.parse().ok().and_then(|number: u64| self.published.get_mut(&number)),
        };
        found.ok_or(Refusal::NoSuchResource)
    }

    /// Publishes `$LATEST` as `$LATEST.PUBLISHED`. "Scaling Lambda Managed Instances" (Lambda guide): a
    /// version becomes active when its first execution environments have started. (That this also holds for
    /// another publication, and that the version keeps its scaling then, are guesses.)
    pub(crate) fn publish_latest(&mut self, span: Span) -> &Version {
        let mut version =
            Version { is_latest_published: true, revision_id: ids::unique(), ..self.latest.clone() };
        version.phase = span.creation();
        self.latest.revision_id = ids::unique();
        self.latest_published.insert(version)
    }

    /// Fails if the qualifier does not exist, with the message of those operations that distinguish versions
    /// from aliases.
    pub(crate) fn check_qualifier(&self, qualifier: &str) -> Result<(), Refusal> {
        if qualifier == "$LATEST" || self.aliases.contains_key(qualifier) {
            return Ok(());
        }
        match qualifier.parse::<u64>() {
            Ok(number) if self.published.contains_key(&number) => Ok(()),
            _ => Err(Refusal::no_such_qualifier(self.qualified(Some(qualifier)), qualifier)),
        }
    }

    /// Returns the ARN with this qualifier.
    pub(crate) fn qualified(&self, qualifier: Option<&str>) -> String {
        match qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn),
            None => self.arn.clone(),
        }
    }

    /// Publishes `$LATEST` and returns the version number. If nothing changed since the last version, returns
    /// that number.
    pub(crate) fn publish(&mut self, description: Option<&str>, span: Span) -> u64 {
        if let Some((&number, last)) = self.published.last_key_value() {
            let same_code = last.code.sha256 == self.latest.code.sha256;
            if same_code && last.configuration == self.latest.configuration {
                return number;
            }
        }
        self.last_number += 1;
        let mut version = self.latest.clone();
        version.number = Some(self.last_number);
        version.description = description.map(str::to_owned);
        version.revision_id = ids::unique();
        version.phase = match self.latest.phase.clone() {
            creating @ Phase::Creating { .. } => creating,
            // A version is ready when it is published, unless a snapshot must be taken first, or execution
            // environments must start.
            _ if version.has_snap_start() || version.is_managed() || span.ending.is_some() => span.creation(),
            _ => Phase::Active,
        };
        self.published.insert(self.last_number, version);
        // Publishing also changes the RevisionId of `$LATEST`.
        self.latest.revision_id = ids::unique();
        self.last_number
    }
}
