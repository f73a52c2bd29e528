//! Reads the settings of a plugin. Drone and Woodpecker pass each of them as a text in a variable: that of
//! `function_name` is in `PLUGIN_FUNCTION_NAME`. Makes the stanza of them that a file would contain. Never
//! shows a value, because any value may be a secret.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::mem;

use crate::diagnostics::KEEP_ONE;
use crate::protocol::error::{Code, Problem};
use crate::protocol::json::{self, Map, Node, WireError, pointer, short};
use crate::protocol::messages::dotted;
use crate::protocol::request::KEYS_OF_REQUEST;
use crate::protocol::stanza;
use crate::protocol::suggest::suggest;
use crate::protocol::text_form::TextForm;

/// The options of the command that name a file with stanzas.
const FILES: [&str; 2] = ["stanza", "travis_yml"];

/// The settings, of which those are read first that are options of the command.
#[derive(Default)]
pub(crate) struct PluginSettings {
    /// The settings that have not been read, by name.
    unread: BTreeMap<String, String>,
    /// The names of all options of the command.
    options: Vec<String>,
    /// Those of them that are set.
    given: Vec<String>,
    notes: Vec<String>,
    problems: Vec<Problem>,
}

/// The stanza of the settings, and what is to be said about them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginStanza {
    /// The stanza. Empty if the settings name a file.
    pub stanza: Map,
    /// Messages for the user.
    pub notes: Vec<String>,
    /// Errors that make the settings unusable.
    pub problems: Vec<Problem>,
}

impl PluginSettings {
    /// Prefix of the variables.
    pub(crate) const PREFIX: &'static str = "PLUGIN_";

