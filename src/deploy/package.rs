//! Second phase: selects the files to package before the first request to AWS, and packages them and the
//! layers that the stanza builds. It never sends a request to AWS for a package that Lambda would reject as
//! too large.

use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use super::context::Context;
use super::warn;
use crate::cancel::CancelToken;
use crate::code_source::{BuiltLayer, CodeSource, Object};
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::lambda::IdentityKey;
use crate::package::{self, Archive, Contents, MAX_IN_MEMORY, PackageError, PackageNote, Selection};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Finished, Package, Progress};
use crate::protocol::layer::{Layer, LayerContent};
use crate::warnings;

/// The code and the layers as they are known before the first request to AWS.
pub(super) struct Prepared {
    pub(super) code: PreparedCode,
    /// The layers that the stanza builds. Their live versions are not read yet.
    pub(super) layers: Vec<BuiltLayer>,
}

/// The code as it is known before the first request to AWS.
pub(super) enum PreparedCode {
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

/// Prepares the code and the layers without a request to AWS.
pub(super) fn prepare(context: &Context<'_>, source: &CodeSource) -> Result<Prepared, ErrorReport> {
    let code = prepare_code(context, source)?;
    Ok(Prepared { code, layers: build_layers(context, source, &mut Vec::new())? })
}

/// Prepares the code. Packages it at once if it might be too large for Lambda.
fn prepare_code(context: &Context<'_>, source: &CodeSource) -> Result<PreparedCode, ErrorReport> {
    let in_call = match without_package(source) {
        Ok(prepared) => return Ok(prepared),
        Err(in_call) => in_call,
    };
    let contents = scan(context, &context.job.own_files)?;
    contents.check_unzipped_size().map_err(failed(context))?;
    if contents.fits_upper_bound(in_call) {
        return Ok(PreparedCode::Contents(contents));
    }
    let archive =
        into_archive(contents, MAX_IN_MEMORY, context.events, context.stop).map_err(failed(context))?;
    archive.check_size(in_call).map_err(failed(context))?;
    emit(context, &archive);
    Ok(PreparedCode::Archive(Arc::new(archive)))
}

/// Packages the layers that the stanza builds. `built` are the layers of the release so far.
fn build_layers(
    context: &Context<'_>,
    source: &CodeSource,
    built: &mut Vec<(Selection, Arc<Archive>)>,
) -> Result<Vec<BuiltLayer>, ErrorReport> {
    let contents = context.stanza.layers.iter().flatten().filter_map(Layer::content);
    let layers = contents.map(|content| {
        // The error is about the layer, not about the code.
        let failed = |error| match failed(context)(error) {
            report @ ErrorReport { at: Some(_), .. } => report.at("/layers"),
            report => report,
        };
        build_layer(context, source, content, built).map_err(failed)
    });
    layers.collect()
}

/// Packages a layer. `include` and `exclude` of the stanza are for the code, and do not apply to it.
fn build_layer(
    context: &Context<'_>,
    source: &CodeSource,
    content: &LayerContent,
    built: &mut Vec<(Selection, Arc<Archive>)>,
) -> Result<BuiltLayer, PackageError> {
    let of_code = Selection::of(context.stanza);
    let (paths, include, exclude) = (vec![content.zip.clone()], Vec::new(), Vec::new());
    let selection = Selection { paths, include, exclude, ..of_code };
    let known = built.iter().find(|(known, _)| *known == selection);
    let archive = match known.map(|(_, archive)| archive.clone()) {
        Some(archive) => archive,
        None => {
            let contents = package::scan(&context.job.directory, &selection, &context.job.own_files)?;
            contents.check_unzipped_size()?;
            let notes = contents.notes().to_vec();
            // A stanza with several layers must not hold all of them in memory.
            let archive = into_archive(contents, 0, context.events, context.stop)?;
            let notes = notes.iter().chain(archive.notes()).filter(|note| is_relevant(context, note));
            notes.for_each(|note| context.warn(&warnings::from_note(note).at("/layers")));
            let archive = Arc::new(archive);
            built.push((selection, archive.clone()));
            archive
        }
    };
    let bucket = match source {
        CodeSource::PackageInBucket(bucket) => Some(bucket),
        CodeSource::Package | CodeSource::Object(_) | CodeSource::Image(_) | CodeSource::LiveImage => None,
    };
    archive.check_size(bucket.is_none())?;
    let package = Package { layer: Some(content.name.clone()), ..archive.to_event() };
    context.events.emit(Event::Packaged(context.redaction.variables.package(package)));
    Ok(BuiltLayer {
        content: content.clone(),
        layer: content.name.clone(),
        object: bucket.map(|bucket| bucket.object(context.name.name(), archive.sha256())),
        archive,
        live: Vec::new(),
        live_sha256: None,
    })
}

/// The code, if nothing has to be packaged. `Err`: whether the archive is sent in the call, and not through a
/// bucket.
fn without_package(source: &CodeSource) -> Result<PreparedCode, bool> {
    match source {
        CodeSource::Object(object) => Ok(PreparedCode::Object(object.clone())),
        CodeSource::Image(uri) => Ok(PreparedCode::Image(Some(uri.clone()))),
        CodeSource::LiveImage => Ok(PreparedCode::Image(None)),
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
    layers: Vec<(Selection, Arc<Archive>)>,
    functions: Vec<FunctionLayers>,
    bytes_in_memory: usize,
}

/// The layers that a function of a release builds.
struct FunctionLayers {
    /// Who publishes them.
    identity: IdentityKey,
    /// What comes before the name of the function in its ARN. Empty: the stanza has the name alone.
    account: String,
    /// Name and content of each.
    layers: Vec<(String, Arc<Archive>)>,
}

impl Archives {
    /// Prepares the code and the layers of one function, and packages them at once.
    pub(super) fn prepare(
        &mut self,
        context: &Context<'_>,
        source: &CodeSource,
    ) -> Result<Prepared, ErrorReport> {
        let code = self.prepare_code(context, source)?;
        let layers = build_layers(context, source, &mut self.layers)?;
        self.check_layers(context, &layers)?;
        Ok(Prepared { code, layers })
    }

    /// Fails if another function of the release builds a layer of the same name with other content: each of
    /// the two would publish its own version in every run, and might delete that of the other one.
    fn check_layers(&mut self, context: &Context<'_>, layers: &[BuiltLayer]) -> Result<(), ErrorReport> {
        let Ok(identity) = IdentityKey::of(context.stanza, &context.job.env) else { return Ok(()) };
        let account = context.name.as_str().strip_suffix(context.name.name()).unwrap_or_default();
        let others = self.functions.iter().filter(|it| it.identity == identity && it.account == account);
        for (name, archive) in others.flat_map(|other| &other.layers) {
            let differs = |layer: &BuiltLayer| {
                layer.content.name == *name && layer.archive.code_sha256() != archive.code_sha256()
            };
            if layers.iter().any(differs) {
                let shown = context.redaction.variables.redact(name);
                return Err(diagnostics::from_differing_layer(context.release.unwrap_or_default(), &shown));
            }
        }
        let layers = layers.iter().map(|layer| (layer.content.name.clone(), layer.archive.clone())).collect();
        self.functions.push(FunctionLayers { identity, account: account.to_owned(), layers });
        Ok(())
    }

    fn prepare_code(
        &mut self,
        context: &Context<'_>,
        source: &CodeSource,
    ) -> Result<PreparedCode, ErrorReport> {
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
        archive.check_size(in_call).map_err(failed(context))?;
        emit(context, &archive);
        Ok(PreparedCode::Archive(archive))
    }

    fn build(&mut self, context: &Context<'_>) -> Result<Arc<Archive>, ErrorReport> {
        let contents = scan(context, &context.job.own_files)?;
        contents.check_unzipped_size().map_err(failed(context))?;
        let in_memory = MAX_IN_MEMORY.min(MAX_TOTAL_IN_MEMORY.saturating_sub(self.bytes_in_memory));
        let archive =
            into_archive(contents, in_memory, context.events, context.stop).map_err(failed(context))?;
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
    let archive = packaging.await.expect("a panic ends the process").map_err(failed(context))?;
    emit(context, &archive);
    Ok(archive)
}

/// Packages and writes the archive to a file: the whole of the command `package`.
pub(super) fn package_to(context: &Context<'_>, output: &Path) -> Result<Finished, ErrorReport> {
    let output_path = context.job.directory.join(output);
    let leave_out = [&context.job.own_files[..], slice::from_ref(&output_path)].concat();
    let contents = scan(context, &leave_out)?;
    let archive =
        into_archive(contents, MAX_IN_MEMORY, context.events, context.stop).map_err(failed(context))?;
    emit(context, &archive);
    let architecture = context.stanza.architectures.as_deref();
    warn::about_code(context, &context.desired_function(), None, Some(&archive), architecture);
    archive.write_to(&output_path, output).map_err(failed(context))?;
    Ok(Finished::Packaged {
        package: context.redaction.variables.package(archive.to_event()),
        output: output.display().to_string(),
    })
}

/// Selects the files to package, without `leave_out`.
fn scan(context: &Context<'_>, leave_out: &[PathBuf]) -> Result<Contents, ErrorReport> {
    let selection = Selection::of(context.stanza);
    let contents = package::scan(&context.job.directory, &selection, leave_out).map_err(failed(context))?;
    let notes = contents.notes().iter().filter(|note| is_relevant(context, note));
    notes.for_each(|note| context.warn(&warnings::from_note(note)));
    Ok(contents)
}

/// False for a note about compiled files of Python if the function has another runtime.
fn is_relevant(context: &Context<'_>, note: &PackageNote) -> bool {
    let runtime = context.stanza.runtime.as_deref();
    let is_python = runtime.is_none_or(|runtime| runtime.starts_with("python"));
    is_python || !matches!(note, PackageNote::StalePyc { .. })
}

fn into_archive(
    contents: Contents,
    in_memory: usize,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Result<Archive, PackageError> {
    contents.into_archive(in_memory, &mut events.progress(Progress::package), stop)
}

fn emit(context: &Context<'_>, archive: &Archive) {
    context.events.emit(Event::Packaged(context.redaction.variables.package(archive.to_event())));
    archive.notes().iter().for_each(|note| context.warn(&warnings::from_note(note)));
}

fn failed(context: &Context<'_>) -> impl Fn(PackageError) -> ErrorReport {
    move |error| diagnostics::from_package(error, &context.redaction.variables)
}
