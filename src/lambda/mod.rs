//! Steps in, AWS's answers out: connects, reads the live function, carries out one step and waits until it is live.
//! Effect: AWS. Never decides what is to be done; the plan has.

mod alias;
mod body;
mod bucket;
mod call;
mod connect;
mod credentials;
mod error;
mod http;
mod observer;
mod read;
mod release;
mod request;
mod roles;
mod subject;
mod upload;
mod wait;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

pub use alias::Way;
pub use connect::{Identity, connect, default_region, named_region};
pub use credentials::CredentialsError;
pub use error::{CallError, CallErrorKind, LambdaError, Trouble};
pub use release::ReleaseQuestions;
pub use subject::Subject;

use crate::code::{Delivery, Object};
use crate::function::{Live, LiveUrl, PublicAccess, Setting};
use crate::journal::Journal;
use crate::package::Archive;
use crate::plan::Action;
use crate::protocol::event::StepName;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::{Learnt, Secret};
use crate::stop::{Reason, Stop};
use observer::{Attempts, Tally};
use read::Standing;
use upload::Upload;

/// How long one wait, or one call, may take unless the stanza says otherwise.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(600);

/// What is waited for while somebody else updates the function.
pub const ANOTHER_UPDATE: &str = "another update of the function";

/// What is waited for while the function goes.
const LEAVING: &str = "the function, which is being deleted or deactivated,";

/// How long a call without code may go unanswered before it is tried again.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// How long a call that changes something may go on after a signal, so that its answer is still heard.
const GRACE: Duration = Duration::from_secs(3);

/// Lambda, as one caller in one region.
pub struct Lambda {
    client: aws_sdk_lambda::Client,
    s3: aws_sdk_s3::Client,
    journal: Arc<Journal>,
    stop: Stop,
    attempts: Attempts,
    wait_limit: Duration,
    learnt: Learnt,
}

/// What GetFunction does not tell, and a stanza may speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The code signing configuration.
    pub code_signing: bool,
    /// The function's own address, and whom its policy lets in.
    pub url: bool,
    /// The alias to which that is to belong. `None`: the function.
    pub url_alias: Option<String>,
    /// Whether what is there besides, of the function itself, is to go.
    pub removes_url: bool,
}

/// What a step took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// HTTP requests that its call took.
    pub attempts: u32,
    /// AWS's id of the last of them.
    pub request_id: Option<String>,
}

/// The live function, and whether it is the last word.
#[derive(Debug)]
pub struct Found {
    /// The function.
    pub live: Live,
    /// True while it is created, updated, deleted or deactivated, by whomever.
    pub is_busy: bool,
    /// What is waited for while it is.
    what: &'static str,
    /// Why it is not ready, although nothing goes on.
    pub failure: Option<LambdaError>,
}

impl Lambda {
    /// The live function. `None`: there is none.
    ///
    /// # Errors
    /// [`LambdaError::Call`], and [`LambdaError::Stopped`] at once when the run is to end.
    pub async fn read_live(&self, name: &FunctionName) -> Result<Option<Found>, LambdaError> {
        let call = self.client.get_function().function_name(name.as_str()).send();
        let output = match self.heard("GetFunction", call).await {
            Err(LambdaError::Call(error)) if error.is_function_not_found() => return Ok(None),
            other => other?,
        };
        let garbled = || self.garbled("GetFunction");
        let configuration = output.configuration().ok_or_else(garbled)?;
        let standing = Standing::of_configuration(configuration);
        let live = read::live(&output).ok_or_else(garbled)?;
        self.learnt.add(live.secrets());
        let is_busy = standing.passes();
        let what = if standing == Standing::Leaving { LEAVING } else { ANOTHER_UPDATE };
        Ok(Some(Found { live, is_busy, what, failure: wait::failure(standing) }))
    }

    /// Completes the live function by what other calls tell, as far as the stanza speaks of it.
    ///
    /// # Errors
    /// As [`Lambda::read_live`].
    pub async fn read_beside(&self, name: &FunctionName, live: &mut Live, beside: Beside) -> Result<(), LambdaError> {
        let name = name.as_str();
        // AWS refuses to say this of images, which have none.
        if beside.code_signing && live.image.is_none() {
            let call = self.client.get_function_code_signing_config().function_name(name).send();
            let output = found(self.heard("GetFunctionCodeSigningConfig", call).await)?.ok_or(LambdaError::Gone)?;
            self.check_awss("GetFunctionCodeSigningConfig")?;
            live.settings.push(Setting::CodeSigningConfigArn(output.code_signing_config_arn().to_owned()));
        }
        if beside.url {
            live.url = self.url(name, beside.url_alias.clone()).await?;
            live.public = self.public(name, beside.url_alias.clone()).await?;
        }
        if beside.url && beside.url_alias.is_some() {
            live.latest_url = self.url(name, None).await?;
            if beside.removes_url {
                live.latest_public = self.public(name, None).await?;
            }
        }
        Ok(())
    }

