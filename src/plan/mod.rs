//! Compares the desired function and its code with the live function, and plans the steps between them. If
//! nothing differs, the plan has no steps. Never has a side effect: `plan` shows the same plan that `deploy`
//! carries out.

mod action;
mod alias_changes;
mod approved;
mod at_creation;
mod codedeploy;
mod error;
mod event_invoke;
mod layers;
mod managed;
mod phases;
mod refused;
mod release;
mod rollback;
mod step;
#[cfg(test)]
pub(super) mod tests;
mod url;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use action::{Action, WriteCall};
pub(crate) use approved::{PlanDifference, differences as differences_from_approved};
pub(crate) use error::PlanError;
pub(crate) use phases::{Phases, moved_aliases, phases};
pub(crate) use refused::{cut_version_description, half_vpc, merged_variables};
pub(crate) use release::ClearedWeights;
pub(crate) use rollback::{Undone, roll_back};
pub(crate) use step::Step;

use serde_json::{Value, json};

use crate::code_source::{Code, Delivery};
use crate::function::{ChangedBy, DesiredFunction, EventSource, LiveFunction, Setting, VersionState};
use crate::protocol::event::{self, Change, CodeDeployDeployment, FunctionPresence};
use crate::protocol::secret::{MASK, Secret};
use crate::protocol::structures::FileSystemConfig;

/// The steps of a deployment or rollback.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub function: FunctionPresence,
    /// The steps in order. Empty: the live function is as the stanza wants it.
    pub steps: Vec<Step>,
    /// The existing version at which the aliases should point. `None`: a step publishes it, so its number is
    /// not known yet.
    pub version: Option<String>,
    /// Shares of an alias's traffic that go to other versions, and that this plan ends.
    pub cleared: Vec<ClearedWeights>,
    /// The deployment of CodeDeploy that already moves the alias to the version. `None`: there is none.
    pub running: Option<CodeDeployDeployment>,
}

/// Plans a deployment: compares the desired function with the live one.
///
/// The order of the steps, and why:
///
/// 1. The upload of a package to a bucket. It takes longest, and if it fails, nothing has changed. Then new
///    versions of layers, whose ARNs the settings name.
/// 2. Code signing, which decides which code AWS accepts.
/// 3. Settings, then code, as in dpl. New code may need a new environment variable, while old code seldom
///    minds one. No step comes between the two, so that new settings apply to old code for as short a time as
///    possible.
/// 4. Runtime management of `$LATEST`. It comes after the settings, because a runtime version belongs to one
///    runtime.
/// 5. A version, which contains all of these. Each of these calls names the revision that the call before it
///    made, so that a change by someone else in between is detected.
/// 6. Verification of the version, then the aliases.
/// 7. Descriptions of aliases, tags, concurrency, recursive loop detection, asynchronous invocations and the
///    function URL. They are not part of a version, and their calls return no revision of the function. They
///    come after the aliases, so that the function URL never opens the old code, and none of these changes is
///    visible if a version fails verification.
/// 8. Event source mappings that follow the alias. From then on they call a version that has passed.
/// 9. Deletion of old versions, of the function and then of its layers.
///
/// If CodeDeploy still moves the alias when the run ends, steps 8 and 9 are left to a later run, and of step 7
/// provisioned concurrency and a reserved concurrency below it.
///
/// # Errors
/// [`PlanError`], if the function cannot become what the stanza describes.
pub(crate) fn plan(
    desired: &DesiredFunction,
    code: &Code,
    live: Option<&LiveFunction>,
) -> Result<Plan, PlanError> {
    let revision = live.and_then(|live| live.revision_id.clone());
    if desired.revision_id.is_some() && desired.revision_id != revision {
        return Err(PlanError::OtherRevision { exists: live.is_some(), live: revision });
    }
    match live {
        None => create(desired, code),
        Some(live) => update(desired, code, live),
    }
}

