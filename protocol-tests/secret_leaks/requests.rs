//! Requests with a secret in places that an error, a plan or a panic might quote.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use lambda_endpoint::{FaultKind, Settings};
use serde_json::{Value, json};

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::secret;
use crate::plugin::{take_env, variables};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        Scenario::new("every command, with a missing function", every_command),
        Scenario::new("every command, with a different function", |stage| {
            stage.seed();
            every_command(stage);
        }),
        Scenario::new("every command, with the same function", |stage| {
            stage.run(&[]);
            every_command(stage);
        }),
        Scenario::new("a stanza that is written", written_stanza),
        Scenario::new("a plan with every setting", |stage| {
            stage.seed();
            stage.say(json!({"merge_environment": true, "function_tags_mode": "replace", "dry_run": true}));
            assert_eq!(stage.run(&[]).outcome(), "planned");
        }),
        Scenario::new("a plan file", plan_file),
        Scenario::new("settings of a plugin", settings_of_a_plugin),
        Scenario::new("wrong settings of a plugin", wrong_settings_of_a_plugin),
        Scenario::new("panics", bugs),
        Scenario::new("variables of the process", environment_of_the_process),
        Scenario::new("variables that are not UTF-8", no_text),
        Scenario::new("misspelled keys", misspelt),
        Scenario::new("input that is not a request", no_request),
        Scenario::new("truncated requests", cut_off),
    ];
    scenarios.extend(wrong_types());
    scenarios.extend(filled_in());
    scenarios
}

fn every_command(stage: &mut Stage<'_>) {
    stage.run_each(&[&["check"], &["package", "--output", "out.zip"], &["plan"], &["deploy"]]);
    stage.say(json!({"timeout": 9, "alias": "live"}));
    let ended = stage.run(&[]);
    assert_eq!(ended.event("identified").expect("the event exists")["access_key_id"], "AK******************");
    stage.run_each(&[&["plan"], &["rollback"]]);
    stage.say(json!({"version": "1"}));
    stage.run_each(&[&["rollback"]]);
    for arguments in
        [&["schema", "stanza"][..], &["schema", "request"], &["schema", "event"], &["--help"], &["bogus"]]
    {
        stage.look(arguments);
    }
}

/// The stanza of a live function has variables in place of its secrets, also where a setting that is not
/// secret contains one.
fn written_stanza(stage: &mut Stage<'_>) {
    let mut scene = stage.with(Settings {
        access_key_id: secret("AWS_ACCESS_KEY_ID"),
        secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
        session_token: Some(secret("AWS_SESSION_TOKEN")),
        ..Settings::default()
    });
    scene.seed();
    let description =
        json!({"Description": format!("of {} and {}", secret("live tag"), secret("DB_PASSWORD"))});
    let target = "/2015-03-31/functions/f/configuration";
    scene.endpoint.perform("PUT", target, description).expect("AWS would change it");
    scene.process = as_variables(&scene.env());
    scene.look(&["init", "--function", "f"]);
    let calls = scene.endpoint.calls();
    assert!(calls.iter().any(|call| call.operation == "ListAliases"), "{calls:?}");
    for operation in ["GetFunction", "GetFunctionUrlConfig"] {
        let words = format!("no access with {}", secret("GITHUB_TOKEN"));
        scene.fault(operation, FaultKind::status(400, "InvalidParameterValueException", &words));
        scene.look(&["init", "--function", "f"]);
    }
}

/// The file of an approved plan, and the plan as Markdown. The secrets differ in the live function.
fn plan_file(stage: &mut Stage<'_>) {
    stage.seed();
    stage.process = as_variables(&take_env(&mut stage.request));
    stage.say(json!({"merge_environment": true, "alias": "live", "description": "of $GITHUB_TOKEN"}));
    let stanza = stage.request.to_string();
    stage.write("build/stanza.json", &stanza);
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--stanza", "stanza.json"]].concat();
        stage.run_on(&arguments, b"")
    };
    assert_eq!(run(&["plan", "--out", "plan.json"]).outcome(), "planned");
    stage.look(&["plan", "--stanza", "stanza.json", "--format", "markdown"]);
    assert_eq!(run(&["deploy", "--plan", "plan.json"]).outcome(), "deployed");
    assert_eq!(run(&["deploy", "--plan", "plan.json"]).code(), "plan-outdated");
    stage.look(&["deploy", "--plan", "plan.json", "--stanza", "stanza.json", "--format", "markdown"]);
}

