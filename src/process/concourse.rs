//! Runs the program as a resource of Concourse: `out` starts a child run, `check` and `in` read the function.
//! Standard output has one JSON document, and nothing if the script fails; everything else is on standard
//! error.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the process environment and the inputs, writes the files of `in`, and exits the process"
)]

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs, process};

use serde::Serialize;

use super::exit::refuse_closed_output;
use super::panics::print_panics;
use super::settings::Settings;
use super::standalone_args::forward_signals;
use super::streams::{Stdout, print_report, print_stderr};
use super::{environ, nss};
use crate::bounded_read;
use crate::cancel::{CancelReason, CancelToken};
use crate::deploy::{self, VersionQuery};
use crate::diagnostics;
use crate::git;
use crate::protocol::environment::Environment;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{Event, Finished};
use crate::standalone::concourse::{self, ResourceError, ResourceRequest, Script};
use crate::standalone::terminal::{HumanReporter, TerminalCapabilities};
use crate::standalone::{self, ChildLine, InputError, Locate, Reporter, SignalForwarder};

/// Why a script prints no document.
struct Failure {
    /// `None`: the log has the error already.
    report: Option<ErrorReport>,
    /// Exit status, unless a signal has ended the script.
    status: i32,
}

impl From<ErrorReport> for Failure {
    fn from(report: ErrorReport) -> Self {
        Failure { report: Some(report), status: 1 }
    }
}

impl From<ResourceError> for Failure {
    fn from(error: ResourceError) -> Self {
        error.into_report().into()
    }
}

/// Runs a script and exits the process.
pub(super) fn run_and_exit(script: Script) -> ! {
    refuse_closed_output(1);
    print_panics(1);
    nss::resolve_without_modules();
    let settings = Settings::from_env();
    settings.start_log();
    let stop = CancelToken::new();
    let printed = run(script, &settings, &stop).and_then(|document| print(&document));
    let Err(Failure { report, status }) = printed else { process::exit(0) };
    match (report, stop.reason()) {
        (Some(_), Some(reason)) => print_report(&diagnostics::from_stop(reason)),
        (report, _) => report.iter().for_each(print_report),
    }
    process::exit(stop.reason().map_or(status, CancelReason::exit_status))
}

/// Returns the document.
fn run(script: Script, settings: &Settings, stop: &CancelToken) -> Result<String, Failure> {
    let forwarder = forward_signals(stop).map_err(|error| diagnostics::from_system(&error))?;
    let bytes = bounded_read::read_stdin(settings.input_limit, stop).map_err(ResourceError::Unreadable)?;
    let request = ResourceRequest::read(&bytes)?;
    match script {
        Script::Check => check(&request, settings, stop),
        Script::In => get(&request, settings, stop),
        Script::Out => put(&request, &forwarder),
    }
}

fn print(document: &str) -> Result<(), Failure> {
    Stdout.write_all(document.as_bytes()).map_err(|error| {
        let message = format!("the version cannot be written to standard output: {error}");
        ErrorReport::new(Code::OutputClosed, message).into()
    })
}

/// A document as one line.
fn line(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("texts are JSON") + "\n"
}

fn check(request: &ResourceRequest, settings: &Settings, stop: &CancelToken) -> Result<String, Failure> {
    let asked = request.version();
    let query = VersionQuery { live: true, named: asked.as_ref().map(|asked| asked.number.as_str()) };
    let function = deploy::read_versions(&environ::own_job(request.stanza(), settings), query, stop)?;
    Ok(line(&concourse::checked(function, asked.as_ref())))
}

fn get(request: &ResourceRequest, settings: &Settings, stop: &CancelToken) -> Result<String, Failure> {
    let directory = directory("the directory into which to write")?;
    let asked = request.version().ok_or(ResourceError::NoVersion)?;
    let number = || asked.number.clone();
    let query = VersionQuery { live: false, named: Some(asked.number.as_str()) };
    let function = deploy::read_versions(&environ::own_job(request.stanza(), settings), query, stop)?;
    let function = function.ok_or_else(|| ResourceError::NoFunction { number: number() })?;
    let version = match &function.named {
        None => return Err(ResourceError::NoSuchVersion { number: number() }.into()),
        Some(known) if !asked.is(known) => return Err(ResourceError::OtherCode { number: number() }.into()),
        Some(known) => known,
    };
    for (name, text) in concourse::files(&function, version) {
        let file = directory.join(name);
        fs::write(&file, text).map_err(|source| {
            let file = file.display().to_string();
            ResourceError::Unwritable { file, source }
        })?;
    }
    Ok(line(&concourse::got(&function, version)))
}

fn put(request: &ResourceRequest, forwarder: &SignalForwarder) -> Result<String, Failure> {
    let directory = directory("the directory with the inputs of the step")?;
    let program = env::current_exe().map_err(|error| InputError::Program(error).into_report())?;
    // The paths of the stanza, and the commands in it, are relative to this directory.
    env::set_current_dir(&directory).map_err(|source| {
        let directory = directory.display().to_string();
        ResourceError::BadDirectory { directory, source }
    })?;
    let directory = env::current_dir().unwrap_or(directory);
    let mut inputs = fs::read_dir(&directory).into_iter().flatten().flatten();
    if let Some(input) = inputs.find(|input| git::request_file(&input.path()).is_some()) {
        let input = input.file_name().to_string_lossy().into_owned();
        return Err(ResourceError::PullRequest { input }.into());
    }
    let env: Environment = env::vars_os().collect();
    let child_run = request.child_run(&env, &directory);
    let text = HumanReporter::new(io::stderr(), capabilities());
    let mut reporter = ResourceReporter { request, text, finished: None };
    let status = standalone::run(&[child_run], &program, forwarder, &mut reporter, false);
    let _ = reporter.text.end();
    let Some(finished) = reporter.finished.filter(|_| status == 0) else {
        return Err(Failure { report: None, status: status.max(1) });
    };
    let outcome = finished.outcome();
    let live = finished.deployment().ok_or(ResourceError::NothingLive { outcome })?;
    Ok(line(&concourse::put(outcome, live)))
}

/// The directory in the first argument.
fn directory(expected: &'static str) -> Result<PathBuf, ResourceError> {
    let argument = env::args_os().nth(1).filter(|argument: &OsString| !argument.is_empty());
    argument.map(PathBuf::from).ok_or(ResourceError::NoDirectory { expected })
}

/// Concourse shows colours and UTF-8, although its log is no terminal.
fn capabilities() -> TerminalCapabilities {
    let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let of_log = TerminalCapabilities::of(false, None, |name| env::var_os(name));
    TerminalCapabilities { colour: !is_plain, unicode: true, ..of_log }
}

/// Shows the run on standard error, and keeps its result.
struct ResourceReporter<'a> {
    request: &'a ResourceRequest,
    text: HumanReporter<io::Stderr>,
    finished: Option<Finished>,
}

impl Reporter for ResourceReporter<'_> {
    /// Errors name the part of the request that has their key. The condition is left out: it is ours.
    fn line(&mut self, line: &ChildLine, _: &str, _: Locate<'_>) -> io::Result<()> {
        if matches!(line.event(), Some(Event::ConditionChecked(_))) {
            return Ok(());
        }
        if let Some(finished) = line.finished() {
            self.finished = Some(finished.clone());
        }
        let request = self.request;
        self.text.show(line, &|_: Option<u32>, at: &str| request.part_of(at).map(str::to_owned))
    }

    fn note(&mut self, text: &str) {
        let _ = self.text.end();
        print_stderr(text);
    }
}