fn create(desired: &DesiredFunction, code: &Code) -> Result<Plan, PlanError> {
    let mut settings = desired.settings_for(None);
    let default = desired.default_description.clone().map(Setting::Description);
    settings.extend(default.filter(|default| !settings.iter().any(|setting| setting.is_kind_of(default))));
    // What a new function has, of the settings that CreateFunction does not accept.
    let (mode, word) = ("Auto".to_owned(), "Terminate".to_owned());
    let given = [Setting::RuntimeManagement(mode), Setting::RecursiveLoop(word)];
    settings.retain(|setting| !setting.is_empty() && !given.contains(setting));
    let has = |field: &str| settings.iter().any(|setting| setting.field() == field);
    let needed: &[(&str, &str)] = match code.delivery {
        None => &[("role", "role"), ("image_uri", "image_uri")],
        Some(Delivery::Image(_)) => &[("role", "role")],
        Some(Delivery::Call(_) | Delivery::Upload(..) | Delivery::Object(_)) => {
            &[("role", "role"), ("runtime", "runtime"), ("handler", "handler_name")]
        }
    };
    let mut missing: Vec<_> = needed.iter().filter(|(field, _)| !has(field)).map(|(_, key)| *key).collect();
    missing.extend(at_creation::lacks_execution_timeout(&settings));
    missing.extend(at_creation::lacks_capacity_provider(&settings));
    let Some(delivery) = code.delivery.clone().filter(|_| missing.is_empty()) else {
        return Err(PlanError::CannotCreate { missing });
    };
    let (own_calls, settings): (Vec<_>, Vec<_>) =
        settings.into_iter().partition(|setting| match setting.changed_by() {
            ChangedBy::Concurrency | ChangedBy::RuntimeManagement | ChangedBy::Recursion => true,
            ChangedBy::Configuration | ChangedBy::Code | ChangedBy::CodeSigning | ChangedBy::Creation => {
                false
            }
        });
    let (before, after): (Vec<_>, Vec<_>) =
        own_calls.iter().partition(|setting| setting.changed_by() == ChangedBy::RuntimeManagement);
    let tags = desired.tags.clone().unwrap_or_default();
    let mut changes: Vec<Change> = settings.iter().flat_map(|setting| differences(setting, None)).collect();
    changes.extend(tags.keys().map(|name| tag_change(name, Value::Null, json!(MASK))));
    changes.push(code_change(code, None));
    let mut steps: Vec<Step> = upload(code).into_iter().chain(layers::publications(code)).collect();
    let release = release::plan_release(&desired.release, &settings, None, true)?;
    let deletions = layers::deletions(code, &settings, None, &[]);
    steps.push(Step::write(WriteCall::CreateFunction { settings, tags, delivery }, changes));
    steps.extend(before.into_iter().filter_map(|setting| own_call(setting, None)));
    steps.extend(release.publish);
    steps.extend(release.publish_latest);
    steps.extend(release.scaling);
    steps.extend(release.go_live);
    steps.extend(after.into_iter().filter_map(|setting| own_call(setting, None)));
    steps.extend(event_invoke::steps(desired, None));
    steps.extend(release.provisioned);
    steps.extend(url::steps(desired.url.as_ref(), desired.url_alias(), None)?);
    steps.extend(release.verification);
    steps.extend(deletions);
    Ok(Plan { function: FunctionPresence::Absent, steps, version: None, cleared: Vec::new(), running: None })
}

