//! Runs a command for a job: evaluates conditions, reads the stanza, packages, reads the live function, plans, applies steps.
//! It calls the other modules and writes events. It never interprets a value of the stanza itself.
#![expect(clippy::disallowed_methods, reason = "measures how long the run and its steps take")]

mod apply;
mod code;
mod rollback;
mod verify;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::cancel::CancelToken;
use crate::code_source::CodeSource;
use crate::commands::{self, Stash};
use crate::conditions::{self, Lint, Verdict};
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::function::{DesiredFunction, LiveFunction};
use crate::lambda;
use crate::options;
use crate::package::{self, Archive, Contents, PackageError, Selection};
use crate::plan::Plan;
use crate::policy::{self, Policy};
use crate::protocol::environment::Environment;
use crate::protocol::error::{ErrorReport, Problem, Warning};
use crate::protocol::event::{self, ConditionResult, Event, Finished, Progress, UnmetCondition};
use crate::protocol::json::Map;
use crate::protocol::messages::skip_reason;
use crate::protocol::name::FunctionName;
use crate::protocol::runtimes;
use crate::protocol::secret::{KnownSecrets, Redactor, Secret};
use crate::protocol::stanza::{self, ReadStanza, Stanza};
use crate::warnings;

/// The command to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Deploy the function.
    Deploy,
    /// Show the plan without changing anything.
    Plan,
    /// Validate the stanza and evaluate its conditions.
    Check,
    /// Point the aliases at their previous version.
    Rollback,
    /// Build the archive and write it to a file.
    Package {
        /// Path of the file, relative to the build directory.
        output: PathBuf,
    },
}

impl Command {
    /// True if the command evaluates the conditions in `on`, and is skipped for pull requests.
    pub fn judges(&self) -> bool {
        !matches!(self, Command::Package { .. } | Command::Rollback)
    }
}

/// The CI job to run a command for.
#[derive(Debug)]
pub struct Job {
    /// The stanza, without the keys for the CI runner.
    pub stanza: Map,
    /// The job's environment.
    pub env: Environment,
    /// True if `env` came with the request. The identity of this machine must not be used then.
    pub env_given: bool,
    /// The build directory.
    pub directory: PathBuf,
    /// How to run bash for conditions.
    pub asking: conditions::BashOptions,
    /// The current date, such as `2026-11-01`, which decides whether a runtime is deprecated.
    pub today: String,
}

/// Runs `command` and writes events to `journal`, until it ends or `stop` is set. Returns the outcome for the `finished` event.
pub fn run(command: &Command, job: &Job, journal: &Arc<EventWriter>, stop: &CancelToken) -> Finished {
    let began = Instant::now();
    pass(command, job, journal, stop, began).unwrap_or_else(|error| Finished::failed(error, journal.changed()))
}

