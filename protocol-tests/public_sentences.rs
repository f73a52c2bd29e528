//! What public bug reports and builders of runners missed: sentences that say what to do, and facts on which
//! a runner relies.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use lambda_endpoint::{Alarm, Fault, FaultKind, Fires};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, deny_changes};
use crate::identity::recorder::{Answer, Recorder};
use crate::plugin::{PluginCommand, PluginOutput, program, take_env, variables};
use crate::shell::PATH;

/// The text of a key of the run's error.
fn of_error<'a>(ended: &'a PluginOutput, key: &str) -> &'a str {
    ended.finished()["error"][key].as_str().unwrap_or_default()
}

/// Runs the program on files, as a build of this branch, with these other variables.
fn on_files(directory: &Path, arguments: &[&str], branch: &str, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(directory).env_clear().env("PATH", &*PATH);
    command.env("TRAVIS_PULL_REQUEST", "false").env("TRAVIS_BRANCH", branch).envs(env.iter().copied());
    command.stdin(Stdio::null()).output().expect("can be started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last events of all runs in an output.
fn last_events(output: &Output) -> Vec<Value> {
    let text = stdout(output);
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    events.filter(|event| event["event"] == "finished").collect()
}

/// A build directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("writable");
    }
    directory
}

#[test]
fn a_failed_connection_names_host_and_port() {
    let mut fixture = Fixture::new(json!({"wait_timeout": 1}));
    // No program listens there.
    fixture.request["env"]["AWS_ENDPOINT_URL"] = json!("http://127.0.0.1:1");
    let ended = fixture.run(&["plan"], &json!({}));
    assert!(of_error(&ended, "message").starts_with("AWS at 127.0.0.1:1 "), "{}", ended.stdout);
}

#[test]
fn a_role_that_cannot_be_assumed_may_not_exist() {
    let sts = Recorder::start(|_| {
        let message = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:AssumeRole \
                       on resource: arn:aws:iam::123456789012:role/nowhere";
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message>\
             </Error><RequestId>r</RequestId></ErrorResponse>"
        );
        Answer::status(403, body)
    });
    let mut fixture = Fixture::new(json!({"role_to_assume": "arn:aws:iam::123456789012:role/nowhere"}));
    fixture.request["env"]["AWS_ENDPOINT_URL_STS"] = json!(sts.url());
    let ended = fixture.run(&["plan"], &json!({}));
    assert_eq!(ended.code(), "access-denied", "{}", ended.stdout);
    assert!(of_error(&ended, "hint").starts_with("check that the role exists"), "{}", ended.stdout);
}

#[test]
fn a_build_of_a_tag_that_its_branch_condition_skips_says_why() {
    for (on, at, why) in [
        (
            json!({"condition": "$TRAVIS_BRANCH == \"master\" || -n $TRAVIS_TAG"}),
            "/on",
            "`on` names no branch, so only `master` is deployed",
        ),
        (json!({"branch": "main"}), "/on/branch", "`on.branch` names only `main`"),
    ] {
        let env = json!({"PATH": &*PATH, "TRAVIS_BRANCH": "v1", "TRAVIS_TAG": "v1"});
        let request = json!({"function_name": "f", "on": on, "env": env});
        let ended = PluginCommand::new(&["check"]).run(&request);
        assert_eq!(ended.outcome(), "skipped", "{}", ended.stdout);
        let warning = ended.event("warning").expect("a warning");
        assert_eq!((&warning["code"], &warning["at"]), (&json!("surprising-condition"), &json!(at)));
        let message = warning["message"].as_str().expect("a sentence");
        assert!(message.contains("a build of the tag `v1`") && message.contains(why), "{message}");
        assert!(message.contains("`all_branches: true`") && message.contains("`tags: true`"), "{message}");
    }
}

#[test]
fn a_package_that_does_not_exist_is_explained_by_how_its_path_is_written() {
    let directory = directory(&[("index.js", "")]);
    for (zip, expected) in [
        ("dist/*.zip", "`zip` takes no patterns"),
        ("~/dist", "write `$HOME` instead of `~`"),
        ("dist\\f.zip", "write `/` instead of `\\`"),
        ("dist", "relative to the directory in which the job runs"),
    ] {
        let stanza = json!({"function_name": "f", "zip": zip}).to_string();
        fs::write(directory.path().join("f.json"), stanza).expect("writable");
        let arguments = ["package", "--output", "o.zip", "--stanza", "f.json"];
        let output = on_files(directory.path(), &arguments, "master", &[]);
        let ends = last_events(&output);
        let error = &ends[0]["error"];
        assert_eq!(error["code"], "package-not-found", "{error}");
        let hint = error["hint"].as_str().expect("an instruction");
        assert!(hint.contains(expected) && hint.contains("`before_deploy`"), "{zip}: {hint}");
    }
}

