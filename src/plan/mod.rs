//! What is wanted, the archive and what is live in; the steps to take out. Nothing to do is an empty list.
//! Never touches anything: the same plan is shown by `plan` and carried out by `deploy`.

mod action;
mod release;
mod rollback;
#[cfg(test)]
pub(super) mod tests;
mod url;

use std::collections::{BTreeMap, BTreeSet};

pub use action::Action;
pub use release::Cleared;
pub use rollback::roll_back;
use serde_json::{Value, json};

use crate::code::{Code, Delivery};
use crate::function::{ChangedBy, Live, Setting, VersionState, Wanted};
use crate::protocol::event::{self, Change, FunctionPresence};
use crate::protocol::secret::{MASK, Secret};

/// What will be done, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether the function is there already.
    pub function: FunctionPresence,
    /// The steps. Empty: the function is live as the stanza asks.
    pub steps: Vec<Step>,
    /// The version that the aliases are to point at, where no publication has to tell it.
    pub version: Option<String>,
    /// Shares of an alias's traffic that somebody has given to other versions, and that go.
    pub cleared: Vec<Cleared>,
}

/// One step: what it does, and what it changes by that.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What it changes, secrets masked.
    pub changes: Vec<Change>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The function has to be created, and the stanza lacks what only it can tell.
    CannotCreate {
        /// The keys that are missing.
        missing: Vec<&'static str>,
    },
    /// The live variables were to be kept, and AWS does not show them.
    EnvironmentUnreadable,
    /// The live tags were to be replaced, and AWS does not show them.
    TagsUnreadable,
    /// A function keeps its package type for life, and the stanza brings code of the other one.
    OtherPackageType {
        /// True when the live function runs a container image.
        is_image: bool,
    },
    /// The function is not at the revision that the stanza names.
    OtherRevision {
        /// False: there is no function.
        exists: bool,
        /// At which it is. `None`: AWS does not tell.
        live: Option<String>,
    },
    /// A new address has to say who may call it.
    UrlNeedsAuthType,
    /// Traffic was to be shared with a version that AWS lets share none.
    TrafficNotShareable {
        /// The setting in which the two differ.
        field: &'static str,
        /// The version that is live.
        version: String,
    },
    /// An alias shares its traffic, and no deployment of ours has begun that.
    TrafficShared {
        /// The alias.
        alias: String,
        /// The other versions, with percent.
        shares: Vec<(String, u8)>,
    },
    /// The alias that was to go back is not there.
    NoAlias {
        /// Its name.
        alias: String,
    },
    /// The version to go back to is not there.
    NoVersion {
        /// Its number.
        version: String,
    },
    /// There is no version before the one that the alias points at.
    NoPreviousVersion {
        /// The alias.
        alias: String,
        /// Where it points.
        version: String,
    },
    /// Several aliases were to go back, and not all to the same version.
    AmbiguousRollback {
        /// Each alias with its version before.
        targets: Vec<(String, String)>,
    },
}

/// Compares what is wanted with what is live.
///
/// The order, and why: a package that goes by way of a bucket is sent first, which takes longest and fails alone. Code
/// signing decides about the code to come.
/// Settings go before code, as in dpl: new code may need a new variable, while old code seldom minds one; nothing stands
/// between the two, so that new settings run on old code for as short as AWS allows. A version holds both, and is made
/// before anybody else can touch them: each of these calls names the revision that the one before it has made. It proves
/// itself, and the aliases move. Tags, concurrency and the address, which no version holds and whose calls tell no
/// revision, come behind that, so that nobody is let in to the old code, and nothing of it is seen of a version that
/// does not pass. What nobody needs any more goes last.
///
/// # Errors
/// [`PlanError`], when the function cannot become what the stanza asks for.
pub fn plan(wanted: &Wanted, code: &Code, live: Option<&Live>) -> Result<Plan, PlanError> {
    let revision = live.and_then(|live| live.revision_id.clone());
    if wanted.revision_id.is_some() && wanted.revision_id != revision {
        return Err(PlanError::OtherRevision { exists: live.is_some(), live: revision });
    }
    match live {
        None => create(wanted, code),
        Some(live) => update(wanted, code, live),
    }
}

