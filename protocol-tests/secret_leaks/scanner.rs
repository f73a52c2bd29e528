//! Finds secrets in bytes, in any encoding. Never relies on the mask: it knows the secrets but not how the
//! program masks them.

use percent_encoding::percent_decode_str;

/// A secret in a place where it must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leak {
    /// The name of the secret.
    pub(super) secret: String,
    /// The form in which the secret was found.
    pub(super) form: &'static str,
    /// The text around the secret.
    pub(super) excerpt: String,
}

/// Searches for a fixed set of secrets.
pub(super) struct Scanner {
    secrets: Vec<Known>,
}

struct Known {
    name: String,
    whole: String,
    /// Parts of the secret, to find it in text that was cut off.
    pieces: Vec<String>,
    /// The part of its base64 that does not depend on the neighboring bytes, at every offset and in both
    /// alphabets.
    base64: Vec<String>,
}

/// The length of a part, in characters. Any stretch of a secret that is twice as long contains one part; in a
/// long secret, any stretch that is five times as long.
const PIECE: usize = 12;

impl Scanner {
    pub(super) fn new(secrets: Vec<(String, String)>) -> Self {
        let known = |(name, whole): (String, String)| {
            // Spaces around a secret are not part of it.
            let whole = whole.trim().to_owned();
            assert!(whole.chars().count() >= PIECE, "{name} is too short to be found reliably");
            Known { pieces: pieces(&whole), base64: in_base64(&whole), name, whole }
        };
        Scanner { secrets: secrets.into_iter().map(known).collect() }
    }

    /// Returns every secret in these bytes once, in the form that shows most of it.
    pub(super) fn scan(&self, bytes: &[u8]) -> Vec<Leak> {
        let mut readings = vec![("as it is", String::from_utf8_lossy(bytes).into_owned())];
        for form in ["JSON-escaped", "JSON in JSON", "JSON in JSON in JSON"] {
            let text = &readings[readings.len() - 1].1;
            // Without a backslash, undoing escapes would give the same text.
            if text.contains('\\') {
                readings.push((form, without_escapes(text)));
            }
        }
        for depth in 0..readings.len() {
            let text = &readings[depth].1;
            if text.contains('%') {
                let (plain, form) = (without_percents(text), without_percents(&text.replace('+', " ")));
                readings.extend([("URL-encoded", plain), ("form-encoded", form)]);
            }
        }
        self.secrets.iter().filter_map(|known| known.found_in(&readings)).collect()
    }
}

impl Known {
    fn found_in(&self, readings: &[(&'static str, String)]) -> Option<Leak> {
        let leak = |form, text: &str, at: usize, length: usize| {
            Some(Leak { secret: self.name.clone(), form, excerpt: excerpt(text, at, length) })
        };
        for (form, text) in readings {
            if let Some(at) = text.find(&self.whole) {
                return leak(form, text, at, self.whole.len());
            }
        }
        for (_, text) in readings {
            if let Some((at, needle)) =
                self.base64.iter().find_map(|needle| Some((text.find(needle)?, needle)))
            {
                return leak("base64", text, at, needle.len());
            }
        }
        for (_, text) in readings {
            if let Some((at, piece)) = self.pieces.iter().find_map(|piece| Some((text.find(piece)?, piece))) {
                return leak("a piece of it", text, at, piece.len());
            }
        }
        None
    }
}

/// Returns consecutive parts of [`PIECE`] characters, and the last part. Of long secrets, only some.
fn pieces(secret: &str) -> Vec<String> {
    let letters: Vec<char> = secret.chars().collect();
    let step = if letters.len() > 100 { 4 * PIECE } else { PIECE };
    let starts = (0..=letters.len() - PIECE).step_by(step).chain([letters.len() - PIECE]);
    starts.map(|start| letters[start..start + PIECE].iter().collect()).collect()
}

/// Returns the part of the base64 that does not depend on the text before and after the secret.
fn in_base64(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![b'-'; before];
        bytes.extend_from_slice(secret.as_bytes());
        // Each base64 letter has six bits. Letters that also contain bits of the neighboring bytes are left
        // out.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for alphabet in [base64_simd::STANDARD_NO_PAD, base64_simd::URL_SAFE_NO_PAD] {
            forms.push(alphabet.encode_to_string(&bytes)[first..last].to_owned());
        }
    }
    forms
}

/// Returns the text with `\n`, `\"`, `\/`, `\u00e9` and similar escapes undone; any other backslash stays.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let (letter, length) = unescaped(&rest[at..]);
        plain.push(letter);
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    plain
}

/// Returns the character for the escape at the start of the text, and its length in bytes.
fn unescaped(text: &str) -> (char, usize) {
    match text.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(letter @ (b'"' | b'\\' | b'/')) => (char::from(*letter), 2),
        Some(b'u') => {
            let code = text.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            code.and_then(char::from_u32).map_or(('\\', 1), |letter| (letter, 6))
        }
        _ => ('\\', 1),
    }
}

