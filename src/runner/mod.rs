//! A file with stanzas in, a run of this same program for each of them out, line by line. By hand the program is a
//! runner, and speaks to itself as every other runner does.
//! Never deploys anything itself, and adds nothing to what a run says. Effect: reads the file, asks git, starts processes.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the file, and starts this program again: this is the room for it"
)]

pub mod ci;
mod refusal;
mod relay;
mod secure;
pub mod surroundings;
pub mod terminal;
pub mod travis_yml;
pub mod variables;
pub mod yaml;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;

pub use refusal::Refusal;
pub use relay::Relay;
use surroundings::{Asked, Surroundings};
use travis_yml::Written;

use crate::conditions::{self, Asking};
use crate::protocol::environment::Environment;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{Event, Finished, Line, PROTOCOLS};
use crate::protocol::wire::{MAX_REQUEST_BYTES, Map, Node};
use crate::stop::{Reason, Stop};

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

/// A run to be: a request, and the job's environment.
#[derive(Debug)]
pub struct Errand {
    /// What it is called: `hello (line 4)`.
    pub title: String,
    arguments: Vec<OsString>,
    input: Input,
    env: Option<Environment>,
    file: String,
    written: Written,
}

#[derive(Debug)]
enum Input {
    Request(String),
    Inherited,
}

/// Whoever is told what the runs say.
pub trait Audience {
    /// One of several runs begins.
    ///
    /// # Errors
    /// Nobody reads any more; so in the next one.
    fn heading(&mut self, title: &str) -> io::Result<()>;

    /// A line of a run: parsed, with the key `place` (`.travis.yml:14`) beside each `at`, and as it is.
    ///
    /// # Errors
    /// As [`Self::heading`].
    fn line(&mut self, event: &Value, raw: &str) -> io::Result<()>;

    /// What is said beside the events, one line.
    fn note(&mut self, text: &str);
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
    let text = read(path, &file)?;
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
    let around = surroundings::look(env, order.ci, directory, stop);
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
    let notes = notes(&file, &around, &chosen);
    let errands = chosen.into_iter().zip(envs).map(|(written, env)| Errand {
        title: written.title(),
        arguments: order.arguments.clone(),
        input: Input::Request(json(&written.stanza)),
        env: Some(env),
        file: file.clone(),
        written,
    });
    Ok((errands.collect(), notes))
}

/// A run whose request comes from our own standard input, which is handed on as it is.
pub fn handed_on(arguments: Vec<OsString>, env: &Environment, ci: Asked, directory: &Path, stop: &Stop) -> Errand {
    // A request that has its own `env` is not touched by any of this.
    let env = match ci {
        Asked::Named(_) => Some(surroundings::look(env, ci, directory, stop).of_job(&[])),
        Asked::Auto | Asked::None => None,
    };
    let written = Written::default();
    Errand { title: String::new(), arguments, input: Input::Inherited, env, file: String::new(), written }
}

/// Runs them in order, until one fails. The exit status is that of the one that failed, else 0.
pub fn run(errands: &[Errand], program: &Path, relay: &Relay, audience: &mut dyn Audience) -> i32 {
    for (index, errand) in errands.iter().enumerate() {
        if errands.len() > 1 && audience.heading(&errand.title).is_err() {
            relay.tell(Reason::OutputClosed);
        }
        let status = errand.run(program, relay, audience);
        let left = &errands[index + 1..];
        let status = match relay.reason() {
            Some(reason) if status == 0 && !left.is_empty() => of_reason(reason),
            Some(Reason::OutputClosed) => 1,
            _ => status,
        };
        if status != 0 {
            left.iter().for_each(|errand| audience.note(&format!("{}: {}: not run", errand.file, errand.title)));
            return status;
        }
    }
    0
}

/// Runs one whose command prints a document: its standard output is ours.
pub fn print(errand: &Errand, program: &Path, relay: &Relay) -> i32 {
    let mut command = errand.command(program);
    match relay.start(command.stdout(Stdio::inherit())) {
        Ok(Some(mut child)) => {
            errand.feed(child.stdin());
            exit_status(relay.wait(child), relay)
        }
        Ok(None) => relay.reason().map_or(1, of_reason),
        Err(_) => 2,
    }
}

