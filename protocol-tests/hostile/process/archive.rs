//! Tests the archive that a run writes, and its temporary file, under unusual masks, limits and directories.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::time::Duration;

use lambda_endpoint::{Fault, FaultKind};

use super::*;
use crate::interruptions::signal;

#[test]
fn the_mask_decides_the_mode_of_the_archive_and_nothing_else() {
    for mebibytes in [1, 6] {
        let mut hashes = Vec::new();
        for mask in [0o777, 0o077, 0o022, 0o000] {
            let (directory, temporary) =
                (directory_of(mebibytes), TempDir::new().expect("a temporary directory"));
            let mut command = behind(&format!("umask {mask:04o}"), &["package", "--output", "out.zip"]);
            let ended = run_on(
                command.current_dir(directory.path()).env("TMPDIR", temporary.path()),
                &bytes(&stanza()),
            );
            assert_eq!(ended.outcome(), "packaged", "{mask:o}: {}", ended.stdout);
            let written = fs::metadata(directory.path().join("out.zip")).expect("exists");
            assert_eq!(written.mode() & 0o7777, 0o666 & !mask, "{mask:o}");
            assert_eq!(written.len(), ended.finished()["package"]["zip_bytes"]);
            assert_eq!(names(directory.path()), ["index.js", "noise.bin", "out.zip"]);
            assert_eq!(names(temporary.path()), [""; 0]);
            hashes.push(ended.finished()["package"]["code_sha256"].clone());
        }
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
    }
}

