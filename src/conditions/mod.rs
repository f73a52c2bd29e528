//! Evaluates the conditions under `on` as Travis CI does. Never emulates bash: only words that bash takes
//! literally are compared here; bash evaluates everything else.

mod bash;
mod expression;
mod lints;
mod verdict;

use std::time::Duration;

pub(crate) use bash::BashError;
pub(crate) use lints::Lint;
pub(crate) use verdict::{ConditionError, Verdict};

use crate::cancel::CancelToken;
use crate::protocol::environment::Environment;
use crate::protocol::event::{Condition, ConditionResult};
use crate::protocol::json::Map;
use bash::Text;
use expression::ConditionGroup;
use verdict::MAX_BASH_BYTES;

/// Options for the evaluation by bash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BashOptions {
    /// Time limit for a condition. Default: one minute.
    pub limit: Duration,
    /// Whether bash also evaluates plain words. The verdict is the same; a test checks that.
    pub always: bool,
}

impl Default for BashOptions {
    fn default() -> Self {
        BashOptions { limit: Duration::from_secs(60), always: false }
    }
}

/// Evaluates the conditions of a stanza as Travis CI does: the pull request first and on its own, then repo,
/// branch, runtimes, conditions and tags. Also returns warnings about conditions with an unexpected effect.
///
/// Starts bash only if a condition needs it, with the job's environment. Returns [`ConditionError`] if Travis
/// CI or bash could not decide either.
pub(crate) fn evaluate(
    stanza: &Map,
    env: &Environment,
    bash_options: BashOptions,
    stop: &CancelToken,
) -> (Result<Verdict, ConditionError>, Vec<Lint>) {
    let pull_request = pull_request(env);
    if !pull_request.met {
        return (Ok(Verdict { checked: vec![pull_request], deploys: false }), Vec::new());
    }
    let on = match expression::on(stanza) {
        Ok(on) => on,
        Err(error) => return (Err(error), Vec::new()),
    };
    let mut lints = lints::find(&on, stanza, env);
    let verdict = expression::groups(&on, stanza, env).and_then(|mut groups| {
        if bash_options.always {
            let elements = groups.iter_mut().flat_map(|group| &mut group.elements);
            elements.for_each(|element| element.decided = None);
        }
        let (deploys, verdicts) = verdicts(&groups, env, bash_options.limit, stop)?;
        let mut checked = vec![pull_request];
        checked.extend(groups.into_iter().zip(verdicts).map(|(group, met)| {
            let got = group.got.unwrap_or_else(|| met.to_string());
            ConditionResult { condition: group.condition, met, want: group.want, got }
        }));
        Ok(Verdict { checked, deploys })
    });
    lints.extend(verdict.iter().find_map(|verdict| lints::in_tag_build(&on, verdict, env)));
    (verdict, lints)
}

/// Whether the build is a pull request, which is never deployed.
pub(crate) fn is_pull_request(env: &Environment) -> bool {
    !pull_request(env).met
}

/// The build is a pull request if `TRAVIS_PULL_REQUEST` is set, not empty, and not `false`.
fn pull_request(env: &Environment) -> ConditionResult {
    let value = env.expand("TRAVIS_PULL_REQUEST");
    let met = value.is_empty() || value == "false";
    let got = if met { "false".to_owned() } else { value.into_owned() };
    ConditionResult { condition: Condition::PullRequest, met, want: "false".to_owned(), got }
}

/// The verdict on all groups together, and the verdict on each group.
fn verdicts(
    groups: &[ConditionGroup],
    env: &Environment,
    limit: Duration,
    stop: &CancelToken,
) -> Result<(bool, Vec<bool>), ConditionError> {
    let decided: Vec<Option<bool>> = groups.iter().map(ConditionGroup::decided).collect();
    if let Some(verdicts) = decided.iter().copied().collect::<Option<Vec<bool>>>() {
        return Ok((verdicts.iter().all(|met| *met), verdicts));
    }
    let elements = || groups.iter().flat_map(|group| &group.elements);
    let bytes = elements().map(|element| element.text.len()).sum();
    if let Some(longest) = elements().max_by_key(|element| element.text.len())
        && bytes > MAX_BASH_BYTES
    {
        return Err(ConditionError::TooLong { at: longest.at.clone(), bytes });
    }
    // Travis CI puts all groups into one text, which bash parses as a whole: an invalid element makes the
    // stanza invalid, even if another group is not met. To report why it skips, Travis CI negates each group
    // in the same text.
    let whole = Text {
        expression: expression::joined(elements()),
        parse_only: groups.iter().map(|group| expression::negated(&group.elements)).collect(),
    };
    let run_bash = |texts: &[Text]| bash::evaluate(texts, env, limit, stop).map_err(ConditionError::Bash);
    let answer = run_bash(std::slice::from_ref(&whole))?;
    match answer.verdicts.as_slice() {
        [Some(true)] => return Ok((true, vec![true; groups.len()])),
        [Some(false)] => {}
        _ => return Err(find_invalid(groups, &whole, answer.error_text, &run_bash)),
    }
    // If all other groups are met, the only group that needs bash is the one that is not met.
    let open = decided.iter().filter(|verdict| verdict.is_none()).count();
    if open == 1 && !decided.contains(&Some(false)) {
        return Ok((false, decided.into_iter().map(|verdict| verdict.unwrap_or(false)).collect()));
    }
    let undecided: Vec<Text> = groups
        .iter()
        .filter(|group| group.decided().is_none())
        .map(|group| Text { expression: expression::joined(&group.elements), parse_only: Vec::new() })
        .collect();
    let answers = run_bash(&undecided)?;
    let mut parts = answers.verdicts.into_iter();
    let verdicts: Option<Vec<bool>> =
        decided.into_iter().map(|verdict| verdict.or_else(|| parts.next().flatten())).collect();
    match verdicts {
        Some(verdicts) => Ok((false, verdicts)),
        // bash stops at an element that it did not reach in the whole text, such as `${A:?}` after a branch
        // that is not met.
        None => Err(find_invalid(groups, &whole, answers.error_text, &run_bash)),
    }
}

/// Finds the element that bash cannot evaluate, by passing each one to bash separately.
fn find_invalid(
    groups: &[ConditionGroup],
    whole: &Text,
    error_text: String,
    run_bash: &dyn Fn(&[Text]) -> Result<bash::BashOutput, ConditionError>,
) -> ConditionError {
    for element in groups.iter().flat_map(|group| &group.elements).filter(|element| element.decided.is_none())
    {
        match run_bash(&[Text { expression: expression::joined([element]), parse_only: Vec::new() }]) {
            Ok(bash::BashOutput { verdicts, error_text }) if verdicts == [None] => {
                return ConditionError::BadCondition {
                    at: element.at.clone(),
                    text: element.text.clone(),
                    error_text,
                };
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    ConditionError::BadCondition { at: "/on".to_owned(), text: whole.expression.clone(), error_text }
}

#[cfg(test)]
mod tests;
