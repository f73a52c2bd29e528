//! Formats a policy statement as JSON, the way AWS does.
//! Never breaks a string, so that IAM accepts what a user copies from the terminal.

use serde_json::Value;

use super::text::width;

/// The members in AWS's order. Other members follow.
const MEMBERS: [&str; 5] = ["Sid", "Effect", "Action", "Resource", "Condition"];

/// Splits a hint that contains a statement, such as `add this: {"Action":…} (more)`, into the hint without it
/// and the statement.
pub(super) fn quoted(hint: &str) -> Option<(String, Value)> {
    let (before, rest) = hint.split_once(": {")?;
    let json = &hint[hint.len() - rest.len() - 1..];
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let statement = values.next()?.ok().filter(|value| value["Effect"].is_string())?;
    Some((format!("{before}{}:", &json[values.byte_offset()..]), statement))
}

/// The lines of a statement, one per member. A list that is wider than `columns` gets one line per item.
pub(super) fn lines(statement: &Value, columns: Option<usize>) -> Vec<String> {
    let Some(members) = statement.as_object() else { return vec![compact(statement)] };
    let rank = |key: &str| MEMBERS.iter().position(|known| *known == key).unwrap_or(MEMBERS.len());
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(key, _)| rank(key));
    let mut lines = vec!["{".to_owned()];
    for (number, (key, value)) in members.iter().enumerate() {
        let comma = if number + 1 < members.len() { "," } else { "" };
        let start = format!("  {}: ", Value::from(key.as_str()));
        let line = format!("{start}{}{comma}", compact(value));
        match value.as_array() {
            Some(items) if columns.is_some_and(|columns| width(&line) > columns) => {
                lines.push(format!("{start}["));
                let last = items.len().saturating_sub(1);
                let item = |(at, item)| format!("    {}{}", compact(item), if at < last { "," } else { "" });
                lines.extend(items.iter().enumerate().map(item));
                lines.push(format!("  ]{comma}"));
            }
            _ => lines.push(line),
        }
    }
    lines.push("}".to_owned());
    lines
}

/// JSON on one line, with spaces after commas and colons.
fn compact(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), compact(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pass_role() -> Value {
        json!({"Effect": "Allow", "Action": ["iam:PassRole", "iam:GetRole"], "Resource": ["arn:aws:iam::123456789012:role/run"],
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}})
    }

    #[test]
    fn a_statement_is_written_as_aws_writes_one() {
        let wide = [
            "{",
            r#"  "Effect": "Allow","#,
            r#"  "Action": ["iam:PassRole", "iam:GetRole"],"#,
            r#"  "Resource": ["arn:aws:iam::123456789012:role/run"],"#,
            r#"  "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}"#,
            "}",
        ];
        assert_eq!(lines(&pass_role(), None), wide);
        let narrow = lines(&pass_role(), Some(44));
        let resource = [r#"  "Resource": ["#, r#"    "arn:aws:iam::123456789012:role/run""#, "  ],"];
        assert_eq!(narrow, [&wide[..3], &resource, &wide[4..]].concat());
        for columns in 0..100 {
            let read: Value = serde_json::from_str(&lines(&pass_role(), Some(columns)).concat()).unwrap();
            assert_eq!(read, pass_role(), "{columns}");
        }
    }

    #[test]
    fn whatever_else_it_is_it_is_written() {
        for value in
            [json!("x"), json!([]), json!({}), json!({"Action": []}), json!({"\n": ["\n"], "Action": null})]
        {
            for columns in [None, Some(0)] {
                let read: Value = serde_json::from_str(&lines(&value, columns).concat()).unwrap();
                assert_eq!(read, value);
            }
        }
    }

    #[test]
    fn a_hint_hands_over_the_statement_that_it_quotes() {
        let hint = format!("add this to a policy: {} (there: {{more}})", pass_role());
        assert_eq!(quoted(&hint), Some(("add this to a policy (there: {more}):".to_owned(), pass_role())));
        for hint in ["", "no: {}", "no: {", "no: {\"Effect\": 1}", "no", ": {\"a\": \"Effect\"}"] {
            assert_eq!(quoted(hint), None, "{hint}");
        }
    }
}
