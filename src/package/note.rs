//! Names what is unexpected about a package.

/// Something unexpected about a package, for a warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PackageNote {
    /// A socket, pipe or device was left out, because an archive cannot contain it.
    NoFile {
        /// Name it would have in the archive.
        name: String,
    },
    /// The target of a link will not exist at Lambda.
    Dangles {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
        /// Why Lambda will not have it.
        reason: DanglingReason,
    },
    /// Python will treat compiled files as stale, because the archive gives their sources another
    /// modification time.
    StalePyc {
        /// Name of the first such file in the archive.
        name: String,
        /// Number of such files.
        count: usize,
    },
    /// A link to follow was left out, because its target is a hidden file or directory.
    Hidden {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
    },
    /// A link to follow was left out, because its target is a directory that contains the link.
    Cycle {
        /// Name of the link in the archive.
        name: String,
        /// Target of the link.
        target: String,
    },
    /// Hidden entries of dependencies were left out, although other code may load them.
    HiddenCode {
        /// Name that the first one would have in the archive.
        name: String,
        /// Number of further ones.
        more: usize,
    },
    /// Links of pnpm were followed, and the packages that their targets need were left out.
    LacksDependencies {
        /// Name of the first such link in the archive.
        name: String,
        /// Number of further ones.
        more: usize,
    },
    /// Native modules are built for another version, processor or C library than those of the function.
    ForeignModules {
        /// Name of the first such module in the archive.
        name: String,
        /// Number of further ones.
        more: usize,
        /// The runtime and architecture of the function.
        runs_on: String,
        /// The command that installs such modules for the function.
        install: String,
    },
    /// Entries of a finished archive can be read by their owner only, and Lambda runs as another user.
    OwnerOnly {
        /// Name of the first such entry.
        name: String,
        /// Its Unix permissions.
        mode: u32,
        /// Number of further ones.
        more: usize,
    },
    /// Names in a finished archive have backslashes between directories, which Lambda does not split.
    Backslashes {
        /// The first such name.
        name: String,
        /// The directory in which the entry was before.
        directory: String,
        /// Number of further ones.
        more: usize,
    },
    /// The only file of the package is an archive, which Lambda does not unpack.
    InnerArchive {
        /// Its name in the archive.
        name: String,
    },
}

/// Why the target of a link will not exist at Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DanglingReason {
    /// It is outside the package.
    Outside,
    /// It does not exist here either.
    Missing,
    /// It exists here, but is not packaged.
    LeftOut,
    /// It exists here, but is not packaged because it is hidden.
    Hidden {
        /// Number of further links of this kind.
        more: usize,
    },
    /// A finished archive has the link, but not its target.
    NotInArchive,
}
