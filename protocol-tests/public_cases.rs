//! What public bug reports were about: a package with which the function cannot run. Each test says so before
//! anything is changed, or shows that a sound package of the same kind causes no warning.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::{PermissionsExt, symlink};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use crate::deployments::request;
use crate::fixture::object;
use crate::plugin::PluginCommand;

const HANDLER: &str = "exports.handler = async () => 1\n";

/// A build directory, and an endpoint without functions.
struct Scenario {
    directory: TempDir,
    endpoint: Endpoint,
}

impl Scenario {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let scenario =
            Scenario { directory, endpoint: Endpoint::start(Settings::default()).expect("a free port") };
        files.iter().for_each(|(name, content)| scenario.write(name, content.as_bytes()));
        scenario
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent directory")).expect("can be created");
        fs::write(path, content).expect("writable");
    }

    fn link(&self, name: &str, target: &str) {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent directory")).expect("can be created");
        symlink(target, path).expect("can be created");
    }

    /// The warnings of a plan: code, pointer, and the message with its hint.
    fn warnings(&self, members: Value) -> Vec<(String, String, String)> {
        let mut request = request(&self.endpoint);
        request.as_object_mut().expect("an object").extend(object(members));
        let ended = PluginCommand::new(&["plan"]).directory(self.directory.path()).run(&request);
        assert_eq!(ended.outcome(), "planned", "{}", ended.stdout);
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
        warnings.map(|event| (text(event, "code"), text(event, "at"), text(event, "message"))).collect()
    }

    #[track_caller]
    fn check_silent(&self, members: Value) {
        let warnings = self.warnings(members.clone());
        assert!(warnings.is_empty(), "{members}: {warnings:#?}");
    }

    /// Checks the warnings of a plan. Of each, the code and parts of the message are given.
    #[track_caller]
    fn check(&self, members: Value, expected: &[(&str, &[&str])]) {
        let warnings = self.warnings(members.clone());
        let codes: Vec<&str> = warnings.iter().map(|(code, ..)| code.as_str()).collect();
        let expected_codes: Vec<&str> = expected.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, expected_codes, "{members}: {warnings:#?}");
        for ((_, _, message), (_, parts)) in warnings.iter().zip(expected) {
            for part in *parts {
                assert!(message.contains(*part), "{members}: `{part}` is not in {message}");
            }
        }
    }

    /// The names in the archive that `package` builds.
    fn packaged(&self, members: Value) -> Vec<String> {
        let mut request = request(&self.endpoint);
        request.as_object_mut().expect("an object").extend(object(members));
        let plugin = PluginCommand::new(&["package", "--output", "o.zip"]).directory(self.directory.path());
        let ended = plugin.run(&request);
        assert_eq!(ended.outcome(), "packaged", "{}", ended.stdout);
        let bytes = fs::read(self.directory.path().join("o.zip")).expect("written");
        let zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip archive");
        let mut names: Vec<String> = zip.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
        names.sort();
        names
    }
}

/// An archive of these files, each with its Unix permissions.
fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in files {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        writer.start_file(*name, options).expect("writable");
        writer.write_all(content).expect("writable");
    }
    writer.finish().expect("complete").into_inner()
}

/// The same archive as if it had been made on Windows: without Unix modes.
fn made_on_windows(mut zip: Vec<u8>) -> Vec<u8> {
    for at in 0..zip.len() - 4 {
        if zip[at..].starts_with(b"PK\x01\x02") {
            zip[at + 5] = 0;
            zip[at + 38..at + 42].fill(0);
        }
    }
    zip
}

