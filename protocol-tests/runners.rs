//! Plays every file of `runner/`: a plugin says and does what a case tells, and a runner must conclude what is right.
//! The runners are those of `examples/`, or the one that `RUNNER` names. The real program speaks in the dialogues of docs/protocol.md.

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

/// The runners of `examples/`.
const RUNNERS: [&str; 4] = ["runner.rs", "runner.py", "runner.sh", "runner.mjs"];

/// No run of a runner may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// The command that starts a runner of `examples/`.
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
            assert!(jq.is_ok(), "jq is missing: install it (Debian: apt-get install jq) to try examples/runner.sh");
            Command::new(file)
        }
        _ => Command::new(file),
    }
}

/// `examples/runner.rs`, compiled, as `cargo test` leaves it; `cargo test --test protocol` alone builds no examples.
static COMPILED: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("known");
    let compiled = test.ancestors().nth(2).expect("a test lies in target/*/deps").join("examples/runner");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/runner.rs");
    let time = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    assert!(time(&compiled) >= time(&source), "examples/runner.rs is not built: `cargo build --example runner`");
    compiled
});

/// Our `PATH`, with the real Python first: what pyenv and its like put there takes longer to start than a runner, and
/// gives it another `PATH`.
static PATH: LazyLock<OsString> = LazyLock::new(|| {
    let ask = "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)), end='')";
    let python = Command::new("python3").args(["-c", ask]).output().expect("Python 3 is there");
    let mut path = OsString::from_vec(python.stdout);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
});

/// A file of `runner/`. `plugin.py` beside it plays what the plugin does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Why a good runner concludes so.
    why: String,
    /// Where that comes from.
    source: String,
    /// What the runner is given. Default: a stanza with a function's name.
    #[serde(default)]
    stanza: Map<String, Value>,
    /// Adds a description of so many bytes to the stanza.
    #[serde(default)]
    pad_stanza: usize,
    /// Command and arguments. Default: none.
    #[serde(default)]
    arguments: Vec<String>,
    /// Variables of the job.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Variables of the job whose bytes are no text, in hexadecimal digits.
    #[serde(default)]
    env_hex: BTreeMap<String, String>,
    /// When the plugin reads its request: `first` (the default), `last` or `never`.
    #[serde(default)]
    reads: String,
    /// What the plugin writes: an event, a text (a line as it is), `hex` (bytes as they are), `line_of_bytes`, an event
    /// that grows by `and_bytes`, or `until_logged`, which waits until the runner has printed that.
    #[serde(default)]
    stdout: Vec<Value>,
    #[serde(default, rename = "stderr")]
    _stderr: Vec<Value>,
    /// How the plugin ends: `exit` or `signal`.
    #[serde(default, rename = "ends")]
    _ends: Value,
    /// Instead of all that: a plugin that is not there.
    #[serde(default)]
    missing: Option<String>,
    expect: Conclusion,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conclusion {
    verdict: Verdict,
    /// The runner's exit status. Absent: any that fits the verdict.
    exit: Option<i32>,
    /// Texts of the log, in this order.
    log: Vec<String>,
    /// Texts that are in the log exactly once.
    #[serde(default)]
    log_once: Vec<String>,
    /// Texts that must not be in the log.
    #[serde(default)]
    log_lacks: Vec<String>,
    /// The plugin has not told why the job fails, so the runner does: a line of its own.
    #[serde(default)]
    says_why: bool,
    /// Members of the request; null for one that must not be there.
    #[serde(default)]
    request: Value,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Succeeded,
    Failed,
}

/// All cases, by name.
fn cases() -> Vec<(PathBuf, Case)> {
    let directory = fs::read_dir(Path::new(HERE).join("runner")).expect("is there");
    let mut files: Vec<PathBuf> = directory.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read(&path).expect("readable");
        let case: Case = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    files.into_iter().map(read).collect()
}

/// What a runner did.
struct Run {
    status: ExitStatus,
    /// What it printed.
    log: String,
    /// What its plugin was given, unless that did not read.
    given: Option<Value>,
    /// The environment that it had.
    env: BTreeMap<String, OsString>,
    /// The directory that it ran in.
    directory: PathBuf,
}

impl Case {
    /// Plays the case with a runner. `Err` tells what is not as a good runner does it.
    fn play(&self, path: &Path, runner: Command) -> Result<(), String> {
        let run = self.run(path, runner)?;
        let seen = format!("{}\n{}", run.status, shortened(&run.log));
        let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {seen}")) };
        demand(run.status.success() == (self.expect.verdict == Verdict::Succeeded), "the verdict")?;
        demand(self.expect.exit.is_none() || self.expect.exit == run.status.code(), "the exit status")?;
        let mut rest = run.log.as_str();
        for text in &self.expect.log {
            rest = rest.split_once(text).ok_or_else(|| format!("`{text}` is not in its place: {seen}"))?.1;
        }
        for text in &self.expect.log_once {
            demand(run.log.matches(text).count() == 1, &format!("`{text}` is not in the log once"))?;
        }
        for text in &self.expect.log_lacks {
            demand(!run.log.contains(text), &format!("`{text}` is in the log"))?;
        }
        demand(!self.expect.says_why || self.own_words(&run.log), "no word of the runner's own")?;
        match &run.given {
            Some(given) => self.check_given(given, &run),
            None => demand(self.missing.is_some() || self.reads == "never", "the plugin was given nothing"),
        }
    }

