//! Builds the archive for Lambda from the job's directory. The same files give the same bytes, at any place
//! and time. It never changes a file of the directory and never sends a request to AWS, so what AWS would
//! reject is known before the first call. Effect: reads files.
#![expect(clippy::disallowed_methods, reason = "reads the files to package: this is the module for it")]

mod archive;
mod compress;
mod contents;
mod error;
mod handler;
mod selection;
mod writer;

use std::path::Path;

pub use archive::Archive;
pub use contents::{Contents, PackageNote};
pub use error::PackageError;
pub use handler::MissingHandler;
pub use selection::{Links, Selection};

/// Largest archive that can be sent in a call to Lambda: 50 MiB (Lambda quotas).
pub const MAX_ZIP_BYTES: u64 = 50 * 1024 * 1024;

/// Largest unzipped package that Lambda accepts: 250 MiB (Lambda quotas).
pub const MAX_UNZIPPED_BYTES: u64 = 250 * 1024 * 1024;

/// Number of threads that read and compress. More than eight gain nothing, because a single thread writes.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// Lists the files below `directory` that `selection` includes. `leave_out` is the output file, which must
/// not become part of the package.
///
/// # Errors
/// [`PackageError`] if there is nothing to package, or something that cannot be packaged.
pub fn scan(
    directory: &Path,
    selection: &Selection,
    leave_out: Option<&Path>,
) -> Result<Contents, PackageError> {
    contents::scan(directory, selection, leave_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::{CancelReason, CancelToken};
    use std::fs;
    use std::io::{self, Read};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn tree(files: &[(&str, &str)]) -> TempDir {
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

    /// Compressible text, incompressible noise, empty files, and sizes on both sides of a block boundary.
    fn mixed() -> TempDir {
        let directory = tree(&[("empty", ""), ("ü/ä.txt", "umlauts"), ("one", "x")]);
        let mut state = 0x9E37_79B9_u32;
        let mut noise = |length: usize| -> Vec<u8> {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[1]
            };
            (0..length).map(|_| next()).collect()
        };
        let mib = 1024 * 1024;
        for (name, content) in [
            ("noise-small", noise(5000)),
            ("noise-large", noise(2 * mib + 17)),
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
        assert_eq!(zip.len(), 8);
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
            let selection =
                Selection { include: list(include), exclude: list(exclude), ..Selection::default() };
            select(tree.path(), &selection).map(|archive| names(&archive))
        };
        assert_eq!(
            packaged(&[], &["*.test.js", "/doc/"]).unwrap(),
            ["index.js", "lib/a.js", "lib/deep/b.js"]
        );
        assert_eq!(packaged(&["/lib"], &["deep"]).unwrap(), ["lib/a.js", "lib/a.test.js"]);
        assert_eq!(packaged(&[], &["*.js", "!index.js"]).unwrap(), ["doc/x.md", "index.js"]);
        assert!(matches!(packaged(&["nothing"], &[]), Err(PackageError::Empty { .. })));
        assert!(matches!(
            packaged(&[], &["a[z-a]"]),
            Err(PackageError::BadPattern { option: "exclude", .. })
        ));
        fs::write(tree.path().join(".lambdaignore"), "# ours\nlib/\n").unwrap();
        assert_eq!(packaged(&[], &["doc"]).unwrap(), ["index.js"]);
    }

    #[test]
    fn several_paths_keep_their_names() {
        let tree =
            tree(&[("dist/index.js", "1"), ("node_modules/a/b.js", "2"), ("other", "3"), ("app.js", "4")]);
        let paths = |paths| Selection { paths, ..Selection::default() };
        let archive =
            select(tree.path(), &paths(strings(["./app.js", "node_modules/", "dist", "dist/index.js"])))
                .unwrap();
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
        let several =
            [strings(["app.js", "sub"]).to_vec(), strings(["sub/deep", "./sub", "app.js"]).to_vec()];
        for paths in all.into_iter().chain(several) {
            for (links, include) in [
                (Links::Preserve, vec![]),
                (Links::Follow, vec![]),
                (Links::External, vec![]),
                (Links::Follow, strings(["**/.git/**", ".git/config", "*"])),
            ] {
                let selection = Selection {
                    paths: paths.clone(),
                    links,
                    include,
                    dot_match: true,
                    ..Selection::default()
                };
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
                    let hidden =
                        ["repository", "config", "by-another", "elsewhere", "submodule", "sub/hooks"];
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
                let result =
                    select(tree.path(), &Selection { paths, dot_match: true, ..Selection::default() });
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
        assert_eq!(packaged(Links::Follow, false), (followed, 4));
        let external =
            strings(["app.js", "key", "node_modules/a", "secrets", "settings", "shared/y.js", "z.js"]);
        assert_eq!(packaged(Links::External, false), (external, 1));
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
        let kept = scan(tree.path(), &Selection::default(), None).unwrap();
        assert!(matches!(kept.notes(), [PackageNote::Dangles { name, .. }] if name == "dangling"));
        let followed = scan(tree.path(), &Selection { links: Links::Follow, ..Selection::default() }, None);
        assert!(matches!(followed, Err(PackageError::Unreadable { .. })), "{followed:?}");
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
}
