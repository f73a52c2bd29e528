//! Defines the live function, its versions and its aliases, as far as they have been read from AWS.
//! Never decides what to do about a difference.

use std::collections::BTreeMap;

use super::{AliasHistory, ChangedBy, EventSource, PolicyCaller, Setting};
use crate::protocol::event::CodeDeployDeployment;
use crate::protocol::secret::Secret;
use crate::protocol::structures::{EventInvokeConfig, FunctionUrl, Scaling};

/// The live function, as far as it has been read from AWS.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveFunction {
    /// ARN of the function, without a version.
    pub arn: String,
    /// The settings, including empty ones. A setting that cannot be read is missing.
    pub settings: Vec<Setting>,
    /// The tags. `None`: they cannot be read.
    pub tags: Option<BTreeMap<String, Secret>>,
    /// SHA-256 of the code, in Base64.
    pub code_sha256: String,
    /// The container image. `None`: the function runs a zip package.
    pub image: Option<LiveImage>,
    /// The bucket from which Lambda reads the package. `None`: Lambda has a copy of it, or runs an image.
    pub package_bucket: Option<String>,
    /// The function URL, of the stanza's first alias if it has one. `None`: it does not exist, or was not
    /// read.
    pub url: Option<LiveUrl>,
    /// Public access that the policy belonging to `url` permits. Empty if it was not read.
    pub public: PublicAccess,
    /// The URL of the function itself beside that of an alias. It serves the code that was deployed last,
    /// even if that failed verification. `None`: it does not exist, or was not read.
    pub latest_url: Option<LiveUrl>,
    /// Public access that the policy belonging to `latest_url` permits. Empty if it was not read.
    pub latest_public: PublicAccess,
    /// The configurations of asynchronous invocations that exist, by alias; that of the function itself has
    /// the key `None`. Empty if they were not read.
    pub event_invoke: BTreeMap<Option<String>, EventInvokeConfig>,
    /// Callers in the resource policy of the function itself. Empty if it was not read.
    pub callers: Vec<PolicyCaller>,
    /// Event source mappings of the function itself. Empty if they were not read.
    pub event_sources: Vec<EventSource>,
    /// The aliases that were read.
    pub aliases: Vec<LiveAlias>,
    /// The published versions that were read, oldest first.
    pub versions: Vec<LiveVersion>,
    /// Versions that `keep_versions` would delete if nothing used them, each with what does.
    pub in_use: Vec<(String, VersionUse)>,
    /// True if the function runs on Lambda Managed Instances, where callers without a qualifier get
    /// `$LATEST.PUBLISHED`.
    pub is_managed: bool,
    /// The version `$LATEST.PUBLISHED`. `None`: it does not exist, or was not read.
    pub latest_published: Option<LiveVersion>,
    /// Scaling of the version that is live or that the plan makes live, as it was requested. `None`: the
    /// version is new, or it was not read.
    pub scaling: Option<Scaling>,
    /// The deployment that CodeDeploy carries out in the stanza's deployment group. `None`: there is none, or
    /// it was not read.
    pub deployment: Option<LiveDeployment>,
    /// Provisioned concurrency that was read, by alias.
    pub provisioned: BTreeMap<String, Provisioned>,
    /// AWS's `RevisionId`, which changes with every change of the function. `None`: AWS does not return it.
    pub revision_id: Option<String>,
    /// True if the creation or the last update failed. Then the settings here are not those that run.
    pub has_failed: bool,
}

impl LiveFunction {
    /// The live values to redact: those of environment variables and of tags.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let variables = self.settings.iter().filter_map(|setting| match setting {
            Setting::Environment(variables) => Some(variables),
            _ => None,
        });
        variables.chain(&self.tags).flat_map(BTreeMap::values).cloned().collect()
    }

    /// The live runtime. `None`: the function runs a container image.
    pub(crate) fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// True if the live environment variables could be read.
    pub(crate) fn knows_environment(&self) -> bool {
        self.setting(&Setting::Environment(BTreeMap::new())).is_some()
    }

    /// True if the function is durable: its executions can last longer than an invocation.
    pub(crate) fn is_durable(&self) -> bool {
        self.settings.iter().any(|setting| matches!(setting, Setting::DurableExecutionTimeout(Some(_))))
    }

    /// The live value of the setting that `like` is, whatever its value. `None`: it cannot be read.
    pub(crate) fn setting(&self, like: &Setting) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.is_kind_of(like))
    }

    /// The alias with this name. `None`: it does not exist, or was not read.
    pub(crate) fn alias(&self, name: &str) -> Option<&LiveAlias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// True if `$LATEST.PUBLISHED` is ready and has the function's code and settings.
    pub(crate) fn is_latest_published(&self) -> bool {
        let is_ready =
            |version: &LiveVersion| version.state == VersionState::Ready && version.is_copy_of(self);
        self.latest_published.as_ref().is_some_and(is_ready)
    }
}

