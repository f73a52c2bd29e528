//! A stanza in, the function that it wants out; and the shape in which the live function is compared with it.
//! Never asks AWS, and never decides what is to be done about a difference.

use std::collections::BTreeMap;

pub mod option_reference;
mod release;
mod setting;
mod trail;

pub use release::{
    Held, LATEST_PUBLISHED, LiveAlias, LiveVersion, Provisioned, ProvisionedState, Release, VersionState,
};
pub use setting::{ChangedBy, Setting};
pub use trail::Trail;

use crate::protocol::name::FunctionName;
use crate::protocol::secret::Secret;
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::{FunctionUrl, ImageConfig, LoggingConfig, OrNone};

/// The function that a stanza wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: FunctionName,
    /// Every setting that the stanza names, but the handler.
    pub settings: Vec<Setting>,
    /// The handler, until the runtime that decides its form is known. `None`: the stanza is silent.
    pub handler: Option<Handler>,
    /// Tags that it is to have. `None`: the stanza is silent.
    pub tags: Option<BTreeMap<String, Secret>>,
    /// Whether it is to have no other tags.
    pub replaces_tags: bool,
    /// Whether its live variables stay, where the stanza does not name them.
    pub merges_environment: bool,
    /// Its own address. `None`: the stanza is silent.
    pub url: Option<OrNone<FunctionUrl>>,
    /// The `RevisionId` that the live function must have. `None`: any.
    pub revision_id: Option<String>,
    /// What becomes of it once it is updated.
    pub release: Release,
    /// The description of a function that is created while the stanza is silent about it.
    pub default_description: Option<String>,
}

impl Wanted {
    /// What the stanza wants of the function called `name`.
    pub fn of(stanza: &Stanza, name: FunctionName, default_description: Option<String>) -> Self {
        let release = Release::of(stanza);
        let s = stanza.clone();
        // AWS has no empty mode of these; what they mean by it stands here.
        let or = |default: &'static str| move |word: String| if word.is_empty() { default.to_owned() } else { word };
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
        Wanted {
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

    /// The alias to which its own address belongs: the first one. `None`: it belongs to the function, which is what was deployed
    /// last.
    pub fn url_alias(&self) -> Option<&str> {
        self.release.aliases.first().map(String::as_str)
    }

    /// The runtime that the stanza names.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// The runtime and handler that the function will have. `None` where layers may hold the handler, or nobody knows.
    pub fn runtime_and_handler(&self, live: Option<&Live>) -> Option<(String, String)> {
        let wanted = self.settings_for(live.and_then(Live::runtime));
        let live = live.map(|live| live.settings.as_slice()).unwrap_or_default();
        let kept = live.iter().filter(|live| !wanted.iter().any(|wanted| wanted.is_kind_of(live)));
        let (mut runtime, mut handler) = (None, None);
        for setting in wanted.iter().chain(kept) {
            match setting {
                Setting::Runtime(name) => runtime = Some(name.clone()),
                Setting::Handler(name) => handler = Some(name.clone()),
                Setting::Layers(layers) if !layers.is_empty() => return None,
                _ => {}
            }
        }
        Some((runtime?, handler?))
    }

    /// The settings that a function with `live_runtime` is to have; the stanza's own runtime goes before it.
    pub fn settings_for(&self, live_runtime: Option<&str>) -> Vec<Setting> {
        let runtime = self.runtime().or(live_runtime).unwrap_or_default();
        let handler = self.handler.as_ref().map(|handler| Setting::Handler(handler.joined(runtime)));
        self.settings.iter().cloned().chain(handler).collect()
    }
}

/// The members that a stanza names; a structure without any is reset to AWS's defaults.
fn logging(config: LoggingConfig, name: &FunctionName) -> Vec<Setting> {
    let default_group = || format!("/aws/lambda/{}", name.name());
    if config == LoggingConfig::default() {
        return vec![Setting::LogFormat("Text".to_owned()), Setting::LogGroup(default_group())];
    }
    let or = |default: &'static str| move |word: String| if word.is_empty() { default.to_owned() } else { word };
    let members = [
        config.log_format.map(or("Text")).map(Setting::LogFormat),
        config.log_group.map(|group| Setting::LogGroup(if group.is_empty() { default_group() } else { group })),
        config.application_log_level.map(or("INFO")).map(Setting::ApplicationLogLevel),
        config.system_log_level.map(or("INFO")).map(Setting::SystemLogLevel),
    ];
    members.into_iter().flatten().collect()
}

/// The members that a stanza names; a structure without any clears all of them.
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
    /// `module_name`. `None`: the stanza is silent, which means `index` unless `name` is a whole handler.
    pub module: Option<String>,
    /// `handler_name`.
    pub name: String,
}

impl Handler {
    /// AWS's `Handler` for a runtime: `index.handler`, `Pkg.Class::method`, or for Go the name alone.
    ///
    /// Of real stanzas one in ten gives a whole handler and no module; dpl makes `index.index.handler` of that, which
    /// cannot run, so a name that holds a separator and has no module is left as it is.
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

/// The function as it is live.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its ARN, without a version.
    pub arn: String,
    /// Its settings, empty ones included. One that cannot be read is not in here.
    pub settings: Vec<Setting>,
    /// Its tags. `None`: they cannot be read.
    pub tags: Option<BTreeMap<String, Secret>>,
    /// Base64 of the SHA-256 of its code.
    pub code_sha256: String,
    /// The image that it runs. `None`: it runs files.
    pub image: Option<LiveImage>,
    /// Its own address, or that of the alias to which it is to belong. `None`: there is none, or nobody has asked.
    pub url: Option<LiveUrl>,
    /// What the policy beside that permits everybody, so far as somebody has asked.
    pub public: PublicAccess,
    /// An address of the function itself beside one of an alias: it serves what was deployed last, whatever passed. `None`:
    /// there is none, or nobody has asked.
    pub latest_url: Option<LiveUrl>,
    /// What the policy beside that permits everybody, so far as somebody has asked.
    pub latest_public: PublicAccess,
    /// Its aliases, so far as somebody has asked.
    pub aliases: Vec<LiveAlias>,
    /// Its published versions, oldest first, so far as somebody has asked.
    pub versions: Vec<LiveVersion>,
    /// Whether it runs on Lambda Managed Instances: callers without a qualifier get `$LATEST.PUBLISHED` there.
    pub is_managed: bool,
    /// That version. `None`: there is none, or nobody has asked.
    pub latest_published: Option<LiveVersion>,
    /// Provisioned concurrency by alias, so far as somebody has asked.
    pub provisioned: BTreeMap<String, Provisioned>,
    /// What changes whenever the function does.
    pub revision_id: Option<String>,
    /// True when it could not be created, or its last update could not be carried out: what it tells is not what runs.
    pub has_failed: bool,
}

impl Live {
    /// Its values that must not be shown: those of its variables and of its tags.
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
    /// As it was named.
    pub uri: String,
    /// By its digest.
    pub resolved: String,
}

/// The own address of a live function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveUrl {
    /// The address.
    pub url: String,
    /// Its settings, each of them.
    pub config: FunctionUrl,
}

