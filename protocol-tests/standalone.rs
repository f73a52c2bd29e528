//! Standalone use, by a person or a CI other than Travis: the program gets a file on the command line instead
//! of a request.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::{git, wait_until};
use crate::interruptions::signal;
use crate::plugin::{PluginCommand, PluginOutput, SIGNALS, job_env, program};
use crate::python::run_script;
use crate::shell::{self, PATH};

/// A stanza that creates a function, as YAML with an indentation of two.
pub(crate) fn stanza(name: &str) -> String {
    format!(
        "  provider: lambda\n  function_name: {name}\n  role: arn:aws:iam::123456789012:role/run\n  \
         runtime: nodejs22.x\n  handler_name: handler\n  zip: index.js\n  on:\n    all_branches: true\n"
    )
}

fn two_stanzas() -> String {
    let item = |name| stanza(name).replacen("  ", "- ", 1);
    format!("deploy:\n{}{}", item("one"), item("two"))
}

/// A build directory with this text as `.travis.yml`.
pub(crate) fn directory(travis_yml: &str) -> TempDir {
    let directory = build_directory();
    fs::write(directory.path().join(".travis.yml"), travis_yml).expect("written");
    directory
}

/// The program in standalone use, with AWS keys but without variables of a CI.
pub(crate) fn standalone(arguments: &[&str], directory: &Path, endpoint: Option<&Endpoint>) -> PluginCommand {
    with_keys(PluginCommand::new(arguments), directory, endpoint)
}

/// The same for a command that is prepared.
pub(crate) fn with_keys(
    plugin: PluginCommand,
    directory: &Path,
    endpoint: Option<&Endpoint>,
) -> PluginCommand {
    let mut plugin = plugin.directory(directory).env("GIT_CEILING_DIRECTORIES", "/");
    if let Some(endpoint) = endpoint {
        let env = job_env(endpoint);
        for (name, value) in
            env.as_object().expect("an object").iter().filter(|(name, _)| name.starts_with("AWS_"))
        {
            plugin = plugin.env(name, value.as_str().expect("a string"));
        }
    }
    plugin
}

/// `arguments` plus the option for the file.
fn with_file<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--travis-yml", ".travis.yml"]].concat()
}

fn endpoint() -> Endpoint {
    Endpoint::start(Settings::default()).expect("a free port")
}

/// Runs the program and returns stdout, stderr and exit status, for output that is not a single protocol
/// session.
pub(crate) fn collected(mut plugin: PluginCommand) -> (String, String, Option<i32>) {
    let mut child = plugin.spawn();
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("the process ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Removes the members that differ between runs.
fn lasting(event: &Value) -> Value {
    match event {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !["request_id", "duration_ms", "message", "time"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), lasting(value)))
            .collect(),
        Value::Array(items) => items.iter().map(lasting).collect(),
        other => other.clone(),
    }
}

fn tags(ended: &PluginOutput) -> Vec<Value> {
    ended.events.iter().map(lasting).collect()
}

#[test]
fn a_file_says_the_same_as_its_stanza_on_standard_input() {
    let text = "on_this_branch: &on {branch: [main, 'release/*'], condition: $STAGE = prod}\n\
                deploy:\n  provider: Lambda\n  function_name: f\n  role: arn:aws:iam::123456789012:role/run\n  \
                runtime: nodejs22.x\n  handler_name: handler\n  timeout: 20\n  zip: index.js\n  publish: yes\n  \
                environment: {VERSION: 1.10, ANSWER: yes, NUMBER: 017, EMPTY: ''}\n  on: *on\n  tmeout: 3\n";
    let mut request = json!({
        "provider": "Lambda", "function_name": "f", "role": "arn:aws:iam::123456789012:role/run",
        "runtime": "nodejs22.x", "handler_name": "handler", "timeout": 20, "zip": "index.js", "publish": true,
        "environment": {"VERSION": "1.10", "ANSWER": "yes", "NUMBER": "15", "EMPTY": ""},
        "on": {"branch": ["main", "release/*"], "condition": "$STAGE = prod"}, "tmeout": 3,
    });
    for (branch, stage) in [("main", "prod"), ("release/7", "prod"), ("main", "test"), ("other", "prod")] {
        let (ours, theirs) = (endpoint(), endpoint());
        let directory = directory(text);
        for command in ["check", "plan", "deploy", "deploy"] {
            let hand = standalone(&with_file(&[command]), directory.path(), Some(&ours));
            let hand = hand.env("TRAVIS_BRANCH", branch).env("STAGE", stage).run_on(b"");
            request["env"] = job_env(&theirs);
            request["env"]["TRAVIS_BRANCH"] = json!(branch);
            request["env"]["STAGE"] = json!(stage);
            let runner = PluginCommand::new(&[command]).directory(directory.path()).run(&request);
            assert_eq!(tags(&hand), tags(&runner), "{command} on {branch} with {stage}");
            assert_eq!(hand.status.code(), runner.status.code());
        }
        let variables =
            |endpoint: &Endpoint| endpoint.function("f").map(|f| f["Configuration"]["Environment"].clone());
        assert_eq!(variables(&ours), variables(&theirs));
        assert_eq!(variables(&ours).is_some(), stage == "prod" && branch != "other");
    }
}

