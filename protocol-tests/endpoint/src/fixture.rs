//! Reads the members of a JSON object in a test fixture one by one. Never ignores a member: a member that no
//! code reads is a misspelling, and therefore an error.

use std::time::Duration;

use serde_json::{Map, Value};

/// The members of a fixture that are not read yet.
pub(crate) struct Fixture {
    what: &'static str,
    members: Map<String, Value>,
}

impl Fixture {
    /// Fails if `value` is not an object. `what` names the fixture in messages: "settings", "fault".
    pub(crate) fn read(what: &'static str, value: &Value) -> Result<Fixture, String> {
        match value {
            Value::Object(members) => Ok(Fixture { what, members: members.clone() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(format!("{what} is `{value}`; give an object, such as `{{}}`"))
            }
        }
    }

    /// Reads a string. `None`: the member is absent.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.members.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give a string", self.what)),
        }
    }

    /// Reads a whole number that fits into `T`. `None`: the member is absent.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<Option<T>, String> {
        let Some(value) = self.members.remove(key) else {
            return Ok(None);
        };
        let number = value.as_u64().and_then(|number| T::try_from(number).ok());
        number
            .map(Some)
            .ok_or_else(|| format!("`{key}` of {} is `{value}`; give a whole number, such as 1", self.what))
    }

    /// Reads a boolean. `None`: the member is absent.
    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, String> {
        match self.members.remove(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give true or false", self.what)),
        }
    }

    /// Reads a list; empty if the member is absent.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Value>, String> {
        match self.members.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give a list, such as `[]`", self.what)),
        }
    }

    /// Reads any value. `None`: the member is absent.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key)
    }

    /// Reads a duration in milliseconds. `None`: the member is absent.
    pub(crate) fn millis(&mut self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_millis))
    }

    /// Fails if any member was not read.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("{} has no key `{key}`", self.what)),
        }
    }
}
