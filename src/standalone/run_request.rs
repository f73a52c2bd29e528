//! Turns the options of the standalone mode into child runs: one for each release, and one for each other
//! stanza. Never starts a child run. Side effects: reads the file, asks git about the build, and evaluates
//! conditions with bash.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child_run::ChildRun;
use super::encrypted;
use super::input_error::InputError;
use super::job_env::{self, CiSelection, JobEnvironment};
use super::job_selection::{self, MeetsOn};
use super::plan_file;
use super::travis_yml::{self, JobTest, LocatedStanza};
use crate::bounded_read;
use crate::cancel::CancelToken;
use crate::conditions::{self, BashOptions};
use crate::protocol::approved_plan::{ApprovedPlan, check_layers};
use crate::protocol::environment::Environment;
use crate::protocol::event::UnmetCondition;
use crate::protocol::json::Map;

/// What contains the stanzas. The file `-` stands for standard input.
#[derive(Clone, Debug)]
pub(crate) enum StanzaSource {
    /// A `.travis.yml`.
    TravisYml(PathBuf),
    /// A JSON or YAML file that contains a stanza, or a list of them, and nothing else.
    Stanza(PathBuf),
    /// The settings of a plugin: one stanza.
    Settings(Map),
}

impl StanzaSource {
    /// Whether the file is standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        match self {
            StanzaSource::TravisYml(path) | StanzaSource::Stanza(path) => path.as_os_str() == "-",
            StanzaSource::Settings(_) => false,
        }
    }

    /// The name in messages: that of the file, or `settings`.
    fn name(&self) -> String {
        match self {
            StanzaSource::Settings(_) => "settings".to_owned(),
            StanzaSource::TravisYml(_) | StanzaSource::Stanza(_) if self.is_stdin() => {
                "standard input".to_owned()
            }
            StanzaSource::TravisYml(path) | StanzaSource::Stanza(path) => path.display().to_string(),
        }
    }
}

/// A command for the standalone mode.
#[derive(Debug)]
pub(crate) struct RunRequest {
    /// The command and its own options, passed to each child run.
    pub arguments: Vec<OsString>,
    pub source: StanzaSource,
    /// The file to which the plan is written.
    pub out: Option<PathBuf>,
    /// The file with the approved plan.
    pub approved: Option<PathBuf>,
    /// Time limit for reading `source`, and the approved plan. Each may be a pipe.
    pub input_limit: Duration,
    /// The number or name that selects one stanza. `None`: all stanzas.
    pub only: Option<String>,
    /// Which CI's variables describe the build.
    pub ci: CiSelection,
    /// True if the command contacts AWS, and so needs credentials.
    pub contacts_aws: bool,
    /// True if the command evaluates `on`. A stanza that is then skipped may contain values that cannot be
    /// decrypted.
    pub evaluates_conditions: bool,
    /// True if the stanzas of a release are one child run.
    pub joins_releases: bool,
    /// True if the command writes one file, and so takes a single stanza.
    pub one_only: bool,
}

