//! The completions and the manual page, checked with the programs that read them: bash and groff.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use tempfile::TempDir;

use crate::fixture;
use crate::plugin::{job_env, program, variables};
use crate::repository::committed_schema;

fn document(arguments: &[&str]) -> String {
    let output = Command::new(program()).args(arguments).output().expect("the program runs");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs a program with this input. `None`: the program is not installed.
fn run(command: &mut Command, input: &str) -> Option<Output> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the program reads its input");
    Some(child.wait_with_output().expect("the output can be read"))
}

/// Returns bash's completions for these words, of which the last is incomplete.
fn completed(words: &[&str], directory: &Path) -> Vec<String> {
    // The script calls the registered function as bash does: with the command, the word and the previous
    // word. `compopt` only affects how file names are shown and only works in an interactive bash.
    const ASK: &str = r#"
        compopt() { :; }
        source /dev/stdin
        [[ $(complete -p dpl-lambda) =~ \ -F\ ([^ ]*)\  ]]
        function=${BASH_REMATCH[1]}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "$function" "$1" "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", ASK, "bash"]).args(words).current_dir(directory);
    let output = run(&mut bash, &document(&["completions", "bash"])).expect("bash runs");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_documents_and_files() {
    let directory = TempDir::new().expect("a temporary directory");
    fs::write(directory.path().join("archive.zip"), "").expect("written");
    for (words, offered) in [
        (&["dpl-lambda", "pla"][..], &["plan"][..]),
        (&["dpl-lambda", "schema", "re"], &["request"]),
        (&["dpl-lambda", "schema", "e"], &["event"]),
        (&["dpl-lambda", "completions", "b"], &["bash"]),
        (&["dpl-lambda", "package", "--out"], &["--output"]),
        (&["dpl-lambda", "package", "--output", "arch"], &["archive.zip"]),
        (&["dpl-lambda", "plan", "--lea"], &[]),
    ] {
        assert_eq!(completed(words, directory.path()), offered, "{words:?}");
    }
    let all = completed(&["dpl-lambda", ""], directory.path());
    for command in commands() {
        assert!(all.contains(&command), "{command}: {all:?}");
    }
}

#[test]
fn no_shell_offers_an_option_that_the_help_does_not_show() {
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        let script = document(&["completions", shell]);
        assert!(script.contains("summary") && !script.contains("leave-out"), "{shell}: {script}");
    }
}

#[test]
#[ignore = "second tier: needs zsh, fish and groff"]
fn every_shell_can_read_its_completions() {
    for (shell, check) in
        [("bash", &["bash", "-n"][..]), ("zsh", &["zsh", "-n"]), ("fish", &["fish", "--no-execute"])]
    {
        let script = document(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command} is missing");
        }
        match run(Command::new(check[0]).args(&check[1..]), &script) {
            None => fixture::not_run(&format!("{shell} (is not installed)")),
            Some(output) => {
                assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr))
            }
        }
    }
}

