//! Reads a revision: the AppSpec in it names the alias that moves, and the hooks. Never ignores a member: one
//! that the AppSpec file reference (CodeDeploy guide) does not have is an error.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::codedeploy::refusal::CodeDeployRefusal;

/// What a revision asks for: an alias that moves from one version to another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AppSpec {
    pub(crate) function: String,
    pub(crate) alias: String,
    pub(crate) current: String,
    pub(crate) target: String,
    /// The function of BeforeAllowTraffic. `None`: no hook.
    pub(crate) before: Option<String>,
    /// The function of AfterAllowTraffic. `None`: no hook.
    pub(crate) after: Option<String>,
    /// The digest by which CodeDeploy names the revision.
    pub(crate) sha256: String,
}

impl AppSpec {
    /// Reads a RevisionLocation.
    pub(crate) fn of(revision: &Value) -> Result<AppSpec, CodeDeployRefusal> {
        AppSpec::read(revision).map_err(|reason| CodeDeployRefusal::InvalidRevision { reason })
    }

    fn read(revision: &Value) -> Result<AppSpec, String> {
        if revision["revisionType"] != "AppSpecContent" {
            return Err("The revision type must be AppSpecContent".to_owned());
        }
        let content = text(&revision["appSpecContent"], "content")?;
        let sha256 = hex::encode(Sha256::digest(content.as_bytes()));
        if revision["appSpecContent"].get("sha256").is_some_and(|given| *given != sha256.as_str()) {
            return Err("The sha256 of the AppSpec content is wrong".to_owned());
        }
        let spec: Value = serde_json::from_str(content)
            .map_err(|error| format!("The AppSpec content could not be parsed: {error}"))?;
        // A number or a text: YAML has no quotes around it in AWS's examples.
        if !["0.0", "0"].contains(&spec["version"].to_string().trim_matches('"')) {
            return Err("The version of the AppSpec must be 0.0".to_owned());
        }
        only(&spec, &["version", "Resources", "Hooks"])?;
        let resource = match spec["Resources"].as_array().map(Vec::as_slice) {
            Some([resource]) => resource.as_object().and_then(sole),
            _ => None,
        };
        let (_, resource) = resource.ok_or("The AppSpec must have one resource")?;
        only(resource, &["Type", "Properties"])?;
        if resource["Type"] != "AWS::Lambda::Function" {
            return Err("The type of the resource must be AWS::Lambda::Function".to_owned());
        }
        let properties = &resource["Properties"];
        only(properties, &["Name", "Alias", "CurrentVersion", "TargetVersion"])?;
        let mut hooks = (None, None);
        for hook in spec["Hooks"].as_array().into_iter().flatten() {
            let function = |value: &Value| value.as_str().map(str::to_owned);
            match hook.as_object().and_then(sole) {
                Some((event, value)) if event == "BeforeAllowTraffic" => hooks.0 = function(value),
                Some((event, value)) if event == "AfterAllowTraffic" => hooks.1 = function(value),
                _ => return Err(format!("The hook {hook} is invalid")),
            }
        }
        let property = |key| text(properties, key).map(str::to_owned);
        Ok(AppSpec {
            function: property("Name")?,
            alias: property("Alias")?,
            current: property("CurrentVersion")?,
            target: property("TargetVersion")?,
            before: hooks.0,
            after: hooks.1,
            sha256,
        })
    }

    /// The way back, with the same hooks.
    pub(crate) fn reversed(&self) -> AppSpec {
        AppSpec { current: self.target.clone(), target: self.current.clone(), ..self.clone() }
    }
}

/// Returns the only member of an object. `None`: it has none, or several.
fn sole(object: &Map<String, Value>) -> Option<(&String, &Value)> {
    object.iter().next().filter(|_| object.len() == 1)
}

fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str, String> {
    let found = object[key].as_str().filter(|text| !text.is_empty());
    found.ok_or_else(|| format!("The AppSpec lacks the text {key}"))
}

fn only(object: &Value, keys: &[&str]) -> Result<(), String> {
    let mut members = object.as_object().into_iter().flatten();
    match members.find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(format!("The AppSpec has the unknown member {key}")),
        None => Ok(()),
    }
}
