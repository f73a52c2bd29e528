//! A runner: sends a stanza, or a list of stanzas (a JSON file), to dpl-lambda, prints the log, and exits
//! with 0 only if all succeeded.
//!
//! Usage: `runner STANZA.json [COMMAND [ARGS]]`; `DPL_LAMBDA` is the path of the plugin.
#![expect(
    clippy::disallowed_methods,
    reason = "a runner reads a stanza and its environment, and starts a plugin"
)]

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, mem, thread};

use serde_json::{Value, json};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let file = arguments.next().ok_or("usage: runner STANZA.json [COMMAND [ARGS]]")?;
    let arguments: Vec<OsString> = arguments.collect();
    let (mut left, is_list) = match serde_json::from_slice(&fs::read(file)?)? {
        Value::Array(stanzas) => (stanzas, true),
        stanza => (vec![stanza], false),
    };
    loop {
        let status = run(&mut left, is_list, &arguments)?;
        if left.is_empty() || status != 0 {
            return Ok(ExitCode::from(status));
        }
    }
}

/// Runs the plugin for all stanzas if it takes lists, otherwise for the first one, and removes those. Returns
/// the exit status.
fn run(left: &mut Vec<Value>, is_list: bool, arguments: &[OsString]) -> Result<u8, Box<dyn Error>> {
    let mut log = io::stdout().lock();
    let program = env::var_os("DPL_LAMBDA").unwrap_or_else(|| "dpl-lambda".into());
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut plugin = match command.spawn() {
        Ok(plugin) => plugin,
        Err(error) => {
            writeln!(log, "failed: cannot start {}: {error}", program.to_string_lossy())?;
            return Ok(127);
        }
    };
    let mut stdin = plugin.stdin.take().ok_or("standard input is piped")?;
    let mut stdout = BufReader::new(plugin.stdout.take().ok_or("standard output is piped")?);
    // `hello` is written before the plugin reads, and says whether it takes lists.
    let mut hello = Vec::new();
    if is_list {
        stdout.read_until(b'\n', &mut hello)?;
    }
    let request = request(left, is_list && (left.is_empty() || takes_lists(&hello)))?;
    // A thread writes the request while we read, so that a full pipe cannot block both sides. An error of the
    // write is ignored: the plugin may exit without reading, and its events say why.
    thread::spawn(move || stdin.write_all(&request));

    let mut verdicts = Vec::new();
    for line in hello.as_slice().chain(stdout).split(b'\n') {
        let line = line?;
        let event: Value = match serde_json::from_slice(&line) {
            Ok(event) => event,
            Err(_) => {
                // Not an event: print the line unchanged.
                writeln!(log, "{}", String::from_utf8_lossy(&line))?;
                continue;
            }
        };
        if let Some(message) = event["message"].as_str() {
            writeln!(log, "{message}")?;
        }
        if event["event"] == "hello"
            && !event["protocol"].as_array().is_some_and(|spoken| spoken.contains(&json!(1)))
        {
            writeln!(
                log,
                "failed: the plugin speaks protocol {}, and this runner speaks 1",
                event["protocol"]
            )?;
            break; // this closes the plugin's standard output, which stops the plugin
        }
        if event["event"] == "finished" {
            verdicts.push(event);
        }
    }

    // For a signal, use the exit status that a shell reports.
    let ended = plugin.wait()?;
    let status = ended.code().unwrap_or_else(|| 128 + ended.signal().unwrap_or_default());
    // Without `finished` the stream was cut off; with two of them the outcome is ambiguous.
    let finished = if let [finished] = &verdicts[..] { finished } else { &Value::Null };
    conclude(&mut log, finished, u8::try_from(status)?)
}

/// Whether the plugin takes a list of stanzas, according to its first line.
fn takes_lists(hello: &[u8]) -> bool {
    let hello: Value = serde_json::from_slice(hello).unwrap_or_default();
    hello["features"].as_array().is_some_and(|features| features.contains(&json!("stanzas")))
}

/// The request with all stanzas, or with the first one. Removes those from `left`.
fn request(left: &mut Vec<Value>, as_list: bool) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut request = if as_list { json!({"stanzas": mem::take(left)}) } else { left.remove(0) };
    let keys = request.as_object_mut().ok_or("the stanza is not a JSON object")?;
    let variables = env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), Value::String(value.to_string_lossy().into_owned()))
    });
    keys.insert("env".to_owned(), variables.collect());
    keys.insert("protocol".to_owned(), json!(1));
    Ok(serde_json::to_vec(&request)?)
}

/// Prints what `finished` says of the functions, and the hint. Returns the exit status.
fn conclude(log: &mut impl Write, finished: &Value, status: u8) -> Result<u8, Box<dyn Error>> {
    // Of a list: how each of its functions ended.
    let functions = finished["functions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for function in functions {
        let name = function["function_name"].as_str().map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("stanza {}", function["stanza"]));
        writeln!(log, "{name}: {}", function["outcome"].as_str().unwrap_or("unknown"))?;
    }
    match finished["outcome"].as_str() {
        Some("failed") => {
            let reported = finished["message"].as_str().unwrap_or_default();
            if let Some(hint) = finished["error"]["hint"].as_str().filter(|hint| !reported.contains(hint)) {
                writeln!(log, "{hint}")?;
            }
        }
        Some(_) if status == 0 => {}
        outcome => {
            let outcome = outcome.unwrap_or("unknown");
            writeln!(log, "failed: the plugin's outcome is {outcome}, its exit status {status}")?;
        }
    }
    let succeeded = goes_on(finished) && functions.iter().all(goes_on);
    Ok(if status == 0 && !succeeded { 1 } else { status })
}

/// Whether the job may go on after a run, or a function of a list, that ended like this.
fn goes_on(ended: &Value) -> bool {
    match ended["outcome"].as_str() {
        Some("failed") => ended["allowed"] == true,
        outcome => outcome.is_some_and(|outcome| outcome != "stopped"),
    }
}
