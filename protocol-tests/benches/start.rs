//! What a skipped deployment costs: `cargo bench --bench start`.
//!
//! Three commands in turn, fifty rounds, one run: `/bin/true` as the floor of what starting any program costs, `check`
//! on a stanza that needs no bash, and `check` on one that does. Medians, and their ratios to `/bin/true`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark starts programs, times them and prints"
)]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;

fn main() {
    let plugin = env!("CARGO_BIN_EXE_dpl-lambda");
    let plain = r#"{"function_name":"f","env":{"TRAVIS_BRANCH":"dev"}}"#;
    let bash =
        r#"{"function_name":"f","on":{"condition":"$A = b"},"env":{"TRAVIS_BRANCH":"master","PATH":"/usr/bin:/bin"}}"#;
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed("/bin/true", &[], ""));
        times[1].push(timed(plugin, &["check"], plain));
        times[2].push(timed(plugin, &["check"], bash));
    }
    let [floor, plain, bash] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    });
    println!("/bin/true                      {floor:.2} ms");
    println!("check, skipped without bash    {plain:.2} ms, {:.2} x /bin/true", plain / floor);
    println!("check, skipped by bash         {bash:.2} ms, {:.2} ms more than without", bash - plain);
}

fn timed(program: &str, arguments: &[&str], input: &str) -> Duration {
    let began = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("starts");
    // `/bin/true` may have ended before it could read anything.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    assert!(child.wait().expect("ends").success());
    began.elapsed()
}
