//! Prints events as text for people: a plan as a table, steps as they finish, an error at the end.
//! Never fails on an unknown event, and never prints a control character from the text of an event.

mod policy_json;
mod style;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};

use serde_json::Value;

use crate::protocol::messages::{dotted, duration, size, without_log_commands};
use style::TextStyle;
pub use style::{TerminalCapabilities, size_of};
use text::{clean, clean_output, shortened, width, wrapped};

/// Maximum width of prose in columns, even on a wider terminal: longer lines are hard to read.
const WIDEST_PROSE: usize = 100;

/// Steps that take long. A log shows their start and their end; of the other steps it shows only the end.
const LONG: [&str; 4] = ["upload-package", "verify", "wait", "put-provisioned-concurrency-config"];

/// Prints the events of all runs of a process, to a terminal or a log.
pub struct HumanReporter<W: Write> {
    out: W,
    capabilities: TerminalCapabilities,
    /// Columns of the current live line, which will be redrawn and ends at the cursor. 0: there is none.
    live: usize,
    section: Section,
    run: Run,
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
    /// The steps of the plan.
    plan: Option<Value>,
    /// The `step-started` event that has no `step-finished` yet.
    running: Option<Value>,
    /// For a log: the task in progress, and how many quarters of it have been shown.
    quarters: Option<(Value, u64)>,
    /// For a log: the elapsed seconds of the current wait when it was last shown.
    waited: Option<u64>,
    /// Lines of the function's log that have been shown.
    log: Vec<String>,
}

impl<W: Write> HumanReporter<W> {
    /// Prints to `out`.
    pub fn new(out: W, capabilities: TerminalCapabilities) -> Self {
        HumanReporter { out, capabilities, live: 0, section: Section::Beginning, run: Run::default() }
    }

