//! Runs this program once for each stanza or release, and forwards its events. Never leaves a run without a
//! `finished` event: a run that ends without one is reported as a failure. Side effect: starts this program
//! again.
#![expect(clippy::disallowed_methods, reason = "starts this program again")]

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

use super::child_request;
use super::ci::Ci;
use super::job_env::CiSelection;
use super::reporter::{ChildLine, Reporter};
use super::signal_forwarder::{NotStarted, SignalForwarder};
use super::travis_yml::LocatedStanza;
use crate::cancel::CancelReason;
use crate::diagnostics::{from_no_result, from_required_skip, from_skipped_plan, from_unstartable};
use crate::event_writer::line_now;
use crate::policy;
use crate::protocol::approved_plan::{ApprovedFunction, ApprovedPlan};
use crate::protocol::environment::Environment;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{
    ConditionResult, Event, FEATURES, Finished, Outcome, PROTOCOLS, UnmetCondition,
};
use crate::protocol::policy_document::PolicyDocument;

/// A child run to start: a request and the job's environment. `Debug` shows neither, because both may contain
/// secrets.
pub(crate) struct ChildRun {
    arguments: Vec<OsString>,
    /// The job's environment. `None`: the child inherits our standard input and environment.
    env: Option<Environment>,
    ci: CiSelection,
    file: String,
    /// The stanza, or the stanzas of a release. Empty if the child inherits our standard input.
    stanzas: Vec<LocatedStanza>,
    /// Why Travis CI makes no job that deploys the stanza. If it is not empty, the run is not started.
    unmet: Vec<UnmetCondition>,
    /// The approved plan for these stanzas. `None`: any plan may be carried out.
    approved: Option<ApprovedPlan>,
}

/// Exit status of `plan --exit-code` if the plan changes something.
pub(crate) const DIFFERS: i32 = 3;

/// Starts the child runs in order until one fails. Returns the exit status of the failed run, or 0, or
/// [`DIFFERS`] if a run has ended with it. Status 2 means that AWS was not contacted, so it becomes 1 if an earlier
/// run has contacted AWS. With `require_deploy` the last run fails if all of them are skipped.
pub(crate) fn run(
    child_runs: &[ChildRun],
    program: &Path,
    forwarder: &SignalForwarder,
    reporter: &mut dyn Reporter,
    require_deploy: bool,
) -> i32 {
    let (mut has_contacted_aws, mut all_skipped, mut differs) = (false, true, false);
    for (index, child_run) in child_runs.iter().enumerate() {
        let title = child_run.title();
        reporter.begin_run(&title);
        if child_runs.len() > 1 && reporter.heading(&title).is_err() {
            forwarder.forward(CancelReason::OutputClosed, false);
        }
        let left = &child_runs[index + 1..];
        let is_required = require_deploy && all_skipped && left.is_empty();
        let mut events = EventForwarder {
            child_run,
            forwarder,
            reporter: &mut *reporter,
            sent_hello: false,
            finished: false,
            contacts_aws: false,
            is_skipped: false,
        };
        let status = child_run.run(program, &mut events, is_required);
        differs |= status == DIFFERS;
        let status = match status {
            DIFFERS => 0,
            2 if has_contacted_aws => 1,
            status => status,
        };
        has_contacted_aws |= events.contacts_aws;
        all_skipped &= events.is_skipped;
        let status = match forwarder.reason() {
            Some(reason) if status == 0 && !left.is_empty() => reason.exit_status(),
            Some(CancelReason::OutputClosed) => 1,
            _ => status,
        };
        if status != 0 {
            left.iter().for_each(|child_run| {
                reporter.note(&format!("{}: {}: not run", child_run.file, child_run.title()))
            });
            return status;
        }
    }
    if differs { DIFFERS } else { 0 }
}

