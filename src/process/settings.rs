//! Reads the settings of the CI runner from the process environment, and sets up the log.
//! Never reads a variable of the job.
#![expect(clippy::disallowed_methods, reason = "reads the process environment and the date")]

use std::io::{self, Write};
use std::time::{Duration, SystemTime};
use std::{env, thread};

use aws_smithy_types::date_time::{DateTime, Format};

use crate::conditions::BashOptions;
use crate::protocol::messages::without_log_commands;

/// Default limit for reading the request. A CI runner writes it at once.
const INPUT_LIMIT: Duration = Duration::from_secs(60);

/// Settings by the CI runner, not by the job: the `DPL_LAMBDA_*` variables of the process environment.
pub(crate) struct Settings {
    log: Option<String>,
    /// Limit for reading the request.
    pub(crate) input_limit: Duration,
    pub(crate) bash_options: BashOptions,
    /// The date, as `2026-11-01`, at which runtimes are checked for deprecation: today, unless a test sets
    /// it.
    pub(crate) today: String,
    pub(crate) fault: TestPanic,
}

impl Settings {
    pub(crate) fn from_env() -> Self {
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
    pub(crate) fn start_log(&self) {
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
pub(crate) enum TestPanic {
    None,
    Panic,
    PanicInThread,
    /// In the parent process of the standalone mode, which starts the child runs and shows their events.
    PanicStandalone,
}

impl TestPanic {
    pub(crate) fn trigger_standalone(self) {
        if let TestPanic::PanicStandalone = self {
            panic!("deliberate panic in the standalone mode");
        }
    }

    pub(crate) fn trigger(self) {
        match self {
            TestPanic::None | TestPanic::PanicStandalone => {}
            TestPanic::Panic => panic!("deliberate panic"),
            TestPanic::PanicInThread => drop(thread::spawn(|| panic!("deliberate panic in a thread")).join()),
        }
    }
}
