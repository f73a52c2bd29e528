//! Tests the report of what stops a standalone run: its text, its line in the file, and its exit status.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;
use crate::plugin::program;

#[test]
fn what_cannot_begin_is_reported_in_one_line_and_as_events_where_those_are_asked_for() {
    let directory = directory(&two_stanzas());
    let write = |name: &str, text: &[u8]| fs::write(directory.path().join(name), text).expect("written");
    write("heroku.yml", b"deploy: heroku\n");
    write("broken.yml", b"deploy:\n  a: [1\nb: 2\n");
    write("twice.yml", b"deploy:\n  provider: lambda\n  provider: lambda\n");
    write("latin.yml", b"a: b\nc: \xe9\n");
    write("large.yml", &vec![b'#'; 9 * 1024 * 1024]);
    write("list.json", b"[]");
    write("broken.json", b"{\"a\": }");
    for (arguments, code, reported) in [
        (vec!["--travis-yml", "none.yml"], "bad-arguments", "none.yml: file not found"),
        (vec!["--travis-yml", "."], "bad-arguments", ".: this is a directory; expected a file"),
        (vec!["--travis-yml", "heroku.yml"], "wrong-provider", "only heroku"),
        (vec!["--travis-yml", "broken.yml"], "bad-arguments", "broken.yml:3:"),
        (
            vec!["--travis-yml", "twice.yml"],
            "duplicate-key",
            "twice.yml:3:3: duplicate key `provider` (first defined on line 2)",
        ),
        (vec!["--travis-yml", "latin.yml"], "bad-arguments", "latin.yml:2: invalid UTF-8"),
        (vec!["--travis-yml", "large.yml"], "request-too-large", "large.yml: the file is larger than"),
        (vec!["--stanza", "list.json"], "bad-arguments", "list.json: the file is an empty list"),
        (vec!["--stanza", "broken.json"], "bad-json", "broken.json:1:7: invalid JSON"),
        (
            vec!["--travis-yml", ".travis.yml", "--only", "3"],
            "bad-arguments",
            "1 is one (line 2), 2 is two (line 10)",
        ),
        (vec!["--travis-yml", ".travis.yml", "--stanza", "x"], "bad-arguments", "use only one of them"),
        (vec!["--only", "1"], "bad-arguments", "--only requires --travis-yml or --stanza"),
        (vec!["--travis-yml", ".travis.yml", "--ci", "nobody"], "bad-arguments", "nobody"),
        (
            vec!["package", "--output", "x.zip", "--travis-yml", ".travis.yml"],
            "bad-arguments",
            "select one with --only",
        ),
    ] {
        let ended = standalone(&arguments, directory.path(), None).run_on(b"");
        assert_eq!((ended.code(), ended.status.code()), (code, Some(2)), "{arguments:?}");
        assert!(ended.stderr.contains(reported), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        let text = [arguments.clone(), vec!["--format", "text"]].concat();
        let (stdout, stderr, status) = collected(standalone(&text, directory.path(), None));
        assert_eq!((stdout.as_str(), status), ("", Some(2)), "{arguments:?}");
        assert_eq!(stderr, ended.stderr, "{arguments:?}");
    }
    let (stdout, stderr, status) =
        collected(standalone(&["schema", "stanza", "--format", "json"], directory.path(), None));
    assert_eq!((stdout.as_str(), stderr.lines().count(), status), ("", 1, Some(2)));
}

#[test]
fn encrypted_values_are_all_named_with_what_to_set_instead() {
    let text = "deploy:\n  provider: lambda\n  function_name: f\n  access_key_id: AKIDENDPOINTEXAMPLE1\n  \
                secret_access_key:\n    secure: abc\n  role:\n    secure: def\n  environment:\n    PASSWORD:\n      secure: ghi\n  \
                on:\n    branch: main\n";
    let directory = directory(text);
    let plan = || standalone(&with_file(&["plan"]), directory.path(), None).env("TRAVIS_BRANCH", "main");
    let ended = plan().run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("not-decrypted", Some(2)));
    assert_eq!(ended.stderr.lines().count(), 3, "{}", ended.stderr);
    for reported in [
        ".travis.yml:5: `secret_access_key` is encrypted",
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ".travis.yml:7: `role` is encrypted",
        "set AWS_ROLE",
        ".travis.yml:10: `environment.PASSWORD` is encrypted",
        "write `PASSWORD: $PASSWORD` instead",
    ] {
        assert!(ended.stderr.contains(reported), "{reported}\n{}", ended.stderr);
    }
    let problems: Vec<_> =
        ended.finished()["error"]["problems"].as_array().expect("several").iter().map(|p| &p["at"]).collect();
    assert_eq!(problems, ["/secret_access_key", "/role", "/environment/PASSWORD"]);
    // A stanza that is skipped needs no secrets.
    assert_eq!(plan().env("TRAVIS_BRANCH", "other").run_on(b"").outcome(), "skipped");
    // With every value in the environment, the plan succeeds.
    let endpoint = endpoint();
    fs::write(
        directory.path().join(".travis.yml"),
        text.replace("PASSWORD:\n      secure: ghi", "PASSWORD: $PASSWORD"),
    )
    .expect("written");
    let plugin =
        standalone(&with_file(&["plan"]), directory.path(), Some(&endpoint)).env("TRAVIS_BRANCH", "main");
    let plugin = plugin
        .env("AWS_ROLE", "arn:aws:iam::123456789012:role/run")
        .env("PASSWORD", "hunter22-hunter22")
        .env("AWS_RUNTIME", "nodejs22.x");
    let ended =
        plugin.env("AWS_HANDLER_NAME", "handler").secrets(["hunter22-hunter22".to_owned()]).run_on(b"");
    assert_eq!(ended.outcome(), "planned", "{}", ended.stdout);
    assert_eq!(ended.event("identified").expect("an `identified` event")["source"], "environment");
    assert!(
        ended.stderr.contains("AWS_ACCESS_KEY_ID is set") && ended.stderr.contains("AWS_ROLE is set"),
        "{}",
        ended.stderr
    );
}

