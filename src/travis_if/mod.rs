//! Evaluates the condition language of Travis CI's `if`, version 1: for a build, a stage or a job. Pure.
//!
//! The rules were read in the source of Travis's own evaluator, with its quirks, and are compared with its
//! verdicts (`travis-if.jsonl` beside the differential test). A person does not know everything that Travis
//! CI knows, such as who has pushed. A result that depends on an unknown value is [`Verdict::Unknown`], never
//! a guess.

mod evaluation;
mod language;
mod parser;
mod pattern;

use std::collections::BTreeSet;

pub use self::language::Facts;
pub(crate) use self::language::InvalidCondition;
use self::language::Undecided;
pub use self::language::Variable;
pub use self::language::Verdict;

/// Evaluates a condition.
///
/// # Errors
/// [`InvalidCondition`]: Travis CI cannot evaluate the condition either, and makes no build.
pub fn evaluate(condition: &str, facts: &Facts) -> Result<Verdict, InvalidCondition> {
    match evaluation::truth(&parser::parse(condition)?, facts) {
        Ok(true) => Ok(Verdict::Met),
        Ok(false) => Ok(Verdict::NotMet),
        Err(Undecided::Unknown(what)) => Ok(Verdict::Unknown { what }),
        Err(Undecided::Invalid(problem)) => Err(InvalidCondition { position: None, problem }),
    }
}

/// Whether a list of branches, such as `branches.only`, contains a branch. Text between slashes is a regular
/// expression.
///
/// # Errors
/// [`InvalidCondition`]: Travis CI cannot evaluate a regular expression either.
pub(crate) fn is_listed(list: &[String], branch: &str) -> Result<Verdict, InvalidCondition> {
    let mut unknown = BTreeSet::new();
    for entry in list {
        let found = match entry.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(pattern) => pattern::matches(pattern, Some(branch)),
            None => Ok(entry == branch),
        };
        match found {
            Ok(true) => return Ok(Verdict::Met),
            Ok(false) => {}
            Err(Undecided::Unknown(what)) => unknown.extend(what),
            Err(Undecided::Invalid(problem)) => return Err(InvalidCondition { position: None, problem }),
        }
    }
    Ok(if unknown.is_empty() { Verdict::NotMet } else { Verdict::Unknown { what: unknown } })
}

#[cfg(test)]
mod tests;
