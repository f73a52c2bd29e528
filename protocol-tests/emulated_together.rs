//! A release of three Python functions on ministack, which runs them. The tests read with boto3 at which
//! version each alias is, and what the function behind it answers.

use std::fs;

use serde_json::{Value, json};

use crate::emulated_scenario::{Scenario, has_failed, shares};
use crate::lists::listed;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::release_fixture::phases;

const FUNCTIONS: [&str; 3] = ["orders", "users", "mails"];

/// Writes the code of each function. It answers with its name and this word; without one it raises an error.
fn write(scenario: &Scenario, words: [Option<&str>; 3]) {
    for (name, word) in FUNCTIONS.iter().zip(words) {
        let end = match word {
            Some(word) => format!("return '{name} {word}'"),
            None => "raise ValueError('no table')".to_owned(),
        };
        let code = format!("def handler(event, context):\n    {end}\n");
        scenario.write_file(&format!("{name}/index.py"), &code);
    }
}

fn run(scenario: &Scenario, arguments: &[&str]) -> PluginOutput {
    let stanza = scenario.with(json!({"release": "shop", "verify": {}}));
    let members = FUNCTIONS.map(|name| json!({"function_name": name, "zip": name}));
    PluginCommand::new(arguments).directory(scenario.directory.path()).run(&listed(&stanza, members))
}

/// What boto3 reads of each function: `orders is at 1, answers "orders first"`.
fn state(scenario: &Scenario) -> String {
    let read = |name: &str| {
        let alias = scenario.boto.reported("get_alias", &json!({"FunctionName": name, "Name": "live"}));
        assert_eq!(shares(&alias), json!({}), "{alias:#}");
        let version = alias["FunctionVersion"].as_str().expect("a number");
        let call = json!({"FunctionName": name, "Qualifier": "live"});
        let answer = scenario.boto.reported("invoke", &call)["Payload"].clone();
        format!("{name} is at {version}, answers {answer}")
    };
    FUNCTIONS.map(read).join("; ")
}

/// Asserts that the run succeeded with this outcome for each function.
#[track_caller]
fn check_deployed(ended: &PluginOutput) {
    assert_eq!((ended.outcome(), ended.outcomes()), ("deployed", vec!["deployed"; 3]), "{}", ended.stdout);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn three_functions_go_live_together_or_not_at_all() {
    let scenario = Scenario::ministack("python3.13");
    for name in FUNCTIONS {
        fs::create_dir(scenario.directory.path().join(name)).expect("made");
    }
    let mut transcript = Vec::new();
    let mut report = |what: &str| transcript.push(format!("{what}: {}", state(&scenario)));
    write(&scenario, [Some("first"); 3]);
    check_deployed(&run(&scenario, &[]));
    report("first");

    write(&scenario, [Some("second"), None, Some("second")]);
    let ended = run(&scenario, &[]);
    has_failed(&ended, "no table");
    assert_eq!(ended.outcomes(), ["stopped", "failed", "stopped"], "{}", ended.stdout);
    assert_eq!(ended.finished()["function_name"], "users", "{}", ended.stdout);
    assert!(!phases(&ended).contains(&"go-live"), "{}", ended.stdout);
    report("one is broken");

    write(&scenario, [Some("second"); 3]);
    let ended = run(&scenario, &[]);
    check_deployed(&ended);
    let before: Vec<&Value> =
        ended.functions().into_iter().map(|function| &function["previous_version"]).collect();
    assert_eq!(before, ["1"; 3], "{}", ended.stdout);
    report("mended");

    check_deployed(&run(&scenario, &["rollback"]));
    report("rolled back");

    transcript.iter().for_each(|line| println!("{line}"));
    let answers = |[orders, users, mails]: [u32; 3], word: &str| {
        format!(
            "orders is at {orders}, answers \"orders {word}\"; users is at {users}, answers \"users {word}\"; \
             mails is at {mails}, answers \"mails {word}\""
        )
    };
    let expected = [
        format!("first: {}", answers([1; 3], "first")),
        format!("one is broken: {}", answers([1; 3], "first")),
        format!("mended: {}", answers([2, 3, 2], "second")),
        format!("rolled back: {}", answers([1; 3], "first")),
    ];
    assert_eq!(transcript, expected);
}
