//! Second phase: selects the files to package before the first request to AWS, and packages them. It never
//! sends a request to AWS for a package that Lambda would reject as too large.

use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use super::warn;
use crate::cancel::CancelToken;
use crate::code_source::{CodeSource, Object};
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::package::{self, Archive, Contents, MAX_IN_MEMORY, PackageError, PackageNote, Selection};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Finished, Progress};
use crate::warnings;

/// The code as it is known before the first request to AWS.
pub(super) enum Prepared {
    /// Files to package. The archive will certainly not be too large.
    Contents(Contents),
    /// An archive whose size is checked already, because it might have been too large, or because it belongs
    /// to a release.
    Archive(Arc<Archive>),
    /// No package: the code is an S3 object.
    Object(Object),
    /// No package: the code is this container image. `None`: it is the live one.
    Image(Option<String>),
}

/// Prepares the code without a request to AWS. Packages it at once if it might be too large for Lambda.
pub(super) fn prepare(context: &Context<'_>, source: &CodeSource) -> Result<Prepared, ErrorReport> {
    let in_call = match without_package(source) {
        Ok(prepared) => return Ok(prepared),
        Err(in_call) => in_call,
    };
    let contents = scan(context, context.job.plan_file.as_deref())?;
    contents.check_unzipped_size().map_err(|error| failed(context, error))?;
    if contents.fits_upper_bound(in_call) {
        return Ok(Prepared::Contents(contents));
    }
    let archive = into_archive(contents, MAX_IN_MEMORY, context.events, context.stop)
        .map_err(|error| failed(context, error))?;
    archive.check_size(in_call).map_err(|error| failed(context, error))?;
    emit(context, &archive);
    Ok(Prepared::Archive(Arc::new(archive)))
}

/// The code, if nothing has to be packaged. `Err`: whether the archive is sent in the call, and not through a
/// bucket.
fn without_package(source: &CodeSource) -> Result<Prepared, bool> {
    match source {
        CodeSource::Object(object) => Ok(Prepared::Object(object.clone())),
        CodeSource::Image(uri) => Ok(Prepared::Image(Some(uri.clone()))),
        CodeSource::LiveImage => Ok(Prepared::Image(None)),
        CodeSource::Package => Err(true),
        CodeSource::PackageInBucket(_) => Err(false),
    }
}

/// Bytes of all archives of a release that are kept in memory. Further archives go to temporary files.
const MAX_TOTAL_IN_MEMORY: usize = 8 * 1024 * 1024;

/// The archives of a release. Equal selections of files are packaged once.
#[derive(Default)]
pub(super) struct Archives {
    built: Vec<(Selection, Arc<Archive>)>,
    bytes_in_memory: usize,
}

impl Archives {
    /// Prepares the code of one function, and packages it at once.
    pub(super) fn prepare(
        &mut self,
        context: &Context<'_>,
        source: &CodeSource,
    ) -> Result<Prepared, ErrorReport> {
        let in_call = match without_package(source) {
            Ok(prepared) => return Ok(prepared),
            Err(in_call) => in_call,
        };
        let selection = Selection::of(context.stanza);
        let known = self.built.iter().find(|(known, _)| *known == selection);
        let archive = match known.map(|(_, archive)| archive.clone()) {
            Some(archive) => archive,
            None => {
                let archive = self.build(context)?;
                self.built.push((selection, archive.clone()));
                archive
            }
        };
        archive.check_size(in_call).map_err(|error| failed(context, error))?;
        emit(context, &archive);
        Ok(Prepared::Archive(archive))
    }

    fn build(&mut self, context: &Context<'_>) -> Result<Arc<Archive>, ErrorReport> {
        let contents = scan(context, context.job.plan_file.as_deref())?;
        contents.check_unzipped_size().map_err(|error| failed(context, error))?;
        let in_memory = MAX_IN_MEMORY.min(MAX_TOTAL_IN_MEMORY.saturating_sub(self.bytes_in_memory));
        let archive = into_archive(contents, in_memory, context.events, context.stop)
            .map_err(|error| failed(context, error))?;
        self.bytes_in_memory += archive.bytes_in_memory();
        Ok(Arc::new(archive))
    }
}

/// Packages on another thread, so that requests to AWS can run meanwhile.
pub(super) async fn package_in_background(
    context: &Context<'_>,
    contents: Contents,
) -> Result<Archive, ErrorReport> {
    let (events, stop) = (context.events.clone(), context.stop.clone());
    let packaging =
        tokio::task::spawn_blocking(move || into_archive(contents, MAX_IN_MEMORY, &events, &stop));
    let archive =
        packaging.await.expect("a panic ends the process").map_err(|error| failed(context, error))?;
    emit(context, &archive);
    Ok(archive)
}

/// Packages and writes the archive to a file: the whole of the command `package`.
pub(super) fn package_to(context: &Context<'_>, output: &Path) -> Result<Finished, ErrorReport> {
    let output_path = context.job.directory.join(output);
    let contents = scan(context, Some(&output_path))?;
    let archive = into_archive(contents, MAX_IN_MEMORY, context.events, context.stop)
        .map_err(|error| failed(context, error))?;
    emit(context, &archive);
    let architecture = context.stanza.architectures.as_deref();
    warn::about_code(context, &context.desired_function(), None, Some(&archive), architecture);
    archive.write_to(&output_path, output).map_err(|error| failed(context, error))?;
    Ok(Finished::Packaged {
        package: context.redaction.variables.package(archive.to_event()),
        output: output.display().to_string(),
    })
}

/// Selects the files to package, without `leave_out`.
fn scan(context: &Context<'_>, leave_out: Option<&Path>) -> Result<Contents, ErrorReport> {
    let selection = Selection::of(context.stanza);
    let contents = package::scan(&context.job.directory, &selection, leave_out)
        .map_err(|error| failed(context, error))?;
    let runtime = context.stanza.runtime.as_deref();
    let is_python = runtime.is_none_or(|runtime| runtime.starts_with("python"));
    let applies = |note: &&PackageNote| is_python || !matches!(note, PackageNote::StalePyc { .. });
    contents.notes().iter().filter(applies).for_each(|note| context.warn(&warnings::from_note(note)));
    Ok(contents)
}

fn into_archive(
    contents: Contents,
    in_memory: usize,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Result<Archive, PackageError> {
    let mut report = events.progress(Progress::package);
    let mut progress = |progress: package::Progress| report(progress.done_bytes, progress.total_bytes);
    contents.into_archive(in_memory, &mut progress, stop)
}

fn emit(context: &Context<'_>, archive: &Archive) {
    context.events.emit(Event::Packaged(context.redaction.variables.package(archive.to_event())));
    archive.notes().iter().for_each(|note| context.warn(&warnings::from_note(note)));
}

fn failed(context: &Context<'_>, error: PackageError) -> ErrorReport {
    diagnostics::from_package(error, &context.redaction.variables)
}
