//! Checks that README.md and docs/protocol.md show what the program prints. `BLESS=1` rewrites what they
//! show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::deny_changes;
use crate::plugin::{PluginCommand, aws_env, job_env, program, stanzas_of, variables};
use crate::pty::{Pty, screen};
use crate::shell::PATH;
use crate::terminal;

/// The columns of the terminal on which the commands of README.md run.
const COLUMNS: u16 = 100;

/// A page's path and text.
fn page(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    (path, text)
}

/// The content of a page's `number`th block in this language, and the text before and after it. An indented
/// block does not count.
fn block<'a>(page: &'a str, language: &str, number: usize) -> (&'a str, &'a str, &'a str) {
    let fence = format!("\n```{language}\n");
    let start =
        page.match_indices(fence.as_str()).nth(number).expect("the page has that block").0 + fence.len();
    let end = start + page[start..].find("```").expect("the block ends");
    (&page[..start], &page[start..end], &page[end..])
}

/// An endpoint in the region that the pages name.
fn endpoint() -> Endpoint {
    let create_duration = Duration::from_millis(600);
    let settings = Settings { region: "eu-west-1".to_owned(), create_duration, ..Settings::default() };
    Endpoint::start(settings).expect("a free port")
}

/// The events of each stanza, without the values that differ from run to run. Those of different stanzas may
/// come in any order.
fn lasting<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<Option<u64>, Vec<Value>> {
    let mut events: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let mut event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        forget_what_differs(&mut event);
        // A busy machine also waits long enough for `progress`.
        if event["event"] != "progress" {
            events.entry(event["stanza"].as_u64()).or_default().push(event);
        }
    }
    events
}

/// Removes ids, times and durations.
fn forget_what_differs(event: &mut Value) {
    let keys = event.as_object_mut().expect("an event");
    keys.retain(|key, _| !["request_id", "duration_ms", "version", "time"].contains(&key.as_str()));
    if let Some(message) = keys.get_mut("message") {
        // A busy machine needs seconds instead of milliseconds.
        let is_time = |word: &str| {
            word.contains(|c: char| c.is_ascii_digit()) || ["ms", "ms:", "s", "s:"].contains(&word)
        };
        let words = message.as_str().unwrap_or_default().split(' ').filter(|word| !is_time(word));
        *message = json!(words.collect::<Vec<_>>().join(" "));
    }
    let functions = keys.get_mut("functions").and_then(Value::as_array_mut);
    functions.into_iter().flatten().for_each(forget_what_differs);
}

/// Creates the live function of a stanza, with an alias if the stanza has one, and the directory with its
/// code.
fn prepare(stanza: &Value, endpoint: &Endpoint, build: &Path) {
    let name = stanza["function_name"].as_str().expect("a string");
    let live = json!({
        "FunctionName": name, "Role": "arn:aws:iam::123456789012:role/lambda-run", "Runtime": "nodejs22.x",
        "Handler": "index.handler", "Timeout": 10,
    });
    endpoint.seed(live).expect("a valid function");
    if stanza["alias"].is_string() {
        let path = format!("/2015-03-31/functions/{name}");
        let alias = json!({"Name": stanza["alias"], "FunctionVersion": "1"});
        for (list, body) in [("versions", json!({})), ("aliases", alias)] {
            endpoint.perform("POST", &format!("{path}/{list}"), body).expect("AWS would create it");
        }
    }
    let directory = build.join(stanza["zip"].as_str().expect("a string"));
    fs::create_dir(&directory).expect("made");
    fs::write(directory.join("index.js"), "exports.handler = async () => 'hello'\n").expect("written");
}