fn update(desired: &DesiredFunction, code: &Code, live: &LiveFunction) -> Result<Plan, PlanError> {
    if matches!(code.delivery, Some(Delivery::Image(_)) | None) != live.image.is_some() {
        return Err(PlanError::OtherPackageType { is_image: live.image.is_some() });
    }
    if desired.replaces_tags && desired.tags.is_some() && live.tags.is_none() {
        return Err(PlanError::TagsUnreadable);
    }
    let mut settings = merged(desired, desired.settings_for(live.runtime()), live)?;
    keep_direct_reads(&mut settings, live);
    fill_log_levels(&mut settings, live);
    // AWS neither returns nor accepts code signing for images. For these the stanza can only ask for none.
    let is_signing = |setting: &Setting| setting.changed_by() == ChangedBy::CodeSigning;
    let differs = |setting: &Setting| {
        live.setting(setting) != Some(setting) && !(live.image.is_some() && is_signing(setting))
    };
    let differing: Vec<Setting> = settings.iter().filter(|setting| differs(setting)).cloned().collect();
    at_creation::check(&differing, live)?;
    let changed_by = |call| -> Vec<Setting> {
        differing.iter().filter(|setting| setting.changed_by() == call).cloned().collect()
    };
    let new_code = update_code(changed_by(ChangedBy::Code), code, live)?;
    let own_calls =
        |call| changed_by(call).into_iter().filter_map(|setting| own_call(&setting, live.setting(&setting)));
    let configuration = configuration(changed_by(ChangedBy::Configuration), live);
    let changes = configuration.is_some() || new_code.is_some();
    let release = release::plan_release(&desired.release, &settings, Some(live), changes)?;
    // With a reserved concurrency of 0 no version can be invoked, so verification needs the new value first.
    let is_stopped = live.settings.contains(&Setting::ReservedConcurrency(Some(0)));
    let (starting, concurrency): (Vec<Step>, Vec<Step>) =
        own_calls(ChangedBy::Concurrency).partition(|_| is_stopped && desired.release.verifies);
    // AWS refuses to reserve less than what is provisioned, so that has to become less before.
    let (lowered, concurrency): (Vec<Step>, Vec<Step>) =
        concurrency.into_iter().partition(|step| reserves_less_than_provisioned(step, live));
    let mut steps = release.ended_shift;
    steps.extend(upload(code).filter(|_| new_code.is_some()));
    steps.extend(layers::publications(code));
    steps.extend(own_calls(ChangedBy::CodeSigning));
    steps.extend(configuration);
    steps.extend(new_code);
    steps.extend(own_calls(ChangedBy::RuntimeManagement));
    steps.extend(release.publish);
    steps.extend(release.publish_latest);
    steps.extend(release.scaling);
    steps.extend(starting);
    steps.extend(release.go_live);
    steps.extend(release.descriptions);
    steps.extend(tags(desired, live));
    steps.extend(concurrency);
    steps.extend(own_calls(ChangedBy::Recursion));
    steps.extend(event_invoke::steps(desired, Some(live)));
    steps.extend(release.provisioned);
    steps.extend(lowered.into_iter().filter(|_| !release.is_left_to_codedeploy));
    steps.extend(url::steps(desired.url.as_ref(), desired.url_alias(), Some(live))?);
    steps.extend(release.verification);
    if !release.is_left_to_codedeploy {
        steps.extend(followers(desired, live));
    }
    steps.extend(release.deletions);
    if !release.is_left_to_codedeploy {
        let deletions = layers::deletions(code, &settings, Some(live), &steps);
        steps.extend(deletions);
    }
    let (version, cleared, running) = (release.version, release.cleared, release.running);
    Ok(Plan { function: FunctionPresence::Exists, steps, version, cleared, running })
}

/// True if the plan depends on the published versions, so that they have to be read first.
pub(crate) fn needs_versions(desired: &DesiredFunction, code: &Code, live: &LiveFunction) -> bool {
    let publishes = desired.release.publish && desired.release.aliases.is_empty();
    let changes = || {
        let plan = plan(desired, code, Some(live));
        plan.is_ok_and(|plan| plan.steps.iter().any(|step| step.action.changes_function()))
    };
    let prunes_layers = code.layers.iter().any(|layer| !layer.surplus().is_empty());
    desired.release.keep.is_some() || prunes_layers || (publishes && !changes())
}

/// The existing version on which a plan relies and whose state has not been read yet. With `waits` it may
/// also be one that AWS is still preparing. `None`: there is no such version.
pub(crate) fn version_to_read(plan: &Plan, live: &LiveFunction, waits: bool) -> Option<String> {
    let version = live.versions.iter().find(|version| Some(&version.number) == plan.version.as_ref())?;
    let is_unread = match version.state {
        VersionState::Unknown => true,
        VersionState::Pending => waits,
        VersionState::Ready | VersionState::Failed => false,
    };
    is_unread.then(|| version.number.clone())
}

/// Merges live environment variables into those of the stanza, if the stanza wants that. The stanza's values
/// win.
fn merged(
    desired: &DesiredFunction,
    mut settings: Vec<Setting>,
    live: &LiveFunction,
) -> Result<Vec<Setting>, PlanError> {
    for setting in settings.iter_mut().filter(|_| desired.merges_environment) {
        if let Setting::Environment(variables) = setting {
            let Some(Setting::Environment(kept)) = live.setting(&Setting::Environment(BTreeMap::new()))
            else {
                return Err(PlanError::EnvironmentUnreadable);
            };
            let mut all = kept.clone();
            all.append(variables);
            *variables = all;
        }
    }
    Ok(settings)
}

