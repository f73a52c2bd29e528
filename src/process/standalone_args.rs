//! The standalone mode: reads its options and starts this program again once per stanza, without a CI runner.
//! Never affects the request of a CI runner, unless one of its options is given or standard output is a
//! terminal.
#![expect(clippy::disallowed_methods, reason = "reads the process environment and exits the process")]

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, panic, process, thread};

use crate::cancel::{CancelReason, CancelToken};
use crate::conditions::BashOptions;
use crate::deploy::Command;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::protocol::environment::Environment;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::Finished;
use crate::standalone::ci::Ci;
use crate::standalone::ci_log::{CiLog, LogGroups};
use crate::standalone::job_env::{AUTO_INTERACTIVE, CiSelection};
use crate::standalone::terminal::{HumanReporter, TerminalCapabilities, size_of};
use crate::standalone::{
    self, ChildLine, ChildRun, DIFFERS, InputError, Locate, MarkdownDocument, PlanRecorder, PluginStanza,
    Reporter, ResultFiles, RunRequest, SignalForwarder, StanzaSource, annotations,
};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::environ;
use super::output_format::{Format, ci_of_process, unix_seconds};
use super::panics::panic_report;
use super::settings::{Settings, TestPanic};
use super::signals::{FINAL_EVENT_TIMEOUT, SHUTDOWN_GRACE, Signals};
use super::streams::{Stdout, print_report, print_stderr};

/// The options of the standalone mode.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "Standalone options (for a terminal or a script of any CI, without a CI runner)"
)]
pub(crate) struct StandaloneArgs {
    /// Run the command for each lambda stanza of a `.travis.yml`, in order, until one fails. Stanzas with the
    /// same `release` are deployed together. The job's variables come from the process environment, then from
    /// unencrypted values of the file's `env`, then from git.
    #[arg(long, value_name = "FILE", global = true)]
    travis_yml: Option<PathBuf>,
    /// Like `--travis-yml`, with a YAML or JSON file that contains one stanza, or a list of stanzas, and
    /// nothing else. `-` reads standard input.
    #[arg(long, value_name = "FILE", global = true)]
    stanza: Option<PathBuf>,
    /// Use only one stanza of the file: its number (from 1) or its function name.
    #[arg(long, value_name = "N|NAME", global = true)]
    only: Option<String>,
    /// Write JSON events, human-readable text, or Markdown for a pull request or a job summary. Default: text
    /// on a terminal, and with `--travis-yml` or `--stanza` in a known CI; json otherwise.
    #[arg(long, global = true)]
    format: Option<Format>,
    /// Also append the result to this file, as lines `name=value`: outcome, version, function_arn,
    /// previous_version, url.
    #[arg(long, value_name = "FILE", global = true)]
    result: Option<PathBuf>,
    /// Also append the results to this file, as Markdown.
    #[arg(long, value_name = "FILE", global = true)]
    summary: Option<PathBuf>,
    /// CI system whose variables describe the build (branch, tag, pull request). Default: auto, which detects
    /// it. `none` takes branch and commit from git, and asserts that this build is not a pull request.
    #[arg(long, value_name = "NAME", global = true, value_parser = PossibleValuesParser::new(ci_names()))]
    ci: Option<String>,
    /// Fail if the conditions are not met, instead of skipping the deployment. Of several stanzas, one must
    /// not be skipped. A CI runner may also pass this option.
    #[arg(long, global = true)]
    pub(crate) require_deploy: bool,
    /// Leave this file of a plan, result or summary out of packages. The standalone mode passes it to each
    /// child run.
    #[arg(long, value_name = "FILE", global = true, hide = true)]
    pub(crate) leave_out: Vec<PathBuf>,
    #[arg(skip)]
    pub(crate) plan_options: PlanOptions,
    /// The stanza of the command `plugin`.
    #[arg(skip)]
    pub(crate) plugin: Option<PluginStanza>,
}

/// The options of the commands `plan` and `deploy`.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanOptions {
    /// The file to which the plan is written.
    pub(crate) out: Option<PathBuf>,
    /// The file with the approved plan.
    pub(crate) approved: Option<PathBuf>,
    /// True if the exit status shows whether the plan changes something.
    pub(crate) exit_code: bool,
}

