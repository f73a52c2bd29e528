//! The settings of an endpoint, as a value or parsed from JSON. Never reads the environment, so that two
//! endpoints of one process can differ.

use std::time::Duration;

use serde_json::Value;

use crate::alarm::Alarm;
use crate::codedeploy::group::DeploymentGroup;
use crate::fixture::Fixture;
use crate::invocation::Invocation;
use crate::metrics::Metrics;

/// Durations, credentials, quotas, alarms and scripted answers of an endpoint.
#[derive(Clone)]
pub struct Settings {
    /// How long a new function stays `Pending`, and a SnapStart version too. Zero: the answer already shows
    /// `Active`.
    pub create_duration: Duration,
    /// How long `LastUpdateStatus` stays `InProgress` after a change. Zero: the answer already shows
    /// `Successful`.
    pub update_duration: Duration,
    /// How long provisioned concurrency stays `IN_PROGRESS`. Zero: the next call finds it `READY`.
    pub provision_duration: Duration,
    /// How long a deployment of CodeDeploy leaves the traffic at a share. Each other stage lasts an eighth of
    /// that. Zero: the next call finds the deployment at its end.
    pub shift_duration: Duration,
    /// The delay before each answer, as a distant region has it.
    pub latency: Duration,
    /// The only accepted access key id.
    pub access_key_id: String,
    /// The secret key with which requests must be signed.
    pub secret_access_key: String,
    /// The token that requests must have. `None`: the key is a long-term one, and as on AWS a request *with*
    /// a token fails.
    pub session_token: Option<String>,
    /// The region of the endpoint, such as `us-east-1`.
    pub region: String,
    /// The account id of all functions, twelve digits.
    pub account: String,
    /// The limit of concurrent executions of all functions (AWS's quota; 100 of them always stay unreserved).
    pub concurrency_limit: u64,
    /// If true, `Environment` has an `Error` instead of the variables, as AWS answers callers who may not
    /// decrypt them.
    pub hide_environment: bool,
    /// Quota of control plane calls per second, and the largest burst. `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// The same for GetFunction, which has its own quota on AWS.
    pub get_function_per_second: Option<u32>,
    /// The answers of invocations. If several match, the last one applies.
    pub invocations: Vec<Invocation>,
    /// CloudWatch's alarms.
    pub alarms: Vec<Alarm>,
    /// CloudWatch's metrics of versions.
    pub metrics: Vec<Metrics>,
    /// The deployment groups of CodeDeploy.
    pub deployment_groups: Vec<DeploymentGroup>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            create_duration: Duration::ZERO,
            update_duration: Duration::ZERO,
            provision_duration: Duration::ZERO,
            shift_duration: Duration::ZERO,
            latency: Duration::ZERO,
            access_key_id: "AKIDENDPOINTEXAMPLE1".to_owned(),
            secret_access_key: "endpoint-secret-key".to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            concurrency_limit: 1000,
            hide_environment: false,
            calls_per_second: None,
            get_function_per_second: None,
            invocations: Vec::new(),
            alarms: Vec::new(),
            metrics: Vec::new(),
            deployment_groups: Vec::new(),
        }
    }
}

impl Settings {
    /// Parses `{"create_ms": 300, "update_ms": 300, "provision_ms": 300, "shift_ms": 300, "latency_ms": 30,
    /// "access_key_id": …, "secret_access_key": …, "session_token": …, "region": …, "account": …,
    /// "concurrency_limit": 1000, "hide_environment": true, "calls_per_second": 15,
    /// "get_function_per_second": 100, "invocations": […], "alarms": […], "metrics": […],
    /// "deployment_groups": […]}`. Absent members have the default value. Fails on an unknown key and on a
    /// value of another type.
    pub fn from_json(value: &Value) -> Result<Settings, String> {
        let mut fixture = Fixture::read("settings", value)?;
        let default = Settings::default();
        let settings = Settings {
            create_duration: fixture.millis("create_ms")?.unwrap_or(default.create_duration),
            update_duration: fixture.millis("update_ms")?.unwrap_or(default.update_duration),
            provision_duration: fixture.millis("provision_ms")?.unwrap_or(default.provision_duration),
            shift_duration: fixture.millis("shift_ms")?.unwrap_or(default.shift_duration),
            latency: fixture.millis("latency_ms")?.unwrap_or(default.latency),
            access_key_id: fixture.text("access_key_id")?.unwrap_or(default.access_key_id),
            secret_access_key: fixture.text("secret_access_key")?.unwrap_or(default.secret_access_key),
            session_token: fixture.text("session_token")?,
            region: fixture.text("region")?.unwrap_or(default.region),
            account: fixture.text("account")?.unwrap_or(default.account),
            concurrency_limit: fixture.number("concurrency_limit")?.unwrap_or(default.concurrency_limit),
            hide_environment: fixture.flag("hide_environment")?.unwrap_or(default.hide_environment),
            calls_per_second: fixture.number("calls_per_second")?,
            get_function_per_second: fixture.number("get_function_per_second")?,
            invocations: fixture
                .list("invocations")?
                .iter()
                .map(Invocation::from_json)
                .collect::<Result<_, _>>()?,
            alarms: fixture.list("alarms")?.iter().map(Alarm::from_json).collect::<Result<_, _>>()?,
            metrics: fixture.list("metrics")?.iter().map(Metrics::from_json).collect::<Result<_, _>>()?,
            deployment_groups: fixture
                .list("deployment_groups")?
                .iter()
                .map(DeploymentGroup::from_json)
                .collect::<Result<_, _>>()?,
        };
        fixture.finish()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_silence_is_the_default() {
        let settings = Settings::from_json(&json!({"update_ms": 300, "region": "eu-west-1"}));
        let settings = settings.unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(settings.update_duration, Duration::from_millis(300));
        assert_eq!(settings.region, "eu-west-1");
        assert_eq!(settings.account, "123456789012");
        assert_eq!((settings.calls_per_second, settings.concurrency_limit), (None, 1000));
    }

    #[track_caller]
    fn refused(value: &Value, because: &str) {
        assert_eq!(Settings::from_json(value).err().as_deref(), Some(because));
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        refused(&json!({"updat_ms": 300}), "settings has no key `updat_ms`");
        refused(
            &json!({"update_ms": "300"}),
            "`update_ms` of settings is `\"300\"`; give a whole number, such as 1",
        );
        refused(&json!({"hide_environment": 1}), "`hide_environment` of settings is `1`; give true or false");
        refused(&json!({"invocations": {}}), "`invocations` of settings is `{}`; give a list, such as `[]`");
        refused(&json!({"invocations": [{"playload": 1}]}), "invocation has no key `playload`");
    }
}
