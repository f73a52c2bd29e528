//! What is wanted, the archive and what is live in; the steps to take out. Nothing to do is an empty list.
//! Never touches anything: the same plan is shown by `plan` and carried out by `deploy`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::code::{Code, Delivery, Object};
use crate::function::{Live, Setting, Wanted};
use crate::protocol::event::{self, Change, FunctionPresence, StepName};
use crate::protocol::secret::{MASK, Secret};

/// What will be done, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether the function is there already.
    pub function: FunctionPresence,
    /// The steps. Empty: the function is live as the stanza asks.
    pub steps: Vec<Step>,
}

/// One step: what it does, and what it changes by that.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What it changes, secrets masked.
    pub changes: Vec<Change>,
}

/// The AWS operation of a step, with everything that its request needs but the archive.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// CreateFunction.
    CreateFunction {
        /// All settings that the stanza names.
        settings: Vec<Setting>,
        /// The tags that it names.
        tags: BTreeMap<String, Secret>,
        /// Where its code is. `None`: the archive travels in the call.
        object: Option<Object>,
    },
    /// PutObject or CreateMultipartUpload of S3, unless the archive is there already.
    UploadPackage {
        /// Where it goes.
        object: Object,
    },
    /// UpdateFunctionConfiguration.
    UpdateFunctionConfiguration {
        /// The settings that differ, each whole structure of AWS's with them.
        settings: Vec<Setting>,
    },
    /// TagResource.
    TagResource {
        /// The tags that are new or differ.
        tags: BTreeMap<String, Secret>,
    },
    /// UpdateFunctionCode.
    UpdateFunctionCode {
        /// Where the code is. `None`: the archive travels in the call.
        object: Option<Object>,
    },
    /// PublishVersion.
    PublishVersion,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The function has to be created, and the stanza lacks what only it can tell.
    CannotCreate {
        /// The keys that are missing.
        missing: Vec<&'static str>,
    },
}

/// Compares what is wanted with what is live.
///
/// A package that goes by way of a bucket is sent before anything is changed: that takes longest, and fails alone.
/// Settings go before code, as in dpl: new code may need a new variable, while old code seldom minds one. Tags lie
/// between them because they fail for want of a permission only, and then the old code is still live.
///
/// # Errors
/// [`PlanError`], when the function is absent and cannot be created from this stanza.
pub fn plan(wanted: &Wanted, code: &Code, live: Option<&Live>) -> Result<Plan, PlanError> {
    match live {
        None => create(wanted, code),
        Some(live) => Ok(update(wanted, code, live)),
    }
}

fn create(wanted: &Wanted, code: &Code) -> Result<Plan, PlanError> {
    let mut settings = wanted.settings_for(None);
    let default = wanted.default_description.clone().map(Setting::Description);
    settings.extend(default.filter(|default| !settings.iter().any(|setting| setting.is_kind_of(default))));
    settings.retain(|setting| !setting.is_empty());
    let has = |field: &str| settings.iter().any(|setting| setting.field() == field);
    let needed = [("role", "role"), ("runtime", "runtime"), ("handler", "handler_name")];
    let missing: Vec<_> = needed.iter().filter(|(field, _)| !has(field)).map(|(_, key)| *key).collect();
    if !missing.is_empty() {
        return Err(PlanError::CannotCreate { missing });
    }
    let tags = wanted.tags.clone().unwrap_or_default();
    let mut changes: Vec<Change> = settings.iter().flat_map(|setting| differences(setting, None)).collect();
    changes.extend(tags.keys().map(|name| tag_change(name, Value::Null)));
    changes.push(code_change(code, None));
    let mut steps: Vec<Step> = upload(code).into_iter().collect();
    steps.push(Step { action: Action::CreateFunction { settings, tags, object: object(code) }, changes });
    steps.extend(wanted.publish.then(publish));
    Ok(Plan { function: FunctionPresence::Absent, steps })
}

fn update(wanted: &Wanted, code: &Code, live: &Live) -> Plan {
    let mut steps = Vec::new();
    let is_live = code.sha256.as_ref() == Some(&live.code_sha256);
    steps.extend(upload(code).filter(|_| !is_live));
    steps.extend(configuration(wanted, live));
    steps.extend(tags(wanted, live));
    if !is_live {
        let action = Action::UpdateFunctionCode { object: object(code) };
        steps.push(Step { action, changes: vec![code_change(code, Some(live))] });
    }
    steps.extend(wanted.publish.then(publish));
    Plan { function: FunctionPresence::Exists, steps }
}

