//! Versions of layers.

use serde_json::{Value, json};

use crate::scenario::{TestAccount, zip_file};

const DEPS: &str = "/2018-10-31/layers/deps/versions";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:deps";

fn publish(scenario: &mut TestAccount, contents: &str) -> Value {
    let request = json!({"Content": {"ZipFile": zip_file(contents)}, "CompatibleRuntimes": ["nodejs22.x"]});
    scenario.done("POST", DEPS, request)
}

/// The numbers of the versions, as AWS lists them.
fn numbers(scenario: &mut TestAccount, target: &str) -> Vec<u64> {
    let listed = scenario.done("GET", target, Value::Null);
    let versions = listed["LayerVersions"].as_array().expect("a list").iter();
    versions.filter_map(|version| version["Version"].as_u64()).collect()
}

#[test]
fn a_version_has_a_number_a_hash_and_an_arn_and_the_same_content_makes_another_one() {
    let mut scenario = TestAccount::new(0, 0);
    let one = publish(&mut scenario, "1");
    assert_eq!((&one["Version"], &one["LayerArn"]), (&json!(1), &json!(ARN)));
    assert_eq!(one["LayerVersionArn"], format!("{ARN}:1"));
    assert_eq!(one["CompatibleRuntimes"], json!(["nodejs22.x"]));
    let two = publish(&mut scenario, "1");
    assert_eq!((&two["Version"], &two["Content"]), (&json!(2), &one["Content"]));
    assert_ne!(publish(&mut scenario, "2")["Content"]["CodeSha256"], one["Content"]["CodeSha256"]);
    let read = scenario.done("GET", &format!("{DEPS}/1"), Value::Null);
    assert_eq!(read, one);
    let by_arn = format!("/2018-10-31/layers/{}/versions/1", crate::uri::encode(ARN, b""));
    assert_eq!(scenario.done("GET", &by_arn, Value::Null), one);
}

#[test]
fn versions_are_listed_newest_first_and_a_deleted_number_never_comes_again() {
    let mut scenario = TestAccount::new(0, 0);
    assert_eq!(numbers(&mut scenario, DEPS), [0; 0]);
    for contents in ["1", "2", "3"] {
        publish(&mut scenario, contents);
    }
    assert_eq!(numbers(&mut scenario, &format!("{DEPS}?MaxItems=2")), [3, 2]);
    assert_eq!(numbers(&mut scenario, &format!("{DEPS}?MaxItems=2&Marker=2")), [1]);
    let listed = scenario.done("GET", DEPS, Value::Null);
    assert_eq!(listed["LayerVersions"][0]["Content"], Value::Null);
    for number in [3, 3, 9] {
        let (status, ..) = scenario.ask("DELETE", &format!("{DEPS}/{number}"), Value::Null);
        assert_eq!(status, 204);
    }
    assert_eq!(publish(&mut scenario, "4")["Version"], 4);
    assert_eq!(numbers(&mut scenario, DEPS), [4, 2, 1]);
    scenario.refused(
        "GET",
        &format!("{DEPS}/3"),
        Value::Null,
        (404, "ResourceNotFoundException"),
        "The resource you requested does not exist.",
    );
}

#[test]
fn a_layer_needs_content_that_is_a_zip() {
    let mut scenario = TestAccount::new(0, 0);
    let (status, code, _) = scenario.ask("POST", DEPS, json!({"Content": {"ZipFile": "UEs="}}));
    assert_eq!((status, code.as_str()), (400, "InvalidParameterValueException"));
    let (status, ..) = scenario.ask("POST", DEPS, json!({}));
    assert_eq!(status, 400);
    let in_bucket = json!({"Content": {"S3Bucket": "b", "S3Key": "k"}});
    assert_eq!(scenario.done("POST", DEPS, in_bucket)["Version"], 1);
}