fn ci_names() -> Vec<PossibleValue> {
    let names = ["auto", "none"].into_iter().chain(Ci::ALL.into_iter().map(Ci::name));
    names.map(PossibleValue::new).chain([PossibleValue::new(AUTO_INTERACTIVE).hide(true)]).collect()
}

/// Explains to a user at a terminal why nothing happens. Called by the process that reads the request, after
/// its signal handlers are installed.
pub(crate) fn explain_stdin_wait() {
    if io::stdin().is_terminal() {
        print_stderr(
            "waiting for a request on standard input; `--stanza lambda.yml` or `--travis-yml .travis.yml` reads \
             a file instead; `--help` lists all commands",
        );
    }
}

impl StandaloneArgs {
    /// Exits the process if a standalone option is given with a command that accepts none of them.
    pub(crate) fn reject_standalone_options(&self, command: &str) {
        let StandaloneArgs { travis_yml, stanza, only, format, result, summary, ci, require_deploy, .. } =
            self;
        let options = [
            ("--travis-yml", travis_yml.is_some()),
            ("--stanza", stanza.is_some()),
            ("--only", only.is_some()),
            ("--format", format.is_some()),
            ("--result", result.is_some()),
            ("--summary", summary.is_some()),
            ("--ci", ci.is_some()),
            ("--require-deploy", *require_deploy),
        ];
        if let Some((option, _)) = options.into_iter().find(|(_, is_given)| *is_given) {
            print_report(&diagnostics::from_unaccepted_option(command, option));
            process::exit(2)
        }
    }

    /// Starts the child runs and exits the process. Outside the standalone mode it returns the command, which
    /// then runs in this process, as a CI runner expects.
    ///
    /// # Errors
    /// A wrong command line or file, if the output format is JSON events. For text output it exits the
    /// process.
    pub(crate) fn run(
        &self,
        command: Command,
        bash_options: BashOptions,
        fault: TestPanic,
        stop: &CancelToken,
    ) -> Result<Command, ErrorReport> {
        let ci = ci_of_process(self.ci.as_deref().and_then(Ci::named));
        let has_file = self.travis_yml.is_some() || self.stanza.is_some();
        let format = Format::of_stdout(self.format, has_file, ci);
        let log = if format == Format::Text { CiLog::of(ci) } else { CiLog::Plain };
        let refuse = |error: InputError, mut files: ResultFiles| {
            let places = error.places();
            let report = stop.reason().map_or_else(|| error.into_report(), diagnostics::from_stop);
            print_report(&report);
            files.fail(&report);
            files.write().unwrap_or_else(|line| print_stderr(&line));
            let commands = annotations::of_refusal(log, &report, &places);
            let _ = Stdout.write_all(commands.as_bytes());
            if format != Format::Json {
                process::exit(stop.reason().map_or(2, CancelReason::exit_status))
            }
            Err(report)
        };
        let files = match ResultFiles::open(self.result.as_deref(), self.summary.as_deref()) {
            Ok(files) => files,
            Err(error) => return refuse(error, ResultFiles::default()),
        };
        let source = match self.source() {
            Ok(source) => source,
            Err(error) => return refuse(error, files),
        };
        let is_for_runner = format == Format::Json && self.result.is_none() && self.summary.is_none();
        if source.is_none() && is_for_runner {
            return Ok(command);
        }
        let program = match env::current_exe() {
            Ok(program) => program,
            Err(error) => return refuse(InputError::Program(error), files),
        };
        let forwarder = forward_signals(stop).map_err(|error| diagnostics::from_system(&error))?;
        let child_runs = match source {
            Some(source) => match prepare(&self.run_request(&command, source), bash_options, stop) {
                Ok((child_runs, notes)) => {
                    notes.iter().for_each(|note| print_stderr(&self.shown(note)));
                    child_runs
                }
                Err(error) => return refuse(error, files),
            },
            None => vec![ChildRun::passthrough(self.arguments(&command), self.ci_selection())],
        };
        let groups = LogGroups::new(log, unix_seconds, command == Command::Plan);
        let output = Output { format, log, groups, files };
        process::exit(self.run_children(&child_runs, &program, &forwarder, output, fault))
    }