/// The variables of the job, and `PLUGIN_*` variables with the stanza and these settings.
fn as_plugin(stage: &mut Stage<'_>, settings: &[(&str, &str)]) {
    let mut stanza = stage.request.clone();
    let env = take_env(&mut stanza);
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let of_stanza = stanza.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value)));
    let more = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let variables = of_stanza.chain(more).map(|(name, value)| {
        (OsString::from(format!("PLUGIN_{}", name.to_uppercase())), OsString::from(value))
    });
    stage.process = as_variables(&env).into_iter().chain(variables).collect();
}

/// The settings are variables of the process, and are also shown as text.
fn settings_of_a_plugin(stage: &mut Stage<'_>) {
    stage.seed();
    stage.say(json!({"run": "printenv; printenv >&2", "memory_sise": secret("misspelt")}));
    for (command, outcome) in [("check", "checked"), ("plan", "planned"), ("deploy", "deployed")] {
        as_plugin(stage, &[("command", command), ("format", "json")]);
        assert_eq!(stage.run_on(&["plugin"], b"").outcome(), outcome);
        as_plugin(stage, &[("command", command), ("result", ".result"), ("summary", ".summary.md")]);
        stage.look(&["plugin"]);
    }
    as_plugin(stage, &[("strict", "true"), ("traffic", "1")]);
    stage.look(&["plugin"]);
}

/// A secret in a setting that takes something else, or in a value that begins as JSON does.
fn wrong_settings_of_a_plugin(stage: &mut Stage<'_>) {
    const ANY: &str = "command format ci require_deploy exit_code comand env stanzas environment \
        function_tags secret_acces_key";
    const JSON: &str = "verify guard on run zip layers alias";
    let value = secret("misspelt");
    let broken = [format!("{{{value}"), format!("[\"x\", {value}]")];
    let texts = [&broken[..], &[value.clone(), format!("A={value},B=c")]].concat();
    for (names, texts) in [(ANY, &texts[..]), (JSON, &broken[..])] {
        for name in names.split_whitespace() {
            for text in texts {
                as_plugin(stage, &[(name, text.as_str())]);
                stage.look(&["plugin"]);
            }
        }
    }
}

/// A panic quotes values, as `unwrap` does.
fn bugs(stage: &mut Stage<'_>) {
    for fault in ["panic", "panic-in-thread"] {
        stage.process = vec![("DPL_LAMBDA_FAULT".into(), fault.into())];
        for arguments in
            [&["deploy"][..], &["plan"], &["check"], &["rollback"], &["package", "--output", "out.zip"]]
        {
            let ended = stage.run(arguments);
            assert_eq!(ended.code(), "internal", "{}", ended.stdout);
        }
    }
}

/// The request has no `env`, so the variables of the process are those of the job.
fn environment_of_the_process(stage: &mut Stage<'_>) {
    stage.process = as_variables(&take_env(&mut stage.request));
    stage.say(json!({"run": ["printenv; printenv >&2"], "description": "of $GITHUB_TOKEN"}));
    stage.run_each(&[&["check"], &["plan"]]);
    assert_eq!(stage.run(&[]).outcome(), "deployed");
}

fn as_variables(env: &Value) -> Vec<(OsString, OsString)> {
    variables(env).map(|(name, value)| (name.into(), value.into())).collect()
}

/// A secret with bytes that are not UTF-8: the printed form differs from the value.
fn no_text(stage: &mut Stage<'_>) {
    stage.process = as_variables(&take_env(&mut stage.request));
    let mut bytes = secret("of no text").into_bytes();
    bytes.extend(b"\xff\xfe");
    stage.process.push(("BINARY_TOKEN".into(), OsString::from_vec(bytes)));
    stage.say(json!({"run": ["echo \"$BINARY_TOKEN\""], "on": {"condition": "$BINARY_TOKEN = x"}}));
    stage.run(&[]);
    stage.say(json!({"on": "master"}));
    assert_eq!(stage.run(&[]).outcome(), "deployed");
}

