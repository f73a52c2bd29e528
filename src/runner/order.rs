//! What is asked for by hand in, the runs that it takes out. Effect: reads the file, asks git, and bash about conditions.
//! Never runs anything.
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::errand::Errand;
use super::refusal::Refusal;
use super::secure;
use super::surroundings::{self, Asked, Surroundings};
use super::travis_yml::{self, Written};
use crate::bounded;
use crate::conditions::{self, Asking};
use crate::protocol::environment::Environment;
use crate::stop::Stop;

/// Where the stanzas are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a `.travis.yml`, among much else.
    TravisYml(PathBuf),
    /// In a file that holds one stanza and nothing else, JSON or YAML.
    Stanza(PathBuf),
}

/// What is asked for by hand.
#[derive(Debug)]
pub struct Order {
    /// The command with its own options, for each of the runs.
    pub arguments: Vec<OsString>,
    /// Where the stanzas are.
    pub source: Source,
    /// How long a pipe may take to be read to its end.
    pub input_limit: Duration,
    /// The one that is meant, where not all are.
    pub only: Option<String>,
    /// Whose words about the build are heard.
    pub ci: Asked,
    /// The command asks AWS, and so needs somebody to act as.
    pub asks_aws: bool,
    /// The command judges `on`, so that a stanza which is skipped may hold what cannot be used.
    pub judges: bool,
    /// The command makes one file, or prints one document.
    pub one_only: bool,
}

/// Reads the file and looks around: the runs that are asked for, and what is to be said before they begin.
///
/// # Errors
/// [`Refusal`], before anything is run.
pub fn prepare(
    order: &Order,
    env: &Environment,
    directory: &Path,
    asking: Asking,
    stop: &Stop,
) -> Result<(Vec<Errand>, Vec<String>), Refusal> {
    let (Source::TravisYml(path) | Source::Stanza(path)) = &order.source;
    let file = path.display().to_string();
    let text = read(path, &file, order.input_limit, stop)?;
    let stanzas = match &order.source {
        Source::TravisYml(_) => travis_yml::stanzas(&text),
        Source::Stanza(_) => {
            let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
            travis_yml::stanza(&text, is_json).map(|stanza| vec![stanza])
        }
    };
    let chosen = stanzas.and_then(|stanzas| match &order.only {
        Some(only) => travis_yml::choose(stanzas, only),
        None => Ok(stanzas),
    });
    let mut chosen = chosen.map_err(|error| Refusal::of_stanza(&file, error))?;
    if order.one_only && chosen.len() > 1 {
        return Err(Refusal::of_one_archive(&file, &chosen));
    }
    let around = surroundings::look(env, order.ci, directory, stop).map_err(Refusal::of_git)?;
    let envs: Vec<Environment> = chosen.iter().map(|written| around.of_job(&written.variables)).collect();
    let is_run = |written: &Written, env: &Environment| {
        !order.judges || conditions::judge(&written.stanza, env, asking, stop).0.is_ok_and(|verdict| verdict.deploys)
    };
    let missing: Vec<_> = chosen
        .iter_mut()
        .zip(&envs)
        .filter_map(|(written, env)| {
            let missing = secure::settle(written, env, order.asks_aws);
            (!missing.is_empty() && is_run(written, env)).then_some((&*written, missing))
        })
        .collect();
    if !missing.is_empty() {
        return Err(Refusal::of_encrypted(&file, &missing));
    }
    let notes = notes(&file, order.judges.then_some(&around), &chosen);
    let errands = chosen.into_iter().zip(envs);
    let errands = errands.map(|(written, env)| Errand::of(&file, written, order.arguments.clone(), env));
    Ok((errands.collect(), notes))
}

fn read(path: &Path, file: &str, limit: Duration, stop: &Stop) -> Result<String, Refusal> {
    let bytes = bounded::read_stream(path, limit, stop).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => Refusal::of_size(file),
        _ => Refusal::of_file(file, &error),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Refusal::of_encoding(file, valid.iter().filter(|byte| **byte == b'\n').count() + 1)
    })
}

/// What is to be said before the runs: once, however many stanzas it is about.
fn notes(file: &str, around: Option<&Surroundings>, stanzas: &[Written]) -> Vec<String> {
    let mut notes = around.map_or_else(Vec::new, |around| around.notes.clone());
    for note in stanzas.iter().flat_map(|written| &written.notes) {
        let note = format!("{file}: {note}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}
