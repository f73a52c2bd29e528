//! Runs the program: parses arguments, reads the request, writes events, handles signals, sets up the log,
//! and determines the exit status. Never decides anything about a deployment.
#![expect(
    clippy::disallowed_methods,
    reason = "reads and replaces the process environment, and exits the process"
)]

mod arguments;
mod closed;
mod documents;
mod environ;
mod manual;
mod nss;
mod signals;
mod standalone_args;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{env, panic, process as std_process, thread};

use self::arguments::{Arguments, Command as CliCommand, command_of, completions};
use self::signals::{FINAL_EVENT_TIMEOUT, SHUTDOWN_GRACE, Signals, timespec};
use self::standalone_args::StandaloneArgs;
use crate::cancel::{CancelReason, CancelToken};
use crate::child;
use crate::conditions::BashOptions;
use crate::deploy::{self, Command, Job};
use crate::diagnostics::{self, catalogue};
use crate::event_writer::EventWriter;
use crate::git::GitError;
use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::Finished;
use crate::protocol::messages::without_log_commands;
use crate::protocol::request::{self, Request};
use crate::standalone::job_env::CiSelection;
use crate::standalone::{self, job_env};
use aws_smithy_types::date_time::{DateTime, Format};
use clap::Parser;
use clap::error::ErrorKind;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGCHLD, SIGXFSZ};

/// The whole program. It is a library function so that an example can be the program, too.
pub fn main() {
    // Before a second thread exists, and before any child process could read the environment.
    environ::hide();
    // Before anything starts a process: git, or this program again.
    install_noop_handlers();
    let (command, standalone) = match Arguments::try_parse() {
        Ok(Arguments { command, standalone }) => match event_command(command) {
            Ok(command) => {
                refuse_closed_output(1);
                (Ok(command), standalone)
            }
            Err(document) => {
                refuse_closed_output(2);
                documents::print_and_exit(render_document(document, &standalone))
            }
        },
        Err(error) => (report_parse_error(error), StandaloneArgs::default()),
    };
    nss::resolve_without_modules();
    let settings = Settings::from_env();
    settings.start_log();
    let stop = CancelToken::new();
    let command =
        command.and_then(|command| standalone.run(command, settings.bash_options, settings.fault, &stop));
    let events = Arc::new(EventWriter::new(Stdout, stop.clone()));
    report_panics(events.clone(), stop.clone());
    let has_started = Arc::new(AtomicBool::new(false));
    let signal_thread = handle_signals(events.clone(), stop.clone(), has_started.clone());
    events.emit(standalone::hello());
    let finished = match (command, signal_thread) {
        (Ok(command), Ok(())) => {
            run(&command, standalone.ci_selection(), settings, &has_started, &events, &stop)
        }
        (Ok(_), Err(error)) => Finished::failed(diagnostics::from_system(&error), Vec::new()),
        (Err(finished), _) => finished,
    };
    finish_and_exit(&events, &stop, finished)
}

/// Exits the process if standard output was not open at the start: the events of a deployment would be lost.
fn refuse_closed_output(status: i32) {
    if closed::stdout_was_closed() {
        standalone_args::print_report(&diagnostics::from_closed_output());
        std_process::exit(status)
    }
}

