//! Values that options can have: words with their descriptions, patterns for editors, ranges and lengths.

use std::ops::RangeInclusive;

use crate::protocol::limits::cut_description;
use crate::protocol::stanza_reader::{StanzaReader, ValueWords};

/// The forms that [`crate::protocol::name::FunctionName`] accepts.
pub(super) const FUNCTION_NAME: &str =
    "^([^:]*:function:|arn:[^:]*:lambda:[^:]*:[^:]*:function:)?[A-Za-z0-9_-]+$";
/// The form that [`crate::protocol::name::Region`] accepts.
pub(super) const REGION: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// An alias name. It must not consist of digits only.
pub(super) const ALIAS: &str = "^(?![0-9]+$)[A-Za-z0-9_-]{1,128}$";
/// A version number in the form of AWS, without leading zeros.
pub(super) const VERSION: &str = "^(0|[1-9][0-9]*)$";
/// The name of a release.
pub(super) const RELEASE: &str = "^[A-Za-z0-9._-]{1,64}$";
/// A description of an alias with at most [`ALIAS_DESCRIPTION_CHARS`] characters.
pub(super) const ALIAS_DESCRIPTION: &str = r"^[\s\S]{0,128}$";

/// Maximum number of characters of `alias_description`. The other half of AWS's 256 is for the record of ten
/// previous versions, of the alias's own version and of a shift of its traffic.
pub(crate) const ALIAS_DESCRIPTION_CHARS: usize = 128;

/// Percentages in `traffic`.
pub(super) const SHARES: RangeInclusive<i32> = 1..=100;

pub(super) const LAMBDA: ValueWords = &[("lambda", "An AWS Lambda function.")];
pub(super) const TRACING: ValueWords = &[
    ("Active", "Lambda samples and traces invocations."),
    ("PassThrough", "Lambda traces only invocations that the caller traces."),
];
pub(super) const PROCESSORS: ValueWords =
    &[("x86_64", "64-bit x86 (Intel, AMD)."), ("arm64", "64-bit Arm (AWS Graviton).")];
pub(super) const LOOPS: ValueWords = &[
    ("Terminate", "Lambda stops a recursive loop, and AWS notifies the account."),
    ("Allow", "Lambda does nothing about recursive loops."),
];
pub(super) const SNAPSHOTS: ValueWords = &[
    ("PublishedVersions", "Published versions start from a snapshot. Needs `publish` or `alias`."),
    ("None", "No snapshots."),
];

/// The storage mode in which Lambda reads the package from the bucket.
pub(super) const REFERENCE: &str = "REFERENCE";
pub(super) const STORAGE_MODES: ValueWords = &[
    ("COPY", "Lambda keeps a copy of the package."),
    (REFERENCE, "Lambda reads the package from the bucket, which must keep it."),
];

impl StanzaReader<'_> {
    /// Reads a description, and cuts it to the length that AWS documents.
    pub(super) fn description(&mut self, key: &'static str) -> Option<String> {
        self.text(key).map(|text| cut_description(&text))
    }

    /// Reads the description of an alias, which leaves space for the record of its previous versions. That
    /// follows after a space, so spaces at the end are dropped.
    pub(super) fn alias_description(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        let count = text.chars().count();
        if count > ALIAS_DESCRIPTION_CHARS {
            let message = format!(
                "`{key}` has {count} characters; expected at most {ALIAS_DESCRIPTION_CHARS}: AWS allows 256, \
                 and the previous versions of the alias are recorded after it"
            );
            self.refuse(key, message);
            return None;
        }
        Some(text.trim_end().to_owned())
    }
}

/// Defines the values of options of dpl-lambda. An editor shows the doc comment of each word. The first word
/// is the default.
macro_rules! choices {
    ($(
        $(#[doc = $about:literal])*
        $name:ident {
            $(#[doc = $first_doc:literal])* $first:ident = $first_word:literal,
            $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)*
        }
    )*) => { $(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $first_doc])*
            #[default]
            $first,
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            /// The words, in the order of [`Self::ALL`].
            pub(in crate::protocol) const WORDS: ValueWords = &[
                ($first_word, concat!($($first_doc),*).trim_ascii()),
                $(($word, concat!($($doc),*).trim_ascii()),)*
            ];

            /// All values.
            pub(in crate::protocol) const ALL: &'static [Self] = &[$name::$first, $($name::$variant),*];
        }
    )* };
}

choices! {
    /// Type of the code.
    PackageType {
        /// Files, in a zip archive.
        Zip = "Zip",
        /// A container image.
        Image = "Image",
    }

    /// How to package symbolic links.
    Links {
        /// Keep links as links.
        Preserve = "preserve",
        /// Package the targets of links.
        Follow = "follow",
        /// Package the targets that are not in the package otherwise; keep other links.
        External = "external",
    }

    /// Which version to publish besides those with a number.
    PublishTo {
        /// `$LATEST.PUBLISHED`, which callers without a version get on Lambda Managed Instances.
        LatestPublished = "latest_published",
    }

    /// How to set the tags of a function.
    TagsMode {
        /// Keep other live tags.
        Add = "add",
        /// Remove other live tags.
        Replace = "replace",
    }
}
