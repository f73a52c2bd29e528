//! Reads our archives with other programs: Python's zipfile, Info-ZIP's `unzip`, Java's `jar`, 7-Zip.
//!
//! Python is required, as in other tests. Each of the other programs is used if it is installed; `cargo test
//! --
//! --nocapture readers` lists the missing ones.

use std::collections::BTreeMap;
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
use crate::plugin::PluginCommand;

/// A script that prints every entry of an archive in the format of [`seen`], and the first entry with a wrong
/// checksum.
const READ_ALL: &str = r#"
import base64, hashlib, json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
def seen(entry):
    return "%o %s" % (entry.external_attr >> 16, base64.b64encode(hashlib.sha256(archive.read(entry)).digest()).decode())
entries = {entry.filename: seen(entry) for entry in archive.infolist()}
print(json.dumps({"bad": archive.testzip(), "entries": entries}))
"#;

/// A script that prints the number of entries, and the first entry with a wrong checksum.
const COUNT: &str = r#"
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
print(json.dumps({"bad": archive.testzip(), "entries": len(archive.infolist())}))
"#;

/// A script that prints the size of each entry in the central directory and the number of bytes read. zipfile
/// checks the checksum at the end of an entry.
const STREAM: &str = r#"
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
def bytes_of(entry):
    with archive.open(entry) as stream:
        return sum(map(len, iter(lambda: stream.read(1 << 20), b"")))
print(json.dumps({entry.filename: [entry.file_size, bytes_of(entry)] for entry in archive.infolist()}))
"#;

/// A temporary directory with a directory `tree` and its archive.
struct Scenario {
    place: TempDir,
}

impl Scenario {
    fn new() -> Self {
        let place = TempDir::new().expect("a temporary directory");
        fs::create_dir(place.path().join("tree")).expect("can be created");
        Scenario { place }
    }

    fn tree(&self) -> PathBuf {
        self.place.path().join("tree")
    }

    fn archive(&self) -> PathBuf {
        self.place.path().join("tree.zip")
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) {
        let path = self.tree().join(name);
        fs::create_dir_all(path.parent().expect("a parent directory")).expect("can be created");
        fs::write(&path, content).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("can be changed");
    }

    fn package(&self) {
        let stanza = json!({"function_name": "f", "zip": "tree", "dot_match": true});
        let ended = PluginCommand::new(&["package", "--output", "tree.zip"])
            .directory(self.place.path())
            .run(&stanza);
        assert_eq!(ended.outcome(), "packaged", "{}", ended.stdout);
    }

    /// Runs a Python script with the archive as argument, and returns the JSON that it prints.
    fn asked(&self, script: &str) -> Value {
        let output = Command::new("python3").args(["-c", script]).arg(self.archive()).output();
        let output = output.expect("Python 3 is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Unpacks the archive with a program into a new directory, and returns the directory.
    fn unpacked_by(&self, program: &str, arguments: &[&str]) -> PathBuf {
        let target = self.place.path().join("unpacked");
        fs::create_dir(&target).expect("can be created");
        // In an ASCII locale, programs change names with umlauts.
        let mut command = Command::new(program);
        command.args(arguments).arg(self.archive()).current_dir(&target).env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("can be started");
        assert!(output.status.success(), "{program}: {output:?}");
        target
    }
}

/// A fixture with every kind of entry, in every way in which we write it: stored, deflated, and in blocks
/// with the sizes after the data.
fn everything() -> Scenario {
    let scenario = Scenario::new();
    let mebibyte = 1 << 20;
    let text = b"the quick brown fox jumps over the lazy dog\n".repeat(mebibyte / 44 + 1);
    let mut incompressible = noise(2 * mebibyte + 24);
    incompressible.truncate(2 * mebibyte + 17);
    scenario.write("empty", b"", 0o644);
    scenario.write(".hidden", b"set by `dot_match`", 0o644);
    scenario.write("Größe in Köln/öffne mich.txt", "Übergrößenträger\n".repeat(50).as_bytes(), 0o644);
    scenario.write("日本.txt", "日本\n".as_bytes(), 0o644);
    scenario.write("bin/run me.sh", b"#!/bin/sh\necho run\n", 0o755);
    scenario.write("block edge", &text[..mebibyte], 0o644);
    scenario.write("just over a block", &text[..=mebibyte], 0o755);
    scenario.write("noise", &incompressible, 0o644);
    scenario.write(&format!("{}file", "deep/".repeat(40)), b"deep\n", 0o644);
    fs::create_dir(scenario.tree().join("empty directory")).expect("can be created");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(scenario.tree().join("empty directory"), permissions).expect("can be changed");
    symlink("bin/run me.sh", scenario.tree().join("link to a file")).expect("can be created");
    symlink("Größe in Köln", scenario.tree().join("link to a directory")).expect("can be created");
    symlink("../Größe in Köln", scenario.tree().join("bin/link back")).expect("can be created");
    scenario.package();
    scenario
}

/// The mode with the file type, and the hash of the content: that of a file, or the target of a link.
fn seen(mode: u32, content: &[u8]) -> String {
    format!("{mode:o} {}", BASE64.encode_to_string(Sha256::digest(content)))
}

/// The files, links and empty directories below `directory`, with the names that they have in an archive.
fn walk(directory: &Path) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    let mut open = vec![(directory.to_owned(), String::new())];
    while let Some((directory, name)) = open.pop() {
        let mut is_empty = true;
        for entry in fs::read_dir(&directory).expect("readable") {
            is_empty = false;
            let path = entry.expect("readable").path();
            let own = path.file_name().expect("a file name").to_str().expect("UTF-8");
            let name = format!("{name}{own}");
            let there = fs::symlink_metadata(&path).expect("readable");
            if there.is_dir() {
                open.push((path, format!("{name}/")));
            } else if there.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                entries.insert(name, seen(0o120_777, target.to_str().expect("UTF-8").as_bytes()));
            } else {
                let content = fs::read(&path).expect("readable");
                entries.insert(name, seen(there.permissions().mode(), &content));
            }
        }
        if is_empty {
            let mode = fs::metadata(&directory).expect("readable").permissions().mode();
            entries.insert(name, seen(mode, b""));
        }
    }
    entries
}

