//! Reads variables whose values are not UTF-8 from the text of a request. JSON has no bytes: Python turns
//! each byte that is not UTF-8 into half of a surrogate pair, U+DC80 to U+DCFF (PEP 383, `surrogateescape`),
//! and writes it as `\udc80` to `\udcff`. Other parsers refuse such a string. Never changes anything but
//! these values, and never accepts other halves of surrogate pairs.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The part of a request that is read here.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    env: BTreeMap<String, &'a RawValue>,
}

/// Takes the values that are not UTF-8 out of `env`. Returns these variables; in the document, their values
/// become null. Other values stay in their places, so that an error in the rest has the same line and column.
/// Does nothing if the document has another error.
pub(super) fn take_out(document: &mut [u8]) -> Vec<(String, OsString)> {
    let begin = document.as_ptr().addr();
    let text = &*document;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let Ok(Outline { env }) = serde_json::from_slice(text) else { return Vec::new() };
    let (mut spans, mut found) = (Vec::new(), Vec::new());
    for (name, raw) in env {
        if let Some(value) = not_utf8(raw.get()) {
            let start = raw.get().as_ptr().addr() - begin;
            spans.push(start..start + raw.get().len());
            found.push((name, OsString::from_vec(value)));
        }
    }
    for span in spans {
        // The value has at least the eight characters of `"\udc80"`.
        let (null, rest) = document[span].split_at_mut(4);
        null.copy_from_slice(b"null");
        rest.fill(b' ');
    }
    found
}

/// The bytes of a JSON string that is not UTF-8. `None`: the JSON is something else.
fn not_utf8(json: &str) -> Option<Vec<u8>> {
    if !json.starts_with('"') || serde_json::from_str::<String>(json).is_ok() {
        return None;
    }
    // The type that serde reads as bytes, in which halves of surrogate pairs are encoded as if they were
    // characters (WTF-8). It contains no NUL, as a variable.
    let encoded = serde_json::from_str::<CString>(json).ok()?.into_bytes();
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_slice();
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, behind) = rest.split_at(error.valid_up_to());
        bytes.extend_from_slice(valid);
        bytes.push(match behind {
            // U+DC80 to U+DCBF, and U+DCC0 to U+DCFF.
            [0xed, 0xb2, last @ 0x80..=0xbf, ..] => *last,
            [0xed, 0xb3, last @ 0x80..=0xbf, ..] => last + 0x40,
            _ => return None,
        });
        rest = &behind[3..];
    }
    bytes.extend_from_slice(rest);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_of_a_surrogate_pair_is_the_byte_that_python_read() {
        let some = |bytes: &'static [u8]| Some(bytes);
        for (json, expected) in [
            (r#""\udcff""#, some(b"\xff")),
            (r#""a\udc80b\udcbfc\udcc0\udcff""#, some(b"a\x80b\xbfc\xc0\xff")),
            (r#""\u00fc\udcfc ü \ud83d\ude00\udce9""#, some(b"\xc3\xbc\xfc \xc3\xbc \xf0\x9f\x98\x80\xe9")),
            (r#""\udcc3\udca9""#, some(b"\xc3\xa9")),
            (r#""text""#, None),
            (r#""\ufffd""#, None),
            (r#""\\udc80""#, None),
            (r#""\ud800""#, None),
            (r#""\udc7f""#, None),
            (r#""\udd00\udc80""#, None),
            (r#""\u0000\udc80""#, None),
            ("[237,178,128]", None),
            ("7", None),
        ] {
            assert_eq!(not_utf8(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn other_values_keep_their_places() {
        let mut document =
            b"\xef\xbb\xbf{\"env\": {\"A\": \"\\udcff!\",\n \"B\": \"b\", \"C\": null}}".to_vec();
        let found = take_out(&mut document);
        assert_eq!(found, [("A".to_owned(), OsString::from_vec(b"\xff!".to_vec()))]);
        let expected = "\u{feff}{\"env\": {\"A\": null     ,\n \"B\": \"b\", \"C\": null}}";
        assert_eq!(String::from_utf8(document).unwrap(), expected);
        for text in [r#"{"env": {"A": "\udcff"}"#, r#"{"env": ["\udcff"]}"#, r#"{"a": "\udcff"}"#] {
            let mut document = text.as_bytes().to_vec();
            assert!(take_out(&mut document).is_empty(), "{text}");
            assert_eq!(document, text.as_bytes());
        }
    }
}
