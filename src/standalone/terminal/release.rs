//! Prints the events of a release, whose functions run side by side: the lines of each function as a block
//! under its name when a phase ends, and meanwhile, on a terminal, a live line for each active function.

use std::io::{self, Write};
use std::mem;

use super::steps::step_line;
use super::style::TerminalCapabilities;
use super::text::{clean, width};
use super::{Function, HumanReporter, Release, Run, Section};
use crate::protocol::event::{Event, Line, Progress};
use crate::standalone::reporter::Locate;

/// Lines of a terminal that live lines leave to the text above them.
const LINES_ABOVE: u16 = 4;

impl<W: Write> HumanReporter<W> {
    /// Begins a phase of a release with this number of functions.
    pub(super) fn phase(&mut self, name: &str, functions: u32, text: &str) -> io::Result<()> {
        if self.release.as_ref().is_some_and(|release| release.name != name) {
            self.end_release(None)?;
        }
        self.print_blocks(None)?;
        self.run = Run::default();
        self.close_group("steps")?;
        self.title(text)?;
        let mut release = self.release.take().unwrap_or_default();
        release.functions.values_mut().for_each(|function| function.progress = None);
        release.size = release.size.max(usize::try_from(functions).unwrap_or(usize::MAX));
        (release.name, release.phase) = (name.to_owned(), clean(text));
        self.release = Some(release);
        Ok(())
    }

    /// Shows an event of a function of the current release. Returns false if the event is another one. The
    /// last event, and one of a stanza that is not part of the release, end the release.
    pub(super) fn show_in_release(&mut self, line: &Line, locate: Locate<'_>) -> io::Result<bool> {
        let stanza = line.scope.stanza;
        let Some(release) = &mut self.release else { return Ok(false) };
        let is_finished = matches!(line.event, Event::Finished(_));
        let (is_open, functions) = (release.functions.len() < release.size, &release.functions);
        let is_member = |stanza: &u32| !is_finished && (is_open || functions.contains_key(stanza));
        let Some(stanza) = stanza.filter(is_member) else {
            if is_finished || stanza.is_some() {
                self.end_release(stanza)?;
            }
            return Ok(false);
        };
        let capabilities = self.capabilities;
        let function = release.functions.entry(stanza).or_insert_with(|| Function::new(capabilities));
        function.name = clean(&line.title());
        if let Event::Progress(progress) = &line.event {
            function.progress = Some(clean(line.text()));
            // A log shows waits at once, because a block has no progress.
            if let (Progress::Wait { elapsed_ms, .. }, false) = (progress, capabilities.live) {
                self.waits(elapsed_ms / 1000, &clean(&line.message))?;
            }
        } else {
            function.progress = None;
            function.reporter.event_of_run(line, locate)?;
        }
        self.draw_release()?;
        Ok(true)
    }

    /// Prints what has not been printed of the release. What was shown of the stanza that decides about the
    /// result is then what was shown of the run.
    pub(super) fn end_release(&mut self, decides: Option<u32>) -> io::Result<()> {
        let Some(release) = &mut self.release else { return Ok(()) };
        let mut has_changes = false;
        for function in release.functions.values_mut() {
            has_changes |= function.reporter.run.has_changes || function.reporter.run.running.is_some();
            function.reporter.abandoned()?;
        }
        self.print_blocks(decides)?;
        let functions = self.release.take().map(|release| release.functions).unwrap_or_default();
        let decides = functions.into_iter().find(|(stanza, _)| Some(*stanza) == decides);
        if let Some((_, function)) = decides {
            self.run = function.reporter.run;
        }
        self.run.has_changes |= has_changes;
        Ok(())
    }

    /// Prints the block of each function that has one. `failed` is the stanza because of which the release
    /// has failed.
    fn print_blocks(&mut self, failed: Option<u32>) -> io::Result<()> {
        self.clear()?;
        let functions = self.release.iter_mut().flat_map(|release| &mut release.functions);
        let blocks = functions.filter_map(|(stanza, function)| Some((*stanza, function.take_block()?)));
        let blocks: Vec<(u32, (String, Vec<u8>))> = blocks.collect();
        for (stanza, (name, block)) in blocks {
            self.block(&name, &block, failed == Some(stanza))?;
        }
        Ok(())
    }

    /// Draws what the functions do, if the output is a terminal.
    fn draw_release(&mut self) -> io::Result<()> {
        let Some(release) = self.release.as_ref().filter(|_| self.capabilities.live) else { return Ok(()) };
        let lines = release.live_lines(self.capabilities);
        self.draw_lines(&lines)
    }
}

impl Release {
    /// A line for each active function, or one line for all on a terminal that must not get escape sequences.
    fn live_lines(&self, capabilities: TerminalCapabilities) -> Vec<String> {
        let mark = capabilities.symbols().runs;
        let functions = self.functions.values();
        let active: Vec<(&str, String)> =
            functions.filter_map(|function| Some((function.name.as_str(), function.does()?))).collect();
        if !capabilities.colour && active.len() > 1 {
            return vec![format!("{mark} {}: {} are active", self.phase, active.len())];
        }
        let names = active.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        let line = |(name, does): &(&str, String)| {
            let gap = " ".repeat(names - width(name));
            format!("{mark} {name}{gap}  {does}")
        };
        let mut lines: Vec<String> = active.iter().map(line).collect();
        let most = usize::from(capabilities.height.saturating_sub(LINES_ABOVE).max(2));
        if lines.len() > most {
            let more = lines.split_off(most - 1).len();
            lines.push(format!("{mark} and {more} more"));
        }
        lines
    }
}

impl Function {
    fn new(capabilities: TerminalCapabilities) -> Self {
        // A step that runs is shown by a live line, or not at all, because the block is printed later.
        let capabilities = TerminalCapabilities { live: true, ..capabilities };
        let reporter = HumanReporter::new(Vec::new(), capabilities);
        Function { name: String::new(), reporter, progress: None }
    }

    /// The name and the lines of the block. `None`: there are none.
    fn take_block(&mut self) -> Option<(String, Vec<u8>)> {
        self.reporter.section = Section::Beginning;
        let block = mem::take(&mut self.reporter.out);
        (!block.is_empty()).then(|| (self.name.clone(), block))
    }

    /// What the function does: its step and its progress. `None`: nothing.
    fn does(&self) -> Option<String> {
        let running = self.reporter.run.running.as_ref();
        let step = running.map(|(step, target)| step_line(*step, target));
        let does: Vec<String> = step.into_iter().chain(self.progress.clone()).collect();
        (!does.is_empty()).then(|| does.join(": "))
    }
}
