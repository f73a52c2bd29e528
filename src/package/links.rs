//! Finds out where a link leads at Lambda. It knows the names in the package and never looks at the disk,
//! because Lambda has nothing else of this machine.

/// Directories that exist at Lambda without the package: those of layers, of the runtime and of the kernel.
const AT_LAMBDA: [&str; 6] = ["/opt", "/var/runtime", "/var/lang", "/dev", "/proc", "/sys"];

/// Directories with contents that may appear at run time: temporary files, and mounted file systems.
const AT_RUN_TIME: [&str; 2] = ["/tmp", "/mnt"];

/// Number of links on one path that Linux follows.
const MAX_LINKS: usize = 40;

/// Where a link leads at Lambda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To the package, or to an entry of it.
    Package,
    /// To a path that exists at Lambda without the package.
    Lambda,
    /// To this name in the package, which the package does not have.
    Absent(String),
    /// Out of the package, to a path that Lambda does not have.
    Outside,
}

/// The names in a package, sorted, each with its target if it is a link.
#[derive(Debug, Default)]
pub(super) struct Names<'a>(Vec<(&'a str, Option<&'a str>)>);

/// What the package has under a name.
enum Found<'a> {
    File,
    Directory,
    Link(&'a str),
}

impl<'a> Names<'a> {
    /// Takes the names and targets of all entries, in any order.
    pub(super) fn new(entries: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut entries: Vec<_> = entries.map(|(name, target)| (within(name), target)).collect();
        entries.sort_unstable();
        Names(entries)
    }

    /// Resolves `target` of the link called `link`, with the links on the way. `is_here`: the target exists
    /// on this machine.
    pub(super) fn destination(&self, link: &str, target: &str, is_here: bool) -> Destination {
        if is_below(target, "/var/task") {
            return Destination::Lambda;
        }
        let mut place: Vec<&str> = ["var", "task"].into_iter().chain(within(link).split('/')).collect();
        let (mut rest, mut links) = (Vec::new(), 0);
        follow(&mut place, &mut rest, target);
        while let Some(part) = rest.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    place.pop();
                    continue;
                }
                part => place.push(part),
            }
            let mut name = match place.as_slice() {
                ["var", "task", inside @ ..] if !inside.is_empty() => inside.join("/"),
                _ => continue,
            };
            match self.find(&name) {
                Some(Found::Directory) => {}
                Some(Found::File) if rest.iter().all(|part| part.is_empty()) => {}
                Some(Found::Link(target)) if links < MAX_LINKS => {
                    links += 1;
                    follow(&mut place, &mut rest, target);
                }
                Some(Found::File | Found::Link(_)) | None => {
                    rest.iter().rev().for_each(|part| name.extend(["/", *part]));
                    return Destination::Absent(name);
                }
            }
        }
        if place.starts_with(&["var", "task"]) {
            return Destination::Package;
        }
        let path = format!("/{}", place.join("/"));
        let exists = AT_LAMBDA.iter().any(|directory| is_below(&path, directory));
        let may_appear = |directory: &&str| path == **directory || (!is_here && is_below(&path, directory));
        if exists || AT_RUN_TIME.iter().any(may_appear) { Destination::Lambda } else { Destination::Outside }
    }

    fn find(&self, name: &str) -> Option<Found<'a>> {
        let from = |name: &str| self.0.get(self.0.partition_point(|(known, _)| *known < name));
        match from(name) {
            Some((known, target)) if *known == name => Some(target.map_or(Found::File, Found::Link)),
            _ => {
                let below = format!("{name}/");
                from(&below).filter(|(known, _)| known.starts_with(&below)).map(|_| Found::Directory)
            }
        }
    }
}

/// A name without a leading `./`, which some programs write.
fn within(name: &str) -> &str {
    name.trim_start_matches("./")
}

/// Continues from `place`, which is a link, to its target.
fn follow<'a>(place: &mut Vec<&'a str>, rest: &mut Vec<&'a str>, target: &'a str) {
    if target.starts_with('/') {
        place.clear();
    } else {
        place.pop();
    }
    rest.extend(target.split('/').rev());
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [(&str, Option<&str>); 8] = [
        ("index.js", None),
        ("lib/a.js", None),
        ("empty/", None),
        ("to-lib", Some("lib")),
        ("lib/up", Some("..")),
        ("one", Some("two")),
        ("two", Some("one")),
        ("here", Some("/opt/x")),
    ];

    #[track_caller]
    fn check(link: &str, target: &str, expected: Destination) {
        let found = Names::new(ENTRIES.into_iter()).destination(link, target, true);
        assert_eq!(found, expected, "{link} -> {target}");
    }

    fn absent(name: &str) -> Destination {
        Destination::Absent(name.to_owned())
    }

    #[test]
    fn a_target_in_the_package_is_found_through_directories_and_links() {
        for target in
            ["index.js", "./lib/a.js", "lib", "lib/", ".", "empty", "to-lib/a.js", "lib/up/index.js"]
        {
            check("x", target, Destination::Package);
        }
        check("lib/x", "../index.js", Destination::Package);
        check("lib/x", "../../task/index.js", Destination::Package);
    }

    #[test]
    fn what_the_package_lacks_is_named() {
        check("x", "li", absent("li"));
        check("lib/x", "b/../a.js", absent("lib/b/../a.js"));
        check("node_modules/a", ".pnpm/a@1/node_modules/a", absent("node_modules/.pnpm/a@1/node_modules/a"));
        check("x", "index.js/y", absent("index.js/y"));
        check("x", "to-lib/b.js", absent("lib/b.js"));
        assert!(matches!(
            Names::new(ENTRIES.into_iter()).destination("one", "two", true),
            Destination::Absent(_)
        ));
    }

    #[test]
    fn lambda_has_directories_of_its_own() {
        for target in
            ["/opt/nodejs/node_modules", "/opt", "/var/runtime/x", "/var/task/x", "/dev/null", "/tmp"]
        {
            check("x", target, Destination::Lambda);
        }
        check("x", "../../opt/nodejs", Destination::Lambda);
        check("lib/x", "../here/y", Destination::Lambda);
        for target in ["/home/ci/shared", "/optional", "..", "../shared", "/usr/bin/python3", "/"] {
            check("x", target, Destination::Outside);
        }
        // What exists here in /tmp belongs to this machine.
        check("x", "/tmp/shared", Destination::Outside);
        let names = Names::default();
        assert_eq!(names.destination("x", "/tmp/cache", false), Destination::Lambda);
        assert_eq!(names.destination("x", "/mnt/data", false), Destination::Lambda);
    }
}
