//! Tests that unusual environment variables change nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use super::*;
use crate::plugin::{program, take_env, variables};

/// The events of a run without durations, and without bash's warnings about a missing locale.
fn reported(ended: &PluginOutput) -> Vec<Value> {
    let mut events = ended.events.clone();
    let is_of_bash =
        |event: &Value| event["stream"] == "stderr" && event["line"].to_string().contains("setlocale");
    events.retain(|event| event["event"] != "progress" && !is_of_bash(event));
    for event in &mut events {
        let event = event.as_object_mut().expect("an object");
        for key in ["duration_ms", "message", "time"] {
            event.remove(key);
        }
    }
    events
}

/// The program with exactly these environment variables.
fn alone_with<'a>(variables: impl IntoIterator<Item = (&'a OsStr, &'a OsStr)>) -> Command {
    let mut command = Command::new(program());
    command.env_clear().envs(variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Usual environment variables with unusual values. An empty name means: no additional variable.
const ODD: [(&str, &str); 33] = [
    ("", ""),
    ("HOME", ""),
    ("HOME", "/nowhere/to/be/found"),
    ("HOME", "relative"),
    ("HOME", "/dev/null"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("LC_ALL", "C"),
    ("LC_ALL", "POSIX"),
    ("LC_ALL", "zh_CN.GB18030"),
    ("LC_ALL", "there is no such language"),
    ("LANG", "../../../../etc/passwd"),
    ("LC_CTYPE", "\u{fffd}"),
    ("LC_NUMERIC", "de_DE"),
    ("LANGUAGE", "tr:de"),
    ("TZ", "Asia/Kathmandu"),
    ("TZ", "Mars/Phobos"),
    ("TZ", ":/etc/passwd"),
    ("TZ", "<-99>99:59:59"),
    ("TZ", ""),
    ("USER", ""),
    ("SHELL", "/bin/false"),
    ("PWD", "/nowhere/to/be/found"),
    ("IFS", "abcdefghijklmnopqrstuvwxyz"),
    ("TERM", "dumb"),
    ("COLUMNS", "0"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_MIN_STACK", "1"),
    ("MALLOC_ARENA_MAX", "0"),
    ("http_proxy", ""),
    ("no_proxy", "*"),
    ("AWS_PROFILE", ""),
    ("A\u{0301}", "\u{202e}\u{1b}[2J"),
];

#[test]
fn odd_variables_of_the_job_change_nothing() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let usual = demanding(&endpoint);
    let deploy = |request: &Value| {
        let nothing: [(&OsStr, &OsStr); 0] = [];
        run_on(alone_with(nothing).current_dir(directory.path()), &bytes(request))
    };
    assert_eq!(deploy(&usual).outcome(), "deployed");
    let unchanged = deploy(&usual);
    assert_eq!(unchanged.outcome(), "unchanged", "{}", unchanged.stdout);
    let expected = reported(&unchanged);
    let mut without_path = usual.clone();
    without_path["env"].as_object_mut().expect("an object").remove("PATH");
    assert_eq!(reported(&deploy(&without_path)), expected, "no PATH");
    for (name, value) in ODD {
        let mut request = usual.clone();
        if !name.is_empty() {
            request["env"][name] = json!(value);
        }
        let mut got = reported(&deploy(&request));
        // Bash's warning about its locale belongs to the job.
        let is_complaint =
            |event: &Value| event["stream"] == "stderr" && event["line"].to_string().contains("setlocale");
        got.retain(|event| !is_complaint(event));
        assert_eq!(got, expected, "{name}={value}");
    }
}

#[test]
fn odd_variables_of_the_process_change_nothing() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let mut request = demanding(&endpoint);
    let env = take_env(&mut request);
    let deploy = |without: &str, name: &OsStr, value: &OsStr| {
        let usual = variables(&env).filter(|(name, _)| *name != without);
        let usual = usual.map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
        let odd = (!name.is_empty()).then_some((name, value));
        run_on(alone_with(usual.chain(odd)).current_dir(directory.path()), &bytes(&request))
    };
    let usually = || deploy("", OsStr::new(""), OsStr::new(""));
    assert_eq!(usually().outcome(), "deployed");
    let unchanged = usually();
    assert_eq!(unchanged.outcome(), "unchanged", "{}", unchanged.stdout);
    let expected = reported(&unchanged);
    assert_eq!(reported(&deploy("PATH", OsStr::new(""), OsStr::new(""))), expected, "no PATH");
    let ours = [
        ("DPL_LAMBDA_CONDITION_TIMEOUT", "soon"),
        ("DPL_LAMBDA_CONDITION_TIMEOUT", "-1"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "soon"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "-1"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "99999999999999999999"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", "4294967295"),
        ("DPL_LAMBDA_INPUT_TIMEOUT", ""),
        ("DPL_LAMBDA_CONDITIONS", "fish"),
        ("DPL_LAMBDA_LOG", "loudly"),
        ("DPL_LAMBDA_FAULT", "none"),
    ];
    for (name, value) in ODD.into_iter().chain(ours) {
        assert_eq!(reported(&deploy("", OsStr::new(name), OsStr::new(value))), expected, "{name}={value}");
    }
    let (name, value) = (OsStr::from_bytes(b"B\xff"), OsStr::from_bytes(b"\xfe\xff"));
    assert_eq!(reported(&deploy("", name, value)), expected, "invalid UTF-8");
}
