//! Tests the quick parts of `.ci/release`: the changelog check, the packing, and the refusals.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fixture::{self, git};
use crate::repository::committed_schema;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn changelog() -> String {
    fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md")
}

#[test]
fn the_changelog_lists_this_version_and_the_changes_of_the_protocol() {
    let changelog = changelog();
    let heading = format!("\n## {} - ", env!("CARGO_PKG_VERSION"));
    let (_, section) = changelog.split_once(&heading).expect("CHANGELOG.md has a section of this version");
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, protocol) =
        section.split_once("\n### Protocol\n").expect("the section of this version has a Protocol heading");
    assert!(protocol.trim_start().starts_with("- "), "{protocol}");
}

#[test]
fn each_event_and_command_was_reported_when_it_came() {
    let changelog = changelog();
    let protocol: String =
        changelog.split("\n### Protocol\n").skip(1).filter_map(|rest| rest.split("\n##").next()).collect();
    let schema = committed_schema("event.json");
    let events = schema["oneOf"].as_array().expect("a list of events");
    let events =
        events.iter().map(|event| event["properties"]["event"]["const"].as_str().expect("a tag").to_owned());
    for name in events.chain(crate::documents::commands()) {
        assert!(
            protocol.contains(&format!("`{name}`")),
            "`{name}` is under no Protocol heading of CHANGELOG.md"
        );
    }
}

#[test]
fn the_scripts_can_be_read_by_bash() {
    for script in
        fs::read_dir(root().join(".ci")).expect("readable").map(|entry| entry.expect("an entry").path())
    {
        let output = Command::new("bash").arg("-n").arg(&script).output().expect("bash is installed");
        assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
        let executable = fs::metadata(&script).expect("exists").permissions().mode() & 0o111;
        assert_ne!(executable, 0, "{} is not executable", script.display());
    }
}

/// Creates a directory `name` with these files, in this order, with this modification time and mode.
fn tree(parent: &Path, files: &[(&str, &str)], time: &str, mode: u32) -> PathBuf {
    let directory = parent.join("name");
    fs::create_dir_all(directory.join("schema")).expect("can be created");
    for (name, text) in files {
        let file = directory.join(name);
        fs::write(&file, text).expect("writable");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("can be changed");
        assert!(
            Command::new("touch")
                .args(["-d", time])
                .arg(&file)
                .status()
                .expect("touch is installed")
                .success()
        );
    }
    directory
}

