//! Reserved concurrency: how much of what an account may run at once is kept for one function.
//! Never counts what runs: nothing does.

use serde_json::{Value, json};

use crate::account::{Account, Ask};
use crate::constraints::Constraints;
use crate::function::Function;
use crate::refusal::Refusal;

/// How many executions can never be reserved (AWS's developer guide, "Configuring reserved concurrency").
pub(super) const FLOOR: u64 = 100;

const KEY: &str = "ReservedConcurrentExecutions";

impl Account {
    pub(crate) fn put_function_concurrency(&mut self, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut constraints = Constraints::default();
        constraints.present(&ask.body[KEY], "reservedConcurrentExecutions");
        constraints.range(&ask.body[KEY], "reservedConcurrentExecutions", 0, i64::MAX)?;
        constraints.finish()?;
        let reserved = ask.body[KEY].as_u64().unwrap_or_default();
        let own = self.unqualified(ask)?.reserved.unwrap_or_default();
        let unreserved = self.unreserved() + own;
        let function = self.unqualified(ask)?;
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

    /// An empty object where nothing is reserved.
    pub(crate) fn get_function_concurrency(&mut self, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(ask)?;
        Ok(function.reserved.map_or(json!({}), |reserved| json!({ KEY: reserved })))
    }

    /// What is not reserved is released already, says AWS.
    pub(crate) fn delete_function_concurrency(&mut self, ask: &Ask<'_>) -> Result<Value, Refusal> {
        self.unqualified(ask)?.reserved = None;
        Ok(Value::Null)
    }

    /// What is left of the account's limit for the functions that have reserved nothing.
    pub(super) fn unreserved(&self) -> u64 {
        let taken = |function: &Function| function.reserved.unwrap_or_else(|| function.provisioned_sum(""));
        let taken: u64 = self.functions.values().map(taken).sum();
        self.settings.concurrency_limit.saturating_sub(taken)
    }
}

impl Function {
    /// All provisioned concurrency, but that of one qualifier.
    pub(super) fn provisioned_sum(&self, but: &str) -> u64 {
        self.provisioned.iter().filter(|(its, _)| *its != but).map(|(_, it)| it.requested).sum()
    }
}