/// Runs the command `policy` for each stanza. Returns one policy for all of them as text. `Err`: the exit
/// status, if a child has printed none. If the child cannot report why, passes the message to `say`.
pub(crate) fn policy_of(
    child_runs: &[ChildRun],
    program: &Path,
    forwarder: &SignalForwarder,
    say: &dyn Fn(&str),
) -> Result<String, i32> {
    let mut documents = Vec::with_capacity(child_runs.len());
    for child_run in child_runs {
        if child_runs.len() > 1 {
            say(&child_run.title());
        }
        let text = child_run.document(program, forwarder, say)?;
        let document: PolicyDocument = serde_json::from_str(&text).map_err(|error| {
            say(&format!("{}: {}: the policy cannot be read: {error}", child_run.file, child_run.title()));
            2
        })?;
        documents.push(document);
    }
    Ok(policy::merged(documents).to_text())
}

impl ChildRun {
    /// A run for a stanza of `file`, in the job's environment. If a condition for a job of the file is not
    /// met, it has only the events that say so.
    pub(super) fn of(
        file: &str,
        located: LocatedStanza,
        arguments: Vec<OsString>,
        env: Environment,
        unmet: Vec<UnmetCondition>,
    ) -> Self {
        ChildRun {
            arguments,
            env: Some(env),
            // `env` contains Travis's variables, so the child does not detect the CI again.
            ci: CiSelection::Named(Ci::Travis),
            file: file.to_owned(),
            stanzas: vec![located],
            unmet,
            approved: None,
        }
    }

    /// The number of its stanzas.
    pub(super) fn number(&self) -> usize {
        self.stanzas.len()
    }

    /// Takes the next items of an approved plan, one for each of its stanzas.
    pub(super) fn approve(&mut self, functions: &mut impl Iterator<Item = ApprovedFunction>) {
        self.approved = Some(ApprovedPlan::new(functions.take(self.stanzas.len()).collect()));
    }

    /// Whether the run is one for stanzas of this release.
    pub(super) fn is_of_release(&self, release: &str) -> bool {
        let stanza = self.stanzas.first().filter(|_| self.unmet.is_empty());
        stanza.is_some_and(|located| located.release().as_deref() == Some(release))
    }

    /// Adds a stanza of the same release, whose job has this environment.
    ///
    /// # Errors
    /// The line of the first stanza, if its job has another environment.
    pub(super) fn add(&mut self, located: LocatedStanza, env: &Environment) -> Result<(), usize> {
        if self.env.as_ref().is_none_or(|own| !own.iter().eq(env.iter())) {
            return Err(self.stanzas.first().map_or(0, |first| first.line));
        }
        self.stanzas.push(located);
        Ok(())
    }

    /// The function name and the line of the stanza: `hello (line 4)`; or those of a release:
    /// `release shop (3 stanzas, from line 4)`.
    pub(crate) fn title(&self) -> String {
        match self.stanzas.as_slice() {
            [] => String::new(),
            [located] => located.title(),
            [first, ..] => {
                let (release, number) = (first.release().unwrap_or_default(), self.stanzas.len());
                format!("release {release} ({number} stanzas, from line {})", first.line)
            }
        }
    }

    /// The request: the stanza, or a list of stanzas, and the approved plan.
    fn request(&self) -> String {
        child_request::text(&self.stanzas, self.approved.as_ref())
    }

    /// A run that reads its request from our standard input. The child uses `env` of the request, or else our
    /// environment, and detects the build itself.
    pub(crate) fn passthrough(arguments: Vec<OsString>, ci: CiSelection) -> Self {
        let (file, stanzas, unmet) = (String::new(), Vec::new(), Vec::new());
        ChildRun { arguments, env: None, ci, file, stanzas, unmet, approved: None }
    }

