//! Compares the plan of a deployment with the approved one. Never has a side effect.

use std::collections::BTreeSet;

use crate::protocol::approved_plan::ApprovedSteps;
use crate::protocol::event::{AliasBasis, Change, FunctionPresence, PlannedStep};
use crate::protocol::json::quoted;

/// Something in which a deployment is not the approved one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanDifference {
    #[error("the conditions are met now, but the plan skips this function")]
    WasSkipped,
    #[error("the plan deploys this function, but its conditions are not met now: {reasons}")]
    IsSkipped {
        /// The reasons, in the words of Travis CI.
        reasons: String,
    },
    #[error("the plan is for the function {planned}, but the stanza is for {now}")]
    Function { planned: String, now: String },
    #[error("the plan is for a function in the AWS account {planned}, but this one is in {now}")]
    Account { planned: String, now: String },
    #[error("the plan is for the region {planned}, but the region is {now}")]
    Region { planned: String, now: String },
    #[error("the function exists, but it did not when the plan was made")]
    Created,
    #[error("the function does not exist, but it did when the plan was made")]
    Deleted,
    #[error("the function was changed after the plan was made: its revision is {now}, and was {planned}")]
    Revision { planned: String, now: String },
    #[error("the code to deploy is not that of the plan: its SHA-256 is {now}, and was {planned}")]
    Code { planned: String, now: String },
    /// An alias was created, deleted or moved.
    #[error("the alias {name} {now}; when the plan was made, it {planned}")]
    Alias { name: String, planned: String, now: String },
    /// An alias points at the same version, but something else of it was changed.
    #[error("the alias {name} was changed after the plan was made")]
    AliasRevision { name: String },
    #[error("the steps are now {now}; in the plan, they are {planned}")]
    Steps { planned: String, now: String },
    #[error("the step `{step}` is not that of the plan: {fields} would change in another way")]
    Step { step: &'static str, fields: String },
    #[error(
        "a response of AWS was lost, and now the function needs other steps than those that are left of the \
         plan"
    )]
    Rest,
}

/// All differences between the approved steps and those of the deployment. Another function differs in
/// everything, so then there is only one.
pub(crate) fn differences(approved: &ApprovedSteps, now: &ApprovedSteps) -> Vec<PlanDifference> {
    let (was, is) = (&approved.basis, &now.basis);
    if was.function_name != is.function_name {
        let (planned, now) = (quoted(&was.function_name), quoted(&is.function_name));
        return vec![PlanDifference::Function { planned, now }];
    }
    let mut found = Vec::new();
    if let Some((planned, now)) = both(was.account_id.as_deref(), is.account_id.as_deref()) {
        found.push(PlanDifference::Account { planned, now });
    }
    if let Some((planned, now)) = both(Some(&was.region), Some(&is.region)) {
        found.push(PlanDifference::Region { planned, now });
    }
    if approved.function != now.function {
        found.push(match now.function {
            FunctionPresence::Exists => PlanDifference::Created,
            FunctionPresence::Absent => PlanDifference::Deleted,
        });
    } else if let Some((planned, now)) = both(was.revision_id.as_deref(), is.revision_id.as_deref()) {
        found.push(PlanDifference::Revision { planned, now });
    }
    if let Some((planned, now)) = both(was.code_sha256.as_deref(), is.code_sha256.as_deref()) {
        found.push(PlanDifference::Code { planned, now });
    }
    found.extend(aliases(&was.aliases, &is.aliases));
    found.extend(steps(&approved.steps, &now.steps));
    found
}

/// Both values for a message. `None`: they are equal.
fn both(planned: Option<&str>, now: Option<&str>) -> Option<(String, String)> {
    let shown = |value: Option<&str>| value.map_or_else(|| "unknown".to_owned(), quoted);
    (planned != now).then(|| (shown(planned), shown(now)))
}

fn aliases(planned: &[AliasBasis], now: &[AliasBasis]) -> Vec<PlanDifference> {
    let names: BTreeSet<&str> = planned.iter().chain(now).map(|alias| alias.name.as_str()).collect();
    let find = |aliases: &[AliasBasis], name: &str| aliases.iter().find(|alias| alias.name == name).cloned();
    let difference = |name: &str| {
        let (was, is) = (find(planned, name), find(now, name));
        let version = |alias: &Option<AliasBasis>| alias.as_ref().map(|alias| quoted(&alias.version));
        let name = quoted(name);
        match (version(&was), version(&is)) {
            _ if was == is => None,
            (planned, now) if planned == now => Some(PlanDifference::AliasRevision { name }),
            (planned, now) => {
                let planned = planned
                    .map_or("did not exist".to_owned(), |version| format!("pointed at version {version}"));
                let now =
                    now.map_or("does not exist".to_owned(), |version| format!("points at version {version}"));
                Some(PlanDifference::Alias { name, planned, now })
            }
        }
    };
    names.into_iter().filter_map(difference).collect()
}

/// The difference in which steps there are, or else those in what the steps change.
fn steps(planned: &[PlannedStep], now: &[PlannedStep]) -> Vec<PlanDifference> {
    let is_same = |(planned, now): (&PlannedStep, &PlannedStep)| planned.step == now.step;
    if planned.len() != now.len() || !planned.iter().zip(now).all(is_same) {
        return vec![PlanDifference::Steps { planned: listed(planned), now: listed(now) }];
    }
    let differing = planned.iter().zip(now).filter(|(planned, now)| planned != now);
    differing
        .map(|(planned, now)| PlanDifference::Step { step: now.step.as_str(), fields: fields(planned, now) })
        .collect()
}

/// How many steps or fields a message names.
const MOST_NAMES: usize = 12;