    /// The address of an alias, or of the function.
    async fn url(&self, name: &str, alias: Option<String>) -> Result<Option<LiveUrl>, LambdaError> {
        let call = self.client.get_function_url_config().function_name(name).set_qualifier(alias).send();
        Ok(found(self.heard("GetFunctionUrlConfig", call).await)?.map(|output| read::url(&output)))
    }

    /// What the policy of an alias, or of the function, permits everybody.
    async fn public(&self, name: &str, alias: Option<String>) -> Result<PublicAccess, LambdaError> {
        let call = self.client.get_policy().function_name(name).set_qualifier(alias).send();
        let policy = found(self.heard("GetPolicy", call).await)?;
        self.check_awss("GetPolicy")?;
        Ok(policy.and_then(|output| output.policy().map(read::public)).unwrap_or_default())
    }

    /// Waits until nobody's update of the function is going on, and reads it again.
    ///
    /// # Errors
    /// [`LambdaError::WaitedTooLong`], and those of [`Lambda::read_live`].
    pub async fn wait_until_quiet(&self, name: &FunctionName) -> Result<Option<Found>, LambdaError> {
        self.quiet(name, &mut wait::Pace::new(self.wait_limit)).await
    }

    async fn quiet(&self, name: &FunctionName, pace: &mut wait::Pace) -> Result<Option<Found>, LambdaError> {
        let mut what = ANOTHER_UPDATE;
        loop {
            match self.look_again(pace, what, async || self.read_live(name).await).await? {
                Some(found) if found.is_busy => what = found.what,
                settled => return Ok(settled),
            }
        }
    }

    /// The live function; waits while an update of it is going on.
    ///
    /// # Errors
    /// As [`Lambda::wait_until_quiet`].
    pub async fn read_when_quiet(&self, name: &FunctionName) -> Result<Option<Found>, LambdaError> {
        match self.read_live(name).await? {
            Some(found) if found.is_busy => self.wait_until_quiet(name).await,
            found => Ok(found),
        }
    }

    /// Sleeps for a while that is not the same for any two deployments, longer in later rounds: of two that change the
    /// same function one has to let the other end.
    ///
    /// # Errors
    /// [`LambdaError::Stopped`].
    pub async fn let_others_go_first(&self, round: u32) -> Result<(), LambdaError> {
        let mut pace = wait::Pace::between(Duration::from_millis(100), Duration::from_millis(400 << round.min(3)));
        self.pause(&mut pace, ANOTHER_UPDATE).await
    }

    /// What the step that was made last took.
    pub fn applied(&self) -> Applied {
        let tally = self.attempts.told();
        Applied { attempts: tally.requests, request_id: tally.request_id }
    }

    /// HTTP requests of the step that was made last, and whether the answer to one of them was lost.
    pub fn attempts(&self) -> (u32, bool) {
        let tally = self.attempts.told();
        (tally.requests, tally.has_lost)
    }

    /// Carries out one step and waits until it is live; `subject` takes over what that makes of the function.
    ///
    /// An update that somebody else has begun is waited out first, and a role that cannot be assumed yet is tried again
    /// for half a minute, `role_not_ready` being called at each try.
    ///
    /// # Errors
    /// [`LambdaError::Outdated`], when the function is not the one that the step was planned for, and others. Whether the
    /// step took effect is in the journal.
    pub async fn apply(
        &self,
        action: &Action,
        subject: &mut Subject<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let applied = self.carry_out(action, subject, role_not_ready).await;
        if let (Action::ShiftTraffic { .. }, Err(error)) = (action, &applied)
            && (self.attempts.told().has_lost || error.leaves_in_doubt())
        {
            // It may have been carried out all the same.
            subject.note_aim(action);
        }
        applied
    }

