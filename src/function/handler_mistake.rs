//! Finds mistakes in the two options that name a handler, by their values alone.

use super::Handler;

/// Why a handler names no function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HandlerMistake {
    /// `handler_name` is the complete handler already, but `module_name` is set, too.
    WholeName,
    /// `handler_name` begins with the file name of the module.
    NameHasModule {
        /// The file name, without its extension.
        file: String,
    },
    /// `module_name` ends with the name of the function.
    ModuleHasName,
    /// `module_name` ends with the extension of a file.
    ModuleHasExtension {
        /// The module without it.
        module: String,
        /// The extension, with its dot.
        extension: &'static str,
    },
    /// `handler_name` is the complete handler, but its module has the extension of a file.
    NameHasExtension {
        /// The extension, with its dot.
        extension: &'static str,
    },
    /// `handler_name` is the name of a file.
    NameIsFile {
        /// The file without its extension.
        module: String,
    },
    /// `::` between module and name makes a handler of too many parts: a package and `Class::method`.
    TooManyParts {
        /// The handler with a dot between them.
        whole: String,
    },
}

impl Handler {
    /// Finds a mistake with which Lambda calls nothing that a module of this runtime exports. `is_missing`:
    /// the package does not have the file of the handler. This decides with Python, where a package may have
    /// any name.
    pub(crate) fn mistake(&self, runtime: &str, is_missing: bool) -> Option<HandlerMistake> {
        if let Some(mistake) = self.too_many_parts(runtime) {
            return Some(mistake);
        }
        let extensions = extensions(runtime)?;
        let file = |name: &str| {
            let without =
                |extension: &&'static str| Some((name.strip_suffix(*extension)?.to_owned(), *extension));
            extensions.iter().find_map(without)
        };
        let certain = is_missing || !runtime.starts_with("python");
        let name = self.name.as_str();
        let Some(module) = self.module.as_deref() else {
            if let Some((module, _)) = file(name) {
                return Some(HandlerMistake::NameIsFile { module });
            }
            let (_, extension) = file(name.rsplit_once('.')?.0)?;
            return certain.then_some(HandlerMistake::NameHasExtension { extension });
        };
        if !certain {
            return None;
        }
        if let Some((module, extension)) = file(module) {
            return Some(HandlerMistake::ModuleHasExtension { module, extension });
        }
        let begins_with = |start: &str| name.strip_prefix(start).is_some_and(|rest| rest.starts_with('.'));
        let file = module.rsplit('/').next().unwrap_or_default();
        let ends_with_name = module.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        if begins_with(module) || name.contains('/') {
            Some(HandlerMistake::WholeName)
        } else if begins_with(file) {
            Some(HandlerMistake::NameHasModule { file: file.to_owned() })
        } else {
            ends_with_name.then_some(HandlerMistake::ModuleHasName)
        }
    }

    /// A handler of Java is `Class::method`, one of .NET is `Assembly::Class::Method`. `None`: it has no more
    /// parts, or the runtime is another one.
    fn too_many_parts(&self, runtime: &str) -> Option<HandlerMistake> {
        let (is_java, module) = (runtime.starts_with("java"), self.module.as_deref()?);
        let parts = |handler: &str| handler.split("::").count();
        let most = if is_java { 2 } else { 3 };
        if !(is_java || runtime.starts_with("dotnet")) || parts(&self.joined(runtime)) <= most {
            return None;
        }
        let (class, _) = self.name.split_once("::").unwrap_or((self.name.as_str(), ""));
        let is_whole = if is_java { class.contains('.') || class == module } else { parts(&self.name) == 3 };
        let whole = format!("{module}.{}", self.name);
        Some(if is_whole { HandlerMistake::WholeName } else { HandlerMistake::TooManyParts { whole } })
    }
}

