//! Interprets a scalar without quotes as Travis CI does. Never interprets a tag.

use crate::protocol::json::Node;

/// The value of a scalar without quotes.
pub(super) fn plain(text: &str, fractions: bool) -> Node {
    let kept = || Node::Text(text.to_owned());
    match text.to_ascii_lowercase().as_str() {
        "" | "~" | "null" => Node::Null,
        "yes" | "no" | "on" | "off" if text.bytes().all(|b| b.is_ascii_lowercase()) => kept(),
        "true" | "yes" | "on" => Node::Bool(true),
        "false" | "no" | "off" => Node::Bool(false),
        _ => match text.strip_prefix(':').filter(|name| !name.is_empty()) {
            // A Ruby symbol.
            Some(name) => Node::Text(unquoted(name).to_owned()),
            None => integer(text).or_else(|| fraction(text).filter(|_| fractions)).unwrap_or_else(kept),
        },
    }
}

fn unquoted(name: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(name)
}

/// An integer: `10`, `-1_000`, `017` (octal), `0x1f`, `0b11`. One that does not fit into 64 bits stays a
/// string.
fn integer(text: &str) -> Option<Node> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', rest @ ..] if !rest.is_empty() => (16, &digits[2..]),
        [b'0', b'b', rest @ ..] if !rest.is_empty() => (2, &digits[2..]),
        [b'0', rest @ ..] if !rest.is_empty() => (8, &digits[1..]),
        [b'_', ..] => return None,
        _ => (10, digits),
    };
    if !digits.bytes().all(|b| b == b'_' || char::from(b).is_digit(radix)) {
        return None;
    }
    let digits = digits.replace('_', "");
    // Psych reads `0_` as zero; `0x_` is not a number.
    let digits = if digits.is_empty() && radix == 8 { "0" } else { &digits };
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -number } else { number };
    let number = i64::try_from(number).map(Into::into).or_else(|_| u64::try_from(number).map(Into::into));
    number.ok().map(Node::Number)
}

/// A fraction: `1.5`, `.5`, `1.`, `1.5e+3`.
fn fraction(text: &str) -> Option<Node> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits.split_once('.')?;
    let (decimals, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(d, e)| (d, Some(e)));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let whole_fits =
        whole.is_empty() || (whole.as_bytes()[0].is_ascii_digit() && is_number(&whole.replace('_', "")));
    let exponent_fits =
        exponent.is_none_or(|e| e.strip_prefix(['-', '+']).is_some_and(|e| !e.is_empty() && is_number(e)));
    if !whole_fits || !is_number(decimals) || !exponent_fits || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    serde_json::Number::from_f64(text.replace('_', "").parse().ok()?).map(Node::Number)
}
