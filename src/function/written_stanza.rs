//! Writes the stanza of a live function: its settings that differ from AWS's defaults, with variables of the
//! job in place of its secrets. Never puts a secret into a value of the stanza, a comment or a note.
//!
//! The settings come from the table of settings, so that one that is added there is written, too. A test
//! fails for any other option that is neither written here nor listed as left out.

use serde_json::{Map, Value, json};

use super::setting::SettingField;
use super::{ChangedBy, LiveAlias, LiveFunction, Permission, Setting};
use crate::protocol::name::FunctionName;
use crate::protocol::secret::{Redactor, Secret};
use crate::protocol::secret_names::names_a_secret;
use crate::protocol::structures::FunctionUrl;

/// The stanza of a live function, with comments.
#[derive(Debug, Default)]
pub(crate) struct WrittenStanza {
    /// The keys in their order.
    pub keys: Vec<WrittenKey>,
    /// The variables that the job must set.
    pub variables: Vec<JobVariable>,
    /// What the stanza leaves out, and what its author can add.
    pub notes: Vec<String>,
}

/// A key of a written stanza.
#[derive(Debug, PartialEq)]
pub(crate) struct WrittenKey {
    /// The option.
    pub name: &'static str,
    /// Its value, with `$NAME` for each variable.
    pub value: Value,
    /// One line about the value.
    pub comment: Option<String>,
}

/// A variable that a written stanza names.
#[derive(Debug, PartialEq)]
pub(crate) struct JobVariable {
    /// Name of the variable, without `$`.
    pub name: String,
    /// Its value in the live function.
    pub value: Secret,
    /// The key of the stanza that contains it.
    pub key: &'static str,
    /// What it sets, such as "`TOKEN` of `environment`".
    pub purpose: String,
}

/// What a written stanza depends on besides the live function.
pub(crate) struct StanzaContext<'a> {
    /// Name or ARN of the function.
    pub function_name: &'a FunctionName,
    /// The region of the function.
    pub region: &'a str,
    /// The alias to which the stanza deploys. `None`: it has no alias.
    pub alias: Option<&'a str>,
    /// What the stanza packages.
    pub zip: &'a str,
    /// The branch that is deployed.
    pub branch: &'a str,
    /// AWS's default settings. A setting that is not among them is empty by default.
    pub defaults: &'a [Setting],
    /// Operations that AWS denied, so that what they return is not known.
    pub denied: &'a [&'static str],
    /// Masks the secrets of the live function and of the job.
    pub redactor: &'a Redactor,
}

impl WrittenStanza {
    /// Writes the stanza of `live`.
    pub(crate) fn of(live: &LiveFunction, context: &StanzaContext<'_>) -> Self {
        let mut writer = Writer { context, stanza: WrittenStanza::default() };
        writer.function(live);
        writer.settings(live);
        writer.tags(live);
        writer.url(live);
        writer.release(live);
        writer.conditions();
        writer.notes(live);
        writer.stanza
    }

    /// Removes a key, because no stanza has its live value.
    pub(crate) fn leave_out(&mut self, name: &str) {
        self.keys.retain(|key| key.name != name);
        self.variables.retain(|variable| variable.key != name);
        self.notes.push(format!("`{name}` is left out, because a stanza cannot contain its live value"));
    }
}

/// Writes the keys of a stanza.
struct Writer<'a> {
    context: &'a StanzaContext<'a>,
    stanza: WrittenStanza,
}

