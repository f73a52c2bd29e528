//! Steps in, AWS's answers out: connects, reads the live function, carries out one step and waits until it is live.
//! Effect: AWS. Never decides what is to be done; the plan has.

mod body;
mod bucket;
mod call;
mod connect;
mod credentials;
mod error;
mod http;
mod observer;
mod read;
mod request;
mod upload;
mod wait;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

pub use connect::{Identity, connect};
pub use credentials::CredentialsError;
pub use error::{CallError, CallErrorKind, LambdaError, Trouble};

use crate::code::Object;
use crate::function::{ChangedBy, Live, Setting};
use crate::journal::Journal;
use crate::package::Archive;
use crate::plan::Action;
use crate::protocol::event::StepName;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::Secret;
use crate::stop::{Reason, Stop};
use observer::Attempts;
use read::Standing;
use upload::Upload;

/// How long one wait, or one call, may take unless the stanza says otherwise.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(600);

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
}

/// What GetFunction does not tell, and a stanza may speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The code signing configuration.
    pub code_signing: bool,
    /// The function's own address, and whom its policy lets in.
    pub url: bool,
}

/// What the steps of a deployment work on.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The function, as the stanza names it.
    pub name: &'a FunctionName,
    /// Its ARN; empty while there is no function.
    pub arn: String,
    /// The archive. `None`: the code is elsewhere.
    pub archive: Option<Arc<Archive>>,
    /// AWS's `CodeSha256` of the code that it is to have. `None`: it is not known before AWS has read it.
    pub code_sha256: Option<String>,
    /// The revision that the next change is meant for. `None`: any.
    pub revision_id: Option<String>,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// HTTP requests that its call took.
    pub attempts: u32,
    /// AWS's id of the last of them.
    pub request_id: Option<String>,
    /// The function's ARN, where the answer tells it.
    pub function_arn: Option<String>,
    /// `CodeSha256` of its code, where the answer tells it.
    pub code_sha256: Option<String>,
    /// The version that was published.
    pub version: Option<String>,
    /// The function's own address, where it was made.
    pub function_url: Option<String>,
}

