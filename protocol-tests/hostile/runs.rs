//! Runs the program many times, each time with a different input, and measures and checks each run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::each;
use crate::plugin::{PluginOutput, program};
use crate::shell::PATH;

/// CPU time limit of a run, for any input. We promise one second; the rest allows for a build without
/// optimization and for inputs of megabytes. A run is killed at this limit, and also after
/// [`WALL_CLOCK_LIMIT`] of wall-clock time, in case it only waits.
const CPU: Duration = Duration::from_secs(20);
const WALL_CLOCK_LIMIT: Duration = Duration::from_secs(60);
/// Memory limit of a run in bytes: a constant part, and a part for each byte of input. A value is in memory
/// several times: as it was read, as it was expanded, and as it is printed.
const MEMORY: u64 = 64 << 20;
const MEMORY_PER_BYTE: u64 = 24;

/// Limit for the output of a run in bytes. Two or three events may quote the same value, but the output must
/// not grow beyond that.
const WORDS: u64 = 64 << 20;

/// The directory with the only programs that an input can start. The path is relative to the build directory,
/// so that the inputs do not depend on the name of a temporary directory.
pub(super) const PROGRAMS: &str = "./.programs";

/// Runs the program with one input after the other, and measures each run. A small Python process starts the
/// program.
pub(super) struct Runs {
    child: Child,
    answers: BufReader<ChildStdout>,
    directory: TempDir,
}

/// A finished run with its measurements.
pub(super) struct Run {
    pub(super) ended: PluginOutput,
    /// Size of standard input and of standard output in bytes.
    given: u64,
    said: u64,
    /// True if standard output is valid UTF-8.
    is_text: bool,
    cpu: Duration,
    peak: u64,
}

impl Runs {
    fn start() -> Self {
        let directory = build_directory();
        // Conditions are bash source, so a mutated one could start any program. It finds only these two.
        let programs = directory.path().join(PROGRAMS);
        fs::create_dir(&programs).expect("can be created");
        for name in ["bash", "git"] {
            if let Some(found) = found(name) {
                symlink(found, programs.join(name)).expect("can be created");
            }
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/hostile/runs.py");
        let mut command = Command::new("python3");
        command.arg(script).current_dir(directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("Python 3 is missing: {error}"));
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Runs { child, answers, directory }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!(".{name}"))
    }

    pub(super) fn run(&mut self, arguments: &[&str], input: &[u8]) -> Run {
        let [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map(|name| self.file(name));
        fs::write(&stdin, input).expect("writable");
        let command: Vec<String> = std::iter::once(program())
            .chain(arguments.iter().map(|argument| (*argument).to_owned()))
            .collect();
        let run = json!({
            "command": command,
            "env": {"PATH": PROGRAMS, "TRAVIS_PULL_REQUEST": "false", "DPL_LAMBDA_CONDITION_TIMEOUT": "2"},
            "stdin": stdin, "stdout": stdout, "stderr": stderr, "cpu": CPU.as_secs(), "timeout": WALL_CLOCK_LIMIT.as_secs(),
        });
        writeln!(self.child.stdin.as_ref().expect("piped"), "{run}").expect("writable");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        let reported: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        let seconds = |key: &str| Duration::from_secs_f64(reported[key].as_f64().expect("a number"));
        let said = fs::metadata(&stdout).expect("exists").len();
        let received = if said <= WORDS { fs::read(&stdout).expect("readable") } else { Vec::new() };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            is_text: std::str::from_utf8(&received).is_ok(),
            ended: PluginOutput {
                events: Vec::new(),
                stdout: text(&received),
                stderr: text(&fs::read(&stderr).expect("readable")),
                status: ExitStatus::from_raw(
                    i32::try_from(reported["status"].as_i64().expect("a number")).expect("fits in i32"),
                ),
                elapsed: seconds("wall"),
            },
            given: input.len() as u64,
            said,
            cpu: seconds("cpu"),
            peak: reported["peak"].as_u64().expect("a number"),
        }
    }
}

