//! Benchmark of uploads, compared with AWS's own command line: `cargo bench --bench upload`.
//!
//! It uploads 50 MB in a call to the tests' endpoint, and 230 MB through a bucket to moto. The endpoint is
//! part of this process, so that its memory is not counted. All data is random, so that each packaged byte is
//! also a sent byte. The plugin is measured twice: with a directory that it packages, and with the same
//! archive as the peer. The benchmark runs five rounds, alternates the programs, and prints medians. Each
//! round has a new endpoint, so that every round uploads.
//!
//! Needs Python 3 and PyPI, which provides awscli and moto. `BENCH_UPLOAD=call` or `bucket` selects one.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, starts programs and prints"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use measured::{Run, median};

#[path = "measured.rs"]
mod measured;
#[path = "peer.rs"]
mod peer;
#[path = "../tools.rs"]
mod tools;

const ROUNDS: usize = 5;
const BUCKET: &str = "packages";
const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests");
const PLUGIN: &str = env!("CARGO_BIN_EXE_dpl-lambda");

/// The measured programs, in the order of each round. The peer is last: the ratios are relative to it.
const PROGRAMS: [&str; 3] = ["dpl-lambda, directory", "dpl-lambda, archive", "aws, archive"];

fn main() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-upload");
    fs::create_dir_all(&scratch).expect("created");
    let aws = peer::aws();
    let wanted = std::env::var("BENCH_UPLOAD").unwrap_or_default();
    if wanted.is_empty() || wanted == "call" {
        package(&scratch, "call", 50_000_000);
        compare("50 MB in a call", || in_a_call(&scratch, &aws));
    }
    if wanted.is_empty() || wanted == "bucket" {
        package(&scratch, "bucket", 230_000_000);
        let python = tools::python(&Path::new(HERE).join("emulators/requirements.txt"), "emulators");
        compare("230 MB through a bucket", || through_a_bucket(&scratch, &python, &aws));
    }
    // Generating more than half a gigabyte of random data again takes only seconds.
    fs::remove_dir_all(&scratch).expect("removed");
}

/// Creates a directory with ten files of random data, and its archive.
fn package(scratch: &Path, name: &str, bytes: usize) {
    let tree = scratch.join(name);
    fs::create_dir_all(&tree).expect("created");
    for number in 0..10 {
        let noise = peer::noise(bytes / 10, number + 1);
        fs::write(tree.join(format!("noise{number}.bin")), noise).expect("written");
    }
    fs::write(scratch.join("request.json"), json!({"function_name": "f", "zip": name}).to_string())
        .expect("written");
    let archive = format!("{name}.zip");
    measured::run(scratch, &[PLUGIN, "package", "--output", &archive], &[]);
}

/// One round: a run of each program.
type Round = [Run; PROGRAMS.len()];

fn compare(title: &str, round: impl Fn() -> Round) {
    let rounds: Vec<Round> = (0..ROUNDS).map(|_| round()).collect();
    let medians: Vec<Run> = (0..PROGRAMS.len())
        .map(|program| median(&rounds.iter().map(|round| round[program]).collect::<Vec<_>>()))
        .collect();
    let peer = medians[PROGRAMS.len() - 1];
    println!("{title}");
    for (name, run) in PROGRAMS.iter().zip(medians) {
        println!(
            "  {name:<22} {:>7.3} s wall, {:>7.3} s CPU, {:>6.1} MiB peak, {:.2} x aws's speed, {:.2} of its memory",
            run.wall,
            run.cpu,
            run.peak / 1048576.0,
            peer.wall / run.wall,
            run.peak / peer.peak,
        );
    }
}

fn in_a_call(scratch: &Path, aws: &Path) -> Round {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    for name in ["directory", "archive", "peer"] {
        endpoint
            .seed(json!({"FunctionName": name, "Role": ROLE, "Runtime": "nodejs22.x", "Handler": "index.handler"}))
            .expect("AWS would create it");
    }
    let account = Account { url: endpoint.url() };
    let aws = format!(
        "{} lambda update-function-code --function-name peer --zip-file fileb://call.zip",
        aws.display()
    );
    let round = [
        account.deploy(scratch, json!({"function_name": "directory", "zip": "call"})),
        account.deploy(scratch, json!({"function_name": "archive", "zip": "call.zip"})),
        account.measure(scratch, &["sh", "-c", &aws]),
    ];
    let updates = endpoint.calls().into_iter().filter(|call| call.operation == "UpdateFunctionCode");
    assert_eq!(
        updates.filter(|call| call.code_bytes > 50_000_000).count(),
        PROGRAMS.len(),
        "each program must upload"
    );
    round
}

fn through_a_bucket(scratch: &Path, python: &Path, aws: &Path) -> Round {
    let moto = Moto::start(python);
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    moto.ask("iam", "create_role", &json!({"RoleName": "run", "AssumeRolePolicyDocument": trust}));
    moto.ask("s3", "create_bucket", &json!({"Bucket": BUCKET}));
    let account = Account { url: moto.url.clone() };
    for name in ["directory", "archive", "peer"] {
        fs::write(scratch.join("index.js"), "// to be updated\n").expect("written");
        account.deploy(
            scratch,
            json!({"function_name": name, "zip": "index.js", "role": ROLE, "runtime": "nodejs22.x",
                "handler_name": "handler"}),
        );
    }
    let aws = aws.display();
    let aws = format!(
        "{aws} s3 cp --quiet bucket.zip s3://{BUCKET}/peer.zip && \
         {aws} lambda update-function-code --function-name peer --s3-bucket {BUCKET} --s3-key peer.zip"
    );
    let round = [
        account.deploy(scratch, json!({"function_name": "directory", "zip": "bucket", "s3_bucket": BUCKET})),
        account
            .deploy(scratch, json!({"function_name": "archive", "zip": "bucket.zip", "s3_bucket": BUCKET})),
        account.measure(scratch, &["sh", "-c", &aws]),
    ];
    let held = moto.ask("s3", "list_objects_v2", &json!({"Bucket": BUCKET}));
    assert_eq!(held["KeyCount"], json!(PROGRAMS.len()), "each program must upload: {held}");
    round
}

/// An account at an endpoint.
struct Account {
    url: String,
}

impl Account {
    /// Runs the plugin with a stanza and measures it.
    fn deploy(&self, scratch: &Path, mut stanza: Value) -> Run {
        stanza["env"] = json!({"TRAVIS_BRANCH": "master"});
        for (name, value) in peer::env(&self.url) {
            stanza["env"][name] = json!(value);
        }
        fs::write(scratch.join("request.json"), stanza.to_string()).expect("written");
        self.measure(scratch, &[PLUGIN])
    }

    /// Runs a program that uploads and measures it.
    fn measure(&self, scratch: &Path, command: &[&str]) -> Run {
        measured::run(scratch, command, &peer::env(&self.url))
    }
}

/// A server that ends when this value is dropped.
struct Moto {
    python: PathBuf,
    child: Child,
    url: String,
}

impl Moto {
    fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        command.arg(Path::new(HERE).join("emulators/serve_moto.py"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("the script prints its port");
        Moto { python: python.to_owned(), child, url: format!("http://127.0.0.1:{}", port.trim()) }
    }

    fn ask(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        let mut command = Command::new(&self.python);
        command.arg(Path::new(HERE).join("emulators/ask.py"));
        command.args([self.url.as_str(), &json!([[service, operation, arguments]]).to_string()]);
        let output = command.output().expect("Python starts");
        assert!(output.status.success(), "{operation}: {}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        answers.into_iter().next().expect("one answer")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
