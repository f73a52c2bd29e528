//! Defines the desired function that a stanza describes, and the live function in a form that can be compared
//! with it. Never calls AWS, and never decides what to do about a difference.

use std::collections::BTreeMap;

mod alias_history;
mod handler_mistake;
pub mod option_reference;
mod release;
mod setting;

pub use alias_history::AliasHistory;
pub use handler_mistake::HandlerMistake;
pub use release::{
    CodeAndSettings, LATEST_PUBLISHED, LiveAlias, LiveVersion, Provisioned, ProvisionedState, Release,
    VersionState,
};
pub use setting::{ChangedBy, Setting};

use crate::protocol::name::FunctionName;
use crate::protocol::secret::Secret;
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::{FunctionUrl, ImageConfig, LoggingConfig, OrNone};

/// The function that a stanza describes.
#[derive(Clone, Debug)]
pub struct DesiredFunction {
    /// Name of the function.
    pub name: FunctionName,
    /// Every setting that the stanza names, except the handler.
    pub settings: Vec<Setting>,
    /// The handler, which is kept apart because its form depends on the runtime. `None`: the stanza does not
    /// name one.
    pub handler: Option<Handler>,
    /// The desired tags. `None`: the stanza does not name any.
    pub tags: Option<BTreeMap<String, Secret>>,
    /// True if tags that the stanza does not name are removed.
    pub replaces_tags: bool,
    /// True if live environment variables stay that the stanza does not name.
    pub merges_environment: bool,
    /// The desired function URL. `None`: the stanza does not set it.
    pub url: Option<OrNone<FunctionUrl>>,
    /// The `RevisionId` that the live function must have. `None`: any.
    pub revision_id: Option<String>,
    /// The release that follows the update: version, verification, aliases.
    pub release: Release,
    /// Description for a new function, used if the stanza does not set one.
    pub default_description: Option<String>,
}

