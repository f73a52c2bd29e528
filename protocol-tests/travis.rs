//! Runs the differential test in `travis/`: evaluates conditions with the program and with a reference that
//! uses real bash. Also compares the results of `if` with those of Travis's own evaluator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use dpl_lambda::testing::{Facts, Variable, Verdict, evaluate_travis_if};
use serde_json::{Value, json};

use crate::plugin::program;

/// The number of cases. They take about half a minute on two cores.
const COUNT: &str = "3000";

fn differ(way: Option<&str>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/travis/differential.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--count", COUNT]).env("DPL_LAMBDA", program());
    if let Some(way) = way {
        command.env("DPL_LAMBDA_CONDITIONS", way);
    }
    let output = command.output().unwrap_or_else(|error| panic!("cannot start python3: {error}"));
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{reported}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = reported.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("{COUNT} cases")) && last.ends_with("; 0 mismatches"), "{last}");
    println!("{last}");
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn every_verdict_is_traviss() {
    differ(None);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn every_verdict_is_traviss_when_bash_judges_plain_words_too() {
    differ(Some("bash"));
}

/// The result for a row of `travis-if.jsonl`, in its words.
fn result_of(row: &Value) -> Value {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let data = row["data"].as_object().expect("an object");
    let mut facts = Facts { is_complete: true, ..Facts::default() };
    for (name, value) in data {
        if name == "env" {
            let env = value.as_object().expect("an object");
            facts.env = env.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            continue;
        }
        let variable = Variable::ALL.into_iter().find(|variable| variable.name() == name);
        facts.variables.insert(variable.expect("a variable"), Some(text(value)));
    }
    match evaluate_travis_if(row["if"].as_str().expect("a text"), &facts) {
        Ok(Verdict::Met) => json!(true),
        Ok(Verdict::NotMet) => json!(false),
        Ok(Verdict::Unknown { what }) => json!(what),
        Err(_) => json!("error"),
    }
}

/// `TRAVIS_IF` names another file with rows.
#[test]
fn every_result_of_if_is_traviss() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/travis/travis-if.jsonl");
    let path = std::env::var_os("TRAVIS_IF").map_or(ours, PathBuf::from);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut expected = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        *expected.entry(row["verdict"].to_string()).or_insert(0) += 1;
        let result = result_of(row);
        if result != row["verdict"] {
            wrong.push(format!("{result} instead of {}: {row}", row["verdict"]));
        }
    }
    println!("{} of {} results agree: {expected:?}", rows.len() - wrong.len(), rows.len());
    assert!(!rows.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}