/// What a function's policy permits everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAccess {
    /// Permissions that everybody has.
    pub granted: Vec<Permission>,
    /// Statements of it that this program has made.
    pub own: Vec<Permission>,
}

/// What everybody needs to call a function through its address; both, since October 2025.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `lambda:InvokeFunctionUrl`, where the address asks nobody who they are.
    InvokeFunctionUrl,
    /// `lambda:InvokeFunction`, through the address only.
    InvokeFunction,
}

impl Permission {
    /// Both.
    pub const ALL: [Permission; 2] = [Permission::InvokeFunctionUrl, Permission::InvokeFunction];

    /// The action, as AWS names it.
    pub fn action(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "lambda:InvokeFunctionUrl",
            Permission::InvokeFunction => "lambda:InvokeFunction",
        }
    }

    /// The name of the statement by which this program grants it.
    pub fn statement_id(self) -> &'static str {
        match self {
            Permission::InvokeFunctionUrl => "dpl-lambda-function-url",
            Permission::InvokeFunction => "dpl-lambda-function-url-invoke",
        }
    }
}

impl Live {
    /// Its runtime. `None` for an image.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// Whether its variables can be read.
    pub fn knows_environment(&self) -> bool {
        self.setting(&Setting::Environment(BTreeMap::new())).is_some()
    }

    /// The live value of the same setting. `None`: it cannot be read.
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
        Wanted::of(&stanza, name, None).settings
    }

    #[test]
    fn an_empty_structure_resets_each_of_its_members() {
        let logging = |config| settings(Stanza { logging_config: Some(config), ..Stanza::default() });
        let (text, group) = (Setting::LogFormat("Text".to_owned()), Setting::LogGroup("/aws/lambda/f".to_owned()));
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
        assert_eq!(settings, [Setting::TracingMode("PassThrough".to_owned()), Setting::SnapStart("None".to_owned())]);
    }
}
