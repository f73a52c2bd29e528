//! Tests what users see in an editor. The tests query the real `yaml-language-server` over LSP, as VS Code
//! and other editors do.
//!
//! npm installs the server, with the versions in `editors/package-lock.json`, into a directory under
//! `target/`. The tests also compare a second validator, `ajv`, with ours.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::node;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::repository::committed_schema;
use crate::shell::PATH;
use crate::stanzas::{decrypted, real_stanzas};

static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    node::npm_packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors"))
});

/// The timeout of an answer. On a busy machine the server takes some seconds to start.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// A language server that applies our schema to every `.travis.yml`. It ends when this value is dropped.
struct Server {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    settings: Value,
    /// The received diagnostics, by document.
    published: Map<String, Value>,
    count: u32,
}

/// A diagnostic: line and column, both counted from 1, and the message.
type Diagnostic = (u64, u64, String);

impl Server {
    fn start() -> Self {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/editor/travis-yml.json");
        let settings = json!({"yaml": {
            "schemas": {format!("file://{}", schema.display()): ".travis.yml"},
            "schemaStore": {"enable": false, "url": ""},
            "validate": true, "hover": true, "completion": true,
        }});
        let mut command = Command::new(node::node());
        command.arg(PACKAGES.join("yaml-language-server/bin/yaml-language-server")).arg("--stdio");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Node starts");
        let (sender, messages) = channel();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take().expect("piped");
        let mut server = Server { child, stdin, messages, settings, published: Map::new(), count: 0 };
        let item = json!({"snippetSupport": true, "documentationFormat": ["markdown", "plaintext"]});
        server.ask(
            "initialize",
            json!({"processId": null, "rootUri": null, "capabilities": {
                "textDocument": {
                    "completion": {"completionItem": item},
                    "hover": {"contentFormat": ["markdown"]},
                    "publishDiagnostics": {},
                },
                "workspace": {"configuration": true, "didChangeConfiguration": {"dynamicRegistration": true}},
            }}),
        );
        server.report("initialized", json!({}));
        let settings = server.settings.clone();
        server.report("workspace/didChangeConfiguration", json!({"settings": settings}));
        // The server has no schema until it has requested its settings.
        let until = Instant::now() + MESSAGE_TIMEOUT;
        while server.diagnosed("deploy: {provider: lambda, fuction_name: f}\n").is_empty() {
            assert!(Instant::now() < until, "the language server does not use our schema");
        }
        server
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server runs");
        self.stdin.flush().expect("the server runs");
    }

