//! Plans the steps from the live configuration of asynchronous invocations to the desired one. Never drops a
//! member that the stanza does not name: PutFunctionEventInvokeConfig replaces all members, so those are sent
//! with their live values.

use serde_json::{Value, json};

use super::{Step, WriteCall};
use crate::function::{DesiredFunction, LiveFunction};
use crate::protocol::event::Change;
use crate::protocol::structures::EventInvokeConfig;

/// What Lambda does without a configuration: the number of retries, and the age of events in seconds.
const RETRIES_AND_AGE: (i32, i32) = (2, 21_600);

/// The steps for `event_invoke_config` of the stanza: one for each alias, or one for the function itself.
pub(super) fn steps(desired: &DesiredFunction, live: Option<&LiveFunction>) -> Vec<Step> {
    let Some(config) = &desired.event_invoke else { return Vec::new() };
    let step_for = |alias: Option<String>| {
        let live = live.and_then(|live| live.event_invoke.get(&alias));
        step(config, live, alias)
    };
    desired.event_invoke_targets().into_iter().filter_map(step_for).collect()
}

/// The step for one alias, or for the function itself. `None`: nothing differs.
fn step(
    desired: &EventInvokeConfig,
    live: Option<&EventInvokeConfig>,
    alias: Option<String>,
) -> Option<Step> {
    let none = EventInvokeConfig::default();
    let live = live.unwrap_or(&none);
    let config = if *desired == none { none.clone() } else { completed(desired, live) };
    let changes = differences(live, &config, alias.as_deref());
    if changes.is_empty() {
        return None;
    }
    // AWS refuses a configuration without members.
    let call = match config == none {
        true => WriteCall::DeleteFunctionEventInvokeConfig { alias },
        false => WriteCall::PutFunctionEventInvokeConfig { config, alias },
    };
    Some(Step::write(call, changes))
}

/// Completes the stanza's configuration with live values. An empty destination removes the live one.
fn completed(desired: &EventInvokeConfig, live: &EventInvokeConfig) -> EventInvokeConfig {
    let destination = |desired: &Option<String>, live: &Option<String>| {
        desired.as_ref().or(live.as_ref()).filter(|arn| !arn.is_empty()).cloned()
    };
    EventInvokeConfig {
        maximum_retry_attempts: desired.maximum_retry_attempts.or(live.maximum_retry_attempts),
        maximum_event_age: desired.maximum_event_age.or(live.maximum_event_age),
        on_success: destination(&desired.on_success, &live.on_success),
        on_failure: destination(&desired.on_failure, &live.on_failure),
    }
}