fn listed(steps: &[PlannedStep]) -> String {
    let names = steps.iter().map(|step| format!("`{}`", step.step.as_str())).collect();
    if steps.is_empty() { "none".to_owned() } else { joined(names) }
}

/// The names of what a step changes in another way, and of what else differs.
fn fields(planned: &PlannedStep, now: &PlannedStep) -> String {
    let only_in = |some: &[Change], others: &[Change]| -> Vec<String> {
        some.iter().filter(|change| !others.contains(change)).map(|change| quoted(&change.field)).collect()
    };
    let mut names = only_in(&planned.changes, &now.changes);
    names.extend(only_in(&now.changes, &planned.changes));
    names.extend((planned.waits_for != now.waits_for).then(|| "`waits_for`".to_owned()));
    names.extend((planned.phase != now.phase).then(|| "`phase`".to_owned()));
    if names.is_empty() {
        // The same changes in another order, or one of them twice.
        names.push("the order of the changes".to_owned());
    }
    joined(names.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// The names in a sentence, of many only the first ones.
fn joined(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let shown = names.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{Phase, PlanBasis, StepName};
    use serde_json::{Value, json};

    fn alias(name: &str, version: &str, revision: &str) -> AliasBasis {
        let revision_id = Some(revision.to_owned());
        AliasBasis { name: name.to_owned(), version: version.to_owned(), revision_id }
    }

    fn step(step: StepName, changes: &[(&str, Value)]) -> PlannedStep {
        let change = |(field, to): &(&str, Value)| Change {
            field: (*field).to_owned(),
            from: Value::Null,
            to: to.clone(),
        };
        PlannedStep { step, changes: changes.iter().map(change).collect(), waits_for: None, phase: None }
    }

    fn approved() -> ApprovedSteps {
        let settings = [("timeout", json!(10)), ("environment.TOKEN", json!("[secure]"))];
        ApprovedSteps {
            function: FunctionPresence::Exists,
            steps: vec![
                step(StepName::UpdateFunctionConfiguration, &settings),
                step(StepName::UpdateFunctionCode, &[("code_sha256", json!("b"))]),
            ],
            basis: PlanBasis {
                function_name: "f".to_owned(),
                account_id: Some("123456789012".to_owned()),
                region: "eu-west-1".to_owned(),
                revision_id: Some("r1".to_owned()),
                code_sha256: Some("b".to_owned()),
                aliases: vec![alias("live", "7", "a1")],
            },
        }
    }

    /// The differences after a change of the approved plan, as texts.
    fn after(change: impl FnOnce(&mut ApprovedSteps)) -> Vec<String> {
        let mut now = approved();
        change(&mut now);
        differences(&approved(), &now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_plan_does_not_differ() {
        assert_eq!(after(|_| ()), [""; 0]);
    }

    #[test]
    fn each_difference_is_named_with_both_values() {
        for (found, expected) in [
            (
                after(|now| {
                    now.basis.function_name = "g".to_owned();
                    now.basis.region = "us-east-1".to_owned();
                }),
                "the plan is for the function `f`, but the stanza is for `g`",
            ),
            (
                after(|now| now.basis.account_id = None),
                "the plan is for a function in the AWS account `123456789012`, but this one is in unknown",
            ),
            (
                after(|now| now.basis.region = "us-east-1".to_owned()),
                "the plan is for the region `eu-west-1`, but the region is `us-east-1`",
            ),
            (
                after(|now| {
                    now.function = FunctionPresence::Absent;
                    now.basis.revision_id = None;
                }),
                "the function does not exist, but it did when the plan was made",
            ),
            (
                after(|now| now.basis.revision_id = Some("r2".to_owned())),
                "the function was changed after the plan was made: its revision is `r2`, and was `r1`",
            ),
            (
                after(|now| now.basis.code_sha256 = Some("c".to_owned())),
                "the code to deploy is not that of the plan: its SHA-256 is `c`, and was `b`",
            ),
            (
                after(|now| now.basis.aliases = vec![alias("live", "8", "a2")]),
                "the alias `live` points at version `8`; when the plan was made, it pointed at version `7`",
            ),
            (
                after(|now| now.basis.aliases.clear()),
                "the alias `live` does not exist; when the plan was made, it pointed at version `7`",
            ),
            (
                after(|now| now.basis.aliases = vec![alias("live", "7", "a2")]),
                "the alias `live` was changed after the plan was made",
            ),
            (
                after(|now| drop(now.steps.pop())),
                "the steps are now `update-function-configuration`; in the plan, they are \
                 `update-function-configuration`, `update-function-code`",
            ),
            (after(|now| now.steps.clear()), "the steps are now none; in the plan, they are"),
            (
                after(|now| now.steps.reverse()),
                "the steps are now `update-function-code`, `update-function-configuration`; in the plan",
            ),
            (
                after(|now| now.steps[0].changes[0].to = json!(20)),
                "the step `update-function-configuration` is not that of the plan: `timeout` would change in \
                 another way",
            ),
            (
                after(|now| drop(now.steps[0].changes.pop())),
                "the step `update-function-configuration` is not that of the plan: `environment.TOKEN` would",
            ),
            (
                after(|now| now.steps[1].phase = Some(Phase::Prepare)),
                "the step `update-function-code` is not",
            ),
            (after(|now| now.steps[0].changes.reverse()), "the step `update-function-configuration` is not"),
        ] {
            assert!(matches!(found.as_slice(), [one] if one.starts_with(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn several_differences_are_all_named_and_a_long_list_is_cut() {
        let found = after(|now| {
            now.basis.revision_id = Some("r2".to_owned());
            now.basis.code_sha256 = Some("c".to_owned());
            now.steps = vec![step(StepName::DeleteFunction, &[]); 20];
        });
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[2].contains("`delete-function` and 8 more; in the plan"), "{found:?}");
    }
}
