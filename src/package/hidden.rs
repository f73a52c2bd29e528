//! Finds code of dependencies among the hidden entries that are left out of a package. Nothing loads most
//! hidden entries at run time: they are settings, caches and notes of tools. Reads a limited number of
//! directories and files.

use std::fs::{self, DirEntry};
use std::path::Path;

use super::selection::{PNPM_STORE, Rules};
use crate::bounded_read;
use crate::protocol::stanza::Links;

/// What `next build` makes and `next start` loads, and a file of a complete build.
const NEXT_BUILD: &str = ".next";
const NEXT_BUILD_ID: &str = "BUILD_ID";

/// How the names of hidden entries that belong to tools begin, after the dot. A `_` begins a file of macOS.
const TOOLS: &str = "DS_Store _ azure babel bench bin buildkite bundle changeset ci codeclimate config cov \
    devcontainer doc editorconfig eggs eslint example git hg history husky hypothesis idea ignored ipynb jest \
    jshint mocha nox npm nx nyc package-lock prettier release settings staging storybook svn test tmp tox \
    travis turbo venv vite vs yarn";

/// Limits for the directories that are read to find code in a hidden one, and for the files that are read to
/// find the name of a hidden one, in number and in bytes each.
const MAX_DIRECTORIES: usize = 100;
const MAX_SCRIPTS: usize = 50;
const MAX_TEXT_BYTES: u64 = 1024 * 1024;

/// Whether other code may load a hidden entry: a build of Next.js, or below `node_modules` or in a Python
/// package, a directory with code, a native library, or a script that another file names. `name` is the name
/// that it would have in the package. Entries that `exclude` leaves out on purpose do not count.
pub(super) fn is_code(rules: &Rules, links: Links, name: &str, path: &Path) -> bool {
    if path.ends_with(NEXT_BUILD) && path.join(NEXT_BUILD_ID).is_file() {
        return rules.selects(name, true);
    }
    let Some((parents, file_name)) = name.rsplit_once('/') else { return false };
    if is_of_a_tool(file_name) || !(is_in_node_modules(parents) || is_in_python_package(parents, path)) {
        return false;
    }
    let is_directory = path.is_dir();
    if !rules.selects(name, is_directory) {
        return false;
    }
    match is_directory {
        // Followed links package what they need of the store. See also `lacks_dependencies`.
        true => (file_name != PNPM_STORE || links == Links::Preserve) && has_code(rules, name, path),
        false => path.is_file() && (is_native(file_name) || is_named_script(file_name, path)),
    }
}

/// Whether a link is one of pnpm to `place`, and packages that pnpm has put beside `place` for the package
/// there are not beside the link, too. A copy in place of the link does not find these.
pub(super) fn lacks_dependencies(link: &Path, place: &Path) -> bool {
    let node_modules = |path: &Path| {
        path.ancestors().find(|directory| directory.ends_with("node_modules")).map(Path::to_owned)
    };
    let (Some(here), Some(there)) = (node_modules(link), node_modules(place)) else { return false };
    let is_lacking = |package: &DirEntry| {
        let name = package.file_name();
        !name.to_string_lossy().starts_with('.') && !here.join(name).exists()
    };
    there.iter().any(|part| part == PNPM_STORE) && entries(&there).any(|package| is_lacking(&package))
}

fn is_of_a_tool(file_name: &str) -> bool {
    let name = file_name.trim_start_matches('.');
    // npm renames a package to `.name-a1B2c3D4` before it replaces it, and may be killed then.
    let is_hash = |hash: &str| {
        let bytes = hash.as_bytes();
        bytes.len() == 8
            && bytes.iter().all(u8::is_ascii_alphanumeric)
            && !bytes.iter().all(u8::is_ascii_lowercase)
    };
    let is_renamed = name.rsplit_once('-').is_some_and(|(_, hash)| is_hash(hash));
    is_renamed || name.contains("cache") || TOOLS.split(' ').any(|tool| name.starts_with(tool))
}

fn is_in_node_modules(parents: &str) -> bool {
    parents.split('/').any(|parent| parent == "node_modules")
}

