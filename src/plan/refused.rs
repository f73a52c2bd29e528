//! Finds what AWS will refuse of a deployment, as far as the live function decides that. Never changes a
//! plan, because AWS decides.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Plan, WriteCall};
use crate::function::{DesiredFunction, LiveFunction, Setting};
use crate::protocol::limits::too_long_description;
use crate::protocol::secret::Secret;

/// The list of the VPC configuration that the function would have without the other one, and the other one.
/// `None`: it would have both or neither, or the stanza names neither.
pub(crate) fn half_vpc(
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
) -> Option<(&'static str, &'static str)> {
    let lists = [Setting::SubnetIds(BTreeSet::new()), Setting::SecurityGroupIds(BTreeSet::new())];
    let named = |list: &Setting| desired.settings.iter().find(|setting| setting.is_kind_of(list));
    let is_empty = |list: &Setting| match (named(list), live) {
        (Some(named), _) => Some(named.is_empty()),
        (None, Some(live)) => live.setting(list).map(Setting::is_empty),
        (None, None) => Some(true),
    };
    let [subnets, groups] = lists.each_ref().map(is_empty);
    let is_named = lists.iter().any(|list| named(list).is_some());
    match (subnets?, groups?) {
        (false, true) if is_named => Some(("subnet_ids", "security_group_ids")),
        (true, false) if is_named => Some(("security_group_ids", "subnet_ids")),
        _ => None,
    }
}

/// The variables of the stanza together with live ones that it keeps. `None`: it keeps none.
pub(crate) fn merged_variables(
    desired: &DesiredFunction,
    live: Option<&LiveFunction>,
) -> Option<BTreeMap<String, Secret>> {
    let any = Setting::Environment(BTreeMap::new());
    let own = desired.settings.iter().find(|setting| setting.is_kind_of(&any))?;
    match (live?.setting(&any)?, own) {
        (Setting::Environment(kept), Setting::Environment(own)) if desired.merges_environment => {
            Some(kept.iter().chain(own).map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => None,
    }
}

/// The number of characters of a new version's description, if the plan has to cut it.
pub(crate) fn cut_version_description(desired: &DesiredFunction, plan: &Plan) -> Option<usize> {
    let is_described = |action: &Action| {
        matches!(action, Action::Write(WriteCall::PublishVersion { description: Some(_), .. }))
    };
    let description = desired.release.description.as_deref()?;
    let publishes = plan.steps.iter().any(|step| is_described(&step.action));
    too_long_description(description).filter(|_| publishes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::{code, desired, live, pairs};

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn subnets_and_groups_go_together_with_the_live_ones() {
        let (subnets, groups) =
            (Setting::SubnetIds(ids(&["subnet-1"])), Setting::SecurityGroupIds(ids(&["sg-1"])));
        let no_subnets = Setting::SubnetIds(BTreeSet::new());
        let live = live();
        let mut outside = live.clone();
        outside.settings.retain(|setting| !setting.is_kind_of(&subnets) && !setting.is_kind_of(&groups));
        outside.settings.extend([no_subnets.clone(), Setting::SecurityGroupIds(BTreeSet::new())]);
        let mut unreadable = live.clone();
        unreadable.settings.clear();
        let (lacks_groups, lacks_subnets) =
            (Some(("subnet_ids", "security_group_ids")), Some(("security_group_ids", "subnet_ids")));
        for (settings, live, expected) in [
            (vec![subnets.clone()], None, lacks_groups),
            (vec![groups.clone()], None, lacks_subnets),
            (vec![subnets.clone(), groups.clone()], None, None),
            (vec![], None, None),
            (vec![subnets.clone()], Some(&outside), lacks_groups),
            (vec![subnets.clone()], Some(&live), None),
            (vec![no_subnets], Some(&live), lacks_subnets),
            (vec![subnets], Some(&unreadable), None),
        ] {
            assert_eq!(half_vpc(&desired(settings.clone()), live), expected, "{settings:?}");
        }
    }

    #[test]
    fn live_variables_count_if_they_are_kept() {
        let mut desired = desired(vec![Setting::Environment(pairs([("B", "3"), ("C", "4")]))]);
        assert_eq!(merged_variables(&desired, Some(&live())), None);
        desired.merges_environment = true;
        let all = pairs([("A", "1"), ("B", "3"), ("C", "4")]);
        assert_eq!(merged_variables(&desired, Some(&live())), Some(all));
        assert_eq!(merged_variables(&desired, None), None);
    }

    #[test]
    fn a_long_description_is_cut_only_for_a_new_version() {
        let mut desired = desired(vec![Setting::Timeout(9)]);
        desired.release.description = Some("x".repeat(300));
        let of = |desired: &DesiredFunction| {
            let plan = plan(desired, &code("live"), Some(&live())).expect("a plan");
            cut_version_description(desired, &plan)
        };
        assert_eq!(of(&desired), None);
        desired.release.publish = true;
        assert_eq!(of(&desired), Some(300));
        desired.release.description = Some("x".repeat(256));
        assert_eq!(of(&desired), None);
    }
}
