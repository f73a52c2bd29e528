//! Tests of archives: a directory and a selection, with the expected entries.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::cancel::{CancelReason, CancelToken};
use crate::protocol::stanza::Links;

/// A directory with files, each with its content.
pub(super) fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    }
    directory
}

fn archive(directory: &Path, zip: Option<&str>, dot_match: bool) -> Result<Archive, PackageError> {
    let paths = zip.map(str::to_owned).into_iter().collect();
    select(directory, &Selection { paths, dot_match, ..Selection::default() })
}

fn select(directory: &Path, selection: &Selection) -> Result<Archive, PackageError> {
    scan(directory, selection, None)?.into_archive(&mut |_| {}, &CancelToken::new())
}

fn strings<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(str::to_owned).to_vec()
}

fn bytes(archive: &Archive) -> Vec<u8> {
    let mut bytes = vec![0; archive.size() as usize];
    archive.read_at(&mut bytes, 0).expect("readable");
    bytes
}

fn names(archive: &Archive) -> Vec<String> {
    let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes(archive))).expect("a zip");
    (0..zip.len())
        .map(|index| zip.by_index(index).expect("an entry").name().expect("UTF-8").into_owned())
        .collect()
}

#[test]
fn names_are_sorted_and_hidden_ones_left_out() {
    let tree = tree(&[
        ("z.js", "1"),
        ("a/b.js", "2"),
        (".env", "3"),
        ("a/.x", "4"),
        (".git/config", "5"),
        (".b/c", "6"),
    ]);
    assert_eq!(names(&archive(tree.path(), None, false).unwrap()), ["a/b.js", "z.js"]);
    assert_eq!(
        names(&archive(tree.path(), None, true).unwrap()),
        [".b/c", ".env", "a/.x", "a/b.js", "z.js"],
        "the repository itself is never deployed"
    );
}

#[test]
fn the_same_files_give_the_same_bytes_whatever_their_times_modes_and_place() {
    let files = [("index.js", "exports.handler = 1"), ("lib/ü.js", "2"), ("run.sh", "#!/bin/sh")];
    let (one, two) = (tree(&files), tree(&files));
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    let file = fs::File::options().write(true).open(two.path().join("index.js")).unwrap();
    file.set_times(old).unwrap();
    fs::set_permissions(one.path().join("run.sh"), fs::Permissions::from_mode(0o775)).unwrap();
    fs::set_permissions(two.path().join("run.sh"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(two.path().join("index.js"), fs::Permissions::from_mode(0o600)).unwrap();
    let (one, two) =
        (archive(one.path(), None, false).unwrap(), archive(two.path(), Some("."), false).unwrap());
    assert!(bytes(&one) == bytes(&two));
    assert_eq!(one.code_sha256(), two.code_sha256());
}

#[test]
fn modes_are_0644_or_0755_and_links_stay_links() {
    let tree = tree(&[("dir/file", "x"), ("bootstrap", "#!/bin/sh")]);
    symlink("dir", tree.path().join("to-dir")).unwrap();
    symlink("dir/file", tree.path().join("to-file")).unwrap();
    fs::create_dir(tree.path().join("empty")).unwrap();
    fs::set_permissions(tree.path().join("bootstrap"), fs::Permissions::from_mode(0o744)).unwrap();
    let archive = archive(tree.path(), None, false).unwrap();
    let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes(&archive))).unwrap();
    let mut seen = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        seen.push((entry.name().unwrap().into_owned(), entry.unix_mode().unwrap_or_default(), content));
    }
    let entry = |name: &str, mode: u32, content: &str| (name.to_owned(), mode, content.to_owned());
    assert_eq!(
        seen,
        [
            entry("bootstrap", 0o100_755, "#!/bin/sh"),
            entry("dir/file", 0o100_644, "x"),
            entry("empty/", 0o040_755, ""),
            entry("to-dir", 0o120_777, "dir"),
            entry("to-file", 0o120_777, "dir/file"),
        ]
    );
}

/// Incompressible bytes, always the same ones.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}

