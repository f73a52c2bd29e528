//! Prints events as text for people: a plan as a table, steps as they finish, an error at the end.
//! Never fails on an unknown event, and never prints a control character from the text of an event.

mod groups;
mod policy_json;
mod release;
mod steps;
mod style;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::ci_log::{Group, LogGroups};
use super::reporter::{ChildLine, Locate};
use crate::protocol::error::{Warning, WarningCode};
use crate::protocol::event::{
    Condition, ConditionResult, CredentialsSource, Event, GuardAlarm, GuardState, Line, Package, Plan,
    PlannedStep, StepName, StepTarget, Stream,
};
use crate::protocol::messages::{counted, dotted, presence, size, without_log_commands};
use crate::protocol::policy_document::Statement;
use style::TextStyle;
pub use style::{TerminalCapabilities, size_of};
pub(super) use table::values;
pub(super) use text::clean;
use text::{clean_output, shortened, width, wrapped};

/// Maximum width of prose in columns, even on a wider terminal: longer lines are hard to read.
const WIDEST_PROSE: usize = 100;

/// Finds the place of a JSON pointer of one stanza. See [`Locate`].
type LocateKey<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Prints the events of all runs of a process, to a terminal or a log.
pub struct HumanReporter<W: Write> {
    out: W,
    capabilities: TerminalCapabilities,
    /// Columns of the current live line, which will be redrawn and ends at the cursor. 0: there is none.
    live: usize,
    /// Number of live lines above the current one.
    live_above: usize,
    groups: LogGroups,
    section: Section,
    run: Run,
    /// The release whose functions run.
    release: Option<Release>,
}

/// The sections of the text, separated by empty lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Beginning,
    Facts,
    Plan,
    Steps,
    End,
}

/// What has been shown of the current run.
#[derive(Debug, Default)]
struct Run {
    /// Index of the stanza in the list. `None`: the run is not one of a list, or no stanza has begun.
    stanza: Option<u32>,
    plan: Option<Vec<PlannedStep>>,
    /// True if the plan is in a group, which a log may show closed.
    plan_is_grouped: bool,
    /// The step that has started and not finished yet.
    running: Option<(StepName, StepTarget)>,
    /// For a log: the task in progress, and how many quarters of it have been shown.
    quarters: Option<(&'static str, usize)>,
    /// For a log: the elapsed seconds of the current wait when it was last shown.
    waited: Option<u64>,
    /// What the guard had found when it was last shown.
    guard: Option<(GuardState, u8, Vec<GuardAlarm>)>,
    /// Lines of the function's log that have been shown.
    log: Vec<String>,
    /// The last lines that the user's commands have printed, until something else happens.
    last_output: Vec<String>,
    /// True if something may have been changed: a step has finished, or a command has run.
    has_changes: bool,
}

/// What has been shown of the current release.
#[derive(Default)]
struct Release {
    name: String,
    /// Number of functions in the first phase: no other one joins them.
    size: usize,
    /// The current phase, as text.
    phase: String,
    /// The functions, by the index of their stanza.
    functions: BTreeMap<u32, Function>,
}

/// A function of a release.
struct Function {
    name: String,
    /// Formats its events. What it has written is its next block.
    reporter: HumanReporter<Vec<u8>>,
    /// The last event, if it was one of progress.
    progress: Option<String>,
}

impl<W: Write> HumanReporter<W> {
    /// Prints to `out`.
    pub fn new(out: W, capabilities: TerminalCapabilities) -> Self {
        let (section, run) = (Section::Beginning, Run::default());
        let groups = LogGroups::default();
        HumanReporter { out, capabilities, live: 0, live_above: 0, groups, section, run, release: None }
    }

    /// Prints an event. For an unknown event, prints its text, if it has one.
    pub fn show(&mut self, line: &ChildLine, locate: Locate<'_>) -> io::Result<()> {
        if let ChildLine::Event(line) = line
            && self.show_in_release(line, locate)?
        {
            return self.out.flush();
        }
        let is_progress = matches!(line.event(), Some(Event::Progress(_)));
        if !is_progress {
            self.clear()?;
            self.close_output_before(matches!(line.event(), Some(Event::Output { .. })))?;
        }
        match line {
            ChildLine::Event(line) => self.event(line, locate)?,
            ChildLine::Unknown { message, .. } if line.is_finished() => {
                self.end_release(None)?;
                self.close_group("result")?;
                self.abandoned()?;
                let text = message.as_deref().map(clean).unwrap_or_default();
                self.outcome(TextStyle::Bold, "finished:", &text)?;
            }
            ChildLine::Unknown { message: Some(message), .. } => {
                let note = self.capabilities.symbols().note;
                self.labelled(0, &[(TextStyle::Dim, note)], &clean(message), TextStyle::Plain)?;
            }
            ChildLine::Unknown { message: None, .. } | ChildLine::Other(_) => {}
        }
        if !is_progress {
            self.draw_running()?;
        }
        self.out.flush()
    }

