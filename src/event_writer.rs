//! Writes events as lines to standard output, and records what a run has done so far, for its `finished`
//! event. It never writes anything after the `finished` line, and never writes that line twice.
#![expect(
    clippy::disallowed_methods,
    reason = "limits the rate of progress events, reads the clock, and exits if the panic hook cannot write"
)]

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};

use crate::cancel::{CancelReason, CancelToken};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{
    Event, Finished, FunctionOutcome, Line, ListOutcome, Progress, Scope, StepName,
};
use crate::protocol::text::json_without_log_commands;

/// Event writer of a run, or of one stanza of a list. Shared between the run, the signal thread and the panic
/// hook.
pub(crate) struct EventWriter {
    output: Arc<Output>,
    /// Index of the stanza in the list. `None`: this is the writer of the run.
    stanza: Option<u32>,
    /// The function of the stanza, as the stanza names it, with secrets masked.
    function_name: OnceLock<String>,
    /// Name of the release of the stanza, with secrets masked.
    release: OnceLock<String>,
    /// Not part of the output's lines: that lock is held as long as the CI runner does not read.
    changed: Mutex<Vec<StepName>>,
    shares_traffic: AtomicBool,
    failure_allowed: AtomicBool,
    /// The result for the stanza of a list.
    finished: OnceLock<Finished>,
    /// The writers of the stanzas, if the run is one of a list.
    stanzas: OnceLock<Vec<Arc<EventWriter>>>,
}

/// What all event writers of a run share.
struct Output {
    lines: Mutex<LineSink>,
    /// Name or commit of the git stash with the files of `cleanup`.
    stash: Mutex<Option<String>>,
    stop: CancelToken,
    side_effects_started: AtomicBool,
    began: Instant,
    /// Time of the last event, in milliseconds after `began`. Not part of `lines`, for the same reason.
    last_event_ms: AtomicU64,
    /// Time of the last event other than the progress of a wait and a check of a guard, in milliseconds after
    /// `began`.
    last_non_wait_ms: AtomicU64,
}

struct LineSink {
    out: Box<dyn Write + Send>,
    finished: bool,
}

impl EventWriter {
    /// Creates a writer to `out`. It cancels the run through `stop` if `out` is closed.
    pub(crate) fn new(out: impl Write + Send + 'static, stop: CancelToken) -> Self {
        let output = Output {
            lines: Mutex::new(LineSink { out: Box::new(out), finished: false }),
            stash: Mutex::default(),
            stop,
            side_effects_started: AtomicBool::new(false),
            began: Instant::now(),
            last_event_ms: AtomicU64::new(0),
            last_non_wait_ms: AtomicU64::new(0),
        };
        EventWriter::to(Arc::new(output), None)
    }

    fn to(output: Arc<Output>, stanza: Option<u32>) -> Self {
        EventWriter {
            output,
            stanza,
            function_name: OnceLock::new(),
            release: OnceLock::new(),
            changed: Mutex::default(),
            shares_traffic: AtomicBool::new(false),
            failure_allowed: AtomicBool::new(false),
            finished: OnceLock::new(),
            stanzas: OnceLock::new(),
        }
    }

    /// Makes the run one of a list: returns a writer for each stanza. `names`: the functions that are known
    /// before the stanzas are read, with secrets masked.
    pub(crate) fn for_stanzas(&self, names: Vec<Option<String>>) -> &[Arc<EventWriter>] {
        self.stanzas.get_or_init(|| {
            let writer = |(stanza, name): (u32, Option<String>)| {
                let writer = EventWriter::to(self.output.clone(), Some(stanza));
                name.iter().for_each(|name| writer.name_function(name));
                Arc::new(writer)
            };
            (0..).zip(names).map(writer).collect()
        })
    }

    /// Sets the function of the stanza, unless it is known. Its name has its secrets masked.
    pub(crate) fn name_function(&self, name: &str) {
        self.function_name.get_or_init(|| name.to_owned());
    }

    /// Sets the release of the stanza. Its name has its secrets masked.
    pub(crate) fn name_release(&self, name: &str) {
        self.release.get_or_init(|| name.to_owned());
    }

    /// Records the result for the stanza of a list, with `allowed` set as the stanza says. Returns the one
    /// that was recorded first.
    pub(crate) fn end_function(&self, finished: Finished) -> &Finished {
        self.finished.get_or_init(|| self.with_allowed(finished))
    }

