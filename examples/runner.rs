//! A runner: sends a stanza (a JSON file) to dpl-lambda, prints the log, and exits with 0 only if the
//! deployment succeeded.
//!
//! Usage: `runner STANZA.json [COMMAND [ARGS]]`; `DPL_LAMBDA` is the path of the plugin.
#![expect(
    clippy::disallowed_methods,
    reason = "a runner reads a stanza and its environment, and starts a plugin"
)]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, thread};

use serde_json::{Map, Value, json};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let stanza = arguments.next().ok_or("usage: runner STANZA.json [COMMAND [ARGS]]")?;
    let mut request: Map<String, Value> = serde_json::from_slice(&fs::read(stanza)?)?;
    let variables = env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), Value::String(value.to_string_lossy().into_owned()))
    });
    request.insert("env".to_owned(), variables.collect());
    request.insert("protocol".to_owned(), json!(1));

    let mut log = io::stdout().lock();
    let program = env::var_os("DPL_LAMBDA").unwrap_or_else(|| "dpl-lambda".into());
    let mut command = Command::new(&program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut plugin = match command.spawn() {
        Ok(plugin) => plugin,
        Err(error) => {
            writeln!(log, "failed: cannot start {}: {error}", program.to_string_lossy())?;
            return Ok(ExitCode::from(127));
        }
    };
    let mut stdin = plugin.stdin.take().ok_or("standard input is piped")?;
    let stdout = BufReader::new(plugin.stdout.take().ok_or("standard output is piped")?);
    // A thread writes the request while we read, so that a full pipe cannot block both sides. An error of the
    // write is ignored: the plugin may exit without reading, and its events say why.
    thread::spawn(move || stdin.write_all(&serde_json::to_vec(&request).unwrap_or_default()));

    let mut verdicts = Vec::new();
    for line in stdout.split(b'\n') {
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
    let succeeded = match finished["outcome"].as_str() {
        Some("failed") => {
            let reported = finished["message"].as_str().unwrap_or_default();
            if let Some(hint) = finished["error"]["hint"].as_str().filter(|hint| !reported.contains(hint)) {
                writeln!(log, "{hint}")?;
            }
            finished["allowed"] == true
        }
        Some(_) if status == 0 => true,
        outcome => {
            let outcome = outcome.unwrap_or("unknown");
            writeln!(log, "failed: the plugin's outcome is {outcome}, its exit status {status}")?;
            false
        }
    };
    Ok(if status == 0 && !succeeded { ExitCode::FAILURE } else { ExitCode::from(u8::try_from(status)?) })
}
