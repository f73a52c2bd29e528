//! Scaling of versions on Lambda Managed Instances: how many execution environments AWS runs. Never runs one.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::constraints::{self, Constraints};
use crate::function::{Function, Phase, Scaling, Span};
use crate::refusal::Refusal;
use crate::shapes;

const KEY: &str = "FunctionScalingConfig";

impl Account {
    /// Replaces the numbers. (That AWS keeps none that the request lacks is a guess.) A maximum of 0
    /// deactivates the version.
    pub(crate) fn put_function_scaling_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let config = &arguments.body[KEY];
        let mut constraints = Constraints::default();
        for (key, member) in [
            ("MinExecutionEnvironments", "functionScalingConfig.minExecutionEnvironments"),
            ("MaxExecutionEnvironments", "functionScalingConfig.maxExecutionEnvironments"),
        ] {
            constraints.range(&config[key], member, 0, 15_000)?;
        }
        constraints.finish()?;
        let (min, max) = (&config["MinExecutionEnvironments"], &config["MaxExecutionEnvironments"]);
        if let (Some(min), Some(max)) = (min.as_u64(), max.as_u64())
            && min > max
        {
            return Err(Refusal::ScalingMinimumAboveMaximum);
        }
        let is_off = max.as_u64() == Some(0);
        let requested = if config.is_object() { config.clone() } else { json!({}) };
        let lasts = self.settings.provision_duration;
        let (function, qualifier) = self.scaled(arguments)?;
        let until = Span { from: arguments.now, lasts, ending: None }.until();
        let applied = function.scaling.remove(&qualifier).map_or(json!({}), |scaling| scaling.applied);
        let mut scaling = Scaling { requested: Some((requested, until)), applied };
        scaling.settle(arguments.now.instant);
        function.scaling.insert(qualifier.clone(), scaling);
        let version = function.version_mut(Some(&qualifier))?;
        if is_off {
            version.phase = Phase::Fixed { state: "Deactivated".to_owned() };
        } else if matches!(version.phase, Phase::Fixed { .. }) {
            version.phase = Phase::Active;
        }
        Ok(json!({"FunctionState": version.answer("")["State"]}))
    }

    /// `RequestedFunctionScalingConfig` is absent as soon as the numbers apply (terraform-provider-aws, pull
    /// request 48229).
    pub(crate) fn get_function_scaling_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (function, qualifier) = self.scaled(arguments)?;
        let mut answer = json!({"FunctionArn": function.qualified(Some(&qualifier))});
        let Some(scaling) = function.scaling.get(&qualifier) else { return Ok(answer) };
        answer["AppliedFunctionScalingConfig"] = scaling.applied.clone();
        if let Some((requested, _)) = &scaling.requested {
            answer["RequestedFunctionScalingConfig"] = requested.clone();
        }
        Ok(answer)
    }

    /// Returns the function and the version that a request names.
    fn scaled(&mut self, arguments: &Arguments<'_>) -> Result<(&mut Function, String), Refusal> {
        let name = self.named(arguments)?;
        let Some(qualifier) = name.qualifier.clone() else {
            return Err(Refusal::Constraints { unmet: vec![constraints::absent("qualifier")] });
        };
        if !shapes::is_published(&qualifier) {
            return Err(checks::pattern(&qualifier, "qualifier", shapes::PUBLISHED));
        }
        let function = self.function(&name, arguments.now)?;
        if !function.latest.is_managed() {
            return Err(Refusal::NoCapacityProvider);
        }
        function.version(Some(&qualifier))?;
        Ok((function, qualifier))
    }
}
