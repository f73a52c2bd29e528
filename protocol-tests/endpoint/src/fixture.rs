//! A JSON object of a test fixture in, its members one by one out.
//! Never ignores a member: what nobody took is a misspelt fixture, and that is an error.

use std::time::Duration;

use serde_json::{Map, Value};

/// The members of a fixture that are still to be read.
pub(crate) struct Fixture {
    what: &'static str,
    members: Map<String, Value>,
}

impl Fixture {
    /// Fails where `value` is not an object. `what` names the fixture in messages: "settings", "fault".
    pub(crate) fn read(what: &'static str, value: &Value) -> Result<Fixture, String> {
        match value {
            Value::Object(members) => Ok(Fixture { what, members: members.clone() }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(format!("{what} is `{value}`; give an object, such as `{{}}`"))
            }
        }
    }

    /// A string. `None`: the fixture is silent.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.members.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give a string", self.what)),
        }
    }

    /// A whole number that fits. `None`: the fixture is silent.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<Option<T>, String> {
        let Some(value) = self.members.remove(key) else {
            return Ok(None);
        };
        let number = value.as_u64().and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| format!("`{key}` of {} is `{value}`; give a whole number, such as 1", self.what))
    }

    /// True or false. `None`: the fixture is silent.
    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, String> {
        match self.members.remove(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give true or false", self.what)),
        }
    }

    /// A list; empty where the fixture is silent.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Value>, String> {
        match self.members.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(format!("`{key}` of {} is `{other}`; give a list, such as `[]`", self.what)),
        }
    }

    /// Any value. `None`: the fixture is silent.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key)
    }

    /// A duration written in milliseconds. `None`: the fixture is silent.
    pub(crate) fn millis(&mut self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_millis))
    }

    /// Fails where a member is left that nobody asked for.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("{} has no key `{key}`", self.what)),
        }
    }
}
