//! Checks that the dialogue in README.md is what the program prints. `BLESS=1` rewrites it.

use std::path::Path;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin::{Plugin, job_env};

/// Splits the README at its JSON block with this index: the text before it, the block, and the text after it.
fn block(readme: &str, number: usize) -> (&str, &str, &str) {
    const FENCE: &str = "```json\n";
    let start = readme.match_indices(FENCE).nth(number).expect("README has two blocks of JSON").0 + FENCE.len();
    let end = start + readme[start..].find("```").expect("the end of the block");
    (&readme[..start], &readme[start..end], &readme[end..])
}

/// The event without the parts that differ between runs: ids and times.
fn lasting(line: &str) -> Value {
    let mut event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let keys = event.as_object_mut().expect("an event");
    keys.retain(|key, _| !["request_id", "duration_ms", "version"].contains(&key.as_str()));
    if let Some(message) = keys.get_mut("message") {
        let words =
            message.as_str().unwrap_or_default().split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
        *message = json!(words.collect::<Vec<_>>().join(" "));
    }
    event
}

#[test]
fn the_dialogue_of_the_readme_is_a_real_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let mut request: Value = serde_json::from_str(block(&readme, 0).1).expect("the request is JSON");

    let settings = Settings { region: "eu-west-1".to_owned(), ..Settings::default() };
    let endpoint = Endpoint::start(settings).expect("a free port");
    let live = json!({
        "FunctionName": request["function_name"], "Role": request["role"], "Runtime": request["runtime"],
        "Handler": "index.handler", "Timeout": 10,
    });
    endpoint.seed(live).expect("a valid function");
    let build = TempDir::new().expect("a temporary directory");
    std::fs::create_dir(build.path().join("dist")).expect("can be created");
    std::fs::write(build.path().join("dist/index.js"), "exports.handler = async () => 'hello'\n").expect("writable");
    endpoint.set_update_duration(std::time::Duration::from_millis(50));
    let env = job_env(&endpoint);
    for (name, value) in env.as_object().expect("an object").iter().filter(|(name, _)| *name != "TRAVIS_BRANCH") {
        request["env"][name] = value.clone();
    }
    let ended = Plugin::new(&[]).directory(build.path()).run(&request);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stdout);

    let (before, shown, behind) = block(&readme, 1);
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, format!("{before}{}{behind}", ended.stdout)).expect("README.md is writable");
    }
    let shown: Vec<Value> = shown.lines().map(lasting).collect();
    let real: Vec<Value> = ended.stdout.lines().map(lasting).collect();
    assert_eq!(shown, real, "the dialogue in README.md differs from that of the program; BLESS=1 rewrites it");
}