    fn event(&mut self, line: &Line, locate: Locate<'_>) -> io::Result<()> {
        let stanza = line.scope.stanza;
        if stanza.is_some() && stanza != self.run.stanza && !matches!(line.event, Event::Finished(_)) {
            self.abandoned()?;
            self.heading(&line.title())?;
            self.run.stanza = stanza;
        }
        self.event_of_run(line, locate)
    }

    fn event_of_run(&mut self, line: &Line, locate: Locate<'_>) -> io::Result<()> {
        if !matches!(
            line.event,
            Event::Output { .. } | Event::Progress(_) | Event::Warning(_) | Event::Finished(_)
        ) {
            self.run.last_output.clear();
        }
        match &line.event {
            Event::Hello { .. } => {
                self.run = Run::default();
                Ok(())
            }
            Event::Identified { source, profile, access_key_id, region } => {
                self.identified(*source, profile.as_deref(), access_key_id, region)
            }
            Event::ConditionChecked(checked) => self.condition_checked(checked, line.text()),
            Event::Progress(progress) => self.progress(progress, line.text()),
            Event::Packaged(package) => self.packaged(package),
            Event::Planned(plan) => self.planned(plan),
            Event::Phase { release, functions, .. } => self.phase(release, *functions, line.text()),
            Event::StepStarted { step, target, .. } => self.step_started(*step, target),
            Event::StepFinished { step, duration_ms, attempts, .. } => {
                self.step_finished(*step, *duration_ms, *attempts)
            }
            Event::GuardChecked(check) => self.guard_checked(check, line.text()),
            Event::Output { stream, line } => self.output(*stream, line),
            Event::Warning(warning) => self.warning(warning, &|at: &str| locate(line.scope.stanza, at)),
            Event::Finished(finished) => self.finished(finished, locate),
        }
    }

    /// Prints what is left of a release, clears the live lines, so that the cursor is at the beginning of an
    /// empty line, and closes the open group.
    pub fn end(&mut self) -> io::Result<()> {
        self.end_release(None)?;
        self.clear()?;
        self.close_group("result")?;
        self.out.flush()
    }

    fn condition_checked(&mut self, checked: &ConditionResult, message: &str) -> io::Result<()> {
        self.begin(Section::Facts)?;
        let symbols = self.capabilities.symbols();
        let ConditionResult { condition, met, want, got } = checked;
        let text = if *condition == Condition::PullRequest {
            clean(message)
        } else {
            format!("{condition}: want {}, got {}", quoted(want), quoted(got))
        };
        match met {
            true => self.labelled(0, &[(TextStyle::Good, symbols.done)], &text, TextStyle::Dim),
            false => self.labelled(0, &[(TextStyle::Bad, symbols.not)], &text, TextStyle::Plain),
        }
    }

    fn identified(
        &mut self,
        source: CredentialsSource,
        profile: Option<&str>,
        access_key_id: &str,
        region: &str,
    ) -> io::Result<()> {
        self.begin(Section::Facts)?;
        let (key, region) = (clean(access_key_id), clean(region));
        let source = match profile.map(clean) {
            Some(profile) if source == CredentialsSource::Profile => format!("profile {profile}"),
            Some(profile) => format!("{source}, profile {profile}"),
            None => source.to_string(),
        };
        let text = format!("access key {key} ({source}), region {region}");
        self.dim(self.capabilities.symbols().note, &text)
    }

    fn packaged(&mut self, package: &Package) -> io::Result<()> {
        self.begin(Section::Facts)?;
        self.dim(self.capabilities.symbols().note, &format!("packaged {}", contents(package)))
    }

    fn planned(&mut self, plan: &Plan) -> io::Result<()> {
        self.abandoned()?;
        if self.groups.plan_is_result() {
            self.close_group("plan")?;
        }
        self.begin(Section::Plan)?;
        if !self.groups.plan_is_result() && self.groups.can_open() && !plan.steps.is_empty() {
            self.open_group(Group::Plan, &format!("plan: {}", plan_text(plan)))?;
            self.plan_table(plan)?;
            return self.close_group("steps");
        }
        self.plan(plan)
    }

