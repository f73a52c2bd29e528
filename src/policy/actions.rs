//! Says which actions of Lambda and CloudWatch a stanza's deployments need, on which kind of resource.

use std::collections::BTreeSet;

use crate::code_source::CodeSource;
use crate::function::{ChangedBy, DesiredFunction, Setting};
use crate::protocol::event::StepName;
use crate::protocol::layer::Layer;
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::{EventInvokeConfig, OrNone};

/// The actions on the function itself.
pub(super) fn function_actions(
    stanza: &Stanza,
    desired: &DesiredFunction,
    source: &CodeSource,
) -> Vec<&'static str> {
    let has = |call| desired.settings.iter().any(|setting| setting.changed_by() == call);
    let names = |setting: Setting| desired.settings.contains(&setting);
    let (names_signing, names_reserved) = (has(ChangedBy::CodeSigning), has(ChangedBy::Concurrency));
    let no_signing = names(Setting::CodeSigningConfigArn(String::new()));
    let no_reserved = names(Setting::ReservedConcurrency(None));
    let creates = stanza.role.is_some()
        && match source {
            CodeSource::Image(_) => true,
            CodeSource::LiveImage => false,
            CodeSource::Package | CodeSource::PackageInBucket(_) | CodeSource::Object(_) => {
                stanza.runtime.is_some() && desired.handler.is_some()
            }
        };
    let release = &desired.release;
    let (names_alias, prunes) = (!release.aliases.is_empty(), release.keep.is_some());
    let mut built = desired.layers.iter().flatten().filter_map(Layer::content);
    let prunes_layers = built.any(|content| content.keep_versions.is_some());
    // With an alias, the function's own URL is read too, and deleted when the stanza wants no URL.
    let has_alias = desired.url_alias().is_some();
    let own_address = match &desired.url {
        Some(OrNone::Some(_)) if has_alias => vec!["lambda:GetFunctionUrlConfig"],
        _ => url_actions(desired),
    };
    let mut actions = needed(&[
        (true, "lambda:GetFunction"),
        (creates, StepName::CreateFunction.iam_action()),
        (
            has(ChangedBy::Configuration) || desired.handler.is_some() || desired.layers.is_some(),
            StepName::UpdateFunctionConfiguration.iam_action(),
        ),
        // Needed even if the live image stays: after a failed update it is sent again.
        (true, StepName::UpdateFunctionCode.iam_action()),
        (desired.tags.is_some(), "lambda:ListTags"),
        (desired.tags.is_some(), StepName::TagResource.iam_action()),
        (desired.tags.is_some() && desired.replaces_tags, StepName::UntagResource.iam_action()),
        (names_signing, "lambda:GetFunctionCodeSigningConfig"),
        (names_signing && !no_signing, StepName::PutFunctionCodeSigningConfig.iam_action()),
        (no_signing, StepName::DeleteFunctionCodeSigningConfig.iam_action()),
        (names_reserved && !no_reserved, StepName::PutFunctionConcurrency.iam_action()),
        (no_reserved, StepName::DeleteFunctionConcurrency.iam_action()),
        (has(ChangedBy::RuntimeManagement), "lambda:GetRuntimeManagementConfig"),
        (has(ChangedBy::RuntimeManagement), StepName::PutRuntimeManagementConfig.iam_action()),
        (has(ChangedBy::Recursion), "lambda:GetFunctionRecursionConfig"),
        (has(ChangedBy::Recursion), StepName::PutFunctionRecursionConfig.iam_action()),
        (publishes(desired), StepName::PublishVersion.iam_action()),
        (release.publish || prunes || prunes_layers, "lambda:ListVersionsByFunction"),
        (names_alias || prunes, "lambda:ListAliases"),
        (names_alias, StepName::CreateAlias.iam_action()),
        (names_alias, "lambda:GetAlias"),
        (names_alias, StepName::UpdateAlias.iam_action()),
    ]);
    actions.extend(own_address);
    actions.extend(event_invoke_actions(desired).into_iter().filter(|_| !has_alias));
    actions
}

/// The actions on a configuration of asynchronous invocations, of the function or of an alias. One in which
/// the stanza only removes destinations is removed itself if nothing else is left.
fn event_invoke_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let Some(config) = &desired.event_invoke else { return Vec::new() };
    let is_set = |arn: &Option<String>| arn.as_ref().is_some_and(|arn| !arn.is_empty());
    let sets = config.maximum_retry_attempts.is_some()
        || config.maximum_event_age.is_some()
        || is_set(&config.on_success)
        || is_set(&config.on_failure);
    needed(&[
        (true, "lambda:GetFunctionEventInvokeConfig"),
        (*config != EventInvokeConfig::default(), StepName::PutFunctionEventInvokeConfig.iam_action()),
        (!sets, StepName::DeleteFunctionEventInvokeConfig.iam_action()),
    ])
}

