//! Tests invalid input on standard input: `hello`, then one `finished`, and exit status 2.

use std::time::Duration;

use serde_json::json;

use crate::deployments::noise;
use crate::plugin::{PluginCommand, PluginOutput};

/// Checks that the program refuses this input with this code and writes exactly two events.
#[track_caller]
fn refused(input: &[u8], code: &str) -> PluginOutput {
    let ended = PluginCommand::new(&[]).run_on(input);
    assert_eq!((ended.code(), ended.status.code()), (code, Some(2)), "{}", ended.stdout);
    assert_eq!(ended.events.len(), 2, "{}", ended.stdout);
    assert!(ended.elapsed < Duration::from_secs(20), "{:?}", ended.elapsed);
    ended
}

#[test]
fn what_is_no_json_is_reported_with_its_place() {
    let ended = refused(b"{", "bad-json");
    let message = ended.finished()["error"]["message"].as_str().expect("a string");
    assert!(message.contains("line 1, column 1"), "{message}");
    refused(b"", "bad-json");
    refused(b" \n\t ", "bad-json");
    refused(b"nonsense", "bad-json");
    refused(&noise(200 * 1024), "bad-json");
    refused(b"{\"a\":\"\xff\xfe\"}", "bad-json");
    refused(b"{\"a\":\"\\ud800\"}", "bad-json");
    refused(b"{\"a\":1e999}", "bad-json");
    refused(b"{\"a\":\0}", "bad-json");
    refused(&vec![b'['; 100_000], "bad-json");
}

#[test]
fn json_that_is_no_request_is_reported_as_that() {
    for text in ["[]", "7", "\"deploy\"", "null", "true"] {
        refused(text.as_bytes(), "bad-request");
    }
    refused(br#"{"env":{"A":1}}"#, "bad-request");
    refused(br#"{"protocol":2,"env":7}"#, "unsupported-protocol");
    refused(br#"{"a":1,"a":2}"#, "duplicate-key");
}

#[test]
fn a_hundred_megabytes_are_refused_without_being_held() {
    let mut large = br#"{"a":""#.to_vec();
    large.resize(100 * 1024 * 1024, b'x');
    refused(&large, "request-too-large");
}

#[test]
fn a_request_cut_anywhere_is_no_request() {
    let whole =
        json!({"function_name": "f", "environment": {"A": "ü"}, "env": {"TRAVIS_BRANCH": "x"}}).to_string();
    for end in 0..whole.len() {
        refused(&whole.as_bytes()[..end], "bad-json");
    }
}

#[test]
fn a_wrong_command_line_is_reported_as_an_event_and_on_standard_error() {
    for arguments in [&["bogus"][..], &["deploy", "--bogus"], &["package"]] {
        let ended = PluginCommand::new(arguments).run_on(b"{}");
        assert_eq!((ended.code(), ended.status.code()), ("bad-arguments", Some(2)));
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn a_document_command_that_fails_prints_nothing_on_standard_output() {
    for arguments in [
        &["schema"][..],
        &["schema", "bogus"],
        &["schema", "stanza", "more"],
        &["schema", "event", "--editor"],
        &["completions"],
        &["completions", "tcsh"],
        &["manual", "more"],
    ] {
        let output = std::process::Command::new(crate::plugin::program())
            .args(arguments)
            .output()
            .expect("can be started");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    }
}

#[test]
fn help_and_version_are_as_everywhere() {
    for (argument, text) in [("--help", "Usage: dpl-lambda"), ("--version", "dpl-lambda ")] {
        let output = std::process::Command::new(crate::plugin::program())
            .arg(argument)
            .output()
            .expect("can be started");
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(text));
    }
}
