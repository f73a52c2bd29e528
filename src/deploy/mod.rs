//! Runs a command for a job: evaluates conditions, reads the stanza, packages, reads the live function,
//! plans, applies steps. It calls the other modules and writes events. It never interprets a value of the
//! stanza itself.
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
    pub fn evaluates_conditions(&self) -> bool {
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
    pub bash_options: conditions::BashOptions,
    /// The current date, such as `2026-11-01`, which decides whether a runtime is deprecated.
    pub today: String,
}

/// Runs `command` and writes events to `events`, until it ends or `stop` is set. Returns the outcome for the
/// `finished` event.
pub fn run(command: &Command, job: &Job, events: &Arc<EventWriter>, stop: &CancelToken) -> Finished {
    let began = Instant::now();
    run_command(command, job, events, stop, began)
        .unwrap_or_else(|error| Finished::failed(error, events.changed()))
}

fn run_command(
    command: &Command,
    job: &Job,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
    began: Instant,
) -> Result<Finished, ErrorReport> {
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
    let ReadStanza { stanza, problems, warnings: reader_warnings } = stanza::read(&resolved.stanza);
    let mut problems: Vec<Problem> =
        problems.into_iter().map(|problem| resolved.with_origin(problem)).collect();
    problems.extend(resolved.problems.iter().cloned());
    let is_strict = stanza.strict == Some(true);
    let (unknown, lints): (Vec<Lint>, _) =
        lints.into_iter().partition(|lint| is_strict && lint.is_unknown_key);
    problems.extend(unknown.into_iter().map(|lint| lint.warning.into_unknown_key()));
    let token = stanza.web_identity_token(&job.env);
    let from_job = || job.env.secrets().chain(token.iter().map(|token| token.expose().into()));
    let redactor = stanza.redactor(&job.stanza, from_job());
    let report_warnings = || {
        let lints = lints.iter().map(|lint| &lint.warning);
        for warning in lints.chain(&resolved.warnings).chain(&reader_warnings) {
            events.emit(Event::Warning(redactor.warning(warning)));
        }
    };
    if problems.is_empty() && stanza.allow_failure == Some(true) {
        events.allow_failure();
    }
    if let Some(verdict) = verdict {
        let verdict = verdict.map_err(|error| {
            report_warnings();
            diagnostics::from_conditions(error, &redactor)
        })?;
        if !verdict.deploys {
            let finished = skipped(&verdict, &redactor, events);
            report_warnings();
            problems.iter().for_each(|problem| {
                events.emit(Event::Warning(redactor.warning(&warnings::from_harmless(problem))))
            });
            return Ok(finished);
        }
        emit_verdict(&verdict, &redactor, events);
    }
    report_warnings();
    if !problems.is_empty() {
        return Err(diagnostics::from_problems(problems, &redactor));
    }
    require_alias_for_rollback(command, &stanza)?;
    let name = stanza.function_name.as_ref().expect("a missing function name is a problem of the stanza");
    let variables_redactor = Redactor::new(from_job(), &stanza::non_secret_texts(&job.stanza));
    let (known_secrets, redactor) = (KnownSecrets::default(), RefCell::new((0, Rc::new(redactor))));
    let run = DeployRun {
        job,
        stanza: &stanza,
        name,
        variables_redactor,
        known_secrets,
        redactor,
        events,
        stop,
        began,
    };
    run.warn_about_version(command);
    run.warn_about_runtime(stanza.runtime.as_deref(), true);
    match command {
        Command::Check => Ok(Finished::Checked {}),
        Command::Rollback => run.roll_back(stanza.dry_run == Some(true)),
        Command::Deploy if stanza.dry_run != Some(true) => run.deploy(),
        Command::Plan | Command::Deploy => {
            run.warn_about_cleanup();
            run.plan_or_deploy(true)
        }
        Command::Package { output } => {
            run.warn_about_cleanup();
            run.package_to(output)
        }
    }
}

/// Computes the minimal IAM policy for a stanza. It evaluates no conditions and sends no requests. The region
/// is that of a deployment from this environment.
///
/// # Errors
/// All problems of the stanza, or an invalid region.
pub fn policy(stanza: &Map, env: &Environment) -> Result<Policy, ErrorReport> {
    let resolved = options::without_git(stanza, env);
    let ReadStanza { stanza: read, mut problems, .. } = stanza::read(&resolved.stanza);
    problems.extend(resolved.problems);
    let redactor = read.redactor(stanza, env.secrets());
    if !problems.is_empty() {
        return Err(diagnostics::from_problems(problems, &redactor));
    }
    let name = read.function_name.clone().expect("a missing function name is a problem of the stanza");
    let failed = |error| diagnostics::from_lambda(error, &redactor);
    let named = lambda::named_region(&read, env).map_err(failed)?;
    let region = match &named {
        Some(region) => region.clone(),
        None => apply::block_on(async { lambda::default_region(&read, env).await.map_err(failed) })?,
    };
    let mut policy =
        policy::of(&read, &DesiredFunction::of(&read, name, None), &CodeSource::of(&read), &region);
    policy.notes.extend(resolved.warnings.iter().map(|warning| redactor.warning(warning).message));
    if named.is_none() {
        policy.notes.push(policy::default_region(&region));
    }
    Ok(policy)
}