fn run(
    command: &Command,
    ci: CiSelection,
    settings: Settings,
    has_started: &AtomicBool,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Finished {
    let failed = |error| Finished::failed(error, Vec::new());
    if let Some(reason) = stop.reason() {
        return failed(diagnostics::from_stop(reason));
    }
    let deadline = Instant::now() + settings.input_limit;
    standalone_args::explain_stdin_wait();
    let request = request::read(Stdin { deadline });
    if let Some(reason) = stop.reason() {
        return failed(diagnostics::from_stop(reason));
    }
    let Request { stanza, env } = match request {
        Ok(request) => request,
        Err(error) => return failed(diagnostics::from_request(error, settings.input_limit)),
    };
    let env_given = env.is_some();
    if let Some(env) = &env {
        replace_environment(env);
    }
    let env = env.unwrap_or_else(|| env::vars_os().collect());
    disable_aws_files_without_home(&env);
    has_started.store(true, Ordering::Relaxed);
    child::adopt();
    settings.fault.trigger();
    let directory = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    // Without `env` in the request, the build is detected as for a file in the standalone mode.
    let env = match env_given {
        true => env,
        false => match detect_job_environment(command, &env, ci, &directory, stop) {
            Ok(env) => env,
            Err(error) => return failed(diagnostics::from_git(error)),
        },
    };
    let job =
        Job { stanza, env, env_given, directory, bash_options: settings.bash_options, today: settings.today };
    deploy::run(command, &job, events, stop)
}

/// The job's environment if the request has none: the process environment, plus what the CI and git say about
/// the build.
fn detect_job_environment(
    command: &Command,
    env: &Environment,
    ci: CiSelection,
    directory: &Path,
    stop: &CancelToken,
) -> Result<Environment, GitError> {
    let job_env = job_env::detect(env, ci, directory, stop)?;
    if command.evaluates_conditions() {
        job_env.notes.iter().for_each(|note| standalone_args::print_stderr(note));
    }
    Ok(job_env.for_job(&[]))
}

/// Writes the last line and exits the process. If two threads get here, the second one blocks until the first
/// one exits the process.
fn finish_and_exit(events: &EventWriter, stop: &CancelToken, finished: Finished) -> ! {
    match events.finish(finished) {
        Some(finished) => std_process::exit(exit_status(&finished, events.has_side_effects(), stop.reason())),
        None => loop {
            thread::park();
        },
    }
}

/// The exit status for an outcome.
fn exit_status(finished: &Finished, has_side_effects: bool, stop: Option<CancelReason>) -> i32 {
    match (finished, stop) {
        (_, Some(CancelReason::OutputClosed)) => 1,
        (Finished::Failed { error, .. }, Some(reason)) if error.code == Code::Cancelled => {
            reason.exit_status()
        }
        (Finished::Failed { allowed: true, .. }, _) => 0,
        (Finished::Failed { .. }, _) => 2 - i32::from(has_side_effects),
        (
            Finished::Deployed(_)
            | Finished::Unchanged(_)
            | Finished::Planned(_)
            | Finished::Checked {}
            | Finished::Packaged { .. }
            | Finished::Skipped { .. },
            _,
        ) => 0,
    }
}

/// The command, if it writes events. `Err`: a command that prints a document.
fn event_command(command: Option<CliCommand>) -> Result<Command, CliCommand> {
    match command {
        None | Some(CliCommand::Deploy) => Ok(Command::Deploy),
        Some(CliCommand::Plan) => Ok(Command::Plan),
        Some(CliCommand::Check) => Ok(Command::Check),
        Some(CliCommand::Rollback) => Ok(Command::Rollback),
        Some(CliCommand::Package { output }) => Ok(Command::Package { output }),
        Some(document) => Err(document),
    }
}

/// The document that a command prints. `Err`: the message for standard error.
fn render_document(command: CliCommand, standalone: &StandaloneArgs) -> Result<String, String> {
    match command {
        CliCommand::Policy => policy(standalone),
        CliCommand::Explain { code } => {
            standalone.reject_standalone_options("explain");
            catalogue::entry(&code)
        }
        CliCommand::Schema { document } => {
            standalone.reject_standalone_options("schema");
            Ok(documents::schema(document))
        }
        CliCommand::Completions { shell } => {
            standalone.reject_standalone_options("completions");
            Ok(completions(shell))
        }
        CliCommand::Manual => {
            standalone.reject_standalone_options("manual");
            Ok(manual::page())
        }
        CliCommand::Deploy
        | CliCommand::Plan
        | CliCommand::Check
        | CliCommand::Rollback
        | CliCommand::Package { .. } => {
            unreachable!("these commands write events")
        }
    }
}

/// The policy for the stanza on standard input. Notes about what it does not cover go to standard error.
fn policy(standalone: &StandaloneArgs) -> Result<String, String> {
    let settings = Settings::from_env();
    standalone.policy(settings.bash_options)?;
    let request = request::read(Stdin { deadline: Instant::now() + settings.input_limit });
    let request = request.map_err(|error| diagnostics::from_request(error, settings.input_limit).message)?;
    // The region may come from the job's `~/.aws`, but never from the CI runner's.
    if let Some(env) = &request.env {
        replace_environment(env);
    }
    let env = request.env.unwrap_or_else(|| env::vars_os().collect());
    disable_aws_files_without_home(&env);
    let policy = deploy::policy(&request.stanza, &env).map_err(|error| error.message)?;
    for note in &policy.notes {
        let _ = writeln!(io::stderr(), "dpl-lambda: {}", without_log_commands(note));
    }
    serde_json::to_string_pretty(&policy.document).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// Handles what clap returns instead of a command. Prints help and version. Reports a wrong command line on
/// standard error, and as an event, too, unless the command prints a document: a CI runner reads only events.
fn report_parse_error(error: clap::Error) -> Result<Command, Finished> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let is_printed = error.print().is_ok() && !closed::stdout_was_closed();
        std_process::exit(i32::from(!is_printed))
    }
    let text = error.to_string();
    // Up to the first empty line; after it, clap explains the usage.
    let line = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let _ = writeln!(io::stderr(), "dpl-lambda: {line}");
    let given = command_of(env::args_os().skip(1)).unwrap_or_default();
    if documents::COMMANDS.iter().any(|name| given == *name) || standalone_args::is_for_people() {
        std_process::exit(2)
    }
    Err(Finished::failed(diagnostics::from_arguments(line.to_owned()), Vec::new()))
}

