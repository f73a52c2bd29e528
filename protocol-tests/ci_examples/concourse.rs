//! Runs the `put` of `examples/ci/concourse.yml` as Concourse does: with `source` and `params` of the file,
//! after it has replaced the variables, in a directory that has the inputs of the step.

use std::collections::BTreeSet;
use std::fs;

use lambda_endpoint::Settings;
use serde_json::{Value, json};

use super::builds::KEYS;
use super::job::{example, repository};
use crate::concourse::Resource;

/// The file with the values of its variables.
fn pipeline() -> Value {
    let text = fs::read_to_string(example("concourse.yml")).expect("readable");
    let values = [("aws_access_key_id", KEYS[0].1), ("aws_secret_access_key", KEYS[1].1)];
    let text = values.iter().fold(text, |text, (name, value)| {
        let variable = format!("(({name}))");
        assert_eq!(text.matches(&variable).count(), 1, "{name}");
        text.replace(&variable, value)
    });
    assert!(!text.contains("(("), "a variable without a value");
    let mut notes = Vec::new();
    let tree = dpl_lambda::testing::parse_yaml(&text, &mut notes).unwrap_or_else(|error| panic!("{error:?}"));
    let node = tree.expect("a document").read("", &mut Default::default());
    assert_eq!(notes, [""; 0]);
    Value::from(&node.unwrap_or_else(|error| panic!("{error:?}")))
}

/// The items of a list, by their values of `key`.
fn named<'a>(list: &'a Value, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let items = list.as_array().expect("a list").iter();
    let key = key.to_owned();
    items.filter_map(move |item| Some((item[key.as_str()].as_str()?, item)))
}

/// The item of a list that has this value of `key`.
fn item<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    named(list, key).find(|(found, _)| *found == name).unwrap_or_else(|| panic!("no {key} {name}: {list}")).1
}

#[test]
fn the_pipeline_of_concourse_deploys_gets_and_checks_its_function() {
    let pipeline = pipeline();
    let plan = &item(&pipeline["jobs"], "name", "deploy")["plan"];
    let step = item(plan, "put", "hello");
    let (of_type, inputs) = (item(&pipeline["resources"], "name", "hello"), &step["inputs"]);
    let image = item(&pipeline["resource_types"], "name", of_type["type"].as_str().expect("a type"));
    assert_eq!(image["source"], json!({"repository": "OWNER/dpl-lambda", "tag": "0.1.0"}));
    assert_eq!(inputs, &json!(["code"]));
    assert_eq!(item(plan, "get", "code")["trigger"], true);
    assert_eq!(item(&pipeline["resources"], "name", "code")["type"], "git");
    let names: BTreeSet<&str> = named(&pipeline["resources"], "name").map(|(name, _)| name).collect();
    assert_eq!(names, BTreeSet::from(["code", "hello"]), "a resource that no step uses");

    let settings = Settings {
        access_key_id: KEYS[0].1.to_owned(),
        secret_access_key: KEYS[1].1.to_owned(),
        region: "eu-west-1".to_owned(),
        ..Settings::default()
    };
    let resource = Resource::of(settings, of_type["source"].clone());
    fs::copy(repository("examples/node-function/index.js"), resource.path("inputs/code/index.js"))
        .expect("copied");
    assert_eq!(resource.check(&Value::Null), json!([]));
    let ended = resource.put(&step["params"]);
    assert_eq!((ended.status, ended.fact("outcome")), (Some(0), Some("deployed")), "{ended:#?}");
    let function = resource.endpoint.function("hello").expect("the function exists");
    assert_eq!(function["Configuration"]["Handler"], "index.handler");
    let version = &ended.document["version"];
    assert_eq!(resource.get(version).document["version"], *version);
    assert_eq!(resource.check(version), json!([version]));
}

#[test]
fn the_pipeline_in_the_documentation_is_that_of_the_examples() {
    let page = fs::read_to_string(repository("docs/ci.md")).expect("readable");
    let file = fs::read_to_string(example("concourse.yml")).expect("readable");
    assert!(page.contains(&format!("```yaml\n{file}```\n")), "docs/ci.md has another pipeline");
}
