//! Reserved concurrency: the part of the account's concurrency limit that one function keeps for itself.
//! Never counts running executions, because nothing runs.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::constraints::Constraints;
use crate::function::Function;
use crate::refusal::Refusal;

/// The number of executions that must stay unreserved (AWS's developer guide, "Configuring reserved
/// concurrency").
pub(super) const FLOOR: u64 = 100;

const KEY: &str = "ReservedConcurrentExecutions";

impl Account {
    pub(crate) fn put_function_concurrency(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let mut constraints = Constraints::default();
        constraints.present(&arguments.body[KEY], "reservedConcurrentExecutions");
        constraints.range(&arguments.body[KEY], "reservedConcurrentExecutions", 0, i64::MAX)?;
        constraints.finish()?;
        let reserved = arguments.body[KEY].as_u64().unwrap_or_default();
        let own = self.unqualified(arguments)?.reserved.unwrap_or_default();
        let unreserved = self.unreserved() + own;
        let function = self.unqualified(arguments)?;
        if unreserved.saturating_sub(reserved) < FLOOR {
            return Err(Refusal::ReservedBelowFloor { floor: FLOOR });
        }
        let provisioned = function.provisioned_sum("");
        if provisioned > reserved {
            return Err(Refusal::ReservedBelowProvisioned { reserved, provisioned });
        }
        function.reserved = Some(reserved);
        Ok(json!({ KEY: reserved }))
    }

    /// Returns an empty object if nothing is reserved.
    pub(crate) fn get_function_concurrency(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        Ok(function.reserved.map_or(json!({}), |reserved| json!({ KEY: reserved })))
    }

    /// Succeeds if nothing is reserved, as on AWS.
    pub(crate) fn delete_function_concurrency(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        self.unqualified(arguments)?.reserved = None;
        Ok(Value::Null)
    }

    /// The part of the account's limit that is left for functions without reserved concurrency.
    pub(super) fn unreserved(&self) -> u64 {
        let taken = |function: &Function| function.reserved.unwrap_or_else(|| function.provisioned_sum(""));
        let taken: u64 = self.functions.values().map(taken).sum();
        self.settings.concurrency_limit.saturating_sub(taken)
    }
}

impl Function {
    /// The sum of provisioned concurrency, without that of the qualifier `but`.
    pub(super) fn provisioned_sum(&self, but: &str) -> u64 {
        self.provisioned.iter().filter(|(its, _)| *its != but).map(|(_, it)| it.requested).sum()
    }
}
