//! Prints the last event of a run: its outcome and the facts about it.
//! Never prints anything after the hint of an error, except the policy statement that the hint mentions.

use std::io::{self, Write};

use super::style::TextStyle;
use super::text::{clean, width};
use super::{HumanReporter, LocateKey, Section, contents, counts, quoted};
use crate::protocol::error::{AwsDetail, Class, Code, ErrorReport, NOTHING_CHANGED};
use crate::protocol::event::{
    Condition, Deployment, Finished, FunctionOutcome, ListOutcome, Outcome, StepName, UnmetCondition,
};
use crate::protocol::messages::{CHECKED, UNCHANGED, duration, moved};
use crate::protocol::request::stanzas_of;
use crate::standalone::reporter::Locate;

impl<W: Write> HumanReporter<W> {
    pub(super) fn finished(&mut self, finished: &Finished, locate: Locate<'_>) -> io::Result<()> {
        let is_unchanged = self.is_unchanged(finished);
        self.close_before_result(finished.outcome() == Outcome::Failed)?;
        self.abandoned()?;
        match finished {
            Finished::Deployed(live) => {
                self.outcome(TextStyle::GoodBold, "deployed", &clean(&live.function_name))?;
                self.live_function(live)
            }
            Finished::Unchanged(live) => {
                let name = clean(&live.function_name);
                let text = match &live.reason {
                    Some(reason) => format!("{name}: {}", clean(reason)),
                    None => format!("{name} {UNCHANGED}"),
                };
                self.outcome(TextStyle::GoodBold, "unchanged:", &text)?;
                self.live_function(live)
            }
            Finished::Planned(plan) => {
                // A plan that can be seen is not repeated.
                if self.run.plan.as_ref() != Some(&plan.steps) || self.run.plan_is_grouped {
                    self.plan(plan)?;
                }
                let text = match plan.steps.as_slice() {
                    [] => "no changes are needed".to_owned(),
                    steps => format!("{}; nothing was changed", counts(steps)),
                };
                self.outcome(TextStyle::GoodBold, "planned:", &text)
            }
            Finished::Packaged { package, output } => {
                self.outcome(TextStyle::GoodBold, "packaged", &clean(output))?;
                let hash = clean(&package.code_sha256);
                self.facts(&[("from", contents(package)), ("code_sha256", hash)])
            }
            Finished::Checked {} => self.outcome(TextStyle::GoodBold, "checked:", CHECKED),
            Finished::Skipped { unmet } => self.skipped(unmet),
            Finished::Failed { error, changed, allowed } => {
                self.failed(error, changed, *allowed, is_unchanged, &|at: &str| locate(None, at))
            }
            Finished::Stopped { .. } => {
                self.outcome(TextStyle::Changed, "stopped:", "the run ended before this stanza was deployed")
            }
            Finished::List(list) => self.list(list, locate),
        }
    }

    /// Prints the outcome of a list, how each stanza ended, and then the errors: that of the run last.
    fn list(&mut self, list: &ListOutcome, locate: Locate<'_>) -> io::Result<()> {
        let style = match list.outcome {
            Outcome::Failed => TextStyle::BadBold,
            Outcome::Skipped | Outcome::Stopped => TextStyle::Changed,
            Outcome::Deployed
            | Outcome::Planned
            | Outcome::Unchanged
            | Outcome::Checked
            | Outcome::Packaged => TextStyle::GoodBold,
        };
        let text = format!("{} in {}", stanzas_of(list.functions.len()), duration(list.duration_ms));
        self.outcome(style, &format!("{}:", list.outcome), &text)?;
        self.facts(&rows(&list.functions))?;
        let decides = list.failure().map(|failure| failure.stanza);
        let others = list.functions.iter().filter(|function| Some(function.stanza) != decides);
        for (function, error) in others.filter_map(|other| Some((other, other.finished.error()?))) {
            self.function(function)?;
            self.error(error.code, &error.message)?;
            self.place(error.at.as_deref(), &|at: &str| locate(Some(function.stanza), at))?;
            self.hint(error.hint.as_deref(), error.policy_statement.as_deref())?;
        }
        let Some((function, error)) = list.failure().zip(list.error.as_ref()) else { return Ok(()) };
        self.function(function)?;
        let locate = |at: &str| locate(Some(function.stanza), at);
        self.failed(error, &list.changed, list.allowed, false, &locate)
    }

    /// Prints the function before its error.
    fn function(&mut self, function: &FunctionOutcome) -> io::Result<()> {
        self.line(&[])?;
        self.line(&[(TextStyle::Bold, &format!("{}:", clean(&function.scope().title())))])
    }

    /// Prints the outcome in bold, in a section of its own.
    pub(super) fn outcome(&mut self, style: TextStyle, word: &str, text: &str) -> io::Result<()> {
        self.begin(Section::End)?;
        self.labelled(0, &[(style, word)], text, TextStyle::Bold)
    }

