//! Keeps secret values and masks them in texts. Never writes a secret: [`Secret`] implements neither
//! `Display` nor `Serialize`, and its `Debug` output hides the value.

mod encodings;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use self::encodings::{LINE, encodings};
use super::error::Warning;
use super::event::{Package, Plan};
use super::secret_names::names_a_secret;

/// Replacement for a secret. The logs of Travis CI use the same word.
pub const MASK: &str = "[secure]";

/// Beginnings of the changes of a plan in which the name of an alias or a layer follows.
const BEFORE_A_NAME: [&str; 5] =
    ["alias.", "event_invoke_config.", "function_url.", "layers.", "provisioned_concurrency."];

/// A value that must not be shown. Only [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// Returns the value. To be called only where the value itself is needed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first two characters followed by 18 asterisks, as dpl shows an access key: `AK******************`.
    pub fn masked_key(&self) -> String {
        let start: String = self.0.chars().take(2).collect();
        format!("{start}{}", "*".repeat(18))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Secrets that become known during a run: credentials, including renewed ones, and values of the live
/// function. The list is shared: code that obtains a secret adds it before it uses it, and code that masks a
/// text reads the list first.
#[derive(Clone, Debug, Default)]
pub struct KnownSecrets(Arc<Mutex<Known>>);

/// All secrets in the order in which they were added, and the same as a set.
#[derive(Debug, Default)]
struct Known {
    all: Vec<Secret>,
    set: BTreeSet<Secret>,
}

impl KnownSecrets {
    /// Adds secrets that are not yet in the list.
    pub fn add(&self, secrets: impl IntoIterator<Item = Secret>) {
        let mut known = self.lock();
        for secret in secrets {
            if known.set.insert(secret.clone()) {
                known.all.push(secret);
            }
        }
    }

    /// All secrets in the order in which they were added.
    pub fn all(&self) -> Vec<Secret> {
        self.lock().all.clone()
    }

    /// Number of secrets. It never decreases.
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Masks known secrets in texts from other programs: AWS, bash, git and the user's commands.
///
/// Structured fields of dpl-lambda need no redactor, because they never contain secrets. The redactor masks
/// values of at least four characters, also when they are encoded as JSON, in URLs or in Base64. It does not
/// mask everyday words and values that are public elsewhere in the stanza. It masks a value that could be
/// part of an ordinary word only as a whole word, because a log with too many masks is useless.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Patterns by their first bytes, so that one pass over a text finds all patterns. Those with the same
    /// first bytes are sorted.
    ///
    /// aho-corasick was tried instead. The code is as long, but its automaton takes 1 ms to build for 40
    /// secrets, and 90 ms and 60 MB for a secret of 128 KiB, while most texts are one line.
    patterns: HashMap<[u8; SHORTEST], Vec<Pattern>>,
}

/// One encoding of a secret, or a piece of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    text: String,
    /// Whether to mask it only as a whole word.
    is_word: bool,
}

/// Minimum length of a masked value. Shorter values are too likely to be part of an ordinary word.
const SHORTEST: usize = 4;

/// Maximum length of a value that is also searched for in encoded form. A larger value cannot be an
/// environment variable of a program (128 KiB).
const LARGEST: usize = 128 * 1024;

/// Maximum length of all these values together, because the encodings of many short lines take much memory.
const LARGEST_TOGETHER: usize = 4 * LARGEST;

/// Maximum length of a pattern in bytes, without the rest of a character. A longer secret is searched for in
/// pieces, because a text can repeat a part of it at each position, as one of a single letter does.
const PIECE: usize = 256;

/// Values that are never masked. Otherwise `STAGE=production` would mask a part of an ARN.
#[rustfmt::skip]
const EVERYDAY: [&str; 33] = [
    "true", "false", "null", "none", "yes", "info", "debug", "error", "warn", "test", "testing",
    "development", "develop", "staging", "production", "prod", "master", "main", "lambda", "default", "local",
    "localhost", "enabled", "disabled", "secure", "http", "https", "json", "text", "https://", "http://",
    "8080", "3000",
];