#[test]
fn git_says_which_branch_it_is() {
    let directory = directory(&stanza("f").replace("all_branches: true", "branch: release/*").replacen(
        "  ",
        "deploy:\n  ",
        1,
    ));
    git(directory.path(), &["init", "--quiet", "--initial-branch=release/2"]);
    git(directory.path(), &["add", "."]);
    git(directory.path(), &["commit", "--quiet", "--message=x"]);
    let check = || standalone(&with_file(&["check"]), directory.path(), None);
    let ended = check().run_on(b"");
    let branch =
        ended.events.iter().find(|event| event["condition"] == "branch").expect("a result for `branch`");
    assert_eq!((ended.outcome(), branch["got"].as_str()), ("checked", Some("release/2")));
    git(directory.path(), &["checkout", "--quiet", "-b", "other"]);
    assert_eq!(check().run_on(b"").outcome(), "skipped");
    // A CI's variables override git, and they also identify pull requests.
    let gitlab = || check().env("GITLAB_CI", "true").env("CI", "true").env("CI_COMMIT_BRANCH", "release/2");
    assert_eq!(gitlab().run_on(b"").outcome(), "checked");
    let requested = gitlab().env("CI_MERGE_REQUEST_IID", "7").run_on(b"");
    assert_eq!(
        (requested.outcome(), requested.finished()["unmet"][0]["condition"].as_str()),
        ("skipped", Some("pull-request"))
    );
    let nobody = standalone(&with_file(&["check", "--ci", "none"]), directory.path(), None);
    assert_eq!(
        nobody.env("GITLAB_CI", "true").env("CI_COMMIT_BRANCH", "release/2").run_on(b"").outcome(),
        "skipped"
    );
}

#[test]
fn the_file_says_the_versions_and_variables_of_its_job() {
    let text = format!(
        "node_js: 20\nenv:\n  global:\n  - STAGE=prod\n  - secure: abc\ndeploy:\n{}    node: 20\n    condition: $STAGE = prod\n",
        stanza("f")
    );
    let directory = directory(&text);
    let check = || standalone(&with_file(&["check"]), directory.path(), None);
    let ended = check().run_on(b"");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    assert!(ended.stderr.contains(".travis.yml: line 5: an encrypted variable"), "{}", ended.stderr);
    assert_eq!(check().env("STAGE", "test").run_on(b"").outcome(), "skipped");
    assert_eq!(check().env("TRAVIS_NODE_VERSION", "18").run_on(b"").outcome(), "skipped");
}

/// A file whose job is made on two branches only, for three reasons.
fn for_a_release() -> String {
    let stanza: String = stanza("f").lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "branches:\n  only: [master, develop]\nstages:\n- test\n- name: release\n  if: branch = master\njobs:\n  include:\n  \
         - stage: test\n    script: npm test\n  - stage: release\n    if: branch IN (master, develop) AND type = push\n    \
         before_deploy: npm run build\n    deploy:\n{stanza}"
    )
}

#[test]
fn a_job_that_travis_ci_would_not_make_is_skipped_with_the_reasons() {
    let (endpoint, directory) = (endpoint(), directory(&for_a_release()));
    let run = |command: &str, branch: &str| {
        let plugin = standalone(&with_file(&[command]), directory.path(), Some(&endpoint));
        plugin.env("TRAVIS_BRANCH", branch).run_on(b"")
    };
    for (branch, reasons) in [
        (
            "experiment",
            &[
                "`branches.only` does not list this branch (line 2)",
                "the `if` of the stage `release` is not met (line 6)",
                "the `if` of the job is not met (line 12)",
            ][..],
        ),
        ("develop", &["the `if` of the stage `release` is not met (line 6)"]),
    ] {
        for command in ["check", "plan", "deploy"] {
            let ended = run(command, branch);
            assert_eq!((ended.outcome(), ended.status.code()), ("skipped", Some(0)), "{}", ended.stdout);
            let unmet = ended.finished()["unmet"].as_array().expect("a list").clone();
            let messages: Vec<_> = unmet.iter().filter_map(|unmet| unmet["message"].as_str()).collect();
            assert_eq!(messages, reasons, "{command} on {branch}");
            assert!(unmet.iter().all(|unmet| unmet["condition"] == "job"));
            assert_eq!(ended.events.len(), 2 + reasons.len(), "{}", ended.stdout);
            assert_eq!(ended.stderr, "", "{command} on {branch}");
        }
    }
    assert!(endpoint.calls().is_empty() && endpoint.function("f").is_none());
    let (stdout, _, status) = collected(
        standalone(&with_file(&["deploy", "--format", "text"]), directory.path(), Some(&endpoint))
            .env("TRAVIS_BRANCH", "experiment"),
    );
    assert_eq!(status, Some(0), "{stdout}");
    assert!(
        stdout.contains("skipped:") && stdout.contains("want branch = master, got branch = experiment"),
        "{stdout}"
    );
    // On the right branch it is deployed, and what is missing is reported.
    let ended = run("deploy", "master");
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.stderr, "dpl-lambda: .travis.yml: line 13: `before_deploy` is not run; run it first\n");
    // These commands evaluate no condition.
    let policy = standalone(&with_file(&["policy"]), directory.path(), None).env("TRAVIS_BRANCH", "x");
    assert_eq!(collected(policy).2, Some(0));
}

