//! Matches a regular expression as Ruby does. Never guesses: what could mean something else to the engine
//! than to Ruby is unknown.
//!
//! The engine, regex-lite, is near to Ruby: `\d`, `\w` and `\s` match letters of ASCII only. These parts of
//! Ruby's syntax are rewritten: `^` and `$` (always of a line), `(?m)`, `\h`, `\e`, `\Z`, `{,n}`, a `{` that
//! begins no repetition, and names of groups. These are unknown: look-around, backreferences, atomic groups,
//! possessive repetition, `{n}?`, a repeated anchor, `(?x)`, flags within an alternative, `\p{…}`, octal and
//! control escapes, classes within classes, and unusual escapes of letters. So are `\b`, `(?i)` and
//! `[:alpha:]` for a text with letters outside of ASCII, and anchors of a line for a text that ends with a
//! line break.

use super::language::Undecided;

/// Maximum size in bytes of a compiled pattern. A state has about 30 bytes.
const LARGEST_PATTERN: usize = 10 << 20;

/// Maximum product of that size and the length of the text. Beyond it, the search would take many seconds: a
/// commit message can have a MiB.
const LARGEST_PRODUCT: usize = 1 << 33;

/// True if `text` has a match. A text of `None` has none, if Ruby accepts the pattern.
pub(super) fn matches(pattern: &str, text: Option<&str>) -> Result<bool, Undecided> {
    let compiled = translate(pattern).and_then(|translated| {
        // The engine takes at most one step for each character of the text and each state of the pattern.
        let most = LARGEST_PRODUCT / text.map_or(0, str::len).max(1);
        let regex =
            regex_lite::RegexBuilder::new(&translated.out).size_limit(most.min(LARGEST_PATTERN)).build();
        regex.map(|regex| (translated, regex)).map_err(|error| Obstacle::Unsupported(error.to_string()))
    });
    let unknown = |why: &str| Undecided::unknown(format!("the regular expression `{pattern}` ({why})"));
    match (compiled, text) {
        (Err(Obstacle::Invalid(why)), _) => {
            Err(Undecided::Invalid(format!("the regular expression `{pattern}` is invalid: {why}")))
        }
        (_, None) => Ok(false),
        (Err(Obstacle::Unsupported(what)), Some(_)) => Err(unknown(&format!("{what} is not supported"))),
        (Ok((translated, _)), Some(text)) if translated.needs_ascii && !text.is_ascii() => {
            Err(unknown("compared with letters outside of ASCII"))
        }
        (Ok((translated, _)), Some(text)) if translated.has_anchors && text.ends_with('\n') => {
            Err(unknown("compared with text that ends with a line break"))
        }
        (Ok((_, regex)), Some(text)) => Ok(regex.is_match(text)),
    }
}

/// Why a pattern cannot be matched.
enum Obstacle {
    /// Ruby refuses it.
    Invalid(&'static str),
    /// Ruby accepts it, and the engine does not, or may take it for something else.
    Unsupported(String),
}

fn unsupported<T>(what: &str) -> Result<T, Obstacle> {
    Err(Obstacle::Unsupported(what.to_owned()))
}

/// What a repetition would repeat.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing: the beginning of an alternative.
    Start,
    Anchor,
    Atom,
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    last: Last,
    /// Number of open groups.
    depth: usize,
    needs_ascii: bool,
    has_anchors: bool,
}

/// Takes linear time, also for a pattern of many groups or braces.
fn translate(pattern: &str) -> Result<Translation<'_>, Obstacle> {
    let is_ascii = pattern.is_ascii();
    let mut translation = Translation {
        rest: pattern,
        out: "(?m)".to_owned(),
        last: Last::Start,
        depth: 0,
        needs_ascii: false,
        has_anchors: false,
    };
    while let Some(c) = translation.rest.chars().next() {
        match c {
            '\\' => translation.escape(false)?,
            '[' => translation.class()?,
            '(' => translation.group(is_ascii)?,
            ')' if translation.depth == 0 => return Err(Obstacle::Invalid("a `)` has no `(`")),
            ')' => {
                translation.depth -= 1;
                translation.copy(c, Last::Atom);
            }
            '|' => translation.copy(c, Last::Start),
            '^' | '$' => {
                translation.has_anchors = true;
                translation.copy(c, Last::Anchor);
            }
            '*' | '+' | '?' => translation.repetition(c)?,
            '{' => translation.interval()?,
            _ => translation.copy(c, Last::Atom),
        }
    }
    if translation.depth > 0 { Err(Obstacle::Invalid("a `(` has no `)`")) } else { Ok(translation) }
}

impl<'a> Translation<'a> {
    fn copy(&mut self, c: char, last: Last) {
        self.out.push(c);
        self.rest = &self.rest[c.len_utf8()..];
        self.last = last;
    }

    fn replace(&mut self, text: &str, rest: &'a str, last: Last) {
        self.out.push_str(text);
        self.rest = rest;
        self.last = last;
    }

    fn check_repeatable(&self) -> Result<(), Obstacle> {
        match self.last {
            Last::Start => Err(Obstacle::Invalid("nothing to repeat")),
            Last::Anchor => unsupported("a repeated anchor"),
            Last::Atom => Ok(()),
        }
    }

