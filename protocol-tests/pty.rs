//! A program in, what it writes to a terminal out: a real pseudo-terminal with a size, and a screen that shows its bytes.
//! Never gives the program a controlling terminal: that needs unsafe code, and only job control would notice.

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

/// No program may write for longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Both ends of a pseudo-terminal.
pub(crate) struct Pty {
    /// Our end.
    controller: OwnedFd,
    /// The program's end: a terminal.
    pub(crate) terminal: File,
}

impl Pty {
    /// One with so many columns, and 24 lines.
    pub(crate) fn open(columns: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal is free");
        grantpt(&controller).expect("can be granted");
        unlockpt(&controller).expect("can be granted");
        let name = ptsname(&controller, Vec::new()).expect("it has a name").into_string().expect("ASCII");
        let no_control = OFlags::NOCTTY.bits().cast_signed();
        let terminal = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(name);
        let terminal = terminal.expect("the other end can be opened");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("a terminal has a size");
        Pty { controller, terminal }
    }

    /// Runs a program with this terminal as its output and error output, and as its input unless `input` is another.
    /// Gives what it wrote, and its end.
    pub(crate) fn run(self, command: &mut Command, input: Option<Stdio>) -> (String, ExitStatus) {
        let end = || Stdio::from(self.terminal.try_clone().expect("a file descriptor is free"));
        let input = input.unwrap_or_else(&end);
        let mut child = Ending(command.stdin(input).stdout(end()).stderr(end()).spawn().expect("can be started"));
        // The command keeps its streams for another run, and nothing ends while an end of ours is open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let written = self.read();
        (written, child.0.wait().expect("a child of ours"))
    }

    /// What has been written to the terminal, once nobody has it open any more.
    pub(crate) fn read(self) -> String {
        drop(self.terminal);
        let deadline = Instant::now() + LIMIT;
        let mut controller = File::from(self.controller);
        let mut written = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no end after {LIMIT:?}: {}", String::from_utf8_lossy(&written));
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&controller, PollFlags::IN)], Some(&second)).unwrap_or(0);
            if ready == 0 {
                continue;
            }
            match controller.read(&mut buffer) {
                // Linux says EIO where others say that it is the end.
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
                Ok(count) => written.extend(&buffer[..count]),
            }
        }
        String::from_utf8(written).expect("UTF-8")
    }
}

/// A child that does not outlive a test that fails.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that stand on a screen after these bytes, without colours.
pub(crate) fn screen(bytes: &str) -> Vec<String> {
    let text = |line: &Vec<Cell>| line.iter().map(|cell| cell.0).collect::<String>().trim_end().to_owned();
    cells(bytes).iter().map(text).collect()
}

/// A character on a screen, and the parameters of the last colour before it: `1;32`, or none.
pub(crate) type Cell = (char, String);

/// What stands on a screen after these bytes: a carriage return and a backspace move, a line feed begins a line, and what is
/// written covers what stood there. (Characters of one column only; lines are not wrapped.)
pub(crate) fn cells(bytes: &str) -> Vec<Vec<Cell>> {
    let mut lines = vec![Vec::new()];
    let mut column = 0;
    let mut colour = String::new();
    let mut characters = bytes.chars().peekable();
    while let Some(c) = characters.next() {
        let line = lines.last_mut().expect("begins with one");
        match c {
            '\r' => column = 0,
            '\u{8}' => column -= 1,
            '\n' => {
                lines.push(Vec::new());
                column = 0;
            }
            '\u{1b}' => {
                let sequence: String = characters.by_ref().take_while(|c| *c != 'm').collect();
                let parameters = sequence.strip_prefix('[');
                let parameters = parameters.unwrap_or_else(|| panic!("an escape that is no colour: {sequence:?}"));
                colour = parameters.trim_start_matches('0').to_owned();
            }
            c => {
                line.resize(line.len().max(column + 1), (' ', String::new()));
                line[column] = (c, colour.clone());
                column += 1;
            }
        }
    }
    lines
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