    /// Runs a command that prints a document, and returns the document. See [`policy_of`] for its errors.
    fn document(
        &self,
        program: &Path,
        forwarder: &SignalForwarder,
        say: &dyn Fn(&str),
    ) -> Result<String, i32> {
        let (mut child, mut stdout) =
            forwarder.start(self.command(program)).map_err(|not_started| match not_started {
                NotStarted::Cancelled(reason) => {
                    say(&format!("no document printed: cancelled by {reason}"));
                    reason.exit_status()
                }
                NotStarted::Failed(error) => {
                    say(&from_unstartable(program, &error).message);
                    2
                }
            })?;
        self.write_request(child.stdin());
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        drop(stdout);
        let status = read.and_then(|_| forwarder.wait(child)).map_err(|error| {
            say(&format!("cannot read the document or the exit status of its run: {error}"));
            2
        })?;
        match (exit_status(status, forwarder), forwarder.reason()) {
            (0, None) => Ok(text),
            (0, Some(reason)) => Err(reason.exit_status()),
            (status, _) => Err(status),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // The program may itself be in a place in which its name has a meaning: see `concourse::Script`.
        command.arg0(env!("CARGO_PKG_NAME"));
        // Explicit, so that the child never enters the standalone mode and starts another child.
        command.args(&self.arguments).args(["--format", "json", "--ci", self.ci.name()]);
        match &self.env {
            Some(env) => command.env_clear().envs(env.iter()).stdin(Stdio::piped()),
            None => command.stdin(Stdio::inherit()),
        };
        command
    }

    /// Writes the request in a thread, while the events are read, so that neither blocks the other.
    fn write_request(&self, stdin: Option<ChildStdin>) {
        if let (Some(mut stdin), Some(_)) = (stdin, &self.env) {
            let request = self.request();
            // The child may exit before it has read everything. Its events show why.
            thread::spawn(move || drop(stdin.write_all(request.as_bytes())));
        }
    }

    /// Starts the child, forwards its events, and returns its exit status. With `is_required` it fails
    /// instead of being skipped.
    fn run(&self, program: &Path, events: &mut EventForwarder<'_>, is_required: bool) -> i32 {
        if !self.unmet.is_empty() {
            let failure = self.skip_failure(is_required);
            let status = if failure.is_some() { 2 } else { 0 };
            events.skip(&self.unmet, failure);
            return status;
        }
        let forwarder = events.forwarder;
        let mut command = self.command(program);
        command.args(is_required.then_some("--require-deploy"));
        let (mut child, stdout) = match forwarder.start(command) {
            Ok(started) => started,
            Err(NotStarted::Cancelled(reason)) => {
                events.conclude("it was not started", reason == CancelReason::OutputClosed);
                return reason.exit_status();
            }
            Err(NotStarted::Failed(error)) => {
                events.end(from_unstartable(program, &error));
                return 2;
            }
        };
        self.write_request(child.stdin());
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        // A line without a line feed is incomplete and not forwarded.
        while stdout.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with(b"\n") {
            events.read(&line);
            line.clear();
        }
        drop(stdout);
        let status = forwarder.wait(child);
        let exit = match status.as_ref().map(|status| (status.signal(), status.code())) {
            Ok((Some(signal), _)) => format!("it was killed by signal {signal}"),
            Ok((None, Some(code))) => format!("it exited with status {code}"),
            Ok((None, None)) => "it exited".to_owned(),
            Err(error) => format!("its exit status is unknown: {error}"),
        };
        if let (Ok(status), true) = (status, events.finished) {
            return exit_status(status, forwarder);
        }
        events.conclude(&exit, events.finished);
        forwarder.reason().map_or(1, CancelReason::exit_status)
    }

    /// Why a stanza for which Travis CI makes no job must not be skipped. `None`: it is skipped.
    fn skip_failure(&self, is_required: bool) -> Option<ErrorReport> {
        let approved = self.approved.as_ref().and_then(|plan| plan.functions.first());
        match approved {
            Some(ApprovedFunction::Planned(_)) => Some(from_skipped_plan(&self.unmet)),
            Some(ApprovedFunction::Skipped {}) | None => is_required.then(|| from_required_skip(&self.unmet)),
        }
    }

    /// The place of a key of a stanza: in the file, such as `.travis.yml:14`, or its setting. `None`: the
    /// stanza is from standard input, or the key is a variable of the job.
    fn place(&self, stanza: Option<u32>, at: &str) -> Option<String> {
        if at.starts_with("/env/") {
            return None;
        }
        let index = stanza.map_or(Some(0), |stanza| usize::try_from(stanza).ok())?;
        self.stanzas.get(index).map(|located| located.place(&self.file, at))
    }
}

impl fmt::Debug for ChildRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildRun")
            .field("title", &self.title())
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Forwards the events of a child run, and records how far it has come.
struct EventForwarder<'a> {
    child_run: &'a ChildRun,
    forwarder: &'a SignalForwarder,
    reporter: &'a mut dyn Reporter,
    sent_hello: bool,
    finished: bool,
    /// `identified` was seen: the credentials are known, and requests to AWS follow.
    contacts_aws: bool,
    is_skipped: bool,
}

