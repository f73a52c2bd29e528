//! Every case of `cases/`, with secrets added to its requests and to AWS's messages in it.

use std::fs;
use std::path::{Path, PathBuf};

use lambda_endpoint::{Fault, Settings};
use serde_json::{Map, Value, json};

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::secret;

pub(super) fn scenarios() -> Vec<Scenario> {
    let directory =
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/cases")).expect("it exists");
    let mut files: Vec<PathBuf> = directory.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let scenario = |path: PathBuf| {
        let name = format!("the case {}", path.file_stem().unwrap_or_default().to_string_lossy());
        Scenario::new(&name, move |stage| play(&path, stage))
    };
    files.into_iter().map(scenario).collect()
}

fn play(path: &Path, stage: &mut Stage<'_>) {
    let text = fs::read_to_string(path).expect("readable");
    let quoted = |name: &str| json!(secret(name)).to_string().trim_matches('"').to_owned();
    // The cases contain the endpoint's default keys. Replace them by secret ones.
    let text = text.replace("AKIDENDPOINTEXAMPLE1", &quoted("access_key_id"));
    let text = text.replace("endpoint-secret-key", &quoted("secret_access_key"));
    let case: Value = serde_json::from_str(&text).expect("JSON");
    let scenario = &case["endpoint"];
    let settings = Some(&scenario["settings"]).filter(|settings| settings.is_object());
    let mut settings =
        settings.map_or_else(Settings::default, |settings| Settings::from_json(settings).expect("valid"));
    (settings.access_key_id, settings.secret_access_key) =
        (secret("access_key_id"), secret("secret_access_key"));
    let mut scene = stage.with(settings);
    for function in scenario["functions"].as_array().into_iter().flatten() {
        scene.endpoint.seed(function.clone()).expect("a valid function");
    }
    for fault in scenario["faults"].as_array().into_iter().flatten() {
        scene.endpoint.fault(quoting(fault.clone()));
    }
    write(&scene, &case["files"]);
    for run in case["runs"].as_array().expect("a list") {
        write(&scene, &run["files"]);
        let arguments: Vec<&str> =
            run["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match run["stdin_text"].as_str() {
            Some(text) => drop(scene.run_on(&arguments, text.as_bytes())),
            None => {
                scene.request = full(&run["stdin"], &scene, scenario.is_object());
                scene.run(&arguments);
            }
        }
    }
    if scene.request.is_object() && scenario.is_object() {
        scene.run_each(&[&["plan"]]);
    }
}

fn write(scene: &Stage<'_>, files: &Value) {
    for (name, text) in files.as_object().into_iter().flatten() {
        scene.write(&format!("build/{name}"), text.as_str().unwrap_or_default());
    }
}

/// Returns the fault with a message that quotes secrets of the job.
fn quoting(mut fault: Value) -> Fault {
    let secrets = json!({"token": secret("GITHUB_TOKEN"), "key": secret("PRIVATE_KEY")});
    for words in ["message", "reason"] {
        if let Some(text) = fault[words].as_str() {
            fault[words] = json!(format!("{text} String measured: {secrets}, {}", secret("DB_PASSWORD")));
        }
    }
    Fault::from_json(&fault).expect("a valid fault")
}

/// Returns the request with a secret in every place that can hold one, unless the case sets a value there.
fn full(request: &Value, scene: &Stage<'_>, has_endpoint: bool) -> Value {
    let mut request = request.clone();
    let Some(keys) = request.as_object_mut() else { return request };
    let own = keys.remove("env").unwrap_or_default();
    let mut env = scene.env();
    let variables = env.as_object_mut().expect("an object");
    variables.retain(|name, _| !name.starts_with("AWS_") || name == "AWS_ENDPOINT_URL");
    let names_keys = keys.contains_key("access_key_id") || keys.contains_key("secret_access_key");
    if has_endpoint && !names_keys {
        variables.insert("AWS_ACCESS_KEY_ID".to_owned(), json!(secret("access_key_id")));
        variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), json!(secret("secret_access_key")));
    }
    variables
        .extend(own.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    keys.insert("env".to_owned(), if own.is_object() || own.is_null() { env } else { own });
    if let Some(list) = keys.get_mut("stanzas").and_then(Value::as_array_mut) {
        list.iter_mut().filter_map(Value::as_object_mut).for_each(fill);
    } else {
        fill(keys);
    }
    request
}

/// Adds members with secrets to a stanza.
fn fill(stanza: &mut Map<String, Value>) {
    for (key, value) in [
        ("environment", json!({"PLAIN": secret("environment.PLAIN"), "LINES": secret("environment.LINES")})),
        ("function_tags", json!({"team": secret("function_tags.team")})),
        ("description", json!("of $GITHUB_TOKEN")),
        ("run", json!(["printenv; printenv >&2"])),
        ("wait_timeout", json!(2)),
    ] {
        stanza.entry(key).or_insert(value);
    }
}
