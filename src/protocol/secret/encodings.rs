//! All encodings in which other programs show a value.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Minimum length at which a single line of a multi-line secret is masked.
pub(super) const LINE: usize = 8;

/// The bytes that URL encoding replaces (RFC 3986).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same in a path, which keeps its slashes.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// All encodings of a value: the value itself, JSON (also nested in JSON, and with `\u00e9` or `\/`), URL
/// encoding and Base64.
pub(super) fn encodings(value: &str) -> Vec<String> {
    let json = |value: &str| {
        let quoted = Value::from(value).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let mut encodings = vec![value.to_owned()];
    for plain in [json(value), json(value).replace('/', "\\/")] {
        for once in [ascii(&plain), plain] {
            let twice = json(&once);
            encodings.extend([json(&twice), twice, once]);
        }
    }
    for reserved in [RESERVED, RESERVED_IN_PATH] {
        let encoded = utf8_percent_encode(value, reserved).to_string();
        let form = encoded.replace("%20", "+");
        encodings.extend([lower_hex(&form), form, lower_hex(&encoded), encoded]);
    }
    if value.len() >= LINE {
        encodings.extend(base64(value.as_bytes()));
    }
    encodings.sort_unstable();
    encodings.dedup();
    encodings
}

/// Writes non-ASCII characters as `\u00e9`, as Python does.
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

/// The parts of a value's Base64 that do not depend on the text before and after it, for each of the three
/// alignments.
fn base64(value: &[u8]) -> impl Iterator<Item = String> {
    (0..3).flat_map(|before| {
        let bytes = [&[0; 2][..before], value].concat();
        let whole = base64_simd::STANDARD.encode_to_string(&bytes);
        let end = bytes.len() * 8 / 6;
        let core = whole[(before * 8).div_ceil(6)..end].to_owned();
        [core.replace('+', "-").replace('/', "_"), core]
    })
}
