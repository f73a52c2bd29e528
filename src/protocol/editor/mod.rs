//! Extends the plain schema of the stanza with what editors use: titles, examples, possible values,
//! deprecations, rules between keys and snippets. Never describes the meaning of a key (its doc comment
//! does), and never refuses a value that the program accepts without a warning.

use serde_json::{Value, json};

use super::branches;
use super::keys::{EditorKey, Kind, NOT_EMPTY};
use super::limits::{Limit, limits_of};
use super::pair_limits::RESERVED;
use super::regions::REGIONS;
use super::runtimes::{READ_ON, RUNTIMES};
use super::schema_types::{DECIMAL, FLAG_WORDS, NONE, PERCENTAGE};
use super::stanza::{ALIASES, editor_keys};
use super::stanza_reader::choice_of;
use super::text::in_any_case;
use super::version_check::MAX_CHECKS;

mod rules;
mod snippets;
pub(super) mod travis_yml_schema;

/// Extends the plain schema of the stanza. Every value may contain `$VAR`, because its value is known only in
/// the job.
pub(super) fn enrich(plain: &Value) -> Value {
    let mut root = structure(plain, "", &plain["definitions"], &editor_keys());
    for keyword in ["$schema", "title", "description"] {
        root[keyword] = plain[keyword].clone();
    }
    root["type"] = json!("object");
    root["allOf"] = rules::rules();
    root["defaultSnippets"] = snippets::stanza();
    root["definitions"] = json!({
        "Encrypted": encrypted(),
        "EncryptedOrByBranch": {
            "if": {"required": ["secure"]},
            "then": {"$ref": "#/definitions/Encrypted"},
            "else": {
                "deprecated": true,
                "deprecationMessage":
                    "A map of branches is deprecated; write one stanza per branch, with `on.branch`.",
            },
        },
    });
    root
}

/// Keywords that only editors read.
pub(super) const KEYWORDS: [&str; 8] = [
    "defaultSnippets",
    "deprecationMessage",
    "doNotSuggest",
    "enumDescriptions",
    "errorMessage",
    "markdownDescription",
    "markdownEnumDescriptions",
    "patternErrorMessage",
];

/// Removes a keyword of a schema.
pub(super) fn remove(schema: &mut Value, keyword: &str) -> Option<Value> {
    schema.as_object_mut()?.remove(keyword)
}

/// An encrypted value, for Travis CI to decrypt.
fn encrypted() -> Value {
    json!({
        "type": "object",
        "properties": {"secure": {
            "type": "string",
            "title": "Encrypted value",
            "description": "Output of `travis encrypt`.",
            "markdownDescription": "Output of `travis encrypt`.",
        }},
        "required": ["secure"],
        "additionalProperties": false,
        "errorMessage": "Expected a single value, or `{secure: …}`.",
    })
}

/// An object without additional properties, whose properties are extended. `place` is the key that contains
/// it; empty for the stanza itself.
fn structure(plain: &Value, place: &str, definitions: &Value, keys: &[EditorKey]) -> Value {
    let mut object = json!({"properties": {}, "additionalProperties": false});
    for (name, property) in plain["properties"].as_object().into_iter().flatten() {
        let at = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        object["properties"][name] = enriched(&at, property, definitions, keys);
    }
    if let Some(required) = plain.get("required") {
        object["required"] = required.clone();
    }
    object
}