/// Checks that a rollback has an alias to move.
fn require_alias_for_rollback(command: &Command, stanza: &Stanza) -> Result<(), ErrorReport> {
    let has_alias = stanza.alias.iter().flatten().next().is_some();
    if *command == Command::Rollback && !has_alias {
        Err(diagnostics::from_rollback_without_alias())
    } else {
        Ok(())
    }
}

/// Writes the evaluated conditions as events. Returns the outcome with the unmet ones.
fn skipped(verdict: &Verdict, redactor: &Redactor, events: &EventWriter) -> Finished {
    emit_verdict(verdict, redactor, events);
    let unmet = verdict.checked.iter().filter(|checked| !checked.met).map(|checked| {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        let message = skip_reason(checked.condition, &want, &got);
        UnmetCondition { condition: checked.condition, want, got, message }
    });
    Finished::Skipped { unmet: unmet.collect() }
}

fn emit_verdict(verdict: &Verdict, redactor: &Redactor, events: &EventWriter) {
    for checked in &verdict.checked {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        events.emit(Event::ConditionChecked(ConditionResult { want, got, ..checked.clone() }));
    }
}

/// A run whose stanza is valid and whose conditions are met.
struct DeployRun<'a> {
    job: &'a Job,
    stanza: &'a Stanza,
    name: &'a FunctionName,
    /// Masks secret variables of the job that were substituted into our own values, such as a path.
    variables_redactor: Redactor,
    /// Secrets that are not in the request: those of credentials and of the live function.
    known_secrets: KnownSecrets,
    /// Masks all known secrets in texts from other sources. The number counts the secrets in `known_secrets`
    /// when it was built.
    redactor: RefCell<(usize, Rc<Redactor>)>,
    events: &'a Arc<EventWriter>,
    stop: &'a CancelToken,
    began: Instant,
}