fn pass(
    command: &Command,
    job: &Job,
    journal: &Arc<EventWriter>,
    stop: &CancelToken,
    began: Instant,
) -> Result<Finished, ErrorReport> {
    let judged = command.judges().then(|| conditions::evaluate(&job.stanza, &job.env, job.asking, stop));
    let (verdict, surprises) = judged.map_or((None, Vec::new()), |(verdict, surprises)| (Some(verdict), surprises));
    if let Some(Ok(verdict)) = &verdict
        && verdict.is_pull_request()
    {
        return Ok(skipped(verdict, &Redactor::default(), journal));
    }
    let deploys = verdict.as_ref().is_none_or(|verdict| verdict.as_ref().is_ok_and(|verdict| verdict.deploys));
    let gathered = if deploys {
        options::resolve(&job.stanza, &job.env, &job.directory, stop)
    } else {
        options::without_git(&job.stanza, &job.env)
    };
    let ReadStanza { stanza, problems, warnings: leniencies } = stanza::read(&gathered.stanza);
    let mut problems: Vec<Problem> = problems.into_iter().map(|problem| gathered.with_origin(problem)).collect();
    problems.extend(gathered.problems.iter().cloned());
    let is_strict = stanza.strict == Some(true);
    let (unknown, surprises): (Vec<Lint>, _) =
        surprises.into_iter().partition(|surprise| is_strict && surprise.is_unknown_key);
    problems.extend(unknown.into_iter().map(|surprise| surprise.warning.into_unknown_key()));
    let token = stanza.web_identity_token(&job.env);
    let from_job = || job.env.secrets().chain(token.iter().map(|token| token.expose().into()));
    let redactor = stanza.redactor(&job.stanza, from_job());
    let report_warnings = || {
        let surprises = surprises.iter().map(|surprise| &surprise.warning);
        for warning in surprises.chain(&gathered.warnings).chain(&leniencies) {
            journal.emit(Event::Warning(redactor.warning(warning)));
        }
    };
    if problems.is_empty() && stanza.allow_failure == Some(true) {
        journal.allow_failure();
    }
    if let Some(verdict) = verdict {
        let verdict = verdict.map_err(|error| {
            report_warnings();
            diagnostics::from_conditions(error, &redactor)
        })?;
        if !verdict.deploys {
            let finished = skipped(&verdict, &redactor, journal);
            report_warnings();
            problems
                .iter()
                .for_each(|problem| journal.emit(Event::Warning(redactor.warning(&warnings::from_harmless(problem)))));
            return Ok(finished);
        }
        emit_verdict(&verdict, &redactor, journal);
    }
    report_warnings();
    if !problems.is_empty() {
        return Err(diagnostics::from_problems(problems, &redactor));
    }
    judge_aliases(command, &stanza)?;
    let name = stanza.function_name.as_ref().expect("a missing function name is a problem of the stanza");
    let filled_in = Redactor::new(from_job(), &stanza::open_texts(&job.stanza));
    let (learnt, redactor) = (KnownSecrets::default(), RefCell::new((0, Rc::new(redactor))));
    let pass = DeployRun { job, stanza: &stanza, name, filled_in, learnt, redactor, journal, stop, began };
    pass.warn_about_version(command);
    pass.warn_about_runtime(stanza.runtime.as_deref(), true);
    match command {
        Command::Check => Ok(Finished::Checked {}),
        Command::Rollback => pass.roll_back(stanza.dry_run == Some(true)),
        Command::Deploy if stanza.dry_run != Some(true) => pass.deploy(),
        Command::Plan | Command::Deploy => {
            pass.warn_about_cleanup();
            pass.meet_aws(true)
        }
        Command::Package { output } => {
            pass.warn_about_cleanup();
            pass.package_to(output)
        }
    }
}

/// Computes the minimal IAM policy for a stanza. It evaluates no conditions and sends no requests. The region is that of a
/// deployment from this environment.
///
/// # Errors
/// All problems of the stanza, or an invalid region.
pub fn policy(stanza: &Map, env: &Environment) -> Result<Policy, ErrorReport> {
    let gathered = options::without_git(stanza, env);
    let ReadStanza { stanza: read, mut problems, .. } = stanza::read(&gathered.stanza);
    problems.extend(gathered.problems);
    let redactor = read.redactor(stanza, env.secrets());
    if !problems.is_empty() {
        return Err(diagnostics::from_problems(problems, &redactor));
    }
    let name = read.function_name.clone().expect("a missing function name is a problem of the stanza");
    let failed = |error| diagnostics::from_lambda(error, &redactor);
    let named = lambda::named_region(&read, env).map_err(failed)?;
    let region = match &named {
        Some(region) => region.clone(),
        None => apply::from_runtime(async { lambda::default_region(&read, env).await.map_err(failed) })?,
    };
    let mut policy = policy::of(&read, &DesiredFunction::of(&read, name, None), &CodeSource::of(&read), &region);
    policy.notes.extend(gathered.warnings.iter().map(|warning| redactor.warning(warning).message));
    if named.is_none() {
        policy.notes.push(policy::default_region(&region));
    }
    Ok(policy)
}

/// Checks that a rollback has an alias to move.
fn judge_aliases(command: &Command, stanza: &Stanza) -> Result<(), ErrorReport> {
    let has_alias = stanza.alias.iter().flatten().next().is_some();
    if *command == Command::Rollback && !has_alias { Err(diagnostics::from_rollback_without_alias()) } else { Ok(()) }
}

