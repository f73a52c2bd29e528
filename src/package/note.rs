//! Names what is unexpected about a package.

/// Something unexpected about a package, for a warning. `name` is the name in the archive, or the first of
/// them, and `more` the number of further ones; `target` is the target of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PackageNote {
    /// A socket, pipe or device was left out, because an archive cannot contain it.
    NoFile { name: String },
    /// The target of a link will not exist at Lambda.
    Dangles { name: String, target: String, reason: DanglingReason },
    /// Python will treat `count` compiled files as stale, because the archive gives their sources another
    /// modification time.
    StalePyc { name: String, count: usize },
    /// A link to follow was left out, because its target is a hidden file or directory.
    Hidden { name: String, target: String },
    /// A link to follow was left out, because its target is a directory that contains the link.
    Cycle { name: String, target: String },
    /// Hidden entries of dependencies were left out, although other code may load them.
    HiddenCode { name: String, more: usize },
    /// Links of pnpm were followed, and the packages that their targets need were left out.
    LacksDependencies { name: String, more: usize },
    /// Native modules are built for another version, processor or C library than those of the function.
    /// `runs_on`: its runtime and architecture. `install`: the command that installs modules for it.
    ForeignModules { name: String, more: usize, runs_on: String, install: String },
    /// Entries of a finished archive can be read by their owner only, and Lambda runs as another user.
    /// `mode`: the Unix permissions of the first one.
    OwnerOnly { name: String, mode: u32, more: usize },
    /// Names in a finished archive have backslashes between directories, which Lambda does not split.
    /// `directory`: where the first entry was before.
    Backslashes { name: String, directory: String, more: usize },
    /// The only file of the package is an archive, which Lambda does not unpack.
    InnerArchive { name: String },
    /// `include` and `exclude` do not apply, because the `path` of the stanza is a single file or an archive.
    PatternsUnused { path: String },
    /// A pattern matches nothing, because it begins with the `directory` to which it is relative. `inside`: the
    /// pattern without that.
    MisplacedPattern { pattern: String, directory: String, inside: String },
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
    /// It exists here, but is not packaged because it is hidden. `more`: the number of further such links.
    Hidden { more: usize },
    /// A finished archive has the link, but not its target.
    NotInArchive,
}
