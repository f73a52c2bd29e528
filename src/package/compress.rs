//! Files in, their compressed pieces out: in order, whatever thread was first, and the same for any number of threads.
//! Never holds more than a budget of bytes, however large a file is. Effect: reads files, by threads of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};

use super::PackageError;
use super::archive::unarchivable;
use super::contents::{Item, ItemKind, unreadable};
use super::writer::{Method, Sizes};
use crate::stop::Stop;

/// Files up to here are compressed whole, by libdeflate, which is the faster one; larger ones in blocks.
const WHOLE: u64 = 1024 * 1024;

/// A block of a large file. Each but the first knows the 32 KiB before it, so that little is lost by cutting.
const BLOCK: u64 = 1024 * 1024;

/// How far back deflate refers.
const WINDOW: u64 = 32 * 1024;

/// Bytes of files that may be read and not yet written out, all threads together.
const BUDGET: u64 = 8 * 1024 * 1024;

/// libdeflate's 6 is as small as zlib's 6 and more than twice as fast; 7 costs a third more time for half a percent.
const LEVEL: i32 = 6;

/// zlib's own default.
const BLOCK_LEVEL: u32 = 6;

/// Small files are handed from thread to thread together, up to here: waking somebody up for each would cost as much as
/// compressing it.
const TOGETHER: u64 = 256 * 1024;

/// A piece of the archive, in order.
#[derive(Debug)]
pub(super) enum Piece {
    /// Items that are whole, from `first` on, and their data one behind the other.
    Whole { first: usize, entries: Vec<(Method, Sizes)>, data: Vec<u8> },
    /// A block of a large file, with the checksum of its own bytes.
    Block { item: usize, place: Place, crc32: crc32fast::Hasher, uncompressed: u64, data: Vec<u8> },
}

/// Where a block stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

/// What a thread does next.
#[derive(Clone, Debug)]
enum Job {
    Whole { items: Range<usize>, bytes: u64 },
    Block { item: usize, from: u64, bytes: u64, place: Place },
}

impl Job {
    fn bytes(&self) -> u64 {
        match self {
            Job::Whole { bytes, .. } | Job::Block { bytes, .. } => *bytes,
        }
    }
}

/// Compresses `items` with `threads` threads and gives each piece to `commit`, in order.
pub(super) fn compress(
    items: &[Item],
    threads: usize,
    stop: &Stop,
    commit: &mut dyn FnMut(Piece) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let queue =
        Queue { state: Mutex::new(State { jobs: jobs(items), next: 0, held: 0, ended: false }), room: Condvar::new() };
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                let mut tools = Tools::default();
                while let Some((number, job)) = queue.take() {
                    let piece = stop.check().map_err(PackageError::Stopped).and_then(|()| tools.piece(items, &job));
                    if sender.send((number, job.bytes(), piece)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Whatever ends this loop early, the threads must not wait for room any more.
        let _ended = EndOnDrop(&queue);
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (number, bytes, piece) in results {
            early.insert(number, (bytes, piece));
            while let Some((bytes, piece)) = early.remove(&next) {
                commit(piece?)?;
                queue.give_back(bytes);
                next += 1;
            }
        }
        Ok(())
    })
}

/// Jobs in the order of the archive. Handing them out in that order, and only while there is room, is what keeps memory
/// small: whoever holds bytes is always the one whose turn comes next, or right behind it.
struct Queue {
    state: Mutex<State>,
    room: Condvar,
}

struct State {
    jobs: Vec<Job>,
    next: usize,
    held: u64,
    ended: bool,
}

impl Queue {
    fn take(&self) -> Option<(usize, Job)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let job = state.jobs.get(state.next).filter(|_| !state.ended)?.clone();
            if state.held == 0 || state.held + job.bytes() <= BUDGET {
                state.held += job.bytes();
                state.next += 1;
                return Some((state.next - 1, job));
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, bytes: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).held -= bytes;
        self.room.notify_all();
    }
}

struct EndOnDrop<'a>(&'a Queue);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.room.notify_all();
    }
}

/// The same for any number of threads: what is cut where decides about the bytes.
fn jobs(items: &[Item]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for (item, entry) in items.iter().enumerate() {
        let size = entry.bytes();
        if size <= WHOLE {
            match jobs.last_mut() {
                Some(Job::Whole { items, bytes }) if *bytes + size <= TOGETHER => {
                    items.end = item + 1;
                    *bytes += size;
                }
                _ => jobs.push(Job::Whole { items: item..item + 1, bytes: size }),
            }
            continue;
        }
        let blocks = size.div_ceil(BLOCK);
        jobs.extend((0..blocks).map(|block| {
            let from = block * BLOCK;
            let place = Place { is_first: block == 0, is_last: block + 1 == blocks };
            Job::Block { item, from, bytes: BLOCK.min(size - from), place }
        }));
    }
    jobs
}

