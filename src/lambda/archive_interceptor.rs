//! SDK interceptor that inserts the archive into the body of a request. It changes the `content-length` and
//! the payload hash to match, and never anything else of the request. The SDK itself would hold the whole
//! archive in memory, and its base64 as well.

use std::sync::{Arc, Mutex, PoisonError};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_lambda::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use bytes::Bytes;

use super::archive_body::{ArchiveBody, Encoding};
use crate::event_writer::EventWriter;
use crate::package::Archive;
use crate::protocol::event::Progress;

/// What the SDK writes for an empty `ZipFile`. It cannot occur within a JSON string, where quotes are
/// escaped.
const EMPTY: &[u8] = br#""ZipFile":"""#;

/// Inserts the archive into a request with an empty `ZipFile`, just before the request is signed.
pub(super) struct ArchiveInterceptor {
    pub(super) archive: Arc<Archive>,
    pub(super) events: Arc<EventWriter>,
}

impl std::fmt::Debug for ArchiveInterceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArchiveInterceptor")
    }
}

#[dyn_dispatch_hint]
impl Intercept for ArchiveInterceptor {
    fn name(&self) -> &'static str {
        "ArchiveInterceptor"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let whole = request.body().bytes().ok_or("the request has no body")?;
        let at =
            whole.windows(EMPTY.len()).position(|part| part == EMPTY).ok_or("the request has no ZipFile")?;
        // Split before the closing quote of the empty value.
        let (before, behind) = whole.split_at(at + EMPTY.len() - 1);
        let total = self.archive.size();
        let document = ArchiveBody {
            archive: self.archive.clone(),
            range: 0..total,
            encoding: Encoding::Base64,
            before: Bytes::copy_from_slice(before),
            behind: Bytes::copy_from_slice(behind),
        };
        let hash = document.sha256()?;
        request.headers_mut().insert("content-length", document.length().to_string());
        let report = Mutex::new(self.events.progress(Progress::upload));
        *request.body_mut() = document.into_body(move |done| {
            report.lock().unwrap_or_else(PoisonError::into_inner)(done, total);
        });
        config.interceptor_state().store_put(signed(&hash));
        Ok(())
    }
}

/// Makes the SDK sign a body with a precomputed SHA-256, which need not be in memory.
pub(super) fn signed(sha256: &[u8]) -> PayloadSigningOverride {
    PayloadSigningOverride::Precomputed(hex::encode(sha256))
}
