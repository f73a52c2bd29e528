//! Checks runs whose runner writes no request or never stops writing, and runs whose runner reads slowly or
//! pauses.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use super::{LIMIT, behind, end_within};
use crate::deployments::{build_directory, request};
use crate::fixture::Fixture;
use crate::identity::recorder::{Answer, Recorder};
use crate::plugin::PluginOutput;

/// The shortest request that ends in `checked`. It does not depend on the branch.
const REQUEST: &[u8] = br#"{"function_name":"f","on":{"all_branches":true}}"#;

/// Starts `check` with this input timeout in seconds. `None`: the default timeout.
fn waiting(seconds: Option<u32>) -> (Child, ChildStdin, Instant) {
    let mut command = behind(":", &["check"]);
    if let Some(seconds) = seconds {
        command.env("DPL_LAMBDA_INPUT_TIMEOUT", seconds.to_string());
    }
    let began = Instant::now();
    let mut child = command.spawn().expect("bash is installed");
    let stdin = child.stdin.take().expect("piped");
    (child, stdin, began)
}

/// Writes until the program stops reading. Returns the number of bytes written.
fn writing(mut stdin: ChildStdin, mut piece: impl FnMut() -> Vec<u8> + Send + 'static) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut written = 0;
        loop {
            let piece = piece();
            if piece.is_empty() || stdin.write_all(&piece).is_err() {
                return written;
            }
            written += piece.len() as u64;
        }
    })
}

#[track_caller]
fn ended_with(code: &str, child: Child, began: Instant) -> PluginOutput {
    let ended = end_within(LIMIT, child, began);
    ended.check(&[]);
    assert_eq!((ended.code(), ended.status.code()), (code, Some(2)), "{}", ended.stdout);
    assert_eq!(ended.events.len(), 2, "{}", ended.stdout);
    ended
}

#[test]
fn an_input_without_an_end_is_refused_once_it_is_too_large() {
    for unit in [" ", "x", "[", "\0", "\u{fffd}", r#"{"a":"#, "1", "\"", "\n"] {
        let (child, stdin, began) = waiting(None);
        let piece = unit.repeat(64 * 1024 / unit.len()).into_bytes();
        // The program may read only a part of the last piece.
        let least = (8 << 20) - piece.len() as u64;
        let writer = writing(stdin, move || piece.clone());
        let ended = ended_with("request-too-large", child, began);
        let written = writer.join().expect("the writer thread does not panic");
        // Beyond the limit, only the bytes that fit into the pipe were written.
        assert!((least..9 << 20).contains(&written), "{written} bytes of {unit:?}");
        assert!(ended.elapsed < Duration::from_secs(30), "{:?} for {unit:?}", ended.elapsed);
    }
}

#[test]
fn an_input_that_says_nothing_is_given_up_in_time() {
    let (child, stdin, began) = waiting(Some(2));
    let ended = ended_with("request-timeout", child, began);
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(12)).contains(&ended.elapsed),
        "{:?}",
        ended.elapsed
    );
    drop(stdin);
}

#[test]
fn an_input_that_drips_is_given_up_in_the_same_time() {
    let (child, stdin, began) = waiting(Some(2));
    let writer = writing(stdin, || {
        sleep(Duration::from_millis(100));
        b" ".to_vec()
    });
    let ended = ended_with("request-timeout", child, began);
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(12)).contains(&ended.elapsed),
        "{:?}",
        ended.elapsed
    );
    let written = writer.join().expect("the writer thread does not panic");
    assert!(written >= 2, "only {written} bytes were written");
}

#[test]
fn an_input_that_stops_in_the_middle_is_given_up_too() {
    let (child, mut stdin, began) = waiting(Some(1));
    stdin.write_all(&REQUEST[..REQUEST.len() - 1]).expect("writable");
    ended_with("request-timeout", child, began);
    drop(stdin);
}

#[test]
fn a_request_that_comes_late_and_in_drops_is_read() {
    let (child, mut stdin, began) = waiting(None);
    let writer = thread::spawn(move || {
        sleep(Duration::from_millis(1500));
        for byte in REQUEST {
            stdin.write_all(&[*byte]).expect("writable");
            sleep(Duration::from_millis(30));
        }
    });
    let ended = end_within(LIMIT, child, began);
    writer.join().expect("the writer thread does not panic");
    ended.check(&[]);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
}

/// Starts the program with non-blocking standard input and output, as an event-driven runner may do.
const IMPATIENT: &str = r#"import os, sys
os.set_blocking(0, False)
os.set_blocking(1, False)
os.execv(sys.argv[1], sys.argv[1:])"#;

/// The program, started through [`IMPATIENT`].
fn impatient(arguments: &[&str]) -> Command {
    behind(&format!("exec python3 -c '{IMPATIENT}' \"$0\" \"$@\""), arguments)
}

