//! Obtains the code to deploy, by packaging it or from S3 or an image, and reads the live function at the
//! same time. It never sends a request to AWS for a package that Lambda would reject as too large.

use std::sync::Arc;

use crate::code_source::{Code, CodeSource, Delivery, Object};
use crate::lambda::{Lambda, LiveState};
use crate::package::{Archive, Contents};
use crate::protocol::error::ErrorReport;

use super::{DeployRun, into_archive};

/// The code as it is known before the first request to AWS.
pub(super) enum Prepared {
    /// Files to package. The archive will certainly not be too large.
    Contents(Contents),
    /// An archive whose size is checked already, because it might have been too large.
    Archive(Archive),
    /// No package: the code is an S3 object.
    Object(Object),
    /// No package: the code is this container image. `None`: it is the live one.
    Image(Option<String>),
}

impl DeployRun<'_> {
    /// Prepares the code without a request to AWS. Packages it at once if it might be too large for Lambda.
    pub(super) fn prepare(&self, source: &CodeSource) -> Result<Prepared, ErrorReport> {
        let in_call = match source {
            CodeSource::Object(object) => return Ok(Prepared::Object(object.clone())),
            CodeSource::Image(uri) => return Ok(Prepared::Image(Some(uri.clone()))),
            CodeSource::LiveImage => return Ok(Prepared::Image(None)),
            CodeSource::Package => true,
            CodeSource::PackageInBucket(_) => false,
        };
        let contents = self.scan(None)?;
        contents.check_unzipped_size().map_err(|error| self.package_report(error))?;
        if contents.fits_upper_bound(in_call) {
            return Ok(Prepared::Contents(contents));
        }
        let archive =
            into_archive(contents, self.events, self.stop).map_err(|error| self.package_report(error))?;
        archive.check_size(in_call).map_err(|error| self.package_report(error))?;
        self.emit_packaged(&archive);
        Ok(Prepared::Archive(archive))
    }

    /// Obtains the code and reads the live function concurrently.
    pub(super) async fn code_and_live(
        &self,
        source: &CodeSource,
        prepared: Prepared,
        lambda: &Lambda,
    ) -> Result<(Code, Option<LiveState>), ErrorReport> {
        let reading = async { lambda.read_live(self.name).await.map_err(|error| self.failed(error)) };
        let (archive, found) = match prepared {
            Prepared::Contents(contents) => tokio::try_join!(self.package(contents), reading)?,
            Prepared::Archive(archive) => (archive, reading.await?),
            Prepared::Image(uri) => {
                let delivery = uri.map(Delivery::Image);
                return Ok((Code { sha256: None, delivery }, reading.await?));
            }
            Prepared::Object(object) => {
                let hashing =
                    async { lambda.object_sha256(&object).await.map_err(|error| self.failed(error)) };
                let (sha256, found) = tokio::try_join!(hashing, reading)?;
                return Ok((Code { sha256, delivery: Some(Delivery::Object(object)) }, found));
            }
        };
        let sha256 = Some(archive.code_sha256().to_owned());
        let delivery = match source {
            CodeSource::PackageInBucket(bucket) => {
                let object = bucket.object(self.name.name(), archive.sha256());
                Delivery::Upload(object, Arc::new(archive))
            }
            CodeSource::Package | CodeSource::Object(_) | CodeSource::Image(_) | CodeSource::LiveImage => {
                Delivery::Call(Arc::new(archive))
            }
        };
        Ok((Code { sha256, delivery: Some(delivery) }, found))
    }

    /// Packages on another thread, so that requests to AWS can run meanwhile.
    async fn package(&self, contents: Contents) -> Result<Archive, ErrorReport> {
        let (events, stop) = (self.events.clone(), self.stop.clone());
        let packaging = tokio::task::spawn_blocking(move || into_archive(contents, &events, &stop));
        let archive =
            packaging.await.expect("a panic ends the process").map_err(|error| self.package_report(error))?;
        self.emit_packaged(&archive);
        Ok(archive)
    }
}
