//! Moves the aliases of a stanza back to their previous version. It never packages anything. It never plans
//! again after a change by another caller, because that change may also change which version is the previous
//! one.

use super::DeployRun;
use super::apply::{ApplyError, block_on};
use super::verify::VerifyContext;
use crate::diagnostics;
use crate::function::{LiveFunction, Release};
use crate::lambda::{Lambda, LambdaError, VersionReads};
use crate::plan::{roll_back, version_to_read};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Finished};

impl DeployRun<'_> {
    /// Moves the aliases back; with `only_plan` only plans it.
    pub(super) fn roll_back(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        block_on(async {
            let (lambda, identity) = self.connect().await?;
            let desired = self.desired_function();
            let found = lambda.read_live(self.name).await.map_err(|error| self.failed(error))?;
            let mut live = found
                .ok_or_else(|| diagnostics::from_no_function(self.name.as_str(), &self.variables_redactor))?
                .live;
            let reads = VersionReads {
                aliases: desired.release.aliases.clone(),
                versions: true,
                provisioned: desired.release.provisioned.is_some(),
                ..VersionReads::default()
            };
            lambda.read_release(self.name, &mut live, &reads).await.map_err(|error| self.failed(error))?;
            let plan = loop {
                let plan =
                    roll_back(&desired.release, self.stanza.version.as_deref(), &live).map_err(|error| {
                        diagnostics::from_plan(error, self.name.as_str(), &self.variables_redactor)
                    })?;
                let Some(number) = version_to_read(&plan, &live, !only_plan) else { break plan };
                let read = lambda.read_version(self.name, &mut live, &number, !only_plan).await;
                if let Some(error) = read.map_err(|error| self.failed(error))?
                    && !self.has_other_target(&desired.release, &live, &number)
                {
                    return Err(match error {
                        LambdaError::VersionFailed { version, state_reason } => {
                            self.version_failed(&version, state_reason, &live.aliases)
                        }
                        error => self.failed(error),
                    });
                }
            };
            self.warn_about_cleared(&plan);
            let planned = self.plan_event(&plan);
            self.events.emit(Event::Planned(planned.clone()));
            if only_plan {
                return Ok(Finished::Planned(planned));
            }
            let target = plan.version.as_ref();
            let version = live.versions.iter().find(|version| Some(&version.number) == target);
            let code_sha256 = version.map(|version| version.code_sha256.clone());
            let mut state = self.new_deploy_state(false);
            state.refresh(&live, &plan, code_sha256.clone());
            self.apply_all(&plan, &mut state, &lambda).await?;
            let previous = self.version_before_run(&live.aliases, &state);
            let now = self.deployment(state, code_sha256, previous, &identity);
            Ok(if plan.steps.is_empty() { Finished::Unchanged(now) } else { Finished::Deployed(now) })
        })
    }

    /// Whether the rollback has another target now that `number` is known to have failed.
    fn has_other_target(&self, release: &Release, live: &LiveFunction, number: &str) -> bool {
        let plan = roll_back(release, self.stanza.version.as_deref(), live);
        plan.is_ok_and(|plan| plan.version.as_deref() != Some(number))
    }

    async fn apply_all(
        &self,
        plan: &crate::plan::Plan,
        state: &mut crate::lambda::DeployState<'_>,
        lambda: &Lambda,
    ) -> Result<(), ErrorReport> {
        let context = VerifyContext { aliases: &[], latest_url: None };
        match self.apply(plan, state, &context, lambda).await {
            Ok(()) => Ok(()),
            Err(ApplyError::Failed(report)) => Err(report),
            Err(ApplyError::Outdated(outdated)) => {
                Err(diagnostics::from_moved_alias(outdated.error, &self.redactor()))
            }
        }
    }
}
