//! Checks whether an archive contains the file that a runtime loads for a handler.
//! It never reads a file, and reports nothing that the names alone do not prove.

use super::entry::Entry;

/// What Lambda will not find in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MissingHandler {
    /// A custom runtime needs a program called `bootstrap` at the root of the archive.
    Bootstrap {
        /// Name of a `bootstrap` in another directory. `None`: there is none.
        elsewhere: Option<String>,
    },
    /// `bootstrap` exists, but is not executable.
    ExecutableBit,
    /// No file defines the handler.
    Handler {
        /// Names of the files that could define the handler.
        candidates: Vec<String>,
        /// Name of such a file in another directory. `None`: there is none.
        elsewhere: Option<String>,
    },
}

/// Finds what is missing. `handler` is AWS's `Handler`, such as `index.handler`. `None`: the names show no
/// problem.
pub(super) fn missing(entries: &[Entry], runtime: &str, handler: &str) -> Option<MissingHandler> {
    if runtime.starts_with("provided") {
        return missing_bootstrap(entries);
    }
    let candidates = candidates(runtime, handler)?;
    let is_there = |entry: &Entry| candidates.files.contains(&entry.name) || candidates.is_below(&entry.name);
    if entries.iter().any(is_there) {
        return None;
    }
    let elsewhere = elsewhere(entries, &candidates.files);
    Some(MissingHandler::Handler { candidates: candidates.files, elsewhere })
}

fn missing_bootstrap(entries: &[Entry]) -> Option<MissingHandler> {
    match entries.iter().find(|entry| entry.name == "bootstrap") {
        Some(bootstrap) => (!bootstrap.executable).then_some(MissingHandler::ExecutableBit),
        None => Some(MissingHandler::Bootstrap { elsewhere: elsewhere(entries, &["bootstrap".to_owned()]) }),
    }
}

/// The first entry with one of these names in another directory than the root.
fn elsewhere(entries: &[Entry], files: &[String]) -> Option<String> {
    let is_deeper = |name: &str| {
        files.iter().any(|file| name.strip_suffix(file.as_str()).is_some_and(|up| up.ends_with('/')))
    };
    entries.iter().find(|entry| is_deeper(&entry.name)).map(|entry| entry.name.clone())
}

/// The files that may define a handler.
struct Candidates {
    /// Names that the runtime's loader tries first.
    files: Vec<String>,
    /// Prefixes of other names that the loader may accept: the directory of a package, or a compiled module.
    prefixes: Vec<String>,
}

impl Candidates {
    fn is_below(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }
}

/// The files that may define a handler. `None` for runtimes that load handlers in another way, and for
/// handlers in a layer.
///
/// The rules come from AWS's runtime interface clients. Node's `UserFunction.js` splits at the first dot of
/// the file name and tries `.js`, `.mjs`, `.cjs` and then `require`. Python's `bootstrap.py` splits at the
/// last dot and imports. Ruby's `bootstrap.rb` splits at the first dot and requires.
fn candidates(runtime: &str, handler: &str) -> Option<Candidates> {
    if handler.starts_with('/') {
        return None;
    }
    let directory = handler.rfind('/').map_or(0, |slash| slash + 1);
    let first_dot = || handler[directory..].find('.').map(|dot| &handler[..directory + dot]);
    let last_dot = || handler.rfind('.').map(|dot| handler[..dot].replace('.', "/"));
    let (files, prefixes): (Vec<String>, Vec<String>) = if runtime.starts_with("nodejs") {
        let module = first_dot()?.trim_start_matches("./");
        let files = [".js", ".mjs", ".cjs"].map(|end| format!("{module}{end}"));
        (files.into(), vec![format!("{module}/"), format!("node_modules/{module}"), format!("{module}.node")])
    } else if runtime.starts_with("python") {
        let module = last_dot()?;
        (vec![format!("{module}.py")], vec![format!("{module}/"), format!("{module}.")])
    } else if runtime.starts_with("ruby") {
        let module = first_dot()?.trim_start_matches("./");
        (vec![format!("{module}.rb")], vec![format!("{module}.so")])
    } else {
        return None;
    };
    Some(Candidates { files, prefixes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(runtime: &str, handler: &str, names: &[&str], expected: Option<MissingHandler>) {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            bytes: 1,
            executable: name.ends_with("bootstrap"),
        };
        let entries: Vec<Entry> = names.iter().map(entry).collect();
        assert_eq!(missing(&entries, runtime, handler), expected, "{runtime} {handler} {names:?}");
    }

    fn handler(candidates: &[&str], elsewhere: Option<&str>) -> Option<MissingHandler> {
        let candidates = candidates.iter().map(|name| (*name).to_owned()).collect();
        Some(MissingHandler::Handler { candidates, elsewhere: elsewhere.map(str::to_owned) })
    }

    #[test]
    fn node_looks_for_a_file_of_the_modules_name() {
        for name in
            ["index.js", "index.mjs", "index.cjs", "index/index.js", "node_modules/index/package.json"]
        {
            check("nodejs22.x", "index.handler", &[name], None);
        }
        let looked_for = ["index.js", "index.mjs", "index.cjs"];
        check("nodejs22.x", "index.handler", &["app.js"], handler(&looked_for, None));
        check("nodejs22.x", "index.handler", &["dist/index.js"], handler(&looked_for, Some("dist/index.js")));
        check("nodejs22.x", "index.handler", &["myindex.js"], handler(&looked_for, None));
        check("nodejs22.x", "src/api.v1.handler", &["src/api.js"], None);
        check("nodejs22.x", "./src/api.handler", &["src/api.mjs"], None);
    }

    #[test]
    fn python_imports_a_module_by_its_dotted_or_slashed_name() {
        for (handler, name) in [
            ("app.main", "app.py"),
            ("a.b.main", "a/b.py"),
            ("a/b.main", "a/b.py"),
            ("app.main", "app/__init__.py"),
            ("app.main", "app.cpython-313-x86_64-linux-gnu.so"),
            ("app.main", "app.pyc"),
        ] {
            check("python3.13", handler, &[name], None);
        }
        check("python3.13", "app.main", &["src/app.py"], handler(&["app.py"], Some("src/app.py")));
    }

    #[test]
    fn ruby_requires_a_file() {
        check("ruby3.4", "app.Mod::Class.run", &["app.rb"], None);
        check("ruby3.4", "lib/app.run", &["app.rb"], handler(&["lib/app.rb"], None));
    }

    #[test]
    fn a_runtime_of_ones_own_is_an_executable_bootstrap() {
        check("provided.al2023", "whatever", &["bootstrap"], None);
        let elsewhere = Some("target/bootstrap".to_owned());
        check("provided.al2023", "x", &["target/bootstrap"], Some(MissingHandler::Bootstrap { elsewhere }));
        check("provided", "x", &["main"], Some(MissingHandler::Bootstrap { elsewhere: None }));
        let plain = [Entry { name: "bootstrap".to_owned(), bytes: 1, executable: false }];
        assert_eq!(missing(&plain, "provided.al2", "x"), Some(MissingHandler::ExecutableBit));
    }

    #[test]
    fn no_warning_where_names_prove_nothing() {
        check("java21", "com.example.App::handle", &["a.class"], None);
        check("nodejs22.x", "/opt/nodejs/x.handler", &["index.js"], None);
        check("nodejs22.x", "nodot", &["index.js"], None);
        check("", "index.handler", &["a"], None);
    }
}
