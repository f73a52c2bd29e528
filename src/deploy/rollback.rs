//! Moves the aliases of a stanza back to their previous version.
//! It never packages anything. It never plans again after a change by another caller, because that change may also change
//! which version is the previous one.

use super::DeployRun;
use super::apply::{Ended, from_runtime};
use super::verify::VerifyContext;
use crate::diagnostics;
use crate::function::{LiveFunction, Release};
use crate::lambda::{Lambda, LambdaError, VersionReads};
use crate::plan::{roll_back, unsettled};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Finished};

impl DeployRun<'_> {
    /// Moves the aliases back; with `only_plan` only plans it.
    pub(super) fn roll_back(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        from_runtime(async {
            let (lambda, identity) = self.connect().await?;
            let wanted = self.wanted();
            let found = lambda.read_live(self.name).await.map_err(|error| self.failed(error))?;
            let mut live =
                found.ok_or_else(|| diagnostics::from_no_function(self.name.as_str(), &self.filled_in))?.live;
            let questions = VersionReads {
                aliases: wanted.release.aliases.clone(),
                versions: true,
                provisioned: wanted.release.provisioned.is_some(),
                ..VersionReads::default()
            };
            lambda.read_release(self.name, &mut live, &questions).await.map_err(|error| self.failed(error))?;
            let plan = loop {
                let plan = roll_back(&wanted.release, self.stanza.version.as_deref(), &live)
                    .map_err(|error| diagnostics::from_plan(error, self.name.as_str(), &self.filled_in))?;
                let Some(number) = unsettled(&plan, &live, !only_plan) else { break plan };
                let read = lambda.read_version(self.name, &mut live, &number, !only_plan).await;
                if let Some(error) = read.map_err(|error| self.failed(error))?
                    && !self.goes_elsewhere(&wanted.release, &live, &number)
                {
                    return Err(match error {
                        LambdaError::VersionFailed { version, trouble } => {
                            self.version_failed(&version, trouble, &live.aliases)
                        }
                        error => self.failed(error),
                    });
                }
            };
            self.warn_about_cleared(&plan);
            let reported = self.reported(&plan);
            self.journal.emit(Event::Planned(reported.clone()));
            if only_plan {
                return Ok(Finished::Planned(reported));
            }
            let target = plan.version.as_ref();
            let version = live.versions.iter().find(|version| Some(&version.number) == target);
            let code_sha256 = version.map(|version| version.code_sha256.clone());
            let mut subject = self.subject(None);
            subject.refresh(&live, &plan, code_sha256.clone());
            self.apply_all(&plan, &mut subject, &lambda).await?;
            let previous = self.previous_version(&live.aliases, &subject);
            let now = self.deployment(subject, code_sha256, previous, &identity);
            Ok(if plan.steps.is_empty() { Finished::Unchanged(now) } else { Finished::Deployed(now) })
        })
    }

    /// Whether the rollback has another target now that `number` is known to have failed.
    fn goes_elsewhere(&self, release: &Release, live: &LiveFunction, number: &str) -> bool {
        let plan = roll_back(release, self.stanza.version.as_deref(), live);
        plan.is_ok_and(|plan| plan.version.as_deref() != Some(number))
    }

    async fn apply_all(
        &self,
        plan: &crate::plan::Plan,
        subject: &mut crate::lambda::DeployState<'_>,
        lambda: &Lambda,
    ) -> Result<(), ErrorReport> {
        let proof = VerifyContext { aliases: &[], latest_url: None };
        match self.apply(plan, subject, &proof, lambda).await {
            Ok(()) => Ok(()),
            Err(Ended::Failed(report)) => Err(report),
            Err(Ended::Outdated(outdated)) => Err(diagnostics::from_moved_alias(outdated.error, &self.redactor())),
        }
    }
}
