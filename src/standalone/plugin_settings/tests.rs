//! Tests that the settings of a plugin say the same as a file, for each option in the forms that Drone and
//! Woodpecker pass.

use serde_json::{Value, json};

use super::*;
use crate::protocol::schema;
use crate::protocol::secret::Secret;
use crate::standalone::yaml::{self, SourceMap};

/// A step with these settings. Its command has a few options.
fn stanza_of(settings: &[(&str, String)]) -> PluginStanza {
    let variable = |(name, text): &(&str, String)| {
        (OsString::from(format!("PLUGIN_{}", name.to_uppercase())), OsString::from(text))
    };
    let mut settings = PluginSettings::of(settings.iter().map(variable));
    settings.choice("command", &["deploy", "plan"]);
    settings.flag("require_deploy");
    for option in ["stanza", "travis_yml", "only"] {
        settings.option(option);
    }
    settings.into_stanza()
}

/// The text that the CI passes for a value. It joins a list of texts with commas. Where an entry can contain
/// one, several entries have to be written as JSON.
fn as_text(key: &str, value: &Value) -> String {
    let is_plain = |item: &Value| !item.is_array() && !item.is_object();
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(is_plain) => {
            if items.len() > 1 && stanza::text_form(key) != Some(TextForm::Names) {
                return value.to_string();
            }
            items.iter().map(|item| as_text(key, item)).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// The values that editors show for an option; a boolean, if there are none.
fn shown_values(option: &str, property: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut values = list(&property["examples"]);
    values.extend(property.get("default").cloned());
    values.extend(list(&property["anyOf"]).iter().flat_map(|choice| list(&choice["enum"])));
    let text = property["markdownDescription"].as_str().unwrap_or_default();
    if let Some((_, rest)) = text.split_once("```yaml\n") {
        let (text, _) = rest.split_once("\n```").expect("the example ends");
        let tree = yaml::parse(text, &mut Vec::new()).expect("YAML").expect("a value");
        let node = tree.read("", &mut SourceMap::of_stanza()).expect("a map");
        values.extend(node.as_map().and_then(|map| map.get(option)).map(Value::from));
    }
    if values.is_empty() {
        values.push(json!(true));
    }
    values
}

/// More values that a file can contain.
fn more_values() -> Vec<(&'static str, Value)> {
    vec![
        ("alias", json!(["live", "next"])),
        ("alias", json!([])),
        ("architectures", json!(["x86_64", "arm64"])),
        ("description", json!("[no JSON, \"but a text\"")),
        ("description", json!("{\"Version\": \"2012-10-17\", \"Statement\": []}")),
        ("description", json!("")),
        ("environment", json!({})),
        ("environment", json!({"LIST": "a,b=c", "NUMBER": 7, "ON": true, "EMPTY": ""})),
        ("environment", json!(["LIST=a,b", "OTHER=c"])),
        ("environment", json!(["LIST=a,b"])),
        ("environment_variables", json!({"STAGE": "test"})),
        ("exclude", json!(["*.test.js", "{a,b}"])),
        ("function_tags", json!(["team=payments"])),
        ("if", json!({"branch": "main", "tags": false})),
        ("layers", json!(["tools:latest", "deps:3"])),
        ("layers", json!(["tools", {"name": "deps", "zip": "layer", "keep_versions": 3}])),
        ("layers", json!({"name": "deps", "zip": "layer"})),
        ("on", json!({"branch": ["main", "release/*"], "tags": true, "condition": "$A = b"})),
        ("on", json!("main")),
        ("on", json!(false)),
        ("provisioned_concurrency", json!("none")),
        ("role", json!("a,b")),
        ("run", json!(["echo a, b", "./announce.sh"])),
        ("security_group_ids", json!(["sg-1", "sg-2"])),
        ("subnet_ids", json!(["subnet-1", "subnet-2"])),
        ("timeout", json!("ten")),
        ("traffic", json!([10, "50", 100])),
        ("verify", json!([{}, {"command": "a, b"}, {"payload": [1, 2.5], "expect": {"status": 200}}])),
        ("verify", json!({})),
        ("zip", json!(["dist", "a, b"])),
    ]
}

/// Everything that is read of a stanza. Secrets hide themselves in `Debug`, so their values are added.
fn read(map: &Map) -> String {
    let read = stanza::read(map);
    let secrets: Vec<&str> = read.options().secrets().map(Secret::expose).collect();
    format!("{:#?}\n{:#?}\n{:#?}\n{secrets:?}", read.options(), read.problems(), read.warnings)
}

#[track_caller]
fn check_same(key: &str, value: &Value) {
    let file = json!({"function_name": "f", key: value}).to_string();
    let Ok(Node::Map(file)) = json::parse(file.as_bytes()) else { panic!("{file}") };
    if file.get(key).is_some_and(|node| !node.encrypted("").is_empty()) {
        return;
    }
    let mut settings = vec![(key, as_text(key, value))];
    if key != "function_name" {
        settings.push(("function_name", "f".to_owned()));
    }
    let plugin = stanza_of(&settings);
    assert_eq!((plugin.problems.as_slice(), plugin.notes.as_slice()), (&[][..], &[][..]), "{key}: {value}");
    assert_eq!(read(&plugin.stanza), read(&file), "{key}: {value}");
    if ["on", "if", "true"].contains(&key) {
        assert_eq!(plugin.stanza.get(key), file.get(key), "{key}: {value}");
    }
}

#[test]
fn every_option_says_the_same_as_in_a_file() {
    let schema = schema::editor_stanza();
    let properties = schema["properties"].as_object().expect("a map of options");
    let mut number = 0;
    for key in properties.keys() {
        let option = stanza::option_of(key);
        for value in shown_values(option, &properties[option]) {
            check_same(key, &value);
            number += 1;
        }
    }
    assert!(number > properties.len(), "{number}");
    more_values().iter().for_each(|(key, value)| check_same(key, value));
}

/// The problems as `code at: message; hint`, and the notes.
fn said(settings: &[(&str, &str)]) -> Vec<String> {
    let settings: Vec<(&str, String)> =
        settings.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    let PluginStanza { problems, notes, .. } = stanza_of(&settings);
    let problems = problems.into_iter().map(|Problem { code, message, at, hint }| {
        let (at, hint) = (at.unwrap_or_default(), hint.unwrap_or_default());
        format!("{code} {at}: {message}; {hint}")
    });
    problems.chain(notes).collect()
}

#[track_caller]
fn check_said(settings: &[(&str, &str)], expected: &[&str]) {
    let said = said(settings);
    let is_expected = said.len() == expected.len()
        && said.iter().zip(expected).all(|(said, expected)| said.starts_with(expected));
    assert!(is_expected && !said.concat().contains("hunter2"), "{settings:?}: {said:#?}");
}

#[test]
fn what_is_wrong_is_said_of_each_setting_by_its_name() {
    check_said(&[], &["bad-arguments : there are no settings: no variable `PLUGIN_*` is set; in a step"]);
    check_said(
        &[("command", "hunter2"), ("require_deploy", "hunter2")],
        &[
            "bad-arguments : `settings.command` has an unknown value; expected one of `deploy`, `plan`",
            "bad-arguments : `settings.require_deploy` is neither true nor false",
        ],
    );
    check_said(
        &[("verify", "{\"payload\": hunter2}"), ("environment", "{\"A\": 1, \"A\": \"hunter2\"}")],
        &[
            "duplicate-key /environment: `settings.environment` is no valid JSON: duplicate key `A` at",
            "bad-value /verify: `settings.verify` is no valid JSON: expected value at line 1",
        ],
    );
    check_said(
        &[("environment", "{\"A\": {\"secure\": \"hunter2\"}}")],
        &["not-decrypted /environment/A: `settings.environment.A` is encrypted; only Travis CI"],
    );
    check_said(
        &[("secret_access_key", "{\"secure\": \"hunter2\"}"), ("description", "{\"a\": \"hunter2\"}")],
        &["not-decrypted /secret_access_key: `settings.secret_access_key` is encrypted; only Travis CI"],
    );
    check_said(
        &[("alias_0", "hunter2"), ("alias_1", "b"), ("alias_count", "2")],
        &["bad-value : `settings.alias_count` is not an option; the CI has made several variables of a list"],
    );
    check_said(
        &[("environment", "A=hunter2,B=c"), ("function_tags", "a=b,c=hunter2")],
        &[
            "bad-value /environment: `settings.environment` is a list that the CI has joined",
            "bad-value /function_tags: `settings.function_tags` is a list that the CI has joined",
        ],
    );
    check_said(
        &[("run", "echo hunter2, b")],
        &["`settings.run` is read as one entry, with its commas; write several entries as JSON: `run: '["],
    );
}

#[test]
fn a_misspelt_option_of_the_command_is_refused_and_other_unknown_settings_are_left_to_the_run() {
    check_said(
        &[("comand", "plan"), ("require-deply", "true"), ("env", "{}"), ("plan", "x")],
        &[
            "unknown-key : `settings.comand` is not an option; did you mean `command`?",
            "unknown-key : `settings.env` is not an option; use `environment`",
            "unknown-key : `settings.plan` is not an option; remove it",
            "unknown-key : `settings.require_deply` is not an option; did you mean `require_deploy`?",
        ],
    );
    for (name, text) in [("memory-sise", "512"), ("log_format", "JSON"), ("tags", "{\"a\": 1}"), ("x", "[")] {
        check_said(&[(name, text)], &[]);
        let stanza = stanza_of(&[(name, text.to_owned())]).stanza;
        assert!(stanza.contains(&name.replace('-', "_")), "{name}: {stanza:?}");
    }
    check_said(&[("stanza", "f.yml"), ("artifact", "x")], &["`settings.artifact` is unknown and is ignored"]);
}

#[test]
fn a_setting_has_one_value_in_all_its_spellings_and_names() {
    let said = |variables: &[(&str, &str)]| {
        let variable =
            |(name, text): &(&str, &str)| (OsString::from(format!("PLUGIN_{name}")), OsString::from(text));
        let mut settings = PluginSettings::of(variables.iter().map(variable));
        settings.choice("command", &["deploy", "plan"]);
        let problems = settings.into_stanza().problems.into_iter();
        problems.map(|problem| format!("{} {}", problem.code, problem.message)).collect::<Vec<_>>()
    };
    for (first, second, what) in [
        ("zip", "ZIP", "zip` has one value in `PLUGIN_zip` and another one in `PLUGIN_ZIP`"),
        ("S3-KEY", "S3_KEY", "s3_key` has one value in `PLUGIN_S3-KEY` and another one in `PLUGIN_S3_KEY`"),
        ("Unknown.x", "UNKNOWN_X", "unknown_x` has one value in `PLUGIN_Unknown.x` and another one in"),
        (
            "ENVIRONMENT_VARIABLES",
            "ENVIRONMENT",
            "environment_variables` is another name of `settings.environment`",
        ),
        ("ON", "IF", "on` is another name of `settings.if`, but has another value"),
        ("TRUE", "IF", "true` is another name of `settings.if`, but has another value"),
    ] {
        let found = said(&[(first, "hunter2=a"), (second, "b=c")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("duplicate-key `settings.{what}")), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
        assert_eq!(said(&[(first, "b=c"), (second, "b=c")]), [""; 0], "{first} {second}");
    }
    let found = said(&[("command", "plan"), ("COMMAND", "deploy")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`PLUGIN_command` and another one in `PLUGIN_COMMAND`"), "{found:?}");
}

#[test]
fn a_file_excludes_a_stanza_and_another_file_and_a_selection_needs_one() {
    let both = "bad-arguments : `settings.stanza` names a file, but there are options of a stanza, too: \
        `settings.function_name`, `settings.role`; write";
    check_said(&[("stanza", "f.yml"), ("role", "r"), ("function_name", "f")], &[both]);
    check_said(
        &[("stanza", "f.yml"), ("travis_yml", ".travis.yml")],
        &["bad-arguments : `settings.stanza` and `settings.travis_yml` exclude each other; use only one"],
    );
    check_said(
        &[("only", "f"), ("function_name", "f")],
        &["bad-arguments : `settings.only` requires `settings.stanza` or `settings.travis_yml`"],
    );
    // An empty option of the command counts as absent, an empty key of a stanza does not.
    check_said(&[("stanza", ""), ("only", ""), ("description", "")], &[]);
}

#[test]
fn what_is_shown_of_the_stanza_holds_no_value() {
    let plugin = stanza_of(&[("secret_access_key", "hunter2".to_owned()), ("x", "hunter2".to_owned())]);
    let shown = format!("{plugin:?}");
    assert!(shown.contains("secret_access_key") && !shown.contains("hunter2"), "{shown}");
}
