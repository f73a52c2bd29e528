//! Functions on texts that several modules need.

/// Replaces control characters by spaces. A value of the stanza can contain any character; a line feed would
/// break the line, others would move the cursor of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Escapes `##` in JSON, with which commands to Azure Pipelines, GitHub and TeamCity begin (`##vso[`, `##[`,
/// `##teamcity[`), at any place in a line. The value stays the same. A CI system that logs the JSON must not
/// run a command quoted in it.
pub(crate) fn json_without_log_commands(json: String) -> String {
    if json.contains("##") { json.replace("##", "#\\u0023") } else { json }
}

/// Whether a text can be the name of a variable: letters, digits and `_`, and no digit first.
pub(crate) fn is_variable_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a text consists of digits, at least one.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A pattern that matches a word in any case.
pub(crate) fn in_any_case(word: &str) -> String {
    let letters = word.chars().map(|c| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    });
    letters.collect()
}

/// Implements `Display` for enums without fields: a value is written as the word that it is in JSON.
macro_rules! display_as_in_json {
    ($($name:ident),*) => { $(
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                serde::Serialize::serialize(self, formatter)
            }
        }
    )* };
}
pub(super) use display_as_in_json;