    /// Asks AWS whether it would take a step, without changing anything. AWS can say so of new code that it gets by now;
    /// of every other step nothing is asked.
    ///
    /// # Errors
    /// [`LambdaError::Call`], as of the step itself, and [`LambdaError::Stopped`].
    pub async fn rehearse(&self, action: &Action, subject: &Subject<'_>) -> Result<(), LambdaError> {
        let Action::UpdateFunctionCode { delivery, .. } = action else { return Ok(()) };
        if matches!(delivery, Delivery::Upload(_)) {
            return Ok(());
        }
        self.attempts.forget();
        match self.update_function_code(action, subject, true).await {
            // Nothing of it may still take effect.
            Err(LambdaError::Stopped { reason, .. }) => Err(LambdaError::Stopped { reason, in_flight: None }),
            answer => answer.map(drop),
        }
    }

    async fn carry_out(
        &self,
        action: &Action,
        subject: &mut Subject<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let step = action.name();
        self.attempts.forget();
        if let Action::UploadPackage { object } = action {
            return self.upload_package(object, subject).await;
        }
        // One for the whole step: AWS may say "in progress" to a call while GetFunction tells of no update.
        let mut busy = wait::Pace::new(self.wait_limit);
        let mut role = wait::Pace::slowly(wait::ROLE_LIMIT);
        let mut weights = wait::Pace::slowly(wait::WEIGHTS_LIMIT.min(self.wait_limit));
        loop {
            match self.call(action, subject).await {
                Ok((told, standing)) => {
                    self.journal.note_changed(step);
                    let tally = self.attempts.told();
                    let is_moving = told.is_moving;
                    let got_other_code = subject.got_other_code(action, told.code_sha256.as_ref());
                    let is_ours = told.held.as_ref().is_none_or(|held| subject.is_followed_by(action, held));
                    subject.note(told);
                    subject.note_aim(action);
                    if !is_ours {
                        return Err(LambdaError::Outdated(None));
                    }
                    let settled = self.settle(action, subject, standing).await;
                    if let Err(LambdaError::UpdateFailed(_)) = settled {
                        self.journal.retract_changed(step);
                    }
                    settled?;
                    match action {
                        Action::PutProvisionedConcurrencyConfig { alias, .. } => {
                            let ready = self.wait_for_provisioned(subject.name, alias).await;
                            if let Err(LambdaError::ProvisioningFailed(_)) = ready {
                                self.journal.retract_changed(step);
                            }
                            ready?;
                        }
                        Action::UpdateAlias { alias, provisions, .. } if *provisions || is_moving => {
                            self.wait_for_provisioned(subject.name, alias).await?;
                        }
                        _ => {}
                    }
                    if got_other_code {
                        return Err(LambdaError::Outdated(None));
                    }
                    return Ok(Applied { attempts: tally.requests, request_id: tally.request_id });
                }
                Err(LambdaError::Call(error)) if error.is_busy() => {
                    tracing::debug!(operation = error.operation, "an update is in progress");
                    let found = self.quiet(subject.name, &mut busy).await?.ok_or(LambdaError::Gone)?;
                    // An old version is deleted whatever becomes of the function.
                    let is_bound = subject.revision_id.is_some() && !matches!(action, Action::DeleteVersion { .. });
                    if is_bound && subject.revision_id != found.live.revision_id {
                        return Err(LambdaError::Outdated(Some(error)));
                    }
                }
                Err(LambdaError::Call(error)) if error.is_role_not_ready() => {
                    role_not_ready();
                    self.pause_or(&mut role, "the function's role", LambdaError::RoleNotReady(error)).await?;
                }
                Err(LambdaError::Call(error)) if error.is_of_weights() => {
                    self.pause_or(&mut weights, "the alias to lose its weights", LambdaError::Call(error)).await?;
                }
                Err(LambdaError::Call(error)) if self.was_done(action, &error) => {
                    self.journal.note_changed(step);
                    return Ok(self.applied());
                }
                // Our own publication makes another revision; a version of the same code is made once only.
                Err(LambdaError::Call(error))
                    if error.is_outdated()
                        && matches!(action, Action::PublishVersion { .. })
                        && self.attempts.told().has_lost
                        && subject.revision_id.is_some() =>
                {
                    subject.revision_id = None;
                }
                Err(LambdaError::Call(error)) if error.is_outdated() => {
                    if !self.attempts.told().has_lost || !self.has_moved_alias(action, subject).await? {
                        return Err(LambdaError::Outdated(Some(error)));
                    }
                    self.journal.note_changed(step);
                    return Ok(self.applied());
                }
                Err(LambdaError::Call(error)) if error.is_not_found() && !subject.arn.is_empty() => {
                    // The address, its permission, the alias or the version may be gone, or all of the function.
                    let is_of_more = matches!(
                        action,
                        Action::UpdateFunctionUrlConfig { .. }
                            | Action::CreateFunctionUrlConfig { alias: Some(_), .. }
                            | Action::AddPermission { alias: Some(_), .. }
                            | Action::DeleteFunctionUrlConfig { .. }
                            | Action::RemovePermission { .. }
                            | Action::CreateAlias { .. }
                            | Action::UpdateAlias { .. }
                            | Action::ShiftTraffic { .. }
                            | Action::PutProvisionedConcurrencyConfig { .. }
                            | Action::DeleteProvisionedConcurrencyConfig { .. }
                    );
                    return Err(match is_of_more {
                        true => LambdaError::Outdated(Some(error)),
                        false if error.is_function_not_found() => LambdaError::Gone,
                        false => LambdaError::Call(error),
                    });
                }
                Err(error) => {
                    let moves = matches!(action, Action::UpdateAlias { .. }) && error.leaves_in_doubt();
                    if !moves || !self.has_moved_alias(action, subject).await.unwrap_or(false) {
                        return Err(error);
                    }
                    self.journal.note_changed(step);
                    return Ok(self.applied());
                }
            }
        }
    }

