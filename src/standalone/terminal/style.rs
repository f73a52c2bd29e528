//! Decides how to write to a terminal or a log: colours, width, live lines, character set.
//! Never reads the environment itself: the caller passes it in.

use std::ffi::OsString;
use std::os::fd::AsFd;

/// What a terminal or a log supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalCapabilities {
    /// True if colours, bold and dim text may be used. If false, no escape character is written, except in
    /// the marks of a CI's log.
    pub colour: bool,
    /// Width in columns. `None`: it is not a terminal, so nothing is wrapped and no value is shortened,
    /// because a log must be searchable.
    pub width: Option<u16>,
    /// Height in lines, which bounds the number of live lines.
    pub height: u16,
    /// True if a line may be redrawn in place, for progress and the running step.
    pub live: bool,
    /// True if symbols and rules may be other than ASCII. External text is printed unchanged in either case.
    pub unicode: bool,
}

/// Assumed width in columns of a terminal that does not report its size.
const USUAL_COLUMNS: u16 = 80;

/// Assumed height in lines of a terminal that does not report its size.
const USUAL_LINES: u16 = 24;

/// Minimum width in columns. On a narrower terminal, the text is formatted for this width.
const FEWEST_COLUMNS: u16 = 20;

impl TerminalCapabilities {
    /// Determines the capabilities from whether the output is a terminal, its size ([`size_of`]), and
    /// these variables of the process: `NO_COLOR`, `CLICOLOR_FORCE`, `FORCE_COLOR`, `CLICOLOR`, `TERM`, `CI`,
    /// `COLUMNS`, and those of the locale.
    ///
    /// `NO_COLOR` overrides all variables that force colours. `CI` disables live lines, because many CIs
    /// write the output of a terminal to a log. Without a locale the process is in the locale C, which is
    /// ASCII only.
    pub fn of(terminal: bool, size: Option<(u16, u16)>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text =
            |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let set = |name: &str| !matches!(text(name).as_str(), "" | "0" | "false");
        let term = text("TERM");
        let able = terminal && !matches!(term.as_str(), "" | "dumb");
        let forced = set("CLICOLOR_FORCE") || set("FORCE_COLOR");
        let refused = !text("NO_COLOR").is_empty();
        let unwanted = text("CLICOLOR") == "0" || text("FORCE_COLOR") == "0";
        let columns = size.map(|(columns, _)| columns).filter(|columns| *columns > 0);
        let columns = columns.or_else(|| text("COLUMNS").parse().ok().filter(|columns| *columns > 0));
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(text).into_iter().find(|locale| !locale.is_empty());
        let locale = locale.unwrap_or_default().to_ascii_uppercase();
        TerminalCapabilities {
            colour: !refused && (forced || (able && !unwanted)),
            width: terminal.then(|| columns.unwrap_or(USUAL_COLUMNS).max(FEWEST_COLUMNS)),
            height: size.map(|(_, lines)| lines).filter(|lines| *lines > 0).unwrap_or(USUAL_LINES),
            live: able && !set("CI"),
            // The font of the Linux console has no check mark.
            unicode: (locale.contains("UTF-8") || locale.contains("UTF8")) && !(terminal && term == "linux"),
        }
    }

    pub(super) fn symbols(self) -> Symbols {
        let [done, not, runs, note, arrow, bar, cut, rule, full, empty] = if self.unicode {
            ["✓", "✗", "…", "·", "→", "│", "…", "─", "━", "─"]
        } else {
            ["ok", "x ", "..", "- ", "->", "|", "...", "-", "#", "-"]
        };
        Symbols { done, not, runs, note, arrow, bar, cut, rule, full, empty }
    }
}

/// The columns and lines of the terminal of a file descriptor; 0 if it does not report them. `None`: it is
/// not a terminal.
pub fn size_of(fd: impl AsFd) -> Option<(u16, u16)> {
    rustix::termios::tcgetwinsize(fd).ok().map(|size| (size.ws_col, size.ws_row))
}

/// The colour and weight of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextStyle {
    Plain,
    Dim,
    Bold,
    Good,
    GoodBold,
    Changed,
    Bad,
    BadBold,
}

