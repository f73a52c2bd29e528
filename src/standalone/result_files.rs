//! Writes the results of all runs to files, besides what is shown: as lines `name=value`, and as Markdown.
//! Only appends, so that no file loses what is in it, and never writes a value on two lines. Side effects:
//! creates the files and writes to them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::input_error::InputError;
use super::markdown::MarkdownDocument;
use super::reporter::{ChildLine, of_stanzas};
use super::terminal::clean;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Finished, Line};

/// The files, and what is written to them when all runs have ended.
#[derive(Debug, Default)]
pub(crate) struct ResultFiles {
    result: Option<(PathBuf, File)>,
    summary: Option<(PathBuf, File)>,
    finished: Vec<Finished>,
    document: MarkdownDocument,
}

impl ResultFiles {
    /// Opens the files before a run begins, so that no deployment is without its result. Creates a file that
    /// does not exist.
    ///
    /// # Errors
    /// [`InputError::Unwritable`].
    pub(crate) fn open(result: Option<&Path>, summary: Option<&Path>) -> Result<Self, InputError> {
        let open = |file: &Path| match append_to(file) {
            Ok(opened) => Ok((file.to_owned(), opened)),
            Err(source) => Err(InputError::Unwritable { file: file.display().to_string(), source }),
        };
        let (result, summary) = (result.map(open).transpose()?, summary.map(open).transpose()?);
        Ok(ResultFiles { result, summary, ..ResultFiles::default() })
    }

    /// Begins a run.
    pub(crate) fn begin_run(&mut self, title: &str) {
        self.document.begin_run(title);
    }

    /// Adds what an event says.
    pub(crate) fn add(&mut self, line: &ChildLine) {
        self.document.add(line);
        self.finished.extend(line.finished().cloned());
    }

    /// Adds a failure for which there is no event: no run was started, or its events cannot be read.
    pub(crate) fn fail(&mut self, report: &ErrorReport) {
        let finished = Event::Finished(Finished::failed(report.clone(), Vec::new()));
        self.add(&ChildLine::Event(Box::new(Line::new(finished))));
    }

    /// Writes the results.
    ///
    /// # Errors
    /// The message for standard error, if a file cannot be written.
    pub(crate) fn write(self) -> Result<(), String> {
        for (file, text) in [(self.result, lines(&self.finished)), (self.summary, self.document.text())] {
            // The first opening of a pipe stays, so that its reader does not see an end.
            let Some((path, _opened)) = file else { continue };
            // `cleanup` puts the file away, and brings it back as another one.
            let written = append_to(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| format!("{}: cannot write the result: {error}", path.display()))?;
        }
        Ok(())
    }
}

fn append_to(file: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(file)
}

/// The result of all runs as lines `name=value`. A value that is not known has no line. The facts about the
/// live function are there only if it is one: it would not be clear which function they are about.
fn lines(finished: &[Finished]) -> String {
    let outcome = finished.iter().map(Finished::outcome).min().map(|outcome| outcome.to_string());
    let mut deployments =
        finished.iter().flat_map(of_stanzas).filter_map(|(_, finished)| finished.deployment());
    let first = deployments.next();
    let live = first.filter(|_| deployments.next().is_none());
    let values = [
        ("outcome", outcome.as_deref()),
        ("version", live.map(|live| live.version.as_str())),
        ("function_arn", live.map(|live| live.function_arn.as_str())),
        ("previous_version", live.and_then(|live| live.previous_version.as_deref())),
        ("url", live.and_then(|live| live.function_url.as_deref())),
    ];
    let line = |(name, value): (&str, Option<&str>)| Some(format!("{name}={}\n", clean(value?)));
    values.into_iter().filter_map(line).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "reads the files that are written")]
mod tests {
    use std::fs;

    use super::*;
    use crate::protocol::error::Code;
    use crate::protocol::event::{FunctionOutcome, ListOutcome};
    use serde_json::json;
    use tempfile::TempDir;

    fn live(version: &str) -> Finished {
        let live = json!({
            "function_arn": "arn:f", "function_name": "f", "region": "eu-west-1", "alias": null,
            "version": version, "previous_version": "6", "code_sha256": "3i5t", "code": "uploaded",
            "duration_ms": 7,
        });
        Finished::Deployed(serde_json::from_value(live).expect("a live function"))
    }

    fn list(results: Vec<Finished>) -> Finished {
        let of = |(finished, stanza)| FunctionOutcome::of(stanza, None, finished);
        let functions = results.into_iter().zip(0..).map(of).collect();
        Finished::List(Box::new(ListOutcome::of(functions, Vec::new(), 7)))
    }

    #[test]
    fn the_facts_are_those_of_the_only_live_function() {
        let skipped = || Finished::Skipped { unmet: Vec::new() };
        let failed = || Finished::failed(ErrorReport::new(Code::AccessDenied, "m"), Vec::new());
        let facts = "version=7\nfunction_arn=arn:f\nprevious_version=6\n";
        for (results, expected) in [
            (vec![], String::new()),
            (vec![skipped()], "outcome=skipped\n".to_owned()),
            (vec![live("7")], format!("outcome=deployed\n{facts}")),
            (vec![live("7"), skipped()], format!("outcome=deployed\n{facts}")),
            (vec![list(vec![skipped(), live("7")])], format!("outcome=deployed\n{facts}")),
            (vec![live("7"), failed()], format!("outcome=failed\n{facts}")),
            (vec![live("7"), live("8")], "outcome=deployed\n".to_owned()),
            (vec![list(vec![live("7"), live("8")])], "outcome=deployed\n".to_owned()),
        ] {
            assert_eq!(lines(&results), expected, "{results:?}");
        }
    }

    #[test]
    fn a_value_never_begins_a_line() {
        let text = lines(&[live("7\noutcome=failed")]);
        assert!(text.starts_with("outcome=deployed\nversion=7\\u{a}outcome=failed\nfunction_arn="), "{text}");
    }

    #[test]
    fn results_are_appended_and_a_directory_is_refused_before_the_run() {
        let directory = TempDir::new().expect("a temporary directory");
        let [result, summary] = ["result", "summary.md"].map(|name| directory.path().join(name));
        fs::write(&summary, "before\n").expect("written");
        for _ in 0..2 {
            let mut files = ResultFiles::open(Some(&result), Some(&summary)).expect("writable");
            files.fail(&ErrorReport::new(Code::BadJson, "m"));
            // As `git stash` and `git stash pop` do.
            let content = fs::read(&result).expect("readable");
            fs::remove_file(&result).expect("removed");
            fs::write(&result, content).expect("written");
            files.write().expect("written");
        }
        let read = |file: &Path| fs::read_to_string(file).expect("readable");
        assert_eq!(read(&result), "outcome=failed\n".repeat(2));
        let text = read(&summary);
        assert!(text.starts_with("before\n### ") && text.matches("**failed:**").count() == 2, "{text}");
        ResultFiles::open(None, None).expect("no file").write().expect("nothing to write");
        let refused = ResultFiles::open(None, Some(directory.path())).unwrap_err();
        assert!(matches!(refused, InputError::Unwritable { .. }), "{refused}");
    }
}
