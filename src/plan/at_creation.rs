//! Finds changes of what AWS fixes when it creates a function: whether it is durable, how it isolates its
//! tenants, and whether it runs on Lambda Managed Instances. Never lets a plan begin that AWS would refuse
//! half-way.

use super::PlanError;
use crate::function::{LiveFunction, Setting};

/// Fails if one of the settings that differ cannot change.
pub(super) fn check(differing: &[Setting], live: &LiveFunction) -> Result<(), PlanError> {
    let is_durable = live.is_durable();
    for setting in differing {
        match setting {
            Setting::TenantIsolationMode(_) => {
                let mode = match live.setting(setting) {
                    Some(Setting::TenantIsolationMode(mode)) if !mode.is_empty() => Some(mode.clone()),
                    _ => None,
                };
                return Err(PlanError::OtherTenantIsolation { live: mode });
            }
            Setting::DurableExecutionTimeout(None) if is_durable => {
                return Err(PlanError::OtherDurability { is_durable });
            }
            durable if is_of_durable(durable) && !is_durable => {
                return Err(PlanError::OtherDurability { is_durable });
            }
            Setting::CapacityProviderArn(arn) if arn.is_empty() => {
                return Err(PlanError::OtherInstances { is_managed: true });
            }
            instances if is_of_instances(instances) && !live.is_managed => {
                return Err(PlanError::OtherInstances { is_managed: false });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The key that a new durable function lacks. `None`: it has the key, or the function is not durable.
pub(super) fn lacks_execution_timeout(settings: &[Setting]) -> Option<&'static str> {
    let timeout = Setting::DurableExecutionTimeout(None);
    let has_timeout = settings.iter().any(|setting| setting.is_kind_of(&timeout));
    (settings.iter().any(is_of_durable) && !has_timeout).then_some(timeout.field())
}

/// The key that a new function on Lambda Managed Instances lacks. `None`: it has the key, or the function
/// does not run on any.
pub(super) fn lacks_capacity_provider(settings: &[Setting]) -> Option<&'static str> {
    let provider = Setting::CapacityProviderArn(String::new());
    let has_provider = settings.iter().any(|setting| setting.is_kind_of(&provider));
    (settings.iter().any(is_of_instances) && !has_provider).then_some(provider.field())
}

fn is_of_instances(setting: &Setting) -> bool {
    setting.is_replaced_with(&Setting::CapacityProviderArn(String::new()))
}

fn is_of_durable(setting: &Setting) -> bool {
    setting.is_replaced_with(&Setting::DurableExecutionTimeout(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(timeout: Option<i32>, mode: &str) -> LiveFunction {
        let settings = vec![
            Setting::DurableExecutionTimeout(timeout),
            Setting::DurableRetentionPeriod(timeout.map(|_| 14)),
            Setting::TenantIsolationMode(mode.to_owned()),
        ];
        LiveFunction { settings, ..LiveFunction::default() }
    }

    #[test]
    fn what_aws_fixes_at_creation_does_not_change() {
        let isolation = |mode: &str| Setting::TenantIsolationMode(mode.to_owned());
        let (timeout, days) = (Setting::DurableExecutionTimeout, Setting::DurableRetentionPeriod);
        let other = |is_durable| Err(PlanError::OtherDurability { is_durable });
        let tenants = |live: Option<String>| Err(PlanError::OtherTenantIsolation { live });
        for (differing, live, expected) in [
            (timeout(Some(60)), live(None, ""), other(false)),
            (days(Some(7)), live(None, ""), other(false)),
            (timeout(None), live(Some(60), ""), other(true)),
            (timeout(Some(90)), live(Some(60), ""), Ok(())),
            (days(Some(7)), live(Some(60), ""), Ok(())),
            (isolation("PER_TENANT"), live(None, ""), tenants(None)),
            (isolation(""), live(None, "PER_TENANT"), tenants(Some("PER_TENANT".to_owned()))),
            (Setting::Timeout(1), live(Some(60), "PER_TENANT"), Ok(())),
        ] {
            assert_eq!(check(std::slice::from_ref(&differing), &live), expected, "{differing:?}");
        }
    }

    #[test]
    fn a_function_runs_on_managed_instances_from_its_creation_or_never() {
        let provider = |arn: &str| Setting::CapacityProviderArn(arn.to_owned());
        let concurrency = Setting::EnvironmentConcurrency(Some(16));
        let (plain, managed) = (live(None, ""), LiveFunction { is_managed: true, ..LiveFunction::default() });
        let other = |is_managed| Err(PlanError::OtherInstances { is_managed });
        for (differing, live, expected) in [
            (provider("arn"), &plain, other(false)),
            (concurrency.clone(), &plain, other(false)),
            (provider(""), &managed, other(true)),
            (provider("arn"), &managed, Ok(())),
            (concurrency.clone(), &managed, Ok(())),
        ] {
            assert_eq!(check(std::slice::from_ref(&differing), live), expected, "{differing:?}");
        }
        let key = Some("capacity_provider_config.capacity_provider_arn");
        assert_eq!(lacks_capacity_provider(std::slice::from_ref(&concurrency)), key);
        assert_eq!(lacks_capacity_provider(&[concurrency, provider("arn")]), None);
        assert_eq!(lacks_capacity_provider(&[Setting::Timeout(1)]), None);
    }

    #[test]
    fn a_new_durable_function_needs_a_timeout() {
        let (timeout, days) =
            (Setting::DurableExecutionTimeout(Some(60)), Setting::DurableRetentionPeriod(Some(7)));
        let key = Some("durable_config.execution_timeout");
        assert_eq!(lacks_execution_timeout(std::slice::from_ref(&days)), key);
        assert_eq!(lacks_execution_timeout(&[days, timeout]), None);
        assert_eq!(lacks_execution_timeout(&[Setting::Timeout(1)]), None);
    }
}