impl TextStyle {
    /// The parameters of the escape sequence (Select Graphic Rendition, ECMA-48). Only the sixteen standard
    /// colours are used, so that the theme of the terminal applies.
    pub(super) fn parameters(self) -> Option<&'static str> {
        match self {
            TextStyle::Plain => None,
            TextStyle::Dim => Some("2"),
            TextStyle::Bold => Some("1"),
            TextStyle::Good => Some("32"),
            TextStyle::GoodBold => Some("1;32"),
            TextStyle::Changed => Some("33"),
            TextStyle::Bad => Some("31"),
            TextStyle::BadBold => Some("1;31"),
        }
    }
}

/// The symbols, in Unicode or ASCII.
#[derive(Clone, Copy, Debug)]
pub(super) struct Symbols {
    pub(super) done: &'static str,
    pub(super) not: &'static str,
    pub(super) runs: &'static str,
    pub(super) note: &'static str,
    pub(super) arrow: &'static str,
    pub(super) bar: &'static str,
    pub(super) cut: &'static str,
    pub(super) rule: &'static str,
    pub(super) full: &'static str,
    pub(super) empty: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terminal: bool, columns: Option<u16>, variables: &[(&str, &str)]) -> TerminalCapabilities {
        let known = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let size = columns.map(|columns| (columns, 50));
        TerminalCapabilities::of(terminal, size, |name| known(name).map(|(_, value)| value.into()))
    }

    #[track_caller]
    fn check(
        terminal: bool,
        columns: Option<u16>,
        variables: &[(&str, &str)],
        expected: (bool, Option<u16>, bool, bool),
    ) {
        let style = of(terminal, columns, variables);
        assert_eq!((style.colour, style.width, style.live, style.unicode), expected, "{variables:?}");
    }

    #[test]
    fn a_terminal_has_colours_and_lives() {
        let xterm = ("TERM", "xterm-256color");
        check(true, Some(100), &[xterm, ("LANG", "C.UTF-8")], (true, Some(100), true, true));
        let narrow = [xterm, ("COLUMNS", "60"), ("LC_ALL", "de_AT.utf8")];
        check(true, None, &narrow, (true, Some(60), true, true));
        check(true, Some(0), &[xterm, ("COLUMNS", "wide")], (true, Some(80), true, false));
        check(true, Some(3), &[xterm], (true, Some(20), true, false));
        check(true, Some(80), &[xterm, ("LC_ALL", "C"), ("LANG", "C.UTF-8")], (true, Some(80), true, false));
        check(true, Some(80), &[("TERM", "linux"), ("LANG", "C.UTF-8")], (true, Some(80), true, false));
    }

    #[test]
    fn a_dumb_terminal_has_lines_only() {
        check(true, Some(80), &[("TERM", "dumb")], (false, Some(80), false, false));
        check(true, Some(80), &[], (false, Some(80), false, false));
    }

    #[test]
    fn a_log_is_never_wrapped_and_never_moves() {
        let log = [("TERM", "xterm"), ("COLUMNS", "60"), ("LANG", "C.UTF-8")];
        check(false, None, &log, (false, None, false, true));
        check(true, Some(80), &[("TERM", "xterm"), ("CI", "true")], (true, Some(80), false, false));
        check(true, Some(80), &[("TERM", "xterm"), ("CI", "false")], (true, Some(80), true, false));
    }

    #[test]
    fn colour_is_forced_and_refused_by_the_usual_variables() {
        let xterm = ("TERM", "xterm");
        assert!(!of(true, None, &[xterm, ("NO_COLOR", "1")]).colour);
        assert!(of(true, None, &[xterm, ("NO_COLOR", "")]).colour);
        assert!(!of(true, None, &[xterm, ("CLICOLOR", "0")]).colour);
        assert!(!of(true, None, &[xterm, ("FORCE_COLOR", "0")]).colour);
        assert!(of(false, None, &[("CLICOLOR_FORCE", "1")]).colour);
        assert!(of(false, None, &[("FORCE_COLOR", "3")]).colour);
        assert!(!of(false, None, &[("CLICOLOR_FORCE", "0")]).colour);
        assert!(!of(false, None, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")]).colour);
    }

    #[test]
    fn a_height_that_is_not_reported_is_the_usual_one() {
        for (size, height) in [(Some((80, 50)), 50), (Some((80, 0)), 24), (None, 24)] {
            assert_eq!(TerminalCapabilities::of(true, size, |_| None).height, height, "{size:?}");
        }
    }

    #[test]
    fn a_file_has_no_size() {
        assert_eq!(size_of(tempfile::tempfile().unwrap()), None);
    }
}
