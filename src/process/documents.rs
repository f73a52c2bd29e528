//! Prints the document of a document command and exits the process.
//! Never writes anything to standard output except a complete document.

use std::io::{self, Write};
use std::process;

use crate::protocol::schema;

use super::arguments::SchemaDocument;

/// The commands that print a document.
pub(crate) const COMMANDS: &[&str] = &["schema", "policy", "explain", "completions", "manual"];

/// Prints the document and exits the process. If there is no document, only standard error gets a line.
pub(crate) fn print_and_exit(document: Result<String, String>) -> ! {
    let mut stdout = io::stdout();
    let written = document.and_then(|text| {
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|error| format!("cannot write to standard output: {error}"))
    });
    let Err(line) = written else { process::exit(0) };
    let _ = writeln!(io::stderr(), "dpl-lambda: {line}");
    process::exit(2)
}

/// The JSON Schema of a document, formatted.
pub(crate) fn schema(document: SchemaDocument) -> String {
    let schema = match document {
        SchemaDocument::Stanza => schema::stanza(),
        SchemaDocument::Request => schema::request(),
        SchemaDocument::Event => schema::event(),
        SchemaDocument::TravisYml => schema::travis_yml(),
    };
    format!("{schema:#}\n")
}