/// The container image of a live function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveImage {
    /// URI with which the image was deployed; it may contain a tag.
    pub uri: String,
    /// URI with the digest to which AWS resolved it.
    pub resolved: String,
}

/// A live function URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveUrl {
    pub url: String,
    /// Its settings, with all members.
    pub config: FunctionUrl,
}

/// Public access that the policy of a function or an alias permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublicAccess {
    /// Permissions that every caller has.
    pub granted: Vec<Permission>,
    /// Permissions for which the policy has a statement of this program.
    pub own: Vec<Permission>,
}

/// A permission for public access to a function URL. Since October 2025 AWS requires both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// `lambda:InvokeFunctionUrl`, if the auth type is `NONE`.
    InvokeFunctionUrl,
    /// `lambda:InvokeFunction`, through the function URL only.
    InvokeFunction,
}

impl Permission {
    pub(crate) const ALL: [Permission; 2] = [Permission::InvokeFunctionUrl, Permission::InvokeFunction];

    pub(crate) fn action(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "lambda:InvokeFunctionUrl",
            Permission::InvokeFunction => "lambda:InvokeFunction",
        }
    }

    /// The ID of the policy statement with which this program grants the permission.
    pub(crate) fn statement_id(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "dpl-lambda-function-url",
            Permission::InvokeFunction => "dpl-lambda-function-url-invoke",
        }
    }
}

/// A live alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveAlias {
    pub name: String,
    /// The version at which it points.
    pub version: String,
    /// Other versions that get a share of its traffic, each with percent.
    pub weights: Vec<(String, u8)>,
    /// AWS's `RevisionId`, which changes with every change of the alias. `None`: AWS does not return it.
    pub revision_id: Option<String>,
    /// Its history, read from its description.
    pub history: AliasHistory,
    /// True if the alias is known to have no provisioned concurrency.
    pub is_unprovisioned: bool,
}

impl LiveAlias {
    /// The versions that get a share of the traffic. While provisioned concurrency moves to another version,
    /// AWS shows the old version with a weight of 100 %. That is not a traffic split and ends by itself, so
    /// it is left out.
    pub(crate) fn shares(&self) -> &[(String, u8)] {
        if self.seems_to_move() && !self.is_unprovisioned { &[] } else { &self.weights }
    }

    /// True if a version has a weight of 100 % that the history does not record: AWS moves provisioned
    /// concurrency, or someone else has set the weight. A guard watches a version with such a weight, too,
    /// but the history records that.
    pub(crate) fn seems_to_move(&self) -> bool {
        let seems_to_leave = |(version, percent): &(String, u8)| {
            *percent == 100 && self.history.shift(&self.version) != Some(version)
        };
        self.weights.iter().any(seems_to_leave)
    }

    /// The shares, if not all of them were set by a deployment of this program but by a person or another
    /// tool, such as CodeDeploy.
    pub(crate) fn shares_of_others(&self) -> &[(String, u8)] {
        let is_ours = |(version, _): &(String, u8)| self.history.shift(&self.version) == Some(version);
        if self.shares().iter().all(is_ours) { &[] } else { self.shares() }
    }

    /// The alias with another text in its description, before its history. `None`: with its live text.
    #[must_use]
    pub(crate) fn described(&self, text: Option<&str>) -> LiveAlias {
        let history = text.map_or_else(|| self.history.clone(), |text| self.history.with_text(text));
        LiveAlias { history, ..self.clone() }
    }

