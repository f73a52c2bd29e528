//! A row of the table of settings: the stanza members, the changes in the plan, and the live values.

use serde_json::{Value, json};

/// The kind of function that can have a setting. The endpoint does not know which settings AWS refuses in
/// combination (such as SnapStart with a file system), so the rows ignore that.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::settings) enum Of {
    Files,
    Image,
    Either,
}

/// The operation that returns a live value.
#[derive(Clone, Copy)]
pub(in crate::settings) enum At {
    /// GetFunction.
    Function,
    /// GetFunctionCodeSigningConfig.
    CodeSigning,
    /// GetRuntimeManagementConfig.
    RuntimeManagement,
    /// GetFunctionRecursionConfig.
    Recursion,
    /// GetFunctionEventInvokeConfig.
    EventInvoke,
    /// GetFunctionScalingConfig of `$LATEST.PUBLISHED`.
    Scaling,
    /// GetFunctionUrlConfig, with the actions of the function's policy as `Actions`.
    Url,
}

/// One setting, or several keys of one AWS structure.
pub(in crate::settings) struct Row {
    pub(in crate::settings) name: &'static str,
    pub(in crate::settings) of: Of,
    /// Other stanza members that every run needs.
    pub(in crate::settings) needs: Value,
    /// The stanza members with a first and with a second value.
    pub(in crate::settings) a: Value,
    pub(in crate::settings) b: Value,
    /// The stanza members that clear the setting. `None` if it cannot be cleared.
    pub(in crate::settings) clearing: Option<Value>,
    /// The changes in a plan from `a` to `b`: field, from, to.
    pub(in crate::settings) reported: Value,
    pub(in crate::settings) at: At,
    /// JSON pointer of the live value in the response.
    pub(in crate::settings) pointer: &'static str,
    pub(in crate::settings) live_a: Value,
    pub(in crate::settings) live_b: Value,
    pub(in crate::settings) live_cleared: Value,
    /// The live value of a function that never had another one. `None`: the same as after clearing.
    pub(in crate::settings) live_never: Option<Value>,
    /// False if the row repeats keys of another row. Such a row is left out when all rows are combined in one
    /// stanza.
    pub(in crate::settings) joins: bool,
}

/// A row for a key, or for a member such as `logging_config.log_format`, whose live value has the same form as
/// in the stanza. A member is left out of the combined stanza, because the row of its map has it, too.
pub(in crate::settings) fn row(key: &'static str, pointer: &'static str, a: Value, b: Value) -> Row {
    Row {
        name: key,
        of: Of::Either,
        needs: json!({}),
        a: nested(key, &a),
        b: nested(key, &b),
        clearing: None,
        reported: json!([[key, a, b]]),
        at: At::Function,
        pointer,
        live_a: a,
        live_b: b,
        live_cleared: Value::Null,
        live_never: None,
        joins: !key.contains('.'),
    }
}

/// The stanza members that give a key, or a member of a map, this value.
fn nested(key: &str, value: &Value) -> Value {
    key.rsplit('.').fold(value.clone(), |value, key| json!({key: value}))
}

/// A row for several keys.
pub(in crate::settings) fn rows(name: &'static str, pointer: &'static str, a: Value, b: Value) -> Row {
    Row { name, a, b, ..row(name, pointer, json!(null), json!(null)) }
}

impl Row {
    pub(in crate::settings) fn of(self, of: Of) -> Self {
        Row { of, ..self }
    }

    pub(in crate::settings) fn needs(self, needs: Value) -> Self {
        Row { needs, ..self }
    }

    pub(in crate::settings) fn at(self, at: At) -> Self {
        Row { at, ..self }
    }

    pub(in crate::settings) fn reported(self, reported: Value) -> Self {
        Row { reported, ..self }
    }

    pub(in crate::settings) fn live(self, a: Value, b: Value) -> Self {
        Row { live_a: a, live_b: b, ..self }
    }

    pub(in crate::settings) fn cleared_by(self, clearing: Value, live: Value) -> Self {
        Row { clearing: Some(clearing), live_cleared: live, ..self }
    }

    /// This value of the key clears it.
    pub(in crate::settings) fn cleared(self, value: Value, live: Value) -> Self {
        let clearing = nested(self.name, &value);
        self.cleared_by(clearing, live)
    }

    pub(in crate::settings) fn never(self, live: Value) -> Self {
        Row { live_never: Some(live), ..self }
    }

    pub(in crate::settings) fn alone(self) -> Self {
        Row { joins: false, ..self }
    }
}