/// Compressible text, incompressible noise, empty files, and sizes on both sides of a block boundary.
fn mixed() -> TempDir {
    let directory = tree(&[("empty", ""), ("ü/ä.txt", "umlauts"), ("one", "x")]);
    let mib = 1024 * 1024;
    for (name, content) in [
        ("noise-small", noise(5000)),
        ("noise-file", noise(mib / 2)),
        ("noise-large", noise(2 * mib + 17)),
        ("noise-edge", noise(3 * mib / 2)),
        ("text-edge", b"the quick brown fox ".repeat(mib / 20 + 1)[..mib].to_vec()),
        ("text-behind-the-edge", b"jumps over the lazy dog ".repeat(mib / 20)[..=mib].to_vec()),
        ("text-blocks", b"and over again, ".repeat(5 * mib / 16)),
    ] {
        fs::write(directory.path().join(name), content).expect("written");
    }
    directory
}

#[test]
fn any_number_of_threads_makes_the_same_bytes() {
    let tree = mixed();
    let with = |threads| {
        let contents = scan(tree.path(), &Selection::default(), None).expect("something");
        contents.into_archive_with(threads, &mut |_| {}, &CancelToken::new()).expect("an archive")
    };
    let one = with(1);
    for threads in [2, 4, 8] {
        assert!(bytes(&with(threads)) == bytes(&one), "{threads} threads");
    }
    assert!(one.read_at(&mut [0], one.size()).is_err(), "nothing after the end");
}

#[test]
fn what_was_packaged_comes_out_again() {
    let tree = mixed();
    let archive = archive(tree.path(), None, false).expect("an archive");
    let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes(&archive))).expect("a zip");
    assert_eq!(zip.len(), 10);
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let mut content = Vec::new();
        // Reading to the end also verifies the checksum.
        entry.read_to_end(&mut content).expect("sound");
        let name = entry.name().expect("UTF-8").into_owned();
        assert!(content == fs::read(tree.path().join(&name)).expect("there"), "{name}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_reported() {
    for content in ["longer than before", "x"] {
        let tree = tree(&[("log", "as long")]);
        let contents = scan(tree.path(), &Selection::default(), None).expect("something");
        fs::write(tree.path().join("log"), content).expect("written");
        let result = contents.into_archive(&mut |_| {}, &CancelToken::new());
        assert!(matches!(result, Err(PackageError::Changed { .. })), "{result:?}");
    }
    let tree = tree(&[("gone", "x")]);
    let contents = scan(tree.path(), &Selection::default(), None).expect("something");
    fs::remove_file(tree.path().join("gone")).expect("removed");
    let result = contents.into_archive(&mut |_| {}, &CancelToken::new());
    assert!(matches!(result, Err(PackageError::Unreadable { .. })), "{result:?}");
}

#[test]
fn a_single_file_is_packaged_under_its_own_name() {
    let tree = tree(&[("dist/index.js", "1"), ("other.js", "2")]);
    assert_eq!(names(&archive(tree.path(), Some("dist/index.js"), false).unwrap()), ["index.js"]);
}

#[test]
fn an_archive_is_taken_as_it_is() {
    let tree = tree(&[("a.js", "1"), ("b.js", "22")]);
    let made = archive(tree.path(), None, false).unwrap();
    fs::write(tree.path().join("code.zip"), bytes(&made)).unwrap();
    let taken = archive(tree.path(), Some("code.zip"), false).unwrap();
    assert_eq!(bytes(&taken), bytes(&made));
    let package = taken.to_event();
    assert_eq!((package.entries, package.uncompressed_bytes), (2, 3));
    assert_eq!(package.code_sha256, made.code_sha256());
}

#[test]
fn an_archive_in_a_package_is_noted() {
    let tree = tree(&[("a.js", "1")]);
    let made = bytes(&archive(tree.path(), None, false).unwrap());
    for name in ["out/f.zip", "out-2/f.bin", "libs/lib/f.jar", "two/f.zip", "two/x"] {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &made).unwrap();
    }
    let noted = |zip: &str| archive(tree.path(), Some(zip), false).unwrap().notes().to_vec();
    let inner = |name: &str| vec![PackageNote::InnerArchive { name: name.to_owned() }];
    assert_eq!(noted("out"), inner("f.zip"));
    assert_eq!(noted("out-2/f.bin"), inner("f.bin"));
    assert_eq!(noted("out/f.zip"), [], "it is deployed as it is");
    assert_eq!(noted("libs"), [], "Java loads it");
    assert_eq!(noted("two"), []);
    let outer = bytes(&archive(tree.path(), Some("out"), false).unwrap());
    fs::write(tree.path().join("outer.zip"), outer).unwrap();
    assert_eq!(noted("outer.zip"), inner("f.zip"));
}

