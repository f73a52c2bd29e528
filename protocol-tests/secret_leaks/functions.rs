//! Functions that return secrets, fail with secrets in their error, and log secrets.

use lambda_endpoint::Invocation;
use serde_json::{Value, json};

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::{secret, variables};
use crate::plugin::take_env;

pub(super) fn scenarios() -> Vec<Scenario> {
    let answers = answers().into_iter().map(|(name, payload)| {
        Scenario::new(&format!("a function answers with {name}"), move |stage| {
            stage.seed();
            for expect in [json!({"json": {"statusCode": 200}}), json!({"contains": "pong of $GITHUB_TOKEN"})]
            {
                let function_error = payload["errorType"].is_string().then(|| "Unhandled".to_owned());
                let invocation =
                    Invocation { payload: payload.clone(), function_error, ..Invocation::default() };
                let payload = json!({"token": "$DB_PASSWORD"});
                refused(stage, invocation, &json!({"expect": expect, "payload": payload}));
            }
            // With a status, the body is quoted.
            let function_error = payload["errorType"].is_string().then(|| "Unhandled".to_owned());
            let invocation = Invocation { payload: payload.clone(), function_error, ..Invocation::default() };
            refused(stage, invocation, &json!([{"name": "of $GITHUB_TOKEN", "expect": {"status": 404}}]));
            // If the expected value is a string, the answer is quoted as text.
            let (payload, expect) = (payload.clone(), json!({"json": "pong"}));
            refused(stage, Invocation { payload, ..Invocation::default() }, &json!({"expect": expect}));
        })
    });
    let list = Scenario::new("the functions of a list answer with the secrets of all its stanzas", list);
    answers.chain([list]).chain(logs().into_iter().map(|(name, log)| logging(name, log))).collect()
}

/// Each stanza of the list has another secret. The first answers come before the program has read the last
/// stanza.
fn list(stage: &mut Stage<'_>) {
    stage.say(
        json!({"alias": "live", "allow_failure": true, "verify": {"expect": {"json": {"statusCode": 200}}}}),
    );
    let mut stanza = stage.request.clone();
    let env = take_env(&mut stanza);
    let names = ["DOLLAR", "LINES", "LONG", "PLAIN", "STOP"];
    let stanzas = names.map(|name| {
        stanza["function_name"] = json!(format!("f-{name}"));
        stanza["environment"] = json!({name: secret(&format!("environment.{name}"))});
        stanza.clone()
    });
    stage.request = json!({"env": env, "stanzas": stanzas});
    stage.run_each(&[&["check"], &["plan"]]);
    for payload in [as_json(), json!({"statusCode": 500, "body": as_json().to_string()})] {
        stage.endpoint.answer_invocations(Invocation { payload, ..Invocation::default() });
        let ended = stage.run(&[]);
        assert_eq!(ended.outcomes(), ["failed"; 5], "{}", ended.stdout);
    }
}

/// A function that writes one of these logs and fails.
pub(super) fn logging(name: &str, logs: Vec<String>) -> Scenario {
    Scenario::new(&format!("a function logs {name}"), move |stage| {
        for log in &logs {
            let function_error = Some("Unhandled".to_owned());
            let payload = json!({"errorMessage": "broken", "errorType": "Error"});
            let fine = Invocation { log: Some(log.clone()), ..Invocation::default() };
            refused(stage, Invocation { payload, function_error, ..fine.clone() }, &json!({}));
            // The log of a version that passes is shown, too. The second check fails.
            let checks = json!([{"log": true}, {"expect": {"contains": "nowhere"}}]);
            refused(stage, fine, &checks);
        }
    })
}

/// A deployment whose version fails its check.
fn refused(stage: &mut Stage<'_>, invocation: Invocation, verify: &Value) {
    stage.endpoint.answer_invocations(invocation);
    stage.say(json!({"verify": verify, "alias": "live", "merge_environment": true}));
    let ended = stage.run(&[]);
    assert_eq!(ended.code(), "verification-failed", "{}", ended.stdout);
}

/// Every secret of a job and its function.
fn own() -> Vec<(&'static str, String)> {
    let names = ["DOLLAR", "LINES", "LONG", "PLAIN", "STOP"];
    variables().chain(names.map(|name| (name, secret(&format!("environment.{name}"))))).collect()
}