/// Whether a directory above an entry, inside the package, is a package of Python.
fn is_in_python_package(parents: &str, path: &Path) -> bool {
    let mut above = path.ancestors().skip(1).take(parents.split('/').count());
    above.any(|directory| directory.join("__init__.py").is_file())
}

fn has_code(rules: &Rules, name: &str, path: &Path) -> bool {
    let mut open = vec![(name.to_owned(), path.to_owned())];
    for _ in 0..MAX_DIRECTORIES {
        let Some((parent, path)) = open.pop() else { return false };
        for entry in entries(&path) {
            let (Ok(kind), Ok(file_name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            let name = format!("{parent}/{file_name}");
            if kind.is_dir() && rules.selects(&name, true) {
                open.push((name, entry.path()));
            } else if kind.is_file() && is_loadable(&file_name) && rules.selects(&name, false) {
                return true;
            }
        }
    }
    false
}

/// Whether a script beside a hidden one contains its path, as in `require('./.name')`, or `package.json`
/// does, as in `"exports": "./dist/.name.mjs"`.
fn is_named_script(file_name: &str, path: &Path) -> bool {
    let Some((stem, "js" | "cjs" | "mjs")) = file_name.rsplit_once('.') else { return false };
    let Some(directory) = path.parent() else { return false };
    let required = format!("/{stem}");
    let is_script = |entry: &DirEntry| {
        let name = entry.file_name();
        name != file_name && is_loadable(&name.to_string_lossy())
    };
    let mut scripts = entries(directory).filter(is_script).take(MAX_SCRIPTS);
    if scripts.any(|script| text(&script.path()).is_some_and(|text| text.contains(&required))) {
        return true;
    }
    let mut above = directory.ancestors().take_while(|directory| !directory.ends_with("node_modules"));
    let Some((package, json)) =
        above.find_map(|package| Some((package, text(&package.join("package.json"))?)))
    else {
        return false;
    };
    path.strip_prefix(package).is_ok_and(|path| json.contains(&format!("\"./{}\"", path.display())))
}

/// The text of a small file.
fn text(path: &Path) -> Option<String> {
    let is_small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_TEXT_BYTES);
    if is_small { bounded_read::read_to_string(path).ok() } else { None }
}

/// The entries of a directory that can be read.
fn entries(directory: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten()
}

fn is_loadable(file_name: &str) -> bool {
    is_native(file_name) || [".js", ".cjs", ".mjs", ".py", ".pyc"].iter().any(|end| file_name.ends_with(end))
}

fn is_native(file_name: &str) -> bool {
    file_name.contains(".so.") || [".so", ".node", ".wasm"].iter().any(|end| file_name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::selection::Selection;
    use super::super::tests::tree;
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn code(tree: &TempDir, selection: &Selection, name: &str) -> bool {
        let rules = Rules::of(selection, tree.path()).expect("valid patterns");
        is_code(&rules, selection.links, name, &tree.path().join(name))
    }

    #[test]
    fn directories_with_code_and_native_libraries_of_dependencies_are_code() {
        let tree = tree(&[
            ("node_modules/.prisma/client/index.js", "{}"),
            ("node_modules/a/lib/.internal/deep/x.mjs", ""),
            ("node_modules/a/.addon.node", ""),
            ("numpy/__init__.py", ""),
            ("numpy/.libs/libopenblas.so.0", ""),
            ("numpy/core/.hidden/x.py", ""),
            (".prisma/client/index.js", "{}"),
            ("data/.libs/x.so", ""),
        ]);
        for name in [
            "node_modules/.prisma",
            "node_modules/a/lib/.internal",
            "node_modules/a/.addon.node",
            "numpy/.libs",
            "numpy/core/.hidden",
        ] {
            assert!(code(&tree, &Selection::default(), name), "{name}");
            let exclude = vec![name.to_owned()];
            assert!(!code(&tree, &Selection { exclude, ..Selection::default() }, name), "{name} is excluded");
            let include = vec!["*.rb".to_owned()];
            assert!(
                !code(&tree, &Selection { include, ..Selection::default() }, name),
                "{name} is not included"
            );
        }
        for name in [".prisma", "data/.libs"] {
            assert!(!code(&tree, &Selection::default(), name), "{name} belongs to no dependency");
        }
    }

    #[test]
    fn what_belongs_to_tools_is_no_code() {
        let names = "
            node_modules/.bin/tsc.js node_modules/.cache/babel/x.js node_modules/.package-lock.json
            node_modules/.yarn-integrity node_modules/.modules.yaml node_modules/.express-a1B2c3D4/index.js
            node_modules/a/.DS_Store node_modules/a/._index.js node_modules/a/.gitignore
            node_modules/a/.npmignore node_modules/a/.eslintrc.js node_modules/a/.eslintrc
            node_modules/a/.editorconfig node_modules/a/.github/scripts/x.js node_modules/a/.travis.yml
            node_modules/a/.runkit_example.js node_modules/a/.nyc_output/x.js node_modules/a/.data/notes.txt
            numpy/.pytest_cache/x.py numpy/.ipynb_checkpoints/x.py numpy/f2py/.f2py_f2cmap
        ";
        let names = || names.split_whitespace();
        let files: Vec<_> = names().chain(["numpy/__init__.py"]).map(|name| (name, "")).collect();
        let tree = tree(&files);
        for name in names() {
            let parts: Vec<&str> = name.split('/').collect();
            let hidden = parts.iter().position(|part| part.starts_with('.')).expect("a hidden part");
            assert!(!code(&tree, &Selection::default(), &parts[..=hidden].join("/")), "{name}");
        }
    }

    #[test]
    fn a_hidden_script_is_code_if_another_file_names_it() {
        let exports = r#"{"exports": {"import": "./dist/.esm-wrapper.mjs"}, "files": [".setup.js"]}"#;
        let tree = tree(&[
            ("node_modules/a/index.js", "module.exports = require('./.core')"),
            ("node_modules/a/.core.js", ""),
            ("node_modules/a/.other.js", ""),
            ("node_modules/@b/b/package.json", exports),
            ("node_modules/@b/b/dist/.esm-wrapper.mjs", ""),
            ("node_modules/@b/b/.setup.js", ""),
        ]);
        let is_code = |name| code(&tree, &Selection::default(), name);
        assert!(is_code("node_modules/a/.core.js") && is_code("node_modules/@b/b/dist/.esm-wrapper.mjs"));
        assert!(!is_code("node_modules/a/.other.js") && !is_code("node_modules/@b/b/.setup.js"));
    }

    #[test]
    fn pnpms_store_is_code_unless_links_are_followed_and_their_targets_need_nothing_beside_them() {
        let tree = tree(&[("node_modules/.pnpm/a@1/node_modules/a/index.js", "")]);
        let link = |target: &str, name: &str| symlink(target, tree.path().join(name)).expect("linked");
        link(".pnpm/a@1/node_modules/a", "node_modules/a");
        let with = |links| code(&tree, &Selection { links, ..Selection::default() }, "node_modules/.pnpm");
        assert!(with(Links::Preserve) && !with(Links::Follow) && !with(Links::External));
        let place = tree.path().join("node_modules/.pnpm/a@1/node_modules/a");
        let lacks = || lacks_dependencies(&tree.path().join("node_modules/a"), &place);
        assert!(!lacks());
        fs::create_dir_all(tree.path().join("node_modules/.pnpm/b@1/node_modules/b")).expect("made");
        link("../../b@1/node_modules/b", "node_modules/.pnpm/a@1/node_modules/b");
        assert!(lacks(), "`b` is needed by `a` only");
        link(".pnpm/b@1/node_modules/b", "node_modules/b");
        assert!(!lacks(), "`b` is beside `a`");
    }

    #[test]
    fn a_build_of_next_is_code_and_its_cache_is_none() {
        let tree =
            tree(&[("app/.next/BUILD_ID", "x"), (".next/BUILD_ID", "x"), ("other/.next/cache/x.js", "")]);
        let is_code = |name| code(&tree, &Selection::default(), name);
        assert!(is_code(".next") && is_code("app/.next") && !is_code("other/.next"));
        let exclude = vec![".next".to_owned()];
        assert!(!code(&tree, &Selection { exclude, ..Selection::default() }, ".next"));
    }
}
