//! Renders the catalogue of error and warning codes as Markdown. Each entry says what happened, who must act
//! and what to do, and gives an example. `docs/errors.md` is the whole catalogue. Adds no facts of its own:
//! text comes from the code's definition, and the examples from the functions that report real errors.

use crate::protocol::suggest::suggest;
use std::fmt::Write;

use super::examples::example;
use crate::protocol::error::{Code, WarningCode};
use crate::protocol::event::{Event, Finished, Line};

/// The whole catalogue, in Markdown.
pub fn document() -> String {
    let mut text = String::from(
        "# Errors and warnings\n\n\
         A failed run has an `error.code`, and a warning has a `code`. `dpl-lambda explain CODE` prints the \
         entry of one code.\n\
         This file is generated from the program, including the examples.\n\n## Errors\n\n",
    );
    text.push_str("| code | class | retryable? |\n|---|---|---|\n");
    for code in Code::ALL {
        let again = if code.is_retryable() { "yes" } else { "" };
        let _ = writeln!(text, "| [`{code}`](#{code}) | {} | {again} |", code.class());
    }
    text.push('\n');
    Code::ALL.iter().for_each(|code| text.push_str(&from_code(*code)));
    text.push_str("## Warnings\n\nA warning does not end the run.\n\n");
    WarningCode::ALL.iter().for_each(|code| text.push_str(&from_warning(*code)));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// All codes, each with the first sentence of its meaning.
pub(crate) fn list() -> String {
    let errors = Code::ALL.iter().map(|code| (code.to_string(), code.meaning()));
    let warnings = WarningCode::ALL.iter().map(|code| (code.to_string(), code.meaning()));
    let mut text = String::new();
    for (title, codes) in [("Errors", errors.collect::<Vec<_>>()), ("Warnings", warnings.collect())] {
        let _ = writeln!(text, "{title}:");
        let width = codes.iter().map(|(word, _)| word.len()).max().unwrap_or_default();
        for (word, meaning) in codes {
            let first = meaning.split_once(". ").map_or(meaning, |(first, _)| first).trim_end_matches('.');
            let _ = writeln!(text, "  {word:width$}  {first}");
        }
        text.push('\n');
    }
    text.push_str("`dpl-lambda explain CODE` explains one of them.\n");
    text
}

/// The entry of one error or warning code, such as `access-denied`. Also reads a code as the output for
/// people shows it, `error[access-denied]`, and one in another case or with underscores.
///
/// # Errors
/// For an unknown code, a message that suggests the nearest known one.
pub(crate) fn entry(given: &str) -> Result<String, String> {
    let shown = given.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let word = shown.map_or(given, |(code, _)| code).to_ascii_lowercase().replace('_', "-");
    if let Some(code) = Code::ALL.iter().find(|code| code.to_string() == word) {
        return Ok(from_code(*code));
    }
    if let Some(code) = WarningCode::ALL.iter().find(|code| code.to_string() == word) {
        return Ok(from_warning(*code));
    }
    let warnings = WarningCode::ALL.iter().map(|code| code.to_string());
    let words: Vec<String> = Code::ALL.iter().map(|code| code.to_string()).chain(warnings).collect();
    let meant = suggest(&word, words.iter().map(String::as_str));
    let meant = meant.map(|nearest| format!("did you mean `{nearest}`?"));
    let meant = meant.unwrap_or_else(|| "`dpl-lambda explain` lists all codes".to_owned());
    Err(format!("unknown code `{given}`; {meant}"))
}

fn from_code(code: Code) -> String {
    let class = code.class();
    let again = if code.is_retryable() {
        "Without a change, the same request may succeed later."
    } else {
        "Without a change, the same request fails again."
    };
    let event = Event::Finished(Finished::failed(example(code), Vec::new()));
    let time = Some("2026-11-01T12:00:00.000Z".to_owned());
    let line = serde_json::to_value(Line { time, ..Line::new(event) }).unwrap_or_default();
    format!(
        "### {code}\n\n{}\n\nWho must act: {} (class `{class}`). {again}\n\n**What to do:** {}\n\n\
         ```json\n{line:#}\n```\n\n",
        code.meaning(),
        class.who(),
        code.advice(),
    )
}

fn from_warning(code: WarningCode) -> String {
    format!("### {code}\n\n{}\n\n**What to do:** {}\n\n", code.meaning(), code.advice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_example_that_is_its_own_and_says_what_to_do() {
        for code in Code::ALL {
            let example = example(*code);
            assert_eq!(example.code, *code, "{example:?}");
            assert_eq!(example.class, code.class());
            let says_what_is_right = example.message.contains("; expected ");
            assert!(
                example.hint.is_some() || says_what_is_right,
                "{code:?} says neither what is right nor what to do: {example:?}"
            );
            let entry = entry(&code.to_string()).expect("an entry");
            assert!(entry.contains(code.meaning()) && entry.contains(code.advice()), "{entry}");
        }
    }

    #[test]
    fn every_example_is_read_back_as_it_was_written() {
        for code in Code::ALL {
            let line = Line::new(Event::Finished(Finished::failed(example(*code), Vec::new())));
            assert_eq!(serde_json::from_str::<Line>(&line.to_json()).expect("a line"), line);
        }
    }

    #[test]
    fn an_unknown_code_gets_the_nearest_one() {
        let nearest = entry("acces-denied").expect_err("there is none");
        assert!(nearest.contains("`access-denied`"), "{nearest}");
        let none = entry("zebra").expect_err("there is none");
        assert!(none.contains("`dpl-lambda explain` lists all codes"), "{none}");
        for shown in
            ["handler-not-found", "warning[handler-not-found]", "HANDLER_NOT_FOUND", "error[bad-value]:"]
        {
            assert!(entry(shown).is_ok(), "{shown}");
        }
    }

    #[test]
    fn the_list_has_a_line_for_each_code() {
        let list = list();
        let warnings = WarningCode::ALL.iter().map(|code| code.to_string());
        for word in Code::ALL.iter().map(|code| code.to_string()).chain(warnings) {
            let is_listed = |line: &str| line.split_whitespace().next() == Some(word.as_str());
            assert!(list.lines().any(is_listed), "{word}");
        }
        let is_titled = |line: &str| line.ends_with("  Standard input is not JSON");
        assert!(list.lines().any(is_titled), "{list}");
    }

    #[test]
    fn no_word_is_a_failure_and_a_warning_of_different_kinds() {
        let both: Vec<String> = Code::ALL
            .iter()
            .map(|code| code.to_string())
            .filter(|word| WarningCode::ALL.iter().any(|code| code.to_string() == *word))
            .collect();
        assert_eq!(both, ["unknown-key"], "it has the same meaning in both");
    }
}
