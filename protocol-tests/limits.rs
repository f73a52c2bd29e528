//! Inputs without an end: files that are pipes or devices, lists, answers and trees that go on for ever. Each is told with a code of its
//! own, in time, and without filling memory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::deployments::build_directory;
use crate::fixture::{Fixture, not_run};
use crate::identity::recorder::{Answer, Asked, Recorder};
use crate::plugin::{Ended, program};

/// Every one of them ends long before, also on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// A named pipe that nobody writes to, `/dev/zero`, and a file of 1 TiB that has no content.
fn endless(directory: &Path) -> [String; 3] {
    let (pipe, huge) = (directory.join("pipe"), directory.join("huge"));
    let made = Command::new("mkfifo").arg(&pipe).status().expect("coreutils");
    assert!(made.success());
    fs::File::create(&huge).and_then(|file| file.set_len(1 << 40)).expect("made");
    [pipe.display().to_string(), "/dev/zero".to_owned(), huge.display().to_string()]
}

#[track_caller]
fn check(what: &str, ended: &Ended, code: &str) {
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
            check(&format!("{variable}={path}"), &fixture.again(), code);
        }
        fixture.request["env"][variable] = json!("/dev/null");
        if variable.ends_with("_FILE") && variable != "AWS_WEB_IDENTITY_TOKEN_FILE" {
            assert_eq!(fixture.again().outcome(), "deployed", "{variable}: what ends is read");
        }
    }
}

#[test]
fn a_pipe_for_a_token_that_a_profile_names_is_refused() {
    let mut fixture = Fixture::new(json!({}));
    let [pipe, ..] = endless(fixture.temporary.path());
    let config = fixture.path("config");
    let profile = "[default]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nweb_identity_token_file = ";
    fs::write(&config, format!("{profile}{pipe}\n")).expect("written");
    let env = fixture.request["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    env.insert("AWS_CONFIG_FILE".to_owned(), json!(config));
    check("a profile's token", &fixture.again(), "no-credentials");
}

#[test]
fn a_compiled_file_that_is_a_link_to_a_pipe_is_not_opened() {
    let fixture = Fixture::new(json!({"zip": "tree"}));
    fs::create_dir_all(fixture.path("tree/__pycache__")).expect("made");
    fs::write(fixture.path("tree/index.js"), "x").expect("written");
    let [pipe, ..] = endless(fixture.temporary.path());
    symlink(pipe, fixture.path("tree/__pycache__/a.pyc")).expect("made");
    let ended = fixture.again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
}

#[test]
fn an_ignore_file_without_an_end_is_refused() {
    let mut fixture = Fixture::new(json!({"zip": "."}));
    fixture.ask(json!({"zip": "."}));
    let elsewhere = build_directory();
    for path in endless(elsewhere.path()) {
        let ignore = fixture.path(".lambdaignore");
        let _ = fs::remove_file(&ignore);
        symlink(&path, &ignore).expect("made");
        check(&path, &fixture.again(), "package-unreadable");
    }
}

#[test]
fn a_file_of_stanzas_without_an_end_is_refused_and_a_pipe_with_one_is_read() {
    let directory = build_directory();
    let run = |option: &str, path: &str| {
        let mut command = Command::new(program());
        command.args(["check", option, path, "--format", "json", "--ci", "none"]).current_dir(directory.path());
        command.env_clear().env("PATH", &*crate::fixture::PATH).env("TRAVIS_BRANCH", "master").output().expect("runs")
    };
    let [_, zero, huge] = endless(directory.path());
    for (option, path) in [("--stanza", &zero), ("--stanza", &huge), ("--travis-yml", &zero), ("--travis-yml", &huge)] {
        let began = Instant::now();
        let output = run(option, path);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("larger than 8"), "{option} {path}: {said}");
        assert!(began.elapsed() < SOON, "{option} {path}");
    }
    let script = "exec \"$0\" check --format json --ci none --stanza <(sleep 0.2; echo 'function_name: f')";
    let mut bash = Command::new("bash");
    bash.args(["-c", script, &program()]).current_dir(directory.path());
    let output = bash.env("TRAVIS_BRANCH", "master").output().expect("bash runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"outcome\":\"checked\""), "{output:?}");
}

/// Lambda whose `operation` answers so; it knows the function f.
fn lambda(operation: &'static str, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Recorder {
    Recorder::start(move |asked| {
        let path = asked.target.split('?').next().unwrap_or_default();
        let is_it = match operation {
            "ListAliases" => path.ends_with("/aliases"),
            "ListVersionsByFunction" => path.ends_with("/versions"),
            _ => path.ends_with("/functions/f"),
        };
        let function = json!({"Configuration": {
            "FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "State": "Active",
            "LastUpdateStatus": "Successful", "Runtime": "nodejs22.x", "Handler": "index.handler",
            "Role": "arn:aws:iam::123456789012:role/run", "RevisionId": "1", "CodeSha256": "x", "Version": "$LATEST",
        }});
        if is_it { answer(asked) } else { text(200, &function.to_string()) }
    })
}