impl Errand {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(&self.arguments);
        if let Some(env) = &self.env {
            command.env_clear().envs(env.iter());
        }
        command.stdin(match self.input {
            Input::Request(_) => Stdio::piped(),
            Input::Inherited => Stdio::inherit(),
        });
        command
    }

    /// Writes the request beside reading, so that neither waits for the other.
    fn feed(&self, stdin: Option<std::process::ChildStdin>) {
        if let (Some(mut stdin), Input::Request(request)) = (stdin, &self.input) {
            let request = request.clone();
            // It may end before it has read everything; that shows in what it says.
            thread::spawn(move || drop(stdin.write_all(request.as_bytes())));
        }
    }

    fn run(&self, program: &Path, relay: &Relay, audience: &mut dyn Audience) -> i32 {
        let mut tell = Tell { errand: self, relay, audience, greeted: false, finished: false };
        let mut command = self.command(program);
        let mut child = match relay.start(command.stdout(Stdio::piped())) {
            Ok(Some(child)) => child,
            Ok(None) => {
                let reason = relay.reason().expect("nothing else keeps it from starting");
                tell.conclude("it has not begun", reason == Reason::OutputClosed);
                return of_reason(reason);
            }
            Err(error) => {
                tell.conclude(&format!("{} cannot be started: {error}", program.display()), false);
                return 1;
            }
        };
        self.feed(child.stdin());
        let mut stdout = BufReader::new(child.stdout().expect("was piped"));
        let mut line = Vec::new();
        // A line without its end was cut, and is nobody's to read.
        while stdout.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with(b"\n") {
            tell.line(&line);
            line.clear();
        }
        drop(stdout);
        let status = relay.wait(child);
        if tell.finished {
            return exit_status(status, relay);
        }
        let how = match (status.signal(), status.code()) {
            (Some(signal), _) => format!("it was ended by signal {signal}"),
            (None, Some(code)) => format!("it ended with status {code}"),
            (None, None) => "it ended".to_owned(),
        };
        tell.conclude(&how, false);
        relay.reason().map_or(1, of_reason)
    }

    /// The event, with its places.
    fn located(&self, mut event: Value) -> Value {
        self.locate(&mut event);
        if let Some(error) = event.get_mut("error") {
            self.locate(error);
            let problems = error.get_mut("problems").and_then(Value::as_array_mut);
            problems.into_iter().flatten().for_each(|problem| self.locate(problem));
        }
        event
    }

    fn locate(&self, trouble: &mut Value) {
        if self.written.line == 0 {
            return;
        }
        let Some(at) = trouble.get("at").and_then(Value::as_str) else { return };
        let place = format!("{}:{}", self.file, self.written.line_of(at));
        if let Some(members) = trouble.as_object_mut() {
            members.insert("place".to_owned(), Value::String(place));
        }
    }
}

/// Passes on what a run says, and keeps in mind how far it has come.
struct Tell<'a> {
    errand: &'a Errand,
    relay: &'a Relay,
    audience: &'a mut dyn Audience,
    greeted: bool,
    finished: bool,
}

impl Tell<'_> {
    fn line(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return };
        self.greeted = true;
        self.finished |= event["event"] == "finished";
        let raw = String::from_utf8_lossy(line);
        let event = self.errand.located(event);
        // Whoever has gone away is told no more; the run ends in order, and is listened to until then.
        if self.relay.reason() != Some(Reason::OutputClosed)
            && self.audience.line(&event, raw.trim_end_matches('\n')).is_err()
        {
            self.relay.tell(Reason::OutputClosed);
        }
    }

    /// The last line of a run that has none.
    fn conclude(&mut self, how: &str, silently: bool) {
        if silently {
            return;
        }
        let code = if self.relay.reason().is_some() { Code::Cancelled } else { Code::Internal };
        let report = ErrorReport::new(code, format!("the run did not tell its end: {how}"))
            .hint("running the same again goes on from what is live");
        let mut events = vec![Event::Finished(Finished::failed(report, Vec::new()))];
        if !self.greeted {
            events.insert(0, hello());
        }
        for event in events {
            let line = serde_json::to_vec(&Line::new(&event)).expect("events hold nothing that JSON cannot");
            self.line(&line);
        }
    }
}

/// The first line of every conversation.
pub fn hello() -> Event {
    Event::Hello {
        protocol: PROTOCOLS.to_vec(),
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn exit_status(status: ExitStatus, relay: &Relay) -> i32 {
    status.code().unwrap_or_else(|| relay.reason().map_or(1, of_reason))
}

fn of_reason(reason: Reason) -> i32 {
    match reason {
        Reason::Interrupt => 130,
        Reason::Terminate => 143,
        Reason::OutputClosed => 1,
    }
}

fn read(path: &Path, file: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    let most = MAX_REQUEST_BYTES as u64 + 1;
    let read = File::open(path).and_then(|opened| opened.take(most).read_to_end(&mut bytes));
    read.map_err(|error| Refusal::of_file(file, &error))?;
    if bytes.len() > MAX_REQUEST_BYTES {
        return Err(Refusal::of_size(file));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Refusal::of_encoding(file, valid.iter().filter(|byte| **byte == b'\n').count() + 1)
    })
}

/// What is to be said before the runs: once, however many stanzas it is about.
fn notes(file: &str, around: &Surroundings, stanzas: &[Written]) -> Vec<String> {
    let mut notes = around.notes.clone();
    for note in stanzas.iter().flat_map(|written| &written.notes) {
        let note = format!("{file}: {note}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// The request: the stanza, its keys in the order in which they are written.
fn json(stanza: &Map) -> String {
    let mut text = String::new();
    write_map(stanza, &mut text);
    text
}

fn write_map(map: &Map, text: &mut String) {
    text.push('{');
    for (index, (key, node)) in map.iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        text.push_str(&Value::from(key).to_string());
        text.push(':');
        write_node(node, text);
    }
    text.push('}');
}

fn write_node(node: &Node, text: &mut String) {
    match node {
        Node::Map(map) => write_map(map, text),
        Node::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_node(item, text);
            }
            text.push(']');
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => text.push_str(&Value::from(node).to_string()),
    }
}
