//! Whole deployments against the endpoint, for properties that a case file cannot describe: call counts,
//! times, and two deployments at the same time.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin::{PluginCommand, PluginOutput, job_env, kill, take_env, variables};

/// A build directory with one small file.
pub(crate) fn build_directory() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::write(directory.path().join("index.js"), "exports.handler = async () => 'hello'\n").expect("written");
    directory
}

/// A stanza that creates the function `f`, with the job's environment.
pub(crate) fn request(endpoint: &Endpoint) -> Value {
    json!({
        "provider": "lambda",
        "function_name": "f",
        "role": "arn:aws:iam::123456789012:role/run",
        "runtime": "nodejs22.x",
        "handler_name": "handler",
        "env": job_env(endpoint),
    })
}

fn endpoint(settings: Settings) -> Endpoint {
    Endpoint::start(settings).expect("a free port")
}

fn deploy(directory: &Path, request: &Value) -> PluginOutput {
    PluginCommand::new(&[]).directory(directory).run(request)
}

fn operations(endpoint: &Endpoint) -> Vec<String> {
    endpoint.calls().into_iter().map(|call| call.operation).collect()
}

#[test]
fn an_identical_deployment_is_one_call_and_no_upload() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let request = request(&endpoint);
    assert_eq!(deploy(directory.path(), &request).outcome(), "deployed");
    endpoint.forget_calls();
    let again = deploy(directory.path(), &request);
    assert_eq!(again.outcome(), "unchanged");
    assert_eq!(again.finished()["code"], "unchanged");
    let calls = endpoint.calls();
    assert_eq!(operations(&endpoint), ["GetFunction"]);
    assert_eq!(calls.iter().map(|call| call.code_bytes).sum::<u64>(), 0);
}

#[test]
fn what_is_live_is_what_was_packaged() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let ended = deploy(directory.path(), &request(&endpoint));
    let packaged = ended.event("packaged").expect("the event exists")["code_sha256"].clone();
    let live = endpoint.function("f").expect("created");
    assert_eq!(live["Configuration"]["CodeSha256"], packaged);
    assert_eq!(ended.finished()["code_sha256"], packaged);
    assert_eq!(ended.finished()["function_arn"], live["Configuration"]["FunctionArn"]);
    assert_eq!(
        endpoint.code("f").expect("the function has code").len() as u64,
        ended.event("packaged").unwrap()["zip_bytes"]
    );
}

#[test]
fn a_deployment_right_behind_another_one_waits_and_works() {
    let update_duration = Duration::from_millis(1500);
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let first = request(&endpoint);
    assert_eq!(deploy(directory.path(), &first).outcome(), "deployed");
    endpoint.set_update_duration(update_duration);

    let with = |timeout: u32, code: &str| {
        let directory = build_directory();
        fs::write(directory.path().join("index.js"), code).expect("written");
        let mut request = first.clone();
        request["timeout"] = json!(timeout);
        (directory, request)
    };
    let (one, two) = (with(11, "// one\n"), with(22, "// two\n"));
    std::thread::scope(|scope| {
        let began = scope.spawn(|| deploy(one.0.path(), &one.1));
        std::thread::sleep(Duration::from_millis(200));
        let behind = deploy(two.0.path(), &two.1);
        let before = began.join().expect("no panic");
        for ended in [&before, &behind] {
            assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
            // Each run waits for its own two updates, configuration and code.
            assert!(ended.elapsed >= 2 * update_duration, "{:?}\n{}", ended.elapsed, ended.stdout);
        }
    });
    let live = endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["LastUpdateStatus"], "Successful");
    assert!([11, 22].map(|t| json!(t)).contains(&live["Configuration"]["Timeout"]));
}

#[test]
fn an_unchanged_function_that_is_being_updated_is_waited_for() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let mut request = request(&endpoint);
    deploy(directory.path(), &request);
    // Longer than the second run needs to begin, also on a busy machine.
    endpoint.set_update_duration(Duration::from_secs(3));
    request["timeout"] = json!(5);
    let mut killed = PluginCommand::new(&[]).directory(directory.path());
    let mut child = killed.spawn();
    use std::io::Write;
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("written");
    while !operations(&endpoint).contains(&"UpdateFunctionConfiguration".to_owned()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(child);
    let ended = deploy(directory.path(), &request);
    assert_eq!(ended.outcome(), "unchanged");
    assert_eq!(ended.steps(), ["wait"]);
    assert_eq!(endpoint.function("f").unwrap()["Configuration"]["LastUpdateStatus"], "Successful");
}

