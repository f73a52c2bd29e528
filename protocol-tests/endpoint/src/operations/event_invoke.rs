//! Configurations of asynchronous invocations: one for a function, one for each of its versions and aliases.
//! Never invokes a function, and assumes that every destination exists.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::constraints::Constraints;
use crate::function::Function;
use crate::function_name::FunctionName;
use crate::moment;
use crate::refusal::Refusal;
use crate::shapes::{DESTINATION, is_destination};

const NUMBERS: [&str; 2] = ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"];
const DESTINATIONS: [&str; 2] = ["OnFailure", "OnSuccess"];

impl Account {
    /// Replaces the configuration as a whole. The answer has numbers only if they are set, but always both
    /// destinations (LocalStack's tests against recordings of AWS).
    pub(crate) fn put_function_event_invoke_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let body = arguments.body;
        check(body)?;
        let (name, key) = self.configured(arguments)?;
        let function = self.function(&name, arguments.now).map_err(|_| Refusal::NoFunctionToConfigure)?;
        function.check_qualifier(&key).map_err(|_| Refusal::NoFunctionToConfigure)?;
        if DESTINATIONS.iter().any(|member| *destination(body, member) == json!(function.arn)) {
            return Err(Refusal::OwnDestination);
        }
        let mut config = json!({
            "DestinationConfig": {},
            "FunctionArn": function.qualified(Some(&key)),
            "LastModified": moment::seconds(arguments.now.wall),
        });
        for member in DESTINATIONS {
            let arn = destination(body, member).as_str().filter(|arn| !arn.is_empty());
            config["DestinationConfig"][member] =
                arn.map_or_else(|| json!({}), |arn| json!({ "Destination": arn }));
        }
        for member in NUMBERS.into_iter().filter(|member| !body[*member].is_null()) {
            config[member] = body[member].clone();
        }
        function.event_invoke.insert(key, config.clone());
        Ok(config)
    }

    pub(crate) fn get_function_event_invoke_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (function, key, absent) = self.with_config(arguments)?;
        function.event_invoke.get(&key).cloned().ok_or(absent)
    }

    pub(crate) fn delete_function_event_invoke_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (function, key, absent) = self.with_config(arguments)?;
        function.event_invoke.remove(&key).map(|_| Value::Null).ok_or(absent)
    }

    /// Returns the function and the key of its configuration.
    fn configured(&self, arguments: &Arguments<'_>) -> Result<(FunctionName, String), Refusal> {
        let name = self.named(arguments)?;
        let key = name.qualifier.clone().unwrap_or_else(|| "$LATEST".to_owned());
        Ok((name, key))
    }

    /// Returns the function, the key of its configuration, and the error if that is absent.
    fn with_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<(&mut Function, String, Refusal), Refusal> {
        let (name, key) = self.configured(arguments)?;
        let arn = self.arn(&FunctionName { qualifier: Some(key.clone()), ..name.clone() });
        let absent = Refusal::NoEventInvokeConfig { arn };
        let function = self.function(&name, arguments.now).map_err(|_| absent.clone())?;
        Ok((function, key, absent))
    }
}

/// The ARN of a destination in a request. Null: the request has none.
fn destination<'a>(body: &'a Value, member: &str) -> &'a Value {
    &body["DestinationConfig"][member]["Destination"]
}

fn check(body: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.range(&body["MaximumEventAgeInSeconds"], "maximumEventAgeInSeconds", 60, 21_600)?;
    constraints.range(&body["MaximumRetryAttempts"], "maximumRetryAttempts", 0, 2)?;
    for (member, at) in [
        ("OnFailure", "destinationConfig.onFailure.destination"),
        ("OnSuccess", "destinationConfig.onSuccess.destination"),
    ] {
        let arn = destination(body, member);
        constraints.length(arn, at, 350);
        constraints.shape(arn, at, DESTINATION, is_destination);
    }
    constraints.finish()?;
    let has_number = NUMBERS.iter().any(|member| !body[*member].is_null());
    if !has_number && body["DestinationConfig"].is_null() {
        return Err(Refusal::NothingToConfigure);
    }
    Ok(())
}