impl Redactor {
    /// Creates a redactor for `secrets`, without everyday words, short values, AWS regions and the values in
    /// `open`.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>, open: &[String]) -> Self {
        let mut patterns: HashMap<[u8; SHORTEST], Vec<Pattern>> = HashMap::new();
        let open: HashSet<&str> = open.iter().map(String::as_str).collect();
        let mut remaining = LARGEST_TOGETHER;
        for value in secrets {
            let value = value.as_ref();
            // Output of commands is written line by line, so each line of a private key must be masked. A URL
            // can contain a password.
            let is_printable = value.len() <= LARGEST.min(remaining);
            remaining -= if is_printable { value.len() } else { 0 };
            let lines = value.lines().filter(|line| is_printable && line.len() >= LINE && *line != value);
            let ends = [value.trim(), value.trim_end_matches(['.', '\r', '\n', ' '])];
            let within = secrets_within(value);
            let within = within.iter().map(String::as_str);
            // A set, because most values are their own ends, and making the encodings takes time.
            let parts = std::iter::once(value).chain(lines).chain(ends).chain(within);
            let parts: BTreeSet<&str> = parts.filter(|part| is_secret(part, &open)).collect();
            for part in parts {
                let is_word = might_be_a_word(part);
                let encodings = if is_printable { encodings(part) } else { vec![part.to_owned()] };
                for text in encodings.iter().flat_map(|text| pieces(text)) {
                    let Some(first) = text.as_bytes().first_chunk().copied() else { continue };
                    patterns.entry(first).or_default().push(Pattern { text: text.to_owned(), is_word });
                }
            }
        }
        for alike in patterns.values_mut() {
            alike.sort_unstable();
            alike.dedup_by(|a, b| a.text == b.text);
        }
        Redactor { patterns }
    }

    /// Masks secrets in a warning. It can quote a value into which a secret variable was filled in.
    pub fn warning(&self, warning: &Warning) -> Warning {
        let hint = warning.hint.as_deref().map(|hint| self.redact(hint));
        Warning { message: self.redact(&warning.message), hint, ..warning.clone() }
    }

    /// Masks secrets in a plan. Values of the stanza can contain a secret variable that was filled in.
    pub fn plan(&self, mut plan: Plan) -> Plan {
        for change in plan.steps.iter_mut().flat_map(|step| &mut step.changes) {
            let name = BEFORE_A_NAME.iter().find_map(|of| Some((of, change.field.strip_prefix(of)?)));
            if let Some((of, name)) = name {
                change.field = format!("{of}{}", self.redact(name));
            }
            for value in [&mut change.from, &mut change.to] {
                self.value(value);
            }
        }
        plan
    }

    /// Masks secrets in the description of an archive. Its path can contain a secret variable that was filled
    /// in.
    pub fn package(&self, package: Package) -> Package {
        let layer = package.layer.as_deref().map(|layer| self.redact(layer));
        Package { source: self.redact(&package.source), layer, ..package }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Replaces each known secret in a text by [`MASK`]. Secrets that overlap, or follow one another, are
    /// replaced together. Passwords and tokens in URLs are masked even if they are not known.
    pub fn redact(&self, text: &str) -> String {
        let text = self.without_known(text);
        let mut out = String::with_capacity(text.len());
        let mut shown = 0;
        for hidden in
            hidden_in_addresses(&text).into_iter().filter(|hidden| !text[hidden.clone()].contains(MASK))
        {
            // Hidden parts can overlap: a secret parameter can be a URL with a password.
            if shown <= hidden.start {
                out.push_str(&text[shown..hidden.start]);
                out.push_str(MASK);
            }
            shown = shown.max(hidden.end);
        }
        out.push_str(&text[shown..]);
        out
    }

    fn without_known(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut shown, mut masked) = (0, 0);
        for at in 0..text.len() {
            let Some(first) = text.as_bytes()[at..].first_chunk() else { break };
            let Some(alike) = self.patterns.get(first) else { continue };
            let Some(end) = longest(alike, text, at).map(|length| at + length) else { continue };
            if at >= masked {
                out.push_str(&text[shown..at]);
                if !out.ends_with(MASK) {
                    out.push_str(MASK);
                }
            }
            masked = masked.max(end);
            shown = masked;
        }
        out.push_str(&text[shown..]);
        out
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} patterns)", self.patterns.len())
    }
}

