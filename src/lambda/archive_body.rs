//! Streams a range of an archive as an HTTP request body, which is read and encoded in pieces and can be sent
//! again for a retry. It never holds more of the archive than one piece in memory, so 50 MiB need no more
//! memory than 1 MiB.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD as BASE64;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

use crate::package::Archive;

/// Bytes of the archive per read. A multiple of three, so that the base64 of the pieces can be concatenated.
const PIECE: u64 = 192 * 1024;

/// A request body: a range of an archive, with fixed bytes before and after it.
#[derive(Clone)]
pub(super) struct ArchiveBody {
    pub(super) archive: Arc<Archive>,
    /// The byte range of the archive that is sent.
    pub(super) range: Range<u64>,
    pub(super) encoding: Encoding,
    pub(super) before: Bytes,
    pub(super) behind: Bytes,
}

/// How the bytes of the archive are encoded in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    /// Base64, for a JSON string.
    Base64,
}

/// Position in a body: the part to send next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Before,
    /// The archive from this byte offset on.
    Archive(u64),
    Behind,
    Nothing,
}

impl ArchiveBody {
    /// A body that consists of a range of the archive only.
    pub(super) fn raw(archive: Arc<Archive>, range: Range<u64>) -> Self {
        ArchiveBody { archive, range, encoding: Encoding::Raw, before: Bytes::new(), behind: Bytes::new() }
    }

    /// Total length in bytes, encoded.
    pub(super) fn length(&self) -> u64 {
        let carried = self.range.end - self.range.start;
        let encoded = match self.encoding {
            Encoding::Raw => carried,
            Encoding::Base64 => carried.div_ceil(3) * 4,
        };
        self.before.len() as u64 + encoded + self.behind.len() as u64
    }

    /// SHA-256 of the whole encoded body.
    pub(super) fn sha256(&self) -> std::io::Result<Vec<u8>> {
        let mut hash = Sha256::new();
        let mut part = Part::Before;
        while let Some((bytes, next)) = self.read(part)? {
            hash.update(&bytes);
            part = next;
        }
        Ok(hash.finalize().to_vec())
    }

    /// Converts it to an SDK body that can be sent again. Calls `report` with the number of bytes of the
    /// range read so far; each attempt starts at 0.
    pub(super) fn into_body(self, report: impl Fn(u64) + Send + Sync + 'static) -> SdkBody {
        let report: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(report);
        SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Stream {
                document: self.clone(),
                part: Part::Before,
                report: report.clone(),
            })
        })
    }

    /// Reads the bytes of a part. Also returns the part after it.
    fn read(&self, part: Part) -> std::io::Result<Option<(Bytes, Part)>> {
        Ok(Some(match part {
            Part::Before => (self.before.clone(), Part::Archive(self.range.start)),
            Part::Archive(from) => {
                let mut piece = vec![0; PIECE.min(self.range.end - from) as usize];
                self.archive.read_at(&mut piece, from)?;
                let next = from + piece.len() as u64;
                let encoded = match self.encoding {
                    Encoding::Raw => piece,
                    Encoding::Base64 => BASE64.encode_to_string(&piece).into_bytes(),
                };
                (Bytes::from(encoded), if next < self.range.end { Part::Archive(next) } else { Part::Behind })
            }
            Part::Behind => (self.behind.clone(), Part::Nothing),
            Part::Nothing => return Ok(None),
        }))
    }
}

/// One attempt to send the body.
struct Stream {
    document: ArchiveBody,
    part: Part,
    report: Arc<dyn Fn(u64) + Send + Sync>,
}

impl Body for Stream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Part::Archive(from) = self.part {
            (self.report)(from - self.document.range.start);
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
