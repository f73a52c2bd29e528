//! Divides the steps of a plan among the phases of a release. Never changes a step or the order of the steps.

use std::ops::Range;

use super::{Action, Step, WriteCall};
use crate::protocol::event::Phase;

/// The phases of a release, as positions in the steps of a plan. The ranges follow each other without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phases {
    /// What no caller of an alias notices. Without an alias: only uploads to a bucket, and new versions of
    /// layers.
    pub prepare: Range<usize>,
    /// The shifts of traffic.
    pub rounds: Vec<ShiftRound>,
    /// The moves of the aliases. Without an alias: all changes of the function.
    pub moves: Range<usize>,
    /// What is done once the function is live.
    pub after: Range<usize>,
}

/// One share of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShiftRound {
    /// The shifts of all aliases, after removals of provisioned concurrency.
    pub shifts: Range<usize>,
    /// The wait with this share, and the verification after it.
    pub hold: Range<usize>,
}

impl Phases {
    pub(crate) fn of_step(&self, index: usize) -> Phase {
        if index < self.prepare.end {
            Phase::Prepare
        } else if index < self.after.start {
            Phase::GoLive
        } else {
            Phase::CleanUp
        }
    }
}

/// Divides `steps`. `has_alias`: the stanza has an alias, so that the function can be prepared without an
/// effect for its callers.
pub(crate) fn phases(steps: &[Step], has_alias: bool) -> Phases {
    let all = steps.len();
    if !has_alias {
        let prepared = count(steps, 0, is_before_the_function);
        let updated = prepared + count(steps, prepared, |step| !is_deletion(step));
        return Phases {
            prepare: 0..prepared,
            rounds: Vec::new(),
            moves: prepared..updated,
            after: updated..all,
        };
    }
    let first_move = (0..all).find(|index| is_shift(&steps[*index]) || is_move(steps, *index));
    let Some(first_move) = first_move else {
        // Nothing goes live. The function itself is still updated before anything else.
        let prepared = steps.iter().rposition(|step| is_preparation(&step.action)).map_or(0, |last| last + 1);
        return Phases {
            prepare: 0..prepared,
            rounds: Vec::new(),
            moves: prepared..prepared,
            after: prepared..all,
        };
    };
    // Provisioned concurrency is removed directly before an alias moves.
    let removals = steps[..first_move].iter().rev().take_while(|step| is_removal(step)).count();
    let start = first_move - removals;
    let mut at = start;
    let mut rounds = Vec::new();
    loop {
        let removed = at + count(steps, at, is_removal);
        let shifted = removed + count(steps, removed, is_shift);
        if shifted == removed {
            break;
        }
        let mut held = shifted;
        while held < all && !is_shift(&steps[held]) && !is_removal(&steps[held]) && !is_move(steps, held) {
            held += 1;
        }
        rounds.push(ShiftRound { shifts: at..shifted, hold: shifted..held });
        at = held;
    }
    let mut moved = at;
    while moved < all && (is_removal(&steps[moved]) || is_move(steps, moved)) {
        moved += 1;
    }
    // A removal behind the last move belongs to what is done afterwards.
    while moved > at && is_removal(&steps[moved - 1]) {
        moved -= 1;
    }
    Phases { prepare: 0..start, rounds, moves: at..moved, after: moved..all }
}

/// The aliases that `steps` move to another version or create, in this order.
pub(crate) fn moved_aliases(steps: &[Step]) -> Vec<&str> {
    let moved = steps.iter().filter_map(|step| match &step.action {
        Action::Write(WriteCall::CreateAlias { alias, .. }) => Some(alias.as_str()),
        Action::Write(WriteCall::UpdateAlias { alias, .. }) => {
            let field = format!("alias.{alias}");
            step.changes.iter().any(|change| change.field == field).then_some(alias.as_str())
        }
        _ => None,
    });
    moved.collect()
}

/// How many steps from `start` on are of a kind.
fn count(steps: &[Step], start: usize, is_kind: impl Fn(&Step) -> bool) -> usize {
    steps[start..].iter().take_while(|step| is_kind(step)).count()
}

