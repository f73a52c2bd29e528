//! Checks whether an archive contains the file that a runtime loads for a handler.
//! It never reads a file, and reports nothing that the names alone do not prove.

use super::item::Entry;

/// Name of the program that a custom runtime starts.
pub(super) const BOOTSTRAP: &str = "bootstrap";

/// What Lambda will not find in an archive. `candidates` are the names of the files that could define the
/// handler, and `file` that of the only one; `elsewhere` is the name of such a file in another directory,
/// `None` if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MissingHandler {
    /// A custom runtime needs a program called `bootstrap` at the root of the archive.
    Bootstrap { elsewhere: Option<String> },
    /// `bootstrap` exists, but is not executable.
    ExecutableBit,
    /// `bootstrap` is a program for another processor than that of the function.
    OtherProcessor { built_for: String, runs_on: String },
    /// `bootstrap` is neither a Linux program nor a script that names its interpreter. `system` can start it;
    /// `None`: it is not known which can.
    NoProgram { system: Option<&'static str> },
    /// The first line of the script `bootstrap` ends with a carriage return, which Linux takes for a part of
    /// the interpreter's name.
    CarriageReturn,
    /// No file defines the handler. `misplaced` could; `None`: there is no such file.
    Handler { candidates: Vec<String>, misplaced: Option<Misplaced> },
    /// Only the TypeScript `source` of the handler exists.
    Uncompiled { candidates: Vec<String>, source: String },
    /// No file is the Java class of the handler, and no library can contain it. `elsewhere` can also be a jar
    /// in a directory where Lambda does not look.
    Class { file: String, elsewhere: Option<String> },
    /// The .NET assembly of the handler does not exist.
    Assembly { file: String, elsewhere: Option<String> },
    /// The handler is an executable .NET assembly, whose runtime configuration does not exist.
    RuntimeConfig { file: String },
}

/// A file that could define the handler, but has another name than the runtime looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It is in another directory.
    Elsewhere { name: String },
    /// It is outside of `directory`, with which the handler begins: `out/` of `out/index` with `zip: out`.
    Above { name: String, directory: String },
    /// The names differ only in the case of letters.
    OtherCase { name: String },
}

/// Finds what is missing. `handler` is AWS's `Handler`, such as `index.handler`. `None`: the names show no
/// problem.
pub(super) fn missing(entries: &[Entry], runtime: &str, handler: &str) -> Option<MissingHandler> {
    if runtime.starts_with("provided") {
        return missing_bootstrap(entries);
    }
    if runtime.starts_with("java") {
        return missing_class(entries, handler);
    }
    if runtime.starts_with("dotnet") {
        return missing_assembly(entries, handler);
    }
    let (candidates, prefixes) = candidates(runtime, handler)?;
    let has_prefix = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
    if entries.iter().any(|entry| candidates.contains(&entry.name) || has_prefix(&entry.name)) {
        return None;
    }
    let misplaced = misplaced(entries, &candidates);
    match typescript(entries, &candidates).filter(|_| misplaced.is_none()) {
        Some(source) => Some(MissingHandler::Uncompiled { candidates, source }),
        None => Some(MissingHandler::Handler { candidates, misplaced }),
    }
}

fn misplaced(entries: &[Entry], candidates: &[String]) -> Option<Misplaced> {
    let Some(name) = elsewhere(entries, candidates) else {
        return in_other_case(entries, candidates).map(|name| Misplaced::OtherCase { name });
    };
    let directory = candidates.iter().find_map(|file| file.strip_suffix(name.as_str()));
    Some(match directory.map(str::to_owned) {
        Some(directory) => Misplaced::Above { name, directory },
        None => Misplaced::Elsewhere { name },
    })
}

/// The TypeScript source of a JavaScript file.
fn typescript(entries: &[Entry], candidates: &[String]) -> Option<String> {
    let module = candidates.iter().find_map(|file| file.strip_suffix(".js"))?;
    let is_source = |name: &str| {
        name.strip_prefix(module).is_some_and(|end| matches!(end, ".ts" | ".mts" | ".cts" | ".tsx"))
    };
    entries.iter().find(|entry| is_source(&entry.name)).map(|entry| entry.name.clone())
}

/// Java loads classes from the root of the package and from the jars in `lib/` (`CustomerClassLoader.java` of
/// AWS's runtime interface client). What those jars contain is not known here.
fn missing_class(entries: &[Entry], handler: &str) -> Option<MissingHandler> {
    let class = handler.rsplit_once("::").map_or(handler, |(class, _)| class);
    let file = format!("{}.class", class.replace('.', "/"));
    if entries.iter().any(|entry| entry.name == file || is_java_library(&entry.name)) {
        return None;
    }
    let jar = || entries.iter().find(|entry| entry.name.ends_with(".jar")).map(|entry| entry.name.clone());
    let elsewhere = elsewhere(entries, std::slice::from_ref(&file)).or_else(jar);
    Some(MissingHandler::Class { file, elsewhere })
}

