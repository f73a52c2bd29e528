//! What people see in an editor: the real `yaml-language-server` is asked over LSP, as VS Code and others ask it.
//!
//! It comes from npm, pinned in `editors/package-lock.json`, into a directory under `target/`. A second validator, `ajv`,
//! is held against the schemas, too.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::fixture::PATH;
use crate::node;
use crate::plugin::{Ended, Plugin};
use crate::schemas::committed;
use crate::stanzas::{decrypted, real_stanzas};

static PACKAGES: LazyLock<PathBuf> =
    LazyLock::new(|| node::npm_packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors")));

/// No answer may take longer; a server on a busy machine starts in some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A language server that knows our schema as the one of every `.travis.yml`. It ends with us.
struct Server {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    settings: Value,
    /// Diagnostics that have come, by document.
    published: Map<String, Value>,
    count: u32,
}

/// A diagnostic: line and column, counted from 1 as people see them, and what it says.
type Told = (u64, u64, String);

impl Server {
    fn start() -> Self {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/travis-yml.json");
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
        server.tell("initialized", json!({}));
        let settings = server.settings.clone();
        server.tell("workspace/didChangeConfiguration", json!({"settings": settings}));
        // It answers without a schema until it has asked for its settings.
        let until = Instant::now() + PATIENCE;
        while server.diagnosed("deploy: {provider: lambda, fuction_name: f}\n").is_empty() {
            assert!(Instant::now() < until, "the language server does not take our schema");
        }
        server
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server is there");
        self.stdin.flush().expect("the server is there");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Takes one message; answers what the server asks, and keeps the diagnostics.
    fn take(&mut self, until: Instant) -> Value {
        let message = match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("the language server says nothing for {PATIENCE:?}"),
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
                let sections: Vec<Value> =
                    items.map(|item| self.settings[item["section"].as_str().unwrap_or_default()].clone()).collect();
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
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.take(until);
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// Opens a document and returns its name.
    fn open(&mut self, text: &str) -> String {
        self.count += 1;
        let uri = format!("file:///build/{}/.travis.yml", self.count);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
        uri
    }

    /// Everything that is wrong with a document.
    fn diagnosed(&mut self, text: &str) -> Vec<Told> {
        let uri = self.open(text);
        let until = Instant::now() + PATIENCE;
        while !self.published.contains_key(&uri) {
            self.take(until);
        }
        let told = self.published[&uri].as_array().expect("a list").clone();
        self.tell("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
        let number = |value: &Value| value.as_u64().expect("a number") + 1;
        told.iter()
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

    /// Asks about the place in a document that `│` marks.
    fn asked_at(&mut self, method: &str, marked: &str) -> Value {
        let (before, behind) = marked.split_once('│').expect("a place is marked");
        let uri = self.open(&format!("{before}{behind}"));
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap_or_default().chars().count();
        self.ask(method, json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}))
    }

    fn completed(&mut self, marked: &str) -> Vec<Offer> {
        let answer = self.asked_at("textDocument/completion", marked);
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().or(value["value"].as_str()).unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| {
                let inserted = text(item.get("textEdit").map_or(&item["insertText"], |edit| &edit["newText"]));
                Offer { label: text(&item["label"]), told: text(&item["documentation"]), inserted }
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

/// One line of what an editor offers.
struct Offer {
    label: String,
    told: String,
    inserted: String,
}

/// One message of LSP; `None` at the end.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// A stanza's beginning, in a file with other keys.
const BEGUN: &str = "language: node_js\ndeploy:\n  provider: lambda\n  function_name: hello\n";

fn labels(offers: &[Offer]) -> Vec<&str> {
    offers.iter().map(|offer| offer.label.as_str()).collect()
}

/// The offer of this label, printed.
#[track_caller]
fn shown<'a>(offers: &'a [Offer], label: &str) -> &'a Offer {
    let offer = offers.iter().find(|offer| offer.label == label);
    let offer = offer.unwrap_or_else(|| panic!("`{label}` is not among {:?}", labels(offers)));
    println!("  {label:30} {}", offer.told.lines().next().unwrap_or_default());
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
            assert!(offer.told.len() > 30, "{key}: {}", offer.told);
        }
        for key in ["skip_cleanup", "edge", "true", "environment_variables"] {
            assert!(!labels(&offers).contains(&key), "{key} is offered");
        }
        let memory = shown(&offers, "memory_size");
        assert!(memory.inserted.starts_with("memory_size: "), "{}", memory.inserted);
    }
    let of_another = server.completed("deploy:\n  provider: s3\n  │\n  bucket: b\n");
    assert_eq!(labels(&of_another), [""; 0], "another provider's stanza is not ours to complete");
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
        assert!(!offers.iter().any(begins_a_stanza), "a whole stanza is no value of `{key}`: {:?}", labels(&offers));
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
fn a_whole_stanza_is_offered_where_one_can_stand_and_is_right() {
    let mut server = Server::start();
    let names = ["lambda", "lambda with alias and verify", "lambda from a container image"];
    for place in
        ["deploy:\n  │\n", "deploy:\n  - │\n", "jobs:\n  include:\n    - stage: deploy\n      deploy:\n        │\n"]
    {
        let offers = server.completed(place);
        println!("{place:?}");
        for name in names {
            shown(&offers, name);
        }
    }
    // What is inserted, as it is when nobody fills it in.
    for name in names {
        let offers = server.completed("deploy:\n  │\n");
        let stanza = filled_in(&shown(&offers, name).inserted);
        let file = format!("deploy:\n  {}\n", stanza.replace('\n', "\n  "));
        println!("{file}");
        assert_eq!(server.diagnosed(&file), [], "{file}");
    }
    let misspelt = "deploy:\n  provider: lambda\n  fuction_name: f\n";
    assert_eq!(server.diagnosed(misspelt).len(), 1, "such a file would have been found out");
}

/// A snippet whose places keep what stands in them.
fn filled_in(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some((before, behind)) = rest.split_once("${") {
        let (place, after) = behind.split_once('}').expect("a place ends");
        text.push_str(before);
        let value = place.split_once([':', '|']).map_or("", |(_, value)| value);
        text.push_str(value.split([',', '|']).next().unwrap_or_default());
        rest = after;
    }
    text + rest
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_hover_tells_what_a_key_means() {
    let mut server = Server::start();
    for (line, needed) in [
        ("memory│_size: 512", &["Memory (MB)", "128 to 32768", "for a new function, 128"][..]),
        ("run│time: nodejs22.x", &["Required to create a function", "`python3.14`: Python 3.14, supported until"]),
        ("tracing│_mode: Active", &["#### X-Ray tracing\n", "`Active`: Lambda samples"]),
        ("o│n: {branch: main}", &["`master`, never `main`", "branch: [main, release/*]"]),
        ("veri│fy: {command: x}", &["before the alias moves to it", "payload: {ping: true}"]),
        ("skip│_cleanup: true", &["Deprecated", "Leave it out"]),
        ("ali│as: live", &["#### Alias\n", "Implies `publish`"]),
    ] {
        let told = server.hovered(&format!("{BEGUN}  {line}\n"));
        println!("{line}\n{told}\n");
        for text in needed {
            assert!(told.contains(text), "`{text}` is missing: {told}");
        }
        assert!(!told.contains("||") && !told.contains("`\"\"`"), "more than one alternative is told: {told}");
    }
}

#[test]
#[ignore = "second tier: needs npm"]
fn what_is_wrong_is_told_at_its_place() {
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
        ("  role: run\n", 5, 9, "AWS documents values that begin with `arn:`."),
        (
            "  environment:\n    - STAGE\n",
            6,
            7,
            "Expected `NAME=value`; a name has only letters, digits and `_`, and begins with a letter.",
        ),
        ("  traffic: [10, 100]\n", 5, 12, "`traffic` requires `alias`."),
        (
            "  image_uri: x\n  runtime: nodejs22.x\n",
            6,
            12,
            "A container image has its own files, runtime and handler; leave `runtime` out.",
        ),
        ("  verify:\n    expcet: {}\n", 6, 5, "Property expcet is not allowed."),
    ] {
        let told = server.diagnosed(&format!("{BEGUN}{lines}"));
        println!("{lines}{told:?}");
        assert_eq!(told, [(line, column, message.to_owned())], "{lines}");
    }
    for right in [
        "  timeout: $LIMIT\n",
        "  runtime: nodejs99.x\n  region: mars-north-1\n",
        "  secret_access_key: {secure: abc}\n",
    ] {
        assert_eq!(server.diagnosed(&format!("{BEGUN}{right}")), [], "{right}");
    }
}

/// The values of the job's variables that fit wherever a real stanza has one.
fn job() -> Value {
    let stanzas = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/real-stanzas.jsonl"));
    let stanzas = stanzas.expect("read");
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

/// The keys of a stanza that the program refuses or warns about, as far as a schema can know: not what the job's variables,
/// its files or AWS make of them.
fn blamed(ended: &Ended) -> BTreeSet<String> {
    let finished = ended.finished();
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let mut told: Vec<&Value> = warnings.collect();
    told.extend(finished["error"]["problems"].as_array().into_iter().flatten());
    told.extend((finished["outcome"] == "failed").then_some(&finished["error"]));
    let known = ["unknown-key", "deprecated", "out-of-range", "lenient-value", "bad-value", "missing-key"];
    // How long a runtime lasts, a schema does not tell.
    told.retain(|one| known.contains(&one["code"].as_str().unwrap_or_default()) && one["at"] != "/runtime");
    let key = |one: &&Value| one["at"].as_str().and_then(|at| at.split('/').nth(1)).map(str::to_owned);
    told.iter().filter_map(key).collect()
}

/// A stanza as YAML. JSON is YAML, and one key a line tells where a diagnostic belongs.
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
        // Conditions are not what is asked for here: nothing is skipped.
        request["on"] = json!({"all_branches": true});
        let expected = blamed(&Plugin::new(&["check"]).run_on(request.to_string().as_bytes()));
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
            format!("{top}jobs:\n  include:\n    - stage: test\n    - stage: deploy\n      deploy:\n{in_job}"),
            format!("{top}matrix:\n  include:\n    - deploy:\n{in_job}"),
        ] {
            let lines: Vec<&str> = file.lines().collect();
            let told = server.diagnosed(&file);
            let at = |told: &Told| {
                let line = lines[told.0 as usize - 1].trim_start().trim_start_matches("- ");
                line.split(':').next().unwrap_or_default().trim_matches('"').to_owned()
            };
            let found: BTreeSet<String> = told.iter().map(at).collect();
            assert_eq!(found, expected, "{file}\n{told:?}");
            files += 1;
            right += told.len();
        }
    }
    println!("{files} real files, {right} diagnostics on {blamed_keys} keys that the program blames, 0 false alarms");
    assert!(files >= 150 && blamed_keys >= 5, "{files} {blamed_keys}");
}

/// What ajv says of each instance.
fn ajv(schema: &Value, instances: &[&Value]) -> Vec<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors/ajv.js");
    let mut command = Command::new(node::node());
    let mut child =
        command.arg(script).arg(&*PACKAGES).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let question = json!({"schema": schema, "instances": instances}).to_string();
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let mut answer = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut answer).expect("UTF-8");
    writer.join().expect("does not panic").expect("it reads all");
    assert!(child.wait().expect("ends").success(), "ajv does not take the schema");
    serde_json::from_str(&answer).expect("a list of booleans")
}

/// Every stanza of `cases/`, of the examples and of real life.
fn stanzas() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stanzas = Vec::new();
    let cases = fs::read_dir(root.join("protocol-tests/cases")).expect("there are cases");
    for path in cases.map(|entry| entry.expect("listed").path()) {
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).expect("JSON");
        for run in case["runs"].as_array().expect("runs").iter().filter(|run| run["stdin"].is_object()) {
            let mut stanza = run["stdin"].clone();
            let keys = stanza.as_object_mut().expect("an object");
            keys.remove("env");
            keys.remove("protocol");
            stanzas.push((path.file_name().expect("a name").to_string_lossy().into_owned(), stanza));
        }
    }
    for example in ["node-function", "python-function"] {
        let text = fs::read_to_string(root.join("examples").join(example).join("stanza.json")).expect("read");
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
        let schema = committed(name);
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
