//! What a document command has made in, the document on standard output and the process's end out.
//! Never writes anything to standard output but a whole document.

use std::io::{self, Write};
use std::process;

use crate::protocol::schema;

use super::arguments::Document;

/// The commands that print a document.
pub(crate) const COMMANDS: &[&str] = &["schema", "policy", "explain", "completions", "manual"];

/// Prints the document and ends the process; of one that cannot be made only a line on standard error tells.
pub(crate) fn end(document: Result<String, String>) -> ! {
    let mut stdout = io::stdout();
    let written = document.and_then(|text| {
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|error| format!("standard output cannot be written: {error}"))
    });
    let Err(line) = written else { process::exit(0) };
    let _ = writeln!(io::stderr(), "dpl-lambda: {line}");
    process::exit(2)
}

/// A JSON Schema.
pub(crate) fn schema(document: Document) -> String {
    let schema = match document {
        Document::Stanza => schema::stanza(),
        Document::Request => schema::request(),
        Document::Event => schema::event(),
        Document::TravisYml => schema::travis_yml(),
    };
    format!("{schema:#}\n")
}
