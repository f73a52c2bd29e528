//! Tests that the same files give the same archive, byte for byte, in different environments.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64_simd::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::deployments::noise;
use crate::fixture;
use crate::plugin::{PluginCommand, program};

/// Creates enough files for several threads, in the order of their names or in reverse order.
fn grow(tree: &Path, reversed: bool) {
    let mut files: Vec<(String, Vec<u8>)> = (0..300)
        .map(|number| {
            (format!("lib/{}/{number}.js", number % 7), format!("exports.n = {number}\n").repeat(50).into())
        })
        .collect();
    files.push(("bootstrap".to_owned(), b"#!/bin/sh\n".to_vec()));
    files.push(("bundle.js".to_owned(), b"the quick brown fox ".repeat(150_000)));
    files.push(("größe.txt".to_owned(), Vec::new()));
    files.push(("noise.bin".to_owned(), noise(3_000_000)));
    files.sort();
    if reversed {
        files.reverse();
    }
    for (name, content) in files {
        let path = tree.join(&name);
        fs::create_dir_all(path.parent().expect("a parent directory")).expect("can be created");
        fs::write(&path, content).expect("writable");
        let mode = if name == "bootstrap" { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("can be changed");
    }
    symlink("lib/3", tree.join("link")).expect("can be created");
}

/// A temporary directory with such files in `tree`.
fn place() -> TempDir {
    let place = TempDir::new().expect("a temporary directory");
    grow(&place.path().join("tree"), false);
    place
}

fn sh(place: &TempDir, script: &str) {
    let status = Command::new("bash")
        .args(["-c", script])
        .current_dir(place.path())
        .status()
        .expect("bash is installed");
    assert!(status.success(), "{script}: {status}");
}

/// An archive: the hash that the program reported, and the bytes.
#[derive(PartialEq)]
struct Made {
    code_sha256: String,
    bytes: Vec<u8>,
}

impl Made {
    fn of(packaged: &Value, output: PathBuf) -> Self {
        let bytes = fs::read(output).expect("readable");
        let code_sha256 = packaged["code_sha256"].as_str().expect("a string").to_owned();
        assert_eq!(
            code_sha256,
            BASE64.encode_to_string(Sha256::digest(&bytes)),
            "the reported hash matches the bytes"
        );
        Made { code_sha256, bytes }
    }

    #[track_caller]
    fn assert_same(&self, other: &Made) {
        assert_eq!(self.code_sha256, other.code_sha256);
        assert!(self.bytes == other.bytes, "different bytes with the same hash");
    }
}

fn made_with(env: &[(&str, &str)], directory: &Path, zip: &str) -> Made {
    let target = TempDir::new().expect("a temporary directory");
    let output = target.path().join("out.zip");
    let mut plugin =
        PluginCommand::new(&["package", "--output", output.to_str().expect("UTF-8")]).directory(directory);
    for (name, value) in env {
        plugin = plugin.env(name, value);
    }
    let ended = plugin.run(&json!({"function_name": "f", "zip": zip}));
    assert_eq!(ended.outcome(), "packaged", "{}", ended.stdout);
    Made::of(ended.event("packaged").expect("the event exists"), output)
}

/// Packages `zip` in `place` with the default environment.
fn made(place: &TempDir, zip: &str) -> Made {
    made_with(&[], place.path(), zip)
}

#[test]
fn at_another_time() {
    let place = place();
    let before = made(&place, "tree");
    sh(&place, "shopt -s globstar; touch -t 200001020304 tree/**");
    let touched =
        fs::metadata(place.path().join("tree/bundle.js")).expect("exists").modified().expect("a time");
    assert!(
        touched.elapsed().is_ok_and(|age| age.as_secs() > 86_400 * 365),
        "the modification time is not changed"
    );
    before.assert_same(&made(&place, "tree"));
}

#[test]
fn in_a_copy_of_another_name() {
    let place = place();
    sh(&place, "cp -R tree copy");
    made(&place, "tree").assert_same(&made(&place, "copy"));
}

#[test]
fn under_another_umask() {
    let place = place();
    sh(&place, "umask 077; cp -R tree closed; umask 002; cp -R tree open; chmod -R g+w open");
    for (copy, mode) in [("closed", 0o600), ("open", 0o664)] {
        let copied = fs::metadata(place.path().join(copy).join("bundle.js")).expect("exists");
        assert_eq!(copied.permissions().mode() & 0o777, mode, "{copy}");
        made(&place, "tree").assert_same(&made(&place, copy));
    }
}

#[test]
fn whatever_was_created_first() {
    let place = place();
    grow(&place.path().join("reversed"), true);
    made(&place, "tree").assert_same(&made(&place, "reversed"));
}

#[test]
fn in_another_time_zone_and_language() {
    let place = place();
    let env = [("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR.UTF-8"), ("LANG", "de_DE.ISO-8859-1")];
    made(&place, "tree").assert_same(&made_with(&env, place.path(), "tree"));
    made(&place, "tree").assert_same(&made_with(&[("TZ", "UTC-14"), ("LC_ALL", "C")], place.path(), "tree"));
}

#[test]
#[ignore = "second tier: needs taskset"]
fn on_one_processor() {
    let probe = Command::new("taskset").args(["-c", "0", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        return fixture::not_run("taskset (is not installed, or processor 0 is not available)");
    }
    let place = place();
    fs::write(place.path().join("request.json"), r#"{"function_name":"f","zip":"tree"}"#).expect("writable");
    let request = fs::File::open(place.path().join("request.json")).expect("readable");
    let output = Command::new("taskset")
        .args(["-c", "0", &program(), "package", "--output", "one.zip"])
        .current_dir(place.path())
        .stdin(request)
        .output()
        .expect("can be started");
    let reported = String::from_utf8(output.stdout).expect("events are UTF-8");
    let mut events = reported.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let packaged = events.find(|event| event["event"] == "packaged").expect("the event exists");
    Made::of(&packaged, place.path().join("one.zip")).assert_same(&made(&place, "tree"));
}

#[test]
fn wherever_it_is_packaged_from() {
    let place = place();
    let deep = place.path().join("as/deep/as/can/be");
    fs::create_dir_all(&deep).expect("can be created");
    let named = made(&place, "tree");
    named.assert_same(&made_with(&[], &place.path().join("tree"), "."));
    named.assert_same(&made_with(&[], &deep, "../../../../../tree"));
    named.assert_same(&made_with(&[], &deep, place.path().join("tree").to_str().expect("UTF-8")));
}

#[test]
fn another_byte_another_name_and_another_executable_bit_are_other_bytes() {
    let place = place();
    let before = made(&place, "tree");
    for change in ["chmod u+x bundle.js", "mv bundle.js Bundle.js", "printf x >> bundle.js"] {
        sh(&place, &format!("rm -rf changed; cp -R tree changed; cd changed; {change}"));
        assert!(before != made(&place, "changed"), "{change}");
    }
}
