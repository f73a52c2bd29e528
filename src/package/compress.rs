//! Compresses files in several threads and returns the pieces in order. The bytes are the same for any number
//! of threads. It never holds more than a fixed budget of bytes, even for large files. Effect: reads files,
//! in its own threads.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};

use super::error::{PackageError, unarchivable, unreadable};
use super::item::{FileState, Item, ItemKind};
use super::writer::{Method, Sizes};
use crate::bounded_read;

/// Largest file in bytes that is compressed as a whole, with libdeflate, which is faster. Larger files are
/// compressed in blocks, with zlib.
const MAX_WHOLE_BYTES: u64 = 1024 * 1024;

/// Block size in bytes for large files. Each block but the first has the 32 KiB before it as a dictionary, so
/// splitting costs little compression.
const BLOCK: u64 = 1024 * 1024;

/// Window size of deflate in bytes.
const WINDOW: u64 = 32 * 1024;

/// Limit for the bytes of files that are read but not yet written, for all threads together.
const BUDGET: u64 = 8 * 1024 * 1024;

/// Level of libdeflate. Level 6 compresses as well as zlib's level 6, more than twice as fast. Level 7 takes
/// a third more time and saves half a percent.
const LEVEL: i32 = 6;

/// Level for blocks: the default of zlib.
const BLOCK_LEVEL: u32 = 6;

/// Minimum size in bytes of a file or block that is stored if its samples do not shrink. Smaller ones are
/// always compressed.
const SAMPLED_FROM: usize = 256 * 1024;

/// Number of samples, at even distances, and their size in bytes. Measured with 400 blocks of programs,
/// images and archives: none is stored that deflate would make 2 % smaller, and the samples take 0.6 % of the
/// time of compressing.
const SAMPLES: usize = 8;
const SAMPLE: usize = 16 * 1024;

/// Size in bytes above which a sample counts as not shrunk: 98 %.
const SHRUNK: usize = SAMPLE - SAMPLE / 50;

/// Level of libdeflate for samples: the fastest.
const SAMPLE_LEVEL: i32 = 1;

/// Small files are passed between threads in batches of up to this many bytes: waking a thread for each file
/// would take as long as compressing it.
const BATCH_BYTES: u64 = 256 * 1024;

/// A piece of the archive. Pieces arrive in the order of the archive.
#[derive(Debug)]
pub(super) enum Piece {
    /// Consecutive complete items. `first` is the index of the first one; `data` is their compressed data,
    /// concatenated.
    Whole { first: usize, entries: Vec<(Method, Sizes)>, data: Vec<u8> },
    /// A block of a large file, with the checksum of that block.
    Block { item: usize, place: BlockPosition, crc32: crc32fast::Hasher, uncompressed: u64, data: Vec<u8> },
}

/// Position of a block in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPosition {
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

/// Work for one thread.
#[derive(Clone, Debug)]
enum CompressJob {
    Whole { items: Range<usize>, bytes: u64 },
    Block { item: usize, from: u64, bytes: u64, place: BlockPosition },
}

impl CompressJob {
    fn bytes(&self) -> u64 {
        match self {
            CompressJob::Whole { bytes, .. } | CompressJob::Block { bytes, .. } => *bytes,
        }
    }
}

/// Compresses `items` with `threads` threads and passes each piece to `commit`, in order. Calls `check`
/// before each piece, and ends with its error.
pub(super) fn compress(
    items: &[Item],
    threads: usize,
    check: &(dyn Fn() -> Result<(), PackageError> + Sync),
    commit: &mut dyn FnMut(Piece) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let queue = Queue {
        state: Mutex::new(State { jobs: jobs(items), next: 0, bytes_in_use: 0, ended: false }),
        capacity: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                let mut worker = Worker::default();
                while let Some((number, job)) = queue.next_job() {
                    let piece = check().and_then(|()| worker.piece(items, &job));
                    if sender.send((number, job.bytes(), piece)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // If this loop ends early, the threads must not go on waiting for budget.
        let _ended = EndOnDrop(&queue);
        let mut out_of_order = BTreeMap::new();
        let mut next = 0;
        for (number, bytes, piece) in results {
            out_of_order.insert(number, (bytes, piece));
            while let Some((bytes, piece)) = out_of_order.remove(&next) {
                commit(piece?)?;
                queue.release(bytes);
                next += 1;
            }
        }
        Ok(())
    })
}

/// Jobs in the order of the archive. They are handed out in that order, and only while budget is left. That
/// limits memory and cannot deadlock: the piece that is written next is always among those in progress.
struct Queue {
    state: Mutex<State>,
    capacity: Condvar,
}

struct State {
    jobs: Vec<CompressJob>,
    next: usize,
    bytes_in_use: u64,
    ended: bool,
}

impl Queue {
    fn next_job(&self) -> Option<(usize, CompressJob)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let job = state.jobs.get(state.next).filter(|_| !state.ended)?.clone();
            if state.bytes_in_use == 0 || state.bytes_in_use + job.bytes() <= BUDGET {
                state.bytes_in_use += job.bytes();
                state.next += 1;
                return Some((state.next - 1, job));
            }
            state = self.capacity.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self, bytes: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bytes_in_use -= bytes;
        self.capacity.notify_all();
    }
}