/// Writes the evaluated conditions as events. Returns the outcome with the unmet ones.
fn skipped(verdict: &Verdict, redactor: &Redactor, journal: &EventWriter) -> Finished {
    emit_verdict(verdict, redactor, journal);
    let unmet = verdict.checked.iter().filter(|checked| !checked.met).map(|checked| {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        let message = skip_reason(checked.condition, &want, &got);
        UnmetCondition { condition: checked.condition, want, got, message }
    });
    Finished::Skipped { unmet: unmet.collect() }
}

fn emit_verdict(verdict: &Verdict, redactor: &Redactor, journal: &EventWriter) {
    for checked in &verdict.checked {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        journal.emit(Event::ConditionChecked(ConditionResult { want, got, ..checked.clone() }));
    }
}

/// A run whose stanza is valid and whose conditions are met.
struct DeployRun<'a> {
    job: &'a Job,
    stanza: &'a Stanza,
    name: &'a FunctionName,
    /// Masks secret variables of the job that were substituted into our own values, such as a path.
    filled_in: Redactor,
    /// Secrets that are not in the request: those of credentials and of the live function.
    learnt: KnownSecrets,
    /// Masks all known secrets in texts from other sources. The number counts the secrets in `learnt` when it was built.
    redactor: RefCell<(usize, Rc<Redactor>)>,
    journal: &'a Arc<EventWriter>,
    stop: &'a CancelToken,
    began: Instant,
}

