//! Tests what is said about callers that go around the alias, and that `follow_alias` moves the event source
//! mappings among them.

use super::*;

const MAPPINGS: &str = "/2015-03-31/event-source-mappings";
const POLICY: &str = "/2015-03-31/functions/f/policy";
const URL: &str = "/2021-10-31/functions/f/url";
const READS: [&str; 3] = ["GetFunctionUrlConfig", "GetPolicy", "ListEventSourceMappings"];

impl Fixture {
    /// Makes a queue call the function with this name. Returns the id of the mapping.
    pub(super) fn map_queue(&self, queue: &str, function: &str) -> String {
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
        let mapping = json!({"EventSourceArn": arn, "FunctionName": function});
        let made = self.another_client("POST", MAPPINGS, mapping);
        made["UUID"].as_str().expect("an id").to_owned()
    }

    /// Permits a service to invoke the function itself.
    fn permit(&self, id: &str, service: &str, source: &str) {
        let permission = json!({"StatementId": id, "Action": "lambda:InvokeFunction", "Principal": service,
            "SourceArn": source});
        self.another_client("POST", POLICY, permission);
    }

    /// A statement that allows everything, and one that denies these actions.
    pub(super) fn deny(&self, actions: &[&str]) {
        let statement =
            |effect: &str, action: Value| json!({"Effect": effect, "Action": action, "Resource": "*"});
        let statements = [statement("Allow", json!("*")), statement("Deny", json!(actions))];
        self.endpoint.enforce(json!({"Version": "2012-10-17", "Statement": statements}));
    }
}

/// The messages of all warnings with this code, without their hints.
fn messages(ended: &PluginOutput, code: &str) -> Vec<String> {
    let warnings = ended.events.iter().filter(|event| event["code"] == code);
    let message = |event: &Value| {
        let (message, hint) = (event["message"].as_str()?, event["hint"].as_str()?);
        let message = message.strip_prefix("warning: ").unwrap_or(message);
        Some(message.strip_suffix(hint)?.strip_suffix("; ")?.to_owned())
    };
    warnings.map(|event| message(event).unwrap_or_else(|| panic!("{event}"))).collect()
}

#[test]
fn who_goes_around_the_alias_is_said_before_anything_is_changed() {
    let mut fixture = Fixture::live(json!({"verify": {}}));
    let uuid = fixture.map_queue("orders", "f");
    fixture.map_queue("others", "f:live");
    fixture.permit("upload", "s3.amazonaws.com", "arn:aws:s3:::uploads");
    fixture.permit("rule", "events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/nightly");
    let url = fixture.another_client("POST", URL, json!({"AuthType": "AWS_IAM"}));
    let url = url["FunctionUrl"].as_str().expect("a URL").to_owned();
    let effect = "the function, not `live`: it gets new code before `verify`";
    let expected = [
        format!("SQS queue orders calls {effect}"),
        format!("S3 bucket uploads may call {effect}"),
        format!("EventBridge rule nightly may call {effect}"),
        format!("{url} serves the code that was deployed last, not the version at which `live` points"),
    ];
    fixture.write("// 2\n");
    for arguments in [&["plan"][..], &[]] {
        let ended = fixture.plugin(arguments).run(&fixture.request);
        assert_eq!(messages(&ended, "bypasses-alias"), expected, "{}", ended.stdout);
        let place = |event: &str| ended.events.iter().position(|it| it["event"] == event);
        assert!(place("warning") < place("planned"), "{}", ended.stdout);
        let hint = ended.events.iter().find_map(|event| event["hint"].as_str()).expect("a hint");
        assert!(hint.contains(&uuid) || hint.contains("follow_alias"), "{hint}");
    }
    assert_eq!(fixture.alias("live"), "2");

    // Without a check the alias still moves last.
    fixture.set(json!({"verify": null}));
    let unverified = fixture.deployed("// 3\n");
    let first = messages(&unverified, "bypasses-alias").swap_remove(0);
    assert_eq!(
        first,
        "SQS queue orders calls the function, not `live`: it gets new code before the alias does"
    );
}

#[test]
fn a_deployment_that_changes_nothing_reads_no_callers() {
    let mut fixture = Fixture::live(json!({}));
    fixture.map_queue("orders", "f");
    let unchanged = fixture.deploy_again();
    assert_eq!((unchanged.outcome(), warnings(&unchanged)), ("unchanged", vec![]), "{}", unchanged.stdout);
    assert!(fixture.operations().iter().all(|operation| !READS.contains(&operation.as_str())));
    fixture.set(json!({"alias": null, "publish": true}));
    let without_alias = fixture.deployed("// 2\n");
    assert_eq!(warnings(&without_alias), [""; 0]);
    assert!(fixture.operations().iter().all(|operation| !READS.contains(&operation.as_str())));
}