/// Reads the file and detects the build. Returns the child runs, and notes to show before they start.
///
/// # Errors
/// [`InputError`] if the file, the selection or an encrypted value prevents the runs.
pub(crate) fn prepare(
    request: &RunRequest,
    env: &Environment,
    directory: &Path,
    bash_options: BashOptions,
    stop: &CancelToken,
) -> Result<(Vec<ChildRun>, Vec<String>), InputError> {
    let file = request.source.name();
    request.out.as_deref().map_or(Ok(()), plan_file::check_target)?;
    let read_plan = |file: &PathBuf| plan_file::read(file, request.input_limit, stop);
    let approved = request.approved.as_ref().map(read_plan).transpose()?;
    let stanzas = match &request.source {
        StanzaSource::TravisYml(path) => travis_yml::stanzas(&read(request, path, &file, stop)?),
        StanzaSource::Stanza(path) => {
            let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
            travis_yml::bare_stanzas(&read(request, path, &file, stop)?, is_json)
        }
        StanzaSource::Settings(stanza) => {
            let stanza = stanza.clone();
            Ok(vec![LocatedStanza { stanza, has_settings: true, ..LocatedStanza::default() }])
        }
    };
    let chosen = stanzas.and_then(|stanzas| match &request.only {
        Some(only) => travis_yml::choose(stanzas, only),
        None => Ok(stanzas),
    });
    let mut chosen = chosen.map_err(|error| InputError::Stanza { file: file.clone(), error })?;
    if request.one_only && chosen.len() > 1 {
        return Err(InputError::SeveralStanzas { file, there: travis_yml::numbered(&chosen) });
    }
    let job_env = job_env::detect(env, request.ci, directory, stop)?;
    let commit_message =
        names_commit_message(&chosen).then(|| job_env::commit_message(env, directory, stop)).flatten();
    let meets_on = |stanza: &Map, env: &Environment| {
        conditions::evaluate(stanza, env, bash_options, stop).0.ok().map(|verdict| verdict.deploys)
    };
    let mut unmet = Vec::with_capacity(chosen.len());
    for located in &mut chosen {
        let meets_on = request.evaluates_conditions.then_some(&meets_on as MeetsOn<'_>);
        let selected = job_selection::select(located, &job_env, meets_on, commit_message.as_deref());
        let failed = |(condition, error)| InputError::Condition { file: file.clone(), condition, error };
        unmet.push(selected.map_err(failed)?);
    }
    let envs: Vec<Environment> = chosen.iter().map(|located| job_env.for_job(&located.variables)).collect();
    let is_run = |located: &LocatedStanza, env: &Environment| {
        !request.evaluates_conditions || meets_on(&located.stanza, env) == Some(true)
    };
    let mut missing = Vec::new();
    for ((located, env), unmet) in chosen.iter_mut().zip(&envs).zip(&unmet) {
        let of_stanza = encrypted::resolve(located, env, request.contacts_aws);
        if !of_stanza.is_empty() && unmet.is_empty() && is_run(located, env) {
            missing.extend(of_stanza);
        }
    }
    if !missing.is_empty() {
        return Err(InputError::Encrypted { file, missing });
    }
    let notes = notes(&file, request.evaluates_conditions.then_some(&job_env), &chosen);
    let skips = |located: &LocatedStanza, env: &Environment| {
        request.evaluates_conditions && meets_on(&located.stanza, env) == Some(false)
    };
    let chosen = chosen.into_iter().zip(envs.into_iter().zip(unmet));
    let mut child_runs = child_runs(request, &file, chosen, &skips)?;
    if let (Some(plan), Some(file)) = (approved, &request.approved) {
        approve(&mut child_runs, plan, file)?;
    }
    Ok((child_runs, notes))
}

/// Gives each child run its part of the approved plan, which has the stanzas in the order of the child runs.
fn approve(child_runs: &mut [ChildRun], plan: ApprovedPlan, file: &Path) -> Result<(), InputError> {
    let planned = plan.functions.len();
    let given: usize = child_runs.iter().map(ChildRun::number).sum();
    if planned != given {
        return Err(InputError::OtherPlan { file: file.display().to_string(), planned, given });
    }
    let mut functions = plan.functions.iter();
    let parts =
        child_runs.iter().map(|child_run| functions.by_ref().take(child_run.number()).collect::<Vec<_>>());
    check_layers(parts)
        .map_err(|error| InputError::PlannedLayers { file: file.display().to_string(), error })?;
    let mut functions = plan.functions.into_iter();
    child_runs.iter_mut().for_each(|child_run| child_run.approve(&mut functions));
    Ok(())
}

/// The child runs in the order of the file. A release is at the place of its first stanza. A stanza for which
/// Travis CI makes no job is not part of its release. `skips` says whether the conditions of a stanza are not
/// met, so that the variables of its job may differ from those of the release.
fn child_runs(
    request: &RunRequest,
    file: &str,
    chosen: impl Iterator<Item = (LocatedStanza, (Environment, Vec<UnmetCondition>))>,
    skips: &dyn Fn(&LocatedStanza, &Environment) -> bool,
) -> Result<Vec<ChildRun>, InputError> {
    let mut child_runs: Vec<ChildRun> = Vec::new();
    for (located, (env, unmet)) in chosen {
        let release = located.release().filter(|_| request.joins_releases && unmet.is_empty());
        if let Some(release) = release {
            let is_of_release = |child_run: &ChildRun| child_run.is_of_release(&release);
            let mut others = child_runs.iter().filter(|run| is_of_release(run) && !run.has_env(&env));
            if let Some(first) = others.find_map(|other| other.first_deployed(skips))
                && !skips(&located, &env)
            {
                let (file, second) = (file.to_owned(), located.line);
                return Err(InputError::DifferentVariables { file, release, first, second });
            }
            let known = child_runs.iter_mut().find(|run| is_of_release(run) && run.has_env(&env));
            if let Some(known) = known {
                known.add(located);
                continue;
            }
        }
        child_runs.push(ChildRun::of(file, located, request.arguments.clone(), env, unmet));
    }
    Ok(child_runs)
}

/// Whether a condition needs the message of the commit.
fn names_commit_message(stanzas: &[LocatedStanza]) -> bool {
    let jobs = stanzas.iter().flat_map(|located| &located.jobs);
    let mut tests = jobs.flat_map(|job| &job.conditions).map(|condition| &condition.test);
    tests.any(|test| matches!(test, JobTest::If(text) if text.contains("commit_message")))
}

fn read(request: &RunRequest, path: &Path, file: &str, stop: &CancelToken) -> Result<String, InputError> {
    let bytes = match request.source.is_stdin() {
        true => bounded_read::read_stdin(request.input_limit, stop),
        false => bounded_read::read_stream(path, request.input_limit, stop),
    };
    let bytes = bytes.map_err(|source| InputError::from_reading(file.to_owned(), source))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        InputError::NotUtf8 { file: file.to_owned(), line }
    })
}

/// The notes to show before the runs, without duplicates.
fn notes(file: &str, job_env: Option<&JobEnvironment>, stanzas: &[LocatedStanza]) -> Vec<String> {
    let mut notes = job_env.map_or_else(Vec::new, |job_env| job_env.notes.clone());
    for note in stanzas.iter().flat_map(|located| &located.notes) {
        let note = format!("{file}: {note}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}
