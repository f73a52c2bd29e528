//! The program again and again, each time on some bytes: what it said, what it cost, and what is not as it must always be.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::PATH;
use crate::plugin::{Ended, program};

/// What a run may cost, whatever it is given. A second of a processor is what we promise; the rest is for a build without
/// optimisation, and for inputs of megabytes. At this limit it is killed; and after [`PATIENCE`], should it only wait.
const CPU: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);
/// Of an input of any kind, and for each of its bytes: a value of megabytes is held as it was written, as it was filled in,
/// and as it is told.
const MEMORY: u64 = 64 << 20;
const MEMORY_PER_BYTE: u64 = 24;

/// What a run may say. A value may be quoted in two or three events; a small request never becomes a flood.
const WORDS: u64 = 64 << 20;

/// The directory with the only programs that an input can start. It is named as it is seen from the build directory, so
/// that inputs are the same each time.
pub(super) const PROGRAMS: &str = "./.programs";

/// Runs the program again and again, and tells what each run has cost.
pub(super) struct Runs {
    child: Child,
    answers: BufReader<ChildStdout>,
    directory: TempDir,
}

/// A run and its costs.
pub(super) struct Run {
    pub(super) ended: Ended,
    /// Bytes of standard input and of standard output.
    given: u64,
    said: u64,
    /// Whether they are UTF-8.
    is_text: bool,
    cpu: Duration,
    peak: u64,
}

impl Runs {
    pub(super) fn start() -> Self {
        let directory = build_directory();
        // Conditions are bash. What a mutation has made of one finds no program to start.
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
        let command: Vec<String> =
            std::iter::once(program()).chain(arguments.iter().map(|argument| (*argument).to_owned())).collect();
        let run = json!({
            "command": command,
            "env": {"PATH": PROGRAMS, "TRAVIS_PULL_REQUEST": "false", "DPL_LAMBDA_CONDITION_TIMEOUT": "2"},
            "stdin": stdin, "stdout": stdout, "stderr": stderr, "cpu": CPU.as_secs(), "patience": PATIENCE.as_secs(),
        });
        writeln!(self.child.stdin.as_ref().expect("piped"), "{run}").expect("writable");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        let told: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        let seconds = |key: &str| Duration::from_secs_f64(told[key].as_f64().expect("a number"));
        let said = fs::metadata(&stdout).expect("exists").len();
        let heard = if said <= WORDS { fs::read(&stdout).expect("readable") } else { Vec::new() };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            is_text: std::str::from_utf8(&heard).is_ok(),
            ended: Ended {
                events: Vec::new(),
                stdout: text(&heard),
                stderr: text(&fs::read(&stderr).expect("readable")),
                status: ExitStatus::from_raw(
                    i32::try_from(told["status"].as_i64().expect("a number")).expect("fits in i32"),
                ),
                elapsed: seconds("wall"),
            },
            given: input.len() as u64,
            said,
            cpu: seconds("cpu"),
            peak: told["peak"].as_u64().expect("a number"),
        }
    }
}

impl Drop for Runs {
    /// It ends when its standard input does.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn found(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
}

impl Run {
    /// What is not as it must always be. `check` asks nobody and runs no command of the user's, so that a failure is 2.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut complain = |is_so: bool, complaint: String| {
            if is_so {
                complaints.push(complaint);
            }
        };
        let ended = &self.ended;
        let killed = ended.status.signal();
        complain(killed.is_some(), format!("was killed after {:.1?}, {:.1?} of a processor", ended.elapsed, self.cpu));
        complain(killed.is_none() && self.cpu >= CPU, format!("took {:.1?} of a processor", self.cpu));
        let most = MEMORY + MEMORY_PER_BYTE * self.given;
        complain(self.peak >= most, format!("held {} MiB", self.peak >> 20));
        complain(self.said > WORDS, format!("wrote {} MiB", self.said >> 20));
        complain(!ended.stderr.is_empty(), format!("wrote to standard error: {}", ended.stderr));
        if killed.is_some() || self.said > WORDS {
            return complaints;
        }
        complain(!self.is_text, "wrote what is no UTF-8".to_owned());
        let checked = catch_unwind(AssertUnwindSafe(|| self.check()));
        if let Err(panic) = checked {
            complaints.push(panic.downcast_ref::<String>().map_or("is not as it must be".to_owned(), Clone::clone));
        }
        complaints
    }

    fn check(&mut self) {
        let ended = &mut self.ended;
        let parsed =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {:.300}: {error}", line));
        ended.events = ended.stdout.lines().map(parsed).collect();
        // Of very many events the ones in the middle are alike, and their schema is slow to ask.
        let count = ended.events.len();
        if count > 200 {
            let finished = ended.events.iter().filter(|event| event["event"] == "finished").count();
            assert_eq!(finished, 1, "finished once");
            drop(ended.events.drain(100..count - 100));
        }
        ended.check(&[]);
        let status = match ended.outcome() {
            "failed" if ended.finished()["allowed"] == json!(true) => 0,
            "failed" => 2,
            "checked" | "skipped" => 0,
            other => panic!("`check` does not end {other}"),
        };
        assert_eq!(ended.status.code(), Some(status), "exit status of\n{:.2000}", ended.stdout);
    }

    /// The outcome, or the code of the failure.
    pub(super) fn ending(&self) -> String {
        let ended = &self.ended;
        let Some(_) = ended.events.last() else { return "no end".to_owned() };
        if ended.outcome() == "failed" { ended.code().to_owned() } else { ended.outcome().to_owned() }
    }
}

/// The most that runs have cost.
#[derive(Default)]
pub(super) struct Costs {
    wall: Duration,
    cpu: Duration,
    peak: u64,
}

impl Costs {
    pub(super) fn note(&mut self, run: &Run) {
        self.wall = self.wall.max(run.ended.elapsed);
        self.cpu = self.cpu.max(run.cpu);
        self.peak = self.peak.max(run.peak);
    }
}

impl std::fmt::Display for Costs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at most {:?}, {:?} of a processor, {:.1} MiB", self.wall, self.cpu, self.peak as f64 / 1048576.0)
    }
}