#[test]
fn a_failure_before_any_change_says_so_in_text_and_names_its_explanation() {
    let directory = directory(&[("f.yml", "function_name: f\ntimeout: ten\non: {all_branches: true}\n")]);
    let arguments = ["deploy", "--stanza", "f.yml", "--format", "text"];
    let output = on_files(directory.path(), &arguments, "master", &[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("\n  nothing was changed\n"), "{text}");
    let (_, command) = text.split_once("  more: dpl-lambda ").expect("the command");
    let command: Vec<&str> = command.lines().next().unwrap_or_default().split(' ').collect();
    assert_eq!(command, ["explain", "bad-value"]);
    let explained = on_files(directory.path(), &command, "master", &[]);
    assert!(stdout(&explained).starts_with("### bad-value\n"), "{}", stdout(&explained));
    // The same where AWS refuses the first step.
    let fixture = Fixture::new(json!({}));
    fixture.deployed("// 1\n");
    deny_changes(&fixture.endpoint);
    let denied = deployed_in_text(&fixture);
    let text = stdout(&denied);
    assert_eq!(denied.status.code(), Some(1), "{text}{}", stderr(&denied));
    assert!(text.contains("error[access-denied]") && text.contains("\n  nothing was changed\n"), "{text}");
}

#[test]
fn a_step_whose_response_was_lost_may_have_taken_effect() {
    for (kind, is_said) in [(FaultKind::Html { status: 200 }, true), (FaultKind::denied(), false)] {
        let fixture = Fixture::new(json!({}));
        fixture.deployed("// 1\n");
        fixture.endpoint.fault(Fault { times: u32::MAX, ..Fault::once("UpdateFunctionCode", kind) });
        let ended = fixture.deploy("// 2\n");
        let message = of_error(&ended, "message");
        let says = message.ends_with("; update-function-code may have taken effect");
        assert_eq!((ended.outcome(), says), ("failed", is_said), "{}", ended.stdout);
    }
}

/// Deploys new code with the stanza of a fixture in a file, and with the output for people.
fn deployed_in_text(fixture: &Fixture) -> Output {
    let mut stanza = fixture.with(&json!({"on": {"all_branches": true}}));
    let env = take_env(&mut stanza);
    let env: Vec<(&str, &str)> = variables(&env).filter(|(name, _)| name.starts_with("AWS_")).collect();
    fixture.write("// 2\n");
    fs::write(fixture.path("f.json"), stanza.to_string()).expect("writable");
    let arguments = ["deploy", "--stanza", "f.json", "--format", "text"];
    on_files(fixture.directory.path(), &arguments, "master", &env)
}

#[test]
fn a_guard_is_reported_in_text_when_its_state_changes() {
    let fixture = Fixture::live(json!({
        "traffic": [10], "traffic_interval": 1, "guard": {"alarms": ["shop-5xx"], "bake": 1},
    }));
    fixture.endpoint.set_alarm(Alarm::firing("shop-5xx", Fires::AtPercent(100)));
    let output = deployed_in_text(&fixture);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}{}", stderr(&output));
    assert!(text.contains("error[alarm-fired]"), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("guard ")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("guard passed at 10 % of the traffic"), "{text}");
    assert!(lines[1].contains("guard fired at 100 % of the traffic"), "{text}");
}

