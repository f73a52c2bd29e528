//! Makes one line of a text.

/// Replaces control characters by spaces. A value of the stanza can contain any character; a line feed would
/// break the line, others would move the cursor of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
