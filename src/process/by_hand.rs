//! What a person, or a CI other than Travis, says on the command line in, runs of this program for it out.
//! Never has a part in a request that a runner writes, unless it is asked to.
#![expect(clippy::disallowed_methods, reason = "a part of the process: reads its environment, and ends it")]

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, panic, process, thread};

use crate::conditions::Asking;
use crate::deploy::Command;
use crate::failure;
use crate::journal::Journal;
use crate::protocol::environment::Environment;
use crate::protocol::event::Finished;
use crate::protocol::prose::without_log_commands;
use crate::runner::ci::Ci;
use crate::runner::surroundings::{Asked, SEEN};
use crate::runner::terminal::{Style, Terminal, size_of};
use crate::runner::{self, Audience, Errand, Order, Refusal, Relay, Source};
use crate::stop::{Reason, Stop};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::signals::{LAST_WORD, PATIENCE, Signals};
use super::{Fault, Settings, Stdout, place_of};

/// The options of a run by hand.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "By hand, and in CIs other than Travis")]
pub(crate) struct ByHand {
    /// Take the lambda stanzas from a `.travis.yml`, all in order, and the job from its surroundings: the process's
    /// environment, then plain values of the file's `env`, then git.
    #[arg(long, value_name = "FILE", global = true)]
    travis_yml: Option<PathBuf>,
    /// The same with a file that holds one stanza alone, as YAML or JSON.
    #[arg(long, value_name = "FILE", global = true)]
    stanza: Option<PathBuf>,
    /// Of several stanzas this one: its number, from 1, or its function's name.
    #[arg(long, value_name = "N|NAME", global = true)]
    only: Option<String>,
    /// Write events for programs, or text for people. Default: text on a terminal.
    #[arg(long, global = true)]
    format: Option<Format>,
    /// Whose words about the build (branch, tag, pull request) are heard. Default: those of the CI that this runs in. `none`:
    /// nobody's, which promises that this is no pull request.
    #[arg(long, value_name = "NAME", global = true, value_parser = PossibleValuesParser::new(ci_names()))]
    ci: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

fn ci_names() -> Vec<PossibleValue> {
    let names = ["auto", "none"].into_iter().chain(Ci::ALL.into_iter().map(Ci::name));
    names.map(PossibleValue::new).chain([PossibleValue::new(SEEN).hide(true)]).collect()
}

/// True when nobody is to see events: a wrong command line is told to them on standard error alone. The command line could
/// not be read, so it is only looked through.
pub(crate) fn is_for_people() -> bool {
    let arguments: Vec<OsString> = env::args_os().collect();
    let says = |format: &str| {
        let joined = OsString::from(format!("--format={format}"));
        let apart = [OsStr::new("--format"), OsStr::new(format)];
        arguments.contains(&joined) || arguments.windows(2).any(|pair| pair == apart)
    };
    says("text") || (!says("json") && io::stdout().is_terminal())
}

/// Said where a person would wonder why nothing happens: by the process that reads, once a signal finds it in order.
pub(crate) fn tell_that_we_wait() {
    if io::stdin().is_terminal() {
        say("waiting for a request on standard input; `--travis-yml .travis.yml` takes a file instead");
    }
}

impl ByHand {
    /// Ends the process where an option stands beside a command that has none of them.
    pub(crate) fn refuse_beside(&self, command: &str) {
        let given = [&self.travis_yml, &self.stanza].iter().any(|file| file.is_some());
        if given || self.only.is_some() || self.format.is_some() || self.ci.is_some() {
            say(&format!("`{command}` prints a document that depends on no file; leave the other options out"));
            process::exit(2)
        }
    }