/// Keeps how the function reads from a file system that the stanza names without `direct_s3_read`.
fn keep_direct_reads(settings: &mut [Setting], live: &LiveFunction) {
    let Some(Setting::FileSystems(kept)) = live.setting(&Setting::FileSystems(BTreeSet::new())) else {
        return;
    };
    for setting in settings {
        if let Setting::FileSystems(systems) = setting {
            let with_reads = |mut system: FileSystemConfig| {
                let same = kept.iter().find(|kept| kept.arn == system.arn);
                system.direct_s3_read =
                    system.direct_s3_read.or_else(|| same.and_then(|same| same.direct_s3_read.clone()));
                system
            };
            *systems = std::mem::take(systems).into_iter().map(with_reads).collect();
        }
    }
}

/// Replaces empty log levels by AWS's default. Only JSON logs have levels.
fn fill_log_levels(settings: &mut Vec<Setting>, live: &LiveFunction) {
    let any = Setting::LogFormat(String::new());
    let named = settings.iter().find(|setting| setting.is_kind_of(&any));
    let is_json = named.or_else(|| live.setting(&any)) == Some(&Setting::LogFormat("JSON".to_owned()));
    settings.retain_mut(|setting| match setting {
        Setting::ApplicationLogLevel(level) | Setting::SystemLogLevel(level) if level.is_empty() => {
            *level = "INFO".to_owned();
            is_json
        }
        _ => true,
    });
}

/// The step for a setting that has its own API call. `None`: the setting is part of another call.
fn own_call(setting: &Setting, live: Option<&Setting>) -> Option<Step> {
    let call = match setting {
        Setting::ReservedConcurrency(Some(executions)) => {
            WriteCall::PutFunctionConcurrency { executions: *executions }
        }
        Setting::ReservedConcurrency(None) => WriteCall::DeleteFunctionConcurrency,
        Setting::CodeSigningConfigArn(arn) if arn.is_empty() => WriteCall::DeleteFunctionCodeSigningConfig,
        Setting::CodeSigningConfigArn(arn) => WriteCall::PutFunctionCodeSigningConfig { arn: arn.clone() },
        Setting::RuntimeManagement(mode) => WriteCall::PutRuntimeManagementConfig { mode: mode.clone() },
        Setting::RecursiveLoop(word) => {
            WriteCall::PutFunctionRecursionConfig { recursive_loop: word.clone() }
        }
        _ => return None,
    };
    Some(Step::write(call, differences(setting, live)))
}

/// True for a step that reserves a smaller concurrency than the aliases have provisioned now.
fn reserves_less_than_provisioned(step: &Step, live: &LiveFunction) -> bool {
    let provisioned: i64 = live.provisioned.values().map(|current| i64::from(current.executions)).sum();
    match step.action {
        Action::Write(WriteCall::PutFunctionConcurrency { executions }) => {
            i64::from(executions) < provisioned
        }
        _ => false,
    }
}

/// The step that updates the code. `None`: neither the code nor a setting that is sent with it differs.
fn update_code(
    mut settings: Vec<Setting>,
    code: &Code,
    live: &LiveFunction,
) -> Result<Option<Step>, PlanError> {
    let is_live = is_live(code, live);
    // Repeat a failed update. Whether settings or code caused the failure is unknown, but sending the code
    // clears it.
    let retries = live.has_failed;
    if settings.is_empty() && is_live && !retries {
        return Ok(None);
    }
    let live_image = || live.image.as_ref().map(|image| Delivery::Image(image.uri.clone()));
    let Some(delivery) = code.delivery.clone().or_else(live_image) else { return Ok(None) };
    let mut changes: Vec<Change> =
        settings.iter().flat_map(|setting| differences(setting, live.setting(setting))).collect();
    if !is_live {
        changes.push(code_change(code, Some(live)));
    } else if retries {
        changes.push(Change {
            field: "last_update_status".to_owned(),
            from: json!("Failed"),
            to: json!("Successful"),
        });
    }
    // AWS resets members that are left out to its defaults. So the live KMS key, architecture and storage
    // mode are sent, too.
    let (key, copy) =
        (Setting::SourceKmsKeyArn(String::new()), Setting::S3ObjectStorageMode("COPY".to_owned()));
    for member in [&Setting::Architecture(String::new()), &key, &copy] {
        let is_named = settings.iter().any(|setting| setting.is_kind_of(member));
        let is_default = |kept: &&Setting| kept.is_empty() || **kept == copy;
        settings.extend(live.setting(member).filter(|kept| !is_named && !is_default(kept)).cloned());
    }
    let is_reference = |setting: &Setting| setting.is_kind_of(&copy) && *setting != copy;
    if settings.iter().any(is_reference) && matches!(delivery, Delivery::Call(_)) {
        return Err(PlanError::StorageNeedsBucket);
    }
    Ok(Some(Step::write(WriteCall::UpdateFunctionCode { settings, delivery }, changes)))
}

