//! The code signing configuration of a function. Never verifies a signature, and assumes that every
//! configuration exists.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::function::Function;
use crate::refusal::Refusal;

impl Account {
    pub(crate) fn put_function_code_signing_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        checks::check_signing(arguments.body)?;
        let function = self.signed(arguments)?;
        function.signing = arguments.body["CodeSigningConfigArn"].as_str().map(str::to_owned);
        Ok(answer(function))
    }

    /// Returns an empty object if there is no configuration, although the model marks both members as
    /// required (LocalStack's tests against recordings of AWS).
    pub(crate) fn get_function_code_signing_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        Ok(answer(self.signed(arguments)?))
    }

    /// Succeeds if there is no configuration, as on AWS.
    pub(crate) fn delete_function_code_signing_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        self.signed(arguments)?.signing = None;
        Ok(Value::Null)
    }

    fn signed(&mut self, arguments: &Arguments<'_>) -> Result<&mut Function, Refusal> {
        let function = self.unqualified(arguments)?;
        if function.latest.is_image() {
            return Err(Refusal::SigningOfImages);
        }
        Ok(function)
    }
}

fn answer(function: &Function) -> Value {
    match &function.signing {
        Some(arn) => {
            json!({"CodeSigningConfigArn": arn, "FunctionName": function.latest.configuration["FunctionName"]})
        }
        None => json!({}),
    }
}