struct EndOnDrop<'a>(&'a Queue);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.capacity.notify_all();
    }
}

/// Splits the items into jobs. The result must not depend on the number of threads, because the block
/// boundaries determine the bytes of the archive.
fn jobs(items: &[Item]) -> Vec<CompressJob> {
    let mut jobs: Vec<CompressJob> = Vec::new();
    for (item, entry) in items.iter().enumerate() {
        let size = entry.bytes();
        if size <= MAX_WHOLE_BYTES {
            match jobs.last_mut() {
                Some(CompressJob::Whole { items, bytes }) if *bytes + size <= BATCH_BYTES => {
                    items.end = item + 1;
                    *bytes += size;
                }
                _ => jobs.push(CompressJob::Whole { items: item..item + 1, bytes: size }),
            }
            continue;
        }
        let blocks = size.div_ceil(BLOCK);
        jobs.extend((0..blocks).map(|block| {
            let from = block * BLOCK;
            let place = BlockPosition { is_first: block == 0, is_last: block + 1 == blocks };
            CompressJob::Block { item, from, bytes: BLOCK.min(size - from), place }
        }));
    }
    jobs
}

/// Buffers and compressors that a thread reuses.
#[derive(Default)]
struct Worker {
    input: Vec<u8>,
    output: Vec<u8>,
    compressor: Option<Compressor>,
    sampler: Option<Compressor>,
}

impl Worker {
    fn piece(&mut self, items: &[Item], job: &CompressJob) -> Result<Piece, PackageError> {
        match job {
            CompressJob::Whole { items: range, bytes } => {
                let mut entries = Vec::with_capacity(range.len());
                let mut data = Vec::with_capacity(*bytes as usize / 2);
                for item in &items[range.clone()] {
                    self.read_whole(item)?;
                    entries.push(self.whole(matches!(item.kind, ItemKind::File { .. }), &mut data));
                }
                Ok(Piece::Whole { first: range.start, entries, data })
            }
            CompressJob::Block { item, from, bytes, place } => {
                let before = (*from).min(WINDOW);
                self.read_range(&items[*item], from - before, before + bytes, place.is_last)?;
                self.block(*item, before as usize, *place).map_err(unarchivable)
            }
        }
    }

    fn read_whole(&mut self, item: &Item) -> Result<(), PackageError> {
        self.input.clear();
        match &item.kind {
            ItemKind::EmptyDirectory => {}
            ItemKind::Link { target } => self.input.extend_from_slice(target.as_bytes()),
            ItemKind::File { .. } => self.read_range(item, 0, item.bytes(), true)?,
        }
        Ok(())
    }

    /// Fills the input with a part of a file. `is_last`: the file ends with it.
    fn read_range(&mut self, item: &Item, from: u64, bytes: u64, is_last: bool) -> Result<(), PackageError> {
        self.input.resize(bytes as usize, 0);
        match read_part(item, &mut self.input, from, is_last) {
            Ok(true) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(unreadable(&item.path)(error)),
            Ok(false) | Err(_) => Err(PackageError::Changed { path: item.path.clone() }),
        }
    }

    /// Compresses the input and appends it to `data`. Stores the input uncompressed if it would not become
    /// smaller, or if samples of it do not.
    fn whole(&mut self, is_file: bool, data: &mut Vec<u8>) -> (Method, Sizes) {
        let uncompressed = self.input.len() as u64;
        let crc32 = crc32fast::hash(&self.input);
        let mut deflated = None;
        if is_file && !self.input.is_empty() && is_compressible(&mut self.sampler, &self.input) {
            let compressor = self.compressor.get_or_insert_with(|| libdeflate(LEVEL));
            if self.output.len() < self.input.len() {
                self.output.resize(self.input.len(), 0);
            }
            // The buffer is as large as the input: an overflow means that the result would not be smaller.
            let output = &mut self.output[..self.input.len()];
            deflated = compressor.deflate_compress(&self.input, output).ok();
        }
        let (method, bytes) = match deflated {
            Some(length) => (Method::Deflated, &self.output[..length]),
            None => (Method::Stored, self.input.as_slice()),
        };
        data.extend_from_slice(bytes);
        (method, Sizes { crc32, compressed: bytes.len() as u64, uncompressed })
    }

