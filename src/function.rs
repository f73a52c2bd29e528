//! A stanza in, the function that it wants out; and the shape in which the live function is compared with it.
//! Never asks AWS, and never decides what is to be done about a difference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::protocol::name::FunctionName;
use crate::protocol::secret::{MASK, Secret};
use crate::protocol::stanza::Stanza;

/// One setting of a function, with the value that it is to have or has. One variant for each field of AWS's function
/// configuration that a stanza can name; an empty value means that the function has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// `Role`: an ARN.
    Role(String),
    /// `Runtime`.
    Runtime(String),
    /// `Handler`, joined as the runtime wants it.
    Handler(String),
    /// `Description`.
    Description(String),
    /// `Timeout` in seconds.
    Timeout(i32),
    /// `MemorySize` in MB.
    MemorySize(i32),
    /// `VpcConfig.SubnetIds`; the order means nothing.
    SubnetIds(Vec<String>),
    /// `VpcConfig.SecurityGroupIds`; the order means nothing.
    SecurityGroupIds(Vec<String>),
    /// `Environment.Variables`.
    Environment(BTreeMap<String, Secret>),
    /// `DeadLetterConfig.TargetArn`.
    DeadLetterArn(String),
    /// `KMSKeyArn`.
    KmsKeyArn(String),
    /// `TracingConfig.Mode`.
    TracingMode(String),
    /// `Layers`: ARNs; the order means something.
    Layers(Vec<String>),
}

impl Setting {
    /// The stanza's name of it.
    pub fn field(&self) -> &'static str {
        match self {
            Setting::Role(_) => "role",
            Setting::Runtime(_) => "runtime",
            Setting::Handler(_) => "handler",
            Setting::Description(_) => "description",
            Setting::Timeout(_) => "timeout",
            Setting::MemorySize(_) => "memory_size",
            Setting::SubnetIds(_) => "subnet_ids",
            Setting::SecurityGroupIds(_) => "security_group_ids",
            Setting::Environment(_) => "environment",
            Setting::DeadLetterArn(_) => "dead_letter_arn",
            Setting::KmsKeyArn(_) => "kms_key_arn",
            Setting::TracingMode(_) => "tracing_mode",
            Setting::Layers(_) => "layers",
        }
    }

    /// True when the function has no such setting.
    pub fn is_empty(&self) -> bool {
        match self {
            Setting::Role(text)
            | Setting::Runtime(text)
            | Setting::Handler(text)
            | Setting::Description(text)
            | Setting::DeadLetterArn(text)
            | Setting::KmsKeyArn(text)
            | Setting::TracingMode(text) => text.is_empty(),
            Setting::Timeout(_) | Setting::MemorySize(_) => false,
            Setting::SubnetIds(items) | Setting::SecurityGroupIds(items) | Setting::Layers(items) => items.is_empty(),
            Setting::Environment(pairs) => pairs.is_empty(),
        }
    }

    /// The value for people, secrets masked; null when it is empty.
    pub fn shown(&self) -> Value {
        match self {
            empty if empty.is_empty() => Value::Null,
            Setting::Role(text)
            | Setting::Runtime(text)
            | Setting::Handler(text)
            | Setting::Description(text)
            | Setting::DeadLetterArn(text)
            | Setting::KmsKeyArn(text)
            | Setting::TracingMode(text) => json!(text),
            Setting::Timeout(number) | Setting::MemorySize(number) => json!(number),
            Setting::SubnetIds(items) | Setting::SecurityGroupIds(items) | Setting::Layers(items) => json!(items),
            Setting::Environment(pairs) => pairs.keys().map(|name| (name.clone(), json!(MASK))).collect(),
        }
    }

    /// True when AWS would hold the same for both.
    pub fn is_same_as(&self, other: &Setting) -> bool {
        match (self, other) {
            (Setting::SubnetIds(a), Setting::SubnetIds(b))
            | (Setting::SecurityGroupIds(a), Setting::SecurityGroupIds(b)) => as_set(a) == as_set(b),
            (a, b) => a == b,
        }
    }

    /// True for the same setting, whatever its value.
    pub fn is_kind_of(&self, other: &Setting) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn as_set(items: &[String]) -> std::collections::BTreeSet<&str> {
    items.iter().map(String::as_str).collect()
}

/// The function that a stanza wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: FunctionName,
    /// Every setting that the stanza names, but the handler.
    pub settings: Vec<Setting>,
    /// The handler, until the runtime that decides its form is known. `None`: the stanza is silent.
    pub handler: Option<Handler>,
    /// Tags that it is to have, besides those that it has. `None`: the stanza is silent.
    pub tags: Option<BTreeMap<String, Secret>>,
    /// Whether a version is published.
    pub publish: bool,
    /// The description of a function that is created while the stanza is silent about it.
    pub default_description: Option<String>,
}

impl Wanted {
    /// What the stanza wants of the function called `name`.
    pub fn of(stanza: &Stanza, name: FunctionName, default_description: Option<String>) -> Self {
        let s = stanza.clone();
        let settings = [
            s.role.map(Setting::Role),
            s.runtime.map(Setting::Runtime),
            s.description.map(Setting::Description),
            s.timeout.map(Setting::Timeout),
            s.memory_size.map(Setting::MemorySize),
            s.subnet_ids.map(Setting::SubnetIds),
            s.security_group_ids.map(Setting::SecurityGroupIds),
            s.environment.map(Setting::Environment),
            s.dead_letter_arn.map(Setting::DeadLetterArn),
            s.kms_key_arn.map(Setting::KmsKeyArn),
            // AWS has no empty mode: a function that is not traced passes on what it gets.
            s.tracing_mode
                .map(|mode| if mode.is_empty() { "PassThrough".to_owned() } else { mode })
                .map(Setting::TracingMode),
            s.layers.map(Setting::Layers),
        ];
        Wanted {
            name,
            settings: settings.into_iter().flatten().collect(),
            handler: s.handler_name.map(|name| Handler { module: s.module_name, name }),
            tags: s.function_tags,
            publish: s.publish.unwrap_or(false),
            default_description,
        }
    }

    /// The runtime that the stanza names.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
    }

    /// The runtime and handler that the function will have. `None` where layers may hold the handler, or nobody knows.
    pub fn entry_point(&self, live: Option<&Live>) -> Option<(String, String)> {
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
}

impl Live {
    /// Its runtime. `None` for an image.
    pub fn runtime(&self) -> Option<&str> {
        runtime(&self.settings)
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

    #[test]
    fn the_order_of_subnets_means_nothing_and_that_of_layers_does() {
        let list = |items: [&str; 2]| items.map(str::to_owned).to_vec();
        assert!(Setting::SubnetIds(list(["a", "b"])).is_same_as(&Setting::SubnetIds(list(["b", "a"]))));
        assert!(!Setting::Layers(list(["a", "b"])).is_same_as(&Setting::Layers(list(["b", "a"]))));
    }

    #[test]
    fn an_environment_is_shown_without_its_values() {
        let pairs = BTreeMap::from([("TOKEN".to_owned(), Secret::new("hunter2"))]);
        assert_eq!(Setting::Environment(pairs).shown(), json!({"TOKEN": "[secure]"}));
    }
}
