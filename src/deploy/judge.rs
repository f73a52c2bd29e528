//! First phase: evaluates the conditions and reads the stanza. It never sends a request to AWS.

use super::job::{Command, Job};
use super::redaction::secrets_of_job;
use crate::cancel::CancelToken;
use crate::conditions::{self, Lint, Verdict};
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::options;
use crate::protocol::error::{ErrorReport, Problem, Warning, WarningCode};
use crate::protocol::event::{ConditionResult, Event, UnmetCondition};
use crate::protocol::json::Node;
use crate::protocol::limits;
use crate::protocol::messages::skip_reason;
use crate::protocol::secret::{Redactor, Secret};
use crate::protocol::stanza::{self, Stanza};
use crate::warnings;

/// What the conditions and the stanza decide.
pub(super) enum Judged {
    /// The conditions are not met, so the run ends here.
    Skipped { unmet: Vec<UnmetCondition> },
    /// The conditions are met, or the command does not evaluate them, and the stanza is valid.
    Accepted(Box<Accepted>),
}

/// A valid stanza.
pub(super) struct Accepted {
    pub(super) stanza: Stanza,
    pub(super) secrets_of_job: Vec<Secret>,
    /// Masks the secrets of the stanza and of the job.
    pub(super) redactor: Redactor,
}

/// Evaluates the conditions, if the command does that, and reads the stanza.
///
/// # Errors
/// Conditions that cannot be evaluated, and all problems of the stanza.
pub(super) fn judge(
    command: &Command,
    job: &Job,
    events: &EventWriter,
    stop: &CancelToken,
) -> Result<Judged, ErrorReport> {
    let evaluated = command
        .evaluates_conditions()
        .then(|| conditions::evaluate(&job.stanza, &job.env, job.bash_options, stop));
    let (verdict, lints) = evaluated.map_or((None, Vec::new()), |(verdict, lints)| (Some(verdict), lints));
    if let Some(Ok(verdict)) = &verdict
        && verdict.is_pull_request()
    {
        return Ok(skipped(verdict, &Redactor::default(), events));
    }
    let deploys =
        verdict.as_ref().is_none_or(|verdict| verdict.as_ref().is_ok_and(|verdict| verdict.deploys));
    let resolved = if deploys {
        options::resolve(&job.stanza, &job.env, &job.directory, stop)
    } else {
        options::without_git(&job.stanza, &job.env)
    };
    let read = stanza::read(&resolved.stanza);
    let mut problems: Vec<Problem> =
        read.problems().iter().map(|problem| resolved.with_origin(problem.clone())).collect();
    problems.extend(resolved.problems.iter().cloned());
    if deploys {
        problems.extend(resolved.unset_in(options_for_aws(command)));
    }
    let is_strict = read.options().strict == Some(true);
    let (unknown, lints): (Vec<Lint>, _) =
        lints.into_iter().partition(|lint| is_strict && lint.is_unknown_key);
    problems.extend(unknown.into_iter().map(|lint| lint.warning.into_unknown_key()));
    let mut secrets_of_job = secrets_of_job(job, read.options());
    let description = resolved.stanza.get("description").and_then(Node::scalar).unwrap_or_default();
    secrets_of_job.extend(limits::cut_secrets(&description, &secrets_of_job));
    let redactor = read.options().redactor(&job.stanza, secrets_of_job.iter().map(Secret::expose));
    // The error of a value says that its variable is not set.
    let is_of_problem = |warning: &&Warning| {
        warning.code == WarningCode::UnsetVariable && problems.iter().any(|problem| problem.at == warning.at)
    };
    let report_warnings = || {
        let lints = lints.iter().map(|lint| &lint.warning);
        let resolving = resolved.warnings.iter().filter(|warning| !is_of_problem(warning));
        for warning in lints.chain(resolving).chain(&read.warnings) {
            events.emit(Event::Warning(redactor.warning(warning)));
        }
    };
    if problems.is_empty() && read.options().allow_failure == Some(true) {
        events.allow_failure();
    }
    if let Some(verdict) = verdict {
        let verdict = verdict.map_err(|error| {
            report_warnings();
            diagnostics::from_conditions(error, &redactor)
        })?;
        if !verdict.deploys {
            let skipped = skipped(&verdict, &redactor, events);
            report_warnings();
            problems.iter().for_each(|problem| {
                events.emit(Event::Warning(redactor.warning(&warnings::from_harmless(problem))))
            });
            return Ok(skipped);
        }
        emit_verdict(&verdict, &redactor, events);
    }
    report_warnings();
    let stanza = match read.stanza {
        Ok(stanza) if problems.is_empty() => stanza,
        _ => return Err(diagnostics::from_problems(problems, &redactor)),
    };
    require_alias_for_rollback(command, &stanza)?;
    Ok(Judged::Accepted(Box::new(Accepted { stanza, secrets_of_job, redactor })))
}

/// The options whose value the command passes to AWS as it is, and in which no valid value has a `$`. Those
/// that are not here have a form that a text with a `$` does not have, or may contain one.
fn options_for_aws(command: &Command) -> &'static [&'static str] {
    match command {
        Command::Deploy | Command::Plan => &["role", "role_to_assume", "s3_bucket", "image_uri"],
        Command::Rollback => &["role_to_assume"],
        Command::Check | Command::Package { .. } => &[],
    }
}

/// Checks that a rollback has an alias to move.
fn require_alias_for_rollback(command: &Command, stanza: &Stanza) -> Result<(), ErrorReport> {
    if *command == Command::Rollback && stanza.first_alias().is_none() {
        return Err(diagnostics::from_rollback_without_alias());
    }
    Ok(())
}

/// Writes the evaluated conditions as events. Returns the unmet ones.
fn skipped(verdict: &Verdict, redactor: &Redactor, events: &EventWriter) -> Judged {
    emit_verdict(verdict, redactor, events);
    let unmet = verdict.checked.iter().filter(|checked| !checked.met).map(|checked| {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        let message = skip_reason(checked.condition, &want, &got);
        UnmetCondition { condition: checked.condition, want, got, message }
    });
    Judged::Skipped { unmet: unmet.collect() }
}

fn emit_verdict(verdict: &Verdict, redactor: &Redactor, events: &EventWriter) {
    for checked in &verdict.checked {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        events.emit(Event::ConditionChecked(ConditionResult { want, got, ..checked.clone() }));
    }
}
