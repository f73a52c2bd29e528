//! The texts of warnings about the package: entries that are left out, and what Lambda will miss in it.

use super::warning;
use crate::function::{Handler, HandlerMistake};
use crate::package::{DanglingReason, Misplaced, MissingHandler, PackageNote};
use crate::protocol::error::{Warning, WarningCode};

/// Warns about an entry of the package that is left out, or will not work at Lambda.
pub(crate) fn from_note(note: &PackageNote) -> Warning {
    let (code, message, hint) = match note {
        PackageNote::NoFile { name } => (
            WarningCode::FileLeftOut,
            format!("`{name}` is a socket, a pipe or a device, and is left out of the package"),
            "exclude it with `exclude`: an archive cannot contain it",
        ),
        PackageNote::Dangles { name, target, reason } => return from_dangling_link(name, target, *reason),
        PackageNote::StalePyc { name, count } => (
            WarningCode::StalePyc,
            format!(
                "{count} compiled Python files such as `{name}` will be stale at Lambda, where each cold \
                 start compiles their sources again"
            ),
            "exclude them (`exclude: __pycache__/`), or compile with `python -m compileall \
             --invalidation-mode unchecked-hash`",
        ),
        PackageNote::Hidden { name, target } => (
            WarningCode::FileLeftOut,
            format!(
                "the link `{name}` points to `{target}`, which is hidden, and is left out of the package"
            ),
            "set `dot_match: true` to package hidden files; `.git` is never packaged",
        ),
        PackageNote::Cycle { name, target } => (
            WarningCode::FileLeftOut,
            format!("the link `{name}` to `{target}` forms a loop, and is left out of the package"),
            "set `symlinks: preserve` to package it as a link",
        ),
        PackageNote::HiddenCode { name, more } => (
            WarningCode::FileLeftOut,
            format!(
                "{} hidden and left out of the package, but a dependency may load this at run time",
                first_of(name, *more, "is", "are")
            ),
            DOT_MATCH,
        ),
        PackageNote::LacksDependencies { name, more } => (
            WarningCode::FileLeftOut,
            format!(
                "{} of pnpm, of which only the target is packaged, without those beside it that it needs",
                first_of(name, *more, "is a link", "are links")
            ),
            "set `symlinks: preserve` and `dot_match: true`, or install with `pnpm install \
             --node-linker=hoisted`; of a workspace, package what `pnpm deploy` makes",
        ),
        PackageNote::ForeignModules { name, more, runs_on, install } => {
            let (names, them) = (first_of(name, *more, "is", "are"), if *more == 0 { "it" } else { "them" });
            let message = format!("{names} not built for {runs_on} with glibc, so Lambda cannot load {them}");
            let hint = format!("install {them} for Lambda: `{install}`");
            return warning(WarningCode::UnusableEntry, "/zip", message, hint);
        }
        PackageNote::OwnerOnly { name, mode, more } => (
            WarningCode::UnusableEntry,
            format!(
                "{} be read by others than the owner (mode {mode:04o}), and Lambda runs as another user",
                first_of(name, *more, "cannot", "cannot")
            ),
            "name the directory instead of the archive, and it is packaged for you; or run `chmod -R a+rX` \
             before the archive is made",
        ),
        PackageNote::Backslashes { name, directory, more } => (
            WarningCode::UnusableEntry,
            format!(
                "{}: Lambda unpacks `{name}` as one file of that name, and not into the directory \
                 `{directory}`",
                first_of(name, *more, "has backslashes in its name", "have backslashes in their names")
            ),
            "name the directory instead of the archive; an old `Compress-Archive` of Windows writes such \
             names",
        ),
        PackageNote::InnerArchive { name } => (
            WarningCode::UnusableEntry,
            format!(
                "the package contains only `{name}`, which is itself an archive; Lambda does not unpack it"
            ),
            "set `zip` to that archive; a file whose name ends in `.zip` or `.jar` is deployed unchanged",
        ),
        PackageNote::PatternsUnused { path } => (
            WarningCode::WithoutEffect,
            format!("`include` and `exclude` leave nothing out of `{path}`, which is no directory"),
            "set `zip` to the directory to package, or remove the patterns",
        ),
        PackageNote::MisplacedPattern { pattern, directory, inside } => {
            let message =
                format!("the pattern `{pattern}` is relative to `{directory}`, and matches nothing there");
            return warning(WarningCode::WithoutEffect, "/zip", message, format!("write `{inside}`"));
        }
    };
    warning(code, "/zip", message, hint)
}

