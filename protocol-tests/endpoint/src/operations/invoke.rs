//! Invocations: selects the version and the answer that the test defined. Never executes code.

use crate::account::{Account, Arguments};
use crate::function::{Function, Phase};
use crate::http::Answer;
use crate::ids;
use crate::invocation::client_context;
use crate::refusal::Refusal;

/// The largest part of a log in an answer, in bytes (the model: "the last 4 KB").
const LOG_LIMIT: usize = 4096;

impl Account {
    pub(crate) fn invoke(&mut self, arguments: &Arguments<'_>) -> Result<Answer, Refusal> {
        let name = self.named(arguments)?;
        let context = arguments.header("x-amz-client-context");
        if context.is_some() && !client_context(context).is_object() {
            return Err(Refusal::NoClientContext);
        }
        let function = self.function(&name, arguments.now)?;
        let executed = function.execute(name.qualifier.as_deref());
        let is_managed = function.latest.is_managed();
        let unqualified = is_managed.then_some("$LATEST.PUBLISHED");
        let version =
            function.version_mut(executed.as_deref().or(name.qualifier.as_deref()).or(unqualified))?;
        match &version.phase {
            Phase::Creating { .. } => return Err(Refusal::Pending),
            Phase::CreationFailed(_) => return Err(Refusal::CreationFailed),
            Phase::Idle { wakes_in } => {
                version.phase = Phase::Waking { until: arguments.now.instant + *wakes_in };
                return Err(Refusal::UserPending);
            }
            Phase::Waking { .. } => return Err(Refusal::UserPending),
            Phase::Fixed { state } => return Err(Refusal::InState { state: state.clone() }),
            Phase::Active if is_managed && version.name() == "$LATEST" => {
                return Err(Refusal::InState { state: "ActiveNonInvocable".to_owned() });
            }
            Phase::Active | Phase::Updating { .. } | Phase::UpdateFailed(_) => {}
        }
        match (version.configuration.contains_key("TenancyConfig"), arguments.header("x-amz-tenant-id")) {
            (true, None) => return Err(Refusal::TenantMissing),
            (false, Some(_)) => return Err(Refusal::TenantOfSharedFunction),
            (true, Some(_)) | (false, None) => {}
        }
        let version = version.name();
        if function.reserved == Some(0) {
            return Err(Refusal::NoConcurrencyReserved);
        }
        let empty = |status| Answer::new(status, "application/json", Vec::new());
        match arguments.header("x-amz-invocation-type") {
            Some("DryRun") => return Ok(empty(204)),
            Some("Event") => return Ok(empty(202)),
            _ => {}
        }
        let invocation = self.invocations.next(&version);
        let mut answer = Answer::new(200, "application/json", invocation.payload.to_string().into_bytes());
        answer.delay = invocation.delay;
        answer.headers.push(("x-amz-executed-version", version.clone()));
        answer.headers.extend(invocation.function_error.map(|error| ("x-amz-function-error", error)));
        if arguments.header("x-amz-log-type") == Some("Tail") {
            let log = invocation.log.unwrap_or_else(|| usual_log(&version));
            let tail = &log.as_bytes()[log.len().saturating_sub(LOG_LIMIT)..];
            answer.headers.push(("x-amz-log-result", base64_simd::STANDARD.encode_to_string(tail)));
        }
        Ok(answer)
    }
}

impl Function {
    /// Returns the version to which an alias sends this invocation. `None`: the qualifier is not an alias. Of
    /// n invocations a weight of w gets n·w, rounded down: a random choice would make tests fail
    /// occasionally.
    fn execute(&mut self, qualifier: Option<&str>) -> Option<String> {
        let alias = self.aliases.get_mut(qualifier?)?;
        if let Some((left, _)) = &alias.leaving {
            return Some(left.clone());
        }
        let before = f64::from(alias.invoked);
        alias.invoked = alias.invoked.saturating_add(1);
        let after = f64::from(alias.invoked);
        // The billionth compensates for fractions such as 0.1, which binary numbers cannot represent exactly.
        let share = |count: f64, weight: f64| (count * weight + 1e-9).floor();
        let chosen = alias.weights.iter().find(|(_, weight)| {
            let weight = weight.as_f64().unwrap_or_default();
            share(after, weight) > share(before, weight)
        });
        Some(chosen.map_or(&alias.version, |(version, _)| version).clone())
    }
}

/// Returns the lines that AWS writes around the output of a function.
fn usual_log(version: &str) -> String {
    let id = ids::unique();
    format!(
        "START RequestId: {id} Version: {version}\nEND RequestId: {id}\nREPORT RequestId: {id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t\n"
    )
}
