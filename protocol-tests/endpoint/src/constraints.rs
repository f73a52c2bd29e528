//! Checks members of a request against the constraints of botocore's model and collects AWS's messages. Never
//! interprets a member: these errors come before AWS reads the request as a whole.

use serde_json::Value;

use crate::document::strings;
use crate::refusal::Refusal;

/// The messages about members that break the model's constraints.
#[derive(Default)]
pub(crate) struct Constraints {
    pub(crate) unmet: Vec<String>,
}

impl Constraints {
    pub(crate) fn add(&mut self, value: &str, member: &str, constraint: &str) {
        self.unmet.push(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
        ));
    }

    pub(crate) fn pattern(&mut self, value: &str, member: &str, pattern: &str) {
        self.add(value, member, &format!("satisfy regular expression pattern: {pattern}"));
    }

    /// Fails at once if the value is not a number: AWS's JSON parser stops there, before it checks any
    /// constraint.
    pub(crate) fn range(
        &mut self,
        value: &Value,
        member: &str,
        least: i64,
        most: i64,
    ) -> Result<(), Refusal> {
        let number = match value {
            Value::Null => return Ok(()),
            Value::Number(number) => number.as_i64().ok_or(Refusal::NotANumber { found: "NUMBER_VALUE" })?,
            Value::String(_) => return Err(Refusal::NotANumber { found: "STRING_VALUE" }),
            Value::Bool(true) => return Err(Refusal::NotANumber { found: "TRUE_VALUE" }),
            Value::Bool(false) => return Err(Refusal::NotANumber { found: "FALSE_VALUE" }),
            Value::Array(_) => return Err(Refusal::NotANumber { found: "START_ARRAY" }),
            Value::Object(_) => return Err(Refusal::NotANumber { found: "START_OBJECT" }),
        };
        if number < least {
            self.add(&number.to_string(), member, &format!("have value greater than or equal to {least}"));
        }
        if number > most {
            self.add(&number.to_string(), member, &format!("have value less than or equal to {most}"));
        }
        Ok(())
    }

    pub(crate) fn length(&mut self, value: &Value, member: &str, most: usize) {
        if let Some(text) = value.as_str().filter(|text| text.chars().count() > most) {
            self.add(text, member, &format!("have length less than or equal to {most}"));
        }
    }

    pub(crate) fn one_of(&mut self, value: &Value, member: &str, known: &[&str]) {
        if let Some(text) = value.as_str().filter(|text| !known.contains(text)) {
            self.add(text, member, &format!("satisfy enum value set: [{}]", known.join(", ")));
        }
    }

    /// Checks a string against a pattern. `pattern` is the one that AWS quotes; `fits` implements it.
    pub(crate) fn shape(&mut self, value: &Value, member: &str, pattern: &str, fits: impl Fn(&str) -> bool) {
        if let Some(text) = value.as_str().filter(|text| !fits(text)) {
            self.pattern(text, member, pattern);
        }
    }

    /// Adds a message if a required member is missing.
    pub(crate) fn present(&mut self, value: &Value, member: &str) {
        if value.is_null() {
            self.unmet.push(absent(member));
        }
    }

    pub(crate) fn count(&mut self, value: &Value, member: &str, most: usize) {
        if value.as_array().is_some_and(|list| list.len() > most) {
            self.add(&shown(value), member, &format!("have length less than or equal to {most}"));
        }
    }

    /// Checks each string of a list. `constraints` are those of one string, as AWS lists them.
    pub(crate) fn each(
        &mut self,
        value: &Value,
        member: &str,
        constraints: &str,
        fits: impl Fn(&str) -> bool,
    ) {
        if !strings(value).into_iter().all(fits) {
            self.add(&shown(value), member, &format!("satisfy constraint: [{constraints}]"));
        }
    }

    pub(crate) fn architectures(&mut self, value: &Value) {
        let names = strings(value);
        let shown = shown(value);
        if value.as_array().is_some_and(Vec::is_empty) {
            self.add("[]", "architectures", "have length greater than or equal to 1");
        }
        if names.len() > 1 {
            self.add(&shown, "architectures", "have length less than or equal to 1");
        }
        if names.iter().any(|name| !["x86_64", "arm64"].contains(name)) {
            self.add(
                &shown,
                "architectures",
                "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
            );
        }
    }

    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.unmet.is_empty() { Ok(()) } else { Err(Refusal::Constraints { unmet: self.unmet }) }
    }
}

/// Returns the message for a required member that is missing.
pub(crate) fn absent(member: &str) -> String {
    format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
}

/// Formats a list of strings as AWS quotes it. Structures are shown as JSON, because AWS's format for them is
/// unknown.
fn shown(value: &Value) -> String {
    let parts = value.as_array().into_iter().flatten();
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    format!("[{}]", parts.map(part).collect::<Vec<_>>().join(", "))
}
