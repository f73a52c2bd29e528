//! Tags of functions.

use serde_json::{Value, json};

use crate::scenario::TestAccount;
use crate::uri;

fn target(arn: &str) -> String {
    format!("/2017-03-31/tags/{}", uri::encode(arn, b""))
}

#[test]
fn tags_are_merged_listed_shown_and_taken_away() {
    let mut scenario = TestAccount::with_function();
    let tags = target(crate::scenario::ARN);
    for change in [json!({"a": "1", "b": "1"}), json!({"b": "2", "c": "3"})] {
        assert_eq!(scenario.ask("POST", &tags, json!({"Tags": change})).0, 204);
    }
    let all = json!({"a": "1", "b": "2", "c": "3"});
    assert_eq!(scenario.done("GET", &tags, Value::Null)["Tags"], all);
    assert_eq!(scenario.done("GET", "/2015-03-31/functions/f", Value::Null)["Tags"], all);
    assert_eq!(scenario.ask("DELETE", &format!("{tags}?tagKeys=a&tagKeys=c"), Value::Null).0, 204);
    assert_eq!(scenario.done("GET", &tags, Value::Null)["Tags"], json!({"b": "2"}));
}

#[test]
fn versions_and_aliases_have_no_tags() {
    let text = "Tags on function aliases and versions are not supported. Please specify a function ARN.";
    let tags = target("arn:aws:lambda:us-east-1:123456789012:function:f:live");
    TestAccount::with_function().refused(
        "POST",
        &tags,
        json!({"Tags": {"a": "1"}}),
        (400, "InvalidParameterValueException"),
        text,
    );
}

#[test]
fn more_than_fifty_tags_are_too_many() {
    let tags: serde_json::Map<String, Value> = (0..51).map(|n| (n.to_string(), json!("v"))).collect();
    let text = "Number of tags exceeds resource tag limit.";
    TestAccount::with_function().refused(
        "POST",
        &target(crate::scenario::ARN),
        json!({"Tags": tags}),
        (400, "InvalidParameterValueException"),
        text,
    );
}

#[test]
fn taking_away_without_keys_is_refused() {
    let text = "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null";
    TestAccount::with_function().refused(
        "DELETE",
        &target(crate::scenario::ARN),
        Value::Null,
        (400, "ValidationException"),
        text,
    );
}