impl Writer<'_> {
    /// Writes which function it is, and its code.
    fn function(&mut self, live: &LiveFunction) {
        let context = self.context;
        self.put("provider", json!("lambda"), None);
        self.put("function_name", json!(context.function_name.as_str()), None);
        self.put("region", json!(context.region), None);
        let Some(image) = &live.image else {
            let comment = "replace: the code, as a directory, a file or a finished archive";
            return self.put("zip", json!(context.zip), Some(comment.to_owned()));
        };
        // An image with a tag differs in each plan, because the tag can point to another image.
        let has_digest = image.resolved.contains("@sha256:");
        let uri = if has_digest { &image.resolved } else { &image.uri };
        let comment = (*uri != image.uri)
            .then(|| format!("the image that was deployed as {}", context.redactor.redact(&image.uri)));
        let value = self.open("image_uri", json!(uri));
        self.put("image_uri", value, comment);
    }

    /// Writes the settings that differ from AWS's defaults.
    fn settings(&mut self, live: &LiveFunction) {
        let defaults = self.context.defaults;
        for setting in live.settings.iter().filter(|setting| !is_default(setting, defaults)) {
            let is_handler = matches!(setting, Setting::Handler(_));
            let option = if is_handler { "handler_name" } else { setting.field() };
            let key = first_part(option);
            let with_variables =
                setting.replacing_secrets(&mut |name, secret| self.secret(key, name, secret));
            let value = match with_variables {
                Some(value) => value,
                None if setting.is_empty() => json!(""),
                None => self.open(key, setting.shown()),
            };
            let is_empty_description = matches!(setting, Setting::Description(_)) && setting.is_empty();
            let comment = is_empty_description
                .then(|| "without this, a new function gets a description that names the build".to_owned());
            self.put(option, value, comment);
        }
    }

    /// Writes the tags, except those that belong to AWS.
    fn tags(&mut self, live: &LiveFunction) {
        let mut tags = Map::new();
        for (name, value) in live.tags.iter().flatten().filter(|(name, _)| !name.starts_with("aws:")) {
            let value = self.secret("function_tags", name, value);
            tags.insert(name.clone(), value);
        }
        if !tags.is_empty() {
            self.put("function_tags", Value::Object(tags), None);
        }
    }

    /// Writes the function URL of the alias, or of the function itself.
    fn url(&mut self, live: &LiveFunction) {
        let Some(url) = &live.url else { return };
        let invoke_mode = url.config.invoke_mode.clone().filter(|mode| mode != "BUFFERED");
        let config = FunctionUrl { invoke_mode, ..url.config.clone() };
        let is_public = config.auth_type.as_deref() == Some("NONE");
        let missing = Permission::ALL.into_iter().filter(|it| is_public && !live.public.granted.contains(it));
        let missing: Vec<&str> = missing.map(Permission::action).collect();
        let is_known = !self.context.denied.contains(&"GetPolicy");
        let comment = (is_known && !missing.is_empty()).then(|| {
            format!("AWS requires a permission that is missing; a deployment adds {}", missing.join(" and "))
        });
        let value = self.open("function_url", without_null(json!(config)));
        self.put("function_url", value, comment);
    }

    /// Writes the alias and its provisioned concurrency.
    fn release(&mut self, live: &LiveFunction) {
        let Some(name) = self.context.alias else { return };
        let alias = live.aliases.iter().find(|alias| alias.name == name);
        let comment = match alias {
            _ if self.context.denied.contains(&"ListAliases") => None,
            None => Some("it does not exist; a deployment creates it".to_owned()),
            Some(alias) => {
                let version = live.versions.iter().find(|version| version.number == alias.version);
                let is_copy = version.is_some_and(|version| version.is_copy_of(live));
                (!is_copy).then(|| {
                    let version = &alias.version;
                    format!(
                        "it points at version {version}, which has other settings or code than the \
                         function itself ($LATEST), which this stanza describes; a deployment moves it"
                    )
                })
            }
        };
        self.put("alias", json!(name), comment);
        if let Some(provisioned) = live.provisioned.get(name) {
            self.put("provisioned_concurrency", json!(provisioned.executions), None);
        }
    }

    fn conditions(&mut self) {
        let comment = "the branch that is deployed; without this, only `master` is".to_owned();
        self.put("on", json!({"branch": self.context.branch}), Some(comment));
    }

    /// Adds what could not be read, and which aliases the stanza does not move.
    fn notes(&mut self, live: &LiveFunction) {
        let denied = self.context.denied.iter();
        self.stanza
            .notes
            .extend(denied.map(|operation| format!("AWS denied {operation}; what it returns is left out")));
        let is_read = |option: &str| live.settings.iter().any(|setting| setting.field() == option);
        // AWS returns these separately; whether it denied them is known already.
        let by_get_function = |field: &&SettingField| field.changed_by == ChangedBy::Configuration;
        let unread = Setting::FIELDS.iter().filter(by_get_function).map(|field| field.option);
        let unread = unread.filter(|option| !is_read(option));
        let unread = unread.chain(live.tags.is_none().then_some("function_tags"));
        self.stanza
            .notes
            .extend(unread.map(|option| format!("`{option}` is left out, because AWS does not return it")));
        if self.context.alias.is_none() && !live.aliases.is_empty() {
            let shown = |alias: &LiveAlias| format!("`{}`", self.context.redactor.redact(&alias.name));
            let names: Vec<String> = live.aliases.iter().map(shown).collect();
            self.stanza.notes.push(format!(
                "the function has the alias {}, which this stanza does not move; \
                 `dpl-lambda init --alias NAME` writes one that does",
                names.join(", ")
            ));
        }
    }

    /// Adds a value. A dot in `option` separates a structure from its member.
    fn put(&mut self, option: &'static str, value: Value, comment: Option<String>) {
        let name = first_part(option);
        let Some((_, member)) = option.split_once('.') else {
            return self.stanza.keys.push(WrittenKey { name, value, comment });
        };
        match self.stanza.keys.iter_mut().find(|key| key.name == name) {
            Some(key) => key.value[member] = value,
            None => self.stanza.keys.push(WrittenKey { name, value: json!({ member: value }), comment }),
        }
    }

    /// A value without secrets. If a text in it contains one all the same, as a description can, the text
    /// becomes a variable.
    fn open(&mut self, key: &'static str, value: Value) -> Value {
        match value {
            Value::String(text) if self.context.redactor.redact(&text) == text => json!(escaped(&text)),
            Value::String(text) => self.variable(key, "", format!("`{key}`"), &text),
            Value::Array(items) => items.into_iter().map(|item| self.open(key, item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, member)| (name, self.open(key, member))).collect()
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }

    /// A variable in place of the secret `name` of an option. A value that is never masked, such as
    /// `production`, stays, unless its name says that it is secret.
    fn secret(&mut self, key: &'static str, name: &str, secret: &Secret) -> Value {
        let text = secret.expose();
        let is_open = !names_a_secret(name) && self.context.redactor.redact(text) == text;
        if text.is_empty() || is_open {
            return json!(escaped(text));
        }
        let part = if key == "environment" { name.to_owned() } else { format!("{key}_{name}") };
        self.variable(key, &part, format!("`{name}` of `{key}`"), text)
    }

    /// A new variable with this value. The prefix keeps it apart from variables that programs of the job
    /// read, and from those of other functions.
    fn variable(&mut self, key: &'static str, part: &str, purpose: String, value: &str) -> Value {
        let part = if part.is_empty() { key } else { part };
        let plain = format!("FN_{}_{}", in_capitals(self.context.function_name.name()), in_capitals(part));
        let mut name = plain.clone();
        let mut number = 1;
        while self.stanza.variables.iter().any(|variable| variable.name == name) {
            number += 1;
            name = format!("{plain}_{number}");
        }
        let shown = json!(format!("${name}"));
        self.stanza.variables.push(JobVariable { name, value: Secret::new(value), key, purpose });
        shown
    }
}