/// True if the function already runs this code. An image's tag may have moved, so only a digest proves that.
fn is_live(code: &Code, live: &LiveFunction) -> bool {
    match (&code.delivery, &live.image) {
        (Some(Delivery::Image(uri)), Some(image)) => untagged(uri)
            .is_some_and(|uri| [&image.uri, &image.resolved].map(|live| untagged(live)).contains(&Some(uri))),
        (Some(Delivery::Image(_)), None) => false,
        (Some(Delivery::Call(_) | Delivery::Upload(..) | Delivery::Object(_)), _) => {
            code.sha256.as_ref() == Some(&live.code_sha256)
        }
        (None, live_image) => live_image.is_some(),
    }
}

/// The URI of an image with its digest, without a tag. `None`: it has no digest.
fn untagged(uri: &str) -> Option<(&str, &str)> {
    let (name, digest) = uri.split_once('@')?;
    // The registry can have a port.
    let tag = name.rfind(':').filter(|colon| !name[*colon..].contains('/'));
    Some((&name[..tag.unwrap_or(name.len())], digest))
}

fn upload(code: &Code) -> Option<Step> {
    let Some(Delivery::Upload(object, archive)) = &code.delivery else { return None };
    Some(Step::upload(object.clone(), archive.clone()))
}

/// The change of code, shown by its hash. If the hash is unknown until AWS has read the code, it is shown by
/// the code's location.
fn code_change(code: &Code, live: Option<&LiveFunction>) -> Change {
    let (field, from, to) = match (&code.sha256, &code.delivery) {
        (_, Some(Delivery::Image(uri))) => (
            "image_uri",
            live.and_then(|live| live.image.as_ref()).map(|image| json!(image.resolved)),
            json!(uri),
        ),
        (None, Some(Delivery::Upload(object, _) | Delivery::Object(object))) => {
            ("code", None, json!(object.to_string()))
        }
        (sha256, _) => ("code_sha256", live.map(|live| json!(live.code_sha256)), json!(sha256)),
    };
    Change { field: field.to_owned(), from: from.unwrap_or(Value::Null), to }
}

fn configuration(mut settings: Vec<Setting>, live: &LiveFunction) -> Option<Step> {
    if settings.is_empty() {
        return None;
    }
    let changes = settings.iter().flat_map(|setting| differences(setting, live.setting(setting))).collect();
    complete_structures(&mut settings, live);
    Some(Step::write(WriteCall::UpdateFunctionConfiguration { settings }, changes))
}

/// Adds the live values of members that the stanza does not name, because AWS replaces a structure as a
/// whole.
fn complete_structures(settings: &mut Vec<Setting>, live: &LiveFunction) {
    let is_silent = |kept: &&Setting| !settings.iter().any(|setting| setting.is_kind_of(kept));
    let is_replaced = |kept: &&Setting| settings.iter().any(|setting| setting.is_replaced_with(kept));
    // AWS rejects log levels with the format Text, so they are left out if the format becomes Text.
    let becomes_text = settings.contains(&Setting::LogFormat("Text".to_owned()));
    let stays = |kept: &&Setting| match kept {
        Setting::ApplicationLogLevel(level) | Setting::SystemLogLevel(level) => {
            !becomes_text && !level.is_empty()
        }
        // Whether AWS takes an empty key for none is only known of a key that there was.
        Setting::DurableKmsKeyArn(arn) => !arn.is_empty(),
        _ => true,
    };
    // AWS also rejects IPv6 for a function outside of a VPC.
    let leaves_vpc = settings.contains(&Setting::SubnetIds(BTreeSet::new()));
    let kept = live.settings.iter().filter(is_silent).filter(is_replaced).filter(stays);
    let kept: Vec<Setting> = kept
        .map(|kept| match kept {
            Setting::Ipv6AllowedForDualStack(allowed) => {
                Setting::Ipv6AllowedForDualStack(*allowed && !leaves_vpc)
            }
            other => other.clone(),
        })
        .collect();
    settings.extend(kept);
}