impl DeployRun<'_> {
    /// Deploys, with `cleanup` before and the user's commands after it. Restores the files that `cleanup`
    /// stashed in any case.
    fn deploy(&self) -> Result<Finished, ErrorReport> {
        let stash = self.clean_up()?;
        let finished = self.plan_or_deploy(false).and_then(|finished| self.run_commands().map(|()| finished));
        if let Some(stash) = stash {
            self.restore_stash(&stash);
        }
        finished
    }

    fn clean_up(&self) -> Result<Option<Stash>, ErrorReport> {
        if self.stanza.cleanup != Some(true) {
            return Ok(None);
        }
        self.events.mark_side_effects_started();
        self.events.record_stash(Some(commands::stash_name()));
        let stashed = commands::stash(&self.job.env, &self.job.directory);
        if !stashed.as_ref().is_ok_and(|(stash, _)| stash.is_some()) {
            self.events.record_stash(None);
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

    fn restore_stash(&self, stash: &Stash) {
        match stash.pop(&self.job.env, &self.job.directory) {
            Ok(()) => self.events.record_stash(None),
            Err(error) => {
                let reason = diagnostics::from_command(error, &self.redactor()).message;
                self.warn(&warnings::stash_kept(&stash.commit, &reason));
            }
        }
    }

    fn warn(&self, warning: &Warning) {
        self.events.emit(Event::Warning(
            self.known_secrets_redactor().warning(&self.variables_redactor.warning(warning)),
        ));
    }

    /// Masks all secrets known so far. Built again if secrets were added, for example by renewed credentials.
    fn redactor(&self) -> Rc<Redactor> {
        let (known, redactor) = self.redactor.borrow().clone();
        if self.known_secrets.count() == known {
            return redactor;
        }
        let (known_secrets, token) =
            (self.known_secrets.all(), self.stanza.web_identity_token(&self.job.env));
        let found = known_secrets.iter().chain(&token).map(|secret| secret.expose().into());
        let complete = Rc::new(self.stanza.redactor(&self.job.stanza, self.job.env.secrets().chain(found)));
        *self.redactor.borrow_mut() = (known_secrets.len(), complete.clone());
        complete
    }

    /// A plan for events. It masks live variables and tags in live values, and secret variables of the job in
    /// desired values.
    fn plan_event(&self, plan: &Plan) -> event::Plan {
        self.known_secrets_redactor().plan(self.variables_redactor.plan(plan.to_event()))
    }

    /// Masks only the secrets that are not in the request.
    fn known_secrets_redactor(&self) -> Redactor {
        let known_secrets = self.known_secrets.all();
        Redactor::new(known_secrets.iter().map(Secret::expose), &stanza::non_secret_texts(&self.job.stanza))
    }

    /// Masks secrets in a short text from AWS, such as a request id.
    fn mask_foreign_text(&self, text: &str) -> String {
        self.redactor().redact(text)
    }

    /// Masks secrets in a version from AWS. A version number is never masked, even if a secret has the same
    /// value.
    fn redact_version(&self, version: String) -> String {
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
        if let Some(runtime_support) = runtimes::runtime_support(id, &self.job.today) {
            self.warn(&warnings::from_runtime(id, &runtime_support, is_named));
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
        self.events.mark_side_effects_started();
        let (redactor, job) = (self.redactor(), self.job);
        let redact = |text: &str| redactor.redact(text);
        let mut report = |stream, line: String| self.events.emit(Event::Output { stream, line });
        commands::run_in_bash(commands, &job.env, &job.directory, None, self.stop, &redact, &mut report)
            .map_err(|error| diagnostics::from_command(error, &self.redactor()))
    }

    fn package_to(&self, output: &std::path::Path) -> Result<Finished, ErrorReport> {
        let output_path = self.job.directory.join(output);
        let contents = self.scan(Some(&output_path))?;
        let archive =
            into_archive(contents, self.events, self.stop).map_err(|error| self.package_report(error))?;
        self.emit_packaged(&archive);
        let architecture = self.stanza.architectures.as_deref();
        self.warn_about_handler(&self.desired_function(), None, Some(&archive), architecture);
        archive.write_to(&output_path, output).map_err(|error| self.package_report(error))?;
        Ok(Finished::Packaged {
            package: self.variables_redactor.package(archive.to_event()),
            output: output.display().to_string(),
        })
    }

    fn desired_function(&self) -> DesiredFunction {
        let mut desired =
            DesiredFunction::of(self.stanza, self.name.clone(), options::default_description(&self.job.env));
        if desired.release.publish {
            let (job, description) = (self.job, self.stanza.description.as_deref());
            desired.release.description =
                options::version_description(description, &job.env, &job.directory, self.stop);
        }
        desired
    }

    fn emit_packaged(&self, archive: &Archive) {
        self.events.emit(Event::Packaged(self.variables_redactor.package(archive.to_event())));
        archive.notes().iter().for_each(|note| self.warn(&warnings::from_note(note)));
    }

    /// Warns that Lambda will not find the handler in the archive, or that the stanza names it in a way that
    /// no archive can fit. `architecture`: `None` if it is not known.
    fn warn_about_handler(
        &self,
        desired: &DesiredFunction,
        live: Option<&LiveFunction>,
        archive: Option<&Archive>,
        architecture: Option<&str>,
    ) {
        let expected = desired.runtime_and_handler(live);
        let missing = archive
            .zip(expected.as_ref())
            .and_then(|(archive, (runtime, handler))| archive.missing(runtime, handler, architecture));
        let runtime = desired.runtime().or(live.and_then(LiveFunction::runtime)).unwrap_or_default();
        let named = desired.handler.as_ref();
        if let Some((named, mistake)) =
            named.and_then(|named| Some((named, named.mistake(runtime, missing.is_some())?)))
        {
            self.warn(&warnings::from_handler_mistake(&mistake, named, &named.joined(runtime)));
        } else if let (Some(missing), Some((_, handler))) = (missing, expected) {
            self.warn(&warnings::missing_from_package(&missing, &handler));
        }
    }

    fn package_report(&self, error: PackageError) -> ErrorReport {
        diagnostics::from_package(error, &self.variables_redactor)
    }

    fn scan(&self, output: Option<&std::path::Path>) -> Result<Contents, ErrorReport> {
        let selection = Selection::of(self.stanza);
        let contents = package::scan(&self.job.directory, &selection, output)
            .map_err(|error| self.package_report(error))?;
        contents.notes().iter().for_each(|note| self.warn(&warnings::from_note(note)));
        Ok(contents)
    }
}

fn into_archive(
    contents: Contents,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Result<Archive, PackageError> {
    let mut report = events.progress(Progress::package);
    contents.into_archive(&mut |progress| report(progress.done_bytes, progress.total_bytes), stop)
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