/// The members that differ. A member that is missing is equal to AWS's default.
fn differences(live: &EventInvokeConfig, config: &EventInvokeConfig, alias: Option<&str>) -> Vec<Change> {
    let (retries, age) = RETRIES_AND_AGE;
    let number = |live: Option<i32>, config: Option<i32>, default: i32| {
        (live.unwrap_or(default) != config.unwrap_or(default)).then(|| (json!(live), json!(config)))
    };
    let text = |live: &Option<String>, config: &Option<String>| {
        (live != config).then(|| (json!(live), json!(config)))
    };
    let members: [(&str, Option<(Value, Value)>); 4] = [
        (
            "maximum_retry_attempts",
            number(live.maximum_retry_attempts, config.maximum_retry_attempts, retries),
        ),
        ("maximum_event_age", number(live.maximum_event_age, config.maximum_event_age, age)),
        ("on_success", text(&live.on_success, &config.on_success)),
        ("on_failure", text(&live.on_failure, &config.on_failure)),
    ];
    let alias = alias.map(|alias| format!("{alias}.")).unwrap_or_default();
    let change = |(member, difference): (&str, Option<(Value, Value)>)| {
        let (from, to) = difference?;
        Some(Change { field: format!("event_invoke_config.{alias}{member}"), from, to })
    };
    members.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{desired, live};

    fn config(retries: Option<i32>, age: Option<i32>, failure: Option<&str>) -> EventInvokeConfig {
        EventInvokeConfig {
            maximum_retry_attempts: retries,
            maximum_event_age: age,
            on_success: None,
            on_failure: failure.map(str::to_owned),
        }
    }

    /// The calls for a stanza with this configuration and these aliases, and the fields that change.
    fn planned(
        wanted: EventInvokeConfig,
        aliases: &[&str],
        found: &[(Option<&str>, EventInvokeConfig)],
    ) -> (Vec<WriteCall>, Vec<String>) {
        let mut desired = desired(Vec::new());
        desired.event_invoke = Some(wanted);
        desired.release.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let found = found.iter().map(|(alias, config)| (alias.map(str::to_owned), config.clone()));
        let live = LiveFunction { event_invoke: found.collect(), ..live() };
        let steps = steps(&desired, Some(&live));
        let fields = steps.iter().flat_map(|step| &step.changes).map(|change| change.field.clone()).collect();
        let call = |step: Step| match step.action {
            crate::plan::Action::Write(call) => call,
            other => panic!("{other:?}"),
        };
        (steps.into_iter().map(call).collect(), fields)
    }

    fn put(config: EventInvokeConfig, alias: Option<&str>) -> WriteCall {
        WriteCall::PutFunctionEventInvokeConfig { config, alias: alias.map(str::to_owned) }
    }

    #[test]
    fn members_that_the_stanza_does_not_name_are_sent_with_their_live_values() {
        let found = [(None, config(Some(1), None, Some("queue")))];
        let (calls, fields) = planned(config(None, Some(60), None), &[], &found);
        assert_eq!(calls, [put(config(Some(1), Some(60), Some("queue")), None)]);
        assert_eq!(fields, ["event_invoke_config.maximum_event_age"]);
        let (calls, _) = planned(config(Some(0), None, Some("")), &[], &found);
        assert_eq!(calls, [put(config(Some(0), None, None), None)]);
    }

    #[test]
    fn what_is_equal_or_the_default_of_aws_needs_no_call() {
        let found = [(None, config(Some(1), Some(60), Some("queue")))];
        for (wanted, found) in [
            (config(Some(1), None, Some("queue")), &found[..]),
            (config(Some(2), Some(21_600), Some("")), &[]),
            (config(None, None, None), &[]),
            (config(None, None, None), &[(None, config(Some(2), Some(21_600), None))]),
        ] {
            let (calls, _) = planned(wanted, &[], found);
            assert!(calls.is_empty(), "{calls:?}");
        }
    }

    #[test]
    fn an_empty_configuration_is_removed() {
        let delete = || [WriteCall::DeleteFunctionEventInvokeConfig { alias: None }];
        let found = [(None, config(Some(1), None, Some("queue")))];
        let (calls, fields) = planned(EventInvokeConfig::default(), &[], &found);
        assert_eq!(calls, delete());
        let changed = ["event_invoke_config.maximum_retry_attempts", "event_invoke_config.on_failure"];
        assert_eq!(fields, changed);
        let only_failure = [(None, config(None, None, Some("queue")))];
        let (calls, _) = planned(config(None, None, Some("")), &[], &only_failure);
        assert_eq!(calls, delete());
    }

    #[test]
    fn each_alias_has_its_own_configuration() {
        let wanted = || config(Some(0), None, None);
        let next = config(None, Some(60), None);
        let found = [(None, wanted()), (Some("live"), wanted()), (Some("next"), next)];
        let (calls, fields) = planned(wanted(), &["live", "next", "new"], &found);
        let expected = [put(config(Some(0), Some(60), None), Some("next")), put(wanted(), Some("new"))];
        assert_eq!(calls, expected);
        let retries = |alias: &str| format!("event_invoke_config.{alias}.maximum_retry_attempts");
        assert_eq!(fields, [retries("next"), retries("new")]);
    }
}
