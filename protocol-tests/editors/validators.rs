//! Tests that the validator `ajv` and ours accept the same stanzas.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::server::PACKAGES;
use crate::node;
use crate::repository::committed_schema;
use crate::stanzas::real_stanzas;

/// Returns for each instance whether ajv accepts it.
fn ajv(schema: &Value, instances: &[&Value]) -> Vec<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/editors/ajv.js");
    let mut command = Command::new(node::node());
    let mut child = command
        .arg(script)
        .arg(&*PACKAGES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let question = json!({"schema": schema, "instances": instances}).to_string();
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(question.as_bytes()));
    let mut answer = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut answer).expect("UTF-8");
    writer.join().expect("no panic").expect("ajv.js reads its input");
    assert!(child.wait().expect("the child can be waited for").success(), "ajv rejects the schema");
    serde_json::from_str(&answer).expect("a list of booleans")
}

/// Every stanza of `cases/`, of the examples, and of the collected real stanzas.
fn stanzas() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stanzas = Vec::new();
    let cases = fs::read_dir(root.join("protocol-tests/cases")).expect("the directory exists");
    for path in cases.map(|entry| entry.expect("listed").path()) {
        let case: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("the file can be read")).expect("JSON");
        for run in case["runs"].as_array().expect("runs").iter().filter(|run| run["stdin"].is_object()) {
            let mut stanza = run["stdin"].clone();
            let keys = stanza.as_object_mut().expect("an object");
            keys.remove("env");
            keys.remove("protocol");
            stanzas.push((path.file_name().expect("a name").to_string_lossy().into_owned(), stanza));
        }
    }
    for example in ["node-function", "python-function"] {
        let text = fs::read_to_string(root.join("examples").join(example).join("stanza.json"))
            .expect("the file can be read");
        stanzas.push((example.to_owned(), serde_json::from_str(&text).expect("JSON")));
    }
    stanzas.extend(real_stanzas().into_iter().map(|stanza| ("real".to_owned(), stanza)));
    stanzas
}

#[test]
#[ignore = "second tier: needs npm"]
fn two_validators_are_of_one_mind_about_every_stanza() {
    let stanzas = stanzas();
    let in_file = |stanza: &Value| {
        let mut stanza = stanza.clone();
        stanza["provider"] = json!("lambda");
        json!({"language": "go", "jobs": {"include": [{"deploy": [{"provider": "s3", "acl": 1}, stanza]}]}})
    };
    let files: Vec<Value> = stanzas.iter().map(|(_, stanza)| in_file(stanza)).collect();
    let alone: Vec<&Value> = stanzas.iter().map(|(_, stanza)| stanza).collect();
    for (name, instances) in [
        ("stanza.json", alone.clone()),
        ("request.json", alone),
        ("travis-yml.json", files.iter().collect()),
        ("event.json", Vec::new()),
    ] {
        let schema = committed_schema(name);
        let ours = jsonschema::draft7::new(&schema).expect("a schema");
        let theirs = ajv(&schema, &instances);
        let (mut valid, mut invalid) = (0, 0);
        for ((instance, said), (case, _)) in instances.iter().zip(&theirs).zip(&stanzas) {
            assert_eq!(ours.is_valid(instance), *said, "{name}: {case}: {instance}");
            if *said { valid += 1 } else { invalid += 1 }
        }
        println!("{name}: {valid} valid and {invalid} invalid to both");
        assert!(name == "event.json" || valid > 100, "{name}: {valid}");
        assert!(!["stanza.json", "travis-yml.json"].contains(&name) || invalid > 20, "{name}: {invalid}");
    }
}