    /// Prints labelled facts in two columns. Skips empty ones.
    fn facts<L: AsRef<str>>(&mut self, facts: &[(L, String)]) -> io::Result<()> {
        let facts = facts.iter().map(|(label, fact)| (label.as_ref(), fact));
        let present = facts.filter(|(_, fact)| !fact.is_empty());
        let widest = present.clone().map(|(label, _)| width(label)).max().unwrap_or(0);
        for (label, fact) in present {
            self.labelled(2, &[(TextStyle::Dim, &format!("{label:<widest$} "))], fact, TextStyle::Plain)?;
        }
        Ok(())
    }

    fn live_function(&mut self, live: &Deployment) -> io::Result<()> {
        let guard = live
            .guard
            .as_ref()
            .map(|guard| format!("{}, watched for {} s", guard.state, guard.watched_seconds));
        let previous = live.previous_version.as_ref().map(|version| format!("version {}", clean(version)));
        let codedeploy = live.codedeploy.as_ref().map(|deployment| {
            let moves = if deployment.is_running() { "; the traffic is still moving" } else { "" };
            format!("{}, {}{moves}", clean(&deployment.deployment_id), clean(&deployment.status))
        });
        self.facts(&[
            ("version", clean(&live.version)),
            ("alias", clean(&live.aliases().join(", "))),
            ("previous", previous.unwrap_or_default()),
            ("code", format!("{}, {}", live.code, clean(&live.code_sha256))),
            ("guard", guard.unwrap_or_default()),
            ("region", clean(&live.region)),
            ("url", live.function_url.as_deref().map(clean).unwrap_or_default()),
            ("codedeploy", codedeploy.unwrap_or_default()),
            ("took", duration(live.duration_ms)),
        ])
    }

    fn skipped(&mut self, unmet: &[UnmetCondition]) -> io::Result<()> {
        self.outcome(TextStyle::Changed, "skipped:", "the conditions are not met; nothing was done")?;
        let not = self.capabilities.symbols().not;
        for UnmetCondition { condition, want, got, message } in unmet {
            let text = format!("{condition}: {}", clean(message));
            self.labelled(2, &[(TextStyle::Bad, not)], &text, TextStyle::Plain)?;
            if *condition != Condition::PullRequest {
                let text = format!("{}, got {}", quoted(want), quoted(got));
                self.labelled(4, &[(TextStyle::Dim, "want")], &text, TextStyle::Dim)?;
            }
            if *condition == Condition::Branch && got.is_empty() {
                let hint =
                    "set TRAVIS_BRANCH; the branch is unknown (detached HEAD, or not a git repository)";
                self.labelled(4, &[(TextStyle::Bold, "hint:")], hint, TextStyle::Plain)?;
            }
        }
        Ok(())
    }

    /// True if a failed run has certainly changed nothing: no step has finished, AWS refused the step that is
    /// running, and no command has run.
    fn is_unchanged(&self, finished: &Finished) -> bool {
        let Finished::Failed { error, changed, .. } = finished else { return false };
        let status = error.aws.as_ref().and_then(|aws| aws.http_status);
        // After the other ones, an earlier attempt may have taken effect.
        let is_refused =
            status.is_some_and(|status| (400..500).contains(&status) && ![408, 409, 429].contains(&status));
        let is_running = self.run.running.as_ref().is_some_and(|(step, _)| *step != StepName::Wait);
        let is_known = match error.class {
            Class::Command | Class::Internal => false,
            Class::Package => error.code != Code::PackageUnwritable,
            Class::Config | Class::Auth | Class::Quota | Class::Transient | Class::Interrupted => true,
        };
        let is_in_hint = error.hint.as_ref().is_some_and(|hint| hint.contains(NOTHING_CHANGED));
        is_known && changed.is_empty() && !self.run.has_changes && (is_refused || !is_running) && !is_in_hint
    }

