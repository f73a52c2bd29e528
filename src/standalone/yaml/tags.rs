//! Applies the tags of YAML's own types, such as `!!str`, and detects foreign ones, such as `!ruby/object`.
//! Never decides whether a foreign tag is an error.

/// What the tags of YAML's own types begin with. `!!` is short for it.
const YAML: &str = "tag:yaml.org,2002:";

/// The text of a scalar, whether it counts as plain (without quotes), and whether its tag is foreign.
pub(super) fn apply(tag: Option<&str>, text: String, plain: bool) -> (String, bool, bool) {
    match tag.map(|tag| tag.strip_prefix(YAML).unwrap_or(tag)) {
        None => (text, plain, false),
        Some("!" | "str" | "!str") => (text, false, false),
        Some("int" | "float" | "bool" | "null") => (text, true, false),
        Some("binary" | "!binary") => match decode(&text) {
            Some(decoded) => (decoded, false, false),
            None => (text, plain, true),
        },
        Some(_) => (text, plain, true),
    }
}

/// The text of which `base64` is the base64. `None`: it is not valid, or not of a text.
fn decode(base64: &str) -> Option<String> {
    String::from_utf8(base64_simd::forgiving_decode_to_vec(base64.as_bytes()).ok()?).ok()
}

/// Whether the tag of a list or a map is foreign. Accepts Travis's tags for merging imported files, such as
/// `!map+deep_merge`.
pub(super) fn is_foreign(tag: &str) -> bool {
    let is_of_travis = ["!map+", "!seq+"].iter().any(|known| tag.starts_with(known));
    !is_of_travis && !["!", "map", "seq"].contains(&tag.strip_prefix(YAML).unwrap_or(tag))
}
