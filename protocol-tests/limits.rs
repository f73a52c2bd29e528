//! Tests endless inputs: files that are pipes or devices, and lists, responses and directory trees without an
//! end. The program must report each with its own error code, in time, and without filling the memory.

use std::cell::OnceCell;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::deployments::build_directory;
use crate::fixture::{Fixture, not_run, wait_until};
use crate::identity::recorder::{Answer, Asked, Recorder};
use crate::plugin::{PluginCommand, PluginOutput, program};
use crate::shell;

/// Time limit of a run. Every run ends much earlier, even on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// Paths of a named pipe without a writer, of `/dev/zero`, and of a sparse file of 1 TiB.
fn endless(directory: &Path) -> [String; 3] {
    let (pipe, huge) = (directory.join("pipe"), directory.join("huge"));
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is installed");
    assert!(made.success());
    fs::File::create(&huge).and_then(|file| file.set_len(1 << 40)).expect("can be created");
    [pipe.display().to_string(), "/dev/zero".to_owned(), huge.display().to_string()]
}

/// A run that may not take more than 300 MB of memory.
fn run(fixture: &Fixture) -> PluginOutput {
    let temporary = fixture.temporary.path().display().to_string();
    let plugin = PluginCommand::limited("ulimit -d 300000", &[]).directory(fixture.directory.path());
    plugin.env("TMPDIR", &temporary).run(&fixture.request)
}

#[track_caller]
fn check(what: &str, ended: &PluginOutput, code: &str) {
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{what}: {}", ended.stdout);
    assert!(ended.elapsed < SOON, "{what}: {:?}", ended.elapsed);
    assert!(ended.finished()["error"]["hint"].is_string(), "{what}: {}", ended.stdout);
}

#[test]
fn a_file_without_an_end_that_a_variable_names_is_refused() {
    for variable in [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CA_BUNDLE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ] {
        let mut fixture = Fixture::new(json!({}));
        for path in endless(fixture.temporary.path()) {
            fixture.request["env"][variable] = json!(path);
            let code = if variable == "AWS_CA_BUNDLE" { "bad-ca-bundle" } else { "no-credentials" };
            if variable == "AWS_WEB_IDENTITY_TOKEN_FILE" {
                let env = fixture.request["env"].as_object_mut().expect("an object");
                env.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
                env.insert("AWS_ROLE_ARN".to_owned(), json!("arn:aws:iam::123456789012:role/deploy"));
            }
            check(&format!("{variable}={path}"), &run(&fixture), code);
        }
        fixture.request["env"][variable] = json!("/dev/null");
        if variable.ends_with("_FILE") && variable != "AWS_WEB_IDENTITY_TOKEN_FILE" {
            assert_eq!(run(&fixture).outcome(), "deployed", "{variable}: an empty file is accepted");
        }
    }
}

#[test]
fn a_pipe_for_a_token_that_a_profile_names_is_refused() {
    let mut fixture = Fixture::new(json!({}));
    let [pipe, ..] = endless(fixture.temporary.path());
    let config = fixture.path("config");
    let profile = "[default]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nweb_identity_token_file = ";
    fs::write(&config, format!("{profile}{pipe}\n")).expect("writable");
    let env = fixture.request["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    env.insert("AWS_CONFIG_FILE".to_owned(), json!(config));
    check("a profile's token", &run(&fixture), "no-credentials");
}

#[test]
fn a_compiled_file_that_is_a_link_to_a_pipe_is_not_opened() {
    let fixture = Fixture::new(json!({"zip": "tree"}));
    fs::create_dir_all(fixture.path("tree/__pycache__")).expect("can be created");
    fs::write(fixture.path("tree/index.js"), "x").expect("writable");
    let [pipe, ..] = endless(fixture.temporary.path());
    symlink(pipe, fixture.path("tree/__pycache__/a.pyc")).expect("can be created");
    let ended = run(&fixture);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
}

#[test]
fn an_ignore_file_without_an_end_is_refused() {
    let mut fixture = Fixture::new(json!({"zip": "."}));
    fixture.set(json!({"zip": "."}));
    let elsewhere = build_directory();
    for path in endless(elsewhere.path()) {
        let ignore = fixture.path(".lambdaignore");
        let _ = fs::remove_file(&ignore);
        symlink(&path, &ignore).expect("can be created");
        check(&path, &run(&fixture), "package-unreadable");
    }
}

#[test]
fn a_file_of_stanzas_without_an_end_is_refused_and_a_pipe_with_one_is_read() {
    let directory = build_directory();
    let run = |option: &str, path: &str| {
        let mut command = Command::new(program());
        command
            .args(["check", option, path, "--format", "json", "--ci", "none"])
            .current_dir(directory.path());
        command
            .env_clear()
            .env("PATH", &*crate::shell::PATH)
            .env("TRAVIS_BRANCH", "master")
            .output()
            .expect("can be started")
    };
    let [_, zero, huge] = endless(directory.path());
    for (option, path) in
        [("--stanza", &zero), ("--stanza", &huge), ("--travis-yml", &zero), ("--travis-yml", &huge)]
    {
        let began = Instant::now();
        let output = run(option, path);
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("larger than 8"), "{option} {path}: {said}");
        assert!(began.elapsed() < SOON, "{option} {path}");
    }
    let script = "exec \"$0\" check --format json --ci none --stanza <(sleep 0.2; echo 'function_name: f')";
    let mut bash = Command::new("bash");
    bash.args(["-c", script, &program()]).current_dir(directory.path()).env_clear();
    let output =
        bash.env("PATH", &*crate::shell::PATH).env("TRAVIS_BRANCH", "master").output().expect("bash runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"outcome\":\"checked\""), "{output:?}");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_no_file_of_stanzas() {
    for option in ["--stanza", "--travis-yml"] {
        check_silent_pipe(option);
    }
}