    /// The result of a run that `report` ends before its end. In a list, the stanza that runs has failed; in
    /// a release, the first of those that run.
    pub(crate) fn failed(&self, report: ErrorReport) -> Finished {
        let running = self.stanzas().iter().find(|stanza| stanza.finished.get().is_none());
        match running {
            Some(running) => {
                running.end_function(Finished::failed(report, running.changed()));
                self.list()
            }
            None => Finished::failed(report, self.changed()),
        }
    }

    /// The result of a list. The stanzas that have no result are stopped.
    pub(crate) fn list(&self) -> Finished {
        let functions = (0..).zip(self.stanzas()).map(|(index, stanza)| {
            let stopped = || Finished::stopped(stanza.changed());
            let finished = stanza.finished.get().cloned().unwrap_or_else(stopped);
            let release = stanza.release.get().cloned();
            let name = stanza.function_name.get().cloned();
            FunctionOutcome { release, ..FunctionOutcome::of(index, name, finished) }
        });
        let list = ListOutcome::of(functions.collect(), self.changed(), self.output.now_ms());
        Finished::List(Box::new(list))
    }

    /// Writes an event. After the `finished` line, drops it.
    pub(crate) fn emit(&self, event: Event) {
        // A run has no scope, even if its function is known.
        let function_name = self.stanza.and_then(|_| self.function_name.get().cloned());
        let mut lines = self.lock();
        if !lines.finished {
            self.write(&mut lines, Line::of(event, Scope { stanza: self.stanza, function_name }));
        }
    }

    /// Writes the `finished` line, with `allowed` set as the stanza says, and returns what was written.
    /// `None`: it was written before, by another thread.
    pub(crate) fn finish(&self, finished: Finished) -> Option<Finished> {
        let mut lines = self.lock();
        if lines.finished {
            return None;
        }
        let finished = self.with_allowed(finished);
        let failure = if let Finished::List(list) = &finished { list.failure() } else { None };
        let scope = failure.map(FunctionOutcome::scope).unwrap_or_default();
        self.write(&mut lines, Line::of(Event::Finished(finished.clone()), scope));
        lines.finished = true;
        Some(finished)
    }

    fn with_allowed(&self, finished: Finished) -> Finished {
        match finished {
            Finished::Failed { error, changed, .. } => {
                let is_allowed = !matches!(error.code, Code::Cancelled | Code::SkippedButRequired);
                let allowed = self.failure_allowed.load(Ordering::Relaxed) && is_allowed;
                Finished::Failed { error, changed, allowed }
            }
            other => other,
        }
    }

