//! Starts the language server, and sends it the requests of an editor.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::node;

pub(super) static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    node::npm_packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors"))
});

/// The timeout of an answer. On a busy machine the server takes some seconds to start.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// A language server that applies our schema to every `.travis.yml`. It ends when this value is dropped.
pub(super) struct Server {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    settings: Value,
    /// The received diagnostics, by document.
    published: Map<String, Value>,
    count: u32,
}

/// A diagnostic: line and column, both counted from 1, and the message.
pub(super) type Diagnostic = (u64, u64, String);

impl Server {
    pub(super) fn start() -> Self {
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
    pub(super) fn diagnosed(&mut self, text: &str) -> Vec<Diagnostic> {
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

    pub(super) fn completed(&mut self, marked: &str) -> Vec<Offer> {
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

    pub(super) fn hovered(&mut self, marked: &str) -> String {
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
pub(super) struct Offer {
    pub(super) label: String,
    pub(super) reported: String,
    pub(super) inserted: String,
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
