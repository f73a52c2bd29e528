//! Defines the desired function that a stanza describes, and the live function in a form that can be compared
//! with it. Never calls AWS, and never decides what to do about a difference.

use std::collections::BTreeMap;

mod alias_history;
mod app_spec;
mod bypass;
mod guard;
mod handler_mistake;
mod last_release;
mod layer;
mod live;
pub(crate) mod option_reference;
mod release;
mod setting;
mod settings_table;
mod written_stanza;

pub(crate) use alias_history::{AliasHistory, ReleaseMark};
pub(crate) use app_spec::AppSpec;
pub(crate) use bypass::{EventSource, PolicyCaller, policy_callers, resource_name};
pub(crate) use guard::{
    CountedVersions, Counts, DesiredGuard, ErrorThreshold, GuardError, LiveAlarm, check_alarm_regions,
    fired_alarm, reported_alarms,
};
pub(crate) use handler_mistake::HandlerMistake;
pub(crate) use last_release::{LastRelease, ReleaseAlias};
pub(crate) use layer::{LayerVersion, new_version};
pub(crate) use live::{
    CodeAndSettings, LATEST_PUBLISHED, LiveAlias, LiveDeployment, LiveFunction, LiveImage, LiveUrl,
    LiveVersion, Permission, Provisioned, ProvisionedState, PublicAccess, VersionState, VersionUse,
};
pub(crate) use release::Release;
pub(crate) use setting::{ChangedBy, Setting};
pub(crate) use settings_table::settings_table;
#[cfg(test)]
pub(crate) use written_stanza::{JobVariable, WrittenKey};
pub(crate) use written_stanza::{StanzaContext, WrittenStanza};

use crate::protocol::layer::Layer;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::Secret;
use crate::protocol::stanza::{Options, Stanza, TagsMode};
use crate::protocol::structures::{
    EventInvokeConfig, FunctionUrl, ImageConfig, LoggingConfig, OrNone, TenancyConfig,
};
use live::runtime;

/// The function that a stanza describes.
#[derive(Clone, Debug)]
pub(crate) struct DesiredFunction {
    pub name: FunctionName,
    /// Every setting that the stanza names, except the handler, and except the layers until
    /// [`DesiredFunction::set_layers`] adds them.
    pub settings: Vec<Setting>,
    /// The layers as the stanza names them. `None`: it does not name any.
    pub layers: Option<Vec<Layer>>,
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
    /// The desired configuration of asynchronous invocations; one without members removes it. `None`: the
    /// stanza does not set it.
    pub event_invoke: Option<EventInvokeConfig>,
    /// The `RevisionId` that the live function must have. `None`: any.
    pub revision_id: Option<String>,
    /// The release that follows the update: version, verification, aliases.
    pub release: Release,
    /// Description for a new function, used if the stanza does not set one.
    pub default_description: Option<String>,
}

impl DesiredFunction {
    /// Reads the desired function called `name` from a stanza.
    pub(crate) fn of(stanza: &Stanza, name: FunctionName, default_description: Option<String>) -> Self {
        let release = Release::of(stanza);
        let s = spelled_out(Options::clone(stanza), &name);
        DesiredFunction {
            name,
            settings: Setting::desired(&s),
            layers: s.layers,
            handler: s.handler_name.map(|name| Handler { module: s.module_name, name }),
            tags: s.function_tags,
            replaces_tags: s.function_tags_mode == Some(TagsMode::Replace),
            merges_environment: s.merge_environment == Some(true),
            url: s.function_url,
            event_invoke: s.event_invoke_config,
            revision_id: s.revision_id,
            release,
            default_description,
        }
    }

    /// Adds the versions of the layers to the settings, at their place in the table of settings.
    pub(crate) fn set_layers(&mut self, versions: Vec<LayerVersion>) {
        let layers = Setting::Layers(versions);
        let place = |setting: &Setting| {
            Setting::FIELDS.iter().position(|field| field.option == setting.field()).unwrap_or_default()
        };
        self.settings.retain(|setting| !setting.is_kind_of(&layers));
        let at = self.settings.partition_point(|setting| place(setting) < place(&layers));
        self.settings.insert(at, layers);
    }

    /// The alias to which the function URL belongs: the first one. `None`: it belongs to the function itself
    /// and serves the code that was deployed last.
    pub(crate) fn url_alias(&self) -> Option<&str> {
        self.release.aliases.first().map(String::as_str)
    }

