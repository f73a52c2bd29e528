//! Finds native modules that the runtime of a function cannot load, by their names alone. Modules whose names
//! do not say what they are built for are never reported.

use std::collections::HashSet;

use super::item::Entry;
use super::note::PackageNote;

/// Finds native modules that are built for another version of Python, another processor or musl.
/// `architecture` is that of the function; `None`: it is not known.
pub(super) fn foreign_modules(
    entries: &[Entry],
    runtime: &str,
    architecture: Option<&str>,
) -> Option<PackageNote> {
    let arm64 = architecture == Some("arm64");
    let (foreign, install) = if let Some(version) = runtime.strip_prefix("python3.") {
        let machine = if arm64 { "aarch64" } else { "x86_64" };
        let install = format!(
            "pip install --target <directory> --platform manylinux2014_{machine} \
             --python-version 3.{version} --only-binary=:all: <packages>"
        );
        (foreign_to_python(entries, version, architecture), install)
    } else if runtime.starts_with("nodejs") {
        let processor = if arm64 { "arm64" } else { "x64" };
        let install = format!("npm install --os=linux --cpu={processor} --libc=glibc");
        (foreign_to_node(entries, architecture), install)
    } else {
        return None;
    };
    let name = (*foreign.first()?).to_owned();
    let runs_on = architecture.map_or_else(String::new, |architecture| format!(" on {architecture}"));
    let runs_on = format!("`{runtime}`{runs_on}");
    Some(PackageNote::ForeignModules { name, more: foreign.len() - 1, runs_on, install })
}

/// Python imports `NAME.TAG.so` only if the tag is its own (`importlib.machinery.EXTENSION_SUFFIXES`). A
/// module that the package has in another form, too, is no problem. `version` is the second number of
/// Python's version.
fn foreign_to_python<'a>(entries: &'a [Entry], version: &str, architecture: Option<&str>) -> Vec<&'a str> {
    // Python 3.7 and older have another form of tags.
    if version.parse::<u32>().is_ok_and(|version| version < 8) {
        return Vec::new();
    }
    let own = |machine: &str| format!(".cpython-3{version}-{machine}-linux-gnu.so");
    let own = match architecture {
        Some("x86_64") => vec![own("x86_64")],
        Some("arm64") => vec![own("aarch64")],
        _ => vec![own("x86_64"), own("aarch64")],
    };
    let module = |name: &'a str| {
        let (module, tag) = name.strip_suffix(".so")?.rsplit_once('.')?;
        let is_foreign = tag.starts_with("cpython-") && !own.iter().any(|own| name.ends_with(own.as_str()));
        is_foreign.then_some((name, module))
    };
    let mut foreign: Vec<(&str, &str)> = names(entries).filter_map(module).collect();
    if !foreign.is_empty() {
        let names: HashSet<&str> = names(entries).collect();
        let others = [".py", ".pyc", ".so", ".abi3.so", "/__init__.py"];
        let ends = || own.iter().map(String::as_str).chain(others);
        foreign.retain(|(_, module)| !ends().any(|end| names.contains(format!("{module}{end}").as_str())));
    }
    foreign.into_iter().map(|(name, _)| name).collect()
}

/// Packages for Node name what a native module is built for, as in `sharp-linuxmusl-x64/lib/a.node`,
/// `a.linux-x64-musl.node` and `prebuilds/linux-x64/a.node`. One for another processor or musl is no problem
/// if there is one for the function, too.
fn foreign_to_node<'a>(entries: &'a [Entry], architecture: Option<&str>) -> Vec<&'a str> {
    let wanted = |name: &str| {
        let (before, after) = name.strip_suffix(".node")?.split_once("linux")?;
        let after = after.strip_prefix("musl").unwrap_or(after);
        let built_for = ["-x64", "-arm64"].into_iter().find(|processor| after.starts_with(processor))?;
        let processor = match architecture {
            Some("x86_64") => "-x64",
            Some("arm64") => "-arm64",
            _ => built_for,
        };
        // `-gnu` or `-glibc`
        let libc = if after[built_for.len()..].starts_with("-musl") { "-g" } else { "" };
        Some(format!("{before}linux{processor}{libc}"))
    };
    let mut sorted: Vec<&str> = names(entries).collect();
    sorted.sort_unstable();
    let is_there = |start: &str| {
        let next = sorted.get(sorted.partition_point(|name| *name < start));
        next.is_some_and(|name| name.starts_with(start))
    };
    let is_foreign = |name: &&str| wanted(name).is_some_and(|wanted| !is_there(&wanted));
    names(entries).filter(is_foreign).collect()
}

