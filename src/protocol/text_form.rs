//! How a text stands for a value of an option where every value is a text: in the settings of a plugin.
//! Follows from the type that an option has in the table of options.

/// How the text of a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// The text is the value, also if it looks like JSON.
    Plain,
    /// The text is JSON if it begins with `[` or `{`, else the value.
    Json,
    /// As `Json`. A text with commas is a list, because no entry contains one.
    Names,
    /// As `Json`. An entry is `NAME=value`, and its value can contain commas.
    Pairs,
}

/// A type in the table of options.
pub(crate) trait OptionType {
    /// How a text stands for a value of this type.
    const TEXT_FORM: TextForm = TextForm::Json;
}

impl<T: OptionType> OptionType for Option<T> {
    const TEXT_FORM: TextForm = T::TEXT_FORM;
}