#[test]
#[ignore = "second tier: needs Python"]
fn an_input_that_never_waits_is_waited_for() {
    let mut child = impatient(&["check"]).spawn().expect("bash is installed");
    let began = Instant::now();
    let mut stdin = child.stdin.take().expect("piped");
    for part in REQUEST.chunks(10) {
        sleep(Duration::from_millis(200));
        stdin.write_all(part).expect("writable");
    }
    drop(stdin);
    let ended = end_within(LIMIT, child, began);
    ended.check(&[]);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
}

/// The kind of standard output that the program has.
#[derive(Clone, Copy, Debug)]
enum Outlet {
    Pipe,
    /// A non-blocking pipe: a write returns EAGAIN instead of waiting.
    ImpatientPipe,
    /// A non-blocking socket, whose buffer sizes differ from those of a pipe.
    ImpatientSocket,
}

/// Reads one byte per millisecond for 1.5 s, then nothing for 2 s, and then the rest.
fn read_slowly(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let began = Instant::now();
    let mut byte = [0];
    while began.elapsed() < Duration::from_millis(1500) && from.read(&mut byte).expect("readable") == 1 {
        all.push(byte[0]);
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_secs(2));
    from.read_to_end(&mut all).expect("readable");
    all
}

/// Runs a deployment whose `run` command prints more than a pipe holds, and reads its events slowly. Returns
/// the lines of the command.
#[track_caller]
fn lines_read_slowly(outlet: Outlet, run: &str) -> Vec<String> {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    let mut request = request(&endpoint);
    request["run"] = json!(run);
    let mut command = match outlet {
        Outlet::Pipe => behind(":", &[]),
        Outlet::ImpatientPipe | Outlet::ImpatientSocket => impatient(&[]),
    };
    command.current_dir(directory.path()).stderr(Stdio::null());
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    if let Outlet::ImpatientSocket = outlet {
        command.stdout(Stdio::from(OwnedFd::from(theirs)));
    }
    let mut child = command.spawn().expect("bash is installed");
    // The `Command` keeps the other end of the socket open until it is dropped.
    drop(command);
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("writable");
    let outlet_of_child: Box<dyn Read + Send> = match child.stdout.take() {
        Some(pipe) => Box::new(pipe),
        None => Box::new(ours),
    };
    let reader = thread::spawn(move || read_slowly(outlet_of_child));
    let ended = end_within(LIMIT, child, Instant::now());
    let said = String::from_utf8(reader.join().expect("the reader thread does not panic"))
        .expect("events are UTF-8");
    let events: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:.300}: {error}")))
        .collect();
    let last = events.last().expect("events");
    assert_eq!(
        (&last["event"], &last["outcome"]),
        (&json!("finished"), &json!("deployed")),
        "{outlet:?}: {last}"
    );
    assert_eq!(ended.status.code(), Some(0), "{outlet:?}");
    assert!(
        ended.elapsed > Duration::from_secs(3),
        "the run waited for the slow reader: {:?}",
        ended.elapsed
    );
    let output = events.iter().filter(|event| event["event"] == "output");
    output.map(|event| event["line"].as_str().expect("a line").to_owned()).collect()
}

#[test]
#[ignore = "second tier: needs Python"]
fn no_event_is_lost_to_a_slow_reader() {
    thread::scope(|scope| {
        for outlet in [Outlet::Pipe, Outlet::ImpatientPipe, Outlet::ImpatientSocket] {
            scope.spawn(move || {
                let lines = lines_read_slowly(outlet, "seq 1 10000");
                assert!(
                    lines.iter().map(String::as_str).eq((1..=10_000).map(|n| n.to_string())),
                    "{outlet:?}: {} lines",
                    lines.len()
                );
            });
            scope.spawn(move || {
                let long =
                    "for n in {1..40}; do printf \"$n\"; head -c 60000 /dev/zero | tr '\\0' x; echo; done";
                let lines = lines_read_slowly(outlet, long);
                let is_whole = |(index, line): (usize, &String)| {
                    let number = (index + 1).to_string();
                    line.len() == 60_000 + number.len() && line.trim_end_matches('x') == number
                };
                assert!(
                    lines.len() == 40 && lines.iter().enumerate().all(is_whole),
                    "{outlet:?}: {} lines",
                    lines.len()
                );
            });
        }
    });
}

#[test]
fn two_streams_of_a_command_reach_a_slow_reader_whole() {
    let lines = lines_read_slowly(Outlet::Pipe, "seq 1 5000 & seq 10001 15000 >&2; wait");
    let numbers: Vec<u32> = lines.iter().map(|line| line.parse().expect("a number")).collect();
    for range in [1..5001, 10_001..15_001] {
        let from_stream: Vec<u32> = numbers.iter().copied().filter(|number| range.contains(number)).collect();
        assert!(from_stream.into_iter().eq(range), "the lines of each stream are in order");
    }
}

/// True if the system has `/dev/full`, where every write fails.
fn takes_nothing() -> bool {
    Path::new("/dev/full").exists()
}

