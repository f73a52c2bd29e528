//! Types that are used only in schemas: the forms in which users can write a value.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::text_form::{OptionType, TextForm};

/// Defines types that are used only in schemas. Each describes the forms in which users can write a kind of
/// value. After a colon: how a text stands for it, unless the text can be JSON.
macro_rules! schema_types {
    ($($(#[doc = $doc:literal])* $name:ident $(: $form:ident)? => $schema:expr;)*) => { $(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl $crate::protocol::text_form::OptionType for $name {
            $(const TEXT_FORM: $crate::protocol::text_form::TextForm =
                $crate::protocol::text_form::TextForm::$form;)?
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let make: fn(&mut schemars::SchemaGenerator) -> schemars::Schema = $schema;
                make(generator)
            }
        }
    )* };
}

pub(super) use schema_types;

schema_types! {
    /// A string. Numbers and booleans are converted to text.
    Text: Plain => |_| json_schema!({"type": ["string", "number", "boolean"]});

    /// A secret string.
    SecretText: Plain => |generator| json_schema!({
        "anyOf": [{"type": ["string", "number", "boolean"]}, generator.subschema_for::<Secure>()],
    });

    /// A whole number, or a string with one.
    WholeNumber: Plain => |_| json_schema!({
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9]+(\.0)?\s*$"}],
    });

    /// A number that is not negative, or a string with one.
    Decimal: Plain => |_| json_schema!({
        "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": DECIMAL}],
    });

    /// A percentage between 0 and 100: a number, or a string with or without a percent sign.
    Percentage: Plain => |_| json_schema!({
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
            {"type": "string", "pattern": PERCENTAGE},
        ],
    });

    /// A boolean, or a word that Travis CI accepts for one.
    Flag: Plain => |_| json_schema!({
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
    NumberList: Names => |generator| {
        let one = json!(generator.subschema_for::<WholeNumber>());
        let list = json!({"type": "array", "items": {"anyOf": [one.clone(), {"type": "null"}]}});
        json_schema!({"anyOf": [one, list, {"enum": [""]}]})
    };

    /// Names with secret values: a map, a list of `NAME=value` or of maps, or one `NAME=value`.
    Pairs: Pairs => |generator| {
        let secret = json!({"anyOf": [generator.subschema_for::<SecretText>(), {"type": "null"}]});
        let map = json!({"type": "object", "additionalProperties": secret});
        let pair = json!({"type": "string", "pattern": "^(\\s*[^=\\s][^=]*=[\\s\\S]*)?$"});
        let entry = json!({"type": "string", "pattern": "^\\s*[^=\\s][^=]*="});
        let list = json!({"type": "array", "items": {"anyOf": [map.clone(), entry, {"type": "null"}]}});
        json_schema!({"anyOf": [map, pair, list]})
    };

    /// A whole number, or `none`.
    NumberOrNone: Plain => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<WholeNumber>(), {"type": "string", "pattern": NONE}],
    });

    /// An encrypted value, which Travis CI decrypts.
    Secure => |_| json_schema!({
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": false,
    });

    /// A map, or a string with a JSON object.
    JsonMap => |_| json_schema!({"type": ["object", "string"]});

    /// Any value.
    Anything => |_| json_schema!(true);

    /// A branch, or a list of branches.
    Branches => |_| json_schema!({
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": ["string", "number", "null"]}, "minItems": 1},
        ],
    });
}

/// A list of names, which contain no comma, or a single one. Its schema is that of [`TextList`].
pub(super) struct NameList;

impl OptionType for NameList {
    const TEXT_FORM: TextForm = TextForm::Names;
}

impl JsonSchema for NameList {
    fn schema_name() -> Cow<'static, str> {
        TextList::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        TextList::json_schema(generator)
    }
}

/// `none` in any case, or an empty string.
pub(super) const NONE: &str = "^([Nn][Oo][Nn][Ee])?$";

/// Digits, with or without decimals.
pub(super) const DECIMAL: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*$";

/// A percentage above 0 and below 100 with at most one decimal.
pub(super) const PERCENTAGE: &str = r"^\s*(?!0*(\.0)?\s*%?\s*$)[0-9]{1,2}(\.[0-9])?\s*%?\s*$";

/// The words that [`super::json::Node::as_flag`] accepts, in any case.
pub(super) const FLAG_WORDS: &str = concat!(
    r"^\s*([Tt][Rr][Uu][Ee]|[Oo][Nn]|[Yy][Ee][Ss]|[Ee][Nn][Aa][Bb][Ll][Ee][Dd]",
    r"|[Rr][Ee][Qq][Uu][Ii][Rr][Ee][Dd]",
    r"|[Ff][Aa][Ll][Ss][Ee]|[Oo][Ff][Ff]|[Nn][Oo]|[Dd][Ii][Ss][Aa][Bb][Ll][Ee][Dd])\s*$"
);