    fn report(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Receives one message. Answers requests of the server, and stores diagnostics.
    fn take(&mut self, until: Instant) -> Value {
        let message = match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                panic!("no message of the language server in {MESSAGE_TIMEOUT:?}")
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the language server has ended"),
        };
        let params = &message["params"];
        match message["method"].as_str() {
            Some("textDocument/publishDiagnostics") => {
                let document = params["uri"].as_str().expect("a document").to_owned();
                self.published.insert(document, params["diagnostics"].clone());
            }
            Some("workspace/configuration") => {
                let items = params["items"].as_array().expect("sections").iter();
                let sections: Vec<Value> = items
                    .map(|item| self.settings[item["section"].as_str().unwrap_or_default()].clone())
                    .collect();
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": sections}));
            }
            Some(_) if message.get("id").is_some() => {
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null}));
            }
            _ => {}
        }
        message
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let id = json!(self.count);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let until = Instant::now() + MESSAGE_TIMEOUT;
        loop {
            let message = self.take(until);
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// Opens a document and returns its URI.
    fn open(&mut self, text: &str) -> String {
        self.count += 1;
        let uri = format!("file:///build/{}/.travis.yml", self.count);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.report("textDocument/didOpen", json!({"textDocument": document}));
        uri
    }

    /// Returns all diagnostics of a document.
    fn diagnosed(&mut self, text: &str) -> Vec<Diagnostic> {
        let uri = self.open(text);
        let until = Instant::now() + MESSAGE_TIMEOUT;
        while !self.published.contains_key(&uri) {
            self.take(until);
        }
        let reported = self.published[&uri].as_array().expect("a list").clone();
        self.report("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
        let number = |value: &Value| value.as_u64().expect("a number") + 1;
        reported
            .iter()
            .map(|one| {
                let start = &one["range"]["start"];
                (
                    number(&start["line"]),
                    number(&start["character"]),
                    one["message"].as_str().expect("a text").to_owned(),
                )
            })
            .collect()
    }

    /// Sends a request for the position in a document that `│` marks.
    fn asked_at(&mut self, method: &str, marked: &str) -> Value {
        let (before, behind) = marked.split_once('│').expect("the document has a mark");
        let uri = self.open(&format!("{before}{behind}"));
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap_or_default().chars().count();
        self.ask(
            method,
            json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}),
        )
    }

    fn completed(&mut self, marked: &str) -> Vec<Offer> {
        let answer = self.asked_at("textDocument/completion", marked);
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().or(value["value"].as_str()).unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| {
                let inserted =
                    text(item.get("textEdit").map_or(&item["insertText"], |edit| &edit["newText"]));
                Offer { label: text(&item["label"]), reported: text(&item["documentation"]), inserted }
            })
            .collect()
    }

    fn hovered(&mut self, marked: &str) -> String {
        let answer = self.asked_at("textDocument/hover", marked);
        answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A completion item.
struct Offer {
    label: String,
    reported: String,
    inserted: String,
}

/// Reads one LSP message. `None`: the output has ended.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The start of a stanza, in a file with another key.
const BEGUN: &str = "language: node_js\ndeploy:\n  provider: lambda\n  function_name: hello\n";

fn labels(offers: &[Offer]) -> Vec<&str> {
    offers.iter().map(|offer| offer.label.as_str()).collect()
}

/// Finds and prints the item with this label.
#[track_caller]
fn shown<'a>(offers: &'a [Offer], label: &str) -> &'a Offer {
    let offer = offers.iter().find(|offer| offer.label == label);
    let offer = offer.unwrap_or_else(|| panic!("`{label}` is not among {:?}", labels(offers)));
    println!("  {label:30} {}", offer.reported.lines().next().unwrap_or_default());
    offer
}

#[test]
#[ignore = "second tier: needs npm"]
fn keys_are_offered_with_what_they_mean() {
    let mut server = Server::start();
    for (file, place) in [
        (format!("{BEGUN}  │\nafter: 1\n"), "in the only stanza"),
        ("deploy:\n  - provider: script\n    script: x\n  - provider: LAMBDA\n    │\n    timeout: 3\n".to_owned(), "in a list"),
        ("jobs:\n  include:\n    - stage: deploy\n      deploy:\n        provider: lambda\n        │\n        timeout: 3\n".to_owned(), "in a job"),
    ] {
        let offers = server.completed(&file);
        println!("{place}, {} keys:", offers.len());
        for key in ["memory_size", "runtime", "verify", "function_url"] {
            let offer = shown(&offers, key);
            assert!(offer.reported.len() > 30, "{key}: {}", offer.reported);
        }
        for key in ["skip_cleanup", "edge", "true", "environment_variables"] {
            assert!(!labels(&offers).contains(&key), "{key} is offered");
        }
        let memory = shown(&offers, "memory_size");
        assert!(memory.inserted.starts_with("memory_size: "), "{}", memory.inserted);
    }
    let from_another = server.completed("deploy:\n  provider: s3\n  │\n  bucket: b\n");
    assert_eq!(labels(&from_another), [""; 0], "keys are offered for another provider");
}

