//! Shows the results of runs as Markdown, for a pull request or a job summary: a plan as a table. Never lets
//! a text from outside be more than text: it is in `<code>`, in which GitHub and GitLab notify no one, and
//! each character of it that Markdown, HTML or a CI's log could interpret is a character reference. The text
//! fits into a comment of GitHub.

use std::collections::BTreeMap;

use super::reporter::ChildLine;
use super::terminal::{clean, counts, values};
use crate::protocol::event::{Event, Finished, Line, Plan, PlannedStep};
use crate::protocol::messages::{counted, presence};

#[cfg(test)]
mod tests;

/// Largest number of bytes of the text. A comment of GitHub has at most 65,536 characters.
const MAX_BYTES: usize = 60_000;

/// Largest number of characters of one text from outside, such as a value.
const MAX_CHARS: usize = 500;

/// The head of the table of a plan.
const TABLE: &str = "| Step | Change | From | To |\n|---|---|---|---|\n";

/// The results of all runs of a process.
#[derive(Debug, Default)]
pub(crate) struct MarkdownDocument {
    /// Title of the current run. Empty: its stanza is not known.
    title: String,
    /// What the current run has shown of each stanza. The key of a run that is not one of a list is `None`.
    shown: BTreeMap<Option<u32>, Shown>,
    sections: Vec<Section>,
}

/// What a run has shown of a stanza before its result.
#[derive(Debug, Default)]
struct Shown {
    plan: Option<Plan>,
    warnings: Vec<String>,
}

/// The result of one stanza, as Markdown.
#[derive(Debug)]
struct Section {
    title: String,
    /// Paragraphs before the table.
    outcome: Vec<String>,
    /// Rows of the table. Empty: there is no table.
    rows: Vec<String>,
    /// Paragraphs after the table.
    warnings: Vec<String>,
}

impl MarkdownDocument {
    /// Begins a run.
    pub(crate) fn begin_run(&mut self, title: &str) {
        title.clone_into(&mut self.title);
    }

    /// Adds what an event says.
    pub(crate) fn add(&mut self, line: &ChildLine) {
        let ChildLine::Event(line) = line else { return };
        let stanza = line.scope.stanza;
        match &line.event {
            Event::Hello { .. } => self.shown.clear(),
            Event::Planned(plan) => self.shown.entry(stanza).or_default().plan = Some(plan.clone()),
            Event::Warning(_) => {
                self.shown.entry(stanza).or_default().warnings.push(line.text().to_owned());
            }
            Event::Finished(Finished::List(list)) => {
                for function in &list.functions {
                    self.result(&function.scope().title(), Some(function.stanza), &function.finished);
                }
            }
            Event::Finished(finished) => {
                let title = self.title_of(finished);
                self.result(&title, None, finished);
            }
            Event::Identified { .. }
            | Event::ConditionChecked(_)
            | Event::Progress(_)
            | Event::Packaged(_)
            | Event::Phase { .. }
            | Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::GuardChecked(_)
            | Event::Output { .. } => {}
        }
    }

    /// The function of a run that is not one of a list, as far as it is known.
    fn title_of(&self, finished: &Finished) -> String {
        let basis = finished.plan().and_then(|plan| plan.basis.as_ref());
        let planned = basis.map(|basis| basis.function_name.clone());
        let live = finished.deployment().map(|live| live.function_name.clone());
        planned.or(live).unwrap_or_else(|| self.title.clone())
    }

    fn result(&mut self, title: &str, stanza: Option<u32>, finished: &Finished) {
        let Shown { plan, warnings } = self.shown.remove(&stanza).unwrap_or_default();
        let rows = plan.iter().flat_map(|plan| &plan.steps).flat_map(rows).collect();
        self.sections.push(Section {
            title: if title.is_empty() { "dpl-lambda".to_owned() } else { code(title) },
            outcome: outcome(finished),
            rows,
            warnings: warnings.iter().map(|warning| format!("- {}", code(warning))).collect(),
        });
    }

