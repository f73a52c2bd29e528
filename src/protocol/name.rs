//! Names that people write in, names that AWS's API can take out.
//! Never asks whether AWS has such a function or region.

/// A function's name, partial ARN or ARN, without a version or alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName(String);

impl FunctionName {
    /// Reads `hello`, `123456789012:function:hello` or `arn:aws:lambda:us-east-1:123456789012:function:hello`.
    /// The shapes are those of `FunctionName` in AWS's API reference.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let right = "give a function's name (letters, digits, `-`, `_`) or its ARN";
        let parts: Vec<&str> = text.split(':').collect();
        let name = match parts.as_slice() {
            [name] | [_, "function", name] | ["arn", _, "lambda", _, _, "function", name] => *name,
            [_, "function", ..] | ["arn", _, "lambda", _, _, "function", ..] | [_, _] => {
                return Err("a version or alias cannot be deployed to: leave out what follows the name".to_owned());
            }
            _ => return Err(right.to_owned()),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if is_name { Ok(FunctionName(text.to_owned())) } else { Err(right.to_owned()) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region that an ARN says.
    pub fn region(&self) -> Option<&str> {
        match self.0.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "lambda", region, ..] => Some(region),
            _ => None,
        }
    }

    /// The name alone, without what an ARN says besides.
    pub fn name(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }
}

/// An AWS region that can stand in a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Reads a region's name. Whether AWS has such a region is AWS's to say; that it cannot point to another host is ours.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_label = (1..=63).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_label { Ok(Region(text.to_owned())) } else { Err("give an AWS region, such as us-east-1".to_owned()) }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_name_or_arn() {
        for name in ["f", "my-f_1", "123456789012:function:f", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"] {
            assert!(FunctionName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "f:live", "arn:aws:lambda:us-east-1:1:function:f:3", "a/b", "arn:aws:s3:::b", "fé"] {
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