#[test]
#[ignore = "second tier: needs npm"]
fn values_are_offered_with_what_they_mean() {
    let mut server = Server::start();
    let mut offered = |key: &str, words: &[&str]| {
        let offers = server.completed(&format!("{BEGUN}  {key}: │\n"));
        println!("{key}:");
        for word in words {
            shown(&offers, word);
        }
        let begins_a_stanza = |offer: &Offer| offer.inserted.contains("provider: lambda");
        assert!(
            !offers.iter().any(begins_a_stanza),
            "a whole stanza is offered as a value of `{key}`: {:?}",
            labels(&offers)
        );
    };
    offered("runtime", &["nodejs24.x", "python3.14", "provided.al2023"]);
    offered("region", &["eu-west-1", "us-gov-west-1", "cn-north-1"]);
    offered("tracing_mode", &["Active", "PassThrough"]);
    offered("architectures", &["arm64", "x86_64"]);
    offered("publish", &["true", "false"]);
    offered("symlinks", &["preserve", "follow", "external"]);
    offered("on", &["branches", "tags", "branch and condition"]);
    offered("verify", &["invoke and look for JSON", "invoke and look for a text", "run a command"]);
    offered("traffic", &["10, 50, 100"]);
    offered("function_url", &["signed", "public, for a web page"]);
    offered("logging_config", &["JSON"]);
    let inside = server.completed(&format!("{BEGUN}  on:\n    │\n"));
    println!("inside on:");
    for key in ["branch", "tags", "condition", "all_branches", "repo"] {
        shown(&inside, key);
    }
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_whole_stanza_is_offered_where_one_can_are_and_is_right() {
    let mut server = Server::start();
    let names = ["lambda", "lambda with alias and verify", "lambda from a container image"];
    for place in [
        "deploy:\n  │\n",
        "deploy:\n  - │\n",
        "jobs:\n  include:\n    - stage: deploy\n      deploy:\n        │\n",
    ] {
        let offers = server.completed(place);
        println!("{place:?}");
        for name in names {
            shown(&offers, name);
        }
    }
    // The inserted text must be valid if the user fills in nothing.
    for name in names {
        let offers = server.completed("deploy:\n  │\n");
        let stanza = filled_in(&shown(&offers, name).inserted);
        let file = format!("deploy:\n  {}\n", stanza.replace('\n', "\n  "));
        println!("{file}");
        assert_eq!(server.diagnosed(&file), [], "{file}");
    }
    let misspelt = "deploy:\n  provider: lambda\n  fuction_name: f\n";
    assert_eq!(server.diagnosed(misspelt).len(), 1, "a misspelled key has no diagnostic");
}

/// Returns a snippet with the default values of its placeholders.
fn filled_in(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some((before, behind)) = rest.split_once("${") {
        let (place, after) = behind.split_once('}').expect("a placeholder ends");
        text.push_str(before);
        let value = place.split_once([':', '|']).map_or("", |(_, value)| value);
        text.push_str(value.split([',', '|']).next().unwrap_or_default());
        rest = after;
    }
    text + rest
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_hover_explains_a_key() {
    let mut server = Server::start();
    for (line, needed) in [
        ("memory│_size: 512", &["Memory (MB)", "128 to 32768", "for a new function, 128"][..]),
        (
            "run│time: nodejs22.x",
            &["Required to create a function", "`python3.14`: Python 3.14, supported until"],
        ),
        ("tracing│_mode: Active", &["#### X-Ray tracing\n", "`Active`: Lambda samples"]),
        ("o│n: {branch: main}", &["`master`, never `main`", "branch: [main, release/*]"]),
        ("veri│fy: {command: x}", &["before the alias moves to it", "payload: {ping: true}"]),
        ("skip│_cleanup: true", &["Deprecated", "Leave it out"]),
        ("ali│as: live", &["#### Alias\n", "Implies `publish`"]),
    ] {
        let reported = server.hovered(&format!("{BEGUN}  {line}\n"));
        println!("{line}\n{reported}\n");
        for text in needed {
            assert!(reported.contains(text), "`{text}` is missing: {reported}");
        }
        assert!(
            !reported.contains("||") && !reported.contains("`\"\"`"),
            "the hover shows more than one alternative: {reported}"
        );
    }
}

#[test]
#[ignore = "second tier: needs npm"]
fn what_is_wrong_is_reported_at_its_place() {
    let mut server = Server::start();
    for (lines, line, column, message) in [
        ("  fuction_name: x\n", 5, 3, "Property fuction_name is not allowed."),
        ("  on:\n    branches: x\n", 6, 5, "Property branches is not allowed."),
        ("  timeout: ten\n", 5, 12, "Expected a whole number."),
        ("  timeout: [1]\n", 5, 12, "Expected a whole number."),
        ("  memory_size: 64\n", 5, 16, "Value is below the minimum of 128."),
        ("  publish: perhaps\n", 5, 12, "Expected `true` or `false`."),
        (
            "  description: {a: b, c: d}\n",
            5,
            3,
            "A map of branches is deprecated; write one stanza per branch, with `on.branch`.",
        ),
        ("  tracing_mode: active\n", 5, 17, "Expected `Active` or `PassThrough`."),
        (
            "  role: run\n",
            5,
            9,
            "Expected a value such as `arn:aws:iam::123456789012:role/run`, as documented by AWS.",
        ),
        (
            "  environment:\n    - STAGE\n",
            6,
            7,
            "Expected `NAME=value`; a name has at least two letters, digits and `_`, begins with a letter, \
             and is not reserved.",
        ),
        ("  traffic: [10, 100]\n", 5, 12, "`traffic` requires `alias`."),
        (
            "  image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1\n  runtime: nodejs22.x\n",
            6,
            12,
            "A container image has its own files, runtime and handler; leave `runtime` out.",
        ),
        ("  verify:\n    expcet: {}\n", 6, 5, "Property expcet is not allowed."),
    ] {
        let reported = server.diagnosed(&format!("{BEGUN}{lines}"));
        println!("{lines}{reported:?}");
        assert_eq!(reported, [(line, column, message.to_owned())], "{lines}");
    }
    for right in [
        "  timeout: $LIMIT\n",
        "  runtime: nodejs99.x\n  region: mars-north-1\n",
        "  secret_access_key: {secure: abc}\n",
    ] {
        assert_eq!(server.diagnosed(&format!("{BEGUN}{right}")), [], "{right}");
    }
}

/// Values for the variables of the job that fit every use in the real stanzas.
fn job() -> Value {
    let stanzas =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/real-stanzas.jsonl"));
    let stanzas = stanzas.expect("the file can be read");
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '{';
    let mut env = json!({"TRAVIS_BRANCH": "master", "PATH": &*PATH});
    for part in stanzas.split('$').skip(1) {
        let name: String = part.chars().take_while(|c| is_of_a_name(*c)).filter(|c| *c != '{').collect();
        let value = if name.contains("ROLE") || name.contains("ARN") {
            "arn:aws:iam::123456789012:role/run"
        } else {
            "us-east-1"
        };
        env[name] = json!(value);
    }
    env
}

/// Returns the keys that the program rejects or warns about. Problems that a schema cannot know are left out:
/// those that depend on the job's variables, on files or on AWS.
fn blamed(ended: &PluginOutput) -> BTreeSet<String> {
    let finished = ended.finished();
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let mut reported: Vec<&Value> = warnings.collect();
    reported.extend(finished["error"]["problems"].as_array().into_iter().flatten());
    reported.extend((finished["outcome"] == "failed").then_some(&finished["error"]));
    let known = ["unknown-key", "deprecated", "out-of-range", "lenient-value", "bad-value", "missing-key"];
    // A schema does not say when a runtime is retired.
    reported
        .retain(|one| known.contains(&one["code"].as_str().unwrap_or_default()) && one["at"] != "/runtime");
    let key = |one: &&Value| one["at"].as_str().and_then(|at| at.split('/').nth(1)).map(str::to_owned);
    reported.iter().filter_map(key).collect()
}

/// Returns a stanza as YAML: each key is on its own line, so that the line of a diagnostic identifies its
/// key, and each value is JSON, which is also YAML.
fn as_yaml(stanza: &Value, indent: &str) -> Vec<String> {
    let keys = stanza.as_object().expect("an object").iter();
    keys.map(|(key, value)| {
        format!("{indent}{}: {value}\n", if key == "on" { key.clone() } else { json!(key).to_string() })
    })
    .collect()
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_real_file_has_diagnostics_where_the_program_warns_or_refuses_and_nowhere_else() {
    let mut server = Server::start();
    let env = job();
    let (mut files, mut right, mut blamed_keys) = (0, 0, 0);
    for stanza in real_stanzas() {
        let mut request = decrypted(&stanza);
        if stanza["role"].get("secure").is_some() {
            request["role"] = json!("arn:aws:iam::123456789012:role/decrypted");
        }
        request["env"] = env.clone();
        // Conditions are not tested here; this one is always met.
        request["on"] = json!({"all_branches": true});
        let expected = blamed(&PluginCommand::new(&["check"]).run_on(request.to_string().as_bytes()));
        blamed_keys += expected.len();

        let other = "provider: script\n    script: ./deploy.sh\n    anything: [1]\n";
        let top = "language: node_js\nnode_js:\n  - 22\nbranches: {only: [main]}\n";
        let around = |stanza: &str, indent: &str| format!("\n{indent}- {}", &stanza[indent.len() + 2..]);
        let single = as_yaml(&stanza, "  ").concat();
        let listed = as_yaml(&stanza, "    ").concat();
        let in_job = as_yaml(&stanza, "        ").concat();
        for file in [
            format!("{top}deploy:\n{single}after_deploy: echo done\n"),
            format!("{top}deploy:\n  - {other}{}", &around(&listed, "  ")[1..]),
            format!(
                "{top}jobs:\n  include:\n    - stage: test\n    - stage: deploy\n      deploy:\n{in_job}"
            ),
            format!("{top}matrix:\n  include:\n    - deploy:\n{in_job}"),
        ] {
            let lines: Vec<&str> = file.lines().collect();
            let reported = server.diagnosed(&file);
            let at = |reported: &Diagnostic| {
                let line = lines[reported.0 as usize - 1].trim_start().trim_start_matches("- ");
                line.split(':').next().unwrap_or_default().trim_matches('"').to_owned()
            };
            let found: BTreeSet<String> = reported.iter().map(at).collect();
            assert_eq!(found, expected, "{file}\n{reported:?}");
            files += 1;
            right += reported.len();
        }
    }
    println!(
        "{files} real files, {right} diagnostics on {blamed_keys} keys that the program reports, 0 false alarms"
    );
    assert!(files >= 150 && blamed_keys >= 5, "{files} {blamed_keys}");
}

/// Returns for each instance whether ajv accepts it.
fn ajv(schema: &Value, instances: &[&Value]) -> Vec<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors/ajv.js");
    let mut command = Command::new(node::node());
    let mut child = command
        .arg(script)
        .arg(&*PACKAGES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let question = json!({"schema": schema, "instances": instances}).to_string();
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let mut answer = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut answer).expect("UTF-8");
    writer.join().expect("no panic").expect("ajv.js reads its input");
    assert!(child.wait().expect("the child can be waited for").success(), "ajv rejects the schema");
    serde_json::from_str(&answer).expect("a list of booleans")
}

/// Every stanza of `cases/`, of the examples, and of the collected real stanzas.
fn stanzas() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stanzas = Vec::new();
    let cases = fs::read_dir(root.join("protocol-tests/cases")).expect("the directory exists");
    for path in cases.map(|entry| entry.expect("listed").path()) {
        let case: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("the file can be read")).expect("JSON");
        for run in case["runs"].as_array().expect("runs").iter().filter(|run| run["stdin"].is_object()) {
            let mut stanza = run["stdin"].clone();
            let keys = stanza.as_object_mut().expect("an object");
            keys.remove("env");
            keys.remove("protocol");
            stanzas.push((path.file_name().expect("a name").to_string_lossy().into_owned(), stanza));
        }
    }
    for example in ["node-function", "python-function"] {
        let text = fs::read_to_string(root.join("examples").join(example).join("stanza.json"))
            .expect("the file can be read");
        stanzas.push((example.to_owned(), serde_json::from_str(&text).expect("JSON")));
    }
    stanzas.extend(real_stanzas().into_iter().map(|stanza| ("real".to_owned(), stanza)));
    stanzas
}