/// Runs the program for each item, two at a time. `act` returns a run and its complaints. Returns the largest
/// measurements and all complaints.
pub(super) fn judge_each<T: Sync>(
    items: &[T],
    act: impl Fn(&T, &mut Runs) -> (Run, Vec<String>) + Sync,
) -> (Costs, Vec<String>) {
    let (idle, costs) = (Mutex::new(Vec::new()), Mutex::new(Costs::default()));
    let judged = each(items, 2, |item| {
        let mut runs = idle.lock().expect("not poisoned").pop().unwrap_or_else(Runs::start);
        let (run, complaints) = act(item, &mut runs);
        costs.lock().expect("not poisoned").note(&run);
        idle.lock().expect("not poisoned").push(runs);
        complaints
    });
    let complaints = judged.into_iter().flat_map(|judged| judged.unwrap_or_else(|panic| vec![panic]));
    (costs.into_inner().expect("not poisoned"), complaints.collect())
}

impl Drop for Runs {
    /// Closes the standard input of the Python process, which ends it, and waits for it.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn found(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
}

impl Run {
    /// Everything that is wrong with this run. `check` makes no request and runs no command of the user, so a
    /// failure exits 2.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut complain = |is_so: bool, complaint: String| {
            if is_so {
                complaints.push(complaint);
            }
        };
        let ended = &self.ended;
        let killed = ended.status.signal();
        complain(
            killed.is_some(),
            format!("was killed after {:.1?}, {:.1?} of CPU time", ended.elapsed, self.cpu),
        );
        complain(killed.is_none() && self.cpu >= CPU, format!("took {:.1?} of CPU time", self.cpu));
        let most = MEMORY + MEMORY_PER_BYTE * self.given;
        complain(self.peak >= most, format!("used {} MiB of memory", self.peak >> 20));
        complain(self.said > WORDS, format!("wrote {} MiB", self.said >> 20));
        complain(!ended.stderr.is_empty(), format!("wrote to standard error: {}", ended.stderr));
        if killed.is_some() || self.said > WORDS {
            return complaints;
        }
        complain(!self.is_text, "wrote invalid UTF-8".to_owned());
        let checked = catch_unwind(AssertUnwindSafe(|| self.check()));
        if let Err(panic) = checked {
            complaints.push(panic.downcast_ref::<String>().map_or("failed a check".to_owned(), Clone::clone));
        }
        complaints
    }

    fn check(&mut self) {
        let ended = &mut self.ended;
        let parsed = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("invalid JSON: {:.300}: {error}", line))
        };
        ended.events = ended.stdout.lines().map(parsed).collect();
        // With very many events, check only the first and the last ones: the others are alike, and validating
        // against the schema is slow.
        let count = ended.events.len();
        if count > 200 {
            let finished = ended.events.iter().filter(|event| event["event"] == "finished").count();
            assert_eq!(finished, 1, "number of `finished` events");
            drop(ended.events.drain(100..count - 100));
        }
        ended.check(&[]);
        let status = match ended.outcome() {
            "failed" if ended.finished()["allowed"] == json!(true) => 0,
            "failed" => 2,
            "checked" | "skipped" => 0,
            other => panic!("unexpected outcome of `check`: {other}"),
        };
        assert_eq!(ended.status.code(), Some(status), "exit status of\n{:.2000}", ended.stdout);
    }

    /// The outcome, or the error code if the run failed.
    pub(super) fn ending(&self) -> String {
        let ended = &self.ended;
        let Some(_) = ended.events.last() else { return "no end".to_owned() };
        if ended.outcome() == "failed" { ended.code().to_owned() } else { ended.outcome().to_owned() }
    }
}

/// The largest measurements over several runs.
#[derive(Default)]
pub(super) struct Costs {
    wall: Duration,
    cpu: Duration,
    peak: u64,
}

impl Costs {
    fn note(&mut self, run: &Run) {
        self.wall = self.wall.max(run.ended.elapsed);
        self.cpu = self.cpu.max(run.cpu);
        self.peak = self.peak.max(run.peak);
    }
}

impl std::fmt::Display for Costs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "at most {:?}, {:?} of CPU time, {:.1} MiB",
            self.wall,
            self.cpu,
            self.peak as f64 / 1048576.0
        )
    }
}
