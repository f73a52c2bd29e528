//! Publishes, reads, lists and deletes versions of layers. Never checks whether a function uses one: AWS
//! keeps a copy of a deleted version for functions that do.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::function_name::is_word;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::{archive, checks, moment};

/// The pattern that AWS quotes for the name of a layer (botocore's model).
const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+";

/// Members of the request that the answer repeats. That AWS leaves out an empty one is a guess.
const REPEATED: [&str; 3] = ["CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo"];

impl Account {
    pub(crate) fn publish_layer_version(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, arn) = self.layer_named(arguments.subject)?;
        let body = arguments.body;
        let content = &body["Content"];
        let (sha256, size) = match (arguments.code, content["S3Bucket"].as_str(), content["S3Key"].as_str()) {
            (Some(zip), ..) => {
                archive::check(zip)?;
                (archive::sha256(zip), zip.len())
            }
            // The endpoint cannot read an object in S3, so another address counts as another content.
            (None, Some(bucket), Some(key)) => {
                (archive::sha256(format!("s3://{bucket}/{key}").as_bytes()), 1024)
            }
            (None, ..) => return Err(Refusal::CodeMissing), // a guess
        };
        let Settings { region, account, .. } = &self.settings;
        let location =
            format!("https://awslambda-{region}-layers.s3.{region}.amazonaws.com/{account}/{name}");
        let mut members = json!({
            "Content": {"Location": location, "CodeSha256": sha256, "CodeSize": size},
            "Description": body["Description"].as_str().unwrap_or_default(),
            "CreatedDate": moment::last_modified(arguments.now.wall),
        });
        for key in REPEATED.into_iter().filter(|key| !body[*key].is_null()) {
            members[key] = body[key].clone();
        }
        Ok(self.layers.entry(name).or_default().publish(&arn, &members))
    }

    pub(crate) fn get_layer_version(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, _) = self.layer_named(arguments.subject)?;
        let number: u64 = arguments.item.parse().map_err(|_| Refusal::NoSuchResource)?; // a guess
        let version = self.layers.get(&name).and_then(|layer| layer.versions.get(&number));
        version.cloned().ok_or(Refusal::NoSuchResource)
    }

    /// Newest first. That a layer that does not exist has no versions, and is no error, is a guess.
    pub(crate) fn list_layer_versions(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, _) = self.layer_named(arguments.subject)?;
        let versions = self.layers.get(&name).into_iter().flat_map(|layer| layer.versions.values().rev());
        let listed = versions.map(|version| {
            let mut listed = version.clone();
            if let Some(members) = listed.as_object_mut() {
                members.retain(|key, _| key != "Content" && key != "LayerArn");
            }
            listed
        });
        Ok(super::page("LayerVersions", &listed.collect::<Vec<_>>(), arguments))
    }

    /// Succeeds if the version does not exist, as on AWS: its reference names no error for that.
    pub(crate) fn delete_layer_version(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, _) = self.layer_named(arguments.subject)?;
        if let (Some(layer), Ok(number)) = (self.layers.get_mut(&name), arguments.item.parse::<u64>()) {
            layer.versions.remove(&number);
        }
        Ok(Value::Null)
    }

    /// Returns name and ARN of the layer that a request names by either. Fails if it is no name, and if the
    /// layer belongs to another account or region.
    pub(crate) fn layer_named(&self, subject: &str) -> Result<(String, String), Refusal> {
        let Settings { region, account, .. } = &self.settings;
        let own = format!("arn:aws:lambda:{region}:{account}:layer:");
        let name = match subject.strip_prefix(&own) {
            Some(name) => name,
            None if subject.starts_with("arn:") => return Err(Refusal::NoSuchResource), // a guess
            None => subject,
        };
        if !is_word(name) {
            return Err(checks::pattern(subject, "layerName", PATTERN));
        }
        Ok((name.to_owned(), format!("{own}{name}")))
    }
}