#[test]
fn a_bootstrap_is_judged_by_its_first_bytes() {
    let tree = tree(&[("bootstrap", "#!/bin/sh\r\n")]);
    fs::set_permissions(tree.path().join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let made = archive(tree.path(), None, false).unwrap();
    fs::write(tree.path().join("made.zip"), bytes(&made)).unwrap();
    let taken = archive(tree.path(), Some("made.zip"), false).unwrap();
    for archive in [made, taken] {
        let missing = |runtime| archive.missing(runtime, "index.handler", Some("arm64"));
        assert_eq!(missing("provided.al2023"), Some(MissingHandler::CarriageReturn));
        assert!(matches!(missing("nodejs22.x"), Some(MissingHandler::Handler { .. })));
        assert_eq!(missing("unknown"), None);
    }
}

#[test]
fn links_of_a_finished_archive_are_judged_by_its_entries() {
    let tree = tree(&[("lib/a.js", "1")]);
    symlink("lib/a.js", tree.path().join("good")).unwrap();
    symlink("lib/b.js", tree.path().join("bad")).unwrap();
    symlink("/opt/x", tree.path().join("layer")).unwrap();
    let made = bytes(&archive(tree.path(), None, false).unwrap());
    fs::write(tree.path().join("made.zip"), made).unwrap();
    let dangles = PackageNote::Dangles {
        name: "bad".to_owned(),
        target: "lib/b.js".to_owned(),
        reason: DanglingReason::NotInArchive,
    };
    assert_eq!(archive(tree.path(), Some("made.zip"), false).unwrap().notes(), [dangles]);
}

#[test]
fn nothing_to_package_is_reported_with_its_reason() {
    let tree = tree(&[("hidden/.env", "x"), ("bad.zip", "no zip"), ("empty.jar", "")]);
    fs::create_dir(tree.path().join("nothing")).unwrap();
    let error = |zip| archive(tree.path(), Some(zip), false).unwrap_err();
    assert!(matches!(error("absent"), PackageError::NotFound { .. }));
    assert!(matches!(error("nothing"), PackageError::Empty { only_hidden: false, .. }));
    assert!(matches!(error("hidden"), PackageError::Empty { only_hidden: true, .. }));
    assert!(matches!(error("bad.zip"), PackageError::NotAZip { .. }));
    assert!(matches!(error("empty.jar"), PackageError::NotAZip { .. }));
}

#[test]
fn sizes_that_lambda_does_not_take_are_known_before_any_call() {
    let tree = tree(&[("small", "x")]);
    let file = fs::File::create(tree.path().join("large")).unwrap();
    file.set_len(MAX_UNZIPPED_BYTES).unwrap();
    let contents = scan(tree.path(), &Selection::default(), None).unwrap();
    match contents.check_unzipped_size() {
        Err(PackageError::UnzippedTooLarge { bytes, largest }) => {
            assert_eq!(bytes, MAX_UNZIPPED_BYTES + 1);
            assert_eq!(largest[0], ("large".to_owned(), MAX_UNZIPPED_BYTES));
        }
        other => panic!("{other:?}"),
    }
    assert!(!contents.fits_upper_bound(true));
    assert!(contents.fits_upper_bound(false), "through a bucket");
    file.set_len(1).unwrap();
    assert!(scan(tree.path(), &Selection::default(), None).unwrap().fits_upper_bound(true));
}

#[test]
fn what_is_no_file_is_left_out_and_reported() {
    let tree = tree(&[("index.js", "1")]);
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("a.sock")).unwrap();
    let contents = scan(tree.path(), &Selection::default(), None).unwrap();
    assert_eq!(contents.notes(), [PackageNote::NoFile { name: "a.sock".to_owned() }]);
    assert_eq!(names(&contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap()), ["index.js"]);
}

#[test]
fn patterns_decide_what_goes_in() {
    let files = [
        ("index.js", "1"),
        ("lib/a.js", "2"),
        ("lib/a.test.js", "3"),
        ("lib/deep/b.js", "4"),
        ("doc/x.md", "5"),
    ];
    let tree = tree(&files);
    let packaged = |include: &[&str], exclude: &[&str]| {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let selection = Selection { include: list(include), exclude: list(exclude), ..Selection::default() };
        select(tree.path(), &selection).map(|archive| names(&archive))
    };
    assert_eq!(packaged(&[], &["*.test.js", "/doc/"]).unwrap(), ["index.js", "lib/a.js", "lib/deep/b.js"]);
    assert_eq!(packaged(&["/lib"], &["deep"]).unwrap(), ["lib/a.js", "lib/a.test.js"]);
    assert_eq!(packaged(&[], &["*.js", "!index.js"]).unwrap(), ["doc/x.md", "index.js"]);
    assert!(matches!(packaged(&["nothing"], &[]), Err(PackageError::Empty { .. })));
    assert!(matches!(packaged(&[], &["a[z-a]"]), Err(PackageError::BadPattern { option: "exclude", .. })));
    fs::write(tree.path().join(".lambdaignore"), "# ours\nlib/\n").unwrap();
    assert_eq!(packaged(&[], &["doc"]).unwrap(), ["index.js"]);
}

