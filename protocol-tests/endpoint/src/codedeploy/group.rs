//! A deployment group, and how its deployments end. Its application exists because the group names it.

use serde_json::Value;

use crate::fixture::Fixture;

/// A deployment group of the compute platform Lambda.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentGroup {
    /// The application, such as `shop`.
    pub application: String,
    /// The name of the group, such as `live`.
    pub name: String,
    /// The configuration of deployments that name none.
    pub config: String,
    /// If true, a deployment that fails, or that an alarm or a client stops, is followed by one that sends
    /// all traffic back.
    pub rolls_back: bool,
    /// The name of a hook function that reports a failure. `None`: each hook reports success.
    pub failing_hook: Option<String>,
    /// The name of an alarm that fires while the first share of the traffic, or all of it, goes to the new
    /// version. `None`: no alarm fires.
    pub firing_alarm: Option<String>,
}

impl Default for DeploymentGroup {
    fn default() -> DeploymentGroup {
        DeploymentGroup {
            application: "shop".to_owned(),
            name: "live".to_owned(),
            config: "CodeDeployDefault.LambdaCanary10Percent5Minutes".to_owned(),
            rolls_back: true,
            failing_hook: None,
            firing_alarm: None,
        }
    }
}

impl DeploymentGroup {
    /// Parses `{"application": "shop", "name": "live", "config": "CodeDeployDefault.LambdaAllAtOnce",
    /// "rolls_back": true, "failing_hook": …, "firing_alarm": …}`. Absent members have the default value.
    /// Fails on unknown members.
    pub fn from_json(value: &Value) -> Result<DeploymentGroup, String> {
        let mut fixture = Fixture::read("deployment group", value)?;
        let default = DeploymentGroup::default();
        let group = DeploymentGroup {
            application: fixture.text("application")?.unwrap_or(default.application),
            name: fixture.text("name")?.unwrap_or(default.name),
            config: fixture.text("config")?.unwrap_or(default.config),
            rolls_back: fixture.flag("rolls_back")?.unwrap_or(default.rolls_back),
            failing_hook: fixture.text("failing_hook")?,
            firing_alarm: fixture.text("firing_alarm")?,
        };
        fixture.finish()?;
        Ok(group)
    }

    /// The group `live` of the application `shop`, in which a hook function reports a failure.
    #[must_use]
    pub fn with_failing_hook(hook: &str) -> DeploymentGroup {
        DeploymentGroup { failing_hook: Some(hook.to_owned()), ..DeploymentGroup::default() }
    }

    /// The group `live` of the application `shop`, in which an alarm fires.
    #[must_use]
    pub fn with_firing_alarm(alarm: &str) -> DeploymentGroup {
        DeploymentGroup { firing_alarm: Some(alarm.to_owned()), ..DeploymentGroup::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_group_is_read_and_a_misspelt_member_is_refused() {
        let group = DeploymentGroup::from_json(&json!({"name": "blue", "rolls_back": false})).unwrap();
        assert_eq!((group.application.as_str(), group.name.as_str()), ("shop", "blue"));
        assert!(!group.rolls_back);
        let problem = DeploymentGroup::from_json(&json!({"nam": "blue"})).unwrap_err();
        assert_eq!(problem, "deployment group has no key `nam`");
    }
}