#[test]
fn a_condition_of_a_job_that_is_invalid_is_reported_with_its_line() {
    let directory = directory(&for_a_release().replace("if: branch = master", "if: branch = "));
    let ended = standalone(&with_file(&["deploy"]), directory.path(), None)
        .env("TRAVIS_BRANCH", "master")
        .run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("bad-condition", Some(2)), "{}", ended.stdout);
    let reported = ".travis.yml:6: the `if` of the stage `release` cannot be evaluated: expected a value";
    assert!(ended.stderr.contains(reported), "{}", ended.stderr);
}

#[test]
fn several_jobs_of_a_stanza_are_named_and_one_is_chosen_by_its_variables() {
    let jobs = "jobs:\n  include:\n  - name: one\n    env: FN=alpha\n  - name: two\n    env: FN=beta\n";
    for (head, titles) in [
        (jobs, "`one` (FN=alpha), `two` (FN=beta)"),
        ("env:\n  - FN=alpha\n  - FN=beta\n", "FN=alpha, FN=beta"),
    ] {
        let directory = directory(&format!("{head}deploy:\n{}", stanza("$FN")));
        let check = || standalone(&with_file(&["check"]), directory.path(), None);
        let ended = check().run_on(b"");
        let note = format!("on Travis CI 2 jobs deploy this stanza: {titles}; here it is deployed once");
        assert!(ended.stderr.contains(&note), "{}", ended.stderr);
        assert!(ended.stderr.contains("`FN=alpha dpl-lambda …`"), "{}", ended.stderr);
        let endpoint = endpoint();
        let plugin = standalone(&with_file(&["deploy"]), directory.path(), Some(&endpoint)).env("FN", "beta");
        let ended = plugin.run_on(b"");
        assert_eq!((ended.outcome(), ended.stderr.as_str()), ("deployed", ""), "{}", ended.stdout);
        assert_eq!(ended.finished()["function_name"], "beta");
    }
}