    /// Starts the child runs and shows their events. Writes the plan and the results to files, if that is
    /// wanted. Returns the exit status.
    fn run_children(
        &self,
        child_runs: &[ChildRun],
        program: &Path,
        forwarder: &SignalForwarder,
        output: Output,
        fault: TestPanic,
    ) -> i32 {
        let Output { format, log, groups, files } = output;
        let written = Arc::new(Mutex::new(WrittenEvents::Nothing));
        report_panics(written.clone(), format == Format::Json);
        let stdout = io::stdout();
        let style =
            TerminalCapabilities::of(stdout.is_terminal(), size_of(stdout.as_fd()), |name| env::var_os(name));
        let (mut text, mut json) = (HumanReporter::new(Stdout, style).with_groups(groups), JsonReporter);
        let mut markdown = MarkdownDocument::default();
        let reporter: &mut dyn Reporter = match format {
            Format::Text => &mut text,
            Format::Json => &mut json,
            Format::Markdown => &mut markdown,
        };
        let plans = PlanRecorder::default();
        let mut recording = RecordingReporter { reporter, written, plans, files, log, fault };
        let status = standalone::run(child_runs, program, forwarder, &mut recording, self.require_deploy);
        let RecordingReporter { reporter, plans, mut files, .. } = recording;
        if status == 1 && forwarder.reason() == Some(CancelReason::OutputClosed) {
            let report = diagnostics::from_stop(CancelReason::OutputClosed);
            print_report(&report);
            files.fail(&report);
        }
        let status = match &self.plan_options.out {
            Some(file) if status == 0 || status == DIFFERS => {
                let written = plans.write(file);
                let (Ok(note) | Err(note)) = &written;
                reporter.note(note);
                if written.is_ok() { status } else { 1 }
            }
            Some(_) | None => status,
        };
        let shown = match format {
            Format::Text => text.end(),
            Format::Markdown => Stdout.write_all(markdown.text().as_bytes()),
            Format::Json => Ok(()),
        };
        let is_written = files.write().map_err(|line| print_stderr(&line)).is_ok();
        let is_lost = !is_written || (format == Format::Markdown && shown.is_err());
        if is_lost && matches!(status, 0 | DIFFERS) { 1 } else { status }
    }

    /// The policy for all stanzas of a file, as text. `None`: no file is given. If a child run prints no
    /// policy, exits the process.
    ///
    /// # Errors
    /// The message for standard error.
    pub(crate) fn policy(&self, bash_options: BashOptions) -> Result<Option<String>, String> {
        let refused = |error: InputError| error.into_report().lines().join("; ");
        let Some(source) = self.source().map_err(refused)? else { return Ok(None) };
        let run_request = RunRequest {
            arguments: vec!["policy".into()],
            evaluates_conditions: false,
            joins_releases: false,
            ..self.run_request(&Command::Check, source)
        };
        let stop = CancelToken::new();
        let forwarder = forward_signals(&stop).map_err(|error| diagnostics::from_system(&error).message)?;
        let (child_runs, _) = prepare(&run_request, bash_options, &stop).map_err(refused)?;
        let program = env::current_exe().map_err(|error| refused(InputError::Program(error)))?;
        let policy = standalone::policy_of(&child_runs, &program, &forwarder, &print_stderr);
        policy.map(Some).or_else(|status| process::exit(status))
    }

