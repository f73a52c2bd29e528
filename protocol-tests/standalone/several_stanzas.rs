//! Tests files with several stanzas: their order, the selection of one, and the stanzas of a release.

use super::*;

#[test]
fn several_stanzas_are_deployed_in_order() {
    let (endpoint, directory) = (endpoint(), directory(&two_stanzas()));
    let (stdout, stderr, status) = collected(standalone(&with_file(&[]), directory.path(), Some(&endpoint)));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let reported: Vec<_> = events
        .iter()
        .filter(|event| ["hello", "finished"].contains(&event["event"].as_str().expect("a tag")))
        .map(|event| event["function_name"].as_str().unwrap_or("hello"))
        .collect();
    assert_eq!(reported, ["hello", "one", "hello", "two"]);
    assert!(endpoint.function("one").is_some() && endpoint.function("two").is_some());
}

#[test]
fn what_fails_behind_a_deployment_does_not_say_that_nothing_was_changed() {
    let text = two_stanzas();
    let second = text.rfind("handler_name: handler").expect("the second stanza has one");
    let text = format!("{}timeout: ten{}", &text[..second], &text[second + "handler_name: handler".len()..]);
    let (endpoint, directory) = (endpoint(), directory(&text));
    let (stdout, _, status) = collected(standalone(&with_file(&[]), directory.path(), Some(&endpoint)));
    assert_eq!((status, endpoint.function("one").is_some()), (Some(1), true), "{stdout}");
    assert!(endpoint.function("two").is_none());
}

#[test]
fn a_stanza_that_fails_is_the_last_one() {
    let text = two_stanzas().replacen("handler_name: handler", "timeout: ten", 1);
    let (endpoint, directory) = (endpoint(), directory(&text));
    let (stdout, stderr, status) =
        collected(standalone(&with_file(&["deploy"]), directory.path(), Some(&endpoint)));
    assert_eq!(status, Some(2), "{stdout}");
    assert!(stderr.contains(".travis.yml: two (line 10): not run"), "{stderr}");
    assert_eq!(stdout.matches("\"finished\"").count(), 1);
    assert!(endpoint.calls().is_empty(), "a call reached AWS");
    // A stanza that may fail does not stop the next one.
    let allowed = text.replacen("timeout: ten", "role: x\n  allow_failure: true\n  session_token: y", 1);
    fs::write(
        directory.path().join(".travis.yml"),
        allowed.replacen("  role: arn:aws:iam::123456789012:role/run\n", "", 1),
    )
    .expect("written");
    let (stdout, _, status) =
        collected(standalone(&with_file(&["deploy"]), directory.path(), Some(&endpoint)));
    assert_eq!((status, stdout.matches("\"finished\"").count()), (Some(0), 2), "{stdout}");
    assert!(endpoint.function("two").is_some());
}

#[test]
fn only_one_stanza_is_run_that_is_named_or_numbered() {
    let directory = directory(&two_stanzas());
    for (only, name) in [("1", "one"), ("2", "two"), ("one", "one"), ("two", "two")] {
        let endpoint = endpoint();
        let ended = standalone(&with_file(&["--only", only]), directory.path(), Some(&endpoint)).run_on(b"");
        assert_eq!(ended.finished()["function_name"], name, "{only}");
        assert!(endpoint.function(if name == "one" { "two" } else { "one" }).is_none());
    }
    let packaged =
        standalone(&with_file(&["package", "--output", "f.zip", "--only", "two"]), directory.path(), None);
    assert_eq!(packaged.run_on(b"").outcome(), "packaged");
    assert!(directory.path().join("f.zip").is_file());
}

/// An item of a list: a stanza whose function has an alias, and belongs to this release.
fn item(name: &str, release: Option<&str>) -> String {
    let release = release.map(|release| format!("  release: {release}\n")).unwrap_or_default();
    format!("{}  alias: live\n{release}", stanza(name).replacen("  ", "- ", 1))
}

/// The last events of a standalone run, and its exit status.
fn results(plugin: PluginCommand) -> (Vec<Value>, Option<i32>) {
    let (stdout, stderr, status) = collected(plugin);
    let events = stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let results: Vec<Value> = events.filter(|event| event["event"] == "finished").collect();
    assert!(!results.is_empty(), "{stdout}{stderr}");
    (results, status)
}

fn name_of(result: &Value) -> &str {
    result["function_name"].as_str().expect("a name")
}

/// The names of the functions of each run, in the order of the runs.
fn functions_of(results: &[Value]) -> Vec<Vec<&str>> {
    let mut names = Vec::new();
    for result in results {
        names.push(match result["functions"].as_array() {
            Some(functions) => functions.iter().map(name_of).collect(),
            None => vec![name_of(result)],
        });
    }
    names
}

