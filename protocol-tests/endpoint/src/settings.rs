//! What a test wants of the endpoint in (as a value or as JSON), settings out.
//! Never reads the environment: two endpoints of one process may differ.

use std::time::Duration;

use serde_json::Value;

use crate::fixture::Fixture;
use crate::invocation::Invocation;

/// How long the endpoint takes, and whom it lets in.
#[derive(Clone)]
pub struct Settings {
    /// How long a new function stays `Pending`, and a SnapStart version too. Zero: it is `Active` in the answer already.
    pub create_duration: Duration,
    /// How long `LastUpdateStatus` stays `InProgress` after a change. Zero: it is `Successful` in the answer already.
    pub update_duration: Duration,
    /// How long provisioned concurrency stays `IN_PROGRESS`. Zero: the next call finds it `READY`.
    pub provision_duration: Duration,
    /// The silence before each answer, as a far-away region has it.
    pub latency: Duration,
    /// The one access key id that is let in.
    pub access_key_id: String,
    /// The key that requests must be signed with.
    pub secret_access_key: String,
    /// The token that requests must carry. `None`: the key is a long-term one, and a request *with* a token is refused, as AWS does.
    pub session_token: Option<String>,
    /// The region that the endpoint is in, such as `us-east-1`.
    pub region: String,
    /// The twelve digits of the account that all functions belong to.
    pub account: String,
    /// How many executions all functions may have at once (AWS's quota; 100 of them can never be reserved).
    pub concurrency_limit: u64,
    /// Whether `Environment` is answered as AWS does for callers who may not decrypt it: an `Error` instead of the variables.
    pub hide_environment: bool,
    /// How many calls of the control plane are taken in a second, and in one moment. `None`: as many as come.
    pub calls_per_second: Option<u32>,
    /// The same for GetFunction, which AWS counts for itself.
    pub get_function_per_second: Option<u32>,
    /// What invocations answer; of several that fit, the last.
    pub invocations: Vec<Invocation>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            create_duration: Duration::ZERO,
            update_duration: Duration::ZERO,
            provision_duration: Duration::ZERO,
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
        }
    }
}

impl Settings {
    /// Reads `{"create_ms": 300, "update_ms": 300, "provision_ms": 300, "latency_ms": 30, "access_key_id": …, "secret_access_key": …,
    /// "session_token": …, "region": …, "account": …, "concurrency_limit": 1000, "hide_environment": true, "calls_per_second": 15,
    /// "get_function_per_second": 100, "invocations": […]}`; what is absent is the default's. Fails for an unknown key and for a value of
    /// another type.
    pub fn from_json(value: &Value) -> Result<Settings, String> {
        let mut fixture = Fixture::read("settings", value)?;
        let default = Settings::default();
        let settings = Settings {
            create_duration: fixture.millis("create_ms")?.unwrap_or(default.create_duration),
            update_duration: fixture.millis("update_ms")?.unwrap_or(default.update_duration),
            provision_duration: fixture.millis("provision_ms")?.unwrap_or(default.provision_duration),
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
            invocations: fixture.list("invocations")?.iter().map(Invocation::from_json).collect::<Result<_, _>>()?,
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
        refused(&json!({"update_ms": "300"}), "`update_ms` of settings is `\"300\"`; give a whole number, such as 1");
        refused(&json!({"hide_environment": 1}), "`hide_environment` of settings is `1`; give true or false");
        refused(&json!({"invocations": {}}), "`invocations` of settings is `{}`; give a list, such as `[]`");
        refused(&json!({"invocations": [{"playload": 1}]}), "invocation has no key `playload`");
    }
}
