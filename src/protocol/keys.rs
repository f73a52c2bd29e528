//! Macros that declare the keys of a stanza and of the maps in it: each key once, in a table that has all
//! that the reader, the schemas, editors and `docs/options.md` need. The tables are in `stanza/options.rs`,
//! `structures.rs`, `layer.rs` and `on.rs`. An entry of a table looks like this:
//!
//! ```text
//! /// Time limit of one invocation in seconds, … Default: the live value.       description, for all readers
//! pub timeout: Option<i32>                                                      field
//!     as Option<WholeNumber>                                                    its type in schemas
//!     = number_within("seconds", 1..=5400),                                     call of `StanzaReader`
//!     "Timeout (seconds)".example(30)                                           title, calls of `EditorKey`
//!     [Settings before subnet_ids, open]                                        group and place in the docs
//!     => "Timeout" of UpdateFunctionConfiguration;                              AWS's field and operation
//! ```
//!
//! Members of structures have no brackets. `open` means that the values of the option are never secret;
//! without the word they can be. Options are read in the order of the table. `before` is only needed where
//! `docs/options.md` has another order. An AWS field is only given where `function/setting.rs` has none.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::stanza_reader::ValueWords;

/// Which values an editor offers for a key.
pub(super) enum Kind {
    /// Those of the key's type.
    Plain,
    /// One value or a list. Most people write one value, so the editor inserts no list.
    Single,
    /// Values of the AWS API, case-sensitive.
    ValueWords(ValueWords),
    /// Values of dpl-lambda, in any case.
    Choice(ValueWords),
    /// AWS regions. Other names are valid too, because AWS adds new ones.
    Region,
    /// Runtimes that are not deprecated. Other names are valid too.
    Runtime,
}

/// A key and what an editor shows for it.
pub(super) struct EditorKey {
    /// Name of the key. Inside a structure, the names are joined with dots: `logging_config.log_group`.
    pub(super) at: &'static str,
    pub(super) kind: Kind,
    /// Regular expression for a string value and the message for a mismatch. A value with a `$` always
    /// matches.
    pub(super) pattern: Option<(&'static str, &'static str)>,
    /// Minimum and maximum of a number.
    pub(super) range: Option<RangeInclusive<i32>>,
    /// YAML example for the hover. It is text, because editors show an entry of `examples` that is not a
    /// scalar as `[object Object]`.
    pub(super) yaml: Option<&'static str>,
    /// JSON Schema keywords that are copied as they are.
    pub(super) shown: Map<String, Value>,
}

/// The pattern of a key that an empty string cannot clear.
pub(super) const NOT_EMPTY: &str = r"\S";

impl EditorKey {
    pub(super) fn new(at: &'static str, title: &str) -> Self {
        let shown = Map::from_iter([("title".to_owned(), json!(title))]);
        EditorKey { at, kind: Kind::Plain, pattern: None, range: None, yaml: None, shown }
    }
    fn with(mut self, keyword: &str, value: Value) -> Self {
        self.shown.insert(keyword.to_owned(), value);
        self
    }
    /// Sets a default of dpl-lambda. AWS defaults are in the description only, because an absent key keeps
    /// the live value.
    pub(super) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value.into())
    }
    pub(super) fn example(self, value: impl Into<Value>) -> Self {
        self.examples(Value::Array(vec![value.into()]))
    }
    pub(super) fn examples(self, values: Value) -> Self {
        self.with("examples", values)
    }
    pub(super) fn yaml(mut self, yaml: &'static str) -> Self {
        self.yaml = Some(yaml);
        self
    }
    pub(super) fn snippets(self, snippets: Value) -> Self {
        self.with("defaultSnippets", snippets)
    }
    /// Marks a key that is accepted without a warning. There is no `deprecationMessage`, because YAML editors
    /// underline such keys in red.
    pub(super) fn deprecated(self) -> Self {
        self.with("deprecated", json!(true)).with("doNotSuggest", json!(true))
    }
    pub(super) fn between(mut self, range: RangeInclusive<i32>) -> Self {
        self.range = Some(range);
        self
    }
    pub(super) fn at_least(self, least: i32) -> Self {
        self.between(least..=i32::MAX)
    }
    pub(super) fn pattern(mut self, pattern: &'static str, message: &'static str) -> Self {
        self.pattern = Some((pattern, message));
        self
    }
    /// Refuses an empty string, for keys without a value that it could clear.
    pub(super) fn not_empty(self) -> Self {
        self.pattern(NOT_EMPTY, "Expected a value. To keep the default, leave the key out.")
    }
    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
    pub(super) fn words(self, words: ValueWords) -> Self {
        self.kind(Kind::ValueWords(words))
    }
    pub(super) fn choice(self, words: ValueWords) -> Self {
        self.kind(Kind::Choice(words))
    }
    pub(super) fn single(self) -> Self {
        self.kind(Kind::Single)
    }
}

