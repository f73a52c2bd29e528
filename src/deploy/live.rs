//! A valid stanza whose conditions are met in, its function live out: code beside the live function, plan, steps.
//! Never decides anything about a value of the stanza, and never says a sentence of its own.
#![expect(clippy::disallowed_methods, reason = "measures how long steps take")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::{Pass, into_archive, milliseconds};
use crate::code::{Code, Delivery, Object, Source};
use crate::failure;
use crate::function::{Live, Wanted};
use crate::journal::Journal;
use crate::lambda::{self, Beside, Found, Identity, Lambda, LambdaError, Subject};
use crate::package::{Archive, Contents};
use crate::plan::{Action, Plan, plan};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{CodeState, Deployment, Event, Finished, StepName};
use crate::warnings;

/// What is known of the code before anybody is asked.
enum Prepared {
    /// Files, and whatever comes of them is not too large.
    Contents(Contents),
    /// What may have been too large was packaged, and is not.
    Archive(Archive),
    /// There is nothing to package: the code is in this object.
    Object(Object),
    /// There is nothing to package: the code is this image.
    Image(String),
}

impl Pass<'_> {
    /// Asks AWS; with `only_plan` nothing but that.
    pub(super) fn meet_aws(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the kernel gives a program its first few descriptors");
        runtime.block_on(self.plan_and_apply(only_plan))
    }

    async fn plan_and_apply(&self, only_plan: bool) -> Result<Finished, ErrorReport> {
        let source = Source::of(self.stanza);
        let prepared = self.prepare(&source)?;
        let (lambda, identity) = self.connect().await?;
        let (code, archive, found) = self.code_and_live(&source, prepared, &lambda).await?;
        let wanted = self.wanted();
        let mut found = match found {
            Some(found) if found.is_busy && !only_plan => self.wait(&lambda).await?,
            found => found,
        };
        if let Some(found) = &mut found {
            let beside =
                Beside { code_signing: self.stanza.code_signing_config_arn.is_some(), url: wanted.url.is_some() };
            lambda.read_beside(self.name, &mut found.live, beside).await.map_err(|error| self.failed(error))?;
        }
        let live = found.as_ref().map(|found| &found.live);
        let plan =
            plan(&wanted, &code, live).map_err(|error| failure::of_plan(error, self.name.as_str(), &self.filled_in))?;
        self.warn_about_unknown(&wanted, live);
        if let Some(archive) = &archive {
            self.warn_about_handler(&wanted, live, archive);
        }
        let told = self.filled_in.plan(plan.told());
        self.journal.tell(Event::Planned(told.clone()));
        if only_plan {
            return Ok(Finished::Planned(told));
        }
        let subject = Subject {
            name: self.name,
            arn: live.map(|live| live.arn.clone()).unwrap_or_default(),
            archive: archive.map(Arc::new),
            code_sha256: code.sha256,
            revision_id: wanted.revision_id.clone(),
        };
        let now = self.apply(&plan, subject, live, &identity, &lambda).await?;
        match found.and_then(|found| found.failure) {
            // Nothing differs, but the last update never became live: that is no success to report.
            Some(failure) if plan.steps.is_empty() => Err(self.failed(failure)),
            _ if plan.steps.is_empty() => Ok(Finished::Unchanged(now)),
            _ => Ok(Finished::Deployed(now)),
        }
    }

    /// What can be known of the code before anybody is asked. What may be too large for Lambda is packaged at once.
    fn prepare(&self, source: &Source) -> Result<Prepared, ErrorReport> {
        let in_call = match source {
            Source::Object(object) => return Ok(Prepared::Object(object.clone())),
            Source::Image(uri) => return Ok(Prepared::Image(uri.clone())),
            Source::Package => true,
            Source::PackageInBucket(_) => false,
        };
        let contents = self.survey(None)?;
        contents.check_unzipped_size().map_err(|error| self.of_package(error))?;
        if contents.surely_fits(in_call) {
            return Ok(Prepared::Contents(contents));
        }
        let archive = into_archive(contents, self.journal, self.stop).map_err(|error| self.of_package(error))?;
        archive.check_size(in_call).map_err(|error| self.of_package(error))?;
        self.tell_packaged(&archive);
        Ok(Prepared::Archive(archive))
    }

    async fn connect(&self) -> Result<(Lambda, Identity), ErrorReport> {
        let job = self.job;
        let connected =
            lambda::connect(self.stanza, &job.env, job.env_given, self.journal.clone(), self.stop.clone()).await;
        let (lambda, identity) = connected.map_err(|error| self.failed(error))?;
        self.journal.tell(Event::Identified {
            source: identity.source,
            access_key_id: identity.access_key_id.masked_key(),
            region: identity.region.as_str().to_owned(),
        });
        let found_elsewhere = identity.secrets.iter().map(|secret| secret.expose());
        let secrets = job.env.secrets().chain(found_elsewhere);
        self.complete.get_or_init(|| self.stanza.redactor(&job.stanza, secrets));
        Ok((lambda, identity))
    }

    /// What the function is to run, and the function, at the same time.
    async fn code_and_live(
        &self,
        source: &Source,
        prepared: Prepared,
        lambda: &Lambda,
    ) -> Result<(Code, Option<Archive>, Option<Found>), ErrorReport> {
        let reading = async { lambda.read_live(self.name).await.map_err(|error| self.failed(error)) };
        let (archive, found) = match prepared {
            Prepared::Contents(contents) => tokio::try_join!(self.package(contents), reading)?,
            Prepared::Archive(archive) => (archive, reading.await?),
            Prepared::Image(uri) => {
                return Ok((Code { sha256: None, delivery: Delivery::Image(uri) }, None, reading.await?));
            }
            Prepared::Object(object) => {
                let asking = async { lambda.object_sha256(&object).await.map_err(|error| self.failed(error)) };
                let (sha256, found) = tokio::try_join!(asking, reading)?;
                return Ok((Code { sha256, delivery: Delivery::Object(object) }, None, found));
            }
        };
        let delivery = match source {
            Source::PackageInBucket(bucket) => Delivery::Upload(bucket.object(self.name.name(), archive.sha256())),
            Source::Package | Source::Object(_) | Source::Image(_) => Delivery::Call,
        };
        let code = Code { sha256: Some(archive.code_sha256().to_owned()), delivery };
        Ok((code, Some(archive), found))
    }

    /// Packages while AWS is asked.
    async fn package(&self, contents: Contents) -> Result<Archive, ErrorReport> {
        let (journal, stop) = (self.journal.clone(), self.stop.clone());
        let packaging = tokio::task::spawn_blocking(move || into_archive(contents, &journal, &stop));
        let archive = packaging.await.expect("a panic ends the process").map_err(|error| self.of_package(error))?;
        self.tell_packaged(&archive);
        Ok(archive)
    }

    async fn wait(&self, lambda: &Lambda) -> Result<Option<Found>, ErrorReport> {
        let step = self.started(StepName::Wait);
        let found = lambda.wait_until_quiet(self.name).await.map_err(|error| self.failed(error))?;
        step.finished(0, None);
        Ok(found)
    }

    /// Carries out the plan. Out comes the function as it is live then.
    async fn apply(
        &self,
        plan: &Plan,
        mut subject: Subject<'_>,
        live: Option<&Live>,
        identity: &Identity,
        lambda: &Lambda,
    ) -> Result<Deployment, ErrorReport> {
        let (before, mut version) = (live.map(|live| live.code_sha256.clone()), None);
        let mut function_url = live.and_then(|live| live.url.as_ref()).map(|live| live.url.clone());
        let told = Cell::new(false);
        let role_not_ready = || {
            if !told.replace(true) {
                self.warn(&warnings::role_not_ready());
            }
        };
        for step in &plan.steps {
            self.stop.check().map_err(failure::of_stop)?;
            let running = self.started(step.action.name());
            let applied = lambda.apply(&step.action, &subject, &role_not_ready).await;
            let applied = applied.map_err(|error| self.failed(error))?;
            running.finished(applied.attempts, applied.request_id);
            subject.arn = applied.function_arn.unwrap_or(subject.arn);
            subject.code_sha256 = applied.code_sha256.or(subject.code_sha256);
            version = applied.version.or(version);
            function_url =
                applied.function_url.or(function_url).filter(|_| step.action != Action::DeleteFunctionUrlConfig);
            // The first change makes another revision of it.
            subject.revision_id = subject.revision_id.filter(|_| matches!(step.action, Action::UploadPackage { .. }));
        }
        let code_sha256 = subject.code_sha256.or_else(|| before.clone()).unwrap_or_default();
        Ok(Deployment {
            function_name: self.filled_in.redact(subject.arn.rsplit(':').next().unwrap_or_default()),
            function_arn: self.filled_in.redact(&subject.arn),
            region: identity.region.as_str().to_owned(),
            version: version.unwrap_or_else(|| "$LATEST".to_owned()),
            alias: None,
            code: if before.as_ref() == Some(&code_sha256) { CodeState::Unchanged } else { CodeState::Uploaded },
            code_sha256,
            function_url,
            duration_ms: milliseconds(self.began),
        })
    }

    fn failed(&self, error: LambdaError) -> ErrorReport {
        failure::of_lambda(error, self.redactor())
    }

    fn warn_about_unknown(&self, wanted: &Wanted, live: Option<&Live>) {
        let Some(live) = live else { return };
        let unknown = wanted.settings.iter().filter(|setting| live.setting(setting).is_none()).map(|s| s.field());
        let tags = (wanted.tags.is_some() && live.tags.is_none()).then_some("function_tags");
        unknown.chain(tags).for_each(|field| self.warn(&warnings::live_value_unknown(field)));
    }

    fn started(&self, step: StepName) -> RunningStep<'_> {
        self.journal.tell(Event::StepStarted { step, function_name: self.filled_in.redact(self.name.as_str()) });
        RunningStep { step, began: Instant::now(), journal: self.journal }
    }
}

/// A step that has been told to have started.
struct RunningStep<'a> {
    step: StepName,
    began: Instant,
    journal: &'a Journal,
}

impl RunningStep<'_> {
    fn finished(self, attempts: u32, request_id: Option<String>) {
        let (step, duration_ms) = (self.step, milliseconds(self.began));
        self.journal.tell(Event::StepFinished { step, duration_ms, attempts, request_id });
    }
}