impl DesiredFunction {
    /// Reads the desired function called `name` from a stanza.
    pub fn of(stanza: &Stanza, name: FunctionName, default_description: Option<String>) -> Self {
        let release = Release::of(stanza);
        let s = stanza.clone();
        // AWS rejects an empty mode for these, so an empty value becomes AWS's default.
        let or = |default: &'static str| {
            move |word: String| if word.is_empty() { default.to_owned() } else { word }
        };
        let mut settings: Vec<Setting> = [
            s.role.map(Setting::Role),
            s.runtime.map(Setting::Runtime),
            s.description.map(Setting::Description),
            s.timeout.map(Setting::Timeout),
            s.memory_size.map(Setting::MemorySize),
            s.ephemeral_storage.map(Setting::EphemeralStorage),
            s.subnet_ids.map(|ids| Setting::SubnetIds(ids.into_iter().collect())),
            s.security_group_ids.map(|ids| Setting::SecurityGroupIds(ids.into_iter().collect())),
            s.ipv6_allowed_for_dual_stack.map(Setting::Ipv6AllowedForDualStack),
            s.environment.map(Setting::Environment),
            s.dead_letter_arn.map(Setting::DeadLetterArn),
            s.kms_key_arn.map(Setting::KmsKeyArn),
            s.tracing_mode.map(or("PassThrough")).map(Setting::TracingMode),
            s.layers.map(Setting::Layers),
            s.file_system_configs.map(|systems| Setting::FileSystems(systems.into_iter().collect())),
            s.snap_start.map(or("None")).map(Setting::SnapStart),
            s.architectures.map(Setting::Architecture),
            s.source_kms_key_arn.map(Setting::SourceKmsKeyArn),
            s.code_signing_config_arn.map(Setting::CodeSigningConfigArn),
            s.reserved_concurrency.map(|number| match number {
                OrNone::Some(number) => Setting::ReservedConcurrency(Some(number)),
                OrNone::None => Setting::ReservedConcurrency(None),
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        settings.extend(s.logging_config.into_iter().flat_map(|config| logging(config, &name)));
        settings.extend(s.image_config.into_iter().flat_map(image));
        DesiredFunction {
            name,
            settings,
            handler: s.handler_name.map(|name| Handler { module: s.module_name, name }),
            tags: s.function_tags,
            replaces_tags: s.function_tags_mode.as_deref() == Some("replace"),
            merges_environment: s.merge_environment == Some(true),
            url: s.function_url,
            revision_id: s.revision_id,
            release,
            default_description,
        }
    }

    /// The alias to which the function URL belongs: the first one. `None`: it belongs to the function itself
    /// and serves the code that was deployed last.
    pub fn url_alias(&self) -> Option<&str> {
        self.release.aliases.first().map(String::as_str)
    }

    /// The runtime that the stanza names. `None`: it names none, or an empty one.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// The runtime and handler that the function will have. `None`: they are not known, or layers may contain
    /// the handler.
    pub fn runtime_and_handler(&self, live: Option<&LiveFunction>) -> Option<(String, String)> {
        let desired = self.settings_for(live.and_then(LiveFunction::runtime));
        let live = live.map(|live| live.settings.as_slice()).unwrap_or_default();
        let kept = live.iter().filter(|live| !desired.iter().any(|desired| desired.is_kind_of(live)));
        let (mut runtime, mut handler) = (None, None);
        for setting in desired.iter().chain(kept) {
            match setting {
                Setting::Runtime(name) => runtime = Some(name.clone()),
                Setting::Handler(name) => handler = Some(name.clone()),
                Setting::Layers(layers) if !layers.is_empty() => return None,
                _ => {}
            }
        }
        Some((runtime?, handler?))
    }

    /// The architecture that the function will have. AWS's default is x86_64.
    pub fn architecture<'a>(&'a self, live: Option<&'a LiveFunction>) -> &'a str {
        let live = live.map(|live| live.settings.as_slice()).unwrap_or_default();
        let architecture = |setting: &'a Setting| match setting {
            Setting::Architecture(name) => Some(name.as_str()),
            _ => None,
        };
        self.settings.iter().chain(live).find_map(architecture).unwrap_or("x86_64")
    }

    /// The desired settings with the handler. The stanza's runtime, else `live_runtime`, decides the
    /// handler's form.
    pub fn settings_for(&self, live_runtime: Option<&str>) -> Vec<Setting> {
        let runtime = self.runtime().or(live_runtime).unwrap_or_default();
        let handler = self.handler.as_ref().map(|handler| Setting::Handler(handler.joined(runtime)));
        self.settings.iter().cloned().chain(handler).collect()
    }
}

/// The logging settings that a stanza names. An empty structure resets all of them to AWS's defaults.
fn logging(config: LoggingConfig, name: &FunctionName) -> Vec<Setting> {
    let default_group = || format!("/aws/lambda/{}", name.name());
    if config == LoggingConfig::default() {
        return vec![Setting::LogFormat("Text".to_owned()), Setting::LogGroup(default_group())];
    }
    let or =
        |default: &'static str| move |word: String| if word.is_empty() { default.to_owned() } else { word };
    let members = [
        config.log_format.map(or("Text")).map(Setting::LogFormat),
        config
            .log_group
            .map(|group| Setting::LogGroup(if group.is_empty() { default_group() } else { group })),
        config.application_log_level.map(or("INFO")).map(Setting::ApplicationLogLevel),
        config.system_log_level.map(or("INFO")).map(Setting::SystemLogLevel),
    ];
    members.into_iter().flatten().collect()
}

/// The image settings that a stanza names. An empty structure clears all of them.
fn image(config: ImageConfig) -> Vec<Setting> {
    let clears = config == ImageConfig::default();
    let members = [
        config.entry_point.or(clears.then(Vec::new)).map(Setting::EntryPoint),
        config.command.or(clears.then(Vec::new)).map(Setting::Command),
        config.working_directory.or(clears.then(String::new)).map(Setting::WorkingDirectory),
    ];
    members.into_iter().flatten().collect()
}

/// The handler as a stanza names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// `module_name` of the stanza. `None` means `index`, unless `name` is a complete handler.
    pub module: Option<String>,
    /// `handler_name` of the stanza.
    pub name: String,
}

