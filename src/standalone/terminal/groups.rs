//! Groups lines in the log of a CI: what is done for each of several stanzas, a plan, the output of commands.
//! Never leaves a result or an error in a group, because a CI may show groups closed.

use std::io::{self, Write};
use std::mem;

use super::style::TextStyle;
use super::text::{clean, shortened, width};
use super::{HumanReporter, Run, Section};
use crate::protocol::event::Stream;
use crate::standalone::ci_log::{Group, LogGroups};

/// How many lines of output are shown again below a group, if the command that printed them fails.
const LAST_LINES: usize = 10;

impl<W: Write> HumanReporter<W> {
    /// Marks groups of lines for this log.
    pub(crate) fn with_groups(self, groups: LogGroups) -> Self {
        HumanReporter { groups, ..self }
    }

    /// Begins a stanza, if there are several: with its group, or with its title.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.end_release(None)?;
        self.run = Run::default();
        if !self.groups.are_marked() {
            return self.title(text);
        }
        self.close_group("result")?;
        self.groups.wait(clean(text));
        self.section = Section::Beginning;
        self.out.flush()
    }

    /// Prints a title on a line of its own.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        let text = clean(text);
        let mark = self.groups.title(&text);
        if mark.is_empty() {
            self.rule(&text)?;
        } else {
            self.out.write_all(mark.as_bytes())?;
        }
        self.section = Section::Beginning;
        self.out.flush()
    }

    fn rule(&mut self, text: &str) -> io::Result<()> {
        if self.section != Section::Beginning {
            self.line(&[])?;
        }
        let rule = self.capabilities.symbols().rule;
        let text = self.prose().map_or_else(
            || text.to_owned(),
            |columns| shortened(text, columns - 6, self.capabilities.symbols().cut),
        );
        let rest = self.prose().map_or(2, |columns| columns.saturating_sub(width(&text) + 4));
        self.line(&[
            (TextStyle::Dim, &format!("{} ", rule.repeat(2))),
            (TextStyle::Bold, &text),
            (TextStyle::Dim, &format!(" {}", rule.repeat(rest))),
        ])
    }

    /// Writes what must come before the next line of text. Returns false if that is nothing.
    pub(super) fn mark_line(&mut self) -> io::Result<bool> {
        let mark = self.groups.before_line();
        self.out.write_all(mark.as_bytes())?;
        Ok(!mark.is_empty())
    }

    pub(super) fn open_group(&mut self, group: Group, title: &str) -> io::Result<()> {
        let marks = self.groups.open(group, title);
        self.out.write_all(marks.as_bytes())
    }

    /// Closes the open group. Of a group without a line only the title is printed. `next` is the title of
    /// what follows, for a log in which a group goes on until the next title.
    pub(super) fn close_group(&mut self, next: &'static str) -> io::Result<()> {
        if let Some(title) = self.groups.take_waiting() {
            return self.title(&title);
        }
        let mark = self.groups.close(next);
        self.out.write_all(mark.as_bytes())
    }

    /// Closes the open group before the result. If the run has failed, its last group is shown.
    pub(super) fn close_before_result(&mut self, has_failed: bool) -> io::Result<()> {
        let mark = if has_failed { self.groups.expand() } else { "" };
        self.out.write_all(mark.as_bytes())?;
        self.close_group("result")
    }

    /// Opens a group for the output of a command or the log of the function, unless a group is open.
    pub(super) fn open_output(&mut self, stream: Stream) -> io::Result<()> {
        if !self.groups.can_open() {
            return Ok(());
        }
        let title = match (stream, &self.run.running) {
            (Stream::Log, _) => "the function's log".to_owned(),
            (Stream::Stdout | Stream::Stderr, Some((step, _))) => format!("output of {}", step.as_str()),
            (Stream::Stdout | Stream::Stderr, None) => "output of run".to_owned(),
        };
        self.open_group(Group::Output, &title)
    }

    /// Closes the group of output, unless the next event is also output.
    pub(super) fn close_output_before(&mut self, is_output: bool) -> io::Result<()> {
        match self.groups.current() {
            Some(Group::Output) if !is_output => self.close_group("steps"),
            Some(Group::Output | Group::Plan | Group::Stanza) | None => Ok(()),
        }
    }

    pub(super) fn keep_output(&mut self, line: &str) {
        let lines = &mut self.run.last_output;
        if lines.len() == LAST_LINES {
            lines.remove(0);
        }
        lines.push(line.to_owned());
    }

    /// Shows the last lines of output again, if they are in a group that stays closed.
    pub(super) fn repeat_output(&mut self) -> io::Result<()> {
        let lines = mem::take(&mut self.run.last_output);
        if !self.groups.stay_closed() || lines.is_empty() {
            return Ok(());
        }
        self.line(&[(TextStyle::Dim, "the end of the output:")])?;
        lines.iter().try_for_each(|line| self.quoted_block(line))
    }

    /// Prints the block of a function of a release. `has_failed`: the release has failed because of it.
    pub(super) fn block(&mut self, name: &str, block: &[u8], has_failed: bool) -> io::Result<()> {
        if !self.groups.are_marked() || self.groups.plan_is_result() {
            if self.section != Section::Beginning {
                self.line(&[])?;
            }
            self.line(&[(TextStyle::Bold, name)])?;
            return self.out.write_all(block);
        }
        self.open_group(Group::Stanza, name)?;
        self.section = Section::Facts;
        self.out.write_all(block)?;
        self.close_before_result(has_failed)
    }
}