/// Advice for hidden files that the function needs.
const DOT_MATCH: &str =
    "set `dot_match: true` to package hidden files, and leave out those that are not needed with `exclude`";

/// The subject and verb of a sentence about an entry and `more` others.
fn first_of(name: &str, more: usize, one: &str, several: &str) -> String {
    if more == 0 { format!("`{name}` {one}") } else { format!("`{name}` and {more} more {several}") }
}

fn from_dangling_link(name: &str, target: &str, reason: DanglingReason) -> Warning {
    let (why, hint) = match reason {
        DanglingReason::Outside => ("", "set `symlinks: external` to package the target of such a link"),
        DanglingReason::Missing => (
            ": the target does not exist",
            "create the target before the deployment, or exclude the link with `exclude`",
        ),
        DanglingReason::LeftOut => (
            ": the target is not in the package",
            "package the target, too, or set `symlinks: external` to package it in place of the link",
        ),
        DanglingReason::Hidden { .. } => (": the target is hidden and left out of the package", DOT_MATCH),
        DanglingReason::NotInArchive => (
            ": the target is not in the archive",
            "add the target to the archive, or name the directory instead and set `symlinks: external`",
        ),
    };
    let others = match reason {
        DanglingReason::Hidden { more } if more > 0 => format!(" and {more} more"),
        _ => String::new(),
    };
    let message = format!("the link `{name}` to `{target}`{others} will point to nothing at Lambda{why}");
    warning(WarningCode::DanglingLink, "/zip", message, hint)
}

