//! Runs the program: parses arguments, reads the request, writes events, handles signals, sets up the log,
//! and determines the exit status. Never decides anything about a deployment.
#![expect(clippy::disallowed_methods, reason = "reads the process environment and the clock")]

mod arguments;
mod closed;
mod concourse;
mod documents;
mod environ;
mod exit;
mod manual;
mod nss;
mod output_format;
mod panics;
mod plugin_args;
mod settings;
mod signals;
mod standalone_args;
mod streams;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Parser;

use self::arguments::{Arguments, Command as CliCommand, EventCommand, report_parse_error};
use self::exit::{finish_and_exit, handle_signals, refuse_closed_output};
use self::settings::Settings;
use self::standalone_args::StandaloneArgs;
use self::streams::{Stdin, Stdout, print_stderr};
use crate::cancel::CancelToken;
use crate::child;
use crate::deploy::{self, Command, Job, Jobs};
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::Finished;
use crate::protocol::json::Map;
use crate::protocol::request::{self, Request, Stanzas};
use crate::standalone::concourse::Script;
use crate::standalone::{self, job_env};

/// The whole program. It is a library function so that an example can be the program, too.
pub fn main() {
    // Before a second thread exists, and before any child process could read the environment.
    environ::hide();
    // Before anything starts a process: git, or this program again.
    signals::install_noop_handlers();
    if let Some(script) = env::args_os().next().and_then(|program| Script::of(Path::new(&program))) {
        concourse::run_and_exit(script);
    }
    let (command, standalone) = event_command();
    nss::resolve_without_modules();
    let settings = Settings::from_env();
    settings.start_log();
    let stop = CancelToken::new();
    let command =
        command.and_then(|command| standalone.run(command, settings.bash_options, settings.fault, &stop));
    let events = Arc::new(EventWriter::new(Stdout, stop.clone()));
    panics::report_panics(events.clone(), stop.clone());
    let has_started = Arc::new(AtomicBool::new(false));
    let signal_thread = handle_signals(events.clone(), stop.clone(), has_started.clone());
    events.emit(standalone::hello());
    let finished = command.and_then(|command| {
        signal_thread.map_err(|error| diagnostics::from_system(&error))?;
        Ok(match read_jobs(&command, &standalone, settings, &has_started, &stop)? {
            Jobs::One(job) => deploy::run(&command, &job, &events, &stop),
            Jobs::List(jobs) => deploy::run_list(&command, jobs, &events, &stop),
        })
    });
    let finished = finished.unwrap_or_else(|report| Finished::failed(report, Vec::new()));
    finish_and_exit(&events, &stop, finished, standalone.plan_options.exit_code)
}

/// The command and the options of the standalone mode. If the command prints a document, this prints it and
/// exits the process. `Err`: the report of a wrong command line.
fn event_command() -> (Result<Command, ErrorReport>, StandaloneArgs) {
    let Arguments { command, mut standalone } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return (Err(report_parse_error(error)), StandaloneArgs::default()),
    };
    match command.unwrap_or(CliCommand::Events(EventCommand::Deploy { plan: None })) {
        CliCommand::Events(command) => {
            refuse_closed_output(1);
            standalone.plan_options = command.plan_options();
            (Ok(command.into()), standalone)
        }
        CliCommand::Plugin => {
            standalone.reject_standalone_options("plugin");
            refuse_closed_output(1);
            let (command, standalone) = plugin_args::read();
            (Ok(command.into()), standalone)
        }
        CliCommand::Document(document) => {
            refuse_closed_output(2);
            documents::print_and_exit(documents::render(document, &standalone))
        }
    }
}

/// Reads the request, and makes the job's environment that of this process.
fn read_jobs(
    command: &Command,
    standalone: &StandaloneArgs,
    settings: Settings,
    has_started: &AtomicBool,
    stop: &CancelToken,
) -> Result<Jobs, ErrorReport> {
    stop.check().map_err(diagnostics::from_stop)?;
    let deadline = Instant::now() + settings.input_limit;
    standalone_args::explain_stdin_wait();
    let request = request::read(Stdin { deadline });
    stop.check().map_err(diagnostics::from_stop)?;
    let Request { stanzas, env, plan } =
        request.map_err(|error| diagnostics::from_request(error, settings.input_limit))?;
    if plan.is_some() && *command != Command::Deploy {
        return Err(diagnostics::from_plan_without_deployment());
    }
    let env_given = env.is_some();
    let env = environ::enter(env);
    has_started.store(true, Ordering::Relaxed);
    child::adopt();
    settings.fault.trigger();
    let directory = environ::directory();
    // Without `env` in the request, the build is detected as for a file in the standalone mode.
    let env = if env_given {
        env
    } else {
        let ci = standalone.ci_selection();
        let job_env = job_env::detect(&env, ci, &directory, stop).map_err(diagnostics::from_git)?;
        if command.evaluates_conditions() {
            job_env.notes.iter().for_each(|note| print_stderr(note));
        }
        job_env.for_job(&[])
    };
    let Settings { bash_options, today, .. } = settings;
    let env = Arc::new(env);
    let mut approved = plan.map(|plan| plan.functions).into_iter().flatten();
    let own_files: Vec<PathBuf> = standalone.leave_out.iter().map(|file| directory.join(file)).collect();
    let mut job = |stanza: Map| Job {
        stanza,
        env: env.clone(),
        env_given,
        require_deploy: standalone.require_deploy,
        directory: directory.clone(),
        bash_options,
        approved: approved.next(),
        own_files: own_files.clone(),
        today: today.clone(),
    };
    Ok(match stanzas {
        Stanzas::One(stanza) => Jobs::One(job(stanza)),
        Stanzas::List(stanzas) => Jobs::List(stanzas.into_iter().map(job).collect()),
    })
}