    /// Whether a refusal only says that an earlier request of the same step, whose answer was lost, has been carried out.
    fn was_done(&self, action: &Action, error: &CallError) -> bool {
        if let Action::DeleteVersion { .. } = action {
            // Whoever deleted it, it is gone.
            return error.is_not_found();
        }
        self.attempts.told().has_lost
            && match action {
                Action::AddPermission { .. } => error.is_outdated(),
                Action::RemovePermission { .. } | Action::DeleteFunctionUrlConfig { .. } => error.is_not_found(),
                _ => false,
            }
    }

    /// Sleeps, unless the run is to end.
    ///
    /// # Errors
    /// [`LambdaError::Stopped`].
    pub async fn rest(&self, interval: Duration) -> Result<(), LambdaError> {
        self.sleep(interval, "the next share of traffic").await
    }

    /// Sends the archive to its object, unless it is there.
    async fn upload_package(&self, object: &Object, subject: &Subject<'_>) -> Result<Applied, LambdaError> {
        if self.send_to_bucket(object, archive(subject)).await? {
            self.journal.note_changed(StepName::UploadPackage);
        }
        Ok(self.applied())
    }

    /// Waits until what a step began has ended.
    async fn settle(
        &self,
        action: &Action,
        subject: &mut Subject<'_>,
        mut standing: Standing,
    ) -> Result<(), LambdaError> {
        let (what, version) = match action {
            Action::CreateFunction { .. } => ("the new function", None),
            Action::PublishVersion { .. } => (release::VERSION, subject.version.clone()),
            _ => ("the update", None),
        };
        let mut seen: Option<Live> = None;
        let mut pace = wait::Pace::new(self.wait_limit);
        while standing.passes() {
            let call = self.client.get_function().function_name(subject.name.as_str()).set_qualifier(version.clone());
            let look = async || self.heard("GetFunction", call.clone().send()).await;
            let output = match self.look_again(&mut pace, what, look).await {
                Err(LambdaError::Call(error)) if error.is_function_not_found() => return Err(LambdaError::Gone),
                other => other?,
            };
            let configuration = output.configuration().ok_or_else(|| self.garbled("GetFunction"))?;
            let told = Standing::of_configuration(configuration);
            standing = if version.is_some() { told.of_version() } else { told };
            if version.is_none() {
                subject.seen_sha256 = configuration.code_sha256().map(str::to_owned);
                seen = read::live(&output);
            }
        }
        if let Some(version) = version {
            return release::of_version(&version, standing);
        }
        if let Some(live) = seen
            && !subject.has_stayed(action, live)
        {
            return Err(LambdaError::Outdated(None));
        }
        wait::failure(standing).map_or(Ok(()), Err)
    }

    /// Sleeps for the next interval of `pace`, unless the run is to end.
    async fn pause(&self, pace: &mut wait::Pace, what: &'static str) -> Result<(), LambdaError> {
        let interval = pace.next().ok_or(LambdaError::WaitedTooLong { what, limit: pace.limit() })?;
        self.sleep(interval, what).await
    }

    /// The same; at the limit of `pace` what was refused is the error.
    async fn pause_or(
        &self,
        pace: &mut wait::Pace,
        what: &'static str,
        refused: LambdaError,
    ) -> Result<(), LambdaError> {
        match self.pause(pace, what).await {
            Err(LambdaError::WaitedTooLong { .. }) => Err(refused),
            paused => paused,
        }
    }