#[test]
fn a_file_with_several_stanzas_gets_one_policy() {
    let stanza = |name: &str| {
        format!(
            "  - {{provider: lambda, function_name: {name}, role: 'arn:aws:iam::123456789012:role/run'}}\n"
        )
    };
    let directory = directory(&[(".travis.yml", &format!("deploy:\n{}{}", stanza("aa"), stanza("bb")))]);
    let region = [("AWS_REGION", "eu-west-1")];
    let policy = |only: &[&str]| -> Value {
        let arguments = [&["policy", "--travis-yml", ".travis.yml"][..], only].concat();
        let output = on_files(directory.path(), &arguments, "master", &region);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        // Each note names its function.
        for name in if only.is_empty() { &["aa", "bb"][..] } else { &["aa"][..] } {
            let note = format!("no KMS key of the live function `{name}`");
            assert_eq!(stderr(&output).matches(&note).count(), 1, "{}", stderr(&output));
        }
        serde_json::from_slice(&output.stdout).expect("one document")
    };
    let (one, both) = (policy(&["--only", "aa"]), policy(&[]));
    let statements = |policy: &Value| policy["Statement"].as_array().expect("a list").clone();
    assert_eq!(statements(&one).len(), statements(&both).len(), "nothing is repeated: {both}");
    for (one, both) in statements(&one).iter().zip(statements(&both)) {
        assert_eq!((&one["Sid"], &one["Action"]), (&both["Sid"], &both["Action"]));
    }
    let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
    assert_eq!(both["Statement"][0]["Resource"], json!([arn("aa"), arn("bb")]));
    // A stanza that is invalid leaves nothing on standard output.
    fs::write(
        directory.path().join(".travis.yml"),
        format!("deploy:\n{}  - provider: lambda\n", stanza("aa")),
    )
    .expect("writable");
    let output = on_files(directory.path(), &["policy", "--travis-yml", ".travis.yml"], "master", &region);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{}", stderr(&output));
}

#[test]
fn a_policy_says_that_a_map_has_no_entry_for_the_branch() {
    let text = "deploy:\n  provider: lambda\n  function_name:\n    develop: aa\n    prod: bb\n";
    let directory = directory(&[("map.yml", text)]);
    let output = on_files(directory.path(), &["policy", "--travis-yml", "map.yml"], "qa", &[]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    let reported = stderr(&output);
    let sentence =
        "`function_name` is a map of branches: it is ignored, because it has no value for branch `qa`";
    assert!(reported.contains(sentence) && reported.lines().count() == 1, "{reported}");
}

#[test]
fn a_value_in_env_that_is_not_utf8_arrives_as_its_bytes() {
    let check = |value: &str, condition: &str| {
        let on = json!({"all_branches": true, "condition": condition});
        let env = json!({"PATH": &*PATH, "TRAVIS_BRANCH": "master", "A": "VALUE"});
        let request = json!({"function_name": "f", "on": on, "env": env}).to_string();
        PluginCommand::new(&["check"]).run_on(request.replace("VALUE", value).as_bytes())
    };
    let bytes = r"$A = $(printf 'caf\351 \303\251')";
    // As Python's JSON writer escapes it, and as a writer without escapes for other characters may.
    for value in [r"caf\udce9 \u00e9", r"caf\udce9 é", r"caf\uDCE9 \udcc3\udca9"] {
        let ended = check(value, bytes);
        assert_eq!(ended.outcome(), "checked", "{value}: {}", ended.stdout);
    }
    // As Node.js writes it: the byte is lost before.
    let ended = check(r"caf\ufffd \u00e9", bytes);
    assert_eq!(ended.finished()["unmet"][0]["condition"], "condition", "{}", ended.stdout);
    for value in [r"\ud800", r"\udfff", r"\udc7f", r"\ude00\ud83d"] {
        let ended = check(value, "a = a");
        assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)), "{value}: {}", ended.stdout);
        assert!(
            of_error(&ended, "message").contains("half of a surrogate pair"),
            "{value}: {}",
            ended.stdout
        );
    }
}

#[test]
#[ignore = "second tier: needs Python"]
fn a_runner_in_python_sends_bytes_without_further_code() {
    let mut python = Command::new("python3");
    let script = "import json, os\nprint(json.dumps({'function_name': 'f', 'env': dict(os.environ), 'on': \
                  {'all_branches': True, 'condition': \"$A = $(printf 'caf\\\\351')\"}}))";
    let value = OsStr::from_bytes(b"caf\xe9");
    python
        .args(["-c", script])
        .env_clear()
        .env("PATH", &*PATH)
        .env("TRAVIS_BRANCH", "master")
        .env("A", value);
    let output = python.output().expect("Python is installed");
    assert!(output.status.success(), "{}", stderr(&output));
    let ended = PluginCommand::new(&["check"]).run_on(&output.stdout);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
}