fn upload(code: &Code) -> Option<Step> {
    let Delivery::Upload(object) = &code.delivery else { return None };
    Some(Step { action: Action::UploadPackage { object: object.clone() }, changes: Vec::new() })
}

/// Where Lambda finds the code. `None`: in the call.
fn object(code: &Code) -> Option<Object> {
    match &code.delivery {
        Delivery::Call => None,
        Delivery::Upload(object) | Delivery::Object(object) => Some(object.clone()),
    }
}

/// By hash, or, where that is not known before AWS has read the code, by the object that holds it.
fn code_change(code: &Code, live: Option<&Live>) -> Change {
    let (field, to) = match (&code.sha256, &code.delivery) {
        (None, Delivery::Upload(object) | Delivery::Object(object)) => ("code", json!(object.to_string())),
        (sha256, _) => ("code_sha256", json!(sha256)),
    };
    let from = live.filter(|_| field == "code_sha256").map_or(Value::Null, |live| json!(live.code_sha256));
    Change { field: field.to_owned(), from, to }
}

fn configuration(wanted: &Wanted, live: &Live) -> Option<Step> {
    let differs = |setting: &Setting| live.setting(setting).is_none_or(|live| !setting.is_same_as(live));
    let mut settings: Vec<Setting> = wanted.settings_for(live.runtime()).into_iter().filter(differs).collect();
    if settings.is_empty() {
        return None;
    }
    let changes = settings.iter().flat_map(|setting| differences(setting, live.setting(setting))).collect();
    complete_structures(&mut settings, live);
    Some(Step { action: Action::UpdateFunctionConfiguration { settings }, changes })
}

/// A structure of AWS's is replaced whole, so the half that the stanza does not name travels along with its live value.
fn complete_structures(settings: &mut Vec<Setting>, live: &Live) {
    let structures = [[Setting::SubnetIds(Vec::new()), Setting::SecurityGroupIds(Vec::new())]];
    for members in structures {
        let is_named = |member: &Setting| settings.iter().any(|setting| setting.is_kind_of(member));
        if members.iter().any(is_named) {
            let silent: Vec<&Setting> = members.iter().filter(|member| !is_named(member)).collect();
            let kept: Vec<Setting> = silent.into_iter().filter_map(|member| live.setting(member)).cloned().collect();
            settings.extend(kept);
        }
    }
}

fn tags(wanted: &Wanted, live: &Live) -> Option<Step> {
    let is_live = |name: &String, value: &Secret| live.tags.as_ref().is_some_and(|tags| tags.get(name) == Some(value));
    let tags: BTreeMap<String, Secret> = wanted
        .tags
        .iter()
        .flatten()
        .filter(|(name, value)| !is_live(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let was = |name: &String| live.tags.as_ref().is_some_and(|tags| tags.contains_key(name));
    let changes = tags.keys().map(|name| tag_change(name, if was(name) { json!(MASK) } else { Value::Null })).collect();
    (!tags.is_empty()).then_some(Step { action: Action::TagResource { tags }, changes })
}

fn tag_change(name: &str, from: Value) -> Change {
    Change { field: format!("function_tags.{name}"), from, to: json!(MASK) }
}

fn publish() -> Step {
    Step { action: Action::PublishVersion, changes: Vec::new() }
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
                .map(|step| event::PlannedStep { step: step.action.name(), changes: step.changes.clone() })
                .collect(),
        }
    }
}

