//! Says why a deployment or rollback cannot be planned.

/// Why a deployment or rollback cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The function does not exist, and the stanza lacks keys that are needed to create it.
    CannotCreate {
        /// The missing keys.
        missing: Vec<&'static str>,
    },
    /// The stanza keeps live environment variables, but AWS does not return them.
    EnvironmentUnreadable,
    /// The stanza replaces live tags, but AWS does not return them.
    TagsUnreadable,
    /// The stanza's code has another package type than the function. AWS cannot change a function's package
    /// type.
    OtherPackageType {
        /// True when the live function runs a container image.
        is_image: bool,
    },
    /// The function is not at the revision that the stanza names.
    OtherRevision {
        /// False if the function does not exist.
        exists: bool,
        /// The live revision. `None`: AWS does not return it.
        live: Option<String>,
    },
    /// The function URL has to be created, and the stanza does not say who may call it.
    UrlNeedsAuthType,
    /// The stanza shifts traffic between two versions that AWS does not allow in one alias.
    TrafficNotShareable {
        /// The setting in which the two versions differ.
        field: &'static str,
        /// The version at which the alias points.
        version: String,
    },
    /// An alias splits its traffic, and no deployment of this program started that.
    TrafficShared {
        /// Name of the alias.
        alias: String,
        /// The other versions, each with its share in percent.
        shares: Vec<(String, u8)>,
    },
    /// The alias to roll back does not exist.
    NoAlias {
        /// Name of the alias.
        alias: String,
    },
    /// The version to roll back to does not exist.
    NoVersion {
        /// Number of the version.
        version: String,
    },
    /// No version before the current one of the alias is known.
    NoPreviousVersion {
        /// Name of the alias.
        alias: String,
        /// The version at which the alias points.
        version: String,
    },
    /// The aliases to roll back have different previous versions.
    AmbiguousRollback {
        /// Each alias with its previous version.
        targets: Vec<(String, String)>,
    },
}
