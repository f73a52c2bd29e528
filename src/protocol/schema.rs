//! Generates the JSON Schemas (draft-07) for editors, runners and readers of events from the types of this
//! module. The files in `schema/` must not be edited; a test compares them with the output of this module.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::editor;
use super::event::Line;
use super::stanza_schema::{draft07_schema_of, finish, plain};

/// The schema of a stanza for editors. It allows no additional keys, so that editors mark typos, and it
/// allows `{"secure": …}`.
pub fn stanza() -> Value {
    editor::enrich(&plain())
}

/// The schema of a whole `.travis.yml` for editors. It restricts only the stanzas for `lambda`.
pub fn travis_yml() -> Value {
    editor::travis_yml_schema::wrap(stanza())
}

/// The schema of a request for runners. It allows additional keys, adds `env` and `protocol`, and is as
/// lenient as the reader. It does not allow `secure`.
pub fn request() -> Value {
    let mut schema = plain();
    let root = schema.as_object_mut().expect("a schema of a struct is an object");
    root.insert("title".to_owned(), json!("dpl-lambda request"));
    let stanza = root.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!(
        "The JSON object on standard input: a stanza, with `env` and `protocol` of the CI runner.\n\n{stanza}"
    );
    root.insert("description".to_owned(), json!(description));
    root.remove("additionalProperties");
    let definitions = root.get_mut("definitions").and_then(Value::as_object_mut).expect("has definitions");
    for definition in definitions.values_mut().filter_map(Value::as_object_mut) {
        definition.remove("additionalProperties");
    }
    // A runner may send every value that the reader accepts, also with a warning. An object is a
    // branch-specific value.
    let scalar = json!({"type": ["string", "number", "boolean", "object"]});
    for name in ["Text", "WholeNumber", "NumberOrNone", "Flag", "SecretText"] {
        let lenient = definitions.get_mut(name).and_then(Value::as_object_mut).expect("a type of the reader");
        let description = lenient.remove("description");
        *lenient = scalar.as_object().expect("an object").clone();
        lenient.extend(description.map(|text| ("description".to_owned(), text)));
    }
    for name in ["TextList", "NumberList"] {
        definitions
            .insert(name.to_owned(), json!({"type": ["array", "string", "number", "boolean", "object"]}));
    }
    definitions
        .insert("Conditions".to_owned(), json!({"description": "Conditions, evaluated as by Travis CI."}));
    definitions.insert(
        "Pairs".to_owned(),
        json!({"type": ["object", "array", "string"], "description": "A map, a list of `NAME=value`, or one `NAME=value`."}),
    );
    let runner = draft07_schema_of::<RunnerKeys>();
    let keys = runner["properties"].as_object().expect("a schema of a struct has properties").clone();
    let properties = root.get_mut("properties").and_then(Value::as_object_mut).expect("has properties");
    properties.extend(keys);
    schema
}

/// The schema of one line of standard output, for readers of events.
pub fn event() -> Value {
    finish(SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Line>())
}

/// The keys that a runner adds to a stanza.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only describes the input of `request::read`")]
struct RunnerKeys {
    /// Complete environment of the job. If present, conditions and credentials use only this environment,
    /// never that of the process.
    env: Option<std::collections::BTreeMap<String, Option<String>>>,
    /// Protocol number: 1. Default: 1.
    #[schemars(range(min = 1, max = 1))]
    protocol: Option<u32>,
}
