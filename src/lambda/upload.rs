//! An archive in, the body of a request that carries it out: read and encoded piece by piece, and again for a retry.
//! Never holds more of the archive than one piece; 50 MiB cost no more memory than one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_lambda::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD as BASE64;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

use crate::journal::Journal;
use crate::package::Archive;
use crate::protocol::event::Task;

/// What the SDK writes for an empty `ZipFile`. It cannot stand inside a string of the same document, where quotes are escaped.
const EMPTY: &[u8] = br#""ZipFile":"""#;

/// How much of the archive is read at once; a multiple of three, so that pieces of base64 can follow one another.
const PIECE: u64 = 192 * 1024;

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
        let document = Document {
            archive: self.archive.clone(),
            before: Bytes::copy_from_slice(before),
            behind: Bytes::copy_from_slice(behind),
        };
        let hash = document.sha256()?;
        request.headers_mut().insert("content-length", document.length().to_string());
        let tell = Arc::new(Mutex::new(self.journal.progress(Task::Upload)));
        *request.body_mut() = SdkBody::retryable(move || {
            let tell = tell.clone();
            SdkBody::from_body_1_x(Stream {
                document: document.clone(),
                part: Part::Before,
                tell: Box::new(move |done, total| {
                    tell.lock().unwrap_or_else(PoisonError::into_inner)(done, total);
                }),
            })
        });
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(hash));
        Ok(())
    }
}

/// A JSON document with the archive in the middle of it.
#[derive(Clone)]
struct Document {
    archive: Arc<Archive>,
    before: Bytes,
    behind: Bytes,
}

/// What comes next of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Before,
    /// The archive, from this byte on.
    Archive(u64),
    Behind,
    Nothing,
}

impl Document {
    fn length(&self) -> u64 {
        let encoded = self.archive.size().div_ceil(3) * 4;
        self.before.len() as u64 + encoded + self.behind.len() as u64
    }

    /// The bytes of a part, and the part behind it.
    fn read(&self, part: Part) -> std::io::Result<Option<(Bytes, Part)>> {
        Ok(Some(match part {
            Part::Before => (self.before.clone(), Part::Archive(0)),
            Part::Archive(from) => {
                let mut piece = vec![0; PIECE.min(self.archive.size() - from) as usize];
                self.archive.read_at(&mut piece, from)?;
                let next = from + piece.len() as u64;
                let encoded = Bytes::from(BASE64.encode_to_string(&piece).into_bytes());
                (encoded, if next < self.archive.size() { Part::Archive(next) } else { Part::Behind })
            }
            Part::Behind => (self.behind.clone(), Part::Nothing),
            Part::Nothing => return Ok(None),
        }))
    }

    /// What is signed: the hash of the whole body, in hexadecimal digits.
    fn sha256(&self) -> std::io::Result<String> {
        let mut hash = Sha256::new();
        let mut part = Part::Before;
        while let Some((bytes, next)) = self.read(part)? {
            hash.update(&bytes);
            part = next;
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// One attempt to send a document.
struct Stream {
    document: Document,
    part: Part,
    tell: Box<dyn Fn(u64, u64) + Send + Sync>,
}

impl Body for Stream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Part::Archive(done) = self.part {
            (self.tell)(done, self.document.archive.size());
        }
        Poll::Ready(match self.document.read(self.part) {
            Ok(Some((bytes, next))) => {
                self.part = next;
                Some(Ok(Frame::data(bytes)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self.part {
            Part::Before => SizeHint::with_exact(self.document.length()),
            Part::Archive(_) | Part::Behind => SizeHint::new(),
            Part::Nothing => SizeHint::with_exact(0),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.part == Part::Nothing
    }
}