/// The schema of one property: its type, and what its entry in `keys` adds.
fn enriched(at: &str, property: &Value, definitions: &Value, keys: &[EditorKey]) -> Value {
    let is_named = |key: &&EditorKey| key.at == at || ALIASES.contains(&(at, key.at));
    let key = keys.iter().find(is_named).expect("each key is in a table");
    let name = reference(property).unwrap_or_default();
    let nested = |kind: &str| structure(&definitions[kind], key.at, definitions, keys);
    let by_branch = !at.contains('.') && branches::can_be_branch_specific(key.at);
    let mut schema = match (name, &key.kind) {
        ("TextList", Kind::ValueWords(words)) => word_or_list_of_one(words),
        (_, Kind::ValueWords(words)) => words_of_aws(words, key.pattern.is_none(), by_branch),
        (_, Kind::Choice(words)) => choice(words, by_branch),
        (_, Kind::Region) => open_words(REGIONS, key.pattern, by_branch),
        (_, Kind::Runtime) => runtimes(key.pattern, by_branch),
        ("Text", _) => text(at, key.pattern, by_branch),
        ("SecretText", _) => secret_text(key.pattern, by_branch),
        ("WholeNumber", _) if key.range.as_ref().is_some_and(|range| *range.start() > 0) => {
            number(key, NOT_ZERO, by_branch)
        }
        ("WholeNumber", _) => number(key, WHOLE_NUMBER, by_branch),
        ("NumberOrNone", _) => number(key, NUMBER_OR_NONE, by_branch),
        ("Decimal", _) => decimal(key),
        ("Percentage", _) => percentage(),
        ("Flag", _) => flag(by_branch),
        ("TextList", _) => list(at, key, by_branch),
        ("Expressions", _) => expressions(at, key),
        ("NumberList", _) => numbers(key, by_branch),
        ("Pairs", _) => pairs(key.at),
        ("Conditions", _) => conditions(nested("On")),
        ("Branches", _) => branch_names(),
        ("FileSystems", _) => file_systems(&nested("FileSystemConfig")),
        ("Layers", _) => layers(at, &nested("LayerContent")),
        ("UrlOrNone", _) => or(nested("FunctionUrl"), &["object", "string", "null"], NONE),
        ("Checks", _) => checks(&nested("Verify")),
        ("JsonMap", _) => or(json!({}), &["object", "string", "null"], r"^\s*\{|\$"),
        ("Anything", _) => json!({}),
        (definition_name, _) => {
            let mut object = nested(definition_name);
            object["type"] = json!(["object", "null"]);
            object
        }
    };
    let description = property["description"].clone();
    // A hover renders the code spans of `markdownDescription`, but shows those of `description` with their
    // backticks.
    schema["markdownDescription"] = match key.yaml.filter(|_| key.at == at) {
        Some(yaml) => json!(format!("{}\n\n```yaml\n{yaml}\n```", description.as_str().unwrap_or_default())),
        None => description.clone(),
    };
    schema["description"] = description;
    for (keyword, value) in &key.shown {
        schema[keyword] = value.clone();
    }
    if key.at != at {
        // Alternative names of a key are valid, but not offered.
        schema["doNotSuggest"] = json!(true);
    }
    schema
}

/// The name of the definition to which a property refers, directly or as an alternative to null.
pub(crate) fn reference(property: &Value) -> Option<&str> {
    let alternatives = ["anyOf", "allOf"].iter().find_map(|word| property[*word].as_array());
    let mut all = std::iter::once(property).chain(alternatives.into_iter().flatten());
    all.find_map(|one| one["$ref"].as_str())?.strip_prefix("#/definitions/")
}

/// Part of a pattern that matches any value with a variable of the job.
const OR_A_VARIABLE: &str = r"|\$";

/// Scalars of these types, or null, or an encrypted value; with `by_branch` also a map of branches. Null, and
/// booleans that become strings, are allowed by `if` without `then`, because an editor would offer them as
/// values if they were in `type`.
fn typed(types: &[&str], by_branch: bool) -> Value {
    let (aside, mut types): (Vec<&str>, Vec<&str>) = types.iter().partition(|name| **name == "boolean");
    let aside: Vec<&str> = ["null"].into_iter().chain(aside).collect();
    types.push("object");
    json!({"if": {"type": aside}, "else": or_encrypted(&types, by_branch)})
}

/// Values of these types, one of which is an object: an encrypted value; with `by_branch` also a map of
/// branches.
fn or_encrypted(types: &[&str], by_branch: bool) -> Value {
    let object = if by_branch { "EncryptedOrByBranch" } else { "Encrypted" };
    json!({
        "type": types,
        "if": {"type": "object"},
        "then": {"$ref": format!("#/definitions/{object}")},
    })
}

