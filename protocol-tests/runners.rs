//! Runs every case in `runner/`: a fake plugin plays the case, and a runner must reach the right verdict. The
//! runners are those in `examples/`, or the one in `RUNNER`. The dialogues in docs/protocol.md are tested
//! with the real program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::fixture::problems;
use crate::node::node;
use crate::plugin::{agrees, program};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests");

/// The page for people who build runners.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");

/// The runners in `examples/`.
const RUNNERS: [&str; 4] = ["runner.rs", "runner.py", "runner.sh", "runner.mjs"];

/// Time limit of a runner.
const LIMIT: Duration = Duration::from_secs(120);

/// The command that starts a runner in `examples/`.
pub(crate) fn runner(name: &str) -> Command {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    match name {
        "runner.rs" => Command::new(&*COMPILED),
        "runner.mjs" => {
            let mut command = Command::new(node());
            command.arg(file);
            command
        }
        "runner.sh" => {
            let jq = Command::new("jq").arg("--version").output();
            assert!(
                jq.is_ok(),
                "jq is missing: install it (Debian: apt-get install jq) to try examples/runner.sh"
            );
            Command::new(file)
        }
        _ => Command::new(file),
    }
}

/// The compiled `examples/runner.rs`. `cargo test` builds it; `cargo test --test protocol` does not build
/// examples.
static COMPILED: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("the path is known");
    let compiled = test.ancestors().nth(2).expect("a test is in target/*/deps").join("examples/runner");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/runner.rs");
    let time = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    assert!(
        time(&compiled) >= time(&source),
        "examples/runner.rs is not built: `cargo build --example runner`"
    );
    compiled
});

/// Our `PATH` with the directory of the real Python first. The shims of pyenv and similar tools take longer
/// to start than a runner and change its `PATH`.
static PATH: LazyLock<OsString> = LazyLock::new(|| {
    let ask = "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)), end='')";
    let python = Command::new("python3").args(["-c", ask]).output().expect("Python 3 is installed");
    let mut path = OsString::from_vec(python.stdout);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
});

/// A file in `runner/`. `plugin.py` there plays the plugin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Why this verdict is right.
    why: String,
    /// The source of the rule.
    source: String,
    /// The stanza that the runner gets. Default: a stanza with only a function name.
    #[serde(default)]
    stanza: Map<String, Value>,
    /// The list of stanzas that the runner gets instead.
    #[serde(default)]
    stanzas: Vec<Value>,
    /// Adds a description of this many bytes to the stanza.
    #[serde(default)]
    pad_stanza: usize,
    /// Command and arguments for the plugin. Default: none.
    #[serde(default)]
    arguments: Vec<String>,
    /// Variables of the job.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Variables of the job that are not valid UTF-8, as hexadecimal digits.
    #[serde(default)]
    env_hex: BTreeMap<String, String>,
    /// When the plugin reads its request: `first` (the default), `after-hello`, `last` or `never`.
    #[serde(default)]
    reads: String,
    /// The output of the plugin. Each item is an event, a string (written as a line), `hex` (raw bytes),
    /// `line_of_bytes` (a line of this many bytes), an event with `and_bytes` (its message gets that much
    /// longer), or `until_logged` (waits until the runner has printed this text).
    #[serde(default)]
    stdout: Vec<Value>,
    #[serde(default, rename = "stderr")]
    _stderr: Vec<Value>,
    /// How the plugin ends: `exit` with a status, or `signal` with a name.
    #[serde(default, rename = "ends")]
    _ends: Value,
    /// `stdout` and `ends` of each further start of the plugin. The plugin must be started as often as this.
    #[serde(default)]
    again: Vec<Value>,
    /// Path of a plugin that does not exist. Replaces everything else about the plugin.
    #[serde(default)]
    missing: Option<String>,
    expect: Conclusion,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conclusion {
    verdict: Verdict,
    /// The exit status of the runner. Absent: any status that fits the verdict.
    exit: Option<i32>,
    /// Texts that the log contains, in this order.
    log: Vec<String>,
    /// Texts that the log contains exactly once.
    #[serde(default)]
    log_once: Vec<String>,
    /// Texts that the log must not contain.
    #[serde(default)]
    log_lacks: Vec<String>,
    /// True if the runner itself must print a line that says why the job fails, because the plugin did not.
    #[serde(default)]
    says_why: bool,
    /// Members of the request. Null: the member must be absent.
    #[serde(default)]
    request: Value,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Succeeded,
    Failed,
}

/// All cases with their paths, sorted by name.
fn cases() -> Vec<(PathBuf, Case)> {
    let directory = fs::read_dir(Path::new(HERE).join("runner")).expect("readable");
    let mut files: Vec<PathBuf> = directory.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read(&path).expect("readable");
        let case: Case =
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    files.into_iter().map(read).collect()
}

/// A finished run of a runner.
struct Run {
    status: ExitStatus,
    /// Its output on both streams.
    log: String,
    /// How often the plugin was started.
    starts: usize,
    /// What the plugin received at each start at which it read.
    given: Vec<Value>,
    /// The environment of the runner.
    env: BTreeMap<String, OsString>,
    /// The working directory of the runner.
    directory: PathBuf,
}

