//! Writes values as YAML, so that every version of YAML reads the same values back. Never writes an
//! unprintable character or `##`, with which a command to the log of a CI begins, and never breaks a text
//! into lines.
//!
//! A text without quotes could be read as a boolean, a number, a date or null, depending on the version of
//! YAML: `on`, `012`, `1e3`, `~`. So only a text that begins like a word, and has no character with a meaning
//! in YAML, is written without quotes.

use std::fmt::Write;

use serde_json::Value;

use super::scalar;
use crate::protocol::json::Node;

/// Appends a key with its value to a block of this indentation, in spaces.
pub(crate) fn pair(yaml: &mut String, indent: usize, key: &str, value: &Value) {
    let _ = write!(yaml, "{:indent$}{}:", "", text(key));
    match value {
        Value::Object(members) if !members.is_empty() => {
            yaml.push('\n');
            members.iter().for_each(|(key, member)| pair(yaml, indent + 2, key, member));
        }
        Value::Array(items) if !items.is_empty() => {
            yaml.push('\n');
            items.iter().for_each(|item| entry(yaml, indent + 2, item));
        }
        other => {
            let _ = writeln!(yaml, " {}", inline(other));
        }
    }
}

/// Appends an entry of a list.
fn entry(yaml: &mut String, indent: usize, item: &Value) {
    match item {
        Value::Object(members) if !members.is_empty() => {
            let mut block = String::new();
            members.iter().for_each(|(key, member)| pair(&mut block, indent + 2, key, member));
            // The first key is on the line of the hyphen.
            let _ = write!(yaml, "{:indent$}- {}", "", block.trim_start());
        }
        other => {
            let _ = writeln!(yaml, "{:indent$}- {}", "", inline(other));
        }
    }
}

/// A value on one line. Between brackets each text has quotes: older parsers refuse some others there, such
/// as `a:b`.
fn inline(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, member)| format!("{}: {}", in_quotes(key), quoted(member)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// As [`inline`], with quotes.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => in_quotes(text),
        other => inline(other),
    }
}

/// A text, in quotes if it needs them.
fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { in_quotes(text) }
}

fn in_quotes(text: &str) -> String {
    let is_simple = text.chars().all(is_printable) && !text.contains("##");
    if is_simple { format!("'{}'", text.replace('\'', "''")) } else { in_double_quotes(text) }
}

/// Words that a version of YAML does not read as text, in lower case.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];

/// Whether every version of YAML reads the text, without quotes, as this text.
fn is_plain(text: &str) -> bool {
    let is_ordinary = |c: char| c.is_ascii_alphanumeric() || " $/_.:@-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || "$/_".contains(c))
        && text.chars().all(is_ordinary)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && scalar::plain(text, true) == Node::Text(text.to_owned())
}

/// Whether YAML allows the character in a text of one line, and a terminal shows it and nothing else.
pub(crate) fn is_printable(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
        | '\u{e0000}'..);
    c == ' ' || !(c.is_control() || c.is_whitespace() || is_invisible)
}

fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '#' if quoted.ends_with('#') => write!(quoted, "\\x23"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            c if is_printable(c) => write!(quoted, "{c}"),
            _ if code <= 0xff => write!(quoted, "\\x{code:02x}"),
            _ if code <= 0xffff => write!(quoted, "\\u{code:04x}"),
            _ => write!(quoted, "\\U{code:08x}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{SourceMap, parse};
    use super::*;

    /// The value that the reader of `.travis.yml` files reads.
    #[track_caller]
    fn read(yaml: &str) -> Value {
        let mut notes = Vec::new();
        let tree = parse(yaml, &mut notes).unwrap_or_else(|error| panic!("{yaml}: {error:?}"));
        let node = tree.expect("a document").read("", &mut SourceMap::of_stanza());
        let node = node.unwrap_or_else(|error| panic!("{yaml}: {error:?}"));
        assert!(notes.is_empty(), "{yaml}: {notes:?}");
        Value::from(&node)
    }

    /// Checks that a value is read back in each place where it can be.
    #[track_caller]
    fn survives(value: &Value) {
        for document in [
            json!({"key": value}),
            json!({"key": {"a": value, "b": [value, value]}}),
            json!({"key": [{"a": value, "b": value}, value, [value]]}),
        ] {
            let mut yaml = String::new();
            let members = document.as_object().expect("an object");
            members.iter().for_each(|(key, value)| pair(&mut yaml, 0, key, value));
            assert_eq!(read(&yaml), document, "{yaml}");
            let mut inside = String::from("deploy:\n");
            members.iter().for_each(|(key, value)| pair(&mut inside, 2, key, value));
            assert_eq!(read(&inside), json!({"deploy": document}), "{inside}");
        }
    }

    #[test]
    fn no_value_is_a_command_to_a_log() {
        for text in [
            "##vso[task.setvariable variable=a]b",
            "###[x]",
            "####",
            "a\n##[x]",
            "::error::x",
            "--- x",
            "+++",
        ] {
            survives(&json!(text));
            let mut yaml = String::new();
            pair(&mut yaml, 0, text, &json!({"a": text, "b": [text, {text: [text]}], "c": [[text]]}));
            for line in yaml.lines() {
                let begins = |command: &str| line.trim_start().starts_with(command);
                let is_command = ["::", "---", "+++"].into_iter().any(begins) || line.contains("##");
                assert!(!is_command, "{line}");
            }
        }
    }

    /// Texts that a version of YAML reads as something else, or that break a line or a quotation.
    const TEXTS: &str = "on On ON off yes Yes no y Y n N true True false null Null NULL ~ nil .nan .inf -.inf NaN \
        Inf 0 -1 +1 012 0o7 0x1f 0b11 1_000 1e3 1E3 1.5e+3 .5 5. 1.10 12:30 1:30:00 80,443 2024-01-31 \
        123456789012 - -- --- ... ? : :a a: a:b a::b = <<  & &a * *.js ! !a !!str % %a @a `a` # a#b | > [ ] { } , \
        [a] {a} a,b 'a' \"a\" 'a \"a \\ \\n a\\ $A ${A} $$ \\$A arn:aws:iam::123456789012:role/x /aws/lambda/f \
        https://x.example/y?z=1&a#b index.handler Pkg.Class::method r/app@sha256:aa _ _1 / . .. é ü.x ✓ 🚀 日本";

    /// More texts: with white space, quotes, and characters that a terminal does not show.
    #[rustfmt::skip] // one text per line would fill a page
    const MORE_TEXTS: [&str; 36] = [
        "", " ", " a", "a ", "a b", "a  b", "a: b", "a :b", "a #b", "a\nb", "\n", "a\n", "\na\n\n b\n",
        "\ta", "a\tb", "a\r\nb", "\0", "\u{7}", "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{a0}",
        "\u{2028}a\u{2029}", "\u{feff}", "\u{fffe}\u{ffff}", "a\u{202e}b", "\u{e000}\u{10ffff}", "it's",
        "it's \u{1}", "\"\u{1}\\\"", "- a", "? a", "# a", "a:\n  b", "{{ a }}", "on: [push]",
    ];

    #[test]
    fn every_text_is_read_back() {
        let texts = TEXTS.split_whitespace().chain(MORE_TEXTS).map(str::to_owned);
        let texts = texts.chain(["x".repeat(5000), "a b ".repeat(2000), "é".repeat(3000)]);
        let mut count = 0;
        for text in texts {
            survives(&json!(text));
            count += 1;
        }
        assert!(count > 130, "{count}");
    }

    #[test]
    fn every_key_is_read_back() {
        for key in TEXTS.split_whitespace().chain(["", "a b", "a: b", "a\nb", "\u{2028}", "on"]) {
            let mut yaml = String::new();
            pair(&mut yaml, 2, key, &json!({key: [{key: 1}]}));
            assert_eq!(read(&yaml), json!({key: {key: [{key: 1}]}}), "{yaml}");
        }
    }

    #[test]
    fn other_values_are_read_back() {
        for value in [
            json!(0),
            json!(-7),
            json!(u64::MAX),
            json!(true),
            json!(false),
            json!(null),
            json!([]),
            json!({}),
            json!([[], {}, [1, "on"], {"a": {}}]),
            json!({"a": {"b": {"c": []}}, "d": 1}),
        ] {
            survives(&value);
        }
    }

    #[test]
    fn the_usual_values_have_no_quotes() {
        let mut yaml = String::new();
        let value = json!({
            "function_name": "hello",
            "role": "arn:aws:iam::123456789012:role/run",
            "description": "Says hello, twice",
            "environment": {"TOKEN": "$FN_HELLO_TOKEN", "DEBUG": "true"},
            "file_system_configs": [{"arn": "a", "local_mount_path": "/mnt/a"}],
            "layers": ["l", "m"],
            "timeout": 20,
        });
        value.as_object().expect("an object").iter().for_each(|(key, value)| pair(&mut yaml, 0, key, value));
        let expected = "description: 'Says hello, twice'\nenvironment:\n  DEBUG: 'true'\n  \
            TOKEN: $FN_HELLO_TOKEN\nfile_system_configs:\n  - arn: a\n    local_mount_path: /mnt/a\n\
            function_name: hello\nlayers:\n  - l\n  - m\nrole: arn:aws:iam::123456789012:role/run\ntimeout: 20\n";
        assert_eq!(yaml, expected);
    }
}