impl Pattern {
    /// Whether to mask the pattern at position `at`. A pattern that could be a word is not masked inside a
    /// longer word.
    fn is_alone(&self, text: &str, at: usize) -> bool {
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let (first, last) = (is_letter(self.text.chars().next()), is_letter(self.text.chars().next_back()));
        let mut before = text[..at].chars().rev();
        // The `n` of an escaped line break is not part of a word.
        let goes_before = first && is_letter(before.next()) && before.next() != Some('\\');
        let goes_on = last && is_letter(text[at + self.text.len()..].chars().next());
        !self.is_word || !(goes_before || goes_on)
    }
}

/// The pieces of a text, of about the same length, so that none is too short to be searched for. They do not
/// overlap: if a text ends within a secret, its continuation must not lack what was masked before.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let count = text.len().div_ceil(PIECE);
    let border = move |index: usize| text.floor_char_boundary(text.len() * index / count);
    (0..count).map(move |index| &text[border(index)..border(index + 1)])
}

/// The length of the longest of the sorted patterns that is at this position of the text. `None`: there is
/// none.
fn longest(sorted: &[Pattern], text: &str, at: usize) -> Option<usize> {
    let mut rest = &text.as_bytes()[at..];
    loop {
        // Every pattern with which the rest begins is this one, or one with which this one begins.
        let last = sorted[..sorted.partition_point(|pattern| pattern.text.as_bytes() <= rest)].last()?;
        let known = last.text.as_bytes();
        let is_it = rest.starts_with(known);
        if is_it && last.is_alone(text, at) {
            return Some(known.len());
        }
        let same = known.iter().zip(rest).take_while(|(one, other)| one == other).count();
        rest = &rest[..if is_it { same - 1 } else { same }];
    }
}

/// Whether a value must be masked.
fn is_secret(value: &str, open: &HashSet<&str>) -> bool {
    value.chars().count() >= SHORTEST
        && value.contains(char::is_alphanumeric)
        && !EVERYDAY.contains(&value.to_ascii_lowercase().as_str())
        && !looks_like_a_region(value)
        && !open.contains(value)
}

/// Whether a value could be part of an ordinary word: it is short, or consists of letters only.
fn might_be_a_word(value: &str) -> bool {
    value.chars().count() < LINE || (value.len() < 2 * LINE && value.chars().all(char::is_alphabetic))
}

/// The secret parts of a value: passwords in URLs, both encoded and decoded, and values of parameters with a
/// secret name, as in `Server=db;Password=…`.
pub(super) fn secrets_within(value: &str) -> Vec<String> {
    let mut found: Vec<&str> = hidden_in_addresses(value).into_iter().map(|hidden| &value[hidden]).collect();
    found.extend(password_without_scheme(value));
    // In a script, `name=value` is an assignment and not a parameter.
    if !value.contains('\n') && value.len() <= LARGEST {
        let pairs = value.split([';', '&', '?', '#', ',', ' ']).filter_map(|pair| pair.split_once('='));
        found.extend(pairs.filter(|(name, _)| names_a_secret(name)).map(|(_, value)| value));
    }
    let both = |secret: &str| {
        let decoded = percent_decode_str(secret).decode_utf8().unwrap_or(secret.into()).into_owned();
        [secret.to_owned(), decoded]
    };
    let mut seen = HashSet::new();
    let secrets = found.into_iter().flat_map(both);
    secrets.filter(|secret| !secret.is_empty() && seen.insert(secret.clone())).collect()
}