    /// Compresses a block with the bytes before it as a dictionary, or stores it if samples of it do not
    /// become smaller. The output ends at a byte boundary, so that the next block can be appended.
    fn block(&mut self, item: usize, before: usize, place: BlockPosition) -> io::Result<Piece> {
        let (dictionary, input) = self.input.split_at(before);
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(input);
        let data = if is_compressible(&mut self.sampler, input) {
            deflated(dictionary, input, place.is_last)?
        } else {
            stored(input, place.is_last)
        };
        Ok(Piece::Block { item, place, crc32, uncompressed: input.len() as u64, data })
    }
}

/// Reads a part of a file. False: the file has changed since it was listed, so its parts may belong to
/// different contents.
fn read_part(item: &Item, part: &mut [u8], from: u64, is_last: bool) -> io::Result<bool> {
    let file = bounded_read::open(&item.path)?;
    file.read_exact_at(part, from)?;
    let has_more = is_last && file.read_at(&mut [0], from + part.len() as u64)? > 0;
    Ok(!has_more && item.kind.is_unchanged(FileState::of(&file.metadata()?)))
}

fn libdeflate(level: i32) -> Compressor {
    Compressor::new(CompressionLvl::new(level).expect("a level of libdeflate"))
}

/// Whether to compress these bytes. Depends on nothing but them, so that the archive is reproducible.
fn is_compressible(sampler: &mut Option<Compressor>, bytes: &[u8]) -> bool {
    if bytes.len() < SAMPLED_FROM {
        return true;
    }
    let sampler = sampler.get_or_insert_with(|| libdeflate(SAMPLE_LEVEL));
    let distance = (bytes.len() - SAMPLE) / (SAMPLES - 1);
    (0..SAMPLES).any(|number| {
        let sample = &bytes[number * distance..][..SAMPLE];
        sampler.deflate_compress(sample, &mut [0; SHRUNK]).is_ok()
    })
}

/// A block in deflate's form, compressed.
fn deflated(dictionary: &[u8], input: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
    let mut deflate = Compress::new(Compression::new(BLOCK_LEVEL), false);
    if !dictionary.is_empty() {
        deflate.set_dictionary(dictionary).map_err(io::Error::other)?;
    }
    let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut data = Vec::with_capacity(input.len() / 2 + 1024);
    loop {
        let done = deflate.total_in() as usize;
        let status = deflate.compress_vec(&input[done..], &mut data, flush).map_err(io::Error::other)?;
        // The flush is complete if the buffer has free space left. If it is full, more output may follow.
        let flushed = deflate.total_in() as usize == input.len() && data.len() < data.capacity();
        if status == Status::StreamEnd || (flushed && !is_last) {
            return Ok(data);
        }
        data.reserve(data.capacity().max(4096));
    }
}

/// A block in deflate's form, uncompressed: chunks with their length before them (RFC 1951, 3.2.4).
fn stored(input: &[u8], is_last: bool) -> Vec<u8> {
    let chunks = input.chunks(usize::from(u16::MAX));
    let mut data = Vec::with_capacity(input.len() + 5 * chunks.len());
    for (left, chunk) in (0..chunks.len()).rev().zip(chunks) {
        let length = chunk.len() as u16;
        data.push(u8::from(is_last && left == 0));
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(chunk);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;
    use flate2::{Decompress, FlushDecompress};

    #[test]
    fn only_what_shrinks_in_no_place_is_stored() {
        let mut sampler = None;
        let noise = noise(BLOCK as usize);
        assert!(!is_compressible(&mut sampler, &noise));
        assert!(!is_compressible(&mut sampler, &noise[..SAMPLED_FROM]));
        assert!(is_compressible(&mut sampler, &noise[..SAMPLED_FROM - 1]), "too small for samples");
        let quarter = noise.len() / 4;
        for at in 0..4 {
            let mut mixed = noise.clone();
            mixed[at * quarter..(at + 1) * quarter].fill(b'x');
            assert!(is_compressible(&mut sampler, &mixed), "quarter {at}");
        }
        let digits: Vec<u8> = noise.iter().map(|byte| b"0123456789abcdef"[usize::from(byte % 16)]).collect();
        assert!(is_compressible(&mut sampler, &digits));
    }

    #[test]
    fn a_stored_block_can_be_followed_by_any_other() {
        let (noise, text) = (noise(200_000), b"the quick brown fox ".repeat(5_000));
        let before = &noise[noise.len() - WINDOW as usize..];
        let data = [
            stored(&noise, false),
            deflated(before, &text, false).expect("deflated"),
            stored(&noise[..usize::from(u16::MAX)], true),
        ]
        .concat();
        let mut inflated = Vec::with_capacity(1_000_000);
        let mut inflate = Decompress::new(false);
        let status = inflate.decompress_vec(&data, &mut inflated, FlushDecompress::Finish);
        assert_eq!(status.expect("valid"), Status::StreamEnd);
        assert!(inflated == [&noise[..], &text[..], &noise[..usize::from(u16::MAX)]].concat());
        assert_eq!(stored(&noise, true).len(), noise.len() + 5 * 4, "four chunks");
    }
}
