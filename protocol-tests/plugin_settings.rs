//! Tests the command `plugin`, whose stanza is in `PLUGIN_*` variables, as Drone and Woodpecker start it. The
//! unit tests in `src/standalone/plugin_settings/tests.rs` compare each option with a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};

use crate::ci_examples::builds::{self, Variables};
use crate::deployments::build_directory;
use crate::fixture::endpoint;
use crate::plugin::PluginCommand;
use crate::repository::{self, committed_schema};
use crate::standalone::{collected, tags, two_stanzas, with_keys};

/// The variables of every job of a CI, and those of a build.
type Build = [Variables; 2];

const DRONE: Build = [builds::DRONE.always, builds::DRONE.main];
const DRONE_TAG: Build = [builds::DRONE.always, builds::DRONE.tag];
const DRONE_REQUEST: Build = [builds::DRONE.always, builds::DRONE.request];
const WOODPECKER: Build = [builds::WOODPECKER.always, builds::WOODPECKER.main];
const WOODPECKER_TAG: Build = [builds::WOODPECKER.always, builds::WOODPECKER.tag];
const WOODPECKER_REQUEST: Build = [builds::WOODPECKER.always, builds::WOODPECKER.request];

/// The settings of a function that is deployed from `main`.
const HELLO: Variables = &[
    ("FUNCTION_NAME", "hello"),
    ("ROLE", "arn:aws:iam::123456789012:role/run"),
    ("RUNTIME", "nodejs22.x"),
    ("HANDLER_NAME", "handler"),
    ("ZIP", "index.js"),
    ("ON", r#"{"branch":"main"}"#),
];

/// The program with these variables and settings. The names of settings are those of their variables.
fn step(directory: &Path, endpoint: &Endpoint, build: Build, settings: &[(&str, &str)]) -> PluginCommand {
    with_settings(&["plugin"], directory, endpoint, build, settings)
}

fn with_settings(
    arguments: &[&str],
    directory: &Path,
    endpoint: &Endpoint,
    build: Build,
    settings: &[(&str, &str)],
) -> PluginCommand {
    let plugin = with_keys(PluginCommand::new(arguments), directory, Some(endpoint)).envs(build.concat());
    plugin.envs(settings.iter().map(|(name, text)| (format!("PLUGIN_{name}"), *text)))
}

/// The settings of [`HELLO`] and these.
fn hello(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let is_other = |setting: &&(&str, &str)| more.iter().all(|(name, _)| *name != setting.0);
    HELLO.iter().filter(is_other).chain(more).copied().collect()
}

/// The type of an option in the schema of requests, such as `Text`.
fn type_of(schema: &Value, key: &str) -> String {
    let property = schema["properties"][key].to_string();
    let (_, rest) = property.split_once("#/definitions/").unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// The settings that say the same as a stanza, with the names of their variables. `None`: settings cannot say
/// it, because an option that is a text has another value.
pub(crate) fn settings_of(stanza: &Value) -> Option<Vec<(String, String)>> {
    const TEXTS: [&str; 5] = ["Text", "SecretText", "WholeNumber", "Flag", "NumberOrNone"];
    let schema = committed_schema("request.json");
    let mut settings = Vec::new();
    for (key, value) in stanza.as_object().expect("an object").iter().filter(|(key, _)| *key != "env") {
        let kind = type_of(&schema, key);
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) if TEXTS.contains(&kind.as_str()) => return None,
            Value::Array(items) if ["NumberList", "Layers"].contains(&kind.as_str()) || key == "alias" => {
                let texts = items.iter().map(|item| item.as_str().map_or(item.to_string(), str::to_owned));
                let is_plain = items.iter().all(|item| !item.is_object() && !item.is_array());
                if is_plain { texts.collect::<Vec<_>>().join(",") } else { value.to_string() }
            }
            other => other.to_string(),
        };
        settings.push((key.to_uppercase(), text));
    }
    Some(settings)
}

