//! Provisioned concurrency of versions and aliases. Never of `$LATEST`, and never of both a version and an
//! alias that points at it.

use serde_json::{Value, json};

use super::concurrency::FLOOR;
use crate::account::{Account, Arguments};
use crate::constraints::{self, Constraints};
use crate::function::{Alias, Function, Provisioned, Provisioning, Span};
use crate::function_name::FunctionName;
use crate::moment;
use crate::refusal::Refusal;

const KEY: &str = "ProvisionedConcurrentExecutions";

impl Account {
    /// The status is always `IN_PROGRESS` at first.
    pub(crate) fn put_provisioned_concurrency_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let mut constraints = Constraints::default();
        constraints.present(&arguments.body[KEY], "provisionedConcurrentExecutions");
        constraints.range(&arguments.body[KEY], "provisionedConcurrentExecutions", 1, i64::MAX)?;
        constraints.finish()?;
        let requested = arguments.body[KEY].as_u64().unwrap_or_default();
        let (name, qualifier) = self.published(arguments, &Refusal::ProvisionedOfLatest)?;
        let (lasts, limit, unreserved) =
            (self.settings.provision_duration, self.settings.concurrency_limit, self.unreserved());
        let function = self.function_of(&name, &qualifier, arguments)?;
        check_place(function, &qualifier)?;
        check_capacity(function, &qualifier, requested, limit, unreserved)?;
        let until = Span { from: arguments.now, lasts, ending: None }.until();
        let provisioned = Provisioned {
            requested,
            last_modified: moment::last_modified(arguments.now.wall),
            phase: Provisioning::Allocating { until, ending: arguments.ending.clone() },
        };
        let answer = provisioned.answer();
        function.provisioned.insert(qualifier, provisioned);
        Ok(answer)
    }

    pub(crate) fn get_provisioned_concurrency_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (name, qualifier) = self.published(arguments, &Refusal::ProvisionedOfNoVersion)?;
        let function = self.function_of(&name, &qualifier, arguments)?;
        let found = function.provisioned.get(&qualifier);
        found.map(Provisioned::answer).ok_or(Refusal::ProvisionedNotFound)
    }

    /// Succeeds if nothing is provisioned, as on AWS. (That the alias then shows no other version any more is
    /// a guess.)
    pub(crate) fn delete_provisioned_concurrency_config(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (name, qualifier) = self.published(arguments, &Refusal::ProvisionedOfNoVersion)?;
        let function = self.function_of(&name, &qualifier, arguments)?;
        function.provisioned.remove(&qualifier);
        if let Some(alias) = function.aliases.get_mut(&qualifier) {
            alias.leaving = None;
        }
        Ok(Value::Null)
    }

    /// Returns the function and the qualifier that a request names. Fails with `from_latest` for `$LATEST`.
    fn published(
        &self,
        arguments: &Arguments<'_>,
        from_latest: &Refusal,
    ) -> Result<(FunctionName, String), Refusal> {
        let name = self.named(arguments)?;
        match name.qualifier.clone() {
            None => Err(Refusal::Constraints { unmet: vec![constraints::absent("qualifier")] }),
            Some(qualifier) if qualifier == "$LATEST" => Err(from_latest.clone()),
            Some(qualifier) => Ok((name, qualifier)),
        }
    }

    /// Returns the function. If it does not exist, the error is the same as for a missing alias or version.
    fn function_of(
        &mut self,
        name: &FunctionName,
        qualifier: &str,
        arguments: &Arguments<'_>,
    ) -> Result<&mut Function, Refusal> {
        let arn = self.arn(name);
        let function =
            self.function(name, arguments.now).map_err(|_| Refusal::no_such_qualifier(arn, qualifier))?;
        function.check_qualifier(qualifier)?;
        Ok(function)
    }
}

/// Fails if the qualifier cannot have provisioned concurrency in the current state.
fn check_place(function: &Function, qualifier: &str) -> Result<(), Refusal> {
    let Some(alias) = function.aliases.get(qualifier) else {
        let points_here = |(name, alias): (&String, &Alias)| {
            alias.version == qualifier && function.provisioned.contains_key(name)
        };
        return if function.aliases.iter().any(points_here) {
            Err(Refusal::AliasProvisioned)
        } else {
            Ok(())
        };
    };
    if alias.version == "$LATEST" {
        return Err(Refusal::ProvisionedOfLatest);
    }
    // The weights that AWS shows while provisioned concurrency moves are rejected too.
    if !alias.weights.is_empty() || alias.leaving.is_some() {
        return Err(Refusal::ProvisionedWithWeights);
    }
    if function.provisioned.contains_key(&alias.version) {
        return Err(Refusal::VersionProvisioned);
    }
    Ok(())
}

/// Fails if the request exceeds what the function has reserved or, without a reservation, what the account
/// has left.
fn check_capacity(
    function: &Function,
    qualifier: &str,
    requested: u64,
    limit: u64,
    unreserved: u64,
) -> Result<(), Refusal> {
    let others = function.provisioned_sum(qualifier);
    if let Some(reserved) = function.reserved {
        let fits = requested.saturating_add(others) <= reserved;
        return if fits { Ok(()) } else { Err(Refusal::ProvisionedAboveReserved) };
    }
    if requested > limit {
        return Err(Refusal::ProvisionedAboveUnreserved { unreserved: limit });
    }
    let own = function.provisioned.get(qualifier).map_or(0, |it| it.requested);
    if (unreserved + own).saturating_sub(requested) < FLOOR {
        return Err(Refusal::ProvisionedBelowFloor { floor: FLOOR });
    }
    Ok(())
}

impl Provisioned {
    fn answer(&self) -> Value {
        let (ready, status, reason) = match &self.phase {
            Provisioning::Allocating { .. } => (0, "IN_PROGRESS", None),
            Provisioning::Ready => (self.requested, "READY", None),
            Provisioning::Failed(failure) => (0, "FAILED", Some(&failure.reason)),
        };
        let mut answer = json!({
            "AllocatedProvisionedConcurrentExecutions": ready,
            "AvailableProvisionedConcurrentExecutions": ready,
            "LastModified": self.last_modified,
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "Status": status,
        });
        if let Some(reason) = reason {
            answer["StatusReason"] = json!(reason);
        }
        answer
    }
}