/// Checks runs whose file is a pipe to which nobody writes. Each has a pipe of its own, because a process that
/// another test starts may hold a copy of the writer for a moment.
fn check_silent_pipe(option: &str) {
    let directory = build_directory();
    let [pipe, ..] = endless(directory.path());
    let start = |limit: &str| {
        let mut command = Command::new(program());
        command
            .args(["check", option, &pipe, "--format", "json", "--ci", "none"])
            .current_dir(directory.path());
        command.env_clear().env("PATH", &*crate::shell::PATH).env("DPL_LAMBDA_INPUT_TIMEOUT", limit);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    let output = start("1").wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("to its end within 1 s"), "{option}: {output:?}");
    assert_eq!(output.status.code(), Some(2), "{option}");

    let mut child = start("60");
    // Its standard error is silent until the signal. A pipe can be opened for writing without waiting only
    // if it is open for reading.
    let writer = OnceCell::new();
    let mut options = fs::OpenOptions::new();
    options.write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    wait_until("the pipe is open", || options.open(&pipe).is_ok_and(|pipe| writer.set(pipe).is_ok()));
    shell::kill().args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    let status = child.wait().expect("ends");
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(said.contains("\"code\":\"cancelled\""), "{option}: {said}");
    assert_eq!(status.code(), Some(143), "{option}");
}