    fn plan(&mut self, plan: &Plan) -> io::Result<()> {
        self.begin(Section::Plan)?;
        self.labelled(0, &[(TextStyle::Bold, "plan:")], &plan_text(plan), TextStyle::Dim)?;
        self.plan_table(plan)
    }

    fn plan_table(&mut self, plan: &Plan) -> io::Result<()> {
        for line in table::lines(&plan.steps, self.capabilities.symbols(), self.columns()) {
            let line: Vec<(TextStyle, &str)> =
                line.iter().map(|(style, text)| (*style, text.as_str())).collect();
            self.line(&line)?;
        }
        self.run.plan = Some(plan.steps.clone());
        self.run.plan_is_grouped = self.groups.current().is_some();
        Ok(())
    }

    fn output(&mut self, stream: Stream, line: &str) -> io::Result<()> {
        self.open_output(stream)?;
        match stream {
            Stream::Log => self.run.log.push(line.to_owned()),
            Stream::Stdout | Stream::Stderr => self.keep_output(line),
        }
        self.run.has_changes = true;
        self.quoted_block(line)
    }

    /// Prints a line of external output after a bar. The line is not wrapped, even if it is wider than the
    /// terminal.
    fn quoted_block(&mut self, line: &str) -> io::Result<()> {
        let bar = format!("{} ", self.capabilities.symbols().bar);
        self.line(&[(TextStyle::Dim, &bar), (TextStyle::Plain, &clean_output(line))])
    }

    fn warning(&mut self, warning: &Warning, locate: LocateKey<'_>) -> io::Result<()> {
        self.run.has_changes |= warning.code == WarningCode::Stashed;
        let label = format!("warning[{}]:", warning.code);
        let message = clean(&warning.message);
        self.labelled(0, &[(TextStyle::Changed, &label)], &message, TextStyle::Plain)?;
        self.place(warning.at.as_deref(), locate)?;
        self.hint(warning.hint.as_deref(), warning.policy_statement.as_deref())
    }

    /// Prints the key and, if there is a file, its line, in a form that editors recognize.
    fn place(&mut self, at: Option<&str>, locate: LocateKey<'_>) -> io::Result<()> {
        let Some(at) = at else { return Ok(()) };
        let key = dotted(&clean(at));
        let (label, text) = match (locate(at).map(|place| clean(&place)), key.is_empty()) {
            (Some(place), true) => ("-->", place),
            // A setting of a plugin has the name of its key.
            (Some(place), false) if place.ends_with(&format!(".{key}")) => ("-->", place),
            (Some(place), false) => ("-->", format!("{place} ({key})")),
            (None, true) => return Ok(()),
            (None, false) => ("at", key),
        };
        self.labelled(2, &[(TextStyle::Dim, label)], &text, TextStyle::Plain)
    }

    /// Prints the hint and, after it, the policy statement, formatted so that it can be copied.
    fn hint(&mut self, hint: Option<&str>, statement: Option<&Statement>) -> io::Result<()> {
        if let Some(hint) = hint {
            let hint = match statement {
                Some(statement) => clean(&policy_json::removed_from(hint, statement)),
                None => clean(hint),
            };
            self.labelled(2, &[(TextStyle::Bold, "hint:")], &hint, TextStyle::Plain)?;
        }
        let columns = self.columns().map(|columns| columns - 4);
        for line in statement.into_iter().flat_map(|statement| policy_json::lines(statement, columns)) {
            self.line(&[(TextStyle::Plain, &format!("    {}", clean(&line)))])?;
        }
        Ok(())
    }

    /// Prints a label, a space, and text. Further lines of the text are indented by two columns more than the
    /// label.
    fn labelled(
        &mut self,
        indent: usize,
        label: &[(TextStyle, &str)],
        text: &str,
        style: TextStyle,
    ) -> io::Result<()> {
        let wide: usize = label.iter().map(|(_, text)| width(text)).sum();
        let gap = if wide > 0 { " " } else { "" };
        let lines = wrapped(text, indent + wide + gap.len(), indent + 2, self.prose());
        for (number, line) in lines.iter().enumerate() {
            if number == 0 {
                let margin = " ".repeat(indent);
                let mut pieces = vec![(TextStyle::Plain, margin.as_str())];
                pieces.extend(label);
                pieces.extend((!line.is_empty()).then_some((TextStyle::Plain, gap)));
                pieces.push((style, line));
                self.line(&pieces)?;
            } else {
                self.line(&[(TextStyle::Plain, &" ".repeat(indent + 2)), (style, line)])?;
            }
        }
        Ok(())
    }