/// True if the stanza need not name the setting. Without a description, a new function gets one of this
/// program and not AWS's default, which is none.
fn is_default(setting: &Setting, defaults: &[Setting]) -> bool {
    let default = defaults.iter().find(|default| default.is_kind_of(setting));
    !matches!(setting, Setting::Description(_))
        && default.map_or_else(|| setting.is_empty(), |default| default == setting)
}

/// The option without its member: `logging_config` of `logging_config.log_group`.
fn first_part(option: &'static str) -> &'static str {
    option.split('.').next().unwrap_or(option)
}

/// The value without members that are null, and without maps that are empty then.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, member)| (name, without_null(member)));
            members.filter(|(_, member)| !member.is_null() && *member != json!({})).collect()
        }
        other => other,
    }
}

/// The text as a value of a stanza: a backslash keeps a `$` or a backtick from being read as a variable or a
/// command.
fn escaped(text: &str) -> String {
    text.replace('$', "\\$").replace('`', "\\`")
}

/// The text as a part of the name of a variable.
fn in_capitals(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::{LiveImage, LiveUrl, LiveVersion, Provisioned, ProvisionedState, VersionState};
    use super::*;
    use crate::protocol::stanza::{Group, in_group};
    use crate::protocol::structures::Cors;

    /// The keys of the stanza of `live`, with its notes.
    fn written(live: &LiveFunction, alias: Option<&str>, denied: &[&'static str]) -> WrittenStanza {
        let name = FunctionName::parse("orders").expect("a name");
        let secrets = live.secrets();
        let redactor = Redactor::new(secrets.iter().map(Secret::expose), &[]);
        let defaults = [
            Setting::Timeout(3),
            Setting::LogFormat("Text".to_owned()),
            Setting::TracingMode("x".to_owned()),
        ];
        WrittenStanza::of(
            live,
            &StanzaContext {
                function_name: &name,
                region: "eu-west-1",
                alias,
                zip: ".",
                branch: "main",
                defaults: &defaults,
                denied,
                redactor: &redactor,
            },
        )
    }

    fn with(settings: Vec<Setting>) -> LiveFunction {
        LiveFunction { settings, tags: Some(BTreeMap::new()), ..LiveFunction::default() }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect()
    }

    fn value(stanza: &WrittenStanza, name: &str) -> Value {
        stanza.keys.iter().find(|key| key.name == name).map_or(Value::Null, |key| key.value.clone())
    }

    fn variables(stanza: &WrittenStanza) -> Vec<(&str, &str, &str)> {
        let all = stanza.variables.iter();
        all.map(|it| (it.name.as_str(), it.value.expose(), it.purpose.as_str())).collect()
    }

    #[test]
    fn only_what_differs_from_the_defaults_is_written() {
        let stanza = written(
            &with(vec![
                Setting::Role("arn:aws:iam::123456789012:role/run".to_owned()),
                Setting::Handler("index.handler".to_owned()),
                Setting::Timeout(3),
                Setting::MemorySize(512),
                Setting::KmsKeyArn(String::new()),
                Setting::LogFormat("JSON".to_owned()),
                Setting::LogGroup("/orders".to_owned()),
                Setting::ReservedConcurrency(Some(0)),
                Setting::ReservedConcurrency(None),
            ]),
            None,
            &[],
        );
        let keys: Vec<_> = stanza.keys.iter().map(|key| (key.name, key.value.clone())).collect();
        let expected = [
            ("provider", json!("lambda")),
            ("function_name", json!("orders")),
            ("region", json!("eu-west-1")),
            ("zip", json!(".")),
            ("role", json!("arn:aws:iam::123456789012:role/run")),
            ("handler_name", json!("index.handler")),
            ("memory_size", json!(512)),
            ("logging_config", json!({"log_format": "JSON", "log_group": "/orders"})),
            ("reserved_concurrency", json!(0)),
            ("on", json!({"branch": "main"})),
        ];
        assert_eq!(keys, expected);
        assert!(variables(&stanza).is_empty());
    }

    #[test]
    fn a_secret_is_a_variable_and_its_value_is_nowhere() {
        let environment = Setting::Environment(pairs(&[
            ("DEBUG", "true"),
            ("EMPTY_TOKEN", ""),
            ("SIZE", "$5"),
            ("URL", "s3cr3t-$URL"),
            ("api_token", "on"),
            ("url", "another one"),
        ]));
        let description = Setting::Description("as in s3cr3t-$URL".to_owned());
        let live = LiveFunction {
            tags: Some(pairs(&[("aws:cloudformation:stack-id", "x"), ("team a", "payments-7"), ("u", "no")])),
            ..with(vec![environment, description, Setting::SnapStart("costs `$5`".to_owned())])
        };
        let stanza = written(&live, None, &[]);
        assert_eq!(
            value(&stanza, "environment"),
            json!({
                "DEBUG": "true",
                "EMPTY_TOKEN": "",
                "SIZE": "\\$5",
                "URL": "$FN_ORDERS_URL",
                "api_token": "$FN_ORDERS_API_TOKEN",
                "url": "$FN_ORDERS_URL_2",
            })
        );
        assert_eq!(value(&stanza, "description"), json!("$FN_ORDERS_DESCRIPTION"));
        assert_eq!(value(&stanza, "snap_start"), json!("costs \\`\\$5\\`"));
        let tags = json!({"team a": "$FN_ORDERS_FUNCTION_TAGS_TEAM_A", "u": "no"});
        assert_eq!(value(&stanza, "function_tags"), tags);
        assert_eq!(
            variables(&stanza),
            [
                ("FN_ORDERS_URL", "s3cr3t-$URL", "`URL` of `environment`"),
                ("FN_ORDERS_API_TOKEN", "on", "`api_token` of `environment`"),
                ("FN_ORDERS_URL_2", "another one", "`url` of `environment`"),
                ("FN_ORDERS_DESCRIPTION", "as in s3cr3t-$URL", "`description`"),
                ("FN_ORDERS_FUNCTION_TAGS_TEAM_A", "payments-7", "`team a` of `function_tags`"),
            ]
        );
        let shown = format!("{stanza:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("payments-7"), "{shown}");
    }

    #[test]
    fn what_is_left_out_is_noted() {
        let live = with(vec![Setting::Description(String::new())]);
        let mut stanza = written(&LiveFunction { tags: None, ..live.clone() }, None, &["GetPolicy"]);
        let notes = stanza.notes.join("\n");
        for part in ["AWS denied GetPolicy", "`environment` is left out", "`function_tags` is left out"] {
            assert!(notes.contains(part), "{notes}");
        }
        assert!(!notes.contains("code_signing_config_arn"), "{notes}");
        let description = stanza.keys.iter().find(|key| key.name == "description").expect("it is written");
        assert!(description.value == json!("") && description.comment.is_some());
        stanza.leave_out("description");
        assert_eq!(value(&stanza, "description"), Value::Null);
        assert!(stanza.notes.iter().any(|note| note.starts_with("`description` is left out")));
    }

    fn alias(version: &str) -> LiveAlias {
        LiveAlias { name: "live".to_owned(), version: version.to_owned(), ..LiveAlias::default() }
    }

    #[test]
    fn an_alias_that_would_move_has_a_comment() {
        let environment = Setting::Environment(BTreeMap::new());
        let version = LiveVersion {
            number: "7".to_owned(),
            code_sha256: String::new(),
            settings: vec![environment.clone()],
            state: VersionState::Ready,
        };
        let provisioned = Provisioned { executions: 5, state: ProvisionedState::Ready };
        let live = |at: &str| LiveFunction {
            aliases: vec![alias(at)],
            versions: vec![version.clone()],
            provisioned: [("live".to_owned(), provisioned)].into(),
            ..with(vec![environment.clone()])
        };
        let comment = |live: &LiveFunction, denied: &[&'static str]| {
            let stanza = written(live, Some("live"), denied);
            let key = stanza.keys.into_iter().find(|key| key.name == "alias").expect("it is written");
            key.comment.unwrap_or_default()
        };
        assert_eq!(comment(&live("7"), &[]), "");
        assert!(comment(&live("6"), &[]).starts_with("it points at version 6"));
        assert!(comment(&live("$LATEST"), &[]).starts_with("it points at version $LATEST"));
        assert!(comment(&with(Vec::new()), &[]).starts_with("it does not exist"));
        assert_eq!(comment(&with(Vec::new()), &["ListAliases"]), "");
        let stanza = written(&live("7"), Some("live"), &[]);
        assert_eq!(value(&stanza, "provisioned_concurrency"), json!(5));
        let stanza = written(&live("7"), None, &[]);
        assert_eq!(value(&stanza, "alias"), Value::Null);
        let is_named = |note: &String| note.contains("the alias `live`");
        assert!(stanza.notes.iter().any(is_named), "{:?}", stanza.notes);
    }

    fn public_url() -> LiveUrl {
        let cors = Cors { allow_origins: Some(vec!["https://a.example".to_owned()]), ..Cors::default() };
        let config = FunctionUrl {
            auth_type: Some("NONE".to_owned()),
            invoke_mode: Some("BUFFERED".to_owned()),
            cors: Some(cors),
        };
        LiveUrl { url: "https://x".to_owned(), config }
    }

    #[test]
    fn a_public_url_without_a_permission_has_a_comment() {
        let live = LiveFunction { url: Some(public_url()), ..with(Vec::new()) };
        let stanza = written(&live, None, &[]);
        let url = stanza.keys.iter().find(|key| key.name == "function_url").expect("it is written");
        let cors = json!({"allow_origins": ["https://a.example"]});
        assert_eq!(url.value, json!({"auth_type": "NONE", "cors": cors}));
        assert!(url.comment.as_deref().is_some_and(|comment| comment.ends_with("lambda:InvokeFunction")));
    }

    #[test]
    fn an_image_is_written_by_its_digest() {
        let image = |uri: &str, resolved: &str| {
            let image = LiveImage { uri: uri.to_owned(), resolved: resolved.to_owned() };
            let stanza = written(&LiveFunction { image: Some(image), ..with(Vec::new()) }, None, &[]);
            assert_eq!(value(&stanza, "zip"), Value::Null);
            value(&stanza, "image_uri")
        };
        assert_eq!(image("r/app:7", "r/app@sha256:aa"), json!("r/app@sha256:aa"));
        assert_eq!(image("r/app:7", ""), json!("r/app:7"));
    }

    /// Options that AWS cannot return: they say how to package, how to release, and how to read the stanza.
    /// Those about credentials and about the run as a whole are in other groups.
    const LEFT_OUT: [&str; 23] = [
        "clear_weights",
        "codedeploy",
        "dot_match",
        "exclude",
        "follow_alias",
        "function_tags_mode",
        "guard",
        "include",
        "keep_versions",
        "merge_environment",
        // The whole handler is in `handler_name`.
        "module_name",
        // `image_uri` implies it.
        "package_type",
        "publish",
        // It changes with each deployment.
        "revision_id",
        "s3_bucket",
        "s3_key",
        "s3_object_version",
        "s3_prefix",
        "symlinks",
        "traffic",
        "traffic_interval",
        "verify",
        "version",
    ];

    #[test]
    fn each_option_is_written_or_cannot_be_read_from_aws() {
        let live = LiveFunction {
            url: Some(public_url()),
            aliases: vec![alias("1")],
            provisioned: [("live".to_owned(), Provisioned { executions: 1, state: ProvisionedState::Ready })]
                .into(),
            tags: Some(pairs(&[("a", "b")])),
            ..with(Vec::new())
        };
        let image = LiveFunction { image: Some(LiveImage::default()), ..with(Vec::new()) };
        let names = |live: &LiveFunction| {
            let keys = written(live, Some("live"), &[]).keys.into_iter();
            keys.map(|key| key.name).collect::<Vec<_>>()
        };
        // A setting of the table is written without further code.
        let settings = Setting::FIELDS.iter().map(|field| match field.option {
            "handler" => "handler_name",
            option => first_part(option),
        });
        let all: BTreeSet<&str> = settings.chain(names(&live)).chain(names(&image)).collect();
        let groups = [Group::Function, Group::Package, Group::Settings, Group::Versions, Group::Conditions];
        for option in groups.into_iter().flat_map(in_group) {
            assert_ne!(all.contains(option), LEFT_OUT.contains(&option), "{option}");
        }
    }
}
