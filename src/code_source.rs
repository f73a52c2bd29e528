//! Describes a function's code: where the stanza takes it from, which code and which layers the function
//! should run, and how they reach Lambda. Never reads a file and never calls AWS.

use std::fmt;
use std::sync::Arc;

use crate::function::LayerVersion;
use crate::package::Archive;
use crate::protocol::layer::LayerContent;
use crate::protocol::stanza::{PackageType, Stanza};

/// Where the code comes from, according to the stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CodeSource {
    /// The build directory is packaged and sent in the API call.
    Package,
    /// The build directory is packaged and uploaded to a bucket, from which Lambda reads it.
    PackageInBucket(Bucket),
    /// An archive that already exists in a bucket.
    Object(Object),
    /// A container image, by its URI.
    Image(String),
    /// The container image that the function already runs.
    LiveImage,
}

/// A place in S3 to which packages are uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub name: String,
    /// Prefix of the packages' keys, without a `/` at either end. Empty: no prefix.
    pub prefix: String,
}

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub bucket: String,
    pub key: String,
    /// Version id of the object, in a bucket with versioning. `None`: the newest version.
    pub version: Option<String>,
}

/// The code that a function should run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code {
    /// AWS's `CodeSha256`: the SHA-256 of the archive, in Base64. `None`: unknown until AWS has read the
    /// code.
    pub sha256: Option<String>,
    /// How Lambda gets the code. `None`: the function keeps its live container image.
    pub delivery: Option<Delivery>,
    /// The layers that the stanza builds, in its order.
    pub layers: Vec<BuiltLayer>,
}

/// A layer that the stanza builds, and its live versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuiltLayer {
    /// What the stanza says of it.
    pub content: LayerContent,
    /// Name or ARN of the layer at AWS, without a version.
    pub layer: String,
    /// Its content.
    pub archive: Arc<Archive>,
    /// The object through which Lambda gets the archive. `None`: it is sent in the API call.
    pub object: Option<Object>,
    /// The live versions, newest first: all of them if old ones are deleted, otherwise at least the latest.
    /// Empty until they have been read.
    pub live: Vec<LiveLayerVersion>,
    /// `CodeSha256` of the latest live version. `None`: there is none, or it was not read.
    pub live_sha256: Option<String>,
}

/// A live version of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveLayerVersion {
    pub arn: String,
    pub number: i64,
}

impl BuiltLayer {
    /// The version that the function should use: the latest live one if it has this content, otherwise a new
    /// one.
    pub(crate) fn version(&self) -> LayerVersion {
        let sha256 = self.archive.code_sha256();
        match self.live.first().filter(|_| self.live_sha256.as_deref() == Some(sha256)) {
            Some(latest) => LayerVersion::Arn(latest.arn.clone()),
            None => LayerVersion::New { layer: self.layer.clone(), sha256: sha256.to_owned() },
        }
    }

    /// True if a version has to be published.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.version(), LayerVersion::New { .. })
    }

    /// The layer `deps` with these live versions, for tests of plans. `is_live`: the latest has its content.
    #[cfg(test)]
    pub(crate) fn of_test(numbers: &[i64], is_live: bool, keep_versions: Option<i32>) -> Self {
        let version = |number: &i64| LiveLayerVersion {
            arn: format!("arn:aws:lambda:us-east-1:123456789012:layer:deps:{number}"),
            number: *number,
        };
        let archive = Arc::new(Archive::empty());
        BuiltLayer {
            content: LayerContent {
                name: "deps".to_owned(),
                zip: "layer".to_owned(),
                keep_versions,
                compatible_runtimes: None,
                description: None,
                license: None,
            },
            layer: "deps".to_owned(),
            object: None,
            live: numbers.iter().map(version).collect(),
            live_sha256: is_live.then(|| archive.code_sha256().to_owned()),
            archive,
        }
    }

    /// The live versions beyond the number to keep, newest first. A version that is published counts.
    pub(crate) fn surplus(&self) -> &[LiveLayerVersion] {
        let Some(keep) = self.content.keep_versions.and_then(|keep| usize::try_from(keep).ok()) else {
            return &[];
        };
        self.live.get(keep.saturating_sub(usize::from(self.is_new()))..).unwrap_or_default()
    }
}

