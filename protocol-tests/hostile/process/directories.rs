//! Tests build directories with unusual names or without permissions, and one that is gone.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_build_directory_may_have_any_name() {
    let long = "n".repeat(255);
    for name in [
        b"$(touch pwned) 'x' \"y\"".as_slice(),
        b"-rf",
        b"a\nb",
        b"\xff\xfe",
        b" ",
        long.as_bytes(),
        "\u{202e}".as_bytes(),
    ] {
        let (endpoint, parent) = (endpoint(), TempDir::new().expect("a temporary directory"));
        let directory = parent.path().join(OsStr::from_bytes(name));
        fs::create_dir(&directory).expect("can be created");
        fs::write(directory.join("index.js"), "x").expect("writable");
        let ended = run_on(behind(":", &[]).current_dir(&directory), &bytes(&demanding(&endpoint)));
        assert_eq!(ended.outcome(), "deployed", "{name:?}: {}", ended.stdout);
        let ended = run_on(
            behind(":", &["package", "--output", "out.zip"]).current_dir(&directory),
            &bytes(&stanza()),
        );
        assert_eq!(ended.outcome(), "packaged", "{name:?}: {}", ended.stdout);
        assert_eq!(names(&directory), ["index.js", "out.zip"]);
        assert_eq!(names(parent.path()).len(), 1);
    }
}

#[test]
fn a_build_directory_that_is_gone_is_reported() {
    for (arguments, cleanup) in [
        (&[][..], false),
        (&[], true),
        (&["plan"], false),
        (&["package", "--output", "out.zip"], false),
        (&["check"], false),
    ] {
        let (endpoint, parent) = (endpoint(), TempDir::new().expect("a temporary directory"));
        let mut request = request(&endpoint);
        request["on"] = json!({"branch": "m*"});
        request["description"] = json!("%{git_sha}");
        request["publish"] = json!(true);
        request["cleanup"] = json!(cleanup);
        let mut command = behind("mkdir gone && cd gone && rmdir ../gone", arguments);
        let ended = run_on(command.current_dir(parent.path()), &bytes(&request));
        let expected = match (arguments, cleanup) {
            (["check"], _) => ("checked", 0),
            (_, true) => ("failed", 1),
            _ => ("failed", 2),
        };
        assert_eq!(
            (ended.outcome(), ended.status.code()),
            (expected.0, Some(expected.1)),
            "{arguments:?}: {}",
            ended.stdout
        );
        assert_ne!(ended.code(), "internal", "{arguments:?}: {}", ended.stdout);
        assert_eq!(names(parent.path()), [""; 0]);
        assert!(endpoint.function("f").is_none());
    }
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let mode =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("can be changed");
    let build = || {
        let directory = build_directory();
        fs::create_dir(directory.path().join("lib")).expect("can be created");
        fs::write(directory.path().join("lib/a.js"), "a").expect("writable");
        mode(directory.path(), 0o755);
        directory
    };
    for (closed, closed_mode, output, named) in [
        ("index.js", 0o000, "/dev/null", "index.js"),
        ("lib", 0o000, "/dev/null", "lib"),
        ("lib", 0o444, "/dev/null", "lib"),
        ("lib/a.js", 0o200, "/dev/null", "a.js"),
        (".", 0o311, "/dev/null", "."),
        (".", 0o555, "out.zip", "out.zip"),
    ] {
        let directory = build();
        mode(&directory.path().join(closed), closed_mode);
        let mut command = behind(":", &["package", "--output", output]);
        let ended = as_nobody(&mut command, directory.path(), &bytes(&stanza()));
        // Restore the mode, so that the directory can be removed.
        mode(&directory.path().join(closed), 0o755);
        let Some(ended) = ended else { return };
        assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(2)), "{closed}: {}", ended.stdout);
        let error = &ended.finished()["error"];
        assert_eq!(error["class"], "package", "{closed}: {error}");
        let message = error["message"].as_str().expect("a string");
        assert!(message.contains(named) && message.contains("ermission denied"), "{closed}: {message}");
    }
}
