//! Text that others wrote in, text that a terminal can be given out: harmless, and as wide as there is room.
//! Never lets a control character through.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text without what would move a cursor, break a line, or turn the order of what is read: such characters are shown as
/// `\u{1b}`. A tab is a space.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\t' {
            clean.push(' ');
        } else {
            push(&mut clean, c);
        }
    }
    clean
}

/// A line of a command's output. Its tabs stay. Its colours go without a trace, because they are no part of what it says;
/// every other escape is shown, as by [`clean`].
pub(super) fn clean_output(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.strip_suffix('\r').unwrap_or(line);
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = behind_colour(rest) {
            rest = behind;
            continue;
        }
        if c == '\t' {
            clean.push(c);
        } else {
            push(&mut clean, c);
        }
        rest = &rest[c.len_utf8()..];
    }
    clean
}

/// What stands behind a sequence that only colours, `ESC [ 1 ; 31 m`, at the beginning of a text.
fn behind_colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':').strip_prefix('m')
}

fn push(text: &mut String, c: char) {
    if c.is_control() || is_invisible_order(c) {
        text.extend(c.escape_unicode());
    } else {
        text.push(c);
    }
}

/// Characters without a shape that turn the direction of what stands behind them, break a line, or hide in a word. (The
/// joiners of emoji and of scripts stay.)
fn is_invisible_order(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// At most the columns that a character adds: what it takes alone, and one more for the selector that makes the one before
/// it an emoji.
fn at_most(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// The text in at most `columns`: where it is longer, its middle gives way to `cut`. Names and versions stand at the ends
/// of what AWS calls things.
pub(super) fn shortened(text: &str, columns: usize, cut: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(cut));
    let head = beginning(text.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), room.div_ceil(2)).unwrap_or(0);
    let tail = beginning(text.char_indices().rev(), room / 2).unwrap_or(text.len());
    format!("{}{cut}{}", &text[..head], &text[tail..])
}

/// Two texts that differ, shortened so that the difference is seen.
pub(super) fn both_shortened(from: &str, to: &str, columns: usize, cut: &str) -> (String, String) {
    let short = (shortened(from, columns, cut), shortened(to, columns, cut));
    if short.0 != short.1 || from == to {
        return short;
    }
    // The same ends: what both begin with goes, but for a few characters.
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count().saturating_sub(columns / 4);
    let from_there = |text: &str| {
        let rest: String = text.chars().skip(same).collect();
        let room = columns.saturating_sub(width(cut));
        let end = beginning(rest.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), room).unwrap_or(0);
        format!("{cut}{}", &rest[..end])
    };
    (from_there(from), from_there(to))
}

/// How far characters fit into `room` columns: the position that comes with the last of them.
fn beginning(chars: impl Iterator<Item = (usize, char)>, room: usize) -> Option<usize> {
    let mut taken = 0;
    chars
        .take_while(|(_, c)| {
            taken += at_most(*c);
            taken <= room
        })
        .last()
        .map(|(at, _)| at)
}

/// Lines of at most `columns`, broken at spaces. The first line has `first` columns less, the others `rest` less. A word that
/// is longer than a line stays whole, so that it can be copied. Without `columns` it is one line.
pub(super) fn wrapped(text: &str, first: usize, rest: usize, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns.filter(|columns| first + width(text) > *columns) else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    let mut used = first;
    let mut fresh = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        let gap = usize::from(!fresh);
        if used + gap + wide > columns {
            lines.push(String::new());
            (used, fresh) = (rest, true);
        }
        let line = lines.last_mut().expect("begins with one");
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        used += usize::from(!fresh) + wide;
        fresh = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_cursor_is_shown() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a\tb", "a b"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\r\nb\u{8}\u{7f}", "a\\u{d}\\u{a}b\\u{8}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
            ("👩\u{200d}🚀 日本", "👩\u{200d}🚀 日本"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }

    #[test]
    fn colours_of_a_command_go_and_its_other_escapes_are_shown() {
        for (line, shown) in [
            ("\u{1b}[1;31mfail\u{1b}[0m\tnow\r", "fail\tnow"),
            ("\u{1b}[m\u{1b}[38:2:1:2:3mx", "x"),
            ("\u{1b}[2Kx\u{1b}]0;title\u{7}", "\\u{1b}[2Kx\\u{1b}]0;title\\u{7}"),
            ("10 %\r20 %", "10 %\\u{d}20 %"),
            ("\u{1b}[31", "\\u{1b}[31"),
        ] {
            assert_eq!(clean_output(line), shown);
        }
    }

    #[test]
    fn the_middle_gives_way() {
        assert_eq!(shortened("abcdefgh", 8, "…"), "abcdefgh");
        assert_eq!(shortened("abcdefghi", 8, "…"), "abcd…ghi");
        assert_eq!(shortened("abcdefghi", 8, "..."), "abc...hi");
        assert_eq!(shortened("日本語日本語", 8, "…"), "日本…語");
        assert_eq!(shortened("abc", 1, "…"), "…");
        assert_eq!(shortened(&"e\u{301}".repeat(100_000), 5, "…").width(), 5);
        for columns in 1..20 {
            assert!(
                width(&shortened("a❤\u{fe0f}❤\u{fe0f}👩\u{200d}🚀👩\u{200d}🚀日本❤\u{fe0f}", columns, "…")) <= columns
            );
        }
    }

    #[test]
    fn two_texts_that_differ_in_the_middle_are_cut_elsewhere() {
        let (from, to) = both_shortened("aaaaaaaaaaXbbbbbbbbbb", "aaaaaaaaaaYbbbbbbbbbb", 12, "…");
        assert_eq!((from.as_str(), to.as_str()), ("…aaaXbbbbbbb", "…aaaYbbbbbbb"));
        let (from, to) = both_shortened("1aaaaaaaaaaaaaaaaaaaa", "2aaaaaaaaaaaaaaaaaaaa", 9, "…");
        assert_eq!((from.as_str(), to.as_str()), ("1aaa…aaaa", "2aaa…aaaa"));
    }

    #[test]
    fn lines_are_broken_at_spaces() {
        let wrap = |text, first, rest, columns| wrapped(text, first, rest, Some(columns));
        assert_eq!(wrap("one two three", 0, 2, 80), ["one two three"]);
        assert_eq!(wrap("one two three", 4, 2, 11), ["one two", "three"]);
        assert_eq!(wrap("one two three", 9, 2, 11), ["", "one two", "three"]);
        assert_eq!(wrap("see arn:aws:iam::1:role/run now", 0, 2, 10), ["see", "arn:aws:iam::1:role/run", "now"]);
        assert_eq!(wrap("日本 日本 日本", 0, 2, 9), ["日本 日本", "日本"]);
        assert_eq!(wrapped("one  two", 0, 0, None), ["one  two"]);
    }
}
