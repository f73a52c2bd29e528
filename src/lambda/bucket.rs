//! Uploads an archive to S3, and reads the checksum of an object there.
//! It aborts every incomplete multipart upload that it can still abort. Effect: sends requests to S3.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_lambda::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD as BASE64;
use tokio::task::JoinSet;

use super::archive_body::ArchiveBody;
use super::archive_interceptor::signed;
use super::client::Lambda;
use super::error::{CallError, LambdaError};
use super::timeouts::GRACE;
use crate::code_source::Object;
use crate::package::Archive;
use crate::protocol::event::{self, StepName};

/// Largest archive in bytes that is sent in one PutObject request.
const MAX_SINGLE_PUT_BYTES: u64 = 16 * 1024 * 1024;

/// Part size of a multipart upload in bytes. S3 accepts parts of 5 MiB to 5 GiB, and at most 10,000 of them.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// Number of parts that are sent concurrently. A part is streamed, so it needs little memory, but each part
/// needs a connection.
const MAX_PARALLEL_PARTS: usize = 4;

impl Lambda {
    /// Reads the SHA-256 of an object, in base64. `None`: S3 has no checksum for it, or denies access.
    ///
    /// # Errors
    /// [`LambdaError::NoObject`], [`LambdaError::Call`] when there is no response from S3, and
    /// [`LambdaError::Cancelled`].
    pub(crate) async fn object_sha256(&self, object: &Object) -> Result<Option<String>, LambdaError> {
        let head = self.s3.head_object().bucket(&object.bucket).key(&object.key);
        let head = head.set_version_id(object.version.clone()).checksum_mode(ChecksumMode::Enabled);
        let answer = tokio::select! {
            reason = self.stop.cancelled() => return Err(LambdaError::Cancelled { reason, in_flight: None }),
            answer = self.with_progress("HeadObject", head.send()) => answer,
        };
        match answer {
            Ok(head) if is_in_parts(&head) => Ok(None),
            Ok(head) => Ok(head.checksum_sha256().map(str::to_owned)),
            Err(SdkError::ServiceError(error)) if error.raw().status().as_u16() == 404 => {
                Err(LambdaError::NoObject { object: object.clone() })
            }
            // Without s3:ListBucket, S3 returns 403 for a missing key, too. Lambda may also have a permission
            // that we lack.
            Err(SdkError::ServiceError(_)) => Ok(None),
            Err(error) => Err(self.failed("HeadObject", error)),
        }
    }

    /// Adds the ARN that a permission must cover: S3 names no object in "Access Denied". The ARN ends in `*`,
    /// because the next package has another key in the same directory.
    fn with_resource(&self, error: LambdaError, object: &Object) -> LambdaError {
        let LambdaError::Call(error) = error else { return error };
        let region =
            self.client.config().region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
        let partition = match region.split('-').collect::<Vec<_>>().as_slice() {
            ["cn", ..] => "aws-cn",
            ["us", "gov", ..] => "aws-us-gov",
            _ => "aws",
        };
        let directory =
            object.key.rsplit_once('/').map(|(directory, _)| format!("{directory}/")).unwrap_or_default();
        let resource = format!("arn:{partition}:s3:::{}/{directory}*", object.bucket);
        CallError { resource: Some(resource), ..error }.into()
    }

    /// Uploads an archive, unless the object exists already: the key contains the hash of the archive.
    /// Returns true if it was uploaded.
    pub(super) async fn send_to_bucket(
        &self,
        object: &Object,
        archive: &Arc<Archive>,
    ) -> Result<bool, LambdaError> {
        let head = self
            .s3
            .head_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .checksum_mode(ChecksumMode::Enabled);
        let is_there = match self.read_call("HeadObject", head.send()).await {
            Ok(head) => {
                let length = head.content_length().and_then(|length| u64::try_from(length).ok());
                let checksum = head.checksum_sha256().filter(|_| !is_in_parts(&head));
                length == Some(archive.size())
                    && checksum.is_none_or(|checksum| checksum == archive.code_sha256())
            }
            // A HEAD response has no error message. If the cause is more than a missing object, the upload
            // fails with one.
            Err(LambdaError::Call(error)) if error.http_status.is_some() => false,
            Err(error) => return Err(error),
        };
        if is_there {
            return Ok(false);
        }
        let upload = BucketUpload::new(self, object, archive);
        let sent = if archive.size() <= MAX_SINGLE_PUT_BYTES {
            upload.whole().await
        } else {
            upload.in_parts().await
        };
        sent.map_err(|error| self.with_resource(error, object))?;
        Ok(true)
    }
}

/// Whether an object comes from a multipart upload. Its checksum is a hash of part hashes and never equals a
/// `CodeSha256`.
fn is_in_parts(head: &HeadObjectOutput) -> bool {
    head.checksum_type() == Some(&ChecksumType::Composite)
        || head.e_tag().is_some_and(|tag| tag.contains('-'))
}

/// The upload of one archive.
struct BucketUpload<'a> {
    lambda: &'a Lambda,
    object: &'a Object,
    archive: &'a Arc<Archive>,
    progress: Arc<PartProgress>,
}

impl<'a> BucketUpload<'a> {
    fn new(lambda: &'a Lambda, object: &'a Object, archive: &'a Arc<Archive>) -> Self {
        let parts = archive.size().div_ceil(PART_BYTES).max(1) as usize;
        let progress = PartProgress {
            parts: (0..parts).map(|_| AtomicU64::new(0)).collect(),
            total: archive.size(),
            report: Mutex::new(Box::new(lambda.events.progress(event::Progress::upload))),
        };
        BucketUpload { lambda, object, archive, progress: Arc::new(progress) }
    }

