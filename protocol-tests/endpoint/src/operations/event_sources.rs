//! Event source mappings. Never reads an event source: a mapping only names the function that it calls.

use std::time::Instant;

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::event_source::EventSource;
use crate::ids;
use crate::refusal::Refusal;
use crate::route::{Operation, Route};

impl Account {
    pub(crate) fn create_event_source_mapping(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let body = arguments.body;
        let function = checks::required(body, "FunctionName", "functionName")?;
        let arn = self.called(function, arguments)?;
        let uuid = ids::unique();
        let mapping = json!({"UUID": uuid, "EventSourceArn": body["EventSourceArn"], "FunctionArn": arn});
        let is_enabled = body["Enabled"].as_bool().unwrap_or(true);
        let source = EventSource { mapping, is_enabled, until: None };
        let answer = source.answer();
        self.event_sources.insert(uuid, source);
        Ok(answer)
    }

    pub(crate) fn get_event_source_mapping(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        self.event_source(arguments).map(|source| source.answer())
    }

    /// With the name of a function, AWS lists the mappings of exactly that function, version or alias. (That
    /// it does not list those of a version or an alias for the function's own name is known from reports.)
    pub(crate) fn list_event_source_mappings(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = match arguments.parameter("FunctionName") {
            Some(name) => Some(self.called(name, arguments)?),
            None => None,
        };
        self.settle_event_sources(arguments.now.instant);
        let is_asked = |source: &&EventSource| {
            function.as_ref().is_none_or(|arn| source.mapping["FunctionArn"] == arn.as_str())
        };
        let answers: Vec<Value> =
            self.event_sources.values().filter(is_asked).map(EventSource::answer).collect();
        Ok(super::page("EventSourceMappings", &answers, arguments))
    }

    /// Absent members keep their value.
    pub(crate) fn update_event_source_mapping(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let function = match arguments.body["FunctionName"].as_str() {
            Some(name) => Some(self.called(name, arguments)?),
            None => None,
        };
        let lasts = self.settings.update_duration;
        let source = self.event_source(arguments)?;
        if source.until.is_some() {
            return Err(Refusal::EventSourceInUse);
        }
        if let Some(arn) = function {
            source.mapping["FunctionArn"] = json!(arn);
        }
        source.is_enabled = arguments.body["Enabled"].as_bool().unwrap_or(source.is_enabled);
        source.until = Some(arguments.now.instant + lasts);
        Ok(source.answer())
    }

    /// Returns the name of the function that a call is about: for a call about a mapping, the function that
    /// the mapping calls.
    pub(crate) fn subject_of(&self, route: &Route, arguments: &Arguments<'_>) -> String {
        match route.operation {
            Operation::ListEventSourceMappings => arguments.parameter("FunctionName").unwrap_or_default(),
            Operation::GetEventSourceMapping | Operation::UpdateEventSourceMapping => {
                self.called_by(&route.subject).unwrap_or_default()
            }
            _ => route.subject.as_str(), // every other operation has the function in its path
        }
        .to_owned()
    }

    /// Returns the ARN that a mapping calls. `None`: the mapping does not exist.
    pub(crate) fn called_by(&self, uuid: &str) -> Option<&str> {
        self.event_sources.get(uuid)?.mapping["FunctionArn"].as_str()
    }

    /// Returns the ARN of the function, version or alias that has this name. Fails if it does not exist.
    fn called(&mut self, name: &str, arguments: &Arguments<'_>) -> Result<String, Refusal> {
        let name = self.name(name)?;
        let arn = self.arn(&name);
        let function = self.function(&name, arguments.now)?;
        match &name.qualifier {
            Some(qualifier) => function.check_qualifier(qualifier).map(|()| arn),
            None => Ok(arn),
        }
    }

    fn event_source(&mut self, arguments: &Arguments<'_>) -> Result<&mut EventSource, Refusal> {
        self.settle_event_sources(arguments.now.instant);
        self.event_sources.get_mut(arguments.subject).ok_or(Refusal::NoSuchResource)
    }

    /// Ends the updates that are over.
    fn settle_event_sources(&mut self, now: Instant) {
        for source in self.event_sources.values_mut() {
            source.until = source.until.filter(|until| *until > now);
        }
    }
}
