//! Secret values in, and texts that others wrote with those values masked out.
//! Never writes a secret anywhere: a [`Secret`] has no `Display`, no `Serialize`, and a `Debug` that hides it.

use std::fmt;

use serde_json::Value;

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

/// Masks known secrets in texts that others wrote: AWS, bash, git, the user's commands.
///
/// Our own structured fields do not need it, they never hold a secret. Masked are whole tokens of at
/// least four characters; everyday words and values that also stand openly are left alone, because an
/// over-redacted log helps nobody.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret inside another one does not leave the rest of it standing.
    secrets: Vec<String>,
}

/// Shorter values are too likely to be part of an ordinary word.
const SHORTEST: usize = 4;

/// A line of a longer secret is a secret from this length on.
const LINE: usize = 8;

/// Values that are no secret even where secrets stand: `STAGE=production` must not eat an ARN.
const EVERYDAY: [&str; 24] = [
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
];

impl Redactor {
    /// Masks `secrets`, except everyday words, short values, AWS regions and whatever is in `open`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>, open: &[String]) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            // What a command prints is told line by line, a private key too.
            .flat_map(|value| {
                std::iter::once(value).chain(value.lines().filter(move |line| line.len() >= LINE && *line != value))
            })
            .filter(|value| value.chars().count() >= SHORTEST)
            .filter(|value| !EVERYDAY.contains(&value.to_ascii_lowercase().as_str()))
            .filter(|value| !looks_like_a_region(value))
            .filter(|value| !open.iter().any(|text| text == value))
            .flat_map(|value| [value.to_owned(), json_escaped(value)])
            .collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Redactor { secrets }
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

    /// The text with each known secret replaced by [`MASK`].
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret) {
                text = mask_tokens(&text, secret);
            }
        }
        text
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

/// Replaces `secret` where it is not part of a longer word.
fn mask_tokens(text: &str, secret: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (first, last) = (is_word(secret.chars().next()), is_word(secret.chars().next_back()));
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        let inside_word =
            (first && is_word(text[..at].chars().next_back())) || (last && is_word(text[end..].chars().next()));
        if !inside_word {
            out.push_str(&text[from..at]);
            out.push_str(MASK);
            from = end;
        }
    }
    out.push_str(&text[from..]);
    out
}

fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
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