fn as_json() -> Value {
    own().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn answers() -> Vec<(&'static str, Value)> {
    let error = |words: &str| json!({"errorType": "TypeError", "errorMessage": words, "trace": [words]});
    let (plain, token) = (secret("environment.PLAIN"), secret("GITHUB_TOKEN"));
    let proxied = json!({"statusCode": 500, "body": as_json().to_string()});
    // Shortening a text must not leave a part of a secret at its end.
    let filler = "x".repeat(165);
    let each: Vec<(&str, Value)> = [
        ("a token", "GITHUB_TOKEN"),
        ("a private key", "environment.LINES"),
        ("a long secret", "environment.LONG"),
        ("a secret like a variable", "environment.DOLLAR"),
        ("a current variable", "live environment"),
    ]
    .map(|(name, of)| (name, json!({"statusCode": 500, "token": secret(of), "all": [secret(of)]})))
    .into();
    let mut answers = vec![
        (
            "text",
            json!(own().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")),
        ),
        ("an object", as_json()),
        ("JSON in JSON", json!({"statusCode": 500, "body": json!({"token": plain}).to_string()})),
        ("many secrets in JSON in JSON", proxied),
        ("a secret after a line break", json!({"statusCode": format!("token:\n{token}\n{plain}\n")})),
        ("a secret after a tab", json!({"statusCode": format!("token:\t{token}\t{plain}\t")})),
        ("a long text that ends in a secret", json!(format!("{filler} {plain}"))),
        ("a long object that ends in a secret", json!({"statusCode": format!("{filler} {plain}")})),
        ("an error", error(&format!("cannot log in with {plain}"))),
        (
            "an error that ends with a full stop",
            error(&format!("cannot log in with {}", secret("environment.STOP"))),
        ),
        (
            "an error with a current variable",
            error(&format!("cannot log in with {}", secret("live environment"))),
        ),
        ("an error that holds JSON", error(&json!({"token": plain, "tokens": [token]}).to_string())),
        ("an error of two lines", error(&format!("cannot log in:\n{token}"))),
        ("a long error that ends in a secret", error(&format!("{filler} {plain}"))),
    ];
    answers.extend(each);
    answers
}

fn logs() -> Vec<(&'static str, Vec<String>)> {
    let each = |line: &dyn Fn(&str, &str) -> String| -> Vec<String> {
        own().iter().map(|(name, value)| line(name, value)).collect()
    };
    let in_json = each(&|name, value| json!({"level": "INFO", name: value}).to_string());
    let from_json =
        |line: &dyn Fn(&String) -> String| in_parts(&in_json.iter().map(line).collect::<Vec<_>>());
    vec![
        ("lines", in_parts(&each(&|name, value| format!("{name}={value}")))),
        ("tabs", in_parts(&each(&|name, value| format!("INFO\t{name}\t{value}\tend")))),
        ("quotes", in_parts(&each(&|name, value| format!("{name}: '{value}', \"{value}\", ({value}).")))),
        ("JSON", in_parts(&in_json)),
        // As Python and PHP write it.
        ("JSON in ASCII", from_json(&|line| in_ascii(line))),
        ("JSON with escaped slashes", from_json(&|line| line.replace('/', "\\/"))),
        ("JSON in JSON", from_json(&|line| json!({"message": line}).to_string())),
        // AWS returns the last 4 KB, which can start anywhere.
        ("more than is shown", vec![format!("{}\n{}", secret("environment.PLAIN"), "y".repeat(4096 - 30))]),
    ]
}

fn in_ascii(text: &str) -> String {
    let letter = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => format!("\\u{:04x}", u32::from(letter)),
    };
    text.chars().map(letter).collect()
}

/// Joins lines into logs of at most 4 KB.
fn in_parts(lines: &[String]) -> Vec<String> {
    let mut logs = vec![String::new()];
    for line in lines {
        if logs[logs.len() - 1].len() + line.len() > 4000 {
            logs.push(String::new());
        }
        let last = logs.len() - 1;
        logs[last] += &format!("{line}\n");
    }
    logs
}