#[test]
fn the_events_of_a_run_have_times_in_order() {
    let fixture = Fixture::new(json!({}));
    let ended = fixture.deployed("// 1\n");
    // `PluginOutput` checks the form of each time.
    let times: Vec<&str> = ended.events.iter().filter_map(|event| event["time"].as_str()).collect();
    assert!(times.len() == ended.events.len() && times.is_sorted(), "{times:?}");
}

#[test]
fn a_job_can_demand_that_it_is_not_skipped() {
    let mut fixture = Fixture::new(json!({"on": {"branch": "main"}, "allow_failure": true}));
    for (name, value, why) in [
        ("TRAVIS_BRANCH", "dev", "this branch is not permitted: dev"),
        ("TRAVIS_PULL_REQUEST", "7", "the current build is a pull request"),
    ] {
        fixture.request["env"][name] = json!(value);
        for command in ["deploy", "plan", "check"] {
            let run = |arguments: &[&str]| fixture.run(arguments, &json!({}));
            assert_eq!(run(&[command]).outcome(), "skipped");
            let ended = run(&[command, "--require-deploy"]);
            assert_eq!(
                (ended.code(), ended.status.code()),
                ("skipped-but-required", Some(2)),
                "{}",
                ended.stdout
            );
            assert!(of_error(&ended, "message").ends_with(why), "{}", ended.stdout);
            assert_eq!(ended.finished()["changed"], json!([]));
        }
    }
    assert!(fixture.endpoint.calls().is_empty());
    fixture.request["env"]["TRAVIS_BRANCH"] = json!("main");
    fixture.request["env"]["TRAVIS_PULL_REQUEST"] = json!("false");
    assert_eq!(fixture.run(&["--require-deploy"], &json!({})).outcome(), "deployed");
}

#[test]
fn one_of_several_stanzas_is_enough_where_a_deployment_is_demanded() {
    let stanza = |name: &str, branch: &str| {
        format!("  - {{provider: lambda, function_name: {name}, on: {{branch: {branch}}}}}\n")
    };
    let file = |jobs: &str| format!("deploy:\n{}{}{jobs}", stanza("aa", "main"), stanza("bb", "dev"));
    let directory = directory(&[(".travis.yml", &file(""))]);
    let arguments = ["check", "--require-deploy", "--travis-yml", ".travis.yml"];
    for (branch, outcomes, status) in [
        ("main", ["checked", "skipped"], 0),
        ("dev", ["skipped", "checked"], 0),
        ("other", ["skipped", "failed"], 2),
    ] {
        let output = on_files(directory.path(), &arguments, branch, &[]);
        let ends = last_events(&output);
        let found: Vec<&str> = ends.iter().filter_map(|event| event["outcome"].as_str()).collect();
        assert_eq!((found.as_slice(), output.status.code()), (&outcomes[..], Some(status)), "{branch}");
    }
    // A job that Travis CI would not have made.
    fs::write(directory.path().join(".travis.yml"), file("if: branch = main\n")).expect("writable");
    let output = on_files(directory.path(), &arguments, "dev", &[]);
    let last = last_events(&output).pop().expect("an event");
    assert_eq!(
        (&last["error"]["code"], output.status.code()),
        (&json!("skipped-but-required"), Some(2)),
        "{last}"
    );
}

#[test]
fn a_runner_may_wait_for_hello_before_it_writes_the_secrets() {
    let mut child = PluginCommand::new(&["check"]).spawn();
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let began = Instant::now();
    let mut first = String::new();
    output.read_line(&mut first).expect("readable");
    let hello: Value = serde_json::from_str(&first).expect("an event");
    assert_eq!(
        (&hello["event"], &hello["protocol"]),
        (&json!("hello"), &json!([1])),
        "{:?}",
        began.elapsed()
    );
    let env = json!({"PATH": &*PATH, "TRAVIS_BRANCH": "master", "TOKEN": "a-secret-token"});
    let request = json!({"function_name": "f", "env": env}).to_string();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(request.as_bytes()).expect("the program waits for it");
    drop(stdin);
    let last = output.lines().map(|line| line.expect("readable")).last().expect("more events");
    assert!(last.contains(r#""outcome":"checked""#), "{last}");
    assert!(child.wait().expect("can be waited for").success());
}