    /// Finds the settings among the variables of the process.
    pub(crate) fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut settings = PluginSettings::default();
        // The first variable of each setting.
        let mut variable_of: BTreeMap<String, String> = BTreeMap::new();
        for (variable, value) in variables {
            let name = variable.to_str().and_then(|variable| variable.strip_prefix(Self::PREFIX));
            let Some(spelling) = name.filter(|name| !name.is_empty()) else { continue };
            // Woodpecker writes an underscore for these characters, Drone does not.
            let name = spelling.to_lowercase().replace(['-', '.'], "_");
            let Ok(text) = value.into_string() else {
                settings.refuse(Code::BadValue, &name, "is not UTF-8", Some("write it as UTF-8"));
                continue;
            };
            let first = variable_of.entry(name.clone()).or_insert_with(|| spelling.to_owned());
            if settings.unread.get(&name).is_some_and(|other| *other != text) {
                let (first, second) = (short(first), short(spelling));
                let what = format!("has one value in `PLUGIN_{first}` and another one in `PLUGIN_{second}`");
                settings.refuse(Code::DuplicateKey, &name, &what, Some(KEEP_ONE));
            }
            settings.unread.insert(name, text);
        }
        if settings.unread.is_empty() && settings.problems.is_empty() {
            let hint = "in a step of Drone or Woodpecker, write the stanza under `settings`, such as \
                `function_name: hello`; for a stanza in a file, run `dpl-lambda deploy --stanza FILE`; \
                `dpl-lambda --help` lists all commands";
            settings.problems.push(Problem {
                code: Code::BadArguments,
                message: "there are no settings: no variable `PLUGIN_*` is set".to_owned(),
                at: None,
                hint: Some(hint.to_owned()),
            });
        }
        settings
    }

    /// Reads a setting that is an option of the command. `None`: it is not set, or empty.
    pub(crate) fn option(&mut self, name: &str) -> Option<String> {
        self.options.push(name.to_owned());
        let text = self.unread.remove(name).filter(|text| !text.is_empty())?;
        self.given.push(name.to_owned());
        Some(text)
    }

    /// As [`PluginSettings::option`], for an option with one of these values.
    pub(crate) fn choice(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let text = self.option(name)?;
        if words.contains(&text.as_str()) {
            return Some(text);
        }
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let what = format!("has an unknown value; expected one of {}", words.join(", "));
        self.refuse(Code::BadArguments, name, &what, None);
        None
    }

    /// As [`PluginSettings::option`], for an option without a value: whether it is given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let flag = self.option(name).map(|text| Node::Text(text).as_flag());
        if flag == Some(None) {
            self.refuse(Code::BadArguments, name, "is neither true nor false", None);
        }
        flag.flatten() == Some(true)
    }

    /// Refuses an option that only another command has.
    pub(crate) fn refuse_option_of(&mut self, command: &str, name: &str) {
        let what = format!("belongs to `command: {command}`");
        self.refuse(Code::BadArguments, name, &what, Some("remove it, or change `command`"));
    }

    /// The stanza of all settings that are no options of the command.
    pub(crate) fn into_stanza(mut self) -> PluginStanza {
        let files: Vec<&str> = FILES.into_iter().filter(|file| self.is_given(file)).collect();
        if files.len() > 1 {
            let what = "and `settings.travis_yml` exclude each other";
            self.refuse(Code::BadArguments, "stanza", what, Some("use only one of them"));
        } else if files.is_empty() && self.is_given("only") {
            let what = "requires `settings.stanza` or `settings.travis_yml`";
            self.refuse(Code::BadArguments, "only", what, None);
        }
        self.refuse_other_names();
        let (mut pairs, mut keys) = (Vec::new(), Vec::new());
        for (name, text) in mem::take(&mut self.unread) {
            match stanza::text_form(&name) {
                Some(_) if !files.is_empty() => keys.push(format!("`settings.{name}`")),
                Some(form) => pairs.extend(self.value(&name, text, form).map(|node| (name, node))),
                None if !self.accepts_unknown(&name) => {}
                None if !files.is_empty() => {
                    self.notes.push(format!("`settings.{}` is unknown and is ignored", short(&name)));
                }
                // The child run warns about it, as about an unknown key in a file.
                None => pairs.push((name, parsed(&text).and_then(Result::ok).unwrap_or(Node::Text(text)))),
            }
        }
        if let (Some(file), false) = (files.first(), keys.is_empty()) {
            let what = format!("names a file, but there are options of a stanza, too: {}", keys.join(", "));
            let hint = "write the stanza either in the file or under `settings`";
            self.refuse(Code::BadArguments, file, &what, Some(hint));
        }
        let PluginSettings { notes, problems, .. } = self;
        PluginStanza { stanza: pairs.into_iter().collect(), notes, problems }
    }

    /// Refuses an option that is given under two of its names, unless both have the same value.
    fn refuse_other_names(&mut self) {
        let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, text) in &self.unread {
            let (other, value) =
                *first.entry(stanza::option_of(name)).or_insert((name.as_str(), text.as_str()));
            if value != text {
                let what = format!("is another name of `settings.{other}`, but has another value");
                twice.push((name.clone(), what));
            }
        }
        for (name, what) in twice {
            self.refuse(Code::DuplicateKey, &name, &what, Some(KEEP_ONE));
        }
    }

    fn is_given(&self, option: &str) -> bool {
        self.given.iter().any(|given| given == option)
    }

    /// Whether a setting that is no option can be ignored. Refuses a key of requests, a part of a list, and a
    /// misspelt option of the command: to ignore `comand: plan` would deploy.
    fn accepts_unknown(&mut self, name: &str) -> bool {
        if KEYS_OF_REQUEST.contains(&name) {
            let hint = match name {
                "env" => "use `environment` for the variables of the function",
                _ => "remove it",
            };
            self.refuse(Code::UnknownKey, name, "is not an option", Some(hint));
            return false;
        }
        // Bitbucket passes a list `NAME` in the variables `NAME_COUNT`, `NAME_0` and so on.
        if let Some(list) = name.strip_suffix("_count").filter(|list| stanza::text_form(list).is_some()) {
            let hint = format!("write `{list}` as JSON in one text, such as `'[\"…\", \"…\"]'`");
            let what = "is not an option; the CI has made several variables of a list";
            self.refuse(Code::BadValue, name, what, Some(&hint));
            return false;
        }
        if stanza::option_named(name).is_some() {
            return true;
        }
        let mut known: Vec<&str> = stanza::all_keys().collect();
        known.extend(self.options.iter().map(String::as_str));
        let meant = suggest(name, known).filter(|meant| self.options.iter().any(|option| option == meant));
        let Some(hint) = meant.map(|meant| format!("did you mean `{meant}`?")) else { return true };
        self.refuse(Code::UnknownKey, name, "is not an option", Some(&hint));
        false
    }

    /// The value of a key of the stanza, as a file would contain it. `None`: it is refused.
    fn value(&mut self, name: &str, text: String, form: TextForm) -> Option<Node> {
        if form == TextForm::Plain {
            let encrypted = parsed(&text).and_then(Result::ok).filter(Node::is_secure);
            return match encrypted {
                Some(node) => self.decrypted(name, node),
                None => Some(Node::Text(text)),
            };
        }
        match parsed(&text) {
            Some(Ok(node)) => return self.decrypted(name, node),
            Some(Err(error)) => {
                let code = match error {
                    WireError::DuplicateKey { .. } => Code::DuplicateKey,
                    WireError::Syntax { .. } | WireError::TooManyValues => Code::BadValue,
                };
                let what = format!("is no valid JSON: {error}");
                let hint = "fix the JSON: a value of this option that begins with `[` or `{` is read as JSON";
                self.refuse(code, name, &what, Some(hint));
                return None;
            }
            None => {}
        }
        if matches!(text.as_str(), "true" | "false") {
            return Some(Node::Bool(text == "true"));
        }
        match form {
            TextForm::Names if text.contains(',') => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                return Some(Node::List(entries.map(|entry| Node::Text(entry.to_owned())).collect()));
            }
            TextForm::Pairs if text.split(',').skip(1).any(|entry| entry.contains('=')) => {
                let what = "is a list that the CI has joined with commas, or one value with commas; expected \
                    a map";
                let hint = format!("write a map, such as `{name}: {{STAGE: production}}`");
                self.refuse(Code::BadValue, name, what, Some(&hint));
                return None;
            }
            TextForm::Json if text.contains(',') => self.notes.push(format!(
                "`settings.{name}` is read as one entry, with its commas; write several entries as JSON: \
                 `{name}: '[\"…\", \"…\"]'`"
            )),
            TextForm::Plain | TextForm::Json | TextForm::Names | TextForm::Pairs => {}
        }
        Some(Node::Text(text))
    }

    /// The value, if nothing in it is encrypted for Travis CI.
    fn decrypted(&mut self, name: &str, node: Node) -> Option<Node> {
        let encrypted = node.encrypted(&pointer("", name));
        let is_readable = encrypted.is_empty();
        self.problems.extend(encrypted.into_iter().map(|at| Problem {
            code: Code::NotDecrypted,
            message: format!("`settings.{}` is encrypted; only Travis CI can decrypt it", dotted(&at)),
            at: Some(at),
            hint: Some("use a secret of the CI instead, with `from_secret`".to_owned()),
        }));
        is_readable.then_some(node)
    }

    /// Adds a problem with a setting. `what` follows its name in the message.
    fn refuse(&mut self, code: Code, name: &str, what: &str, hint: Option<&str>) {
        let at = stanza::text_form(name).map(|_| pointer("", name));
        let message = format!("`settings.{}` {what}", short(name));
        self.problems.push(Problem { code, message, at, hint: hint.map(str::to_owned) });
    }
}

/// The value of a text that begins as a list or a map does in JSON. `None`: it does not.
fn parsed(text: &str) -> Option<Result<Node, WireError>> {
    text.trim_start().starts_with(['[', '{']).then(|| json::parse(text.as_bytes()))
}

#[cfg(test)]
mod tests;
