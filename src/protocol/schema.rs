//! The types of this folder in, JSON Schemas (draft-07) out: for editors, for runners, for readers of events.
//! Never written by hand into `schema/`; a test holds those files equal to what is made here.

use std::borrow::Cow;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::editor;
use super::event::Line;
use super::stanza::{ALIASES, Stanza};
use super::structures::{FileSystemConfig, FunctionUrl};

/// For people in an editor: closed, so that typos are marked; knows `{"secure": …}`.
pub fn stanza() -> Value {
    editor::enrich(&plain())
}

/// For people in an editor: a whole `.travis.yml`, of which only the stanzas for `lambda` are looked at.
pub fn travis_yml() -> Value {
    editor::travis_yml::around(stanza())
}

/// The stanza as its types tell it.
fn plain() -> Value {
    let mut schema = generate::<Stanza>();
    add_aliases(&mut schema);
    schema
}

/// For runners: open, with `env` and `protocol`, without `secure`, and as lenient as the reader is.
pub fn request() -> Value {
    let mut schema = plain();
    let root = schema.as_object_mut().expect("a schema of a struct is an object");
    root.insert("title".to_owned(), json!("dpl-lambda request"));
    root.remove("additionalProperties");
    let definitions = root.get_mut("definitions").and_then(Value::as_object_mut).expect("has definitions");
    for definition in definitions.values_mut().filter_map(Value::as_object_mut) {
        definition.remove("additionalProperties");
    }
    // What people write is read kindly; what the reader takes with a warning, a runner may send.
    // An object is a branch-specific value.
    let scalar = json!({"type": ["string", "number", "boolean", "object"]});
    for name in ["Text", "WholeNumber", "NumberOrNone", "Flag", "SecretText"] {
        let lenient = definitions.get_mut(name).and_then(Value::as_object_mut).expect("a type of the reader");
        let description = lenient.remove("description");
        *lenient = scalar.as_object().expect("an object").clone();
        lenient.extend(description.map(|text| ("description".to_owned(), text)));
    }
    for name in ["TextList", "NumberList"] {
        definitions.insert(name.to_owned(), json!({"type": ["array", "string", "number", "boolean", "object"]}));
    }
    definitions.insert("Conditions".to_owned(), json!({"description": "Judged as Travis CI judges it."}));
    definitions.insert(
        "Pairs".to_owned(),
        json!({"type": ["object", "array", "string"], "description": "A map, a list of `NAME=value`, or one of them."}),
    );
    let runner = generate::<RunnerKeys>();
    let keys = runner["properties"].as_object().expect("a schema of a struct has properties").clone();
    let properties = root.get_mut("properties").and_then(Value::as_object_mut).expect("has properties");
    properties.extend(keys);
    schema
}

/// For readers of standard output: one line of it.
pub fn event() -> Value {
    finish(SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Line<'static>>())
}

/// The keys of a stanza, aliases included.
pub(super) fn stanza_keys() -> &'static [String] {
    static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let schema = plain();
        schema["properties"].as_object().expect("a schema of a struct has properties").keys().cloned().collect()
    });
    &KEYS
}

fn generate<T: JsonSchema>() -> Value {
    finish(SchemaSettings::draft07().into_generator().into_root_schema_for::<T>())
}

fn finish(schema: Schema) -> Value {
    let mut value = schema.to_value();
    one_line_descriptions(&mut value);
    value
}

/// Doc comments break their lines for the source's sake; an editor's hover breaks its own.
fn one_line_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
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
        copy["description"] = json!(format!("Another name of `{key}`."));
        properties.insert(alias.to_owned(), copy);
    }
}

/// Keys that the runner adds to the stanza.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes what `request::read` takes; nothing holds one")]
struct RunnerKeys {
    /// The job's whole environment. When it is given, nothing else is consulted, neither for conditions nor for credentials.
    env: Option<std::collections::BTreeMap<String, Option<String>>>,
    /// The protocol number: 1. Absent means 1.
    #[schemars(range(min = 1, max = 1))]
    protocol: Option<u32>,
}

/// Marks a key that editors know and that another room reads, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaOnly;