impl EventForwarder<'_> {
    /// Forwards a line, if it is JSON.
    fn read(&mut self, line: &[u8]) {
        if let Ok(read) = serde_json::from_slice::<ChildLine>(line) {
            self.forward(&read, String::from_utf8_lossy(line).trim_end_matches('\n'));
        }
    }

    fn forward(&mut self, line: &ChildLine, raw: &str) {
        self.sent_hello = true;
        self.finished |= line.is_finished();
        self.is_skipped |= line.finished().is_some_and(|finished| finished.outcome() == Outcome::Skipped);
        self.contacts_aws |= matches!(line.event(), Some(Event::Identified { .. }));
        let child_run = self.child_run;
        let place = |stanza: Option<u32>, at: &str| child_run.place(stanza, at);
        // After the output is closed, nothing more is written to it. The run shuts down, and its events are
        // read until then.
        if self.forwarder.reason() != Some(CancelReason::OutputClosed)
            && self.reporter.line(line, raw, &place).is_err()
        {
            self.forwarder.forward(CancelReason::OutputClosed, false);
        }
    }

    /// Writes the `finished` event of a run that has written none.
    fn conclude(&mut self, exit: &str, silently: bool) {
        if !silently {
            self.end(from_no_result(exit, self.forwarder.reason().is_some()));
        }
    }

    fn end(&mut self, report: ErrorReport) {
        self.write(vec![Event::Finished(Finished::failed(report, Vec::new()))]);
    }

    /// Writes the events of a run that Travis CI would not have made. `failure`: why that is not allowed.
    fn skip(&mut self, unmet: &[UnmetCondition], failure: Option<ErrorReport>) {
        let checked = unmet.iter().cloned().map(|UnmetCondition { condition, want, got, .. }| {
            Event::ConditionChecked(ConditionResult { condition, met: false, want, got })
        });
        let finished = match failure {
            Some(report) => Finished::failed(report, Vec::new()),
            None => Finished::Skipped { unmet: unmet.to_vec() },
        };
        self.write(checked.chain([Event::Finished(finished)]).collect());
    }

    fn write(&mut self, mut events: Vec<Event>) {
        if !self.sent_hello {
            events.insert(0, hello());
        }
        for event in events {
            let line = line_now(event);
            let raw = line.to_json();
            self.forward(&ChildLine::Event(Box::new(line)), &raw);
        }
    }
}

/// The first event of every run.
pub(crate) fn hello() -> Event {
    Event::Hello {
        protocol: PROTOCOLS.to_vec(),
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        features: FEATURES.iter().copied().map(str::to_owned).collect(),
    }
}