/// Standard input, with a deadline.
struct Stdin {
    deadline: Instant,
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match poll(&mut [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)], Some(&timespec(left))) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return rustix::io::read(stdin.as_fd(), buffer).map_err(io::Error::from),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Standard output without a buffer: each event is one write. If a CI runner has made the pipe non-blocking,
/// a write to a full pipe waits, because a full pipe is not a closed one.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stdout = io::stdout();
        loop {
            match rustix::io::write(stdout.as_fd(), bytes) {
                Err(Errno::AGAIN) => {
                    let mut writable = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::OUT)];
                    let _ = poll(&mut writable, None);
                }
                written => return written.map_err(io::Error::from),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces the process environment by the job's, so that the SDK, bash and every child process see nothing
/// else.
#[expect(
    unsafe_code,
    reason = "changing the environment is sound only while other threads read it only by `std::env`, which is the case here"
)]
fn replace_environment(env: &Environment) {
    for (name, _) in env::vars_os() {
        // SAFETY: the only other thread is that of `handle_signals`, which writes a line and exits the
        // process. It never reads a variable through the C library, and `std` itself locks the environment.
        // The async runtime is built later.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in env.iter() {
        // SAFETY: as above. `request::read` has rejected names and values that the environment cannot hold.
        unsafe { env::set_var(name, value) };
    }
    if env.get("PATH").is_none() {
        // SAFETY: as above.
        unsafe { env::set_var("PATH", DEFAULT_PATH) };
    }
    // A profile of the job may name the EC2 metadata service as its credential source. That service returns
    // the CI runner's identity, unless the job sets another endpoint. The user's commands do not see this
    // variable: they get the job's environment only.
    if env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
        // SAFETY: as above.
        unsafe { env::set_var("AWS_EC2_METADATA_DISABLED", "true") };
    }
}