/// Starts a deployment of a large package and blocks it: Lambda does not answer CreateFunction.
fn waiting_for_lambda(line: &str, endpoint: &Endpoint, directory: &Path, temporary: &Path) -> Child {
    let kind = FaultKind::Hang { for_: Duration::from_secs(60) };
    endpoint.fault(Fault::once("CreateFunction", kind));
    let mut request = request(endpoint);
    request["env"]["TMPDIR"] = json!(temporary);
    let mut child = behind(line, &[]).current_dir(directory).spawn().expect("bash is installed");
    child.stdin.take().expect("piped").write_all(&bytes(&request)).expect("writable");
    let mut lines =
        BufReader::new(child.stdout.as_mut().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    assert!(lines.any(|line| line.contains(r#""event":"step-started""#)), "the first step starts");
    child
}

#[test]
fn what_a_large_package_needs_beside_is_private_and_gone_with_the_process() {
    for line in ["umask 000", "umask 0777"] {
        let (directory, temporary) = (directory_of(17), TempDir::new().expect("a temporary directory"));
        let endpoint = endpoint();
        let mut child = waiting_for_lambda(line, &endpoint, directory.path(), temporary.path());
        for name in names(temporary.path()) {
            let mode = fs::metadata(temporary.path().join(&name)).expect("exists").mode() & 0o7777;
            assert_eq!(mode & 0o177, 0, "{line}: {name} has mode {mode:o}");
        }
        // The program hides its environment, and with it its open files, from all users but root.
        if cfg!(target_os = "linux") && rustix::process::geteuid().is_root() {
            let open = fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it is alive");
            let targets = open.filter_map(|entry| fs::read_link(entry.expect("readable").path()).ok());
            let here = targets.filter(|target| target.starts_with(temporary.path())).count();
            assert_eq!(here, 1, "one open file in the temporary directory: the archive");
        }
        signal(&child, "KILL");
        child.wait().expect("can be waited for");
        assert_eq!(names(temporary.path()), [""; 0], "{line}");
        assert_eq!(names(directory.path()), ["index.js", "noise.bin"], "{line}");
    }
}

#[test]
fn what_was_planted_beside_the_archive_is_not_written_through() {
    // The name that an unfinished archive would have if it were predictable. `exec` keeps the process id.
    let line = "echo precious >victim; ln -s victim \".out.zip.$$.part\"";
    let directory = build_directory();
    let mut command = behind(line, &["package", "--output", "out.zip"]);
    let ended = run_on(command.current_dir(directory.path()), &bytes(&stanza()));
    assert_eq!(ended.outcome(), "packaged", "{}", ended.stdout);
    assert_eq!(fs::read_to_string(directory.path().join("victim")).expect("readable"), "precious\n");
    assert!(fs::symlink_metadata(directory.path().join("out.zip")).expect("exists").is_file());
    let left = names(directory.path()).into_iter().filter(|name| name.ends_with(".part")).count();
    assert_eq!(left, 1, "only the planted link ends in .part");
}

/// Runs `package` with this `TMPDIR`, in the job's environment or in that of the process.
fn package_with(temporary: &str, is_jobs: bool, directory: &Path) -> PluginOutput {
    let mut command = behind(":", &["package", "--output", "out.zip"]);
    let mut request = stanza();
    if is_jobs {
        request["env"] = json!({"TMPDIR": temporary});
    } else {
        command.env("TMPDIR", temporary);
    }
    run_on(command.current_dir(directory), &bytes(&request))
}

#[test]
fn a_temporary_directory_that_cannot_be_used_is_named() {
    let (small, large) = (build_directory(), directory_of(6));
    let file = small.path().join("index.js").display().to_string();
    for temporary in ["/nowhere/to/be/found", "nowhere", &file, "/dev/null"] {
        for is_jobs in [true, false] {
            let ended = package_with(temporary, is_jobs, large.path());
            assert_eq!(ended.status.code(), Some(2), "{temporary}: {}", ended.stdout);
            assert_eq!(ended.finished()["error"]["class"], "package", "{temporary}: {}", ended.stdout);
            let reported = ended.finished()["error"].to_string();
            assert!(reported.contains(temporary) || reported.contains("TMPDIR"), "{temporary}: {reported}");
            assert_eq!(names(large.path()), ["index.js", "noise.bin"]);

            let ended = package_with(temporary, is_jobs, small.path());
            assert_eq!(
                ended.outcome(),
                "packaged",
                "a small package needs no temporary directory: {}",
                ended.stdout
            );
            fs::remove_file(small.path().join("out.zip")).expect("can be removed");
        }
    }
    // A directory without write permission.
    let closed = TempDir::new().expect("a temporary directory");
    for (directory, mode) in [(&closed, 0o555), (&large, 0o755)] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("can be changed");
    }
    let mut command = behind(":", &["package", "--output", "/dev/null"]);
    let request = bytes(&stanza());
    if let Some(ended) = as_nobody(command.env("TMPDIR", closed.path()), large.path(), &request) {
        let reported = ended.finished()["error"].to_string();
        assert!(
            reported.contains("ermission denied") && reported.contains(&*closed.path().to_string_lossy()),
            "{reported}"
        );
    }
    // An empty `TMPDIR` counts as unset.
    assert_eq!(package_with("", false, large.path()).outcome(), "packaged");
}

#[test]
fn a_file_that_may_not_grow_is_reported_and_the_one_before_it_stays() {
    // 1 MiB is too small for the temporary file of a large package and for the archive of a small one.
    for mebibytes in [3, 9] {
        for line in ["trap '' XFSZ; ulimit -f 1024", "ulimit -f 1024"] {
            let directory = directory_of(mebibytes);
            fs::write(directory.path().join("out.zip"), "before").expect("writable");
            let mut command = behind(line, &["package", "--output", "out.zip"]);
            let ended = run_on(command.current_dir(directory.path()), &bytes(&stanza()));
            assert_eq!(
                (ended.outcome(), ended.status.code()),
                ("failed", Some(2)),
                "{line}: {}",
                ended.stdout
            );
            assert_eq!(ended.finished()["error"]["class"], "package", "{line}: {}", ended.stdout);
            assert_eq!(
                fs::read_to_string(directory.path().join("out.zip")).expect("readable"),
                "before",
                "{line}"
            );
            let mut left = names(directory.path());
            left.retain(|name| !["index.js", "noise.bin", "out.zip"].contains(&name.as_str()));
            assert_eq!(left, [""; 0], "{line}");
        }
    }
}