#[test]
fn the_message_of_the_commit_is_that_of_git() {
    let text = format!("if: commit_message !~ /no-deploy/\ndeploy:\n{}", stanza("f"));
    let directory = directory(&text);
    git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
    for (message, outcome) in [("a change", "checked"), ("a change [no-deploy]", "skipped")] {
        git(directory.path(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        let ended = standalone(&with_file(&["check"]), directory.path(), None).run_on(b"");
        assert_eq!((ended.outcome(), ended.stderr.as_str()), (outcome, ""), "{message}");
    }
    let given = standalone(&with_file(&["check"]), directory.path(), None);
    assert_eq!(given.env("TRAVIS_COMMIT_MESSAGE", "another").run_on(b"").outcome(), "checked");
}

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
    // A variable of the process has precedence over the file, so that both have the same value.
    let (ended, status) = results(check().env("STAGE", "prod"));
    assert_eq!((functions_of(&ended), status), (vec![vec!["a", "b", "c"]], Some(0)));
}

#[test]
fn what_cannot_begin_is_reported_in_one_line_and_as_events_where_those_are_asked_for() {
    let directory = directory(&two_stanzas());
    let write = |name: &str, text: &[u8]| fs::write(directory.path().join(name), text).expect("written");
    write("heroku.yml", b"deploy: heroku\n");
    write("broken.yml", b"deploy:\n  a: [1\nb: 2\n");
    write("twice.yml", b"deploy:\n  provider: lambda\n  provider: lambda\n");
    write("latin.yml", b"a: b\nc: \xe9\n");
    write("large.yml", &vec![b'#'; 9 * 1024 * 1024]);
    write("list.json", b"[]");
    write("broken.json", b"{\"a\": }");
    for (arguments, code, reported) in [
        (vec!["--travis-yml", "none.yml"], "bad-arguments", "none.yml: file not found"),
        (vec!["--travis-yml", "."], "bad-arguments", ".: this is a directory; expected a file"),
        (vec!["--travis-yml", "heroku.yml"], "wrong-provider", "only heroku"),
        (vec!["--travis-yml", "broken.yml"], "bad-arguments", "broken.yml:3:"),
        (
            vec!["--travis-yml", "twice.yml"],
            "duplicate-key",
            "twice.yml:3:3: duplicate key `provider` (first defined on line 2)",
        ),
        (vec!["--travis-yml", "latin.yml"], "bad-arguments", "latin.yml:2: invalid UTF-8"),
        (vec!["--travis-yml", "large.yml"], "request-too-large", "large.yml: the file is larger than"),
        (vec!["--stanza", "list.json"], "bad-arguments", "list.json: the file is an empty list"),
        (vec!["--stanza", "broken.json"], "bad-json", "broken.json:1:7: invalid JSON"),
        (
            vec!["--travis-yml", ".travis.yml", "--only", "3"],
            "bad-arguments",
            "1 is one (line 2), 2 is two (line 10)",
        ),
        (vec!["--travis-yml", ".travis.yml", "--stanza", "x"], "bad-arguments", "use only one of them"),
        (vec!["--only", "1"], "bad-arguments", "--only requires --travis-yml or --stanza"),
        (vec!["--travis-yml", ".travis.yml", "--ci", "nobody"], "bad-arguments", "nobody"),
        (
            vec!["package", "--output", "x.zip", "--travis-yml", ".travis.yml"],
            "bad-arguments",
            "select one with --only",
        ),
    ] {
        let ended = standalone(&arguments, directory.path(), None).run_on(b"");
        assert_eq!((ended.code(), ended.status.code()), (code, Some(2)), "{arguments:?}");
        assert!(ended.stderr.contains(reported), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        let text = [arguments.clone(), vec!["--format", "text"]].concat();
        let (stdout, stderr, status) = collected(standalone(&text, directory.path(), None));
        assert_eq!((stdout.as_str(), status), ("", Some(2)), "{arguments:?}");
        assert_eq!(stderr, ended.stderr, "{arguments:?}");
    }
    let (stdout, stderr, status) =
        collected(standalone(&["schema", "stanza", "--format", "json"], directory.path(), None));
    assert_eq!((stdout.as_str(), stderr.lines().count(), status), ("", 1, Some(2)));
}

#[test]
fn encrypted_values_are_all_named_with_what_to_set_instead() {
    let text = "deploy:\n  provider: lambda\n  function_name: f\n  access_key_id: AKIDENDPOINTEXAMPLE1\n  \
                secret_access_key:\n    secure: abc\n  role:\n    secure: def\n  environment:\n    PASSWORD:\n      secure: ghi\n  \
                on:\n    branch: main\n";
    let directory = directory(text);
    let plan = || standalone(&with_file(&["plan"]), directory.path(), None).env("TRAVIS_BRANCH", "main");
    let ended = plan().run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("not-decrypted", Some(2)));
    assert_eq!(ended.stderr.lines().count(), 3, "{}", ended.stderr);
    for reported in [
        ".travis.yml:5: `secret_access_key` is encrypted",
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ".travis.yml:7: `role` is encrypted",
        "set AWS_ROLE",
        ".travis.yml:10: `environment.PASSWORD` is encrypted",
        "write `PASSWORD: $PASSWORD` instead",
    ] {
        assert!(ended.stderr.contains(reported), "{reported}\n{}", ended.stderr);
    }
    let problems: Vec<_> =
        ended.finished()["error"]["problems"].as_array().expect("several").iter().map(|p| &p["at"]).collect();
    assert_eq!(problems, ["/secret_access_key", "/role", "/environment/PASSWORD"]);
    // A stanza that is skipped needs no secrets.
    assert_eq!(plan().env("TRAVIS_BRANCH", "other").run_on(b"").outcome(), "skipped");
    // With every value in the environment, the plan succeeds.
    let endpoint = endpoint();
    fs::write(
        directory.path().join(".travis.yml"),
        text.replace("PASSWORD:\n      secure: ghi", "PASSWORD: $PASSWORD"),
    )
    .expect("written");
    let plugin =
        standalone(&with_file(&["plan"]), directory.path(), Some(&endpoint)).env("TRAVIS_BRANCH", "main");
    let plugin = plugin
        .env("AWS_ROLE", "arn:aws:iam::123456789012:role/run")
        .env("PASSWORD", "hunter22-hunter22")
        .env("AWS_RUNTIME", "nodejs22.x");
    let ended =
        plugin.env("AWS_HANDLER_NAME", "handler").secrets(["hunter22-hunter22".to_owned()]).run_on(b"");
    assert_eq!(ended.outcome(), "planned", "{}", ended.stdout);
    assert_eq!(ended.event("identified").expect("an `identified` event")["source"], "environment");
    assert!(
        ended.stderr.contains("AWS_ACCESS_KEY_ID is set") && ended.stderr.contains("AWS_ROLE is set"),
        "{}",
        ended.stderr
    );
}

#[test]
fn text_names_the_line_of_what_is_wrong() {
    let text =
        format!("# a comment\ndeploy:\n{}  tmeout: 3\n  timeout: ten\n  memory_size: lots\n", stanza("f"));
    let directory = directory(&text);
    let (stdout, stderr, status) =
        collected(standalone(&with_file(&["check", "--format", "text"]), directory.path(), None));
    assert_eq!((stderr.as_str(), status), ("", Some(2)), "{stdout}");
    for line in [11, 12, 13] {
        assert!(stdout.contains(&format!(".travis.yml:{line}")), "{line}\n{stdout}");
    }
    assert!(!stdout.contains("{\""), "{stdout}");
}

#[test]
fn a_format_may_be_asked_for_with_a_request_on_standard_input() {
    let request = json!({"function_name": "f", "on": {"all_branches": true}, "timeout": "ten", "env": {"PATH": &*PATH}});
    let usual = PluginCommand::new(&["check"]).run(&request);
    let asked = PluginCommand::new(&["check", "--format", "json"]).run(&request);
    assert_eq!(asked.with_fixed_time(), usual.with_fixed_time());
    let mut plugin = PluginCommand::new(&["check", "--format", "text"]);
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("the process ends");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("`timeout` is `ten`") && !text.contains("{\""), "{text}");
    // The CI in `--ci` provides the variables for a request without `env`.
    let request = json!({"function_name": "f", "on": {"branch": "x"}});
    let gitlab = PluginCommand::new(&["check", "--ci", "gitlab"]).env("CI_COMMIT_BRANCH", "x");
    assert_eq!(gitlab.run(&request).outcome(), "checked");
}

