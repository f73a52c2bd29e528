//! Secret values in, and texts that others wrote with those values masked out.
//! Never writes a secret anywhere: a [`Secret`] has no `Display`, no `Serialize`, and a `Debug` that hides it.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::environment::names_a_secret;
use super::error::Warning;
use super::event::{Package, Plan};

/// What stands in place of a secret, the word that Travis CI's logs use.
pub const MASK: &str = "[secure]";

/// A value that must not be shown. Only [`Secret::expose`] opens it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first two characters and 18 stars, as dpl shows an access key: `AK******************`.
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

/// Secrets that a run comes upon: credentials, also renewed ones, and values of the live function. Shared, so that who finds one
/// adds it here before it is used, and who masks a text looks here first.
#[derive(Clone, Debug, Default)]
pub struct Learnt(Arc<Mutex<Vec<Secret>>>);

impl Learnt {
    /// Adds secrets, each once.
    pub fn add(&self, secrets: impl IntoIterator<Item = Secret>) {
        let mut known = self.lock();
        for secret in secrets {
            if !known.contains(&secret) {
                known.push(secret);
            }
        }
    }

    /// All of them, in the order in which they were found.
    pub fn all(&self) -> Vec<Secret> {
        self.lock().clone()
    }

    /// How many there are. They never become fewer.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Masks known secrets in texts that others wrote: AWS, bash, git, the user's commands.
///
/// Our own structured fields do not need it, they never hold a secret. Masked are values of at least four characters, also
/// as JSON, URLs and base64 write them; everyday words and values that also stand openly are left alone, and what might
/// be a word is masked as a whole word only, because an over-redacted log helps nobody.
#[derive(Clone, Default)]
pub struct Redactor {
    /// By their first bytes, so that a text is gone through once, however many there are.
    patterns: HashMap<[u8; SHORTEST], Vec<Pattern>>,
}

/// One way in which a secret may be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    text: String,
    /// Whether it is masked where it stands alone only.
    is_word: bool,
}

/// Shorter values are too likely to be part of an ordinary word.
const SHORTEST: usize = 4;

/// A line of a longer secret is a secret from this length on.
const LINE: usize = 8;

/// What is larger is no variable that a program can be given (128 KiB), and is looked for as it is only.
const LARGEST: usize = 128 * 1024;

/// Values that are no secret even where secrets stand: `STAGE=production` must not eat an ARN.
const EVERYDAY: [&str; 33] = [
    "true",
    "false",
    "null",
    "none",
    "yes",
    "info",
    "debug",
    "error",
    "warn",
    "test",
    "testing",
    "development",
    "develop",
    "staging",
    "production",
    "prod",
    "master",
    "main",
    "lambda",
    "default",
    "local",
    "localhost",
    "enabled",
    "disabled",
    "secure",
    "http",
    "https",
    "json",
    "text",
    "https://",
    "http://",
    "8080",
    "3000",
];

