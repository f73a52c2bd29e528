//! Helpers that scenario tests share: an endpoint with a function and a build directory, git, and parallel
//! checks.

use std::any::Any;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, Fault, FaultKind, Settings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::aws_state::{ALIASES, VERSIONS, create_request, perform, publish};
use crate::deployments::{build_directory, request};
use crate::plugin::{PluginCommand, PluginOutput, kill};
use crate::shell::PATH;

/// Reports a test that cannot run because a tool is missing. The test fails, but under `.ci/run`, which sets
/// `NOT_RUN`, it is only added to the list in that file.
pub(crate) fn not_run(what: &str) {
    use std::io::Write;
    let list = std::env::var_os("NOT_RUN").unwrap_or_else(|| panic!("not run: {what}"));
    let mut list =
        std::fs::OpenOptions::new().append(true).open(list).expect("the file in NOT_RUN can be opened");
    writeln!(list, "{what}").expect("written");
}

/// Applies `act` to each item, `at_once` in parallel, and returns the results in the order of the items. A
/// panic only fails its own item.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    act: impl Fn(&T) -> R + Sync,
) -> Vec<Result<R, String>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = catch_unwind(AssertUnwindSafe(|| act(item))).map_err(|panic| panic_message(&*panic));
            done.lock().expect("not poisoned").push((index, result));
        }
    };
    thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().expect("not poisoned");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Checks each item and returns the problems, each with the name of its item.
