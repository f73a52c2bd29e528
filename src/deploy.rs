//! The pass, top to bottom: conditions, stanza, package beside the live function, plan, steps. It calls and tells.
//! Never decides anything about a value of the stanza.
#![expect(clippy::disallowed_methods, reason = "measures how long the run and its steps take")]

use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::commands::{self, Stash};
use crate::conditions::{self, Verdict};
use crate::failure;
use crate::function::{Live, Wanted};
use crate::journal::Journal;
use crate::lambda::{self, Found, Lambda, Subject};
use crate::options;
use crate::package::{self, Archive, Contents, PackageError, Selection};
use crate::plan::{Plan, plan};
use crate::protocol::environment::Environment;
use crate::protocol::error::{ErrorReport, Problem, Warning};
use crate::protocol::event::{Checked, CodeState, Deployment, Event, Finished, StepName, Task, Unmet};
use crate::protocol::name::FunctionName;
use crate::protocol::prose::skip_reason;
use crate::protocol::secret::Redactor;
use crate::protocol::stanza::{self, ReadStanza, Stanza};
use crate::protocol::wire::Map;
use crate::stop::Stop;
use crate::warnings;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make the function live as the stanza asks.
    Deploy,
    /// Tell what a deployment would do.
    Plan,
    /// Validate the stanza and evaluate its conditions.
    Check,
    /// Build the archive and write it to a file.
    Package {
        /// The file.
        output: PathBuf,
    },
}

/// The job for which it is asked.
#[derive(Debug)]
pub struct Job {
    /// The stanza, without the runner's keys.
    pub stanza: Map,
    /// The job's environment.
    pub env: Environment,
    /// True when `env` came with the request, so that the machine's own identity is out of bounds.
    pub env_given: bool,
    /// The build directory.
    pub directory: PathBuf,
    /// How bash is asked about conditions.
    pub asking: conditions::Asking,
}

/// Does what `command` asks, telling every step to `journal`, until `stop` asks for the end.
/// Every way through it ends in the outcome that `finished` will tell.
pub fn run(command: &Command, job: &Job, journal: &Arc<Journal>, stop: &Stop) -> Finished {
    let began = Instant::now();
    pass(command, job, journal, stop, began).unwrap_or_else(|error| Finished::failed(error, journal.changed()))
}

