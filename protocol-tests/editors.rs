//! Tests what users see in an editor. The tests query the real `yaml-language-server` over LSP, as VS Code
//! and other editors do.
//!
//! npm installs the server, with the versions in `editors/package-lock.json`, into a directory under
//! `target/`. The tests also compare a second validator, `ajv`, with ours.

mod diagnostics;
mod server;
mod validators;

use server::{Offer, Server};

/// The start of a stanza, in a file with another key.
const BEGUN: &str = "language: node_js\ndeploy:\n  provider: lambda\n  function_name: hello\n";

fn labels(offers: &[Offer]) -> Vec<&str> {
    offers.iter().map(|offer| offer.label.as_str()).collect()
}

/// Finds and prints the item with this label.
#[track_caller]
fn shown<'a>(offers: &'a [Offer], label: &str) -> &'a Offer {
    let offer = offers.iter().find(|offer| offer.label == label);
    let offer = offer.unwrap_or_else(|| panic!("`{label}` is not among {:?}", labels(offers)));
    println!("  {label:30} {}", offer.reported.lines().next().unwrap_or_default());
    offer
}

#[test]
#[ignore = "second tier: needs npm"]
fn keys_are_offered_with_what_they_mean() {
    let mut server = Server::start();
    for (file, place) in [
        (format!("{BEGUN}  │\nafter: 1\n"), "in the only stanza"),
        ("deploy:\n  - provider: script\n    script: x\n  - provider: LAMBDA\n    │\n    timeout: 3\n".to_owned(), "in a list"),
        ("jobs:\n  include:\n    - stage: deploy\n      deploy:\n        provider: lambda\n        │\n        timeout: 3\n".to_owned(), "in a job"),
    ] {
        let offers = server.completed(&file);
        println!("{place}, {} keys:", offers.len());
        for key in ["memory_size", "runtime", "verify", "function_url"] {
            let offer = shown(&offers, key);
            assert!(offer.reported.len() > 30, "{key}: {}", offer.reported);
        }
        for key in ["skip_cleanup", "edge", "true", "environment_variables"] {
            assert!(!labels(&offers).contains(&key), "{key} is offered");
        }
        let memory = shown(&offers, "memory_size");
        assert!(memory.inserted.starts_with("memory_size: "), "{}", memory.inserted);
    }
    let from_another = server.completed("deploy:\n  provider: s3\n  │\n  bucket: b\n");
    assert_eq!(labels(&from_another), [""; 0], "keys are offered for another provider");
}

#[test]
#[ignore = "second tier: needs npm"]
fn values_are_offered_with_what_they_mean() {
    let mut server = Server::start();
    let mut offered = |key: &str, words: &[&str]| {
        let offers = server.completed(&format!("{BEGUN}  {key}: │\n"));
        println!("{key}:");
        for word in words {
            shown(&offers, word);
        }
        let begins_a_stanza = |offer: &Offer| offer.inserted.contains("provider: lambda");
        assert!(
            !offers.iter().any(begins_a_stanza),
            "a whole stanza is offered as a value of `{key}`: {:?}",
            labels(&offers)
        );
    };
    offered("runtime", &["nodejs24.x", "python3.14", "provided.al2023"]);
    offered("region", &["eu-west-1", "us-gov-west-1", "cn-north-1"]);
    offered("tracing_mode", &["Active", "PassThrough"]);
    offered("architectures", &["arm64", "x86_64"]);
    offered("publish", &["true", "false"]);
    offered("symlinks", &["preserve", "follow", "external"]);
    offered("on", &["branches", "tags", "branch and condition"]);
    offered("verify", &["invoke and look for JSON", "invoke and look for a text", "run a command"]);
    offered("traffic", &["10, 50, 100"]);
    offered("function_url", &["signed", "public, for a web page"]);
    offered("logging_config", &["JSON"]);
    let inside = server.completed(&format!("{BEGUN}  on:\n    │\n"));
    println!("inside on:");
    for key in ["branch", "tags", "condition", "all_branches", "repo"] {
        shown(&inside, key);
    }
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_whole_stanza_is_offered_where_one_can_are_and_is_right() {
    let mut server = Server::start();
    let names = ["lambda", "lambda with alias and verify", "lambda from a container image"];
    for place in [
        "deploy:\n  │\n",
        "deploy:\n  - │\n",
        "jobs:\n  include:\n    - stage: deploy\n      deploy:\n        │\n",
    ] {
        let offers = server.completed(place);
        println!("{place:?}");
        for name in names {
            shown(&offers, name);
        }
    }
    // The inserted text must be valid if the user fills in nothing.
    for name in names {
        let offers = server.completed("deploy:\n  │\n");
        let stanza = filled_in(&shown(&offers, name).inserted);
        let file = format!("deploy:\n  {}\n", stanza.replace('\n', "\n  "));
        println!("{file}");
        assert_eq!(server.diagnosed(&file), [], "{file}");
    }
    let misspelt = "deploy:\n  provider: lambda\n  fuction_name: f\n";
    assert_eq!(server.diagnosed(misspelt).len(), 1, "a misspelled key has no diagnostic");
}

/// Returns a snippet with the default values of its placeholders.
fn filled_in(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some((before, behind)) = rest.split_once("${") {
        let (place, after) = behind.split_once('}').expect("a placeholder ends");
        text.push_str(before);
        let value = place.split_once([':', '|']).map_or("", |(_, value)| value);
        text.push_str(value.split([',', '|']).next().unwrap_or_default());
        rest = after;
    }
    text + rest
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_hover_explains_a_key() {
    let mut server = Server::start();
    for (line, needed) in [
        ("memory│_size: 512", &["Memory (MB)", "128 to 32768", "for a new function, 128"][..]),
        (
            "run│time: nodejs22.x",
            &["Required to create a function", "`python3.14`: Python 3.14, supported until"],
        ),
        ("tracing│_mode: Active", &["#### X-Ray tracing\n", "`Active`: Lambda samples"]),
        ("o│n: {branch: main}", &["`master`, never `main`", "branch: [main, release/*]"]),
        ("veri│fy: {command: x}", &["before the alias moves to it", "payload: {ping: true}"]),
        ("skip│_cleanup: true", &["Deprecated", "Leave it out"]),
        ("ali│as: live", &["#### Alias\n", "Implies `publish`"]),
    ] {
        let reported = server.hovered(&format!("{BEGUN}  {line}\n"));
        println!("{line}\n{reported}\n");
        for text in needed {
            assert!(reported.contains(text), "`{text}` is missing: {reported}");
        }
        assert!(
            !reported.contains("||") && !reported.contains("`\"\"`"),
            "the hover shows more than one alternative: {reported}"
        );
    }
}