    /// The history to write when the alias stays at its version and a shift that the history records has
    /// ended. `None`: the history records no shift, so it stays unchanged.
    pub(crate) fn history_after_shift(&self) -> Option<AliasHistory> {
        let to = self.history.shift(&self.version).or(self.history.codedeploy_shift(&self.version));
        to.map(|_| self.history.with_shift(&self.version, None))
    }
}

/// A deployment of CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveDeployment {
    /// Its id and status.
    pub deployment: CodeDeployDeployment,
    /// SHA-256 of its AppSpec, in hexadecimal digits. `None`: AWS does not return it.
    pub app_spec_sha256: Option<String>,
    /// The function and the alias that it moves, such as `shop:live`. `None`: this program did not create it.
    pub moves: Option<String>,
}

/// The version that callers without a qualifier get from a function on Lambda Managed Instances. It has no
/// number, can be published repeatedly and cannot be deleted.
pub(crate) const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

/// A published version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveVersion {
    pub number: String,
    /// SHA-256 of the code, in Base64.
    pub code_sha256: String,
    /// The settings. A setting that cannot be read is missing.
    pub settings: Vec<Setting>,
    pub state: VersionState,
}

/// Whether a published version is ready. AWS returns that from GetFunction for a single version, but not in a
/// list of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionState {
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
pub(crate) struct CodeAndSettings {
    /// SHA-256 of the code, in Base64.
    pub code_sha256: String,
    /// The settings. A setting that cannot be read is missing.
    pub settings: Vec<Setting>,
}

impl CodeAndSettings {
    pub(crate) fn of(live: &LiveFunction) -> Self {
        CodeAndSettings { code_sha256: live.code_sha256.clone(), settings: live.settings.clone() }
    }

    /// True if every setting has the same value as `before`, except those for which `changes` returns true. A
    /// setting that is missing in one of the two is not compared.
    pub(crate) fn keeps(&self, before: &CodeAndSettings, changes: impl Fn(&Setting) -> bool) -> bool {
        self.settings.iter().filter(|setting| !changes(setting)).all(|setting| {
            let known = before.settings.iter().find(|known| known.is_kind_of(setting));
            known.is_none_or(|known| known == setting)
        })
    }
}

impl LiveVersion {
    /// The number as an integer; 0 for `$LATEST.PUBLISHED`.
    pub(crate) fn ordinal(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }

    /// True if the version has the function's code and settings. The description, which belongs to one
    /// version, and how Lambda stores the package are not compared. False if a setting cannot be read, since
    /// it may differ.
    pub(crate) fn is_copy_of(&self, live: &LiveFunction) -> bool {
        use Setting::{Description, S3ObjectStorageMode, SourceKmsKeyArn};
        let is_held = |setting: &&Setting| {
            matches!(setting.changed_by(), ChangedBy::Configuration | ChangedBy::Code)
                && !matches!(setting, Description(_) | SourceKmsKeyArn(_) | S3ObjectStorageMode(_))
        };
        let mut held = live.settings.iter().filter(is_held);
        self.code_sha256 == live.code_sha256
            && live.knows_environment()
            && held.all(|live| self.setting(live) == Some(live))
    }

    /// The version's value of the setting that `like` is. `None`: it cannot be read.
    pub(crate) fn setting(&self, like: &Setting) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.is_kind_of(like))
    }
}

/// What uses a published version by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionUse {
    /// A durable execution that has not ended.
    DurableExecution,
    /// An event source mapping that calls it.
    EventSource,
    /// Provisioned concurrency of its own.
    ProvisionedConcurrency,
    /// Callers that its own resource policy permits to invoke it.
    Callers,
}

/// Provisioned concurrency of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Provisioned {
    /// Requested number of executions.
    pub executions: i32,
    pub state: ProvisionedState,
}

/// Whether the provisioned concurrency of an alias is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProvisionedState {
    /// All requested executions are ready.
    Ready,
    /// AWS is still allocating executions.
    InProgress,
    /// AWS could not allocate the executions.
    Failed,
}

/// The runtime among the settings. `None`: there is none, or an empty one.
pub(super) fn runtime(settings: &[Setting]) -> Option<&str> {
    settings.iter().find_map(|setting| match setting {
        Setting::Runtime(runtime) if !runtime.is_empty() => Some(runtime.as_str()),
        _ => None,
    })
}
