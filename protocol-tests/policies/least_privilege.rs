//! Tests that each kind of deployment succeeds under its own policy, and that it needs all of it.

use std::collections::BTreeMap;

use super::kinds::{Kind, kinds};
use super::*;
use crate::fixture::problems;

/// Actions that a deployment needs only after a problem: after a lost response, and after an upload that was
/// aborted.
const FOR_BAD_DAYS: [&str; 2] = ["lambda:GetAlias", "s3:AbortMultipartUpload"];

/// Parts of the notes that many stanzas have.
const USUAL_NOTES: [&str; 2] = ["no KMS key of the live function", "statements that begin with `Optional`"];

/// Runs deployments under a policy: creates a function, updates one that differs in everything that the
/// stanza names, repeats that, and rolls back. Returns the first problem, or `None` if there is none.
fn complaint(kind: &Kind, policy: &Value) -> Option<String> {
    let (absent, live) = (fixture(), fixture());
    if kind.creates {
        absent.endpoint.enforce(policy.clone());
        if let Some(complaint) = flaw(&absent.run(&[], &kind.stanza)) {
            return Some(format!("a creation: {complaint}"));
        }
    }
    for content in ["// 0\n", "// 1\n"] {
        live.write(content);
        assert_eq!(
            live.run(&[], &kind.before).outcome(),
            "deployed",
            "{}: the earlier deployment",
            kind.name
        );
    }
    (kind.meanwhile)(&live, kind);
    live.write("// 2\n");
    live.endpoint.enforce(policy.clone());
    let rehearsed = flaw(&live.run(&["plan"], &kind.stanza));
    let deployed = flaw(&live.run(&[], &kind.stanza));
    if let Some(complaint) = deployed {
        return Some(format!("an update: {complaint}"));
    }
    if let Some(complaint) = rehearsed {
        return Some(format!("a plan: {complaint}"));
    }
    if let Some(complaint) = flaw(&live.run(&[], &kind.stanza)) {
        return Some(format!("a repeated deployment: {complaint}"));
    }
    if kind.rolls_back {
        return flaw(&live.run(&["rollback"], &kind.stanza))
            .map(|complaint| format!("a rollback: {complaint}"));
    }
    None
}

/// All policies that lack one statement or one action of `policy`, by the name of what they lack. Keeps the
/// actions in `spare`.
fn lessened(policy: &Value, spare: &[&str]) -> BTreeMap<String, Value> {
    let mut lessened = BTreeMap::new();
    let statements = policy["Statement"].as_array().expect("a list");
    for (at, statement) in statements.iter().enumerate() {
        let without = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut policy = policy.clone();
            change(policy["Statement"].as_array_mut().expect("a list"));
            policy
        };
        let sid = statement["Sid"].as_str().expect("a string");
        let actions = statement["Action"].as_array().expect("a list");
        let is_spare = |action: &Value| {
            [&FOR_BAD_DAYS, spare].iter().any(|names| names.iter().any(|name| action == name))
        };
        if !actions.iter().all(is_spare) {
            lessened
                .insert(format!("the statement {sid}"), without(&|statements| drop(statements.remove(at))));
        }
        for action in actions.iter().filter(|_| actions.len() > 1) {
            let name = action.as_str().expect("a string");
            if !is_spare(action) {
                let change = |statements: &mut Vec<Value>| {
                    statements[at]["Action"].as_array_mut().expect("a list").retain(|other| other != action);
                };
                lessened.insert(format!("{name} of {sid}"), without(&change));
            }
        }
    }
    // IAM requires at least one statement.
    lessened
        .retain(|_, policy| policy["Statement"].as_array().is_some_and(|statements| !statements.is_empty()));
    lessened
}

#[test]
#[ignore = "second tier: long"]
fn every_kind_of_deployment_runs_under_its_own_policy_and_not_under_less() {
    let kinds = kinds();
    let mut trials: Vec<(&Kind, Option<String>, Value)> = Vec::new();
    for kind in &kinds {
        let (policy, notes) = policy(&fixture().with(&kind.stanza));
        let is_usual = |note: &&String| USUAL_NOTES.iter().any(|usual| note.contains(usual));
        let open: Vec<&String> = notes.iter().filter(|note| !is_usual(note)).collect();
        let is_it = |note: &&String| kind.note.is_some_and(|expected| note.contains(expected));
        assert!(open.iter().all(is_it) && open.len() == kind.note.iter().count(), "{}: {open:?}", kind.name);
        trials.push((kind, None, policy.clone()));
        trials.extend(
            lessened(&policy, kind.spare).into_iter().map(|(what, policy)| (kind, Some(what), policy)),
        );
    }
    let name = |(kind, without, _): &(&Kind, Option<String>, Value)| match without {
        Some(what) => format!("{} without {what}", kind.name),
        None => kind.name.to_owned(),
    };
    let failed =
        problems(&trials, 6, name, |(kind, without, policy)| match (without, complaint(kind, policy)) {
            (None, Some(complaint)) => Err(format!("{complaint}\n{policy:#}")),
            (Some(_), None) => Err("succeeds, so this is not needed".to_owned()),
            (None, None) | (Some(_), Some(_)) => Ok(()),
        });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let statements = trials
        .iter()
        .filter(|(_, what, _)| what.as_ref().is_some_and(|what| what.starts_with("the ")))
        .count();
    let actions = trials.len() - kinds.len() - statements;
    println!(
        "{} deployments under their own policy; removed {statements} statements and {actions} actions, and each was needed",
        kinds.len()
    );
    assert!(statements >= kinds.len() && actions >= 100, "{statements} statements, {actions} actions");
}
