//! What a stanza says of a function's code in; what the function is to run, and how that reaches Lambda, out.
//! Never reads a file, and never asks AWS.

use std::fmt;

use crate::protocol::stanza::Stanza;

/// Where the code comes from, as the stanza says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is packaged from the build directory, and sent in the call itself.
    Package,
    /// It is packaged from the build directory, and sent to a bucket first, where Lambda takes it from.
    PackageInBucket(Bucket),
    /// It is in a bucket already.
    Object(Object),
    /// It is a container image.
    Image(String),
    /// It is the container image that is live.
    LiveImage,
}

/// A place in S3 for packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The bucket.
    pub name: String,
    /// What the keys of packages begin with, without a `/` at either end. Empty: nothing.
    pub prefix: String,
}

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, in a bucket that keeps several. `None`: the newest.
    pub version: Option<String>,
}

/// The code that a function is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Base64 of its SHA-256, AWS's `CodeSha256`. `None`: it is not known before AWS has read it.
    pub sha256: Option<String>,
    /// How Lambda gets it.
    pub delivery: Delivery,
}

/// How Lambda gets the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The archive travels in the call.
    Call,
    /// The archive is sent to this object first.
    Upload(Object),
    /// It is in this object already.
    Object(Object),
    /// It is this container image.
    Image(String),
    /// It has it already: the live container image stays.
    LiveImage,
}

impl Source {
    /// What a stanza says of it.
    pub fn of(stanza: &Stanza) -> Self {
        if let Some(uri) = &stanza.image_uri {
            return Source::Image(uri.clone());
        }
        if stanza.package_type.as_deref() == Some("Image") {
            return Source::LiveImage;
        }
        let (bucket, key) = (stanza.s3_bucket.clone().filter(|name| !name.is_empty()), stanza.s3_key.clone());
        match (bucket, key) {
            (None, _) => Source::Package,
            (Some(bucket), Some(key)) => {
                Source::Object(Object { bucket, key, version: stanza.s3_object_version.clone() })
            }
            (Some(name), None) => {
                let prefix = stanza.s3_prefix.as_deref().unwrap_or_default().trim_matches('/').to_owned();
                Source::PackageInBucket(Bucket { name, prefix })
            }
        }
    }
}

impl Bucket {
    /// The object for an archive: named by its content, so that the same archive is never sent twice.
    ///
    /// `sha256` is the archive's, raw.
    pub fn object(&self, function: &str, sha256: &[u8]) -> Object {
        let digits: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let separator = if self.prefix.is_empty() { "" } else { "/" };
        let key = format!("{}{separator}{function}/{digits}.zip", self.prefix);
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
        let text = |text: Option<&str>| text.map(str::to_owned);
        Stanza { s3_bucket: text(bucket), s3_prefix: text(prefix), s3_key: text(key), ..Stanza::default() }
    }

    #[test]
    fn a_bucket_is_for_packages_and_a_key_for_an_object_that_is_there() {
        assert_eq!(Source::of(&stanza(None, None, None)), Source::Package);
        assert_eq!(Source::of(&stanza(Some(""), None, None)), Source::Package);
        let bucket = |prefix: &str| Bucket { name: "b".to_owned(), prefix: prefix.to_owned() };
        assert_eq!(Source::of(&stanza(Some("b"), None, None)), Source::PackageInBucket(bucket("")));
        assert_eq!(Source::of(&stanza(Some("b"), Some("/a/b/"), None)), Source::PackageInBucket(bucket("a/b")));
        let object = Object { bucket: "b".to_owned(), key: "k.zip".to_owned(), version: None };
        assert_eq!(Source::of(&stanza(Some("b"), None, Some("k.zip"))), Source::Object(object));
    }

    #[test]
    fn an_archive_is_named_by_its_content() {
        let bucket = Bucket { name: "b".to_owned(), prefix: "ci/lambda".to_owned() };
        assert_eq!(bucket.object("f", &[0xAB, 0x01]).to_string(), "s3://b/ci/lambda/f/ab01.zip");
        let bucket = Bucket { name: "b".to_owned(), prefix: String::new() };
        assert_eq!(bucket.object("f", &[0xFF]).key, "f/ff.zip");
    }
}
