//! Runs a deployment at AWS: obtains code and live function, plans, and applies the steps of the plan.
//! It never interprets a value of the stanza, and contains no user-facing messages.
#![expect(clippy::disallowed_methods, reason = "measures how long steps take")]

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::verify::VerifyContext;
use super::{DeployRun, milliseconds};
use crate::code_source::{Code, CodeSource};
use crate::diagnostics;
use crate::function::{ChangedBy, DesiredFunction, LiveAlias, LiveFunction, Setting};
use crate::lambda::{
    self, Applied, DeployState, ExtraReads, Identity, Lambda, LambdaError, LiveState, ShiftOutcome,
    StateReason, VersionReads,
};
use crate::package::Archive;
use crate::plan::{Action, Plan, Step, needs_versions, plan, version_to_read};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{CodeState, Deployment, Event, Finished, StepName, StepTarget};
use crate::protocol::structures::OrNone;
use crate::warnings;

/// How often the deployment is planned again after another caller has changed the function, before it fails.
const MAX_REPLANS: u32 = 10;

/// Why the steps of a plan ended early.
pub(super) enum ApplyError<'a> {
    /// The live function has changed since the plan was made. It can be planned again.
    Outdated(OutdatedStep<'a>),
    /// The deployment has failed.
    Failed(ErrorReport),
}

/// A step that failed because the function has changed since the plan was made.
pub(super) struct OutdatedStep<'a> {
    step: RunningStep<'a>,
    /// The error of the step.
    pub(super) error: LambdaError,
    /// True if a response was lost before, so that the change may be our own.
    may_be_ours: bool,
    attempts: u32,
}

