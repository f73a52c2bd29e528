//! What a document command has made in, the document on standard output and the process's end out.
//! Never writes anything to standard output but a whole document.

use std::io::{self, Write};
use std::process;

use dpl_lambda::protocol::schema;

use super::arguments::Document;

/// The commands that print a document.
pub(crate) const COMMANDS: &[&str] = &["schema", "policy", "explain"];

/// Prints the document and ends the process; of one that cannot be made only a line on standard error tells.
pub(crate) fn end(document: Result<String, String>) -> ! {
    let status = match document {
        Ok(text) if io::stdout().write_all(text.as_bytes()).is_ok() => 0,
        Ok(_) => 2,
        Err(line) => {
            let _ = writeln!(io::stderr(), "dpl-lambda: {line}");
            2
        }
    };
    process::exit(status)
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