fn misspelt(stage: &mut Stage<'_>) {
    let value = secret("misspelt");
    for (key, value) in [
        ("enviroment", json!({"A": value})),
        ("enviroment", json!([format!("A={value}")])),
        ("environment_variable", json!({"A": value})),
        ("function_tag", json!({"team": value})),
        ("secret_acces_key", json!(value)),
        ("secret-access-key", json!(value)),
        ("acces_key_id", json!(value)),
        ("sesion_token", json!(value)),
        ("session_tokens", json!([value])),
        ("api_token", json!(value)),
        ("verify", json!({"payloat": value})),
        ("verify", json!({"expect": {"jsn": value}})),
        ("verify", json!([{"payloat": value}, {"url": value}])),
        ("logging_config", json!({"token": value})),
        ("function_url", json!({"auth_type": "NONE", "secret": value})),
        ("file_system_configs", json!([{"arm": value}])),
        ("on", json!({"secret": value})),
    ] {
        for strict in [false, true] {
            stage.saying(json!({"strict": strict, key: value}), |stage| stage.run_each(&[&["check"]]));
        }
        stage.saying(json!({key: value}), |stage| stage.run_each(&[&["plan"]]));
    }
}

/// Values of the wrong type in places that hold a secret.
fn wrong_types() -> Vec<Scenario> {
    const MAPS: [&str; 3] = ["environment", "environment_variables", "function_tags"];
    let scenario = |key: &'static str| {
        Scenario::new(&format!("{key} of a wrong type"), move |stage| {
            let value = secret("of a wrong type");
            let mut wrong = vec![
                json!([value]),
                json!([[value]]),
                json!({"x": value}),
                json!({"x": [value]}),
                json!({"x": {"y": value}}),
                json!({"secure": value}),
                json!([{"x": [value]}]),
                json!({"variables": {"X": [value]}}),
                json!({"variables": value}),
            ];
            if MAPS.contains(&key) {
                let padded = secret("of a wrong type, in base64");
                wrong.extend([json!(value), json!(padded), json!([padded])]);
                stage.request.as_object_mut().expect("an object").remove("environment");
            }
            for value in wrong {
                stage.saying(json!({key: value}), |stage| {
                    stage.run_each(&[&["check"]]);
                    // A wrong type is only a warning where the conditions are not met.
                    stage.say(json!({"on": "another-branch", "strict": true}));
                    stage.run_each(&[&["deploy"]]);
                });
            }
        })
    };
    MAPS.into_iter().chain(["access_key_id", "secret_access_key", "session_token"]).map(scenario).collect()
}

/// A secret variable substituted into every option, in several forms.
fn filled_in() -> Vec<Scenario> {
    let schema = crate::repository::committed_schema("stanza.json");
    let keys = schema["properties"].as_object().expect("the schema has properties").keys();
    // In these options bash substitutes the variable.
    let keys: Vec<String> =
        keys.filter(|key| !["if", "on", "run", "true"].contains(&key.as_str())).cloned().collect();
    let scenario = |key: String| {
        Scenario::new(&format!("substituted into {key}"), move |stage| {
            let text = "a-${DB_PASSWORD}-b";
            for value in
                [json!("$AWS_SESSION_TOKEN"), json!([text]), json!({"master": text}), json!([{"x": text}])]
            {
                stage.saying(json!({&key: value}), |stage| stage.run_each(&[&["check"]]));
            }
            stage.saying(json!({&key: "$GITHUB_TOKEN"}), |stage| {
                stage.run_each(&[&["deploy"], &["package", "--output", "out.zip"]]);
            });
        })
    };
    let mut scenarios: Vec<Scenario> = keys.into_iter().map(scenario).collect();
    scenarios.extend(members());
    scenarios.push(Scenario::new("substituted into a map that is shortened", |stage| {
        stage.say(json!({"timeout": {"x": "$PRIVATE_KEY"}, "publish": ["$GITHUB_TOKEN", "$API_KEY", "$DB_PASSWORD"]}));
        stage.run_each(&[&["check"]]);
    }));
    scenarios
}