#[test]
fn several_paths_keep_their_names() {
    let tree = tree(&[("dist/index.js", "1"), ("node_modules/a/b.js", "2"), ("other", "3"), ("app.js", "4")]);
    let paths = |paths| Selection { paths, ..Selection::default() };
    let archive =
        select(tree.path(), &paths(strings(["./app.js", "node_modules/", "dist", "dist/index.js"]))).unwrap();
    assert_eq!(names(&archive), ["app.js", "dist/index.js", "node_modules/a/b.js"]);
    for path in ["../outside", "/etc/hostname", "."] {
        let result = select(&tree.path().join("dist"), &paths(strings(["index.js", path])));
        assert!(matches!(result, Err(PackageError::NoName { .. })), "{path}: {result:?}");
    }
}

#[test]
fn links_are_kept_or_followed_as_asked() {
    let outside = tree(&[("shared/x.js", "shared")]);
    let tree = tree(&[("lib/a.js", "1")]);
    symlink("lib", tree.path().join("inside")).unwrap();
    symlink(outside.path().join("shared"), tree.path().join("outside")).unwrap();
    symlink("..", tree.path().join("lib/up")).unwrap();
    let with = |links| {
        let contents = scan(tree.path(), &Selection { links, ..Selection::default() }, None).unwrap();
        let notes = contents.notes().to_vec();
        (names(&contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap()), notes)
    };
    let dangles = |name: &str, target: &Path| PackageNote::Dangles {
        name: name.to_owned(),
        target: target.display().to_string(),
        reason: DanglingReason::Outside,
    };
    let circle = |name: &str| PackageNote::Cycle { name: name.to_owned(), target: "..".to_owned() };
    let shared = outside.path().join("shared");
    let (kept, notes) = with(Links::Preserve);
    assert_eq!(kept, ["inside", "lib/a.js", "lib/up", "outside"]);
    assert_eq!(notes, [dangles("outside", &shared)]);
    let (followed, notes) = with(Links::Follow);
    assert_eq!(followed, ["inside/a.js", "lib/a.js", "outside/x.js"]);
    assert_eq!(notes, [circle("inside/up"), circle("lib/up")]);
    let (external, notes) = with(Links::External);
    assert_eq!(external, ["inside", "lib/a.js", "lib/up", "outside/x.js"]);
    assert_eq!(notes, []);
}

