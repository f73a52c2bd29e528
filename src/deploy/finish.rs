//! Last phase: determines the outcome of a deployment and describes the deployed function.

use super::aws::Aws;
use super::guard::GuardWatch;
use super::plan::Planned;
use super::read::PlanInput;
use super::step::milliseconds;
use crate::function::LiveAlias;
use crate::lambda::DeployState;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{CodeDeployDeployment, CodeState, Deployment, Finished, GuardSummary};
use crate::protocol::stanza::Stanza;
use crate::warnings;

/// The function before the run.
pub(super) struct Baseline {
    /// Its `CodeSha256`. `None`: it did not exist.
    pub(super) code_sha256: Option<String>,
    pub(super) aliases: Vec<LiveAlias>,
}

impl Baseline {
    pub(super) fn of(input: &PlanInput) -> Self {
        Baseline {
            code_sha256: input.live().map(|live| live.code_sha256.clone()),
            aliases: input.live().map(|live| live.aliases.clone()).unwrap_or_default(),
        }
    }
}

/// Determines the outcome of a deployment. `planned` is the plan whose steps all took effect, and `guard`
/// what was watched meanwhile.
pub(super) fn finish(
    aws: &Aws<'_>,
    planned: Planned,
    state: DeployState<'_>,
    before: Baseline,
    guard: Option<GuardWatch>,
) -> Result<Finished, ErrorReport> {
    let has_changed =
        planned.replans > 0 || planned.plan.steps.iter().any(|step| !step.action.is_read_only());
    // With an alias this does not matter: the alias points at a version that never changes.
    if planned.input.desired.release.aliases.is_empty() && state.was_overtaken() {
        aws.context.warn(&warnings::overtaken());
    }
    let now = deployment(aws, state, before, guard.and_then(GuardWatch::summary));
    match planned.input.found.and_then(|found| found.failure) {
        // Nothing differs, but the last update failed, so the code and settings that AWS shows do not run.
        Some(failure) if !has_changed => Err(aws.context.failed(failure)),
        _ if has_changed => Ok(Finished::Deployed(now)),
        _ => Ok(Finished::Unchanged(now)),
    }
}

/// Describes the deployed function for events.
pub(super) fn deployment(
    aws: &Aws<'_>,
    state: DeployState<'_>,
    before: Baseline,
    guard: Option<GuardSummary>,
) -> Deployment {
    let (stanza, redaction) = (aws.context.stanza, &aws.context.redaction);
    let previous_version = version_before(stanza, &before.aliases, &state);
    let before = before.code_sha256;
    let aliases: Vec<String> =
        stanza.alias.iter().flatten().map(|alias| redaction.variables.redact(alias)).collect();
    let code_sha256 = state.code_sha256.or_else(|| before.clone()).unwrap_or_default();
    Deployment {
        function_name: redaction.variables.redact(state.arn.rsplit(':').next().unwrap_or_default()),
        function_arn: redaction.variables.redact(&state.arn),
        region: aws.identity.region.as_str().to_owned(),
        version: state.version.map_or_else(|| "$LATEST".to_owned(), |version| redaction.version(version)),
        alias: aliases.first().cloned(),
        aliases: if aliases.len() > 1 { aliases } else { Vec::new() },
        previous_version: previous_version.map(|version| redaction.version(version)),
        code: if before.as_ref() == Some(&code_sha256) { CodeState::Unchanged } else { CodeState::Uploaded },
        code_sha256: redaction.foreign_text(&code_sha256),
        codedeploy: state.deployment.map(|deployment| CodeDeployDeployment {
            deployment_id: redaction.foreign_text(&deployment.deployment_id),
            status: redaction.foreign_text(&deployment.status),
        }),
        function_url: state.function_url.map(|url| redaction.foreign_text(&url)),
        guard: guard.map(Box::new),
        reason: None,
        duration_ms: milliseconds(aws.context.began),
    }
}

/// The version at which the first alias of the stanza pointed before. `None`: it still points there, or it
/// did not exist.
fn version_before(stanza: &Stanza, aliases: &[LiveAlias], state: &DeployState<'_>) -> Option<String> {
    let name = stanza.first_alias()?;
    let before = &aliases.iter().find(|alias| alias.name == name)?.version;
    (before != state.version()).then(|| before.clone())
}
