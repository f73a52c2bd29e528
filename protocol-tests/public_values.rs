//! Tests what the program says about values that AWS will refuse: before it changes anything, and only where
//! that is true.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::plugin::PluginOutput;

/// The pointers and messages of the warnings with this code.
fn warnings<'a>(ended: &'a PluginOutput, code: &str) -> Vec<(&'a str, &'a str)> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning" && event["code"] == code);
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    warnings.map(|event| (text(&event["at"]), text(&event["message"]))).collect()
}

/// Checks that these are the `out-of-range` warnings, each with a part of its message.
#[track_caller]
fn check(ended: &PluginOutput, expected: &[(&str, &str)]) {
    let found = warnings(ended, "out-of-range");
    assert_eq!(found.len(), expected.len(), "{expected:?}\n{}", ended.stdout);
    for ((at, message), (expected_at, part)) in found.iter().zip(expected) {
        assert_eq!(at, expected_at, "{}", ended.stdout);
        assert!(message.contains(part), "`{part}` is missing: {message}");
    }
}

#[test]
fn a_plan_warns_about_each_value_that_aws_will_refuse() {
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:x";
    let two_layers = format!("{layer}:1, {layer}:2");
    let fixture = Fixture::new(json!({}));
    for (members, expected) in [
        (
            json!({"subnet_ids": "subnet-1a,subnet-1b", "security_group_ids": "sg-1"}),
            &[("/subnet_ids", "2 values in one text: `subnet-1a,subnet-1b`; write a list")][..],
        ),
        (
            json!({"layers": two_layers}),
            &[("/layers", "2 values in one text: a string of 96 characters; write")],
        ),
        (json!({"subnet_ids": "subnet-1a"}), &[("/subnet_ids", "`subnet_ids` without `security_group_ids`")]),
        (
            json!({"security_group_ids": ["sg-1"]}),
            &[("/security_group_ids", "`security_group_ids` without `subnet_ids`")],
        ),
        (
            json!({"environment": ["AWS_REGION=eu-west-1"]}),
            &[("/environment/0", "`AWS_REGION` in `environment` is reserved")],
        ),
        (json!({"environment": ["X=1"]}), &[("/environment/0", "AWS documents at least two")]),
        (
            json!({"function_tags": ["aws:x=1", "v=1,2"]}),
            &[("/function_tags/0", "begins with `aws:`"), ("/function_tags/1", "has a comma")],
        ),
        (
            json!({"role": "arn:aws:lambda:us-east-1:123456789012:function:g"}),
            &[("/role", "`role` is not an ARN such as arn:aws:iam::…:role/…, and IAM will refuse it")],
        ),
        (json!({"environment": {"STAGE": "test"}, "function_tags": {"team": "blue"}}), &[]),
    ] {
        let ended = fixture.run(&["plan"], &members);
        assert_eq!(ended.outcome(), "planned", "{members}\n{}", ended.stdout);
        check(&ended, expected);
    }
    assert_eq!(fixture.changes(), [""; 0]);
}

#[test]
fn live_values_of_the_vpc_and_of_variables_count() {
    let network = json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]});
    let mut fixture = Fixture::new(network);
    fixture.set(json!({"environment": {"OLD": "x".repeat(3000)}}));
    fixture.deployed("// 1\n");
    fixture.set(json!({"security_group_ids": null, "environment": null}));
    check(&fixture.run(&["plan"], &json!({"subnet_ids": ["subnet-2"]})), &[]);
    let leaves = fixture.run(&["plan"], &json!({"subnet_ids": []}));
    check(&leaves, &[("/subnet_ids", "`security_group_ids` without `subnet_ids`")]);
    let more = json!({"environment": {"NEW": "x".repeat(2000)}, "merge_environment": true});
    check(&fixture.run(&["plan"], &more), &[("/environment", "AWS documents at most 4096")]);
}

#[test]
fn a_runtime_without_new_functions_is_said_only_where_the_function_is_new() {
    let closed =
        "`ruby2.7` has been deprecated since 2023-12-07; AWS no longer creates functions that use it";
    for (command, outcome) in [("check", "checked"), ("plan", "planned"), ("deploy", "failed")] {
        let ended = Fixture::new(json!({"runtime": "ruby2.7"})).run(&[command], &json!({}));
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
        let found = warnings(&ended, "deprecated-runtime");
        assert!(found.len() == 1 && found[0].1.contains(closed), "{command}: {found:?}");
    }
    let mut fixture = Fixture::new(json!({"runtime": "nodejs20.x"}));
    let said = |fixture: &Fixture| {
        let plugin = fixture.plugin(&["plan"]).env("DPL_LAMBDA_TODAY", "2027-02-10");
        let ended = plugin.run(&fixture.request);
        let found = warnings(&ended, "deprecated-runtime");
        found.iter().map(|(_, message)| (*message).to_owned()).collect::<Vec<_>>().join("\n")
    };
    assert!(said(&fixture).contains("AWS no longer creates functions that use it"));
    fixture.deployed("// 1\n");
    assert!(said(&fixture).contains("from 2027-03-03 AWS refuses to update functions that use it"));
    fixture.set(json!({"runtime": null}));
    assert!(said(&fixture).contains("the live function's runtime `nodejs20.x`"));
}

#[test]
fn a_description_is_cut_after_it_has_been_filled_in() {
    let mut fixture = Fixture::new(json!({"description": format!("{}%{{build_number}}", "ä".repeat(250))}));
    fixture.request["env"]["TRAVIS_BUILD_NUMBER"] = json!("12345678");
    let created = fixture.deployed("// 1\n");
    check(&created, &[("/description", "258 characters; AWS documents at most 256, so the rest is cut off")]);
    let live = fixture.endpoint.function("f").expect("the function exists");
    assert_eq!(live["Configuration"]["Description"], json!(format!("{}123456", "ä".repeat(250))));
    let again = fixture.deploy_again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);

    fixture.set(json!({"description": "x".repeat(250), "publish": true}));
    let published = fixture.deploy_again();
    check(&published, &[("/description", "the description of the version has 266 characters")]);
    let calls = fixture.endpoint.calls();
    let call = calls.iter().find(|call| call.operation == "PublishVersion").expect("the call was made");
    assert_eq!(call.body["Description"], json!(format!("{}, buil", "x".repeat(250))));
}

#[test]
fn the_beginning_of_a_secret_in_a_cut_description_is_not_shown() {
    let mut fixture = Fixture::new(json!({"description": format!("{} $DB_PASSWORD", "x".repeat(245))}));
    fixture.request["env"]["DB_PASSWORD"] = json!("hunter2/hunter3");
    let plugin = fixture.plugin(&["plan"]).secrets(["hunter2".to_owned()]);
    let ended = plugin.run(&fixture.request);
    assert_eq!(ended.outcome(), "planned", "{}", ended.stdout);
    check(&ended, &[("/description", "so the rest is cut off")]);
}
