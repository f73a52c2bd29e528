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
    self, Applied, DeployState, ExtraReads, Identity, Lambda, LambdaError, LiveState, ShiftOutcome, StateReason,
    VersionReads,
};
use crate::package::Archive;
use crate::plan::{Action, Plan, Step, needs_versions, plan, unsettled};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{CodeState, Deployment, Event, Finished, StepName, StepTarget};
use crate::protocol::structures::OrNone;
use crate::warnings;

/// How often the deployment is planned again after another caller has changed the function, before it fails.
const ROUNDS: u32 = 10;

/// Why the steps of a plan ended early.
pub(super) enum Ended<'a> {
    /// The live function has changed since the plan was made. It can be planned again.
    Outdated(Outdated<'a>),
    /// The deployment has failed.
    Failed(ErrorReport),
}

/// A step that failed because the function has changed since the plan was made.
pub(super) struct Outdated<'a> {
    step: RunningStep<'a>,
    /// The error of the step.
    pub(super) error: LambdaError,
    /// True if a response was lost before, so that the change may be our own.
    may_be_ours: bool,
    attempts: u32,
}

impl DeployRun<'_> {
    /// Plans and applies the deployment; with `only_plan` only plans it.
    pub(super) fn meet_aws(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        from_runtime(self.plan_and_apply(only_plan))
    }

    async fn plan_and_apply(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let source = CodeSource::of(self.stanza);
        let prepared = self.prepare(&source)?;
        let (lambda, identity) = self.connect().await?;
        let (code, archive, found) = self.code_and_live(&source, prepared, &lambda).await?;
        let mut wanted = self.wanted();
        let is_bound = wanted.revision_id.is_some();
        let mut found = match found {
            Some(found) if found.is_busy && !only_plan => self.wait(&lambda).await?,
            found => found,
        };
        self.read_extras(&lambda, &wanted, &code, &mut found, !only_plan).await?;
        let live = found.as_ref().map(|found| &found.live);
        let before = live.map(|live| live.code_sha256.clone());
        let archive = archive.map(Arc::new);
        let aliases = live.map(|live| live.aliases.clone()).unwrap_or_default();
        let mut subject = self.subject(archive.clone());
        let mut outdated: Option<Outdated<'_>> = None;
        let (mut has_changed, mut may_be_ours) = (false, false);
        for round in 0.. {
            let live = found.as_ref().map(|found| &found.live);
            let plan = plan(&wanted, &code, live)
                .map_err(|error| diagnostics::from_plan(error, self.name.as_str(), &self.filled_in))?;
            if round == 0 {
                self.warn_about_unknown(&wanted, live);
                if wanted.runtime().is_none() {
                    self.warn_about_runtime(live.and_then(LiveFunction::runtime), false);
                }
                if let Some(archive) = &archive {
                    self.warn_about_handler(&wanted, live, archive);
                }
                self.warn_about_cleared(&plan);
                if let (Some(live), Some(alias)) = (live, wanted.url_alias()) {
                    self.warn_about_latest_url(&wanted, live, alias);
                }
            }
            let check_was_ours = match outdated.take().map(|outdated| self.check_was_ours(outdated, &plan)) {
                None => false,
                Some(Ok(())) => true,
                Some(Err(error)) if is_bound => return Err(self.failed(error)),
                Some(Err(_)) => {
                    self.warn(&warnings::function_changed(may_be_ours));
                    false
                }
            };
            if !check_was_ours {
                let reported = self.reported(&plan);
                self.journal.emit(Event::Planned(reported.clone()));
                if only_plan {
                    self.dry_run(&lambda, &plan, &mut subject, live, code.sha256.clone()).await?;
                    return Ok(Finished::Planned(reported));
                }
            }
            has_changed |= round > 0 || plan.steps.iter().any(|step| !step.action.only_looks());
            match live {
                Some(live) => subject.refresh(live, &plan, code.sha256.clone()),
                None => subject.code_sha256 = code.sha256.clone(),
            }
            let aliases = live.map(|live| live.aliases.as_slice()).unwrap_or_default();
            let latest_url = live.and_then(|live| live.latest_url.as_ref()).map(|live| live.url.as_str());
            let proof = VerifyContext { aliases, latest_url };
            match self.apply(&plan, &mut subject, &proof, &lambda).await {
                Ok(()) => break,
                Err(Ended::Failed(report)) => return Err(report),
                Err(Ended::Outdated(ended)) => {
                    may_be_ours = ended.may_be_ours;
                    if (is_bound && !may_be_ours) || round == ROUNDS {
                        return Err(self.failed(ended.error));
                    }
                    // The function did have the `revision_id` of the stanza, so it is not checked again. If the change
                    // turns out not to be our own, the next round fails.
                    wanted.revision_id = None;
                    lambda.back_off_with_jitter(round).await.map_err(|error| self.failed(error))?;
                    outdated = Some(ended);
                }
            }
            let existed = !subject.arn.is_empty();
            found = lambda.read_when_idle(self.name).await.map_err(|error| self.failed(error))?;
            if existed && found.is_none() {
                return Err(self.failed(LambdaError::Gone));
            }
            self.read_extras(&lambda, &wanted, &code, &mut found, true).await?;
        }
        // With an alias this does not matter: the alias points at a version that never changes.
        if wanted.release.aliases.is_empty() && subject.was_overtaken() {
            self.warn(&warnings::overtaken());
        }
        let previous = self.previous_version(&aliases, &subject);
        let now = self.deployment(subject, before, previous, &identity);
        match found.and_then(|found| found.failure) {
            // Nothing differs, but the last update failed, so the code and settings that AWS shows do not run.
            Some(failure) if !has_changed => Err(self.failed(failure)),
            _ if has_changed => Ok(Finished::Deployed(now)),
            _ => Ok(Finished::Unchanged(now)),
        }
    }

    /// Sends the dry run of UpdateFunctionCode, so that a missing permission shows before anything is changed. AWS has no dry
    /// run for other steps. After a step that decides which code AWS accepts, the result would mean nothing.
    async fn dry_run(
        &self,
        lambda: &Lambda,
        plan: &Plan,
        subject: &mut DeployState<'_>,
        live: Option<&LiveFunction>,
        code_sha256: Option<String>,
    ) -> Result<(), ErrorReport> {
        let Some(live) = live else { return Ok(()) };
        subject.refresh(live, plan, code_sha256);
        for action in plan.steps.iter().map(|step| &step.action).take_while(|action| !action.decides_about_code()) {
            match lambda.dry_run(action, subject).await {
                Ok(()) => {}
                Err(error @ LambdaError::Stopped { .. }) => return Err(self.failed(error)),
                Err(error) => self.warn(&warnings::from_rehearsal(&self.failed(error))),
            }
        }
        Ok(())
    }

    pub(super) async fn connect(&self) -> Result<(Lambda, Identity), ErrorReport> {
        let job = self.job;
        let (journal, stop) = (self.journal.clone(), self.stop.clone());
        let connected = lambda::connect(self.stanza, &job.env, job.env_given, journal, stop, &self.learnt).await;
        let (lambda, identity) = connected.map_err(|error| self.failed(error))?;
        self.journal.emit(Event::Identified {
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
        wanted: &DesiredFunction,
        code: &Code,
        found: &mut Option<LiveState>,
        waits: bool,
    ) -> Result<(), ErrorReport> {
        let Some(LiveState { live, failure, .. }) = found else { return Ok(()) };
        if let Some(LambdaError::Deactivated) = failure {
            return Err(self.failed(LambdaError::Deactivated));
        }
        let beside = ExtraReads {
            code_signing: self.stanza.code_signing_config_arn.is_some(),
            url: wanted.url.is_some(),
            url_alias: wanted.url_alias().map(str::to_owned),
            removes_url: wanted.url == Some(OrNone::None),
        };
        lambda.read_extras(self.name, live, beside).await.map_err(|error| self.failed(error))?;
        let questions = VersionReads {
            aliases: wanted.release.aliases.clone(),
            all_aliases: wanted.release.keep.is_some(),
            versions: needs_versions(wanted, code, live),
            provisioned: wanted.release.provisioned.is_some(),
        };
        lambda.read_release(self.name, live, &questions).await.map_err(|error| self.failed(error))?;
        // If the version turns out to have failed, the plan no longer uses it, and the next round reads another one.
        let relied_on = |live: &LiveFunction| unsettled(&plan(wanted, code, Some(live)).ok()?, live, waits);
        while let Some(number) = relied_on(live) {
            lambda.read_version(self.name, live, &number, waits).await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// The initial state for the steps, before the function is read.
    pub(super) fn subject(&self, archive: Option<Arc<Archive>>) -> DeployState<'_> {
        DeployState { archive, ..DeployState::of(self.name) }
    }

    /// The version that the first alias of the stanza pointed at before, if it points at another one now.
    pub(super) fn previous_version(&self, aliases: &[LiveAlias], subject: &DeployState<'_>) -> Option<String> {
        let name = self.stanza.alias.iter().flatten().next()?;
        let before = &aliases.iter().find(|alias| alias.name == *name)?.version;
        (before != subject.version()).then(|| before.clone())
    }

    /// Applies the plan and records the new state of the function in `subject`. If it fails during a traffic shift, restores
    /// the traffic.
    pub(super) async fn apply<'a>(
        &'a self,
        plan: &Plan,
        subject: &mut DeployState<'_>,
        proof: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<(), Ended<'a>> {
        let mut report = match self.apply_steps(plan, subject, proof, lambda).await {
            Err(Ended::Failed(report)) => report,
            // Another caller has changed the function or the alias during a traffic shift: do not plan again.
            Err(Ended::Outdated(outdated)) if !subject.shifted.is_empty() => {
                diagnostics::from_moved_alias(outdated.error, &self.redactor())
            }
            ended => return ended,
        };
        self.restore_traffic(&mut report, subject, lambda).await;
        Err(Ended::Failed(report))
    }

    /// Restores the traffic of shifted aliases, and adds the result to the report.
    async fn restore_traffic(&self, report: &mut ErrorReport, subject: &mut DeployState<'_>, lambda: &Lambda) {
        let shifted: Vec<(String, String)> = subject.shifted.clone().into_iter().collect();
        for (alias, version) in &shifted {
            let aim = StepTarget {
                alias: Some(alias.clone()),
                version: Some(version.clone()),
                percent: Some(100),
                ..StepTarget::default()
            };
            let running = self.started(StepName::UpdateAlias, aim);
            let ended = match lambda.restore_traffic(alias, shifted.len(), subject).await {
                Ok((way, applied)) => {
                    running.finished(applied.attempts, applied.request_id);
                    Ok(way)
                }
                Err(error) => Err(self.failed(error)),
            };
            if ended == Ok(ShiftOutcome::Completed) {
                self.journal.record_change(StepName::UpdateAlias);
            }
            diagnostics::report_way_back(report, alias, version, subject.version(), ended);
        }
        if !shifted.is_empty() && subject.shifted.is_empty() {
            self.journal.retract_change(StepName::ShiftTraffic);
        }
    }

    async fn apply_steps<'a>(
        &'a self,
        plan: &Plan,
        subject: &mut DeployState<'_>,
        proof: &VerifyContext<'_>,
        lambda: &Lambda,
    ) -> Result<(), Ended<'a>> {
        let reported = Cell::new(false);
        let role_not_ready = || {
            if !reported.replace(true) {
                self.warn(&warnings::role_not_ready());
            }
        };
        for step in &plan.steps {
            self.stop.check().map_err(|reason| Ended::Failed(diagnostics::from_stop(reason)))?;
            let running = self.started(step.action.name(), subject.target_of(&step.action));
            let applied = match &step.action {
                Action::Verify => Ok(self.verify(subject, proof, lambda).await.map_err(Ended::Failed)?),
                Action::Wait { interval } => lambda.pause_traffic(*interval).await.map(|()| Applied::default()),
                Action::WaitForProvisioned { alias } => {
                    lambda.wait_for_provisioned(self.name, alias).await.map(|()| Applied::default())
                }
                action => lambda.apply(action, subject, &role_not_ready).await,
            };
            match applied {
                Ok(applied) => running.finished(applied.attempts, applied.request_id),
                Err(error @ LambdaError::Outdated(_)) => {
                    let (attempts, may_be_ours) = lambda.attempts();
                    return Err(Ended::Outdated(Outdated { step: running, error, may_be_ours, attempts }));
                }
                // Another caller has moved an alias to this version, so it is not deleted.
                Err(LambdaError::Call(error))
                    if step.action.name() == StepName::DeleteFunction && error.is_used_by_alias() =>
                {
                    self.warn(&warnings::version_kept(subject.target_of(&step.action).version.as_deref()));
                    running.finished(lambda.attempts().0, error.request_id);
                }
                Err(LambdaError::VersionFailed { version, trouble }) => {
                    return Err(Ended::Failed(self.version_failed(&version, trouble, proof.aliases)));
                }
                Err(error) => return Err(Ended::Failed(self.failed(error))),
            }
            if matches!(step.action, Action::DeleteFunctionUrlConfig { .. }) {
                subject.function_url = None;
            }
        }
        Ok(())
    }

    /// Checks whether an outdated step was in fact applied by our own request, whose response was lost: then the new plan no
    /// longer contains it.
    ///
    /// # Errors
    /// The error of the step, if it was not our own request.
    fn check_was_ours(&self, outdated: Outdated<'_>, plan: &Plan) -> Result<(), LambdaError> {
        let step = outdated.step.step;
        let is_left = |planned: &Step| match step {
            // If the function has everything that the stanza asks for, our own CreateFunction has made it.
            StepName::CreateFunction => planned.action.name().is_of_creation(),
            other => planned.action.name() == other,
        };
        let is_ours = outdated.may_be_ours && !plan.steps.iter().any(is_left);
        if !is_ours {
            return Err(outdated.error);
        }
        self.journal.record_change(step);
        outdated.step.finished(outdated.attempts, None);
        Ok(())
    }

    /// Describes the deployed function for events. `before` is the `CodeSha256` before the deployment.
    pub(super) fn deployment(
        &self,
        subject: DeployState<'_>,
        before: Option<String>,
        previous_version: Option<String>,
        identity: &Identity,
    ) -> Deployment {
        let aliases: Vec<String> =
            self.stanza.alias.iter().flatten().map(|alias| self.filled_in.redact(alias)).collect();
        let code_sha256 = subject.code_sha256.or_else(|| before.clone()).unwrap_or_default();
        Deployment {
            function_name: self.filled_in.redact(subject.arn.rsplit(':').next().unwrap_or_default()),
            function_arn: self.filled_in.redact(&subject.arn),
            region: identity.region.as_str().to_owned(),
            version: subject.version.map_or_else(|| "$LATEST".to_owned(), |version| self.reported_version(version)),
            alias: aliases.first().cloned(),
            aliases: if aliases.len() > 1 { aliases } else { Vec::new() },
            previous_version: previous_version.map(|version| self.reported_version(version)),
            code: if before.as_ref() == Some(&code_sha256) { CodeState::Unchanged } else { CodeState::Uploaded },
            code_sha256: self.mask_foreign_text(&code_sha256),
            function_url: subject.function_url.map(|url| self.mask_foreign_text(&url)),
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

    /// The report for a version that failed. It names the version at which the first alias of the stanza stays.
    pub(super) fn version_failed(&self, version: &str, trouble: StateReason, aliases: &[LiveAlias]) -> ErrorReport {
        let names = self.stanza.alias.iter().flatten();
        let alias = names.filter_map(|name| aliases.iter().find(|alias| alias.name == *name)).next();
        let alias = alias.map(|alias| (self.filled_in.redact(&alias.name), alias.version.as_str()));
        diagnostics::from_failed_version(version, trouble, alias, &self.redactor())
    }

    fn warn_about_unknown(&self, wanted: &DesiredFunction, live: Option<&LiveFunction>) {
        let Some(live) = live else { return };
        let is_reported = |setting: &&Setting| live.image.is_none() || setting.changed_by() != ChangedBy::CodeSigning;
        let unknown = wanted.settings.iter().filter(is_reported).filter(|setting| live.setting(setting).is_none());
        let unknown = unknown.map(|setting| setting.field());
        let tags = (wanted.tags.is_some() && live.tags.is_none()).then_some("function_tags");
        unknown.chain(tags).for_each(|field| self.warn(&warnings::live_value_unknown(field)));
    }

    pub(super) fn warn_about_cleared(&self, plan: &Plan) {
        plan.cleared.iter().for_each(|cleared| self.warn(&warnings::weights_cleared(cleared)));
    }

    /// Warns about a function URL without an alias if the stanza asks for one with an alias: it serves code that has not been
    /// verified.
    fn warn_about_latest_url(&self, wanted: &DesiredFunction, live: &LiveFunction, alias: &str) {
        if let (Some(OrNone::Some(_)), Some(latest)) = (&wanted.url, &live.latest_url) {
            self.warn(&warnings::url_on_latest(&latest.url, alias, wanted.name.as_str()));
        }
    }

    fn started(&self, step: StepName, mut aim: StepTarget) -> RunningStep<'_> {
        aim.alias = aim.alias.map(|alias| self.filled_in.redact(&alias));
        aim.version = aim.version.map(|version| self.reported_version(version));
        self.journal.emit(Event::StepStarted { step, function_name: self.filled_in.redact(self.name.as_str()), aim });
        RunningStep { step, began: Instant::now(), pass: self }
    }
}

/// Runs a future to completion on this thread.
pub(super) fn from_runtime<T>(work: impl Future<Output = Result<T, ErrorReport>>) -> Result<T, ErrorReport> {
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
    pass: &'a DeployRun<'a>,
}

impl RunningStep<'_> {
    fn finished(self, attempts: u32, request_id: Option<String>) {
        let (step, duration_ms) = (self.step, milliseconds(self.began));
        let request_id = request_id.map(|id| self.pass.mask_foreign_text(&id));
        self.pass.journal.emit(Event::StepFinished { step, duration_ms, attempts, request_id });
    }
}
