//! Writes the stanza of a live function as a `.travis.yml`, with comments. Never decides what the stanza
//! contains.

use std::fmt::Write;

use super::yaml::writer;
use crate::function::WrittenStanza;
use crate::protocol::messages::without_log_commands;

const INTRODUCTION: &str = "\
The stanza of a live function, written by `dpl-lambda init`. It leaves out what has AWS's
default; a deployment does not change that. To compare it with the function:
  dpl-lambda plan --travis-yml .travis.yml";

/// Before the list of variables.
const VARIABLES: &str = "\
Set these variables for the plan, and in the settings of your CI. If one is missing, a deployment
replaces the live value with its name. `aws lambda get-function` shows their values:";

/// The text of the file.
pub(crate) fn stanza_file(stanza: &WrittenStanza) -> String {
    let mut file = String::new();
    INTRODUCTION.lines().for_each(|line| comment(&mut file, 0, line));
    if !stanza.variables.is_empty() {
        comment(&mut file, 0, "");
        VARIABLES.lines().for_each(|line| comment(&mut file, 0, line));
        let longest = stanza.variables.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
        for variable in &stanza.variables {
            comment(&mut file, 0, &format!("  {:longest$}  {}", variable.name, variable.purpose));
        }
    }
    if !stanza.notes.is_empty() {
        comment(&mut file, 0, "");
        stanza.notes.iter().for_each(|note| comment(&mut file, 0, &format!("Note: {note}.")));
    }
    file.push_str("deploy:\n");
    for key in &stanza.keys {
        if let Some(text) = &key.comment {
            comment(&mut file, INDENT, text);
        }
        writer::pair(&mut file, INDENT, key.name, &key.value);
    }
    file
}

/// Indentation of the stanza's keys.
const INDENT: usize = 2;

/// Appends a comment of one line. The name of a tag can have characters that YAML does not allow, and begin a
/// command to the log of a CI.
fn comment(file: &mut String, indent: usize, text: &str) {
    let text: String = text.chars().map(|c| if writer::is_printable(c) { c } else { ' ' }).collect();
    let line = format!("{:indent$}# {}", "", without_log_commands(&text));
    let _ = writeln!(file, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::{JobVariable, WrittenKey};
    use crate::protocol::secret::Secret;
    use crate::standalone::travis_yml;

    #[test]
    fn the_file_has_its_comments_and_no_secret() {
        let key = |name, value, comment: Option<&str>| WrittenKey {
            name,
            value,
            comment: comment.map(str::to_owned),
        };
        let variable = |name: &str, purpose: &str| JobVariable {
            name: name.to_owned(),
            value: Secret::new("hunter2"),
            key: "environment",
            purpose: purpose.to_owned(),
        };
        let stanza = WrittenStanza {
            keys: vec![
                key("provider", json!("lambda"), None),
                key("function_name", json!("hello"), None),
                key("environment", json!({"on": "$FN_HELLO_ON"}), Some("one\nline")),
            ],
            variables: vec![variable("FN_HELLO_ON", "`on`"), variable("FN_A", "`a\u{85}\n- b`")],
            notes: vec!["this\n: is left out, `##[x]` too".to_owned()],
        };
        let file = stanza_file(&stanza);
        let (_, rest) = file.split_once("shows their values:\n").expect("an introduction");
        let expected = "#   FN_HELLO_ON  `on`\n#   FN_A         `a  - b`\n#\n# Note: this : is left out, `# #[x]` too.\ndeploy:\n  \
            provider: lambda\n  function_name: hello\n  # one line\n  environment:\n    'on': $FN_HELLO_ON\n";
        assert_eq!(rest, expected);
        assert!(file.contains("replaces the live value with its name"), "{file}");
        assert!(!file.contains("hunter2"), "{file}");
        let read = travis_yml::stanzas(&file).unwrap_or_else(|error| panic!("{error}: {file}"));
        let stanza = serde_json::to_value(&read[0].stanza).expect("JSON");
        let environment = json!({"on": "$FN_HELLO_ON"});
        assert_eq!(
            stanza,
            json!({"provider": "lambda", "function_name": "hello", "environment": environment})
        );
    }
}
