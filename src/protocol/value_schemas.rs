//! Describes for the schemas in which forms users can write a value. The keys of a stanza name these types.

use schemars::{JsonSchema, json_schema};
use serde_json::json;

/// Type of a key that is in the schema, but is read by another module or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaOnly;

/// Defines types that are used only in schemas. Each describes the forms in which users can write a kind of
/// value.
macro_rules! schema_types {
    ($($(#[doc = $doc:literal])* $name:ident => $schema:expr;)*) => { $(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let make: fn(&mut ::schemars::SchemaGenerator) -> ::schemars::Schema = $schema;
                make(generator)
            }
        }
    )* };
}
pub(super) use schema_types;

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
pub(super) const NONE: &str = "^([Nn][Oo][Nn][Ee])?$";

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