/// Warns that the package lacks a file that Lambda needs to invoke `handler`, or that it cannot start it.
pub(crate) fn missing_from_package(missing: &MissingHandler, handler: &str) -> Warning {
    let other_directory =
        |name: &String| format!("check whether `zip` is the right directory: the package has `{name}`");
    let moved = |elsewhere: &Option<String>, otherwise: &str| {
        elsewhere.as_ref().map_or_else(|| otherwise.to_owned(), other_directory)
    };
    let no_file = |names: &str| format!("the handler is `{handler}`, but the package has no `{names}`");
    let (at, message, hint) = match missing {
        MissingHandler::Handler { candidates, misplaced } => (
            "/handler_name",
            no_file(&candidates.join("`, `")),
            match misplaced {
                Some(Misplaced::Elsewhere { name }) => other_directory(name),
                Some(Misplaced::Above { name, directory }) => {
                    format!("leave `{directory}` out of the handler: the package has `{name}`")
                }
                Some(Misplaced::OtherCase { name }) => {
                    format!("write capital letters as in the name of the file: the package has `{name}`")
                }
                None => {
                    "name the file in `module_name`, or before the `.` of `handler_name`: its path without \
                         the extension"
                        .to_owned()
                }
            },
        ),
        MissingHandler::Uncompiled { candidates, source } => (
            "/handler_name",
            no_file(&candidates.join("`, `")),
            format!(
                "compile `{source}` to JavaScript, as AWS requires, and set `zip` to the compiler's output"
            ),
        ),
        MissingHandler::Class { file, elsewhere } => (
            "/handler_name",
            format!("{} and no jar in `lib/`", no_file(file)),
            moved(elsewhere, "set `zip` to the jar that contains the class and its dependencies"),
        ),
        MissingHandler::Assembly { file, elsewhere } => {
            ("/handler_name", no_file(file), moved(elsewhere, "set `zip` to the output of `dotnet publish`"))
        }
        MissingHandler::RuntimeConfig { file } => (
            "/handler_name",
            format!("{}, which an executable assembly needs", no_file(file)),
            "set `zip` to the whole output of `dotnet publish`".to_owned(),
        ),
        MissingHandler::Bootstrap { elsewhere } => (
            "/zip",
            "a custom runtime needs an executable `bootstrap` at the root of the package, and there is none"
                .to_owned(),
            moved(elsewhere, "rename the program to `bootstrap`, or add a layer that contains it"),
        ),
        MissingHandler::ExecutableBit => (
            "/zip",
            "`bootstrap` is not executable, so Lambda cannot start it".to_owned(),
            "run `chmod +x bootstrap` before the deployment".to_owned(),
        ),
        MissingHandler::OtherProcessor { built_for, runs_on } => (
            "/architectures",
            format!("`bootstrap` is built for {built_for}, but the function runs on {runs_on}"),
            format!(
                "build `bootstrap` for {runs_on}, or set `architectures` to the processor of the program"
            ),
        ),
        MissingHandler::NoProgram { system: Some(system) } => (
            "/zip",
            format!("`bootstrap` is a program for {system}, so Lambda cannot start it"),
            "build it for Linux, with glibc or linked statically".to_owned(),
        ),
        MissingHandler::NoProgram { system: None } => (
            "/zip",
            "`bootstrap` is neither a Linux program nor a script that begins with `#!`, so Lambda cannot \
             start it"
                .to_owned(),
            "begin a script with its interpreter, such as `#!/bin/sh`".to_owned(),
        ),
        MissingHandler::CarriageReturn => (
            "/zip",
            "the first line of `bootstrap` ends with a carriage return (CRLF), so Lambda cannot find its \
             interpreter"
                .to_owned(),
            "write the file with line feeds only: `sed -i 's/\\r$//' bootstrap`".to_owned(),
        ),
    };
    warning(WarningCode::HandlerNotFound, at, message, hint)
}

/// Warns that `handler`, which the two options `named` make, calls nothing that a module exports.
pub(crate) fn from_handler_mistake(mistake: &HandlerMistake, named: &Handler, handler: &str) -> Warning {
    let name = &named.name;
    let (at, hint) = match mistake {
        HandlerMistake::WholeName => (
            "/module_name",
            format!("leave `module_name` out: `handler_name` is the whole handler already, `{name}`"),
        ),
        HandlerMistake::NameHasModule { file } => {
            ("/handler_name", format!("leave `{file}.` out of `handler_name`: `module_name` names the file"))
        }
        HandlerMistake::ModuleHasName => (
            "/module_name",
            format!("leave `.{name}` out of `module_name`: `handler_name` names the function"),
        ),
        HandlerMistake::ModuleHasExtension { module, extension } => (
            "/module_name",
            format!("leave `{extension}` out of `module_name`: write `module_name: {module}`"),
        ),
        HandlerMistake::NameHasExtension { extension } => {
            ("/handler_name", format!("leave `{extension}` out of `handler_name`"))
        }
        HandlerMistake::NameIsFile { module } => (
            "/handler_name",
            format!(
                "write `module_name: {module}`, and in `handler_name` the function that this file exports"
            ),
        ),
        HandlerMistake::TooManyParts { whole } => {
            ("/handler_name", format!("write `handler_name: {whole}`, and leave `module_name` out"))
        }
    };
    let calls_nothing = if handler.contains("::") {
        "names no class and method"
    } else {
        "calls nothing that a module exports"
    };
    let message = format!("the handler is `{handler}`, which {calls_nothing}");
    warning(WarningCode::HandlerNotFound, at, message, hint)
}