/// Points the SDK at `/dev/null` if the job has no absolute HOME. Otherwise the SDK would read `./~/.aws`,
/// which anyone who can write to the build directory could create. The user's commands do not see these
/// variables: they get the job's environment only.
#[expect(
    unsafe_code,
    reason = "changing the environment is sound only while other threads read it only by `std::env`, which is the case here"
)]
fn disable_aws_files_without_home(env: &Environment) {
    if env.get("HOME").is_some_and(|home| home.starts_with('/')) {
        return;
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        if env.get(name).is_none_or(|file| file.is_empty() || file.starts_with('~')) {
            // SAFETY: as in `replace_environment`.
            unsafe { env::set_var(name, "/dev/null") };
        }
    }
}

/// Installs handlers without effect for SIGCHLD and SIGXFSZ. If the parent has left SIGCHLD ignored, we could
/// not wait for commands; without a handler for SIGXFSZ, the kernel kills a process that exceeds its file
/// size limit. With handlers, both become ordinary errors.
fn install_noop_handlers() {
    for signal in [SIGCHLD, SIGXFSZ] {
        let seen = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, seen).expect("both signals may be handled");
    }
}

/// Starts a thread that turns the first signal, or a closed standard output, into a cancellation. It exits
/// the process itself if the cancellation takes too long, if a second signal arrives, or if `has_started` is
/// false, because then nothing has to shut down. If even the last line cannot be written because standard
/// output is not read, the process exits without it.
///
/// The thread is started before the first line is written, so that signals are handled even if the output
/// pipe is full.
fn handle_signals(
    events: Arc<EventWriter>,
    stop: CancelToken,
    has_started: Arc<AtomicBool>,
) -> io::Result<()> {
    let mut signals = Signals::catch()?;
    let listen = move || {
        let stdout = io::stdout();
        // Notices a closed output at once, not only when the next event is written: shifted traffic must not
        // stay shared until then.
        let first = signals.wait(Some(stdout.as_fd()), None);
        let Some((reason, _)) = first.or_else(|| {
            stop.cancel(CancelReason::OutputClosed);
            signals.wait(None, None)
        }) else {
            return;
        };
        stop.cancel(reason);
        if has_started.load(Ordering::Relaxed) {
            signals.wait(None, Some(SHUTDOWN_GRACE));
        }
        child::kill_all();
        let report = diagnostics::naming_stash(diagnostics::from_stop(reason), events.stash());
        let finished = Finished::failed(report, events.changed());
        let status = exit_status(&finished, true, Some(reason));
        thread::spawn(move || finish_and_exit(&events, &stop, finished));
        thread::sleep(FINAL_EVENT_TIMEOUT);
        std_process::exit(status)
    };
    thread::Builder::new().spawn(listen).map(drop)
}

/// Makes a panic in any thread write an `internal` error as the last event and exit the process.
fn report_panics(events: Arc<EventWriter>, stop: CancelToken) {
    panic::set_hook(Box::new(move |panic| {
        let report = diagnostics::naming_stash(panic_report(panic), events.stash());
        finish_and_exit(&events, &stop, Finished::failed(report, events.changed()))
    }));
}

/// The report of a panic. The standard library and tokio also panic if the system refuses a thread, which is
/// not a bug.
fn panic_report(panic: &panic::PanicHookInfo<'_>) -> ErrorReport {
    let message = panic.payload_as_str().unwrap_or_default();
    if message.contains("spawn") && message.contains("thread") {
        return diagnostics::from_system(&Errno::AGAIN.into());
    }
    diagnostics::from_panic(
        &panic.location().map_or_else(|| "an unknown location".to_owned(), ToString::to_string),
    )
}

/// Default limit for reading the request. A CI runner writes it at once.
const INPUT_LIMIT: Duration = Duration::from_secs(60);

/// Settings by the CI runner, not by the job: the `DPL_LAMBDA_*` variables of the process environment.
struct Settings {
    log: Option<String>,
    /// Limit for reading the request.
    input_limit: Duration,
    bash_options: BashOptions,
    /// The date, as `2026-11-01`, at which runtimes are checked for deprecation: today, unless a test sets
    /// it.
    today: String,
    fault: TestPanic,
}

