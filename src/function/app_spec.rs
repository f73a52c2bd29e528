//! Writes the AppSpec of a CodeDeploy deployment: the document that names the alias to move, and its two
//! versions. Never sends it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::protocol::structures::DeploymentHooks;

/// The AppSpec of a deployment. The same shift always has the same AppSpec, so its hash shows whether a
/// deployment that runs already is the one that this run wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppSpec {
    /// The document, as JSON.
    pub content: String,
    /// SHA-256 of the document, in hexadecimal digits.
    pub sha256: String,
}

impl AppSpec {
    /// The AppSpec that moves `alias` of the function called `name`, without the rest of an ARN, between
    /// these versions.
    pub(crate) fn new(name: &str, alias: &str, (from, to): (&str, &str), hooks: &DeploymentHooks) -> Self {
        let target = json!({
            "Type": "AWS::Lambda::Function",
            "Properties": {"Name": name, "Alias": alias, "CurrentVersion": from, "TargetVersion": to},
        });
        let mut document = json!({"version": 0.0, "Resources": [{name: target}]});
        let named = [("BeforeAllowTraffic", &hooks.before), ("AfterAllowTraffic", &hooks.after)];
        let hooks: Vec<Value> =
            named.into_iter().filter_map(|(event, hook)| Some(json!({event: hook.as_ref()?}))).collect();
        if !hooks.is_empty() {
            document["Hooks"] = json!(hooks);
        }
        let content = document.to_string();
        AppSpec { sha256: hex::encode(Sha256::digest(&content)), content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(hooks: &DeploymentHooks) -> Value {
        let spec = AppSpec::new("f", "live", ("7", "8"), hooks);
        serde_json::from_str(&spec.content).expect("JSON")
    }

    #[test]
    fn an_app_spec_names_function_alias_and_both_versions() {
        assert_eq!(
            document(&DeploymentHooks::default()),
            json!({"version": 0.0, "Resources": [{"f": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Name": "f", "Alias": "live", "CurrentVersion": "7", "TargetVersion": "8"},
            }}]})
        );
    }

    #[test]
    fn the_hooks_are_those_of_lambda() {
        let hook = |name: &str| Some(name.to_owned());
        let both = DeploymentHooks { before: hook("check"), after: hook("arn:after") };
        assert_eq!(
            document(&both)["Hooks"],
            json!([{"BeforeAllowTraffic": "check"}, {"AfterAllowTraffic": "arn:after"}])
        );
        let after = DeploymentHooks { before: None, after: hook("after") };
        assert_eq!(document(&after)["Hooks"], json!([{"AfterAllowTraffic": "after"}]));
    }

    #[test]
    fn the_hash_is_that_of_the_content_and_differs_with_the_shift() {
        let hooks = DeploymentHooks::default();
        let spec = AppSpec::new("f", "live", ("7", "8"), &hooks);
        assert_eq!(spec.sha256, hex::encode(Sha256::digest(&spec.content)));
        assert_eq!(spec, AppSpec::new("f", "live", ("7", "8"), &hooks));
        assert_ne!(spec.sha256, AppSpec::new("f", "live", ("7", "9"), &hooks).sha256);
    }
}
