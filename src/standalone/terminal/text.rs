//! Makes external text safe for a terminal, and fits it into a width. Never lets a control character through.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Escapes characters that would move the cursor, break a line, or change the reading order: they become
/// `\u{1b}`. A tab becomes a space.
pub(in crate::standalone) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut clean, if c == '\t' { ' ' } else { c }));
    clean
}

/// Cleans a line of a command's output. Keeps tabs, removes colours, because they are not part of the text,
/// and escapes everything else as [`clean`] does.
pub(super) fn clean_output(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.strip_suffix('\r').unwrap_or(line);
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = after_colour(rest) {
            rest = behind;
            continue;
        }
        push(&mut clean, c);
        rest = &rest[c.len_utf8()..];
    }
    clean
}

/// The text after a colour sequence at its beginning, `ESC [ 1 ; 31 m`.
fn after_colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':').strip_prefix('m')
}

fn push(text: &mut String, c: char) {
    if (c.is_control() && c != '\t') || is_invisible_order(c) {
        text.extend(c.escape_unicode());
    } else {
        text.push(c);
    }
}

/// Invisible characters that change the text direction, break a line, or hide in a word. The joiners of emoji
/// and of scripts are allowed.
fn is_invisible_order(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The width of a text in columns.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// An upper bound for the columns that a character adds: its own width, or 1 for the selector that turns the
/// previous character into an emoji.
fn at_most(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// The text in at most `columns`. If it is longer, `cut` replaces its middle, because an ARN has the name and
/// the version at its end.
pub(super) fn shortened(text: &str, columns: usize, cut: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let available = columns.saturating_sub(width(cut));
    let tail = last_fitting(text.char_indices().rev(), available / 2).unwrap_or(text.len());
    format!("{}{cut}{}", head(text, available.div_ceil(2)), &text[tail..])
}

/// Two different texts, shortened so that the difference is visible.
pub(super) fn both_shortened(from: &str, to: &str, columns: usize, cut: &str) -> (String, String) {
    let short = (shortened(from, columns, cut), shortened(to, columns, cut));
    if short.0 != short.1 || from == to {
        return short;
    }
    // Shortened, they look the same. So cut the common beginning instead, except for a few characters.
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count().saturating_sub(columns / 4);
    let from_there = |text: &str| {
        let rest: String = text.chars().skip(same).collect();
        format!("{cut}{}", head(&rest, columns.saturating_sub(width(cut))))
    };
    (from_there(from), from_there(to))
}

/// The beginning of a text that fits into `available` columns.
fn head(text: &str, available: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
    &text[..last_fitting(ends, available).unwrap_or(0)]
}

/// The position of the last character that fits into `available` columns.
fn last_fitting(chars: impl Iterator<Item = (usize, char)>, available: usize) -> Option<usize> {
    let mut taken = 0;
    chars
        .take_while(|(_, c)| {
            taken += at_most(*c);
            taken <= available
        })
        .last()
        .map(|(at, _)| at)
}

/// Wraps a text at spaces into lines of at most `columns`. The first line has `first` columns less, the
/// others `rest` less. A word that is longer than a line is not broken, so that it can be copied. Without
/// `columns` the text is one line.
pub(super) fn wrapped(text: &str, first: usize, rest: usize, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns.filter(|columns| first + width(text) > *columns) else {
        return vec![text.to_owned()];
    };
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
        let line = lines.last_mut().expect("there is always a line");
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
        let wide = "a❤\u{fe0f}❤\u{fe0f}👩\u{200d}🚀👩\u{200d}🚀日本❤\u{fe0f}";
        for columns in 1..20 {
            assert!(width(&shortened(wide, columns, "…")) <= columns);
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
        let text = "see arn:aws:iam::1:role/run now";
        assert_eq!(wrap(text, 0, 2, 10), ["see", "arn:aws:iam::1:role/run", "now"]);
        assert_eq!(wrap("日本 日本 日本", 0, 2, 9), ["日本 日本", "日本"]);
        assert_eq!(wrapped("one  two", 0, 0, None), ["one  two"]);
    }
}