impl Action {
    /// The step's name in events.
    pub fn name(&self) -> StepName {
        match self {
            Action::CreateFunction { .. } => StepName::CreateFunction,
            Action::UpdateFunctionConfiguration { .. } => StepName::UpdateFunctionConfiguration,
            Action::TagResource { .. } => StepName::TagResource,
            Action::UploadPackage { .. } => StepName::UploadPackage,
            Action::UpdateFunctionCode { .. } => StepName::UpdateFunctionCode,
            Action::PublishVersion => StepName::PublishVersion,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Handler;
    use crate::protocol::name::FunctionName;

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, Secret> {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    }

    fn wanted(settings: Vec<Setting>) -> Wanted {
        let name = FunctionName::parse("f").expect("a name");
        Wanted { name, settings, handler: None, tags: None, publish: false, default_description: None }
    }

    fn live() -> Live {
        Live {
            arn: "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
            settings: vec![
                Setting::Runtime("java21".to_owned()),
                Setting::Handler("A::b".to_owned()),
                Setting::Timeout(3),
                Setting::Description(String::new()),
                Setting::SubnetIds(vec!["subnet-1".to_owned()]),
                Setting::SecurityGroupIds(vec!["sg-1".to_owned()]),
                Setting::Environment(pairs([("A", "1"), ("B", "2")])),
            ],
            tags: Some(pairs([("team", "x")])),
            code_sha256: "live".to_owned(),
        }
    }

    fn code(sha256: &str) -> Code {
        Code { sha256: Some(sha256.to_owned()), delivery: Delivery::Call }
    }

    fn steps(plan: &Plan) -> Vec<StepName> {
        plan.steps.iter().map(|step| step.action.name()).collect()
    }

    fn fields(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect()
    }

    #[test]
    fn what_is_live_already_needs_no_step() {
        let same = live().settings;
        let plan = plan(&wanted(same), &code("live"), Some(&live())).expect("a plan");
        assert!(plan.steps.is_empty(), "{plan:?}");
    }

    #[test]
    fn a_silent_stanza_keeps_every_live_value() {
        let plan = plan(&wanted(Vec::new()), &code("live"), Some(&live())).expect("a plan");
        assert!(plan.steps.is_empty());
    }

    #[test]
    fn only_what_differs_is_changed_in_dpls_order() {
        let mut wanted = wanted(vec![Setting::Timeout(10), Setting::Description(String::new())]);
        wanted.tags = Some(pairs([("team", "x"), ("new", "y")]));
        wanted.publish = true;
        let plan = plan(&wanted, &code("other"), Some(&live())).expect("a plan");
        assert_eq!(
            steps(&plan),
            [
                StepName::UpdateFunctionConfiguration,
                StepName::TagResource,
                StepName::UpdateFunctionCode,
                StepName::PublishVersion
            ]
        );
        assert_eq!(fields(&plan), ["timeout", "function_tags.new", "code_sha256"]);
        assert_eq!(plan.steps[0].action, Action::UpdateFunctionConfiguration { settings: vec![Setting::Timeout(10)] });
    }

    #[test]
    fn a_handler_without_a_runtime_is_joined_by_the_live_one() {
        let mut wanted = wanted(Vec::new());
        wanted.handler = Some(Handler { module: Some("A".to_owned()), name: "c".to_owned() });
        let plan = plan(&wanted, &code("live"), Some(&live())).expect("a plan");
        assert_eq!(plan.steps[0].changes[0].to, json!("A::c"));
    }

    #[test]
    fn naming_security_groups_alone_keeps_the_live_subnets() {
        let groups = Setting::SecurityGroupIds(vec!["sg-2".to_owned()]);
        let plan = plan(&wanted(vec![groups.clone()]), &code("live"), Some(&live())).expect("a plan");
        assert_eq!(fields(&plan), ["security_group_ids"]);
        let subnets = Setting::SubnetIds(vec!["subnet-1".to_owned()]);
        assert_eq!(plan.steps[0].action, Action::UpdateFunctionConfiguration { settings: vec![groups, subnets] });
    }

    #[test]
    fn an_environment_tells_each_variable_and_no_value() {
        let environment = Setting::Environment(pairs([("A", "1"), ("B", "3"), ("C", "4")]));
        let plan = plan(&wanted(vec![environment]), &code("live"), Some(&live())).expect("a plan");
        assert_eq!(fields(&plan), ["environment.B", "environment.C"]);
        assert_eq!(plan.steps[0].changes[1].from, Value::Null);
        assert!(!format!("{:?}", plan.told()).contains('3'));
    }

    #[test]
    fn an_empty_value_clears() {
        let plan =
            plan(&wanted(vec![Setting::Environment(BTreeMap::new())]), &code("live"), Some(&live())).expect("a plan");
        assert_eq!(fields(&plan), ["environment.A", "environment.B"]);
        assert!(plan.steps[0].changes.iter().all(|change| change.to == Value::Null));
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_not_empty() {
        let mut unreadable = live();
        unreadable.tags = None;
        unreadable.settings.retain(|setting| !matches!(setting, Setting::Environment(_)));
        let mut wanted = wanted(vec![Setting::Environment(BTreeMap::new())]);
        wanted.tags = Some(pairs([("team", "x")]));
        let plan = plan(&wanted, &code("live"), Some(&unreadable)).expect("a plan");
        assert_eq!(steps(&plan), [StepName::UpdateFunctionConfiguration, StepName::TagResource]);
        assert_eq!(fields(&plan), ["environment", "function_tags.team"]);
    }

    #[test]
    fn creation_takes_everything_that_is_not_empty() {
        let mut wanted = wanted(vec![
            Setting::Role("r".to_owned()),
            Setting::Runtime("nodejs22.x".to_owned()),
            Setting::Description(String::new()),
        ]);
        wanted.handler = Some(Handler { module: None, name: "handler".to_owned() });
        wanted.tags = Some(pairs([("team", "x")]));
        let plan = plan(&wanted, &code("code"), None).expect("a plan");
        assert_eq!(steps(&plan), [StepName::CreateFunction]);
        assert_eq!(fields(&plan), ["role", "runtime", "handler", "function_tags.team", "code_sha256"]);
    }

    #[test]
    fn only_creation_takes_the_default_description_and_only_where_the_stanza_is_silent() {
        let fields = |settings: Vec<Setting>, live: Option<&Live>| {
            let needed = [Setting::Role("r".to_owned()), Setting::Runtime("java21".to_owned())];
            let mut wanted = wanted(settings.into_iter().chain(needed).collect());
            wanted.handler = Some(Handler { module: Some("A".to_owned()), name: "b".to_owned() });
            wanted.default_description = Some("build 7".to_owned());
            let plan = plan(&wanted, &code("live"), live).expect("a plan");
            plan.steps.iter().flat_map(|step| &step.changes).filter(|c| c.field == "description").count()
        };
        assert_eq!(fields(Vec::new(), None), 1);
        assert_eq!(fields(vec![Setting::Description(String::new())], None), 0);
        assert_eq!(fields(Vec::new(), Some(&live())), 0);
    }

    #[test]
    fn creation_names_every_key_that_is_missing() {
        let error = plan(&wanted(vec![Setting::Timeout(1)]), &code("code"), None).unwrap_err();
        assert_eq!(error, PlanError::CannotCreate { missing: vec!["role", "runtime", "handler_name"] });
    }

    #[test]
    fn a_bucket_on_the_way_comes_first_and_only_for_new_code() {
        let object = Object { bucket: "b".to_owned(), key: "k".to_owned(), version: None };
        let by_bucket = |sha256: &str| Code { delivery: Delivery::Upload(object.clone()), ..code(sha256) };
        let wanted = wanted(vec![Setting::Timeout(10)]);
        let plan = |sha256| plan(&wanted, &by_bucket(sha256), Some(&live())).expect("a plan");
        assert_eq!(steps(&plan("live")), [StepName::UpdateFunctionConfiguration]);
        let new = [StepName::UploadPackage, StepName::UpdateFunctionConfiguration, StepName::UpdateFunctionCode];
        assert_eq!(steps(&plan("new")), new);
    }

    #[test]
    fn an_object_that_nobody_knows_the_hash_of_is_told_by_its_place() {
        let object = Object { bucket: "b".to_owned(), key: "k".to_owned(), version: Some("3".to_owned()) };
        let code = Code { sha256: None, delivery: Delivery::Object(object.clone()) };
        let plan = plan(&wanted(Vec::new()), &code, Some(&live())).expect("a plan");
        assert_eq!(plan.steps[0].action, Action::UpdateFunctionCode { object: Some(object) });
        let change = &plan.steps[0].changes[0];
        assert_eq!(
            (change.field.as_str(), &change.from, &change.to),
            ("code", &Value::Null, &json!("s3://b/k?versionId=3"))
        );
    }
}
