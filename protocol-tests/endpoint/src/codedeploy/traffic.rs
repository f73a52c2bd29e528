//! The deployment configurations that AWS predefines for Lambda: which shares of the traffic the new version
//! gets before it gets all of it.
//!
//! Source: "Working with deployment configurations in CodeDeploy" (CodeDeploy guide). The minutes in a name
//! have no effect here: the settings say how long the traffic stays at a share.

use serde_json::{Value, json};

const PREFIX: &str = "CodeDeployDefault.Lambda";

/// How a deployment shifts the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    AllAtOnce,
    Canary { minutes: u32 },
    Linear { minutes: u32 },
}

impl Traffic {
    /// Returns the configuration of this name. `None`: AWS predefines none of this name.
    pub(crate) fn of(config: &str) -> Option<Traffic> {
        match config.strip_prefix(PREFIX)? {
            "AllAtOnce" => Some(Traffic::AllAtOnce),
            "Canary10Percent5Minutes" => Some(Traffic::Canary { minutes: 5 }),
            "Canary10Percent10Minutes" => Some(Traffic::Canary { minutes: 10 }),
            "Canary10Percent15Minutes" => Some(Traffic::Canary { minutes: 15 }),
            "Canary10Percent30Minutes" => Some(Traffic::Canary { minutes: 30 }),
            "Linear10PercentEvery1Minute" => Some(Traffic::Linear { minutes: 1 }),
            "Linear10PercentEvery2Minutes" => Some(Traffic::Linear { minutes: 2 }),
            "Linear10PercentEvery3Minutes" => Some(Traffic::Linear { minutes: 3 }),
            "Linear10PercentEvery10Minutes" => Some(Traffic::Linear { minutes: 10 }),
            _ => None,
        }
    }

    /// The shares of the new version before it gets all traffic, in percent.
    pub(crate) fn shares(self) -> Vec<u32> {
        match self {
            Traffic::AllAtOnce => Vec::new(),
            Traffic::Canary { .. } => vec![10],
            Traffic::Linear { .. } => (1..10).map(|tenths| tenths * 10).collect(),
        }
    }

    /// TrafficRoutingConfig.
    pub(crate) fn routing(self) -> Value {
        match self {
            Traffic::AllAtOnce => json!({"type": "AllAtOnce"}),
            Traffic::Canary { minutes } => json!({
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": minutes},
            }),
            Traffic::Linear { minutes } => json!({
                "type": "TimeBasedLinear",
                "timeBasedLinear": {"linearPercentage": 10, "linearInterval": minutes},
            }),
        }
    }
}
