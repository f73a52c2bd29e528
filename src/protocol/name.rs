//! Parses names of functions and regions into types that the AWS API accepts.
//! Does not check whether the function or the region exists.

/// Name, partial ARN or ARN of a function, without a version or alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName(String);

impl FunctionName {
    /// Parses `hello`, `123456789012:function:hello` or
    /// `arn:aws:lambda:us-east-1:123456789012:function:hello`. These are the forms of `FunctionName` in the
    /// AWS API reference.
    ///
    /// # Errors
    /// What is expected, as the second half of the message "`function_name` is `…`; …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let right = "expected a function name (letters, digits, `-`, `_`) or an ARN";
        let parts: Vec<&str> = text.split(':').collect();
        let name = match parts.as_slice() {
            [name] | [_, "function", name] | ["arn", _, "lambda", _, _, "function", name] => *name,
            [_, "function", ..] | ["arn", _, "lambda", _, _, "function", ..] | [_, _] => {
                return Err("expected no version or alias after the function's name".to_owned());
            }
            _ => return Err(right.to_owned()),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if is_name { Ok(FunctionName(text.to_owned())) } else { Err(right.to_owned()) }
    }

    /// The name or ARN as written in the stanza.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region in the ARN. `None` for a name or partial ARN.
    pub fn region(&self) -> Option<&str> {
        match self.0.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "lambda", region, ..] => Some(region),
            _ => None,
        }
    }

    /// The name of the function, without the rest of an ARN.
    pub fn name(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }
}

/// An AWS region that is valid as a part of a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Parses the name of a region. Only checks that it is a single label of a host name, so that it cannot
    /// lead to another host.
    ///
    /// # Errors
    /// What is expected, as the second half of the message "`region` is `…`; …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_label = (1..=63).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_label {
            Ok(Region(text.to_owned()))
        } else {
            Err("expected an AWS region, such as us-east-1".to_owned())
        }
    }

    /// The name of the region.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_name_or_arn() {
        for name in
            ["f", "my-f_1", "123456789012:function:f", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"]
        {
            assert!(FunctionName::parse(name).is_ok(), "{name}");
        }
        for name in
            ["", "a b", "f:live", "arn:aws:lambda:us-east-1:1:function:f:3", "a/b", "arn:aws:s3:::b", "fé"]
        {
            assert!(FunctionName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_region_cannot_point_to_another_host() {
        assert!(Region::parse("eu-west-1").is_ok());
        for region in ["", "evil.example", "us-east-1/", "a@b", "US-EAST-1", "-a", "a#"] {
            assert!(Region::parse(region).is_err(), "{region}");
        }
    }
}
