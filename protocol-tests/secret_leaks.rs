//! Tests for leaked secrets: each request has a secret in every place that can hold one. No secret may occur,
//! in any form, in what the program prints, starts or leaves behind. Text that is not a secret must stay
//! unchanged.
//!
//! `CANARY=part-of-a-name` selects scenarios: `CANARY="a condition"`.

mod aws;
mod cases;
mod commands;
mod conditions;
mod credentials;
mod functions;
mod harness;
mod observers;
mod ordinary;
mod requests;
mod scanner;
mod scenario;
mod secrets;
mod services;

use serde_json::json;

use crate::fixture::problems;
use harness::Stage;
use observers::EventSink;
use scenario::Scenario;
use secrets::secret;

/// The runs mostly wait, so there can be more threads than processors.
const THREADS: usize = 12;

/// Runs every scenario. Returns those that failed.
fn play(scenarios: &[Scenario], observers: &EventSink) -> Vec<String> {
    let mut wrong = Vec::new();
    observers.watching(|| {
        wrong = problems(
            scenarios,
            THREADS,
            |scenario| scenario.name.clone(),
            |Scenario { name, act }| {
                act(&mut Stage::new(name, observers));
                Ok(())
            },
        );
    });
    wrong
}

/// Fails for every leak, and for every scenario that failed.
#[track_caller]
fn check(mut scenarios: Vec<Scenario>) {
    let wanted = std::env::var("CANARY").unwrap_or_default();
    scenarios.retain(|scenario| scenario.name.contains(&wanted));
    let observers = EventSink::new();
    let wrong = play(&scenarios, &observers);
    wrong.iter().for_each(|wrong| println!("WRONG {wrong}"));
    observers.conclude();
    assert!(wrong.is_empty(), "{} scenarios failed", wrong.len());
}

#[test]
#[ignore = "second tier: long"]
fn no_secret_is_shown_by_any_run() {
    let mut scenarios = aws::scenarios();
    for more in [
        cases::scenarios(),
        commands::scenarios(),
        functions::scenarios(),
        credentials::scenarios(),
        conditions::scenarios(),
        requests::scenarios(),
    ] {
        scenarios.extend(more);
    }
    check(scenarios);
}

#[test]
fn a_secret_is_masked_in_the_middle_of_a_word() {
    const COMMANDS: [(&str, &str); 1] = [(
        "concatenated secrets",
        "echo \"v$GITHUB_TOKEN\" \"${DB_PASSWORD}2\"; printf '%s' \"$GITHUB_TOKEN\" \"$DB_PASSWORD\" \"$AWS_SESSION_TOKEN\"",
    )];
    let mut scenarios: Vec<Scenario> = commands::printing(&COMMANDS).collect();
    scenarios.push(Scenario::new("substituted into a word", |stage| {
        stage.say(json!({"description": "v${GITHUB_TOKEN}2", "alias": "live", "run": ["true"]}));
        stage.run_each(&[&["check"], &["plan"], &["deploy"]]);
        stage.say(json!({"zip": "v${GITHUB_TOKEN}2", "timeout": "1${DB_PASSWORD}s"}));
        stage.run_each(&[&["check"], &["deploy"]]);
    }));
    check(scenarios);
}

#[test]
fn a_secret_that_others_have_encoded_is_masked() {
    const COMMANDS: [(&str, &str); 2] = [
        (
            "base64",
            "printf '%s' \"$GITHUB_TOKEN\" | base64 -w 0; echo; printf 'user:%s' \"$DB_PASSWORD\" | base64 -w 0; echo",
        ),
        ("the password of an address", "rest=${DATABASE_PASSWORD_URL#*://*:}; echo \"${rest%%@*}\""),
    ];
    let mut scenarios: Vec<Scenario> = commands::printing(&COMMANDS).collect();
    let token = secret("GITHUB_TOKEN");
    let percents: String = token
        .bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    let address = format!("GET https://example.invalid/?token={percents}&x=1");
    scenarios.push(functions::logging("an address", vec![address]));
    let basic = base64_simd::STANDARD.encode_to_string(format!("user:{token}"));
    scenarios.push(functions::logging("a header", vec![format!("Authorization: Basic {basic}")]));
    check(scenarios);
}

/// A command leaks a secret that the program does not know, in every way in which the program itself must
/// not.
#[test]
fn the_observers_finds_what_is_shown_on_purpose() {
    let ways = [
        ("it is printed", "echo \"printed $SHOWN\"", "standard output of ``"),
        ("it is an argument", "/bin/sh -c 'sleep 1; exit' \"$SHOWN\"", "arguments of a process"),
        ("it is an argument of git", "git rev-parse \"$SHOWN\" 2>/dev/null; true", "arguments of a child"),
        (
            "it is in a temporary file",
            "echo \"for now $SHOWN\" >\"$TMPDIR/x\"; sleep 1; rm \"$TMPDIR/x\"",
            "a temporary file",
        ),
        ("it is in an open file", "(echo \"open $SHOWN\"; sleep 1) >x; rm x", "a file that is open"),
        ("it is in a file that stays", "echo \"kept $SHOWN\" >kept", "the file build/kept of ``"),
        ("a temporary file is left", ": >\"$TMPDIR/left\"", "temporary files"),
    ];
    let scenario = |(name, command, _): (&str, &'static str, &str)| {
        Scenario::new(name, move |stage| {
            stage.request["env"]["SHOWN"] = json!(secret("of others"));
            stage.say(json!({"run": [command]}));
            assert_eq!(stage.run(&[]).outcome(), "deployed");
        })
    };
    let observers = EventSink::new();
    assert_eq!(play(&ways.map(scenario), &observers), [""; 0]);
    let found = observers.found();
    for (name, _, place) in ways {
        // Only the first place of a leak is reported: a permanent file may be seen while a process writes it.
        let is_place = |its: &str| {
            its == place || (name == "it is in a file that stays" && its == "a file that is open")
        };
        let is_found = |(scenario, its): &(String, String)| {
            is_place(its) && [name, "any scenario"].contains(&scenario.as_str())
        };
        assert!(found.iter().any(is_found), "{name}: {found:?}");
    }
}