    /// Prints the title of a stanza before its events, if there are several stanzas.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.run = Run::default();
        if self.section != Section::Beginning {
            self.line(&[])?;
        }
        let rule = self.capabilities.symbols().rule;
        let text = clean(text);
        let text = self.prose().map_or_else(
            || text.clone(),
            |columns| shortened(&text, columns - 6, self.capabilities.symbols().cut),
        );
        let rest = self.prose().map_or(2, |columns| columns.saturating_sub(width(&text) + 4));
        self.line(&[
            (TextStyle::Dim, &format!("{} ", rule.repeat(2))),
            (TextStyle::Bold, &text),
            (TextStyle::Dim, &format!(" {}", rule.repeat(rest))),
        ])?;
        self.section = Section::Beginning;
        self.out.flush()
    }

    /// Prints an event. For an unknown event, prints its `message`, if it has one.
    ///
    /// # Errors
    /// See [`Self::heading`].
    pub fn show(&mut self, event: &Value) -> io::Result<()> {
        let tag = event["event"].as_str().unwrap_or_default();
        if tag == "progress" {
            self.progress(event)?;
            return self.out.flush();
        }
        self.clear()?;
        match tag {
            "hello" => self.run = Run::default(),
            "condition-checked" => self.condition_checked(event)?,
            "identified" => self.identified(event)?,
            "packaged" => self.packaged(event)?,
            "planned" => self.planned(event)?,
            "step-started" => self.step_started(event)?,
            "step-finished" => self.step_finished(event)?,
            "output" => self.output(event)?,
            "warning" => self.print_finding("warning", TextStyle::Changed, TextStyle::Plain, event)?,
            "finished" => self.finished(event)?,
            _ => {
                if let Some(message) = text_of(event, "message") {
                    let note = self.capabilities.symbols().note;
                    self.labelled(0, &[(TextStyle::Dim, note)], &message, TextStyle::Plain)?;
                }
            }
        }
        if self.capabilities.live
            && let Some(running) = &self.run.running
        {
            let line = format!("{} {}", self.capabilities.symbols().runs, step_line(running));
            self.draw(&line)?;
        }
        self.out.flush()
    }

    /// Clears the live line, so that the cursor is at the beginning of an empty line.
    ///
    /// # Errors
    /// See [`Self::heading`].
    pub fn end(&mut self) -> io::Result<()> {
        self.clear()?;
        self.out.flush()
    }

    fn condition_checked(&mut self, event: &Value) -> io::Result<()> {
        self.begin(Section::Facts)?;
        let symbols = self.capabilities.symbols();
        let met = event["met"].as_bool().unwrap_or_default();
        let text =
            match (text_of(event, "condition").as_deref(), text_of(event, "want"), text_of(event, "got")) {
                (Some(condition), Some(want), Some(got)) if condition != "pull-request" => {
                    format!("{condition}: want {}, got {}", quoted(&want), quoted(&got))
                }
                _ => text_of(event, "message").unwrap_or_default(),
            };
        match met {
            true => self.labelled(0, &[(TextStyle::Good, symbols.done)], &text, TextStyle::Dim),
            false => self.labelled(0, &[(TextStyle::Bad, symbols.not)], &text, TextStyle::Plain),
        }
    }

    fn identified(&mut self, event: &Value) -> io::Result<()> {
        self.begin(Section::Facts)?;
        let part = |key| text_of(event, key).unwrap_or_default();
        let text =
            format!("access key {} ({}), region {}", part("access_key_id"), part("source"), part("region"));
        let note = self.capabilities.symbols().note;
        self.labelled(0, &[(TextStyle::Dim, note)], &text, TextStyle::Dim)
    }

    fn packaged(&mut self, event: &Value) -> io::Result<()> {
        self.begin(Section::Facts)?;
        let note = self.capabilities.symbols().note;
        let text = format!("packaged {}", package(event));
        self.labelled(0, &[(TextStyle::Dim, note)], &text, TextStyle::Dim)
    }

    /// Shows progress: on a terminal as a bar that is redrawn, in a log as one line per quarter.
    fn progress(&mut self, event: &Value) -> io::Result<()> {
        if event["task"] == "wait" {
            return self.waits(event);
        }
        let (done, total) =
            (event["done_bytes"].as_u64().unwrap_or(0), event["total_bytes"].as_u64().unwrap_or(0));
        let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(0).min(100);
        let percent = u64::try_from(percent).expect("at most 100");
        let doing = match event["task"].as_str() {
            Some("package") => "packaging".to_owned(),
            Some("upload") => "uploading".to_owned(),
            _ => text_of(event, "task").unwrap_or_default(),
        };
        let sizes = format!("{} of {}", size(done), size(total));
        if self.capabilities.live {
            let symbols = self.capabilities.symbols();
            let columns = self.columns().unwrap_or(WIDEST_PROSE);
            let start = format!("{} {doing}", symbols.runs);
            let mut end = format!("{percent:>3} %  {sizes}");
            if width(&start) + width(&end) + 3 > columns {
                end = format!("{percent:>3} %");
            }
            let available = columns.saturating_sub(width(&start) + width(&end) + 3).min(30);
            let full = available * usize::try_from(percent).expect("at most 100") / 100;
            let bar = format!("{}{}", symbols.full.repeat(full), symbols.empty.repeat(available - full));
            return self.draw(&format!("{start} {bar} {end}"));
        }
        let shown_before = match &self.run.quarters {
            Some((task, shown_before)) if *task == event["task"] => *shown_before,
            _ => 0,
        };
        if percent / 25 > shown_before {
            self.run.quarters = Some((event["task"].clone(), percent / 25));
            let mark = self.capabilities.symbols().runs;
            self.labelled(
                0,
                &[(TextStyle::Dim, mark)],
                &format!("{doing}: {percent} %, {sizes}"),
                TextStyle::Dim,
            )?;
        }
        Ok(())
    }

    /// Shows a wait: on a terminal next to the running step, in a log as lines at growing intervals, up to
    /// one per minute.
    fn waits(&mut self, event: &Value) -> io::Result<()> {
        let elapsed = event["elapsed_ms"].as_u64().unwrap_or_default() / 1000;
        let text = format!("waiting for {} ({elapsed} s)", text_of(event, "what").unwrap_or_default());
        let mark = self.capabilities.symbols().runs;
        if self.capabilities.live {
            let step = self
                .run
                .running
                .as_ref()
                .map(|running| format!("{}: ", step_line(running)))
                .unwrap_or_default();
            return self.draw(&format!("{mark} {step}{text}"));
        }
        let shown_before = self.run.waited.filter(|shown_before| *shown_before <= elapsed);
        if shown_before.is_none_or(|shown_before| elapsed - shown_before >= (shown_before / 2).min(60)) {
            self.run.waited = Some(elapsed);
            self.labelled(0, &[(TextStyle::Dim, mark)], &text, TextStyle::Dim)?;
        }
        Ok(())
    }

    fn planned(&mut self, event: &Value) -> io::Result<()> {
        self.abandoned()?;
        self.begin(Section::Plan)?;
        let steps = event["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let function = match event["function"].as_str() {
            Some("absent") => "the function does not exist",
            Some("exists") => "the function exists",
            _ => "",
        };
        if steps.is_empty() {
            let text = format!("{function}: no changes");
            self.labelled(0, &[(TextStyle::Bold, "plan:")], text.trim_start_matches(": "), TextStyle::Dim)?;
        } else {
            let text = format!("{function}; {}", counts(steps));
            self.labelled(0, &[(TextStyle::Bold, "plan:")], text.trim_start_matches("; "), TextStyle::Dim)?;
            for line in table::lines(steps, self.capabilities.symbols(), self.columns()) {
                let line: Vec<(TextStyle, &str)> =
                    line.iter().map(|(style, text)| (*style, text.as_str())).collect();
                self.line(&line)?;
            }
        }
        self.run.plan = Some(event["steps"].clone());
        Ok(())
    }

    fn step_started(&mut self, event: &Value) -> io::Result<()> {
        self.begin(Section::Steps)?;
        self.abandoned()?;
        let long = event["step"].as_str().is_some_and(|step| LONG.contains(&step));
        if long && !self.capabilities.live {
            let mark = self.capabilities.symbols().runs;
            self.labelled(0, &[(TextStyle::Dim, mark)], &step_line(event), TextStyle::Dim)?;
        }
        self.run.running = Some(event.clone());
        Ok(())
    }

    fn step_finished(&mut self, event: &Value) -> io::Result<()> {
        self.begin(Section::Steps)?;
        let started =
            self.run.running.take().filter(|started| started["step"] == event["step"]).unwrap_or_default();
        let name = text_of(event, "step").unwrap_or_default();
        let took = event["duration_ms"].as_u64().map(duration).unwrap_or_default();
        let mut text = took.clone();
        if let Some(attempts) = event["attempts"].as_u64().filter(|attempts| *attempts > 1) {
            text = format!("{text} ({attempts} attempts)");
        }
        let target = target(&started);
        if !target.is_empty() {
            text = format!("{text}  {target}");
        }
        // In columns if there is space, with right-aligned durations.
        let names = self.run.plan.iter().filter_map(Value::as_array).flatten();
        let names = names.filter_map(|step| step["step"].as_str()).map(width).max().unwrap_or(0);
        let names = if self.columns().is_none_or(|columns| columns >= names + 30) { names } else { 0 };
        let times = if names > 0 { 8_usize.saturating_sub(width(&took)) } else { 0 };
        let gap = " ".repeat(names.saturating_sub(width(&name)) + times);
        let done = self.capabilities.symbols().done;
        self.labelled(
            0,
            &[(TextStyle::Good, done), (TextStyle::Plain, &format!(" {name}{gap}"))],
            &text,
            TextStyle::Dim,
        )
    }

    /// Marks a step that started and will not finish, because it failed or the deployment was planned again.
    fn abandoned(&mut self) -> io::Result<()> {
        let Some(started) = self.run.running.take() else { return Ok(()) };
        self.begin(Section::Steps)?;
        let not = self.capabilities.symbols().not;
        self.labelled(0, &[(TextStyle::Bad, not)], &step_line(&started), TextStyle::Plain)
    }

    fn output(&mut self, event: &Value) -> io::Result<()> {
        let line = event["line"].as_str().unwrap_or_default();
        if event["stream"] == "log" {
            self.run.log.push(line.to_owned());
        }
        self.quoted_block(line)
    }

    /// Prints a line of external output after a bar. The line is not wrapped, even if it is wider than the
    /// terminal.
    fn quoted_block(&mut self, line: &str) -> io::Result<()> {
        let bar = format!("{} ", self.capabilities.symbols().bar);
        self.line(&[(TextStyle::Dim, &bar), (TextStyle::Plain, &clean_output(line))])
    }

    /// Prints a warning, a problem or an error: its code and message, its location, and its hint.
    fn print_finding(
        &mut self,
        kind: &str,
        style: TextStyle,
        message_style: TextStyle,
        finding: &Value,
    ) -> io::Result<()> {
        self.print_finding_line(kind, style, message_style, finding)?;
        self.place(finding)?;
        self.hint(finding)
    }

    fn print_finding_line(
        &mut self,
        kind: &str,
        style: TextStyle,
        message_style: TextStyle,
        finding: &Value,
    ) -> io::Result<()> {
        let code = text_of(finding, "code").map(|code| format!("[{code}]")).unwrap_or_default();
        let message = text_of(finding, "message").unwrap_or_default();
        // The message of a warning event begins with its kind and ends with its hint. Both are printed
        // separately here.
        let message = message.strip_prefix("warning: ").unwrap_or(&message);
        let hint = text_of(finding, "hint").map(|hint| format!("; {hint}")).unwrap_or_default();
        let message =
            if kind == "warning" { message.strip_suffix(&hint).unwrap_or(message) } else { message };
        self.labelled(0, &[(style, &format!("{kind}{code}:"))], message, message_style)
    }

    /// Prints the key and, if there is a file, its line, in a form that editors recognize.
    fn place(&mut self, finding: &Value) -> io::Result<()> {
        let at = text_of(finding, "at").map(|at| dotted(&at)).filter(|at| !at.is_empty());
        match (text_of(finding, "place"), at) {
            (Some(place), Some(at)) => {
                self.labelled(2, &[(TextStyle::Dim, "-->")], &format!("{place} ({at})"), TextStyle::Plain)
            }
            (Some(place), None) => self.labelled(2, &[(TextStyle::Dim, "-->")], &place, TextStyle::Plain),
            (None, Some(at)) => self.labelled(2, &[(TextStyle::Dim, "at")], &at, TextStyle::Plain),
            (None, None) => Ok(()),
        }
    }

    /// Prints the hint and, after it, the policy statement, formatted so that it can be copied.
    fn hint(&mut self, finding: &Value) -> io::Result<()> {
        let quoted = finding["hint"].as_str().and_then(policy_json::quoted);
        let (hint, statement) = match quoted {
            Some((hint, statement)) => (Some(clean(&hint)), Some(statement)),
            None => (text_of(finding, "hint"), None),
        };
        if let Some(hint) = hint {
            self.labelled(2, &[(TextStyle::Bold, "hint:")], &hint, TextStyle::Plain)?;
        }
        let statement = statement.as_ref().unwrap_or(&finding["policy_statement"]);
        if !statement.is_null() {
            for line in policy_json::lines(statement, self.columns().map(|columns| columns - 4)) {
                self.line(&[(TextStyle::Plain, &format!("    {}", clean(&line)))])?;
            }
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

    /// Begins a section, with an empty line before it, unless it is the first one or already the current one.
    fn begin(&mut self, section: Section) -> io::Result<()> {
        if self.section != section && self.section != Section::Beginning {
            self.line(&[])?;
        }
        self.section = section;
        Ok(())
    }

    fn line(&mut self, pieces: &[(TextStyle, &str)]) -> io::Result<()> {
        if self.section == Section::Beginning {
            self.section = Section::Facts;
        }
        let mut begins = true;
        for (style, text) in pieces {
            let text = without_log_commands(text);
            // GitHub Actions interprets a line that begins with `::` as a command. Wrapping can produce such
            // a line.
            match text.trim_start().strip_prefix("::").filter(|_| begins) {
                Some(rest) => self.write_styled(
                    *style,
                    &format!("{}: :{rest}", &text[..text.len() - text.trim_start().len()]),
                )?,
                None => self.write_styled(*style, &text)?,
            }
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

    fn clear(&mut self) -> io::Result<()> {
        if self.live > 0 {
            write!(self.out, "\r{}\r", " ".repeat(self.live))?;
            self.live = 0;
        }
        Ok(())
    }

    fn columns(&self) -> Option<usize> {
        self.capabilities.width.map(|columns| usize::from(columns.max(20)))
    }

    fn prose(&self) -> Option<usize> {
        self.columns().map(|columns| columns.min(WIDEST_PROSE))
    }
}

/// A text of an event, without control characters.
fn text_of(event: &Value, key: &str) -> Option<String> {
    event[key].as_str().map(clean)
}

/// A value of a condition, in quotes if it is empty.
fn quoted(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// `dist: 3 entries, 1.2 MiB unpacked, 400.0 KiB zipped`.
fn package(package: &Value) -> String {
    let bytes = |key: &str| size(package[key].as_u64().unwrap_or_default());
    let entries = counted(package["entries"].as_u64().unwrap_or_default(), "entry", "entries");
    let source = text_of(package, "source").unwrap_or_default();
    format!("{source}: {entries}, {} unpacked, {} zipped", bytes("uncompressed_bytes"), bytes("zip_bytes"))
}

/// `2 steps, 3 changes`.
fn counts(steps: &[Value]) -> String {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let changes = steps.iter().map(|step| table::changes(step).len()).sum();
    format!(
        "{}, {}",
        counted(count(steps.len()), "step", "steps"),
        counted(count(changes), "change", "changes")
    )
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A running step: `update-alias  live at version 7`, `wait  60 s`.
fn step_line(started: &Value) -> String {
    let target =
        started["seconds"].as_u64().map_or_else(|| target(started), |seconds| format!("{seconds} s"));
    format!("{}  {target}", text_of(started, "step").unwrap_or_default()).trim_end().to_owned()
}

/// The alias or version that a step acts on. Empty for a step that acts on the function itself.
fn target(started: &Value) -> String {
    let version = text_of(started, "version").filter(|version| version != "$LATEST");
    let version = version.map(|version| format!("version {version}"));
    match (text_of(started, "alias"), version, started["percent"].as_u64()) {
        (Some(alias), Some(version), Some(percent)) => format!("{percent} % of {alias} to {version}"),
        (Some(alias), Some(version), None) => format!("{alias} at {version}"),
        (Some(alias), None, _) => alias,
        (None, version, _) => version.unwrap_or_default(),
    }
}
