//! Generates the JSON Schemas (draft-07) for editors, runners and readers of events from the types of this
//! module. The files in `schema/` must not be edited; a test compares them with the output of this module.

use std::borrow::Cow;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::editor;
use super::event::Line;
use super::stanza::{ALIASES, Stanza};
use super::structures::{FileSystemConfig, FunctionUrl};

/// The schema of a stanza for editors. It allows no additional keys, so that editors mark typos, and it
/// allows `{"secure": …}`.
pub fn stanza() -> Value {
    editor::enrich(&plain())
}

/// The schema of a whole `.travis.yml` for editors. It restricts only the stanzas for `lambda`.
pub fn travis_yml() -> Value {
    editor::travis_yml_schema::wrap(stanza())
}

/// The schema of the type [`Stanza`], with the alternative names of keys.
fn plain() -> Value {
    let mut schema = draft07_schema_of::<Stanza>();
    add_aliases(&mut schema);
    schema
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

fn draft07_schema_of<T: JsonSchema>() -> Value {
    finish(SchemaSettings::draft07().into_generator().into_root_schema_for::<T>())
}

fn finish(schema: Schema) -> Value {
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

/// Type of a key that is in the schema, but is read by another module or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaOnly;

/// Defines types that are used only in schemas. Each describes the forms in which users can write a kind of
/// value.
macro_rules! schema_types {
    ($($(#[doc = $doc:literal])* $name:ident => $schema:expr;)*) => { $(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let make: fn(&mut SchemaGenerator) -> Schema = $schema;
                make(generator)
            }
        }
    )* };
}

schema_types! {
    /// A string. Numbers and booleans are converted to text.
    Text => |_| json_schema!({"type": ["string", "number", "boolean"]});

    /// A secret string.
    SecretText => |generator| json_schema!({
        "anyOf": [{"type": ["string", "number", "boolean"]}, generator.subschema_for::<Secure>()],
    });

    /// A whole number, or a string with one.
    WholeNumber => |_| json_schema!({
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9]+(\.0)?\s*$"}],
    });

    /// A boolean, or a word that Travis CI accepts for one.
    Flag => |_| json_schema!({
        "anyOf": [
            {"type": "boolean"},
            {"type": "string", "pattern": FLAG_WORDS},
        ],
    });

    /// A list of strings, or a single string.
    TextList => |_| json_schema!({
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        ],
    });

    /// A list of whole numbers, or a single one.
    NumberList => |generator| {
        let one = json!(generator.subschema_for::<WholeNumber>());
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}, {"enum": [""]}]})
    };

    /// Names with secret values: a map, a list of `NAME=value` or of maps, or one `NAME=value`.
    Pairs => |generator| {
        let secret = json!({"anyOf": [generator.subschema_for::<SecretText>(), {"type": "null"}]});
        let map = json!({"type": "object", "additionalProperties": secret});
        let pair = json!({"type": "string", "pattern": "^(\\s*[^=\\s][^=]*=[\\s\\S]*)?$"});
        let entry = json!({"type": "string", "pattern": "^\\s*[^=\\s][^=]*="});
        json_schema!({
            "anyOf": [map.clone(), pair, {"type": "array", "items": {"anyOf": [map, entry, {"type": "null"}]}}],
        })
    };

    /// A whole number, or `none`.
    NumberOrNone => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<WholeNumber>(), {"type": "string", "pattern": NONE}],
    });

    /// A list of file systems, or a single one.
    FileSystems => |generator| {
        let one = json!(generator.subschema_for::<FileSystemConfig>());
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}, {"enum": [""]}]})
    };

    /// A function URL, or `none`.
    UrlOrNone => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<FunctionUrl>(), {"type": "string", "pattern": NONE}],
    });

    /// An encrypted value, which Travis CI decrypts.
    Secure => |_| json_schema!({
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": false,
    });

    /// Any value.
    Anything => |_| json_schema!(true);

    /// A map of conditions, or a branch.
    Conditions => |generator| json_schema!({
        "anyOf": [{"type": "string", "minLength": 1}, generator.subschema_for::<On>(), {"enum": [false]}],
    });

    /// A branch, or a list of branches.
    Branches => |_| json_schema!({
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": ["string", "number", "null"]}, "minItems": 1},
        ],
    });
}

/// `none` in any case, or an empty string.
const NONE: &str = "^([Nn][Oo][Nn][Ee])?$";