/// The actions on a function URL, whether it belongs to the function or to an alias.
pub(super) fn url_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let (names_url, no_url) = (desired.url.is_some(), desired.url == Some(OrNone::None));
    let names_access = matches!(&desired.url, Some(OrNone::Some(url)) if url.auth_type.is_some());
    needed(&[
        (names_url, "lambda:GetFunctionUrlConfig"),
        (names_url, "lambda:GetPolicy"),
        (names_url && !no_url, StepName::CreateFunctionUrlConfig.iam_action()),
        (names_url && !no_url, StepName::UpdateFunctionUrlConfig.iam_action()),
        (no_url, StepName::DeleteFunctionUrlConfig.iam_action()),
        // Needed for public access, too: a statement with our ID but other content is removed first.
        (no_url || names_access, StepName::RemovePermission.iam_action()),
    ])
}

/// The actions on published versions.
pub(super) fn version_actions(stanza: &Stanza, desired: &DesiredFunction) -> Vec<&'static str> {
    let prunes = desired.release.keep.is_some();
    needed(&[
        (publishes(desired), "lambda:GetFunction"),
        (publishes(desired) && invokes(stanza), StepName::Verify.iam_action()),
        (desired.release.scaling.is_some(), "lambda:GetFunctionScalingConfig"),
        (desired.release.scaling.is_some(), StepName::PutFunctionScalingConfig.iam_action()),
        (prunes, StepName::DeleteFunction.iam_action()),
        // What still uses a version is read before it is deleted.
        (prunes, "lambda:GetPolicy"),
        (prunes, "lambda:GetProvisionedConcurrencyConfig"),
        (prunes && is_durable(desired), "lambda:ListDurableExecutionsByFunction"),
    ])
}

/// The actions on aliases. Reading provisioned concurrency is always among them, since it moves with an alias
/// whether or not the stanza sets it.
pub(super) fn alias_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let provisioned = desired.release.provisioned;
    let mut actions = needed(&[
        (true, "lambda:GetProvisionedConcurrencyConfig"),
        (matches!(provisioned, Some(Some(_))), StepName::PutProvisionedConcurrencyConfig.iam_action()),
        (provisioned == Some(None), StepName::DeleteProvisionedConcurrencyConfig.iam_action()),
    ]);
    actions.extend(event_invoke_actions(desired));
    actions
}

/// The actions of CloudWatch with which a guard watches. IAM has no resource for the metrics, and AWS checks
/// the list of alarms against all alarms.
pub(super) fn guard_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let guard = desired.release.guard.as_ref();
    needed(&[
        (guard.is_some_and(|guard| !guard.alarms.is_empty()), "cloudwatch:DescribeAlarms"),
        (guard.is_some_and(|guard| guard.errors.is_some()), "cloudwatch:GetMetricData"),
    ])
}

pub(super) fn needed(actions: &[(bool, &'static str)]) -> Vec<&'static str> {
    actions.iter().filter(|(is_needed, _)| *is_needed).map(|(_, action)| *action).collect()
}

/// True if a version is published: one with a number, or `$LATEST.PUBLISHED` of a function on Lambda Managed
/// Instances.
pub(super) fn publishes(desired: &DesiredFunction) -> bool {
    let release = &desired.release;
    release.publish
        || release.publishes_latest
        || release.scaling.is_some()
        || desired.settings.iter().any(is_of_instances)
}

/// True for a setting that only functions on Lambda Managed Instances have.
pub(super) fn is_of_instances(setting: &Setting) -> bool {
    setting.is_replaced_with(&Setting::CapacityProviderArn(String::new())) && !setting.is_empty()
}

/// True if the stanza describes a durable function.
fn is_durable(desired: &DesiredFunction) -> bool {
    let timeout = Setting::DurableExecutionTimeout(None);
    desired.settings.iter().any(|setting| setting.is_replaced_with(&timeout) && !setting.is_empty())
}

/// True if verification invokes the function.
pub(super) fn invokes(stanza: &Stanza) -> bool {
    stanza.verify.iter().flatten().any(|check| check.verify.invokes())
}

/// True if public access may have to be granted: the stanza asks for it.
pub(super) fn may_be_public(desired: &DesiredFunction) -> bool {
    matches!(&desired.url, Some(OrNone::Some(url)) if url.auth_type.as_deref() == Some("NONE"))
}

/// True if an update sends subnets or security groups. The live ones count, too, because AWS replaces a VPC
/// configuration as a whole.
pub(super) fn touches_network(desired: &DesiredFunction) -> bool {
    let leaves = desired.settings.contains(&Setting::SubnetIds(BTreeSet::new()));
    desired.settings.iter().any(|setting| match setting {
        Setting::SubnetIds(ids) | Setting::SecurityGroupIds(ids) => !ids.is_empty(),
        Setting::Ipv6AllowedForDualStack(_) => !leaves,
        _ => false,
    })
}
