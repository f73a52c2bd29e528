//! Aliases: names that point at a version, or at two versions with weights. Never changes the RevisionId of
//! the function: an alias has its own.

use serde_json::{Map, Value, json};

use crate::account::{Account, Arguments, check_revision};
use crate::checks;
use crate::function::{Alias, Function, Phase, Provisioning, Span};
use crate::function_name::is_word;
use crate::ids;
use crate::refusal::Refusal;

impl Account {
    pub(crate) fn create_alias(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        let name = checks::required(arguments.body, "Name", "name")?;
        if !is_word(name) || name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(checks::pattern(name, "name", "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"));
        }
        let version = checks::required(arguments.body, "FunctionVersion", "functionVersion")?;
        let arn = function.qualified(Some(name));
        if function.aliases.contains_key(name) {
            return Err(Refusal::AliasExists { arn });
        }
        let alias = Alias {
            version: version.to_owned(),
            description: arguments.body["Description"].as_str().unwrap_or_default().to_owned(),
            weights: weights(arguments.body).unwrap_or_default(),
            revision_id: ids::unique(),
            leaving: None,
            invoked: 0,
        };
        check(&alias, None, function)?;
        let answer = alias.answer(name, &arn);
        function.aliases.insert(name.to_owned(), alias);
        Ok(answer)
    }

    pub(crate) fn get_alias(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        let arn = function.qualified(Some(arguments.item));
        match function.aliases.get(arguments.item) {
            Some(alias) => Ok(alias.answer(arguments.item, &arn)),
            None => Err(Refusal::AliasNotFound { arn }),
        }
    }

    /// Absent members keep their value. This includes the weights: an alias keeps sending traffic to an old
    /// version until a request changes that. Provisioned concurrency moves with the alias, which takes the
    /// usual time again.
    pub(crate) fn update_alias(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let lasts = self.settings.provision_duration;
        let function = self.unqualified(arguments)?;
        let arn = function.qualified(Some(arguments.item));
        let Some(live) = function.aliases.get(arguments.item) else {
            return Err(Refusal::AliasToUpdateNotFound { arn });
        };
        check_revision(arguments.body, &live.revision_id)?;
        let text = |key: &str, live: &str| arguments.body[key].as_str().unwrap_or(live).to_owned();
        let left = live.version.clone();
        let mut alias = Alias {
            version: text("FunctionVersion", &live.version),
            description: text("Description", &live.description),
            weights: weights(arguments.body).unwrap_or_else(|| live.weights.clone()),
            revision_id: ids::unique(),
            leaving: live.leaving.clone(),
            invoked: 0,
        };
        check(&alias, Some(live), function)?;
        if let Some(provisioned) =
            function.provisioned.get_mut(arguments.item).filter(|_| alias.version != left)
        {
            let span = Span { from: arguments.now, lasts, ending: arguments.ending.clone() };
            alias.leaving = Some((left, span.until())).filter(|_| !lasts.is_zero());
            provisioned.phase = Provisioning::Allocating { until: span.until(), ending: span.ending };
        }
        let answer = alias.answer(arguments.item, &arn);
        function.aliases.insert(arguments.item.to_owned(), alias);
        Ok(answer)
    }

    /// Succeeds if the alias does not exist, as on AWS.
    pub(crate) fn delete_alias(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        function.aliases.remove(arguments.item);
        function.forget(arguments.item);
        Ok(Value::Null)
    }

    pub(crate) fn list_aliases(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let function = self.unqualified(arguments)?;
        let wanted = arguments.parameter("FunctionVersion");
        let answers: Vec<Value> = function
            .aliases
            .iter()
            .filter(|(_, alias)| wanted.is_none_or(|version| alias.version == version))
            .map(|(name, alias)| alias.answer(name, &function.qualified(Some(name))))
            .collect();
        Ok(super::page("Aliases", &answers, arguments))
    }
}

impl Alias {
    fn answer(&self, name: &str, arn: &str) -> Value {
        let mut answer = json!({
            "AliasArn": arn,
            "Description": self.description,
            "FunctionVersion": self.version,
            "Name": name,
            "RevisionId": self.revision_id,
        });
        if !self.weights.is_empty() {
            answer["RoutingConfig"] = json!({ "AdditionalVersionWeights": self.weights });
        } else if let Some((left, _)) = &self.leaving {
            answer["RoutingConfig"] = json!({ "AdditionalVersionWeights": { left: 1.0 } });
        }
        answer
    }
}

/// Returns the weights in the request. `None`: the request has no weights.
fn weights(body: &Value) -> Option<Map<String, Value>> {
    let routing = body["RoutingConfig"].as_object()?;
    let weights = routing.get("AdditionalVersionWeights").and_then(Value::as_object);
    Some(weights.cloned().unwrap_or_default())
}

/// Fails if a version does not exist, if two versions cannot share the traffic, or if a newly selected
/// version is not ready (the messages are a guess, after those for a function, which were recorded).
fn check(alias: &Alias, before: Option<&Alias>, function: &Function) -> Result<(), Refusal> {
    // Only by number: an alias never points at another alias.
    let exists = |version: &str| {
        let number = version.parse::<u64>().is_ok_and(|number| function.published.contains_key(&number));
        if version == "$LATEST" || number {
            return Ok(());
        }
        Err(Refusal::FunctionNotFound { arn: function.qualified(Some(version)) })
    };
    exists(&alias.version)?;
    if alias.weights.len() > 1 {
        return Err(Refusal::TooManyWeights);
    }
    for version in alias.weights.keys() {
        if alias.version == "$LATEST" {
            return Err(Refusal::WeightsOfLatest);
        }
        if *version == alias.version {
            return Err(Refusal::WeightOfItsOwnVersion { version: version.clone() });
        }
        exists(version)?;
    }
    let was_led_to = |version: &String| {
        before.is_some_and(|before| before.version == *version || before.weights.contains_key(version))
    };
    for version in std::iter::once(&alias.version).chain(alias.weights.keys()) {
        if version == "$LATEST" || was_led_to(version) {
            continue;
        }
        match &function.version(Some(version))?.phase {
            Phase::Creating { .. } | Phase::Waking { .. } => return Err(Refusal::Pending),
            Phase::CreationFailed(_) => return Err(Refusal::CreationFailed),
            Phase::Fixed { state } if ["Pending", "Failed"].contains(&state.as_str()) => {
                return Err(Refusal::InState { state: state.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}