fn exit_status(status: ExitStatus, forwarder: &SignalForwarder) -> i32 {
    status.code().unwrap_or_else(|| forwarder.reason().map_or(1, CancelReason::exit_status))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::protocol::json::Node;
    use signal_hook::consts::{SIGINT, SIGTERM};

    /// A run whose stanza and environment contain secrets.
    fn child_run() -> ChildRun {
        let stanza =
            [("access_key_id".to_owned(), Node::Text("of the stanza".to_owned()))].into_iter().collect();
        let env = [("TOKEN", "of the environment")].into_iter().collect();
        let located = LocatedStanza { stanza, ..LocatedStanza::default() };
        ChildRun::of("f.yml", located, vec!["policy".into()], env, Vec::new())
    }

    #[test]
    fn what_is_shown_of_a_run_holds_no_secret() {
        let child_run = child_run();
        assert!(child_run.request().contains("of the stanza"));
        let shown = format!("{child_run:?} {child_run:#?}");
        assert!(shown.contains("f.yml") && !shown.contains("of the"), "{shown}");
    }

    #[test]
    fn stanzas_of_a_release_are_one_request_and_each_has_its_lines() {
        let located = |name: &str, line| {
            let keys = [("function_name", name), ("release", "shop")];
            let stanza = keys.map(|(key, value)| (key.to_owned(), Node::Text(value.to_owned())));
            let lines = [("/timeout".to_owned(), line + 3)].into_iter().collect();
            LocatedStanza { stanza: stanza.into_iter().collect(), line, lines, ..LocatedStanza::default() }
        };
        let env = |stage: &str| -> Environment { [("STAGE", stage)].into_iter().collect() };
        let mut run = ChildRun::of("f.yml", located("a", 2), Vec::new(), env("prod"), Vec::new());
        assert_eq!((run.title().as_str(), run.is_of_release("shop")), ("a (line 2)", true));
        assert!(!run.is_of_release("other"));
        assert_eq!(run.request(), r#"{"function_name":"a","release":"shop"}"#);
        assert_eq!(run.add(located("b", 10), &env("prod")), Ok(()));
        assert_eq!(run.add(located("c", 20), &env("test")), Err(2));
        assert_eq!(run.title(), "release shop (2 stanzas, from line 2)");
        let a = r#"{"function_name":"a","release":"shop"}"#;
        let b = r#"{"function_name":"b","release":"shop"}"#;
        assert_eq!(run.request(), format!(r#"{{"stanzas":[{a},{b}]}}"#));
        let mut functions = [ApprovedFunction::Skipped {}, ApprovedFunction::Skipped {}].into_iter();
        run.approve(&mut functions);
        let skipped = r#"{"outcome":"skipped"}"#;
        let plan = format!(r#"{{"dpl_lambda_plan":1,"functions":[{skipped},{skipped}]}}"#);
        assert_eq!(run.request(), format!(r#"{{"stanzas":[{a},{b}],"plan":{plan}}}"#));
        let place = |stanza| run.place(stanza, "/timeout");
        let (a, b) = (Some("f.yml:5"), Some("f.yml:13"));
        for (stanza, expected) in [(None, a), (Some(0), a), (Some(1), b), (Some(2), None)] {
            assert_eq!(place(stanza).as_deref(), expected, "{stanza:?}");
        }
        assert_eq!(run.place(None, "/env/AWS_PROFILE"), None);
    }

    #[test]
    fn a_document_that_is_not_printed_is_explained_in_one_line() {
        let reported = |program: &str, reason: Option<CancelReason>| {
            let (lines, forwarder) =
                (RefCell::new(Vec::new()), SignalForwarder::new().expect("two descriptors"));
            reason.into_iter().for_each(|reason| forwarder.forward(reason, false));
            let printed = policy_of(&[child_run()], Path::new(program), &forwarder, &|line| {
                lines.borrow_mut().push(line.to_owned())
            });
            (printed.expect_err("no document"), lines.into_inner().join("\n"))
        };
        let (status, line) = reported("/nowhere/dpl-lambda", None);
        assert!(status == 2 && line.starts_with("`/nowhere/dpl-lambda` cannot be started: "), "{line}");
        for (reason, status, why) in [
            (CancelReason::Signal(SIGINT), 130, "SIGINT"),
            (CancelReason::Signal(SIGTERM), 143, "SIGTERM"),
            (CancelReason::OutputClosed, 1, "closed"),
        ] {
            let (actual, line) = reported("true", Some(reason));
            assert!(actual == status && line.starts_with("no document printed: "), "{actual} {line}");
            assert!(line.contains(why), "{line}");
        }
    }
}