/// The positions of passwords and tokens in the URLs of a text, in order: `secret` in
/// `https://user:secret@host` and in `https://host/?token=secret`.
fn hidden_in_addresses(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "\"'`<>".contains(c);
    let mut hidden: Vec<_> =
        text.split(ends).flat_map(secrets_in_word).map(|secret| within(text, secret)).collect();
    hidden.sort_unstable_by_key(|secret| (secret.start, Reverse(secret.end)));
    hidden
}

/// The passwords and tokens in a text without spaces. It can be a URL with other URLs in its parameters.
/// Takes linear time, also for a text of many URLs.
fn secrets_in_word(word: &str) -> Vec<&str> {
    let Some((_, first)) = word.split_once("://") else { return Vec::new() };
    let mut secrets = Vec::new();
    // A user name is followed by `@`, so it begins before the last one.
    let mut rest = word.rsplit_once('@').map_or("", |(before, _)| before);
    let mut first_user = None;
    while let Some((_, address)) = rest.split_once("://") {
        let user = user_of(address).unwrap_or_default();
        first_user = first_user.or(Some(user));
        secrets.extend(secret_of_user(user));
        rest = &address[user.len()..];
    }
    // The parameters of the first URL include those of the others.
    let parameters = first[first_user.unwrap_or_default().len()..].split_once(['?', '#']);
    let parameters = parameters.map_or("", |(_, parameters)| parameters);
    let pairs = parameters.split(['&', ';', '?', '#']).filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(name, value)| !value.is_empty() && names_a_secret_parameter(name));
    secrets.extend(named.map(|(_, value)| value));
    secrets
}

/// The position of `part` in `text`. `part` must be a slice of `text`.
fn within(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// `user:password` of a URL without its scheme, up to the last `@` of the text. A password can contain
/// characters that end a host, unless the text up to them looks like a port.
fn user_of(address: &str) -> Option<&str> {
    let Some(end) = address.find(['/', '?', '#']) else { return Some(address) };
    let authority = &address[..end];
    if let Some((user, _)) = authority.rsplit_once('@') {
        return Some(user);
    }
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    authority.split_once(':').filter(|(_, port)| !is_port(port)).map(|_| address)
}

/// The secret part of `user:password`: the password. If there is no password, or only `x-oauth-basic`, it is
/// the user name, provided that it looks like a token.
fn secret_of_user(user: &str) -> Option<&str> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    if !["", "x-oauth-basic"].contains(&password) {
        return Some(password);
    }
    let is_token = name.len() >= 2 * LINE && name.contains(|c: char| c.is_ascii_digit());
    is_token.then_some(name)
}

/// `secret` in `user:secret@host`, a form that proxies and MySQL drivers accept. The digest of a container
/// image also follows an `@`.
fn password_without_scheme(value: &str) -> Option<&str> {
    let (user, host) = value.rsplit_once('@').filter(|(_, host)| !host.starts_with("sha256:"))?;
    let (name, password) = user.split_once(':')?;
    let is_one = |text: &str| !text.contains(|c: char| c.is_whitespace() || "/@".contains(c));
    (is_one(name) && is_one(password) && !host.is_empty()).then_some(password)
}

/// Whether a URL parameter has a secret name: that of a secret variable, or that of a signature.
fn names_a_secret_parameter(name: &str) -> bool {
    ["sig", "signature", "x-amz-signature", "x-goog-signature"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
        || names_a_secret(name)
}

/// Whether a value has the form of an AWS region: `eu-west-1`, `us-gov-east-1`. The parts are a part of the
/// world, a direction and a digit.
fn looks_like_a_region(value: &str) -> bool {
    const DIRECTIONS: [&str; 9] =
        ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];
    let mut parts = value.rsplit('-');
    let number = parts.next().is_some_and(|part| matches!(part.as_bytes(), [b'0'..=b'9']));
    let direction = parts.next().is_some_and(|part| DIRECTIONS.contains(&part));
    let world: Vec<&str> = parts.collect();
    let is_code = |part: &&str| (2..=4).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_lowercase());
    number && direction && (1..=2).contains(&world.len()) && world.iter().all(is_code)
}

#[cfg(test)]
mod tests;