#[test]
fn creation_waits_until_the_function_is_active() {
    let create_duration = Duration::from_millis(600);
    let endpoint = endpoint(Settings { create_duration, ..Settings::default() });
    let began = Instant::now();
    let ended = deploy(build_directory().path(), &request(&endpoint));
    assert_eq!(ended.outcome(), "deployed");
    assert!(began.elapsed() >= create_duration);
    assert_eq!(endpoint.function("f").expect("created")["Configuration"]["State"], "Active");
}

#[test]
fn a_package_that_cannot_go_is_known_before_the_first_call() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let large = fs::File::create(directory.path().join("large.bin")).expect("created");
    large.set_len(251 * 1024 * 1024).expect("a sparse file");
    let ended = deploy(directory.path(), &request(&endpoint));
    assert_eq!((ended.code(), ended.status.code()), ("package-too-large", Some(2)));
    assert_eq!(operations(&endpoint), [""; 0]);

    fs::remove_file(directory.path().join("large.bin")).expect("removed");
    fs::write(directory.path().join("noise.bin"), noise(51 << 20)).expect("written");
    let mut job = request(&endpoint);
    let packaged = PluginCommand::new(&["package", "--output", "given.zip"])
        .directory(directory.path())
        .run(&request(&endpoint));
    assert_eq!(packaged.outcome(), "packaged");
    job["include"] = json!(["*.bin", "*.js"]);
    let by_directory = deploy(directory.path(), &job);
    job["zip"] = json!("given.zip");
    let given = deploy(directory.path(), &job);
    for ended in [by_directory, given] {
        assert_eq!((ended.code(), ended.status.code()), ("package-too-large", Some(2)));
        let hint = ended.finished()["error"]["hint"].as_str().expect("a hint").to_owned();
        assert!(hint.contains("`s3_bucket`") && hint.contains("noise.bin (51.0 MiB), index.js"), "{hint}");
    }
    let mut bytes = fs::read(directory.path().join("given.zip")).expect("written");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(directory.path().join("given.zip"), bytes).expect("written");
    let damaged = deploy(directory.path(), &job);
    assert_eq!((damaged.code(), damaged.status.code()), ("package-invalid", Some(2)));
    assert_eq!(operations(&endpoint), [""; 0]);
}

/// Bytes that deflate cannot compress, the same in each run.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    crate::noise::noise(length, 1)
}

#[test]
fn an_upload_that_is_cut_in_the_middle_is_sent_again_whole() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let mut job = request(&endpoint);
    assert_eq!(deploy(directory.path(), &job).outcome(), "deployed");
    fs::write(directory.path().join("noise.bin"), noise(40 << 20)).expect("written");
    endpoint.fault(Fault::once("UpdateFunctionCode", FaultKind::ResetDuring { after_bytes: 20 << 20 }));
    job["zip"] = json!(".");
    let ended = deploy(directory.path(), &job);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let finished =
        ended.events.iter().find(|event| event["event"] == "step-finished").expect("the event exists");
    assert_eq!(finished["attempts"], 2);
    let live = endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["CodeSha256"], ended.finished()["code_sha256"]);
    assert_eq!(
        endpoint.code("f").expect("the function has code").len() as u64,
        ended.event("packaged").expect("the event exists")["zip_bytes"]
    );
}

#[test]
fn files_that_compress_little_are_refused_before_the_first_call() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    // Seven random bits in each byte: compressed by an eighth, which takes long enough for a progress event.
    let content: Vec<u8> = noise(60 << 20).into_iter().map(|byte| byte | 1).collect();
    fs::write(directory.path().join("noise.bin"), content).expect("written");
    let ended = deploy(directory.path(), &request(&endpoint));
    assert_eq!((ended.code(), ended.status.code()), ("package-too-large", Some(2)), "{}", ended.stdout);
    assert_eq!(operations(&endpoint), [""; 0]);
    assert!(ended.event("progress").is_some(), "no progress event for a large package");
}

