use serde_json::{Value, json};

use super::*;

#[track_caller]
fn found(text: &str) -> Vec<LocatedStanza> {
    stanzas(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The titles of the stanzas: function name and line.
#[track_caller]
fn titles(text: &str) -> Vec<String> {
    found(text).iter().map(LocatedStanza::title).collect()
}

#[test]
fn stanzas_are_found_wherever_travis_ci_looks_for_them() {
    for (text, expected) in [
        ("deploy:\n  provider: lambda\n  function_name: f\n", "f (line 2)"),
        (
            "deploy:\n- provider: Lambda\n  function_name: f\n- provider: s3\n\
             - {provider: LAMBDA, function_name: g}\n",
            "f (line 2), g (line 5)",
        ),
        ("deploy:\n  :provider: :lambda\n  function_name: f\n", "f (line 2)"),
        ("deploy: lambda\n", "a stanza without `function_name` (line 1)"),
        (
            "deploy: [heroku, Lambda]\njobs: {include: {deploy: lambda}}\n",
            "a stanza without `function_name` (line 1), a stanza without `function_name` (line 2)",
        ),
        ("jobs:\n  include:\n  - deploy:\n      provider: lambda\n      function_name: f\n", "f (line 4)"),
        ("matrix:\n  include:\n    deploy: [heroku, {provider: lambda, function_name: f}]\n", "f (line 3)"),
        (
            "jobs:\n  include:\n  - script: x\n  - deploy: {provider: lambda, function_name: g}\n\
             deploy: {provider: lambda, function_name: f}\n",
            "f (line 5), g (line 4)",
        ),
        ("deploy: {provider: lambda}\n", "a stanza without `function_name` (line 1)"),
        ("deploy:\n  provider: lambda\n  function_name: {master: f, develop: g}\n", "f or g (line 2)"),
    ] {
        assert_eq!(titles(text).join(", "), expected, "{text}");
    }
}

#[test]
fn a_stanza_that_jobs_share_by_an_alias_counts_once() {
    let text =
        "x: &x\n  provider: lambda\n  function_name: f\njobs:\n  include:\n  - deploy: *x\n  - deploy: *x\n";
    assert_eq!(titles(text), ["f (line 2)"]);
    let merged = "x: &x\n  provider: lambda\n  function_name: f\njobs:\n  include:\n\
                  \x20 - deploy: {<<: *x, timeout: 1}\n  - deploy: {<<: *x, timeout: 2}\n";
    assert_eq!(found(merged).len(), 2);
}

#[test]
fn a_file_without_one_is_reported_what_it_has() {
    for (text, expected) in [
        ("deploy: heroku\n", "heroku"),
        (
            "deploy: [{provider: s3}, npm, {provider: s3}]\njobs: {include: [{deploy: {provider: pages}}]}\n",
            "s3 npm pages",
        ),
        ("deploy:\n- function_name: f\n", ""),
        ("language: ruby\n", ""),
        ("deploy: ~\n", ""),
        ("deploy: false\n", ""),
        ("deploy: [false, s3]\n", "s3"),
    ] {
        let providers = expected.split_whitespace().map(str::to_owned).collect();
        assert_eq!(stanzas(text).unwrap_err(), StanzaError::None { providers }, "{text}");
    }
    for (text, kind) in [("- a\n", "a list"), ("a\n", "a single value"), ("", "empty"), ("# x\n", "empty")] {
        assert_eq!(stanzas(text).unwrap_err(), StanzaError::NotAMap { kind }, "{text}");
    }
}

#[test]
fn a_stanza_of_one_word_has_only_its_provider() {
    let stanza = found("deploy: [lambda]\n").remove(0).stanza;
    assert_eq!(Value::from(&Node::Map(stanza)), json!({"provider": "lambda"}));
}

#[test]
fn of_a_duplicate_key_outside_of_a_stanza_the_later_one_counts() {
    let deploy = "deploy: {provider: lambda, function_name: f}\n";
    for (text, line) in [
        ("script: a\nscript: b\n", 2),
        ("env: A=1\nenv: {global: [B=2]}\n", 2),
        ("env:\n  global:\n  - secure: a\n    secure: b\n", 4),
        ("env:\n  global: [A=1]\n  global: [B=2]\n", 3),
        ("jobs: {}\nmatrix: 1\njobs:\n  include: []\n", 3),
        ("jobs:\n  include: 1\n  include: []\n", 3),
        ("deploy: {provider: lambda, function_name: g}\n", 2),
    ] {
        let found = found(&format!("{text}{deploy}"));
        let notes: Vec<_> = found[0].notes.iter().filter(|note| note.contains("duplicate key")).collect();
        assert_eq!((found.len(), found[0].names()), (1, vec!["f".to_owned()]), "{text}");
        assert!(notes.len() == 1 && notes[0].starts_with(&format!("line {line}: ")), "{text}: {notes:?}");
    }
    let variables = &found(&format!("env: A=1\nenv: B=2\n{deploy}"))[0].variables;
    assert_eq!(variables.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["B"]);
}

#[test]
fn a_duplicate_key_in_a_stanza_is_refused() {
    let twice = |text: &str| matches!(stanzas(text), Err(StanzaError::Yaml(YamlError::DuplicateKey { .. })));
    assert!(twice("deploy: {provider: lambda, provider: s3}\n"));
    assert!(twice("deploy: {provider: lambda, on: {a: 1, a: 2}}\n"));
}

#[test]
fn one_is_chosen_by_number_or_by_name() {
    let text = "deploy:\n- {provider: lambda, function_name: f}\n- {provider: lambda, function_name: g}\n\
                - {provider: lambda, function_name: g}\n\
                - {provider: lambda, function_name: {master: '7', dev: h}}\n";
    let line = |only: &str| choose(found(text), only).map(|chosen| chosen[0].line);
    for (only, expected) in [("1", 2), ("3", 4), ("f", 2), ("h", 5)] {
        assert_eq!(line(only), Ok(expected), "{only}");
    }
    for (only, is_several) in
        [("0", false), ("5", false), ("7", false), ("", false), ("F", false), ("g", true)]
    {
        match line(only) {
            Err(StanzaError::Ambiguous { there, several, .. }) => {
                assert_eq!((there.len(), several), (4, is_several), "{only}");
                assert_eq!(there[0], "1 is f (line 2)");
            }
            other => panic!("{only}: {other:?}"),
        }
    }
}

#[test]
fn a_job_has_the_variables_of_its_own_and_of_all() {
    let variables = |text: &str| {
        let variables = &found(text)[0].variables;
        let written = variables.iter().map(|one| format!("{}={}", one.name, one.value(|_| None)));
        written.collect::<Vec<_>>().join(", ")
    };
    let deploy = "deploy: {provider: lambda}\n";
    for (text, expected) in [
        ("node_js: 20\n", "TRAVIS_NODE_VERSION=20"),
        ("python: [3.10]\n", "TRAVIS_PYTHON_VERSION=3.10"),
        ("rvm: [2.7, 3.0]\n", ""),
        ("env: A=b C='d e'\n", "A=b, C=d e"),
        ("env: [A=b]\n", "A=b"),
        ("env: [A=b, A=c]\n", ""),
        ("env: {A: b, N: 1.10, S: {secure: x}}\n", "A=b, N=1.10"),
        ("env:\n  global: [A=b, {C: d e}, {secure: x}]\n  jobs: [E=f]\n", "A=b, C=d e, E=f"),
        ("env: {global: A=b, matrix: [E=f, E=g]}\n", "A=b"),
        // No job has the value of `global`.
        ("env: {global: [A=b, E=d], matrix: [E=f, E=g]}\n", "A=b"),
    ] {
        assert_eq!(variables(&format!("{text}{deploy}")), expected, "{text}");
    }
    let job = "env: {global: [A=all, B=all]}\npython: '3.9'\n\
               jobs: {include: [{env: A=own, python: '3.12', deploy: {provider: lambda}}]}\n";
    let expected = "TRAVIS_PYTHON_VERSION=3.9, A=all, B=all, TRAVIS_PYTHON_VERSION=3.12, A=own";
    assert_eq!(variables(job), expected);
}

#[test]
fn the_jobs_that_deploy_a_stanza_are_those_of_travis_ci() {
    let deploy = "deploy: {provider: lambda}\n";
    for (text, expected) in [
        ("", "the job"),
        ("node_js: 20\n", "the job"),
        (
            "node_js: [20, 22]\nos: [linux, osx]\n",
            "node_js 20 os linux, node_js 20 os osx, node_js 22 os linux, node_js 22 os osx",
        ),
        ("env: [A=b, C=d E=f]\n", "A=b, C=d E=f"),
        ("env: {global: [X=y], jobs: [A=b, A=c]}\n", "A=b, A=c"),
        // Jobs of `jobs.include` replace a single job, and are added to several.
        (
            "node_js: 20\njobs: {include: [{name: one}, {env: [A=b, C=d]}]}\n",
            "`one`, the job in line 2 (A=b C=d)",
        ),
        (
            "rvm: ['2', '3']\njobs: {include: {name: one, rvm: '1'}}\n",
            "rvm 2, rvm 3, `one` (TRAVIS_RUBY_VERSION=1)",
        ),
        ("jobs: [{name: one}, {deploy: false}, {deploy: {provider: s3}}]\n", "`one`"),
    ] {
        let stanzas = found(&format!("{text}{deploy}"));
        let titles: Vec<_> = stanzas[0].jobs.iter().map(|job| job.title.as_str()).collect();
        assert_eq!(titles.join(", "), expected, "{text}");
    }
    // A job without `env` inherits the first one of the file.
    let text = "env: [A=b, A=c]\njobs: {include: [{name: one, deploy: {provider: lambda}}]}\n";
    assert_eq!(found(text)[0].variables, [Assignment::plain("A", "b")]);
    // Each job that shares a stanza by an alias deploys it.
    let text = "x: &x {provider: lambda}\njobs: [{name: one, deploy: *x}, {name: two, deploy: *x}]\n";
    let jobs: Vec<_> = found(text)[0].jobs.iter().map(|job| job.title.clone()).collect();
    assert_eq!(jobs, ["`one`", "`two`"]);
    let rows = (0..300).map(|row| format!("- A={row}\n")).collect::<String>();
    assert_eq!(found(&format!("env:\n{rows}{deploy}"))[0].jobs.len(), 200);
}

#[test]
fn what_is_left_out_is_reported() {
    let notes = |text: &str| found(text).into_iter().flat_map(|written| written.notes).collect::<Vec<_>>();
    let reported =
        notes("env:\n  global:\n  - secure: x\n  - A=$(id)\ndeploy:\n  provider: lambda\n  env: {A: b}\n");
    let lines: Vec<_> = reported.iter().map(|note| note.split(':').next().expect("a line")).collect();
    assert_eq!(lines, ["line 3", "line 4", "line 7"], "{reported:?}");
    assert!(notes("deploy: {provider: lambda}\n").is_empty());
    // What concerns the file is reported for any stanza that `--only` selects.
    let stanzas = found("import: a.yml\nscript: *x\ndeploy: [{provider: lambda}, {provider: lambda}]\n");
    for located in &stanzas {
        let lines: Vec<_> = located.notes.iter().map(|note| &note[..6]).collect();
        assert_eq!(lines, ["line 2", "line 1"], "{:?}", located.notes);
    }
}

#[test]
fn keys_of_a_request_in_a_stanza_are_removed() {
    let text = "function_name: f\nenv: {A: b}\nprotocol: 7\nstanzas: [{function_name: g}]\n";
    let written = bare_stanzas(text, false).expect("read").remove(0);
    assert_eq!(Value::from(&Node::Map(written.stanza)), json!({"function_name": "f"}));
    assert_eq!(written.notes.len(), 3);
}

#[test]
fn a_file_of_one_stanza_is_yaml_or_json() {
    let read = |text: &str, is_json| {
        let written = bare_stanzas(text, is_json).map(|mut stanzas| stanzas.remove(0));
        written.map(|written| (Value::from(&Node::Map(written.stanza.clone())), written.line_of("/b/0")))
    };
    let json = "{\n\"a\": 1.10,\n\"b\": [\n\"x\"]}";
    assert_eq!(read(json, true), Ok((json!({"a": 1.1, "b": ["x"]}), 4)));
    assert_eq!(read(json, false), Ok((json!({"a": 1.1, "b": ["x"]}), 4)));
    assert_eq!(read("{a: 1.10, b: [x]}", false), Ok((json!({"a": "1.10", "b": ["x"]}), 1)));
    assert_eq!(read("a: 1.10\nb:\n- x\n", false), Ok((json!({"a": "1.10", "b": ["x"]}), 3)));
    assert!(matches!(read("{a: 1}", true), Err(StanzaError::Json(WireError::Syntax { .. }))));
    let twice = read("{\"a\": 1, \"a\": 2}", false);
    assert!(matches!(twice, Err(StanzaError::Yaml(YamlError::DuplicateKey { .. }))));
    assert_eq!(read("", false), Err(StanzaError::NotAMap { kind: "empty" }));
    assert_eq!(read("\n", true), Err(StanzaError::NotAMap { kind: "empty" }));
}

#[test]
fn a_file_of_several_stanzas_is_a_list() {
    let yaml = "# two\n- function_name: f\n  release: shop\n- {function_name: g, timeout: 1.10}\n";
    let json = "[\n{\"function_name\": \"f\", \"release\": \"shop\"},\n\n\
                {\"function_name\": \"g\", \"timeout\": 1.10}]";
    for (text, is_json, second) in [(yaml, false, "1.10"), (json, true, "1.1"), (json, false, "1.1")] {
        let read = bare_stanzas(text, is_json).expect("read");
        let titles: Vec<_> = read.iter().map(LocatedStanza::title).collect();
        assert_eq!(titles, ["f (line 2)", "g (line 4)"], "{text}");
        assert_eq!((read[0].release().as_deref(), read[1].release()), (Some("shop"), None));
        assert_eq!(read[1].stanza.get("timeout").and_then(Node::scalar).as_deref(), Some(second), "{text}");
        assert_eq!(read[1].line_of("/timeout"), 4);
    }
    let refused = |text: &str| bare_stanzas(text, false).expect_err("no stanzas").to_string();
    for (text, reason) in [
        ("[]\n", "the file is an empty list; expected a map"),
        ("- function_name: f\n- g\n", "stanza 2 is a string; expected a map"),
        ("[{\"function_name\": \"f\"}, []]", "stanza 2 is a list; expected a map"),
    ] {
        assert_eq!(refused(text), reason, "{text}");
    }
    // Small files that expand to large ones.
    let keys: String = (0..300).map(|key| format!("k{key}: 1, ")).collect();
    let items = "- *x\n".repeat(100);
    assert!(refused(&format!("- &x {{{keys}}}\n{items}")).starts_with("the file contains more than"));
}

#[test]
fn a_pointer_has_the_line_of_the_nearest_value_that_is_written() {
    let written = &found("deploy:\n  provider: lambda\n  on:\n    branch: x\n")[0];
    for (at, line) in [("/on/branch", 4), ("/on/branch/0", 4), ("/timeout", 2), ("", 2)] {
        assert_eq!(written.line_of(at), line, "{at}");
    }
}

#[test]
fn the_variables_of_all_jobs_are_limited_before_they_are_copied() {
    let deploy = "deploy: {provider: lambda}\n";
    let many = |count: usize| "A=1 ".repeat(count);
    let items = |item: &str, count: usize| format!("- {item}\n").repeat(count);
    for text in [
        format!("env: \"{}\"\n{deploy}", many(1_000_000)),
        format!("env:\n{}{deploy}", items(&format!("\"{}\"", many(500)), 150)),
        format!("env: {{global: \"{}\", jobs: [{}]}}\n{deploy}", many(10_000), "B=1, ".repeat(150)),
        format!("env: \"{}\"\nrvm: [1, 2, 3]\nos: [linux, osx]\n{deploy}", many(10_000)),
        format!(
            "env: \"{}\"\njobs: {{include: [{}]}}\n",
            many(10_000),
            "{deploy: {provider: lambda}}, ".repeat(150)
        ),
    ] {
        let error = stanzas(&text).expect_err("too many variables");
        assert!(error.to_string().starts_with("the file contains more than"), "{error}");
    }
    assert_eq!(found(&format!("env: \"{}\"\n{deploy}", many(10_000)))[0].variables.len(), 10_000);
    // Of many messages, the first ones are enough.
    assert_eq!(found(&format!("env: \"{}\"\n{deploy}", "1=1 ".repeat(10_000)))[0].notes.len(), 1);
}