#[test]
fn stanzas_of_a_release_are_one_run_at_the_place_of_the_first() {
    let items = [("a", Some("shop")), ("b", None), ("c", Some("shop")), ("d", Some("alone"))];
    let items: String = items.map(|(name, release)| item(name, release)).concat();
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{items}")));
    fs::write(directory.path().join("list.yml"), &items).expect("written");
    let run = |arguments: &[&str]| results(standalone(arguments, directory.path(), Some(&endpoint)));
    let expected = [vec!["a", "c"], vec!["b"], vec!["d"]];
    for (option, file, outcome) in
        [("--travis-yml", ".travis.yml", "deployed"), ("--stanza", "list.yml", "unchanged")]
    {
        let (ended, status) = run(&[option, file]);
        assert_eq!((functions_of(&ended).as_slice(), status), (&expected[..], Some(0)), "{ended:?}");
        assert!(ended.iter().all(|result| result["outcome"] == outcome), "{ended:?}");
    }
    // A member that is selected is deployed alone.
    let (ended, status) = run(&["--stanza", "list.yml", "--only", "c"]);
    assert_eq!((functions_of(&ended), status), (vec![vec!["c"]], Some(0)));
    assert!(ended[0]["functions"].is_null(), "{ended:?}");
    fs::write(directory.path().join("index.js"), "// 2\n").expect("written");
    assert_eq!(run(&["deploy", "--stanza", "list.yml"]).1, Some(0));
    let (ended, status) = run(&["rollback", "--stanza", "list.yml"]);
    assert_eq!((functions_of(&ended).as_slice(), status), (&expected[..], Some(0)), "{ended:?}");
    // The policy is one for all.
    let (policy, stderr, status) =
        collected(standalone(&["policy", "--stanza", "list.yml"], directory.path(), None));
    assert_eq!((policy.matches("\"Version\"").count(), status), (1, Some(0)), "{stderr}");
    assert!(["a", "b", "c", "d"].iter().all(|name| policy.contains(&format!("function:{name}"))), "{policy}");
}

#[test]
fn a_release_that_fails_ends_the_runs_and_errors_have_their_lines() {
    let wrong = item("b", Some("shop")).replace("handler_name: handler", "timeout: ten");
    let items = [item("a", Some("shop")), wrong, item("c", None)].concat();
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{items}")));
    let run = |format: &str| {
        collected(standalone(&with_file(&["deploy", "--format", format]), directory.path(), Some(&endpoint)))
    };
    let (stdout, stderr, status) = run("json");
    assert_eq!(status, Some(2), "{stdout}");
    assert!(stderr.contains(".travis.yml: c (line 22): not run"), "{stderr}");
    assert_eq!(stdout.matches("\"finished\"").count(), 1, "{stdout}");
    let (text, _, status) = run("text");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("  --> .travis.yml:16 (timeout)\n"), "{text}");
    assert!(text.contains(" release shop (2 stanzas, from line 2) "), "{text}");
    assert!(endpoint.calls().is_empty(), "a call reached AWS");
}

#[test]
fn a_release_has_the_stanzas_for_which_travis_ci_makes_a_job() {
    let job = |name: &str, lines: &str| {
        let stanza: String = stanza(name).lines().map(|line| format!("    {line}\n")).collect();
        format!("  - {lines}\n    deploy:\n{stanza}      release: shop\n")
    };
    let file = |jobs: [String; 3]| format!("jobs:\n  include:\n{}", jobs.concat());
    let jobs = [job("a", "name: a"), job("b", "if: branch = other"), job("c", "name: c")];
    let directory = directory(&file(jobs));
    let check = || standalone(&with_file(&["check"]), directory.path(), None).env("TRAVIS_BRANCH", "main");
    let (ended, status) = results(check());
    let outcomes: Vec<_> = ended.iter().map(|result| &result["outcome"]).collect();
    assert!(outcomes == ["checked", "skipped"] && status == Some(0), "{ended:?}");
    assert_eq!(functions_of(&ended[..1]), [["a", "c"]]);
    // One request has one environment.
    let jobs = [job("a", "env: STAGE=prod"), job("b", "name: b"), job("c", "env: STAGE=test")];
    fs::write(directory.path().join(".travis.yml"), file(jobs)).expect("written");
    let ended = check().run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("bad-arguments", Some(2)), "{}", ended.stdout);
    assert!(ended.stderr.contains("the stanzas on lines 5 and "), "{}", ended.stderr);
    assert!(ended.stderr.contains("belong to the release `shop`"), "{}", ended.stderr);
    // A stanza that is skipped can have other variables.
    let (ended, status) = results(check().env("TRAVIS_PULL_REQUEST", "7"));
    let are_skipped = ended.iter().all(|result| result["outcome"] == "skipped");
    assert!(are_skipped && status == Some(0), "{ended:?}");
    // A variable of the process has precedence over the file, so that both have the same value.
    let (ended, status) = results(check().env("STAGE", "prod"));
    assert_eq!((functions_of(&ended), status), (vec![vec!["a", "b", "c"]], Some(0)));
    // Those that are deployed must have the same ones, also if one shares them with a skipped stanza.
    let skipped = job("a", "env: STAGE=prod").replace("all_branches: true", "branch: other");
    let jobs = [skipped, job("b", "env: STAGE=test"), job("c", "env: STAGE=prod")];
    fs::write(directory.path().join(".travis.yml"), file(jobs)).expect("written");
    let ended = check().run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("bad-arguments", Some(2)), "{}", ended.stdout);
}