fn text(at: &str, own: Option<(&str, &str)>, by_branch: bool) -> Value {
    let Some((pattern, message)) = value_pattern(at, own) else {
        return with_message(typed(&["string", "number", "boolean"], by_branch), "Expected a string.");
    };
    let types: &[&str] = match at {
        // A number cannot have the form of an ARN,
        at if is_text(at) => &["string"],
        // and an alias cannot consist of digits only.
        "alias" => &["string", "boolean"],
        _ => &["string", "number", "boolean"],
    };
    with_pattern(with_message(typed(types, by_branch), "Expected a string."), &pattern, &message)
}

fn secret_text(pattern: Option<(&str, &str)>, by_branch: bool) -> Value {
    let (pattern, message) = pattern.unwrap_or_default();
    with_pattern(typed(&["string", "number", "boolean"], by_branch), &or_a_variable(pattern), message)
}

/// Whether AWS documents a form for `at` that no number and no boolean has.
fn is_text(at: &str) -> bool {
    limits_of(at).any(|limit| matches!(limit, Limit::Form(form) if !form.matches("1000")))
}

/// The pattern of a string at `at`, from its limits and its own, with the message for a mismatch.
fn value_pattern(at: &str, own: Option<(&str, &str)>) -> Option<(String, String)> {
    // Filling in `$VAR` or `%{name}` can make a value shorter.
    let mut or_variable = OR_A_VARIABLE;
    let mut parts: Vec<(String, String)> = Vec::new();
    for limit in limits_of(at) {
        let too_long = |most| format!("Expected at most {most} characters, as documented by AWS.");
        parts.push(match limit {
            Limit::Form(form) => {
                let message = format!("Expected a value such as `{}`, as documented by AWS.", form.example);
                (format!("(?:{})$", form.pattern), message)
            }
            Limit::Characters(most) => {
                or_variable = "|[$%]";
                (format!(r"[\s\S]{{0,{most}}}$"), too_long(most))
            }
            Limit::NameCharacters(most) => (format!(r"(?:.*:)?[^:]{{0,{most}}}$"), too_long(most)),
            Limit::Entries(_) | Limit::Pairs(_) | Limit::Names => continue,
        });
    }
    let Some((_, of_limit)) = parts.last().cloned() else {
        return own.map(|(pattern, message)| (or_a_variable(pattern), message.to_owned()));
    };
    let (own, message) = match own {
        None => (None, of_limit),
        Some((NOT_EMPTY, _)) => (Some(r"[\s\S]*\S"), of_limit),
        Some((pattern, message)) => (Some(pattern), message.to_owned()),
    };
    let empty = if own.is_none() { "^$|" } else { "" };
    let parts = own.into_iter().chain(parts.iter().map(|(part, _)| part.as_str()));
    let parts: String = parts.map(|part| format!("(?={part})")).collect();
    Some((format!("{empty}^{parts}{or_variable}"), message))
}

/// Extends a pattern to match any string with a variable. [`NOT_EMPTY`] already matches those.
fn or_a_variable(pattern: &str) -> String {
    if pattern == NOT_EMPTY { pattern.to_owned() } else { format!("{pattern}{OR_A_VARIABLE}") }
}

/// Adds a pattern for strings, and the message for a mismatch.
fn with_pattern(mut schema: Value, pattern: &str, message: &str) -> Value {
    let inner = inside(&mut schema);
    inner["pattern"] = json!(pattern);
    inner["patternErrorMessage"] = json!(message);
    schema
}

/// Adds the message for a value of another type.
fn with_message(mut schema: Value, message: &str) -> Value {
    inside(&mut schema)["errorMessage"] = json!(message);
    schema
}

/// The object with the type keywords of a schema: its `else` if [`typed`] has made it, otherwise the schema
/// itself.
fn inside(schema: &mut Value) -> &mut Value {
    if schema.get("else").is_some() { &mut schema["else"] } else { schema }
}

const WHOLE_NUMBER: &str = r"^\s*[0-9]+(\.0)?\s*$|\$";
const NOT_ZERO: &str = r"^\s*0*[1-9][0-9]*(\.0)?\s*$|\$";
const NUMBER_OR_NONE: &str = r"^\s*[0-9]+(\.0)?\s*$|^([Nn][Oo][Nn][Ee])?$|\$";