    /// Prints the error last, and its hint at the very end, next to the new shell prompt.
    fn failed(
        &mut self,
        error: &ErrorReport,
        changed: &[StepName],
        is_allowed: bool,
        is_unchanged: bool,
        locate: LocateKey<'_>,
    ) -> io::Result<()> {
        // The function's log has usually been shown by `output` events, unless they were lost.
        let is_shown = self.run.log.ends_with(&error.log) && !self.groups.stay_closed();
        if !error.log.is_empty() && !is_shown {
            self.line(&[(TextStyle::Dim, "the function's log:")])?;
            error.log.iter().try_for_each(|line| self.quoted_block(line))?;
        }
        self.repeat_output()?;
        self.begin(Section::End)?;
        for problem in &error.problems {
            self.error(problem.code, &problem.message)?;
            self.place(problem.at.as_deref(), locate)?;
            self.hint(problem.hint.as_deref(), None)?;
        }
        if error.problems.is_empty() {
            self.error(error.code, &error.message)?;
        } else {
            let text = format!(" {} problems", error.problems.len());
            self.line(&[])?;
            self.line(&[(TextStyle::BadBold, "failed:"), (TextStyle::Bold, &text)])?;
        }
        for cause in &error.caused_by {
            self.labelled(2, &[(TextStyle::Dim, "caused by:")], &clean(cause), TextStyle::Plain)?;
        }
        if error.problems.is_empty() {
            self.place(error.at.as_deref(), locate)?;
        }
        if !changed.is_empty() {
            let changed: Vec<&str> = changed.iter().map(|step| step.as_str()).collect();
            let label = (TextStyle::Changed, "already done:");
            self.labelled(2, &[label], &changed.join(", "), TextStyle::Plain)?;
        }
        if is_unchanged {
            self.labelled(2, &[], NOTHING_CHANGED, TextStyle::Plain)?;
        }
        if let Some(aws) = &error.aws {
            self.labelled(2, &[(TextStyle::Dim, "AWS:")], &call(aws), TextStyle::Dim)?;
        }
        // A hint is more specific than that.
        if error.retryable && error.hint.is_none() {
            self.labelled(2, &[], "retrying later may succeed", TextStyle::Dim)?;
        }
        if is_allowed {
            let text = "the build continues, because `allow_failure` is set";
            self.labelled(2, &[(TextStyle::Changed, "allowed:")], text, TextStyle::Plain)?;
        }
        let explain = format!("dpl-lambda explain {}", error.code);
        self.labelled(2, &[(TextStyle::Dim, "more:")], &explain, TextStyle::Plain)?;
        if error.problems.first().is_none_or(|first| first.hint != error.hint) {
            self.hint(error.hint.as_deref(), error.policy_statement.as_deref())?;
        }
        Ok(())
    }

    fn error(&mut self, code: Code, message: &str) -> io::Result<()> {
        let label = format!("error[{code}]:");
        self.labelled(0, &[(TextStyle::BadBold, &label)], &clean(message), TextStyle::Bold)
    }
}

/// The table of the functions of a list: each name with its cells as one text, in columns.
fn rows(functions: &[FunctionOutcome]) -> Vec<(String, String)> {
    let row = |function: &FunctionOutcome| (clean(&function.scope().title()), cells(&function.finished));
    let mut rows: Vec<(String, Vec<String>)> = functions.iter().map(row).collect();
    if functions.iter().any(|function| function.finished.deployment().is_some()) {
        let heads = ["outcome", "version", "previous", "code", "time"];
        rows.insert(0, ("function".to_owned(), heads.map(str::to_owned).to_vec()));
    }
    // The last cell of a row does not widen its column.
    let columns = |column: usize| {
        let cells = rows.iter().filter(move |(_, cells)| column + 1 < cells.len());
        cells.map(|(_, cells)| width(&cells[column])).max().unwrap_or(0)
    };
    let widths: [usize; 4] = std::array::from_fn(columns);
    let text = |cells: &[String]| {
        let gaps = cells.iter().zip(widths).map(|(cell, column)| column.saturating_sub(width(cell)) + 2);
        let gaps = gaps.chain([0]).map(|gap| " ".repeat(gap));
        cells.iter().zip(gaps).flat_map(|(cell, gap)| [cell.clone(), gap]).collect::<String>()
    };
    rows.iter().map(|(name, cells)| (name.clone(), text(cells).trim_end().to_owned())).collect()
}

/// How a stanza of a list ended: the outcome, version, previous version, code and time of a function that is
/// live, or the outcome and what explains it.
fn cells(finished: &Finished) -> Vec<String> {
    let word = finished.outcome().to_string();
    let details: Vec<String> = match finished {
        Finished::Deployed(live) | Finished::Unchanged(live) => {
            let previous = live.previous_version.as_deref().map_or_else(|| "-".to_owned(), clean);
            let reason = live.reason.as_ref().map(|reason| format!("; {}", clean(reason)));
            let took = format!("{}{}", duration(live.duration_ms), reason.unwrap_or_default());
            return vec![word, clean(&live.version), previous, live.code.to_string(), took];
        }
        Finished::Planned(plan) => vec![counts(&plan.steps)],
        Finished::Packaged { output, .. } => vec![clean(output)],
        Finished::Skipped { unmet } => unmet.iter().map(|unmet| clean(&unmet.message)).collect(),
        Finished::Failed { error, .. } => vec![error.code.to_string()],
        Finished::Stopped { restored, left, .. } => {
            moved(restored, left).iter().map(|aliases| clean(aliases)).collect()
        }
        Finished::Checked {} | Finished::List(_) => Vec::new(),
    };
    if details.is_empty() { vec![word] } else { vec![word, details.join(", ")] }
}

/// The failed call, as far as it is known: `UpdateFunctionCode returned 403 AccessDeniedException, request
/// 81fe…`.
fn call(aws: &AwsDetail) -> String {
    let mut text = clean(&aws.operation);
    let status = aws.http_status.map(|status| status.to_string());
    let answer: Vec<String> = [status, aws.code.as_deref().map(clean)].into_iter().flatten().collect();
    if !answer.is_empty() {
        text = format!("{text} returned {}", answer.join(" "));
    }
    if let Some(id) = &aws.request_id {
        text = format!("{text}, request {}", clean(id));
    }
    text
}
