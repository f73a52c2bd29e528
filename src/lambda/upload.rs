//! A request that was made without its code in, the same request with the archive in its body out.
//! Never changes anything else about a request.

use std::sync::{Arc, Mutex, PoisonError};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_lambda::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use bytes::Bytes;

use super::body::{Document, Encoding};
use crate::journal::Journal;
use crate::package::Archive;
use crate::protocol::event::Progress;

/// What the SDK writes for an empty `ZipFile`. It cannot stand inside a string of the same document, where quotes are escaped.
const EMPTY: &[u8] = br#""ZipFile":"""#;

/// Puts the archive into a request that was made with an empty `ZipFile`, right before it is signed.
pub(super) struct Upload {
    archive: Arc<Archive>,
    journal: Arc<Journal>,
}

impl Upload {
    pub(super) fn of(archive: Arc<Archive>, journal: Arc<Journal>) -> Self {
        Upload { archive, journal }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upload")
    }
}

#[dyn_dispatch_hint]
impl Intercept for Upload {
    fn name(&self) -> &'static str {
        "Upload"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let whole = request.body().bytes().ok_or("the request has no body")?;
        let at = whole.windows(EMPTY.len()).position(|part| part == EMPTY).ok_or("the request has no ZipFile")?;
        // Up to the second quote of the empty value, and from there.
        let (before, behind) = whole.split_at(at + EMPTY.len() - 1);
        let total = self.archive.size();
        let document = Document {
            archive: self.archive.clone(),
            range: 0..total,
            encoding: Encoding::Base64,
            before: Bytes::copy_from_slice(before),
            behind: Bytes::copy_from_slice(behind),
        };
        let hash = document.sha256()?;
        request.headers_mut().insert("content-length", document.length().to_string());
        let tell = Mutex::new(self.journal.progress(Progress::upload));
        *request.body_mut() = document.into_body(move |done| {
            tell.lock().unwrap_or_else(PoisonError::into_inner)(done, total);
        });
        config.interceptor_state().store_put(signed(&hash));
        Ok(())
    }
}

/// The signature over a body whose SHA-256 was computed beforehand.
pub(super) fn signed(sha256: &[u8]) -> PayloadSigningOverride {
    PayloadSigningOverride::Precomputed(sha256.iter().map(|byte| format!("{byte:02x}")).collect())
}