/// Whether Java loads classes from an entry.
pub(super) fn is_java_library(name: &str) -> bool {
    name.strip_prefix("lib/").is_some_and(|jar| jar.ends_with(".jar") && !jar.contains('/'))
}

/// A handler with colons begins with its assembly; another one is itself an executable assembly, or a program
/// (`bootstrap.sh` of AWS's .NET runtime). An executable assembly needs its runtime configuration.
fn missing_assembly(entries: &[Entry], handler: &str) -> Option<MissingHandler> {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let (assembly, is_executable) = match handler.split_once(':') {
        Some((assembly, _)) => (assembly, false),
        None => (handler.strip_suffix(".dll").unwrap_or(handler), true),
    };
    let file = format!("{assembly}.dll");
    if !has(&file) {
        let is_program = is_executable && has(handler);
        let elsewhere = elsewhere(entries, std::slice::from_ref(&file));
        return (!is_program).then_some(MissingHandler::Assembly { file, elsewhere });
    }
    let file = format!("{assembly}.runtimeconfig.json");
    (is_executable && !has(&file)).then_some(MissingHandler::RuntimeConfig { file })
}

fn missing_bootstrap(entries: &[Entry]) -> Option<MissingHandler> {
    match entries.iter().find(|entry| entry.name == BOOTSTRAP) {
        Some(bootstrap) => (!bootstrap.executable).then_some(MissingHandler::ExecutableBit),
        None => Some(MissingHandler::Bootstrap { elsewhere: elsewhere(entries, &[BOOTSTRAP.to_owned()]) }),
    }
}

/// The first entry with one of these names in another directory, or with backslashes: in a directory of the
/// package, or without one that the name has. A file of a dependency may have such a name, too.
fn elsewhere(entries: &[Entry], files: &[String]) -> Option<String> {
    let is_it = |name: &str| {
        let name = name.replace('\\', "/");
        let is_in = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|up| up.is_empty() || up.ends_with('/'))
        };
        let ends_with = |file: &String| is_in(&name, file) || is_in(file, &name);
        files.iter().any(ends_with) && !name.split('/').any(|part| part == "node_modules")
    };
    entries.iter().find(|entry| is_it(&entry.name)).map(|entry| entry.name.clone())
}

/// The first entry whose name differs from one of these only in the case of letters, which some systems ignore.
fn in_other_case(entries: &[Entry], files: &[String]) -> Option<String> {
    let is_it = |entry: &&Entry| files.iter().any(|file| file.eq_ignore_ascii_case(&entry.name));
    entries.iter().find(is_it).map(|entry| entry.name.clone())
}