fn create(wanted: &Wanted, code: &Code) -> Result<Plan, PlanError> {
    let mut settings = wanted.settings_for(None);
    let default = wanted.default_description.clone().map(Setting::Description);
    settings.extend(default.filter(|default| !settings.iter().any(|setting| setting.is_kind_of(default))));
    settings.retain(|setting| !setting.is_empty());
    let has = |field: &str| settings.iter().any(|setting| setting.field() == field);
    let needed: &[(&str, &str)] = match code.delivery {
        Delivery::Image(_) => &[("role", "role")],
        Delivery::LiveImage => &[("role", "role"), ("image_uri", "image_uri")],
        Delivery::Call | Delivery::Upload(_) | Delivery::Object(_) => {
            &[("role", "role"), ("runtime", "runtime"), ("handler", "handler_name")]
        }
    };
    let missing: Vec<_> = needed.iter().filter(|(field, _)| !has(field)).map(|(_, key)| *key).collect();
    if !missing.is_empty() {
        return Err(PlanError::CannotCreate { missing });
    }
    let (after, settings): (Vec<_>, Vec<_>) =
        settings.into_iter().partition(|setting| setting.changed_by() == ChangedBy::Concurrency);
    let tags = wanted.tags.clone().unwrap_or_default();
    let mut changes: Vec<Change> = settings.iter().flat_map(|setting| differences(setting, None)).collect();
    changes.extend(tags.keys().map(|name| tag_change(name, Value::Null, json!(MASK))));
    changes.push(code_change(code, None));
    let mut steps: Vec<Step> = upload(code).into_iter().collect();
    let delivery = code.delivery.clone();
    let release = release::parts(&wanted.release, &settings, None, true)?;
    steps.push(Step { action: Action::CreateFunction { settings, tags, delivery }, changes });
    steps.extend(release.publish);
    steps.extend(release.go_live);
    steps.extend(after.iter().filter_map(|setting| own_call(setting, None)));
    steps.extend(release.provisioned);
    steps.extend(url::steps(wanted.url.as_ref(), wanted.url_alias(), None)?);
    steps.extend(release.proof);
    Ok(Plan { function: FunctionPresence::Absent, steps, version: None, cleared: Vec::new() })
}

fn update(wanted: &Wanted, code: &Code, live: &Live) -> Result<Plan, PlanError> {
    if matches!(code.delivery, Delivery::Image(_) | Delivery::LiveImage) != live.image.is_some() {
        return Err(PlanError::OtherPackageType { is_image: live.image.is_some() });
    }
    if wanted.replaces_tags && wanted.tags.is_some() && live.tags.is_none() {
        return Err(PlanError::TagsUnreadable);
    }
    let settings = merged(wanted, wanted.settings_for(live.runtime()), live)?;
    // AWS neither tells nor takes code signing of images; the stanza can only have said that there is none.
    let is_signing = |setting: &Setting| setting.changed_by() == ChangedBy::CodeSigning;
    let differs =
        |setting: &Setting| live.setting(setting) != Some(setting) && !(live.image.is_some() && is_signing(setting));
    let differing: Vec<Setting> = settings.iter().filter(|setting| differs(setting)).cloned().collect();
    let changed_by =
        |call| -> Vec<Setting> { differing.iter().filter(|setting| setting.changed_by() == call).cloned().collect() };
    let new_code = update_code(changed_by(ChangedBy::Code), code, live);
    let own_calls =
        |call| changed_by(call).into_iter().filter_map(|setting| own_call(&setting, live.setting(&setting)));
    let configuration = configuration(changed_by(ChangedBy::Configuration), live);
    let changes = configuration.is_some() || new_code.is_some();
    let release = release::parts(&wanted.release, &settings, Some(live), changes)?;
    // Of a function that is stopped no version can prove itself.
    let is_stopped = live.settings.contains(&Setting::ReservedConcurrency(Some(0)));
    let (starting, concurrency): (Vec<Step>, Vec<Step>) =
        own_calls(ChangedBy::Concurrency).partition(|_| is_stopped && wanted.release.verifies);
    let mut steps = release.ended_shift;
    steps.extend(upload(code).filter(|_| new_code.is_some()));
    steps.extend(own_calls(ChangedBy::CodeSigning));
    steps.extend(configuration);
    steps.extend(new_code);
    steps.extend(release.publish);
    steps.extend(release.publish_latest);
    steps.extend(starting);
    steps.extend(release.go_live);
    steps.extend(tags(wanted, live));
    steps.extend(concurrency);
    steps.extend(release.provisioned);
    steps.extend(url::steps(wanted.url.as_ref(), wanted.url_alias(), Some(live))?);
    steps.extend(release.proof);
    steps.extend(release.pruned);
    let (version, cleared) = (release.version, release.cleared);
    Ok(Plan { function: FunctionPresence::Exists, steps, version, cleared })
}

/// Whether a plan cannot be made before the published versions are known.
pub fn needs_versions(wanted: &Wanted, code: &Code, live: &Live) -> bool {
    let publishes = wanted.release.publish && wanted.release.aliases.is_empty();
    let changes = || {
        let plan = plan(wanted, code, Some(live));
        plan.is_ok_and(|plan| plan.steps.iter().any(|step| step.action.is_of_function()))
    };
    wanted.release.keep.is_some() || (publishes && !changes())
}