#[test]
fn a_mapping_that_is_disabled_calls_the_function_later() {
    let fixture = Fixture::live(json!({}));
    let uuid = fixture.map_queue("orders", "f");
    fixture.another_client("PUT", &format!("{MAPPINGS}/{uuid}"), json!({"Enabled": false}));
    let ended = fixture.deployed("// 2\n");
    let said = "SQS queue orders is disabled; once enabled, it calls the function, not `live`: it gets new code before the alias does";
    assert_eq!(messages(&ended, "bypasses-alias"), [said]);
}

#[test]
fn reads_that_are_denied_are_said_in_one_line_and_fail_nothing() {
    let fixture = Fixture::live(json!({}));
    fixture.map_queue("orders", "f");
    fixture.deny(&["lambda:GetPolicy", "lambda:ListEventSourceMappings"]);
    let ended = fixture.deployed("// 2\n");
    assert_eq!(warnings(&ended), ["callers-unknown"], "{}", ended.stdout);
    let said = "it is not known what calls the function instead of `live`: this identity may not call lambda:GetPolicy, lambda:ListEventSourceMappings";
    assert_eq!(messages(&ended, "callers-unknown"), [said]);
}

#[test]
fn all_pages_of_mappings_are_read() {
    let fixture = Fixture::live(json!({}));
    (0..120).for_each(|number| drop(fixture.map_queue(&format!("q{number}"), "f")));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(messages(&ended, "bypasses-alias").len(), 120);
    assert_eq!(fixture.endpoint.count("ListEventSourceMappings"), 3);
}

