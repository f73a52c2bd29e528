//! Functions on texts that several modules need.

/// Replaces control characters by spaces. A value of the stanza can contain any character; a line feed would
/// break the line, others would move the cursor of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A pattern that matches a word in any case.
pub(crate) fn in_any_case(word: &str) -> String {
    let letters = word.chars().map(|c| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    });
    letters.collect()
}
