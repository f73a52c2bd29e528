//! Tests of plans: desired function, code and live function, with the expected steps.

use std::sync::Arc;

use super::*;
use crate::code_source::Object;
use crate::function::{Handler, LiveImage, Release};
use crate::package::Archive;
use crate::protocol::event::StepName;
use crate::protocol::name::FunctionName;

pub(super) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, Secret> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
}

pub(super) fn desired(settings: Vec<Setting>) -> DesiredFunction {
    let name = FunctionName::parse("f").expect("a name");
    DesiredFunction {
        name,
        settings,
        layers: None,
        handler: None,
        tags: None,
        replaces_tags: false,
        merges_environment: false,
        url: None,
        event_invoke: None,
        revision_id: None,
        release: Release::default(),
        default_description: None,
    }
}

pub(crate) fn live() -> LiveFunction {
    LiveFunction {
        arn: "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
        settings: vec![
            Setting::Runtime("java21".to_owned()),
            Setting::Handler("A::b".to_owned()),
            Setting::Timeout(3),
            Setting::Description(String::new()),
            Setting::SubnetIds(ids("subnet-1")),
            Setting::SecurityGroupIds(ids("sg-1")),
            Setting::Environment(pairs([("A", "1"), ("B", "2")])),
        ],
        tags: Some(pairs([("team", "x")])),
        code_sha256: "live".to_owned(),
        revision_id: Some("r1".to_owned()),
        ..LiveFunction::default()
    }
}

fn ids(id: &str) -> BTreeSet<String> {
    BTreeSet::from([id.to_owned()])
}

pub(super) fn code(sha256: &str) -> Code {
    Code { sha256: Some(sha256.to_owned()), delivery: Some(in_call()), ..Code::default() }
}

/// Equal for all archives without content.
fn archive() -> Arc<Archive> {
    Arc::new(Archive::empty())
}

fn in_call() -> Delivery {
    Delivery::Call(archive())
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
    let plan = plan(&desired(same), &code("live"), Some(&live())).expect("a plan");
    assert!(plan.steps.is_empty(), "{plan:?}");
}

#[test]
fn a_silent_stanza_keeps_every_live_value() {
    let plan = plan(&desired(Vec::new()), &code("live"), Some(&live())).expect("a plan");
    assert!(plan.steps.is_empty());
}

#[test]
fn only_what_differs_is_changed_and_code_follows_settings_at_once() {
    let mut desired = desired(vec![Setting::Timeout(10), Setting::Description(String::new())]);
    desired.tags = Some(pairs([("team", "x"), ("new", "y")]));
    desired.release.publish = true;
    let plan = plan(&desired, &code("other"), Some(&live())).expect("a plan");
    assert_eq!(
        steps(&plan),
        [
            StepName::UpdateFunctionConfiguration,
            StepName::UpdateFunctionCode,
            StepName::PublishVersion,
            StepName::TagResource
        ]
    );
    assert_eq!(fields(&plan), ["timeout", "code_sha256", "function_tags.new"]);
    assert_eq!(
        plan.steps[0].action,
        Action::Write(WriteCall::UpdateFunctionConfiguration { settings: vec![Setting::Timeout(10)] })
    );
}

#[test]
fn a_handler_without_a_runtime_is_joined_by_the_live_one() {
    let mut desired = desired(Vec::new());
    desired.handler = Some(Handler { module: Some("A".to_owned()), name: "c".to_owned() });
    let plan = plan(&desired, &code("live"), Some(&live())).expect("a plan");
    assert_eq!(plan.steps[0].changes[0].to, json!("A::c"));
}

#[test]
fn naming_security_groups_alone_keeps_the_live_subnets() {
    let groups = Setting::SecurityGroupIds(ids("sg-2"));
    let plan = plan(&desired(vec![groups.clone()]), &code("live"), Some(&live())).expect("a plan");
    assert_eq!(fields(&plan), ["security_group_ids"]);
    let subnets = Setting::SubnetIds(ids("subnet-1"));
    assert_eq!(
        plan.steps[0].action,
        Action::Write(WriteCall::UpdateFunctionConfiguration { settings: vec![groups, subnets] })
    );
}