    /// What a look tells after the next interval of `pace`. A 429 or 5xx ends no wait: it is looked again, and what AWS said last
    /// is the error at the end of it.
    async fn look_again<T>(
        &self,
        pace: &mut wait::Pace,
        what: &'static str,
        look: impl AsyncFn() -> Result<T, LambdaError>,
    ) -> Result<T, LambdaError> {
        self.pause(pace, what).await?;
        loop {
            match look().await {
                Err(LambdaError::Call(error)) if error.is_passing() => {
                    self.pause_or(pace, what, LambdaError::Call(error)).await?;
                }
                told => return told,
            }
        }
    }

    async fn sleep(&self, interval: Duration, what: &'static str) -> Result<(), LambdaError> {
        let sleep = tokio::time::sleep(interval);
        tokio::select! {
            () = wait::told(&self.journal, Duration::ZERO, || what.to_owned(), sleep) => Ok(()),
            reason = self.stop.requested() => Err(LambdaError::Stopped { reason, in_flight: None }),
        }
    }

    /// The end of a call; where that takes its time, the journal tells so.
    async fn told<T>(&self, operation: &'static str, call: impl Future<Output = T>) -> T {
        let what = || match self.attempts.told().refusal {
            Some(refusal) => format!("AWS to take {operation}, which it refuses with status {}", refusal.http_status),
            None => format!("AWS's answer to {operation}"),
        };
        // The looks of a wait are no waits of their own.
        wait::told(&self.journal, Duration::from_secs(1), what, call).await
    }

    fn failed<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> LambdaError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.explained(CallError::of(operation, error))
    }

    fn explained(&self, error: CallError) -> LambdaError {
        LambdaError::Call(self.attempts.explained(error))
    }

    /// The answer of a call that only reads; given up at once when the run is to end.
    async fn heard<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        tokio::select! {
            biased;
            reason = self.stop.requested() => Err(LambdaError::Stopped { reason, in_flight: None }),
            answer = self.told(operation, call) => answer.map_err(|error| self.failed(operation, error)),
        }
    }

    /// The answer of a call that changes something: not begun when the run is to end, heard out when it ends meanwhile.
    async fn finished<T, E>(
        &self,
        step: StepName,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, LambdaError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.stop.check().map_err(|reason| LambdaError::Stopped { reason, in_flight: None })?;
        let out_of_patience = async {
            match self.stop.requested().await {
                Reason::OutputClosed => std::future::pending().await,
                reason @ Reason::Signal(_) => {
                    // Behind a shift of traffic the way back has to find its time, too.
                    let is_shift = matches!(step, StepName::ShiftTraffic | StepName::UpdateAlias);
                    tokio::time::sleep(if is_shift { GRACE / 3 } else { GRACE }).await;
                    reason
                }
            }
        };
        tokio::select! {
            biased;
            answer = self.told(operation, call) => answer.map_err(|error| self.failed(operation, error)),
            reason = out_of_patience => Err(LambdaError::Stopped { reason, in_flight: Some(step) }),
        }
    }

    /// An answer of success that does not hold what it must: something between AWS and us has made it up.
    fn garbled(&self, operation: &'static str) -> LambdaError {
        let Tally { http_status, request_id, .. } = self.attempts.told();
        LambdaError::Call(CallError {
            http_status,
            request_id,
            ..CallError::without(operation, CallErrorKind::Garbled)
        })
    }

    /// An answer that may hold nothing has to be AWS's own, and not that of something on the way.
    fn check_awss(&self, operation: &'static str) -> Result<(), LambdaError> {
        if self.attempts.told().is_awss { Ok(()) } else { Err(self.garbled(operation)) }
    }

    fn upload(&self, archive: &Arc<Archive>) -> Upload {
        Upload::of(archive.clone(), self.journal.clone())
    }

    /// An upload may take as long as a wait.
    fn upload_override(&self) -> aws_sdk_lambda::config::Builder {
        aws_sdk_lambda::config::Builder::new().timeout_config(connect::timeouts(self.wait_limit, self.wait_limit))
    }
}

/// `None` for what is not there.
fn found<T>(answer: Result<T, LambdaError>) -> Result<Option<T>, LambdaError> {
    match answer {
        Err(LambdaError::Call(error)) if error.is_not_found() => Ok(None),
        answer => answer.map(Some),
    }
}

/// The archive of a step that sends it.
fn archive<'a>(subject: &'a Subject<'_>) -> &'a Arc<Archive> {
    subject.archive.as_ref().expect("whoever plans to send an archive has one")
}

fn exposed(tags: &std::collections::BTreeMap<String, Secret>) -> std::collections::HashMap<String, String> {
    tags.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}
