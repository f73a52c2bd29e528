//! Evaluates a parsed condition. Never guesses: an unknown value makes the result unknown, unless the result
//! is the same for every value.

use std::collections::BTreeSet;

use super::language::{Expression, Facts, Operand, Undecided};
use super::pattern;

#[derive(Debug, PartialEq)]
enum Value {
    Nothing,
    Truth(bool),
    Text(String),
}

impl Value {
    /// `true` and `false`, in any letter case, are truths.
    fn of(text: &str) -> Self {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("true") || is("false") { Value::Truth(is("true")) } else { Value::Text(text.to_owned()) }
    }

    fn is_true(&self) -> bool {
        !matches!(self, Value::Nothing | Value::Truth(false))
    }

    fn text(&self) -> Option<&str> {
        match self {
            Value::Nothing => None,
            Value::Truth(true) => Some("true"),
            Value::Truth(false) => Some("false"),
            Value::Text(text) => Some(text),
        }
    }
}

pub(super) fn truth(expression: &Expression, facts: &Facts) -> Result<bool, Undecided> {
    Ok(match expression {
        Expression::Any(items) => decide(items, true, facts)?,
        Expression::All(items) => decide(items, false, facts)?,
        Expression::Not(inner) => !truth(inner, facts)?,
        Expression::Truth(operand) => value(operand, facts)?.is_true(),
        Expression::Present(operand) => {
            let value = value(operand, facts)?;
            value.is_true() && value.text() != Some("")
        }
        Expression::Equal { left, right } => value(left, facts)? == value(right, facts)?,
        Expression::In { left, list } => is_in(left, list, facts)?,
        Expression::Match { left, pattern } => {
            let left = value(left, facts)?;
            let pattern = pattern.as_ref().map_or(Ok(Value::Nothing), |pattern| value(pattern, facts))?;
            match pattern {
                Value::Nothing | Value::Truth(false) => false,
                Value::Truth(true) => {
                    return Err(Undecided::Invalid("`true` is not a regular expression".to_owned()));
                }
                Value::Text(pattern) => pattern::matches(&pattern, left.text())?,
            }
        }
    })
}

/// Evaluates items in order until one has the result `decisive`. Later items are not evaluated, so what is
/// invalid in them does no harm.
fn decide(items: &[Expression], decisive: bool, facts: &Facts) -> Result<bool, Undecided> {
    let mut unknown = BTreeSet::new();
    for item in items {
        match truth(item, facts) {
            Ok(result) if result == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(Undecided::Unknown(what)) => unknown.extend(what),
            Err(invalid) if unknown.is_empty() => return Err(invalid),
            // Whether Travis CI evaluates the invalid item depends on what is unknown.
            Err(_) => break,
        }
    }
    if unknown.is_empty() { Ok(!decisive) } else { Err(Undecided::Unknown(unknown)) }
}

fn is_in(left: &Operand, list: &[Operand], facts: &Facts) -> Result<bool, Undecided> {
    if list.is_empty() {
        return Err(Undecided::Invalid("`IN` has no list; write `IN (a, b)`".to_owned()));
    }
    let (mut values, mut unknown) = (Vec::new(), BTreeSet::new());
    for item in list {
        match value(item, facts) {
            Ok(value) => values.push(value),
            Err(Undecided::Unknown(what)) => unknown.extend(what),
            Err(invalid) => return Err(invalid),
        }
    }
    let is_in = values.contains(&value(left, facts)?);
    if is_in || unknown.is_empty() { Ok(is_in) } else { Err(Undecided::Unknown(unknown)) }
}

fn value(operand: &Operand, facts: &Facts) -> Result<Value, Undecided> {
    match operand {
        Operand::Text(text) => Ok(Value::of(text)),
        Operand::Variable(variable) => match facts.variables.get(variable) {
            Some(known) => Ok(known.as_deref().map_or(Value::Nothing, Value::of)),
            None if facts.is_complete => Ok(Value::Nothing),
            None => Err(Undecided::unknown(format!("`{}`", variable.name()))),
        },
        Operand::Concat(arguments) => {
            let mut text = String::new();
            for argument in arguments {
                text.push_str(value(argument, facts)?.text().unwrap_or_default());
            }
            Ok(Value::of(&text))
        }
        Operand::Env(arguments) => env(arguments, facts),
    }
}

fn env(arguments: &[Operand], facts: &Facts) -> Result<Value, Undecided> {
    let [name] = arguments else {
        return Err(Undecided::Invalid("`env` takes the name of one variable".to_owned()));
    };
    let name = match value(name, facts)? {
        Value::Nothing => return Ok(Value::Nothing),
        Value::Truth(_) => return Err(Undecided::Invalid("`env` takes a name, not a truth".to_owned())),
        Value::Text(name) => name,
    };
    match facts.env.get(&name) {
        Some(value) => Ok(Value::of(&without_quotes(value))),
        None if facts.is_complete || name.starts_with("TRAVIS_") => Ok(Value::Nothing),
        None => Err(Undecided::unknown(format!("`env({name})`"))),
    }
}

/// Removes a pair of quotes around each line, as Travis's evaluator does.
fn without_quotes(value: &str) -> String {
    let lines = value.split('\n').map(|line| {
        let inner = |quote: char| line.strip_prefix(quote)?.strip_suffix(quote);
        inner('"').or_else(|| inner('\'')).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}