/// The live function, and whether it is the last word.
#[derive(Debug)]
pub struct Found {
    /// The function.
    pub live: Live,
    /// True while it is created or updated, by whomever.
    pub is_busy: bool,
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
            Err(LambdaError::Call(error)) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let garbled = || self.garbled("GetFunction");
        let configuration = output.configuration().ok_or_else(garbled)?;
        let standing = Standing::of_configuration(configuration);
        let live = read::live(&output).ok_or_else(garbled)?;
        let is_busy = matches!(standing, Standing::Creating | Standing::Updating);
        Ok(Some(Found { live, is_busy, failure: wait::failure(standing) }))
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
            let output = self.heard("GetFunctionCodeSigningConfig", call).await?;
            live.settings.push(Setting::CodeSigningConfigArn(output.code_signing_config_arn().to_owned()));
        }
        if beside.url {
            let call = self.client.get_function_url_config().function_name(name).send();
            live.url = found(self.heard("GetFunctionUrlConfig", call).await)?.map(|output| read::url(&output));
            let call = self.client.get_policy().function_name(name).send();
            let policy = found(self.heard("GetPolicy", call).await)?;
            live.public = policy.and_then(|output| output.policy().map(read::public)).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until nobody's update of the function is going on, and reads it again.
    ///
    /// # Errors
    /// [`LambdaError::WaitedTooLong`], and those of [`Lambda::read_live`].
    pub async fn wait_until_quiet(&self, name: &FunctionName) -> Result<Option<Found>, LambdaError> {
        let mut pace = wait::Pace::new(self.wait_limit);
        loop {
            self.pause(&mut pace, "another update of the function").await?;
            match self.read_live(name).await? {
                Some(found) if found.is_busy => {}
                settled => return Ok(settled),
            }
        }
    }

    /// Carries out one step and waits until it is live.
    ///
    /// An update that somebody else has begun is waited out first, and a role that cannot be assumed yet is tried again
    /// for half a minute, `role_not_ready` being called at each try.
    ///
    /// # Errors
    /// [`LambdaError`]. Whether the step took effect is in the journal.
    pub async fn apply(
        &self,
        action: &Action,
        subject: &Subject<'_>,
        role_not_ready: &dyn Fn(),
    ) -> Result<Applied, LambdaError> {
        let step = action.name();
        self.attempts.forget();
        if let Action::UploadPackage { object } = action {
            return self.upload_package(object, subject).await;
        }
        let mut busy = wait::Pace::new(self.wait_limit);
        let mut role = wait::Pace::slowly(wait::ROLE_LIMIT);
        loop {
            match self.call(action, subject).await {
                Ok((applied, standing)) => {
                    self.journal.note_changed(step);
                    let settled = self.settle(action, subject.name, applied.version.as_deref(), standing).await;
                    if let Err(LambdaError::UpdateFailed(_)) = settled {
                        self.journal.retract_changed(step);
                    }
                    return settled.map(|()| applied);
                }
                Err(LambdaError::Call(error)) if error.is_busy() => {
                    tracing::debug!(operation = error.operation, "an update is in progress");
                    self.pause(&mut busy, "another update of the function").await?;
                }
                Err(LambdaError::Call(error)) if error.is_role_not_ready() => {
                    role_not_ready();
                    if self.pause(&mut role, "the function's role").await.is_err() {
                        self.stop.check().map_err(|reason| LambdaError::Stopped { reason, in_flight: None })?;
                        return Err(LambdaError::RoleNotReady(error));
                    }
                }
                Err(LambdaError::Call(error)) if error.is_taken() && self.attempts.told().requests > 1 => {
                    return self.adopt(action, subject, error).await;
                }
                Err(LambdaError::Call(error)) if error.is_not_found() && !subject.arn.is_empty() => {
                    return Err(LambdaError::Gone);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A name that is taken when a creation is tried again: our first request may have made it, and its answer was lost.
    /// If the function is what we asked for, it is ours; else somebody else was faster, and the refusal stands.
    async fn adopt(&self, action: &Action, subject: &Subject<'_>, refusal: CallError) -> Result<Applied, LambdaError> {
        let tally = self.attempts.told();
        let is_told = |setting: &&Setting| setting.changed_by() != ChangedBy::CodeSigning;
        let is_ours = |live: &Live| match action {
            Action::CreateFunction { settings, tags, .. } => {
                subject.code_sha256.as_ref().is_none_or(|wanted| *wanted == live.code_sha256)
                    && settings.iter().filter(is_told).all(|wanted| live.setting(wanted) == Some(wanted))
                    && live
                        .tags
                        .as_ref()
                        .is_none_or(|live| tags.iter().all(|(name, value)| live.get(name) == Some(value)))
            }
            _ => false,
        };
        match self.wait_until_quiet(subject.name).await? {
            Some(found) if is_ours(&found.live) => {
                self.journal.note_changed(StepName::CreateFunction);
                found.failure.map_or(Ok(()), Err)?;
                Ok(Applied {
                    attempts: tally.requests,
                    request_id: tally.request_id,
                    function_arn: Some(found.live.arn),
                    code_sha256: Some(found.live.code_sha256),
                    ..Applied::default()
                })
            }
            _ => Err(LambdaError::Call(refusal)),
        }
    }

    /// Sends the archive to its object, unless it is there.
    async fn upload_package(&self, object: &Object, subject: &Subject<'_>) -> Result<Applied, LambdaError> {
        if self.send_to_bucket(object, archive(subject)).await? {
            self.journal.note_changed(StepName::UploadPackage);
        }
        let tally = self.attempts.told();
        Ok(Applied { attempts: tally.requests, request_id: tally.request_id, ..Applied::default() })
    }

    /// Waits until what a step began has ended.
    async fn settle(
        &self,
        action: &Action,
        name: &FunctionName,
        version: Option<&str>,
        mut standing: Standing,
    ) -> Result<(), LambdaError> {
        let what = match action {
            Action::CreateFunction { .. } => "the new function",
            Action::PublishVersion => "the new version",
            _ => "the update",
        };
        let mut pace = wait::Pace::new(self.wait_limit);
        while matches!(standing, Standing::Creating | Standing::Updating) {
            self.pause(&mut pace, what).await?;
            let call =
                self.client.get_function().function_name(name.as_str()).set_qualifier(version.map(str::to_owned));
            let output = match self.heard("GetFunction", call.send()).await {
                Err(LambdaError::Call(error)) if error.is_not_found() => return Err(LambdaError::Gone),
                other => other?,
            };
            let configuration = output.configuration().ok_or_else(|| self.garbled("GetFunction"))?;
            let told = Standing::of_configuration(configuration);
            standing = if version.is_some() { told.of_version() } else { told };
        }
        wait::failure(standing).map_or(Ok(()), Err)
    }

    /// Sleeps for the next interval of `pace`, unless the run is to end.
    async fn pause(&self, pace: &mut wait::Pace, what: &'static str) -> Result<(), LambdaError> {
        let interval = pace.next().ok_or(LambdaError::WaitedTooLong { what, limit: pace.limit() })?;
        tokio::select! {
            () = tokio::time::sleep(interval) => Ok(()),
            reason = self.stop.requested() => Err(LambdaError::Stopped { reason, in_flight: None }),
        }
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
            answer = call => answer.map_err(|error| LambdaError::Call(CallError::of(operation, error))),
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
                reason @ (Reason::Interrupt | Reason::Terminate) => {
                    tokio::time::sleep(GRACE).await;
                    reason
                }
            }
        };
        tokio::select! {
            biased;
            answer = call => answer.map_err(|error| LambdaError::Call(CallError::of(operation, error))),
            reason = out_of_patience => Err(LambdaError::Stopped { reason, in_flight: Some(step) }),
        }
    }

    /// An answer of success that does not hold what it must: something between AWS and us has made it up.
    fn garbled(&self, operation: &'static str) -> LambdaError {
        let tally = self.attempts.told();
        LambdaError::Call(CallError {
            operation,
            kind: CallErrorKind::Garbled,
            code: None,
            message: None,
            http_status: tally.http_status,
            request_id: tally.request_id,
            causes: Vec::new(),
        })
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
