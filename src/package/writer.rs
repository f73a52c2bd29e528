//! Writes a zip archive from compressed entries, with ZIP64 where sizes or counts need it.
//! It never compresses, and never seeks, so that the output can be hashed while it is written.
//!
//! The zip crate could write archives too. But it accepts data that is already deflated only as a one-entry
//! archive for each file, and making these would need more code than this module has. The format is PKWARE's
//! APPNOTE 6.3; numbers in comments are its sections.

use std::io::{self, Write};

/// Limits from which ZIP64 is needed: a field of all ones means "see the extra field" (4.4.1.4).
const MAX_32: u64 = u32::MAX as u64;
const MAX_16: u64 = u16::MAX as u64;

/// 1980-01-01, the first date that a DOS date can represent (4.4.6).
const DATE: u16 = 0x0021;

/// Made by version 4.5 (ZIP64) on Unix, so that the high half of the attributes holds a mode (4.4.2).
const MADE_BY: u16 = (3 << 8) | 45;

/// Names are UTF-8 (4.4.4, bit 11).
const UTF_8: u16 = 1 << 11;

/// Sizes and checksum follow the data (4.4.4, bit 3).
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;

/// Compression method of an entry (4.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// The data is the file itself.
    Stored = 0,
    /// The data is a deflate stream (RFC 1951).
    Deflated = 8,
}

/// Facts about an entry that are known after compression. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) crc32: u32,
    /// Size of the data in the archive.
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
}

/// Facts about an entry that are known before compression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    /// Relative name with `/` as separator. The name of a directory ends with `/`.
    pub(super) name: &'a str,
    /// Unix mode, including the file type.
    pub(super) mode: u32,
    pub(super) method: Method,
}

/// Writer of one archive.
pub(super) struct Writer<W> {
    out: W,
    position: u64,
    directory: Vec<u8>,
    entries: u64,
    /// The entry between [`Writer::begin`] and [`Writer::end`].
    open: Option<OpenEntry>,
}

struct OpenEntry {
    name: String,
    mode: u32,
    /// Offset of its header in the archive.
    at: u64,
    /// Offset of its data in the archive.
    data: u64,
    zip64: bool,
}

impl<W: Write> Writer<W> {
    /// Begins an archive, which is written to `out`.
    pub(super) fn new(out: W) -> Self {
        Writer { out, position: 0, directory: Vec::new(), entries: 0, open: None }
    }

    /// Writes an entry whose data is complete.
    pub(super) fn entry(&mut self, head: Head<'_>, sizes: Sizes, data: &[u8]) -> io::Result<()> {
        let at = self.position;
        let zip64 = sizes.compressed >= MAX_32 || sizes.uncompressed >= MAX_32;
        self.local_header(head, flags(head.name), sizes, zip64)?;
        self.part(data)?;
        self.add_to_directory(head, flags(head.name), sizes, at, zip64);
        Ok(())
    }

    /// Begins a deflated entry whose data arrives in parts. Set `zip64` if its size may reach 4 GiB.
    pub(super) fn begin(&mut self, name: &str, mode: u32, zip64: bool) -> io::Result<()> {
        let at = self.position;
        let head = Head { name, mode, method: Method::Deflated };
        self.local_header(head, flags(name) | DESCRIPTOR_FOLLOWS, Sizes::default(), zip64)?;
        self.open = Some(OpenEntry { name: name.to_owned(), mode, at, data: self.position, zip64 });
        Ok(())
    }

    /// Ends the entry: writes its checksum and sizes after its data (4.3.9).
    pub(super) fn end(&mut self, crc32: u32, uncompressed: u64) -> io::Result<()> {
        let open = self.open.take().expect("an entry was begun");
        let sizes = Sizes { crc32, compressed: self.position - open.data, uncompressed };
        let mut descriptor = FieldBuffer::default();
        descriptor.bytes(b"PK\x07\x08").u32(crc32);
        if open.zip64 {
            descriptor.u64(sizes.compressed).u64(sizes.uncompressed);
        } else {
            descriptor.u32(narrow(sizes.compressed)).u32(narrow(sizes.uncompressed));
        }
        self.part(&descriptor.0)?;
        let head = Head { name: &open.name, mode: open.mode, method: Method::Deflated };
        self.add_to_directory(head, flags(&open.name) | DESCRIPTOR_FOLLOWS, sizes, open.at, open.zip64);
        Ok(())
    }