/// How Lambda gets the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The archive is sent in the API call.
    Call(Arc<Archive>),
    /// The archive is uploaded to this object first.
    Upload(Object, Arc<Archive>),
    /// The archive already exists as this object.
    Object(Object),
    /// A container image, by its URI.
    Image(String),
}

impl Code {
    /// The archive that this run has built or read. `None`: the code is an S3 object or a container image.
    pub(crate) fn archive(&self) -> Option<&Archive> {
        match &self.delivery {
            Some(Delivery::Call(archive) | Delivery::Upload(_, archive)) => Some(archive.as_ref()),
            Some(Delivery::Object(_) | Delivery::Image(_)) | None => None,
        }
    }
}

impl CodeSource {
    /// Reads the code's source from a stanza.
    pub(crate) fn of(stanza: &Stanza) -> Self {
        if let Some(uri) = &stanza.image_uri {
            return CodeSource::Image(uri.clone());
        }
        if stanza.package_type == Some(PackageType::Image) {
            return CodeSource::LiveImage;
        }
        let (bucket, key) = (stanza.s3_bucket.clone().filter(|name| !name.is_empty()), stanza.s3_key.clone());
        match (bucket, key) {
            (None, _) => CodeSource::Package,
            (Some(bucket), Some(key)) => {
                CodeSource::Object(Object { bucket, key, version: stanza.s3_object_version.clone() })
            }
            (Some(name), None) => {
                let prefix = stanza.s3_prefix.as_deref().unwrap_or_default().trim_matches('/').to_owned();
                CodeSource::PackageInBucket(Bucket { name, prefix })
            }
        }
    }
}

impl Bucket {
    /// The object for an archive. Its key contains the archive's hash, so that the same archive is not
    /// uploaded twice.
    ///
    /// `sha256` is the raw hash of the archive.
    pub(crate) fn object(&self, function: &str, sha256: &[u8]) -> Object {
        let separator = if self.prefix.is_empty() { "" } else { "/" };
        let key = format!("{}{separator}{function}/{}.zip", self.prefix, hex::encode(sha256));
        Object { bucket: self.name.clone(), key, version: None }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)?;
        match &self.version {
            Some(version) => write!(f, "?versionId={version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(bucket: Option<&str>, prefix: Option<&str>, key: Option<&str>) -> Stanza {
        Stanza::of_json(serde_json::json!({"s3_bucket": bucket, "s3_prefix": prefix, "s3_key": key}))
    }

    #[test]
    fn a_bucket_is_for_packages_and_a_key_for_an_object_that_is_there() {
        assert_eq!(CodeSource::of(&stanza(None, None, None)), CodeSource::Package);
        assert_eq!(CodeSource::of(&stanza(Some(""), None, None)), CodeSource::Package);
        let bucket = |prefix: &str| Bucket { name: "b".to_owned(), prefix: prefix.to_owned() };
        assert_eq!(CodeSource::of(&stanza(Some("b"), None, None)), CodeSource::PackageInBucket(bucket("")));
        assert_eq!(
            CodeSource::of(&stanza(Some("b"), Some("/a/b/"), None)),
            CodeSource::PackageInBucket(bucket("a/b"))
        );
        let object = Object { bucket: "b".to_owned(), key: "k.zip".to_owned(), version: None };
        assert_eq!(CodeSource::of(&stanza(Some("b"), None, Some("k.zip"))), CodeSource::Object(object));
    }

    #[test]
    fn an_archive_is_named_by_its_content() {
        let bucket = Bucket { name: "b".to_owned(), prefix: "ci/lambda".to_owned() };
        assert_eq!(bucket.object("f", &[0xAB, 0x01]).to_string(), "s3://b/ci/lambda/f/ab01.zip");
        let bucket = Bucket { name: "b".to_owned(), prefix: String::new() };
        assert_eq!(bucket.object("f", &[0xFF]).key, "f/ff.zip");
    }
}