/// The files that may define a handler: the names that the runtime's loader tries first, and the prefixes of
/// other names that it may accept, which are the directory of a package or a compiled module. `None` for
/// runtimes that load handlers in another way, and for handlers in a layer.
///
/// The rules come from AWS's runtime interface clients. Node's `UserFunction.js` splits at the first dot of
/// the file name and tries `.js`, `.mjs`, `.cjs` and then `require`. Python's `bootstrap.py` splits at the
/// last dot and imports. Ruby's `bootstrap.rb` splits at the first dot and requires.
fn candidates(runtime: &str, handler: &str) -> Option<(Vec<String>, Vec<String>)> {
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
    Some((files, prefixes))
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

    fn handler(candidates: &[&str], misplaced: Option<Misplaced>) -> Option<MissingHandler> {
        let candidates = candidates.iter().map(|name| (*name).to_owned()).collect();
        Some(MissingHandler::Handler { candidates, misplaced })
    }

    fn moved(name: &str) -> Option<Misplaced> {
        Some(Misplaced::Elsewhere { name: name.to_owned() })
    }

    #[test]
    fn node_looks_for_a_file_of_the_modules_name() {
        for name in
            ["index.js", "index.mjs", "index.cjs", "index/index.js", "node_modules/index/package.json"]
        {
            check("nodejs22.x", "index.handler", &[name], None);
        }
        let looked_for = ["index.js", "index.mjs", "index.cjs"];
        for (names, misplaced) in [
            (&["app.js"][..], None),
            (&["dist/index.js"], moved("dist/index.js")),
            (&["myindex.js"], None),
            (&["node_modules/a/index.js", "index.json"], None),
            (&["dist\\index.js"], moved("dist\\index.js")),
            (&["Index.JS", "dist/x.js"], Some(Misplaced::OtherCase { name: "Index.JS".to_owned() })),
        ] {
            check("nodejs22.x", "index.handler", names, handler(&looked_for, misplaced));
        }
        let in_dist = ["dist/index.js", "dist/index.mjs", "dist/index.cjs"];
        check("nodejs22.x", "dist/index.h", &["dist\\index.js"], handler(&in_dist, moved("dist\\index.js")));
        check("nodejs22.x", "src/api.v1.handler", &["src/api.js"], None);
        check("nodejs22.x", "./src/api.handler", &["src/api.mjs"], None);
    }

    #[test]
    fn node_needs_typescript_to_be_compiled() {
        let candidates = || ["index.js", "index.mjs", "index.cjs"].map(str::to_owned).to_vec();
        for source in ["index.ts", "index.mts", "index.cts"] {
            let expected = MissingHandler::Uncompiled { candidates: candidates(), source: source.to_owned() };
            check("nodejs24.x", "index.handler", &[source, "tsconfig.json"], Some(expected));
        }
        check("nodejs22.x", "index.handler", &["index.ts", "index.js"], None);
        let compiled = handler(&["index.js", "index.mjs", "index.cjs"], moved("dist/index.js"));
        check("nodejs22.x", "index.handler", &["index.ts", "dist/index.js"], compiled);
    }

    #[test]
    fn java_loads_a_class_from_the_root_or_from_a_library() {
        let missing = |elsewhere: Option<&str>| {
            let file = "com/example/App.class".to_owned();
            Some(MissingHandler::Class { file, elsewhere: elsewhere.map(str::to_owned) })
        };
        let handler = "com.example.App::handle";
        check("java21", handler, &["META-INF/MANIFEST.MF", "com/example/App.class"], None);
        check("java21", "com.example.App", &["com/example/App.class"], None);
        check("java8.al2", handler, &["lib/app.jar"], None);
        check("java21", "com.example.App$Inner::handle", &["com/example/App$Inner.class"], None);
        check("java21", handler, &["com/example/Other.class"], missing(None));
        let boot = "BOOT-INF/classes/com/example/App.class";
        check("java21", handler, &["app.jar", boot], missing(Some(boot)));
        check("java21", handler, &["app.jar", "lib/a/b.jar"], missing(Some("app.jar")));
    }

    #[test]
    fn dotnet_loads_an_assembly_of_the_handlers_name() {
        let missing = |file: &str, elsewhere: Option<&str>| {
            let elsewhere = elsewhere.map(str::to_owned);
            Some(MissingHandler::Assembly { file: file.to_owned(), elsewhere })
        };
        let handler = "Skill.Core::Skill.Core.Function::Handle";
        check("dotnet8", handler, &["Skill.Core.dll"], None);
        check("dotnet8", handler, &["Other.dll"], missing("Skill.Core.dll", None));
        let publish = "bin/Release/publish/Skill.Core.dll";
        check("dotnet8", handler, &[publish], missing("Skill.Core.dll", Some(publish)));
        for handler in ["My.App", "My.App.dll"] {
            check("dotnet8", handler, &["My.App.dll", "My.App.runtimeconfig.json"], None);
            let config = MissingHandler::RuntimeConfig { file: "My.App.runtimeconfig.json".to_owned() };
            check("dotnet8", handler, &["My.App.dll"], Some(config));
            check("dotnet8", handler, &["x"], missing("My.App.dll", None));
        }
        check("dotnet8", "My.App", &["My.App"], None);
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
        check("python3.13", "app.main", &["src/app.py"], handler(&["app.py"], moved("src/app.py")));
    }

    #[test]
    fn ruby_requires_a_file() {
        check("ruby3.4", "app.Mod::Class.run", &["app.rb"], None);
        let above = Misplaced::Above { name: "app.rb".to_owned(), directory: "lib/".to_owned() };
        check("ruby3.4", "lib/app.run", &["app.rb"], handler(&["lib/app.rb"], Some(above)));
        check("ruby3.4", "lib/app.run", &["myapp.rb", "p.rb"], handler(&["lib/app.rb"], None));
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
        check("java21", "com.example.App::handle", &["lib/a.jar"], None);
        check("go1.x", "main", &["a"], None);
        check("nodejs22.x", "/opt/nodejs/x.handler", &["index.js"], None);
        check("nodejs22.x", "nodot", &["index.js"], None);
        check("", "index.handler", &["a"], None);
    }
}
