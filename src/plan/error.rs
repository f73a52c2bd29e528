//! Why a deployment or rollback cannot be planned.

use std::fmt;

/// Why a deployment or rollback cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// The function does not exist, and the stanza lacks keys that are needed to create it.
    CannotCreate { missing: Vec<&'static str> },
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
    /// The stanza makes the function durable, or no longer durable. AWS does so only when it creates one.
    OtherDurability {
        /// True when the live function is durable.
        is_durable: bool,
    },
    /// The stanza isolates tenants in another way than the function. AWS cannot change that.
    OtherTenantIsolation {
        /// The live mode. `None`: tenants are not isolated.
        live: Option<String>,
    },
    /// The stanza makes the function run on Lambda Managed Instances, or no longer. AWS decides that only
    /// when it creates a function.
    OtherInstances {
        /// True when the live function runs on Managed Instances.
        is_managed: bool,
    },
    /// The stanza has a key that only functions on Lambda Managed Instances can have.
    NeedsManagedInstances {
        key: &'static str,
        /// False if the function has to be created.
        exists: bool,
    },
    /// The stanza has one number of `scaling`, and AWS would refuse it beside the live other one.
    ScalingOrder {
        min: i32,
        max: i32,
        /// True if the stanza has the minimum, false if it has the maximum.
        names_min: bool,
    },
    /// Lambda reads the live package from a bucket and keeps no copy, and the stanza sends the new one
    /// without a bucket.
    StorageNeedsBucket,
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
        /// The keys of the stanza that split the traffic.
        keys: Vec<&'static str>,
    },
    /// The stanza guards a traffic shift that does not fit into the description of the alias.
    ShiftNotRecordable { alias: String },
    /// An alias splits its traffic, and no deployment of this program started that.
    TrafficShared {
        alias: String,
        /// The other versions, each with its share in percent.
        shares: Vec<(String, u8)>,
    },
    /// A deployment of CodeDeploy ended and left weights on an alias.
    LeftByCodeDeploy {
        alias: String,
        /// The other versions, each with its share in percent.
        shares: Vec<(String, u8)>,
    },
    /// The deployment group moves the alias of another function, or another alias.
    GroupIsBusy {
        deployment_id: String,
        /// The function and the alias that it moves, such as `shop:live`.
        moves: String,
    },
    /// CodeDeploy shifts the traffic of an alias.
    MovedByCodeDeploy {
        alias: String,
        /// AWS's id of the deployment. `None`: only the description of the alias says that CodeDeploy shifts
        /// it.
        deployment_id: Option<String>,
    },
    /// The alias to roll back does not exist.
    NoAlias { alias: String },
    /// The version to roll back to does not exist.
    NoVersion { version: String },
    /// No version before the current one of the alias is known.
    NoPreviousVersion {
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

impl PlanError {
    /// What happened. `name` is the name of the function; without it the text says "the function".
    pub(crate) fn text(&self, name: Option<&str>) -> String {
        let function =
            name.map_or_else(|| "the function".to_owned(), |name| format!("the function `{name}`"));
        match self {
            PlanError::CannotCreate { missing } => {
                format!("{function} has to be created, and the stanza lacks `{}`", missing.join("`, `"))
            }
            PlanError::EnvironmentUnreadable => "AWS does not return the live environment variables, so \
                `merge_environment` would delete them"
                .to_owned(),
            PlanError::TagsUnreadable => {
                "AWS does not return the live tags, so the tags to remove are unknown".to_owned()
            }
            PlanError::OtherPackageType { is_image: true } => {
                format!("{function} runs a container image, but the stanza packages files")
            }
            PlanError::OtherPackageType { is_image: false } => {
                format!("{function} runs packaged files, but the stanza names a container image")
            }
            PlanError::OtherDurability { is_durable: true } => {
                format!("{function} is durable, but the stanza has an empty `durable_config`")
            }
            PlanError::OtherDurability { is_durable: false } => {
                format!("{function} is not durable, but the stanza sets `durable_config`")
            }
            PlanError::OtherTenantIsolation { live: Some(mode) } => {
                format!("{function} has the tenant isolation mode `{mode}`, but the stanza sets another one")
            }
            PlanError::OtherTenantIsolation { live: None } => {
                format!("{function} does not isolate its tenants, but the stanza sets `tenancy_config`")
            }
            PlanError::OtherInstances { is_managed: true } => format!(
                "{function} runs on Lambda Managed Instances, but the stanza has an empty \
                 `capacity_provider_config`"
            ),
            PlanError::OtherInstances { is_managed: false } => format!(
                "{function} does not run on Lambda Managed Instances, but the stanza sets \
                 `capacity_provider_config`"
            ),
            PlanError::NeedsManagedInstances { key, exists: true } => {
                format!("{function} does not run on Lambda Managed Instances, but the stanza sets `{key}`")
            }
            PlanError::NeedsManagedInstances { key, exists: false } => format!(
                "{function} has to be created, and the stanza sets `{key}` without `capacity_provider_config`"
            ),
            PlanError::ScalingOrder { min, max, names_min: true } => format!(
                "`scaling.min_execution_environments` is {min}; expected at most the live maximum, which is \
                 {max}"
            ),
            PlanError::ScalingOrder { min, max, names_min: false } => format!(
                "`scaling.max_execution_environments` is {max}; expected at least the live minimum, which is \
                 {min}"
            ),
            PlanError::StorageNeedsBucket => {
                format!("Lambda reads the package of {function} from S3, but the stanza has no `s3_bucket`")
            }
            PlanError::OtherRevision { exists, live } => {
                let it = name.map_or_else(|| "it".to_owned(), |name| format!("`{name}`"));
                let state = match live {
                    Some(live) => format!("is at revision {live}"),
                    None if *exists => "has a revision that AWS does not return".to_owned(),
                    None => "does not exist".to_owned(),
                };
                format!("`revision_id` does not match the live function: {it} {state}")
            }
            PlanError::UrlNeedsAuthType => {
                "`function_url.auth_type` is missing, and the function URL has to \
                be created; expected `NONE` or `AWS_IAM`"
                    .to_owned()
            }
            PlanError::TrafficNotShareable { field, version, .. } => format!(
                "`{field}` differs from that of version {version}; AWS splits traffic only between versions \
                 with the same `{field}`"
            ),
            PlanError::ShiftNotRecordable { alias } => format!(
                "the description of `{alias}` is too long: `guard` records its traffic shift there, so that \
                 a later run can end it if this one is killed"
            ),
            PlanError::TrafficShared { alias, shares } => {
                let shares = listed(shares);
                format!("`{alias}` splits its traffic ({shares}), and dpl-lambda did not start that split")
            }
            PlanError::LeftByCodeDeploy { alias, shares } => format!(
                "`{alias}` still splits its traffic ({}) after a deployment of CodeDeploy, and no deployment \
                 of the group in `codedeploy` moves it now",
                listed(shares)
            ),
            PlanError::GroupIsBusy { deployment_id, moves } => format!(
                "CodeDeploy deployment {deployment_id} is shifting the traffic of `{moves}`, and a \
                 deployment group runs one deployment at a time"
            ),
            PlanError::MovedByCodeDeploy { alias, deployment_id } => {
                let deployment = deployment_id.as_ref().map(|id| format!(" deployment {id}"));
                format!("CodeDeploy{} is shifting the traffic of `{alias}`", deployment.unwrap_or_default())
            }
            PlanError::NoAlias { alias } => format!("{function} has no alias `{alias}`"),
            PlanError::NoVersion { version } => format!("{function} has no version {version}"),
            PlanError::NoPreviousVersion { alias, version } => {
                format!("`{alias}` points at version {version}, and its previous version is unknown")
            }
            PlanError::AmbiguousRollback { targets } => {
                let targets: Vec<String> = targets
                    .iter()
                    .map(|(alias, version)| format!("`{alias}` would go back to version {version}"))
                    .collect();
                format!("the aliases have different previous versions: {}", targets.join(", "))
            }
        }
    }
}

/// The shares of the traffic in a sentence.
fn listed(shares: &[(String, u8)]) -> String {
    let shares: Vec<String> =
        shares.iter().map(|(version, percent)| format!("{percent} % to version {version}")).collect();
    shares.join(", ")
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(None))
    }
}
