//! Looks up versions of layers, and publishes one. Never publishes a version without a look at the latest one
//! if an earlier request may have published it: AWS makes a new version of the same content each time.

use std::cmp::Reverse;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LayerVersionContentInput;
use aws_smithy_types::retry::RetryConfig;

use super::call::Response;
use super::client::{Lambda, found};
use super::deploy_state::ResponseFacts;
use super::error::{CallErrorKind, LambdaError};
use super::poll_backoff::PollBackoff;
use super::read::UpdateStatus;
use super::versions::Pages;
use crate::code_source::{BuiltLayer, LiveLayerVersion, Object};
use crate::protocol::event::StepName;

const LIST: &str = "ListLayerVersions";
const GET: &str = "GetLayerVersion";

/// How often PublishLayerVersion is repeated, as often as the SDK repeats other calls.
const MOST_REPETITIONS: u32 = 9;

/// Progress text before PublishLayerVersion is repeated.
const REPETITION: &str = "another attempt to publish the layer";

impl Lambda {
    /// The ARN of a version of a layer, by its number. `None`: the latest version.
    pub(crate) async fn layer_version_arn(
        &self,
        layer: &str,
        version: Option<i64>,
    ) -> Result<String, LambdaError> {
        let arn = match version {
            None => self.layer_versions(layer, false).await?.into_iter().next().map(|latest| latest.arn),
            Some(number) => {
                let call = self.client.get_layer_version().layer_name(layer).version_number(number).send();
                let output = found(self.read_call(GET, call).await)?;
                let arn =
                    |arn: Option<&str>| arn.map(str::to_owned).ok_or_else(|| self.invalid_response(GET));
                output.map(|output| arn(output.layer_version_arn())).transpose()?
            }
        };
        let region = self.client.config().region().map(ToString::to_string);
        let (layer, region) = (layer.to_owned(), region.unwrap_or_default());
        arn.ok_or(LambdaError::NoLayer { layer, version, region })
    }

    /// Reads the live versions of a layer that the stanza builds.
    pub(crate) async fn read_layer(&self, layer: &mut BuiltLayer) -> Result<(), LambdaError> {
        let all = layer.content.keep_versions.is_some();
        let list = self.layer_versions(&layer.layer, all);
        layer.live = self.in_time("the list of layer versions", list).await?;
        layer.live_sha256 = match layer.live.first() {
            Some(latest) => self.layer_sha256(&layer.layer, latest.number).await?,
            None => None,
        };
        Ok(())
    }

    /// The versions of a layer, newest first: with `all` every one, otherwise those of the first page. Empty
    /// if the layer does not exist.
    async fn layer_versions(&self, layer: &str, all: bool) -> Result<Vec<LiveLayerVersion>, LambdaError> {
        let (mut versions, mut pages) = (Vec::<LiveLayerVersion>::new(), Pages::default());
        while !pages.are_read {
            let call = self.client.list_layer_versions().layer_name(layer).set_marker(pages.marker()).send();
            let Some(output) = found(self.read_call(LIST, call).await)? else { return Ok(versions) };
            self.require_aws_request_id(LIST)?;
            versions.extend(output.layer_versions().iter().filter_map(|version| {
                let arn = version.layer_version_arn()?.to_owned();
                Some(LiveLayerVersion { arn, number: version.version() })
            }));
            self.next_page(LIST, &mut pages, output.next_marker())?;
            if !all {
                break;
            }
        }
        versions.sort_by_key(|version| Reverse(version.number));
        Ok(versions)
    }

    /// `CodeSha256` of a version of a layer. `None`: the version has been deleted.
    async fn layer_sha256(&self, layer: &str, number: i64) -> Result<Option<String>, LambdaError> {
        let call = self.client.get_layer_version().layer_name(layer).version_number(number).send();
        let Some(output) = found(self.read_call(GET, call).await)? else { return Ok(None) };
        let sha256 = output.content().and_then(|content| content.code_sha256());
        sha256.map(|sha256| Some(sha256.to_owned())).ok_or_else(|| self.invalid_response(GET))
    }