/// An [`EditorKey`] with the words or the range of the call that reads the key.
#[rustfmt::skip]
macro_rules! restricted {
    ($key:expr; name()) => { $key.not_empty() };
    ($key:expr; secret()) => { $key.not_empty() };
    ($key:expr; needed_name()) => { $key.not_empty() };
    ($key:expr; required($right:expr)) => { $key.not_empty() };
    ($key:expr; word($words:expr)) => { $key.words($words) };
    ($key:expr; needed_word($words:expr)) => { $key.words($words).not_empty() };
    ($key:expr; word_or_first($words:expr)) => { $key.words($words) };
    ($key:expr; single_word($words:expr)) => { $key.words($words) };
    ($key:expr; choice($words:expr, $values:expr)) => { $key.choice($words) };
    ($key:expr; number_within($unit:expr, $range:expr)) => { $key.between($range) };
    ($key:expr; decimal_within($unit:expr, $range:expr)) => { $key.between($range) };
    ($key:expr; seconds()) => { $key.at_least(1) };
    ($key:expr; $reader:ident($($argument:expr),*)) => { $key };
}

/// Implements what schemas, editors and `docs/options.md` need to know of the keys of a map.
macro_rules! described {
    (
        $name:ident in $place:literal
        $(#[doc = $about:literal])*
        #[schemars($($attribute:tt)*)]
        $(
            $(#[doc = $doc:literal])*
            $key:ident as $schema:ty, $editor:expr $(=> $field:literal of $operation:ident)?;
        )*
    ) => {
        impl $crate::protocol::text_form::OptionType for $name {}

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $(#[doc = $about])*
                #[derive(schemars::JsonSchema)]
                #[schemars($($attribute)*)]
                #[expect(dead_code, reason = "its fields only describe the keys")]
                struct Keys {
                    $($(#[doc = $doc])* $key: $schema,)*
                }
                <Keys as schemars::JsonSchema>::json_schema(generator)
            }
        }

        impl $name {
            /// AWS's fields: the key, the field, and the operation that takes it.
            pub(in crate::protocol) const AWS_FIELDS: &'static [(&'static str, &'static str, &'static str)] =
                &[$($((concat!($place, stringify!($key)), $field, stringify!($operation)),)?)*];

            /// What editors show for the keys.
            pub(in crate::protocol) fn editor_keys() -> Vec<$crate::protocol::keys::EditorKey> {
                vec![$($editor),*]
            }
        }
    };
}

/// Declares the keys of a map inside a stanza. `in` is the place of the map: its key, followed by a dot.
macro_rules! structure {
    // A map that is read into a struct. `read elsewhere`: keys of it that other code reads.
    (
        $(#[doc = $about:literal])*
        #[derive($($derive:ident),*)]
        $(#[schemars(title = $schema_title:tt)])?
        pub struct $name:ident in $place:literal {
            $(
                $(#[doc = $doc:literal])*
                $visibility:vis $key:ident: $type:ty as $schema:ty = $reader:ident($($argument:expr),*),
                    $title:literal $(.$show:ident($($shown:expr),* $(,)?))*
                    $(=> $field:literal of $operation:ident)?;
            )*
        }
        $(read elsewhere {
            $(
                $(#[doc = $other_doc:literal])*
                $other:ident as $other_schema:ty,
                    $other_title:literal $(.$other_show:ident($($other_shown:expr),*))*;
            )*
        })?
    ) => {
        $(#[doc = $about])*
        #[derive($($derive),*)]
        pub struct $name {
            $($(#[doc = $doc])* $visibility $key: $type,)*
        }

        impl $name {
            /// Reads the keys in the order of the table.
            pub(in crate::protocol) fn read(
                r: &mut $crate::protocol::stanza_reader::StanzaReader<'_>,
            ) -> Self {
                r.aws_fields = Self::AWS_FIELDS;
                $name { $($key: r.$reader(stringify!($key) $(, $argument)*),)* }
            }
        }

        $crate::protocol::keys::described! {
            $name in $place
            $(#[doc = $about])*
            #[schemars(deny_unknown_fields $(, title = $schema_title)?)]
            $(
                $(#[doc = $doc])*
                $key as $schema,
                $crate::protocol::keys::restricted!(
                    $crate::protocol::keys::EditorKey::new(concat!($place, stringify!($key)), $title);
                    $reader($($argument),*)
                )$(.$show($($shown),*))*
                $(=> $field of $operation)?;
            )*
            $($(
                $(#[doc = $other_doc])*
                $other as $other_schema,
                $crate::protocol::keys::EditorKey::new(concat!($place, stringify!($other)), $other_title)
                    $(.$other_show($($other_shown),*))*;
            )*)?
        }
    };
    // A map that other code reads.
    (
        $(#[doc = $about:literal])*
        $visibility:vis struct $name:ident in $place:literal read elsewhere {
            $(
                $(#[doc = $doc:literal])*
                $key:ident as $schema:ty, $title:literal $(.$show:ident($($shown:expr),*))*;
            )*
        }
    ) => {
        $(#[doc = $about])*
        $visibility struct $name;

        $crate::protocol::keys::described! {
            $name in $place
            $(#[doc = $about])*
            #[schemars(deny_unknown_fields)]
            $(
                $(#[doc = $doc])*
                $key as $schema,
                $crate::protocol::keys::EditorKey::new(concat!($place, stringify!($key)), $title)
                    $(.$show($($shown),*))*;
            )*
        }
    };
}

/// Declares the options of a stanza.
macro_rules! options {
    (@open $key:ident) => { stringify!($key) };
    (@before) => { None };
    (@before $next:ident) => { Some(stringify!($next)) };
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident titled $schema_title:tt {
            $(
                $(#[doc = $doc:literal])*
                $visibility:vis $key:ident: $type:ty as $schema:ty = $reader:ident($($argument:expr),*),
                    $title:literal $(.$show:ident($($shown:expr),* $(,)?))*
                    [$group:ident $(before $next:ident)? $(, $open:ident)?]
                    $(=> $field:literal of $operation:ident)?;
            )*
        }
        read elsewhere {
            $(
                $(#[doc = $other_doc:literal])*
                $other:ident as $other_schema:ty,
                    $other_title:literal $(.$other_show:ident($($other_shown:expr),* $(,)?))*
                    [$other_group:ident];
            )*
        }
    ) => {
        $crate::protocol::keys::structure! {
            $(#[doc = $about])*
            #[derive(Clone, Debug)]
            #[schemars(title = $schema_title)]
            pub struct $name in "" {
                $(
                    $(#[doc = $doc])*
                    $visibility $key: $type as $schema = $reader($($argument),*),
                        $title $(.$show($($shown),*))* $(=> $field of $operation)?;
                )*
            }
            read elsewhere {
                $(
                    $(#[doc = $other_doc])*
                    $other as $other_schema, $other_title $(.$other_show($($other_shown),*))*;
                )*
            }
        }

        /// All options without their alternative names.
        pub(in crate::protocol) const KEYS: &[&str] =
            &[$(stringify!($key),)* $(stringify!($other),)*];

        /// Options that other code reads, or that have no effect.
        pub(in crate::protocol) const READ_ELSEWHERE: &[&str] = &[$(stringify!($other)),*];

        /// Keys whose values are not secret. Any other value can be secret: that of a misspelt key, a
        /// command, a condition.
        pub(crate) const NON_SECRET_KEYS: &[&str] =
            &[$($($crate::protocol::keys::options!(@$open $key),)?)*];

        /// How a text stands for a value of each option.
        const TEXT_FORMS: &[(&str, $crate::protocol::text_form::TextForm)] = &[
            $((stringify!($key), <$schema as $crate::protocol::text_form::OptionType>::TEXT_FORM),)*
            $((stringify!($other), <$other_schema as $crate::protocol::text_form::OptionType>::TEXT_FORM),)*
        ];

        /// The group of each option, and the option of that group before which it is documented.
        const GROUPED: &[(&str, Group, Option<&str>)] = &[
            $((
                stringify!($key),
                Group::$group,
                $crate::protocol::keys::options!(@before $($next)?),
            ),)*
            $((stringify!($other), Group::$other_group, None),)*
        ];
    };
}

pub(super) use {described, options, restricted, structure};