fn text(status: u16, body: &str) -> Answer {
    Answer::Text(status, vec![("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned())], body.to_owned())
}

fn deploy_to(lambda: &Recorder, members: &Value) -> Ended {
    let mut fixture = Fixture::new(members.clone());
    fixture.request["env"]["AWS_ENDPOINT_URL"] = json!(lambda.url());
    fixture.again()
}

#[test]
#[ignore = "second tier: long"]
fn a_list_whose_pages_never_end_is_given_up() {
    for (operation, list, members) in [
        ("ListAliases", "Aliases", json!({"alias": "live"})),
        ("ListVersionsByFunction", "Versions", json!({"publish": true, "keep_versions": 2})),
    ] {
        let page = json!({list: [], "NextMarker": "again"}).to_string();
        let lambda = lambda(operation, move |_| text(200, &page));
        let ended = deploy_to(&lambda, &members);
        check(operation, &ended, "unexpected-answer");
        assert_eq!(ended.finished()["error"]["aws"]["operation"], operation);
    }
}

#[test]
#[ignore = "second tier: long"]
fn an_answer_without_an_end_is_cut_off_and_a_long_text_is_shortened() {
    let filler = "x".repeat(17 << 20);
    let answer = json!({"Configuration": {"FunctionName": "f", "Description": filler}}).to_string();
    let endless = lambda("GetFunction", move |_| text(200, &answer));
    check("an answer of 17 MiB", &deploy_to(&endless, &json!({})), "unexpected-answer");

    let words = json!({"Type": "User", "Message": "word ".repeat(2 << 20)}).to_string();
    let headers = vec![
        ("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned()),
        ("x-amzn-errortype", "InvalidParameterValueException".to_owned()),
    ];
    let wordy = lambda("GetFunction", move |_| Answer::Text(400, headers.clone(), words.clone()));
    let ended = deploy_to(&wordy, &json!({}));
    check("a text of 10 MB", &ended, "invalid-parameter");
    assert!(ended.stdout.len() < 64 * 1024, "{} bytes are told", ended.stdout.len());
}

#[test]
#[ignore = "second tier: long"]
fn links_that_lead_to_one_another_are_followed_to_a_limit() {
    let mut fixture = Fixture::new(json!({"symlinks": "follow"}));
    fixture.ask(json!({"zip": "tree"}));
    // Two links on each level: 2^24 paths lead to the one file.
    for level in 0..24 {
        let directory = fixture.path(&format!("levels/{level}"));
        fs::create_dir_all(&directory).expect("made");
        for name in ["left", "right"] {
            symlink(fixture.path(&format!("levels/{}", level + 1)), directory.join(name)).expect("made");
        }
    }
    fs::create_dir_all(fixture.path("levels/24")).expect("made");
    fs::write(fixture.path("levels/24/file"), "x").expect("written");
    fs::create_dir(fixture.path("tree")).expect("made");
    symlink(fixture.path("levels/0"), fixture.path("tree/all")).expect("made");
    let ended = fixture.again();
    check("2^24 paths", &ended, "package-too-large");
    assert!(ended.finished()["error"]["message"].as_str().expect("told").contains("200000"), "{}", ended.stdout);
}

#[test]
fn a_deep_tree_is_walked_in_linear_time() {
    let fixture = Fixture::new(json!({"symlinks": "follow", "zip": "tree"}));
    // As deep as a path may be long.
    let directory = fixture.path(&format!("tree/{}", vec!["d"; 1_900].join("/")));
    fs::create_dir_all(&directory).expect("made");
    fs::write(directory.join("index.js"), "x").expect("written");
    let ended = fixture.again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(ended.elapsed < SOON, "{:?}", ended.elapsed);
}

#[test]
fn an_archive_that_is_far_too_large_is_refused_before_it_is_read() {
    let fixture = Fixture::new(json!({"zip": "huge.zip"}));
    fs::File::create(fixture.path("huge.zip")).and_then(|file| file.set_len(200_000_000_000)).expect("made");
    check("200 GB", &fixture.again(), "package-too-large");
}

#[test]
fn a_profiles_process_that_never_ends_is_ended_and_told() {
    let mut fixture = Fixture::new(json!({"wait_timeout": 1}));
    let env = fixture.request["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    let (config, mark) = (fixture.path("config"), fixture.path("pid"));
    let process = fixture.path("process");
    fs::write(&process, format!("echo $$ >{}\nsleep 600 & wait\n", mark.display())).expect("written");
    fs::write(&config, format!("[default]\ncredential_process = bash {}\n", process.display())).expect("written");
    fixture.request["env"]["AWS_CONFIG_FILE"] = json!(config);
    check("a process", &fixture.again(), "timed-out");
    let pid = fs::read_to_string(&mark).expect("it has run");
    let began = Instant::now();
    // Dead, nobody may have asked yet how it has ended.
    let runs = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(began.elapsed() < SOON, "it still runs");
        thread::sleep(Duration::from_millis(5));
    }
}

/// In a network and a view of the file system of its own, where the one name server listens and never answers.
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
    fs::write(fixture.path("request"), fixture.request.to_string()).expect("written");
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
    let ended = fixture.again();
    check("a variable", &ended, "bad-value");
    assert_eq!(ended.finished()["error"]["at"], "/description");
    fixture.request["description"] = json!("%{region}".repeat(100_000));
    fixture.request["region"] = json!("x".repeat(1 << 20));
    let ended = fixture.again();
    assert!(ended.stdout.contains("\"variables make this value larger than 8 MiB\""), "{}", ended.stdout);
}