/// The steps that make event source mappings of the function itself call the first alias.
fn followers(desired: &DesiredFunction, live: &LiveFunction) -> Vec<Step> {
    let Some(alias) = desired.url_alias().filter(|_| desired.release.follows_alias) else {
        return Vec::new();
    };
    let name = desired.name.name();
    let follow = |source: &EventSource| {
        let field = format!("event_source.{}", source.uuid);
        let change = Change { field, from: json!(name), to: json!(format!("{name}:{alias}")) };
        let (uuid, event_source) = (source.uuid.clone(), source.name.clone());
        let call = WriteCall::UpdateEventSourceMapping { uuid, event_source, alias: alias.to_owned() };
        Step::write(call, vec![change])
    };
    live.event_sources.iter().map(follow).collect()
}

/// The steps that remove tags, then those that add or change tags.
fn tags(desired: &DesiredFunction, live: &LiveFunction) -> Vec<Step> {
    let Some(desired_tags) = &desired.tags else { return Vec::new() };
    let was = |name: &String| live.tags.as_ref().and_then(|tags| tags.get(name));
    let tags: BTreeMap<String, Secret> = desired_tags
        .iter()
        .filter(|(name, value)| was(name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // Tags with the prefix `aws:` belong to AWS and cannot be removed.
    let is_extra = |name: &&String| !desired_tags.contains_key(*name) && !name.starts_with("aws:");
    let live_names = live.tags.iter().flat_map(BTreeMap::keys);
    let names: Vec<String> = live_names.filter(is_extra).filter(|_| desired.replaces_tags).cloned().collect();
    let gone = names.iter().map(|name| tag_change(name, json!(MASK), Value::Null)).collect();
    let masked = |name| was(name).map_or(Value::Null, |_| json!(MASK));
    let come = tags.keys().map(|name| tag_change(name, masked(name), json!(MASK))).collect();
    let untag = (!names.is_empty()).then_some(Step::write(WriteCall::UntagResource { names }, gone));
    let tag = (!tags.is_empty()).then_some(Step::write(WriteCall::TagResource { tags }, come));
    untag.into_iter().chain(tag).collect()
}

fn tag_change(name: &str, from: Value, to: Value) -> Change {
    Change { field: format!("function_tags.{name}"), from, to }
}

/// The changes to show: one per setting, and for environment variables one per variable.
fn differences(setting: &Setting, live: Option<&Setting>) -> Vec<Change> {
    let (Setting::Environment(desired), live_variables) = (setting, environment(live)) else {
        let from = live.map_or(Value::Null, Setting::shown);
        return vec![Change { field: setting.field().to_owned(), from, to: setting.shown() }];
    };
    let names: std::collections::BTreeSet<&String> = desired.keys().chain(live_variables.keys()).collect();
    let masked =
        |variables: &BTreeMap<String, Secret>, name| variables.get(name).map_or(Value::Null, |_| json!(MASK));
    let changed = names.into_iter().filter(|name| desired.get(*name) != live_variables.get(*name));
    let changes: Vec<Change> = changed
        .map(|name| Change {
            field: format!("environment.{name}"),
            from: masked(&live_variables, name),
            to: masked(desired, name),
        })
        .collect();
    if changes.is_empty() && live.is_none() {
        // Unreadable live variables are replaced by none. No variable can be listed, but the step does change
        // something.
        return vec![Change { field: setting.field().to_owned(), from: Value::Null, to: Value::Null }];
    }
    changes
}

fn environment(setting: Option<&Setting>) -> BTreeMap<String, Secret> {
    match setting {
        Some(Setting::Environment(variables)) => variables.clone(),
        _ => BTreeMap::new(),
    }
}

impl Plan {
    /// Numbers of the versions that the plan deletes.
    pub(crate) fn deleted_versions(&self) -> Vec<String> {
        self.steps.iter().filter_map(Step::deleted_version).map(str::to_owned).collect()
    }

    /// True if the plan gives a new version a share of the traffic before an alias moves to it.
    pub(crate) fn shifts_traffic(&self) -> bool {
        self.steps.iter().any(phases::is_shift)
    }

    pub(crate) fn to_event(&self) -> event::Plan {
        let steps = self.steps.iter();
        event::Plan {
            function: self.function,
            steps: steps
                .map(|step| event::PlannedStep {
                    step: step.action.name(),
                    changes: step.changes.clone(),
                    waits_for: step.action.waits_for(),
                    phase: None,
                })
                .collect(),
            basis: None,
        }
    }
}