fn number(key: &EditorKey, pattern: &str, by_branch: bool) -> Value {
    in_range(key, typed(&["integer", "string"], by_branch), pattern, "Expected a whole number.")
}

/// A number that can have decimals. It is only a member of a structure, so it has no map of branches.
fn decimal(key: &EditorKey) -> Value {
    in_range(key, typed(&["number", "string"], false), &or_a_variable(DECIMAL), "Expected a number.")
}

/// Adds the range of `key`, a pattern for strings, and the message for another value.
fn in_range(key: &EditorKey, schema: Value, pattern: &str, message: &str) -> Value {
    let range = key.range.clone().unwrap_or(0..=i32::MAX);
    let mut schema = with_pattern(with_message(schema, message), pattern, message);
    let inner = inside(&mut schema);
    inner["minimum"] = json!(range.start());
    inner["maximum"] = json!(range.end());
    schema
}

/// A percentage. It is only a member of a structure, so it has no map of branches.
fn percentage() -> Value {
    let message = "Expected a percentage above 0 and below 100, such as `1%`.";
    let schema = with_message(typed(&["number", "string"], false), message);
    let mut schema = with_pattern(schema, &format!("{PERCENTAGE}{OR_A_VARIABLE}"), message);
    let inner = inside(&mut schema);
    inner["exclusiveMinimum"] = json!(0);
    inner["exclusiveMaximum"] = json!(100);
    schema
}

fn flag(by_branch: bool) -> Value {
    let pattern = format!("{FLAG_WORDS}{OR_A_VARIABLE}");
    let schema = or_encrypted(&["boolean", "string", "null", "object"], by_branch);
    let message = "Expected `true` or `false`.";
    with_pattern(with_message(schema, message), &pattern, message)
}

/// A list of strings. A single string means a list with one entry.
fn list(at: &str, key: &EditorKey, by_branch: bool) -> Value {
    let entry = text(at, key.pattern, false);
    let one = text(at, key.pattern, by_branch);
    let mut schema = with_message(one, "Expected a string or a list of strings.");
    if let Some(types) = inside(&mut schema)["type"].as_array_mut() {
        types.insert(0, json!("array"));
    }
    if let Some((pattern, _)) = key.pattern {
        // An empty string means an empty list.
        inside(&mut schema)["pattern"] = json!(format!("^$|{}", or_a_variable(pattern)));
    }
    limit_entries(&mut schema, at);
    // An editor inserts a list if it sees `items` at the top level of the schema.
    match key.kind {
        Kind::Single => inside(&mut schema)["items"] = entry,
        _ => schema["items"] = entry,
    }
    schema
}

/// A list of bash expressions, which can have other lists as entries.
fn expressions(at: &str, key: &EditorKey) -> Value {
    let mut schema = list(at, key, false);
    if let Some(types) = inside(&mut inside(&mut schema)["items"])["type"].as_array_mut() {
        types.push(json!("array"));
    }
    schema
}

/// Limits the number of entries of a list.
fn limit_entries(schema: &mut Value, at: &str) {
    for limit in limits_of(at) {
        if let Limit::Entries(most) = limit {
            schema["maxItems"] = json!(most);
        }
    }
}

fn numbers(key: &EditorKey, by_branch: bool) -> Value {
    let mut schema = number(key, &format!("^$|{NOT_ZERO}"), by_branch);
    inside(&mut schema)["type"] = json!(["array", "integer", "string", "object"]);
    schema["items"] = number(key, NOT_ZERO, false);
    schema
}

