//! Tests what people write, from public bug reports and files of other tools: it is read as it was meant, or
//! refused with what to write instead. Here are values, variables and conditions.

mod command_line;
mod files;
mod keys;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, object};
use crate::plugin::{PluginCommand, PluginOutput};
use crate::repository::committed_schema;
use crate::shell::PATH;

/// Checks a stanza of the function `f` with these members, on the branch `master`.
fn checked(members: Value) -> PluginOutput {
    let mut stanza = json!({"function_name": "f", "env": {"TRAVIS_BRANCH": "master", "PATH": &*PATH}});
    stanza.as_object_mut().expect("an object").extend(object(members));
    PluginCommand::new(&["check"]).run(&stanza)
}

/// The warnings of a run as `code at`.
fn warnings(ended: &PluginOutput) -> Vec<String> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    warnings.map(|warning| format!("{} {}", text(&warning["code"]), text(&warning["at"]))).collect()
}

/// The message of the warning about a key, which contains its hint.
#[track_caller]
fn warning_at<'a>(ended: &'a PluginOutput, at: &str) -> &'a str {
    let is_about = |event: &&Value| event["event"] == "warning" && event["at"] == at;
    let warning = ended.events.iter().find(is_about).unwrap_or_else(|| panic!("{at}: {}", ended.stdout));
    warning["message"].as_str().expect("a string")
}

fn error_message(ended: &PluginOutput) -> &str {
    ended.finished()["message"].as_str().expect("a string")
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

/// The program without a request, outside of git.
fn standalone(arguments: &[&str], directory: &Path, input: &str) -> PluginOutput {
    let plugin = PluginCommand::new(arguments).directory(directory).env("GIT_CEILING_DIRECTORIES", "/");
    plugin.run_on(input.as_bytes())
}

#[test]
fn a_list_of_names_and_values_is_a_list_of_variables_and_tags() {
    let fixture = Fixture::new(json!({
        "environment": [{"name": "STAGE", "value": "production"}],
        "function_tags": [{"Key": "team", "Value": "payments"}],
    }));
    let ended = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let expected = ["lenient-value /environment", "lenient-value /function_tags"];
    assert_eq!(warnings(&ended), expected, "{}", ended.stdout);
    let live = fixture.endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["Environment"]["Variables"], json!({"STAGE": "production"}));
    assert_eq!(live["Tags"], json!({"team": "payments"}));
}

#[test]
fn names_and_values_in_a_form_that_is_not_known_are_no_variables() {
    for entry in [json!({"name": "TOKEN", "valueFrom": "secret"}), json!({"Key": "a", "Value": "b", "X": 1})]
    {
        let ended = checked(json!({"function_tags": [entry]}));
        let at = ended.finished()["error"]["at"].as_str();
        assert_eq!((ended.code(), at), ("bad-value", Some("/function_tags/0")), "{}", ended.stdout);
    }
    let ended = checked(json!({"environment": {"name": "STAGE", "value": "production"}}));
    assert_eq!(warnings(&ended), ["lenient-value /environment"], "{}", ended.stdout);
    assert_eq!(warnings(&checked(json!({"environment": {"NAME": "a", "VALUE": "b"}}))), [""; 0]);
}

#[test]
fn a_number_in_another_unit_is_answered_with_what_is_meant() {
    for (members, hint) in [
        (json!({"timeout": "5m"}), "write 300, or 5 if seconds are meant"),
        (json!({"timeout": "30s"}), "write 30"),
        (json!({"memory_size": "1 GB"}), "write 1024, or 1 if MB are meant"),
        (json!({"memory_size": "512MB"}), "write 512"),
    ] {
        let ended = checked(members.clone());
        let warning = ended.event("warning").expect("a warning");
        assert_eq!(
            (&warning["code"], &warning["hint"]),
            (&json!("lenient-value"), &json!(hint)),
            "{members}"
        );
    }
}

#[test]
fn a_list_that_is_partly_of_names_and_values_is_refused() {
    let ended = checked(json!({"environment": [{"name": "STAGE", "value": "production"}, "AA=b"]}));
    assert_eq!(
        (ended.code(), ended.finished()["error"]["at"].as_str()),
        ("bad-value", Some("/environment/0"))
    );
}