/// Returns the text with `%2B` and similar escapes undone.
fn without_percents(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns the text around a position in a line.
fn excerpt(text: &str, at: usize, length: usize) -> String {
    let start = (0..=at.saturating_sub(120)).rev().find(|start| text.is_char_boundary(*start)).unwrap_or(0);
    let end =
        (at + length.min(200) + 60..text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
    text[start..end].escape_debug().to_string().replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret_leaks::secrets;
    use serde_json::json;

    fn in_percents(text: &str, keeps: &str, upper: bool) -> String {
        let letter = |byte: u8| match char::from(byte) {
            letter if letter.is_ascii_alphanumeric() || keeps.contains(letter) => letter.to_string(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        text.bytes().map(letter).collect()
    }

    fn in_ascii(text: &str) -> String {
        let letter = |letter: char| {
            if letter.is_ascii() { letter.to_string() } else { format!("\\u{:04x}", u32::from(letter)) }
        };
        text.chars().map(letter).collect()
    }

    /// All forms in which a secret may leak, each with the name under which it must be found.
    fn forms(secret: &str) -> Vec<(&'static str, String)> {
        let quoted = json!(secret).to_string();
        let nested = json!(json!({"token": secret}).to_string()).to_string();
        let mut forms = vec![
            ("as it is", secret.to_owned()),
            ("JSON-escaped", quoted.clone()),
            ("JSON-escaped", in_ascii(&quoted)),
            ("JSON-escaped", quoted.replace('/', "\\/")),
            ("JSON in JSON", nested.clone()),
            ("JSON in JSON", in_ascii(&nested)),
            ("JSON in JSON in JSON", json!(nested).to_string()),
            ("URL-encoded", in_percents(secret, "-._~", true)),
            ("URL-encoded", in_percents(secret, "-._~", false)),
            ("URL-encoded", in_percents(secret, "-._~:/?#[]@!$&'()*+,;=", true)),
            ("form-encoded", in_percents(secret, "-._~ ", true).replace(' ', "+")),
        ];
        for before in ["", "u", "us", "user:"] {
            let text = format!("{before}{secret}, and more");
            for alphabet in [base64_simd::STANDARD, base64_simd::URL_SAFE] {
                forms.push(("base64", alphabet.encode_to_string(&text)));
            }
        }
        forms.push(("base64", base64_simd::STANDARD.encode_to_string(secret)));
        let letters: Vec<char> = secret.chars().collect();
        let (first, second) = letters.split_at(letters.len() - 2);
        forms.push(("a piece of it", first.iter().collect()));
        assert_eq!(second.len(), 2);
        forms.push(("a piece of it", letters[letters.len() - PIECE..].iter().collect()));
        forms.push(("a piece of it", json!(first.iter().collect::<String>()).to_string()));
        forms
    }

    #[test]
    #[ignore = "second tier: long"]
    fn a_leak_that_was_put_in_on_purpose_is_found_in_every_form() {
        let all = secrets::all();
        let scanner = Scanner::new(all.clone());
        let mut tried = 0;
        for (name, secret) in &all {
            for (form, text) in forms(secret.trim()) {
                let around = [
                    format!("{{\"message\":\"AWS said {text}, and nothing else\"}}\n"),
                    format!("\0\u{fffd}{text}"),
                    text.clone(),
                ];
                for text in around {
                    let leaks = scanner.scan(text.as_bytes());
                    let names: Vec<&str> = leaks.iter().map(|leak| leak.secret.as_str()).collect();
                    assert_eq!(names, [name], "{form}: {text}");
                    // If nothing must be escaped, the escaped form is equal to the plain one.
                    let is_plain = text.contains(secret.trim());
                    assert!(
                        is_plain
                            || leaks[0].form == form
                            || form == "form-encoded"
                            || form.starts_with("JSON"),
                        "{form}: {text}: {leaks:?}"
                    );
                    tried += 1;
                }
            }
        }
        println!("{tried} leaks, all found");
    }

    #[test]
    fn what_is_no_leak_is_not_taken_for_one() {
        let scanner = Scanner::new(secrets::all());
        let masked = r#"{"message":"Using Access Key: AK******************","to":"[secure]","arn":"arn:aws:lambda:us-east-1:123456789012:function:f"}"#;
        assert_eq!(scanner.scan(masked.as_bytes()), []);
        for (_, secret) in secrets::all() {
            let start: String = secret.trim().chars().take(2).collect();
            assert_eq!(scanner.scan(format!("{start}****").as_bytes()), []);
        }
    }

    #[test]
    fn every_secret_is_one_of_a_kind() {
        let all = secrets::all();
        for (name, secret) in &all {
            let others: Vec<_> = all.iter().filter(|(other, _)| other != name).cloned().collect();
            assert_eq!(Scanner::new(others).scan(secret.as_bytes()), [], "{name}");
        }
    }
}
