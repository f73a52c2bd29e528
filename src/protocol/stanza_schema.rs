//! Generates the schema (draft-07) of the type [`Stanza`], from which the schemas of stanzas and requests are
//! made.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::stanza::{ALIASES, Stanza};

/// The schema of the type [`Stanza`], with the alternative names of keys.
pub(super) fn plain() -> Value {
    let mut schema = draft07_schema_of::<Stanza>();
    add_aliases(&mut schema);
    schema
}

/// All keys of a stanza, including alternative names.
pub(super) fn stanza_keys() -> &'static [String] {
    static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let schema = plain();
        schema["properties"]
            .as_object()
            .expect("a schema of a struct has properties")
            .keys()
            .cloned()
            .collect()
    });
    &KEYS
}

/// The schema of a type.
pub(super) fn draft07_schema_of<T: JsonSchema>() -> Value {
    finish(SchemaSettings::draft07().into_generator().into_root_schema_for::<T>())
}

/// The JSON of a generated schema.
pub(super) fn finish(schema: Schema) -> Value {
    let mut value = schema.to_value();
    one_line_descriptions(&mut value);
    value
}

/// Joins the lines of each description. Line breaks of doc comments would appear in an editor's hover.
fn one_line_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text =
                    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
            }
            map.values_mut().for_each(one_line_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(one_line_descriptions),
        _ => {}
    }
}

fn add_aliases(schema: &mut Value) {
    let properties = schema["properties"].as_object_mut().expect("a schema of a struct has properties");
    for (alias, key) in ALIASES {
        let mut copy = properties[key].clone();
        copy["description"] = json!(format!("Same as `{key}`."));
        properties.insert(alias.to_owned(), copy);
    }
}
