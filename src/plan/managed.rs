//! Plans what only functions on Lambda Managed Instances have: the version `$LATEST.PUBLISHED`, and the
//! scaling of a version. Never lets a plan begin that AWS would refuse half-way.

use serde_json::{Value, json};

use super::{PlanError, Step, WriteCall};
use crate::function::{LATEST_PUBLISHED, LiveFunction, Release, Setting};
use crate::protocol::event::Change;
use crate::protocol::structures::Scaling;

/// True if the function runs on Managed Instances, or will when it has been created. `settings` are those
/// that the stanza wants.
pub(super) fn is_managed(settings: &[Setting], live: Option<&LiveFunction>) -> bool {
    let has_provider =
        |setting: &Setting| matches!(setting, Setting::CapacityProviderArn(arn) if !arn.is_empty());
    live.map_or_else(|| settings.iter().any(has_provider), |live| live.is_managed)
}

/// Fails if the stanza wants something that only a function on Managed Instances has.
pub(super) fn check(
    release: &Release,
    settings: &[Setting],
    live: Option<&LiveFunction>,
) -> Result<(), PlanError> {
    let keys = [(release.publishes_latest, "publish_to"), (release.scaling.is_some(), "scaling")];
    match keys.into_iter().find(|(is_named, _)| *is_named) {
        Some((_, key)) if !is_managed(settings, live) => {
            Err(PlanError::NeedsManagedInstances { key, exists: live.is_some() })
        }
        _ => Ok(()),
    }
}

/// The step that publishes `$LATEST.PUBLISHED`. `None`: it has the function's code and settings. Without it,
/// an update is not live: callers without a version get `$LATEST.PUBLISHED`. `changes`: the update changes
/// code or settings.
pub(super) fn publish_latest(live: Option<&LiveFunction>, changes: bool) -> Option<Step> {
    let is_published = !changes && live.is_some_and(LiveFunction::is_latest_published);
    let call = WriteCall::PublishVersion { description: None, to_latest: true };
    let change = Change { field: "version".to_owned(), from: Value::Null, to: json!(LATEST_PUBLISHED) };
    (!is_published).then(|| Step::write(call, vec![change]))
}

/// The step that scales the version that goes live. `is_new`: a step before this one publishes the version.
/// AWS does not document whether `$LATEST.PUBLISHED` keeps its scaling then, so the step is not left out.
/// `None`: the version has the scaling, or the stanza does not set it.
pub(super) fn scaling(
    release: &Release,
    live: Option<&LiveFunction>,
    is_new: bool,
) -> Result<Option<Step>, PlanError> {
    let Some(desired) = release.scaling else { return Ok(None) };
    let current = live.and_then(|live| live.scaling).unwrap_or_default();
    let (is_reset, wanted) = (desired == Scaling::default(), desired.or(current));
    let is_needed = if is_reset { current != desired } else { is_new || wanted != current };
    // AWS may reset a member that is left out.
    let scaling = if is_reset { desired } else { wanted };
    if let (Some(min), Some(max)) = (scaling.min_execution_environments, scaling.max_execution_environments)
        && min > max
    {
        let names_min = desired.min_execution_environments.is_some();
        return Err(PlanError::ScalingOrder { min, max, names_min });
    }
    let version = release.aliases.is_empty().then(|| LATEST_PUBLISHED.to_owned());
    let changes = [
        change("min_execution_environments", current, scaling, |of| of.min_execution_environments),
        change("max_execution_environments", current, scaling, |of| of.max_execution_environments),
    ];
    let call = WriteCall::PutFunctionScalingConfig { version, scaling };
    Ok(is_needed.then(|| Step::write(call, changes.into_iter().flatten().collect())))
}

/// The change of one member. `None`: it stays.
fn change(member: &str, from: Scaling, to: Scaling, of: fn(Scaling) -> Option<i32>) -> Option<Change> {
    let field = format!("scaling.{member}");
    (of(from) != of(to)).then(|| Change { field, from: json!(of(from)), to: json!(of(to)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    fn scaled(min: Option<i32>, max: Option<i32>) -> Scaling {
        Scaling { min_execution_environments: min, max_execution_environments: max }
    }

    #[test]
    fn a_scaling_step_sends_both_numbers_and_shows_what_differs() {
        let none = Scaling::default();
        for (desired, current, is_new, sent, shown) in [
            (scaled(Some(3), Some(9)), none, true, Some(scaled(Some(3), Some(9))), 2),
            (scaled(Some(3), None), scaled(Some(1), Some(9)), false, Some(scaled(Some(3), Some(9))), 1),
            (scaled(Some(3), None), scaled(Some(3), Some(9)), false, None, 0),
            // A new publication may begin with AWS's scaling.
            (scaled(Some(3), None), scaled(Some(3), Some(9)), true, Some(scaled(Some(3), Some(9))), 0),
            (none, scaled(Some(3), Some(9)), false, Some(none), 2),
            (none, none, true, None, 0),
        ] {
            let release = Release { scaling: Some(desired), ..Release::default() };
            let live = LiveFunction { scaling: Some(current), ..LiveFunction::default() };
            let step = scaling(&release, Some(&live), is_new).expect("the numbers fit");
            let expected = sent.map(|scaling| {
                let version = Some(LATEST_PUBLISHED.to_owned());
                Action::Write(WriteCall::PutFunctionScalingConfig { version, scaling })
            });
            let changes = step.as_ref().map_or(0, |step| step.changes.len());
            assert_eq!((step.map(|step| step.action), changes), (expected, shown), "{desired:?} {current:?}");
        }
        assert!(scaling(&Release::default(), None, true).is_ok_and(|step| step.is_none()));
    }

    #[test]
    fn a_number_that_does_not_fit_the_live_one_is_refused() {
        let live = LiveFunction { scaling: Some(scaled(Some(3), Some(9))), ..LiveFunction::default() };
        for (desired, (min, max, names_min)) in
            [(scaled(Some(10), None), (10, 9, true)), (scaled(None, Some(2)), (3, 2, false))]
        {
            let release = Release { scaling: Some(desired), ..Release::default() };
            let refused = scaling(&release, Some(&live), false).err();
            assert_eq!(refused, Some(PlanError::ScalingOrder { min, max, names_min }), "{desired:?}");
        }
    }

    #[test]
    fn only_functions_on_managed_instances_scale_and_have_a_latest_publication() {
        let provider = [Setting::CapacityProviderArn("arn".to_owned())];
        let (plain, managed) =
            (LiveFunction::default(), LiveFunction { is_managed: true, ..LiveFunction::default() });
        let refused = |key, exists| Err(PlanError::NeedsManagedInstances { key, exists });
        let latest = Release { publishes_latest: true, ..Release::default() };
        let scaled = Release { scaling: Some(Scaling::default()), ..Release::default() };
        for (release, settings, live, expected) in [
            (&latest, &[][..], None, refused("publish_to", false)),
            (&scaled, &[], None, refused("scaling", false)),
            (&scaled, &[], Some(&plain), refused("scaling", true)),
            (&latest, &provider[..], None, Ok(())),
            (&scaled, &[], Some(&managed), Ok(())),
            (&Release::default(), &[], Some(&plain), Ok(())),
        ] {
            assert_eq!(check(release, settings, live), expected, "{release:?}");
        }
    }
}
