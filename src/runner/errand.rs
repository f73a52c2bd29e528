//! A stanza and a job in, what a run of this program says of it out. Effect: starts this program again.
//! Never leaves a run that is heard of without an end: one that was cut off is told as a failure.
#![expect(clippy::disallowed_methods, reason = "starts this program again: this is the room for it")]

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;

use super::ci::Ci;
use super::relay::Relay;
use super::surroundings::Asked;
use super::travis_yml::Written;
use crate::failure::of_unstartable;
use crate::protocol::environment::Environment;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{Event, Finished, Line, PROTOCOLS};
use crate::protocol::wire::{Map, Node};
use crate::stop::Reason;

/// A run to be: a request, and the job's environment. Its `Debug` shows neither, because both hold secrets.
pub struct Errand {
    /// What it is called: `hello (line 4)`.
    pub title: String,
    arguments: Vec<OsString>,
    input: Input,
    env: Option<Environment>,
    ci: Asked,
    file: String,
    written: Written,
}

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

/// Runs them in order, until one fails. The exit status is that of the one that failed, else 0; 2, which says that AWS
/// has not been asked, becomes 1 where one before it has asked.
pub fn run(errands: &[Errand], program: &Path, relay: &Relay, audience: &mut dyn Audience) -> i32 {
    let mut has_asked = false;
    for (index, errand) in errands.iter().enumerate() {
        if errands.len() > 1 && audience.heading(&errand.title).is_err() {
            relay.tell(Reason::OutputClosed, false);
        }
        let (status, asks) = errand.run(program, relay, audience);
        let status = if status == 2 && has_asked { 1 } else { status };
        has_asked |= asks;
        let left = &errands[index + 1..];
        let status = match relay.reason() {
            Some(reason) if status == 0 && !left.is_empty() => reason.exit_status(),
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

/// Runs one whose command prints a document: its standard output is ours. Where it cannot tell itself why there is no
/// document, `say` gets the line that does.
pub fn print(errand: &Errand, program: &Path, relay: &Relay, say: &dyn Fn(&str)) -> i32 {
    let mut command = errand.command(program);
    match relay.start(command.stdout(Stdio::inherit())) {
        Ok(Some(mut child)) => {
            errand.feed(child.stdin());
            relay.wait(child).map_or_else(
                |error| {
                    say(&format!("the end of the run that prints the document is not known: {error}"));
                    2
                },
                |status| exit_status(status, relay),
            )
        }
        Ok(None) => {
            let reason = relay.reason().expect("nothing else keeps it from starting");
            say(&format!("no document is printed: cancelled by {reason}"));
            reason.exit_status()
        }
        Err(error) => {
            say(&of_unstartable(program, &error).message);
            2
        }
    }
}

impl Errand {
    /// A run of a stanza of `file`, in the job's environment.
    pub(super) fn of(file: &str, written: Written, arguments: Vec<OsString>, env: Environment) -> Self {
        Errand {
            title: written.title(),
            arguments,
            input: Input::Request(json(&written.stanza)),
            env: Some(env),
            // It has Travis's variables, and is not looked at again.
            ci: Asked::Named(Ci::Travis),
            file: file.to_owned(),
            written,
        }
    }

    /// A run whose request is our own standard input, which is handed on as it is. The run judges for itself whether the request
    /// has an `env`, and else the environment, which is ours.
    pub fn handed_on(arguments: Vec<OsString>, ci: Asked) -> Self {
        let (title, file) = (String::new(), String::new());
        Errand { title, arguments, input: Input::Inherited, env: None, ci, file, written: Written::default() }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Said, so that a run never takes itself for one by hand, and starts another.
        command.args(&self.arguments).args(["--format", "json", "--ci", self.ci.name()]);
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
    fn feed(&self, stdin: Option<ChildStdin>) {
        if let (Some(mut stdin), Input::Request(request)) = (stdin, &self.input) {
            let request = request.clone();
            // It may end before it has read everything; that shows in what it says.
            thread::spawn(move || drop(stdin.write_all(request.as_bytes())));
        }
    }

    /// Its exit status, and whether it has come as far as to ask AWS.
    fn run(&self, program: &Path, relay: &Relay, audience: &mut dyn Audience) -> (i32, bool) {
        let mut tell = Tell { errand: self, relay, audience, greeted: false, finished: false, asks: false };
        let mut command = self.command(program);
        let mut child = match relay.start(command.stdout(Stdio::piped())) {
            Ok(Some(child)) => child,
            Ok(None) => {
                let reason = relay.reason().expect("nothing else keeps it from starting");
                tell.conclude("it has not begun", reason == Reason::OutputClosed);
                return (reason.exit_status(), false);
            }
            Err(error) => {
                tell.end(of_unstartable(program, &error));
                return (2, false);
            }
        };
        self.feed(child.stdin());
        let mut stdout = BufReader::new(child.words(relay).expect("was piped"));
        let mut line = Vec::new();
        // A line without its end was cut, and is nobody's to read.
        while stdout.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with(b"\n") {
            tell.line(&line);
            line.clear();
        }
        drop(stdout);
        let status = relay.wait(child);
        let how = match status.as_ref().map(|status| (status.signal(), status.code())) {
            Ok((Some(signal), _)) => format!("it was ended by signal {signal}"),
            Ok((None, Some(code))) => format!("it ended with status {code}"),
            Ok((None, None)) => "it ended".to_owned(),
            Err(error) => format!("its end is not known: {error}"),
        };
        if let (Ok(status), true) = (status, tell.finished) {
            return (exit_status(status, relay), tell.asks);
        }
        tell.conclude(&how, tell.finished);
        (relay.reason().map_or(1, Reason::exit_status), tell.asks)
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

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("title", &self.title).field("file", &self.file).finish_non_exhaustive()
    }
}

/// Passes on what a run says, and keeps in mind how far it has come.
struct Tell<'a> {
    errand: &'a Errand,
    relay: &'a Relay,
    audience: &'a mut dyn Audience,
    greeted: bool,
    finished: bool,
    /// It is known who acts: what follows are questions to AWS.
    asks: bool,
}

impl Tell<'_> {
    fn line(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return };
        self.greeted = true;
        self.finished |= event["event"] == "finished";
        self.asks |= event["event"] == "identified";
        let raw = String::from_utf8_lossy(line);
        let event = self.errand.located(event);
        // Whoever has gone away is told no more; the run ends in order, and is listened to until then.
        if self.relay.reason() != Some(Reason::OutputClosed)
            && self.audience.line(&event, raw.trim_end_matches('\n')).is_err()
        {
            self.relay.tell(Reason::OutputClosed, false);
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
        self.end(report);
    }

    fn end(&mut self, report: ErrorReport) {
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
    status.code().unwrap_or_else(|| relay.reason().map_or(1, Reason::exit_status))
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use signal_hook::consts::{SIGINT, SIGTERM};

    /// A run of a stanza that holds secrets.
    fn errand() -> Errand {
        let stanza = [("access_key_id".to_owned(), Node::Text("of the stanza".to_owned()))].into_iter().collect();
        let env = [("TOKEN", "of the environment")].into_iter().collect();
        Errand::of("f.yml", Written { stanza, ..Written::default() }, vec!["policy".into()], env)
    }

    #[test]
    fn what_is_shown_of_a_run_holds_no_secret() {
        let errand = errand();
        assert!(json(&errand.written.stanza).contains("of the stanza"));
        let shown = format!("{errand:?} {errand:#?}");
        assert!(shown.contains("f.yml") && !shown.contains("of the"), "{shown}");
    }

    #[test]
    fn a_document_that_is_not_printed_is_told_in_a_line() {
        let told = |program: &str, reason: Option<Reason>| {
            let (lines, relay) = (RefCell::new(Vec::new()), Relay::new().expect("two descriptors"));
            reason.into_iter().for_each(|reason| relay.tell(reason, false));
            let status = print(&errand(), Path::new(program), &relay, &|line| lines.borrow_mut().push(line.to_owned()));
            (status, lines.into_inner().join("\n"))
        };
        let (status, line) = told("/nowhere/dpl-lambda", None);
        assert_eq!((status, line.starts_with("`/nowhere/dpl-lambda` cannot be started: ")), (2, true), "{line}");
        for (reason, status, why) in [
            (Reason::Signal(SIGINT), 130, "SIGINT"),
            (Reason::Signal(SIGTERM), 143, "SIGTERM"),
            (Reason::OutputClosed, 1, "closed"),
        ] {
            let told = told("true", Some(reason));
            assert!(
                told.0 == status && told.1.starts_with("no document is printed: ") && told.1.contains(why),
                "{told:?}"
            );
        }
    }
}