    /// The whole text. If it would be too long, the rest is left out, and the last sentence says how much.
    pub(crate) fn text(&self) -> String {
        let mut text = BoundedText::default();
        for section in &self.sections {
            text.add_function(&format!("### {}\n\n", section.title));
            section.outcome.iter().for_each(|paragraph| text.add(&format!("{paragraph}\n\n")));
            if !section.rows.is_empty() {
                text.add(TABLE);
                section.rows.iter().for_each(|row| text.add_row(&format!("{row}\n")));
                text.add("\n");
            }
            section.warnings.iter().for_each(|paragraph| text.add(&format!("{paragraph}\n\n")));
        }
        text.finish()
    }
}

/// A text of a limited size, and how much did not fit. After the first part that does not fit, nothing is
/// added, so that no row is without its table.
#[derive(Default)]
struct BoundedText {
    text: String,
    is_full: bool,
    functions: usize,
    rows: usize,
}

impl BoundedText {
    fn add(&mut self, part: &str) {
        self.is_full |= self.text.len() + part.len() > MAX_BYTES;
        if !self.is_full {
            self.text += part;
        }
    }

    fn add_function(&mut self, part: &str) {
        self.add(part);
        self.functions += usize::from(self.is_full);
    }

    fn add_row(&mut self, part: &str) {
        self.add(part);
        self.rows += usize::from(self.is_full);
    }

    fn finish(self) -> String {
        if !self.is_full {
            return self.text;
        }
        let functions = counted(self.functions, "function", "functions");
        let rows = counted(self.rows, "change", "changes");
        format!(
            "{}\n\n**The text is too long: {functions} and {rows} are left out here.** The events (`--format \
             json`) have all of them.\n",
            self.text.trim_end()
        )
    }
}

/// How a stanza ended, as paragraphs.
fn outcome(finished: &Finished) -> Vec<String> {
    let word = finished.outcome();
    match finished {
        Finished::Planned(plan) if plan.steps.is_empty() => vec![format!("**{word}:** no changes")],
        Finished::Planned(plan) => {
            vec![format!("**{word}:** {}; {}", counts(&plan.steps), presence(plan.function))]
        }
        Finished::Failed { error, changed, allowed } => {
            let mut paragraphs = vec![format!("**{word}:** {}", code(&error.code.to_string()))];
            paragraphs.extend(error.lines().iter().map(|line| format!("- {}", code(line))));
            if !changed.is_empty() {
                let changed: Vec<&str> = changed.iter().map(|step| step.as_str()).collect();
                paragraphs.push(format!("- already done: {}", code(&changed.join(", "))));
            }
            if *allowed {
                paragraphs.push("- allowed: the build continues, because `allow_failure` is set".to_owned());
            }
            paragraphs
        }
        Finished::Deployed(_)
        | Finished::Unchanged(_)
        | Finished::Checked {}
        | Finished::Packaged { .. }
        | Finished::Skipped { .. }
        | Finished::Stopped { .. }
        | Finished::List(_) => {
            let message = Line::new(Event::Finished(finished.clone())).message;
            vec![format!("**{word}:** {}", code(&message))]
        }
    }
}

/// The rows of a step: one for each change, or one without a change.
fn rows(step: &PlannedStep) -> Vec<String> {
    let phase = step.phase.map(|phase| format!(" ({phase})")).unwrap_or_default();
    let name = code(&format!("{}{phase}", step.step.as_str()));
    let cell = |value: Option<String>| value.map(|value| code(&value)).unwrap_or_default();
    if step.changes.is_empty() {
        return vec![format!("| {name} | | | |")];
    }
    let row = |(field, from, to): (String, Option<String>, Option<String>)| {
        format!("| {name} | {} | {} | {} |", code(&field), cell(from), cell(to))
    };
    step.changes.iter().map(values).map(row).collect()
}

/// A text from outside as Markdown that shows exactly this text, on one line. Of a long text only the
/// beginning.
fn code(text: &str) -> String {
    let text = clean(text);
    let mut out = String::from("<code>");
    for c in text.chars().take(MAX_CHARS) {
        match c {
            c if c.is_alphanumeric() || !c.is_ascii() || " -,".contains(c) => out.push(c),
            c => out += &format!("&#{};", u32::from(c)),
        }
    }
    out += if text.chars().nth(MAX_CHARS).is_some() { "…</code>" } else { "</code>" };
    out
}