#[test]
fn settings_say_the_same_as_the_stanza_in_a_file() {
    let layer = |version: u32| format!("arn:aws:lambda:us-east-1:123456789012:layer:l:{version}");
    let stanza = json!({
        "function_name": "hello", "role": "arn:aws:iam::123456789012:role/run", "runtime": "nodejs22.x",
        "handler_name": "handler", "zip": "index.js", "on": {"branch": "main", "tags": false}, "timeout": 20,
        "description": "{\"no\": \"JSON\"}", "layers": [layer(2), layer(1)],
        "environment": {"LIST": "a,b", "NUMBER": 7, "TOKEN": "secret-token"},
        "function_tags": {"team": "payments"}, "alias": ["live", "next"], "traffic": [50, 100],
        "traffic_interval": 1, "verify": [{"payload": {"a": [1, 2]}}, {"command": "test -n $VERSION"}],
        "logging_config": {"log_format": "JSON"}, "publish": true,
        "run": ["echo a, b"], "tmeout": 3,
    });
    let settings = settings_of(&stanza).expect("settings can say it");
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    for build in [DRONE, WOODPECKER] {
        let (ours, theirs) = (endpoint(), endpoint());
        let directory = build_directory();
        fs::write(directory.path().join(".lambda.json"), stanza.to_string()).expect("written");
        for command in ["check", "plan", "deploy", "deploy"] {
            let settings = [&settings[..], &[("COMMAND", command), ("FORMAT", "json")]].concat();
            let secret = ["secret-token".to_owned()];
            let step = step(directory.path(), &ours, build, &settings).secrets(secret.clone()).run_on(b"");
            let arguments = [command, "--stanza", ".lambda.json", "--format", "json"];
            let file = with_settings(&arguments, directory.path(), &theirs, build, &[]);
            let file = file.secrets(secret).run_on(b"");
            assert_eq!(tags(&step), tags(&file), "{command}\n{}\n{}", step.stdout, file.stdout);
            assert_eq!(step.status.code(), file.status.code());
        }
        let live = ours.function("hello").expect("it exists");
        assert_eq!(live["Configuration"]["Description"], "{\"no\": \"JSON\"}");
        assert_eq!(live["Configuration"]["Layers"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn the_build_is_that_of_the_ci() {
    let (main, tags, none) = (r#"{"branch":"main"}"#, r#"{"tags":true}"#, "");
    for (build, on, outcome) in [
        (DRONE, main, "deployed"),
        (DRONE, tags, "skipped"),
        // Without `on`, only `master` is deployed.
        (DRONE, none, "skipped"),
        (DRONE_TAG, main, "skipped"),
        (DRONE_TAG, tags, "deployed"),
        (DRONE_REQUEST, main, "skipped"),
        (WOODPECKER, main, "deployed"),
        (WOODPECKER, tags, "skipped"),
        (WOODPECKER_TAG, main, "skipped"),
        (WOODPECKER_TAG, tags, "deployed"),
        (WOODPECKER_REQUEST, main, "skipped"),
    ] {
        let (endpoint, directory) = (endpoint(), build_directory());
        let mut settings = hello(&[("FORMAT", "json"), ("ON", on)]);
        settings.retain(|setting| *setting != ("ON", ""));
        let ended = step(directory.path(), &endpoint, build, &settings).run_on(b"");
        assert_eq!(ended.outcome(), outcome, "{build:?} {on}\n{}", ended.stdout);
        if outcome == "skipped" {
            settings.push(("REQUIRE_DEPLOY", "true"));
            let ended = step(directory.path(), &endpoint, build, &settings).run_on(b"");
            assert_eq!(ended.code(), "skipped-but-required", "{build:?} {on}\n{}", ended.stdout);
            assert_eq!(endpoint.calls().len(), 0, "{build:?} {on}");
        }
    }
}

#[test]
fn the_output_is_text_which_names_settings_in_place_of_lines() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let text = |more| collected(step(directory.path(), &endpoint, DRONE, &hello(more)));
    let (stdout, stderr, status) = text(&[("MEMORY_SISE", "512")]);
    assert_eq!((stderr.as_str(), status), ("", Some(0)), "{stdout}");
    assert!(stdout.contains("\ndeployed hello\n"), "{stdout}");
    for part in ["warning[unknown-key]: `memory_sise` is not an option", "--> settings.memory_sise\n"] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
    assert!(stdout.contains("did you mean `memory_size`?"), "{stdout}");
    let (stdout, _, status) = text(&[("MEMORY_SISE", "512"), ("STRICT", "true")]);
    assert!(stdout.contains("error[unknown-key]") && status == Some(2), "{stdout}");
    let (stdout, _, status) = text(&[("TIMEOUT", "ten"), ("LOGGING_CONFIG", r#"{"log_format": []}"#)]);
    assert_eq!(status, Some(2), "{stdout}");
    for part in ["`timeout` is `ten`", "--> settings.timeout\n", "--> settings.logging_config.log_format\n"] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
}

#[test]
fn a_note_about_an_option_names_the_setting() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let promoted: Build = [builds::DRONE.always, &[("DRONE_BUILD_EVENT", "promote")]];
    let (_, stderr, status) = collected(step(directory.path(), &endpoint, promoted, &hello(&[])));
    assert_eq!((status, endpoint.calls().len()), (Some(0), 0), "{stderr}");
    assert!(stderr.contains("use `ci: none`, which takes") && !stderr.contains("--ci"), "{stderr}");
}

#[test]
fn a_step_without_settings_is_answered_with_what_to_write() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let (stdout, stderr, status) = collected(step(directory.path(), &endpoint, [&[], &[]], &[]));
    assert_eq!((stdout.as_str(), status, stderr.lines().count()), ("", Some(2), 1), "{stderr}");
    for part in ["no variable `PLUGIN_*` is set", "`function_name: hello`", "--stanza FILE", "--help"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}

#[test]
fn settings_that_cannot_be_used_are_all_refused_before_the_run() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let wrong: &[(&str, &str)] = &[
        ("COMAND", "plan"),
        ("VERIFY", r#"{"payload": }"#),
        ("REQUIRE_DEPLOY", "perhaps"),
        ("OUT", ".plan.json"),
        ("RESULT", ".result"),
    ];
    let settings = [HELLO, wrong].concat();
    let (stdout, stderr, status) = collected(step(directory.path(), &endpoint, DRONE, &settings));
    assert_eq!((stdout.as_str(), status, stderr.lines().count()), ("", Some(2), 4), "{stderr}");
    for part in [
        "`settings.comand` is not an option; did you mean `command`?",
        "`settings.verify` is no valid JSON",
        "`settings.require_deploy` is neither true nor false",
        "`settings.out` belongs to `command: plan`",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let result = fs::read_to_string(directory.path().join(".result")).expect("written");
    assert_eq!(result, "outcome=failed\n");
    // The same as events, where they are wanted.
    let settings = [&settings[..], &[("FORMAT", "json")]].concat();
    let ended = step(directory.path(), &endpoint, DRONE, &settings).run_on(b"");
    let problems = ended.finished()["error"]["problems"].as_array().map(Vec::len);
    assert_eq!((problems, ended.status.code()), (Some(4), Some(2)), "{}", ended.stdout);
    assert_eq!(endpoint.calls().len(), 0);
}

#[test]
fn a_setting_can_name_a_file_with_stanzas_but_not_beside_a_stanza() {
    let (endpoint, directory) = (endpoint(), build_directory());
    fs::write(directory.path().join(".travis.yml"), two_stanzas()).expect("written");
    let files = [("TRAVIS_YML", ".travis.yml"), ("ONLY", "two"), ("HARNESS_FILE", "x")];
    let (stdout, stderr, status) = collected(step(directory.path(), &endpoint, DRONE, &files));
    assert!(stdout.contains("\ndeployed two\n") && status == Some(0), "{stdout}\n{stderr}");
    assert!(stderr.contains("`settings.harness_file` is unknown and is ignored"), "{stderr}");
    assert!(endpoint.function("one").is_none());
    let both = hello(&[("TRAVIS_YML", ".travis.yml")]);
    let (_, stderr, status) = collected(step(directory.path(), &endpoint, DRONE, &both));
    let part = "`settings.travis_yml` names a file, but there are options of a stanza, too: \
        `settings.function_name`, ";
    assert!(stderr.contains(part) && status == Some(2), "{stderr}");
}

#[test]
fn a_plan_can_be_written_and_deployed_and_a_result_is_in_its_file() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let run = |more| collected(step(directory.path(), &endpoint, WOODPECKER, &hello(more)));
    let (stdout, stderr, status) = run(&[("COMMAND", "plan"), ("OUT", ".plan.json"), ("EXIT_CODE", "true")]);
    assert_eq!(status, Some(3), "{stdout}\n{stderr}");
    let (stdout, stderr, status) =
        run(&[("PLAN", ".plan.json"), ("RESULT", ".result"), ("SUMMARY", ".summary.md")]);
    assert!(stdout.contains("\ndeployed hello\n") && status == Some(0), "{stdout}\n{stderr}");
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).expect("written");
    assert!(read(".result").starts_with("outcome=deployed\nversion="), "{}", read(".result"));
    assert!(read(".summary.md").contains("**deployed:**"), "{}", read(".summary.md"));
    let (stdout, _, status) = run(&[("PLAN", ".plan.json"), ("SUMMARY", ".outdated.md")]);
    assert!(stdout.contains("error[plan-outdated]") && status == Some(1), "{stdout}");
    let summary = read(".outdated.md");
    assert!(summary.starts_with("### <code>hello</code>\n\n**failed:**"), "{summary}");
}

#[test]
fn no_command_condition_or_function_gets_the_settings() {
    let (endpoint, directory) = (endpoint(), build_directory());
    let settings = hello(&[
        ("ON", r#"{"branch":"main","condition":"-z $PLUGIN_FUNCTION_NAME && -z $PLUGIN_SECRET_ACCESS_KEY"}"#),
        ("RUN", "printenv; tr '\\0' '\\n' </proc/$PPID/environ; true"),
        ("ENVIRONMENT", r#"{"TOKEN":"secret-token"}"#),
        ("ACCESS_KEY_ID", "AKIDENDPOINTEXAMPLE1"),
        ("SECRET_ACCESS_KEY", "endpoint-secret-key"),
    ]);
    let step = step(directory.path(), &endpoint, DRONE, &settings);
    let (stdout, stderr, status) = collected(step.env("AWS_SECRET_ACCESS_KEY", ""));
    assert!(stdout.contains("\ndeployed hello\n") && status == Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains("DRONE_BRANCH=main"), "the command has printed nothing\n{stdout}");
    for hidden in ["PLUGIN_RUN", "PLUGIN_ROLE", "PLUGIN_ENVIRONMENT", "secret-token", "endpoint-secret-key"] {
        assert!(!stdout.contains(hidden) && !stderr.contains(hidden), "{hidden}\n{stdout}\n{stderr}");
    }
    let live = endpoint.function("hello").expect("it exists");
    assert_eq!(live["Configuration"]["Environment"]["Variables"], json!({"TOKEN": "secret-token"}));
}

#[test]
fn options_are_settings_and_not_arguments() {
    let (endpoint, directory) = (endpoint(), build_directory());
    for arguments in
        [&["plugin", "--format", "json"][..], &["--stanza", "f.yml", "plugin"], &["plugin", "--bogus"]]
    {
        let plugin = with_settings(arguments, directory.path(), &endpoint, DRONE, HELLO);
        let (stdout, stderr, status) = collected(plugin);
        let lines = stderr.lines().count();
        assert_eq!((stdout.as_str(), status, lines), ("", Some(2), 1), "{arguments:?}: {stderr}");
    }
}

/// The options of a command in its `--help`, as settings.
fn options_of(command: &str) -> BTreeSet<String> {
    let (help, ..) = collected(PluginCommand::new(&[command, "--help"]));
    let options = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let names = options.filter_map(|option| option.split([' ', '<']).next());
    names.map(|name| name.replace('-', "_")).collect()
}

#[test]
fn the_documented_settings_are_just_the_options_of_the_commands() {
    let page = repository::read(Path::new("docs/ci.md"));
    let (_, section) = page.split_once("\n### Drone and Woodpecker plugin\n").expect("a section");
    let (_, table) = section.split_once("| setting |").expect("a table of settings");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let documented: BTreeSet<String> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    let mut options: BTreeSet<String> =
        ["deploy", "plan", "check", "rollback"].into_iter().flat_map(options_of).collect();
    options.retain(|option| !["help", "version"].contains(&option.as_str()));
    options.insert("command".to_owned());
    assert_eq!(documented, options);
    for example in ["drone-plugin.yml", "woodpecker-plugin.yml"] {
        assert!(section.contains(&repository::read(&Path::new("examples/ci").join(example))), "{example}");
    }
}