    /// The file that the options name.
    fn source(&self) -> Result<Option<StanzaSource>, InputError> {
        if let Some(plugin) = self.plugin.as_ref().filter(|plugin| !plugin.problems.is_empty()) {
            return Err(InputError::Settings(plugin.problems.clone()));
        }
        let source = match (self.travis_yml.clone(), self.stanza.clone()) {
            (Some(_), Some(_)) => return Err(InputError::TwoFiles),
            (Some(file), None) => Some(StanzaSource::TravisYml(file)),
            (None, Some(file)) => Some(StanzaSource::Stanza(file)),
            (None, None) => self.plugin.as_ref().map(|plugin| StanzaSource::Settings(plugin.stanza.clone())),
        };
        if self.only.is_some() && source.is_none() {
            return Err(InputError::OnlyWithoutFile);
        }
        let PlanOptions { out, approved, .. } = &self.plan_options;
        if (out.is_some() || approved.is_some()) && source.is_none() {
            return Err(InputError::PlanFileWithoutFile);
        }
        Ok(source)
    }

    /// A note as the user sees it: in a plugin, the option `--ci` is the setting `ci`.
    fn shown(&self, note: &str) -> String {
        if self.plugin.is_some() { note.replace("`--ci ", "`ci: ") } else { note.to_owned() }
    }

    pub(crate) fn ci_selection(&self) -> CiSelection {
        match self.ci.as_deref() {
            None | Some("auto") => {
                CiSelection::Auto { interactive: io::stdout().is_terminal() || io::stderr().is_terminal() }
            }
            Some(AUTO_INTERACTIVE) => CiSelection::Auto { interactive: true },
            Some(name) => Ci::named(name).map_or(CiSelection::None, CiSelection::Named),
        }
    }

    /// What to prepare. Says on a terminal that it waits for the file. Call it when signals are caught, so that
    /// an interrupt of that wait is reported.
    fn run_request(&self, command: &Command, source: StanzaSource) -> RunRequest {
        if source.is_stdin() && io::stdin().is_terminal() {
            print_stderr("waiting for the file on standard input; press Ctrl-D at its end");
        }
        RunRequest {
            arguments: self.arguments(command),
            source,
            out: self.plan_options.out.clone(),
            approved: self.plan_options.approved.clone(),
            input_limit: Settings::from_env().input_limit,
            only: self.only.clone(),
            ci: self.ci_selection(),
            contacts_aws: command.contacts_aws(),
            evaluates_conditions: command.evaluates_conditions(),
            joins_releases: true,
            one_only: matches!(command, Command::Package { .. }),
        }
    }

    /// The command line of a child run.
    fn arguments(&self, command: &Command) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = match command {
            Command::Deploy => vec!["deploy".into()],
            Command::Plan => vec!["plan".into()],
            Command::Check => vec!["check".into()],
            Command::Rollback => vec!["rollback".into()],
            Command::Package { output } => vec!["package".into(), "--output".into(), output.into()],
        };
        let PlanOptions { out, approved, exit_code } = &self.plan_options;
        arguments.extend(exit_code.then(|| OsString::from("--exit-code")));
        for file in [out, approved, &self.result, &self.summary].into_iter().flatten() {
            // One argument, because the name can begin with a hyphen.
            let mut argument = OsString::from("--leave-out=");
            argument.push(file);
            arguments.push(argument);
        }
        arguments
    }
}

/// The child runs for a request in the environment and the directory of this process, and notes.
fn prepare(
    request: &RunRequest,
    bash_options: BashOptions,
    stop: &CancelToken,
) -> Result<(Vec<ChildRun>, Vec<String>), InputError> {
    let env: Environment = env::vars_os().collect();
    standalone::prepare(request, &env, &environ::directory(), bash_options, stop)
}

/// Starts a thread that forwards each signal, and the closing of our standard output, to the running child.
/// The process exits when that child has ended. If even the child's last line cannot be forwarded because
/// standard output is not read, this thread exits the process.
pub(super) fn forward_signals(stop: &CancelToken) -> io::Result<Arc<SignalForwarder>> {
    let (mut signals, forwarder, stop) = (Signals::catch()?, Arc::new(SignalForwarder::new()?), stop.clone());
    let to = forwarder.clone();
    let forward = move || {
        let first = signals.first(|| to.forward(CancelReason::OutputClosed, false));
        let Some((reason, typed)) = first else { return };
        stop.cancel(reason);
        to.forward(reason, typed);
        if let Some((second, typed)) = signals.wait(None, Some(SHUTDOWN_GRACE + 2 * FINAL_EVENT_TIMEOUT)) {
            to.forward(second, typed);
            thread::sleep(2 * FINAL_EVENT_TIMEOUT);
        }
        process::exit(reason.exit_status())
    };
    thread::Builder::new().spawn(forward)?;
    Ok(forwarder)
}

