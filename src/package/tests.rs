//! Tests of archives: a directory and a selection, with the expected entries.

use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;
use zip::ZipArchive;

use super::*;
use crate::cancel::{CancelReason, CancelToken};

mod links;

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

/// The archive of a whole directory.
fn archive(tree: &TempDir) -> Archive {
    select(tree.path(), &Selection::default()).expect("an archive")
}

/// The archive of one path in a directory.
fn archive_of(tree: &TempDir, path: &str) -> Result<Archive, PackageError> {
    select(tree.path(), &Selection { paths: strings([path]), ..Selection::default() })
}

fn select(directory: &Path, selection: &Selection) -> Result<Archive, PackageError> {
    build(scan(directory, selection, &[])?)
}

fn build(contents: Contents) -> Result<Archive, PackageError> {
    contents.into_archive(MAX_IN_MEMORY, &mut |_, _| {}, &CancelToken::new())
}

fn scanned(tree: &TempDir, selection: &Selection) -> Contents {
    scan(tree.path(), selection, &[]).expect("something to package")
}

/// The names in the archive, and the notes about the directory.
fn packaged(tree: &TempDir, selection: &Selection) -> (Vec<String>, Vec<PackageNote>) {
    let contents = scanned(tree, selection);
    let notes = contents.notes().to_vec();
    (names(&build(contents).expect("an archive")), notes)
}

fn set_mode(tree: &TempDir, name: &str, mode: u32) {
    fs::set_permissions(tree.path().join(name), fs::Permissions::from_mode(mode)).expect("set");
}

fn make_old(tree: &TempDir, name: &str) {
    let file = fs::File::options().write(true).open(tree.path().join(name)).expect("there");
    file.set_modified(std::time::UNIX_EPOCH).expect("set");
}

fn link(tree: &TempDir, target: impl AsRef<Path>, name: &str) {
    symlink(target, tree.path().join(name)).expect("linked");
}

fn opened(archive: &Archive) -> ZipArchive<Cursor<Vec<u8>>> {
    ZipArchive::new(Cursor::new(bytes(archive))).expect("a zip")
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
    let mut zip = opened(archive);
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
    assert_eq!(names(&archive(&tree)), ["a/b.js", "z.js"]);
    let (all, _) = packaged(&tree, &Selection { dot_match: true, ..Selection::default() });
    assert_eq!(all, [".b/c", ".env", "a/.x", "a/b.js", "z.js"], "the repository itself is never deployed");
}

#[test]
fn the_same_files_give_the_same_bytes_whatever_their_times_modes_and_place() {
    let files = [("index.js", "exports.handler = 1"), ("lib/ü.js", "2"), ("run.sh", "#!/bin/sh")];
    let (one, two) = (tree(&files), tree(&files));
    make_old(&two, "index.js");
    set_mode(&one, "run.sh", 0o775);
    set_mode(&two, "run.sh", 0o711);
    set_mode(&two, "index.js", 0o600);
    let (one, two) = (archive(&one), archive_of(&two, ".").unwrap());
    assert!(bytes(&one) == bytes(&two));
    assert_eq!(one.code_sha256(), two.code_sha256());
}

#[test]
fn modes_are_0644_or_0755_and_links_stay_links() {
    let tree = tree(&[("dir/file", "x"), ("bootstrap", "#!/bin/sh")]);
    link(&tree, "dir", "to-dir");
    link(&tree, "dir/file", "to-file");
    fs::create_dir(tree.path().join("empty")).unwrap();
    set_mode(&tree, "bootstrap", 0o744);
    let mut zip = opened(&archive(&tree));
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
        let contents = scanned(&tree, &Selection::default());
        let archive = contents.into_archive_with(threads, MAX_IN_MEMORY, &mut |_, _| {}, &CancelToken::new());
        archive.expect("an archive")
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
    let mut zip = opened(&archive(&tree));
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
        let contents = scanned(&tree, &Selection::default());
        fs::write(tree.path().join("log"), content).expect("written");
        let result = build(contents);
        assert!(matches!(result, Err(PackageError::Changed { .. })), "{result:?}");
    }
    // Of the same size: in a file that is read as a whole, and in one that is read in parts.
    for bytes in [10, 3 << 20] {
        let tree = tree(&[]);
        fs::write(tree.path().join("model"), vec![b'a'; bytes]).expect("written");
        let contents = scanned(&tree, &Selection::default());
        fs::write(tree.path().join("model"), vec![b'b'; bytes]).expect("written");
        // Both are written so soon after each other that they may have the same time.
        make_old(&tree, "model");
        let result = build(contents);
        assert!(matches!(result, Err(PackageError::Changed { .. })), "{result:?}");
    }
    let tree = tree(&[("gone", "x")]);
    let contents = scanned(&tree, &Selection::default());
    fs::remove_file(tree.path().join("gone")).expect("removed");
    let result = build(contents);
    assert!(matches!(result, Err(PackageError::Unreadable { .. })), "{result:?}");
}