/// What a thread uses again and again.
#[derive(Default)]
struct Tools {
    input: Vec<u8>,
    output: Vec<u8>,
    compressor: Option<Compressor>,
}

impl Tools {
    fn piece(&mut self, items: &[Item], job: &Job) -> Result<Piece, PackageError> {
        match job {
            Job::Whole { items: range, bytes } => {
                let mut entries = Vec::with_capacity(range.len());
                let mut data = Vec::with_capacity(*bytes as usize / 2);
                for item in &items[range.clone()] {
                    self.read_whole(item, item.bytes())?;
                    entries.push(self.whole(matches!(item.kind, ItemKind::File { .. }), &mut data));
                }
                Ok(Piece::Whole { first: range.start, entries, data })
            }
            Job::Block { item, from, bytes, place } => {
                let before = (*from).min(WINDOW);
                self.read_range(&items[*item], from - before, before + bytes, *place)?;
                self.block(*item, before as usize, *place).map_err(unarchivable)
            }
        }
    }

    fn read_whole(&mut self, item: &Item, bytes: u64) -> Result<(), PackageError> {
        self.input.clear();
        match &item.kind {
            ItemKind::EmptyDirectory => {}
            ItemKind::Link { target } => self.input.extend_from_slice(target.as_bytes()),
            ItemKind::File { .. } => {
                let file = File::open(&item.path).map_err(unreadable(&item.path))?;
                // Room for one byte more than there should be tells a file that has grown, and a short read its end.
                self.input.resize(bytes as usize + 1, 0);
                let mut length = 0;
                while length < bytes as usize + 1 {
                    match (&file).read(&mut self.input[length..]).map_err(unreadable(&item.path))? {
                        0 => break,
                        count => length += count,
                    }
                    if length == bytes as usize {
                        break;
                    }
                }
                self.input.truncate(length);
                if self.input.len() as u64 != bytes {
                    return Err(PackageError::Changed { path: item.path.clone() });
                }
            }
        }
        Ok(())
    }

    fn read_range(&mut self, item: &Item, from: u64, bytes: u64, place: Place) -> Result<(), PackageError> {
        let file = File::open(&item.path).map_err(unreadable(&item.path))?;
        self.input.resize(bytes as usize, 0);
        file.read_exact_at(&mut self.input, from).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => PackageError::Changed { path: item.path.clone() },
            _ => unreadable(&item.path)(error),
        })?;
        let has_grown = place.is_last && file.read_at(&mut [0], from + bytes).is_ok_and(|more| more > 0);
        if has_grown { Err(PackageError::Changed { path: item.path.clone() }) } else { Ok(()) }
    }

    /// Compresses what was read behind `data`; what does not become smaller is stored.
    fn whole(&mut self, is_file: bool, data: &mut Vec<u8>) -> (Method, Sizes) {
        let uncompressed = self.input.len() as u64;
        let crc32 = crc32fast::hash(&self.input);
        let mut deflated = None;
        if is_file && !self.input.is_empty() {
            let level = || CompressionLvl::new(LEVEL).expect("6 is a level");
            let compressor = self.compressor.get_or_insert_with(|| Compressor::new(level()));
            if self.output.len() < self.input.len() {
                self.output.resize(self.input.len(), 0);
            }
            // No room for the result means that it would not be smaller.
            let room = &mut self.output[..self.input.len()];
            deflated = compressor.deflate_compress(&self.input, room).ok();
        }
        let (method, bytes) = match deflated {
            Some(length) => (Method::Deflated, &self.output[..length]),
            None => (Method::Stored, self.input.as_slice()),
        };
        data.extend_from_slice(bytes);
        (method, Sizes { crc32, compressed: bytes.len() as u64, uncompressed })
    }

    /// Compresses a block so that the next one can follow it: with the bytes before it as a dictionary, to a byte's edge.
    fn block(&mut self, item: usize, before: usize, place: Place) -> io::Result<Piece> {
        let (dictionary, input) = self.input.split_at(before);
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(input);
        let mut deflate = Compress::new(Compression::new(BLOCK_LEVEL), false);
        if !dictionary.is_empty() {
            deflate.set_dictionary(dictionary).map_err(io::Error::other)?;
        }
        let flush = if place.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
        let mut data = Vec::with_capacity(input.len() / 2 + 1024);
        loop {
            let done = deflate.total_in() as usize;
            let status = deflate.compress_vec(&input[done..], &mut data, flush).map_err(io::Error::other)?;
            // With room left, a flush is complete; without, there may be more of it.
            let flushed = deflate.total_in() as usize == input.len() && data.len() < data.capacity();
            if status == Status::StreamEnd || (flushed && !place.is_last) {
                break;
            }
            data.reserve(data.capacity().max(4096));
        }
        Ok(Piece::Block { item, place, crc32, uncompressed: input.len() as u64, data })
    }
}