/// What is written of the child runs.
struct Output {
    format: Format,
    log: CiLog,
    groups: LogGroups,
    files: ResultFiles,
}

/// Which events of the current child run have been written.
#[derive(Clone, Copy)]
enum WrittenEvents {
    Nothing,
    Begun,
    Finished,
}

/// Makes a panic in this process write the last event itself and exit. The running child then finds its
/// output closed and shuts down properly.
fn report_panics(written: Arc<Mutex<WrittenEvents>>, is_json: bool) {
    panic::set_hook(Box::new(move |panic| {
        let report = panic_report(panic);
        print_report(&report);
        // Held until the exit, so that a second panicking thread blocks here.
        let written = written.lock().unwrap_or_else(PoisonError::into_inner);
        let events = EventWriter::new(Stdout, CancelToken::new());
        if is_json && matches!(*written, WrittenEvents::Nothing) {
            events.emit(standalone::hello());
        }
        if is_json && !matches!(*written, WrittenEvents::Finished) {
            events.finish(Finished::failed(report, Vec::new()));
        }
        process::exit(1)
    }));
}

/// Passes everything to another reporter, and records which events were written, the plans and the results.
struct RecordingReporter<'a> {
    reporter: &'a mut dyn Reporter,
    written: Arc<Mutex<WrittenEvents>>,
    plans: PlanRecorder,
    files: ResultFiles,
    /// The log in which errors are also commands.
    log: CiLog,
    fault: TestPanic,
}

impl Reporter for RecordingReporter<'_> {
    fn begin_run(&mut self, title: &str) {
        self.files.begin_run(title);
        self.reporter.begin_run(title);
    }

    fn heading(&mut self, title: &str) -> io::Result<()> {
        self.reporter.heading(title)
    }

    fn line(&mut self, line: &ChildLine, raw: &str, locate: Locate<'_>) -> io::Result<()> {
        self.files.add(line);
        if let Some(finished) = line.finished() {
            self.plans.add(finished);
        }
        self.reporter.line(line, raw, locate)?;
        if let Some(finished) = line.finished() {
            Stdout.write_all(annotations::of_result(self.log, finished, locate).as_bytes())?;
        }
        let written = if line.is_finished() { WrittenEvents::Finished } else { WrittenEvents::Begun };
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
        self.fault.trigger_standalone();
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.reporter.note(text);
    }
}

/// Writes the events unchanged, for programs.
struct JsonReporter;

impl Reporter for JsonReporter {
    fn heading(&mut self, title: &str) -> io::Result<()> {
        print_stderr(title);
        Ok(())
    }

    fn line(&mut self, _: &ChildLine, raw: &str, _: Locate<'_>) -> io::Result<()> {
        Stdout.write_all(format!("{raw}\n").as_bytes())
    }

    fn note(&mut self, text: &str) {
        print_stderr(text);
    }
}

/// Collects Markdown. The errors are also on standard error, because Markdown is usually written to a file.
impl Reporter for MarkdownDocument {
    fn begin_run(&mut self, title: &str) {
        MarkdownDocument::begin_run(self, title);
    }

    fn line(&mut self, line: &ChildLine, _: &str, _: Locate<'_>) -> io::Result<()> {
        line.finished().and_then(Finished::error).into_iter().for_each(print_report);
        self.add(line);
        Ok(())
    }

    fn note(&mut self, text: &str) {
        print_stderr(text);
    }
}

/// Writes text for people.
impl Reporter for HumanReporter<Stdout> {
    fn heading(&mut self, title: &str) -> io::Result<()> {
        HumanReporter::heading(self, title)
    }

    fn line(&mut self, line: &ChildLine, _: &str, locate: Locate<'_>) -> io::Result<()> {
        self.show(line, locate)
    }

    fn note(&mut self, text: &str) {
        let _ = self.end();
        print_stderr(text);
    }
}
