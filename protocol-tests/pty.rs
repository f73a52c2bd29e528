//! Runs programs on a real pseudo-terminal of a given size, and computes the screen contents from their
//! output. Never gives the program a controlling terminal: that needs unsafe code, and only job control needs
//! one.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Time limit of a program on the terminal.
const LIMIT: Duration = Duration::from_secs(60);

/// Both ends of a pseudo-terminal.
pub(crate) struct Pty {
    /// The end of the tests.
    controller: OwnedFd,
    /// The end of the program, which is a terminal.
    pub(crate) terminal: File,
}

impl Pty {
    /// Opens a pseudo-terminal with this many columns and 24 lines.
    pub(crate) fn open(columns: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal is free");
        grantpt(&controller).expect("can be granted");
        unlockpt(&controller).expect("can be granted");
        let name = ptsname(&controller, Vec::new()).expect("a name").into_string().expect("ASCII");
        let no_control = OFlags::NOCTTY.bits().cast_signed();
        let terminal = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name);
        let terminal = terminal.expect("can be opened");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("the size can be set");
        Pty { controller, terminal }
    }

    /// Runs a program with this terminal as standard output and standard error, and as standard input unless
    /// `input` is given. Returns its output and its exit status.
    pub(crate) fn run(self, command: &mut Command, input: Option<Stdio>) -> (String, ExitStatus) {
        let end = || Stdio::from(self.terminal.try_clone().expect("a file descriptor is free"));
        let input = input.unwrap_or_else(&end);
        let mut child =
            Ending(command.stdin(input).stdout(end()).stderr(end()).spawn().expect("can be started"));
        // `Command` keeps its streams for another run. Drop them: reading does not end while a handle of ours
        // is open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let written = self.read();
        (written, child.0.wait().expect("can be waited for"))
    }

    /// Reads everything that was written to the terminal, until no process has it open.
    pub(crate) fn read(self) -> String {
        drop(self.terminal);
        let deadline = Instant::now() + LIMIT;
        let mut controller = File::from(self.controller);
        let mut written = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the terminal is still open after {LIMIT:?}: {}",
                String::from_utf8_lossy(&written)
            );
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&controller, PollFlags::IN)], Some(&second)).unwrap_or(0);
            if ready == 0 {
                continue;
            }
            match controller.read(&mut buffer) {
                // At the end, Linux returns EIO and other systems return 0.
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
                Ok(count) => written.extend(&buffer[..count]),
            }
        }
        String::from_utf8(written).expect("UTF-8")
    }
}

/// A child that is killed when the value is dropped, so that it does not outlive a failed test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines on a screen after these bytes, without colors.
pub(crate) fn screen(bytes: &str) -> Vec<String> {
    let text = |line: &Vec<Cell>| line.iter().map(|cell| cell.0).collect::<String>().trim_end().to_owned();
    cells(bytes).iter().map(text).collect()
}

/// A character on a screen, and the parameters of the last color sequence before it, such as `1;32`, or an
/// empty string.
pub(crate) type Cell = (char, String);

/// The contents of a screen after these bytes. A carriage return, a backspace and Cursor Up move the cursor,
/// a line feed moves it to the next line, characters overwrite, and Erase in Page erases what is below.
/// (Supports only characters of one column, and does not wrap lines.)
pub(crate) fn cells(bytes: &str) -> Vec<Vec<Cell>> {
    let mut lines = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut colour = String::new();
    let mut characters = bytes.chars();
    while let Some(c) = characters.next() {
        match c {
            '\r' => column = 0,
            '\u{8}' => column -= 1,
            '\n' => {
                (row, column) = (row + 1, 0);
                if row == lines.len() {
                    lines.push(Vec::new());
                }
            }
            '\u{1b}' => {
                assert_eq!(characters.next(), Some('['), "an unknown escape sequence");
                let (mut parameters, mut end) = (String::new(), characters.next());
                while let Some(parameter) = end.filter(|c| !c.is_ascii_alphabetic()) {
                    parameters.push(parameter);
                    end = characters.next();
                }
                match end {
                    Some('m') => colour = parameters.trim_start_matches('0').to_owned(),
                    Some('A') => row -= parameters.parse::<usize>().expect("a number of lines"),
                    Some('J') => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    other => panic!("an unknown escape sequence: {parameters:?} {other:?}"),
                }
            }
            c => {
                let line: &mut Vec<Cell> = &mut lines[row];
                line.resize(line.len().max(column + 1), (' ', String::new()));
                line[column] = (c, colour.clone());
                column += 1;
            }
        }
    }
    lines
}

#[test]
fn lines_are_overwritten_and_erased() {
    assert_eq!(screen("one\r\ntwo\r\nthree\r\u{1b}[2A\u{1b}[Jfour\r\n"), ["four", ""]);
    assert_eq!(screen("one\r\ntwo\r\u{1b}[1A\u{1b}[1mO\u{1b}[0m\r\nT"), ["One", "Two"]);
}

#[test]
fn a_program_finds_a_terminal_with_its_size() {
    let mut command = Command::new("bash");
    command.args(["-c", "test -t 0 && test -t 1 && test -t 2 && stty size && printf 'one\\rtwo\\n'; exit 3"]);
    let (written, status) = Pty::open(72).run(&mut command, None);
    assert_eq!(written, "24 72\r\none\rtwo\r\n");
    assert_eq!(screen(&written), ["24 72", "two", ""]);
    assert_eq!(status.code(), Some(3));
}