/// The commands in the output of `--help`.
pub(crate) fn commands() -> Vec<String> {
    let help = document(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let names: Vec<String> = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(names.iter().any(|name| name == "rollback"), "{names:?}");
    names
}

/// Returns roff source as plain text.
fn unescaped(roff: &str) -> String {
    let fonts =
        ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(roff.to_owned(), |text, font| text.replace(font, ""));
    [("\\-", "-"), ("\\(aq", "'"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\\\", "\\")]
        .iter()
        .fold(fonts, |text, (escape, character)| text.replace(escape, character))
}

#[test]
#[ignore = "second tier: needs zsh, fish and groff"]
fn the_manual_is_set_without_a_warning() {
    let page = document(&["manual"]);
    assert!(page.is_ascii() && page.starts_with(".TH DPL"), "{page}");
    let known = ["TH", "SH", "SS", "PP", "TP", "IP", "RS", "RE", "nf", "fi", "br", "nh", "ad"];
    for line in page.lines().filter_map(|line| line.strip_prefix('.')) {
        assert!(known.contains(&line.split(' ').next().unwrap_or_default()), "{line}");
    }
    let mut groff = Command::new("groff");
    match run(groff.args(["-man", "-ww", "-b", "-Tutf8"]), &page) {
        None => fixture::not_run("groff (is not installed)"),
        Some(output) => {
            let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && warnings.is_empty(), "{warnings}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("DPL-LAMBDA(1)"));
        }
    }
}

#[test]
fn the_manual_leaves_out_no_command_event_status_or_variable() {
    let page = unescaped(&document(&["manual"]));
    let section = |title: &str| {
        let heading = if title.contains(' ') { format!("\"{title}\"") } else { title.to_owned() };
        let (_, rest) =
            page.split_once(&format!("\n.SH {heading}\n")).unwrap_or_else(|| panic!("no section {title}"));
        rest.split("\n.SH ").next().unwrap_or_default().to_owned()
    };
    let item = |section: &str, name: &str| {
        let found = section.lines().any(|line| line.split([' ', ',']).any(|word| word == name));
        assert!(found, "{name} is missing in\n{section}");
    };
    for command in commands() {
        item(&section("SYNOPSIS"), &command);
        item(&section("COMMANDS"), &command);
    }
    let schema = committed_schema("event.json");
    for event in schema["oneOf"].as_array().expect("a list of events") {
        item(&section("EVENTS"), event["properties"]["event"]["const"].as_str().expect("a tag"));
    }
    for status in ["0", "1", "2", "3", "130", "143"] {
        item(&section("EXIT STATUS"), status);
    }
    let program = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/process/settings.rs"))
        .expect("read");
    let variables: Vec<&str> = program
        .split('"')
        .filter(|text| text.strip_prefix("DPL_LAMBDA_").is_some_and(|name| !name.contains(' ')))
        .collect();
    assert!(variables.len() >= 5, "{variables:?}");
    for variable in variables {
        item(&section("ENVIRONMENT"), variable);
    }
}

#[test]
#[ignore = "second tier: needs jq"]
fn the_examples_of_the_manual_run() {
    let page = document(&["manual"]);
    let blocks = page.split("\n.nf\n").skip(1).filter_map(|rest| rest.split("\n.fi\n").next());
    let script: String =
        blocks.map(|block| unescaped(&block.replace("\n$ ", "\n").replacen("$ ", "", 1)) + "\n").collect();
    let directory = TempDir::new().expect("a temporary directory");
    fs::create_dir_all(directory.path().join("dist")).expect("created");
    fs::write(directory.path().join("dist/index.js"), "exports.handler = async () => 'hello'\n")
        .expect("written");
    std::os::unix::fs::symlink(program(), directory.path().join("dpl-lambda")).expect("linked");
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-euo", "pipefail", "-c", &script]).current_dir(directory.path()).env_clear();
    bash.envs(variables(&job_env(&endpoint)));
    let path = std::env::var("PATH").unwrap_or_default();
    bash.env("PATH", format!("{}:{path}", directory.path().display())).env_remove("TRAVIS_BRANCH");
    let output = run(&mut bash, "").expect("bash runs");
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{reported}\n{}\n{script}", String::from_utf8_lossy(&output.stderr));
    for part in ["planned: ", "Creating function hello.", "\"outcome\":\"unchanged\"", "packaged dist into"] {
        assert!(reported.contains(part), "{part}\n{reported}");
    }
    assert!(directory.path().join("hello.zip").exists());
}

#[test]
fn a_document_that_is_asked_for_in_a_wrong_way_is_no_event_wherever_the_options_are() {
    for arguments in [
        &["explain", "bad-json", "more"][..],
        &["--format", "json", "explain"],
        &["--format=json", "--ci", "none", "schema"],
        &["--ci", "nobody", "completions", "bash"],
        &["--only", "deploy", "--bogus", "manual"],
        &["--travis-yml", "check", "policy", "--bogus"],
    ] {
        let output = Command::new(program()).args(arguments).stdin(Stdio::null()).output().expect("runs");
        let reported = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{arguments:?}");
        assert_eq!(reported.lines().count(), 1, "{arguments:?}: {reported}");
    }
    // These only look like the name of a document.
    for arguments in [
        &["--only", "schema", "--bogus"][..],
        &["--travis-yml", "policy", "plan", "--bogus", "--format", "json"],
        &["x", "schema"],
    ] {
        let output = Command::new(program()).args(arguments).stdin(Stdio::null()).output().expect("runs");
        let reported = String::from_utf8_lossy(&output.stdout);
        assert!(reported.contains(r#""code":"bad-arguments""#), "{arguments:?}: {reported}");
    }
}

#[test]
fn the_help_of_a_command_has_the_standalone_options_just_if_it_accepts_them() {
    for command in commands() {
        let accepts =
            ["deploy", "plan", "check", "rollback", "package", "policy"].contains(&command.as_str());
        let help = document(&[command.as_str(), "--help"]);
        for option in ["--stanza <FILE>", "--ci <NAME>", "--require-deploy"] {
            assert_eq!(help.contains(option), accepts, "{command} {option}:\n{help}");
        }
    }
    let mut refused = Command::new(program());
    let output = refused.args(["manual", "--only", "f"]).output().expect("runs");
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{reported}");
    assert!(reported.contains("`manual` does not accept --only"), "{reported}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_document_that_cannot_be_written_is_reported_on_standard_error() {
    for arguments in [&["schema", "event"][..], &["completions", "bash"], &["manual"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full");
        let output = Command::new(program()).args(arguments).stdout(full).output().expect("runs");
        let reported = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), reported.lines().count()),
            (Some(2), 1),
            "{arguments:?}: {reported}"
        );
        assert!(reported.starts_with("dpl-lambda: cannot write to standard output: "), "{reported}");
    }
}
