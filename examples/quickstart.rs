//! Deploys an example function with one command: `cargo run --example quickstart`.
//!
//! Starts a Lambda endpoint on loopback and deploys the function in `examples/node-function` to it three
//! times: the first time creates it, the second time changes nothing, and the third time uploads a changed
//! file. Needs no AWS account and no network.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example starts programs and prints")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo run --example` builds the example and the library, but not the program. The program is a
    // function of the library, so this example starts itself with an argument and then acts as the program.
    if env::args_os().len() > 1 {
        dpl_lambda::process::main();
    }
    let plugin = env::current_exe()?;
    let settings = Settings {
        create_duration: Duration::from_millis(400),
        update_duration: Duration::from_millis(400),
        ..Settings::default()
    };
    let keys = (settings.access_key_id.clone(), settings.secret_access_key.clone());
    let endpoint = Endpoint::start(settings)?;
    let function = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/node-function");
    let build = tempfile::tempdir()?;
    fs::copy(function.join("index.js"), build.path().join("index.js"))?;

    let mut request: Value = serde_json::from_str(&fs::read_to_string(function.join("stanza.json"))?)?;
    request["env"] = json!({
        "TRAVIS_BRANCH": "main",
        "TRAVIS_PULL_REQUEST": "false",
        "AWS_ACCESS_KEY_ID": keys.0,
        "AWS_SECRET_ACCESS_KEY": keys.1,
        "AWS_ENDPOINT_URL": endpoint.url(),
    });
    println!("The stanza:\n{:#}\n", without_env(&request));

    expect(
        deploy(&plugin, build.path(), &request, "First deployment: the function does not exist yet")?,
        "deployed",
    )?;
    expect(deploy(&plugin, build.path(), &request, "Second deployment: nothing has changed")?, "unchanged")?;
    let code = fs::read_to_string(build.path().join("index.js"))?;
    fs::write(build.path().join("index.js"), code.replace("hello", "good morning"))?;
    expect(deploy(&plugin, build.path(), &request, "Third deployment: a file has changed")?, "deployed")
}

/// Starts the plugin as a runner does, prints the tag and message of each event, and returns the outcome from
/// `finished`.
fn deploy(plugin: &Path, directory: &Path, request: &Value, title: &str) -> Result<String, Box<dyn Error>> {
    println!("── {title} ──");
    let mut child = Command::new(plugin)
        .arg("deploy")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("standard input is piped")?, request)?;
    let mut outcome = String::new();
    for line in BufReader::new(child.stdout.take().ok_or("standard output is piped")?).lines() {
        let event: Value = serde_json::from_str(&line?)?;
        let tag = event["event"].as_str().unwrap_or_default();
        println!("{tag:>18}  {}", event["message"].as_str().unwrap_or_default());
        if let Some(word) = event["outcome"].as_str() {
            outcome = word.to_owned();
        }
    }
    println!("{:>18}  {}\n", "exit status", child.wait()?.code().unwrap_or(-1));
    Ok(outcome)
}

fn expect(outcome: String, expected: &str) -> Result<(), Box<dyn Error>> {
    if outcome == expected { Ok(()) } else { Err(format!("expected `{expected}`, got `{outcome}`").into()) }
}

fn without_env(request: &Value) -> Value {
    let mut stanza = request.clone();
    stanza.as_object_mut().map(|keys| keys.remove("env"));
    stanza
}