impl Redactor {
    /// Masks `secrets`, except everyday words, short values, AWS regions and whatever is in `open`.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>, open: &[String]) -> Self {
        let mut patterns: HashMap<[u8; SHORTEST], Vec<Pattern>> = HashMap::new();
        for value in secrets {
            let value = value.as_ref();
            // What a command prints is told line by line, a private key too; an address holds a password.
            let is_printable = value.len() <= LARGEST;
            let lines = value.lines().filter(|line| is_printable && line.len() >= LINE && *line != value);
            let ends = [value.trim(), value.trim_end_matches(['.', '\r', '\n', ' '])];
            let within = secrets_within(value);
            let within = within.iter().map(String::as_str);
            let parts = std::iter::once(value).chain(lines).chain(ends).chain(within);
            for part in parts.filter(|part| is_secret(part, open)) {
                let is_word = might_be_a_word(part);
                let spellings = if is_printable { spellings(part) } else { vec![part.to_owned()] };
                for text in spellings {
                    let Some(first) = text.as_bytes().first_chunk().copied() else { continue };
                    patterns.entry(first).or_default().push(Pattern { text, is_word });
                }
            }
        }
        for alike in patterns.values_mut() {
            alike.sort_unstable();
            alike.dedup_by(|a, b| a.text == b.text);
        }
        Redactor { patterns }
    }

    /// A warning as it may be told: its words may quote a value that a variable has brought a secret into.
    pub fn warning(&self, warning: &Warning) -> Warning {
        Warning { message: self.redact(&warning.message), ..warning.clone() }
    }

    /// A plan as it may be told: values of the stanza may hold a secret variable that was filled in.
    pub fn plan(&self, mut plan: Plan) -> Plan {
        for change in plan.steps.iter_mut().flat_map(|step| &mut step.changes) {
            for value in [&mut change.from, &mut change.to] {
                self.value(value);
            }
        }
        plan
    }

    /// An archive as it may be told: its path may hold a secret variable that was filled in.
    pub fn package(&self, package: Package) -> Package {
        Package { source: self.redact(&package.source), ..package }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The text with each known secret replaced by [`MASK`]; of several that overlap no part is left. What an address shows to
    /// be secret is masked whether it is known or not.
    pub fn redact(&self, text: &str) -> String {
        let text = self.without_known(text);
        let mut out = String::with_capacity(text.len());
        let mut shown = 0;
        for hidden in hidden_in_addresses(&text).into_iter().filter(|hidden| !text[hidden.clone()].contains(MASK)) {
            out.push_str(&text[shown..hidden.start]);
            out.push_str(MASK);
            shown = hidden.end;
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
            let stands = |pattern: &&Pattern| text[at..].starts_with(&pattern.text) && pattern.stands_alone(text, at);
            let Some(end) = alike.iter().filter(stands).map(|pattern| at + pattern.text.len()).max() else { continue };
            if at >= masked {
                out.push_str(&text[shown..at]);
                out.push_str(MASK);
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
    /// Whether it is to be masked where it stands in a text: what might be a word is left in the middle of a longer one.
    fn stands_alone(&self, text: &str, at: usize) -> bool {
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let (first, last) = (is_letter(self.text.chars().next()), is_letter(self.text.chars().next_back()));
        let mut before = text[..at].chars().rev();
        // The `n` of an escaped line break belongs to no word.
        let goes_before = first && is_letter(before.next()) && before.next() != Some('\\');
        let goes_on = last && is_letter(text[at + self.text.len()..].chars().next());
        !self.is_word || !(goes_before || goes_on)
    }
}

/// Whether a value is one that must not be shown.
fn is_secret(value: &str, open: &[String]) -> bool {
    value.chars().count() >= SHORTEST
        && value.contains(char::is_alphanumeric)
        && !EVERYDAY.contains(&value.to_ascii_lowercase().as_str())
        && !looks_like_a_region(value)
        && !open.iter().any(|text| text == value)
}

/// Short values and runs of letters stand in ordinary words, too.
fn might_be_a_word(value: &str) -> bool {
    value.chars().count() < LINE || (value.len() < 2 * LINE && value.chars().all(char::is_alphabetic))
}

/// How a value may be written: as it is, as JSON (within JSON, with `\u00e9` or `\/`), in an address, as base64.
fn spellings(value: &str) -> Vec<String> {
    let json = |value: &str| {
        let quoted = Value::from(value).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let mut spellings = vec![value.to_owned()];
    for plain in [json(value), json(value).replace('/', "\\/")] {
        for once in [ascii(&plain), plain] {
            let twice = json(&once);
            spellings.extend([json(&twice), twice, once]);
        }
    }
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let percent = |keeps_slash: bool| {
        let encode = |byte: u8| match byte {
            byte if is_unreserved(byte) || (keeps_slash && byte == b'/') => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        value.bytes().map(encode).collect::<String>()
    };
    for encoded in [percent(false), percent(true)] {
        let form = encoded.replace("%20", "+");
        spellings.extend([lower_hex(&form), form, lower_hex(&encoded), encoded]);
    }
    if value.len() >= LINE {
        spellings.extend(base64(value.as_bytes()));
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// With characters beyond ASCII as `\u00e9`, as Python writes them.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    let lower = |part: &str| format!("%{}{}", part[..2].to_ascii_lowercase(), &part[2..]);
    parts.fold(first, |out, part| out + &lower(part))
}

/// What of a value's base64 does not depend on what stands before and behind it, at each of the three places.
fn base64(value: &[u8]) -> impl Iterator<Item = String> {
    (0..3).flat_map(|before| {
        let bytes = [&[0; 2][..before], value].concat();
        let whole = base64_simd::STANDARD.encode_to_string(&bytes);
        let end = bytes.len() * 8 / 6;
        let core = whole[(before * 8).div_ceil(6)..end].to_owned();
        [core.replace('+', "-").replace('/', "_"), core]
    })
}

/// What is secret within a value: passwords of addresses, as they stand there and decoded, and values of parameters whose
/// name says so, as in `Server=db;Password=…`.
pub(super) fn secrets_within(value: &str) -> Vec<String> {
    let mut found: Vec<&str> = hidden_in_addresses(value).into_iter().map(|hidden| &value[hidden]).collect();
    found.extend(password_without_scheme(value));
    // A script has parameters of its own.
    if !value.contains('\n') {
        let pairs = value.split([';', '&', '?', '#', ',', ' ']).filter_map(|pair| pair.split_once('='));
        found.extend(pairs.filter(|(name, _)| names_a_secret(name)).map(|(_, value)| value));
    }
    let mut secrets: Vec<String> = Vec::new();
    for secret in found.into_iter().flat_map(|secret| [secret.to_owned(), without_percents(secret)]) {
        if !secret.is_empty() && !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
    secrets
}

/// Where passwords and tokens stand in the addresses of a text, in order: `secret` of `https://user:secret@host` and of
/// `https://host/?token=secret`.
fn hidden_in_addresses(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + 3;
        let rest = &text[start..];
        let end = start + rest.find(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).unwrap_or(rest.len());
        let address = &text[start..end];
        let host = user_of(address).map_or(0, |user| {
            hidden.extend(secret_of_user(user).map(|secret| within(text, secret)));
            user.len()
        });
        let parameters = address[host..].split_once(['?', '#']).map_or("", |(_, parameters)| parameters);
        let pairs = parameters.split(['&', ';', '?', '#']).filter_map(|pair| pair.split_once('='));
        let secrets = pairs.filter(|(name, value)| !value.is_empty() && names_a_secret_parameter(name));
        hidden.extend(secrets.map(|(_, value)| within(text, value)));
        // An address may stand within another one's parameters.
        from = hidden.last().map_or(start, |last| last.end.max(start));
    }
    hidden
}

/// Where a part of a text stands in it.
fn within(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// `user:password` of `user:password@host`. A password may hold what ends a host, unless it looks like a port.
fn user_of(address: &str) -> Option<&str> {
    let authority = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
    if let Some((user, _)) = authority.rsplit_once('@') {
        return Some(user);
    }
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    authority.split_once(':').filter(|(_, port)| !is_port(port))?;
    address.rsplit_once('@').map(|(user, _)| user)
}

/// The password; where there is none, or one that says only what the name is, a name that can be none.
fn secret_of_user(user: &str) -> Option<&str> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    if !["", "x-oauth-basic"].contains(&password) {
        return Some(password);
    }
    let is_token = name.len() >= 2 * LINE && name.contains(|c: char| c.is_ascii_digit());
    is_token.then_some(name)
}

/// `secret` of `user:secret@host`, as proxies and MySQL's drivers take it. An image's digest stands behind an `@`, too.
fn password_without_scheme(value: &str) -> Option<&str> {
    let (user, host) = value.rsplit_once('@').filter(|(_, host)| !host.starts_with("sha256:"))?;
    let (name, password) = user.split_once(':')?;
    let is_one = |text: &str| !text.contains(|c: char| c.is_whitespace() || "/@".contains(c));
    (is_one(name) && is_one(password) && !host.is_empty()).then_some(password)
}

/// Of an address's parameters: as of a variable, and what signs the address.
fn names_a_secret_parameter(name: &str) -> bool {
    ["sig", "signature", "x-amz-signature", "x-goog-signature"].iter().any(|known| name.eq_ignore_ascii_case(known))
        || names_a_secret(name)
}

/// The text with `%2F` and the like undone.
fn without_percents(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// `eu-west-1`, `us-gov-east-1`: a part of the world, a direction, one digit.
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
mod tests {
    use super::*;

    fn redact(secrets: &[&str], text: &str) -> String {
        Redactor::new(secrets.iter().copied(), &["openly".to_owned()]).redact(text)
    }

    #[test]
    fn a_secret_in_aws_words_is_masked() {
        let text = r#"exceeded the 4KB limit. String measured: {"PASSWORD":"s3cr3t!"}"#;
        assert_eq!(redact(&["s3cr3t!"], text), r#"exceeded the 4KB limit. String measured: {"PASSWORD":"[secure]"}"#);
    }

    #[test]
    fn the_escaped_form_is_masked_too() {
        assert_eq!(redact(&["a\"b\nc"], r#"{"X":"a\"b\nc"}"#), r#"{"X":"[secure]"}"#);
    }

    #[test]
    fn everyday_words_regions_short_and_open_values_stay() {
        let text = "arn:aws:lambda:eu-west-1:1:function:production openly a true 1";
        assert_eq!(redact(&["production", "eu-west-1", "openly", "a", "true", "1"], text), text);
    }

    #[test]
    fn words_with_a_number_are_no_region() {
        assert_eq!(
            redact(&["correct-horse-1", "us-gov-east-1"], "correct-horse-1 us-gov-east-1"),
            "[secure] us-gov-east-1"
        );
    }

    #[test]
    fn each_line_of_a_private_key_is_secret() {
        assert_eq!(redact(&["-----BEGIN-----\nMIIEabcdefgh\nab\n"], "MIIEabcdefgh ab"), "[secure] ab");
    }

    #[test]
    fn a_secret_inside_a_longer_word_is_no_token() {
        assert_eq!(redact(&["cake"], "cake cupcake cakes (cake)"), "[secure] cupcake cakes ([secure])");
    }

    #[test]
    fn what_can_be_no_word_is_masked_in_the_middle_of_one() {
        assert_eq!(redact(&["3FRHW+q/x"], "v3FRHW+q/x2"), "v[secure]2");
        assert_eq!(redact(&["cake"], r#"{"a":"x\ncake"}"#), r#"{"a":"x\n[secure]"}"#);
    }

    #[test]
    fn a_secret_that_others_have_encoded_is_masked() {
        let secret = "pä\"s/s+w ord\\1";
        let json = Value::from(secret).to_string();
        let (twice, base64) = (Value::from(json.as_str()).to_string(), base64_simd::STANDARD);
        for text in [json.clone(), twice, json.replace('/', "\\/"), json.replace('ä', "\\u00e4")] {
            assert!(redact(&[secret], &text).contains(MASK), "{text}");
        }
        for text in ["p%C3%A4%22s%2Fs%2Bw%20ord%5C1", "p%c3%a4%22s%2fs%2bw+ord%5c1", "p%C3%A4%22s/s%2Bw%20ord%5C1"] {
            assert!(redact(&[secret], text).contains(MASK), "{text}");
        }
        for before in ["", "a", "ab", "user:"] {
            let text = base64.encode_to_string(format!("{before}{secret} and more"));
            assert!(redact(&[secret], &text).contains(MASK), "{text}");
        }
        assert_eq!(redact(&["postgres://u:s3cr3t99@host/db"], "with s3cr3t99"), "with [secure]");
        assert_eq!(redact(&["hunter22. "], "is hunter22."), "is [secure]");
    }

    #[test]
    fn what_an_address_shows_to_be_secret_is_masked_in_every_text() {
        for (text, masked) in [
            (
                "fatal: unable to access 'https://me:hunter2@github.com/o/r/'",
                "fatal: unable to access 'https://me:[secure]@github.com/o/r/'",
            ),
            ("https://ghp_0123456789abcdef@github.com/o/r", "https://[secure]@github.com/o/r"),
            ("https://0123456789abcdef:x-oauth-basic@github.com", "https://[secure]:x-oauth-basic@github.com"),
            (
                "redis://:pw@host:6379/0 and mongodb://u:p@a,b/",
                "redis://:[secure]@host:6379/0 and mongodb://u:[secure]@a,b/",
            ),
            ("postgres://u:p/w?x#y@host/db", "postgres://u:[secure]@host/db"),
            (
                "https://host/x?a=1&access_token=abc&b=2#id_token=def",
                "https://host/x?a=1&access_token=[secure]&b=2#id_token=[secure]",
            ),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=t%2F1&X-Amz-Signature=0a",
                "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=[secure]&X-Amz-Signature=[secure]",
            ),
            ("https://a.blob.core.windows.net/c?sp=r&sig=x%3D", "https://a.blob.core.windows.net/c?sp=r&sig=[secure]"),
            ("{\"url\":\"amqp://u:p@host\"}", "{\"url\":\"amqp://u:[secure]@host\"}"),
        ] {
            assert_eq!(redact(&[], text), masked);
        }
        for text in [
            "ssh://git@github.com/o/r",
            "https://deployer@host/",
            "http://host:8080/a@b",
            "git@github.com:o/r",
            "a://",
            "://x:y@",
            "https://host/?page=2&author=me",
            "lambda: 12:30 me@example.org",
            "é://é@é",
        ] {
            let expected = if text.starts_with("://") { "://x:[secure]@" } else { text };
            assert_eq!(redact(&[], text), expected);
        }
    }

    #[test]
    fn what_is_secret_within_a_value_is_found() {
        for (value, expected) in [
            ("user:s3cr3t@proxy:3128", &["s3cr3t"][..]),
            ("app:s3cr3t@tcp(db:3306)/app", &["s3cr3t"]),
            ("Server=db;User Id=sa;Password=p4ss%21;", &["p4ss%21", "p4ss!"]),
            ("host=db password=p4ss user=me", &["p4ss"]),
            ("DefaultEndpointsProtocol=https;AccountName=n;AccountKey=a2V5==;EndpointSuffix=s", &["a2V5=="]),
            ("jdbc:postgresql://db/app?user=me&password=p4ss", &["p4ss"]),
            ("https://u:one@a https://u:two@b", &["one", "two"]),
            ("-Xmx1g -Dssl.keyStorePassword=p4ss", &["p4ss"]),
            ("nginx:1.25@sha256:0123", &[]),
            ("git@github.com:o/r.git", &[]),
            ("/usr/bin:/bin", &[]),
            ("() { token=$1\n}", &[]),
        ] {
            assert_eq!(secrets_within(value), expected, "{value}");
        }
    }

    #[test]
    fn blanks_and_the_mask_itself_are_no_secret() {
        assert_eq!(redact(&["    ", "secure"], "    indented [secure]"), "    indented [secure]");
    }

    #[test]
    fn the_longer_secret_goes_first() {
        assert_eq!(redact(&["pass", "pass-word"], "pass-word pass"), "[secure] [secure]");
    }

    #[test]
    fn debug_hides_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), MASK);
    }

    #[test]
    fn a_key_is_masked_as_dpl_masks_it() {
        assert_eq!(Secret::new("AKIAIOSFODNN7EXAMPLE").masked_key(), "AK******************");
    }
}