    /// Runs what is asked for by hand, and ends the process. Otherwise the command comes back, for the one process that a
    /// runner expects.
    ///
    /// # Errors
    /// What is wrong with the command line or the file, where events are asked for.
    pub(crate) fn run(&self, command: Command, asking: Asking, fault: Fault, stop: &Stop) -> Result<Command, Finished> {
        let is_text = match self.format {
            Some(format) => format == Format::Text,
            None => io::stdout().is_terminal(),
        };
        let refuse = |refusal: Refusal| {
            refusal.lines().iter().for_each(|line| say(line));
            if is_text {
                process::exit(stop.reason().map_or(2, Reason::exit_status))
            }
            let report = stop.reason().map_or_else(|| refusal.into_report(), failure::of_stop);
            Err(Finished::failed(report, Vec::new()))
        };
        let env: Environment = env::vars_os().collect();
        let directory = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let source = match self.source() {
            Ok(source) => source,
            Err(refusal) => return refuse(refusal),
        };
        if source.is_none() && !is_text {
            return Ok(command);
        }
        let program = match env::current_exe() {
            Ok(program) => program,
            Err(error) => return refuse(Refusal::of_program(&error)),
        };
        let relay = relayed(stop).map_err(|error| Finished::failed(failure::of_system(&error), Vec::new()))?;
        let errands = match source {
            Some(source) => match runner::prepare(&self.order(&command, source), &env, &directory, asking, stop) {
                Ok((errands, notes)) => {
                    notes.iter().for_each(|note| say(note));
                    errands
                }
                Err(refusal) => return refuse(refusal),
            },
            None => vec![Errand::handed_on(arguments(&command), self.asked())],
        };
        process::exit(run(&errands, &program, &relay, is_text, fault))
    }

    /// Prints the policy for the one stanza of a file, and ends the process. Without a file it comes back.
    ///
    /// # Errors
    /// The line that says why there is none.
    pub(crate) fn policy(&self, asking: Asking) -> Result<(), String> {
        let refused = |refusal: Refusal| refusal.lines().join("; ");
        let Some(source) = self.source().map_err(refused)? else { return Ok(()) };
        let order = Order {
            arguments: vec!["policy".into()],
            source,
            input_limit: Settings::take().input_limit,
            only: self.only.clone(),
            ci: self.asked(),
            asks_aws: false,
            judges: false,
            one_only: true,
        };
        let env: Environment = env::vars_os().collect();
        let directory = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let stop = Stop::new();
        let relay = relayed(&stop).map_err(|error| failure::of_system(&error).message)?;
        let (errands, _) = runner::prepare(&order, &env, &directory, asking, &stop).map_err(refused)?;
        let program = env::current_exe().map_err(|error| refused(Refusal::of_program(&error)))?;
        process::exit(errands.iter().map(|errand| runner::print(errand, &program, &relay, &say)).max().unwrap_or(2))
    }

    /// The file that is named.
    fn source(&self) -> Result<Option<Source>, Refusal> {
        let source = match (self.travis_yml.clone(), self.stanza.clone()) {
            (Some(_), Some(_)) => {
                return Err(Refusal::of_arguments("both --travis-yml and --stanza are given", "give one of the two"));
            }
            (Some(file), None) => Some(Source::TravisYml(file)),
            (None, Some(file)) => Some(Source::Stanza(file)),
            (None, None) => None,
        };
        if self.only.is_some() && !matches!(source, Some(Source::TravisYml(_))) {
            let hint = "give the file, such as --travis-yml .travis.yml";
            return Err(Refusal::of_arguments("--only picks a stanza of a file", hint));
        }
        Ok(source)
    }

    pub(crate) fn asked(&self) -> Asked {
        match self.ci.as_deref() {
            None | Some("auto") => Asked::Auto { seen: io::stdout().is_terminal() || io::stderr().is_terminal() },
            Some(SEEN) => Asked::Auto { seen: true },
            Some(name) => Ci::named(name).map_or(Asked::None, Asked::Named),
        }
    }

