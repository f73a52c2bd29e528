//! Benchmark of a skipped deployment, and of the time until the first call to AWS: `cargo bench --bench
//! start`.
//!
//! It alternates four commands for fifty rounds in one run: `/bin/true`, as the minimum for starting any
//! program; `check` with a stanza that needs no bash; `check` with one that does; and `plan`, until the first
//! byte of its first request reaches a listener on 127.0.0.1. It prints medians and their ratios to
//! `/bin/true`. `DPL_LAMBDA` selects another program.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark starts programs, times them and prints"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;

fn main() {
    let plugin = std::env::var("DPL_LAMBDA").unwrap_or_else(|_| env!("CARGO_BIN_EXE_dpl-lambda").to_owned());
    let plain = r#"{"function_name":"f","env":{"TRAVIS_BRANCH":"dev"}}"#;
    let bash = r#"{"function_name":"f","on":{"condition":"$A = b"},"env":{"TRAVIS_BRANCH":"master","PATH":"/usr/bin:/bin"}}"#;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let file = tempfile::Builder::new().suffix(".js").tempfile().expect("a temporary file");
    let plan = serde_json::json!({
        "function_name": "f", "role": "arn:aws:iam::123456789012:role/run", "runtime": "nodejs22.x", "zip": file.path(),
        "env": {"TRAVIS_BRANCH": "master", "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"},
    });
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed("/bin/true", &[], ""));
        times[1].push(timed(&plugin, &["check"], plain));
        times[2].push(timed(&plugin, &["check"], bash));
        times[3].push(until_asked(&plugin, &plan.to_string(), &listener));
    }
    let [floor, plain, bash, asked] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    });
    println!("/bin/true                      {floor:.2} ms");
    println!("check, skipped without bash    {plain:.2} ms, {:.2} x /bin/true", plain / floor);
    println!("check, skipped by bash         {bash:.2} ms, {:.2} ms more than without", bash - plain);
    println!("plan, until the first request  {asked:.2} ms, {:.2} x /bin/true", asked / floor);
}

/// Returns the time from the start of `plan` to the first byte that reaches the listener. The rest of the run
/// is cut off.
fn until_asked(plugin: &str, input: &str, listener: &TcpListener) -> Duration {
    let began = Instant::now();
    let mut command = Command::new(plugin);
    command.arg("plan").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the program reads its input");
    let (mut connection, _) = listener.accept().expect("the program connects");
    connection.read_exact(&mut [0]).expect("the program sends its request");
    let elapsed = began.elapsed();
    child.kill().expect("the child can be killed");
    child.wait().expect("the child can be waited for");
    elapsed
}

fn timed(program: &str, arguments: &[&str], input: &str) -> Duration {
    let began = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    // `/bin/true` may end before it reads its input.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    assert!(child.wait().expect("the child can be waited for").success());
    began.elapsed()
}