impl Handler {
    /// AWS's `Handler` for a runtime: `index.handler`, `Pkg.Class::method`, or for Go the name alone.
    ///
    /// One in ten real stanzas has a complete handler in `handler_name` and no `module_name`. dpl turns that
    /// into `index.index.handler`, which cannot run. So a name that contains a separator stays unchanged if
    /// there is no module.
    pub fn joined(&self, runtime: &str) -> String {
        if runtime.starts_with("go") {
            return self.name.clone();
        }
        let separator = if runtime.starts_with("java") || runtime.starts_with("dotnet") { "::" } else { "." };
        let is_whole = self.name.contains(['.', ':', '/']);
        match &self.module {
            None if is_whole => self.name.clone(),
            Some(_) if runtime.starts_with("provided") && self.name.contains("::") => self.name.clone(),
            module => format!("{}{separator}{}", module.as_deref().unwrap_or("index"), self.name),
        }
    }
}

/// The live function, as far as it has been read from AWS.
#[derive(Clone, Debug)]
pub struct LiveFunction {
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
    /// The aliases that were read.
    pub aliases: Vec<LiveAlias>,
    /// The published versions that were read, oldest first.
    pub versions: Vec<LiveVersion>,
    /// True if the function runs on Lambda Managed Instances, where callers without a qualifier get
    /// `$LATEST.PUBLISHED`.
    pub is_managed: bool,
    /// The version `$LATEST.PUBLISHED`. `None`: it does not exist, or was not read.
    pub latest_published: Option<LiveVersion>,
    /// Provisioned concurrency that was read, by alias.
    pub provisioned: BTreeMap<String, Provisioned>,
    /// AWS's `RevisionId`, which changes with every change of the function. `None`: AWS does not return it.
    pub revision_id: Option<String>,
    /// True if the creation or the last update failed. Then the settings here are not those that run.
    pub has_failed: bool,
}

impl LiveFunction {
    /// The live values to redact: those of environment variables and of tags.
    pub fn secrets(&self) -> Vec<Secret> {
        let variables = self.settings.iter().filter_map(|setting| match setting {
            Setting::Environment(variables) => Some(variables),
            _ => None,
        });
        variables.chain(&self.tags).flat_map(BTreeMap::values).cloned().collect()
    }
}

/// The container image of a live function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveImage {
    /// URI with which the image was deployed; it may contain a tag.
    pub uri: String,
    /// URI with the digest to which AWS resolved it.
    pub resolved: String,
}

/// A live function URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveUrl {
    /// The URL itself.
    pub url: String,
    /// Its settings, with all members.
    pub config: FunctionUrl,
}

/// Public access that the policy of a function or an alias permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAccess {
    /// Permissions that every caller has.
    pub granted: Vec<Permission>,
    /// Permissions for which the policy has a statement of this program.
    pub own: Vec<Permission>,
}

/// A permission for public access to a function URL. Since October 2025 AWS requires both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `lambda:InvokeFunctionUrl`, if the auth type is `NONE`.
    InvokeFunctionUrl,
    /// `lambda:InvokeFunction`, through the function URL only.
    InvokeFunction,
}

impl Permission {
    /// Both permissions.
    pub const ALL: [Permission; 2] = [Permission::InvokeFunctionUrl, Permission::InvokeFunction];

    /// The IAM action.
    pub fn action(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "lambda:InvokeFunctionUrl",
            Permission::InvokeFunction => "lambda:InvokeFunction",
        }
    }

    /// The ID of the policy statement with which this program grants the permission.
    pub fn statement_id(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "dpl-lambda-function-url",
            Permission::InvokeFunction => "dpl-lambda-function-url-invoke",
        }
    }
}