    fn order(&self, command: &Command, source: Source) -> Order {
        Order {
            arguments: arguments(command),
            source,
            input_limit: Settings::take().input_limit,
            only: self.only.clone(),
            ci: self.asked(),
            asks_aws: !matches!(command, Command::Check | Command::Package { .. }),
            judges: command.judges(),
            one_only: matches!(command, Command::Package { .. }),
        }
    }
}

/// The command line of a run.
fn arguments(command: &Command) -> Vec<OsString> {
    match command {
        Command::Deploy => vec!["deploy".into()],
        Command::Plan => vec!["plan".into()],
        Command::Check => vec!["check".into()],
        Command::Rollback => vec!["rollback".into()],
        Command::Package { output } => vec!["package".into(), "--output".into(), output.into()],
    }
}

fn run(errands: &[Errand], program: &Path, relay: &Relay, is_text: bool, fault: Fault) -> i32 {
    let told = Arc::new(Mutex::new(Told::Nothing));
    tell_panics(told.clone(), is_text);
    if is_text {
        let mut text = Text::new();
        let status = runner::run(errands, program, relay, &mut Watched { audience: &mut text, told, fault });
        let _ = text.0.end();
        status
    } else {
        runner::run(errands, program, relay, &mut Watched { audience: &mut Lines, told, fault })
    }
}

/// Hands every signal, and the end of our standard output, on to the run that is under way. The process ends with that run, or, where it cannot
/// even pass on the run's last line because nobody reads, at last by itself.
fn relayed(stop: &Stop) -> io::Result<Arc<Relay>> {
    let (mut signals, relay, stop) = (Signals::catch()?, Arc::new(Relay::new()?), stop.clone());
    let to = relay.clone();
    let hand_on = move || {
        let stdout = io::stdout();
        let first = signals.wait(Some(stdout.as_fd()), None).or_else(|| {
            to.tell(Reason::OutputClosed, false);
            signals.wait(None, None)
        });
        let Some((reason, typed)) = first else { return };
        stop.request(reason);
        to.tell(reason, typed);
        if let Some((second, typed)) = signals.wait(None, Some(PATIENCE + 2 * LAST_WORD)) {
            to.tell(second, typed);
            thread::sleep(2 * LAST_WORD);
        }
        process::exit(reason.exit_status())
    };
    thread::Builder::new().spawn(hand_on)?;
    Ok(relay)
}

/// How far the run that is under way has been told.
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Begun,
    Finished,
}

/// A bug in this process ends it. The run that is under way ends in order, because nobody listens to it any more; its last
/// line is ours.
fn tell_panics(told: Arc<Mutex<Told>>, is_text: bool) {
    panic::set_hook(Box::new(move |panic| {
        let report = failure::of_panic(&place_of(panic));
        say(&format!("{}; {}", report.message, report.hint.as_deref().unwrap_or_default()));
        // Kept until the end: whoever comes second waits for it.
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = Journal::new(Stdout, Stop::new());
        if !is_text && matches!(*told, Told::Nothing) {
            journal.tell(runner::hello());
        }
        if !is_text && !matches!(*told, Told::Finished) {
            journal.finish(Finished::failed(report, Vec::new()));
        }
        process::exit(1)
    }));
}

pub(crate) fn say(text: &str) {
    // One write: lines of several processes stay whole.
    let _ = io::stderr().write_all(format!("dpl-lambda: {}\n", without_log_commands(text)).as_bytes());
}

/// An audience, and how far it has been told.
struct Watched<'a> {
    audience: &'a mut dyn Audience,
    told: Arc<Mutex<Told>>,
    fault: Fault,
}

impl Audience for Watched<'_> {
    fn heading(&mut self, title: &str) -> io::Result<()> {
        self.audience.heading(title)
    }

    fn line(&mut self, event: &Value, raw: &str) -> io::Result<()> {
        self.audience.line(event, raw)?;
        let told = if event["event"] == "finished" { Told::Finished } else { Told::Begun };
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        self.fault.strike_by_hand();
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.audience.note(text);
    }
}

/// Events for programs, as they are.
struct Lines;

impl Audience for Lines {
    fn heading(&mut self, title: &str) -> io::Result<()> {
        say(title);
        Ok(())
    }

    fn line(&mut self, _: &Value, raw: &str) -> io::Result<()> {
        Stdout.write_all(format!("{raw}\n").as_bytes())
    }

    fn note(&mut self, text: &str) {
        say(text);
    }
}

/// Text for people.
struct Text(Terminal<Stdout>);

impl Text {
    fn new() -> Self {
        let stdout = io::stdout();
        let style = Style::of(stdout.is_terminal(), size_of(stdout.as_fd()), |name| env::var_os(name));
        Text(Terminal::new(Stdout, style))
    }
}

impl Audience for Text {
    fn heading(&mut self, title: &str) -> io::Result<()> {
        self.0.heading(title)
    }

    fn line(&mut self, event: &Value, _: &str) -> io::Result<()> {
        self.0.show(event)
    }

    fn note(&mut self, text: &str) {
        let _ = self.0.end();
        say(text);
    }
}