fn pass(
    command: &Command,
    job: &Job,
    journal: &Arc<Journal>,
    stop: &Stop,
    began: Instant,
) -> Result<Finished, ErrorReport> {
    let judges = !matches!(command, Command::Package { .. });
    let judged = judges.then(|| conditions::judge(&job.stanza, &job.env, job.asking, stop));
    let (verdict, surprises) = judged.map_or((None, Vec::new()), |(verdict, surprises)| (Some(verdict), surprises));
    if let Some(Ok(verdict)) = &verdict
        && verdict.is_pull_request()
    {
        return Ok(skipped(verdict, &Redactor::default(), journal));
    }
    let deploys = verdict.as_ref().is_none_or(|verdict| verdict.as_ref().is_ok_and(|verdict| verdict.deploys));
    let gathered = if deploys {
        options::gather(&job.stanza, &job.env, &job.directory, stop)
    } else {
        options::without_git(&job.stanza, &job.env)
    };
    let ReadStanza { stanza, problems, warnings: leniencies } = stanza::read(&gathered.stanza);
    let problems: Vec<Problem> = problems.into_iter().map(|problem| gathered.with_origin(problem)).collect();
    let redactor = stanza.redactor(&job.stanza, job.env.secrets());
    let tell_warnings = || {
        for warning in surprises.iter().chain(&gathered.warnings).chain(&leniencies) {
            journal.tell(Event::Warning(redactor.warning(warning)));
        }
    };
    if problems.is_empty() && stanza.allow_failure == Some(true) {
        journal.allow_failure();
    }
    if let Some(verdict) = verdict {
        let verdict = verdict.map_err(|error| {
            tell_warnings();
            failure::of_conditions(error, &redactor)
        })?;
        if !verdict.deploys {
            let finished = skipped(&verdict, &redactor, journal);
            tell_warnings();
            problems
                .iter()
                .for_each(|problem| journal.tell(Event::Warning(redactor.warning(&warnings::of_harmless(problem)))));
            return Ok(finished);
        }
        tell_verdict(&verdict, &redactor, journal);
    }
    tell_warnings();
    if !problems.is_empty() {
        return Err(failure::of_problems(problems, &redactor));
    }
    let name = stanza.function_name.as_ref().expect("a stanza without a function's name has a problem");
    let filled_in = Redactor::new(job.env.secrets(), &[]);
    let (written, complete) = (redactor, OnceCell::new());
    let pass = Pass { job, stanza: &stanza, name, filled_in, written, complete, journal, stop, began };
    match command {
        Command::Check => Ok(Finished::Checked {}),
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

/// Tells why nothing is deployed.
fn skipped(verdict: &Verdict, redactor: &Redactor, journal: &Journal) -> Finished {
    tell_verdict(verdict, redactor, journal);
    let unmet = verdict.checked.iter().filter(|checked| !checked.met).map(|checked| {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        let message = skip_reason(checked.condition, &want, &got);
        Unmet { condition: checked.condition, want, got, message }
    });
    Finished::Skipped { unmet: unmet.collect() }
}

fn tell_verdict(verdict: &Verdict, redactor: &Redactor, journal: &Journal) {
    for checked in &verdict.checked {
        let (want, got) = (redactor.redact(&checked.want), redactor.redact(&checked.got));
        journal.tell(Event::ConditionChecked(Checked { want, got, ..checked.clone() }));
    }
}

/// One pass whose stanza is valid and whose conditions are met.
struct Pass<'a> {
    job: &'a Job,
    stanza: &'a Stanza,
    name: &'a FunctionName,
    /// Masks secret variables of the job where one was filled into a value of ours, such as a path.
    filled_in: Redactor,
    /// Masks all secrets of the request in texts that others wrote.
    written: Redactor,
    /// Masks those of credentials that were found elsewhere, too; from then on.
    complete: OnceCell<Redactor>,
    journal: &'a Arc<Journal>,
    stop: &'a Stop,
    began: Instant,
}

impl Pass<'_> {
    /// The user's commands around the deployment. What `cleanup` has put aside comes back on every path.
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
        self.journal.note_acted();
        let stash = commands::stash(&self.job.env, &self.job.directory)
            .map_err(|error| failure::of_command(error, self.redactor()))?;
        if let Some(stash) = &stash {
            self.warn(&warnings::stashed(&stash.commit));
        }
        Ok(stash)
    }

    fn bring_back(&self, stash: &Stash) {
        if let Err(error) = stash.pop(&self.job.env, &self.job.directory) {
            let words = failure::of_command(error, self.redactor()).message;
            self.warn(&warnings::stash_kept(&stash.commit, &words));
        }
    }

    fn warn(&self, warning: &Warning) {
        self.journal.tell(Event::Warning(self.filled_in.warning(warning)));
    }

    fn redactor(&self) -> &Redactor {
        self.complete.get().unwrap_or(&self.written)
    }

    /// A plan changes nothing, also not in the build directory.
    fn warn_about_cleanup(&self) {
        if self.stanza.cleanup == Some(true) {
            self.warn(&warnings::not_cleaned_up());
        }
    }

    fn run_commands(&self) -> Result<(), ErrorReport> {
        let Some(commands) = &self.stanza.run else { return Ok(()) };
        self.stop.check().map_err(failure::of_stop)?;
        self.journal.note_acted();
        let mut tell = |stream, line: String| {
            self.journal.tell(Event::Output { stream, line: self.redactor().redact(&line) });
        };
        commands::run(commands, &self.job.env, &self.job.directory, self.stop, &mut tell)
            .map_err(|error| failure::of_command(error, self.redactor()))
    }

    fn package_to(&self, output: &std::path::Path) -> Result<Finished, ErrorReport> {
        let output_path = self.job.directory.join(output);
        let contents = self.survey(Some(&output_path))?;
        let archive = into_archive(contents, self.journal, self.stop).map_err(|error| self.of_package(error))?;
        self.journal.tell(Event::Packaged(self.filled_in.package(archive.told())));
        archive.write_to(&output_path, output).map_err(|error| self.of_package(error))?;
        Ok(Finished::Packaged { package: self.filled_in.package(archive.told()), output: output.display().to_string() })
    }

    fn meet_aws(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the kernel gives a program its first few descriptors");
        runtime.block_on(self.plan_and_apply(only_plan))
    }

    async fn plan_and_apply(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let contents = self.survey(None)?;
        contents
            .check_given_size()
            .and_then(|()| contents.check_unzipped_size())
            .map_err(|error| self.of_package(error))?;

        let connected =
            lambda::connect(self.stanza, &self.job.env, self.job.env_given, self.journal.clone(), self.stop.clone());
        let (lambda, identity) = connected.await.map_err(|error| failure::of_lambda(error, self.redactor()))?;
        self.journal.tell(Event::Identified {
            source: identity.source,
            access_key_id: identity.access_key_id.masked_key(),
            region: identity.region.as_str().to_owned(),
        });
        let found_elsewhere = identity.secrets.iter().map(|secret| secret.expose());
        let secrets = self.job.env.secrets().chain(found_elsewhere);
        let redactor = self.complete.get_or_init(|| self.stanza.redactor(&self.job.stanza, secrets));
        let failed = |error| failure::of_lambda(error, redactor);

        let (archive, found) = self.package_and_read(contents, &lambda).await?;
        let found = match found {
            Some(found) if found.is_busy && !only_plan => self.wait(&lambda).await.map_err(failed)?,
            found => found,
        };
        let live = found.as_ref().map(|found| &found.live);
        let wanted = Wanted::of(self.stanza, self.name.clone(), options::default_description(&self.job.env));
        let plan = plan(&wanted, archive.code_sha256(), live)
            .map_err(|error| failure::of_plan(error, self.name.as_str(), &self.filled_in))?;
        self.warn_about_unknown(&wanted, live);
        let told = self.filled_in.plan(plan.told());
        self.journal.tell(Event::Planned(told.clone()));
        if only_plan {
            return Ok(Finished::Planned(told));
        }
        let archive = Arc::new(archive);
        let subject = Subject { name: self.name, arn: "", archive: &archive };
        let (arn, version) = self.apply(&plan, subject, live, &lambda).await.map_err(failed)?;
        let live_now = Deployment {
            function_name: self.filled_in.redact(arn.rsplit(':').next().unwrap_or_default()),
            function_arn: self.filled_in.redact(&arn),
            region: identity.region.as_str().to_owned(),
            version: version.unwrap_or_else(|| "$LATEST".to_owned()),
            alias: None,
            code_sha256: archive.code_sha256().to_owned(),
            code: if plan.sends_code() { CodeState::Uploaded } else { CodeState::Unchanged },
            duration_ms: milliseconds(self.began),
        };
        match found.and_then(|found| found.failure) {
            // Nothing differs, but the last update never became live: that is no success to report.
            Some(failure) if plan.steps.is_empty() => Err(failed(failure)),
            _ if plan.steps.is_empty() => Ok(Finished::Unchanged(live_now)),
            _ => Ok(Finished::Deployed(live_now)),
        }
    }

    fn of_package(&self, error: PackageError) -> ErrorReport {
        failure::of_package(error, &self.filled_in)
    }

    fn survey(&self, output: Option<&std::path::Path>) -> Result<Contents, ErrorReport> {
        let selection = Selection::of(self.stanza);
        let contents =
            package::survey(&self.job.directory, &selection, output).map_err(|error| self.of_package(error))?;
        contents.notes().iter().for_each(|note| self.warn(&warnings::of_note(note)));
        Ok(contents)
    }

    /// The archive and the live function, at the same time where it is sure that the archive can go.
    async fn package_and_read(
        &self,
        contents: Contents,
        lambda: &Lambda,
    ) -> Result<(Archive, Option<Found>), ErrorReport> {
        let surely_fits = contents.surely_fits();
        let (journal, stop) = (self.journal.clone(), self.stop.clone());
        let packaging = tokio::task::spawn_blocking(move || into_archive(contents, &journal, &stop));
        let packaging = async {
            let archive = packaging.await.expect("a panic ends the process").map_err(|error| self.of_package(error))?;
            archive.check_size().map_err(|error| self.of_package(error))?;
            self.journal.tell(Event::Packaged(self.filled_in.package(archive.told())));
            Ok::<_, ErrorReport>(archive)
        };
        let reading = async {
            let found = lambda.read_live(self.name).await;
            found.map_err(|error| failure::of_lambda(error, self.redactor()))
        };
        if surely_fits {
            return tokio::try_join!(packaging, reading);
        }
        Ok((packaging.await?, reading.await?))
    }

    async fn wait(&self, lambda: &Lambda) -> Result<Option<Found>, lambda::LambdaError> {
        let step = self.started(StepName::Wait);
        let found = lambda.wait_until_quiet(self.name).await?;
        step.finished(0, None);
        Ok(found)
    }

    /// Carries out the plan. Out come the function's ARN and the version that was published.
    async fn apply(
        &self,
        plan: &Plan,
        subject: Subject<'_>,
        live: Option<&Live>,
        lambda: &Lambda,
    ) -> Result<(String, Option<String>), lambda::LambdaError> {
        let mut arn = live.map(|live| live.arn.clone()).unwrap_or_default();
        let mut version = None;
        let told = Cell::new(false);
        let role_not_ready = || {
            if !told.replace(true) {
                self.warn(&warnings::role_not_ready());
            }
        };
        for step in &plan.steps {
            self.stop.check().map_err(|reason| lambda::LambdaError::Stopped { reason, in_flight: None })?;
            let running = self.started(step.action.name());
            let subject = Subject { arn: &arn, ..subject };
            let applied = lambda.apply(&step.action, subject, &role_not_ready).await?;
            running.finished(applied.attempts, applied.request_id);
            arn = applied.function_arn.unwrap_or(arn);
            version = applied.version.or(version);
        }
        Ok((arn, version))
    }

    fn warn_about_unknown(&self, wanted: &Wanted, live: Option<&Live>) {
        let Some(live) = live else { return };
        let unknown = wanted.settings.iter().filter(|setting| live.setting(setting).is_none()).map(|s| s.field());
        let tags = (wanted.tags.is_some() && live.tags.is_none()).then_some("function_tags");
        unknown.chain(tags).for_each(|field| self.warn(&warnings::live_value_unknown(field)));
    }

    fn started(&self, step: StepName) -> RunningStep<'_> {
        self.journal.tell(Event::StepStarted { step, function_name: self.filled_in.redact(self.name.as_str()) });
        RunningStep { step, began: Instant::now(), journal: self.journal }
    }
}

/// A step that has been told to have started.
struct RunningStep<'a> {
    step: StepName,
    began: Instant,
    journal: &'a Journal,
}

impl RunningStep<'_> {
    fn finished(self, attempts: u32, request_id: Option<String>) {
        let (step, duration_ms) = (self.step, milliseconds(self.began));
        self.journal.tell(Event::StepFinished { step, duration_ms, attempts, request_id });
    }
}

fn into_archive(contents: Contents, journal: &Arc<Journal>, stop: &Stop) -> Result<Archive, PackageError> {
    let mut tell = journal.progress(Task::Package);
    contents.into_archive(&mut |progress| tell(progress.done_bytes, progress.total_bytes), stop)
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
