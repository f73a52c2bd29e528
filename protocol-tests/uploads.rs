//! Tests uploads of packages to an S3 bucket of moto, and reads the results with boto3.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::{build_directory, noise};
use crate::emulators::Emulator;
use crate::interruptions::signal;
use crate::plugin::{PluginCommand, PluginOutput};

const BUCKET: &str = "packages";

/// A bucket of moto, a directory with this many MiB of incompressible data, and a stanza that creates the
/// function `f` from it.
fn scenario(mebibytes: usize) -> (Emulator, TempDir, Value) {
    let (moto, directory) = (Emulator::moto(), build_directory());
    moto.ask("s3", "create_bucket", &json!({"Bucket": BUCKET}));
    fs::write(directory.path().join("noise.bin"), noise(mebibytes << 20)).expect("writable");
    let stanza = json!({
        "function_name": "f",
        "role": moto.role(),
        "runtime": "nodejs22.x",
        "handler_name": "handler",
        "s3_bucket": BUCKET,
        "s3_prefix": "ci/",
        "env": moto.job_env(),
    });
    (moto, directory, stanza)
}

fn deploy(directory: &Path, stanza: &Value) -> PluginOutput {
    PluginCommand::new(&[]).directory(directory).run(stanza)
}

/// The keys and sizes of all objects in the bucket.
fn objects(moto: &Emulator) -> Vec<(String, u64)> {
    let listed = moto.ask("s3", "list_objects_v2", &json!({"Bucket": BUCKET}));
    let objects = listed["Contents"].as_array().cloned().unwrap_or_default();
    let object = |object: &Value| {
        (object["Key"].as_str().expect("a key").to_owned(), object["Size"].as_u64().expect("a number"))
    };
    objects.iter().map(object).collect()
}

fn unfinished(moto: &Emulator) -> Value {
    moto.ask("s3", "list_multipart_uploads", &json!({"Bucket": BUCKET}))["Uploads"].clone()
}

#[track_caller]
fn attempts(ended: &PluginOutput, step: &str) -> u64 {
    let is_it = |event: &&Value| event["event"] == "step-finished" && event["step"] == step;
    ended.events.iter().find(is_it).expect("the step finished")["attempts"].as_u64().expect("a number")
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_package_over_50_mib_goes_in_parts_and_only_once() {
    let (moto, directory, mut stanza) = scenario(51);
    let ended = deploy(directory.path(), &stanza);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.steps(), ["upload-package", "create-function"]);
    let package = ended.event("packaged").expect("the event exists");
    let live = moto.ask("lambda", "get_function", &json!({"FunctionName": "f"}));
    assert_eq!(live["Configuration"]["CodeSha256"], package["code_sha256"]);
    let held = objects(&moto);
    let [(key, size)] = held.as_slice() else { panic!("expected one object: {held:?}") };
    assert_eq!(*size, package["zip_bytes"].as_u64().expect("a number"));
    assert!(key.starts_with("ci/f/") && key.ends_with(".zip"), "{key}");
    assert_eq!(unfinished(&moto), Value::Null);
    // Seven parts, and three other calls.
    assert_eq!(attempts(&ended, "upload-package"), 10);

    assert_eq!(deploy(directory.path(), &stanza).outcome(), "unchanged");
    // The same package after the function was deleted: one HEAD request, and no upload.
    moto.ask("lambda", "delete_function", &json!({"FunctionName": "f"}));
    let again = deploy(directory.path(), &stanza);
    assert_eq!(again.outcome(), "deployed", "{}", again.stdout);
    assert_eq!(attempts(&again, "upload-package"), 1);

    // An object can also be deployed by its key.
    stanza = json!({"function_name": "f", "s3_bucket": BUCKET, "s3_key": key, "env": moto.job_env()});
    let by_key = deploy(directory.path(), &stanza);
    assert_eq!((by_key.outcome(), by_key.finished()["code"].as_str()), ("deployed", Some("unchanged")));
    assert!(by_key.event("packaged").is_none());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_small_package_goes_in_one_piece_whose_hash_s3_knows() {
    let (moto, directory, mut stanza) = scenario(1);
    let ended = deploy(directory.path(), &stanza);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(attempts(&ended, "upload-package"), 2);
    let (key, _) = objects(&moto).remove(0);
    stanza = json!({"function_name": "f", "s3_bucket": BUCKET, "s3_key": key, "env": moto.job_env()});
    assert_eq!(deploy(directory.path(), &stanza).outcome(), "unchanged");
    fs::write(directory.path().join("index.js"), "// new\n").expect("writable");
    let planned = PluginCommand::new(&["plan"]).directory(directory.path()).run(&stanza);
    assert_eq!(planned.finished()["steps"], json!([]), "the directory is ignored");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn what_is_wrong_with_a_bucket_names_its_key() {
    let (moto, directory, mut stanza) = scenario(1);
    stanza["s3_bucket"] = json!("nobody");
    let ended = deploy(directory.path(), &stanza);
    assert_eq!((ended.code(), ended.status.code()), ("not-found", Some(1)), "{}", ended.stdout);
    assert_eq!(ended.finished()["error"]["at"], "/s3_bucket");
    assert_eq!(ended.finished()["changed"], json!([]));
    stanza = json!({"function_name": "f", "s3_bucket": BUCKET, "s3_key": "none.zip", "env": moto.job_env()});
    let ended = deploy(directory.path(), &stanza);
    assert_eq!((ended.code(), ended.status.code()), ("package-not-found", Some(1)), "{}", ended.stdout);
    assert_eq!(ended.finished()["error"]["at"], "/s3_key");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_upload_that_is_cancelled_half_way_leaves_nothing_behind() {
    let (moto, directory, stanza) = scenario(90);
    let mut child = PluginCommand::new(&[]).directory(directory.path()).spawn();
    child.stdin.take().expect("piped").write_all(stanza.to_string().as_bytes()).expect("writable");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let begins = |line: &str| line.contains(r#""event":"step-started","step":"upload-package""#);
    assert!(lines.by_ref().map(|line| line.expect("UTF-8")).any(|line| begins(&line)), "the upload starts");
    // Cancel early: the upload of 90 MiB takes several times as long.
    std::thread::sleep(Duration::from_millis(60));
    let sent = Instant::now();
    signal(&child, "TERM");
    let last = lines.map(|line| line.expect("UTF-8")).last().expect("a last line");
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    let finished: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(
        (&finished["event"], &finished["error"]["code"]),
        (&json!("finished"), &json!("cancelled")),
        "{last}"
    );
    assert_eq!(finished["changed"], json!([]));
    child.wait().expect("can be waited for");
    assert_eq!(unfinished(&moto), Value::Null, "the multipart upload is aborted");
    assert_eq!(objects(&moto), []);
}
