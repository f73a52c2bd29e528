//! Prints the steps of a run, their progress, and waits. Never leaves a step that has started without an end.

use std::io::{self, Write};

use super::style::TextStyle;
use super::text::{clean, width};
use super::{HumanReporter, Section, WIDEST_PROSE};
use crate::protocol::event::{GuardCheck, GuardState, Progress, StepName, StepTarget};
use crate::protocol::messages::{amount, check_title, duration, task};

/// Steps that take long. A log shows their start and their end; of the other steps it shows only the end.
const LONG: [StepName; 8] = [
    StepName::UploadPackage,
    StepName::Verify,
    StepName::Wait,
    StepName::CreateDeployment,
    StepName::StopDeployment,
    StepName::PutProvisionedConcurrencyConfig,
    StepName::PutFunctionScalingConfig,
    StepName::UpdateEventSourceMapping,
];

impl<W: Write> HumanReporter<W> {
    /// Shows progress: on a terminal as a bar that is redrawn, in a log as one line per quarter.
    pub(super) fn progress(&mut self, progress: &Progress, message: &str) -> io::Result<()> {
        let (done, total) = match progress {
            Progress::Package { done_bytes, total_bytes } | Progress::Upload { done_bytes, total_bytes } => {
                (*done_bytes, *total_bytes)
            }
            Progress::Wait { elapsed_ms, .. } => return self.waits(elapsed_ms / 1000, &clean(message)),
        };
        let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(0);
        let percent = usize::try_from(percent).unwrap_or(100).min(100);
        let (doing, sizes) = (task(progress), amount(done, total));
        if self.capabilities.live {
            let symbols = self.capabilities.symbols();
            let columns = self.columns().unwrap_or(WIDEST_PROSE);
            let start = format!("{} {doing}", symbols.runs);
            let mut end = format!("{percent:>3} %  {sizes}");
            if width(&start) + width(&end) + 3 > columns {
                end = format!("{percent:>3} %");
            }
            let available = columns.saturating_sub(width(&start) + width(&end) + 3).min(30);
            let full = available * percent / 100;
            let bar = format!("{}{}", symbols.full.repeat(full), symbols.empty.repeat(available - full));
            return self.draw(&format!("{start} {bar} {end}"));
        }
        let shown_before = match self.run.quarters {
            Some((task, shown_before)) if task == doing => shown_before,
            _ => 0,
        };
        if percent / 25 > shown_before {
            self.run.quarters = Some((doing, percent / 25));
            self.dim(self.capabilities.symbols().runs, &format!("{doing}: {percent} %, {sizes}"))?;
        }
        Ok(())
    }

    /// Shows a wait: on a terminal next to the running step, in a log as lines at growing intervals, up to
    /// one per minute.
    pub(super) fn waits(&mut self, elapsed: u64, text: &str) -> io::Result<()> {
        let mark = self.capabilities.symbols().runs;
        if self.capabilities.live {
            let running = self.run.running.as_ref();
            let step = running.map(|(step, target)| format!("{}: ", step_line(*step, target)));
            return self.draw(&format!("{mark} {}{text}", step.unwrap_or_default()));
        }
        let shown_before = self.run.waited.filter(|shown_before| *shown_before <= elapsed);
        if shown_before.is_none_or(|shown_before| elapsed - shown_before >= (shown_before / 2).min(60)) {
            self.run.waited = Some(elapsed);
            self.dim(mark, text)?;
        }
        Ok(())
    }

    pub(super) fn step_started(&mut self, step: StepName, target: &StepTarget) -> io::Result<()> {
        self.begin(Section::Steps)?;
        self.abandoned()?;
        if LONG.contains(&step) && !self.capabilities.live {
            self.dim(self.capabilities.symbols().runs, &step_line(step, target))?;
        }
        self.run.running = Some((step, target.clone()));
        Ok(())
    }