/// Returns the ids of the child processes of a process.
fn children(of: u32) -> Vec<String> {
    let all = fs::read_dir("/proc").expect("Linux").map(|entry| entry.expect("readable").file_name());
    let ids = all.filter_map(|name| name.into_string().ok()).filter(|name| name.parse::<u32>().is_ok());
    let is_child = |id: &String| {
        // "7 (a name) S 1 ...": the parent's id follows the state. A process may end while we read, so a
        // missing file is not an error.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
        behind.split(' ').nth(1) == Some(&of.to_string())
    };
    ids.filter(is_child).collect()
}

#[test]
fn for_a_runner_there_is_one_process() {
    let mut plugin = PluginCommand::new(&["check"]);
    let mut child = plugin.spawn();
    let mut hello = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut hello).expect("`hello` comes before the request is read");
    assert_eq!(children(child.id()), Vec::<String>::new());
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("the child can be waited for").code(), Some(2));
}

fn called(endpoint: &Endpoint, operation: &str) -> bool {
    endpoint.calls().iter().any(|call| call.operation == operation)
}

/// Starts a standalone deployment and returns while it waits for its update to finish.
fn waiting(format: &str) -> (Endpoint, TempDir, Child) {
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{}", stanza("f"))));
    let created = standalone(&with_file(&[]), directory.path(), Some(&endpoint)).run_on(b"");
    assert_eq!(created.outcome(), "deployed");
    endpoint.forget_calls();
    endpoint.set_update_duration(Duration::from_secs(60));
    fs::write(directory.path().join(".travis.yml"), format!("deploy:\n{}  timeout: 9\n", stanza("f")))
        .expect("written");
    let mut plugin = standalone(&with_file(&["--format", format]), directory.path(), Some(&endpoint));
    let mut child = plugin.spawn();
    drop(child.stdin.take());
    // A call after the update shows that the program has received the update's answer.
    wait_until("a call after the update", || {
        let calls = endpoint.calls();
        calls.iter().skip_while(|call| call.operation != "UpdateFunctionConfiguration").nth(1).is_some()
    });
    (endpoint, directory, child)
}

#[test]
fn a_signal_to_the_one_process_that_is_known_reaches_the_run() {
    for (name, number) in SIGNALS {
        let (_endpoint, _directory, child) = waiting("json");
        let runs = children(child.id());
        assert_eq!(runs.len(), 1);
        signal(&child, name);
        let ended = PluginOutput::of(child, Instant::now());
        ended.check(&[]);
        assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(128 + number)), "{name}");
        assert_eq!(ended.finished()["changed"], json!(["update-function-configuration"]));
        assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
        let alive = shell::kill().args(["-0", &runs[0]]).stderr(Stdio::null()).status().expect("kill runs");
        assert!(!alive.success(), "the child run is still alive");
    }
}

/// A function whose next update hangs at AWS, and a standalone command that deploys it. A run that gets a
/// second signal ends at once, and then cannot report that the update may still take effect.
fn hanging() -> (Endpoint, TempDir, Command) {
    updating(FaultKind::Hang { for_: Duration::from_secs(30) })
}

/// A function whose next update has this fault, and a standalone command that deploys it.
fn updating(kind: FaultKind) -> (Endpoint, TempDir, Command) {
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{}", stanza("f"))));
    assert_eq!(
        standalone(&with_file(&[]), directory.path(), Some(&endpoint)).run_on(b"").outcome(),
        "deployed"
    );
    fs::write(directory.path().join(".travis.yml"), format!("deploy:\n{}  timeout: 9\n", stanza("f")))
        .expect("written");
    endpoint.forget_calls();
    endpoint.fault(Fault {
        operation: Some("UpdateFunctionConfiguration".to_owned()),
        after: 0,
        times: 1,
        kind,
    });
    let mut command = Command::new(program());
    command.args(with_file(&[])).current_dir(directory.path()).env_clear();
    for (name, value) in job_env(&endpoint).as_object().expect("an object") {
        command.env(name, value.as_str().expect("a string"));
    }
    (endpoint, directory, command)
}

