//! Parses a function name in each form that callers use: name, partial ARN or full ARN, with or without a
//! qualifier. Never checks whether the function exists.

use crate::refusal::Refusal;

/// The pattern that AWS quotes when it rejects a name.
const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";

/// The longest text that names a function, in characters (botocore's model), and the longest plain name
/// (AWS's message).
const TEXT_LIMIT: usize = 140;
const NAME_LIMIT: usize = 64;

/// The parts of a text that names a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionName {
    /// `None`: the text has no region, so the endpoint's own applies.
    pub(crate) region: Option<String>,
    /// `None`: the text has no account, so the endpoint's own applies.
    pub(crate) account: Option<String>,
    pub(crate) name: String,
    /// A version, an alias or `$LATEST`. `None`: the text has no qualifier.
    pub(crate) qualifier: Option<String>,
}

impl FunctionName {
    /// Parses `f`, `f:1`, `function:f`, `123456789012:function:f`, `us-east-1:123456789012:function:f` and
    /// `arn:aws:lambda:…`.
    pub(crate) fn parse(text: &str) -> Result<FunctionName, Refusal> {
        if text.len() > TEXT_LIMIT {
            return Err(unmet(text, "Member must have length less than or equal to 140"));
        }
        let pattern = || unmet(text, &format!("Member must satisfy regular expression pattern: {PATTERN}"));
        let name = split(text).ok_or_else(pattern)?;
        if name.name.len() > NAME_LIMIT {
            return Err(Refusal::NameTooLong { name: name.name });
        }
        Ok(name)
    }
}

fn unmet(text: &str, constraint: &str) -> Refusal {
    let sentence = format!("Value '{text}' at 'functionName' failed to satisfy constraint: {constraint}");
    Refusal::Constraints { unmet: vec![sentence] }
}

fn split(text: &str) -> Option<FunctionName> {
    let parts: Vec<&str> = text.split(':').collect();
    let mut rest = match parts.as_slice() {
        ["arn", partition, "lambda", rest @ ..] if partition.starts_with("aws") => rest,
        rest => rest,
    };
    // Each of these parts is optional, and a function may be named `function`. A part counts only if another
    // one follows.
    let mut leading = |fits: fn(&str) -> bool| match rest {
        [first, tail @ ..] if fits(first) && !tail.is_empty() => {
            rest = tail;
            Some((*first).to_owned())
        }
        _ => None,
    };
    let region = leading(is_region);
    let account = leading(is_account);
    let _ = leading(|part| part == "function");
    let (name, qualifier) = match rest {
        [name] => (name, None),
        [name, qualifier] => (name, Some(*qualifier)),
        _ => return None,
    };
    let fits = is_word(name)
        && qualifier.is_none_or(|it| ["$LATEST", "$LATEST.PUBLISHED"].contains(&it) || is_word(it));
    fits.then(|| FunctionName {
        region,
        account,
        name: (*name).to_owned(),
        qualifier: qualifier.map(str::to_owned),
    })
}

/// True for a region such as `us-east-1` or `us-gov-west-1`: letters, words, one digit.
pub(crate) fn is_region(part: &str) -> bool {
    let words: Vec<&str> = part.split('-').collect();
    match words.as_slice() {
        [first, _, .., last] => {
            first.bytes().all(|byte| byte.is_ascii_lowercase())
                && last.len() == 1
                && last.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

/// True for an account id: twelve digits.
pub(crate) fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for `[a-zA-Z0-9-_]+`, the pattern of function and alias names.
pub(crate) fn is_word(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !part.is_empty() && part.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: [Option<&str>; 4]) {
        let found = FunctionName::parse(text).unwrap();
        let found = [
            found.region.as_deref(),
            found.account.as_deref(),
            Some(found.name.as_str()),
            found.qualifier.as_deref(),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_function_is_named_in_five_ways() {
        let (region, account) = (Some("us-east-1"), Some("123456789012"));
        check("f", [None, None, Some("f"), None]);
        check("f:$LATEST", [None, None, Some("f"), Some("$LATEST")]);
        check("function:f:1", [None, None, Some("f"), Some("1")]);
        check("123456789012:function:f", [None, account, Some("f"), None]);
        check(
            "arn:aws:lambda:us-east-1:123456789012:function:f:live",
            [region, account, Some("f"), Some("live")],
        );
    }

    #[test]
    fn a_function_may_be_called_function() {
        check("function", [None, None, Some("function"), None]);
        check("123456789012", [None, None, Some("123456789012"), None]);
    }

    #[track_caller]
    fn refused(text: &str, status_and_code: (u16, &str)) {
        let (status, code, _) = FunctionName::parse(text).unwrap_err().wire();
        assert_eq!((status, code), status_and_code);
    }

    #[test]
    fn what_names_no_function_is_refused() {
        let validation = (400, "ValidationException");
        refused("invalid:function:name", validation);
        refused("", validation);
        refused("a b", validation);
        refused(&"a".repeat(141), validation);
        refused(&"a".repeat(65), (400, "InvalidParameterValueException"));
    }
}