#[test]
fn the_runners_own_identity_is_never_used_for_a_job() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let home = TempDir::new().expect("a temporary directory");
    fs::create_dir(home.path().join(".aws")).expect("created");
    let profile =
        "[default]\naws_access_key_id = AKIDENDPOINTEXAMPLE1\naws_secret_access_key = endpoint-secret-key\n";
    fs::write(home.path().join(".aws/credentials"), profile).expect("written");
    let runner = || {
        PluginCommand::new(&[])
            .directory(directory.path())
            .env("AWS_ACCESS_KEY_ID", "AKIDENDPOINTEXAMPLE1")
            .env("AWS_SECRET_ACCESS_KEY", "endpoint-secret-key")
            .env("HOME", &home.path().display().to_string())
    };
    let mut job = request(&endpoint);
    let env = job["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.contains("ACCESS_KEY"));
    let ended = runner().run(&job);
    assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
    assert_eq!(operations(&endpoint), [""; 0]);

    job["env"]["HOME"] = json!(home.path().display().to_string());
    let ended = runner().run(&job);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.event("identified").expect("the event exists")["source"], "profile");
}

#[test]
fn without_an_env_the_processs_environment_is_the_jobs() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let mut job = request(&endpoint);
    let env = take_env(&mut job);
    let ended = PluginCommand::new(&[]).directory(directory.path()).envs(variables(&env)).run(&job);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
}

#[test]
fn everything_is_reported_on_standard_output_and_nothing_unless_asked_on_standard_error() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let ended = deploy(directory.path(), &request(&endpoint));
    assert_eq!(ended.stderr, "");
    let mut job = request(&endpoint);
    job["timeout"] = json!(9);
    let logged = PluginCommand::new(&[]).directory(directory.path()).env("DPL_LAMBDA_LOG", "trace").run(&job);
    assert!(logged.stderr.contains("dpl_lambda"), "{}", logged.stderr);
    assert!(!logged.stderr.to_lowercase().contains("authorization"), "{}", logged.stderr);
}

#[test]
fn a_profile_of_the_jobs_does_not_reach_the_machines_metadata_service() {
    let (endpoint, directory) = (endpoint(Settings::default()), build_directory());
    let home = TempDir::new().expect("a temporary directory");
    fs::create_dir(home.path().join(".aws")).expect("created");
    let profile =
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2InstanceMetadata\n";
    fs::write(home.path().join(".aws/config"), profile).expect("written");
    let mut job = request(&endpoint);
    let env = job["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.contains("ACCESS_KEY"));
    env.insert("HOME".to_owned(), json!(home.path().display().to_string()));
    let ended = deploy(directory.path(), &job);
    assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
    assert!(
        // The SDK gives a connection to it one second, four times.
        ended.elapsed < Duration::from_secs(3),
        "slow, so it called the metadata service: {:?}",
        ended.elapsed
    );
}

/// A metadata service with one role, like `169.254.169.254` on an instance. It runs until the test ends.
fn metadata_service() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let count = stream.read(&mut head).unwrap_or(0);
            let request = String::from_utf8_lossy(&head[..count]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let body = match path.trim_end_matches('/').rsplit('/').next() {
                Some("token") => "a-token".to_owned(),
                Some("security-credentials" | "security-credentials-extended") => "run".to_owned(),
                _ => json!({
                    "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
                    "AccessKeyId": "AKIDENDPOINTEXAMPLE1", "SecretAccessKey": "endpoint-secret-key",
                    "Token": "instance-token", "Expiration": "2099-01-01T00:00:00Z",
                })
                .to_string(),
            };
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 600";
            let answer = format!(
                "HTTP/1.1 200 OK\r\n{ttl}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn the_timeout_of_the_metadata_service_does_not_apply_to_lambda() {
    let settings = Settings {
        latency: Duration::from_millis(600),
        session_token: Some("instance-token".to_owned()),
        ..Settings::default()
    };
    let (endpoint, directory) = (endpoint(settings), build_directory());
    let mut job = request(&endpoint);
    let env = job["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.contains("ACCESS_KEY"));
    env.insert("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), json!(metadata_service()));
    let ended = deploy(directory.path(), &job);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.event("identified").expect("the event exists")["source"], "instance");
}

#[test]
fn a_package_is_written_behind_a_link() {
    let directory = build_directory();
    fs::write(directory.path().join("real.zip"), "old").expect("written");
    std::os::unix::fs::symlink("real.zip", directory.path().join("link.zip")).expect("linked");
    let request = json!({"function_name": "f", "zip": "index.js"});
    let ended =
        PluginCommand::new(&["package", "--output", "link.zip"]).directory(directory.path()).run(&request);
    assert_eq!(ended.outcome(), "packaged");
    assert!(fs::symlink_metadata(directory.path().join("link.zip")).expect("it exists").is_symlink());
    assert!(fs::read(directory.path().join("real.zip")).expect("it exists").starts_with(b"PK"));
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 3, "another file is left");
}