#[test]
fn a_signal_to_the_whole_process_group_is_one_signal() {
    let (endpoint, _directory, mut command) = hanging();
    let command = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    wait_until("the call that hangs", || called(&endpoint, "UpdateFunctionConfiguration"));
    let group = format!("-{}", child.id());
    let sent = shell::kill().args(["-TERM", "--", &group]).status().expect("kill runs");
    assert!(sent.success());
    let ended = PluginOutput::of(child, Instant::now());
    ended.check(&[]);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("may still take effect"), "{message}");
}

#[test]
fn a_run_that_is_killed_is_reported_as_a_failure() {
    let (_endpoint, _directory, child) = waiting("json");
    let killed = shell::kill().args(["-KILL", &children(child.id())[0]]).status().expect("kill runs");
    assert!(killed.success());
    let ended = PluginOutput::of(child, Instant::now());
    assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(1)));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains("signal 9"), "{message}");
    assert_eq!(ended.events[0]["event"], "hello");
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    for format in ["json", "text"] {
        let (endpoint, _directory, mut child) = waiting(format);
        let run = children(child.id());
        drop(child.stdout.take());
        let began = Instant::now();
        assert_eq!(child.wait().expect("the child can be waited for").code(), Some(1), "{format}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(!called(&endpoint, "UpdateFunctionCode"), "a further step began");
        let alive = shell::kill().args(["-0", &run[0]]).stderr(Stdio::null()).status().expect("kill runs");
        assert!(!alive.success(), "the child run is still alive");
    }
}

#[test]
fn a_call_in_flight_is_finished_when_the_reader_goes_away() {
    // Longer than a call may continue after a signal.
    const ANSWER: Duration = Duration::from_secs(5);
    for format in ["json", "text"] {
        let (endpoint, directory, mut command) = updating(FaultKind::Slow { answer_over: ANSWER });
        fs::write(directory.path().join("index.js"), "// new\n").expect("written");
        command.args(["--format", format]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("started");
        wait_until("the call", || called(&endpoint, "UpdateFunctionConfiguration"));
        let began = Instant::now();
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("the child can be waited for").code(), Some(1), "{format}");
        assert!(
            began.elapsed() > ANSWER - Duration::from_secs(1),
            "{format}: cut after {:?}",
            began.elapsed()
        );
        assert!(!called(&endpoint, "UpdateFunctionCode"), "a further step began");
    }
}

#[test]
fn a_reader_that_goes_away_after_a_signal_changes_nothing() {
    let (_endpoint, _directory, mut child) = {
        let (endpoint, directory, mut command) = hanging();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().expect("started");
        wait_until("the call that hangs", || called(&endpoint, "UpdateFunctionConfiguration"));
        (endpoint, directory, child)
    };
    let began = Instant::now();
    signal(&child, "INT");
    // The signal must arrive before stdout is closed. No event reports the signal before the end, so only a
    // sleep can ensure that.
    std::thread::sleep(Duration::from_secs(1));
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("the child can be waited for").code(), Some(130));
    // A second signal would have ended the run at once.
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn a_bug_of_the_process_standalone_is_reported_too() {
    let directory = directory(&format!("deploy:\n{}", stanza("f")));
    let check = |format| {
        let plugin = standalone(&with_file(&["check", "--format", format]), directory.path(), None);
        plugin.env("DPL_LAMBDA_FAULT", "panic-standalone")
    };
    // The status is 1 because it is unknown whether the child run has already called AWS.
    let ended = PluginOutput::of(check("json").spawn(), Instant::now());
    assert_eq!(
        (ended.code(), ended.status.code(), ended.events.len()),
        ("internal", Some(1), 2),
        "{}",
        ended.stdout
    );
    assert!(
        ended.finished()["error"]["message"].as_str().expect("a sentence").contains("process/settings.rs")
    );
    let (stdout, stderr, status) = collected(check("text"));
    assert_eq!(
        (stdout.contains("{\""), stderr.lines().count(), status),
        (false, 1, Some(1)),
        "{stdout}{stderr}"
    );
    assert!(
        stderr.starts_with(
            "dpl-lambda: the run failed because of a bug in dpl-lambda, at src/process/settings.rs"
        ),
        "{stderr}"
    );
}

/// The program with SIGCHLD ignored, as a parent process may leave it. It is killed if it does not end.
fn where_children_are_ignored(arguments: &[&str], directory: &Path) -> Command {
    const IGNORE: &str = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("timeout");
    command
        .args(["-s", "KILL", "60", "python3", "-c", IGNORE, &program()])
        .args(arguments)
        .current_dir(directory)
        .env_clear();
    command.env("PATH", &*PATH).env("TRAVIS_PULL_REQUEST", "false").stdin(Stdio::null());
    command
}