/// Names with secret values: a map, a list of `NAME=value` or of maps, or one `NAME=value`.
fn pairs(at: &str) -> Value {
    let is_named = limits_of(at).any(|limit| limit == Limit::Names);
    let reserved = RESERVED.join("|");
    let (name, shown) = if is_named {
        let name = format!(r"(?!(?:{reserved})\s*=)[A-Za-z][A-Za-z0-9_]+\s*");
        (name, "at least two letters, digits and `_`, begins with a letter, and is not reserved")
    } else {
        (r"[^=\s][^=]*".to_owned(), "no `=`")
    };
    let message = format!("Expected `NAME=value`; a name has {shown}.");
    let value = with_message(typed(&["string", "number", "boolean"], false), "Expected a string.");
    let mut map = json!({"type": ["object", "string", "null"], "additionalProperties": value.clone()});
    if is_named {
        map["propertyNames"] = json!({
            "pattern": format!("^(?!(?:{reserved})$)[A-Za-z][A-Za-z0-9_]+$"),
            "patternErrorMessage":
                "Expected at least two letters, digits and `_`, with a letter first, and no name that Lambda \
                 reserves.",
        });
    }
    let entry = with_pattern(map.clone(), &format!(r"^\s*{name}=|^[^=]*\$"), &message);
    let mut variables = map.clone();
    variables["type"] = json!("object");
    let mut schema = with_pattern(map, &format!(r"^$|^\s*{name}=|^[^=]*\$"), &message);
    schema["type"] = json!(["object", "array", "string", "null"]);
    schema["items"] = entry;
    // `{variables: {…}}`, as in AWS's API: valid, but the program warns about it.
    remove(&mut schema, "additionalProperties");
    schema["if"] = json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"pattern": format!("^{}$", in_any_case("variables"))},
        "additionalProperties": {"type": "object", "not": {"required": ["secure"]}},
    });
    schema["then"] = json!({
        "deprecated": true,
        "deprecationMessage": "Remove this level: its entries are read as if they were not nested.",
        "additionalProperties": variables,
    });
    schema["else"] = json!({"additionalProperties": value});
    for limit in limits_of(at) {
        if let Limit::Pairs(most) = limit {
            schema["maxItems"] = json!(most);
            schema["maxProperties"] = json!(most);
        }
    }
    schema
}

/// Values that AWS documents. Editors mark any other value, also one in another case. `may_be_empty` allows
/// an empty string, which clears.
fn words_of_aws(words: &[(&str, &str)], may_be_empty: bool, by_branch: bool) -> Value {
    let pattern = if may_be_empty { r"^$|\$" } else { r"\$" };
    alternatives(words, &["string"], pattern, &one_of(words), by_branch)
}

/// One value that AWS documents, or a list with only that value.
fn word_or_list_of_one(words: &[(&str, &str)]) -> Value {
    let entry = words_of_aws(words, false, false);
    let mut schema = entry.clone();
    let others = words.iter().map(|(word, _)| json!({"contains": {"const": word}}));
    schema["anyOf"][2] = json!({
        "type": ["array", "null"],
        "title": "no value, or a list",
        "items": entry,
        "minItems": 1,
        "not": {"type": "array", "allOf": others.collect::<Vec<_>>()},
        "errorMessage": one_of(words),
    });
    schema
}

/// Values of dpl-lambda, in any case.
fn choice(words: &[(&str, &str)], by_branch: bool) -> Value {
    let in_any_case: Vec<String> = words.iter().map(|(word, _)| in_any_case(word)).collect();
    let pattern = format!("^({})${OR_A_VARIABLE}", in_any_case.join("|"));
    alternatives(words, &["string"], &pattern, &one_of(words), by_branch)
}

/// Runtimes that were not deprecated on [`READ_ON`], the day on which their table was read. Other names are
/// valid.
fn runtimes(pattern: Option<(&str, &str)>, by_branch: bool) -> Value {
    let supported = RUNTIMES.iter().filter(|runtime| runtime.deprecated > READ_ON);
    let descriptions: Vec<(&str, String)> = supported
        .map(|runtime| (runtime.id, format!("{}, supported until {}", runtime.label, runtime.deprecated)))
        .collect();
    let words: Vec<(&str, &str)> =
        descriptions.iter().map(|(id, description)| (*id, description.as_str())).collect();
    open_words(&words, pattern, by_branch)
}

/// Known values. Other values that match the pattern are valid too; without a pattern all.
fn open_words(words: &[(&str, &str)], pattern: Option<(&str, &str)>, by_branch: bool) -> Value {
    let (pattern, message) = pattern.unwrap_or_default();
    alternatives(words, &["string", "number", "boolean"], &or_a_variable(pattern), message, by_branch)
}