    /// The ARN of the latest version of a layer, if it has the content that is to be published.
    async fn published(&self, layer: &BuiltLayer) -> Result<Option<String>, LambdaError> {
        let Some(latest) = self.layer_versions(&layer.layer, false).await?.into_iter().next() else {
            return Ok(None);
        };
        let sha256 = self.layer_sha256(&layer.layer, latest.number).await?;
        Ok((sha256.as_deref() == Some(layer.archive.code_sha256())).then_some(latest.arn))
    }

    /// Publishes a version of a layer. If another function of the request, or a request whose response was
    /// lost, has published it already, uses that version.
    pub(super) async fn publish_layer_version(&self, layer: &BuiltLayer) -> Result<Response, LambdaError> {
        let _turn = match &self.pace {
            Some(pace) => Some(pace.begin_publication().await),
            None => None,
        };
        let mut may_exist = self.pace.is_some();
        let mut repetitions = 0;
        let mut limit = PollBackoff::new(self.wait_limit);
        loop {
            let arn = if may_exist { self.published(layer).await? } else { None };
            let error = match arn {
                Some(arn) => return Ok(published_as(layer, arn)),
                None => match self.send_layer(layer).await {
                    Ok(arn) => return Ok(published_as(layer, arn)),
                    Err(error) => error,
                },
            };
            if !can_be_repeated(&error) || repetitions == MOST_REPETITIONS || limit.next().is_none() {
                let may_be_there = error.outcome_is_unknown();
                let arn = if may_be_there { self.published(layer).await.ok().flatten() } else { None };
                return arn.map(|arn| published_as(layer, arn)).ok_or(error);
            }
            // At first for less than half a second, later for up to 4 s.
            let least = Duration::from_millis(250 << repetitions.min(3));
            self.poll_sleep(&mut PollBackoff::between(least, least * 2), REPETITION).await?;
            may_exist = true;
            repetitions += 1;
        }
    }

    /// Sends PublishLayerVersion once, and returns the ARN of the version.
    async fn send_layer(&self, layer: &BuiltLayer) -> Result<String, LambdaError> {
        let step = StepName::PublishLayerVersion;
        let content = &layer.content;
        let runtimes = content.compatible_runtimes.iter().flatten();
        let runtimes: Vec<_> = runtimes.map(|runtime| runtime.as_str().into()).collect();
        let request = self.client.publish_layer_version().layer_name(&layer.layer);
        let request = request.set_compatible_runtimes((!runtimes.is_empty()).then_some(runtimes));
        let request = request.set_description(content.description.clone());
        let request = request.set_license_info(content.license.clone());
        // The SDK would repeat the request without a look at the latest version.
        let once = self.upload_override().retry_config(RetryConfig::disabled());
        let code = LayerVersionContentInput::builder();
        let output = match &layer.object {
            None => {
                let request = request.content(code.zip_file(Blob::default()).build()).customize();
                let request = request.config_override(once).interceptor(self.upload(&layer.archive));
                self.write_call(step, step.operation(), request.send()).await?
            }
            Some(Object { bucket, key, version }) => {
                let code = code.s3_bucket(bucket).s3_key(key).set_s3_object_version(version.clone());
                let request = request.content(code.build()).customize().config_override(once);
                self.write_call(step, step.operation(), request.send()).await?
            }
        };
        let arn = output.layer_version_arn().map(str::to_owned);
        arn.ok_or_else(|| self.invalid_response(step.operation()))
    }
}

/// Whether a later request may succeed. A lost response is among these errors.
fn can_be_repeated(error: &LambdaError) -> bool {
    match error {
        LambdaError::Call(error) => {
            error.is_transient() || matches!(error.kind, CallErrorKind::Timeout | CallErrorKind::Connect)
        }
        _ => false,
    }
}

fn published_as(layer: &BuiltLayer, arn: String) -> Response {
    let layer = Some((layer.layer.clone(), arn));
    (ResponseFacts { layer, ..ResponseFacts::default() }, UpdateStatus::Settled)
}
