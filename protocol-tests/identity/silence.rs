//! Tests sources of credentials that never answer: how long a run waits for them, and that it leaves no
//! process behind. A silent source holds its connection for a minute; every run here must end sooner.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{Home, Keys, ROLE};
use super::{Scenario, extend, stanza};
use crate::plugin::{PluginCommand, PluginOutput};
use crate::shell;

const JOB: Keys = Keys::lasting("AKIAKEYSOFTHEJOB0001");

/// Time limit of a run with a silent source.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_metadata_service_that_never_answers_holds_nobody_up() {
    let silent = Recorder::start(|_| Answer::Silence);
    holds_nobody_up(&silent, &json!({"AWS_EC2_METADATA_SERVICE_ENDPOINT": silent.url()}));
}

#[test]
fn a_container_endpoint_that_never_answers_holds_nobody_up() {
    let silent = Recorder::start(|_| Answer::Silence);
    let url = format!("{}/credentials", silent.url());
    holds_nobody_up(&silent, &json!({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}));
}

#[test]
fn a_metadata_service_of_a_profile_that_never_answers_holds_nobody_up() {
    let silent = Recorder::start(|_| Answer::Silence);
    let config =
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2InstanceMetadata\n";
    let home = Home::new(config, "");
    let variables = json!({"HOME": home.path(), "AWS_EC2_METADATA_SERVICE_ENDPOINT": silent.url()});
    holds_nobody_up(&silent, &variables);
}

#[track_caller]
fn holds_nobody_up(silent: &Recorder, variables: &Value) {
    let (scenario, endpoint) = (Scenario::new(), JOB.endpoint("us-east-1"));
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], variables);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.code(), "no-credentials", "after {:?}: {}", ended.elapsed, ended.stdout);
    assert!(!silent.lines().is_empty(), "the source received a request");
    assert!(ended.elapsed < SOON, "{:?} for {:?}", ended.elapsed, silent.lines());
    assert_eq!(endpoint.calls().len(), 0);
}

/// Runs without comparing the exit status with the events: only the test knows whether a request was made.
fn run_unchecked(scenario: &Scenario, request: &Value, meanwhile: impl FnOnce(&Child)) -> PluginOutput {
    let began = Instant::now();
    let mut child = PluginCommand::new(&[]).directory(scenario.directory.path()).spawn();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(request.to_string().as_bytes()).expect("writable");
    drop(stdin);
    meanwhile(&child);
    PluginOutput::of(child, began)
}

#[test]
fn a_token_file_that_is_a_pipe_is_refused_however_the_profile_names_it() {
    let (scenario, endpoint, home) = (Scenario::new(), JOB.endpoint("us-east-1"), Home::new("", ""));
    let pipe = format!("{}/pipe", home.path());
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    for line in ["Web_Identity_Token_File = PIPE", "web_identity_token_file=PIPE # of the CI"] {
        let line = line.replace("PIPE", &pipe);
        home.file(".aws/config", &format!("[default]\nrole_arn = {ROLE}\n{line}\n"));
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"HOME": home.path()}));
        let ended = scenario.run(&[], &request);
        assert_eq!(ended.code(), "no-credentials", "{line}: {}", ended.stdout);
        let message = ended.finished()["error"]["message"].as_str().expect("a string");
        assert!(message.ends_with("cannot be read: it is a pipe, not a file"), "{line}: {message}");
    }
}

#[test]
fn sts_that_never_answers_takes_no_longer_than_the_stanza_lets_it() {
    let home = Home::new("", "");
    let token = home.file("token", "a.b.c");
    let from_role =
        json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "role_to_assume": ROLE});
    let from_variable = json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"});
    for (name, more, variables) in [
        ("role", from_role, json!({})),
        ("variable", from_variable, json!({"ID_TOKEN": "a.b.c"})),
        ("file", json!({}), json!({"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": ROLE})),
    ] {
        let (scenario, endpoint) = (Scenario::new(), JOB.endpoint("us-east-1"));
        let silent = Recorder::start(|_| Answer::Silence);
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"AWS_ENDPOINT_URL_STS": silent.url()}));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        request["wait_timeout"] = json!(2);
        let ended = run_unchecked(&scenario, &request, |_| ());
        assert_eq!((ended.code(), ended.status.code()), ("timed-out", Some(1)), "{name}: {}", ended.stdout);
        assert!(ended.elapsed < SOON, "{name}: {:?}", ended.elapsed);
        assert_eq!((silent.lines().len(), endpoint.calls().len()), (1, 0));
    }
}

#[test]
fn a_credential_process_that_never_ends_does_not_hold_a_run_up() {
    for (by, wait_timeout, code, status) in
        [("a limit", 2, "timed-out", 2), ("SIGTERM", 60, "cancelled", 143)]
    {
        let (scenario, endpoint, home) = (Scenario::new(), JOB.endpoint("us-east-1"), Home::new("", ""));
        // Rename the file when it is complete, so that the test never reads half a process id.
        let script = "echo $$ > \"$HOME/id.new\"\nmv \"$HOME/id.new\" \"$HOME/id\"\nexec sleep 60\n";
        let script = home.file("process.sh", script);
        home.file(".aws/config", &format!("[default]\ncredential_process = sh '{}'\n", script.display()));
        let id = || fs::read_to_string(format!("{}/id", home.path())).unwrap_or_default().trim().to_owned();
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"HOME": home.path()}));
        request["wait_timeout"] = json!(wait_timeout);
        let ended = run_unchecked(&scenario, &request, |child| {
            let began = Instant::now();
            while id().is_empty() && began.elapsed() < SOON {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(by != "SIGTERM" || kill("-TERM", &child.id().to_string()));
        });
        // Kill the process if it is still running.
        let _ = kill("-KILL", &id());
        assert_eq!((ended.code(), ended.status.code()), (code, Some(status)), "{by}: {}", ended.stdout);
        assert!(ended.elapsed < SOON, "{by}: {:?}", ended.elapsed);
    }
}

/// Sends a signal. Returns true if the process existed.
fn kill(signal: &str, id: &str) -> bool {
    let mut kill = shell::kill();
    kill.args([signal, id]).stderr(Stdio::null()).status().expect("kill runs").success()
}
