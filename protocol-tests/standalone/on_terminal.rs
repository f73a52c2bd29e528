//! Tests standalone use on a terminal, which `terminal.py` controls.

use std::io::Read;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::processes::{children, hanging};
use super::*;
use crate::fixture::wait_until;
use crate::plugin::{program, variables};
use crate::shell;

/// The program on a new terminal, which `standalone/terminal.py` controls.
struct OnTerminal {
    script: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    shown: String,
}

impl OnTerminal {
    fn start(seconds: &str, command: &[&str], directory: &Path, env: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/standalone/terminal.py");
        let mut python = Command::new("python3");
        python.arg(script).arg(seconds).args(command).current_dir(directory).env_clear();
        python.envs(variables(env));
        let path = std::env::var_os("PATH").expect("a PATH");
        python.env("PATH", path).env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = python.spawn().expect("Python runs");
        let (stdin, stdout) = (script.stdin.take().expect("piped"), script.stdout.take().expect("piped"));
        OnTerminal { script, stdin, stdout, shown: String::new() }
    }

    /// Reads until the terminal shows this text.
    fn wait_for(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.shown.contains(text) {
            let count = self.stdout.read(&mut buffer).expect("readable");
            assert_ne!(count, 0, "never shown: {text}\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    fn type_interrupt(&mut self) {
        self.stdin.write_all(b"\x03").expect("terminal.py reads its input");
    }

    /// Returns all output with line breaks removed, and the exit status.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = Vec::new();
        self.stdout.read_to_end(&mut rest).expect("readable");
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        let status = self.script.wait().expect("the process ends");
        (self.shown.split_whitespace().collect::<Vec<_>>().join(" "), status.code())
    }
}

#[test]
#[ignore = "second tier: needs Python"]
fn on_a_terminal_it_says_once_that_it_waits_for_a_request() {
    let directory = build_directory();
    let mut terminal = OnTerminal::start("60", &[&program(), "check"], directory.path(), &json!({}));
    terminal.wait_for("lists all commands");
    terminal.type_interrupt();
    let (shown, status) = terminal.end();
    let expected = "waiting for a request on standard input; `--stanza lambda.yml` or ";
    assert_eq!(shown.matches(expected).count(), 1, "{shown}");
    assert_eq!(status, Some(130), "{shown}");
    assert!(shown.contains("SIGINT"), "{shown}");
}

#[test]
#[ignore = "second tier: needs Python"]
fn on_a_terminal_it_says_that_it_waits_for_a_file_on_standard_input() {
    let directory = build_directory();
    let command = [&program(), "check", "--stanza", "-"];
    let mut terminal = OnTerminal::start("60", &command, directory.path(), &json!({}));
    terminal.wait_for("Ctrl-D");
    terminal.type_interrupt();
    let (shown, status) = terminal.end();
    assert_eq!(status, Some(130), "{shown}");
    assert!(shown.contains("cancelled by SIGINT") && !shown.contains("readable"), "{shown}");
}

/// Runs the program on a terminal while its update hangs at AWS, and calls `interrupt`. The run can only end
/// with this message and status if it gets the signal exactly once.
#[track_caller]
fn interrupted(interrupt: impl Fn(&mut OnTerminal)) {
    let (endpoint, directory, _) = hanging();
    let program = program();
    let command = with_file(&[&program]);
    let mut terminal = OnTerminal::start("60", &command, directory.path(), &job_env(&endpoint));
    wait_until("the call that hangs", || endpoint.count("UpdateFunctionConfiguration") > 0);
    interrupt(&mut terminal);
    let (shown, status) = terminal.end();
    assert_eq!(status, Some(130), "{shown}");
    assert!(
        shown.contains("cancelled by SIGINT; update-function-configuration may still")
            && !shown.contains("{\""),
        "a terminal gets text: {shown}"
    );
}

#[test]
#[ignore = "second tier: needs Python"]
fn an_interrupt_that_is_typed_reaches_the_run_once() {
    interrupted(OnTerminal::type_interrupt);
}

#[test]
#[ignore = "second tier: needs Python"]
fn an_interrupt_that_is_sent_to_the_program_alone_reaches_the_run_of_a_terminal_too() {
    interrupted(|terminal| {
        let program = children(terminal.script.id());
        assert_eq!(program.len(), 1);
        let sent = shell::kill().args(["-INT", &program[0]]).status().expect("kill runs");
        assert!(sent.success());
    });
}

#[test]
#[ignore = "second tier: needs Python"]
fn what_does_not_end_on_the_terminal_of_the_tests_is_killed() {
    let directory = build_directory();
    // The second command closes its terminal.
    for line in ["sleep 50", "exec sleep 50 <&- >&- 2>&-"] {
        let terminal = OnTerminal::start("1", &["bash", "-c", line], directory.path(), &json!({}));
        assert_eq!(terminal.end().1, Some(137), "{line}");
    }
}