    pub(super) fn step_finished(&mut self, step: StepName, took_ms: u64, attempts: u32) -> io::Result<()> {
        self.begin(Section::Steps)?;
        self.run.has_changes |= step != StepName::Wait;
        let started = self.run.running.take().filter(|(started, _)| *started == step);
        let target = started.map(|(_, target)| acts_on(step, &target)).unwrap_or_default();
        let (name, took) = (step.as_str(), duration(took_ms));
        let mut text = took.clone();
        if attempts > 1 {
            text = format!("{text} ({attempts} attempts)");
        }
        if !target.is_empty() {
            text = format!("{text}  {target}");
        }
        // In columns if there is space, with right-aligned durations.
        let names = self.run.plan.iter().flatten().map(|planned| width(planned.step.as_str()));
        let names = names.max().unwrap_or(0);
        let names = if self.columns().is_none_or(|columns| columns >= names + 30) { names } else { 0 };
        let times = if names > 0 { 8_usize.saturating_sub(width(&took)) } else { 0 };
        let gap = " ".repeat(names.saturating_sub(width(name)) + times);
        let name = format!(" {name}{gap}");
        let label = [(TextStyle::Good, self.capabilities.symbols().done), (TextStyle::Plain, name.as_str())];
        self.labelled(0, &label, &text, TextStyle::Dim)
    }

    /// Marks a step that started and will not finish, because it failed or the deployment was planned again.
    pub(super) fn abandoned(&mut self) -> io::Result<()> {
        let Some((step, target)) = self.run.running.take() else { return Ok(()) };
        self.begin(Section::Steps)?;
        let not = self.capabilities.symbols().not;
        self.labelled(0, &[(TextStyle::Bad, not)], &step_line(step, &target), TextStyle::Plain)
    }

    /// Shows a check of the guard, unless it found the same as the last one.
    pub(super) fn guard_checked(&mut self, check: &GuardCheck, message: &str) -> io::Result<()> {
        let found = (check.state, check.percent, check.alarms.clone());
        if self.run.guard.as_ref() == Some(&found) {
            return Ok(());
        }
        self.run.guard = Some(found);
        self.begin(Section::Steps)?;
        let symbols = self.capabilities.symbols();
        let (mark_style, mark, style) = match check.state {
            GuardState::Passed | GuardState::Undecided => (TextStyle::Dim, symbols.note, TextStyle::Dim),
            GuardState::Fired => (TextStyle::Bad, symbols.not, TextStyle::Plain),
        };
        self.labelled(0, &[(mark_style, mark)], &clean(message), style)
    }

    /// Draws the running step, if there is one and the output is a terminal.
    pub(super) fn draw_running(&mut self) -> io::Result<()> {
        match &self.run.running {
            Some((step, target)) if self.capabilities.live => {
                let line = format!("{} {}", self.capabilities.symbols().runs, step_line(*step, target));
                self.draw(&line)
            }
            _ => Ok(()),
        }
    }
}

/// A running step: `update-alias  live at version 7`, `wait  60 s`.
pub(super) fn step_line(step: StepName, target: &StepTarget) -> String {
    let what = target.seconds.map_or_else(|| acts_on(step, target), |seconds| format!("{seconds} s"));
    format!("{}  {what}", step.as_str()).trim_end().to_owned()
}

/// The event source, layer, alias, version or check that a step is about. Empty for a step that changes the
/// function itself.
fn acts_on(step: StepName, target: &StepTarget) -> String {
    if let (Some(source), Some(alias)) = (&target.event_source, &target.alias) {
        return format!("{} to {}", clean(source), clean(alias));
    }
    let version = target.version.as_deref().filter(|version| *version != "$LATEST");
    let version = version.map(|version| format!("version {}", clean(version)));
    if let Some(layer) = &target.layer {
        return [Some(clean(layer)), version].into_iter().flatten().collect::<Vec<_>>().join(" ");
    }
    match (target.alias.as_deref().map(clean), version, target.percent) {
        (Some(alias), Some(version), Some(percent)) => format!("{percent} % of {alias} to {version}"),
        // CodeDeploy may still move the alias when the step has ended.
        (Some(alias), Some(version), None) if step == StepName::CreateDeployment => {
            format!("{alias} to {version}")
        }
        (Some(alias), Some(version), None) => format!("{alias} at {version}"),
        (Some(alias), None, _) => alias,
        (None, version, _) => {
            let check = check_title(target).map(|check| clean(&check));
            version.into_iter().chain(check).collect::<Vec<_>>().join(", ")
        }
    }
}