/// The version on which a plan relies, and of which nobody has told yet whether it is ready; with `waits` also one that is
/// still made ready. `None`: there is none.
pub fn unsettled(plan: &Plan, live: &Live, waits: bool) -> Option<String> {
    let version = live.versions.iter().find(|version| Some(&version.number) == plan.version.as_ref())?;
    let is_unsettled = match version.state {
        VersionState::Unknown => true,
        VersionState::Pending => waits,
        VersionState::Ready | VersionState::Failed => false,
    };
    is_unsettled.then(|| version.number.clone())
}

/// With the live variables below those of the stanza, where it asks for that.
fn merged(wanted: &Wanted, mut settings: Vec<Setting>, live: &Live) -> Result<Vec<Setting>, PlanError> {
    for setting in settings.iter_mut().filter(|_| wanted.merges_environment) {
        if let Setting::Environment(variables) = setting {
            let Some(Setting::Environment(kept)) = live.setting(&Setting::Environment(BTreeMap::new())) else {
                return Err(PlanError::EnvironmentUnreadable);
            };
            let mut all = kept.clone();
            all.append(variables);
            *variables = all;
        }
    }
    Ok(settings)
}

/// The step of a setting that has a call of its own. `None`: it has none.
fn own_call(setting: &Setting, live: Option<&Setting>) -> Option<Step> {
    let action = match setting {
        Setting::ReservedConcurrency(Some(executions)) => Action::PutFunctionConcurrency { executions: *executions },
        Setting::ReservedConcurrency(None) => Action::DeleteFunctionConcurrency,
        Setting::CodeSigningConfigArn(arn) if arn.is_empty() => Action::DeleteFunctionCodeSigningConfig,
        Setting::CodeSigningConfigArn(arn) => Action::PutFunctionCodeSigningConfig { arn: arn.clone() },
        _ => return None,
    };
    Some(Step { action, changes: differences(setting, live) })
}

/// The code, where it or a setting that travels with it differs.
fn update_code(mut settings: Vec<Setting>, code: &Code, live: &Live) -> Option<Step> {
    let is_live = is_live(code, live);
    // What failed is tried again; nobody knows whether settings or code stood in its way, but sending the code ends it.
    let tries_again = live.has_failed;
    if settings.is_empty() && is_live && !tries_again {
        return None;
    }
    let delivery = match (&code.delivery, &live.image) {
        (Delivery::LiveImage, Some(image)) => Delivery::Image(image.uri.clone()),
        (delivery, _) => delivery.clone(),
    };
    let mut changes: Vec<Change> =
        settings.iter().flat_map(|setting| differences(setting, live.setting(setting))).collect();
    if !is_live {
        changes.push(code_change(code, Some(live)));
    } else if tries_again {
        changes.push(Change { field: "last_update_status".to_owned(), from: json!("Failed"), to: json!("Successful") });
    }
    // AWS takes silence here for its defaults: the live key and processor travel along.
    for member in [Setting::Architecture(String::new()), Setting::SourceKmsKeyArn(String::new())] {
        let is_named = settings.iter().any(|setting| setting.is_kind_of(&member));
        settings.extend(live.setting(&member).filter(|kept| !is_named && !kept.is_empty()).cloned());
    }
    Some(Step { action: Action::UpdateFunctionCode { settings, delivery }, changes })
}

/// Whether the function runs this code already. A tag of an image may have moved, so that only a digest can tell.
fn is_live(code: &Code, live: &Live) -> bool {
    match (&code.delivery, &live.image) {
        (Delivery::Image(uri), Some(image)) => {
            uri.contains("@sha256:") && (*uri == image.uri || *uri == image.resolved)
        }
        (Delivery::Image(_), None) => false,
        (Delivery::LiveImage, live) => live.is_some(),
        (Delivery::Call | Delivery::Upload(_) | Delivery::Object(_), _) => {
            code.sha256.as_ref() == Some(&live.code_sha256)
        }
    }
}

fn upload(code: &Code) -> Option<Step> {
    let Delivery::Upload(object) = &code.delivery else { return None };
    Some(Step { action: Action::UploadPackage { object: object.clone() }, changes: Vec::new() })
}

/// By hash, or, where that is not known before AWS has read the code, by the place that holds it.
fn code_change(code: &Code, live: Option<&Live>) -> Change {
    let (field, from, to) = match (&code.sha256, &code.delivery) {
        (_, Delivery::Image(uri)) => {
            ("image_uri", live.and_then(|live| live.image.as_ref()).map(|image| json!(image.resolved)), json!(uri))
        }
        (None, Delivery::Upload(object) | Delivery::Object(object)) => ("code", None, json!(object.to_string())),
        (sha256, _) => ("code_sha256", live.map(|live| json!(live.code_sha256)), json!(sha256)),
    };
    Change { field: field.to_owned(), from: from.unwrap_or(Value::Null), to }
}

