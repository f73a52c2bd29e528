//! Generates the JSON Schemas (draft-07) for editors, runners and readers of events from the types of this
//! module. The files in `schema/` must not be edited; a test compares them with the output of this module.
//!
//! A strict validator, such as ajv with its defaults, refuses keywords and formats that it does not know. So
//! only the schemas in `schema/editor/` have the keywords of editors.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::approved_plan::ApprovedPlan;
use super::editor::{self, remove};
use super::event::Line;
use super::request::{KEYS_OF_REQUEST, MAX_STANZAS};
use super::stanza::{ALIASES, Options};

/// The schema of a stanza, for any validator. It allows no additional keys, and it allows `{"secure": …}`.
pub fn stanza() -> Value {
    without_editor_keywords(editor_stanza())
}

/// The schema of a stanza with snippets, Markdown and messages for editors.
pub fn editor_stanza() -> Value {
    editor::enrich(&plain())
}

/// The schema of a whole `.travis.yml`, for any validator. It restricts only the stanzas for `lambda`.
pub fn travis_yml() -> Value {
    without_editor_keywords(editor_travis_yml())
}

/// The schema of a whole `.travis.yml` with snippets, Markdown and messages for editors.
pub fn editor_travis_yml() -> Value {
    editor::travis_yml_schema::wrap(editor_stanza())
}

/// A schema without the keywords of editors. No option has the name of such a keyword.
fn without_editor_keywords(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            map.retain(|keyword, _| !editor::KEYWORDS.contains(&keyword.as_str()));
            map.values_mut().for_each(|value| *value = without_editor_keywords(value.take()));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| *item = without_editor_keywords(item.take()));
        }
        _ => {}
    }
    schema
}

/// The schema of the type [`Options`], with the alternative names of keys. It names the type of each value.
pub(crate) fn plain() -> Value {
    let mut schema = draft07_schema_of::<Options>();
    for (alias, key) in ALIASES {
        let mut copy = schema["properties"][key].clone();
        copy["description"] = json!(format!("Same as `{key}`."));
        schema["properties"][alias] = copy;
    }
    schema
}

/// The schema of a request for runners. It allows additional keys, adds `env` and `protocol`, and is as
/// lenient as the reader. It does not allow `secure`.
pub fn request() -> Value {
    let mut schema = plain();
    schema["title"] = json!("dpl-lambda request");
    let stanza = schema["description"].as_str().unwrap_or_default();
    let description = format!(
        "The JSON object on standard input: a stanza, or a list of them under `stanzas`, with `env`, `plan` \
         and `protocol` of the CI runner.\n\n{stanza}"
    );
    schema["description"] = json!(description);
    remove(&mut schema, "additionalProperties");
    let definitions = &mut schema["definitions"];
    for definition in definitions.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        remove(definition, "additionalProperties");
    }
    // A runner may send every value that the reader accepts, also with a warning. An object is a
    // branch-specific value.
    let scalar = json!({"type": ["string", "number", "boolean", "object"]});
    for name in ["Text", "WholeNumber", "Decimal", "Percentage", "NumberOrNone", "Flag", "SecretText"] {
        definitions[name] = scalar.clone();
    }
    for name in ["TextList", "NumberList"] {
        definitions[name] = json!({"type": ["array", "string", "number", "boolean", "object"]});
    }
    definitions["Conditions"] = json!({"description": "Conditions, evaluated as by Travis CI."});
    definitions["Pairs"] = json!({
        "type": ["object", "array", "string"],
        "description": "A map, a list of `NAME=value`, or one `NAME=value`.",
    });
    // Only what was replaced has referred to these.
    for name in ["On", "Branches", "Expressions", "Secure"] {
        remove(definitions, name);
    }
    let runner = draft07_schema_of::<RunnerKeys>();
    for (key, property) in runner["properties"].as_object().into_iter().flatten() {
        schema["properties"][key] = property.clone();
    }
    let not_in_a_stanza: Vec<Value> = KEYS_OF_REQUEST.iter().map(|key| json!({"required": [key]})).collect();
    schema["properties"]["stanzas"] = json!({
        "description": "Several stanzas in place of one, for one run. Only `env`, `plan` and `protocol` can be beside it.",
        "type": ["array", "null"],
        "minItems": 1,
        "maxItems": MAX_STANZAS,
        "items": {
            "allOf": [{"$ref": "#"}],
            "not": {"anyOf": not_in_a_stanza},
        },
    });
    schema
}

/// The schema of an approved plan: the file of `plan --out`, and `plan` of a request.
pub fn plan() -> Value {
    finish(SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<ApprovedPlan>())
}

/// The schema of one line of standard output, for readers of events.
pub fn event() -> Value {
    let line = SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Line>();
    let mut schema = finish(line);
    // A `Line` has no time before it is written.
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("time"));
    }
    schema
}

fn draft07_schema_of<T: JsonSchema>() -> Value {
    finish(SchemaSettings::draft07().into_generator().into_root_schema_for::<T>())
}

fn finish(schema: Schema) -> Value {
    let mut value = schema.to_value();
    tidy(&mut value);
    value
}

/// Joins the lines of each description, because line breaks of doc comments would appear in an editor's
/// hover. Removes formats such as `uint64`, which are no formats of JSON Schema.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                map.remove("format");
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text =
                    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// The keys that a runner adds to a stanza.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only describes the input of `request::read`")]
struct RunnerKeys {
    /// Complete environment of the job. If present, conditions and credentials use only this environment,
    /// never that of the process. In a value, a byte that is not UTF-8 is half of a surrogate pair, U+DC80 to
    /// U+DCFF.
    env: Option<std::collections::BTreeMap<String, Option<String>>>,
    /// The approved plan, which only the command `deploy` accepts: with any other plan, it fails before it
    /// changes anything. `plan.json` is the schema of it. Default: any plan is carried out.
    plan: Option<std::collections::BTreeMap<String, Value>>,
    /// Protocol number: 1. Default: 1.
    #[schemars(with = "Value", extend("enum" = [1, "1", "1.0", null]))]
    protocol: Option<u32>,
}
