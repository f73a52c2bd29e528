//! Tests the keywords of the schemas: each property is described, and a strict validator knows each keyword.

use super::*;

/// Every documented property in a schema, at any depth, with its name.
fn properties(schema: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            // Skip the properties in rules (if/then), which have no description.
            let is_reported =
                |property: &&Value| property.get("description").is_some() || property.get("$ref").is_some();
            all.extend(
                properties
                    .iter()
                    .filter(|(_, reported)| is_reported(reported))
                    .map(|(key, reported)| (key.clone(), reported)),
            );
        }
        open.extend(value.as_object().into_iter().flat_map(|map| map.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    all
}

#[test]
fn every_property_of_a_schema_is_described() {
    for name in ["stanza.json", "request.json"] {
        let schema = committed_schema(name);
        for (key, property) in schema["properties"].as_object().expect("the schema of an object") {
            assert!(property["description"].is_string(), "{name}: `{key}` has no description: {property}");
        }
    }
    let schema = committed_schema("editor/stanza.json");
    let reported = properties(&schema);
    assert!(reported.len() > 120, "{}", reported.len());
    for (key, property) in reported {
        assert!(
            property["title"].is_string() && property["markdownDescription"].is_string(),
            "{key}: {property}"
        );
        let is_shown =
            property["examples"].is_array() || !property["default"].is_null() || property["anyOf"].is_array();
        let has_yaml = property["markdownDescription"].as_str().is_some_and(|text| text.contains("```yaml"));
        let is_plain = property["type"].as_array().is_some_and(|types| types.contains(&json!("boolean")))
            || property["deprecated"] == json!(true)
            || property["doNotSuggest"] == json!(true)
            || key == "secure";
        assert!(is_shown || has_yaml || is_plain, "`{key}` has no example: {property}");
    }
}

#[test]
fn what_is_for_editors_stays_out_of_what_is_for_programs() {
    let text = |name: &str| committed_schema(name).to_string();
    for keyword in [
        "markdownDescription",
        "defaultSnippets",
        "enumDescriptions",
        "errorMessage",
        "examples",
        "doNotSuggest",
    ] {
        let keyword = format!("\"{keyword}\":");
        for name in ["editor/stanza.json", "editor/travis-yml.json"] {
            assert!(text(name).contains(&keyword), "{name} has no {keyword}");
        }
        for name in ["request.json", "event.json"] {
            assert!(!text(name).contains(&keyword), "{name} has {keyword}");
        }
    }
}

/// The keywords of draft-07 without `format`, whose values a validator may not know, and `deprecated`, which
/// validators of draft-07 know, too.
const KEYWORDS: [&str; 43] = [
    "$comment",
    "$id",
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "definitions",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// Keywords of a schema, at any depth, that are not in [`KEYWORDS`].
fn unknown_keywords(schema: &Value) -> Vec<String> {
    let Some(map) = schema.as_object() else { return Vec::new() };
    let mut unknown = Vec::new();
    for (keyword, value) in map {
        match keyword.as_str() {
            "const" | "default" | "enum" | "examples" => {}
            "properties" | "definitions" | "patternProperties" => {
                unknown.extend(
                    value.as_object().into_iter().flat_map(|map| map.values()).flat_map(unknown_keywords),
                );
            }
            known if KEYWORDS.contains(&known) => {
                unknown.extend(unknown_keywords(value));
                unknown.extend(value.as_array().into_iter().flatten().flat_map(unknown_keywords));
            }
            other => unknown.push(other.to_owned()),
        }
    }
    unknown
}

#[test]
fn each_definition_of_a_schema_is_used() {
    for name in [
        "stanza.json",
        "travis-yml.json",
        "request.json",
        "event.json",
        "plan.json",
        "editor/stanza.json",
        "editor/travis-yml.json",
    ] {
        let schema = committed_schema(name);
        let text = schema.to_string();
        for definition in schema["definitions"].as_object().expect("an object").keys() {
            assert!(text.contains(&format!("\"#/definitions/{definition}\"")), "{name}: {definition}");
        }
    }
}

#[test]
fn a_strict_validator_knows_each_keyword() {
    for name in ["stanza.json", "travis-yml.json", "request.json", "event.json"] {
        assert_eq!(unknown_keywords(&committed_schema(name)), [""; 0], "{name}");
    }
    let for_editors = unknown_keywords(&committed_schema("editor/stanza.json"));
    assert!(for_editors.contains(&"defaultSnippets".to_owned()), "{for_editors:?}");
}
