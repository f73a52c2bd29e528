//! Reads numbers at the start of texts.

/// The number at the start of a text as Ruby's `to_i` finds it, and whether it is the whole text.
/// `None` for fractions, signs and numbers beyond 2³¹.
pub(super) fn leading_number(text: &str) -> Option<(i32, bool)> {
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix(".0").unwrap_or(trimmed);
    let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, rest) = trimmed.split_at(end);
    // "10.5" is a fraction, not 10 followed by other text.
    let fraction =
        rest.strip_prefix(['.', 'e', 'E']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if fraction {
        return None;
    }
    Some((digits.parse().ok()?, rest.is_empty()))
}

/// A number such as `2` or `2.5`. `None` for signs, exponents and other text.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    let (whole, decimals) = trimmed.split_once('.').unwrap_or((trimmed, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    trimmed.parse().ok().filter(|_| are_digits(whole) && are_digits(decimals))
}

/// The number at the start of a text in `unit`, if the text has a larger unit: `5m` is 300 seconds.
pub(super) fn in_unit(text: &str, number: i32, unit: &str) -> Option<i32> {
    let rest = text.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let factor = match (unit, rest.to_ascii_lowercase().as_str()) {
        ("seconds", "m" | "min" | "minute" | "minutes") => 60,
        ("seconds", "h" | "hour" | "hours") => 3600,
        ("MB", "g" | "gb" | "gib") => 1024,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_number_is_the_whole_text() {
        for (text, number) in [("2", Some(2.0)), (" 2.50 ", Some(2.5)), ("0.5", Some(0.5))] {
            assert_eq!(decimal(text), number, "{text}");
        }
        for text in ["", ".5", "2.", "-2", "2e1", "inf", "NaN", "2 GiB", "1.2.3"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_at_the_start_of_a_text_counts() {
        for (text, number) in [
            ("10", Some((10, true))),
            (" 10 ", Some((10, true))),
            ("10.0", Some((10, true))),
            ("10,", Some((10, false))),
            ("10 seconds", Some((10, false))),
            ("10.5", None),
            ("1e3", None),
            ("-1", None),
            ("", None),
            ("ten", None),
            ("99999999999", None),
        ] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }
}