    fn stanzas(&self) -> &[Arc<EventWriter>] {
        self.stanzas.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns a callback that emits progress events: none in the first 300 ms, then at most five per second.
    pub(crate) fn progress(
        self: &Arc<Self>,
        progress: fn(u64, u64) -> Progress,
    ) -> impl FnMut(u64, u64) + Send + use<> {
        let events = self.clone();
        let mut next = Instant::now() + Duration::from_millis(300);
        move |done_bytes, total_bytes| {
            let now = Instant::now();
            if now >= next {
                next = now + Duration::from_millis(200);
                events.emit(Event::Progress(progress(done_bytes, total_bytes)));
            }
        }
    }

    /// Time since the last event.
    pub(crate) fn silence(&self) -> Duration {
        self.output.since(&self.output.last_event_ms)
    }

    /// Emits the progress event of a wait for `what`, with the time since it began.
    pub(crate) fn emit_wait(&self, what: String) {
        let elapsed = self.output.since(&self.output.last_non_wait_ms);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.emit(Event::Progress(Progress::Wait { what, elapsed_ms }));
    }

    /// Records that a step has taken effect. A repeated step is recorded once.
    pub(crate) fn record_change(&self, step: StepName) {
        let mut changed = self.changed_steps();
        if !changed.contains(&step) {
            changed.push(step);
        }
    }

    /// Removes a step from the record: AWS accepted it, but it failed afterwards.
    pub(crate) fn retract_change(&self, step: StepName) {
        self.changed_steps().retain(|changed| *changed != step);
    }

    /// The steps that have taken effect; of a list, those for any function.
    pub(crate) fn changed(&self) -> Vec<StepName> {
        let mut changed = self.changed_steps().clone();
        for step in self.stanzas().iter().flat_map(|stanza| stanza.changed()) {
            if !changed.contains(&step) {
                changed.push(step);
            }
        }
        changed
    }

    /// Records whether the run gives a new version traffic of an alias that it sends back if it fails.
    pub(crate) fn record_shared_traffic(&self, shares: bool) {
        self.shares_traffic.store(shares, Ordering::Relaxed);
    }

    /// True if a new version has traffic that a failure would send back; of a list, that of any function.
    pub(crate) fn shares_traffic(&self) -> bool {
        self.shares_traffic.load(Ordering::Relaxed)
            || self.stanzas().iter().any(|stanza| stanza.shares_traffic())
    }

    /// Records the name or commit of the stash of `cleanup`. Set it before the stash is made, and reset it to
    /// `None` after the files are restored.
    pub(crate) fn record_stash(&self, name: Option<String>) {
        *self.output.stash.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// Name of the stash whose files are not restored yet, or which is just being made. `None`: there is
    /// none.
    pub(crate) fn stash(&self) -> Option<String> {
        self.output.stash.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records that a request was sent to AWS or that a command with side effects was started.
    pub(crate) fn mark_side_effects_started(&self) {
        self.output.side_effects_started.store(true, Ordering::Relaxed);
    }

    /// True if a request was sent to AWS or a command with side effects was started.
    pub(crate) fn has_side_effects(&self) -> bool {
        self.output.side_effects_started.load(Ordering::Relaxed)
    }

    /// Records that the stanza sets `allow_failure`.
    pub(crate) fn allow_failure(&self) {
        self.failure_allowed.store(true, Ordering::Relaxed);
    }

    /// True if the stanza sets `allow_failure`.
    pub(crate) fn allows_failure(&self) -> bool {
        self.failure_allowed.load(Ordering::Relaxed)
    }

    /// Records that a failure is not allowed, because another stanza of the release does not allow it.
    pub(crate) fn disallow_failure(&self) {
        self.failure_allowed.store(false, Ordering::Relaxed);
    }

    fn changed_steps(&self) -> MutexGuard<'_, Vec<StepName>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes each line with one write and one flush, so that a reader never sees an incomplete event.
    fn write(&self, lines: &mut LineSink, line: Line) {
        let now_ms = self.output.now_ms();
        self.output.last_event_ms.store(now_ms, Ordering::Relaxed);
        // A guard is checked while the run waits.
        if !matches!(line.event, Event::Progress(Progress::Wait { .. }) | Event::GuardChecked(_)) {
            self.output.last_non_wait_ms.store(now_ms, Ordering::Relaxed);
        }
        let json = json_without_log_commands(now(line).to_json() + "\n");
        if let Err(error) = lines.out.write_all(json.as_bytes()).and_then(|()| lines.out.flush()) {
            tracing::info!(%error, "standard output is closed");
            self.output.stop.cancel(CancelReason::OutputClosed);
        }
    }

    /// Locks the lines, even after a panic of a thread that held the lock. The panic hook may run on the
    /// thread that holds it: then the process exits after a second without the event, instead of a deadlock.
    fn lock(&self) -> MutexGuard<'_, LineSink> {
        if !std::thread::panicking() {
            return self.output.lines.lock().unwrap_or_else(PoisonError::into_inner);
        }
        for _ in 0..100 {
            match self.output.lines.try_lock() {
                Ok(lines) => return lines,
                Err(TryLockError::Poisoned(lines)) => return lines.into_inner(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        std::process::exit(1)
    }
}

impl Output {
    /// Milliseconds since the run began.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, last_event_ms: &AtomicU64) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(last_event_ms.load(Ordering::Relaxed)))
    }
}

/// The line for an event that happens now.
pub(crate) fn line_now(event: Event) -> Line {
    now(Line::new(event))
}

fn now(line: Line) -> Line {
    Line { time: Some(rfc3339(SystemTime::now())), ..line }
}

/// A time in UTC with milliseconds: `2026-11-01T12:00:00.000Z`. A time before 1970 is the start of 1970.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = DateTime::from_secs(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let whole = seconds.fmt(Format::DateTime).unwrap_or_default();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::{Warning, WarningCode};
    use crate::protocol::event::{GuardCheck, GuardState, Outcome, Stream};
    use std::io;

    /// What is written to standard output.
    fn written(write: impl FnOnce(&EventWriter)) -> String {
        let (read, out) = io::pipe().unwrap();
        write(&EventWriter::new(out, CancelToken::new()));
        io::read_to_string(read).unwrap()
    }

    fn hello() -> Event {
        let (name, version) = ("dpl-lambda".to_owned(), "0".to_owned());
        Event::Hello { protocol: vec![1], name, version, features: Vec::new() }
    }

    #[test]
    fn finished_is_written_once_and_nothing_behind_it() {
        let text = written(|events| {
            assert!(events.finish(Finished::Checked {}).is_some());
            assert!(events.finish(Finished::Skipped { unmet: Vec::new() }).is_none());
            events.emit(hello());
        });
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains(r#""event":"finished","outcome":"checked""#), "{text}");
    }

    #[test]
    fn an_event_has_a_time_in_utc_with_milliseconds() {
        let at = |milliseconds| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_793_534_400_007), "2026-11-01T12:00:00.007Z");
        assert_eq!(at(1_793_534_400_120), "2026-11-01T12:00:00.120Z");
        let line = line_now(hello());
        let time = line.time.as_deref().unwrap();
        assert!(time.len() == 24 && time > "2020", "{line:?}");
        let json = line.to_json();
        assert!(json.contains(r#","time":"2"#) && json.ends_with(r#","message":"dpl-lambda 0"}"#), "{json}");
    }

    #[test]
    fn no_event_holds_a_command_to_a_log() {
        let commands =
            ["##vso[task.setvariable variable=x]y", "###[add-path]z ####", "\\##teamcity[x]", "# one"];
        for line in commands {
            let event = Event::Output { stream: Stream::Stdout, line: line.to_owned() };
            let text = written(|events| events.emit(event));
            assert!(!text.contains("##"), "{text}");
            let event: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(event["line"], line);
        }
    }

    #[test]
    fn a_closed_output_asks_for_the_end() {
        let stop = CancelToken::new();
        let (_, closed) = io::pipe().unwrap();
        EventWriter::new(closed, stop.clone()).emit(hello());
        assert_eq!(stop.reason(), Some(CancelReason::OutputClosed));
    }

    #[test]
    fn a_wait_lasts_while_a_guard_is_checked() {
        let text = written(|events| {
            events.emit(hello());
            std::thread::sleep(Duration::from_millis(20));
            events.emit(Event::GuardChecked(GuardCheck {
                state: GuardState::Passed,
                percent: 100,
                alarms: Vec::new(),
                errors: None,
                remaining_seconds: 60,
            }));
            events.emit_wait("the end".to_owned());
        });
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert!(last["elapsed_ms"].as_u64() >= Some(20), "{last}");
    }

    #[test]
    fn a_list_has_the_result_of_each_stanza() {
        let (read, out) = io::pipe().unwrap();
        let events = EventWriter::new(out, CancelToken::new());
        let name = |name: &str| Some(name.to_owned());
        let stanzas = events.for_stanzas(vec![name("a"), None, name("c")]);
        stanzas[0].record_change(StepName::UpdateFunctionCode);
        stanzas[0].allow_failure();
        stanzas[0].end_function(Finished::failed(ErrorReport::new(Code::Conflict, "x"), Vec::new()));
        stanzas[1].name_function("b");
        stanzas[2].name_release("shop");
        stanzas[2].record_change(StepName::TagResource);
        stanzas[1].emit(Event::Warning(Warning::new(WarningCode::Overtaken, "m")));
        stanzas[1].record_change(StepName::TagResource);
        let finished = events.finish(events.failed(ErrorReport::new(Code::Cancelled, "y")));
        let Some(Finished::List(list)) = finished else { panic!("no list") };
        assert_eq!(list.changed, [StepName::UpdateFunctionCode, StepName::TagResource]);
        let code = list.error.as_ref().map(|error| error.code);
        assert_eq!((list.allowed, code), (false, Some(Code::Cancelled)));
        let outcomes: Vec<_> = list.functions.iter().map(|function| function.finished.outcome()).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Stopped]);
        assert!(list.functions[0].finished.is_allowed());
        assert_eq!(list.functions[2].finished, Finished::stopped(vec![StepName::TagResource]));
        assert_eq!(list.functions[2].release.as_deref(), Some("shop"));
        drop(events);
        let text = io::read_to_string(read).unwrap();
        let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let scope = Scope { stanza: Some(1), function_name: name("b") };
        assert_eq!(lines.iter().map(|line| &line.scope).collect::<Vec<_>>(), [&scope, &scope]);
    }

    #[test]
    fn allow_failure_allows_neither_a_signal_nor_a_skip_that_must_not_be() {
        let codes = [(Code::AccessDenied, true), (Code::Cancelled, false), (Code::SkippedButRequired, false)];
        for (code, expected) in codes {
            let events = EventWriter::new(io::sink(), CancelToken::new());
            events.allow_failure();
            let finished = events.finish(Finished::failed(ErrorReport::new(code, "x"), Vec::new()));
            assert!(matches!(finished, Some(Finished::Failed { allowed, .. }) if allowed == expected));
        }
    }
}