/// A double of Lambda with the function `f`, which answers `operation` with `answer`.
fn lambda(operation: &'static str, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Recorder {
    Recorder::start(move |asked| {
        let path = asked.target.split('?').next().unwrap_or_default();
        let is_it = match operation {
            "ListAliases" => path.ends_with("/aliases"),
            "ListVersionsByFunction" => path.ends_with("/versions"),
            "ListEventSourceMappings" => path.ends_with("/event-source-mappings"),
            _ => path.ends_with("/functions/f"),
        };
        let function = json!({"Configuration": {
            "FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "State": "Active",
            "LastUpdateStatus": "Successful", "Runtime": "nodejs22.x", "Handler": "index.handler",
            "Role": "arn:aws:iam::123456789012:role/run", "RevisionId": "1", "CodeSha256": "x", "Version": "$LATEST",
        }});
        match is_it {
            true => answer(asked),
            false if path.ends_with("/policy") => text(200, &json!({"Policy": "{}"}).to_string()),
            false if path.ends_with("/url") => text(404, r#"{"__type":"ResourceNotFoundException"}"#),
            false => text(200, &function.to_string()),
        }
    })
}

fn text(status: u16, body: &str) -> Answer {
    Answer::Text(
        status,
        vec![("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned())],
        body.to_owned(),
    )
}

fn deploy_to(lambda: &Recorder, members: &Value) -> PluginOutput {
    let mut fixture = Fixture::new(members.clone());
    fixture.request["env"]["AWS_ENDPOINT_URL"] = json!(lambda.url());
    run(&fixture)
}

#[test]
#[ignore = "second tier: long"]
fn a_list_whose_pages_never_end_is_given_up() {
    for (operation, list, members) in [
        ("ListAliases", "Aliases", json!({"alias": "live"})),
        ("ListVersionsByFunction", "Versions", json!({"publish": true, "keep_versions": 2})),
        ("ListEventSourceMappings", "EventSourceMappings", json!({"alias": "live"})),
    ] {
        let page = json!({list: [], "NextMarker": "again"}).to_string();
        let same = lambda(operation, move |_| text(200, &page));
        let ended = deploy_to(&same, &members);
        check(operation, &ended, "unexpected-answer");
        assert_eq!(ended.finished()["error"]["aws"]["operation"], operation);
        assert_eq!(
            same.asked().iter().filter(|asked| asked.target.contains("Marker")).count(),
            1,
            "{operation}"
        );

        // A page that differs each time, and takes its time.
        let count = AtomicU32::new(0);
        let other = lambda(operation, move |_| {
            thread::sleep(Duration::from_millis(100));
            let number = count.fetch_add(1, Ordering::Relaxed);
            text(200, &json!({list: [], "NextMarker": number.to_string()}).to_string())
        });
        let mut members = members.clone();
        members["wait_timeout"] = json!(2);
        check(operation, &deploy_to(&other, &members), "timed-out");
    }
}

#[test]
#[ignore = "second tier: long"]
fn an_answer_without_an_end_is_cut_off_and_a_long_text_is_shortened() {
    let filler = "x".repeat(17 << 20);
    let answer = json!({"Configuration": {"FunctionName": "f", "Description": filler}}).to_string();
    let large = lambda("GetFunction", move |_| text(200, &answer));
    check("an answer of 17 MiB", &deploy_to(&large, &json!({})), "unexpected-answer");

    let endless = json!({"Type": "User", "Message": "w\u{e4}\"\\ ".repeat(13 << 20)}).to_string();
    assert!(endless.len() > 64 << 20);
    let headers = vec![
        ("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned()),
        ("x-amzn-errortype", "InvalidParameterValueException".to_owned()),
    ];
    let wordy = lambda("GetFunction", move |_| Answer::Text(400, headers.clone(), endless.clone()));
    let ended = deploy_to(&wordy, &json!({}));
    check("a text of 64 MB", &ended, "invalid-parameter");
    assert!(ended.stdout.len() < 64 * 1024, "the output has {} bytes", ended.stdout.len());
}

#[test]
#[ignore = "second tier: long"]
fn links_that_lead_to_one_another_are_followed_to_a_limit() {
    let mut fixture = Fixture::new(json!({"symlinks": "follow"}));
    fixture.set(json!({"zip": "tree"}));
    // With two links on each level, 2^24 paths lead to the same file.
    for level in 0..24 {
        let directory = fixture.path(&format!("levels/{level}"));
        fs::create_dir_all(&directory).expect("can be created");
        for name in ["left", "right"] {
            symlink(fixture.path(&format!("levels/{}", level + 1)), directory.join(name))
                .expect("can be created");
        }
    }
    fs::create_dir_all(fixture.path("levels/24")).expect("can be created");
    fs::write(fixture.path("levels/24/file"), "x").expect("writable");
    fs::create_dir(fixture.path("tree")).expect("can be created");
    symlink(fixture.path("levels/0"), fixture.path("tree/all")).expect("can be created");
    let ended = run(&fixture);
    check("2^24 paths", &ended, "package-too-large");
    assert!(
        ended.finished()["error"]["message"].as_str().expect("a string").contains("200000"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_deep_tree_is_walked_in_linear_time() {
    let fixture = Fixture::new(json!({"symlinks": "follow", "zip": "tree"}));
    // As deep as the maximum length of a path allows.
    let directory = fixture.path(&format!("tree/{}", vec!["d"; 1_900].join("/")));
    fs::create_dir_all(&directory).expect("can be created");
    fs::write(directory.join("index.js"), "x").expect("writable");
    let ended = run(&fixture);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(ended.elapsed < SOON, "{:?}", ended.elapsed);
}

#[test]
fn an_archive_that_is_far_too_large_is_refused_before_it_is_read() {
    let fixture = Fixture::new(json!({"zip": "huge.zip"}));
    fs::File::create(fixture.path("huge.zip"))
        .and_then(|file| file.set_len(200_000_000_000))
        .expect("can be created");
    check("200 GB", &run(&fixture), "package-too-large");
}

#[test]
fn a_profiles_process_that_never_ends_is_ended_and_reported() {
    let mut fixture = Fixture::new(json!({"wait_timeout": 1}));
    let env = fixture.request["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    let (config, mark) = (fixture.path("config"), fixture.path("pid"));
    let process = fixture.path("process");
    // With `set -m`, the second one leaves the process group.
    let script = "sleep 600 & first=$!; set -m; sleep 600 & echo $$ $first $!";
    fs::write(&process, format!("{script} >'{}'; wait\n", mark.display())).expect("writable");
    fs::write(&config, format!("[default]\ncredential_process = bash '{}'\n", process.display()))
        .expect("writable");
    fixture.request["env"]["AWS_CONFIG_FILE"] = json!(config);
    let ended = run(&fixture);
    check("a process", &ended, "timed-out");
    let message = "the `credential_process` of the profile `default` did not exit within 1 s and was killed";
    assert_eq!(ended.finished()["error"]["message"], message);
    // The process, and those that it has started.
    let ids = fs::read_to_string(&mark).expect("the credential process has written its id");
    assert_eq!(ids.split_whitespace().count(), 3, "{ids}");
    let began = Instant::now();
    // A zombie (state Z) has ended too: its parent has not collected its exit status yet.
    let runs =
        |id: &str| fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while ids.split_whitespace().any(runs) {
        assert!(began.elapsed() < SOON, "the credential process still runs");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_session_of_the_aws_cli_without_an_end_is_refused() {
    let mut fixture = Fixture::new(json!({"profile": "me"}));
    let directory = fixture.temporary.path().to_owned();
    let (config, user) = (directory.join("config"), "arn:aws:iam::123456789012:user/me");
    fs::write(&config, format!("[profile me]\nlogin_session = {user}\n")).expect("writable");
    let session = directory.join(hex::encode(Sha256::digest(user))).with_extension("json");
    fixture.request["env"]["AWS_CONFIG_FILE"] = json!(config);
    fixture.request["env"]["AWS_LOGIN_CACHE_DIRECTORY"] = json!(directory);
    for path in endless(&directory) {
        symlink(&path, &session).expect("can be created");
        let ended = run(&fixture);
        check(&path, &ended, "no-credentials");
        let message = ended.finished()["error"]["message"].as_str().expect("a string");
        assert!(message.contains("cannot be used"), "{path}: {message}");
        fs::remove_file(&session).expect("can be removed");
    }
}

/// Runs in a new network and mount namespace, where the only name server accepts packets and never answers.
#[test]
#[ignore = "second tier: needs root, unshare, ip and Python"]
fn a_name_server_that_never_answers_does_not_outlast_the_wait() {
    const SCRIPT: &str = r#"
        ip link set lo up || /usr/sbin/ip link set lo up
        echo nameserver 127.0.0.1 >resolv; mount --bind resolv /etc/resolv.conf
        echo hosts: dns >nsswitch; mount --bind nsswitch /etc/nsswitch.conf
        python3 -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print(flush=True); time.sleep(60)' >ready & server=$!
        until [ -s ready ]; do sleep 0.05; done
        "$0" <request; status=$?; kill $server; exit $status"#;
    let may = Command::new("unshare").args(["--net", "--mount", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        return not_run("a name server that never answers (needs root and unshare)");
    }
    let mut fixture = Fixture::new(json!({"wait_timeout": 2}));
    fixture.request["env"]["AWS_ENDPOINT_URL"] = json!("http://lambda.example.invalid");
    fs::write(fixture.path("request"), fixture.request.to_string()).expect("writable");
    let mut run = Command::new("unshare");
    run.args(["--net", "--mount", "bash", "-c", SCRIPT, &program()]).current_dir(fixture.directory.path());
    let began = Instant::now();
    let output = run.output().expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(r#""code":"timed-out""#), "{output:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn what_is_filled_in_has_a_limit() {
    let mut fixture = Fixture::new(json!({"description": "$LONG ".repeat(100_000)}));
    fixture.request["env"]["LONG"] = json!("x".repeat(1 << 20));
    let ended = run(&fixture);
    check("a variable", &ended, "bad-value");
    assert_eq!(ended.finished()["error"]["at"], "/description");
    fixture.request["description"] = json!("%{region}".repeat(100_000));
    fixture.request["region"] = json!("x".repeat(1 << 20));
    let ended = run(&fixture);
    assert!(ended.stdout.contains("\"variables make this value larger than 8 MiB\""), "{}", ended.stdout);
}