pub(crate) fn problems<T: Sync>(
    items: &[T],
    at_once: usize,
    name: impl Fn(&T) -> String,
    check: impl Fn(&T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let results = each(items, at_once, check);
    let failed =
        items.iter().zip(results).filter_map(|(item, result)| Some((item, result.and_then(|r| r).err()?)));
    failed.map(|(item, problem)| format!("{}: {problem}", name(item))).collect()
}

/// Checks each item, and fails with the problems of all.
#[track_caller]
pub(crate) fn check_each<T: Sync>(
    items: &[T],
    at_once: usize,
    name: impl Fn(&T) -> String,
    check: impl Fn(&T) + Sync,
) {
    let wrong = problems(items, at_once, name, |item| {
        check(item);
        Ok(())
    });
    assert!(wrong.is_empty(), "{} of {} failed:\n{}", wrong.len(), items.len(), wrong.join("\n"));
}

/// Waits until the condition holds. The timeout is far longer than it can take.
#[track_caller]
pub(crate) fn wait_until(what: &str, ready: impl Fn() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(30), "timed out waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An endpoint with the usual settings.
pub(crate) fn endpoint() -> Endpoint {
    Endpoint::start(Settings::default()).expect("a free port")
}

/// Lets AWS refuse every call that changes something.
pub(crate) fn deny_changes(endpoint: &Endpoint) {
    let reading = json!({"Effect": "Allow", "Action": ["lambda:Get*", "lambda:List*"], "Resource": "*"});
    endpoint.enforce(json!({"Version": "2012-10-17", "Statement": [reading]}));
}

/// Returns the message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs git in a directory, with a user who can commit, and returns its output.
#[track_caller]
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.invalid"];
    let output = git_command(directory).args(identity).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("git is missing: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// git in a directory. The configuration of the person who runs the tests does not count, which may sign each
/// commit; nor do the variables of a git hook that runs them.
pub(crate) fn git_command(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(directory).env_clear().env("PATH", &*PATH).env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

/// The longest time that a run may take until its next call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// An endpoint, a build directory, a directory for temporary files, and a stanza of the function `f`.
pub(crate) struct Fixture {
    pub(crate) endpoint: Endpoint,
    pub(crate) directory: TempDir,
    pub(crate) temporary: TempDir,
    pub(crate) request: Value,
}

impl Fixture {
    /// Creates a fixture without a function. `members` are added to the stanza.
    pub(crate) fn new(members: Value) -> Self {
        Fixture::of(Settings::default(), members)
    }

    pub(crate) fn of(settings: Settings, members: Value) -> Self {
        let endpoint = Endpoint::start(settings).expect("a free port");
        let mut request = request(&endpoint);
        // Restricts the package to one file, so that other files in the build directory do not change it.
        request["zip"] = json!("index.js");
        let temporary = TempDir::new().expect("a temporary directory");
        request["env"]["TMPDIR"] = json!(temporary.path());
        let mut fixture = Fixture { endpoint, directory: build_directory(), temporary, request };
        fixture.set(members);
        fixture
    }

    /// Creates a fixture with the alias `live` at version 1. `members` are added to the stanza afterwards.
    pub(crate) fn live(members: Value) -> Self {
        let mut fixture = Fixture::new(json!({"alias": "live"}));
        fixture.deployed("// 1\n");
        fixture.set(members);
        fixture
    }

    /// Creates a fixture with a function that has `count` published versions and no alias.
    pub(crate) fn published(count: u32, members: Value) -> Self {
        let fixture = Fixture::new(members);
        fixture.endpoint.seed(create_request()).expect("AWS would create it");
        publish(&fixture.endpoint, 1..=count);
        fixture
    }

    /// Changes the stanza; null removes a member.
    pub(crate) fn set(&mut self, members: Value) {
        change(&mut self.request, members);
    }

    /// Changes the stanza of a list that has this index; null removes a member.
    pub(crate) fn set_in(&mut self, stanza: usize, members: Value) {
        change(&mut self.request["stanzas"][stanza], members);
    }

    /// Returns the stanza with additional members.
    pub(crate) fn with(&self, members: &Value) -> Value {
        let mut request = self.request.clone();
        request.as_object_mut().expect("an object").extend(object(members.clone()));
        request
    }

    /// Runs the program with the stanza and additional members.
    pub(crate) fn run(&self, arguments: &[&str], members: &Value) -> PluginOutput {
        self.plugin(arguments).run(&self.with(members))
    }

    pub(crate) fn plugin(&self, arguments: &[&str]) -> PluginCommand {
        let temporary = self.temporary.path().display().to_string();
        PluginCommand::new(arguments).directory(self.directory.path()).env("TMPDIR", &temporary)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, code: &str) {
        fs::write(self.directory.path().join("index.js"), code).expect("written");
    }

    pub(crate) fn deploy(&self, code: &str) -> PluginOutput {
        self.write(code);
        self.deploy_again()
    }

    /// Deploys the same request and the same code again, with an empty list of calls.
    pub(crate) fn deploy_again(&self) -> PluginOutput {
        self.endpoint.forget_calls();
        self.plugin(&[]).run(&self.request)
    }

    #[track_caller]
    pub(crate) fn deployed(&self, code: &str) -> PluginOutput {
        let ended = self.deploy(code);
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        ended
    }

    pub(crate) fn rollback(&self) -> PluginOutput {
        self.endpoint.forget_calls();
        self.plugin(&["rollback"]).run(&self.request)
    }

    /// Starts a deployment whose output is not read.
    pub(crate) fn start(&self) -> Child {
        self.start_with(&[])
    }

    /// Starts the program with these arguments. Its output is not read.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Child {
        let mut child = self.plugin(arguments).spawn();
        child.stdin.take().expect("piped").write_all(self.request.to_string().as_bytes()).expect("written");
        child
    }

    /// Starts a deployment of this code, and reads until these steps have begun, in this order.
    pub(crate) fn started(&self, code: &str, steps: &[&str]) -> Running {
        self.write(code);
        self.endpoint.forget_calls();
        let mut child = self.start();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut running = Running { child, lines, reported: Vec::new() };
        steps.iter().for_each(|step| running.read_until(step));
        running
    }

    pub(crate) fn another_client(&self, method: &str, target: &str, body: Value) -> Value {
        perform(&self.endpoint, method, target, body)
    }

    pub(crate) fn make_alias(&self, name: &str, version: &str) {
        self.another_client("POST", ALIASES, json!({"Name": name, "FunctionVersion": version}));
    }

    /// The target of an alias, in the form `1` or `1, 10 % to 2`.
    pub(crate) fn alias(&self, name: &str) -> String {
        alias_target(&self.another_client("GET", &format!("{ALIASES}/{name}"), Value::Null))
    }

    /// The numbers of the published versions.
    pub(crate) fn versions(&self) -> Vec<u64> {
        let listed = self.another_client("GET", &format!("{VERSIONS}?MaxItems=1000"), Value::Null);
        let versions = listed["Versions"].as_array().expect("a list").iter();
        versions.filter_map(|version| version["Version"].as_str()?.parse().ok()).collect()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.endpoint.calls().into_iter().map(|call| call.operation).collect()
    }

    /// The calls that change something; those of an alias with its target: `UpdateAlias 1, 10 % to 2`.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.endpoint.calls().iter().filter(|call| !call.is_read()).map(reported_change).collect()
    }

    /// Waits until a call of this operation is recorded.
    pub(crate) fn wait_for_call(&self, operation: &str) {
        wait_until(operation, || self.endpoint.count(operation) > 0);
    }

    /// Waits until the call with this number, from 0, is recorded. Returns false if the run ended without it.
    pub(crate) fn wait_for_call_number(&self, call: usize, child: &mut Child) -> bool {
        let began = Instant::now();
        while self.endpoint.calls().len() <= call {
            if child.try_wait().expect("the child can be waited for").is_some() {
                return false;
            }
            assert!(began.elapsed() < CALL_TIMEOUT, "call {call} did not arrive");
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Adds a fault to the call with this number, from 0.
    pub(crate) fn add_fault(&self, call: usize, kind: FaultKind) {
        let after = u32::try_from(call).expect("few calls");
        self.endpoint.fault(Fault { operation: None, after, times: 1, kind });
    }

    #[track_caller]
    pub(crate) fn check_nothing_is_left(&self) {
        let left = fs::read_dir(self.temporary.path()).expect("readable");
        let left: Vec<_> = left.map(|entry| entry.expect("readable").file_name()).collect();
        assert!(left.is_empty(), "left in TMPDIR: {left:?}");
    }
}

/// A deployment in progress, and the events that it has written so far.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    pub(crate) reported: Vec<String>,
}

impl Running {
    /// Reads until a step of this name begins.
    pub(crate) fn read_until(&mut self, step: &str) {
        loop {
            let line = self.lines.next().unwrap_or_else(|| {
                panic!("no event `step-started` of {step} in\n{}", self.reported.join("\n"))
            });
            let line = line.expect("readable");
            let event: Value = serde_json::from_str(&line).expect("an event is JSON");
            self.reported.push(line);
            if event["event"] == "step-started" && event["step"] == step {
                return;
            }
        }
    }

    pub(crate) fn kill(self) {
        kill(self.child);
    }

    pub(crate) fn ended(mut self) -> PluginOutput {
        let began = Instant::now();
        self.reported.extend(self.lines.map(|line| line.expect("readable")));
        let status = self.child.wait().expect("the child can be waited for");
        let events =
            self.reported.iter().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect();
        let stdout = self.reported.join("\n");
        let ended = PluginOutput { events, stdout, stderr: String::new(), status, elapsed: began.elapsed() };
        ended.check(&[]);
        ended
    }
}

/// Changes the members of a JSON object; null removes one.
pub(crate) fn change(value: &mut Value, members: Value) {
    let value = value.as_object_mut().expect("an object");
    for (name, member) in object(members) {
        if member.is_null() {
            value.remove(&name)
        } else {
            value.insert(name, member)
        };
    }
}

/// The operation of a call; that of an alias with its target: `UpdateAlias 1, 10 % to 2`.
pub(crate) fn reported_change(call: &Call) -> String {
    match call.body["FunctionVersion"] {
        Value::Null => call.operation.clone(),
        _ => format!("{} {}", call.operation, alias_target(&call.body)),
    }
}

/// A step has the name of its operation: `tag-resource` calls `TagResource`.
pub(crate) fn step_of(operation: &str) -> String {
    let spelt = |(place, letter): (usize, char)| {
        let hyphen = (letter.is_ascii_uppercase() && place > 0).then_some('-');
        hyphen.into_iter().chain([letter.to_ascii_lowercase()])
    };
    operation.char_indices().flat_map(spelt).collect()
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

/// Formats the target of an alias in a request or an answer.
pub(crate) fn alias_target(alias: &Value) -> String {
    let mut target = alias["FunctionVersion"].as_str().expect("an alias has a version").to_owned();
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    for (version, weight) in weights.into_iter().flatten() {
        let percent = (weight.as_f64().expect("a number") * 100.0).round();
        target = format!("{target}, {percent} % to {version}");
    }
    target
}