impl LiveFunction {
    /// The live runtime. `None`: the function runs a container image.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// True if the live environment variables could be read.
    pub fn knows_environment(&self) -> bool {
        self.setting(&Setting::Environment(BTreeMap::new())).is_some()
    }

    /// The live value of the setting that `like` is, whatever its value. `None`: it cannot be read.
    pub fn setting(&self, like: &Setting) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.is_kind_of(like))
    }
}

fn runtime(settings: &[Setting]) -> Option<&str> {
    settings.iter().find_map(|setting| match setting {
        Setting::Runtime(runtime) if !runtime.is_empty() => Some(runtime.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(runtime: &str, module: Option<&str>, name: &str, expected: &str) {
        let handler = Handler { module: module.map(str::to_owned), name: name.to_owned() };
        assert_eq!(handler.joined(runtime), expected, "{runtime} {module:?} {name}");
    }

    #[test]
    fn most_runtimes_join_module_and_handler_with_a_dot() {
        check("nodejs22.x", None, "handler", "index.handler");
        check("python3.13", Some("app"), "main", "app.main");
        check("ruby3.4", Some("src/app"), "run", "src/app.run");
        check("provided.al2023", None, "handler", "index.handler");
        check("", None, "handler", "index.handler");
    }

    #[test]
    fn java_and_dotnet_join_with_two_colons() {
        check("java8", Some("com.example.App"), "handle", "com.example.App::handle");
        check(
            "dotnetcore2.1",
            Some("QCVOC.Api::QCVOC.Api"),
            "LambdaEntryPoint::FunctionHandlerAsync",
            "QCVOC.Api::QCVOC.Api::LambdaEntryPoint::FunctionHandlerAsync",
        );
    }

    #[test]
    fn go_has_no_module() {
        check("go1.x", Some("ignored"), "main", "main");
        check("go1.x", None, "main", "main");
    }

    #[test]
    fn a_whole_handler_without_a_module_stays_as_it_is() {
        check("nodejs22.x", None, "index.handler", "index.handler");
        check("java21", None, "Pkg.Class::method", "Pkg.Class::method");
        check("provided.al2", None, "Pkg::method", "Pkg::method");
        check("provided.al2", Some("x"), "Pkg::method", "Pkg::method");
        check("nodejs22.x", Some("index"), "a.handler", "index.a.handler");
    }

    fn settings(stanza: Stanza) -> Vec<Setting> {
        let name = FunctionName::parse("f").expect("a name");
        DesiredFunction::of(&stanza, name, None).settings
    }

    #[test]
    fn an_empty_structure_resets_each_of_its_members() {
        let logging = |config| settings(Stanza { logging_config: Some(config), ..Stanza::default() });
        let (text, group) =
            (Setting::LogFormat("Text".to_owned()), Setting::LogGroup("/aws/lambda/f".to_owned()));
        assert_eq!(logging(LoggingConfig::default()), [text, group.clone()]);
        let group_only = LoggingConfig { log_group: Some(String::new()), ..LoggingConfig::default() };
        assert_eq!(logging(group_only), [group]);
        let image = |config| settings(Stanza { image_config: Some(config), ..Stanza::default() });
        assert_eq!(image(ImageConfig::default()).len(), 3);
        let command = ImageConfig { command: Some(vec!["app.run".to_owned()]), ..ImageConfig::default() };
        assert_eq!(image(command), [Setting::Command(vec!["app.run".to_owned()])]);
    }

    #[test]
    fn modes_that_cannot_be_empty_go_back_to_awss_defaults() {
        let empty = || Some(String::new());
        let settings = settings(Stanza { tracing_mode: empty(), snap_start: empty(), ..Stanza::default() });
        assert_eq!(
            settings,
            [Setting::TracingMode("PassThrough".to_owned()), Setting::SnapStart("None".to_owned())]
        );
    }
}