    fn repetition(&mut self, c: char) -> Result<(), Obstacle> {
        self.check_repeatable()?;
        self.copy(c, Last::Atom);
        match self.rest.chars().next() {
            Some('+') => return unsupported("possessive repetition"),
            Some('?') => self.copy('?', Last::Atom),
            _ => {}
        }
        Ok(())
    }

    fn interval(&mut self) -> Result<(), Obstacle> {
        let rest = &self.rest[1..];
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b',';
        let (inner, after) = rest.split_at(rest.bytes().take_while(is_part).count());
        let (inner, after) = after.strip_prefix('}').map(|after| (inner, after)).unwrap_or_default();
        let (min, max) = inner.split_once(',').unwrap_or((inner, inner));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (min.is_empty() && max.is_empty()) || !is_number(min) || !is_number(max) {
            self.replace("\\{", rest, Last::Atom);
            return Ok(());
        }
        self.check_repeatable()?;
        if after.starts_with('?') && !inner.contains(',') {
            return unsupported("`{n}?`");
        }
        let zero = if min.is_empty() { "0" } else { "" };
        self.replace(&format!("{{{zero}{inner}}}"), after, Last::Atom);
        if after.starts_with('?') {
            self.copy('?', Last::Atom);
        }
        Ok(())
    }

    fn group(&mut self, is_ascii: bool) -> Result<(), Obstacle> {
        let rest = self.rest;
        let Some(after) = rest.strip_prefix("(?") else {
            self.depth += 1;
            self.replace("(?:", &rest[1..], Last::Start);
            return Ok(());
        };
        if let Some(named) = after.strip_prefix('<')
            && !named.starts_with(['=', '!'])
            && let Some((_, inner)) = named.split_once('>')
        {
            self.depth += 1;
            self.replace("(?:", inner, Last::Start);
            return Ok(());
        }
        let flags = &after[..after.bytes().take_while(|byte| b"im-".contains(byte)).count()];
        let end = after[flags.len()..].chars().next();
        let (Some(end @ (':' | ')')), true) = (end, flags != "-" && (end == Some(':') || !flags.is_empty()))
        else {
            let start: String = rest.chars().take(4).collect();
            return unsupported(&format!("`{start}`"));
        };
        if flags.contains('i') {
            if !is_ascii {
                return unsupported("`(?i)` with letters outside of ASCII");
            }
            self.needs_ascii = true;
        }
        if end == ':' {
            self.depth += 1;
        } else if self.last != Last::Start {
            return unsupported("a flag within an alternative");
        }
        let text = format!("(?{}{end}", flags.replace('m', "s"));
        self.replace(&text, &after[flags.len() + 1..], Last::Start);
        Ok(())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), Obstacle> {
        let mut chars = self.rest[1..].chars();
        let Some(c) = chars.next() else { return Err(Obstacle::Invalid("a `\\` is at its end")) };
        let rest = chars.as_str();
        let (text, last) = match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' | 't' | 'n' | 'r' | 'f' | 'v' | 'a' => {
                (format!("\\{c}"), Last::Atom)
            }
            'A' | 'z' if !in_class => (format!("\\{c}"), Last::Anchor),
            'Z' if !in_class => {
                self.has_anchors = true;
                ("\\z".to_owned(), Last::Anchor)
            }
            'b' | 'B' if !in_class => {
                self.needs_ascii = true;
                (format!("\\{c}"), Last::Anchor)
            }
            'h' if in_class => ("0-9A-Fa-f".to_owned(), Last::Atom),
            'h' => ("[0-9A-Fa-f]".to_owned(), Last::Atom),
            'e' => ("\\x1B".to_owned(), Last::Atom),
            _ if c.is_ascii_alphanumeric() => return unsupported(&format!("`\\{c}`")),
            _ if c.is_ascii() && !matches!(c, '<' | '>') => (format!("\\{c}"), Last::Atom),
            _ => (c.to_string(), Last::Atom),
        };
        self.replace(&text, rest, last);
        Ok(())
    }

    /// A character class. What the engine does not know in it, such as `&&`, it refuses.
    fn class(&mut self) -> Result<(), Obstacle> {
        self.copy('[', Last::Atom);
        if self.rest.starts_with('^') {
            self.copy('^', Last::Atom);
        }
        if self.rest.starts_with(']') || self.rest.starts_with("--") {
            return unsupported("a class that begins with `]` or `--`");
        }
        loop {
            match self.rest.chars().next() {
                None => return Err(Obstacle::Invalid("a `[` has no `]`")),
                Some('\\') => self.escape(true)?,
                Some('[') => {
                    let Some((name, rest)) =
                        self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]"))
                    else {
                        return unsupported("a class within a class");
                    };
                    self.needs_ascii = true;
                    self.replace(&format!("[:{name}:]"), rest, Last::Atom);
                }
                Some(c) => {
                    self.copy(c, Last::Atom);
                    if c == ']' {
                        return Ok(());
                    }
                }
            }
        }
    }
}