    /// Writes the central directory and returns the inner writer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let (at, size) = (self.position, self.directory.len() as u64);
        let directory = std::mem::take(&mut self.directory);
        self.part(&directory)?;
        let mut end = FieldBuffer::default();
        if self.entries >= MAX_16 || at >= MAX_32 || size >= MAX_32 {
            // 4.3.14 and 4.3.15: the ZIP64 end of central directory record, and its locator.
            end.bytes(b"PK\x06\x06").u64(44).u16(MADE_BY).u16(45).u32(0).u32(0);
            end.u64(self.entries).u64(self.entries).u64(size).u64(at);
            end.bytes(b"PK\x06\x07").u32(0).u64(at + size).u32(1);
        }
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        end.bytes(b"PK\x05\x06").u16(0).u16(0).u16(entries).u16(entries);
        end.u32(narrow(size)).u32(narrow(at)).u16(0);
        self.part(&end.0)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes the local file header (4.3.7).
    fn local_header(&mut self, head: Head<'_>, flags: u16, sizes: Sizes, zip64: bool) -> io::Result<()> {
        let mut header = FieldBuffer::default();
        header.bytes(b"PK\x03\x04").u16(version(zip64)).u16(flags).u16(head.method as u16).u16(0).u16(DATE);
        header.sizes(sizes, zip64).u16(name_length(head.name)?).u16(if zip64 { 20 } else { 0 });
        header.bytes(head.name.as_bytes());
        if zip64 {
            header.u16(1).u16(16).u64(sizes.uncompressed).u64(sizes.compressed);
        }
        self.part(&header.0)
    }

    /// Adds the central directory header of an entry (4.3.12).
    fn add_to_directory(&mut self, head: Head<'_>, flags: u16, sizes: Sizes, at: u64, zip64: bool) {
        let mut extra = FieldBuffer::default();
        if zip64 {
            extra.u64(sizes.uncompressed).u64(sizes.compressed);
        }
        if at >= MAX_32 {
            extra.u64(at);
        }
        let extra_length = if extra.0.is_empty() { 0 } else { extra.0.len() as u16 + 4 };
        let mut entry = FieldBuffer(std::mem::take(&mut self.directory));
        entry.bytes(b"PK\x01\x02").u16(MADE_BY).u16(version(extra_length > 0)).u16(flags);
        entry.u16(head.method as u16).u16(0).u16(DATE).sizes(sizes, zip64);
        entry.u16(head.name.len() as u16).u16(extra_length).u16(0).u16(0).u16(0);
        entry.u32(head.mode << 16).u32(narrow(at)).bytes(head.name.as_bytes());
        if extra_length > 0 {
            entry.u16(1).u16(extra_length - 4).bytes(&extra.0);
        }
        self.directory = entry.0;
        self.entries += 1;
    }

    /// Writes a part of the data of an entry, or a header.
    pub(super) fn part(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Version needed to extract (4.4.3): 2.0 for deflate and directories, 4.5 for ZIP64.
fn version(zip64: bool) -> u16 {
    if zip64 { 45 } else { 20 }
}

fn flags(name: &str) -> u16 {
    if name.is_ascii() { 0 } else { UTF_8 }
}

fn name_length(name: &str) -> io::Result<u16> {
    u16::try_from(name.len()).map_err(|_| io::Error::other("a file name is longer than a zip archive allows"))
}

/// A number in 32 bits; all ones if it does not fit.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Buffer of little-endian fields.
#[derive(Default)]
struct FieldBuffer(Vec<u8>);

impl FieldBuffer {
    /// Checksum and sizes. With ZIP64, the sizes are in the extra field.
    fn sizes(&mut self, sizes: Sizes, zip64: bool) -> &mut Self {
        let size = |size| if zip64 { u32::MAX } else { narrow(size) };
        self.u32(sizes.crc32).u32(size(sizes.compressed)).u32(size(sizes.uncompressed))
    }
    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }
    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }
    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
