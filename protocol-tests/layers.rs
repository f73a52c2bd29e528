//! Tests layers that a stanza builds: a version is published once, whatever happens to the response, and none
//! that the function needs is deleted. The emulators serve them, too.

use std::fs;

use lambda_endpoint::{Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::emulated_scenario::Scenario;
use crate::fixture::Fixture;
use crate::lists::count;
use crate::plugin::PluginOutput;
use crate::release_fixture::release;

const DEPS: &str = "/2018-10-31/layers/deps/versions";

/// The layer `deps`, with these members.
fn deps(members: &Value) -> Value {
    let mut layer = json!({"name": "deps", "zip": "layer"});
    layer.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    json!({"layers": [layer]})
}

/// Writes the content of the layer.
fn write_layer(fixture: &Fixture, content: &str) {
    fs::create_dir_all(fixture.path("layer/nodejs")).expect("made");
    fs::write(fixture.path("layer/nodejs/a.js"), content).expect("written");
}

/// A fixture without functions, whose stanza builds the layer `deps`.
fn fixture(members: &Value) -> Fixture {
    let fixture = Fixture::new(deps(members));
    write_layer(&fixture, "1");
    fixture
}

/// The numbers of the layer's versions, newest first.
fn layer_versions(fixture: &Fixture) -> Vec<u64> {
    let listed = fixture.another_client("GET", DEPS, Value::Null);
    let versions = listed["LayerVersions"].as_array().expect("a list").iter();
    versions.filter_map(|version| version["Version"].as_u64()).collect()
}

/// The numbers of the layer versions that a function or a version of it uses.
fn used(fixture: &Fixture, name: &str) -> Vec<u64> {
    let live = fixture.endpoint.function(name).expect("the function exists");
    let layers = live["Configuration"]["Layers"].as_array().cloned().unwrap_or_default();
    let number = |layer: &Value| layer["Arn"].as_str()?.rsplit(':').next()?.parse().ok();
    layers.iter().filter_map(number).collect()
}

/// Adds a fault to the first call of this operation.
fn fault(fixture: &Fixture, operation: &str, kind: FaultKind) {
    fixture.endpoint.fault(Fault::once(operation, kind));
}

fn refusal(code: &str) -> FaultKind {
    FaultKind::status(400, code, "AWS refuses it.")
}

#[track_caller]
fn is_deployed(ended: &PluginOutput) {
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
}

#[test]
fn a_version_whose_response_was_lost_is_not_published_again() {
    let handled = |status| {
        let (code, message) = ("ServiceException".to_owned(), "An error occurred.".to_owned());
        FaultKind::StatusAfter { status, code, message }
    };
    for kind in [FaultKind::ResetAfter, handled(500), handled(429)] {
        let fixture = fixture(&json!({}));
        fault(&fixture, "PublishLayerVersion", kind.clone());
        is_deployed(&fixture.deploy("// 1\n"));
        assert_eq!(layer_versions(&fixture), [1], "{kind:?}");
        assert_eq!(count(&fixture, "PublishLayerVersion"), 1, "{kind:?}");
        assert_eq!(used(&fixture, "f"), [1], "{kind:?}");
    }
}

#[test]
fn a_request_that_did_not_take_effect_is_sent_again() {
    let (code, message) = ("ServiceException".to_owned(), "An error occurred.".to_owned());
    let refused = FaultKind::Status { status: 503, code, message, retry_after: None };
    for kind in [FaultKind::ResetBefore, refused] {
        let fixture = fixture(&json!({}));
        fault(&fixture, "PublishLayerVersion", kind.clone());
        is_deployed(&fixture.deploy("// 1\n"));
        assert_eq!(layer_versions(&fixture), [1], "{kind:?}");
        assert_eq!(count(&fixture, "PublishLayerVersion"), 2, "{kind:?}");
    }
}

#[test]
fn a_refused_layer_changes_nothing_and_is_published_by_the_next_run() {
    let fixture = fixture(&json!({}));
    fault(&fixture, "PublishLayerVersion", refusal("CodeStorageExceededException"));
    let ended = fixture.deploy("// 1\n");
    assert_eq!((ended.outcome(), count(&fixture, "PublishLayerVersion")), ("failed", 1), "{}", ended.stdout);
    assert_eq!(ended.finished()["changed"], json!([]), "{}", ended.stdout);
    is_deployed(&fixture.deploy_again());
    assert_eq!((layer_versions(&fixture), used(&fixture, "f")), (vec![1], vec![1]));
}

#[test]
fn a_layer_that_is_published_already_is_used_by_the_next_run() {
    let fixture = fixture(&json!({}));
    fault(&fixture, "CreateFunction", refusal("InvalidParameterValueException"));
    let ended = fixture.deploy("// 1\n");
    assert_eq!(ended.outcome(), "failed", "{}", ended.stdout);
    assert_eq!(ended.finished()["changed"], json!(["publish-layer-version"]), "{}", ended.stdout);
    let again = fixture.deploy_again();
    is_deployed(&again);
    assert_eq!(again.steps(), ["create-function"]);
    assert_eq!((layer_versions(&fixture), used(&fixture, "f")), (vec![1], vec![1]));
}

#[test]
fn a_version_that_the_function_can_go_back_to_keeps_its_layer() {
    let mut fixture = fixture(&json!({"keep_versions": 1}));
    fixture.set(json!({"alias": "live", "keep_versions": 2}));
    for (content, kept) in [("1", vec![1]), ("2", vec![2, 1]), ("3", vec![3, 2])] {
        write_layer(&fixture, content);
        is_deployed(&fixture.deploy("// 1\n"));
        assert_eq!(layer_versions(&fixture), kept, "{content}");
    }
    assert_eq!(fixture.versions(), [2, 3]);
    assert_eq!((used(&fixture, "f:2"), used(&fixture, "f:3")), (vec![2], vec![3]));
    let again = fixture.deploy_again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
}

#[test]
fn other_layers_stay_in_their_places() {
    let mut fixture = fixture(&json!({}));
    let other = "arn:aws:lambda:us-east-1:210987654321:layer:tools:3";
    fixture.set(json!({"layers": [other, {"name": "deps", "zip": "layer"}]}));
    is_deployed(&fixture.deploy("// 1\n"));
    assert_eq!(used(&fixture, "f"), [3, 1]);
}

#[test]
fn a_plan_publishes_nothing() {
    let fixture = fixture(&json!({}));
    let planned = fixture.run(&["plan"], &json!({}));
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
    let change = &planned.finished()["steps"][0]["changes"][0];
    let to = change["to"].as_str().expect("a string");
    let packaged = planned.event("packaged").expect("the event exists");
    assert_eq!((&packaged["layer"], &change["field"]), (&json!("deps"), &json!("layers.deps")));
    assert_eq!(to, format!("new version ({})", packaged["code_sha256"].as_str().expect("a string")));
    assert_eq!(fixture.changes(), [""; 0]);
}

#[test]
fn functions_of_a_release_publish_their_layer_once() {
    let member = |name: &str| {
        let mut member = deps(&json!({}));
        member["function_name"] = json!(name);
        member
    };
    let fixture = release(Settings::default(), ["a", "b", "c"].map(member));
    write_layer(&fixture, "1");
    for (content, number) in [("1", 1), ("2", 2)] {
        write_layer(&fixture, content);
        is_deployed(&fixture.deploy("// 1\n"));
        assert_eq!(count(&fixture, "PublishLayerVersion"), 1, "{:?}", fixture.operations());
        for name in ["a", "b", "c"] {
            assert_eq!(used(&fixture, name), [number], "{name}");
        }
    }
}

#[test]
fn functions_of_a_release_build_a_layer_of_one_name_with_the_same_content() {
    let member = |(name, zip): (&str, &str)| json!({"function_name": name, "layers": [{"name": "deps", "zip": zip, "keep_versions": 1}]});
    let fixture = release(Settings::default(), [("a", "layer"), ("b", "other")].map(member));
    write_layer(&fixture, "1");
    fs::create_dir_all(fixture.path("other/nodejs")).expect("made");
    let write_other = |content: &str| fs::write(fixture.path("other/nodejs/a.js"), content).expect("written");
    write_other("2");
    let ended = fixture.deploy("// 1\n");
    assert_eq!(ended.outcomes(), ["stopped", "failed"], "{}", ended.stdout);
    assert_eq!(ended.code(), "bad-value");
    let message = "functions of the release `shop` build the layer `deps` with different content";
    let error = &ended.functions()[1]["error"];
    assert!(error["message"].as_str().is_some_and(|text| text.starts_with(message)), "{error}");
    assert_eq!((&error["at"], fixture.operations()), (&json!("/layers"), vec![]));
    write_other("1");
    is_deployed(&fixture.deploy_again());
    assert_eq!((layer_versions(&fixture), count(&fixture, "PublishLayerVersion")), (vec![1], 1));
}

/// Deploys a function with a layer three times, and checks with boto3 what the emulator has.
#[track_caller]
fn check_emulator(scenario: &Scenario) {
    let layer = json!({"name": "deps", "zip": "layer", "keep_versions": 1});
    let layers = json!({"layers": [layer], "zip": "index.py", "alias": null});
    fs::create_dir_all(scenario.directory.path().join("layer/python")).expect("made");
    scenario.write("return 'hello'");
    let live = || {
        let listed = scenario.boto.reported("list_layer_versions", &json!({"LayerName": "deps"}));
        let versions = listed["LayerVersions"].as_array().cloned().unwrap_or_default();
        let arns: Vec<Value> = versions.iter().map(|version| version["LayerVersionArn"].clone()).collect();
        let function = scenario.boto.reported("get_function", &json!({"FunctionName": "f"}));
        let used = function["Configuration"]["Layers"].as_array().cloned().unwrap_or_default();
        (arns, used.iter().map(|layer| layer["Arn"].clone()).collect::<Vec<_>>())
    };
    for content in ["VALUE = 1\n", "VALUE = 2\n"] {
        scenario.write_file("layer/python/deps.py", content);
        let ended = scenario.deploy(layers.clone());
        is_deployed(&ended);
        let (arns, used) = live();
        assert_eq!((arns.len(), &used), (1, &arns), "{}", ended.stdout);
        let again = scenario.deploy(layers.clone());
        assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
    }
    let by_name = scenario.deploy(json!({"layers": ["deps:latest"], "zip": "index.py", "alias": null}));
    assert_eq!(by_name.outcome(), "unchanged", "{}", by_name.stdout);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_has_the_layers_that_a_stanza_builds() {
    check_emulator(&Scenario::moto());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_has_the_layers_that_a_stanza_builds() {
    check_emulator(&Scenario::ministack("python3.13"));
}