    async fn whole(&self) -> Result<(), LambdaError> {
        let part = self.part(0, 0..self.archive.size())?;
        let put = self.lambda.s3.put_object().bucket(&self.object.bucket).key(&self.object.key);
        let put = put.content_type("application/zip").content_length(part.length);
        let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(part.checksum);
        let call = put.body(ByteStream::new(part.body)).customize().interceptor(part.signature).send();
        self.lambda.write_call(StepName::UploadPackage, "PutObject", call).await.map(drop)
    }

    async fn in_parts(&self) -> Result<(), LambdaError> {
        let begin =
            self.lambda.s3.create_multipart_upload().bucket(&self.object.bucket).key(&self.object.key);
        let begin = begin.content_type("application/zip").checksum_algorithm(ChecksumAlgorithm::Sha256);
        let begun =
            self.lambda.write_call(StepName::UploadPackage, "CreateMultipartUpload", begin.send()).await?;
        let id = begun.upload_id().ok_or_else(|| self.lambda.invalid_response("CreateMultipartUpload"))?;
        let sent = tokio::select! {
            biased;
            reason = self.lambda.stop.cancelled() => Err(LambdaError::Cancelled { reason, in_flight: None }),
            parts = self.lambda.with_progress("UploadPart", self.parts(id)) => parts,
        };
        let completed = match sent {
            Ok(parts) => self.complete(id, parts).await,
            Err(error) => Err(error),
        };
        if completed.is_err() {
            self.abort_upload(id).await;
        }
        completed
    }

    /// Sends all parts, up to [`MAX_PARALLEL_PARTS`] concurrently.
    async fn parts(&self, id: &str) -> Result<Vec<CompletedPart>, LambdaError> {
        let size = self.archive.size();
        let mut ranges = (0..size.div_ceil(PART_BYTES))
            .map(|part| (part as usize, part * PART_BYTES..size.min((part + 1) * PART_BYTES)));
        let (mut sending, mut sent) = (JoinSet::new(), Vec::new());
        loop {
            while sending.len() < MAX_PARALLEL_PARTS {
                let Some((index, range)) = ranges.next() else { break };
                let (part, number) = (self.part(index, range)?, index as i32 + 1);
                let request = self.lambda.s3.upload_part().bucket(&self.object.bucket).key(&self.object.key);
                let request = request.upload_id(id).part_number(number).content_length(part.length);
                let request = request.checksum_sha256(&part.checksum).body(ByteStream::new(part.body));
                let call = request.customize().interceptor(part.signature).send();
                let attempts = self.lambda.attempts.clone();
                sending.spawn(async move {
                    let failed = |error| attempts.explain(CallError::of("UploadPart", error));
                    let answer = call.await.map_err(failed)?;
                    let done = CompletedPart::builder().part_number(number).checksum_sha256(part.checksum);
                    Ok::<_, LambdaError>(done.set_e_tag(answer.e_tag().map(str::to_owned)).build())
                });
            }
            match sending.join_next().await {
                Some(part) => sent.push(part.expect("a panic ends the process")?),
                None => break,
            }
        }
        sent.sort_by_key(CompletedPart::part_number);
        Ok(sent)
    }

    async fn complete(&self, id: &str, parts: Vec<CompletedPart>) -> Result<(), LambdaError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete =
            self.lambda.s3.complete_multipart_upload().bucket(&self.object.bucket).key(&self.object.key);
        let call = complete.upload_id(id).multipart_upload(parts).send();
        self.lambda.write_call(StepName::UploadPackage, "CompleteMultipartUpload", call).await.map(drop)
    }

    /// Aborts the multipart upload if S3 responds in time. AWS charges for the parts of an incomplete upload
    /// until it is aborted.
    async fn abort_upload(&self, id: &str) {
        let abort = self.lambda.s3.abort_multipart_upload().bucket(&self.object.bucket).key(&self.object.key);
        let answer = tokio::time::timeout(GRACE, abort.upload_id(id).send()).await;
        let is_gone = matches!(answer, Ok(Ok(_)));
        tracing::info!(object = %self.object, is_gone, "aborted the multipart upload");
    }

    fn part(&self, index: usize, range: Range<u64>) -> Result<UploadPart, LambdaError> {
        let document = ArchiveBody::raw(self.archive.clone(), range);
        let sha256 = document.sha256().map_err(LambdaError::Archive)?;
        let length = document.length() as i64;
        let progress = self.progress.clone();
        let body = document.into_body(move |done| progress.record(index, done));
        Ok(UploadPart {
            body,
            length,
            checksum: BASE64.encode_to_string(&sha256),
            signature: Signature(sha256),
        })
    }
}

/// The body of one request, with its length and the hash that S3 verifies.
struct UploadPart {
    body: SdkBody,
    length: i64,
    checksum: String,
    signature: Signature,
}

/// Makes the SDK sign a body with a precomputed SHA-256.
#[derive(Clone, Debug)]
struct Signature(Vec<u8>);

#[dyn_dispatch_hint]
impl Intercept for Signature {
    fn name(&self) -> &'static str {
        "Signature"
    }

    fn modify_before_retry_loop(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(signed(&self.0));
        Ok(())
    }
}

/// Bytes sent of each part. A part that is sent again restarts at 0.
struct PartProgress {
    parts: Vec<AtomicU64>,
    total: u64,
    report: Mutex<Box<dyn FnMut(u64, u64) + Send>>,
}

impl PartProgress {
    fn record(&self, part: usize, done: u64) {
        self.parts[part].store(done, Ordering::Relaxed);
        let done = self.parts.iter().map(|part| part.load(Ordering::Relaxed)).sum();
        self.report.lock().unwrap_or_else(PoisonError::into_inner)(done, self.total);
    }
}