/// Options with members.
fn members() -> Vec<Scenario> {
    let text = "of $GITHUB_TOKEN";
    let members = vec![
        ("verify", json!({"payload": text})),
        ("verify", json!({"payload": {"a": [text]}, "timeout": text})),
        ("verify", json!({"expect": {"contains": text}})),
        ("verify", json!({"expect": {"json": {"a": text}}})),
        ("verify", json!({"expect": text})),
        ("verify", json!([{"name": text, "client_context": {"custom": {"token": text}}, "log": text}, text])),
        ("verify", json!([{"name": text, "expect": {"contains": text, "status": text}}])),
        (
            "verify",
            json!([{"name": text, "client_context": {"custom": {"token": text}}, "log": true}, {"expect": {"status": 404}}]),
        ),
        ("verify", json!({"client_context": text, "url": text})),
        ("image_config", json!({"command": [text], "entry_point": text, "working_directory": text})),
        ("logging_config", json!({"log_group": text, "log_format": text, "system_log_level": text})),
        ("function_url", json!({"auth_type": text})),
        ("function_url", json!({"auth_type": "NONE", "cors": {"allow_origins": text, "max_age": text}})),
        ("file_system_configs", json!([{"arn": text, "local_mount_path": text}])),
        ("description", json!("%{role} $GITHUB_TOKEN %{git_commit_msg} ${DB_PASSWORD}")),
        ("layers", json!(["arn:$GITHUB_TOKEN", "$DB_PASSWORD"])),
        (
            "layers",
            json!({"name": "a-$GITHUB_TOKEN", "zip": "index.js", "description": text, "license": text}),
        ),
        ("layers", json!([{"name": text, "zip": text}, {"name": "b", "zip": "dist/$GITHUB_TOKEN"}])),
        ("zip", json!(["index.js", "dist/$GITHUB_TOKEN"])),
        ("exclude", json!(["[$GITHUB_TOKEN"])),
        ("traffic", json!([10, "$GITHUB_TOKEN"])),
    ];
    let scenario = |(key, value): (&'static str, Value)| {
        Scenario::new(&format!("substituted into members of {key}"), move |stage| {
            stage.saying(json!({key: value}), |stage| {
                stage.run_each(&[&["check"], &["plan"], &["deploy"], &["deploy"]])
            });
        })
    };
    members.into_iter().map(scenario).collect()
}

/// JSON that is not a request, and requests with an invalid `env`.
fn no_request(stage: &mut Stage<'_>) {
    let (request, token) = (stage.request.clone(), secret("GITHUB_TOKEN"));
    let mut inputs = vec![json!([request]), json!(token), json!([token])];
    for stanzas in [json!([request]), json!([token]), json!(token), json!({"a": token})] {
        inputs.push(json!({"stanzas": stanzas, "env": request["env"]}));
    }
    for (key, value) in [
        ("env", json!(token)),
        ("env", json!([format!("GITHUB_TOKEN={token}")])),
        ("env", json!({"GITHUB_TOKEN": [token]})),
        ("env", json!({"GITHUB_TOKEN": {"secure": token}})),
        ("env", json!({"GITHUB_TOKEN": format!("{token}\0")})),
        // Longer than the kernel's limit for one variable.
        ("env", json!({"GITHUB_TOKEN": token, "X": "x".repeat(140_000)})),
    ] {
        let mut input = request.clone();
        input["on"] = json!({"condition": "$GITHUB_TOKEN = x"});
        input[key] = value;
        inputs.push(input);
    }
    for input in inputs {
        stage.run_on(&["deploy"], input.to_string().as_bytes());
    }
    let text = request.to_string();
    let twice = text.replacen('{', &format!("{{\"environment\":{{\"A\":{}}},", json!(token)), 1);
    let inside = text.replacen("\"DOLLAR\":", &format!("\"PLAIN\":{},\"DOLLAR\":", json!(token)), 1);
    for input in [twice, inside, format!("{text}{text}"), text.replace('"', "'"), format!("\u{feff}{text}")] {
        stage.run_on(&["check"], input.as_bytes());
    }
    let mut bytes = text.into_bytes();
    bytes.push(0xff);
    stage.run_on(&["deploy"], &bytes);
    bytes.resize(9 << 20, b' ');
    stage.run_on(&["deploy"], &bytes);
}

fn cut_off(stage: &mut Stage<'_>) {
    let text = stage.request.to_string().into_bytes();
    for end in (1..text.len()).step_by(211) {
        stage.run_on(&["deploy"], &text[..end]);
        let mut bytes = text.clone();
        bytes[end] = b'"';
        stage.run_on(&["check"], &bytes);
    }
}