/// The first of these programs that is installed. A program counts as installed if it succeeds with the
/// argument `answers`: the `jar` of macOS exists, but only prints where to get one.
fn installed<'a>(programs: &[&'a str], answers: &str) -> Option<&'a str> {
    let is_there =
        |program: &&str| Command::new(program).arg(answers).output().is_ok_and(|o| o.status.success());
    let found = programs.iter().copied().find(is_there);
    if found.is_none() {
        fixture::not_run(&format!("{} (is not installed)", programs[0]));
    }
    found
}

/// Checks that all regular files below `tree` are also below `unpacked`. Ignores modes and links.
#[track_caller]
fn assert_same_files(tree: &Path, unpacked: &Path) {
    let mut files = 0;
    for (name, expected) in walk(tree) {
        if expected.starts_with("100") {
            let content = fs::read(unpacked.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (_, expected) = expected.split_once(' ').expect("a mode and a hash");
            assert!(seen(0, &content).ends_with(expected), "{name}");
            files += 1;
        }
    }
    assert_eq!(files, 9);
}

#[test]
#[ignore = "second tier: needs Python, unzip, jar and 7z"]
fn python_extracts_what_was_packaged() {
    let scenario = everything();
    let read = scenario.asked(READ_ALL);
    assert_eq!(read["bad"], Value::Null);
    assert_eq!(read["entries"], json!(walk(&scenario.tree())));
}

#[test]
#[ignore = "second tier: needs Python, unzip, jar and 7z"]
fn unzip_extracts_what_was_packaged_with_modes_and_links() {
    let Some(unzip) = installed(&["unzip"], "-v") else { return };
    let scenario = everything();
    assert_eq!(walk(&scenario.unpacked_by(unzip, &["-q"])), walk(&scenario.tree()));
}

#[test]
#[ignore = "second tier: needs Python, unzip, jar and 7z"]
fn jar_extracts_the_files_that_were_packaged() {
    let Some(jar) = installed(&["jar"], "--version") else { return };
    let scenario = everything();
    assert_same_files(&scenario.tree(), &scenario.unpacked_by(jar, &["xf"]));
}

#[test]
#[ignore = "second tier: needs Python, unzip, jar and 7z"]
fn seven_zip_extracts_the_files_that_were_packaged() {
    let Some(seven_zip) = installed(&["7z", "7zz", "7za"], "i") else { return };
    let scenario = everything();
    // 7-Zip treats any `..` in a link as an attack (26.03; "Dangerous link path was ignored", status 2).
    assert_same_files(&scenario.tree(), &scenario.unpacked_by(seven_zip, &["x", "-x!bin/link back"]));
}

#[test]
#[ignore = "second tier: needs Python, unzip, jar and 7z"]
fn seventy_thousand_entries_are_read() {
    let scenario = Scenario::new();
    for directory in 0..70 {
        let path = scenario.tree().join(format!("d{directory}"));
        fs::create_dir(&path).expect("can be created");
        for file in 0..1000 {
            fs::write(path.join(format!("f{file}")), format!("{directory} {file}\n")).expect("writable");
        }
    }
    scenario.package();
    assert_eq!(scenario.asked(COUNT), json!({"bad": null, "entries": 70_000}));
    if let Some(unzip) = installed(&["unzip"], "-v") {
        scenario.unpacked_by(unzip, &["-tq"]);
    }
}

/// Run it with `cargo test --test protocol -- --ignored an_entry_over_4_gib`. The file is sparse, so it needs
/// no disk space; its archive has 4 MiB.
#[test]
#[ignore = "reads 4 GiB: a minute"]
fn an_entry_over_4_gib_is_read() {
    const BYTES: u64 = (4 << 30) + 5;
    let scenario = Scenario::new();
    let large = fs::File::create(scenario.tree().join("large")).expect("can be created");
    large.set_len(BYTES).expect("can be resized");
    scenario.write("small", b"behind it", 0o644);
    scenario.package();
    assert_eq!(scenario.asked(STREAM), json!({"large": [BYTES, BYTES], "small": [9, 9]}));
    if let Some(unzip) = installed(&["unzip"], "-v") {
        scenario.unpacked_by(unzip, &["-tq"]);
    }
}