#[test]
#[ignore = "second tier: needs Python"]
fn a_parent_that_ignores_its_children_makes_no_difference() {
    let directory =
        directory(&format!("deploy:\n{}", stanza("f").replace("all_branches: true", "branch: main")));
    git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
    let output = |command: &str| {
        let output = where_children_are_ignored(&with_file(&[command]), directory.path())
            .output()
            .expect("Python runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr), output.status.code())
    };
    let (policy, reported, status) = output("policy");
    assert_eq!(status, Some(0), "{reported}");
    assert!(policy.contains("lambda:CreateFunction"), "{policy}");
    let (events, reported, status) = output("check");
    assert_eq!(status, Some(0), "{reported}");
    assert!(events.contains(r#""got":"main""#), "the branch is not from git: {events}");
}

#[test]
fn a_document_whose_run_cannot_be_started_is_reported_in_one_line() {
    let directory = build_directory();
    let (copy, pipe) = (directory.path().join("dpl-lambda"), directory.path().join("f.yml"));
    // Another process copies the file. If this process did, a child that another thread starts could inherit
    // the open file, and the copy could not be executed.
    assert!(Command::new("cp").arg(program()).arg(&copy).status().expect("cp runs").success());
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let mut command = Command::new(&copy);
    command.args(["policy", "--stanza", "f.yml"]).current_dir(directory.path()).env_clear();
    let command =
        command.env("PATH", &*PATH).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    // Opening blocks until the program opens the pipe for reading. It continues after it has the stanza; by
    // then its own file is deleted.
    let mut stanza = fs::OpenOptions::new().write(true).open(&pipe).expect("a pipe");
    fs::remove_file(&copy).expect("removed");
    stanza.write_all(b"function_name: f\n").expect("the program reads the pipe");
    drop(stanza);
    let output = child.wait_with_output().expect("the process ends");
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice(), reported.lines().count()),
        (Some(2), &b""[..], 1),
        "{reported}"
    );
    assert!(reported.starts_with("dpl-lambda: ") && reported.contains("cannot be started"), "{reported}");
}

/// The program on a new terminal, which `standalone/terminal.py` controls.
struct OnTerminal {
    script: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    shown: String,
}

impl OnTerminal {
    fn start(seconds: &str, command: &[&str], directory: &Path, env: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/standalone/terminal.py");
        let mut python = Command::new("python3");
        python.arg(script).arg(seconds).args(command).current_dir(directory).env_clear();
        for (name, value) in env.as_object().expect("an object") {
            python.env(name, value.as_str().expect("a string"));
        }
        let path = std::env::var_os("PATH").expect("a PATH");
        python.env("PATH", path).env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = python.spawn().expect("Python runs");
        let (stdin, stdout) = (script.stdin.take().expect("piped"), script.stdout.take().expect("piped"));
        OnTerminal { script, stdin, stdout, shown: String::new() }
    }

    /// Reads until the terminal shows this text.
    fn wait_for(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.shown.contains(text) {
            let count = self.stdout.read(&mut buffer).expect("readable");
            assert_ne!(count, 0, "never shown: {text}\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    fn type_interrupt(&mut self) {
        self.stdin.write_all(b"\x03").expect("terminal.py reads its input");
    }

    /// Returns all output with line breaks removed, and the exit status.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = Vec::new();
        self.stdout.read_to_end(&mut rest).expect("readable");
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        let status = self.script.wait().expect("the process ends");
        (self.shown.split_whitespace().collect::<Vec<_>>().join(" "), status.code())
    }
}

#[test]
#[ignore = "second tier: needs Python"]
fn on_a_terminal_it_says_once_that_it_waits_for_a_request() {
    let directory = build_directory();
    let mut terminal = OnTerminal::start("60", &[&program(), "check"], directory.path(), &json!({}));
    terminal.wait_for("instead");
    terminal.type_interrupt();
    let (shown, status) = terminal.end();
    let expected =
        "waiting for a request on standard input; use `--travis-yml .travis.yml` to read a file instead";
    assert_eq!(shown.matches(expected).count(), 1, "{shown}");
    assert_eq!(status, Some(130), "{shown}");
    assert!(shown.contains("SIGINT"), "{shown}");
}

#[test]
#[ignore = "second tier: needs Python"]
fn on_a_terminal_it_says_that_it_waits_for_a_file_on_standard_input() {
    let directory = build_directory();
    let command = [&program(), "check", "--stanza", "-"];
    let mut terminal = OnTerminal::start("60", &command, directory.path(), &json!({}));
    terminal.wait_for("Ctrl-D");
    terminal.type_interrupt();
    let (shown, status) = terminal.end();
    assert_eq!(status, Some(130), "{shown}");
    assert!(shown.contains("cancelled by SIGINT") && !shown.contains("readable"), "{shown}");
}

/// Runs the program on a terminal while its update hangs at AWS, and calls `interrupt`. The run can only end
/// with this message and status if it gets the signal exactly once.
#[track_caller]
fn interrupted(interrupt: impl Fn(&mut OnTerminal)) {
    let (endpoint, directory, _) = hanging();
    let program = program();
    let command = with_file(&[&program]);
    let mut terminal = OnTerminal::start("60", &command, directory.path(), &job_env(&endpoint));
    wait_until("the call that hangs", || called(&endpoint, "UpdateFunctionConfiguration"));
    interrupt(&mut terminal);
    let (shown, status) = terminal.end();
    assert_eq!(status, Some(130), "{shown}");
    assert!(
        shown.contains("may still take effect") && !shown.contains("{\""),
        "a terminal gets text: {shown}"
    );
}

#[test]
#[ignore = "second tier: needs Python"]
fn an_interrupt_that_is_typed_reaches_the_run_once() {
    interrupted(OnTerminal::type_interrupt);
}

#[test]
#[ignore = "second tier: needs Python"]
fn an_interrupt_that_is_sent_to_the_program_alone_reaches_the_run_of_a_terminal_too() {
    interrupted(|terminal| {
        let program = children(terminal.script.id());
        assert_eq!(program.len(), 1);
        let sent = shell::kill().args(["-INT", &program[0]]).status().expect("kill runs");
        assert!(sent.success());
    });
}

#[test]
#[ignore = "second tier: needs Python"]
fn what_does_not_end_on_the_terminal_of_the_tests_is_killed() {
    let directory = build_directory();
    // The second command closes its terminal.
    for line in ["sleep 50", "exec sleep 50 <&- >&- 2>&-"] {
        let terminal = OnTerminal::start("1", &["bash", "-c", line], directory.path(), &json!({}));
        assert_eq!(terminal.end().1, Some(137), "{line}");
    }
}

#[test]
fn a_stanza_alone_is_read_from_a_file_of_its_own() {
    let directory = build_directory();
    fs::write(directory.path().join("f.yml"), "function_name: f\non: {all_branches: true}\n")
        .expect("written");
    fs::write(
        directory.path().join("f.json"),
        "{\"function_name\": \"f\", \"on\": {\"all_branches\": true}}",
    )
    .expect("written");
    for file in ["f.yml", "f.json"] {
        let ended = standalone(&["check", "--stanza", file], directory.path(), None).run_on(b"");
        assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    }
}

/// Values and keys that a YAML 1.1 reader may misread. (U+0085, U+2028 and U+2029 end a line in YAML 1.1 but
/// not in
/// 1.2, which our parser implements. They are left out because they do not occur in practice.)
fn stumbling_blocks() -> Vec<Value> {
    let texts = [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "true",
        "False",
        "null",
        "~",
        "",
        " ",
        "017",
        "0o17",
        "0x1f",
        "0b1",
        "1_000",
        "+1",
        "-1",
        "1.10",
        ".5",
        "1.",
        "1e3",
        "1.5e+3",
        ".inf",
        ".nan",
        "12:30",
        "1:2:3",
        "80,443",
        "2024-01-31",
        "2024-01-31T12:00:00Z",
        "<<",
        "=",
        "-",
        "?",
        "- a",
        "? a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        "\"a\"",
        "{a}",
        "[a]",
        "a, b",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "\na",
        "a\n\n\nb\n",
        "  a\n b",
        "\ta",
        "a\tb",
        "\\n",
        "\u{e9}",
        "\u{1f600}",
        "\u{feff}",
        "\u{7}",
        "---",
        "...",
        "--- a",
        "$A",
        "${A}",
        "%{a}",
        "a\r\nb",
    ];
    let long = "word ".repeat(100);
    let mut blocks: Vec<Value> = texts
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(|text| json!({"key": text, "list": [text, [text]]}))
        .collect();
    blocks.extend(texts.iter().map(|text| json!({*text: {*text: 1}})));
    blocks.push(
        json!({"a": [true, false, null, 0, -1, 18_446_744_073_709_551_615_u64, i64::MIN, {}, [], [[]], {"a": {}}]}),
    );
    blocks
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn what_another_program_writes_as_yaml_is_read_back_equal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests");
    let real = fs::read_to_string(root.join("real-stanzas.jsonl")).expect("the file exists");
    let mut values: Vec<Value> = real.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(values.len() > 40);
    values.extend(stumbling_blocks());
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    let dumped = run_script("dump.py", lines);
    let dumped: Vec<String> =
        dumped.iter().map(|line| serde_json::from_str(line).expect("a JSON string")).collect();
    assert_eq!(dumped.len(), 4 * values.len(), "Python writes each value in four styles");
    for (yaml, value) in dumped.iter().zip(values.iter().flat_map(|value| [value; 4])) {
        let tree = dpl_lambda::testing::parse_yaml(yaml, &mut Vec::new())
            .unwrap_or_else(|error| panic!("{yaml}\n{error:?}"))
            .expect("a document");
        let node = tree.read("", &mut Default::default()).unwrap_or_else(|error| panic!("{yaml}\n{error:?}"));
        assert_eq!(Value::from(&node), *value, "{yaml}");
    }
}