pub(super) fn is_shift(step: &Step) -> bool {
    matches!(step.action, Action::Write(WriteCall::ShiftTraffic { .. }))
}

pub(super) fn is_removal(step: &Step) -> bool {
    matches!(step.action, Action::Write(WriteCall::DeleteProvisionedConcurrencyConfig { .. }))
}

fn is_deletion(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Write(WriteCall::DeleteVersion { .. } | WriteCall::DeleteLayerVersion { .. })
    )
}

/// True for a step that makes what the function will use, and does not change the function.
fn is_before_the_function(step: &Step) -> bool {
    matches!(step.action, Action::UploadPackage { .. } | Action::Write(WriteCall::PublishLayerVersion { .. }))
}

/// True for a step with which an alias goes live. An update of an alias that a later step shifts or moves
/// only ends an older shift.
fn is_move(steps: &[Step], index: usize) -> bool {
    match &steps[index].action {
        Action::Write(
            WriteCall::CreateAlias { .. }
            | WriteCall::CreateDeployment { .. }
            | WriteCall::StopDeployment { .. },
        ) => true,
        Action::Write(WriteCall::UpdateAlias { alias, .. }) => {
            !steps[index + 1..].iter().any(|later| concerns(later, alias))
        }
        _ => false,
    }
}

/// True for a step that shifts or moves `name`.
fn concerns(step: &Step, name: &str) -> bool {
    match &step.action {
        Action::Write(WriteCall::UpdateAlias { alias, .. } | WriteCall::ShiftTraffic { alias, .. }) => {
            alias == name
        }
        _ => false,
    }
}