#[test]
fn a_repository_stays_out_whatever_way_leads_there() {
    let outside = tree(&[
        ("lib/x.js", "1"),
        ("lib/.git/config", "token"),
        (".git/hooks/x", "2"),
        ("a/.git", "gitdir: .."),
    ]);
    let files = [
        ("app.js", "1"),
        (".git/config", "token"),
        (".git/hooks/pre-push", "2"),
        ("sub/.git/config", "3"),
        ("sub/deep/er/.git", "gitdir: x"),
        ("sub/deep/er/y.js", "4"),
        ("sub/.GIT/x", "5"),
        ("sub/.github/x", "6"),
    ];
    let tree = tree(&files);
    let link = |target: &Path, name: &str| symlink(target, tree.path().join(name)).unwrap();
    link(Path::new(".git"), "repository");
    link(Path::new("../.git/hooks"), "sub/hooks");
    link(Path::new(".git/config"), "config");
    link(Path::new("repository/config"), "by-another");
    link(&outside.path().join("lib"), "lib");
    link(&outside.path().join(".git/hooks"), "elsewhere");
    link(&outside.path().join("a/.git"), "submodule");
    let all = ["", ".", "./", "sub", "sub/deep/"]
        .map(|path| vec![path.to_owned()].into_iter().filter(|p| !p.is_empty()).collect());
    let several = [strings(["app.js", "sub"]).to_vec(), strings(["sub/deep", "./sub", "app.js"]).to_vec()];
    for paths in all.into_iter().chain(several) {
        for (links, include) in [
            (Links::Preserve, vec![]),
            (Links::Follow, vec![]),
            (Links::External, vec![]),
            (Links::Follow, strings(["**/.git/**", ".git/config", "*"])),
        ] {
            let selection =
                Selection { paths: paths.clone(), links, include, dot_match: true, ..Selection::default() };
            let archive = select(tree.path(), &selection).unwrap();
            let content = bytes(&archive);
            let leaks = |text: &[u8]| content.windows(text.len()).any(|part| part == text);
            assert!(
                !names(&archive).iter().any(|name| name.to_lowercase().contains(".git/")),
                "{:?}",
                names(&archive)
            );
            assert!(!leaks(b"token") && !leaks(b"gitdir"), "{selection:?}: {:?}", names(&archive));
            if links == Links::Follow {
                let hidden = ["repository", "config", "by-another", "elsewhere", "submodule", "sub/hooks"];
                assert!(
                    !names(&archive).iter().any(|name| hidden.iter().any(|h| name.starts_with(h))),
                    "{:?}",
                    names(&archive)
                );
            }
        }
    }
    for path in [
        ".git",
        "./.git/",
        ".git/hooks",
        ".git/config",
        "sub/.git",
        "sub/deep/er/.git",
        "sub/../.git",
        "repository",
        "config",
        "sub/hooks/pre-push",
        "elsewhere",
        ".GIT/../.git",
    ] {
        for paths in [strings([path]), strings(["app.js", path])] {
            let result = select(tree.path(), &Selection { paths, dot_match: true, ..Selection::default() });
            let is_refused = matches!(
                result,
                Err(PackageError::Repository { .. }
                    | PackageError::NoName { .. }
                    | PackageError::NotFound { .. })
            );
            assert!(is_refused, "{path}: {result:?}");
        }
    }
}

#[test]
fn a_followed_link_leads_to_nothing_hidden_unless_dots_match() {
    let outside = tree(&[(".aws/credentials", "x"), (".cache/build/z.js", "z"), ("shared/y.js", "y")]);
    let tree = tree(&[
        ("app.js", "1"),
        (".env", "2"),
        (".secrets/key", "3"),
        ("node_modules/.pnpm/a@1/node_modules/a/a.js", "4"),
        ("node_modules/.pnpm/a@1/node_modules/a/.npmrc", "5"),
    ]);
    let link = |target: &Path, name: &str| symlink(target, tree.path().join(name)).unwrap();
    link(Path::new(".env"), "settings");
    link(Path::new(".secrets"), "secrets");
    link(Path::new(".secrets/key"), "key");
    link(Path::new(".pnpm/a@1/node_modules/a"), "node_modules/a");
    link(&outside.path().join(".aws/credentials"), "credentials");
    link(&outside.path().join("shared"), "shared");
    link(&outside.path().join(".cache/build/z.js"), "z.js");
    let packaged = |links, dot_match| {
        let contents =
            scan(tree.path(), &Selection { links, dot_match, ..Selection::default() }, None).unwrap();
        let left_out =
            contents.notes().iter().filter(|note| matches!(note, PackageNote::Hidden { .. })).count();
        (names(&contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap()), left_out)
    };
    let followed = strings(["app.js", "node_modules/a/a.js", "shared/y.js", "z.js"]);
    assert_eq!(packaged(Links::Follow, false), (followed.clone(), 4));
    assert_eq!(packaged(Links::External, false), (followed, 4));
    let (all, left_out) = packaged(Links::Follow, true);
    assert_eq!(left_out, 0);
    for name in ["credentials", "key", "secrets/key", "settings", "node_modules/a/.npmrc"] {
        assert!(all.iter().any(|known| known == name), "{name}: {all:?}");
    }
}

#[test]
fn a_link_to_nothing_is_kept_with_a_warning_and_cannot_be_followed() {
    let tree = tree(&[("a.js", "1")]);
    symlink("nowhere", tree.path().join("dangling")).unwrap();
    let scan_with = |links| scan(tree.path(), &Selection { links, ..Selection::default() }, None);
    for links in [Links::Preserve, Links::External] {
        let kept = scan_with(links).unwrap();
        assert!(matches!(
            kept.notes(),
            [PackageNote::Dangles { name, reason: DanglingReason::Missing, .. }] if name == "dangling"
        ));
    }
    let followed = scan_with(Links::Follow);
    assert!(matches!(followed, Err(PackageError::DanglingLink { .. })), "{followed:?}");
    symlink("/home/nobody/nowhere", tree.path().join("outside")).unwrap();
    let external = scan_with(Links::External);
    assert!(matches!(external, Err(PackageError::DanglingLink { .. })), "{external:?}");
}