impl Case {
    /// Runs the case with a runner. `Err` describes the first difference.
    fn play(&self, path: &Path, runner: Command) -> Result<(), String> {
        let run = self.run(path, runner)?;
        let seen = format!("{}\n{}", run.status, shortened(&run.log));
        let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {seen}")) };
        demand(run.status.success() == (self.expect.verdict == Verdict::Succeeded), "wrong verdict")?;
        demand(self.expect.exit.is_none() || self.expect.exit == run.status.code(), "wrong exit status")?;
        let mut rest = run.log.as_str();
        for text in &self.expect.log {
            rest = rest
                .split_once(text)
                .ok_or_else(|| format!("`{text}` is missing or out of order: {seen}"))?
                .1;
        }
        for text in &self.expect.log_once {
            demand(run.log.matches(text).count() == 1, &format!("`{text}` is not in the log exactly once"))?;
        }
        for text in &self.expect.log_lacks {
            demand(!run.log.contains(text), &format!("`{text}` is in the log"))?;
        }
        demand(!self.expect.says_why || self.own_words(&run.log), "the runner printed no line of its own")?;
        if self.missing.is_some() {
            return Ok(());
        }
        demand(run.starts == 1 + self.again.len(), "the plugin was not started as often as it must be")?;
        let expected = if self.reads == "never" { Vec::new() } else { self.requests() };
        demand(run.given.len() == expected.len(), "the plugin did not receive its requests")?;
        let mut received = run.given.iter().zip(expected);
        received.try_for_each(|(given, expected)| self.check_given(given, expected, &run))
    }

    fn run(&self, path: &Path, mut runner: Command) -> Result<Run, String> {
        let directory = TempDir::new().expect("a temporary directory");
        let kept = TempDir::new().expect("a temporary directory");
        let file = |name: &str| File::create(kept.path().join(name)).expect("writable");
        fs::write(kept.path().join("stanza.json"), self.file().to_string()).expect("writable");

        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.insert("PATH".to_owned(), PATH.clone());
        env.insert("RUNNER_CASE".to_owned(), path.into());
        env.insert("RUNNER_KEPT".to_owned(), kept.path().into());
        let plugin = self.missing.as_ref().map_or(Path::new(HERE).join("runner/plugin.py"), PathBuf::from);
        env.insert("DPL_LAMBDA".to_owned(), plugin.into());
        env.extend(self.env.iter().map(|(name, value)| (name.clone(), value.into())));
        let decoded = |digits: &String| OsString::from_vec(hex::decode(digits).expect("hexadecimal digits"));
        env.extend(self.env_hex.iter().map(|(name, digits)| (name.clone(), decoded(digits))));

        runner.arg(kept.path().join("stanza.json")).args(&self.arguments).current_dir(directory.path());
        runner.env_clear().envs(&env).stdin(Stdio::null()).stdout(file("log")).stderr(file("stderr"));
        let child = runner.spawn().unwrap_or_else(|error| panic!("{runner:?} cannot be started: {error}"));
        let status = end_of(child)?;
        let read = |name: &str| fs::read(kept.path().join(name));
        let log = [read("log"), read("stderr")].map(|bytes| bytes.expect("readable")).concat();
        let starts = read("starts").map_or(0, |starts| starts.len());
        let given = (0..starts).filter_map(|number| read(&format!("given-{number}.json")).ok());
        let given = given.map(|given| serde_json::from_slice(&given).expect("JSON")).collect();
        let directory = directory.path().canonicalize().expect("exists");
        Ok(Run { status, log: String::from_utf8_lossy(&log).into_owned(), starts, given, env, directory })
    }

    /// True if the log has a line that is no output of the plugin.
    fn own_words(&self, log: &str) -> bool {
        let reported: Vec<&str> =
            self.stdout.iter().filter_map(|piece| piece["message"].as_str().or(piece.as_str())).collect();
        let is_own =
            |line: &str| !line.trim().is_empty() && !line.starts_with('{') && !reported.contains(&line);
        log.lines().any(is_own)
    }

    /// Checks the arguments, the directory and the request that the plugin received. `expected` is the
    /// request without the runner's keys.
    fn check_given(&self, given: &Value, expected: Value, run: &Run) -> Result<(), String> {
        let same = |what: &str, actual: &Value, expected: Value| {
            if *actual == expected {
                Ok(())
            } else {
                Err(format!("{what}: expected {expected}, got {actual}"))
            }
        };
        same("the arguments", &given["arguments"], json!(self.arguments))?;
        same("the plugin's directory", &given["directory"], json!(run.directory))?;
        let text = given["stdin"].as_str().unwrap_or_default();
        let mut request: Value = serde_json::from_str(text)
            .map_err(|error| format!("the request is not JSON: {error}: {text}"))?;
        if !agrees(&self.expect.request, &request) && !self.expect.request.is_null() {
            return Err(format!("the request does not contain {}: {request}", self.expect.request));
        }
        for (name, value) in &run.env {
            same(name, &request["env"][name], json!(value.to_string_lossy()))?;
        }
        same("`protocol`", &request["protocol"], json!(1))?;
        for runners in ["protocol", "env"] {
            request.as_object_mut().ok_or("the request is not an object")?.remove(runners);
        }
        same("the stanza", &request, expected)
    }