/// Values to choose from, or another value that matches `pattern`, or null. The title of null is for hovers:
/// without differences between alternatives, a hover shows the title of the key for each of them.
fn alternatives(
    words: &[(&str, &str)],
    types: &[&str],
    pattern: &str,
    message: &str,
    by_branch: bool,
) -> Value {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let descriptions: Vec<&str> = words.iter().map(|(_, description)| *description).collect();
    let offered = json!({
        "enum": names,
        "enumDescriptions": descriptions,
        "markdownEnumDescriptions": descriptions,
        "errorMessage": message,
    });
    let another = with_pattern(with_message(typed(types, by_branch), message), pattern, message);
    json!({"anyOf": [offered, another, {"type": "null", "title": "no value"}]})
}

fn one_of(words: &[(&str, &str)]) -> String {
    format!("Expected {}.", choice_of(words))
}

/// A map of conditions, a branch, or a list with one of these. `false` means no conditions.
fn conditions(mut on: Value) -> Value {
    on["type"] = json!(["object", "string", "array", "boolean", "null"]);
    on["minLength"] = json!(1);
    // Only the names, because few files have a list here.
    let names: Vec<&String> = on["properties"].as_object().into_iter().flat_map(|map| map.keys()).collect();
    let types = ["object", "string", "array"];
    let entry = json!({"type": types, "minLength": 1, "propertyNames": {"enum": names}});
    on["items"] = entry;
    on["minItems"] = json!(1);
    on["maxItems"] = json!(1);
    on["if"] = json!({"type": "boolean"});
    on["then"] = json!({"enum": [false], "errorMessage": "Expected a map of conditions or a branch."});
    on
}

/// A branch or a list of branches. The keys of a map count as branches too.
fn branch_names() -> Value {
    json!({
        "type": ["string", "array", "number", "object", "null"],
        "items": {"type": ["string", "number", "null"], "minLength": 1},
        "minItems": 1,
        "minLength": 1,
        "if": {"type": "object"},
        "then": {
            "deprecated": true,
            "deprecationMessage":
                "A map of branches is deprecated: only its keys count. Write a list of branches.",
        },
    })
}

/// A list of file systems. A single one means a list with one entry.
fn file_systems(one: &Value) -> Value {
    let mut schema = or(one.clone(), &["array", "object", "string", "null"], "^$");
    schema["items"] = one.clone();
    schema["items"]["type"] = json!(["object", "null"]);
    limit_entries(&mut schema, "file_system_configs");
    schema
}

/// A check, or a list of checks. An editor inserts a map, because that is the first type.
fn checks(one: &Value) -> Value {
    let mut schema = one.clone();
    schema["type"] = json!(["object", "array", "null"]);
    schema["items"] = one.clone();
    schema["items"]["type"] = json!(["object", "null"]);
    schema["minItems"] = json!(1);
    schema["maxItems"] = json!(MAX_CHECKS);
    schema
}

/// A list of layers: strings, and structures of those to build. A single one means a list with one entry.
fn layers(at: &str, built: &Value) -> Value {
    let (pattern, message) = value_pattern(at, None).unwrap_or_default();
    let typed = |types: &[&str]| {
        let mut one = built.clone();
        one["type"] = json!(types);
        with_pattern(with_message(one, "Expected a string or a map."), &pattern, &message)
    };
    let mut schema = typed(&["array", "object", "string", "number", "boolean", "null"]);
    schema["items"] = typed(&["object", "string", "number", "boolean", "null"]);
    limit_entries(&mut schema, at);
    schema
}

/// A structure, or a value of another type that matches `pattern`.
fn or(mut structure: Value, types: &[&str], pattern: &str) -> Value {
    structure["type"] = json!(types);
    with_pattern(structure, pattern, "Expected a map.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_of_a_key_that_there_is() {
        let stanza = crate::protocol::schema::stanza();
        for key in editor_keys() {
            let pointer: String = key.at.split('.').map(|part| format!("/properties/{part}")).collect();
            assert!(stanza.pointer(&pointer).is_some(), "`{}` is not a key of a stanza", key.at);
        }
    }
}