impl DeployRun<'_> {
    /// Plans and applies the deployment; with `only_plan` only plans it.
    pub(super) fn plan_or_deploy(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        block_on(self.plan_and_apply(only_plan))
    }

    async fn plan_and_apply(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let source = CodeSource::of(self.stanza);
        let prepared = self.prepare(&source)?;
        let (lambda, identity) = self.connect().await?;
        let (code, archive, found) = self.code_and_live(&source, prepared, &lambda).await?;
        let mut desired = self.desired_function();
        let names_revision = desired.revision_id.is_some();
        let mut found = match found {
            Some(found) if found.is_busy && !only_plan => self.wait(&lambda).await?,
            found => found,
        };
        self.read_extras(&lambda, &desired, &code, &mut found, !only_plan).await?;
        let live = found.as_ref().map(|found| &found.live);
        let before = live.map(|live| live.code_sha256.clone());
        let archive = archive.map(Arc::new);
        let aliases = live.map(|live| live.aliases.clone()).unwrap_or_default();
        let mut state = self.new_deploy_state(archive.clone());
        let mut outdated: Option<OutdatedStep<'_>> = None;
        let (mut has_changed, mut may_be_ours) = (false, false);
        for round in 0.. {
            let live = found.as_ref().map(|found| &found.live);
            let plan = plan(&desired, &code, live).map_err(|error| {
                diagnostics::from_plan(error, self.name.as_str(), &self.variables_redactor)
            })?;
            if round == 0 {
                self.warn_about_unknown(&desired, live);
                if desired.runtime().is_none() {
                    self.warn_about_runtime(live.and_then(LiveFunction::runtime), false);
                }
                let architecture = desired.architecture(live);
                self.warn_about_handler(&desired, live, archive.as_deref(), Some(architecture));
                self.warn_about_cleared(&plan);
                if let (Some(live), Some(alias)) = (live, desired.url_alias()) {
                    self.warn_about_latest_url(&desired, live, alias);
                }
            }
            let was_ours = match outdated.take().map(|outdated| self.check_was_ours(outdated, &plan)) {
                None => false,
                Some(Ok(())) => true,
                Some(Err(error)) if names_revision => return Err(self.failed(error)),
                Some(Err(_)) => {
                    self.warn(&warnings::function_changed(may_be_ours));
                    false
                }
            };
            if !was_ours {
                let planned = self.plan_event(&plan);
                self.events.emit(Event::Planned(planned.clone()));
                if only_plan {
                    self.dry_run(&lambda, &plan, &mut state, live, code.sha256.clone()).await?;
                    return Ok(Finished::Planned(planned));
                }
            }
            has_changed |= round > 0 || plan.steps.iter().any(|step| !step.action.is_read_only());
            match live {
                Some(live) => state.refresh(live, &plan, code.sha256.clone()),
                None => state.code_sha256 = code.sha256.clone(),
            }
            let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
            let latest_url = live.and_then(|live| live.latest_url.as_ref()).map(|live| live.url.as_str());
            let context = VerifyContext { aliases, latest_url };
            match self.apply(&plan, &mut state, &context, &lambda).await {
                Ok(()) => break,
                Err(ApplyError::Failed(report)) => return Err(report),
                Err(ApplyError::Outdated(ended)) => {
                    may_be_ours = ended.may_be_ours;
                    if (names_revision && !may_be_ours) || round == MAX_REPLANS {
                        return Err(self.failed(ended.error));
                    }
                    // The function did have the `revision_id` of the stanza, so it is not checked again. If
                    // the change turns out not to be our own, the next round fails.
                    desired.revision_id = None;
                    lambda.back_off_with_jitter(round).await.map_err(|error| self.failed(error))?;
                    outdated = Some(ended);
                }
            }
            let existed = !state.arn.is_empty();
            found = lambda.read_when_idle(self.name).await.map_err(|error| self.failed(error))?;
            if existed && found.is_none() {
                return Err(self.failed(LambdaError::Gone));
            }
            self.read_extras(&lambda, &desired, &code, &mut found, true).await?;
        }
        // With an alias this does not matter: the alias points at a version that never changes.
        if desired.release.aliases.is_empty() && state.was_overtaken() {
            self.warn(&warnings::overtaken());
        }
        let previous = self.version_before_run(&aliases, &state);
        let now = self.deployment(state, before, previous, &identity);
        match found.and_then(|found| found.failure) {
            // Nothing differs, but the last update failed, so the code and settings that AWS shows do not
            // run.
            Some(failure) if !has_changed => Err(self.failed(failure)),
            _ if has_changed => Ok(Finished::Deployed(now)),
            _ => Ok(Finished::Unchanged(now)),
        }
    }

    /// Sends the dry run of UpdateFunctionCode, so that a missing permission shows before anything is
    /// changed. AWS has no dry run for other steps. After a step that decides which code AWS accepts, the
    /// result would mean nothing.
    async fn dry_run(
        &self,
        lambda: &Lambda,
        plan: &Plan,
        state: &mut DeployState<'_>,
        live: Option<&LiveFunction>,
        code_sha256: Option<String>,
    ) -> Result<(), ErrorReport> {
        let Some(live) = live else { return Ok(()) };
        state.refresh(live, plan, code_sha256);
        for action in
            plan.steps.iter().map(|step| &step.action).take_while(|action| !action.affects_code_signing())
        {
            match lambda.dry_run(action, state).await {
                Ok(()) => {}
                Err(error @ LambdaError::Cancelled { .. }) => return Err(self.failed(error)),
                Err(error) => self.warn(&warnings::from_failed_dry_run(&self.failed(error))),
            }
        }
        Ok(())
    }

    pub(super) async fn connect(&self) -> Result<(Lambda, Identity), ErrorReport> {
        let job = self.job;
        let (events, stop) = (self.events.clone(), self.stop.clone());
        let connected =
            lambda::connect(self.stanza, &job.env, job.env_given, events, stop, &self.known_secrets).await;
        let (lambda, identity) = connected.map_err(|error| self.failed(error))?;
        self.events.emit(Event::Identified {
            source: identity.source,
            access_key_id: identity.access_key_id.masked_key(),
            region: identity.region.as_str().to_owned(),
        });
        Ok((lambda, identity))
    }

    async fn wait(&self, lambda: &Lambda) -> Result<Option<LiveState>, ErrorReport> {
        let step = self.started(StepName::Wait, StepTarget::default());
        let found = lambda.wait_until_idle(self.name).await.map_err(|error| self.failed(error))?;
        step.finished(0, None);
        Ok(found)
    }

    async fn read_extras(
        &self,
        lambda: &Lambda,
        desired: &DesiredFunction,
        code: &Code,
        found: &mut Option<LiveState>,
        waits: bool,
    ) -> Result<(), ErrorReport> {
        let Some(LiveState { live, failure, .. }) = found else { return Ok(()) };
        if let Some(LambdaError::Deactivated) = failure {
            return Err(self.failed(LambdaError::Deactivated));
        }
        let extras = ExtraReads {
            code_signing: self.stanza.code_signing_config_arn.is_some(),
            url: desired.url.is_some(),
            url_alias: desired.url_alias().map(str::to_owned),
            removes_url: desired.url == Some(OrNone::None),
        };
        lambda.read_extras(self.name, live, extras).await.map_err(|error| self.failed(error))?;
        let reads = VersionReads {
            aliases: desired.release.aliases.clone(),
            all_aliases: desired.release.keep.is_some(),
            versions: needs_versions(desired, code, live),
            provisioned: desired.release.provisioned.is_some(),
        };
        lambda.read_release(self.name, live, &reads).await.map_err(|error| self.failed(error))?;
        // If the version turns out to have failed, the plan no longer uses it, and the next round reads
        // another one.
        let relied_on =
            |live: &LiveFunction| version_to_read(&plan(desired, code, Some(live)).ok()?, live, waits);
        while let Some(number) = relied_on(live) {
            lambda.read_version(self.name, live, &number, waits).await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// The initial state for the steps, before the function is read.
    pub(super) fn new_deploy_state(&self, archive: Option<Arc<Archive>>) -> DeployState<'_> {
        DeployState { archive, ..DeployState::of(self.name) }
    }

    /// The version that the first alias of the stanza pointed at before, if it points at another one now.
    pub(super) fn version_before_run(
        &self,
        aliases: &[LiveAlias],
        state: &DeployState<'_>,
    ) -> Option<String> {
        let name = self.stanza.alias.iter().flatten().next()?;
        let before = &aliases.iter().find(|alias| alias.name == *name)?.version;
        (before != state.version()).then(|| before.clone())
    }

    /// Applies the plan and records the new state of the function in `state`. If it fails during a traffic
    /// shift, restores the traffic.
    pub(super) async fn apply<'a>(
        &'a self,
        plan: &Plan,
        state: &mut DeployState<'_>,
        context: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<(), ApplyError<'a>> {
        let mut report = match self.apply_steps(plan, state, context, lambda).await {
            Err(ApplyError::Failed(report)) => report,
            // Another caller has changed the function or the alias during a traffic shift: do not plan again.
            Err(ApplyError::Outdated(outdated)) if !state.shifted.is_empty() => {
                diagnostics::from_moved_alias(outdated.error, &self.redactor())
            }
            ended => return ended,
        };
        self.restore_traffic(&mut report, state, lambda).await;
        Err(ApplyError::Failed(report))
    }

    /// Restores the traffic of shifted aliases, and adds the result to the report.
    async fn restore_traffic(&self, report: &mut ErrorReport, state: &mut DeployState<'_>, lambda: &Lambda) {
        let shifted: Vec<(String, String)> = state.shifted.clone().into_iter().collect();
        for (alias, version) in &shifted {
            let target = StepTarget {
                alias: Some(alias.clone()),
                version: Some(version.clone()),
                percent: Some(100),
                ..StepTarget::default()
            };
            let running = self.started(StepName::UpdateAlias, target);
            let ended = match lambda.restore_traffic(alias, shifted.len(), state).await {
                Ok((outcome, applied)) => {
                    running.finished(applied.attempts, applied.request_id);
                    Ok(outcome)
                }
                Err(error) => Err(self.failed(error)),
            };
            if ended == Ok(ShiftOutcome::Completed) {
                self.events.record_change(StepName::UpdateAlias);
            }
            diagnostics::report_traffic(report, alias, version, state.version(), ended);
        }
        if !shifted.is_empty() && state.shifted.is_empty() {
            self.events.retract_change(StepName::ShiftTraffic);
        }
    }

    async fn apply_steps<'a>(
        &'a self,
        plan: &Plan,
        state: &mut DeployState<'_>,
        context: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<(), ApplyError<'a>> {
        let has_warned = Cell::new(false);
        let role_not_ready = || {
            if !has_warned.replace(true) {
                self.warn(&warnings::role_not_ready());
            }
        };
        for step in &plan.steps {
            self.stop.check().map_err(|reason| ApplyError::Failed(diagnostics::from_stop(reason)))?;
            let running = self.started(step.action.name(), state.target_of(&step.action));
            let applied = match &step.action {
                Action::Verify => {
                    Ok(self.verify(state, context, lambda).await.map_err(ApplyError::Failed)?)
                }
                Action::Wait { interval } => {
                    lambda.pause_traffic(*interval).await.map(|()| Applied::default())
                }
                Action::WaitForProvisioned { alias } => {
                    lambda.wait_for_provisioned(self.name, alias).await.map(|()| Applied::default())
                }
                action => lambda.apply(action, state, &role_not_ready).await,
            };
            match applied {
                Ok(applied) => running.finished(applied.attempts, applied.request_id),
                Err(error @ LambdaError::Outdated(_)) => {
                    let (attempts, may_be_ours) = lambda.attempts();
                    return Err(ApplyError::Outdated(OutdatedStep {
                        step: running,
                        error,
                        may_be_ours,
                        attempts,
                    }));
                }
                // Another caller has moved an alias to this version, so it is not deleted.
                Err(LambdaError::Call(error))
                    if step.action.name() == StepName::DeleteFunction && error.is_used_by_alias() =>
                {
                    self.warn(&warnings::version_kept(state.target_of(&step.action).version.as_deref()));
                    running.finished(lambda.attempts().0, error.request_id);
                }
                Err(LambdaError::VersionFailed { version, state_reason }) => {
                    return Err(ApplyError::Failed(self.version_failed(
                        &version,
                        state_reason,
                        context.aliases,
                    )));
                }
                Err(error) => return Err(ApplyError::Failed(self.failed(error))),
            }
            if matches!(step.action, Action::DeleteFunctionUrlConfig { .. }) {
                state.function_url = None;
            }
        }
        Ok(())
    }

    /// Checks whether an outdated step was in fact applied by our own request, whose response was lost: then
    /// the new plan no longer contains it.
    ///
    /// # Errors
    /// The error of the step, if it was not our own request.
    fn check_was_ours(&self, outdated: OutdatedStep<'_>, plan: &Plan) -> Result<(), LambdaError> {
        let step = outdated.step.step;
        let is_left = |planned: &Step| match step {
            // If the function has everything that the stanza asks for, our own CreateFunction has made it.
            StepName::CreateFunction => planned.action.name().is_part_of_creation(),
            other => planned.action.name() == other,
        };
        let is_ours = outdated.may_be_ours && !plan.steps.iter().any(is_left);
        if !is_ours {
            return Err(outdated.error);
        }
        self.events.record_change(step);
        outdated.step.finished(outdated.attempts, None);
        Ok(())
    }

    /// Describes the deployed function for events. `before` is the `CodeSha256` before the deployment.
    pub(super) fn deployment(
        &self,
        state: DeployState<'_>,
        before: Option<String>,
        previous_version: Option<String>,
        identity: &Identity,
    ) -> Deployment {
        let aliases: Vec<String> =
            self.stanza.alias.iter().flatten().map(|alias| self.variables_redactor.redact(alias)).collect();
        let code_sha256 = state.code_sha256.or_else(|| before.clone()).unwrap_or_default();
        Deployment {
            function_name: self.variables_redactor.redact(state.arn.rsplit(':').next().unwrap_or_default()),
            function_arn: self.variables_redactor.redact(&state.arn),
            region: identity.region.as_str().to_owned(),
            version: state
                .version
                .map_or_else(|| "$LATEST".to_owned(), |version| self.redact_version(version)),
            alias: aliases.first().cloned(),
            aliases: if aliases.len() > 1 { aliases } else { Vec::new() },
            previous_version: previous_version.map(|version| self.redact_version(version)),
            code: if before.as_ref() == Some(&code_sha256) {
                CodeState::Unchanged
            } else {
                CodeState::Uploaded
            },
            code_sha256: self.mask_foreign_text(&code_sha256),
            function_url: state.function_url.map(|url| self.mask_foreign_text(&url)),
            duration_ms: milliseconds(self.began),
        }
    }

    pub(super) fn failed(&self, error: LambdaError) -> ErrorReport {
        let mut report = diagnostics::from_lambda(error, &self.redactor());
        // AWS's error refers to the zip, even if it comes from S3.
        if self.stanza.s3_key.is_some() && report.at.as_deref() == Some("/zip") {
            report.at = Some("/s3_key".to_owned());
        }
        report
    }

    /// The report for a version that failed. It names the version at which the first alias of the stanza
    /// stays.
    pub(super) fn version_failed(
        &self,
        version: &str,
        state_reason: StateReason,
        aliases: &[LiveAlias],
    ) -> ErrorReport {
        let names = self.stanza.alias.iter().flatten();
        let alias = names.filter_map(|name| aliases.iter().find(|alias| alias.name == *name)).next();
        let alias = alias.map(|alias| (self.variables_redactor.redact(&alias.name), alias.version.as_str()));
        diagnostics::from_failed_version(version, state_reason, alias, &self.redactor())
    }

    fn warn_about_unknown(&self, desired: &DesiredFunction, live: Option<&LiveFunction>) {
        let Some(live) = live else { return };
        let is_reported =
            |setting: &&Setting| live.image.is_none() || setting.changed_by() != ChangedBy::CodeSigning;
        let unknown =
            desired.settings.iter().filter(is_reported).filter(|setting| live.setting(setting).is_none());
        let unknown = unknown.map(|setting| setting.field());
        let tags = (desired.tags.is_some() && live.tags.is_none()).then_some("function_tags");
        unknown.chain(tags).for_each(|field| self.warn(&warnings::live_value_unknown(field)));
    }

    pub(super) fn warn_about_cleared(&self, plan: &Plan) {
        plan.cleared.iter().for_each(|cleared| self.warn(&warnings::weights_cleared(cleared)));
    }

    /// Warns about a function URL without an alias if the stanza asks for one with an alias: it serves code
    /// that has not been verified.
    fn warn_about_latest_url(&self, desired: &DesiredFunction, live: &LiveFunction, alias: &str) {
        if let (Some(OrNone::Some(_)), Some(latest)) = (&desired.url, &live.latest_url) {
            self.warn(&warnings::url_on_latest(&latest.url, alias, desired.name.as_str()));
        }
    }

    fn started(&self, step: StepName, mut target: StepTarget) -> RunningStep<'_> {
        target.alias = target.alias.map(|alias| self.variables_redactor.redact(&alias));
        target.version = target.version.map(|version| self.redact_version(version));
        self.events.emit(Event::StepStarted {
            step,
            function_name: self.variables_redactor.redact(self.name.as_str()),
            target,
        });
        RunningStep { step, began: Instant::now(), run: self }
    }
}

/// Runs a future to completion on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, ErrorReport>>) -> Result<T, ErrorReport> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| diagnostics::from_system(&error))?;
    let done = runtime.block_on(work);
    // Does not wait for a DNS lookup that is still running.
    runtime.shutdown_background();
    done
}

/// A step whose start event has been written.
pub(super) struct RunningStep<'a> {
    step: StepName,
    began: Instant,
    run: &'a DeployRun<'a>,
}

impl RunningStep<'_> {
    fn finished(self, attempts: u32, request_id: Option<String>) {
        let (step, duration_ms) = (self.step, milliseconds(self.began));
        let request_id = request_id.map(|id| self.run.mask_foreign_text(&id));
        self.run.events.emit(Event::StepFinished { step, duration_ms, attempts, request_id });
    }
}
