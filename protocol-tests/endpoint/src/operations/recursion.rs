//! Recursive loop detection. Never detects a loop, because nothing runs.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::constraints::Constraints;
use crate::refusal::Refusal;

const KEY: &str = "RecursiveLoop";

impl Account {
    pub(crate) fn put_function_recursion_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let mut constraints = Constraints::default();
        constraints.present(&arguments.body[KEY], "recursiveLoop");
        constraints.one_of(&arguments.body[KEY], "recursiveLoop", &["Terminate", "Allow"]);
        constraints.finish()?;
        let function = self.unqualified(arguments)?;
        function.recursive_loop = arguments.body[KEY].as_str().unwrap_or_default().to_owned();
        Ok(json!({ KEY: function.recursive_loop }))
    }

    pub(crate) fn get_function_recursion_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        Ok(json!({ KEY: function.recursive_loop }))
    }
}
