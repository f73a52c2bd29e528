//! What a reporter of child runs is given: their titles, their lines and notes.

use std::io;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::protocol::event::{Event, Finished, Line};

/// Finds the place of a JSON pointer in the file of the stanza, such as `.travis.yml:14`. The number is the
/// index of the stanza in a list. `None`: the stanza is not from a file.
pub(crate) type Locate<'a> = &'a dyn Fn(Option<u32>, &str) -> Option<String>;

/// A line of JSON that a child run has written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ChildLine {
    /// An event.
    Event(Box<Line>),
    /// An event that only another version of this program knows.
    Unknown {
        /// Its name.
        event: String,
        /// The event as one line of text.
        message: Option<String>,
    },
    /// Other JSON.
    Other(IgnoredAny),
}

impl ChildLine {
    /// The event. `None`: this version does not know its form.
    pub(crate) fn event(&self) -> Option<&Event> {
        if let ChildLine::Event(line) = self { Some(&line.event) } else { None }
    }

    /// The result, if this is the last event of a run.
    pub(crate) fn finished(&self) -> Option<&Finished> {
        if let Some(Event::Finished(finished)) = self.event() { Some(finished) } else { None }
    }

    /// True if this is the last event of a run.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished().is_some() || matches!(self, ChildLine::Unknown { event, .. } if event == "finished")
    }
}

/// The result of each stanza of a run, with its index if the run is one of a list.
pub(super) fn of_stanzas(finished: &Finished) -> Vec<(Option<u32>, &Finished)> {
    if let Finished::List(list) = finished {
        return list.functions.iter().map(|function| (Some(function.stanza), &function.finished)).collect();
    }
    vec![(None, finished)]
}

/// Shows the events of child runs.
pub(crate) trait Reporter {
    /// Begins a run with this title, for a document of all runs.
    fn begin_run(&mut self, _title: &str) {}

    /// Shows the title of the run, if there are several.
    ///
    /// # Errors
    /// The output cannot be written, for example because its reader has closed it.
    fn heading(&mut self, _title: &str) -> io::Result<()> {
        Ok(())
    }

    /// Shows a line: as it was read, and as the child wrote it, without its line feed.
    fn line(&mut self, line: &ChildLine, raw: &str, locate: Locate<'_>) -> io::Result<()>;

    /// Shows a one-line message that is not an event.
    fn note(&mut self, text: &str);
}