/// The words that [`super::json::Node::as_flag`] accepts, in any case.
pub(super) const FLAG_WORDS: &str = concat!(
    r"^\s*([Tt][Rr][Uu][Ee]|[Oo][Nn]|[Yy][Ee][Ss]|[Ee][Nn][Aa][Bb][Ll][Ee][Dd]|[Rr][Ee][Qq][Uu][Ii][Rr][Ee][Dd]",
    r"|[Ff][Aa][Ll][Ss][Ee]|[Oo][Ff][Ff]|[Nn][Oo]|[Dd][Ii][Ss][Aa][Bb][Ll][Ee][Dd])\s*$"
);

/// Conditions under which Travis CI deploys. All of them must be met.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only describes the input of `conditions::evaluate`")]
struct On {
    /// Repository, as `owner/name`. Builds of forks are then skipped. Default: any repository.
    #[schemars(with = "Option<Text>")]
    repo: (),
    /// Branch or list of branches; one of them must match. Bash patterns such as `release/*` are possible.
    /// Default: `master`.
    #[schemars(with = "Option<Branches>")]
    branch: (),
    /// Whether to deploy from all branches. Default: false.
    #[schemars(with = "Option<Flag>")]
    all_branches: (),
    /// `true`: deploy only tags, and do not check `branch`. `false`: do not deploy tags. Default: tags are
    /// not checked; for a tag, `branch` must match its name.
    #[schemars(with = "Option<Flag>")]
    tags: (),
    /// Bash expression, written without `[[ ]]`, such as `$NIGHTLY = true`. Write spaces around `=`. If there
    /// is a list of expressions, all must be true. Default: none.
    #[schemars(with = "Option<TextList>")]
    condition: (),
    /// Dart version that the job must have, such as `'3.5'`. It must equal the job's `TRAVIS_DART_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    dart: (),
    /// Elixir version that the job must have, such as `'1.17'`. It must equal the job's
    /// `TRAVIS_ELIXIR_VERSION`. Default: any.
    #[schemars(with = "Option<Text>")]
    elixir: (),
    /// Elm version that the job must have, such as `'0.19'`. It must equal the job's `TRAVIS_ELM_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    elm: (),
    /// Go version that the job must have, such as `'1.23'`. It must equal the job's `TRAVIS_GO_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    go: (),
    /// Haxe version that the job must have, such as `'4.3'`. It must equal the job's `TRAVIS_HAXE_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    haxe: (),
    /// JDK that the job must have, such as `openjdk21`. It must equal the job's `TRAVIS_JDK_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    jdk: (),
    /// Julia version that the job must have, such as `'1.11'`. It must equal the job's
    /// `TRAVIS_JULIA_VERSION`. Default: any.
    #[schemars(with = "Option<Text>")]
    julia: (),
    /// Node.js version that the job must have, such as `'22'`. It must equal the job's `TRAVIS_NODE_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    node: (),
    /// Same as `node`.
    #[schemars(with = "Option<Text>")]
    node_js: (),
    /// Perl version that the job must have, such as `'5.40'`. It must equal the job's `TRAVIS_PERL_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    perl: (),
    /// PHP version that the job must have, such as `'8.3'`. It must equal the job's `TRAVIS_PHP_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    php: (),
    /// Python version that the job must have, such as `'3.13'`. It must equal the job's
    /// `TRAVIS_PYTHON_VERSION`. Default: any.
    #[schemars(with = "Option<Text>")]
    python: (),
    /// R version that the job must have, such as `'4.4'`. It must equal the job's `TRAVIS_R_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    r: (),
    /// Ruby version that the job must have, such as `'3.4'`. It must equal the job's `TRAVIS_RUBY_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    ruby: (),
    /// Same as `ruby`.
    #[schemars(with = "Option<Text>")]
    rvm: (),
    /// Rust version that the job must have, such as `stable`. It must equal the job's `TRAVIS_RUST_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    rust: (),
    /// Scala version that the job must have, such as `'3.5'`. It must equal the job's `TRAVIS_SCALA_VERSION`.
    /// Default: any.
    #[schemars(with = "Option<Text>")]
    scala: (),
    /// Smalltalk version that the job must have, such as `Squeak-6.0`. It must equal the job's
    /// `TRAVIS_SMALLTALK_VERSION`. Default: any.
    #[schemars(with = "Option<Text>")]
    smalltalk: (),
}
