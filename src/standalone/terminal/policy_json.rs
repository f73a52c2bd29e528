//! Formats a policy statement as JSON, the way AWS does.
//! Never breaks a string, so that IAM accepts what a user copies from the terminal.

use serde_json::Value;

use super::text::width;
use crate::protocol::policy_document::Statement;

/// A hint without the statement that it quotes: `add this (more):` of `add this: {"Action":…} (more)`.
pub(super) fn removed_from(hint: &str, statement: &Statement) -> String {
    match hint.split_once(&format!(": {statement}")) {
        Some((before, after)) => format!("{before}{after}:"),
        None => hint.to_owned(),
    }
}

/// The lines of a statement, one per member. A list that is wider than `columns` gets one line per item.
pub(super) fn lines(statement: &Statement, columns: Option<usize>) -> Vec<String> {
    let Statement { sid, effect, action, resource, condition } = statement;
    let members = [
        ("Sid", sid.clone().map(Value::from)),
        ("Effect", Some(Value::from(effect.clone()))),
        ("Action", Some(Value::from(action.as_slice()))),
        ("Resource", Some(Value::from(resource.as_slice()))),
        ("Condition", condition.clone()),
    ];
    let members: Vec<_> = members.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let mut lines = vec!["{".to_owned()];
    for (number, (key, value)) in members.iter().enumerate() {
        let comma = if number + 1 < members.len() { "," } else { "" };
        let start = format!("  \"{key}\": ");
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

    const ROLE: &str = "arn:aws:iam::123456789012:role/run";

    fn pass_role() -> Statement {
        let actions = ["iam:PassRole", "iam:GetRole"];
        Statement::allow(actions, [ROLE.to_owned()]).only_if("iam:PassedToService", "lambda.amazonaws.com")
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
    }

    #[test]
    fn a_statement_is_read_back_at_any_width() {
        let odd = Statement::allow(["\n", "\""], Vec::new()).named("Odd");
        for statement in [pass_role(), odd, Statement::allow(Vec::<String>::new(), [String::new()])] {
            for columns in (0..100).map(Some).chain([None]) {
                let written = lines(&statement, columns).concat();
                assert_eq!(serde_json::from_str::<Statement>(&written).unwrap(), statement, "{columns:?}");
            }
        }
    }

    #[test]
    fn a_hint_hands_over_the_statement_that_it_quotes() {
        let hint = format!("add this to a policy: {} (there: {{more}})", pass_role());
        assert_eq!(removed_from(&hint, &pass_role()), "add this to a policy (there: {more}):");
        for hint in ["", "no: {}", "no: {", "no: {\"Effect\": 1}", "no", ": {\"a\": \"Effect\"}"] {
            assert_eq!(removed_from(hint, &pass_role()), hint);
        }
    }
}
