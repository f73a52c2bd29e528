//! Tags of functions. Never of a version or an alias, which have no tags on AWS.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::document::string_map;
use crate::function::Function;
use crate::ids;
use crate::refusal::Refusal;

/// The largest number of tags on a function (AWS's quotas page).
const LIMIT: usize = 50;

const ARN_PATTERN: &str = r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)";

impl Account {
    /// Adds tags and replaces the value of existing keys.
    pub(crate) fn tag_resource(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.tagged(arguments)?;
        let mut tags = function.tags.clone();
        tags.extend(string_map(&arguments.body["Tags"]));
        if tags.len() > LIMIT {
            return Err(Refusal::TooManyTags);
        }
        function.tags = tags;
        // Tags change the RevisionId of `$LATEST`, although they do not belong to it.
        function.latest.revision_id = ids::unique();
        Ok(Value::Null)
    }

    pub(crate) fn untag_resource(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.tagged(arguments)?;
        let keys: Vec<&str> = arguments
            .query
            .iter()
            .filter(|(name, _)| name == "tagKeys")
            .map(|(_, key)| key.as_str())
            .collect();
        if keys.is_empty() {
            // Fails as for a required member of a body.
            checks::required(&Value::Null, "tagKeys", "tagKeys")?;
        }
        function.tags.retain(|key, _| !keys.contains(&key.as_str()));
        function.latest.revision_id = ids::unique();
        Ok(Value::Null)
    }

    pub(crate) fn list_tags(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.tagged(arguments)?;
        Ok(json!({ "Tags": function.tags }))
    }

    fn tagged(&mut self, arguments: &Arguments<'_>) -> Result<&mut Function, Refusal> {
        let refusal = || checks::pattern(arguments.subject, "resource", ARN_PATTERN);
        if !arguments.subject.starts_with("arn:") {
            return Err(refusal());
        }
        let name = self.name(arguments.subject).map_err(|cause| match cause {
            other_region @ Refusal::OtherRegion { .. } => other_region,
            _ => refusal(),
        })?;
        if name.qualifier.is_some() {
            return Err(Refusal::TagsOfVersionOrAlias);
        }
        self.function(&name, arguments.now)
    }
}