#[test]
fn links_to_what_lambda_has_stay_links_without_a_note() {
    let tree = tree(&[("index.js", "1")]);
    let targets = [
        ("cache", "/tmp/a-directory-that-the-function-makes"),
        ("layer", "/opt/nodejs/node_modules"),
        ("null", "/dev/null"),
        ("task", "/var/task/index.js"),
    ];
    for (name, target) in targets {
        symlink(target, tree.path().join(name)).unwrap();
    }
    for links in [Links::Preserve, Links::External] {
        let contents = scan(tree.path(), &Selection { links, ..Selection::default() }, None).unwrap();
        assert_eq!(contents.notes(), []);
        let archive = contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap();
        assert_eq!(names(&archive), ["cache", "index.js", "layer", "null", "task"]);
    }
}

#[test]
fn a_link_is_judged_by_what_is_packaged() {
    let tree = tree(&[
        ("index.js", "1"),
        ("lib/a.js", "2"),
        ("node_modules/.pnpm/left@1/node_modules/left/index.js", "3"),
        ("node_modules/.pnpm/right@1/node_modules/right/index.js", "4"),
    ]);
    let link = |target: &str, name: &str| symlink(target, tree.path().join(name)).unwrap();
    link("lib/a.js", "b.js");
    link("b.js", "c.js");
    link(".pnpm/left@1/node_modules/left", "node_modules/left");
    link(".pnpm/right@1/node_modules/right", "node_modules/right");
    let with = |links, dot_match| {
        let exclude = strings(["/lib/"]);
        let selection = Selection { links, dot_match, exclude, ..Selection::default() };
        let contents = scan(tree.path(), &selection, None).unwrap();
        let notes = contents.notes().to_vec();
        (names(&contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap()), notes)
    };
    let dangles = |name: &str, target: &str, reason| PackageNote::Dangles {
        name: name.to_owned(),
        target: target.to_owned(),
        reason,
    };
    let left_out = [
        dangles("b.js", "lib/a.js", DanglingReason::LeftOut),
        dangles("c.js", "b.js", DanglingReason::LeftOut),
    ];
    let hidden = DanglingReason::Hidden { more: 1 };
    let left = dangles("node_modules/left", ".pnpm/left@1/node_modules/left", hidden);
    let store = PackageNote::HiddenCode { name: "node_modules/.pnpm".to_owned(), more: 0 };
    let (kept, notes) = with(Links::Preserve, false);
    assert_eq!(kept, ["b.js", "c.js", "index.js", "node_modules/left", "node_modules/right"]);
    assert_eq!(notes, [&left_out[..], &[left, store]].concat());
    assert_eq!(with(Links::Preserve, true).1, left_out);
    let (external, notes) = with(Links::External, false);
    let packages = ["node_modules/left/index.js", "node_modules/right/index.js"];
    assert_eq!(external, [&["b.js", "c.js", "index.js"][..], &packages].concat());
    assert_eq!(notes, []);
    let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes(
        &select(tree.path(), &Selection { links: Links::External, ..Selection::default() }).unwrap(),
    )))
    .unwrap();
    assert!(zip.by_name("b.js").unwrap().is_symlink(), "its target is packaged");
}

#[test]
fn the_file_that_is_being_written_is_no_part_of_the_package() {
    let tree = tree(&[("index.js", "1"), ("out.bin", "old")]);
    let output = tree.path().join("out.bin");
    let contents = scan(tree.path(), &Selection::default(), Some(&output)).unwrap();
    assert_eq!(names(&contents.into_archive(&mut |_| {}, &CancelToken::new()).unwrap()), ["index.js"]);
}

#[test]
fn packaging_ends_when_the_run_is_to_end() {
    let tree = tree(&[("index.js", "1")]);
    let stop = CancelToken::new();
    stop.cancel(CancelReason::Signal(15));
    let result = scan(tree.path(), &Selection::default(), None).unwrap().into_archive(&mut |_| {}, &stop);
    assert!(matches!(result, Err(PackageError::Cancelled(CancelReason::Signal(15)))));
}