    fn run(&self, path: &Path, mut runner: Command) -> Result<Run, String> {
        let directory = TempDir::new().expect("a temporary directory");
        let kept = TempDir::new().expect("a temporary directory");
        let file = |name: &str| File::create(kept.path().join(name)).expect("writable");
        fs::write(kept.path().join("stanza.json"), json!(self.stanza()).to_string()).expect("writable");

        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.insert("PATH".to_owned(), PATH.clone());
        env.insert("RUNNER_CASE".to_owned(), path.into());
        env.insert("RUNNER_KEPT".to_owned(), kept.path().into());
        let plugin = self.missing.as_ref().map_or(Path::new(HERE).join("runner/plugin.py"), PathBuf::from);
        env.insert("DPL_LAMBDA".to_owned(), plugin.into());
        env.extend(self.env.iter().map(|(name, value)| (name.clone(), value.into())));
        env.extend(self.env_hex.iter().map(|(name, hex)| (name.clone(), OsString::from_vec(bytes(hex)))));

        runner.arg(kept.path().join("stanza.json")).args(&self.arguments).current_dir(directory.path());
        runner.env_clear().envs(&env).stdin(Stdio::null()).stdout(file("log")).stderr(file("stderr"));
        let child = runner.spawn().unwrap_or_else(|error| panic!("{runner:?} cannot be started: {error}"));
        let status = end_of(child)?;
        let read = |name: &str| fs::read(kept.path().join(name));
        let log = [read("log"), read("stderr")].map(|bytes| bytes.expect("is there")).concat();
        let given = read("given.json").ok().map(|given| serde_json::from_slice(&given).expect("JSON"));
        let directory = directory.path().canonicalize().expect("is there");
        Ok(Run { status, log: String::from_utf8_lossy(&log).into_owned(), given, env, directory })
    }

    /// True when the log has a line that comes from none of the plugin's.
    fn own_words(&self, log: &str) -> bool {
        let told: Vec<&str> =
            self.stdout.iter().filter_map(|piece| piece["message"].as_str().or(piece.as_str())).collect();
        let is_own = |line: &str| !line.trim().is_empty() && !line.starts_with('{') && !told.contains(&line);
        log.lines().any(is_own)
    }

    /// Arguments, directory and request, as the plugin got them.
    fn check_given(&self, given: &Value, run: &Run) -> Result<(), String> {
        let same = |what: &str, actual: &Value, expected: Value| {
            if *actual == expected { Ok(()) } else { Err(format!("{what} is {actual}, not {expected}")) }
        };
        same("the arguments", &given["arguments"], json!(self.arguments))?;
        same("the plugin's directory", &given["directory"], json!(run.directory))?;
        let text = given["stdin"].as_str().unwrap_or_default();
        let mut request: Value = serde_json::from_str(text).map_err(|error| format!("no request: {error}: {text}"))?;
        if !agrees(&self.expect.request, &request) && !self.expect.request.is_null() {
            return Err(format!("the request lacks something of {}: {request}", self.expect.request));
        }
        for (name, value) in &run.env {
            same(name, &request["env"][name], json!(value.to_string_lossy()))?;
        }
        same("`protocol`", &request["protocol"], json!(1))?;
        let mut stanza = self.stanza();
        for runners in ["protocol", "env"] {
            stanza.remove(runners);
            request.as_object_mut().ok_or("the request is no object")?.remove(runners);
        }
        same("the stanza", &request, json!(stanza))
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

/// Waits for the end of a runner, at most [`LIMIT`].
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
    Err(format!("no end after {LIMIT:?}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// A log as a failure of a test shows it.
fn shortened(log: &str) -> String {
    log.chars().take(2000).collect()
}

/// Plays the cases with a runner. Returns what was not as a good runner does it.
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
    assert!(!failed, "a runner concludes otherwise");
}

#[test]
fn each_runner_case_has_its_name_and_reasons_and_stands_in_the_readme_once() {
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
    let mut blocks = page.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap_or_default().trim());
    let (request, shown) = (blocks.next().expect("a request"), blocks.next().expect("its events"));

    let mut plugin = Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    plugin.stdin.take().expect("piped").write_all(request.as_bytes()).expect("it reads");
    let output = plugin.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let events = |lines: &str| -> Vec<Value> {
        let mut events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
        // Its version is that of the day.
        let hello = events.first_mut().and_then(Value::as_object_mut).expect("it says hello");
        hello.retain(|key, _| key != "version" && key != "message");
        events
    };
    assert_eq!(events(shown), events(&String::from_utf8_lossy(&output.stdout)));
}
