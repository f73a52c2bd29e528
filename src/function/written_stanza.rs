//! Writes the stanza of a live function: its settings that differ from AWS's defaults, with variables of the
//! job in place of its secrets. Never puts a secret into a value of the stanza, a comment or a note.
//!
//! The settings come from the table of settings, so that one that is added there is written, too. A test
//! fails for any other option that is neither written here nor listed as left out.

use serde_json::{Map, Value, json};

use super::setting::SettingField;
use super::{ChangedBy, LiveAlias, LiveFunction, Permission, Setting, VersionState};
use crate::protocol::name::FunctionName;
use crate::protocol::secret::{Redactor, Secret};
use crate::protocol::secret_names::names_a_secret;
use crate::protocol::stanza::ALIAS_DESCRIPTION_CHARS;
use crate::protocol::structures::{FunctionUrl, Scaling};

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
    pub function_name: &'a FunctionName,
    pub region: &'a str,
    /// The alias to which the stanza deploys. `None`: it has no alias.
    pub alias: Option<&'a str>,
    /// What the stanza packages.
    pub zip: &'a str,
    pub branch: &'a str,
    /// AWS's default settings. A setting that is not among them is empty by default.
    pub defaults: &'a [Setting],
    /// Operations that AWS denied, so that what they return is not known.
    pub denied: &'a [&'static str],
    /// Masks the secrets of the live function and of the job.
    pub redactor: &'a Redactor,
}

impl WrittenStanza {
    pub(crate) fn of(live: &LiveFunction, context: &StanzaContext<'_>) -> Self {
        let mut writer = Writer { context, stanza: WrittenStanza::default() };
        writer.function(live);
        writer.settings(live);
        writer.tags(live);
        writer.event_invoke(live);
        writer.url(live);
        writer.release(live);
        writer.scaling(live);
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
            self.put("zip", json!(escaped(context.zip)), Some(comment.to_owned()));
            if let Some(bucket) = &live.package_bucket {
                let comment = "the bucket from which Lambda reads the live package";
                let value = self.open("s3_bucket", json!(bucket));
                self.put("s3_bucket", value, Some(comment.to_owned()));
            }
            return;
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
            let value = match (setting, with_variables) {
                (_, Some(value)) => value,
                (Setting::RuntimeManagement(version), None) if version.starts_with("arn:") => {
                    self.open(key, json!({"runtime_version_arn": version}))
                }
                (Setting::RuntimeManagement(mode), None) => json!({"update_runtime_on": mode}),
                (_, None) if setting.is_empty() => json!(""),
                (_, None) => self.open(key, setting.shown()),
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

    /// Writes how Lambda treats asynchronous invocations of the alias, or of the function itself.
    fn event_invoke(&mut self, live: &LiveFunction) {
        let alias = self.context.alias.map(str::to_owned);
        let Some(config) = live.event_invoke.get(&alias) else { return };
        let value = self.open("event_invoke_config", without_null(json!(config)));
        self.put("event_invoke_config", value, None);
    }

    /// Writes the alias and its provisioned concurrency.
    fn release(&mut self, live: &LiveFunction) {
        let Some(name) = self.context.alias else { return self.latest_published(live) };
        let alias = live.alias(name);
        let comment = self.about_alias(alias, live);
        self.put("alias", json!(name), comment);
        let description = alias.map_or("", |alias| alias.history.text());
        // The reader of stanzas refuses a longer text, and drops spaces at the end.
        let is_readable = description.chars().count() <= ALIAS_DESCRIPTION_CHARS
            && !description.ends_with(char::is_whitespace);
        if !is_readable {
            self.stanza.leave_out("alias_description");
        } else if !description.is_empty() {
            let value = self.open("alias_description", json!(description));
            self.put("alias_description", value, None);
        }
        if let Some(provisioned) = live.provisioned.get(name) {
            self.put("provisioned_concurrency", json!(provisioned.executions), None);
        }
    }

    /// What a deployment would do with the alias, beside what the stanza says. `None`: nothing, or AWS denied
    /// what it depends on.
    fn about_alias(&self, alias: Option<&LiveAlias>, live: &LiveFunction) -> Option<String> {
        if self.context.denied.contains(&"ListAliases") {
            return None;
        }
        let Some(alias) = alias else {
            return Some("it does not exist; a deployment creates it".to_owned());
        };
        let parts = [self.about_version(&alias.version, live), about_shares(alias)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Why a deployment would move the alias that points at the version `number`. `None`: it would not, or it
    /// is not known.
    fn about_version(&self, number: &str, live: &LiveFunction) -> Option<String> {
        if number == "$LATEST" {
            let about = "it points at the function itself ($LATEST); a deployment publishes a version and \
                moves it there";
            return Some(about.to_owned());
        }
        let why = match live.versions.iter().find(|version| version.number == number) {
            None if self.context.denied.contains(&"GetFunction") => return None,
            Some(version) if version.state == VersionState::Failed => "AWS cannot invoke",
            Some(version) if version.is_copy_of(live) => return None,
            Some(_) if !live.knows_environment() => {
                "may have another environment than the function itself ($LATEST), which this stanza describes"
            }
            Some(_) | None => {
                "has other settings or code than the function itself ($LATEST), which this stanza describes"
            }
        };
        Some(format!("it points at version {number}, which {why}; a deployment moves it"))
    }

    /// Says above `capacity_provider_config` if a deployment would publish `$LATEST.PUBLISHED`.
    fn latest_published(&mut self, live: &LiveFunction) {
        if !live.is_managed || live.is_latest_published() || self.context.denied.contains(&"GetFunction") {
            return;
        }
        let state = match live.latest_published {
            None => "does not exist",
            Some(_) => {
                "is not ready, or differs from the function itself ($LATEST), which this stanza describes"
            }
        };
        let about = format!("$LATEST.PUBLISHED, which callers get, {state}; a deployment publishes it");
        let key = self.stanza.keys.iter_mut().find(|key| key.name == "capacity_provider_config");
        if let Some(key) = key {
            key.comment = Some(about);
        }
    }

    /// Writes the numbers of execution environments of the version that is live.
    fn scaling(&mut self, live: &LiveFunction) {
        let Some(scaling) = live.scaling.filter(|scaling| *scaling != Scaling::default()) else { return };
        let value = json!({
            "min_execution_environments": scaling.min_execution_environments,
            "max_execution_environments": scaling.max_execution_environments,
        });
        self.put("scaling", without_null(value), None);
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

/// What a deployment does about the traffic that the alias sends to other versions. `None`: it sends none.
fn about_shares(alias: &LiveAlias) -> Option<String> {
    let shown = |(version, percent): &(String, u8)| format!("{percent} % to version {version}");
    let shares: Vec<String> = alias.shares().iter().map(shown).collect();
    let then = match alias.shares_of_others().is_empty() {
        true => "ends that",
        false => "fails until that has ended, or ends it with `clear_weights: true`",
    };
    let shown = shares.join(", ");
    (!shares.is_empty()).then(|| format!("it splits its traffic ({shown}); a deployment {then}"))
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
mod tests;