#[test]
fn variables_in_the_form_of_aws_are_valid_in_the_schema() {
    let validator = jsonschema::draft7::new(&committed_schema("stanza.json")).expect("a valid schema");
    for (environment, is_valid) in [
        (json!({"variables": {"STAGE": "production"}}), true),
        (json!({"Variables": {"STAGE": {"secure": "x"}}}), true),
        (json!({"variables": "x"}), true),
        (json!([{"name": "STAGE", "value": "production"}]), true),
        (json!({"variables": {"STAGE": ["x"]}}), false),
        (json!({"variables": {"STAGE": "x"}, "OTHER": "y"}), false),
        (json!({"STAGE": {"OTHER": "x"}}), false),
    ] {
        let stanza = json!({"function_name": "f", "environment": environment});
        assert_eq!(validator.is_valid(&stanza), is_valid, "{stanza}");
        // The program refuses an encrypted value, which the schema is for.
        if !stanza.to_string().contains("secure") {
            assert_eq!(checked(stanza.clone()).outcome() == "checked", is_valid, "{stanza}");
        }
    }
}

#[test]
fn spaces_around_the_equals_sign_are_no_part_of_a_value() {
    let fixture = Fixture::new(json!({"environment": ["BB = 1", "CC=2"]}));
    let ended = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(warnings(&ended), ["lenient-value /environment/0"], "{}", ended.stdout);
    let live = fixture.endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["Environment"]["Variables"], json!({"BB": "1", "CC": "2"}));
}

#[test]
fn a_key_whose_variable_is_not_set_is_not_sent() {
    let text = "provider: lambda\nfunction_name: f\nrole: arn:aws:iam::123456789012:role/lambda-run\n\
                runtime: nodejs22.x\nhandler_name: handler\nzip: index.js\naccess_key_id: $KEY_OF_QA\n\
                secret_access_key: $SECRET_OF_QA\non: {all_branches: true}\n";
    let directory = directory(&[("stanza.yml", text), ("index.js", "exports.handler = async () => 1\n")]);
    let ended = standalone(&["plan", "--stanza", "stanza.yml"], directory.path(), "");
    assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
    assert_eq!(ended.finished()["error"]["at"], "/access_key_id");
    assert!(error_message(&ended).contains("`KEY_OF_QA`, which is not set"), "{}", ended.stdout);
    // No credentials are needed here.
    let ended = standalone(&["check", "--stanza", "stanza.yml"], directory.path(), "");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let unset = ended.events.iter().find(|event| event["at"] == "/secret_access_key").expect("a warning");
    let expected = "warning: the variable `SECRET_OF_QA` is not set, so it is left unchanged; set the variable in \
                    the job";
    assert_eq!(unset["message"], expected);
    let fixture = Fixture::new(json!({}));
    for (members, at) in [
        (json!({"access_key_id": "id", "secret_access_key": "$SECRET_OF_QA"}), "/secret_access_key"),
        (
            json!({"access_key_id": "id", "secret_access_key": "s", "session_token": "${TOKEN_OF_QA}"}),
            "/session_token",
        ),
        (json!({"access_key_id": "id", "secret_access_key": "${{ secrets.KEY }}"}), "/secret_access_key"),
    ] {
        let ended = fixture.run(&["plan"], &members);
        assert_eq!((ended.code(), ended.finished()["error"]["at"].as_str()), ("no-credentials", Some(at)));
    }
    assert_eq!(fixture.operations(), Vec::<String>::new());
}

#[test]
fn a_role_a_region_or_a_name_whose_variable_is_not_set_is_refused_before_the_first_call() {
    let fixture = Fixture::new(json!({}));
    for (key, command) in [
        ("role", "deploy"),
        ("role_to_assume", "rollback"),
        ("region", "check"),
        ("function_name", "plan"),
        ("s3_bucket", "plan"),
    ] {
        let ended = fixture.run(&[command], &json!({key: "$NAME_OF_QA", "alias": "live"}));
        assert_eq!((ended.code(), ended.status.code()), ("bad-value", Some(2)), "{key}: {}", ended.stdout);
        assert!(error_message(&ended).contains("`$NAME_OF_QA`"), "{key}: {}", ended.stdout);
        assert!(error_message(&ended).contains("not set"), "{key}: {}", ended.stdout);
        assert!(!ended.stdout.contains("unset-variable"), "{key}: {}", ended.stdout);
    }
    assert_eq!(fixture.operations(), Vec::<String>::new());
    // A check calls nobody, and the variable may be one of the job.
    assert_eq!(warnings(&checked(json!({"role": "$NAME_OF_QA"})))[0], "unset-variable /role");
}