/// True for a step that makes the new version, or is needed for that.
fn is_preparation(action: &Action) -> bool {
    match action {
        Action::UploadPackage { .. } | Action::Verify => true,
        Action::Write(call) => matches!(
            call,
            WriteCall::CreateFunction { .. }
                | WriteCall::PutFunctionCodeSigningConfig { .. }
                | WriteCall::DeleteFunctionCodeSigningConfig
                | WriteCall::UpdateFunctionConfiguration { .. }
                | WriteCall::UpdateFunctionCode { .. }
                | WriteCall::PutRuntimeManagementConfig { .. }
                | WriteCall::PublishLayerVersion { .. }
                | WriteCall::PublishVersion { .. }
        ),
        Action::Wait { .. } | Action::WaitForProvisioned { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_source::{BuiltLayer, Delivery, Object};
    use crate::function::AliasHistory;
    use crate::package::Archive;
    use crate::protocol::event::Change;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    fn step(word: &str) -> Step {
        let (kind, name) = word.split_once(':').unwrap_or((word, "live"));
        let alias = name.to_owned();
        let archive = || Arc::new(Archive::empty());
        let call = match kind {
            "upload" => {
                let object = Object { bucket: "b".to_owned(), key: "k".to_owned(), version: None };
                let action = Action::UploadPackage { object, archive: archive() };
                return Step { action, changes: Vec::new() };
            }
            "verify" => return Step { action: Action::Verify, changes: Vec::new() },
            "wait" => {
                let action = Action::Wait { interval: Duration::from_secs(1) };
                return Step { action, changes: Vec::new() };
            }
            "create" => WriteCall::CreateFunction {
                settings: Vec::new(),
                tags: BTreeMap::new(),
                delivery: Delivery::Call(archive()),
            },
            "sign" => WriteCall::DeleteFunctionCodeSigningConfig,
            "configure" => WriteCall::UpdateFunctionConfiguration { settings: Vec::new() },
            "code" => {
                WriteCall::UpdateFunctionCode { settings: Vec::new(), delivery: Delivery::Call(archive()) }
            }
            "layer" => {
                WriteCall::PublishLayerVersion { layer: Box::new(BuiltLayer::of_test(&[], false, None)) }
            }
            "publish" => WriteCall::PublishVersion { description: None, to_latest: false },
            "reserve" => WriteCall::PutFunctionConcurrency { executions: 1 },
            "add" => WriteCall::CreateAlias { alias, history: AliasHistory::new() },
            "describe" => WriteCall::DescribeAlias { alias, text: String::new() },
            "runtime" => WriteCall::PutRuntimeManagementConfig { mode: "Auto".to_owned() },
            "move" => WriteCall::UpdateAlias { alias, version: None, history: None, provisions: false },
            "shift" => WriteCall::ShiftTraffic {
                alias,
                from: "1".to_owned(),
                percent: 10,
                history: AliasHistory::new(),
            },
            "provision" => WriteCall::PutProvisionedConcurrencyConfig { alias, executions: 1 },
            "remove" => WriteCall::DeleteProvisionedConcurrencyConfig { alias },
            "tag" => WriteCall::TagResource { tags: BTreeMap::new() },
            "delete" => WriteCall::DeleteVersion { version: "1".to_owned() },
            "prune" => WriteCall::DeleteLayerVersion { layer: "deps".to_owned(), version: 1 },
            other => panic!("no step is called {other}"),
        };
        Step::write(call, Vec::new())
    }

    /// The phases of the steps, as they are written in the tables: `prepare | shifts / hold | moves | after`.
    fn divided(text: &str, has_alias: bool) -> String {
        let words: Vec<&str> = text.split_whitespace().filter(|word| !["|", "/"].contains(word)).collect();
        let steps: Vec<Step> = words.iter().map(|word| step(word)).collect();
        let phases = phases(&steps, has_alias);
        for index in 0..steps.len() {
            let in_go_live = index >= phases.prepare.end && index < phases.after.start;
            let expected = match (phases.prepare.contains(&index), in_go_live) {
                (true, _) => Phase::Prepare,
                (false, true) => Phase::GoLive,
                (false, false) => Phase::CleanUp,
            };
            assert_eq!(phases.of_step(index), expected, "{text}: {index}");
        }
        let shown = |range: &Range<usize>| words[range.clone()].join(" ");
        let mut parts = vec![shown(&phases.prepare)];
        parts.extend(
            phases.rounds.iter().map(|round| format!("{} / {}", shown(&round.shifts), shown(&round.hold))),
        );
        parts.extend([shown(&phases.moves), shown(&phases.after)]);
        parts.join(" | ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_step_that_callers_of_an_alias_notice_is_prepared() {
        for plan in [
            "| |",
            "create publish verify | add | tag",
            "upload create publish | add:a add:b |",
            "sign configure code publish verify | move | tag reserve delete delete",
            "upload layer configure publish verify | move | delete prune",
            "configure publish | move |",
            "| move |",
            "| move:a add:b |",
            "move code publish verify | move | tag",
            "move:a code publish verify reserve | move:a move:b |",
            "code publish verify | shift / wait verify | shift / wait verify | move | delete",
            "code publish | shift:a shift:b / wait | move:a move:b |",
            "move code publish verify | shift / wait verify | move |",
            "code publish verify | remove shift / wait verify | move |",
            "code publish verify | remove move | provision",
            "code publish verify | move add:b | provision provision:b tag",
            "| shift / wait verify | move |",
            "code runtime publish verify | move | describe:b tag",
        ] {
            assert_eq!(divided(plan, true), plan.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    #[test]
    fn without_a_move_only_the_new_version_is_prepared() {
        for plan in [
            "code publish | | tag",
            "runtime | | describe",
            "| | tag reserve",
            "| | tag remove delete",
            "layer sign code | |",
        ] {
            assert_eq!(divided(plan, true), plan);
        }
    }

    #[test]
    fn an_update_that_only_ends_a_shift_moves_no_alias() {
        let change = |field: &str| Change { field: field.to_owned(), from: Value::Null, to: Value::Null };
        let mut steps = ["move:a", "move:b", "add:c", "shift:d", "tag"].map(step);
        steps[0].changes.push(change("alias.a.weights"));
        steps[1].changes.extend([change("alias.b"), change("alias.b.weights")]);
        assert_eq!(moved_aliases(&steps), ["b", "c"]);
    }

    #[test]
    fn a_function_without_an_alias_is_changed_as_a_whole() {
        for plan in [
            "| |",
            "upload | create publish verify tag |",
            "| configure code verify | delete delete",
            "upload | code publish reserve verify | delete",
            "upload upload layer | configure code | prune",
        ] {
            assert_eq!(divided(plan, false), plan);
        }
    }
}