#[test]
#[ignore = "second tier: needs npm"]
fn two_validators_are_of_one_mind_about_every_stanza() {
    let stanzas = stanzas();
    let in_file = |stanza: &Value| {
        let mut stanza = stanza.clone();
        stanza["provider"] = json!("lambda");
        json!({"language": "go", "jobs": {"include": [{"deploy": [{"provider": "s3", "acl": 1}, stanza]}]}})
    };
    let files: Vec<Value> = stanzas.iter().map(|(_, stanza)| in_file(stanza)).collect();
    let alone: Vec<&Value> = stanzas.iter().map(|(_, stanza)| stanza).collect();
    for (name, instances) in [
        ("stanza.json", alone.clone()),
        ("request.json", alone),
        ("travis-yml.json", files.iter().collect()),
        ("event.json", Vec::new()),
    ] {
        let schema = committed_schema(name);
        let ours = jsonschema::draft7::new(&schema).expect("a schema");
        let theirs = ajv(&schema, &instances);
        let (mut valid, mut invalid) = (0, 0);
        for ((instance, said), (case, _)) in instances.iter().zip(&theirs).zip(&stanzas) {
            assert_eq!(ours.is_valid(instance), *said, "{name}: {case}: {instance}");
            if *said { valid += 1 } else { invalid += 1 }
        }
        println!("{name}: {valid} valid and {invalid} invalid to both");
        assert!(name == "event.json" || valid > 100, "{name}: {valid}");
        assert!(!["stanza.json", "travis-yml.json"].contains(&name) || invalid > 20, "{name}: {invalid}");
    }
}