impl DeployRun<'_> {
    /// Deploys, with `cleanup` before and the user's commands after it. Restores the files that `cleanup` stashed in any case.
    fn deploy(&self) -> Result<Finished, ErrorReport> {
        let stash = self.clean_up()?;
        let finished = self.meet_aws(false).and_then(|finished| self.run_commands().map(|()| finished));
        if let Some(stash) = stash {
            self.bring_back(&stash);
        }
        finished
    }

    fn clean_up(&self) -> Result<Option<Stash>, ErrorReport> {
        if self.stanza.cleanup != Some(true) {
            return Ok(None);
        }
        self.journal.mark_side_effects_started();
        self.journal.record_stash(Some(commands::stash_name()));
        let stashed = commands::stash(&self.job.env, &self.job.directory);
        if !stashed.as_ref().is_ok_and(|(stash, _)| stash.is_some()) {
            self.journal.record_stash(None);
        }
        let (stash, left) = stashed.map_err(|error| diagnostics::from_command(error, &self.redactor()))?;
        if let Some(stash) = &stash {
            self.warn(&warnings::stashed(&stash.commit));
        }
        if !left.is_empty() {
            self.warn(&warnings::not_stashed(&left));
        }
        Ok(stash)
    }

    fn bring_back(&self, stash: &Stash) {
        match stash.pop(&self.job.env, &self.job.directory) {
            Ok(()) => self.journal.record_stash(None),
            Err(error) => {
                let words = diagnostics::from_command(error, &self.redactor()).message;
                self.warn(&warnings::stash_kept(&stash.commit, &words));
            }
        }
    }

    fn warn(&self, warning: &Warning) {
        self.journal.emit(Event::Warning(self.known_secrets_redactor().warning(&self.filled_in.warning(warning))));
    }

    /// Masks all secrets known so far. Built again if secrets were added, for example by renewed credentials.
    fn redactor(&self) -> Rc<Redactor> {
        let (known, redactor) = self.redactor.borrow().clone();
        if self.learnt.count() == known {
            return redactor;
        }
        let (learnt, token) = (self.learnt.all(), self.stanza.web_identity_token(&self.job.env));
        let found = learnt.iter().chain(&token).map(|secret| secret.expose().into());
        let complete = Rc::new(self.stanza.redactor(&self.job.stanza, self.job.env.secrets().chain(found)));
        *self.redactor.borrow_mut() = (learnt.len(), complete.clone());
        complete
    }

    /// A plan for events. It masks live variables and tags in live values, and secret variables of the job in desired values.
    fn reported(&self, plan: &Plan) -> event::Plan {
        self.known_secrets_redactor().plan(self.filled_in.plan(plan.to_event()))
    }

    /// Masks only the secrets that are not in the request.
    fn known_secrets_redactor(&self) -> Redactor {
        let learnt = self.learnt.all();
        Redactor::new(learnt.iter().map(Secret::expose), &stanza::open_texts(&self.job.stanza))
    }

    /// Masks secrets in a short text from AWS, such as a request id.
    fn mask_foreign_text(&self, text: &str) -> String {
        self.redactor().redact(text)
    }

    /// Masks secrets in a version from AWS. A version number is never masked, even if a secret has the same value.
    fn reported_version(&self, version: String) -> String {
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || version.starts_with("$LATEST") { version } else { self.mask_foreign_text(&version) }
    }

    /// Warns that only a rollback uses `version`.
    fn warn_about_version(&self, command: &Command) {
        if self.stanza.version.is_some() && *command != Command::Rollback {
            self.warn(&warnings::version_without_rollback());
        }
    }

    fn warn_about_runtime(&self, id: Option<&str>, is_named: bool) {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return };
        if let Some(outlook) = runtimes::outlook(id, &self.job.today) {
            self.warn(&warnings::from_runtime(id, &outlook, is_named));
        }
    }

    /// Warns that `cleanup` does not run: planning and packaging change nothing in the build directory.
    fn warn_about_cleanup(&self) {
        if self.stanza.cleanup == Some(true) {
            self.warn(&warnings::not_cleaned_up());
        }
    }

    fn run_commands(&self) -> Result<(), ErrorReport> {
        let Some(commands) = &self.stanza.run else { return Ok(()) };
        self.stop.check().map_err(diagnostics::from_stop)?;
        self.journal.mark_side_effects_started();
        let (redactor, job) = (self.redactor(), self.job);
        let redact = |text: &str| redactor.redact(text);
        let mut report = |stream, line: String| self.journal.emit(Event::Output { stream, line });
        commands::run_in_bash(commands, &job.env, &job.directory, None, self.stop, &redact, &mut report)
            .map_err(|error| diagnostics::from_command(error, &self.redactor()))
    }

    fn package_to(&self, output: &std::path::Path) -> Result<Finished, ErrorReport> {
        let output_path = self.job.directory.join(output);
        let contents = self.scan(Some(&output_path))?;
        let archive = into_archive(contents, self.journal, self.stop).map_err(|error| self.package_report(error))?;
        self.emit_packaged(&archive);
        self.warn_about_handler(&self.wanted(), None, &archive);
        archive.write_to(&output_path, output).map_err(|error| self.package_report(error))?;
        Ok(Finished::Packaged {
            package: self.filled_in.package(archive.to_event()),
            output: output.display().to_string(),
        })
    }

    fn wanted(&self) -> DesiredFunction {
        let mut wanted =
            DesiredFunction::of(self.stanza, self.name.clone(), options::default_description(&self.job.env));
        if wanted.release.publish {
            let (job, description) = (self.job, self.stanza.description.as_deref());
            wanted.release.description = options::version_description(description, &job.env, &job.directory, self.stop);
        }
        wanted
    }

    fn emit_packaged(&self, archive: &Archive) {
        self.journal.emit(Event::Packaged(self.filled_in.package(archive.to_event())));
    }

    fn warn_about_handler(&self, wanted: &DesiredFunction, live: Option<&LiveFunction>, archive: &Archive) {
        let Some((runtime, handler)) = wanted.runtime_and_handler(live) else { return };
        if let Some(missing) = archive.missing(&runtime, &handler) {
            self.warn(&warnings::missing_from_package(&missing, &handler));
        }
    }

    fn package_report(&self, error: PackageError) -> ErrorReport {
        diagnostics::from_package(error, &self.filled_in)
    }

    fn scan(&self, output: Option<&std::path::Path>) -> Result<Contents, ErrorReport> {
        let selection = Selection::of(self.stanza);
        let contents =
            package::scan(&self.job.directory, &selection, output).map_err(|error| self.package_report(error))?;
        contents.notes().iter().for_each(|note| self.warn(&warnings::from_note(note)));
        Ok(contents)
    }
}

fn into_archive(contents: Contents, journal: &Arc<EventWriter>, stop: &CancelToken) -> Result<Archive, PackageError> {
    let mut report = journal.progress(Progress::package);
    contents.into_archive(&mut |progress| report(progress.done_bytes, progress.total_bytes), stop)
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