#[test]
fn text_names_the_line_of_what_is_wrong() {
    let text =
        format!("# a comment\ndeploy:\n{}  tmeout: 3\n  timeout: ten\n  memory_size: lots\n", stanza("f"));
    let directory = directory(&text);
    let (stdout, stderr, status) =
        collected(standalone(&with_file(&["check", "--format", "text"]), directory.path(), None));
    assert_eq!((stderr.as_str(), status), ("", Some(2)), "{stdout}");
    for line in [11, 12, 13] {
        assert!(stdout.contains(&format!(".travis.yml:{line}")), "{line}\n{stdout}");
    }
    assert!(!stdout.contains("{\""), "{stdout}");
}

#[test]
fn a_bug_of_the_process_standalone_is_reported_too() {
    let directory = directory(&format!("deploy:\n{}", stanza("f")));
    let check = |format| {
        let plugin = standalone(&with_file(&["check", "--format", format]), directory.path(), None);
        plugin.env("DPL_LAMBDA_FAULT", "panic-standalone")
    };
    // The status is 1 because it is unknown whether the child run has already called AWS.
    let ended = PluginOutput::of(check("json").spawn(), Instant::now());
    assert_eq!(
        (ended.code(), ended.status.code(), ended.events.len()),
        ("internal", Some(1), 2),
        "{}",
        ended.stdout
    );
    assert!(
        ended.finished()["error"]["message"].as_str().expect("a sentence").contains("process/settings.rs")
    );
    let (stdout, stderr, status) = collected(check("text"));
    assert_eq!(
        (stdout.contains("{\""), stderr.lines().count(), status),
        (false, 1, Some(1)),
        "{stdout}{stderr}"
    );
    assert!(
        stderr.starts_with(
            "dpl-lambda: the run failed because of a bug in dpl-lambda, at src/process/settings.rs"
        ),
        "{stderr}"
    );
}

#[test]
fn a_document_whose_run_cannot_be_started_is_reported_in_one_line() {
    let directory = build_directory();
    let (copy, pipe) = (directory.path().join("dpl-lambda"), directory.path().join("f.yml"));
    // Another process copies the file. If this process did, a child that another thread starts could inherit
    // the open file, and the copy could not be executed.
    assert!(Command::new("cp").arg(program()).arg(&copy).status().expect("cp runs").success());
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let mut command = Command::new(&copy);
    command.args(["policy", "--stanza", "f.yml"]).current_dir(directory.path()).env_clear();
    let command =
        command.env("PATH", &*PATH).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    // Opening blocks until the program opens the pipe for reading. It continues after it has the stanza; by
    // then its own file is deleted.
    let mut stanza = fs::OpenOptions::new().write(true).open(&pipe).expect("a pipe");
    fs::remove_file(&copy).expect("removed");
    stanza.write_all(b"function_name: f\n").expect("the program reads the pipe");
    drop(stanza);
    let output = child.wait_with_output().expect("the process ends");
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice(), reported.lines().count()),
        (Some(2), &b""[..], 1),
        "{reported}"
    );
    assert!(reported.starts_with("dpl-lambda: ") && reported.contains("cannot be started"), "{reported}");
}