    /// The aliases on which the configuration of asynchronous invocations is set; `None` is the function
    /// itself. Empty: the stanza does not set it.
    pub(crate) fn event_invoke_targets(&self) -> Vec<Option<String>> {
        match (&self.event_invoke, self.release.aliases.as_slice()) {
            (None, _) => Vec::new(),
            (Some(_), []) => vec![None],
            (Some(_), aliases) => aliases.iter().cloned().map(Some).collect(),
        }
    }

    /// The runtime that the stanza names. `None`: it names none, or an empty one.
    pub(crate) fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// The runtime and handler that the function will have. `None`: they are not known, or layers may contain
    /// the handler.
    pub(crate) fn runtime_and_handler(&self, live: Option<&LiveFunction>) -> Option<(String, String)> {
        if self.layers.as_ref().is_some_and(|layers| !layers.is_empty()) {
            return None;
        }
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
    pub(crate) fn architecture<'a>(&'a self, live: Option<&'a LiveFunction>) -> &'a str {
        let live = live.map(|live| live.settings.as_slice()).unwrap_or_default();
        let architecture = |setting: &'a Setting| match setting {
            Setting::Architecture(name) => Some(name.as_str()),
            _ => None,
        };
        self.settings.iter().chain(live).find_map(architecture).unwrap_or("x86_64")
    }

    /// The desired settings with the handler. The stanza's runtime, else `live_runtime`, decides the
    /// handler's form.
    pub(crate) fn settings_for(&self, live_runtime: Option<&str>) -> Vec<Setting> {
        let runtime = self.runtime().or(live_runtime).unwrap_or_default();
        let handler = self.handler.as_ref().map(|handler| Setting::Handler(handler.joined(runtime)));
        self.settings.iter().cloned().chain(handler).collect()
    }
}

/// Replaces an empty `logging_config`, `image_config` or `tenancy_config` by one with empty members, and an
/// empty name of the log group by that of the default one.
fn spelled_out(mut stanza: Options, name: &FunctionName) -> Options {
    let empty = || Some(String::new());
    if let Some(logging) = &mut stanza.logging_config {
        if *logging == LoggingConfig::default() {
            // Not the log levels: AWS rejects them with the format `Text`, which is the default.
            (logging.log_format, logging.log_group) = (empty(), empty());
        }
        if logging.log_group == empty() {
            logging.log_group = Some(format!("/aws/lambda/{}", name.name()));
        }
    }
    if stanza.image_config == Some(ImageConfig::default()) {
        let (entry_point, command) = (Some(Vec::new()), Some(Vec::new()));
        stanza.image_config = Some(ImageConfig { entry_point, command, working_directory: empty() });
    }
    if stanza.tenancy_config == Some(TenancyConfig::default()) {
        stanza.tenancy_config = Some(TenancyConfig { tenant_isolation_mode: empty() });
    }
    stanza
}

/// The handler as a stanza names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
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
    pub(crate) fn joined(&self, runtime: &str) -> String {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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

    fn settings(stanza: Value) -> Vec<Setting> {
        let stanza = Stanza::of_json(stanza);
        DesiredFunction::of(&stanza, stanza.function_name.clone(), None).settings
    }

    #[test]
    fn an_empty_structure_resets_each_of_its_members() {
        let logging = |config: Value| settings(json!({"logging_config": config}));
        let (text, group) =
            (Setting::LogFormat("Text".to_owned()), Setting::LogGroup("/aws/lambda/f".to_owned()));
        assert_eq!(logging(json!({})), [text, group.clone()]);
        assert_eq!(logging(json!({"log_group": ""})), [group]);
        let tenancy = settings(json!({"tenancy_config": {}}));
        assert_eq!(tenancy, [Setting::TenantIsolationMode(String::new())]);
        let image = |config: Value| settings(json!({"image_uri": "i", "image_config": config}));
        assert_eq!(image(json!({})).len(), 3);
        assert_eq!(image(json!({"command": "app.run"})), [Setting::Command(vec!["app.run".to_owned()])]);
    }

    #[test]
    fn modes_that_cannot_be_empty_go_back_to_awss_defaults() {
        let settings = settings(json!({"tracing_mode": "", "snap_start": ""}));
        assert_eq!(
            settings,
            [Setting::TracingMode("PassThrough".to_owned()), Setting::SnapStart("None".to_owned())]
        );
    }
}
