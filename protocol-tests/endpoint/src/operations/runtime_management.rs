//! Runtime management of `$LATEST` and of published versions. Never updates a runtime, and assumes that every
//! runtime version exists.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::constraints::Constraints;
use crate::function::Version;
use crate::ids;
use crate::refusal::Refusal;

const MODE: &str = "UpdateRuntimeOn";
const VERSION: &str = "RuntimeVersionArn";

impl Account {
    /// That the call fails during an update, and that it changes the RevisionId, is a guess.
    pub(crate) fn put_runtime_management_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let mut constraints = Constraints::default();
        constraints.present(&arguments.body[MODE], "updateRuntimeOn");
        let modes = ["Auto", "Manual", "FunctionUpdate"];
        constraints.one_of(&arguments.body[MODE], "updateRuntimeOn", &modes);
        constraints.finish()?;
        let mode = arguments.body[MODE].as_str().unwrap_or_default();
        let runtime_version = arguments.body[VERSION].as_str().filter(|_| mode == "Manual");
        if mode == "Manual" && runtime_version.is_none() {
            return Err(Refusal::RuntimeVersionMissing);
        }
        let name = self.named(arguments)?;
        let function = self.function(&name, arguments.now)?;
        function.check_ready()?;
        let arn = function.qualified(name.qualifier.as_deref());
        let version = function.version_mut(name.qualifier.as_deref())?;
        version.runtime_management = (mode.to_owned(), runtime_version.map(str::to_owned));
        version.revision_id = ids::unique();
        Ok(answer(version, &arn))
    }

    pub(crate) fn get_runtime_management_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        let function = self.function(&name, arguments.now)?;
        let version = function.version(name.qualifier.as_deref())?;
        Ok(answer(version, &function.qualified(name.qualifier.as_deref())))
    }
}

fn answer(version: &Version, arn: &str) -> Value {
    let (mode, runtime_version) = &version.runtime_management;
    json!({ "FunctionArn": arn, MODE: mode, VERSION: runtime_version })
}