fn names(entries: &[Entry]) -> impl Iterator<Item = &str> {
    entries.iter().map(|entry| entry.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first module that is found, and the number of further ones.
    fn found(names: &[&str], runtime: &str, architecture: &str) -> Option<(String, usize)> {
        let entry = |name: &&str| Entry { name: (*name).to_owned(), bytes: 1, executable: false };
        let entries: Vec<Entry> = names.iter().map(entry).collect();
        let architecture = (!architecture.is_empty()).then_some(architecture);
        match foreign_modules(&entries, runtime, architecture)? {
            PackageNote::ForeignModules { name, more, .. } => Some((name, more)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn python_imports_modules_for_its_version_and_processor() {
        let etree = "lxml/etree.cpython-313-x86_64-linux-gnu.so";
        let arm = "lxml/etree.cpython-313-aarch64-linux-gnu.so";
        let first = Some((etree.to_owned(), 0));
        for architecture in ["x86_64", ""] {
            assert_eq!(found(&[etree], "python3.13", architecture), None);
        }
        assert_eq!(found(&[etree], "python3.12", ""), first);
        assert_eq!(found(&[etree], "python3.13", "arm64"), first);
        assert_eq!(found(&[etree, arm], "python3.13", "arm64"), None);
        assert_eq!(
            found(&[etree, "x.cpython-31-x86_64-linux-gnu.so"], "python3.1", ""),
            None,
            "no such tags"
        );
        let others = ["a.cpython-313-x86_64-linux-musl.so", "b.cpython-313-darwin.so", etree];
        assert_eq!(found(&others, "python3.13", "x86_64"), Some((others[0].to_owned(), 1)));
        for other in ["lxml/etree.py", "lxml/etree/__init__.py", "lxml/etree.abi3.so", "lxml/etree.so"] {
            assert_eq!(found(&[etree, other], "python3.12", "arm64"), None, "{other}");
        }
        for name in ["numpy.libs/libgfortran-8a9d71bc.so.5.0.0", "x/_rust.abi3.so", "x.so", ".so"] {
            assert_eq!(found(&[name], "python3.13", "arm64"), None, "{name}");
        }
        for runtime in ["nodejs22.x", "python2.7", "python3.7", "java21", ""] {
            assert_eq!(found(&[etree], runtime, "arm64"), None, "{runtime}");
        }
    }

    #[test]
    fn node_loads_modules_for_its_processor_with_glibc() {
        let sharp =
            |built_for: &str| format!("node_modules/@img/sharp-{built_for}/lib/sharp-{built_for}.node");
        let (x64, arm64, musl) = (sharp("linux-x64"), sharp("linux-arm64"), sharp("linuxmusl-x64"));
        let (x64, arm64, musl) = (x64.as_str(), arm64.as_str(), musl.as_str());
        let one = |name: &str| Some((name.to_owned(), 0));
        for (names, architecture, expected) in [
            (vec![x64], "x86_64", None),
            (vec![x64], "", None),
            (vec![x64], "arm64", one(x64)),
            (vec![arm64], "x86_64", one(arm64)),
            (vec![arm64, x64], "arm64", None),
            (vec![musl], "", one(musl)),
            (vec![musl], "arm64", one(musl)),
            (vec![musl, x64], "x86_64", None),
        ] {
            assert_eq!(found(&names, "nodejs22.x", architecture), expected, "{names:?} {architecture}");
        }
        let swc = "node_modules/@next/swc-linux-x64-musl/next-swc.linux-x64-musl.node";
        assert_eq!(found(&[swc], "nodejs22.x", "x86_64"), one(swc));
        let gnu = swc.replace("musl", "gnu");
        assert_eq!(found(&[gnu.as_str(), swc], "nodejs22.x", "x86_64"), None);
        let prebuilds =
            ["darwin-arm64/a", "linux-arm/a.armv7", "linux-arm64/a.armv8.musl", "linux-x64/a.glibc"];
        let prebuilds = prebuilds.map(|name| format!("node_modules/a/prebuilds/{name}.node"));
        let prebuilds: Vec<&str> = prebuilds.iter().map(String::as_str).collect();
        for architecture in ["x86_64", "arm64", ""] {
            assert_eq!(found(&prebuilds, "nodejs22.x", architecture), None);
        }
        for name in
            ["node_modules/a/build/Release/a.node", "linux.node", "a.linux-x64.js", "a-darwin-x64.node"]
        {
            assert_eq!(found(&[name], "nodejs22.x", "arm64"), None, "{name}");
        }
    }
}