#[test]
fn an_environment_shows_each_variable_and_no_value() {
    let environment = Setting::Environment(pairs([("A", "1"), ("B", "3"), ("C", "4")]));
    let plan = plan(&desired(vec![environment]), &code("live"), Some(&live())).expect("a plan");
    assert_eq!(fields(&plan), ["environment.B", "environment.C"]);
    assert_eq!(plan.steps[0].changes[1].from, Value::Null);
    assert!(!format!("{:?}", plan.to_event()).contains('3'));
}

#[test]
fn an_empty_value_clears() {
    let plan = plan(&desired(vec![Setting::Environment(BTreeMap::new())]), &code("live"), Some(&live()))
        .expect("a plan");
    assert_eq!(fields(&plan), ["environment.A", "environment.B"]);
    assert!(plan.steps[0].changes.iter().all(|change| change.to == Value::Null));
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_empty() {
    let mut unreadable = live();
    unreadable.tags = None;
    unreadable.settings.retain(|setting| !matches!(setting, Setting::Environment(_)));
    let mut desired = desired(vec![Setting::Environment(BTreeMap::new())]);
    desired.tags = Some(pairs([("team", "x")]));
    let plan = plan(&desired, &code("live"), Some(&unreadable)).expect("a plan");
    assert_eq!(steps(&plan), [StepName::UpdateFunctionConfiguration, StepName::TagResource]);
    assert_eq!(fields(&plan), ["environment", "function_tags.team"]);
}

#[test]
fn creation_takes_everything_that_is_not_empty() {
    let mut desired = desired(vec![
        Setting::Role("r".to_owned()),
        Setting::Runtime("nodejs22.x".to_owned()),
        Setting::Description(String::new()),
    ]);
    desired.handler = Some(Handler { module: None, name: "handler".to_owned() });
    desired.tags = Some(pairs([("team", "x")]));
    let plan = plan(&desired, &code("code"), None).expect("a plan");
    assert_eq!(steps(&plan), [StepName::CreateFunction]);
    assert_eq!(fields(&plan), ["role", "runtime", "handler", "function_tags.team", "code_sha256"]);
}

#[test]
fn only_creation_takes_the_default_description_and_only_where_the_stanza_is_silent() {
    let fields = |settings: Vec<Setting>, live: Option<&LiveFunction>| {
        let needed = [Setting::Role("r".to_owned()), Setting::Runtime("java21".to_owned())];
        let mut desired = desired(settings.into_iter().chain(needed).collect());
        desired.handler = Some(Handler { module: Some("A".to_owned()), name: "b".to_owned() });
        desired.default_description = Some("build 7".to_owned());
        let plan = plan(&desired, &code("live"), live).expect("a plan");
        plan.steps.iter().flat_map(|step| &step.changes).filter(|c| c.field == "description").count()
    };
    assert_eq!(fields(Vec::new(), None), 1);
    assert_eq!(fields(vec![Setting::Description(String::new())], None), 0);
    assert_eq!(fields(Vec::new(), Some(&live())), 0);
}

#[test]
fn creation_names_every_key_that_is_missing() {
    let error = plan(&desired(vec![Setting::Timeout(1)]), &code("code"), None).unwrap_err();
    assert_eq!(error, PlanError::CannotCreate { missing: vec!["role", "runtime", "handler_name"] });
}

#[test]
fn a_bucket_on_the_way_comes_first_and_only_for_new_code() {
    let object = Object { bucket: "b".to_owned(), key: "k".to_owned(), version: None };
    let delivery = Delivery::Upload(object, archive());
    let by_bucket = |sha256: &str| Code { delivery: Some(delivery.clone()), ..code(sha256) };
    let desired = desired(vec![Setting::Timeout(10)]);
    let plan = |sha256| plan(&desired, &by_bucket(sha256), Some(&live())).expect("a plan");
    assert_eq!(steps(&plan("live")), [StepName::UpdateFunctionConfiguration]);
    let new = [StepName::UploadPackage, StepName::UpdateFunctionConfiguration, StepName::UpdateFunctionCode];
    assert_eq!(steps(&plan("new")), new);
}

#[test]
fn an_object_that_nobody_knows_the_hash_of_is_reported_by_its_place() {
    let object = Object { bucket: "b".to_owned(), key: "k".to_owned(), version: Some("3".to_owned()) };
    let code = Code { delivery: Some(Delivery::Object(object.clone())), ..Code::default() };
    let plan = plan(&desired(Vec::new()), &code, Some(&live())).expect("a plan");
    assert_eq!(
        plan.steps[0].action,
        Action::Write(WriteCall::UpdateFunctionCode {
            settings: Vec::new(),
            delivery: Delivery::Object(object)
        })
    );
    let change = &plan.steps[0].changes[0];
    assert_eq!(
        (change.field.as_str(), &change.from, &change.to),
        ("code", &Value::Null, &json!("s3://b/k?versionId=3"))
    );
}

fn call(step: Step) -> WriteCall {
    match step.action {
        Action::Write(call) => call,
        other => panic!("{other:?}"),
    }
}

fn changed(desired: &DesiredFunction, live: &LiveFunction) -> Vec<WriteCall> {
    let plan = plan(desired, &code("live"), Some(live)).expect("a plan");
    plan.steps.into_iter().map(call).collect()
}

#[test]
fn what_travels_with_the_code_sends_it_again_and_keeps_the_rest_of_it() {
    let text = |text: &str| text.to_owned();
    let mut live = live();
    live.settings.extend([Setting::Architecture(text("x86_64")), Setting::SourceKmsKeyArn(text("key"))]);
    let arm = Setting::Architecture(text("arm64"));
    let settings = vec![arm.clone(), Setting::SourceKmsKeyArn(text("key"))];
    let sent = WriteCall::UpdateFunctionCode { settings, delivery: in_call() };
    assert_eq!(changed(&desired(vec![arm]), &live), [sent]);
    assert_eq!(changed(&desired(vec![Setting::Architecture(text("x86_64"))]), &live), []);
}

#[test]
fn a_switch_to_text_logs_leaves_the_levels_behind() {
    let text = |text: &str| text.to_owned();
    let (group, level) = (Setting::LogGroup(text("/g")), Setting::ApplicationLogLevel(text("WARN")));
    let mut live = live();
    live.settings.extend([Setting::LogFormat(text("JSON")), group.clone(), level]);
    let format = Setting::LogFormat(text("Text"));
    let sent = WriteCall::UpdateFunctionConfiguration { settings: vec![format.clone(), group] };
    assert_eq!(changed(&desired(vec![format]), &live), [sent]);
}

#[test]
fn an_empty_log_level_is_the_default_of_json_logs_and_none_of_text() {
    let format = |format: &str| Setting::LogFormat(format.to_owned());
    let level = |level: &str| Setting::SystemLogLevel(level.to_owned());
    let with = |settings: [Setting; 2]| {
        let mut live = live();
        live.settings.extend(settings);
        live
    };
    let (text, json) = (with([format("Text"), level("")]), with([format("JSON"), level("WARN")]));
    let sent = |settings| vec![WriteCall::UpdateFunctionConfiguration { settings }];
    for (settings, live, expected) in [
        (vec![level("")], &text, vec![]),
        (vec![format("Text"), level("")], &text, vec![]),
        (vec![format("Text"), level("")], &json, sent(vec![format("Text")])),
        (vec![level("")], &json, sent(vec![level("INFO"), format("JSON")])),
        (vec![format("JSON"), level("")], &text, sent(vec![format("JSON"), level("INFO")])),
    ] {
        assert_eq!(changed(&desired(settings.clone()), live), expected, "{settings:?}");
    }
}

#[test]
fn leaving_a_vpc_leaves_ipv6_too() {
    let mut live = live();
    live.settings.push(Setting::Ipv6AllowedForDualStack(true));
    let none = [Setting::SubnetIds(BTreeSet::new()), Setting::SecurityGroupIds(BTreeSet::new())];
    let settings = none.iter().cloned().chain([Setting::Ipv6AllowedForDualStack(false)]).collect();
    let sent = WriteCall::UpdateFunctionConfiguration { settings };
    assert_eq!(changed(&desired(none.into()), &live), [sent]);
}

#[test]
fn tags_that_replace_the_live_ones_leave_awss_alone() {
    let mut live = live();
    live.tags = Some(pairs([("team", "x"), ("old", "y"), ("aws:cloudformation:stack-name", "z")]));
    let mut desired = desired(Vec::new());
    desired.tags = Some(pairs([("team", "x")]));
    assert_eq!(changed(&desired, &live), []);
    desired.replaces_tags = true;
    assert_eq!(changed(&desired, &live), [WriteCall::UntagResource { names: vec!["old".to_owned()] }]);
}

#[test]
fn variables_are_merged_when_asked_and_never_into_unknown_ones() {
    let mut desired = desired(vec![Setting::Environment(pairs([("B", "3")]))]);
    desired.merges_environment = true;
    let both = Setting::Environment(pairs([("A", "1"), ("B", "3")]));
    let sent = WriteCall::UpdateFunctionConfiguration { settings: vec![both] };
    assert_eq!(changed(&desired, &live()), [sent]);
    let mut unreadable = live();
    unreadable.settings.retain(|setting| !matches!(setting, Setting::Environment(_)));
    let error = plan(&desired, &code("live"), Some(&unreadable)).unwrap_err();
    assert_eq!(error, PlanError::EnvironmentUnreadable);
}

#[test]
fn only_a_digest_proves_that_an_image_is_live() {
    let digest = "r/i@sha256:1";
    let live = LiveFunction {
        image: Some(LiveImage { uri: "r/i:main".to_owned(), resolved: digest.to_owned() }),
        ..live()
    };
    let image = |uri: &str| Code { delivery: Some(Delivery::Image(uri.to_owned())), ..Code::default() };
    let steps = |uri| plan(&desired(Vec::new()), &image(uri), Some(&live)).expect("a plan").steps.len();
    assert_eq!((steps(digest), steps("r/i@sha256:2"), steps("r/i:main")), (0, 1, 1));
    // Next to a digest, the tag means nothing.
    assert_eq!((steps("r/i:7@sha256:1"), steps("r:7/i@sha256:1"), steps("r/i:7@sha256:2")), (0, 1, 1));
    let error = plan(&desired(Vec::new()), &code("live"), Some(&live)).unwrap_err();
    assert_eq!(error, PlanError::OtherPackageType { is_image: true });
}

#[test]
fn another_revision_is_not_touched() {
    let mut desired = desired(vec![Setting::Timeout(9)]);
    desired.revision_id = Some("r0".to_owned());
    let error = plan(&desired, &code("live"), Some(&live())).unwrap_err();
    assert_eq!(error, PlanError::OtherRevision { exists: true, live: Some("r1".to_owned()) });
}

#[test]
fn what_failed_is_sent_again() {
    let failed = LiveFunction { has_failed: true, ..live() };
    let sent = WriteCall::UpdateFunctionCode { settings: Vec::new(), delivery: in_call() };
    assert_eq!(changed(&desired(Vec::new()), &failed), [sent]);
}

#[test]
fn the_live_image_is_named_again_where_something_travels_with_it() {
    let image = LiveImage { uri: "r/i:main".to_owned(), resolved: "r/i@sha256:1".to_owned() };
    let live = LiveFunction { image: Some(image), ..live() };
    let kept = Code::default();
    let arm = Setting::Architecture("arm64".to_owned());
    let plan = plan(&desired(vec![arm.clone()]), &kept, Some(&live)).expect("a plan");
    let delivery = Delivery::Image("r/i:main".to_owned());
    assert_eq!(
        plan.steps[0].action,
        Action::Write(WriteCall::UpdateFunctionCode { settings: vec![arm], delivery })
    );
}

#[test]
fn tags_are_not_replaced_unseen() {
    let mut desired = desired(Vec::new());
    (desired.tags, desired.replaces_tags) = (Some(pairs([("team", "x")])), true);
    let unseen = LiveFunction { tags: None, ..live() };
    assert_eq!(plan(&desired, &code("live"), Some(&unseen)).unwrap_err(), PlanError::TagsUnreadable);
}
