//! Parses names of functions, alarms and regions into types that the AWS API accepts.
//! Does not check whether the function, the alarm or the region exists.

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
        let is_short = text.len() <= MAX_QUOTED;
        let (name, qualifier) = match parts.as_slice() {
            // AWS's pattern also matches these two, but its reference does not describe them.
            ["function", name] if is_name(name) && is_short => return Err(format!("write `{name}`")),
            [account, name] if is_account(account) && is_name(name) && is_short => {
                return Err(format!("write `{account}:function:{name}`"));
            }
            [name] | [_, "function", name] | ["arn", _, "lambda", _, _, "function", name] => (*name, None),
            [name, qualifier]
            | ["function", name, qualifier]
            | [_, "function", name, qualifier]
            | ["arn", _, "lambda", _, _, "function", name, qualifier] => (*name, Some(*qualifier)),
            _ => return Err(right.to_owned()),
        };
        match qualifier {
            Some(qualifier) => Err(without_qualifier(qualifier)),
            None if is_name(name) => Ok(FunctionName(text.to_owned())),
            None => Err(right.to_owned()),
        }
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

/// Maximum length in bytes of a name that a message repeats. AWS allows 170 characters.
const MAX_QUOTED: usize = 200;

/// Whether a text has the form that AWS documents for the names of functions, layers and aliases.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit())
}

/// What is expected instead of a name that ends with a version or an alias.
fn without_qualifier(qualifier: &str) -> String {
    let expected = "expected no version or alias after the function's name";
    let is_version = qualifier.bytes().all(|c| c.is_ascii_digit());
    if is_version && !qualifier.is_empty() && qualifier.len() <= MAX_QUOTED {
        format!("{expected}; leave out `:{qualifier}`: a deployment changes `$LATEST`, not a version")
    } else if qualifier == "$LATEST" {
        format!("{expected}; leave out `:$LATEST`, which a deployment changes anyway")
    } else if is_name(qualifier) && qualifier.len() <= MAX_QUOTED {
        format!("{expected}; to move an alias, write `alias: {qualifier}`")
    } else {
        expected.to_owned()
    }
}

/// Name or ARN of a CloudWatch alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmName(String);

/// Maximum length of an alarm's name in characters.
const MAX_ALARM_NAME: usize = 255;

impl AlarmName {
    /// Parses `shop-5xx` or `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-5xx`.
    ///
    /// # Errors
    /// What is expected, as the second half of the message "`guard.alarms` contains `…`; …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let alarm = AlarmName(text.to_owned());
        let is_name = !alarm.name().trim().is_empty() && alarm.name().chars().count() <= MAX_ALARM_NAME;
        // A name may contain colons, but an ARN of something else is a mistake.
        if is_name && (alarm.arn_parts().is_some() || !text.starts_with("arn:")) {
            Ok(alarm)
        } else {
            Err("expected the name of a CloudWatch alarm, or an ARN such as \
                arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-5xx"
                .to_owned())
        }
    }

    /// The name or ARN as written in the stanza.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the alarm, without the rest of an ARN.
    pub fn name(&self) -> &str {
        self.arn_parts().map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The region in the ARN. `None` for a name.
    pub fn region(&self) -> Option<&str> {
        self.arn_parts().map(|(region, _)| region)
    }

    /// Region and name in an ARN.
    fn arn_parts(&self) -> Option<(&str, &str)> {
        match self.0.splitn(7, ':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "cloudwatch", region, _, "alarm", name] => Some((*region, *name)),
            _ => None,
        }
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
        let right = || "expected an AWS region, such as us-east-1".to_owned();
        is_label.then(|| Region(text.to_owned())).ok_or_else(right)
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
    fn a_name_with_something_else_gets_the_right_one() {
        let expected = "expected no version or alias after the function's name";
        let latest = format!("{expected}; leave out `:$LATEST`, which a deployment changes anyway");
        let alias = format!("{expected}; to move an alias, write `alias: PROD`");
        let version = format!("{expected}; leave out `:7`: a deployment changes `$LATEST`, not a version");
        for (name, right) in [
            ("123456789012:f", "write `123456789012:function:f`"),
            ("function:f", "write `f`"),
            ("f:PROD", alias.as_str()),
            ("123456789012:function:f:PROD", alias.as_str()),
            ("arn:aws:lambda:us-east-1:123456789012:function:f:PROD", alias.as_str()),
            ("f:7", version.as_str()),
            ("f:", expected),
            ("f:$LATEST", latest.as_str()),
        ] {
            assert_eq!(FunctionName::parse(name).expect_err(name), right);
        }
    }

    #[test]
    fn an_alarm_is_named_by_name_or_arn() {
        let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop: 5xx";
        for (text, name, region) in
            [("shop-5xx", "shop-5xx", None), ("a:b c", "a:b c", None), (arn, "shop: 5xx", Some("eu-west-1"))]
        {
            let alarm = AlarmName::parse(text).expect(text);
            assert_eq!((alarm.as_str(), alarm.name(), alarm.region()), (text, name, region));
        }
        let long = "x".repeat(256);
        for text in ["", " ", "arn:aws:sns:eu-west-1:123456789012:topic", &arn[..arn.len() - 9], &long] {
            assert!(AlarmName::parse(text).is_err(), "{text}");
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
