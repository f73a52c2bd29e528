//! Lists the durable executions that a test has set. Never starts or ends one: no code runs here.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::refusal::Refusal;

impl Account {
    /// Lists the executions of all versions, or of the one that the qualifier names, that have one of the
    /// given statuses. AWS's pages have up to 100 executions, those of the endpoint 50.
    pub(crate) fn list_durable_executions_by_function(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        let function = self.function(&name, arguments.now)?;
        let qualifier = name.qualifier.as_deref();
        let only = qualifier.map(|qualifier| function.version(Some(qualifier))).transpose()?;
        let only = only.map(|version| version.name());
        let statuses = arguments.query.iter().filter(|(name, _)| name == "Statuses");
        let statuses: Vec<&str> = statuses.map(|(_, status)| status.as_str()).collect();
        let mut listed = Vec::new();
        for (version, executions) in &function.executions {
            if only.as_ref().is_some_and(|only| only != version) {
                continue;
            }
            let arn = function.qualified(Some(version));
            for (index, status) in executions.iter().enumerate() {
                if statuses.is_empty() || statuses.contains(&status.as_str()) {
                    listed.push(json!({
                        "DurableExecutionArn": format!("{arn}/durable-execution/e{index}/{index}"),
                        "DurableExecutionName": format!("e{index}"),
                        "FunctionArn": arn,
                        "StartTimestamp": 1_767_225_600,
                        "Status": status,
                    }));
                }
            }
        }
        Ok(super::page("DurableExecutions", &listed, arguments))
    }
}