    /// Prints a mark and a text, both dim.
    fn dim(&mut self, mark: &str, text: &str) -> io::Result<()> {
        self.labelled(0, &[(TextStyle::Dim, mark)], text, TextStyle::Dim)
    }

    /// Begins a section, with an empty line or a title before it, unless it is the first one or already the
    /// current one.
    fn begin(&mut self, section: Section) -> io::Result<()> {
        let is_new = self.section != section && self.section != Section::Beginning;
        self.section = section;
        if is_new && !self.mark_line()? {
            self.line(&[])?;
        }
        Ok(())
    }

    fn line(&mut self, pieces: &[(TextStyle, &str)]) -> io::Result<()> {
        self.mark_line()?;
        if self.section == Section::Beginning {
            self.section = Section::Facts;
        }
        let mut begins = true;
        for (style, text) in pieces {
            // Wrapping can also produce a line that begins with a command.
            let text = self.groups.log().inert(text, begins);
            self.write_styled(*style, &text)?;
            begins &= text.trim_start().is_empty();
        }
        self.out.write_all(b"\n")
    }

    fn write_styled(&mut self, style: TextStyle, text: &str) -> io::Result<()> {
        match style.parameters().filter(|_| self.capabilities.colour && !text.trim().is_empty()) {
            Some(parameters) => write!(self.out, "\u{1b}[{parameters}m{text}\u{1b}[0m"),
            None => self.out.write_all(text.as_bytes()),
        }
    }

    /// Draws the live line over the previous one. Overwrites with spaces instead of an escape sequence, so
    /// that a terminal without colours gets no escape sequences.
    fn draw(&mut self, text: &str) -> io::Result<()> {
        let columns = self.columns().unwrap_or(WIDEST_PROSE);
        // On some terminals, text in the last column moves the cursor to the next line.
        let text = shortened(&without_log_commands(text), columns - 1, self.capabilities.symbols().cut);
        let rest = self.live.saturating_sub(width(&text));
        self.out.write_all(b"\r")?;
        self.write_styled(TextStyle::Dim, &text)?;
        write!(self.out, "{}{}", " ".repeat(rest), "\u{8}".repeat(rest))?;
        self.live = width(&text);
        Ok(())
    }

    /// Draws live lines below each other over the previous ones. Several lines need escape sequences, so
    /// a terminal without colours must get one at most.
    fn draw_lines(&mut self, lines: &[String]) -> io::Result<()> {
        self.clear()?;
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.out.write_all(b"\n")?;
                (self.live, self.live_above) = (0, number);
            }
            self.draw(line)?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.live_above > 0 {
            // Cursor Up, then Erase in Page (ECMA-48): everything below the cursor.
            write!(self.out, "\r\u{1b}[{}A\u{1b}[J", self.live_above)?;
        } else if self.live > 0 {
            write!(self.out, "\r{}\r", " ".repeat(self.live))?;
        }
        (self.live, self.live_above) = (0, 0);
        Ok(())
    }

    fn columns(&self) -> Option<usize> {
        self.capabilities.width.map(|columns| usize::from(columns.max(20)))
    }

    fn prose(&self) -> Option<usize> {
        self.columns().map(|columns| columns.min(WIDEST_PROSE))
    }
}

/// A value of a condition, in quotes if it is empty.
fn quoted(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { clean(value) }
}

/// `dist: 3 entries, 1.2 MiB unpacked, 400.0 KiB zipped`.
fn contents(package: &Package) -> String {
    let Package { entries, uncompressed_bytes, zip_bytes, source, layer, .. } = package;
    let layer = layer.as_deref().map(|layer| format!(" for layer {}", clean(layer))).unwrap_or_default();
    format!(
        "{}{layer}: {}, {} unpacked, {} zipped",
        clean(source),
        counted(*entries, "entry", "entries"),
        size(*uncompressed_bytes),
        size(*zip_bytes)
    )
}

/// `the function exists; 2 steps, 3 changes`.
fn plan_text(plan: &Plan) -> String {
    let function = presence(plan.function);
    match plan.steps.as_slice() {
        [] => format!("{function}: no changes"),
        steps => format!("{function}; {}", counts(steps)),
    }
}

/// `2 steps, 3 changes`.
pub(super) fn counts(steps: &[PlannedStep]) -> String {
    let changes: usize = steps.iter().map(|step| step.changes.len()).sum();
    format!("{}, {}", counted(steps.len(), "step", "steps"), counted(changes, "change", "changes"))
}