#[test]
fn the_dialogues_of_the_readme_are_real_ones() {
    // The number of the block with the request; the next one has the events. Blocks that are indented do not
    // count: `runners` compares those of the short dialogue.
    for number in [0, 3] {
        let (path, text) = page("docs/protocol.md");
        let mut request: Value =
            serde_json::from_str(block(&text, "json", number).1).expect("the request is JSON");
        let (endpoint, build) = (endpoint(), TempDir::new().expect("a temporary directory"));
        stanzas_of(&request).iter().for_each(|stanza| prepare(stanza, &endpoint, build.path()));
        endpoint.set_update_duration(Duration::from_millis(50));
        let env = job_env(&endpoint);
        for (name, value) in variables(&env).filter(|(name, _)| *name != "TRAVIS_BRANCH") {
            request["env"][name] = json!(value);
        }
        let ended = PluginCommand::new(&[]).directory(build.path()).run(&request);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stdout);

        let (before, shown, behind) = block(&text, "json", number + 1);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{before}{}{behind}", ended.with_fixed_time()))
                .expect("docs/protocol.md is writable");
            continue;
        }
        assert_eq!(
            lasting(shown.lines()),
            lasting(ended.stdout.lines()),
            "docs/protocol.md shows another dialogue than the program's; BLESS=1 rewrites it"
        );
    }
}

/// The lines on a terminal after bash has run these commands there, with the endpoint's keys and with our
/// program on the `PATH`.
fn on_terminal(commands: &str, endpoint: &Endpoint) -> Vec<String> {
    let (tools, directory) =
        (TempDir::new().expect("a temporary directory"), TempDir::new().expect("another one"));
    let program = fs::canonicalize(program()).expect("the program is built");
    std::os::unix::fs::symlink(program, tools.path().join("dpl-lambda")).expect("linked");
    let mut bash = Command::new("bash");
    bash.args(["-c", commands]).current_dir(directory.path()).env_clear();
    bash.envs(aws_env(endpoint));
    bash.env("PATH", format!("{}:{}", tools.path().display(), &*PATH));
    bash.env("DPL_LAMBDA_TODAY", "2026-11-01").env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    bash.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    let (written, _) = Pty::open(COLUMNS).run(&mut bash, None);
    assert!(!written.contains(&endpoint.url()), "what is shown is the same on every machine: {written}");
    screen(&written)
}

#[test]
fn the_first_deployment_of_the_readme_works_as_it_is_written() {
    let (path, mut text) = page("README.md");
    let commands = block(&text, "bash", 0).1.to_owned();
    let denying = endpoint();
    deny_changes(&denying);
    let deployed = on_terminal(&commands, &endpoint());
    // README.md shows the error alone of the second one.
    let mut denied = on_terminal(&commands, &denying);
    let error = denied.iter().position(|line| line.starts_with("error[")).expect("it fails");
    denied.drain(..error);
    for (number, lines) in [deployed, denied].into_iter().enumerate() {
        let real = lines.join("\n").trim().to_owned() + "\n";
        let (before, shown, behind) = block(&text, "text", number);
        let same = shown.lines().map(terminal::lasting).eq(real.lines().map(terminal::lasting));
        if !same && std::env::var_os("BLESS").is_some() {
            text = format!("{before}{real}{behind}");
            fs::write(&path, &text).expect("README.md is writable");
            continue;
        }
        assert!(same, "README.md shows something else than the program does; BLESS=1 rewrites it\n{real}");
    }
}

#[test]
fn the_yaml_of_the_readme_is_a_part_of_an_example_and_options_that_are_valid() {
    let (_, text) = page("README.md");
    let (_, example) = page("examples/ci/gitlab-ci.yml");
    let lines: BTreeSet<&str> = example.lines().collect();
    for line in block(&text, "yaml", 0).1.lines() {
        assert!(lines.contains(line), "examples/ci/gitlab-ci.yml has no line {line:?}");
    }
    let directory = TempDir::new().expect("a temporary directory");
    let stanza = format!("function_name: hello\non: {{all_branches: true}}\n{}", block(&text, "yaml", 1).1);
    let on_each = block(&text, "yaml", 2).1.replace('}', ", on: {all_branches: true}}");
    for stanzas in [stanza, on_each] {
        fs::write(directory.path().join("lambda.yml"), stanzas).expect("written");
        let mut check = Command::new(program());
        check.args(["check", "--stanza", "lambda.yml", "--ci", "none"]).current_dir(directory.path());
        let output = check.env_clear().env("PATH", &*PATH).output().expect("it can be started");
        let events = String::from_utf8_lossy(&output.stdout);
        let is_checked = output.status.success() && events.contains(r#""outcome":"checked""#);
        assert!(is_checked && !events.contains(r#""event":"warning""#), "{events}");
    }
}