/// The beginning of a Linux program for a processor.
fn elf(machine: u8) -> Vec<u8> {
    let mut program = vec![0; 64];
    program[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', 2, 1]);
    program[18] = machine;
    program
}

const X86_64: u8 = 62;
const AARCH64: u8 = 183;

#[test]
fn hidden_parts_of_dependencies_are_missed_before_the_function_fails() {
    let scenario = Scenario::new(&[
        ("out/index.js", HANDLER),
        ("out/node_modules/.prisma/client/index.js", "{}"),
        ("out/node_modules/@prisma/client/index.js", "module.exports = require('.prisma/client')\n"),
        ("out/node_modules/.bin/prisma", "#!/usr/bin/env node\n"),
        ("out/node_modules/.package-lock.json", "{}"),
        ("py/app.py", "def h(e, c): pass\n"),
        ("py/numpy/__init__.py", ""),
        ("py/numpy/.libs/libopenblas.so", "{}"),
    ]);
    let left_out: &[&str] = &["`node_modules/.prisma` is hidden", "`dot_match: true`", "`exclude`"];
    scenario.check(json!({"zip": "out"}), &[("file-left-out", left_out)]);
    scenario.check_silent(json!({"zip": "out", "dot_match": true}));
    scenario.check_silent(json!({"zip": "out", "exclude": ".prisma"}));
    let python = |dot_match: bool| json!({"zip": "py", "runtime": "python3.13", "module_name": "app", "handler_name": "h", "dot_match": dot_match});
    scenario.check(python(false), &[("file-left-out", &["`numpy/.libs` is hidden"])]);
    scenario.check_silent(python(true));
}

#[test]
fn a_build_of_next_is_missed_unless_it_is_packaged() {
    // What `output: 'standalone'` makes.
    let scenario = Scenario::new(&[
        ("standalone/server.js", "require('next')\n"),
        ("standalone/.next/BUILD_ID", "x"),
        ("standalone/.next/server/app/page.js", ""),
        ("standalone/node_modules/next/package.json", "{}"),
    ]);
    let members =
        |dot_match: bool| json!({"zip": "standalone", "module_name": "server", "dot_match": dot_match});
    scenario.check(members(false), &[("file-left-out", &["`.next` is hidden", "`dot_match: true`"])]);
    scenario.check_silent(members(true));
}

#[test]
fn packages_of_pnpm_need_others_beside_the_targets_of_their_links() {
    let store = "node_modules/.pnpm/express@5/node_modules";
    let express = &format!("{store}/express/index.js");
    let (in_app, in_workspace) = (format!("app/{express}"), format!("ws/{express}"));
    let scenario = Scenario::new(&[
        (in_app.as_str(), "require('qs')\n"),
        (in_workspace.as_str(), "require('qs')\n"),
        ("app/index.js", HANDLER),
        ("app/node_modules/.pnpm/qs@6/node_modules/qs/index.js", ""),
        ("ws/node_modules/.pnpm/qs@6/node_modules/qs/index.js", ""),
        ("ws/packages/api/index.js", HANDLER),
    ]);
    for root in ["app", "ws"] {
        scenario.link(&format!("{root}/{store}/qs"), "../../qs@6/node_modules/qs");
    }
    scenario.link("app/node_modules/express", ".pnpm/express@5/node_modules/express");
    scenario.link(
        "ws/packages/api/node_modules/express",
        "../../../node_modules/.pnpm/express@5/node_modules/express",
    );
    let lacks: &[&str] = &["`node_modules/express` is a link of pnpm", "`dot_match: true`", "`pnpm deploy`"];
    for (zip, symlinks) in [("app", "follow"), ("app", "external"), ("ws/packages/api", "external")] {
        scenario.check(json!({"zip": zip, "symlinks": symlinks}), &[("file-left-out", lacks)]);
    }
    scenario.check_silent(json!({"zip": "app", "dot_match": true}));
    scenario.check_silent(json!({"zip": "app", "dot_match": true, "symlinks": "external"}));
    // Needed by the project, too.
    scenario.link("app/node_modules/qs", ".pnpm/qs@6/node_modules/qs");
    scenario.check_silent(json!({"zip": "app", "symlinks": "follow"}));
}

#[test]
fn native_modules_for_another_runtime_are_named() {
    let scenario = Scenario::new(&[
        ("py/app.py", "def h(e, c): pass\n"),
        ("py/lxml/__init__.py", ""),
        ("py/lxml/etree.cpython-313-x86_64-linux-gnu.so", ""),
        ("py/lxml/objectify.cpython-313-x86_64-linux-gnu.so", ""),
        ("out/index.js", HANDLER),
        ("out/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64.node", ""),
    ]);
    let python = |version: &str, architecture: &str| {
        json!({"zip": "py", "runtime": format!("python{version}"), "module_name": "app", "handler_name": "h",
               "architectures": architecture})
    };
    scenario.check_silent(python("3.13", "x86_64"));
    let other: &[&str] = &[
        "`lxml/etree.cpython-313-x86_64-linux-gnu.so` and 1 more are not built for `python3.14` on arm64",
        "`pip install",
        "--platform manylinux2014_aarch64 --python-version 3.14",
    ];
    scenario.check(python("3.14", "arm64"), &[("unusable-entry", other)]);
    let node = |architecture: &str| json!({"zip": "out", "architectures": architecture});
    scenario.check_silent(node("x86_64"));
    let sharp: &[&str] = &["sharp-linux-x64.node` is not built for `nodejs22.x` on arm64", "--cpu=arm64"];
    scenario.check(node("arm64"), &[("unusable-entry", sharp)]);
}

#[test]
fn only_python_compiles_again() {
    let scenario = Scenario::new(&[
        ("out/index.js", HANDLER),
        ("out/app.py", "def h(e, c): pass\n"),
        ("out/__pycache__/app.cpython-313.pyc", "\u{1}23\n\0\0\0\0"),
    ]);
    scenario.check_silent(json!({"zip": "out"}));
    let python = json!({"zip": "out", "runtime": "python3.13", "module_name": "app", "handler_name": "h"});
    scenario.check(python, &[("stale-pyc", &["`__pycache__/app.cpython-313.pyc`"])]);
}

#[test]
fn a_link_is_judged_by_what_is_in_the_package() {
    let scenario = Scenario::new(&[
        ("out/index.js", HANDLER),
        ("out/node_modules/.pnpm/left@1.0.0/node_modules/left/index.js", "{}"),
        ("out/node_modules/.pnpm/right@1.0.0/node_modules/right/index.js", "{}"),
        ("ex/index.js", HANDLER),
        ("ex/lib/a.js", "{}"),
        ("two/index.js", HANDLER),
        ("two/shared/a.js", "{}"),
    ]);
    scenario.link("out/node_modules/left", ".pnpm/left@1.0.0/node_modules/left");
    scenario.link("out/node_modules/right", ".pnpm/right@1.0.0/node_modules/right");
    scenario.link("ex/b.js", "lib/a.js");
    scenario.link("two/src/a.js", "../shared/a.js");

    let left: &[&str] = &["`node_modules/left`", "and 1 more", "hidden", "`dot_match: true`"];
    let store: &[&str] = &["`node_modules/.pnpm` is hidden"];
    scenario.check(json!({"zip": "out"}), &[("dangling-link", left), ("file-left-out", store)]);
    scenario.check_silent(json!({"zip": "out", "dot_match": true}));
    let external = json!({"zip": "out", "symlinks": "external"});
    scenario.check_silent(external.clone());
    let packages = ["index.js", "node_modules/left/index.js", "node_modules/right/index.js"];
    assert_eq!(scenario.packaged(external), packages);

    let excluded = json!({"zip": "ex", "exclude": "lib/"});
    let b: &[&str] = &["`b.js` to `lib/a.js`", "not in the package", "`symlinks: external`"];
    scenario.check(excluded, &[("dangling-link", b)]);
    scenario.check_silent(json!({"zip": "ex"}));
    let external = json!({"zip": "ex", "exclude": "lib/", "symlinks": "external"});
    scenario.check_silent(external.clone());
    assert_eq!(scenario.packaged(external), ["b.js", "index.js"]);

    let two = json!({"zip": ["two/index.js", "two/src"], "module_name": "two/index"});
    scenario.check(two, &[("dangling-link", &["`two/src/a.js`", "not in the package"])]);
    let three = json!({"zip": ["two/index.js", "two/src", "two/shared"], "module_name": "two/index"});
    scenario.check_silent(three);
}

#[test]
fn links_to_what_lambda_has_are_no_fault() {
    let scenario = Scenario::new(&[("out/index.js", HANDLER), ("broken/index.js", HANDLER)]);
    scenario.link("out/node_modules", "/opt/nodejs/node_modules");
    scenario.link("out/cache", "/tmp/a-directory-that-the-function-makes");
    scenario.link("out/self", "/var/task/index.js");
    scenario.link("out/null", "/dev/null");
    for symlinks in ["preserve", "external"] {
        let members = json!({"zip": "out", "symlinks": symlinks});
        scenario.check_silent(members.clone());
        assert_eq!(scenario.packaged(members), ["cache", "index.js", "node_modules", "null", "self"]);
    }
    scenario.link("broken/gone", "nowhere");
    scenario.check(json!({"zip": "broken"}), &[("dangling-link", &["`gone`", "does not exist"])]);
    for (symlinks, target) in [("follow", "nowhere"), ("external", "/home/nobody/nowhere")] {
        fs::remove_file(scenario.directory.path().join("broken/gone")).expect("removed");
        scenario.link("broken/gone", target);
        let mut request = request(&scenario.endpoint);
        request["zip"] = json!("broken");
        request["symlinks"] = json!(symlinks);
        let ended = PluginCommand::new(&["plan"]).directory(scenario.directory.path()).run(&request);
        assert_eq!(ended.code(), "package-unreadable");
        let message = ended.finished()["message"].as_str().expect("a message");
        assert!(message.contains(target) && message.contains("does not exist"), "{message}");
        assert!(!message.contains("readable for the job"), "{message}");
    }
    assert!(scenario.endpoint.calls().iter().all(lambda_endpoint::Call::is_read));
}

#[test]
fn entries_that_only_their_owner_may_read_are_named() {
    let scenario = Scenario::new(&[]);
    let files: [(&str, u32, &[u8]); 3] =
        [("index.js", 0o600, b"1"), ("lib/a.js", 0o400, b"2"), ("lib/b.js", 0o644, b"3")];
    let zip = archive(&files);
    scenario.write("windows.zip", &made_on_windows(zip.clone()));
    scenario.write("c.zip", &zip);
    let parts: &[&str] = &["`index.js` and 1 more", "0600", "another user", "name the directory"];
    scenario.check(json!({"zip": "c.zip"}), &[("unusable-entry", parts)]);
    scenario.check_silent(json!({"zip": "windows.zip"}));
}

#[test]
fn backslashes_in_names_are_no_directories() {
    let scenario = Scenario::new(&[]);
    let with_backslashes = |name: &str| {
        let mut zip = archive(&[("index.js", 0o644, b"1"), (name, 0o644, b"2")]);
        let windows = name.replace('/', "\\");
        for at in 0..zip.len() - name.len() {
            if zip[at..].starts_with(name.as_bytes()) {
                zip[at..at + name.len()].copy_from_slice(windows.as_bytes());
            }
        }
        zip
    };
    scenario.write("c.zip", &with_backslashes("node_modules/x/y.js"));
    let parts: &[&str] = &[
        "`node_modules\\x\\y.js` has backslashes in its name: Lambda unpacks ",
        "as one file of that name, and not into the directory `node_modules/x`; name the directory",
        "Compress-Archive",
    ];
    scenario.check(json!({"zip": "c.zip"}), &[("unusable-entry", parts)]);
    scenario.write("dist.zip", &with_backslashes("dist/app.js"));
    let handler: &[&str] = &["no `app.js`", "the package has `dist\\app.js`"];
    scenario.check(
        json!({"zip": "dist.zip", "module_name": "app"}),
        &[("unusable-entry", &["`dist\\app.js`"]), ("handler-not-found", handler)],
    );
}

#[test]
fn a_module_that_the_handler_names_twice_is_said() {
    let scenario = Scenario::new(&[("out/index.js", HANDLER), ("py/app.py", ""), ("py/app/app.py", "")]);
    let with = |runtime: &str, zip: &str, module: &str, name: &str| json!({"runtime": runtime, "zip": zip, "module_name": module, "handler_name": name});
    for (module, name, parts) in [
        ("index", "index.handler", ["`index.index.handler`", "leave `module_name` out"]),
        ("index.js", "handler", ["`index.js.handler`", "leave `.js` out of `module_name`"]),
        ("index.handler", "handler", ["`index.handler.handler`", "leave `.handler` out of `module_name`"]),
    ] {
        let expected: &[(&str, &[&str])] = &[("handler-not-found", &parts)];
        scenario.check(with("nodejs22.x", "out", module, name), expected);
    }
    let file: &[&str] = &["`index.js`", "`module_name: index`"];
    scenario.check(json!({"zip": "out", "handler_name": "index.js"}), &[("handler-not-found", file)]);
    let zip: &[&str] = &["no `out/index.js`", "leave `out/` out of the handler: the package has `index.js`"];
    scenario.check(with("nodejs22.x", "out", "out/index", "handler"), &[("handler-not-found", zip)]);
    let case: &[&str] = &["no `Index.js`", "write capital letters as in the name of the file", "`index.js`"];
    scenario.check(with("nodejs22.x", "out", "Index", "handler"), &[("handler-not-found", case)]);
    let python: &[&str] = &["`app.py.run`", "leave `.py` out of `module_name`"];
    scenario.check(with("python3.13", "py", "app.py", "run"), &[("handler-not-found", python)]);
    let other: &[&str] = &["no `main.js`", "before the `.` of `handler_name`"];
    scenario.check(json!({"zip": "out", "handler_name": "main.handler"}), &[("handler-not-found", other)]);
    // These are right.
    scenario.check_silent(with("nodejs22.x", "out", "index", "nested.handler"));
    scenario.check_silent(with("nodejs22.x", "out", "index", "handler"));
    scenario.check_silent(with("python3.13", "py", "app", "app.run"));
    scenario.check_silent(json!({"zip": "out", "handler_name": "index.handler"}));
}

#[test]
fn handlers_of_java_dotnet_and_typescript_are_looked_for() {
    let scenario = Scenario::new(&[
        ("ts/index.ts", "export const handler = async () => 1\n"),
        ("ts/package.json", "{}"),
        ("classes/com/example/App.class", ""),
        ("target/app.jar", ""),
        ("target/classes/com/example/App.class", ""),
        ("libraries/lib/app.jar", ""),
        ("publish/Skill.dll", ""),
        ("publish/My.App.dll", ""),
        ("complete/My.App.dll", ""),
        ("complete/My.App.runtimeconfig.json", "{}"),
    ]);
    let source: &[&str] = &["no `index.js`, `index.mjs`, `index.cjs`", "compile `index.ts`"];
    scenario.check(json!({"zip": "ts"}), &[("handler-not-found", source)]);

    let java =
        |zip: &str| json!({"runtime": "java21", "zip": zip, "handler_name": "com.example.App::handle"});
    scenario.check_silent(java("classes"));
    scenario.check_silent(java("libraries"));
    let class: &[&str] = &["no `com/example/App.class`", "the package has `classes/com/example/App.class`"];
    scenario.check(java("target"), &[("handler-not-found", class)]);
    scenario.write(
        "app.jar",
        &archive(&[("com/example/App.class", 0o644, b"1"), ("META-INF/MANIFEST.MF", 0o644, b"")]),
    );
    scenario.check_silent(java("app.jar"));
    scenario.write("other.jar", &archive(&[("com/example/Other.class", 0o644, b"1"), ("x", 0o644, b"")]));
    scenario.check(java("other.jar"), &[("handler-not-found", &["no `com/example/App.class`"])]);

    let dotnet = |zip: &str, name: &str| json!({"runtime": "dotnet8", "zip": zip, "handler_name": name});
    scenario.check_silent(dotnet("publish", "Skill::Skill.Function::Handle"));
    let assembly: &[&str] = &["no `Other.dll`", "dotnet publish"];
    scenario.check(dotnet("publish", "Other::Other.Function::Handle"), &[("handler-not-found", assembly)]);
    // From a real stanza: with `::` between them, the two options make four parts.
    let split = json!({
        "runtime": "dotnet8", "zip": "publish", "module_name": "Skill::Skill",
        "handler_name": "Function::Handle",
    });
    let parts: &[&str] = &[
        "the handler is `Skill::Skill::Function::Handle`, which names no class and method",
        "write `handler_name: Skill::Skill.Function::Handle`, and leave `module_name` out",
    ];
    scenario.check(split, &[("handler-not-found", parts)]);
    let config: &[&str] = &["no `My.App.runtimeconfig.json`"];
    scenario.check(dotnet("publish", "My.App"), &[("handler-not-found", config)]);
    scenario.check_silent(dotnet("complete", "My.App"));
}

#[test]
fn a_bootstrap_that_lambda_cannot_start_is_named() {
    let scenario = Scenario::new(&[]);
    let set = |content: &[u8], mode: u32| {
        scenario.write("out/bootstrap", content);
        let path = scenario.directory.path().join("out/bootstrap");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("can be changed");
    };
    let members = |architecture: &str| {
        let mut members = json!({"runtime": "provided.al2023", "handler_name": "x.y", "zip": "out"});
        if !architecture.is_empty() {
            members["architectures"] = json!(architecture);
        }
        members
    };
    for (content, architecture) in [
        (elf(X86_64), ""),
        (elf(X86_64), "x86_64"),
        (elf(AARCH64), "arm64"),
        (b"#!/bin/sh\nexec ./run\r\n".to_vec(), ""),
    ] {
        set(&content, 0o755);
        scenario.check_silent(members(architecture));
    }
    let with_musl = [&elf(X86_64)[..], b"/lib/ld-musl-x86_64.so.1\0"].concat();
    for (content, architecture, mode, part) in [
        (elf(AARCH64), "", 0o755, "built for arm64, but the function runs on x86_64"),
        (elf(X86_64), "arm64", 0o755, "built for x86_64, but the function runs on arm64"),
        (b"echo\n".to_vec(), "", 0o755, "neither a Linux program nor a script"),
        (b"\xCF\xFA\xED\xFE\x07".to_vec(), "", 0o755, "a program for macOS"),
        (with_musl, "", 0o755, "a program for Alpine Linux"),
        (b"#!/bin/sh\r\nexec ./run\r\n".to_vec(), "", 0o755, "carriage return (CRLF)"),
        (elf(X86_64), "", 0o644, "is not executable"),
    ] {
        set(&content, mode);
        scenario.check(members(architecture), &[("handler-not-found", &[part])]);
    }
    let program = elf(AARCH64);
    scenario.write("f.zip", &archive(&[("bootstrap", 0o755, &program), ("x", 0o644, b"")]));
    let mut finished = members("");
    finished["zip"] = json!("f.zip");
    scenario.check(finished, &[("handler-not-found", &["built for arm64"])]);
}

#[test]
fn an_archive_in_a_package_is_not_unpacked() {
    let scenario = Scenario::new(&[]);
    let inner = archive(&[("index.js", 0o644, HANDLER.as_bytes())]);
    scenario.write("build/function.bin", &inner);
    scenario.write("dist/function.zip", &inner);
    scenario.write("outer.zip", &archive(&[("function.zip", 0o644, &inner)]));
    for (zip, name) in [
        ("build/function.bin", "`function.bin`"),
        ("dist", "`function.zip`"),
        ("outer.zip", "`function.zip`"),
    ] {
        let parts: &[&str] = &[name, "itself an archive", "ends in `.zip`"];
        scenario.check(json!({"zip": zip}), &[("unusable-entry", parts), ("handler-not-found", &[])]);
    }
    scenario.check_silent(json!({"zip": "dist/function.zip"}));
}

#[test]
fn links_of_a_finished_archive_are_judged_by_its_entries() {
    let scenario = Scenario::new(&[("out/index.js", HANDLER), ("out/lib/a.js", "")]);
    scenario.link("out/a.js", "lib/a.js");
    scenario.link("out/b.js", "lib/b.js");
    assert_eq!(scenario.packaged(json!({"zip": "out"})), ["a.js", "b.js", "index.js", "lib/a.js"]);
    let parts: &[&str] = &["`b.js` to `lib/b.js`", "not in the archive"];
    scenario.check(json!({"zip": "o.zip"}), &[("dangling-link", parts)]);
}

#[test]
fn sound_packages_cause_no_warning() {
    let scenario = Scenario::new(&[
        // A project that npm has installed.
        ("node/index.js", HANDLER),
        ("node/.env", "A=1"),
        ("node/.next/cache/x.js", ""),
        ("node/node_modules/.bin/next", "#!/usr/bin/env node\n"),
        ("node/node_modules/.bin/tool.js", ""),
        ("node/node_modules/.cache/babel/x.js", ""),
        ("node/node_modules/.package-lock.json", "{}"),
        ("node/node_modules/.yarn-integrity", "{}"),
        ("node/node_modules/next/index.js", ""),
        ("node/node_modules/next/.DS_Store", ""),
        ("node/node_modules/qs/.github/FUNDING.yml", ""),
        ("node/node_modules/qs/.github/scripts/release.js", ""),
        ("node/node_modules/qs/.editorconfig", ""),
        ("node/node_modules/qs/.eslintrc", "{}"),
        ("node/node_modules/qs/.eslintrc.js", ""),
        ("node/node_modules/qs/.gitignore", ""),
        ("node/node_modules/qs/.npmignore", ""),
        ("node/node_modules/qs/.nycrc", "{}"),
        ("node/node_modules/qs/.runkit_example.js", ""),
        ("node/node_modules/qs/.travis.yml", ""),
        ("node/node_modules/qs/index.js", ""),
        // numpy from a wheel, with the libraries beside the package.
        ("python/app.py", "def h(e, c): pass\n"),
        ("python/numpy/__init__.py", ""),
        ("python/numpy/f2py/__init__.py", ""),
        ("python/numpy/f2py/tests/src/f2cmap/.f2py_f2cmap", "dict()\n"),
        ("python/numpy/.pytest_cache/x.py", ""),
        ("python/numpy.libs/libscipy_openblas64_.so", ""),
        ("python/numpy-2.3.5.dist-info/RECORD", ""),
    ]);
    scenario.link("node/node_modules/alias", "qs");
    scenario.link("node/node_modules/.bin/qs", "../qs/index.js");
    for symlinks in ["preserve", "follow", "external"] {
        scenario.check_silent(json!({"zip": "node", "symlinks": symlinks}));
    }
    scenario.check_silent(json!({"zip": "node", "dot_match": true}));
    let python = json!({"zip": "python", "runtime": "python3.13", "module_name": "app", "handler_name": "h"});
    scenario.check_silent(python);
    let jar = archive(&[
        ("META-INF/MANIFEST.MF", 0o644, b"Manifest-Version: 1.0\n"),
        ("com/example/App.class", 0o644, b"\xCA\xFE\xBA\xBE"),
        ("com/example/App$Inner.class", 0o644, b"\xCA\xFE\xBA\xBE"),
    ]);
    scenario.write("app.jar", &made_on_windows(jar));
    scenario.check_silent(json!({"zip": "app.jar", "runtime": "java21", "handler_name": "com.example.App"}));
}
