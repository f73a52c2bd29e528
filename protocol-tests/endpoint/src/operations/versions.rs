//! Publishes and lists versions. Never publishes an unchanged function: it returns the existing version.

use serde_json::{Value, json};

use crate::account::{Account, Arguments, check_revision};
use crate::function::Span;
use crate::refusal::Refusal;

impl Account {
    pub(crate) fn publish_version(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let lasts = self.settings.create_duration;
        let function = self.unqualified(arguments)?;
        function.check_ready()?;
        check_revision(arguments.body, &function.latest.revision_id)?;
        let current = &function.latest.code.sha256;
        if let Some(given) = arguments.body["CodeSha256"].as_str().filter(|given| given != current) {
            return Err(Refusal::OtherCode { given: given.to_owned(), current: current.clone() });
        }
        let span = Span { from: arguments.now, lasts, ending: arguments.ending.clone() };
        if arguments.body["PublishTo"] == json!("LATEST_PUBLISHED") {
            if !function.latest.is_managed() {
                return Err(Refusal::NotManaged);
            }
            let arn = function.qualified(Some("$LATEST.PUBLISHED"));
            return Ok(function.publish_latest(span).answer(&arn));
        }
        let description = arguments.body["Description"].as_str();
        let number = function.publish(description, span).to_string();
        let version = function.version(Some(&number))?;
        Ok(version.answer(&function.qualified(Some(&number))))
    }

    pub(crate) fn list_versions_by_function(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.name(arguments.subject)?;
        let function = self.function(&name, arguments.now)?;
        let latest = std::iter::once(&function.latest).chain(&function.latest_published);
        let versions = latest.chain(function.published.values());
        let answers: Vec<Value> = versions
            .map(|version| listed(version.answer(&function.qualified(Some(&version.name())))))
            .collect();
        Ok(super::page("Versions", &answers, arguments))
    }
}

/// Returns a FunctionConfiguration as lists have it: without the state members. In ten of ten recordings from
/// AWS they were absent.
fn listed(mut configuration: Value) -> Value {
    let states = ["State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"];
    let updates = ["LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"];
    if let Some(members) = configuration.as_object_mut() {
        members.retain(|key, _| !states.contains(&key.as_str()) && !updates.contains(&key.as_str()));
    }
    configuration
}
