//! Builds the archive for Lambda from the job's directory. The same files give the same bytes, at any place
//! and time. It never changes a file of the directory and never sends a request to AWS, so what AWS would
//! reject is known before the first call. Effect: reads files.
#![expect(clippy::disallowed_methods, reason = "reads the files to package: this is the module for it")]

mod archive;
mod compress;
mod contents;
mod error;
mod foreign_archive;
mod handler;
mod hidden;
mod item;
mod limits;
mod links;
mod native;
mod note;
mod program;
mod selection;
mod walk;
mod writer;

pub(crate) use archive::{Archive, MAX_IN_MEMORY};
pub(crate) use contents::{Contents, scan};
pub(crate) use error::PackageError;
pub(crate) use handler::{Misplaced, MissingHandler};
#[cfg(test)]
pub(crate) use limits::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES};
pub(crate) use note::{DanglingReason, PackageNote};
pub(crate) use selection::Selection;

#[cfg(test)]
mod tests;