#[test]
fn a_single_file_is_packaged_under_its_own_name() {
    let tree = tree(&[("dist/index.js", "1"), ("other.js", "2")]);
    assert_eq!(names(&archive_of(&tree, "dist/index.js").unwrap()), ["index.js"]);
}

#[test]
fn an_archive_is_taken_as_it_is() {
    let tree = tree(&[("a.js", "1"), ("b.js", "22")]);
    let made = archive(&tree);
    fs::write(tree.path().join("code.zip"), bytes(&made)).unwrap();
    let taken = archive_of(&tree, "code.zip").unwrap();
    assert_eq!(bytes(&taken), bytes(&made));
    let package = taken.to_event();
    assert_eq!((package.entries, package.uncompressed_bytes), (2, 3));
    assert_eq!(package.code_sha256, made.code_sha256());
    let (paths, exclude) = (strings(["code.zip"]), strings(["a.js"]));
    let (names, notes) = packaged(&tree, &Selection { paths, exclude, ..Selection::default() });
    assert_eq!(names, ["a.js", "b.js"]);
    assert_eq!(notes, [PackageNote::PatternsUnused { path: "code.zip".to_owned() }]);
}

#[test]
fn an_archive_that_cannot_be_unpacked_is_refused() {
    let tree = tree(&[("a.js", "1"), ("b.js", "2")]);
    let made = bytes(&archive(&tree));
    let header = made.windows(4).position(|part| part == b"PK\x01\x02").expect("a directory");
    // The content of the first entry after its header and name, and the flags of the first entry.
    for (at, expected) in [(30 + "a.js".len(), "Invalid checksum"), (header + 8, "it is encrypted")] {
        let mut bad = made.clone();
        bad[at] ^= 1;
        fs::write(tree.path().join("bad.zip"), bad).unwrap();
        match archive_of(&tree, "bad.zip") {
            Err(PackageError::BadEntry { name, detail, .. }) => {
                assert_eq!((name.as_str(), detail.as_str()), ("a.js", expected));
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_finished_archive_that_changes_later_is_not_sent() {
    let tree = tree(&[("a.js", "1")]);
    fs::write(tree.path().join("code.zip"), bytes(&archive(&tree))).unwrap();
    let taken = archive_of(&tree, "code.zip").unwrap();
    assert!(taken.read_at(&mut [0; 4], 0).is_ok());
    make_old(&tree, "code.zip");
    assert!(taken.read_at(&mut [0; 4], 0).is_err());
    assert!(taken.write_to(&tree.path().join("copy.zip"), Path::new("copy.zip")).is_err());
    assert!(!tree.path().join("copy.zip").exists());
}

#[test]
fn names_in_a_finished_archive_may_begin_with_the_current_directory() {
    let mut zip = writer::Writer::new(Vec::new());
    let sizes = writer::Sizes { crc32: crc32fast::hash(b"1"), compressed: 1, uncompressed: 1 };
    let method = writer::Method::Stored;
    let root = writer::Head { name: "./", mode: 0o040_755, method };
    zip.entry(root, writer::Sizes::default(), b"").unwrap();
    zip.entry(writer::Head { name: "./index.js", mode: 0o100_644, method }, sizes, b"1").unwrap();
    let tree = tree(&[]);
    fs::write(tree.path().join("code.zip"), zip.finish().unwrap()).unwrap();
    let taken = archive_of(&tree, "code.zip").unwrap();
    assert_eq!((taken.notes(), taken.missing("nodejs22.x", "index.handler", None)), (&[][..], None));
}

#[test]
fn an_archive_in_a_package_is_noted() {
    let tree = tree(&[("a.js", "1")]);
    let made = bytes(&archive(&tree));
    for name in ["out/f.zip", "out-2/f.bin", "libs/lib/f.jar", "two/f.zip", "two/x"] {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &made).unwrap();
    }
    let noted = |zip: &str| archive_of(&tree, zip).unwrap().notes().to_vec();
    let inner = |name: &str| vec![PackageNote::InnerArchive { name: name.to_owned() }];
    assert_eq!(noted("out"), inner("f.zip"));
    assert_eq!(noted("out-2/f.bin"), inner("f.bin"));
    assert_eq!(noted("out/f.zip"), [], "it is deployed as it is");
    assert_eq!(noted("libs"), [], "Java loads it");
    assert_eq!(noted("two"), []);
    let outer = bytes(&archive_of(&tree, "out").unwrap());
    fs::write(tree.path().join("outer.zip"), outer).unwrap();
    assert_eq!(noted("outer.zip"), inner("f.zip"));
}

#[test]
fn a_bootstrap_is_judged_by_its_first_bytes() {
    let tree = tree(&[("bootstrap", "#!/bin/sh\r\n")]);
    set_mode(&tree, "bootstrap", 0o755);
    let made = archive(&tree);
    fs::write(tree.path().join("made.zip"), bytes(&made)).unwrap();
    let taken = archive_of(&tree, "made.zip").unwrap();
    for archive in [made, taken] {
        let missing = |runtime| archive.missing(runtime, "index.handler", Some("arm64"));
        assert_eq!(missing("provided.al2023"), Some(MissingHandler::CarriageReturn));
        assert!(matches!(missing("nodejs22.x"), Some(MissingHandler::Handler { .. })));
        assert_eq!(missing("unknown"), None);
    }
}

#[test]
fn nothing_to_package_is_reported_with_its_reason() {
    let tree = tree(&[("hidden/.env", "x"), ("bad.zip", "no zip"), ("empty.jar", "")]);
    fs::create_dir(tree.path().join("nothing")).unwrap();
    let error = |path| archive_of(&tree, path).unwrap_err();
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
    let contents = scanned(&tree, &Selection::default());
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
    assert!(scanned(&tree, &Selection::default()).fits_upper_bound(true));
}

#[test]
fn what_is_no_file_is_left_out_and_reported() {
    let tree = tree(&[("index.js", "1")]);
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("a.sock")).unwrap();
    let (names, notes) = packaged(&tree, &Selection::default());
    assert_eq!(notes, [PackageNote::NoFile { name: "a.sock".to_owned() }]);
    assert_eq!(names, ["index.js"]);
}

#[test]
fn a_name_that_is_not_utf_8_can_be_left_out() {
    let tree = tree(&[("index.js", "1")]);
    fs::write(tree.path().join(OsStr::from_bytes(b"caf\xe9.tmp")), "2").unwrap();
    fs::write(tree.path().join(OsStr::from_bytes(b".caf\xe9")), "3").unwrap();
    let error = scan(tree.path(), &Selection::default(), &[]).expect_err("no name");
    assert!(
        matches!(&error, PackageError::NotUtf8 { path } if path.ends_with("caf\u{fffd}.tmp")),
        "{error:?}"
    );
    for (include, exclude) in [(vec![], strings(["*.tmp"])), (strings(["*.js"]), vec![])] {
        let selection = Selection { include, exclude, ..Selection::default() };
        assert_eq!(packaged(&tree, &selection).0, ["index.js"]);
    }
}

#[test]
fn patterns_decide_what_goes_in() {
    let tree = tree(&[
        ("index.js", "1"),
        ("lib/a.js", "2"),
        ("lib/a.test.js", "3"),
        ("lib/deep/b.js", "4"),
        ("doc/x.md", "5"),
    ]);
    let packaged = |include: &[&str], exclude: &[&str]| {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let selection = Selection { include: list(include), exclude: list(exclude), ..Selection::default() };
        select(tree.path(), &selection).map(|archive| names(&archive))
    };
    assert_eq!(packaged(&[], &["*.test.js", "/doc/"]).unwrap(), ["index.js", "lib/a.js", "lib/deep/b.js"]);
    assert_eq!(packaged(&["/lib"], &["deep"]).unwrap(), ["lib/a.js", "lib/a.test.js"]);
    assert_eq!(packaged(&[], &["*.js", "!index.js"]).unwrap(), ["doc/x.md", "index.js"]);
    assert!(matches!(packaged(&["nothing"], &[]), Err(PackageError::Empty { .. })));
    for pattern in ["a[z-a]", &"*a".repeat(1 << 20)[..], &"a*b?\n".repeat(200_000)[..]] {
        let refused = packaged(&[], &[pattern]);
        assert!(matches!(refused, Err(PackageError::BadPattern { place: "exclude", .. })), "{pattern:.10}");
    }
    assert!(packaged(&[], &["name\n".repeat(150_000).as_str()]).is_ok());
    // A text of several lines, as of `exclude: |`.
    assert_eq!(packaged(&[], &["deep\r\n/doc\n"]).unwrap(), ["index.js", "lib/a.js", "lib/a.test.js"]);
    assert_eq!(packaged(&["./lib/a.js\n./doc"], &[]).unwrap(), ["doc/x.md", "lib/a.js"]);
    assert_eq!(packaged(&[], &["*.js", "!./index.js", "./x.md"]).unwrap(), ["doc/x.md", "index.js"]);
    let ignore = tree.path().join(".lambdaignore");
    fs::write(&ignore, "# ours\nlib/\n").unwrap();
    assert_eq!(packaged(&[], &["doc"]).unwrap(), ["index.js"]);
    fs::write(&ignore, "\u{feff}lib/\r\n./doc\r\n").unwrap();
    assert_eq!(packaged(&[], &[]).unwrap(), ["index.js"]);
    fs::write(&ignore, "*").unwrap();
    assert!(matches!(packaged(&[], &[]), Err(PackageError::Empty { only_hidden: false, .. })));
    fs::write(&ignore, "a[z-a]").unwrap();
    assert!(matches!(packaged(&[], &[]), Err(PackageError::BadPattern { place: ".lambdaignore", .. })));
    fs::remove_file(&ignore).unwrap();
    link(&tree, "nowhere", ".lambdaignore");
    assert!(matches!(packaged(&[], &[]), Err(PackageError::Unreadable { .. })));
}

#[test]
fn a_pattern_that_begins_with_the_packaged_directory_is_noted() {
    let tree = tree(&[("dist/a.js", "1"), ("dist/key.pem", "2"), ("out/out/key.pem", "3")]);
    let notes = |path: &str, exclude: &str| {
        let (paths, exclude) = (strings([path]), strings([exclude]));
        packaged(&tree, &Selection { paths, exclude, ..Selection::default() }).1
    };
    for pattern in ["dist/key.pem", "/dist/key.pem", "./dist/key.pem", "*.md\ndist/key.pem"] {
        let noted = PackageNote::MisplacedPattern {
            pattern: pattern.lines().last().unwrap_or_default().to_owned(),
            directory: "dist".to_owned(),
            inside: "/key.pem".to_owned(),
        };
        assert_eq!(notes("./dist/", pattern), [noted], "{pattern}");
    }
    for (path, pattern) in [("dist", "/key.pem"), ("dist", "dist/"), (".", "dist/key.pem"), ("out", "out/x")]
    {
        assert_eq!(notes(path, pattern), [], "{path} {pattern}");
    }
}

#[test]
fn several_paths_keep_their_names() {
    let tree = tree(&[("dist/index.js", "1"), ("node_modules/a/b.js", "2"), ("other", "3"), ("app.js", "4")]);
    let paths = |paths| Selection { paths, ..Selection::default() };
    let all = strings(["./app.js", "node_modules/", "dist", "dist/index.js", "dist//", ".//dist/./index.js"]);
    let archive = select(tree.path(), &paths(all)).unwrap();
    assert_eq!(names(&archive), ["app.js", "dist/index.js", "node_modules/a/b.js"]);
    let exclude = strings(["/dist/index.js"]);
    let without = Selection { exclude, ..paths(strings(["dist//", "app.js"])) };
    assert_eq!(names(&select(tree.path(), &without).unwrap()), ["app.js"]);
    for path in ["../outside", "/etc/hostname", "."] {
        let result = select(&tree.path().join("dist"), &paths(strings(["index.js", path])));
        assert!(matches!(result, Err(PackageError::NoName { .. })), "{path}: {result:?}");
    }
}

#[test]
fn the_file_that_is_being_written_is_no_part_of_the_package() {
    let tree = tree(&[("index.js", "1"), ("out.bin", "old")]);
    let output = tree.path().join("out.bin");
    let contents = scan(tree.path(), &Selection::default(), &[output]).unwrap();
    assert_eq!(names(&build(contents).unwrap()), ["index.js"]);
}

#[test]
fn an_archive_that_must_not_be_in_memory_has_the_same_bytes() {
    let tree = mixed();
    let of = |in_memory| {
        let contents = scanned(&tree, &Selection::default());
        contents.into_archive(in_memory, &mut |_, _| {}, &CancelToken::new()).expect("an archive")
    };
    let (memory, file) = (of(usize::MAX), of(0));
    assert!(bytes(&memory) == bytes(&file));
    assert_eq!((memory.bytes_in_memory() as u64, file.bytes_in_memory()), (memory.size(), 0));
}

#[test]
fn packaging_ends_when_the_run_is_to_end() {
    let tree = tree(&[("index.js", "1")]);
    let stop = CancelToken::new();
    stop.cancel(CancelReason::Signal(15));
    let result = scanned(&tree, &Selection::default()).into_archive(MAX_IN_MEMORY, &mut |_, _| {}, &stop);
    assert!(matches!(result, Err(PackageError::Cancelled(CancelReason::Signal(15)))));
}