#[test]
fn an_output_that_takes_nothing_ends_the_run() {
    if !takes_nothing() {
        return;
    }
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    let request = request(&endpoint);
    for (arguments, input) in [
        (&[][..], request.to_string().into_bytes()),
        (&["check"], REQUEST.to_vec()),
        (&["package", "--output", "out.zip"], REQUEST.to_vec()),
        (&["check"], b"{".to_vec()),
    ] {
        let mut command = behind("exec >/dev/full", arguments);
        let ended = super::run_without_check(command.current_dir(directory.path()), &input);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(ended.elapsed < Duration::from_secs(10), "{:?}", ended.elapsed);
    }
    assert!(endpoint.function("f").is_none(), "no step is taken if its event cannot be written");
}

#[test]
fn an_output_that_takes_nothing_is_noticed_before_the_request_comes() {
    if !takes_nothing() {
        return;
    }
    let mut child = behind("exec >/dev/full", &["check"]).spawn().expect("bash is installed");
    let stdin = child.stdin.take().expect("piped");
    let ended = end_within(Duration::from_secs(10), child, Instant::now());
    assert_eq!(ended.status.code(), Some(1), "the run ends without waiting for the request");
    drop(stdin);
}

#[test]
fn what_happens_to_standard_error_changes_nothing() {
    let said = |line: &str, log: &str| {
        let mut command = behind(line, &["check"]);
        let ended = super::run_on(command.env("DPL_LAMBDA_LOG", log), REQUEST);
        assert_eq!(ended.outcome(), "checked", "{line}: {}", ended.stdout);
        ended.with_fixed_time()
    };
    let usual = said(":", "");
    let full = if takes_nothing() { "exec 2>/dev/full" } else { ":" };
    for line in ["exec 2>&-", full, "exec 2</dev/null"] {
        for log in ["", "trace"] {
            assert_eq!(said(line, log), usual, "{line}, log {log:?}");
        }
    }
}

#[test]
fn no_standard_input_is_an_empty_one() {
    for line in ["exec <&-", "exec </dev/null", "exec <&- 2>&-"] {
        let ended = super::run_on(&mut behind(line, &["check"]), b"");
        assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)), "{line}: {}", ended.stdout);
    }
}

#[test]
fn an_input_that_cannot_be_read_is_reported() {
    let directory = build_directory();
    for line in ["exec </", "exec 0>written"] {
        let mut command = behind(line, &["check"]);
        let ended = super::run_on(command.current_dir(directory.path()), b"");
        assert_eq!(ended.status.code(), Some(2), "{line}: {}", ended.stdout);
        assert_eq!(ended.outcome(), "failed", "{line}");
        assert_ne!(ended.code(), "internal", "{line}: {}", ended.stdout);
    }
}

#[test]
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "on other systems the standard library opens it before we can check"
)]
fn a_run_whose_standard_output_is_not_open_does_not_begin() {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    std::fs::write(directory.path().join("f.yml"), "function_name: f\n").expect("writable");
    let standalone = ["--stanza", "f.yml", "--ci", "none", "--format"];
    for (arguments, status) in [
        (vec![], 1),
        ([&standalone[..], &["json"]].concat(), 1),
        ([&standalone[..], &["text"]].concat(), 1),
        (vec!["policy"], 2),
        (vec!["schema", "stanza"], 2),
    ] {
        let mut command = behind("exec >&-", &arguments);
        let input = request(&endpoint).to_string();
        let ended = super::run_without_check(command.current_dir(directory.path()), input.as_bytes());
        assert_eq!(ended.status.code(), Some(status), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("standard output is closed"), "{arguments:?}: {}", ended.stderr);
    }
    assert!(endpoint.calls().is_empty(), "nothing is done if no event can be written");
}

#[test]
fn a_command_of_the_user_learns_of_a_closed_pipe_whatever_the_runner_does() {
    for line in ["trap '' PIPE", "trap - PIPE"] {
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        let directory = build_directory();
        let mut request = request(&endpoint);
        request["run"] = json!("yes | head -n 1; echo \"${PIPESTATUS[0]}\"");
        let mut command = behind(line, &[]);
        let ended = super::run_on(command.current_dir(directory.path()), request.to_string().as_bytes());
        assert_eq!(ended.outcome(), "deployed", "{line}: {}", ended.stdout);
        let lines: Vec<&Value> = ended
            .events
            .iter()
            .filter(|event| event["event"] == "output")
            .map(|event| &event["line"])
            .collect();
        assert_eq!(lines, [&json!("y"), &json!("141")], "{line}");
    }
}

#[test]
fn no_log_line_commands_a_ci() {
    let lambda = Recorder::start(|_| {
        let id = ("x-amzn-requestid", "##vso[task.setvariable variable=x]y".to_owned());
        Answer::Text(200, vec![id], "{}".to_owned())
    });
    let mut fixture = Fixture::new(json!({}));
    fixture.request["env"]["AWS_ENDPOINT_URL"] = json!(lambda.url());
    let ended = fixture.plugin(&[]).env("DPL_LAMBDA_LOG", "debug").run(&fixture.request);
    assert!(ended.stderr.contains("task.setvariable"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("##") && !ended.stdout.contains("##"), "{}{}", ended.stderr, ended.stdout);
}