#[test]
fn a_rollback_says_what_it_does_not_reach() {
    let mut fixture = Fixture::live(json!({}));
    fixture.deployed("// 2\n");
    fixture.map_queue("orders", "f");
    let url = fixture.another_client("POST", URL, json!({"AuthType": "AWS_IAM"}));
    let url = url["FunctionUrl"].as_str().expect("a URL").to_owned();
    let expected = [
        "SQS queue orders calls the function, not `live`: this rollback does not reach it".to_owned(),
        format!("{url} serves the code that was deployed last, not the version at which `live` points"),
    ];
    fixture.set(json!({"dry_run": true}));
    let planned = fixture.rollback();
    assert_eq!(messages(&planned, "bypasses-alias"), expected, "{}", planned.stdout);
    fixture.set(json!({"dry_run": null}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", ended.stdout);
    assert_eq!(messages(&ended, "bypasses-alias"), expected);
    assert_eq!(fixture.changes(), ["UpdateAlias 1"]);
}

impl Fixture {
    /// What each queue calls, by the name of the queue.
    fn mappings(&self) -> Vec<(String, String)> {
        let listed = self.another_client("GET", &format!("{MAPPINGS}?MaxItems=1000"), Value::Null);
        let last = |text: &Value, separator: &str| {
            let text = text.as_str().expect("a string");
            text.rsplit_once(separator).map(|(_, last)| last.to_owned()).unwrap_or_default()
        };
        let mappings = listed["EventSourceMappings"].as_array().expect("a list").iter();
        let mut mappings: Vec<(String, String)> = mappings
            .map(|mapping| {
                (last(&mapping["EventSourceArn"], ":"), last(&mapping["FunctionArn"], "function:"))
            })
            .collect();
        mappings.sort();
        mappings
    }
}

/// The pairs of [`Fixture::mappings`].
fn called(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(queue, function)| ((*queue).to_owned(), (*function).to_owned())).collect()
}

#[test]
fn event_sources_follow_the_alias_after_the_check_and_before_old_versions_go() {
    let mut fixture = Fixture::live(json!({"verify": {}, "follow_alias": true, "keep_versions": 1}));
    let uuid = fixture.map_queue("orders", "f");
    fixture.deployed("// 2\n");
    fixture.map_queue("others", "f:2");
    fixture.map_queue("later", "f");
    fixture.endpoint.set_update_duration(Duration::from_millis(300));
    fixture.write("// 3\n");
    let planned = fixture.plugin(&["plan"]).run(&fixture.request);
    assert_eq!(warnings(&planned), [""; 0], "what moves needs no warning: {}", planned.stdout);
    let steps = planned.finished()["steps"].as_array().expect("a list");
    let move_step = steps.iter().find(|step| step["step"] == "update-event-source-mapping").expect("it");
    let change = &move_step["changes"][0];
    assert_eq!((&change["from"], &change["to"]), (&json!("f"), &json!("f:live")));
    assert!(change["field"].as_str().is_some_and(|field| field.starts_with("event_source.")));
    assert_eq!(move_step["waits_for"], "event-source-mapping-settled");

    let ended = fixture.deployed("// 3\n");
    let steps = ended.steps();
    let place = |name: &str| steps.iter().position(|step| *step == name).expect(name);
    assert!(place("update-alias") < place("update-event-source-mapping"), "{steps:?}");
    assert!(place("update-event-source-mapping") < place("delete-function"), "{steps:?}");
    let started = ended.events.iter().find(|event| event["step"] == "update-event-source-mapping");
    let started = started.expect("the step starts");
    assert_eq!((&started["event_source"], &started["alias"]), (&json!("SQS queue later"), &json!("live")));
    let expected = called(&[("later", "f:live"), ("orders", "f:live"), ("others", "f:2")]);
    assert_eq!(fixture.mappings(), expected);
    let settled = fixture.another_client("GET", &format!("{MAPPINGS}/{uuid}"), Value::Null);
    assert_eq!(settled["State"], "Enabled");

    // A version that does not pass moves nothing.
    fixture.map_queue("last", "f");
    fixture.endpoint.answer_invocations(Invocation { times: Some(1), ..thrown() });
    check_failed(&fixture.deploy("// 4\n"), "verification-failed", "/verify");
    assert!(fixture.mappings().contains(&("last".to_owned(), "f".to_owned())));
    // The next run of the same code moves it, and then nothing is left to do.
    assert_eq!(fixture.deploy_again().outcome(), "deployed");
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), fixture.changes()), ("unchanged", vec![]), "{}", again.stdout);
    fixture.map_queue("new", "f");
    let moved = fixture.deploy_again();
    assert_eq!((moved.outcome(), moved.steps()), ("deployed", vec!["update-event-source-mapping"]));
    fixture.set(json!({"follow_alias": null}));
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn a_disabled_mapping_follows_and_stays_disabled() {
    let fixture = Fixture::live(json!({"follow_alias": true}));
    let uuid = fixture.map_queue("orders", "f");
    let mapping = format!("{MAPPINGS}/{uuid}");
    fixture.another_client("PUT", &mapping, json!({"Enabled": false}));
    fixture.deployed("// 2\n");
    let settled = fixture.another_client("GET", &mapping, Value::Null);
    assert_eq!(
        (&settled["State"], fixture.mappings()),
        (&json!("Disabled"), called(&[("orders", "f:live")]))
    );
}

#[test]
fn a_failure_half_way_says_which_event_sources_have_moved() {
    let fixture = Fixture::live(json!({"follow_alias": true}));
    ["orders", "returns", "stock"].iter().for_each(|queue| drop(fixture.map_queue(queue, "f")));
    let denied = Fault::once("UpdateEventSourceMapping", FaultKind::denied());
    fixture.endpoint.fault(Fault { after: 1, ..denied });
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "access-denied", "/follow_alias");
    let message = error(&ended, "message");
    let (_, names) = message.split_once("; moved to `live`: ").expect(message);
    let (moved, left) = names.split_once("; not moved: ").expect(message);
    let at = |function: &str| -> Vec<String> {
        let mappings = fixture.mappings().into_iter().filter(|(_, called)| called == function);
        mappings.map(|(queue, _)| format!("SQS queue {queue}")).collect()
    };
    assert_eq!(at("f:live"), [moved]);
    let mut left: Vec<&str> = left.split(", ").collect();
    left.sort_unstable();
    assert_eq!(at("f"), left);
    let changed = &ended.finished()["changed"];
    assert!(changed.as_array().is_some_and(|steps| steps.contains(&json!("update-event-source-mapping"))));
    assert_eq!(fixture.deploy_again().outcome(), "deployed");
    assert_eq!(at("f:live").len(), 3);
}

#[test]
fn a_denied_list_fails_what_depends_on_it() {
    let fixture = Fixture::live(json!({"follow_alias": true}));
    fixture.deny(&["lambda:ListEventSourceMappings"]);
    check_failed(&fixture.deploy("// 2\n"), "access-denied", "/follow_alias");
    assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "1"));
}