#[test]
fn an_empty_key_is_refused() {
    for key in ["access_key_id", "secret_access_key", "session_token"] {
        let mut keys = json!({"access_key_id": "id", "secret_access_key": "s"});
        keys[key] = json!("");
        let ended = checked(keys);
        assert_eq!((ended.code(), ended.status.code()), ("bad-value", Some(2)), "{}", ended.stdout);
        assert!(error_message(&ended).contains(&format!("`{key}` is empty")), "{}", ended.stdout);
    }
}

#[test]
fn conditions_in_a_wrong_place_are_no_conditions() {
    let stanza = "deploy:\n  provider: lambda\n  function_name: f\n  zip: out\n";
    let inside = format!(
        "{stanza}  access_key_id: AKIAIOSFODNN7EXAMPLE\n  secret_access_key:\n    secure: abcd\n    \
         on:\n      tags: true\n"
    );
    let beside = format!("{stanza}on:\n  tags: true\n");
    let directory = directory(&[(".travis.yml", inside.as_str()), ("b.yml", beside.as_str())]);
    let check = |file: &str, branch: &str| {
        let plugin = PluginCommand::new(&["check", "--travis-yml", file]).directory(directory.path());
        plugin.env("GIT_CEILING_DIRECTORIES", "/").env("TRAVIS_BRANCH", branch).run_on(b"")
    };
    for (branch, outcome) in [("master", "checked"), ("secure", "skipped"), ("on", "skipped")] {
        let ended = check(".travis.yml", branch);
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
        assert_eq!(warnings(&ended), ["unknown-key /secret_access_key/on"], "{}", ended.stdout);
        let message = warning_at(&ended, "/secret_access_key/on");
        assert!(message.contains("`on` is inside `secret_access_key`, so it is no condition"), "{message}");
    }
    let ended = check("b.yml", "master");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let note = "b.yml: line 5: `on` is beside `deploy`, where Travis CI ignores it";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    // The encrypted key itself is still needed where AWS is called.
    let plan = PluginCommand::new(&["plan", "--travis-yml", ".travis.yml"]).directory(directory.path());
    let ended = plan.env("GIT_CEILING_DIRECTORIES", "/").env("TRAVIS_BRANCH", "master").run_on(b"");
    assert_eq!(ended.code(), "not-decrypted", "{}", ended.stdout);
}

#[test]
fn strict_refuses_what_is_no_condition() {
    for (members, at) in [
        (json!({"on": {"branch": "master", "os": "linux"}}), "/on/os"),
        (json!({"on": {"branch": "master", "tag": true}}), "/on/tag"),
        (json!({"branch": "master"}), "/branch"),
    ] {
        let mut strict = members.clone();
        strict["strict"] = json!(true);
        let ended = checked(strict);
        assert_eq!((ended.code(), ended.finished()["error"]["at"].as_str()), ("unknown-key", Some(at)));
        assert_eq!(checked(members).outcome(), "checked");
    }
}

#[test]
fn a_map_of_branches_in_a_list_is_read_for_the_branch_or_refused() {
    let subnets = json!([{"master": "subnet-1", "dev": "subnet-2"}]);
    let ended = checked(json!({"subnet_ids": subnets, "security_group_ids": ["sg-1"]}));
    assert_eq!((ended.outcome(), warnings(&ended)), ("checked", vec!["deprecated /subnet_ids".to_owned()]));
    for members in [
        json!({"subnet_ids": [{"dev": "subnet-2"}]}),
        json!({"environment": [{"master": "STAGE=prod", "dev": "STAGE=test"}]}),
        json!({"environment": {"master": ["STAGE=prod"], "dev": ["STAGE=test"]}}),
    ] {
        assert_eq!(checked(members.clone()).code(), "bad-value", "{members}");
    }
}
