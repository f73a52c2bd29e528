//! Extends the plain schema of the stanza with what editors use: titles, examples, possible values,
//! deprecations, rules between keys and snippets. Never describes the meaning of a key (its doc comment
//! does), and never refuses a value that the program accepts without a warning.

use serde_json::{Map, Value, json};

use self::keys::{EditorKey, Kind, keys};
use super::branches;
use super::limits::{LIMITS, Limit};
use super::runtimes::{READ_ON, RUNTIMES};
use super::stanza_reader::choice_of;

mod keys;
mod known;
mod rules;
mod snippets;
pub(super) mod travis_yml_schema;

type Object = Map<String, Value>;

/// Extends the plain schema of the stanza. Every value may contain `$VAR`, because its value is known only in
/// the job.
pub(super) fn enrich(plain: &Value) -> Value {
    let keys = keys();
    let definitions = plain["definitions"].as_object().expect("has definitions");
    let mut root = structure(plain, "", definitions, &keys);
    root.insert("$schema".to_owned(), plain["$schema"].clone());
    root.insert("title".to_owned(), plain["title"].clone());
    root.insert("description".to_owned(), plain["description"].clone());
    root.insert("type".to_owned(), json!("object"));
    root.insert("allOf".to_owned(), rules::rules());
    root.insert("defaultSnippets".to_owned(), snippets::stanza());
    root.insert(
        "definitions".to_owned(),
        json!({
            "Encrypted": encrypted(),
            "EncryptedOrByBranch": {
                "if": {"required": ["secure"]},
                "then": {"$ref": "#/definitions/Encrypted"},
                "else": {
                    "deprecated": true,
                    "deprecationMessage": "A map of branches is deprecated; write one stanza per branch, with `on.branch`.",
                },
            },
        }),
    );
    Value::Object(root)
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
fn structure(plain: &Value, place: &str, definitions: &Object, keys: &[EditorKey]) -> Object {
    let properties = plain["properties"].as_object().expect("a structure has properties");
    let properties: Object = properties
        .iter()
        .map(|(name, property)| {
            let at = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            (name.clone(), enriched(&at, property, definitions, keys))
        })
        .collect();
    let mut object = Object::new();
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("additionalProperties".to_owned(), json!(false));
    if let Some(required) = plain.get("required") {
        object.insert("required".to_owned(), required.clone());
    }
    object
}

/// The schema of one property: its type, and what its entry in `keys()` adds.
fn enriched(at: &str, property: &Value, definitions: &Object, keys: &[EditorKey]) -> Value {
    let key = keys.iter().find(|key| key.names(at)).unwrap_or_else(|| panic!("`{at}` has a row in `keys()`"));
    let name = reference(property).unwrap_or_else(|| panic!("`{at}` refers to a type"));
    let nested = |kind: &str| structure(&definitions[kind], key.at, definitions, keys);
    let by_branch = !at.contains('.') && branches::can_be_branch_specific(key.at);
    let mut schema = match (name, &key.kind) {
        ("TextList", Kind::ValueWords(words)) => word_or_list_of_one(words),
        (_, Kind::ValueWords(words)) => words_of_aws(words, key.pattern.is_none(), by_branch),
        (_, Kind::Choice(words)) => choice(words, by_branch),
        (_, Kind::Open(words)) => open_words(words, key.pattern, by_branch),
        (_, Kind::Runtime) => runtimes(key.pattern, by_branch),
        ("Text", _) => text(at, key.pattern, by_branch),
        ("SecretText", _) => typed(&["string", "number", "boolean"], by_branch),
        ("WholeNumber", _) if key.range.is_some_and(|(least, _)| least > 0) => {
            number(key, NOT_ZERO, by_branch)
        }
        ("WholeNumber", _) => number(key, WHOLE_NUMBER, by_branch),
        ("NumberOrNone", _) => number(key, NUMBER_OR_NONE, by_branch),
        ("Flag", _) => flag(by_branch),
        ("TextList", _) => list(at, key, by_branch),
        ("NumberList", _) => numbers(key, by_branch),
        ("Pairs", _) => pairs(key.at),
        ("Conditions", _) => conditions(nested("On")),
        ("Branches", _) => branch_names(),
        ("FileSystems", _) => file_systems(&nested("FileSystemConfig")),
        ("UrlOrNone", _) => or(nested("FunctionUrl"), &["object", "string", "null"], "^([Nn][Oo][Nn][Ee])?$"),
        ("Anything", _) => Object::new(),
        (definition_name, _) => {
            let mut object = nested(definition_name);
            object.insert("type".to_owned(), json!(["object", "null"]));
            object
        }
    };
    let description = property["description"].clone();
    // A hover renders the code spans of `markdownDescription`, but shows those of `description` with their
    // backticks.
    let yaml = key.yaml.filter(|_| key.at == at);
    let shown =
        yaml.map(|yaml| format!("{}\n\n```yaml\n{yaml}\n```", description.as_str().unwrap_or_default()));
    schema.insert("markdownDescription".to_owned(), shown.map_or_else(|| description.clone(), Value::String));
    schema.insert("description".to_owned(), description);
    schema.extend(key.shown.clone());
    if key.at != at {
        // Alternative names of a key are valid, but not offered.
        schema.insert("doNotSuggest".to_owned(), json!(true));
    }
    Value::Object(schema)
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
fn typed(types: &[&str], by_branch: bool) -> Object {
    let (aside, mut types): (Vec<&str>, Vec<&str>) = types.iter().partition(|name| **name == "boolean");
    let aside: Vec<&str> = ["null"].into_iter().chain(aside).collect();
    types.push("object");
    let inside = if by_branch { "EncryptedOrByBranch" } else { "Encrypted" };
    object(json!({
        "if": {"type": aside},
        "else": {
            "type": types,
            "if": {"type": "object"},
            "then": {"$ref": format!("#/definitions/{inside}")},
        },
    }))
}

fn text(at: &str, own: Option<(&str, &str)>, by_branch: bool) -> Object {
    let Some((pattern, message)) = value_pattern(at, own) else {
        return with_message(typed(&["string", "number", "boolean"], by_branch), "Expected a string.");
    };
    let types: &[&str] = match at {
        // A number cannot have the required prefix,
        at if is_beginning(at) => &["string"],
        // and an alias cannot consist of digits only.
        "alias" => &["string", "boolean"],
        _ => &["string", "number", "boolean"],
    };
    with_pattern(with_message(typed(types, by_branch), "Expected a string."), &pattern, &message)
}

fn is_beginning(at: &str) -> bool {
    LIMITS.iter().any(|(key, limit)| *key == at && matches!(limit, Limit::Begins(_)))
}

/// The pattern of a string at `at`, from its limit or its own, with the message for a mismatch.
fn value_pattern(at: &str, own: Option<(&str, &str)>) -> Option<(String, String)> {
    let limits = || LIMITS.iter().filter(|(key, _)| *key == at).map(|(_, limit)| *limit);
    let may_be_empty = own.is_none_or(|(pattern, _)| pattern != NOT_EMPTY);
    for limit in limits() {
        match limit {
            Limit::Begins(start) => {
                let or_empty = if may_be_empty { "|$" } else { "" };
                return Some((
                    format!("^({start}{or_empty}){OR_A_VARIABLE}"),
                    format!("Expected a value that begins with `{start}`, as documented by AWS."),
                ));
            }
            Limit::Characters(most) => {
                // A value with `$VAR` or `%{name}` may be longer, because filling them in can make it
                // shorter.
                let inner = if may_be_empty {
                    format!(r"[\s\S]{{0,{most}}}")
                } else {
                    format!(r"\s*\S[\s\S]{{0,{}}}", most - 1)
                };
                return Some((
                    format!("^{inner}$|[$%]"),
                    format!("Expected at most {most} characters, as documented by AWS."),
                ));
            }
            Limit::Entries(_) | Limit::Pairs(_) | Limit::Names => {}
        }
    }
    own.map(|(pattern, message)| (or_a_variable(pattern), message.to_owned()))
}

/// Extends a pattern to match any string with a variable. [`NOT_EMPTY`] already matches those.
fn or_a_variable(pattern: &str) -> String {
    if pattern == NOT_EMPTY { pattern.to_owned() } else { format!("{pattern}{OR_A_VARIABLE}") }
}

/// The pattern of a key that an empty string cannot clear.
pub(super) const NOT_EMPTY: &str = r"\S";

/// Adds a pattern for strings, and the message for a mismatch.
fn with_pattern(mut schema: Object, pattern: &str, message: &str) -> Object {
    let inner = inside(&mut schema);
    inner.insert("pattern".to_owned(), json!(pattern));
    inner.insert("patternErrorMessage".to_owned(), json!(message));
    schema
}

/// Adds the message for a value of another type.
fn with_message(mut schema: Object, message: &str) -> Object {
    inside(&mut schema).insert("errorMessage".to_owned(), json!(message));
    schema
}

/// The object with the type keywords of a schema: its `else` if [`typed`] has made it, otherwise the schema
/// itself.
fn inside(schema: &mut Object) -> &mut Object {
    if schema.contains_key("else") {
        return schema.get_mut("else").and_then(Value::as_object_mut).expect("it is an object");
    }
    schema
}

const WHOLE_NUMBER: &str = r"^\s*[0-9]+(\.0)?\s*$|\$";
const NOT_ZERO: &str = r"^\s*0*[1-9][0-9]*(\.0)?\s*$|\$";
const NUMBER_OR_NONE: &str = r"^\s*[0-9]+(\.0)?\s*$|^([Nn][Oo][Nn][Ee])?$|\$";

fn number(key: &EditorKey, pattern: &str, by_branch: bool) -> Object {
    let (least, most) = key.range.unwrap_or((0, i64::from(i32::MAX)));
    let message = "Expected a whole number.";
    let schema = with_message(typed(&["integer", "string"], by_branch), message);
    let mut schema = with_pattern(schema, pattern, message);
    let inner = inside(&mut schema);
    inner.insert("minimum".to_owned(), json!(least));
    inner.insert("maximum".to_owned(), json!(most));
    schema
}

fn flag(by_branch: bool) -> Object {
    let pattern = format!("{}{OR_A_VARIABLE}", super::value_schemas::FLAG_WORDS);
    let inside = if by_branch { "EncryptedOrByBranch" } else { "Encrypted" };
    let schema = object(json!({
        "type": ["boolean", "string", "null", "object"],
        "if": {"type": "object"},
        "then": {"$ref": format!("#/definitions/{inside}")},
    }));
    let message = "Expected `true` or `false`.";
    with_pattern(with_message(schema, message), &pattern, message)
}

/// A list of strings. A single string means a list with one entry.
fn list(at: &str, key: &EditorKey, by_branch: bool) -> Object {
    let entry = text(at, key.pattern, false);
    let mut schema = text(at, key.pattern, by_branch);
    let types = inside(&mut schema).get_mut("type").and_then(Value::as_array_mut).expect("a list of types");
    types.insert(0, json!("array"));
    inside(&mut schema).insert("errorMessage".to_owned(), json!("Expected a string or a list of strings."));
    if let Some((pattern, _)) = key.pattern {
        // An empty string means an empty list.
        inside(&mut schema).insert("pattern".to_owned(), json!(format!("^$|{}", or_a_variable(pattern))));
    }
    for (_, limit) in LIMITS.iter().filter(|(name, _)| *name == at) {
        if let Limit::Entries(most) = limit {
            schema.insert("maxItems".to_owned(), json!(most));
        }
    }
    // An editor inserts a list if it sees `items` at the top level of the schema.
    match key.kind {
        Kind::Single => inside(&mut schema).insert("items".to_owned(), Value::Object(entry)),
        _ => schema.insert("items".to_owned(), Value::Object(entry)),
    };
    schema
}

fn numbers(key: &EditorKey, by_branch: bool) -> Object {
    let one = number(key, NOT_ZERO, false);
    let mut schema = number(key, &format!("^$|{NOT_ZERO}"), by_branch);
    inside(&mut schema).insert("type".to_owned(), json!(["array", "integer", "string", "object"]));
    schema.insert("items".to_owned(), Value::Object(one));
    schema
}

/// Names with secret values: a map, a list of `NAME=value` or of maps, or one `NAME=value`.
fn pairs(at: &str) -> Object {
    let limits = || LIMITS.iter().filter(|(key, _)| *key == at);
    let is_named = limits().any(|(_, limit)| *limit == Limit::Names);
    let (name, shown) = if is_named {
        (r"[A-Za-z][A-Za-z0-9_]*\s*", "only letters, digits and `_`, and begins with a letter")
    } else {
        (r"[^=\s][^=]*", "no `=`")
    };
    let message = format!("Expected `NAME=value`; a name has {shown}.");
    let value = with_message(typed(&["string", "number", "boolean"], false), "Expected a string.");
    let mut map = object(json!({"type": ["object", "string", "null"], "additionalProperties": value}));
    if is_named {
        let names = json!({
            "pattern": "^[A-Za-z][A-Za-z0-9_]*$",
            "patternErrorMessage": "Expected letters, digits and `_`, with a letter first, as documented by AWS.",
        });
        map.insert("propertyNames".to_owned(), names);
    }
    let entry = with_pattern(map.clone(), &format!(r"^\s*{name}=|^[^=]*\$"), &message);
    let mut schema = with_pattern(map, &format!(r"^$|^\s*{name}=|^[^=]*\$"), &message);
    schema.insert("type".to_owned(), json!(["object", "array", "string", "null"]));
    schema.insert("items".to_owned(), Value::Object(entry));
    for (_, limit) in limits() {
        if let Limit::Pairs(most) = limit {
            schema.insert("maxItems".to_owned(), json!(most));
            schema.insert("maxProperties".to_owned(), json!(most));
        }
    }
    schema
}

/// Values that AWS documents. Editors mark any other value, also one in another case. `may_be_empty` allows
/// an empty string, which clears.
fn words_of_aws(words: &[(&str, &str)], may_be_empty: bool, by_branch: bool) -> Object {
    let pattern = if may_be_empty { r"^$|\$" } else { r"\$" };
    alternatives(words, &["string"], pattern, &one_of(words), by_branch)
}

/// One value that AWS documents, or a list with only that value.
fn word_or_list_of_one(words: &[(&str, &str)]) -> Object {
    let entry = words_of_aws(words, false, false);
    let mut schema = entry.clone();
    let alternatives = schema.get_mut("anyOf").and_then(Value::as_array_mut).expect("alternatives");
    let others = words.iter().map(|(word, _)| json!({"contains": {"const": word}}));
    alternatives[2] = json!({
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
fn choice(words: &[(&str, &str)], by_branch: bool) -> Object {
    let in_any_case: Vec<String> = words.iter().map(|(word, _)| in_any_case(word)).collect();
    let pattern = format!("^({})${OR_A_VARIABLE}", in_any_case.join("|"));
    alternatives(words, &["string"], &pattern, &one_of(words), by_branch)
}

/// Runtimes that were not deprecated on [`READ_ON`], the day on which their table was read. Other names are
/// valid.
fn runtimes(pattern: Option<(&str, &str)>, by_branch: bool) -> Object {
    let supported = RUNTIMES.iter().filter(|runtime| runtime.deprecated > READ_ON);
    let descriptions: Vec<(&str, String)> = supported
        .map(|runtime| (runtime.id, format!("{}, supported until {}", runtime.label, runtime.deprecated)))
        .collect();
    let words: Vec<(&str, &str)> =
        descriptions.iter().map(|(id, description)| (*id, description.as_str())).collect();
    open_words(&words, pattern, by_branch)
}

/// Known values. Other values that match the pattern are valid too.
fn open_words(words: &[(&str, &str)], pattern: Option<(&str, &str)>, by_branch: bool) -> Object {
    let (pattern, message) = pattern.expect("an open key has a pattern");
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
) -> Object {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let descriptions: Vec<&str> = words.iter().map(|(_, description)| *description).collect();
    let offered = json!({
        "enum": names,
        "enumDescriptions": descriptions,
        "markdownEnumDescriptions": descriptions,
        "errorMessage": message,
    });
    let another = with_pattern(with_message(typed(types, by_branch), message), pattern, message);
    object(json!({"anyOf": [offered, another, {"type": "null", "title": "no value"}]}))
}

fn one_of(words: &[(&str, &str)]) -> String {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    format!("Expected {}.", choice_of(&names))
}

/// A pattern that matches a word in any case.
pub(super) fn in_any_case(word: &str) -> String {
    let letters = word.chars().map(|c| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    });
    letters.collect()
}

/// A map of conditions, a branch, or a list with one of these. `false` means no conditions.
fn conditions(mut on: Object) -> Object {
    on.insert("type".to_owned(), json!(["object", "string", "array", "boolean", "null"]));
    on.insert("minLength".to_owned(), json!(1));
    on.insert("items".to_owned(), json!({"type": ["object", "string"]}));
    on.insert("minItems".to_owned(), json!(1));
    on.insert("maxItems".to_owned(), json!(1));
    on.insert("if".to_owned(), json!({"type": "boolean"}));
    on.insert(
        "then".to_owned(),
        json!({"enum": [false], "errorMessage": "Expected a map of conditions or a branch."}),
    );
    on
}

/// A branch or a list of branches. The keys of a map count as branches too.
fn branch_names() -> Object {
    object(json!({
        "type": ["string", "array", "number", "object", "null"],
        "items": {"type": ["string", "number", "null"], "minLength": 1},
        "minItems": 1,
        "minLength": 1,
        "if": {"type": "object"},
        "then": {
            "deprecated": true,
            "deprecationMessage": "A map of branches is deprecated: only its keys count. Write a list of branches.",
        },
    }))
}

/// A list of file systems. A single one means a list with one entry.
fn file_systems(one: &Object) -> Object {
    let mut item = one.clone();
    item.insert("type".to_owned(), json!(["object", "null"]));
    let mut schema = or(one.clone(), &["array", "object", "string", "null"], "^$");
    schema.insert("items".to_owned(), Value::Object(item));
    for (_, limit) in LIMITS.iter().filter(|(key, _)| *key == "file_system_configs") {
        if let Limit::Entries(most) = limit {
            schema.insert("maxItems".to_owned(), json!(most));
        }
    }
    schema
}

/// A structure, or a value of another type that matches `pattern`.
fn or(mut structure: Object, types: &[&str], pattern: &str) -> Object {
    structure.insert("type".to_owned(), json!(types));
    with_pattern(structure, pattern, "Expected a map.")
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(map) => map,
        _ => unreachable!("every schema here is written as an object"),
    }
}