fn configuration(mut settings: Vec<Setting>, live: &Live) -> Option<Step> {
    if settings.is_empty() {
        return None;
    }
    let changes = settings.iter().flat_map(|setting| differences(setting, live.setting(setting))).collect();
    complete_structures(&mut settings, live);
    Some(Step { action: Action::UpdateFunctionConfiguration { settings }, changes })
}

/// A structure of AWS's is replaced whole, so what the stanza does not name of it travels along with its live value.
fn complete_structures(settings: &mut Vec<Setting>, live: &Live) {
    for members in Setting::structures() {
        let is_named = |member: &Setting| settings.iter().any(|setting| setting.is_kind_of(member));
        if members.iter().any(is_named) {
            let silent: Vec<&Setting> = members.iter().filter(|member| !is_named(member)).collect();
            // AWS refuses levels beside the format Text: they do not stay behind where the format becomes that.
            let becomes_text = settings.contains(&Setting::LogFormat("Text".to_owned()));
            let stays = |kept: &&Setting| match kept {
                Setting::ApplicationLogLevel(level) | Setting::SystemLogLevel(level) => {
                    !becomes_text && !level.is_empty()
                }
                _ => true,
            };
            // Nor does it let a function outside of a VPC keep IPv6.
            let leaves_vpc = settings.contains(&Setting::SubnetIds(BTreeSet::new()));
            let kept = silent.into_iter().filter_map(|member| live.setting(member)).filter(stays).cloned();
            let kept: Vec<Setting> = kept
                .map(|kept| match kept {
                    Setting::Ipv6AllowedForDualStack(allowed) => {
                        Setting::Ipv6AllowedForDualStack(allowed && !leaves_vpc)
                    }
                    other => other,
                })
                .collect();
            settings.extend(kept);
        }
    }
}

/// The tags that go, then those that come.
fn tags(wanted: &Wanted, live: &Live) -> Vec<Step> {
    let Some(wanted_tags) = &wanted.tags else { return Vec::new() };
    let was = |name: &String| live.tags.as_ref().and_then(|tags| tags.get(name));
    let tags: BTreeMap<String, Secret> = wanted_tags
        .iter()
        .filter(|(name, value)| was(name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // AWS's own tags are not ours to remove.
    let is_extra = |name: &&String| !wanted_tags.contains_key(*name) && !name.starts_with("aws:");
    let live_names = live.tags.iter().flat_map(BTreeMap::keys);
    let names: Vec<String> = live_names.filter(is_extra).filter(|_| wanted.replaces_tags).cloned().collect();
    let gone = names.iter().map(|name| tag_change(name, json!(MASK), Value::Null)).collect();
    let masked = |name| was(name).map_or(Value::Null, |_| json!(MASK));
    let come = tags.keys().map(|name| tag_change(name, masked(name), json!(MASK))).collect();
    let untag = (!names.is_empty()).then_some(Step { action: Action::UntagResource { names }, changes: gone });
    let tag = (!tags.is_empty()).then_some(Step { action: Action::TagResource { tags }, changes: come });
    untag.into_iter().chain(tag).collect()
}

fn tag_change(name: &str, from: Value, to: Value) -> Change {
    Change { field: format!("function_tags.{name}"), from, to }
}

/// What differs, for people: one change, or for an environment one for each variable.
fn differences(setting: &Setting, live: Option<&Setting>) -> Vec<Change> {
    let (Setting::Environment(wanted), live_variables) = (setting, environment(live)) else {
        let from = live.map_or(Value::Null, Setting::shown);
        return vec![Change { field: setting.field().to_owned(), from, to: setting.shown() }];
    };
    let names: std::collections::BTreeSet<&String> = wanted.keys().chain(live_variables.keys()).collect();
    let masked = |variables: &BTreeMap<String, Secret>, name| variables.get(name).map_or(Value::Null, |_| json!(MASK));
    let changed = names.into_iter().filter(|name| wanted.get(*name) != live_variables.get(*name));
    let changes: Vec<Change> = changed
        .map(|name| Change {
            field: format!("environment.{name}"),
            from: masked(&live_variables, name),
            to: masked(wanted, name),
        })
        .collect();
    if changes.is_empty() && live.is_none() {
        // Live variables that cannot be read are replaced by none: nothing to list, but not nothing.
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
    /// The plan as it is told.
    pub fn told(&self) -> event::Plan {
        let steps = self.steps.iter();
        event::Plan {
            function: self.function,
            steps: steps
                .map(|step| event::PlannedStep {
                    step: step.action.name(),
                    changes: step.changes.clone(),
                    waits_for: step.action.waits_for(),
                })
                .collect(),
        }
    }
}
