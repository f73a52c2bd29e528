//! The opposite check: text that is not a secret stays unchanged, even if a secret consists of the same
//! words.

use lambda_endpoint::{Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::deployments::{build_directory, request};
use crate::plugin::{PluginCommand, PluginOutput};

/// Deploys an existing function with these members in the stanza and these variables in the job.
fn deployed(stanza: &Value, env: &Value, words: Option<&str>) -> PluginOutput {
    let (endpoint, directory) =
        (lambda_endpoint::Endpoint::start(Settings::default()).expect("a free port"), build_directory());
    let function = json!({
        "FunctionName": "orders",
        "Role": "arn:aws:iam::123456789012:role/run",
        "Runtime": "nodejs20.x",
        "Handler": "index.handler",
    });
    endpoint.seed(function).expect("a valid function");
    if let Some(words) = words {
        let kind = FaultKind::status(400, "InvalidParameterValueException", words);
        endpoint.fault(Fault::once("PublishVersion", kind));
    }
    let mut request = request(&endpoint);
    request["function_name"] = json!("orders");
    request["zip"] = json!("index.js");
    request["alias"] = json!("live");
    for (key, value) in stanza.as_object().expect("an object") {
        request[key] = value.clone();
    }
    for (name, value) in env.as_object().expect("an object") {
        request["env"][name] = value.clone();
    }
    PluginCommand::new(&[]).directory(directory.path()).run_on(request.to_string().as_bytes())
}

/// Returns the events without the members that differ between runs.
fn reported(ended: &PluginOutput) -> Vec<Value> {
    let mut events = ended.events.clone();
    for event in &mut events {
        let event = event.as_object_mut().expect("an object");
        // `message` is a sentence that may contain a duration, or a variable's old and new value.
        let others = ["duration_ms", "request_id", "attempts", "message", "time"];
        event.retain(|key, _| !others.contains(&key.as_str()));
        if let Some(steps) = event.get_mut("steps").and_then(Value::as_array_mut) {
            for changes in steps.iter_mut().filter_map(|step| step["changes"].as_array_mut()) {
                changes.retain(|change| change["field"] != "environment.A");
            }
        }
    }
    events
}

/// Returns the events that change because a secret is one of these words.
fn damage(words: &[&str]) -> Vec<String> {
    let run = |value: &str| {
        let stanza =
            json!({"environment": {"A": value}, "run": ["echo one true main production: a 1 0 x eu-west-1"]});
        let ended = deployed(&stanza, &json!({"DB_PASSWORD": value, "API_KEY": value}), None);
        assert_eq!(ended.outcome(), "deployed", "{value}: {}", ended.stdout);
        reported(&ended)
    };
    let expected = run("nothing-of-this-kind");
    let differs = |word: &&str| {
        let actual = run(word);
        let (expected, actual) =
            expected.iter().zip(&actual).find(|(expected, actual)| expected != actual)?;
        Some(format!("{word:?} makes {actual} of {expected}"))
    };
    words.iter().filter_map(differs).collect()
}

#[test]
fn a_secret_that_is_an_everyday_word_does_not_damage_what_is_reported() {
    let words = [
        "",
        "a",
        "1",
        "0",
        "x",
        "f",
        "100",
        "true",
        "false",
        "null",
        "main",
        "production",
        "lambda",
        "us-east-1",
        "eu-west-1",
    ];
    assert_eq!(damage(&words), [""; 0]);
}

#[test]
fn a_secret_that_is_openly_in_the_stanza_does_not_damage_what_is_reported() {
    assert_eq!(
        damage(&["orders", "live", "nodejs22.x", "index.js", "arn:aws:iam::123456789012:role/run"]),
        [""; 0]
    );
}

/// Long words are masked in text from other sources, but not where the program itself writes them.
#[test]
fn our_own_fields_stay_whatever_is_secret() {
    for word in [
        "deployed",
        "finished",
        "update-function-code",
        "timeout",
        "environment",
        "code_sha256",
        "uploaded",
        "function",
    ] {
        let stanza = json!({"environment": {"A": word}, "timeout": 9});
        let ended = deployed(&stanza, &json!({"DB_PASSWORD": word}), None);
        assert_eq!(ended.outcome(), "deployed", "{word}: {}", ended.stdout);
        let steps =
            ["update-function-configuration", "update-function-code", "publish-version", "create-alias"];
        assert_eq!(ended.steps(), steps, "{word}: {}", ended.stdout);
        let finished = ended.finished();
        assert_eq!(
            finished["code_sha256"],
            ended.event("packaged").expect("the event exists")["code_sha256"],
            "{word}"
        );
        assert_eq!(finished["code_sha256"].as_str().map(str::len), Some(44), "{word}");
        assert_eq!(
            (&finished["code"], &finished["region"]),
            (&json!("uploaded"), &json!("us-east-1")),
            "{word}"
        );
        assert_eq!((&finished["version"], &finished["alias"]), (&json!("1"), &json!("live")), "{word}");
        let planned = ended.event("planned").expect("the event exists").to_string();
        for field in ["timeout", "environment.A", "code_sha256", "runtime"] {
            assert!(planned.contains(&format!("\"field\":\"{field}\"")), "{word}: {planned}");
        }
    }
}

#[test]
fn a_mask_is_not_masked() {
    let ended = deployed(&json!({"environment": {"A": "secure"}}), &json!({"DB_PASSWORD": "secure"}), None);
    assert!(!ended.stdout.contains("[[secure]]"), "{}", ended.stdout);
}

#[test]
fn a_stage_leaves_names_and_arns_whole() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:orders-production:production";
    let stanza = json!({"environment": {"STAGE": "production", "REGION": "us-east-1"}, "function_tags": {"stage": "production"}});
    let ended =
        deployed(&stanza, &json!({"DEPLOY_KEY": "production"}), Some(&format!("{arn} cannot be published")));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains(arn), "{message}");
    let role = "arn:aws:iam::123456789012:role/production";
    let stanza =
        json!({"environment": {"STAGE": "production"}, "role": role, "function_name": "orders-production"});
    let ended = deployed(&stanza, &json!({"DEPLOY_KEY": "production"}), None);
    assert_eq!(ended.finished()["function_name"], "orders-production", "{}", ended.stdout);
    let planned = ended.event("planned").expect("the event exists").to_string();
    assert!(planned.contains(role), "{planned}");
}

#[test]
fn a_value_that_is_openly_in_the_stanza_is_no_secret_in_the_words_of_others() {
    let role = "arn:aws:iam::123456789012:role/run";
    let stanza = json!({"environment": {"A": "orders", "B": role, "C": "nodejs22.x"}});
    let words = format!("the role {role} of the function orders cannot run nodejs22.x");
    let ended = deployed(&stanza, &json!({"DB_PASSWORD": "orders", "ROLE_KEY": role}), Some(&words));
    let message = ended.finished()["error"]["message"].as_str().expect("a sentence");
    assert!(message.contains(&words), "{message}");
}

#[test]
fn a_value_of_spaces_is_no_secret() {
    let stanza =
        json!({"environment": {"INDENT": "    ", "BREAK": "\n\n\n\n"}, "run": ["printf '    indented\\n'"]});
    let ended = deployed(&stanza, &json!({"INDENT_KEY": "     "}), None);
    assert_eq!(ended.event("output").expect("the event exists")["line"], "    indented");
}