impl Settings {
    fn from_env() -> Self {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let seconds =
            |name| variable(name)?.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()));
        Settings {
            log: variable("DPL_LAMBDA_LOG"),
            input_limit: seconds("DPL_LAMBDA_INPUT_TIMEOUT").unwrap_or(INPUT_LIMIT),
            bash_options: BashOptions {
                limit: seconds("DPL_LAMBDA_CONDITION_TIMEOUT").unwrap_or(BashOptions::default().limit),
                always: variable("DPL_LAMBDA_CONDITIONS").as_deref() == Some("bash"),
            },
            today: variable("DPL_LAMBDA_TODAY").unwrap_or_else(today),
            fault: match variable("DPL_LAMBDA_FAULT").as_deref() {
                Some("panic") => TestPanic::Panic,
                Some("panic-in-thread") => TestPanic::PanicInThread,
                Some("panic-standalone") => TestPanic::PanicStandalone,
                _ => TestPanic::None,
            },
        }
    }

    /// Sets up logging to standard error, as `DPL_LAMBDA_LOG=debug` requests it. Only this program's own
    /// lines are logged, never those of the SDK and the HTTP client, which contain headers, bodies and
    /// unredacted messages from AWS.
    fn start_log(&self) {
        use tracing_subscriber::filter::{LevelFilter, Targets};
        use tracing_subscriber::prelude::*;
        let Some(level) = self.log.as_deref().and_then(|level| level.parse::<LevelFilter>().ok()) else {
            return;
        };
        let targets = Targets::new().with_target("dpl_lambda", level).with_default(LevelFilter::OFF);
        let lines =
            tracing_subscriber::fmt::layer().with_writer(|| LogWriter).with_ansi(false).without_time();
        tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    }
}

/// Standard error for log lines. Disables CI log commands in them, because a line may quote a function or a
/// command.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().write_all(without_log_commands(&text).as_bytes()).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Today's date in UTC, as `2026-11-01`.
fn today() -> String {
    let now = DateTime::from(SystemTime::now()).fmt(Format::DateTime).unwrap_or_default();
    now.chars().take(10).collect()
}

/// A deliberate panic, set by `DPL_LAMBDA_FAULT`, so that a test of the real binary can see how a bug is
/// reported.
#[derive(Clone, Copy)]
enum TestPanic {
    None,
    Panic,
    PanicInThread,
    /// In the parent process of the standalone mode, which starts the child runs and shows their events.
    PanicStandalone,
}

impl TestPanic {
    fn trigger_standalone(self) {
        if let TestPanic::PanicStandalone = self {
            panic!("deliberate panic in the standalone mode");
        }
    }

    fn trigger(self) {
        match self {
            TestPanic::None | TestPanic::PanicStandalone => {}
            TestPanic::Panic => panic!("deliberate panic"),
            TestPanic::PanicInThread => drop(thread::spawn(|| panic!("deliberate panic in a thread")).join()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorReport;

    #[test]
    fn the_exit_status_follows_from_the_outcome() {
        let failed = |code, allowed| match Finished::failed(ErrorReport::new(code, ""), Vec::new()) {
            Finished::Failed { error, changed, .. } => Finished::Failed { error, changed, allowed },
            other => other,
        };
        let skipped = Finished::Skipped { unmet: Vec::new() };
        for (finished, acted, stop, status) in [
            (Finished::Checked {}, false, None, 0),
            (skipped.clone(), false, None, 0),
            (skipped, true, Some(CancelReason::OutputClosed), 1),
            (failed(Code::BadJson, false), false, None, 2),
            (failed(Code::AccessDenied, false), true, None, 1),
            (failed(Code::AccessDenied, true), true, None, 0),
            (failed(Code::Cancelled, false), false, Some(CancelReason::Signal(2)), 130),
            (failed(Code::Cancelled, true), true, Some(CancelReason::Signal(15)), 143),
            (Finished::Checked {}, false, Some(CancelReason::Signal(15)), 0),
        ] {
            assert_eq!(exit_status(&finished, acted, stop), status, "{finished:?}");
        }
    }
}