/// Extensions of the files that define handlers. `None` for runtimes whose handlers name no file.
fn extensions(runtime: &str) -> Option<&'static [&'static str]> {
    let known: [(&str, &[&str]); 3] = [
        ("nodejs", &[".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]),
        ("python", &[".py"]),
        ("ruby", &[".rb"]),
    ];
    known.into_iter().find(|(start, _)| runtime.starts_with(start)).map(|(_, extensions)| extensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(runtime: &str, module: &str, name: &str, is_missing: bool, expected: Option<HandlerMistake>) {
        let module = (!module.is_empty()).then(|| module.to_owned());
        let handler = Handler { module, name: name.to_owned() };
        assert_eq!(handler.mistake(runtime, is_missing), expected, "{runtime} {handler:?}");
    }

    #[test]
    fn a_module_is_named_once_and_without_extension() {
        let extension = |module: &str, extension| {
            Some(HandlerMistake::ModuleHasExtension { module: module.to_owned(), extension })
        };
        check("nodejs22.x", "index", "index.handler", false, Some(HandlerMistake::WholeName));
        check("nodejs22.x", "src/app", "src/app.handler", false, Some(HandlerMistake::WholeName));
        check("ruby3.4", "app", "app.handler", false, Some(HandlerMistake::WholeName));
        let doubled = HandlerMistake::NameHasModule { file: "app".to_owned() };
        check("nodejs22.x", "src/app", "app.handler", false, Some(doubled));
        check("nodejs22.x", "index.handler", "handler", false, Some(HandlerMistake::ModuleHasName));
        check("nodejs22.x", "index.js", "handler", false, extension("index", ".js"));
        check("nodejs22.x", "src/index.mjs", "handler", false, extension("src/index", ".mjs"));
        check("ruby3.4", "app.rb", "handler", false, extension("app", ".rb"));
        check(
            "nodejs22.x",
            "",
            "index.js",
            false,
            Some(HandlerMistake::NameIsFile { module: "index".to_owned() }),
        );
        let extension = HandlerMistake::NameHasExtension { extension: ".js" };
        check("nodejs22.x", "", "index.js.handler", false, Some(extension));
    }

    #[test]
    fn with_python_the_package_decides() {
        check("python3.13", "app", "app.main", true, Some(HandlerMistake::WholeName));
        check("python3.13", "app", "app.main", false, None);
        check("python3.13", "app.main", "main", false, None);
        let file = HandlerMistake::NameIsFile { module: "app".to_owned() };
        check("python3.13", "", "app.py", false, Some(file));
    }

    #[test]
    fn a_handler_of_java_or_dotnet_has_no_more_parts_than_it_can_have() {
        let many = |whole: &str| Some(HandlerMistake::TooManyParts { whole: whole.to_owned() });
        for (runtime, module, name, expected) in [
            ("java8", "com.example", "App::handle", many("com.example.App::handle")),
            ("java21", "com.example.App", "com.example.App::handle", Some(HandlerMistake::WholeName)),
            ("java21", "App", "App::handle", Some(HandlerMistake::WholeName)),
            ("dotnet8", "Api::Api", "Entry::Handle", many("Api::Api.Entry::Handle")),
            ("dotnet8", "Api", "Api::Api.Entry::Handle", Some(HandlerMistake::WholeName)),
            ("dotnet8", "Api::Api.Entry", "Handle", None),
            ("dotnet8", "Api", "Api.Entry::Handle", None),
            ("java21", "", "com.example.App::handle", None),
        ] {
            check(runtime, module, name, true, expected);
        }
    }

    #[test]
    fn nested_exports_and_other_runtimes_are_no_mistake() {
        check("nodejs22.x", "index", "app.handler", false, None);
        check("nodejs22.x", "index", "indexed.handler", false, None);
        check("nodejs22.x", "index", "handler", false, None);
        check("nodejs22.x", "", "index.handler", false, None);
        check("nodejs22.x", "", "handler", false, None);
        check("ruby3.4", "app", "Mod::Class.run", false, None);
        check("java21", "com.example.App", "handle", false, None);
        check("dotnet8", "A::A.Function", "A.Handle", false, None);
        check("provided.al2023", "index", "index.handler", false, None);
        check("", "index", "index.handler", true, None);
    }
}