    /// The file that the runner gets.
    fn file(&self) -> Value {
        if self.stanzas.is_empty() { json!(self.stanza()) } else { json!(self.stanzas) }
    }

    /// The requests that the plugin must receive, without the runner's keys.
    fn requests(&self) -> Vec<Value> {
        let features = self.stdout.first().and_then(|hello| hello["features"].as_array());
        if self.stanzas.is_empty() {
            let mut stanza = self.stanza();
            stanza.retain(|key, _| !["protocol", "env"].contains(&key.as_str()));
            vec![json!(stanza)]
        } else if features.is_some_and(|features| features.contains(&json!("stanzas"))) {
            vec![json!({"stanzas": self.stanzas})]
        } else {
            self.stanzas.iter().take(1 + self.again.len()).cloned().collect()
        }
    }

    fn stanza(&self) -> Map<String, Value> {
        let mut stanza = self.stanza.clone();
        if stanza.is_empty() {
            stanza.insert("function_name".to_owned(), json!("f"));
        }
        if self.pad_stanza > 0 {
            stanza.insert("description".to_owned(), json!("x".repeat(self.pad_stanza)));
        }
        stanza
    }
}

/// Waits for the end of a runner, for at most [`LIMIT`].
fn end_of(mut child: Child) -> Result<ExitStatus, String> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().expect("can be waited for") {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("the runner did not end within {LIMIT:?}"))
}

/// The beginning of a log, for the message of a failed test.
fn shortened(log: &str) -> String {
    log.chars().take(2000).collect()
}

/// Runs the cases with a runner. Returns a message for each failed case.
fn play(cases: &[(PathBuf, Case)], new_runner: impl Fn() -> Command + Sync) -> Vec<String> {
    problems(cases, 4, |(_, case)| case.name.clone(), |(path, case)| case.play(path, new_runner()))
}

#[test]
#[ignore = "second tier: needs Python, Node.js and jq"]
fn runner_cases_are_concluded_as_a_good_runner_does() {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut cases = cases();
    cases.retain(|(_, case)| case.name.contains(&wanted));
    assert!(!cases.is_empty(), "no case matches");
    let own = std::env::var("RUNNER").ok();
    let names = own.as_deref().map_or(RUNNERS.to_vec(), |own| vec![own]);
    let mut failed = false;
    for name in names {
        let problems = play(&cases, || if own.is_some() { Command::new(name) } else { runner(name) });
        problems.iter().for_each(|problem| println!("{name}: {problem}\n"));
        failed |= !problems.is_empty();
        let count = cases.len();
        println!("{name}: {count} cases, {} concluded as a good runner does", count - problems.len());
    }
    assert!(!failed, "a runner failed a case");
}

#[test]
fn each_runner_case_has_its_name_and_reasons_and_is_in_the_readme_once() {
    let page = fs::read_to_string(PAGE).expect("docs/protocol.md");
    let cases = cases();
    for (path, Case { name, why, source, .. }) in &cases {
        assert_eq!(path.file_stem().and_then(|stem| stem.to_str()), Some(name.as_str()));
        assert!(!why.is_empty() && !source.is_empty(), "{name}");
        let link = format!("[{name}](../protocol-tests/runner/{name}.json)");
        assert_eq!(page.matches(&link).count(), 1, "docs/protocol.md: {link}");
    }
    let links = page.matches("](../protocol-tests/runner/").count();
    let others = page.matches("](../protocol-tests/runner/plugin.py)").count();
    assert_eq!(links - others, cases.len(), "docs/protocol.md names a case that does not exist");
}

#[test]
fn the_dialogue_of_the_page_for_builders_of_runners_is_a_real_one() {
    // Its first two blocks of JSON; `readme` compares the next two.
    let page = fs::read_to_string(PAGE).expect("docs/protocol.md");
    let mut blocks =
        page.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap_or_default().trim());
    let (request, shown) = (blocks.next().expect("a request"), blocks.next().expect("its events"));

    let mut plugin =
        Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("can be started");
    plugin.stdin.take().expect("piped").write_all(request.as_bytes()).expect("writable");
    let output = plugin.wait_with_output().expect("can be waited for");
    assert_eq!(output.status.code(), Some(0));
    let events = |lines: &str| -> Vec<Value> {
        let mut events: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
        for event in &mut events {
            let time = event.as_object_mut().expect("an event").remove("time");
            assert!(time.is_some(), "an event without a time: {event}");
        }
        // Ignore the version, which changes with each release.
        let hello = events.first_mut().and_then(Value::as_object_mut).expect("the first event");
        hello.retain(|key, _| key != "version" && key != "message");
        events
    };
    assert_eq!(events(shown), events(&String::from_utf8_lossy(&output.stdout)));
}