/// Implements a type that exists in schemas only: how people may write a kind of value.
macro_rules! written {
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

written! {
    /// A string; numbers and booleans become their text.
    Text => |_| json_schema!({"type": ["string", "number", "boolean"]});

    /// A string that must not be shown.
    SecretText => |generator| json_schema!({
        "anyOf": [{"type": ["string", "number", "boolean"]}, generator.subschema_for::<Secure>()],
    });

    /// A whole number, also written as a string.
    WholeNumber => |_| json_schema!({
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9]+(\.0)?\s*$"}],
    });

    /// A boolean, also in a word that Travis CI takes for one.
    Flag => |_| json_schema!({
        "anyOf": [
            {"type": "boolean"},
            {"type": "string", "pattern": FLAG_WORDS},
        ],
    });

    /// A list of strings; a single one stands for a list of one.
    TextList => |_| json_schema!({
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        ],
    });

    /// A list of whole numbers; a single one stands for a list of one.
    NumberList => |generator| {
        let one = json!(generator.subschema_for::<WholeNumber>());
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}, {"enum": [""]}]})
    };

    /// Secret values under names: a map, a list of `NAME=value` or of maps, or one `NAME=value`.
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

    /// A list of file systems; a single one stands for a list of one.
    FileSystems => |generator| {
        let one = json!(generator.subschema_for::<FileSystemConfig>());
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}, {"enum": [""]}]})
    };

    /// A function's address, or `none`.
    UrlOrNone => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<FunctionUrl>(), {"type": "string", "pattern": NONE}],
    });

    /// An encrypted value, for Travis CI to decrypt.
    Secure => |_| json_schema!({
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": false,
    });

    /// Any value.
    Anything => |_| json_schema!(true);

    /// Conditions, or a branch.
    Conditions => |generator| json_schema!({
        "anyOf": [{"type": "string", "minLength": 1}, generator.subschema_for::<On>(), {"enum": [false]}],
    });

    /// Branches: one, or several.
    Branches => |_| json_schema!({
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": ["string", "number", "null"]}, "minItems": 1},
        ],
    });
}

/// `none` in any case, or nothing.
const NONE: &str = "^([Nn][Oo][Nn][Ee])?$";

/// The words of [`super::wire::Node::as_flag`], in any case.
pub(super) const FLAG_WORDS: &str = concat!(
    r"^\s*([Tt][Rr][Uu][Ee]|[Oo][Nn]|[Yy][Ee][Ss]|[Ee][Nn][Aa][Bb][Ll][Ee][Dd]|[Rr][Ee][Qq][Uu][Ii][Rr][Ee][Dd]",
    r"|[Ff][Aa][Ll][Ss][Ee]|[Oo][Ff][Ff]|[Nn][Oo]|[Dd][Ii][Ss][Aa][Bb][Ll][Ee][Dd])\s*$"
);

/// The conditions under which Travis CI deploys; all of them must be met.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `conditions::judge` reads; nothing holds one")]
struct On {
    /// The repository, as `owner/name`; for forks. Default: any.
    #[schemars(with = "Option<Text>")]
    repo: (),
    /// The branches, any of which permits; bash patterns such as `release/*`. Default: `master`.
    #[schemars(with = "Option<Branches>")]
    branch: (),
    /// Deploy from all branches. Default: false.
    #[schemars(with = "Option<Flag>")]
    all_branches: (),
    /// `true`: tags only, and `branch` is not checked. `false`: no tags. Default: both.
    #[schemars(with = "Option<Flag>")]
    tags: (),
    /// What bash evaluates inside `[[ … ]]`, such as `$NIGHTLY = true`; put spaces around `=`. Of a list, all must be met. Default: none.
    #[schemars(with = "Option<TextList>")]
    condition: (),
    /// The Dart version that the job runs, such as `'3.5'`.
    #[schemars(with = "Option<Text>")]
    dart: (),
    /// The Elixir version that the job runs, such as `'1.17'`.
    #[schemars(with = "Option<Text>")]
    elixir: (),
    /// The Elm version that the job runs, such as `'0.19'`.
    #[schemars(with = "Option<Text>")]
    elm: (),
    /// The Go version that the job runs, such as `'1.23'`.
    #[schemars(with = "Option<Text>")]
    go: (),
    /// The Haxe version that the job runs, such as `'4.3'`.
    #[schemars(with = "Option<Text>")]
    haxe: (),
    /// The JDK that the job runs, such as `openjdk21`.
    #[schemars(with = "Option<Text>")]
    jdk: (),
    /// The Julia version that the job runs, such as `'1.11'`.
    #[schemars(with = "Option<Text>")]
    julia: (),
    /// The Node.js version that the job runs, such as `'22'`.
    #[schemars(with = "Option<Text>")]
    node: (),
    /// Another name of `node`.
    #[schemars(with = "Option<Text>")]
    node_js: (),
    /// The Perl version that the job runs, such as `'5.40'`.
    #[schemars(with = "Option<Text>")]
    perl: (),
    /// The PHP version that the job runs, such as `'8.3'`.
    #[schemars(with = "Option<Text>")]
    php: (),
    /// The Python version that the job runs, such as `'3.13'`.
    #[schemars(with = "Option<Text>")]
    python: (),
    /// The R version that the job runs, such as `'4.4'`.
    #[schemars(with = "Option<Text>")]
    r: (),
    /// The Ruby version that the job runs, such as `'3.4'`.
    #[schemars(with = "Option<Text>")]
    ruby: (),
    /// Another name of `ruby`.
    #[schemars(with = "Option<Text>")]
    rvm: (),
    /// The Rust version that the job runs, such as `'stable'`.
    #[schemars(with = "Option<Text>")]
    rust: (),
    /// The Scala version that the job runs, such as `'3.5'`.
    #[schemars(with = "Option<Text>")]
    scala: (),
    /// The Smalltalk version that the job runs, such as `'Squeak-6.0'`.
    #[schemars(with = "Option<Text>")]
    smalltalk: (),
}