fn packed(directory: &Path, epoch: &str) -> Vec<u8> {
    let archive = directory.with_extension("tar.gz");
    let mut pack = Command::new(root().join(".ci/pack"));
    let output = pack
        .arg(directory)
        .arg(&archive)
        .env("SOURCE_DATE_EPOCH", epoch)
        .output()
        .expect("bash is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(archive).expect("readable")
}

#[test]
#[ignore = "second tier: needs tar"]
fn packing_depends_on_names_contents_and_the_given_time_alone() {
    let tar = Command::new("tar").arg("--version").output().expect("tar is installed");
    if !String::from_utf8_lossy(&tar.stdout).contains("GNU tar") {
        fixture::not_run("GNU tar (is not installed)");
        return;
    }
    let parents: [TempDir; 3] = std::array::from_fn(|_| TempDir::new().expect("a temporary directory"));
    let [one, two, three] = &parents;
    let files = [("b", "bee"), ("a", "ay"), ("schema/c", "sea")];
    let [b, a, c] = files;
    let one = tree(one.path(), &files, "2001-02-03 04:05:06", 0o644);
    let two = tree(two.path(), &[c, a, b], "2011-12-13 14:15:16", 0o600);
    let three = tree(three.path(), &[c, a, ("b", "fly")], "2011-12-13 14:15:16", 0o600);
    let first = packed(&one, "1700000000");
    assert_eq!(first, packed(&two, "1700000000"), "the same files give the same bytes");
    assert_ne!(first, packed(&three, "1700000000"));
    assert_ne!(first, packed(&two, "1700000001"));

    let mut list = Command::new("tar");
    list.args(["--list", "--verbose", "--numeric-owner", "--utc", "--full-time", "--file"]);
    let list = list.arg(one.with_extension("tar.gz")).output().expect("tar starts");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(names, ["name/", "name/a", "name/b", "name/schema/", "name/schema/c"]);
    assert!(
        list.lines().all(|line| line.contains(" 0/0 ") && line.contains("2023-11-14 22:13:20")),
        "{list}"
    );
}

#[test]
fn what_is_shipped_has_every_schema_and_document() {
    let parent = TempDir::new().expect("a temporary directory");
    let shipped = parent.path().join("shipped");
    let mut assemble = Command::new(root().join(".ci/assemble-release"));
    let output = assemble.arg(crate::plugin::program()).arg(&shipped).output().expect("bash is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let directories =
        [("schema", "stanza.json"), ("schema/editor", "travis-yml.json"), ("docs", "errors.md")];
    for (directory, expected) in directories {
        let entries =
            fs::read_dir(root().join(directory)).expect("readable").map(|entry| entry.expect("readable"));
        let files: Vec<_> =
            entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name()).collect();
        assert!(files.contains(&expected.into()), "{files:?}");
        for name in files {
            let read = |parent: PathBuf| fs::read(parent.join(directory).join(&name)).expect("readable");
            assert_eq!(read(shipped.clone()), read(root()), "{name:?}");
        }
    }
}

#[test]
fn what_a_change_has_to_pass_says_what_it_needs() {
    let directory = repository("");
    let copy = directory.path().join(".ci/run");
    fs::copy(root().join(".ci/run"), &copy).expect("can be copied");
    let path = directory.path().join("path");
    fs::create_dir(&path).expect("can be created");
    for name in ["bash", "dirname"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").expect("a PATH"))
            .map(|at| at.join(name))
            .find(|at| at.exists());
        std::os::unix::fs::symlink(found.expect("found in PATH"), path.join(name)).expect("can be created");
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("can be changed");
    let mut run = Command::new(&copy);
    if fs::metadata(&path).expect("exists").uid() == 0 {
        run.uid(65_534).gid(65_534);
    }
    let output = run.env_clear().env("PATH", &path).output().expect("can be started");
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), reported.as_ref()), (Some(1), "run: needs cargo\n"));
}

/// A repository with the script and only the files that it reads.
fn repository(changelog: &str) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().expect("a parent directory")).expect("can be created");
        fs::write(file, text).expect("writable");
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"dpl-lambda\"\nversion = \"9.8.7\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"dpl-lambda\"\nversion = \"9.8.7\"\n");
    write("src/lib.rs", "");
    write("CHANGELOG.md", changelog);
    fs::create_dir(directory.path().join(".ci")).expect("can be created");
    fs::copy(root().join(".ci/release"), directory.path().join(".ci/release")).expect("can be copied");
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "--no-gpg-sign", "--message", "first"],
    ] {
        git(directory.path(), arguments);
    }
    directory
}

/// The error output of the script in this repository. It always fails there.
fn release(repository: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new(repository.path().join(".ci/release"))
        .args(arguments)
        .output()
        .expect("bash is installed");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "second tier: needs jq and cargo"]
fn a_release_of_what_is_not_committed_or_not_reported_is_refused() {
    let dated = repository("## 9.8.7 - 2031-02-03\n");
    // The repository has no program, so the script fails in any case, but not because of these checks.
    let reported = release(&dated, &[]);
    assert!(!reported.contains("commit them") && !reported.contains("CHANGELOG"), "{reported}");
    fs::write(dated.path().join("new"), "").expect("writable");
    assert_eq!(release(&dated, &[]), "release: the tree has changes; commit them\n");
    let allowed = release(&dated, &["--allow-dirty"]);
    assert!(
        allowed.starts_with("release: not to be shipped: the tree has changes; commit them\n"),
        "{allowed}"
    );
    assert!(allowed.lines().count() > 1, "the script continues: {allowed}");

    for undated in ["## 9.8.7 - unreleased\n", "## 9x8.7 - 2031-02-03\n", "## 9.8.70 - 2031-02-03\n", ""] {
        let reported = release(&repository(undated), &[]);
        assert_eq!(reported, "release: CHANGELOG.md has no line `## 9.8.7 - YYYY-MM-DD`\n", "{undated}");
    }
    assert!(release(&dated, &["--bogus"]).starts_with("release: usage: "));
}
